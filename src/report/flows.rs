//! Who sent what to whom, added up from the totals of the days.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::read::Body;
use super::words::{self, CONFIDENCES, FINDINGS_FROM, GRADES, PROTECTIONS, VERDICTS};
use crate::time::Tick;

/// Flows that are told apart; what comes after is kept as one sum.
pub(super) const FLOWS_MAX: usize = 20_000;

/// Categories of a flow that are kept, and verdicts.
const WORDS_MAX: usize = 16;

/// A month of the calendar: year and month.
pub(super) type Month = (i16, i8);

/// What flows are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) entity: String,
    pub(super) asset: String,
    pub(super) jurisdiction: String,
    /// Registered domain; empty where none is known.
    pub(super) recipient: String,
    pub(super) asn: u64,
}

impl Key {
    pub(super) fn read(row: Body<'_>) -> Self {
        let jurisdiction = row.name("jurisdiction");
        Self {
            entity: row.name("entity"),
            asset: row.name("asset"),
            jurisdiction: match jurisdiction.is_empty() {
                true => super::places::UNKNOWN.to_owned(),
                false => jurisdiction,
            },
            recipient: row.name("recipient"),
            asn: row.number("asn"),
        }
    }

    /// The recipient as verdicts name it: its domain, else its autonomous system.
    pub(super) fn receiver(&self) -> String {
        match (self.recipient.is_empty(), self.asn) {
            (false, _) => self.recipient.clone(),
            (true, 0) => String::new(),
            (true, asn) => format!("AS{asn}"),
        }
    }
}

/// A sum over rows of totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    pub(super) bytes: u64,
    pub(super) transfers: u64,
    /// Bytes by [`PROTECTIONS`].
    pub(super) protected: [u64; 8],
    /// Bytes by [`CONFIDENCES`].
    pub(super) confidence: [u64; 5],
    /// Bytes by the gravest verdict of their row, by [`VERDICTS`].
    pub(super) judged: [u64; 8],
    pub(super) categories: BTreeSet<String>,
    /// Place of the highest grade in [`GRADES`].
    pub(super) grade: usize,
    /// The last verdict of each pack.
    pub(super) verdicts: BTreeMap<String, String>,
    pub(super) first: Option<Tick>,
    pub(super) last: Option<Tick>,
    pub(super) months: BTreeMap<Month, u64>,
    pub(super) days: u64,
    last_day: Option<Date>,
}

impl Flow {
    pub(super) fn read(row: Body<'_>, day: Date) -> Self {
        let bytes = row.number("bytes");
        let verdicts: BTreeMap<_, _> = row.texts("verdicts").take(WORDS_MAX).collect();
        let ranks = verdicts
            .values()
            .filter_map(|code| words::rank(VERDICTS, code));
        let mut judged = [0; 8];
        if let Some(bytes_judged) = ranks.max().and_then(|rank| judged.get_mut(rank)) {
            *bytes_judged = bytes;
        }
        let mut protected = [0; 8];
        spread(&mut protected, bytes, row.numbers("protected"), |code| {
            words::rank(PROTECTIONS, code).unwrap_or(PROTECTIONS.len() - 1)
        });
        let mut confidence = [0; 5];
        spread(&mut confidence, bytes, row.numbers("confidence"), |code| {
            words::rank(CONFIDENCES, code).unwrap_or(CONFIDENCES.len() - 1)
        });
        Self {
            bytes,
            transfers: row.number("transfers"),
            protected,
            confidence,
            judged,
            categories: row.names("categories").take(WORDS_MAX).collect(),
            grade: words::rank(GRADES, &row.name("grade")).unwrap_or(0),
            verdicts,
            first: row.tick("first"),
            last: row.tick("last"),
            months: BTreeMap::from([((day.year(), day.month()), bytes)]),
            days: 1,
            last_day: Some(day),
        }
    }

    /// Adds another sum to this one, whose verdicts are the newer ones.
    pub(super) fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.transfers = self.transfers.saturating_add(other.transfers);
        add_all(&mut self.protected, &other.protected);
        add_all(&mut self.confidence, &other.confidence);
        add_all(&mut self.judged, &other.judged);
        self.grade = self.grade.max(other.grade);
        for category in &other.categories {
            if self.categories.len() < WORDS_MAX {
                self.categories.insert(category.clone());
            }
        }
        for (pack, verdict) in &other.verdicts {
            if self.verdicts.len() < WORDS_MAX || self.verdicts.contains_key(pack) {
                self.verdicts.insert(pack.clone(), verdict.clone());
            }
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        for (month, bytes) in &other.months {
            let sum = self.months.entry(*month).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        if self.last_day != other.last_day {
            self.days = self.days.saturating_add(other.days);
        }
        self.last_day = self.last_day.max(other.last_day);
    }

    /// Bytes in the clear or weakly protected.
    pub(super) fn unprotected_bytes(&self) -> u64 {
        self.protected
            .iter()
            .take(2)
            .copied()
            .fold(0, u64::saturating_add)
    }

    /// Bytes of which the protection is not known.
    pub(super) fn unseen_bytes(&self) -> u64 {
        self.protected
            .iter()
            .skip(6)
            .copied()
            .fold(0, u64::saturating_add)
    }

    /// Bytes of which the country is contradicted or not known.
    pub(super) fn unsure_bytes(&self) -> u64 {
        self.confidence
            .iter()
            .skip(2)
            .copied()
            .fold(0, u64::saturating_add)
    }

    /// Bytes with a verdict that is a finding.
    pub(super) fn finding_bytes(&self) -> u64 {
        let findings = self.judged.iter().skip(FINDINGS_FROM);
        findings.copied().fold(0, u64::saturating_add)
    }
}

/// Deals bytes to places. What the parts do not name goes to the last place, which is that of
/// what is not known; parts never make more than the whole.
fn spread<'a, const N: usize>(
    places: &mut [u64; N],
    bytes: u64,
    parts: impl Iterator<Item = (&'a str, u64)>,
    place: impl Fn(&str) -> usize,
) {
    let mut left = bytes;
    for (code, part) in parts {
        let part = part.min(left);
        left -= part;
        if let Some(sum) = places.get_mut(place(code)) {
            *sum = sum.saturating_add(part);
        }
    }
    if let Some(sum) = places.last_mut() {
        *sum = sum.saturating_add(left);
    }
}

fn add_all<const N: usize>(sums: &mut [u64; N], others: &[u64; N]) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum = sum.saturating_add(*other);
    }
}

