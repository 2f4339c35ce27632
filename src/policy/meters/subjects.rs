//! How many different persons there are among identifiers: exactly while they are few, then
//! by HyperLogLog.
//!
//! Registers and ranks are those of Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog"
//! (2007), with 64-bit hashes, and the number that they come to is the improved raw estimator
//! of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section
//! 4, which needs no table of biases.

use serde::{Deserialize, Serialize};

/// A set of keyed 64-bit hashes of identifiers.
///
/// Up to [`Subjects::EXACT_MAX`] they are kept; then 16,384 registers of a byte are. Which of
/// the two follows from the set alone, so that sets that were gathered apart and merged are
/// the same as one that was gathered at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Subjects(Form);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Form {
    /// In order, each once.
    Exact(Vec<u64>),
    Registers {
        /// The highest rank of each; 0 where there was none.
        ranks: Box<[u8]>,
        /// How many there were at least when exact counting ended.
        at_least: u64,
    },
}

/// What may be no set at all.
#[derive(Deserialize)]
struct Written(Form);

impl Subjects {
    /// Hashes that are kept one by one: 80 kB.
    pub const EXACT_MAX: usize = 10_000;

    /// The part of the number by which 99 of 100 estimates err at most: 2.58 standard errors,
    /// each 1.04 over the root of the number of registers.
    pub const ERROR_PART: f64 = 2.58 * 0.0081;

    /// Nobody.
    pub const fn new() -> Self {
        Self(Form::Exact(Vec::new()))
    }

    /// Adds one. Says by how many bytes the set grew or shrank.
    pub fn insert(&mut self, hash: u64) -> i64 {
        let before = self.bytes();
        match &mut self.0 {
            Form::Exact(hashes) => {
                if let Err(place) = hashes.binary_search(&hash) {
                    hashes.insert(place, hash);
                }
                self.bound();
            }
            Form::Registers { ranks, .. } => raise(ranks, hash),
        }
        self.bytes() as i64 - before as i64
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            (_, Form::Exact(others)) if others.is_empty() => {}
            (Form::Exact(hashes), Form::Exact(others)) => {
                // Two lists in order are sorted as fast as they are merged.
                hashes.extend(others);
                hashes.sort();
                hashes.dedup();
                self.bound();
            }
            (Form::Exact(hashes), Form::Registers { .. }) => {
                let hashes = std::mem::take(hashes);
                *self = other.clone();
                self.add_to_registers(&hashes);
            }
            (Form::Registers { .. }, Form::Exact(others)) => self.add_to_registers(others),
            (
                Form::Registers { ranks, at_least },
                Form::Registers {
                    ranks: others,
                    at_least: other_least,
                },
            ) => {
                for (rank, other) in ranks.iter_mut().zip(others) {
                    *rank = (*rank).max(*other);
                }
                *at_least = (*at_least).max(*other_least);
            }
        }
    }

    /// All that is in any of several sets. It sorts once for many small ones, and so takes less
    /// time than merging one after the other.
    pub fn union<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        let (mut all, mut waiting) = (Self::new(), Vec::new());
        for set in sets {
            match &set.0 {
                Form::Exact(hashes) if all.is_exact() => waiting.extend(hashes),
                _ => all.merge(set),
            }
            if waiting.len() > WAITING_MAX {
                all.take(&mut waiting);
            }
        }
        all.take(&mut waiting);
        all
    }

    /// Adds hashes in any order, and leaves none.
    fn take(&mut self, hashes: &mut Vec<u64>) {
        hashes.sort_unstable();
        hashes.dedup();
        if let Form::Exact(known) = &mut self.0 {
            known.append(hashes);
            known.sort();
            known.dedup();
            self.bound();
        } else {
            self.add_to_registers(hashes);
            hashes.clear();
        }
    }

    /// Gives up exact counting if that takes less memory.
    pub fn compact(&mut self) {
        if self.bytes() > REGISTERS as u64 {
            self.give_up();
        }
    }

    /// Whether nobody is in it.
    pub const fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Exact(hashes) if hashes.is_empty())
    }

    /// Whether the number is exact.
    pub const fn is_exact(&self) -> bool {
        matches!(self.0, Form::Exact(_))
    }

    /// Memory that the set takes, bytes; allocation may round it up to twice as much.
    pub const fn bytes(&self) -> u64 {
        match &self.0 {
            Form::Exact(hashes) => 8 * hashes.len() as u64,
            Form::Registers { .. } => REGISTERS as u64,
        }
    }

    /// The likeliest number.
    pub fn estimate(&self) -> f64 {
        match &self.0 {
            Form::Exact(hashes) => hashes.len() as f64,
            Form::Registers { ranks, .. } => estimate(ranks),
        }
    }

    /// A number that is passed: exact while it is counted exactly; beyond that it is too high
    /// in one of 200 cases.
    pub fn lower_bound(&self) -> u64 {
        match &self.0 {
            Form::Exact(hashes) => hashes.len() as u64,
            Form::Registers { ranks, at_least } => {
                let bound = (estimate(ranks) * (1.0 - Self::ERROR_PART)).floor();
                (bound as u64).max(*at_least)
            }
        }
    }

    /// Ends exact counting where there are too many.
    fn bound(&mut self) {
        if matches!(&self.0, Form::Exact(hashes) if hashes.len() > Self::EXACT_MAX) {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        if let Form::Exact(hashes) = &mut self.0 {
            let hashes = std::mem::take(hashes);
            self.0 = Form::Registers {
                ranks: vec![0; REGISTERS].into(),
                at_least: 0,
            };
            self.add_to_registers(&hashes);
        }
    }

    fn add_to_registers(&mut self, hashes: &[u64]) {
        if let Form::Registers { ranks, at_least } = &mut self.0 {
            hashes.iter().for_each(|hash| raise(ranks, *hash));
            // What ended it may be one more than the bound, or many: it is not told apart.
            let known = (hashes.len() as u64).min(Self::EXACT_MAX as u64 + 1);
            *at_least = (*at_least).max(known);
        }
    }
}

