//! Exchanges to transfers, as a sensor would tell them.
//!
//! The bytes of an exchange are spread evenly over its duration. They are told at the
//! first tick after 64 KiB more have left, else when the flow ends or 300 s have passed;
//! of an exchange that has run for long not every second but after another 64th of the
//! time that it has run, at most 5 s, which bounds the rows of a world and delays an alert
//! by a 64th of what is gone.

use std::num::NonZeroU32;

use borderflow::dissect::Protection;
use borderflow::flow::{EXPORT_BYTES_DUE, EXPORT_SECONDS_DUE, FlowConfig};
use borderflow::geo::Confidence;
use borderflow::time::{NANOS_PER_SECOND, Tick};
use borderflow::transfer::{Conversation, Service, Transfer};

use super::{Exchange, World};

/// The transfers of a world, in a short form.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    world: &'a World,
    rows: Vec<Row>,
}

/// A transfer in so many bytes that those of a world fit into memory. Rows sort in the
/// order of ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    second: u32,
    /// Place in [`World::exchanges`].
    exchange: u32,
    bytes: u64,
    is_first: bool,
    is_last: bool,
}

impl<'a> Feed<'a> {
    /// Makes the transfers of all exchanges that send something.
    pub(crate) fn new(world: &'a World) -> Self {
        let mut rows = Vec::with_capacity(world.exchanges.len());
        for (exchange, place) in world.exchanges.iter().zip(0..) {
            divide(exchange, |second, bytes, is_first, is_last| {
                rows.push(Row {
                    second: second.try_into().unwrap_or(u32::MAX),
                    exchange: place,
                    bytes,
                    is_first,
                    is_last,
                });
            });
        }
        rows.sort_unstable();
        Self { world, rows }
    }

    /// The transfers, in the order of their ticks.
    pub(crate) fn transfers(&self) -> impl Iterator<Item = Transfer> {
        let known = |row: &Row| Some((*row, self.world.exchanges.get(row.exchange as usize)?));
        let rows = self.rows.iter().filter_map(known);
        rows.map(|(row, exchange)| transfer(row, exchange))
    }
}

fn transfer(row: Row, exchange: &Exchange) -> Transfer {
    let (own, other) = (exchange.asset_port, exchange.peer_port);
    let (responder, initiator) = if exchange.served {
        (own, other)
    } else {
        (other, own)
    };
    let round_trip = NonZeroU32::new(exchange.round_trip_nanos.max(1));
    Transfer {
        tick: Tick(u64::from(row.second)),
        country: exchange.country,
        asn: exchange.asn,
        service: Service::of(exchange.protocol, responder, initiator),
        asset_ip: exchange.asset,
        vlan: None,
        conversation: Some(Conversation {
            asset_port: own,
            peer: exchange.peer,
            peer_port: other,
            protocol: exchange.protocol,
        }),
        served: exchange.served,
        bytes: row.bytes,
        confidence: Confidence::Plausible,
        protection: Protection::Unseen,
        ended: row.is_last,
        // Only a handshake is timed.
        round_trip_nanos: round_trip.filter(|_| row.is_first && exchange.protocol == TCP),
        measure: borderflow::transfer::Measure::PACKETS,
    }
}

/// Hands over second, bytes, and whether it is the first or the last, of each transfer of
/// an exchange.
fn divide(exchange: &Exchange, mut give: impl FnMut(u64, u64, bool, bool)) {
    let (sent, nanos) = (exchange.sent_bytes, exchange.duration_nanos);
    let begin = exchange.start.as_nanos();
    let first = begin / NANOS_PER_SECOND;
    let last_byte = begin.saturating_add(nanos) / NANOS_PER_SECOND;
    // What has no end of its own is over when it has been idle.
    let idle = if exchange.protocol == TCP {
        0
    } else {
        u64::from(FlowConfig::default().idle_seconds.get())
    };
    let end = last_byte.saturating_add(idle);
    // When so many bytes have left, and how many have at the end of a second.
    let second_of = |bytes: u64| {
        let passed = u128::from(nanos) * u128::from(bytes.min(sent)) / u128::from(sent.max(1));
        (begin.saturating_add(passed as u64)) / NANOS_PER_SECOND
    };
    let left_by = |second: u64| {
        if second >= last_byte {
            return sent;
        }
        let passed = ((second + 1) * NANOS_PER_SECOND).saturating_sub(begin);
        (u128::from(sent) * u128::from(passed) / u128::from(nanos.max(1))) as u64
    };
    let (mut told, mut since) = (0, first);
    while told < sent {
        let is_large = sent - told >= u64::from(EXPORT_BYTES_DUE);
        let timer = since + EXPORT_SECONDS_DUE;
        let due = if is_large {
            let pause = ((since - first) / PAUSES_PER_AGE).clamp(1, PAUSE_SECONDS_MAX);
            let earliest = if told == 0 { first } else { since + pause };
            let full = second_of(told + u64::from(EXPORT_BYTES_DUE));
            full.min(timer).max(earliest)
        } else {
            timer
        };
        let now = due.min(end);
        let left = if now == end { sent } else { left_by(now) };
        if left > told {
            give(now, left - told, told == 0, left == sent && now == end);
            told = left;
        }
        since = now;
    }
}

