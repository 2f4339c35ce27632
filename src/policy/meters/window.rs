//! Days, the windows of law that are made of them, and what was used within them.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use super::IdentifierKind;
use crate::inventory::none_of;
use crate::time::{SECONDS_PER_DAY, Tick};

/// A day at some offset from UTC, counted from 1970-01-01.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u32")]
pub struct Day(u32);

/// Of which days a threshold of law adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Since the first of January of the same year (Provisions on Promoting and Regulating
    /// Cross-border Data Flows, 2024, articles 5, 7 and 8).
    Year,
    /// Of 365 days that end with the day (28 CFR 202.205: the preceding 12 months).
    TwelveMonths,
    /// Since the first of January of the year before (Measures for the Security Assessment of
    /// Outbound Data Transfers, 2022, article 4, as it was until 2024-03-21).
    SincePreviousJanuary,
    /// Since a day, which is part of it.
    Since(Day),
    /// Of all that was ever counted.
    Always,
}

/// Within what a quota may be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A day.
    Day,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
    /// All of the time that is counted.
    Total,
}

/// What a quota or a threshold is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Different persons, of whom at least so many were seen.
    Subjects,
}

/// How much was used within a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes.
    pub bytes: u64,
    /// Different persons, at least.
    pub subjects: u64,
    /// Records of one person each, by what is declared of their length.
    pub estimated_subjects: u64,
}

/// How much was used within each period that holds a day, up to that day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    periods: [Used; Period::ALL.len()],
}

/// How many persons there are at least.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lower {
    /// The most of any kind of identifier: one person may show several.
    pub persons: u64,
    /// By which kind they were counted, if there are any.
    pub kind: Option<IdentifierKind>,
    /// Whether that many different identifiers were seen, and not one more.
    pub is_exact: bool,
    /// The part of the bytes that could not be read, 0 to 1: who is in there is not counted.
    pub unseen_share: f64,
}

impl Day {
    /// 1970-01-01.
    pub const FIRST: Self = Self(0);

    /// The last day that a calendar has.
    pub const LAST: Self = Self(2_932_895);

    /// The day in which a tick lies, where clocks are `offset_seconds` before UTC (China:
    /// 28,800).
    pub fn of(tick: Tick, offset_seconds: i32) -> Self {
        let offset = u64::from(offset_seconds.unsigned_abs());
        let local = match offset_seconds < 0 {
            true => tick.0.saturating_sub(offset),
            false => tick.0.saturating_add(offset),
        };
        let day = u32::try_from(local / SECONDS_PER_DAY).unwrap_or(u32::MAX);
        Self(day.min(Self::LAST.0))
    }

    /// The day of a date; dates before 1970 count as the first of its days.
    pub fn of_date(date: Date) -> Self {
        let days = date.since(EPOCH).map_or(0, |span| span.get_days());
        Self(u32::try_from(days).unwrap_or(0).min(Self::LAST.0))
    }

    /// The date.
    pub fn date(self) -> Date {
        let days = i64::from(self.0.min(Self::LAST.0));
        EPOCH.checked_add(days.days()).unwrap_or(Date::MAX)
    }

    /// The day so many days before, or the first of all.
    pub const fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// The day so many days later, or the last of all.
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days).min(Self::LAST.0))
    }
}

impl TryFrom<u32> for Day {
    type Error = &'static str;

    fn try_from(day: u32) -> Result<Self, &'static str> {
        let is_day = day <= Self::LAST.0;
        is_day.then_some(Self(day)).ok_or("no day of a calendar")
    }
}

impl Window {
    /// The first day of the window that ends with a day.
    pub fn first(self, at: Day) -> Day {
        let january = |years_back: i16| {
            let year = at.date().year().saturating_sub(years_back);
            Day::of_date(Date::new(year, 1, 1).unwrap_or(EPOCH))
        };
        match self {
            Self::Year => january(0),
            Self::TwelveMonths => at.minus(364),
            Self::SincePreviousJanuary => january(1),
            Self::Since(day) => day,
            Self::Always => Day(0),
        }
    }

