//! What meters and quotas show, for whoever keeps or draws it.

use std::collections::BTreeSet;

use super::Account;
use crate::inventory::Category;
use crate::policy::meters::{Day, Key, Lower, Window};
use crate::policy::{Policy, coverage};
use crate::time::Tick;

/// What was counted for an entity and a category within a window of law.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterRow {
    /// The pack whose days are counted.
    pub pack: String,
    /// The last day of the window, where the pack counts days.
    pub day: String,
    /// The legal entity, or the asset of none.
    pub entity: String,
    /// What the data is about.
    pub category: Category,
    /// `calendar_year` or `rolling_12_months`.
    pub window: &'static str,
    /// Persons, at least, and the share that nobody could read.
    pub lower: Lower,
    /// Bytes.
    pub bytes: u64,
    /// Records that were seen.
    pub records: u64,
    /// Records by what is declared of their length.
    pub estimated_records: u64,
}

impl Account {
    /// What the meters of each pack show on the day of a tick: by entity and category, in the
    /// windows of law, of all that leaves the pack's home. What is exempt is part of it.
    pub fn meter_rows(&self, policy: &Policy, now: Tick) -> Vec<MeterRow> {
        let mut rows = Vec::new();
        for pack in policy.packs() {
            let offset = pack.offset_seconds(now.start());
            let Some(meters) = self.meters.get(&offset) else {
                continue;
            };
            let at = Day::of(now, offset);
            let pairs: BTreeSet<_> = meters
                .keys()
                .flat_map(|key| key.categories.iter().map(|one| (key.entity.clone(), one)))
                .collect();
            for (entity, category) in pairs.into_iter().take(METER_ROWS_MAX) {
                let counts = |key: &Key| {
                    let home = key.traits.home.unwrap_or(policy.home());
                    key.entity == entity
                        && key.categories.iter().any(|one| one == category)
                        && pack.concerns(home, key.country)
                };
                for (window, name) in WINDOWS {
                    let (sums, lower) = meters.shown(counts, window, at);
                    rows.push(MeterRow {
                        pack: pack.id.clone(),
                        day: at.date().to_string(),
                        entity: entity.to_string(),
                        category,
                        window: name,
                        lower,
                        bytes: sums.bytes,
                        records: sums.records,
                        estimated_records: sums.estimated_records,
                    });
                }
            }
        }
        rows
    }

    /// Bytes that an approval allows within its period, and those that were used of them in the
    /// days of a pack; nothing where it has no quota of bytes.
    pub fn quota(
        &self,
        policy: &Policy,
        pack: &str,
        approval: &str,
        now: Tick,
    ) -> Option<[u64; 2]> {
        let pack = policy.packs().iter().find(|one| one.id == pack)?;
        let offset = pack.offset_seconds(now.start());
        let quotas = self.quotas.get(&offset)?;
        coverage::quota(policy.approval(approval)?, quotas, Day::of(now, offset))
    }
}

/// The windows of law that meters are told of.
const WINDOWS: [(Window, &str); 2] = [
    (Window::Year, "calendar_year"),
    (Window::TwelveMonths, "rolling_12_months"),
];

/// Pairs of an entity and a category whose meters are told of a pack.
const METER_ROWS_MAX: usize = 256;
