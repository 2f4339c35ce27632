//! Packet time: the only clock that the stages know.
//!
//! Nothing below `pipeline` reads a wall clock. A [`Timestamp`] comes with each frame
//! and is passed on as an argument, so that a capture replayed twice gives the same
//! bytes twice.

mod calendar;

pub use calendar::{Calendar, CalendarError, HourSlot, SLOTS};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Seconds in an hour.
pub const SECONDS_PER_HOUR: u64 = 3_600;

/// Seconds in a day.
pub const SECONDS_PER_DAY: u64 = 86_400;

/// A moment of packet time: nanoseconds since 1970-01-01T00:00:00 UTC.
///
/// Times before 1970 do not exist in capture files and are read as 0. The range ends in
/// the year 2554.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of the epoch.
    pub const ZERO: Self = Self(0);

    /// Makes a timestamp from nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Makes a timestamp from seconds and nanoseconds. Negative parts count as zero, and
    /// what lies beyond the range becomes its end.
    pub fn from_parts(seconds: i64, nanos: i64) -> Self {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let nanos = u64::try_from(nanos).unwrap_or(0);
        Self(
            seconds
                .saturating_mul(NANOS_PER_SECOND)
                .saturating_add(nanos),
        )
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The tick in which this moment lies.
    pub const fn tick(self) -> Tick {
        Tick(self.0 / NANOS_PER_SECOND)
    }

    /// Nanoseconds from `earlier` to this moment, and 0 where `earlier` is the later one.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with nine digits: `2026-03-02T08:00:00.000000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default();
        write!(f, "{moment:.9}")
    }
}

/// One second of packet time, named by the whole seconds since the epoch at its start.
///
/// Everything that the sensor does by itself (expiry, transfers, alerts) it does when a
/// tick closes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Tick(pub u64);

impl Tick {
    /// The tick that lies `seconds` after this one.
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this tick, and 0 where `earlier` is the later one.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first moment of this tick.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(NANOS_PER_SECOND))
    }

    /// The first moment after this tick, which is when things of this tick are told.
    pub const fn end(self) -> Timestamp {
        self.plus_seconds(1).start()
    }

    /// The hour in which this tick lies, counted from the epoch.
    pub const fn hour(self) -> u64 {
        self.0 / SECONDS_PER_HOUR
    }

    /// The first tick of the hour `hour`, counted from the epoch.
    pub const fn of_hour(hour: u64) -> Self {
        Self(hour.saturating_mul(SECONDS_PER_HOUR))
    }
}

impl FromStr for Tick {
    type Err = String;

    /// As it is printed; fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, String> {
        let moment: Result<jiff::Timestamp, _> = text.parse();
        let seconds = moment.ok().map(jiff::Timestamp::as_second);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        seconds
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no time such as 2026-03-02T08:00:00Z"))
    }
}

impl fmt::Display for Tick {
    /// RFC 3339 in UTC to the second: `2026-03-02T08:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_second(seconds).unwrap_or_default();
        write!(f, "{moment:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_rfc_3339_with_nine_digits() {
        let moment = Timestamp::from_parts(1_772_438_400, 5);
        assert_eq!(moment.to_string(), "2026-03-02T08:00:00.000000005Z");
        assert_eq!(
            Timestamp::ZERO.to_string(),
            "1970-01-01T00:00:00.000000000Z"
        );
        assert_eq!(moment.tick().to_string(), "2026-03-02T08:00:00Z");
        assert_eq!(
            moment.tick().end().tick().to_string(),
            "2026-03-02T08:00:01Z"
        );
    }

    #[test]
    fn what_no_clock_can_show_is_clamped() {
        assert_eq!(Timestamp::from_parts(-1, -1), Timestamp::ZERO);
        assert_eq!(Timestamp::from_parts(i64::MAX, 0).as_nanos(), u64::MAX);
        assert_eq!(
            Timestamp::from_nanos(u64::MAX).to_string(),
            "2554-07-21T23:34:33.709551615Z"
        );
        assert_eq!(Tick(u64::MAX).plus_seconds(1), Tick(u64::MAX));
        assert_eq!(Timestamp::ZERO.nanos_since(Timestamp::from_nanos(7)), 0);
    }
}
