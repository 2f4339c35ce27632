//! Which flow gives way in a full table.

use super::{End, FlowEvent, PREFIXES, Shard};
use crate::flow::FlowKey;
use crate::flow::key::KeyHasher;
use crate::flow::slot::{Phase, Slot, State};
use crate::flow::wheel::Wheel;

impl Shard {
    /// Counts a flow that begins among the half-open ones of its initiator's prefix.
    pub(super) fn count_opening(&mut self, flow: &mut Slot) {
        flow.state.set(State::COUNTED);
        let prefix = prefix_of(&self.hasher, flow);
        self.prefixes[prefix] = self.prefixes[prefix].saturating_add(1);
    }

    /// Takes a flow out of its prefix's count of half-open ones.
    pub(super) fn uncount(&mut self, slot: u32) {
        let flow = &mut self.slots[slot as usize];
        if flow.state.has(State::COUNTED) {
            flow.state.clear(State::COUNTED);
            let prefix = prefix_of(&self.hasher, &self.slots[slot as usize]);
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
            let flow = &self.slots[slot as usize];
            let is_established = flow.phase() == Phase::Established;
            let is_stale = due > at || is_established != flow.state.has(State::IN_ESTABLISHED);
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
            return self.close(slot, self.now, Some(End::Evicted), events);
        }
    }

    /// Of a few flows of the same tick, the one whose initiator's prefix has most half-open
    /// flows; closing ones go first.
    fn most_crowded(&mut self, first: u32) -> u32 {
        let (mut chosen, mut crowd) = (first, 0);
        let mut candidate = Some(first);
        for _ in 0..CANDIDATES {
            let Some(slot) = candidate else { break };
            let flow = &self.slots[slot as usize];
            let of_prefix = match flow.phase() {
                Phase::Closing => u16::MAX,
                Phase::HalfOpen => self.prefixes[prefix_of(&self.hasher, flow)],
                Phase::Established => 0,
            };
            if of_prefix > crowd {
                (chosen, crowd) = (slot, of_prefix);
            }
            candidate = Wheel::next(&mut self.slots, slot);
        }
        chosen
    }
}

/// The place of a flow's initiator among the counts by prefix: IPv4 /24, IPv6 /48.
fn prefix_of(hasher: &KeyHasher, flow: &Slot) -> usize {
    let host_bits = if flow.is_ipv6() { 80 } else { 8 };
    let prefix = FlowKey {
        low: flow.src() >> host_bits,
        ..FlowKey::default()
    };
    (hasher.hash(&prefix) >> 32) as usize % PREFIXES
}

/// Flows of the same tick among which the one to be evicted is chosen.
const CANDIDATES: usize = 4;

/// Flows that are put right in the wheel before the next is evicted as it stands.
const STALE_FLOWS_MAX: usize = 32;
