//! Frames to packets of a tick, on the thread that reads.

use std::sync::Arc;
use std::time::Instant;

use crate::capture::{Frame, Lender, Taker};
use crate::config::CaptureConfig;
use crate::decode::{
    Facts, Packet, Reason, Sightings, decode_into, fingerprint, tell_messages_apart,
};
use crate::dissect::DissectConfig;
use crate::time::{Tick, Timestamp};

use super::PipelineError;
use super::clock::{Arrived, Step, TickClock};
use super::duplicates::Duplicates;
use super::engine::{Engine, Finished};
use super::exchange::{Exchange, Taken};
use super::inspection::Inspection;
use super::latency::StepLatency;
use super::openings::Openings;
use super::overlaps::Overlaps;
use super::pieces::Pieces;
use super::sensor::Seen;
use super::telemetry::Telemetry;

/// Decodes, stamps and deals frames, and counts every one.
#[derive(Debug)]
pub(super) struct Reader {
    engine: Engine,
    clock: TickClock,
    telemetry: Arc<Telemetry>,
    pub(super) counts: ReaderCounts,
    /// Packets of the running tick that have not gone on yet.
    batch: Batch,
    /// What the clock says, for as long as it is being followed.
    steps: Vec<Step>,
    latency: StepLatency,
    duplicates: Duplicates,
    deduplicates: bool,
    /// Where repeated bytes are compared.
    overlaps: Option<Overlaps>,
    /// Who has an address, as the running tick shows it.
    sightings: Sightings,
    /// Where what conversations say of themselves is read.
    openings: Option<Openings>,
    /// Where content is looked into.
    inspection: Option<Box<Inspection>>,
    /// Where other settings of that may wait for their tick.
    exchange: Arc<Exchange>,
    taken: Taken,
    /// Whether messages of ICMP are told apart.
    tells_messages: bool,
    /// Which of the readers of this run it is.
    number: usize,
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
    /// Packets that were compared with those before them, and how many were copies.
    pub(super) compared: u64,
    pub(super) copies: u64,
    /// Packets that overlap with other data.
    pub(super) overlaps: u64,
    /// Sightings of who has an address that were too many for their second.
    pub(super) sightings_dropped: u64,
    /// Conversations whose findings in content were too many for their second.
    pub(super) inspected_dropped: u64,
    pub(super) late: u64,
    pub(super) clock_jumps: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) tick: Tick,
}

impl std::ops::Add for ReaderCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sums = |a: [u64; Reason::ALL.len()], b: [u64; Reason::ALL.len()]| {
            std::array::from_fn(|index| a[index] + b[index])
        };
        Self {
            frames: self.frames + other.frames,
            packets: self.packets + other.packets,
            wire_bytes: self.wire_bytes + other.wire_bytes,
            ip_bytes: self.ip_bytes + other.ip_bytes,
            dropped_frames: sums(self.dropped_frames, other.dropped_frames),
            dropped_bytes: sums(self.dropped_bytes, other.dropped_bytes),
            compared: self.compared + other.compared,
            copies: self.copies + other.copies,
            overlaps: self.overlaps + other.overlaps,
            sightings_dropped: self.sightings_dropped + other.sightings_dropped,
            inspected_dropped: self.inspected_dropped + other.inspected_dropped,
            late: self.late + other.late,
            clock_jumps: self.clock_jumps + other.clock_jumps,
            first: match (self.first, other.first) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            last: self.last.max(other.last),
            tick: self.tick.max(other.tick),
        }
    }
}

/// Of so many frames a run of [`SAMPLE_FRAMES`] is looked at for copies.
const SAMPLE_EVERY: u64 = 65_536;
const SAMPLE_FRAMES: u64 = 1_024;

/// Packets that go on at once.
const BATCH_PACKETS: usize = 256;

