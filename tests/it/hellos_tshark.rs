//! What hellos of TLS and QUIC say, as tshark reads them: the server's name, the version that
//! is agreed upon, and every letter of JA4.
//!
//! tshark knows JA4 from version 4.2 on. So the fingerprint is put together here from the
//! fields that it shows, after the specification and apart from the sensor's code.
//!
//! A run takes the captures in which the manifest, or the list below, has hellos; with
//! `TSHARK_ALL` set, all of them, and with `TSHARK_ONLY` those with that in their names. What
//! differs is listed with its reason, or it is a failure; and so is what is listed and does
//! not differ any more.

mod explained;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use explained::EXPLAINED;

use crate::hellos::{Pair, by_pair, pair};
use crate::support::{Conserved, listed_captures, replay, run_command, shared};
use crate::tshark::compare_all;

#[test]
fn hellos_agree_with_tshark() {
    let Some(captures) = shared("hellos_tshark", "captures") else {
        return;
    };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("hellos_tshark: skipped, there is no tshark");
        return;
    }
    let listed = listed_captures(&captures).into_iter();
    let names: Vec<_> = listed.filter(is_wanted).map(|(name, _)| name).collect();
    let compared = compare_all(&captures, &names, compare);
    let mut unexplained = Vec::new();
    let mut all = Compared::default();
    for (name, capture) in compared {
        all.hellos += usize::from(capture.tallies.iter().any(|tally| tally.theirs > 0));
        for (sum, tally) in all.tallies.iter_mut().zip(capture.tallies) {
            sum.add(tally);
        }
        all.only_here += capture.only_here;
        unexplained.extend(check(&name, &capture.differences));
    }
    for (kind, tally) in KINDS.iter().zip(&all.tallies) {
        println!("{}: {tally:?}", kind.field);
    }
    println!(
        "{} captures with hellos of {}; {} flows have hellos only here",
        all.hellos,
        names.len(),
        all.only_here
    );
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(all.tallies.iter().all(|tally| tally.agree == tally.both));
    let [names, ..] = all.tallies;
    let is_part = std::env::var_os("TSHARK_ONLY").is_some();
    assert!(is_part || names.agree * 100 >= names.theirs * NAMES_PERCENT_MIN);
}

/// Whether a capture is compared in this run.
fn is_wanted((name, said): &(String, Value)) -> bool {
    if let Ok(only) = std::env::var("TSHARK_ONLY") {
        return name.contains(&only);
    }
    let kinds = &said["fl"];
    let has_hellos = ["tls", "quic_init", "quic443"]
        .iter()
        .any(|kind| !kinds[kind].is_null());
    let is_listed = EXPLAINED.iter().any(|(capture, ..)| capture == name);
    has_hellos
        || is_listed
        || UNTOLD.contains(&name.as_str())
        || std::env::var_os("TSHARK_ALL").is_some()
}

/// What came of captures.
#[derive(Debug, Default)]
struct Compared {
    /// Captures in which tshark found hellos.
    hellos: usize,
    /// Of each of [`KINDS`].
    tallies: [Tally; KINDS.len()],
    /// Flows of which only the sensor says anything.
    only_here: usize,
    /// By the number of the frame in which the conversation's first hello is.
    differences: Vec<(usize, String)>,
}

/// Conversations of which tshark says something, of which both do, and those in which it is
/// the same.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    theirs: usize,
    both: usize,
    agree: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.theirs += other.theirs;
        self.both += other.both;
        self.agree += other.agree;
    }
}

/// Something that hellos say.
struct Kind {
    /// Its field in `flows.jsonl`.
    field: &'static str,
    theirs: fn(&Conversation) -> Option<String>,
}

const KINDS: [Kind; 3] = [
    Kind {
        field: "sni",
        theirs: |conversation| conversation.client.as_ref()?.name.clone(),
    },
    Kind {
        field: "ja4",
        theirs: |conversation| Some(conversation.client.as_ref()?.ja4.clone()),
    },
    Kind {
        field: "tls_version",
        theirs: |conversation| Some(version_name(conversation.version)),
    },
];

fn compare(capture: &Path, home: &Path) -> Compared {
    let theirs = conversations(&read_by_tshark(capture, home));
    let ours = flows(capture);
    let mut compared = Compared::default();
    for (pair, conversations) in &theirs {
        let frame = conversations.iter().map(|it| it.frame).min().unwrap();
        let empty = Vec::new();
        let flows = ours.get(pair).unwrap_or(&empty);
        for (kind, tally) in KINDS.iter().zip(&mut compared.tallies) {
            let said = conversations.iter().filter_map(kind.theirs);
            let (theirs, ours) = (said.collect::<BTreeSet<_>>(), texts(flows, kind.field));
            tally.theirs += usize::from(!theirs.is_empty());
            tally.both += usize::from(!theirs.is_empty() && !ours.is_empty());
            tally.agree += usize::from(!theirs.is_empty() && theirs == ours);
            if theirs != ours {
                let field = kind.field;
                let said = format!("{field}: {pair:?}: theirs {theirs:?}, ours {ours:?}");
                compared.differences.push((frame, said));
            }
        }
    }
    let is_only_here = |(pair, flows): &(&Pair, &Vec<Value>)| {
        let has_hello = ["ja4", "tls_version"].map(|field| !texts(flows, field).is_empty());
        !theirs.contains_key(pair) && has_hello.contains(&true)
    };
    compared.only_here = ours.iter().filter(is_only_here).count();
    compared
}

