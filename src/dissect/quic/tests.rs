//! The published packets, packets made here, and noise.

#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod headers;
mod vectors;

use proptest::prelude::*;

use super::keys::Keys;
use super::packet::Version;
use super::*;
use crate::dissect::Tls;
use crate::dissect::tls::tests::{modern_answer, modern_hello};
use vectors::{CLIENT_1, CLIENT_2, SERVER_1, SERVER_2, bytes};

const FIRST: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// An Initial of version 1 with keys made of one identifier, to another.
fn initial(is_client: bool, identifier: &[u8], to: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
    let head = [0xc0, 0, 0, 0, 1];
    initial_as(
        head,
        Version::One,
        is_client,
        (identifier, to),
        number,
        payload,
    )
}

/// The same with other first bytes and keys.
fn initial_as(
    first: [u8; 5],
    version: Version,
    is_client: bool,
    (identifier, to): (&[u8], &[u8]),
    number: u8,
    payload: &[u8],
) -> Vec<u8> {
    let keys = Keys::of(version, identifier, is_client).unwrap();
    let mut payload = payload.to_vec();
    payload.resize(payload.len().max(20), PADDING);
    let length = u16::try_from(payload.len() + 17).unwrap() | 0x4000;
    let to_bytes = u8::try_from(to.len()).unwrap();
    let mut head = [&first, &[to_bytes][..], to, &[0, 0]].concat();
    head.extend(length.to_be_bytes());
    head.push(number);
    let sealed = keys.seal(number.into(), &head, &payload);
    let mask = keys.mask(&sealed[3..19]).unwrap();
    let last = head.len() - 1;
    head[0] ^= mask[0] & 0x0f;
    head[last] ^= mask[1];
    [head, sealed].concat()
}

fn crypto(offset: usize, piece: &[u8]) -> Vec<u8> {
    let number = |value: usize| (u32::try_from(value).unwrap() | 0x8000_0000).to_be_bytes();
    [&[CRYPTO][..], &number(offset), &number(piece.len()), piece].concat()
}

fn done(reading: Reading) -> Said {
    match reading {
        Reading::Done(said) => said,
        Reading::More => panic!("more is wanted"),
    }
}

/// What is said after the client's hello and the server's answer of [`modern_answer`].
fn assert_modern(said: &Said) {
    assert_eq!(said.application, Application::Quic);
    assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
    assert!(said.ja4.as_ref().unwrap().starts_with("q13d0508h2_"));
    let tls = said.tls.unwrap();
    assert_eq!(
        (tls.version, tls.suite, tls.group),
        (0x0304, 0x1302, 0x11ec)
    );
    assert_eq!(said.protection, Protection::PostQuantum);
}

#[test]
fn the_published_packets_are_read() {
    for (client, server) in [(CLIENT_1, SERVER_1), (CLIENT_2, SERVER_2)] {
        let (client, server) = (bytes(client), bytes(server));
        assert!(is_initial(&client) && is_initial(&server));
        let mut initials = Initials::default();
        assert_eq!(initials.take(true, &client, Timestamp::ZERO), Reading::More);
        assert_eq!(initials.said().protection, Protection::Strong);
        let said = done(initials.take(false, &server, Timestamp::ZERO));
        assert_eq!(said, initials.said());
        assert_eq!(said.application, Application::Quic);
        assert_eq!(said.server_name.as_deref(), Some("example.com"));
        assert_eq!(said.alpn.as_deref(), Some("alpn"));
        assert!(said.ja4.unwrap().starts_with("q13d0211an_"));
        let tls = Tls {
            version: 0x0304,
            suite: 0x1301,
            group: 0x001d,
            has_encrypted_hello: false,
            is_answered: true,
        };
        assert_eq!(said.tls, Some(tls));
        assert_eq!(said.protection, Protection::Strong);
    }
}

