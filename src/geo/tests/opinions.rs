//! What lists of providers and the register do to a place: to how sure it is, and no more.

use super::*;

/// Places where the database has everything in US, with lists, and perhaps a second database
/// that has everything in one country.
fn us(list: &str, second: Option<&str>, shipped: bool, overrides: Vec<GeoOverride>) -> Geo {
    let folder = tempfile::tempdir().unwrap();
    let country = |name: &str, code| {
        let bytes = database(6, &[("country_code", Value::Text(code))]);
        write(folder.path(), name, &bytes)
    };
    let path = folder.path().join("list.csv");
    std::fs::write(
        &path,
        format!("prefix,provider,kind,region,country\n{list}"),
    )
    .unwrap();
    let config = GeoConfig {
        country: Some(country("first", "US")),
        country_second: second.map(|code| country("second", code)),
        providers: vec![path],
        shipped_providers: shipped,
        overrides,
        ..GeoConfig::default()
    };
    with(config, &["10.0.0.0/8", "11.0.0.0/24"], &["US"])
}

const LIST: &str = "11.1.0.0/16,Cumulus,cloud,here,US\n\
    11.2.0.0/16,Cumulus,cloud,there,IE\n\
    11.2.3.4/32,Cumulus,anycast,,\n\
    11.3.0.0/16,Feed,feed,,IE\n\
    11.0.0.0/16,Cumulus,cloud,there,IE\n\
    2a05:1::/32,Cumulus,cloud,here,US\n\
    2a05:2::/32,Cumulus,cloud,there,IE\n\
    10.0.0.0/8,Cumulus,cloud,there,IE\n";

#[test]
fn a_list_changes_how_sure_a_country_is_and_nothing_else() {
    use Confidence::{Confirmed, Disputed, Plausible};
    let stated = || {
        vec![GeoOverride::new(
            "11.2.128.0/17".parse().unwrap(),
            "US".parse().unwrap(),
        )]
    };
    let alone = us(LIST, None, true, stated());
    let agreed = us(LIST, Some("US"), true, stated());
    let denied = us(LIST, Some("FR"), true, stated());
    let without = us("9.9.9.9,Other,feed,,\n", None, false, stated());
    for (address, expected) in [
        ("11.1.2.3", [Confirmed, Confirmed, Disputed]),
        ("2a05:1::1", [Confirmed, Confirmed, Disputed]),
        ("11.2.3.3", [Disputed, Disputed, Disputed]),
        ("11.2.3.5", [Disputed, Disputed, Disputed]),
        ("2a05:2::1", [Disputed, Disputed, Disputed]),
        ("11.2.3.4", [Plausible, Plausible, Disputed]),
        ("11.3.1.1", [Disputed, Disputed, Disputed]),
        ("11.4.1.1", [Plausible, Confirmed, Disputed]),
        // Built in.
        ("8.8.8.8", [Plausible, Plausible, Disputed]),
        ("2606:4700::1", [Plausible, Plausible, Disputed]),
        // By an override, by the site's networks.
        ("11.2.128.1", [Confirmed; 3]),
        ("11.0.0.1", [Confirmed; 3]),
        ("10.1.1.1", [Confirmed; 3]),
        // NAT64 of one in the list.
        ("64:ff9b::b02:303", [Disputed; 3]),
    ] {
        let address = ip(address);
        let places = [&alone, &agreed, &denied].map(|geo| geo.place(address));
        assert_eq!(places.map(|place| place.confidence), expected, "{address}");
        let plain = without.place(address);
        for place in places {
            let confidence = plain.confidence;
            assert_eq!(
                Place {
                    confidence,
                    ..place
                },
                plain,
                "{address}"
            );
        }
    }
    assert_eq!(without.place(ip("8.8.8.8")).confidence, Plausible);
    assert_eq!(alone.lists().len(), 3);
}

#[test]
fn the_table_of_ipv4_has_what_a_search_in_the_lists_finds() {
    let rows = (0..2_000u32).map(|number| {
        let bits = number.wrapping_mul(0x9e37_79b9) & 0x0f0f_ffff | 0x0100_0000;
        let kind = ["feed", "cloud", "cdn", "anycast"][number as usize % 4];
        let code = ["US", "IE", ""][number as usize % 3];
        let length = 12 + number % 21;
        format!("{}/{length},P,{kind},,{code}\n", Ipv4Addr::from_bits(bits))
    });
    let geo = us(&rows.collect::<String>(), None, true, Vec::new());
    let mut seen = [0; 5];
    for number in 0..200_000u32 {
        let bits = number.wrapping_mul(0x9e37_79b9) & 0x0f0f_ffff | 0x0100_0000;
        let address = IpAddr::from(Ipv4Addr::from_bits(bits ^ (number % 3)));
        let place = geo.place(address);
        assert_eq!(place, geo.look_up(address), "{address}");
        seen[place.confidence as usize] += 1;
    }
    assert!(seen[..3].iter().all(|count| *count > 1_000), "{seen:?}");
}

#[test]
fn reasons_are_told_of_what_is_not_stated() {
    let stated = vec![GeoOverride::new(
        "11.2.0.0/24".parse().unwrap(),
        "US".parse().unwrap(),
    )];
    let geo = us(LIST, None, true, stated);
    let code = "US".parse().unwrap();
    for (address, expected) in [
        ("11.1.2.3", Some("Cumulus has it in here, US.")),
        (
            "11.2.3.3",
            Some("The database has it in US, Cumulus in there, IE."),
        ),
        (
            "8.8.8.8",
            Some("Google Public DNS, anycast: answers from many places."),
        ),
        ("11.2.0.1", None),
        ("11.0.0.1", None),
        ("11.4.0.1", None),
    ] {
        assert_eq!(
            geo.reason(ip(address), code).as_deref(),
            expected,
            "{address}"
        );
    }
    let name = geo
        .provider(ip("11.3.0.1"))
        .map(|provider| provider.name.as_ref());
    assert_eq!(name, Some("Feed"));
}

/// 81.2.69.142 is in GB and of a network registered in US, 2.125.160.216 in GB and registered
/// in FR, 202.196.224.1 in PH and registered there.
#[test]
fn a_second_database_confirms_only_what_is_registered_there() {
    let Some(tests) = files::maxmind_tests() else {
        return;
    };
    let path = tests.join("test-data/GeoLite2-Country-Test.mmdb");
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.csv");
    let rows = "prefix,provider,kind,region,country\n2.125.160.0/24,Cumulus,cloud,x,GB\n";
    std::fs::write(&list, rows).unwrap();
    let config = GeoConfig {
        country: Some(path.clone()),
        country_second: Some(path),
        providers: vec![list],
        ..GeoConfig::default()
    };
    let geo = with(config, &[], &["CN"]);
    for (address, code, confidence, reason) in [
        (
            "81.2.69.142",
            "GB",
            Confidence::Plausible,
            Some("Its network is registered in US."),
        ),
        (
            "2.125.160.216",
            "GB",
            Confidence::Confirmed,
            Some("Cumulus has it in x, GB."),
        ),
        ("202.196.224.1", "PH", Confidence::Confirmed, None),
    ] {
        let place = geo.place(ip(address));
        assert_eq!(
            (place.country.code(), place.confidence),
            (code, confidence),
            "{address}"
        );
        let said = geo.reason(ip(address), place.country);
        assert_eq!(said.as_deref(), reason, "{address}");
    }
}
