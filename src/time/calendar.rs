//! What hour of what kind of day it is where the site stands.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use thiserror::Error;

use super::Tick;

/// Slots of a [`Calendar`]: 24 hours of a working day, then 24 of any other day.
pub const SLOTS: usize = 48;

/// An hour of the day on a working day (0 to 23) or on another day (24 to 47).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HourSlot(u8);

impl HourSlot {
    /// Every hour of a working day, then of another.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS as u8).map(Self)
    }

    /// The slot's place in an array of [`SLOTS`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The hour of the day, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.0 % 24
    }

    /// Whether the day is a working day.
    pub const fn is_working(self) -> bool {
        self.0 < 24
    }

    /// The same kind of day, `hours` later on the clock face (negative: earlier).
    pub const fn shifted(self, hours: i8) -> Self {
        let hour = (self.0 % 24) as i8 + hours;
        Self(hour.rem_euclid(24) as u8 + if self.is_working() { 0 } else { 24 })
    }
}

/// Why a calendar could not be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CalendarError {
    /// The zone is not in the IANA time zone database.
    #[error("unknown time zone `{0}`: use an IANA name such as \"Asia/Shanghai\" or \"UTC\"")]
    Zone(String),
    /// The text is not a date.
    #[error("`{0}` is not a date: write it as \"2026-10-01\"")]
    Date(String),
}

/// The site's time zone and holidays.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// Makes a calendar from an IANA zone name and dates written as `2026-10-01`.
    ///
    /// # Errors
    /// Names the zone or date that could not be read.
    pub fn new(zone: &str, holidays: &[String]) -> Result<Self, CalendarError> {
        let zone = TimeZone::get(zone).map_err(|_| CalendarError::Zone(zone.to_owned()))?;
        let holidays = holidays
            .iter()
            .map(|text| text.parse().map_err(|_| CalendarError::Date(text.clone())))
            .collect::<Result<_, _>>()?;
        Ok(Self { zone, holidays })
    }

    /// The slot in which `tick` lies. Saturdays, Sundays and holidays are not working days.
    pub fn slot(&self, tick: Tick) -> HourSlot {
        let seconds = i64::try_from(tick.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        let local = self.zone.to_datetime(moment);
        let weekend = matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday);
        let hour = local.hour().unsigned_abs();
        let free = weekend || self.holidays.contains(&local.date());
        HourSlot(if free { 24 + hour } else { hour })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02 is a Monday; the tick is 00:30 UTC.
    const MONDAY: Tick = Tick(1_772_411_400);

    #[test]
    fn the_site_zone_decides_the_hour_and_the_day() {
        let utc = Calendar::new("UTC", &[]).unwrap();
        assert_eq!(utc.slot(MONDAY).index(), 0);
        let shanghai = Calendar::new("Asia/Shanghai", &[]).unwrap();
        assert_eq!(shanghai.slot(MONDAY).index(), 8);
        let new_york = Calendar::new("America/New_York", &[]).unwrap();
        assert_eq!(new_york.slot(MONDAY).index(), 24 + 19, "still Sunday there");
    }

    #[test]
    fn a_holiday_is_not_a_working_day() {
        let calendar = Calendar::new("UTC", &["2026-03-02".to_owned()]).unwrap();
        assert_eq!(calendar.slot(MONDAY).index(), 24);
    }

    #[test]
    fn a_shift_stays_within_the_kind_of_day() {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let midnight = calendar.slot(MONDAY);
        assert_eq!(midnight.shifted(-1).index(), 23);
        assert_eq!(midnight.shifted(25).index(), 1);
        assert!(midnight.shifted(-1).is_working());
    }

    #[test]
    fn errors_name_what_could_not_be_read() {
        let zone = Calendar::new("Mars/Olympus", &[]).unwrap_err();
        assert!(zone.to_string().contains("Mars/Olympus"));
        let date = Calendar::new("UTC", &["1 May".to_owned()]).unwrap_err();
        assert_eq!(date, CalendarError::Date("1 May".to_owned()));
    }
}
