//! Identifiers of vehicles and phones. They name things, and through them their holders.
//!
//! VIN: 17 characters without I, O and Q, with a check digit at the ninth place, which North
//! America (49 CFR 565.15) and China (GB 16735) demand and Europe does not: there they are missed.
//! Of random strings in that alphabet 0.0304 pass, so a word or a density is needed.
//!
//! IMEI: 15 digits with the check of Luhn (3GPP TS 23.003 section 6.2.1). A word is needed: 1 of 10
//! random numbers pass.

use super::digits;

/// Whether it has the characters of a VIN.
pub(super) fn is_vin_form(text: &[u8]) -> bool {
    text.len() == 17 && text.iter().all(|byte| vin_value(*byte).is_some())
}

/// Whether it has the form of a VIN and its check digit.
pub(super) fn is_vin(text: &[u8]) -> bool {
    let sum = text
        .iter()
        .zip(VIN_WEIGHTS)
        .try_fold(0u32, |sum, (byte, weight)| {
            Some(sum + vin_value(*byte)? * weight)
        });
    let expected = match sum.map(|sum| sum % 11) {
        Some(10) => b'X',
        Some(digit) => b'0' + u8::try_from(digit).unwrap_or(0),
        None => return false,
    };
    text.len() == 17 && text.get(8) == Some(&expected)
}

/// Whether it is an IMEI. One of a single digit is a filler.
pub(super) fn is_imei(text: &[u8]) -> bool {
    let is_varied = text.iter().any(|byte| Some(byte) != text.first());
    text.len() == 15 && is_varied && digits::is_luhn(text)
}

fn vin_value(byte: u8) -> Option<u32> {
    match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'H' => Some(u32::from(byte - b'A') + 1),
        b'J'..=b'N' => Some(u32::from(byte - b'J') + 1),
        b'P' => Some(7),
        b'R' => Some(9),
        b'S'..=b'Z' => Some(u32::from(byte - b'S') + 2),
        _ => None,
    }
}

/// The check digit itself weighs nothing.
const VIN_WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
