//! A moving average of finished flows (flowscope).

use std::collections::HashMap;

use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{Series, claim_at_end, end_of};

/// Idea: a flow is odd if it sends far more than this source's flows usually do.
/// Formula: exponentially weighted mean and variance of the bytes of each finished flow,
/// a = 0.1; score (x - mean) / sd, from 10 samples and 1 MiB on; each sample is learned
/// after its test; a source that is silent for 24 h is forgotten. Source: the pattern
/// `data_exfil` of the crate flowscope 0.22, where 3 alerts. Its cool-down of 300 s vanishes
/// in the merging.
#[derive(Debug)]
pub(super) struct FinishedFlow<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for FinishedFlow<'_> {
    fn name(&self) -> &str {
        "EWMA per finished flow (flowscope)"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        let mut sources: HashMap<_, Source> = HashMap::new();
        for exchange in self.series.finished(world) {
            let time = end_of(exchange);
            let source = sources.entry(exchange.asset).or_default();
            if time.nanos_since(source.last) > FORGET_NANOS {
                *source = Source::default();
            }
            let score = source.score(exchange.sent_bytes as f64);
            source.last = time;
            if exchange.sent_bytes >= BYTES_MIN && score > 0.0 {
                claims.push(claim_at_end(exchange, score));
            }
        }
        claims
    }
}

#[derive(Debug, Default)]
struct Source {
    last: Timestamp,
    samples: u32,
    mean: f64,
    variance: f64,
}

impl Source {
    fn score(&mut self, bytes: f64) -> f64 {
        let difference = bytes - self.mean;
        let deviation = self.variance.sqrt();
        let is_ripe = self.samples >= SAMPLES_MIN && deviation > 0.0;
        let score = if is_ripe { difference / deviation } else { 0.0 };
        if self.samples == 0 {
            self.mean = bytes;
        } else {
            self.mean += ALPHA * difference;
            self.variance = (1.0 - ALPHA) * (self.variance + ALPHA * difference * difference);
        }
        self.samples = self.samples.saturating_add(1);
        score
    }
}

const ALPHA: f64 = 0.1;
const SAMPLES_MIN: u32 = 10;
const BYTES_MIN: u64 = 1 << 20;
const FORGET_NANOS: u64 = SECONDS_PER_DAY * NANOS_PER_SECOND;
