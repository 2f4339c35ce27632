//! Transfers to expectations: what is normal for this asset, destination and hour.
//!
//! A [`Cell`] is one asset towards one (country, autonomous system, service), a
//! [`Destination`] one asset towards one country, and an [`AssetState`] remembers all of it
//! together, by service, and what went to something new. Each knows its last day and its
//! largest hours and days. The [`Pools`] know how far days go beyond what was the largest
//! before, by role and age; [`Peers`] what other assets do at the same time, and [`Scores`]
//! how surprising days are by themselves.
//!
//! Hours are hours of packet time with traffic. An hour in which the sensor saw nothing
//! neither matures nor changes anything.

mod add;
mod asset;
mod cell;
mod destination;
mod evidence;
mod growth;
mod habit;
mod join;
mod labels;
mod learn;
mod moved;
mod novelty;
mod past;
mod peers;
mod pool;
mod receivers;
mod scores;
mod sinks;
mod sorted;
mod tail;

pub use add::AssetEntry;
pub use asset::{AssetRecord, AssetState};
pub use cell::{Cell, Record};
pub use destination::{Destination, TopFlow};
pub use evidence::{Hours, Prevalence, of_hours};
pub use growth::{Grown, Growth};
pub use habit::{Excursion, Expected, Habit, OFFSET_BYTES};
pub use join::LargerHour;
pub use labels::{Labels, Relabelled};
pub use learn::{BaselineConfig, Learn, LearnError, Stage};
pub use moved::{Moved, Origin};
pub use novelty::{NEW_DAYS, Novelty};
pub use past::{Maturity, PAST_SECONDS, Past, Peaks};
pub use peers::{Counted, Peers};
pub use pool::{Curves, Latency, Measure, Pools, Role};
pub use receivers::{Receiver, Receivers};
pub use scores::Scores;
pub use sinks::Sinks;
pub use sorted::Sorted;
pub use tail::{Curve, Tail};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::HourSlot;
use crate::transfer::Service;

/// Version of the stored form of a [`Baseline`].
pub const STATE_VERSION: u32 = 13;

/// Assets that are followed; transfers of any more are counted in totals only.
pub const ASSETS_MAX: usize = 65_536;

/// Cells of one asset; any more are gathered by country.
pub const CELLS_PER_ASSET_MAX: usize = 512;

/// Cells of all assets; any more are gathered by country.
pub const CELLS_MAX: usize = 200_000;

/// Cells beyond those in which the rest is gathered; what finds no room even there is
/// counted in totals only.
pub const GATHERING_CELLS_MAX: usize = 65_536;

/// Countries of all assets; of any more it is not told whether they are new.
pub const DESTINATIONS_MAX: usize = 200_000;

/// What a destination is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellKey {
    /// Country of the receiver.
    pub country: Country,
    /// Autonomous system of the receiver; 0 if unknown, or where cells are gathered.
    pub asn: u32,
    /// Kind of service.
    pub service: Service,
}

impl CellKey {
    /// The cell that takes what finds no room of its own.
    const fn gathering(self) -> Self {
        Self {
            country: self.country,
            asn: 0,
            service: Service::Other,
        }
    }
}

/// What the site has learned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Assets by key, in the order in which they are worked through.
    pub assets: BTreeMap<AssetKey, AssetState>,
    /// What many assets together teach.
    pub pools: Pools,
    /// What other assets do at the same time.
    pub peers: Peers,
    /// How much systems get of one asset.
    pub sinks: Sinks,
    /// Which country foreign networks were last said to be in.
    pub labels: Labels,
    /// How surprising days are by themselves: of assets that rest on the pools, and of those
    /// with a normal of their own.
    scores: [Scores; 2],
    /// Transfers that found no room for their asset.
    pub assets_refused: u64,
    /// Transfers that found no room for a cell of their own.
    pub cells_gathered: u64,
    hours_observed: u64,
    /// The latest hour that was closed, counted from the epoch.
    last_hour: u64,
    /// Hours closed since the latest day was.
    day_hours: u32,
    cells: usize,
    destinations: usize,
}

/// Thresholds by how far an asset has been learned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ByStage {
    /// What they are to be passed by: false alerts per asset and week.
    pub budget: f64,
    /// Of an asset that rests on the pools, or is still being learned.
    pub young: f64,
    /// Of an asset with a normal of its own.
    pub own: f64,
}

impl ByStage {
    /// The one of a stage.
    pub const fn of(self, stage: Stage) -> f64 {
        match stage {
            Stage::Learning | Stage::Pools => self.young,
            Stage::Own => self.own,
        }
    }
}

/// What an asset sends to a country, and how it has grown.
pub type GrownExport = (AssetKey, Country, Grown);

