//! Alerts and heads of the ledger on their way to other systems: a thread for each sink.
//!
//! The analyst puts an event into a channel and never waits for a sink. The thread puts it into
//! the spool, which is on disk where there is a folder for the state, and sends from there: until
//! the other side takes it, with pauses that double. So an event arrives once at least, and who
//! gets it twice knows it by its `id`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};
use thiserror::Error;

use super::flow_delivery::{FlowSink, FlowTap};
use super::sink_counts::OneSink;
use super::telemetry::Telemetry;
use super::{PipelineError, spawn};
use crate::alert::Alert;
use crate::ledger::Head;
use crate::report::clean;
use crate::sink::{Event, Origin, Prepared, SendError, SinkOpenError, SinkSettings, Spool, Target};

/// Events that may wait for a sink's thread.
const EVENTS_WAITING_MAX: usize = 1_024;

/// The pause after a failure, which doubles with each that follows.
pub(super) const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest pause.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How long the end of a live run waits for what can still be delivered.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// The same of a replay, of which nothing is kept.
pub(super) const REPLAY_GRACE: Duration = Duration::from_secs(30);

/// Letters of an error that are told.
pub(super) const TOLD_LETTERS_MAX: usize = 300;

/// How a person is told.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Whether events can be waited with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Nothing waits for a sink, and the spool outlives the run.
    Live,
    /// A replay waits for a sink's thread rather than lose an event, and spools in memory.
    Replay,
}

/// Why sinks cannot be started.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// What the settings name cannot be used.
    #[error(transparent)]
    Open(#[from] SinkOpenError),
    /// The spool.
    #[error("sink `{name}`: spool {folder}: {source}")]
    Spool {
        /// The sink.
        name: String,
        /// Its folder.
        folder: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error(transparent)]
    Thread(#[from] Box<PipelineError>),
}

/// The sinks of a run. When this is dropped, what can be delivered in a few seconds still is.
pub struct Sinks {
    sinks: Vec<One>,
    flows: Vec<FlowSink>,
    sending: Sending,
    tell: Tell,
}

struct One {
    settings: SinkSettings,
    counts: Arc<OneSink>,
    /// Taken at the end.
    events: Option<Sender<Arc<Event>>>,
    thread: Option<JoinHandle<()>>,
}

impl Sinks {
    /// Starts what the settings ask for. Spools are below the folder of the state.
    ///
    /// # Errors
    /// Names the sink that cannot be used, and why. Whether the other side can be reached is
    /// not looked at.
    pub fn start(
        settings: &[SinkSettings],
        state: Option<&Path>,
        sending: Sending,
        telemetry: &Telemetry,
        tell: &Tell,
    ) -> Result<Self, DeliveryError> {
        let mut all = Self {
            sinks: Vec::new(),
            flows: Vec::new(),
            sending,
            tell: Arc::clone(tell),
        };
        let origin = Arc::new(origin());
        let folder = state.filter(|_| sending == Sending::Live);
        for one in settings {
            if let Some(target) = one.open_flows() {
                let counts = telemetry.sinks.add(*one.kind.get_ref());
                let sink = FlowSink::start(one.name(), target, &origin, sending, counts, tell);
                all.flows.push(sink.map_err(Box::new)?);
                continue;
            }
            let Some(target) = one.open()? else {
                continue;
            };
            let spool = spool(one, folder)?;
            let counts = telemetry.sinks.add(*one.kind.get_ref());
            let (events, taken) = bounded(EVENTS_WAITING_MAX);
            let worker = Worker {
                name: format!("sink `{}`", one.name()),
                target,
                spool,
                origin: Arc::clone(&origin),
                counts: Arc::clone(&counts),
                tell: Arc::clone(tell),
                events: taken,
                prepared: None,
                pause: PAUSE_MIN,
                due: Instant::now(),
                is_failing: false,
                is_refused: false,
                is_disk_failing: false,
                lost_told: 0,
                keeps: folder.is_some(),
                grace: match sending {
                    Sending::Live => GRACE,
                    Sending::Replay => REPLAY_GRACE,
                },
            };
            let thread = spawn(format!("sink-{}", one.name()), move || worker.run());
            all.sinks.push(One {
                settings: one.clone(),
                counts,
                events: Some(events),
                thread: Some(thread.map_err(Box::new)?),
            });
        }
        if folder.is_none() && sending == Sending::Live && !all.sinks.is_empty() {
            tell("no state.dir: what waits for a sink does not outlive a restart");
        }
        Ok(all)
    }

    /// Whether any is to be told of heads of the ledger.
    pub(super) fn wants_heads(&self) -> bool {
        self.sinks.iter().any(|one| one.settings.wants_heads())
    }

    /// The way to the sinks that take flows, if there are any.
    pub(super) fn flow_tap(&self) -> Option<FlowTap> {
        FlowTap::to(&self.flows, self.sending)
    }

    /// An alert, as its line is written.
    pub(super) fn alert(&self, alert: &Alert) {
        let line = serde_json::to_value(alert);
        match line.and_then(|line| Event::of_alert(&line)) {
            Ok(event) => self.hand_over(event),
            Err(error) => {
                for one in &self.sinks {
                    one.counts.dropped.fetch_add(1, Relaxed);
                }
                (self.tell)(&format!("an alert cannot be told to sinks: {error}"));
            }
        }
    }

    /// A head of the ledger.
    pub(super) fn head(&self, head: Head) {
        self.hand_over(Event::Head { head });
    }

    fn hand_over(&self, event: Event) {
        let event = Arc::new(event);
        for one in &self.sinks {
            let Some(events) = one.events.as_ref().filter(|_| one.settings.wants(&event)) else {
                continue;
            };
            let event = Arc::clone(&event);
            let is_lost = match self.sending {
                Sending::Live => matches!(
                    events.try_send(event),
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_))
                ),
                Sending::Replay => events.send(event).is_err(),
            };
            if is_lost {
                one.counts.overflown.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        for one in &mut self.sinks {
            one.events = None;
        }
        self.flows.iter().for_each(FlowSink::end);
        for one in &mut self.sinks {
            // A thread that panicked has said so.
            let _ = one.thread.take().map(JoinHandle::join);
        }
        self.flows.drain(..).for_each(FlowSink::join);
    }
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.sinks.iter().map(|one| one.settings.name());
        let names = names.chain(self.flows.iter().map(FlowSink::name));
        f.debug_list().entries(names).finish()
    }
}

