//! What people say of incidents: it reaches its asset, its country, its level and its time,
//! and no further, and it can be taken back.
//!
//! The office's nine days hold a leak of 600 MB. Feedback on it is given with the program, and
//! the same days are replayed again with the log of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::restart::{ALERT_EARLY, WITHIN_THE_LEAK, split};
use crate::schemas::Schema;
use crate::support::{self, Ran, json_lines, number, office_config, office_week, replay};

const ASSET: &str = "10.20.10.12";
const COUNTRY: &str = "RU";

/// The office, and folders of states and results beside it.
struct Office {
    folder: tempfile::TempDir,
    config: PathBuf,
    capture: PathBuf,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = office_config(folder.path(), "office.toml", ALERT_EARLY);
        let capture = office_week(folder.path());
        Self {
            folder,
            config,
            capture,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replays a capture with a state; returns its alerts as they are written.
    fn replay(&self, capture: &Path, state: &str, workers: &str) -> String {
        let (out, state) = (self.at("out"), self.at(state));
        let [config, state] = [&self.config, &state].map(|path| path.to_str().unwrap());
        let options = ["--config", config, "--state", state, "--workers", workers];
        let ran = replay(&[capture], &out, &options);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        fs::read_to_string(out.join("alerts.jsonl")).unwrap()
    }

    fn alerts(&self) -> Vec<Value> {
        json_lines(&self.at("out/alerts.jsonl"))
    }

    fn notes(&self) -> String {
        support::json(&self.at("out/summary.json"))["notes"].to_string()
    }

    fn feedback(&self, state: &str, words: &[&str]) -> Ran {
        let state = self.at(state);
        let fixed = ["feedback", "--state", state.to_str().unwrap()];
        // The state comes behind the name of a command of its own.
        let (command, rest) = match words {
            [command @ ("list" | "undo"), rest @ ..] => (Some(*command), rest),
            all => (None, all),
        };
        let mut arguments = vec![fixed[0]];
        arguments.extend(command);
        arguments.extend(&fixed[1..]);
        arguments.extend(rest);
        support::run(&arguments, Duration::from_secs(10))
    }

    /// A state that holds nothing but the log of another.
    fn with_log_of(&self, state: &str, name: &str) {
        fs::create_dir(self.at(name)).unwrap();
        let log = |state: &str| self.at(state).join("feedback.jsonl");
        fs::copy(log(state), log(name)).unwrap();
    }

    fn copy_state(&self, from: &str, to: &str) {
        fs::create_dir(self.at(to)).unwrap();
        for entry in fs::read_dir(self.at(from)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, self.at(to).join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn is_leak(alert: &Value) -> bool {
    alert["asset"] == ASSET && alert["jurisdiction"] == COUNTRY
}

fn of_leak(alerts: &[Value]) -> Vec<&Value> {
    alerts.iter().filter(|alert| is_leak(alert)).collect()
}

/// Names of the incidents of others that opened.
fn others(alerts: &[Value]) -> Vec<String> {
    let open = alerts.iter().filter(|alert| alert["event"] == "open");
    let others = open.filter(|alert| !is_leak(alert));
    others.map(|alert| alert["incident"].to_string()).collect()
}

#[test]
fn what_is_expected_is_quiet_in_its_scope_until_it_is_taken_back() {
    let office = Office::new();
    let before = office.replay(&office.capture, "first", "1");
    let alerts = office.alerts();
    let incident = of_leak(&alerts)[0]["incident"].as_str().unwrap().to_owned();
    let unknown = office.feedback("first", &["nothing", "expected"]);
    assert_eq!(unknown.status, Some(2), "{unknown:?}");
    let words = [
        &incident,
        "expected",
        "--by",
        "duty",
        "--note",
        "a new mirror",
    ];
    let given = office.feedback("first", &words);
    assert_eq!(given.status, Some(0), "{given:?}");
    assert!(given.stdout.contains("750 MB an hour"), "{}", given.stdout);

    office.with_log_of("first", "expected");
    office.with_log_of("first", "expected3");
    let quiet = office.replay(&office.capture, "expected", "1");
    let after = office.alerts();
    assert!(of_leak(&after).is_empty(), "{quiet}");
    assert_eq!(others(&after), others(&alerts));
    let notes = office.notes();
    assert!(notes.contains("feedback 1 (expected)"), "{notes}");
    assert_eq!(office.replay(&office.capture, "expected3", "3"), quiet);

    let undone = office.feedback("first", &["undo", "1", "--by", "duty"]);
    assert_eq!(undone.status, Some(0), "{undone:?}");
    let again = office.feedback("first", &["undo", "1"]);
    assert_eq!(again.status, Some(2), "{again:?}");
    let listed = office.feedback("first", &["list"]).stdout;
    assert!(listed.contains("taken back: a new mirror"), "{listed}");
    assert!(listed.contains("duty  takes back 1"), "{listed}");
    let log = json_lines(&office.at("first/feedback.jsonl"));
    assert_eq!(log.len(), 2);
    Schema::read("feedback").accepts(&log);
    office.with_log_of("first", "undone");
    assert_eq!(office.replay(&office.capture, "undone", "1"), before);
}

#[test]
fn more_than_was_expected_is_told_as_ever() {
    let office = Office::new();
    let [first, _] = split(&office.capture, WITHIN_THE_LEAK);
    office.replay(&first, "first", "1");
    let alerts = office.alerts();
    let leak = of_leak(&alerts)[0];
    let incident = leak["incident"].as_str().unwrap();
    let given = office.feedback("first", &[incident, "expected"]);
    assert_eq!(given.status, Some(0), "{given:?}");
    office.with_log_of("first", "whole");
    office.replay(&office.capture, "whole", "1");
    let all = office.alerts();
    let open = of_leak(&all)[0];
    let log = json_lines(&office.at("first/feedback.jsonl"));
    let accepted = &log[0]["act"]["give"]["accepted"];
    assert!(
        number(open, "bytes") > number(accepted, "hour_bytes"),
        "{open}"
    );
    assert!(open["time"].as_str() > leak["time"].as_str(), "{open}");
}

#[test]
fn a_verdict_on_an_open_incident_is_told_once_and_by_any_number_of_workers() {
    let office = Office::new();
    let [first, second] = split(&office.capture, WITHIN_THE_LEAK);
    office.replay(&first, "first", "1");
    let alerts = office.alerts();
    let incident = of_leak(&alerts)[0]["incident"].as_str().unwrap();
    for (verdict, event) in [("benign-once", "close"), ("malicious", "update")] {
        let states = [format!("{verdict}1"), format!("{verdict}3")];
        for state in &states {
            office.copy_state("first", state);
            let given = office.feedback(state, &[incident, verdict]);
            assert_eq!(given.status, Some(0), "{given:?}");
        }
        let one = office.replay(&second, &states[0], "1");
        let three = office.replay(&second, &states[1], "3");
        assert_eq!(one, three);
        let alerts = office.alerts();
        let of_leak = of_leak(&alerts);
        assert_eq!(of_leak[0]["event"], event, "{}", of_leak[0]);
        assert_eq!(of_leak[0]["incident"], incident);
        let said = |alert: &&&Value| alert["feedback"] == verdict;
        let of_incident = of_leak.iter().filter(|alert| alert["incident"] == incident);
        if verdict == "benign-once" {
            assert_eq!(of_incident.count(), 1);
            assert_eq!(of_leak.iter().filter(said).count(), 1);
        } else {
            assert_eq!(of_leak.iter().filter(said).count(), of_incident.count());
            assert_eq!(of_leak.last().unwrap()["event"], "close");
        }
    }
}
