//! What a running pipeline publishes: its counters, and their names in Prometheus.

mod exports;
mod health;
mod input;
mod quantiles;
mod status;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::alert::Severity;
use crate::capture::Drops;
use crate::decode::Reason;
use crate::geo::{Confidence, DatabaseInfo};
use crate::metrics::{Family, Published};
use crate::policy::VerdictSums;
use crate::time::{SECONDS_PER_HOUR, Tick};

use super::WORKERS_MAX;
use super::feed::Feed;
use super::flow_input::{self, Records};
use super::sensor::SensorCounts;
use super::sink_counts::SinkCounts;
use super::vitals::Vitals;

pub(super) use exports::{JURISDICTIONS_MAX, JurisdictionView};
pub use health::RunTotals;
pub(super) use quantiles::Quantiles;
use quantiles::summary;
pub use status::Status;

/// Everything that can be scraped while a pipeline runs.
#[derive(Debug)]
pub struct Telemetry {
    readers: Vec<ReaderPublished>,
    pub(super) vitals: Vitals,
    shared: Mutex<Shared>,
    pub(super) sinks: SinkCounts,
    feed: Feed,
    /// What comes as flow records, where something does.
    records: OnceLock<Arc<Records>>,
}

/// What a reader publishes now and then.
#[derive(Debug, Default)]
pub(super) struct ReaderPublished {
    pub(super) frames: Published,
    pub(super) packets: Published,
    pub(super) wire_bytes: Published,
    pub(super) ip_bytes: Published,
    pub(super) dropped_frames: [Published; Reason::ALL.len()],
    pub(super) dropped_bytes: [Published; Reason::ALL.len()],
    pub(super) late: Published,
    pub(super) clock_jumps: Published,
    pub(super) sightings_dropped: Published,
    pub(super) inspected_bytes: Published,
    pub(super) inspected_dropped: Published,
    pub(super) tick: Published,
}

/// What changes once a tick at most.
#[derive(Debug, Default)]
struct Shared {
    ready: bool,
    /// By interface, of each source.
    interfaces: BTreeMap<String, BTreeMap<usize, Drops>>,
    databases: Vec<DatabaseInfo>,
    workers: Vec<SensorCounts>,
    analyst: Arc<AnalystView>,
    /// By reader.
    batch_latency: BTreeMap<usize, Quantiles>,
}

/// What the analyst shows.
#[derive(Clone, Debug, Default)]
pub(super) struct AnalystView {
    pub(super) jurisdictions: Vec<JurisdictionView>,
    /// By pack.
    pub(super) verdicts: Vec<VerdictSums>,
    pub(super) confidence_bytes: BTreeMap<Confidence, u64>,
    pub(super) transfers: u64,
    pub(super) alerts: BTreeMap<Severity, u64>,
    pub(super) findings: BTreeMap<&'static str, u64>,
    /// What was not told because feedback accepts it.
    pub(super) accepted: u64,
    /// Incidents that are open, in the order of [`Severity::ALL`].
    pub(super) incidents: [u64; Severity::ALL.len()],
    pub(super) incidents_refused: u64,
    pub(super) assets: usize,
    pub(super) cells: usize,
    pub(super) hours_learned: u64,
    pub(super) assets_refused: u64,
    pub(super) cells_gathered: u64,
    pub(super) bindings: usize,
    pub(super) bindings_evicted: u64,
    pub(super) asset_churn: u64,
    pub(super) assets_joined: u64,
    pub(super) save_failures: u64,
    /// When what was learned was saved last, in seconds since the epoch, if it was.
    pub(super) saved_seconds: Option<u64>,
    pub(super) ledger_failures: u64,
    /// Times that a file of results took nothing, and lines that were lost by it.
    pub(super) result_failures: u64,
    pub(super) result_lines_lost: u64,
    /// Entries and signed heads of the ledger, and entries that wait for the disk, if it has one.
    pub(super) ledger: Option<[u64; 3]>,
    pub(super) corridors_refused: u64,
    pub(super) round_trips: Quantiles,
    pub(super) tick_latency: Quantiles,
    pub(super) tick: Tick,
    /// The first tick of this run.
    pub(super) started: Option<Tick>,
    /// Until when nothing is told but what is hidden or past a ceiling, at the soonest.
    pub(super) learning_until: Option<Tick>,
}

