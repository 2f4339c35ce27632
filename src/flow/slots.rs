//! The slots of a shard, and the IPv6 addresses beside them.

use std::ops::{Index, IndexMut};

use crate::decode::{Packet, TunnelPath, address};

use super::FlowKey;
use super::cold::ColdStore;
use super::key::{CompactKey, KeyHasher};
use super::record::{Endpoint, Flow};
use super::slot::Slot;
use super::wheel::{Linked, Links};
use crate::prefetch::prefetch;

/// Slots by number. They never move, and those that are free are used again.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// By the number of a slot, low end first; as long as the last that holds IPv6.
    ipv6: Vec<[u128; 2]>,
    free: Vec<u32>,
}

impl Slots {
    /// Makes room for `slots_max`, which costs no memory until they are used.
    pub(super) fn new(slots_max: usize) -> Self {
        Self {
            slots: Vec::with_capacity(slots_max),
            ipv6: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Slots that are or were in use.
    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes a slot into use for a flow that `packet` opens.
    pub(super) fn insert(&mut self, flow: Slot, packet: &Packet) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self[slot] = flow;
                slot
            }
            None => {
                self.slots.push(flow);
                self.slots.len() as u32 - 1
            }
        };
        if flow.key.rest.is_ipv6() {
            self.keep_ipv6(slot, packet);
        }
        slot
    }

    fn keep_ipv6(&mut self, slot: u32, packet: &Packet) {
        let place = slot as usize;
        if self.ipv6.len() <= place {
            if self.ipv6.capacity() == 0 {
                self.ipv6.reserve_exact(self.slots.capacity());
            }
            self.ipv6.resize(place + 1, [0; 2]);
        }
        self.ipv6[place] = low_first(packet);
    }

    /// Gives a slot back.
    pub(super) fn free(&mut self, slot: u32, cold: &mut ColdStore) {
        self[slot].clear(cold);
        self.free.push(slot);
    }

    /// Asks for the memory of a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: u32) {
        prefetch(&self.slots, slot as usize);
    }

    /// Asks for the part of a slot that has its links.
    #[inline]
    pub(super) fn prefetch_links(&self, slot: u32) {
        if let Some(slot) = self.slots.get(slot as usize) {
            prefetch(std::slice::from_ref(&slot.links), 0);
        }
    }

    /// Whether a slot holds the flow of a packet with this key.
    #[inline]
    pub(super) fn is(
        &self,
        slot: u32,
        key: &CompactKey,
        packet: &Packet,
        hasher: &KeyHasher,
    ) -> bool {
        hasher.are_alike(&self[slot].key, key)
            && (!key.rest.is_ipv6() || self.ipv6[slot as usize] == low_first(packet))
    }

    /// Both addresses, that of the low end first.
    fn addresses(&self, slot: u32) -> [u128; 2] {
        let key = &self[slot].key;
        if key.rest.is_ipv6() {
            return self.ipv6[slot as usize];
        }
        [key.addresses as u32, (key.addresses >> 32) as u32].map(mapped)
    }

    /// The address of the initiator, as 128 bits.
    pub(super) fn src(&self, slot: u32) -> u128 {
        let [low, high] = self.addresses(slot);
        if self[slot].src_is_low() { low } else { high }
    }

    /// The key of a flow as it is told, its VLAN by what the table tells flows apart by.
    pub(super) fn key(&self, slot: u32, by_vlan: bool) -> FlowKey {
        let rest = self[slot].key.rest;
        let [low, high] = self.addresses(slot);
        FlowKey {
            low,
            high,
            low_port: rest.low_port(),
            high_port: rest.high_port(),
            vlan: if by_vlan { rest.vlan() } else { 0 },
            protocol: rest.protocol(),
            is_ipv6: rest.is_ipv6(),
        }
    }

    /// The flow as it is told.
    pub(super) fn told(
        &self,
        slot: u32,
        by_vlan: bool,
        cold: &ColdStore,
        tunnels: &[TunnelPath],
    ) -> Flow {
        let flow = &self[slot];
        let key = self.key(slot, by_vlan);
        let vlan = flow.key.rest.vlan();
        let has_ports = flow.has_ports();
        let end = |bits, port| Endpoint {
            address: address(bits, key.is_ipv6),
            // Of ICMP the key may have something else there.
            port: if has_ports { port } else { 0 },
        };
        let ends = [end(key.low, key.low_port), end(key.high, key.high_port)];
        let [src, dst] = if flow.src_is_low() {
            ends
        } else {
            [ends[1], ends[0]]
        };
        let (first, last) = flow.span();
        Flow {
            key,
            src,
            dst,
            has_ports,
            midstream: flow.is_midstream(),
            overlap: flow.has_overlap(),
            vlan: (vlan != 0).then_some(vlan),
            tunnel: tunnels
                .get(flow.state.tunnel())
                .copied()
                .unwrap_or_default(),
            first,
            last,
            forward: flow.traffic(0, cold),
            reverse: flow.traffic(1, cold),
            export: flow.export(),
            peer: flow.peer(),
            round_trip_nanos: flow.round_trip_nanos(),
        }
    }
}

impl Index<u32> for Slots {
    type Output = Slot;

    #[inline]
    fn index(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }
}

impl IndexMut<u32> for Slots {
    #[inline]
    fn index_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot as usize]
    }
}

impl Linked for Slots {
    fn links(&mut self, slot: u32) -> &mut Links {
        &mut self[slot].links
    }
}

/// The addresses of a packet, that of the low end first.
const fn low_first(packet: &Packet) -> [u128; 2] {
    let (key, _) = FlowKey::of(packet, false);
    [key.low, key.high]
}

/// An IPv4 address as packets hold it (RFC 4291 section 2.5.5.2).
fn mapped(address: u32) -> u128 {
    std::net::Ipv4Addr::from_bits(address)
        .to_ipv6_mapped()
        .to_bits()
}
