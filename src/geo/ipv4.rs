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
                    let next = table.examples.len() as u32;
                    let number = *numbers.entry(node).or_insert(next);
                    if number == next {
                        table.examples.push(start.into());
                    }
                    table.push(start, number);
                }
            }
        }
        table.begin_until(1 << 16);
        table.begins.push(table.starts.len() as u32);
        table
    }

    /// The number of the record of an address, 0 where there is none.
    pub(super) fn record(&self, address: Ipv4Addr) -> usize {
        let (high, low) = halves(address);
        let (from, to) = (self.begins[high] as usize, self.begins[high + 1] as usize);
        let behind = self.starts[from..to].partition_point(|start| *start <= low);
        self.records[from + behind - 1] as usize
    }

    /// Reads what [`Ipv4Table::record`] reads first.
    pub(super) fn touch(&self, address: Ipv4Addr) -> u64 {
        let (high, _) = halves(address);
        let from = self.begins[high] as usize;
        u64::from(self.starts[from]) ^ u64::from(self.records[from])
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
        }
    }
}
