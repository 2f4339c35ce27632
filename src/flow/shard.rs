//! One of the tables of flows: bounded, with its own timers.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::decode::Packet;
use crate::geo::Place;
use crate::time::Tick;

use super::list::Queues;
use super::record::Phase;
use super::{End, Flow, FlowConfig, FlowKey};

/// Export bytes of a flow after which they are told at the close of the tick.
pub const EXPORT_BYTES_DUE: u64 = 64 * 1024;

/// Seconds after which export bytes are told however few they are.
pub const EXPORT_SECONDS_DUE: u64 = 300;

/// What a shard tells of its flows.
#[derive(Debug)]
pub enum FlowEvent<'a> {
    /// `bytes` more have been exported than the events before this one told.
    Export {
        /// The flow, as it is now.
        flow: &'a Flow,
        /// New unique payload bytes from asset to foreign peer.
        bytes: u64,
        /// Whether this is the first that is told of the flow.
        first: bool,
        /// Whether the flow has ended with it.
        ended: bool,
        /// The tick to which they are counted.
        tick: Tick,
    },
    /// A record of a flow is complete.
    Closed {
        /// The flow.
        flow: &'a Flow,
        /// Why the record ended.
        end: End,
        /// The tick in which it ended.
        tick: Tick,
    },
}

/// A bounded table of flows.
///
/// When it is full, a new flow takes the place of the one that has been silent for
/// longest: among those that are closing, else among the half-open, else among the
/// established. A flood of unanswered packets therefore evicts itself first.
///
/// All that a flow must do at some time is that long after something that happened to it,
/// and each of those times is a constant. So there are no timers: flows stand in queues in
/// the order of what happened, and whatever is due is at a head.
#[derive(Debug)]
pub struct Shard {
    config: FlowConfig,
    flows_max: usize,
    tick: Tick,
    /// SipHash with a key of its own per process: senders choose these keys.
    index: HashMap<FlowKey, u32>,
    slots: Vec<Option<Flow>>,
    free: Vec<u32>,
    /// By the latest packet, one queue per phase.
    silent: Queues<3>,
    /// By the beginning of the record.
    active: Queues<1>,
    /// By the first byte of an untold export.
    untold: Queues<1>,
    /// Slots whose export is to be told at the close of the running tick.
    due: Vec<u32>,
    evicted: u64,
}

/// What is due at the head of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// An export has been untold for long enough.
    Export,
    /// A record has run for long enough.
    Active,
    /// A flow has been silent for long enough.
    Silence,
}

impl Shard {
    /// Makes an empty table for at most `flows_max` flows.
    pub fn new(config: FlowConfig, flows_max: usize) -> Self {
        Self {
            config,
            flows_max: flows_max.max(1),
            tick: Tick::default(),
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            silent: Queues::default(),
            active: Queues::default(),
            untold: Queues::default(),
            due: Vec::new(),
            evicted: 0,
        }
    }

