use proptest::prelude::*;

use super::*;

fn sized(begin: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = begin.to_vec();
    bytes.resize(length, 0xa5);
    bytes
}

fn told(client: &[u8], server: &[u8], port: u16) -> (Application, Protection) {
    let said = datagram(client, server, [40_000, port]);
    let swapped = datagram(server, client, [port, 40_000]);
    if client.is_empty() || server.is_empty() {
        assert_eq!(said.application, swapped.application);
    }
    (said.application, said.protection)
}

#[test]
fn wire_guard_has_lengths_of_its_own() {
    let known = (Application::WireGuard, Protection::Strong);
    assert_eq!(told(&sized(&[1, 0, 0, 0], 148), b"", 9), known);
    assert_eq!(
        told(&sized(&[1, 0, 0, 0], 148), &sized(&[2, 0, 0, 0], 92), 9),
        known
    );
    let counted = [4, 0, 0, 0, 9, 9, 9, 9, 7, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(told(&sized(&counted, 96), b"", 9), known);
    for other in [
        sized(&[1, 0, 0, 0], 147),
        sized(&[4, 0, 0, 0], 96),
        sized(&counted, 97),
    ] {
        assert_eq!(told(&other, b"", 9).0, Application::Unknown);
    }
}

/// A client's reset with so many bytes of tag and number.
fn reset(tag: usize) -> Vec<u8> {
    [&[0x38][..], &[7; 8], &vec![9; tag], &[0; 5]].concat()
}

#[test]
fn open_vpn_starts_with_a_reset() {
    let known = (Application::OpenVpn, Protection::Standard);
    for tag in RESET_TAGS {
        assert_eq!(told(&reset(tag), b"", 1194), known);
        let packet = reset(tag);
        let framed = [&[0, packet.len() as u8][..], &packet].concat();
        assert_eq!(open_vpn_stream(&framed), Some(true));
        assert_eq!(open_vpn_stream(&framed[..9]), None);
    }
    let crypted = [&[0x38][..], &[7; 8], &[0, 0, 0, 1], &[9; 41]].concat();
    assert_eq!(told(&crypted, &[0x40; 54], 1194), known);
    let wrapped = [&[0x50][..], &[7; 8], &[0x0f, 0, 0, 1], &[9; 400]].concat();
    assert_eq!(told(&wrapped, b"", 1194), known);
    assert_eq!(told(&reset(0), b"no reset", 1194).0, Application::Unknown);
    assert_eq!(told(&reset(5), b"", 1194).0, Application::Unknown);
    assert_eq!(open_vpn_stream(b"\0\x0e\x38"), None);
    assert_eq!(open_vpn_stream(b"GET / HTTP/1.1"), Some(false));
}

/// A message of IKE of its header alone, with two bytes more.
fn key_exchange_message(version: u8, exchange: u8) -> Vec<u8> {
    let header = [
        &[7; 8][..],
        &[0; 8],
        &[33, version, exchange, 8],
        &[0; 4],
        &[0, 0, 0, 30],
    ];
    [&header.concat()[..], &[1, 2]].concat()
}

#[test]
fn ipsec_is_told_by_its_key_exchange() {
    let (strong, standard) = (Protection::Strong, Protection::Standard);
    let ipsec = |protection| (Application::Ipsec, protection);
    let second = key_exchange_message(0x20, 34);
    let first = key_exchange_message(0x10, 2);
    assert_eq!(told(&second, b"", 500), ipsec(strong));
    assert_eq!(told(&first, b"", 500), ipsec(standard));
    assert_eq!(
        told(b"", &[&[0; 4], &second[..]].concat(), 4500),
        ipsec(strong)
    );
    assert_eq!(
        told(&sized(&[9, 9, 9, 9, 0, 0, 0, 1], 100), b"", 4500),
        ipsec(standard)
    );
    assert_eq!(told(&[0xff], b"", 4500), ipsec(standard));
    assert_eq!(
        told(&key_exchange_message(0x30, 34), b"", 500).0,
        Application::Unknown
    );
    assert_eq!(told(&second, b"", 501).0, Application::Unknown);
}

#[test]
fn known_formats_are_in_the_clear() {
    let query = b"\xbe\xef\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\x01\0\x01";
    assert_eq!(told(query, b"", 53), (Application::Dns, Protection::Clear));
    assert_eq!(told(b"", query, 53), (Application::Dns, Protection::Clear));
    let clear = (Application::Unknown, Protection::Clear);
    let mut lease = sized(&[1, 1, 6, 0], 300);
    lease[236..240].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    let cases: [(&[u8], u16); 6] = [
        (query, 5353),
        (&lease, 67),
        (&sized(&[0x23], 48), 123),
        (b"\x30\x29\x02\x01\x01\x04\x06public", 161),
        (b"INVITE sip:a@example.org SIP/2.0\r\n", 5060),
        (b"<34>Oct 11 22:14:15 host su: failed", 514),
    ];
    for (bytes, port) in cases {
        assert_eq!(told(bytes, b"", port), clear, "{port}");
    }
    let hello = sized(&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20], 33);
    assert_eq!(
        told(&hello, b"", 9),
        (Application::Unknown, Protection::Standard)
    );
}

#[test]
fn what_is_not_known_is_opaque_or_unseen() {
    let spread: Vec<u8> = (0..1_200u32).map(|i| (i * 167 % 256) as u8).collect();
    assert_eq!(
        told(&spread, b"", 9),
        (Application::Unknown, Protection::Opaque)
    );
    assert_eq!(
        told(&spread[..200], b"", 9),
        (Application::Unknown, Protection::Unseen)
    );
    assert_eq!(
        told(&[0; 400], b"", 9),
        (Application::Unknown, Protection::Unseen)
    );
    assert_eq!(
        told(b"", b"", 53),
        (Application::Unknown, Protection::Unseen)
    );
}

proptest! {
    #[test]
    fn any_datagrams_are_safe(
        client in prop::collection::vec(any::<u8>(), 0..400),
        server in prop::collection::vec(any::<u8>(), 0..400),
        port in prop::sample::select(vec![9u16, 53, 67, 69, 123, 137, 138, 161, 500, 4500, 5353]),
        begin in prop::sample::select(vec![0u8, 1, 2, 3, 4, 20, 22, 0x30, 0x38, 0x50, 0xff]),
    ) {
        datagram(&client, &server, [40_000, port]);
        datagram(&[&[begin], &client[..]].concat(), &server, [port, port]);
        open_vpn_stream(&client);
    }
}
