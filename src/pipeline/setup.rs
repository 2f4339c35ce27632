//! What a run needs, and how it begins and ends.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::baseline::Learn;
use crate::capture::LiveSource;
use crate::config::{CaptureConfig, Config};
use crate::decode::Reason;
use crate::detect::{Bytes, Tunnels};
use crate::dissect::DissectConfig;
use crate::flow::FlowConfig;
use crate::geo::{DatabaseInfo, Geo};
use crate::inspect::Inspector;
use crate::inventory::Inventory;
use crate::policy::Policy;
use crate::time::Timestamp;

use super::analyst::Analyst;
use super::engine::{self, Desk, Engine, Finished};
use super::exchange::Exchange;
use super::flow_file::FlowFile;
use super::flow_input::{FlowInput, Listening, Records};
use super::flow_records::FlowRecords;
use super::inspection::Inspection;
use super::outputs::Outputs;
use super::reader::{Reader, ReaderCounts};
use super::sensor::{Sensor, SensorCounts};
use super::state::Keeper;
use super::telemetry::Telemetry;
use super::{PipelineError, RunReport, WORKERS_MAX};

/// Everything that a run is made of.
#[derive(Debug)]
pub struct Setup {
    /// The settings.
    pub config: Config,
    /// The databases that the settings name.
    pub geo: Geo,
    /// By what exports are judged.
    pub policy: Policy,
    /// Worker threads, 1 to [`WORKERS_MAX`]. One runs everything in the caller's thread.
    pub workers: usize,
    /// Where results go.
    pub outputs: Outputs,
    /// What can be scraped meanwhile.
    pub telemetry: Arc<Telemetry>,
    /// Where other settings may be offered meanwhile.
    pub exchange: Arc<Exchange>,
    /// Where flow records come from, if they do.
    pub flow_input: Option<FlowInput>,
}

/// What is needed again at the end of a run.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) telemetry: Arc<Telemetry>,
    exchange: Arc<Exchange>,
    databases: Vec<DatabaseInfo>,
    learn: Learn,
    capture: CaptureConfig,
    /// Whether the beginnings of conversations are read.
    dissect: DissectConfig,
    /// Whether messages of ICMP are told apart, as Community IDs need it.
    tells_messages: bool,
    /// What looks into content, of which assets, and what knows what is abroad.
    inspects: Option<(Arc<Inspector>, Arc<Inventory>, Arc<Geo>)>,
    /// What is known at the start that the operator should know.
    pub(super) notes: Vec<String>,
    geo: Arc<Geo>,
    flow_input: Option<FlowInput>,
    /// What flow records tell, if there are any.
    records: Option<Arc<Records>>,
}

/// Copies among the compared packets that are told of, if they are many.
const COPIES_MIN: u64 = 16;

/// From this age on a database is called old, in days.
const DATABASE_AGE_DAYS_MAX: u64 = 30;

impl Setup {
    /// Opens the learned state, and starts the threads.
    pub(super) fn start(self, is_live: bool) -> Result<(Reader, Context), PipelineError> {
        let workers = self.workers.clamp(1, WORKERS_MAX);
        let shares = (0..workers).map(|worker| (worker, workers));
        let (sensors, desk, file, context) = self.prepare(shares, 1, is_live)?;
        let engine = Engine::start(sensors, desk, file)?;
        let engine = engine.with_records(context.records.clone());
        Ok((context.reader(0, engine), context))
    }

    /// Opens the learned state, and starts an analyst for `count` readers with all shards each.
    pub(super) fn start_members(
        self,
        count: usize,
    ) -> Result<(Vec<Reader>, Analysis, Context), PipelineError> {
        let shares = (0..count).map(|_| (0, 1));
        let (sensors, desk, file, context) = self.prepare(shares, count, true)?;
        let (engines, analyst) = Engine::start_members(sensors, desk)?;
        let engines = engines.into_iter().enumerate();
        let readers = engines.map(|(number, engine)| {
            let records = context.records.clone().filter(|_| number == 0);
            context.reader(number, engine.with_records(records))
        });
        Ok((readers.collect(), Analysis { analyst, file }, context))
    }

