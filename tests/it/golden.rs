//! Golden replays: `captures/<case>.pcap` with the configuration of `tests/golden/<case>`
//! gives the alerts, the flows and the summary that are kept there, byte for byte.
//!
//! Where a change of them is meant, `UPDATE_GOLDEN=1` writes them anew (`make golden`), and
//! the difference is for a person to look at. What each case is about is said by its
//! `purpose.md`, and checked here in numbers, so that no update can lose it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Results, replay_to, results};
use crate::support::{number, root};

/// The files that are compared.
const FILES: [&str; 3] = ["alerts.jsonl", "flows.jsonl", "summary.json"];

/// Largest capture that is kept in the repository.
const CAPTURE_BYTES_MAX: u64 = 200_000;

/// The folders of `tests/golden`, by name.
fn cases() -> Vec<(String, PathBuf)> {
    let folders = fs::read_dir(root().join("tests/golden")).unwrap();
    let named = |folder: PathBuf| (folder.file_name().unwrap().to_str().unwrap().into(), folder);
    let mut cases: Vec<_> = folders.map(|entry| named(entry.unwrap().path())).collect();
    cases.sort();
    assert!(cases.len() >= 8, "a case is missing");
    cases
}

/// Replays a case into a folder.
fn replay(name: &str, case: &Path, out: &Path, workers: &str) -> Results {
    let capture = root().join(format!("captures/{name}.pcap"));
    let config = case.join("config.toml");
    let options = ["--workers", workers, "--config", config.to_str().unwrap()];
    replay_to(out, &[&capture], &options).succeeded();
    results(out)
}

