//! Packets as bytes: Ethernet, IP, TCP, UDP and ICMP headers, and the capture file around them.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::time::{NANOS_PER_SECOND, Timestamp};

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) mac: [u8; 6],
    pub(super) ip: IpAddr,
    pub(super) port: u16,
    /// Time to live (IPv6: hop limit) with which its packets pass the tap.
    pub(super) hops: u8,
}

/// The TCP header fields that differ from packet to packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TcpFields {
    pub(super) flags: u8,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    /// Timestamp value and echo (RFC 7323), milliseconds, where the ends agreed on them.
    pub(super) stamps: Option<[u32; 2]>,
}

/// An echo message of ICMP (RFC 792).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EchoFields {
    pub(super) is_request: bool,
    pub(super) identifier: u16,
    pub(super) number: u16,
}

/// What stands behind the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp(TcpFields),
    Udp,
    /// Over IPv4 only.
    Echo(EchoFields),
}

/// A packet to be written. All its payload is counted in the lengths; captured is what a
/// conversation begins with, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketOut<'a> {
    pub(super) from: &'a Endpoint,
    pub(super) to: &'a Endpoint,
    pub(super) transport: Transport,
    /// Bytes behind the transport header.
    pub(super) payload_bytes: u32,
    /// The first of them, as far as they are captured.
    pub(super) payload: &'a [u8],
    /// IPv4 identification or IPv6 flow label.
    pub(super) label: u32,
}

/// Writes a capture in the classic pcap format with nanosecond time stamps.
///
/// Format: <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html>.
#[derive(Debug)]
pub(super) struct PcapWriter<W> {
    output: W,
    /// The captured part of the packet that is being written.
    captured: Vec<u8>,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header.
    pub(super) fn new(mut output: W) -> io::Result<Self> {
        output.write_all(&MAGIC_NANOSECONDS.to_le_bytes())?;
        output.write_all(&[2, 0, 4, 0])?;
        output.write_all(&[0; 8])?;
        output.write_all(&SNAP_LENGTH.to_le_bytes())?;
        output.write_all(&LINKTYPE_ETHERNET.to_le_bytes())?;
        Ok(Self {
            output,
            captured: Vec::with_capacity(SNAP_LENGTH as usize),
        })
    }

    /// Writes one packet and returns its length on the wire.
    pub(super) fn write(&mut self, time: Timestamp, packet: &PacketOut<'_>) -> io::Result<u32> {
        self.captured.clear();
        write_headers(&mut self.captured, packet);
        let wire = self.captured.len() as u32 + packet.payload_bytes;
        self.captured.extend_from_slice(packet.payload);
        let captured = self.captured.len() as u32;
        let nanos = time.as_nanos();
        self.output
            .write_all(&((nanos / NANOS_PER_SECOND) as u32).to_le_bytes())?;
        self.output
            .write_all(&((nanos % NANOS_PER_SECOND) as u32).to_le_bytes())?;
        self.output.write_all(&captured.to_le_bytes())?;
        self.output.write_all(&wire.to_le_bytes())?;
        self.output.write_all(&self.captured)?;
        Ok(wire)
    }

    /// Hands everything to the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn write_headers(out: &mut Vec<u8>, packet: &PacketOut<'_>) {
    let (from, to) = (packet.from, packet.to);
    out.extend_from_slice(&to.mac);
    out.extend_from_slice(&from.mac);
    let protocol = match packet.transport {
        Transport::Tcp(_) => PROTOCOL_TCP,
        Transport::Udp => PROTOCOL_UDP,
        Transport::Echo(_) => PROTOCOL_ICMP,
    };
    let transport_bytes = packet.transport.header_bytes() + packet.payload_bytes;
    let mut sum = Checksum::default();
    match (from.ip, to.ip) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            out.extend_from_slice(&[0x08, 0x00]);
            let start = out.len();
            let total = (20 + transport_bytes) as u16;
            out.extend_from_slice(&[0x45, 0]);
            out.extend_from_slice(&total.to_be_bytes());
            out.extend_from_slice(&(packet.label as u16).to_be_bytes());
            // Don't Fragment is set, as Path MTU Discovery wants it.
            out.extend_from_slice(&[0x40, 0, from.hops, protocol, 0, 0]);
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&target.octets());
            let mut header = Checksum::default();
            header.add(out.get(start..).unwrap_or_default());
            patch(out, start + 10, header.finish());
            sum.add(&source.octets());
            sum.add(&target.octets());
        }
        (source, target) => {
            let [source, target] = [source, target].map(ipv6_octets);
            out.extend_from_slice(&[0x86, 0xdd]);
            let first = 0x6000_0000 | (packet.label & 0x000f_ffff);
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&(transport_bytes as u16).to_be_bytes());
            out.extend_from_slice(&[protocol, from.hops]);
            out.extend_from_slice(&source);
            out.extend_from_slice(&target);
            sum.add(&source);
            sum.add(&target);
        }
    }
    sum.add(&[0, protocol]);
    sum.add(&(transport_bytes as u16).to_be_bytes());
    write_transport(out, packet, transport_bytes, sum);
}

