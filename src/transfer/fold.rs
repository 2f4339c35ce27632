//! So many rows and no more of one shard and tick.

use std::cmp::{Ordering, Reverse};

use super::{COUNTRY_NUMBERS, Order, Service, Transfer, country_number, sort_by_tick};
use crate::dissect::Protection;
use crate::inventory::{AssetKey, Vlan};

/// Rows that one shard may tell of one tick; the smallest of the rest are folded.
pub const ROWS_PER_SHARD_TICK_MAX: usize = 2_048;

/// Folds the smallest rows of each tick where a shard tells more than
/// [`ROWS_PER_SHARD_TICK_MAX`]: into one per asset and country, and where those are more
/// than as many again, the smallest of them into one per country that names no asset.
/// Returns by how many rows there are fewer.
pub fn fold(rows: &mut Vec<Transfer>) -> u64 {
    if rows.len() <= ROWS_PER_SHARD_TICK_MAX {
        return 0;
    }
    sort_by_tick(rows, |row| row.tick);
    let before = rows.len();
    let mut kept = Vec::new();
    for of_tick in rows.chunk_by_mut(|a, b| a.tick == b.tick) {
        let (largest, rest) = split_off_largest(of_tick);
        kept.extend_from_slice(largest);
        if rest.is_empty() {
            continue;
        }
        let mut folded = gather_by_asset(rest);
        let (largest, rest) = split_off_largest(&mut folded);
        kept.extend_from_slice(largest);
        kept.extend(gather_by_country(rest));
    }
    *rows = kept;
    before.saturating_sub(rows.len()) as u64
}

/// Parts the [`ROWS_PER_SHARD_TICK_MAX`] largest rows from the rest. Of those that are as
/// large as the smallest of them the first in order are taken.
fn split_off_largest(rows: &mut [Transfer]) -> (&[Transfer], &[Transfer]) {
    let count = rows.len().min(ROWS_PER_SHARD_TICK_MAX);
    if count < rows.len() {
        let mut sizes: Vec<u64> = rows.iter().map(|row| row.bytes).collect();
        let (_, least, _) = sizes.select_nth_unstable_by_key(count - 1, |bytes| Reverse(*bytes));
        let least = *least;
        let larger = partition(rows, |row| row.bytes > least);
        let as_large = partition(&mut rows[larger..], |row| row.bytes == least);
        let as_large = &mut rows[larger..][..as_large];
        let wanted = count - larger;
        if wanted < as_large.len() {
            split_off_first(as_large, wanted);
        }
    }
    let (largest, rest) = rows.split_at(count);
    (largest, rest)
}

/// Moves the first `wanted` rows in order, which are fewer than all, to the front. What is
/// compared and moved about meanwhile are whole numbers, not rows.
fn split_off_first(rows: &mut [Transfer], wanted: usize) {
    let places = rows.iter().zip(0u32..);
    let mut keys: Vec<_> = places.map(|(row, place)| (row.prefix(), place)).collect();
    let row = |place: u32| &rows[place as usize];
    let order =
        |a: &(u128, u32), b: &(u128, u32)| a.0.cmp(&b.0).then_with(|| row(a.1).cmp(row(b.1)));
    keys.select_nth_unstable_by(wanted, order);
    let mut is_wanted = vec![false; rows.len()];
    for (_, place) in &keys[..wanted] {
        is_wanted[*place as usize] = true;
    }
    let mut marks = is_wanted.iter();
    partition(rows, |_| marks.next().is_some_and(|mark| *mark));
}

/// Moves the rows that are wanted to the front. Says how many they are.
fn partition(rows: &mut [Transfer], mut is_wanted: impl FnMut(&Transfer) -> bool) -> usize {
    let mut wanted = 0;
    for at in 0..rows.len() {
        if is_wanted(&rows[at]) {
            rows.swap(wanted, at);
            wanted += 1;
        }
    }
    wanted
}

/// Asset and country, and the VLAN that may tell of which asset the address is.
fn ends_in_vlan(row: &Transfer) -> u128 {
    let vlan = row.vlan.map_or(0, Vlan::number);
    row.ends() << VLAN_BITS | u128::from(vlan)
}

/// Sums rows of one tick by asset and country.
fn gather_by_asset(rows: &[Transfer]) -> Vec<Transfer> {
    let mut order = Order::default();
    // Which of those of one asset and country comes first does not matter.
    order.sort(rows, ends_in_vlan, |_, _| Ordering::Equal);
    let sorted = order.sorted(rows);
    let runs = sorted.chunk_by(|a, b| ends_in_vlan(a) == ends_in_vlan(b));
    let sums = runs.filter_map(|run| run.iter().map(Sum::of).reduce(Sum::join));
    sums.map(Sum::row).collect()
}

