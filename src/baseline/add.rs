//! Transfers into the running hour.

use std::collections::btree_map;

use super::{
    ASSETS_MAX, Allowances, AssetState, Baseline, CELLS_MAX, CELLS_PER_ASSET_MAX, Cell, CellKey,
    DESTINATIONS_MAX, Destination, Expected, GATHERING_CELLS_MAX, HOURS_PER_DAY, Learn, Pools,
    Role, Stage,
};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::HourSlot;
use crate::transfer::Transfer;

/// An asset that transfers are counted for, found once for many of them.
#[derive(Debug)]
pub struct AssetEntry<'a> {
    asset: &'a mut AssetState,
    pools: &'a mut Pools,
    cells: &'a mut usize,
    destinations: &'a mut usize,
    cells_gathered: &'a mut u64,
    stage: Stage,
    is_first_day: bool,
    /// Where the latest transfer went, which is where the next one is likely to go.
    country: Option<(Country, usize)>,
    cell: Option<(CellKey, Taker)>,
}

/// What takes the transfers to a destination.
#[derive(Clone, Copy, Debug)]
struct Taker {
    /// Its key and place, if there is room for one.
    cell: Option<(CellKey, usize)>,
    is_gathered: bool,
}

impl Baseline {
    /// The asset that transfers are to be counted for, which is made if there is room.
    pub fn enter(&mut self, asset: AssetKey, learn: Learn) -> Option<AssetEntry<'_>> {
        if asset == AssetKey::UNNAMED {
            return None;
        }
        let is_full = self.assets.len() >= ASSETS_MAX;
        // From which hour on a new asset is learned: the first, if that was within a day.
        let since_hours = if self.hours_observed < HOURS_PER_DAY {
            0
        } else {
            u32::try_from(self.hours_observed).unwrap_or(u32::MAX)
        };
        let asset = match self.assets.entry(asset) {
            btree_map::Entry::Vacant(_) if is_full => return None,
            btree_map::Entry::Vacant(place) => place.insert(AssetState {
                since_hours,
                ..AssetState::default()
            }),
            btree_map::Entry::Occupied(known) => known.into_mut(),
        };
        let hours = asset.hours(self.hours_observed);
        Some(AssetEntry {
            stage: learn.stage(hours),
            is_first_day: hours < HOURS_PER_DAY,
            asset,
            pools: &mut self.pools,
            cells: &mut self.cells,
            destinations: &mut self.destinations,
            cells_gathered: &mut self.cells_gathered,
            country: None,
            cell: None,
        })
    }
}

impl AssetEntry<'_> {
    /// What is known of the asset.
    pub const fn state(&self) -> &AssetState {
        self.asset
    }

    /// Whether the asset was said to be counted for this country before; it is from now on.
    /// Asked behind the transfers to it. Of a country that found no room it is not known.
    pub fn is_counted(&mut self, country: Country) -> bool {
        let latest = self.country.filter(|(latest, _)| *latest == country);
        latest.is_some_and(|(_, place)| {
            let destination = self.asset.countries.at(place);
            std::mem::replace(&mut destination.is_counted, true)
        })
    }

    /// Counts a transfer of the asset in the running hour. Returns the cell that took it, or
    /// nothing where there is no room. A new cell gets its allowances at once.
    pub fn add(
        &mut self,
        transfer: &Transfer,
        slot: HourSlot,
        allowances: impl Fn(Role, Stage, &Expected) -> Allowances,
    ) -> Option<CellKey> {
        let asset = &mut *self.asset;
        if transfer.served {
            asset.served_bytes = asset.served_bytes.saturating_add(transfer.bytes);
        } else {
            asset.asked_bytes = asset.asked_bytes.saturating_add(transfer.bytes);
        }
        if let Some(nanos) = transfer.round_trip_nanos {
            let micros = u64::from(nanos.get()) / 1_000;
            for pool in self.pools.learners(asset.role) {
                pool.round_trip_micros.record(micros);
            }
        }
        if let Some(destination) = self.destination(transfer) {
            destination.add(transfer);
        }
        let own = CellKey {
            country: transfer.country,
            asn: transfer.asn,
            service: transfer.service,
        };
        let known = self.cell.filter(|(key, _)| *key == own);
        let taker = match known {
            Some((_, taker)) => taker,
            None => self.find(own, transfer, slot, allowances),
        };
        self.cell = Some((own, taker));
        *self.cells_gathered += u64::from(taker.is_gathered);
        let (key, place) = taker.cell?;
        let cell = self.asset.cells.at(place);
        cell.add(transfer.tick, transfer.bytes);
        Some(key)
    }

    /// The destination of a transfer, which is made if there is room.
    fn destination(&mut self, transfer: &Transfer) -> Option<&mut Destination> {
        let country = transfer.country;
        let countries = &mut self.asset.countries;
        let place = match self.country.filter(|(known, _)| *known == country) {
            Some((_, place)) => place,
            None => match countries.place(&country) {
                Ok(place) => place,
                Err(_) if *self.destinations >= DESTINATIONS_MAX => return None,
                Err(place) => {
                    *self.destinations += 1;
                    let destination = Destination::new(transfer.tick, self.is_first_day);
                    countries.insert(place, country, destination);
                    place
                }
            },
        };
        self.country = Some((country, place));
        Some(countries.at(place))
    }

    /// What takes the transfers to a destination.
    fn find(
        &mut self,
        own: CellKey,
        transfer: &Transfer,
        slot: HourSlot,
        allowances: impl Fn(Role, Stage, &Expected) -> Allowances,
    ) -> Taker {
        let cells = &mut self.asset.cells;
        let full = cells.len() >= CELLS_PER_ASSET_MAX || *self.cells >= CELLS_MAX;
        let (mut key, mut place) = (own, cells.place(&own));
        let is_gathered = full && place.is_err();
        if is_gathered {
            key = own.gathering();
            place = cells.place(&key);
        }
        let place = match place {
            Ok(place) => Some(place),
            Err(_) if *self.cells >= CELLS_MAX + GATHERING_CELLS_MAX => None,
            Err(place) => {
                *self.cells += 1;
                // What is gathered is many small things, none of which is a first.
                let mut cell = Cell::new(transfer.tick, self.is_first_day || is_gathered);
                cell.open_hour(slot);
                cell.allow(allowances(self.asset.role, self.stage, &cell.expected));
                cells.insert(place, key, cell);
                Some(place)
            }
        };
        Taker {
            cell: place.map(|place| (key, place)),
            is_gathered,
        }
    }
}
