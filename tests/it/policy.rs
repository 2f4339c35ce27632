//! Exports held against approvals and packs of law, from a capture to the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::schemas::Schema;
use crate::support::{Ran, json, json_lines, office_week, replay, run};

/// Whose the machines of the office are, and what their data is about.
const INVENTORY: &str = "\
name,addresses,organisation,sector,categories,grade
office,10.20.10.0/24,Example Ltd,commerce,personal,general
web,10.20.2.0/24,Example Ltd,commerce,business,general
backup,10.20.5.0/24,Example Ltd,commerce,health;personal,important
";

/// A contract for the documents of the office, by which 10 MB may leave on a day.
const APPROVALS: &str = "\
id,regime,route,organisation,recipient_domain,recipient_country,categories,maximum_bytes,period,\
valid_from,valid_to,protection
contract,cn,contract,Example Ltd,example.com,US,personal,10000000,day,2026-01-01,2028-12-31,standard
";

const CONFIG: &str = "\
[site]
networks = [\"10.20.0.0/16\", \"fd20:2026:302::/48\"]
jurisdictions = [\"CN\"]
time_zone = \"Asia/Shanghai\"
[asset]
inventory = \"inventory.csv\"
[policy]
approvals = [\"approvals.csv\"]
";

/// The office with an inventory, approvals and a key.
struct Office {
    folder: tempfile::TempDir,
    capture: PathBuf,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = office_week(folder.path());
        let office = Self { folder, capture };
        for (name, text) in [
            ("inventory.csv", INVENTORY),
            ("approvals.csv", APPROVALS),
            ("config.toml", CONFIG),
        ] {
            fs::write(office.at(name), text).unwrap();
        }
        let key = office.run(&["ledger", "key", "ledger.key"]);
        assert_eq!(key.status, Some(0), "{key:?}");
        office
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command whose arguments that name files of ours are paths to these.
    fn run(&self, arguments: &[&str]) -> Ran {
        let is_ours = |name: &str| name.contains('.') || name.starts_with("out");
        let arguments = arguments.iter().map(|argument| match is_ours(argument) {
            true => self.at(argument).display().to_string(),
            false => (*argument).to_owned(),
        });
        let arguments: Vec<_> = arguments.collect();
        run(&arguments, Duration::from_secs(60))
    }

    fn replay(&self, out: &str, more: &[&str]) -> PathBuf {
        let out = self.at(out);
        let [config, key] = ["config.toml", "ledger.key"].map(|name| self.at(name));
        let [config, key] = [&config, &key].map(|path| path.to_str().unwrap());
        let mut options = vec!["--config", config, "--ledger", "--key", key];
        options.extend(more);
        let ran = replay(&[&self.capture], &out, &options);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        out
    }
}

/// The verdicts on an asset and a country, each as often as it was said.
fn said(out: &Path, asset: &str, country: &str) -> Vec<(String, Value)> {
    let lines = json_lines(&out.join("verdicts.jsonl"));
    let of_both = lines
        .into_iter()
        .filter(|line| line["asset"] == asset && line["jurisdiction"] == country);
    let said = of_both.map(|line| (line["verdict"].as_str().unwrap().to_owned(), line));
    said.collect()
}

fn opened<'a>(alerts: &'a [Value], asset: &str, country: &str) -> Vec<&'a Value> {
    let is_it = |alert: &&Value| {
        alert["event"] == "open" && alert["asset"] == asset && alert["jurisdiction"] == country
    };
    alerts.iter().filter(is_it).collect()
}

#[test]
fn exports_are_held_against_approvals_and_law() {
    let office = Office::new();
    let out = office.replay("out", &[]);
    Schema::read("verdicts").accepts(&json_lines(&out.join("verdicts.jsonl")));
    let alerts = json_lines(&out.join("alerts.jsonl"));
    Schema::read("alerts").accepts(&alerts);
    Schema::read("summary").accepts(&[json(&out.join("summary.json"))]);

    // Within the contract until 10 MB are used up on a day, and over its quota from then on.
    let documents = said(&out, "office", "US");
    let verdicts: Vec<_> = documents
        .iter()
        .map(|(verdict, _)| verdict.as_str())
        .collect();
    assert_eq!(verdicts[..2], ["approved", "over_quota"], "{verdicts:?}");
    let over = &documents[1].1;
    let bytes = over["bytes"].as_u64().unwrap();
    assert!(
        (10_000_001..10_200_000).contains(&bytes),
        "at once: {bytes}"
    );
    assert_eq!(over["approval"], "contract");
    let alert = opened(&alerts, "office", "US")[0];
    assert_eq!(
        [&alert["verdict"], &alert["severity"]],
        ["over_quota", "high"]
    );

    // The contract names another recipient: what was always there is told all the same.
    let conference = &said(&out, "office", "SG")[0].1;
    assert_eq!(conference["verdict"], "outside_scope");
    let why = conference["why"][0].as_str().unwrap();
    assert!(why.starts_with("contract names another recipient"), "{why}");

    // Important data needs an assessment, whatever else is approved.
    let backup = &said(&out, "backup", "SG")[0].1;
    assert_eq!(backup["rule"], "cn.dsl.important_export");
    assert_eq!(backup["severity"], "critical");
    assert_eq!(opened(&alerts, "backup", "SG")[0]["severity"], "critical");

    // What the site says to its visitors is nobody's.
    let visitors = said(&out, "web", "DE");
    assert!(
        visitors
            .iter()
            .all(|(verdict, _)| verdict == "not_determinable")
    );
    assert!(opened(&alerts, "web", "DE").is_empty());
}

#[test]
fn the_ledger_of_a_replay_is_the_same_whatever_the_workers() {
    let office = Office::new();
    let one = office.replay("out-1", &["--workers", "1"]);
    let four = office.replay("out-4", &["--workers", "4"]);
    for file in [
        "verdicts.jsonl",
        "ledger/entries.jsonl",
        "ledger/heads.jsonl",
    ] {
        let read = |out: &Path| fs::read_to_string(out.join(file)).unwrap();
        assert!(read(&one) == read(&four), "{file} differs");
    }
    let sound = office.run(&["ledger", "verify", "out-1/ledger"]);
    assert_eq!(sound.status, Some(0), "{sound:?}");

    // A letter that is changed is found, and where.
    let entries = one.join("ledger/entries.jsonl");
    let text = fs::read_to_string(&entries).unwrap();
    let line = text.lines().nth(7).unwrap();
    let changed = text.replace(line, &line.replacen("example.com", "example.org", 1));
    assert_ne!(changed, text, "{line}");
    fs::write(&entries, changed).unwrap();
    let unsound = office.run(&["ledger", "verify", "out-1/ledger"]);
    assert_eq!(unsound.status, Some(3), "{unsound:?}");
    assert!(unsound.stdout.contains("entry 7"), "{}", unsound.stdout);

    let proof = office.run(&["ledger", "prove", "out-4/ledger", "7"]);
    fs::write(office.at("proof.json"), &proof.stdout).unwrap();
    let checked = office.run(&["ledger", "prove", "--check", "proof.json"]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    let shown = office.run(&["ledger", "show", "out-4/ledger", "--kind", "stop"]);
    assert_eq!(shown.stdout.lines().count(), 1, "{shown:?}");
}

/// What was said of each asset, country, recipient and pack, by lines of `inspect --json`.
fn inspected(ran: &Ran) -> BTreeMap<[String; 4], String> {
    let lines = ran.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| line[field].as_str().unwrap().to_owned();
        let of = ["asset", "jurisdiction", "recipient", "pack"].map(text);
        (of, text("finding"))
    });
    lines.collect()
}

