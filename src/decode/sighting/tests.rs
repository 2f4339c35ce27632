#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use etherparse::{Icmpv6Type, PacketBuilder};
use proptest::prelude::*;

use super::*;
use crate::decode::{Packet, decode_into};
use crate::time::Timestamp;

const CARD: [u8; 6] = [2, 0, 0, 0, 0, 0x17];
const GATEWAY: [u8; 4] = [10, 0, 0, 1];

/// What a frame of Ethernet tells, cut to `captured` bytes.
fn seen_cut(bytes: &[u8], captured: usize) -> Vec<Sighting> {
    let mut sightings = Sightings::default();
    let frame = Frame {
        timestamp: Timestamp::ZERO,
        original_length: u32::try_from(bytes.len()).unwrap(),
        link_type: LinkType::ETHERNET,
        data: &bytes[..captured],
    };
    let _ = decode_into(&frame, &mut Packet::default(), &mut sightings);
    sightings.take().into_iter().collect()
}

fn seen(bytes: &[u8]) -> Vec<Sighting> {
    seen_cut(bytes, bytes.len())
}

fn neighbour(address: &str) -> Vec<Sighting> {
    let (address, mac) = (address.parse().unwrap(), Mac(CARD));
    vec![Sighting {
        address,
        mac,
        said: Said::ByNeighbour,
    }]
}

fn arp(tags: &[u8], operation: u8, sender: [u8; 4]) -> Vec<u8> {
    let mut frame = [&[0xff; 6][..], &[4; 6], tags, &[8, 6, 0, 1, 8, 0, 6, 4, 0]].concat();
    frame.push(operation);
    frame.extend([&CARD[..], &sender, &[0; 6], &GATEWAY, &[0; 18]].concat());
    frame
}

/// A reply of a server, with options behind the cookie.
fn dhcp(ports: (u16, u16), options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 240];
    message[..4].copy_from_slice(&[2, 1, 6, 0]);
    message[16..20].copy_from_slice(&[10, 0, 0, 23]);
    message[28..34].copy_from_slice(&CARD);
    message[236..].copy_from_slice(&DHCP_COOKIE.to_be_bytes());
    message.extend(options);
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([4; 6], [0xff; 6]).ipv4(GATEWAY, [255; 4], 64);
    builder
        .udp(ports.0, ports.1)
        .write(&mut frame, &message)
        .unwrap();
    frame
}

const ACK: [u8; 3] = [53, 1, 5];
const HOUR: [u8; 6] = [51, 4, 0, 0, 14, 16];

fn discovery(hops: u8, kind: u8, source: &str, message: &[u8]) -> Vec<u8> {
    let source: std::net::Ipv6Addr = source.parse().unwrap();
    let target = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let icmp = Icmpv6Type::Unknown {
        type_u8: kind,
        code_u8: 0,
        bytes5to8: [0; 4],
    };
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(CARD, [0x33; 6]).ipv6(source.octets(), target, hops);
    builder.icmpv6(icmp).write(&mut frame, message).unwrap();
    frame
}

/// The rest of a solicitation or advertisement: a target and options.
fn about(target: &str, options: &[u8]) -> Vec<u8> {
    let target: std::net::Ipv6Addr = target.parse().unwrap();
    [&target.octets()[..], options].concat()
}

fn link_address(kind: u8) -> Vec<u8> {
    [&[kind, 1][..], &CARD].concat()
}

#[test]
fn address_resolution_tells_of_its_sender() {
    for operation in [1, 2] {
        assert_eq!(
            seen(&arp(&[], operation, [10, 0, 0, 23])),
            neighbour("10.0.0.23")
        );
    }
    let tags = [0x81, 0, 0, 7, 0x88, 0xa8, 0, 9];
    assert_eq!(seen(&arp(&tags, 1, [10, 0, 0, 23])), neighbour("10.0.0.23"));
    assert_eq!(seen(&arp(&[], 1, [0; 4])), [], "a probe has no address yet");
    assert_eq!(seen(&arp(&[], 3, [10, 0, 0, 23])), [], "reverse resolution");
    assert_eq!(seen(&arp(&[], 1, [224, 0, 0, 1])), [], "nobody's address");
    let mut frame = arp(&[], 1, [10, 0, 0, 23]);
    frame[22] |= 1;
    assert_eq!(seen(&frame), [], "a group's card");
    frame[22..28].fill(0);
    assert_eq!(seen(&frame), [], "no card");
}

