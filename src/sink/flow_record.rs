//! A flow that waits to be written.

use std::net::IpAddr;
use std::sync::Arc;

use crate::decode::{TunnelPath, address};
use crate::dissect::Said;
use crate::flow::{Direction, End, Endpoint, Flow, FlowKey, Traffic};
use crate::geo::{Country, Geo, Place, Side};
use crate::time::{Tick, Timestamp};

/// What a line of `flows.jsonl` says, in less than half the memory of the line: all flows of
/// a table may end in one tick.
#[derive(Clone, Debug)]
pub struct FlowRecord {
    /// Key of the flow.
    pub key: FlowKey,
    /// The tick in which the record ended.
    pub tick: Tick,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) forward: Traffic,
    pub(super) reverse: Traffic,
    /// Of the initiator and the other side.
    pub(super) places: [KnownPlace; 2],
    pub(super) tunnel: TunnelPath,
    pub(super) round_trip_nanos: Option<u32>,
    pub(super) vlan: Option<u16>,
    pub(super) end: End,
    pub(super) has_ports: bool,
    pub(super) midstream: bool,
    pub(super) overlap: bool,
    initiator_is_low: bool,
    /// What it said of itself.
    pub(super) said: Option<Arc<Said>>,
}

const _: () = assert!(size_of::<FlowRecord>() <= 232);

/// What is told of a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownPlace {
    /// 0 if unknown.
    pub(super) asn: u32,
    /// Unknown countries of foreign addresses are told as `ZZ`; addresses that never leave
    /// the link have none.
    pub(super) country: Option<Country>,
}

impl FlowRecord {
    /// The record of a flow that ended so.
    pub fn new(flow: &Flow, end: End, tick: Tick, geo: &Geo) -> Self {
        // Where the end is to which a flow exports it knows already.
        let place = |direction, address| {
            KnownPlace::of(if flow.export == Some(direction) {
                flow.peer
            } else {
                geo.place(address)
            })
        };
        let src = place(Direction::Reverse, flow.src.address);
        let dst = place(Direction::Forward, flow.dst.address);
        // Of two ends with one address and no ports, which is which says nothing.
        let low = low(&flow.key);
        let is_low_port = !flow.has_ports || flow.src.port == low.port;
        Self {
            key: flow.key,
            tick,
            first: flow.first,
            last: flow.last,
            forward: flow.forward,
            reverse: flow.reverse,
            places: [src, dst],
            tunnel: flow.tunnel,
            round_trip_nanos: flow.round_trip_nanos,
            vlan: flow.vlan,
            end,
            has_ports: flow.has_ports,
            midstream: flow.midstream,
            overlap: flow.overlap,
            initiator_is_low: flow.src.address == low.address && is_low_port,
            said: None,
        }
    }

    /// The same of a flow that said something of itself.
    pub fn with(self, said: Option<Arc<Said>>) -> Self {
        Self { said, ..self }
    }

    /// The initiator and the other side.
    pub(super) fn ends(&self) -> [Endpoint; 2] {
        let ends = [low(&self.key), high(&self.key)];
        if self.initiator_is_low {
            ends
        } else {
            [ends[1], ends[0]]
        }
    }

    /// As much of a key as 96 bits hold, so that it sorts as the key does: for two
    /// addresses of IPv4 nearly all, for others the upper part of the lower address.
    pub const fn prefix(key: &FlowKey) -> u128 {
        // Addresses of IPv4 are held as `::ffff:0:0/96`, which is above a few of IPv6 and
        // below nearly all.
        let class = match key.low >> 32 {
            0..MAPPED => 0,
            MAPPED => 1,
            _ => 2,
        };
        let rest = match (class, key.high >> 32) {
            (0, _) => 0,
            (1, MAPPED) => {
                let addresses = (key.low as u32 as u128) << 32 | key.high as u32 as u128;
                // Of the second port the upper bits, for which there is room.
                addresses << 30 | (key.low_port as u128) << 14 | (key.high_port as u128) >> 2
            }
            (1, _) => (key.low as u32 as u128) << 62 | ((1 << 62) - 1),
            _ => key.low >> 34,
        };
        class << 94 | rest
    }
}

impl KnownPlace {
    fn of(place: Place) -> Self {
        let is_told = place.side == Side::Foreign || !place.country.is_unknown();
        Self {
            asn: place.asn,
            country: is_told.then_some(place.country),
        }
    }
}

fn low(key: &FlowKey) -> Endpoint {
    Endpoint {
        address: ip(key, key.low),
        port: key.low_port,
    }
}

fn high(key: &FlowKey) -> Endpoint {
    Endpoint {
        address: ip(key, key.high),
        port: key.high_port,
    }
}

fn ip(key: &FlowKey, bits: u128) -> IpAddr {
    address(bits, key.is_ipv6)
}

/// The upper bits of an IPv4 address in 128 bits.
const MAPPED: u128 = 0xffff;

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn addresses() -> impl Strategy<Value = u128> {
        let few = prop::sample::select(vec![0u128, 1, 0xffff_ffff, 7 << 100, u128::MAX]);
        prop_oneof![
            4 => (0u128..6).prop_map(|low| 0xffff_0a00_0000 | low),
            1 => few,
            1 => any::<u128>(),
            1 => (0u128..4).prop_map(|low| 0x2001_0db8 << 96 | low),
        ]
    }

    fn records() -> impl Strategy<Value = FlowRecord> {
        let ports = prop_oneof![0u16..9, any::<u16>()];
        (addresses(), addresses(), ports, 0u16..9, 0u16..3).prop_map(
            |(a, b, low_port, high_port, vlan)| FlowRecord {
                key: FlowKey {
                    low: a.min(b),
                    high: a.max(b),
                    low_port,
                    high_port,
                    vlan,
                    protocol: 6,
                    is_ipv6: a >> 32 != 0xffff,
                },
                tick: Tick(0),
                first: Timestamp::ZERO,
                last: Timestamp::ZERO,
                forward: Traffic::default(),
                reverse: Traffic::default(),
                places: [KnownPlace::of(Place::LOCAL); 2],
                tunnel: TunnelPath::default(),
                round_trip_nanos: None,
                vlan: None,
                end: End::Idle,
                has_ports: true,
                midstream: false,
                overlap: false,
                initiator_is_low: true,
                said: None,
            },
        )
    }

    proptest! {
        #[test]
        fn prefixes_never_order_otherwise_than_keys(a in records(), b in records()) {
            let [prefix, other] = [&a, &b].map(|record| FlowRecord::prefix(&record.key));
            prop_assert!(prefix < 1 << 96);
            let by_prefix = prefix.cmp(&other);
            prop_assert!(by_prefix == Ordering::Equal || by_prefix == a.key.cmp(&b.key));
        }
    }
}
