//! One conversation, packet by packet, as a tap next to the asset sees it.
//!
//! A conversation is a number of turns: the side that opened it sends, the other answers.
//! What is true of a real one and matters to a sensor is true here: the handshake shows
//! the round-trip time, sequence numbers wrap and acknowledgements follow them, losses
//! are sent again, and the end is a FIN, a reset or silence. Windows and slow start are
//! left out: a turn has one rate. What both ends say first ([`Opening`]) comes before the
//! turns, without losses, and is taken off what they send.

mod speak;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;

use super::chance::Chance;
use super::opening::Opening;
use super::wire::{ACK, Endpoint, FIN, PSH, PacketOut, RST, SYN, TcpFields, Transport};

/// What a conversation will be.
#[derive(Debug)]
pub(super) struct SessionPlan {
    /// First packet, nanoseconds since the epoch.
    pub(super) start: u64,
    pub(super) asset: Endpoint,
    pub(super) peer: Endpoint,
    pub(super) is_tcp: bool,
    pub(super) opener: Side,
    /// Payload from asset to peer and from peer to asset.
    pub(super) bytes: [u64; 2],
    pub(super) turns: u64,
    pub(super) rtt_nanos: u64,
    pub(super) bytes_per_second: f64,
    /// Median time that the opener waits before it speaks again.
    pub(super) think_nanos: u64,
    /// What is said first.
    pub(super) opening: Opening,
    /// What its payload counts for.
    pub(super) account: Account,
    pub(super) chance: Chance,
}

/// To what a conversation belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) destination: usize,
    pub(super) event: Option<usize>,
}

/// An end of a conversation, and an index of what both ends have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Asset = 0,
    Peer = 1,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Asset => Self::Peer,
            Self::Peer => Self::Asset,
        }
    }
}

/// A conversation that is under way.
#[derive(Debug)]
pub(super) struct Session {
    plan: SessionPlan,
    /// Packets whose time is settled, earliest first.
    settled: BinaryHeap<Reverse<Settled>>,
    settled_count: u64,
    /// No packet still to be settled is earlier.
    cursor: u64,
    phase: Phase,
    /// Next sequence number of both sides.
    sequence: [u32; 2],
    /// Latest time stamp (RFC 7323) of both sides.
    stamps: [u32; 2],
    stamp_offsets: [u32; 2],
    /// Sequence number of what got lost on its way to the asset, and when it comes.
    hole: (u32, u64),
    /// What was said first and is not taken yet: its bytes, and of how many packets.
    spoken: Vec<u8>,
    spoken_packets: usize,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Open,
    Speak,
    /// About to begin this half of a turn: even ones are the opener's.
    Half(u64),
    Sending(Half),
    Close,
    Done,
}

/// Half of a turn that is being sent.
#[derive(Clone, Copy, Debug)]
struct Half {
    number: u64,
    left: u64,
    frame_bytes: u64,
    frames: u64,
    /// Last packet that belongs to it.
    end: u64,
}

/// A packet whose time is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Settled {
    time: u64,
    order: u64,
    from: Side,
    flags: u8,
    sequence: u32,
    acknowledgement: u32,
    payload_bytes: u32,
    /// Where the payload begins in what was said first.
    spoken_at: Option<u32>,
    is_repeat: bool,
}

/// A packet that is due.
#[derive(Debug)]
pub(super) struct Due<'a> {
    pub(super) time: u64,
    pub(super) packet: PacketOut<'a>,
    pub(super) from: Side,
    /// Whether its payload was sent before.
    pub(super) is_repeat: bool,
    pub(super) account: Account,
}

impl Session {
    pub(super) fn new(mut plan: SessionPlan) -> Self {
        let chance = &mut plan.chance;
        let sequence = [chance.word(), chance.word()];
        let stamp_offsets = [chance.word(), chance.word()];
        let mut session = Self {
            cursor: plan.start,
            plan,
            settled: BinaryHeap::new(),
            settled_count: 0,
            phase: Phase::Open,
            sequence,
            stamps: [0; 2],
            stamp_offsets,
            hole: (0, 0),
            spoken: Vec::new(),
            spoken_packets: 0,
        };
        session.settle();
        session
    }

    /// When the next packet is due. Absent at the end.
    pub(super) fn next_time(&self) -> Option<u64> {
        self.settled.peek().map(|settled| settled.0.time)
    }

