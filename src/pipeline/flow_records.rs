//! Flow records of one worker, from their end to their lines.

use std::sync::Arc;

use crate::flow::{FLOWS_MAX, FlowConfig, FlowKey, SHARDS, Shard};
use crate::geo::Geo;
use crate::privacy::Veil;
use crate::sink::{FlowRecord, FlowWriter};
use crate::time::Tick;
use crate::transfer::{Order, sort_by_tick};

use super::PipelineError;
use super::flow_file::{FlowOut, Moment};

/// Gathers the records that end in a tick, and writes them in the order of their keys when
/// it is over. Where there are several of one key they stay in the order in which they ended.
#[derive(Debug)]
pub(super) struct FlowRecords {
    /// What has ended in the running tick and is not written yet.
    ended: Vec<FlowRecord>,
    /// Of the lines that are being written.
    moment: Moment,
    sorter: Sorter,
    writer: FlowWriter,
    out: FlowOut,
}

impl FlowRecords {
    /// `uses` is whether there is a file, and whether there are sinks.
    pub(super) fn new(
        config: &FlowConfig,
        veil: Arc<Veil>,
        uses: (bool, bool),
        out: FlowOut,
    ) -> Self {
        Self {
            ended: Vec::new(),
            moment: Moment::default(),
            sorter: Sorter::default(),
            writer: FlowWriter::new(config, veil).with(uses.0, uses.1),
            out,
        }
    }

    pub(super) fn push(&mut self, record: FlowRecord) {
        self.ended.push(record);
    }

    /// Writes what has ended before `to`, which becomes the running tick.
    pub(super) fn advance(&mut self, to: Tick, geo: &Geo) -> Result<(), PipelineError> {
        let mut ended = std::mem::take(&mut self.ended);
        // In a gap many ticks end at once.
        sort_by_tick(&mut ended, |record| record.tick);
        for of_tick in ended.chunk_by(|a, b| a.tick == b.tick) {
            if let Some(FlowRecord { tick, .. }) = of_tick.first()
                && *tick != self.moment.tick
            {
                self.begin(Moment::start_of(*tick))?;
            }
            self.write(of_tick, &[], geo)?;
        }
        self.keep_room(ended);
        self.begin(Moment::start_of(to))
    }

    /// Writes what has ended so far in the running tick, which goes on.
    pub(super) fn part(&mut self, geo: &Geo) -> Result<(), PipelineError> {
        let ended = std::mem::take(&mut self.ended);
        self.write(&ended, &[], geo)?;
        self.keep_room(ended);
        self.begin(self.moment.next_part())
    }

    /// Writes what is left, and the flows that the end of the input has ended: all that were
    /// in the tables, where they are read one by one.
    pub(super) fn finish(mut self, shards: &[Shard], geo: &Geo) -> Result<(), PipelineError> {
        let ended = std::mem::take(&mut self.ended);
        self.write(&ended, shards, geo)?;
        self.begin(self.moment)?;
        self.out.flush()
    }

    fn write(
        &mut self,
        ended: &[FlowRecord],
        shards: &[Shard],
        geo: &Geo,
    ) -> Result<(), PipelineError> {
        let Self {
            moment,
            writer,
            out,
            ..
        } = self;
        self.sorter.sorted(&Ended { ended, shards, geo }, |record| {
            if writer.add(record) {
                out.send(writer, *moment, *moment)?;
            }
            Ok(())
        })
    }

    /// Sends what is written; what comes next is not before `next`.
    fn begin(&mut self, next: Moment) -> Result<(), PipelineError> {
        self.out.send(&mut self.writer, self.moment, next)?;
        self.moment = next;
        Ok(())
    }

    /// All flows of a table may end in one tick; for most ticks a little room is enough.
    fn keep_room(&mut self, mut used: Vec<FlowRecord>) {
        used.clear();
        used.shrink_to(RECORDS_KEPT_ROOM);
        self.ended = used;
        if self.sorter.places.capacity() > RECORDS_KEPT_ROOM {
            self.sorter = Sorter::default();
        }
    }
}

/// Records for which there is memory between ticks.
const RECORDS_KEPT_ROOM: usize = 4_096;

/// Puts records in order without moving them.
#[derive(Debug, Default)]
struct Sorter {
    order: Order,
    places: Vec<u32>,
}

impl Sorter {
    fn sorted(
        &mut self,
        ended: &Ended<'_>,
        mut take: impl FnMut(&FlowRecord) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        self.places.clear();
        self.places.extend(ended.places());
        let prefix = |place: &u32| FlowRecord::prefix(&ended.key(*place));
        self.order.sort(&self.places, prefix, |a, b| {
            ended.key(*a).cmp(&ended.key(*b))
        });
        self.order.batches(&self.places, 0, |places| {
            places.iter().for_each(|place| ended.prefetch(*place));
            let mut records = places.iter().map(|place| ended.record(*place));
            records.try_for_each(|record| take(&record))
        })
    }
}

/// What has ended, each by its place: records first, and then flows that are in tables yet.
struct Ended<'a> {
    ended: &'a [FlowRecord],
    shards: &'a [Shard],
    geo: &'a Geo,
}

/// A place in a table: this bit, the number of the shard and then that of the slot.
const IN_TABLE: u32 = 1 << 31;
const SLOT_BITS: u32 = FLOWS_MAX.trailing_zeros();
const _: () = assert!(FLOWS_MAX * SHARDS <= IN_TABLE as usize);

impl Ended<'_> {
    fn places(&self) -> impl Iterator<Item = u32> {
        let tables = (0..).zip(self.shards);
        let in_tables = tables.flat_map(|(number, shard)| {
            let place = move |slot| IN_TABLE | number << SLOT_BITS | slot;
            shard.ended().map(place)
        });
        (0..self.ended.len() as u32).chain(in_tables)
    }

    /// The shard and the slot of a place, if it is one in a table.
    fn table(&self, place: u32) -> Option<(&Shard, u32)> {
        let number = (place & !IN_TABLE) >> SLOT_BITS;
        let slot = place & (FLOWS_MAX as u32 - 1);
        (place & IN_TABLE != 0).then(|| (&self.shards[number as usize], slot))
    }

    fn key(&self, place: u32) -> FlowKey {
        match self.table(place) {
            Some((shard, slot)) => shard.ended_key(slot),
            None => self.ended[place as usize].key,
        }
    }

    fn record(&self, place: u32) -> FlowRecord {
        match self.table(place) {
            Some((shard, slot)) => {
                let (flow, end, tick) = shard.ended_flow(slot);
                let said = shard.ended_said(slot).cloned();
                FlowRecord::new(&flow, end, tick, self.geo).with(said)
            }
            None => self.ended[place as usize].clone(),
        }
    }

    fn prefetch(&self, place: u32) {
        if let Some((shard, slot)) = self.table(place) {
            shard.prefetch(slot);
        }
    }
}
