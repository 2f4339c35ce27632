//! Hellos built byte by byte, every cut of them, and noise.

#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod cuts;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::hello::RETRY_RANDOM;
use super::*;

fn sized8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

fn sized16(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

fn numbers(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &sized16(data)[..]].concat()
}

fn name(host: &[u8]) -> Vec<u8> {
    extension(0, &sized16(&[&[0], &sized16(host)[..]].concat()))
}

fn protocols(names: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|name| sized8(name)).collect();
    extension(16, &sized16(&list))
}

fn client_hello(version: u16, suites: &[u16], extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &[7; 32], &sized8(&[9; 32])].concat();
    body.extend(sized16(&numbers(suites)));
    body.extend(sized8(&[0]));
    if !extensions.is_empty() {
        body.extend(sized16(&extensions.concat()));
    }
    message(CLIENT_HELLO, &body)
}

fn server_hello(version: u16, random: [u8; 32], suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&version.to_be_bytes()[..], &random, &sized8(&[9; 32])].concat();
    body.extend(suite.to_be_bytes());
    body.push(0);
    if !extensions.is_empty() {
        body.extend(sized16(&extensions.concat()));
    }
    message(SERVER_HELLO, &body)
}

/// Records of up to so many bytes.
fn records(kind: u8, version: u16, content: &[u8], bytes_max: usize) -> Vec<u8> {
    let piece = |piece: &[u8]| [&[kind], &version.to_be_bytes()[..], &sized16(piece)].concat();
    content.chunks(bytes_max).flat_map(piece).collect()
}

fn handshake(content: &[u8]) -> Vec<u8> {
    records(HANDSHAKE, 0x0303, content, 4_096)
}

/// A hello as browsers send it, for TLS and for QUIC.
pub(in crate::dissect) fn modern_hello() -> Vec<u8> {
    let shares = [&numbers(&[0x11ec])[..], &sized16(&[5; 1_216])].concat();
    client_hello(
        0x0303,
        &[0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f],
        &[
            extension(0x4a4a, &[]),
            name(b"Files.Example.org"),
            extension(0x1234, &[1; 40]),
            extension(10, &sized16(&numbers(&[0x11ec, 0x001d]))),
            protocols(&[b"\x1a\x1a", b"h2", b"http/1.1"]),
            extension(13, &sized16(&numbers(&[0x0403, 0x0804]))),
            extension(43, &sized8(&numbers(&[0x5a5a, 0x0304, 0x0303]))),
            extension(51, &sized16(&shares)),
            extension(0xfe0d, &[0; 186]),
        ],
    )
}

/// The answer of TLS 1.3 with a group.
pub(in crate::dissect) fn modern_answer(group: u16) -> Vec<u8> {
    let share = [&numbers(&[group])[..], &sized16(&[6; 1_120])].concat();
    let extensions = [extension(43, &[3, 4]), extension(51, &share)];
    server_hello(0x0303, [8; 32], 0x1302, &extensions)
}

fn encrypted() -> Vec<u8> {
    let changed = records(CHANGE_CIPHER_SPEC, 0x0303, &[1], 1);
    [
        changed,
        records(APPLICATION_DATA, 0x0303, &[0xc5; 700], 300),
    ]
    .concat()
}

/// Both directions of a conversation, and what is agreed in it.
struct Conversation {
    client: Vec<u8>,
    server: Vec<u8>,
    tls: Tls,
    protection: Protection,
}

fn conversation(
    client: Vec<u8>,
    server: Vec<u8>,
    numbers: [u16; 3],
    is: Protection,
) -> Conversation {
    let [version, suite, group] = numbers;
    Conversation {
        client,
        server,
        tls: Tls {
            version,
            suite,
            group,
            has_encrypted_hello: false,
            is_answered: true,
        },
        protection: is,
    }
}