    /// Makes a sensor for each share of the shards, and what they report to. The bound on
    /// flows is parted between `tables`.
    fn prepare(
        self,
        shares: impl ExactSizeIterator<Item = (usize, usize)>,
        tables: usize,
        is_live: bool,
    ) -> Result<(Vec<Sensor>, Desk, FlowFile, Context), PipelineError> {
        let Self {
            config,
            geo,
            policy,
            workers: _,
            mut outputs,
            telemetry,
            exchange,
            flow_input,
        } = self;
        let geo = Arc::new(geo);
        let mut keeper = Keeper::new(&config)?;
        let (mut learned, mut notes) = keeper.load()?;
        // A replay must say the same again. Of a sensor nobody may know which names it will
        // hold for known, so it draws a key, which goes on with what is learned.
        if is_live && learned.clock.hour.is_none() {
            learned.tunnels = Tunnels::keyed(RandomState::new().hash_one("names"));
        }
        let (feedback, unread) = keeper.feedback()?;
        notes.extend(unread);
        let veil = Arc::new(config.privacy.open(&config.site.networks)?);
        outputs.set_veil(&veil);
        let end = outputs.take_flows();
        let uses = (end.file.is_some(), end.tap.is_some());
        let (outs, file) = FlowFile::share(end, shares.len(), is_live)?;
        let flows_max = config.limits.flows.div_ceil(tables);
        let flow = FlowConfig {
            keeps_content_class: config.dissect.content_class,
            keeps_words: outs.iter().any(Option::is_some),
            ..config.flow
        };
        let sensors = shares.zip(outs).map(|(share, out)| {
            let geo = Arc::clone(&geo);
            let records = out.map(|out| FlowRecords::new(&flow, Arc::clone(&veil), uses, out));
            Sensor::new(share, &flow, flows_max, geo, records).with_exchange(&exchange)
        });
        let sensors: Vec<_> = sensors.collect();
        let inventory = Inventory::new(&config.asset);
        let inspects = match inventory.inspected() {
            0 => None,
            count => {
                notes.push(inspection_note(count));
                let inspector = Arc::new(config.inspect.open()?);
                Some((inspector, Arc::new(inventory), Arc::clone(&geo)))
            }
        };
        let context = Context {
            telemetry: Arc::clone(&telemetry),
            exchange: Arc::clone(&exchange),
            databases: geo.databases().to_vec(),
            learn: config.baseline.learn,
            capture: config.capture.clone(),
            dissect: config.dissect,
            tells_messages: config.flow.community_id,
            inspects,
            notes,
            geo: Arc::clone(&geo),
            records: flow_input.as_ref().map(FlowInput::records),
            flow_input,
        };
        if let Some(records) = &context.records {
            telemetry.set_records(records);
        }
        let mut analyst = Analyst::new(config, Arc::clone(&geo), policy, outputs, learned)?;
        analyst.take_feedback(Ok((feedback, Vec::new())));
        let desk = Desk::new(analyst, Arc::clone(&telemetry), keeper, is_live);
        let desk = desk.with_exchange(exchange);
        telemetry.set_ready(&context.databases);
        Ok((sensors, desk, file, context))
    }
}

/// The analyst's thread, when readers have one in common.
#[derive(Debug)]
pub(super) struct Analysis {
    analyst: JoinHandle<Result<Finished, PipelineError>>,
    file: FlowFile,
}

impl Analysis {
    /// Waits until everything has been said.
    pub(super) fn join(self) -> Result<Finished, PipelineError> {
        engine::join(self.analyst, self.file)
    }
}

impl Context {
    fn reader(&self, number: usize, engine: Engine) -> Reader {
        let telemetry = Arc::clone(&self.telemetry);
        let inspection = self.inspects.clone().map(Inspection::new);
        Reader::new(
            number,
            engine,
            telemetry,
            &self.capture,
            self.dissect,
            self.tells_messages,
        )
        .with_inspection(inspection, &self.exchange)
    }

    /// Begins to read flow records, where there are to be some.
    pub(super) fn listen(&mut self) -> Result<Option<Listening>, PipelineError> {
        let Some(input) = self.flow_input.take() else {
            return Ok(None);
        };
        let (geo, exchange) = (Arc::clone(&self.geo), Arc::clone(&self.exchange));
        let listening = input.start(geo, exchange, Arc::clone(&self.telemetry))?;
        Ok(Some(listening))
    }

    /// What is to be said of flow records.
    pub(super) fn news(&self) -> Vec<String> {
        let records = self.records.as_ref();
        records.map_or_else(Vec::new, |records| records.take_news())
    }

