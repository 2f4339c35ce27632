//! Words of text that can be identifiers.
//!
//! A word is a run of letters and digits. Only bytes that a digit can begin with are looked at:
//! the word around a digit is then taken whole, so that no letter or digit is next to what is
//! judged. Groups of digits with one space, plus or dash between them are a chain, which is judged
//! by the lengths of its last groups. Runs of more than [`WORD_CHARACTERS_MAX`] characters
//! are passed over.

use super::bits::Bits;
use super::character::{self, OTHER};
use super::sight::{Sight, View};
use super::{judge, mail};

/// Where the search is, and what it carries from one piece to the next.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The first byte not looked at, from the beginning of the view.
    next: usize,
    /// Where what was taken as a whole ended. No word begins before it.
    floor: usize,
    /// Whether the next byte continues a run that is too long.
    is_inside: bool,
    chain: Chain,
    /// Where the last zone of a passport ended that was judged.
    zone_end: usize,
}

/// A run of letters and digits without escapes, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The last groups of digits with one separator between them.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Their lengths, the last one in the lowest four bits.
    pub(super) shape: u32,
    /// Whether each was separated from the one before by a dash, the last one lowest.
    pub(super) dashes: u32,
    digits: [u8; CHAIN_DIGITS_MAX],
    count: usize,
    end: usize,
}

impl Chain {
    /// The last digits.
    pub(super) fn tail(&self, count: usize) -> &[u8] {
        let digits = self.digits.get(..self.count).unwrap_or_default();
        digits
            .get(digits.len().saturating_sub(count)..)
            .unwrap_or_default()
    }

    fn add(&mut self, word: Word<'_>, bytes: &[u8]) {
        let separator = match word.start.checked_sub(self.end) {
            Some(1..=GAP_BYTES_MAX) if self.end > 0 => {
                separator(bytes.get(self.end..word.start).unwrap_or_default())
            }
            _ => None,
        };
        match separator {
            Some(byte) => self.dashes = self.dashes << 1 | u32::from(byte == b'-'),
            None => (self.shape, self.dashes, self.count) = (0, 0, 0),
        }
        let length = word.text.len();
        self.shape = self.shape << 4 | u32::try_from(length).unwrap_or(0);
        let kept = self.count.min(CHAIN_DIGITS_MAX.saturating_sub(length));
        self.digits.copy_within(self.count - kept..self.count, 0);
        for (to, from) in self.digits.iter_mut().skip(kept).zip(word.text) {
            *to = *from;
        }
        self.count = kept + length;
        self.end = word.end;
    }
}

impl Words {
    /// Looks at all words whose first digit is before the limit of the view.
    pub(super) fn scan(&mut self, view: &View<'_>, sight: &mut Sight<'_>) {
        let begin = self.next.saturating_sub(WALK_BYTES);
        let end = view.limit.saturating_add(WORD_CHARACTERS_MAX);
        let bytes = view.bytes.get(..end).unwrap_or(view.bytes);
        let words = Bits::new(bytes, begin, is_word);
        let wakes = Bits::new(bytes, begin, is_wake);
        while self.next < view.limit {
            if self.is_inside {
                let run = words.set_from(self.next);
                self.next = view.limit.min(self.next + run);
                self.is_inside = run == WORD_CHARACTERS_MAX || self.next == view.limit;
                self.floor = self.next;
                continue;
            }
            let Some(place) = wakes
                .next_set(self.next)
                .filter(|place| *place < view.limit)
            else {
                self.next = view.limit;
                return;
            };
            self.wake(place, &words, view, sight);
        }
    }

    /// The view begins so many bytes later.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.next = self.next.saturating_sub(bytes);
        self.floor = self.floor.saturating_sub(bytes);
        self.zone_end = self.zone_end.saturating_sub(bytes);
        // A chain that ended before the view cannot be continued.
        self.chain.end = self.chain.end.saturating_sub(bytes);
    }

    fn wake(&mut self, place: usize, words: &Bits, view: &View<'_>, sight: &mut Sight<'_>) {
        let (first, length) = match view.bytes.get(place) {
            Some(byte @ (b'0'..=b'9' | b'@')) => (*byte, 1),
            _ => character::at(view.bytes, place),
        };
        match first {
            b'0'..=b'9' => self.word(place, words, view, sight),
            b'@' => {
                mail::judge(view, place, length, sight);
                self.next = place + length;
            }
            _ => self.next = place + length,
        }
        self.floor = self.next;
    }

    fn word(&mut self, place: usize, words: &Bits, view: &View<'_>, sight: &mut Sight<'_>) {
        let floor = self.floor.max(place.saturating_sub(WALK_BYTES));
        let start = first_of(view.bytes, place, floor, words);
        let run = words.set_from(place);
        // The bits end with the view or behind the longest word.
        let end = place + run;
        let is_coded = |byte: &u8| matches!(byte, 0 | b'%' | b'\\' | 0xEF | 0xA3);
        let is_plain = run == WORD_CHARACTERS_MAX || !view.bytes.get(end).is_some_and(is_coded);
        if is_plain && (start == place || view.bytes.get(place - 1) != Some(&0)) {
            // Most words have no escapes, and nothing has to be copied.
            self.next = end;
            self.is_inside = run == WORD_CHARACTERS_MAX;
            let text = view.bytes.get(start..end).unwrap_or_default();
            return self.judge(Word { text, start, end }, place, view, sight);
        }
        let mut room = [0; WORD_CHARACTERS_MAX];
        let (count, end) = collect(view.bytes, start, place, &mut room);
        self.next = end;
        self.is_inside = count == WORD_CHARACTERS_MAX;
        let text = room.get(..count).unwrap_or_default();
        self.judge(Word { text, start, end }, place, view, sight);
    }

    fn judge(&mut self, word: Word<'_>, place: usize, view: &View<'_>, sight: &mut Sight<'_>) {
        let count = word.text.len();
        if count < 2 || place - word.start >= WALK_BYTES {
            return;
        }
        if word.start == place && word.text.iter().all(u8::is_ascii_digit) {
            if count <= GROUP_DIGITS_MAX {
                self.chain.add(word, view.bytes);
                // Groups continue a chain only behind its first one.
                if self.chain.shape > 0xF {
                    judge::chain(&self.chain, word, view, sight);
                }
            }
            judge::number(word, view, sight);
        } else if judge::may_be_mixed(word.text) {
            judge::mixed(word, view, sight);
        }
        if judge::may_be_zone(word, view) && word.start >= self.zone_end {
            self.zone_end = judge::zone(word, view, sight).unwrap_or(self.zone_end);
        }
    }
}

