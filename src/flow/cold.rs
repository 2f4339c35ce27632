//! What few flows need: sequence holes and repeated bytes.

use super::sequence::Holes;

/// The part of a TCP flow that loses, repeats or reorders segments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cold {
    /// Per direction, what was jumped over.
    pub(super) holes: [Holes; 2],
    /// Per direction, payload bytes of this record that had been seen before.
    pub(super) repeated_bytes: [u64; 2],
}

/// The cold parts of a shard's flows, made when they are needed.
#[derive(Debug, Default)]
pub(super) struct ColdStore {
    parts: Vec<Cold>,
    unused: Vec<u32>,
}

/// No part.
const NONE: u32 = u32::MAX;

impl ColdStore {
    /// The part at a place, if it is one.
    pub(super) fn get(&self, place: u32) -> Option<&Cold> {
        self.parts.get(place as usize)
    }

    /// Empties the part at a place, if it is one.
    pub(super) fn forget(&mut self, place: u32) {
        if let Some(part) = self.parts.get_mut(place as usize) {
            *part = Cold::default();
        }
    }

    /// The part at a place, which is made if there is none.
    pub(super) fn get_or_make(&mut self, place: &mut u32) -> &mut Cold {
        if *place == NONE {
            *place = self.unused.pop().unwrap_or_else(|| {
                self.parts.push(Cold::default());
                self.parts.len() as u32 - 1
            });
        }
        &mut self.parts[*place as usize]
    }

    /// Gives a part back, if it is one.
    pub(super) fn free(&mut self, place: u32) {
        if place != NONE {
            self.forget(place);
            self.unused.push(place);
        }
    }
}
