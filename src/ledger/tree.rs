//! The Merkle tree of RFC 9162, section 2.1: its head, and proofs of inclusion and consistency.
//!
//! A [`Frontier`] keeps the complete subtrees at the right edge, one for each bit of the size,
//! which is enough to go on and to tell the head. A proof is a list of subtrees, each the tree
//! of a range of leaves. So it is made in one pass over the leaves that keeps one frontier.

use std::ops::Range;

use super::hash::Hash;

/// Hashes that a proof holds at most: two for each level of a tree of 2^64 leaves.
pub const PATH_HASHES_MAX: usize = 128;

/// The hash of a leaf: SHA-256 of a zero byte and the leaf (RFC 9162, section 2.1.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::of(&[&[0], leaf])
}

/// The hash of an inner node: SHA-256 of a byte one and its two children.
fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// The right edge of a growing tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Complete subtrees, the largest first.
    nodes: Vec<Hash>,
}

impl Frontier {
    /// Puts together what [`Frontier::size`] and [`Frontier::nodes`] told, where they fit.
    pub fn from_parts(size: u64, nodes: Vec<Hash>) -> Option<Self> {
        let fits = u32::try_from(nodes.len()) == Ok(size.count_ones());
        fits.then_some(Self { size, nodes })
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.nodes.pop() {
                node = node_hash(left, node);
            }
        }
        self.nodes.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// The tree head over all leaves so far; of none, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut from_right = self.nodes.iter().rev().copied();
        let Some(last) = from_right.next() else {
            return Hash::of(&[]);
        };
        from_right.fold(last, |right, left| node_hash(left, right))
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The complete subtrees, the largest first.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }
}

/// Makes a proof from all leaves in their order.
#[derive(Clone, Debug)]
pub struct PathBuilder {
    /// The ranges of leaves and their places in the proof, by their starts.
    ranges: Vec<(Range<u64>, usize)>,
    /// Which of them is being read.
    current: usize,
    inside: Frontier,
    path: Vec<Hash>,
    next: u64,
}

impl PathBuilder {
    /// For a proof that leaf `index` is in the tree of `size` leaves.
    pub fn inclusion(index: u64, size: u64) -> Self {
        Self::of(inclusion_ranges(index, size))
    }

    /// For a proof that the tree of `old` leaves begins the tree of `new` leaves.
    pub fn consistency(old: u64, new: u64) -> Self {
        Self::of(consistency_ranges(old, new))
    }

    fn of(ranges: Vec<Range<u64>>) -> Self {
        let path = vec![Hash::NONE; ranges.len()];
        let mut ranges: Vec<_> = ranges.into_iter().zip(0..).collect();
        ranges.sort_by_key(|(range, _)| range.start);
        Self {
            ranges,
            current: 0,
            inside: Frontier::default(),
            path,
            next: 0,
        }
    }

    /// Takes the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let index = self.next;
        self.next = index.saturating_add(1);
        let Some((range, place)) = self.ranges.get(self.current) else {
            return;
        };
        if !range.contains(&index) {
            return;
        }
        self.inside.push(leaf);
        if self.next == range.end {
            if let Some(slot) = self.path.get_mut(*place) {
                *slot = self.inside.root();
            }
            self.inside = Frontier::default();
            self.current += 1;
        }
    }

    /// The proof, once all leaves that it is about were taken.
    pub fn finish(self) -> Option<Vec<Hash>> {
        (self.current == self.ranges.len()).then_some(self.path)
    }
}

/// The subtrees of PATH(index, D) of section 2.1.3.1, from the leaf to the root.
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut start, mut end) = (0, size);
    let mut ranges = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The subtrees of PROOF(old, D) of section 2.1.4.1, in its order. None where the two trees
/// are one, or where there is no old tree.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let (mut start, mut end) = (0, new);
    let mut ranges = Vec::new();
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(start..middle);
            start = middle;
        }
    }
    // The old tree itself is left out, for the one who checks knows its head.
    if start > 0 {
        ranges.push(start..end);
    }
    ranges.reverse();
    ranges
}

/// The largest power of two that is smaller than `size`, which is 2 at least.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Whether `path` proves that the leaf of this hash is number `index` of the `size` leaves under
/// `root` (RFC 9162, section 2.1.3.2).
pub fn is_included(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut left, mut last, mut node) = (index, size - 1, leaf);
    for hash in path {
        if last == 0 {
            return false;
        }
        if left & 1 == 1 || left == last {
            node = node_hash(*hash, node);
            while left & 1 == 0 && left != 0 {
                (left, last) = (left >> 1, last >> 1);
            }
        } else {
            node = node_hash(node, *hash);
        }
        (left, last) = (left >> 1, last >> 1);
    }
    last == 0 && node == root
}

/// Whether `path` proves that the first `old.0` leaves under the root `new.1` are those under
/// the root `old.1` (RFC 9162, section 2.1.4.2). Each pair is a size and a root.
pub fn is_consistent(old: (u64, Hash), new: (u64, Hash), path: &[Hash]) -> bool {
    if old.0 == new.0 {
        return path.is_empty() && old.1 == new.1;
    }
    if old.0 == 0 || old.0 > new.0 || path.is_empty() {
        return false;
    }
    let first = old.0.is_power_of_two().then_some(&old.1);
    let mut hashes = first.into_iter().chain(path);
    let (mut left, mut last) = (old.0 - 1, new.0 - 1);
    while left & 1 == 1 {
        (left, last) = (left >> 1, last >> 1);
    }
    let Some(start) = hashes.next() else {
        return false;
    };
    let (mut of_old, mut of_new) = (*start, *start);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if left & 1 == 1 || left == last {
            of_old = node_hash(*hash, of_old);
            of_new = node_hash(*hash, of_new);
            while left & 1 == 0 && left != 0 {
                (left, last) = (left >> 1, last >> 1);
            }
        } else {
            of_new = node_hash(of_new, *hash);
        }
        (left, last) = (left >> 1, last >> 1);
    }
    last == 0 && of_old == old.1 && of_new == new.1
}
