//! The flow table, packet by packet.

mod bounds;
mod exports;

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::decode::{Facts, Packet, TcpSegment, TunnelPath, address_bits};
use crate::geo::{Confidence, Country, Place, Side};
use crate::time::Tick;

const CLIENT: &str = "10.0.0.1";
const SERVER: &str = "198.51.100.7";

/// What a shard said, with as much of the flow as the tests look at.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Export {
        bytes: u64,
        tick: u64,
    },
    Closed {
        end: End,
        tick: u64,
        packets: u64,
        src_port: u16,
    },
}

struct Bench {
    shard: Shard,
    said: Vec<Said>,
    flows: Vec<Flow>,
}

impl Bench {
    fn new(flows_max: usize) -> Self {
        let shard = Shard::new(FlowConfig::default(), flows_max);
        Self {
            shard,
            said: Vec::new(),
            flows: Vec::new(),
        }
    }

    fn packet(&mut self, packet: &Packet) {
        let (said, flows) = (&mut self.said, &mut self.flows);
        let lookup = self.shard.look_up(packet);
        let mut events = |event: FlowEvent<'_>| note(&event, said, flows);
        self.shard.packet(packet, &lookup, &locate, &mut events);
    }

    fn advance(&mut self, to: u64) {
        let (said, flows) = (&mut self.said, &mut self.flows);
        let mut events = |event: FlowEvent<'_>| note(&event, said, flows);
        self.shard.advance(Tick(to), &locate, &mut events);
    }

    fn finish(&mut self) {
        let (said, flows) = (&mut self.said, &mut self.flows);
        let mut events = |event: FlowEvent<'_>| note(&event, said, flows);
        self.shard.finish(&locate, &mut events);
    }
}

fn note(event: &FlowEvent<'_>, said: &mut Vec<Said>, flows: &mut Vec<Flow>) {
    said.push(match event {
        FlowEvent::Said { .. } | FlowEvent::Named { .. } | FlowEvent::Echoed { .. } => return,
        FlowEvent::Export { bytes, tick, .. } => Said::Export {
            bytes: *bytes,
            tick: tick.0,
        },
        FlowEvent::Closed {
            flow, end, tick, ..
        } => {
            flows.push(**flow);
            let (packets, src_port) = (flow.packets(), flow.src.port);
            Said::Closed {
                end: *end,
                tick: tick.0,
                packets,
                src_port,
            }
        }
    });
}

fn locate(address: IpAddr) -> Place {
    let side = if address.to_string().starts_with("10.") {
        Side::Home
    } else {
        Side::Foreign
    };
    Place {
        side,
        country: Country::UNKNOWN,
        asn: 0,
        confidence: Confidence::Unknown,
    }
}

/// A UDP packet from the client's `port` with `payload_bytes`, or back.
fn bits(address: &str) -> u128 {
    address_bits(address.parse().unwrap())
}

fn udp(port: u16, forward: bool, payload_bytes: u32, seconds: u64) -> Packet {
    let (src, dst) = if forward {
        (CLIENT, SERVER)
    } else {
        (SERVER, CLIENT)
    };
    let (src_port, dst_port) = if forward { (port, 443) } else { (443, port) };
    Packet {
        src: bits(src),
        dst: bits(dst),
        timestamp: Tick(seconds).start(),
        wire_bytes: payload_bytes + 42,
        ip_bytes: payload_bytes + 28,
        payload_bytes,
        sequence: 0,
        acknowledgement: 0,
        tunnel: TunnelPath::default(),
        src_port,
        dst_port,
        vlan_id: 0,
        protocol: 17,
        tcp_flags: 0,
        facts: Facts::PORTS,
        ..Packet::default()
    }
}

fn tcp(
    port: u16,
    forward: bool,
    flags: u8,
    sequence: u32,
    payload_bytes: u32,
    seconds: u64,
) -> Packet {
    Packet {
        protocol: 6,
        sequence,
        tcp_flags: flags,
        facts: Facts::PORTS.with(Facts::TCP),
        ..udp(port, forward, payload_bytes, seconds)
    }
}

