//! Every kind of tunnel, what stays outside, and nesting without end.

use super::fast_path::{by_fast_path, by_general_path};
use super::*;

/// The other end of outer packets.
const OUTER: [u8; 4] = [172, 16, 0, 1];

/// An IPv4 packet of a protocol around a payload.
fn outer(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let header = Ipv4Header::new(length, 64, IpNumber(protocol), OUTER, OUTER).unwrap();
    [&header.to_bytes()[..], payload].concat()
}

fn outer_udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    let header = [src, dst, length, 0].map(u16::to_be_bytes).concat();
    outer(17, &[&header[..], payload].concat())
}

/// The headers of a tunnel and what they stand before.
fn behind(header: &[u8], inner: &[u8]) -> Vec<u8> {
    [header, inner].concat()
}

/// A packet in one tunnel or more, and its path.
type Case = (&'static str, Vec<u8>, &'static str);

/// Puts a packet into a tunnel.
type Wrap = dyn Fn(&[u8]) -> Vec<u8>;

/// All around the packet of [`tcp4`].
fn tunnels_of_protocols() -> Vec<Case> {
    let tcp = tcp4();
    let frame = ethernet(0x0800, &tcp);
    let gre = |header: &[u8], inner: &[u8]| outer(47, &behind(header, inner));
    let ppp = behind(&[0xff, 3, 0x21], &tcp);
    let erspan2 = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5][..], &[0; 6]].concat();
    let mut erspan3 = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20][..], &[0; 11]].concat();
    let plain3 = gre(&erspan3, &frame);
    erspan3[19] = 1;
    let platform3 = gre(&[&erspan3[..], &[0; 8]].concat(), &frame);
    erspan3[18..20].copy_from_slice(&[2 << 2, 0]);
    let ip3 = gre(&erspan3, &tcp);
    let routed = [0x40, 0, 8, 0, 0, 0, 0, 0, 0, 1, 0, 2, 9, 9, 0, 0, 0, 0];
    let pptp = [0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    vec![
        ("IP in IP", outer(4, &tcp), "ipv4"),
        ("IP in IPv6", ipv6(4, &tcp), "ipv4"),
        ("GRE", gre(&[0, 0, 8, 0], &tcp), "gre"),
        (
            "GRE, all fields",
            gre(&[&[0xb0, 0, 8, 0][..], &[0; 12]].concat(), &tcp),
            "gre",
        ),
        ("GRE, a route", gre(&routed, &tcp), "gre"),
        ("GRE, bridging", gre(&[0, 0, 0x65, 0x58], &frame), "gre"),
        (
            "GRE, MPLS",
            gre(&[0, 0, 0x88, 0x47, 0, 1, 1, 9], &tcp),
            "gre",
        ),
        (
            "GRE, WCCP",
            gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &tcp),
            "gre",
        ),
        ("GRE, PPTP", gre(&pptp, &ppp), "gre"),
        ("ERSPAN I", gre(&[0, 0, 0x88, 0xbe], &frame), "erspan"),
        ("ERSPAN II", gre(&erspan2, &frame), "erspan"),
        ("ERSPAN III", plain3, "erspan"),
        ("ERSPAN III, platform", platform3, "erspan"),
        ("ERSPAN III, IP", ip3, "erspan"),
        ("EtherIP", outer(97, &behind(&[0x30, 0], &frame)), "etherip"),
        (
            "MPLS in IP",
            outer(137, &behind(&[0, 1, 1, 9], &tcp)),
            "mpls",
        ),
        (
            "L2TP 3",
            outer(115, &behind(&[0, 0, 0, 9, 1, 2, 3, 4], &frame)),
            "l2tp",
        ),
        (
            "AH, then IP",
            outer(51, &behind(&[&[4, 4][..], &[0; 22]].concat(), &tcp)),
            "ipv4",
        ),
        ("two", gre(&[0, 0, 8, 0], &outer(4, &tcp)), "gre/ipv4"),
    ]
}

