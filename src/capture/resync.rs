//! Where reading can go on behind a damaged place.

use super::record::Plausible;

/// How far a search has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// Records start here again.
    Found(usize),
    /// Up to here none start, and at least so many bytes from here on are needed to tell more.
    Undecided { at: usize, needed: usize },
}

/// Looks for the first place from `from` on where `plausible` finds records.
///
/// Every place is looked at once and each look takes a bounded number of steps, so that
/// noise of any length costs a bounded time per byte.
pub(super) fn search(
    bytes: &[u8],
    from: usize,
    mut plausible: impl FnMut(&[u8]) -> Plausible,
) -> Search {
    for at in from..bytes.len() {
        match plausible(bytes.get(at..).unwrap_or_default()) {
            Plausible::Yes => return Search::Found(at),
            Plausible::No => {}
            Plausible::Short(needed) => return Search::Undecided { at, needed },
        }
    }
    Search::Undecided {
        at: bytes.len(),
        needed: 1,
    }
}
