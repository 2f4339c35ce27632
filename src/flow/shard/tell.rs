//! What a shard tells of a flow.

use std::net::IpAddr;
use std::sync::Arc;

use super::{End, Flow, FlowEvent, Shard};
use crate::dissect::{Answered, Protection, Said};
use crate::flow::FlowKey;
use crate::flow::slot::State;
use crate::time::Tick;

impl Shard {
    /// The slots of the flows that [`Self::end`] has ended, in no particular order.
    pub fn ended(&self) -> impl Iterator<Item = u32> {
        (0..self.slots.len() as u32).filter(|slot| {
            let flow = &self.slots[*slot];
            flow.state.has(State::LIVE) && flow.has_packets()
        })
    }

    /// The key of the flow in a slot of [`Self::ended`].
    pub fn ended_key(&self, slot: u32) -> FlowKey {
        self.slots.key(slot, self.config.by_vlan)
    }

    /// The flow in a slot of [`Self::ended`], with why and when it ended.
    pub fn ended_flow(&self, slot: u32) -> (Flow, End, Tick) {
        let end = self.slots[slot].closed_by().unwrap_or(End::EndOfInput);
        (self.told(slot), end, self.absolute(self.now))
    }

    /// What the flow in a slot of [`Self::ended`] said of itself.
    pub fn ended_said(&self, slot: u32) -> Option<&Arc<Said>> {
        self.said(slot)
    }

    fn protection(&self, slot: u32) -> Protection {
        if self.slots[slot].state.has(State::HEARD) {
            self.beginnings.protection(slot)
        } else {
            Protection::Unseen
        }
    }

    /// Tells what conversations have said of themselves since it was last asked.
    pub(super) fn tell_news(&mut self, events: &mut impl FnMut(FlowEvent<'_>)) {
        while let Some(news) = self.beginnings.next_news() {
            if let Some(nanos) = news.answered_nanos {
                self.slots[news.slot].answer(nanos);
            }
            events(FlowEvent::Said {
                flow: &self.told(news.slot),
                said: &news.said,
                tick: self.absolute(self.now),
            });
        }
    }

    /// Tells what messages of DNS over TCP say, some of which may have waited for the segment
    /// of this direction, which went from the first end to the second.
    #[cold]
    pub(super) fn tell_names(
        &mut self,
        ([src, dst], vlan): ([IpAddr; 2], Option<u16>),
        direction: usize,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let now = self.absolute(self.now);
        for (sent, answered) in self.beginnings.take_names() {
            let ends = if sent == direction {
                [src, dst]
            } else {
                [dst, src]
            };
            events(named((ends, vlan), answered, now));
        }
    }

    fn said(&self, slot: u32) -> Option<&Arc<Said>> {
        let is_heard = self.slots[slot].state.has(State::HEARD);
        is_heard.then(|| self.beginnings.said(slot)).flatten()
    }

    /// Has a slot fetched from memory that will be asked for soon.
    pub fn prefetch(&self, slot: u32) {
        self.slots.prefetch(slot);
    }

    /// Tells what has been exported since the last time, if anything.
    pub(super) fn tell_export(
        &mut self,
        slot: u32,
        tick: u32,
        ended: bool,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        if let Some(export) = self.take_export(slot) {
            let said = (self.absolute(tick), self.protection(slot));
            export.tell(&self.told(slot), ended, said, events);
        }
    }

    /// What has been exported and not told, which counts as told from now on.
    fn take_export(&mut self, slot: u32) -> Option<Export> {
        let flow = &mut self.slots[slot];
        let bytes = std::mem::take(&mut flow.untold_bytes);
        flow.state.clear(State::QUEUED);
        if bytes == 0 {
            return None;
        }
        let first = !flow.state.has(State::TOLD);
        flow.state.set(State::TOLD);
        Some(Export { bytes, first })
    }

    /// Tells a record that has run for long enough.
    pub(super) fn end_record(
        &mut self,
        slot: u32,
        tick: u32,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        if self.slots[slot].has_packets() {
            events(FlowEvent::Closed {
                flow: &self.told(slot),
                end: End::Active,
                tick: self.absolute(tick),
                said: self.said(slot),
            });
        }
        self.slots[slot].end_record(&mut self.cold);
    }

    /// Tells the last of a flow.
    pub(super) fn tell_end(
        &mut self,
        slot: u32,
        tick: u32,
        end: Option<End>,
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        let export = self.take_export(slot);
        if self.slots[slot].state.has(State::HEARD) {
            self.beginnings.end(slot);
            self.tell_news(events);
        }
        let flow = &self.slots[slot];
        let has_packets = flow.has_packets();
        // Both sides may have closed it before the input ended or its place was taken.
        let end = flow.closed_by().or(end).unwrap_or(End::Idle);
        if export.is_none() && !has_packets {
            return;
        }
        let (flow, tick) = (&self.told(slot), self.absolute(tick));
        if let Some(export) = export {
            let said = (tick, self.protection(slot));
            export.tell(flow, true, said, events);
        }
        if has_packets {
            let said = self.said(slot);
            events(FlowEvent::Closed {
                flow,
                end,
                tick,
                said,
            });
        }
    }

    fn told(&self, slot: u32) -> Flow {
        let by_vlan = self.config.by_vlan;
        self.slots.told(slot, by_vlan, &self.cold, &self.tunnels)
    }
}

/// What a message of DNS says that went from the first end to the second in a VLAN.
pub(super) fn named(
    ([src, dst], vlan): ([IpAddr; 2], Option<u16>),
    answered: Answered,
    tick: Tick,
) -> FlowEvent<'static> {
    let is_response = answered.is_response;
    FlowEvent::Named {
        ends: if is_response { [dst, src] } else { [src, dst] },
        vlan,
        answered,
        tick,
    }
}

/// Export bytes that are about to be told.
struct Export {
    bytes: u32,
    first: bool,
}

impl Export {
    fn tell(
        self,
        flow: &Flow,
        ended: bool,
        (tick, protection): (Tick, Protection),
        events: &mut impl FnMut(FlowEvent<'_>),
    ) {
        events(FlowEvent::Export {
            flow,
            bytes: self.bytes.into(),
            first: self.first,
            ended,
            tick,
            protection,
        });
    }
}
