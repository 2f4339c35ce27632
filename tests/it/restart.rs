//! A restart with its state: what was learned goes on as if nothing had happened.
//!
//! The office's nine days are replayed in two halves, the second with the state of the
//! first, and held against one replay of the whole: at ticks of which each is a case of its own,
//! and at ticks of chance.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use borderflow::time::Tick;
use serde_json::Value;

use crate::mutation::Chance;
use crate::support::{Conserved, json_lines, number, office_config, office_week, replay};

#[test]
fn a_restart_at_midnight_changes_nothing() {
    let halves = Halves::split_at(MIDNIGHT);
    halves.check_learned();
    assert_eq!(
        halves.joined("alerts.jsonl"),
        halves.whole.text("alerts.jsonl")
    );
    assert_eq!(
        halves.joined("transfers.jsonl"),
        halves.whole.text("transfers.jsonl")
    );
    assert!(!halves.second.alerts().is_empty(), "nothing to compare");
}

#[test]
fn a_restart_within_an_hour_changes_no_alert() {
    let halves = Halves::split_at(WITHIN_AN_HOUR);
    halves.check_learned();
    assert_eq!(
        halves.joined("alerts.jsonl"),
        halves.whole.text("alerts.jsonl")
    );
    let both = |run: &Replayed| number(&run.results.summary, "packets");
    assert_eq!(
        both(&halves.first) + both(&halves.second),
        both(&halves.whole)
    );
}

/// Incidents outlive a restart: one that is open goes on under its name.
#[test]
fn a_restart_within_a_leak_goes_on_with_its_incident() {
    let halves = Halves::split_at(WITHIN_THE_LEAK);
    halves.check_learned();
    let leak = ("10.20.10.12".to_owned(), "RU".to_owned());
    let before = opened(&halves.first.alerts());
    let after = opened(&halves.second.alerts());
    assert!(before.contains(&leak), "{before:?}");
    assert!(!after.contains(&leak), "told again: {after:?}");
    let all = before.union(&after).cloned().collect();
    assert_eq!(opened(&halves.whole.alerts()), all);

    let alerts = halves.second.alerts();
    let closes: Vec<_> = alerts
        .iter()
        .filter(|alert| is(alert, &leak, "close"))
        .collect();
    let [close] = closes[..] else {
        panic!("not closed once: {closes:?}");
    };
    assert_eq!(number(close, "bytes"), 600_000_000);
    let opened = halves.first.alerts();
    let open = opened.iter().find(|alert| is(alert, &leak, "open"));
    assert_eq!(open.unwrap()["incident"], close["incident"]);
}

/// Wherever it is stopped, the same incidents open, each with as many bytes in the end, but for
/// what the flows that were open then had not told yet.
#[test]
fn a_restart_at_any_tick_brings_the_same_incidents() {
    let seed = env::var(SEED_VARIABLE).map_or(SEED, |seed| seed.parse().unwrap());
    println!("{SEED_VARIABLE}={seed}");
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let config = office_config(at, "office.toml", ALERT_EARLY);
    let capture = office_week(at);
    let run = |capture: &Path, name: &str, state: &str| {
        Replayed::new(capture, &config, at.join(name), at.join(state))
    };
    let whole = run(&capture, "whole", "state-of-whole");
    let all = [&whole];
    let expected = (told(&all), exported(&all));
    assert!(expected.0.len() > 2, "nothing to compare: {expected:?}");
    let seconds = seconds(&fs::read(&capture).unwrap());
    let mut chance = Chance(seed);
    for number in 0..TICKS {
        let place = chance.next() % (seconds.len() as u64 - 1) + 1;
        let tick = seconds[usize::try_from(place).unwrap()];
        if tick == seconds[0] {
            continue;
        }
        let [first, second] = split(&capture, tick);
        let state = format!("state-{number}");
        let halves = [run(&first, "first", &state), run(&second, "second", &state)];
        let halves = [&halves[0], &halves[1]];
        let open = whole.flows_open(tick);
        let slack = open * UNTOLD_BYTES_MAX;
        let context = format!("{SEED_VARIABLE}={seed}, stopped at {tick} with {open} flows open");
        let (incidents, bytes) = (told(&halves), exported(&halves));
        assert_near(&expected.0, &incidents, slack, &context);
        assert_near(&expected.1, &bytes, slack, &context);
    }
}

