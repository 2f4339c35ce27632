//! A database that is exchanged for a corrected one: what was learned goes on, and what moved is
//! told.

use std::time::Duration;

use serde_json::json;

use crate::restart::{MIDNIGHT, split};
use crate::support::{json, json_lines, office_config, office_week, replay, run};

/// An override that says of the backup's vault in which country it is.
fn vault_in(country: &str) -> String {
    format!(
        "[alert]\nbudget_per_asset_week = 1.0\n\
         [[geo.override]]\nprefix = \"52.220.10.0/24\"\ncountry = \"{country}\"\nasn = 16509\n"
    )
}

#[test]
fn a_backup_whose_vault_is_said_to_be_elsewhere_is_told_as_moved_and_not_as_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let halves = split(&office_week(folder.path()), MIDNIGHT);
    let [state, out, key] = ["state", "out", "ledger.key"].map(|name| folder.path().join(name));
    let made = run(
        &["ledger", "key", key.to_str().unwrap()],
        Duration::from_secs(10),
    );
    assert_eq!(made.status, Some(0), "{made:?}");
    for (half, country) in halves.iter().zip(["SG", "HK"]) {
        let config = office_config(folder.path(), "config.toml", &vault_in(country));
        let [config, state, key] = [&config, &state, &key].map(|path| path.to_str().unwrap());
        let options = [
            "--config", config, "--state", state, "--ledger", "--key", key,
        ];
        let ran = replay(&[half], &out, &options);
        assert_eq!(ran.status, Some(0), "{ran:?}");
    }
    let summary = json(&out.join("summary.json"));
    let moved = summary["relabelled"].as_array().unwrap();
    assert_eq!(moved.len(), 1, "{moved:?}");
    let row = &moved[0];
    assert_eq!(
        [&row["from"], &row["to"], &row["networks"]],
        [&json!("SG"), &json!("HK"), &json!(1)]
    );
    // Four or five nights of 250 MB.
    let bytes = row["bytes"].as_u64().unwrap();
    assert!((750_000_000..1_500_000_000).contains(&bytes), "{bytes}");
    let notes = summary["notes"].as_array().unwrap();
    let is_told = |note: &serde_json::Value| {
        let note = note.as_str().unwrap_or_default();
        note.contains("into HK that were in SG before")
    };
    assert!(notes.iter().any(is_told), "{notes:?}");
    let alerts = json_lines(&out.join("alerts.jsonl"));
    let to_vault = alerts.iter().filter(|alert| alert["jurisdiction"] == "HK");
    assert_eq!(to_vault.count(), 0);
    // The ledger says it with each day that closes while it is more.
    let entries = json_lines(&out.join("ledger/entries.jsonl"));
    let told = entries.iter().map(|entry| &entry["body"]);
    let told: Vec<_> = told.filter(|body| body["relabelled"] == 1).collect();
    assert!(told.len() > 1, "{told:?}");
    assert!(told.is_sorted_by(|one, next| one != next), "{told:?}");
    let listed = &told.last().unwrap()["relabelled_listed"][0];
    assert_eq!(
        [&listed["from"], &listed["to"]],
        [&json!("SG"), &json!("HK")]
    );
    assert_eq!(listed["bytes"], row["bytes"]);
}
