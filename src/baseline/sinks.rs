//! How much autonomous systems get of one asset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AssetState, Measure, Peaks, Pools};

/// The largest days that any asset of the site has had with each autonomous system.
///
/// Idea: a network that takes backups, packages or calls of the site takes much of each who
/// uses it, also when one does so for the first time. A network that never got as much of
/// anybody is where nothing of that kind goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sinks {
    by_asn: BTreeMap<u32, Sink>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sink {
    peaks: Peaks,
    /// The most that one asset has sent in the running day.
    running: f32,
    last_day: u64,
}

impl Sinks {
    /// The largest days with a system, if it is known.
    pub fn peaks(&self, asn: u32) -> Option<&Peaks> {
        let sink = self.by_asn.get(&asn)?;
        Some(&sink.peaks)
    }

    /// Takes the running day of an asset, unless it was alerted on, or only others kept it from
    /// being.
    pub(super) fn take(&mut self, asset: &AssetState, pools: &mut Pools, day: u64) {
        let mut days: BTreeMap<u32, f64> = BTreeMap::new();
        for (key, cell) in asset.cells.iter() {
            let record = cell.record().filter(|_| !cell.is_untrusted_today());
            if let Some(record) = record.filter(|_| key.asn != 0) {
                *days.entry(key.asn).or_default() += record.past.running()[1];
            }
        }
        for (asn, bytes) in days.into_iter().filter(|(_, bytes)| *bytes > 0.0) {
            let is_full = self.by_asn.len() >= SINKS_MAX;
            if is_full && !self.by_asn.contains_key(&asn) {
                continue;
            }
            let sink = self.by_asn.entry(asn).or_default();
            pools.record(Measure::SinkDay, asset.role, &sink.peaks, bytes);
            sink.running = sink.running.max(bytes as f32);
            sink.last_day = day;
        }
    }

    /// Ends a day.
    pub(super) fn close_day(&mut self, day: u64) {
        for sink in self.by_asn.values_mut() {
            let running = std::mem::take(&mut sink.running);
            sink.peaks.close_day(running, false);
        }
        self.by_asn
            .retain(|_, sink| day.saturating_sub(sink.last_day) < FORGOTTEN_DAYS);
    }
}

/// Systems that are followed; of any more nothing is known.
const SINKS_MAX: usize = 16_384;

/// Days after which a system that got nothing is forgotten.
const FORGOTTEN_DAYS: u64 = 35;

#[cfg(test)]
mod tests {
    use super::super::tests::{add, transfer};
    use super::super::{Baseline, ByStage, Learn};
    use crate::time::{Calendar, Tick};

    /// The largest day with a system when on each of some days one asset sends it a hundred
    /// times as much as the other does, and days after that without it.
    fn largest(days: u64, days_without: u64, is_alerted: bool) -> Option<f64> {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        for hour in 0..(days + days_without) * 24 {
            let asn = if hour < days * 24 { 7 } else { 8 };
            baseline.open_hour(hour);
            add(&mut baseline, &transfer(1, asn, hour * 3_600, 10_000));
            let large = transfer(2, asn, hour * 3_600, 1_000_000);
            add(&mut baseline, &large);
            if is_alerted {
                baseline.mark_alerted(large.asset(), large.country);
            }
            let slot = calendar.slot(Tick::of_hour(hour));
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        }
        Some(baseline.sinks.peaks(7)?.largest())
    }

    #[test]
    fn a_system_is_known_by_the_largest_day_of_anybody() {
        assert_eq!(largest(3, 0, false), Some(24e6));
        let told = largest(3, 0, true).unwrap();
        assert!(told <= 240_000.0, "{told}");
    }

    #[test]
    fn a_system_that_gets_nothing_is_forgotten() {
        assert!(largest(1, 30, false).unwrap() < 24e6);
        assert_eq!(largest(1, 40, false), None);
    }
}
