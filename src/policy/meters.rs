//! Meters: how much of what went to whom, and of how many persons at least, by days.
//!
//! Thresholds of law are numbers of persons, within a window, of a legal entity. Encrypted
//! data shows none of them, so each number is a lower bound, and the share of bytes that could
//! not be read stands beside it. Persons are counted by each kind of identifier for itself, and
//! the most of any kind is what is told: one person may show a telephone number and an address.
//!
//! Days are those of one offset from UTC, since the year of a law turns at a midnight. Laws
//! whose midnights differ need meters of their own.
//!
//! # Memory
//!
//! A key counts a day in about 90 bytes, so [`KEYS_MAX`] keys with traffic on each of
//! [`DAYS_MAX`] days take 300 MB at most; 200 keys take 14 MB. A set of persons takes 8 bytes
//! for each up to 10,000, and 16 KiB beyond. All sets together take [`SKETCH_BYTES_MAX`], and
//! up to twice that while lists have room to grow.

mod key;
mod record;
mod splits;
mod subjects;
mod window;

pub use key::{Entity, IDENTIFIER_KINDS, IdentifierKind, Key, RecipientKey, Selection, Traits};
pub use splits::{MEMBERS_MAX, Member, Split};
pub use subjects::Subjects;
pub use window::{Day, Lower, Period, Unit, Usage, Used, Window};

use std::collections::BTreeMap;

use record::{Counts, Kinds, Record, first_kept};
use serde::{Deserialize, Serialize};

/// Keys that are metered apart. When there are more, an eighth folds: those that were not used
/// for longest lose which asset of an organisation it was, and when that is not enough, which
/// recipient.
pub const KEYS_MAX: usize = 4_096;

/// Days that are kept apart, enough for two calendar years and two months. Older ones are
/// part of [`Window::Always`] and [`Period::Total`] alone.
pub const DAYS_MAX: u32 = 800;

/// Memory of all sets of persons, bytes. When they take more, the sets of the oldest days
/// become part of what is older than all days; then large sets give up exact counting; then no
/// more persons are counted until the next day.
pub const SKETCH_BYTES_MAX: u64 = 256 << 20;

/// What is counted of exports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts<'a> {
    /// Bytes that left.
    pub bytes: u64,
    /// Those of them that could not be read.
    pub unseen_bytes: u64,
    /// Records that were seen in them, at least.
    pub records: u64,
    /// Records that were in them by what is declared of their length.
    pub estimated_records: u64,
    /// Transfers.
    pub exports: u64,
    /// Identifiers of persons: of which kind, and their hash under the secret of the sensors.
    pub subjects: &'a [(IdentifierKind, u64)],
}

/// What was counted within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Bytes that left.
    pub bytes: u64,
    /// Those of them that could not be read.
    pub unseen_bytes: u64,
    /// Records that were seen in them, at least.
    pub records: u64,
    /// Records that were in them by what is declared of their length.
    pub estimated_records: u64,
    /// Different persons, at least.
    pub persons: u64,
}

/// Numbers by key and day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Meters {
    offset_seconds: i32,
    records: BTreeMap<Key, Record>,
    newest: Day,
    uses: u64,
    #[serde(skip)]
    sketch_bytes: u64,
    #[serde(skip)]
    bytes_max: u64,
    /// The day on which there was no room for more persons.
    full_on: Option<Day>,
    /// How often a key folded into others, which can be several times for one.
    pub folded_keys: u64,
    /// Days of keys whose sets of persons are not kept apart any more.
    pub folded_days: u64,
    /// Identifiers that were not counted for want of room.
    pub dropped_subjects: u64,
}

/// What may be no meters at all.
#[derive(Deserialize)]
struct Written {
    offset_seconds: i32,
    records: BTreeMap<Key, Record>,
    newest: Day,
    uses: u64,
    full_on: Option<Day>,
    folded_keys: u64,
    folded_days: u64,
    dropped_subjects: u64,
}

