//! Whose an address is, at the analyst's desk.

use std::net::IpAddr;

use crate::decode::{Said, Sighting};
use crate::geo::Geo;
use crate::inventory::{AssetConfig, AssetKey, Bindings, Declared, Inventory, Station};
use crate::time::Tick;

use super::state::LearnedState;
use super::totals::Totals;

/// Tells the assets of addresses, and has what was learned go with them.
#[derive(Debug)]
pub(super) struct Owners {
    inventory: Inventory,
}

impl Owners {
    pub(super) fn new(config: &AssetConfig) -> Self {
        Self {
            inventory: Inventory::new(config),
        }
    }

    /// The asset to which a station belongs now.
    #[inline]
    pub(super) fn asset(&self, bindings: &Bindings, station: Station) -> AssetKey {
        self.inventory.asset(bindings, station)
    }

    /// What is declared of an asset.
    pub(super) fn declared(&self, asset: AssetKey) -> Option<&Declared> {
        self.inventory.declared(asset)
    }

    /// How the asset is called that sends from a station now.
    pub(super) fn label(&self, bindings: &Bindings, station: Station) -> String {
        let asset = self.asset(bindings, station);
        self.label_of(asset, station.address)
    }

    /// How an asset is called that sent from an address.
    pub(super) fn label_of(&self, asset: AssetKey, address: IpAddr) -> String {
        self.inventory.label(asset, address)
    }

    /// How an asset is called by whose key it is written: by its name, where it has one.
    pub(super) fn name_of(&self, written: &str) -> String {
        match written.parse() {
            Ok(asset @ AssetKey::Named(_)) => self.label_of(asset, asset.address()),
            _ => written.to_owned(),
        }
    }

    /// Takes what was seen of the site's own addresses. A server beyond the site lends none.
    pub(super) fn learn(&self, bindings: &mut Bindings, geo: &Geo, seen: &[(Tick, Sighting)]) {
        if !self.inventory.asks_for_cards() {
            return;
        }
        for (tick, sighting) in seen {
            let is_believed = match sighting.said {
                Said::ByNeighbour => true,
                Said::ByServer { server, .. } => geo.is_home(server.into()),
            };
            if is_believed && geo.is_home(sighting.address) {
                bindings.learn(*tick, sighting);
            }
        }
    }

    /// Sees to it that an asset that begins to send from an address goes on with what was
    /// learned of it under another key.
    pub(super) fn settle(
        &self,
        learned: &mut LearnedState,
        totals: &mut Totals,
        (asset, address): (AssetKey, IpAddr),
    ) {
        let LearnedState {
            baseline,
            account,
            incidents,
            shadow,
            bindings,
            ..
        } = learned;
        if bindings.is_empty() && asset == AssetKey::of(address) {
            return;
        }
        if let Some(card) = bindings.holder(address) {
            bindings.mark_used(card);
        }
        let is_known = |key: &AssetKey| baseline.assets.contains_key(key);
        if is_known(&asset) {
            return;
        }
        let mut before = self.inventory.predecessors(bindings, asset, address);
        let Some(before) = before.find(is_known) else {
            return;
        };
        baseline.rename(before, asset);
        account.rename(before, asset);
        incidents.rename(before, asset);
        shadow.rename(before, asset);
        totals.rename(before, asset);
    }
}
