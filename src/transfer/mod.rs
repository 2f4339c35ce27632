//! Flows to transfers: what one asset sent to one foreign peer since the last one.
//!
//! The [`Transfer`] is the unit that crosses from the sensor half to the analyst half.
//! Byte sums are exact; only the number of rows is bounded.

mod service;

pub use service::Service;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::flow::FlowEvent;
use crate::geo::{Confidence, Country};
use crate::inventory::AssetKey;
use crate::time::Tick;

/// Rows that one shard may tell of one tick; the smallest of the rest are folded.
pub const ROWS_PER_SHARD_TICK_MAX: usize = 4_096;

/// Export bytes of one asset, in the order in which the analyst takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Transfer {
    /// The tick in which they are counted.
    pub tick: Tick,
    /// Who sent them.
    pub asset: AssetKey,
    /// Country of the receiver.
    pub country: Country,
    /// Autonomous system of the receiver, 0 if unknown.
    pub asn: u32,
    /// Kind of service over which they went.
    pub service: Service,
    /// Address from which they were sent.
    pub asset_ip: IpAddr,
    /// Both ends, unless this row stands for many.
    pub conversation: Option<Conversation>,
    /// Whether the asset answered (a server) rather than began.
    pub served: bool,
    /// Unique payload bytes.
    pub bytes: u64,
    /// How sure the country is.
    pub confidence: Confidence,
    /// Whether the flow that carried it is over.
    pub ended: bool,
    /// Handshake round trip in nanoseconds, told once per flow.
    pub round_trip_nanos: Option<u64>,
}

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

impl Transfer {
    /// What an export event says, or nothing where the flow cannot carry an export.
    pub fn of(event: &FlowEvent<'_>) -> Option<Self> {
        let FlowEvent::Export {
            flow,
            bytes,
            first,
            ended,
            tick,
        } = event
        else {
            return None;
        };
        let (asset_end, peer_end) = flow.export_ends()?;
        let place = flow.peer;
        let served = flow.dst == asset_end;
        Some(Self {
            tick: *tick,
            asset: AssetKey::of(asset_end.address),
            country: place.country,
            asn: place.asn,
            service: Service::of(flow.protocol(), flow.dst.port, flow.src.port),
            asset_ip: asset_end.address,
            conversation: Some(Conversation {
                asset_port: asset_end.port,
                peer: peer_end.address,
                peer_port: peer_end.port,
                protocol: flow.protocol(),
            }),
            served,
            bytes: *bytes,
            confidence: place.confidence,
            ended: *ended,
            round_trip_nanos: flow.round_trip_nanos.filter(|_| *first).map(u64::from),
        })
    }
}

/// Folds the smallest rows of each tick into one per asset and country where a shard tells
/// more than [`ROWS_PER_SHARD_TICK_MAX`]. Returns how many rows were folded away.
pub fn fold(rows: &mut Vec<Transfer>) -> u64 {
    if rows.len() <= ROWS_PER_SHARD_TICK_MAX {
        return 0;
    }
    rows.sort_unstable_by_key(|row| (row.tick, std::cmp::Reverse(row.bytes), *row));
    let mut kept = Vec::with_capacity(rows.len());
    let mut folded_rows = 0;
    for of_tick in rows.chunk_by(|a, b| a.tick == b.tick) {
        let (whole, rest) = of_tick.split_at(of_tick.len().min(ROWS_PER_SHARD_TICK_MAX));
        kept.extend_from_slice(whole);
        let mut folded = BTreeMap::new();
        for row in rest {
            folded_rows += 1;
            folded
                .entry((row.asset, row.country))
                .and_modify(|sum: &mut Transfer| sum.bytes += row.bytes)
                .or_insert(Transfer {
                    asn: 0,
                    service: Service::Other,
                    conversation: None,
                    round_trip_nanos: None,
                    ..*row
                });
        }
        kept.extend(folded.into_values());
    }
    *rows = kept;
    folded_rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tick: u64, bytes: u64, peer: u32, country: &str) -> Transfer {
        Transfer {
            tick: Tick(tick),
            asset: AssetKey::of("10.0.0.1".parse().unwrap()),
            country: country.parse().unwrap(),
            asn: 1,
            service: Service::Web,
            asset_ip: "10.0.0.1".parse().unwrap(),
            conversation: Some(Conversation {
                asset_port: 1,
                peer: IpAddr::from(peer.to_be_bytes()),
                peer_port: 443,
                protocol: 6,
            }),
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            ended: false,
            round_trip_nanos: None,
        }
    }

    #[test]
    fn folding_keeps_the_bytes_of_each_asset_country_and_tick() {
        let count = ROWS_PER_SHARD_TICK_MAX as u32 + 100;
        let mut rows: Vec<_> = (0..count)
            .map(|i| row(1, 1 + u64::from(i), i, "RU"))
            .collect();
        rows.extend((0..count).map(|i| row(1, 1, i, "BR")));
        rows.push(row(2, 7, 0, "RU"));
        let bytes = |rows: &[Transfer], country: &str, tick| -> u64 {
            rows.iter()
                .filter(|row| row.country.code() == country && row.tick == Tick(tick))
                .map(|row| row.bytes)
                .sum()
        };
        let before = [
            bytes(&rows, "RU", 1),
            bytes(&rows, "BR", 1),
            bytes(&rows, "RU", 2),
        ];
        let folded = fold(&mut rows);
        assert_eq!(
            folded,
            u64::from(2 * count) - ROWS_PER_SHARD_TICK_MAX as u64
        );
        let after = [
            bytes(&rows, "RU", 1),
            bytes(&rows, "BR", 1),
            bytes(&rows, "RU", 2),
        ];
        assert_eq!(before, after);
        assert_eq!(rows.len(), ROWS_PER_SHARD_TICK_MAX + 2 + 1);
        let whole = rows.iter().filter(|row| row.conversation.is_some());
        let largest = whole.map(|row| row.bytes).max();
        assert_eq!(
            largest,
            Some(u64::from(count)),
            "the largest keep their conversation"
        );
    }
}
