//! Where a leak goes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::geo::Country;

use super::super::chance::Chance;
use super::atlas::{Atlas, BLOCK_ADDRESSES, NetworkKind, address};
use super::{Exchange, Site};

/// A sink: some addresses of a network, and how it is talked to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub network: usize,
    /// Country and system as they were when the asset used it; for a new one, as they are.
    pub country: Country,
    pub asn: u32,
    pub base: u32,
    pub span: u32,
    pub protocol: u8,
    pub port: u16,
    pub is_known: bool,
}

impl Target {
    pub(super) fn peer(&self, chance: &mut Chance) -> Ipv4Addr {
        address(self.base, self.span, chance)
    }

    /// A network that the asset used in one of these exchanges; half of the time it is
    /// talked to in the same way.
    pub(super) fn known(
        site: &Site,
        used: &[&Exchange],
        wanted: impl Fn(&Exchange) -> bool,
        chance: &mut Chance,
    ) -> Option<Self> {
        let used: Vec<&&Exchange> = used.iter().filter(|exchange| wanted(exchange)).collect();
        for _ in 0..TRIES {
            let exchange = used.get(chance.below(used.len() as u64) as usize)?;
            let IpAddr::V4(peer) = exchange.peer else {
                continue;
            };
            let network = site.atlas.place_of(peer);
            let Some(found) = network.and_then(|place| site.atlas.networks.get(place)) else {
                continue;
            };
            // Content networks take no uploads, and where a database changed its mind the
            // network would not be the same one at the time of the leak.
            let takes_none = found.kind == NetworkKind::Cdn && !is_tunnel(exchange);
            if takes_none || found.country != exchange.country {
                continue;
            }
            let is_same_service = chance.happens(0.5);
            let is_same_address = chance.happens(0.5);
            let (protocol, port) = match exchange.served || !is_same_service {
                true => (6, any_port(chance)),
                false => (exchange.protocol, exchange.peer_port),
            };
            return Some(Self {
                network: network?,
                country: exchange.country,
                asn: exchange.asn,
                base: if is_same_address {
                    peer.to_bits()
                } else {
                    peer.to_bits() & !0xff
                },
                span: if is_same_address { 1 } else { 256 },
                protocol,
                port,
                is_known: true,
            });
        }
        None
    }

    /// A network that appears in none of these exchanges: in a new country, or a new
    /// system in a country in use.
    pub(super) fn new(
        site: &Site,
        used: &[&Exchange],
        in_new_country: bool,
        chance: &mut Chance,
    ) -> Option<Self> {
        let countries: BTreeSet<Country> = used.iter().map(|exchange| exchange.country).collect();
        let systems: BTreeSet<u32> = used.iter().map(|exchange| exchange.asn).collect();
        let common = used.get(chance.below(used.len() as u64) as usize)?.country;
        let networks = &site.atlas.networks;
        let free = |fits: &dyn Fn(Country) -> bool| -> Vec<usize> {
            let all = networks.iter().enumerate();
            all.filter(|(_, network)| {
                network.kind != NetworkKind::Cdn
                    && !systems.contains(&network.asn)
                    && fits(network.country)
            })
            .map(|(place, _)| place)
            .collect()
        };
        let new_country = |country| !countries.contains(&country);
        let mut places = match in_new_country {
            true => free(&new_country),
            false => free(&|country| country == common),
        };
        if places.is_empty() && !in_new_country {
            places = free(&|country| countries.contains(&country));
        }
        let network = *places.get(chance.below(places.len() as u64) as usize)?;
        let found = networks.get(network)?;
        let span = 1 << chance.below(7);
        Some(Self {
            network,
            country: found.country,
            asn: found.asn,
            base: found.block + chance.below(u64::from(BLOCK_ADDRESSES - span)) as u32,
            span,
            protocol: 6,
            port: any_port(chance),
            is_known: false,
        })
    }
}

impl Atlas {
    /// The network to which an address belongs.
    pub(super) fn place_of(&self, peer: Ipv4Addr) -> Option<usize> {
        let block = peer.to_bits() / BLOCK_ADDRESSES * BLOCK_ADDRESSES;
        self.networks
            .binary_search_by_key(&block, |network| network.block)
            .ok()
    }
}

/// Whether an exchange can be followed by a tunnel in DNS or ICMP.
fn is_tunnel(exchange: &Exchange) -> bool {
    exchange.peer_port == 53 || exchange.protocol == 1
}

fn any_port(chance: &mut Chance) -> u16 {
    let place = chance.below(PORTS.len() as u64) as usize;
    PORTS.get(place).copied().unwrap_or(443)
}

/// Ports that leaks like.
const PORTS: [u16; 10] = [443, 443, 443, 443, 22, 22, 8_443, 21, 80, 9_001];

/// How often a network is drawn before the asset is given up.
const TRIES: usize = 40;
