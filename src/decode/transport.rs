//! The transport layer: ports, header length and TCP's sequence facts.

use etherparse::{IpNumber, TcpHeader, UdpHeader};

use super::{TcpSegment, bytes_at};

/// What a transport header says, as far as it was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transport {
    /// Source and destination port.
    pub(super) ports: Option<(u16, u16)>,
    /// Bytes before the payload, captured or not; 0 where the protocol is not known.
    pub(super) header_bytes: u32,
    pub(super) tcp: Option<TcpSegment>,
}

/// Reads the header at the start of `segment`, of which `segment_bytes` were on the wire.
pub(super) fn read(protocol: u8, segment: &[u8], segment_bytes: u32) -> Transport {
    match IpNumber(protocol) {
        IpNumber::TCP => Transport {
            ports: ports(segment),
            header_bytes: tcp_header_bytes(segment, segment_bytes),
            tcp: tcp_segment(segment),
        },
        IpNumber::UDP => Transport {
            ports: ports(segment),
            header_bytes: UdpHeader::LEN as u32,
            tcp: None,
        },
        IpNumber::ICMP | IpNumber::IPV6_ICMP => Transport {
            ports: None,
            header_bytes: ICMP_HEADER_BYTES,
            tcp: None,
        },
        _ => Transport::default(),
    }
}

fn ports(segment: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = bytes_at(segment, 0)?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// The data offset, or the shortest header where it was cut or cannot be true
/// (RFC 9293 section 3.1).
fn tcp_header_bytes(segment: &[u8], segment_bytes: u32) -> u32 {
    let words = segment.get(TCP_DATA_OFFSET).map_or(0, |byte| byte >> 4);
    let stated = u32::from(words).saturating_mul(4);
    if (TCP_HEADER_BYTES..=segment_bytes).contains(&stated) {
        stated
    } else {
        TCP_HEADER_BYTES
    }
}

fn tcp_segment(segment: &[u8]) -> Option<TcpSegment> {
    let [flags] = bytes_at(segment, TCP_FLAGS_OFFSET)?;
    Some(TcpSegment {
        sequence: u32::from_be_bytes(bytes_at(segment, TCP_SEQUENCE_OFFSET)?),
        acknowledgement: u32::from_be_bytes(bytes_at(segment, TCP_ACKNOWLEDGEMENT_OFFSET)?),
        flags,
    })
}

/// Length of a TCP header without options.
const TCP_HEADER_BYTES: u32 = TcpHeader::MIN_LEN as u32;

/// Length of an ICMP header: type, code, checksum and the rest of the first eight bytes.
const ICMP_HEADER_BYTES: u32 = 8;

/// Where a TCP header has its fields.
const TCP_SEQUENCE_OFFSET: usize = 4;
const TCP_ACKNOWLEDGEMENT_OFFSET: usize = 8;
const TCP_DATA_OFFSET: usize = 12;
const TCP_FLAGS_OFFSET: usize = 13;
