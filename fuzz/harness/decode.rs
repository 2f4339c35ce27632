//! Any bytes as one frame.
//!
//! Byte 0 chooses the link type, bytes 1 and 2 say how much longer the frame was on the
//! wire than what was captured, byte 3 where it is cut once more. The rest is the frame.

use borderflow::capture::{Frame, LinkType};
use borderflow::decode::{Facts, Fragment, Packet, decode, fingerprint};
use borderflow::time::Timestamp;

/// Decodes the frame and holds the packet against what every packet promises.
pub fn run(bytes: &[u8]) {
    let Some((head, data)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return;
    };
    let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let frame = Frame {
        timestamp: Timestamp::from_nanos(1),
        original_length: original_length(captured, head[1], head[2]),
        link_type: LINK_TYPES[usize::from(head[0]) % LINK_TYPES.len()],
        data,
    };
    let result = decode(&frame);
    assert_eq!(result, decode(&frame), "decoded twice");
    let Ok(packet) = result else { return };
    assert!(frame.link_type.is_supported());
    check_lengths(&frame, &packet);
    check_facts(&packet);
    check_fingerprint(&frame, &packet);
    let kept = data.len() * usize::from(head[3]) / 256;
    check_cut(&frame, &packet, kept);
}

/// A frame of which nothing was cut, or some, or of which the record lies.
fn original_length(captured: u32, how: u8, by: u8) -> u32 {
    match how % 4 {
        0 => captured,
        1 => captured + u32::from(by),
        2 => captured.saturating_sub(by.into()),
        _ => u32::from(how) << 24 | u32::from(by) << 8,
    }
}

fn check_lengths(frame: &Frame<'_>, packet: &Packet) {
    let captured = u32::try_from(frame.data.len()).unwrap();
    assert_eq!(packet.timestamp, frame.timestamp);
    assert_eq!(packet.wire_bytes, frame.original_length.max(captured));
    assert!(packet.ip_bytes <= packet.wire_bytes, "{packet:?}");
    assert!(packet.payload_bytes <= packet.ip_bytes, "{packet:?}");
    assert!(
        u32::from(packet.ip_offset) < captured.max(1),
        "an IP header outside of the frame: {packet:?}"
    );
    assert!(packet.payload_offset >= packet.ip_offset, "{packet:?}");
    assert!(packet.vlan_id < 4_096, "{packet:?}");
    if packet.ip_offset < u16::MAX && packet.payload_offset < u16::MAX {
        let headers = u32::from(packet.payload_offset - packet.ip_offset);
        let all = headers + packet.payload_bytes;
        assert!(
            packet.payload_bytes == 0 || all == packet.ip_bytes,
            "headers and payload are not the packet: {packet:?}"
        );
    }
}

fn check_facts(packet: &Packet) {
    let fragment = packet.fragment();
    let has = |fact| packet.facts.has(fact);
    assert!(!(has(Facts::FIRST_FRAGMENT) && has(Facts::LATER_FRAGMENT)));
    if !packet.has_ports() {
        assert_eq!((packet.src_port, packet.dst_port), (0, 0), "{packet:?}");
    }
    if has(Facts::TCP) {
        // A first fragment has its TCP header, but no sequence number.
        assert!(packet.protocol == 6 && fragment != Fragment::Later);
        assert!(packet.has_ports());
        assert!(packet.tcp().is_some());
    }
    match fragment {
        Fragment::Later => assert!(!packet.has_ports() && packet.tcp_flags == 0, "{packet:?}"),
        Fragment::Whole if !has(Facts::TCP) => {
            assert_eq!((packet.sequence, packet.tcp_flags), (0, 0), "{packet:?}");
        }
        Fragment::Whole | Fragment::First => {}
    }
    if !has(Facts::IPV6) {
        assert_eq!((packet.src >> 32, packet.dst >> 32), (0xffff, 0xffff));
        assert!(packet.src_address().is_ipv4() && packet.dst_address().is_ipv4());
    }
}

/// What a router changes on the way makes no other packet.
fn check_fingerprint(frame: &Frame<'_>, packet: &Packet) {
    let number = fingerprint(frame, packet);
    if packet.ip_offset == u16::MAX {
        return;
    }
    let hop_limit = if packet.facts.has(Facts::IPV6) { 7 } else { 8 };
    let mut data = frame.data.to_vec();
    let Some(byte) = data.get_mut(usize::from(packet.ip_offset) + hop_limit) else {
        return;
    };
    *byte = byte.wrapping_sub(1);
    let routed = Frame {
        data: &data,
        ..*frame
    };
    assert_eq!(decode(&routed).as_ref(), Ok(packet), "one hop further");
    assert_eq!(fingerprint(&routed, packet), number, "one hop further");
}

/// A snap length takes from what is captured, not from what is counted.
fn check_cut(frame: &Frame<'_>, whole: &Packet, kept: usize) {
    let cut = Frame {
        original_length: whole.wire_bytes,
        data: &frame.data[..kept],
        ..*frame
    };
    let Ok(packet) = decode(&cut) else { return };
    check_lengths(&cut, &packet);
    check_facts(&packet);
    assert_eq!(packet.wire_bytes, whole.wire_bytes);
    if packet.tunnel == whole.tunnel && packet.ip_offset == whole.ip_offset {
        let counted = |it: &Packet| (it.src, it.dst, it.ip_bytes);
        assert_eq!(counted(&packet), counted(whole), "cut to {kept} bytes");
    }
}

/// Bytes before the frame.
pub const HEAD_BYTES: usize = 4;

/// The link types that are read; of RAW one of its two other numbers.
pub const LINK_TYPES: [LinkType; 23] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::TOKEN_RING,
    LinkType::PPP,
    LinkType::FDDI,
    LinkType::RAW_DLT,
    LinkType::PPP_SERIAL,
    LinkType::PPP_ETHER,
    LinkType::ATM_RFC1483,
    LinkType::RAW,
    LinkType::CISCO_HDLC,
    LinkType::IEEE802_11,
    LinkType::FRAME_RELAY,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::PRISM,
    LinkType::RADIOTAP,
    LinkType::AVS,
    LinkType::PPI,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::LINUX_SLL2,
];
