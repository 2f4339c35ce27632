//! An address that turns out to be another one of a machine that is known.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::json;

use crate::alert::{Activity, Event};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::Tick;

use super::tell::Word;
use super::{Analyst, PipelineError};

/// What the larger of two hours had that became one in this tick, all and unprotected, by
/// country.
#[derive(Debug, Default)]
pub(super) struct Joined {
    larger: BTreeMap<Country, [u64; 2]>,
}

impl Joined {
    /// What the hour had of which its ceiling was held against so far, where there were two.
    pub(super) fn before(&self, country: Country) -> Option<[u64; 2]> {
        self.larger.get(&country).copied()
    }
}

impl Analyst {
    /// Has an asset go on with what was learned of it under another key, and tells which
    /// incidents are one by that.
    pub(super) fn settle(
        &mut self,
        tick: Tick,
        (asset, address): (AssetKey, IpAddr),
    ) -> Result<Joined, PipelineError> {
        let (learned, totals) = (&mut self.learned, &mut self.totals);
        let settled = self.owners.settle(learned, totals, (asset, address), tick);
        if let Some(before) = settled.joined {
            self.totals.view.assets_joined += 1;
            self.record_joined(tick, (before, asset), address);
        }
        for alert in settled.shadow {
            self.outputs.shadow(alert)?;
        }
        for alert in settled.alerts {
            debug_assert!(alert.event != Event::Open, "it was told before");
            self.write(alert)?;
        }
        let larger = settled.larger.into_iter().collect();
        Ok(Joined { larger })
    }

    /// Tells of hours that are past their ceilings since they are one. Behind the transfers of
    /// the tick, which tell of those that they are part of.
    pub(super) fn tell_joined(
        &mut self,
        tick: Tick,
        asset: AssetKey,
        joined: &Joined,
    ) -> Result<(), PipelineError> {
        for (country, before) in &joined.larger {
            let state = self.learned.baseline.assets.get(&asset);
            let known = state.and_then(|state| state.countries.get(country));
            let is_untold = self.untold.iter().all(|untold| untold.country != *country);
            let Some(known) = known.filter(|_| is_untold) else {
                continue;
            };
            let after = [known.all.hour_bytes, known.unprotected_bytes];
            let passed = self.ceilings.passed(asset, *before, after);
            let word = Word {
                passed: passed.map(|passed| passed.filter(|passed| passed.is_new)),
                ..Word::default()
            };
            if word.passed.iter().any(Option::is_some) {
                self.tell(tick, (asset, *country), Activity::NONE, word)?;
            }
        }
        Ok(())
    }

    /// Writes to the ledger that two keys are of one asset.
    fn record_joined(&mut self, tick: Tick, keys: (AssetKey, AssetKey), address: IpAddr) {
        let (before, asset) = keys;
        let name = self.owners.label_of(asset, address);
        let body = json!({
            "asset": name,
            "asset_mac": asset.card().map(|card| card.to_string()),
            "address": address,
            "joined": before.to_string(),
        });
        if let Some(recorder) = self.outputs.recorder() {
            recorder.joined(tick, body);
        }
    }
}
