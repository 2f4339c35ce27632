//! What leaves in the first days towards something new.

use serde::{Deserialize, Serialize};

use crate::time::{SECONDS_PER_DAY, Tick};

/// The first days of exports to a country, or to an autonomous system within one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Novelty {
    /// The tick of the first export.
    pub since: Tick,
    /// Bytes since then, while it is new.
    pub bytes: u64,
    is_new: bool,
}

impl Novelty {
    /// Begins with a first export.
    pub(super) const fn begin(since: Tick, is_new: bool) -> Self {
        Self {
            since,
            bytes: 0,
            is_new,
        }
    }

    /// Whether it is still new.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) fn add(&mut self, tick: Tick, bytes: u64) {
        if self.is_new && tick < self.end() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// At the end of an hour: after a week it is new no more.
    pub(super) fn close_hour(&mut self, end: Tick) {
        self.is_new &= end < self.end();
    }

    const fn end(&self) -> Tick {
        self.since.plus_seconds(NEW_DAYS * SECONDS_PER_DAY)
    }
}

/// For how many days something is new.
pub const NEW_DAYS: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_new_for_a_week() {
        let week = Tick(NEW_DAYS * SECONDS_PER_DAY);
        let mut novelty = Novelty::begin(Tick(0), true);
        novelty.add(Tick(5), 700);
        novelty.add(week, 9_000);
        novelty.close_hour(Tick(week.0 - 1));
        assert!(novelty.is_new());
        novelty.close_hour(week);
        assert_eq!((novelty.bytes, novelty.is_new()), (700, false));
        let mut known = Novelty::begin(Tick(0), false);
        known.add(Tick(5), 700);
        assert_eq!(known.bytes, 0);
    }
}
