//! Packets that were captured twice.

use crate::time::Timestamp;

/// Remembers the packets of the last millisecond by their fingerprints.
///
/// A mirror port set up for both directions of several ports shows a packet between two
/// of them twice, microseconds apart. The table has a fixed size: each fingerprint has
/// four places, and the oldest of those makes room. What it forgets early counts as new,
/// so that a full table never takes a packet away.
#[derive(Clone, Debug)]
pub struct Duplicates {
    places: Vec<[Seen; WAYS]>,
}

/// A packet that was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    fingerprint: u64,
    /// Nanoseconds of packet time; 0 in a place without a packet.
    nanos: u64,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self::new()
    }
}

impl Duplicates {
    /// An empty table of 512 KiB.
    pub fn new() -> Self {
        Self {
            places: vec![[Seen::default(); WAYS]; SETS],
        }
    }

    /// Whether a packet of this fingerprint was seen within a millisecond, and remembers
    /// it if not. Of several copies all but the first are repetitions, and the window is
    /// that of the first.
    pub fn repeats(&mut self, fingerprint: u64, timestamp: Timestamp) -> bool {
        let now = timestamp.as_nanos();
        let mask = SETS.saturating_sub(1);
        let index = usize::try_from(fingerprint & u64::MAX >> 32).unwrap_or(0) & mask;
        let Some(places) = self.places.get_mut(index) else {
            return false;
        };
        let is_near = |seen: &Seen| seen.nanos != 0 && seen.nanos.abs_diff(now) <= WINDOW_NANOS;
        let known = places.iter_mut().find(|it| it.fingerprint == fingerprint);
        if let Some(known) = known {
            if is_near(known) {
                return true;
            }
            known.nanos = now;
            return false;
        }
        if let Some(oldest) = places.iter_mut().min_by_key(|it| it.nanos) {
            *oldest = Seen {
                fingerprint,
                nanos: now,
            };
        }
        false
    }
}

/// Two copies of a packet are at most this far apart.
const WINDOW_NANOS: u64 = 1_000_000;

/// The table: 32,768 packets, three times what 10 million a second are in the window.
const SETS: usize = 8_192;
const WAYS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Timestamp {
        Timestamp::from_nanos(1_000_000_000 + nanos)
    }

    #[test]
    fn a_copy_within_a_millisecond_is_a_repetition() {
        let mut duplicates = Duplicates::new();
        assert!(!duplicates.repeats(7, at(0)));
        assert!(duplicates.repeats(7, at(0)));
        assert!(duplicates.repeats(7, at(1_000_000)));
        assert!(
            !duplicates.repeats(7, at(1_000_001)),
            "the window of the first"
        );
        assert!(duplicates.repeats(7, at(500_000)), "out of order");
        assert!(!duplicates.repeats(8, at(0)));
    }

    #[test]
    fn nothing_is_a_repetition_of_an_empty_place() {
        let mut duplicates = Duplicates::new();
        assert!(!duplicates.repeats(0, Timestamp::ZERO));
        assert!(
            !duplicates.repeats(0, Timestamp::ZERO),
            "a time of 0 is not kept"
        );
        assert!(!duplicates.repeats(0, Timestamp::from_nanos(1)));
        assert!(duplicates.repeats(0, Timestamp::from_nanos(2)));
    }

    #[test]
    fn a_full_set_forgets_its_oldest_and_invents_nothing() {
        let mut duplicates = Duplicates::new();
        let sets = u64::try_from(SETS).unwrap();
        for packet in 0..5 {
            assert!(!duplicates.repeats(packet * sets, at(packet)));
        }
        assert!(!duplicates.repeats(0, at(6)), "the first was forgotten");
        for packet in 2..5 {
            assert!(duplicates.repeats(packet * sets, at(7)), "{packet}");
        }
        assert_eq!(duplicates.places.len(), SETS);
    }

    #[test]
    fn a_fast_link_is_held_in_full() {
        // Ten million packets a second for two milliseconds, each copied 50 µs later.
        let mut duplicates = Duplicates::new();
        let spread = |packet: u64| packet.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (mut repetitions, copies) = (0u64, 20_000);
        for packet in 0..copies + 500 {
            if packet < copies {
                assert!(!duplicates.repeats(spread(packet) >> 7, at(packet * 100)));
            }
            if let Some(copy) = packet.checked_sub(500) {
                repetitions += u64::from(duplicates.repeats(spread(copy) >> 7, at(packet * 100)));
            }
        }
        assert_eq!(repetitions, copies);
    }
}