#[test]
fn days_of_a_ledger_are_inspected_as_captures_are() {
    let office = Office::new();
    office.replay("out", &[]);
    let of_days = |from: &str, to: &str, more: &[&str]| {
        let mut words = vec![
            "inspect",
            "--ledger",
            "out/ledger",
            "--from",
            from,
            "--to",
            to,
        ];
        words.extend(more);
        office.run(&words)
    };
    let of_ledger = of_days("2026-03-01", "2026-03-31", &["--json"]);
    assert_eq!(of_ledger.status, Some(4), "{of_ledger:?}");
    let capture = office.capture.to_str().unwrap();
    let of_capture = office.run(&["inspect", capture, "--config", "config.toml", "--json"]);
    assert_eq!(of_capture.status, Some(4), "{of_capture:?}");
    let [of_ledger, of_capture] = [&of_ledger, &of_capture].map(inspected);
    let keys = |rows: &BTreeMap<[String; 4], String>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&of_ledger), keys(&of_capture));
    // A capture shows the last word, days the worst.
    let failed = of_capture.iter().filter(|(_, finding)| *finding == "fail");
    for (key, _) in failed {
        assert_eq!(of_ledger[key], "fail", "{key:?}");
    }
    let text = of_days("2026-03-01", "2026-03-31", &["--pack", "cn-base"]).stdout;
    assert!(text.contains("cn.dsl.important_export"), "{text}");

    let unknown = of_days("2026-03-01", "2026-03-31", &["--pack", "eu-gdpr"]);
    assert_eq!(unknown.status, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("packs: cn-base"), "{unknown:?}");
    let early = of_days("2025-03-01", "2025-03-31", &[]);
    assert_eq!(early.status, Some(2), "{early:?}");
    assert_eq!(of_days("2026-03-31", "2026-03-01", &[]).status, Some(2));
}