fn tunnels_of_ports() -> Vec<Case> {
    let tcp = tcp4();
    let frame = ethernet(0x0800, &tcp);
    let udp = |port, header: &[u8], inner: &[u8]| outer_udp(50_000, port, &behind(header, inner));
    let vxlan = [8, 0, 0, 0, 0, 0, 7, 0];
    let nsh = [0x0f, 0xc2, 1, 1, 0, 0, 1, 255];
    let length = u16::try_from(tcp.len() + 16).unwrap().to_be_bytes();
    let gtp = [0x34, 255, length[0], length[1], 0, 0, 0, 1, 0, 0, 0, 0x85];
    let gtp = [&gtp[..], &[2, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0]].concat();
    let gtp_short = [0x30, 255, 0, 140, 0, 0, 0, 1];
    let l2tp = [
        0x4a, 2, 0, 160, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 9, 9, 0xff, 3, 0, 0x21,
    ];
    vec![
        ("VXLAN", udp(4_789, &vxlan, &frame), "vxlan"),
        ("VXLAN of Linux", udp(8_472, &vxlan, &frame), "vxlan"),
        (
            "VXLAN, answer",
            outer_udp(4_789, 50_000, &behind(&vxlan, &frame)),
            "vxlan",
        ),
        (
            "VXLAN-GPE",
            udp(4_790, &[0x0c, 0, 0, 1, 0, 0, 7, 0], &tcp),
            "vxlan",
        ),
        (
            "NSH",
            udp(
                4_790,
                &[&[0x0c, 0, 0, 4, 0, 0, 7, 0][..], &nsh].concat(),
                &tcp,
            ),
            "vxlan",
        ),
        (
            "Geneve",
            udp(6_081, &[1, 0, 8, 0, 0, 0, 7, 0, 9, 9, 9, 9], &tcp),
            "geneve",
        ),
        (
            "Geneve, bridging",
            udp(6_081, &[0, 0x40, 0x65, 0x58, 0, 0, 7, 0], &frame),
            "geneve",
        ),
        ("GTP-U", udp(2_152, &gtp_short, &tcp), "gtp-u"),
        ("GTP-U, extensions", udp(2_152, &gtp, &tcp), "gtp-u"),
        ("L2TP", udp(1_701, &l2tp, &tcp), "l2tp"),
        (
            "L2TP, short",
            udp(1_701, &[0, 2, 0, 1, 0, 2, 0x21], &tcp),
            "l2tp",
        ),
        ("MPLS in UDP", udp(6_635, &[0, 1, 1, 9], &tcp), "mpls"),
        (
            "three",
            udp(4_789, &vxlan, &ethernet(0x0800, &outer(4, &outer(4, &tcp)))),
            "vxlan/ipv4/ipv4",
        ),
    ]
}

fn all() -> Vec<Case> {
    let mut cases = tunnels_of_protocols();
    cases.extend(tunnels_of_ports());
    cases
}

#[test]
fn every_tunnel_reaches_the_packet_inside() {
    let plain = whole(LinkType::RAW, &tcp4()).unwrap();
    for (name, bytes, path) in all() {
        let packet = whole(LinkType::RAW, &bytes).unwrap();
        assert_eq!(packet.tunnel.to_string(), path, "{name}");
        let ip_offset = u16::try_from(bytes.len() - 140).unwrap();
        let expected = Packet {
            wire_bytes: u32::try_from(bytes.len()).unwrap(),
            tunnel: packet.tunnel,
            ip_offset,
            payload_offset: ip_offset + 40,
            ..plain
        };
        assert_eq!(packet, expected, "{name}");
        // The fast path leaves tunnels to the general one.
        let framed = ethernet(if bytes[0] >> 4 == 4 { 0x0800 } else { 0x86dd }, &bytes);
        let framed = whole(LinkType::ETHERNET, &framed).unwrap();
        assert_eq!(framed.tunnel, packet.tunnel, "{name}");
    }
}

#[test]
fn teredo_and_6in4_carry_ipv6() {
    let udp = udp6();
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    let authentication = [&[0, 1, 1, 2][..], &[9; 3], &[0; 9]].concat();
    for (name, bytes, path) in [
        ("6in4", outer(41, &udp), "ipv6"),
        ("Teredo", outer_udp(50_000, 3_544, &udp), "teredo"),
        (
            "origin",
            outer_udp(3_544, 50_000, &behind(&origin, &udp)),
            "teredo",
        ),
        (
            "both",
            outer_udp(
                3_544,
                50_000,
                &behind(&[&authentication[..], &origin].concat(), &udp),
            ),
            "teredo",
        ),
    ] {
        let packet = whole(LinkType::RAW, &bytes).unwrap();
        let found = (packet.dst_port, packet.payload_bytes, packet.ip_bytes);
        assert_eq!(found, (53, 100, 148), "{name}");
        assert_eq!(packet.tunnel.to_string(), path, "{name}");
    }
}

