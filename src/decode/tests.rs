//! Packets from etherparse's builder, every truncation of them, and noise.

#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod fast_path;
mod links;
mod noise;
mod tunnels;

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header, LaxNetSlice,
    LaxSlicedPacket, PacketBuilder, TransportSlice,
};
use proptest::prelude::*;

use noise::{assert_agrees, assert_sound};

use super::*;
use crate::capture::{FileSource, LinkType};
use crate::time::Timestamp;

const A4: [u8; 4] = [10, 0, 0, 1];
const B4: [u8; 4] = [192, 0, 2, 9];
const A6: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Every link type that is read, and one that is not.
fn link_types() -> impl Iterator<Item = LinkType> {
    let known = (0..512).map(LinkType).filter(|it| it.is_supported());
    known.chain([LinkType(147)])
}

fn frame(link_type: LinkType, data: &[u8], original_length: usize) -> Frame<'_> {
    Frame {
        timestamp: Timestamp::from_nanos(7),
        original_length: u32::try_from(original_length).unwrap(),
        link_type,
        data,
    }
}

fn whole(link_type: LinkType, data: &[u8]) -> Result<Packet, Reason> {
    decode(&frame(link_type, data, data.len()))
}

/// A packet without a link header: 100 bytes of payload behind a TCP header.
fn tcp4() -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv4(A4, B4, 64)
        .tcp(40_000, 443, 1_000, 512)
        .ack(77)
        .psh();
    builder.write(&mut bytes, &[5; 100]).unwrap();
    bytes
}

fn udp6() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv6(A6, B6, 64)
        .udp(40_000, 53)
        .write(&mut bytes, &[5; 100])
        .unwrap();
    bytes
}

fn ethernet(ether_type: u16, behind: &[u8]) -> Vec<u8> {
    [&MAC[..], &MAC[..], &ether_type.to_be_bytes()[..], behind].concat()
}

fn tag(identifier: u16, ether_type: u16, behind: &[u8]) -> Vec<u8> {
    [
        &identifier.to_be_bytes()[..],
        &ether_type.to_be_bytes()[..],
        behind,
    ]
    .concat()
}

/// An IPv6 packet whose payload starts with header `next`.
fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let header = Ipv6Header {
        payload_length: u16::try_from(payload.len()).unwrap(),
        next_header: IpNumber(next),
        hop_limit: 64,
        source: A6,
        destination: B6,
        ..Ipv6Header::default()
    };
    [&header.to_bytes()[..], payload].concat()
}

/// A segment of 20 bytes of TCP header and `payload` bytes.
fn tcp_segment(payload: usize) -> Vec<u8> {
    let packet = tcp4();
    [&packet[20..40], &vec![5; payload][..]].concat()
}