#[test]
fn a_server_tells_to_whom_it_lends_an_address() {
    let options = [&[0, 0, 53, 1, 5][..], &HOUR, &[255]].concat();
    let server = GATEWAY.into();
    let lent = Sighting {
        address: [10, 0, 0, 23].into(),
        mac: Mac(CARD),
        said: Said::ByServer {
            server,
            seconds: 3_600,
        },
    };
    assert_eq!(seen(&dhcp((67, 68), &options)), [lent]);
    assert_eq!(seen(&dhcp((67, 67), &options)), [lent], "to a relay");
    assert_eq!(seen(&dhcp((68, 67), &options)), [], "from a client");
    let offered = [&[53, 1, 2][..], &HOUR, &[255]].concat();
    assert_eq!(seen(&dhcp((67, 68), &offered)), [], "offered is not lent");
    assert_eq!(
        seen(&dhcp((67, 68), &[255, 53, 1, 5])),
        [],
        "behind the end"
    );
    assert_eq!(seen(&dhcp((67, 68), &[53, 200, 5])), [], "beyond the end");
    assert_eq!(
        seen(&dhcp((67, 68), &vec![0; 1_000])),
        [],
        "nothing but padding"
    );
    let mut other = dhcp((67, 68), &options);
    other[42 + 236] ^= 1;
    assert_eq!(seen(&other), [], "not this protocol");
}

#[test]
fn neighbour_discovery_tells_of_sender_or_target() {
    let (host, router) = ("fd00::23", "fd00::1");
    let solicited = about(
        router,
        &[&[14, 1, 0, 0, 0, 0, 0, 0][..], &link_address(1)].concat(),
    );
    assert_eq!(
        seen(&discovery(255, 135, host, &solicited)),
        neighbour(host)
    );
    let advertised = about(host, &link_address(2));
    assert_eq!(
        seen(&discovery(255, 136, router, &advertised)),
        neighbour(host)
    );
    assert_eq!(
        seen(&discovery(254, 136, router, &advertised)),
        [],
        "through a router"
    );
    assert_eq!(
        seen(&discovery(255, 135, "::", &solicited)),
        [],
        "duplicates are looked for"
    );
    assert_eq!(
        seen(&discovery(255, 136, router, &about(host, &[]))),
        [],
        "no option"
    );
    assert_eq!(
        seen(&discovery(255, 136, router, &about(host, &[2, 0]))),
        [],
        "no length"
    );
    assert_eq!(
        seen(&discovery(255, 136, router, &about(host, &link_address(1)))),
        []
    );
}

#[test]
fn what_is_told_in_a_tunnel_is_not_believed() {
    let inner = dhcp((67, 68), &[&ACK[..], &HOUR, &[255]].concat());
    for inside in [inner, arp(&[], 1, [10, 0, 0, 23])] {
        let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &inside].concat();
        let builder = PacketBuilder::ethernet2([4; 6], [5; 6]).ipv4([192, 0, 2, 1], GATEWAY, 64);
        let mut frame = Vec::new();
        builder.udp(1, 4_789).write(&mut frame, &vxlan).unwrap();
        assert_eq!(seen(&frame), []);
    }
}

#[test]
fn sightings_are_kept_once_and_so_many_at_most() {
    let mut sightings = Sightings::default();
    let of = |number: u32| Sighting {
        address: (0x0a00_0000 + number).to_be_bytes().into(),
        mac: Mac(CARD),
        said: Said::ByNeighbour,
    };
    let most = u32::try_from(SIGHTINGS_MAX).unwrap();
    (0..most + 5)
        .chain(0..most)
        .for_each(|number| sightings.add(of(number)));
    assert_eq!(
        (sightings.take().len(), sightings.dropped),
        (SIGHTINGS_MAX, 5)
    );
    assert!(sightings.is_empty());
}

#[test]
fn cards_are_read_as_people_write_them() {
    let card: Mac = "02:00:00:00:00:17".parse().unwrap();
    assert_eq!(
        (card, card.to_string().as_str()),
        (Mac(CARD), "02:00:00:00:00:17")
    );
    assert_eq!("02-00-00-00-00-17".parse(), Ok(card));
    for wrong in [
        "",
        "02:00:00:00:00",
        "02:00:00:00:00:17:01",
        "2:0:0:0:0:17",
        "+2:00:00:00:00:17",
        "02:00-00:00:00:17",
        "020000000017",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
    ] {
        assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn hostile_bytes_tell_nothing_that_cannot_be(
        kind in 0..4_usize,
        captured in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut frame = match kind {
            0 => arp(&[0x81, 0, 0, 7], 2, [10, 0, 0, 23]),
            1 => dhcp((67, 68), &[&ACK[..], &noise].concat()),
            2 => discovery(255, 135, "fd00::23", &about("fd00::1", &noise)),
            _ => discovery(255, 136, "fd00::1", &about("fd00::23", &noise)),
        };
        for (place, byte) in changes {
            let place = place.index(frame.len());
            frame[place] = byte;
        }
        let captured = captured.index(frame.len() + 1);
        for sighting in seen_cut(&frame, captured) {
            prop_assert!(sighting.mac.is_of_one());
            prop_assert!(!sighting.address.is_unspecified());
        }
    }
}
