//! Per detector: many of its kind, and as many with one digit changed.

use super::make::{self, Chance};
use super::*;

const COUNT: usize = 50;

/// All that `make` gives are found behind `before`. Of those with one digit changed that
/// `is_right` refuses none is.
fn assert_detects(
    kind: Kind,
    before: &str,
    make: impl Fn(&mut Chance) -> Option<String>,
    is_right: impl Fn(&str) -> bool,
) {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let (mut positives, mut misses) = (0, 0);
    while positives < COUNT || misses < COUNT {
        let Some(value) = make(&mut chance) else {
            continue;
        };
        assert!(is_right(&value), "{value}");
        assert_eq!(
            hits(kind, format!("{before}{value};")),
            1,
            "{kind:?} {value}"
        );
        positives += 1;
        let miss = make::near_miss(&mut chance, &value);
        if !is_right(&miss) {
            assert_eq!(
                hits(kind, format!("{before}{miss};")),
                0,
                "{kind:?} near {miss}"
            );
            misses += 1;
        }
    }
}

#[test]
fn resident_ids() {
    let make = |chance: &mut Chance| Some(make::resident_id(chance));
    assert_detects(Kind::ResidentId, "", make, make::mod_11_2);
}

#[test]
fn old_resident_ids() {
    let make = |chance: &mut Chance| {
        let (month, day) = (1 + chance.below(12), 1 + chance.below(28));
        let (year, serial) = (chance.below(100), chance.digits(3));
        Some(format!("440103{year:02}{month:02}{day:02}{serial}"))
    };
    // It has no check digit, so only what breaks the date or the division is a miss.
    let is_right = |text: &str| {
        let number = |from: usize| text[from..from + 2].parse::<u32>().unwrap();
        [44, 41, 42, 43, 45, 46, 14, 34, 54, 64].contains(&number(0))
            && matches!(number(2), 1..=70 | 90)
            && (1..=12).contains(&number(8))
            && (1..=31).contains(&number(10))
    };
    let is_sure = |text: &str| is_right(text) || (29..=31).contains(&text[10..12].parse().unwrap());
    assert_detects(Kind::ResidentIdOld, "idcard ", make, is_sure);
}

#[test]
fn organisation_codes() {
    let alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let make = |chance: &mut Chance| {
        let open = format!(
            "9144010{}{}",
            chance.below(10),
            chance.of("0123456789ABM", 8)
        );
        alphabet
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == 'X')
            .find_map(|c| make::closed(&format!("{open}{c}"), alphabet, make::organisation))
    };
    assert_detects(Kind::OrganisationCode, "", make, make::organisation);
}

#[test]
fn payment_cards() {
    for (prefix, length) in [
        ("62", 16),
        ("62", 19),
        ("4", 16),
        ("51", 16),
        ("34", 15),
        ("6011", 16),
        ("3530", 16),
        ("36", 14),
        ("2221", 16),
        ("2200", 16),
    ] {
        let make = |chance: &mut Chance| {
            let open = format!("{prefix}{}", chance.digits(length - prefix.len() - 1));
            make::closed(&open, "0123456789", make::luhn)
        };
        assert_detects(Kind::PaymentCard, "card no ", make, make::luhn);
    }
}

#[test]
fn mobile_numbers() {
    let make = |chance: &mut Chance| {
        let prefixes = ["13", "15", "17", "18", "19", "166", "147"];
        let prefix = prefixes[chance.below(7) as usize];
        let number = format!("{prefix}{}", chance.digits(11 - prefix.len()));
        is_mobile(&number).then_some(number)
    };
    assert_detects(Kind::MobileChina, "tel:", make, is_mobile);
}

/// The expression of the reference, without a library for it.
fn is_mobile(text: &str) -> bool {
    let b = text.as_bytes();
    b[0] == b'1'
        && match &text[1..2] {
            "3" | "8" => true,
            "5" => b[2] != b'4',
            "7" if b[2] == b'4' => {
                b[3] == b'0' || b[3] == b'9' || b[3] == b'1' && (b'0'..=b'2').contains(&b[4])
            }
            "7" => b"01235789".contains(&b[2]),
            "9" => b[2] != b'4',
            "6" => b"2567".contains(&b[2]),
            "4" => b"579".contains(&b[2]),
            _ => false,
        }
}

#[test]
fn passports() {
    let make = |chance: &mut Chance| Some(make::passport(chance));
    let is_right = |text: &str| {
        let digit = |from: usize, to: usize| {
            make::zone_digit(&text[from..to]) == text.as_bytes()[to] as char
        };
        digit(0, 9) && digit(13, 19) && digit(21, 27) && digit(28, 42) && {
            let all = [&text[..10], &text[13..20], &text[21..43]].concat();
            make::zone_digit(&all) == text.as_bytes()[43] as char
        }
    };
    assert_detects(Kind::Passport, "", make, is_right);
}

