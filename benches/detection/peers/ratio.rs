//! Bytes, producer-consumer ratio and distance by protocol (a package for Zeek).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::time::Timestamp;

use super::super::claim::{Candidate, Claim};
use super::super::series::{HOUR_NANOS, Series, end_of};
use super::super::statistics::{Moments, median_and_mad};
use super::super::{Exchange, World};

/// Idea: what leaves differs in size from what this protocol of this host usually sends, and
/// more is sent than received.
/// Formula: flows that the asset began, added up over 3 h by asset, port and destination.
/// Three parts: (bytes - median) / MAD, the producer-consumer ratio (sent - received) /
/// (sent + received) if above 0, and the distance of (bytes, duration) from their medians in
/// MADs. Each becomes tanh((part - mean) / sd) by the running mean and sd over all hosts;
/// the score is the mean of the three. Median and MAD are those of asset and port over 14
/// days, of which 10 must have had traffic; every element is learned.
/// Source: the package EXFIL_DETECTION of Zeek, which alerts at 0.8. Its other identifiers,
/// registered domain and JA3S, are not in these traces. It renews its parameters each hour,
/// this once a day. tanh has a highest value, so a thousandth of ln(1 + first part) is added
/// to tell apart what reaches it.
#[derive(Debug)]
pub(super) struct Ratio<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for Ratio<'_> {
    fn name(&self) -> &str {
        "median/MAD and PCR (Zeek package)"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        let mut baselines: HashMap<(IpAddr, u16), Baseline> = HashMap::new();
        let mut hosts = [Moments::default(); 3];
        for element in self.elements(world) {
            let day = element.bucket * BUCKET_HOURS / 24;
            let baseline = baselines.entry((element.asset, element.port)).or_default();
            baseline.renew(day);
            if let Some(parts) = baseline.parts(&element) {
                let [size, ..] = parts;
                let mut sum = 0.0;
                for (part, host) in parts.iter().zip(&mut hosts) {
                    host.add(*part);
                    sum += host.z(*part).tanh();
                }
                let score = sum / 3.0 + 1e-3 * size.max(0.0).ln_1p();
                if size > 0.0 && score > 0.0 {
                    claims.push(Claim {
                        asset: element.asset,
                        country: element.country,
                        time: self.series.end_of_bucket(element.bucket, BUCKET_NANOS),
                        score,
                    });
                }
            }
            baseline
                .elements
                .push_back((day, element.sent, element.seconds));
        }
        claims
    }
}

/// What an asset exchanged with one destination on one port in a bucket.
#[derive(Clone, Copy, Debug)]
struct Element {
    bucket: usize,
    asset: IpAddr,
    port: u16,
    peer: IpAddr,
    country: Country,
    sent: f64,
    received: f64,
    seconds: f64,
}

impl Ratio<'_> {
    /// The elements in the order of time.
    fn elements(&self, world: &World) -> Vec<Element> {
        let counted = world.exchanges.iter().filter(|exchange| !exchange.served);
        let mut elements: Vec<Element> = counted.map(|exchange| self.element(exchange)).collect();
        elements.sort_by_key(|e| (e.bucket, e.asset, e.port, e.peer, e.country));
        elements.dedup_by(|next, first| {
            let key = |e: &Element| (e.bucket, e.asset, e.port, e.peer, e.country);
            let is_same = key(next) == key(first);
            if is_same {
                first.sent += next.sent;
                first.received += next.received;
                first.seconds += next.seconds;
            }
            is_same
        });
        elements
    }

    fn element(&self, exchange: &Exchange) -> Element {
        Element {
            bucket: self.series.hour_of(end_of(exchange)) / BUCKET_HOURS,
            asset: exchange.asset,
            port: exchange.peer_port,
            peer: exchange.peer,
            country: exchange.country,
            sent: exchange.sent_bytes as f64,
            received: exchange.received_bytes as f64,
            seconds: exchange.duration_nanos as f64 / 1e9,
        }
    }
}

/// What is normal on one port of one asset.
#[derive(Debug, Default)]
struct Baseline {
    /// Day, bytes and seconds of each element.
    elements: VecDeque<(usize, f64, f64)>,
    renewed: usize,
    /// Median and MAD of bytes and of seconds, once ten days were seen.
    normal: Option<[(f64, f64); 2]>,
}

impl Baseline {
    fn renew(&mut self, day: usize) {
        if self.renewed == day {
            return;
        }
        self.renewed = day;
        while self
            .elements
            .front()
            .is_some_and(|(of, ..)| of + HISTORY_DAYS < day)
        {
            self.elements.pop_front();
        }
        let days: BTreeSet<usize> = self.elements.iter().map(|(day, ..)| *day).collect();
        self.normal = (days.len() >= DAYS_MIN).then(|| {
            let mut bytes: Vec<f64> = self.elements.iter().map(|(_, bytes, _)| *bytes).collect();
            let mut seconds: Vec<f64> = self.elements.iter().map(|(.., time)| *time).collect();
            [median_and_mad(&mut bytes), median_and_mad(&mut seconds)]
        });
    }

    fn parts(&self, element: &Element) -> Option<[f64; 3]> {
        let [(bytes, bytes_mad), (seconds, seconds_mad)] = self.normal?;
        let size = (element.sent - bytes) / bytes_mad.max(1.0);
        let time = (element.seconds - seconds) / seconds_mad.max(1e-3);
        let all = element.sent + element.received;
        let ratio = if all > 0.0 {
            (element.sent - element.received) / all
        } else {
            0.0
        };
        Some([size, ratio.max(0.0), size.hypot(time)])
    }
}

const BUCKET_HOURS: usize = 3;
const BUCKET_NANOS: u64 = BUCKET_HOURS as u64 * HOUR_NANOS;
const HISTORY_DAYS: usize = 14;
const DAYS_MIN: usize = 10;
