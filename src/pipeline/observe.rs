//! What an alert says beside what the detectors saw.

use std::net::IpAddr;

use crate::alert::{Observed, Recipient, Ruled};
use crate::baseline::{Baseline, of_hours};
use crate::detect::Told;
use crate::geo::{Confidence, Country, Geo};
use crate::inventory::AssetKey;
use crate::policy::Account;
use crate::time::{Calendar, Tick};
use crate::transfer::Measure;

use super::owners::Owners;
use super::recipients::Recipients;

/// Where all of it is to be found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observer<'a> {
    pub(super) baseline: &'a Baseline,
    pub(super) account: &'a Account,
    pub(super) geo: &'a Geo,
    pub(super) owners: &'a Owners,
    pub(super) calendar: &'a Calendar,
    /// The running hour, counted from the epoch.
    pub(super) hour: u64,
    /// The address that the asset has now, where that is known.
    pub(super) address: Option<IpAddr>,
    /// The registered domain that gets what is told of, where no conversation says so.
    pub(super) domain: Option<&'a str>,
    /// By what the exports were measured.
    pub(super) measure: Measure,
}

impl Observer<'_> {
    /// Looks at an asset and a country of which something is told. Lines of alerts are rare,
    /// so this may walk through all assets.
    pub(super) fn observe(
        &self,
        recipients: &mut Recipients,
        (asset, country): (AssetKey, Country),
        told: Option<&Told>,
    ) -> Observed {
        let Self { baseline, geo, .. } = *self;
        let state = baseline.assets.get(&asset);
        let destination = baseline.destination(asset, country);
        let top_flows = destination
            .map(|destination| destination.top_flows())
            .unwrap_or_default();
        let cells = state.into_iter().flat_map(|state| state.cells_of(country));
        let heaviest = cells.max_by_key(|(_, cell)| cell.hour_bytes);
        let named = told.and_then(|told| told.findings.iter().find_map(|finding| finding.cell));
        let asn = named
            .or(heaviest.map(|(key, _)| *key))
            .map_or(0, |key| key.asn);
        let peer = top_flows.iter().map(|flow| flow.conversation.peer);
        let geo_reason = peer.clone().next();
        let geo_reason = geo_reason.and_then(|address| geo.reason(address, country));
        let of_asn = peer.clone().find(|address| geo.place(*address).asn == asn);
        let novelty = destination.map(|known| known.all.novelty);
        let asset_ip = destination.and_then(|destination| destination.asset_ip);
        let asset_ip = asset_ip.or(self.address).unwrap_or(asset.address());
        Observed {
            asset: self.owners.label_of(asset, asset_ip),
            asset_mac: asset.card(),
            asset_ip,
            confidence: destination.map_or(Confidence::Unknown, |known| known.confidence),
            geo_reason,
            maturity: state.map_or(0.0, |state| baseline.maturity(state)),
            organisation: of_asn.and_then(|address| geo.organisation(address)),
            recipients: top_flows
                .iter()
                .map(|flow| recipients.of(flow))
                .chain(self.domain.map(Recipient::of_domain))
                .collect(),
            top_flows,
            asn,
            seen_hours: baseline.seen_hours(asset, country, self.hour),
            expected_hours: of_hours(self.hour, |hour| {
                let slot = self.calendar.slot(Tick::of_hour(hour));
                baseline.expected_bytes(&asset, country, slot)
            }),
            first_seen: novelty.map(|novelty| novelty.since),
            is_new: novelty.is_some_and(|novelty| novelty.is_new()),
            ruled: self.account.standpoint(asset, country).map(Ruled::from),
            prevalence: baseline.prevalence(country, asn, self.hour),
            measure: self.measure,
        }
    }
}
