//! Two assets that turn out to be one machine.
//!
//! The rule: the one that has been learned for longer keeps what it has learned, and nothing is
//! added to that. A week of learning is enough: of two that have it, the machine keeps its own.
//! Of the other goes over what is still running, and is added: the bytes of the hour and of the
//! last 24 hours, runs, what it sent while something was new, its conversations, its alerts. So
//! the next hour, day and ceiling see the sum.
//!
//! No reference, no frozen week and no count of days is ever the sum of two, or the larger of
//! two, so nobody widens what is normal for a machine by giving it more addresses. A destination
//! that only the other has goes over as it is once it is too old to be new; a younger one is new
//! to the machine, and what it taught is dropped: else the first hours of a fresh address, in
//! which nothing is told yet, would teach the machine what it may send.

use super::cell::Alerted;
use super::habit::Excursion;
use super::novelty::Newness;
use super::{
    AssetRecord, AssetState, Baseline, CELLS_PER_ASSET_MAX, Cell, CellKey, Destination,
    HOURS_PER_DAY, Habit, NEW_DAYS, Novelty, Past, Record,
};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::Tick;

/// What the larger of two hours had that are one now: all bytes, and those in the clear or
/// weakly protected.
pub type LargerHour = (Country, [u64; 2]);

/// Hours of learning that are enough for an asset to keep what it has learned: a week.
const LEARNED_HOURS: u64 = NEW_DAYS * HOURS_PER_DAY;

/// When two are joined, and whether all that they know is of the first day.
#[derive(Clone, Copy, Debug)]
struct Joining {
    now: Tick,
    is_first_day: bool,
}

impl Joining {
    /// Whether something is known for so long that it goes over with what it has taught.
    const fn keeps(self, novelty: &Novelty) -> bool {
        self.is_first_day || self.now.0 >= novelty.end().0
    }
}

impl Baseline {
    /// Has an asset go on with what is known of another key of it. Where something is known of
    /// both, they are joined in the running hour of `now`, and the countries are returned to
    /// which both have sent in it.
    pub fn join(&mut self, before: AssetKey, asset: AssetKey, now: Tick) -> Vec<LargerHour> {
        let Some(other) = self.assets.remove(&before) else {
            return Vec::new();
        };
        self.peers.join(before, asset);
        let Some(own) = self.assets.remove(&asset) else {
            self.assets.insert(asset, other);
            return Vec::new();
        };
        let rank = |state: &AssetState| {
            let hours = state.hours(self.hours_observed).min(LEARNED_HOURS);
            (hours, state.record().is_some())
        };
        let (mut elder, younger) = if rank(&other) > rank(&own) {
            (other, own)
        } else {
            (own, other)
        };
        let joining = Joining {
            now,
            is_first_day: elder.hours(self.hours_observed) < HOURS_PER_DAY,
        };
        let larger = elder.larger_hours(&younger);
        for (country, known) in younger.countries.iter() {
            if elder.countries.get(country).is_some() {
                self.peers.uncount(*country, now.hour(), known.counted);
            }
        }
        let sizes = |state: &AssetState| [state.cells.len(), state.countries.len()];
        let before = std::iter::zip(sizes(&elder), sizes(&younger)).map(|(a, b)| a + b);
        let before: Vec<_> = before.collect();
        self.cells_gathered += elder.join(younger, joining);
        let after = sizes(&elder);
        self.cells = (self.cells + after[0]).saturating_sub(before[0]);
        self.destinations = (self.destinations + after[1]).saturating_sub(before[1]);
        self.assets.insert(asset, elder);
        larger
    }
}

impl AssetState {
    /// Whether it has exported anything in an hour or after it.
    pub fn has_exported_since(&self, hour: u64) -> bool {
        let mut known = self.countries.values().map(|known| &known.all);
        known.any(|all| all.hour_bytes > 0 || all.last_hour >= hour)
    }

    /// The larger of two hours, by country to which both have sent in it.
    fn larger_hours(&self, other: &Self) -> Vec<LargerHour> {
        let both = other.countries.iter().filter_map(|(country, theirs)| {
            let own = self.countries.get(country)?;
            let hours = [own, theirs].map(|known| [known.all.hour_bytes, known.unprotected_bytes]);
            let [own, theirs] = hours;
            let is_of_both = own[0] > 0 && theirs[0] > 0;
            is_of_both.then(|| (*country, [own[0].max(theirs[0]), own[1].max(theirs[1])]))
        });
        both.collect()
    }