    /// Flows that are followed now.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is followed.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Flows that gave way to others so far.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Counts a packet in the running tick. `locate` is asked once for each end of a new flow.
    pub fn packet(
        &mut self,
        packet: &Packet,
        locate: impl Fn(IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let key = FlowKey::of(packet);
        let known = self.index.get(&key).copied();
        let slot = match known {
            Some(slot)
                if self
                    .flow(slot)
                    .is_some_and(|flow| flow.is_reopened_by(packet)) =>
            {
                self.close(slot, self.tick, None, events);
                self.open(key, packet, locate, events)
            }
            Some(slot) => slot,
            None => self.open(key, packet, locate, events),
        };
        let tick = self.tick;
        let Some(flow) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let (phase, untold) = (flow.phase, flow.exported.untold_bytes);
        if !flow.is_running {
            flow.is_running = true;
            self.active.push(0, slot);
        }
        flow.add(packet, tick);
        self.silent.remove(phase as usize, slot);
        self.silent.push(flow.phase as usize, slot);
        let untold_now = flow.exported.untold_bytes;
        if untold == 0 && untold_now > 0 {
            self.untold.push(0, slot);
        }
        let is_large = untold < EXPORT_BYTES_DUE && untold_now >= EXPORT_BYTES_DUE;
        let is_last = phase != Phase::Closing && flow.phase == Phase::Closing;
        if is_large || (is_last && untold_now > 0) {
            self.due.push(slot);
        }
    }

    /// Closes the running tick and all before `to`, which becomes the running one.
    pub fn advance(&mut self, to: Tick, events: &mut impl FnMut(FlowEvent<'_>)) {
        for slot in std::mem::take(&mut self.due) {
            self.tell_export(slot, self.tick, false, events);
        }
        while let Some((at, due, slot)) = self.earliest_due() {
            if at >= to {
                break;
            }
            match due {
                Due::Export => self.tell_export(slot, at, false, events),
                Due::Active => self.begin_record(slot, at, events),
                Due::Silence => self.close(slot, at, None, events),
            }
        }
        self.tick = self.tick.max(to);
    }

    /// Ends all flows: the input is over.
    pub fn finish(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            self.close(slot, self.tick, Some(End::EndOfInput), events);
        }
    }

    fn flow(&self, slot: u32) -> Option<&Flow> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn open(
        &mut self,
        key: FlowKey,
        packet: &Packet,
        locate: impl Fn(IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) -> u32 {
        if self.index.len() >= self.flows_max {
            self.evict(events);
        }
        let places = [locate(packet.src_address()), locate(packet.dst_address())];
        let flow = Flow::new(key, packet, self.tick, places);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.silent.push(flow.phase as usize, slot);
        self.slots[slot as usize] = Some(flow);
        self.index.insert(key, slot);
        slot
    }

    fn evict(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        let order = [Phase::Closing, Phase::HalfOpen, Phase::Established];
        let mut phases = order.into_iter();
        let silent = phases.find_map(|phase| self.silent.head(phase as usize));
        if let Some(slot) = silent {
            self.evicted += 1;
            self.close(slot, self.tick, Some(End::Evicted), events);
        }
    }

    /// The first thing that is to be done, and when.
    fn earliest_due(&self) -> Option<(Tick, Due, u32)> {
        let after = |slot: Option<u32>, due, seconds, since: fn(&Flow) -> Tick| {
            let slot = slot?;
            Some((since(self.flow(slot)?).plus_seconds(seconds), due, slot))
        };
        let silences = [Phase::Established, Phase::HalfOpen, Phase::Closing].map(|phase| {
            let seconds = self.silent_seconds(phase);
            let head = self.silent.head(phase as usize);
            after(head, Due::Silence, seconds, |flow| flow.last_tick)
        });
        let active_seconds = u64::from(self.config.active_seconds.get());
        let others = [
            after(
                self.untold.head(0),
                Due::Export,
                EXPORT_SECONDS_DUE,
                |flow| flow.exported.since,
            ),
            after(self.active.head(0), Due::Active, active_seconds, |flow| {
                flow.since
            }),
        ];
        silences.into_iter().chain(others).flatten().min()
    }

    fn silent_seconds(&self, phase: Phase) -> u64 {
        let seconds = match phase {
            Phase::Established => self.config.idle_seconds,
            Phase::HalfOpen => self.config.half_open_seconds,
            Phase::Closing => self.config.closing_seconds,
        };
        u64::from(seconds.get())
    }

    /// Tells what has been exported since the last time, if anything.
    fn tell_export(
        &mut self,
        slot: u32,
        tick: Tick,
        ended: bool,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let Some(flow) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let bytes = std::mem::take(&mut flow.exported.untold_bytes);
        if bytes > 0 {
            self.untold.remove(0, slot);
            let first = !std::mem::replace(&mut flow.exported.told, true);
            events(FlowEvent::Export {
                flow,
                bytes,
                first,
                ended,
                tick,
            });
        }
    }

    /// Tells a record that has run for long enough, and begins the next.
    fn begin_record(&mut self, slot: u32, tick: Tick, events: &mut impl FnMut(FlowEvent<'_>)) {
        let Some(flow) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if flow.packets() > 0 {
            events(FlowEvent::Closed {
                flow,
                end: End::Active,
                tick,
            });
        }
        flow.begin_record(tick);
        // The next record begins with its first packet; until then there is nothing to tell.
        flow.is_running = false;
        self.active.remove(0, slot);
    }

    fn close(
        &mut self,
        slot: u32,
        tick: Tick,
        end: Option<End>,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        self.tell_export(slot, tick, true, events);
        let Some(flow) = self.slots.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.silent.remove(flow.phase as usize, slot);
        if flow.is_running {
            self.active.remove(0, slot);
        }
        self.index.remove(&flow.key);
        self.free.push(slot);
        if flow.packets() > 0 {
            // Both sides may have closed it before the input ended or its place was taken.
            let end = flow.closed_by().or(end).unwrap_or(End::Idle);
            events(FlowEvent::Closed {
                flow: &flow,
                end,
                tick,
            });
        }
    }
}
