//! Who has an address on the link, as frames tell it by the way: ARP, DHCP and neighbour
//! discovery.
//!
//! The source of an ordinary frame is not among them: it may be a router's. What is told
//! in a tunnel is not believed, since anybody can send a tunnel's packet here.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ip::Datagram;
use super::span::Span;
use super::transport::Transport;
use super::{Fragment, address, ethernet};
use crate::capture::{Frame, LinkType};

/// The address of a network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether a single card can have it: it is neither null nor a group's.
    pub const fn is_of_one(self) -> bool {
        let [first, ..] = self.0;
        first & 1 == 0 && self.number() != 0
    }

    /// Its 48 bits as a number that sorts as it does.
    pub const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = String;

    /// Six bytes in hexadecimal, two digits each, between colons or between hyphens.
    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is no MAC address: write it as 02:00:5e:10:00:01");
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            let part = part.filter(|part| part.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(part.ok_or_else(error)?, 16).map_err(|_| error())?;
        }
        if parts.next().is_some() {
            return Err(error());
        }
        let mac = Self(bytes);
        if !mac.is_of_one() {
            return Err(format!("`{text}` is the MAC address of no single card"));
        }
        Ok(mac)
    }
}

/// An address and the card that has it, by somebody's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// The address.
    pub address: IpAddr,
    /// The card.
    pub mac: Mac,
    /// Whose word it is.
    pub said: Said,
}

/// Who says that a card has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// Whoever sent ARP or neighbour discovery on the link: the card itself, a proxy of it,
    /// or a liar.
    ByNeighbour,
    /// A DHCP server, which lends the address.
    ByServer {
        /// The address that it sent from.
        server: Ipv4Addr,
        /// For how long it does, in seconds.
        seconds: u32,
    },
}

/// What was seen, each once, until it is taken.
#[derive(Debug, Default)]
pub struct Sightings {
    seen: BTreeSet<Sighting>,
    /// Sightings for which there was no room.
    pub dropped: u64,
}

/// Sightings that may wait to be taken: more than a large link shows in a second.
pub const SIGHTINGS_MAX: usize = 1_024;

impl Sightings {
    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Hands over what was seen, in order.
    pub fn take(&mut self) -> BTreeSet<Sighting> {
        std::mem::take(&mut self.seen)
    }

    /// Adds what was seen. Cards that are none, and addresses that belong to nobody, are
    /// passed over.
    pub fn add(&mut self, sighting: Sighting) {
        let address = sighting.address;
        if !sighting.mac.is_of_one() || address.is_unspecified() || address.is_multicast() {
            return;
        }
        if self.seen.len() < SIGHTINGS_MAX || self.seen.contains(&sighting) {
            self.seen.insert(sighting);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

/// What a frame of address resolution says of its sender (RFC 826): request or reply, also
/// the kind that nobody asked for. A probe (RFC 5227) has no sender yet.
pub(super) fn in_arp(frame: Frame<'_>) -> Option<Sighting> {
    if frame.link_type != LinkType::ETHERNET {
        return None;
    }
    let mut span = Span::of(&frame).skip(12)?;
    for _ in 0..TAGS_MAX {
        if ethernet::is_vlan_tag(span.u16(0)?) {
            span = span.skip(4)?;
        }
    }
    // The EtherType, then Ethernet and IPv4, the lengths of their addresses, the operation.
    let [0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1 | 2] = span.at(0)? else {
        return None;
    };
    let sender: [u8; 4] = span.at(16)?;
    Some(Sighting {
        address: sender.into(),
        mac: Mac(span.at(10)?),
        said: Said::ByNeighbour,
    })
}

/// What a packet in no tunnel says.
pub(super) fn in_packet(
    frame: Frame<'_>,
    datagram: &Datagram<'_>,
    transport: &Transport,
) -> Option<Sighting> {
    if datagram.fragment != Fragment::Whole {
        return None;
    }
    match (datagram.protocol, transport.ports) {
        // From a server to a client or to a relay.
        (UDP, Some((67, 67 | 68))) if !datagram.is_ipv6 => lease(datagram),
        (ICMPV6, _) if datagram.is_ipv6 => {
            // RFC 4861 section 7.1: what has passed a router was sent by nobody on the link.
            let hops = Span::of(&frame).byte(datagram.offset.checked_add(7)?)?;
            if hops == 255 {
                neighbour(datagram)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// An acknowledged lease of DHCP (RFC 2131 figure 1, RFC 2132).
fn lease(datagram: &Datagram<'_>) -> Option<Sighting> {
    let message = datagram.body.skip(8)?;
    // A reply, to the address of a card of Ethernet.
    let [2, 1, 6] = message.at(0)? else {
        return None;
    };
    let (yours, mac): ([u8; 4], [u8; 6]) = (message.at(16)?, message.at(28)?);
    if message.u32(236)? != DHCP_COOKIE {
        return None;
    }
    let options = message.skip(240)?;
    let (mut is_acknowledged, mut seconds, mut at) = (false, 0, 0_usize);
    for _ in 0..DHCP_OPTIONS_MAX {
        let Some(code) = options.byte(at).filter(|code| *code != 255) else {
            break;
        };
        if code == 0 {
            at = at.checked_add(1)?;
            continue;
        }
        let length = options.byte(at.checked_add(1)?)?;
        let value = at.checked_add(2)?;
        match (code, length) {
            (53, 1) => is_acknowledged = options.byte(value)? == DHCP_ACK,
            (51, 4) => seconds = options.u32(value)?,
            _ => {}
        }
        at = value.checked_add(length.into())?;
    }
    let server = Ipv4Addr::from_bits(datagram.src as u32);
    is_acknowledged.then_some(Sighting {
        address: yours.into(),
        mac: Mac(mac),
        said: Said::ByServer { server, seconds },
    })
}

/// A solicitation, which tells of its sender, or an advertisement, which tells of its
/// target (RFC 4861 sections 4.3 and 4.4).
fn neighbour(datagram: &Datagram<'_>) -> Option<Sighting> {
    let message = datagram.body;
    let (bits, wanted) = match message.at(0)? {
        [135, 0] => (datagram.src, 1),
        [136, 0] => (u128::from_be_bytes(message.at(8)?), 2),
        _ => return None,
    };
    let mut options = message.skip(24)?;
    for _ in 0..ND_OPTIONS_MAX {
        let [kind, words] = options.at(0)?;
        if kind == wanted && words == 1 {
            return Some(Sighting {
                address: address(bits, true),
                mac: Mac(options.at(2)?),
                said: Said::ByNeighbour,
            });
        }
        // One without a length ends them all (section 4.6).
        let bytes = usize::from(words)
            .checked_mul(8)
            .filter(|bytes| *bytes > 0)?;
        options = options.skip(bytes)?;
    }
    None
}

/// VLAN tags of a frame of address resolution that are passed over.
const TAGS_MAX: usize = 2;

/// Options of one message that are looked at, padding included.
const DHCP_OPTIONS_MAX: usize = 256;
const ND_OPTIONS_MAX: usize = 16;

const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// RFC 2131 section 3, and the message type of an acknowledgement.
const DHCP_COOKIE: u32 = 0x6382_5363;
const DHCP_ACK: u8 = 5;

#[cfg(test)]
mod tests;
