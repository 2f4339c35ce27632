//! Rows that show what the figures mean: chance, and bytes alone.

use borderflow::time::Timestamp;

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{HOUR_NANOS, Series};
use super::super::statistics::Dice;

/// Idea: none. Each hour in which an asset sends gets a random score.
#[derive(Debug)]
pub(super) struct Random<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for Random<'_> {
    fn name(&self) -> &str {
        "random"
    }

    fn run(&mut self, _world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut dice = Dice::new(1);
        let mut claims = Vec::new();
        for (asset, sent) in self.series.sent.iter().enumerate() {
            let busy = sent.iter().enumerate().filter(|(_, bytes)| **bytes > 0.0);
            claims.extend(
                busy.filter_map(|(hour, _)| {
                    self.series.claim(asset, hour, HOUR_NANOS, dice.unit())
                }),
            );
        }
        claims
    }
}

/// Idea: the most bytes from one asset to one country in an hour come first.
#[derive(Debug)]
pub(super) struct LargestFirst<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for LargestFirst<'_> {
    fn name(&self) -> &str {
        "largest bytes first"
    }

    fn run(&mut self, _world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        for ((asset, country), sums) in &self.series.places {
            let Some(asset) = self.series.assets.get(*asset) else {
                continue;
            };
            let busy = sums.iter().enumerate().filter(|(_, bytes)| **bytes > 0.0);
            claims.extend(busy.map(|(hour, bytes)| Claim {
                asset: *asset,
                country: *country,
                time: self.series.end_of_bucket(hour, HOUR_NANOS),
                score: f64::from(*bytes),
            }));
        }
        claims
    }
}
