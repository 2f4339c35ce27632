//! The beginning of a conversation: bytes that are captured, and taken off what is planned.

use super::{FRAME_GAP_NANOS, Phase, Session, Settled, Side};
use crate::simulate::chance::Chance;
use crate::simulate::opening::{Message, Role};
use crate::simulate::wire::{ACK, PSH};

impl Session {
    /// What both ends say first. Of what the asset sends none is added to what was planned:
    /// where that is too little, nothing is said, as if the begin had been missed.
    pub(super) fn speak(&mut self) -> Phase {
        let opener = self.plan.opener;
        let side_of = |role| match role {
            Role::Client => opener,
            Role::Server => opener.other(),
        };
        let room = [opener, opener.other()].map(|side| self.plan.bytes[side as usize]);
        // A stream of its own, so that nothing behind it depends on what is said.
        let seed = u64::from(self.sequence[0]) << 32 | u64::from(self.sequence[1]);
        let mut chance = Chance::new(seed, "opening");
        let messages = self.plan.opening.messages(room, &mut chance);
        let mut said = [0; 2];
        for Message { role, bytes } in &messages {
            said[side_of(*role) as usize] += bytes.len() as u64;
        }
        let [sent, received] = said;
        if sent > self.plan.bytes[Side::Asset as usize] {
            return Phase::Half(0);
        }
        self.plan.bytes[Side::Asset as usize] -= sent;
        let left = &mut self.plan.bytes[Side::Peer as usize];
        *left = left.saturating_sub(received);
        let mut last = opener;
        for Message { role, bytes } in messages {
            let from = side_of(role);
            self.turn_to(from, last);
            last = from;
            self.say(from, &bytes);
        }
        self.turn_to(opener, last);
        Phase::Half(0)
    }

    /// Waits until the tap sees an answer of `next`, unless it spoke last.
    fn turn_to(&mut self, next: Side, last: Side) {
        if next != last {
            self.cursor += self.delay_to(next) + ANSWER_NANOS;
        }
    }

    /// Sends bytes of which all are captured. Their acknowledgement is the answer to them.
    fn say(&mut self, from: Side, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            let segment_bytes = left.len().min(self.segment_bytes() as usize);
            let (segment, rest) = left.split_at(segment_bytes);
            left = rest;
            let flags = if rest.is_empty() { PSH | ACK } else { ACK };
            let mut packet = self.packet(self.cursor, from, flags, segment.len() as u32);
            packet.spoken_at = Some(self.spoken.len() as u32);
            self.settle_at(self.cursor, packet);
            self.spoken.extend_from_slice(segment);
            self.spoken_packets += 1;
            let mine = from as usize;
            self.sequence[mine] = self.sequence[mine].wrapping_add(segment.len() as u32);
            self.cursor += FRAME_GAP_NANOS;
        }
    }

    /// The payload of a packet, if it was said first.
    pub(super) fn spoken(&self, packet: &Settled) -> &[u8] {
        let said = packet.spoken_at.and_then(|at| {
            let from = at as usize;
            self.spoken.get(from..from + packet.payload_bytes as usize)
        });
        said.unwrap_or_default()
    }
}

/// Time beyond a round trip in which either side answers what is said first.
const ANSWER_NANOS: u64 = 500_000;