/// A packet of a name and a link type, and the length of all its headers.
type Sample = (&'static str, LinkType, Vec<u8>, usize);

/// Packets of every kind.
fn samples() -> Vec<Sample> {
    let (mut samples, others) = (link_samples(), ip_samples());
    samples.extend(others);
    samples
}

fn link_samples() -> Vec<Sample> {
    let (tcp, udp) = (tcp4(), udp6());
    let one_tag = ethernet(0x8100, &tag(0x6005, 0x86dd, &udp));
    let two_tags = tag(6, 0x9100, &tag(7, 0x0800, &tcp));
    let three_tags = ethernet(0x88a8, &tag(5, 0x8100, &two_tags));
    let cooked = [&[0; 14][..], &[8, 0], &tcp].concat();
    let cooked_tag = [&[0; 14][..], &[0x81, 0], &tag(5, 0x0800, &tcp)].concat();
    let behind = |family: [u8; 4], packet: &[u8]| [&family[..], packet].concat();
    vec![
        ("raw", LinkType::RAW, tcp.clone(), 40),
        ("IPv4", LinkType::IPV4, tcp.clone(), 40),
        ("IPv6", LinkType::IPV6, udp.clone(), 48),
        ("Ethernet", LinkType::ETHERNET, ethernet(0x0800, &tcp), 54),
        ("one tag", LinkType::ETHERNET, one_tag, 66),
        ("three tags", LinkType::ETHERNET, three_tags, 66),
        ("cooked", LinkType::LINUX_SLL, cooked, 56),
        ("cooked, tag", LinkType::LINUX_SLL, cooked_tag, 60),
        (
            "null, little endian",
            LinkType::NULL,
            behind([30, 0, 0, 0], &udp),
            52,
        ),
        (
            "null, big endian",
            LinkType::NULL,
            behind([0, 0, 0, 2], &tcp),
            44,
        ),
        ("loop", LinkType::LOOP, behind([0, 0, 0, 24], &udp), 52),
    ]
}

fn ip_samples() -> Vec<Sample> {
    let mut header = Ipv4Header::new(0, 64, IpNumber::UDP, A4, B4).unwrap();
    header.options = Ipv4Options::try_from(&[1u8; 12][..]).unwrap();
    let builder = PacketBuilder::ip(IpHeaders::Ipv4(header, Default::default())).udp(1, 2);
    let mut options = Vec::new();
    builder.write(&mut options, &[5; 100]).unwrap();

    let mut icmp = Vec::new();
    let builder = PacketBuilder::ipv4(A4, B4, 64).icmpv4_echo_request(1, 2);
    builder.write(&mut icmp, &[5; 100]).unwrap();
    let mut icmp6 = Vec::new();
    let builder = PacketBuilder::ipv6(A6, B6, 64).icmpv6_echo_request(1, 2);
    builder.write(&mut icmp6, &[5; 9]).unwrap();

    // Hop-by-hop options, a routing header, destination options.
    let chain = [
        [43, 0, 1, 4, 0, 0, 0, 0],
        [60, 0, 0, 0, 0, 0, 0, 0],
        [6, 0, 1, 4, 0, 0, 0, 0],
    ];
    let extended = ipv6(0, &[&chain.concat()[..], &tcp_segment(100)].concat());
    vec![
        ("options", LinkType::RAW, options, 40),
        ("ICMP", LinkType::RAW, icmp, 28),
        ("ICMPv6", LinkType::RAW, icmp6, 48),
        (EXTENSIONS, LinkType::RAW, extended, 84),
        ("ESP", LinkType::RAW, ipv6(50, &[5; 64]), 40),
    ]
}

/// The sample whose protocol a short capture hides.
const EXTENSIONS: &str = "extensions";

#[test]
fn a_tcp_packet_is_read_in_full() {
    let bytes = ethernet(0x88a8, &tag(0xe005, 0x8100, &tag(6, 0x0800, &tcp4())));
    let packet = whole(LinkType::ETHERNET, &bytes).unwrap();
    let expected = Packet {
        src: address_bits(A4.into()),
        dst: address_bits(B4.into()),
        timestamp: Timestamp::from_nanos(7),
        wire_bytes: 14 + 8 + 140,
        ip_bytes: 140,
        payload_bytes: 100,
        sequence: 1_000,
        acknowledgement: 77,
        tunnel: TunnelPath::default(),
        src_port: 40_000,
        dst_port: 443,
        vlan_id: 5,
        ip_offset: 22,
        payload_offset: 62,
        protocol: 6,
        tcp_flags: 0x18,
        facts: Facts::PORTS.with(Facts::TCP),
    };
    assert_eq!(packet, expected);
}

#[test]
fn every_sample_has_its_payload() {
    for (name, link_type, bytes, headers) in samples() {
        let packet = whole(link_type, &bytes).unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
        assert_eq!(packet.wire_bytes as usize, bytes.len(), "{name}");
        assert_eq!(
            packet.payload_bytes as usize,
            bytes.len() - headers,
            "{name}"
        );
        assert_eq!(
            packet.has_ports(),
            matches!(packet.protocol, 6 | 17 | 132),
            "{name}"
        );
        assert_eq!(packet.tcp().is_some(), packet.protocol == 6, "{name}");
        let v4 = (A4.into(), B4.into());
        let v6 = (A6.into(), B6.into());
        assert!(
            (packet.src_address(), packet.dst_address()) == v4
                || (packet.src_address(), packet.dst_address()) == v6,
            "{name}"
        );
    }
}

#[test]
fn a_snap_length_cuts_what_is_captured_and_not_what_is_counted() {
    for (name, link_type, bytes, headers) in samples() {
        let full = whole(link_type, &bytes).unwrap();
        let ip_offset = bytes.len() - full.ip_bytes as usize;
        let fixed = if full.src_address().is_ipv4() { 20 } else { 40 };
        for cut in 0..bytes.len() {
            let packet = match decode(&frame(link_type, &bytes[..cut], bytes.len())) {
                Ok(packet) => packet,
                Err(reason) => {
                    assert!(cut < ip_offset + fixed, "{name} at {cut}: {reason:?}");
                    let of_link = cut < ip_offset;
                    assert_eq!(reason == Reason::LinkTruncated, of_link, "{name} at {cut}");
                    continue;
                }
            };
            let counted = (packet.wire_bytes, packet.ip_bytes, packet.vlan());
            assert_eq!(
                counted,
                (full.wire_bytes, full.ip_bytes, full.vlan()),
                "{name} at {cut}"
            );
            if name != EXTENSIONS || cut >= headers - 20 {
                assert_eq!(packet.payload_bytes, full.payload_bytes, "{name} at {cut}");
                assert_eq!(packet.protocol, full.protocol, "{name} at {cut}");
            }
            if cut >= headers {
                assert_eq!(packet, full, "{name} at {cut}");
            }
        }
    }
}

#[test]
fn a_tcp_header_gives_what_was_captured_of_it() {
    let bytes = tcp4();
    let cut = |length| decode(&frame(LinkType::RAW, &bytes[..length], bytes.len())).unwrap();
    assert!(!cut(23).has_ports());
    assert!(cut(24).has_ports() && cut(33).tcp().is_none());
    assert_eq!(cut(34).tcp(), whole(LinkType::RAW, &bytes).unwrap().tcp());
}

#[test]
fn a_tcp_data_offset_that_cannot_be_true_is_the_shortest() {
    let mut bytes = tcp4();
    let payload = |bytes: &[u8]| {
        let packet = whole(LinkType::RAW, bytes).unwrap();
        assert!(packet.tcp().is_some());
        packet.payload_bytes
    };
    bytes[32] = 0x80;
    assert_eq!(payload(&bytes), 88, "twelve bytes of options");
    bytes[32] = 0x40;
    assert_eq!(payload(&bytes), 100);
    bytes.truncate(44);
    bytes[2..4].copy_from_slice(&44u16.to_be_bytes());
    bytes[32] = 0xf0;
    assert_eq!(payload(&bytes), 4, "60 bytes of header in a segment of 24");
}

#[test]
fn padding_is_never_payload() {
    let mut ip = Vec::new();
    PacketBuilder::ipv4(A4, B4, 64)
        .tcp(1, 2, 3, 4)
        .write(&mut ip, &[])
        .unwrap();
    let mut bytes = ethernet(0x0800, &ip);
    bytes.resize(64, 0xff);
    let packet = whole(LinkType::ETHERNET, &bytes).unwrap();
    assert_eq!(
        (packet.wire_bytes, packet.ip_bytes, packet.payload_bytes),
        (64, 40, 0)
    );

    // An IP packet of nothing but its header: the padding holds no ports.
    bytes[14 + 2..14 + 4].copy_from_slice(&20u16.to_be_bytes());
    let packet = whole(LinkType::ETHERNET, &bytes).unwrap();
    assert_eq!(
        (packet.ip_bytes, packet.payload_bytes, packet.has_ports()),
        (20, 0, false)
    );
}

#[test]
fn a_length_of_zero_is_what_was_on_the_wire() {
    let mut bytes = tcp4();
    bytes[2..4].fill(0);
    let packet = decode(&frame(LinkType::RAW, &bytes, 70_000)).unwrap();
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (70_000, 69_960));

    let jumbo = [&[17, 0, 0xc2, 4, 0, 1, 0, 0][..], &udp6()[40..]].concat();
    let mut bytes = ipv6(0, &jumbo);
    bytes[4..6].fill(0);
    let packet = decode(&frame(LinkType::RAW, &bytes, 70_000)).unwrap();
    assert_eq!(
        (packet.ip_bytes, packet.payload_bytes),
        (70_000, 70_000 - 56)
    );
    assert_eq!((packet.protocol, packet.dst_port), (17, 53));

    let mut bytes = udp6();
    bytes[4..6].fill(0);
    let packet = decode(&frame(LinkType::RAW, &bytes, 70_000)).unwrap();
    assert_eq!(
        (packet.ip_bytes, packet.payload_bytes),
        (70_000, 70_000 - 48)
    );
    let packet = whole(LinkType::RAW, &bytes).unwrap();
    assert_eq!(
        (packet.ip_bytes, packet.payload_bytes, packet.has_ports()),
        (40, 0, false)
    );
}