#[test]
fn vins() {
    let make = |chance: &mut Chance| {
        let alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789";
        let (front, end) = (chance.of(alphabet, 8), chance.of(alphabet, 8));
        "0123456789X"
            .chars()
            .map(|c| format!("{front}{c}{end}"))
            .find(|vin| make::vin(vin))
            .filter(|vin| vin.bytes().any(|b| b.is_ascii_digit()))
    };
    assert_detects(Kind::Vin, "VIN ", make, make::vin);
}

#[test]
fn ibans() {
    for (country, length) in [("DE", 22), ("GB", 22), ("NO", 15), ("MT", 31), ("CH", 21)] {
        let make = |chance: &mut Chance| {
            let account = chance.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length - 4);
            (2..=98)
                .map(|n| format!("{country}{n:02}{account}"))
                .find(|iban| make::mod_97(iban))
        };
        assert_detects(Kind::Iban, "", make, make::mod_97);
    }
}

#[test]
fn social_security_numbers() {
    let is_right = |text: &str| {
        let part = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
        (1..900).contains(&part(0, 3)) && part(0, 3) != 666 && part(4, 6) > 0 && part(7, 11) > 0
    };
    let make = |chance: &mut Chance| {
        let text = format!(
            "{:03}-{:02}-{:04}",
            chance.below(900),
            chance.below(3),
            chance.below(3)
        );
        is_right(&text).then_some(text)
    };
    assert_detects(Kind::SsnUs, "", make, is_right);
}

#[test]
fn imeis() {
    let make = |chance: &mut Chance| make::closed(&chance.digits(14), "0123456789", make::luhn);
    assert_detects(Kind::Imei, "imei=", make, make::luhn);
}

#[test]
fn e_mail_addresses() {
    let mut chance = Chance(7);
    for round in 0..COUNT {
        let local = chance.of("abcdefghijklmnopqrstuvwxyz0123456789", 8);
        let host = chance.of("abcdefghijklmnopqrstuvwxyz", 6);
        let suffix = ["com", "cn", "de", "org", "co.uk", "com.cn"][round % 6];
        assert_eq!(
            hits(Kind::Email, format!("to {local}@{host}.{suffix}, and")),
            1
        );
        let miss = ["c0m", "c1", "d3", "0rg", "u1", "png"][round % 6];
        assert_eq!(
            hits(Kind::Email, format!("to {local}@{host}.{miss}, and")),
            0,
            "{miss}"
        );
    }
}

#[test]
fn aadhaar_numbers() {
    let make = |chance: &mut Chance| {
        let open = format!("{}{}", 2 + chance.below(8), chance.digits(10));
        make::closed(&open, "0123456789", make::verhoeff)
    };
    let is_right = |text: &str| make::verhoeff(text) && text.as_bytes()[0] >= b'2';
    assert_detects(Kind::Aadhaar, "Aadhaar: ", make, is_right);
}

#[test]
fn hong_kong_ids() {
    for letters in [1, 2] {
        let make = |chance: &mut Chance| {
            let front = chance.of("ABCDEFGHKLMNPRSTVWYZ", letters);
            make::closed(
                &format!("{front}{}", chance.digits(6)),
                "0123456789A",
                make::hong_kong,
            )
        };
        assert_detects(Kind::HongKongId, "HKID ", make, make::hong_kong);
    }
}

#[test]
fn korean_numbers() {
    let make = |chance: &mut Chance| {
        let (year, month, day) = (
            chance.below(100),
            1 + chance.below(12),
            1 + chance.below(28),
        );
        let open = format!(
            "{year:02}{month:02}{day:02}{}{}",
            1 + chance.below(2),
            chance.digits(5)
        );
        make::closed(&open, "0123456789", make::korean)
    };
    assert_detects(Kind::KoreanRrn, "RRN ", make, make::korean);
    let mut chance = Chance(3);
    let number = make(&mut chance).unwrap();
    let dashed = format!("주민등록번호 {}-{}", &number[..6], &number[6..]);
    assert_eq!(hits(Kind::KoreanRrn, dashed), 1);
}

#[test]
fn snils_numbers() {
    let make = |chance: &mut Chance| {
        let open = format!("{}{}", 1 + chance.below(9), chance.digits(8));
        (0..100)
            .map(|n| format!("{open}{n:02}"))
            .find(|text| make::snils(text))
    };
    assert_detects(Kind::Snils, "СНИЛС ", make, make::snils);
}
