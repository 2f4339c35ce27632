use proptest::prelude::*;

use super::*;
use crate::inventory::{Categories, Category, Term};
use crate::time::Tick;

const CHINA: i32 = 28_800;

fn term(text: &str) -> Term {
    Term::try_from(text.to_owned()).unwrap()
}

fn organisation(name: &str) -> Entity {
    Entity::Organisation(term(name))
}

fn domain(name: &str) -> RecipientKey {
    RecipientKey::Domain(term(name))
}

fn key(entity: &str, category: Category, recipient: &str) -> Key {
    Key {
        entity: organisation(entity),
        categories: Categories::from(vec![category]),
        recipient: domain(recipient),
    }
}

fn kind(number: u8) -> IdentifierKind {
    IdentifierKind::try_from(number).unwrap()
}

/// Hashes of persons from a number to another, of one kind.
fn persons(of: u8, from: u64, to: u64) -> Vec<(IdentifierKind, u64)> {
    let hash = |number: u64| {
        let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    };
    (from..to).map(|number| (kind(of), hash(number))).collect()
}

fn amounts(bytes: u64, subjects: &[(IdentifierKind, u64)]) -> Amounts<'_> {
    Amounts {
        bytes,
        unseen_bytes: bytes / 4,
        records: 2,
        estimated_records: 0,
        exports: 1,
        subjects,
    }
}

const ALL: Selection<'static> = Selection {
    entity: None,
    categories: Categories::NONE,
    recipient: None,
};

