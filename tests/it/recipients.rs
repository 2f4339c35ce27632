//! Who receives is known by name: a new tenant of a known network is a new recipient.

use std::fs::{self, File};

use borderflow::simulate::{Scenario, simulate};
use serde_json::Value;

use crate::support::{json_lines, office_config, replay, root};

/// The office, which talks to documents.example.org all day; then one of its machines sends
/// 90 MB to the same addresses, under some name.
fn alerts_of_a_leak_to(name: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let office = fs::read_to_string(root().join("models/scenarios/office-week.toml")).unwrap();
    let named = "name = \"office-suite\"\nserver_name = \"documents.example.org\"\n";
    let mut text = office.replace("name = \"office-suite\"\n", named);
    text.push_str(&format!(
        "[[leak]]\nid = \"tenant\"\nkind = \"bulk\"\nasset = \"office-1\"\n\
         destination = \"office-suite\"\nstart = \"day 9 11:00\"\nduration = \"20m\"\n\
         bytes = \"90MB\"\nserver_name = \"{name}\"\n",
    ));
    let scenario = folder.path().join("office.toml");
    fs::write(&scenario, text).unwrap();
    let capture = folder.path().join("office.pcap");
    let mut written = File::create(&capture).unwrap();
    simulate(
        &Scenario::read(&scenario).unwrap(),
        &mut written,
        &mut Vec::new(),
    )
    .unwrap();
    let generous = "[alert]\nbudget_per_asset_week = 5.0\n";
    let config = office_config(folder.path(), "config.toml", generous);
    let out = folder.path().join("out");
    let ran = replay(&[&capture], &out, &["--config", config.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let is_of_leak = |alert: &Value| alert["jurisdiction"] == "US" && alert["event"] == "open";
    let alerts = json_lines(&out.join("alerts.jsonl"));
    alerts.into_iter().filter(is_of_leak).collect()
}

fn sentence(alert: &Value) -> Option<&str> {
    let detectors = alert["detectors"].as_array()?;
    let new = detectors
        .iter()
        .find(|one| one["name"] == "new_recipient")?;
    new["sentence"].as_str()
}

#[test]
fn a_new_tenant_of_a_known_network_is_a_new_recipient() {
    let alerts = alerts_of_a_leak_to("upload.example.net");
    let said = alerts
        .iter()
        .find_map(sentence)
        .expect("an alert that says so");
    assert!(said.contains(" to example.net, a recipient that"), "{said}");
}

#[test]
fn the_one_that_always_receives_is_none() {
    let alerts = alerts_of_a_leak_to("documents.example.org");
    assert!(!alerts.is_empty(), "so much is told all the same");
    assert_eq!(alerts.iter().find_map(sentence), None);
}
