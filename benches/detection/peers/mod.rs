//! How other systems would look for leaks, each in code of our own from what is published
//! of it.
//!
//! Where a rule leaves a choice, the one is taken that finds more. Peers read the bytes of
//! both kinds of conversations, those that the asset began and those it served, unless
//! their rule names a direction.

mod double_smoothing;
mod finished_flow;
mod holt_winters;
mod https;
mod newcomer;
mod population;
mod ratio;
mod sanity;
mod seasonal;
mod static_threshold;
mod tail;
mod z_score;

use borderflow::time::Timestamp;

use super::World;
use super::claim::{Candidate, Claim};
use super::series::{HOUR_NANOS, Series};

/// Every peer, ready for the world of which `series` are the sums.
pub(crate) fn all(series: &Series) -> Vec<Box<dyn Candidate + '_>> {
    let hourly = |name, score| {
        Box::new(Hourly {
            name,
            score,
            series,
        }) as Box<dyn Candidate>
    };
    vec![
        Box::new(static_threshold::Destination { series }),
        hourly("z-score, asset-hour", z_score::scores),
        Box::new(finished_flow::FinishedFlow { series }),
        Box::new(double_smoothing::FiveMinutes { series }),
        hourly("double exponential, 1 h", double_smoothing::scores),
        hourly("Holt-Winters, 168 h", holt_winters::scores),
        Box::new(population::Population {
            series,
            is_averaged: false,
        }),
        Box::new(population::Population {
            series,
            is_averaged: true,
        }),
        hourly("SPOT", tail::spot),
        hourly("DSPOT", tail::dspot),
        Box::new(ratio::Ratio { series }),
        Box::new(https::Https { series }),
        hourly("seasonal log-MAD", seasonal::logarithmic),
        hourly("seasonal, Tukey's fence", seasonal::linear),
        Box::new(newcomer::Newcomer { series }),
        Box::new(sanity::LargestFirst { series }),
        Box::new(sanity::Random { series }),
    ]
}

/// A peer that looks at nothing but what each asset sends in each hour.
struct Hourly<'a> {
    name: &'static str,
    /// A score for each hour from this hour and those before; not above 0 for no claim.
    score: fn(&[f64]) -> Vec<f64>,
    series: &'a Series,
}

impl Candidate for Hourly<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn run(&mut self, _world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (asset, sent) in self.series.sent.iter().enumerate() {
            let scores = (self.score)(sent);
            // Silence under a forecast below zero is no leak.
            let busy = scores.iter().zip(sent).enumerate();
            let suspicious = busy.filter(|(_, (score, bytes))| **score > 0.0 && **bytes > 0.0);
            claims.extend(suspicious.filter_map(|(hour, (score, _))| {
                self.series.claim(asset, hour, HOUR_NANOS, *score)
            }));
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::{merge, thin};
    use super::super::statistics::Dice;
    use super::super::{WorldConfig, fit, trial::Trial};
    use super::*;

    /// Five weeks of hours with a day and a night, and one hour of fifty times as much.
    pub(super) fn hours_with_a_leak_at(leak: usize) -> Vec<f64> {
        let mut dice = Dice::new(3);
        let hour = |hour: usize| {
            let level = if (8..18).contains(&(hour % 24)) {
                1e6
            } else {
                1e5
            };
            let bytes = level * (0.3 * dice.normal()).exp();
            if hour == leak { 50.0 * 1e6 } else { bytes }
        };
        (0..840).map(hour).collect()
    }

    #[test]
    fn every_hourly_peer_finds_the_hour_that_stands_out() {
        let hours = hours_with_a_leak_at(700);
        let scorers = [
            z_score::scores,
            double_smoothing::scores,
            holt_winters::scores,
            tail::spot,
            tail::dspot,
            seasonal::logarithmic,
            seasonal::linear,
        ];
        for (number, scorer) in scorers.iter().enumerate() {
            let scores = scorer(&hours);
            assert_eq!(scores.len(), hours.len());
            let judged = scores.iter().enumerate().skip(400);
            let most = judged.max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap();
            assert_eq!(most.0, 700, "scorer {number}: {most:?}");
        }
    }

    #[test]
    fn no_peer_looks_ahead() {
        let hours = hours_with_a_leak_at(700);
        for scorer in [
            z_score::scores,
            holt_winters::scores,
            tail::dspot,
            seasonal::linear,
        ] {
            let (all, part) = (scorer(&hours), scorer(&hours[..500]));
            assert_eq!(all[..500], part[..]);
        }
    }

    #[test]
    fn every_peer_but_chance_finds_something_in_a_small_world() {
        let config = WorldConfig {
            assets: 24,
            weeks: 4,
            learn_weeks: 2,
            leaks: 16,
            benign: 2,
            start: Timestamp::from_parts(1_772_409_600, 0),
            only: Default::default(),
        };
        let world = World::new(&config, 1);
        let judged_from = Timestamp::from_parts(1_772_409_600 + 14 * 86_400, 0);
        let trial = Trial::new(&world, 1, judged_from);
        let series = Series::new(&world);
        for mut peer in all(&series) {
            let claims = thin(peer.run(&world, judged_from), judged_from);
            let threshold = fit::threshold(std::slice::from_ref(&trial), &[&claims], 1.0);
            let incidents: Vec<_> = merge(&claims, threshold).collect();
            let outcome = trial.judge(&incidents);
            let alerts: u32 = outcome.false_alerts.values().sum();
            assert!(
                f64::from(alerts) <= trial.clean_asset_weeks,
                "{}",
                peer.name()
            );
            assert!(
                claims.iter().all(|claim| claim.time >= judged_from),
                "{}",
                peer.name()
            );
            let found = outcome.told.iter().flatten().count();
            assert!(
                found > 0 || peer.name() == "random",
                "{} finds nothing",
                peer.name()
            );
        }
    }
}
