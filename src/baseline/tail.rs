//! How rare a large value is: a histogram, and a fitted tail beyond it.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Counts of something that is mostly nothing and sometimes large.
///
/// Idea: peaks over a threshold (Pickands 1975) with a Pareto tail whose slope is the
/// Hill estimate over the largest, twice as many as the root of all,
/// shrunk towards a prior. The fit and not the
/// largest value seen decides, so that one outlier does not buy silence for the next: of a
/// thousandfold outlier among 5,000 the threshold grows less than threefold.
/// Blind spot: a tail that is lighter than Pareto is judged too heavy, which costs
/// sensitivity and never false alerts.
#[derive(Clone, Debug)]
pub struct Tail {
    /// How often there was something to observe, nothing included.
    observations: u64,
    positive: Histogram<u64>,
}

/// A tail at one moment: the share of observations at or beyond a value, and beyond the
/// knot a Pareto law, whose chance of a value `x` is `knot_chance · (knot / x)^(1 / slope)`.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Values, and how many observations lie at or beyond each, in the order of values.
    steps: Vec<(f64, f64)>,
    observations: f64,
    knot: f64,
    knot_chance: f64,
    slope: f64,
}

impl Tail {
    /// An empty tail.
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    pub fn new() -> Self {
        let positive = Histogram::new_with_bounds(1, VALUE_MAX, SIGNIFICANT_DIGITS);
        Self {
            observations: 0,
            positive: positive.expect("bounds that a histogram takes"),
        }
    }

    /// Counts an observation; 0 says that there was nothing.
    pub fn record(&mut self, value: u64) {
        self.observations += 1;
        if value > 0 {
            self.positive.saturating_record(value);
        }
    }

    /// How many observations were counted, nothing included.
    pub const fn observations(&self) -> u64 {
        self.observations
    }

    /// Observations that were not nothing.
    pub fn positive(&self) -> u64 {
        self.positive.len()
    }

    /// Values, and how many observations lie at or beyond each, in the order of values.
    pub(super) fn steps(&self) -> Vec<(f64, f64)> {
        let mut steps = Vec::new();
        for step in self.positive.iter_recorded() {
            let count = step.count_since_last_iteration() as f64;
            steps.push((step.value_iterated_to() as f64, count));
        }
        let mut beyond = 0.0;
        for (_, count) in steps.iter_mut().rev() {
            beyond += *count;
            *count = beyond;
        }
        steps
    }

    /// Fits the curve.
    pub fn curve(&self) -> Curve {
        let steps = self.steps();
        // Twice the root of the count: far enough out for the tail to be a tail, and a count
        // that grows with the data, as the Hill estimate needs to converge (Hall 1982).
        let positive = self.positive() as f64;
        let wanted = (2.0 * positive.sqrt()).max(TAIL_MIN).min(positive / 2.0);
        let place = steps.partition_point(|(_, beyond)| *beyond > wanted);
        let tail = steps.get(place..).unwrap_or_default();
        let (knot, beyond) = tail.first().copied().unwrap_or((1.0, 0.0));
        let mut log_excess = 0.0;
        for (at, (value, count)) in tail.iter().enumerate() {
            let further = tail.get(at + 1).map_or(0.0, |(_, further)| *further);
            log_excess += (count - further) * (value / knot).ln();
        }
        Curve {
            steps,
            observations: self.observations as f64,
            knot,
            knot_chance: (beyond + 1.0) / (self.observations as f64 + 2.0),
            slope: (log_excess + SLOPE_PRIOR * PRIOR_WEIGHT) / (beyond + PRIOR_WEIGHT),
        }
    }
}

impl Default for Tail {
    fn default() -> Self {
        Self::new()
    }
}

