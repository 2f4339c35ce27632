//! From a key's hash to the slot that holds the flow.

use crate::prefetch::prefetch;

/// Open addressing with linear probing over slot numbers, at most half full.
///
/// An entry has 32 bits of the hash beside the slot's number, so that neither a probe of
/// another key's entry, nor a removal, nor a larger index has to look at the slots.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// The bits of a hash that lie below those that name a place.
    shift: u32,
}

/// A slot under the hash of its key.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u32,
    /// The slot's number plus one; 0 is free.
    slot: u32,
}

impl Index {
    /// Makes an index with room for `slots` slots.
    pub(super) fn new(slots: usize) -> Self {
        let entries = (slots.max(4) * 2).next_power_of_two();
        Self {
            shift: u32::BITS - entries.trailing_zeros(),
            entries: vec![Entry::default(); entries],
        }
    }

    /// Slots that it has room for.
    pub(super) const fn room(&self) -> usize {
        self.entries.len() / 2
    }

    /// Makes room for twice as many.
    pub(super) fn grow(&mut self) {
        let grown = Self::new(2 * self.room());
        let old = std::mem::replace(self, grown);
        for entry in old.entries {
            if entry.slot != 0 {
                self.place(entry);
            }
        }
    }

    /// Has the entry fetched at which the probes of a hash begin.
    #[inline]
    pub(super) fn prefetch(&self, hash: u32) {
        prefetch(&self.entries, self.home(hash));
    }

    /// The first slot under this hash.
    #[inline]
    pub(super) fn candidate(&self, hash: u32) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The slot under this hash for which `is_key` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let mut position = self.home(hash);
        loop {
            let entry = self.entries[position];
            if entry.slot == 0 {
                return None;
            }
            if entry.hash == hash && is_key(entry.slot - 1) {
                return Some(entry.slot - 1);
            }
            position = self.behind(position);
        }
    }

    /// Adds a slot under the hash of its key, which has none.
    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        let slot = slot + 1;
        self.place(Entry { hash, slot });
    }

    /// Takes a slot out. Entries behind the gap move up, so that no marks of deletion are
    /// left.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let mut gap = self.home(hash);
        while self.entries[gap].slot != slot + 1 {
            if self.entries[gap].slot == 0 {
                return;
            }
            gap = self.behind(gap);
        }
        let mask = self.entries.len() - 1;
        let mut position = gap;
        loop {
            position = self.behind(position);
            let entry = self.entries[position];
            if entry.slot == 0 {
                break;
            }
            // An entry may move up only if its probes pass the gap on their way.
            let distance = position.wrapping_sub(self.home(entry.hash)) & mask;
            if distance >= position.wrapping_sub(gap) & mask {
                self.entries[gap] = entry;
                gap = position;
            }
        }
        self.entries[gap] = Entry::default();
    }

    fn place(&mut self, entry: Entry) {
        let mut position = self.home(entry.hash);
        while self.entries[position].slot != 0 {
            position = self.behind(position);
        }
        self.entries[position] = entry;
    }

    /// Where the probes of a hash begin.
    #[inline]
    const fn home(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }

    #[inline]
    const fn behind(&self, position: usize) -> usize {
        (position + 1) & (self.entries.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a plain map, with hashes that collide in every way.
        #[test]
        fn agrees_with_a_map(
            steps in prop::collection::vec((0u32..24, any::<bool>()), 1..300),
            scale in prop::sample::select(vec![1u32, 1 << 20, 1 << 27, 1 << 31]),
        ) {
            let mut index = Index::new(4);
            let mut map = std::collections::BTreeMap::new();
            // A key is its own slot.
            let hash = |key: u32| key.wrapping_mul(scale);
            for (key, adds) in steps {
                if adds && !map.contains_key(&key) {
                    if map.len() >= index.room() {
                        index.grow();
                    }
                    index.insert(hash(key), key);
                    map.insert(key, key);
                } else if !adds && map.remove(&key).is_some() {
                    index.remove(hash(key), key);
                }
                for key in 0..24 {
                    let found = index.find(hash(key), |slot| slot == key);
                    prop_assert_eq!(found, map.get(&key).copied());
                }
            }
        }
    }
}
