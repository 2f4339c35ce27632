//! The sensor half of one worker: packets to transfers.

mod counts;

pub(super) use counts::SensorCounts;

use std::net::IpAddr;
use std::sync::Arc;

use crate::decode::{Facts, Packet, Sighting};
use crate::dissect::{Answered, Ping, Said};
use crate::flow::{FlowConfig, FlowEvent, Lookup, SHARDS, Shard, shard_of};
use crate::geo::Geo;
use crate::inventory::{Station, Vlan};
use crate::sink::FlowRecord;
use crate::time::Tick;
use crate::transfer::{self, Conversation, Transfer};

use super::PipelineError;
use super::exchange::{Exchange, Taken};
use super::flow_records::FlowRecords;
use super::inspection::Inspected;
use super::pieces::Pieces;

/// The shards of one worker, and what they have told since the last tick.
#[derive(Debug)]
pub(super) struct Sensor {
    shards: Vec<Shard>,
    /// By the number of a shard: its place in `shards`, if it is this worker's.
    places: [u8; SHARDS],
    geo: Arc<Geo>,
    /// Where another one may wait for its tick.
    exchange: Arc<Exchange>,
    taken: Taken,
    /// Where flows are written, if they are.
    flows: Option<FlowRecords>,
    output: SensorOutput,
    /// Rows of each shard since the last tick, so that each is folded by itself.
    rows: Vec<Rows>,
}

/// What a shard has told since the last tick.
#[derive(Debug)]
struct Rows {
    transfers: Vec<Transfer>,
    words: Vec<(Tick, Speaker, Arc<Said>)>,
    names: Vec<(Tick, Ends, Answered)>,
    pings: Vec<(Tick, Ends, Ping)>,
    fold_at: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            transfers: Vec::new(),
            words: Vec::new(),
            names: Vec::new(),
            pings: Vec::new(),
            fold_at: ROWS_FOLD_AT,
        }
    }
}

impl Rows {
    /// Hands over what was told, folded. Shard by shard, so that what is not folded yet is
    /// never held of more than one.
    fn give(&mut self, output: &mut SensorOutput) {
        output.counts.rows_folded += transfer::fold(&mut self.transfers);
        output.transfers.append(&mut self.transfers);
        output.words.append(&mut self.words);
        output.names.append(&mut self.names);
        output.pings.append(&mut self.pings);
        self.transfers.shrink_to(ROWS_KEPT_ROOM);
        self.fold_at = ROWS_FOLD_AT;
    }

    /// Takes a name or a ping, if somebody wants to know of it. Says whether there was room.
    fn hear(&mut self, event: &FlowEvent<'_>, geo: &Geo) -> bool {
        match event {
            FlowEvent::Named {
                ends,
                vlan,
                answered,
                tick,
            } => {
                let is_wanted = !answered.addresses.is_empty() || geo.is_home(ends[0]);
                let has_room = self.names.len() < WORDS_MAX;
                if is_wanted && has_room {
                    let ends = stations(*ends, *vlan);
                    self.names.push((*tick, ends, answered.clone()));
                }
                !is_wanted || has_room
            }
            FlowEvent::Echoed {
                ends,
                vlan,
                ping,
                tick,
            } => {
                let is_wanted = geo.is_home(ends[0]) != geo.is_home(ends[1]);
                let has_room = self.pings.len() < WORDS_MAX;
                if is_wanted && has_room {
                    let ends = stations(*ends, *vlan);
                    self.pings.push((*tick, ends, ping.clone()));
                }
                !is_wanted || has_room
            }
            _ => true,
        }
    }
}

/// The address of an asset, and the conversation that it has.
pub(super) type Speaker = (IpAddr, Conversation);

/// Who asks and who answers, or who sends and who gets.
pub(super) type Ends = [Station; 2];

