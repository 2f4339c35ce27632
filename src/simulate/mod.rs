//! Captures with ground truth: a made-up site, its habits, and what goes wrong there.
//!
//! A [`Scenario`] says who talks to whom, how much and when, and lists leaks and benign
//! surprises. [`simulate`] plays it into a capture file, and writes down in
//! `truth.jsonl` what each leak and each surprise really sent. [`evaluate`] then scores
//! the alerts of any detector against that truth. Nothing here knows a detector, and no
//! detector knows this module: they meet in files only.
//!
//! A seed gives the same bytes on every machine. Hours are planned one after the other,
//! so that a capture of weeks needs no more memory than its busiest hour.

mod builder;
mod chance;
mod ends;
mod evaluate;
mod events;
mod format;
mod opening;
mod openings;
mod quantity;
mod scenario;
mod script;
mod session;
mod traffic;
mod truth;
mod wire;
mod world;

pub use evaluate::{BenignResult, Detection, Evaluation, FalseAlert, LeakResult, Totals, evaluate};
pub use scenario::{Scenario, ScenarioError};
pub use script::{Script, WorldScript};
pub use truth::{AlertLine, DetectorName, JsonLinesError, Truth, read_alerts, read_truth};
pub use world::{Exchange, Injection, Only, World, WorldConfig};

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;

use serde::Serialize;
use thiserror::Error;

use crate::time::{NANOS_PER_SECOND, SECONDS_PER_HOUR, Timestamp};
use session::{Account, Session, Side};
use traffic::Traffic;
use wire::PcapWriter;

/// What a simulation wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// Packets in the capture.
    pub packets: u64,
    /// Bytes of all packets on the wire, Ethernet header included.
    pub wire_bytes: u64,
    /// Payload that assets sent to each foreign country, without what was sent twice.
    pub export_bytes: BTreeMap<String, u64>,
    /// Time of the first packet.
    #[serde(with = "truth::rfc3339_option")]
    pub first: Option<Timestamp>,
    /// Time of the last packet.
    #[serde(with = "truth::rfc3339_option")]
    pub last: Option<Timestamp>,
    /// Lines of ground truth: leaks and benign surprises that sent anything.
    pub events: u64,
}

/// Why a simulation stopped.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// The capture could not be written.
    #[error("cannot write the capture: {0}")]
    Capture(#[source] io::Error),
    /// The ground truth could not be written.
    #[error("cannot write the ground truth: {0}")]
    Truth(#[source] io::Error),
    /// The scenario asks for more than fits in memory.
    #[error(
        "more than {SESSIONS_MAX} conversations at once at {0}: \
         lower `daily` or `count`, or raise `flow`"
    )]
    TooBusy(Timestamp),
}

/// Plays a scenario: packets to `capture` in the order of time (pcap, nanoseconds, headers
/// and what conversations begin with), and the ground truth to `truth` (JSON lines in the order
/// of their start).
///
/// # Errors
/// An output cannot be written, or the scenario holds more conversations at once than a
/// simulation keeps.
pub fn simulate(
    scenario: &Scenario,
    capture: &mut impl Write,
    truth: &mut impl Write,
) -> Result<Simulated, SimulateError> {
    let buffered = BufWriter::with_capacity(BUFFER_BYTES, capture);
    let mut player = Player::new(scenario, buffered)?;
    let mut traffic = Traffic::new(scenario);
    let hour = SECONDS_PER_HOUR * NANOS_PER_SECOND;
    let mut from = scenario.start;
    while from < scenario.end {
        let until = (from + hour).min(scenario.end);
        for plan in traffic.hour(from, until) {
            player.add(Session::new(plan))?;
        }
        player.play(until)?;
        from = until;
    }
    player.finish(truth)
}

/// Writes the packets of many conversations in the order of time.
struct Player<'a, W> {
    scenario: &'a Scenario,
    output: PcapWriter<W>,
    sessions: Vec<Option<Session>>,
    free: Vec<usize>,
    /// Time of the next packet, age and place of each conversation.
    due: BinaryHeap<Reverse<(u64, u64, usize)>>,
    added: u64,
    tally: Tally,
}

impl<'a, W: Write> Player<'a, W> {
    fn new(scenario: &'a Scenario, output: W) -> Result<Self, SimulateError> {
        Ok(Self {
            scenario,
            output: PcapWriter::new(output).map_err(SimulateError::Capture)?,
            sessions: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            added: 0,
            tally: Tally::new(scenario.destinations.len(), scenario.events.len()),
        })
    }

    fn add(&mut self, session: Session) -> Result<(), SimulateError> {
        let Some(time) = session.next_time() else {
            return Ok(());
        };
        if self.due.len() >= SESSIONS_MAX {
            return Err(SimulateError::TooBusy(Timestamp::from_nanos(time)));
        }
        let place = self.free.pop().unwrap_or(self.sessions.len());
        match self.sessions.get_mut(place) {
            Some(slot) => *slot = Some(session),
            None => self.sessions.push(Some(session)),
        }
        self.due.push(Reverse((time, self.added, place)));
        self.added += 1;
        Ok(())
    }

