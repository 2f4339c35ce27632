//! Frames to packets: the innermost IP header's facts that the sensor counts.
//!
//! [`decode`] never fails and never panics. A frame becomes a [`Packet`] or a
//! [`Reason`] why it did not, and every reason is counted, so that frames read are
//! always packets counted plus frames dropped.
//!
//! Bytes come from the IP header and from the record's original length. A snap length
//! cuts what is captured, never what is counted: a header that was cut takes its name
//! and its ports with it, but not the packet.
//!
//! Two paths give the same result. The fast one reads plain Ethernet at fixed offsets, is
//! small enough to be part of its caller's loop, and writes each packet once. The general
//! one goes header by header through link layers ([`Reason`] says which are not read), IP,
//! extension headers and [`Tunnel`]s, with work bounded by named constants. The etherparse
//! crate reads IPv6 and its extension headers there, and is the oracle of the tests for the
//! rest.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod ethernet;
mod fast;
mod fingerprint;
mod general;
mod ip;
mod link;
mod message;
mod packet;
mod path;
mod serial;
mod sighting;
mod span;
mod transport;
mod tunnel;
mod wireless;

pub use fingerprint::fingerprint;
pub use message::{ICMP, ICMPV6, ONE_WAY, tell_messages_apart};
pub use packet::{Facts, Fragment, Packet, Reason, TcpSegment, address, address_bits};
pub use path::{Tunnel, TunnelPath};
pub use sighting::{Mac, SIGHTINGS_MAX, Said, Sighting, Sightings};

use crate::capture::Frame;

/// Reads one frame, down to the transport header of its innermost IP packet.
///
/// A packet in a tunnel is the one that is counted, and the tunnels around it are its
/// [`TunnelPath`]. Where a tunnel carries something that is not IP or cannot be read, the
/// packet around it is counted. An ICMP error is a packet of ICMP: the header it quotes is
/// no packet. What is not an IP packet, or contradicts itself, is a [`Reason`].
#[inline]
pub fn decode(frame: &Frame<'_>) -> Result<Packet, Reason> {
    let mut packet = Packet::default();
    decode_into(frame, &mut packet, &mut Sightings::default()).map(|()| packet)
}

/// As [`decode`], but writes the packet where it is to stay, and adds to `sightings` what
/// the frame tells of who has an address. Where there is no packet, `packet` stays as it is.
#[inline(always)]
pub fn decode_into(
    frame: &Frame<'_>,
    packet: &mut Packet,
    sightings: &mut Sightings,
) -> Result<(), Reason> {
    match fast::read(frame, packet) {
        Some(()) => Ok(()),
        // What tells of owners of addresses is none of the frames that are read fast.
        None => general::read(*frame, packet, sightings),
    }
}

#[cfg(test)]
mod tests;
