//! The worked examples of `models/scenarios`: what is declared and approved there, what is seen,
//! and what packs of law say of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::schemas::Schema;
use crate::support::{json_lines, replay, root, run};

/// Examples, each with its configurations and what is expected of them.
const EXAMPLES: [(&str, &str, &str); 6] = [
    ("hospital", "config.toml", "expected.csv"),
    ("gene-laboratory", "config.toml", "expected.csv"),
    ("gene-laboratory", "us.toml", "expected-us.csv"),
    ("car-maker", "config.toml", "expected.csv"),
    ("fund", "config.toml", "expected.csv"),
    ("free-trade-zone", "config.toml", "expected.csv"),
];

/// The last verdict on each asset, country, recipient and pack, as lines of a table.
fn last_verdicts(verdicts: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut last = BTreeMap::new();
    for line in verdicts {
        let of = ["asset", "jurisdiction", "recipient", "pack"].map(|field| text(&line[field]));
        let said = ["verdict", "rule"].map(|field| text(&line[field]));
        last.insert(of, said);
    }
    let rows = last.into_iter();
    let rows = rows.map(|(of, said)| format!("{},{}", of.join(","), said.join(",")));
    rows.collect()
}

fn command(arguments: &[&str]) -> String {
    let ran = run(arguments, Duration::from_secs(60));
    assert_eq!(ran.status, Some(0), "{arguments:?}: {ran:?}");
    ran.stdout
}

/// Plays an example into a folder, whose results it returns.
fn play(folder: &Path, example: &Path, config: &str) -> PathBuf {
    let at = |name: &str| folder.join(name).display().to_string();
    let of_example = |name: &str| example.join(name).display().to_string();
    let (capture, truth, key) = (at("capture.pcap"), at("truth.jsonl"), at("ledger.key"));
    let scenario = of_example("scenario.toml");
    command(&[
        "simulate", &scenario, "--output", &capture, "--truth", &truth,
    ]);
    command(&["ledger", "key", &key]);
    let out = folder.join("results");
    let config = of_example(config);
    let options = ["--config", &config, "--ledger", "--key", &key];
    let ran = replay(&[Path::new(&capture)], &out, &options);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    out
}

#[test]
fn examples_have_the_verdicts_that_their_readers_are_told() {
    let verdicts_schema = Schema::read("verdicts");
    for (name, config, expected) in EXAMPLES {
        let example = root().join("models/scenarios").join(name);
        let folder = tempfile::tempdir().unwrap();
        let out = play(folder.path(), &example, config);
        let verdicts = json_lines(&out.join("verdicts.jsonl"));
        verdicts_schema.accepts(&verdicts);
        let table = fs::read_to_string(example.join(expected)).unwrap();
        let mut lines: Vec<&str> = table.lines().skip(1).collect();
        lines.sort_unstable();
        let mut seen = last_verdicts(&verdicts);
        seen.sort_unstable();
        assert_eq!(seen, lines, "{name} {config}");
        let ledger = out.join("ledger").display().to_string();
        command(&["ledger", "verify", &ledger]);
    }
}

#[test]
fn reports_of_an_example_say_what_it_shows_in_both_languages() {
    let example = root().join("models/scenarios/hospital");
    let folder = tempfile::tempdir().unwrap();
    let out = play(folder.path(), &example, "config.toml");
    let ledger = out.join("ledger").display().to_string();
    let report = |kind: &str, language: &str, form: &str| {
        command(&[
            "report",
            kind,
            "--ledger",
            &ledger,
            "--from",
            "2026-03-02",
            "--to",
            "2026-03-04",
            "--language",
            language,
            "--form",
            form,
            "--now",
            "2026-03-05T00:00:00Z",
        ])
    };
    for kind in [
        "self-assessment",
        "reconciliation",
        "list-usage",
        "us-log",
        "eu-map",
        "incident",
        "protection",
        "assurance",
        "proof",
    ] {
        for language in ["en", "zh"] {
            let page = report(kind, language, "html");
            assert!(
                page.contains("</html>") && !page.contains("<script"),
                "{kind}"
            );
            assert!(!report(kind, language, "markdown").is_empty(), "{kind}");
        }
        let data: Value = serde_json::from_str(&report(kind, "en", "json")).unwrap();
        assert!(data.is_object(), "{kind}");
    }
    let page = report("self-assessment", "en", "markdown");
    for word in ["mri-gateway", "cn-base", "draft", "patient-register"] {
        assert!(page.contains(word), "{word} is missing:\n{page}");
    }
    let page = report("self-assessment", "zh", "markdown");
    assert!(page.contains("数据出境") && page.contains("mri-gateway"));
    let contracts = report("reconciliation", "en", "markdown");
    assert!(contracts.contains("research-2025"), "{contracts}");
}
