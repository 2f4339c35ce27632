//! Vehicles that report to a platform: GB/T 32960.3 and JT/T 808.
//!
//! GB/T 32960.3-2016 section 6: `##`, command, answer, VIN, encryption, length, data, and XOR of
//! all from the command on. JT/T 808-2019 section 4.4: between two bytes 7E, with 7D 01 and 7D 02
//! for 7D and 7E, a header with the length of the body, and XOR of all. By chance: 1 of 256 by the
//! XOR, times the fixed bytes and the length, hence less than 1 in 2^40 bytes.
//!
//! Blind spots: data that is encrypted has no position to read; frames of the edition of 2025,
//! which begin with `$$`; messages of JT/T 808 that are not in [`super::magic`], packets of several
//! parts, and frames longer than a detector sees.

use super::found::{Format, Kind};
use super::records::Progress;
use super::sight::{AHEAD_BYTES, Sight, View};

/// A frame of GB/T 32960 whose data is still coming.
pub(super) struct Frame {
    vin: [u8; 17],
    has_position: bool,
    left: u32,
    check: u8,
}

impl Frame {
    /// The frame that begins at the place. The task begins there too.
    pub(super) fn new(view: &View<'_>, place: usize) -> Option<Self> {
        let head = view.from(place, HEAD_BYTES);
        let (start, rest) = head.split_at_checked(4)?;
        let (vin, rest) = rest.split_first_chunk::<17>()?;
        let [encryption, high, low] = rest else {
            return None;
        };
        let [_, _, command, answer] = start else {
            return None;
        };
        let length = u16::from_be_bytes([*high, *low]);
        let is_form = matches!(answer, 1..=3 | 0xFE)
            && matches!(encryption, 1..=3 | 0xFE | 0xFF | 0)
            && vin
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && length <= DATA_BYTES_MAX;
        let data = view.from(place + HEAD_BYTES, length.into());
        let is_report = matches!(command, 2 | 3) && matches!(encryption, 0 | 1);
        is_form.then_some(Self {
            vin: *vin,
            has_position: is_report && data.get(6..).is_some_and(has_position),
            // The head and the check are fed too.
            left: u32::try_from(HEAD_BYTES).unwrap_or(0) + u32::from(length) + 1,
            check: 0,
        })
    }

    /// Takes the next bytes, up to the check.
    pub(super) fn feed(&mut self, bytes: &[u8], sight: &mut Sight<'_>) -> Progress {
        for (place, byte) in bytes.iter().enumerate() {
            // Both signs at the front are the same, so they leave no trace in the check.
            self.check ^= byte;
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.end(sight);
                return Progress::Done(place + 1);
            }
        }
        Progress::Going
    }

    fn end(&self, sight: &mut Sight<'_>) {
        if self.check != 0 {
            return;
        }
        sight.found.add(Format::VehicleFrames, 1);
        sight.sure(Kind::Vin, &self.vin);
        if self.has_position {
            sight.found.add(Format::VehiclePositions, 1);
        }
    }
}

/// Whether units of a report contain a valid position (table 9 and 15 of the standard).
fn has_position(units: &[u8]) -> bool {
    let mut rest = units;
    for _ in 0..8 {
        let [kind, behind @ ..] = rest else {
            return false;
        };
        let length = match (kind, behind) {
            (1, _) => 20,
            (2, [motors, ..]) => 1 + 12 * usize::from(*motors),
            (4, _) => 5,
            (5, [status, places @ ..]) => {
                let longitude = big_endian(places.get(..4));
                let latitude = big_endian(places.get(4..8));
                return status & 1 == 0 && is_place(latitude, longitude);
            }
            (6, _) => 14,
            _ => return false,
        };
        rest = behind.get(length..).unwrap_or_default();
    }
    false
}

/// Judges a frame of JT/T 808 that begins at the place.
pub(super) fn terminal(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(place + 1, AHEAD_BYTES - 1);
    let Some(end) = text.iter().position(|byte| *byte == 0x7E) else {
        return;
    };
    let Some(frame) = unescaped(text.get(..end).unwrap_or_default()) else {
        return;
    };
    let [id0, id1, flags0, flags1, rest @ .., _check] = frame.as_slice() else {
        return;
    };
    let flags = u16::from_be_bytes([*flags0, *flags1]);
    // The newer version has a number of it and a longer phone number.
    let (phone, body) = if flags & IS_NEWER != 0 {
        (1..11, 13)
    } else {
        (0..6, 8)
    };
    let (Some(phone), Some(body)) = (rest.get(phone), rest.get(body..)) else {
        return;
    };
    let is_packed = |byte: &u8| byte >> 4 <= 9 && byte & 0x0F <= 9;
    let is_right = flags & IS_PART == 0
        && body.len() == usize::from(flags & LENGTH)
        && phone.iter().all(is_packed)
        && frame.iter().fold(0, |sum, byte| sum ^ byte) == 0;
    if !is_right {
        return;
    }
    sight.found.add(Format::TerminalFrames, 1);
    let digits: Vec<u8> = phone
        .iter()
        .flat_map(|byte| [b'0' + (byte >> 4), b'0' + (byte & 0x0F)])
        .skip_while(|digit| *digit == b'0')
        .collect();
    sight.sure(Kind::VehicleTerminal, &digits);
    let is_located = big_endian(body.get(4..8)) & 0b10 != 0;
    let place = is_place(big_endian(body.get(8..12)), big_endian(body.get(12..16)));
    if [*id0, *id1] == POSITION && is_located && place {
        sight.found.add(Format::TerminalPositions, 1);
    }
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut frame = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        frame.push(match byte {
            0x7D => match bytes.next()? {
                1 => 0x7D,
                2 => 0x7E,
                _ => return None,
            },
            _ => *byte,
        });
    }
    Some(frame)
}

/// Whether millionths of degrees are a place on earth, and not the origin.
fn is_place(latitude: u32, longitude: u32) -> bool {
    latitude <= 90_000_000 && longitude <= 180_000_000 && (latitude, longitude) != (0, 0)
}

/// A number of four bytes, or one that is no place.
fn big_endian(bytes: Option<&[u8]>) -> u32 {
    let bytes = bytes.and_then(|bytes| bytes.first_chunk::<4>());
    bytes.map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes))
}

const HEAD_BYTES: usize = 24;
/// Data of the longest frame that is followed.
const DATA_BYTES_MAX: u16 = 8_192;
const IS_NEWER: u16 = 1 << 14;
const IS_PART: u16 = 1 << 13;
const LENGTH: u16 = 0x3FF;
/// The message that reports a position.
const POSITION: [u8; 2] = [0x02, 0x00];