#[test]
fn what_cannot_be_read_inside_is_counted_outside() {
    let tcp = tcp4();
    let vxlan = [8, 0, 0, 0, 0, 0, 7, 0];
    let arp = ethernet(0x0806, &[0; 28]);
    let frame = ethernet(0x0800, &tcp);
    let cut = &frame[..frame.len() - 1];
    let echo = [0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0];
    for (name, bytes) in [
        ("ARP in VXLAN", outer_udp(1, 4_789, &behind(&vxlan, &arp))),
        (
            "a packet that does not fit",
            outer_udp(1, 4_789, &behind(&vxlan, cut)),
        ),
        (
            "no identifier",
            outer_udp(1, 4_789, &behind(&[0; 8], &frame)),
        ),
        (
            "Geneve of version 1",
            outer_udp(1, 6_081, &behind(&[0x40, 0, 8, 0, 0, 0, 7, 0], &tcp)),
        ),
        (
            "an OAM packet",
            outer_udp(1, 6_081, &behind(&[0, 0x80, 8, 0, 0, 0, 7, 0], &tcp)),
        ),
        (
            "echo request",
            outer_udp(2_152, 2_152, &behind(&echo, &tcp)),
        ),
        (
            "L2TP control",
            outer_udp(1, 1_701, &behind(&[0xc8, 2, 0, 12, 0, 1, 0, 0], &tcp)),
        ),
        ("IPv4 in Teredo", outer_udp(1, 3_544, &tcp)),
        ("noise", outer_udp(4_789, 6_081, &[0x5a; 90])),
        ("IPv6 as IPv4", outer(4, &udp6())),
        ("keepalive", outer(47, &[0, 0, 0, 0])),
        ("GRE of version 2", outer(47, &behind(&[0, 2, 8, 0], &tcp))),
        ("half a header", outer(4, &tcp[..19])),
        ("nothing", outer(47, &[])),
        (
            "ICMP error",
            outer(1, &behind(&[3, 1, 0, 0, 0, 0, 0, 0], &tcp)),
        ),
        ("ESP", outer(50, &tcp)),
    ] {
        let packet = whole(LinkType::RAW, &bytes).unwrap();
        assert!(packet.tunnel.is_empty(), "{name}: {packet:?}");
        assert_eq!(packet.src_address(), IpAddr::from(OUTER), "{name}");
        assert_eq!(packet.ip_bytes as usize, bytes.len(), "{name}");
    }
}

#[test]
fn a_fragment_of_a_tunnel_is_read_as_far_as_it_goes() {
    let mut bytes = outer(4, &tcp4());
    bytes[4..6].copy_from_slice(&[0x12, 0x34]);
    bytes[6] = 0x20;
    bytes.truncate(100);
    bytes[3] = 100;
    let first = whole(LinkType::RAW, &bytes).unwrap();
    assert_eq!(
        (first.tunnel.to_string().as_str(), first.dst_port),
        ("ipv4", 443)
    );
    assert_eq!((first.ip_bytes, first.fragment()), (80, Fragment::Whole));
    bytes[7] = 9;
    let later = whole(LinkType::RAW, &bytes).unwrap();
    assert!(later.tunnel.is_empty());
    assert_eq!((later.protocol, later.fragment()), (4, Fragment::Later));
    assert_eq!((later.sequence, later.ip_bytes), (0x1234, 100));
}

#[test]
fn nesting_is_followed_to_eight_and_then_has_its_reason() {
    let vxlan = |inner: &[u8]| {
        let frame = ethernet(0x0800, inner);
        outer_udp(1, 4_789, &behind(&[8, 0, 0, 0, 0, 0, 7, 0], &frame))
    };
    let wrappers: [&Wrap; 3] = [
        &|inner| outer(4, inner),
        &|inner| outer(47, &behind(&[0, 0, 8, 0], inner)),
        &vxlan,
    ];
    for wrap in wrappers {
        let mut bytes = tcp4();
        for depth in 1..=64 {
            bytes = wrap(&bytes);
            match whole(LinkType::RAW, &bytes) {
                Ok(packet) if depth <= 8 => {
                    assert_eq!(packet.tunnel.tunnels().count(), depth);
                    assert_eq!(packet.dst_port, 443);
                }
                result => assert_eq!((depth > 8, result), (true, Err(Reason::TunnelDepth))),
            }
        }
    }
    // Labels and tags, which are no tunnels, end as well.
    let labels = ethernet(0x8847, &[0; 4].repeat(1_000));
    assert_eq!(whole(LinkType::ETHERNET, &labels), Err(Reason::TunnelDepth));
    let mut bytes = ethernet(0x0800, &tcp4());
    for _ in 0..64 {
        bytes = ethernet(0x88e7, &behind(&[0; 4], &bytes));
    }
    assert_eq!(whole(LinkType::ETHERNET, &bytes), Err(Reason::TunnelDepth));
}

