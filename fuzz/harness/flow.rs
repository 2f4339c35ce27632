//! Operations on a flow table, held against plain sums.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZeroU32;

use arbitrary::{Arbitrary, Unstructured};
use borderflow::decode::{Facts, Packet, address_bits};
use borderflow::flow::{
    Direction, EXPORT_SECONDS_DUE, End, Flow, FlowConfig, FlowEvent, FlowKey, Lookup, Shard,
    Traffic,
};
use borderflow::geo::{Confidence, Country, Place, Side};
use borderflow::time::Tick;

/// Plays what the bytes say.
pub fn run(bytes: &[u8]) {
    // Bytes that end early are zeros from there on, so that every input is a play.
    let Ok(play) = Play::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let mut table = Table::new(&play.setting);
    table.advance(Gap::To(play.setting.begin));
    for step in play.steps {
        match step {
            Step::Packets(shapes) => table.packets(&shapes),
            Step::Advance(gap) => table.advance(gap),
            Step::Finish => table.finish(),
        }
    }
    table.finish();
}

#[derive(Arbitrary, Debug)]
struct Play {
    setting: Setting,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
struct Setting {
    begin: u32,
    flows_max: u8,
    idle_seconds: u16,
    active_seconds: u16,
    half_open_seconds: u8,
    closing_seconds: u8,
    by_vlan: bool,
    /// Whether some packets are fragments, whose ports nobody knows beforehand.
    has_fragments: bool,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// Looked up together, then counted one after another.
    Packets(Vec<Shape>),
    Advance(Gap),
    Finish,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Gap {
    Seconds(u8),
    Minutes(u8),
    Far(u32),
    /// A time of its own, if it is ahead.
    To(u32),
}

/// A packet between a few ends.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Shape {
    ends: u8,
    ports: u8,
    protocol: u8,
    fragment: u8,
    flags: u8,
    /// A region of the sequence space in the upper two bits.
    sequence: u16,
    acknowledgement: u16,
    payload_bytes: u16,
    late_seconds: u8,
}

/// Packets, and bytes on the wire, of IP and of payload.
type Sums = [u64; 4];

/// What was given of a conversation.
#[derive(Debug, Default)]
struct Given {
    sums: Sums,
    last: u64,
    /// Payload from home to abroad; whether all of it is certainly unique.
    export_bytes: u64,
    may_repeat: bool,
}

/// A table and what is known of it.
struct Table {
    shard: Shard,
    config: FlowConfig,
    flows_max: usize,
    has_fragments: bool,
    now: u64,
    model: Model,
}

#[derive(Debug, Default)]
struct Model {
    is_coarse: bool,
    given: HashMap<FlowKey, Given>,
    told: HashMap<FlowKey, Sums>,
    exports_told: HashMap<FlowKey, u64>,
    exports_closed: HashMap<FlowKey, u64>,
    /// Flows of which an export was told.
    known: HashSet<FlowKey>,
    evicted: u64,
    /// The ticks to which what is told now may be counted: the running one, and those
    /// before the next.
    ticks: (u64, u64),
}

impl Table {
    fn new(setting: &Setting) -> Self {
        let seconds = |seconds: u16| NonZeroU32::new(seconds.into()).unwrap_or(NonZeroU32::MIN);
        let config = FlowConfig {
            idle_seconds: seconds(setting.idle_seconds),
            active_seconds: seconds(setting.active_seconds),
            half_open_seconds: seconds(setting.half_open_seconds.into()),
            closing_seconds: seconds(setting.closing_seconds.into()),
            by_vlan: setting.by_vlan,
            ..FlowConfig::default()
        };
        let flows_max = usize::from(setting.flows_max % FLOWS_MAX) + 1;
        Self {
            shard: Shard::new(config.clone(), flows_max),
            config,
            flows_max,
            has_fragments: setting.has_fragments,
            now: 0,
            model: Model {
                is_coarse: setting.has_fragments,
                ..Model::default()
            },
        }
    }

    fn packets(&mut self, shapes: &[Shape]) {
        let packets: Vec<_> = shapes
            .iter()
            .map(|shape| shape.packet(self.now, self.has_fragments))
            .collect();
        let mut lookups: Vec<Lookup> = packets.iter().map(|it| self.shard.hash(it)).collect();
        for lookup in &mut lookups {
            self.shard.find_slot(lookup);
        }
        for (packet, lookup) in packets.iter().zip(&lookups) {
            self.model.give(packet, self.now, self.config.by_vlan);
            self.model.ticks = (self.now, self.now);
            let model = &mut self.model;
            self.shard
                .packet(packet, lookup, &locate, &mut |event| model.tell(&event));
            self.check();
        }
    }

