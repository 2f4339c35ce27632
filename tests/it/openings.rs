//! What simulated conversations say first reaches whoever reads the results.

use std::fs::{self, File};

use borderflow::simulate::{Scenario, read_truth, simulate};
use serde_json::{Value, json};

use crate::schemas::Schema;
use crate::support::{Conserved, json_lines, number, replay};

/// Country, address, service, protocol, and what protects by that.
const LEAKS: [(&str, &str, &str, &str, &str); 9] = [
    ("AU", "13.54.20.8", "tcp/443", "none", "unseen"),
    ("BR", "18.228.40.12", "tcp/25", "smtp", "clear"),
    ("CA", "104.16.10.7", "udp/443", "quic", "strong"),
    ("DE", "159.89.10.44", "tcp/443", "tls10", "weak"),
    ("JP", "210.140.10.20", "tcp/22", "ssh", "strong"),
    ("NL", "188.166.10.40", "tcp/443", "tls12", "standard"),
    ("RU", "185.22.152.77", "tcp/80", "http", "clear"),
    ("SG", "52.220.10.24", "tcp/587", "smtp_starttls", "strong"),
    (
        "US",
        "138.68.10.91",
        "tcp/443",
        "post_quantum",
        "post_quantum",
    ),
];

#[test]
fn names_and_protection_are_told_by_country() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let scenario = Scenario::from_toml(&scenario()).unwrap();
    let [capture, truth, config] = ["x.pcap", "truth.jsonl", "site.toml"].map(at);
    let mut files = [&capture, &truth].map(|path| File::create(path).unwrap());
    let [capture_file, truth_file] = &mut files;
    simulate(&scenario, capture_file, truth_file).unwrap();
    fs::write(&config, CONFIG).unwrap();
    let out = at("out");
    let ran = replay(&[&capture], &out, &["--config", config.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);

    let Conserved { summary, flows } = Conserved::of(&out).unwrap();
    let truth = read_truth(fs::read(&truth).unwrap().as_slice()).unwrap();
    assert_eq!(truth.len(), LEAKS.len());
    for (country, .., protection) in LEAKS {
        let mut lines = truth.iter();
        let line = lines.find(|line| line.jurisdiction == country).unwrap();
        assert_eq!(line.bytes, BYTES, "{line:?}");
        let told = &summary["protected_bytes"][country];
        if country == "US" {
            // There ordinary conversations go, too, of which some are too short for a hello.
            assert!(number(told, protection) > BYTES, "{told}");
        } else {
            assert_eq!(*told, json!({ protection: BYTES }), "{country}");
        }
    }
    let named = |flow: &Value| flow["sni"].as_str().map(str::to_owned);
    let names: Vec<String> = flows.iter().filter_map(named).collect();
    assert!(names.contains(&"us.example.net".to_owned()), "{names:?}");
    assert!(
        names.iter().all(|name| name.contains(".example.")),
        "{names:?}"
    );

    let alerts = json_lines(&out.join("alerts.jsonl"));
    let mut opened = alerts.iter().filter(|alert| alert["event"] == "open");
    let alert = opened.find(|alert| alert["jurisdiction"] == "RU").unwrap();
    assert_eq!(alert["recipient"], "example.net");
    let flow = &alert["flows"][0];
    assert_eq!(flow["name"], "parcel.example.net");
    assert_eq!(
        (&flow["app"], &flow["protection"]),
        (&"http".into(), &"clear".into())
    );
    let explained = alert["explanation"].as_str().unwrap();
    let said = "It speaks http, asks for parcel.example.net and is not encrypted.";
    assert!(explained.ends_with(said), "{explained}");

    // A limit on what is not protected holds from the first hour on, and for nothing else.
    fs::write(&config, format!("{LEARNING}{LIMIT}")).unwrap();
    let ran = replay(&[&capture], &out, &["--config", config.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let alerts = json_lines(&out.join("alerts.jsonl"));
    Schema::read("alerts").accepts(&alerts);
    let opened = alerts.iter().filter(|alert| alert["event"] == "open");
    let mut told: Vec<_> = opened
        .map(|alert| {
            assert_eq!(alert["detectors"][0]["name"], "unprotected", "{alert:#}");
            assert!(
                (30_000_001..31_000_000).contains(&number(alert, "bytes")),
                "{alert:#}"
            );
            alert["jurisdiction"].as_str().unwrap()
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, ["BR", "DE", "RU"]);
}

/// Four ordinary days, and a leak in each protocol from an asset of its own.
fn scenario() -> String {
    let mut text = SITE.to_owned();
    for (number, (country, address, service, protocol, _)) in (1..).zip(LEAKS) {
        let host = country.to_ascii_lowercase();
        // A leak may say something else than others do with the same destination.
        let of_leak = if country == "RU" {
            "server_name = \"parcel.example.net\""
        } else {
            ""
        };
        text += &format!(
            "[[destination]]\nname = \"{host}\"\njurisdiction = \"{country}\"\n\
             addresses = [\"{address}\"]\nservice = \"{service}\"\nprotocol = \"{protocol}\"\n\
             server_name = \"{host}.example.net\"\nrtt_ms = 100\n\
             [[leak]]\nid = \"{host}\"\nkind = \"bulk\"\nasset = \"office-{number}\"\n\
             destination = \"{host}\"\nstart = \"day 5 10:20\"\nduration = \"10m\"\n\
             bytes = \"60MB\"\n{of_leak}\n"
        );
    }
    text
}

const BYTES: u64 = 60_000_000;

const SITE: &str = r#"
seed = 5
start = "2026-06-15T00:00:00Z"
days = 5
[site]
networks = ["10.20.0.0/16"]
jurisdictions = ["CN"]
time_zone = "UTC"
[[destination]]
name = "resolver"
jurisdiction = "CN"
addresses = ["223.5.5.5"]
service = "udp/53"
rtt_ms = 6
flow = "46B"
[[destination]]
name = "portal"
jurisdiction = "CN"
addresses = ["220.181.38.128/28"]
service = "tcp/443"
server_name = "www.example.org"
rtt_ms = 20
[[destination]]
name = "suite"
jurisdiction = "US"
addresses = ["52.96.0.16/28"]
service = "tcp/443"
protocol = "post_quantum"
rtt_ms = 170
[[group]]
name = "office"
kind = "workstation"
network = "10.20.10.0/24"
count = 9
traffic = [
    { to = "resolver", daily = "1kB" },
    { to = "portal", daily = "900kB" },
    { to = "suite", daily = "400kB" },
]
"#;

const LEARNING: &str = r#"
[site]
networks = ["10.20.0.0/16"]
jurisdictions = ["CN"]
[baseline]
learn = "30d"
"#;

const LIMIT: &str = "[alert]\nunprotected_bytes_per_hour = 30_000_000\n";

const CONFIG: &str = r#"
[site]
networks = ["10.20.0.0/16"]
jurisdictions = ["CN"]
[baseline]
learn = "0h"
[alert]
budget_per_asset_week = 1.0
"#;
