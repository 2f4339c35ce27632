//! Sensor and analyst, in one thread or in several, with the same result.

mod threads;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::decode::Packet;
use crate::flow::{SHARDS, shard_of};
use crate::store::StoreError;
use crate::time::Tick;

use super::analyst::Analyst;
use super::exchange::{Exchange, Taken};
use super::flow_file::FlowFile;
use super::flow_input::Records;
use super::pieces::{Pieces, WorkerBatch};
use super::sensor::{Seen, Sensor, SensorCounts, SensorOutput};
use super::state::Keeper;
use super::telemetry::Telemetry;
use super::{PipelineError, latency::StepLatency, spawn};
pub(super) use threads::join;
use threads::{analyse, work};

/// Takes packets and ticks in the order of the input.
#[derive(Debug)]
pub(super) struct Engine {
    kind: Kind,
    /// Packets of the running tick, or of the running part of it.
    packets: usize,
    /// What flow records tell, where this engine is the one that takes it.
    records: Option<Arc<Records>>,
    tick: Tick,
}

#[derive(Debug)]
enum Kind {
    /// Everything in the reader's thread, without a channel.
    Inline(Box<Inline>),
    /// A thread per worker and one for the analyst.
    Threads(Threads),
    /// The sensor in the reader's thread, of which there are several, and one thread for
    /// the analyst, which this does not wait for.
    Member(Box<Member>),
}

#[derive(Debug)]
struct Member {
    sensor: Sensor,
    tell: Sender<Told>,
}

#[derive(Debug)]
struct Inline {
    sensor: Sensor,
    desk: Desk,
}

#[derive(Debug)]
struct Threads {
    workers: Vec<Worker>,
    /// By the number of a shard: the worker that it belongs to.
    owners: [u8; SHARDS],
    analyst: JoinHandle<Result<Finished, PipelineError>>,
    file: FlowFile,
}

#[derive(Debug)]
struct Worker {
    batch: WorkerBatch,
    orders: Sender<Order>,
    /// Batches that the worker is done with, to be filled again.
    empties: Receiver<WorkerBatch>,
    thread: JoinHandle<()>,
}

/// What the reader tells a worker.
#[derive(Debug)]
enum Order {
    Packets(WorkerBatch),
    Saw(Seen),
    Part,
    Advance(Tick),
    Finish,
}

/// What a worker tells the analyst: once per tick, and once at the end.
#[derive(Debug)]
struct Told {
    output: SensorOutput,
    until: Option<Tick>,
}

/// The analyst at its desk: with its telemetry and its archive.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) analyst: Analyst,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) keeper: Keeper,
    pub(super) saves_hourly: bool,
    exchange: Arc<Exchange>,
    taken: Taken,
    latency: StepLatency,
    counts: Vec<SensorCounts>,
    /// Whether something happened since it was shown last.
    is_stale: bool,
    saved_hour: u64,
    save_failures: u64,
}

/// What is left when everything has been said.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) analyst: Analyst,
    pub(super) counts: SensorCounts,
    pub(super) state_error: Option<StoreError>,
}

/// Orders that may wait for a worker.
const ORDERS_WAITING_MAX: usize = 16;

/// Outputs that may wait for the analyst.
const OUTPUTS_WAITING_MAX: usize = 64;

/// A thread that waits for work gives a sign of life this often.
const BEAT: Duration = Duration::from_secs(1);

/// Packets of one tick after which flows that have ended are written, and those that end
/// later stand behind them: what waits to be written is bounded however long a tick is.
const PART_PACKETS: usize = 1 << 18;

impl Engine {
    const fn new(kind: Kind) -> Self {
        Self {
            kind,
            packets: 0,
            records: None,
            tick: Tick(0),
        }
    }

    /// Takes what flow records tell, too.
    pub(super) fn with_records(mut self, records: Option<Arc<Records>>) -> Self {
        self.records = records;
        self
    }

    /// Has what flow records tell of the running tick counted in it; nothing comes after the
    /// last.
    fn take_records(&mut self, to: Option<Tick>) -> Result<(), PipelineError> {
        let due = self
            .records
            .as_ref()
            .map(|records| records.due(to, self.tick));
        due.flatten().map_or(Ok(()), |seen| self.saw(seen))
    }

