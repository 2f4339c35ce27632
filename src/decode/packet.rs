//! What a frame says, once read.

use std::net::IpAddr;

use crate::time::Timestamp;

/// One IP packet of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When it was captured.
    pub timestamp: Timestamp,
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// Sender's TCP or UDP port, and 0 where the protocol or the fragment has none.
    pub src_port: u16,
    /// Receiver's TCP or UDP port, and 0 where there is none.
    pub dst_port: u16,
    /// IANA protocol number of the payload, behind IPv6 extension headers.
    pub protocol: u8,
    /// Whether the two ports were read from the packet.
    pub has_ports: bool,
    /// Outermost VLAN identifier.
    pub vlan: Option<u16>,
    /// The record's original length in bytes, link layer included.
    pub wire_bytes: u32,
    /// Length in bytes that the IP header states, at most what was on the wire.
    pub ip_bytes: u32,
    /// Bytes behind the transport header (behind the IP headers where the transport is unknown).
    pub payload_bytes: u32,
    /// Sequence facts, where this is TCP and its header was captured.
    pub tcp: Option<TcpSegment>,
    /// Place in a fragmented datagram.
    pub fragment: Fragment,
}

/// The part of a TCP header that the flow table follows (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSegment {
    /// Sequence number of the first payload byte, or of the SYN.
    pub sequence: u32,
    /// Acknowledgement number; meaningful only with [`TcpSegment::ACK`].
    pub acknowledgement: u32,
    /// The eight flag bits, FIN lowest.
    pub flags: u8,
}

impl TcpSegment {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// The acknowledgement field is significant.
    pub const ACK: u8 = 0x10;

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// Whether a packet is a whole datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fragment {
    /// Not fragmented.
    #[default]
    Whole,
    /// The first fragment, which carries the transport header.
    First,
    /// Any other fragment: no ports, payload only.
    Later,
}

/// Why a frame became no packet. Each is counted by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The link layer header was cut.
    LinkTruncated,
    /// Address resolution, which is not IP.
    Arp,
    /// An EtherType (or its like) that is not IP, or an 802.3 frame.
    NotIp,
    /// The IP header was cut.
    IpTruncated,
    /// The IP header contradicts itself: version, header length or total length.
    IpMalformed,
    /// More IPv6 extension headers than are followed.
    ExtensionChain,
    /// The link type is not one that is read.
    LinkType,
}

impl Reason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 7] = [
        Self::LinkTruncated,
        Self::Arp,
        Self::NotIp,
        Self::IpTruncated,
        Self::IpMalformed,
        Self::ExtensionChain,
        Self::LinkType,
    ];

    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LinkTruncated => "link_truncated",
            Self::Arp => "arp",
            Self::NotIp => "not_ip",
            Self::IpTruncated => "ip_truncated",
            Self::IpMalformed => "ip_malformed",
            Self::ExtensionChain => "extension_chain",
            Self::LinkType => "link_type",
        }
    }
}
