//! The path for usual frames against the one for all.

use super::*;

/// What each path writes, over whatever stood there.
pub(super) fn by_fast_path(frame: &Frame<'_>) -> Option<Packet> {
    let mut packet = written_all_over();
    let before = packet;
    let read = fast::read(frame, &mut packet);
    assert!(read.is_some() || packet == before);
    read.map(|()| packet)
}

pub(super) fn by_general_path(frame: &Frame<'_>) -> Result<Packet, Reason> {
    let mut packet = written_all_over();
    let before = packet;
    let read = general::read(*frame, &mut packet, &mut Sightings::default());
    assert!(read.is_ok() || packet == before);
    read.map(|()| packet)
}

/// A packet none of whose fields may be left as it is.
fn written_all_over() -> Packet {
    Packet {
        src: u128::MAX,
        dst: u128::MAX,
        timestamp: Timestamp::from_nanos(u64::MAX),
        wire_bytes: u32::MAX,
        ip_bytes: u32::MAX,
        payload_bytes: u32::MAX,
        sequence: u32::MAX,
        acknowledgement: u32::MAX,
        tunnel: TunnelPath(u32::MAX),
        src_port: u16::MAX,
        dst_port: u16::MAX,
        vlan_id: u16::MAX,
        ip_offset: u16::MAX,
        payload_offset: u16::MAX,
        protocol: u8::MAX,
        tcp_flags: u8::MAX,
        facts: Facts(u8::MAX),
    }
}

#[test]
fn the_usual_frames_take_the_fast_path() {
    let is_fast = |bytes: &[u8]| by_fast_path(&frame(LinkType::ETHERNET, bytes, 0)).is_some();
    assert!(is_fast(&ethernet(0x0800, &tcp4())));
    assert!(is_fast(&ethernet(0x8100, &tag(7, 0x0800, &tcp4()))));
    let twice = tag(7, 0x8100, &tag(8, 0x0800, &tcp4()));
    assert!(is_fast(&ethernet(0x88a8, &twice)));
    let thrice = tag(6, 0x8100, &twice);
    assert!(!is_fast(&ethernet(0x8100, &thrice)));
}
