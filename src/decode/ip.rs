//! The IP layer: addresses, stated lengths, fragments and IPv6 extension headers.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4Header, Ipv6FragmentHeaderSlice, Ipv6Header, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::link::Network;
use super::{Fragment, Reason};

/// What an IP header says of its packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Protocol of `body`.
    pub(super) protocol: u8,
    pub(super) fragment: Fragment,
    /// Stated length in bytes, at most what was on the wire.
    pub(super) ip_bytes: u32,
    /// Bytes of the IP header, its options and extension headers.
    pub(super) header_bytes: u32,
    /// What was captured behind the IP headers, without the link layer's padding.
    pub(super) body: &'a [u8],
}

/// Reads the IP packet at the start of `bytes`, of which `wire_bytes` were on the wire.
pub(super) fn read(
    network: Network,
    bytes: &[u8],
    wire_bytes: u32,
) -> Result<Datagram<'_>, Reason> {
    let version = bytes.first().ok_or(Reason::IpTruncated)? >> 4;
    match (version, network) {
        (4, Network::Ipv4 | Network::Ip) => ipv4(bytes, wire_bytes),
        (6, Network::Ipv6 | Network::Ip) => ipv6(bytes, wire_bytes),
        _ => Err(Reason::IpMalformed),
    }
}

/// RFC 791 section 3.1. The options may have been cut; nothing in them is counted.
fn ipv4(bytes: &[u8], wire_bytes: u32) -> Result<Datagram<'_>, Reason> {
    let fixed: &[u8; Ipv4Header::MIN_LEN] = bytes.first_chunk().ok_or(Reason::IpTruncated)?;
    let header_bytes = u32::from(fixed[0] & 0x0f).saturating_mul(4);
    if header_bytes < Ipv4Header::MIN_LEN_U16.into() {
        return Err(Reason::IpMalformed);
    }
    let ip_bytes = match u32::from(u16::from_be_bytes([fixed[2], fixed[3]])) {
        // Segmentation offload hands over packets longer than the field can state.
        0 => wire_bytes,
        stated if stated < header_bytes => return Err(Reason::IpMalformed),
        stated => stated.min(wire_bytes),
    };
    let flags_and_offset = u16::from_be_bytes([fixed[6], fixed[7]]);
    let offset = flags_and_offset & 0x1fff;
    let has_more = flags_and_offset & 0x2000 != 0;
    Ok(Datagram {
        src: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]).into(),
        dst: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]).into(),
        protocol: fixed[9],
        fragment: fragment(offset, has_more),
        ip_bytes,
        header_bytes,
        body: body(bytes, header_bytes, ip_bytes),
    })
}

/// RFC 8200 sections 3 and 4.
fn ipv6(bytes: &[u8], wire_bytes: u32) -> Result<Datagram<'_>, Reason> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Reason::IpTruncated)?;
    let next = header.next_header();
    let behind_header = wire_bytes.saturating_sub(IPV6_HEADER_BYTES);
    let payload_bytes = match header.payload_length() {
        // A jumbogram (RFC 2675), or an offloaded segment that does without its option.
        0 if next == IpNumber::IPV6_HEADER_HOP_BY_HOP || behind_header > u16::MAX.into() => {
            behind_header
        }
        stated => u32::from(stated).min(behind_header),
    };
    let ip_bytes = payload_bytes.saturating_add(IPV6_HEADER_BYTES);
    let payload = body(bytes, IPV6_HEADER_BYTES, ip_bytes);
    let chain = follow(next, payload)?;
    let chain_bytes = u32::try_from(chain.header_bytes).unwrap_or(u32::MAX);
    Ok(Datagram {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        protocol: chain.protocol.0,
        fragment: chain.fragment,
        ip_bytes,
        header_bytes: chain_bytes.saturating_add(IPV6_HEADER_BYTES),
        body: payload.get(chain.header_bytes..).unwrap_or_default(),
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
}

/// Follows the extension headers of an IPv6 `payload` that starts with header `next`.
fn follow(next: IpNumber, payload: &[u8]) -> Result<Chain, Reason> {
    let mut chain = Chain {
        protocol: next,
        header_bytes: 0,
        fragment: Fragment::Whole,
    };
    for _ in 0..=EXTENSIONS_MAX {
        let rest = payload.get(chain.header_bytes..).unwrap_or_default();
        let Some(extension) = extension(chain.protocol, rest) else {
            return Ok(chain);
        };
        chain.protocol = extension.next;
        chain.header_bytes = chain.header_bytes.saturating_add(extension.bytes);
        if extension.fragment != Fragment::Whole {
            chain.fragment = extension.fragment;
        }
        // Behind a later fragment's header stands the middle of something.
        if extension.fragment == Fragment::Later {
            return Ok(chain);
        }
    }
    Err(Reason::ExtensionChain)
}

/// One extension header.
#[derive(Clone, Copy, Debug)]
struct Extension {
    next: IpNumber,
    bytes: usize,
    fragment: Fragment,
}

/// Reads extension header `number` at the start of `rest`: nothing if it is none of
/// those that are followed, or if it was cut.
fn extension(number: IpNumber, rest: &[u8]) -> Option<Extension> {
    let (next, bytes, fragment) = match number {
        IpNumber::IPV6_HEADER_HOP_BY_HOP
        | IpNumber::IPV6_ROUTE_HEADER
        | IpNumber::IPV6_DESTINATION_OPTIONS => {
            let header = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
            (header.next_header(), header.slice().len(), Fragment::Whole)
        }
        IpNumber::IPV6_FRAGMENTATION_HEADER => {
            let header = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
            let place = fragment(header.fragment_offset().value(), header.more_fragments());
            (header.next_header(), header.slice().len(), place)
        }
        IpNumber::AUTHENTICATION_HEADER => {
            let header = IpAuthHeaderSlice::from_slice(rest).ok()?;
            (header.next_header(), header.slice().len(), Fragment::Whole)
        }
        _ => return None,
    };
    Some(Extension {
        next,
        bytes,
        fragment,
    })
}

/// The place of a packet in its datagram, as both versions of IP tell it.
fn fragment(offset: u16, has_more: bool) -> Fragment {
    match (offset, has_more) {
        (0, false) => Fragment::Whole,
        (0, true) => Fragment::First,
        _ => Fragment::Later,
    }
}

/// What was captured from `start` to the stated end of the packet.
fn body(bytes: &[u8], start: u32, end: u32) -> &[u8] {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(start..end).unwrap_or_default()
}

/// Length of the fixed IPv6 header.
const IPV6_HEADER_BYTES: u32 = Ipv6Header::LEN as u32;

/// IPv6 extension headers that are followed in one packet.
const EXTENSIONS_MAX: usize = 16;
