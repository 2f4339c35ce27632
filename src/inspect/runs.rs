//! Runs of base64 (RFC 4648), which are decoded and looked at once more.
//!
//! A run is at least [`RUN_CHARACTERS_MIN`] characters of either alphabet; lines may end in it.
//! Random bytes have such a run once in 10^38. To find none, few bytes are touched: if the
//! last of so many characters is none of the alphabet, no run begins before it. Blind spots: a
//! shorter run, and one whose first characters belong to something else.

use super::found::Skip;
use super::layer::{Layer, PIECE_BYTES};
use super::sight::{Sight, View};

/// Where the search is, and the run that is being decoded.
#[derive(Debug, Default)]
pub(super) struct Runs {
    next: usize,
    run: Option<Run>,
}

#[derive(Debug, Default)]
struct Run {
    bits: u32,
    count: u32,
}

impl Runs {
    /// Looks for runs that begin before the limit of the view, and decodes into the layer. Without
    /// a layer they are counted as nested.
    pub(super) fn scan(
        &mut self,
        view: &View<'_>,
        sight: &mut Sight<'_>,
        mut inner: Option<&mut Layer>,
    ) {
        while self.next < view.limit {
            if self.run.is_none() {
                self.find(view);
                if self.run.is_some() && inner.is_none() {
                    sight.found.skip(Skip::Nested);
                }
                continue;
            }
            let mut decoded = [0; DECODED_BYTES];
            let (count, is_end) = self.decode(view, &mut decoded);
            if let Some(inner) = inner.as_deref_mut() {
                let decoded = decoded.get(..count).unwrap_or_default();
                inner.push(sight.inspector, decoded, sight.found);
                if is_end {
                    inner.end(sight.inspector, sight.found);
                }
            }
            if is_end {
                self.run = None;
            }
        }
    }

    /// The view begins so many bytes later.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.next = self.next.saturating_sub(bytes);
    }

    fn find(&mut self, view: &View<'_>) {
        while self.next < view.limit {
            let Some(window) = view.bytes.get(self.next..self.next + RUN_CHARACTERS_MIN) else {
                self.next = view.limit;
                return;
            };
            match window
                .iter()
                .rposition(|byte| VALUES[usize::from(*byte)] == NONE)
            {
                Some(place) => self.next += place + 1,
                None => {
                    self.run = Some(Run::default());
                    return;
                }
            }
        }
    }

    /// Decodes as much as there is room for. Gives the bytes that are there, and whether the
    /// run has ended.
    fn decode(&mut self, view: &View<'_>, decoded: &mut [u8; DECODED_BYTES]) -> (usize, bool) {
        let mut run = self.run.take().unwrap_or_default();
        let mut count = 0;
        let mut is_end = false;
        while self.next < view.limit && count + 3 <= DECODED_BYTES {
            let rest = view.bytes.get(self.next..view.limit).unwrap_or_default();
            let room = decoded.get_mut(count..).unwrap_or_default();
            if run.count == 0 {
                let fours = decode_fours(rest, room);
                self.next += 4 * fours;
                count += 3 * fours;
                if fours > 0 {
                    continue;
                }
            }
            let value = rest.first().map_or(NONE, |byte| VALUES[usize::from(*byte)]);
            if value == NONE {
                match line_end_bytes(view.from(self.next, 3)) {
                    Some(bytes) => self.next += bytes,
                    None => {
                        count += run.end(room);
                        is_end = true;
                        break;
                    }
                }
                continue;
            }
            run.bits = run.bits << 6 | u32::from(value);
            run.count += 1;
            self.next += 1;
            if run.count == 4 {
                count += run.end(room);
                run = Run::default();
            }
        }
        self.run = Some(run);
        (count, is_end)
    }

    /// Ends a run with the stream.
    pub(super) fn finish(&mut self, sight: &mut Sight<'_>, inner: Option<&mut Layer>) {
        let (Some(run), Some(inner)) = (self.run.take(), inner) else {
            return;
        };
        let mut bytes = [0; 3];
        let count = run.end(&mut bytes);
        inner.push(
            sight.inspector,
            bytes.get(..count).unwrap_or_default(),
            sight.found,
        );
        inner.end(sight.inspector, sight.found);
    }
}

impl Run {
    /// Writes the bytes that the last characters hold, at most four, and says how many.
    fn end(&self, to: &mut [u8]) -> usize {
        let missing = 4u32.saturating_sub(self.count);
        let [_, bytes @ ..] = (self.bits << (6 * missing)).to_be_bytes();
        let count = usize::try_from(self.count).unwrap_or(0).saturating_sub(1);
        to.iter_mut()
            .zip(bytes)
            .take(count)
            .for_each(|(to, byte)| *to = byte);
        count
    }
}

/// Decodes as many groups of four characters as there are and as there is room for: four groups at
/// a time as long as all are of the alphabet.
fn decode_fours(from: &[u8], to: &mut [u8]) -> usize {
    let mut fours = 0;
    let (sixteens, twelves) = (from.as_chunks::<16>().0, to.as_chunks_mut::<12>().0);
    for (sixteen, twelve) in sixteens.iter().zip(twelves) {
        let Some(values) = values(sixteen) else {
            break;
        };
        for (four, three) in values.as_chunks().0.iter().zip(twelve.as_chunks_mut().0) {
            *three = three_of(*four);
        }
        fours += 4;
    }
    let from = from.get(4 * fours..).unwrap_or_default();
    let to = to.get_mut(3 * fours..).unwrap_or_default();
    let (from, to) = (from.as_chunks::<4>().0, to.as_chunks_mut::<3>().0);
    for (four, three) in from.iter().zip(to) {
        let Some(values) = values(four) else {
            break;
        };
        *three = three_of(values);
        fours += 1;
    }
    fours
}

/// The values of characters, if all are of the alphabet.
fn values<const N: usize>(characters: &[u8; N]) -> Option<[u8; N]> {
    let values = characters.map(|byte| VALUES[usize::from(byte)]);
    (values.iter().fold(0, |all, value| all | value) < NONE).then_some(values)
}

/// The bytes that four values are.
const fn three_of([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

/// The bytes of the end of a line, if the run goes on behind it.
fn line_end_bytes(behind: &[u8]) -> Option<usize> {
    let is_value = |byte: &u8| VALUES[usize::from(*byte)] != NONE;
    match behind {
        [b'\r', b'\n', next] if is_value(next) => Some(2),
        [b'\n', next, ..] if is_value(next) => Some(1),
        _ => None,
    }
}

/// Characters of the shortest run.
const RUN_CHARACTERS_MIN: usize = 64;
/// Bytes that are decoded at a time: of as many characters as a layer judges at a time.
const DECODED_BYTES: usize = PIECE_BYTES / 4 * 3;
const NONE: u8 = 0x80;

/// The value of each character in either alphabet (RFC 4648 sections 4 and 5).
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 26 {
        values[b'A' as usize + value] = value as u8;
        values[b'a' as usize + value] = value as u8 + 26;
        if value < 10 {
            values[b'0' as usize + value] = value as u8 + 52;
        }
        value += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
};