/// A server may answer in another version than the client's (RFC 9368), with keys of the
/// same identifier.
#[test]
fn an_answer_in_another_version_is_read() {
    let mut initials = Initials::default();
    assert_eq!(
        initials.take(true, &bytes(CLIENT_1), Timestamp::ZERO),
        Reading::More
    );
    assert!(
        done(initials.take(false, &bytes(SERVER_2), Timestamp::ZERO))
            .tls
            .unwrap()
            .is_answered
    );
}

/// Of a reserved version, and with the QUIC bit cleared (RFC 9287).
#[test]
fn packets_that_test_what_others_take_are_read() {
    let (hello, answer) = (modern_hello(), modern_answer(0x11ec));
    let plain = [0xc0, 0, 0, 0, 1];
    let reserved = [0xc0, 0x1a, 0x2a, 0xfa, 0x0a];
    let cleared = [0x80, 0, 0, 0, 1];
    for (first, version) in [
        (plain, Version::One),
        (reserved, Version::One),
        (reserved, Version::Draft29),
    ] {
        let ends = |to: &'static [u8]| (&FIRST[..], to);
        let hello = crypto(0, &hello);
        let client = initial_as(first, version, true, ends(&FIRST), 0, &hello);
        let answer = crypto(0, &answer);
        let first = if first == plain { cleared } else { first };
        let server = initial_as(first, version, false, ends(&[7, 7]), 0, &answer);
        assert!(is_initial(&client) && is_initial(&server));
        let mut initials = Initials::default();
        initials.take(true, &client, Timestamp::ZERO);
        assert_modern(&done(initials.take(false, &server, Timestamp::ZERO)));
    }
}

/// What one operator spoke before the standard has keys of its own, other frames, and in one
/// version another hello.
#[test]
fn versions_before_the_standard_are_read() {
    let frame = |message: &[u8]| {
        let mut frame = crypto(0, message);
        frame[0] = OLD_CRYPTO;
        frame
    };
    let name = b"files.example.org";
    let tags = [b"CHLO\x01\0\0\0SNI\0\x11\0\0\0", &name[..]].concat();
    let modern = modern_hello();
    for (letters, version, hello) in [
        (b"Q050", Version::Q050, &tags),
        (b"T050", Version::T050, &modern),
        (b"T051", Version::T051, &modern),
    ] {
        let first = [0xc0, letters[0], letters[1], letters[2], letters[3]];
        let ends = (&FIRST[..], &FIRST[..]);
        let client = initial_as(first, version, true, ends, 0, &frame(hello));
        assert!(begins(&client));
        let mut initials = Initials::default();
        let said = match initials.take(true, &client, Timestamp::ZERO) {
            Reading::Done(said) => said,
            Reading::More => initials.said(),
        };
        assert_eq!(said.application, Application::Quic);
        assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
        // In version 1 such a frame may not stand in an Initial.
        let client = initial(true, &FIRST, &FIRST, 0, &frame(hello));
        let mut initials = Initials::default();
        initials.take(true, &client, Timestamp::ZERO);
        assert_eq!(initials.said().server_name, None);
    }
}

/// A header that other protocols may have is not enough.
#[test]
fn what_is_no_sure_sign_must_be_opened() {
    for (place, bytes_there) in [(0, &[0x80][..]), (1, &[0x0a; 4])] {
        let mut changed = bytes(CLIENT_1);
        changed[place..][..bytes_there.len()].copy_from_slice(bytes_there);
        assert!(is_initial(&changed));
        let mut initials = Initials::default();
        initials.take(true, &changed, Timestamp::ZERO);
        assert_eq!(initials.said(), Said::default());
    }
}

#[test]
fn a_packet_of_the_other_side_is_not() {
    let mut initials = Initials::default();
    assert_eq!(
        initials.take(false, &bytes(CLIENT_1), Timestamp::ZERO),
        Reading::More
    );
    assert_eq!(
        initials.take(true, &bytes(SERVER_1), Timestamp::ZERO),
        Reading::More
    );
    let said = initials.said();
    assert_eq!((said.application, said.tls), (Application::Quic, None));
}

