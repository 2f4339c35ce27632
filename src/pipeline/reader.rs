//! Frames to packets of a tick, on the thread that reads.

use std::sync::Arc;

use crate::capture::Frame;
use crate::decode::{Reason, decode};
use crate::time::{Tick, Timestamp};

use super::PipelineError;
use super::clock::{Step, TickClock};
use super::engine::{Engine, Finished};
use super::telemetry::Telemetry;

/// Decodes, stamps and deals frames, and counts every one.
#[derive(Debug)]
pub(super) struct Reader {
    engine: Engine,
    clock: TickClock,
    telemetry: Arc<Telemetry>,
    pub(super) counts: ReaderCounts,
    unpublished: u32,
}

/// Sums of the run. Frames are packets plus dropped frames, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReaderCounts {
    pub(super) frames: u64,
    pub(super) packets: u64,
    pub(super) wire_bytes: u64,
    pub(super) ip_bytes: u64,
    pub(super) dropped_frames: [u64; Reason::ALL.len()],
    pub(super) dropped_bytes: [u64; Reason::ALL.len()],
    pub(super) late: u64,
    pub(super) clock_jumps: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) tick: Tick,
}

/// Frames after which counts are published, if no tick ends before.
const FRAMES_PER_PUBLICATION: u32 = 4_096;

impl Reader {
    pub(super) fn new(engine: Engine, telemetry: Arc<Telemetry>) -> Self {
        let counts = ReaderCounts::default();
        Self {
            engine,
            clock: TickClock::default(),
            telemetry,
            counts,
            unpublished: 0,
        }
    }

    /// Takes the next frame.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> Result<(), PipelineError> {
        let counts = &mut self.counts;
        counts.frames += 1;
        self.unpublished += 1;
        if self.unpublished >= FRAMES_PER_PUBLICATION {
            self.publish();
        }
        match decode(frame) {
            Ok(packet) => {
                self.counts.packets += 1;
                self.counts.wire_bytes += u64::from(packet.wire_bytes);
                self.counts.ip_bytes += u64::from(packet.ip_bytes);
                let mut feed = Feed::to(&mut self.engine);
                self.clock.push(&packet, &mut |step| feed.take(&step));
                let fed = feed.result;
                self.settle(fed)
            }
            Err(reason) => {
                let index = reason as usize;
                let wire_bytes = u64::from(frame.original_length);
                self.counts.dropped_frames[index] += 1;
                self.counts.dropped_bytes[index] += wire_bytes;
                Ok(())
            }
        }
    }

    /// Lets time pass on a silent link, up to the tick that the wall clock shows.
    pub(super) fn idle(&mut self, tick: Tick) -> Result<(), PipelineError> {
        self.engine.flush()?;
        self.publish();
        let mut feed = Feed::to(&mut self.engine);
        self.clock.idle(tick, &mut |step| feed.take(&step));
        let fed = feed.result;
        self.settle(fed)
    }

    /// The input is over.
    pub(super) fn finish(mut self) -> Result<(ReaderCounts, Finished), PipelineError> {
        let mut feed = Feed::to(&mut self.engine);
        self.clock.finish(&mut |step| feed.take(&step));
        let fed = feed.result;
        let last = self.settle(fed);
        self.publish();
        // Where the engine stopped early, its reason is the one to tell.
        let finished = self.engine.finish()?;
        last?;
        Ok((self.counts, finished))
    }

    /// Publishes if a tick ended, and passes on what became of the steps.
    fn settle(&mut self, fed: Result<Option<Tick>, PipelineError>) -> Result<(), PipelineError> {
        if let Some(tick) = fed? {
            self.counts.tick = tick;
            self.publish();
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.unpublished = 0;
        let counts = &mut self.counts;
        (counts.late, counts.clock_jumps) = (self.clock.late, self.clock.clock_jumps);
        (counts.first, counts.last) = self.clock.span().unzip();
        let published = &self.telemetry.reader;
        published.frames.set(counts.frames);
        published.packets.set(counts.packets);
        published.wire_bytes.set(counts.wire_bytes);
        published.ip_bytes.set(counts.ip_bytes);
        published.late.set(counts.late);
        published.clock_jumps.set(counts.clock_jumps);
        published.tick.set(counts.tick.0);
        for index in 0..Reason::ALL.len() {
            published.dropped_frames[index].set(counts.dropped_frames[index]);
            published.dropped_bytes[index].set(counts.dropped_bytes[index]);
        }
    }
}

/// Hands the steps of the clock to the engine, up to the first that fails.
struct Feed<'a> {
    engine: &'a mut Engine,
    /// The tick that began last, if one did.
    result: Result<Option<Tick>, PipelineError>,
}

impl<'a> Feed<'a> {
    const fn to(engine: &'a mut Engine) -> Self {
        Self {
            engine,
            result: Ok(None),
        }
    }

    fn take(&mut self, step: &Step<'_>) {
        let Ok(ticked) = &mut self.result else { return };
        let fed = match step {
            Step::Advance(tick) => {
                *ticked = Some(*tick);
                self.engine.advance(*tick)
            }
            Step::Packet(packet) => self.engine.packet(packet),
        };
        if let Err(error) = fed {
            self.result = Err(error);
        }
    }
}
