//! A small map that takes no more memory than what it holds.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// Keys and values in the order of the keys, one behind the other. Most assets have few
/// destinations, for which a node of a B-tree, which has room for eleven, is too large.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    from = "BTreeMap<K, V>",
    bound = "K: Ord + Deserialize<'de>, V: Deserialize<'de>"
)]
pub struct Sorted<K, V> {
    entries: Vec<(K, V)>,
}

impl<K: Ord, V> Sorted<K, V> {
    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        Some(&self.entries[place].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        Some(&mut self.entries[place].1)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// Keys and values for good, in order.
    pub(super) fn into_entries(self) -> Vec<(K, V)> {
        self.entries
    }

    /// Keys, and values to be changed, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// Values to be changed, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// Where a key is, or where it would be.
    pub(super) fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.cmp(key))
    }

    /// The value at a place.
    pub(super) fn at(&mut self, place: usize) -> &mut V {
        &mut self.entries[place].1
    }

    /// Adds a key that is not there, where [`Self::place`] says that it would be.
    pub(super) fn insert(&mut self, place: usize, key: K, value: V) {
        grow_exactly(&mut self.entries);
        self.entries.insert(place, (key, value));
    }

    /// The value of a key, which is made if it is not there.
    pub(super) fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.insert(place, key, V::default());
            place
        });
        self.at(place)
    }

    /// Drops the values that are not wanted.
    pub(super) fn retain(&mut self, is_wanted: impl Fn(&V) -> bool) {
        self.entries.retain(|(_, value)| is_wanted(value));
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
    }
}

/// Makes room for one more, and twice what there is: one, two, four.
pub(super) fn grow_exactly<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact(items.len().max(1));
    }
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        let entries = Vec::new();
        Self { entries }
    }
}

impl<K: Ord, V> From<BTreeMap<K, V>> for Sorted<K, V> {
    fn from(map: BTreeMap<K, V>) -> Self {
        let mut entries = Vec::with_capacity(map.len());
        entries.extend(map);
        Self { entries }
    }
}

impl<K: Ord + Serialize, V: Serialize> Serialize for Sorted<K, V> {
    /// As any map.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stored_as_a_map_and_in_order() {
        let mut sorted = Sorted::default();
        for key in [5u32, 1, 3, 4, 2] {
            let place = sorted.place(&key).unwrap_err();
            sorted.insert(place, key, u64::from(key) * 10);
        }
        let map: BTreeMap<u32, u64> = (1..=5).map(|key| (key, u64::from(key) * 10)).collect();
        let bytes = postcard::to_stdvec(&sorted).unwrap();
        assert_eq!(bytes, postcard::to_stdvec(&map).unwrap());
        let read: Sorted<u32, u64> = postcard::from_bytes(&bytes).unwrap();
        assert!(read.iter().eq(map.iter()));
        assert_eq!((read.get(&4), read.get(&6)), (Some(&40), None));
        // Of what is not in order, as no run of ours leaves it, the order is made.
        let wrong = postcard::to_stdvec(&(2u32, (7u32, 70u64), (6u32, 60u64))).unwrap();
        let read: Sorted<u32, u64> = postcard::from_bytes(&wrong).unwrap();
        assert!(read.iter().eq([(&6, &60), (&7, &70)]));
    }

    #[test]
    fn one_entry_takes_the_room_of_one() {
        let mut sorted = Sorted::default();
        sorted.insert(0, 1, 1);
        assert_eq!(sorted.entries.capacity(), 1);
        (2..=40).for_each(|key| sorted.insert(key - 1, key, key));
        sorted.retain(|value| *value == 7);
        assert_eq!((sorted.len(), sorted.entries.capacity()), (1, 1));
    }
}
