//! What of an asset's exports only has another country than before.

use crate::geo::Country;

use super::{AssetState, Cell, CellKey};

/// Bytes that would have gone to the same autonomous system over the same service in another
/// country, as far as the asset has sent as much there before and does not now.
///
/// Idea: a content network answers from elsewhere, or a database says from now on that an
/// address is elsewhere. Then the same bytes leave for the same recipient, and it is the
/// country that is new. What goes beyond the asset's own largest hours and days towards that
/// network counts as before.
/// Blind spot: a leak to a network that the asset uses in another country, while it is
/// silent there, up to what it has sent there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Of the running hour.
    pub hour_bytes: u64,
    /// Of the last 24 hours.
    pub day_bytes: f64,
    /// All bytes of the last 24 hours, if any of them have moved.
    pub day_all_bytes: f64,
}

impl Moved {
    /// The share of a day that has not moved.
    pub fn stayed_share(&self) -> f64 {
        if self.day_bytes <= 0.0 {
            return 1.0;
        }
        (1.0 - self.day_bytes / self.day_all_bytes.max(self.day_bytes)).max(0.0)
    }

    /// Adds what is known of another cell.
    pub(super) fn add(&mut self, other: Self) {
        self.hour_bytes = self.hour_bytes.saturating_add(other.hour_bytes);
        self.day_bytes += other.day_bytes;
    }
}

impl AssetState {
    /// What of a cell has moved there, in the hour that runs.
    pub fn moved(&self, key: CellKey, cell: &Cell, hour: u64) -> Moved {
        if key.asn == 0 {
            return Moved::default();
        }
        let begun = cell.novelty.since.hour();
        let is_young = hour <= begun + MOVING_HOURS;
        let is_relabelled = cell.is_relabelled(hour);
        let is_same = |other: &CellKey| {
            (other.asn, other.service) == (key.asn, key.service) && other.country != key.country
        };
        let (mut hour_room, mut day_room) = (0.0, 0.0);
        for (_, other) in self.cells.iter().filter(|(other, _)| is_same(other)) {
            let is_older = other.novelty.since.hour() + KNOWN_HOURS <= begun;
            let is_silent =
                other.last_hour + SILENT_HOURS <= hour && hour <= other.last_hour + MOVING_HOURS;
            let is_left = (is_young && is_older) || is_relabelled || is_silent;
            if let Some(record) = other.record().filter(|_| is_left) {
                let (hours, days) = (&record.past.hour_peaks, &record.past.day_peaks);
                hour_room += (hours.largest() * ROOM - other.hour_bytes as f64).max(0.0);
                day_room += (days.largest() * ROOM - day_bytes(other, hour)).max(0.0);
            }
        }
        if day_room <= 0.0 {
            return Moved::default();
        }
        let day_all_bytes = day_bytes(cell, hour);
        Moved {
            hour_bytes: cell.hour_bytes.min(hour_room as u64),
            day_bytes: day_all_bytes.min(day_room),
            day_all_bytes,
        }
    }

    /// What of all that goes to a country has moved there.
    pub fn moved_to(&self, country: Country, hour: u64) -> Moved {
        let mut all = Moved::default();
        for (key, cell) in self.cells_of(country) {
            all.add(self.moved(*key, cell, hour));
        }
        if all.day_bytes > 0.0 {
            let known = self.countries.get(&country);
            all.day_all_bytes = known.map_or(0.0, |known| day_bytes(&known.all, hour));
        }
        all
    }
}

fn day_bytes(cell: &Cell, hour: u64) -> f64 {
    let before = cell.record().map_or(0.0, |known| known.past.before(hour));
    before + cell.hour_bytes as f64
}

/// For how long a cell may be one that others have moved to, hours: two weeks, after which it
/// has a past of its own.
const MOVING_HOURS: u64 = 14 * 24;

/// For how long nothing has gone to a cell that something has moved from, hours.
const SILENT_HOURS: u64 = 12;

/// How much older a cell is that something has moved from, hours.
const KNOWN_HOURS: u64 = 72;

/// How much more than the largest before may have moved: no hour is like another.
const ROOM: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::super::tests::{add, transfer};
    use super::super::{Baseline, ByStage, Learn};
    use super::*;
    use crate::time::Calendar;
    use crate::transfer::Transfer;

    const DAYS: u64 = 10;

    fn to(country: &str, hour: u64, bytes: u64) -> Transfer {
        Transfer {
            country: country.parse().unwrap(),
            ..transfer(1, 7, hour * 3_600, bytes)
        }
    }

    /// What has moved to HK, when an asset that sent 1 MB an hour to the system in SG sends
    /// so much there and there in the next hour.
    fn moved(sent: &[(&str, u64)]) -> Moved {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        for hour in 0..DAYS * 24 {
            baseline.open_hour(hour);
            add(&mut baseline, &to("SG", hour, 1_000_000));
            let slot = calendar.slot(crate::time::Tick::of_hour(hour));
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        }
        let hour = DAYS * 24;
        baseline.open_hour(hour);
        for (country, bytes) in sent {
            add(&mut baseline, &to(country, hour, *bytes));
        }
        let state = baseline.assets.values().next().unwrap();
        state.moved_to("HK".parse().unwrap(), hour)
    }

    #[test]
    fn what_goes_to_the_same_system_elsewhere_has_moved() {
        let all = moved(&[("HK", 1_000_000)]);
        assert_eq!((all.hour_bytes, all.stayed_share()), (1_000_000, 0.0));
    }

    #[test]
    fn what_is_more_than_it_was_before_has_not() {
        let more = moved(&[("HK", 100_000_000)]);
        assert!(more.hour_bytes <= 1_500_000, "{more:?}");
        assert!(more.stayed_share() > 0.8, "{more:?}");
    }

    #[test]
    fn what_comes_on_top_has_not_but_for_a_little() {
        let beside = moved(&[("SG", 1_500_000), ("HK", 1_000_000)]);
        assert_eq!(beside.hour_bytes, 0, "{beside:?}");
        let nothing = moved(&[("SG", 1_000_000)]);
        assert_eq!((nothing.hour_bytes, nothing.stayed_share()), (0, 1.0));
    }
}