/// This host, as others know it.
pub fn origin() -> Origin {
    Origin::new(&rustix::system::uname().nodename().to_string_lossy())
}

fn spool(settings: &SinkSettings, state: Option<&Path>) -> Result<Spool, DeliveryError> {
    let Some(state) = state else {
        return Ok(Spool::in_memory(settings.spool_bytes()));
    };
    let folder = state.join("sinks").join(settings.name());
    let opened = Spool::open(&folder, settings.spool_bytes());
    opened.map_err(|source| DeliveryError::Spool {
        name: settings.name().to_owned(),
        folder: folder.display().to_string(),
        source,
    })
}

/// The thread of a sink.
struct Worker {
    /// For people.
    name: String,
    target: Target,
    spool: Spool,
    origin: Arc<Origin>,
    counts: Arc<OneSink>,
    tell: Tell,
    events: Receiver<Arc<Event>>,
    /// The event that is due, as it is sent.
    prepared: Option<Prepared>,
    pause: Duration,
    /// When the next event may be sent.
    due: Instant,
    is_failing: bool,
    is_refused: bool,
    is_disk_failing: bool,
    /// Lost events that were told of.
    lost_told: u64,
    /// How long the end waits.
    grace: Duration,
    /// Whether what waits outlives the run.
    keeps: bool,
}

impl Worker {
    fn run(mut self) {
        while self.take_in() {
            self.deliver(None);
        }
        let until = Instant::now() + self.grace;
        self.due = Instant::now();
        self.pause = PAUSE_MIN;
        self.deliver(Some(until));
        // Where the other side takes them, but not all in time, the next is due all the while.
        while self.spool.waiting() > 0 && self.due.max(Instant::now()) < until {
            std::thread::sleep(self.due.saturating_duration_since(Instant::now()));
            self.deliver(Some(until));
        }
        let left = self.spool.waiting();
        if left > 0 {
            let then = match self.keeps {
                true => "and are sent when it is started again",
                false => "and are lost to it",
            };
            self.say(&format!("{left} events were not delivered, {then}"));
        }
    }

