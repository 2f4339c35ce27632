//! Certificates that servers show, as tshark takes them out of captures and openssl reads them:
//! names of hosts, who issued them, from when until when they are valid, and their keys.
//!
//! A run takes the captures in which the manifest has TLS; with `TSHARK_ALL` set, all of them, and
//! with `TSHARK_ONLY` those with that in their names. What differs is listed with its reason, or
//! it is a failure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use crate::hellos::{Pair, by_pair, pair};
use crate::program::has_commands;
use crate::support::{Conserved, listed_captures, replay, run_command, shared};
use crate::tshark::compare_all;

/// Captures and frames of conversations in which the two differ, and why.
const EXPLAINED: &[(&str, &[usize], &str)] = &[
    (
        "ja4/pcap/socks-https-example.pcap",
        &[17, 47, 80],
        "the certificate, of 5 kB, stands behind SOCKS and ends beyond what is read there",
    ),
    (
        "mercury/unit_tests/pcaps/openvpn_tcp_multi.pcap",
        &[65, 224],
        "the handshake is carried in messages of OpenVPN, whose inside is not read",
    ),
];

/// What is said of a certificate, and how often of conversations: by both, and the same.
const KINDS: [&str; 5] = ["seen", "name", "issuer", "validity", "key"];

#[test]
fn certificates_agree_with_tshark() {
    let Some(captures) = shared("certificates_tshark", "captures") else {
        return;
    };
    if !has_commands("certificates_tshark", &["tshark", "openssl"]) {
        return;
    }
    let listed = listed_captures(&captures).into_iter();
    let names: Vec<_> = listed.filter(is_wanted).map(|(name, _)| name).collect();
    let known = Mutex::default();
    let compared = compare_all(&captures, &names, |capture, home| {
        compare(capture, home, &known)
    });
    let (mut sums, mut unexplained) = ([[0; 2]; KINDS.len()], Vec::new());
    for (name, capture) in compared {
        for (sum, tally) in sums.iter_mut().zip(capture.tallies) {
            *sum = [sum[0] + tally[0], sum[1] + tally[1]];
        }
        let explained = EXPLAINED.iter().filter(|(of, ..)| *of == name);
        let explained: BTreeSet<_> = explained.flat_map(|(_, frames, _)| *frames).collect();
        let differences = capture.differences.into_iter();
        let left = differences.filter(|(frame, _)| !explained.contains(frame));
        unexplained.extend(left.map(|(frame, said)| format!("{name} {frame}: {said}")));
    }
    for (kind, [agree, all]) in KINDS.iter().zip(sums) {
        println!("certificates: {kind}: {agree} of {all}");
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

fn is_wanted((name, said): &(String, Value)) -> bool {
    if let Ok(only) = std::env::var("TSHARK_ONLY") {
        return name.contains(&only);
    }
    !said["fl"]["tls"].is_null() || std::env::var_os("TSHARK_ALL").is_some()
}

/// What came of a capture.
#[derive(Debug, Default)]
struct Compared {
    /// Of each of [`KINDS`]: those that agree, and all.
    tallies: [[usize; 2]; KINDS.len()],
    differences: Vec<(usize, String)>,
}

/// What openssl says of a certificate.
#[derive(Clone, Debug, Default)]
struct Read {
    hosts: BTreeSet<String>,
    common_names: BTreeSet<String>,
    issuer: Option<String>,
    is_self_signed: bool,
    validity: [String; 2],
    key: String,
}

fn compare(capture: &Path, home: &Path, known: &Mutex<HashMap<String, Read>>) -> Compared {
    let theirs = shown(&read_by_tshark(capture, home));
    let mut compared = Compared::default();
    if theirs.is_empty() {
        return compared;
    }
    let ours = flows(capture);
    for (pair, (frame, certificate)) in theirs {
        let mut known = known.lock().unwrap();
        let read = known.entry(certificate);
        let read = read.or_insert_with_key(|hex| read_by_openssl(hex)).clone();
        let flows = ours.get(&pair).into_iter().flatten();
        let ours = flows.map(|flow| &flow["certificate"]);
        let ours = ours.clone().find(|it| !it.is_null()).cloned();
        let ours = ours.unwrap_or_default();
        for (number, kind) in KINDS.iter().enumerate() {
            if ours.is_null() && number > 0 {
                break;
            }
            let is_same = read.agrees(kind, &ours);
            let tally = &mut compared.tallies[number];
            *tally = [tally[0] + usize::from(is_same), tally[1] + 1];
            if !is_same {
                let said = format!("{kind}: {pair:?}: theirs {read:?}, ours {ours}");
                compared.differences.push((frame, said));
            }
        }
    }
    compared
}

impl Read {
    fn agrees(&self, kind: &str, ours: &Value) -> bool {
        let text = |key: &str| ours[key].as_str().map(str::to_owned);
        match kind {
            "seen" => !ours.is_null(),
            "name" => match text("name") {
                Some(name) if self.hosts.is_empty() => self.common_names.contains(&name),
                Some(name) => self.hosts.contains(&name),
                // Names of persons and devices are not kept.
                None => self.hosts.iter().all(|host| !host.contains('.')),
            },
            "issuer" if self.is_self_signed => text("issuer").is_none(),
            "issuer" => text("issuer") == self.issuer,
            "validity" => {
                ["valid_from", "valid_until"].map(text) == {
                    let [from, until] = self.validity.clone();
                    [Some(from), Some(until)]
                }
            }
            _ => text("key").unwrap_or_default() == self.key,
        }
    }
}

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

/// The first certificate that a server shows in each conversation, in hexadecimal digits, and its
/// frame.
fn shown(text: &str) -> BTreeMap<Pair, (usize, String)> {
    let (mut servers, mut shown) = (BTreeMap::<Pair, SocketAddr>::new(), BTreeMap::new());
    for line in text.lines() {
        let values: Vec<Vec<&str>> = line
            .split('\t')
            .map(|it| it.split('|').filter(|value| !value.is_empty()).collect())
            .collect();
        let field = |name: &str| {
            let place = FIELDS.iter().position(|field| *field == name).unwrap();
            values.get(place).cloned().unwrap_or_default()
        };
        let first = |names: &[&str]| names.iter().find_map(|name| field(name).last().copied());
        let end = |side: &str| {
            let address = first(&[&format!("ipv6.{side}"), &format!("ip.{side}")])?;
            let port = first(&[&format!("tcp.{side}port"), &format!("udp.{side}port")])?;
            Some((address.parse().ok()?, port.parse().ok()?))
        };
        let (Some(source), Some(target)) = (end("src"), end("dst")) else {
            continue;
        };
        let protocol = if field("tcp.srcport").is_empty() {
            17
        } else {
            6
        };
        let pair = pair(protocol, source, target);
        let source = SocketAddr::from(source);
        if field("tls.handshake.type").contains(&"2") {
            servers.entry(pair).or_insert(source);
        }
        let certificate = field("tls.handshake.certificate").first().copied();
        if let Some(certificate) = certificate.filter(|_| servers.get(&pair) == Some(&source)) {
            let frame = field("frame.number")[0].parse().unwrap();
            let entry = shown.entry(pair);
            entry.or_insert_with(|| (frame, certificate.replace(':', "")));
        }
    }
    shown
}

fn read_by_tshark(capture: &Path, home: &Path) -> String {
    let mut command = Command::new("tshark");
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command.arg("-n").arg("-r").arg(capture);
    command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
    command.args(["-Y", "tls.handshake.type in {2,11}"]);
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    command.args(["-E", "aggregator=|"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    run_command(command, Duration::from_secs(60)).stdout
}

const FIELDS: &[&str] = &[
    "frame.number",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tls.handshake.type",
    "tls.handshake.certificate",
];

fn read_by_openssl(hex: &str) -> Read {
    let bytes = hex.as_bytes().chunks(2);
    let bytes = bytes.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
    let mut command = Command::new("openssl");
    command.args(["x509", "-inform", "DER", "-noout", "-text"]);
    command.args(["-issuer", "-subject", "-startdate", "-enddate"]);
    command.args([
        "-dateopt",
        "iso_8601",
        "-nameopt",
        "sep_multiline,utf8,sname",
    ]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    // One that it does not read ends before.
    let _ = input.write_all(&bytes.collect::<Vec<u8>>());
    drop(input);
    let output = running.wait_with_output().unwrap();
    Read::of(&String::from_utf8_lossy(&output.stdout))
}

impl Read {
    fn of(text: &str) -> Self {
        let line = |begins: &str| {
            let mut lines = text.lines().map(str::trim);
            lines
                .find_map(|line| line.strip_prefix(begins))
                .map(str::to_owned)
        };
        // The names stand behind the text, an attribute a line.
        let name = |begins: &str| -> Vec<&str> {
            let lines = text.lines().skip_while(|line| !line.starts_with(begins));
            let lines = lines.skip(1).take_while(|line| line.starts_with(' '));
            lines.map(str::trim).collect()
        };
        let (issuer, subject) = (name("issuer="), name("subject="));
        let of = |name: &[&str], attribute: &str| -> Vec<String> {
            let found = name.iter().filter_map(|line| line.strip_prefix(attribute));
            found.map(str::to_owned).collect()
        };
        let names = text.split("X509v3 Subject Alternative Name:").nth(1);
        let names = names
            .and_then(|rest| rest.lines().nth(1))
            .unwrap_or_default();
        let hosts = names
            .split(", ")
            .filter_map(|name| name.trim().strip_prefix("DNS:"));
        let date = |begins: &str| line(begins).unwrap_or_default().replace(' ', "T");
        let bits = text.split("Public-Key: (").nth(1);
        let bits = bits
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_default();
        let key = match line("Public Key Algorithm: ").unwrap_or_default().as_str() {
            "rsaEncryption" => format!("rsa-{bits}"),
            "id-ecPublicKey" if text.contains("ASN1 OID: SM2") => "sm2".to_owned(),
            "id-ecPublicKey" => format!("ec-{bits}"),
            "dsaEncryption" => "dsa".to_owned(),
            "ED25519" | "ED448" => "edwards".to_owned(),
            _ => String::new(),
        };
        Self {
            hosts: hosts.map(str::to_ascii_lowercase).collect(),
            common_names: of(&subject, "CN=")
                .iter()
                .map(|it| it.to_ascii_lowercase())
                .collect(),
            issuer: of(&issuer, "O=").into_iter().next(),
            is_self_signed: issuer == subject,
            validity: [date("notBefore="), date("notAfter=")],
            key,
        }
    }
}
