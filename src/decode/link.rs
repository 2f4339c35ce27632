//! The link layer: from the first byte of a frame, or of what a tunnel carries, to the
//! IP header.
//!
//! Each header is one step from a [`Layer`] and its bytes to the next layer and what
//! stands behind. VLAN and MPLS tags, PPPoE, provider backbones, service function headers
//! and the like are steps: they are how a frame was sent over this one link or domain,
//! and no tunnel, since there is no second pair of IP addresses around the packet.

use super::ip::Version;
use super::span::Span;
use super::{Reason, ethernet, serial, wireless};
use crate::capture::LinkType;

/// What a header announces to stand behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// The first header of a captured frame.
    Frame(LinkType),
    /// A frame that starts with its two MAC addresses.
    Ethernet,
    /// What an EtherType stands for.
    EtherType(u16),
    /// Logical link control (IEEE 802.2).
    Llc,
    /// A stack of MPLS labels (RFC 3032).
    Mpls,
    /// A service function header (RFC 8300).
    Nsh,
    /// A PPP frame, from its address field or its protocol field on.
    Ppp,
    /// An 802.11 frame, and whether its header is padded to four bytes.
    Wireless(bool),
    /// An IP packet.
    Ip(Version),
}

/// One header on: what comes next, and its bytes.
pub(super) type Step<'a> = Result<(Layer, Span<'a>), Reason>;

/// An IP packet that was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    /// The version that was announced.
    pub(super) version: Version,
    /// From the IP header on.
    pub(super) span: Span<'a>,
    /// Outermost VLAN identifier, 0 where there is none.
    pub(super) vlan_id: u16,
}