    /// Starts `sensors`, one per worker; a single one runs in the caller's thread.
    pub(super) fn start(
        mut sensors: Vec<Sensor>,
        desk: Desk,
        file: FlowFile,
    ) -> Result<Self, PipelineError> {
        if sensors.len() == 1
            && let Some(sensor) = sensors.pop()
        {
            return Ok(Self::new(Kind::Inline(Box::new(Inline { sensor, desk }))));
        }
        let mut workers = Vec::new();
        let mut told = Vec::new();
        for (index, sensor) in sensors.into_iter().enumerate() {
            let (orders, ordered) = bounded(ORDERS_WAITING_MAX);
            let (tell, listen) = bounded(OUTPUTS_WAITING_MAX);
            let name = format!("worker-{index}");
            let (give_back, empties) = bounded(ORDERS_WAITING_MAX);
            let telemetry = Arc::clone(&desk.telemetry);
            let beat = move || telemetry.vitals.worker(index);
            let thread = spawn(name, move || {
                work(sensor, &ordered, &tell, &give_back, &beat)
            })?;
            workers.push(Worker {
                batch: WorkerBatch::default(),
                orders,
                empties,
                thread,
            });
            told.push(listen);
        }
        let analyst = spawn("analyst".to_owned(), move || analyse(desk, &told))?;
        let owners = std::array::from_fn(|shard| (shard % workers.len()) as u8);
        Ok(Self::new(Kind::Threads(Threads {
            workers,
            owners,
            analyst,
            file,
        })))
    }

    /// Starts an analyst for sensors that each read for themselves: an engine for each, and
    /// the analyst's thread.
    pub(super) fn start_members(
        sensors: Vec<Sensor>,
        desk: Desk,
    ) -> Result<Members, PipelineError> {
        let mut engines = Vec::new();
        let mut told = Vec::new();
        for sensor in sensors {
            let (tell, listen) = bounded(OUTPUTS_WAITING_MAX);
            engines.push(Self::new(Kind::Member(Box::new(Member { sensor, tell }))));
            told.push(listen);
        }
        let analyst = spawn("analyst".to_owned(), move || analyse(desk, &told))?;
        Ok((engines, analyst))
    }

    /// Takes packets of the running tick, and the payload of those that are openings.
    pub(super) fn packets(
        &mut self,
        packets: &[Packet],
        pieces: &mut Pieces,
    ) -> Result<(), PipelineError> {
        match &mut self.kind {
            Kind::Inline(inline) => inline.sensor.packets(packets, pieces),
            Kind::Member(member) => member.sensor.packets(packets, pieces),
            Kind::Threads(Threads {
                workers, owners, ..
            }) => {
                for packet in packets {
                    let owner = owners[shard_of(packet.src, packet.dst)];
                    let worker = &mut workers[usize::from(owner)];
                    worker.batch.push(packet, pieces);
                    if worker.batch.is_full() {
                        worker.send_batch()?;
                    }
                }
            }
        }
        self.packets += packets.len();
        if self.packets >= PART_PACKETS {
            self.part()?;
        }
        Ok(())
    }

    /// Has flows written that have ended so far. That is done at the same packet however
    /// many workers there are.
    #[cold]
    fn part(&mut self) -> Result<(), PipelineError> {
        self.packets = 0;
        match &mut self.kind {
            Kind::Inline(inline) => {
                let written = inline.sensor.part();
                written.map_err(|error| inline.desk.give_up(error))
            }
            Kind::Member(member) => member.sensor.part(),
            Kind::Threads(Threads { workers, .. }) => workers.iter_mut().try_for_each(|worker| {
                worker.send_batch()?;
                worker.send(Order::Part)
            }),
        }
    }

    /// Takes what the reader saw beside packets in the running tick.
    #[cold]
    pub(super) fn saw(&mut self, seen: Seen) -> Result<(), PipelineError> {
        match &mut self.kind {
            Kind::Inline(inline) => inline.sensor.saw(seen),
            Kind::Member(member) => member.sensor.saw(seen),
            Kind::Threads(threads) => return threads.workers[0].send(Order::Saw(seen)),
        }
        Ok(())
    }

    /// Closes all ticks before `to`.
    pub(super) fn advance(&mut self, to: Tick) -> Result<(), PipelineError> {
        self.packets = 0;
        self.take_records(Some(to))?;
        self.tick = to;
        match &mut self.kind {
            Kind::Inline(inline) => {
                let output = inline.sensor.advance(to);
                let output = output.map_err(|error| inline.desk.give_up(error))?;
                inline.desk.take(vec![output], Some(to))
            }
            Kind::Member(member) => {
                let output = member.sensor.advance(to)?;
                member.tell(output, Some(to))
            }
            Kind::Threads(Threads { workers, .. }) => {
                for worker in workers {
                    worker.send_batch()?;
                    worker.send(Order::Advance(to))?;
                }
                Ok(())
            }
        }
    }