#[test]
fn extension_headers_without_end_have_their_reason() {
    for number in [0, 43, 60, 135, 139, 140] {
        for count in 1..=1_000 {
            let mut chain = [number, 0, 0, 0, 0, 0, 0, 0].repeat(count);
            let last = chain.len() - 8;
            chain[last] = 17;
            chain.extend([0, 1, 0, 53, 0, 8, 0, 0]);
            let result = whole(LinkType::RAW, &ipv6(number, &chain));
            if count <= 16 {
                assert_eq!(result.unwrap().dst_port, 53, "{count} of {number}");
            } else {
                assert_eq!(result, Err(Reason::ExtensionChain), "{count} of {number}");
            }
        }
    }
}

#[test]
fn a_cut_tunnel_loses_no_packet() {
    for (name, bytes, path) in all() {
        for cut in 40..bytes.len() {
            let packet = decode(&frame(LinkType::RAW, &bytes[..cut], bytes.len())).unwrap();
            assert_eq!(packet.wire_bytes as usize, bytes.len(), "{name} at {cut}");
            let is_inside = packet.tunnel.to_string() == path;
            assert!(!is_inside || packet.ip_bytes == 140, "{name} at {cut}");
            assert!(is_inside || cut < bytes.len() - 120, "{name} at {cut}");
        }
    }
}

proptest! {
    #[test]
    fn tunnels_with_bytes_changed_are_sound(
        case in 0..32usize,
        changes in proptest::collection::vec((0..120usize, any::<u8>()), 0..6),
        original_length in prop_oneof![Just(0u32), 0..400u32, any::<u32>()],
        cut in 0..200usize,
    ) {
        let mut cases = all();
        prop_assert_eq!(cases.len(), 32);
        let (_, mut data, _) = cases.swap_remove(case);
        for (offset, byte) in changes {
            if let Some(place) = data.get_mut(offset) {
                *place = byte;
            }
        }
        data.truncate(data.len().saturating_sub(cut).max(30));
        let framed = ethernet(0x0800, &data);
        for (link_type, data) in [(LinkType::RAW, &data), (LinkType::ETHERNET, &framed)] {
            let frame = Frame { original_length, ..frame(link_type, data, 0) };
            if let Ok(packet) = decode(&frame) {
                assert_sound(&packet, &frame);
            }
        }
    }

    #[test]
    fn the_fast_path_reads_what_the_general_one_reads(
        mut data in proptest::collection::vec(any::<u8>(), 40..120),
        header in proptest::sample::select(vec![
            [0x08, 0x00, 0x45], [0x08, 0x00, 0x46], [0x86, 0xdd, 0x60], [0x81, 0x00, 0x00],
        ]),
        protocol in proptest::sample::select(vec![6u8, 17, 1, 44]),
        length in 0..120u8,
        is_plain in any::<bool>(),
        original_length in prop_oneof![Just(0u32), 0..200u32, any::<u32>()],
    ) {
        let start = if header[0] == 0x81 {
            data[16..18].copy_from_slice(&[8, 0]);
            data[18] = 0x45;
            18
        } else {
            14
        };
        data[12..14].copy_from_slice(&header[..2]);
        if start == 14 {
            data[14] = header[2];
        }
        if is_plain {
            let is_v6 = header[2] == 0x60;
            let at = if is_v6 { [4, 5, 6] } else { [2, 3, 9] };
            data[start + at[0]..=start + at[1]].copy_from_slice(&[0, length]);
            data[start + at[2]] = protocol;
            if !is_v6 {
                data[start + 6..start + 8].copy_from_slice(&[0x40, 0]);
            }
        }
        let frame = Frame { original_length, ..frame(LinkType::ETHERNET, &data, 0) };
        if let Some(packet) = by_fast_path(&frame) {
            prop_assert_eq!(Ok(packet), by_general_path(&frame));
            assert_agrees(&packet, &frame);
        }
    }
}