/// Checks that two have the same keys, and numbers that differ by no more than `slack`.
fn assert_near<K: Ord + Eq + std::fmt::Debug>(
    expected: &BTreeMap<K, u64>,
    seen: &BTreeMap<K, u64>,
    slack: u64,
    context: &str,
) {
    let is_near = |(of, bytes): (&K, &u64)| {
        let seen = seen.get(of);
        seen.is_some_and(|seen| seen.abs_diff(*bytes) <= slack)
    };
    assert!(
        expected.len() == seen.len() && expected.iter().all(is_near),
        "{context}: {expected:?} became {seen:?}"
    );
}

/// The bytes of each incident by its last line: by asset, country, and which of them it was.
fn told(runs: &[&Replayed]) -> BTreeMap<(String, String, usize), u64> {
    let alerts: Vec<Value> = runs.iter().flat_map(|run| run.alerts()).collect();
    let mut names: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut bytes = BTreeMap::new();
    for alert in &alerts {
        let (asset, country) = place(alert);
        let of_place = names.entry((asset.clone(), country.clone())).or_default();
        let name = alert["incident"].as_str().unwrap().to_owned();
        if alert["event"] == "open" {
            of_place.push(name.clone());
        }
        let known = of_place.iter().position(|known| *known == name);
        let known = known.unwrap_or_else(|| panic!("never opened: {alert}"));
        bytes.insert((asset, country, known), number(alert, "bytes"));
    }
    bytes
}

/// Bytes that were exported, by country.
fn exported(runs: &[&Replayed]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for run in runs {
        let exported = run.results.summary["export_bytes"].as_object().unwrap();
        for (country, bytes) in exported {
            *sums.entry(country.clone()).or_default() += bytes.as_u64().unwrap();
        }
    }
    sums
}

/// The whole, and its halves with one state.
#[derive(Debug)]
struct Halves {
    whole: Replayed,
    first: Replayed,
    second: Replayed,
    /// The second half without the state of the first.
    alone: Replayed,
    _folder: tempfile::TempDir,
}

/// One replay and where its results and its state are.
#[derive(Debug)]
struct Replayed {
    out: PathBuf,
    state: PathBuf,
    results: Conserved,
}

impl Halves {
    fn split_at(seconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let config = office_config(at, "office.toml", ALERT_EARLY);
        let capture = office_week(at);
        let [first, second] = split(&capture, seconds);
        let run = |capture: &Path, name: &str, state: &str| {
            Replayed::new(capture, &config, at.join(name), at.join(state))
        };
        Self {
            whole: run(&capture, "whole", "state-of-whole"),
            first: run(&first, "first", "state"),
            second: run(&second, "second", "state"),
            alone: run(&second, "alone", "state-of-second"),
            _folder: folder,
        }
    }

    /// Checks that the second half has learned from the first what the whole learned.
    fn check_learned(&self) {
        let hours = |run: &Replayed| number(&run.results.summary, "learned_hours");
        assert_eq!(hours(&self.second), hours(&self.whole));
        assert!(hours(&self.alone) < hours(&self.whole));
        assert!(hours(&self.first) > 0);
        let state = |run: &Replayed| fs::read(run.state.join("baseline.state")).unwrap();
        assert!(
            state(&self.second) == state(&self.whole),
            "the states differ"
        );
        assert!(
            state(&self.alone) != state(&self.whole),
            "nothing to compare"
        );
    }

    /// A file of both halves, one behind the other.
    fn joined(&self, file: &str) -> String {
        self.first.text(file) + &self.second.text(file)
    }
}

