//! Right answers, and which source gives them.

use super::*;

#[test]
fn the_embedded_databases_know_these_networks() {
    let geo = with(GeoConfig::default(), &["10.0.0.0/8"], &["CN"]);
    for (address, country) in [
        ("8.8.8.8", "US"),
        ("114.114.114.114", "CN"),
        ("223.5.5.5", "CN"),
        ("2400:3200::1", "CN"),
        ("77.88.8.8", "RU"),
        ("2a02:6b8::feed:0ff", "RU"),
        ("200.160.0.8", "BR"),
        ("2001:12ff::1", "BR"),
        ("193.0.6.139", "NL"),
        ("133.11.0.1", "JP"),
        ("147.46.10.1", "KR"),
        ("129.132.1.1", "CH"),
    ] {
        let place = geo.place(ip(address));
        assert_eq!(place.country.code(), country, "{address}");
        assert_eq!(place.confidence, Confidence::Plausible, "{address}");
        let side = if country == "CN" {
            Side::Domestic
        } else {
            Side::Foreign
        };
        assert_eq!(place.side, side, "{address}");
    }
    assert_eq!(geo.place(ip("8.8.8.8")).asn, 15_169);
    assert_eq!(geo.place(ip("129.132.1.1")).asn, 559);
    let name = geo.organisation(ip("8.8.8.8")).unwrap();
    assert!(name.to_lowercase().contains("google"), "{name}");
    assert_eq!(geo.organisation(ip("10.1.2.3")), None);
}

#[test]
fn an_embedded_ipv4_address_is_the_one_looked_up() {
    let geo = with(GeoConfig::default(), &["10.0.0.0/8"], &["CN"]);
    for (address, same) in [
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("2002:0808:0808::1", "8.8.8.8"),
        ("2002:7272:7272:5:6:7:8:9", "114.114.114.114"),
        ("64:ff9b::8.8.8.8", "8.8.8.8"),
        ("64:ff9b::10.1.2.3", "10.1.2.3"),
        ("64:ff9b::192.168.0.1", "192.168.0.1"),
    ] {
        assert_eq!(geo.place(ip(address)), geo.place(ip(same)), "{address}");
        assert_eq!(
            geo.organisation(ip(address)),
            geo.organisation(ip(same)),
            "{address}"
        );
    }
    // A tunnelled loopback address is still a packet that a router forwards.
    for address in ["2002:7f00:1::1", "64:ff9b::224.0.0.1", "64:ff9b::0.0.0.0"] {
        assert_eq!(geo.place(ip(address)), unknown(Side::Foreign), "{address}");
    }
}

#[test]
fn reserved_ranges_are_never_asked_of_a_database() {
    // A database that has an answer for everything.
    let folder = tempfile::tempdir().unwrap();
    let everywhere = [("country_code", Value::Text("JP"))];
    let number = [("autonomous_system_number", Value::Number(7))];
    let config = GeoConfig {
        country: Some(write(folder.path(), "country", &database(6, &everywhere))),
        asn: Some(write(folder.path(), "asn", &database(6, &number))),
        ..GeoConfig::default()
    };
    let geo = with(config, &[], &["CN"]);
    for local in "127.0.0.1 127.255.255.255 169.254.1.1 224.0.0.251 239.255.255.250 \
         255.255.255.255 0.0.0.0 ::1 :: fe80::1 febf::1 ff02::fb ff0e::1"
        .split_whitespace()
    {
        assert_eq!(geo.place(ip(local)), unknown(Side::Local), "{local}");
    }
    for reserved in "0.0.0.1 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 172.16.0.1 \
         172.31.255.255 192.0.0.8 192.0.2.255 192.88.99.1 192.168.255.255 198.18.0.1 \
         198.19.255.255 198.51.100.7 203.0.113.7 240.0.0.1 255.255.255.254 fc00::1 \
         fdff::1 2001:db8::1 2001:db8:ffff::1 3fff::1 3fff:fff::1 2001::1 2001:2::1 \
         2001:1ff::1 100::1 64:ff9b:1::1 fec0::1 5f00::1 4000::1 ::808:808"
        .split_whitespace()
    {
        assert_eq!(
            geo.place(ip(reserved)),
            unknown(Side::Foreign),
            "{reserved}"
        );
    }
    for public in "1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 \
         172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 \
         198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255 2000::1 2001:200::1 \
         2001:db7::1 2001:db9::1 3ffe::1 3fff:1000::1 2600::1"
        .split_whitespace()
    {
        let place = geo.place(ip(public));
        assert_eq!((place.country.code(), place.asn), ("JP", 7), "{public}");
    }
}

