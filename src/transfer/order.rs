//! Many items in order, without moving them.

use std::cmp::Ordering;

/// Places of items in their order.
///
/// Sorting rows of a hundred bytes by all their fields spends its time on moving and
/// comparing them. Here whole numbers are sorted, each a part of an item's key and its
/// place; only items that are alike in that part are compared.
#[derive(Debug, Default)]
pub struct Order {
    keys: Vec<u128>,
}

impl Order {
    /// Puts `items` in order: by `prefix`, a number of at most 96 bits, and those that are
    /// alike in it as `compare` does. Equal items stay in the order in which they are.
    pub fn sort<T>(
        &mut self,
        items: &[T],
        prefix: impl Fn(&T) -> u128,
        compare: impl Fn(&T, &T) -> Ordering,
    ) {
        self.keys.clear();
        self.keys.reserve_exact(items.len());
        let places = items.iter().zip(0u32..);
        let keys = places.map(|(item, place)| prefix(item) << PLACE_BITS | u128::from(place));
        self.keys.extend(keys);
        self.keys.sort_unstable();
        let is_alike = |a: &u128, b: &u128| a >> PLACE_BITS == b >> PLACE_BITS;
        for alike in self.keys.chunk_by_mut(is_alike) {
            if alike.len() > 1 {
                let item = |key: &u128| &items[place(*key)];
                alike.sort_unstable_by(|a, b| compare(item(a), item(b)).then(a.cmp(b)));
            }
        }
    }

    /// The items in order.
    pub fn sorted<T: Copy>(&self, items: &[T]) -> Vec<T> {
        self.keys.iter().map(|key| items[place(*key)]).collect()
    }

    /// Hands over the items in order, some at a time, so that what is fetched from memory
    /// for them is fetched at once and no copy of all is made. A batch ends only where the
    /// prefix changes beyond its lower `bits`.
    ///
    /// # Errors
    /// The first that `take` returns.
    pub fn batches<T: Copy, E>(
        &self,
        items: &[T],
        bits: u32,
        mut take: impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut batch = Vec::with_capacity(BATCH_ITEMS);
        let bits = bits + PLACE_BITS;
        for alike in self.keys.chunk_by(|a, b| a >> bits == b >> bits) {
            batch.extend(alike.iter().map(|key| items[place(*key)]));
            if batch.len() >= BATCH_ITEMS {
                take(&batch)?;
                batch.clear();
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        take(&batch)
    }
}

const fn place(key: u128) -> usize {
    key as u32 as usize
}

/// Items that are copied at once: more than a processor waits for at the same time.
const BATCH_ITEMS: usize = 64;

/// Bits of a key that tell the place of its item.
const PLACE_BITS: u32 = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_order_of_a_stable_sort(
            items in prop::collection::vec((0u8..32, 0u8..4, any::<u8>()), 0..600),
        ) {
            // The last field takes no part, so that what is equal can be told apart.
            let compare = |a: &(u8, u8, u8), b: &(u8, u8, u8)| (a.0, a.1).cmp(&(b.0, b.1));
            let mut order = Order::default();
            order.sort(&items, |item| item.0.into(), compare);
            let mut expected = items.clone();
            expected.sort_by(compare);
            prop_assert_eq!(&order.sorted(&items), &expected);
            let mut batches: Vec<Vec<_>> = Vec::new();
            let gathered: Result<(), ()> = order.batches(&items, 3, |batch| {
                batches.push(batch.to_vec());
                Ok(())
            });
            prop_assert!(gathered.is_ok());
            prop_assert_eq!(&batches.concat(), &expected);
            for pair in batches.windows(2) {
                prop_assert!(pair[0].len() >= BATCH_ITEMS);
                prop_assert!(pair[0].last().unwrap().0 >> 3 < pair[1][0].0 >> 3);
            }
        }
    }
}