/// All flows of a stretch of days.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    by_key: BTreeMap<Key, Flow>,
    /// What had no place.
    pub(super) left_over: Flow,
    pub(super) left_over_rows: u64,
}

impl Flows {
    /// Adds a row of totals.
    pub(super) fn add(&mut self, key: &Key, flow: &Flow) {
        let is_full = self.by_key.len() >= FLOWS_MAX;
        match self.by_key.get_mut(key) {
            Some(sum) => sum.add(flow),
            None if is_full => {
                self.left_over.add(flow);
                self.left_over_rows = self.left_over_rows.saturating_add(1);
            }
            None => {
                self.by_key.insert(key.clone(), flow.clone());
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Flow)> {
        self.by_key.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The sum of all.
    pub(super) fn total(&self) -> Flow {
        let mut total = self.left_over.clone();
        self.by_key.values().for_each(|flow| total.add(flow));
        total
    }

    /// Sums by whatever a key or flow says, the largest first. What had no place is not in it.
    pub(super) fn by<K: Ord + Clone>(&self, of: impl Fn(&Key, &Flow) -> K) -> Vec<(K, Flow)> {
        let mut sums: BTreeMap<K, Flow> = BTreeMap::new();
        for (key, flow) in &self.by_key {
            sums.entry(of(key, flow)).or_default().add(flow);
        }
        largest_first(sums.into_iter().collect())
    }

    /// Sums by category. A flow of several categories counts in each.
    pub(super) fn by_category<K: Ord + Clone>(
        &self,
        of: impl Fn(&Key) -> K,
    ) -> Vec<((K, String), Flow)> {
        let mut sums: BTreeMap<(K, String), Flow> = BTreeMap::new();
        for (key, flow) in &self.by_key {
            let declared = flow.categories.iter().map(String::as_str);
            let undeclared = flow.categories.is_empty().then_some(words::UNDECLARED);
            for category in declared.chain(undeclared) {
                let sum = sums.entry((of(key), category.to_owned())).or_default();
                sum.add(flow);
            }
        }
        largest_first(sums.into_iter().collect())
    }

    /// How many different things the keys say; an empty one is none.
    pub(super) fn distinct(&self, of: impl Fn(&Key) -> String) -> u64 {
        let mut set: BTreeSet<String> = self.by_key.keys().map(of).collect();
        set.remove("");
        set.len() as u64
    }
}

fn largest_first<K: Ord>(mut sums: Vec<(K, Flow)>) -> Vec<(K, Flow)> {
    sums.sort_by(|(a, one), (b, two)| two.bytes.cmp(&one.bytes).then_with(|| a.cmp(b)));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DAY: Date = Date::constant(2026, 3, 16);

    #[test]
    fn parts_never_make_more_than_the_whole() {
        let row = json!({"bytes": 100, "protected": {"clear": 70, "strong": 70, "odd": 5}});
        let flow = Flow::read(Body(&row), DAY);
        assert_eq!(flow.protected, [70, 0, 0, 25, 0, 0, 0, 5]);
        let row = json!({"bytes": 100, "protected": {"clear": 70}});
        let flow = Flow::read(Body(&row), DAY);
        assert_eq!(
            flow.protected,
            [70, 0, 0, 0, 0, 0, 0, 30],
            "the rest was not seen"
        );
        assert_eq!(flow.confidence, [0, 0, 0, 0, 100]);
    }

    #[test]
    fn the_gravest_verdict_of_a_row_counts_its_bytes() {
        let verdicts = json!({"a": "approved", "b": "unapproved", "c": "odd"});
        let row = json!({"bytes": 7, "verdicts": verdicts});
        let flow = Flow::read(Body(&row), DAY);
        assert_eq!(flow.finding_bytes(), 7);
        assert_eq!(flow.judged.iter().sum::<u64>(), 7);
    }

    #[test]
    fn what_has_no_place_is_a_sum() {
        let mut flows = Flows::default();
        for number in 0..FLOWS_MAX + 3 {
            let row = json!({"asset": number.to_string(), "bytes": 2});
            flows.add(&Key::read(Body(&row)), &Flow::read(Body(&row), DAY));
        }
        assert_eq!(flows.left_over_rows, 3);
        assert_eq!(flows.total().bytes, 2 * (FLOWS_MAX as u64 + 3));
        assert_eq!(flows.iter().count(), FLOWS_MAX);
    }

    #[test]
    fn days_of_a_flow_are_counted_once() {
        let row = json!({"asset": "a", "bytes": 1});
        let mut flows = Flows::default();
        for day in [DAY, DAY, DAY.tomorrow().unwrap()] {
            flows.add(&Key::read(Body(&row)), &Flow::read(Body(&row), day));
        }
        assert_eq!(flows.iter().next().map(|(_, flow)| flow.days), Some(2));
    }
}