    fn advance(&mut self, gap: Gap) {
        let to = match gap {
            Gap::Seconds(seconds) => self.now + u64::from(seconds),
            Gap::Minutes(minutes) => self.now + 60 * u64::from(minutes),
            Gap::Far(seconds) => self.now + 4 * u64::from(seconds),
            Gap::To(tick) => self.now.max(tick.into()),
        };
        let to = to.min(LATEST);
        self.model.ticks = (self.now, to.saturating_sub(1).max(self.now));
        let model = &mut self.model;
        self.shard
            .advance(Tick(to), &locate, &mut |event| model.tell(&event));
        self.now = to;
        self.check();
        self.check_times();
    }

    fn finish(&mut self) {
        self.model.ticks = (self.now, self.now);
        let model = &mut self.model;
        self.shard.finish(&locate, &mut |event| model.tell(&event));
        self.check();
        assert!(self.shard.is_empty());
        for (key, given) in &self.model.given {
            assert_eq!(self.model.told(key), given.sums, "{key:?}");
        }
        assert_eq!(self.model.exports_told, self.model.exports_closed);
        self.model.known.clear();
        // An ended table begins anew, and so does its time.
        self.advance(Gap::Seconds(0));
    }

    fn check(&self) {
        assert!(self.shard.len() <= self.flows_max);
        assert!(self.shard.evicted() >= self.model.evicted);
    }

    /// What is old enough has ended, and exports that are old enough were told.
    fn check_times(&self) {
        let config = &self.config;
        let silences = [
            config.idle_seconds,
            config.half_open_seconds,
            config.closing_seconds,
        ];
        let silence = silences.map(NonZeroU32::get).into_iter().max().unwrap();
        for (key, given) in &self.model.given {
            let age = self.now - given.last;
            if age > u64::from(silence) + FRAGMENT_SECONDS {
                assert_eq!(self.model.told(key), given.sums, "still there: {key:?}");
            }
            let exported = self.model.exports_told.get(key).copied().unwrap_or(0);
            assert!(exported <= given.export_bytes, "{key:?}");
            if age > EXPORT_SECONDS_DUE + FRAGMENT_SECONDS && !given.may_repeat {
                assert_eq!(exported, given.export_bytes, "untold: {key:?}");
            }
        }
    }
}

impl Model {
    /// What sums are kept by: the flow, or its address pair where ports are not known.
    fn group(&self, key: FlowKey) -> FlowKey {
        if !self.is_coarse {
            return key;
        }
        FlowKey {
            low_port: 0,
            high_port: 0,
            // Of an address to itself, ports decide which end is which; nothing else does.
            ..key
        }
    }

    fn told(&self, group: &FlowKey) -> Sums {
        self.told.get(group).copied().unwrap_or_default()
    }

    fn give(&mut self, packet: &Packet, now: u64, by_vlan: bool) {
        let group = self.group(FlowKey::of(packet, by_vlan).0);
        let given = self.given.entry(group).or_default();
        let [packets, wire_bytes, ip_bytes, payload_bytes] = &mut given.sums;
        *packets += 1;
        *wire_bytes += u64::from(packet.wire_bytes);
        *ip_bytes += u64::from(packet.ip_bytes);
        *payload_bytes += u64::from(packet.payload_bytes);
        given.last = now;
        given.may_repeat |= packet.facts.has(Facts::TCP);
        let sides = [packet.src_address(), packet.dst_address()].map(|it| locate(it).side);
        if sides == [Side::Home, Side::Foreign] {
            given.export_bytes += u64::from(packet.payload_bytes);
        }
    }

    fn tell(&mut self, event: &FlowEvent<'_>) {
        let tick = match event {
            FlowEvent::Export { tick, .. }
            | FlowEvent::Closed { tick, .. }
            | FlowEvent::Said { tick, .. }
            | FlowEvent::Named { tick, .. }
            | FlowEvent::Echoed { tick, .. } => tick.0,
        };
        let (from, to) = self.ticks;
        assert!((from..=to).contains(&tick), "{tick} not in {from}..={to}");
        match event {
            FlowEvent::Export {
                flow,
                bytes,
                first,
                ended,
                ..
            } => self.tell_export(flow, *bytes, *first, *ended),
            FlowEvent::Closed { flow, end, .. } => self.tell_closed(flow, *end),
            FlowEvent::Said { .. } | FlowEvent::Named { .. } | FlowEvent::Echoed { .. } => {}
        }
    }

    fn tell_export(&mut self, flow: &Flow, bytes: u64, first: bool, ended: bool) {
        assert!(bytes > 0 && flow.export_ends().is_some(), "{flow:?}");
        assert!(first || self.known.contains(&flow.key), "{flow:?}");
        self.known.insert(flow.key);
        if ended {
            self.known.remove(&flow.key);
        }
        let group = self.group(flow.key);
        *self.exports_told.entry(group).or_default() += bytes;
    }

