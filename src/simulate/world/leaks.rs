//! Leaks: kinds, sizes and destinations over a grid, each on an asset of its own.

use crate::time::Timestamp;

use super::super::chance::Chance;
use super::backups::Run;
use super::calendar::HOUR_NANOS;
use super::ledger::{Event, Ledger};
use super::shapes::{self, Part};
use super::targets::Target;
use super::{Exchange, Site, WorldConfig};

/// Puts the leaks into a world to whose ordinary life nothing is added any more.
pub(super) fn inject(
    site: &Site,
    config: &WorldConfig,
    runs: &[Run],
    exchanges: &mut Vec<Exchange>,
    ledger: &mut Ledger,
) {
    if config.leaks == 0 || site.learn_hours + 24 > site.calendar.hours() {
        return;
    }
    let mut heist = Heist::new(site, runs, exchanges, ledger);
    // Each seed begins elsewhere in the grid of ratios and destinations.
    let corner = Chance::new(site.seed, "world grid").below(8) as usize;
    let kinds: Vec<&str> = KINDS
        .into_iter()
        .filter(|kind| config.only.wants(kind))
        .collect();
    let ratios = match config.only.ratios.as_slice() {
        [] => RATIOS.as_slice(),
        ratios => ratios,
    };
    if kinds.is_empty() {
        return;
    }
    for number in 0..config.leaks {
        let mut chance = Chance::new(site.seed, &format!("world leak {number}"));
        let place = number % kinds.len();
        let round = number / kinds.len() + corner;
        let ratio = ratios.get((round + place) % ratios.len()).copied();
        let is_known = (round + round / RATIOS.len() + place / 2).is_multiple_of(2);
        let is_known = config.only.is_known.unwrap_or(is_known);
        for other in 0..kinds.len() {
            // Where no asset is left for a kind, the next kind takes its turn.
            let kind = kinds
                .get((place + other) % kinds.len())
                .copied()
                .unwrap_or("bulk");
            let order = Order {
                number,
                kind,
                ratio: ratio.unwrap_or(1.0),
                is_known,
            };
            if heist.commit(&order, &mut chance).is_some() {
                break;
            }
        }
    }
}

/// What a leak shall be.
pub(super) struct Order {
    pub number: usize,
    pub kind: &'static str,
    pub ratio: f64,
    pub is_known: bool,
}

impl Order {
    pub(super) fn event(&self, is_known: bool) -> Event {
        let name = format!("leak-{}-{}", self.number, self.kind);
        Event {
            name,
            kind: self.kind,
            is_benign: false,
            is_known,
        }
    }
}

/// The state between two leaks.
pub(super) struct Heist<'a> {
    pub site: &'a Site,
    pub runs: &'a [Run],
    pub exchanges: &'a mut Vec<Exchange>,
    pub ledger: &'a mut Ledger,
    /// Places of the ordinary exchanges of each asset.
    pub own: Vec<Vec<u32>>,
    /// The busy hour of each asset, bytes.
    typical_bytes: Vec<f64>,
    pub is_taken: Vec<bool>,
}

impl<'a> Heist<'a> {
    fn new(
        site: &'a Site,
        runs: &'a [Run],
        exchanges: &'a mut Vec<Exchange>,
        ledger: &'a mut Ledger,
    ) -> Self {
        let (assets, hours) = (site.members.len(), site.calendar.hours());
        let mut own = vec![Vec::new(); assets];
        let mut sums = vec![vec![0_u64; hours]; assets];
        for (place, exchange) in (0_u32..).zip(exchanges.iter()) {
            let Some(asset) = site.index_of(exchange.asset) else {
                continue;
            };
            if let (Some(own), Some(sums)) = (own.get_mut(asset), sums.get_mut(asset)) {
                own.push(place);
                let hour = site.calendar.hours_until(exchange.start) as usize;
                if let Some(sum) = sums.get_mut(hour) {
                    *sum += exchange.sent_bytes;
                }
            }
        }
        let typical_bytes: Vec<f64> = sums.into_iter().map(typical_hour).collect();
        for (member, bytes) in site.members.iter().zip(&typical_bytes) {
            ledger.measure(member.address.into(), *bytes);
        }
        let is_taken = vec![false; assets];
        Self {
            site,
            runs,
            exchanges,
            ledger,
            own,
            typical_bytes,
            is_taken,
        }
    }

    fn commit(&mut self, order: &Order, chance: &mut Chance) -> Option<()> {
        match order.kind {
            "elsewhere" => self.divert(order, chance),
            "sharded" => self.shard(order, chance),
            _ => {
                let most = self.most_bytes(order);
                let places = self.candidates(chance);
                let (fitting, others): (Vec<usize>, Vec<usize>) = places
                    .into_iter()
                    .partition(|asset| order.ratio * self.typical(*asset) <= most);
                let all = fitting.into_iter().chain(others).take(TRIES);
                all.into_iter()
                    .find_map(|asset| self.leak(order, asset, chance))
            }
        }
    }