/// Where the word begins that has its first digit at a place.
fn first_of(bytes: &[u8], place: usize, floor: usize, words: &Bits) -> usize {
    let is_word = |index: usize| bytes.get(index).copied().is_some_and(is_word);
    let mut start = floor.max(place - words.set_before(place));
    if start == place {
        // Letters of UTF-16 have a zero between them.
        while start >= floor + 2 && is_word(start - 2) && character::is_filler(bytes, start - 1) {
            start -= 2;
        }
    }
    if start < place && character::is_second_of_gbk(bytes, start) {
        start += 1;
    }
    // The high byte of a character of UTF-16 before the first digit of one.
    let is_wide = bytes.get(place + 1) == Some(&0) && is_word(place + 2);
    if is_wide && start < place && bytes.get(place.saturating_sub(1)) != Some(&0) {
        start = place;
    }
    start
}

/// Collects the characters of a word. Gives their number and the end of the word.
fn collect(
    bytes: &[u8],
    start: usize,
    place: usize,
    room: &mut [u8; WORD_CHARACTERS_MAX],
) -> (usize, usize) {
    let mut count = 0;
    let mut next = start;
    let mut is_wide = false;
    let has_zero_before = start.checked_sub(1).and_then(|index| bytes.get(index)) == Some(&0);
    while next < start + WORD_BYTES_MAX {
        let Some(byte) = bytes.get(next).copied() else {
            break;
        };
        let (character, length) = if byte.is_ascii_alphanumeric() {
            (byte, 1)
        } else if byte == 0 && character::is_filler(bytes, next) {
            let is_closed = bytes.get(next + 2) == Some(&0) || has_zero_before;
            if !is_closed {
                break;
            }
            is_wide = true;
            next += 1;
            (bytes.get(next).copied().unwrap_or(0), 1)
        } else {
            character::at(bytes, next)
        };
        let is_word = character.is_ascii_alphanumeric() && character != OTHER;
        // In UTF-16 two characters have a zero between them.
        let is_touching = is_wide && bytes.get(next.wrapping_sub(1)) != Some(&0);
        if !is_word || is_touching && next > place {
            break;
        }
        let Some(slot) = room.get_mut(count) else {
            break;
        };
        *slot = character;
        count += 1;
        next += length;
    }
    if next >= start + WORD_BYTES_MAX {
        count = WORD_CHARACTERS_MAX;
    }
    (count, next)
}

/// Whether a byte is a letter or digit. Without a branch, as [`Bits`] wants it.
const fn is_word(byte: u8) -> bool {
    (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 26)
}

/// Whether a digit, in whatever code, or the sign of an address can begin with a byte.
const fn is_wake(byte: u8) -> bool {
    (byte.wrapping_sub(b'0') < 10)
        | (byte == b'@')
        | (byte == b'%')
        | (byte == b'\\')
        | (byte == 0xEF)
        | (byte == 0xA3)
}

/// The one separator that a gap is, whatever its code.
fn separator(gap: &[u8]) -> Option<u8> {
    let mut text = gap.iter().copied().filter(|byte| *byte != 0);
    match (gap, text.next(), text.next()) {
        (b"%20" | b"%2B", ..) => Some(b' '),
        (b"%2D" | b"%2d", ..) => Some(b'-'),
        (_, Some(byte @ (b' ' | b'-' | b'+')), None) => Some(byte),
        _ => None,
    }
}

/// Characters of a word that is too long.
const WORD_CHARACTERS_MAX: usize = 64;
/// Bytes of the longest word, with its escapes.
const WORD_BYTES_MAX: usize = 200;
/// How far before its first digit a word may begin, in bytes.
pub(super) const WALK_BYTES: usize = 48;
/// Digits of the longest group of a chain.
const GROUP_DIGITS_MAX: usize = 7;
const CHAIN_DIGITS_MAX: usize = 24;
/// Bytes of the longest gap in a chain: a space in UTF-16.
const GAP_BYTES_MAX: usize = 4;
