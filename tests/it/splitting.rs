//! Volumes that are split, from a capture to the alert.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::schemas::Schema;
use crate::support::{json_lines, replay, run};

/// Machines, whose each is, where it sends and how much.
///
/// Three of which nobody says whose they are send to one recipient what only together are more
/// than 100,000 records of 100 bytes; three companies do the same with a cloud that all use; one
/// passes the threshold alone, beside a small one of nobody.
const MACHINES: [(&str, &str, &str, &str); 8] = [
    ("part-1", "", "sink", "4MB"),
    ("part-2", "", "sink", "4MB"),
    ("part-3", "", "sink", "4MB"),
    ("tenant-1", "First Ltd", "cloud", "4MB"),
    ("tenant-2", "Second Ltd", "cloud", "4MB"),
    ("tenant-3", "Third Ltd", "cloud", "4MB"),
    ("large", "", "partner", "20MB"),
    ("small", "", "partner", "1MB"),
];

const DESTINATIONS: [(&str, &str, &str); 3] = [
    ("sink", "138.68.10.88", "files.example.com"),
    ("cloud", "138.68.20.88", "tenants.example.net"),
    ("partner", "138.68.30.88", "partner.example.org"),
];

const CONFIG: &str = "\
[site]
networks = [\"10.40.0.0/16\"]
jurisdictions = [\"CN\"]
time_zone = \"Asia/Shanghai\"
[asset]
inventory = \"inventory.csv\"
[policy]
packs = [\"cn-base\"]
";

fn scenario() -> String {
    let mut text = "seed = 7\nstart = \"2026-03-02T00:00:00+08:00\"\ndays = 1\n[site]\n\
                    networks = [\"10.40.0.0/16\"]\njurisdictions = [\"CN\"]\n\
                    time_zone = \"Asia/Shanghai\"\n"
        .to_owned();
    for (name, address, host) in DESTINATIONS {
        let _ = write!(
            text,
            "[[destination]]\nname = \"{name}\"\njurisdiction = \"US\"\n\
             addresses = [\"{address}\"]\nservice = \"tcp/443\"\nserver_name = \"{host}\"\n\
             rtt_ms = 180\nreplies = 0.01\n"
        );
    }
    for (number, (name, _, to, bytes)) in MACHINES.iter().enumerate() {
        let _ = write!(
            text,
            "[[group]]\nname = \"{name}\"\nkind = \"server\"\nnetwork = \"10.40.{number}.0/28\"\n\
             count = 1\n[[schedule]]\nname = \"of-{name}\"\nasset = \"{name}\"\n\
             destination = \"{to}\"\nevery = \"day\"\nat = \"1{number}:00\"\nduration = \"10m\"\n\
             bytes = \"{bytes}\"\n"
        );
    }
    text
}

fn play(folder: &Path) -> (Vec<Value>, Vec<Value>) {
    let mut inventory = "name,addresses,organisation,categories,bytes_per_record_minimum,\
                         bytes_per_record_typical\n"
        .to_owned();
    for (number, (name, organisation, ..)) in MACHINES.iter().enumerate() {
        let _ = writeln!(
            inventory,
            "{name},10.40.{number}.0/28,{organisation},personal,100,100"
        );
    }
    let at = |name: &str| folder.join(name);
    for (name, text) in [
        ("scenario.toml", scenario()),
        ("inventory.csv", inventory),
        ("config.toml", CONFIG.to_owned()),
    ] {
        fs::write(at(name), text).unwrap();
    }
    let [scenario, capture, truth, config] = [
        "scenario.toml",
        "capture.pcap",
        "truth.jsonl",
        "config.toml",
    ]
    .map(|name| at(name).display().to_string());
    let simulated = run(
        &[
            "simulate", &scenario, "--output", &capture, "--truth", &truth,
        ],
        Duration::from_secs(60),
    );
    assert_eq!(simulated.status, Some(0), "{simulated:?}");
    let out = at("out");
    let ran = replay(&[Path::new(&capture)], &out, &["--config", &config]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let lines = |name: &str| json_lines(&out.join(name));
    (lines("alerts.jsonl"), lines("verdicts.jsonl"))
}

/// The last verdict on a machine.
fn last<'a>(verdicts: &'a [Value], asset: &str) -> &'a Value {
    verdicts
        .iter()
        .rfind(|line| line["asset"] == asset)
        .unwrap()
}

#[test]
fn a_threshold_that_several_pass_together_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (alerts, verdicts) = play(folder.path());
    Schema::read("alerts").accepts(&alerts);
    Schema::read("verdicts").accepts(&verdicts);

    // The third while it still sends, and the others, of which nothing was odd until then, as
    // the day ends: as one campaign.
    let opened: Vec<_> = alerts.iter().filter(|it| it["event"] == "open").collect();
    let assets = opened.iter().map(|it| it["asset"].as_str().unwrap());
    let mut assets: Vec<_> = assets.collect();
    assert_eq!(assets[0], "part-3");
    assets.sort_unstable();
    assert_eq!(assets, ["large", "part-1", "part-2", "part-3"]);
    let of = |asset: &str| opened.iter().find(|it| it["asset"] == asset).unwrap();
    assert!(of("part-1")["campaign"].is_string());
    assert_eq!(of("part-1")["campaign"], of("part-2")["campaign"]);
    let alert = opened[0];
    let detectors = alert["detectors"].as_array().unwrap();
    assert_eq!(detectors.len(), 1, "{alert}");
    assert_eq!(detectors[0]["name"], "splitting");
    assert_eq!(
        [&alert["severity"], &alert["verdict"]],
        ["medium", "not_determinable"]
    );
    let said = alert["explanation"].as_str().unwrap();
    for part in [
        "cn.cbdf.2024.contract.personal",
        "≥ 100,000 persons",
        "part-1 3",
        "part-2 4",
        "part-3 ",
        "example.com in US",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let splitting = &last(&verdicts, "part-3")["splitting"];
    assert_eq!(splitting["shared"], "recipient_of_unowned");
    let total = splitting["total"].as_u64().unwrap();
    assert!(
        (100_000..110_000).contains(&total),
        "as it is passed: {total}"
    );
    assert_eq!(splitting["parts"].as_array().unwrap().len(), 3);
    let chinese = last(&verdicts, "part-3")["sentence"]["zh"]
        .as_str()
        .unwrap();
    assert!(chinese.contains("疑似拆分"), "{chinese}");

    // Customers of one cloud: said with the verdict, and why it is no alert.
    let tenant = last(&verdicts, "tenant-3");
    assert_eq!(tenant["splitting"]["shared"], "recipient");
    let said = tenant["sentence"]["en"].as_str().unwrap();
    assert!(said.contains("it may be a service that many use"), "{said}");
    // One that passes alone has split nothing, and neither has a small one beside it.
    let large = last(&verdicts, "large");
    assert_eq!(large["verdict"], "declared_estimate_exceeded");
    for asset in ["large", "small"] {
        assert!(last(&verdicts, asset).get("splitting").is_none(), "{asset}");
    }
}
