use super::super::stream;
use super::*;

/// A unit of TPKT and X.224 with options.
fn unit(kind: u8, options: &[u8]) -> Vec<u8> {
    let length = 11 + options.len();
    let header = [
        3,
        0,
        0,
        length as u8,
        (length - 5) as u8,
        kind,
        0,
        0,
        0,
        0,
        0,
    ];
    [&header[..], options].concat()
}

fn negotiation(kind: u8, protocol: u8) -> [u8; 8] {
    [kind, 0, 8, 0, protocol, 0, 0, 0]
}

fn told(client: &[u8], server: &[u8]) -> (Application, Protection) {
    match stream(client, server, [40_000, 3389], true) {
        Reading::Done(said) => (said.application, said.protection),
        Reading::More => panic!("it is over"),
    }
}

const HELLO: &[u8] = b"\x16\x03\x01\0\x04\x01\0\0\0";

#[test]
fn the_answer_picks_the_security_of_a_desktop() {
    let cookie = b"Cookie: mstshash=me\r\n";
    let request = unit(
        CONNECTION_REQUEST,
        &[&cookie[..], &negotiation(1, 3)].concat(),
    );
    let answer = |kind, protocol| unit(CONNECTION_CONFIRM, &negotiation(kind, protocol));
    let rdp = |protection| (Application::Rdp, protection);
    assert_eq!(told(&request, &answer(2, 0)), rdp(Protection::Weak));
    assert_eq!(
        told(&request, &unit(CONNECTION_CONFIRM, b"")),
        rdp(Protection::Weak)
    );
    assert_eq!(told(&request, &answer(3, 2)), rdp(Protection::Unseen));
    assert_eq!(told(&request, b""), rdp(Protection::Unseen));
    let encrypted = [&request[..], HELLO].concat();
    let served = [&answer(2, 2)[..], HELLO].concat();
    assert_eq!(told(&encrypted, &served).0, Application::Rdp);
    assert_ne!(told(&encrypted, &served), rdp(Protection::Weak));
    assert_eq!(
        told(&served, &encrypted),
        told(&encrypted, &served),
        "exchanged roles"
    );
    assert_eq!(stream(&request, b"", [1, 3389], false), Reading::More);
}

#[test]
fn requests_of_others_are_no_desktop() {
    // A controller of machines: addresses of its own behind the same header.
    let other = unit(
        CONNECTION_REQUEST,
        b"\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02",
    );
    assert_ne!(told(&other, b"").0, Application::Rdp);
    let bare = unit(CONNECTION_REQUEST, b"");
    assert_eq!(told(&bare, b"").0, Application::Rdp, "by its port");
    let correlated = [&negotiation(1, 11)[..], &[6, 0, 36, 0], &[1; 32]].concat();
    assert_eq!(
        told(&unit(CONNECTION_REQUEST, &correlated), b"").0,
        Application::Rdp
    );
}

/// A message of a version with a command.
fn message(first: u8, command: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 68, first, b'S', b'M', b'B'];
    bytes.resize(72, 0);
    let place = if first == 0xfe { 16 } else { 8 };
    bytes[place] = command;
    bytes
}

#[test]
fn file_sharing_is_clear_unless_it_is_transformed() {
    let told = |messages: &[Vec<u8>]| told(&messages.concat(), b"");
    let negotiate = message(0xfe, 0);
    let clear = (Application::Smb, Protection::Clear);
    assert_eq!(told(&[message(0xff, 0x72), message(0xff, 0x2e)]), clear);
    assert_eq!(told(std::slice::from_ref(&negotiate)), clear);
    assert_eq!(told(&[negotiate.clone(), message(0xfe, 9)]), clear);
    let encrypted = (Application::Smb, Protection::Standard);
    assert_eq!(
        told(&[negotiate.clone(), message(0xfe, 1), message(0xfd, 0)]),
        encrypted
    );
    let session = [&[0x81, 0, 0, 68][..], &[b'A'; 68]].concat();
    assert_eq!(
        told(&[session, message(0xff, 0x72), message(0xff, 0xa2)]),
        clear
    );
    let open = stream(&negotiate, &negotiate, [1, 445], false);
    assert_eq!(open, Reading::More, "may still encrypt");
}
