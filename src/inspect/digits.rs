//! Check digits that several identifiers share, and dates.

/// The value of each digit, if all are digits.
pub(super) fn values(text: &[u8]) -> Option<impl DoubleEndedIterator<Item = u32> + Clone + '_> {
    let digits = text.iter().map(|byte| u32::from(byte.wrapping_sub(b'0')));
    text.iter().all(u8::is_ascii_digit).then_some(digits)
}

/// The number that digits write, which must fit.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    values(text)?.try_fold(0u32, |sum, digit| sum.checked_mul(10)?.checked_add(digit))
}

/// The sum of products of values and weights, over the shorter of both.
pub(super) fn weighed(values: impl Iterator<Item = u32>, weights: &[u32]) -> u32 {
    values
        .zip(weights)
        .map(|(value, weight)| value.wrapping_mul(*weight))
        .fold(0, u32::wrapping_add)
}

/// Whether digits pass the check of Luhn (ISO/IEC 7812-1 annex B).
pub(super) fn is_luhn(text: &[u8]) -> bool {
    let Some(digits) = values(text) else {
        return false;
    };
    let one = |(place, digit): (usize, u32)| match (place % 2, digit) {
        (0, digit) => digit,
        (_, digit @ 0..=4) => digit * 2,
        (_, digit) => digit * 2 - 9,
    };
    digits
        .rev()
        .enumerate()
        .map(one)
        .fold(0, u32::wrapping_add)
        .is_multiple_of(10)
}

/// Whether digits pass the check of Verhoeff, which finds all exchanged neighbours.
pub(super) fn is_verhoeff(text: &[u8]) -> bool {
    let Some(digits) = values(text) else {
        return false;
    };
    let permutations = VERHOEFF.iter().cycle();
    let product = digits
        .rev()
        .zip(permutations)
        .fold(0, |product, (digit, permutation)| {
            let at = |row: &[u8; 10], place: u8| row.get(usize::from(place)).copied().unwrap_or(0);
            let permuted = at(permutation, u8::try_from(digit).unwrap_or(0));
            let row = PRODUCTS.get(usize::from(product));
            row.map_or(0, |row| at(row, permuted))
        });
    product == 0
}

/// Whether a day is one of the Gregorian calendar.
pub(super) fn is_date(year: u32, month: u32, day: u32) -> bool {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The permutation of Verhoeff, applied 0 to 7 times.
const VERHOEFF: [[u8; 10]; 8] = {
    let mut table = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 8];
    let once = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut times = 1;
    while times < 8 {
        let mut digit = 0;
        while digit < 10 {
            table[times][digit] = once[table[times - 1][digit] as usize];
            digit += 1;
        }
        times += 1;
    }
    table
};

/// Multiplication in the dihedral group of ten elements.
const PRODUCTS: [[u8; 10]; 10] = {
    let mut products = [[0; 10]; 10];
    let mut a = 0;
    while a < 10 {
        let mut b = 0;
        while b < 10 {
            let product = match (a < 5, b < 5) {
                (true, true) => (a + b) % 5,
                (true, false) => (a + b) % 5 + 5,
                (false, true) => (a + 5 - b) % 5 + 5,
                (false, false) => (a + 5 - b) % 5,
            };
            products[a][b] = product as u8;
            b += 1;
        }
        a += 1;
    }
    products
};
