//! The contract between a source of frames and everything behind it.

use std::ops::Range;

use pcap::Precision;

use crate::time::Timestamp;

/// One captured frame, borrowed from its source until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured, in packet time.
    pub timestamp: Timestamp,
    /// Length in bytes on the wire, which a snap length does not change.
    pub original_length: u32,
    /// What the first byte of `data` belongs to.
    pub link_type: LinkType,
    /// The captured bytes, at most `original_length` of them.
    pub data: &'a [u8],
}

/// A source that can lend the frames that stand in its memory one after the other, with no
/// word between them.
pub trait Lender {
    /// Lends the next frames to `taker`, up to `frames_max` of them and up to the first that is
    /// not of `times`, as far as they stand ready and nothing about them is unusual. Returns
    /// how many it has lent. Where it is none, there may be a frame all the same: the source
    /// must be asked for it by itself.
    fn lend_ready(
        &mut self,
        frames_max: usize,
        times: &Range<Timestamp>,
        taker: &mut impl Taker,
    ) -> usize;
}

/// What a [`Lender`] lends its frames to.
pub trait Taker {
    /// Takes the next frame. It is part of the lender's loop if its body is inlined always,
    /// which was measured to be worth 25 instructions a frame.
    fn take(&mut self, frame: &Frame<'_>);
}

/// A link-layer header type, by its LINKTYPE number.
///
/// Source: <https://www.tcpdump.org/linktypes.html>. Where the DLT of a platform differs
/// from the LINKTYPE (RAW is DLT 12 or 14), both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub i32);

impl LinkType {
    /// BSD loopback: a four-byte address family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// Ethernet II or 802.3.
    pub const ETHERNET: Self = Self(1);
    /// IEEE 802.5 Token Ring.
    pub const TOKEN_RING: Self = Self(6);
    /// PPP, with or without its address and control fields.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// An IP packet with nothing before it, as libpcap numbers it on most systems.
    pub const RAW_DLT: Self = Self(12);
    /// An IP packet with nothing before it, as OpenBSD numbers it.
    pub const RAW_DLT_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing, or Cisco HDLC.
    pub const PPP_SERIAL: Self = Self(50);
    /// PPP over Ethernet, from its own header on.
    pub const PPP_ETHER: Self = Self(51);
    /// Logical link control over ATM (RFC 2684).
    pub const ATM_RFC1483: Self = Self(100);
    /// An IP packet with nothing before it, as files number it.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// Frame Relay.
    pub const FRAME_RELAY: Self = Self(107);
    /// OpenBSD loopback: a four-byte address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// IEEE 802.11 behind a Prism header.
    pub const PRISM: Self = Self(119);
    /// IEEE 802.11 behind a radiotap header.
    pub const RADIOTAP: Self = Self(127);
    /// IEEE 802.11 behind an AVS header.
    pub const AVS: Self = Self(163);
    /// Any of these behind a header of per-packet information.
    pub const PPI: Self = Self(192);
    /// An IPv4 packet with nothing before it.
    pub const IPV4: Self = Self(228);
    /// An IPv6 packet with nothing before it.
    pub const IPV6: Self = Self(229);

    /// What Linux's netfilter logged.
    pub const NFLOG: Self = Self(239);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// Whether `decode` reads frames of this type.
    pub const fn is_supported(self) -> bool {
        matches!(
            self,
            Self::NULL
                | Self::ETHERNET
                | Self::TOKEN_RING
                | Self::PPP
                | Self::FDDI
                | Self::RAW_DLT
                | Self::RAW_DLT_OPENBSD
                | Self::PPP_SERIAL
                | Self::PPP_ETHER
                | Self::ATM_RFC1483
                | Self::RAW
                | Self::CISCO_HDLC
                | Self::IEEE802_11
                | Self::FRAME_RELAY
                | Self::LOOP
                | Self::LINUX_SLL
                | Self::PRISM
                | Self::RADIOTAP
                | Self::AVS
                | Self::PPI
                | Self::IPV4
                | Self::IPV6
                | Self::NFLOG
                | Self::LINUX_SLL2
        )
    }
}

/// Turns libpcap's record into ours. The handle's precision decides what the fraction of
/// its timestamps counts, whatever the name of the field says.
pub(super) fn frame<'a>(
    packet: &pcap::Packet<'a>,
    link_type: LinkType,
    precision: Precision,
) -> Frame<'a> {
    let captured_length = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
    let time = packet.header.ts;
    let nanos = match precision {
        Precision::Nano => time.tv_usec,
        Precision::Micro => time.tv_usec.saturating_mul(1_000),
    };
    Frame {
        timestamp: Timestamp::from_parts(time.tv_sec, nanos),
        original_length: packet.header.len.max(captured_length),
        link_type,
        data: packet.data,
    }
}
