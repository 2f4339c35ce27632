//! The module as its users see it: scenarios in, captures and truth out.

mod mistakes;
mod packets;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use self::packets::{Flow, read, reversed, sent};
use super::*;

const OFFICE_WEEK: &str = include_str!("../../models/scenarios/office-week.toml");
const SMALL_SITE: &str = include_str!("../../models/scenarios/small-site.toml");

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (first, again) = (play(OFFICE_WEEK), play(OFFICE_WEEK));
    assert!(first.capture == again.capture && first.truth_text == again.truth_text);
    let other = play(&OFFICE_WEEK.replace("seed = 9\n", "seed = 10\n"));
    assert!(first.capture != other.capture);
}

/// The digest was taken on x86-64 Linux. It has to be the same everywhere, and changes
/// only when generator or scenario are changed on purpose.
#[test]
fn the_bytes_are_those_of_every_other_machine() {
    use sha2::{Digest, Sha256};
    let played = play(TINY);
    let digest = Sha256::digest(&played.capture);
    let text: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(text, "3109cd5fe93f589c");
}

#[test]
fn packets_are_in_order_and_every_one_is_well_formed() {
    let played = play(OFFICE_WEEK);
    let mut last = 0;
    let mut packets = 0;
    let mut said = 0;
    for record in records(&played.capture) {
        assert!(record.time >= last);
        last = record.time;
        packets += 1;
        let packet = read(&record);
        let headers = record.captured.len() - packet.said.len();
        let wire = headers as u32 + packet.payload_bytes;
        assert!(headers <= 96);
        // All of a packet is captured, or its headers.
        let captured = packet.said.len() as u32;
        assert!(captured == 0 || captured == packet.payload_bytes);
        said += u32::from(captured > 0);
        assert_eq!(record.original_length, wire);
        assert!(wire <= 65_549, "14 bytes of Ethernet and an IP packet");
    }
    assert!(said > 4_000, "{said}");
    assert_eq!(packets, played.simulated.packets);
    assert_eq!(Some(Timestamp::from_nanos(last)), played.simulated.last);
    assert!(
        played.capture.len() < 20_000_000,
        "{}",
        played.capture.len()
    );
}

#[test]
fn tcp_streams_have_no_gap_and_acknowledge_only_what_was_sent() {
    let played = play(OFFICE_WEEK);
    // Next expected sequence number by directed flow.
    let mut next: BTreeMap<Flow, u32> = BTreeMap::new();
    let (mut handshakes, mut repeats, mut gaps, mut data) = (0, 0, 0, 0);
    for packet in records(&played.capture).map(|record| read(&record)) {
        let Some(tcp) = packet.tcp else { continue };
        let (flow, back) = (packet.flow, reversed(packet.flow));
        if tcp.syn {
            handshakes += u32::from(!tcp.ack);
            next.insert(flow, tcp.sequence.wrapping_add(1));
            continue;
        }
        if let (true, Some(sent)) = (tcp.ack, next.get(&back)) {
            let ahead = tcp.acknowledgement.wrapping_sub(*sent) as i32;
            assert!(ahead <= 0, "{flow:?} acknowledges {ahead} bytes too many");
        }
        let expected = next.entry(flow).or_insert(tcp.sequence);
        let ahead = tcp.sequence.wrapping_sub(*expected) as i32;
        if packet.payload_bytes > 0 {
            data += 1;
            repeats += u32::from(ahead < 0);
            gaps += u32::from(ahead > 0);
        }
        let end = tcp
            .sequence
            .wrapping_add(packet.payload_bytes + u32::from(tcp.fin));
        if end.wrapping_sub(*expected) as i32 > 0 {
            *expected = end;
        }
    }
    assert!(handshakes > 1_000, "{handshakes}");
    assert!(repeats > 0 && gaps > 0, "{repeats} {gaps}");
    assert!(repeats + gaps < data / 50, "{repeats} {gaps} {data}");
}

