//! How often noise is taken for an identifier. The rates are those of the reference.

use super::make::{Chance, base64};
use super::*;

#[test]
fn a_few_megabytes_of_noise_hold_nothing() {
    let mut chance = Chance(0xABCD_EF01);
    let random: Vec<u8> = (0..3 << 17)
        .flat_map(|_| chance.next().to_le_bytes())
        .collect();
    for bytes in [base64(&random).into_bytes(), random] {
        let found = inspect(bytes);
        let hits: u64 = found.identifiers().map(|(_, seen)| seen.hits()).sum();
        assert_eq!(hits, 0, "{found:?}");
        assert_eq!(found.formats().count(), 0, "{found:?}");
    }
}

#[test]
fn random_numbers_pass_as_resident_ids_as_rarely_as_stated() {
    let mut chance = Chance(0x1234_5678_9ABC);
    let count = 1_000_000;
    let text: String = (0..count).map(|_| chance.digits(18) + ",").collect();
    let hits = inspect(text).hits(Kind::ResidentId);
    // The stated rate is 1.27e-5; four deviations above it are 27 of a million.
    assert!(hits <= 27, "{hits}");
}

#[test]
fn random_numbers_make_no_density() {
    let mut chance = Chance(0x77_1234);
    let mut found = Found::default();
    for _ in 0..2_000 {
        let text: String = (0..100)
            .map(|n| format!("4{},{}\n", chance.digits(15), chance.digits(11 + n % 2)))
            .collect();
        found.merge(&inspect(text));
    }
    // Luhn alone would pass one number of ten, in each of the streams.
    for kind in [Kind::PaymentCard, Kind::MobileChina, Kind::Vin] {
        assert_eq!(found.hits(kind), 0, "{kind:?}");
    }
}
