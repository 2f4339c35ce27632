//! What a run needs, and how it begins and ends.

use std::sync::Arc;

use crate::baseline::Learn;
use crate::capture::LiveSource;
use crate::config::Config;
use crate::geo::{DatabaseInfo, Geo};
use crate::time::Timestamp;

use super::analyst::Analyst;
use super::engine::{Desk, Engine};
use super::outputs::Outputs;
use super::reader::{Reader, ReaderCounts};
use super::sensor::Sensor;
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
    /// Worker threads, 1 to [`WORKERS_MAX`]. One runs everything in the caller's thread.
    pub workers: usize,
    /// Where results go.
    pub outputs: Outputs,
    /// What can be scraped meanwhile.
    pub telemetry: Arc<Telemetry>,
}

/// What is needed again at the end of a run.
#[derive(Debug)]
pub(super) struct Context {
    telemetry: Arc<Telemetry>,
    databases: Vec<DatabaseInfo>,
    learn: Learn,
    /// What is known at the start that the operator should know.
    pub(super) notes: Vec<String>,
}

/// From this age on a database is called old, in days.
const DATABASE_AGE_DAYS_MAX: u64 = 30;

impl Setup {
    /// Opens the learned state, and starts the threads.
    pub(super) fn start(self, saves_hourly: bool) -> Result<(Reader, Context), PipelineError> {
        let Self {
            config,
            geo,
            workers,
            outputs,
            telemetry,
        } = self;
        let workers = workers.clamp(1, WORKERS_MAX);
        let geo = Arc::new(geo);
        let keeper = Keeper::new(&config.state)?;
        let (learned, notes) = keeper.load()?;
        let keep_flows = outputs.wants_flows();
        let sensors = (0..workers).map(|worker| {
            let share = (worker, workers);
            Sensor::new(
                share,
                &config.flow,
                config.limits.flows,
                Arc::clone(&geo),
                keep_flows,
            )
        });
        let sensors: Vec<_> = sensors.collect();
        let learn = config.baseline.learn;
        let databases = geo.databases().to_vec();
        let analyst = Analyst::new(config, Arc::clone(&geo), outputs, learned)?;
        let desk = Desk::new(analyst, Arc::clone(&telemetry), keeper, saves_hourly);
        let engine = Engine::start(sensors, desk)?;
        telemetry.set_ready(&databases);
        let reader = Reader::new(engine, Arc::clone(&telemetry));
        Ok((
            reader,
            Context {
                telemetry,
                databases,
                learn,
                notes,
            },
        ))
    }
}

impl Context {
    /// Drains the pipeline and draws up the report.
    pub(super) fn finish(
        self,
        reader: Reader,
        notes: Vec<String>,
    ) -> Result<RunReport, PipelineError> {
        let (counts, finished) = reader.finish()?;
        let mut all = self.notes;
        all.extend(notes);
        all.extend(input_notes(&counts, &self.databases));
        Ok(RunReport::new(
            &counts,
            finished,
            &self.databases,
            self.learn,
            all,
        ))
    }

    /// Publishes what the kernel lost, and says so where it is something.
    pub(super) fn publish_drops(&self, sources: &mut [LiveSource]) -> Vec<String> {
        let mut notes = Vec::new();
        for source in sources {
            let drops = source.drops();
            self.telemetry.set_drops(source.interface(), drops);
            let lost = drops.kernel_dropped + drops.interface_dropped;
            if lost > 0 {
                notes.push(format!(
                    "{}: {lost} of {} frames were lost before they were read, so every figure is \
                     a lower bound; a larger capture.buffer_bytes may help",
                    source.interface(),
                    drops.received,
                ));
            }
        }
        notes
    }
}

fn input_notes(counts: &ReaderCounts, databases: &[DatabaseInfo]) -> Vec<String> {
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
