//! A ledger by itself: entries that are committed a few at a time, and how long many of them take
//! to be checked.
//!
//! `ledger write FOLDER COUNT` adds alerts until there are COUNT, and tells after each commit how
//! many are acknowledged; `scripts/crash.py` kills it at every step. `ledger time FOLDER COUNT`
//! writes a new ledger and checks it as `borderflow ledger verify` does.

#![allow(clippy::print_stdout, reason = "it talks to who runs it")]
#![allow(
    clippy::disallowed_methods,
    reason = "what takes how long is what it is for"
)]

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::Instant;

use borderflow::ledger::{Body, Filter, Key, Kind, Ledger, VerifyOptions, show, verify};
use borderflow::time::Timestamp;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", folder, count] => write(folder.as_ref(), count.parse()?, COMMIT_ENTRIES),
        ["time", folder, count] => time(folder.as_ref(), count.parse()?),
        _ => Err("usage: ledger write|time FOLDER COUNT".into()),
    }
}

/// Entries between two commits, and as many as may be lost unacknowledged.
const COMMIT_ENTRIES: u64 = 3;

/// Entries between two commits of a ledger that is timed.
const MANY_ENTRIES: u64 = 1_000;

fn key() -> Result<Key, String> {
    Key::from_seed(&[7; 32])
}

fn write(folder: &Path, count: u64, commit_entries: u64) -> Result<(), Box<dyn Error>> {
    let opened = Ledger::open(folder, key()?)?;
    let mut ledger = opened.ledger;
    let alerts = Filter {
        kinds: vec![Kind::Alert],
        ..Filter::default()
    };
    // Beside them stands what was mended.
    let known = u64::try_from(show(folder, alerts)?.flatten().count())?;
    for number in known..count {
        // What a line of an alert is long.
        let body = json!({
            "asset": format!("asset-{}", number % 50),
            "bytes": number * 1_000,
            "explanation": "x".repeat(usize::try_from(number % 7)? * 100),
        });
        // Seven seconds apart, so that heads are due in between.
        let time = Timestamp::from_parts(1_772_409_540 + i64::try_from(number)? * 7, 0);
        ledger.append(time, Kind::Alert, &Body::new(&body)?)?;
        if (number + 1).is_multiple_of(commit_entries) || number + 1 == count {
            ledger.commit()?;
            if commit_entries == COMMIT_ENTRIES {
                println!("acknowledged {}", number + 1);
                stdout().flush()?;
            }
        }
    }
    Ok(())
}

fn time(folder: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    write(folder, count, MANY_ENTRIES)?;
    let written = begun.elapsed();
    let bytes = std::fs::metadata(folder.join("entries.jsonl"))?.len();
    let begun = Instant::now();
    let options = VerifyOptions {
        key: Some(key()?.public()),
        witness: None,
    };
    let report = verify(folder, &options)?;
    println!(
        "{count} entries, {} MB: written in {:.2} s, checked in {:.2} s: {report}",
        bytes / 1_000_000,
        written.as_secs_f64(),
        begun.elapsed().as_secs_f64(),
    );
    Ok(())
}
