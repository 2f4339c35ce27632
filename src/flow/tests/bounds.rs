//! What a full table gives up, and what it takes.

use super::*;

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