    /// Most bytes of a kind.
    fn most_bytes(&self, order: &Order) -> f64 {
        if matches!(order.kind, "dns" | "icmp") {
            TUNNEL_BYTES_MAX
        } else {
            LEAK_BYTES_MAX
        }
    }

    pub(super) fn typical(&self, asset: usize) -> f64 {
        self.typical_bytes
            .get(asset)
            .copied()
            .unwrap_or(LEAST_TYPICAL_BYTES)
    }

    /// Assets on which nothing lies yet, in an order of chance.
    pub(super) fn candidates(&self, chance: &mut Chance) -> Vec<usize> {
        let taken = self.is_taken.iter().enumerate();
        let free = taken.filter(|(_, is_taken)| !**is_taken);
        let mut order: Vec<(u32, usize)> = free.map(|(asset, _)| (chance.word(), asset)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, asset)| asset).collect()
    }

    /// A leak of one asset to one place.
    fn leak(&mut self, order: &Order, asset: usize, chance: &mut Chance) -> Option<()> {
        let member = self.site.members.get(asset)?;
        let is_drain = order.kind == "drain";
        if is_drain && !member.role.is_public() {
            return None;
        }
        let begin = self.begin(order, asset, chance)?;
        let used = self.used(asset, self.site.calendar.at(begin));
        let is_new_country = order.kind == "new_country" || chance.happens(0.5);
        let is_known = (order.is_known && order.kind != "new_country") || order.kind == "mimicry";
        let target = if is_known {
            let is_like = |one: &Exchange| match order.kind {
                "dns" => one.peer_port == 53,
                "icmp" => one.protocol == 1,
                _ => one.served == is_drain && one.protocol != 1 && !is_noise(one.peer_port),
            };
            Target::known(self.site, &used, is_like, chance)
        } else {
            Target::new(self.site, &used, is_new_country, chance)
        }?;
        let room = self.site.calendar.hours().min(member.present.end) as f64 - begin;
        let profile = self.profile(asset, begin);
        let most = self.most_bytes(order);
        let total = (order.ratio * self.typical(asset)).min(most).ceil() as u64;
        let parts = shapes::parts(order.kind, total, room, &profile, chance);
        let end = parts
            .iter()
            .map(|part| part.after_hours + part.hours)
            .fold(0.0, f64::max);
        let (from, until) = (begin - 24.0, begin + end + 24.0);
        let calendar = &self.site.calendar;
        if self
            .ledger
            .is_near(member.address.into(), calendar.at(from), calendar.at(until))
        {
            return None;
        }
        self.put(order, asset, (begin, total), &parts, &target, chance);
        Some(())
    }

    /// When a leak begins: in busy hours, or in quiet ones.
    pub(super) fn begin(&self, order: &Order, asset: usize, chance: &mut Chance) -> Option<f64> {
        let member = self.site.members.get(asset)?;
        let history = member.present.start as f64 + HISTORY_HOURS;
        let first = history.max(self.site.learn_hours as f64);
        let last = member.present.end.min(self.site.calendar.hours()) as f64 - LEAST_ROOM_HOURS;
        if last <= first {
            return None;
        }
        let own = self.own.get(asset)?;
        for _ in 0..TRIES {
            let begin = if order.kind == "odd_hour" {
                chance.between(first, last)
            } else {
                let place = own.get(chance.below(own.len() as u64) as usize)?;
                let exchange = self.exchanges.get(*place as usize)?;
                // A long leak needs room behind it.
                let latest = if LONG.contains(&order.kind) {
                    (first + last) / 2.0
                } else {
                    last
                };
                let hours = self.site.calendar.hours_until(exchange.start);
                if hours > latest {
                    continue;
                }
                hours
            };
            let is_night = begin % 24.0 < 5.0;
            let is_quiet = is_night || !self.site.calendar.is_working(begin as usize / 24);
            if (first..last).contains(&begin) && (order.kind != "odd_hour" || is_quiet) {
                return Some(begin);
            }
        }
        None
    }

    /// What an asset exchanged before a moment.
    pub(super) fn used(&self, asset: usize, until: Timestamp) -> Vec<&Exchange> {
        let own = self.own.get(asset).map_or(&[][..], Vec::as_slice);
        let all = own
            .iter()
            .filter_map(|place| self.exchanges.get(*place as usize));
        all.filter(|exchange| exchange.start < until).collect()
    }

    /// What an asset sends by the hour of the week, from an hour on.
    fn profile(&self, asset: usize, begin: f64) -> Vec<f64> {
        let mut profile = vec![0.0; 168];
        for exchange in self.used(asset, self.site.calendar.end()) {
            let hour = self.site.calendar.hours_until(exchange.start);
            let place = (hour as usize + 168 - begin as usize % 168) % 168;
            if let Some(level) = profile.get_mut(place) {
                // The root keeps one large upload from standing for the whole week.
                *level += (exchange.sent_bytes as f64).sqrt();
            }
        }
        profile
    }

    /// Adds the exchanges of a leak.
    pub(super) fn put(
        &mut self,
        order: &Order,
        asset: usize,
        (begin, total): (f64, u64),
        parts: &[Part],
        target: &Target,
        chance: &mut Chance,
    ) {
        let Some(member) = self.site.members.get(asset) else {
            return;
        };
        let event = order.event(target.is_known);
        let hides = chance.happens(COVERED);
        let sizes = shapes::split(total, parts.iter().map(|part| part.weight));
        for (part, sent_bytes) in parts.iter().zip(sizes) {
            let start = self.site.calendar.at(begin + part.after_hours);
            let peer = target.peer(chance);
            let base = self
                .site
                .exchange(member.address, target.network, peer, start, chance);
            let back = if hides {
                chance.between(1.05, 3.0)
            } else {
                returned(order.kind, chance)
            };
            let received_bytes = (sent_bytes as f64 * back).ceil() as u64;
            let least_nanos = (sent_bytes + received_bytes) as f64 / LINE_BYTES_PER_SECOND * 1e9;
            let (protocol, peer_port) = port(order.kind, target);
            let mut exchange = Exchange {
                duration_nanos: (part.hours * HOUR_NANOS).max(least_nanos) as u64,
                country: target.country,
                asn: target.asn,
                protocol,
                peer_port,
                asset_port: if protocol == 1 { 0 } else { base.asset_port },
                sent_bytes,
                received_bytes,
                ..base
            };
            if order.kind == "drain" {
                exchange.peer_port = member.served.1.port;
                exchange = exchange.served();
            }
            self.ledger.mark(&event, &mut exchange);
            self.exchanges.push(exchange);
        }
        if let Some(is_taken) = self.is_taken.get_mut(asset) {
            *is_taken = true;
        }
    }
}

