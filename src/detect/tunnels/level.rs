//! A level that rises by what comes and falls by what is always granted.
//!
//! Idea: what comes faster than it is granted raises the level without end, however slow it
//! is, and what comes at once raises it at once. So one number sees a burst of minutes and a
//! trickle of weeks.
//!
//! Formula: `level = max(0, level - granted * seconds / 86,400) + bytes`, the one-sided CUSUM
//! of Page 1954. A level above zero is a run. What is told of a run is told again when its
//! bytes have doubled.
//!
//! Blind spot: less than is granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A level, and the run that it is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    bytes: f32,
    tick: u64,
    /// The tick in which the run began.
    pub(super) since: u64,
    /// Bytes of the run.
    pub(super) run_bytes: f64,
    /// Of these, what had come when it was last told.
    pub(super) told_bytes: f64,
}

impl Level {
    /// Lets the level fall until a tick. Whether the run, if there was one, is over.
    pub(super) fn fall(&mut self, tick: u64, granted_per_day: f32) -> bool {
        let seconds = tick.saturating_sub(self.tick);
        self.tick = self.tick.max(tick);
        self.bytes -= granted_per_day * (seconds as f32 / 86_400.0);
        if self.bytes > 0.0 {
            return false;
        }
        let (tick, is_over) = (self.tick, self.run_bytes > 0.0);
        *self = Self {
            tick,
            since: tick,
            ..Self::default()
        };
        is_over
    }

    /// Adds bytes. Whether the run is now to be told, for the first time or again. The level
    /// rises no further than twice the limit, so that a run ends when it should.
    pub(super) fn rise(&mut self, bytes: f64, weight: f32, limit_bytes: f32) -> bool {
        self.run_bytes += bytes;
        self.bytes = (self.bytes + bytes as f32 * weight).min(2.0 * limit_bytes);
        let is_told = self.bytes >= limit_bytes && self.run_bytes >= 2.0 * self.told_bytes;
        if is_told {
            self.told_bytes = self.run_bytes;
        }
        is_told
    }

    /// How high it is, in whole bytes.
    pub(super) fn whole_bytes(&self) -> u32 {
        self.bytes.max(0.0) as u32
    }
}

/// Makes room: a quarter goes, of the least weight. How many that were.
pub(super) fn shed<K: Ord, V>(all: &mut BTreeMap<K, V>, weight: impl Fn(&V) -> (u32, u64)) -> u64 {
    let mut weights: Vec<(u32, u64)> = all.values().map(&weight).collect();
    let mut room = weights.len() / 4;
    if room == 0 {
        return 0;
    }
    let least = *weights.select_nth_unstable(room).1;
    let before = all.len();
    all.retain(|_, value| {
        let goes = room > 0 && weight(value) <= least;
        room -= usize::from(goes);
        !goes
    });
    (before - all.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_once_and_again_when_it_has_doubled() {
        let mut level = Level::default();
        level.fall(10, 100.0);
        let told: Vec<_> = (0..40).map(|_| level.rise(10.0, 1.0, 100.0)).collect();
        let at: Vec<_> = (1..41).filter(|at| told[at - 1]).collect();
        assert_eq!(at, [10, 20, 40]);
        assert_eq!(level.since, 10);
    }

    #[test]
    fn what_is_granted_is_never_told() {
        let mut level = Level::default();
        for hour in 0..10_000 {
            level.fall(hour * 3_600, 2_400.0);
            assert!(!level.rise(100.0, 1.0, 200.0));
        }
        let mut told = 0;
        for hour in 0..10_000 {
            level.fall(hour * 3_600, 2_400.0);
            told += u32::from(level.rise(110.0, 1.0, 200.0));
        }
        assert!(told > 0);
    }

    #[test]
    fn a_run_ends_soon_after_the_last_byte() {
        let mut level = Level::default();
        level.fall(0, 100.0);
        level.rise(1e9, 1.0, 100.0);
        assert!(!level.fall(86_400, 100.0));
        assert!(level.fall(2 * 86_400, 100.0));
        assert!(!level.fall(3 * 86_400, 100.0));
    }

    #[test]
    fn time_that_goes_back_lets_nothing_fall() {
        let mut level = Level::default();
        level.fall(86_400, 100.0);
        level.rise(50.0, 1.0, 100.0);
        level.fall(0, 100.0);
        assert_eq!(level.whole_bytes(), 50);
    }
}
