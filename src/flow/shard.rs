//! One of the tables of flows: bounded, with its own timers.

mod evict;
mod tell;
mod time;

use std::sync::Arc;

use self::tell::named;
use crate::decode::{Facts, Fragment, Packet, TunnelPath};
use crate::dissect::{Application, Ping, Protection, Said, answers};
use crate::geo::Place;
use crate::time::Tick;

use super::beginnings::{Beginnings, Place as PiecePlace};
use super::cold::ColdStore;
use super::fragment::Fragments;
use super::index::Index;
use super::key::{CompactKey, KeyHasher};
use super::slot::{Phase, Slot, State};
use super::slots::Slots;
use super::wheel::Wheel;
use super::{End, Flow, FlowConfig, FlowEvent};

/// Export bytes of a flow after which they are told at the close of the tick.
pub const EXPORT_BYTES_DUE: u32 = 64 * 1024;

/// Seconds after which export bytes are told however few they are.
pub const EXPORT_SECONDS_DUE: u64 = 300;

/// A bounded table of flows.
///
/// Slots are reserved for the bound at the start and never move. When the table is full, a
/// new flow takes the place of one that has not come far (closing or half-open) and is due
/// soonest, or of a few others whose initiator's prefix holds more of them: a flood of
/// forged openings evicts itself, and first that of one network. Conversations give way only
/// where there is nothing else, or where they hold more than seven eighths of the table,
/// because new ones need room to become conversations.
#[derive(Debug)]
pub struct Shard {
    config: FlowConfig,
    flows_max: usize,
    /// The tick from which ticks are counted in here.
    base: Tick,
    /// The running tick.
    now: u32,
    /// All ticks up to this one have been gone through for what was due.
    passed: u32,
    hasher: KeyHasher,
    index: Index,
    slots: Slots,
    established: Wheel,
    /// Half-open and closing flows.
    embryonic: Wheel,
    /// Half-open flows by the prefix of their initiator, hashed.
    prefixes: Box<[u32; PREFIXES]>,
    cold: ColdStore,
    beginnings: Beginnings,
    /// What every conversation of DNS says of itself.
    said_of_dns: Arc<Said>,
    /// Paths of tunnels that flows came through; the first is that of none.
    tunnels: Vec<TunnelPath>,
    fragments: Fragments,
    /// Slots whose export is to be told at the close of the running tick.
    queued: Vec<u32>,
    evicted: u64,
    /// Which flows are looked at when one is to be evicted.
    sample: u64,
}

/// What a packet's flow is looked up by, made before the packet's turn so that the memory
/// of many packets is fetched at the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lookup {
    key: CompactKey,
    hash: u32,
    /// The slot that the index names for its hash, or one past all.
    slot: u32,
    is_low: bool,
}

impl Shard {
    /// Makes an empty table for at most `flows_max` flows.
    pub fn new(config: FlowConfig, flows_max: usize) -> Self {
        let flows_max = flows_max.clamp(1, FLOWS_MAX);
        let beginnings = Beginnings::new(config.keeps_content_class, config.keeps_words);
        Self {
            hasher: KeyHasher::new(config.by_vlan),
            config,
            flows_max,
            base: Tick::default(),
            now: 0,
            passed: 0,
            index: Index::new(INDEX_SLOTS.min(flows_max)),
            // A table that grew would stop the packets.
            slots: Slots::new(flows_max),
            established: Wheel::new(),
            embryonic: Wheel::new(),
            prefixes: Box::new([0; PREFIXES]),
            cold: ColdStore::default(),
            beginnings,
            said_of_dns: Arc::new(Said {
                application: Application::Dns,
                protection: Protection::Clear,
                ..Said::default()
            }),
            tunnels: vec![TunnelPath::default()],
            fragments: Fragments::default(),
            queued: Vec::new(),
            evicted: 0,
            sample: 0,
        }
    }

    /// Flows that are followed now.
    pub const fn len(&self) -> usize {
        self.established.len() + self.embryonic.len()
    }

    /// Whether no flow is followed.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flows that gave way to others since the beginning.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Prepares a packet's turn, first step: hashes its key, and has the index fetched.
    #[inline]
    pub fn hash(&self, packet: &Packet) -> Lookup {
        let (key, is_low) = self.hasher.key(packet);
        let hash = self.hasher.hash(&key);
        self.index.prefetch(hash);
        Lookup {
            key,
            hash,
            slot: u32::MAX,
            is_low,
        }
    }

    /// Second step: finds the slot, and has it fetched. Says whether there is one; else the
    /// packet will open a flow.
    #[inline]
    pub fn find_slot(&self, lookup: &mut Lookup) -> bool {
        let slot = self.index.candidate(lookup.hash);
        if let Some(slot) = slot {
            lookup.slot = slot;
            self.slots.prefetch(slot);
        }
        slot.is_some()
    }

