//! What an alert shows of the baseline, and what is decided on alerts.

use serde::{Deserialize, Serialize};

use super::{AssetState, Baseline, CELL_HOURS_MAX, Cell, Destination};
use crate::geo::Country;
use crate::inventory::AssetKey;

/// How many assets of the site send to a place, the one that is asked about included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prevalence {
    /// Assets that exported anything in the last 35 days.
    pub assets: usize,
    /// Of them, those that exported to the country.
    pub country: usize,
    /// Of them, those that exported to the autonomous system in the country.
    pub network: usize,
}

/// Bytes of 24 hours, the oldest first; the last is the running one.
pub type Hours = [u64; 24];

impl Baseline {
    /// What is known of an asset and a country.
    pub fn destination(&self, asset: AssetKey, country: Country) -> Option<&Destination> {
        self.assets.get(&asset)?.countries.get(&country)
    }

    /// What an asset has sent to a country in the running hour, `hour`, and in the 23 before.
    pub fn seen_hours(&self, asset: AssetKey, country: Country, hour: u64) -> Hours {
        let known = self.destination(asset, country).map(|known| &known.all);
        of_hours(hour, |at| {
            known.map_or(0, |all| {
                if at == hour {
                    all.hour_bytes
                } else if at > self.last_hour {
                    // Nothing was seen since the latest hour that was closed.
                    0
                } else {
                    all.record().map_or(0, |record| record.past.hour(at))
                }
            })
        })
    }

    /// How many assets export to a country, and to an autonomous system there. The cost grows
    /// with the assets and their cells: some milliseconds for the most that are followed.
    pub fn prevalence(&self, country: Country, asn: u32, hour: u64) -> Prevalence {
        let is_recent = |cell: &Cell| {
            cell.hour_bytes > 0 || hour.saturating_sub(cell.last_hour) < CELL_HOURS_MAX
        };
        let to_country = |state: &&AssetState| {
            let known = state.countries.get(&country);
            known.is_some_and(|known| is_recent(&known.all))
        };
        let to_network = |state: &&AssetState| {
            let mut cells = state.cells_of(country);
            cells.any(|(key, cell)| key.asn == asn && is_recent(cell))
        };
        let in_country = self.assets.values().filter(to_country);
        Prevalence {
            assets: self.assets.len(),
            country: in_country.clone().count(),
            network: in_country.filter(to_network).count(),
        }
    }

    /// Notes that what an asset sends to a country in the running day was accepted by a
    /// person: it may become the norm of the asset. Pools and thresholds, which are those of
    /// others as well, learn nothing of the day.
    pub fn mark_accepted(&mut self, asset: AssetKey, country: Country) {
        self.mark(asset, country, Cell::accept);
    }

    /// Notes that what an asset sends to a country is a leak: it never becomes the norm, how
    /// long it may go on.
    pub fn mark_malicious(&mut self, asset: AssetKey, country: Country) {
        self.mark(asset, country, Cell::condemn);
    }

    fn mark(&mut self, asset: AssetKey, country: Country, mark: impl Fn(&mut Cell)) {
        if let Some(state) = self.assets.get_mut(&asset) {
            let cells = state.cells.iter_mut();
            let of_country = cells.filter(|(key, _)| key.country == country);
            of_country.for_each(|(_, cell)| mark(cell));
            if let Some(known) = state.countries.get_mut(&country) {
                mark(&mut known.all);
            }
        }
    }
}

