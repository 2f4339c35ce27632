//! Content of what is sent in the clear, where the operator has it looked into.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use etherparse::PacketBuilder;
use serde_json::Value;

use crate::packets::{ABROAD, ASSET, Capture};
use crate::schemas::Schema;
use crate::support::{Ran, json_lines, replay};

const START: u32 = 1_772_413_200;

/// Two persons, by resident identity numbers with right check digits.
const PERSONS: [&str; 2] = ["11010519491231002X", "360426199101010071"];

/// A segment from the asset to abroad.
fn segment(sequence: u32, flags: &str, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4(ASSET, ABROAD, 64)
        .tcp(40_000, 80, sequence, 64_000);
    let builder = match flags {
        "syn" => builder.syn(),
        _ => builder.ack(1).psh(),
    };
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// A request in the clear that names both persons, cut into segments of so many bytes, the
/// second of which comes twice.
fn capture(segment_bytes: usize) -> Capture {
    let body = format!(
        "{{\"a\":{{\"id\":\"{}\"}},\"b\":{{\"id\":\"{}\"}}}}",
        PERSONS[0], PERSONS[1]
    );
    let request = format!(
        "POST /cases HTTP/1.1\r\nHost: cases.example.org\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut capture = Capture::new();
    capture.frame(START, 0, &segment(99, "syn", b""));
    let mut sequence = 100;
    for (place, piece) in request.as_bytes().chunks(segment_bytes).enumerate() {
        let nanos = 1_000_000 * (place as u32 + 1);
        let frame = segment(sequence, "ack", piece);
        capture.frame(START, nanos, &frame);
        if place == 1 {
            capture.frame(START, nanos + 1, &frame);
        }
        sequence += piece.len() as u32;
    }
    capture
}

/// Replays a capture of an asset that is declared to be about business, inspected or not.
fn seen(folder: &Path, capture: &Capture, is_inspected: bool, workers: &str) -> (Ran, Vec<Value>) {
    let file = capture.write(folder, "capture.pcap");
    let key = folder.join("inspect.key");
    fs::write(&key, "000102030405060708090a0b0c0d0e0f\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let config = folder.join("config.toml");
    let text = format!(
        "[site]\njurisdictions = [\"CN\"]\n[inspect]\nkey = \"inspect.key\"\n\
         [policy]\nalert_bytes_per_day = 0\n[[asset.known]]\nname = \"desk\"\n\
         addresses = [\"10.0.0.0/8\", \"192.168.0.0/16\", \"172.16.0.0/12\"]\n\
         categories = [\"business\"]\nis_inspected = {is_inspected}\n"
    );
    fs::write(&config, text).unwrap();
    let out = folder.join("out");
    let options = ["--config", config.to_str().unwrap(), "--workers", workers];
    let ran = replay(&[&file], &out, &options);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    (ran, json_lines(&out.join("verdicts.jsonl")))
}

#[test]
fn persons_in_the_clear_are_counted_however_segments_are_cut() {
    let mut all = Vec::new();
    for (bytes, workers) in [(1_400, "1"), (61, "1"), (17, "3")] {
        let folder = tempfile::tempdir().unwrap();
        let (ran, verdicts) = seen(folder.path(), &capture(bytes), true, workers);
        assert!(ran.stdout.contains("is looked into"), "{ran:?}");
        Schema::read("verdicts").accepts(&verdicts);
        let last = verdicts.last().unwrap().clone();
        let identifiers = &last["content"]["identifiers"]["resident_id"];
        assert_eq!(identifiers["hits"], 2, "cut by {bytes}: {last}");
        assert_eq!(last["inputs"]["observed"], 2, "cut by {bytes}: {last}");
        // Two persons are below every threshold, which tells nothing; in the clear they matter.
        assert_eq!(last["verdict"], "not_determinable", "{last}");
        assert_eq!(last["severity"], "medium", "{last}");
        let text = verdicts.iter().map(Value::to_string).collect::<String>();
        for person in PERSONS {
            assert!(!text.contains(person), "a raw value was written");
        }
        all.push(last["content"].clone());
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
}

#[test]
fn nothing_is_looked_into_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (ran, verdicts) = seen(folder.path(), &capture(1_400), false, "1");
    assert!(!ran.stdout.contains("is looked into"), "{ran:?}");
    assert!(!verdicts.is_empty());
    for line in &verdicts {
        assert_eq!(line["verdict"], "not_determinable", "{line}");
        assert!(line.get("content").is_none(), "{line}");
    }
}