    /// Third step, a little before the packet's turn: a flow that may be about to become a
    /// conversation leaves its place in the wheel, and its neighbours there hear of it. Says
    /// whether it is a flow of which nobody has asked yet where its ends are.
    #[inline]
    pub fn find_neighbours(&self, lookup: &Lookup) -> bool {
        if (lookup.slot as usize) < self.slots.len() {
            let flow = &self.slots[lookup.slot];
            if !flow.state.has(State::IN_ESTABLISHED) {
                self.slots.prefetch_links(flow.links.previous);
                self.slots.prefetch_links(flow.links.next);
            }
            return !flow.is_placed();
        }
        false
    }

    /// Beside the second step, for a packet that will be listened to: where that is which its
    /// flow has begun to say.
    #[inline]
    pub fn find_entry(&self, lookup: &Lookup) {
        self.beginnings.find_entry(lookup.slot);
    }

    /// Beside the third step: what it has begun to say.
    #[inline]
    pub fn find_beginning(&self, lookup: &Lookup) {
        self.beginnings.find(lookup.slot);
    }

    /// The first two steps for a packet whose turn it is.
    pub fn look_up(&self, packet: &Packet) -> Lookup {
        let mut lookup = self.hash(packet);
        self.find_slot(&mut lookup);
        lookup
    }

    /// Counts a packet in the running tick. `locate` is asked for the two ends of a flow
    /// when payload comes for the first time.
    #[inline]
    pub fn packet(
        &mut self,
        packet: &Packet,
        lookup: &Lookup,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        if packet.fragment() != Fragment::Whole {
            return self.fragment(packet, locate, events);
        }
        self.count(packet, lookup, locate, events);
    }

    /// Reads the payload of a packet that was just counted, if it is of a beginning.
    #[inline(never)]
    pub fn listen(
        &mut self,
        packet: &Packet,
        lookup: &Lookup,
        piece: &[u8],
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let Some(slot) = self.find(packet, lookup) else {
            return;
        };
        let (now, flow) = (self.absolute(self.now), &mut self.slots[slot]);
        let ends = [packet.src_address(), packet.dst_address()];
        let vlan = packet.vlan();
        if !packet.facts.has(Facts::PORTS) {
            if let Some(ping) = Ping::read(packet.protocol, packet.payload_bytes, piece) {
                events(FlowEvent::Echoed {
                    ends,
                    vlan,
                    ping,
                    tick: now,
                });
            }
            return;
        }
        let ports = [packet.src_port, packet.dst_port];
        let has_names = ports.contains(&DNS_PORT);
        // Of what cannot export nobody asks how it is protected, unless its record is written.
        if !self.config.keeps_words && flow.export().is_none() && !has_names {
            return;
        }
        flow.state.set(State::HEARD);
        let direction = usize::from(lookup.is_low != flow.src_is_low());
        let is_stream = packet.facts.has(Facts::TCP);
        let place = PiecePlace {
            slot,
            direction,
            ports: if direction == 0 {
                ports
            } else {
                [ports[1], ports[0]]
            },
            offset: is_stream.then(|| flow.stream_offset(direction, packet) as usize),
            time: packet.timestamp,
        };
        if is_stream || !has_names {
            self.beginnings.take(place, piece);
            self.tell_news(events);
            if has_names {
                self.tell_names((ends, vlan), direction, events);
            }
            return;
        }
        // Each message stands for itself.
        let Some(answered) = answers(piece) else {
            return;
        };
        self.beginnings.take_words(slot, &self.said_of_dns);
        self.tell_news(events);
        events(named((ends, vlan), answered, now));
    }

    /// Conversations whose beginning, or what it said, found no room.
    pub const fn unheard(&self) -> u64 {
        self.beginnings.dropped()
    }

    /// Ends all flows and forgets them: the input is over.
    pub fn finish(
        &mut self,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        self.end_fragments(locate, events);
        self.end(events);
        self.clear();
    }

    /// Counts the fragments that wait for others: the input is over.
    pub fn end_fragments(
        &mut self,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let mut freed = Vec::new();
        self.fragments.finish(&mut |packet| freed.push(*packet));
        self.count_freed(&freed, locate, events);
    }

    /// Ends all flows: no packet may come after. What they were can still be read, see
    /// [`Self::ended`], until [`Self::clear`].
    pub fn end(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        for slot in 0..self.slots.len() as u32 {
            if self.slots[slot].state.has(State::LIVE) {
                self.tell_end(slot, self.now, Some(End::EndOfInput), events);
            }
        }
    }

    /// Forgets all flows and gives their memory back.
    pub fn clear(&mut self) {
        *self = Self::new(self.config.clone(), self.flows_max).counting_from(self.evicted);
    }

    fn counting_from(self, evicted: u64) -> Self {
        Self { evicted, ..self }
    }

