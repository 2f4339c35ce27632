//! What assets send in the clear, where the operator has it looked into.
//!
//! It stands beside the reader, which alone has the payload, and keeps none of it: only what an
//! inspector carries from one segment to the next. What was found goes to the analyst with the
//! tick. Segments that repeat others are passed over; where some are missing, a stream ends and
//! the next one begins, so that all of it is a lower bound.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::capture::Frame;
use crate::decode::{Facts, Packet};
use crate::geo::{Geo, Side};
use crate::inspect::{Found, Inspector, Stream};
use crate::inventory::{Inventory, Station, Vlan};
use crate::transfer::Conversation;

use super::exchange::Replacement;

/// What was found in a conversation of an asset within a tick.
#[derive(Clone, Debug)]
pub(super) struct Inspected {
    /// From where the asset sent.
    pub(super) station: Station,
    /// The other end, ports and protocol.
    pub(super) conversation: Conversation,
    /// What was found.
    pub(super) found: Found,
}

/// Looks into what some assets send abroad.
#[derive(Debug)]
pub(super) struct Inspection {
    inspector: Arc<Inspector>,
    inventory: Arc<Inventory>,
    geo: Arc<Geo>,
    /// Which stations are inspected, of those asked for of late.
    known: Box<[Known; STATIONS]>,
    /// Those that were used of late, and those before them.
    young: HashMap<Key, Direction>,
    old: HashMap<Key, Direction>,
    found: BTreeMap<(Station, Conversation), Found>,
    /// Findings for which a tick had no room.
    pub(super) dropped: u64,
    /// Payload bytes that were looked into.
    pub(super) bytes: u64,
}

/// Whether the station is inspected that has an address of 128 bits in a VLAN, 0 where there is
/// none; nothing where nobody was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    src: u128,
    vlan: u16,
    is_inspected: Option<bool>,
}

/// One direction of a conversation: addresses, ports and protocol.
type Key = (u128, u128, u16, u16, u8);

/// What is known of a direction.
#[derive(Debug)]
enum Direction {
    /// It is not looked into: it is encrypted, or crosses no border.
    Closed,
    /// It is.
    Open {
        stream: Box<Stream>,
        /// In which the asset sent first.
        vlan: Option<Vlan>,
        /// The sequence number of the next byte, of TCP.
        next: u32,
    },
}

impl Inspection {
    pub(super) fn new(
        (inspector, inventory, geo): (Arc<Inspector>, Arc<Inventory>, Arc<Geo>),
    ) -> Self {
        Self {
            inspector,
            inventory,
            geo,
            known: Box::new([Known::default(); STATIONS]),
            young: HashMap::new(),
            old: HashMap::new(),
            found: BTreeMap::new(),
            dropped: 0,
            bytes: 0,
        }
    }

    /// Goes by what is new. Conversations that run go on as they began.
    pub(super) fn renew(&mut self, new: &Replacement) {
        self.inventory = Arc::clone(&new.inventory);
        self.geo = Arc::clone(&new.geo);
        *self.known = [Known::default(); STATIONS];
    }

    /// Looks into a packet, if it is of an asset that is inspected.
    #[inline]
    pub(super) fn packet(&mut self, frame: &Frame<'_>, packet: &Packet) {
        let is_carrier = matches!(packet.protocol, TCP | UDP) && packet.has_ports();
        if is_carrier && packet.payload_bytes > 0 && self.is_of_inspected(packet) {
            self.look_into(frame, packet);
        }
    }

    /// Whether the sender is inspected. Most packets are of few senders, and most of those are
    /// not, so that what the inventory says of them is kept.
    #[inline]
    fn is_of_inspected(&mut self, packet: &Packet) -> bool {
        let vlan = packet.vlan().unwrap_or(0);
        let place = (packet.src ^ packet.src >> 64) as usize % STATIONS;
        let known = &self.known[place];
        match known.is_inspected {
            Some(is_inspected) if known.src == packet.src && known.vlan == vlan => is_inspected,
            _ => self.ask(packet, place),
        }
    }

    #[cold]
    fn ask(&mut self, packet: &Packet, place: usize) -> bool {
        let is_inspected = self.inventory.is_inspected(Station {
            address: packet.src_address(),
            vlan: Vlan::of_tag(packet.vlan()),
        });
        self.known[place] = Known {
            src: packet.src,
            vlan: packet.vlan().unwrap_or(0),
            is_inspected: Some(is_inspected),
        };
        is_inspected
    }

    #[inline(never)]
    fn look_into(&mut self, frame: &Frame<'_>, packet: &Packet) {
        let station = Station {
            address: packet.src_address(),
            vlan: Vlan::of_tag(packet.vlan()),
        };
        let Some(payload) = payload(frame, packet) else {
            return;
        };
        let key = (
            packet.src,
            packet.dst,
            packet.src_port,
            packet.dst_port,
            packet.protocol,
        );
        let known = self.young.remove(&key).or_else(|| self.old.remove(&key));
        let direction = known.unwrap_or_else(|| self.begin(station, packet, payload));
        let mut found = Found::default();
        let direction = match direction {
            Direction::Closed => Direction::Closed,
            Direction::Open { stream, vlan, next } => {
                let (stream, next) = self.look(packet, payload, (stream, next), &mut found);
                Direction::Open { stream, vlan, next }
            }
        };
        self.note(station, packet, found);
        self.keep(key, direction);
    }

