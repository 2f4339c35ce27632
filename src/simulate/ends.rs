//! The two ends of a conversation: addresses, ports and the time between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::chance::Chance;
use super::scenario::{Asset, Destination};
use super::wire::Endpoint;

pub(super) fn rtt_of(destination: &Destination, chance: &mut Chance) -> u64 {
    // Queues only ever add to the time that light takes.
    (destination.rtt_nanos as f64 * (1.0 + 0.04 * chance.lognormal(0.7))) as u64
}

pub(super) fn asset_endpoint(asset: &Asset, peer: IpAddr, port: u16) -> Endpoint {
    let ip = match (peer, asset.ipv6) {
        (IpAddr::V6(_), Some(own)) => IpAddr::V6(own),
        _ => IpAddr::V4(asset.ipv4),
    };
    Endpoint {
        mac: mac_of(asset.ipv4),
        ip,
        port,
        hops: 64,
    }
}

pub(super) fn peer_endpoint(destination: &Destination, ip: IpAddr, port: u16) -> Endpoint {
    match ip {
        IpAddr::V4(address) if destination.is_internal => Endpoint {
            mac: mac_of(address),
            ip,
            port,
            hops: 64,
        },
        _ => Endpoint {
            mac: GATEWAY_MAC,
            ip,
            port,
            hops: 50,
        },
    }
}

/// A locally administered MAC address that is the asset's over IPv4 and IPv6 alike.
pub(super) fn mac_of(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x00, a, b, c, d]
}

/// An address of the destination, of the wanted family where it has one.
pub(super) fn peer_address(
    destination: &Destination,
    prefer_ipv6: bool,
    chance: &mut Chance,
) -> IpAddr {
    let all = &destination.networks;
    let wanted: Vec<&IpNet> = all
        .iter()
        .filter(|network| network.addr().is_ipv6() == prefer_ipv6)
        .collect();
    let pick = |count: usize, chance: &mut Chance| chance.below(count as u64) as usize;
    let network = match wanted.get(pick(wanted.len(), chance)) {
        Some(network) => Some(*network),
        None => all.get(pick(all.len(), chance)),
    };
    match network {
        Some(IpNet::V4(network)) => {
            let hosts = 1_u64 << (32 - network.prefix_len());
            // The first address of a network names the network.
            let host = if hosts > 2 {
                1 + chance.below(hosts - 2)
            } else {
                chance.below(hosts)
            };
            IpAddr::V4(Ipv4Addr::from(
                u32::from(network.network()).wrapping_add(host as u32),
            ))
        }
        Some(IpNet::V6(network)) => {
            let host_bits = u32::from(128 - network.prefix_len()).min(16);
            let host = u128::from(chance.below(1 << host_bits));
            IpAddr::V6(Ipv6Addr::from(
                u128::from(network.network()).wrapping_add(host),
            ))
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// The site's router, behind which everything outside is.
pub(super) const GATEWAY_MAC: [u8; 6] = [0x02, 0x00, 0x5e, 0x00, 0x00, 0x01];
