//! What is known of one conversation.

use std::net::IpAddr;

use crate::decode::{Fragment, Packet, TcpSegment};
use crate::geo::{Place, Side};
use crate::time::{Tick, Timestamp};

use super::FlowKey;
use super::sequence::SequenceTracker;

/// An address and a port; the port is 0 where the protocol has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IP address.
    pub address: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

/// One of the two directions of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the initiator.
    Forward,
    /// Towards the initiator.
    Reverse,
}

/// What one direction of a flow has carried. Bytes of headers and payload, never cut by a
/// snap length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Original lengths of the records, link layer included.
    pub wire_bytes: u64,
    /// Lengths that the IP headers state.
    pub ip_bytes: u64,
    /// Bytes behind the transport headers.
    pub payload_bytes: u64,
    /// Payload less what TCP sent again.
    pub unique_bytes: u64,
}

impl Traffic {
    fn add(&mut self, packet: &Packet, unique_bytes: u32) {
        self.packets += 1;
        self.wire_bytes += u64::from(packet.wire_bytes);
        self.ip_bytes += u64::from(packet.ip_bytes);
        self.payload_bytes += u64::from(packet.payload_bytes);
        self.unique_bytes += u64::from(unique_bytes);
    }
}

/// Why a flow record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides sent FIN.
    Fin,
    /// One side sent RST.
    Rst,
    /// No packet for the idle time.
    Idle,
    /// The active time is over; the flow goes on in a new record.
    Active,
    /// It gave way to another flow when the table was full.
    Evicted,
    /// The input ended.
    EndOfInput,
}

impl End {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Evicted => "evicted",
            Self::EndOfInput => "end_of_input",
        }
    }
}

/// The times of a TCP handshake, as seen at the sensor.
///
/// From SYN to SYN/ACK is the round trip between sensor and responder, from there to the
/// ACK the one between sensor and initiator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    syn: Option<Timestamp>,
    syn_ack: Option<Timestamp>,
    round_trip_nanos: Option<u64>,
    repeated: bool,
}

impl Handshake {
    /// Nanoseconds from one end to the other and back, if SYN, SYN/ACK and ACK were each
    /// seen once. After a repeated SYN it cannot be told which one was answered (Karn and
    /// Partridge 1987), so there is none.
    pub const fn round_trip_nanos(&self) -> Option<u64> {
        if self.repeated {
            None
        } else {
            self.round_trip_nanos
        }
    }

    fn observe(&mut self, direction: Direction, segment: TcpSegment, at: Timestamp) {
        let syn = segment.has(TcpSegment::SYN);
        match direction {
            Direction::Forward if syn => {
                self.repeated |= self.syn.is_some();
                self.syn = Some(at);
            }
            Direction::Reverse if syn && segment.has(TcpSegment::ACK) => {
                self.repeated |= self.syn_ack.is_some();
                self.syn_ack = Some(at);
            }
            Direction::Forward
                if segment.has(TcpSegment::ACK) && self.round_trip_nanos.is_none() =>
            {
                if let (Some(syn), Some(_)) = (self.syn, self.syn_ack) {
                    self.round_trip_nanos = Some(at.nanos_since(syn));
                }
            }
            _ => {}
        }
    }
}

/// How far a conversation has come. Eviction takes from the last of these first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Both sides have spoken.
    Established,
    /// Only one side has spoken.
    HalfOpen,
    /// FIN of both sides, or RST.
    Closing,
}

