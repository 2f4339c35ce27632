//! Sinks of flows against those who read them: nfcapd, tshark, our own reader of conn.log.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{borderflow, has_commands, replay_to, run};
use crate::support::{Ran, json_lines, root};

/// Both versions of IP, tags, fragments and ICMP, TCP and UDP, one way and both.
const CAPTURES: [&str; 5] = [
    "first-alert",
    "ipv6",
    "icmp-and-fragments",
    "vlan-qinq",
    "retransmission-and-reordering",
];

/// Any key.
const KEY: &str = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301\n";

struct Sent {
    folder: tempfile::TempDir,
    ran: Ran,
    flows: Vec<Value>,
}

/// Replays captures to sinks. Without any to name, to those of a few kinds of files.
fn send(captures: &[&str], more: &str, options: &[&str]) -> Sent {
    let folder = tempfile::tempdir().unwrap();
    let case = root().join("tests/golden/first-alert/config.toml");
    let text = fs::read_to_string(case).unwrap() + more;
    let config = folder.path().join("config.toml");
    fs::write(&config, text).unwrap();
    let key = folder.path().join("privacy.key");
    fs::write(&key, KEY).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let captures = captures
        .iter()
        .map(|name| root().join(format!("captures/{name}.pcap")));
    let captures: Vec<PathBuf> = captures.collect();
    let files: Vec<&Path> = captures.iter().map(PathBuf::as_path).collect();
    let out = folder.path().join("out");
    let mut all = vec!["--config", config.to_str().unwrap(), "--send"];
    all.extend(options);
    let ran = replay_to(&out, &files, &all);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let flows = json_lines(&out.join("flows.jsonl"));
    assert!(!flows.is_empty());
    Sent { folder, ran, flows }
}

/// Files of each format.
const FILES: &str = "[flow]\ncommunity_id = true\n\
    [[sink]]\nkind = \"flow_file\"\nname = \"zeek\"\npath = \"conn.log\"\n\
    [[sink]]\nkind = \"flow_file\"\nname = \"eve\"\nformat = \"eve\"\npath = \"eve.json\"\n\
    [[sink]]\nkind = \"flow_file\"\nname = \"ocsf\"\nformat = \"ocsf\"\npath = \"ocsf.json\"\n";

impl Sent {
    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    /// Of all flows, both directions.
    fn sum(&self, field: &str) -> u64 {
        sum(
            &self.flows,
            &[&format!("{field}_src"), &format!("{field}_dst")],
        )
    }
}

fn sum(flows: &[Value], fields: &[&str]) -> u64 {
    let of_one = |flow: &Value| {
        fields
            .iter()
            .filter_map(|field| flow[field].as_u64())
            .sum::<u64>()
    };
    flows.iter().map(of_one).sum()
}

fn ipfix(port: u16, carrier: &str) -> String {
    format!("[[sink]]\nkind = \"ipfix\"\naddress = \"127.0.0.1:{port}\"\ncarrier = \"{carrier}\"\n")
}

#[test]
fn nfcapd_counts_what_we_count() {
    if !has_commands("nfcapd", &["nfcapd", "nfdump"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut collector = Command::new("nfcapd");
    collector.args([
        "-b",
        "127.0.0.1",
        "-p",
        &port.to_string(),
        "-B",
        "8000000",
        "-t",
        "3600",
    ]);
    collector.arg("-w").arg(folder.path());
    collector.stdout(Stdio::null()).stderr(Stdio::null());
    let mut collector = collector.spawn().unwrap();
    let begun = Instant::now();
    // It listens when nobody else can.
    while UdpSocket::bind(("127.0.0.1", port)).is_ok() && begun.elapsed() < Duration::from_secs(20)
    {
        thread::sleep(Duration::from_millis(50));
    }
    let sent = send(&CAPTURES, &ipfix(port, "udp"), &[]);
    thread::sleep(Duration::from_millis(500));
    let mut stop = Command::new("kill");
    stop.args(["-TERM", &collector.id().to_string()]);
    assert_eq!(run(stop).status, Some(0));
    collector.wait().unwrap();
    let mut reader = Command::new("nfdump");
    reader.arg("-R").arg(folder.path()).arg("-I");
    let ran = run(reader);
    let of = |name: &str| -> u64 {
        let lines = ran.stdout.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(&format!("{name}: ")));
        let value = values.next().and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("no {name}: {ran:?}"))
    };
    assert_eq!(of("Flows"), sent.flows.len() as u64);
    assert_eq!(of("Packets"), sent.sum("packets"));
    assert_eq!(of("Bytes"), sent.sum("ip_bytes"));
    assert_eq!(of("Sequence failures"), 0);
}

