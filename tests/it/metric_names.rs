//! `docs/metrics.md`, which the program writes, and what asks for metrics by their names:
//! recording and alerting rules, their tests, and the dashboard.
//!
//! `make metrics` writes the page anew.

mod dashboard;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::process::Command;

use borderflow::detect::Detector;
use borderflow::dissect::Protection;
use borderflow::metrics::encode;
use borderflow::pipeline::Telemetry;
use borderflow::policy::law::{EMBEDDED_PACKS, Verdict};
use serde_json::Value;

use crate::program::{has_commands, run};
use crate::support::{json, root};

/// What labels mean. Those that no metric has are not told.
const LABELS: &[(&str, &str)] = &[
    ("confidence", "How sure the country of the receiver is."),
    (
        "database",
        "The geolocation database, as the key under `[geo]` that names it.",
    ),
    ("detector", "Who spoke."),
    (
        "cause",
        "Why flow records count later than what they tell of.",
    ),
    (
        "exporter",
        "The name of the entry of `[[flow_input.exporter]]`, or `this host`.",
    ),
    ("format", "In what flow records came."),
    ("state", "Whether an exporter sends anything."),
    ("unit", "What sequence numbers count."),
    (
        "interface",
        "The interface, as it was named on the command line.",
    ),
    (
        "jurisdiction",
        "The country of the receiver (ISO 3166-1), `ZZ` if unknown. The first 256 that take \
         anything; `other` for the rest.",
    ),
    (
        "pack",
        "The pack of law, if it is one that is built in; `other` for all others.",
    ),
    ("protection", "How what was sent was protected."),
    (
        "quantile",
        "The share of times that are as short or shorter.",
    ),
    ("reason", "Why something was not taken."),
    ("result", "How it ended."),
    ("severity", "How bad it is."),
    ("sink", "Where to, by the kind of the sink."),
    ("table", "What the table holds."),
    ("verdict", "What the pack says."),
    ("version", "The version of the program."),
    (
        "where",
        "Whether the interface lost it or the kernel, in whose ring there was no room.",
    ),
];

/// Metrics of the Prometheus server itself, and of this program where it is not this one.
const FOREIGN: &[&str] = &["ALERTS", "scrape_samples_scraped", "up"];

/// Labels that the server adds.
const SERVER_LABELS: &[&str] = &["alertname", "alertstate", "instance", "job"];

/// What the page says of a metric.
#[derive(Debug)]
struct Row {
    kind: String,
    labels: Vec<String>,
    meaning: String,
}

/// All metrics, those of the process included, by their names.
fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for family in Telemetry::new().families() {
        let row = Row {
            kind: family.kind().to_owned(),
            labels: family.labels().iter().map(ToString::to_string).collect(),
            meaning: family.help().to_owned(),
        };
        let known = rows.insert(family.name().to_owned(), row);
        assert!(known.is_none(), "{} is there twice", family.name());
    }
    let page = String::from_utf8(encode(Vec::new()).unwrap()).unwrap();
    for line in page.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(word), Some(name), Some(rest)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let row = rows.entry(name.to_owned()).or_insert(Row {
            kind: String::new(),
            labels: Vec::new(),
            meaning: String::new(),
        });
        match word {
            "HELP" => row.meaning = rest.to_owned(),
            _ => row.kind = rest.to_owned(),
        }
    }
    rows
}

/// The unit that a name ends in.
fn unit(name: &str) -> &'static str {
    let stem = name.strip_suffix("_total").unwrap_or(name);
    match stem.rsplit('_').next() {
        Some("bytes") => "bytes",
        Some("seconds") if name.contains("_timestamp_") || name.contains("_time_") => {
            "seconds since the epoch"
        }
        Some("seconds") => "seconds",
        Some("info") => "",
        _ => "count",
    }
}

/// The values that a label can have, where they are few and known.
fn values(page: &str, label: &str) -> Vec<String> {
    let names = |all: &[&str]| all.iter().map(ToString::to_string).collect();
    match label {
        "database" => names(&["country", "country_second", "asn"]),
        "detector" => Detector::ALL.map(|one| one.name().to_owned()).to_vec(),
        "pack" => EMBEDDED_PACKS
            .iter()
            .map(|(pack, _)| (*pack).to_owned())
            .collect(),
        "protection" => Protection::ALL.map(|one| one.name().to_owned()).to_vec(),
        "verdict" => Verdict::ALL.map(|one| one.name().to_owned()).to_vec(),
        "where" => names(&["interface", "kernel"]),
        "version" | "quantile" => Vec::new(),
        _ => {
            let start = format!("{label}=\"");
            let found = page.match_indices(&start).filter_map(|(place, _)| {
                let value = page[place + start.len()..].split('"').next()?;
                Some(value.to_owned())
            });
            found.collect::<BTreeSet<_>>().into_iter().collect()
        }
    }
}

