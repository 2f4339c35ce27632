//! A flow as the table holds it: two cache lines.

mod tcp;

use std::net::IpAddr;

use crate::decode::{Facts, Packet, TcpSegment};
use crate::geo::{Place, Side};
use crate::time::Timestamp;

use super::cold::ColdStore;
use super::key::CompactKey;
use super::record::{Direction, End, Traffic};
use super::wheel::Links;

/// Both directions of one conversation, as compact as they are exact.
///
/// The first line finds the flow, says when it is due and follows TCP, the second counts. A
/// packet touches both; a batch of packets fetches them from memory at the same time. What
/// few flows need is in [`ColdStore`], and IPv6 addresses are beside the slots.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) key: CompactKey,
    first: Timestamp,
    last: Timestamp,
    pub(super) links: Links,
    pub(super) state: State,
    /// The tick of the latest packet, in the order of arrival.
    pub(super) last_tick: u32,
    pub(super) untold_bytes: u32,
    /// Per direction, the sequence number behind the highest byte seen.
    next: [u32; 2],

    traffic: [Counts; 2],
    /// Per direction, the number behind that of the SYN.
    began: [u32; 2],
    /// The tick in which this record began.
    pub(super) since: u32,
    /// The tick of the first byte of an untold export.
    pub(super) untold_since: u32,
    round_trip_nanos: u32,
    /// Where its cold part is, if it has one.
    cold: u32,
    peer: Place,
}

const _: () = assert!(size_of::<Slot>() == 128);

/// What one direction has carried. What does not fit, and payload that TCP sent again, is
/// in the cold part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) packets: u32,
    pub(super) wire_bytes: u32,
    pub(super) ip_bytes: u32,
    pub(super) payload_bytes: u32,
}

impl Counts {
    /// Adds a packet, or says that a sum would not fit.
    #[inline]
    const fn add(&mut self, packet: &Packet) -> bool {
        let (packets, a) = self.packets.overflowing_add(1);
        let (wire_bytes, b) = self.wire_bytes.overflowing_add(packet.wire_bytes);
        let (ip_bytes, c) = self.ip_bytes.overflowing_add(packet.ip_bytes);
        let (payload_bytes, d) = self.payload_bytes.overflowing_add(packet.payload_bytes);
        let fits = !(a | b | c | d);
        if fits {
            *self = Self {
                packets,
                wire_bytes,
                ip_bytes,
                payload_bytes,
            };
        }
        fits
    }
}

/// A set of bits about a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State(u32);

impl State {
    /// The slot holds a flow.
    pub(super) const LIVE: u32 = 1;
    /// It stands in the wheel of established flows.
    pub(super) const IN_ESTABLISHED: u32 = 1 << 1;
    /// A record of it has begun.
    pub(super) const RUNNING: u32 = 1 << 2;
    /// The initiator has spoken after the other side.
    pub(super) const ESTABLISHED: u32 = 1 << 3;
    /// An event has told of its exports before.
    pub(super) const TOLD: u32 = 1 << 4;
    /// It waits for the close of the tick to be told.
    pub(super) const QUEUED: u32 = 1 << 5;
    /// The initiator is the `low` end.
    const SRC_IS_LOW: u32 = 1 << 6;
    /// It counts among the half-open flows of its initiator's prefix.
    pub(super) const COUNTED: u32 = 1 << 21;
    const MIDSTREAM: u32 = 1 << 7;
    const PORTS: u32 = 1 << 8;
    /// Where its ends are has been asked.
    const PLACED: u32 = 1 << 9;
    const EXPORTS_FORWARD: u32 = 1 << 10;
    const EXPORTS_REVERSE: u32 = 1 << 11;
    const RESET: u32 = 1 << 12;
    const SYN: u32 = 1 << 13;
    const SYN_ACK: u32 = 1 << 14;
    const HANDSHAKE_REPEATED: u32 = 1 << 15;
    const ROUND_TRIP: u32 = 1 << 16;
    /// A bit for each direction, from this one on.
    const FIN: u32 = 1 << 17;
    /// A bit for each direction, from this one on.
    const SEQUENCE: u32 = 1 << 19;
    /// A packet has overlapped with other data.
    const OVERLAP: u32 = 1 << 22;
    /// What it says of itself is being read, or has been.
    pub(super) const HEARD: u32 = 1 << 23;
    /// Eight bits from this one on are a number.
    const TUNNEL: u32 = 24;

    pub(super) const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    pub(super) const fn set(&mut self, bits: u32) {
        self.0 |= bits;
    }

    pub(super) const fn clear(&mut self, bits: u32) {
        self.0 &= !bits;
    }

    /// The number of the path of tunnels, which the upper bits hold.
    pub(super) const fn tunnel(self) -> usize {
        (self.0 >> Self::TUNNEL) as usize
    }
}

/// No cold part.
const NONE: u32 = u32::MAX;

/// How far a conversation has come. Eviction takes from the last of these first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The initiator has spoken after the other side.
    Established,
    /// Only one side has spoken, or the other has answered and no more.
    HalfOpen,
    /// FIN of both sides, or RST.
    Closing,
}

