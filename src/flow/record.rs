//! What is told of one conversation.

use std::net::IpAddr;

use crate::decode::TunnelPath;
use crate::geo::Place;
use crate::time::Timestamp;

use super::FlowKey;

/// An address and a port; the port is 0 where the protocol has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IP address.
    pub address: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

/// One of the two directions of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the initiator.
    Forward,
    /// Towards the initiator.
    Reverse,
}

/// What one direction of a flow has carried. Bytes of headers and payload, never cut by a
/// snap length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Original lengths of the records, link layer included.
    pub wire_bytes: u64,
    /// Lengths that the IP headers state.
    pub ip_bytes: u64,
    /// Bytes behind the transport headers.
    pub payload_bytes: u64,
    /// Payload less what TCP sent again.
    pub unique_bytes: u64,
    /// Bytes that sequence numbers or the acknowledgements of the other side show and that
    /// were never seen: lost on the way to the sensor. At least so many, unless the other
    /// side acknowledges what was never sent.
    pub missing_bytes: u64,
}

/// Why a flow record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides sent FIN.
    Fin,
    /// One side sent RST.
    Rst,
    /// No packet for the idle time.
    Idle,
    /// The active time is over; the flow goes on in a new record.
    Active,
    /// It gave way to another flow when the table was full.
    Evicted,
    /// The input ended.
    EndOfInput,
}

impl End {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Rst => "rst",
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Evicted => "evicted",
            Self::EndOfInput => "end_of_input",
        }
    }
}

/// Both directions of one conversation.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Its key in the table.
    pub key: FlowKey,
    /// The initiator, or the first sender seen where `midstream`.
    pub src: Endpoint,
    /// The other side.
    pub dst: Endpoint,
    /// Whether packets carried ports.
    pub has_ports: bool,
    /// TCP whose opening was not seen.
    pub midstream: bool,
    /// Whether data came again and was other data, where that is compared. It stays so for
    /// the later records of the flow.
    pub overlap: bool,
    /// VLAN in which the asset sent last, where it exports with a tag; else of the first packet.
    pub vlan: Option<u16>,
    /// Tunnels around the first packet.
    pub tunnel: TunnelPath,
    /// Earliest packet of this record.
    pub first: Timestamp,
    /// Latest packet of this record.
    pub last: Timestamp,
    /// From the initiator.
    pub forward: Traffic,
    /// To the initiator.
    pub reverse: Traffic,
    /// The direction, if any, in which payload has left a home asset for a foreign peer, or
    /// would. It is known once payload has been seen.
    pub export: Option<Direction>,
    /// Where the foreign peer is, if `export` has a direction.
    pub peer: Place,
    /// Nanoseconds from one end to the other and back, at most [`u32::MAX`]: from the SYN to
    /// the ACK of the handshake, if SYN and SYN/ACK were each seen once.
    pub round_trip_nanos: Option<u32>,
}

impl Flow {
    /// IANA protocol number.
    pub const fn protocol(&self) -> u8 {
        self.key.protocol
    }

    /// Packets of this record, both directions.
    pub const fn packets(&self) -> u64 {
        self.forward.packets + self.reverse.packets
    }

    /// Whether only one side was heard.
    pub const fn is_one_way(&self) -> bool {
        self.forward.packets == 0 || self.reverse.packets == 0
    }

    /// The asset's end and the foreign end, if this flow carries an export.
    pub const fn export_ends(&self) -> Option<(Endpoint, Endpoint)> {
        match self.export {
            Some(Direction::Forward) => Some((self.src, self.dst)),
            Some(Direction::Reverse) => Some((self.dst, self.src)),
            None => None,
        }
    }
}
