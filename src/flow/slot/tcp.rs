//! What a slot learns from TCP: what is new, what is missing, how it begins and ends.

use crate::decode::{Fragment, Packet, TcpSegment};

use super::{Slot, State};
use crate::flow::cold::ColdStore;
use crate::flow::sequence::{HOLE_BYTES_MAX, Segment};

impl Slot {
    /// Follows a TCP segment; returns how many of its payload bytes are new.
    #[inline(always)]
    pub(super) fn follow(
        &mut self,
        direction: usize,
        packet: &Packet,
        cold: &mut ColdStore,
    ) -> u32 {
        let flags = packet.tcp_flags;
        let length = packet.payload_bytes;
        let control = TcpSegment::SYN | TcpSegment::FIN | TcpSegment::RST;
        let is_whole = packet.fragment() == Fragment::Whole;
        let mut sequence = packet.sequence;
        if flags & control != 0 {
            sequence = self.control(direction, packet, sequence, is_whole);
        } else if direction == 0 && self.state.has(State::SYN_ACK) {
            self.acknowledge_opening(packet);
        }
        if !is_whole {
            return length;
        }
        let unique_bytes = self.accept(direction, sequence, length, cold);
        if flags & TcpSegment::FIN != 0 && self.next[direction] == sequence.wrapping_add(length) {
            // The FIN takes a sequence number, which will be acknowledged.
            self.next[direction] = self.next[direction].wrapping_add(1);
        }
        if flags & (TcpSegment::ACK | TcpSegment::RST) == TcpSegment::ACK {
            self.acknowledge(1 - direction, packet.acknowledgement, cold);
        }
        unique_bytes
    }

    /// Notes SYN, FIN and RST; returns the sequence number of the first payload byte.
    fn control(&mut self, direction: usize, packet: &Packet, sequence: u32, whole: bool) -> u32 {
        let flags = packet.tcp_flags;
        if flags & TcpSegment::RST != 0 {
            self.state.set(State::RESET);
        }
        if flags & TcpSegment::FIN != 0 {
            self.state.set(State::FIN << direction);
        }
        if flags & TcpSegment::SYN == 0 {
            return sequence;
        }
        let seen = if direction == 0 {
            State::SYN
        } else {
            State::SYN_ACK
        };
        // Of a repeated SYN it cannot be told which one was answered (Karn and Partridge
        // 1987), so such a handshake tells no round trip.
        if self.state.has(seen) {
            self.state.set(State::HANDSHAKE_REPEATED);
        }
        self.state.set(seen);
        // The SYN takes one sequence number; data may follow it (RFC 7413).
        let next = sequence.wrapping_add(1);
        let is_known = self.state.has(State::SEQUENCE << direction);
        if whole && !(is_known && self.began[direction] == next) {
            self.state.set(State::SEQUENCE << direction);
            (self.began[direction], self.next[direction]) = (next, next);
        }
        next
    }

    /// The initiator answers the SYN/ACK: from SYN to here is a round trip between the ends.
    fn acknowledge_opening(&mut self, packet: &Packet) {
        if self.state.has(State::SYN) && !self.state.has(State::ROUND_TRIP) {
            self.state.set(State::ROUND_TRIP);
            let nanos = packet.timestamp.nanos_since(self.first);
            self.round_trip_nanos = u32::try_from(nanos).unwrap_or(u32::MAX);
        }
    }

    /// Takes a segment and returns how many of its bytes are new.
    #[inline]
    fn accept(
        &mut self,
        direction: usize,
        sequence: u32,
        length: u32,
        cold: &mut ColdStore,
    ) -> u32 {
        if length == 0 {
            return 0;
        }
        let end = sequence.wrapping_add(length);
        if !self.state.has(State::SEQUENCE << direction) {
            self.state.set(State::SEQUENCE << direction);
            // A connection that was joined midway has no beginning that a SYN could repeat.
            (self.next[direction], self.began[direction]) = (end, sequence);
            return length;
        }
        if sequence == self.next[direction] {
            self.next[direction] = end;
            return length;
        }
        self.accept_out_of_order(direction, sequence, length, cold)
    }

    #[cold]
    fn accept_out_of_order(
        &mut self,
        direction: usize,
        sequence: u32,
        length: u32,
        cold: &mut ColdStore,
    ) -> u32 {
        let next = self.next[direction];
        let end = sequence.wrapping_add(length);
        let cold = cold.get_or_make(&mut self.cold);
        match Segment::compare(next, sequence, length) {
            Segment::Ahead { missing_bytes } => {
                cold.holes[direction].add(next, missing_bytes);
                self.next[direction] = end;
                length
            }
            Segment::Behind { below_bytes } => {
                let filled = cold.holes[direction].fill(sequence, below_bytes);
                let repeated = below_bytes - filled.min(below_bytes);
                cold.repeated_bytes[direction] += u64::from(repeated);
                if below_bytes < length {
                    self.next[direction] = end;
                }
                length - repeated
            }
        }
    }

    /// Bytes of `direction` that the other side has and this sensor never saw are missing:
    /// they were lost on the way here, or are late.
    #[inline]
    fn acknowledge(&mut self, direction: usize, acknowledgement: u32, cold: &mut ColdStore) {
        let next = self.next[direction];
        let beyond = acknowledgement.wrapping_sub(next).cast_signed();
        // One beyond is a FIN that was out of order.
        if beyond > 1 && beyond <= HOLE_BYTES_MAX && self.state.has(State::SEQUENCE << direction) {
            let cold = cold.get_or_make(&mut self.cold);
            cold.holes[direction].add(next, beyond.unsigned_abs());
            self.next[direction] = acknowledgement;
        }
    }
}
