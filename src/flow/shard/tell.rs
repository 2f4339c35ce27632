//! What a shard tells of a flow.

use super::{End, FlowEvent, Shard};
use crate::flow::slot::State;

impl Shard {
    /// Tells what has been exported since the last time, if anything.
    pub(super) fn tell_export(
        &mut self,
        slot: u32,
        tick: u32,
        ended: bool,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let tick = self.absolute(tick);
        let flow = &mut self.slots[slot as usize];
        let bytes = std::mem::take(&mut flow.untold_bytes);
        flow.state.clear(State::QUEUED);
        if bytes == 0 {
            return;
        }
        let first = !flow.state.has(State::TOLD);
        flow.state.set(State::TOLD);
        events(FlowEvent::Export {
            flow: &flow.told(self.config.by_vlan, &self.cold, &self.tunnels),
            bytes,
            first,
            ended,
            tick,
        });
    }

    /// Tells a record that has run for long enough.
    pub(super) fn end_record(
        &mut self,
        slot: u32,
        tick: u32,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let tick = self.absolute(tick);
        let flow = &mut self.slots[slot as usize];
        if flow.packets() > 0 {
            events(FlowEvent::Closed {
                flow: &flow.told(self.config.by_vlan, &self.cold, &self.tunnels),
                end: End::Active,
                tick,
            });
        }
        flow.end_record(&mut self.cold);
    }

    /// Tells the last of a flow.
    pub(super) fn tell_end(
        &mut self,
        slot: u32,
        tick: u32,
        end: Option<End>,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        self.tell_export(slot, tick, true, events);
        let flow = &self.slots[slot as usize];
        if flow.packets() > 0 {
            // Both sides may have closed it before the input ended or its place was taken.
            let end = flow.closed_by().or(end).unwrap_or(End::Idle);
            events(FlowEvent::Closed {
                flow: &flow.told(self.config.by_vlan, &self.cold, &self.tunnels),
                end,
                tick: self.absolute(tick),
            });
        }
    }
}
