//! Whether a file that an operator names is sound.

use maxminddb::{MaxMindDbError, Reader, WithinOptions};

use super::tree::Tree;

/// Walks the whole database in `bytes`, which `reader` reads.
///
/// # Errors
/// Says what is not sound in it.
pub(super) fn verify(reader: &Reader<&[u8]>, bytes: &[u8]) -> Result<(), MaxMindDbError> {
    let metadata = reader.metadata();
    if !Tree::new(metadata, bytes).is_one(metadata.ip_version) {
        return Err(MaxMindDbError::invalid_database(
            "two ways lead to one node of its tree",
        ));
    }
    // The reader's own verification stops at an empty description, which the files of
    // ip-location-db have. Of these the tree is walked, and a record that does not decode
    // counts as unknown when an address leads to it.
    if metadata.description.is_empty() {
        let all = WithinOptions::default().include_networks_without_data();
        return reader
            .networks(all)?
            .try_for_each(|network| network.map(drop));
    }
    reader.verify()
}