/// Follows headers from `layer` at the start of `span` to an IP packet.
pub(super) fn descend(mut layer: Layer, mut span: Span<'_>) -> Result<Network<'_>, Reason> {
    let mut vlan_id = 0;
    for _ in 0..LAYERS_MAX {
        (layer, span) = match layer {
            Layer::Frame(link_type) => frame(link_type, span)?,
            Layer::Ethernet => ethernet::header(span)?,
            Layer::EtherType(ether_type) => {
                if vlan_id == 0 && ethernet::is_vlan_tag(ether_type) {
                    // Identifier 0 carries a priority and names no VLAN (IEEE 802.1Q
                    // table 9-2).
                    vlan_id = span.u16(0).unwrap_or(0) & 0x0fff;
                }
                ethernet::behind_type(ether_type, span)?
            }
            Layer::Llc => ethernet::logical_link(span)?,
            Layer::Mpls => ethernet::labels(span)?,
            Layer::Nsh => ethernet::service_function(span)?,
            Layer::Ppp => serial::ppp(span)?,
            Layer::Wireless(is_padded) => wireless::header(span, is_padded)?,
            Layer::Ip(version) => {
                return Ok(Network {
                    version,
                    span,
                    vlan_id,
                });
            }
        };
    }
    Err(Reason::TunnelDepth)
}

/// What stands behind the first `count` bytes, which are of the link layer.
pub(super) fn behind(span: Span<'_>, count: usize) -> Result<Span<'_>, Reason> {
    span.skip(count).ok_or(Reason::LinkTruncated)
}

/// The link header of a captured frame.
fn frame(link_type: LinkType, span: Span<'_>) -> Step<'_> {
    match link_type {
        LinkType::ETHERNET => Ok((Layer::Ethernet, span)),
        LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_DLT_OPENBSD => {
            Ok((Layer::Ip(Version::Either), span))
        }
        LinkType::IPV4 => Ok((Layer::Ip(Version::V4), span)),
        LinkType::IPV6 => Ok((Layer::Ip(Version::V6), span)),
        LinkType::NULL | LinkType::LOOP => family(link_type, span),
        LinkType::LINUX_SLL => cooked(span, 14, 0, 16),
        LinkType::LINUX_SLL2 => cooked(span, 0, 8, 20),
        LinkType::NFLOG => netfilter_log(span),
        LinkType::PPP => Ok((Layer::Ppp, span)),
        LinkType::PPP_SERIAL => serial::ppp_or_cisco(span),
        LinkType::PPP_ETHER => serial::session(span),
        LinkType::CISCO_HDLC => serial::cisco(span),
        LinkType::FRAME_RELAY => serial::frame_relay(span),
        LinkType::ATM_RFC1483 => Ok((Layer::Llc, span)),
        LinkType::TOKEN_RING => ethernet::token_ring(span),
        LinkType::FDDI => ethernet::fddi(span),
        LinkType::IEEE802_11 => Ok((Layer::Wireless(false), span)),
        LinkType::RADIOTAP => wireless::radiotap(span),
        LinkType::PRISM => wireless::prism(span),
        LinkType::AVS => wireless::avs(span),
        LinkType::PPI => wireless::per_packet(span),
        _ => Err(Reason::LinkType),
    }
}

/// A BSD address family. NULL has it in the byte order of the capturing host.
fn family(link_type: LinkType, span: Span<'_>) -> Step<'_> {
    let family: [u8; 4] = span.at(0).ok_or(Reason::LinkTruncated)?;
    let version = of_family(u32::from_be_bytes(family)).or_else(|| {
        let is_either = link_type == LinkType::NULL;
        is_either.then(|| of_family(u32::from_le_bytes(family)))?
    });
    let version = version.ok_or(Reason::NotIp)?;
    Ok((Layer::Ip(version), behind(span, 4)?))
}

/// IPv6 has another number on each of the BSDs and on macOS, and Linux programs that
/// write such files use their own.
const fn of_family(family: u32) -> Option<Version> {
    match family {
        2 => Some(Version::V4),
        10 | 24 | 28 | 30 => Some(Version::V6),
        _ => None,
    }
}

/// Linux cooked frames: both versions have a protocol and an ARPHRD hardware type, which
/// tells of the devices whose protocol field means nothing.
fn cooked(span: Span<'_>, protocol: usize, hardware: usize, header_bytes: usize) -> Step<'_> {
    let protocol = span.u16(protocol).ok_or(Reason::LinkTruncated)?;
    // Version 1 has its packet type first and the hardware type behind it.
    let hardware = if hardware == 0 { 2 } else { hardware };
    let hardware = span.u16(hardware).ok_or(Reason::LinkTruncated)?;
    let rest = behind(span, header_bytes)?;
    match (hardware, protocol) {
        (ARPHRD_FRAME_RELAY, _) => serial::frame_relay(rest),
        (ARPHRD_RADIOTAP, _) => wireless::radiotap(rest),
        (ARPHRD_NETLINK, _) => Err(Reason::NotIp),
        (_, ETH_P_802_2) => Ok((Layer::Llc, rest)),
        // The other low numbers are Linux's own: CAN, raw 802.3, DSA and so on.
        (_, 0..=0x05ff) => Err(Reason::NotIp),
        (_, ether_type) => Ok((Layer::EtherType(ether_type), rest)),
    }
}

/// A packet that netfilter logged: type-length-values, of which one is the packet. Their
/// lengths and types are in the byte order of the capturing host.
fn netfilter_log(span: Span<'_>) -> Step<'_> {
    let family = span.byte(0).ok_or(Reason::LinkTruncated)?;
    let version = of_family(family.into()).ok_or(Reason::NotIp)?;
    let mut values = behind(span, 4)?;
    for _ in 0..NFLOG_VALUES_MAX {
        let head: [u8; 4] = values.at(0).ok_or(Reason::LinkTruncated)?;
        let [a, b, c, d] = head;
        let little = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let big = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // Types are small numbers, so that one of the two readings is out of range.
        let (length, kind) = if little.1 < 0x100 { little } else { big };
        let length_bytes = usize::from(length);
        if length_bytes < 4 {
            return Err(Reason::NotIp);
        }
        if kind == NFLOG_PAYLOAD {
            let packet = values.limit(length.into());
            return Ok((Layer::Ip(version), behind(packet, 4)?));
        }
        values = behind(values, length_bytes.next_multiple_of(4))?;
    }
    Err(Reason::NotIp)
}

/// Link headers that are followed before one IP header, each VLAN tag being one. Frames
/// of real networks have at most ten.
const LAYERS_MAX: usize = 32;

/// Values of one logged packet that are looked at; Linux writes about ten.
const NFLOG_VALUES_MAX: usize = 64;

/// The type of the value that is the packet.
const NFLOG_PAYLOAD: u16 = 9;

/// Linux's number for an 802.2 frame without a length.
const ETH_P_802_2: u16 = 4;

/// Hardware types of Linux whose frames have a header of their own.
const ARPHRD_FRAME_RELAY: u16 = 770;
const ARPHRD_RADIOTAP: u16 = 803;
const ARPHRD_NETLINK: u16 = 824;
