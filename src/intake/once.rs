//! Flows that several places tell of, counted once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use crate::time::Tick;

/// Remembers which place was the first to tell of a flow.
///
/// A router tells of a flow where it comes in and where it goes out, and so does every other
/// router on its way. The first place that told of a flow counts, and the others do not until
/// that has been silent of it for [`SILENT_SECONDS_MAX`]. Flows of which most is told are
/// remembered; as many as there is room for, and those told of last.
#[derive(Debug, Default)]
pub(super) struct Once {
    hasher: RandomState,
    /// Those told of lately, and those before them.
    now: HashMap<u64, Told>,
    before: HashMap<u64, Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    place: u64,
    at: Tick,
}

/// For how long the place that counts may be silent of a flow: longer than active timeouts are.
const SILENT_SECONDS_MAX: u64 = 300;

/// Flows told of after which those before them are forgotten: 5 MB twice over.
const FLOWS_MAX: usize = 1 << 17;

/// What tells a flow from others: its ends, their ports, and the protocol.
pub(super) type FlowKey = ([IpAddr; 2], [u16; 2], u8);

impl Once {
    /// Whether the flow counts as this place tells it.
    pub(super) fn counts(&mut self, flow: &FlowKey, place: u64, now: Tick) -> bool {
        // Two flows with one number, of 2^64, would count as one.
        let key = self.hasher.hash_one(flow);
        let known = self.now.get(&key).or_else(|| self.before.get(&key));
        let is_another =
            |told: &&Told| told.place != place && now.seconds_since(told.at) <= SILENT_SECONDS_MAX;
        if known.filter(is_another).is_some() {
            return false;
        }
        if self.now.len() >= FLOWS_MAX && !self.now.contains_key(&key) {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.insert(key, Told { place, at: now });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(port: u16) -> FlowKey {
        ([[10, 0, 0, 1].into(), [8, 8, 8, 8].into()], [port, 443], 6)
    }

    #[test]
    fn the_first_place_counts_until_it_falls_silent() {
        let mut once = Once::default();
        assert!(once.counts(&flow(1), 7, Tick(100)));
        assert!(!once.counts(&flow(1), 8, Tick(100)), "another interface");
        assert!(once.counts(&flow(2), 8, Tick(100)), "another flow");
        assert!(once.counts(&flow(1), 7, Tick(390)), "its next report");
        assert!(!once.counts(&flow(1), 8, Tick(690)));
        assert!(once.counts(&flow(1), 8, Tick(691)), "the route has changed");
        assert!(!once.counts(&flow(1), 7, Tick(692)));
    }

    #[test]
    fn memory_is_bounded_and_what_is_told_of_again_is_not_forgotten() {
        let mut once = Once::default();
        let of = |number: u32| {
            let address = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            ([address, [8, 8, 8, 8].into()], [1, 443], 6)
        };
        for number in 0..3 * FLOWS_MAX as u32 {
            assert!(once.counts(&of(number), 1, Tick(1)));
            assert!(!once.counts(&of(0), 2, Tick(1)), "{number}");
            once.counts(&of(0), 1, Tick(1));
        }
        assert!(once.now.len() <= FLOWS_MAX && once.before.len() <= FLOWS_MAX);
    }
}
