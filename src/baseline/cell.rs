//! One asset towards one (country, autonomous system, service).

use serde::{Deserialize, Serialize};

use crate::time::{HourSlot, Tick};

use super::novelty::Newness;
use super::{Expected, HOURS_PER_DAY, Habit, Novelty, Past};

/// What an asset sends to a cell, or to a country, and what is normal for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// Bytes in the running hour.
    pub hour_bytes: u64,
    /// The latest hour with an export, counted from the epoch.
    pub last_hour: u64,
    /// Whether it is new to the asset.
    pub novelty: Novelty,
    /// The latest hour in which something went to a network that was said to be in another
    /// country before; 0 if never.
    pub(super) relabelled_hour: u32,
    /// Whether it was alerted on in the running hour and in the running day.
    pub(super) alerted: Alerted,
    /// What was before. None until an hour was closed, which many do not live to see.
    pub(super) record: Option<Box<Record>>,
}

/// Whether there was an alert.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Alerted {
    pub(super) hour: bool,
    pub(super) day: bool,
    /// Whether a person has accepted what the running day brought.
    pub(super) accepted: bool,
    /// Days in a row.
    pub(super) days: u8,
}

/// What a cell remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    /// The last day, and the largest hours and days.
    pub past: Past,
    /// The hours of the day, and the run of high ones.
    pub habit: Habit,
}

// An asset's cell is promised to take no more than 768 bytes.
const _: () = assert!(size_of::<Cell>() + size_of::<Record>() + 16 <= 768);

impl Cell {
    /// Something to which nothing was sent before.
    pub(super) const fn new(since: Tick, newness: Newness) -> Self {
        Self {
            hour_bytes: 0,
            last_hour: since.hour(),
            novelty: Novelty::begin(since, newness),
            relabelled_hour: 0,
            alerted: Alerted {
                hour: false,
                day: false,
                accepted: false,
                days: 0,
            },
            record: None,
        }
    }

    /// What was before the running hour, if anything.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_deref()
    }

    /// What is normal for an hour.
    pub fn expected(&self, slot: HourSlot) -> Expected {
        let known = self.record();
        known.map_or(Expected::UNKNOWN, |record| record.habit.expected(slot))
    }

    /// Notes that some of the running hour went to a network that was said to be elsewhere.
    pub(super) fn relabelled(&mut self, hour: u64) {
        self.relabelled_hour = u32::try_from(hour).unwrap_or(u32::MAX);
    }

    /// Whether something of the last 24 hours went to such a network.
    pub(super) fn is_relabelled(&self, hour: u64) -> bool {
        self.relabelled_hour > 0 && hour < u64::from(self.relabelled_hour) + HOURS_PER_DAY
    }

    /// Counts bytes in the running hour.
    pub(super) fn add(&mut self, tick: Tick, bytes: u64) {
        self.hour_bytes = self.hour_bytes.saturating_add(bytes);
        self.novelty.add(tick, bytes);
    }

    /// Ends an hour.
    pub(super) fn close_hour(&mut self, slot: HourSlot, hour: u64, previous: u64) {
        let bytes = std::mem::take(&mut self.hour_bytes);
        if bytes > 0 {
            self.last_hour = hour;
        }
        let is_suspect = std::mem::take(&mut self.alerted.hour);
        let record = self.record.get_or_insert_default();
        record.past.close_hour(hour, previous, bytes);
        let clip_bytes = record.clip_bytes();
        record
            .habit
            .close_hour(bytes, slot, hour, clip_bytes, is_suspect);
        self.novelty.close_hour(Tick::of_hour(hour + 1));
    }

    /// Whether there was an alert in the running day.
    pub(super) const fn is_alerted_today(&self) -> bool {
        self.alerted.day
    }

    /// Whether a person has accepted what the running day brought.
    pub(super) const fn is_accepted_today(&self) -> bool {
        self.alerted.accepted
    }

    /// Takes an alert of the running day back: a person accepts it.
    pub(super) const fn accept(&mut self) {
        (self.alerted.hour, self.alerted.day) = (false, false);
        self.alerted.accepted = true;
    }

    /// Keeps what is alerted on from becoming the norm: a person calls it a leak.
    pub(super) fn condemn(&mut self) {
        self.alerted = Alerted {
            hour: true,
            day: true,
            accepted: false,
            days: 0,
        };
        if let Some(record) = &mut self.record {
            record.habit.forget_refusals();
        }
    }

    /// Ends a day. Says whether it was suspect: alerted on, unless it has been for so long
    /// that it is the new normal.
    pub(super) fn close_day(&mut self) -> bool {
        let alerted = &mut self.alerted;
        alerted.accepted = false;
        alerted.days = if std::mem::take(&mut alerted.day) {
            alerted.days.saturating_add(1)
        } else {
            0
        };
        let is_suspect = (1..=ALERTED_DAYS_MAX).contains(&alerted.days);
        if let Some(record) = &mut self.record {
            record.past.close_day(is_suspect);
            record.habit.close_day(is_suspect);
        }
        is_suspect
    }

    /// Ends an hour of which too little was seen to learn from it.
    pub(super) const fn skip_hour(&mut self) {
        (self.hour_bytes, self.alerted.hour) = (0, false);
    }
}

impl Record {
    /// The most that one hour may add to a run: half of what is usual for a large one.
    pub fn clip_bytes(&self) -> f64 {
        (self.past.hour_peaks.third() / 2.0).max(CLIP_BYTES_MIN)
    }
}

/// A run may take so much of every hour.
const CLIP_BYTES_MIN: f64 = 1e6;

/// After so many days in a row what was alerted on is the new normal.
const ALERTED_DAYS_MAX: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Calendar;

    #[test]
    fn days_that_were_alerted_on_are_no_reference_until_they_stay() {
        let slot = Calendar::new("UTC", &[]).unwrap().slot(Tick(0));
        let mut cell = Cell::new(Tick(0), Newness::None);
        let mut day = |number: u64, bytes: u64, alerted: bool| {
            cell.add(Tick(0), bytes);
            cell.close_hour(slot, number * 24, number * 24 - 1);
            cell.alerted.day = alerted;
            cell.close_day();
            cell.record().unwrap().past.hour_peaks.reference(1e5)
        };
        let usual = (1..6)
            .map(|number| day(number, 1_000_000, false))
            .last()
            .unwrap();
        let told = (6..16)
            .map(|number| day(number, 1 << 40, true))
            .last()
            .unwrap();
        let stayed = (16..20)
            .map(|number| day(number, 1 << 40, true))
            .last()
            .unwrap();
        assert!(
            told <= usual && stayed > 1e4 * usual,
            "{usual} {told} {stayed}"
        );
    }
}
