//! Community ID, by which other tools know the same flow.
//!
//! Version 1 of the specification that Corelight published, "Community ID Flow Hashing"
//! (BSD 3-clause). It is a name and no proof: SHA-1 is what the specification asks for.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA1_OUTPUT_LEN, digest};

use crate::decode::{ICMP, ICMPV6, ONE_WAY};
use crate::flow::FlowKey;

/// The text of an ID.
pub(super) type CommunityId = [u8; 2 + SHA1_OUTPUT_LEN.div_ceil(3) * 4];

/// The ID of a flow, whichever direction was seen first. Protocols whose packets have no ports
/// have one of their addresses alone. There is none where ports, or the type of an ICMP
/// message, are not known.
pub(super) fn community_id(seed: u16, key: &FlowKey, has_ports: bool) -> Option<CommunityId> {
    let low = (key.low, key.low_port);
    let high = (key.high, key.high_port);
    let (mut from, mut to) = (low, high);
    let has_ports = match key.protocol {
        // What has no answer is not put in order, but stays as it was sent.
        ICMP | ICMPV6 if (key.low_port | key.high_port) & ONE_WAY != 0 => {
            if key.high_port & ONE_WAY != 0 {
                (from, to) = (high, low);
            }
            from.1 &= !ONE_WAY;
            true
        }
        ICMP | ICMPV6 if key.low_port == key.high_port => return None,
        ICMP | ICMPV6 => true,
        TCP | UDP | SCTP if has_ports => true,
        TCP | UDP | SCTP => return None,
        _ => false,
    };
    let mut hashed = Vec::with_capacity(HASHED_BYTES_MAX);
    hashed.extend_from_slice(&seed.to_be_bytes());
    for (address, _) in [from, to] {
        if key.is_ipv6 {
            hashed.extend_from_slice(&address.to_be_bytes());
        } else {
            hashed.extend_from_slice(&(address as u32).to_be_bytes());
        }
    }
    hashed.extend_from_slice(&[key.protocol, 0]);
    if has_ports {
        hashed.extend_from_slice(&from.1.to_be_bytes());
        hashed.extend_from_slice(&to.1.to_be_bytes());
    }
    Some(text(digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed).as_ref()))
}

/// The version, and the hash in base 64 (RFC 4648 section 4).
fn text(hash: &[u8]) -> CommunityId {
    let mut text = [b'='; size_of::<CommunityId>()];
    let (version, places) = text.split_at_mut(2);
    version.copy_from_slice(b"1:");
    for (bytes, places) in hash.chunks(3).zip(places.chunks_mut(4)) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(bytes.get(at).copied().unwrap_or_default())
        });
        // A byte fills one letter and a part of the next.
        for (at, place) in places.iter_mut().take(bytes.len() + 1).enumerate() {
            *place = LETTERS[(bits >> (18 - 6 * at)) as usize % LETTERS.len()];
        }
    }
    text
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// IANA protocol numbers whose ports take part; those of DCCP and UDP-Lite do not.
const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;