impl Reader {
    /// Makes reader `number`, which hands packets to `engine`.
    pub(super) fn new(
        number: usize,
        engine: Engine,
        telemetry: Arc<Telemetry>,
        capture: &CaptureConfig,
        dissect: DissectConfig,
        tells_messages: bool,
    ) -> Self {
        let counts = ReaderCounts::default();
        Self {
            engine,
            clock: TickClock::default(),
            telemetry,
            counts,
            batch: Batch::default(),
            steps: Vec::new(),
            latency: StepLatency::default(),
            duplicates: Duplicates::new(),
            deduplicates: capture.deduplicate,
            overlaps: capture.compare_overlaps.then(Overlaps::new),
            sightings: Sightings::default(),
            openings: dissect
                .enabled
                .then(|| Openings::new(dissect.content_class)),
            inspection: None,
            exchange: Arc::default(),
            taken: Taken::default(),
            tells_messages,
            number,
        }
    }

    /// Looks into content, too.
    pub(super) fn with_inspection(
        mut self,
        inspection: Option<Inspection>,
        exchange: &Arc<Exchange>,
    ) -> Self {
        self.inspection = inspection.map(Box::new);
        self.exchange = Arc::clone(exchange);
        self
    }

    /// Takes frames that stand ready in `source` and are earlier than `before`, as long as
    /// there is nothing else to do than to gather their packets. Returns how many. Where it
    /// is none, the next frame is one for [`Self::frame`].
    pub(super) fn take_ready(
        &mut self,
        source: &mut impl Lender,
        before: Timestamp,
    ) -> Result<u64, PipelineError> {
        let frames_max = self.batch.room().min(self.frames_until_compared());
        let times = self.clock.times(before);
        let already = self.batch.length;
        let mut gatherer = Gatherer {
            batch: &mut self.batch,
            counts: &mut self.counts,
            sightings: &mut self.sightings,
            openings: self.openings.as_mut(),
            inspection: self.inspection.as_deref_mut(),
            tells_messages: self.tells_messages,
        };
        let frames = source.lend_ready(frames_max, &times, &mut gatherer) as u64;
        let packets = self.batch.packets().get(already..).unwrap_or_default();
        self.clock.has_taken(packets);
        let counts = &mut self.counts;
        counts.frames += frames;
        counts.packets += packets.len() as u64;
        // At most 256 lengths of 32 bits, which 64 bits hold.
        counts.wire_bytes += sum(packets, |packet| packet.wire_bytes);
        counts.ip_bytes += sum(packets, |packet| packet.ip_bytes);
        if self.batch.room() == 0 {
            self.send_batch()?;
        }
        Ok(frames)
    }