#[test]
fn a_stated_length_beyond_the_wire_is_not_believed() {
    let mut bytes = ethernet(0x0800, &tcp4());
    bytes[14 + 2..14 + 4].fill(0xff);
    let packet = whole(LinkType::ETHERNET, &bytes).unwrap();
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (140, 100));
    let mut bytes = udp6();
    bytes[4..6].fill(0xff);
    let packet = whole(LinkType::RAW, &bytes).unwrap();
    assert_eq!((packet.ip_bytes, packet.payload_bytes), (148, 100));
}

#[test]
fn only_the_first_fragment_has_a_transport_header() {
    let fragment = |offset: u16, more: bool| {
        let mut bytes = tcp4();
        bytes[6..8].copy_from_slice(&(offset | u16::from(more) << 13).to_be_bytes());
        bytes[4..6].copy_from_slice(&[0xab, 0xcd]);
        let packet = whole(LinkType::RAW, &bytes).unwrap();
        let is_whole = packet.fragment() == Fragment::Whole;
        assert_eq!(packet.sequence, if is_whole { 1_000 } else { 0xabcd });
        assert_eq!(packet.tcp().is_some(), packet.has_ports());
        (packet.fragment(), packet.has_ports(), packet.payload_bytes)
    };
    assert_eq!(
        fragment(0x4000, false),
        (Fragment::Whole, true, 100),
        "don't fragment"
    );
    assert_eq!(fragment(0, true), (Fragment::First, true, 100));
    assert_eq!(fragment(9, true), (Fragment::Later, false, 120));
    assert_eq!(fragment(9, false), (Fragment::Later, false, 120));

    let fragment = |offset: u16, more: bool| {
        let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
        let payload = [&[6, 0, high, low, 9, 8, 7, 6][..], &tcp_segment(100)].concat();
        let packet = whole(LinkType::RAW, &ipv6(44, &payload)).unwrap();
        assert_eq!(packet.protocol, 6);
        let is_whole = packet.fragment() == Fragment::Whole;
        assert_eq!(packet.sequence, if is_whole { 1_000 } else { 0x0908_0706 });
        (packet.fragment(), packet.has_ports(), packet.payload_bytes)
    };
    assert_eq!(fragment(0, false), (Fragment::Whole, true, 100));
    assert_eq!(fragment(0, true), (Fragment::First, true, 100));
    assert_eq!(
        fragment(IpFragOffset::MAX_U16, true),
        (Fragment::Later, false, 120)
    );
}

