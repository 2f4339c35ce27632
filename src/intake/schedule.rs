//! When what a record tells of counts.

use std::collections::BTreeMap;

use crate::flow::SHARDS;
use crate::time::{Tick, Timestamp};
use crate::transfer::{self, ROWS_PER_SHARD_TICK_MAX, Transfer};

use super::counts::{Counts, Late};

/// Transfers that wait for their ticks.
///
/// A record comes up to an active timeout after what it tells of. So that a long flow does not
/// look like a burst, and that what happened in one order counts in that order, everything
/// counts a fixed time after it happened, spread over as many seconds as it took.
#[derive(Debug, Default)]
pub struct Schedule {
    /// The first tick that has not been told.
    open: Tick,
    later: BTreeMap<Tick, Vec<Transfer>>,
    waiting: usize,
}

/// When traffic was, as its record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// When its record came.
    pub(super) now: Timestamp,
    /// Milliseconds before that of the last packet; nothing where that cannot be told.
    pub(super) age_ms: Option<u64>,
    /// Milliseconds from the first packet to the last.
    pub(super) duration_ms: u64,
    /// How long after it was it counts.
    pub(super) delay_seconds: u64,
}

/// A part of a record counts by itself from so many bytes on, as an export of a followed flow
/// is told.
const PART_BYTES_MIN: u64 = 64 << 10;

/// Parts of one record.
const PARTS_MAX: u64 = 300;

/// Transfers that may wait, 38 MB of them. What comes when there are as many counts at once, in
/// the tick that opens next, of which the smallest are folded.
const WAITING_MAX: usize = 1 << 19;

/// Transfers of one tick from which on the smallest are folded: what a sensor may tell of one.
const ROWS_FOLD_AT: usize = SHARDS * ROWS_PER_SHARD_TICK_MAX;

/// The oldest that a record may be for its times to be believed: a day.
const AGE_MS_MAX: u64 = 86_400_000;

impl Schedule {
    /// Puts the bytes of a transfer where they belong. Its tick does not matter.
    pub(super) fn put(&mut self, transfer: &Transfer, when: When, counts: &mut Counts) {
        let now_ms = when.now.as_nanos() / NANOS_PER_MS;
        let (first, last) = self.span(now_ms, when, counts);
        let seconds = last.seconds_since(first) + 1;
        let parts = (transfer.bytes / PART_BYTES_MIN).clamp(1, seconds.min(PARTS_MAX));
        let parts = if self.waiting < WAITING_MAX { parts } else { 1 };
        let share = transfer.bytes / parts;
        for part in 1..=parts {
            let is_last = part == parts;
            // The last of them ends when the flow did, and has the rest.
            let before_last = (parts - part) * seconds / parts;
            let row = Transfer {
                tick: Tick(last.0.saturating_sub(before_last)),
                bytes: match is_last {
                    true => transfer.bytes - share * (parts - 1),
                    false => share,
                },
                ended: transfer.ended && is_last,
                ..*transfer
            };
            self.push(row, counts);
        }
    }

    /// The first and the last tick in which traffic counts.
    fn span(&self, now_ms: u64, when: When, counts: &mut Counts) -> (Tick, Tick) {
        let tick = |ms: u64| Tick(ms / MS_PER_SECOND);
        let open = self.open.max(tick(now_ms));
        let Some(age_ms) = when.age_ms.filter(|age| *age <= AGE_MS_MAX) else {
            counts.count_late(Late::Undated);
            return (open, open);
        };
        let delay_ms = when.delay_seconds.saturating_mul(MS_PER_SECOND);
        let last_ms = now_ms.saturating_add(delay_ms).saturating_sub(age_ms);
        let last = tick(last_ms);
        if last < open {
            if when.delay_seconds > 0 {
                counts.count_late(Late::Late);
            }
            return (open, open);
        }
        let first = tick(last_ms.saturating_sub(when.duration_ms));
        if first < open && when.delay_seconds > 0 {
            counts.count_late(Late::Long);
        }
        (first.max(open), last)
    }

    fn push(&mut self, row: Transfer, counts: &mut Counts) {
        let is_full = self.waiting >= WAITING_MAX;
        let tick = if is_full {
            self.open
        } else {
            row.tick.max(self.open)
        };
        let rows = self.later.entry(tick).or_default();
        rows.push(Transfer { tick, ..row });
        self.waiting += 1;
        if rows.len() >= ROWS_FOLD_AT {
            let folded = transfer::fold(rows);
            counts.folded += folded;
            self.waiting -= folded as usize;
        }
    }

    /// Takes what counts before the tick `until`, which opens.
    pub fn take(&mut self, until: Tick) -> Vec<Transfer> {
        self.open = self.open.max(until);
        let later = self.later.split_off(&until);
        let due = std::mem::replace(&mut self.later, later);
        let rows: Vec<_> = due.into_values().flatten().collect();
        self.waiting -= rows.len();
        rows
    }

