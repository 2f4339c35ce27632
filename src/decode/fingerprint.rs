//! What tells a packet seen twice from two packets.

use std::hash::{DefaultHasher, Hasher};

use super::Packet;
use crate::capture::Frame;

/// A number that two copies of one packet share, for `packet` as decoded from `frame`.
///
/// A mirror port that copies both directions of every port shows a switched packet twice,
/// and two mirror ports on its way show it with another link header, a lower hop limit,
/// remarked service bits and so another header checksum. The number is of everything else:
/// the IP header, extension headers, the transport header, and the first 64 bytes of
/// payload as far as they were captured, without padding.
///
/// It is the innermost IP packet that is compared, which is the one that is counted. Two
/// switches that mirror it into tunnels of their own (ERSPAN, VXLAN) put different outer
/// headers with different sequence numbers around the copies, so that outer headers would
/// hide exactly the repetitions that remote mirroring makes.
///
/// The hash is SipHash with a fixed key: two given packets that differ collide with a
/// probability of 2⁻⁶⁴, and one packet with any of the 10,000 that a fast link carries in
/// a millisecond with one of 5 × 10⁻¹⁶. A sender that repeats a packet to the byte, without
/// an identification that tells the two apart, within the window of
/// comparison cannot be told from a mirror that does.
pub fn fingerprint(frame: &Frame<'_>, packet: &Packet) -> u64 {
    let start = usize::from(packet.ip_offset);
    let ip = frame.data.get(start..).unwrap_or_default();
    let end = usize::from(packet.payload_offset)
        .saturating_sub(start)
        .saturating_add(PAYLOAD_BYTES)
        .min(usize::try_from(packet.ip_bytes).unwrap_or(usize::MAX))
        .min(ip.len());
    let ip = ip.get(..end).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    if let Some((header, rest)) = ip.split_first_chunk::<40>()
        && header[0] >> 4 == 6
    {
        let mut header = *header;
        // Traffic class and hop limit; the flow label stays.
        header[0] = 0x60;
        header[1] &= 0x0f;
        header[7] = 0;
        hasher.write(&header);
        hasher.write(rest);
    } else if let Some((header, rest)) = ip.split_first_chunk::<20>() {
        let mut header = *header;
        header[1] = 0;
        header[8] = 0;
        header[10] = 0;
        header[11] = 0;
        hasher.write(&header);
        hasher.write(rest);
    }
    hasher.finish()
}

/// Payload bytes that are compared.
const PAYLOAD_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

    use etherparse::PacketBuilder;

    use super::*;
    use crate::capture::LinkType;
    use crate::decode::decode;
    use crate::time::Timestamp;

    fn of(link_type: LinkType, data: &[u8]) -> u64 {
        let frame = Frame {
            timestamp: Timestamp::ZERO,
            original_length: u32::try_from(data.len()).unwrap(),
            link_type,
            data,
        };
        fingerprint(&frame, &decode(&frame).unwrap())
    }

    fn raw(data: &[u8]) -> u64 {
        of(LinkType::RAW, data)
    }

    fn tcp(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 9], 64)
            .tcp(40_000, 443, 1_000, 512)
            .write(&mut bytes, payload)
            .unwrap();
        bytes
    }

    fn udp6() -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ipv6([1; 16], [2; 16], 64)
            .udp(1, 2)
            .write(&mut bytes, &[5; 100])
            .unwrap();
        bytes
    }

    #[test]
    fn what_a_hop_changes_makes_no_difference() {
        let packet = tcp(&[5; 100]);
        let mut copy = packet.clone();
        for (offset, byte) in [(1, 0xb8), (8, 63), (10, 1), (11, 2)] {
            copy[offset] = byte;
        }
        assert_eq!(raw(&packet), raw(&copy));
        let packet = udp6();
        let mut copy = packet.clone();
        for (offset, byte) in [(0, 0x6b), (1, 0x80), (7, 63)] {
            copy[offset] = byte;
        }
        assert_eq!(raw(&packet), raw(&copy));
    }

    #[test]
    fn every_other_byte_makes_a_difference_up_to_64_of_payload() {
        let changed = |packet: &[u8], offset: usize| {
            let mut copy = packet.to_vec();
            copy[offset] ^= 0x01;
            copy
        };
        let packet = tcp(&[5; 100]);
        // The version, the stated length and the data offset decide what is read at all.
        for offset in (4..8).chain(12..40 + 64).filter(|it| *it != 32) {
            assert_ne!(raw(&packet), raw(&changed(&packet, offset)), "{offset}");
        }
        let last = 40 + 64;
        assert_eq!(raw(&packet), raw(&changed(&packet, last)));
        let packet = udp6();
        for offset in (2..4).chain(8..48 + 64) {
            assert_ne!(raw(&packet), raw(&changed(&packet, offset)), "{offset}");
        }
    }

    #[test]
    fn links_tunnels_and_padding_make_none() {
        let packet = tcp(&[5; 4]);
        let frame = [&[2; 12][..], &[8, 0], &packet].concat();
        let padded = [&frame[..], &[0xee; 20]].concat();
        let tagged = [&[3; 12][..], &[0x81, 0, 0, 9, 8, 0], &packet].concat();
        let mut outer = packet[..20].to_vec();
        outer[9] = 4;
        outer[3] = 64;
        let tunnelled = [&outer[..], &packet].concat();
        for (link_type, copy) in [
            (LinkType::ETHERNET, frame),
            (LinkType::ETHERNET, padded),
            (LinkType::ETHERNET, tagged),
            (LinkType::RAW, tunnelled),
        ] {
            assert_eq!(of(link_type, &copy), raw(&packet));
        }
    }
}