#[test]
fn extension_headers_are_followed_up_to_a_limit() {
    let chain = |count: usize| {
        let mut payload = vec![];
        for index in 1..=count {
            payload.extend([if index == count { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
        }
        payload.extend(tcp_segment(100));
        whole(LinkType::RAW, &ipv6(60, &payload))
    };
    let packet = chain(16).unwrap();
    assert_eq!(
        (packet.protocol, packet.dst_port, packet.payload_bytes),
        (6, 443, 100)
    );
    assert_eq!(chain(17), Err(Reason::ExtensionChain));

    // Authentication: 12 bytes and a check value of 12.
    let header = [&[6, 4, 0, 0][..], &[0; 20]].concat();
    let payload = [&header[..], &tcp_segment(100)].concat();
    let packet = whole(LinkType::RAW, &ipv6(51, &payload)).unwrap();
    assert_eq!(
        (packet.protocol, packet.dst_port, packet.payload_bytes),
        (6, 443, 100)
    );

    // A header longer than the packet, and one that is not followed.
    let packet = whole(LinkType::RAW, &ipv6(43, &[6, 9, 0, 0, 0, 0, 0, 0])).unwrap();
    assert_eq!(
        (packet.protocol, packet.has_ports(), packet.payload_bytes),
        (43, false, 8)
    );
    let packet = whole(LinkType::RAW, &ipv6(135, &[59, 0, 0, 0, 0, 0, 0, 0])).unwrap();
    assert_eq!(
        (packet.protocol, packet.has_ports(), packet.payload_bytes),
        (135, false, 8)
    );
}

#[test]
fn what_is_not_a_packet_has_its_reason() {
    let tcp = tcp4();
    let udp = udp6();
    let reason = |link_type, bytes: &[u8]| whole(link_type, bytes).unwrap_err();
    let of_type =
        |ether_type, bytes: &[u8]| reason(LinkType::ETHERNET, &ethernet(ether_type, bytes));
    assert_eq!(of_type(0x0806, &[0; 28]), Reason::Arp);
    assert_eq!(of_type(0x88cc, &tcp), Reason::NotIp);
    assert_eq!(of_type(0x88e5, &[0x2c; 40]), Reason::Encrypted, "MACsec");
    assert_eq!(of_type(46, &tcp), Reason::NotIp, "802.3");
    let tags = (0..32).fold(tag(1, 0x0800, &tcp), |behind, _| tag(1, 0x8100, &behind));
    assert_eq!(of_type(0x8100, &tags), Reason::TunnelDepth);
    assert_eq!(of_type(0x86dd, &tcp), Reason::IpMalformed);
    assert_eq!(of_type(0x0800, &udp), Reason::IpMalformed);
    assert_eq!(of_type(0x0800, &[]), Reason::IpTruncated);
    assert_eq!(reason(LinkType::IPV6, &tcp), Reason::IpMalformed);
    assert_eq!(reason(LinkType::RAW, &[0x50; 40]), Reason::IpMalformed);
    assert_eq!(reason(LinkType::RAW, &[]), Reason::IpTruncated);
    assert_eq!(reason(LinkType::NULL, &[7, 0, 0, 0, 0]), Reason::NotIp);
    assert_eq!(
        reason(LinkType::LOOP, &[2, 0, 0, 0, 0]),
        Reason::NotIp,
        "little endian"
    );
    assert_eq!(reason(LinkType::LINUX_SLL, &[0; 15]), Reason::LinkTruncated);
    assert_eq!(reason(LinkType(147), &tcp), Reason::LinkType);

    let mut bytes = tcp.clone();
    bytes[0] = 0x44;
    assert_eq!(
        reason(LinkType::RAW, &bytes),
        Reason::IpMalformed,
        "header below 20 bytes"
    );
    let mut bytes = tcp;
    bytes[3] = 19;
    assert_eq!(
        reason(LinkType::RAW, &bytes),
        Reason::IpMalformed,
        "total below header"
    );
}

#[test]
fn a_priority_tag_names_no_vlan() {
    let vlan = |bytes: &[u8]| whole(LinkType::ETHERNET, bytes).unwrap().vlan();
    assert_eq!(vlan(&ethernet(0x8100, &tag(0xe000, 0x0800, &tcp4()))), None);
    assert_eq!(
        vlan(&ethernet(0x8100, &tag(0, 0x8100, &tag(9, 0x0800, &tcp4())))),
        Some(9)
    );
}
