//! Transfers to expectations: what is normal for this asset, destination and hour.
//!
//! Three levels learn side by side. A [`Cell`] is one asset towards one (country,
//! autonomous system, service) and knows the hours of its days. A [`Destination`] is one
//! asset towards one country and knows whether that is new. A [`Pool`] is all assets of a
//! role, and all of the site, and knows how large the rare things are.
//!
//! Hours are hours of packet time with traffic. An hour in which the sensor saw nothing
//! neither matures nor changes anything.

mod add;
mod cell;
mod destination;
mod learn;
mod novelty;
mod pool;
mod sorted;
mod tail;

pub use add::AssetEntry;
pub use cell::{Cell, EXCURSION_PEAK_MIN, Excursion, Expected, OFFSET_BYTES};
pub use destination::{Destination, TopFlow};
pub use learn::{BaselineConfig, Learn, LearnError, Stage};
pub use novelty::Novelty;
pub use pool::{Latency, Pool, deviation_of_surprise, surprise_of_deviation};
pub use sorted::Sorted;
pub use tail::{Fit, Tail};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::{HourSlot, Tick};
use crate::transfer::Service;

/// Version of the stored form of a [`Baseline`].
pub const STATE_VERSION: u32 = 2;

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
pub const DESTINATIONS_MAX: usize = 400_000;

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

/// What an asset mostly does, as far as exports tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Most of its export bytes went over connections that it began.
    #[default]
    Client,
    /// Most of its export bytes were answers.
    Server,
}

/// All that is known of one asset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AssetState {
    /// What it mostly does, as of the beginning of the running hour.
    pub role: Role,
    /// Its destinations by country, system and service.
    pub cells: Sorted<CellKey, Cell>,
    /// Its destinations by country.
    pub countries: Sorted<Country, Destination>,
    /// Hours with traffic that the site had seen when this asset began to be learned.
    since_hours: u32,
    served_bytes: u64,
    asked_bytes: u64,
}

// What the bounds above are worth in memory: an asset with one destination and one
// conversation takes about 450 bytes, a further cell 144.
const _: () = assert!(size_of::<AssetState>() <= 72);
const _: () = assert!(size_of::<(CellKey, Cell)>() <= 144);
const _: () = assert!(size_of::<(Country, Destination)>() <= 136);

/// What a cell may send without being told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowances {
    /// Bytes in the running hour.
    pub hour_bytes: u64,
    /// Excess bytes of an excursion.
    pub excursion_bytes: u64,
}

/// What a detector spoke of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alerted {
    /// The running hour of a cell.
    Hour,
    /// The excursion of a cell.
    Excursion,
    /// The first day of a cell, or of a country where no cell is named, once it had reached
    /// this many bytes.
    FirstDay(u64),
}

/// The pools of a site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pools {
    client: Pool,
    server: Pool,
    organisation: Pool,
}

/// What the site has learned.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// Assets by key, in the order in which they are worked through.
    pub assets: BTreeMap<AssetKey, AssetState>,
    /// What many assets together teach.
    pub pools: Pools,
    /// Transfers that found no room for their asset.
    pub assets_refused: u64,
    /// Transfers that found no room for a cell of their own.
    pub cells_gathered: u64,
    hours_observed: u64,
    cells: usize,
    destinations: usize,
}

impl AssetState {
    /// Hours with traffic for which the asset has been learned.
    const fn hours(&self, hours_observed: u64) -> u64 {
        hours_observed.saturating_sub(self.since_hours as u64)
    }
}

impl Pools {
    /// The pool of a role; the one of the whole site while the role has shown too little.
    pub const fn of(&self, role: Role) -> &Pool {
        let own = match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        if own.asset_hours >= POOL_ASSET_HOURS_MIN {
            own
        } else {
            &self.organisation
        }
    }

    /// The pool of the whole site.
    pub const fn organisation(&self) -> &Pool {
        &self.organisation
    }

    fn learners(&mut self, role: Role) -> [&mut Pool; 2] {
        match role {
            Role::Client => [&mut self.client, &mut self.organisation],
            Role::Server => [&mut self.server, &mut self.organisation],
        }
    }
}

impl Baseline {
    /// Ends an hour of packet time that had traffic.
    pub fn close_hour(&mut self, slot: HourSlot, hour: u64) {
        self.hours_observed += 1;
        let end = Tick::of_hour(hour + 1);
        for asset in self.assets.values_mut() {
            let mut pools = self.pools.learners(asset.role);
            for pool in &mut pools {
                pool.asset_hours += 1;
            }
            for cell in asset.cells.values_mut() {
                cell.close_hour(slot, hour, &mut pools);
            }
            for destination in asset.countries.values_mut() {
                destination.close_hour(end, &mut pools);
            }
            let before = asset.cells.len();
            asset
                .cells
                .retain(|cell| hour.saturating_sub(cell.last_hour) < CELL_HOURS_MAX);
            self.cells -= before - asset.cells.len();
        }
        // An asset is forgotten with the last of its destinations.
        self.assets.retain(|_, asset| !asset.cells.is_empty());
        let countries = self.assets.values().map(|asset| asset.countries.len());
        self.destinations = countries.sum();
    }

    /// Ends an hour of which too little was seen to learn from it.
    pub fn skip_hour(&mut self) {
        let assets = self.assets.values_mut();
        for cell in assets.flat_map(|asset| asset.cells.values_mut()) {
            cell.skip_hour();
        }
    }

