//! Years, persons, categories and recipients.

use super::*;
use crate::time::Tick;

#[test]
fn a_calendar_year_begins_at_midnight_in_china() {
    let mut meters = Meters::new(CHINA);
    let of = |text: &str| Day::of(text.parse::<Tick>().unwrap(), CHINA);
    let key = key("Acme", Category::Personal, "partner.com");
    let (before, after) = (of("2025-12-31T15:59:59Z"), of("2025-12-31T16:00:00Z"));
    meters.add(before, &key, &amounts(100, &persons(0, 0, 60)));
    meters.add(after, &key, &amounts(10, &persons(0, 50, 80)));
    let persons_of = |window, at| meters.subjects(&ALL, window, at).persons;
    assert_eq!(persons_of(Window::Year, after), 30);
    assert_eq!(persons_of(Window::Year, before), 60);
    assert_eq!(persons_of(Window::SincePreviousJanuary, after), 80);
    assert_eq!(persons_of(Window::TwelveMonths, after), 80);
    assert_eq!(persons_of(Window::TwelveMonths, before.plus(364)), 80);
    assert_eq!(persons_of(Window::TwelveMonths, before.plus(365)), 30);
    assert_eq!(persons_of(Window::TwelveMonths, before.plus(366)), 0);
    assert_eq!(persons_of(Window::Since(after), after), 30);
    assert_eq!(persons_of(Window::Always, after), 80);
    assert_eq!(persons_of(Window::Always, before), 60);
    let usage = meters.used(&ALL, after);
    assert_eq!(
        usage.of(Period::Day),
        Used {
            bytes: 10,
            subjects: 30,
            estimated_subjects: 0,
        }
    );
    assert_eq!(
        usage.of(Period::Month),
        Used {
            bytes: 10,
            subjects: 30,
            estimated_subjects: 0,
        }
    );
    assert_eq!(
        usage.of(Period::Year),
        Used {
            bytes: 10,
            subjects: 30,
            estimated_subjects: 0,
        }
    );
    assert_eq!(
        usage.of(Period::Total),
        Used {
            bytes: 110,
            subjects: 80,
            estimated_subjects: 0,
        }
    );
}

#[test]
fn persons_are_the_most_of_a_kind_and_never_the_sum() {
    let mut meters = Meters::new(0);
    let key = key("Acme", Category::Personal, "partner.com");
    let mut all = persons(0, 0, 40);
    all.extend(persons(1, 100, 190));
    meters.add(Day::FIRST, &key, &amounts(100, &all));
    let lower = meters.subjects(&ALL, Window::Always, Day::FIRST);
    let expected = Lower {
        persons: 90,
        kind: Some(kind(1)),
        is_exact: true,
        unseen_share: 0.25,
    };
    assert_eq!(lower, expected);
    let none = Selection {
        entity: Some(&Entity::Others),
        ..ALL
    };
    let nobody = meters.subjects(&none, Window::Always, Day::FIRST);
    assert_eq!(
        (nobody.persons, nobody.is_exact, nobody.kind),
        (0, true, None)
    );
    assert_eq!(nobody.unseen_share, 0.0);
}

#[test]
fn many_persons_are_a_lower_bound_over_days_and_recipients() {
    let mut meters = Meters::new(0);
    for number in 0..30_u64 {
        let key = key("Acme", Category::Personal, &format!("r{}.com", number % 3));
        let some = persons(0, number * 4_000, number * 4_000 + 5_000);
        meters.add(Day::FIRST.plus(number as u32), &key, &amounts(1, &some));
    }
    let lower = meters.subjects(&ALL, Window::Always, Day::LAST);
    assert!(!lower.is_exact);
    let distinct = 29 * 4_000 + 5_000;
    assert!(
        (distinct * 95 / 100..=distinct).contains(&lower.persons),
        "{lower:?}"
    );
}

#[test]
fn what_is_about_several_things_counts_once() {
    let mut meters = Meters::new(0);
    let both = Categories::from(vec![Category::Health, Category::Genomic]);
    let key = Key {
        categories: both,
        ..key("Acme", Category::Health, "partner.com")
    };
    meters.add(Day::FIRST, &key, &amounts(100, &persons(0, 0, 5)));
    for categories in [
        both,
        Categories::from(vec![Category::Genomic]),
        Categories::NONE,
    ] {
        let selection = Selection { categories, ..ALL };
        let amounts = meters.amounts(&selection, Window::Always, Day::FIRST);
        assert_eq!(
            (amounts.bytes, amounts.records, amounts.exports),
            (100, 2, 1)
        );
    }
    let categories = Categories::from(vec![Category::Financial]);
    let selection = Selection { categories, ..ALL };
    assert_eq!(
        meters.amounts(&selection, Window::Always, Day::FIRST).bytes,
        0
    );
}

#[test]
fn recipients_are_told_by_what_is_known_best() {
    let country = "SG".parse().unwrap();
    let of = |domain: Option<&str>, asn| RecipientKey::of(domain, asn, country);
    assert_eq!(of(Some("Partner.com"), 7), domain("partner.com"));
    assert_eq!(of(Some(""), 7), RecipientKey::Asn(7));
    assert_eq!(of(Some(&"x".repeat(300)), 7), RecipientKey::Asn(7));
    assert_eq!(of(None, 0), RecipientKey::Country(country));
    assert!(IdentifierKind::try_from(IDENTIFIER_KINDS).is_err());
}
