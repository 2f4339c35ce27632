//! Packets as another parser reads them.

use etherparse::{LaxNetSlice, LaxSlicedPacket, TcpHeader, TransportSlice};

use super::*;

pub(super) type Flow = ((IpAddr, u16), (IpAddr, u16));

#[derive(Clone, Copy)]
pub(super) struct Tcp {
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
}

pub(super) struct Read {
    pub(super) flow: Flow,
    pub(super) payload_bytes: u32,
    /// The captured part of the payload.
    pub(super) said: Vec<u8>,
    pub(super) tcp: Option<Tcp>,
}

/// Reads a packet with another parser, which checks lengths and checksums.
pub(super) fn read(record: &Record<'_>) -> Read {
    let packet = LaxSlicedPacket::from_ethernet(record.captured).unwrap();
    let (source, target, behind): (IpAddr, IpAddr, u32) = match packet.net.as_ref().unwrap() {
        LaxNetSlice::Ipv4(ip) => {
            let header = ip.header();
            assert_eq!(
                header.header_checksum(),
                header.to_header().calc_header_checksum()
            );
            let behind = u32::from(header.total_len()) - 20;
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                behind,
            )
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let behind = u32::from(header.payload_length());
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                behind,
            )
        }
        LaxNetSlice::Arp(_) => panic!("ARP"),
    };
    match packet.transport.as_ref().unwrap() {
        TransportSlice::Tcp(slice) => {
            let header = slice.to_header();
            let payload_bytes = behind - header.header_len() as u32;
            let said = slice.payload().to_vec();
            check_checksum(&header, source, target, payload_bytes, &said);
            let tcp = Tcp {
                sequence: header.sequence_number,
                acknowledgement: header.acknowledgment_number,
                syn: header.syn,
                ack: header.ack,
                fin: header.fin,
            };
            let flow = (
                (source, header.source_port),
                (target, header.destination_port),
            );
            Read {
                flow,
                payload_bytes,
                said,
                tcp: Some(tcp),
            }
        }
        TransportSlice::Udp(udp) => {
            assert_eq!(u32::from(udp.length()), behind);
            let flow = (
                (source, udp.source_port()),
                (target, udp.destination_port()),
            );
            Read {
                flow,
                payload_bytes: behind - 8,
                said: udp.payload().to_vec(),
                tcp: None,
            }
        }
        other => panic!("{other:?}"),
    }
}

/// Checks the checksum over a payload of which all that is not captured is zeros.
fn check_checksum(
    header: &TcpHeader,
    source: IpAddr,
    target: IpAddr,
    payload_bytes: u32,
    said: &[u8],
) {
    let mut payload = said.to_vec();
    payload.resize(payload_bytes as usize, 0);
    let checksum = match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            header.calc_checksum_ipv4_raw(source.octets(), target.octets(), &payload)
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            header.calc_checksum_ipv6_raw(source.octets(), target.octets(), &payload)
        }
        _ => panic!("two families"),
    };
    assert_eq!(header.checksum, checksum.unwrap());
}

pub(super) fn reversed(flow: Flow) -> Flow {
    (flow.1, flow.0)
}

/// Payload that went from one address to another, with its first and last moment.
pub(super) fn sent(capture: &[u8], asset: IpAddr, peer: IpAddr) -> (u64, u64, u64) {
    let mut seen = BTreeSet::new();
    let (mut bytes, mut first, mut last) = (0, 0, 0);
    for record in records(capture) {
        let packet = read(&record);
        let way = (packet.flow.0.0, packet.flow.1.0);
        if way != (asset, peer) || packet.payload_bytes == 0 {
            continue;
        }
        if seen.insert((packet.flow, packet.tcp.unwrap().sequence)) {
            bytes += u64::from(packet.payload_bytes);
        }
        first = if first == 0 { record.time } else { first };
        last = record.time;
    }
    (bytes, first, last)
}
