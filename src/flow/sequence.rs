//! Which payload bytes of a TCP direction are new, and which were never seen.

/// Sequence numbers that were jumped over in one direction and may still come.
///
/// Segments that arrive late still count once as long as their hole is remembered. When
/// there are more than [`HOLES_MAX`] the smallest is forgotten; its bytes, should they
/// come, then count as repeated. The figure is a lower bound, and exact unless that happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holes([Hole; HOLES_MAX]);

/// A run of bytes that were jumped over; length 0 marks a free place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hole {
    start: u32,
    length: u32,
}

/// What a segment is to the highest byte seen so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// It begins behind bytes that are missing: so many, or 0 where the jump is too far to
    /// be one over missing data.
    Ahead {
        /// Bytes that were jumped over.
        missing_bytes: u32,
    },
    /// Its first `below_bytes` repeat or fill what lies below, the rest is new.
    Behind {
        /// Bytes below the highest seen.
        below_bytes: u32,
    },
}

impl Segment {
    /// Compares a segment of `length` payload bytes with `next`, the sequence number behind
    /// the highest byte seen. Numbers compare modulo 2^32 (RFC 9293 section 3.4).
    pub(super) const fn compare(next: u32, sequence: u32, length: u32) -> Self {
        let ahead = sequence.wrapping_sub(next).cast_signed();
        if ahead >= 0 {
            let missing_bytes = if ahead <= HOLE_BYTES_MAX {
                ahead.unsigned_abs()
            } else {
                0
            };
            return Self::Ahead { missing_bytes };
        }
        let behind = ahead.unsigned_abs();
        if behind > HOLE_BYTES_MAX.unsigned_abs() {
            // So far back nothing can be late: it is a new start, as a jump as far ahead is.
            return Self::Ahead { missing_bytes: 0 };
        }
        let below_bytes = if behind < length { behind } else { length };
        Self::Behind { below_bytes }
    }
}

impl Holes {
    /// Remembers that the bytes from `start` on were jumped over. What goes on where a hole
    /// ends is one with it, so that acknowledgements that run ahead of their data make one
    /// hole and not many.
    pub(super) fn add(&mut self, start: u32, length: u32) {
        let ends_here =
            |hole: &&mut Hole| hole.length > 0 && hole.start.wrapping_add(hole.length) == start;
        let before = self.0.iter_mut().find(ends_here);
        if let Some(hole) = before
            && let Some(sum) = hole.length.checked_add(length)
            && sum <= HOLE_BYTES_MAX.unsigned_abs()
        {
            hole.length = sum;
        } else if length > 0 {
            self.remember(Hole { start, length });
        }
    }

    /// Takes `length` bytes from `sequence` on out of the holes; returns how many were missing.
    pub(super) fn fill(&mut self, sequence: u32, length: u32) -> u32 {
        let mut filled = 0;
        for index in 0..HOLES_MAX {
            let hole = self.0[index];
            let offset = i64::from(sequence.wrapping_sub(hole.start).cast_signed());
            let from = offset.clamp(0, i64::from(hole.length)) as u32;
            let to = (offset + i64::from(length)).clamp(0, i64::from(hole.length)) as u32;
            if to <= from {
                continue;
            }
            // Holes may overlap once the sequence space has been lapped; a byte counts once.
            filled = length.min(filled + (to - from));
            let left = Hole {
                start: hole.start,
                length: from,
            };
            let right = Hole {
                start: hole.start.wrapping_add(to),
                length: hole.length - to,
            };
            self.0[index] = left;
            self.remember(right);
        }
        filled
    }

    /// Bytes of all that are remembered.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|hole| u64::from(hole.length)).sum()
    }

    /// Keeps a hole in a free place, or in the place of a smaller one.
    fn remember(&mut self, hole: Hole) {
        if let Some(smallest) = self.0.iter_mut().min_by_key(|hole| hole.length)
            && smallest.length < hole.length
        {
            *smallest = hole;
        }
    }
}

/// Holes remembered per direction.
const HOLES_MAX: usize = 8;

