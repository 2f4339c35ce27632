//! A stand-in for the worlds of `borderflow::simulate`, with the same interface: lognormal
//! hours to a few networks, and leaks of four kinds. Good enough to try the benchmark out,
//! and for nothing else.

use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::simulate::Truth;
use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_HOUR, Timestamp};

use super::statistics::Dice;

/// One conversation between an asset and a foreign peer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(dead_code, reason = "the interface of the real generator, whole")]
pub(crate) struct Exchange {
    pub(crate) start: Timestamp,
    pub(crate) duration_nanos: u64,
    pub(crate) asset: IpAddr,
    pub(crate) asset_port: u16,
    pub(crate) peer: IpAddr,
    pub(crate) peer_port: u16,
    pub(crate) protocol: u8,
    pub(crate) served: bool,
    pub(crate) country: Country,
    pub(crate) asn: u32,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) round_trip_nanos: u32,
    pub(crate) injection: Option<u32>,
}

/// A leak or benign surprise that was put in.
#[derive(Debug)]
pub(crate) struct Injection {
    pub(crate) truth: Truth,
    pub(crate) ratio: f64,
    pub(crate) is_known: bool,
}

/// The size of a world.
#[derive(Debug)]
pub(crate) struct WorldConfig {
    pub(crate) assets: usize,
    pub(crate) weeks: u32,
    pub(crate) learn_weeks: u32,
    pub(crate) leaks: usize,
    pub(crate) benign: usize,
    pub(crate) start: Timestamp,
}

/// A site, what it sends, and what was put in.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) injections: Vec<Injection>,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) assets: Vec<IpAddr>,
}

impl World {
    /// The world of a seed.
    pub(crate) fn new(config: &WorldConfig, seed: u64) -> Self {
        let hours = u64::from(config.weeks) * 168;
        let mut dice = Dice::new(seed);
        let mut world = Self {
            exchanges: Vec::new(),
            injections: Vec::new(),
            start: config.start,
            end: after(config.start, hours),
            assets: (0..config.assets as u32)
                .map(|n| IpAddr::from((10 << 24 | n).to_be_bytes()))
                .collect(),
        };
        for asset in world.assets.clone() {
            world.live(asset, hours, &mut dice);
        }
        let learned = u64::from(config.learn_weeks) * 168;
        let events = (config.leaks + config.benign).min(config.assets);
        for number in 0..events {
            world.inject(number, number >= config.leaks, learned, hours, &mut dice);
        }
        world
            .exchanges
            .sort_by_key(|e| (e.start, e.asset, e.peer, e.peer_port));
        world
    }

    fn live(&mut self, asset: IpAddr, hours: u64, dice: &mut Dice) {
        let level = 2e5 * (1.2 * dice.normal()).exp();
        for hour in 0..hours {
            let is_work = (8..18).contains(&(hour % 24)) && hour / 24 % 7 < 5;
            let habits = if is_work { 4 } else { 1 };
            for _ in 0..habits {
                let network = dice.below(1 + dice.clone().below(30)) as u32;
                let bytes = level * (1.5 * dice.normal()).exp();
                self.exchange(
                    asset,
                    network,
                    hour,
                    (bytes, bytes * 8.0 * dice.unit()),
                    None,
                    dice,
                );
            }
        }
    }

    fn inject(&mut self, number: usize, benign: bool, from: u64, hours: u64, dice: &mut Dice) {
        let Some(asset) = self.assets.get(number).copied() else {
            return;
        };
        let (kind, length) = [("bulk", 1), ("slow", 96), ("quic", 1), ("staged", 30)][number % 4];
        let length = length.min((hours - from) / 2);
        let begin = from + dice.below((hours - from - length) as usize) as u64;
        let ratio = [1.0, 3.0, 10.0, 30.0][number / 4 % 4];
        let network = if number.is_multiple_of(3) {
            2
        } else {
            40 + dice.below(9) as u32
        };
        let first = self.exchanges.len();
        let index = self.injections.len() as u32;
        for hour in begin..begin + length {
            let bytes = ratio * 2e7 / length as f64;
            self.exchange(
                asset,
                network,
                hour,
                (bytes, bytes / 50.0),
                Some(index),
                dice,
            );
        }
        let of = self.exchanges.get(first..).unwrap_or_default();
        let end = of.last().map_or(self.start, |e| {
            Timestamp::from_nanos(e.start.as_nanos() + e.duration_nanos)
        });
        let truth = Truth {
            id: format!("event-{number}"),
            kind: if benign { "late_backup" } else { kind }.to_owned(),
            asset,
            jurisdiction: country(network).code().to_owned(),
            start: of.first().map_or(self.start, |e| e.start),
            end,
            bytes: of.iter().map(|e| e.sent_bytes).sum(),
            benign,
        };
        let ratio = if benign { 0.0 } else { ratio };
        self.injections.push(Injection {
            truth,
            ratio,
            is_known: network < 30,
        });
    }

    fn exchange(
        &mut self,
        asset: IpAddr,
        network: u32,
        hour: u64,
        (sent, received): (f64, f64),
        injection: Option<u32>,
        dice: &mut Dice,
    ) {
        let within = (dice.unit() * 3e12) as u64;
        let host = 100 << 24 | network << 12 | dice.below(4096) as u32;
        self.exchanges.push(Exchange {
            start: Timestamp::from_nanos(after(self.start, hour).as_nanos() + within),
            duration_nanos: (dice.unit() * 5e11) as u64,
            asset,
            asset_port: 50_000,
            peer: IpAddr::from(host.to_be_bytes()),
            peer_port: 443,
            protocol: 6,
            served: false,
            country: country(network),
            asn: 64_512 + network,
            sent_bytes: sent as u64,
            received_bytes: received as u64,
            round_trip_nanos: 50_000_000,
            injection,
        });
    }
}

fn after(start: Timestamp, hours: u64) -> Timestamp {
    Timestamp::from_nanos(start.as_nanos() + hours * SECONDS_PER_HOUR * NANOS_PER_SECOND)
}

fn country(network: u32) -> Country {
    let codes = [
        "US", "DE", "SG", "IE", "NL", "JP", "BR", "FR", "PL", "ZA", "KR",
    ];
    let code = codes
        .get(network as usize % codes.len())
        .copied()
        .unwrap_or("ZZ");
    Country::from_code(code).unwrap_or(Country::UNKNOWN)
}
