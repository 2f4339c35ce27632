//! The world outside: countries, autonomous systems and their blocks of addresses.
//!
//! Popularity is heavy-tailed over countries and over the systems inside them, and some
//! systems are never visited in ordinary life. The addresses and the system numbers are
//! invented (numbers from the private range of RFC 6996): nothing here may be looked up.

use std::net::Ipv4Addr;

use crate::geo::Country;

use super::super::chance::{Chance, exp, ln};

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NetworkKind {
    Cloud,
    Cdn,
    Software,
    Hosting,
    Access,
}

/// What one autonomous system has in one country.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub asn: u32,
    pub country: Country,
    pub kind: NetworkKind,
    /// Its first address. It has [`BLOCK_ADDRESSES`] of them.
    pub block: u32,
    /// Round trip of a handshake from the site on a quiet line, milliseconds.
    pub round_trip_millis: f64,
    /// Weight among the networks that are visited; 0 for one that nobody visits.
    pub popularity: f64,
}

/// All networks abroad.
#[derive(Debug)]
pub(super) struct Atlas {
    pub networks: Vec<Network>,
    /// Networks that hold web sites, for browsing.
    sites: Lottery,
    /// Networks that hold people and companies, for clients of our servers.
    clients: Lottery,
}

impl Atlas {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed, "world atlas");
        let by_country = Lottery::new((0..COUNTRIES.len()).map(country_weight));
        let mut networks = Vec::new();
        let mut asn = ASN_FIRST;
        for (kind, systems, places_max) in SYSTEMS {
            for system in 0..systems {
                let places = 1 + chance.below(places_max) as usize;
                let mut seats = Vec::new();
                // Every country has a host and a provider, however small it is.
                if matches!(kind, NetworkKind::Hosting | NetworkKind::Access) {
                    seats.extend((system < COUNTRIES.len()).then_some(system));
                }
                for _ in 0..4 * places {
                    let country = by_country.draw(&mut chance);
                    if seats.len() < places && !seats.contains(&country) {
                        seats.push(country);
                    }
                }
                let is_unused = kind == NetworkKind::Hosting && chance.happens(UNUSED_SHARE);
                let weight = if is_unused {
                    0.0
                } else {
                    chance.lognormal(1.2)
                };
                for country in seats {
                    let place = networks.len() as u32;
                    networks.extend(network(kind, asn, country, place, weight, &mut chance));
                }
                asn += 1;
            }
        }
        let weights = |wanted: fn(NetworkKind) -> f64| {
            Lottery::new(networks.iter().map(|n| n.popularity * wanted(n.kind)))
        };
        let sites = weights(|kind| match kind {
            NetworkKind::Access => 0.1,
            NetworkKind::Hosting => 1.0,
            _ => 0.3,
        });
        let clients = weights(|kind| match kind {
            NetworkKind::Access => 1.0,
            NetworkKind::Hosting => 0.1,
            _ => 0.02,
        });
        Self {
            networks,
            sites,
            clients,
        }
    }

    /// A network on which somebody browses.
    pub(super) fn draw_site(&self, chance: &mut Chance) -> usize {
        self.sites.draw(chance)
    }

    /// A network from which a client comes.
    pub(super) fn draw_client(&self, chance: &mut Chance) -> usize {
        self.clients.draw(chance)
    }

    /// A network of one of these kinds, the popular ones more often.
    pub(super) fn draw_kind(&self, kinds: &[NetworkKind], chance: &mut Chance) -> usize {
        Lottery::new(self.networks.iter().map(|network| {
            if kinds.contains(&network.kind) {
                network.popularity
            } else {
                0.0
            }
        }))
        .draw(chance)
    }
}

/// Draws places of a list by their weights.
#[derive(Debug)]
pub(super) struct Lottery {
    sums: Vec<f64>,
}

impl Lottery {
    pub(super) fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let add = |weight: f64| {
            sum += weight;
            sum
        };
        Self {
            sums: weights.map(add).collect(),
        }
    }

    /// A place of the list; 0 where all weigh nothing.
    pub(super) fn draw(&self, chance: &mut Chance) -> usize {
        let point = chance.unit() * self.sums.last().copied().unwrap_or(0.0);
        let place = self.sums.partition_point(|sum| *sum <= point);
        if place < self.sums.len() { place } else { 0 }
    }
}

