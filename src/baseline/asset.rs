//! All that is known of one asset.

use serde::{Deserialize, Serialize};

use super::novelty::Newness;
use super::{
    Cell, CellKey, Destination, Grown, Maturity, Measure, Past, Pools, Receivers, Role, Sorted,
};
use crate::geo::Country;
use crate::time::HourSlot;
use crate::transfer::Service;

/// All that is known of one asset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AssetState {
    /// What it mostly does, as of the beginning of the running hour.
    pub role: Role,
    /// Its destinations by country, system and service.
    pub cells: Sorted<CellKey, Cell>,
    /// Its destinations by country.
    pub countries: Sorted<Country, Destination>,
    /// What was before. None until an hour was closed.
    pub(super) record: Option<Box<AssetRecord>>,
    /// Hours with traffic that the site had seen when this asset began to be learned.
    pub(super) since_hours: u32,
    pub(super) served_bytes: u64,
    pub(super) asked_bytes: u64,
}

/// What is remembered of all exports of an asset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AssetRecord {
    /// All of them.
    pub all: Past,
    /// By service.
    pub services: Sorted<Service, Past>,
    /// Those to countries that were new.
    pub new_countries: Past,
    /// Those to autonomous systems that were new in known countries.
    pub new_networks: Past,
    /// Those over services that were new in known autonomous systems.
    pub new_services: Past,
    /// Those to registered domains that were new in known autonomous systems.
    pub new_recipients: Past,
    /// Those in hours in which the asset usually is silent.
    pub odd_hours: Past,
    /// Who received them, as far as names were seen.
    pub receivers: Receivers,
    /// In how many hours of each kind it was seen, and in how many of them it exported.
    hours: Activity,
}

/// Hours of the day of working days and of others: of how many of them something was seen.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Activity {
    seen: [[u8; 24]; 2],
    active: [[u8; 24]; 2],
}

// What the bounds of assets and cells are worth in memory before an hour has been closed:
// an asset with one destination and one conversation takes about 450 bytes.
const _: () = assert!(size_of::<AssetState>() <= 88);
const _: () = assert!(size_of::<(CellKey, Cell)>() <= 72);
const _: () = assert!(size_of::<(Country, Destination)>() <= 208);

impl AssetState {
    /// An asset of which nothing is known when the site has seen so many hours.
    pub(super) fn new(since_hours: u32) -> Self {
        Self {
            since_hours,
            ..Self::default()
        }
    }

    /// What was before the running hour, if anything.
    pub fn record(&self) -> Option<&AssetRecord> {
        self.record.as_deref()
    }

    pub(super) fn receivers(&mut self) -> Option<&mut Receivers> {
        Some(&mut self.record.as_deref_mut()?.receivers)
    }

    /// Bytes of the running hour, to everywhere.
    pub fn hour_bytes(&self) -> u64 {
        sum(self.countries.values().map(|known| known.all.hour_bytes))
    }

    /// Bytes of the running hour over a service.
    pub fn service_bytes(&self, service: Service) -> u64 {
        let cells = self.cells.iter().filter(|(key, _)| key.service == service);
        sum(cells.map(|(_, cell)| cell.hour_bytes))
    }

    /// The cells of a country, in the order of their keys.
    pub fn cells_of(&self, country: Country) -> impl Iterator<Item = (&CellKey, &Cell)> {
        self.cells
            .iter()
            .filter(move |(key, _)| key.country == country)
    }

    /// What is new of a cell that is not there yet, in a country that is not new itself: its
    /// autonomous system, or the service there. In the first day of an asset nothing is.
    pub(super) fn newness_of(&self, key: CellKey, is_first_day: bool) -> Newness {
        let country = self.countries.get(&key.country);
        let in_new_country = country.is_some_and(|known| known.all.novelty.is_new());
        if is_first_day || in_new_country {
            return Newness::None;
        }
        let of_country = self.cells_of(key.country);
        let mut known = of_country.filter(|(known, _)| known.asn == key.asn);
        // A service in a network that is new itself says nothing more.
        let Some((_, first)) = known.next() else {
            return Newness::Whole;
        };
        let is_known = known.all(|(_, cell)| !cell.novelty.is_new()) && !first.novelty.is_new();
        if is_known {
            Newness::Service
        } else {
            Newness::None
        }
    }

    /// Hours with traffic for which the asset has been learned.
    pub(super) const fn hours(&self, hours_observed: u64) -> u64 {
        hours_observed.saturating_sub(self.since_hours as u64)
    }

