//! The naive rule that needs no baseline.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{Series, claim_at_end, end_of};

/// Idea: leaks go to new places, and push.
/// Formula: in the first 24 h of a pair of asset and network (/24, or /48 of IPv6), at the
/// end of each flow: more sent to it than received from it so far, and over 150 kB sent.
/// The score is the bytes sent. Source: our own; whatever learns must beat what need not.
#[derive(Debug)]
pub(super) struct Newcomer<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for Newcomer<'_> {
    fn name(&self) -> &str {
        "new network that is pushed to"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        let mut pairs: HashMap<_, (Timestamp, u64, u64)> = HashMap::new();
        for exchange in self.series.finished(world) {
            let key = (exchange.asset, network(exchange.peer));
            let pair = pairs.entry(key).or_insert((exchange.start, 0, 0));
            pair.1 += exchange.sent_bytes;
            pair.2 += exchange.received_bytes;
            let (first, sent, received) = *pair;
            let is_new = end_of(exchange).nanos_since(first) <= NEW_NANOS;
            if is_new && sent > received && sent > BYTES_MIN {
                claims.push(claim_at_end(exchange, sent as f64));
            }
        }
        claims
    }
}

fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(peer) => Ipv4Addr::from(u32::from(peer) & (u32::MAX << 8)).into(),
        IpAddr::V6(peer) => Ipv6Addr::from(u128::from(peer) & (u128::MAX << 80)).into(),
    }
}

const BYTES_MIN: u64 = 150_000;
const NEW_NANOS: u64 = SECONDS_PER_DAY * NANOS_PER_SECOND;
