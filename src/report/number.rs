//! Numbers and times as people read them.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::time::Tick;

/// Bytes in decimal units (IEC 80000-13) with three digits: `1.25 GB`.
pub(super) fn bytes(value: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if value < 1_000 {
        return format!("{value} B");
    }
    let mut scaled = value as f64;
    let mut unit = "B";
    for larger in UNITS {
        // What would be rounded to 1000 belongs to the next unit.
        if scaled < 999.5 {
            break;
        }
        scaled /= 1_000.0;
        unit = larger;
    }
    let digits = match scaled {
        scaled if scaled < 9.995 => 2,
        scaled if scaled < 99.95 => 1,
        _ => 0,
    };
    format!("{scaled:.digits$} {unit}")
}

/// A count with a comma between groups of three digits: `1,234,567`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with the English word of what is counted: `1 recipient`, `2 recipients`. The word gets
/// an `s`, or `ies` for its `y`.
pub(super) fn of(value: u64, word: &str) -> String {
    let text = count(value);
    match (value, word.strip_suffix('y')) {
        (1, _) => format!("{text} {word}"),
        (_, Some(stem)) if !stem.ends_with('a') => format!("{text} {stem}ies"),
        _ => format!("{text} {word}s"),
    }
}

/// A share in percent. What is not nothing is never shown as 0, nor what is not all as 100.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        _ if part == 0 => "0 %".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent if percent > 99.9 && part < whole => "> 99.9 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// A moment in a zone with its offset: `2026-03-16 09:12:05 +08:00`.
pub(super) fn moment(tick: Tick, zone: &TimeZone) -> String {
    let zoned = timestamp(tick).to_zoned_datetime(zone.clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// The day of a moment in a zone.
pub(super) fn day(tick: Tick, zone: &TimeZone) -> Date {
    zone.to_datetime(timestamp(tick)).date()
}

/// Days from `from` to `to`, both counted; 0 where `to` is the earlier one.
pub(super) fn days_counted(from: Date, to: Date) -> u64 {
    let days = from
        .until(to)
        .map_or(0, |span| i64::from(span.get_days()) + 1);
    u64::try_from(days).unwrap_or(0)
}

fn timestamp(tick: Tick) -> jiff::Timestamp {
    let seconds = i64::try_from(tick.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_996, "10.0 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (1_254_000_000, "1.25 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (value, text) in cases {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn counts_have_groups_and_shares_are_never_rounded_away() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123_456), "123,456");
        assert_eq!(of(1, "country"), "1 country");
        assert_eq!(of(2, "country"), "2 countries");
        assert_eq!(of(1_000, "day"), "1,000 days");
        assert_eq!(share(1, 0), "–");
        assert_eq!(share(1, 1_000_000), "< 0.1 %");
        assert_eq!(share(999_999, 1_000_000), "> 99.9 %");
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!(share(0, 3), "0 %");
        assert_eq!(share(3, 3), "100 %");
    }

    #[test]
    fn times_carry_their_zone() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        let tick: Tick = "2026-03-15T16:00:00Z".parse().unwrap();
        assert_eq!(moment(tick, &shanghai), "2026-03-16 00:00:00 +08:00");
        assert_eq!(day(tick, &shanghai).to_string(), "2026-03-16");
        assert_eq!(day(tick, &TimeZone::UTC).to_string(), "2026-03-15");
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(days_counted(date("2026-01-01"), date("2026-12-31")), 365);
        assert_eq!(days_counted(date("2026-01-02"), date("2026-01-01")), 0);
    }
}