impl Curve {
    /// The chance of `value` or more. While there are few observations it is drawn towards
    /// what is assumed without any: a quarter of them at or beyond 1,000, and a Pareto tail.
    pub fn chance(&self, value: f64) -> f64 {
        let assumed = ASSUMED_CHANCE * (value / ASSUMED_KNOT).max(1.0).powf(-1.0 / SLOPE_PRIOR);
        let measured = if value >= self.knot {
            let slope = self.slope.max(f64::MIN_POSITIVE);
            self.knot_chance * (value / self.knot).powf(-1.0 / slope)
        } else {
            let place = self.steps.partition_point(|(step, _)| *step < value);
            let beyond = self.steps.get(place).map_or(0.0, |(_, beyond)| *beyond);
            (beyond + 1.0) / (self.observations + 2.0)
        };
        let weight = self.observations / (self.observations + ASSUMED_WEIGHT);
        (weight * measured + (1.0 - weight) * assumed).clamp(CHANCE_MIN, 1.0)
    }
}

/// The form in which a tail is stored: observations, then values and their counts.
type Stored = (u64, Vec<(u64, u64)>);

impl Serialize for Tail {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let steps = self.positive.iter_recorded();
        let counts =
            steps.map(|step| (step.value_iterated_to(), step.count_since_last_iteration()));
        (self.observations, counts.collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Tail {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (observations, counts) = Stored::deserialize(deserializer)?;
        let mut tail = Self {
            observations,
            ..Self::new()
        };
        for (value, count) in counts {
            tail.positive.saturating_record_n(value, count);
        }
        Ok(tail)
    }
}

/// The largest value that is told apart: 16 TiB, where values are bytes.
const VALUE_MAX: u64 = 1 << 44;

/// Values are kept to one part in a hundred.
const SIGNIFICANT_DIGITS: u8 = 2;

/// The least number of observations that are taken for the tail, if there are twice as many.
const TAIL_MIN: f64 = 20.0;

/// Mean log excess that is assumed before it is measured: a Pareto tail of index 1.25.
const SLOPE_PRIOR: f64 = 0.8;

/// What is assumed without observations, and how many of them that weighs.
const ASSUMED_KNOT: f64 = 1_000.0;
const ASSUMED_CHANCE: f64 = 0.25;
const ASSUMED_WEIGHT: f64 = 20.0;

/// How many observations the assumption weighs.
const PRIOR_WEIGHT: f64 = 10.0;

/// The smallest chance that is told; less would be a claim that no data here can bear.
const CHANCE_MIN: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of a Pareto law of index 2, one value each.
    fn pareto(count: u32) -> Tail {
        let mut tail = Tail::new();
        for i in 1..=count {
            let survival = (f64::from(i) - 0.5) / f64::from(count);
            tail.record((1_000.0 / survival.sqrt()) as u64);
        }
        tail
    }

    #[test]
    fn the_curve_finds_the_law_beyond_the_data() {
        let curve = pareto(20_000).curve();
        let chance = curve.chance(1_000_000.0);
        assert!((0.6..1.7).contains(&(chance / 1e-6)), "{chance}");
        let median = curve.chance(1_414.0);
        assert!((0.48..0.52).contains(&median), "{median}");
        assert!(curve.chance(1.0) > 0.99);
    }

    #[test]
    fn nothing_counts_too() {
        let mut tail = pareto(1_000);
        let before = tail.curve().chance(20_000.0);
        (0..99_000).for_each(|_| tail.record(0));
        let after = tail.curve().chance(20_000.0);
        assert!(after < before / 50.0, "{before} {after}");
    }

    #[test]
    fn one_outlier_buys_little_silence() {
        let mut tail = pareto(5_000);
        let before = tail.curve().chance(300_000.0);
        tail.record(1 << 40);
        let after = tail.curve().chance(300_000.0);
        assert!(after / before < 5.0, "{before} {after}");
    }

    #[test]
    fn without_data_it_assumes() {
        let curve = Tail::new().curve();
        assert_eq!(curve.chance(0.0), 0.25);
        assert!((1e-4..2e-3).contains(&curve.chance(100_000.0)));
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        let tail = pareto(500);
        let bytes = postcard::to_stdvec(&tail).unwrap();
        let read: Tail = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(read.curve().chance(3e4), tail.curve().chance(3e4));
        assert!(postcard::from_bytes::<Tail>(&bytes[..bytes.len() / 2]).is_err());
    }
}