impl Default for Subjects {
    fn default() -> Self {
        Self::new()
    }
}

impl TryFrom<Written> for Subjects {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, &'static str> {
        let is_sound = match &written.0 {
            Form::Exact(hashes) => {
                hashes.len() <= Self::EXACT_MAX && hashes.is_sorted_by(|one, next| one < next)
            }
            Form::Registers { ranks, at_least } => {
                ranks.len() == REGISTERS
                    && ranks.iter().all(|rank| *rank <= RANK_MAX)
                    && *at_least <= Self::EXACT_MAX as u64 + 1
            }
        };
        is_sound
            .then_some(Self(written.0))
            .ok_or("no set of subjects")
    }
}

/// Counts a hash: its first 14 bits say in which register, and the rank is the place of the
/// first 1 among the others.
fn raise(ranks: &mut [u8], hash: u64) {
    let place = (hash >> RANK_BITS) as usize;
    let rank = (hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() as u8 + 1;
    if let Some(known) = ranks.get_mut(place) {
        *known = (*known).max(rank);
    }
}

/// Algorithm 6 of the paper: how many registers have each rank is all that matters.
fn estimate(ranks: &[u8]) -> f64 {
    let mut counts = [0_u32; RANK_MAX as usize + 1];
    for rank in ranks {
        if let Some(count) = counts.get_mut(usize::from(*rank)) {
            *count += 1;
        }
    }
    let [none, between @ .., highest] = counts;
    let registers = REGISTERS as f64;
    let mut sum = registers * tau(1.0 - f64::from(highest) / registers);
    for count in between.iter().rev() {
        sum = 0.5 * (sum + f64::from(*count));
    }
    sum += registers * sigma(f64::from(none) / registers);
    registers * registers / (2.0 * std::f64::consts::LN_2 * sum)
}

/// x + the sum over k of x^(2^k) 2^(k-1): what registers without a rank add.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut sum, mut factor) = (x, x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum <= before {
            return sum;
        }
    }
}

