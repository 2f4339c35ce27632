//! What a shard does as time passes.

use crate::flow::slot::{Phase, State};
use crate::geo::Place;
use crate::time::Tick;

use super::{EXPORT_SECONDS_DUE, FlowEvent, Shard};

impl Shard {
    /// Closes the running tick and all before `to`, which becomes the running one.
    pub fn advance(
        &mut self,
        to: Tick,
        locate: &impl Fn(std::net::IpAddr) -> Place,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        for slot in std::mem::take(&mut self.queued) {
            if self.slots[slot].state.has(State::QUEUED) {
                self.tell_export(slot, self.now, false, events);
            }
        }
        if !self.fragments.is_empty() {
            let mut freed = Vec::new();
            let now = self.relative(to);
            self.fragments
                .expire(now, &mut |packet| freed.push(*packet));
            for packet in &freed {
                let lookup = self.look_up(packet);
                self.count(packet, &lookup, locate, events);
            }
        }
        if self.begins_at(to) {
            return;
        }
        let end = self.relative(to);
        while let Some((at, slot)) = self.earliest() {
            if at >= end {
                break;
            }
            self.passed = at.saturating_sub(1);
            self.slots.prefetch(self.slots[slot].links.next);
            self.visit(slot, at, events);
        }
        self.now = self.now.max(end);
        self.passed = self.now.saturating_sub(1);
        // The gap may be longer than ticks are counted in here; it has ended all flows then.
        self.begins_at(to);
    }

    /// Counts ticks from `to` on, if there is nothing that is older.
    pub(super) fn begins_at(&mut self, to: Tick) -> bool {
        let begins = self.is_empty() && self.fragments.is_empty() && to > self.base;
        if begins {
            self.base = Tick(to.0 - 1);
            (self.now, self.passed) = (1, 0);
        }
        begins
    }

    /// The first tick that has a flow to look at, and that flow.
    pub(super) fn earliest(&self) -> Option<(u32, u32)> {
        let wheels = [&self.established, &self.embryonic];
        let firsts = wheels.map(|wheel| wheel.first(self.passed));
        firsts.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// When something is to be done for a flow.
    pub(super) fn due(&self, slot: u32) -> u32 {
        let flow = &self.slots[slot];
        let after = |since: u32, seconds: u64| {
            since.saturating_add(u32::try_from(seconds).unwrap_or(u32::MAX))
        };
        let mut due = flow
            .last_tick
            .saturating_add(self.silent_seconds(flow.phase()));
        if flow.untold_bytes > 0 {
            due = due.min(after(flow.untold_since, EXPORT_SECONDS_DUE));
        }
        if flow.state.has(State::RUNNING) {
            let seconds = self.config.active_seconds.get();
            due = due.min(after(flow.since, seconds.into()));
        }
        due
    }

    pub(super) fn silent_seconds(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Established => self.config.idle_seconds.get(),
            Phase::HalfOpen => self.config.half_open_seconds.get(),
            Phase::Closing => self.config.closing_seconds.get(),
        }
    }

    pub(super) fn arm(&mut self, slot: u32, due: u32, now: u32) {
        let flow = &mut self.slots[slot];
        if flow.phase() == Phase::Established {
            flow.state.set(State::IN_ESTABLISHED);
            self.established.insert(&mut self.slots, slot, due, now);
        } else {
            flow.state.clear(State::IN_ESTABLISHED);
            self.embryonic.insert(&mut self.slots, slot, due, now);
        }
    }

    pub(super) fn disarm(&mut self, slot: u32) {
        if self.slots[slot].state.has(State::IN_ESTABLISHED) {
            self.established.remove(&mut self.slots, slot);
        } else {
            self.embryonic.remove(&mut self.slots, slot);
        }
    }

    /// Does what is due for a flow at tick `at`, and arms it for what comes next.
    pub(super) fn visit(&mut self, slot: u32, at: u32, events: &mut impl FnMut(FlowEvent<'_>)) {
        let flow = &self.slots[slot];
        let silent_seconds = self.silent_seconds(flow.phase());
        if flow.last_tick.saturating_add(silent_seconds) <= at {
            return self.close(slot, at, None, events);
        }
        let age = at.saturating_sub(flow.untold_since);
        if flow.untold_bytes > 0 && u64::from(age) >= EXPORT_SECONDS_DUE {
            self.tell_export(slot, at, false, events);
        }
        let flow = &self.slots[slot];
        let active_seconds = self.config.active_seconds.get();
        if flow.state.has(State::RUNNING) && at.saturating_sub(flow.since) >= active_seconds {
            self.end_record(slot, at, events);
        }
        self.disarm(slot);
        let due = self.due(slot);
        self.arm(slot, due, at);
    }

    pub(super) fn relative(&self, tick: Tick) -> u32 {
        u32::try_from(tick.seconds_since(self.base)).unwrap_or(u32::MAX)
    }

    pub(super) fn absolute(&self, tick: u32) -> Tick {
        self.base.plus_seconds(tick.into())
    }
}
