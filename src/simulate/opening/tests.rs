//! Every beginning, read back by the dissectors.

use std::net::IpAddr;

use super::*;
use crate::dissect::{
    Application, Hellos, Protection, Reading, Said, answers, stream_without_classes,
};
use crate::time::Timestamp;

const NAME: &str = "files.example.org";

fn said(protocol: Protocol, room: [u64; 2]) -> Vec<Message> {
    let opening = Opening::new(protocol, NAME.into(), None);
    opening.messages(room, &mut Chance::new(1, "test"))
}

fn side(messages: &[Message], role: Role) -> Vec<u8> {
    let own = messages.iter().filter(|message| message.role == role);
    own.flat_map(|message| message.bytes.clone()).collect()
}

/// What a stream says that begins so and goes on with what is not captured.
fn read(messages: &[Message], port: u16) -> Said {
    let [client, server] = [Role::Client, Role::Server].map(|role| side(messages, role));
    match stream_without_classes(&client, &server, [40_000, port], false) {
        Reading::Done(said) => said,
        Reading::More => panic!("more is wanted"),
    }
}

#[test]
fn every_stream_is_read_back() {
    use Protocol::{Ftp, Http, PostQuantum, Smtp, SmtpStartTls, Ssh, Tls10, Tls12, Tls13};
    for (protocol, port, application, protection, has_name) in [
        (Tls10, 443, Application::Tls, Protection::Weak, true),
        (Tls12, 443, Application::Tls, Protection::Standard, true),
        (Tls13, 443, Application::Tls, Protection::Strong, true),
        (
            PostQuantum,
            443,
            Application::Tls,
            Protection::PostQuantum,
            true,
        ),
        (Http, 80, Application::Http, Protection::Clear, true),
        (Ssh, 22, Application::Ssh, Protection::Strong, false),
        (Smtp, 25, Application::Smtp, Protection::Clear, true),
        (
            SmtpStartTls,
            587,
            Application::Smtp,
            Protection::Strong,
            true,
        ),
        (Ftp, 21, Application::Ftp, Protection::Clear, false),
    ] {
        let messages = said(protocol, [5_000, 900]);
        let said = read(&messages, port);
        assert_eq!(said.application, application, "{protocol:?}");
        assert_eq!(said.protection, protection, "{protocol:?}");
        let name = has_name.then_some(NAME);
        assert_eq!(said.server_name.as_deref(), name, "{protocol:?}");
        // Where only the first bytes were seen, none of it may mislead.
        let first = [Role::Client, Role::Server].map(|role| side(&messages[..1], role));
        let early = stream_without_classes(&first[0], &first[1], [40_000, port], true);
        let Reading::Done(early) = early else {
            panic!("it is over")
        };
        let known = [application, Application::Unknown];
        assert!(known.contains(&early.application), "{protocol:?} {early:?}");
    }
}

#[test]
fn hellos_have_numbers_and_fingerprints() {
    for (protocol, version, suite, group, ja4) in [
        (Protocol::Tls10, 0x0301, 0x002f, 0, "t10d07"),
        (Protocol::Tls12, 0x0303, 0xc02f, 0x001d, "t12d07"),
        (Protocol::Tls13, 0x0304, 0x1301, 0x001d, "t13d09"),
        (Protocol::PostQuantum, 0x0304, 0x1301, 0x11ec, "t13d09"),
    ] {
        let said = read(&said(protocol, [5_000, 900]), 443);
        let tls = said.tls.unwrap();
        assert_eq!((tls.version, tls.suite, tls.group), (version, suite, group));
        assert!(tls.is_answered);
        assert!(said.ja4.unwrap().starts_with(ja4), "{protocol:?}");
        let protocol_of_web = (protocol != Protocol::Tls10).then_some("h2");
        assert_eq!(said.alpn.as_deref(), protocol_of_web);
    }
}

/// So that a sensor has to put it together from two segments.
#[test]
fn a_post_quantum_hello_is_longer_than_a_segment() {
    let messages = said(Protocol::PostQuantum, [5_000, 900]);
    let lengths: Vec<usize> = messages.iter().map(|message| message.bytes.len()).collect();
    assert!((1_449..1_900).contains(&lengths[0]), "{lengths:?}");
    assert!((1_120..1_428).contains(&lengths[1]), "{lengths:?}");
    assert!(said(Protocol::Tls13, [5_000, 900])[0].bytes.len() < 400);
}