/// A third of 1 - x - the sum over k of (1 - x^(2^-k))^2 2^-k: what full registers add.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut x, mut sum, mut factor) = (x, 1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * factor;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

/// Hashes that are gathered before they are sorted.
const WAITING_MAX: usize = 4 * Subjects::EXACT_MAX;

/// Bits of a hash that choose the register: a standard error of 0.81 %.
const INDEX_BITS: u32 = 14;
const REGISTERS: usize = 1 << INDEX_BITS;

/// The other bits, and the highest rank that they can have.
const RANK_BITS: u32 = u64::BITS - INDEX_BITS;
const RANK_MAX: u8 = RANK_BITS as u8 + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The finaliser of splitmix64: numbers in a row to hashes that look random.
    fn hash(seed: u64, number: u64) -> u64 {
        let golden = 0x9e37_79b9_7f4a_7c15;
        let mut bits = (seed << 40 | number).wrapping_add(1).wrapping_mul(golden);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    fn set(seed: u64, numbers: impl Iterator<Item = u64>) -> Subjects {
        let mut subjects = Subjects::new();
        numbers.for_each(|number| {
            subjects.insert(hash(seed, number));
        });
        subjects
    }

    #[test]
    fn estimates_are_near_and_lower_bounds_are_lower() {
        let mut squares = 0.0;
        let sizes = [12_000, 30_000, 70_000, 100_000, 250_000, 1_000_000];
        for seed in 1..=8 {
            let mut subjects = Subjects::new();
            let mut next = 0;
            for size in sizes {
                (next..size).for_each(|number| {
                    subjects.insert(hash(seed, number));
                });
                next = size;
                let error = subjects.estimate() / size as f64 - 1.0;
                println!("seed {seed} size {size} error {:.3} %", 100.0 * error);
                assert!(error.abs() <= 0.02, "seed {seed}, {size}: {error}");
                assert!(subjects.lower_bound() <= size, "seed {seed}, {size}");
                assert!(subjects.lower_bound() as f64 > 0.95 * size as f64);
                squares += error * error;
            }
        }
        let root_mean_square = (squares / (8 * sizes.len()) as f64).sqrt();
        assert!(root_mean_square < 0.0105, "{root_mean_square}");
    }

    #[test]
    fn few_are_counted_exactly_and_one_more_is_never_less() {
        let most = Subjects::EXACT_MAX as u64;
        let mut subjects = set(1, 0..most);
        set(1, 0..most).merge(&subjects);
        assert!(subjects.is_exact());
        assert_eq!(subjects.lower_bound(), most);
        subjects.insert(hash(1, 0));
        assert_eq!(subjects.lower_bound(), most);
        let grown = subjects.insert(hash(1, most));
        assert!(!subjects.is_exact());
        assert_eq!(grown, 16_384 - 80_000);
        assert_eq!(subjects.lower_bound(), most + 1);
        assert_eq!(subjects.bytes(), 16_384);
    }

    #[test]
    fn the_estimate_is_near_for_few_too() {
        for size in [0, 1, 10, 1_000, 2_049, 9_000] {
            let mut subjects = set(3, 0..size);
            subjects.give_up();
            let error = (subjects.estimate() - size as f64).abs();
            assert!(error <= 0.02 * size as f64 + 1.0, "{size}: {error}");
            assert_eq!(subjects.lower_bound(), size, "what was counted stands");
        }
        let mut full = Subjects(Form::Registers {
            ranks: vec![RANK_MAX; REGISTERS].into(),
            at_least: 0,
        });
        assert!(full.estimate() > 1e15);
        full.insert(0);
        full.insert(u64::MAX);
        assert_eq!(full.lower_bound(), u64::MAX, "no overflow");
    }

    #[test]
    fn compacting_keeps_the_lower_bound_and_never_grows() {
        let mut few = set(1, 0..2_048);
        few.compact();
        assert!(few.is_exact());
        let mut more = set(1, 0..2_049);
        more.compact();
        assert!(!more.is_exact() && more.bytes() == 16_384);
        assert_eq!(more.lower_bound(), 2_049);
        let mut larger = set(1, 0..5_000);
        larger.compact();
        for (one, other) in [(&more, &larger), (&larger, &more), (&few, &larger)] {
            let mut both = one.clone();
            both.merge(other);
            assert_eq!(both, larger, "what was counted stands");
        }
    }

    #[test]
    fn ranks_are_those_of_the_definition() {
        let mut ranks = vec![0; REGISTERS];
        for (hash, place, rank) in [
            (0, 0, RANK_MAX),
            (u64::MAX, REGISTERS - 1, 1),
            (1 << RANK_BITS | 1, 1, RANK_MAX - 1),
            (2 << RANK_BITS | 1 << (RANK_BITS - 3), 2, 3),
        ] {
            raise(&mut ranks, hash);
            assert_eq!(ranks[place], rank, "{hash:x}");
        }
    }

    #[test]
    fn a_damaged_set_is_refused() {
        let read = |form: &Form| {
            let bytes = postcard::to_stdvec(form).unwrap();
            postcard::from_bytes::<Subjects>(&bytes).is_ok()
        };
        let registers = |ranks: Vec<u8>, at_least| Form::Registers {
            ranks: ranks.into(),
            at_least,
        };
        assert!(read(&Form::Exact(vec![1, 2])));
        assert!(!read(&Form::Exact(vec![2, 1])));
        assert!(!read(&Form::Exact(vec![1, 1])));
        assert!(!read(&Form::Exact((0..10_001).collect())));
        assert!(read(&registers(vec![RANK_MAX; REGISTERS], 10_001)));
        assert!(!read(&registers(vec![RANK_MAX + 1; REGISTERS], 0)));
        assert!(!read(&registers(vec![0; REGISTERS - 1], 0)));
        assert!(!read(&registers(vec![0; REGISTERS], 10_002)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever is gathered where, and in whatever order it is merged, comes to the same.
        #[test]
        fn any_split_merges_to_the_same(
            size in prop_oneof![0u64..50, 9_900..10_100u64, 10_000..25_000u64],
            parts in 1usize..6,
            seed in 0u64..1_000,
            overlap in 0u64..4,
        ) {
            let whole = set(seed, 0..size);
            let mut split = vec![Subjects::new(); parts];
            for number in 0..size {
                for copy in 0..=number % (overlap + 1) {
                    let part = hash(seed + 7, number + copy * 31) as usize % parts;
                    split[part].insert(hash(seed, number));
                }
            }
            let merged = |order: &mut dyn Iterator<Item = &Subjects>| {
                let mut all = Subjects::new();
                order.for_each(|part| all.merge(part));
                all
            };
            prop_assert_eq!(&merged(&mut split.iter()), &whole);
            prop_assert_eq!(&merged(&mut split.iter().rev()), &whole);
            prop_assert_eq!(&Subjects::union(split.iter()), &whole);
            let copies = split.iter().cycle().take(8 * parts);
            prop_assert_eq!(&Subjects::union(copies), &whole);
            let bytes = postcard::to_stdvec(&whole).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Subjects>(&bytes).unwrap(), &whole);
        }

        #[test]
        fn exact_sets_count_as_a_set_does(numbers in prop::collection::vec(0u64..200, 0..300)) {
            let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
            let subjects = set(5, numbers.iter().copied());
            prop_assert_eq!(subjects.lower_bound(), distinct.len() as u64);
            prop_assert_eq!(subjects.bytes(), 8 * distinct.len() as u64);
        }

        #[test]
        fn no_bytes_break_the_reading(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = postcard::from_bytes::<Subjects>(&bytes);
        }
    }
}
