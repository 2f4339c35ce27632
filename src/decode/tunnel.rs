//! Tunnels: from the payload of an IP packet to the packet inside.
//!
//! A protocol number announces its tunnel. A UDP port only suggests one, so there every
//! field with one possible value is checked, and the inner IP packet must fit.

use super::ethernet::{carried, is_vlan_tag};
use super::ip::{self, Datagram, Version};
use super::link::{self, Layer};
use super::span::Span;
use super::transport::Transport;
use super::{Fragment, Reason, Tunnel};

/// A packet inside another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) tunnel: Tunnel,
    pub(super) datagram: Datagram<'a>,
    pub(super) vlan_id: u16,
}

/// The packet inside `outer`, if that is a tunnel and what it carries can be read.
///
/// Otherwise, where the tunnel carries something that is not IP (address resolution in
/// VXLAN, a keepalive of GRE) or where its content was cut or makes no sense, the outer
/// packet is the one that is counted: it is a sound packet between two addresses, and
/// dropping it would lose its bytes. Only nesting too deep is a reason to drop.
///
/// A later fragment has no header of its tunnel and stays the outer packet, too.
pub(super) fn inside<'a>(
    outer: &Datagram<'a>,
    transport: &Transport,
) -> Result<Option<Inside<'a>>, Reason> {
    if outer.fragment == Fragment::Later {
        return Ok(None);
    }
    let content = match outer.protocol {
        4 => Some((Tunnel::Ipv4, Layer::Ip(Version::V4), outer.body)),
        41 => Some((Tunnel::Ipv6, Layer::Ip(Version::V6), outer.body)),
        47 => generic_routing(outer.body),
        97 => ether_ip(outer.body),
        115 => layer_two_in_ip(outer.body),
        137 => Some((Tunnel::Mpls, Layer::Mpls, outer.body)),
        17 => transport.ports.and_then(|ports| in_udp(ports, outer.body)),
        _ => None,
    };
    let Some((tunnel, layer, span)) = content else {
        return Ok(None);
    };
    let network = match link::descend(layer, span) {
        Ok(network) => network,
        Err(Reason::TunnelDepth) => return Err(Reason::TunnelDepth),
        Err(_) => return Ok(None),
    };
    let Ok(datagram) = ip::read(network.version, network.span) else {
        return Ok(None);
    };
    // The rest of a first fragment's content is in the fragments behind it.
    let is_whole = outer.fragment == Fragment::Whole;
    if outer.protocol == 17 && is_whole && !datagram.fits {
        return Ok(None);
    }
    Ok(Some(Inside {
        tunnel,
        datagram,
        vlan_id: network.vlan_id,
    }))
}

/// Whether there is more to read behind a UDP port: that of a tunnel, or of a DHCP server.
#[inline]
pub(super) const fn is_read_behind(port: u16) -> bool {
    // Most ports are told apart by one shift.
    PORT_BITS >> (port & 63) & 1 == 1
        && matches!(
            port,
            DHCP | L2TP | GTP_U | TEREDO | VXLAN | VXLAN_GPE | GENEVE | MPLS | VXLAN_LINUX
        )
}

/// What a tunnel carries: its kind, the first layer inside and the bytes of that.
type Content<'a> = Option<(Tunnel, Layer, Span<'a>)>;

