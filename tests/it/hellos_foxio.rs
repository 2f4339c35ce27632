//! Fingerprints of hellos, against what the authors of JA4 expect of their captures: the
//! snapshots of their program in Rust, and the output of the one in Python.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::hellos::{Pair, by_pair, pair};
use crate::support::{Conserved, json, replay, shared};

#[test]
fn fingerprints_are_those_that_their_authors_expect() {
    let Some(folder) = shared("hellos_foxio", "captures/ja4") else {
        return;
    };
    let (mut rows, mut agree) = (0, 0);
    let mut differ = BTreeSet::new();
    for entry in fs::read_dir(folder.join("expected")).unwrap() {
        let path = entry.unwrap().path();
        let Some((tool, capture, expected)) = expectations(&path) else {
            continue;
        };
        let capture_path = folder.join("pcap").join(&capture);
        // Of one capture only the expectations are shared.
        if expected.is_empty() || !capture_path.exists() {
            continue;
        }
        let ours = fingerprints(&capture_path);
        for (pair, theirs) in expected {
            rows += 1;
            if ours.get(&pair).is_some_and(|ours| ours.contains(&theirs)) {
                agree += 1;
                continue;
            }
            let [a, b] = pair.1.map(|(_, port)| port);
            differ.insert((tool, capture.clone(), a.max(b), theirs));
        }
    }
    println!("hellos_foxio: {agree} of {rows} agree");
    let known = DIFFERENCES.iter().map(|(tool, capture, port, theirs, _)| {
        (*tool, (*capture).to_owned(), *port, (*theirs).to_owned())
    });
    assert_eq!(differ, known.collect());
    assert!(agree >= AGREE);
}

const AGREE: usize = 182;

/// Tool, capture, port of the client, what is expected, and why that is not found here.
const DIFFERENCES: &[(&str, &str, u16, &str, &str)] = &[
    ("python", RETRIES, 50_159, OF_SECOND, SECOND),
    ("python", RETRIES, 50_165, OF_SECOND, SECOND),
    ("python", RETRIES, 50_166, OF_SECOND, SECOND),
    ("python", RETRIES, 50_168, OF_SECOND, SECOND),
    ("python", RETRIES, 50_169, OF_SECOND, SECOND),
];

const RETRIES: &str = "tls-sni.pcapng";
const OF_SECOND: &str = "t13d1515h2_8daaf6152771_f37e75b10bcc";
const SECOND: &str = "of the hello after a retry; the snapshot has the first, as is done here";

/// The fingerprint of each of some flows.
type Expected = Vec<(Pair, String)>;

/// The tool, the capture, and what it expects, if the file is of one of the two.
fn expectations(path: &Path) -> Option<(&'static str, String, Expected)> {
    let name = path.file_name().unwrap().to_str().unwrap();
    if let Some(name) = name.strip_suffix(".snap") {
        let (_, capture) = name.split_once('@').unwrap();
        return Some(("rust", capture.to_owned(), of_snapshot(path)));
    }
    let rest = name.strip_prefix("python__test__testdata__")?;
    let capture = rest.strip_suffix(".json")?;
    Some(("python", capture.to_owned(), of_python(path)))
}

/// A list in YAML, each entry of which begins with the number of its stream.
fn of_snapshot(path: &Path) -> Expected {
    let text = fs::read_to_string(path).unwrap();
    let mut expected = Vec::new();
    for entry in text.split("- stream: ").skip(1) {
        let lines = entry
            .lines()
            .filter_map(|line| line.trim().split_once(": "));
        let fields: BTreeMap<_, _> = lines.collect();
        if let Some(ja4) = fields.get("ja4") {
            let end = |side: &str| {
                let port = fields[&*format!("{side}_port")];
                (fields[side].parse().unwrap(), port.parse().unwrap())
            };
            let protocol = if fields["transport"] == "tcp" { 6 } else { 17 };
            expected.push((pair(protocol, end("src"), end("dst")), (*ja4).to_owned()));
        }
    }
    expected
}

fn of_python(path: &Path) -> Expected {
    let flows = json(path);
    let mut expected = Vec::new();
    for flow in flows.as_array().unwrap() {
        let of = |field: &str| flow[field].as_str().unwrap();
        let hellos = flow.as_object().unwrap().iter();
        // The name of the field has a number, one for each hello that it told apart.
        for (_, ja4) in hellos.filter(|(field, _)| field.starts_with("JA4.")) {
            let ja4 = ja4.as_str().unwrap();
            let end = |side: &str| -> (IpAddr, u16) {
                let port = of(&format!("{side}port")).parse().unwrap();
                (of(side).parse().unwrap(), port)
            };
            let protocol = if ja4.starts_with('q') { 17 } else { 6 };
            expected.push((pair(protocol, end("src"), end("dst")), ja4.to_owned()));
        }
    }
    expected
}

fn fingerprints(capture: &Path) -> BTreeMap<Pair, BTreeSet<String>> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let ran = replay(&[capture], &out, &[]);
    assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
    let flows = by_pair(Conserved::of(&out).unwrap().flows).into_iter();
    let of_flow = |flow: &Value| flow["ja4"].as_str().map(str::to_owned);
    flows
        .map(|(pair, flows)| (pair, flows.iter().filter_map(of_flow).collect()))
        .collect()
}
