//! Flows to transfers: what one asset sent to one foreign peer since the last one.
//!
//! The [`Transfer`] is the unit that crosses from the sensor half to the analyst half.
//! Byte sums are exact; only the number of rows is bounded.

mod fold;
mod measure;
mod order;
mod service;

pub use fold::{ROWS_PER_SHARD_TICK_MAX, fold};
pub use measure::Measure;
pub use order::Order;
pub use service::Service;

use std::cmp::Ordering;
use std::net::IpAddr;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::dissect::Protection;
use crate::flow::{Endpoint, Flow, FlowEvent};
use crate::geo::{Confidence, Country};
use crate::inventory::{AssetKey, Station, Vlan};
use crate::time::Tick;

/// Export bytes of one asset. Transfers sort in the order in which the analyst takes them:
/// by tick, asset, country, autonomous system and service, then by all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// The tick in which they are counted.
    pub tick: Tick,
    /// Country of the receiver.
    pub country: Country,
    /// Autonomous system of the receiver, 0 if unknown.
    pub asn: u32,
    /// Kind of service over which they went.
    pub service: Service,
    /// Address from which they were sent, which tells the asset.
    pub asset_ip: IpAddr,
    /// VLAN in which it sent, which may tell the asset too.
    pub vlan: Option<Vlan>,
    /// Both ends, unless this row stands for many.
    pub conversation: Option<Conversation>,
    /// Whether the asset answered (a server) rather than began.
    pub served: bool,
    /// Unique payload bytes.
    pub bytes: u64,
    /// How sure the country is.
    pub confidence: Confidence,
    /// How what the conversation carries is protected.
    pub protection: Protection,
    /// Whether the flow that carried it is over.
    pub ended: bool,
    /// Handshake round trip in nanoseconds, at least 1, told once per flow.
    pub round_trip_nanos: Option<NonZeroU32>,
    /// By what the bytes were measured.
    pub measure: Measure,
}

// A million may wait for the close of a tick.
const _: () = assert!(size_of::<Transfer>() <= 80);

/// The ends of the flow that carried a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// Port of the asset.
    pub asset_port: u16,
    /// Address of the receiver.
    pub peer: IpAddr,
    /// Port of the receiver.
    pub peer_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
}

impl Conversation {
    /// The conversation of a flow, of which one end is an asset.
    pub const fn of(flow: &Flow, asset: Endpoint, peer: Endpoint) -> Self {
        Self {
            asset_port: asset.port,
            peer: peer.address,
            peer_port: peer.port,
            protocol: flow.protocol(),
        }
    }
}

impl Transfer {
    /// What an export event says, or nothing where the flow cannot carry an export.
    pub fn of(event: &FlowEvent<'_>) -> Option<Self> {
        let FlowEvent::Export {
            flow,
            bytes,
            first,
            ended,
            tick,
            protection,
        } = event
        else {
            return None;
        };
        let (asset_end, peer_end) = flow.export_ends()?;
        let place = flow.peer;
        let served = flow.dst == asset_end;
        let round_trip_nanos = flow.round_trip_nanos.filter(|_| *first);
        Some(Self {
            tick: *tick,
            country: place.country,
            asn: place.asn,
            service: Service::of(flow.protocol(), flow.dst.port, flow.src.port),
            asset_ip: asset_end.address,
            vlan: Vlan::of_tag(flow.vlan),
            conversation: Some(Conversation::of(flow, asset_end, peer_end)),
            served,
            bytes: *bytes,
            confidence: place.confidence,
            protection: *protection,
            ended: *ended,
            round_trip_nanos: round_trip_nanos.and_then(|nanos| NonZeroU32::new(nanos.max(1))),
            measure: Measure::PACKETS,
        })
    }

    /// From where it was sent.
    #[inline]
    pub const fn station(&self) -> Station {
        Station {
            address: self.asset_ip,
            vlan: self.vlan,
        }
    }

    /// Who sent, as far as the address tells.
    #[inline]
    pub fn asset(&self) -> AssetKey {
        AssetKey::of(self.asset_ip)
    }

