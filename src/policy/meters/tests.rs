//! Meters, by theme.

use super::*;
use crate::inventory::{Categories, Category, Term};

mod bounds;
mod counting;
mod properties;
mod splits;

pub(super) const CHINA: i32 = 28_800;

pub(super) fn term(text: &str) -> Term {
    Term::try_from(text.to_owned()).unwrap()
}

pub(super) fn organisation(name: &str) -> Entity {
    Entity::Organisation(term(name))
}

pub(super) fn domain(name: &str) -> RecipientKey {
    RecipientKey::Domain(term(name))
}

pub(super) fn key(entity: &str, category: Category, recipient: &str) -> Key {
    Key {
        entity: organisation(entity),
        categories: Categories::from(vec![category]),
        asset: None,
        recipient: domain(recipient),
        country: "SG".parse().unwrap(),
        traits: Traits::default(),
    }
}

pub(super) fn kind(number: u8) -> IdentifierKind {
    IdentifierKind::try_from(number).unwrap()
}

/// Hashes of persons from a number to another, of one kind.
pub(super) fn persons(of: u8, from: u64, to: u64) -> Vec<(IdentifierKind, u64)> {
    let hash = |number: u64| {
        let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    };
    (from..to).map(|number| (kind(of), hash(number))).collect()
}

pub(super) fn amounts(bytes: u64, subjects: &[(IdentifierKind, u64)]) -> Amounts<'_> {
    Amounts {
        bytes,
        unseen_bytes: bytes / 4,
        records: 2,
        estimated_records: 0,
        exports: 1,
        subjects,
    }
}

pub(super) const ALL: Selection<'static> = Selection {
    entity: None,
    categories: Categories::NONE,
    recipient: None,
};

pub(super) fn total_bytes(meters: &Meters) -> u64 {
    meters.amounts(&ALL, Window::Always, Day::LAST).bytes
}