/// TLS 1.3: with a group of two kinds, at once and after a request to try again.
fn modern_conversations() -> Vec<Conversation> {
    let client = [handshake(&modern_hello()), encrypted()].concat();
    let server = [handshake(&modern_answer(0x11ec)), encrypted()].concat();
    let numbers = [0x0304, 0x1302, 0x11ec];
    let quantum = conversation(client, server, numbers, Protection::PostQuantum);

    let again = [extension(43, &[3, 4]), extension(51, &[0, 0x1d])];
    let again = handshake(&server_hello(0x0303, RETRY_RANDOM, 0x1302, &again));
    let changed = records(CHANGE_CIPHER_SPEC, 0x0303, &[1], 1);
    let hello = handshake(&modern_hello());
    let client = [&hello[..], &changed, &hello, &encrypted()].concat();
    let server = [again, changed, handshake(&modern_answer(0x1d)), encrypted()].concat();
    let numbers = [0x0304, 0x1302, 0x001d];
    let retried = conversation(client, server, numbers, Protection::Strong);

    let mut both = vec![quantum, retried];
    for conversation in &mut both {
        conversation.tls.has_encrypted_hello = true;
    }
    both
}

/// Certificates of [`super::super::certificate`]'s tests.
const SHARED: &[u8] = include_bytes!("../certificate/shared.der");
const WEAK: &[u8] = include_bytes!("../certificate/weak.der");

/// A message with a server's certificate, and long ones of who issued it.
fn chain(own: &[u8]) -> Vec<u8> {
    let sized24 = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let all = [sized24(own), sized24(&[0x30; 5_000])].concat();
    message(CERTIFICATE, &sized24(&all))
}

#[test]
fn the_certificate_is_read_as_soon_as_it_is_whole() {
    let hello = client_hello(0x0303, &[0xc02f, 0x009c], &[name(b"files.example.org")]);
    for (suite, group) in [(0x009c, 0), (0xc02f, 0)] {
        let chosen = server_hello(0x0303, [8; 32], suite, &[]);
        let server = handshake(&[chosen, chain(SHARED)].concat());
        let said = done(read(&handshake(&hello), &server[..2_000], true));
        assert_eq!(said.tls.map(|tls| tls.group), Some(group));
        let certificate = said.certificate.unwrap();
        assert_eq!(certificate.name.as_deref(), Some("*.example.org"));
        assert!(!certificate.is_of_other_name);
        assert_eq!(said.protection, Protection::Standard);
        // Nothing is waited for where no group is named behind it.
        let reading = read(&handshake(&hello), &server[..2_000], false);
        assert_eq!(reading == Reading::More, suite == 0xc02f);
    }
    let chosen = server_hello(0x0303, [8; 32], 0x009c, &[]);
    let server = handshake(&[chosen, chain(WEAK)].concat());
    let said = done(read(&handshake(&hello), &server, false));
    assert_eq!(said.protection, Protection::Weak);
    assert!(said.certificate.unwrap().is_of_other_name);
}

#[test]
fn a_client_that_shows_a_certificate_is_not_read() {
    let hello = client_hello(0x0303, &[0x009c], &[]);
    let client = handshake(&[hello, chain(WEAK)].concat());
    let chosen = server_hello(0x0303, [8; 32], 0x009c, &[]);
    let server = handshake(&[chosen, message(SERVER_HELLO_DONE, &[])].concat());
    assert_eq!(done(read(&client, &server, true)).certificate, None);
}

/// TLS 1.2 and what came before it.
fn older_conversations() -> Vec<Conversation> {
    let named = client_hello(
        0x0303,
        &[0xc02f, 0x002f],
        &[name(b"a.b"), protocols(&[b"x"])],
    );
    let client = [handshake(&named), encrypted()].concat();
    let chosen = server_hello(0x0303, [8; 32], 0xc02f, &[protocols(&[b"http/1.1"])]);
    let certificates = chain(SHARED);
    let exchange = message(
        SERVER_KEY_EXCHANGE,
        &[&[3, 0, 0x1d, 32][..], &[1; 104]].concat(),
    );
    let done = message(SERVER_HELLO_DONE, &[]);
    let whole = [&chosen[..], &certificates, &exchange, &done].concat();
    let whole = [handshake(&whole), encrypted()].concat();
    let numbers = [0x0303, 0xc02f, 0x001d];
    let full = conversation(client.clone(), whole, numbers, Protection::Standard);

    let resumed = [handshake(&chosen), encrypted()].concat();
    let numbers = [0x0303, 0xc02f, 0];
    let resumed = conversation(client.clone(), resumed, numbers, Protection::Standard);

    let warning = records(ALERT, 0x0303, &[WARNING, 112], 2);
    let chosen = server_hello(0x0301, [8; 32], 0x0035, &[]);
    let chosen = [chosen, chain(WEAK)].concat();
    let server = [warning, records(HANDSHAKE, 0x0301, &chosen, 4_096)].concat();
    let numbers = [0x0301, 0x0035, 0];
    let weak = conversation(client, server, numbers, Protection::Weak);

    let hello = client_hello(0x0101, &[0xe013, 0xe011], &[]);
    let client = records(HANDSHAKE, 0x0101, &hello, 4_096);
    let chosen = server_hello(0x0101, [8; 32], 0xe013, &[]);
    let server = records(HANDSHAKE, 0x0101, &[chosen, chain(WEAK)].concat(), 4_096);
    let numbers = [0x0101, 0xe013, 0];
    let national = conversation(client, server, numbers, Protection::National);
    vec![full, resumed, weak, national]
}

