//! The fast path: the frames that most links carry most of the time.
//!
//! Ethernet, at most two VLAN tags, IPv4 without options or IPv6 without extension
//! headers, not fragmented, then TCP or UDP, all of it captured. The fields stand at
//! fixed offsets. Whatever else a frame is, the general path reads it; on these frames
//! it reads the same, which the tests hold against each other.

use super::span::{place, wire_bytes};
use super::tunnel::is_tunnel_port;
use super::{Facts, Packet, TunnelPath, ip};
use crate::capture::{Frame, LinkType};

/// Reads a frame, if it is one of those.
#[inline]
pub(super) fn read(frame: &Frame<'_>) -> Option<Packet> {
    if frame.link_type != LinkType::ETHERNET {
        return None;
    }
    let link: &[u8; 14] = frame.data.first_chunk()?;
    let mut ether_type = u16::from_be_bytes([link[12], link[13]]);
    let mut ip_offset = link.len();
    let mut vlan_id = 0;
    for _ in 0..TAGS_MAX {
        if ether_type == IPV4 || ether_type == IPV6 || !is_common_tag(ether_type) {
            break;
        }
        let tag: &[u8; 4] = frame.data.get(ip_offset..)?.first_chunk()?;
        if vlan_id == 0 {
            vlan_id = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
        }
        ether_type = u16::from_be_bytes([tag[2], tag[3]]);
        ip_offset = ip_offset.saturating_add(tag.len());
    }
    let network = frame.data.get(ip_offset..)?;
    let ip = match ether_type {
        IPV4 => ipv4(network)?,
        IPV6 => ipv6(network)?,
        _ => return None,
    };
    let link_bytes = u32::try_from(ip_offset).ok()?;
    let wire_bytes = wire_bytes(frame);
    let ip_bytes = ip.stated_bytes.min(wire_bytes.saturating_sub(link_bytes));
    let segment_bytes = ip_bytes.saturating_sub(ip.header_bytes);
    let segment_offset = usize::try_from(ip.header_bytes).ok()?;
    let segment = network.get(segment_offset..)?;
    let transport = if ip.protocol == TCP {
        tcp(segment, segment_bytes)?
    } else {
        udp(segment, segment_bytes)?
    };
    let header_bytes = ip.header_bytes.saturating_add(transport.header_bytes);
    let payload_offset = ip_offset.saturating_add(usize::try_from(header_bytes).ok()?);
    Some(Packet {
        src: ip.src,
        dst: ip.dst,
        timestamp: frame.timestamp,
        wire_bytes,
        ip_bytes,
        payload_bytes: segment_bytes.saturating_sub(transport.header_bytes),
        sequence: transport.sequence,
        acknowledgement: transport.acknowledgement,
        tunnel: TunnelPath(0),
        src_port: transport.src_port,
        dst_port: transport.dst_port,
        vlan_id,
        ip_offset: place(ip_offset),
        payload_offset: place(payload_offset),
        protocol: ip.protocol,
        tcp_flags: transport.flags,
        facts: ip.facts.with(transport.facts),
    })
}

/// What the fast path needs of an IP header.
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
fn ipv4(network: &[u8]) -> Option<Ip> {
    let header: &[u8; 20] = network.first_chunk()?;
    let stated_bytes = u32::from(u16::from_be_bytes([header[2], header[3]]));
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    let protocol = header[9];
    let is_plain = header[0] == 0x45 && fragment == 0 && stated_bytes >= 20;
    if !is_plain || !(protocol == TCP || protocol == UDP) {
        return None;
    }
    Some(Ip {
        src: ip::mapped([header[12], header[13], header[14], header[15]]),
        dst: ip::mapped([header[16], header[17], header[18], header[19]]),
        stated_bytes,
        header_bytes: 20,
        protocol,
        facts: Facts(0),
    })
}

#[inline(always)]
fn ipv6(network: &[u8]) -> Option<Ip> {
    let header: &[u8; 40] = network.first_chunk()?;
    let payload_bytes = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let protocol = header[6];
    let is_plain = header[0] >> 4 == 6 && payload_bytes != 0;
    if !is_plain || !(protocol == TCP || protocol == UDP) {
        return None;
    }
    let (_, addresses) = header.split_first_chunk::<8>()?;
    let (src, dst) = addresses.split_first_chunk::<16>()?;
    Some(Ip {
        src: u128::from_be_bytes(*src),
        dst: u128::from_be_bytes(*dst.first_chunk()?),
        stated_bytes: payload_bytes.saturating_add(40),
        header_bytes: 40,
        protocol,
        facts: Facts::IPV6,
    })
}

/// What the fast path needs of a transport header.
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
fn tcp(segment: &[u8], segment_bytes: u32) -> Option<Transport> {
    let header: &[u8; 20] = segment.first_chunk()?;
    let stated = u32::from(header[12] >> 4).saturating_mul(4);
    if stated < 20 || stated > segment_bytes {
        return None;
    }
    Some(Transport {
        src_port: u16::from_be_bytes([header[0], header[1]]),
        dst_port: u16::from_be_bytes([header[2], header[3]]),
        sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        acknowledgement: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        flags: header[13],
        header_bytes: stated,
        facts: Facts::PORTS.with(Facts::TCP),
    })
}

#[inline(always)]
fn udp(segment: &[u8], segment_bytes: u32) -> Option<Transport> {
    let header: &[u8; 8] = segment.first_chunk()?;
    let src_port = u16::from_be_bytes([header[0], header[1]]);
    let dst_port = u16::from_be_bytes([header[2], header[3]]);
    if segment_bytes < 8 || is_tunnel_port(src_port) || is_tunnel_port(dst_port) {
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
const fn is_common_tag(ether_type: u16) -> bool {
    ether_type == 0x8100 || ether_type == 0x88a8
}

/// VLAN tags that are followed here.
const TAGS_MAX: usize = 2;

/// EtherTypes and protocol numbers of this path.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TCP: u8 = 6;
const UDP: u8 = 17;
