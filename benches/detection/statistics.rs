//! The pure statistics that several peers need.

use std::collections::VecDeque;

/// The value below which a share `q` of the values lies, by the nearest rank; 0 of none.
/// Reorders them.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let rank = (q * values.len() as f64).ceil() as usize;
    let place = rank.saturating_sub(1).min(values.len() - 1);
    *values.select_nth_unstable_by(place, f64::total_cmp).1
}

/// Median and median absolute deviation, without a factor that makes the latter a standard
/// deviation. Reorders the values and overwrites them.
pub(crate) fn median_and_mad(values: &mut [f64]) -> (f64, f64) {
    let median = quantile(values, 0.5);
    for value in values.iter_mut() {
        *value = (*value - median).abs();
    }
    (median, quantile(values, 0.5))
}

/// Makes a median absolute deviation the standard deviation of a normal variable.
pub(crate) const MAD_TO_SD: f64 = 1.4826;

/// Running mean and variance (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let difference = value - self.mean;
        self.mean += difference / self.count;
        self.squares += difference * (value - self.mean);
    }

    /// How many values were added.
    pub(crate) fn count(&self) -> f64 {
        self.count
    }

    /// How many standard deviations above the mean a value lies; 0 while there is no
    /// deviation.
    pub(crate) fn z(&self, value: f64) -> f64 {
        if self.squares <= 0.0 {
            return 0.0;
        }
        (value - self.mean) / (self.squares / self.count).sqrt()
    }
}

/// A generalised Pareto distribution of what exceeds a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pareto {
    /// The shape: 0 for an exponential tail, more for a heavier one.
    pub(crate) shape: f64,
    /// The scale.
    pub(crate) scale: f64,
}

impl Pareto {
    /// The most likely distribution of positive excesses; none for an empty list.
    ///
    /// With t = shape / scale the likelihood has its maximum over the shape at the mean of
    /// ln(1 + t y), so that one search over t is left (Grimshaw 1993). It goes over a grid
    /// of t between -1 / max(y), where a distribution ends, and tails without a mean.
    pub(crate) fn fit(excesses: &[f64]) -> Option<Self> {
        let count = excesses.len() as f64;
        let mean = excesses.iter().sum::<f64>() / count;
        let most = excesses.iter().copied().fold(0.0, f64::max);
        if !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        let exponential = Self {
            shape: 0.0,
            scale: mean,
        };
        if excesses.len() < FIT_MIN {
            return Some(exponential);
        }
        let at = |t: f64| {
            let shape = excesses.iter().map(|y| (t * y).ln_1p()).sum::<f64>() / count;
            Self {
                shape,
                scale: shape / t,
            }
        };
        let likelihood = |pareto: &Self| -count * (pareto.scale.ln() + 1.0 + pareto.shape);
        let falling = (1..GRID).map(|step| -(1.0 - 0.5_f64.powf(f64::from(step) / 8.0)) / most);
        let rising = (0..GRID).map(|step| 1e-3 * 1.15_f64.powi(step) / mean);
        let mut best = (likelihood(&exponential), exponential);
        for t in falling.chain(rising) {
            let pareto = at(t);
            let is_sound = pareto.scale > 0.0 && pareto.shape > SHAPE_MIN;
            if is_sound && likelihood(&pareto) > best.0 {
                best = (likelihood(&pareto), pareto);
            }
        }
        Some(best.1)
    }

    /// The natural logarithm of the chance that an excess is more than `excess`.
    pub(crate) fn log_tail(&self, excess: f64) -> f64 {
        if self.shape.abs() < 1e-9 {
            return -excess / self.scale;
        }
        let base = 1.0 + self.shape * excess / self.scale;
        if base > 0.0 {
            -base.ln() / self.shape
        } else {
            LOG_IMPOSSIBLE
        }
    }
}

/// Fewer excesses than this are taken as exponential.
const FIT_MIN: usize = 8;

/// Steps of the search for a tail on either side of the exponential.
const GRID: i32 = 64;

/// Below this shape the likelihood has no maximum.
const SHAPE_MIN: f64 = -0.5;

/// What a tail says of a value that it excludes: a chance of e to this power.
const LOG_IMPOSSIBLE: f64 = -700.0;

/// Finds a change of the mean in a stream, and forgets what lies before it (ADWIN, Bifet
/// and Gavalda 2007, over all cuts of a window of bounded length).
#[derive(Clone, Debug)]
pub(crate) struct Adwin {
    window: VecDeque<f64>,
    since_check: usize,
    delta: f64,
}

