//! The analyst half: transfers to alerts, in one thread and in canonical order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::alert::{Alert, Event, Incidents, Observed};
use crate::baseline::{Baseline, CellKey, Stage};
use crate::config::Config;
use crate::detect::{Detector, Detectors, Finding};
use crate::geo::{Country, Geo};
use crate::inventory::AssetKey;
use crate::time::{Calendar, CalendarError, HourSlot, Tick};
use crate::transfer::Transfer;

use super::PipelineError;
use super::outputs::{ALERTS_KEPT_MAX, Outputs};
use super::sensor::SensorOutput;
use super::state::LearnedState;
use super::telemetry::AnalystView;

/// Learns, judges and tells.
#[derive(Debug)]
pub(super) struct Analyst {
    config: Config,
    calendar: Calendar,
    geo: Arc<Geo>,
    pub(super) outputs: Outputs,
    pub(super) baseline: Baseline,
    detectors: Detectors,
    incidents: Incidents,
    /// What would have been told while an asset was still being learned.
    shadow: Incidents,
    hour: Option<u64>,
    slot: HourSlot,
    pub(super) totals: Totals,
}

/// Sums of the run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) view: AnalystView,
    pub(super) incidents: u64,
    pub(super) alert_lines: u64,
    pub(super) shadow_incidents: u64,
    /// What the reader of the figures should know.
    pub(super) notes: Vec<String>,
    pub(super) alerts: Vec<Alert>,
    /// Assets by country.
    pub(super) assets: BTreeMap<Country, BTreeSet<AssetKey>>,
}

/// What one tick brought for one asset and country.
#[derive(Debug, Default)]
struct Touched {
    bytes: u64,
    cells: BTreeSet<CellKey>,
}

impl Analyst {
    /// Starts from what was learned before, or from nothing.
    pub(super) fn new(
        config: Config,
        geo: Arc<Geo>,
        outputs: Outputs,
        learned: LearnedState,
    ) -> Result<Self, CalendarError> {
        let calendar = config.site.calendar()?;
        let detectors = Detectors::new(&learned.baseline.pools, budget(&config));
        let slot = calendar.slot(Tick::of_hour(learned.hour.unwrap_or(0)));
        Ok(Self {
            config,
            calendar,
            geo,
            outputs,
            baseline: learned.baseline,
            detectors,
            incidents: Incidents::default(),
            shadow: Incidents::default(),
            hour: learned.hour,
            slot,
            totals: Totals::default(),
        })
    }

    /// Takes what all workers told of the ticks before `until`, and says it in order.
    pub(super) fn take(
        &mut self,
        outputs: Vec<SensorOutput>,
        until: Option<Tick>,
    ) -> Result<(), PipelineError> {
        let mut transfers = Vec::new();
        let mut flows = Vec::new();
        for output in outputs {
            transfers.extend(output.transfers);
            flows.extend(output.flows);
        }
        transfers.sort_unstable();
        flows.sort_by_key(|flow| (flow.tick, flow.key));
        self.outputs.flows(&flows)?;
        for of_tick in transfers.chunk_by(|a, b| a.tick == b.tick) {
            if let Some(transfer) = of_tick.first() {
                self.pass_hours(transfer.tick)?;
                self.tick(transfer.tick, of_tick)?;
            }
        }
        match until {
            Some(tick) => {
                self.totals.view.tick = tick;
                self.pass_hours(tick)
            }
            None => Ok(self.outputs.flush()?),
        }
    }

    /// What may be shown of it now.
    pub(super) fn view(&mut self) -> AnalystView {
        let view = &mut self.totals.view;
        view.incidents_open = self.incidents.len();
        view.assets = self.baseline.assets.len();
        view.cells = self.baseline.cells();
        view.hours_learned = self.baseline.hours_observed();
        view.assets_refused = self.baseline.assets_refused;
        view.cells_gathered = self.baseline.cells_gathered;
        let times = &self.baseline.pools.organisation().round_trip_micros;
        view.round_trips.count = times.count();
        view.round_trips.sum_micros = times.sum();
        view.round_trips.median = times.quantile(0.5);
        view.round_trips.p99 = times.quantile(0.99);
        view.clone()
    }

    /// What must outlive a restart.
    pub(super) const fn learned(&self) -> (&Baseline, Option<u64>) {
        (&self.baseline, self.hour)
    }

