//! When each flow is due, by the second.

/// A hashed timer wheel (Varghese and Lauck 1987): slots threaded into a list per second.
///
/// A slot stands in it once, at or before the tick at which something is due for it. A
/// packet does not move it: when its tick comes, whoever takes it out looks whether it is
/// due by now, and else puts it in again. Slots of one tick leave in the order in which
/// they came.
#[derive(Debug)]
pub(super) struct Wheel {
    lists: Box<[List]>,
    /// A bit for each list that is not empty.
    occupied: [u64; BUCKETS / 64],
    len: usize,
}

/// The slots of one tick, from the first that came to the last.
#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

/// The place of a slot in its wheel, which the slot itself holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Links {
    pub(super) previous: u32,
    pub(super) next: u32,
    /// The tick at which it is looked at.
    pub(super) due: u32,
}

/// What holds the links of all slots.
pub(super) trait Linked {
    /// The links of a slot.
    fn links(&mut self, slot: u32) -> &mut Links;
}

/// No slot.
const NONE: u32 = u32::MAX;

const EMPTY: List = List {
    head: NONE,
    tail: NONE,
};

/// Lists: seconds that the wheel reaches ahead.
const BUCKETS: usize = 2_048;

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            lists: vec![EMPTY; BUCKETS].into_boxed_slice(),
            occupied: [0; BUCKETS / 64],
            len: 0,
        }
    }

    /// Slots that stand in it.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Puts a slot in that stands in no wheel: at `due`, which comes after `now`, or as far
    /// ahead as the wheel reaches.
    pub(super) fn insert(&mut self, slots: &mut impl Linked, slot: u32, due: u32, now: u32) {
        let due = due.clamp(
            now.saturating_add(1),
            now.saturating_add(BUCKETS as u32 - 1),
        );
        let bucket = due as usize % BUCKETS;
        let list = &mut self.lists[bucket];
        let previous = std::mem::replace(&mut list.tail, slot);
        *slots.links(slot) = Links {
            previous,
            next: NONE,
            due,
        };
        if previous == NONE {
            list.head = slot;
        } else {
            slots.links(previous).next = slot;
        }
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        self.len += 1;
    }

    /// Takes a slot out that stands in it.
    pub(super) fn remove(&mut self, slots: &mut impl Linked, slot: u32) {
        let Links {
            previous,
            next,
            due,
        } = *slots.links(slot);
        let bucket = due as usize % BUCKETS;
        let list = &mut self.lists[bucket];
        if next == NONE {
            list.tail = previous;
        } else {
            slots.links(next).previous = previous;
        }
        if previous == NONE {
            list.head = next;
        } else {
            slots.links(previous).next = next;
        }
        if list.head == NONE {
            self.occupied[bucket / 64] &= !(1 << (bucket % 64));
        }
        self.len -= 1;
    }

    /// The slots of the first tick after `now` that has any: that tick and the first of them.
    pub(super) fn first(&self, now: u32) -> Option<(u32, u32)> {
        if self.len == 0 {
            return None;
        }
        let from = (now as usize + 1) % BUCKETS;
        // The word in which the search begins is looked at twice: from its bit on, and at
        // the end again for the bits before it.
        for step in 0..=self.occupied.len() {
            let word = (from / 64 + step) % self.occupied.len();
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= u64::MAX << (from % 64);
            }
            if bits != 0 {
                let bucket = word * 64 + bits.trailing_zeros() as usize;
                let ahead = (bucket + BUCKETS - from) % BUCKETS;
                return Some((now + 1 + ahead as u32, self.lists[bucket].head));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Linked for Vec<Links> {
        fn links(&mut self, slot: u32) -> &mut Links {
            &mut self[slot as usize]
        }
    }

    proptest! {
        /// Against a plain list of who is due when.
        #[test]
        fn agrees_with_a_list(
            steps in prop::collection::vec((0u32..20, 0u32..5_000, 0u32..3), 1..300),
        ) {
            let mut slots = vec![Links::default(); 20];
            let (mut wheel, mut now) = (Wheel::new(), 0);
            let mut dues: Vec<Option<u32>> = vec![None; 20];
            for (slot, ahead, action) in steps {
                match (action, dues[slot as usize]) {
                    (0, None) => {
                        wheel.insert(&mut slots, slot, now + ahead, now);
                        let due = (now + ahead).clamp(now + 1, now + BUCKETS as u32 - 1);
                        dues[slot as usize] = Some(due);
                    }
                    (1, Some(_)) => {
                        wheel.remove(&mut slots, slot);
                        dues[slot as usize] = None;
                    }
                    (2, _) => {
                        // Time may pass only up to the first that is due.
                        let first = dues.iter().flatten().min();
                        now += first.map_or(ahead, |due| (due - now - 1).min(ahead));
                    }
                    _ => {}
                }
                let expected = dues.iter().flatten().min().copied();
                let first = wheel.first(now);
                prop_assert_eq!(first.map(|(due, _)| due), expected);
                prop_assert_eq!(wheel.len(), dues.iter().flatten().count());
                let slot = first.map(|(_, slot)| dues[slot as usize]);
                prop_assert_eq!(slot, expected.map(Some));
            }
        }
    }
}
