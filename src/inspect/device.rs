//! Identifiers of vehicles and phones. They name things, and through them their holders.
//!
//! VIN: 17 characters without I, O and Q, with a check digit at the ninth place, which North
//! America (49 CFR 565.15) and China (GB 16735) demand and Europe does not: there they are missed.
//! Of random strings in that alphabet 0.0304 pass, so a word or a density is needed.
//!
//! IMEI: 15 digits with the check of Luhn (3GPP TS 23.003 section 6.2.1). A word is needed: 1 of 10
//! random numbers pass.

use super::digits;

/// Whether the check digit of a VIN is right; nothing of what has not the characters of one.
pub(super) fn is_vin(text: &[u8]) -> Option<bool> {
    let text: &[u8; 17] = text.try_into().ok()?;
    let values = text.map(|byte| VIN_VALUES[usize::from(byte)]);
    if values.iter().fold(0, |all, value| all | value) >= NONE {
        return None;
    }
    let sum = digits::weighed(values.into_iter().map(u32::from), &VIN_WEIGHTS);
    let expected = match sum % 11 {
        10 => b'X',
        digit => b'0' + u8::try_from(digit).unwrap_or(0),
    };
    Some(text[8] == expected)
}

/// Whether it is an IMEI. One of a single digit is a filler.
pub(super) fn is_imei(text: &[u8]) -> bool {
    let is_varied = text.iter().any(|byte| Some(byte) != text.first());
    text.len() == 15 && is_varied && digits::is_luhn(text)
}

/// The value of each character (49 CFR 565.15 table IV).
const VIN_VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut digit = 0;
    while digit < 10 {
        values[b'0' as usize + digit as usize] = digit;
        digit += 1;
    }
    // I, O and Q are no characters of it; J and S begin anew.
    let letters = *b"ABCDEFGH.JKLMN.P.RSTUVWXYZ";
    let worth = *b"12345678.12345.7.923456789";
    let mut place = 0;
    while place < letters.len() {
        if letters[place] != b'.' {
            values[letters[place] as usize] = worth[place] - b'0';
        }
        place += 1;
    }
    values
};
const NONE: u8 = 0x80;

/// The check digit itself weighs nothing.
const VIN_WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
