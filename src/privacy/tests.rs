use super::*;

/// Key and vectors of draft-denis-ipcrypt, for ipcrypt-pfx.
const KEY: [&str; 2] = [
    "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301",
    "2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a",
];

fn key(digits: &str) -> PseudonymKey {
    let mut bytes = [0; key::KEY_BYTES];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).unwrap();
    }
    PseudonymKey::new(&bytes).unwrap()
}

fn veil(hides_peers: bool) -> Veil {
    let networks = ["198.18.0.0/15", "2001:db8::/32"].map(|text| text.parse().unwrap());
    Veil::new(key(KEY[0]), &networks, hides_peers)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn addresses_are_encrypted_as_the_draft_has_it() {
    let vectors = [
        (0, "0.0.0.0", "151.82.155.134"),
        (0, "255.255.255.255", "94.185.169.89"),
        (0, "192.0.2.1", "100.115.72.131"),
        (0, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
        (1, "10.0.0.47", "19.214.210.244"),
        (1, "10.0.0.129", "19.214.210.80"),
        (1, "172.16.5.193", "210.78.229.136"),
        (1, "172.16.97.42", "210.78.179.241"),
        (
            1,
            "2001:db8::a5c9:4e2f:bb91:5a7d",
            "7cec:702c:1243:f70:1956:125:b9bd:1aba",
        ),
        (
            1,
            "2001:db8:3a5c::e7d1:4b9f:2c8a:f673",
            "7cec:702c:3503:bef:e616:96bd:be33:a9b9",
        ),
    ];
    for (number, plain, pseudonym) in vectors {
        let key = key(KEY[number]);
        assert_eq!(key.address(ip(plain)), ip(pseudonym));
        let revealed = key.reveal(pseudonym);
        assert_eq!(revealed, Ok(Revealed::Address(ip(plain))));
    }
    assert!(PseudonymKey::new(&[7; 32]).is_none(), "equal halves");
}

#[test]
fn own_addresses_are_hidden_and_those_of_peers_if_asked_for() {
    let hides = |veil: &Veil, text| veil.address(ip(text)) != ip(text).to_canonical();
    let own = [
        "10.0.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.7.7",
        "100.64.0.1",
        "100.127.255.255",
        "198.19.255.255",
        "fd00::1",
        "fe80::1",
        "2001:db8:ffff::1",
        "::ffff:10.0.0.1",
    ];
    let peers = [
        "8.8.8.8",
        "198.20.0.0",
        "100.128.0.1",
        "100.63.0.1",
        "2001:db9::1",
    ];
    let never = [
        "0.0.0.0",
        "::",
        "127.0.0.1",
        "::1",
        "224.0.0.251",
        "ff02::fb",
    ];
    for text in own {
        assert!(
            hides(&veil(false), text) && hides(&veil(true), text),
            "{text}"
        );
    }
    for text in peers {
        assert!(
            !hides(&veil(false), text) && hides(&veil(true), text),
            "{text}"
        );
    }
    for text in never {
        assert!(
            !hides(&veil(false), text) && !hides(&veil(true), text),
            "{text}"
        );
    }
    for text in own.into_iter().chain(peers) {
        assert_eq!(Veil::default().address(ip(text)), ip(text));
    }
    assert_eq!(
        veil(false).address(ip("::ffff:10.0.0.1")),
        veil(false).address(ip("10.0.0.1"))
    );
}

#[test]
fn addresses_are_found_wherever_they_stand_in_a_text() {
    let veil = veil(false);
    let shown = |text: &str| veil.address(ip(text)).to_string();
    let (v4, v6) = (shown("10.0.0.5"), shown("2001:db8::5"));
    let cases = [
        ("10.0.0.5", v4.clone()),
        ("10.0.0.5 sent it.", format!("{v4} sent it.")),
        ("by 10.0.0.5.", format!("by {v4}.")),
        ("10.0.0.5: 3 MB", format!("{v4}: 3 MB")),
        ("10.0.0.5:40000, 10.0.0.5", format!("{v4}:40000, {v4}")),
        ("[2001:db8::5]:443", format!("[{v6}]:443")),
        ("2001:DB8:0::5", v6.clone()),
        ("for 2001:db8::5: 3 MB", format!("for {v6}: 3 MB")),
        (
            "2026-03-02T10:00:00Z/10.0.0.5/RU#2",
            format!("2026-03-02T10:00:00Z/{v4}/RU#2"),
        ),
        ("é10.0.0.5é", format!("é{v4}é")),
        ("10.0.0.5.example.com", format!("{v4}.example.com")),
        ("10.0.0.5/33", format!("{v4}/33")),
        ("10.0.0.5/24", format!("{v4}/24")),
    ];
    for (text, expected) in cases {
        assert_eq!(veil.text(text), expected, "{text}");
    }
    let unchanged = [
        "",
        ".",
        ":",
        "::",
        "12:34:56",
        "8.8.8.8:53",
        "0.0.0.0",
        "2001:db9::5",
        "110.0.0.51.2",
        "1.10.0.0.5",
        "10.0.0.256",
        "dead beef cafe.",
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        "0.5",
    ];
    for text in unchanged {
        assert_eq!(veil.text(text), text);
    }
    let long = format!("{}10.0.0.5", "1:".repeat(40_000));
    assert_eq!(
        veil.text(&long),
        long,
        "no run is looked at that is too long"
    );
}

#[test]
fn networks_are_what_the_pseudonyms_of_their_addresses_share() {
    let veil = veil(false);
    let networks = [
        "10.0.0.0/8",
        "10.1.2.0/24",
        "2001:db8:1:2::/64",
        "198.18.0.0/15",
    ];
    for text in networks {
        let network: IpNet = text.parse().unwrap();
        let shown: IpNet = veil.text(text).parse().unwrap();
        assert_eq!(
            (shown.prefix_len(), shown),
            (network.prefix_len(), shown.trunc())
        );
        for address in [network.network(), network.broadcast()] {
            assert!(shown.contains(&veil.address(address)), "{text}");
        }
        let revealed = key(KEY[0]).reveal(&shown.to_string());
        assert_eq!(revealed, Ok(Revealed::Network(network)));
    }
}

#[test]
fn cards_become_tokens_that_only_their_key_takes_back() {
    let text = "of 02:00:5e:10:00:01.";
    let shown = veil(false).text(text).into_owned();
    let token = shown
        .strip_prefix("of ")
        .unwrap()
        .strip_suffix('.')
        .unwrap();
    assert_eq!(token.len(), "mac-".len() + 32);
    let card = Mac([2, 0, 0x5e, 0x10, 0, 1]);
    assert_eq!(key(KEY[0]).reveal(token), Ok(Revealed::Card(card)));
    let other = key(KEY[1]).reveal(token).unwrap_err();
    assert!(other.contains("not made by this key"), "{other}");
    assert_eq!(veil(false).text(&shown), shown, "a token is no address");
    for text in [
        "mac-",
        "mac-12",
        "mac-+1234567890123456789012345678901",
        "pc",
        "10.0.0.0/33",
    ] {
        assert!(key(KEY[0]).reveal(text).is_err(), "{text}");
    }
}

#[test]
fn incidents_are_found_by_the_name_that_is_told() {
    let key = key(KEY[0]);
    for asset in ["10.0.0.5", "2001:db8:1:2::/64"] {
        let plain = format!("2026-03-02T10:00:00Z/{asset}/RU");
        let told = veil(false).text(&plain).into_owned();
        assert_ne!(told, plain);
        assert_eq!(key.incident(&told), Some(plain));
    }
    for told in ["2026-03-02T10:00:00Z/pacs/RU", "10.0.0.5", "10.0.0.0/8", ""] {
        assert_eq!(key.incident(told), None, "{told}");
    }
}

#[test]
fn texts_of_json_are_hidden_and_nothing_else() {
    let mut value = serde_json::json!({
        "10.0.0.5": ["10.0.0.5", 10.5, null, true, { "of": "10.0.0.5" }],
    });
    veil(false).value(&mut value);
    let shown = veil(false).address(ip("10.0.0.5")).to_string();
    let expected = serde_json::json!({
        "10.0.0.5": [shown, 10.5, null, true, { "of": shown }],
    });
    assert_eq!(value, expected);
}

proptest::proptest! {
    #[test]
    fn pseudonyms_share_as_much_as_addresses_do(one: u32, other: u32, bits in 0_u32..33) {
        let key = key(KEY[0]);
        let other = match bits {
            32 => other,
            _ => (one & !(u32::MAX >> bits)) | (other & (u32::MAX >> bits)),
        };
        let shared = |a: u32, b: u32| (a ^ b).leading_zeros();
        let pseudonym = |address: u32| {
            let IpAddr::V4(v4) = key.address(Ipv4Addr::from_bits(address).into()) else {
                panic!("another family");
            };
            v4.to_bits()
        };
        let hidden = shared(pseudonym(one), pseudonym(other));
        proptest::prop_assert_eq!(hidden, shared(one, other));
    }

    #[test]
    fn any_text_is_taken(text in "\\PC*", address: [u8; 4], port: u16) {
        let veil = veil(true);
        let _ = veil.text(&text);
        let address = IpAddr::from(address);
        let line = format!("{text} {address}:{port} {text}");
        let (shown, around) = (veil.address(address), veil.text(&text));
        let expected = format!("{around} {shown}:{port} {around}");
        proptest::prop_assert_eq!(veil.text(&line), expected);
    }
}
