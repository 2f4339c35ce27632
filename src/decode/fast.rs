//! The fast path: the frames that most links carry most of the time.
//!
//! Ethernet, at most two VLAN tags, IPv4 without options or IPv6 without extension
//! headers, not fragmented, then TCP or UDP, all headers captured and all that they state
//! on the wire. The fields stand at fixed offsets. Whatever else a frame is, the general
//! path reads it; on these frames it reads the same, which the tests hold against each
//! other.
//!
//! A frame without tags and of IPv4 is read in its caller's loop; each other one costs a
//! call.

use super::span::{place, wire_bytes};
use super::tunnel::is_read_behind;
use super::{Facts, Packet, TunnelPath, ip};
use crate::capture::{Frame, LinkType};

/// Reads a frame into `packet`, if it is one of those. Else `packet` stays as it is.
#[inline(always)]
pub(super) fn read(frame: &Frame<'_>, packet: &mut Packet) -> Option<()> {
    if frame.link_type != LinkType::ETHERNET {
        return None;
    }
    let (link, network) = frame.data.split_first_chunk::<14>()?;
    if [link[12], link[13]] == IPV4 {
        return ipv4(frame, network, Link::default(), packet);
    }
    uncommon(*frame, packet)
}

/// The frames of this path with tags, or of IPv6.
#[inline(never)]
fn uncommon(frame: Frame<'_>, packet: &mut Packet) -> Option<()> {
    let (link, mut network) = frame.data.split_first_chunk::<14>()?;
    let mut ether_type = [link[12], link[13]];
    let mut around = Link::default();
    for _ in 0..TAGS_MAX {
        if !is_common_tag(ether_type) {
            break;
        }
        let (tag, behind) = network.split_first_chunk::<4>()?;
        if around.vlan_id == 0 {
            around.vlan_id = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
        }
        around.tags_bytes = around.tags_bytes.saturating_add(4);
        ether_type = [tag[2], tag[3]];
        network = behind;
    }
    match ether_type {
        IPV4 => ipv4(&frame, network, around, packet),
        IPV6 => ipv6(&frame, network, around, packet),
        _ => None,
    }
}

/// What stands before the IP header, besides the addresses and an EtherType.
#[derive(Clone, Copy, Default)]
struct Link {
    tags_bytes: u32,
    vlan_id: u16,
}

/// What an IP header says.
#[derive(Clone, Copy)]
struct Ip {
    src: u128,
    dst: u128,
    stated_bytes: u32,
    header_bytes: u32,
    protocol: u8,
    facts: Facts,
}

#[inline(always)]
fn ipv4(frame: &Frame<'_>, network: &[u8], link: Link, packet: &mut Packet) -> Option<()> {
    let (header, segment) = network.split_first_chunk::<20>()?;
    let stated_bytes = u32::from(u16::from_be_bytes([header[2], header[3]]));
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    if header[0] != 0x45 || fragment != 0 {
        return None;
    }
    let ip = Ip {
        src: ip::mapped([header[12], header[13], header[14], header[15]]),
        dst: ip::mapped([header[16], header[17], header[18], header[19]]),
        stated_bytes,
        header_bytes: 20,
        protocol: header[9],
        facts: Facts(0),
    };
    transport(frame, segment, link, ip, packet)
}

#[inline(always)]
fn ipv6(frame: &Frame<'_>, network: &[u8], link: Link, packet: &mut Packet) -> Option<()> {
    let (header, segment) = network.split_first_chunk::<40>()?;
    let payload_bytes = u32::from(u16::from_be_bytes([header[4], header[5]]));
    // One of no bytes is a jumbogram or offloaded.
    if header[0] >> 4 != 6 || payload_bytes == 0 {
        return None;
    }
    let (_, addresses) = header.split_first_chunk::<8>()?;
    let (src, dst) = addresses.split_first_chunk::<16>()?;
    let ip = Ip {
        src: u128::from_be_bytes(*src),
        dst: u128::from_be_bytes(*dst.first_chunk()?),
        stated_bytes: payload_bytes.saturating_add(40),
        header_bytes: 40,
        protocol: header[6],
        facts: Facts::IPV6,
    };
    transport(frame, segment, link, ip, packet)
}

