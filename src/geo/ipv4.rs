//! The IPv4 part of a database, laid out so that one lookup waits for memory twice.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use maxminddb::Metadata;

use super::verify::{children, ipv4_start};

/// The networks of a database as ranges of addresses in their order.
///
/// In the file's tree a lookup follows up to 32 nodes, each a wait for memory. Here the
/// first 16 bits name a few ranges, of which the right one is searched for by the other
/// 16. The first range of each few begins where they do.
#[derive(Debug)]
pub(super) struct Ipv4Table {
    /// By the first 16 bits of an address: where its ranges begin.
    begins: Vec<u32>,
    /// The last 16 bits of each range's first address.
    starts: Vec<u16>,
    /// The number of each range's record, 0 where there is none.
    records: Vec<u32>,
    /// By the number of a record: an address that has it.
    examples: Vec<Ipv4Addr>,
}

impl Ipv4Table {
    /// Lays out the database in `bytes`, whose tree is sound.
    pub(super) fn new(metadata: &Metadata, bytes: &[u8]) -> Self {
        let node_bytes = usize::from(metadata.record_size) / 4;
        let node_count = metadata.node_count as usize;
        let mut table = Self {
            begins: Vec::with_capacity((1 << 16) + 1),
            starts: Vec::new(),
            records: Vec::new(),
            examples: vec![Ipv4Addr::UNSPECIFIED],
        };
        let mut numbers = HashMap::new();
        // Most networks have the record of one a little before them.
        let mut recent = [(usize::MAX, 0); RECENT_RECORDS];
        let mut pending = vec![(ipv4_start(metadata, bytes), 0u32, 0u32)];
        while let Some((node, start, depth)) = pending.pop() {
            let at = node.saturating_mul(node_bytes);
            match bytes.get(at..at + node_bytes) {
                Some(bytes) if node < node_count && depth < u32::BITS => {
                    let [left, right] = children(bytes);
                    pending.push((right, start | 1 << (31 - depth), depth + 1));
                    pending.push((left, start, depth + 1));
                }
                _ if node == node_count => table.push(start, 0),
                _ => {
                    let recent = &mut recent[node % RECENT_RECORDS];
                    if recent.0 != node {
                        let next = table.examples.len() as u32;
                        let number = *numbers.entry(node).or_insert(next);
                        if number == next {
                            table.examples.push(start.into());
                        }
                        *recent = (node, number);
                    }
                    table.push(start, recent.1);
                }
            }
        }
        table.begin_until(1 << 16);
        table.begins.push(table.starts.len() as u32);
        table
    }

    /// The number of the record of an address, 0 where there is none.
    #[cfg(test)]
    pub(super) fn record(&self, address: Ipv4Addr) -> usize {
        let (high, low) = halves(address);
        let (from, to) = (self.begins[high] as usize, self.begins[high + 1] as usize);
        let behind = self.starts[from..to].partition_point(|start| *start <= low);
        self.records[from + behind - 1] as usize
    }

    /// The ranges of one value of the first 16 bits.
    fn ranges(&self, high: usize) -> impl Iterator<Item = (u16, u32)> {
        let of = self.begins[high] as usize..self.begins[high + 1] as usize;
        let starts = self.starts[of.clone()].iter().copied();
        starts.zip(self.records[of].iter().copied())
    }

    /// By the number of a record: an address that has it. The first is of no record.
    pub(super) fn examples(&self) -> &[Ipv4Addr] {
        &self.examples
    }

    /// Adds a range, unless it goes on with the record of the one before it.
    fn push(&mut self, start: u32, record: u32) {
        let (high, low) = halves(start.into());
        self.begin_until(high + usize::from(low > 0));
        if low == 0 {
            self.begins.push(self.starts.len() as u32);
        } else if self.records.last() == Some(&record) {
            return;
        }
        self.starts.push(low);
        self.records.push(record);
    }

    /// Has the ranges of the first `count` values of the first 16 bits begin, with what the
    /// range before them goes on with.
    fn begin_until(&mut self, count: usize) {
        while self.begins.len() < count {
            self.begins.push(self.starts.len() as u32);
            self.starts.push(0);
            self.records.push(self.records.last().copied().unwrap_or(0));
        }
    }
}