/// Both directions of one conversation.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its key in the table.
    pub key: FlowKey,
    /// The initiator, or the first sender seen where `midstream`.
    pub src: Endpoint,
    /// The other side.
    pub dst: Endpoint,
    /// Where the initiator is.
    pub src_place: Place,
    /// Where the other side is.
    pub dst_place: Place,
    /// Whether packets carried ports.
    pub has_ports: bool,
    /// TCP whose opening was not seen.
    pub midstream: bool,
    /// VLAN of the first packet.
    pub vlan: Option<u16>,
    /// Earliest packet of this record.
    pub first: Timestamp,
    /// Latest packet of this record.
    pub last: Timestamp,
    /// From the initiator.
    pub forward: Traffic,
    /// To the initiator.
    pub reverse: Traffic,
    /// The direction, if any, in which payload leaves a home asset for a foreign peer.
    pub export: Option<Direction>,
    /// Times of the TCP handshake.
    pub handshake: Handshake,
    pub(super) exported: Exported,
    pub(super) phase: Phase,
    /// The tick of the latest packet, in the order of arrival.
    pub(super) last_tick: Tick,
    /// Whether the flow stands in the queue of records that run.
    pub(super) is_running: bool,
    /// When this record began.
    pub(super) since: Tick,
    forward_sequence: SequenceTracker,
    reverse_sequence: SequenceTracker,
    closing: Closing,
}

/// Export bytes that no event has told yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exported {
    pub(super) untold_bytes: u64,
    pub(super) since: Tick,
    /// Whether an event has told of this flow before.
    pub(super) told: bool,
}

/// Which ends of a TCP connection have been closed.
#[derive(Clone, Copy, Debug, Default)]
struct Closing {
    forward_fin: bool,
    reverse_fin: bool,
    reset: bool,
}

impl Flow {
    /// Begins a flow with its first packet, which [`Flow::add`] must then count.
    pub(super) fn new(key: FlowKey, packet: &Packet, tick: Tick, places: [Place; 2]) -> Self {
        let sender = Endpoint {
            address: packet.src_address(),
            port: packet.src_port,
        };
        let receiver = Endpoint {
            address: packet.dst_address(),
            port: packet.dst_port,
        };
        let opening = packet.tcp().map(|segment| segment.has(TcpSegment::SYN));
        // A SYN/ACK is the answer to an opening that was not seen: the receiver began.
        let answered = packet
            .tcp()
            .is_some_and(|tcp| tcp.has(TcpSegment::SYN | TcpSegment::ACK));
        let [sender_place, receiver_place] = places;
        let (src, dst, src_place, dst_place) = if answered {
            (receiver, sender, receiver_place, sender_place)
        } else {
            (sender, receiver, sender_place, receiver_place)
        };
        Self {
            key,
            src,
            dst,
            src_place,
            dst_place,
            has_ports: packet.has_ports(),
            midstream: opening == Some(false),
            vlan: packet.vlan(),
            first: packet.timestamp,
            last: packet.timestamp,
            forward: Traffic::default(),
            reverse: Traffic::default(),
            export: export_direction(src_place.side, dst_place.side),
            handshake: Handshake::default(),
            exported: Exported::default(),
            phase: Phase::HalfOpen,
            last_tick: tick,
            is_running: false,
            since: tick,
            forward_sequence: SequenceTracker::default(),
            reverse_sequence: SequenceTracker::default(),
            closing: Closing::default(),
        }
    }

    /// IANA protocol number.
    pub const fn protocol(&self) -> u8 {
        self.key.protocol
    }

    /// Packets of this record, both directions.
    pub const fn packets(&self) -> u64 {
        self.forward.packets + self.reverse.packets
    }

    /// The asset's end and the foreign end, if this flow can carry an export.
    pub const fn export_ends(&self) -> Option<(Endpoint, Endpoint, Place)> {
        match self.export {
            Some(Direction::Forward) => Some((self.src, self.dst, self.dst_place)),
            Some(Direction::Reverse) => Some((self.dst, self.src, self.src_place)),
            None => None,
        }
    }

    /// Whether `packet` opens a new connection on the endpoints of this one, which is over.
    pub(super) fn is_reopened_by(&self, packet: &Packet) -> bool {
        let opens = packet
            .tcp()
            .is_some_and(|tcp| tcp.has(TcpSegment::SYN) && !tcp.has(TcpSegment::ACK));
        opens && self.phase == Phase::Closing
    }

