//! One of the tables of flows: bounded, with its own timers.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::decode::Packet;
use crate::geo::Place;
use crate::time::Tick;

use super::list::{Links, Queue};
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
#[derive(Debug)]
pub struct Shard {
    config: FlowConfig,
    flows_max: usize,
    tick: Tick,
    /// SipHash with a key of its own per process: senders choose these keys.
    index: HashMap<FlowKey, u32>,
    slots: Vec<Slot>,
    links: Vec<Links>,
    free: Vec<u32>,
    queues: [Queue; 3],
    /// Slots with [`EXPORT_BYTES_DUE`] in the running tick.
    due: Vec<(u32, u32)>,
    /// Slots by the tick of their active timeout or overdue export, set anew when it comes.
    timers: BTreeMap<Tick, Vec<(u32, u32)>>,
    evicted: u64,
}

/// A place in the table. The generation tells whether a timer still means its flow.
#[derive(Debug)]
struct Slot {
    generation: u32,
    flow: Option<Flow>,
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
            links: Vec::new(),
            free: Vec::new(),
            queues: [Queue::default(); 3],
            due: Vec::new(),
            timers: BTreeMap::new(),
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
        let Some(Slot {
            generation,
            flow: Some(flow),
        }) = self.slots.get_mut(slot as usize)
        else {
            return;
        };
        let (phase_before, untold_before) = (flow.phase, flow.exported.untold_bytes);
        flow.add(packet, tick);
        self.queues[phase_before as usize].remove(&mut self.links, slot);
        self.queues[flow.phase as usize].push(&mut self.links, slot);
        let untold = flow.exported.untold_bytes;
        if untold_before < EXPORT_BYTES_DUE && untold >= EXPORT_BYTES_DUE {
            self.due.push((slot, *generation));
        }
        if untold_before == 0 && untold > 0 {
            let generation = *generation;
            self.set_timer(slot, generation);
        }
    }

    /// Closes the running tick and all before `to`, which becomes the running one.
    pub fn advance(&mut self, to: Tick, events: &mut impl FnMut(FlowEvent<'_>)) {
        for (slot, generation) in std::mem::take(&mut self.due) {
            if let Some(flow) = self.flow_of(slot, generation) {
                tell_export(flow, events, None);
            }
        }
        self.expire_silent(to, events);
        while let Some(entry) = self.timers.first_entry() {
            if *entry.key() >= to {
                break;
            }
            let (tick, slots) = entry.remove_entry();
            for (slot, generation) in slots {
                self.fire(slot, generation, tick, events);
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
        self.slots.get(slot as usize)?.flow.as_ref()
    }

    fn flow_of(&mut self, slot: u32, generation: u32) -> Option<&mut Flow> {
        let slot = self.slots.get_mut(slot as usize)?;
        slot.flow.as_mut().filter(|_| slot.generation == generation)
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
        let places = [locate(packet.src), locate(packet.dst)];
        let flow = Flow::new(key, packet, self.tick, places);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                flow: None,
            });
            self.links.push(Links::default());
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.queues[flow.phase as usize].push(&mut self.links, slot);
        let place = &mut self.slots[slot as usize];
        place.flow = Some(flow);
        let generation = place.generation;
        self.index.insert(key, slot);
        self.set_timer(slot, generation);
        slot
    }

    fn evict(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        let order = [Phase::Closing, Phase::HalfOpen, Phase::Established];
        let silent = order
            .iter()
            .find_map(|phase| self.queues[*phase as usize].head());
        if let Some(slot) = silent {
            self.evicted += 1;
            self.close(slot, self.tick, Some(End::Evicted), events);
        }
    }

    /// Ends the flows that have been silent for too long, each in the tick in which it was.
    fn expire_silent(&mut self, to: Tick, events: &mut impl FnMut(FlowEvent<'_>)) {
        for phase in [Phase::Established, Phase::HalfOpen, Phase::Closing] {
            let silent_seconds = self.silent_seconds(phase);
            while let Some(slot) = self.queues[phase as usize].head() {
                let last = self
                    .flow(slot)
                    .map_or(Tick::default(), |flow| flow.last_tick);
                let at = last.plus_seconds(silent_seconds);
                if at >= to {
                    break;
                }
                self.close(slot, at, None, events);
            }
        }
    }

    fn silent_seconds(&self, phase: Phase) -> u64 {
        let seconds = match phase {
            Phase::Established => self.config.idle_seconds,
            Phase::HalfOpen => self.config.half_open_seconds,
            Phase::Closing => self.config.closing_seconds,
        };
        u64::from(seconds.get())
    }

    /// Sets a flow's timer for whatever it must do first. A timer that is set for a later
    /// tick stays where it is and finds nothing to do.
    fn set_timer(&mut self, slot: u32, generation: u32) {
        let active_seconds = u64::from(self.config.active_seconds.get());
        let Some(flow) = self.flow_of(slot, generation) else {
            return;
        };
        let mut at = flow.since.plus_seconds(active_seconds);
        if flow.exported.untold_bytes > 0 {
            at = at.min(flow.exported.since.plus_seconds(EXPORT_SECONDS_DUE));
        }
        if flow.timer != at {
            flow.timer = at;
            self.timers.entry(at).or_default().push((slot, generation));
        }
    }

    fn fire(
        &mut self,
        slot: u32,
        generation: u32,
        tick: Tick,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let active_seconds = u64::from(self.config.active_seconds.get());
        let Some(flow) = self
            .flow_of(slot, generation)
            .filter(|flow| flow.timer == tick)
        else {
            return;
        };
        if flow.exported.untold_bytes > 0
            && tick >= flow.exported.since.plus_seconds(EXPORT_SECONDS_DUE)
        {
            tell_export(flow, events, Some(tick));
        }
        if tick >= flow.since.plus_seconds(active_seconds) {
            if flow.packets() > 0 {
                events(FlowEvent::Closed {
                    flow,
                    end: End::Active,
                    tick,
                });
            }
            flow.begin_record(tick);
        }
        flow.timer = Tick::default();
        self.set_timer(slot, generation);
    }

    fn close(
        &mut self,
        slot: u32,
        tick: Tick,
        end: Option<End>,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let Some(mut flow) = place.flow.take() else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        self.queues[flow.phase as usize].remove(&mut self.links, slot);
        self.index.remove(&flow.key);
        self.free.push(slot);
        tell_export(&mut flow, events, Some(tick));
        if flow.packets() > 0 {
            // Both sides may have closed it before it was taken away.
            let end = flow.closed_by().or(end).unwrap_or(End::Idle);
            events(FlowEvent::Closed {
                flow: &flow,
                end,
                tick,
            });
        }
    }
}

/// Tells the untold bytes, in the tick of the latest packet unless another is given.
fn tell_export(flow: &mut Flow, events: &mut impl FnMut(FlowEvent<'_>), tick: Option<Tick>) {
    let bytes = std::mem::take(&mut flow.exported.untold_bytes);
    if bytes > 0 {
        let tick = tick.unwrap_or(flow.last_tick);
        events(FlowEvent::Export { flow, bytes, tick });
    }
}
