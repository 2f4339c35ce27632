//! Many of a kind in one stream, which is evidence where a check digit is weak.
//!
//! A form that 1 of 10 random numbers pass says little. But where many more pass than do not, it
//! is a column of such identifiers. So both are counted, of what has the length and the beginning,
//! and once the distinct values that pass are [`lead_min`] more than what does not, they are hits.
//! It is Wald's sequential test (1945) of 1 in 10 against 9 in 10: each value that passes
//! multiplies the likelihood ratio by 9, each other one divides it by 9, so that random numbers
//! ever get there with a probability of at most 9^-6, 1.9e-6 a stream (Ville's inequality). Of VIN
//! 0.03 pass, so that a lead of 4 says as much. From then on a value is a hit as long as half
//! pass. Until then values are held back as hashes, at most [`PENDING_MAX`]. Blind spot: a few
//! identifiers, or some among as many other numbers of the same length, where no word is near.

use super::found::Kind;

/// What to do with a value that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is one, and so are those that were held back: hash and how often each.
    Hit(Vec<(u64, u64)>),
    /// It is held back.
    Held,
    /// Too few of its form pass.
    Refused,
}

/// The values of one kind in one stream.
#[derive(Debug, Default)]
pub(super) struct Density {
    formed: u32,
    passed: u32,
    held: Vec<(u64, u64)>,
    is_reached: bool,
}

impl Density {
    /// Counts something with the form of the kind.
    pub(super) fn form(&mut self) {
        self.formed = self.formed.saturating_add(1);
        if self.formed >= FORMED_MAX {
            self.formed /= 2;
            self.passed /= 2;
        }
    }

    /// Counts a value that is one because of a word near by.
    pub(super) fn confirm(&mut self) {
        self.passed = self.passed.saturating_add(1);
    }

    /// Judges a value that passed and has no word near by.
    pub(super) fn pass(&mut self, kind: Kind, hash: u64) -> Verdict {
        self.passed = self.passed.saturating_add(1);
        let is_dense = self.passed.saturating_mul(2) >= self.formed;
        if self.is_reached {
            return if is_dense {
                Verdict::Hit(Vec::new())
            } else {
                Verdict::Refused
            };
        }
        let known = self.held.iter_mut().find(|(held, _)| *held == hash);
        let distinct = match known {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                self.held.len()
            }
            None => self.held.len() + 1,
        };
        let others = self.formed.saturating_sub(self.passed) as usize;
        if distinct >= lead_min(kind).saturating_add(others) && is_dense {
            self.is_reached = true;
            let mut held = std::mem::take(&mut self.held);
            // The caller has the value itself, so it counts that one.
            for (kept, count) in &mut held {
                if *kept == hash {
                    *count = count.saturating_sub(1);
                }
            }
            return Verdict::Hit(held);
        }
        if distinct == self.held.len() {
            return Verdict::Held;
        }
        if self.held.len() == PENDING_MAX {
            return Verdict::Refused;
        }
        self.held.push((hash, 1));
        Verdict::Held
    }

    /// How many values are held back, for the end of the stream.
    pub(super) fn held(&self) -> u64 {
        self.held
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// By how many the distinct values of a kind that pass must outnumber what does not.
const fn lead_min(kind: Kind) -> usize {
    match kind {
        Kind::Vin => 4,
        _ => 6,
    }
}

/// Distinct values held back of one kind.
const PENDING_MAX: usize = 32;

/// When the counts are halved, so that the past is forgotten.
const FORMED_MAX: u32 = 1_024;
