//! Queues of flows in the order of something that happened to them, threaded through the
//! table's slots.

/// `N` queues of slots; a slot stands in one of them at most. Those to whom it happened
/// first stand at the head.
#[derive(Clone, Debug)]
pub(super) struct Queues<const N: usize> {
    ends: [Ends; N],
    links: Vec<Links>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    head: u32,
    tail: u32,
}

/// A slot's neighbours in the queue that it stands in.
#[derive(Clone, Copy, Debug)]
struct Links {
    previous: u32,
    next: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;

impl<const N: usize> Default for Queues<N> {
    fn default() -> Self {
        let ends = Ends {
            head: NONE,
            tail: NONE,
        };
        Self {
            ends: [ends; N],
            links: Vec::new(),
        }
    }
}

impl<const N: usize> Queues<N> {
    /// The slot at the head of a queue.
    pub(super) fn head(&self, queue: usize) -> Option<u32> {
        let head = self.ends[queue].head;
        (head != NONE).then_some(head)
    }

    /// Puts `slot`, which stands in no queue, at the end of one.
    pub(super) fn push(&mut self, queue: usize, slot: u32) {
        let tail = self.ends[queue].tail;
        let links = Links {
            previous: tail,
            next: NONE,
        };
        if self.links.len() <= slot as usize {
            self.links.resize(slot as usize + 1, links);
        }
        self.links[slot as usize] = links;
        match tail {
            NONE => self.ends[queue].head = slot,
            tail => self.links[tail as usize].next = slot,
        }
        self.ends[queue].tail = slot;
    }

    /// Takes `slot`, which stands in this queue, out of it.
    pub(super) fn remove(&mut self, queue: usize, slot: u32) {
        let Links { previous, next } = self.links[slot as usize];
        match previous {
            NONE => self.ends[queue].head = next,
            previous => self.links[previous as usize].next = next,
        }
        match next {
            NONE => self.ends[queue].tail = previous,
            next => self.links[next as usize].previous = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_leave_in_the_order_in_which_they_were_last_touched() {
        let mut queues = Queues::<2>::default();
        for slot in 0..3 {
            queues.push(0, slot);
        }
        queues.remove(0, 1);
        queues.push(1, 1);
        queues.remove(0, 0);
        assert_eq!((queues.head(0), queues.head(1)), (Some(2), Some(1)));
        queues.push(0, 0);
        queues.remove(0, 2);
        queues.remove(1, 1);
        assert_eq!((queues.head(0), queues.head(1)), (Some(0), None));
    }
}