impl Telemetry {
    /// Nothing counted yet.
    pub fn new() -> Arc<Self> {
        let readers = (0..WORKERS_MAX).map(|_| ReaderPublished::default());
        Arc::new(Self {
            readers: readers.collect(),
            vitals: Vitals::default(),
            shared: Mutex::default(),
            sinks: SinkCounts::default(),
            feed: Feed::default(),
            records: OnceLock::new(),
        })
    }

    /// What those that look on are told.
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Publishes what comes as flow records from now on.
    pub(super) fn set_records(&self, records: &Arc<Records>) {
        // There is one of them in a run.
        let _ = self.records.set(Arc::clone(records));
    }

    /// Where reader `number` publishes.
    pub(super) fn reader(&self, number: usize) -> &ReaderPublished {
        &self.readers[number % WORKERS_MAX]
    }

    /// Whether frames are being taken.
    pub fn is_ready(&self) -> bool {
        self.shared().ready
    }

    pub(super) fn set_ready(&self, databases: &[DatabaseInfo]) {
        let mut shared = self.shared();
        shared.ready = true;
        shared.databases = databases.to_vec();
    }

    pub(super) fn set_worker(&self, worker: usize, counts: SensorCounts) {
        let mut shared = self.shared();
        if shared.workers.len() <= worker {
            shared.workers.resize(worker + 1, SensorCounts::default());
        }
        shared.workers[worker] = counts;
    }

    pub(super) fn set_analyst(&self, view: AnalystView) {
        self.shared().analyst = Arc::new(view);
    }

    pub(super) fn set_batch_latency(&self, reader: usize, quantiles: Quantiles) {
        self.shared().batch_latency.insert(reader, quantiles);
    }

    /// Publishes what source `number` of an interface has seen and lost.
    pub(super) fn set_drops(&self, interface: &str, number: usize, drops: Drops) {
        let mut shared = self.shared();
        let sources = shared.interfaces.entry(interface.to_owned()).or_default();
        sources.insert(number, drops);
    }

    /// What each interface has seen and lost, of all its sources.
    pub(super) fn drops(&self) -> Vec<(String, Drops)> {
        let shared = self.shared();
        let interfaces = shared.interfaces.iter();
        let sums = interfaces.map(|(interface, sources)| {
            let sum = sources.values().fold(Drops::default(), |sum, drops| Drops {
                received: sum.received + drops.received,
                kernel_dropped: sum.kernel_dropped + drops.kernel_dropped,
                interface_dropped: sum.interface_dropped + drops.interface_dropped,
                ring_full: sum.ring_full + drops.ring_full,
                // All sources of an interface notice that it is gone.
                gaps: sum.gaps.max(drops.gaps),
            });
            (interface.clone(), sum)
        });
        sums.collect()
    }

    /// What was read and lost so far, for the ledger.
    pub(super) fn seen(&self) -> Value {
        let sum = |of: &dyn Fn(&ReaderPublished) -> &Published| {
            let values = self.readers.iter().map(|reader| of(reader).value());
            values.sum::<u64>()
        };
        let reasons = Reason::ALL.iter().enumerate().map(|(index, reason)| {
            let frames = sum(&|reader| &reader.dropped_frames[index]);
            (reason.name(), frames)
        });
        let dropped: BTreeMap<_, _> = reasons.filter(|(_, frames)| *frames > 0).collect();
        let lost = self.drops().into_iter().map(|(_, drops)| drops);
        let lost = lost.fold([0; 3], |[kernel, interface, gaps], drops| {
            [
                kernel + drops.kernel_dropped,
                interface + drops.interface_dropped,
                gaps + drops.gaps,
            ]
        });
        json!({
            "since": "start",
            "frames_read": sum(&|reader| &reader.frames),
            "packets": sum(&|reader| &reader.packets),
            "wire_bytes": sum(&|reader| &reader.wire_bytes),
            "dropped": dropped,
            "late": sum(&|reader| &reader.late),
            "clock_jumps": sum(&|reader| &reader.clock_jumps),
            "kernel_dropped": lost[0],
            "interface_dropped": lost[1],
            "gaps": lost[2],
        })
    }

