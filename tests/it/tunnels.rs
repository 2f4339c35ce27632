//! Data hidden in names and pings, through the whole program.

use std::fs;
use std::path::{Path, PathBuf};

use etherparse::PacketBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::packets::Capture;
use crate::restart::split;
use crate::support::{json_lines, listed_captures, replay, shared};

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
const ASSET: [u8; 4] = [192, 168, 1, 5];
const RESOLVER: [u8; 4] = [192, 168, 1, 1];
const ABROAD: [u8; 4] = [5, 9, 0, 1];
const BEGIN: u32 = 1_700_000_000;

/// Digits that nobody can foresee, and that are the same in each run.
fn digits(number: u32, count: usize) -> String {
    let mut state = u64::from(number) << 20 | 0x5_eed5;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from_digit((state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 60) as u32, 16)
    };
    std::iter::repeat_with(next).take(count).flatten().collect()
}

fn question(number: u16, name: &str) -> Vec<u8> {
    let head = [number, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    let labels = name.split('.').flat_map(|label| {
        let length = label.len() as u8;
        [&[length], label.as_bytes()].concat()
    });
    head.into_iter()
        .chain(labels)
        .chain([0, 0, 16, 0, 1])
        .collect()
}

/// A query for a text record.
fn ask(capture: &mut Capture, at: (u32, u32), from: [u8; 4], to: [u8; 4], name: &str) {
    let builder = PacketBuilder::ethernet2(MACS[0], MACS[1]);
    let builder = builder.ipv4(from, to, 64).udp(40_000, 53);
    let mut frame = Vec::new();
    let message = question(at.0 as u16, name);
    builder.write(&mut frame, &message).unwrap();
    capture.frame(at.0, at.1, &frame);
}

/// An asset asks the site's resolver, which asks on, for a new name every ten seconds and a
/// known one in between.
fn names() -> Capture {
    let mut capture = Capture::new();
    for round in 0..200 {
        let second = BEGIN + 10 * round;
        let secret = format!("{}.t.exfil.example", digits(round, 48));
        for name in [secret, "www.example.org".to_owned()] {
            ask(&mut capture, (second, 0), ASSET, RESOLVER, &name);
            ask(&mut capture, (second, 500), RESOLVER, ABROAD, &name);
        }
    }
    capture
}

/// Pings a second apart, whose payload is told by their number.
fn pings(payload: impl Fn(u32) -> Vec<u8>) -> Capture {
    let mut capture = Capture::new();
    for round in 0..120 {
        for (is_reply, from, to) in [(false, ASSET, ABROAD), (true, ABROAD, ASSET)] {
            let builder = PacketBuilder::ethernet2(MACS[0], MACS[1]).ipv4(from, to, 64);
            let builder = if is_reply {
                builder.icmpv4_echo_reply(7, round as u16)
            } else {
                builder.icmpv4_echo_request(7, round as u16)
            };
            let mut frame = Vec::new();
            builder.write(&mut frame, &payload(round)).unwrap();
            capture.frame(BEGIN + round, u32::from(is_reply) * 1_000, &frame);
        }
    }
    capture
}

fn alerts(folder: &Path, capture: &Path, options: &[&str]) -> (Vec<Value>, Vec<u8>) {
    let out = folder.join("out");
    let ran = replay(&[capture], &out, options);
    assert!(matches!(ran.status, Some(0 | 3)), "{ran:?}");
    let path = out.join("alerts.jsonl");
    (json_lines(&path), fs::read(path).unwrap())
}

fn opened(alerts: &[Value]) -> Vec<&Value> {
    let opened = alerts.iter().filter(|alert| alert["event"] == "open");
    opened.collect()
}

#[test]
fn names_that_carry_data_are_told_of_who_asks_first() {
    let folder = TempDir::new().unwrap();
    let capture = names().write(folder.path(), "names.pcap");
    let (lines, bytes) = alerts(folder.path(), &capture, &["--workers", "1"]);
    let [alert] = opened(&lines)[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(alert["asset"], "192.168.1.5");
    assert_eq!(alert["jurisdiction"], "ZZ", "nobody sees where it goes");
    assert_eq!(alert["recipient"], "exfil.example");
    assert_eq!(alert["detectors"][0]["name"], "names");
    assert_eq!(alert["severity"], "high");
    let told = alert["bytes"].as_u64().unwrap();
    // 24 bytes each, of which a part is told when 1.5 KiB have gone.
    assert!((1_536..1_700).contains(&told), "{alert:#}");
    let (_, with_more) = alerts(folder.path(), &capture, &["--workers", "4"]);
    assert_eq!(bytes, with_more, "the number of workers makes a difference");
}

#[test]
fn names_asked_of_a_server_abroad_go_to_its_country() {
    let folder = TempDir::new().unwrap();
    let mut capture = Capture::new();
    for round in 0..100 {
        let name = format!("{}.exfil.example", digits(round, 48));
        ask(&mut capture, (BEGIN + round, 0), ASSET, ABROAD, &name);
    }
    let capture = capture.write(folder.path(), "direct.pcap");
    let (lines, _) = alerts(folder.path(), &capture, &[]);
    assert_eq!(opened(&lines).len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["jurisdiction"], "DE");
    assert_eq!(lines[0]["asset_ip"], "192.168.1.5");
}

#[test]
fn pings_that_carry_data_are_told_and_others_are_not() {
    let folder = TempDir::new().unwrap();
    let told = |payload: fn(u32) -> Vec<u8>| {
        let capture = pings(payload).write(folder.path(), "pings.pcap");
        alerts(folder.path(), &capture, &[]).0
    };
    let lines = told(|round| digits(round, 56).into_bytes());
    let [alert] = opened(&lines)[..] else {
        panic!("{lines:#?}");
    };
    assert_eq!(alert["detectors"][0]["name"], "echoes");
    assert_eq!(
        (&alert["jurisdiction"], &alert["asset"]),
        (&"DE".into(), &"192.168.1.5".into())
    );
    // A clock, as ping of Linux sends it, and a pattern.
    let lines = told(|round| {
        let clock = u64::from(BEGIN + round).to_le_bytes();
        let fraction = u64::from(round * 7_919 % 1_000_000).to_le_bytes();
        [&clock[..], &fraction, &Vec::from_iter(0x10..0x38)].concat()
    });
    assert_eq!(lines, Vec::<Value>::new());
}

#[test]
fn what_was_heard_outlives_a_restart() {
    let folder = TempDir::new().unwrap();
    let capture = names().write(folder.path(), "names.pcap");
    let (whole, _) = alerts(folder.path(), &capture, &[]);
    let state = folder.path().join("state");
    let options = ["--state", state.to_str().unwrap()];
    let mut parts = Vec::new();
    // The first part ends before anything is told.
    for part in split(&capture, BEGIN + 300) {
        parts.extend(alerts(folder.path(), &part, &options).0);
    }
    let ids = |lines: &[Value]| Vec::from_iter(lines.iter().map(|line| line["id"].clone()));
    assert_eq!(ids(&parts), ids(&whole));
    assert!(!whole.is_empty());
}

/// Captures whose names carry data; all else that speaks DNS or pings must stay quiet.
const TUNNELS: [&str; 2] = [
    "dns_tunnel_detection/dns-tunnel-iodine.pcap",
    "dns/bug-1158/",
];

#[test]
fn of_real_captures_the_tunnels_are_told_and_the_others_are_not() {
    let test = "tunnels in real captures";
    let Some(captures) = shared(test, "captures") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let is_wanted = |path: &str| {
        let words = ["dns", "icmp", "ping", "iodine", "doh"];
        words.iter().any(|word| path.to_lowercase().contains(word))
    };
    let listed = listed_captures(&captures).into_iter();
    let wanted: Vec<String> = listed
        .map(|(path, _)| path)
        .filter(|it| is_wanted(it))
        .collect();
    assert!(wanted.len() > 80, "{} captures", wanted.len());
    let mut told = Vec::new();
    for path in &wanted {
        let file: PathBuf = captures.join(path);
        let out = folder.path().join("out");
        let ran = replay(&[&file], &out, &[]);
        if !matches!(ran.status, Some(0 | 3)) {
            continue;
        }
        let lines = json_lines(&out.join("alerts.jsonl"));
        let hidden = |line: &&Value| {
            let name = &line["detectors"][0]["name"];
            line["event"] == "open" && (name == "names" || name == "echoes")
        };
        told.extend(lines.iter().filter(hidden).map(|_| path.clone()));
    }
    println!("{test}: {} captures, told of {told:?}", wanted.len());
    for tunnel in TUNNELS {
        assert!(
            told.iter().any(|path| path.contains(tunnel)),
            "{tunnel} is quiet"
        );
    }
    told.retain(|path| !TUNNELS.iter().any(|tunnel| path.contains(tunnel)));
    assert_eq!(told, Vec::<String>::new());
}