    fn tell_closed(&mut self, flow: &Flow, end: End) {
        assert!(flow.packets() > 0, "{flow:?}");
        assert!(flow.first <= flow.last, "{flow:?}");
        let ends = [flow.src, flow.dst].map(|it| (address_bits(it.address), it.port));
        let key = &flow.key;
        let expected = [(key.low, key.low_port), (key.high, key.high_port)];
        assert!(ends == expected || ends == [expected[1], expected[0]]);
        let group = self.group(flow.key);
        let told = self.told.entry(group).or_default();
        for traffic in [&flow.forward, &flow.reverse] {
            check_traffic(traffic);
            let sums = [
                traffic.packets,
                traffic.wire_bytes,
                traffic.ip_bytes,
                traffic.payload_bytes,
            ];
            for (told, more) in told.iter_mut().zip(sums) {
                *told += more;
            }
        }
        let given = &self.given[&group];
        let is_within = told.iter().zip(given.sums).all(|(told, sum)| *told <= sum);
        assert!(is_within, "told twice: {flow:?}");
        let exported = match flow.export {
            Some(Direction::Forward) => flow.forward.unique_bytes,
            Some(Direction::Reverse) => flow.reverse.unique_bytes,
            None => 0,
        };
        if exported > 0 {
            *self.exports_closed.entry(group).or_default() += exported;
        }
        self.evicted += u64::from(end == End::Evicted);
        if end != End::Active {
            self.known.remove(&flow.key);
        }
    }
}

fn check_traffic(traffic: &Traffic) {
    assert!(traffic.unique_bytes <= traffic.payload_bytes, "{traffic:?}");
    assert!(traffic.payload_bytes <= traffic.ip_bytes, "{traffic:?}");
    assert!(traffic.ip_bytes <= traffic.wire_bytes, "{traffic:?}");
}

impl Shape {
    fn packet(&self, now: u64, has_fragments: bool) -> Packet {
        let is_ipv6 = self.protocol & 0x80 != 0;
        let address = |number: u8| {
            let number = u128::from(number % HOSTS);
            // Home, abroad, or neither, by the remainder.
            let bits = 0xffff_0a00_0000 | (number % 3) << 16 | number;
            if is_ipv6 { bits | 0xfd << 120 } else { bits }
        };
        let protocol = PROTOCOLS[usize::from(self.protocol) % PROTOCOLS.len()];
        let place = if has_fragments { self.fragment % 4 } else { 0 };
        let is_later = place == 3;
        let has_ports = matches!(protocol, 6 | 17) && !is_later && self.fragment & 0x40 == 0;
        let mut facts = Facts::default();
        let is_tcp = protocol == 6 && has_ports && place < 2;
        let known = [
            (is_ipv6, Facts::IPV6),
            (has_ports, Facts::PORTS),
            (is_tcp, Facts::TCP),
            (place == 2, Facts::FIRST_FRAGMENT),
            (is_later, Facts::LATER_FRAGMENT),
        ];
        for (_, fact) in known.into_iter().filter(|(is_so, _)| *is_so) {
            facts = facts.with(fact);
        }
        let [src_port, dst_port] = [self.ports & 3, self.ports >> 2 & 3].map(u16::from);
        let payload_bytes = u32::from(self.payload_bytes);
        let sequence = in_region(self.sequence);
        Packet {
            src: address(self.ends & 15),
            dst: address(self.ends >> 4),
            timestamp: Tick(now.saturating_sub(self.late_seconds.into())).start(),
            wire_bytes: payload_bytes + 54,
            ip_bytes: payload_bytes + 40,
            payload_bytes,
            sequence: match place {
                2 | 3 => u32::from(self.sequence % 4),
                _ if is_tcp => sequence,
                _ => 0,
            },
            acknowledgement: in_region(self.acknowledgement),
            src_port: if has_ports { src_port } else { 0 },
            dst_port: if has_ports { dst_port } else { 0 },
            vlan_id: u16::from(self.ports >> 6),
            protocol,
            tcp_flags: if protocol == 6 { self.flags } else { 0 },
            facts,
            ..Packet::default()
        }
    }
}

/// A number near the beginning, the middle or the end of the sequence space, or anywhere.
fn in_region(number: u16) -> u32 {
    let small = u32::from(number & 0x3fff);
    match number >> 14 {
        0 => small,
        1 => small.wrapping_sub(0x2000),
        2 => small + (1 << 31) - 0x2000,
        _ => small << 18,
    }
}

fn locate(address: IpAddr) -> Place {
    let side = match address_bits(address) >> 16 & 0xff {
        0 => Side::Home,
        1 => Side::Foreign,
        _ => Side::Local,
    };
    Place {
        side,
        country: Country::UNKNOWN,
        asn: 0,
        confidence: Confidence::Unknown,
    }
}

/// Protocols with and without ports, and one that no one knows.
const PROTOCOLS: [u8; 5] = [6, 17, 6, 1, 200];

/// Hosts that talk.
const HOSTS: u8 = 9;

/// The largest table.
const FLOWS_MAX: u8 = 24;

/// The last second that a timestamp can name.
const LATEST: u64 = u64::MAX / 1_000_000_000;

/// Longer than fragments wait for their first one.
const FRAGMENT_SECONDS: u64 = 31;
