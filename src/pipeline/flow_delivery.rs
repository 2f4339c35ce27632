//! Flows on their way to other systems: a thread for each sink that takes them.
//!
//! There may be very many, so none is kept on disk: what a sink does not take in time is dropped
//! and counted. A worker of a live run never waits here; a replay waits rather than lose a flow.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, TrySendError, bounded,
};

use super::delivery::{GRACE, PAUSE_MAX, PAUSE_MIN, REPLAY_GRACE, Sending, TOLD_LETTERS_MAX, Tell};
use super::sink_counts::OneSink;
use super::{PipelineError, spawn};
use crate::report::clean;
use crate::sink::{FlowEvent, FlowTarget, Origin, SendError};

/// Flows that are handed on at once at most.
const BATCH_FLOWS: usize = 512;

/// Batches that may wait for a sink: 65,536 flows, of about 300 bytes each.
const BATCHES_WAITING_MAX: usize = 128;

/// Flows that are written or sent between two looks at whether the run is over.
const TURN_FLOWS: usize = 256;

/// How often a thread that has nothing to do looks whether the run is over.
const LOOK: Duration = Duration::from_secs(1);

/// What a worker tells a sink.
#[derive(Debug)]
enum Told {
    Flows(Arc<Vec<FlowEvent>>),
    /// The run is over.
    End,
}

/// A sink that takes flows, and its thread.
#[derive(Debug)]
pub(super) struct FlowSink {
    name: String,
    way: Way,
    /// Until when what waits may be sent, once the run is over.
    until: Arc<OnceLock<Instant>>,
    grace: Duration,
    thread: JoinHandle<()>,
}

/// How flows get to a sink.
#[derive(Clone, Debug)]
struct Way {
    tell: Sender<Told>,
    counts: Arc<OneSink>,
}

/// What gathers flows of a worker, or of all, and hands them to all sinks.
#[derive(Debug)]
pub(super) struct FlowTap {
    ways: Vec<Way>,
    sending: Sending,
    gathered: Vec<FlowEvent>,
}

impl FlowSink {
    /// Starts the thread. Whether the other side can be reached is not looked at.
    pub(super) fn start(
        name: &str,
        target: FlowTarget,
        origin: &Arc<Origin>,
        sending: Sending,
        counts: Arc<OneSink>,
        tell: &Tell,
    ) -> Result<Self, PipelineError> {
        let (sender, told) = bounded(BATCHES_WAITING_MAX);
        let until = Arc::default();
        let grace = match sending {
            Sending::Live => GRACE,
            Sending::Replay => REPLAY_GRACE,
        };
        let worker = Worker {
            name: format!("sink `{name}`"),
            target,
            origin: Arc::clone(origin),
            counts: Arc::clone(&counts),
            tell: Arc::clone(tell),
            until: Arc::clone(&until),
            patience: match sending {
                Sending::Live => Duration::ZERO,
                Sending::Replay => REPLAY_GRACE,
            },
            pause: PAUSE_MIN,
            due: Instant::now(),
            is_failing: false,
            lost_told: 0,
        };
        let thread = spawn(format!("sink-{name}"), move || worker.run(&told))?;
        Ok(Self {
            name: name.to_owned(),
            way: Way {
                tell: sender,
                counts,
            },
            until,
            grace,
            thread,
        })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says that the run is over. What waits is still sent, for a while.
    pub(super) fn end(&self) {
        let until = Instant::now() + self.grace;
        let _ = self.until.set(until);
        // A thread that is gone needs not be told; one that hangs is waited for below.
        let _: Result<(), SendTimeoutError<Told>> =
            self.way.tell.send_timeout(Told::End, self.grace);
    }

    /// Waits for the thread.
    pub(super) fn join(self) {
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

impl FlowTap {
    /// The way to these sinks; nothing if there are none.
    pub(super) fn to(sinks: &[FlowSink], sending: Sending) -> Option<Self> {
        let ways: Vec<_> = sinks.iter().map(|sink| sink.way.clone()).collect();
        (!ways.is_empty()).then_some(Self {
            ways,
            sending,
            gathered: Vec::new(),
        })
    }

    /// Gathers flows, and hands them over when they are many.
    pub(super) fn add(&mut self, flows: &[FlowEvent]) {
        for flow in flows {
            self.gathered.push(flow.clone());
            if self.gathered.len() >= BATCH_FLOWS {
                self.hand_over();
            }
        }
    }

    /// Hands over what was gathered.
    pub(super) fn hand_over(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let flows = Arc::new(std::mem::take(&mut self.gathered));
        let count = flows.len() as u64;
        for way in &self.ways {
            let told = Told::Flows(Arc::clone(&flows));
            // Counted before, so that the thread never takes more than there are.
            way.counts.waiting.fetch_add(count, Relaxed);
            let is_lost = match self.sending {
                Sending::Live => matches!(
                    way.tell.try_send(told),
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_))
                ),
                Sending::Replay => way.tell.send(told).is_err(),
            };
            if is_lost {
                way.counts.waiting.fetch_sub(count, Relaxed);
                way.counts.overflown.fetch_add(count, Relaxed);
            }
        }
    }
}

impl Clone for FlowTap {
    /// The same way, with nothing gathered.
    fn clone(&self) -> Self {
        Self {
            ways: self.ways.clone(),
            sending: self.sending,
            gathered: Vec::new(),
        }
    }
}

/// The thread of a sink.
struct Worker {
    /// For people.
    name: String,
    target: FlowTarget,
    origin: Arc<Origin>,
    counts: Arc<OneSink>,
    tell: Tell,
    until: Arc<OnceLock<Instant>>,
    /// For how long, all in all, flows still wait for a sink that does not take them.
    patience: Duration,
    pause: Duration,
    /// When the next flow may be sent.
    due: Instant,
    is_failing: bool,
    /// Lost flows that were told of.
    lost_told: u64,
}

impl Worker {
    fn run(mut self, told: &Receiver<Told>) {
        loop {
            let flows = match told.recv_timeout(LOOK) {
                Ok(Told::Flows(flows)) => flows,
                Err(RecvTimeoutError::Timeout) if !self.is_over() => continue,
                Ok(Told::End) | Err(_) => break,
            };
            for turn in flows.chunks(TURN_FLOWS) {
                self.deliver(turn);
                self.counts.waiting.fetch_sub(turn.len() as u64, Relaxed);
            }
            self.show();
        }
    }

