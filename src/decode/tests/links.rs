//! Every link header before the same packet.

use super::*;

/// A frame of a name and a link type.
type Case = (&'static str, LinkType, Vec<u8>);

fn behind(header: &[u8], rest: &[u8]) -> Vec<u8> {
    [header, rest].concat()
}

const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// An 802.11 data frame: frame control, and what stands behind the three addresses.
fn wireless(control: [u8; 2], more: &[u8], body: &[u8]) -> Vec<u8> {
    [&control[..], &[0; 22], more, body].concat()
}

fn ethernet_cases() -> Vec<Case> {
    let tcp = tcp4();
    let of = |ether_type, header: &[u8]| ethernet(ether_type, &behind(header, &tcp));
    let framed =
        |ether_type, header: &[u8]| ethernet(ether_type, &behind(header, &ethernet(0x0800, &tcp)));
    let length = u16::try_from(SNAP.len() + tcp.len()).unwrap();
    let secured = [&[0x20, 0, 0, 0, 0, 1][..], &[9; 8], &[8, 0]].concat();
    [
        ("802.1BR", of(0x893f, &[0, 1, 0, 2, 0, 0, 8, 0])),
        ("VN-Tag", of(0x8926, &[0, 1, 0, 2, 8, 0])),
        ("802.1ah", framed(0x88e7, &[0, 0, 0, 1])),
        ("MACsec in the clear", of(0x88e5, &secured)),
        ("MPLS", of(0x8847, &[0, 1, 0, 9, 0, 2, 1, 9])),
        (
            "pseudowire, control word",
            framed(0x8848, &[0, 1, 1, 9, 0, 0, 0, 0]),
        ),
        ("pseudowire", framed(0x8847, &[0, 1, 1, 9])),
        ("PPPoE", of(0x8864, &[0x11, 0, 0, 1, 0, 142, 0, 0x21])),
        ("NSH", of(0x894f, &[0x0f, 0xc2, 1, 1, 0, 0, 1, 255])),
        ("bridging", framed(0x6558, &[])),
        (
            "Arista, 64 bits",
            of(0xd28b, &[0, 1, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]),
        ),
        (
            "Arista, 48 bits",
            of(0xd28b, &[0, 1, 1, 0x20, 0, 0, 0, 0, 0, 0, 8, 0]),
        ),
        ("802.3", of(length, &SNAP)),
        ("802.3 without SNAP", of(length, &[6, 6, 3])),
    ]
    .map(|(name, bytes)| (name, LinkType::ETHERNET, bytes))
    .into()
}

fn serial_cases() -> Vec<Case> {
    let tcp = tcp4();
    let of = |header: &[u8]| behind(header, &tcp);
    let snap = behind(&SNAP, &tcp);
    let token = [&[0x10, 0x40][..], &[0; 6], &[0x80], &[0; 5], &[4, 0, 0, 0]].concat();
    vec![
        (
            "SLL",
            LinkType::LINUX_SLL,
            of(&[&[0; 14][..], &[8, 0]].concat()),
        ),
        (
            "SLL, 802.2",
            LinkType::LINUX_SLL,
            behind(&[&[0; 14][..], &[0, 4]].concat(), &snap),
        ),
        (
            "SLL2",
            LinkType::LINUX_SLL2,
            of(&[&[8, 0][..], &[0; 18]].concat()),
        ),
        ("PPP", LinkType::PPP, of(&[0, 0x21])),
        ("PPP, address", LinkType::PPP, of(&[0xff, 3, 0, 0x21])),
        ("PPP, compressed", LinkType::PPP_SERIAL, of(&[0x21])),
        (
            "PPP, MPLS",
            LinkType::PPP_SERIAL,
            of(&[0xff, 3, 2, 0x81, 0, 1, 1, 9]),
        ),
        ("PPP or Cisco", LinkType::PPP_SERIAL, of(&[0x0f, 0, 8, 0])),
        (
            "PPPoE",
            LinkType::PPP_ETHER,
            of(&[0x11, 0, 0, 1, 0, 142, 0, 0x21]),
        ),
        ("Cisco HDLC", LinkType::CISCO_HDLC, of(&[0x0f, 0, 8, 0])),
        (
            "Frame Relay",
            LinkType::FRAME_RELAY,
            of(&[0x18, 0x41, 3, 0xcc]),
        ),
        (
            "Frame Relay, long",
            LinkType::FRAME_RELAY,
            of(&[0x18, 0x40, 0x40, 1, 3, 0xcc]),
        ),
        (
            "Frame Relay, Cisco",
            LinkType::FRAME_RELAY,
            of(&[0x18, 0x41, 8, 0]),
        ),
        (
            "Frame Relay, SNAP",
            LinkType::FRAME_RELAY,
            of(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
        ),
        ("ATM", LinkType::ATM_RFC1483, snap.clone()),
        (
            "FDDI",
            LinkType::FDDI,
            behind(&[&[0x57][..], &[0; 12]].concat(), &snap),
        ),
        ("Token Ring", LinkType::TOKEN_RING, behind(&token, &snap)),
    ]
}

fn wireless_cases() -> Vec<Case> {
    let tcp = tcp4();
    let of = |header: &[u8]| behind(header, &tcp);
    let snap = behind(&SNAP, &tcp);
    let plain = wireless([8, 0], &[], &snap);
    let radiotap = [0, 0, 17, 0, 3, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0x20];
    let padded = behind(&radiotap, &wireless([0x88, 0], &[0, 0, 9, 9], &snap));
    let aggregate = [&[0x80, 0][..], &[7; 12], &148u16.to_be_bytes()].concat();
    let ppi = [0, 0, 12, 0, 105, 0, 0, 0, 9, 9, 9, 9];
    let nflog = [2, 0, 0, 1, 5, 0, 1, 0, 9, 0, 0, 0, 144, 0, 9, 0];
    let prism = behind(
        &[&[0x44, 0, 0, 0, 12, 0, 0, 0][..], &[0; 4]].concat(),
        &plain,
    );
    let avs = behind(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 12, 0, 0, 0, 0], &plain);
    vec![
        ("802.11", LinkType::IEEE802_11, plain.clone()),
        (
            "four addresses",
            LinkType::IEEE802_11,
            wireless([8, 3], &[0; 6], &snap),
        ),
        (
            "quality",
            LinkType::IEEE802_11,
            wireless([0x88, 0x80], &[0; 6], &snap),
        ),
        (
            "aggregate",
            LinkType::IEEE802_11,
            wireless([0x88, 0], &aggregate, &snap),
        ),
        (
            "radiotap",
            LinkType::RADIOTAP,
            behind(&[0, 0, 8, 0, 0, 0, 0, 0], &plain),
        ),
        ("radiotap, padded", LinkType::RADIOTAP, padded),
        ("Prism", LinkType::PRISM, prism),
        ("AVS as Prism", LinkType::PRISM, avs.clone()),
        ("AVS", LinkType::AVS, avs),
        ("PPI", LinkType::PPI, behind(&ppi, &plain)),
        ("NFLOG", LinkType::NFLOG, of(&nflog)),
    ]
}

#[test]
fn every_link_header_is_read() {
    let mut cases = ethernet_cases();
    cases.extend(serial_cases());
    cases.extend(wireless_cases());
    for (name, link_type, bytes) in cases {
        let packet = whole(link_type, &bytes);
        let packet = packet.unwrap_or_else(|reason| panic!("{name}: {reason:?}"));
        let found = (packet.ip_bytes, packet.payload_bytes, packet.dst_port);
        assert_eq!(found, (140, 100, 443), "{name}");
        assert_eq!(usize::from(packet.ip_offset), bytes.len() - 140, "{name}");
        assert!(
            packet.tunnel.is_empty() && packet.vlan().is_none(),
            "{name}"
        );
        for cut in 0..usize::from(packet.ip_offset) {
            let reason = decode(&frame(link_type, &bytes[..cut], bytes.len())).unwrap_err();
            let known = [Reason::LinkTruncated, Reason::IpTruncated];
            // The first byte of an address is a protocol by itself.
            let is_known = known.contains(&reason) || name.starts_with("PPP, ") && cut == 1;
            assert!(is_known, "{name} at {cut}: {reason:?}");
        }
    }
}

#[test]
fn link_headers_of_nothing_have_their_reason() {
    let tcp = tcp4();
    let snap = behind(&SNAP, &tcp);
    let of = |link_type, bytes: &[u8]| whole(link_type, bytes).unwrap_err();
    let wifi = |control, more: &[u8]| of(LinkType::IEEE802_11, &wireless(control, more, &snap));
    assert_eq!(wifi([8, 0x40], &[]), Reason::Encrypted);
    assert_eq!(wifi([0x80, 0], &[]), Reason::NotIp, "a beacon");
    assert_eq!(wifi([0x48, 0], &[]), Reason::NotIp, "no data");
    let discovery = ethernet(0x8863, &behind(&[0x11, 9, 0, 0, 0, 0], &tcp));
    assert_eq!(of(LinkType::ETHERNET, &discovery), Reason::NotIp);
    let spanning_tree = ethernet(38, &[0x42; 46]);
    assert_eq!(of(LinkType::ETHERNET, &spanning_tree), Reason::NotIp);
    let channel = ethernet(0x8847, &[0, 1, 1, 9, 0x10, 0, 0, 7]);
    assert_eq!(of(LinkType::ETHERNET, &channel), Reason::NotIp);
    let can = [&[0; 14][..], &[0, 12], &tcp].concat();
    assert_eq!(of(LinkType::LINUX_SLL, &can), Reason::NotIp);
    assert_eq!(
        of(LinkType::PPP, &behind(&[0xc0, 0x21], &tcp)),
        Reason::NotIp
    );
    // Per-packet headers around each other for ever.
    let ppi = [0, 0, 8, 0, 192, 0, 0, 0].repeat(100);
    assert_eq!(of(LinkType::PPI, &ppi), Reason::TunnelDepth);
}
