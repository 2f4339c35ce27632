//! What is new among many things, in constant memory.
//!
//! Idea: a register keeps the longest run of zeros in the hashes that fall to it
//! (HyperLogLog). A hash that changes none is held for known. One that changes a register
//! stands for as many new things as it takes on average to do so, so that whatever the new
//! things weigh can be added up while they come, each once.
//!
//! Formula: a change counts `1 / p`, where `p = (sum of 2^-register) / registers` was the
//! chance of one (historic inverse probability).
//!
//! Since what one register stands for grows with the number of things, so does the step by which
//! the sum grows. So, from some hundred things on, a larger set learns them, too, and takes
//! over when a step is eight.
//!
//! Source: Flajolet et al. 2007; Cohen, IEEE TKDE 2015; Ting, KDD 2014.
//!
//! Cost: 256 bytes, and 2,048 from some hundred things on. The sum is right on average; its
//! standard error is `sqrt(ln 2 / registers)`, 5 % or 2 %, less for the first hundred things.
//!
//! Blind spot: who knows the key of the hash can make things that all are held for known.

use serde::{Deserialize, Serialize};

/// A set of which one can ask whether something is new to it, and no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Distinct {
    registers: Vec<u8>,
    /// The chance that something new changes a register.
    chance: f64,
    /// What will take over.
    next: Option<Box<Self>>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::new(REGISTERS)
    }
}

impl Distinct {
    fn new(registers: usize) -> Self {
        Self {
            registers: vec![0; registers],
            chance: 1.0,
            next: None,
        }
    }

    /// Takes something by its hash: how many new things it stands for, 0 if it is known or
    /// others stand for it.
    pub(super) fn take(&mut self, hash: u64) -> f64 {
        let stands_for = self.raise(hash);
        if self.registers.len() < REGISTERS_MAX && self.chance < CHANCE_OF_NEXT {
            let next = || Box::new(Self::new(REGISTERS_MAX));
            self.next.get_or_insert_with(next).raise(hash);
        }
        if let Some(next) = self.next.take_if(|_| self.chance < CHANCE_MIN) {
            *self = *next;
        }
        stands_for
    }

    fn raise(&mut self, hash: u64) -> f64 {
        let registers = self.registers.len().max(1) as u64;
        let place = usize::try_from(hash % registers).unwrap_or_default();
        let rest = (hash / registers) | (1 << RANK_MAX);
        let rank = u8::try_from(rest.trailing_zeros() + 1).unwrap_or(u8::MAX);
        let Some(register) = self.registers.get_mut(place) else {
            return 0.0;
        };
        if rank <= *register {
            return 0.0;
        }
        let stands_for = 1.0 / self.chance;
        let gone = power(*register) - power(rank);
        *register = rank;
        // These are sums of powers of two, which a float holds exactly.
        self.chance -= gone / registers as f64;
        stands_for
    }
}

/// Two to the power of minus a rank.
fn power(rank: u8) -> f64 {
    (-f64::from(rank)).exp2()
}

/// A hash that only who knows the key can foresee. It is no cryptographic one.
pub(super) fn hash(key: u64, bytes: &[u8]) -> u64 {
    let mut state = key ^ MULTIPLIER.wrapping_mul(bytes.len() as u64 + 1);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        for (place, byte) in word.iter_mut().zip(chunk) {
            *place = *byte;
        }
        state = fold(state ^ u64::from_le_bytes(word), key | 1);
        state = fold(state, MULTIPLIER);
    }
    fold(state ^ key.rotate_left(32), MULTIPLIER)
}

/// Both halves of a product, over one another.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left ^ MULTIPLIER) * u128::from(right ^ MULTIPLIER.rotate_left(17));
    let low = product & u128::from(u64::MAX);
    u64::try_from(low ^ (product >> 64)).unwrap_or_default()
}

const REGISTERS: usize = 256;

const REGISTERS_MAX: usize = 2_048;

/// The chance at which the larger set begins to learn.
const CHANCE_OF_NEXT: f64 = 0.75;

/// The chance at which it takes over.
const CHANCE_MIN: f64 = 0.125;

/// The highest rank less one. A chance has so many bits behind the point, and eight.
const RANK_MAX: u32 = 40;

/// The golden ratio, as 64 bits behind the point.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    fn total(things: u64, key: u64) -> f64 {
        let mut distinct = Distinct::default();
        let mut sum = 0.0;
        for thing in 0..things {
            sum += distinct.take(hash(key, &thing.to_be_bytes()));
        }
        sum
    }

    #[test]
    fn the_sum_is_about_the_number_of_things() {
        for (things, error_max) in [(1, 0.0), (20, 0.2), (1_000, 0.2), (100_000, 0.25)] {
            for key in 1..20 {
                let error = (total(things, key) / things as f64 - 1.0).abs();
                assert!(error <= error_max, "{things} with {key}: {error}");
            }
        }
    }

    #[test]
    fn the_sum_is_right_on_average() {
        let sum: f64 = (0..400).map(|key| total(5_000, key * 7 + 1)).sum();
        let error = (sum / 400.0 / 5_000.0 - 1.0).abs();
        assert!(error < 0.01, "{error}");
    }

    #[test]
    fn what_is_known_never_counts_again() {
        let mut distinct = Distinct::default();
        let things: Vec<_> = (0..3_000_u64)
            .map(|thing| hash(9, &thing.to_be_bytes()))
            .collect();
        for thing in &things {
            distinct.take(*thing);
        }
        // But for some of those that the larger set has not met.
        let again: f64 = things.iter().map(|thing| distinct.take(*thing)).sum();
        assert!(again < 200.0, "{again}");
        assert!(things.iter().all(|thing| distinct.take(*thing) == 0.0));
    }

    #[test]
    fn a_key_changes_what_is_new() {
        let of = |key| hash(key, b"a.example.com") % 256;
        assert!((1..50).any(|key| of(key) != of(0)));
        assert_ne!(hash(1, b"a"), hash(1, b"a\0"));
    }
}
