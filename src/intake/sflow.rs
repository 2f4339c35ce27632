//! sFlow version 5: datagrams of samples to flow records.
//!
//! The format is that of <https://sflow.org/sflow_version_5.txt>. A sampled packet is read by
//! the decoder of captured frames, so that its payload, and what is in tunnels, is known
//! exactly; it stands for as many packets as its sample says. Counter samples are passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::capture::{Frame, LinkType};
use crate::decode::decode;
use crate::time::Timestamp;

use super::record::{FlowRecord, Sent, Unit};

/// What a datagram says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Which agent behind the address it is of: several may share one.
    pub(super) domain: u32,
    /// One more with each datagram of the agent.
    pub(super) sequence: u32,
}

/// What of a datagram is no flow record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest {
    /// Samples of formats that are not read: counters, and those of vendors.
    pub(super) others: u64,
    /// Samples of packets that are no IP packets, or are cut before their addresses.
    pub(super) unread: u64,
}

/// Samples in one datagram that are read.
const SAMPLES_MAX: u32 = 1_024;

/// Records of one sample that are read.
const RECORDS_MAX: u32 = 64;

/// Reads a datagram and hands its flow records to `out`. Returns nothing where it is damaged;
/// what was read before the damage was handed over.
pub(super) fn read(
    datagram: &[u8],
    header: &mut Option<Header>,
    rest: &mut Rest,
    out: &mut dyn FnMut(FlowRecord),
) -> Option<()> {
    let mut bytes = Xdr(datagram);
    if bytes.u32()? != VERSION {
        return None;
    }
    let agent = bytes.address()?;
    let sub_agent = bytes.u32()?;
    let sequence = bytes.u32()?;
    let _uptime = bytes.u32()?;
    *header = Some(Header {
        domain: mix(agent) ^ sub_agent,
        sequence,
    });
    let samples = bytes.u32()?;
    for _ in 0..samples.min(SAMPLES_MAX) {
        let format = bytes.u32()?;
        let mut sample = Xdr(bytes.opaque()?);
        match format {
            FLOW_SAMPLE => flow_sample(&mut sample, false, rest, out)?,
            EXPANDED_FLOW_SAMPLE => flow_sample(&mut sample, true, rest, out)?,
            _ => rest.others += 1,
        }
    }
    Some(())
}

/// A sample of one packet. Of the records about it the first that tells its addresses counts.
fn flow_sample(
    sample: &mut Xdr<'_>,
    is_expanded: bool,
    rest: &mut Rest,
    out: &mut dyn FnMut(FlowRecord),
) -> Option<()> {
    let _sequence = sample.u32()?;
    let source = match is_expanded {
        true => sample.u32()?.rotate_left(24) ^ sample.u32()?,
        false => sample.u32()?,
    };
    let rate = sample.u32()?;
    // The pool and what was dropped of it; the interfaces, in two words each if expanded.
    let skipped = if is_expanded { 6 } else { 4 };
    for _ in 0..skipped {
        sample.u32()?;
    }
    let records = sample.u32()?;
    let mut seen: Option<Seen> = None;
    for _ in 0..records.min(RECORDS_MAX) {
        let format = sample.u32()?;
        let mut record = Xdr(sample.opaque()?);
        if seen.is_none() {
            seen = match format {
                RAW_PACKET => raw_packet(&mut record),
                SAMPLED_IPV4 => sampled_ip(&mut record, false),
                SAMPLED_IPV6 => sampled_ip(&mut record, true),
                _ => None,
            };
        }
    }
    let Some(seen) = seen else {
        rest.unread += 1;
        return Some(());
    };
    out(FlowRecord {
        ends: seen.ends,
        ports: seen.ports,
        vlans: [seen.vlan; 2],
        protocol: seen.protocol,
        sent: [seen.sent, Sent::default()],
        age_ms: Some(0),
        duration_ms: 0,
        sampling: Some(rate.max(1)),
        ended: false,
        egress: None,
        place: source,
        unit: seen.unit,
    });
    Some(())
}

/// A packet that was sampled.
struct Seen {
    ends: [IpAddr; 2],
    ports: [u16; 2],
    vlan: Option<u16>,
    protocol: u8,
    sent: Sent,
    unit: Unit,
}

fn raw_packet(record: &mut Xdr<'_>) -> Option<Seen> {
    let link_type = match record.u32()? {
        1 => LinkType::ETHERNET,
        7 => LinkType::PPP,
        11 => LinkType::IPV4,
        12 => LinkType::IPV6,
        _ => return None,
    };
    let original_length = record.u32()?;
    // What was taken off before the sample, such as the frame check sequence.
    let _stripped = record.u32()?;
    let data = record.opaque()?;
    let frame = Frame {
        timestamp: Timestamp::ZERO,
        original_length: original_length.max(u32::try_from(data.len()).ok()?),
        link_type,
        data,
    };
    let packet = decode(&frame).ok()?;
    Some(Seen {
        ends: [packet.src_address(), packet.dst_address()],
        ports: [packet.src_port, packet.dst_port],
        vlan: packet.vlan(),
        protocol: packet.protocol,
        sent: Sent {
            bytes: packet.payload_bytes.into(),
            packets: 1,
        },
        unit: Unit::Payload,
    })
}

/// What an agent that sends no header says of a packet.
fn sampled_ip(record: &mut Xdr<'_>, is_v6: bool) -> Option<Seen> {
    let length = record.u32()?;
    let protocol = u8::try_from(record.u32()?).ok()?;
    let mut address = || match is_v6 {
        true => record.ipv6(),
        false => record.ipv4(),
    };
    let ends = [address()?, address()?];
    let mut port = || record.u32().and_then(|port| u16::try_from(port).ok());
    Some(Seen {
        ends,
        ports: [port()?, port()?],
        vlan: None,
        protocol,
        sent: Sent {
            bytes: length.into(),
            packets: 1,
        },
        unit: Unit::Ip,
    })
}

