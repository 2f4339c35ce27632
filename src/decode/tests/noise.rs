//! Bytes that nobody has meant, and captures of others, held against etherparse.

use super::fast_path::{by_fast_path, by_general_path};
use super::*;

pub(super) fn assert_sound(packet: &Packet, frame: &Frame<'_>) {
    if let Some(fast) = by_fast_path(frame) {
        assert_eq!(Ok(fast), by_general_path(frame));
    }
    // Of no payload it is only told where it would begin: behind a header that may be cut.
    let end = u32::from(packet.payload_offset).saturating_add(packet.payload_bytes);
    assert!(
        end <= packet.wire_bytes || packet.ip_bytes < 60 || packet.payload_bytes == 0,
        "{packet:?}"
    );
    assert!(packet.payload_bytes <= packet.ip_bytes, "{packet:?}");
    assert!(packet.ip_bytes <= packet.wire_bytes, "{packet:?}");
    assert!(packet.wire_bytes >= frame.original_length, "{packet:?}");
    assert!(packet.tcp().is_none() || packet.protocol == 6, "{packet:?}");
    assert!(
        packet.has_ports() || (packet.src_port, packet.dst_port) == (0, 0),
        "{packet:?}"
    );
}

proptest! {
    #[test]
    fn noise_of_every_link_type_is_sound(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        original_length in any::<u32>(),
    ) {
        for link_type in link_types() {
            let frame = Frame { original_length, ..frame(link_type, &data, 0) };
            if let Ok(packet) = decode(&frame) {
                assert_sound(&packet, &frame);
            }
        }
    }

    #[test]
    fn packets_with_bytes_changed_are_sound(
        sample in 0..16usize,
        changes in proptest::collection::vec((0..90usize, any::<u8>()), 0..6),
        original_length in prop_oneof![Just(0u32), 0..400u32, any::<u32>()],
    ) {
        let (_, link_type, mut data, _) = samples().swap_remove(sample);
        for (offset, byte) in changes {
            if let Some(place) = data.get_mut(offset) {
                *place = byte;
            }
        }
        let frame = Frame { original_length, ..frame(link_type, &data, 0) };
        if let Ok(packet) = decode(&frame) {
            assert_sound(&packet, &frame);
        }
    }
}

/// Holds a packet of a real capture against etherparse's own reading of the whole frame,
/// where that got as far as a transport header.
pub(super) fn assert_agrees(packet: &Packet, frame: &Frame<'_>) -> bool {
    let lax = match frame.link_type {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(frame.data).ok(),
        LinkType::RAW_DLT => LaxSlicedPacket::from_ip(frame.data).ok(),
        _ => None,
    };
    let Some(lax) = lax else { return false };
    if !packet.tunnel.is_empty() {
        return false;
    }
    let (src, dst) = match lax.net {
        Some(LaxNetSlice::Ipv4(ip)) if ip.extensions().auth.is_none() => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        Some(LaxNetSlice::Ipv6(ip)) => (
            ip.header().source_addr().into(),
            ip.header().destination_addr().into(),
        ),
        _ => return false,
    };
    assert_eq!((packet.src_address(), packet.dst_address()), (src, dst));
    let (ports, payload) = match &lax.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let Some(segment) = packet.tcp() else {
                return false;
            };
            assert_eq!(segment.sequence, tcp.sequence_number());
            assert_eq!(segment.acknowledgement, tcp.acknowledgment_number());
            assert_eq!(
                (segment.has(TcpSegment::SYN), segment.has(TcpSegment::ACK)),
                (tcp.syn(), tcp.ack())
            );
            (
                (tcp.source_port(), tcp.destination_port()),
                Some(tcp.payload().len()),
            )
        }
        // etherparse cuts the payload by the length in the UDP header.
        Some(TransportSlice::Udp(udp)) => ((udp.source_port(), udp.destination_port()), None),
        _ => return false,
    };
    assert!(packet.has_ports());
    assert_eq!((packet.src_port, packet.dst_port), ports);
    if let Some(payload) = payload.filter(|_| frame.data.len() as u32 == frame.original_length) {
        assert_eq!(packet.payload_bytes as usize, payload, "{packet:?}");
    }
    true
}

#[test]
fn captures_of_other_projects_are_read_soundly() {
    let mut files = Vec::new();
    collect(Path::new("../shared/captures"), &mut files);
    if files.is_empty() {
        eprintln!("skipped: there are no captures at ../shared/captures");
        return;
    }
    let (mut frames, mut packets, mut compared) = (0u64, 0u64, 0u64);
    for path in files {
        let Ok(mut source) = FileSource::open(&path) else {
            continue;
        };
        while let Ok(Some(frame)) = source.next_frame() {
            frames += 1;
            let Ok(packet) = decode(&frame) else { continue };
            packets += 1;
            assert_sound(&packet, &frame);
            compared += u64::from(assert_agrees(&packet, &frame));
        }
    }
    eprintln!("{frames} frames, {packets} packets, {compared} compared with etherparse");
    assert!(packets > 0 && packets <= frames);
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
