//! Payment cards and bank accounts.
//!
//! Card numbers: an issuer's range (ISO/IEC 7812-1), the length that belongs to it, and the check
//! of Luhn, which 1 of 10 random numbers pass (0.1001). So a word or a density is needed. Ranges
//! that are not in [`card_lengths`], such as those of Maestro and RuPay, are missed. Numbers that
//! schemes publish for tests are left out if [`super::TestCards::Ignored`] says so.
//!
//! IBAN: a country, its length (SWIFT IBAN registry), and ISO 7064 MOD 97-10. It stands alone:
//! of random strings with a right country and length 1 of 97 pass, and a right country with two
//! digits behind it is rare. Written in lower case it is missed.

use super::digits;

/// Whether it is the number of a card.
pub(super) fn is_card(text: &[u8]) -> bool {
    is_card_form(text) && digits::is_luhn(text)
}

/// Whether its range and length are those of a card.
pub(super) fn is_card_form(text: &[u8]) -> bool {
    let prefix = text.get(..4).and_then(digits::number);
    prefix.is_some_and(|prefix| card_lengths(prefix).contains(&text.len()))
        && digits::values(text).is_some()
}

/// Whether it is a number that schemes publish for tests.
pub(super) fn is_test_card(text: &[u8]) -> bool {
    TEST_CARDS.contains(&text)
}

/// The lengths of numbers that begin with these four digits.
fn card_lengths(prefix: u32) -> &'static [usize] {
    match prefix {
        // UnionPay, whose newer range is 81.
        6_200..=6_299 | 8_100..=8_199 => &[16, 17, 18, 19],
        // Visa, Mastercard, Mir.
        4_000..=4_999 => &[13, 16, 19],
        5_100..=5_599 | 2_221..=2_720 | 2_200..=2_204 => &[16],
        // American Express.
        3_400..=3_499 | 3_700..=3_799 => &[15],
        // Discover, JCB, Diners Club.
        6_011 | 6_440..=6_599 | 3_528..=3_589 => &[16, 17, 18, 19],
        3_600..=3_699 => &[14, 15, 16, 17, 18, 19],
        3_000..=3_059 | 3_095 | 3_800..=3_999 => &[14, 16],
        _ => &[],
    }
}

/// The length of an IBAN that begins with these two letters.
pub(super) fn iban_length(country: [u8; 2]) -> Option<usize> {
    let known = IBAN_LENGTHS.binary_search_by_key(&&country, |(known, _)| known);
    known
        .ok()
        .and_then(|index| IBAN_LENGTHS.get(index))
        .map(|(_, length)| *length)
}

/// Whether it is an IBAN, without spaces.
pub(super) fn is_iban(text: &[u8]) -> bool {
    let [first, second, third, fourth, account @ ..] = text else {
        return false;
    };
    let is_form = third.is_ascii_digit() && fourth.is_ascii_digit();
    if !is_form || iban_length([*first, *second]) != Some(text.len()) {
        return false;
    }
    let turned = account.iter().chain([first, second, third, fourth]);
    let remainder = turned.copied().try_fold(0u64, |sum, byte| {
        // Divided only where the next step would not fit.
        let sum = if sum < 1 << 56 { sum } else { sum % 97 };
        match byte {
            b'0'..=b'9' => Some(sum * 10 + u64::from(byte - b'0')),
            b'A'..=b'Z' => Some(sum * 100 + u64::from(byte - b'A') + 10),
            _ => None,
        }
    });
    remainder.is_some_and(|sum| sum % 97 == 1)
}

/// Numbers from the test pages of Visa, Mastercard, American Express, Discover, JCB, Diners Club
/// and UnionPay.
const TEST_CARDS: &[&[u8]] = &[
    b"4111111111111111",
    b"4012888888881881",
    b"4222222222222",
    b"4242424242424242",
    b"4000000000000002",
    b"5555555555554444",
    b"5105105105105100",
    b"2223003122003222",
    b"378282246310005",
    b"371449635398431",
    b"378734493671000",
    b"6011111111111117",
    b"6011000990139424",
    b"3530111333300000",
    b"3566002020360505",
    b"30569309025904",
    b"38520000023237",
    b"36227206271667",
    b"6200000000000005",
    b"6205500000000000004",
    b"6221558812340000",
];

/// Lengths by country, in the order of the letters.
const IBAN_LENGTHS: &[([u8; 2], usize)] = &[
    (*b"AD", 24),
    (*b"AE", 23),
    (*b"AL", 28),
    (*b"AT", 20),
    (*b"AZ", 28),
    (*b"BA", 20),
    (*b"BE", 16),
    (*b"BG", 22),
    (*b"BH", 22),
    (*b"BI", 27),
    (*b"BR", 29),
    (*b"BY", 28),
    (*b"CH", 21),
    (*b"CR", 22),
    (*b"CY", 28),
    (*b"CZ", 24),
    (*b"DE", 22),
    (*b"DJ", 27),
    (*b"DK", 18),
    (*b"DO", 28),
    (*b"EE", 20),
    (*b"EG", 29),
    (*b"ES", 24),
    (*b"FI", 18),
    (*b"FK", 18),
    (*b"FO", 18),
    (*b"FR", 27),
    (*b"GB", 22),
    (*b"GE", 22),
    (*b"GI", 23),
    (*b"GL", 18),
    (*b"GR", 27),
    (*b"GT", 28),
    (*b"HR", 21),
    (*b"HU", 28),
    (*b"IE", 22),
    (*b"IL", 23),
    (*b"IQ", 23),
    (*b"IS", 26),
    (*b"IT", 27),
    (*b"JO", 30),
    (*b"KW", 30),
    (*b"KZ", 20),
    (*b"LB", 28),
    (*b"LC", 32),
    (*b"LI", 21),
    (*b"LT", 20),
    (*b"LU", 20),
    (*b"LV", 21),
    (*b"LY", 25),
    (*b"MC", 27),
    (*b"MD", 24),
    (*b"ME", 22),
    (*b"MK", 19),
    (*b"MN", 20),
    (*b"MR", 27),
    (*b"MT", 31),
    (*b"MU", 30),
    (*b"NI", 28),
    (*b"NL", 18),
    (*b"NO", 15),
    (*b"OM", 23),
    (*b"PK", 24),
    (*b"PL", 28),
    (*b"PS", 29),
    (*b"PT", 25),
    (*b"QA", 29),
    (*b"RO", 24),
    (*b"RS", 22),
    (*b"RU", 33),
    (*b"SA", 24),
    (*b"SC", 31),
    (*b"SD", 18),
    (*b"SE", 24),
    (*b"SI", 19),
    (*b"SK", 24),
    (*b"SM", 27),
    (*b"SO", 23),
    (*b"ST", 25),
    (*b"SV", 28),
    (*b"TL", 23),
    (*b"TN", 24),
    (*b"TR", 26),
    (*b"UA", 29),
    (*b"VA", 22),
    (*b"VG", 24),
    (*b"XK", 20),
    (*b"YE", 30),
];