/// Something of each of the 24 hours up to `hour`.
pub fn of_hours(hour: u64, of: impl Fn(u64) -> u64) -> Hours {
    std::array::from_fn(|place| of(hour.saturating_sub(23 - place as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{ByStage, Learn};
    use crate::dissect::Protection;
    use crate::geo::Confidence;
    use crate::time::{Calendar, Tick};
    use crate::transfer::{Service, Transfer};

    fn transfer(asset: u8, country: &str, asn: u32, bytes: u64) -> Transfer {
        Transfer {
            tick: Tick(0),
            country: country.parse().unwrap(),
            asn,
            service: Service::Web,
            asset_ip: [10, 0, 0, asset].into(),
            vlan: None,
            conversation: None,
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: false,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::PACKETS,
        }
    }

    fn add(baseline: &mut Baseline, transfer: &Transfer) {
        baseline.enter(transfer.asset()).unwrap().add(transfer);
    }

    fn close(baseline: &mut Baseline, hour: u64) {
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick::of_hour(hour));
        baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
    }

    #[test]
    fn the_last_day_is_told_hour_by_hour_and_what_was_not_seen_is_nothing() {
        let mut baseline = Baseline::default();
        let own = transfer(1, "SG", 7, 1_000);
        let (asset, country) = (own.asset(), own.country);
        for hour in 100..130 {
            add(&mut baseline, &transfer(1, "SG", 7, hour));
            close(&mut baseline, hour);
        }
        add(&mut baseline, &own);
        let seen = baseline.seen_hours(asset, country, 132);
        let expected = of_hours(132, |hour| match hour {
            132 => 1_000,
            130 | 131 => 0,
            other => other,
        });
        assert_eq!(seen, expected);
        assert_eq!((seen[0], seen[20], seen[23]), (109, 129, 1_000));
        let other = AssetKey::of([10, 0, 0, 9].into());
        assert_eq!(baseline.seen_hours(other, country, 132), [0; 24]);
    }

    #[test]
    fn prevalence_counts_assets_and_forgets_after_35_days() {
        let mut baseline = Baseline::default();
        for asset in 1..=5 {
            add(&mut baseline, &transfer(asset, "DE", 1, 1));
        }
        add(&mut baseline, &transfer(1, "SG", 7, 1));
        add(&mut baseline, &transfer(2, "SG", 8, 1));
        let count = |baseline: &Baseline, hour| {
            let known = baseline.prevalence("SG".parse().unwrap(), 7, hour);
            (known.assets, known.country, known.network)
        };
        assert_eq!(count(&baseline, 0), (5, 2, 1));
        close(&mut baseline, 0);
        assert_eq!(count(&baseline, 839), (5, 2, 1));
        assert_eq!(count(&baseline, 840), (5, 0, 0));
    }

    /// Days with a large first hour, each marked in some way; the largest hour known after.
    fn known_after(days: u64, mark: impl Fn(&mut Baseline, AssetKey, Country)) -> f64 {
        let mut baseline = Baseline::default();
        let own = transfer(1, "SG", 7, 1 << 40);
        let (asset, country) = (own.asset(), own.country);
        for hour in 0..days * 24 {
            if hour % 24 == 0 {
                add(&mut baseline, &own);
                mark(&mut baseline, asset, country);
            }
            close(&mut baseline, hour);
        }
        let known = baseline.destination(asset, country).unwrap();
        known.all.record().unwrap().past.hour_peaks.largest()
    }

    #[test]
    fn what_was_accepted_is_learned_and_what_is_malicious_never() {
        let alerted = |baseline: &mut Baseline, asset, country| {
            baseline.mark_alerted(asset, country);
        };
        let accepted = |baseline: &mut Baseline, asset, country| {
            baseline.mark_alerted(asset, country);
            baseline.mark_accepted(asset, country);
        };
        let malicious = |baseline: &mut Baseline, asset, country| {
            baseline.mark_alerted(asset, country);
            baseline.mark_malicious(asset, country);
        };
        assert_eq!(known_after(2, alerted), 0.0);
        assert!(known_after(2, accepted) > 1e12);
        assert!(known_after(14, alerted) > 1e12, "it stayed");
        assert_eq!(known_after(14, malicious), 0.0);
    }

    #[test]
    fn what_only_others_kept_silent_is_learned_once_it_is_a_custom() {
        let excused = |baseline: &mut Baseline, asset, country| {
            baseline.mark_excused(asset, country);
        };
        assert_eq!(known_after(3, excused), 0.0);
        assert!(known_after(4, excused) > 1e12);
    }
}