impl Baseline {
    /// Ends an hour of packet time that had traffic. Scores count up to the thresholds at
    /// which they are told. Returns what has grown over weeks.
    pub fn close_hour(
        &mut self,
        slot: HourSlot,
        hour: u64,
        learn: Learn,
        thresholds: ByStage,
    ) -> Vec<GrownExport> {
        self.hours_observed += 1;
        let previous = std::mem::replace(&mut self.last_hour, hour);
        for asset in self.assets.values_mut() {
            asset.close_hour(slot, hour, previous);
            let before = asset.cells.len();
            asset
                .cells
                .retain(|cell| hour.saturating_sub(cell.last_hour) < CELL_HOURS_MAX);
            self.cells -= before - asset.cells.len();
        }
        // A day with less than half its hours is closed with the next.
        self.day_hours += 1;
        let is_last = (hour + 1).is_multiple_of(HOURS_PER_DAY);
        let mut grown = Vec::new();
        if self.day_hours >= DAY_HOURS_MAX || (is_last && self.day_hours >= DAY_HOURS_MIN) {
            grown = self.close_day(learn, thresholds);
        }
        // An asset is forgotten with the last of its destinations.
        self.assets.retain(|_, asset| !asset.cells.is_empty());
        let countries = self.assets.values().map(|asset| asset.countries.len());
        self.destinations = countries.sum();
        grown
    }

    fn close_day(&mut self, learn: Learn, thresholds: ByStage) -> Vec<GrownExport> {
        self.day_hours = 0;
        let mut grown = Vec::new();
        let mut assets = [0, 0];
        let granted = thresholds.budget * self.assets.len() as f64;
        for (key, asset) in &mut self.assets {
            let stage = learn.stage(asset.hours(self.hours_observed));
            let (threshold, place) = (thresholds.of(stage), usize::from(stage == Stage::Own));
            let scores = &mut self.scores[place];
            assets[place] += 1;
            for destination in asset.countries.values_mut() {
                let score = f64::from(std::mem::take(&mut destination.day_score));
                if destination.all.is_accepted_today() {
                    continue;
                }
                if destination.all.is_alerted_today() {
                    scores.record_told(score, threshold, granted);
                } else {
                    scores.record(score);
                }
            }
            self.sinks
                .take(asset, &mut self.pools, self.last_hour / HOURS_PER_DAY);
            let of_asset = asset.close_day(&mut self.pools, self.last_hour);
            grown.extend(
                of_asset
                    .into_iter()
                    .map(|(country, one)| (*key, country, one)),
            );
        }
        self.sinks.close_day(self.last_hour / HOURS_PER_DAY);
        self.labels.close_day(self.last_hour);
        for (scores, assets) in self.scores.iter_mut().zip(assets) {
            scores.close_day(assets);
        }
        grown
    }

    /// The scores that are passed `budget` times per asset and week.
    pub fn thresholds(&self, budget: f64) -> ByStage {
        let [young, own] = &self.scores;
        ByStage {
            budget,
            young: young.threshold(budget),
            own: own.threshold(budget),
        }
    }

    /// Ends an hour of which too little was seen to learn from it.
    pub fn skip_hour(&mut self) {
        for asset in self.assets.values_mut() {
            asset.skip_hour();
        }
    }

    /// Begins an hour.
    pub fn open_hour(&mut self, hour: u64) {
        for asset in self.assets.values_mut() {
            asset.open_hour();
        }
        self.peers.open_hour(hour, self.last_hour);
    }

    /// Notes that an asset was alerted on for what it sends to a country, so that this does
    /// not become the norm.
    pub fn mark_alerted(&mut self, asset: AssetKey, country: Country) {
        if let Some(asset) = self.assets.get_mut(&asset) {
            asset.mark_alerted(country);
        }
    }

    /// Notes that what an asset sends to a country would be alerted on, were it not for what
    /// others show as well: it does not become the norm either, unless it is a custom.
    pub fn mark_excused(&mut self, asset: AssetKey, country: Country) {
        if let Some(asset) = self.assets.get_mut(&asset) {
            asset.mark_excused(country);
        }
    }

    /// How far an asset has been learned, and so which detectors may speak of it.
    pub fn stage(&self, asset: &AssetState, learn: Learn) -> Stage {
        learn.stage(asset.hours(self.hours_observed))
    }

    /// Hours with traffic for which an asset has been learned.
    pub const fn hours_of(&self, asset: &AssetState) -> u64 {
        asset.hours(self.hours_observed)
    }

    /// How much of a week an asset has been learned, 0 to 1.
    pub fn maturity(&self, asset: &AssetState) -> f64 {
        let hours = asset.hours(self.hours_observed);
        (hours as f64 / HOURS_PER_WEEK).min(1.0)
    }

    /// Hours of packet time with traffic that have been closed.
    pub const fn hours_observed(&self) -> u64 {
        self.hours_observed
    }

    /// Cells of all assets.
    pub const fn cells(&self) -> usize {
        self.cells
    }

