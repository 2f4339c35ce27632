//! Whether a file that an operator names is sound.

use maxminddb::{MaxMindDbError, Metadata, Reader, WithinOptions};

/// Walks the whole database in `bytes`, which `reader` reads.
///
/// # Errors
/// Says what is not sound in it.
pub(super) fn verify(reader: &Reader<&[u8]>, bytes: &[u8]) -> Result<(), MaxMindDbError> {
    if !is_tree(reader.metadata(), bytes) {
        return Err(MaxMindDbError::invalid_database(
            "two ways lead to one node of its tree",
        ));
    }
    // The reader's own verification stops at an empty description, which the files of
    // ip-location-db have. Of these the tree is walked, and a record that does not decode
    // counts as unknown when an address leads to it.
    if reader.metadata().description.is_empty() {
        let all = WithinOptions::default().include_networks_without_data();
        return reader
            .networks(all)?
            .try_for_each(|network| network.map(drop));
    }
    reader.verify()
}

/// Whether only one way leads to each node of the search tree, save to that where IPv4
/// starts, which other prefixes may share.
///
/// A hundred nodes that each lead to the next one twice make 2^100 networks, and nothing
/// that walks them would end.
fn is_tree(metadata: &Metadata, bytes: &[u8]) -> bool {
    let node_bytes = usize::from(metadata.record_size) / 4;
    let node_count = metadata.node_count as usize;
    let nodes = bytes.chunks_exact(node_bytes.max(1)).take(node_count);
    let ipv4_start = (metadata.ip_version == 6).then(|| ipv4_start(metadata, bytes));
    let mut reached = vec![false; node_count.min(bytes.len())];
    nodes
        .flat_map(children)
        .filter(|child| Some(*child) != ipv4_start)
        .all(|child| {
            // What lies beyond the nodes is data or nothing.
            reached
                .get_mut(child)
                .is_none_or(|reached| !std::mem::replace(reached, true))
        })
}

/// The node, or what else stands in its place, from which IPv4 addresses are looked up.
pub(super) fn ipv4_start(metadata: &Metadata, bytes: &[u8]) -> usize {
    let node_bytes = usize::from(metadata.record_size) / 4;
    let bits = match metadata.ip_version {
        6 => IPV4_START_BITS,
        _ => 0,
    };
    (0..bits).fold(0, |node, _| {
        let at = node * node_bytes;
        let is_node = node < metadata.node_count as usize;
        let bytes = is_node.then(|| bytes.get(at..at + node_bytes)).flatten();
        bytes.map_or(node, |bytes| children(bytes)[0])
    })
}

/// Where the two ways out of a node lead, by the three layouts of the format.
pub(super) fn children(node: &[u8]) -> [usize; 2] {
    let number = |bytes: [u8; 4]| u32::from_be_bytes(bytes) as usize;
    match *node {
        [a, b, c, d, e, f] => [number([0, a, b, c]), number([0, d, e, f])],
        [a, b, c, high, d, e, f] => [number([high >> 4, a, b, c]), number([high & 0xf, d, e, f])],
        [a, b, c, d, e, f, g, h] => [number([a, b, c, d]), number([e, f, g, h])],
        _ => [usize::MAX; 2],
    }
}

/// Zero bits before the IPv4 addresses in a tree of IPv6 addresses.
const IPV4_START_BITS: u32 = 96;