/// Sums rows of one tick by country.
fn gather_by_country(rows: &[Transfer]) -> impl Iterator<Item = Transfer> {
    let mut sums = vec![None::<Sum>; COUNTRY_NUMBERS];
    for row in rows {
        let unnamed = Sum::of(&Transfer {
            asset_ip: AssetKey::UNNAMED.address(),
            vlan: None,
            ..*row
        });
        let sum = &mut sums[country_number(row.country)];
        *sum = Some(sum.map_or(unnamed, |sum| sum.join(unnamed)));
    }
    sums.into_iter().flatten().map(Sum::row)
}

/// Rows as one.
#[derive(Clone, Copy)]
struct Sum {
    /// The first of them in order, less what tells it from the others.
    first: Transfer,
    bytes: u64,
}

impl Sum {
    const fn of(row: &Transfer) -> Self {
        let first = Transfer {
            asn: 0,
            service: Service::Other,
            conversation: None,
            protection: Protection::Unseen,
            round_trip_nanos: None,
            ..*row
        };
        Self {
            first,
            bytes: row.bytes,
        }
    }

    fn join(self, other: Self) -> Self {
        // They are of one tick, country and VLAN and of assets with one key, and say nothing of
        // the fields between these.
        let order = |row: &Transfer| {
            let sure = (row.confidence, row.ended);
            (row.asset_ip, row.served, row.bytes, sure)
        };
        let is_behind = order(&other.first) < order(&self.first);
        let first = if is_behind { other.first } else { self.first };
        let measure = self.first.measure.max(other.first.measure);
        Self {
            first: Transfer { measure, ..first },
            bytes: self.bytes + other.bytes,
        }
    }

    const fn row(self) -> Transfer {
        Transfer {
            bytes: self.bytes,
            ..self.first
        }
    }
}

/// Bits of the number of a VLAN (IEEE 802.1Q).
const VLAN_BITS: u32 = 12;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::geo::Confidence;
    use crate::time::Tick;
    use crate::transfer::Conversation;

    fn row(tick: u64, bytes: u64, peer: u32, country: &str) -> Transfer {
        Transfer {
            tick: Tick(tick),
            country: country.parse().unwrap(),
            asn: 1,
            service: Service::Web,
            asset_ip: "10.0.0.1".parse().unwrap(),
            vlan: None,
            conversation: Some(Conversation {
                asset_port: 1,
                peer: IpAddr::from(peer.to_be_bytes()),
                peer_port: 443,
                protocol: 6,
            }),
            served: false,
            bytes,
            confidence: Confidence::Plausible,
            protection: Protection::Unseen,
            ended: false,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::PACKETS,
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
    fn the_same_address_in_two_vlans_is_not_folded_into_one() {
        let count = ROWS_PER_SHARD_TICK_MAX as u32 + 100;
        let rows = (0..2 * count).map(|i| Transfer {
            vlan: Vlan::of_tag(Some(7 + (i % 2) as u16)),
            ..row(1, 1, i, "RU")
        });
        let mut rows: Vec<_> = rows.collect();
        fold(&mut rows);
        let of_vlan = |number| {
            let rows = rows
                .iter()
                .filter(|row| row.vlan.map(Vlan::number) == Some(number));
            rows.map(|row| row.bytes).sum::<u64>()
        };
        assert_eq!([of_vlan(7), of_vlan(8)], [u64::from(count); 2]);
        assert_eq!(rows.len(), ROWS_PER_SHARD_TICK_MAX + 2);
    }

    #[test]
    fn however_many_assets_there_are_rows_are_bounded_and_bytes_exact() {
        let count = 5 * ROWS_PER_SHARD_TICK_MAX as u32;
        let rows = (0..count).map(|i| Transfer {
            asset_ip: IpAddr::from((0x0a00_0000 + i).to_be_bytes()),
            vlan: None,
            ..row(1, 1 + u64::from(i), i, if i % 3 == 0 { "RU" } else { "BR" })
        });
        let mut rows: Vec<_> = rows.collect();
        let before: u64 = rows.iter().map(|row| row.bytes).sum();
        let folded = fold(&mut rows);
        assert_eq!(rows.iter().map(|row| row.bytes).sum::<u64>(), before);
        assert_eq!(rows.len(), 2 * ROWS_PER_SHARD_TICK_MAX + 2);
        assert_eq!(folded, u64::from(count) - rows.len() as u64);
        let unnamed = rows.iter().filter(|row| row.asset() == AssetKey::UNNAMED);
        assert_eq!(unnamed.count(), 2, "one per country");
    }
}
