//! Logarithms, medians and a test for drift (the HTTPS module of Slips).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::time::Timestamp;

use super::super::claim::{Candidate, Claim};
use super::super::series::{HOUR_NANOS, Series, claim_at_end, end_of};
use super::super::statistics::{Adwin, MAD_TO_SD, median_and_mad};
use super::super::{Exchange, World};

/// Idea: each host's hours and each server's flows have a usual size, which may drift but
/// is not taught by what is suspicious.
/// Formula: y = ln(1 + x); z = (y - median) / max(1.4826 MAD, 0.1) over what was learned.
/// Hourly: flows, servers, new servers, mean bytes of flows to known servers; by flow: bytes
/// to that server. After two hours of training everything is learned, unless ADWIN (delta
/// 0.01) reports a drift while the hour is suspicious (z over 3); then, as its rate of
/// 0.005 would, nothing is. Flows of z over 3.5 wait for the same verdict of their host.
/// The score is the larger of hourly z / 3 and flow z / 3.5; above 1 it alerts as shipped.
/// Source: the document of Slips on its HTTPS anomaly detection (2026), without the JA3
/// part, which these traces do not have, and for every flow that the asset began instead of
/// HTTPS alone. Bytes are those of both directions; servers are addresses.
#[derive(Debug)]
pub(super) struct Https<'a> {
    pub(super) series: &'a Series,
}

impl Candidate for Https<'_> {
    fn name(&self) -> &str {
        "log1p/MAD/ADWIN (Slips HTTPS)"
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let mut claims = Vec::new();
        let mut hosts: HashMap<IpAddr, Host> = HashMap::new();
        let begun = self
            .series
            .finished(world)
            .filter(|exchange| !exchange.served);
        for exchange in begun {
            let hour = self.series.hour_of(end_of(exchange));
            let host = hosts
                .entry(exchange.asset)
                .or_insert_with(|| Host::new(hour));
            if hour != host.hour {
                claims.extend(self.close(exchange.asset, host));
                host.hour = hour;
            }
            let score = host.flow(exchange) / FLOW_Z;
            if score > SCORE_MIN {
                claims.push(claim_at_end(exchange, score));
            }
        }
        for (asset, host) in &mut hosts {
            claims.extend(self.close(*asset, host));
        }
        claims
    }
}

impl Https<'_> {
    /// Closes the running hour of a host.
    fn close(&self, asset: IpAddr, host: &mut Host) -> Option<Claim> {
        let hour = host.hour;
        let (score, country) = host.close()?;
        Some(Claim {
            asset,
            country,
            time: self.series.end_of_bucket(hour, HOUR_NANOS),
            score: score / HOUR_Z,
        })
    }
}

/// What is learned of one host.
#[derive(Debug)]
struct Host {
    hour: usize,
    hours: u32,
    models: Vec<Model>,
    drifts: Vec<Adwin>,
    servers: HashMap<IpAddr, Server>,
    now: Hour,
}

/// The hour that runs.
#[derive(Debug, Default)]
struct Hour {
    flows: f64,
    servers: f64,
    new_servers: f64,
    known_flows: f64,
    known_bytes: f64,
    /// The largest flow and its country.
    most: Option<(u64, Country)>,
}

/// What is learned of one server of a host.
#[derive(Debug, Default)]
struct Server {
    model: Model,
    last: Option<usize>,
}

impl Host {
    fn new(hour: usize) -> Self {
        Self {
            hour,
            hours: 0,
            models: vec![Model::default(); FEATURES],
            drifts: vec![Adwin::new(DELTA); FEATURES],
            servers: HashMap::new(),
            now: Hour::default(),
        }
    }

    /// Takes a finished flow and gives the z of its bytes among those to its server.
    fn flow(&mut self, exchange: &Exchange) -> f64 {
        let bytes = (exchange.sent_bytes + exchange.received_bytes) as f64;
        let server = self.servers.entry(exchange.peer).or_default();
        self.now.flows += 1.0;
        if server.last.is_none() {
            self.now.new_servers += 1.0;
        } else {
            self.now.known_flows += 1.0;
            self.now.known_bytes += bytes;
        }
        if server.last != Some(self.hour) {
            self.now.servers += 1.0;
        }
        server.last = Some(self.hour);
        if self
            .now
            .most
            .is_none_or(|(most, _)| exchange.sent_bytes > most)
        {
            self.now.most = Some((exchange.sent_bytes, exchange.country));
        }
        let z = server.model.z(bytes);
        if z <= FLOW_Z || self.hours < TRAINING_HOURS {
            server.model.learn(bytes);
        }
        z
    }

    /// Scores and learns the running hour. Gives its largest z, and the country of its
    /// largest flow.
    fn close(&mut self) -> Option<(f64, Country)> {
        let now = std::mem::take(&mut self.now);
        let (_, country) = now.most?;
        let known = now.known_bytes / now.known_flows.max(1.0);
        let values = [now.flows, now.servers, now.new_servers, known];
        let scores = self
            .models
            .iter()
            .zip(values)
            .map(|(model, value)| model.z(value));
        let most = scores.fold(0.0, f64::max);
        let mut has_drifted = false;
        for (drift, value) in self.drifts.iter_mut().zip(values) {
            has_drifted |= drift.add(value.ln_1p());
        }
        if !(has_drifted && most > HOUR_Z) || self.hours < TRAINING_HOURS {
            for (model, value) in self.models.iter_mut().zip(values) {
                model.learn(value);
            }
        }
        self.hours = self.hours.saturating_add(1);
        (self.hours > TRAINING_HOURS).then_some((most, country))
    }
}

/// The last values of a feature, as logarithms.
#[derive(Clone, Debug, Default)]
struct Model {
    values: VecDeque<f32>,
}

impl Model {
    fn z(&self, value: f64) -> f64 {
        if self.values.len() < POINTS_MIN {
            return 0.0;
        }
        let mut values: Vec<f64> = self.values.iter().copied().map(f64::from).collect();
        let (median, mad) = median_and_mad(&mut values);
        (value.ln_1p() - median) / (MAD_TO_SD * mad).max(SCALE_MIN)
    }

    fn learn(&mut self, value: f64) {
        if self.values.len() >= POINTS_MAX {
            self.values.pop_front();
        }
        self.values.push_back(value.ln_1p() as f32);
    }
}

/// Hourly features of a host.
const FEATURES: usize = 4;

const TRAINING_HOURS: u32 = 2;
const HOUR_Z: f64 = 3.0;
const FLOW_Z: f64 = 3.5;
const DELTA: f64 = 0.01;
const SCALE_MIN: f64 = 0.1;
const POINTS_MIN: usize = 5;
const POINTS_MAX: usize = 168;

/// Flows of lower scores are left out.
const SCORE_MIN: f64 = 0.5;
