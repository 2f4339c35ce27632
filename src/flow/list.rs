//! Queues of flows by the time of their last packet, threaded through the table's slots.

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// A slot's neighbours in the queue that it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    previous: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            previous: NONE,
            next: NONE,
        }
    }
}

/// A doubly linked queue of slots: the longest silent stand at the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    head: u32,
    tail: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
        }
    }
}

impl Queue {
    /// The slot that has been silent for longest.
    pub(super) fn head(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// Puts `slot`, which stands in no queue, at the end.
    pub(super) fn push(&mut self, links: &mut [Links], slot: u32) {
        links[slot as usize] = Links {
            previous: self.tail,
            next: NONE,
        };
        match self.tail {
            NONE => self.head = slot,
            tail => links[tail as usize].next = slot,
        }
        self.tail = slot;
    }

    /// Takes `slot`, which stands in this queue, out of it.
    pub(super) fn remove(&mut self, links: &mut [Links], slot: u32) {
        let Links { previous, next } = links[slot as usize];
        match previous {
            NONE => self.head = next,
            previous => links[previous as usize].next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => links[next as usize].previous = previous,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_leave_in_the_order_in_which_they_were_last_touched() {
        let mut links = vec![Links::default(); 3];
        let mut queue = Queue::default();
        for slot in 0..3 {
            queue.push(&mut links, slot);
        }
        queue.remove(&mut links, 1);
        queue.push(&mut links, 1);
        queue.remove(&mut links, 0);
        assert_eq!(queue.head(), Some(2));
        queue.remove(&mut links, 2);
        queue.remove(&mut links, 1);
        assert_eq!(queue.head(), None);
        queue.push(&mut links, 0);
        assert_eq!(queue.head(), Some(0));
    }
}
