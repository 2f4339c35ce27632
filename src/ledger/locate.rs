//! Which entry is wrong, where a line does not follow from the one before.
//!
//! A link that does not hold says that one of two lines was changed. The line after both knows
//! which of them it was chained to.

use super::entry::Fields;
use super::hash::Hash;
use super::tree::leaf_hash;

/// What is known where reading stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The number that the line has to have.
    pub(super) index: u64,
    /// The hash of the line two before.
    pub(super) before: Hash,
    /// The hash of the line before, whose number and chain were right.
    pub(super) last: Hash,
    /// Whether a head vouches for the line before.
    pub(super) is_vouched: bool,
    /// The line.
    pub(super) line: &'a [u8],
    /// The line after it, where there is one.
    pub(super) next: Option<&'a [u8]>,
}

/// Which entry is wrong, and why, as a sentence without its end.
pub(super) type Located = (u64, String);

impl Place<'_> {
    /// Finds what is wrong with the line, or with the one before it; `None` where nothing is.
    ///
    /// `signs` says whether a head over this entry and those before it agrees if this is its
    /// hash; `None` where there is no such head.
    pub(super) fn fault(&self, signs: impl Fn(Hash) -> Option<bool>) -> Option<Located> {
        let fields = match Fields::parse(self.line) {
            Err(reason) => {
                let reason = format!("its line is damaged or is none of the ledger: {reason}");
                return Some((self.index, reason));
            }
            Ok(fields) => fields,
        };
        if fields.index != self.index {
            return Some(self.wrong_index(&fields));
        }
        (fields.previous != self.last).then(|| self.wrong_link(&fields, signs))
    }

    fn wrong_index(&self, fields: &Fields<'_>) -> Located {
        let before = self.index.checked_sub(1);
        let hash = leaf_hash(self.line);
        let is_rival = before == Some(fields.index)
            && fields.previous == self.before
            && hash != self.last
            && !self.is_vouched;
        if is_rival && self.next_previous() == Some(hash) {
            let reason = "two lines claim its place, and what follows is chained to the second";
            return (fields.index, reason.to_owned());
        }
        let reason = format!("entry {} stands in its place", fields.index);
        (self.index, reason)
    }

    fn wrong_link(&self, fields: &Fields<'_>, signs: impl Fn(Hash) -> Option<bool>) -> Located {
        let mended = Fields {
            previous: self.last,
            ..*fields
        };
        let mended = leaf_hash(mended.line().as_bytes());
        let was_chained = self.next_previous() == Some(mended) || signs(mended) == Some(true);
        match self.index.checked_sub(1) {
            Some(before) if !self.is_vouched && !was_chained => {
                let reason = format!(
                    "its line has the hash {}, and entry {} was chained to {}",
                    self.last, self.index, fields.previous
                );
                (before, reason)
            }
            _ => {
                let reason = format!(
                    "its `previous` is {}, and the line before has the hash {}",
                    fields.previous, self.last
                );
                (self.index, reason)
            }
        }
    }

    fn next_previous(&self) -> Option<Hash> {
        let fields = Fields::parse(self.next?).ok()?;
        Some(fields.previous)
    }
}
