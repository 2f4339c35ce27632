//! What a detector sees of a stream, and where it says what it found.

use super::Inspector;
use super::character;
use super::context::{CONTEXT_BYTES, Kinds};
use super::density::{Density, Verdict};
use super::found::{Found, Kind};

/// Bytes of a stream in order. Detectors judge places before the limit. There they see
/// [`BACK_BYTES`] before and [`AHEAD_BYTES`] behind it, or less at either end of the stream; they
/// must not look further, or else the result would depend on how the stream was cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) limit: usize,
    /// Whether the first byte is the first one of the stream.
    pub(super) is_beginning: bool,
}

impl<'a> View<'a> {
    /// At most so many bytes from a place on.
    pub(super) fn from(&self, place: usize, count: usize) -> &'a [u8] {
        let end = place.saturating_add(count).min(self.bytes.len());
        self.bytes.get(place..end).unwrap_or_default()
    }

    /// At most so many bytes before a place.
    pub(super) fn before(&self, place: usize, count: usize) -> &'a [u8] {
        self.bytes
            .get(place.saturating_sub(count)..place)
            .unwrap_or_default()
    }
}

/// The kinds for which a density is evidence, in one stream.
#[derive(Debug, Default)]
pub(super) struct Densities {
    card: Density,
    mobile: Density,
    vin: Density,
}

impl Densities {
    /// That of a kind, if it has one.
    pub(super) fn of(&mut self, kind: Kind) -> Option<&mut Density> {
        match kind {
            Kind::PaymentCard => Some(&mut self.card),
            Kind::MobileChina => Some(&mut self.mobile),
            Kind::Vin => Some(&mut self.vin),
            _ => None,
        }
    }

    /// Says of the values that are still held back that nothing confirmed them.
    pub(super) fn finish(&mut self, found: &mut Found) {
        for kind in [Kind::PaymentCard, Kind::MobileChina, Kind::Vin] {
            let held = self.of(kind).map_or(0, |density| density.held());
            if held > 0 {
                found.unconfirmed(kind, held);
            }
        }
    }
}

/// Where detectors of one stream say what they found.
#[derive(Debug)]
pub(super) struct Sight<'a> {
    pub(super) inspector: &'a Inspector,
    pub(super) densities: &'a mut Densities,
    pub(super) found: &'a mut Found,
    /// The kinds of which words stand before a place, for the last place that was asked for.
    pub(super) words: Option<(usize, Kinds)>,
}

impl Sight<'_> {
    /// A value that needs no other evidence.
    pub(super) fn sure(&mut self, kind: Kind, value: &[u8]) {
        let hash = self.inspector.hash(kind, value);
        self.found.hit(kind, hash, value);
    }

    /// Something with the form of a kind, whether it passes or not.
    pub(super) fn form(&mut self, kind: Kind) {
        if let Some(density) = self.densities.of(kind) {
            density.form();
        }
    }

    /// A value that needs a word before the place, or a density if its kind has one.
    pub(super) fn weak(&mut self, kind: Kind, value: &[u8], view: &View<'_>, place: usize) {
        let has_word = self.has_word(kind, view, place);
        if let Some(density) = self.densities.of(kind) {
            if has_word {
                density.confirm();
                return self.sure(kind, value);
            }
            let hash = self.inspector.hash(kind, value);
            match density.pass(kind, hash) {
                Verdict::Hit(held) => {
                    self.found.hit(kind, hash, value);
                    for (hash, count) in held {
                        self.found.hit_again(kind, hash, count);
                    }
                }
                Verdict::Held => {}
                Verdict::Refused => self.found.unconfirmed(kind, 1),
            }
        } else if has_word {
            self.sure(kind, value);
        } else {
            self.found.unconfirmed(kind, 1);
        }
    }

    fn has_word(&mut self, kind: Kind, view: &View<'_>, place: usize) -> bool {
        if let Some((_, kinds)) = self.words.filter(|(known, _)| *known == place) {
            return kinds.has(kind);
        }
        let before = view.before(place, CONTEXT_RAW_BYTES);
        // Columns of numbers have no letters, which all are from 0x41 on.
        let all = before.iter().fold(0, |all, byte| all | byte);
        let kinds = if all < 0x40 {
            Kinds::default()
        } else {
            self.inspector
                .context
                .kinds(&character::plain(before, CONTEXT_BYTES))
        };
        self.words = Some((place, kinds));
        kinds.has(kind)
    }
}

/// How far before a place a detector sees, in bytes.
pub(super) const BACK_BYTES: usize = 160;
/// How far behind a place a detector sees, in bytes.
pub(super) const AHEAD_BYTES: usize = 352;
/// Bytes before an identifier in which a word is looked for, with its escapes.
const CONTEXT_RAW_BYTES: usize = 112;
