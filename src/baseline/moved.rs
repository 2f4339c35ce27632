//! What of an asset's exports only has another country than before.

use crate::geo::Country;

use super::{AssetState, Cell, CellKey, HOURS_PER_DAY, Peaks};

/// Bytes that would have gone to the same autonomous system over the same service in another
/// country, as far as the asset has sent as much there before and does not now.
///
/// Idea: a content network answers from elsewhere, or a database says from now on that an
/// address is elsewhere. Then the same bytes leave for the same recipient, and it is the
/// country that is new. What goes beyond the asset's own largest hours and days towards that
/// network counts as before, and no more than it would had it stayed: what goes to both places
/// together is held against the past of the older one, too.
/// Something has moved to a cell where it is younger than the other, or the other has fallen
/// silent, or the database says of a network in it that it was elsewhere.
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
    /// What it has moved from, where that sent most.
    pub from: Option<Origin>,
}

/// A cell that something has moved from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Origin {
    /// Its largest hours.
    pub hour_peaks: Peaks,
    /// Its largest days.
    pub day_peaks: Peaks,
    /// What still goes there: bytes of the running hour.
    pub hour_bytes: u64,
    /// The same of the last 24 hours.
    pub day_bytes: f64,
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
        // Most cells of an asset have had nothing for a day.
        let is_idle = cell.hour_bytes == 0 && cell.last_hour + HOURS_PER_DAY < hour;
        if key.asn == 0 || is_idle {
            return Moved::default();
        }
        let begun = cell.novelty.since.hour();
        let is_young = hour <= begun + MOVING_HOURS;
        let is_relabelled = cell.novelty.is_relabelled(hour);
        let is_same = |other: &CellKey| {
            (other.asn, other.service) == (key.asn, key.service) && other.country != key.country
        };
        let (mut hour_room, mut day_room) = (0.0, 0.0);
        let mut from: Option<Origin> = None;
        for (_, other) in self.cells.iter().filter(|(other, _)| is_same(other)) {
            let is_older = other.novelty.since.hour() + KNOWN_HOURS <= begun;
            let is_silent =
                other.last_hour + SILENT_HOURS <= hour && hour <= other.last_hour + MOVING_HOURS;
            let is_left = (is_young && is_older) || is_relabelled || is_silent;
            if let Some(record) = other.record().filter(|_| is_left) {
                let (hours, days) = (&record.past.hour_peaks, &record.past.day_peaks);
                hour_room += (hours.largest() * ROOM - other.hour_bytes as f64).max(0.0);
                day_room += (days.largest() * ROOM - day_bytes(other, hour)).max(0.0);
                if from.is_none_or(|from| from.day_peaks.largest() < days.largest()) {
                    from = Some(Origin {
                        hour_peaks: *hours,
                        day_peaks: *days,
                        hour_bytes: other.hour_bytes,
                        day_bytes: day_bytes(other, hour),
                    });
                }
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
            from,
        }
    }

    /// What of all that goes to a country has moved there.
    pub fn moved_to(&self, country: Country, hour: u64) -> Moved {
        let mut all = Moved::default();
        let day_all_bytes = self
            .countries
            .get(&country)
            .map_or(0.0, |known| day_bytes(&known.all, hour));
        for (key, cell) in self.cells_of(country) {
            let of_cell = self.moved(*key, cell, hour);
            all.add(of_cell);
            // What stands for the country is more than half of it.
            if of_cell.day_all_bytes > day_all_bytes / 2.0 {
                all.from = of_cell.from;
            }
        }
        if all.day_bytes > 0.0 {
            all.day_all_bytes = day_all_bytes;
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
    fn what_has_moved_is_held_against_the_past_of_where_it_was() {
        let from = moved(&[("SG", 300_000), ("HK", 1_000_000)]).from.unwrap();
        let largest = from.day_peaks.largest();
        assert!((20e6..=24e6).contains(&largest), "{largest}");
        assert_eq!(from.hour_bytes, 300_000);
        assert_eq!(from.day_bytes, 23e6 + 300e3);
        assert_eq!(moved(&[("SG", 300_000)]).from, None);
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

    /// What has moved to HK of 2 MB, when an asset that sent 1 MB an hour to the system in SG
    /// and 1 kB to that in HK has sent SG nothing for so many hours. The last 2 MB go to
    /// `peer`; all before went to 192.0.2.1.
    fn moved_to_a_known_place(silent_hours: u64, peer: [u8; 4]) -> u64 {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        let last = DAYS * 24 + silent_hours;
        let at = |peer: [u8; 4], transfer: Transfer| Transfer {
            conversation: Some(crate::transfer::Conversation {
                asset_port: 40_000,
                peer: peer.into(),
                peer_port: 443,
                protocol: 6,
            }),
            ..transfer
        };
        for hour in 0..last {
            baseline.open_hour(hour);
            if hour < DAYS * 24 {
                let sent = at([192, 0, 2, 1], to("SG", hour, 1_000_000));
                add(&mut baseline, &sent);
            }
            let sent = at([198, 51, 100, 1], to("HK", hour, 1_000));
            add(&mut baseline, &sent);
            let slot = calendar.slot(crate::time::Tick::of_hour(hour));
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        }
        baseline.open_hour(last);
        add(&mut baseline, &at(peer, to("HK", last, 2_000_000)));
        let state = baseline.assets.values().next().unwrap();
        state.moved_to("HK".parse().unwrap(), last).hour_bytes
    }

    #[test]
    fn what_has_fallen_silent_may_have_moved_to_where_something_went_before() {
        let [other, relabelled] = [[203, 0, 113, 1], [192, 0, 2, 9]];
        assert_eq!(moved_to_a_known_place(2, other), 0);
        assert_eq!(moved_to_a_known_place(SILENT_HOURS, other), 1_500_000);
        // Two weeks later it is another matter.
        assert_eq!(moved_to_a_known_place(MOVING_HOURS + 1, other), 0);
        // Where the database now says that the same network is elsewhere, at once.
        assert_eq!(moved_to_a_known_place(1, relabelled), 1_500_000);
    }
}
