//! A first export to a country, or to a destination within one, and a large one.
//!
//! Idea: assets meet new countries and new destinations (a country, autonomous system and
//! service) all the time, and send next to nothing there. What is telling is how much
//! leaves in the first day. It needs few judgements, one for each thing that is new, so it
//! may speak of less than a detector that judges every hour.
//!
//! Formula: the first day's bytes against the quantile `1 - p` of all such first days of
//! the role, with the tail fitted beyond the data. `p` is the detector's share of the
//! budget over the number of new things that an asset meets in a week, so that a role
//! that roams is judged more mildly.
//!
//! Cost: one comparison per tick and destination with traffic.
//!
//! Blind spot: what was met before, however little was sent to it.

use crate::baseline::{Cell, CellKey, Destination, Novelty, Pools, Role};
use crate::geo::Country;
use crate::inventory::AssetKey;

use super::{ByRole, Bytes, Detector, Finding, Threshold};

/// The detector of first exports to a country, with the thresholds of the running hour.
#[derive(Debug)]
pub struct NewCountry(ByRole<Threshold>);

/// The detector of first exports to a destination, with the thresholds of the running hour.
#[derive(Debug)]
pub struct NewDestination(ByRole<Threshold>);

impl NewCountry {
    /// Computes the thresholds that spend `budget` false alerts per asset and week.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        Self(ByRole::new(|role| {
            let pool = pools.of(role);
            Threshold::new(
                &pool.country_first_day_bytes,
                pool,
                FIRST_DAY_BYTES_MIN,
                budget,
            )
        }))
    }

    /// Speaks if the country is new and its first day is beyond what first days bring.
    pub fn score(
        &self,
        asset: AssetKey,
        role: Role,
        country: Country,
        destination: &Destination,
    ) -> Option<Finding> {
        let novelty = &destination.novelty;
        let allowance_bytes = exceeded(novelty, self.0.get(role))?;
        let sentence = format!(
            "{} to {country}, a country that it never exported to before {}; up to {} would have \
             passed",
            Bytes(novelty.bytes),
            novelty.since,
            Bytes(allowance_bytes),
        );
        let threshold = self.0.get(role);
        let finding = finding(Detector::NewCountry, asset, country, novelty, threshold);
        Some(Finding {
            allowance_bytes,
            sentence,
            ..finding
        })
    }
}

impl NewDestination {
    /// Computes the thresholds that spend `budget` false alerts per asset and week.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        Self(ByRole::new(|role| {
            let pool = pools.of(role);
            Threshold::new(
                &pool.cell_first_day_bytes,
                pool,
                FIRST_DAY_BYTES_MIN,
                budget,
            )
        }))
    }

    /// Speaks if the destination is new and its first day is beyond what first days bring.
    pub fn score(&self, asset: AssetKey, role: Role, key: CellKey, cell: &Cell) -> Option<Finding> {
        let novelty = &cell.novelty;
        let allowance_bytes = exceeded(novelty, self.0.get(role))?;
        let sentence = format!(
            "{} over {} to AS{}, to which it never exported that way before {}; up to {} would \
             have passed",
            Bytes(novelty.bytes),
            key.service.name(),
            key.asn,
            novelty.since,
            Bytes(allowance_bytes),
        );
        let threshold = self.0.get(role);
        let finding = finding(
            Detector::NewDestination,
            asset,
            key.country,
            novelty,
            threshold,
        );
        Some(Finding {
            cell: Some(key),
            allowance_bytes,
            sentence,
            ..finding
        })
    }
}

/// The allowance, if the first day is beyond it.
fn exceeded(novelty: &Novelty, threshold: &Threshold) -> Option<u64> {
    if !novelty.is_new() {
        return None;
    }
    let allowance_bytes = (threshold.value as u64).max(FIRST_DAY_BYTES_MIN);
    (novelty.bytes > allowance_bytes).then_some(allowance_bytes)
}

fn finding(
    detector: Detector,
    asset: AssetKey,
    country: Country,
    novelty: &Novelty,
    threshold: &Threshold,
) -> Finding {
    Finding {
        detector,
        asset,
        country,
        cell: None,
        p: threshold.fit.chance(novelty.bytes as f64),
        p_alert: threshold.p,
        since: novelty.since,
        bytes: novelty.bytes,
        expected_bytes: 0,
        allowance_bytes: 0,
        sentence: String::new(),
    }
}

/// No first day with less than this is told of: 1 MiB.
const FIRST_DAY_BYTES_MIN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Pools;
    use crate::transfer::Service;

    #[test]
    fn a_large_first_day_is_told_and_a_small_one_is_not() {
        let detector = NewDestination::new(&Pools::default(), 0.005);
        let asset = AssetKey::of("10.0.0.1".parse().unwrap());
        let key = CellKey {
            country: "BR".parse().unwrap(),
            asn: 64_500,
            service: Service::Web,
        };
        let mut cell = Cell::new(crate::time::Tick(7), false);
        let allowance_bytes = detector.0.get(Role::Client).value as u64;
        cell.novelty.bytes = allowance_bytes;
        assert!(detector.score(asset, Role::Client, key, &cell).is_none());
        cell.novelty.bytes = 2 * allowance_bytes;
        let finding = detector.score(asset, Role::Client, key, &cell).unwrap();
        assert_eq!((finding.bytes, finding.since.0), (2 * allowance_bytes, 7));
        assert!(finding.p < finding.p_alert, "{finding:?}");
        assert!(
            finding.sentence.contains("over web to AS64500"),
            "{}",
            finding.sentence
        );
        let mut known = Cell::new(crate::time::Tick(7), true);
        known.novelty.bytes = 2 * allowance_bytes;
        assert!(
            detector.score(asset, Role::Client, key, &known).is_none(),
            "not new"
        );
    }
}
