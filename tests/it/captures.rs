//! Every shared capture through the program: real traffic, attacks, fuzzed files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use crate::support::{Conserved, json_lines, listed_captures, number, replay, shared};

#[test]
fn every_shared_capture_is_read_or_refused_and_nothing_is_lost() {
    let Some(captures) = shared("captures", "captures") else {
        return;
    };
    let listed = listed_captures(&captures);
    assert!(listed.len() >= CAPTURES, "{} captures", listed.len());
    let next = AtomicUsize::new(0);
    let results: Vec<_> = thread::scope(|scope| {
        let replay_some = || {
            let folder = tempfile::tempdir().unwrap();
            let mut results = Vec::new();
            while let Some((name, said)) = listed.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = outcome(&captures.join(name), said, folder.path());
                results.push((name, result));
            }
            results
        };
        let threads = [(); PROCESSES].map(|()| scope.spawn(replay_some));
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut counts = BTreeMap::<_, usize>::new();
    let mut wrong = Vec::new();
    for (name, result) in results {
        match result {
            Ok(outcome) => *counts.entry(outcome).or_default() += 1,
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    println!("{} captures: {counts:#?}", listed.len());
    assert!(
        wrong.is_empty(),
        "{} captures:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// How a replay ended, for the tally.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Status 0.
    Read,
    /// Status 3: libpcap gives up on it after its header, too.
    Damaged,
    /// Status 1: libpcap does not open it either.
    Refused,
    /// Status 1, of a link type that is not read.
    LinkType,
}

/// Replays one capture and holds the results against each other and against what its
/// manifest says: the number of its packets as counted by another program, and whether
/// libpcap reads it to its end.
fn outcome(file: &Path, said: &Value, folder: &Path) -> Result<Outcome, String> {
    let out = folder.join("out");
    let ran = replay(&[file], &out, &[]);
    if ran.timed_out {
        return Err("took longer than 10 s".to_owned());
    }
    if ran.stderr.contains("panicked") {
        return Err(ran.stderr);
    }
    let is_sound = number(said, "libpcap_rc") == 0;
    match ran.status {
        Some(0) => {
            check_results(&out, said)?;
            Ok(Outcome::Read)
        }
        Some(3) if !is_sound => {
            Conserved::of(&out)?;
            Ok(Outcome::Damaged)
        }
        Some(1) if !is_sound => Ok(Outcome::Refused),
        Some(1) if ran.stderr.contains(" is not supported; ") => Ok(Outcome::LinkType),
        status => Err(format!("status {status:?}: {}", ran.stderr)),
    }
}

/// Checks the files of a capture that was read to its end.
fn check_results(out: &Path, said: &Value) -> Result<(), String> {
    let Conserved { summary, .. } = Conserved::of(out)?;
    for file in ["alerts.jsonl", "shadow.jsonl", "transfers.jsonl"] {
        json_lines(&out.join(file));
    }
    let mut expected = vec![("frames_read", number(said, "pkts"))];
    if summary["dropped"]
        .as_object()
        .is_some_and(|it| it.is_empty())
    {
        expected.push(("wire_bytes", number(said, "bytes")));
    }
    for (field, expected) in expected {
        let found = number(&summary, field);
        if found != expected {
            return Err(format!("{field} is {found}, its manifest says {expected}"));
        }
    }
    Ok(())
}

/// Captures that the manifests list.
const CAPTURES: usize = 1_254;

/// Replays at once.
const PROCESSES: usize = 2;