#[test]
fn a_replay_without_a_packet_began_and_ended() {
    let office = Office::new();
    let capture = fs::read(&office.capture).unwrap();
    fs::write(office.at("empty.pcap"), &capture[..24]).unwrap();
    let words = [
        "replay",
        "empty.pcap",
        "--out",
        "out",
        "--config",
        "config.toml",
        "--ledger",
        "--key",
        "ledger.key",
    ];
    let ran = office.run(&words);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let entries = json_lines(&office.at("out/ledger/entries.jsonl"));
    let kinds: Vec<_> = entries.iter().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds.first().unwrap(), &"start", "{kinds:?}");
    assert_eq!(kinds[kinds.len() - 2..], ["sensor", "stop"], "{kinds:?}");
    let sound = office.run(&["ledger", "verify", "out/ledger"]);
    assert_eq!(sound.status, Some(0), "{sound:?}");
}

#[test]
fn what_is_declared_is_looked_through() {
    let office = Office::new();
    let sound = office.run(&["check", "config.toml", "--on", "2026-03-01"]);
    assert_eq!(sound.status, Some(0), "{sound:?}");
    assert!(
        sound
            .stdout
            .contains("3 assets, 1 approvals, packs: cn-base"),
        "{sound:?}"
    );
    let ended = office.run(&["check", "config.toml", "--on", "2029-06-01"]);
    assert!(
        ended.stdout.contains("approvals.csv:2: warning: "),
        "{ended:?}"
    );
    fs::write(
        office.at("approvals.csv"),
        APPROVALS.replace("2028", "2025"),
    )
    .unwrap();
    let reversed = office.run(&["check", "config.toml"]);
    assert_eq!(reversed.status, Some(2), "{reversed:?}");
    assert!(reversed.stderr.contains("approvals.csv:2"), "{reversed:?}");
}

