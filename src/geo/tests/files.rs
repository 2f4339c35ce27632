//! Files that are sound, of another schema, damaged, or made to do harm.

use std::time::Duration;

use super::super::database::CountryDatabase;
use super::*;

#[test]
fn the_embedded_files_are_accepted_from_an_operator() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/geo");
    let country = Some(models.join("dbip-country.mmdb"));
    let asn = Some(models.join("dbip-asn.mmdb"));
    let config = GeoConfig {
        country,
        asn,
        ..GeoConfig::default()
    };
    let geo = with(config.clone(), &[], &["CN"]);
    assert_eq!(geo.place(ip("8.8.8.8")).country.code(), "US");
    assert_eq!(geo.databases()[0].sha256, EMBEDDED_COUNTRY_SHA256);
    assert!(geo.databases()[1].source.ends_with("dbip-asn.mmdb"));

    let swapped = |country, asn| {
        let config = GeoConfig {
            country,
            asn,
            ..GeoConfig::default()
        };
        Geo::open(&config, &[], jurisdictions(&["CN"])).unwrap_err()
    };
    let error = swapped(config.asn, None);
    assert!(matches!(error, GeoError::NoCountry { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("holds no country: is it an ASN database?"),
        "{error}"
    );
    let error = swapped(None, config.country);
    assert!(matches!(error, GeoError::NoAsn { .. }), "{error}");
}

#[test]
fn records_that_say_nothing_useful_count_as_unknown() {
    let folder = tempfile::tempdir().unwrap();
    for (name, code) in [
        ("lower", Value::Text("jp")),
        ("long", Value::Text("JPN")),
        ("unknown", Value::Text("ZZ")),
        ("number", Value::Number(81)),
    ] {
        let path = write(folder.path(), name, &database(6, &[("country_code", code)]));
        let error = CountryDatabase::open(DatabaseRole::Country, Some(&path)).unwrap_err();
        assert!(
            matches!(error, GeoError::NoCountry { .. }),
            "{name}: {error}"
        );
    }
    let ipv4 = database(4, &[("country_code", Value::Text("JP"))]);
    let country = Some(write(folder.path(), "ipv4", &ipv4));
    let name = "Evil\u{1b}[2J".to_owned() + &"x".repeat(200);
    let record = [
        ("autonomous_system_number", Value::Number(9)),
        (ORGANISATION, Value::Text(&name)),
    ];
    let asn = Some(write(folder.path(), "asn", &database(6, &record)));
    let geo = with(
        GeoConfig {
            country,
            asn,
            ..GeoConfig::default()
        },
        &[],
        &["CN"],
    );
    assert_eq!(geo.place(ip("8.8.8.8")).country.code(), "JP");
    let beyond = geo.place(ip("2600::1"));
    assert!(beyond.country.is_unknown() && beyond.confidence == Confidence::Unknown);
    let cleaned = geo.organisation(ip("8.8.8.8")).unwrap();
    assert!(
        cleaned.starts_with("Evil[2Jxxx") && cleaned.chars().count() == 128,
        "{cleaned}"
    );
}

#[test]
fn what_is_no_database_is_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let text = write(folder.path(), "text", b"country,US\n");
    let empty = write(folder.path(), "empty", b"");
    let whole = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/models/geo/dbip-asn.mmdb"
    ));
    let cut = write(folder.path(), "cut", &whole[..1_000_000]);
    let missing = folder.path().join("missing");
    let large = write(folder.path(), "large", b"");
    let file = std::fs::File::options().write(true).open(&large).unwrap();
    file.set_len(FILE_BYTES_MAX + 1).unwrap();
    for (path, expected) in [
        (&missing, "there is no file"),
        (&folder.path().to_owned(), "is not a regular file"),
        (&large, "has more than 1073741824 bytes"),
        (&text, "is no MMDB file, or is cut short"),
        (&empty, "is no MMDB file, or is cut short"),
        (&cut, "is no MMDB file, or is cut short"),
    ] {
        let error = CountryDatabase::open(DatabaseRole::Country, Some(path))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("geo.country: "), "{error}");
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_tree_whose_walk_would_never_end_is_refused() {
    let mut bytes = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/models/geo/dbip-country.mmdb"
    ))
    .to_vec();
    // Each of the first nodes leads to the next one twice: 2^96 ways to where IPv4 starts.
    for node in 0u32..96 {
        let next = &(node + 1).to_be_bytes()[1..];
        let start = node as usize * 6;
        bytes[start..start + 3].copy_from_slice(next);
        bytes[start + 3..start + 6].copy_from_slice(next);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "knot", &bytes);
    let error = within_a_second(move || {
        CountryDatabase::open(DatabaseRole::Country, Some(&path)).unwrap_err()
    });
    assert!(matches!(error, GeoError::Damaged { .. }), "{error}");
}