#[test]
fn golden_replays_are_as_expected() {
    let updates = std::env::var_os("UPDATE_GOLDEN").is_some();
    let folder = tempfile::tempdir().unwrap();
    let mut differences = Vec::new();
    for (name, case) in cases() {
        for workers in ["1", "3"] {
            let out = folder.path().join(&name);
            replay(&name, &case, &out, workers);
            for file in FILES {
                let (expected, actual) = (case.join(file), out.join(file));
                if updates && workers == "1" {
                    fs::copy(&actual, &expected).unwrap();
                }
                differences.extend(difference(&expected, &actual));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{}\nif that is meant: make golden, and look at the difference",
        differences.join("\n")
    );
}

/// The first line in which two files differ.
fn difference(expected: &Path, actual: &Path) -> Option<String> {
    let [before, now] = [expected, actual].map(|path| {
        let text = fs::read_to_string(path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    if before == now {
        return None;
    }
    let lines = before.lines().chain([""]).zip(now.lines().chain([""]));
    let mut numbered = (1..).zip(lines);
    let (line, (before, now)) = numbered.find(|(_, (before, now))| before != now)?;
    let name = expected.strip_prefix(root()).unwrap().display();
    Some(format!(
        "{name}:{line}\n  expected {before}\n  is       {now}"
    ))
}

#[test]
fn golden_cases_are_small_and_say_what_they_are_for() {
    for (name, case) in cases() {
        let purpose = fs::read_to_string(case.join("purpose.md")).unwrap();
        let sentence = purpose.trim_end();
        assert!(
            sentence.ends_with('.') && !sentence.contains(". "),
            "{name}: {purpose}"
        );
        let capture = root().join(format!("captures/{name}.pcap"));
        let bytes = fs::metadata(&capture).unwrap().len();
        assert!(bytes < CAPTURE_BYTES_MAX, "{name}: {bytes} bytes");
    }
}

/// Replays a case to see whether it shows what it is for.
fn shown(name: &str) -> Results {
    let folder = tempfile::tempdir().unwrap();
    let case = root().join("tests/golden").join(name);
    replay(name, &case, folder.path(), "1")
}

impl Results {
    /// Export bytes to a country.
    fn exported_to(&self, country: &str) -> u64 {
        self.summary["export_bytes"][country].as_u64().unwrap_or(0)
    }

    /// A number of all flows of an IP protocol.
    fn sum(&self, protocol: u64, field: &str) -> u64 {
        let of_protocol = self.flows.iter().filter(|flow| flow["proto"] == protocol);
        of_protocol.map(|flow| number(flow, field)).sum()
    }
}

const ICMP: u64 = 1;
const TCP: u64 = 6;
const UDP: u64 = 17;
const ICMP_V6: u64 = 58;

/// Bytes of the heads of a few HTTP requests or responses, at most.
const HEADS_BYTES_MAX: u64 = 1_000;

/// Checks that `bytes` are those of a body and of some heads.
fn assert_body(bytes: u64, body: u64) {
    assert!(
        (body..body + HEADS_BYTES_MAX).contains(&bytes),
        "{bytes} for {body}"
    );
}

#[test]
fn golden_server_response_is_an_export() {
    let case = shown("server-response-is-an-export");
    assert_body(case.exported_to("RU"), 350_000);
    for flow in &case.flows {
        assert_eq!(
            (&flow["src"], &flow["country_src"]),
            (&"77.88.8.8".into(), &"RU".into())
        );
        assert_eq!(
            (&flow["dst_port"], &flow["end"]),
            (&80.into(), &"fin".into())
        );
    }
}

#[test]
fn golden_ipv6() {
    let case = shown("ipv6");
    let echoes = case
        .flows
        .iter()
        .find(|flow| flow["proto"] == ICMP_V6 && number(flow, "payload_bytes_src") > 12_000);
    let echoes = echoes.expect("fragmented echoes are one flow");
    assert!(echoes["src_port"].is_null());
    assert_body(case.exported_to("RU"), 200_000 + 3 * 4_000);
    assert_body(case.sum(TCP, "unique_bytes_src"), 200_000);
}

#[test]
fn golden_vlan_qinq() {
    let case = shown("vlan-qinq");
    assert!(case.flows.iter().all(|flow| flow["vlan"] == 200));
    assert_body(case.exported_to("RU"), 150_000);
    let (wire, ip) = (
        number(&case.summary, "wire_bytes"),
        number(&case.summary, "ip_bytes"),
    );
    // 14 bytes of Ethernet and two tags of 4 bytes; no packet was short enough to be padded.
    assert_eq!(wire, ip + number(&case.summary, "packets") * (14 + 8));
}

#[test]
fn golden_retransmission_and_reordering() {
    let case = shown("retransmission-and-reordering");
    assert_body(case.exported_to("RU"), 300_000);
    assert_eq!(case.exported_to("RU"), case.sum(TCP, "unique_bytes_src"));
    let sent = case.sum(TCP, "payload_bytes_src");
    assert!(sent > 320_000, "a tenth was sent twice: {sent}");
}

#[test]
fn golden_icmp_and_fragments() {
    let case = shown("icmp-and-fragments");
    assert_eq!(case.sum(UDP, "payload_bytes_src"), 20_000);
    assert_eq!(case.sum(ICMP, "payload_bytes_src"), 3 * 56 + 3 * 8_000);
    assert_eq!(case.exported_to("RU"), 20_000 + 3 * 56 + 3 * 8_000);
}

#[test]
fn golden_override_abroad_in_home_network() {
    let case = shown("override-abroad-in-home-network");
    assert_body(case.exported_to("SG"), 120_000);
    assert_eq!(case.summary["export_bytes"].as_object().unwrap().len(), 1);
    assert_eq!(
        case.flows.len(),
        2,
        "the other upload is a flow, and no export"
    );
}

#[test]
fn golden_eu_site() {
    let case = shown("eu-site");
    assert_body(case.exported_to("CH"), 100_000);
    assert_body(case.exported_to("US"), 100_000);
    assert_eq!(case.exported_to("DE"), 0);
    let germany = case.flows.iter().find(|flow| flow["country_dst"] == "DE");
    assert_body(number(germany.unwrap(), "unique_bytes_src"), 100_000);
}

#[test]
fn golden_first_alert() {
    let case = shown("first-alert");
    let first = &case.alerts[0];
    assert_eq!(
        (&first["event"], &first["jurisdiction"]),
        (&"open".into(), &"RU".into())
    );
    assert_eq!(first["asset"], "10.20.10.12");
    assert!(
        number(first, "bytes") < 20_000_000,
        "it still runs: {first}"
    );
    assert!(
        case.alerts
            .iter()
            .all(|alert| alert["jurisdiction"] == "RU")
    );
    assert!(case.alerts.iter().any(|alert| alert["event"] == "update"));
}
