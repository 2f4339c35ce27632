//! Two assets that turn out to be one, in the account.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::super::meters::Entity;
use super::{Account, Corridor, CorridorKey};
use crate::inventory::AssetKey;

impl Account {
    /// Has what is counted of an asset go on under another key of it. What both have sent to a
    /// recipient is added up, and judged anew with the next export. Where each stood for itself,
    /// the two are one before the law from now on.
    pub fn join(&mut self, before: AssetKey, asset: AssetKey) {
        self.verdict_counts.changed();
        let due = std::mem::take(&mut self.due).into_iter();
        self.due = due.map(|key| renamed(key, before, asset)).collect();
        let Some(others) = self.assets.remove(&before) else {
            return;
        };
        let own = self.assets.entry(asset).or_default();
        let like = own.values().flat_map(BTreeMap::values).next().cloned();
        let mut entities = BTreeSet::new();
        for (country, corridors) in others {
            let of_country = own.entry(country).or_default();
            for (recipient, mut other) in corridors {
                if let Some(like) = &like {
                    entities.insert((other.entity.clone(), like.entity.clone()));
                    other.is_called_like(like);
                }
                match of_country.entry(recipient) {
                    Entry::Vacant(place) => {
                        place.insert(other);
                    }
                    Entry::Occupied(mut known) => {
                        self.len -= 1;
                        known.get_mut().join(other);
                    }
                }
            }
        }
        let is_of_assets =
            |pair: &(Entity, Entity)| matches!(pair, (Entity::Asset(_), Entity::Asset(_)));
        for (from, to) in entities.iter().filter(|pair| is_of_assets(pair)) {
            let meters = self.meters.values_mut().chain(self.quotas.values_mut());
            meters.for_each(|meters| meters.join(from, to));
        }
    }
}

fn renamed(key: CorridorKey, before: AssetKey, asset: AssetKey) -> CorridorKey {
    CorridorKey {
        asset: if key.asset == before {
            asset
        } else {
            key.asset
        },
        ..key
    }
}

impl Corridor {
    /// Stands for the asset of another from now on.
    fn is_called_like(&mut self, other: &Self) {
        self.asset.clone_from(&other.asset);
        self.name.clone_from(&other.name);
        self.entity.clone_from(&other.entity);
    }

    /// Adds another of the same asset and recipient. It is covered by what covers both; what
    /// either sent before that was known is used up when it is.
    fn join(&mut self, other: Self) {
        self.seen = self.seen.union(other.seen);
        self.content.add(&other.content);
        self.host = self.host.take().or(other.host);
        self.address = self.address.or(other.address);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.day.join(&other.day);
        for (pack, said) in other.said {
            self.said.entry(pack).or_insert(said);
        }
        for (pack, alerted) in other.alerted {
            self.alerted.entry(pack).or_insert(alerted);
        }
        self.covering.retain(|one| other.covering.contains(one));
        self.unused.add(&other.unused.amounts());
        self.is_told_today |= other.is_told_today;
        if other.protection.is_insufficient() && !self.protection.is_insufficient() {
            self.protection = other.protection;
        }
        self.is_running |= other.is_running;
        (self.judge_at_bytes, self.judged_bytes) = (0, 0);
        let left = &mut self.record_bytes_left;
        *left = left.saturating_add(other.record_bytes_left);
    }
}
