//! The IP layer: addresses, stated lengths, fragments and IPv6 extension headers.

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4Header, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::span::{Span, length};
use super::{Fragment, Reason};

/// The version of IP that a link layer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// IPv4 and nothing else.
    V4,
    /// IPv6 and nothing else.
    V6,
    /// Either: the IP header says it alone.
    Either,
}

/// What an IP header says of its packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    /// Addresses as [`Packet`](super::Packet) holds them.
    pub(super) src: u128,
    pub(super) dst: u128,
    pub(super) is_ipv6: bool,
    /// Protocol of `body`.
    pub(super) protocol: u8,
    pub(super) fragment: Fragment,
    /// What ties the fragments of one datagram together; 0 for a whole one.
    pub(super) identification: u32,
    /// Stated length in bytes, at most what was on the wire.
    pub(super) ip_bytes: u32,
    /// Whether all that is stated was on the wire.
    pub(super) fits: bool,
    /// Where the IP header starts in the frame.
    pub(super) offset: usize,
    /// What stands behind the IP headers, without the link layer's padding.
    pub(super) body: Span<'a>,
}

/// Reads the IP packet at the start of `span`.
pub(super) fn read(version: Version, span: Span<'_>) -> Result<Datagram<'_>, Reason> {
    let stated = span.byte(0).ok_or(Reason::IpTruncated)? >> 4;
    match (stated, version) {
        (4, Version::V4 | Version::Either) => ipv4(span),
        (6, Version::V6 | Version::Either) => ipv6(span),
        _ => Err(Reason::IpMalformed),
    }
}

/// RFC 791 section 3.1. The options may have been cut; nothing in them is counted.
fn ipv4(span: Span<'_>) -> Result<Datagram<'_>, Reason> {
    let fixed: [u8; Ipv4Header::MIN_LEN] = span.at(0).ok_or(Reason::IpTruncated)?;
    let header_bytes = u32::from(fixed[0] & 0x0f).saturating_mul(4);
    if header_bytes < Ipv4Header::MIN_LEN_U16.into() {
        return Err(Reason::IpMalformed);
    }
    let stated = match u32::from(u16::from_be_bytes([fixed[2], fixed[3]])) {
        // Segmentation offload hands over packets longer than the field can state.
        0 => span.wire_bytes,
        stated if stated < header_bytes => return Err(Reason::IpMalformed),
        stated => stated,
    };
    let ip_bytes = stated.min(span.wire_bytes);
    let flags_and_offset = u16::from_be_bytes([fixed[6], fixed[7]]);
    let place = fragment(flags_and_offset & 0x1fff, flags_and_offset & 0x2000 != 0);
    let payload = span
        .limit(ip_bytes)
        .behind(usize::try_from(header_bytes).unwrap_or(usize::MAX));
    let mut chain = Chain::of(fixed[9], place);
    if place != Fragment::Later {
        chain.follow(payload, |number| number == IpNumber::AUTHENTICATION_HEADER)?;
    }
    let identification = u32::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    Ok(Datagram {
        src: mapped([fixed[12], fixed[13], fixed[14], fixed[15]]),
        dst: mapped([fixed[16], fixed[17], fixed[18], fixed[19]]),
        is_ipv6: false,
        protocol: chain.protocol.0,
        fragment: place,
        identification: if place == Fragment::Whole {
            0
        } else {
            identification
        },
        ip_bytes,
        fits: stated == ip_bytes,
        offset: span.offset,
        body: payload.behind(chain.header_bytes),
    })
}

/// RFC 8200 sections 3 and 4.
fn ipv6(span: Span<'_>) -> Result<Datagram<'_>, Reason> {
    let header = Ipv6HeaderSlice::from_slice(span.bytes).map_err(|_| Reason::IpTruncated)?;
    let next = header.next_header();
    let behind_header = span.wire_bytes.saturating_sub(length(Ipv6Header::LEN));
    let stated = match header.payload_length() {
        // A jumbogram (RFC 2675), or an offloaded segment that does without its option.
        0 if next == IpNumber::IPV6_HEADER_HOP_BY_HOP || behind_header > u16::MAX.into() => {
            behind_header
        }
        stated => u32::from(stated),
    };
    let payload = span.behind(Ipv6Header::LEN).limit(stated);
    let mut chain = Chain::of(next.0, Fragment::Whole);
    chain.follow(payload, is_extension)?;
    Ok(Datagram {
        src: u128::from_be_bytes(header.source()),
        dst: u128::from_be_bytes(header.destination()),
        is_ipv6: true,
        protocol: chain.protocol.0,
        fragment: chain.fragment,
        identification: chain.identification,
        ip_bytes: payload
            .wire_bytes
            .saturating_add(length(Ipv6Header::LEN))
            .min(span.wire_bytes),
        fits: stated <= behind_header,
        offset: span.offset,
        body: payload.behind(chain.header_bytes),
    })
}

/// A chain of extension headers, read as far as it was captured.
#[derive(Clone, Copy, Debug)]
struct Chain {
    /// What comes behind the last header that was read, which is an extension header
    /// itself where the chain was cut.
    protocol: IpNumber,
    header_bytes: usize,
    fragment: Fragment,
    identification: u32,
}

impl Chain {
    const fn of(next: u8, fragment: Fragment) -> Self {
        Self {
            protocol: IpNumber(next),
            header_bytes: 0,
            fragment,
            identification: 0,
        }
    }

    /// Follows those extension headers at the start of `payload` that are `wanted`.
    fn follow(&mut self, payload: Span<'_>, wanted: fn(IpNumber) -> bool) -> Result<(), Reason> {
        for _ in 0..=EXTENSIONS_MAX {
            if !wanted(self.protocol) {
                return Ok(());
            }
            let rest = payload.behind(self.header_bytes).bytes;
            let Some(extension) = extension(self.protocol, rest) else {
                return Ok(());
            };
            self.protocol = extension.next;
            self.header_bytes = self.header_bytes.saturating_add(extension.bytes);
            if let Some((place, identification)) = extension.fragment {
                self.fragment = place;
                self.identification = identification;
                // Behind a later fragment's header stands the middle of something.
                if place == Fragment::Later {
                    return Ok(());
                }
            }
        }
        Err(Reason::ExtensionChain)
    }
}

/// One extension header.
#[derive(Clone, Copy, Debug)]
struct Extension {
    next: IpNumber,
    bytes: usize,
    /// Of a datagram in fragments, the place of this one and the identification.
    fragment: Option<(Fragment, u32)>,
}

/// The extension headers of IPv6 that have their next header where it can be followed.
const fn is_extension(number: IpNumber) -> bool {
    matches!(
        number,
        IpNumber::IPV6_HEADER_HOP_BY_HOP
            | IpNumber::IPV6_ROUTE_HEADER
            | IpNumber::IPV6_FRAGMENTATION_HEADER
            | IpNumber::AUTHENTICATION_HEADER
            | IpNumber::IPV6_DESTINATION_OPTIONS
            | IpNumber::MOBILITY_HEADER
            | IpNumber::HIP
            | IpNumber::SHIM6
    )
}

/// Reads extension header `number` at the start of `rest`: nothing if it was cut.
///
/// Mobility, HIP and Shim6 headers are messages of their own that end the chain as a rule
/// (RFC 6275 section 6.1.1): with nothing behind them they are the packet's protocol.
fn extension(number: IpNumber, rest: &[u8]) -> Option<Extension> {
    let (next, bytes, fragment) = match number {
        IpNumber::IPV6_FRAGMENTATION_HEADER => {
            let header = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
            let place = fragment(header.fragment_offset().value(), header.more_fragments());
            let fragment = (place != Fragment::Whole).then(|| (place, header.identification()));
            (header.next_header(), header.slice().len(), fragment)
        }
        IpNumber::AUTHENTICATION_HEADER => {
            let header = IpAuthHeaderSlice::from_slice(rest).ok()?;
            (header.next_header(), header.slice().len(), None)
        }
        _ => {
            let header = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
            (header.next_header(), header.slice().len(), None)
        }
    };
    let is_message = matches!(
        number,
        IpNumber::MOBILITY_HEADER | IpNumber::HIP | IpNumber::SHIM6
    );
    if is_message && next == IpNumber::IPV6_NO_NEXT_HEADER {
        return None;
    }
    Some(Extension {
        next,
        bytes,
        fragment,
    })
}

/// The place of a packet in its datagram, as both versions of IP tell it.
const fn fragment(offset: u16, has_more: bool) -> Fragment {
    match (offset, has_more) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    }
}

/// An IPv4 address as 128 bits (RFC 4291 section 2.5.5.2).
#[inline]
pub(super) const fn mapped(octets: [u8; 4]) -> u128 {
    0xffff_0000_0000 | u32::from_be_bytes(octets) as u128
}

/// Extension headers that are followed in one packet.
const EXTENSIONS_MAX: usize = 16;
