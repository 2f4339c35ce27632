//! The general path: every link type, every tunnel, header by header.

use super::ip::{self, Datagram};
use super::link::{self, Layer};
use super::span::{Span, length, place, wire_bytes};
use super::transport::{self, Transport};
use super::{Facts, Fragment, Packet, Reason, Sightings, TunnelPath, sighting, tunnel};
use crate::capture::Frame;

/// Reads one frame, down to the transport header of its innermost IP packet.
#[cold]
#[inline(never)]
pub(super) fn read(
    frame: Frame<'_>,
    packet: &mut Packet,
    sightings: &mut Sightings,
) -> Result<(), Reason> {
    let network = link::descend(Layer::Frame(frame.link_type), Span::of(&frame));
    let network = network.inspect_err(|reason| {
        if *reason == Reason::Arp
            && let Some(sighting) = sighting::in_arp(frame)
        {
            sightings.add(sighting);
        }
    })?;
    let mut vlan_id = network.vlan_id;
    let mut datagram = ip::read(network.version, network.span)?;
    let mut transport = transport_of(&datagram);
    let mut path = TunnelPath::default();
    while let Some(inside) = tunnel::inside(&datagram, &transport)? {
        path = path.inside(inside.tunnel).ok_or(Reason::TunnelDepth)?;
        datagram = inside.datagram;
        transport = transport_of(&datagram);
        if vlan_id == 0 {
            vlan_id = inside.vlan_id;
        }
    }
    if path == TunnelPath::default()
        && let Some(sighting) = sighting::in_packet(frame, &datagram, &transport)
    {
        sightings.add(sighting);
    }
    *packet = made(&frame, &datagram, &transport, path, vlan_id);
    Ok(())
}

fn transport_of(datagram: &Datagram<'_>) -> Transport {
    match datagram.fragment {
        Fragment::Later => Transport::default(),
        _ => transport::read(datagram.protocol, datagram.body),
    }
}

fn made(
    frame: &Frame<'_>,
    datagram: &Datagram<'_>,
    transport: &Transport,
    tunnel: TunnelPath,
    vlan_id: u16,
) -> Packet {
    let (src_port, dst_port) = transport.ports.unwrap_or_default();
    let tcp = transport.tcp;
    let is_whole = datagram.fragment == Fragment::Whole;
    let mut facts = Facts::default();
    let known = [
        (datagram.is_ipv6, Facts::IPV6),
        (transport.ports.is_some(), Facts::PORTS),
        (tcp.is_some(), Facts::TCP),
        (datagram.fragment == Fragment::First, Facts::FIRST_FRAGMENT),
        (datagram.fragment == Fragment::Later, Facts::LATER_FRAGMENT),
    ];
    for (is_so, fact) in known {
        if is_so {
            facts = facts.with(fact);
        }
    }
    let header_bytes = usize::try_from(transport.header_bytes).unwrap_or(usize::MAX);
    let body = datagram.body;
    Packet {
        src: datagram.src,
        dst: datagram.dst,
        timestamp: frame.timestamp,
        wire_bytes: wire_bytes(frame),
        ip_bytes: datagram.ip_bytes,
        payload_bytes: body.wire_bytes.saturating_sub(transport.header_bytes),
        sequence: match tcp {
            Some(tcp) if is_whole => tcp.sequence,
            _ => datagram.identification,
        },
        acknowledgement: tcp.map_or(0, |tcp| tcp.acknowledgement),
        tunnel,
        src_port,
        dst_port,
        vlan_id,
        ip_offset: place(length(datagram.offset)),
        payload_offset: place(length(body.offset.saturating_add(header_bytes))),
        protocol: datagram.protocol,
        tcp_flags: tcp.map_or(0, |tcp| tcp.flags),
        facts,
    }
}