#[test]
fn the_truth_is_what_the_capture_holds() {
    let played = play(OFFICE_WEEK);
    let truth = read_truth(played.truth_text.as_bytes()).unwrap();
    assert_eq!(truth.len() as u64, played.simulated.events);
    // Both leaks go to an address of their own.
    for (id, peer) in [("bulk-ru", "185.22.152.77"), ("small-nl", "188.166.10.40")] {
        let leak = truth.iter().find(|line| line.id == id).unwrap();
        let (bytes, first, last) = sent(&played.capture, leak.asset, peer.parse().unwrap());
        assert_eq!((leak.bytes, leak.benign), (bytes, false), "{id}");
        assert_eq!(
            (leak.start.as_nanos(), leak.end.as_nanos()),
            (first, last),
            "{id}"
        );
        assert_eq!(
            played.simulated.export_bytes[&leak.jurisdiction], bytes,
            "{id}"
        );
    }
    let bulk = truth.iter().find(|line| line.id == "bulk-ru").unwrap();
    assert_eq!(bulk.bytes, 600_000_000);
    assert_eq!(bulk.start.to_string().get(..16), Some("2026-03-09T02:20"));
    let minutes = bulk.end.nanos_since(bulk.start) / 60_000_000_000;
    assert!((17..=20).contains(&minutes), "{minutes}");
}

#[test]
fn export_is_all_payload_from_assets_to_other_countries() {
    let played = play(OFFICE_WEEK);
    let scenario = Scenario::from_toml(OFFICE_WEEK).unwrap();
    let mut seen = BTreeSet::new();
    let mut exported: BTreeMap<String, u64> = BTreeMap::new();
    for packet in records(&played.capture).map(|record| read(&record)) {
        let (source, target) = (packet.flow.0.0, packet.flow.1.0);
        let home = |ip: IpAddr| {
            scenario
                .networks
                .iter()
                .any(|network| network.contains(&ip))
        };
        if !home(source) || home(target) || packet.payload_bytes == 0 {
            continue;
        }
        let mut claimed = claims(&scenario);
        let (_, country) = claimed
            .find(|(network, _)| network.contains(&target))
            .unwrap();
        let is_new = packet
            .tcp
            .is_none_or(|tcp| seen.insert((packet.flow, tcp.sequence)));
        if country != "CN" && is_new {
            *exported.entry(country.to_owned()).or_default() += u64::from(packet.payload_bytes);
        }
    }
    assert_eq!(exported, played.simulated.export_bytes);
}

#[test]
fn a_leak_changes_nothing_around_it() {
    let without = OFFICE_WEEK.split("[[leak]]").next().unwrap();
    let (with, without) = (play(OFFICE_WEEK), play(without));
    let mut exports = with.simulated.export_bytes.clone();
    exports.retain(|country, _| country != "RU" && country != "NL");
    assert_eq!(exports, without.simulated.export_bytes);
    assert!(
        without
            .truth_text
            .lines()
            .all(|line| with.truth_text.contains(line))
    );
}