/// The page.
fn reference() -> String {
    let rows = rows();
    let page = String::from_utf8(encode(Telemetry::new().families()).unwrap()).unwrap();
    let mut text = INTRODUCTION.to_owned();
    text += "| Metric | Type | Labels | Unit | Meaning |\n|---|---|---|---|---|\n";
    for (name, row) in &rows {
        let labels: Vec<_> = row
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let (kind, labels, unit) = (&row.kind, labels.join(", "), unit(name));
        let meaning = &row.meaning;
        writeln!(
            text,
            "| `{name}` | {kind} | {labels} | {unit} | {meaning} |"
        )
        .unwrap();
    }
    text += LABELS_INTRODUCTION;
    text += "| Label | Meaning | Values |\n|---|---|---|\n";
    for label in labels(&rows) {
        let known = LABELS.iter().find(|(name, _)| *name == label);
        let (_, meaning) = known.unwrap_or_else(|| {
            panic!("say in LABELS of tests/it/metric_names.rs what the label `{label}` means")
        });
        let values = values(&page, label);
        let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        writeln!(text, "| `{label}` | {meaning} | {} |", values.join(", ")).unwrap();
    }
    text
}

/// All labels that a metric has.
fn labels(rows: &BTreeMap<String, Row>) -> BTreeSet<&str> {
    let labels = rows.values().flat_map(|row| &row.labels);
    let mut labels: BTreeSet<_> = labels.map(String::as_str).collect();
    labels.insert("quantile");
    labels
}

const INTRODUCTION: &str = "\
# Metrics

<!-- The program writes this page: `make metrics`. -->

`--metrics 127.0.0.1:9477` has the sensor answer on `/metrics` in the text format of Prometheus.
[monitoring.md](monitoring.md) tells how to have it scraped, and which rules, alerts and dashboard
there are.

Counters begin with the run, those of the ledger with the ledger. Labels are of closed sets: no
address, port or name of anybody is one, and there are at most 5,000 series whatever the traffic.

";

const LABELS_INTRODUCTION: &str = "\n## Labels\n\n";

#[test]
fn the_page_of_metrics_says_what_the_program_tells() {
    let path = root().join("docs/metrics.md");
    let written = reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(written.lines()).find(|(a, b)| a != b);
    assert!(
        kept == written,
        "docs/metrics.md is not what the program tells; run `make metrics`: {differs:?}"
    );
}

/// Names in the text of a source, of metrics that it makes.
fn made(text: &str) -> Vec<&str> {
    let starts = text.match_indices("\"borderflow_");
    let names = starts.filter_map(|(place, _)| text[place + 1..].split('"').next());
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    names.filter(is_name).collect()
}

#[test]
fn a_metric_that_is_told_only_at_times_is_on_the_page_too() {
    assert_eq!(
        made("(\"borderflow_a_total\", \"borderflow_b{c=\\\"d\\\"}\")"),
        ["borderflow_a_total"]
    );
    let rows = rows();
    let folder = root().join("src/pipeline");
    let mut folders = vec![folder];
    let mut names = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for name in made(code) {
                names += 1;
                let path = path.display();
                assert!(
                    rows.contains_key(name),
                    "{path}: `{name}` is not among Telemetry::families; leave its samples out, \
                     and say its labels with Family::labelled"
                );
            }
        }
    }
    assert!(names > 30, "{names}");
}

/// A metric in a query, with the labels that it is asked by.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    name: String,
    labels: Vec<String>,
}

/// What a query or a file of them asks for: metrics of ours, recorded ones, and those that the
/// server has.
fn asked(text: &str) -> Vec<Asked> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut asked = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let word = &rest[start..];
        let end = word.find(|c| !is_name(c)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        rest = after;
        // The end of a key, as in `borderflow:` of YAML, is no name.
        let ours = ["borderflow_", "borderflow:", "process_"];
        if !ours.iter().any(|start| name.starts_with(start)) || name.ends_with(':') {
            continue;
        }
        let braces = after
            .strip_prefix('{')
            .and_then(|inside| inside.split('}').next());
        let matchers = braces.unwrap_or_default().split(',');
        let labels = matchers.filter_map(|matcher| {
            let end = matcher.find(['=', '!'])?;
            Some(matcher[..end].trim().to_owned())
        });
        asked.push(Asked {
            name: name.to_owned(),
            labels: labels.collect(),
        });
    }
    asked
}

