//! Any bytes as the beginning of a conversation.
//!
//! Byte 0 says what they are: a TCP conversation, one over QUIC or DTLS, datagrams, or a DNS message.
//! Of a conversation, bytes 1 and 2 say how much of the rest the client sent, byte 3 how much
//! comes at once.

use borderflow::dissect::{
    Hellos, Messages, Ping, Prefix, Reading, Said, answers, datagram, offer, stream,
};
use borderflow::time::{Tick, Timestamp};

/// Reads the bytes whole and in pieces, and holds what is told against what is promised.
pub fn run(bytes: &[u8]) {
    let Some(([kind, high, low, step], rest)) = bytes.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
    let (client, server) = rest.split_at(length);
    let ports = [50_000, PORTS[usize::from(kind >> 2) % PORTS.len()]];
    match kind % 4 {
        0 => read_stream(client, server, ports, usize::from(*step).max(1)),
        1 => read_hellos(client, server),
        2 => check(&datagram(client, server, ports)),
        _ => read_dns(rest),
    }
}

const PORTS: [u16; 12] = [443, 80, 22, 25, 143, 110, 21, 3_389, 445, 1_194, 53, 40_000];

fn read_stream(client: &[u8], server: &[u8], ports: [u16; 2], step: usize) {
    let mut prefixes = [Prefix::default(), Prefix::default()];
    prefixes[0].insert(0, client);
    prefixes[1].insert(0, server);
    let [client, server] = [&prefixes[0], &prefixes[1]].map(Prefix::bytes);
    let whole = stream(client, server, ports, true);
    let Reading::Done(said) = &whole else {
        panic!("a conversation that is over has more to say");
    };
    check(said);
    assert_eq!(whole, stream(client, server, ports, true), "read twice");
    if let Some(mut offer) = offer(client) {
        assert_eq!(whole, offer.answered(server, true), "read apart");
    }
    // Pieces never make it panic, however they come.
    let longest = client.len().max(server.len());
    for until in (0..longest).step_by(step).take(64) {
        let client = client.get(..until).unwrap_or(client);
        let server = server.get(..until).unwrap_or(server);
        if let Reading::Done(said) = stream(client, server, ports, false) {
            check(&said);
            return;
        }
    }
}

/// Each datagram has its length before it; those of the client come before and after the others.
fn read_hellos(client: &[u8], server: &[u8]) {
    let mut hellos = None;
    for (is_client, mut rest) in [(true, client), (false, server), (true, client)] {
        while let Some(([high, low], behind)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
            let (datagram, others) = behind.split_at(length);
            rest = others;
            hellos = hellos.or_else(|| Hellos::begin(datagram));
            let Some(hellos) = &mut hellos else {
                continue;
            };
            if let Reading::Done(said) = hellos.take(is_client, datagram, Timestamp::ZERO) {
                check(&said);
                return;
            }
        }
    }
    if let Some(hellos) = hellos {
        check(&hellos.said());
    }
}

fn read_dns(message: &[u8]) {
    for protocol in [1, 58] {
        let ping = Ping::read(protocol, 1_000, message);
        assert!(ping.is_none_or(|ping| ping.payload.len() <= 128));
    }
    let mut messages = Messages::default();
    let told = std::iter::from_fn(|| messages.next(0, message)).count();
    assert!(told <= 64, "{told} messages of a stream");
    let Some(answered) = answers(message) else {
        return;
    };
    check_name(&answered.shown_name());
    assert!(answered.name.len() <= 253, "{answered:?}");
    assert!(answered.addresses.len() <= 32, "{answered:?}");
}

fn check(said: &Said) {
    said.server_name.as_deref().into_iter().for_each(check_name);
    said.alpn.as_deref().into_iter().for_each(check_name);
    said.ja4.as_deref().into_iter().for_each(check_name);
    if let Some(certificate) = &said.certificate {
        let line = certificate.line(Tick(0));
        line.name.as_deref().into_iter().for_each(check_name);
        let is_short = |issuer: String| issuer.chars().count() <= 64;
        assert!(line.issuer.is_none_or(is_short));
        assert!(!line.valid_until.is_empty() && line.flaws.len() <= 6);
    }
    if let Some(ja4) = &said.ja4 {
        assert_eq!(ja4.len(), 36, "{ja4:?}");
    }
}

/// What is told can be printed, and is short.
fn check_name(name: &str) {
    let is_printable = name.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    assert!(is_printable && name.len() <= 260, "{name:?}");
}