    /// Expected bytes of an hour from an asset to a country.
    pub fn expected_bytes(&self, asset: &AssetKey, country: Country, slot: HourSlot) -> u64 {
        let asset = self.assets.get(asset);
        let known = asset.and_then(|asset| asset.countries.get(&country));
        known.map_or(0, |known| known.all.expected(slot).bytes())
    }
}

const HOURS_PER_DAY: u64 = 24;
const HOURS_PER_WEEK: f64 = 168.0;

/// Hours from which on the end of a day closes it, and those after which it is closed
/// whenever that is.
const DAY_HOURS_MIN: u32 = 12;
const DAY_HOURS_MAX: u32 = 36;

/// Hours without an export after which a cell is forgotten: 35 days.
const CELL_HOURS_MAX: u64 = 840;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::Protection;
    use crate::geo::Confidence;
    use crate::time::{Calendar, Tick};
    use crate::transfer::Transfer;

    pub(super) fn add(baseline: &mut Baseline, transfer: &Transfer) {
        baseline.enter(transfer.asset()).unwrap().add(transfer);
    }

    pub(super) fn transfer(asset: u32, asn: u32, tick: u64, bytes: u64) -> Transfer {
        let address = std::net::IpAddr::from((0x0a00_0000 + asset).to_be_bytes());
        Transfer {
            tick: Tick(tick),
            country: "SG".parse().unwrap(),
            asn,
            service: Service::Web,
            asset_ip: address,
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

    #[test]
    fn cells_beyond_the_bound_are_gathered_and_lose_no_byte() {
        let mut baseline = Baseline::default();
        for asn in 1..=CELLS_PER_ASSET_MAX as u32 + 50 {
            add(&mut baseline, &transfer(1, asn, 0, 10));
        }
        let asset = baseline.assets.values().next().unwrap();
        assert_eq!(asset.cells.len(), CELLS_PER_ASSET_MAX + 1);
        assert_eq!(
            baseline.cells_gathered, 50,
            "the first of them made the gathering cell"
        );
        let bytes: u64 = asset.cells.values().map(|cell| cell.hour_bytes).sum();
        assert_eq!(bytes, 10 * (CELLS_PER_ASSET_MAX as u64 + 50));
        assert_eq!(baseline.cells(), asset.cells.len());
    }

    #[test]
    fn a_restart_forgets_nothing() {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        for hour in 0..50u64 {
            let slot = calendar.slot(Tick::of_hour(hour));
            baseline.open_hour(hour);
            for asset in 0..5 {
                let transfer = transfer(asset, 7, hour * 3_600, 1_000_000 * hour);
                add(&mut baseline, &transfer);
            }
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        }
        let bytes = postcard::to_stdvec(&baseline).unwrap();
        let read: Baseline = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&read).unwrap(), bytes);
        assert_eq!(read.hours_observed(), 50);
        let known = read.assets.values().next().unwrap();
        assert_eq!(known.record().unwrap().all.day_peaks.days(), 2);
    }

    /// 5,000 assets with 40 cells each, in 8 countries, all of which have a past.
    #[test]
    fn as_many_cells_as_are_followed_take_160_megabytes() {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        let countries = ["SG", "DE", "FR", "GB", "JP", "BR", "ZA", "US"];
        let countries = countries.map(|code| code.parse::<Country>().unwrap());
        let allocated = allocation_counter::measure(|| {
            for hour in 22..26 {
                baseline.open_hour(hour);
                for cell in 0..CELLS_MAX as u32 {
                    let mut one = transfer(cell / 40, cell % 5 + 1, hour * 3_600, 1_000);
                    one.country = countries[cell as usize / 5 % 8];
                    add(&mut baseline, &one);
                }
                let slot = calendar.slot(Tick::of_hour(hour));
                baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
            }
            // So short a day is not closed by itself.
            baseline.close_day(Learn::Auto, ByStage::default());
        });
        assert_eq!(baseline.cells(), CELLS_MAX);
        assert_eq!(baseline.cells_gathered, 0);
        let megabytes = allocated.bytes_current / 1_000_000;
        assert!((100..=160).contains(&megabytes), "{megabytes} MB");
    }

    #[test]
    fn an_asset_of_the_first_day_is_learned_from_the_start() {
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick(0));
        let mut baseline = Baseline::default();
        let close = |baseline: &mut Baseline, hour| {
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        };
        (0..20).for_each(|hour| close(&mut baseline, hour));
        add(&mut baseline, &transfer(1, 7, 20 * 3_600, 1));
        (20..30).for_each(|hour| close(&mut baseline, hour));
        add(&mut baseline, &transfer(2, 7, 30 * 3_600, 1));
        let stages: Vec<_> = baseline
            .assets
            .values()
            .map(|asset| baseline.stage(asset, Learn::Auto))
            .collect();
        assert_eq!(stages, [Stage::Pools, Stage::Learning]);
    }
}
