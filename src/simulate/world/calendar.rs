//! Days of work and rest, and the hours at which each kind of asset is busy.

use jiff::tz::TimeZone;

use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, SECONDS_PER_HOUR, Timestamp};

use super::super::chance::Chance;

/// The days of a world. Day 0 is a Monday, and the site's clock shows UTC.
#[derive(Debug)]
pub(super) struct Calendar {
    pub start: Timestamp,
    pub days: usize,
    /// A working day on which nobody works.
    pub holiday: usize,
    /// Last working days of a month.
    pub month_ends: Vec<usize>,
}

impl Calendar {
    pub(super) fn new(start: Timestamp, weeks: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed, "world calendar");
        let days = weeks as usize * 7;
        let week = chance.below(u64::from(weeks)) as usize;
        let holiday = 7 * week + chance.below(5) as usize;
        let mut calendar = Self {
            start,
            days,
            holiday,
            month_ends: Vec::new(),
        };
        calendar.month_ends = (0..days)
            .filter(|day| calendar.is_working(*day))
            .filter(|day| {
                let next = (day + 1..).find(|day| calendar.is_working(*day));
                next.is_some_and(|next| calendar.month(*day) != calendar.month(next))
            })
            .collect();
        calendar
    }

    pub(super) fn is_working(&self, day: usize) -> bool {
        day % 7 < 5 && day != self.holiday
    }

    pub(super) fn hours(&self) -> usize {
        self.days * 24
    }

    pub(super) fn end(&self) -> Timestamp {
        self.at(self.hours() as f64)
    }

    /// The moment so many hours after the start.
    pub(super) fn at(&self, hours: f64) -> Timestamp {
        Timestamp::from_nanos(self.start.as_nanos() + (hours.max(0.0) * HOUR_NANOS) as u64)
    }

    /// Hours from the start to a moment.
    pub(super) fn hours_until(&self, time: Timestamp) -> f64 {
        time.nanos_since(self.start) as f64 / HOUR_NANOS
    }

    /// Month of a day, from 1.
    fn month(&self, day: usize) -> i8 {
        let seconds = self.start.as_nanos() / NANOS_PER_SECOND + day as u64 * SECONDS_PER_DAY;
        let moment = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(0));
        TimeZone::UTC
            .to_datetime(moment.unwrap_or_default())
            .month()
    }
}

/// When an asset is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rhythm {
    /// At work: a lunch dip, quiet evenings, hardly anything on days off.
    Work,
    /// With its owner, on days off too.
    Owner,
    /// Serves a country by day, and others a little by night.
    Public,
    /// The same all the time.
    Steady,
}

impl Rhythm {
    /// How busy an hour is: about 1 at the height of a day.
    pub(super) fn level(self, hour: usize, is_working: bool) -> f64 {
        let table = match self {
            Self::Work => &WORK,
            Self::Owner => &OWNER,
            Self::Public => &PUBLIC,
            Self::Steady => return 1.0,
        };
        let rest = match self {
            Self::Work => 0.06,
            Self::Public => 0.55,
            _ => 1.1,
        };
        let level = table.get(hour % 24).copied().unwrap_or(0.0);
        if is_working { level } else { level * rest }
    }
}

/// Nanoseconds in an hour.
pub(super) const HOUR_NANOS: f64 = (SECONDS_PER_HOUR * NANOS_PER_SECOND) as f64;

const WORK: [f64; 24] = [
    0.01, 0.005, 0.005, 0.005, 0.005, 0.01, 0.05, 0.25, 0.8, 1.1, 1.2, 1.0, 0.45, 0.75, 1.1, 1.1,
    1.0, 0.8, 0.4, 0.25, 0.15, 0.1, 0.06, 0.03,
];

const OWNER: [f64; 24] = [
    0.2, 0.08, 0.04, 0.03, 0.03, 0.06, 0.3, 0.8, 0.9, 0.7, 0.7, 0.8, 1.1, 0.8, 0.6, 0.6, 0.7, 0.9,
    1.0, 1.1, 1.2, 1.1, 0.8, 0.4,
];

const PUBLIC: [f64; 24] = [
    0.4, 0.3, 0.25, 0.22, 0.22, 0.25, 0.35, 0.5, 0.8, 1.0, 1.05, 1.0, 0.85, 0.95, 1.05, 1.05, 1.0,
    0.9, 0.85, 0.9, 0.95, 0.9, 0.75, 0.55,
];
