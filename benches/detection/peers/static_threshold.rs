//! A fixed number of bytes (Slips).

use std::collections::HashMap;

use borderflow::time::Timestamp;

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{HOUR_NANOS, Series, claim_at_end, spread};

/// Idea: nobody sends this much to one address.
/// Formula: bytes of one finished flow, or bytes of an asset to one destination address in
/// the hour that closes. Source: the data-upload evidence of Slips (`conn.py` of its module
/// `flow_alerts`), which ships with 500 MB. No baseline. The score is the bytes.
#[derive(Debug)]
pub(super) struct Destination<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for Destination<'_> {
    fn name(&self) -> &str {
        "static bytes per destination (Slips)"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        let mut sums = HashMap::new();
        for exchange in &world.exchanges {
            if exchange.sent_bytes < BYTES_MIN / 100 {
                continue;
            }
            if exchange.sent_bytes >= BYTES_MIN {
                claims.push(claim_at_end(exchange, exchange.sent_bytes as f64));
            }
            spread(exchange, self.series.start, HOUR_NANOS, |hour, bytes| {
                let key = (hour, exchange.asset, exchange.peer, exchange.country);
                *sums.entry(key).or_insert(0.0) += bytes;
            });
        }
        let large = sums.iter().filter(|(_, bytes)| **bytes >= BYTES_MIN as f64);
        claims.extend(large.map(|((hour, asset, _, country), bytes)| Claim {
            asset: *asset,
            country: *country,
            time: self.series.end_of_bucket(*hour, HOUR_NANOS),
            score: *bytes,
        }));
        claims
    }
}

/// Sums below this are left out, as are flows below a hundredth of it.
const BYTES_MIN: u64 = 100_000;