fn port(kind: &str, target: &Target) -> (u8, u16) {
    match kind {
        "dns" => (17, 53),
        "icmp" => (1, 0),
        "quic" => (17, 443),
        _ => (target.protocol, target.port),
    }
}

/// What comes back for each byte that leaves without cover.
fn returned(kind: &str, chance: &mut Chance) -> f64 {
    match kind {
        "dns" => chance.between(0.3, 0.9),
        "icmp" => chance.between(0.0, 1.0),
        _ => chance.between(0.005, 0.06),
    }
}

/// Clocks and resolvers take no uploads.
fn is_noise(port: u16) -> bool {
    matches!(port, 53 | 123)
}

/// The 99.9th percentile of hourly sums by the nearest rank, of which at least 2 MB count.
fn typical_hour(mut sums: Vec<u64>) -> f64 {
    sums.sort_unstable();
    let rank = (sums.len() * 999).div_ceil(1_000);
    let bytes = rank
        .checked_sub(1)
        .and_then(|place| sums.get(place))
        .copied()
        .unwrap_or(0);
    (bytes as f64).max(LEAST_TYPICAL_BYTES)
}

/// Kinds of leaks.
pub(super) const KINDS: [&str; 13] = [
    "bulk",
    "slow",
    "odd_hour",
    "many_flows",
    "new_country",
    "drain",
    "mimicry",
    "staged",
    "dns",
    "icmp",
    "sharded",
    "quic",
    "elsewhere",
];

/// Kinds that take days.
const LONG: [&str; 5] = ["slow", "mimicry", "dns", "icmp", "staged"];

/// Sizes of leaks, in busy hours of the asset.
const RATIOS: [f64; 4] = [1.0, 3.0, 10.0, 30.0];

/// Share of the leaks that hide behind downloads at least as large.
const COVERED: f64 = 0.25;

/// The least that counts as the busy hour of an asset.
const LEAST_TYPICAL_BYTES: f64 = 2e6;

/// Most bytes through a tunnel in DNS or ICMP, and through anything.
const TUNNEL_BYTES_MAX: f64 = 2e7;
pub(super) const LEAK_BYTES_MAX: f64 = 2e11;

/// The site's line: a gigabit, of which a leak leaves some to others.
const LINE_BYTES_PER_SECOND: f64 = 1e8;

/// Hours that an asset has lived before something leaks from it, and that a leak has left.
pub(super) const HISTORY_HOURS: f64 = 72.0;
const LEAST_ROOM_HOURS: f64 = 12.0;

/// How often something is drawn before it is given up.
const TRIES: usize = 60;
