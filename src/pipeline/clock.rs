//! Which tick runs.

use std::ops::Range;

use crate::decode::Packet;
use crate::time::{SECONDS_PER_HOUR, Tick, Timestamp};

/// Stamps packets with ticks: the running tick is that of the highest timestamp so far.
///
/// A packet that is older counts in the running tick. A jump of more than an hour ahead is
/// believed only if none of the [`CONFIRMING_PACKETS`] packets behind it is more than an hour
/// before it, or the input ends; else it was a broken clock, and the packet takes the running
/// tick. The first packet of all is judged in the same way.
#[derive(Debug, Default)]
pub(super) struct TickClock {
    running: Option<Tick>,
    /// The first moment of the running tick, and the first after it: 0 before the first.
    start: Timestamp,
    end: Timestamp,
    latest: Timestamp,
    earliest: Timestamp,
    /// Packets that claim to be more than an hour ahead.
    held: Vec<Arrived>,
    pub(super) late: u64,
    pub(super) clock_jumps: u64,
}

/// What the clock says next.
#[derive(Debug)]
pub(super) enum Step {
    /// All ticks before this one are over.
    Advance(Tick),
    /// A packet of the running tick.
    Packet(Arrived),
}

/// A packet, with the payload that is to be read of it.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) packet: Packet,
    pub(super) piece: Option<Box<[u8]>>,
}

/// Packets that must agree with a jump before it is believed.
pub(super) const CONFIRMING_PACKETS: usize = 100;

impl TickClock {
    /// Takes the next packet if it belongs to the running tick, which most do: then
    /// nothing else is to be said, and it can be counted at once.
    #[inline]
    pub(super) fn takes_at_once(&mut self, at: Timestamp) -> bool {
        if at >= self.end || !self.held.is_empty() {
            return false;
        }
        self.late += u64::from(at < self.start);
        self.latest = self.latest.max(at);
        self.earliest = self.earliest.min(at);
        true
    }

    /// The times before `before` of the running second, whose packets need nothing to be said:
    /// those that were taken are told to [`Self::has_taken`] afterwards.
    pub(super) fn times(&self, before: Timestamp) -> Range<Timestamp> {
        if self.held.is_empty() {
            self.start..self.end.min(before)
        } else {
            Timestamp::ZERO..Timestamp::ZERO
        }
    }

    /// Counts packets that were all of [`Self::times`].
    pub(super) fn has_taken(&mut self, packets: &[Packet]) {
        for packet in packets {
            self.latest = self.latest.max(packet.timestamp);
            self.earliest = self.earliest.min(packet.timestamp);
        }
    }

    /// Takes the next packet of the input; `out` is told everything that is certain now.
    pub(super) fn push(&mut self, arrived: Arrived, out: &mut dyn FnMut(Step)) {
        let Some(running) = self.running else {
            self.held.push(arrived);
            if self.held.len() > CONFIRMING_PACKETS {
                self.begin(out);
            }
            return;
        };
        if !self.held.is_empty() {
            self.contradict(arrived.packet.timestamp.tick(), out);
        }
        if arrived.packet.timestamp.tick() <= running.plus_seconds(SECONDS_PER_HOUR) {
            return self.give(arrived, out);
        }
        self.held.push(arrived);
        if self.held.len() > CONFIRMING_PACKETS {
            self.believe(out);
        }
    }

    /// Lets time pass on a link without packets, as the wall clock says, from the first
    /// packet on or before there is any.
    ///
    /// The wall clock decides about packets that were held back, too.
    pub(super) fn idle(&mut self, tick: Tick, out: &mut dyn FnMut(Step)) {
        if !self.held.is_empty() {
            if self.running.is_none() {
                self.begin(out);
            }
            self.contradict(tick, out);
            self.finish(out);
        }
        if self.running.is_none_or(|running| tick > running) {
            self.advance(tick, out);
        }
    }

    /// The input is over: what was held back is believed.
    pub(super) fn finish(&mut self, out: &mut dyn FnMut(Step)) {
        while !self.held.is_empty() {
            match self.running {
                None => self.begin(out),
                Some(_) => self.believe(out),
            }
        }
    }

