//! What leaves in the first day towards something new.

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
    /// Whether a detector spoke of it.
    pub alerted: bool,
    is_new: bool,
}

impl Novelty {
    /// Begins with a first export. During an asset's own first day everything is a first
    /// and nothing is new.
    pub(super) const fn begin(since: Tick, first_day_of_asset: bool) -> Self {
        Self {
            since,
            bytes: 0,
            alerted: false,
            is_new: !first_day_of_asset,
        }
    }

    /// Whether it is still new.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) const fn add(&mut self, bytes: u64) {
        if self.is_new {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// At the end of an hour: after a day it is new no more, and unless it was alerted on,
    /// the tails learn how much a first day brings.
    pub(super) fn close_hour<'a>(&mut self, end: Tick, tails: impl Iterator<Item = &'a mut Tail>) {
        if self.is_new && end >= self.since.plus_seconds(SECONDS_PER_DAY) {
            self.is_new = false;
            if !self.alerted {
                tails.for_each(|tail| tail.record(self.bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_day_is_learned_from_once_and_only_if_nothing_was_said() {
        let mut tail = Tail::new();
        let end = Tick(SECONDS_PER_DAY);
        let mut novelty = Novelty::begin(Tick(0), false);
        novelty.add(700);
        novelty.close_hour(Tick(SECONDS_PER_DAY - 1), std::iter::once(&mut tail));
        assert!(novelty.is_new());
        novelty.close_hour(end, std::iter::once(&mut tail));
        novelty.close_hour(end, std::iter::once(&mut tail));
        assert_eq!((tail.observations(), novelty.is_new()), (1, false));

        let mut alerted = Novelty {
            alerted: true,
            ..Novelty::begin(Tick(0), false)
        };
        alerted.close_hour(end, std::iter::once(&mut tail));
        let mut first = Novelty::begin(Tick(0), true);
        first.add(700);
        first.close_hour(end, std::iter::once(&mut tail));
        assert_eq!((tail.observations(), first.bytes), (1, 0));
    }
}
