//! Which payload bytes of a TCP direction are new.

/// Follows the sequence space of one direction and tells new bytes from repeated ones.
///
/// It remembers the highest byte seen and up to [`HOLES_MAX`] holes below it, so that
/// segments which arrive late still count once. When there are more holes the smallest
/// is forgotten; its bytes, should they come, then count as repeated. The figure is a
/// lower bound, and exact unless that happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SequenceTracker {
    began: Option<u32>,
    next: Option<u32>,
    holes: [Hole; HOLES_MAX],
}

/// A run of bytes that were jumped over; length 0 marks a free place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hole {
    start: u32,
    length: u32,
}

impl SequenceTracker {
    /// Begins anew: `next` is the sequence number of the first payload byte to come. The
    /// same beginning again is a SYN that was sent again, and changes nothing.
    pub(super) fn start(&mut self, next: u32) {
        if self.began != Some(next) {
            *self = Self {
                began: Some(next),
                next: Some(next),
                holes: [Hole::default(); HOLES_MAX],
            };
        }
    }

    /// Takes a segment of `length` payload bytes and returns how many of them are new.
    pub(super) fn accept(&mut self, sequence: u32, length: u32) -> u32 {
        if length == 0 {
            return 0;
        }
        let end = sequence.wrapping_add(length);
        let Some(next) = self.next else {
            self.next = Some(end);
            return length;
        };
        // RFC 9293 section 3.4: sequence numbers compare modulo 2^32.
        let ahead = sequence.wrapping_sub(next) as i32;
        if ahead >= 0 {
            if (1..=HOLE_BYTES_MAX).contains(&ahead) {
                self.remember(Hole {
                    start: next,
                    length: ahead.unsigned_abs(),
                });
            }
            self.next = Some(end);
            return length;
        }
        let below = length.min(ahead.unsigned_abs());
        let beyond = length - below;
        if beyond > 0 {
            self.next = Some(end);
        }
        beyond + self.fill(sequence, below).min(below)
    }

    /// Takes `length` bytes from `sequence` on out of the holes; returns how many were missing.
    fn fill(&mut self, sequence: u32, length: u32) -> u32 {
        let mut filled = 0;
        for index in 0..HOLES_MAX {
            let hole = self.holes[index];
            let offset = i64::from(sequence.wrapping_sub(hole.start) as i32);
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
            self.holes[index] = left;
            self.remember(right);
        }
        filled
    }

    /// Keeps a hole in a free place, or in the place of a smaller one.
    fn remember(&mut self, hole: Hole) {
        if let Some(smallest) = self.holes.iter_mut().min_by_key(|hole| hole.length)
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
const HOLE_BYTES_MAX: i32 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn a_repeated_opening_does_not_begin_anew() {
        let mut tracker = SequenceTracker::default();
        tracker.start(100);
        assert_eq!(tracker.accept(100, 50), 50);
        tracker.start(100);
        assert_eq!(tracker.accept(100, 50), 0);
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