/// Messages as a capture of datagrams to the port of IPFIX, for a reader of packets.
fn capture_of(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let words: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101];
    words
        .iter()
        .for_each(|word| file.extend(word.to_le_bytes()));
    for message in messages {
        let udp_bytes = 8 + message.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend((20 + udp_bytes).to_be_bytes());
        packet.extend([0, 1, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(40_000_u16.to_be_bytes());
        packet.extend(4_739_u16.to_be_bytes());
        packet.extend(udp_bytes.to_be_bytes());
        packet.extend([0; 2]);
        packet.extend(message);
        let length = packet.len() as u32;
        [1, 0, length, length]
            .iter()
            .for_each(|word| file.extend(word.to_le_bytes()));
        file.extend(packet);
    }
    file
}

#[test]
fn tshark_finds_nothing_malformed_and_the_same_sums() {
    if !has_commands("ipfix", &["tshark"]) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let collector = thread::spawn(move || {
        let mut bytes = Vec::new();
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let sent = send(&CAPTURES, &ipfix(port, "tcp"), &["--workers", "3"]);
    let stream = collector.join().unwrap();
    let mut messages = Vec::new();
    let mut rest = &stream[..];
    while !rest.is_empty() {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        messages.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    let capture = sent.folder.path().join("ipfix.pcap");
    fs::write(&capture, capture_of(&messages)).unwrap();
    let read = |arguments: &[&str]| {
        let mut reader = Command::new("tshark");
        reader.arg("-r").arg(&capture).args(arguments);
        let ran = run(reader);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.stdout
    };
    let filter = "_ws.malformed || _ws.expert || !cflow";
    assert_eq!(read(&["-Y", filter]), "");
    let numbers = |field: &str| -> Vec<u64> {
        let text = read(&["-T", "fields", "-e", field]);
        let numbers = text.split([',', '\n']).filter(|one| !one.is_empty());
        numbers.map(|one| one.parse().unwrap()).collect()
    };
    // Both directions of a flow are a field each of one record.
    assert_eq!(
        numbers("cflow.octets").iter().sum::<u64>(),
        sent.sum("ip_bytes")
    );
    assert_eq!(
        numbers("cflow.packets").iter().sum::<u64>(),
        sent.sum("packets")
    );
    assert_eq!(numbers("cflow.flow_end_reason").len(), sent.flows.len());
    let vlans: BTreeSet<u64> = numbers("cflow.vlanid").into_iter().collect();
    let known = sent.flows.iter().filter_map(|flow| flow["vlan"].as_u64());
    assert_eq!(vlans, known.collect());
    // Each message begins with the number of records before it.
    let mut records = 0;
    let listed = read(&[
        "-T",
        "fields",
        "-e",
        "cflow.sequence",
        "-e",
        "cflow.flow_end_reason",
    ]);
    for line in listed.lines() {
        let (sequence, reasons) = line.split_once('\t').unwrap();
        assert_eq!(sequence.parse::<usize>().unwrap(), records);
        records += reasons.split(',').count();
    }
}

#[test]
fn a_collector_that_is_away_holds_nothing_up_and_what_is_lost_is_told() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // A port that cannot be resolved to anybody who listens: the replay tries for a while.
    let begun = Instant::now();
    let sent = send(&["ipv6"], &ipfix(port, "tcp"), &[]);
    assert!(
        sent.ran.stderr.contains("Connection refused"),
        "{:?}",
        sent.ran
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
    let lost = format!("{} flows were dropped so far", sent.flows.len());
    assert!(sent.ran.stderr.contains(&lost), "{:?}", sent.ran);
}

#[test]
fn conn_log_is_read_again_and_says_the_same() {
    let sent = send(&CAPTURES, FILES, &[]);
    let log = sent.text("conn.log");
    let names = log
        .lines()
        .find_map(|line| line.strip_prefix("#fields\t"))
        .unwrap();
    let types = log
        .lines()
        .find_map(|line| line.strip_prefix("#types\t"))
        .unwrap();
    let names: Vec<_> = names.split('\t').collect();
    assert_eq!(types.split('\t').count(), names.len());
    let rows = log.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Vec<_>> = rows.map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), sent.flows.len());
    assert!(rows.iter().all(|row| row.len() == names.len()));
    // What `zeek-cut NAME` prints.
    let cut = |name: &str| -> Vec<&str> {
        let place = names.iter().position(|one| *one == name).unwrap();
        rows.iter().map(|row| row[place]).collect()
    };
    let total = |name: &str| {
        cut(name)
            .iter()
            .map(|one| one.parse::<u64>().unwrap())
            .sum::<u64>()
    };
    assert_eq!(total("orig_pkts") + total("resp_pkts"), sent.sum("packets"));
    assert_eq!(
        total("orig_ip_bytes") + total("resp_ip_bytes"),
        sent.sum("ip_bytes")
    );
    assert_eq!(total("missed_bytes"), sent.sum("missing_bytes"));
    let payload = sent.sum("unique_bytes") + sent.sum("missing_bytes");
    assert_eq!(total("orig_bytes") + total("resp_bytes"), payload);
    let ids = sent
        .flows
        .iter()
        .map(|flow| flow["community_id"].as_str().unwrap_or("-"));
    assert_eq!(cut("community_id"), ids.collect::<Vec<_>>());
    let uids: BTreeSet<_> = cut("uid").into_iter().collect();
    assert_eq!(uids.len(), rows.len());
    let mut import = borderflow("baseline");
    import
        .arg("import")
        .arg(sent.folder.path().join("conn.log"));
    import.arg("--state").arg(sent.folder.path().join("state"));
    import
        .arg("--config")
        .arg(sent.folder.path().join("config.toml"));
    let ran = run(import);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains(&format!("{} ", rows.len())), "{ran:?}");
}

#[test]
fn lines_are_the_same_however_many_workers_there_are() {
    let one = send(&CAPTURES, FILES, &["--workers", "1"]);
    let three = send(&CAPTURES, FILES, &["--workers", "3"]);
    for file in ["conn.log", "eve.json", "ocsf.json"] {
        assert_eq!(one.text(file), three.text(file), "{file}");
    }
}

#[test]
fn lines_of_json_have_the_sums_of_flows() {
    let sent = send(&CAPTURES, FILES, &[]);
    let lines = |file| json_lines(&sent.folder.path().join(file));
    let add = |file, path: &str| -> u64 {
        let values = lines(file);
        values
            .iter()
            .map(|line| line.pointer(path).unwrap().as_u64().unwrap())
            .sum()
    };
    assert_eq!(lines("eve.json").len(), sent.flows.len());
    let of = |direction| add("eve.json", &format!("/flow/bytes_to{direction}"));
    assert_eq!(of("server") + of("client"), sent.sum("wire_bytes"));
    assert_eq!(add("ocsf.json", "/traffic/bytes"), sent.sum("ip_bytes"));
    assert_eq!(add("ocsf.json", "/traffic/packets"), sent.sum("packets"));
    for line in lines("ocsf.json") {
        assert_eq!(line["type_uid"], 400_106);
        let spans = ["start_time", "end_time"].map(|field| line[field].as_u64().unwrap());
        assert!(
            spans[0] <= spans[1] && spans[1] <= line["time"].as_u64().unwrap(),
            "{line}"
        );
    }
}

#[test]
fn pseudonyms_stand_in_for_addresses_in_all_of_them() {
    let hidden = "[privacy]\nmode = \"pseudonyms\"\nkey = \"privacy.key\"\n";
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let port = socket.local_addr().unwrap().port();
    let collector = thread::spawn(move || {
        let (mut all, mut one) = (Vec::new(), [0; 2_000]);
        while let Ok(bytes) = socket.recv(&mut one) {
            all.extend_from_slice(&one[..bytes]);
        }
        all
    });
    let more = FILES.to_owned() + &ipfix(port, "udp") + hidden;
    let sent = send(&["first-alert"], &more, &[]);
    // Those of the site are of 10.20.0.0/16.
    for file in ["conn.log", "eve.json", "ocsf.json"] {
        let text = sent.text(file);
        assert!(!text.contains("10.20."), "{file}");
        let has_id = text.contains("\"1:") || text.contains("\t1:");
        assert!(!has_id, "{file} has a Community ID");
        let own = sent.flows[0]["src"].as_str().unwrap();
        assert!(text.contains(own), "{file} has not the pseudonym {own}");
    }
    let messages = collector.join().unwrap();
    assert!(messages.len() > 1_000);
    assert!(!messages.windows(3).any(|bytes| bytes == [10, 20, 10]));
}

#[test]
fn a_sink_of_flows_can_be_tried_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    fs::write(&config, FILES).unwrap();
    let mut command = borderflow("sink");
    command.args(["test", "--config"]).arg(&config);
    let ran = run(command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let log = fs::read_to_string(folder.path().join("conn.log")).unwrap();
    assert!(
        log.contains("\t192.0.2.1\t9\t192.0.2.2\t9\tudp\t-\t0.000000\t0\t0\tS0\t"),
        "{log}"
    );
}
