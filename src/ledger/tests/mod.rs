//! Ledgers on a disk, and what is made of them.

mod proofs;
mod restart;
mod tamper;
mod vectors;

use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::time::Timestamp;

fn key() -> Key {
    Key::from_seed(&[7; 32]).unwrap()
}

fn seconds(seconds: i64) -> Timestamp {
    // It begins a minute before midnight.
    Timestamp::from_parts(1_772_409_540 + seconds, 0)
}

fn body(number: u64) -> Body {
    Body::new(&json!({"bytes": number * 1_000, "to": "ZZ"})).unwrap()
}

fn open(folder: &Path) -> Opened {
    Ledger::open(folder, key()).unwrap()
}

/// Adds alerts, one every two seconds, from this one on.
fn add(ledger: &mut Ledger, from: u64, to: u64) {
    for number in from..to {
        let time = seconds(number as i64 * 2);
        let index = ledger.append(time, Kind::Alert, &body(number)).unwrap();
        assert_eq!(index, number);
    }
}

/// A ledger of so many entries that was stopped.
fn stopped(folder: &Path, size: u64) -> Vec<Head> {
    let mut ledger = open(folder).ledger;
    add(&mut ledger, 0, size - 1);
    ledger
        .append(seconds(size as i64 * 2), Kind::Stop, &body(0))
        .unwrap();
    ledger.commit().unwrap().heads
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.map(<[u8]>::to_vec).collect()
}

fn check(folder: &Path) -> Report {
    let options = VerifyOptions {
        key: Some(key().public()),
        witness: None,
    };
    verify(folder, &options).unwrap()
}

/// Makes the chain anew over bodies that were changed.
fn chained(entries: impl IntoIterator<Item = Entry>, mut previous: Hash) -> Vec<String> {
    let rechain = |mut entry: Entry| {
        entry.previous = previous;
        let line = entry.to_string();
        previous = leaf_hash(line.as_bytes());
        line
    };
    entries.into_iter().map(rechain).collect()
}
