//! One asset towards one (country, autonomous system, service).

use serde::{Deserialize, Serialize};

use crate::time::{HourSlot, Tick};

use super::novelty::Newness;
use super::{Expected, Habit, Novelty, Past};

/// What an asset sends to a cell, or to a country, and what is normal for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// Bytes in the running hour.
    pub hour_bytes: u64,
    /// The latest hour with an export, counted from the epoch.
    pub last_hour: u64,
    /// Whether it is new to the asset.
    pub novelty: Novelty,
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
    /// Days on which only what others show as well kept an alert away: a bit for each of the
    /// last 16, the lowest for the running one.
    pub(super) excused: u16,
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
            alerted: Alerted {
                hour: false,
                day: false,
                accepted: false,
                days: 0,
                excused: 0,
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

    /// Notes that the running hour would be alerted on, were it not for what others show as
    /// well.
    pub(super) const fn excuse(&mut self) {
        self.alerted.excused |= 1;
        self.alerted.hour |= self.alerted.is_excused();
    }

    /// Whether what the running day brought may be a leak: there was an alert, or only what
    /// others show as well kept it away. It teaches nobody what is normal.
    pub(super) const fn is_untrusted_today(&self) -> bool {
        self.alerted.day || self.alerted.is_excused()
    }

    /// Whether a person has accepted what the running day brought.
    pub(super) const fn is_accepted_today(&self) -> bool {
        self.alerted.accepted
    }

    /// Takes an alert of the running day back: a person accepts it.
    pub(super) const fn accept(&mut self) {
        (self.alerted.hour, self.alerted.day) = (false, false);
        self.alerted.excused &= !1;
        self.alerted.accepted = true;
    }

    /// Keeps what is alerted on from becoming the norm: a person calls it a leak.
    pub(super) fn condemn(&mut self) {
        self.alerted = Alerted {
            hour: true,
            day: true,
            accepted: false,
            days: 0,
            excused: 0,
        };
        if let Some(record) = &mut self.record {
            record.habit.forget_refusals();
        }
    }

    /// Ends a day. Says whether it was suspect: alerted on, unless it has been for so long
    /// that it is the new normal, or not alerted on only because others showed the same.
    pub(super) fn close_day(&mut self) -> bool {
        let alerted = &mut self.alerted;
        alerted.accepted = false;
        alerted.days = if std::mem::take(&mut alerted.day) {
            alerted.days.saturating_add(1)
        } else {
            0
        };
        let is_excused = alerted.is_excused();
        alerted.excused <<= 1;
        let is_suspect = is_excused || (1..=ALERTED_DAYS_MAX).contains(&alerted.days);
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

impl Alerted {
    /// Whether only what others show as well keeps an alert away today, and that has not
    /// become a custom.
    const fn is_excused(self) -> bool {
        self.excused & 1 != 0 && self.excused.count_ones() <= EXCUSED_DAYS_MAX
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

/// After so many days of the last 16 what others show as well is a custom, and is learned.
const EXCUSED_DAYS_MAX: u32 = 3;

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