    /// Sends what has been gathered on its way, because nothing more is coming just now.
    pub(super) fn flush(&mut self) -> Result<(), PipelineError> {
        match &mut self.kind {
            Kind::Inline(inline) => {
                inline.desk.rest();
                Ok(())
            }
            Kind::Member(_) => Ok(()),
            Kind::Threads(Threads { workers, .. }) => {
                workers.iter_mut().try_for_each(Worker::send_batch)
            }
        }
    }

    /// Ends all flows and waits until everything has been said, if the analyst is its own.
    pub(super) fn finish(mut self) -> Result<Option<Finished>, PipelineError> {
        // Where that fails, the reason is found below.
        let _ = self.take_records(None);
        match self.kind {
            Kind::Inline(inline) => {
                let Inline {
                    mut sensor,
                    mut desk,
                } = *inline;
                let output = sensor.finish();
                let written = sensor.finish_flows();
                written.map_err(|error| desk.give_up(error))?;
                desk.take(vec![output], None)?;
                desk.finish().map(Some)
            }
            Kind::Member(mut member) => {
                let output = member.sensor.finish();
                member.tell(output, None)?;
                member.sensor.finish_flows().map(|()| None)
            }
            Kind::Threads(Threads {
                workers,
                analyst,
                file,
                ..
            }) => {
                let mut threads = Vec::new();
                for mut worker in workers {
                    // A worker that is gone has its reason with the analyst.
                    let _ = worker
                        .send_batch()
                        .and_then(|()| worker.send(Order::Finish));
                    threads.push(worker.thread);
                }
                for thread in threads {
                    thread
                        .join()
                        .map_err(|_| PipelineError::Panicked("a worker"))?;
                }
                join(analyst, file).map(Some)
            }
        }
    }
}

/// The engines of several readers, and the analyst's thread.
pub(super) type Members = (Vec<Engine>, JoinHandle<Result<Finished, PipelineError>>);

impl Member {
    fn tell(&self, output: SensorOutput, until: Option<Tick>) -> Result<(), PipelineError> {
        let told = Told { output, until };
        self.tell.send(told).map_err(|_| PipelineError::Stopped)
    }
}

impl Worker {
    fn send_batch(&mut self) -> Result<(), PipelineError> {
        if self.batch.packets.is_empty() {
            return Ok(());
        }
        let next = self.empties.try_recv();
        let batch = std::mem::replace(&mut self.batch, next.unwrap_or_default());
        self.send(Order::Packets(batch))
    }

    fn send(&self, order: Order) -> Result<(), PipelineError> {
        self.orders.send(order).map_err(|_| PipelineError::Stopped)
    }
}

impl Desk {
    pub(super) fn new(
        analyst: Analyst,
        telemetry: Arc<Telemetry>,
        keeper: Keeper,
        saves_hourly: bool,
    ) -> Self {
        Self {
            analyst,
            telemetry,
            keeper,
            saves_hourly,
            exchange: Arc::default(),
            taken: Taken::default(),
            latency: StepLatency::default(),
            counts: Vec::new(),
            is_stale: false,
            saved_hour: 0,
            save_failures: 0,
        }
    }

    /// Takes what is new from there.
    pub(super) fn with_exchange(mut self, exchange: Arc<Exchange>) -> Self {
        self.exchange = exchange;
        self
    }

    /// Goes by other settings, if they hold for the tick before `until`.
    fn renew(&mut self, until: Tick) {
        let last = Tick(until.0.saturating_sub(1));
        let Some(new) = self.exchange.due(&mut self.taken, last) else {
            return;
        };
        if let Some(site) = new.take_site() {
            self.telemetry.set_ready(new.geo.databases());
            self.analyst.renew(Arc::clone(&new.geo), *site);
        }
        self.exchange.took(&new);
    }

    fn take(
        &mut self,
        outputs: Vec<SensorOutput>,
        until: Option<Tick>,
    ) -> Result<(), PipelineError> {
        let begun = Instant::now();
        until.into_iter().for_each(|until| self.renew(until));
        self.counts = outputs.iter().map(|output| output.counts).collect();
        if let Err(error) = self.analyst.take(outputs, until) {
            return Err(self.give_up(error));
        }
        let due = self.latency.record(begun);
        if std::mem::take(&mut self.analyst.day_closed) && self.saves_hourly {
            let seen = self.telemetry.seen();
            self.analyst.saw(&seen);
        }
        let Some(tick) = until else { return Ok(()) };
        if self.saves_hourly && tick.hour() != self.saved_hour {
            if self.saved_hour != 0 && self.keeper.save(&self.analyst.learned).is_err() {
                // A sensor goes on without; the next hour, or the end, tries again.
                self.save_failures += 1;
            }
            self.saved_hour = tick.hour();
            self.analyst.take_feedback(self.keeper.feedback());
        }
        self.is_stale = !due;
        if due {
            self.publish();
        }
        Ok(())
    }

