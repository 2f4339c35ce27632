//! Packets on their way to a worker, and the payload of those that are openings.

use crate::decode::{Facts, Packet};
use crate::prefetch::prefetch;

/// Payload of packets, to be taken in their order.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<u32>,
    taken: usize,
}

impl Pieces {
    /// Adds one behind the others.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.ends.push(self.bytes.len() as u32);
    }

    /// The next that was not taken.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let until = *self.ends.get(self.taken)?;
        let from = match self.taken {
            0 => 0,
            taken => *self.ends.get(taken - 1)?,
        };
        self.taken += 1;
        self.bytes.get(from as usize..until as usize)
    }

    /// Has the beginning of one fetched from memory, so many behind the next.
    #[inline]
    pub(super) fn find(&self, ahead: usize) {
        let before = (self.taken + ahead).checked_sub(1);
        let from = before.map_or(Some(&0), |before| self.ends.get(before));
        if let Some(from) = from {
            for line in 0..HELLO_CACHE_LINES {
                prefetch(&self.bytes, *from as usize + line * CACHE_LINE_BYTES);
            }
        }
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.taken = 0;
    }
}

/// What is fetched ahead of a piece: as much as most hellos and requests have.
const HELLO_CACHE_LINES: usize = 4;
const CACHE_LINE_BYTES: usize = 64;

/// Packets on their way to a worker, with the payload of those that are openings.
#[derive(Debug)]
pub(super) struct WorkerBatch {
    pub(super) packets: Vec<Packet>,
    pub(super) pieces: Pieces,
}

/// Packets that go to a worker at once. Fewer at a time wake it more often: with a quarter of
/// them a replay of mixed sizes took a twelfth more of the processors' time.
const BATCH_PACKETS: usize = 1_024;

impl Default for WorkerBatch {
    fn default() -> Self {
        Self {
            packets: Vec::with_capacity(BATCH_PACKETS),
            pieces: Pieces::default(),
        }
    }
}

impl WorkerBatch {
    /// Adds a packet, and takes its payload from `pieces` if it is an opening.
    #[inline]
    pub(super) fn push(&mut self, packet: &Packet, pieces: &mut Pieces) {
        self.packets.push(*packet);
        if packet.facts.has(Facts::OPENING) {
            self.pieces.push(pieces.next().unwrap_or_default());
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.packets.len() >= BATCH_PACKETS
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_in_their_order() {
        let mut pieces = Pieces::default();
        for piece in [b"one".as_slice(), b"", b"three"] {
            pieces.push(piece);
        }
        assert_eq!(pieces.next(), Some(b"one".as_slice()));
        assert_eq!(pieces.next(), Some(b"".as_slice()));
        assert_eq!(pieces.next(), Some(b"three".as_slice()));
        assert_eq!(pieces.next(), None);
        pieces.clear();
        pieces.push(b"x");
        assert_eq!(pieces.next(), Some(b"x".as_slice()));
    }
}