    /// Begins an hour: computes what is normal for it.
    pub fn open_hour(&mut self, slot: HourSlot) {
        for asset in self.assets.values_mut() {
            asset.role = if asset.served_bytes > asset.asked_bytes {
                Role::Server
            } else {
                Role::Client
            };
            for cell in asset.cells.values_mut() {
                cell.open_hour(slot);
            }
            for destination in asset.countries.values_mut() {
                destination.open_hour();
            }
        }
    }

    /// Sets the allowances of every cell for the running hour.
    pub fn set_allowances(
        &mut self,
        learn: Learn,
        allowances: impl Fn(Role, Stage, &Expected) -> Allowances,
    ) {
        let hours_observed = self.hours_observed;
        for asset in self.assets.values_mut() {
            let stage = learn.stage(asset.hours(hours_observed));
            let role = asset.role;
            for cell in asset.cells.values_mut() {
                cell.allow(allowances(role, stage, &cell.expected));
            }
        }
    }

    /// Notes that a detector spoke, so that what it spoke of does not become the norm.
    pub fn mark_alerted(
        &mut self,
        (asset, country): (AssetKey, Country),
        cell: Option<CellKey>,
        kind: Alerted,
    ) {
        let Some(asset) = self.assets.get_mut(&asset) else {
            return;
        };
        if let Some(cell) = cell {
            let Some(cell) = asset.cells.get_mut(&cell) else {
                return;
            };
            match kind {
                Alerted::Hour => cell.alerted = true,
                Alerted::Excursion => cell.excursion.alerted = true,
                Alerted::FirstDay(bytes) => {
                    cell.alerted = true;
                    cell.novelty.alerted_at(bytes);
                }
            }
        } else if let Alerted::FirstDay(bytes) = kind
            && let Some(known) = asset.countries.get_mut(&country)
        {
            known.novelty.alerted_at(bytes);
            let cells = asset.cells.iter_mut();
            for (_, cell) in cells.filter(|(key, _)| key.country == country) {
                cell.alerted = true;
            }
        }
    }

    /// How far an asset has been learned, and so which detectors may speak of it.
    pub fn stage(&self, asset: &AssetState, learn: Learn) -> Stage {
        learn.stage(asset.hours(self.hours_observed))
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

    /// Expected bytes of the running hour from an asset to a country.
    pub fn expected_bytes(&self, asset: &AssetKey, country: Country) -> u64 {
        let cells = self
            .assets
            .get(asset)
            .into_iter()
            .flat_map(|asset| asset.cells.iter());
        cells
            .filter(|(key, _)| key.country == country)
            .fold(0, |sum, (_, cell)| {
                sum.saturating_add(cell.expected.bytes())
            })
    }
}

const HOURS_PER_DAY: u64 = 24;
const HOURS_PER_WEEK: f64 = 168.0;

/// Asset-hours from which on a role speaks for itself: a week of one asset.
const POOL_ASSET_HOURS_MIN: u64 = 168;

/// Hours without an export after which a cell is forgotten: 35 days.
const CELL_HOURS_MAX: u64 = 840;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geo::Confidence;
    use crate::time::Calendar;
    use crate::transfer::Transfer;

    fn add(baseline: &mut Baseline, transfer: &Transfer, slot: HourSlot) {
        let mut entry = baseline.enter(transfer.asset(), Learn::Auto).unwrap();
        entry.add(transfer, slot, |_, _, _| Allowances {
            hour_bytes: 0,
            excursion_bytes: 0,
        });
    }

    fn transfer(asset: u32, asn: u32, tick: u64, bytes: u64) -> Transfer {
        let address = std::net::IpAddr::from((0x0a00_0000 + asset).to_be_bytes());
        Transfer {
            tick: Tick(tick),
            country: "SG".parse().unwrap(),
            asn,
            service: Service::Web,
            asset_ip: address,
            conversation: None,
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            ended: false,
            round_trip_nanos: None,
        }
    }

    #[test]
    fn cells_beyond_the_bound_are_gathered_and_lose_no_byte() {
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick(0));
        let mut baseline = Baseline::default();
        for asn in 1..=CELLS_PER_ASSET_MAX as u32 + 50 {
            add(&mut baseline, &transfer(1, asn, 0, 10), slot);
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
            baseline.open_hour(slot);
            for asset in 0..5 {
                let transfer = transfer(asset, 7, hour * 3_600, 1_000_000 * hour);
                add(&mut baseline, &transfer, slot);
            }
            baseline.close_hour(slot, hour);
        }
        let bytes = postcard::to_stdvec(&baseline).unwrap();
        let read: Baseline = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(postcard::to_stdvec(&read).unwrap(), bytes);
        assert_eq!(read.hours_observed(), 50);
        assert_eq!(read.pools.organisation().asset_hours, 250);
    }

    #[test]
    fn an_asset_of_the_first_day_is_learned_from_the_start() {
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick(0));
        let mut baseline = Baseline::default();
        (0..20).for_each(|hour| baseline.close_hour(slot, hour));
        add(&mut baseline, &transfer(1, 7, 20 * 3_600, 1), slot);
        (20..30).for_each(|hour| baseline.close_hour(slot, hour));
        add(&mut baseline, &transfer(2, 7, 30 * 3_600, 1), slot);
        let stages: Vec<_> = baseline
            .assets
            .values()
            .map(|asset| baseline.stage(asset, Learn::Auto))
            .collect();
        assert_eq!(stages, [Stage::Pools, Stage::Learning]);
    }
}
