//! What the history is told of what the analyst learns.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::{Alert, KnownIncident};
use crate::baseline::{AssetState, Baseline, Destination, Expected};
use crate::geo::{Country, Geo};
use crate::history::{About, AssetHour, CorridorRecord, HourRecord, MeterRecord, Record};
use crate::inventory::AssetKey;
use crate::policy::Judgement;
use crate::time::{HourSlot, Tick};

use super::super::historian::Historian;
use super::{Analyst, Owners};

/// What a silent hour must have been expected to bring to be worth a row, in bytes.
const QUIET_BYTES_MIN: u64 = 1_000_000;

impl Analyst {
    /// Shows since when this run goes on, and until when it is learned at least.
    pub(super) fn show_times(&mut self) {
        let view = &mut self.totals.view;
        let least = self.config.baseline.learn.hours_until_first_alert();
        let known = self.learned.baseline.hours_observed();
        let left = least.saturating_sub(known);
        let hour = self.learned.clock.hour.filter(|_| left > 0);
        view.learning_until = hour.map(|hour| Tick::of_hour(hour.saturating_add(left)));
    }

    /// Tells the history an alert as it was told, and what is known of its incident inside.
    pub(super) fn remember_alert(&mut self, alert: &Alert, known: Option<KnownIncident>) {
        if let Some(historian) = self.outputs.historian() {
            historian.alert(alert, known);
        }
    }

    /// Tells the history what a pack says.
    pub(super) fn remember_judgement(&mut self, tick: Tick, judgement: &Judgement) {
        let veil = Arc::clone(self.outputs.veil());
        let Some(historian) = self.outputs.historian().filter(|one| one.keeps_hours()) else {
            return;
        };
        let approval = judgement.said.approval.as_deref();
        let account = &self.learned.account;
        let quota = approval.and_then(|id| account.quota(&self.policy, &judgement.pack, id, tick));
        let (day, _) = self.policy.day_of(tick);
        let mut record = CorridorRecord::new(day, judgement, quota);
        record.veil(&veil);
        historian.tell(Record::Corridor(Box::new(record)));
    }

    /// Tells the history what meters show.
    pub(super) fn remember_meters(&mut self, tick: Tick) {
        let veil = Arc::clone(self.outputs.veil());
        let Some(historian) = self.outputs.historian().filter(|one| one.keeps_hours()) else {
            return;
        };
        let rows = self.learned.account.meter_rows(&self.policy, tick);
        if !rows.is_empty() {
            let rows = rows.into_iter().map(|row| MeterRecord::new(row, &veil));
            let rows = rows.collect();
            historian.tell(Record::Meters(rows));
        }
    }

    /// Tells the history of the running hour, if it is time to.
    pub(super) fn remember_running(&mut self, now: Tick) {
        if self.outputs.historian().is_some_and(|one| one.is_due(now)) {
            self.remember_hour(now, false);
        }
    }

    /// Tells the history of the running hour, before that is closed.
    pub(super) fn remember_hour(&mut self, now: Tick, is_over: bool) {
        let veil = Arc::clone(self.outputs.veil());
        let (Some(hour), Some(historian)) = (self.learned.clock.hour, self.outputs.historian())
        else {
            return;
        };
        if !historian.keeps_hours() {
            return;
        }
        let baseline = &self.learned.baseline;
        let slot = self.slot;
        historian
            .expected
            .get_or_insert_with(|| expected_by_country(baseline, slot));
        let mut record = HourRecord {
            hour,
            is_over,
            ..HourRecord::default()
        };
        for (asset, state) in &baseline.assets {
            let Some(mut one) = asset_hour(state, slot, is_over) else {
                continue;
            };
            one.about = about(&self.owners, baseline, *asset, state);
            let known = state.countries.values();
            let latest = known.max_by_key(|known| known.all.last_hour);
            let address = latest.and_then(|known| known.asset_ip);
            let address = address.unwrap_or(asset.address());
            let label = self.owners.label_of(*asset, address);
            let addresses = one.addresses.iter_mut();
            addresses.for_each(|address| *address = veil.address(*address));
            // Two assets that are called the same are one in the history.
            let label = veil.text(&label).into_owned();
            record.assets.entry(label).or_default().merge(one);
            if is_over {
                record.systems.extend(systems(&self.geo, historian, state));
            }
        }
        if is_over {
            let mut names = self.learned.incidents.names();
            names.iter_mut().for_each(|name| veil.hide(name));
            record.open = Some(names);
        }
        historian.hour(now, record);
    }

