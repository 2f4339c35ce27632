//! What real clients say of themselves: to whom they send, and how it is protected.
//!
//! Client and server live in network namespaces of their own; what passes the client's end is
//! recorded and replayed. The servers are a script, `clients/servers.py`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pcap::{BreakLoop, Capture};
use serde_json::Value;

use crate::live::{Link, inside};
use crate::program::{Running, has_commands, run};
use crate::round_trips::enter;
use crate::support::{json_lines, replay, root};

/// A client: its words, the port to which it sends, and what must be said of that: what is
/// spoken, how it is protected, who is asked for, for whom the certificate is, and what speaks
/// against it.
type Client = (
    &'static str,
    u64,
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static [&'static str],
);

const FILES: Option<&str> = Some("files.example.org");
const MAIL: Option<&str> = Some("mx.example.net");
const STAR: Option<&str> = Some("*.example.org");

/// The first one learns the server's name by DNS over TCP, and the second sends there what is
/// like nothing known, and more than any other, so that every alert names it.
const CLIENTS: &[Client] = &[
    (ASK_BY_TCP, 53, "dns", "clear", None, None, &[]),
    (SEND_NOISE, 9_000, "", "opaque", None, None, &[]),
    (
        "curl --http1.1 -T body $R http://files.example.org/",
        80,
        "http",
        "clear",
        FILES,
        None,
        &[],
    ),
    (
        "curl --http2-prior-knowledge -T body http://$A:8080/",
        8_080,
        "http",
        "clear",
        None,
        None,
        &[],
    ),
    (
        "curl -k --http2 -T body $R https://files.example.org/",
        443,
        "tls",
        "strong",
        FILES,
        None,
        &[],
    ),
    (
        "$S -connect $A:4431 $N -tls1_1 -cipher DEFAULT:@SECLEVEL=0 <body",
        4_431,
        "tls",
        "weak",
        FILES,
        STAR,
        &[],
    ),
    (
        "$S -connect $A:4432 $N -tls1_2 <body",
        4_432,
        "tls",
        "standard",
        FILES,
        STAR,
        &[],
    ),
    (
        "$S -connect $A:4433 $N -tls1_2 -cipher DEFAULT:@SECLEVEL=0 <body",
        4_433,
        "tls",
        "weak",
        FILES,
        Some("cheap.example.net"),
        &["other_name", "self_signed", "weak_key", "weak_signature"],
    ),
    (
        "$S -connect $A:4434 $N -tls1_3 <body",
        4_434,
        "tls",
        "strong",
        FILES,
        None,
        &[],
    ),
    (
        "$S -connect $A:4435 $N -tls1_2 <body",
        4_435,
        "tls",
        "standard",
        FILES,
        STAR,
        &[],
    ),
    (
        "ssh -F none -o BatchMode=yes me@$A true",
        22,
        "ssh",
        "strong",
        None,
        None,
        &[],
    ),
    (
        "curl -T body.pdf ftp://me:secret@$A/",
        21,
        "ftp",
        "clear",
        None,
        None,
        &[],
    ),
    ("", 2_121, "", "clear", None, None, &[]),
    (
        "curl smtp://$A/me $M -T body",
        25,
        "smtp",
        "clear",
        MAIL,
        None,
        &[],
    ),
    (
        "curl -k --ssl-reqd smtp://$A:587/me $M -T body",
        587,
        "smtp",
        "standard",
        MAIL,
        Some("example.org"),
        &[],
    ),
    (
        "curl ldap://$A/dc=example",
        389,
        "ldap",
        "clear",
        None,
        None,
        &[],
    ),
    (
        "curl --http1.1 -T body --socks4a $A:1080 http://files.example.org/",
        1_080,
        "http",
        "clear",
        FILES,
        None,
        &[],
    ),
];

/// Clients of HTTP/3, where `aioquic` is installed. The hello of the second takes several packets.
const HTTP3: &[Client] = &[
    (
        "python3 $H $A 8443 0 <body",
        8_443,
        "quic",
        "strong",
        FILES,
        None,
        &[],
    ),
    (
        "python3 $H $A 8444 60 <body",
        8_444,
        "quic",
        "strong",
        FILES,
        None,
        &[],
    ),
];

const ASK_BY_TCP: &str = r#"python3 -c "
import socket, sys
s = socket.create_connection((sys.argv[1], 53))
q = bytes.fromhex('00070100000100000000000004646f6373076578616d706c65036f72670000010001')
s.sendall(len(q).to_bytes(2, 'big')); s.sendall(q); s.recv(999)" $A"#;

const SEND_NOISE: &str = r#"python3 -c "
import os, socket, sys
s = socket.create_connection((sys.argv[1], 9000))
s.sendall(os.urandom(400000)); s.shutdown(socket.SHUT_WR); s.recv(1)" $A"#;

/// What stands for much in the words of clients.
const WORDS: &str = "A=77.88.8.8\n\
    R='--resolve files.example.org:80:77.88.8.8 --resolve files.example.org:443:77.88.8.8'\n\
    S='openssl s_client -quiet -no_ign_eof' N='-servername files.example.org'\n\
    M='--mail-from a@example.org --mail-rcpt b@example.org'\n\
    curl() { command curl -sS -m 4 -H Expect: \"$@\"; }\n";

/// Certificates of an authority for two names and for a hundred, which takes 5 kB, and a weak one
/// of nobody but itself.
const CERTIFICATES: &str = "set -e
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 \
        -subj '/O=Example Authority'
    openssl req -newkey rsa:2048 -nodes -keyout good.key -out request.pem -subj /CN=example.org
    echo subjectAltName=DNS:example.org,DNS:*.example.org >names
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -set_serial 7 -out good.pem \
        -days 2 -extfile names
    (cat names; seq 100 199 | sed 's/.*/,DNS:&.a-long-name-of-hosts.example.net/') |
        tr -d '\\n' >more
    openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -set_serial 8 -out long.pem \
        -days 2 -extfile more
    ln good.key long.key
    openssl req -x509 -newkey rsa:1024 -sha1 -nodes -keyout weak.key -out weak.pem -days 2 \
        -subj '/O=Jane Doe/CN=cheap.example.net/emailAddress=jane@example.net'
    head -c 100000 /dev/zero | tr '\\0' '\\n' >body
    (echo %PDF-1.7; cat body) >body.pdf";

#[test]
fn real_clients_say_to_whom_they_send_and_how_it_is_protected() {
    let Some(link) = Link::new("clients") else {
        return;
    };
    if !has_commands("clients", &["openssl", "curl", "ssh", "python3"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(run(shell(CERTIFICATES, folder)).status, Some(0));
    let _servers = servers(&link, folder);
    let capture = folder.join("clients.pcap");
    let recording = Recording::start(&link.client, &capture);
    let http3: &[Client] = if has_aioquic() { HTTP3 } else { &[] };
    let clients: Vec<&Client> = CLIENTS.iter().chain(http3).collect();
    for (words, ..) in &clients {
        let http3 = root().join("tests/it/clients/http3.py");
        let script = format!("H={}\n{WORDS}{words}", http3.display());
        let mut command = inside(&link.client, "sh");
        command.args(["-c", &script]).current_dir(folder);
        let ran = run(command);
        // Servers take what they are sent and know no more; clients may end as they like.
        println!("{words}: {:?} {}", ran.status, ran.stderr.trim());
    }
    recording.end();
    let (config, out) = (folder.join("borderflow.toml"), folder.join("out"));
    fs::write(&config, "[alert]\nceiling_bytes_per_hour = 50000\n").unwrap();
    let options = ["--config", config.to_str().unwrap()];
    let ran = replay(&[&capture], &out, &options);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let flows = json_lines(&out.join("flows.jsonl"));
    let wrong: Vec<_> = clients
        .iter()
        .filter(|client| !is_right(client, &flows))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{flows:#?}");
    let said = fs::read_to_string(out.join("flows.jsonl")).unwrap();
    assert!(!said.contains("jane") && !said.contains("Jane"), "a person");
    let alerts = json_lines(&out.join("alerts.jsonl"));
    // Which line names it first is a matter of whose second has 50,000 bytes of it.
    let flows = alerts
        .iter()
        .flat_map(|line| line["flows"].as_array().unwrap());
    let unnamed = flows.clone().find(|flow| flow["dst_port"] == 9_000);
    let unnamed = unnamed.unwrap_or_else(|| panic!("{:?}", flows.collect::<Vec<_>>()));
    assert_eq!(
        (&unnamed["name"], &unnamed["name_source"]),
        (&"docs.example.org".into(), &"dns".into())
    );
    assert_eq!(alerts[0]["recipient"], "example.org");
}

/// Whether there is a client of HTTP/3, which curl seldom is. Says so where there is none.
fn has_aioquic() -> bool {
    let mut python = Command::new("python3");
    let has = run_quietly(python.args(["-c", "import aioquic"]));
    if !has {
        println!("clients: HTTP/3 skipped: no aioquic (pip install aioquic)");
    }
    has
}

fn run_quietly(command: &mut Command) -> bool {
    let output = command.output();
    output.is_ok_and(|output| output.status.success())
}

/// Whether a flow says what must be said of a client. Prints a line of the table.
fn is_right(client: &Client, flows: &[Value]) -> bool {
    let (_, port, application, protection, name, shown, flaws) = client;
    let Some(flow) = flows.iter().find(|flow| flow["dst_port"] == *port) else {
        println!("{port}: no flow");
        return false;
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let certificate = &flow["certificate"];
    let found: Vec<_> = certificate["flaws"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    println!(
        "| {port} | {} | {} | {} | {} | {} | {} | {found:?} |",
        flow["app"],
        flow["tls_version"],
        flow["protection"],
        flow["sni"],
        certificate["name"],
        certificate["issuer"],
    );
    text(&flow["app"]).unwrap_or_default() == *application
        && text(&flow["protection"]).as_deref() == Some(*protection)
        && text(&flow["sni"]).as_deref() == *name
        && text(&certificate["name"]).as_deref() == *shown
        && found == *flaws
}

/// What passes the client's end, as a capture.
struct Recording {
    stop: BreakLoop,
    thread: JoinHandle<()>,
}

impl Recording {
    fn start(namespace: &str, into: &Path) -> Self {
        let (namespace, into) = (namespace.to_owned(), into.to_owned());
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::spawn(move || {
            enter(&namespace);
            let capture = Capture::from_device("eth0").unwrap().immediate_mode(true);
            let mut capture = capture.open().unwrap();
            let mut file = capture.savefile(into).unwrap();
            ready.send(capture.breakloop_handle()).unwrap();
            loop {
                match capture.next_packet() {
                    Ok(packet) => file.write(&packet),
                    Err(pcap::Error::TimeoutExpired) => {}
                    Err(pcap::Error::NoMorePackets) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let stop = is_ready.recv().unwrap();
        Self { stop, thread }
    }

    fn end(self) {
        thread::sleep(Duration::from_millis(300));
        self.stop.breakloop();
        self.thread.join().unwrap();
    }
}

fn shell(script: &str, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder);
    command
}

fn servers(link: &Link, folder: &Path) -> Running {
    let mut command = inside(&link.server, "python3");
    // It leaves no compiled script beside itself.
    command.arg("-B");
    command.arg(root().join("tests/it/clients/servers.py"));
    command.arg("77.88.8.8").arg(folder);
    let mut running = Running::start(command);
    running.await_line("ready");
    running
}
