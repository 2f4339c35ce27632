//! Point-to-point links: PPP and PPPoE, Cisco HDLC, Frame Relay.

use super::Reason;
use super::ethernet;
use super::ip::Version;
use super::link::{Layer, Step, behind};
use super::span::Span;

/// A PPP frame (RFC 1661). The address and control fields of RFC 1662 may be there, and
/// the protocol field may be compressed to one byte, which is then odd.
pub(super) fn ppp(span: Span<'_>) -> Step<'_> {
    let has_address = span.at(0) == Some([0xff, 0x03]);
    let span = if has_address { behind(span, 2)? } else { span };
    let first = span.byte(0).ok_or(Reason::LinkTruncated)?;
    let (protocol, protocol_bytes) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        (span.u16(0).ok_or(Reason::LinkTruncated)?, 2)
    };
    let rest = behind(span, protocol_bytes)?;
    match protocol {
        0x0021 => Ok((Layer::Ip(Version::V4), rest)),
        0x0057 => Ok((Layer::Ip(Version::V6), rest)),
        0x0281 | 0x0283 => Ok((Layer::Mpls, rest)),
        _ => Err(Reason::NotIp),
    }
}

/// LINKTYPE_PPP_HDLC: PPP with its address field, or Cisco's framing with its own.
pub(super) fn ppp_or_cisco(span: Span<'_>) -> Step<'_> {
    match span.byte(0).ok_or(Reason::LinkTruncated)? {
        0x0f | 0x8f => cisco(span),
        _ => Ok((Layer::Ppp, span)),
    }
}

/// Cisco HDLC: address, control, EtherType.
pub(super) fn cisco(span: Span<'_>) -> Step<'_> {
    match span.u16(2).ok_or(Reason::LinkTruncated)? {
        // Keepalives and the like have low numbers of their own.
        0..=0x05ff => Err(Reason::NotIp),
        ether_type => Ok((Layer::EtherType(ether_type), behind(span, 4)?)),
    }
}

/// A session of PPP over Ethernet (RFC 2516 section 4): version and type 1, code 0.
pub(super) fn session(span: Span<'_>) -> Step<'_> {
    let length = span.u16(4).ok_or(Reason::LinkTruncated)?;
    let rest = behind(span, 6)?;
    match span.at(0) {
        Some([0x11, 0]) => Ok((Layer::Ppp, rest.limit(length.into()))),
        _ => Err(Reason::NotIp),
    }
}

/// Frame Relay (RFC 2427): an address of two to four bytes, then either unnumbered
/// information and a protocol identifier, or Cisco's EtherType.
pub(super) fn frame_relay(span: Span<'_>) -> Step<'_> {
    // The lowest bit of an address's last byte is set.
    let is_last = |place: &usize| span.byte(*place).is_none_or(|byte| byte & 1 == 1);
    let last = (1..4).find(is_last).ok_or(Reason::NotIp)?;
    let address_bytes = last.saturating_add(1);
    let span = behind(span, address_bytes)?;
    let control = span.byte(0).ok_or(Reason::LinkTruncated)?;
    if control != UNNUMBERED {
        let ether_type = span.u16(0).ok_or(Reason::LinkTruncated)?;
        return match ether_type {
            0x0800 | 0x86dd => Ok((Layer::EtherType(ether_type), behind(span, 2)?)),
            _ => Err(Reason::NotIp),
        };
    }
    // One byte of padding keeps what follows aligned.
    let padding = usize::from(span.byte(1) == Some(0));
    let span = behind(span, padding.saturating_add(1))?;
    let identifier = span.byte(0).ok_or(Reason::LinkTruncated)?;
    let rest = behind(span, 1)?;
    match identifier {
        0xcc => Ok((Layer::Ip(Version::V4), rest)),
        0x8e => Ok((Layer::Ip(Version::V6), rest)),
        0x80 => ethernet::subnetwork(rest),
        0xcf => Ok((Layer::Ppp, rest)),
        _ => Err(Reason::NotIp),
    }
}

/// The control field of unnumbered information.
const UNNUMBERED: u8 = 3;
