//! What holds of any events.

use proptest::prelude::*;

use super::*;

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