    /// The asset and the country as a number that sorts as they do, of 75 bits.
    #[inline]
    pub fn ends(&self) -> u128 {
        self.asset().number() << COUNTRY_BITS | country_number(self.country) as u128
    }

    /// As much of what transfers of a tick sort by as 96 bits hold.
    #[inline]
    pub fn prefix(&self) -> u128 {
        self.prefix_as(self.asset())
    }

    /// The same where it is known better who sent.
    #[inline]
    pub fn prefix_as(&self, asset: AssetKey) -> u128 {
        let ends = asset.number() << COUNTRY_BITS | country_number(self.country) as u128;
        ends << ASN_BITS | u128::from(self.asn >> (u32::BITS - ASN_BITS))
    }
}

impl Ord for Transfer {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |row: &Self| {
            (
                row.tick,
                row.asset(),
                row.country,
                row.asn,
                row.service,
                row.station(),
                row.conversation,
                row.served,
                row.bytes,
                (row.confidence, row.protection),
                row.ended,
                (row.round_trip_nanos, row.measure),
            )
        };
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Transfer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A number for each country, below [`COUNTRY_NUMBERS`], that sorts as its code does.
pub const fn country_number(country: Country) -> usize {
    let [first, second] = country.letters();
    letter_number(first) * LETTERS + letter_number(second)
}

const fn letter_number(letter: u8) -> usize {
    letter.wrapping_sub(b'A') as usize % LETTERS
}

/// Countries that can be told apart.
pub const COUNTRY_NUMBERS: usize = LETTERS * LETTERS;

const LETTERS: usize = 26;

/// Bits that [`COUNTRY_NUMBERS`] need.
const COUNTRY_BITS: u32 = 10;

/// The lower bits of a [`Transfer::prefix`], which are not the asset's.
pub const PREFIX_BITS_BELOW_ASSET: u32 = COUNTRY_BITS + ASN_BITS;

/// The upper bits of an autonomous system's number that are part of a prefix.
const ASN_BITS: u32 = 21;

/// Puts the rows of a batch in the order of their ticks, in which most come.
pub fn sort_by_tick<T>(rows: &mut [T], tick: impl Fn(&T) -> Tick) {
    if !rows.is_sorted_by_key(&tick) {
        rows.sort_by_key(tick);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Transfer> {
        let address = prop_oneof![
            (0u32..4).prop_map(|v4| IpAddr::from((0x0a00_0000 + v4).to_be_bytes())),
            (0u128..8).prop_map(|v6| IpAddr::from((v6 << 63 | v6).to_be_bytes())),
        ];
        let country = prop::sample::select(vec!["AA", "BR", "RU", "ZZ"]);
        let asn = prop_oneof![0u32..3, any::<u32>()];
        (0u64..2, address, country, asn, any::<bool>()).prop_map(
            |(tick, asset_ip, country, asn, served)| Transfer {
                tick: Tick(tick),
                country: Country::from_code(country).unwrap_or(Country::UNKNOWN),
                asn,
                service: Service::Web,
                asset_ip,
                vlan: None,
                conversation: None,
                served,
                bytes: 1,
                confidence: Confidence::Plausible,
                protection: Protection::Unseen,
                ended: false,
                round_trip_nanos: None,
                measure: Measure::PACKETS,
            },
        )
    }

    proptest! {
        #[test]
        fn prefixes_never_order_otherwise_than_all_fields(a in rows(), b in rows()) {
            let b = Transfer { tick: a.tick, ..b };
            prop_assert!(a.prefix() < 1 << 96);
            prop_assert!(a.prefix().cmp(&b.prefix()) != a.cmp(&b).reverse() || a == b);
            let ends = |row: &Transfer| (row.asset(), row.country);
            prop_assert_eq!(a.ends().cmp(&b.ends()), ends(&a).cmp(&ends(&b)));
        }
    }

    #[test]
    fn countries_are_numbered_in_order() {
        let number = |code| country_number(Country::from_code(code).unwrap());
        assert_eq!((number("AA"), number("AB"), number("BA")), (0, 1, 26));
        assert_eq!(number("ZZ"), COUNTRY_NUMBERS - 1);
    }
}