const TCP: u8 = 6;

/// Rows that an exchange may have in the time that it has run, after the first ones.
const PAUSES_PER_AGE: u64 = 64;

/// Longest time for which 64 KiB are held back, seconds.
const PAUSE_SECONDS_MAX: u64 = 5;

#[cfg(test)]
mod tests {
    use super::super::trial::tests::world;
    use super::*;
    use borderflow::time::Timestamp;

    fn rows(sent_bytes: u64, seconds: u64, protocol: u8) -> Vec<(u64, u64, bool, bool)> {
        let exchange = Exchange {
            start: Timestamp::from_nanos(100 * NANOS_PER_SECOND + 500_000_000),
            duration_nanos: seconds * NANOS_PER_SECOND,
            sent_bytes,
            protocol,
            ..world().exchanges[0]
        };
        let mut rows = Vec::new();
        divide(&exchange, |second, bytes, first, last| {
            rows.push((second, bytes, first, last));
        });
        assert_eq!(rows.iter().map(|row| row.1).sum::<u64>(), sent_bytes);
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "{rows:?}");
        assert!(rows.iter().all(|row| row.1 > 0), "{rows:?}");
        rows
    }

    #[test]
    fn little_is_told_at_the_end_or_when_time_is_up() {
        assert_eq!(rows(900, 20, TCP), [(120, 900, true, true)]);
        assert_eq!(rows(900, 0, TCP), [(100, 900, true, true)]);
        assert_eq!(rows(0, 20, TCP), []);
        assert_eq!(rows(900, 20, 17), [(240, 900, true, true)], "it was idle");
        let long = rows(6_000, 600, TCP);
        let seconds: Vec<u64> = long.iter().map(|row| row.0).collect();
        assert_eq!(seconds, [400, 700]);
        assert_eq!((long[0].2, long[0].3), (true, false));
        assert_eq!((long[1].2, long[1].3), (false, true));
    }

    #[test]
    fn much_is_told_every_second_and_more_seldom_as_time_goes_by() {
        // 1 MB each second for half an hour.
        let all = rows(1_800_000_000, 1_800, TCP);
        assert_eq!(all[0].0, 100);
        assert_eq!((all[1].0, all[1].1), (101, 1_000_000));
        assert_eq!(all[60].0, 160);
        let last = all.len() - 2;
        assert_eq!(all[last].0 - all[last - 1].0, PAUSE_SECONDS_MAX);
        assert!(all.len() < 700, "{}", all.len());
        assert!(all.iter().rev().skip(1).all(|row| !row.3));
    }

    #[test]
    fn much_in_no_time_is_one_transfer() {
        assert_eq!(rows(9_000_000, 0, TCP), [(100, 9_000_000, true, true)]);
    }

    #[test]
    fn a_world_is_told_whole_and_in_order() {
        let world = world();
        let feed = Feed::new(&world);
        let all: Vec<Transfer> = feed.transfers().collect();
        assert!(all.is_sorted_by_key(|transfer| transfer.tick));
        assert_eq!(all.iter().map(|transfer| transfer.bytes).sum::<u64>(), 100);
        let first = all[0];
        assert_eq!(first.service, Service::Web);
        assert_eq!(first.asset_ip, world.assets[0]);
        assert!(first.round_trip_nanos.is_some());
        assert!(all.iter().skip(1).all(|t| t.round_trip_nanos.is_none()));
    }
}