    /// Takes what is running of another, and returns how many cells found no room of their own.
    fn join(&mut self, other: Self, joining: Joining) -> u64 {
        self.served_bytes = self.served_bytes.saturating_add(other.served_bytes);
        self.asked_bytes = self.asked_bytes.saturating_add(other.asked_bytes);
        if let Some(record) = other.record {
            let own = self.record.get_or_insert_default();
            own.join(*record, joining);
        }
        for (country, theirs) in other.countries.into_entries() {
            match self.countries.place(&country) {
                Ok(place) => self.countries.at(place).join(theirs, joining),
                Err(place) => {
                    let theirs = theirs.moved(joining);
                    self.countries.insert(place, country, theirs);
                }
            }
        }
        let mut gathered = 0;
        for (key, theirs) in other.cells.into_entries() {
            gathered += u64::from(self.join_cell(key, theirs, joining));
        }
        gathered
    }

    /// Says whether it found no room of its own.
    fn join_cell(&mut self, key: CellKey, theirs: Cell, joining: Joining) -> bool {
        let is_full = self.cells.len() >= CELLS_PER_ASSET_MAX;
        let is_gathered = is_full && self.cells.place(&key).is_err();
        let newness = self.newness_of(key, joining.is_first_day || is_gathered);
        let key = if is_gathered { key.gathering() } else { key };
        match self.cells.place(&key) {
            Ok(place) => self.cells.at(place).join(theirs, joining),
            Err(place) => {
                let keeps = !is_gathered && joining.keeps(&theirs.novelty);
                let theirs = match keeps {
                    true => theirs,
                    false => theirs.unlearned(newness, joining),
                };
                self.cells.insert(place, key, theirs);
            }
        }
        is_gathered
    }
}

impl AssetRecord {
    fn join(&mut self, other: Self, joining: Joining) {
        let pairs = [
            (&mut self.all, other.all),
            (&mut self.new_countries, other.new_countries),
            (&mut self.new_networks, other.new_networks),
            (&mut self.new_services, other.new_services),
            (&mut self.new_recipients, other.new_recipients),
            (&mut self.odd_hours, other.odd_hours),
        ];
        for (own, theirs) in pairs {
            own.join(&theirs);
        }
        for (service, theirs) in other.services.into_entries() {
            self.services.entry(service).join(&theirs);
        }
        self.receivers
            .join(other.receivers, joining.now, joining.is_first_day);
    }
}

impl Destination {
    /// Becomes the destination of a machine that did not know it.
    fn moved(mut self, joining: Joining) -> Self {
        if !joining.keeps(&self.all.novelty) {
            self.all = self.all.unlearned(Novelty::of(true), joining);
            self.growth = None;
        }
        self
    }

    /// What it came to week by week stays, and so does what is frozen of it.
    fn join(&mut self, other: Self, joining: Joining) {
        self.day_score = self.day_score.max(other.day_score);
        self.weigh_at_bytes = self.weigh_at_bytes.min(other.weigh_at_bytes);
        self.sure(other.confidence, other.sure_bytes);
        let unprotected = &mut self.unprotected_bytes;
        *unprotected = unprotected.saturating_add(other.unprotected_bytes);
        self.asset_ip = self.asset_ip.or(other.asset_ip);
        self.is_counted |= other.is_counted;
        for flow in other.top.first.into_iter().chain(other.top.others) {
            self.rank(flow.asset_ip, flow.conversation, flow.bytes);
        }
        self.all.join(other.all, joining);
    }
}

impl Cell {
    fn join(&mut self, other: Self, joining: Joining) {
        self.novelty.join(other.new_bytes(joining));
        self.novelty.join_relabels(&other.novelty);
        self.hour_bytes = self.hour_bytes.saturating_add(other.hour_bytes);
        self.last_hour = self.last_hour.max(other.last_hour);
        self.alerted.join(other.alerted);
        if let Some(record) = other.record {
            let own = self.record.get_or_insert_default();
            own.past.join(&record.past);
            own.habit.join(&record.habit);
        }
    }

    /// Keeps what is running, and nothing that was learned. It is as new as `newness` says.
    fn unlearned(mut self, newness: Newness, joining: Joining) -> Self {
        let bytes = self.new_bytes(joining);
        let before = self.novelty;
        self.novelty = Novelty::begin(before.since, newness);
        self.novelty.join_relabels(&before);
        self.novelty.join(bytes);
        self.alerted.days = 0;
        if let Some(record) = &mut self.record {
            let mut running = Record::default();
            running.past.join(&record.past);
            running.habit.join(&record.habit);
            **record = running;
        }
        self
    }

