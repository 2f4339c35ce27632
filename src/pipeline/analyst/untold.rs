//! What a tick brought, before it is told, and what is told of it whatever is normal.

use crate::alert::Activity;
use crate::detect::{Breach, Passed, Told, told_ceiling};
use crate::geo::Country;
use crate::inventory::AssetKey;

use super::Analyst;

/// What a tick brought from an asset to a country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Untold {
    pub(super) country: Country,
    pub(super) activity: Activity,
    /// Whether it is to be weighed.
    pub(super) is_weighed: bool,
    /// Whether the hour is past a ceiling.
    pub(super) passed: Option<Passed>,
}

impl Analyst {
    /// What is to be told of an hour past its ceiling, beside what else is.
    pub(super) fn breach(
        &self,
        (asset, country): (AssetKey, Country),
        passed: Passed,
        others: Option<Told>,
    ) -> Option<Told> {
        let state = self.learned.baseline.assets.get(&asset)?;
        let destination = state.countries.get(&country)?;
        let asset_ip = destination.asset_ip.unwrap_or(asset.address());
        let breach = Breach {
            label: &self.owners.label_of(asset, asset_ip),
            role: state.role,
            country,
            destination,
            slot: self.slot,
            hour: self.learned.clock.hour.unwrap_or(0),
            ceiling_bytes: passed.ceiling_bytes,
        };
        Some(told_ceiling(&self.judge, &breach, others))
    }
}