impl Slot {
    /// Begins a flow with its first packet, which [`Slot::add`] must then count.
    pub(super) fn open(
        key: CompactKey,
        packet: &Packet,
        is_low: bool,
        tick: u32,
        tunnel: u8,
    ) -> Self {
        let tcp = packet.tcp();
        let is_opening = tcp.is_some_and(|tcp| tcp.has(TcpSegment::SYN));
        // A SYN/ACK is the answer to an opening that was not seen: the receiver began.
        let is_answer = tcp.is_some_and(|tcp| tcp.has(TcpSegment::SYN | TcpSegment::ACK));
        let mut state = State(State::LIVE | u32::from(tunnel) << State::TUNNEL);
        if is_low != is_answer {
            state.set(State::SRC_IS_LOW);
        }
        if tcp.is_some() && !is_opening {
            state.set(State::MIDSTREAM);
        }
        if packet.has_ports() {
            state.set(State::PORTS);
        }
        Self {
            key,
            first: packet.timestamp,
            last: packet.timestamp,
            links: Links::default(),
            state,
            last_tick: tick,
            untold_bytes: 0,
            next: [0; 2],
            traffic: [Counts::default(); 2],
            began: [0; 2],
            since: tick,
            untold_since: 0,
            round_trip_nanos: 0,
            cold: NONE,
            peer: Place::LOCAL,
        }
    }

    /// Whether the initiator is the low end.
    pub(super) const fn src_is_low(&self) -> bool {
        self.state.has(State::SRC_IS_LOW)
    }

    pub(super) const fn phase(&self) -> Phase {
        if self.closed_by().is_some() {
            Phase::Closing
        } else if self.state.has(State::ESTABLISHED) {
            Phase::Established
        } else {
            Phase::HalfOpen
        }
    }

    /// How the connection was ended by its ends, if it was.
    pub(super) const fn closed_by(&self) -> Option<End> {
        if self.state.has(State::RESET) {
            Some(End::Rst)
        } else if self.state.has(State::FIN | (State::FIN << 1)) {
            Some(End::Fin)
        } else {
            None
        }
    }

    /// Whether `packet` opens a new connection on the ends of this one, which is over.
    pub(super) const fn is_reopened_by(&self, packet: &Packet) -> bool {
        let opening = TcpSegment::SYN | TcpSegment::ACK;
        packet.tcp_flags & opening == TcpSegment::SYN && self.closed_by().is_some()
    }

    /// Whether the running record has any packets.
    pub(super) const fn has_packets(&self) -> bool {
        self.traffic[0].packets > 0 || self.traffic[1].packets > 0
    }

    /// Counts a packet of this flow in the running tick. `locate` is asked once for the
    /// two ends, when payload comes for the first time.
    #[inline]
    pub(super) fn add(
        &mut self,
        packet: &Packet,
        is_low: bool,
        tick: u32,
        cold: &mut ColdStore,
        locate: &impl Fn(IpAddr) -> Place,
    ) {
        let direction = usize::from(is_low != self.src_is_low());
        if !self.state.has(State::RUNNING) {
            self.state.set(State::RUNNING);
            (self.first, self.last, self.since) = (packet.timestamp, packet.timestamp, tick);
        }
        self.first = self.first.min(packet.timestamp);
        self.last = self.last.max(packet.timestamp);
        self.last_tick = tick;
        if !self.traffic[direction].add(packet) {
            self.carry(direction, packet, cold);
        }
        if packet.facts.has(Facts::OVERLAP) {
            self.state.set(State::OVERLAP);
        }
        let mut unique_bytes = packet.payload_bytes;
        if packet.facts.has(Facts::TCP) {
            unique_bytes = self.follow(direction, packet, cold);
        }
        self.speak(direction, packet);
        if unique_bytes > 0 {
            if !self.state.has(State::PLACED) {
                self.place(direction, packet, locate);
            }
            if self.state.has(State::EXPORTS_FORWARD << direction) {
                if self.untold_bytes == 0 {
                    self.untold_since = tick;
                    self.note_vlan(packet);
                }
                self.untold_bytes = self.untold_bytes.saturating_add(unique_bytes);
            }
        }
    }

    /// Takes the tag with which the asset sends for that of the flow: mirror ports often take the
    /// tag off one of the directions. Where VLANs tell flows apart the tag is the same.
    const fn note_vlan(&mut self, packet: &Packet) {
        if packet.vlan_id != 0 {
            self.key.rest = self.key.rest.in_vlan(packet.vlan_id);
        }
    }

    /// Whether a packet's export might not fit beside what is untold.
    #[inline]
    pub(super) const fn is_full(&self, packet: &Packet) -> bool {
        self.untold_bytes
            .checked_add(packet.payload_bytes)
            .is_none()
    }

