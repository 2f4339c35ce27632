//! Parties that come to a number together.

use super::*;

/// The split of persons among the entities that send to a recipient.
fn among_senders(meters: &Meters, own: &str, value: u64, at: Day) -> Option<Split<Entity>> {
    let to_one = |key: &Key| (key.recipient == domain("sink.com")).then(|| key.entity.clone());
    meters.split(
        to_one,
        &organisation(own),
        (Window::Year, at),
        (|sums: &Sums| sums.persons, |persons| persons >= value),
    )
}

#[test]
fn many_below_a_number_come_to_it_together() {
    let mut meters = Meters::new(0);
    let at = Day::FIRST;
    for (number, entity) in ["a", "b", "c"].iter().enumerate() {
        let from = 400 * number as u64;
        let key = key(entity, Category::Health, "sink.com");
        meters.add(at, &key, &amounts(100, &persons(0, from, from + 500)));
    }
    let large = key("d", Category::Health, "sink.com");
    meters.add(at, &large, &amounts(1, &persons(0, 0, 5_000)));
    let elsewhere = key("e", Category::Health, "other.com");
    meters.add(at, &elsewhere, &amounts(1, &persons(0, 9_000, 9_500)));

    let split = among_senders(&meters, "a", 1_300, at).unwrap();
    assert_eq!(
        (split.total, split.members_more),
        (1_300, 0),
        "100 are the same in two"
    );
    assert_eq!((split.bytes, split.unseen_bytes), (300, 75));
    let names = split.members.iter().map(|it| (it.party.clone(), it.amount));
    let expected = ["a", "b", "c"].map(|name| (organisation(name), 500));
    assert_eq!(
        names.collect::<Vec<_>>(),
        expected,
        "who is above alone is no member"
    );

    let is_none = |own: &str, value, at| among_senders(&meters, own, value, at).is_none();
    assert!(is_none("a", 1_301, at), "together below it");
    assert!(is_none("a", 500, at), "each is at it alone");
    assert!(is_none("d", 1_300, at), "it has no part in it");
    assert!(is_none("e", 1_300, at), "it sends to somebody else");
    assert!(is_none("a", 1_300, at.plus(400)), "it was another year");
}

#[test]
fn of_many_members_those_with_the_most_are_told() {
    let mut meters = Meters::new(0);
    for number in 0..MEMBERS_MAX as u64 + 6 {
        let key = key("a", Category::Genomic, &format!("r{number}.com"));
        meters.add(Day::FIRST, &key, &amounts(10 + number, &[]));
    }
    let split = meters.split(
        |key| Some(key.recipient.clone()),
        &domain("r3.com"),
        (Window::TwelveMonths, Day::FIRST),
        (|sums: &Sums| sums.bytes, |bytes| bytes >= 100),
    );
    let split = split.unwrap();
    assert_eq!((split.members.len(), split.members_more), (MEMBERS_MAX, 6));
    assert_eq!(split.members[0].amount, 79);
    assert_eq!(split.total, (10..80).sum::<u64>());
}
