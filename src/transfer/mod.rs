//! Flows to transfers: what one asset sent to one foreign peer since the last one.
//!
//! The [`Transfer`] is the unit that crosses from the sensor half to the analyst half.
//! Byte sums are exact; only the number of rows is bounded.

mod service;

pub use service::Service;

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

/// Folds the smallest rows of each tick where a shard tells more than
/// [`ROWS_PER_SHARD_TICK_MAX`]: into one per asset and country, and where those are more
/// than as many again, the smallest of them into one per country that names no asset.
/// Returns by how many rows there are fewer.
pub fn fold(rows: &mut Vec<Transfer>) -> u64 {
    if rows.len() <= ROWS_PER_SHARD_TICK_MAX {
        return 0;
    }
    rows.sort_unstable_by_key(|row| row.tick);
    let before = rows.len();
    let mut kept = Vec::with_capacity(rows.len());
    for of_tick in rows.chunk_by_mut(|a, b| a.tick == b.tick) {
        let (largest, rest) = split_off_largest(of_tick);
        kept.extend_from_slice(largest);
        let mut folded = gather(rest, |row| row);
        let (largest, rest) = split_off_largest(&mut folded);
        kept.extend_from_slice(largest);
        kept.extend(gather(rest, |row| Transfer {
            asset: AssetKey::UNNAMED,
            asset_ip: AssetKey::UNNAMED.address(),
            ..row
        }));
    }
    *rows = kept;
    before.saturating_sub(rows.len()) as u64
}

/// Parts the [`ROWS_PER_SHARD_TICK_MAX`] largest rows from the rest.
fn split_off_largest(rows: &mut [Transfer]) -> (&[Transfer], &mut [Transfer]) {
    if rows.len() > ROWS_PER_SHARD_TICK_MAX {
        let order = |row: &Transfer| (std::cmp::Reverse(row.bytes), *row);
        rows.select_nth_unstable_by_key(ROWS_PER_SHARD_TICK_MAX, order);
    }
    let count = rows.len().min(ROWS_PER_SHARD_TICK_MAX);
    let (largest, rest) = rows.split_at_mut(count);
    (largest, rest)
}

/// Sums rows of one tick by asset and country, as `name` names them.
fn gather(rows: &mut [Transfer], name: impl Fn(Transfer) -> Transfer) -> Vec<Transfer> {
    for row in rows.iter_mut() {
        *row = Transfer {
            asn: 0,
            service: Service::Other,
            conversation: None,
            round_trip_nanos: None,
            ..name(*row)
        };
    }
    rows.sort_unstable();
    let same = |a: &Transfer, b: &Transfer| (a.asset, a.country) == (b.asset, b.country);
    let sums = rows.chunk_by(same).filter_map(|rows| {
        let bytes = rows.iter().map(|row| row.bytes).sum();
        rows.first().map(|first| Transfer { bytes, ..*first })
    });
    sums.collect()
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
        assert_eq!(folded, u64::from(2 * count) + 1 - rows.len() as u64);
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

    #[test]
    fn however_many_assets_there_are_rows_are_bounded_and_bytes_exact() {
        let count = 5 * ROWS_PER_SHARD_TICK_MAX as u32;
        let rows = (0..count).map(|i| Transfer {
            asset: AssetKey::of(IpAddr::from((0x0a00_0000 + i).to_be_bytes())),
            ..row(1, 1 + u64::from(i), i, if i % 3 == 0 { "RU" } else { "BR" })
        });
        let mut rows: Vec<_> = rows.collect();
        let before: u64 = rows.iter().map(|row| row.bytes).sum();
        let folded = fold(&mut rows);
        assert_eq!(rows.iter().map(|row| row.bytes).sum::<u64>(), before);
        assert_eq!(rows.len(), 2 * ROWS_PER_SHARD_TICK_MAX + 2);
        assert_eq!(folded, u64::from(count) - rows.len() as u64);
        let unnamed = rows.iter().filter(|row| row.asset == AssetKey::UNNAMED);
        assert_eq!(unnamed.count(), 2, "one per country");
    }
}
