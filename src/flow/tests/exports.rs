//! What leaves is told once, and exactly.

use super::*;

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
