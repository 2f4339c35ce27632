//! Makes identifiers with check digits of its own, and codes of text.

/// A small generator of numbers (xorshift), so that each run tests the same.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    pub(super) fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    pub(super) fn of(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet = alphabet.as_bytes();
        let one = |_| char::from(alphabet[self.below(alphabet.len() as u64) as usize]);
        (0..count).map(one).collect()
    }
}

/// Tries check characters until the sum is right, so that no formula is written twice.
pub(super) fn closed(open: &str, checks: &str, is_right: impl Fn(&str) -> bool) -> Option<String> {
    checks
        .chars()
        .map(|check| format!("{open}{check}"))
        .find(|whole| is_right(whole))
}

/// ISO 7064 MOD 11-2: the number to base 2 is 1 modulo 11, with X for ten.
pub(super) fn mod_11_2(text: &str) -> bool {
    let fold = |sum: u32, c: char| (sum * 2 + if c == 'X' { 10 } else { c as u32 - 48 }) % 11;
    text.chars().fold(0, fold) == 1
}

pub(super) fn resident_id(chance: &mut Chance) -> String {
    loop {
        let (year, month) = (1930 + chance.below(90), 1 + chance.below(12));
        let day = 1 + chance.below(28);
        let open = format!(
            "4401{:02}{year}{month:02}{day:02}{}",
            3 + chance.below(9),
            chance.digits(3)
        );
        if let Some(id) = closed(&open, "0123456789X", mod_11_2) {
            return id;
        }
    }
}

pub(super) fn luhn(text: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in text.bytes().rev().enumerate() {
        let digit = u32::from(digit - b'0');
        let doubled = digit * 2;
        sum += if place % 2 == 0 {
            digit
        } else {
            doubled / 10 + doubled % 10
        };
    }
    sum % 10 == 0
}

pub(super) fn mod_97(text: &str) -> bool {
    let turned = format!("{}{}", &text[4..], &text[..4]);
    let digits: String = turned
        .chars()
        .map(|c| c.to_digit(36).unwrap().to_string())
        .collect();
    digits
        .bytes()
        .fold(0u64, |sum, d| (sum * 10 + u64::from(d - b'0')) % 97)
        == 1
}

/// Over a table of values, which is not how the detector does it.
pub(super) fn vin(text: &str) -> bool {
    let values = "0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ";
    let weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: usize = text
        .chars()
        .zip(weights)
        .map(|(c, w)| values.find(c).unwrap() % 10 * w)
        .sum();
    text.as_bytes()[8] == b"0123456789X"[sum % 11]
}

pub(super) fn organisation(text: &str) -> bool {
    let alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut power = 1;
    let mut sum = 0;
    for c in text.chars() {
        let Some(value) = alphabet.find(c) else {
            return false;
        };
        sum += value * power;
        power = power * 3 % 31;
    }
    let inner: usize = text[8..16]
        .chars()
        .zip([3, 7, 9, 10, 5, 8, 4, 2])
        .map(|(c, w)| c.to_digit(36).unwrap() as usize * w)
        .sum();
    let check = match &text[16..17] {
        "X" => 10,
        digit => digit.parse().unwrap_or(99),
    };
    // The weight of the last place is 1 modulo 31, because 3 to the 30th is.
    let last = 3usize.pow(17) % 31;
    let whole = sum - alphabet.find(&text[17..]).unwrap() * last;
    let closed = whole + alphabet.find(&text[17..]).unwrap();
    closed.is_multiple_of(31) && (inner + check).is_multiple_of(11)
}

