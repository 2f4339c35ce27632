//! Which flow gives way in a full table.

use super::{End, FlowEvent, PREFIXES, Shard};
use crate::flow::key::mix;
use crate::flow::slot::{Phase, State};

impl Shard {
    /// Counts a flow that begins among the half-open ones of its initiator's prefix.
    pub(super) fn count_opening(&mut self, slot: u32) {
        self.slots[slot].state.set(State::COUNTED);
        let prefix = self.prefix(slot);
        self.prefixes[prefix] = self.prefixes[prefix].saturating_add(1);
    }

    /// Takes a flow out of its prefix's count of half-open ones.
    pub(super) fn uncount(&mut self, slot: u32) {
        let flow = &mut self.slots[slot];
        if flow.state.has(State::COUNTED) {
            flow.state.clear(State::COUNTED);
            let prefix = self.prefix(slot);
            self.prefixes[prefix] = self.prefixes[prefix].saturating_sub(1);
        }
    }

    /// Ends the flow that matters least.
    pub(super) fn evict(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        let established_max = self.flows_max - self.flows_max / 8;
        for step in 0.. {
            let is_crowded = self.established.len() > established_max;
            let from_established = is_crowded || self.embryonic.len() == 0;
            let wheel = if from_established {
                &self.established
            } else {
                &self.embryonic
            };
            let Some((at, slot)) = wheel.first(self.passed) else {
                return;
            };
            // A packet does not move its flow in the wheel, so one that looks due soonest
            // may have been heard since. It is put where it belongs now.
            let due = self.due(slot);
            let is_stale = due > at;
            if is_stale && step < STALE_FLOWS_MAX {
                self.disarm(slot);
                self.arm(slot, due, self.passed);
                continue;
            }
            let slot = if from_established {
                slot
            } else {
                self.most_crowded(slot)
            };
            self.evicted += 1;
            self.close(slot, self.now, Some(End::Evicted), events);
            return self.fetch_next();
        }
    }

    /// Asks for the memory of the flows that the next eviction will look at: where one flow
    /// gives way, another soon does.
    fn fetch_next(&self) {
        for wheel in [&self.embryonic, &self.established] {
            if let Some((_, slot)) = wheel.first(self.passed) {
                self.slots.prefetch(slot);
            }
        }
        let mut sample = self.sample;
        for _ in 0..SAMPLES {
            sample = following(sample);
            self.slots.prefetch(self.sampled(sample));
        }
    }

    /// Of this flow and a few others that have not come far, the one whose initiator's prefix
    /// has most half-open flows; closing ones go first.
    fn most_crowded(&mut self, first: u32) -> u32 {
        let (mut chosen, mut crowd) = (first, self.crowd(first));
        for _ in 0..SAMPLES {
            self.sample = following(self.sample);
            let slot = self.sampled(self.sample);
            let state = self.slots[slot].state;
            if state.has(State::LIVE) && !state.has(State::IN_ESTABLISHED) {
                let other = self.crowd(slot);
                if other > crowd {
                    (chosen, crowd) = (slot, other);
                }
            }
        }
        chosen
    }

    /// The slot that a sample names.
    const fn sampled(&self, sample: u64) -> u32 {
        ((sample >> 33) % self.slots.len() as u64) as u32
    }

    fn crowd(&self, slot: u32) -> u32 {
        let flow = &self.slots[slot];
        match flow.phase() {
            Phase::Closing => u32::MAX,
            Phase::HalfOpen => self.prefixes[self.prefix(slot)],
            Phase::Established => 0,
        }
    }

    /// The place of a flow's initiator among the counts by prefix: IPv4 /24, IPv6 /48. Which
    /// prefixes share a place must not change from run to run, so it is not secret.
    fn prefix(&self, slot: u32) -> usize {
        let is_ipv6 = self.slots[slot].key.rest.is_ipv6();
        let host_bits = if is_ipv6 { 80 } else { 8 };
        mix(self.slots.src(slot) >> host_bits) as usize % PREFIXES
    }
}

/// A linear congruential generator (Knuth's MMIX): which flows are looked at must be the
/// same in every run, and need not be hard to guess.
const fn following(sample: u64) -> u64 {
    sample
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}

/// Flows among which the one to be evicted is chosen, beside the one that is due soonest.
const SAMPLES: usize = 4;

/// Flows that are put right in the wheel before the next is evicted as it stands.
const STALE_FLOWS_MAX: usize = 32;
