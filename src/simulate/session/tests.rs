//! Conversations of any protocol and length, counted.

use std::net::Ipv4Addr;

use super::*;
use crate::simulate::opening::{Protocol, Question};

fn endpoint(last: u8, port: u16) -> Endpoint {
    Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: Ipv4Addr::new(192, 0, 2, last).into(),
        port,
        hops: 64,
    }
}

fn session(protocol: Protocol, is_tcp: bool, opener: Side, bytes: [u64; 2]) -> Session {
    let question = Question {
        name: "files.example.org".into(),
        addresses: vec![Ipv4Addr::new(192, 0, 2, 9).into()],
    };
    Session::new(SessionPlan {
        start: 1_000_000_000,
        asset: endpoint(1, 40_000),
        // Not where acknowledgements of QUIC would be counted, too.
        peer: endpoint(2, 8_443),
        is_tcp,
        opener,
        bytes,
        turns: 3,
        rtt_nanos: 80_000_000,
        bytes_per_second: 1e6,
        think_nanos: 1_000_000,
        opening: Opening::new(protocol, "www.example.org".into(), Some(&[question].into())),
        account: Account {
            destination: 0,
            event: None,
        },
        chance: Chance::new(bytes[0], "test"),
    })
}

/// What asset and peer sent once, how much of that was captured, and by how many packets.
fn play(mut session: Session) -> ([u64; 2], [u64; 2], u32) {
    let (mut sent, mut captured, mut packets) = ([0; 2], [0; 2], 0);
    let mut last = 0;
    while let Some(time) = session.next_time() {
        assert!(time >= last);
        last = time;
        let due = session.take().unwrap();
        let payload_bytes = u64::from(due.packet.payload_bytes);
        let payload = due.packet.payload;
        assert!(payload.is_empty() || payload.len() as u64 == payload_bytes);
        captured[due.from as usize] += payload.len() as u64;
        packets += u32::from(!payload.is_empty());
        if !due.is_repeat && (due.packet.transport == Transport::Udp || payload_bytes > 0) {
            sent[due.from as usize] += payload_bytes;
        }
    }
    assert!(session.spoken.is_empty() || session.spoken_packets == 0);
    (sent, captured, packets)
}

#[test]
fn what_is_said_first_is_part_of_what_is_sent() {
    for (protocol, is_tcp) in [
        (Protocol::None, true),
        (Protocol::Tls10, true),
        (Protocol::Tls12, true),
        (Protocol::Tls13, true),
        (Protocol::PostQuantum, true),
        (Protocol::Http, true),
        (Protocol::Ssh, true),
        (Protocol::Smtp, true),
        (Protocol::SmtpStartTls, true),
        (Protocol::Ftp, true),
        (Protocol::Dns, false),
        (Protocol::Quic, false),
    ] {
        for opener in [Side::Asset, Side::Peer] {
            for bytes in [
                [0, 0],
                [40, 0],
                [40, 9_000],
                [3_000, 10],
                [2_000_000, 2_000_000],
            ] {
                let (sent, captured, packets) = play(session(protocol, is_tcp, opener, bytes));
                let case = format!("{protocol:?} {opener:?} {bytes:?}");
                assert_eq!(sent[0], bytes[0], "{case}");
                assert!(captured[0] <= bytes[0], "{case}");
                assert_eq!(sent[1], bytes[1].max(captured[1]), "{case}");
                let is_said = packets > 0;
                if bytes[0] == 2_000_000 {
                    assert_eq!(is_said, protocol != Protocol::None, "{case}");
                }
                if bytes[0] == 0 {
                    let is_asked = opener == Side::Peer && captured[1] > 0;
                    assert!(!is_said || is_asked && protocol == Protocol::Http, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_long_hello_has_two_segments() {
    let (_, captured, packets) = play(session(
        Protocol::PostQuantum,
        true,
        Side::Asset,
        [100_000, 100_000],
    ));
    assert!(captured[0] > 1_448 && captured[1] > 1_088);
    assert_eq!(packets, 3);
}