#[test]
fn what_is_said_first_changes_no_amount() {
    let silent: String = OFFICE_WEEK
        .lines()
        .flat_map(|line| {
            let says_nothing = line.starts_with("service = ");
            [
                line,
                if says_nothing {
                    "protocol = \"none\""
                } else {
                    ""
                },
                "\n",
            ]
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let (said, silent) = (play(OFFICE_WEEK), play(&silent));
    assert_eq!(said.simulated.export_bytes, silent.simulated.export_bytes);
    let bytes = |played: &Played| -> BTreeMap<String, u64> {
        let lines = read_truth(played.truth_text.as_bytes()).unwrap();
        lines
            .into_iter()
            .map(|line| (line.id, line.bytes))
            .collect()
    };
    assert_eq!(bytes(&said), bytes(&silent));
    let mut records = records(&silent.capture);
    assert!(records.all(|record| read(&record).said.is_empty()));
    // A third more bytes for names and hellos.
    assert!(said.capture.len() * 3 < silent.capture.len() * 4);
}

#[test]
fn a_name_is_made_up_of_what_a_name_may_have() {
    let speech = scenario::Speech {
        protocol: opening::Protocol::None,
        server_name: None,
    };
    for (name, expected) in [
        ("office-suite", "office-suite.example.com"),
        ("Head Office", "head-office.example.com"),
        ("_x_", "x.example.com"),
        ("数据", "host.example.com"),
        ("", "host.example.com"),
    ] {
        assert_eq!(&*speech.name_or(name), expected);
    }
}

/// RFC 2606 section 3: nobody has these names, and nobody will.
#[test]
fn names_are_of_domains_for_examples() {
    let first_alert = include_str!("../../tests/golden/first-alert/scenario.toml");
    for text in [OFFICE_WEEK, SMALL_SITE, first_alert] {
        let scenario = Scenario::from_toml(text).unwrap();
        let own = scenario.destinations.iter().map(|destination| {
            let name = &destination.name;
            destination.speech.name_or(name)
        });
        let others = scenario.uploads.iter().filter_map(|upload| {
            let speech = upload.speech.as_ref()?;
            speech.server_name.clone()
        });
        for name in own.chain(others) {
            let domains = [".example.com", ".example.net", ".example.org"];
            assert!(
                domains.iter().any(|domain| name.ends_with(domain)),
                "{name}"
            );
        }
    }
}

#[test]
fn the_small_site_is_what_its_readme_says() {
    let scenario = Scenario::from_toml(SMALL_SITE).unwrap();
    let mut truth_text = Vec::new();
    let simulated = simulate(&scenario, &mut io::sink(), &mut truth_text).unwrap();
    assert!(
        (1_000_000..3_200_000).contains(&simulated.packets),
        "{}",
        simulated.packets
    );
    let truth = read_truth(&truth_text[..]).unwrap();
    let (benign, leaks): (Vec<_>, Vec<_>) = truth.iter().partition(|line| line.benign);
    let kinds: BTreeSet<&str> = leaks.iter().map(|line| line.kind.as_str()).collect();
    assert!(kinds.len() == leaks.len() && leaks.len() >= 5, "{kinds:?}");
    assert!(benign.len() >= 6);
    let third_week = scenario.start + 14 * 24 * 3_600 * NANOS_PER_SECOND;
    assert!(leaks.iter().all(|line| line.start.as_nanos() >= third_week));
    assert!(truth.is_sorted_by_key(|line| line.start));
    let ids: BTreeSet<&str> = truth.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids.len(), truth.len());
    assert!(
        leaks
            .iter()
            .all(|line| line.bytes > 0 && line.jurisdiction != "CN")
    );
}

#[test]
fn every_destination_geolocates_where_the_scenario_says() {
    let reader = maxminddb::Reader::open_readfile("models/geo/dbip-country.mmdb").unwrap();
    for text in [OFFICE_WEEK, SMALL_SITE] {
        let scenario = Scenario::from_toml(text).unwrap();
        for (network, country) in claims(&scenario) {
            if scenario.networks.iter().any(|own| own.contains(&network)) {
                continue;
            }
            for address in [network.network(), network.broadcast()] {
                let found = reader.lookup(address).unwrap();
                let found: Option<serde_json::Value> = found.decode().unwrap();
                assert_eq!(found.unwrap()["country_code"], country, "{address}");
            }
        }
    }
}

/// A scenario of one leak.
const TINY: &str = r#"
seed = 1
start = "2026-03-02T00:00:00Z"
days = 1
[site]
networks = ["10.0.0.0/8"]
jurisdictions = ["CN"]
time_zone = "UTC"
[[destination]]
name = "abroad"
jurisdiction = "SG"
addresses = ["192.0.2.1", "2001:db8::/120"]
service = "tcp/443"
rtt_ms = 80
[[group]]
name = "pc"
kind = "server"
network = "10.0.0.0/24"
ipv6_network = "fd00::/64"
count = 1
traffic = [{ to = "abroad", daily = "9MB" }]
[[leak]]
id = "grown"
kind = "mimicry"
asset = "pc"
destination = "abroad"
start = "day 1 06:00"
duration = "12h"
growth = 0.5
"#;

struct Played {
    capture: Vec<u8>,
    truth_text: String,
    simulated: Simulated,
}

fn play(text: &str) -> Played {
    let scenario = Scenario::from_toml(text).unwrap();
    let (mut capture, mut truth) = (Vec::new(), Vec::new());
    let simulated = simulate(&scenario, &mut capture, &mut truth).unwrap();
    Played {
        capture,
        truth_text: String::from_utf8(truth).unwrap(),
        simulated,
    }
}

/// The networks of all destinations and the country in which each claims to be.
fn claims(scenario: &Scenario) -> impl Iterator<Item = (ipnet::IpNet, &str)> {
    scenario.destinations.iter().flat_map(|destination| {
        let networks = destination.networks.iter();
        networks.map(|network| (*network, destination.jurisdiction.as_str()))
    })
}

struct Record<'a> {
    time: u64,
    original_length: u32,
    captured: &'a [u8],
}

fn records(capture: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(16), word(20)), (0xa1b2_3c4d, 1_514, 1));
    let mut at = 24;
    std::iter::from_fn(move || {
        if at == capture.len() {
            return None;
        }
        let time = u64::from(word(at)) * NANOS_PER_SECOND + u64::from(word(at + 4));
        let (start, length) = (at + 16, word(at + 8) as usize);
        assert!(length <= 1_514);
        let original_length = word(at + 12);
        at = start + length;
        Some(Record {
            time,
            original_length,
            captured: &capture[start..at],
        })
    })
}
