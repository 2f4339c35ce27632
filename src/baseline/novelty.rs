//! What leaves in the first day towards something new.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::time::{SECONDS_PER_DAY, Tick};

use super::Tail;

/// The first day of exports to a country, or to a destination within one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Novelty {
    /// The tick of the first export.
    pub since: Tick,
    /// Bytes since then, while it is new.
    pub bytes: u64,
    /// The bytes at which a detector spoke of it, at least 1, if one did.
    pub alerted_at_bytes: Option<NonZeroU64>,
    is_new: bool,
}

impl Novelty {
    /// Begins with a first export. During an asset's own first day everything is a first
    /// and nothing is new.
    pub(super) const fn begin(since: Tick, first_day_of_asset: bool) -> Self {
        Self {
            since,
            bytes: 0,
            alerted_at_bytes: None,
            is_new: !first_day_of_asset,
        }
    }

    /// Notes that a detector spoke of it when it had reached so many bytes.
    pub(super) fn alerted_at(&mut self, bytes: u64) {
        let bytes = NonZeroU64::new(bytes).unwrap_or(NonZeroU64::MIN);
        self.alerted_at_bytes.get_or_insert(bytes);
    }

    /// Whether it is still new.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) fn add(&mut self, tick: Tick, bytes: u64) {
        if self.is_new && tick < self.day_end() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// At the end of an hour: after a day it is new no more, and the tails learn how much a
    /// first day brings. Of one that was alerted on they learn the part that was still
    /// within the allowance: leaving it out would let the thresholds sink below the budget.
    pub(super) fn close_hour<'a>(&mut self, end: Tick, tails: impl Iterator<Item = &'a mut Tail>) {
        if self.is_new && end >= self.day_end() {
            self.is_new = false;
            let bytes = self.alerted_at_bytes.map_or(self.bytes, NonZeroU64::get);
            tails.for_each(|tail| tail.record(bytes));
        }
    }

    const fn day_end(&self) -> Tick {
        self.since.plus_seconds(SECONDS_PER_DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_day_is_learned_from_once_and_up_to_the_allowance() {
        let mut tail = Tail::new();
        let end = Tick(SECONDS_PER_DAY);
        let mut novelty = Novelty::begin(Tick(0), false);
        novelty.add(Tick(5), 700);
        novelty.add(end, 9_000);
        novelty.close_hour(Tick(SECONDS_PER_DAY - 1), std::iter::once(&mut tail));
        assert!(novelty.is_new());
        novelty.close_hour(end, std::iter::once(&mut tail));
        novelty.close_hour(end, std::iter::once(&mut tail));
        assert_eq!((tail.observations(), novelty.is_new()), (1, false));
        assert_eq!(novelty.bytes, 700, "what comes after the day is not of it");

        let mut alerted = Novelty::begin(Tick(0), false);
        alerted.add(Tick(5), 1 << 30);
        alerted.alerted_at_bytes = NonZeroU64::new(600);
        alerted.close_hour(end, std::iter::once(&mut tail));
        assert_eq!(tail.observations(), 2);
        assert!(tail.quantile(1.0) < 1_000);

        let mut first = Novelty::begin(Tick(0), true);
        first.add(Tick(5), 700);
        first.close_hour(end, std::iter::once(&mut tail));
        assert_eq!((tail.observations(), first.bytes), (2, 0));
    }
}
