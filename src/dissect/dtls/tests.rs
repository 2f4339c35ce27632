//! Handshakes built datagram by datagram, in fragments, out of order, cut, and noise.

#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::*;
use crate::dissect::Protection;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;

fn sized16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &sized16(data)[..]].concat()
}

/// The body of a client's hello with a cookie.
fn client_hello(cookie: &[u8]) -> Vec<u8> {
    let name = [&[0][..], &sized16(b"Vpn.Example.org")].concat();
    let extensions = [
        extension(0, &sized16(&name)),
        extension(13, &sized16(&[4, 3])),
        extension(10, &sized16(&[0, 0x1d])),
    ];
    let cookie_bytes = u8::try_from(cookie.len()).unwrap();
    [
        &[0xfe, 0xfd][..],
        &[7; 32],
        &[0, cookie_bytes],
        cookie,
        &[0, 4, 0xc0, 0x2b, 0xc0, 0x2c],
        &[1, 0],
        &sized16(&extensions.concat()),
    ]
    .concat()
}

fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &[8; 32], &[0]].concat();
    body.extend(suite.to_be_bytes());
    body.push(0);
    body
}

/// A message in fragments of up to so many bytes, each in a record and datagram of its own.
fn datagrams(kind: u8, number: u16, body: &[u8], bytes_max: usize) -> Vec<Vec<u8>> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let fragment = |(place, piece): (usize, &[u8])| {
        let offset = u32::try_from(place * bytes_max).unwrap().to_be_bytes();
        let piece_bytes = u32::try_from(piece.len()).unwrap().to_be_bytes();
        let head = [&[kind], &length[1..], &number.to_be_bytes()].concat();
        let content = [&head[..], &offset[1..], &piece_bytes[1..], piece].concat();
        record(HANDSHAKE, 0, &content)
    };
    body.chunks(bytes_max).enumerate().map(fragment).collect()
}

fn record(kind: u8, epoch: u16, content: &[u8]) -> Vec<u8> {
    let head = [&[kind, 0xfe, 0xfd][..], &epoch.to_be_bytes(), &[0; 6]].concat();
    [head, sized16(content)].concat()
}

/// Hello, request for a cookie, hello with it, answer and key exchange.
fn conversation(bytes_max: usize) -> Vec<(bool, Vec<u8>)> {
    let of = |is_client: bool, datagrams: Vec<Vec<u8>>| {
        datagrams.into_iter().map(move |it| (is_client, it))
    };
    let verify = [&[0xfe, 0xff, 20][..], &[9; 20]].concat();
    let exchange = [&[3, 0, 0x1d, 32][..], &[1; 104]].concat();
    of(
        true,
        datagrams(CLIENT_HELLO, 0, &client_hello(&[]), bytes_max),
    )
    .chain(of(
        false,
        datagrams(HELLO_VERIFY_REQUEST, 0, &verify, bytes_max),
    ))
    .chain(of(
        true,
        datagrams(CLIENT_HELLO, 1, &client_hello(&[9; 20]), bytes_max),
    ))
    .chain(of(
        false,
        datagrams(SERVER_HELLO, 1, &server_hello(0xfefd, 0xc02b), bytes_max),
    ))
    .chain(of(
        false,
        datagrams(SERVER_KEY_EXCHANGE, 2, &exchange, bytes_max),
    ))
    .collect()
}

fn follow(datagrams: &[(bool, Vec<u8>)]) -> Reading {
    let mut handshake = Handshake::default();
    for (is_client, datagram) in datagrams {
        if let Reading::Done(said) = handshake.take(*is_client, datagram) {
            return Reading::Done(said);
        }
    }
    Reading::More
}

#[test]
fn a_handshake_with_a_cookie_says_what_was_agreed() {
    for bytes_max in [4_096, 60] {
        let all = conversation(bytes_max);
        assert!(begins(&all[0].1));
        let Reading::Done(said) = follow(&all) else {
            panic!("more is wanted of pieces of {bytes_max}")
        };
        let tls = said.tls.unwrap();
        assert_eq!((tls.version, tls.suite, tls.group), (0xfefd, 0xc02b, 0x1d));
        assert_eq!(tls.version_name(), Some("DTLSv1.2"));
        assert_eq!(said.application, Application::Dtls);
        assert_eq!(said.protection, Protection::Standard);
        assert_eq!(said.server_name.as_deref(), Some("vpn.example.org"));
        assert!(
            said.ja4.unwrap().starts_with("dd2d020300_"),
            "{:?}",
            said.ja4
        );
        // It is not settled before the group is known.
        assert_eq!(follow(&all[..all.len() - 1]), Reading::More);
    }
}

