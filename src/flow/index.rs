//! From a key's hash to the slot that holds the flow.

use super::prefetch::prefetch;

/// Open addressing with linear probing over slot numbers, at most half full.
///
/// An entry has the slot in its lower bits and as many bits of the hash as fit above, so
/// that a probe of another key's entry rarely has to look at the slot.
#[derive(Debug)]
pub(super) struct Index {
    /// 0 is free; the slot's number is held plus one.
    entries: Vec<u32>,
    prober: Prober,
}

/// How a hash becomes a place in an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prober {
    slot_bits: u32,
    shift: u32,
}

/// A key's place in the index: where its probes begin, and its tag.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probe {
    home: u32,
    tag: u32,
}

impl Index {
    /// Makes an index with room for `slots` of at most `slots_max` slots.
    pub(super) fn new(slots: usize, slots_max: usize) -> Self {
        let entries = (slots.max(4) * 2).next_power_of_two();
        let slot_bits = (slots_max + 1).next_power_of_two().trailing_zeros().max(1);
        Self {
            prober: Prober {
                slot_bits,
                shift: 64 - entries.trailing_zeros(),
            },
            entries: vec![0; entries],
        }
    }

    /// Slots that it has room for.
    pub(super) const fn room(&self) -> usize {
        self.entries.len() / 2
    }

    /// Where to look for a key of this hash.
    pub(super) const fn probe(&self, hash: u64) -> Probe {
        self.prober.probe(hash)
    }

    /// What [`Index::probe`] goes by, to be used while the index changes.
    pub(super) const fn prober(&self) -> Prober {
        self.prober
    }

    /// Has the entry fetched at which a key's probes begin.
    pub(super) fn prefetch(&self, probe: Probe) {
        prefetch(&self.entries, probe.home as usize);
    }

    /// The slot of the first entry that may be the key's, by its tag alone.
    pub(super) fn candidate(&self, probe: Probe) -> Option<u32> {
        self.find(probe, |_| true)
    }

    /// The slot for which `is_key` holds.
    pub(super) fn find(&self, probe: Probe, is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut position = probe.home as usize;
        loop {
            let entry = self.entries[position];
            if entry == 0 {
                return None;
            }
            if entry & !self.slot_mask() == probe.tag {
                let slot = (entry & self.slot_mask()) - 1;
                if is_key(slot) {
                    return Some(slot);
                }
            }
            position = (position + 1) & mask;
        }
    }

    /// Adds a slot under a key that has none.
    pub(super) fn insert(&mut self, probe: Probe, slot: u32) {
        let mask = self.entries.len() - 1;
        let mut position = probe.home as usize;
        while self.entries[position] != 0 {
            position = (position + 1) & mask;
        }
        self.entries[position] = probe.tag | (slot + 1);
    }

    /// Takes a slot out. `home` tells where the probes of another slot begin; entries
    /// behind the gap move up, so that no marks of deletion are left.
    pub(super) fn remove(&mut self, probe: Probe, slot: u32, home: impl Fn(u32) -> Probe) {
        let mask = self.entries.len() - 1;
        let mut gap = probe.home as usize;
        while self.entries[gap] & self.slot_mask() != slot + 1 {
            if self.entries[gap] == 0 {
                return;
            }
            gap = (gap + 1) & mask;
        }
        let mut position = gap;
        loop {
            position = (position + 1) & mask;
            let entry = self.entries[position];
            if entry == 0 {
                break;
            }
            let home = home((entry & self.slot_mask()) - 1).home as usize;
            // An entry may move up only if its probes pass the gap on their way.
            let distance = position.wrapping_sub(home) & mask;
            if distance >= position.wrapping_sub(gap) & mask {
                self.entries[gap] = entry;
                gap = position;
            }
        }
        self.entries[gap] = 0;
    }

    const fn slot_mask(&self) -> u32 {
        self.prober.slot_mask()
    }
}

impl Prober {
    /// Where to look for a key of this hash.
    pub(super) const fn probe(self, hash: u64) -> Probe {
        Probe {
            home: (hash >> self.shift) as u32,
            // The home position is of the upper bits; the tag is of those below them.
            tag: (hash.rotate_left(64 - self.shift) >> 32) as u32 & !self.slot_mask(),
        }
    }

    const fn slot_mask(self) -> u32 {
        (1 << self.slot_bits) - 1
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
            steps in prop::collection::vec((0u64..24, any::<bool>()), 1..300),
            scale in prop::sample::select(vec![1u64, 1 << 40, 1 << 58, 1 << 63]),
        ) {
            let mut index = Index::new(24, 24);
            let mut map = std::collections::BTreeMap::new();
            // A key is its own slot, so that slots tell their hashes.
            let hash = |key: u64| key.wrapping_mul(scale);
            for (key, adds) in steps {
                let probe = index.probe(hash(key));
                let slot = key as u32;
                if adds && !map.contains_key(&key) {
                    index.insert(probe, slot);
                    map.insert(key, slot);
                } else if !adds && map.remove(&key).is_some() {
                    let prober = index.prober();
                    index.remove(probe, slot, |slot| prober.probe(hash(slot.into())));
                }
                for key in 0..24 {
                    let found = index.find(index.probe(hash(key)), |slot| u64::from(slot) == key);
                    prop_assert_eq!(found, map.get(&key).copied());
                }
            }
        }
    }
}