    /// Takes the next packet.
    pub(super) fn take(&mut self) -> Option<Due<'_>> {
        let Reverse(settled) = self.settled.pop()?;
        self.settle();
        if settled.spoken_at.is_some() {
            self.spoken_packets -= 1;
        } else if self.spoken_packets == 0 {
            self.spoken = Vec::new();
        }
        let (mine, other) = (settled.from as usize, settled.from.other() as usize);
        let stamp = self.stamp_offsets[mine].wrapping_add((settled.time / 1_000_000) as u32);
        self.stamps[mine] = stamp;
        let echo = if settled.flags & ACK == 0 {
            0
        } else {
            self.stamps[other]
        };
        let transport = if self.plan.is_tcp {
            Transport::Tcp(TcpFields {
                flags: settled.flags,
                sequence: settled.sequence,
                acknowledgement: settled.acknowledgement,
                stamps: Some([stamp, echo]),
            })
        } else {
            Transport::Udp
        };
        let ends = [&self.plan.asset, &self.plan.peer];
        // An IPv6 flow keeps its label (RFC 6437); an IPv4 identification changes.
        let label = match ends[mine].ip {
            IpAddr::V4(_) => self.stamp_offsets[mine].wrapping_add(settled.order as u32),
            IpAddr::V6(_) => self.stamp_offsets[mine],
        };
        let payload_bytes = settled.payload_bytes;
        Some(Due {
            time: settled.time,
            packet: PacketOut {
                from: ends[mine],
                to: ends[other],
                transport,
                payload_bytes,
                payload: self.spoken(&settled),
                label,
            },
            from: settled.from,
            is_repeat: settled.is_repeat,
            account: self.plan.account,
        })
    }

    /// Settles packets until the earliest of them is the next.
    fn settle(&mut self) {
        while !matches!(self.phase, Phase::Done)
            && self.next_time().is_none_or(|next| next > self.cursor)
        {
            self.phase = match self.phase {
                Phase::Open => self.open(),
                Phase::Speak => self.speak(),
                Phase::Half(number) => self.begin_half(number),
                Phase::Sending(half) => self.send_frame(half),
                Phase::Close | Phase::Done => self.close(),
            };
        }
    }

    /// The three-way handshake (RFC 9293 section 3.5).
    fn open(&mut self) -> Phase {
        if self.plan.is_tcp {
            let (opener, other) = (self.plan.opener, self.plan.opener.other());
            let start = self.cursor;
            let answer = start + self.delay_to(other);
            let confirmation = answer + self.delay_to(opener);
            self.push(start, opener, SYN, 0);
            self.sequence[opener as usize] = self.sequence[opener as usize].wrapping_add(1);
            self.push(answer, other, SYN | ACK, 0);
            self.sequence[other as usize] = self.sequence[other as usize].wrapping_add(1);
            self.push(confirmation, opener, ACK, 0);
            self.cursor = confirmation + HOST_NANOS;
        }
        Phase::Speak
    }

    fn begin_half(&self, number: u64) -> Phase {
        let turns = self.plan.turns.max(1);
        if number >= 2 * turns {
            return Phase::Close;
        }
        let total = self.plan.bytes[self.sender(number) as usize];
        let remainder = if number / 2 == turns - 1 {
            total % turns
        } else {
            0
        };
        let left = total / turns + remainder;
        if left == 0 {
            return Phase::Half(number + 1);
        }
        let segment = self.segment_bytes();
        let offloaded = left > OFFLOAD_SEGMENTS_MIN * segment;
        let frame_bytes = if offloaded {
            segment * OFFLOAD_SEGMENTS
        } else {
            segment
        };
        Phase::Sending(Half {
            number,
            left,
            frame_bytes,
            frames: 0,
            end: self.cursor,
        })
    }

    fn send_frame(&mut self, mut half: Half) -> Phase {
        let from = self.sender(half.number);
        let bytes = half.left.min(half.frame_bytes);
        half.left -= bytes;
        half.frames += 1;
        let is_last = half.left == 0;
        let time = self.cursor;
        let again = time + self.plan.rtt_nanos + RESEND_NANOS;
        // One loss at a time, and never of the last frame, keeps the stream simple.
        let may_be_lost = self.plan.is_tcp && !is_last && time > self.hole.1;
        let is_lost = may_be_lost && self.plan.chance.happens(LOSS);
        let flags = if is_last { PSH | ACK } else { ACK };
        let frame = self.packet(time, from, flags, bytes as u32);
        half.end = half.end.max(if is_lost { again } else { time });
        // The tap is next to the asset: what gets lost beyond it has been seen once
        // already, and what gets lost on its way in is seen late.
        if is_lost && from == Side::Peer {
            self.hole = (frame.sequence, again);
            self.settle_at(again, frame);
        } else {
            self.settle_at(time, frame);
            if is_lost {
                self.settle_at(
                    again,
                    Settled {
                        is_repeat: true,
                        ..frame
                    },
                );
            }
        }
        let mine = from as usize;
        self.sequence[mine] = self.sequence[mine].wrapping_add(bytes as u32);
        self.acknowledge(from, time, half.frames, is_last);
        half.end = half.end.max(self.hole.1);
        if !is_last {
            let gap = bytes as f64 / self.plan.bytes_per_second * 1e9;
            let jitter = self.plan.chance.between(0.8, 1.2);
            self.cursor = time + ((gap * jitter) as u64).max(FRAME_GAP_NANOS);
            return Phase::Sending(half);
        }
        self.cursor = half.end + self.pause_after(half.number);
        Phase::Half(half.number + 1)
    }

    /// The receiver's acknowledgement: every second frame over TCP, every eighth over
    /// QUIC, where it is a small datagram of its own.
    fn acknowledge(&mut self, from: Side, time: u64, frames: u64, is_last: bool) {
        let receiver = from.other();
        let (hole, filled) = self.hole;
        let waits = from == Side::Peer && time <= filled;
        let at = if is_last && waits { filled } else { time } + self.delay_to(receiver);
        if !self.plan.is_tcp {
            if self.plan.peer.port == QUIC_PORT && frames.is_multiple_of(8) {
                self.push(at, receiver, 0, QUIC_ACK_BYTES);
            }
        } else if is_last {
            self.push(at, receiver, ACK, 0);
        } else if frames.is_multiple_of(2) {
            let mut packet = self.packet(at, receiver, ACK, 0);
            if waits {
                packet.acknowledgement = hole;
            }
            self.settle_at(at, packet);
        }
    }

    fn close(&mut self) -> Phase {
        if !self.plan.is_tcp {
            return Phase::Done;
        }
        let (opener, other) = (self.plan.opener, self.plan.opener.other());
        let end = self.cursor;
        let draw = self.plan.chance.unit();
        if draw < RESET_SHARE {
            self.push(end, opener, RST | ACK, 0);
        } else if draw < RESET_SHARE + SILENT_SHARE {
            // The opener went away; whoever keeps state has to time it out.
        } else {
            let answer = end + self.delay_to(other);
            let confirmation = answer + self.delay_to(opener);
            self.push(end, opener, FIN | ACK, 0);
            self.sequence[opener as usize] = self.sequence[opener as usize].wrapping_add(1);
            self.push(answer, other, FIN | ACK, 0);
            self.sequence[other as usize] = self.sequence[other as usize].wrapping_add(1);
            self.push(confirmation, opener, ACK, 0);
        }
        Phase::Done
    }

    fn push(&mut self, time: u64, from: Side, flags: u8, payload_bytes: u32) {
        let packet = self.packet(time, from, flags, payload_bytes);
        self.settle_at(time, packet);
    }

    fn settle_at(&mut self, time: u64, packet: Settled) {
        let order = self.settled_count;
        self.settled.push(Reverse(Settled {
            time,
            order,
            ..packet
        }));
        self.settled_count += 1;
    }

    fn packet(&self, time: u64, from: Side, flags: u8, payload_bytes: u32) -> Settled {
        let acknowledgement = self.sequence[from.other() as usize];
        Settled {
            time,
            order: self.settled_count,
            from,
            flags,
            sequence: self.sequence[from as usize],
            acknowledgement: if flags & ACK == 0 { 0 } else { acknowledgement },
            payload_bytes,
            spoken_at: None,
            is_repeat: false,
        }
    }

    const fn sender(&self, half: u64) -> Side {
        if half.is_multiple_of(2) {
            self.plan.opener
        } else {
            self.plan.opener.other()
        }
    }

    /// How long after one side's packet the tap sees the answer of `side`.
    const fn delay_to(&self, side: Side) -> u64 {
        match side {
            Side::Asset => HOST_NANOS,
            Side::Peer => self.plan.rtt_nanos,
        }
    }

    /// How long after a half of a turn the next one begins.
    fn pause_after(&mut self, number: u64) -> u64 {
        let next = self.sender(number + 1);
        let median = if next == self.plan.opener {
            self.plan.think_nanos
        } else {
            SERVER_NANOS
        };
        let pause = median as f64 * self.plan.chance.lognormal(0.8);
        self.delay_to(next) + (pause as u64).min(PAUSE_NANOS_MAX)
    }

    /// Largest payload of one packet on the wire.
    const fn segment_bytes(&self) -> u64 {
        match (self.plan.is_tcp, self.plan.asset.ip) {
            (true, IpAddr::V4(_)) => 1_448,
            (true, IpAddr::V6(_)) => 1_428,
            (false, _) => 1_350,
        }
    }
}