    /// Takes the next frame.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> Result<(), PipelineError> {
        let is_compared = self.frames_until_compared() == 0;
        self.counts.frames += 1;
        let mut packet = Packet::default();
        if let Err(reason) = decode_into(frame, &mut packet, &mut self.sightings) {
            self.counts.drop_frame(frame, reason);
            return Ok(());
        }
        if is_compared && self.is_copy(frame, &packet) {
            return Ok(());
        }
        if let Some(overlaps) = &mut self.overlaps
            && overlaps.differs(frame, &packet)
        {
            packet.facts = packet.facts.with(Facts::OVERLAP);
            self.counts.overlaps += 1;
        }
        if self.tells_messages {
            tell_messages_apart(frame, &mut packet);
        }
        if let Some(inspection) = &mut self.inspection {
            inspection.packet(frame, &packet);
        }
        self.counts.packets += 1;
        self.counts.wire_bytes += u64::from(packet.wire_bytes);
        self.counts.ip_bytes += u64::from(packet.ip_bytes);
        let piece = (self.openings.as_mut()).and_then(|openings| openings.piece(frame, &packet));
        if self.clock.takes_at_once(packet.timestamp) {
            return self.push(packet, piece);
        }
        let piece = piece.map(Box::from);
        self.steps(|clock, out| clock.push(Arrived { packet, piece }, out))
    }

    /// Frames before the next whose packet is compared: all are where copies are not to be
    /// counted, else a run of them now and then, to know whether there are any.
    const fn frames_until_compared(&self) -> usize {
        let place = (self.counts.frames + 1) % SAMPLE_EVERY;
        if self.deduplicates || self.overlaps.is_some() || place <= SAMPLE_FRAMES {
            0
        } else {
            (SAMPLE_EVERY - place) as usize
        }
    }

    /// Compares a packet with those of the last millisecond. Says whether it is a copy that
    /// is not to be counted.
    fn is_copy(&mut self, frame: &Frame<'_>, packet: &Packet) -> bool {
        let fingerprint = fingerprint(frame, packet);
        let is_copy = self.duplicates.repeats(fingerprint, packet.timestamp);
        self.counts.compared += 1;
        self.counts.copies += u64::from(is_copy);
        if is_copy && self.deduplicates {
            self.counts.drop_frame(frame, Reason::Duplicate);
        }
        is_copy && self.deduplicates
    }

    /// Has counted what was taken so far, because nothing more is coming just now.
    pub(super) fn flush(&mut self) -> Result<(), PipelineError> {
        self.send_batch()?;
        self.engine.flush()
    }

    /// Seconds by which the running second lies after `tick`, 0 where it does not.
    pub(super) const fn seconds_ahead_of(&self, tick: Tick) -> u64 {
        self.counts.tick.seconds_since(tick)
    }

    /// Lets time pass on a silent link, up to the tick that the wall clock shows.
    pub(super) fn idle(&mut self, tick: Tick) -> Result<(), PipelineError> {
        self.flush()?;
        self.publish();
        self.steps(|clock, out| clock.idle(tick, out))
    }

    /// The input is over. What the analyst has is returned by the reader that has it.
    pub(super) fn finish(mut self) -> Result<(ReaderCounts, Option<Finished>), PipelineError> {
        let last = self.steps(|clock, out| clock.finish(out));
        let last = last.and_then(|()| self.send_batch());
        if let Some(inspection) = &mut self.inspection {
            inspection.finish();
        }
        let last = last.and_then(|()| self.send_sightings());
        self.publish();
        // Where the engine stopped early, its reason is the one to tell.
        let finished = self.engine.finish()?;
        last?;
        Ok((self.counts, finished))
    }

    /// Has the clock say its steps, and hands them to the engine up to the first that fails.
    #[cold]
    fn steps(
        &mut self,
        say: impl FnOnce(&mut TickClock, &mut dyn FnMut(Step)),
    ) -> Result<(), PipelineError> {
        let mut steps = std::mem::take(&mut self.steps);
        say(&mut self.clock, &mut |step| steps.push(step));
        let result = steps.drain(..).try_for_each(|step| self.step(step));
        self.steps = steps;
        result
    }

    fn step(&mut self, step: Step) -> Result<(), PipelineError> {
        match step {
            Step::Advance(tick) => {
                self.send_batch()?;
                self.send_sightings()?;
                self.counts.tick = tick;
                self.engine.advance(tick)?;
                if let Some(inspection) = &mut self.inspection
                    && let Some(new) = self.exchange.due(&mut self.taken, tick)
                {
                    inspection.renew(&new);
                }
                self.publish();
            }
            Step::Packet(Arrived { packet, piece }) => self.push(packet, piece.as_deref())?,
        }
        Ok(())
    }

    fn push(&mut self, packet: Packet, piece: Option<&[u8]>) -> Result<(), PipelineError> {
        // There is room always: where it was the last, the batch is sent.
        if let Some(place) = self.batch.next_place() {
            *place = packet;
            self.batch.filled(piece);
        }
        if self.batch.room() == 0 {
            return self.send_batch();
        }
        Ok(())
    }

    fn send_batch(&mut self) -> Result<(), PipelineError> {
        if self.batch.length == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        let Batch {
            places,
            length,
            pieces,
        } = &mut self.batch;
        let packets = places.get(..*length).unwrap_or_default();
        let sent = self.engine.packets(packets, pieces);
        self.batch.clear();
        if self.latency.record(begun) {
            let quantiles = self.latency.quantiles();
            self.telemetry.set_batch_latency(self.number, quantiles);
            self.publish();
        }
        sent
    }

    /// Hands on what was seen in the running second. What is seen before the first one
    /// belongs to that.
    fn send_sightings(&mut self) -> Result<(), PipelineError> {
        let tick = self.counts.tick;
        if tick == Tick(0) {
            return Ok(());
        }
        let sightings = self.sightings.take().into_iter();
        let inspected = self.inspection.as_mut().into_iter();
        let inspected = inspected.flat_map(|inspection| inspection.take());
        let seen = Seen {
            sightings: sightings.map(|sighting| (tick, sighting)).collect(),
            inspected: inspected.map(|one| (tick, one)).collect(),
            ..Seen::default()
        };
        if seen.sightings.is_empty() && seen.inspected.is_empty() {
            return Ok(());
        }
        self.engine.saw(seen)
    }

    pub(super) fn publish(&mut self) {
        let counts = &mut self.counts;
        counts.sightings_dropped = self.sightings.dropped;
        let inspection = self.inspection.as_ref();
        counts.inspected_dropped = inspection.map_or(0, |inspection| inspection.dropped);
        (counts.late, counts.clock_jumps) = (self.clock.late, self.clock.clock_jumps);
        (counts.first, counts.last) = self.clock.span().unzip();
        let published = self.telemetry.reader(self.number);
        published.frames.set(counts.frames);
        published.packets.set(counts.packets);
        published.wire_bytes.set(counts.wire_bytes);
        published.ip_bytes.set(counts.ip_bytes);
        published.late.set(counts.late);
        published.clock_jumps.set(counts.clock_jumps);
        published.sightings_dropped.set(counts.sightings_dropped);
        published.inspected_dropped.set(counts.inspected_dropped);
        let inspected = self.inspection.as_ref().map_or(0, |looked| looked.bytes);
        published.inspected_bytes.set(inspected);
        published.tick.set(counts.tick.0);
        for index in 0..Reason::ALL.len() {
            published.dropped_frames[index].set(counts.dropped_frames[index]);
            published.dropped_bytes[index].set(counts.dropped_bytes[index]);
        }
    }
}