/// The longest jump in bytes that is taken for missing data (RFC 7323 section 2.3: the
/// largest window); a longer one is taken for a new start.
pub(super) const HOLE_BYTES_MAX: i32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One direction, put together as a slot of the table does it.
    #[derive(Default)]
    struct SequenceTracker {
        next: Option<u32>,
        holes: Holes,
    }

    impl SequenceTracker {
        fn start(&mut self, next: u32) {
            if self.next.is_none() {
                self.next = Some(next);
            }
        }

        fn accept(&mut self, sequence: u32, length: u32) -> u32 {
            let end = sequence.wrapping_add(length);
            let Some(next) = self.next else {
                self.next = Some(end);
                return length;
            };
            if length == 0 {
                return 0;
            }
            match Segment::compare(next, sequence, length) {
                Segment::Ahead { missing_bytes } => {
                    self.holes.add(next, missing_bytes);
                    self.next = Some(end);
                    length
                }
                Segment::Behind { below_bytes } => {
                    if below_bytes < length {
                        self.next = Some(end);
                    }
                    let filled = self.holes.fill(sequence, below_bytes);
                    length - below_bytes + filled.min(below_bytes)
                }
            }
        }
    }

    #[test]
    fn repeated_bytes_are_not_new() {
        let mut tracker = SequenceTracker::default();
        tracker.start(u32::MAX - 5);
        assert_eq!(tracker.accept(u32::MAX - 5, 10), 10, "across the wrap");
        assert_eq!(tracker.accept(u32::MAX - 5, 10), 0);
        assert_eq!(tracker.accept(2, 10), 8, "half old, half new");
        assert_eq!(tracker.accept(11, 1), 0, "a keep-alive probe");
    }

    #[test]
    fn late_segments_fill_their_hole_once() {
        let mut tracker = SequenceTracker::default();
        assert_eq!(tracker.accept(1000, 100), 100);
        assert_eq!(tracker.accept(1300, 100), 100, "200 bytes are missing");
        assert_eq!(
            tracker.accept(1150, 50),
            50,
            "out of the middle of the hole"
        );
        assert_eq!(tracker.accept(1100, 200), 150, "the rest of it");
        assert_eq!(tracker.accept(1100, 200), 0);
    }

    #[test]
    fn lapping_the_sequence_space_counts_no_byte_twice() {
        let mut tracker = SequenceTracker::default();
        tracker.start(0);
        let mut sequence = 0u32;
        for _ in 0..40 {
            sequence = sequence.wrapping_add(0x3fff_0000);
            assert_eq!(tracker.accept(sequence, 1_000), 1_000);
        }
        let lapped = sequence.wrapping_sub(0x7fff_fff0);
        assert!(tracker.accept(lapped, u32::MAX) > 0);
    }

    #[test]
    fn what_never_came_is_known_by_its_holes() {
        let mut tracker = SequenceTracker::default();
        tracker.start(u32::MAX - 10);
        assert_eq!(tracker.accept(89, 100), 100);
        assert_eq!(tracker.holes.bytes(), 100, "across the wrap");
        assert_eq!(tracker.accept(0, 50), 50);
        assert_eq!(tracker.holes.bytes(), 50);
    }

    proptest! {
        /// No segment yields more than it carries, whatever came before.
        #[test]
        fn a_segment_yields_at_most_its_length(
            segments in prop::collection::vec((any::<u32>(), any::<u32>()), 0..200)
        ) {
            let mut tracker = SequenceTracker::default();
            for (sequence, length) in segments {
                prop_assert!(tracker.accept(sequence, length) <= length);
            }
        }

        /// Against a plain set of bytes, as long as the holes can all be remembered.
        #[test]
        fn agrees_with_a_set_of_bytes(
            start: u32,
            segments in prop::collection::vec((0u32..400, 1u32..100), 1..5),
        ) {
            let mut tracker = SequenceTracker::default();
            tracker.start(start);
            let mut seen = std::collections::BTreeSet::new();
            for (offset, length) in segments {
                let new = (offset..offset + length).filter(|byte| seen.insert(*byte)).count();
                prop_assert_eq!(tracker.accept(start.wrapping_add(offset), length) as usize, new);
            }
        }

        /// Never more than the bytes sent, whatever comes.
        #[test]
        fn never_counts_a_byte_of_a_short_stream_twice(
            segments in prop::collection::vec((0u32..2_000, 0u32..300), 0..60),
        ) {
            let mut tracker = SequenceTracker::default();
            tracker.start(0);
            let end = segments.iter().map(|(offset, length)| offset + length).max().unwrap_or(0);
            let segments = segments.iter();
            let new: u32 = segments.map(|(offset, length)| tracker.accept(*offset, *length)).sum();
            prop_assert!(new <= end);
        }
    }
}