/// Seed, two addresses of IPv6, protocol, padding and ports.
const HASHED_BYTES_MAX: usize = 2 + 32 + 2 + 4;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::decode::address_bits;

    /// The ID of packets from one address and port to another, of ICMP as they are told apart.
    fn id(seed: u16, protocol: u8, from: (&str, u16), to: (&str, u16)) -> Option<String> {
        let end = |(address, port): (&str, u16)| {
            let address: IpAddr = address.parse().unwrap();
            (address_bits(address), port)
        };
        let (from, to, is_ipv6) = (end(from), end(to), from.0.contains(':'));
        let key = FlowKey {
            low: from.0.min(to.0),
            high: from.0.max(to.0),
            low_port: from.min(to).1,
            high_port: from.max(to).1,
            vlan: 0,
            protocol,
            is_ipv6,
        };
        let has_ports = matches!(protocol, 6 | 17 | 33 | 132) && from.1 != 0;
        let id = community_id(seed, &key, has_ports)?;
        Some(String::from_utf8(id.to_vec()).unwrap())
    }

    const A: &str = "1.2.3.4";
    const B: &str = "5.6.7.8";
    const A6: &str = "fe80:1:203:405:607:809:a0b:c0d";
    const B6: &str = "fe80:1011:1213:1415:1617:1819:1a1b:1c1d";

    /// Protocol, both ends, and the ID without its version under the seeds 0 and 1.
    type Row = (
        u8,
        (&'static str, u16),
        (&'static str, u16),
        [&'static str; 2],
    );

    /// What has two directions.
    const PAIRED: &[Row] = &[
        (
            6,
            (A, 1_122),
            (B, 3_344),
            [
                "wCb3OG7yAFWelaUydu0D+125CLM=",
                "HhA1B+6CoLbiKPEs5nhNYN4XWfk=",
            ],
        ),
        (
            17,
            (A, 1_122),
            (B, 3_344),
            [
                "0Mu9InQx6z4ZiCZM/7HXi2WMhOg=",
                "OShq+iKDAMVouh/4bMxB9Sz4amw=",
            ],
        ),
        (
            132,
            (A, 1_122),
            (B, 3_344),
            [
                "EKt4MsxuyaE6mL+hmrEkQ9csDD8=",
                "uitchpn5MMGAQKBJh7bIr/bAr7s=",
            ],
        ),
        (
            1,
            (A, 8),
            (B, 0),
            [
                "crodRHL2FEsHjbv3UkRrfbs4bZ0=",
                "9pr4ZGTICiuZoIh90RRYE2RyXpU=",
            ],
        ),
        (
            58,
            (A6, 128),
            (B6, 129),
            [
                "0bf7hyMJUwt3fMED7z8LIfRpBeo=",
                "IO27GQzPuCtNnwFvjWALMHu5tJE=",
            ],
        ),
        (
            46,
            (A, 0),
            (B, 0),
            [
                "ikv3kmf89luf73WPz1jOs49S768=",
                "/buhqeOmaRCopOZFy9HnoJd5XW8=",
            ],
        ),
        (
            46,
            (A6, 0),
            (B6, 0),
            [
                "wQ/2mwrnXP4lmJcHdGL5ePjR+e0=",
                "j6EyyfBzL4vWKHFXgUqb5Az3OxM=",
            ],
        ),
    ];

    /// What goes one way.
    const ALONE: &[Row] = &[
        (
            1,
            (A, 11 | ONE_WAY),
            (B, 0),
            [
                "f/YiSyWqczrTgfUCZlBUnvHRcPk=",
                "1DD7cWGC/Yg91YGsQeni8du3pIA=",
            ],
        ),
        (
            58,
            (A6, 146 | ONE_WAY),
            (B6, 0),
            [
                "fYC8+pz24E+EhANP1EZhpX0Dw10=",
                "Cv4IKJe56BNkF0MBW2YxQ3Nwc3s=",
            ],
        ),
    ];

    #[test]
    fn the_tables_of_the_specification_are_met() {
        for (protocol, from, to, expected) in PAIRED.iter().chain(ALONE).copied() {
            for (seed, expected) in [0, 1].into_iter().zip(expected) {
                assert_eq!(id(seed, protocol, from, to), Some(format!("1:{expected}")));
            }
        }
        for (protocol, from, to, _) in PAIRED.iter().copied() {
            assert_eq!(id(0, protocol, from, to), id(0, protocol, to, from));
        }
        for (protocol, from, to, _) in ALONE.iter().copied() {
            let back = id(0, protocol, (to.0, from.1), (from.0, to.1));
            assert_ne!(id(0, protocol, from, to), back);
        }
    }

    #[test]
    fn what_is_not_known_has_no_id() {
        for protocol in [1, 6, 17, 58, 132] {
            assert_eq!(id(0, protocol, (A, 0), (B, 0)), None);
        }
        // Ports of other protocols take no part.
        assert_eq!(id(0, 33, (A, 7), (B, 8)), id(0, 33, (A, 0), (B, 0)));
    }

    #[test]
    fn lengths_that_three_does_not_divide_are_filled_up() {
        assert!(text(&[0xff; 20]).ends_with(b"//8="));
        assert!(text(&[0; 19]).starts_with(b"1:AAAA"));
    }
}