impl ReaderCounts {
    #[cold]
    fn drop_frame(&mut self, frame: &Frame<'_>, reason: Reason) {
        self.dropped_frames[reason as usize] += 1;
        self.dropped_bytes[reason as usize] += u64::from(frame.original_length);
    }
}

/// Packets that go on together, in memory that is filled in place and used again.
#[derive(Debug)]
struct Batch {
    places: Box<[Packet; BATCH_PACKETS]>,
    /// Places that are filled.
    length: usize,
    /// Payload of those that are openings.
    pieces: Pieces,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            places: Box::new([Packet::default(); BATCH_PACKETS]),
            length: 0,
            pieces: Pieces::default(),
        }
    }
}

impl Batch {
    /// Where the next packet is to be written, if there is room. It counts when the length
    /// does.
    #[inline(always)]
    fn next_place(&mut self) -> Option<&mut Packet> {
        self.places.get_mut(self.length)
    }

    /// Counts the packet that was written to the next place, and takes its payload if that
    /// is to be read.
    #[inline(always)]
    fn filled(&mut self, piece: Option<&[u8]>) {
        if let (Some(piece), Some(packet)) = (piece, self.places.get_mut(self.length)) {
            packet.facts = packet.facts.with(Facts::OPENING);
            self.pieces.push(piece);
        }
        self.length += 1;
    }

    fn clear(&mut self) {
        self.length = 0;
        self.pieces.clear();
    }

    const fn room(&self) -> usize {
        BATCH_PACKETS - self.length
    }

    fn packets(&self) -> &[Packet] {
        self.places.get(..self.length).unwrap_or_default()
    }
}

/// Decodes frames of which nothing else is to be known.
struct Gatherer<'a> {
    batch: &'a mut Batch,
    counts: &'a mut ReaderCounts,
    sightings: &'a mut Sightings,
    openings: Option<&'a mut Openings>,
    inspection: Option<&'a mut Inspection>,
    tells_messages: bool,
}

impl Taker for Gatherer<'_> {
    #[inline(always)]
    fn take(&mut self, frame: &Frame<'_>) {
        let Some(place) = self.batch.next_place() else {
            return;
        };
        match decode_into(frame, place, self.sightings) {
            Ok(()) => {
                if self.tells_messages {
                    tell_messages_apart(frame, place);
                }
                if let Some(inspection) = &mut self.inspection {
                    inspection.packet(frame, place);
                }
                let piece = (self.openings.as_mut()).and_then(|known| known.piece(frame, place));
                self.batch.filled(piece);
            }
            Err(reason) => self.counts.drop_frame(frame, reason),
        }
    }
}

fn sum(packets: &[Packet], bytes: impl Fn(&Packet) -> u32) -> u64 {
    let bytes = packets.iter().map(|packet| u64::from(bytes(packet)));
    bytes.fold(0, u64::wrapping_add)
}
