//! `baseline import`: logs of others teach the baseline, and the detectors speak of them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{borderflow, run};
use crate::support::Ran;

fn import(folder: &Path, text: &str) -> Ran {
    let log = folder.join("volumes.csv");
    fs::write(&log, text).unwrap();
    let mut command = borderflow("baseline");
    command.arg("import").arg(&log);
    command.arg("--state").arg(folder.join("state"));
    command.arg("--out").arg(folder.join("out"));
    run(command)
}

/// Three weeks in which each of ten assets sends SG some kilobytes an hour, and then one of
/// them 4 GB to RU.
fn weeks() -> String {
    let mut text = "time,asset,country,bytes\n".to_owned();
    let begin = 1_775_001_600;
    for hour in 0..21 * 24 {
        for asset in 1..=10 {
            let bytes = 20_000 + hour * 7_919 * asset % 30_000;
            let time = begin + hour * 3_600 + asset;
            writeln!(text, "{time},10.0.0.{asset},SG,{bytes}").unwrap();
        }
    }
    let leak = begin + 21 * 24 * 3_600;
    writeln!(text, "{leak},10.0.0.3,RU,4000000000").unwrap();
    text
}

#[test]
fn weeks_of_volumes_teach_and_a_leak_in_them_is_told() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &weeks()).succeeded();
    assert!(folder.path().join("state/baseline.state").exists());
    let alerts = fs::read_to_string(folder.path().join("out/alerts.jsonl")).unwrap();
    let alerts: Vec<Value> = alerts
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [alert] = &alerts[..] else {
        panic!("not one alert: {alerts:?}");
    };
    let said = ["event", "asset", "jurisdiction"].map(|field| alert[field].as_str().unwrap());
    assert_eq!(said, ["open", "10.0.0.3", "RU"]);
    assert_eq!(alert["bytes"], 4_000_000_000_u64);
}

#[test]
fn a_bad_line_is_told_by_its_number_and_the_others_count() {
    let folder = tempfile::tempdir().unwrap();
    let text = "time,asset,country,bytes\n\
                2026-04-01T00:00:00Z,10.0.0.1,SG,5\n\
                never,10.0.0.1,SG,5\n\
                2026-04-01T00:00:02Z,10.0.0.1,SG,5\n";
    let ran = import(folder.path(), text);
    ran.complained(3, &["volumes.csv:3", "never"]);
    assert!(
        ran.stdout.contains("2 transfers, 1 countries of receivers"),
        "{ran:?}"
    );
}

/// Three assets send SG the same every day, but for noise; the third grows by 15 % a week.
fn boiling_frog(weeks: u64) -> String {
    let mut text = "time,asset,country,bytes\n".to_owned();
    let begin = 1_775_001_600;
    for hour in 0..weeks * 7 * 24 {
        for asset in 1..=3_u64 {
            let noise = 0.5 + (hour * 7_919 * asset % 1_000) as f64 / 1_000.0;
            let growth = if asset == 3 {
                1.15_f64.powf(hour as f64 / 168.0)
            } else {
                1.0
            };
            let is_open = (9..18).contains(&(hour % 24));
            let bytes = if is_open { 2e6 * noise * growth } else { 0.0 };
            let time = begin + hour * 3_600 + asset;
            writeln!(text, "{time},10.0.0.{asset},SG,{bytes:.0}").unwrap();
        }
    }
    text
}

#[test]
fn growth_of_15_percent_a_week_is_told_before_it_is_fourfold() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &boiling_frog(16)).succeeded();
    let alerts = fs::read_to_string(folder.path().join("out/alerts.jsonl")).unwrap();
    let alerts: Vec<Value> = alerts
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of_growth = |alert: &&Value| {
        let detectors = alert["detectors"].as_array().unwrap();
        alert["event"] == "open" && detectors.iter().any(|one| one["name"] == "growth")
    };
    let told: Vec<&Value> = alerts.iter().filter(of_growth).collect();
    let [alert] = &told[..] else {
        panic!("not one alert of growth: {alerts:?}");
    };
    let [bytes, expected] = ["bytes", "expected_bytes"].map(|name| alert[name].as_f64());
    let ratio = bytes.unwrap() / expected.unwrap();
    assert!((2.5..4.0).contains(&ratio), "{alert}");
    // Nothing else is told: no day of it is large beside the days before.
    assert!(alerts.iter().all(|alert| alert["asset"] == "10.0.0.3"));
}

fn show(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = borderflow("baseline");
    command.arg("show").args(arguments);
    command.arg("--state").arg(folder.join("state"));
    run(command)
}

#[test]
fn what_was_learned_is_shown_of_all_and_of_one() {
    let folder = tempfile::tempdir().unwrap();
    import(folder.path(), &weeks()).succeeded();
    let all = show(folder.path(), &[]);
    all.succeeded();
    assert!(all.stdout.starts_with("10 assets, 504 hours"), "{all:?}");
    let one = show(folder.path(), &["10.0.0.3"]);
    one.succeeded();
    let shown = [
        "10.0.0.3, a client, known for 504 h: own normal",
        "SG",
        "RU",
        "█",
    ];
    for text in shown {
        assert!(one.stdout.contains(text), "no {text} in {one:?}");
    }
    show(folder.path(), &["10.0.0.77"]).complained(2, &["10.0.0.77", "lists them"]);
    let empty = folder.path().join("nothing");
    fs::create_dir(&empty).unwrap();
    show(&empty, &[]).complained(2, &["state", "no such folder"]);
    fs::create_dir(empty.join("state")).unwrap();
    show(&empty, &[]).complained(2, &["nothing is learned there"]);
}

/// More than any link carries, as a line that was tampered with may claim.
#[test]
fn absurd_volumes_stop_neither_an_import_nor_what_is_shown() {
    for bytes in [u64::MAX, u64::MAX / 20] {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "time,asset,country,bytes\n".to_owned();
        for hour in 0..6 * 24 {
            let time = 1_775_001_600 + hour * 3_600;
            writeln!(text, "{time},10.0.0.1,SG,{bytes}").unwrap();
        }
        import(folder.path(), &text).succeeded();
        show(folder.path(), &[]).succeeded();
        show(folder.path(), &["10.0.0.1"]).succeeded();
    }
}