/// Clients that begin as with SSL 2.0; the second server knows nothing else.
fn oldest_conversations() -> Vec<Conversation> {
    let old_client = |version: u16| {
        let suites = [1, 0, 0x80, 0, 0, 0x2f, 0, 0, 5];
        let head = [&[CLIENT_HELLO][..], &numbers(&[version, 9, 0, 16])].concat();
        let body = [&head[..], &suites, &[3; 16]].concat();
        [&[0x80, u8::try_from(body.len()).unwrap()], &body[..]].concat()
    };
    let chosen = server_hello(0x0300, [8; 32], 0x0005, &[]);
    let chosen = [chosen, message(SERVER_HELLO_DONE, &[])].concat();
    let server = records(HANDSHAKE, 0x0300, &chosen, 4_096);
    let numbers = [0x0300, 0x0005, 0];
    let upgraded = conversation(old_client(0x0301), server, numbers, Protection::Weak);

    let body = [
        &[OLD_SERVER_HELLO, 0, 1, 0, 2, 0, 0, 0, 0, 0, 16][..],
        &[4; 16],
    ]
    .concat();
    let server = [&[0x80, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    let numbers = [0x0002, 0, 0];
    let pure = conversation(old_client(0x0002), server, numbers, Protection::Weak);
    vec![upgraded, pure]
}

fn conversations() -> Vec<Conversation> {
    let mut all = modern_conversations();
    all.extend(older_conversations());
    all.extend(oldest_conversations());
    all
}

fn done(reading: Reading) -> Said {
    match reading {
        Reading::Done(said) => said,
        Reading::More => panic!("more is wanted"),
    }
}

#[test]
fn conversations_say_what_was_agreed() {
    for (place, it) in conversations().iter().enumerate() {
        for is_over in [false, true] {
            let said = done(read(&it.client, &it.server, is_over));
            assert_eq!(said.application, Application::Tls, "{place}");
            assert_eq!(said.tls, Some(it.tls), "{place}");
            assert_eq!(said.protection, it.protection, "{place}");
        }
    }
}

#[test]
fn names_are_those_of_the_client_and_the_protocol_that_of_the_server() {
    let modern = &modern_conversations()[0];
    let said = done(read(&modern.client, &modern.server, false));
    assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
    assert_eq!(said.alpn.as_deref(), Some("h2"));
    assert!(said.ja4.unwrap().starts_with("t13d0508h2_"));
    let older = &older_conversations()[0];
    let said = done(read(&older.client, &older.server, false));
    assert_eq!(said.server_name.as_deref(), Some("a.b"));
    assert_eq!(said.alpn.as_deref(), Some("http/1.1"));
    assert!(said.ja4.unwrap().starts_with("t12d0202xx_"));
    let oldest = &oldest_conversations()[0];
    let said = done(read(&oldest.client, &oldest.server, false));
    assert_eq!((said.server_name, said.ja4, said.alpn), (None, None, None));
}

#[test]
fn a_hello_without_an_answer_says_what_is_offered() {
    let client = handshake(&modern_hello());
    assert_eq!(read(&client, &[], false), Reading::More);
    let refused = records(ALERT, 0x0303, &[FATAL, 40], 2);
    for (server, is_over) in [
        (&b""[..], true),
        (&refused, false),
        (b"HTTP/1.1 400 Bad Request\r\n", false),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", false),
    ] {
        let said = done(read(&client, server, is_over));
        let tls = said.tls.unwrap();
        assert_eq!(
            (tls.version, tls.suite, tls.is_answered),
            (0x0304, 0, false)
        );
        assert_eq!(said.protection, Protection::Unseen);
        assert!(said.ja4.is_some());
    }
    let old = handshake(&client_hello(0x0301, &[0x002f], &[]));
    assert_eq!(done(read(&old, &[], true)).protection, Protection::Weak);
}

#[test]
fn what_is_not_tls_is_unknown_at_once() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01\x00\x00\x01",
        b"\x16\x02\x01\x00\x05\x01",
        b"\x16\x03\x03\xff\xff\x01",
        b"\x16\x03\x03\x00\x50\x77",
        b"\x80\x2e\x01\x03\x01\x00\x16\x00\x00\x00\x0f",
        b"\x80\x2e\x09",
    ] {
        assert_eq!(begins(bytes), Some(false));
        assert_eq!(read(bytes, &[], false), Reading::Done(Said::default()));
    }
    for bytes in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x02\x00",
        b"\x80\x2e\x01\x03\x01",
    ] {
        assert_eq!(begins(bytes), None);
        assert_eq!(read(bytes, &[], false), Reading::More);
        assert_eq!(read(bytes, &[], true), Reading::Done(Said::default()));
    }
}