    /// Waits until there is something to do. Tells whether the run goes on.
    fn take_in(&mut self) -> bool {
        let received = if self.spool.waiting() == 0 {
            let received = self.events.recv();
            received.map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            let wait = self.due.saturating_duration_since(Instant::now());
            self.events.recv_timeout(wait)
        };
        match received {
            Ok(event) => self.store(&event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        self.take_in_now()
    }

    /// Takes what waits in the channel, so that it has room. Tells whether the run goes on.
    fn take_in_now(&mut self) -> bool {
        for _ in 0..EVENTS_WAITING_MAX {
            match self.events.try_recv() {
                Ok(event) => self.store(&event),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    fn store(&mut self, event: &Event) {
        let stored = self.spool.push(event.line());
        self.said_by_disk(stored);
        self.show();
    }

    /// Sends what is due, until nothing is, or the other side does not take it.
    fn deliver(&mut self, until: Option<Instant>) {
        while Instant::now() >= self.due && until.is_none_or(|until| Instant::now() < until) {
            if self.prepared.is_none() && !self.prepare() {
                break;
            }
            let Some(prepared) = &self.prepared else {
                continue;
            };
            match self.target.send(prepared) {
                Ok(()) => {
                    self.counts.delivered.fetch_add(1, Relaxed);
                    self.done();
                    if std::mem::take(&mut self.is_failing) {
                        let left = self.spool.waiting();
                        self.say(&format!("takes events again; {left} wait"));
                    }
                    self.is_refused = false;
                }
                Err(SendError::Later(why)) => {
                    self.counts.retried.fetch_add(1, Relaxed);
                    self.due = Instant::now() + self.pause;
                    self.pause = (self.pause * 2).min(PAUSE_MAX);
                    if !std::mem::replace(&mut self.is_failing, true) {
                        self.say(&format!("{why}; it is tried again, and events wait"));
                    }
                }
                Err(SendError::Never(why)) => {
                    self.counts.dropped.fetch_add(1, Relaxed);
                    self.done();
                    if !std::mem::replace(&mut self.is_refused, true) {
                        self.say(&format!("{why}; it is dropped"));
                    }
                }
            }
            // The end of the run does not wait for all that there may be.
            if !self.take_in_now() && until.is_none() {
                break;
            }
        }
        self.show();
    }

    /// Prepares the event that is due. Tells whether there is one, which may be of no use.
    fn prepare(&mut self) -> bool {
        let parsed = match self.spool.peek() {
            Ok(line) => line.map(Event::parse),
            Err(error) => {
                self.due = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                self.said_by_disk(Err(error));
                return false;
            }
        };
        let Some(parsed) = parsed else {
            return false;
        };
        let event = parsed.ok();
        self.prepared = event.and_then(|event| self.target.prepare(&event, &self.origin));
        if self.prepared.is_none() {
            // Written by another version, or wanted by other settings.
            self.counts.dropped.fetch_add(1, Relaxed);
            self.done();
        }
        true
    }

    /// Takes the event that is due out of the spool.
    fn done(&mut self) {
        self.prepared = None;
        self.pause = PAUSE_MIN;
        let advanced = self.spool.advance();
        self.said_by_disk(advanced);
    }

    fn said_by_disk(&mut self, result: std::io::Result<()>) {
        match result {
            Ok(()) => self.is_disk_failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_disk_failing, true) {
                    self.say(&format!("its spool: {error}; events wait in memory"));
                }
            }
        }
    }

    /// Publishes what waits, and tells of what was lost, once until something is delivered.
    fn show(&mut self) {
        self.counts.waiting.store(self.spool.waiting(), Relaxed);
        let lost = self.spool.take_lost();
        let lost = self.counts.dropped.fetch_add(lost, Relaxed) + lost;
        let lost = lost + self.counts.overflown.load(Relaxed);
        // Told as it doubles, so that a flood is no flood of lines.
        if lost > self.lost_told.saturating_mul(2) {
            self.lost_told = lost;
            self.say(&format!("{lost} events were dropped so far"));
        }
    }

    fn say(&self, what: &str) {
        (self.tell)(&clean(&format!("{}: {what}", self.name), TOLD_LETTERS_MAX));
    }
}

#[cfg(test)]
mod tests;
