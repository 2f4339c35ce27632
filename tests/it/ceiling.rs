//! A ceiling of bytes is told whatever else is said: while the asset is learned, with next to
//! no budget, against feedback, and across a restart.
//!
//! The office's nine days hold a leak of 600 MB within 20 minutes, and a backup of 250 MB each
//! night. All of them are learned from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::restart::{WITHIN_THE_LEAK, split};
use crate::schemas::Schema;
use crate::support::{self, json_lines, number, office_config, office_week, replay};

/// Nothing else may be told: all is learned from, and hardly anything is granted.
const SILENT: &str = "[baseline]\nlearn = \"30d\"\n[alert]\nbudget_per_asset_week = 0.000001\n";

/// More is granted than a person would want.
const GENEROUS: &str = "budget_per_asset_week = 5.0\n";

/// Between the backup and the leak.
const CEILING: &str = "ceiling_bytes_per_hour = 400000000\n";

/// The office, and a folder for what is made of it.
struct Office {
    folder: tempfile::TempDir,
    capture: PathBuf,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = office_week(folder.path());
        Self { folder, capture }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replays a capture with a state, and with `more` lines of configuration; returns its
    /// alerts as they are written.
    fn replay(&self, capture: &Path, more: &str, state: &str) -> String {
        let config = office_config(self.folder.path(), "office.toml", more);
        let (out, state) = (self.at("out"), self.at(state));
        let [config, state] = [&config, &state].map(|path| path.to_str().unwrap());
        let ran = replay(&[capture], &out, &["--config", config, "--state", state]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        fs::read_to_string(out.join("alerts.jsonl")).unwrap()
    }

    fn alerts(&self) -> Vec<Value> {
        json_lines(&self.at("out/alerts.jsonl"))
    }
}

/// Lines of alerts without the conversations of the running hour, which a restart forgets, and
/// without what these have said.
fn without_flows(lines: &str) -> Vec<Value> {
    let mut alerts: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for alert in &mut alerts {
        let fields = alert.as_object_mut().unwrap();
        fields.remove("flows");
        fields.remove("recipient");
        for (key, what_they_said) in [("explanation", " It speaks "), ("explanation_zh", "使用 ")]
        {
            let explanation = fields[key].as_str().unwrap();
            let seen = explanation.split(what_they_said).next().unwrap();
            fields[key] = seen.to_owned().into();
        }
    }
    alerts
}

fn named<'a>(alerts: &'a [Value], event: &str) -> Vec<&'a Value> {
    let of_event = alerts.iter().filter(|alert| alert["event"] == event);
    of_event.collect()
}

#[test]
fn what_is_past_a_ceiling_is_told_while_all_else_is_silent() {
    let office = Office::new();
    assert_eq!(office.replay(&office.capture, SILENT, "without"), "");
    let config = format!("{SILENT}{CEILING}");
    let whole = office.replay(&office.capture, &config, "whole");
    let alerts = office.alerts();
    Schema::read("alerts").accepts(&alerts);
    let [open] = named(&alerts, "open")[..] else {
        panic!("not one incident: {whole}");
    };
    let said = ["asset", "jurisdiction", "severity"].map(|name| open[name].as_str().unwrap());
    assert_eq!(said, ["10.20.10.12", "RU", "high"]);
    // It is told while it runs, as soon as 64 KiB are told that pass the ceiling.
    let bytes = number(open, "bytes");
    assert!((400_000_001..402_000_000).contains(&bytes), "{open}");
    let [detector] = &open["detectors"].as_array().unwrap()[..] else {
        panic!("not one detector: {open}");
    };
    assert_eq!(detector["name"], "ceiling");
    assert_eq!(
        detector["sentence"],
        "10.20.10.12 has sent 400 MB to RU in this hour; the ceiling is 400 MB"
    );
    assert_eq!(
        detector["sentence_zh"],
        "10.20.10.12 本小时内发往 RU 400 MB；上限为 400 MB"
    );
    assert_eq!(number(open, "allowance_bytes"), 400_000_000);
    let [close] = named(&alerts, "close")[..] else {
        panic!("not closed once: {whole}");
    };
    assert_eq!(number(close, "bytes"), 600_000_000);
    // With more granted, what the others would have said is in the shadow as ever.
    let generous = format!("[baseline]\nlearn = \"30d\"\n[alert]\n{CEILING}{GENEROUS}");
    office.replay(&office.capture, &generous, "generous");
    assert_eq!(named(&office.alerts(), "open").len(), 1);
    let shadow = json_lines(&office.at("out/shadow.jsonl"));
    assert!(named(&shadow, "open").len() > 1, "{shadow:?}");

    let [first, second] = split(&office.capture, WITHIN_THE_LEAK);
    let before = office.replay(&first, &config, "state");
    let joined = before + &office.replay(&second, &config, "state");
    assert_eq!(
        without_flows(&joined),
        without_flows(&whole),
        "a restart changes it"
    );
}

#[test]
fn a_ceiling_that_was_lowered_counts_from_the_first_tick_on() {
    let office = Office::new();
    let [first, second] = split(&office.capture, WITHIN_THE_LEAK);
    let config = format!("{SILENT}{CEILING}");
    assert_eq!(office.replay(&first, &config, "state"), "");
    // The hour has had 150 MB.
    let lower = format!("{SILENT}ceiling_bytes_per_hour = 100000000\n");
    office.replay(&second, &lower, "state");
    let alerts = office.alerts();
    let is_leak = |alert: &&&Value| alert["jurisdiction"] == "RU";
    let opened = named(&alerts, "open");
    let [open] = opened.iter().filter(is_leak).collect::<Vec<_>>()[..] else {
        panic!("not told once: {alerts:?}");
    };
    assert!(number(open, "bytes") < 200_000_000, "{open}");
}

#[test]
fn feedback_moves_no_ceiling_and_a_name_does() {
    let office = Office::new();
    let config = format!("{SILENT}{CEILING}");
    let before = office.replay(&office.capture, &config, "first");
    let incident = office.alerts()[0]["incident"].as_str().unwrap().to_owned();
    let state = office.at("first");
    let words = ["feedback", &incident, "expected", "--state"];
    let mut words: Vec<_> = words.map(Path::new).to_vec();
    words.push(&state);
    let given = support::run(&words, Duration::from_secs(10));
    assert_eq!(given.status, Some(0), "{given:?}");
    fs::create_dir(office.at("again")).unwrap();
    let [from, to] = ["first", "again"].map(|state| office.at(state).join("feedback.jsonl"));
    fs::copy(from, to).unwrap();
    let after = office.replay(&office.capture, &config, "again");
    let opened = |lines: &str| lines.lines().next().unwrap_or_default().to_owned();
    assert_eq!(opened(&after), opened(&before));

    let named = "[[asset.known]]\nname = \"buyer\"\naddresses = [\"10.20.10.12\"]\n";
    let own = format!("{config}{named}ceiling_bytes_per_hour = 700000000\n");
    assert_eq!(office.replay(&office.capture, &own, "named"), "");
    let own = format!("{config}{named}");
    let told = office.replay(&office.capture, &own, "unmoved");
    assert!(told.contains("buyer has sent 400 MB to RU"), "{told}");
}