    /// Writes every packet before `until`.
    fn play(&mut self, until: u64) -> Result<(), SimulateError> {
        while let Some(mut first) = self.due.peek_mut() {
            let Reverse((time, age, place)) = *first;
            if time >= until {
                break;
            }
            let slot = self.sessions.get_mut(place);
            let mut next = None;
            if let Some(session) = slot.and_then(Option::as_mut) {
                if let Some(due) = session.take() {
                    let at = Timestamp::from_nanos(due.time);
                    let written = self.output.write(at, &due.packet);
                    self.tally
                        .packet(at, written.map_err(SimulateError::Capture)?);
                    if due.from == Side::Asset && due.packet.payload_bytes > 0 {
                        let repeated = u32::from(due.is_repeat) * due.packet.payload_bytes;
                        let new_bytes = due.packet.payload_bytes - repeated;
                        self.tally.sent(at, due.account, new_bytes);
                    }
                }
                next = session.next_time();
            }
            if let Some(next) = next {
                *first = Reverse((next, age, place));
                continue;
            }
            PeekMut::pop(first);
            if let Some(slot) = self.sessions.get_mut(place) {
                *slot = None;
            }
            self.free.push(place);
        }
        Ok(())
    }

    fn finish(mut self, truth: &mut impl Write) -> Result<Simulated, SimulateError> {
        self.output.flush().map_err(SimulateError::Capture)?;
        let mut lines: Vec<Truth> = self.truths().collect();
        lines.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        truth::write_truth(&lines, truth).map_err(SimulateError::Truth)?;
        let mut export_bytes = BTreeMap::new();
        for (destination, bytes) in self.scenario.destinations.iter().zip(&self.tally.exports) {
            if self.scenario.is_foreign(destination) && *bytes > 0 {
                *export_bytes
                    .entry(destination.jurisdiction.clone())
                    .or_default() += bytes;
            }
        }
        Ok(self.tally.simulated(export_bytes, lines.len()))
    }

    /// The events that sent anything.
    fn truths(&self) -> impl Iterator<Item = Truth> {
        self.scenario
            .events
            .iter()
            .zip(&self.tally.events)
            .filter_map(|(event, played)| {
                let (start, end) = played.span?;
                let asset = self.scenario.assets.get(event.asset)?;
                let destination = self.scenario.destinations.get(event.destination)?;
                Some(Truth {
                    id: event.id.clone(),
                    kind: event.kind.to_owned(),
                    asset: IpAddr::V4(asset.ipv4),
                    jurisdiction: destination.jurisdiction.clone(),
                    start: Timestamp::from_nanos(start),
                    end: Timestamp::from_nanos(end),
                    bytes: played.bytes,
                    benign: event.is_benign,
                })
            })
    }
}

/// What has been written so far.
#[derive(Debug, Default)]
struct Tally {
    packets: u64,
    wire_bytes: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Payload that assets sent, by destination.
    exports: Vec<u64>,
    events: Vec<Played>,
}

/// What an event has sent, and from when to when.
#[derive(Clone, Copy, Debug, Default)]
struct Played {
    bytes: u64,
    span: Option<(u64, u64)>,
}

impl Tally {
    fn new(destinations: usize, events: usize) -> Self {
        Self {
            exports: vec![0; destinations],
            events: vec![Played::default(); events],
            ..Self::default()
        }
    }

    fn packet(&mut self, at: Timestamp, wire_bytes: u32) {
        self.packets += 1;
        self.wire_bytes += u64::from(wire_bytes);
        self.first.get_or_insert(at);
        self.last = Some(at);
    }

    /// Counts payload of an asset, of which `new_bytes` were not sent before.
    fn sent(&mut self, at: Timestamp, account: Account, new_bytes: u32) {
        if let Some(export) = self.exports.get_mut(account.destination) {
            *export += u64::from(new_bytes);
        }
        let event = account.event.and_then(|event| self.events.get_mut(event));
        if let Some(played) = event {
            played.bytes += u64::from(new_bytes);
            let at = at.as_nanos();
            let start = played.span.map_or(at, |(start, _)| start);
            played.span = Some((start, at));
        }
    }

    fn simulated(&self, export_bytes: BTreeMap<String, u64>, events: usize) -> Simulated {
        Simulated {
            packets: self.packets,
            wire_bytes: self.wire_bytes,
            export_bytes,
            first: self.first,
            last: self.last,
            events: events as u64,
        }
    }
}

/// Most conversations at once.
const SESSIONS_MAX: usize = 500_000;

/// Bytes of the capture that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 18;

#[cfg(test)]
mod tests;