/// What is left of bytes in the external data representation (RFC 4506).
struct Xdr<'a>(&'a [u8]);

impl<'a> Xdr<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// Bytes of a stated length, and what fills them up to a multiple of four.
    fn opaque(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok()?;
        let (taken, rest) = self.0.split_at_checked(length)?;
        let filling = length.wrapping_neg() % 4;
        self.0 = rest.get(filling..).unwrap_or_default();
        Some(taken)
    }

    fn ipv4(&mut self) -> Option<IpAddr> {
        self.take().map(|bytes| Ipv4Addr::from_octets(bytes).into())
    }

    fn ipv6(&mut self) -> Option<IpAddr> {
        self.take().map(|bytes| Ipv6Addr::from_octets(bytes).into())
    }

    /// An address behind its type.
    fn address(&mut self) -> Option<IpAddr> {
        match self.u32()? {
            1 => self.ipv4(),
            2 => self.ipv6(),
            _ => None,
        }
    }
}

/// An address in 32 bits, to tell agents apart.
fn mix(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let words = v6.to_bits();
            (0..4).fold(0, |all, word| all ^ (words >> (word * 32)) as u32)
        }
    }
}

const VERSION: u32 = 5;

/// Formats of samples and records, those of the standard's own enterprise 0.
const FLOW_SAMPLE: u32 = 1;
const EXPANDED_FLOW_SAMPLE: u32 = 3;
const RAW_PACKET: u32 = 1;
const SAMPLED_IPV4: u32 = 3;
const SAMPLED_IPV6: u32 = 4;

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn opaque(format: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = words(&[format, body.len() as u32]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// A TCP segment with 1,000 bytes of payload in Ethernet, of which 60 bytes were sampled.
    fn frame() -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(1_040u16.to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 8, 8, 8, 8]);
        frame.extend([0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18]);
        frame.extend([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        frame
    }

    pub(in crate::intake) fn datagram(sequence: u32, rate: u32) -> Vec<u8> {
        let frame = frame();
        let mut raw = words(&[1, 1_058, 4, frame.len() as u32]);
        raw.extend(&frame);
        let mut sample = words(&[7, 3, rate, 9_000, 0, 3, 4, 2]);
        // A record of a format that is not read goes before it.
        sample.extend(opaque(1_001, &[0; 16]));
        sample.extend(opaque(RAW_PACKET, &raw));
        let mut bytes = words(&[5, 1, 0xc000_0201, 0, sequence, 1_000, 2]);
        bytes.extend(opaque(2, &[0; 8]));
        bytes.extend(opaque(FLOW_SAMPLE, &sample));
        bytes
    }

    fn read_all(bytes: &[u8]) -> (Option<()>, Option<Header>, Rest, Vec<FlowRecord>) {
        let (mut header, mut rest, mut records) = (None, Rest::default(), Vec::new());
        let done = read(bytes, &mut header, &mut rest, &mut |record| {
            records.push(record)
        });
        (done, header, rest, records)
    }

    #[test]
    fn a_sampled_packet_tells_its_payload_and_for_how_many_it_stands() {
        let (done, header, rest, records) = read_all(&datagram(9, 2_048));
        assert_eq!(done.and(header).map(|header| header.sequence), Some(9));
        assert_eq!((rest.others, rest.unread), (1, 0));
        let [record] = records[..] else { panic!() };
        assert_eq!(record.ends[1], IpAddr::from([8, 8, 8, 8]));
        assert_eq!((record.ports, record.protocol), ([40_000, 443], 6));
        assert_eq!(
            (record.payload_bytes(0), record.sampling),
            (1_000, Some(2_048))
        );
    }

    #[test]
    fn expanded_samples_and_addresses_without_a_header_are_read() {
        let mut ip = words(&[1_048, 17, 0x0a00_0001, 0x0808_0808, 5_000, 53, 0, 0]);
        ip.extend([0; 4]);
        let mut sample = words(&[7, 0, 3, 100, 9_000, 0, 0, 3, 0, 4, 1]);
        sample.extend(opaque(SAMPLED_IPV4, &ip));
        let mut bytes = words(&[5, 2, 0, 0, 0, 1, 1, 2, 3, 1]);
        bytes.extend(opaque(EXPANDED_FLOW_SAMPLE, &sample));
        let (done, _, _, records) = read_all(&bytes);
        assert!(done.is_some());
        assert_eq!(records[0].payload_bytes(0), 1_020);
        assert_eq!(
            (records[0].ports, records[0].sampling),
            ([5_000, 53], Some(100))
        );
    }

    #[test]
    fn lying_lengths_and_counts_end_the_datagram_and_nothing_else() {
        let whole = datagram(1, 10);
        for cut in 0..whole.len() {
            let (_, _, _, records) = read_all(&whole[..cut]);
            assert!(records.is_empty(), "{cut}");
        }
        let mut many = whole.clone();
        many[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
        let (done, _, _, records) = read_all(&many);
        assert_eq!((done, records.len()), (None, 1));
        let mut long = whole;
        long[32..36].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(read_all(&long).0, None);
    }

    proptest! {
        #[test]
        fn no_datagram_panics(at in 0usize..300, by in any::<[u8; 4]>(),
                              other in prop::collection::vec(any::<u8>(), 0..200)) {
            read_all(&other);
            let mut bytes = datagram(1, 2);
            let at = at % (bytes.len() - 4);
            bytes[at..at + 4].copy_from_slice(&by);
            read_all(&bytes);
        }
    }
}