/// Halves of turns with more segments than this are seen as offloaded frames.
const OFFLOAD_SEGMENTS_MIN: u64 = 10;

/// Segments in one frame where the network card cuts them (segmentation offload): 65,160
/// bytes of TCP payload over IPv4, which the 16-bit total length still holds.
const OFFLOAD_SEGMENTS: u64 = 45;

/// Share of frames that get lost.
const LOSS: f64 = 0.002;

/// Share of TCP conversations that end with a reset.
const RESET_SHARE: f64 = 0.03;

/// Share of TCP conversations that end without a word.
const SILENT_SHARE: f64 = 0.03;

/// Time in which an asset answers.
const HOST_NANOS: u64 = 150_000;

/// Median time in which a server has an answer.
const SERVER_NANOS: u64 = 15_000_000;

/// Longest pause within a conversation.
const PAUSE_NANOS_MAX: u64 = 120_000_000_000;

/// Time beyond a round trip after which a lost frame is sent again.
const RESEND_NANOS: u64 = 30_000_000;

/// Shortest time between two frames.
const FRAME_GAP_NANOS: u64 = 2_000;

const QUIC_PORT: u16 = 443;

/// Payload of a QUIC packet that only acknowledges.
const QUIC_ACK_BYTES: u32 = 35;

#[cfg(test)]
mod tests;