    /// Whether what is too old to be kept by days is part of it.
    pub(super) const fn is_endless(self) -> bool {
        matches!(self, Self::Always)
    }
}

impl Period {
    /// Every one, each within the next.
    pub const ALL: [Self; 4] = [Self::Day, Self::Month, Self::Year, Self::Total];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Total => "total",
        }
    }

    /// The first day of the period that holds a day.
    pub(super) fn first(self, at: Day) -> Day {
        match self {
            Self::Day => at,
            Self::Month => Day::of_date(at.date().first_of_month()),
            Self::Year => Window::Year.first(at),
            Self::Total => Day(0),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| none_of(&text, "period", &Self::ALL.map(Self::name)))
    }
}

impl Usage {
    /// What was used within a period.
    pub fn of(&self, period: Period) -> Used {
        let used = self.periods.get(period as usize);
        used.copied().unwrap_or_default()
    }

    /// Notes what was used within a period.
    pub fn set(&mut self, period: Period, used: Used) {
        if let Some(known) = self.periods.get_mut(period as usize) {
            *known = used;
        }
    }
}

const EPOCH: Date = date(1970, 1, 1);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHINA: i32 = 28_800;

    fn day(text: &str) -> Day {
        Day::of_date(text.parse().unwrap())
    }

    fn tick(text: &str) -> Tick {
        text.parse().unwrap()
    }

    #[test]
    fn the_year_turns_at_midnight_of_the_offset() {
        let before = Day::of(tick("2025-12-31T15:59:59Z"), CHINA);
        let after = Day::of(tick("2025-12-31T16:00:00Z"), CHINA);
        assert_eq!(before, day("2025-12-31"));
        assert_eq!(after, day("2026-01-01"));
        assert_eq!(Window::Year.first(before), day("2025-01-01"));
        assert_eq!(Window::Year.first(after), day("2026-01-01"));
        assert_eq!(Window::SincePreviousJanuary.first(after), day("2025-01-01"));
        assert_eq!(
            Day::of(tick("2026-01-01T04:59:59Z"), -18_000),
            day("2025-12-31")
        );
        assert_eq!(
            Day::of(tick("2026-01-01T05:00:00Z"), -18_000),
            day("2026-01-01")
        );
    }

    #[test]
    fn twelve_months_are_365_days_with_the_last() {
        let at = day("2026-03-01");
        assert_eq!(Window::TwelveMonths.first(at), day("2025-03-02"));
        assert_eq!(Window::TwelveMonths.first(Day(3)), Day(0));
        assert_eq!(Period::Month.first(day("2024-02-29")), day("2024-02-01"));
    }

    #[test]
    fn days_beyond_every_calendar_are_the_last_one() {
        let last = Day::of(Tick(u64::MAX), CHINA);
        assert_eq!(last, Day::LAST);
        assert_eq!(last.date().to_string(), "9999-12-30");
        assert_eq!(last.plus(7), last);
        assert!(Day::try_from(u32::MAX).is_err());
        assert_eq!(Day::of(Tick(5), -CHINA), Day(0));
        assert_eq!(Day::of_date(Date::MIN), Day(0));
    }

    proptest! {
        #[test]
        fn windows_agree_with_the_calendar(
            seconds in 0u64..4_102_444_800,
            offset in -43_200i32..=50_400,
        ) {
            let at = Day::of(Tick(seconds), offset);
            let zone = jiff::tz::Offset::from_seconds(offset).unwrap();
            let moment = jiff::Timestamp::from_second(seconds as i64).unwrap();
            let local = zone.to_datetime(moment).date();
            // What is before 1970 where the site is counts as its first day.
            let local = local.max(EPOCH);
            prop_assert_eq!(at.date(), local);
            prop_assert_eq!(Day::of_date(local), at);
            let first = Window::Year.first(at).date();
            prop_assert_eq!((first.year(), first.day_of_year()), (local.year(), 1));
            let of_month = Period::Month.first(at).date();
            prop_assert_eq!(of_month, local.first_of_month());
            let previous = Window::SincePreviousJanuary.first(at);
            prop_assert!(previous <= Window::Year.first(at));
            prop_assert!(previous.plus(731) > at);
        }
    }
}
