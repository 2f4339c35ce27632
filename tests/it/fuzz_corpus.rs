//! The kept inputs of the fuzz targets, through the same code on the stable compiler.

use std::fs;
use std::time::Instant;

use crate::support::root;

#[path = "../../fuzz/harness/mod.rs"]
mod harness;

#[test]
fn kept_captures_are_read() {
    replay("reader", harness::reader::run);
}

#[test]
fn kept_frames_are_decoded() {
    replay("decode", harness::decode::run);
}

#[test]
fn kept_beginnings_are_read() {
    replay("dissect", harness::dissect::run);
}

#[test]
fn kept_plays_of_the_flow_table_add_up() {
    replay("flow", harness::flow::run);
}

#[test]
fn kept_packs_are_read() {
    replay("policy", harness::policy::run);
}

#[test]
fn kept_lists_are_read() {
    replay("lists", harness::lists::run);
}

#[test]
fn kept_ledgers_are_checked() {
    replay("ledger", harness::ledger::run);
}

#[test]
fn kept_content_is_looked_through() {
    replay("inspect", harness::inspect::run);
}

#[test]
fn kept_datagrams_of_exporters_are_taken() {
    replay("flow_input", harness::flow_input::run);
}

/// Runs every kept input of a target. What panics names its file.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = root().join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(
        paths.len() >= INPUTS_MIN,
        "{target}: {} inputs",
        paths.len()
    );
    let begun = Instant::now();
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        if std::panic::catch_unwind(|| run(&bytes)).is_err() {
            panic!("{target}: {}", path.display());
        }
    }
    println!(
        "{target}: {} inputs in {:.1?}",
        paths.len(),
        begun.elapsed()
    );
}

/// Fewer are no corpus.
const INPUTS_MIN: usize = 50;