    /// Whether there is no time left to send what waits.
    fn is_over(&self) -> bool {
        let now = Instant::now();
        self.until.get().is_some_and(|until| now > *until)
    }

    /// Sends flows, or drops those that are not taken.
    fn deliver(&mut self, mut flows: &[FlowEvent]) {
        while !flows.is_empty() {
            let is_over = self.is_over();
            let wait = self.due.saturating_duration_since(Instant::now());
            if !is_over && !wait.is_zero() && wait <= self.patience {
                self.patience -= wait;
                std::thread::sleep(wait);
                continue;
            }
            if is_over || !wait.is_zero() {
                self.counts.dropped.fetch_add(flows.len() as u64, Relaxed);
                return;
            }
            let (taken, sent) = self.target.send(flows, &self.origin);
            self.counts.delivered.fetch_add(taken as u64, Relaxed);
            flows = flows.get(taken..).unwrap_or_default();
            match sent {
                Ok(()) => {
                    self.pause = PAUSE_MIN;
                    // A target that takes nothing and says nothing would be asked for ever.
                    if taken == 0 {
                        self.counts.dropped.fetch_add(flows.len() as u64, Relaxed);
                        return;
                    }
                    if std::mem::take(&mut self.is_failing) {
                        self.say("takes flows again");
                    }
                }
                Err(SendError::Later(why) | SendError::Never(why)) => {
                    if !self.patience.is_zero() {
                        self.counts.retried.fetch_add(1, Relaxed);
                    }
                    self.due = Instant::now() + self.pause;
                    self.pause = (self.pause * 2).min(PAUSE_MAX);
                    if !std::mem::replace(&mut self.is_failing, true) {
                        self.say(&format!("{why}; it is tried again, and flows are dropped"));
                    }
                }
            }
        }
    }

    /// Tells of what was lost, as it doubles.
    fn show(&mut self) {
        let counts = &self.counts;
        let lost = counts.dropped.load(Relaxed) + counts.overflown.load(Relaxed);
        if lost > self.lost_told.saturating_mul(2) {
            self.lost_told = lost;
            self.say(&format!("{lost} flows were dropped so far"));
        }
    }

    fn say(&self, what: &str) {
        (self.tell)(&clean(&format!("{}: {what}", self.name), TOLD_LETTERS_MAX));
    }
}

#[cfg(test)]
mod tests;