fn rule(prefix: &str, code: &str) -> GeoOverride {
    GeoOverride::new(prefix.parse().unwrap(), code.parse().unwrap())
}

#[test]
fn overrides_outrank_networks_which_outrank_databases() {
    let overrides = vec![
        rule("10.9.0.0/16", "SG"),
        rule("10.9.8.0/24", "CN"),
        rule("10.7.0.0/16", "ZZ"),
        rule("8.8.8.0/24", "CN"),
        rule("114.114.114.114/32", "HK"),
        rule("64:ff9b::/96", "JP"),
        rule("2a02:6b8::/32", "CN"),
    ];
    let config = GeoConfig {
        overrides,
        ..GeoConfig::default()
    };
    let geo = with(
        config,
        &["10.0.0.0/8", "223.5.5.0/24", "2a02:6b8::/48"],
        &["CN"],
    );
    for (address, side, code, confidence) in [
        ("10.1.1.1", Side::Home, "CN", Confidence::Confirmed),
        ("223.5.5.5", Side::Home, "CN", Confidence::Confirmed),
        ("10.9.1.1", Side::Foreign, "SG", Confidence::Confirmed),
        ("10.9.8.1", Side::Home, "CN", Confidence::Confirmed),
        ("10.7.1.1", Side::Foreign, "ZZ", Confidence::Unknown),
        ("8.8.8.8", Side::Domestic, "CN", Confidence::Confirmed),
        ("8.8.4.4", Side::Foreign, "US", Confidence::Plausible),
        (
            "2002:a09:101::1",
            Side::Foreign,
            "SG",
            Confidence::Confirmed,
        ),
        (
            "64:ff9b::8.8.8.8",
            Side::Foreign,
            "JP",
            Confidence::Confirmed,
        ),
        (
            "114.114.114.114",
            Side::Foreign,
            "HK",
            Confidence::Confirmed,
        ),
        ("2a02:6b8::1", Side::Home, "CN", Confidence::Confirmed),
        ("2a02:6b8:1::1", Side::Domestic, "CN", Confidence::Confirmed),
        ("192.168.1.1", Side::Foreign, "ZZ", Confidence::Unknown),
    ] {
        let place = geo.place(ip(address));
        let expected = (side, code.to_owned(), confidence);
        assert_eq!(
            (place.side, place.country.to_string(), place.confidence),
            expected,
            "{address}"
        );
    }
    assert_eq!(
        geo.place(ip("8.8.8.8")).asn,
        15_169,
        "an override says nothing of the network"
    );
    assert_eq!(geo.place(ip("10.9.1.1")).asn, 0);
}

#[test]
fn an_override_may_state_who_uses_a_prefix() {
    let stated = |prefix: &str, code: &str, asn, name: Option<&str>| GeoOverride {
        asn,
        organisation: name.map(str::to_owned),
        ..rule(prefix, code)
    };
    let overrides = vec![
        stated("10.9.0.0/16", "SG", Some(4_200_000_007), Some("Branch\n")),
        stated("10.9.1.0/24", "SG", None, None),
        stated("8.8.8.0/24", "US", Some(64_512), None),
        stated("8.8.4.0/24", "US", None, Some("Resolver")),
        stated("2001:4860::/32", "US", Some(0), None),
    ];
    let config = GeoConfig {
        overrides,
        ..GeoConfig::default()
    };
    let geo = with(config, &["10.0.0.0/8"], &["CN"]);
    for (address, asn, name) in [
        ("10.9.0.1", 4_200_000_007, Some("Branch")),
        ("10.9.1.1", 0, None),
        ("10.8.1.1", 0, None),
        ("8.8.8.8", 64_512, None),
        ("8.8.4.4", 15_169, Some("Resolver")),
        ("2001:4860:4860::8888", 0, None),
        ("::ffff:8.8.8.8", 64_512, None),
    ] {
        assert_eq!(geo.place(ip(address)).asn, asn, "{address}");
        assert_eq!(geo.organisation(ip(address)).as_deref(), name, "{address}");
    }
    assert_eq!(geo.place(ip("127.0.0.1")), Place::LOCAL);
}