fn texts(flows: &[Value], field: &str) -> BTreeSet<String> {
    let texts = flows.iter().filter_map(|flow| flow[field].as_str());
    texts.map(str::to_owned).collect()
}

/// The flows of a capture, none where it cannot be read.
fn flows(capture: &Path) -> BTreeMap<Pair, Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let ran = replay(&[capture], &out, &[]);
    match ran.status {
        Some(0 | 3) => by_pair(Conserved::of(&out).unwrap().flows),
        Some(1) => BTreeMap::new(),
        _ => panic!("{}: {ran:?}", capture.display()),
    }
}

/// Says which differences are not explained, and which explanations explain nothing.
fn check(name: &str, differences: &[(usize, String)]) -> Vec<String> {
    let known = || EXPLAINED.iter().filter(|(capture, ..)| *capture == name);
    let unexplained = differences
        .iter()
        .filter(|(frame, _)| !known().any(|(_, frames, ..)| frames.contains(frame)))
        .map(|(frame, said)| format!("{name} {frame}: {said}"));
    let outdated = known().filter_map(|(_, frames, expected, reason)| {
        let explained = differences.iter().filter(|(it, _)| frames.contains(it));
        let count = explained.count();
        let said = format!("{name} {frames:?}: {count} differences, not {expected}: {reason}");
        (count != *expected).then_some(said)
    });
    unexplained.chain(outdated).collect()
}

/// A conversation in which tshark found a hello.
#[derive(Debug)]
struct Conversation {
    /// The frame of the first.
    frame: usize,
    client: Option<ClientHello>,
    /// The one that the server chose, else the highest that the client offers.
    version: u16,
}

/// The first hello of a client.
#[derive(Debug)]
struct ClientHello {
    name: Option<String>,
    ja4: String,
}

/// The fields of a frame.
type Fields<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Conversations by their ends. Of several with the same, each is one.
fn conversations(text: &str) -> BTreeMap<Pair, Vec<Conversation>> {
    let mut streams = BTreeMap::<(bool, u32), (Pair, Conversation)>::new();
    for line in text.lines() {
        let values = line.split('\t').map(|it| it.split('|'));
        let values = values.map(|it| it.filter(|value| !value.is_empty()).collect());
        let fields: Fields<'_> = FIELDS.iter().copied().zip(values).collect();
        let versions = numbers(&fields, "tls.handshake.extensions.supported_version");
        let versions = versions.into_iter().filter(|it| !is_grease(*it));
        let legacy = numbers(&fields, "tls.handshake.version").first().copied();
        // A hello of SSL 2.0's servers has none that is shown.
        let (Some(version), Some((stream, pair))) = (versions.max().or(legacy), ends(&fields))
        else {
            continue;
        };
        let frame = fields["frame.number"][0].parse().unwrap();
        let (_, conversation) = streams.entry(stream).or_insert_with(|| {
            let first = Conversation {
                frame,
                client: None,
                version,
            };
            (pair, first)
        });
        if !fields["tls.handshake.type"].contains(&CLIENT_HELLO) {
            conversation.version = version;
        } else if conversation.client.is_none() {
            conversation.client = Some(ClientHello::of(&fields, version));
        }
    }
    let mut conversations = BTreeMap::<Pair, Vec<Conversation>>::new();
    for (pair, conversation) in streams.into_values() {
        conversations.entry(pair).or_default().push(conversation);
    }
    conversations
}

/// The stream of the innermost packet, by protocol and number, and its ends.
fn ends(fields: &Fields<'_>) -> Option<((bool, u32), Pair)> {
    let protocols = fields["frame.protocols"].first()?;
    let last = |names: [&'static str; 2]| {
        let mut protocols = protocols.rsplit(':');
        protocols.find_map(|it| names.into_iter().find(|name| *name == it))
    };
    let (ip, transport) = (last(["ip", "ipv6"])?, last(["tcp", "udp"])?);
    let field = |protocol: &str, name: &str| fields[&*format!("{protocol}.{name}")].last();
    let end = |side: &str| {
        let address = field(ip, side)?.parse().unwrap();
        Some((
            address,
            field(transport, &format!("{side}port"))?.parse().unwrap(),
        ))
    };
    let is_tcp = transport == "tcp";
    let stream = (is_tcp, field(transport, "stream")?.parse().unwrap());
    let protocol = if is_tcp { 6 } else { 17 };
    Some((stream, pair(protocol, end("src")?, end("dst")?)))
}

impl ClientHello {
    fn of(fields: &Fields<'_>, version: u16) -> Self {
        let name = fields["tls.handshake.extensions_server_name"].first();
        Self {
            name: name.map(|name| name.to_ascii_lowercase()),
            ja4: ja4(fields, version),
        }
    }
}