    /// The earliest and the latest time that was believed.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let has_packets = self.running.is_some() && self.earliest <= self.latest;
        has_packets.then_some((self.earliest, self.latest))
    }

    fn give(&mut self, arrived: Arrived, out: &mut dyn FnMut(Step)) {
        let packet = &arrived.packet;
        let tick = packet.timestamp.tick();
        match self.running {
            Some(running) if tick < running => self.late += 1,
            Some(running) if tick > running => self.advance(tick, out),
            _ => {}
        }
        self.latest = self.latest.max(packet.timestamp);
        self.earliest = self.earliest.min(packet.timestamp);
        out(Step::Packet(arrived));
    }

    fn advance(&mut self, tick: Tick, out: &mut dyn FnMut(Step)) {
        if self.running.is_none() {
            self.earliest = tick.end();
        }
        self.running = Some(tick);
        (self.start, self.end) = (tick.start(), tick.end());
        out(Step::Advance(tick));
    }

    /// Sets the clock by the first packet that none behind it contradicts.
    fn begin(&mut self, out: &mut dyn FnMut(Step)) {
        let held = std::mem::take(&mut self.held);
        let mut earliest_behind = Tick(u64::MAX);
        let mut sound: Vec<bool> = Vec::with_capacity(held.len());
        for arrived in held.iter().rev() {
            let tick = arrived.packet.timestamp.tick();
            sound.push(tick <= earliest_behind.plus_seconds(SECONDS_PER_HOUR));
            earliest_behind = earliest_behind.min(tick);
        }
        sound.reverse();
        let first = sound.iter().position(|sound| *sound).unwrap_or(0);
        let mut broken = held;
        let mut rest = broken.split_off(first).into_iter();
        if let Some(first) = rest.next() {
            self.advance(first.packet.timestamp.tick(), out);
            self.give(first, out);
            for arrived in broken {
                self.give_running_time(arrived, out);
            }
            for arrived in rest {
                self.push(arrived, out);
            }
        }
    }

    /// The first held packet sets the clock; the others are looked at again from there.
    fn believe(&mut self, out: &mut dyn FnMut(Step)) {
        let mut held = std::mem::take(&mut self.held).into_iter();
        if let Some(first) = held.next() {
            self.give(first, out);
            for arrived in held {
                self.push(arrived, out);
            }
        }
    }

    /// Held packets that claim to be more than an hour after `tick`, which came behind them,
    /// had a broken clock: they take the running time.
    fn contradict(&mut self, tick: Tick, out: &mut dyn FnMut(Step)) {
        let latest = tick.plus_seconds(SECONDS_PER_HOUR);
        let held = std::mem::take(&mut self.held);
        for arrived in held {
            if arrived.packet.timestamp.tick() <= latest {
                self.held.push(arrived);
            } else {
                self.give_running_time(arrived, out);
            }
        }
    }

    fn give_running_time(&mut self, mut arrived: Arrived, out: &mut dyn FnMut(Step)) {
        self.clock_jumps += 1;
        arrived.packet.timestamp = self.latest.max(self.start);
        out(Step::Packet(arrived));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Facts, TunnelPath};

    fn packet(seconds: u64) -> Arrived {
        let packet = Packet {
            src: 1,
            dst: 2,
            timestamp: Tick(seconds).start(),
            wire_bytes: 1,
            ip_bytes: 1,
            payload_bytes: 0,
            sequence: 0,
            acknowledgement: 0,
            tunnel: TunnelPath::default(),
            src_port: 0,
            dst_port: 0,
            vlan_id: 0,
            protocol: 1,
            tcp_flags: 0,
            facts: Facts::default(),
            ..Packet::default()
        };
        let piece = None;
        Arrived { packet, piece }
    }

    /// Runs times through a clock; returns the ticks that began and the tick of each packet.
    fn run(times: &[u64]) -> (Vec<u64>, Vec<u64>, TickClock) {
        let (mut began, mut ticks) = (Vec::new(), Vec::new());
        let mut clock = TickClock::default();
        let mut out = |step: Step| match step {
            Step::Advance(tick) => began.push(tick.0),
            Step::Packet(_) => ticks.push(*began.last().unwrap()),
        };
        for time in times {
            clock.push(packet(*time), &mut out);
        }
        clock.finish(&mut out);
        (began, ticks, clock)
    }

    #[test]
    fn an_older_packet_counts_in_the_running_tick() {
        let (began, ticks, clock) = run(&[10, 12, 11, 12, 13]);
        assert_eq!(began, [10, 12, 13]);
        assert_eq!(ticks, [10, 12, 12, 12, 13]);
        assert_eq!(clock.late, 1);
    }

    #[test]
    fn one_broken_timestamp_does_not_move_the_clock() {
        let (began, ticks, clock) = run(&[10, 4_000_000_000, 4_000_000_001, 11]);
        assert_eq!(began, [10, 11]);
        assert_eq!(ticks, [10, 10, 10, 11], "none is lost");
        assert_eq!(clock.clock_jumps, 2);
    }

    #[test]
    fn a_jump_that_a_hundred_packets_confirm_is_believed() {
        let mut times = vec![0];
        times.extend((0..=CONFIRMING_PACKETS as u64).map(|i| 1_000_000 + i));
        times.push(1);
        let (began, ticks, clock) = run(&times);
        assert_eq!(began[..2], [0, 1_000_000]);
        assert_eq!(ticks.len(), times.len());
        assert_eq!((clock.clock_jumps, clock.late), (0, 1));
    }

    #[test]
    fn a_broken_first_timestamp_does_not_set_the_clock() {
        let mut times = vec![4_000_000_000, 4_000_000_001];
        times.extend(10..300);
        let (began, ticks, clock) = run(&times);
        assert_eq!(began[0], 10);
        assert_eq!(ticks.len(), times.len());
        assert_eq!((clock.clock_jumps, clock.late), (2, 0));
        let (began, _, clock) = run(&[4_000_000_000, 10, 11]);
        assert_eq!((began[0], clock.clock_jumps), (10, 1), "a short input too");
    }

    #[test]
    fn a_broken_timestamp_before_a_gap_is_not_confirmed_by_what_follows_the_gap() {
        let mut times = vec![0, 4_000_000_000];
        times.extend((0..300).map(|i| 7_200 + i));
        let (began, ticks, clock) = run(&times);
        assert_eq!(began[..2], [0, 7_200]);
        assert_eq!(ticks.len(), times.len());
        assert_eq!((clock.clock_jumps, clock.late), (1, 0));
        assert_eq!(clock.span().unwrap().1, Tick(7_499).start());
    }

    #[test]
    fn the_wall_clock_of_a_silent_link_decides_about_held_packets() {
        let mut ticks = Vec::new();
        let mut clock = TickClock::default();
        let mut out = |step: Step| ticks.push(format!("{step:?}")[..7].to_owned());
        clock.push(packet(10), &mut out);
        clock.push(packet(9_000), &mut out);
        clock.push(packet(4_000_000_000), &mut out);
        clock.idle(Tick(9_001), &mut out);
        assert_eq!(clock.running, Some(Tick(9_001)));
        assert_eq!(clock.clock_jumps, 1);
        let packets = ticks.iter().filter(|step| step.as_str() == "Packet(");
        assert_eq!(packets.count(), 3);
    }

    #[test]
    fn a_jump_before_the_end_of_the_input_is_believed() {
        let (began, ticks, clock) = run(&[0, 1_000_000, 2_000_000]);
        assert_eq!(began, [0, 1_000_000, 2_000_000]);
        assert_eq!(ticks, began);
        assert_eq!(clock.clock_jumps, 0);
    }

    #[test]
    fn every_packet_comes_out_once_whatever_the_times_are() {
        let mut x = 1u64;
        let times: Vec<u64> = (0..5_000)
            .map(|_| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if x >> 62 == 0 {
                    x >> 33
                } else {
                    1_000 + (x >> 60)
                }
            })
            .collect();
        let (began, ticks, _) = run(&times);
        assert_eq!(ticks.len(), times.len());
        assert!(began.is_sorted());
    }
}
