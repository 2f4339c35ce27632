//! A world as a capture: its exchanges packet by packet, in the order of time.

use std::cmp::Reverse;
use std::collections::binary_heap::{BinaryHeap, PeekMut};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufWriter, Write};
use std::net::IpAddr;

use super::super::session::{Account, Side};
use super::super::truth::{Truth, write_truth};
use super::super::wire::PcapWriter;
use super::super::{BUFFER_BYTES, SimulateError, Simulated, Tally};
use super::conversation::{Conversation, TCP};
use super::{Exchange, PORT_FIRST, PORTS, World};
use crate::geo::Country;
use crate::time::Timestamp;

impl World {
    /// Writes the packets of all exchanges to `capture` in the order of time (pcap,
    /// nanoseconds, headers only), and to `truth` what was put in, by its packets (JSON
    /// lines in the order of their start). A conversation that lasts beyond the end of the
    /// world is written to its own end.
    ///
    /// No capture can say that a database changed its mind: for one, make the world
    /// [without relabels](World::without_relabels).
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn write(
        &self,
        capture: &mut impl Write,
        truth: &mut impl Write,
    ) -> Result<Simulated, SimulateError> {
        let buffered = BufWriter::with_capacity(BUFFER_BYTES, capture);
        let mut player = Player::new(self, buffered)?;
        for (place, exchange) in self.exchanges.iter().enumerate() {
            player.play(exchange.start.as_nanos())?;
            player.add(place, exchange);
        }
        player.play(u64::MAX)?;
        player.finish(truth)
    }
}

/// Writes the packets of conversations that overlap.
struct Player<'a, W> {
    world: &'a World,
    output: PcapWriter<W>,
    open: Vec<Option<(Conversation, Account, Ends)>>,
    free: Vec<usize>,
    /// Time of the next packet, age and place of each conversation.
    due: BinaryHeap<Reverse<(u64, usize, usize)>>,
    /// Ends of the TCP connections that are open, of which no two may be alike.
    taken: HashSet<Ends>,
    destinations: BTreeMap<Country, usize>,
    tally: Tally,
}

/// Asset and peer, each with its port.
type Ends = [(IpAddr, u16); 2];

impl<'a, W: Write> Player<'a, W> {
    fn new(world: &'a World, output: W) -> Result<Self, SimulateError> {
        Ok(Self {
            world,
            output: PcapWriter::new(output).map_err(SimulateError::Capture)?,
            open: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            taken: HashSet::new(),
            destinations: BTreeMap::new(),
            tally: Tally::new(0, world.injections.len()),
        })
    }

    fn add(&mut self, number: usize, exchange: &Exchange) {
        let ends = self.ends(exchange);
        let conversation = Conversation::new(exchange, ends.map(|(_, port)| port), number as u64);
        let Some(time) = conversation.next_time() else {
            return;
        };
        let next = self.destinations.len();
        let destination = *self.destinations.entry(exchange.country).or_insert(next);
        if destination == next {
            self.tally.exports.push(0);
        }
        let account = Account {
            destination,
            event: exchange.injection.map(|place| place as usize),
        };
        let opened = Some((conversation, account, ends));
        let place = self.free.pop().unwrap_or(self.open.len());
        match self.open.get_mut(place) {
            Some(slot) => *slot = opened,
            None => self.open.push(opened),
        }
        self.due.push(Reverse((time, number, place)));
    }

    /// The ends of an exchange. A connection on ends that are taken comes from the next port
    /// of its client that is free.
    fn ends(&mut self, exchange: &Exchange) -> Ends {
        let mut ends = [
            (exchange.asset, exchange.asset_port),
            (exchange.peer, exchange.peer_port),
        ];
        let client = usize::from(exchange.served);
        for _ in 0..PORTS {
            if exchange.protocol != TCP || self.taken.insert(ends) {
                break;
            }
            let offset = u64::from(ends[client].1.saturating_sub(PORT_FIRST)) + 1;
            ends[client].1 = PORT_FIRST + (offset % PORTS) as u16;
        }
        ends
    }

    /// Writes every packet before `until`.
    fn play(&mut self, until: u64) -> Result<(), SimulateError> {
        while let Some(mut first) = self.due.peek_mut() {
            let Reverse((time, number, place)) = *first;
            if time >= until {
                break;
            }
            let Some(Some((conversation, account, ends))) = self.open.get_mut(place) else {
                PeekMut::pop(first);
                continue;
            };
            if let Some(due) = conversation.take() {
                let at = Timestamp::from_nanos(time);
                let written = self.output.write(at, &due.packet);
                self.tally
                    .packet(at, written.map_err(SimulateError::Capture)?);
                if due.from == Side::Asset && due.packet.payload_bytes > 0 {
                    self.tally.sent(at, *account, due.packet.payload_bytes);
                }
            }
            if let Some(next) = conversation.next_time() {
                *first = Reverse((next, number, place));
                continue;
            }
            self.taken.remove(ends);
            PeekMut::pop(first);
            if let Some(slot) = self.open.get_mut(place) {
                *slot = None;
            }
            self.free.push(place);
        }
        Ok(())
    }

    fn finish(mut self, truth: &mut impl Write) -> Result<Simulated, SimulateError> {
        self.output.flush().map_err(SimulateError::Capture)?;
        let injections = self.world.injections.iter().zip(&self.tally.events);
        let written = injections.filter_map(|(injection, played)| {
            let (start, end) = played.span?;
            Some(Truth {
                start: Timestamp::from_nanos(start),
                end: Timestamp::from_nanos(end),
                bytes: played.bytes,
                ..injection.truth.clone()
            })
        });
        let mut lines: Vec<Truth> = written.collect();
        lines.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        write_truth(&lines, truth).map_err(SimulateError::Truth)?;
        let exports = self.destinations.iter().filter_map(|(country, place)| {
            let bytes = *self.tally.exports.get(*place)?;
            (bytes > 0).then(|| (country.code().to_owned(), bytes))
        });
        Ok(self.tally.simulated(exports.collect(), lines.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::START;
    use super::*;

    #[test]
    fn no_two_connections_share_their_ends() {
        let exchange = |protocol, served, asset_port, peer_port| Exchange {
            start: START,
            duration_nanos: 0,
            asset: "10.20.0.20".parse().unwrap(),
            asset_port,
            peer: "20.0.0.1".parse().unwrap(),
            peer_port,
            protocol,
            served,
            country: Country::UNKNOWN,
            asn: 0,
            sent_bytes: 1,
            received_bytes: 1,
            round_trip_nanos: 1,
            injection: None,
        };
        let asked = exchange(TCP, false, 60_999, 443);
        let served = exchange(TCP, true, 443, 40_000);
        let datagrams = exchange(17, false, 40_000, 53);
        let world = World {
            exchanges: vec![asked, asked, served, served, datagrams, datagrams, asked],
            injections: Vec::new(),
            start: START,
            end: START,
            assets: Vec::new(),
        };
        let mut player = Player::new(&world, Vec::new()).unwrap();
        let mut ports = Vec::new();
        for exchange in &world.exchanges {
            ports.push(player.ends(exchange).map(|(_, port)| port));
        }
        let expected = [
            [60_999, 443],
            [32_768, 443],
            [443, 40_000],
            [443, 40_001],
            [40_000, 53],
            [40_000, 53],
            [32_769, 443],
        ];
        assert_eq!(ports, expected);
    }
}