fn total_bytes(meters: &Meters) -> u64 {
    meters.amounts(&ALL, Window::Always, Day::LAST).bytes
}

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
            subjects: 30
        }
    );
    assert_eq!(
        usage.of(Period::Month),
        Used {
            bytes: 10,
            subjects: 30
        }
    );
    assert_eq!(
        usage.of(Period::Year),
        Used {
            bytes: 10,
            subjects: 30
        }
    );
    assert_eq!(
        usage.of(Period::Total),
        Used {
            bytes: 110,
            subjects: 80
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

#[test]
fn too_many_keys_fold_and_no_byte_is_lost() {
    let mut meters = Meters::new(0);
    let often = key("Acme", Category::Health, "often.com");
    let mut bytes = 0;
    for number in 0..3 * KEYS_MAX as u64 {
        let entity = format!("e{}", number % 3);
        let key = key(&entity, Category::Personal, &format!("r{number}.com"));
        meters.add(Day::FIRST, &key, &amounts(number, &[]));
        meters.add(Day::FIRST, &often, &amounts(1, &[]));
        bytes += number + 1;
    }
    assert!(meters.len() <= KEYS_MAX && meters.len() > KEYS_MAX / 2);
    assert_eq!(total_bytes(&meters), bytes);
    assert!(meters.folded_keys > KEYS_MAX as u64);
    let entity = organisation("e1");
    let of_entity = Selection {
        entity: Some(&entity),
        ..ALL
    };
    let expected: u64 = (0..3 * KEYS_MAX as u64)
        .filter(|number| number % 3 == 1)
        .sum();
    let amounts_of = |one: &Selection<'_>| meters.amounts(one, Window::Always, Day::LAST).bytes;
    assert_eq!(amounts_of(&of_entity), expected, "it stays the entity's");
    let recipient = domain("often.com");
    let used_last = Selection {
        recipient: Some(&recipient),
        ..ALL
    };
    assert_eq!(amounts_of(&used_last), 3 * KEYS_MAX as u64);
}

#[test]
fn too_many_entities_fold_too() {
    let mut meters = Meters::new(0);
    for number in 0..2 * KEYS_MAX as u64 + 700 {
        let category = Category::ALL[number as usize % Category::ALL.len()];
        let key = key(&format!("e{number}"), category, "one.com");
        meters.add(
            Day::FIRST,
            &key,
            &amounts(1, &persons(0, number, number + 1)),
        );
    }
    assert!(meters.len() <= KEYS_MAX);
    assert_eq!(total_bytes(&meters), 2 * KEYS_MAX as u64 + 700);
    let lower = meters.subjects(&ALL, Window::Always, Day::FIRST);
    assert_eq!(lower.persons, 2 * KEYS_MAX as u64 + 700);
    let others = Selection {
        entity: Some(&Entity::Others),
        ..ALL
    };
    assert!(meters.amounts(&others, Window::Always, Day::LAST).bytes > 0);
    let recounted: u64 = meters.records.values().map(Record::sketch_bytes).sum();
    assert_eq!(meters.sketch_bytes(), recounted);
}

#[test]
fn old_days_fold_and_count_for_ever() {
    let mut meters = Meters::new(0);
    let key = key("Acme", Category::Personal, "partner.com");
    for number in 0..1_000_u32 {
        let some = persons(0, number.into(), u64::from(number) + 1);
        meters.add(Day::FIRST.plus(number), &key, &amounts(1, &some));
    }
    let last = Day::FIRST.plus(999);
    let record = meters.records.values().next().unwrap();
    assert_eq!(record.days.len(), DAYS_MAX as usize);
    assert_eq!(meters.folded_days, 200);
    assert_eq!(total_bytes(&meters), 1_000);
    assert_eq!(meters.subjects(&ALL, Window::Always, last).persons, 1_000);
    assert_eq!(
        meters.subjects(&ALL, Window::TwelveMonths, last).persons,
        365
    );
    assert_eq!(
        meters
            .subjects(&ALL, Window::Since(Day::FIRST), last)
            .persons,
        800
    );
    // What comes late counts, too.
    meters.add(Day::FIRST, &key, &amounts(5, &persons(0, 5_000, 5_001)));
    assert_eq!(total_bytes(&meters), 1_005);
    assert_eq!(meters.subjects(&ALL, Window::Always, last).persons, 1_001);
    assert_eq!(
        meters.records.values().next().unwrap().days.len(),
        DAYS_MAX as usize
    );
}

#[test]
fn sets_have_no_more_memory_than_the_bound() {
    let bytes_max = 200_000;
    let mut meters = Meters::bounded(0, bytes_max);
    let mut most = 0;
    for number in 0..40_u64 {
        let key = key(
            &format!("e{}", number % 4),
            Category::Personal,
            "partner.com",
        );
        for part in 0..4 {
            let from = number * 4_000 + part * 1_000;
            let some = persons(0, from, from + 1_000);
            meters.add(Day::FIRST.plus(number as u32), &key, &amounts(1, &some));
            most = most.max(meters.sketch_bytes());
        }
    }
    let recounted: u64 = meters.records.values().map(Record::sketch_bytes).sum();
    assert_eq!(meters.sketch_bytes(), recounted);
    assert!(most <= bytes_max + 8 * 1_000, "{most}");
    assert!(meters.folded_days > 0);
    assert_eq!(meters.dropped_subjects, 0);
    assert_eq!(total_bytes(&meters), 160);
    let lower = meters.subjects(&ALL, Window::Always, Day::LAST).persons;
    assert!((150_000..=160_000).contains(&lower), "{lower}");
    // Many keys of one day can neither fold nor shrink.
    for number in 0..100_u64 {
        let key = key(&format!("n{number}"), Category::Personal, "partner.com");
        meters.add(
            Day::FIRST.plus(40),
            &key,
            &amounts(1, &persons(0, 0, 1_000)),
        );
        assert!(meters.sketch_bytes() <= bytes_max + 8_000);
    }
    assert!(meters.dropped_subjects > 0);
    assert_eq!(total_bytes(&meters), 260);
    let key = key("n0", Category::Personal, "partner.com");
    let dropped = meters.dropped_subjects;
    meters.add(Day::FIRST.plus(41), &key, &amounts(1, &persons(0, 0, 5)));
    assert_eq!(
        meters.dropped_subjects, dropped,
        "the next day there is room"
    );
}

#[test]
fn many_below_a_threshold_with_one_recipient_are_told() {
    let mut meters = Meters::new(0);
    let at = Day::FIRST;
    for (number, entity) in ["a", "b", "c"].iter().enumerate() {
        let from = 400 * number as u64;
        let key = key(entity, Category::Health, "sink.com");
        meters.add(at, &key, &amounts(100, &persons(0, from, from + 500)));
    }
    let large = key("d", Category::Health, "sink.com");
    meters.add(at, &large, &amounts(1, &persons(0, 0, 5_000)));
    let threshold = |value, unit, categories| Threshold {
        categories,
        unit,
        value,
        window: Window::Year,
    };
    let health = Categories::from(vec![Category::Health]);
    let splits = meters.splits(&[threshold(1_300, Unit::Subjects, health)], at);
    assert_eq!(splits.len(), 1);
    let split = &splits[0];
    assert_eq!(split.shared, Shared::Recipient(domain("sink.com")));
    assert_eq!(
        (split.total, split.threshold, split.members_more),
        (1_300, 0, 0)
    );
    let names: Vec<_> = split
        .members
        .iter()
        .map(|it| (it.party.clone(), it.amount))
        .collect();
    let expected = ["a", "b", "c"].map(|name| (Shared::Entity(organisation(name)), 500));
    assert_eq!(names, expected, "who is above alone is no member");
    assert!((split.members[0].share - 500.0 / 1_300.0).abs() < 1e-9);
    assert!((split.unseen_share - 0.25).abs() < 1e-9);
    let none = |one: Threshold| meters.splits(&[one], at).is_empty();
    assert!(
        none(threshold(1_301, Unit::Subjects, health)),
        "together below it"
    );
    assert!(
        none(threshold(500, Unit::Subjects, health)),
        "each is at it alone"
    );
    let genomic = Categories::from(vec![Category::Genomic]);
    assert!(none(threshold(1_300, Unit::Subjects, genomic)));
    assert!(!none(threshold(301, Unit::Bytes, Categories::NONE)));
    assert!(
        meters
            .splits(&[threshold(1_300, Unit::Subjects, health)], at.plus(400))
            .is_empty()
    );
}

#[test]
fn one_entity_with_many_recipients_is_told() {
    let mut meters = Meters::new(0);
    for number in 0..MEMBERS_MAX as u64 + 6 {
        let key = key("a", Category::Genomic, &format!("r{number}.com"));
        meters.add(Day::FIRST, &key, &amounts(10 + number, &[]));
    }
    let threshold = Threshold {
        categories: Categories::NONE,
        unit: Unit::Bytes,
        value: 100,
        window: Window::TwelveMonths,
    };
    let splits = meters.splits(&[threshold], Day::FIRST);
    assert_eq!(splits.len(), 1);
    assert_eq!(splits[0].shared, Shared::Entity(organisation("a")));
    assert_eq!(
        (splits[0].members.len(), splits[0].members_more),
        (MEMBERS_MAX, 6)
    );
    assert_eq!(splits[0].members[0].amount, 79);
    let expected: u64 = (10..80).sum();
    assert_eq!(splits[0].total, expected);
}

#[test]
fn damaged_meters_are_refused() {
    let mut meters = Meters::new(CHINA);
    let key = key("Acme", Category::Personal, "partner.com");
    meters.add(Day::FIRST.plus(5), &key, &amounts(100, &persons(0, 0, 60)));
    let read = |meters: &Meters| {
        let bytes = postcard::to_stdvec(meters).unwrap();
        postcard::from_bytes::<Meters>(&bytes)
    };
    let again = read(&meters).unwrap();
    assert_eq!(again.records, meters.records);
    assert_eq!(again.sketch_bytes(), 480);
    let damaged = |damage: &dyn Fn(&mut Record)| {
        let mut meters = meters.clone();
        meters.records.values_mut().for_each(damage);
        read(&meters).is_err()
    };
    assert!(damaged(&|one| one.used = 9_999));
    assert!(damaged(&|one| one.before.unseen_bytes = 1));
    assert!(damaged(&|one| {
        one.days.insert(Day::FIRST.plus(6), Counts::default());
    }));
    assert!(!damaged(&|_| {}));
    let mut many = meters.clone();
    for number in 0..=KEYS_MAX {
        let key = self::key(&number.to_string(), Category::Personal, "p.com");
        many.records.insert(key, Record::default());
    }
    assert!(read(&many).is_err());
}

#[test]
fn meters_of_other_midnights_do_not_merge() {
    let said = Meters::new(CHINA).merge(&Meters::new(0)).unwrap_err();
    assert!(
        said.contains("0 s before those of UTC, and here 28800 s"),
        "{said}"
    );
}

type Event = (u32, u8, u8, u64, u64);

fn event() -> impl Strategy<Value = Event> {
    (0u32..900, 0u8..3, 0u8..4, 0u64..1_000, 0u64..300)
}

fn count(meters: &mut Meters, (number, entity, recipient, bytes, first): Event) {
    let key = key(
        &entity.to_string(),
        Category::Health,
        &format!("r{recipient}.com"),
    );
    let some = persons(recipient % 2, first, first + bytes % 7);
    meters.add(
        Day::FIRST.plus(19_000 + number),
        &key,
        &amounts(bytes, &some),
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sensors_that_merge_count_what_one_would(
        events in prop::collection::vec((event(), 0usize..3), 0..120),
    ) {
        let mut one = Meters::new(CHINA);
        let mut parts = [Meters::new(CHINA), Meters::new(CHINA), Meters::new(CHINA)];
        for (event, part) in events {
            count(&mut one, event);
            count(&mut parts[part], event);
        }
        let mut merged = Meters::new(CHINA);
        for part in &parts {
            merged.merge(part).unwrap();
        }
        let essence = |meters: &Meters| {
            let records = meters.records.clone().into_iter();
            let records = records.map(|(key, it)| (key, it.days, it.before));
            records.collect::<Vec<_>>()
        };
        prop_assert_eq!(essence(&merged), essence(&one));
        prop_assert_eq!(merged.sketch_bytes(), one.sketch_bytes());
        let recounted: u64 = one.records.values().map(Record::sketch_bytes).sum();
        prop_assert_eq!(one.sketch_bytes(), recounted);
        let bytes = postcard::to_stdvec(&merged).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Meters>(&bytes).unwrap().records, merged.records);
    }

    #[test]
    fn windows_agree_with_a_list_of_events(
        events in prop::collection::vec(event(), 0..120),
        at in 0u32..900,
        entity in prop::option::of(0u8..3),
    ) {
        let mut meters = Meters::new(CHINA);
        events.iter().for_each(|event| count(&mut meters, *event));
        let newest = events.iter().map(|event| event.0).max().unwrap_or(0);
        let at = at.min(newest);
        let entity = entity.map(|entity| organisation(&entity.to_string()));
        let selection = Selection { entity: entity.as_ref(), ..ALL };
        let end = Day::FIRST.plus(19_000 + at);
        for window in [Window::Year, Window::TwelveMonths] {
            let first = window.first(end);
            let is_within = |event: &&Event| {
                let day = Day::FIRST.plus(19_000 + event.0);
                let name = organisation(&event.1.to_string());
                let is_asked = entity.as_ref().is_none_or(|entity| *entity == name);
                let is_kept = event.0 + DAYS_MAX > newest;
                is_asked && is_kept && (first..=end).contains(&day)
            };
            let within = events.iter().filter(is_within);
            let bytes: u64 = within.clone().map(|event| event.3).sum();
            let most = (0..2).map(|kind| {
                let of_kind = within.clone().filter(|event| event.2 % 2 == kind);
                let persons = of_kind.flat_map(|event| event.4..event.4 + event.3 % 7);
                persons.collect::<std::collections::BTreeSet<_>>().len() as u64
            });
            let most = most.max().unwrap_or(0);
            prop_assert_eq!(meters.amounts(&selection, window, end).bytes, bytes);
            prop_assert_eq!(meters.subjects(&selection, window, end).persons, most);
        }
    }

    #[test]
    fn no_bytes_break_the_reading(
        events in prop::collection::vec(event(), 0..6),
        place in any::<prop::sample::Index>(),
        bit in 0u32..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut meters = Meters::new(CHINA);
        events.into_iter().for_each(|event| count(&mut meters, event));
        let mut bytes = postcard::to_stdvec(&meters).unwrap();
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(mut meters) = postcard::from_bytes::<Meters>(bytes) {
                let newest = meters.newest;
                count(&mut meters, (3, 1, 1, 9, 9));
                let _ = meters.used(&ALL, newest);
                let _ = meters.subjects(&ALL, Window::TwelveMonths, newest);
                let copy = meters.clone();
                meters.merge(&copy).unwrap();
            }
        }
    }
}
