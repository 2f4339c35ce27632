//! What a frame says, once read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::TunnelPath;
use crate::time::Timestamp;

/// One IP packet of the wire, the innermost where it is in tunnels: 80 bytes, so that
/// batches of them stay in a core's cache.
///
/// Addresses are held as 128 bits whatever their version, an IPv4 address v4-mapped
/// (RFC 4291 section 2.5.5.2), so that the flow table compares and hashes numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Sender, as 128 bits.
    pub src: u128,
    /// Receiver, as 128 bits.
    pub dst: u128,
    /// When it was captured.
    pub timestamp: Timestamp,
    /// The record's original length in bytes, link layer included.
    pub wire_bytes: u32,
    /// Length in bytes that the IP header states, at most what was on the wire.
    pub ip_bytes: u32,
    /// Bytes behind the transport header (behind the IP headers where the transport is unknown).
    pub payload_bytes: u32,
    /// TCP's sequence number, and of a fragment of any protocol the identification that
    /// its datagram has.
    pub sequence: u32,
    /// TCP's acknowledgement number; meaningful only with [`TcpSegment::ACK`].
    pub acknowledgement: u32,
    /// The tunnels around it.
    pub tunnel: TunnelPath,
    /// Sender's port, and 0 where the protocol or the fragment has none.
    pub src_port: u16,
    /// Receiver's port, and 0 where there is none.
    pub dst_port: u16,
    /// Outermost VLAN identifier, and 0 where there is none.
    pub vlan_id: u16,
    /// Where its IP header starts in the frame; 65,535 for that and beyond.
    pub ip_offset: u16,
    /// Where its payload starts in the frame, captured or not; 65,535 for that and beyond.
    pub payload_offset: u16,
    /// IANA protocol number of the payload, behind IPv6 extension headers.
    pub protocol: u8,
    /// TCP's eight flag bits, FIN lowest; 0 without a TCP header.
    pub tcp_flags: u8,
    /// What is known of it.
    pub facts: Facts,
}

/// A batch of packets must stay small.
const _: () = assert!(size_of::<Packet>() == 80);

impl Packet {
    /// Sender.
    pub const fn src_address(&self) -> IpAddr {
        address(self.src, self.facts.has(Facts::IPV6))
    }

    /// Receiver.
    pub const fn dst_address(&self) -> IpAddr {
        address(self.dst, self.facts.has(Facts::IPV6))
    }

    /// Sequence facts, where this is TCP and its header was captured. The sequence number
    /// is one only if this is no fragment.
    pub const fn tcp(&self) -> Option<TcpSegment> {
        if !self.facts.has(Facts::TCP) {
            return None;
        }
        Some(TcpSegment {
            sequence: self.sequence,
            acknowledgement: self.acknowledgement,
            flags: self.tcp_flags,
        })
    }

    /// Whether the two ports were read from the packet.
    pub const fn has_ports(&self) -> bool {
        self.facts.has(Facts::PORTS)
    }

    /// Outermost VLAN identifier.
    pub const fn vlan(&self) -> Option<u16> {
        match self.vlan_id {
            0 => None,
            identifier => Some(identifier),
        }
    }

    /// Place in a fragmented datagram.
    pub const fn fragment(&self) -> Fragment {
        if self.facts.has(Facts::LATER_FRAGMENT) {
            Fragment::Later
        } else if self.facts.has(Facts::FIRST_FRAGMENT) {
            Fragment::First
        } else {
            Fragment::Whole
        }
    }
}

/// The address that 128 bits of a packet or flow stand for. Which version it is they do not
/// tell: a v4-mapped address of IPv6 has the same.
pub const fn address(bits: u128, is_ipv6: bool) -> IpAddr {
    if is_ipv6 {
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    } else {
        IpAddr::V4(Ipv4Addr::from_bits(bits as u32))
    }
}

/// The bits of an address, as packets and flows hold it.
pub const fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A set of things that are known of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts(pub u8);

impl Facts {
    /// The addresses are of IPv6; a v4-mapped one on the wire stays one.
    pub const IPV6: Self = Self(1);
    /// Both ports were read.
    pub const PORTS: Self = Self(1 << 1);
    /// The TCP header was captured.
    pub const TCP: Self = Self(1 << 2);
    /// The first fragment of a datagram, which carries the transport header.
    pub const FIRST_FRAGMENT: Self = Self(1 << 3);
    /// Any other fragment: no ports, payload only.
    pub const LATER_FRAGMENT: Self = Self(1 << 4);
    /// It overlaps with data that was seen before and was other data, as far as that is
    /// compared.
    pub const OVERLAP: Self = Self(1 << 5);
    /// Its payload is of a beginning, and goes along to be read.
    pub const OPENING: Self = Self(1 << 6);

    /// Whether all of `other` are among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
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
    /// More tunnels around it, or more tags and labels before it, than are followed.
    TunnelDepth,
    /// The link layer encrypts it: 802.11 or MACsec.
    Encrypted,
    /// It was captured a second time, and such are counted once.
    Duplicate,
}

impl Reason {
    /// All reasons, in the order of their counters.
    pub const ALL: [Self; 10] = [
        Self::LinkTruncated,
        Self::Arp,
        Self::NotIp,
        Self::IpTruncated,
        Self::IpMalformed,
        Self::ExtensionChain,
        Self::LinkType,
        Self::TunnelDepth,
        Self::Encrypted,
        Self::Duplicate,
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
            Self::TunnelDepth => "tunnel_depth",
            Self::Encrypted => "encrypted",
            Self::Duplicate => "duplicate",
        }
    }
}