    pub(super) fn mark_alerted(&mut self, country: Country) {
        let cells = self.cells.iter_mut();
        let of_country = cells.filter(|(key, _)| key.country == country);
        let cells = of_country.map(|(_, cell)| cell);
        let known = self.countries.get_mut(&country);
        let all = known.map(|known| &mut known.all);
        for cell in cells.chain(all) {
            (cell.alerted.hour, cell.alerted.day) = (true, true);
        }
    }

    pub(super) fn mark_excused(&mut self, country: Country) {
        let cells = self.cells.iter_mut();
        let of_country = cells.filter(|(key, _)| key.country == country);
        of_country.for_each(|(_, cell)| cell.excuse());
        if let Some(known) = self.countries.get_mut(&country) {
            known.all.excuse();
        }
    }

    pub(super) fn open_hour(&mut self) {
        self.role = if self.served_bytes > self.asked_bytes {
            Role::Server
        } else {
            Role::Client
        };
        self.countries.values_mut().for_each(Destination::open_hour);
    }

    pub(super) fn close_hour(&mut self, slot: HourSlot, hour: u64, previous: u64) {
        let bytes = self.hour_bytes();
        let new_countries = self.countries.values().map(|known| &known.all);
        let new_countries = sum(bytes_of_new(new_countries));
        let new_networks = sum(bytes_of_new(self.cells.values()));
        let of_services = self
            .cells
            .values()
            .filter(|cell| cell.novelty.is_new_service());
        let new_services = sum(of_services.map(|cell| cell.hour_bytes));
        let mut services: Vec<(Service, u64)> = Vec::new();
        for (key, cell) in self.cells.iter() {
            match services
                .iter_mut()
                .find(|(service, _)| *service == key.service)
            {
                Some((_, sum)) => *sum = sum.saturating_add(cell.hour_bytes),
                None => services.push((key.service, cell.hour_bytes)),
            }
        }
        let record = self.record.get_or_insert_default();
        let odd = if record.hours.is_odd(slot) { bytes } else { 0 };
        record.hours.close_hour(slot, bytes > 0);
        record.all.close_hour(hour, previous, bytes);
        record
            .new_countries
            .close_hour(hour, previous, new_countries);
        record.new_networks.close_hour(hour, previous, new_networks);
        record.new_services.close_hour(hour, previous, new_services);
        let new_recipients = record.receivers.new_hour_bytes();
        let past = &mut record.new_recipients;
        past.close_hour(hour, previous, new_recipients);
        record.receivers.close_hour(hour);
        record.odd_hours.close_hour(hour, previous, odd);
        for (service, bytes) in services {
            let past = record.services.entry(service);
            past.close_hour(hour, previous, bytes);
        }
        let countries = self.countries.values_mut().map(|known| &mut known.all);
        for cell in self.cells.values_mut().chain(countries) {
            cell.close_hour(slot, hour, previous);
        }
    }

    pub(super) fn skip_hour(&mut self) {
        let countries = self.countries.values_mut().map(|known| &mut known.all);
        let all = self.cells.values_mut().chain(countries);
        all.for_each(Cell::skip_hour);
    }

    /// Ends a day: lets the pools learn how far it went beyond the days before, then adds it
    /// to these. Returns what has grown over weeks.
    pub(super) fn close_day(&mut self, pools: &mut Pools, hour: u64) -> Vec<(Country, Grown)> {
        let role = self.role;
        let mut grown = Vec::new();
        let Some(record) = self.record.as_deref_mut() else {
            return grown;
        };
        record.teach_recipients(pools, role, &self.countries);
        let (mut was_suspect, mut was_accepted) = (false, false);
        for (country, known) in self.countries.iter_mut() {
            let newness = Some((&record.new_countries, Measure::NewCountry));
            let measures = [
                Measure::CountryHour,
                Measure::CountryDay,
                Measure::CountryRun,
            ];
            learn(pools, role, &known.all, measures, newness);
            was_accepted |= known.all.is_accepted_today();
            let week = known.close_day(hour);
            was_suspect |= week.is_suspect;
            if let Some(ratio) = week.ratio {
                pools.record_ratio(Measure::Growth, role, Maturity::Grown, ratio);
            }
            grown.extend(week.grown.map(|one| (*country, one)));
        }
        for (key, cell) in self.cells.iter_mut() {
            let newness = if cell.novelty.is_new_service() {
                Some((&record.new_services, Measure::NewService))
            } else {
                Some((&record.new_networks, Measure::NewNetwork))
            };
            let service = key.service;
            let measures = [
                Measure::CellHour(service),
                Measure::CellDay(service),
                Measure::CellRun,
            ];
            learn(pools, role, cell, measures, newness);
            cell.close_day();
        }
        if !was_suspect && !was_accepted {
            record.teach(pools, role);
        }
        record.close_day(was_suspect);
        grown
    }
}