impl Meters {
    /// Meters of nothing yet, whose days begin `offset_seconds` before those of UTC (China:
    /// 28,800).
    pub const fn new(offset_seconds: i32) -> Self {
        Self::bounded(offset_seconds, SKETCH_BYTES_MAX)
    }

    /// Meters with another bound on the memory of sets.
    const fn bounded(offset_seconds: i32, bytes_max: u64) -> Self {
        Self {
            offset_seconds,
            records: BTreeMap::new(),
            newest: Day::FIRST,
            uses: 0,
            sketch_bytes: 0,
            bytes_max,
            full_on: None,
            folded_keys: 0,
            folded_days: 0,
            dropped_subjects: 0,
        }
    }

    /// Seconds by which its days begin before those of UTC.
    pub const fn offset_seconds(&self) -> i32 {
        self.offset_seconds
    }

    /// What is metered apart.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.records.keys()
    }

    /// Keys that are metered apart.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing was ever counted.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Memory of all sets of persons, bytes.
    pub const fn sketch_bytes(&self) -> u64 {
        self.sketch_bytes
    }

    /// Counts something on a day. Days may come in any order, but one that is far ahead makes
    /// all others too old to be kept apart: whoever reads the clock has to bound it.
    pub fn add(&mut self, day: Day, key: &Key, amounts: &Amounts<'_>) {
        self.see(day);
        let counts = Counts {
            bytes: amounts.bytes,
            unseen_bytes: amounts.unseen_bytes.min(amounts.bytes),
            records: amounts.records,
            estimated_records: amounts.estimated_records,
            exports: amounts.exports,
            kinds: Kinds::new(),
        };
        let is_full = self.full_on.is_some();
        let (newest, uses) = (self.newest, self.uses);
        let record = self.record(key);
        record.used = uses;
        let of_day = record.of_day(day, newest);
        of_day.add(&counts);
        if is_full {
            let dropped = amounts.subjects.len() as u64;
            self.dropped_subjects = self.dropped_subjects.saturating_add(dropped);
            return;
        }
        let mut grown = 0;
        for (kind, hash) in amounts.subjects {
            grown += of_day.kinds.entry(*kind).or_default().insert(*hash);
        }
        self.sketch_bytes = self.sketch_bytes.saturating_add_signed(grown);
        if self.sketch_bytes > self.bytes_max {
            self.relieve();
        }
    }

    /// Adds what another sensor has counted.
    ///
    /// # Errors
    /// Where the days of the two are not the same.
    pub fn merge(&mut self, other: &Self) -> Result<(), String> {
        if other.offset_seconds != self.offset_seconds {
            return Err(format!(
                "days of the other meters begin {} s before those of UTC, and here {} s: give \
                 both sensors the same packs",
                other.offset_seconds, self.offset_seconds
            ));
        }
        self.see(other.newest);
        let newest = self.newest;
        for (key, record) in &other.records {
            let mut record = record.clone();
            if self.full_on.is_some() {
                let dropped = record.drop_sets();
                self.dropped_subjects = self.dropped_subjects.saturating_add(dropped);
            }
            let own = self.record(key);
            let before = own.sketch_bytes();
            own.add(&record, newest);
            let after = own.sketch_bytes();
            self.sketch_bytes = self
                .sketch_bytes
                .saturating_sub(before)
                .saturating_add(after);
            if self.sketch_bytes > self.bytes_max && self.full_on.is_none() {
                self.relieve();
            }
        }
        self.uses = self.uses.max(other.uses);
        for (count, more) in [
            (&mut self.folded_keys, other.folded_keys),
            (&mut self.folded_days, other.folded_days),
            (&mut self.dropped_subjects, other.dropped_subjects),
        ] {
            *count = count.saturating_add(more);
        }
        Ok(())
    }

    /// Has what was counted for an entity count for another, which is the same.
    pub fn join(&mut self, from: &Entity, to: &Entity) {
        let keys = self.records.keys().filter(|key| key.entity == *from);
        let keys: Vec<_> = keys.filter(|_| from != to).cloned().collect();
        for key in keys {
            if let Some(record) = self.records.remove(&key) {
                let entity = to.clone();
                let own = self.records.entry(Key { entity, ..key });
                own.or_default().add(&record, self.newest);
            }
        }
        self.recount();
    }

    /// How much was used up to a day, within each period that holds it.
    pub fn used(&self, selection: &Selection<'_>, at: Day) -> Usage {
        let mut usage = Usage::default();
        for period in Period::ALL {
            let window = match period {
                Period::Total => Window::Always,
                period => Window::Since(period.first(at)),
            };
            let (counts, subjects) = self.sum(selection, window, at);
            let used = Used {
                bytes: counts.bytes,
                subjects: subjects.persons,
                estimated_subjects: counts.estimated_records,
            };
            usage.set(period, used);
        }
        usage
    }

    /// How many persons there were at least within a window that ends with a day. It unites
    /// the sets of all days of it, which takes about a millisecond for a hundred large ones.
    pub fn subjects(&self, selection: &Selection<'_>, window: Window, at: Day) -> Lower {
        self.sum(selection, window, at).1
    }

    /// Bytes, those of them that could not be read, records and exports within a window that
    /// ends with a day.
    pub fn amounts(&self, selection: &Selection<'_>, window: Window, at: Day) -> Amounts<'static> {
        let (counts, _) = self.sum(selection, window, at);
        Amounts {
            bytes: counts.bytes,
            unseen_bytes: counts.unseen_bytes,
            records: counts.records,
            estimated_records: counts.estimated_records,
            exports: counts.exports,
            subjects: &[],
        }
    }

    /// What the keys come to that count, within a window that ends with a day.
    pub fn sums(&self, counts: impl Fn(&Key) -> bool, window: Window, at: Day) -> Sums {
        Sums::of(&self.counted(counts, window, at))
    }

    /// The same, and how sure the number of persons is.
    pub fn shown(&self, counts: impl Fn(&Key) -> bool, window: Window, at: Day) -> (Sums, Lower) {
        let counted = self.counted(counts, window, at);
        (Sums::of(&counted), Lower::of(&counted))
    }

    fn sum(&self, selection: &Selection<'_>, window: Window, at: Day) -> (Counts, Lower) {
        let sum = self.counted(|key| selection.takes(key), window, at);
        let lower = Lower::of(&sum);
        (sum, lower)
    }

    fn counted(&self, counts: impl Fn(&Key) -> bool, window: Window, at: Day) -> Counts {
        let records = self.records.iter().filter(|(key, _)| counts(key));
        let all = records.flat_map(|(_, record)| record.within(window, at));
        Counts::sum(&all.collect::<Vec<_>>())
    }

    /// Takes note of a day: what is too old then is not kept apart any more.
    fn see(&mut self, day: Day) {
        self.uses = self.uses.saturating_add(1);
        if day <= self.newest {
            return;
        }
        self.newest = day;
        self.full_on = None;
        let folded = self.records.values_mut().map(|one| one.fold_days(day));
        let folded = folded.sum::<u64>();
        if folded > 0 {
            self.folded_days = self.folded_days.saturating_add(folded);
            self.recount();
        }
    }

    /// The record of a key, for which room is made.
    fn record(&mut self, key: &Key) -> &mut Record {
        if self.records.len() >= KEYS_MAX && !self.records.contains_key(key) {
            self.make_room();
        }
        self.records.entry(key.clone()).or_default()
    }

    /// Folds keys until an eighth is free: those first of which least is lost.
    fn make_room(&mut self) {
        while self.records.len() > KEYS_MAX - KEYS_MAX / 8 {
            let too_many = self.records.len() - (KEYS_MAX - KEYS_MAX / 8);
            let all = self.records.iter();
            let mut all: Vec<_> = all
                .filter_map(|(key, record)| {
                    Some(((key.level(), record.used), key.clone(), key.outer()?))
                })
                .collect();
            if all.is_empty() {
                return;
            }
            all.sort_unstable();
            for (_, key, outer) in all.into_iter().take(too_many) {
                if let Some(record) = self.records.remove(&key) {
                    let newest = self.newest;
                    self.records.entry(outer).or_default().add(&record, newest);
                    self.folded_keys = self.folded_keys.saturating_add(1);
                }
            }
        }
        self.recount();
    }

    fn recount(&mut self) {
        self.sketch_bytes = self.records.values().map(Record::sketch_bytes).sum();
    }

    /// Makes room for sets, in the order that [`SKETCH_BYTES_MAX`] says.
    fn relieve(&mut self) {
        let wanted = self.bytes_max / 8 * 7;
        let mut of_days: BTreeMap<Day, u64> = BTreeMap::new();
        let days = self.records.values().flat_map(|record| &record.days);
        for (day, counts) in days.filter(|(day, _)| **day < self.newest) {
            *of_days.entry(*day).or_default() += counts.sketch_bytes();
        }
        let mut left = self.sketch_bytes;
        let last = of_days.iter().find(|(_, bytes)| {
            left = left.saturating_sub(**bytes);
            left <= wanted
        });
        let last = last.or(of_days.last_key_value()).map(|(day, _)| *day);
        if let Some(last) = last {
            let folded = self.records.values_mut().map(|one| one.fold_sets(last));
            let folded = folded.sum::<u64>();
            self.folded_days = self.folded_days.saturating_add(folded);
            self.recount();
        }
        if self.sketch_bytes > wanted {
            let all = self.records.values_mut().flat_map(Record::all_mut);
            all.flat_map(|counts| counts.kinds.values_mut())
                .for_each(Subjects::compact);
            self.recount();
        }
        if self.sketch_bytes > wanted {
            self.full_on = Some(self.newest);
        }
    }
}

