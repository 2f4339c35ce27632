//! Where people and devices are: NMEA 0183 and GPX.
//!
//! NMEA 0183: a sentence from `$` to `*`, and XOR of what is between in two hexadecimal digits; 1
//! of 256 pass, behind fixed letters. GPX 1.1: points with `lat` and `lon` as attributes.
//!
//! Precise is what names a place to 1,000 m or better (28 CFR 202.242): two decimals of a degree,
//! whose rounding errs by at most 0.56 km along a meridian, or one of a minute, whose errs by
//! 0.09 km. Blind spots: GeoJSON, KML, and positions without a field that names them.

use super::found::Format;
use super::sight::{Sight, View};

/// Judges a sentence that begins at the place.
pub(super) fn sentence(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(place + 1, SENTENCE_BYTES);
    let Some(star) = text
        .iter()
        .position(|byte| matches!(byte, b'*' | b'\r' | b'\n' | b'$'))
    else {
        return;
    };
    let (body, behind) = text.split_at_checked(star).unwrap_or_default();
    let [b'*', high, low, ..] = behind else {
        return;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let expected = digit(high)
        .zip(digit(low))
        .map(|(high, low)| high << 4 | low);
    let sum = body.iter().fold(0, |sum, byte| sum ^ byte);
    if !body.is_ascii() || expected != Some(u32::from(sum)) {
        return;
    }
    sight.found.add(Format::NmeaSentences, 1);
    let fields: Vec<&[u8]> = body.split(|byte| *byte == b',').collect();
    let first = match fields.first().and_then(|name| name.get(2..)) {
        Some(b"GGA") => 2,
        Some(b"RMC") => 3,
        Some(b"GLL") => 1,
        _ => return,
    };
    let field = |offset: usize| fields.get(first + offset).copied().unwrap_or_default();
    let is_precise = decimals(field(0)) >= 1 && decimals(field(2)) >= 1;
    if is_precise && matches!(field(1), b"N" | b"S") && matches!(field(3), b"E" | b"W") {
        sight.found.add(Format::NmeaPrecise, 1);
    }
}

/// Judges a point of GPX whose element begins at the place.
pub(super) fn point(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(place, ELEMENT_BYTES);
    let end = text.iter().position(|byte| *byte == b'>').unwrap_or(0);
    let element = text.get(..end).unwrap_or_default();
    let (Some(latitude), Some(longitude)) =
        (attribute(element, b" lat="), attribute(element, b" lon="))
    else {
        return;
    };
    sight.found.add(Format::GpxPoints, 1);
    if decimals(latitude) >= 2 && decimals(longitude) >= 2 {
        sight.found.add(Format::GpxPrecise, 1);
    }
}

fn attribute<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = element.windows(name.len()).position(|text| text == name)?;
    let (quote, rest) = element.get(start + name.len()..)?.split_first()?;
    let end = rest.iter().position(|byte| byte == quote)?;
    let value = rest.get(..end)?;
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    let is_quote = matches!(quote, b'"' | b'\'');
    (is_quote && !value.is_empty() && value.iter().all(is_number)).then_some(value)
}

/// How many digits are behind the point of a number.
fn decimals(number: &[u8]) -> usize {
    let point = number.iter().position(|byte| *byte == b'.');
    let behind = point
        .and_then(|point| number.get(point + 1..))
        .unwrap_or_default();
    behind
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// Bytes of the longest sentence; the standard allows 82.
const SENTENCE_BYTES: usize = 120;
const ELEMENT_BYTES: usize = 200;
