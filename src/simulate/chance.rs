//! Chance that falls the same way on every machine.
//!
//! IEEE 754 fixes the result of `+ - * /` and of the square root to the last bit, but not
//! that of `exp` and `ln`, which differ between C libraries. Both are therefore computed
//! here from the four operations, so that a seed gives the same capture everywhere.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of random numbers with a name of its own.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream `label` of a scenario. Streams do not touch each other, so that a leak
    /// added to a scenario changes nothing in the habits around it.
    pub(super) fn new(seed: u64, label: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(label.as_bytes());
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// A new stream that begins where this one stands.
    pub(super) fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// Any 32-bit number.
    pub(super) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// So many random bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number below `bound`, and 0 where `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in [`low`, `high`).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Whether something of this probability comes to pass.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A lognormal number of median 1 whose logarithm has this standard deviation.
    pub(super) fn lognormal(&mut self, spread: f64) -> f64 {
        exp(spread * self.normal())
    }

    /// A number of the Pareto distribution: at least `floor`, with the tail exponent `alpha`.
    pub(super) fn pareto(&mut self, floor: f64, alpha: f64) -> f64 {
        floor * exp(-ln(1.0 - self.unit()) / alpha)
    }

    /// How many of many rare things come to pass where `mean` do on average: a number of
    /// the Poisson distribution, rounded from a normal one where the mean is large.
    pub(super) fn count(&mut self, mean: f64) -> u64 {
        if mean > POISSON_MEAN_MAX {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let floor = exp(-mean);
        let mut product = self.unit();
        let mut count = 0;
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A standard normal number, by the polar method (Marsaglia and Bray 1964).
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

/// The exponential function, for arguments cut to [-40, 40].
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-40.0, 40.0);
    let doublings = (x / std::f64::consts::LN_2).round();
    let rest = x - doublings * std::f64::consts::LN_2;
    let series = (1..=EXP_TERMS)
        .rev()
        .fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    // Doublings are within 58 of zero, so this is the bit pattern of an exact power of two.
    series * f64::from_bits(((1023 + doublings as i64) as u64) << 52)
}

/// The natural logarithm of a positive, normal number.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as f64 - 1023.0;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1.0;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172 here.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let series = (0..LN_TERMS)
        .rev()
        .fold(0.0, |sum, n| sum * s * s + 1.0 / f64::from(2 * n + 1));
    exponent * std::f64::consts::LN_2 + 2.0 * s * series
}

/// Largest mean for which a Poisson number is counted one by one.
const POISSON_MEAN_MAX: f64 = 30.0;

/// Terms after which the series of `exp` adds nothing to a double.
const EXP_TERMS: u32 = 16;

/// Terms after which the series of `ln` adds nothing to a double.
const LN_TERMS: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_functions_agree_with_the_library() {
        let mut chance = Chance::new(1, "test");
        for _ in 0..10_000 {
            let x = chance.between(-38.0, 38.0);
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "exp {x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() < 1e-12, "ln {y}");
        }
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let mut chance = Chance::new(2, "test");
        let drawn: Vec<f64> = (0..100_000).map(|_| chance.normal()).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.03, "{variance}");
    }

    #[test]
    fn tails_and_counts_have_the_moments_of_their_laws() {
        let mut chance = Chance::new(3, "test");
        let beyond = (0..100_000)
            .filter(|_| chance.pareto(2.0, 1.5) > 20.0)
            .count();
        assert!(
            (beyond as f64 / 1e5 / 0.1_f64.powf(1.5) - 1.0).abs() < 0.05,
            "{beyond}"
        );
        for mean in [0.3, 7.0, 90.0] {
            let sum: u64 = (0..20_000).map(|_| chance.count(mean)).sum();
            assert!(
                (sum as f64 / 2e4 / mean - 1.0).abs() < 0.03,
                "{mean}: {sum}"
            );
        }
    }

    #[test]
    fn streams_differ_by_seed_and_by_label_only() {
        let first = |seed, label| Chance::new(seed, label).word();
        assert_eq!(first(7, "a"), first(7, "a"));
        assert_ne!(first(7, "a"), first(8, "a"));
        assert_ne!(first(7, "a"), first(7, "b"));
    }
}
