//! How rare a large value is: a histogram, and a fitted tail beyond it.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Counts of something that is mostly nothing and sometimes large.
///
/// Idea: peaks over a threshold (Pickands 1975) with a Pareto tail whose slope is the
/// Hill estimate over the largest tenth, shrunk towards a prior. The fit and not the
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

/// A tail at one moment: beyond `knot`, the chance of a value `x` is
/// `knot_chance · (knot / x)^(1 / slope)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
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

    /// The value below which a share `quantile` of the positive observations lies.
    pub fn quantile(&self, quantile: f64) -> u64 {
        self.positive.value_at_quantile(quantile)
    }

    /// Fits the tail. Until there are enough positive observations for that, the tail
    /// begins at `floor`, as if the next observation would reach it.
    pub fn fit(&self, floor: u64) -> Fit {
        let observations = (self.observations + 1) as f64;
        if self.positive() < POSITIVE_MIN {
            let knot = floor.max(self.quantile(0.5)).max(1) as f64;
            let knot_chance = (self.positive() + 1) as f64 / (observations + 1.0);
            return Fit {
                knot,
                knot_chance,
                slope: SLOPE_PRIOR,
            };
        }
        // Twice the root of the count: far enough out for the tail to be a tail, and a count
        // that grows with the data, as the Hill estimate needs to converge (Hall 1982).
        let positive = self.positive() as f64;
        let share = (2.0 / positive.sqrt()).min(EXCEEDANCE_SHARE_MAX);
        let knot = self.quantile(1.0 - share);
        let (mut beyond, mut log_excess) = (0.0, 0.0);
        for step in self.positive.iter_recorded() {
            let value = step.value_iterated_to();
            if value > knot {
                let count = step.count_since_last_iteration() as f64;
                beyond += count;
                log_excess += count * (value as f64 / knot as f64).ln();
            }
        }
        let slope = (log_excess + SLOPE_PRIOR * PRIOR_WEIGHT) / (beyond + PRIOR_WEIGHT);
        Fit {
            knot: knot as f64,
            knot_chance: (beyond + 1.0) / (observations + 1.0),
            slope,
        }
    }
}

impl Default for Tail {
    fn default() -> Self {
        Self::new()
    }
}

impl Fit {
    /// The value that is exceeded with chance `p`, and at least the knot.
    pub fn threshold(&self, p: f64) -> f64 {
        let p = p.clamp(CHANCE_MIN, self.knot_chance);
        self.knot * (self.knot_chance / p).powf(self.slope)
    }

    /// The chance of `value` or more; below the knot no more than the knot's is known.
    pub fn chance(&self, value: f64) -> f64 {
        let ratio = (value / self.knot).max(1.0);
        (self.knot_chance * ratio.powf(-1.0 / self.slope)).max(CHANCE_MIN)
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

/// Positive observations from which on the tail is fitted rather than assumed.
const POSITIVE_MIN: u64 = 30;

/// The largest share of positive observations that is taken for the tail.
const EXCEEDANCE_SHARE_MAX: f64 = 0.25;

/// Mean log excess that is assumed before it is measured: a Pareto tail of index 1.
const SLOPE_PRIOR: f64 = 1.0;

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
    fn the_fit_finds_the_law_beyond_the_data() {
        let fit = pareto(20_000).fit(1);
        let threshold = fit.threshold(1e-6);
        assert!(
            (0.8..1.25).contains(&(threshold / 1_000_000.0)),
            "{threshold}"
        );
        let chance = fit.chance(1_000_000.0);
        assert!((0.6..1.7).contains(&(chance / 1e-6)), "{chance}");
    }

    #[test]
    fn nothing_counts_too() {
        let mut tail = pareto(1_000);
        let before = tail.fit(1).threshold(1e-4);
        (0..99_000).for_each(|_| tail.record(0));
        let after = tail.fit(1).threshold(1e-4);
        assert!(after < before / 5.0, "{before} {after}");
    }

    #[test]
    fn one_outlier_moves_the_threshold_little() {
        let mut tail = pareto(5_000);
        let before = tail.fit(1).threshold(1e-5);
        tail.record(1 << 40);
        let after = tail.fit(1).threshold(1e-5);
        assert!(after / before < 3.0, "{before} {after}");
    }

    #[test]
    fn an_empty_tail_begins_at_the_floor() {
        let fit = Tail::new().fit(1 << 20);
        assert_eq!(fit.threshold(0.9), f64::from(1 << 20));
        assert!(fit.threshold(1e-3) > 1e8);
        assert!(fit.chance(0.0) <= 1.0);
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        let tail = pareto(500);
        let bytes = postcard::to_stdvec(&tail).unwrap();
        let read: Tail = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(read.fit(1), tail.fit(1));
        assert!(postcard::from_bytes::<Tail>(&bytes[..bytes.len() / 2]).is_err());
    }
}
