//! Whole sites at the level of conversations, to measure detection by.
//!
//! A [`World`] is what the assets of a site exchange with foreign peers over some weeks:
//! people and machines with habits, days of rest, uploads with heavy tails, backups that
//! come late, and every week networks and countries that nobody has seen before. Into it
//! leaks and benign surprises are put, of which each says what it sent. The site stands
//! in China, its clock shows UTC, and all its peers have IPv4 addresses.
//!
//! Every part draws from streams of chance with names of their own. A leak changes no
//! other exchange, except for a backup that a leak sends elsewhere. Surprises are part of
//! ordinary life and come first: they do not depend on the leaks.

mod applications;
mod atlas;
mod backups;
mod calendar;
mod campaigns;
mod capture;
mod conversation;
mod customs;
mod leaks;
mod ledger;
mod lives;
mod members;
mod moves;
mod only;
mod sensor;
mod services;
mod shapes;
mod surprises;
mod targets;

use std::net::{IpAddr, Ipv4Addr};

use crate::geo::Country;
use crate::time::Timestamp;

use super::chance::Chance;
use super::truth::Truth;
use applications::{Application, Load};
use atlas::Atlas;
use calendar::Calendar;
use ledger::Ledger;
use members::Member;
use moves::Unmoved;
pub use only::Only;
use services::Services;

/// One conversation between an asset and a foreign peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// When it began.
    pub start: Timestamp,
    /// How long it took, nanoseconds. Bytes may be thought of as spread evenly over it.
    pub duration_nanos: u64,
    /// The asset.
    pub asset: IpAddr,
    /// Port of the asset, 0 where the protocol has none.
    pub asset_port: u16,
    /// The foreign peer.
    pub peer: IpAddr,
    /// Port of the peer, 0 where the protocol has none.
    pub peer_port: u16,
    /// IP protocol number: 6 TCP, 17 UDP, 1 ICMP.
    pub protocol: u8,
    /// Whether the peer began it.
    pub served: bool,
    /// Country of the peer, as a database would say at this moment.
    pub country: Country,
    /// Autonomous system of the peer.
    pub asn: u32,
    /// Payload from asset to peer.
    pub sent_bytes: u64,
    /// Payload from peer to asset.
    pub received_bytes: u64,
    /// Round trip of its first packets, nanoseconds.
    pub round_trip_nanos: u32,
    /// Place in [`World::injections`] of the leak or surprise to which it belongs.
    pub injection: Option<u32>,
}

/// A leak or benign surprise that was put in: what it sent from one asset to one country.
#[derive(Clone, Debug, PartialEq)]
pub struct Injection {
    /// What it sent. Parts of one leak or surprise share the first part of their names,
    /// up to the slash.
    pub truth: Truth,
    /// Its bytes over the asset's own 99.9th percentile of foreign export in an hour, of
    /// which at least 2 MB are counted. 0 for benign surprises.
    pub ratio: f64,
    /// Whether it goes to a network (system and country) that the asset used before.
    pub is_known: bool,
}

/// How big a world is, and what is put in.
#[derive(Clone, Debug, PartialEq)]
pub struct WorldConfig {
    /// Assets of the site, at most 20,000.
    pub assets: usize,
    /// Length, weeks.
    pub weeks: u32,
    /// Weeks at the beginning in which nothing is put in.
    pub learn_weeks: u32,
    /// Leaks. One may take several assets, and no asset has two: when the assets are used
    /// up, there are fewer leaks.
    pub leaks: usize,
    /// Benign surprises, of which one may befall many assets.
    pub benign: usize,
    /// Begin of the world: a Monday, midnight UTC.
    pub start: Timestamp,
    /// What of it is put in.
    pub only: Only,
}

/// What a site exchanges with the world abroad.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// The conversations, sorted by their start, then by all else.
    pub exchanges: Vec<Exchange>,
    /// Leaks and benign surprises, the benign ones first.
    pub injections: Vec<Injection>,
    /// Begin.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// Addresses of all assets, whether they exchange anything or not.
    pub assets: Vec<IpAddr>,
}

impl World {
    /// Makes up a world. The same configuration and seed give the same one everywhere.
    pub fn new(config: &WorldConfig, seed: u64) -> Self {
        Self::with(config, seed, |_| true, &mut Unmoved::default())
    }

    /// Makes up the same world without the surprises in which a database says from some
    /// moment on that addresses are in another country: what a capture can show.
    pub fn without_relabels(config: &WorldConfig, seed: u64) -> Self {
        let wanted = |kind: &str| kind != moves::RELABEL;
        Self::with(config, seed, wanted, &mut Unmoved::default())
    }

    /// Makes up the same world, but nothing that everybody uses is ever elsewhere, or is said to
    /// be: what such a surprise has done shows beside it. All other exchanges are those of
    /// [`Self::new`], leaks included, so they are chosen as if it had happened. What was undone
    /// stays in the list of injections, without exchanges, for the places of the others in it.
    pub fn without_moves(config: &WorldConfig, seed: u64) -> Self {
        Self::with(config, seed, |_| true, &mut Unmoved::kept())
    }