    // Left to itself, the compiler changes its mind with every change elsewhere: 3 % of all
    // instructions.
    #[inline(always)]
    fn count(
        &mut self,
        packet: &Packet,
        lookup: &Lookup,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let mut slot = self.find(packet, lookup);
        if let Some(found) = slot
            && self.slots[found].is_reopened_by(packet)
        {
            self.close(found, self.now, None, events);
            slot = None;
        }
        let slot = slot.unwrap_or_else(|| self.open(packet, lookup, events));
        if self.slots[slot].is_full(packet) {
            self.tell_export(slot, self.now, false, events);
        }
        let flow = &mut self.slots[slot];
        let (state, untold_bytes) = (flow.state, flow.untold_bytes);
        flow.add(packet, lookup.is_low, self.now, &mut self.cold, locate);
        let is_large = flow.untold_bytes >= EXPORT_BYTES_DUE && untold_bytes < EXPORT_BYTES_DUE;
        if is_large || flow.state != state || (untold_bytes == 0) != (flow.untold_bytes == 0) {
            self.note_change(slot, state);
        }
    }

    #[cold]
    fn fragment(
        &mut self,
        packet: &Packet,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let mut freed = Vec::new();
        let give = &mut |packet: &Packet| freed.push(*packet);
        self.fragments.take(packet, self.now, give);
        self.count_freed(&freed, locate, events);
    }

    /// Counts fragments whose flow is known now.
    #[cold]
    fn count_freed(
        &mut self,
        freed: &[Packet],
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        for packet in freed {
            let lookup = self.look_up(packet);
            self.count(packet, &lookup, locate, events);
        }
    }

    #[inline(always)]
    fn find(&self, packet: &Packet, lookup: &Lookup) -> Option<u32> {
        let is_key = |slot: u32| self.slots.is(slot, &lookup.key, packet, &self.hasher);
        if (lookup.slot as usize) < self.slots.len() && is_key(lookup.slot) {
            return Some(lookup.slot);
        }
        self.index.find(lookup.hash, is_key)
    }

    fn open(
        &mut self,
        packet: &Packet,
        lookup: &Lookup,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) -> u32 {
        if self.len() >= self.flows_max {
            self.evict(events);
        }
        if self.len() >= self.index.room() {
            // A small index is worth it, because it stays in the cache; a shard is a small
            // part of all, so that the pause is short.
            self.index.grow();
        }
        let tunnel = self.tunnel(packet.tunnel);
        let flow = Slot::open(lookup.key, packet, lookup.is_low, self.now, tunnel);
        let slot = self.slots.insert(flow, packet);
        self.count_opening(slot);
        self.index.insert(lookup.hash, slot);
        let due = self
            .now
            .saturating_add(self.silent_seconds(Phase::HalfOpen));
        self.embryonic
            .insert(&mut self.slots, slot, due, self.passed);
        slot
    }

    /// The number of a path of tunnels; past the last there are, all are told as none.
    fn tunnel(&mut self, path: TunnelPath) -> u8 {
        if path == TunnelPath::default() {
            return 0;
        }
        let known = self.tunnels.iter().position(|known| *known == path);
        let place = known.unwrap_or_else(|| {
            if self.tunnels.len() <= usize::from(u8::MAX) {
                self.tunnels.push(path);
                self.tunnels.len() - 1
            } else {
                0
            }
        });
        place as u8
    }

    /// Looks at what a packet has changed of its flow beside its counts.
    fn note_change(&mut self, slot: u32, before: State) {
        let flow = &mut self.slots[slot];
        let is_over = flow.closed_by().is_some();
        let is_due = flow.untold_bytes >= EXPORT_BYTES_DUE || (is_over && flow.untold_bytes > 0);
        if is_due && !flow.state.has(State::QUEUED) {
            flow.state.set(State::QUEUED);
            self.queued.push(slot);
        }
        if flow.phase() != Phase::HalfOpen && before.has(State::COUNTED) {
            self.uncount(slot);
        }
        if self.queued.len() > 2 * self.flows_max {
            self.tidy_queue();
        }
        let due = self.due(slot);
        let flow = &self.slots[slot];
        let is_established = flow.phase() == Phase::Established;
        if due < flow.links.due || is_established != flow.state.has(State::IN_ESTABLISHED) {
            self.disarm(slot);
            self.arm(slot, due, self.passed);
        }
    }

    /// Takes out of the queue what has ended since, so that it stays bounded however long a
    /// tick is.
    #[cold]
    fn tidy_queue(&mut self) {
        let slots = &self.slots;
        let is_queued = |slot: &u32| slots[*slot].state.has(State::QUEUED);
        self.queued.retain(is_queued);
        self.queued.sort_unstable();
        self.queued.dedup();
    }

    fn close(
        &mut self,
        slot: u32,
        tick: u32,
        end: Option<End>,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        self.tell_end(slot, tick, end, events);
        self.uncount(slot);
        self.disarm(slot);
        let hash = self.hasher.hash(&self.slots[slot].key);
        self.index.remove(hash, slot);
        if self.slots[slot].state.has(State::HEARD) {
            self.beginnings.forget(slot);
        }
        self.slots.free(slot, &mut self.cold);
    }
}

/// Where name servers answer from.
const DNS_PORT: u16 = 53;

/// Flows that the index has room for at the start.
const INDEX_SLOTS: usize = 256;

/// Counts of half-open flows by prefix.
const PREFIXES: usize = 1_024;

/// Flows of one shard, at most: the index has room for so many slots beside its tags.
pub const FLOWS_MAX: usize = 1 << 24;