/// Writes the TCP, UDP or ICMP header. Its checksum takes what is not captured of the payload
/// for zeros, since there is nothing against which another could be checked.
fn write_transport(out: &mut Vec<u8>, packet: &PacketOut<'_>, length: u32, mut sum: Checksum) {
    let start = out.len();
    if let Transport::Echo(echo) = packet.transport {
        write_echo(out, echo);
        return;
    }
    out.extend_from_slice(&packet.from.port.to_be_bytes());
    out.extend_from_slice(&packet.to.port.to_be_bytes());
    let checksum_at = match packet.transport {
        Transport::Tcp(tcp) => {
            let segment_bytes_max = if packet.from.ip.is_ipv4() {
                1_460
            } else {
                1_440
            };
            write_tcp(out, tcp, segment_bytes_max);
            start + 16
        }
        _ => {
            out.extend_from_slice(&(length as u16).to_be_bytes());
            out.extend_from_slice(&[0, 0]);
            start + 6
        }
    };
    sum.add(out.get(start..).unwrap_or_default());
    sum.add(packet.payload);
    patch(out, checksum_at, sum.finish());
}

fn write_tcp(out: &mut Vec<u8>, tcp: TcpFields, segment_bytes_max: u16) {
    let words = (Transport::Tcp(tcp).header_bytes() / 4) as u8;
    out.extend_from_slice(&tcp.sequence.to_be_bytes());
    out.extend_from_slice(&tcp.acknowledgement.to_be_bytes());
    out.extend_from_slice(&[words << 4, tcp.flags]);
    out.extend_from_slice(&WINDOW.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    if tcp.flags & SYN != 0 {
        // Maximum segment size, then selective acknowledgements permitted.
        out.extend_from_slice(&[2, 4]);
        out.extend_from_slice(&segment_bytes_max.to_be_bytes());
        out.extend_from_slice(&[4, 2]);
    } else if tcp.stamps.is_some() {
        out.extend_from_slice(&[1, 1]);
    }
    if let Some([value, echo]) = tcp.stamps {
        out.extend_from_slice(&[8, 10]);
        out.extend_from_slice(&value.to_be_bytes());
        out.extend_from_slice(&echo.to_be_bytes());
    } else if tcp.flags & SYN != 0 {
        out.extend_from_slice(&[1, 1]);
    }
    if tcp.flags & SYN != 0 {
        // No operation, then a window scale of 7.
        out.extend_from_slice(&[1, 3, 3, 7]);
    }
}

/// Its checksum too is that of a payload of zeros.
fn write_echo(out: &mut Vec<u8>, echo: EchoFields) {
    let mut header = [0; 8];
    header[0] = if echo.is_request { 8 } else { 0 };
    header[4..6].copy_from_slice(&echo.identifier.to_be_bytes());
    header[6..].copy_from_slice(&echo.number.to_be_bytes());
    let mut sum = Checksum::default();
    sum.add(&header);
    header[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    out.extend_from_slice(&header);
}

impl Transport {
    const fn header_bytes(self) -> u32 {
        match self {
            Self::Tcp(tcp) => {
                let options = match (tcp.flags & SYN != 0, tcp.stamps) {
                    (true, Some(_)) => 20,
                    (true, None) | (false, Some(_)) => 12,
                    (false, None) => 0,
                };
                20 + options
            }
            Self::Udp | Self::Echo(_) => 8,
        }
    }
}

fn ipv6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn patch(out: &mut [u8], at: usize, value: u16) {
    for (byte, new) in out.iter_mut().skip(at).zip(value.to_be_bytes()) {
        *byte = new;
    }
}

/// The Internet checksum (RFC 1071) over pieces of even length, but for the last.
#[derive(Clone, Copy, Debug, Default)]
struct Checksum(u32);

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            self.0 += u32::from(u16::from_be_bytes([pair[0], low]));
        }
    }

    fn finish(self) -> u16 {
        let folded = (self.0 & 0xffff) + (self.0 >> 16);
        !((folded & 0xffff) + (folded >> 16)) as u16
    }
}

/// Synchronise sequence numbers (RFC 9293 section 3.1).
pub(super) const SYN: u8 = 0x02;
/// No more data from the sender.
pub(super) const FIN: u8 = 0x01;
/// Reset the connection.
pub(super) const RST: u8 = 0x04;
/// Push.
pub(super) const PSH: u8 = 0x08;
/// The acknowledgement field is significant.
pub(super) const ACK: u8 = 0x10;

const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET: u32 = 1;
/// A frame of full size on Ethernet: the longest of which all is captured.
const SNAP_LENGTH: u32 = 1_514;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_ICMP: u8 = 1;
/// Receive window before scaling by 7 bits: 4 MiB.
const WINDOW: u16 = 32_768;
