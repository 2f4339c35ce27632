//! Transfers into the running hour.

use std::collections::btree_map;

use super::novelty::Newness;
use super::{
    ASSETS_MAX, AssetState, Baseline, CELLS_MAX, CELLS_PER_ASSET_MAX, Cell, CellKey,
    DESTINATIONS_MAX, Destination, GATHERING_CELLS_MAX, HOURS_PER_DAY, Labels, Pools,
};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::transfer::Transfer;

/// An asset that transfers are counted for, found once for many of them.
#[derive(Debug)]
pub struct AssetEntry<'a> {
    asset: &'a mut AssetState,
    pools: &'a mut Pools,
    labels: &'a mut Labels,
    cells: &'a mut usize,
    destinations: &'a mut usize,
    cells_gathered: &'a mut u64,
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
    pub fn enter(&mut self, asset: AssetKey) -> Option<AssetEntry<'_>> {
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
            btree_map::Entry::Vacant(place) => place.insert(AssetState::new(since_hours)),
            btree_map::Entry::Occupied(known) => known.into_mut(),
        };
        let hours = asset.hours(self.hours_observed);
        Some(AssetEntry {
            is_first_day: hours < HOURS_PER_DAY,
            asset,
            pools: &mut self.pools,
            labels: &mut self.labels,
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

    /// Bytes of the running hour to a country.
    pub fn hour_bytes(&self, country: Country) -> u64 {
        let known = self.asset.countries.get(&country);
        known.map_or(0, |known| known.all.hour_bytes)
    }

    /// The same in the clear or weakly protected.
    pub fn unprotected_bytes(&self, country: Country) -> u64 {
        let known = self.asset.countries.get(&country);
        known.map_or(0, |known| known.unprotected_bytes)
    }

    /// Whether enough has left for a country in the running hour to weigh it again. Asked
    /// behind the transfers to it.
    pub fn is_to_be_weighed(&mut self, country: Country) -> bool {
        let has_past = self.asset.record().is_some();
        let latest = self.country.filter(|(latest, _)| *latest == country);
        latest.is_some_and(|(_, place)| {
            let destination = self.asset.countries.at(place);
            has_past && destination.all.hour_bytes >= destination.weigh_at_bytes
        })
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
    /// nothing where there is no room.
    pub fn add(&mut self, transfer: &Transfer) -> Option<CellKey> {
        let asset = &mut *self.asset;
        if transfer.served {
            asset.served_bytes = asset.served_bytes.saturating_add(transfer.bytes);
        } else {
            asset.asked_bytes = asset.asked_bytes.saturating_add(transfer.bytes);
        }
        if let Some(nanos) = transfer.round_trip_nanos {
            let micros = u64::from(nanos.get()) / 1_000;
            self.pools.round_trip_micros.record(micros);
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
            None => self.find(own, transfer),
        };
        self.cell = Some((own, taker));
        *self.cells_gathered += u64::from(taker.is_gathered);
        let (key, place) = taker.cell?;
        let cell = self.asset.cells.at(place);
        cell.add(transfer.tick, transfer.bytes);
        if let Some(conversation) = transfer.conversation
            && (self.labels).see(
                conversation.peer,
                transfer.country,
                transfer.tick.hour(),
                transfer.bytes,
            )
        {
            cell.novelty.relabelled(transfer.tick.hour());
        }
        Some(key)
    }

    /// Counts a transfer, once it was added, for the registered domain that received it. That
    /// is new unless the country or the autonomous system is, which says more.
    pub fn received(&mut self, transfer: &Transfer, domain: &str) {
        let country = self.asset.countries.get(&transfer.country);
        let in_new_country = country.is_none_or(|known| known.all.novelty.is_new());
        let taker = self.cell.and_then(|(_, taker)| taker.cell);
        let in_new_network =
            taker.is_none_or(|(_, place)| self.asset.cells.at(place).novelty.is_new());
        let is_new = !self.is_first_day && !in_new_country && !in_new_network;
        if let Some(receivers) = self.asset.receivers() {
            let at = (transfer.country, transfer.tick);
            receivers.add(domain, at, transfer.bytes, is_new);
        }
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
                    let destination = Destination::new(transfer.tick, !self.is_first_day);
                    countries.insert(place, country, destination);
                    place
                }
            },
        };
        self.country = Some((country, place));
        Some(countries.at(place))
    }

    /// What takes the transfers to a destination.
    fn find(&mut self, own: CellKey, transfer: &Transfer) -> Taker {
        let newness = self.asset.newness_of(own, self.is_first_day);
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
                let newness = if is_gathered { Newness::None } else { newness };
                let cell = Cell::new(transfer.tick, newness);
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