/// What a transport header says.
#[derive(Clone, Copy)]
struct Transport {
    src_port: u16,
    dst_port: u16,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    header_bytes: u32,
    facts: Facts,
}

#[inline(always)]
fn transport(
    frame: &Frame<'_>,
    segment: &[u8],
    link: Link,
    ip: Ip,
    packet: &mut Packet,
) -> Option<()> {
    // Written in each arm, so that what is the same for all frames of it is a constant.
    match ip.protocol {
        TCP => write(frame, link, ip, tcp(segment)?, packet),
        UDP => write(frame, link, ip, udp(segment)?, packet),
        _ => None,
    }
}

#[inline(always)]
fn write(
    frame: &Frame<'_>,
    link: Link,
    ip: Ip,
    transport: Transport,
    packet: &mut Packet,
) -> Option<()> {
    let segment_bytes = ip.stated_bytes.checked_sub(ip.header_bytes)?;
    let payload_bytes = segment_bytes.checked_sub(transport.header_bytes)?;
    let link_bytes = link.tags_bytes.saturating_add(14);
    let wire_bytes = wire_bytes(frame);
    if link_bytes.saturating_add(ip.stated_bytes) > wire_bytes {
        return None;
    }
    let headers_bytes = link_bytes
        .saturating_add(ip.header_bytes)
        .saturating_add(transport.header_bytes);
    *packet = Packet {
        src: ip.src,
        dst: ip.dst,
        timestamp: frame.timestamp,
        wire_bytes,
        ip_bytes: ip.stated_bytes,
        payload_bytes,
        sequence: transport.sequence,
        acknowledgement: transport.acknowledgement,
        tunnel: TunnelPath(0),
        src_port: transport.src_port,
        dst_port: transport.dst_port,
        vlan_id: link.vlan_id,
        ip_offset: place(link_bytes),
        payload_offset: place(headers_bytes),
        protocol: ip.protocol,
        tcp_flags: transport.flags,
        facts: ip.facts.with(transport.facts),
    };
    Some(())
}

#[inline(always)]
fn tcp(segment: &[u8]) -> Option<Transport> {
    let header: &[u8; 20] = segment.first_chunk()?;
    let header_bytes = u32::from(header[12] >> 4).saturating_mul(4);
    if header_bytes < 20 {
        return None;
    }
    Some(Transport {
        src_port: u16::from_be_bytes([header[0], header[1]]),
        dst_port: u16::from_be_bytes([header[2], header[3]]),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        acknowledgement: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        flags: header[13],
        header_bytes,
        facts: Facts::PORTS.with(Facts::TCP),
    })
}

#[inline(always)]
fn udp(segment: &[u8]) -> Option<Transport> {
    let header: &[u8; 8] = segment.first_chunk()?;
    let src_port = u16::from_be_bytes([header[0], header[1]]);
    let dst_port = u16::from_be_bytes([header[2], header[3]]);
    if is_read_behind(src_port) || is_read_behind(dst_port) {
        return None;
    }
    Some(Transport {
        src_port,
        dst_port,
        sequence: 0,
        acknowledgement: 0,
        flags: 0,
        header_bytes: 8,
        facts: Facts::PORTS,
    })
}

/// The tags of IEEE 802.1Q and 802.1ad.
const fn is_common_tag(ether_type: [u8; 2]) -> bool {
    matches!(ether_type, [0x81, 0x00] | [0x88, 0xa8])
}

/// VLAN tags that are followed here.
const TAGS_MAX: usize = 2;

/// EtherTypes and protocol numbers of this path.
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const TCP: u8 = 6;
const UDP: u8 = 17;