impl Replayed {
    fn new(capture: &Path, config: &Path, out: PathBuf, state: PathBuf) -> Self {
        let [config, folder] = [config, &state].map(|path| path.to_str().unwrap());
        let ran = replay(&[capture], &out, &["--config", config, "--state", folder]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let results = Conserved::of(&out).unwrap();
        Self {
            out,
            state,
            results,
        }
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.out.join(file)).unwrap()
    }

    fn alerts(&self) -> Vec<Value> {
        json_lines(&self.out.join("alerts.jsonl"))
    }

    /// Flows that had packets before a second, and from it on.
    fn flows_open(&self, second: u32) -> u64 {
        let time = Tick(second.into()).to_string();
        let second = time.trim_end_matches('Z');
        let is_open = |flow: &&Value| {
            let at = |field: &str| flow[field].as_str().unwrap();
            at("first") < second && at("last") >= second
        };
        self.results.flows.iter().filter(is_open).count() as u64
    }
}

/// Asset and jurisdiction of the incidents that opened.
fn opened(alerts: &[Value]) -> BTreeSet<(String, String)> {
    let opened = alerts.iter().filter(|alert| alert["event"] == "open");
    opened.map(place).collect()
}

fn place(alert: &Value) -> (String, String) {
    let text = |field: &str| alert[field].as_str().unwrap().to_owned();
    (text("asset"), text("jurisdiction"))
}

fn is(alert: &Value, at: &(String, String), event: &str) -> bool {
    alert["event"] == event && place(alert) == *at
}

/// The records of a capture, each with its second.
fn records(capture: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = &capture[PCAP_HEADER_BYTES..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let (second, captured_bytes) = (field(0), usize::try_from(field(8)).unwrap());
        let (record, behind) = rest.split_at(RECORD_HEADER_BYTES + captured_bytes);
        rest = behind;
        Some((second, record))
    })
}

/// The second of each record of a capture: one is drawn the more often the more happens in it.
fn seconds(capture: &[u8]) -> Vec<u32> {
    records(capture).map(|(second, _)| second).collect()
}

/// Splits a capture in two, beside it: the records before a second, and those from it on.
pub(crate) fn split(capture: &Path, seconds: u32) -> [PathBuf; 2] {
    let bytes = fs::read(capture).unwrap();
    let header = &bytes[..PCAP_HEADER_BYTES];
    let mut halves = [header.to_vec(), header.to_vec()];
    for (second, record) in records(&bytes) {
        halves[usize::from(second >= seconds)].extend(record);
    }
    let paths = ["first.pcap", "second.pcap"].map(|name| capture.with_file_name(name));
    for (path, half) in paths.iter().zip(halves) {
        assert!(half.len() > PCAP_HEADER_BYTES, "one half is empty");
        fs::write(path, half).unwrap();
    }
    paths
}

/// Makes the few assets of a short capture speak: learned after two days, and more false
/// alerts allowed than a person would want.
pub(crate) const ALERT_EARLY: &str =
    "[baseline]\nlearn = \"48h\"\n[alert]\nbudget_per_asset_week = 5.0\n";

/// 2026-03-06, a Friday, 00:00 at the office: no flow and no incident is open.
pub(crate) const MIDNIGHT: u32 = 1_772_726_400;

/// The same day at 10:20:17: flows are open and an hour runs, but no incident is open.
const WITHIN_AN_HOUR: u32 = MIDNIGHT + 10 * 3_600 + 20 * 60 + 17;

/// The Monday after at 10:25: five minutes into the large leak.
pub(crate) const WITHIN_THE_LEAK: u32 = MIDNIGHT + 3 * 86_400 + 10 * 3_600 + 25 * 60;

/// What a flow may not have told yet, bytes.
const UNTOLD_BYTES_MAX: u64 = 64 * 1024;

/// The variable that asks for other ticks, and those that are drawn unless it does.
const SEED_VARIABLE: &str = "BORDERFLOW_RESTART_SEED";
const SEED: u64 = 4;

/// Ticks that are drawn.
const TICKS: u32 = 6;

/// Header of a pcap file, and of a record in it.
const PCAP_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
