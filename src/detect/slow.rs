//! A little too much, hour after hour.
//!
//! Idea: a slow leak never breaks an hour's allowance, but it never stops either. Clipped
//! deviations add up while they last (one-sided CUSUM, Page 1954) and so do the bytes
//! beyond what was expected.
//!
//! Formula: `sum = max(0, sum + min(z, 2.5) - 0.5)` per hour. It speaks where the sum has
//! reached 8 and the excess bytes of the excursion are beyond the quantile `1 - p` of the
//! excursions of the role that came to an end by themselves.
//!
//! Cost: a few operations per cell and hour.
//!
//! Blind spot: less than a megabyte an hour, and growth as slow as the learning.

use crate::baseline::{Cell, CellKey, EXCURSION_PEAK_MIN, Pools, Role};
use crate::inventory::AssetKey;
use crate::time::Tick;

use super::{ByRole, Bytes, Detector, Finding, Threshold};

/// The detector of slow leaks, with the thresholds of the running hour.
#[derive(Debug)]
pub struct Slow {
    thresholds: ByRole<Threshold>,
}

impl Slow {
    /// Computes the thresholds that spend `budget` false alerts per asset and week.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        let threshold = |role| {
            let pool = pools.of(role);
            Threshold::new(&pool.excursions, pool, EXCESS_BYTES_MIN, budget)
        };
        Self {
            thresholds: ByRole::new(threshold),
        }
    }

    /// Excess bytes up to which an excursion is passed over.
    pub fn allowance_bytes(&self, role: Role) -> u64 {
        (self.thresholds.get(role).value as u64).max(EXCESS_BYTES_MIN)
    }

    /// Speaks, at the close of an hour, of an excursion that is too long and too large.
    pub fn score(
        &self,
        asset: AssetKey,
        role: Role,
        key: CellKey,
        cell: &Cell,
        hour: u64,
    ) -> Option<Finding> {
        let run = &cell.excursion;
        if run.sum < EXCURSION_PEAK_MIN || cell.last_hour < hour {
            return None;
        }
        let threshold = self.thresholds.get(role);
        let allowance_bytes = self.allowance_bytes(role);
        if run.excess_bytes <= allowance_bytes {
            return None;
        }
        let sentence = format!(
            "{} more than expected over {} to AS{} in the {} hours since {}; up to {} would have \
             passed",
            Bytes(run.excess_bytes),
            key.service.name(),
            key.asn,
            (hour + 1).saturating_sub(run.since_hour),
            Tick::of_hour(run.since_hour),
            Bytes(allowance_bytes),
        );
        Some(Finding {
            detector: Detector::Slow,
            asset,
            country: key.country,
            cell: Some(key),
            p: threshold.fit.chance(run.excess_bytes as f64),
            p_alert: threshold.p,
            since: Tick::of_hour(run.since_hour),
            bytes: run.bytes,
            expected_bytes: run.bytes.saturating_sub(run.excess_bytes),
            allowance_bytes: allowance_bytes + run.bytes.saturating_sub(run.excess_bytes),
            sentence,
        })
    }
}

/// No excursion with less excess than this is told of: 32 MiB.
const EXCESS_BYTES_MIN: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Excursion;

    #[test]
    fn it_speaks_of_runs_that_are_long_and_large_and_still_going() {
        let slow = Slow::new(&Pools::default(), 0.01);
        let asset = AssetKey::of("10.0.0.1".parse().unwrap());
        let key = CellKey {
            country: "NL".parse().unwrap(),
            asn: 64_500,
            service: crate::transfer::Service::Web,
        };
        let cell = |sum, excess_bytes, last_hour| {
            let mut cell = Cell::new(Tick(0), true);
            cell.last_hour = last_hour;
            cell.excursion = Excursion {
                sum,
                peak: sum,
                excess_bytes,
                bytes: excess_bytes + 1_000,
                since_hour: 80,
                alerted: false,
            };
            cell
        };
        let score = |cell: &Cell| slow.score(asset, Role::Client, key, cell, 99);
        assert!(score(&cell(7.9, 1 << 40, 99)).is_none(), "too short");
        assert!(score(&cell(9.0, 1 << 20, 99)).is_none(), "too small");
        assert!(
            score(&cell(9.0, 1 << 40, 98)).is_none(),
            "nothing in this hour"
        );
        let finding = score(&cell(9.0, 1 << 40, 99)).unwrap();
        assert_eq!(finding.since, Tick::of_hour(80));
        assert_eq!(finding.expected_bytes, 1_000);
        assert!(
            finding.sentence.contains("in the 20 hours since"),
            "{}",
            finding.sentence
        );
    }
}
