//! Whose an address is, at the analyst's desk.

use std::net::IpAddr;

use crate::alert::Alert;
use crate::baseline::LargerHour;
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

    /// Sees to it that an asset goes on with what was learned of it under another key: when it
    /// begins to send, and when an address turns out to be another one of a machine that is
    /// known.
    pub(super) fn settle(
        &self,
        learned: &mut LearnedState,
        totals: &mut Totals,
        (asset, address): (AssetKey, IpAddr),
        now: Tick,
    ) -> Settled {
        let bindings = &mut learned.bindings;
        if bindings.is_empty() && asset == AssetKey::of(address) {
            return Settled::default();
        }
        if let Some(card) = bindings.holder(address) {
            bindings.mark_used(card);
        }
        let Some(before) = self.before(learned, (asset, address), now) else {
            return Settled::default();
        };
        let is_known = learned.baseline.assets.contains_key(&asset);
        totals.join(before, asset);
        learned.account.join(before, asset);
        Settled {
            joined: is_known.then_some(before),
            larger: learned.baseline.join(before, asset, now),
            alerts: learned.incidents.join(before, asset, now),
            shadow: learned.shadow.join(before, asset, now),
        }
    }

    /// Under which other key something is known of an asset that sends from an address. Of an
    /// asset that is known itself it is only what nothing else goes by any more, and what has
    /// exported within a day: an address that was silent for longer may have been another
    /// machine's.
    fn before(
        &self,
        learned: &LearnedState,
        (asset, address): (AssetKey, IpAddr),
        now: Tick,
    ) -> Option<AssetKey> {
        let (assets, bindings) = (&learned.baseline.assets, &learned.bindings);
        let mut before = self.inventory.predecessors(bindings, asset, address);
        if !assets.contains_key(&asset) {
            return before.find(|key| assets.contains_key(key));
        }
        let since = now.hour().saturating_sub(JOINED_HOURS);
        before.find(|key| {
            let known = assets.get(key);
            known.is_some_and(|known| known.has_exported_since(since))
                && self.inventory.is_abandoned(bindings, *key, address)
        })
    }
}

/// Hours without an export after which what is known of an address does not go over to a
/// machine that is known itself.
const JOINED_HOURS: u64 = 24;

/// What it came to that an asset goes on with what was learned under another key.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The other key, where something was known of both.
    pub(super) joined: Option<AssetKey>,
    /// The hours of which each is one now.
    pub(super) larger: Vec<LargerHour>,
    /// What is told of incidents that are one now.
    pub(super) alerts: Vec<Alert>,
    /// The same while an asset is learned.
    pub(super) shadow: Vec<Alert>,
}