impl AssetRecord {
    /// Whether the asset usually is silent in such an hour.
    pub fn is_odd(&self, slot: HourSlot) -> bool {
        self.hours.is_odd(slot)
    }

    /// Lets the pools learn from the running day.
    fn teach(&self, pools: &mut Pools, role: Role) {
        let [hour, day] = self.all.running();
        pools.record(Measure::AssetHour, role, &self.all.hour_peaks, hour);
        pools.record(Measure::AssetDay, role, &self.all.day_peaks, day);
        let odd = &self.odd_hours;
        pools.record(Measure::OddHour, role, &odd.hour_peaks, odd.running()[0]);
        for (service, past) in self.services.iter() {
            let measure = Measure::ServiceDay(*service);
            pools.record(measure, role, &past.day_peaks, past.running()[1]);
        }
    }

    /// Lets the pools learn what the new receivers of a day got, but for those in countries
    /// that were alerted on, or accepted by a person.
    fn teach_recipients(
        &self,
        pools: &mut Pools,
        role: Role,
        countries: &Sorted<Country, Destination>,
    ) {
        let is_usual = |country: Country| {
            let known = countries.get(&country).map(|known| &known.all);
            known.is_some_and(|all| !all.is_untrusted_today() && !all.is_accepted_today())
        };
        let peaks = &self.new_recipients.day_peaks;
        for new in self
            .receivers
            .still_new()
            .filter(|new| is_usual(new.country))
        {
            pools.record(Measure::NewRecipient, role, peaks, new.novelty.bytes as f64);
        }
    }

    fn close_day(&mut self, was_suspect: bool) {
        let own = [
            &mut self.all,
            &mut self.new_countries,
            &mut self.new_networks,
            &mut self.new_services,
            &mut self.new_recipients,
            &mut self.odd_hours,
        ];
        for past in own.into_iter().chain(self.services.values_mut()) {
            past.close_day(was_suspect);
        }
    }
}

/// Lets the pools learn from the running day of a cell or a country, unless it was alerted
/// on, or only others kept it from being, or a person accepted it: an hour, a day, a run, and
/// what it had while it was new.
fn learn(
    pools: &mut Pools,
    role: Role,
    cell: &Cell,
    [hour, day, run]: [Measure; 3],
    newness: Option<(&Past, Measure)>,
) {
    let is_usual = !cell.is_untrusted_today() && !cell.is_accepted_today();
    let Some(record) = cell.record().filter(|_| is_usual) else {
        return;
    };
    let [hour_bytes, day_bytes] = record.past.running();
    pools.record(hour, role, &record.past.hour_peaks, hour_bytes);
    pools.record(day, role, &record.past.day_peaks, day_bytes);
    pools.record(run, role, &record.habit.run_peaks, record.habit.running());
    let is_new = cell.novelty.is_new() || cell.novelty.is_new_service();
    if let Some((past, measure)) = newness.filter(|_| is_new) {
        pools.record(measure, role, &past.day_peaks, cell.novelty.bytes as f64);
    }
}

impl Activity {
    fn is_odd(&self, slot: HourSlot) -> bool {
        let (kind, hour) = (usize::from(!slot.is_working()), usize::from(slot.hour()));
        let (seen, active) = (self.seen[kind][hour], self.active[kind][hour]);
        seen >= 2 && f64::from(active) < ODD_SHARE_MAX * f64::from(seen)
    }

    fn close_hour(&mut self, slot: HourSlot, is_active: bool) {
        let (kind, hour) = (usize::from(!slot.is_working()), usize::from(slot.hour()));
        let (seen, active) = (&mut self.seen[kind][hour], &mut self.active[kind][hour]);
        if *seen == u8::MAX {
            // What is long ago counts for half.
            (*seen, *active) = (*seen / 2, *active / 2);
        }
        *seen += 1;
        *active += u8::from(is_active);
    }
}

fn bytes_of_new<'a>(cells: impl Iterator<Item = &'a Cell>) -> impl Iterator<Item = u64> {
    let new = cells.filter(|cell| cell.novelty.is_new());
    new.map(|cell| cell.hour_bytes)
}

fn sum(bytes: impl Iterator<Item = u64>) -> u64 {
    bytes.fold(0, u64::saturating_add)
}

/// An hour of the day is odd for an asset that exports in less than this part of them.
const ODD_SHARE_MAX: f64 = 0.25;