#[test]
fn packs_are_listed_explained_and_compared() {
    let office = Office::new();
    let list = office.run(&["policy", "list"]);
    assert!(
        list.stdout.contains("us-dsp") && list.stdout.contains("draft"),
        "{list:?}"
    );
    let rule = run(
        &[
            "policy",
            "explain",
            "cn.dsl.important_export",
            "--language",
            "zh",
        ],
        Duration::from_secs(10),
    );
    assert!(rule.stdout.contains("重要数据"), "{rule:?}");
    let diff = office.run(&["policy", "diff", "cn-base", "cn-gba"]);
    assert!(diff.stdout.lines().count() > 3, "{diff:?}");
    let what_if = office.run(&[
        "policy",
        "what-if",
        "office-week.pcap",
        "--config",
        "config.toml",
        "--pack",
        "cn-base",
        "--pack",
        "us-dsp",
    ]);
    assert_eq!(what_if.status, Some(0), "{what_if:?}");
    assert!(what_if.stdout.contains("us-dsp: nothing"), "{what_if:?}");
    let inspected = office.run(&["inspect", "office-week.pcap", "--config", "config.toml"]);
    assert_eq!(inspected.status, Some(4), "{inspected:?}");
    let fails = inspected
        .stdout
        .lines()
        .filter(|line| line.starts_with("fail "));
    assert!(fails.count() >= 3, "{inspected:?}");
    let quiet = office.run(&[
        "inspect",
        "office-week.pcap",
        "--config",
        "config.toml",
        "--pack",
        "us-dsp",
        "--json",
    ]);
    assert_eq!(quiet.status, Some(0), "{quiet:?}");
    let unknown = office.run(&["policy", "explain", "cn_nothing"]);
    assert_eq!(unknown.status, Some(2), "{unknown:?}");
}

#[test]
fn packs_and_declarations_are_held_against_each_other() {
    let office = Office::new();
    let declare = |name: &str, text: &str| fs::write(office.at(name), text).unwrap();
    declare(
        "inventory.csv",
        "name,addresses,zone,home\noffice,10.20.10.0/24,mars,\nbranch,10.20.5.0/24,,DE\n",
    );
    let packs = "packs = [\"cn-ftz-beijing\", \"cn-ftz-tianjin\", \"us-dsp\"]\n";
    let policy = format!("[policy]\n{packs}");
    declare("config.toml", &CONFIG.replace("[policy]\n", &policy));
    let checked = office.run(&["check", "config.toml", "--on", "2026-03-01"]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    for remark in [
        "inventory.csv:2: warning: No rule of the packs asks for the zone `mars`",
        "inventory.csv:3: warning: The data of `branch` is at home in DE, and no pack",
        "config.toml:8: warning: `cn-ftz-beijing` and `cn-ftz-tianjin` both hold",
        "config.toml:8: warning: `us-dsp` is at home neither in",
    ] {
        assert!(checked.stdout.contains(remark), "{remark}: {checked:?}");
    }
    declare("approvals.csv", &APPROVALS.replace(",cn,", ",chn,"));
    let unknown = office.run(&["check", "config.toml", "--on", "2026-03-01"]);
    assert_eq!(unknown.status, Some(2), "{unknown:?}");
    assert!(
        unknown.stdout.contains("approvals.csv:2: error: "),
        "{unknown:?}"
    );
}

#[test]
fn contradicting_approvals_end_every_start() {
    let office = Office::new();
    let row = APPROVALS.lines().last().unwrap();
    let text = format!("{APPROVALS}{}\n", row.replace("10000000", "20000000"));
    fs::write(office.at("approvals.csv"), text).unwrap();
    let config = office.at("config.toml").display().to_string();
    let replayed = replay(
        &[&office.capture],
        &office.at("out"),
        &["--config", &config],
    );
    let checked = office.run(&["check", "config.toml"]);
    for ran in [replayed, checked] {
        assert_eq!(ran.status, Some(2), "{ran:?}");
        let said = "approvals.csv:3: `contract` contradicts `contract` at ";
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn what_if_asks_for_two_packs_that_judge() {
    let office = Office::new();
    let what_if = |packs: [&str; 2]| {
        let [one, other] = packs;
        let options = ["--config", "config.toml", "--pack", one, "--pack", other];
        let capture = ["policy", "what-if", "office-week.pcap"];
        office.run(&[&capture[..], &options[..]].concat())
    };
    let twice = what_if(["cn-base", "cn-base"]);
    assert_eq!(twice.status, Some(2), "{twice:?}");
    assert!(twice.stderr.contains("both are `cn-base`"), "{twice:?}");
    let foreign = what_if(["cn-base", "us-dsp"]);
    assert_eq!(foreign.status, Some(0), "{foreign:?}");
    assert!(
        foreign.stderr.contains("`us-dsp` is at home neither in"),
        "{foreign:?}"
    );
    assert!(!foreign.stderr.contains("`cn-base`"), "{foreign:?}");
}