#[test]
fn versions_that_were_given_up_are_weak() {
    for (version, is) in [
        (0xfeff, Protection::Weak),
        (0x0100, Protection::Weak),
        (0xfefd, Protection::Standard),
    ] {
        let answer = server_hello(version, 0x009c);
        let own = include_bytes!("../certificate/shared.der");
        let length = &u32::try_from(own.len()).unwrap().to_be_bytes()[1..];
        let certificates = [&[0, 9, 0], length, own].concat();
        let datagrams = [
            (true, datagrams(CLIENT_HELLO, 0, &client_hello(&[]), 4_096)),
            (false, datagrams(SERVER_HELLO, 0, &answer, 4_096)),
            (false, datagrams(CERTIFICATE, 1, &certificates, 300)),
        ];
        let all = datagrams.into_iter();
        let all = all.flat_map(|(is_client, pieces)| {
            pieces.into_iter().map(move |piece| (is_client, piece))
        });
        let Reading::Done(said) = follow(&all.collect::<Vec<_>>()) else {
            panic!("{version:x}: more is wanted")
        };
        let certificate = said.certificate.unwrap();
        assert_eq!(certificate.issuer.as_deref(), Some("Example Authority"));
        assert_eq!(said.protection, is, "{version:x}");
    }
}

#[test]
fn what_is_encrypted_ends_it() {
    let hello = datagrams(CLIENT_HELLO, 0, &client_hello(&[]), 4_096).remove(0);
    let changed = [record(20, 0, &[1]), record(HANDSHAKE, 1, &[5; 48])].concat();
    for (end, is_over) in [
        (changed, true),
        (record(ALERT, 0, &[FATAL, 40]), true),
        (record(ALERT, 0, &[1, 41]), false),
    ] {
        let reading = follow(&[(true, hello.clone()), (false, end)]);
        assert_eq!(reading != Reading::More, is_over);
    }
}

#[test]
fn a_message_that_comes_too_early_is_taken_when_it_is_repeated() {
    let all = conversation(4_096);
    let order = [0, 1, 2, 4, 3, 4];
    let swapped: Vec<_> = order.iter().map(|at| all[*at].clone()).collect();
    assert_eq!(follow(&swapped), follow(&all));
    assert_eq!(follow(&swapped[..5]), Reading::More);
}

#[test]
fn other_datagrams_do_not_begin_one() {
    let hello = datagrams(CLIENT_HELLO, 0, &client_hello(&[]), 4_096).remove(0);
    assert!(begins(&hello));
    let later = datagrams(CLIENT_HELLO, 0, &client_hello(&[]), 60).remove(1);
    let encrypted = record(HANDSHAKE, 1, &[5; 48]);
    for other in [
        later,
        encrypted,
        record(23, 0, &[1; 40]),
        hello[..20].to_vec(),
        Vec::new(),
    ] {
        assert!(!begins(&other));
    }
}

proptest! {
    /// Noise, and handshakes with noise in them, end within the bounds.
    #[test]
    fn noise_is_bounded(
        place in 0_usize..10_000,
        noise in proptest::collection::vec(any::<u8>(), 0..64),
        bytes_max in 30_usize..300,
    ) {
        let mut all = conversation(bytes_max);
        let at = place % all.len();
        let datagram = &mut all[at].1;
        for (over, byte) in datagram.iter_mut().skip(place % 97).zip(&noise) {
            *over ^= byte;
        }
        let mut handshake = Handshake::default();
        for (is_client, datagram) in all.iter().cycle().take(40) {
            handshake.take(*is_client, datagram);
            prop_assert!(handshake.memory_bytes() <= 2 * (16_384 * 2 + 1_024));
        }
        prop_assert!(handshake.reading(true) != Reading::More);
        let mut alone = Handshake::default();
        alone.take(true, &noise);
        let _ = begins(&noise);
    }
}
