//! Ethernet and what EtherTypes announce, labels and service headers included.

use super::Reason;
use super::ip::Version;
use super::link::{Layer, Step, behind};
use super::serial;
use super::span::Span;

/// A frame from its two MAC addresses on.
pub(super) fn header(span: Span<'_>) -> Step<'_> {
    let ether_type = span.u16(12).ok_or(Reason::LinkTruncated)?;
    Ok((Layer::EtherType(ether_type), behind(span, 14)?))
}

/// Whether an EtherType announces a VLAN tag: IEEE 802.1Q, 802.1ad, and the two numbers
/// that vendors used before there was a standard for two tags.
pub(super) const fn is_vlan_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200)
}

/// What stands behind an EtherType.
pub(super) fn behind_type(ether_type: u16, span: Span<'_>) -> Step<'_> {
    match ether_type {
        0x0800 => Ok((Layer::Ip(Version::V4), span)),
        0x86dd => Ok((Layer::Ip(Version::V6), span)),
        0x0806 => Err(Reason::Arp),
        0x8847 | 0x8848 => Ok((Layer::Mpls, span)),
        0x8864 => serial::session(span),
        0x880b => Ok((Layer::Ppp, span)),
        0x6558 => Ok((Layer::Ethernet, span)),
        0x894f => Ok((Layer::Nsh, span)),
        // IEEE 802.1BR section 7.5: the tag's six bytes, then the next type.
        0x893f => then_type(span, 6),
        // VN-Tag, its forerunner.
        0x8926 => then_type(span, 4),
        // IEEE 802.1ah: a service identifier, then the customer's whole frame.
        0x88e7 => Ok((Layer::Ethernet, behind(span, 4)?)),
        0x88e5 => secured(span),
        0xd28b => stamped(span),
        // A length: an 802.3 frame (IEEE 802.3 clause 3.2.6), padded up to 60 bytes.
        0..=0x05dc => Ok((Layer::Llc, span.limit(ether_type.into()))),
        _ if is_vlan_tag(ether_type) => then_type(span, 2),
        _ => Err(Reason::NotIp),
    }
}

/// A tag of `tag_bytes`, and behind it the next EtherType.
fn then_type(span: Span<'_>, tag_bytes: usize) -> Step<'_> {
    let ether_type = span.u16(tag_bytes).ok_or(Reason::LinkTruncated)?;
    let rest = behind(span, tag_bytes.saturating_add(2))?;
    Ok((Layer::EtherType(ether_type), rest))
}

/// MACsec (IEEE 802.1AE clause 9): only frames whose integrity alone is protected can be
/// read.
fn secured(span: Span<'_>) -> Step<'_> {
    let control = span.byte(0).ok_or(Reason::LinkTruncated)?;
    if control & 0x0c != 0 {
        return Err(Reason::Encrypted);
    }
    let has_channel = control & 0x20 != 0;
    then_type(span, if has_channel { 14 } else { 6 })
}

/// Arista's time stamp of a mirrored frame: subtype 1, a version whose lower half tells
/// the format, a time of 64 or 48 bits, then the EtherType.
fn stamped(span: Span<'_>) -> Step<'_> {
    match span.at(0).ok_or(Reason::LinkTruncated)? {
        [0, 1, _, 0x10] => then_type(span, 12),
        [0, 1, _, 0x20] => then_type(span, 10),
        _ => Err(Reason::NotIp),
    }
}

/// IEEE 802.2, with the subnetwork access protocol (RFC 1042) behind it.
pub(super) fn logical_link(span: Span<'_>) -> Step<'_> {
    match span.at(0).ok_or(Reason::LinkTruncated)? {
        [0xaa, 0xaa, 0x03] => subnetwork(behind(span, 3)?),
        [0x06, 0x06, 0x03] => Ok((Layer::Ip(Version::V4), behind(span, 3)?)),
        _ => Err(Reason::NotIp),
    }
}

/// An organisation and its number for what follows, which is an EtherType for RFC 1042
/// and for IEEE 802.1H.
pub(super) fn subnetwork(span: Span<'_>) -> Step<'_> {
    let head: [u8; 5] = span.at(0).ok_or(Reason::LinkTruncated)?;
    let rest = behind(span, 5)?;
    match head {
        [0, 0, 0, a, b] | [0, 0, 0xf8, a, b] => match u16::from_be_bytes([a, b]) {
            0..=0x05ff => Err(Reason::NotIp),
            ether_type => Ok((Layer::EtherType(ether_type), rest)),
        },
        // RFC 2684 section 5.2: bridged Ethernet frames, with and without their checksum.
        [0, 0x80, 0xc2, 0, 1 | 7] => Ok((Layer::Ethernet, rest)),
        _ => Err(Reason::NotIp),
    }
}

/// A stack of labels (RFC 3032). The last label does not say what it carries: an IP
/// packet shows its version, a pseudowire's control word starts with a zero nibble (RFC
/// 4385 section 3), and without one there stands a frame's MAC address.
pub(super) fn labels(mut span: Span<'_>) -> Step<'_> {
    for _ in 0..LABELS_MAX {
        let label = span.u32(0).ok_or(Reason::LinkTruncated)?;
        span = behind(span, 4)?;
        if label & LABEL_IS_LAST == 0 {
            continue;
        }
        let first = span.byte(0).ok_or(Reason::LinkTruncated)?;
        return match first >> 4 {
            4 => Ok((Layer::Ip(Version::V4), span)),
            6 => Ok((Layer::Ip(Version::V6), span)),
            // The associated channel: no payload of a customer.
            1 => Err(Reason::NotIp),
            0 if !is_frame(span) => Ok((Layer::Ethernet, behind(span, 4)?)),
            _ => Ok((Layer::Ethernet, span)),
        };
    }
    Err(Reason::TunnelDepth)
}

/// Whether an Ethernet frame starts here and not, better, four bytes on.
fn is_frame(span: Span<'_>) -> bool {
    let is_known = |offset| {
        let ether_type = span.u16(offset).unwrap_or(0);
        let is_type = matches!(ether_type, 0x0800 | 0x0806 | 0x86dd | 0x8847 | 0x8848);
        is_type || is_vlan_tag(ether_type)
    };
    !is_known(16) && is_known(12)
}

/// RFC 8300 section 2: a base header with its length in words, and a next protocol.
pub(super) fn service_function(span: Span<'_>) -> Step<'_> {
    let head: [u8; 4] = span.at(0).ok_or(Reason::LinkTruncated)?;
    let [flags, length, _, next] = head;
    let header_bytes = usize::from(length & 0x3f).saturating_mul(4);
    if flags >> 6 != 0 || header_bytes < 8 {
        return Err(Reason::NotIp);
    }
    let rest = behind(span, header_bytes)?;
    Ok((carried(next).ok_or(Reason::NotIp)?, rest))
}

/// The numbers that service function headers and VXLAN-GPE share for what they carry.
pub(super) const fn carried(next: u8) -> Option<Layer> {
    match next {
        1 => Some(Layer::Ip(Version::V4)),
        2 => Some(Layer::Ip(Version::V6)),
        3 => Some(Layer::Ethernet),
        4 => Some(Layer::Nsh),
        5 => Some(Layer::Mpls),
        _ => None,
    }
}

/// IEEE 802.5: access and frame control, two addresses, and a route where the highest bit
/// of the source says so.
pub(super) fn token_ring(span: Span<'_>) -> Step<'_> {
    let control = span.byte(1).ok_or(Reason::LinkTruncated)?;
    if control & 0xc0 != 0x40 {
        return Err(Reason::NotIp);
    }
    let is_routed = span.byte(8).ok_or(Reason::LinkTruncated)? & 0x80 != 0;
    let route_bytes = match span.byte(14) {
        Some(route) if is_routed => usize::from(route & 0x1f),
        _ => 0,
    };
    Ok((Layer::Llc, behind(span, route_bytes.saturating_add(14))?))
}

/// ANSI X3.139: frame control and two addresses.
pub(super) fn fddi(span: Span<'_>) -> Step<'_> {
    let control = span.byte(0).ok_or(Reason::LinkTruncated)?;
    if control & 0x70 != 0x50 {
        return Err(Reason::NotIp);
    }
    Ok((Layer::Llc, behind(span, 13)?))
}

/// Labels of one stack that are followed.
const LABELS_MAX: usize = 16;

/// The bit that the bottom of a label stack has.
const LABEL_IS_LAST: u32 = 0x100;