#[test]
fn a_file_cut_or_flipped_anywhere_is_refused_or_answers() {
    let folder = tempfile::tempdir().unwrap();
    let record = [
        ("country_code", Value::Text("JP")),
        (ORGANISATION, Value::Text("Example")),
    ];
    let whole = database(6, &record);
    for length in 0..whole.len() {
        let path = write(folder.path(), "cut", &whole[..length]);
        probe(&path);
    }
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        probe(&write(folder.path(), "flipped", &bytes));
    }
    assert!(probe(&write(folder.path(), "whole", &whole)));
}

#[test]
fn the_schema_of_maxmind_is_read() {
    let Some(tests) = maxmind_tests() else { return };
    let folder = tests.join("test-data");
    let country = Some(folder.join("GeoIP2-Country-Test.mmdb"));
    let asn = Some(folder.join("GeoLite2-ASN-Test.mmdb"));
    let geo = with(
        GeoConfig {
            country,
            asn,
            ..GeoConfig::default()
        },
        &[],
        &["SE"],
    );
    for (address, side, code) in [
        ("2.125.160.216", Side::Foreign, "GB"),
        ("89.160.20.112", Side::Domestic, "SE"),
        ("216.160.83.56", Side::Foreign, "US"),
        ("2001:218::1", Side::Foreign, "JP"),
        ("8.8.8.8", Side::Foreign, "ZZ"),
    ] {
        let place = geo.place(ip(address));
        assert_eq!(
            (place.side, place.country.code()),
            (side, code),
            "{address}"
        );
    }
    assert_eq!(geo.databases()[0].database_type, "GeoIP2-Country");
    assert_eq!(geo.place(ip("1.128.0.1")).asn, 1221);
    assert_eq!(
        geo.organisation(ip("1.128.0.1")).as_deref(),
        Some("Telstra Pty Ltd")
    );
}

#[test]
fn every_sound_country_file_of_maxmind_opens() {
    let Some(tests) = maxmind_tests() else { return };
    for name in [
        "GeoIP2-City-Test",
        "GeoIP2-Country-Shield-Test",
        "GeoIP2-Enterprise-Test",
        "GeoIP2-Precision-Enterprise-Test",
        "GeoLite2-City-Test",
        "GeoLite2-Country-Test",
    ] {
        let path = tests.join("test-data").join(name).with_extension("mmdb");
        CountryDatabase::open(DatabaseRole::Country, Some(&path))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn corrupt_files_of_other_readers_neither_panic_nor_hang() {
    let Some(tests) = maxmind_tests() else { return };
    let mut files = Vec::new();
    for folder in [
        "test-data",
        "bad-data/libmaxminddb",
        "bad-data/maxminddb-golang",
    ] {
        for entry in std::fs::read_dir(tests.join(folder)).unwrap() {
            files.push(entry.unwrap().path());
        }
    }
    files.push(tests.join("bad-data/maxminddb-python/bad-unicode-in-map-key.mmdb"));
    files.sort();
    assert!(files.len() > 60);
    for path in &files {
        println!("{}", path.display());
        let opened = {
            let path = path.clone();
            within_a_second(move || probe(&path))
        };
        let broken = path.components().any(|part| part.as_os_str() == "bad-data");
        assert!(!(broken && opened), "{} was accepted", path.display());
    }
}

#[test]
fn real_databases_with_flipped_bits_are_refused_or_answer() {
    let Some(tests) = maxmind_tests() else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(tests.join("test-data/GeoIP2-Country-Test.mmdb")).unwrap();
    let mut state = 20_260_617u64;
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..4 {
            // The multiplier of Knuth's MMIX generator.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let bit = (state >> 33) as usize % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let path = write(folder.path(), "flipped", &bytes);
        within_a_second(move || probe(&path));
    }
}

/// Opens a file in both roles and asks it about a few addresses; whether either opened.
fn probe(path: &Path) -> bool {
    let file = || Some(path.to_owned());
    let countries = GeoConfig {
        country: file(),
        ..GeoConfig::default()
    };
    let systems = GeoConfig {
        asn: file(),
        ..GeoConfig::default()
    };
    let opened = [countries, systems].map(|config| {
        let Ok(geo) = Geo::open(&config, &[], jurisdictions(&["CN"])) else {
            return false;
        };
        for address in [
            "8.8.8.8",
            "1.1.1.1",
            "81.2.69.142",
            "223.255.255.255",
            "2600::1",
            "2001:218::1",
        ] {
            assert_eq!(
                geo.place(ip(address)),
                geo.look_up(ip(address)),
                "{address}"
            );
            geo.organisation(ip(address));
        }
        true
    });
    opened != [false; 2]
}

fn within_a_second<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver
        .recv_timeout(Duration::from_secs(1))
        .expect("no panic and an answer within a second")
}

pub(super) fn maxmind_tests() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/geo/maxmind-db-tests");
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}