    /// Takes all that waits, to count in the tick `running`: nothing comes any more.
    pub fn take_all(&mut self, running: Tick) -> Vec<Transfer> {
        let mut rows = self.take(Tick(u64::MAX));
        let late = rows.iter_mut().filter(|row| row.tick > running);
        late.for_each(|row| row.tick = running);
        rows
    }

    /// Transfers that wait.
    pub const fn waiting(&self) -> usize {
        self.waiting
    }
}

const MS_PER_SECOND: u64 = 1_000;
const NANOS_PER_MS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dissect::Protection;
    use crate::geo::Confidence;
    use crate::transfer::{Measure, Service};

    fn transfer(bytes: u64) -> Transfer {
        Transfer {
            tick: Tick(0),
            country: "RU".parse().unwrap(),
            asn: 1,
            service: Service::Web,
            asset_ip: [10, 0, 0, 1].into(),
            vlan: None,
            conversation: None,
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: true,
            round_trip_nanos: None,
            measure: Measure::RECORDS,
        }
    }

    fn when(age: u64, duration: u64, delay_seconds: u64) -> When {
        When {
            now: Tick(1_000).start(),
            age_ms: Some(age * 1_000),
            duration_ms: duration * 1_000,
            delay_seconds,
        }
    }

    fn told(schedule: &mut Schedule) -> Vec<(u64, u64, bool)> {
        let rows = schedule.take(Tick(u64::MAX)).into_iter();
        rows.map(|row| (row.tick.0, row.bytes, row.ended)).collect()
    }

    #[test]
    fn a_long_flow_is_spread_over_its_seconds_a_fixed_time_later() {
        let (mut schedule, mut counts) = (Schedule::default(), Counts::default());
        let four = 4 * PART_BYTES_MIN + 3;
        schedule.put(&transfer(four), when(5, 59, 90), &mut counts);
        let part = four / 4;
        let rows = told(&mut schedule);
        let last = (1_085, part + 3, true);
        assert_eq!(rows[3], last);
        let ticks: Vec<_> = rows.iter().map(|row| row.0).collect();
        assert_eq!(ticks, [1_040, 1_055, 1_070, 1_085]);
        assert!(!rows[0].2 && counts.late == [0; 3]);
        schedule = Schedule::default();
        schedule.put(&transfer(100), when(5, 59, 90), &mut counts);
        assert_eq!(
            told(&mut schedule),
            [(1_085, 100, true)],
            "little is told at its end"
        );
    }

    #[test]
    fn what_comes_too_late_or_undated_counts_at_once_and_whole() {
        let (mut schedule, mut counts) = (Schedule::default(), Counts::default());
        schedule.take(Tick(1_000));
        schedule.put(&transfer(900_000), when(91, 0, 90), &mut counts);
        let undated = When {
            age_ms: None,
            ..when(0, 5, 90)
        };
        schedule.put(&transfer(7), undated, &mut counts);
        schedule.put(&transfer(8), when(200_000, 5, 90), &mut counts);
        schedule.put(&transfer(400_000), when(0, 1_800, 90), &mut counts);
        let rows = told(&mut schedule);
        assert_eq!(counts.late, [1, 1, 2]);
        assert!(rows[0] == (1_000, 900_000, true) && rows[1].0 == 1_000 && rows[2].0 == 1_000);
        assert_eq!(rows.iter().map(|row| row.1).sum::<u64>(), 1_300_015);
        assert_eq!(rows.last().map(|row| row.0), Some(1_090));
    }

    #[test]
    fn what_waits_is_bounded_and_bytes_are_exact() {
        let (mut schedule, mut counts) = (Schedule::default(), Counts::default());
        let records = 20_000;
        let large = 60 * PART_BYTES_MIN;
        for _ in 0..records {
            schedule.put(&transfer(large), when(0, 59, 90), &mut counts);
            assert!(schedule.waiting() <= WAITING_MAX + ROWS_FOLD_AT);
        }
        let rows = schedule.take_all(Tick(1_010));
        assert!(rows.iter().all(|row| row.tick <= Tick(1_010)));
        assert_eq!(
            rows.iter().map(|row| row.bytes).sum::<u64>(),
            records * large
        );
        assert_eq!(schedule.waiting(), 0);
    }

    proptest! {
        #[test]
        fn bytes_are_whole_and_never_counted_in_a_tick_that_is_told(
            bytes in any::<u64>(), age in prop::option::of(any::<u64>()), duration in any::<u64>(),
            now in any::<u64>(), open in 0u64..1 << 40, delay_seconds in 0u64..3_600,
        ) {
            let (mut schedule, mut counts) = (Schedule::default(), Counts::default());
            schedule.take(Tick(open));
            let now = Timestamp::from_nanos(now);
            let when = When { now, age_ms: age, duration_ms: duration, delay_seconds };
            schedule.put(&transfer(bytes), when, &mut counts);
            let rows = schedule.take(Tick(u64::MAX));
            prop_assert!(rows.len() as u64 <= PARTS_MAX);
            prop_assert_eq!(rows.iter().map(|row| row.bytes).sum::<u64>(), bytes);
            prop_assert!(rows.iter().all(|row| row.tick >= Tick(open)));
        }
    }
}