/// Records whose numbers are at hand while a database is laid out.
const RECENT_RECORDS: usize = 4_096;

/// Two databases laid out as one, so that one search finds the records of both.
#[derive(Debug)]
pub(super) struct Ipv4Pairs {
    begins: Vec<u32>,
    starts: Vec<u16>,
    records: Vec<[u32; 2]>,
}

impl Ipv4Pairs {
    /// Puts two databases together.
    pub(super) fn new(one: &Ipv4Table, other: &Ipv4Table) -> Self {
        let mut pairs = Self {
            begins: Vec::with_capacity((1 << 16) + 1),
            starts: Vec::with_capacity(one.starts.len() + other.starts.len()),
            records: Vec::with_capacity(one.starts.len() + other.starts.len()),
        };
        for high in 0..1 << 16 {
            pairs.begins.push(pairs.starts.len() as u32);
            let [mut one, mut other] = [one.ranges(high), other.ranges(high)];
            let mut records = [0; 2];
            let mut next = [one.next(), other.next()];
            // Both begin where the first 16 bits do, so the pair is complete from there on.
            while let Some(low) = next.iter().flatten().map(|(low, _)| *low).min() {
                for (place, ranges) in [&mut one, &mut other].into_iter().enumerate() {
                    if let Some((at, record)) = next[place]
                        && at == low
                    {
                        records[place] = record;
                        next[place] = ranges.next();
                    }
                }
                pairs.starts.push(low);
                pairs.records.push(records);
            }
        }
        pairs.begins.push(pairs.starts.len() as u32);
        pairs
    }

    /// The numbers of an address's records in the two databases, 0 where there is none.
    pub(super) fn records(&self, address: Ipv4Addr) -> [u32; 2] {
        let (high, low) = halves(address);
        let (from, to) = (self.begins[high] as usize, self.begins[high + 1] as usize);
        let behind = self.starts[from..to].partition_point(|start| *start <= low);
        self.records[from + behind - 1]
    }

    /// Reads what [`Ipv4Pairs::records`] reads first.
    pub(super) fn touch(&self, address: Ipv4Addr) -> u64 {
        let (high, _) = halves(address);
        let from = self.begins[high] as usize;
        u64::from(self.starts[from]) ^ u64::from(self.records[from][0])
    }
}

/// The first and the last 16 bits of an address.
const fn halves(address: Ipv4Addr) -> (usize, u16) {
    let bits = address.to_bits();
    ((bits >> 16) as usize, bits as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every range's first and last address, and others, against the file's own tree.
    #[test]
    fn agrees_with_the_tree() {
        let bytes = include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/models/geo/dbip-country.mmdb"
        ));
        let reader = maxminddb::Reader::from_source(&bytes[..]).unwrap();
        let table = Ipv4Table::new(reader.metadata(), bytes);
        assert!(table.starts.len() > 100_000, "{}", table.starts.len());
        let offset = |address: Ipv4Addr| {
            let found = reader.lookup(address.into()).unwrap();
            found.has_data().then(|| found.offset())
        };
        assert_eq!(table.begins.len(), (1 << 16) + 1);
        let nothing = Ipv4Table {
            begins: (0..=1 << 16).collect(),
            starts: vec![0; 1 << 16],
            records: vec![0; 1 << 16],
            examples: Vec::new(),
        };
        let pairs = Ipv4Pairs::new(&table, &nothing);
        let starts = (0..1u32 << 16).flat_map(|high| {
            let place = |at: u32| table.begins[at as usize] as usize;
            let lows = table.starts[place(high)..place(high + 1)].iter();
            lows.map(move |low| high << 16 | u32::from(*low))
        });
        let starts = starts.step_by(7);
        let edges = starts.flat_map(|start| [start, start.wrapping_sub(1)]);
        let spread = (0..100_000u32).map(|step| step.wrapping_mul(0x9e37_79b9));
        for address in edges.chain(spread).map(Ipv4Addr::from_bits) {
            let record = table.record(address);
            let example = (record > 0).then(|| offset(table.examples()[record]));
            assert_eq!(offset(address), example.flatten(), "{address}");
            assert_eq!(pairs.records(address), [record as u32, 0], "{address}");
        }
    }
}