    /// How the connection was ended by its ends, if it was.
    pub(super) const fn closed_by(&self) -> Option<End> {
        match self.closing {
            Closing { reset: true, .. } => Some(End::Rst),
            Closing {
                forward_fin: true,
                reverse_fin: true,
                ..
            } => Some(End::Fin),
            Closing { .. } => None,
        }
    }

    /// Counts a packet of this flow.
    pub(super) fn add(&mut self, packet: &Packet, tick: Tick) {
        let sender = Endpoint {
            address: packet.src_address(),
            port: packet.src_port,
        };
        let direction = if sender == self.src {
            Direction::Forward
        } else {
            Direction::Reverse
        };
        if self.packets() == 0 {
            (self.first, self.last, self.since) = (packet.timestamp, packet.timestamp, tick);
        }
        self.first = self.first.min(packet.timestamp);
        self.last = self.last.max(packet.timestamp);
        self.last_tick = tick;
        let unique_bytes = self.unique_bytes(direction, packet);
        match direction {
            Direction::Forward => self.forward.add(packet, unique_bytes),
            Direction::Reverse => self.reverse.add(packet, unique_bytes),
        }
        if self.export == Some(direction) && unique_bytes > 0 {
            if self.exported.untold_bytes == 0 {
                self.exported.since = tick;
            }
            self.exported.untold_bytes += u64::from(unique_bytes);
        }
        if let Some(segment) = packet.tcp() {
            self.handshake.observe(direction, segment, packet.timestamp);
            self.closing.observe(direction, segment);
        }
        self.phase = self.next_phase(direction);
    }

    /// Starts the next record of a flow that goes on.
    pub(super) fn begin_record(&mut self, tick: Tick) {
        self.forward = Traffic::default();
        self.reverse = Traffic::default();
        self.since = tick;
    }

    fn next_phase(&self, direction: Direction) -> Phase {
        if self.closed_by().is_some() {
            return Phase::Closing;
        }
        match (self.phase, direction) {
            (Phase::HalfOpen, Direction::Forward) if self.reverse.packets == 0 => Phase::HalfOpen,
            (Phase::HalfOpen, Direction::Reverse) if self.forward.packets == 0 => Phase::HalfOpen,
            _ => Phase::Established,
        }
    }

    fn unique_bytes(&mut self, direction: Direction, packet: &Packet) -> u32 {
        let (Some(segment), Fragment::Whole) = (packet.tcp(), packet.fragment()) else {
            return packet.payload_bytes;
        };
        let tracker = match direction {
            Direction::Forward => &mut self.forward_sequence,
            Direction::Reverse => &mut self.reverse_sequence,
        };
        if segment.has(TcpSegment::SYN) {
            // The SYN takes one sequence number; data may follow it (RFC 7413).
            tracker.start(segment.sequence.wrapping_add(1));
            return tracker.accept(segment.sequence.wrapping_add(1), packet.payload_bytes);
        }
        tracker.accept(segment.sequence, packet.payload_bytes)
    }
}

impl Closing {
    fn observe(&mut self, direction: Direction, segment: TcpSegment) {
        self.reset |= segment.has(TcpSegment::RST);
        if segment.has(TcpSegment::FIN) {
            match direction {
                Direction::Forward => self.forward_fin = true,
                Direction::Reverse => self.reverse_fin = true,
            }
        }
    }
}

/// Export is payload from a home asset to a foreign peer, whoever opened the connection.
const fn export_direction(src: Side, dst: Side) -> Option<Direction> {
    match (src, dst) {
        (Side::Home, Side::Foreign) => Some(Direction::Forward),
        (Side::Foreign, Side::Home) => Some(Direction::Reverse),
        _ => None,
    }
}

/// A million flows must fit the memory of a small sensor.
const _: () = assert!(size_of::<Flow>() <= 512);
