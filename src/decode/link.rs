//! The link layer: where the IP header starts, and which one is announced.

use etherparse::{
    EtherType, Ethernet2Header, Ethernet2HeaderSlice, LinuxSllHeader, SingleVlanHeader,
    SingleVlanHeaderSlice, ether_type,
};

use super::{Reason, bytes_at};
use crate::capture::LinkType;

/// What stands before the IP header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// What the link layer says comes next.
    pub(super) network: Network,
    /// Bytes before the IP header, VLAN tags included.
    pub(super) header_bytes: usize,
    /// Outermost VLAN identifier.
    pub(super) vlan: Option<u16>,
}

/// The version of IP that a link layer announces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network {
    /// IPv4 and nothing else.
    Ipv4,
    /// IPv6 and nothing else.
    Ipv6,
    /// Either: the IP header says it alone.
    Ip,
}

/// Reads the link header at the start of `data`.
pub(super) fn read(link_type: LinkType, data: &[u8]) -> Result<Link, Reason> {
    match link_type {
        LinkType::ETHERNET => {
            let header =
                Ethernet2HeaderSlice::from_slice(data).map_err(|_| Reason::LinkTruncated)?;
            behind_tags(data, header.ether_type(), Ethernet2Header::LEN)
        }
        // The other fields are not asked for: etherparse refuses hardware types that it
        // does not know, tunnel devices among them, though their protocol field is sound.
        LinkType::LINUX_SLL => {
            let protocol = bytes_at(data, SLL_PROTOCOL_OFFSET).ok_or(Reason::LinkTruncated)?;
            behind_tags(
                data,
                EtherType(u16::from_be_bytes(protocol)),
                LinuxSllHeader::LEN,
            )
        }
        LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_DLT_OPENBSD => {
            Ok(Link::untagged(Network::Ip, 0))
        }
        LinkType::IPV4 => Ok(Link::untagged(Network::Ipv4, 0)),
        LinkType::IPV6 => Ok(Link::untagged(Network::Ipv6, 0)),
        LinkType::NULL => {
            let family = bytes_at(data, 0).ok_or(Reason::LinkTruncated)?;
            behind_family(u32::from_le_bytes(family))
                .or_else(|_| behind_family(u32::from_be_bytes(family)))
        }
        LinkType::LOOP => {
            let family = bytes_at(data, 0).ok_or(Reason::LinkTruncated)?;
            behind_family(u32::from_be_bytes(family))
        }
        _ => Err(Reason::LinkType),
    }
}

impl Link {
    fn untagged(network: Network, header_bytes: usize) -> Self {
        Self {
            network,
            header_bytes,
            vlan: None,
        }
    }
}

/// Follows VLAN tags from `header_bytes` on. A type below 0x0600 is the length of an
/// 802.3 frame (IEEE 802.3 clause 3.2.6) and is not IP like any other unknown number.
fn behind_tags(
    data: &[u8],
    mut ether_type: EtherType,
    mut header_bytes: usize,
) -> Result<Link, Reason> {
    let mut vlan = None;
    for _ in 0..TAGS_MAX {
        if !is_tag(ether_type) {
            break;
        }
        let rest = data.get(header_bytes..).unwrap_or_default();
        let tag = SingleVlanHeaderSlice::from_slice(rest).map_err(|_| Reason::LinkTruncated)?;
        // Identifier 0 carries a priority and names no VLAN (IEEE 802.1Q table 9-2).
        let identifier = tag.vlan_identifier().value();
        vlan = vlan.or_else(|| (identifier != 0).then_some(identifier));
        ether_type = tag.ether_type();
        header_bytes = header_bytes.saturating_add(SingleVlanHeader::LEN);
    }
    let network = match ether_type {
        ether_type::IPV4 => Network::Ipv4,
        ether_type::IPV6 => Network::Ipv6,
        ether_type::ARP => return Err(Reason::Arp),
        _ => return Err(Reason::NotIp),
    };
    Ok(Link {
        network,
        header_bytes,
        vlan,
    })
}

fn is_tag(ether_type: EtherType) -> bool {
    matches!(
        ether_type,
        ether_type::VLAN_TAGGED_FRAME
            | ether_type::PROVIDER_BRIDGING
            | ether_type::VLAN_DOUBLE_TAGGED_FRAME
    )
}

/// Reads a BSD address family. IPv6 has another number on each of the BSDs and on macOS,
/// and Linux programs that write such files use their own.
fn behind_family(family: u32) -> Result<Link, Reason> {
    match family {
        2 => Ok(Link::untagged(Network::Ipv4, FAMILY_BYTES)),
        10 | 24 | 28 | 30 => Ok(Link::untagged(Network::Ipv6, FAMILY_BYTES)),
        _ => Err(Reason::NotIp),
    }
}

/// VLAN tags that are followed.
const TAGS_MAX: usize = 3;

/// Where a Linux cooked header has its protocol field.
const SLL_PROTOCOL_OFFSET: usize = 14;

/// Length of the header of a NULL or LOOP frame.
const FAMILY_BYTES: usize = 4;
