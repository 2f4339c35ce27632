//! What a flow record says, in whatever format it came.

use std::net::IpAddr;

/// A flow as an exporter tells of it. Times are differences by the exporter's own clock, so
/// that it does not matter how wrong that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowRecord {
    /// Who sent and who received.
    pub(super) ends: [IpAddr; 2],
    /// Their ports, 0 where there are none.
    pub(super) ports: [u16; 2],
    /// VLANs, of the side of each where it is told.
    pub(super) vlans: [Option<u16>; 2],
    /// IANA protocol number.
    pub(super) protocol: u8,
    /// What the first end sent, and what the second one did where the record tells of both
    /// directions (RFC 5103).
    pub(super) sent: [Sent; 2],
    /// Milliseconds from the last packet to the export; nothing where that cannot be told.
    pub(super) age_ms: Option<u64>,
    /// Milliseconds from the first packet to the last.
    pub(super) duration_ms: u64,
    /// Packets of which one was counted, where the record or its exporter says so.
    pub(super) sampling: Option<u32>,
    /// Whether the flow is over, as far as the record tells.
    pub(super) ended: bool,
    /// Whether it was seen on its way out (IPFIX flowDirection, IE 61), where that is told.
    pub(super) egress: Option<bool>,
    /// What place of the exporter tells of it: the source of a sample, else 0.
    pub(super) place: u32,
    /// What the bytes are of.
    pub(super) unit: Unit,
}

/// What one end of a flow sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Bytes.
    pub(super) bytes: u64,
    /// Packets.
    pub(super) packets: u64,
}

/// What bytes of a record are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// IP packets with their headers, as in NetFlow and IPFIX.
    Ip,
    /// Payload alone.
    Payload,
}

impl FlowRecord {
    /// Payload bytes that the first end sent, or the second: a lower bound where the record
    /// counts IP packets, as the least headers of each are taken off. Those of TCP are taken
    /// with the timestamps that nearly all senders add, so that acknowledgements alone, of
    /// which a download sends millions, come to nothing.
    pub(super) fn payload_bytes(&self, end: usize) -> u64 {
        let Some(sent) = self.sent.get(end) else {
            return 0;
        };
        match self.unit {
            Unit::Payload => sent.bytes,
            Unit::Ip => {
                let headers = sent.packets.saturating_mul(self.header_bytes());
                sent.bytes.saturating_sub(headers)
            }
        }
    }

    /// Bytes of the headers that each packet has at least.
    const fn header_bytes(&self) -> u64 {
        let ip = match self.ends[0] {
            IpAddr::V4(_) => 20,
            IpAddr::V6(_) => 40,
        };
        ip + match self.protocol {
            TCP => TCP_HEADER_BYTES,
            UDP | ICMP | ICMPV6 => 8,
            _ => 0,
        }
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// A TCP header (RFC 9293) with timestamps (RFC 7323) and what aligns them.
const TCP_HEADER_BYTES: u64 = 20 + 12;

/// For how long a flow must have been silent when it was exported for that to be why.
const IDLE_MS: u64 = 5_000;

/// Whether a flow is over of which the exporter does not say why it was exported: it said so
/// itself, or was silent for a while before.
pub(super) fn has_ended(tcp_flags: u16, age_ms: Option<u64>) -> bool {
    const FIN_OR_RST: u16 = 0b101;
    tcp_flags & FIN_OR_RST != 0 || age_ms.is_none_or(|age| age >= IDLE_MS)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A flow of home to abroad.
    pub(in crate::intake) fn record(bytes: u64, packets: u64) -> FlowRecord {
        FlowRecord {
            ends: [[10, 0, 0, 1].into(), [8, 8, 8, 8].into()],
            ports: [40_000, 443],
            vlans: [None; 2],
            protocol: TCP,
            sent: [Sent { bytes, packets }, Sent::default()],
            age_ms: Some(0),
            duration_ms: 0,
            sampling: None,
            ended: true,
            egress: None,
            place: 0,
            unit: Unit::Ip,
        }
    }

    #[test]
    fn headers_are_no_payload_and_acknowledgements_come_to_nothing() {
        assert_eq!(record(1_052, 1).payload_bytes(0), 1_000);
        assert_eq!(record(52 * 9, 9).payload_bytes(0), 0);
        assert_eq!(record(40 * 9, 9).payload_bytes(0), 0);
        let udp = FlowRecord {
            protocol: UDP,
            ends: [[0xfc00, 0, 0, 0, 0, 0, 0, 1].into(), [8, 8, 8, 8].into()],
            ..record(1_048, 1)
        };
        assert_eq!(udp.payload_bytes(0), 1_000);
        let sampled = FlowRecord {
            unit: Unit::Payload,
            ..udp
        };
        assert_eq!(
            (sampled.payload_bytes(0), sampled.payload_bytes(1)),
            (1_048, 0)
        );
    }
}
