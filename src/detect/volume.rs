//! More in an hour than is normal for the hour, told while the hour still runs.
//!
//! Idea: at the start of each hour every cell gets an allowance in bytes. At the close of
//! each tick the hour's sum is held against it, so that a bulk transfer is told when the
//! allowance is used up and not when the hour is over.
//!
//! Formula: where the hour's normal is next to nothing, bytes themselves are the surprise,
//! and the allowance is the quantile `1 - p` of all such hours of the role. Where something
//! is expected, the allowance is the expectation times `exp(z · spread)`, with `z` the
//! quantile `1 - p` of all deviations of the role. Both tails are fitted beyond the data
//! (see [`Tail`](crate::baseline::Tail)), and `p` is the detector's share of the budget over
//! the number of hours judged.
//!
//! Cost: one comparison per tick and cell with traffic; a pass over all cells per hour.
//!
//! Blind spot: a leak that stays within the spread of a busy hour.

use crate::baseline::{
    Cell, CellKey, Expected, Pool, Pools, Role, Stage, deviation_of_surprise, surprise_of_deviation,
};
use crate::inventory::AssetKey;
use crate::time::Tick;

use super::{ByRole, Bytes, Detector, Finding, Threshold};

/// The detector of bulk, with the thresholds of the running hour.
#[derive(Debug)]
pub struct Volume {
    thresholds: ByRole<Thresholds>,
}

#[derive(Clone, Copy, Debug)]
struct Thresholds {
    quiet: Threshold,
    surprise: Threshold,
}

impl Volume {
    /// Computes the thresholds that spend `budget` false alerts per asset and week.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        let thresholds = |pool: &Pool| Thresholds {
            quiet: Threshold::new(&pool.quiet_bytes, pool, QUIET_BYTES_MIN, budget / 2.0),
            surprise: Threshold::new(&pool.surprises, pool, SURPRISE_MIN, budget / 2.0),
        };
        Self {
            thresholds: ByRole::new(|role| thresholds(pools.of(role))),
        }
    }

    /// Bytes up to which an hour of a cell is passed over.
    pub fn allowance_bytes(&self, role: Role, stage: Stage, expected: &Expected) -> u64 {
        let thresholds = self.thresholds.get(role);
        let bytes = if expected.is_quiet() {
            thresholds.quiet.value as u64
        } else {
            expected.bytes_at_deviation(deviation_of_surprise(thresholds.surprise.value))
        };
        let caution = if stage < Stage::Own { YOUNG_FACTOR } else { 1 };
        bytes.max(ALLOWANCE_BYTES_MIN).saturating_mul(caution)
    }

    /// Speaks if the cell's running hour is beyond its allowance.
    pub fn score(
        &self,
        asset: AssetKey,
        role: Role,
        key: CellKey,
        cell: &Cell,
        hour: u64,
    ) -> Option<Finding> {
        if cell.hour_bytes <= cell.allowance_bytes {
            return None;
        }
        let thresholds = self.thresholds.get(role);
        let (threshold, value) = if cell.expected.is_quiet() {
            (thresholds.quiet, cell.hour_bytes)
        } else {
            let deviation = cell.expected.deviation(cell.hour_bytes);
            (thresholds.surprise, surprise_of_deviation(deviation))
        };
        let expected_bytes = cell.expected.bytes();
        let sentence = format!(
            "{} over {} to AS{} within this hour; {} is normal for it and up to {} would have \
             passed",
            Bytes(cell.hour_bytes),
            key.service.name(),
            key.asn,
            Bytes(expected_bytes),
            Bytes(cell.allowance_bytes),
        );
        Some(Finding {
            detector: Detector::Volume,
            asset,
            country: key.country,
            cell: Some(key),
            p: threshold.fit.chance(value as f64),
            p_alert: threshold.p,
            since: Tick::of_hour(hour),
            bytes: cell.hour_bytes,
            expected_bytes,
            allowance_bytes: cell.allowance_bytes,
            sentence,
        })
    }
}

/// Where nothing is expected and nothing has been learned, the tail begins here.
const QUIET_BYTES_MIN: u64 = 1 << 20;

/// Where something is expected and nothing has been learned, the tail begins at this many
/// thousandths: one spread.
const SURPRISE_MIN: u64 = 2_718;

/// No hour with less than this is told of, however regular its cell: 8 MiB.
const ALLOWANCE_BYTES_MIN: u64 = 8 << 20;

/// While an asset rests on the pools, its allowances are this much wider.
const YOUNG_FACTOR: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(allowance_bytes: u64, hour_bytes: u64) -> Cell {
        let mut cell = Cell::new(Tick(0), true);
        (cell.hour_bytes, cell.allowance_bytes) = (hour_bytes, allowance_bytes);
        cell
    }

    fn key() -> CellKey {
        CellKey {
            country: "RU".parse().unwrap(),
            asn: 64_500,
            service: crate::transfer::Service::Web,
        }
    }

    #[test]
    fn the_finding_carries_the_numbers_that_made_it() {
        let volume = Volume::new(&Pools::default(), 0.01);
        let asset = AssetKey::of("10.0.0.1".parse().unwrap());
        let score = |cell: &Cell| volume.score(asset, Role::Client, key(), cell, 490_000);
        assert!(score(&cell(1_000_000, 1_000_000)).is_none());
        let finding = score(&cell(1_000_000, 40_000_000)).unwrap();
        assert_eq!((finding.bytes, finding.expected_bytes), (40_000_000, 0));
        assert_eq!(finding.since, Tick(490_000 * 3_600));
        assert!(
            finding.sentence.contains("40.0 MB over web to AS64500"),
            "{}",
            finding.sentence
        );
        assert!(finding.p < 1.0);
    }

    #[test]
    fn a_smaller_budget_and_a_younger_asset_have_a_larger_allowance() {
        let expected = Cell::new(Tick(0), true).expected;
        let allowance = |budget, stage| {
            Volume::new(&Pools::default(), budget).allowance_bytes(Role::Client, stage, &expected)
        };
        assert!(allowance(1e-4, Stage::Own) > allowance(1e-2, Stage::Own));
        assert_eq!(
            allowance(1e-2, Stage::Pools),
            4 * allowance(1e-2, Stage::Own)
        );
    }
}