#[test]
fn hellos_come_in_pieces_in_any_order() {
    let hello = modern_hello();
    let (low, high) = hello.split_at(700);
    let mixed = [
        crypto(900, &hello[900..1_000]),
        vec![PADDING; 9],
        vec![ACK_ECN, 5, 0, 1, 0, 3, 2, 7, 7, 7, PING],
        crypto(1_000, &hello[1_000..]),
        vec![],
        crypto(700, &hello[700..900]),
    ];
    let second = initial(true, &FIRST, &FIRST, 1, &mixed.concat());
    let first = initial(true, &FIRST, &FIRST, 0, &crypto(0, low));
    let answer = modern_answer(0x11ec);
    let answer = initial(
        false,
        &FIRST,
        &[1, 2],
        0,
        &[vec![ACK, 0, 0, 0, 0], crypto(0, &answer)].concat(),
    );
    assert_eq!(low.len() + high.len(), hello.len());
    let mut initials = Initials::default();
    assert_eq!(initials.take(true, &second, Timestamp::ZERO), Reading::More);
    assert_eq!(initials.take(true, &first, Timestamp::ZERO), Reading::More);
    assert_modern(&done(initials.take(false, &answer, Timestamp::ZERO)));
}

#[test]
fn packets_stand_together_in_a_datagram() {
    let hello = modern_hello();
    let first = initial(true, &FIRST, &FIRST, 0, &crypto(0, &hello[..500]));
    let second = initial(true, &FIRST, &FIRST, 1, &crypto(500, &hello[500..]));
    // A Handshake packet between them, and a short header behind.
    let mut other = vec![0xe5, 0, 0, 0, 1, 1, 9, 0, 0x40, 60];
    other.extend([0xcc; 60]);
    let datagram = [&first[..], &other, &second, &[0x41; 30]].concat();
    let mut initials = Initials::default();
    assert_eq!(
        initials.take(true, &datagram, Timestamp::ZERO),
        Reading::More
    );
    let answer = initial(false, &FIRST, &[], 0, &crypto(0, &modern_answer(0x11ec)));
    assert_modern(&done(initials.take(false, &answer, Timestamp::ZERO)));
}