    /// What it sent while it was new, or in the last day if that is not known.
    fn new_bytes(&self, joining: Joining) -> u64 {
        let hour = joining.now.hour();
        let before = self.record().map_or(0.0, |record| record.past.before(hour));
        let day_bytes = self.hour_bytes.saturating_add(before as u64);
        self.novelty.bytes.max(day_bytes)
    }
}

impl Alerted {
    /// For how many days in a row stays: what is told of for ten becomes the norm.
    const fn join(&mut self, other: Self) {
        self.hour |= other.hour;
        self.day |= other.day;
        self.accepted |= other.accepted;
        self.excused |= other.excused;
    }
}

impl Past {
    /// Adds the hours of another. The highest of the running day are at least those of each;
    /// the next hour that ends has the sum.
    fn join(&mut self, other: &Self) {
        for (own, theirs) in self.hours.iter_mut().zip(other.hours) {
            *own += theirs;
        }
        for (own, theirs) in self.running.iter_mut().zip(other.running) {
            *own = own.max(theirs);
        }
    }
}

impl Habit {
    /// Adds the run of another.
    fn join(&mut self, other: &Self) {
        self.running = self.running.max(other.running);
        let (own, theirs) = (self.run, other.run);
        self.run = match (own.sum > 0.0, theirs.sum > 0.0) {
            (_, false) => own,
            (false, true) => theirs,
            (true, true) => Excursion {
                sum: own.sum.max(theirs.sum),
                excess_bytes: own.excess_bytes.saturating_add(theirs.excess_bytes),
                bytes: own.bytes.saturating_add(theirs.bytes),
                since_hour: own.since_hour.min(theirs.since_hour),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{add, transfer};
    use super::super::{ByStage, Learn};
    use super::*;
    use crate::time::{Calendar, SECONDS_PER_HOUR};
    use crate::transfer::Transfer;

    /// Some transfers of assets 1 and 2: which, the network, the country, the hour, bytes.
    type Sent = (u32, u32, usize, u64, u64);

    const COUNTRIES: [&str; 3] = ["SG", "DE", "US"];

    fn key(number: u32) -> AssetKey {
        transfer(number, 1, 0, 1).asset()
    }

    fn sent(one: &Sent) -> Transfer {
        let (asset, asn, country, hour, bytes) = *one;
        let tick = hour * SECONDS_PER_HOUR;
        Transfer {
            country: COUNTRIES[country].parse().unwrap(),
            ..transfer(asset, asn, tick, bytes)
        }
    }

    /// Takes transfers hour by hour, and joins 2 to 1 in an hour, behind those of it.
    fn live(all: &[Sent], hours: u64, joined: Option<u64>) -> Baseline {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        for hour in 0..hours {
            baseline.open_hour(hour);
            let of_hour = all.iter().filter(|one| one.3 == hour);
            of_hour.for_each(|one| add(&mut baseline, &sent(one)));
            if joined == Some(hour) {
                baseline.join(key(2), key(1), Tick::of_hour(hour));
            }
            if hour + 1 < hours {
                let slot = calendar.slot(Tick::of_hour(hour));
                baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
            }
        }
        baseline
    }

    fn hour_bytes(baseline: &Baseline) -> Vec<(AssetKey, Country, u64)> {
        let of_asset = baseline.assets.iter().flat_map(|(asset, state)| {
            let known = state.countries.iter();
            known.map(|(country, known)| (*asset, *country, known.all.hour_bytes))
        });
        of_asset.filter(|(.., bytes)| *bytes > 0).collect()
    }

    fn sizes(baseline: &Baseline) -> [usize; 4] {
        let states = baseline.assets.values();
        let cells = states.clone().map(|state| state.cells.len()).sum();
        let countries = states.map(|state| state.countries.len()).sum();
        [baseline.cells, cells, baseline.destinations, countries]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However transfers lie on both sides of the moment: what is known of the hour, of the
        /// day and of each country and cell is what it had been of one asset from the start.
        #[test]
        fn no_byte_is_lost_or_counted_twice(
            all in prop::collection::vec(
                (1u32..3, 1u32..4, 0usize..3, 0u64..30, 1u64..1_000_000), 1..80),
            hour in 0u64..30,
        ) {
            let of_one = |sent: &Sent| (1, sent.1, sent.2, sent.3, sent.4);
            let one: Vec<Sent> = all.iter().map(of_one).collect();
            let after: Vec<Sent> = std::iter::zip(&all, &one)
                .map(|(two, one)| if two.3 <= hour { *two } else { *one })
                .collect();
            let (joined, whole) = (live(&after, 30, Some(hour)), live(&one, 30, None));
            prop_assert_eq!(hour_bytes(&joined), hour_bytes(&whole));
            for country in COUNTRIES.map(|code| code.parse().unwrap()) {
                let seen = |one: &Baseline| one.seen_hours(key(1), country, 29);
                for (own, other) in seen(&joined).into_iter().zip(seen(&whole)) {
                    prop_assert!(own.abs_diff(other) <= 1, "{own} {other}");
                }
            }
            let [cells, of_assets, destinations, countries] = sizes(&joined);
            prop_assert_eq!((cells, destinations), (of_assets, countries));
            prop_assert_eq!(sizes(&whole), sizes(&joined));
            let bytes = postcard::to_stdvec(&joined).unwrap();
            let read: Baseline = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(postcard::to_stdvec(&read).unwrap(), bytes);
        }
    }

    /// Assets 1 and 2 send so much to SG in each hour, from their first hour on until `hours`,
    /// and then are joined.
    fn two([(first, one), (second, two)]: [(u64, u64); 2], hours: u64) -> Baseline {
        let of = |asset, since, bytes| (since..hours).map(move |hour| (asset, 1, 0, hour, bytes));
        let all: Vec<Sent> = of(1, first, one).chain(of(2, second, two)).collect();
        live(&all, hours, Some(hours - 1))
    }

    fn largest_day(baseline: &Baseline) -> f64 {
        let country = COUNTRIES[0].parse().unwrap();
        let known = baseline.destination(key(1), country).unwrap();
        known.all.record().unwrap().past.day_peaks.largest()
    }

    #[test]
    fn what_is_normal_for_a_machine_is_never_what_two_have_learned() {
        let (small, large) = (1_000, 1_000_000);
        let day = |bytes: u64| (bytes * 24) as f64;
        // Both have learned for a week: the machine keeps its own.
        let both = largest_day(&two([(0, small), (0, large)], 240));
        assert!(both <= day(small), "{both}");
        let both = largest_day(&two([(0, large), (0, small)], 240));
        assert!((0.8..=1.0).contains(&(both / day(large))), "{both}");
        // One that has not goes on with what its address has learned, and not with more.
        let older = largest_day(&two([(200, large), (0, small)], 240));
        assert!(older <= day(small), "{older}");
        let same = two([(0, large), (0, large)], 240);
        assert!(largest_day(&same) <= day(large));
    }

    #[test]
    fn what_a_fresh_address_sent_to_is_new_to_the_machine_and_has_taught_nothing() {
        let usual = (0..240).map(|hour| (1, 1, 0, hour, 1_000));
        let fresh = (200..240).map(|hour| (2, 7, 1, hour, 1_000_000));
        let all: Vec<Sent> = usual.chain(fresh).collect();
        let joined = live(&all, 240, Some(239));
        let country = COUNTRIES[1].parse().unwrap();
        let known = &joined.destination(key(1), country).unwrap().all;
        assert!(known.novelty.is_new());
        assert_eq!(known.novelty.bytes, 24_000_000, "those of the last day");
        assert_eq!(known.novelty.since, Tick::of_hour(200));
        let past = &known.record().unwrap().past;
        assert_eq!((past.day_peaks.days(), past.day_peaks.largest()), (0, 0.0));
        assert_eq!(joined.hours_of(&joined.assets[&key(1)]), 239);
        // The same address after more than a week is as it was, and so for the machine.
        let old = (0..240).map(|hour| (2, 7, 1, hour, 1_000_000));
        let all: Vec<Sent> = (0..240)
            .map(|hour| (1, 1, 0, hour, 1_000))
            .chain(old)
            .collect();
        let joined = live(&all, 240, Some(239));
        let known = &joined.destination(key(1), country).unwrap().all;
        assert!(!known.novelty.is_new());
        assert!(known.record().unwrap().past.day_peaks.largest() > 2e7);
    }

    #[test]
    fn cells_beyond_the_bound_are_gathered() {
        let of = |asset, asns: std::ops::Range<u32>| asns.map(move |asn| (asset, asn, 0, 0, 10));
        let most = CELLS_PER_ASSET_MAX as u32;
        let all: Vec<Sent> = of(1, 1..most).chain(of(2, most..most + 50)).collect();
        let joined = live(&all, 1, Some(0));
        let state = &joined.assets[&key(1)];
        assert_eq!(state.cells.len(), CELLS_PER_ASSET_MAX + 1);
        assert_eq!(
            (joined.cells(), joined.cells_gathered),
            (state.cells.len(), 49)
        );
        let bytes: u64 = state.cells.values().map(|cell| cell.hour_bytes).sum();
        assert_eq!(bytes, 10 * u64::from(most + 49));
    }
}