    /// All metrics at this moment.
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.reader_families();
        families.extend(self.inspection_families());
        let drops = self.drops();
        let shared = self.shared();
        // Most of the page is made when the lock is given back, which the analyst may want.
        let view = Arc::clone(&shared.analyst);
        families.extend(input::interface_families(&drops, &shared.databases));
        families.extend(input::worker_families(&shared));
        families.extend(self.vitals.families());
        families.extend(self.sinks.families());
        families.extend(self.feed.families());
        let records = self.records.get().map(|records| records.view());
        families.extend(flow_input::families(&records.unwrap_or_default()));
        families.push(summary(
            "borderflow_batch_latency_seconds",
            "Time that up to 256 packets took from decoded to counted, or to the workers' queues.",
            // Of several readers the sums, and the slowest's quantiles.
            shared
                .batch_latency
                .values()
                .fold(Quantiles::default(), |all, reader| Quantiles {
                    count: all.count + reader.count,
                    sum_micros: all.sum_micros + reader.sum_micros,
                    median: all.median.max(reader.median),
                    p99: all.p99.max(reader.p99),
                }),
        ));
        drop(shared);
        families.extend(exports::families(&view));
        families.extend(told_families(&view));
        families.extend(learned_families(&view));
        families
    }

    /// A poisoned lock guards plain numbers, which are as good as they were.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inspection_families(&self) -> [Family; 2] {
        let mut bytes = Family::counter(
            "borderflow_inspected_bytes_total",
            "Payload bytes that were looked into for identifiers, where an asset asks for it.",
        );
        let mut dropped = Family::counter(
            "borderflow_inspected_dropped_total",
            "Conversations whose findings in content were too many for their second.",
        );
        let sum = |of: fn(&ReaderPublished) -> &Published| {
            let values = self.readers.iter().map(|reader| of(reader).value());
            values.sum::<u64>() as f64
        };
        bytes.push(&[], sum(|reader| &reader.inspected_bytes));
        dropped.push(&[], sum(|reader| &reader.inspected_dropped));
        [bytes, dropped]
    }

    fn reader_families(&self) -> Vec<Family> {
        let sum = |of: &dyn Fn(&ReaderPublished) -> &Published| {
            let values = self.readers.iter().map(|reader| of(reader).value());
            values.sum::<u64>() as f64
        };
        let counter = |name, help, of| Family::counter(name, help).with(&[], sum(of));
        let mut dropped = Family::counter(
            "borderflow_dropped_frames_total",
            "Frames that became no packet, by reason.",
        );
        let mut dropped_bytes = Family::counter(
            "borderflow_dropped_wire_bytes_total",
            "Bytes on the wire of frames that became no packet, by reason.",
        );
        for (index, reason) in Reason::ALL.iter().enumerate() {
            dropped.push(
                &[("reason", reason.name())],
                sum(&|reader| &reader.dropped_frames[index]),
            );
            dropped_bytes.push(
                &[("reason", reason.name())],
                sum(&|reader| &reader.dropped_bytes[index]),
            );
        }
        let tick = self.readers.iter().map(|reader| reader.tick.value()).max();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        vec![
            Family::gauge("borderflow_build_info", "Version of the program, value 1.")
                .with(&version, 1.0),
            counter("borderflow_frames_total", "Frames read.", &|reader| {
                &reader.frames
            }),
            counter(
                "borderflow_packets_total",
                "IP packets counted.",
                &|reader| &reader.packets,
            ),
            counter(
                "borderflow_wire_bytes_total",
                "Bytes on the wire of counted packets, link layer included.",
                &|reader| &reader.wire_bytes,
            ),
            counter(
                "borderflow_ip_bytes_total",
                "Bytes of counted packets as their IP headers state them.",
                &|reader| &reader.ip_bytes,
            ),
            dropped,
            dropped_bytes,
            counter(
                "borderflow_late_packets_total",
                "Packets that were older than the running second.",
                &|reader| &reader.late,
            ),
            counter(
                "borderflow_clock_jumps_total",
                "Packets whose timestamp was not believed.",
                &|reader| &reader.clock_jumps,
            ),
            counter(
                "borderflow_sightings_dropped_total",
                "Sightings of who has an address that were too many for their second.",
                &|reader| &reader.sightings_dropped,
            ),
            Family::gauge(
                "borderflow_packet_time_seconds",
                "The running second of packet time, since the epoch.",
            )
            .with(&[], tick.unwrap_or(0) as f64),
        ]
    }
}

