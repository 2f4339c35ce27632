//! Lines of flows on their way to the file.

use super::FlowEvent;
use crate::flow::FlowKey;

/// Lines of flows of one tick, in the order of their keys, of which some have been taken.
#[derive(Debug, Default)]
pub struct FlowLines {
    pub(super) bytes: Vec<u8>,
    /// Of each line, the key of its flow and where the line ends.
    pub(super) ends: Vec<(FlowKey, usize)>,
    /// What other systems are told of the same flows, if they are.
    pub(super) events: Vec<FlowEvent>,
    /// Lines that have been taken.
    taken: usize,
}

impl FlowLines {
    /// Room for as many lines as go on at once.
    pub(super) fn with_room() -> Self {
        Self {
            bytes: Vec::with_capacity(FULL_BYTES + LINE_BYTES_MAX),
            ends: Vec::new(),
            events: Vec::new(),
            taken: 0,
        }
    }

    /// Whether they are enough to go on.
    pub(super) const fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.events.len() >= FULL_EVENTS
    }

    /// The key of the next line.
    pub fn next_key(&self) -> Option<FlowKey> {
        self.ends.get(self.taken).map(|(key, _)| *key)
    }

    /// Takes the next lines up to the first whose key is not `wanted`.
    pub fn take(&mut self, wanted: impl Fn(&FlowKey) -> bool) -> &[u8] {
        self.take_both(wanted).0
    }

    /// The same, and what other systems are told of these flows.
    pub fn take_both(&mut self, wanted: impl Fn(&FlowKey) -> bool) -> (&[u8], &[FlowEvent]) {
        let rest = self.ends.get(self.taken..).unwrap_or_default();
        let (first, begin) = (self.taken, self.end_of(self.taken));
        self.taken += rest.iter().take_while(|(key, _)| wanted(key)).count();
        let end = self.end_of(self.taken);
        let events = self.events.get(first..self.taken).unwrap_or_default();
        (self.bytes.get(begin..end).unwrap_or_default(), events)
    }

    /// Forgets all lines and keeps their memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.events.clear();
        self.taken = 0;
    }

    /// Where so many lines end.
    fn end_of(&self, lines: usize) -> usize {
        let last = lines.checked_sub(1).and_then(|last| self.ends.get(last));
        last.map_or(0, |(_, end)| *end)
    }
}

/// Bytes of lines that go on at once: what a file is given in one piece, so that it need not
/// be gathered there once more.
const FULL_BYTES: usize = 256 * 1024;

/// Flows that go on at once, where other systems are told of them.
const FULL_EVENTS: usize = 1_024;

/// Room for a line. A test writes the longest one, which takes less than half.
pub(super) const LINE_BYTES_MAX: usize = 2_048;
