//! What an address says by itself, before any source is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address, with a v4-mapped one (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2) as the
/// IPv4 address that it is another way to write.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The IPv4 address inside a 6to4 (RFC 3056) or NAT64 (RFC 6052, well-known prefix)
/// address. Packets to either end at that IPv4 host.
pub(super) fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    match address.segments() {
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// Whether an address is no peer beyond the link: loopback, link-local, multicast,
/// broadcast or unspecified. Routers may forward multicast, yet it names a group, which
/// has no place.
pub(super) fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => LOCAL_V4.iter().any(|range| is_in_v4(v4, range)),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
        }
    }
}

/// The address under which databases know this one, or `None` where it can have no
/// country: some hold answers for documentation prefixes, so they are never asked.
pub(super) fn routable(address: IpAddr) -> Option<IpAddr> {
    let address = embedded(address).map_or(address, IpAddr::V4);
    let reserved = match address {
        IpAddr::V4(v4) => is_local(address) || RESERVED_V4.iter().any(|range| is_in_v4(v4, range)),
        IpAddr::V6(v6) => {
            !is_in_v6(v6, &GLOBAL_V6) || RESERVED_V6.iter().any(|range| is_in_v6(v6, range))
        }
    };
    (!reserved).then_some(address)
}

/// The IPv4 addresses at which what is said here of addresses may change.
pub(super) fn ipv4_starts() -> impl Iterator<Item = u32> {
    let ranges = LOCAL_V4.iter().chain(&RESERVED_V4);
    let edges = ranges.flat_map(|(base, length)| {
        let size = (1u32 << (u32::BITS - length)) - 1;
        // None follows the last address.
        let next = (base.to_bits() | size).checked_add(1);
        [Some(base.to_bits()), next]
    });
    edges.flatten()
}

fn is_in_v4(address: Ipv4Addr, (base, length): &(Ipv4Addr, u32)) -> bool {
    (base.to_bits() ^ address.to_bits()).leading_zeros() >= *length
}

fn is_in_v6(address: Ipv6Addr, (base, length): &(Ipv6Addr, u32)) -> bool {
    (base.to_bits() ^ address.to_bits()).leading_zeros() >= *length
}

/// Ranges that are local to a link or a host.
const LOCAL_V4: [(Ipv4Addr, u32); 5] = [
    (Ipv4Addr::UNSPECIFIED, 32),
    (Ipv4Addr::new(127, 0, 0, 0), 8),    // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16), // link-local, RFC 3927
    (Ipv4Addr::new(224, 0, 0, 0), 4),    // multicast, RFC 5771
    (Ipv4Addr::BROADCAST, 32),
];

/// Ranges of the IANA IPv4 special-purpose registry (RFC 6890 and later) that are not
/// local to a link and lie nowhere in particular.
const RESERVED_V4: [(Ipv4Addr, u32); 12] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carrier-grade NAT, RFC 6598
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // anycast of 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarking, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // future use, RFC 1112
];

/// All global unicast that IANA has given out. Beyond it are unique local, discard-only,
/// local NAT64, segment identifiers and what nobody holds.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Ranges inside [`GLOBAL_V6`] that lie nowhere in particular.
const RESERVED_V6: [(Ipv6Addr, u32); 3] = [
    // Protocol assignments: Teredo, benchmarking, ORCHID, RFC 2928.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation, RFC 3849 and RFC 9637.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
