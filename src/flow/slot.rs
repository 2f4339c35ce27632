//! A flow as the table holds it: three cache lines.

mod tcp;

use crate::decode::{Facts, Packet, TcpSegment, TunnelPath, address};
use crate::geo::{Place, Side};
use crate::time::Timestamp;

use super::cold::ColdStore;
use super::key::FlowKey;
use super::record::{Direction, End, Endpoint, Flow, Traffic};
use super::wheel::Links;

/// Both directions of one conversation, as compact as they are exact.
///
/// The first line finds the flow and says when it is due, the second counts, the third
/// follows TCP and exports. A packet touches all three; a batch of packets fetches them
/// from memory at the same time. What few flows need is in [`ColdStore`].
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Slot {
    low: u128,
    high: u128,
    last: Timestamp,
    pub(super) links: Links,
    low_port: u16,
    high_port: u16,
    vlan: u16,
    protocol: u8,
    is_ipv6: bool,
    pub(super) state: State,

    traffic: [Counts; 2],

    first: Timestamp,
    pub(super) untold_bytes: u64,
    /// Per direction, the sequence number behind the highest byte seen.
    next: [u32; 2],
    /// Per direction, the number behind that of the SYN.
    began: [u32; 2],
    /// The tick of the latest packet, in the order of arrival.
    pub(super) last_tick: u32,
    /// The tick in which this record began.
    pub(super) since: u32,
    /// The tick of the first byte of an untold export.
    pub(super) untold_since: u32,
    round_trip_nanos: u32,
    /// Where its cold part is, if it has one.
    cold: u32,
    peer: Place,
    tunnel: u8,
}

const _: () = assert!(size_of::<Slot>() == 192);

/// What one direction has carried. Payload that TCP sent again is in the cold part.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    packets: u64,
    wire_bytes: u64,
    ip_bytes: u64,
    payload_bytes: u64,
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
    /// Both sides have spoken, of TCP the initiator also after the other.
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

    pub(super) const fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }

    pub(super) const fn set(&mut self, bits: u32) {
        self.0 |= bits;
    }

    pub(super) const fn clear(&mut self, bits: u32) {
        self.0 &= !bits;
    }
}

/// No cold part.
const NONE: u32 = u32::MAX;

/// How far a conversation has come. Eviction takes from the last of these first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides have spoken.
    Established,
    /// Only one side has spoken, or an opening was answered and no more.
    HalfOpen,
    /// FIN of both sides, or RST.
    Closing,
}