/// Looks for a tunnel at the destination port, then at the source port: the answers of
/// some tunnels come from their port to any other.
fn in_udp(ports: (u16, u16), segment: Span<'_>) -> Content<'_> {
    let stated = segment.u16(4)?;
    let rest = segment.limit(stated.max(8).into()).skip(8)?;
    of_port(ports.1, rest).or_else(|| of_port(ports.0, rest))
}

fn of_port(port: u16, rest: Span<'_>) -> Content<'_> {
    match port {
        L2TP => layer_two(rest),
        GTP_U => gprs_user_plane(rest),
        TEREDO => teredo(rest),
        VXLAN | VXLAN_LINUX => vxlan(rest),
        VXLAN_GPE => vxlan_generic(rest),
        GENEVE => geneve(rest),
        MPLS => Some((Tunnel::Mpls, Layer::Mpls, rest)),
        _ => None,
    }
}

/// RFC 2784, with the key and the sequence number of RFC 2890 and the acknowledgement of
/// PPTP's version 1 (RFC 2637 section 4.1).
fn generic_routing(span: Span<'_>) -> Content<'_> {
    let (flags, protocol) = (span.u16(0)?, span.u16(2)?);
    let has = |bit: u16| flags & bit != 0;
    let words = |bits: &[u16]| bits.iter().filter(|bit| has(**bit)).count();
    let version = flags & 0x0007;
    let optional = match version {
        // Checksum and routing information share their word.
        0 => words(&[GRE_KEY, GRE_SEQUENCE])
            .saturating_add(usize::from(has(GRE_CHECKSUM | GRE_ROUTING))),
        1 if has(GRE_KEY) && has(GRE_SEQUENCE) && protocol == 0x880b => {
            words(&[GRE_KEY, GRE_SEQUENCE, GRE_ACKNOWLEDGEMENT])
        }
        _ => return None,
    };
    let mut rest = span.skip(optional.saturating_mul(4).saturating_add(4))?;
    if version == 0 && has(GRE_ROUTING) {
        rest = behind_routes(rest)?;
    }
    match protocol {
        0x88be if has(GRE_SEQUENCE) => {
            let is_second = rest.byte(0)? >> 4 == 1;
            is_second.then_some((Tunnel::Erspan, Layer::Ethernet, rest.skip(8)?))
        }
        0x88be => Some((Tunnel::Erspan, Layer::Ethernet, rest)),
        0x22eb => mirrored(rest),
        // Web cache redirection: an own header, unless an IPv4 packet starts at once.
        0x883e if rest.byte(0)? >> 4 == 4 => Some((Tunnel::Gre, Layer::Ip(Version::V4), rest)),
        0x883e => Some((Tunnel::Gre, Layer::Ip(Version::V4), rest.skip(4)?)),
        // A length of 802.3 means nothing here.
        0..=0x05ff => None,
        _ => Some((Tunnel::Gre, Layer::EtherType(protocol), rest)),
    }
}

/// Source routes of RFC 1701: entries up to one of no length.
fn behind_routes(mut span: Span<'_>) -> Option<Span<'_>> {
    for _ in 0..ROUTES_MAX {
        let [family_high, family_low, _, length] = span.at(0)?;
        span = span.skip(usize::from(length).saturating_add(4))?;
        if [family_high, family_low, length] == [0, 0, 0] {
            return Some(span);
        }
    }
    None
}

/// ERSPAN's third version: a frame type, and a platform's own header where a bit says so.
fn mirrored(span: Span<'_>) -> Content<'_> {
    let (version, flags) = (span.byte(0)? >> 4, span.u16(10)?);
    let header_bytes = if flags & 1 == 1 { 20 } else { 12 };
    let rest = span.skip(header_bytes)?;
    let layer = match (version, flags >> 10 & 0x1f) {
        (2, 0) => Layer::Ethernet,
        (2, 2) => Layer::Ip(Version::Either),
        _ => return None,
    };
    Some((Tunnel::Erspan, layer, rest))
}

/// RFC 3378: a version of 3 and twelve zero bits.
fn ether_ip(span: Span<'_>) -> Content<'_> {
    let is_sound = span.u16(0)? == 0x3000;
    is_sound.then_some((Tunnel::EtherIp, Layer::Ethernet, span.skip(2)?))
}

/// RFC 7348 section 5: the flag of a valid network identifier. The reserved fields are
/// ignored on receipt, as it demands; group policies and vendors' fabrics use them.
fn vxlan(span: Span<'_>) -> Content<'_> {
    let is_sound = span.byte(0)? & 0x08 != 0;
    is_sound.then_some((Tunnel::Vxlan, Layer::Ethernet, span.skip(8)?))
}

/// The generic protocol extension: version 0, and the next protocol where a bit says so.
fn vxlan_generic(span: Span<'_>) -> Content<'_> {
    let [flags, first, second, next, _, _, _, reserved] = span.at(0)?;
    let is_sound = flags & 0xf8 == 0x08 && (first, second, reserved) == (0, 0, 0);
    let layer = match (is_sound, flags & 0x04 != 0) {
        (true, true) => carried(next)?,
        (true, false) => Layer::Ethernet,
        _ => return None,
    };
    Some((Tunnel::Vxlan, layer, span.skip(8)?))
}

/// RFC 8926 section 3.4.
fn geneve(span: Span<'_>) -> Content<'_> {
    let [version, flags, high, low, _, _, _, reserved] = span.at(0)?;
    let options_bytes = usize::from(version & 0x3f).saturating_mul(4);
    let is_control = flags & 0x80 != 0;
    if version >> 6 != 0 || is_control || flags & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let layer = match u16::from_be_bytes([high, low]) {
        0..=0x05ff => return None,
        ether_type if is_vlan_tag(ether_type) => return None,
        ether_type => Layer::EtherType(ether_type),
    };
    let rest = span.skip(options_bytes.saturating_add(8))?;
    Some((Tunnel::Geneve, layer, rest))
}

/// 3GPP TS 29.281 section 5: version 1, no prime, and of all messages the one that
/// carries a packet of the user.
fn gprs_user_plane(span: Span<'_>) -> Content<'_> {
    let [flags, message] = span.at(0)?;
    if flags & 0xf8 != 0x30 || message != 0xff {
        return None;
    }
    let stated = span.u16(2)?;
    let mut rest = span.skip(8)?.limit(stated.into());
    if flags & 0x07 != 0 {
        // Sequence and N-PDU number, then the type of the first extension header, which
        // counts only with its bit.
        let has_extensions = flags & 0x04 != 0;
        let next = rest.byte(3)?;
        rest = rest.skip(4)?;
        if has_extensions {
            rest = behind_extensions(next, rest)?;
        }
    }
    Some((Tunnel::GtpU, Layer::Ip(Version::Either), rest))
}

/// Extension headers of GTP-U: a length in words, and the next type at the end.
fn behind_extensions(mut next: u8, mut span: Span<'_>) -> Option<Span<'_>> {
    for _ in 0..EXTENSIONS_MAX {
        if next == 0 {
            return Some(span);
        }
        let length = usize::from(span.byte(0)?).saturating_mul(4);
        next = span.byte(length.checked_sub(1)?)?;
        span = span.skip(length)?;
    }
    None
}

/// RFC 4380 section 5.1.1: an authentication header and an origin indication may stand
/// before the IPv6 packet.
fn teredo(mut span: Span<'_>) -> Content<'_> {
    if let Some([0, 1, identifier, value]) = span.at(0) {
        let lengths = usize::from(identifier).saturating_add(value.into());
        span = span.skip(lengths.saturating_add(13))?;
    }
    if span.at(0) == Some([0, 0]) {
        span = span.skip(8)?;
    }
    Some((Tunnel::Teredo, Layer::Ip(Version::V6), span))
}

/// RFC 2661 section 3.1: data messages of version 2, which carry PPP.
fn layer_two(span: Span<'_>) -> Content<'_> {
    let flags = span.u16(0)?;
    let has = |bit: u16| flags & bit != 0;
    if flags & 0xb4ff != 0x0002 {
        return None;
    }
    let mut span = span;
    let mut offset: usize = 6;
    if has(L2TP_LENGTH) {
        span = span.limit(span.u16(2)?.into());
        offset = 8;
    }
    if has(L2TP_SEQUENCE) {
        offset = offset.saturating_add(4);
    }
    if has(L2TP_OFFSET) {
        let padding = span.u16(offset)?;
        offset = offset.saturating_add(2).saturating_add(padding.into());
    }
    Some((Tunnel::L2tp, Layer::Ppp, span.skip(offset)?))
}

/// RFC 3931 section 4.1.1: a session that is not 0, which is that of control messages.
/// Neither the length of the cookie behind it nor what comes then is announced; read is
/// an Ethernet frame where one with an IP packet starts at one of the possible places.
fn layer_two_in_ip(span: Span<'_>) -> Content<'_> {
    if span.u32(0)? == 0 {
        return None;
    }
    let is_frame = |start: usize| {
        let ether_type = span.u16(start.saturating_add(12));
        let first = span.byte(start.saturating_add(14));
        matches!(
            (ether_type, first),
            (Some(0x0800), Some(0x45..=0x4f)) | (Some(0x86dd), Some(0x60..=0x6f))
        )
    };
    let start = [4, 8, 12, 16].into_iter().find(|start| is_frame(*start))?;
    Some((Tunnel::L2tp, Layer::Ethernet, span.skip(start)?))
}

/// Ports of tunnels in UDP. VXLAN has its own number from IANA and another in Linux.
const L2TP: u16 = 1_701;
const GTP_U: u16 = 2_152;
const TEREDO: u16 = 3_544;
const VXLAN: u16 = 4_789;
const VXLAN_GPE: u16 = 4_790;
const GENEVE: u16 = 6_081;
const MPLS: u16 = 6_635;
const VXLAN_LINUX: u16 = 8_472;

/// The port of DHCP servers, which lend addresses.
const DHCP: u16 = 67;

/// One bit for each of those ports, by its remainder.
const PORT_BITS: u64 = 1 << (DHCP & 63)
    | 1 << (L2TP & 63)
    | 1 << (GTP_U & 63)
    | 1 << (TEREDO & 63)
    | 1 << (VXLAN & 63)
    | 1 << (VXLAN_GPE & 63)
    | 1 << (GENEVE & 63)
    | 1 << (MPLS & 63)
    | 1 << (VXLAN_LINUX & 63);

/// Bits of a GRE header.
const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;

/// Bits of an L2TP header.
const L2TP_LENGTH: u16 = 0x4000;
const L2TP_SEQUENCE: u16 = 0x0800;
const L2TP_OFFSET: u16 = 0x0200;

/// Source routes of one GRE header that are followed.
const ROUTES_MAX: usize = 16;

/// Extension headers of one GTP-U packet that are followed.
const EXTENSIONS_MAX: usize = 16;