    /// Tells the history the rest, and waits until it is written.
    pub(in crate::pipeline) fn end_history(&mut self) {
        let now = self.learned.clock.tick;
        self.remember_hour(now, false);
        if self.keeps_account {
            self.remember_meters(now);
        }
        let lost = self.outputs.historian().and_then(|one| one.finish());
        self.totals.notes.extend(lost);
    }
}

/// What an asset has sent in the running hour, and what of it was to be expected; nothing where
/// neither is worth a row.
fn asset_hour(state: &AssetState, slot: HourSlot, is_over: bool) -> Option<AssetHour> {
    let mut one = AssetHour::default();
    for (country, known) in state.countries.iter() {
        let (bytes, expected) = (known.all.hour_bytes, expected(known, slot));
        let is_quiet = is_over && expected.is_some_and(|bytes| bytes >= QUIET_BYTES_MIN);
        if bytes > 0 || is_quiet {
            let first = known.all.novelty.since;
            one.countries.insert(*country, (bytes, expected, first));
            one.addresses.extend(known.asset_ip);
        }
    }
    let active = state.cells.iter().filter(|(_, cell)| cell.hour_bytes > 0);
    one.cells = active.map(|(key, cell)| (*key, cell.hour_bytes)).collect();
    (!one.countries.is_empty()).then_some(one)
}

/// Who holds the systems that the heaviest conversations of an asset went to, as far as that
/// was not told yet.
fn systems(geo: &Geo, historian: &mut Historian, state: &AssetState) -> Vec<(u32, String)> {
    let mut named = Vec::new();
    for known in state.countries.values() {
        let Some(flow) = known.top_flows().into_iter().next() else {
            continue;
        };
        let peer = flow.conversation.peer;
        let asn = geo.place(peer).asn;
        let name = historian.is_news(asn).then(|| geo.organisation(peer));
        named.extend(name.flatten().map(|name| (asn, name)));
    }
    named
}

/// Bytes that are normal for an hour, where that is known.
fn expected(known: &Destination, slot: HourSlot) -> Option<u64> {
    let expected = known.all.expected(slot);
    (expected != Expected::UNKNOWN).then(|| expected.bytes())
}

fn expected_by_country(baseline: &Baseline, slot: HourSlot) -> BTreeMap<Country, u64> {
    let mut sums = BTreeMap::new();
    for (country, known) in baseline
        .assets
        .values()
        .flat_map(|one| one.countries.iter())
    {
        if let Some(bytes) = expected(known, slot) {
            let sum: &mut u64 = sums.entry(*country).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }
    sums
}

fn about(owners: &Owners, baseline: &Baseline, asset: AssetKey, state: &AssetState) -> About {
    let declared = owners.declared(asset);
    let text = |term: &crate::inventory::Term| term.as_str().to_owned();
    let categories = declared.into_iter().flat_map(|one| one.categories.iter());
    About {
        organisation: declared.and_then(|one| one.organisation.as_ref()).map(text),
        sector: declared.and_then(|one| one.sector.as_ref()).map(text),
        grade: declared.and_then(|one| one.grade).map(|grade| grade.name()),
        categories: categories.map(|one| one.name()).collect(),
        role: state.role.name(),
        maturity: baseline.maturity(state),
    }
}