impl Sums {
    fn of(counts: &Counts) -> Self {
        Self {
            bytes: counts.bytes,
            unseen_bytes: counts.unseen_bytes,
            records: counts.records,
            estimated_records: counts.estimated_records,
            persons: Lower::of(counts).persons,
        }
    }
}

impl Lower {
    fn of(counts: &Counts) -> Self {
        let all = counts.kinds.iter();
        let most =
            all.max_by_key(|(kind, subjects)| (subjects.lower_bound(), std::cmp::Reverse(**kind)));
        let most = most.filter(|(_, subjects)| !subjects.is_empty());
        Self {
            persons: most.map_or(0, |(_, subjects)| subjects.lower_bound()),
            kind: most.map(|(kind, _)| *kind),
            is_exact: most.is_none_or(|(_, subjects)| subjects.is_exact()),
            unseen_share: match counts.bytes {
                0 => 0.0,
                bytes => counts.unseen_bytes as f64 / bytes as f64,
            },
        }
    }
}

impl TryFrom<Written> for Meters {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let first = first_kept(written.newest);
        let is_kept = |record: &Record| {
            let mut days = record.days.keys();
            let is_used = record.used <= written.uses;
            is_used && days.all(|day| (first..=written.newest).contains(day))
        };
        let is_counted = |counts: &Counts| counts.unseen_bytes <= counts.bytes;
        let is_sound = |record: &Record| {
            let counts = record.days.values().chain([&record.before]);
            is_kept(record) && { counts }.all(is_counted)
        };
        if written.records.len() > KEYS_MAX || !written.records.values().all(is_sound) {
            return Err("no meters");
        }
        let mut meters = Self {
            offset_seconds: written.offset_seconds,
            records: written.records,
            newest: written.newest,
            uses: written.uses,
            sketch_bytes: 0,
            bytes_max: SKETCH_BYTES_MAX,
            full_on: written.full_on,
            folded_keys: written.folded_keys,
            folded_days: written.folded_days,
            dropped_subjects: written.dropped_subjects,
        };
        meters.recount();
        if meters.sketch_bytes > meters.bytes_max {
            meters.relieve();
        }
        Ok(meters)
    }
}

#[cfg(test)]
mod tests;