/// The weight of the place `rank` of a list in which few are popular (Zipf).
pub(super) fn zipf(rank: usize, exponent: f64) -> f64 {
    exp(-exponent * ln(1.0 + rank as f64))
}

/// An address of the range of `span` that begins at `base`.
pub(super) fn address(base: u32, span: u32, chance: &mut Chance) -> Ipv4Addr {
    Ipv4Addr::from_bits(base.wrapping_add(chance.below(u64::from(span)) as u32))
}

fn country_weight(rank: usize) -> f64 {
    zipf(rank, 1.2)
}

fn network(
    kind: NetworkKind,
    asn: u32,
    country: usize,
    place: u32,
    weight: f64,
    chance: &mut Chance,
) -> Option<Network> {
    let (code, millis) = COUNTRIES.get(country)?;
    Some(Network {
        asn,
        country: Country::from_code(code)?,
        kind,
        block: BLOCK_FIRST + place * BLOCK_ADDRESSES,
        // Lines take detours of their own beyond the distance.
        round_trip_millis: millis * chance.between(1.0, 1.3),
        popularity: weight * country_weight(country),
    })
}

/// Addresses of a block: a /16.
pub(super) const BLOCK_ADDRESSES: u32 = 1 << 16;

/// First address of the first block: 20.0.0.0.
const BLOCK_FIRST: u32 = 20 << 24;

/// First number of RFC 6996's private range.
const ASN_FIRST: u32 = 4_200_000_000;

/// Share of the hosting systems that nobody visits in ordinary life.
const UNUSED_SHARE: f64 = 0.15;

/// Kinds of systems, how many there are, and in how many countries one may be.
const SYSTEMS: [(NetworkKind, usize, u64); 5] = [
    (NetworkKind::Cloud, 8, 9),
    (NetworkKind::Cdn, 5, 9),
    (NetworkKind::Software, 57, 2),
    (NetworkKind::Hosting, 150, 1),
    (NetworkKind::Access, 180, 1),
];

/// Countries in the order of their popularity, and the least round trip to them from a
/// site on the coast of China, milliseconds.
const COUNTRIES: [(&str, f64); 64] = [
    ("US", 160.0),
    ("HK", 36.0),
    ("JP", 46.0),
    ("SG", 70.0),
    ("DE", 200.0),
    ("KR", 40.0),
    ("NL", 205.0),
    ("TW", 44.0),
    ("GB", 215.0),
    ("FR", 210.0),
    ("IE", 220.0),
    ("RU", 120.0),
    ("CA", 185.0),
    ("AU", 140.0),
    ("IN", 110.0),
    ("SE", 225.0),
    ("MY", 76.0),
    ("TH", 74.0),
    ("VN", 60.0),
    ("ID", 88.0),
    ("PH", 64.0),
    ("IT", 215.0),
    ("ES", 230.0),
    ("CH", 208.0),
    ("PL", 210.0),
    ("FI", 220.0),
    ("BR", 310.0),
    ("AE", 150.0),
    ("BE", 207.0),
    ("AT", 205.0),
    ("CZ", 203.0),
    ("DK", 217.0),
    ("NO", 228.0),
    ("TR", 195.0),
    ("IL", 235.0),
    ("ZA", 290.0),
    ("MX", 225.0),
    ("UA", 190.0),
    ("RO", 198.0),
    ("HU", 202.0),
    ("BG", 200.0),
    ("PT", 235.0),
    ("GR", 220.0),
    ("AR", 330.0),
    ("CL", 340.0),
    ("CO", 280.0),
    ("NZ", 160.0),
    ("SA", 170.0),
    ("EG", 225.0),
    ("KZ", 95.0),
    ("PK", 130.0),
    ("BD", 120.0),
    ("LK", 115.0),
    ("KE", 270.0),
    ("NG", 300.0),
    ("PE", 320.0),
    ("MO", 34.0),
    ("KH", 84.0),
    ("MN", 68.0),
    ("LT", 220.0),
    ("LV", 221.0),
    ("EE", 219.0),
    ("LU", 207.0),
    ("IS", 245.0),
];
