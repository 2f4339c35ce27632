//! Words of text that can be identifiers.
//!
//! A word is a run of letters and digits. Only bytes that a digit can begin with are looked at:
//! the word around a digit is then taken whole, so that no letter or digit is next to what is
//! judged. Groups of digits with one space, plus or dash between them are a chain, which is judged
//! by the lengths of its last groups. Runs of more than [`WORD_CHARACTERS_MAX`] characters
//! are passed over.

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
        while self.next < view.limit {
            let rest = view.bytes.get(self.next..view.limit).unwrap_or_default();
            if self.is_inside {
                let run = rest
                    .iter()
                    .position(|byte| CLASSES[usize::from(*byte)] & WORD == 0);
                self.next += run.unwrap_or(rest.len());
                self.is_inside = run.is_none();
                self.floor = self.next;
                continue;
            }
            let Some(skipped) = rest
                .iter()
                .position(|byte| CLASSES[usize::from(*byte)] & WAKES != 0)
            else {
                self.next = view.limit;
                return;
            };
            self.wake(self.next + skipped, view, sight);
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

    fn wake(&mut self, place: usize, view: &View<'_>, sight: &mut Sight<'_>) {
        let (first, length) = match view.bytes.get(place) {
            Some(byte @ (b'0'..=b'9' | b'@')) => (*byte, 1),
            _ => character::at(view.bytes, place),
        };
        match first {
            b'0'..=b'9' => self.word(place, view, sight),
            b'@' => {
                mail::judge(view, place, length, sight);
                self.next = place + length;
            }
            _ => self.next = place + length,
        }
        self.floor = self.next;
    }

    fn word(&mut self, place: usize, view: &View<'_>, sight: &mut Sight<'_>) {
        let start = first_of(
            view.bytes,
            place,
            self.floor.max(place.saturating_sub(WALK_BYTES)),
        );
        let rest = view.from(place, WORD_CHARACTERS_MAX);
        let digits = digits_in_front(rest);
        let behind = rest.get(digits..).unwrap_or_default();
        let end = behind
            .iter()
            .position(|byte| CLASSES[usize::from(*byte)] & WORD == 0);
        let end = end.map(|end| digits + end);
        let is_plain = match end.and_then(|end| rest.get(end)) {
            Some(byte) => CLASSES[usize::from(*byte)] & CODED == 0,
            None => true,
        };
        if is_plain && (start == place || view.bytes.get(place - 1) != Some(&0)) {
            // Most words have no escapes, and nothing has to be copied.
            let end = place + end.unwrap_or(rest.len());
            self.next = end;
            self.is_inside = end - place == WORD_CHARACTERS_MAX;
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
        if !(2..=judge::ZONE_CHARACTERS).contains(&count) || place - word.start >= WALK_BYTES {
            return;
        }
        if word.text.iter().all(u8::is_ascii_digit) {
            if count <= GROUP_DIGITS_MAX {
                self.chain.add(word, view.bytes);
                // Groups continue a chain only behind its first one.
                if self.chain.shape > 0xF {
                    judge::chain(&self.chain, word, view, sight);
                }
            }
            judge::number(word, view, sight);
        } else {
            judge::mixed(word, view, sight);
        }
        if count >= ZONE_WORD_CHARACTERS_MIN && word.start >= self.zone_end {
            self.zone_end = judge::zone(word, view, sight).unwrap_or(self.zone_end);
        }
    }
}

/// Where the word begins that has its first digit at a place.
fn first_of(bytes: &[u8], place: usize, floor: usize) -> usize {
    let class = |byte: &u8| CLASSES[usize::from(*byte)] & WORD != 0;
    let is_word = |index: usize| bytes.get(index).is_some_and(class);
    let mut start = place;
    while start > floor && is_word(start - 1) {
        start -= 1;
    }
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

/// How many digits are in front, eight bytes at a time.
fn digits_in_front(text: &[u8]) -> usize {
    let (eights, rest) = text.as_chunks::<8>();
    for (place, eight) in eights.iter().enumerate() {
        // A digit becomes a value below ten. Adding 0x76 sets the highest bit of all others.
        let values = u64::from_le_bytes(*eight) ^ 0x3030_3030_3030_3030;
        let low = (values & 0x7F7F_7F7F_7F7F_7F7F).wrapping_add(0x7676_7676_7676_7676);
        let others = (low | values) & 0x8080_8080_8080_8080;
        if others != 0 {
            return place * 8 + others.trailing_zeros() as usize / 8;
        }
    }
    let last = rest.iter().position(|byte| !byte.is_ascii_digit());
    eights.len() * 8 + last.unwrap_or(rest.len())
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
/// Characters of the shortest word that can be part of the zone of a passport.
const ZONE_WORD_CHARACTERS_MIN: usize = 10;
/// Digits of the longest group of a chain.
const GROUP_DIGITS_MAX: usize = 7;
const CHAIN_DIGITS_MAX: usize = 24;
/// Bytes of the longest gap in a chain: a space in UTF-16.
const GAP_BYTES_MAX: usize = 4;

/// Letters and digits.
const WORD: u8 = 1;
/// Bytes with which a digit or the sign of an address can begin.
const WAKES: u8 = 2;
/// Bytes with which a character of another code can begin.
const CODED: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let class = match byte as u8 {
            b'0'..=b'9' => WORD | WAKES,
            b'A'..=b'Z' | b'a'..=b'z' => WORD,
            b'@' => WAKES,
            b'%' | b'\\' | 0xEF | 0xA3 => WAKES | CODED,
            0 => CODED,
            _ => 0,
        };
        classes[byte] = class;
        byte += 1;
    }
    classes
};
