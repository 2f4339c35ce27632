//! Incidents of two assets that turn out to be one.

use serde::{Deserialize, Serialize};

use super::super::explain::Occasion;
use super::super::incidents::{Incidents, KnownIncident, SILENT};
use super::super::{Alert, Level};
use super::{Incident, Tick};
use crate::inventory::AssetKey;

/// Incidents that an incident names as part of it; beyond them the first is not named any more.
pub(in crate::alert) const JOINED_NAMED_MAX: usize = 16;

/// What an incident has to do with others of the same asset and country.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::alert) struct Joined {
    /// Those that are part of it.
    pub(in crate::alert) parts: Vec<String>,
    /// The one of which it is part.
    pub(in crate::alert) into: Option<String>,
}

impl Incidents {
    /// Has the incidents of an asset go on under another key of it. Where one is open of both,
    /// the one that opened first takes the bytes of the other, which is closed. Returns the lines
    /// that say so.
    pub fn join(&mut self, before: AssetKey, asset: AssetKey, now: Tick) -> Vec<Alert> {
        let closed = self.closed.iter_mut();
        for known in closed.filter(|known| known.asset == before) {
            known.asset = asset;
        }
        let keys = self.open.keys().filter(|(of, _)| *of == before);
        let keys: Vec<_> = keys.copied().collect();
        let mut lines = Vec::new();
        for (of, country) in keys {
            let Some(mut other) = self.open.remove(&(of, country)) else {
                continue;
            };
            let key = (asset, country);
            let Some(mut own) = self.open.remove(&key) else {
                self.open.insert(key, other);
                continue;
            };
            // Names begin with the time, so the first is the oldest.
            if other.name < own.name {
                std::mem::swap(&mut own, &mut other);
            }
            let was_shared = own.campaign.is_some() && own.campaign == other.campaign;
            own.join(&mut other);
            // What two incidents of one asset have in common is no campaign.
            let mut others = self.open.values();
            if was_shared && !others.any(|one| one.campaign == own.campaign) {
                own.campaign = None;
            }
            lines.push(own.line(Occasion::Whole, now, country, SILENT));
            lines.push(other.line(Occasion::Part, now, country, SILENT));
            self.keep_closed(KnownIncident::of(key, &other));
            self.open.insert(key, own);
        }
        lines
    }
}

impl Incident {
    /// Takes in another of the same asset and country. Its excess is added as it is.
    fn join(&mut self, other: &mut Self) {
        let excess_bytes = other.excess_bytes();
        let settled = &mut self.settled_excess_bytes;
        *settled = settled.saturating_add(excess_bytes);
        self.bytes = self.bytes.saturating_add(other.bytes);
        let (own, theirs) = (&mut self.hour, &other.hour);
        own.bytes = own.bytes.saturating_add(theirs.bytes);
        // What is in excess of these is settled.
        own.expected_bytes = own.expected_bytes.saturating_add(theirs.bytes);
        own.before_bytes = own.before_bytes.saturating_add(theirs.before_bytes);
        self.since = self.since.min(other.since);
        self.last_finding = self.last_finding.max(other.last_finding);
        self.score = self.score.max(other.score);
        self.level = Level {
            hour_bytes: self.level.hour_bytes.max(other.level.hour_bytes),
            day_bytes: self.level.day_bytes.max(other.level.day_bytes),
        };
        for (detector, said) in &other.detectors {
            match self.detectors.get(detector) {
                Some(known) if known.p <= said.p => {}
                _ => {
                    self.detectors.insert(*detector, said.clone());
                }
            }
        }
        self.sinks.join(&other.sinks);
        self.campaign = self.campaign.take().or_else(|| other.campaign.clone());
        let rulings = [self.ruling, other.ruling].into_iter().flatten();
        self.ruling = rulings.max_by_key(|ruling| ruling.number);
        let parts = &mut self.joined.parts;
        parts.append(&mut other.joined.parts);
        parts.push(other.name.clone());
        let surplus = parts.len().saturating_sub(JOINED_NAMED_MAX);
        parts.drain(..surplus);
        other.joined.into = Some(self.name.clone());
    }
}