#[test]
fn quic_is_read_back() {
    let messages = said(Protocol::Quic, [5_000, 5_000]);
    let [client, server] = &messages[..] else {
        panic!("two datagrams")
    };
    assert_eq!((client.bytes.len(), server.bytes.len()), (1_200, 1_200));
    let mut hellos = Hellos::begin(&client.bytes).unwrap();
    assert_eq!(
        hellos.take(true, &client.bytes, Timestamp::ZERO),
        Reading::More
    );
    let Reading::Done(said) = hellos.take(false, &server.bytes, Timestamp::ZERO) else {
        panic!("both hellos are there")
    };
    assert_eq!(said.application, Application::Quic);
    assert_eq!(said.protection, Protection::Strong);
    assert_eq!(said.server_name.as_deref(), Some(NAME));
    assert_eq!(said.alpn.as_deref(), Some("h3"));
    assert!(said.ja4.unwrap().starts_with("q13d0308h3"));
}

#[test]
fn what_is_uploaded_in_the_clear_is_as_long_as_is_said() {
    for sent in [400, 1_234, 9_999, 10_200, 100_000, 8_000_000_000] {
        let messages = said(Protocol::Http, [sent, 100]);
        let head = String::from_utf8(side(&messages, Role::Client)).unwrap();
        let length = head.split("Content-Length: ").nth(1).unwrap();
        let length: u64 = length.split("\r\n").next().unwrap().parse().unwrap();
        let missing = sent - length - head.len() as u64;
        // A length that gains a digit by its own digits cannot be met.
        assert!(missing <= 1, "{sent}: {head}");
    }
    let asked = side(&said(Protocol::Http, [200, 9_000]), Role::Client);
    assert!(asked.starts_with(b"GET /"));
}

#[test]
fn questions_are_as_long_as_what_is_sent() {
    let addresses: Vec<IpAddr> = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let question = Question {
        name: NAME.into(),
        addresses: addresses.clone(),
    };
    let opening = Opening::new(Protocol::Dns, "".into(), Some(&[question].into()));
    let shortest = 12 + NAME.len() as u64 + 6;
    let mut silent = 0;
    for sent in 20..1_400 {
        let received = sent * 2;
        let messages = opening.messages([sent, received], &mut Chance::new(sent, "test"));
        let [asked, answered] = &messages[..] else {
            silent += 1;
            assert!(sent < shortest || sent == shortest + 1, "{sent}");
            continue;
        };
        assert_eq!(asked.bytes.len() as u64, sent.min(1_232));
        let read = answers(&asked.bytes).unwrap();
        assert!(
            !read.is_response && read.shown_name().ends_with(NAME),
            "{}",
            read.shown_name()
        );
        let answer = answers(&answered.bytes).unwrap();
        assert!(answer.is_response && answer.name == read.name);
        assert_eq!(answer.addresses.len(), 2);
        assert!(
            addresses
                .iter()
                .all(|address| answer.addresses.contains(address))
        );
        let length = answered.bytes.len() as u64;
        let least = shortest + 14 + 16 + 28;
        assert!(
            (least.min(received)..=least.max(received) + 15).contains(&length),
            "{sent}"
        );
    }
    assert_eq!(silent, shortest + 1 - 20);
    assert_eq!(opening.sent_bytes_min(), shortest);
}

#[test]
fn a_client_without_questions_asks_nothing() {
    assert!(said(Protocol::Dns, [60, 200]).is_empty());
    assert!(said(Protocol::None, [60, 200]).is_empty());
}

#[test]
fn the_same_chance_says_the_same() {
    for (name, protocol) in NAMES {
        let opening = Opening::new(protocol, NAME.into(), None);
        let say = |seed| opening.messages([5_000, 900], &mut Chance::new(seed, "test"));
        assert_eq!(say(1), say(1), "{name}");
        assert!(say(1) != say(2) || say(1).is_empty(), "{name}");
        assert_eq!(Protocol::try_from(name.to_owned()), Ok(protocol));
        assert_eq!(protocol.name(), name);
    }
}

#[test]
fn a_port_says_what_is_usual() {
    for (is_tcp, port, protocol) in [
        (true, 443, Protocol::Tls13),
        (true, 80, Protocol::Http),
        (true, 22, Protocol::Ssh),
        (true, 25, Protocol::Smtp),
        (true, 445, Protocol::None),
        (false, 53, Protocol::Dns),
        (false, 443, Protocol::Quic),
        (false, 8_801, Protocol::None),
    ] {
        let service = Service { is_tcp, port };
        assert_eq!(Protocol::usual(service), protocol);
        assert!(protocol.fits(service));
    }
    let tunnel = Service {
        is_tcp: false,
        port: 22,
    };
    assert!(!Protocol::Ssh.fits(tunnel) && Protocol::Quic.fits(tunnel));
}