pub(super) fn verhoeff(text: &str) -> bool {
    const D: [&[u8; 10]; 10] = [
        b"0123456789",
        b"1234067895",
        b"2340178956",
        b"3401289567",
        b"4012395678",
        b"5987604321",
        b"6598710432",
        b"7659821043",
        b"8765932104",
        b"9876543210",
    ];
    const P: [&[u8; 10]; 8] = [
        b"0123456789",
        b"1576283094",
        b"5803796142",
        b"8916043527",
        b"9453126870",
        b"4286573901",
        b"2793806415",
        b"7046913258",
    ];
    text.bytes()
        .rev()
        .enumerate()
        .fold(0, |check, (place, digit)| {
            let permuted = P[place % 8][usize::from(digit - 48)] - 48;
            usize::from(D[check][usize::from(permuted)] - 48)
        })
        == 0
}

pub(super) fn hong_kong(text: &str) -> bool {
    let padded = format!("{text:>9}");
    let value = |c: char| c.to_digit(36).unwrap_or(36);
    padded
        .chars()
        .enumerate()
        .map(|(i, c)| value(c) * (9 - i as u32))
        .sum::<u32>()
        % 11
        == 0
}

pub(super) fn korean(text: &str) -> bool {
    let d: Vec<u32> = text.bytes().map(|b| u32::from(b - 48)).collect();
    let sum: u32 = (0..12).map(|i| d[i] * (i as u32 % 8 + 2)).sum();
    d[12] == (11 - sum % 11) % 10
}

pub(super) fn snils(text: &str) -> bool {
    let d: Vec<u32> = text.bytes().map(|b| u32::from(b - 48)).collect();
    let sum: u32 = (0..9).map(|i| d[i] * (9 - i as u32)).sum();
    let mut check = sum % 101;
    if check == 100 {
        check = 0;
    }
    d[9] * 10 + d[10] == check
}

pub(super) fn zone_digit(field: &str) -> char {
    let value = |c: char| c.to_digit(36).unwrap_or(0);
    let sum: u32 = field
        .chars()
        .zip([7, 3, 1].iter().cycle())
        .map(|(c, w)| value(c) * w)
        .sum();
    char::from_digit(sum % 10, 10).unwrap()
}

pub(super) fn passport(chance: &mut Chance) -> String {
    let number = chance.of("ABCDEFGHKLMNP0123456789", 9);
    let birth = format!(
        "{:02}{:02}{:02}",
        chance.below(99),
        1 + chance.below(12),
        1 + chance.below(28)
    );
    let expiry = format!(
        "{:02}{:02}{:02}",
        25 + chance.below(9),
        1 + chance.below(12),
        1 + chance.below(28)
    );
    let optional = format!("{}<<<<<<", chance.digits(8));
    let parts = [
        format!("{number}{}", zone_digit(&number)),
        format!("{birth}{}", zone_digit(&birth)),
        format!("{expiry}{}", zone_digit(&expiry)),
        format!("{optional}{}", zone_digit(&optional)),
    ];
    let composite = zone_digit(&parts.concat());
    format!(
        "{}CHN{}F{}{}{composite}",
        parts[0], parts[1], parts[2], parts[3]
    )
}

/// One digit changed to another one.
pub(super) fn near_miss(chance: &mut Chance, value: &str) -> String {
    loop {
        let place = chance.below(value.len() as u64) as usize;
        let old = value.as_bytes()[place];
        if old.is_ascii_digit() {
            let new = char::from(b'0' + (old - b'0' + 1 + chance.below(9) as u8) % 10);
            return format!("{}{new}{}", &value[..place], &value[place + 1..]);
        }
    }
}

pub(super) fn utf16_le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(super) fn utf16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

pub(super) fn full_width(text: &str) -> String {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap(),
        other => other,
    };
    text.chars().map(wide).collect()
}

pub(super) fn full_width_gbk(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [0xA3, byte + 0x80]).collect()
}

pub(super) fn percent(text: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.iter().map(one).collect()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(*three.get(place).unwrap_or(&0));
        }
        for place in 0..4 {
            let value = (bits >> (18 - 6 * place) & 63) as usize;
            let is_padding = place > three.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(alphabet[value])
            });
        }
    }
    text
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}