/// What a worker tells at the close of a tick.
#[derive(Debug, Default)]
pub(super) struct SensorOutput {
    pub(super) transfers: Vec<Transfer>,
    /// Who had an address, and in which tick.
    pub(super) sightings: Vec<(Tick, Sighting)>,
    /// What exporting conversations say of themselves, and in which tick.
    pub(super) words: Vec<(Tick, Speaker, Arc<Said>)>,
    /// Which names were asked for, and answered with which addresses, and in which tick.
    pub(super) names: Vec<(Tick, Ends, Answered)>,
    /// Pings between an asset and abroad, those of the same two in their order.
    pub(super) pings: Vec<(Tick, Ends, Ping)>,
    /// What was found in content, and in which tick.
    pub(super) inspected: Vec<(Tick, Inspected)>,
    pub(super) counts: SensorCounts,
}

impl SensorOutput {
    /// Adds what was told later.
    pub(super) fn append(&mut self, mut later: Self) {
        self.sightings.append(&mut later.sightings);
        self.words.append(&mut later.words);
        self.names.append(&mut later.names);
        self.pings.append(&mut later.pings);
        self.inspected.append(&mut later.inspected);
        self.counts = later.counts;
        if self.transfers.is_empty() {
            self.transfers = later.transfers;
        } else {
            self.transfers.append(&mut later.transfers);
        }
    }

    /// Takes out what was told of ticks before `until`.
    pub(super) fn before(&mut self, until: Tick) -> Self {
        let counts = self.counts;
        let is_later = |tick: Tick| tick >= until;
        let has_later = self.transfers.iter().any(|row| is_later(row.tick));
        let mut taken = std::mem::take(self);
        self.counts = counts;
        if has_later {
            self.transfers = taken
                .transfers
                .extract_if(.., |row| is_later(row.tick))
                .collect();
        }
        let sightings = taken.sightings.extract_if(.., |(tick, _)| is_later(*tick));
        self.sightings = sightings.collect();
        let words = taken.words.extract_if(.., |(tick, ..)| is_later(*tick));
        self.words = words.collect();
        let names = taken.names.extract_if(.., |(tick, ..)| is_later(*tick));
        self.names = names.collect();
        let pings = taken.pings.extract_if(.., |(tick, ..)| is_later(*tick));
        self.pings = pings.collect();
        let inspected = taken.inspected.extract_if(.., |(tick, _)| is_later(*tick));
        self.inspected = inspected.collect();
        taken
    }
}

/// What a reader saw beside packets.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Who had an address, and in which tick.
    pub(super) sightings: Vec<(Tick, Sighting)>,
    /// What was found in content, and in which tick.
    pub(super) inspected: Vec<(Tick, Inspected)>,
    /// What flow records of others tell.
    pub(super) transfers: Vec<Transfer>,
}

impl Sensor {
    /// Makes the shards of worker `worker` of `workers`, whose flows go to `flows`.
    pub(super) fn new(
        (worker, workers): (usize, usize),
        config: &FlowConfig,
        flows_max: usize,
        geo: Arc<Geo>,
        flows: Option<FlowRecords>,
    ) -> Self {
        let own = (worker..SHARDS).step_by(workers);
        let shards: Vec<_> = own
            .map(|_| Shard::new(config.clone(), flows_max.div_ceil(SHARDS)))
            .collect();
        let rows = shards.iter().map(|_| Rows::default()).collect();
        Self {
            shards,
            places: std::array::from_fn(|shard| (shard / workers) as u8),
            geo,
            exchange: Arc::default(),
            taken: Taken::default(),
            flows,
            output: SensorOutput::default(),
            rows,
        }
    }

    /// Takes what is new from there.
    pub(super) fn with_exchange(mut self, exchange: &Arc<Exchange>) -> Self {
        self.exchange = Arc::clone(exchange);
        self
    }

