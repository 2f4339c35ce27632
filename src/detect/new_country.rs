//! A first export to a country, and a large one.
//!
//! Idea: assets meet new countries all the time and send next to nothing there. What is
//! telling is how much leaves in the first day.
//!
//! Formula: the first day's bytes against the quantile `1 - p` of all such first days of
//! the role, with the tail fitted beyond the data. `p` is the detector's share of the
//! budget over the number of new countries that an asset meets in a week, so that a role
//! that roams is judged more mildly.
//!
//! Cost: one comparison per tick and destination with traffic.
//!
//! Blind spot: a country that was met before, however little was sent to it.

use crate::baseline::{Destination, Pools, Role};
use crate::geo::Country;
use crate::inventory::AssetKey;

use super::{ByRole, Bytes, Detector, Finding, Threshold};

/// The detector of first exports, with the thresholds of the running hour.
#[derive(Debug)]
pub struct NewCountry {
    thresholds: ByRole<Threshold>,
}

impl NewCountry {
    /// Computes the thresholds that spend `budget` false alerts per asset and week.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        let threshold = |role| {
            let pool = pools.of(role);
            Threshold::new(&pool.novel_bytes, pool, NOVEL_BYTES_MIN, budget)
        };
        Self {
            thresholds: ByRole::new(threshold),
        }
    }

    /// Speaks if the country is new and its first day is beyond what first days bring.
    pub fn score(
        &self,
        asset: AssetKey,
        role: Role,
        country: Country,
        destination: &Destination,
    ) -> Option<Finding> {
        let threshold = self.thresholds.get(role);
        let allowance_bytes = (threshold.value() as u64).max(NOVEL_BYTES_MIN);
        let bytes = destination.novel_bytes;
        if !destination.is_novel() || bytes <= allowance_bytes {
            return None;
        }
        let sentence = format!(
            "{} to {country}, a country that it never exported to before {}; up to {} would have passed",
            Bytes(bytes),
            destination.first_tick,
            Bytes(allowance_bytes),
        );
        Some(Finding {
            detector: Detector::NewCountry,
            asset,
            country,
            cell: None,
            p: threshold.fit.chance(bytes as f64),
            since: destination.first_tick,
            bytes,
            expected_bytes: 0,
            allowance_bytes,
            sentence,
        })
    }
}

/// No first day with less than this is told of: 1 MiB.
const NOVEL_BYTES_MIN: u64 = 1 << 20;
