//! The flow table, packet by packet.

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
fn exports_are_told_by_size_by_age_and_at_the_end() {
    let mut bench = Bench::new(8);
    bench.advance(0);
    bench.packet(&udp(1, true, 60_000, 0));
    bench.advance(1);
    assert!(bench.said.is_empty(), "not yet 64 KiB");
    bench.packet(&udp(1, true, 10_000, 1));
    bench.packet(&udp(1, false, 10, 1));
    bench.advance(2);
    assert_eq!(
        bench.said,
        [Said::Export {
            bytes: 70_000,
            tick: 1
        }]
    );
    for second in (2..400).step_by(50) {
        bench.advance(second);
        bench.packet(&udp(1, true, 1, second));
    }
    assert_eq!(
        bench.said[1..],
        [Said::Export {
            bytes: 7,
            tick: 302
        }]
    );
    bench.finish();
    assert_eq!(
        bench.said[2],
        Said::Export {
            bytes: 1,
            tick: 352
        }
    );
}

#[test]
fn a_long_flow_is_told_in_records_that_add_up() {
    let mut bench = Bench::new(8);
    for second in (0..4_000).step_by(60) {
        bench.advance(second);
        bench.packet(&udp(1, true, 1, second));
        bench.packet(&udp(1, false, 1, second));
    }
    bench.finish();
    let packets: u64 = bench.flows.iter().map(Flow::packets).sum();
    assert_eq!(packets, 2 * 67);
    assert_eq!(bench.flows.len(), 3);
    assert!(
        bench.flows.iter().all(|flow| flow.src.port == 1),
        "the initiator stays"
    );
    let active = bench.said.iter().filter(|said| {
        matches!(
            said,
            Said::Closed {
                end: End::Active,
                tick: 1_800 | 3_660,
                ..
            }
        )
    });
    assert_eq!(active.count(), 2);
}

#[test]
fn a_full_table_gives_up_what_matters_least() {
    let mut bench = Bench::new(3);
    bench.packet(&udp(1, true, 1, 0));
    bench.packet(&udp(1, false, 1, 0));
    bench.packet(&udp(1, true, 1, 0));
    bench.packet(&udp(2, true, 1, 0));
    bench.packet(&udp(3, true, 1, 0));
    for port in 100..1_100 {
        bench.packet(&udp(port, true, 1, 0));
    }
    assert_eq!((bench.shard.len(), bench.shard.evicted()), (3, 1_000));
    assert!(
        bench.flows.iter().all(|flow| flow.src.port != 1),
        "the conversation stays"
    );
    let first_to_go: Vec<_> = bench
        .flows
        .iter()
        .take(2)
        .map(|flow| flow.src.port)
        .collect();
    assert_eq!(first_to_go, [2, 3], "the longest silent goes first");
}

#[test]
fn retransmitted_payload_is_not_exported_twice() {
    let mut bench = Bench::new(8);
    bench.packet(&tcp(1, true, SYN, 99, 0, 0));
    for _ in 0..3 {
        bench.packet(&tcp(1, true, ACK, 100, 1_000, 0));
    }
    bench.finish();
    let forward = bench.flows[0].forward;
    assert_eq!(
        (forward.payload_bytes, forward.unique_bytes),
        (3_000, 1_000)
    );
    assert_eq!(
        bench.said[0],
        Said::Export {
            bytes: 1_000,
            tick: 0
        }
    );
}