    /// Counts packets, which must be of this worker's shards, in their order, and reads
    /// `pieces`, the payload of those that are openings.
    ///
    /// What they need from memory is asked for before the first of many is counted, so that
    /// the processor waits for all of it at once.
    pub(super) fn packets(&mut self, packets: &[Packet], pieces: &mut Pieces) {
        let Self {
            shards,
            places,
            geo,
            flows,
            output,
            rows,
            ..
        } = self;
        output.counts.packets += packets.len() as u64;
        let locate = |address| geo.place(address);
        let touch = |packet: &Packet| {
            // Where the ends of a flow are is asked with its first payload.
            if packet.payload_bytes > 0 {
                std::hint::black_box(geo.touch(packet.src) ^ geo.touch(packet.dst));
            }
        };
        let mut lookups = [(0, Lookup::default()); PACKETS_AT_ONCE];
        for packets in packets.chunks(PACKETS_AT_ONCE) {
            for ((place, lookup), packet) in lookups.iter_mut().zip(packets) {
                *place = places[shard_of(packet.src, packet.dst)];
                *lookup = shards[usize::from(*place)].hash(packet);
            }
            for ((place, lookup), packet) in lookups.iter_mut().zip(packets) {
                let shard = &shards[usize::from(*place)];
                if !shard.find_slot(lookup) {
                    touch(packet);
                } else if packet.facts.has(Facts::OPENING) {
                    shard.find_entry(lookup);
                }
            }
            let packets_behind = packets.iter().skip(TURNS_AHEAD);
            // Pieces between the next one and that of the packet that is looked ahead to.
            let is_opening = |packet: &&Packet| packet.facts.has(Facts::OPENING);
            let mut ahead = packets.iter().take(TURNS_AHEAD).filter(is_opening).count();
            let mut behind = lookups.iter().skip(TURNS_AHEAD).zip(packets_behind);
            for ((place, lookup), packet) in lookups.iter().zip(packets) {
                if let Some(((place, lookup), packet)) = behind.next() {
                    let shard = &shards[usize::from(*place)];
                    if packet.facts.has(Facts::OPENING) {
                        shard.find_beginning(lookup);
                        pieces.find(ahead);
                        ahead += 1;
                    }
                    if shard.find_neighbours(lookup) {
                        touch(packet);
                    }
                }
                let place = usize::from(*place);
                let mut take = taker(output, &mut rows[place], geo, flows.as_mut());
                shards[place].packet(packet, lookup, &locate, &mut take);
                if packet.facts.has(Facts::OPENING)
                    && let Some(piece) = pieces.next()
                {
                    ahead = ahead.saturating_sub(1);
                    shards[place].listen(packet, lookup, piece, &mut take);
                }
            }
        }
    }

    /// Takes what the reader saw beside packets, to be told with the running tick.
    pub(super) fn saw(&mut self, seen: Seen) {
        self.output.sightings.extend(seen.sightings);
        self.output.inspected.extend(seen.inspected);
        self.output.counts.flow_input += seen.transfers.len() as u64;
        self.output.transfers.extend(seen.transfers);
    }

    /// Closes all ticks before `to`. Where that fails, flows could not be written.
    pub(super) fn advance(&mut self, to: Tick) -> Result<SensorOutput, PipelineError> {
        let geo = &self.geo;
        let locate = |address| geo.place(address);
        for (shard, rows) in self.shards.iter_mut().zip(&mut self.rows) {
            let mut take = taker(&mut self.output, rows, geo, self.flows.as_mut());
            shard.advance(to, &locate, &mut take);
            drop(take);
            rows.give(&mut self.output);
        }
        if let Some(flows) = &mut self.flows {
            flows.advance(to, geo)?;
        }
        if let Some(new) = self.exchange.due(&mut self.taken, to) {
            self.geo = Arc::clone(&new.geo);
        }
        Ok(self.give())
    }

    /// Writes the flows that have ended so far in the running tick, so that they need no
    /// more memory however long it is.
    pub(super) fn part(&mut self) -> Result<(), PipelineError> {
        let flows = self.flows.as_mut();
        flows.map_or(Ok(()), |flows| flows.part(&self.geo))
    }