impl Adwin {
    /// A detector whose false alarms have this probability.
    pub(crate) fn new(delta: f64) -> Self {
        Self {
            window: VecDeque::new(),
            since_check: 0,
            delta,
        }
    }

    /// Adds a value. Tells whether the mean has changed, at every [`ADWIN_CLOCK`]th value.
    pub(crate) fn add(&mut self, value: f64) -> bool {
        if self.window.len() >= ADWIN_WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(value);
        self.since_check += 1;
        if self.since_check < ADWIN_CLOCK {
            return false;
        }
        self.since_check = 0;
        let Some(cut) = self.cut() else {
            return false;
        };
        self.window.drain(..cut);
        true
    }

    /// The last place at which the means of both sides differ by more than chance allows.
    fn cut(&self) -> Option<usize> {
        let count = self.window.len() as f64;
        let total: f64 = self.window.iter().sum();
        let mean = total / count;
        let variance = self.window.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let log = (2.0 * count.ln().max(1.0) / self.delta).ln();
        let mut left = 0.0;
        let mut last = None;
        for (place, value) in (1..).zip(&self.window) {
            left += value;
            let (before, after) = (place as f64, count - place as f64);
            if before < ADWIN_SIDE || after < ADWIN_SIDE {
                continue;
            }
            let harmonic = 1.0 / (1.0 / before + 1.0 / after);
            let bound = (2.0 / harmonic * variance * log).sqrt() + 2.0 / (3.0 * harmonic) * log;
            if (left / before - (total - left) / after).abs() > bound {
                last = Some(place);
            }
        }
        last
    }
}

/// Values between two looks for a change, as the `river` library ships it.
const ADWIN_CLOCK: usize = 32;

/// Fewest values on either side of a change, as the `river` library ships it.
const ADWIN_SIDE: f64 = 5.0;

/// Most values that are kept.
const ADWIN_WINDOW: usize = 1_024;

/// Chance that falls the same way each time (SplitMix64, Steele 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A stream of numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64-bit number.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `bound`, which is above 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound.max(1) as u64) as usize
    }

    /// A normal number (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_list() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 1.0), 5.0);
        assert_eq!(quantile(&mut values, 0.0), 1.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
        assert_eq!(median_and_mad(&mut [1.0, 2.0, 3.0, 4.0, 100.0]), (3.0, 1.0));
    }

    #[test]
    fn moments_give_the_mean_and_the_deviation() {
        let mut moments = Moments::default();
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            moments.add(value);
        }
        assert!((moments.z(9.0) - 2.0).abs() < 1e-12);
        assert_eq!(Moments::default().z(9.0), 0.0);
    }

    #[test]
    fn a_fitted_tail_is_the_one_that_was_drawn_from() {
        for shape in [-0.2, 0.0, 0.3, 0.8] {
            let mut dice = Dice::new(1);
            let drawn = (0..20_000).map(|_| {
                let u = 1.0 - dice.unit();
                if shape == 0.0 {
                    -7.0 * u.ln()
                } else {
                    7.0 * (u.powf(-shape) - 1.0) / shape
                }
            });
            let fitted = Pareto::fit(&drawn.collect::<Vec<f64>>()).unwrap();
            assert!((fitted.shape - shape).abs() < 0.04, "{shape}: {fitted:?}");
            assert!((fitted.scale - 7.0).abs() < 0.4, "{shape}: {fitted:?}");
        }
        assert_eq!(Pareto::fit(&[]), None);
        assert_eq!(Pareto::fit(&[2.0, 4.0]).unwrap().scale, 3.0);
    }

    #[test]
    fn tails_fall() {
        let heavy = Pareto {
            shape: 0.5,
            scale: 1.0,
        };
        assert!((heavy.log_tail(2.0) - 0.25_f64.ln()).abs() < 1e-12);
        let light = Pareto {
            shape: 0.0,
            scale: 2.0,
        };
        assert!((light.log_tail(4.0) + 2.0).abs() < 1e-12);
        let bounded = Pareto {
            shape: -0.5,
            scale: 1.0,
        };
        assert_eq!(bounded.log_tail(3.0), LOG_IMPOSSIBLE);
    }

    #[test]
    fn a_change_of_the_mean_is_found_and_noise_is_not() {
        let mut dice = Dice::new(5);
        let mut adwin = Adwin::new(0.01);
        let noise = (0..500).filter(|_| adwin.add(dice.normal())).count();
        assert_eq!(noise, 0);
        let shifted = (0..64).any(|_| adwin.add(3.0 + dice.normal()));
        assert!(shifted);
    }
}
