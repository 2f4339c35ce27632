//! What is wrong in a scenario is said, with its place.

use super::*;

#[test]
fn errors_say_where_and_what() {
    for (right, wrong, expected) in MISTAKES {
        assert!(OFFICE_WEEK.contains(right), "{right}");
        let error = Scenario::from_toml(&OFFICE_WEEK.replacen(right, wrong, 1)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{wrong}: {text}");
        assert!(text.starts_with("scenario, line "), "{text}");
    }
    let missing = Scenario::read("no/such.toml".as_ref())
        .unwrap_err()
        .to_string();
    assert!(missing.contains("no/such.toml"), "{missing}");
}

#[test]
fn a_full_disk_is_an_error() {
    let scenario = Scenario::from_toml(TINY).unwrap();
    let mut full = io::Cursor::new([0; 1_000]);
    let error = simulate(&scenario, &mut &mut full, &mut io::sink()).unwrap_err();
    assert!(matches!(error, SimulateError::Capture(_)));
}

/// What is right in the office week, what is wrong in its place, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "days = 9",
        "days = 0",
        "line 6, column 8: `days` must be 1 to 400",
    ),
    (
        "days = 9",
        "days = 9\nhours = 3",
        "line 7, column 1: unknown field `hours`",
    ),
    (
        "\"2026-03-02T00:00:00+08:00\"",
        "\"day 1 00:00\"",
        "`start` must be RFC 3339",
    ),
    (
        "Asia/Shanghai",
        "Asia/Atlantis",
        "unknown time zone `Asia/Atlantis`",
    ),
    (
        "to = \"office-suite\"",
        "to = \"office-sweet\"",
        "no destination `office-sweet`",
    ),
    (
        "asset = \"office-2\"",
        "asset = \"office-7\"",
        "no asset `office-7`; the scenario has",
    ),
    (
        "kind = \"bulk\"",
        "kind = \"bulky\"",
        "no kind `bulky` here; use bulk, slow",
    ),
    ("bytes = \"600MB\"", "", "a `bulk` needs the key `bytes`"),
    (
        "bytes = \"600MB\"",
        "bytes = \"600Mb\"",
        "`600Mb` is not an amount of bytes",
    ),
    (
        "bytes = \"600MB\"",
        "bytes = \"600MB\"\nfactor = 2.0",
        "`bulk` has no `factor`",
    ),
    (
        "start = \"day 8 10:20\"",
        "start = \"day 10 10:20\"",
        "lies outside the scenario",
    ),
    (
        "duration = \"20m\"",
        "duration = \"20d\"",
        "would end after the scenario",
    ),
    (
        "destination = \"drop-ru\"",
        "destination = \"resolver\"",
        "this is at home",
    ),
    ("id = \"small-nl\"", "id = \"bulk-ru\"", "this id is taken"),
    (
        "on = \"day 8\"",
        "on = \"day 12\"",
        "no schedule `nightly-backup` runs on that day",
    ),
    (
        "count = 4",
        "count = 400",
        "the network has no host number 255",
    ),
    (
        "10.20.5.0/24",
        "10.20.2.0/24",
        "10.20.2.11 belongs to another group",
    ),
    ("name = \"web\"", "name = \"backup\"", "this name is taken"),
    ("10.20.5.0/24", "10.21.5.0/24", "not within `site.networks`"),
    (
        "rtt_ms = 172",
        "rtt_ms = nan",
        "line 18, column 10: this number must be 0.01 to 5000",
    ),
    (
        "jurisdiction = \"RU\"",
        "jurisdiction = \"ru\"",
        "not an upper-case ISO 3166-1",
    ),
    (
        "active = 1.0",
        "active = 1.5",
        "this number must be 0.001 to 1",
    ),
    (
        "service = \"tcp/443\"",
        "service = \"tcp/443\"\nprotocol = \"tls14\"",
        "there is no protocol `tls14`; use none, tls10, tls12",
    ),
    (
        "service = \"tcp/443\"",
        "service = \"tcp/443\"\nprotocol = \"quic\"",
        "`quic` is not spoken over tcp/443",
    ),
    (
        "service = \"tcp/443\"",
        "service = \"tcp/443\"\nserver_name = \"Files\"",
        "`Files` is not the name of a host",
    ),
    (
        "bytes = \"600MB\"",
        "bytes = \"600MB\"\nprotocol = \"dns\"",
        "`dns` is not spoken over tcp/443",
    ),
    (
        "delay = \"6h\"",
        "delay = \"6h\"\nprotocol = \"http\"",
        "`late_backup` has no `protocol`",
    ),
];
