//! National identifiers of other states, and passports.
//!
//! - United States: a social security number has no check digit. Numbers that were never given
//!   out (20 CFR 422.103; area 000, 666 and from 900, group 00, serial 0000) and three from
//!   advertisements are left out. Dashes at the right places are enough, else a word is needed.
//! - India: 12 digits of Aadhaar with the check of Verhoeff, the first from 2; 1 of 10 random ones
//!   pass, so a word is needed.
//! - Hong Kong: one or two letters, six digits, a check modulo 11; 1 of 11 pass; word needed.
//! - Korea: day of birth, sex and century, six digits of which the last is a check modulo 11.
//!   Numbers given out since October 2020 have none and are mostly missed; word needed.
//! - Russia: nine digits and two of a check modulo 101; 1 of 101 pass; word needed.
//! - Passports: the second line of the zone that a machine reads (ICAO Doc 9303-4 section 4.2.2)
//!   with five checks modulo 10, so that about 1 of 100,000 lines of the right form pass by
//!   chance. Cards (TD1, TD2) and printed numbers of passports are missed.

use super::digits;

/// Whether it can be a social security number, without dashes.
pub(super) fn is_ssn(text: &[u8]) -> bool {
    let part = |from, to| text.get(from..to).and_then(digits::number);
    text.len() == 9
        && matches!(part(0, 3), Some(1..=665 | 667..=899))
        && matches!(part(3, 5), Some(1..))
        && matches!(part(5, 9), Some(1..))
        && ![b"078051120".as_slice(), b"457555462", b"219099999"].contains(&text)
}

/// Whether it is an Aadhaar number.
pub(super) fn is_aadhaar(text: &[u8]) -> bool {
    text.len() == 12 && matches!(text.first(), Some(b'2'..=b'9')) && digits::is_verhoeff(text)
}

/// Whether it is a Hong Kong identity card number: letters, six digits and the check.
pub(super) fn is_hong_kong_id(text: &[u8]) -> bool {
    // A space before a single letter has the value 36.
    let (letters, rest) = match text {
        [first, rest @ ..] if text.len() == 8 => ([36, letter(*first)], rest),
        [first, second, rest @ ..] if text.len() == 9 => ([letter(*first), letter(*second)], rest),
        _ => return false,
    };
    let Some((check, number)) = rest.split_last() else {
        return false;
    };
    let Some(values) = digits::values(number) else {
        return false;
    };
    let check = match check {
        b'A' => 10,
        b'0'..=b'9' => u32::from(check - b'0'),
        _ => return false,
    };
    let sum = digits::weighed(letters.into_iter().chain(values), &[9, 8, 7, 6, 5, 4, 3, 2]);
    !letters.contains(&0) && (sum + check).is_multiple_of(11)
}

/// Whether it is a Korean resident registration number, without its dash.
pub(super) fn is_korean_rrn(text: &[u8]) -> bool {
    let (Some(values), [first @ .., check]) = (digits::values(text), text) else {
        return false;
    };
    let century = match text.get(6) {
        Some(b'1' | b'2' | b'5' | b'6') => 1900,
        Some(b'3' | b'4' | b'7' | b'8') => 2000,
        Some(b'9' | b'0') => 1800,
        _ => return false,
    };
    let Some(birth) = text.get(..6).and_then(digits::number) else {
        return false;
    };
    let is_date = digits::is_date(century + birth / 10_000, birth / 100 % 100, birth % 100);
    if first.len() != 12 || !is_date {
        return false;
    }
    let sum = digits::weighed(values, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    u32::from(check.wrapping_sub(b'0')) == (11 - sum % 11) % 10
}

/// Whether it is a Russian insurance account number, without dashes.
pub(super) fn is_snils(text: &[u8]) -> bool {
    let (Some(values), Some(check)) = (digits::values(text), text.get(9..11)) else {
        return false;
    };
    let sum = digits::weighed(values, &[9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let number = text.get(..9).and_then(digits::number);
    // The check is defined for numbers above 001-001-998.
    text.len() == 11
        && number.is_some_and(|number| number > 1_001_998)
        && digits::number(check) == Some(sum % 101 % 100)
}

/// The holder's document, as issuer and number, of the second line of a passport's zone.
pub(super) fn passport(line: &[u8]) -> Option<[u8; 12]> {
    let number = line.get(..10)?;
    let nationality = line.get(10..13)?;
    let (birth, expiry) = (line.get(13..20)?, line.get(21..28)?);
    let (optional, whole) = (line.get(28..43)?, line.get(43)?);
    let is_form = line.len() == 44
        && matches!(line.get(20), Some(b'M' | b'F' | b'X' | b'<'))
        && matches!(
            nationality,
            [b'A'..=b'Z', b'A'..=b'Z' | b'<', b'A'..=b'Z' | b'<']
        )
        && number.first() != Some(&b'<');
    let composite = number.iter().chain(birth).chain(expiry).chain(optional);
    let is_optional_empty = optional.iter().all(|byte| *byte == b'<');
    let is_right = is_form
        && [number, birth, expiry].into_iter().all(is_zone_field)
        && (is_optional_empty || is_zone_field(optional))
        && zone_check(composite) == whole.checked_sub(b'0').map(u32::from);
    let mut holder = [0; 12];
    let sources = nationality.iter().chain(number.get(..9)?);
    holder
        .iter_mut()
        .zip(sources)
        .for_each(|(to, from)| *to = *from);
    is_right.then_some(holder)
}

fn is_zone_field(field: &[u8]) -> bool {
    let Some((check, first)) = field.split_last() else {
        return false;
    };
    zone_check(first.iter()) == check.checked_sub(b'0').map(u32::from)
}

fn zone_check<'a>(characters: impl Iterator<Item = &'a u8>) -> Option<u32> {
    let weighed = characters
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(byte, weight)| {
            let value = match byte {
                b'<' => 0,
                _ => char::from(*byte).to_digit(36)?,
            };
            Some(value * weight)
        });
    weighed.sum::<Option<u32>>().map(|sum| sum % 10)
}

/// The value of a letter, and 0 of what is none.
fn letter(byte: u8) -> u32 {
    if byte.is_ascii_uppercase() {
        u32::from(byte - b'A') + 10
    } else {
        0
    }
}
