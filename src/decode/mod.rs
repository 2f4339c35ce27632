//! Frames to packets: the outermost IP header's facts that the sensor counts.
//!
//! [`decode`] never fails and never panics. A frame becomes a [`Packet`] or a
//! [`Reason`] why it did not, and every reason is counted, so that frames read are
//! always packets counted plus frames dropped.
//!
//! Bytes come from the IP header and from the record's original length. A snap length
//! cuts what is captured, never what is counted: a header that was cut takes its name
//! and its ports with it, but not the packet.
//!
//! The etherparse crate reads the headers that are whole. Where it asks for more than is
//! needed (its TCP slice wants every option, its IPv4 slice too), the fields stand at
//! fixed offsets and are read from there.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod ip;
mod link;
mod packet;
mod transport;

pub use packet::{Facts, Fragment, Packet, Reason, TcpSegment, TunnelPath, address, address_bits};

use crate::capture::Frame;

/// Reads one frame, down to the transport header of its outermost IP packet.
///
/// A packet inside a tunnel is payload: IP in IP is a packet of protocol 4, GRE one of
/// protocol 47. What is not an IP packet, or contradicts itself, is a [`Reason`].
pub fn decode(frame: &Frame<'_>) -> Result<Packet, Reason> {
    let captured_bytes = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
    let wire_bytes = frame.original_length.max(captured_bytes);

    let link = link::read(frame.link_type, frame.data)?;
    let behind_link = frame.data.get(link.header_bytes..).unwrap_or_default();
    let link_bytes = u32::try_from(link.header_bytes).unwrap_or(u32::MAX);
    let datagram = ip::read(
        link.network,
        behind_link,
        wire_bytes.saturating_sub(link_bytes),
    )?;

    let segment_bytes = datagram.ip_bytes.saturating_sub(datagram.header_bytes);
    let transport = match datagram.fragment {
        Fragment::Later => transport::Transport::default(),
        _ => transport::read(datagram.protocol, datagram.body, segment_bytes),
    };
    let (src_port, dst_port) = transport.ports.unwrap_or_default();
    let tcp = transport.tcp;
    let mut facts = Facts::default();
    let known = [
        (datagram.src.is_ipv6(), Facts::IPV6),
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
    Ok(Packet {
        src: address_bits(datagram.src),
        dst: address_bits(datagram.dst),
        timestamp: frame.timestamp,
        wire_bytes,
        ip_bytes: datagram.ip_bytes,
        payload_bytes: segment_bytes.saturating_sub(transport.header_bytes),
        sequence: tcp.map_or(0, |tcp| tcp.sequence),
        acknowledgement: tcp.map_or(0, |tcp| tcp.acknowledgement),
        tunnel: TunnelPath::default(),
        src_port,
        dst_port,
        vlan_id: link.vlan.unwrap_or(0),
        protocol: datagram.protocol,
        tcp_flags: tcp.map_or(0, |tcp| tcp.flags),
        facts,
    })
}

/// The `N` bytes that start at `offset`, if all of them were captured.
fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests;
