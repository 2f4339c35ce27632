//! Identifiers of mainland China.
//!
//! Resident identity numbers: 17 digits and a check character. The first six name a division
//! (GB/T 2260), the next eight the day of birth, and the last is ISO 7064 MOD 11-2
//! (GB 11643-1999). It stands alone: of random strings of 18 digits about 1.1e-5 pass. The old
//! form of 15 digits has no check and needs a word. Births before [`BIRTH_YEARS`] are missed.
//!
//! Unified social credit codes: 18 of 31 characters, with a check modulo 31 (GB 32100-2015) over
//! the code of an organisation that has its own check modulo 11 (GB 11714-1997). Behind a valid
//! beginning about 1 of 341 pass; without the inner check it were 1 of 31, or 0.032. Of all random
//! strings of 18 digits 2 of 10,000 pass.
//!
//! Mobile numbers: the ranges that are given out, and no check. So they need a word or a density;
//! of random strings of 11 digits 7 of 100 have the form. Numbers of things, with 13 digits,
//! are left out: they name no person.

use std::ops::RangeInclusive;

use super::digits;

/// Whether it is a resident identity number of 18 characters.
pub(super) fn is_resident_id(text: &[u8]) -> bool {
    let Some((first, check)) = text.split_at_checked(17) else {
        return false;
    };
    let [check] = check else {
        return false;
    };
    let (Some(values), Some(birth)) = (digits::values(first), first.get(6..14)) else {
        return false;
    };
    let remainder = digits::weighed(values, &RESIDENT_WEIGHTS) % 11;
    let expected = usize::try_from(remainder)
        .ok()
        .and_then(|r| RESIDENT_CHECKS.get(r));
    expected == Some(&check.to_ascii_uppercase())
        && is_division(first)
        && digits::number(birth)
            .is_some_and(|birth| BIRTH_YEARS.contains(&(birth / 10_000)) && is_day(birth))
}

/// Whether it has the form of a resident identity number of 15 digits: with a year of the
/// 20th century, and without a check.
pub(super) fn is_resident_id_old(text: &[u8]) -> bool {
    text.len() == 15
        && digits::values(text).is_some()
        && is_division(text)
        && text
            .get(6..12)
            .and_then(digits::number)
            .is_some_and(|birth| is_day(19_000_000 + birth))
}

/// Whether it is a unified social credit code.
pub(super) fn is_organisation_code(text: &[u8]) -> bool {
    let [department, category, rest @ ..] = text else {
        return false;
    };
    // Departments of registration and the categories of each (GB 32100-2015 table 1).
    let is_registered = match department {
        b'1' | b'5' | b'N' => matches!(category, b'1'..=b'3' | b'9'),
        b'2' | b'4' | b'8' | b'A' => matches!(category, b'1' | b'9'),
        b'3' => matches!(category, b'1'..=b'5' | b'9'),
        b'6' | b'7' => matches!(category, b'1' | b'2' | b'9'),
        b'9' => matches!(category, b'1'..=b'3'),
        b'Y' => *category == b'1',
        _ => false,
    };
    if text.len() != 18 || !is_registered || !is_administration(rest) {
        return false;
    }
    let mut sum = 0;
    let mut weight = 1;
    for byte in text.iter().take(17) {
        let Some(value) = ORGANISATION_ALPHABET.iter().position(|known| known == byte) else {
            return false;
        };
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    let expected = ORGANISATION_ALPHABET.get((31 - sum % 31) % 31);
    expected == text.last() && text.get(8..17).is_some_and(is_inner_code)
}

/// Whether it has the form of a mobile number, and which eleven digits it is.
pub(super) fn mobile(text: &[u8]) -> Option<&[u8]> {
    let number = match text.len() {
        11 => text,
        13 => text.strip_prefix(b"86")?,
        15 => text.strip_prefix(b"0086")?,
        _ => return None,
    };
    let [b'1', second, third, fourth, fifth, ..] = number else {
        return None;
    };
    let is_range = match (second, third) {
        (b'3' | b'8', _) => true,
        (b'5', third) => *third != b'4',
        (b'7', b'4') => match fourth {
            b'0' | b'9' => true,
            b'1' => matches!(fifth, b'0'..=b'2'),
            _ => false,
        },
        (b'7', third) => *third != b'6',
        (b'9', third) => *third != b'4',
        (b'6', third) => matches!(third, b'2' | b'5' | b'6' | b'7'),
        (b'4', third) => matches!(third, b'5' | b'7' | b'9'),
        _ => false,
    };
    (is_range && digits::values(number).is_some()).then_some(number)
}

/// Whether six digits can name a division. The middle two are 01 to 70, or 90 for what stands
/// directly below a province (GB/T 2260); those of Hong Kong, Macao and Taiwan are zeros.
fn is_division(text: &[u8]) -> bool {
    let part = |from: usize| text.get(from..from + 2).and_then(digits::number);
    match (part(0), part(2), part(4)) {
        (Some(81..=83), Some(0), Some(0)) => true,
        (Some(71), Some(0), Some(_)) => true,
        (Some(province), Some(1..=70 | 90), Some(_)) => is_province(province),
        _ => false,
    }
}

/// Whether six digits can name an office of registration: a division, a province or the state.
fn is_administration(text: &[u8]) -> bool {
    let part = |from: usize| text.get(from..from + 2).and_then(digits::number);
    match (part(0), part(2), part(4)) {
        (Some(10), Some(0), Some(0)) => true,
        (Some(71 | 81..=83), Some(_), Some(_)) => true,
        (Some(province), Some(0..=70 | 90), Some(_)) => is_province(province),
        _ => false,
    }
}

fn is_province(code: u32) -> bool {
    matches!(
        code,
        11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65
    )
}

fn is_day(birth: u32) -> bool {
    digits::is_date(birth / 10_000, birth / 100 % 100, birth % 100)
}

/// Whether nine characters are the code of an organisation (GB 11714-1997).
fn is_inner_code(text: &[u8]) -> bool {
    let Some((check, first)) = text.split_last() else {
        return false;
    };
    let values = first
        .iter()
        .map(|byte| char::from(*byte).to_digit(36).unwrap_or(0));
    let expected = match 11 - digits::weighed(values, &INNER_WEIGHTS) % 11 {
        11 => b'0',
        10 => b'X',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    // The outer code has no letter that can be taken for a digit, but X is one of it.
    *check == expected
}

/// Years of birth. The last is open so that no clock is read.
const BIRTH_YEARS: RangeInclusive<u32> = 1880..=2035;

const RESIDENT_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const RESIDENT_CHECKS: &[u8; 11] = b"10X98765432";
const ORGANISATION_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const INNER_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
