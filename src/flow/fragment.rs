//! Later fragments and the ports that only the first one carries.

use std::collections::{HashMap, VecDeque};

use crate::decode::{Facts, Fragment, Packet};

/// The ports of fragmented datagrams, and fragments that came before their first one.
///
/// Nothing is reassembled, because bytes are counted as they come. Everything is bounded
/// and forgotten after [`DATAGRAM_SECONDS`].
#[derive(Debug, Default)]
pub(super) struct Fragments {
    datagrams: HashMap<Datagram, Ports>,
    /// By the tick at which each was first heard of.
    order: VecDeque<(u32, Datagram)>,
    held_packets: usize,
}

/// What fragments of one datagram have in common (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    src: u128,
    dst: u128,
    identification: u32,
    protocol: u8,
}

#[derive(Debug)]
enum Ports {
    Known(u16, u16),
    /// The first fragment has not come yet; these have.
    Awaited(Vec<Packet>),
}

impl Fragments {
    /// Whether nothing is known and nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Takes a fragment; `give` is handed the packets that can be counted now, with the
    /// ports of their datagram where they are known.
    pub(super) fn take(&mut self, packet: &Packet, tick: u32, give: &mut impl FnMut(&Packet)) {
        if !matches!(packet.protocol, 6 | 17 | 33 | 132 | 136) {
            // Other protocols have no ports, so nothing is missing in a later fragment.
            return give(packet);
        }
        let datagram = Datagram {
            src: packet.src,
            dst: packet.dst,
            identification: packet.sequence,
            protocol: packet.protocol,
        };
        match packet.fragment() {
            Fragment::First if packet.has_ports() => {
                give(packet);
                self.learn(datagram, packet, tick, give);
            }
            Fragment::Later => self.follow(datagram, packet, tick, give),
            Fragment::First | Fragment::Whole => give(packet),
        }
    }

    /// Forgets what is too old at `tick`, and hands over what was held in vain.
    pub(super) fn expire(&mut self, tick: u32, give: &mut impl FnMut(&Packet)) {
        while let Some((since, _)) = self.order.front() {
            if tick.saturating_sub(*since) < DATAGRAM_SECONDS {
                return;
            }
            self.forget_oldest(give);
        }
    }

    /// Hands over everything that is held: the input is over.
    pub(super) fn finish(&mut self, give: &mut impl FnMut(&Packet)) {
        while !self.order.is_empty() {
            self.forget_oldest(give);
        }
    }

    fn learn(
        &mut self,
        datagram: Datagram,
        first: &Packet,
        tick: u32,
        give: &mut impl FnMut(&Packet),
    ) {
        let ports = Ports::Known(first.src_port, first.dst_port);
        match self.datagrams.insert(datagram, ports) {
            None => self.enqueue(datagram, tick, give),
            Some(Ports::Known(..)) => {}
            Some(Ports::Awaited(held)) => {
                self.held_packets -= held.len();
                for packet in &held {
                    give(&with_ports(packet, first.src_port, first.dst_port));
                }
            }
        }
    }

    fn follow(
        &mut self,
        datagram: Datagram,
        packet: &Packet,
        tick: u32,
        give: &mut impl FnMut(&Packet),
    ) {
        match self.datagrams.get_mut(&datagram) {
            Some(&mut Ports::Known(src, dst)) => give(&with_ports(packet, src, dst)),
            _ if self.held_packets >= HELD_PACKETS_MAX => give(packet),
            Some(Ports::Awaited(held)) => {
                held.push(*packet);
                self.held_packets += 1;
            }
            None => {
                self.datagrams
                    .insert(datagram, Ports::Awaited(vec![*packet]));
                self.held_packets += 1;
                self.enqueue(datagram, tick, give);
            }
        }
    }

    fn enqueue(&mut self, datagram: Datagram, tick: u32, give: &mut impl FnMut(&Packet)) {
        if self.order.len() >= DATAGRAMS_MAX {
            self.forget_oldest(give);
        }
        self.order.push_back((tick, datagram));
    }

    fn forget_oldest(&mut self, give: &mut impl FnMut(&Packet)) {
        let Some((_, datagram)) = self.order.pop_front() else {
            return;
        };
        if let Some(Ports::Awaited(held)) = self.datagrams.remove(&datagram) {
            self.held_packets -= held.len();
            held.iter().for_each(give);
        }
    }
}

fn with_ports(packet: &Packet, src_port: u16, dst_port: u16) -> Packet {
    Packet {
        src_port,
        dst_port,
        facts: packet.facts.with(Facts::PORTS),
        ..*packet
    }
}

/// Seconds for which fragments of a datagram are waited for (RFC 1122 section 3.3.2 has 60
/// to 120 for reassembly, Linux 30).
const DATAGRAM_SECONDS: u32 = 30;

/// Fragmented datagrams of one shard that are known at a time.
const DATAGRAMS_MAX: usize = 512;

/// Fragments of one shard that wait for their first one.
const HELD_PACKETS_MAX: usize = 1_024;