/// What was told and written.
fn told_families(view: &AnalystView) -> Vec<Family> {
    let mut alerts = Family::counter("borderflow_alerts_total", "Lines of alerts, by severity.");
    for severity in Severity::ALL {
        let count = view.alerts.get(&severity).copied().unwrap_or(0);
        alerts.push(&[("severity", severity.name())], count as f64);
    }
    let mut findings = Family::counter(
        "borderflow_findings_total",
        "Seconds in which a detector spoke of an asset and a country.",
    )
    .labelled(&["detector"]);
    for (detector, count) in &view.findings {
        findings.push(&[("detector", *detector)], *count as f64);
    }
    let mut saved = Family::gauge(
        "borderflow_state_saved_timestamp_seconds",
        "When what was learned was kept last, since the epoch.",
    );
    if let Some(seconds) = view.saved_seconds {
        saved.push(&[], seconds as f64);
    }
    let mut families = vec![
        alerts,
        findings,
        saved,
        Family::counter(
            "borderflow_accepted_total",
            "Seconds in which an asset and a country were not told of, as feedback accepts it.",
        )
        .with(&[], view.accepted as f64),
        Family::counter("borderflow_transfers_total", "Transfers taken.")
            .with(&[], view.transfers as f64),
        Family::counter(
            "borderflow_state_save_failures_total",
            "Times that what was learned could not be kept.",
        )
        .with(&[], view.save_failures as f64),
        Family::counter(
            "borderflow_ledger_failures_total",
            "Times that something could not be written to the ledger.",
        )
        .with(&[], view.ledger_failures as f64),
        Family::counter(
            "borderflow_result_failures_total",
            "Times that a file of results, alerts.jsonl or one beside it, could not be written.",
        )
        .with(&[], view.result_failures as f64),
        Family::counter(
            "borderflow_result_lost_lines_total",
            "Lines of files of results that found no room while those could not be written.",
        )
        .with(&[], view.result_lines_lost as f64),
    ];
    families.extend(ledger_families(view.ledger));
    families
}

fn ledger_families(ledger: Option<[u64; 3]>) -> [Family; 3] {
    let mut entries = Family::counter(
        "borderflow_ledger_entries_total",
        "Entries of the ledger, those of earlier runs included.",
    );
    let mut heads = Family::counter(
        "borderflow_ledger_heads_total",
        "Signed heads of the ledger, those of earlier runs included.",
    );
    let mut waiting = Family::gauge(
        "borderflow_ledger_waiting_entries",
        "Entries of the ledger that are not on the disk yet.",
    );
    if let Some([in_all, signed, not_yet]) = ledger {
        entries.push(&[], in_all as f64);
        heads.push(&[], signed as f64);
        waiting.push(&[], not_yet as f64);
    }
    [entries, heads, waiting]
}

/// What is known by now, and how long it takes.
fn learned_families(view: &AnalystView) -> Vec<Family> {
    let mut incidents = Family::gauge(
        "borderflow_incidents",
        "Incidents that are open, by severity.",
    );
    for (severity, count) in Severity::ALL.into_iter().zip(view.incidents) {
        incidents.push(&[("severity", severity.name())], count as f64);
    }
    vec![
        incidents,
        Family::gauge("borderflow_assets", "Assets that have exported.")
            .with(&[], view.assets as f64),
        Family::gauge(
            "borderflow_bindings",
            "Addresses of the site of which it was seen what machine has them.",
        )
        .with(&[], view.bindings as f64),
        Family::counter(
            "borderflow_asset_churn_total",
            "Addresses that went to another machine, and further addresses of one.",
        )
        .with(&[], view.asset_churn as f64),
        Family::counter(
            "borderflow_assets_joined_total",
            "Assets that turned out to be one with another: by an address of a machine.",
        )
        .with(&[], view.assets_joined as f64),
        Family::gauge(
            "borderflow_cells",
            "Destinations of assets that are learned.",
        )
        .with(&[], view.cells as f64),
        Family::gauge(
            "borderflow_learned_seconds",
            "Time with traffic that was learned from, in whole hours.",
        )
        .with(&[], (view.hours_learned * SECONDS_PER_HOUR) as f64),
        Family::gauge(
            "borderflow_analyst_time_seconds",
            "The second of packet time up to which transfers were judged.",
        )
        .with(&[], view.tick.0 as f64),
        summary(
            "borderflow_handshake_round_trip_seconds",
            "TCP handshake round trips between assets and foreign peers.",
            view.round_trips,
        ),
        summary(
            "borderflow_tick_latency_seconds",
            "Time that the analyst took over a second of packet time.",
            view.tick_latency,
        ),
    ]
}
