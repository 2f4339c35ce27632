//! Community IDs, against those that the authors of the specification published for their
//! captures.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::schemas::Schema;
use crate::support::{Conserved, json, number, replay, shared};

/// The ends of a flow, its protocol and its ID.
type Named = (IpAddr, IpAddr, u64, String);

#[test]
fn ids_are_those_of_the_specification() {
    let Some(folder) = shared("community_id", "captures/community-id") else {
        return;
    };
    let schema = Schema::read("flows");
    let baselines = [(0, "baseline_deflt.json"), (1, "baseline_seed1.json")];
    for (seed, baseline) in baselines {
        let rows = json(&folder.join("baseline").join(baseline));
        let rows = rows.as_array().unwrap();
        let all = flows(&folder.join("pcaps/combined.pcap.gz"), seed);
        schema.accepts(&all);
        for row in rows {
            assert!(all.iter().any(|flow| is_of(flow, row)), "{row}");
        }
        // Nor has it more: both directions of a flow are rows, and one flow.
        assert_eq!(ids(rows, "communityid"), ids(&all, "community_id"));
        assert_eq!(all.len(), ids(&all, "community_id").len());
        println!("seed {seed}: {} rows, {} flows", rows.len(), all.len());

        let mut of_parts = BTreeSet::new();
        for part in fs::read_dir(folder.join("pcaps")).unwrap() {
            let part = part.unwrap().path();
            if part.extension().is_some_and(|it| it == "pcap") {
                of_parts.extend(flows(&part, seed).iter().map(named));
            }
        }
        assert_eq!(of_parts, all.iter().map(named).collect());
    }
}

#[test]
fn without_being_asked_for_they_change_nothing() {
    let Some(folder) = shared("community_id", "captures/community-id/pcaps") else {
        return;
    };
    let capture = folder.join("combined.pcap.gz");
    let plain = replayed(&capture, "");
    assert!(plain.iter().all(|flow| flow["community_id"].is_null()));
    // Two neighbours ask for each other, which are two questions.
    assert_eq!(flows(&capture, 0).len(), plain.len() + 1);
}

/// Whether a row of the baseline is a direction of a flow.
fn is_of(flow: &Value, row: &Value) -> bool {
    let ends = |value: &Value, names: [&str; 2]| names.map(|name| address(&value[name]));
    let (ours, [from, to]) = (ends(flow, ["src", "dst"]), ends(row, ["saddr", "daddr"]));
    let ports = |value: &Value, names: [&str; 2]| names.map(|name| value[name].as_u64());
    let ours_ports = ports(flow, ["src_port", "dst_port"]);
    let [from_port, to_port] = ports(row, ["sport", "dport"]);
    let is_direction = |ends: [IpAddr; 2], ports: [Option<u64>; 2]| {
        // Types and codes of ICMP are no ports of ours.
        ends == ours && (ports == ours_ports || ours_ports == [None, None])
    };
    flow["proto"] == row["proto"]
        && flow["community_id"] == row["communityid"]
        && (is_direction([from, to], [from_port, to_port])
            || is_direction([to, from], [to_port, from_port]))
}

fn named(flow: &Value) -> Named {
    let (src, dst) = (address(&flow["src"]), address(&flow["dst"]));
    let id = flow["community_id"].as_str().unwrap().to_owned();
    // A part may begin with the other direction.
    (src.min(dst), src.max(dst), number(flow, "proto"), id)
}

fn address(text: &Value) -> IpAddr {
    text.as_str().unwrap().parse().unwrap()
}

fn ids<'a>(values: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    let ids = values.iter().map(|value| value[field].as_str().unwrap());
    ids.collect()
}

/// The flows of a capture with their IDs.
fn flows(capture: &Path, seed: u16) -> Vec<Value> {
    let config = format!("[flow]\ncommunity_id = true\ncommunity_id_seed = {seed}\n");
    replayed(capture, &config)
}

fn replayed(capture: &Path, config: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let (out, path) = (folder.path().join("out"), folder.path().join("x.toml"));
    fs::write(&path, config).unwrap();
    let ran = replay(&[capture], &out, &["--config", path.to_str().unwrap()]);
    assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
    Conserved::of(&out).unwrap().flows
}