    /// Counts a packet with which a sum no longer fits, after what there is has gone to the
    /// cold part.
    #[cold]
    fn carry(&mut self, direction: usize, packet: &Packet, cold: &mut ColdStore) {
        let counts = std::mem::take(&mut self.traffic[direction]);
        let cold = cold.get_or_make(&mut self.cold);
        cold.carried[direction].add(&counts);
        self.traffic[direction].add(packet);
    }

    /// Ends the record of a flow that goes on; the next begins with its next packet.
    pub(super) fn end_record(&mut self, cold: &mut ColdStore) {
        self.traffic = [Counts::default(); 2];
        self.state.clear(State::RUNNING);
        // What is missing is told once; what comes this late counts as repeated.
        cold.forget(self.cold);
    }

    /// Gives back what belongs to it elsewhere.
    pub(super) fn clear(&mut self, cold: &mut ColdStore) {
        self.state = State::default();
        self.key = CompactKey::default();
        cold.free(self.cold);
    }

    /// What one direction has carried in the running record.
    #[inline]
    pub(super) fn traffic(&self, direction: usize, cold: &ColdStore) -> Traffic {
        let counts = &self.traffic[direction];
        let mut traffic = Traffic {
            packets: counts.packets.into(),
            wire_bytes: counts.wire_bytes.into(),
            ip_bytes: counts.ip_bytes.into(),
            payload_bytes: counts.payload_bytes.into(),
            unique_bytes: counts.payload_bytes.into(),
            missing_bytes: 0,
        };
        if let Some(cold) = cold.get(self.cold) {
            cold.add_to(&mut traffic, direction);
        }
        traffic
    }

    /// The direction of an export, if there can be one.
    pub(super) const fn export(&self) -> Option<Direction> {
        if self.state.has(State::EXPORTS_FORWARD) {
            Some(Direction::Forward)
        } else if self.state.has(State::EXPORTS_REVERSE) {
            Some(Direction::Reverse)
        } else {
            None
        }
    }

    /// Whether it is known where its ends are.
    pub(super) const fn is_placed(&self) -> bool {
        self.state.has(State::PLACED)
    }

    /// Where the foreign peer is, if it exports.
    pub(super) const fn peer(&self) -> Place {
        self.peer
    }

    /// Earliest and latest packet of the running record.
    pub(super) const fn span(&self) -> (Timestamp, Timestamp) {
        (self.first, self.last)
    }

    /// Where in its stream the payload of a packet stands, which has been counted; at most
    /// [`u32::MAX`], also of what came before the beginning that is known.
    pub(super) const fn stream_offset(&self, direction: usize, packet: &Packet) -> u32 {
        let begins = packet.tcp_flags & TcpSegment::SYN != 0;
        let sequence = packet.sequence.wrapping_add(begins as u32);
        sequence.wrapping_sub(self.began[direction])
    }

    /// Whether packets carried ports.
    pub(super) const fn has_ports(&self) -> bool {
        self.state.has(State::PORTS)
    }

    /// Whether this is TCP whose opening was not seen.
    pub(super) const fn is_midstream(&self) -> bool {
        self.state.has(State::MIDSTREAM)
    }

    /// Whether a packet has overlapped with other data.
    pub(super) const fn has_overlap(&self) -> bool {
        self.state.has(State::OVERLAP)
    }

    /// The round trip of the handshake, if it tells one.
    pub(super) fn round_trip_nanos(&self) -> Option<u32> {
        let is_told =
            self.state.has(State::ROUND_TRIP) && !self.state.has(State::HANDSHAKE_REPEATED);
        is_told.then_some(self.round_trip_nanos)
    }

    /// Takes how long the answer to a hello over UDP took, from and to where the sensor is: a round
    /// trip to whoever answers, unless that is an asset.
    pub(super) fn answer(&mut self, nanos: u32) {
        if !self.state.has(State::EXPORTS_REVERSE) {
            self.state.set(State::ROUND_TRIP);
            self.round_trip_nanos = nanos;
        }
    }

    /// Export is payload from a home asset to a foreign peer, whoever opened the connection.
    fn place(&mut self, direction: usize, packet: &Packet, locate: &impl Fn(IpAddr) -> Place) {
        self.state.set(State::PLACED);
        let (sender, receiver) = (locate(packet.src_address()), locate(packet.dst_address()));
        let (src, dst) = if direction == 0 {
            (sender, receiver)
        } else {
            (receiver, sender)
        };
        match (src.side, dst.side) {
            (Side::Home, Side::Foreign) => {
                self.state.set(State::EXPORTS_FORWARD);
                self.peer = dst;
            }
            (Side::Foreign, Side::Home) => {
                self.state.set(State::EXPORTS_REVERSE);
                self.peer = src;
            }
            _ => {}
        }
    }

    /// Moves on once the initiator speaks after an answer. An answer is not enough: a flood
    /// of forged openings is answered too, and would pass for conversations.
    #[inline]
    const fn speak(&mut self, direction: usize, packet: &Packet) {
        let goes_on = direction == 0 && packet.tcp_flags & TcpSegment::SYN == 0;
        if goes_on && self.traffic[1].packets > 0 {
            self.state.set(State::ESTABLISHED);
        }
    }
}
