//! What conversations say of themselves, against what nDPI read of the same captures.
//!
//! The numbers asserted here are measured. A count may only rise; what disagrees is listed
//! with its reason, and without one is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use crate::support::{Conserved, number, replay, shared};

/// Protocol number and both ends, in the order of their addresses and ports.
pub(crate) type Pair = (u8, [(IpAddr, u16); 2]);

/// A row of nDPI's table.
#[derive(Debug)]
struct Row {
    pair: Pair,
    application: String,
    name: String,
    ja4: String,
}

#[derive(Debug, Default)]
struct Tally {
    both: usize,
    agree: usize,
    unexplained: Vec<String>,
}

impl Tally {
    fn compare(&mut self, capture: &str, row: &Row, theirs: &str, ours: &BTreeSet<String>) {
        self.both += 1;
        if ours.contains(theirs) {
            self.agree += 1;
            return;
        }
        let is_it = |its: &str| its.is_empty() || its == theirs;
        let mut known = DIFFERENCES.iter();
        let known = known.find(|(of, its, _)| *of == capture && is_it(its));
        match known {
            Some((_, _, reason)) => println!("{capture}: {theirs}: {reason}"),
            None => {
                let said = format!("{capture}: {:?}: theirs {theirs}, ours {ours:?}", row.pair);
                self.unexplained.push(said);
            }
        }
    }
}

#[test]
fn names_and_fingerprints_agree_with_ndpi() {
    let Some(folder) = shared("ndpi", "captures/ndpi") else {
        return;
    };
    let (mut names, mut ja4) = (Tally::default(), Tally::default());
    let mut exact = 0;
    for (capture, rows) in rows(&folder.join("ndpi_flows.csv")) {
        let ours = ours(&folder.join(&capture));
        let empty = Vec::new();
        for row in rows {
            let flows = ours.get(&row.pair).unwrap_or(&empty);
            let texts = |field: &str| -> BTreeSet<String> {
                let texts = flows.iter().filter_map(|flow| flow[field].as_str());
                texts.map(str::to_owned).collect()
            };
            // Where nDPI has a name of DNS or of another protocol, that is no receiver's.
            let kind = row.application.split('.').next().unwrap_or_default();
            if ["TLS", "QUIC", "HTTP"].contains(&kind) && !row.name.is_empty() {
                let theirs = row.name.to_ascii_lowercase();
                names.compare(&capture, &row, &theirs, &texts("sni"));
            }
            if !row.ja4.is_empty() {
                exact += usize::from(texts("ja4").contains(&row.ja4));
                let parts = texts("ja4").iter().map(|ja4| compared(ja4)).collect();
                ja4.compare(&capture, &row, &compared(&row.ja4), &parts);
            }
        }
    }
    println!("names: {} of {} agree", names.agree, names.both);
    println!(
        "JA4: {} of {} agree, {exact} in every letter",
        ja4.agree, ja4.both
    );
    let unexplained = [names.unexplained, ja4.unexplained].concat();
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(names.agree >= NAMES_AGREE && ja4.agree >= JA4_AGREE);
}

const NAMES_AGREE: usize = 238;
const JA4_AGREE: usize = 218;

/// Capture, what nDPI has, and why it is not what is here. Where that is empty, all of the
/// capture.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "anyconnect-vpn.pcap",
        "ds30100_2cfe23c976cf_e3b0c44298fc",
        "DTLS 1.0 as an early library had it: to nDPI it is SSL 3.0, and nothing has a hash",
    ),
    (
        "dtls.pcap",
        "dd22706_991e33d7eb74_10f9deb96590",
        "DTLS 1.3, which nDPI takes for the version that stands in its place for old servers",
    ),
    (
        FUZZED,
        "%s",
        "a NUL byte ends nDPI's name; here it is shown",
    ),
    (FUZZED, "172.20.3.5", "a damaged version of HTTP"),
];

const FUZZED: &str = "fuzz-2006-09-29-28586.pcap";

/// A JA4 without what nDPI does otherwise than its specification: the two letters of ALPN,
/// and whether there is a name.
fn compared(ja4: &str) -> String {
    let (head, hashes) = ja4.split_at(10.min(ja4.len()));
    let head = head
        .char_indices()
        .filter(|(place, _)| ![3, 8, 9].contains(place));
    head.map(|(_, letter)| letter)
        .chain(hashes.chars())
        .collect()
}

fn rows(table: &Path) -> BTreeMap<String, Vec<Row>> {
    let text = fs::read_to_string(table).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut captures = BTreeMap::<String, Vec<Row>>::new();
    for line in lines {
        let row: BTreeMap<_, _> = columns.iter().copied().zip(line.split(',')).collect();
        let protocol = match row["proto"] {
            "TCP" => 6,
            "UDP" => 17,
            _ => continue,
        };
        let end = |side: &str| {
            let port = row[format!("{side}_port").as_str()];
            (row[side].parse().unwrap(), port.parse().unwrap())
        };
        let row = Row {
            pair: pair(protocol, end("a"), end("b")),
            application: row["app"].to_owned(),
            name: row["sni"].to_owned(),
            ja4: row["ja4"].to_owned(),
        };
        captures.entry(capture_of(line)).or_default().push(row);
    }
    captures
}

fn capture_of(line: &str) -> String {
    line.split(',').next().unwrap().to_owned()
}

pub(crate) fn pair(protocol: u8, a: (IpAddr, u16), b: (IpAddr, u16)) -> Pair {
    (protocol, if a <= b { [a, b] } else { [b, a] })
}

fn ours(capture: &Path) -> BTreeMap<Pair, Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let ran = replay(&[capture], &out, &[]);
    assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
    by_pair(Conserved::of(&out).unwrap().flows)
}

/// Flows by their ends.
pub(crate) fn by_pair(all: Vec<Value>) -> BTreeMap<Pair, Vec<Value>> {
    let mut flows = BTreeMap::<Pair, Vec<Value>>::new();
    for flow in all {
        let end = |side: &str| {
            let address = flow[side].as_str().unwrap().parse().unwrap();
            let port = flow[format!("{side}_port")].as_u64().unwrap_or(0);
            (address, u16::try_from(port).unwrap())
        };
        let protocol = u8::try_from(number(&flow, "proto")).unwrap();
        let key = pair(protocol, end("src"), end("dst"));
        flows.entry(key).or_default().push(flow);
    }
    flows
}
