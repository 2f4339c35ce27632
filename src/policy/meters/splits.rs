//! Volumes that were split: parties that each stay below a threshold and together do not.
//!
//! To split a volume in order to stay below a threshold is forbidden (Measures for the
//! Certification of Outbound Transfers of Personal Information, in force since 2026-01-01). It
//! shows as many entities with one recipient, or as one entity with many recipients. That may
//! be chance, too: what is told here is who they are, and not that they meant it.

use std::collections::BTreeMap;

use super::record::{Counts, Record, merge};
use super::{Day, Entity, Lower, Meters, RecipientKey, Unit, Window};
use crate::inventory::Categories;

/// Splits that are told at once.
pub const SPLITS_MAX: usize = 256;

/// Members of a split that are told, those with the most first.
pub const MEMBERS_MAX: usize = 64;

/// A number that a law sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// What it is about: any of these; anything if it is empty.
    pub categories: Categories,
    /// What it is a number of.
    pub unit: Unit,
    /// The number at which something applies.
    pub value: u64,
    /// Within what.
    pub window: Window,
}

/// A party to exports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Who sends.
    Entity(Entity),
    /// Who receives.
    Recipient(RecipientKey),
}

/// Parties that each stay below a threshold with one other, and together do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Which of the thresholds, by its place.
    pub threshold: usize,
    /// The one that all share.
    pub shared: Shared,
    /// What they come to together; a person that several have counts once.
    pub total: u64,
    /// The part of the bytes that could not be read.
    pub unseen_share: f64,
    /// The others, those with the most first, at most [`MEMBERS_MAX`].
    pub members: Vec<Member>,
    /// Members that are not told.
    pub members_more: usize,
}

/// One of those who share another.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Who it is.
    pub party: Shared,
    /// What it comes to with the shared one.
    pub amount: u64,
    /// That as a part of the total. Parts of persons can add up to more than 1.
    pub share: f64,
}

impl Meters {
    /// The splits of thresholds in windows that end with a day: by threshold, then by who is
    /// shared. It looks at each pair of parties twice for each threshold, so it is for every
    /// hour rather than for every second.
    pub fn splits(&self, thresholds: &[Threshold], at: Day) -> Vec<Split> {
        let mut splits = Vec::new();
        for (place, threshold) in thresholds.iter().enumerate() {
            let mut pairs: BTreeMap<(Shared, Shared), Vec<&Record>> = BTreeMap::new();
            for (key, record) in &self.records {
                let categories = threshold.categories;
                if !categories.is_empty() && !categories.meets(key.categories) {
                    continue;
                }
                let entity = Shared::Entity(key.entity.clone());
                let recipient = Shared::Recipient(key.recipient.clone());
                // Those for which there was no room are no single party.
                if key.entity != Entity::Others {
                    let pair = (entity.clone(), recipient.clone());
                    pairs.entry(pair).or_default().push(record);
                }
                if key.recipient != RecipientKey::Others {
                    pairs.entry((recipient, entity)).or_default().push(record);
                }
            }
            let pairs: Vec<_> = pairs.into_iter().collect();
            for group in pairs.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
                if splits.len() == SPLITS_MAX {
                    return splits;
                }
                splits.extend(split(place, threshold, group, at));
            }
        }
        splits
    }
}

/// The pairs of one party, and what is counted of each.
type Group<'a> = [((Shared, Shared), Vec<&'a Record>)];

/// The split among the pairs of one party, if there is one.
fn split(place: usize, threshold: &Threshold, group: &Group<'_>, at: Day) -> Option<Split> {
    let mut all = Counts::default();
    let mut members = Vec::new();
    for ((_, party), records) in group {
        let records = records.iter();
        let counts = records.flat_map(|record| record.within(threshold.window, at));
        let own = Counts::sum(&counts.collect::<Vec<_>>());
        let amount = amount(&own, threshold.unit);
        // Who is at the threshold alone has split nothing.
        if amount == 0 || amount >= threshold.value {
            continue;
        }
        all.bytes = all.bytes.saturating_add(own.bytes);
        all.unseen_bytes = all.unseen_bytes.saturating_add(own.unseen_bytes);
        merge(&mut all.kinds, &own.kinds);
        members.push((amount, party));
    }
    let total = amount(&all, threshold.unit);
    if members.len() < 2 || total < threshold.value {
        return None;
    }
    members.sort_by(|one, other| (other.0, one.1).cmp(&(one.0, other.1)));
    let members_more = members.len().saturating_sub(MEMBERS_MAX);
    let told = members.into_iter().take(MEMBERS_MAX);
    let told = told.map(|(amount, party)| Member {
        party: party.clone(),
        amount,
        share: amount as f64 / total as f64,
    });
    let ((shared, _), _) = group.first()?;
    Some(Split {
        threshold: place,
        shared: shared.clone(),
        total,
        unseen_share: Lower::of(&all).unseen_share,
        members: told.collect(),
        members_more,
    })
}

fn amount(counts: &Counts, unit: Unit) -> u64 {
    match unit {
        Unit::Bytes => counts.bytes,
        Unit::Subjects => Lower::of(counts).persons,
    }
}