    /// Shows what the last step has left unshown, while nothing comes.
    fn rest(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.publish();
        }
    }

    /// Saves what was learned, which need not be lost where nothing more can be told.
    fn give_up(&mut self, error: PipelineError) -> PipelineError {
        let _ = self.keeper.save(&self.analyst.learned);
        error
    }

    fn publish(&mut self) {
        for (worker, counts) in self.counts.iter().enumerate() {
            self.telemetry.set_worker(worker, *counts);
        }
        let mut view = self.analyst.view();
        view.tick_latency = self.latency.quantiles();
        view.save_failures = self.save_failures;
        view.saved_seconds = self.keeper.saved_seconds;
        self.telemetry.set_analyst(view);
    }

    fn finish(mut self) -> Result<Finished, PipelineError> {
        self.publish();
        self.analyst.end_day()?;
        self.analyst.end_history();
        let state_error = self.keeper.save(&self.analyst.learned).err();
        let counts = self
            .counts
            .iter()
            .fold(SensorCounts::default(), |sum, worker| sum + *worker);
        Ok(Finished {
            analyst: self.analyst,
            counts,
            state_error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::geo::Geo;
    use crate::pipeline::Outputs;
    use crate::pipeline::state::LearnedState;

    #[test]
    fn a_state_that_cannot_be_kept_is_counted_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut config = Config::default();
        config.state.dir = Some(state.clone());
        let keeper = Keeper::new(&config).unwrap();
        let home = config.site.jurisdictions.0.clone();
        let geo = Arc::new(Geo::open(&config.geo, &config.site.networks, home).unwrap());
        let policy = crate::policy::Policy::default();
        let learned = LearnedState::default();
        let analyst = Analyst::new(config, geo, policy, Outputs::none(), learned).unwrap();
        let mut desk = Desk::new(analyst, Telemetry::new(), keeper, true);
        desk.take(Vec::new(), Some(Tick::of_hour(10))).unwrap();
        // Where the folder was there is a file, which not even root can write into.
        std::fs::remove_dir(&state).unwrap();
        std::fs::write(&state, "").unwrap();
        desk.take(Vec::new(), Some(Tick::of_hour(11))).unwrap();
        desk.take(Vec::new(), Some(Tick::of_hour(12))).unwrap();
        assert_eq!(desk.save_failures, 2);
        std::fs::remove_file(&state).unwrap();
        desk.take(Vec::new(), Some(Tick::of_hour(13))).unwrap();
        assert_eq!(desk.save_failures, 2);
        assert!(
            state.join("baseline.state").is_file(),
            "it recovers unaided"
        );
    }

    #[test]
    fn a_sensor_looks_at_feedback_anew_each_hour_and_a_replay_does_not() {
        for (saves_hourly, looks) in [(true, 1), (false, 0)] {
            let folder = tempfile::tempdir().unwrap();
            let mut config = Config::default();
            config.state.dir = Some(folder.path().to_owned());
            let keeper = Keeper::new(&config).unwrap();
            let networks = &config.site.networks;
            let home = config.site.jurisdictions.0.clone();
            let geo = Arc::new(Geo::open(&config.geo, networks, home).unwrap());
            let learned = LearnedState::default();
            let policy = crate::policy::Policy::default();
            let analyst = Analyst::new(config, geo, policy, Outputs::none(), learned).unwrap();
            let mut desk = Desk::new(analyst, Telemetry::new(), keeper, saves_hourly);
            desk.take(Vec::new(), Some(Tick::of_hour(10))).unwrap();
            let log = folder.path().join("feedback.jsonl");
            std::fs::write(&log, "torn\n").unwrap();
            desk.take(Vec::new(), Some(Tick::of_hour(11))).unwrap();
            let said = serde_json::json!({
                "incident": "a",
                "asset": "10.0.0.1",
                "jurisdiction": "RU",
                "verdict": "malicious",
            });
            let line = serde_json::json!({
                "number": 1,
                "time": "2026-04-01T00:00:00Z",
                "by": "duty",
                "act": { "give": said },
            });
            std::fs::write(&log, line.to_string()).unwrap();
            desk.take(Vec::new(), Some(Tick::of_hour(12))).unwrap();
            let analyst = &desk.analyst;
            assert_eq!(analyst.totals.notes.len(), looks);
            assert_eq!(desk.keeper.saved_seconds.is_some(), saves_hourly);
            let standing = analyst.rulings.notes(Tick::of_hour(12));
            assert_eq!(standing.len(), looks, "{standing:?}");
        }
    }
}