#[test]
fn after_a_retry_the_keys_are_new() {
    let hello = crypto(0, &modern_hello());
    let mut initials = Initials::default();
    assert_eq!(
        initials.take(
            true,
            &initial(true, &FIRST, &FIRST, 0, &hello),
            Timestamp::ZERO
        ),
        Reading::More
    );
    let retry = bytes("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    assert!(!is_initial(&retry));
    assert_eq!(initials.take(false, &retry, Timestamp::ZERO), Reading::More);
    let chosen = [0xf0, 0x67, 0xa5];
    assert_eq!(
        initials.take(
            true,
            &initial(true, &chosen, &chosen, 1, &hello),
            Timestamp::ZERO
        ),
        Reading::More
    );
    let answer = crypto(0, &modern_answer(0x11ec));
    assert_modern(&done(initials.take(
        false,
        &initial(false, &chosen, &[], 0, &answer),
        Timestamp::ZERO,
    )));
}

#[test]
fn the_answer_to_the_first_hello_is_timed() {
    let at = |millis: u64| Timestamp::from_nanos(millis * 1_000_000);
    let (hello, answer) = (
        crypto(0, &modern_hello()),
        crypto(0, &modern_answer(0x11ec)),
    );
    let first = initial(true, &FIRST, &FIRST, 0, &hello);
    let answered = initial(false, &FIRST, &[], 0, &answer);
    let chosen = [0xf0, 0x67, 0xa5];
    let second = initial(true, &chosen, &chosen, 1, &hello);
    let answered_second = initial(false, &chosen, &[], 0, &answer);
    for (datagrams, expected) in [
        (
            vec![(true, &first, 1_000), (false, &answered, 1_030)],
            Some(30),
        ),
        // Which one is answered is not known.
        (
            vec![
                (true, &first, 1_000),
                (true, &first, 1_020),
                (false, &answered, 1_030),
            ],
            Some(30),
        ),
        // Behind a Retry the second one is.
        (
            vec![
                (true, &first, 1_000),
                (true, &second, 1_020),
                (false, &answered_second, 1_030),
            ],
            Some(10),
        ),
        // A clock that went back tells nothing.
        (vec![(true, &first, 1_000), (false, &answered, 1_000)], None),
        (vec![(false, &answered, 1_000), (true, &first, 1_010)], None),
    ] {
        let mut initials = Initials::default();
        for (is_client, datagram, millis) in datagrams {
            initials.take(is_client, datagram, at(millis));
        }
        let millis = initials.answered_nanos().map(|nanos| nanos / 1_000_000);
        assert_eq!(millis, expected);
    }
}

#[test]
fn the_clients_later_packets_have_the_first_keys() {
    let hello = modern_hello();
    let mut initials = Initials::default();
    let (low, high) = (crypto(0, &hello[..500]), crypto(500, &hello[500..]));
    assert_eq!(
        initials.take(
            true,
            &initial(true, &FIRST, &FIRST, 0, &low),
            Timestamp::ZERO
        ),
        Reading::More
    );
    assert_eq!(
        initials.take(
            true,
            &initial(true, &FIRST, &[7; 20], 1, &high),
            Timestamp::ZERO
        ),
        Reading::More
    );
    assert_eq!(
        initials.said().server_name.as_deref(),
        Some("files.example.org")
    );
}

#[test]
fn it_ends_after_some_datagrams() {
    let hello = initial(true, &FIRST, &FIRST, 0, &crypto(0, &modern_hello()));
    let mut initials = Initials::default();
    for _ in 1..DATAGRAMS_MAX {
        assert_eq!(initials.take(true, &hello, Timestamp::ZERO), Reading::More);
    }
    let said = done(initials.take(true, &hello, Timestamp::ZERO));
    assert_eq!(said.protection, Protection::Strong);
    assert!(!said.tls.unwrap().is_answered);
    let mut nothing = Initials::default();
    for _ in 1..DATAGRAMS_MAX {
        assert_eq!(
            nothing.take(true, &[0x55; 1_200], Timestamp::ZERO),
            Reading::More
        );
    }
    assert_eq!(
        nothing.take(true, &[0x55; 1_200], Timestamp::ZERO),
        Reading::Done(Said::default())
    );
}

#[test]
fn it_is_bounded() {
    let mut initials = Initials::default();
    for step in 0..100 {
        let pieces: Vec<u8> = (0..100)
            .flat_map(|at| crypto(at * 37 + step * 211, b"?"))
            .collect();
        let packet = initial(true, &FIRST, &FIRST, 0, &pieces);
        initials.take(true, &packet, Timestamp::ZERO);
    }
    assert!(initials.memory_bytes() <= 3 * PREFIX_BYTES_MAX);
    let many = bytes(SERVER_1).repeat(400);
    initials.take(false, &many, Timestamp::ZERO);
}

#[test]
fn frames_end_where_they_make_no_sense() {
    let piece = crypto(3, b"abc");
    let expected = vec![(3, &b"abc"[..])];
    for (frames, pieces) in [
        (vec![], vec![]),
        (vec![0; 50], vec![]),
        (
            [&piece[..], &[0x1c, 0, 6, 2, 9, 9]].concat(),
            expected.clone(),
        ),
        (
            [&[0x1c, 0, 6, 2, 9, 9][..], &piece].concat(),
            expected.clone(),
        ),
        ([&piece[..], &[0x08, 1]].concat(), expected.clone()),
        ([&[0x08, 1][..], &piece].concat(), vec![]),
        (piece[..piece.len() - 1].to_vec(), vec![]),
        ([&[ACK, 0, 0, 0xff, 0xff][..], &[0xff; 90]].concat(), vec![]),
        (crypto(PREFIX_BYTES_MAX, b"abc"), vec![]),
    ] {
        assert_eq!(crypto_frames(&frames, false), pieces);
    }
}
