//! The transport layer: ports, header length and TCP's sequence facts.

use etherparse::{IpNumber, TcpHeader, UdpHeader};

use super::TcpSegment;
use super::span::Span;

/// What a transport header says, as far as it was captured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transport {
    /// Source and destination port.
    pub(super) ports: Option<(u16, u16)>,
    /// Bytes before the payload, captured or not; 0 where the protocol is not known.
    pub(super) header_bytes: u32,
    pub(super) tcp: Option<TcpSegment>,
}

/// Reads the header at the start of `segment`.
pub(super) fn read(protocol: u8, segment: Span<'_>) -> Transport {
    let (has_ports, header_bytes) = match IpNumber(protocol) {
        IpNumber::TCP => (
            true,
            stated_bytes(segment, TCP_DATA_OFFSET, TCP_HEADER_BYTES),
        ),
        IpNumber::UDP | IpNumber::UDP_LITE => (true, UDP_HEADER_BYTES),
        IpNumber::SCTP => (true, SCTP_HEADER_BYTES),
        IpNumber::DCCP => (
            true,
            stated_bytes(segment, DCCP_DATA_OFFSET, DCCP_HEADER_BYTES),
        ),
        IpNumber::ICMP | IpNumber::IPV6_ICMP => (false, ICMP_HEADER_BYTES),
        _ => (false, 0),
    };
    Transport {
        ports: ports(segment).filter(|_| has_ports),
        header_bytes,
        tcp: tcp_segment(segment).filter(|_| protocol == IpNumber::TCP.0),
    }
}

fn ports(segment: Span<'_>) -> Option<(u16, u16)> {
    Some((segment.u16(0)?, segment.u16(2)?))
}

/// The header length in words that TCP (RFC 9293 section 3.1, the upper half of a byte)
/// and DCCP (RFC 4340 section 5.1, a whole one) state, or the shortest header where that
/// was cut or cannot be true.
fn stated_bytes(segment: Span<'_>, offset: usize, shortest: u32) -> u32 {
    let byte = segment.byte(offset).unwrap_or(0);
    let words = if offset == TCP_DATA_OFFSET {
        byte >> 4
    } else {
        byte
    };
    let stated = u32::from(words).saturating_mul(4);
    if (shortest..=segment.wire_bytes).contains(&stated) {
        stated
    } else {
        shortest
    }
}

fn tcp_segment(segment: Span<'_>) -> Option<TcpSegment> {
    Some(TcpSegment {
        flags: segment.byte(TCP_FLAGS_OFFSET)?,
        sequence: segment.u32(TCP_SEQUENCE_OFFSET)?,
        acknowledgement: segment.u32(TCP_ACKNOWLEDGEMENT_OFFSET)?,
    })
}

/// Lengths of headers without options: of ICMP, type, code, checksum and the rest of the
/// first eight bytes.
const TCP_HEADER_BYTES: u32 = TcpHeader::MIN_LEN as u32;
const UDP_HEADER_BYTES: u32 = UdpHeader::LEN as u32;
const SCTP_HEADER_BYTES: u32 = 12;
const DCCP_HEADER_BYTES: u32 = 12;
const ICMP_HEADER_BYTES: u32 = 8;

/// Where headers have their fields.
const TCP_SEQUENCE_OFFSET: usize = 4;
const TCP_ACKNOWLEDGEMENT_OFFSET: usize = 8;
const TCP_DATA_OFFSET: usize = 12;
const TCP_FLAGS_OFFSET: usize = 13;
const DCCP_DATA_OFFSET: usize = 4;