/// The table of IPv4 against the prefixes and the readers of both files: where rules begin and
/// end, all ranges of every 97th block, and addresses from everywhere.
#[test]
fn an_ipv4_address_is_where_a_search_finds_it() {
    let overrides = vec![
        rule("0.0.0.0/31", "SG"),
        rule("8.8.0.0/15", "SG"),
        rule("8.8.8.8/32", "CN"),
        rule("10.0.3.0/24", "HK"),
        rule("77.88.0.0/16", "ZZ"),
        rule("126.255.255.255/32", "CN"),
        rule("192.0.2.128/25", "US"),
        rule("255.255.255.254/31", "SG"),
        GeoOverride {
            asn: Some(64_512),
            ..rule("8.8.64.0/18", "US")
        },
    ];
    let networks = "0.0.0.0/30 8.8.8.0/30 10.0.0.0/8 129.132.0.0/16 223.5.5.0/24 192.0.2.0/25 \
                    77.88.8.0/24 255.255.255.128/25";
    let networks: Vec<&str> = networks.split_whitespace().collect();
    for names in [&["CN"][..], &["CN", "SG"], &["EU"]] {
        let config = GeoConfig {
            overrides: overrides.clone(),
            ..GeoConfig::default()
        };
        let geo = with(config, &networks, names);
        let rules = geo.rules.between(0, u32::MAX).map(|(from, ..)| from);
        let blocks = (0..1u32 << 16).step_by(97).map(|block| block << 16);
        let mut starts: Vec<u32> = rules.collect();
        for first in blocks {
            geo.found(first, first | 0xffff, |start, _, _| starts.push(start));
        }
        assert!(starts.len() > 5_000, "{}", starts.len());
        let edges = starts
            .iter()
            .flat_map(|start| [*start, start.wrapping_sub(1), start.wrapping_add(1)]);
        let spread = (0..50_000u32).map(|step| step.wrapping_mul(0x9e37_79b9));
        for address in edges.chain(spread).map(Ipv4Addr::from_bits) {
            let expected = geo.look_up(address.into());
            assert_eq!(geo.place(address.into()), expected, "{address}");
            let is_home = expected.side == Side::Home;
            assert_eq!(geo.is_home(address.into()), is_home, "{address}");
        }
    }
}

#[test]
fn a_site_of_several_countries_asks_the_database_for_its_own() {
    let geo = with(
        GeoConfig::default(),
        &["10.0.0.0/8", "193.0.0.0/16"],
        &["EU"],
    );
    let inside = geo.place(ip("10.1.1.1"));
    assert_eq!(inside, unknown(Side::Home));
    let public = geo.place(ip("193.0.6.139"));
    assert_eq!((public.side, public.country.code()), (Side::Home, "NL"));
    assert_eq!(public.confidence, Confidence::Plausible);
    assert_eq!(
        geo.place(ip("129.132.1.1")).side,
        Side::Foreign,
        "CH is no member"
    );
}

#[test]
fn contradicting_overrides_are_refused() {
    let open = |second| {
        let overrides = vec![rule("10.9.0.0/16", "SG"), second];
        Geo::open(
            &GeoConfig {
                overrides,
                ..GeoConfig::default()
            },
            &[],
            jurisdictions(&["CN"]),
        )
    };
    assert!(open(rule("10.9.0.0/16", "SG")).is_ok());
    let error = open(rule("10.9.1.1/16", "US")).unwrap_err().to_string();
    assert!(error.contains("10.9.1.1/16") && error.contains("SG") && error.contains("US"));
    let private = GeoOverride {
        asn: Some(64_512),
        ..rule("10.9.0.0/16", "SG")
    };
    let error = open(private).unwrap_err().to_string();
    assert!(error.contains("as SG and as SG AS64512"), "{error}");
}

#[test]
fn databases_say_what_they_are() {
    let geo = with(GeoConfig::default(), &[], &["CN"]);
    let [country, asn] = geo.databases() else {
        panic!("two databases")
    };
    assert_eq!(
        (country.role, asn.role),
        (DatabaseRole::Country, DatabaseRole::Asn)
    );
    assert_eq!(
        (country.source.as_str(), asn.source.as_str()),
        ("embedded", "embedded")
    );
    assert_eq!(country.database_type, "country ipvAll");
    assert_eq!(country.built.to_string(), "2026-06-01T20:32:58.000000000Z");
    assert_eq!(country.sha256, EMBEDDED_COUNTRY_SHA256);
    assert_eq!(asn.sha256, EMBEDDED_ASN_SHA256);
}

#[test]
fn geo_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Geo>();
}
