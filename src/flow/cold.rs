//! What few flows need: sequence holes, repeated bytes, and sums beyond 32 bits.

use super::record::Traffic;
use super::sequence::Holes;
use super::slot::Counts;

/// The part of a TCP flow that loses, repeats or reorders segments, or of one that has
/// carried gigabytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cold {
    /// Per direction, what was jumped over.
    pub(super) holes: [Holes; 2],
    /// Per direction, payload bytes of this record that had been seen before.
    pub(super) repeated_bytes: [u64; 2],
    /// Per direction, what this record's 32-bit sums had no room for.
    pub(super) carried: [Carried; 2],
}

/// What one direction has carried beside what its slot counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried {
    packets: u64,
    wire_bytes: u64,
    ip_bytes: u64,
    payload_bytes: u64,
}

impl Carried {
    /// Takes what a slot has counted.
    pub(super) fn add(&mut self, counts: &Counts) {
        self.packets += u64::from(counts.packets);
        self.wire_bytes += u64::from(counts.wire_bytes);
        self.ip_bytes += u64::from(counts.ip_bytes);
        self.payload_bytes += u64::from(counts.payload_bytes);
    }
}

impl Cold {
    /// Adds what it knows of a direction to what the slot knows.
    pub(super) fn add_to(&self, traffic: &mut Traffic, direction: usize) {
        let carried = &self.carried[direction];
        traffic.packets += carried.packets;
        traffic.wire_bytes += carried.wire_bytes;
        traffic.ip_bytes += carried.ip_bytes;
        traffic.payload_bytes += carried.payload_bytes;
        traffic.unique_bytes = traffic.payload_bytes - self.repeated_bytes[direction];
        traffic.missing_bytes = self.holes[direction].bytes();
    }
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