    /// Drains the pipeline and draws up the report.
    pub(super) fn finish(
        self,
        reader: Reader,
        notes: Vec<String>,
    ) -> Result<RunReport, PipelineError> {
        let (counts, finished) = reader.finish()?;
        let finished = finished.ok_or(PipelineError::Stopped)?;
        Ok(self.report(&counts, finished, notes))
    }

    /// Draws up the report of what has been read and said.
    pub(super) fn report(
        self,
        counts: &ReaderCounts,
        finished: Finished,
        notes: Vec<String>,
    ) -> RunReport {
        let mut all = self.notes;
        all.extend(notes);
        let databases = self.exchange.databases().unwrap_or(self.databases);
        if self.records.is_none() || counts.frames > 0 {
            all.extend(input_notes(counts, &finished.counts, &databases));
        }
        RunReport::new(counts, finished, &databases, self.learn, all)
    }

    /// Publishes what the kernel has lost of the sources of reader `number`.
    pub(super) fn publish_drops(&self, number: usize, sources: &mut [LiveSource]) {
        for (place, source) in sources.iter_mut().enumerate() {
            let drops = source.drops();
            let number = place * WORKERS_MAX + number;
            self.telemetry.set_drops(source.interface(), number, drops);
        }
    }

    /// Says what was lost of each interface, where it is something.
    pub(super) fn drop_notes(&self) -> Vec<String> {
        let drops = self.telemetry.drops();
        let lossy = drops.into_iter().filter_map(|(interface, drops)| {
            let lost = drops.kernel_dropped + drops.interface_dropped;
            (lost > 0).then(|| {
                format!(
                    "{interface}: {lost} of {} frames were lost before they were read, so every \
                     figure is a lower bound; a larger capture.buffer_bytes or more --workers \
                     may help",
                    drops.received,
                )
            })
        });
        lossy.collect()
    }
}

fn inspection_note(count: usize) -> String {
    format!(
        "the content that {count} assets send abroad in the clear is looked into (is_inspected): \
         that may itself be regulated; identifiers are counted and hashed, and none is kept"
    )
}

fn input_notes(
    counts: &ReaderCounts,
    flows: &SensorCounts,
    databases: &[DatabaseInfo],
) -> Vec<String> {
    let mut notes = Vec::new();
    if counts.frames == 0 {
        notes.push("the input held no frames".to_owned());
    } else if counts.packets == 0 {
        notes.push("no frame was an IP packet".to_owned());
    }
    if counts.late > 0 {
        notes.push(format!(
            "{} packets were older than the running second, by disorder or by captures that \
             overlap in time; their bytes are counted in the running second",
            counts.late
        ));
    }
    if counts.clock_jumps > 0 {
        notes.push(format!(
            "{} packets claimed a time more than an hour ahead that the next packets did not \
             confirm; they are counted in the running second",
            counts.clock_jumps
        ));
    }
    if counts.copies > COPIES_MIN && counts.copies > counts.compared / 20 {
        let share = 100.0 * counts.copies as f64 / counts.compared as f64;
        notes.push(if counts.dropped_frames[Reason::Duplicate as usize] > 0 {
            format!("{share:.0} % of the packets were copies of others and were not counted")
        } else {
            format!(
                "about {share:.0} % of the packets are copies of others within a millisecond, as \
                 where both directions of several ports are mirrored: figures are up to twice \
                 the truth; mirror one direction or set capture.deduplicate = true"
            )
        });
    }
    if counts.overlaps > 0 {
        notes.push(format!(
            "{} packets overlap with other data than was sent before in their place: somebody \
             injects packets or evades inspection; the flows that say overlap (--flows) are \
             the ones to look at",
            counts.overlaps
        ));
    }
    if flows.missing_bytes > flows.flow_payload_bytes / 1_000 {
        notes.push(format!(
            "{} of TCP payload were never seen, by sequence numbers and acknowledgements ({} \
             were): the mirror or the capture loses packets, and every figure is a lower bound",
            Bytes(flows.missing_bytes),
            Bytes(flows.flow_payload_bytes),
        ));
    }
    let now = counts.last.unwrap_or(Timestamp::ZERO);
    let old = databases
        .iter()
        .map(|database| (database.age_days(now), database.role.name()))
        .filter(|(age_days, _)| *age_days > DATABASE_AGE_DAYS_MAX);
    let old: Vec<_> = old
        .map(|(age_days, role)| format!("geo.{role} is {age_days} days older"))
        .collect();
    if !old.is_empty() {
        notes.push(format!(
            "{} than the traffic; name a newer database",
            old.join(" and ")
        ));
    }
    notes
}
