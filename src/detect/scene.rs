//! What an asset sends to a country at one moment, as the detectors see it.

use crate::baseline::{
    AssetRecord, AssetState, Cell, CellKey, Curves, Destination, Measure, Moved, Peaks, Sinks,
};
use crate::geo::Country;
use crate::time::{HourSlot, Tick};
use crate::transfer::Service;

use super::Ground;

/// An asset and a country in the running hour.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// How rare things are.
    pub curves: &'a Curves,
    /// What systems get of one asset.
    pub sinks: &'a Sinks,
    /// What has moved to the country.
    pub moved: Moved,
    /// The asset.
    pub state: &'a AssetState,
    /// What it did before.
    pub record: &'a AssetRecord,
    /// The country.
    pub country: Country,
    /// What the asset sends there.
    pub destination: &'a Destination,
    /// Kind of hour.
    pub slot: HourSlot,
    /// The running hour, counted from the epoch.
    pub hour: u64,
    /// Bytes of the running hour that are left out: to ask what would have passed.
    pub without_bytes: u64,
}

impl<'a> Scene<'a> {
    /// The scene, unless there is nothing to compare with: neither the country nor an hour
    /// before.
    pub fn new(
        (curves, sinks): (&'a Curves, &'a Sinks),
        state: &'a AssetState,
        country: Country,
        (slot, hour): (HourSlot, u64),
    ) -> Option<Self> {
        Some(Self {
            curves,
            sinks,
            moved: state.moved_to(country, hour),
            state,
            record: state.record()?,
            country,
            destination: state.countries.get(&country)?,
            slot,
            hour,
            without_bytes: 0,
        })
    }

    /// Bytes of the running hour to all countries.
    pub fn asset_bytes(&self) -> u64 {
        self.state.hour_bytes().saturating_sub(self.without_bytes)
    }

    /// Bytes of the running hour to the country.
    pub fn country_bytes(&self) -> u64 {
        let all = self.destination.all.hour_bytes;
        let stayed = all.saturating_sub(self.moved.hour_bytes);
        stayed.saturating_sub(self.without_bytes)
    }

    /// Bytes of the running hour to a cell. What is left out is left out of every one: it is
    /// the heaviest that matters.
    pub fn cell_bytes(&self, key: CellKey, cell: &Cell) -> u64 {
        let moved = self.state.moved(key, cell, self.hour);
        let stayed = cell.hour_bytes.saturating_sub(moved.hour_bytes);
        stayed.saturating_sub(self.without_bytes)
    }

    /// Bytes of the running hour over a service.
    pub fn service_bytes(&self, service: Service) -> u64 {
        let all = self.state.service_bytes(service);
        all.saturating_sub(self.without_bytes)
    }

    /// The cells of the country to which anything was sent in the running hour.
    pub fn cells(&self) -> impl Iterator<Item = (CellKey, &'a Cell)> {
        let of_country = self.state.cells_of(self.country);
        let known = of_country.map(|(key, cell)| (*key, cell));
        known.filter(|(_, cell)| cell.hour_bytes > 0)
    }

    /// The autonomous system of the country that got most in the running hour.
    pub fn asn(&self) -> u32 {
        let heaviest = self.cells().max_by_key(|(_, cell)| cell.hour_bytes);
        heaviest.map_or(0, |(key, _)| key.asn)
    }

    /// Bytes of 24 hours to a cell, or to the country.
    pub fn day_bytes(&self, cell: &Cell, hour_bytes: u64) -> f64 {
        let before = cell
            .record()
            .map_or(0.0, |known| known.past.before(self.hour));
        before + hour_bytes as f64
    }

    /// The chance of a day to a cell, or to the country, had what has moved there stayed; 0
    /// where nothing has.
    pub fn chance_had_it_stayed(&self, day: Measure, cell: &Cell, moved: &Moved) -> f64 {
        let Some(from) = &moved.from else {
            return 0.0;
        };
        let both = self.day_bytes(cell, cell.hour_bytes) + from.day_bytes;
        let both = (both - self.without_bytes as f64).max(0.0);
        let role = self.state.role;
        self.curves.chance(day, role, &from.day_peaks, both)
    }

    /// When the running hour began.
    pub fn hour_start(&self) -> Tick {
        Tick::of_hour(self.hour)
    }

    /// How rare so much of something is.
    pub fn ground(
        &self,
        measure: Measure,
        peaks: &Peaks,
        value: f64,
        cell: Option<CellKey>,
    ) -> Ground {
        let role = self.state.role;
        Ground {
            measure,
            p: self.curves.chance(measure, role, peaks, value),
            cell,
        }
    }
}
