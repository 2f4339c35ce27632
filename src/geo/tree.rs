//! The search tree of a database file.

use maxminddb::Metadata;

/// The nodes of a file's search tree, numbered from 0. A number beyond theirs is of a record,
/// the first of nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'a> {
    bytes: &'a [u8],
    layout: Layout,
    node_bytes: usize,
    node_count: u32,
}

/// The sizes of a node that the format knows, in bits of each of its two ways.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Bits24,
    Bits28,
    Bits32,
}

impl<'a> Tree<'a> {
    /// The tree of the file in `bytes`, which the reader of its `metadata` accepted.
    pub(super) fn new(metadata: &Metadata, bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            layout: match metadata.record_size {
                24 => Layout::Bits24,
                28 => Layout::Bits28,
                _ => Layout::Bits32,
            },
            node_bytes: usize::from(metadata.record_size) / 4,
            node_count: metadata.node_count,
        }
    }

    /// The data section of the file.
    pub(super) fn data(&self) -> &'a [u8] {
        let nodes_bytes = self.node_count as usize * self.node_bytes;
        let data = self.bytes.get(nodes_bytes + SEPARATOR_BYTES..);
        data.unwrap_or_default()
    }

    /// Where in the data section a record stands, `None` where the number is of nothing.
    pub(super) fn offset(&self, record: u32) -> Option<usize> {
        let behind = record.checked_sub(self.node_count)? as usize;
        behind.checked_sub(SEPARATOR_BYTES)
    }

    /// Whether a number is not of a node.
    pub(super) const fn is_record(&self, number: u32) -> bool {
        number >= self.node_count
    }

    /// Where the two ways out of a node lead. From a record both lead to itself.
    #[inline]
    pub(super) fn children(&self, node: u32) -> [u32; 2] {
        if self.is_record(node) {
            return [node; 2];
        }
        let at = node as usize * self.node_bytes;
        // The separator stands behind the last node.
        let word = self
            .bytes
            .get(at..at + 8)
            .and_then(|node| node.try_into().ok());
        let word = word.map_or(0, u64::from_be_bytes);
        let ways = match self.layout {
            Layout::Bits24 => [word >> 40, word >> 16 & 0xff_ffff],
            Layout::Bits28 => [word >> 40 | word >> 12 & 0xf00_0000, word >> 8 & 0xfff_ffff],
            Layout::Bits32 => [word >> 32, word & 0xffff_ffff],
        };
        ways.map(|way| way as u32)
    }

    /// The node, or what else stands in its place, from which IPv4 addresses are looked up
    /// in a file of this version of IP.
    pub(super) fn ipv4_start(&self, ip_version: u16) -> u32 {
        let bits = if ip_version == 6 { IPV4_START_BITS } else { 0 };
        (0..bits).fold(0, |node, _| self.children(node)[0])
    }

    /// Whether only one way leads to each node, save to that where IPv4 starts, which other
    /// prefixes may share.
    ///
    /// A hundred nodes that each lead to the next one twice make 2^100 networks, and nothing
    /// that walks them would end.
    pub(super) fn is_one(&self, ip_version: u16) -> bool {
        let shared = (ip_version == 6).then(|| self.ipv4_start(ip_version));
        let mut reached = vec![false; self.node_count as usize];
        let mut ways = (0..self.node_count).flat_map(|node| self.children(node));
        ways.all(|child| {
            // What lies beyond the nodes is data or nothing.
            let reached = reached.get_mut(child as usize);
            Some(child) == shared || reached.is_none_or(|reached| !std::mem::replace(reached, true))
        })
    }
}

/// Two trees and the IPv4 addresses of which both are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) trees: [Tree<'a>; 2],
    /// The first and the last address.
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Walk<'_> {
    /// From the nodes `at` for the prefix `start` of `depth` bits, tells of each range of
    /// addresses its first one, which may be before `from`, and both records.
    ///
    /// The depth is bounded by the bits of an address, and the ranges by the nodes of both
    /// trees where these are sound.
    pub(super) fn go(
        &self,
        mut at: [u32; 2],
        (mut start, depth): (u32, u32),
        tell: &mut impl FnMut(u32, [u32; 2]),
    ) {
        for depth in depth..u32::BITS {
            if self.trees[0].is_record(at[0]) && self.trees[1].is_record(at[1]) {
                break;
            }
            let one = self.trees[0].children(at[0]);
            let other = self.trees[1].children(at[1]);
            let (left, right) = ([one[0], other[0]], [one[1], other[1]]);
            let half = start | 1 << (u32::BITS - 1 - depth);
            if self.to < half {
                at = left;
                continue;
            }
            if self.from < half {
                self.go(left, (start, depth + 1), tell);
            }
            (at, start) = (right, half);
        }
        tell(start, at);
    }
}

/// Zero bits before the IPv4 addresses in a tree of IPv6 addresses.
const IPV4_START_BITS: u32 = 96;

/// Bytes between the nodes and the data section.
const SEPARATOR_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of the format's specification: the nibbles of the middle byte stand
    /// before the three bytes to their side.
    #[test]
    fn reads_nodes_of_each_size() {
        let bytes = [
            0xff, 0x23, 0x45, 0x67, 0x18, 0x9a, 0xbc, 0xde, 0xff, 0, 0, 0, 0, 0, 0, 0,
        ];
        let children = |layout, node_bytes| {
            let tree = Tree {
                bytes: &bytes[1..],
                layout,
                node_bytes,
                node_count: 1,
            };
            assert_eq!(tree.children(7), [7; 2]);
            tree.children(0)
        };
        assert_eq!(children(Layout::Bits24, 6), [0x23_4567, 0x18_9abc]);
        assert_eq!(children(Layout::Bits28, 7), [0x123_4567, 0x89a_bcde]);
        assert_eq!(children(Layout::Bits32, 8), [0x2345_6718, 0x9abc_deff]);
    }
}