#[test]
fn one_direction_alone_and_the_middle_are_known_for_tls() {
    let modern = &modern_conversations()[0];
    let said = done(read(&[], &modern.server, true));
    assert_eq!(said.application, Application::Tls);
    assert_eq!(said.protection, Protection::PostQuantum);
    assert_eq!(said.server_name, None);
    let middle = records(APPLICATION_DATA, 0x0303, &[0xa7; 900], 500);
    let said = done(read(&middle, &middle, false));
    assert_eq!(said.application, Application::Tls);
    assert_eq!((said.tls, said.protection), (None, Protection::Unseen));
}

#[test]
fn half_a_hello_says_what_stands_in_it() {
    let client = handshake(&modern_hello());
    let said = done(read(&client[..300], &[], true));
    assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
    assert_eq!(said.ja4, None, "the rest of it would count");
    // One that never ends, although it begins well.
    let endless = message(CLIENT_HELLO, &[&client[9..300], &vec![0; 60_000]].concat());
    let endless = handshake(&endless);
    assert_eq!(
        read(&endless[..PREFIX_BYTES_MAX - 1], &[], false),
        Reading::More
    );
    let said = done(read(&endless[..PREFIX_BYTES_MAX], b"no TLS", false));
    assert_eq!(said.server_name.as_deref(), Some("files.example.org"));
}

#[test]
fn malformed_extensions_do_not_hide_the_others() {
    let hello = client_hello(
        0x0303,
        &[0x1301],
        &[
            extension(0, &[0xff; 3]),
            extension(13, &[9]),
            extension(43, &[]),
            extension(16, &[0, 9, 9]),
            name(b"x.example"),
            extension(0xffce, &[1]),
            protocols(&[b"h3"]),
            extension(23, &[1, 2, 3]),
        ],
    );
    let said = done(read(&handshake(&hello), &[], true));
    assert_eq!(said.server_name.as_deref(), Some("x.example"));
    assert_eq!(said.alpn.as_deref(), Some("h3"));
    assert!(said.ja4.unwrap().starts_with("t12d0108h3_"));
    assert_eq!(said.tls.unwrap().version, 0x0303);
}

#[test]
fn a_shared_key_puts_its_hint_before_the_group() {
    let hello = ServerHello {
        version: 0x0303,
        suite: 0xc037,
        ..ServerHello::default()
    };
    assert!(hello.has_late_group());
    assert_eq!(hello.late_group(&[0, 2, 9, 9, 3, 0, 0x17, 65]), Some(0x17));
    assert_eq!(hello.late_group(&[0, 2, 9, 9, 1, 0, 0x17, 65]), None);
    assert_eq!(hello.late_group(&[0, 20, 9, 9]), None);
}

#[test]
fn the_random_of_a_request_to_try_again_is_a_hash() {
    assert_eq!(RETRY_RANDOM, *Sha256::digest(b"HelloRetryRequest"));
}