    /// What is done with a direction by its first payload.
    fn begin(&self, station: Station, packet: &Packet, payload: &[u8]) -> Direction {
        let peer = self.geo.place(packet.dst_address());
        if peer.side != Side::Foreign || is_encrypted(payload) {
            return Direction::Closed;
        }
        Direction::Open {
            stream: Box::default(),
            vlan: station.vlan,
            next: packet.sequence,
        }
    }

    /// Takes the payload of a packet. Returns the stream, and the number of its next byte.
    fn look(
        &mut self,
        packet: &Packet,
        payload: &[u8],
        (mut stream, next): (Box<Stream>, u32),
        found: &mut Found,
    ) -> (Box<Stream>, u32) {
        if packet.protocol == UDP {
            self.bytes += payload.len() as u64;
            // A datagram stands for itself.
            self.inspector.push(&mut stream, payload, found);
            self.inspector.finish(std::mem::take(&mut *stream), found);
            return (stream, next);
        }
        // How far it begins before what is awaited, modulo 2^32 (RFC 9293 section 3.4).
        let behind = next.wrapping_sub(packet.sequence);
        let is_old = behind < WINDOW_BYTES_MAX;
        let fresh = match is_old {
            true => payload.get(behind as usize..).unwrap_or_default(),
            false => payload,
        };
        if !is_old {
            self.inspector.finish(std::mem::take(&mut *stream), found);
        }
        self.bytes += fresh.len() as u64;
        self.inspector.push(&mut stream, fresh, found);
        let end = packet.sequence.wrapping_add(packet.payload_bytes);
        let is_ahead = end.wrapping_sub(next) < WINDOW_BYTES_MAX;
        if (payload.len() as u64) < u64::from(packet.payload_bytes) {
            // The rest of it was not captured.
            self.inspector.finish(std::mem::take(&mut *stream), found);
        }
        (stream, if is_ahead || !is_old { end } else { next })
    }

    fn note(&mut self, station: Station, packet: &Packet, found: Found) {
        if found.is_empty() {
            return;
        }
        let key = (
            station,
            Conversation {
                asset_port: packet.src_port,
                peer: packet.dst_address(),
                peer_port: packet.dst_port,
                protocol: packet.protocol,
            },
        );
        if self.found.len() >= FOUND_MAX && !self.found.contains_key(&key) {
            self.dropped += 1;
            return;
        }
        self.found.entry(key).or_default().merge(&found);
    }

    /// Keeps a direction. The older half of those that were not used gives way, with what they
    /// carry.
    fn keep(&mut self, key: Key, direction: Direction) {
        if self.young.len() >= DIRECTIONS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, direction);
    }

    /// What was found since the last time that this was asked.
    pub(super) fn take(&mut self) -> Vec<Inspected> {
        let found = std::mem::take(&mut self.found).into_iter();
        let inspected = found.map(|((station, conversation), found)| Inspected {
            station,
            conversation,
            found,
        });
        inspected.collect()
    }

    /// Judges what is left of all streams, at the end of the input.
    pub(super) fn finish(&mut self) {
        let young = std::mem::take(&mut self.young);
        let all = young.into_iter().chain(std::mem::take(&mut self.old));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(key, _)| *key);
        for ((src, dst, src_port, dst_port, protocol), direction) in all {
            let Direction::Open { stream, vlan, .. } = direction else {
                continue;
            };
            let mut found = Found::default();
            self.inspector.finish(*stream, &mut found);
            let mut packet = Packet {
                src,
                dst,
                src_port,
                dst_port,
                protocol,
                ..Packet::default()
            };
            if src >> 32 != V4_MAPPED {
                packet.facts = packet.facts.with(Facts::IPV6);
            }
            let address = packet.src_address();
            self.note(Station { address, vlan }, &packet, found);
        }
    }
}

/// The captured part of the payload, unless it is of a fragment.
fn payload<'a>(frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
    let is_fragment =
        packet.facts.has(Facts::FIRST_FRAGMENT) || packet.facts.has(Facts::LATER_FRAGMENT);
    if is_fragment || packet.payload_offset == u16::MAX {
        return None;
    }
    let captured = frame.data.get(usize::from(packet.payload_offset)..)?;
    let payload = captured
        .get(..packet.payload_bytes as usize)
        .unwrap_or(captured);
    (!payload.is_empty()).then_some(payload)
}

/// Whether a first payload begins a record of TLS (RFC 8446 section 5.1) or SSH (RFC 4253
/// section 4.2): there is nothing to be read behind it.
const fn is_encrypted(payload: &[u8]) -> bool {
    matches!(
        payload,
        [20..=23, 3, 0..=4, ..] | [b'S', b'S', b'H', b'-', ..]
    )
}

/// Directions of each of the two generations. One takes up to 4 KiB, and while it is unpacked
/// some 80 KiB.
const DIRECTIONS_MAX: usize = 512;

/// Stations of which it is kept whether they are inspected.
const STATIONS: usize = 1_024;

/// Conversations of which a tick tells.
const FOUND_MAX: usize = 1_024;

/// Sequence numbers that lie less behind are of the past (RFC 9293 section 3.4).
const WINDOW_BYTES_MAX: u32 = 1 << 31;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What stands before an IPv4 address in 128 bits.
const V4_MAPPED: u128 = 0xffff;
