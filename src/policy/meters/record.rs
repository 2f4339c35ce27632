//! What is counted of a key, by days.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::window::{Day, Window};
use super::{DAYS_MAX, IdentifierKind, Subjects};

/// Different identifiers of each kind.
pub(super) type Kinds = BTreeMap<IdentifierKind, Subjects>;

/// What is counted of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    /// Those of them that could not be read.
    pub(super) unseen_bytes: u64,
    pub(super) records: u64,
    pub(super) estimated_records: u64,
    pub(super) exports: u64,
    pub(super) kinds: Kinds,
}

/// What is counted of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) days: BTreeMap<Day, Counts>,
    /// Of days that are not kept any more.
    pub(super) before: Counts,
    /// Which of all uses was the last.
    pub(super) used: u64,
}

impl Counts {
    /// What many come to together.
    pub(super) fn sum(all: &[&Self]) -> Self {
        let mut sum = Self::default();
        all.iter().for_each(|counts| sum.add_numbers(counts));
        let kinds = all.iter().flat_map(|counts| counts.kinds.keys());
        let kinds: BTreeSet<IdentifierKind> = kinds.copied().collect();
        for kind in kinds {
            let sets = all.iter().filter_map(|counts| counts.kinds.get(&kind));
            sum.kinds.insert(kind, Subjects::union(sets));
        }
        sum
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.add_numbers(other);
        merge(&mut self.kinds, &other.kinds);
    }

    fn add_numbers(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.unseen_bytes = self.unseen_bytes.saturating_add(other.unseen_bytes);
        self.records = self.records.saturating_add(other.records);
        self.estimated_records = self
            .estimated_records
            .saturating_add(other.estimated_records);
        self.exports = self.exports.saturating_add(other.exports);
    }

    /// Memory of its sets, bytes.
    pub(super) fn sketch_bytes(&self) -> u64 {
        self.kinds.values().map(Subjects::bytes).sum()
    }
}

/// Adds sets of each kind.
pub(super) fn merge(kinds: &mut Kinds, others: &Kinds) {
    for (kind, subjects) in others {
        match kinds.get_mut(kind) {
            Some(known) => known.merge(subjects),
            None => {
                kinds.insert(*kind, subjects.clone());
            }
        }
    }
}

impl Record {
    /// What a day is counted in, where `newest` is the newest of all keys.
    pub(super) fn of_day(&mut self, day: Day, newest: Day) -> &mut Counts {
        match day < first_kept(newest) {
            true => &mut self.before,
            false => self.days.entry(day).or_default(),
        }
    }

    /// What is counted of a window that ends with a day.
    pub(super) fn within(&self, window: Window, at: Day) -> impl Iterator<Item = &Counts> {
        let first = window.first(at);
        let before = window.is_endless().then_some(&self.before);
        let days = (first <= at).then(|| self.days.range(first..=at));
        let days = days.into_iter().flatten().map(|(_, counts)| counts);
        before.into_iter().chain(days)
    }

    /// Adds what another record counts.
    pub(super) fn add(&mut self, other: &Self, newest: Day) {
        for (day, counts) in &other.days {
            self.of_day(*day, newest).add(counts);
        }
        self.before.add(&other.before);
        self.used = self.used.max(other.used);
    }

    /// Folds days that are too old to be kept. Says how many there were.
    pub(super) fn fold_days(&mut self, newest: Day) -> u64 {
        let kept = self.days.split_off(&first_kept(newest));
        let old = std::mem::replace(&mut self.days, kept);
        old.values().for_each(|counts| self.before.add(counts));
        old.len() as u64
    }

    /// Takes the sets of a day, and of all before it, for old ones, and keeps what else was
    /// counted of these days.
    pub(super) fn fold_sets(&mut self, until: Day) -> u64 {
        let mut folded = 0;
        for (_, counts) in self.days.range_mut(..=until) {
            folded += u64::from(!counts.kinds.is_empty());
            let kinds = std::mem::take(&mut counts.kinds);
            merge(&mut self.before.kinds, &kinds);
        }
        folded
    }

    /// Forgets all sets. Says how many persons were in them at least.
    pub(super) fn drop_sets(&mut self) -> u64 {
        let sets = self
            .all_mut()
            .map(|counts| std::mem::take(&mut counts.kinds));
        let sets = sets.flat_map(Kinds::into_values);
        sets.map(|subjects| subjects.lower_bound())
            .fold(0, u64::saturating_add)
    }

    /// All that it counts, by day and of old days.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Counts> {
        self.days.values_mut().chain([&mut self.before])
    }

    /// Memory of its sets, bytes.
    pub(super) fn sketch_bytes(&self) -> u64 {
        let of_days: u64 = self.days.values().map(Counts::sketch_bytes).sum();
        of_days + self.before.sketch_bytes()
    }
}

/// The first of the days that are kept.
pub(super) fn first_kept(newest: Day) -> Day {
    newest.minus(DAYS_MAX - 1)
}