const SYN: u8 = TcpSegment::SYN;
const ACK: u8 = TcpSegment::ACK;
const FIN: u8 = TcpSegment::FIN;
const RST: u8 = TcpSegment::RST;

#[test]
fn a_connection_closes_by_its_fins_after_stragglers() {
    let mut bench = Bench::new(8);
    bench.advance(100);
    bench.packet(&tcp(1, true, SYN, 0, 0, 100));
    bench.packet(&tcp(1, false, SYN | ACK, 0, 0, 101));
    bench.packet(&tcp(1, true, ACK, 1, 0, 102));
    bench.packet(&tcp(1, true, ACK | FIN, 1, 10, 102));
    bench.packet(&tcp(1, false, ACK | FIN, 1, 0, 102));
    bench.advance(103);
    bench.packet(&tcp(1, true, ACK, 12, 0, 103));
    bench.advance(200);
    let closed = Said::Closed {
        end: End::Fin,
        tick: 113,
        packets: 6,
        src_port: 1,
    };
    assert_eq!(
        bench.said,
        [
            Said::Export {
                bytes: 10,
                tick: 100
            },
            closed
        ]
    );
    assert_eq!(bench.flows[0].round_trip_nanos, Some(2_000_000_000));
    assert!(!bench.flows[0].midstream);
    assert!(bench.shard.is_empty());
}

#[test]
fn a_reset_closes_and_a_syn_on_the_same_ports_begins_anew() {
    let mut bench = Bench::new(8);
    bench.advance(10);
    bench.packet(&tcp(1, true, SYN, 0, 0, 10));
    bench.packet(&tcp(1, false, RST | ACK, 0, 0, 10));
    bench.packet(&tcp(1, true, SYN, 900, 0, 10));
    assert_eq!(
        bench.said,
        [Said::Closed {
            end: End::Rst,
            tick: 10,
            packets: 2,
            src_port: 1
        }]
    );
    assert_eq!(bench.shard.len(), 1);
}

#[test]
fn the_answer_tells_who_began() {
    let mut bench = Bench::new(8);
    bench.packet(&tcp(1, false, SYN | ACK, 0, 0, 10));
    bench.packet(&tcp(2, false, ACK, 5, 100, 10));
    bench.finish();
    let [answered, midstream] = &bench.flows[..] else {
        panic!("two flows")
    };
    assert_eq!((answered.src.port, answered.midstream), (1, false));
    assert_eq!((midstream.src.port, midstream.midstream), (443, true));
    assert_eq!(answered.reverse.packets, 1);
}

#[test]
fn silence_ends_flows_in_their_own_tick_however_long_the_gap() {
    let mut bench = Bench::new(8);
    bench.advance(1_000);
    bench.packet(&udp(1, true, 5, 1_000));
    bench.packet(&udp(2, true, 5, 1_000));
    bench.packet(&udp(2, false, 5, 1_000));
    bench.packet(&udp(2, true, 5, 1_000));
    bench.packet(&udp(3, true, 5, 1_000));
    bench.packet(&udp(3, false, 5, 1_000));
    bench.advance(1_000_000);
    let idle = |tick, packets, src_port| Said::Closed {
        end: End::Idle,
        tick,
        packets,
        src_port,
    };
    assert!(
        bench.said.contains(&idle(1_060, 1, 1)),
        "half-open: {:?}",
        bench.said
    );
    assert!(
        bench.said.contains(&idle(1_120, 3, 2)),
        "a conversation: {:?}",
        bench.said
    );
    assert!(
        bench.said.contains(&idle(1_060, 2, 3)),
        "answered and no more: {:?}",
        bench.said
    );
    assert!(bench.said.contains(&Said::Export {
        bytes: 5,
        tick: 1_060
    }));
}