    /// Ends all flows. They are written by [`Self::finish_flows`].
    pub(super) fn finish(&mut self) -> SensorOutput {
        let geo = &self.geo;
        let locate = |address| geo.place(address);
        for (shard, rows) in self.shards.iter_mut().zip(&mut self.rows) {
            let mut take = taker(&mut self.output, rows, geo, self.flows.as_mut());
            shard.end_fragments(&locate, &mut take);
            drop(take);
            // These are many, and are read again when they are written.
            shard.end(&mut taker(&mut self.output, rows, geo, None));
            if self.flows.is_none() {
                shard.clear();
            }
            rows.give(&mut self.output);
        }
        let mut output = self.give();
        output.counts.flows_active = 0;
        output
    }

    /// Writes the flows that were left at the end.
    pub(super) fn finish_flows(self) -> Result<(), PipelineError> {
        let flows = self.flows;
        flows.map_or(Ok(()), |flows| flows.finish(&self.shards, &self.geo))
    }

    fn give(&mut self) -> SensorOutput {
        let counts = &mut self.output.counts;
        counts.flows_evicted = self.shards.iter().map(Shard::evicted).sum();
        counts.unheard = self.shards.iter().map(Shard::unheard).sum();
        counts.flows_active = self.shards.iter().map(|shard| shard.len() as u64).sum();
        let next = SensorOutput {
            counts: *counts,
            ..SensorOutput::default()
        };
        std::mem::replace(&mut self.output, next)
    }
}

/// How many turns before its own a packet's neighbours in the wheel are asked for.
const TURNS_AHEAD: usize = 4;

/// Packets whose memory is waited for at once.
const PACKETS_AT_ONCE: usize = 32;

/// Rows of one shard and tick that are folded before the tick is over.
const ROWS_FOLD_AT: usize = 4 * transfer::ROWS_PER_SHARD_TICK_MAX;

/// Names, pings, and conversations that say something, of which one shard tells in a tick, each.
const WORDS_MAX: usize = 1_024;

/// Rows for which each shard keeps memory between ticks.
const ROWS_KEPT_ROOM: usize = 64;

/// Two addresses, both in the VLAN of the frame that went between them.
fn stations(ends: [IpAddr; 2], tag: Option<u16>) -> Ends {
    let vlan = Vlan::of_tag(tag);
    ends.map(|address| Station { address, vlan })
}

/// Sorts the events of a shard into what a worker tells.
fn taker<'a>(
    output: &'a mut SensorOutput,
    rows: &'a mut Rows,
    geo: &'a Geo,
    mut flows: Option<&'a mut FlowRecords>,
) -> impl FnMut(FlowEvent<'_>) + 'a {
    move |event| {
        match &event {
            FlowEvent::Closed {
                flow,
                end,
                tick,
                said,
            } => {
                output.counts.close(flow, geo);
                if let Some(flows) = &mut flows {
                    let record = FlowRecord::new(flow, *end, *tick, geo);
                    flows.push(record.with(said.cloned()));
                }
                return;
            }
            FlowEvent::Said { flow, said, tick } => {
                let Some((asset, peer)) = flow.export_ends() else {
                    return;
                };
                if rows.words.len() < WORDS_MAX {
                    let conversation = Conversation::of(flow, asset, peer);
                    let speaker = (asset.address, conversation);
                    rows.words.push((*tick, speaker, Arc::clone(said)));
                } else {
                    output.counts.untold += 1;
                }
                return;
            }
            FlowEvent::Named { .. } | FlowEvent::Echoed { .. } => {
                output.counts.untold += u64::from(!rows.hear(&event, geo));
                return;
            }
            FlowEvent::Export { .. } => {}
        }
        let Some(mut transfer) = Transfer::of(&event) else {
            return;
        };
        if let (FlowEvent::Export { flow, .. }, Some(ends)) = (&event, &transfer.conversation) {
            let nanos = flow.round_trip_nanos;
            transfer.confidence = geo.confidence(ends.peer, &flow.peer, nanos);
        }
        rows.transfers.push(transfer);
        if rows.transfers.len() >= rows.fold_at {
            output.counts.rows_folded += transfer::fold(&mut rows.transfers);
            // What is left cannot be folded any further; the cost stays linear.
            rows.fold_at = ROWS_FOLD_AT.max(2 * rows.transfers.len());
        }
    }
}