/// The fingerprint of a frame's hello, whose highest version is `version`.
fn ja4(fields: &Fields<'_>, version: u16) -> String {
    let kept = |name: &str| -> Vec<u16> {
        let all = numbers(fields, name).into_iter();
        all.filter(|it| !is_grease(*it)).collect()
    };
    let (mut suites, mut extensions) = (
        kept("tls.handshake.ciphersuite"),
        kept("tls.handshake.extension.type"),
    );
    let is_quic = fields["frame.protocols"][0]
        .split(':')
        .any(|it| it == "quic");
    let head = format!(
        "{}{}{}{:02}{:02}{}",
        if is_quic { 'q' } else { 't' },
        version_letters(version),
        if extensions.contains(&0) { 'd' } else { 'i' },
        suites.len().min(99),
        extensions.len().min(99),
        protocol_letters(fields),
    );
    suites.sort_unstable();
    extensions.sort_unstable();
    extensions.retain(|kind| ![0, 16].contains(kind));
    let mut offered = hexadecimal(&extensions);
    let signatures = hexadecimal(&signatures(fields));
    if !offered.is_empty() && !signatures.is_empty() {
        offered = format!("{offered}_{signatures}");
    }
    [head, hash(&hexadecimal(&suites)), hash(&offered)].join("_")
}

/// The algorithms of the extension for signatures alone: other extensions have some as well.
fn signatures(fields: &Fields<'_>) -> Vec<u16> {
    let all = numbers(fields, "tls.handshake.sig_hash_alg");
    let mut rest = all.as_slice();
    let mut lengths = numbers(fields, "tls.handshake.sig_hash_alg_len").into_iter();
    for kind in numbers(fields, "tls.handshake.extension.type") {
        if !EXTENSIONS_OF_SIGNATURES.contains(&kind) {
            continue;
        }
        let count = usize::from(lengths.next().unwrap_or(0)) / 2;
        let (own, others) = rest.split_at(count.min(rest.len()));
        if kind == EXTENSIONS_OF_SIGNATURES[0] {
            return own.iter().copied().filter(|it| !is_grease(*it)).collect();
        }
        rest = others;
    }
    Vec::new()
}

fn protocol_letters(fields: &Fields<'_>) -> String {
    let first = fields["tls.handshake.extensions_alpn_str"].first();
    let bytes = first.map_or(&[][..], |name| name.as_bytes());
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return String::from_utf8(vec![*first, *last]).unwrap();
    }
    format!("{:x}{:x}", first >> 4, last & 0xf)
}

fn hexadecimal(values: &[u16]) -> String {
    let values: Vec<_> = values.iter().map(|it| format!("{it:04x}")).collect();
    values.join(",")
}

fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let hash = Sha256::digest(text);
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Values that mean nothing (RFC 8701): two like bytes that end in ten.
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low % 16 == 10
}

/// Numbers of a field, decimal or hexadecimal.
fn numbers(fields: &Fields<'_>, name: &str) -> Vec<u16> {
    let number = |text: &&str| match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    };
    fields[name].iter().map(number).collect()
}

fn version_name(version: u16) -> String {
    let known = VERSIONS.iter().find(|(number, ..)| *number == version);
    known.map_or_else(
        || format!("{version:#06x}"),
        |(_, name, _)| (*name).to_owned(),
    )
}

fn version_letters(version: u16) -> &'static str {
    let known = VERSIONS.iter().find(|(number, ..)| *number == version);
    known.map_or("00", |(.., letters)| letters)
}

fn read_by_tshark(capture: &Path, home: &Path) -> String {
    let mut command = Command::new("tshark");
    // Nobody's own preferences.
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command.arg("-n").arg("-r").arg(capture);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    command.args(["-d", "udp.port==8472,vxlan"]);
    command.args(["-Y", "tls.handshake.type in {1,2}"]);
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    command.args(["-E", "aggregator=|"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    run_command(command, TSHARK_LIMIT).stdout
}

const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.stream",
    "udp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "tls.handshake.extension.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.sig_hash_alg",
    "tls.handshake.sig_hash_alg_len",
];

const CLIENT_HELLO: &str = "1";

/// Those with algorithms of signatures: what is signed with, in delegated credentials, and in
/// certificates (RFC 8446 section 4.2.3, RFC 9345 section 4.1.1).
const EXTENSIONS_OF_SIGNATURES: [u16; 3] = [13, 34, 50];

/// Versions, their names, and what JA4 calls them.
const VERSIONS: &[(u16, &str, &str)] = &[
    (0x0002, "SSLv2", "s2"),
    (0x0300, "SSLv3", "s3"),
    (0x0301, "TLSv1.0", "10"),
    (0x0302, "TLSv1.1", "11"),
    (0x0303, "TLSv1.2", "12"),
    (0x0304, "TLSv1.3", "13"),
];

/// Names that are found here, of a hundred that tshark finds.
const NAMES_PERCENT_MIN: usize = 99;

/// Captures with hellos of which the manifest says nothing.
const UNTOLD: &[&str] = &["ndpi/quic-34.pcap"];

/// The longest that one run of tshark may take.
const TSHARK_LIMIT: Duration = Duration::from_secs(60);
