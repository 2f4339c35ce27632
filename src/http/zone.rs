//! How far the site's time zone is from UTC, for pages that show times in it.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Days before and after a moment for which offsets are told: two years, and a few days.
const DAYS: i64 = 740;

/// The offsets of a zone around a moment: the second of the Unix epoch from which, and seconds
/// east of UTC, in their order. A zone that is not known is UTC, as elsewhere.
pub(super) fn offsets(name: &str, around: Timestamp) -> Vec<(i64, i32)> {
    let zone = TimeZone::get(name).unwrap_or(TimeZone::UTC);
    let hours = (DAYS * 24).hours();
    let begin = around.checked_sub(hours).unwrap_or(Timestamp::MIN);
    let end = around.checked_add(hours).unwrap_or(Timestamp::MAX);
    let mut offsets = vec![(begin.as_second(), zone.to_offset(begin).seconds())];
    let changes = zone.following(begin);
    let changes = changes.take_while(|change| change.timestamp() <= end);
    offsets
        .extend(changes.map(|change| (change.timestamp().as_second(), change.offset().seconds())));
    // Some changes are of a name alone.
    offsets.dedup_by_key(|(_, offset)| *offset);
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, around: &str) -> Vec<(i64, i32)> {
        offsets(name, around.parse().unwrap())
    }

    #[test]
    fn summer_time_begins_and_ends() {
        let berlin = of("Europe/Berlin", "2026-06-01T00:00:00Z");
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        for change in [
            (at("2025-10-26T01:00:00Z"), 3_600),
            (at("2026-03-29T01:00:00Z"), 7_200),
            (at("2026-10-25T01:00:00Z"), 3_600),
        ] {
            assert!(berlin.contains(&change), "{change:?} {berlin:?}");
        }
        assert!(berlin[0].0 < at("2024-06-01T00:00:00Z"));
        assert!(berlin.last().unwrap().0 > at("2028-03-01T00:00:00Z"));
        assert!(berlin.is_sorted());
        assert!(berlin.len() < 12, "two a year");
    }

    #[test]
    fn a_zone_without_changes_has_one_offset() {
        let around = "2026-06-01T00:00:00Z";
        let only = |name| {
            of(name, around)
                .iter()
                .map(|(_, offset)| *offset)
                .collect::<Vec<_>>()
        };
        assert_eq!(only("Asia/Shanghai"), [28_800]);
        assert_eq!(only("UTC"), [0]);
        assert_eq!(only("No/Where"), [0]);
        let newfoundland = only("America/St_Johns");
        assert!(newfoundland.contains(&-12_600) && newfoundland.contains(&-9_000));
    }

    #[test]
    fn any_moment_will_do() {
        for around in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            assert!(!offsets("Europe/Berlin", around).is_empty());
        }
    }
}