impl Slot {
    /// Begins a flow with its first packet, which [`Slot::add`] must then count.
    pub(super) fn open(
        key: &FlowKey,
        packet: &Packet,
        is_low: bool,
        tick: u32,
        tunnel: u8,
    ) -> Self {
        let tcp = packet.tcp();
        let is_opening = tcp.is_some_and(|tcp| tcp.has(TcpSegment::SYN));
        // A SYN/ACK is the answer to an opening that was not seen: the receiver began.
        let is_answer = tcp.is_some_and(|tcp| tcp.has(TcpSegment::SYN | TcpSegment::ACK));
        let mut state = State(State::LIVE);
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
            low: key.low,
            high: key.high,
            last: packet.timestamp,
            links: Links::default(),
            low_port: key.low_port,
            high_port: key.high_port,
            vlan: packet.vlan_id,
            protocol: key.protocol,
            is_ipv6: key.is_ipv6,
            state,
            traffic: [Counts::default(); 2],
            first: packet.timestamp,
            untold_bytes: 0,
            next: [0; 2],
            began: [0; 2],
            last_tick: tick,
            since: tick,
            untold_since: 0,
            round_trip_nanos: 0,
            cold: NONE,
            peer: Place::LOCAL,
            tunnel,
        }
    }

    /// Whether this is the flow of a key.
    #[inline]
    pub(super) fn is(&self, key: &FlowKey, by_vlan: bool) -> bool {
        self.low == key.low
            && self.high == key.high
            && self.low_port == key.low_port
            && self.high_port == key.high_port
            && self.protocol == key.protocol
            && self.is_ipv6 == key.is_ipv6
            && (!by_vlan || self.vlan == key.vlan)
            && self.state.has(State::LIVE)
    }

    /// Its key.
    pub(super) const fn key(&self, by_vlan: bool) -> FlowKey {
        FlowKey {
            low: self.low,
            high: self.high,
            low_port: self.low_port,
            high_port: self.high_port,
            vlan: if by_vlan { self.vlan } else { 0 },
            protocol: self.protocol,
            is_ipv6: self.is_ipv6,
        }
    }

    /// The address of the initiator, as 128 bits.
    pub(super) const fn src(&self) -> u128 {
        if self.state.has(State::SRC_IS_LOW) {
            self.low
        } else {
            self.high
        }
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

    /// Packets of the running record.
    pub(super) const fn packets(&self) -> u64 {
        self.traffic[0].packets + self.traffic[1].packets
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
        locate: impl FnOnce(&Self) -> [Place; 2],
    ) {
        let direction = usize::from(is_low != self.state.has(State::SRC_IS_LOW));
        if !self.state.has(State::RUNNING) {
            self.state.set(State::RUNNING);
            (self.first, self.last, self.since) = (packet.timestamp, packet.timestamp, tick);
        }
        self.first = self.first.min(packet.timestamp);
        self.last = self.last.max(packet.timestamp);
        self.last_tick = tick;
        let counts = &mut self.traffic[direction];
        counts.packets += 1;
        counts.wire_bytes += u64::from(packet.wire_bytes);
        counts.ip_bytes += u64::from(packet.ip_bytes);
        counts.payload_bytes += u64::from(packet.payload_bytes);
        let mut unique_bytes = packet.payload_bytes;
        if packet.facts.has(Facts::TCP) {
            unique_bytes = self.follow(direction, packet, cold);
        }
        self.speak(direction, packet);
        if unique_bytes > 0 {
            if !self.state.has(State::PLACED) {
                self.place(locate);
            }
            if self.state.has(State::EXPORTS_FORWARD << direction) {
                if self.untold_bytes == 0 {
                    self.untold_since = tick;
                }
                self.untold_bytes += u64::from(unique_bytes);
            }
        }
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
        cold.free(self.cold);
    }

    /// The flow as it is told, its VLAN by what the table tells flows apart by.
    pub(super) fn told(&self, by_vlan: bool, cold: &ColdStore, tunnels: &[TunnelPath]) -> Flow {
        let low = self.endpoint(self.low, self.low_port);
        let high = self.endpoint(self.high, self.high_port);
        let (src, dst) = if self.state.has(State::SRC_IS_LOW) {
            (low, high)
        } else {
            (high, low)
        };
        let traffic = |direction: usize| {
            let counts = &self.traffic[direction];
            let cold = cold.get(self.cold);
            let repeated_bytes = cold.map_or(0, |cold| cold.repeated_bytes[direction]);
            Traffic {
                packets: counts.packets,
                wire_bytes: counts.wire_bytes,
                ip_bytes: counts.ip_bytes,
                payload_bytes: counts.payload_bytes,
                unique_bytes: counts.payload_bytes - repeated_bytes,
                missing_bytes: cold.map_or(0, |cold| cold.holes[direction].bytes()),
            }
        };
        let export = if self.state.has(State::EXPORTS_FORWARD) {
            Some(Direction::Forward)
        } else if self.state.has(State::EXPORTS_REVERSE) {
            Some(Direction::Reverse)
        } else {
            None
        };
        let has_round_trip =
            self.state.has(State::ROUND_TRIP) && !self.state.has(State::HANDSHAKE_REPEATED);
        Flow {
            key: self.key(by_vlan),
            src,
            dst,
            has_ports: self.state.has(State::PORTS),
            midstream: self.state.has(State::MIDSTREAM),
            vlan: (self.vlan != 0).then_some(self.vlan),
            tunnel: tunnels
                .get(usize::from(self.tunnel))
                .copied()
                .unwrap_or_default(),
            first: self.first,
            last: self.last,
            forward: traffic(0),
            reverse: traffic(1),
            export,
            peer: self.peer,
            round_trip_nanos: has_round_trip.then_some(self.round_trip_nanos),
        }
    }

    fn endpoint(&self, address: u128, port: u16) -> Endpoint {
        Endpoint {
            address: crate::decode::address(address, self.is_ipv6),
            port,
        }
    }

    /// Both ends, the initiator first.
    pub(super) fn ends(&self) -> [u128; 2] {
        if self.state.has(State::SRC_IS_LOW) {
            [self.low, self.high]
        } else {
            [self.high, self.low]
        }
    }

    pub(super) const fn is_ipv6(&self) -> bool {
        self.is_ipv6
    }

    /// Export is payload from a home asset to a foreign peer, whoever opened the connection.
    #[cold]
    fn place(&mut self, locate: impl FnOnce(&Self) -> [Place; 2]) {
        self.state.set(State::PLACED);
        let [src, dst] = locate(self);
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

    /// Moves on once both sides have spoken. A SYN that is answered is not enough: a flood
    /// of forged ones is answered too, and would pass for conversations.
    #[inline]
    fn speak(&mut self, direction: usize, packet: &Packet) {
        let other = self.traffic[1 - direction].packets > 0;
        let goes_on = direction == 0 && packet.tcp_flags & TcpSegment::SYN == 0;
        let is_enough = self.protocol != TCP || goes_on;
        if other && is_enough {
            self.state.set(State::ESTABLISHED);
        }
    }
}

/// IANA protocol number of TCP.
const TCP: u8 = 6;