    /// Closes the running hour if `tick` lies in a later one, and opens that.
    fn pass_hours(&mut self, tick: Tick) -> Result<(), PipelineError> {
        let next = tick.hour();
        match self.hour {
            Some(hour) if hour == next => return Ok(()),
            // Hours between the two had no traffic and change nothing.
            Some(hour) if hour < next => self.close_hour(hour)?,
            // Ticks only go forward, so this hour is that of an earlier run.
            Some(hour) => self.totals.notes.push(format!(
                "the learned state goes on until {}, after this input begins: what both hold is \
                 learned twice",
                Tick::of_hour(hour + 1),
            )),
            None => {}
        }
        self.hour = Some(next);
        self.slot = self.calendar.slot(Tick::of_hour(next));
        self.baseline.open_hour(self.slot);
        self.detectors = Detectors::new(&self.baseline.pools, budget(&self.config));
        let (detectors, learn) = (&self.detectors, self.config.baseline.learn);
        self.baseline
            .set_allowances(learn, |role, stage, expected| {
                detectors.allowances(role, stage, expected)
            });
        for incidents in [&mut self.incidents, &mut self.shadow] {
            incidents.open_hour(|asset, country| self.baseline.expected_bytes(&asset, country));
        }
        Ok(())
    }

    fn close_hour(&mut self, hour: u64) -> Result<(), PipelineError> {
        self.baseline.close_hour(self.slot, hour);
        let now = Tick(Tick::of_hour(hour + 1).0.saturating_sub(1));
        let mut findings: BTreeMap<(AssetKey, Country), Vec<Finding>> = BTreeMap::new();
        for (asset, state) in &self.baseline.assets {
            for (key, cell) in &state.cells {
                let said = self
                    .detectors
                    .slow
                    .score(*asset, state.role(), *key, cell, hour);
                if let Some(finding) = said {
                    findings
                        .entry((*asset, key.country))
                        .or_default()
                        .push(finding);
                }
            }
        }
        for (key, findings) in findings {
            self.tell(now, key, 0, findings)?;
        }
        for alert in self.incidents.close_quiet(now) {
            self.write(alert)?;
        }
        for alert in self.shadow.close_quiet(now) {
            self.outputs.shadow(&alert)?;
        }
        Ok(())
    }

    fn tick(&mut self, tick: Tick, transfers: &[Transfer]) -> Result<(), PipelineError> {
        let mut touched: BTreeMap<(AssetKey, Country), Touched> = BTreeMap::new();
        for transfer in transfers {
            self.count(transfer)?;
            let Some(key) = self.baseline.add(transfer, self.slot) else {
                continue;
            };
            self.allow_new_cell(transfer.asset, key);
            let place = touched
                .entry((transfer.asset, transfer.country))
                .or_default();
            place.bytes = place.bytes.saturating_add(transfer.bytes);
            place.cells.insert(key);
        }
        for (key, touched) in touched {
            let findings = self.judge(key, &touched.cells);
            self.tell(tick, key, touched.bytes, findings)?;
        }
        Ok(())
    }

    fn count(&mut self, transfer: &Transfer) -> Result<(), PipelineError> {
        let totals = &mut self.totals;
        totals.view.transfers += 1;
        let exported = totals
            .view
            .export_bytes
            .entry(transfer.country)
            .or_default();
        *exported = exported.saturating_add(transfer.bytes);
        let assets = totals.assets.entry(transfer.country).or_default();
        if assets.len() < crate::baseline::ASSETS_MAX {
            assets.insert(transfer.asset);
        }
        Ok(self.outputs.transfer(transfer)?)
    }

    /// A cell that began within the hour gets its allowance now.
    fn allow_new_cell(&mut self, asset: AssetKey, key: CellKey) {
        let (detectors, learn) = (&self.detectors, self.config.baseline.learn);
        self.baseline
            .set_allowance(asset, key, learn, |role, stage, expected| {
                detectors.allowances(role, stage, expected)
            });
    }

    fn judge(
        &self,
        (asset, country): (AssetKey, Country),
        cells: &BTreeSet<CellKey>,
    ) -> Vec<Finding> {
        let Some(state) = self.baseline.assets.get(&asset) else {
            return Vec::new();
        };
        let role = state.role();
        let hour = self.hour.unwrap_or(0);
        let detectors = &self.detectors;
        let of_cells = cells
            .iter()
            .filter_map(|key| Some((*key, state.cells.get(key)?)));
        let of_cells = of_cells.flat_map(|(key, cell)| {
            let volume = detectors.volume.score(asset, role, key, cell, hour);
            let first = detectors.new_destination.score(asset, role, key, cell);
            volume.into_iter().chain(first)
        });
        let destination = state.countries.get(&country);
        let of_country = destination.and_then(|destination| {
            detectors
                .new_country
                .score(asset, role, country, destination)
        });
        of_cells.chain(of_country).collect()
    }

