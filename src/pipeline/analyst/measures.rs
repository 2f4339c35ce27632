//! By what the exports of an asset to a country were measured.

use std::collections::HashMap;

use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::transfer::{Measure, Transfer};

/// Which exports flow records of others have told of lately. Those that packets have shown are
/// not in it.
#[derive(Debug, Default)]
pub(super) struct Measures {
    known: HashMap<(AssetKey, Country), Measure>,
    hour: u64,
}

/// Assets and countries that are remembered; then all are forgotten.
const KNOWN_MAX: usize = 1 << 16;

/// Hours after which all is forgotten, since an exporter may have other settings by then.
const HOURS: u64 = 24;

impl Measures {
    /// Notes by what the coarsest of some transfers of an asset to a country was measured.
    pub(super) fn note(&mut self, asset: AssetKey, country: Country, transfers: &[Transfer]) {
        let measures = transfers.iter().map(|transfer| transfer.measure);
        let coarsest = measures.max().unwrap_or_default();
        if coarsest == Measure::PACKETS {
            return;
        }
        let hour = transfers.first().map_or(0, |first| first.tick.hour());
        if self.known.len() >= KNOWN_MAX || hour / HOURS != self.hour / HOURS {
            self.known.clear();
            self.hour = hour;
        }
        let known = self.known.entry((asset, country)).or_default();
        *known = (*known).max(coarsest);
    }

    /// By what those of an asset to a country are measured.
    pub(super) fn of(&self, key: (AssetKey, Country)) -> Measure {
        self.known.get(&key).copied().unwrap_or_default()
    }
}
