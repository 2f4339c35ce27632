//! The search tree of a database file.

use maxminddb::Metadata;

/// The nodes of a file's search tree, numbered from 0. A number beyond theirs is of a record,
/// the first of nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'a> {
    nodes: &'a [u8],
    node_bytes: usize,
}

impl<'a> Tree<'a> {
    /// The tree at the start of the file in `bytes`, whose nodes may be less than the
    /// metadata says.
    pub(super) fn new(metadata: &Metadata, bytes: &'a [u8]) -> Self {
        let node_bytes = usize::from(metadata.record_size) / 4;
        let tree_bytes = node_bytes.saturating_mul(metadata.node_count as usize);
        Self {
            nodes: &bytes[..tree_bytes.min(bytes.len())],
            node_bytes,
        }
    }

    /// Where the two ways out of a node lead, `None` where `node` is none.
    pub(super) fn children(&self, node: u32) -> Option<[u32; 2]> {
        let at = (node as usize).checked_mul(self.node_bytes)?;
        self.nodes.get(at..)?.get(..self.node_bytes).map(children)
    }

    /// Where the way leads that the first `count` bits tell, the most significant one first.
    pub(super) fn follow(&self, from: u32, bits: u32, count: u32) -> u32 {
        let ways = (0..count).map(|depth| (bits >> (u32::BITS - 1 - depth) & 1) as usize);
        ways.fold(from, |node, way| {
            self.children(node).map_or(node, |children| children[way])
        })
    }

    /// The node, or what else stands in its place, from which IPv4 addresses are looked up
    /// in a file of this version of IP.
    pub(super) fn ipv4_start(&self, ip_version: u16) -> u32 {
        let words = if ip_version == 6 { IPV4_START_WORDS } else { 0 };
        (0..words).fold(0, |node, _| self.follow(node, 0, u32::BITS))
    }

    /// Whether only one way leads to each node, save to that where IPv4 starts, which other
    /// prefixes may share.
    ///
    /// A hundred nodes that each lead to the next one twice make 2^100 networks, and nothing
    /// that walks them would end.
    pub(super) fn is_one(&self, ip_version: u16) -> bool {
        let shared = (ip_version == 6).then(|| self.ipv4_start(ip_version));
        let nodes = self.nodes.chunks_exact(self.node_bytes.max(1));
        let mut reached = vec![false; nodes.len()];
        nodes.flat_map(children).all(|child| {
            // What lies beyond the nodes is data or nothing.
            let reached = reached.get_mut(child as usize);
            Some(child) == shared || reached.is_none_or(|reached| !std::mem::replace(reached, true))
        })
    }
}

/// Walks two trees at once, below the prefix `start` of `depth` bits to which the nodes `at`
/// belong, and tells for each range of addresses its first one and both records.
///
/// Depth is bounded by the bits of an address, and what is told by the nodes of both trees
/// where these are sound.
pub(super) fn walk_both(
    trees: &[Tree<'_>; 2],
    at: [u32; 2],
    (start, depth): (u32, u32),
    tell: &mut impl FnMut(u32, [u32; 2]),
) {
    let ways = [trees[0].children(at[0]), trees[1].children(at[1])];
    if depth == u32::BITS || ways == [None; 2] {
        return tell(start, at);
    }
    let [one, other] = ways;
    let (one, other) = (one.unwrap_or([at[0]; 2]), other.unwrap_or([at[1]; 2]));
    let next = start | 1 << (u32::BITS - 1 - depth);
    walk_both(trees, [one[0], other[0]], (start, depth + 1), tell);
    walk_both(trees, [one[1], other[1]], (next, depth + 1), tell);
}

/// Where the two ways out of a node lead, by the three layouts of the format.
fn children(node: &[u8]) -> [u32; 2] {
    let number = u32::from_be_bytes;
    match *node {
        [a, b, c, d, e, f] => [number([0, a, b, c]), number([0, d, e, f])],
        [a, b, c, high, d, e, f] => [number([high >> 4, a, b, c]), number([high & 0xf, d, e, f])],
        [a, b, c, d, e, f, g, h] => [number([a, b, c, d]), number([e, f, g, h])],
        _ => [u32::MAX; 2],
    }
}

/// Words of zero bits before the IPv4 addresses in a tree of IPv6 addresses.
const IPV4_START_WORDS: u32 = 96 / u32::BITS;