    /// Hands findings to the incidents, or to the shadow while the asset is being learned.
    fn tell(
        &mut self,
        tick: Tick,
        key: (AssetKey, Country),
        bytes: u64,
        findings: Vec<Finding>,
    ) -> Result<(), PipelineError> {
        let stage = self.stage(key.0);
        let (told, shadowed): (Vec<_>, Vec<_>) = findings
            .into_iter()
            .partition(|finding| may_speak(finding.detector, stage));
        for finding in &told {
            *self
                .totals
                .view
                .findings
                .entry(finding.detector.name())
                .or_default() += 1;
            self.baseline
                .mark_alerted(key, finding.cell, finding.detector.speaks_of());
        }
        let needs_context = |incidents: &Incidents, findings: &[Finding]| {
            !findings.is_empty() || incidents.is_open(key.0, key.1)
        };
        if needs_context(&self.incidents, &told) {
            let observed = || observe(&self.baseline, &self.geo, key, &told);
            if let Some(alert) = self.incidents.tick(tick, key, bytes, &told, observed) {
                self.write(alert)?;
            }
        }
        if needs_context(&self.shadow, &shadowed) {
            let observed = || observe(&self.baseline, &self.geo, key, &shadowed);
            if let Some(alert) = self.shadow.tick(tick, key, bytes, &shadowed, observed) {
                self.totals.shadow_incidents += u64::from(alert.event == Event::Open);
                self.outputs.shadow(&alert)?;
            }
        }
        Ok(())
    }

    fn stage(&self, asset: AssetKey) -> Stage {
        let learn = self.config.baseline.learn;
        let state = self.baseline.assets.get(&asset);
        state.map_or(Stage::Learning, |state| self.baseline.stage(state, learn))
    }

    fn write(&mut self, alert: Alert) -> Result<(), PipelineError> {
        let totals = &mut self.totals;
        totals.alert_lines += 1;
        totals.incidents += u64::from(alert.event == Event::Open);
        *totals.view.alerts.entry(alert.severity).or_default() += 1;
        self.outputs.alert(&alert)?;
        if self.totals.alerts.len() < ALERTS_KEPT_MAX {
            self.totals.alerts.push(alert);
        }
        Ok(())
    }
}

const fn budget(config: &Config) -> f64 {
    config.alert.budget_per_asset_week.per_asset_week()
}

/// The pools can speak of volume; what is new or slow for an asset only its own past tells.
const fn may_speak(detector: Detector, stage: Stage) -> bool {
    match (detector, stage) {
        (_, Stage::Own) | (Detector::Volume, Stage::Pools) => true,
        (_, Stage::Learning | Stage::Pools) => false,
    }
}

/// Gathers what an alert says beside what the detectors saw.
fn observe(
    baseline: &Baseline,
    geo: &Geo,
    (asset, country): (AssetKey, Country),
    findings: &[Finding],
) -> Observed {
    let state = baseline.assets.get(&asset);
    let destination = state.and_then(|state| state.countries.get(&country));
    let top_flows = destination
        .map(|destination| destination.top_flows())
        .unwrap_or_default();
    let cells = state.into_iter().flat_map(|state| &state.cells);
    let of_country: Vec<_> = cells.filter(|(key, _)| key.country == country).collect();
    let heaviest = of_country.iter().max_by_key(|(_, cell)| cell.hour_bytes);
    let named = findings.iter().find_map(|finding| finding.cell);
    let asn = named
        .or(heaviest.map(|(key, _)| **key))
        .map_or(0, |key| key.asn);
    let peer = top_flows.iter().map(|flow| flow.conversation.peer);
    let of_asn = peer.clone().find(|address| geo.place(*address).asn == asn);
    Observed {
        asset_ip: destination
            .and_then(|destination| destination.asset_ip)
            .unwrap_or(asset.address()),
        confidence: destination.map_or(crate::geo::Confidence::Unknown, |known| known.confidence),
        maturity: state.map_or(0.0, |state| baseline.maturity(state)),
        organisation: of_asn.and_then(|address| geo.organisation(address)),
        top_flows,
        asn,
        hour_bytes: of_country
            .iter()
            .fold(0, |sum, (_, cell)| sum.saturating_add(cell.hour_bytes)),
        hour_expected_bytes: baseline.expected_bytes(&asset, country),
    }
}