    /// A world with the kinds of surprises that are wanted. What moved is put back where that
    /// is kept.
    fn with(
        config: &WorldConfig,
        seed: u64,
        wanted: fn(&str) -> bool,
        unmoved: &mut Unmoved,
    ) -> Self {
        let site = Site::new(config, seed);
        let mut exchanges = Vec::new();
        for (index, member) in site.members.iter().enumerate() {
            lives::live(&site, index, member, &mut exchanges);
        }
        let mut ledger = Ledger::default();
        let mut runs = backups::runs(&site);
        let happened = (&mut exchanges, &mut ledger, &mut *unmoved);
        surprises::befall(&site, (config, wanted), &mut runs, happened);
        let surprises = ledger.lines();
        leaks::inject(&site, config, &runs, &mut exchanges, &mut ledger);
        unmoved.put_back(&mut exchanges, surprises);
        exchanges
            .sort_unstable_by(|a, b| a.start.cmp(&b.start).then_with(|| a.rank().cmp(&b.rank())));
        Self {
            injections: ledger.close(),
            exchanges,
            start: site.calendar.start,
            end: site.calendar.end(),
            assets: site
                .members
                .iter()
                .map(|member| member.address.into())
                .collect(),
        }
    }
}

impl Exchange {
    /// The same with the bytes and ports of an application.
    fn of(self, application: &Application, load: Load) -> Self {
        Self {
            protocol: application.protocol,
            peer_port: application.port,
            asset_port: if application.port == 0 {
                0
            } else {
                self.asset_port
            },
            sent_bytes: load.sent_bytes,
            received_bytes: load.received_bytes,
            duration_nanos: load.duration_nanos,
            ..self
        }
    }

    /// The same, begun by the peer.
    fn served(self) -> Self {
        let (asset_port, peer_port) = (self.peer_port, self.asset_port);
        Self {
            asset_port,
            peer_port,
            served: true,
            ..self
        }
    }

    /// When it ended.
    fn end(&self) -> Timestamp {
        Timestamp::from_nanos(self.start.as_nanos() + self.duration_nanos)
    }

    /// What sorts exchanges that begin at the same moment.
    fn rank(&self) -> impl Ord {
        let who = (
            self.asset,
            self.asset_port,
            self.peer,
            self.peer_port,
            self.protocol,
        );
        let place = (self.served, self.country, self.asn, self.injection);
        let size = (self.sent_bytes, self.received_bytes, self.duration_nanos);
        (who, place, size, self.round_trip_nanos)
    }
}

/// A site and the world around it, before anything happens.
#[derive(Debug)]
struct Site {
    seed: u64,
    calendar: Calendar,
    atlas: Atlas,
    services: Services,
    members: Vec<Member>,
    /// Hours in which nothing is put in.
    learn_hours: usize,
}

impl Site {
    fn new(config: &WorldConfig, seed: u64) -> Self {
        let atlas = Atlas::new(seed);
        let services = Services::new(&atlas, seed);
        let calendar = Calendar::new(config.start, config.weeks, seed);
        let members = (0..config.assets.min(ASSETS_MAX))
            .map(|index| Member::new(index, seed, &services, &calendar))
            .collect();
        let learn_hours = config.learn_weeks as usize * 168;
        Self {
            seed,
            calendar,
            atlas,
            services,
            members,
            learn_hours,
        }
    }

    /// An exchange without bytes, from a port of the asset's choice.
    fn exchange(
        &self,
        asset: Ipv4Addr,
        network: usize,
        peer: Ipv4Addr,
        start: Timestamp,
        chance: &mut Chance,
    ) -> Exchange {
        let network = self.atlas.networks.get(network);
        let least = network.map_or(100.0, |network| network.round_trip_millis);
        // Queues add a little, and now and then a lot.
        let millis = least + 2.0 * chance.lognormal(1.0);
        Exchange {
            start,
            duration_nanos: 0,
            asset: asset.into(),
            asset_port: PORT_FIRST + chance.below(PORTS) as u16,
            peer: peer.into(),
            peer_port: 0,
            protocol: 0,
            served: false,
            country: network.map_or(Country::UNKNOWN, |network| network.country),
            asn: network.map_or(0, |network| network.asn),
            sent_bytes: 0,
            received_bytes: 0,
            round_trip_nanos: (millis.min(3_000.0) * 1e6) as u32,
            injection: None,
        }
    }

    /// The place of a member by its address.
    fn index_of(&self, asset: IpAddr) -> Option<usize> {
        self.members
            .binary_search_by(|member| IpAddr::from(member.address).cmp(&asset))
            .ok()
    }
}

/// Most assets of a site.
const ASSETS_MAX: usize = 20_000;

/// Ports from which clients talk: those of Linux.
const PORT_FIRST: u16 = 32_768;
const PORTS: u64 = 28_232;

#[cfg(test)]
mod tests;
