//! What happens when there is too much, or what is read is damaged.

use super::*;

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
