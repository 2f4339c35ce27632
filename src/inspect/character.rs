//! Characters of text in whatever code it comes, reduced to ASCII where they have one.
//!
//! Read are ASCII and all codes that contain it (UTF-8, GBK), percent-encoding (RFC 3986
//! section 2.1), the escapes of JSON (RFC 8259 section 7), and the full-width forms of ASCII
//! (U+FF01 to U+FF5E) in UTF-8 and GBK. UTF-16 of either order is told by its zero bytes.
//!
//! Blind spots: a full-width form in UTF-16 or percent-encoded, more than one such code at a
//! time, and UTF-16 where a Chinese character touches an identifier and its low byte is that of
//! a letter.

use std::borrow::Cow;

/// A character that is none of ASCII.
pub(super) const OTHER: u8 = 0xFF;

/// The character at a place, and of how many bytes it is: at least one.
///
/// Beyond the end it is a zero.
pub(super) fn at(bytes: &[u8], place: usize) -> (u8, usize) {
    let Some(first) = bytes.get(place).copied() else {
        return (0, 1);
    };
    let decoded = match first {
        b'%' => percent(bytes, place),
        b'\\' => escape(bytes, place).map(|(code, length)| (narrow(code), length)),
        0xEF => wide_utf8(bytes, place),
        0xA3 => wide_gbk(bytes, place),
        0x80.. => Some((OTHER, 1)),
        _ => Some((first, 1)),
    };
    decoded.unwrap_or(if first < 0x80 { (first, 1) } else { (OTHER, 1) })
}

/// Whether the zero at a place stands between two letters or digits of UTF-16.
///
/// One zero between two characters may also end a string. It takes a second one, two
/// places away.
pub(super) fn is_filler(bytes: &[u8], place: usize) -> bool {
    let near = |offset: isize| {
        let index = place.checked_add_signed(offset)?;
        bytes.get(index).copied()
    };
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    near(0) == Some(0)
        && is_word(near(-1))
        && is_word(near(1))
        && (near(-2) == Some(0) || near(2) == Some(0))
}

/// Whether the letter at a place is the second byte of a character of GBK.
///
/// It is if a byte of GBK is before it, and not the end of a character of UTF-8.
pub(super) fn is_second_of_gbk(bytes: &[u8], place: usize) -> bool {
    let before = |offset: usize| place.checked_sub(offset).and_then(|index| bytes.get(index));
    let Some(0x81..=0xFE) = before(1) else {
        return false;
    };
    let is_utf8 = matches!(
        (before(3), before(2), before(1)),
        (Some(0xE0..=0xEF), Some(0x80..=0xBF), Some(0x80..=0xBF))
    );
    !is_utf8
}

/// Whether text can contain characters in another form than as themselves after this byte.
pub(super) const fn is_coding(byte: u8) -> bool {
    matches!(byte, 0 | b'%' | b'\\')
}

/// Text in which words can be looked for: without zeros and escapes, at most `max` bytes of
/// its end. Characters that are not ASCII stay as they are.
pub(super) fn plain(bytes: &[u8], max: usize) -> Cow<'_, [u8]> {
    if !bytes
        .iter()
        .fold(false, |is_coded, byte| is_coded | is_coding(*byte))
    {
        let surplus = bytes.len().saturating_sub(max);
        return Cow::Borrowed(bytes.get(surplus..).unwrap_or_default());
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place).copied() {
        let (decoded, length) = match byte {
            0 => (None, 1),
            b'%' => match percent_raw(bytes, place) {
                Some(byte) => (Some(u32::from(byte)), 3),
                None => (Some(u32::from(byte)), 1),
            },
            b'\\' => match escape(bytes, place) {
                Some((code @ 0x80.., length)) => {
                    let mut room = [0; 4];
                    let character = char::from_u32(code).unwrap_or(' ');
                    text.extend_from_slice(character.encode_utf8(&mut room).as_bytes());
                    (None, length)
                }
                Some((code, length)) => (Some(code), length),
                None => (Some(u32::from(byte)), 1),
            },
            _ => (Some(u32::from(byte)), 1),
        };
        text.extend(decoded.and_then(|code| u8::try_from(code).ok()));
        place += length;
    }
    let surplus = text.len().saturating_sub(max);
    text.drain(..surplus);
    Cow::Owned(text)
}

fn percent(bytes: &[u8], place: usize) -> Option<(u8, usize)> {
    let byte = percent_raw(bytes, place)?;
    Some((if byte < 0x80 { byte } else { OTHER }, 3))
}

fn percent_raw(bytes: &[u8], place: usize) -> Option<u8> {
    u8::try_from(hexadecimal(bytes.get(place + 1..place + 3)?)?).ok()
}

/// The code of an escape that begins with a backslash; white space of those that stand for it.
fn escape(bytes: &[u8], place: usize) -> Option<(u32, usize)> {
    match bytes.get(place + 1)? {
        b'u' => Some((hexadecimal(bytes.get(place + 2..place + 6)?)?, 6)),
        b'n' | b'r' => Some((u32::from(b'\n'), 2)),
        b't' | b'b' | b'f' => Some((u32::from(b'\t'), 2)),
        quoted @ (b'"' | b'/' | b'\\') => Some((u32::from(*quoted), 2)),
        _ => None,
    }
}

fn narrow(code: u32) -> u8 {
    match code {
        0..=0x7F => u8::try_from(code).unwrap_or(OTHER),
        0xFF01..=0xFF5E => u8::try_from(code - 0xFEE0).unwrap_or(OTHER),
        _ => OTHER,
    }
}

fn wide_utf8(bytes: &[u8], place: usize) -> Option<(u8, usize)> {
    match (bytes.get(place + 1)?, bytes.get(place + 2)?) {
        (0xBC, third @ 0x81..=0xBF) => Some((third - 0x60, 3)),
        (0xBD, third @ 0x80..=0x9E) => Some((third - 0x20, 3)),
        _ => None,
    }
}

/// A full-width form in GBK, unless its bytes belong to a character of UTF-8. They do if a
/// first byte of three is before them, and no byte of the same character behind them.
fn wide_gbk(bytes: &[u8], place: usize) -> Option<(u8, usize)> {
    let second = *bytes.get(place + 1)?;
    let before = place.checked_sub(1).and_then(|index| bytes.get(index));
    let is_continued = matches!(bytes.get(place + 2), Some(0x80..=0xBF));
    if matches!(before, Some(0xE0..=0xEF)) && !is_continued {
        return None;
    }
    matches!(second, 0xA1..=0xFE).then(|| (second - 0x80, 2))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | digit)
    })
}