/// What is wrong with what a text asks for.
fn wrong(text: &str, rows: &BTreeMap<String, Row>, recorded: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for one in asked(text) {
        let name = &one.name;
        if name.starts_with("borderflow:") {
            if !recorded.contains(name) {
                wrong.push(format!("no rule records `{name}`"));
            }
            continue;
        }
        let stem = ["_count", "_sum"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let row = rows.get(name).or_else(|| {
            let row = rows.get(stem?)?;
            (row.kind == "summary").then_some(row)
        });
        let Some(row) = row else {
            if !AWAITED.contains(&name.as_str()) {
                wrong.push(format!("no metric is called `{name}`"));
            }
            continue;
        };
        for label in one.labels {
            let is_quantile = row.kind == "summary" && label == "quantile";
            let of_server = SERVER_LABELS.contains(&label.as_str());
            if !is_quantile && !of_server && !row.labels.contains(&label) {
                wrong.push(format!("`{name}` has no label `{label}`"));
            }
        }
    }
    wrong
}

/// Metrics that rules may ask for before there are any.
const AWAITED: &[&str] = &["borderflow_config_reloads_total"];

fn monitoring(name: &str) -> String {
    let path = root().join("monitoring").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands behind `- KEY: ` in a list of YAML.
fn listed<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let start = format!("- {key}: ");
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix(start.as_str()))
        .collect()
}

fn recorded() -> BTreeSet<String> {
    let rules = monitoring("prometheus/borderflow.rules.yml");
    listed(&rules, "record")
        .into_iter()
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn rules_ask_only_for_what_there_is() {
    let (rows, recorded) = (rows(), recorded());
    assert!(!recorded.is_empty());
    for name in ["rules", "alerts", "tests"] {
        let text = monitoring(&format!("prometheus/borderflow.{name}.yml"));
        assert_eq!(
            wrong(&text, &rows, &recorded),
            [""; 0],
            "borderflow.{name}.yml"
        );
        assert!(asked(&text).len() > 10);
    }
    let bad = "borderflow_no_total + borderflow_alerts_total{color=\"red\"} + borderflow:no:sum + \
               borderflow_tick_latency_seconds_sum{quantile=\"1\"} + borderflow_alerts_total_sum";
    let complaints = wrong(bad, &rows, &recorded);
    assert_eq!(complaints.len(), 4, "{complaints:?}");
}

#[test]
fn every_alert_has_a_test_and_says_what_to_do() {
    let alerts = monitoring("prometheus/borderflow.alerts.yml");
    let tests = monitoring("prometheus/borderflow.tests.yml");
    let guide = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let names = listed(&alerts, "alert");
    assert!(names.len() >= 14, "{names:?}");
    for name in &names {
        assert!(
            tests.contains(&format!("- name: {name}\n")),
            "no test of {name}"
        );
        assert!(
            guide.contains(&format!("### {name}\n")),
            "docs/monitoring.md: no {name}"
        );
        let link = format!("runbook_url: docs/monitoring.md#{}\n", name.to_lowercase());
        assert!(alerts.contains(&link), "no {link}");
    }
    for key in ["summary", "description", "runbook", "severity"] {
        let count = alerts.matches(&format!(" {key}: ")).count();
        assert_eq!(count, names.len(), "{key}");
    }
    let told: Vec<_> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert_eq!(
        told, names,
        "docs/monitoring.md has the alerts in their order"
    );
}

#[test]
fn rules_are_sound_and_their_tests_pass() {
    let test = "rules_are_sound_and_their_tests_pass";
    if !has_commands(test, &["promtool"]) {
        return;
    }
    let promtool = |arguments: &[&str]| {
        let mut command = Command::new("promtool");
        command
            .args(arguments)
            .current_dir(root().join("monitoring/prometheus"));
        let ran = run(command);
        assert_eq!(ran.status, Some(0), "{ran:?}");
    };
    promtool(&[
        "check",
        "rules",
        "borderflow.rules.yml",
        "borderflow.alerts.yml",
    ]);
    promtool(&["check", "config", "--syntax-only", "prometheus.yml"]);
    promtool(&["test", "rules", "borderflow.tests.yml"]);
}
