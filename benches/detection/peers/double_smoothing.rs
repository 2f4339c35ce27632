//! Double exponential smoothing (nDPI and ntopng).

use std::collections::VecDeque;

use borderflow::time::{NANOS_PER_SECOND, Timestamp};

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{Series, spread};

/// Idea: a value is odd if it lies outside the band around its forecast.
/// Formula: `forecast = a x + (1 - a) (forecast' + trend')` and
/// `trend = b (forecast - forecast') + (1 - b) trend'` with a = 0.9 and b = 0.035. The band
/// is a multiple of the root mean square of the errors x - forecast, over the last 64 to 128
/// values with the present one. The forecast holds nine tenths of the value it is to judge,
/// so this is nearly a test of the first difference, and the score has a ceiling.
/// Source: `ndpi_des_add_value` of nDPI, with the parameters that ntopng passes for its
/// behavioural counters. The score is error / RMS; as shipped 1.96 alerts.
pub(super) fn scores(values: &[f64]) -> Vec<f64> {
    let mut state: Option<(f64, f64)> = None;
    let mut squares = VecDeque::new();
    let mut sum = 0.0;
    let score = |value: &f64| {
        let (forecast, trend) = state.map_or((*value, 0.0), |(last, trend)| {
            let forecast = ALPHA * value + (1.0 - ALPHA) * (last + trend);
            (forecast, BETA * (forecast - last) + (1.0 - BETA) * trend)
        });
        state = Some((forecast, trend));
        let error = value - forecast;
        squares.push_back(error * error);
        sum += error * error;
        if squares.len() >= 2 * ERRORS {
            squares.drain(..ERRORS);
            sum = squares.iter().sum();
        }
        let root = (sum / squares.len() as f64).sqrt();
        if root > 0.0 { error / root } else { 0.0 }
    };
    values.iter().map(score).collect()
}

/// The same over the five minutes in which ntopng takes its samples.
#[derive(Debug)]
pub(super) struct FiveMinutes<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for FiveMinutes<'_> {
    fn name(&self) -> &str {
        "double exponential, 5 min (nDPI)"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let buckets = self.series.hours * BUCKETS_PER_HOUR;
        let mut sums = vec![vec![0.0; buckets]; self.series.assets.len()];
        for exchange in &world.exchanges {
            let asset = self.series.index_of(exchange.asset);
            let Some(of_asset) = asset.and_then(|asset| sums.get_mut(asset)) else {
                continue;
            };
            spread(
                exchange,
                self.series.start,
                BUCKET_NANOS,
                |bucket, bytes| {
                    if let Some(sum) = of_asset.get_mut(bucket) {
                        *sum += bytes;
                    }
                },
            );
        }
        let mut claims = Vec::new();
        for (asset, of_asset) in sums.iter().enumerate() {
            let scores = scores(of_asset).into_iter().zip(of_asset).enumerate();
            let busy = scores.filter(|(_, (score, bytes))| *score > SCORE_MIN && **bytes > 0.0);
            claims.extend(busy.filter_map(|(bucket, (score, _))| {
                self.series.claim(asset, bucket, BUCKET_NANOS, score)
            }));
        }
        claims
    }
}

const ALPHA: f64 = 0.9;
const BETA: f64 = 0.035;

/// Errors after which the older half is dropped from the mean square.
const ERRORS: usize = 64;

/// Scores below this are left out. As shipped the threshold is 1.96.
const SCORE_MIN: f64 = 1.0;

const BUCKETS_PER_HOUR: usize = 12;

const BUCKET_NANOS: u64 = 300 * NANOS_PER_SECOND;