#[test]
fn what_a_foreign_client_is_answered_is_an_export_too() {
    let mut bench = Bench::new(8);
    bench.packet(&udp(53, false, 100, 0));
    bench.packet(&udp(53, true, 4_000, 0));
    bench.finish();
    assert_eq!(
        bench.said[0],
        Said::Export {
            bytes: 4_000,
            tick: 0
        }
    );
    assert_eq!(bench.flows[0].export, Some(Direction::Reverse));
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
fn bytes_that_are_acknowledged_and_were_never_seen_are_missing() {
    let mut bench = Bench::new(8);
    bench.packet(&tcp(1, true, SYN, 99, 0, 0));
    bench.packet(&tcp(1, true, ACK, 100, 1_000, 0));
    let acknowledged = |acknowledgement| Packet {
        acknowledgement,
        ..tcp(1, false, ACK, 1, 0, 0)
    };
    bench.packet(&acknowledged(1_100));
    bench.packet(&acknowledged(1_101));
    bench.packet(&acknowledged(3_100));
    bench.packet(&tcp(1, true, ACK, 2_100, 500, 0));
    bench.finish();
    let forward = bench.flows[0].forward;
    assert_eq!(
        (forward.unique_bytes, forward.missing_bytes),
        (1_500, 1_500)
    );
    assert_eq!(bench.flows[0].reverse.missing_bytes, 0);
}

#[test]
fn acknowledgements_ahead_of_their_data_hide_none_of_it() {
    let mut bench = Bench::new(8);
    bench.packet(&tcp(1, true, SYN, 99, 0, 0));
    bench.packet(&tcp(1, false, SYN | ACK, 0, 0, 0));
    for step in 1..=100 {
        let acknowledgement = 100 + step * 1_460;
        bench.packet(&Packet {
            acknowledgement,
            ..tcp(1, false, ACK, 1, 0, 0)
        });
    }
    for step in 0..100 {
        bench.packet(&tcp(1, true, ACK, 100 + step * 1_460, 1_460, 0));
    }
    bench.finish();
    let forward = bench.flows[0].forward;
    assert_eq!((forward.unique_bytes, forward.missing_bytes), (146_000, 0));
}

#[test]
fn a_forged_opening_that_is_repeated_and_answered_is_no_conversation() {
    let mut bench = Bench::new(8);
    bench.packet(&tcp(1, true, SYN, 0, 0, 0));
    bench.packet(&tcp(1, false, SYN | ACK, 0, 0, 0));
    bench.packet(&tcp(1, true, SYN, 0, 0, 0));
    bench.advance(61);
    assert!(bench.shard.is_empty(), "it ends as half-open flows do");
}

#[test]
fn a_flood_of_forged_openings_evicts_itself_though_a_server_answers_it() {
    let mut bench = Bench::new(400);
    for port in 1..=100 {
        bench.packet(&udp(port, true, 1, 0));
        bench.packet(&udp(port, false, 1, 0));
        bench.packet(&udp(port, true, 1, 0));
    }
    let forged = |i: u32, answers: bool| {
        let packet = tcp((i % 60_000) as u16 + 1, !answers, SYN, 0, 0, 0);
        let address = bits("198.18.0.0") + u128::from(i);
        if answers {
            let (src, dst) = (packet.dst, address);
            let tcp_flags = SYN | ACK;
            Packet {
                src,
                dst,
                tcp_flags,
                ..packet
            }
        } else {
            Packet {
                src: address,
                dst: bits(SERVER),
                ..packet
            }
        }
    };
    for i in 0..50_000 {
        bench.advance(u64::from(i / 1_000));
        bench.packet(&forged(i, false));
        bench.packet(&forged(i, true));
    }
    assert!(bench.shard.len() <= 400);
    let lost = bench.flows.iter().filter(|flow| flow.protocol() == 17);
    assert_eq!(lost.count(), 0, "no conversation gave way");
}

#[test]
fn one_prefix_that_floods_does_not_push_out_the_openings_of_others() {
    let mut bench = Bench::new(100);
    let from = |address: u128, port: u16| Packet {
        src: address,
        ..tcp(port, true, SYN, 0, 0, 0)
    };
    for i in 0..10u16 {
        bench.packet(&from(bits("203.0.113.1") + (u128::from(i) << 8), i + 1));
    }
    for port in 0..5_000 {
        bench.packet(&from(bits("198.18.0.7"), port));
    }
    let lost = bench
        .flows
        .iter()
        .filter(|flow| flow.src.port <= 10 && flow.packets() == 1);
    let lost = lost.filter(|flow| flow.src.address != "198.18.0.7".parse::<IpAddr>().unwrap());
    assert!(lost.count() <= 3, "few of ten");
}

#[test]
fn sums_beyond_32_bits_are_exact() {
    let mut bench = Bench::new(4);
    let huge = Packet {
        wire_bytes: u32::MAX,
        ip_bytes: u32::MAX - 14,
        payload_bytes: u32::MAX - 42,
        ..udp(1, true, 0, 1)
    };
    bench.advance(1);
    for _ in 0..5 {
        bench.packet(&huge);
    }
    bench.finish();
    let flow = &bench.flows[0];
    assert_eq!(flow.forward.packets, 5);
    assert_eq!(flow.forward.wire_bytes, 5 * u64::from(huge.wire_bytes));
    assert_eq!(flow.forward.ip_bytes, 5 * u64::from(huge.ip_bytes));
    let payload_bytes = 5 * u64::from(huge.payload_bytes);
    assert_eq!(flow.forward.payload_bytes, payload_bytes);
    assert_eq!(flow.forward.unique_bytes, payload_bytes);
    let exported = bench.said.iter().map(|said| match said {
        Said::Export { bytes, .. } => *bytes,
        Said::Closed { .. } => 0,
    });
    assert_eq!(exported.sum::<u64>(), payload_bytes);
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

#[test]
fn an_export_is_of_the_vlan_in_which_the_asset_sends() {
    let vlans = |tags: [(bool, u16); 3]| {
        let mut shard = Shard::new(FlowConfig::default(), 8);
        let mut vlans = Vec::new();
        for ((is_asset, vlan_id), second) in tags.into_iter().zip(0..) {
            let packet = Packet {
                vlan_id,
                ..udp(1, is_asset, 100, second)
            };
            let lookup = shard.look_up(&packet);
            shard.packet(&packet, &lookup, &locate, &mut |_| {});
        }
        shard.end(&mut |event| {
            if let FlowEvent::Export { flow, .. } = event {
                vlans.push(flow.vlan);
            }
        });
        vlans
    };
    // The mirror port takes the tag off what comes in, or does not.
    assert_eq!(vlans([(false, 0), (true, 7), (false, 0)]), [Some(7)]);
    assert_eq!(vlans([(false, 9), (true, 7), (false, 9)]), [Some(7)]);
    assert_eq!(vlans([(false, 9), (true, 0), (false, 9)]), [Some(9)]);
    assert_eq!(vlans([(true, 0), (true, 0), (false, 0)]), [None]);
}

#[test]
fn packets_of_known_flows_allocate_nothing() {
    let mut shard = Shard::new(FlowConfig::default(), 1_000);
    let mut none = |_: FlowEvent<'_>| {};
    let mut round = |shard: &mut Shard, sequence: u32| {
        for port in 0..500 {
            for packet in [
                tcp(port, true, ACK, sequence, 1_000, 0),
                tcp(port, false, ACK, sequence, 10, 0),
            ] {
                let lookup = shard.look_up(&packet);
                shard.packet(&packet, &lookup, &locate, &mut none);
            }
        }
    };
    round(&mut shard, 0);
    round(&mut shard, 2_000);
    shard.advance(Tick(1), &locate, &mut |_| {});
    let allocated = allocation_counter::measure(|| round(&mut shard, 3_000));
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
}

#[test]
fn fragments_beyond_what_is_held_are_counted_at_once() {
    let fragment = |identification, facts| Packet {
        sequence: identification,
        src_port: 0,
        dst_port: 0,
        facts,
        ..udp(1, true, 8, 0)
    };
    let mut bench = Bench::new(8);
    // More datagrams than are known at a time, then more fragments than are held of one.
    for identification in (0..2_000).chain([2_000; 3_000]) {
        bench.packet(&fragment(identification, Facts::LATER_FRAGMENT));
    }
    // The ports of the first fragment are those of the fragments that are still held.
    for identification in (0..2_001).rev() {
        let first = fragment(identification, Facts::FIRST_FRAGMENT.with(Facts::PORTS));
        bench.packet(&Packet {
            src_port: 9,
            dst_port: 443,
            ..first
        });
    }
    bench.finish();
    let packets = |has_ports| {
        let flows = bench
            .flows
            .iter()
            .filter(|flow| flow.has_ports == has_ports);
        flows.map(Flow::packets).sum::<u64>()
    };
    assert_eq!(packets(true) + packets(false), 7_001);
    assert_eq!(packets(true) - 2_001, 1_024, "were held");
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