#[test]
fn a_gap_of_centuries_is_a_gap() {
    let mut bench = Bench::new(8);
    let later = 3 << 32;
    bench.advance(7);
    bench.packet(&udp(1, true, 5, 7));
    bench.advance(later);
    bench.packet(&udp(2, true, 5, later));
    bench.advance(later + 1_000);
    let ends = bench.said.iter().filter_map(|said| match said {
        Said::Closed { tick, src_port, .. } => Some((*tick, *src_port)),
        Said::Export { .. } => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [(67, 1), (later + 60, 2)]);
}

#[test]
fn later_fragments_are_counted_with_their_first_one_whenever_they_come() {
    let mut bench = Bench::new(8);
    let fragment = |fact: Facts, identification: u32| Packet {
        sequence: identification,
        facts: fact,
        src_port: 0,
        dst_port: 0,
        ..udp(1, true, 1_000, 0)
    };
    let first = |identification| Packet {
        src_port: 1,
        dst_port: 443,
        ..fragment(Facts::FIRST_FRAGMENT.with(Facts::PORTS), identification)
    };
    let later = |identification| fragment(Facts::LATER_FRAGMENT, identification);
    bench.packet(&later(7));
    assert_eq!(bench.shard.len(), 0, "it waits for its ports");
    bench.packet(&first(7));
    bench.packet(&later(7));
    bench.packet(&later(8));
    assert_eq!(bench.shard.len(), 1);
    bench.advance(100);
    bench.finish();
    let packets: Vec<_> = bench
        .flows
        .iter()
        .map(|flow| (flow.src.port, flow.packets(), flow.has_ports))
        .collect();
    assert_eq!(
        packets,
        [(1, 3, true), (0, 1, false)],
        "the last one never had a first"
    );
}

#[test]
fn vlans_part_flows_only_where_that_is_asked_for() {
    for (by_vlan, flows) in [(false, 1), (true, 2)] {
        let config = FlowConfig {
            by_vlan,
            ..FlowConfig::default()
        };
        let mut bench = Bench {
            shard: Shard::new(config, 8),
            ..Bench::new(8)
        };
        for vlan_id in [5, 6, 5] {
            let packet = udp(1, true, 1, 0);
            bench.packet(&Packet { vlan_id, ..packet });
        }
        assert_eq!(bench.shard.len(), flows);
    }
}

proptest! {
    /// Whatever comes, packets and bytes of the records are those of the packets, and
    /// exports told are unique bytes of the export direction.
    #[test]
    fn nothing_is_lost_or_counted_twice(
        steps in prop::collection::vec(
            (1u16..12, any::<bool>(), 0u32..90_000, 0u8..32, 0u32..5_000, 0u64..90), 1..400),
        flows_max in 1usize..12,
    ) {
        let mut bench = Bench::new(flows_max);
        let (mut second, mut wire_bytes) = (0, 0);
        for (port, forward, payload_bytes, flags, sequence, gap) in &steps {
            second += gap / 30;
            bench.advance(second);
            let packet = if port % 2 == 0 {
                tcp(*port, *forward, *flags, *sequence, *payload_bytes, second)
            } else {
                udp(*port, *forward, *payload_bytes, second)
            };
            wire_bytes += u64::from(packet.wire_bytes);
            bench.packet(&packet);
        }
        bench.finish();
        let sum = |of: fn(&Flow) -> u64| bench.flows.iter().map(of).sum::<u64>();
        prop_assert_eq!(sum(Flow::packets), steps.len() as u64);
        prop_assert_eq!(sum(|flow| flow.forward.wire_bytes + flow.reverse.wire_bytes), wire_bytes);
        let exported = sum(|flow| match flow.export {
            Some(Direction::Forward) => flow.forward.unique_bytes,
            Some(Direction::Reverse) => flow.reverse.unique_bytes,
            None => 0,
        });
        let told: u64 = bench.said.iter().map(|said| match said {
            Said::Export { bytes, .. } => *bytes,
            Said::Closed { .. } => 0,
        }).sum();
        prop_assert_eq!(told, exported);
        prop_assert!(bench.shard.is_empty());
    }
}
