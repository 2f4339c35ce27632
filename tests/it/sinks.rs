//! Sinks against those who read them: rsyslog, Alertmanager, jq, a server of the web.

mod webhook;

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use borderflow::sink::{Alertmanager, Event, Http, HttpTarget, Origin};
use serde_json::{Value, json};

use crate::live::{Link, inside};
use crate::program::{Running, borderflow, has_commands, replay_to, run};
use crate::schemas::Schema;
use crate::support::{Ran, json_lines, root};
use webhook::{HOOK, Hook};

/// A name with what means something in one format or another, as TOML has it.
const NAME: &str = r#"nas|a=b\"c]\\d\u202Ee"#;

/// The same as it is sent.
const NAME_SENT: &str = r#"nas|a=b"c]\d\u{202e}e"#;

/// The site of a golden case, one of whose assets has that name, and these sinks.
fn config(folder: &Path, sinks: &str) -> PathBuf {
    let case = root().join("tests/golden/first-alert/config.toml");
    let known = format!("[[asset.known]]\nname = \"{NAME}\"\naddresses = [\"10.20.10.12\"]\n");
    let text = fs::read_to_string(case).unwrap() + &known + sinks;
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    path
}

/// Replays that case with its sinks, and returns its alerts.
fn replay(folder: &Path, config: &Path, options: &[&str]) -> (Ran, Vec<Value>) {
    let out = folder.join("out");
    let capture = root().join("captures/first-alert.pcap");
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend(options);
    let ran = replay_to(&out, &[&capture], &all);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let alerts = json_lines(&out.join("alerts.jsonl"));
    assert!(!alerts.is_empty());
    (ran, alerts)
}

/// A port of the loopback that nobody has just now.
fn free_port() -> u16 {
    let both = || {
        let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    (0..100).find_map(|_| both()).unwrap()
}

/// Waits until something is so, for half a minute.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A program that Debian keeps where only root's path looks.
fn program(name: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("PATH=$PATH:/usr/sbin:/sbin exec {name} \"$@\"");
    command.args(["-c", &script, "sh"]);
    command
}

/// Makes an authority, and a certificate of the loopback that it signs.
fn make_certificates(folder: &Path) {
    let script = "
        set -e
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 \
            -subj /CN=tests
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost
        printf 'subjectAltName=IP:127.0.0.1\\nbasicConstraints=critical,CA:FALSE\\n' > names
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
            -out cert.pem -days 2 -extfile names";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(folder);
    let ran = run(command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

#[test]
fn rsyslog_reads_what_is_sent_by_udp_tcp_and_tls() {
    if !has_commands("rsyslog", &["rsyslogd", "openssl"]) {
        return;
    }
    let has_tls = fs::read_dir("/usr/lib").unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.join("rsyslog/lmnsd_gtls.so").exists()
    });
    if !has_tls {
        println!("rsyslog: skipped over TLS, there is no rsyslog-gnutls");
    }
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let ports = [free_port(), free_port(), free_port()];
    let server = rsyslog(folder.path(), ports, has_tls);
    let mut sinks = String::new();
    let mut kinds = vec![("udp", "structured"), ("tcp", "structured"), ("tcp", "cef")];
    kinds.push(("tcp", "json"));
    if has_tls {
        kinds.extend([("tls", "structured"), ("tls", "eve")]);
    }
    for (carrier, format) in &kinds {
        let port = match *carrier {
            "udp" => ports[0],
            "tcp" => ports[1],
            _ => ports[2],
        };
        sinks += &format!(
            "[[sink]]\nname = \"{carrier}-{format}\"\nkind = \"syslog\"\nformat = \"{format}\"\n\
             address = \"127.0.0.1:{port}\"\ncarrier = \"{carrier}\"\n"
        );
        if *carrier == "tls" {
            sinks += "tls_ca = \"ca.pem\"\n";
        }
    }
    let config = config(folder.path(), &sinks);
    let (ran, alerts) = replay(folder.path(), &config, &["--send"]);
    assert!(
        ran.stderr
            .contains("--send: alerts of this replay go to udp-structured"),
        "{ran:?}"
    );
    let path = folder.path().join("received");
    let lines = || fs::read_to_string(&path).unwrap_or_default();
    let wanted = kinds.len() * alerts.len();
    wait_for("all messages", || lines().lines().count() >= wanted);
    drop(server);
    let received: Vec<Value> = json_lines(&path);
    assert_eq!(received.len(), wanted);
    let sorts = received.iter().map(sort_of);
    let by_sort = sorts.fold([0; 4], |mut sums, sort| {
        sums[sort] += 1;
        sums
    });
    let times = |count: usize| count * alerts.len();
    let of_tls = usize::from(has_tls);
    assert_eq!(by_sort, [2 + of_tls, 1, 1, of_tls].map(times));
}

/// Checks a message as rsyslog has it: 0 is structured, 1 CEF, 2 our JSON, 3 EVE.
fn sort_of(message: &Value) -> usize {
    assert_eq!(message["app-name"], "borderflow");
    assert_eq!(message["syslogfacility"], "16");
    let text = message["msg"].as_str().unwrap();
    let text = text.trim_start_matches([' ', '\u{feff}']);
    let parameters = &message["$!"]["rfc5424-sd"]["borderflow@32473"];
    if parameters.is_object() {
        // It takes the escapes of some signs back and leaves those of others.
        let asset = parameters["asset"].as_str().unwrap();
        assert!(
            asset.contains("nas|a=b") && asset.contains("202e"),
            "{asset}"
        );
        assert_eq!(parameters["dstport"], "443");
        return 0;
    }
    if text.starts_with("CEF:0|borderflow|") {
        return 1;
    }
    let event: Value = serde_json::from_str(text).unwrap();
    let is_eve = event["event_type"] == "alert";
    let own = if is_eve { &event["borderflow"] } else { &event };
    assert_eq!(own["asset"], NAME_SENT);
    if is_eve { 3 } else { 2 }
}

/// Starts rsyslog with an input for UDP, one for TCP and one for TLS; it writes each message as
/// a line of JSON.
fn rsyslog(folder: &Path, ports: [u16; 3], has_tls: bool) -> Running {
    let at = folder.display();
    let [udp, tcp, tls] = ports;
    let mut text = format!(
        "global(workDirectory=\"{at}\" maxMessageSize=\"64k\"\n\
         defaultNetstreamDriverCAFile=\"{at}/ca.pem\"\n\
         defaultNetstreamDriverCertFile=\"{at}/cert.pem\"\n\
         defaultNetstreamDriverKeyFile=\"{at}/key.pem\")\n\
         module(load=\"imudp\") module(load=\"imptcp\") module(load=\"mmpstrucdata\")\n\
         template(name=\"all\" type=\"list\") {{ property(name=\"jsonmesg\")\n\
         constant(value=\"\\n\") }}\n\
         ruleset(name=\"all\") {{ action(type=\"mmpstrucdata\")\n\
         action(type=\"omfile\" file=\"{at}/received\" template=\"all\") }}\n\
         input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" ruleset=\"all\")\n\
         input(type=\"imptcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"all\")\n"
    );
    if has_tls {
        text += &format!(
            "module(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\"\n\
             streamDriver.authMode=\"anon\")\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tls}\" ruleset=\"all\")\n"
        );
    }
    let path = folder.join("rsyslog.conf");
    fs::write(&path, text).unwrap();
    let mut command = program("rsyslogd");
    command.arg("-n").arg("-f").arg(path);
    command.arg("-i").arg(folder.join("rsyslog.pid"));
    let running = Running::start(command);
    let last = if has_tls { tls } else { tcp };
    wait_for("rsyslog", || {
        TcpStream::connect(("127.0.0.1", last)).is_ok()
    });
    running
}

#[test]
fn alertmanager_shows_an_incident_and_resolves_it() {
    if !has_commands("alertmanager", &["prometheus-alertmanager", "curl", "date"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let settings = folder.path().join("alertmanager.yml");
    fs::write(
        &settings,
        "route:\n  receiver: none\nreceivers:\n- name: none\n",
    )
    .unwrap();
    let mut command = program("prometheus-alertmanager");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    command
        .args(["--cluster.listen-address=", "--config.file"])
        .arg(settings);
    command
        .arg("--storage.path")
        .arg(folder.path().join("data"));
    let _server = Running::start(command);
    wait_for("Alertmanager", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });

    let url = format!("http://127.0.0.1:{port}");
    let path = folder.path().join("c.toml");
    fs::write(
        &path,
        format!("[[sink]]\nkind = \"alertmanager\"\nurl = \"{url}\"\n"),
    )
    .unwrap();
    let mut test = borderflow("sink");
    test.args(["test", "--config"]).arg(&path);
    let ran = run(test);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.stdout.contains("alertmanager (http://127.0.0.1:"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("): taken in "), "{ran:?}");
    assert_eq!(
        active(&url),
        [("BorderflowTest".to_owned(), "low".to_owned())]
    );

    let mut http = Http::new(HttpTarget {
        url: format!("{url}/api/v2/alerts"),
        token: None,
        trust: None,
    });
    let mut alerts = Alertmanager::default();
    let mut tell = |event: &str, severity: &str| {
        let body = alerts.body(&alert_now(event, severity), &Origin::new("sensor"));
        http.send(&body.unwrap()).unwrap();
        let all = active(&url).into_iter();
        let ours = all.filter(|(name, _)| name == "BorderflowExport");
        ours.map(|(_, severity)| severity).collect::<Vec<_>>()
    };
    assert_eq!(tell("open", "low"), ["low"]);
    assert_eq!(tell("update", "high"), ["high"]);
    assert_eq!(tell("close", "high"), [""; 0]);
}

/// Names and severities of the alerts that Alertmanager shows.
fn active(url: &str) -> Vec<(String, String)> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", &format!("{url}/api/v2/alerts")]);
    let ran = run(command);
    let alerts: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let label = |alert: &Value, name: &str| alert["labels"][name].as_str().unwrap().to_owned();
    let pairs = alerts.iter();
    pairs
        .map(|alert| (label(alert, "alertname"), label(alert, "severity")))
        .collect()
}

/// The event of an alert that was raised now.
fn alert_now(event: &str, severity: &str) -> Event {
    let mut date = Command::new("date");
    date.args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]);
    let now = run(date).stdout;
    let mut line = json_lines(&root().join("tests/golden/first-alert/alerts.jsonl")).remove(0);
    line["event"] = json!(event);
    line["severity"] = json!(severity);
    line["time"] = json!(now.trim());
    Event::of_alert(&line).unwrap()
}

#[test]
fn jq_reads_every_format_of_json_and_a_witness_is_made_of_heads() {
    if !has_commands("jq", &["jq"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &file_sinks());
    let key = folder.path().join("key");
    let mut make = borderflow("ledger");
    make.arg("key").arg(&key);
    assert_eq!(run(make).status, Some(0));
    let options = ["--ledger", "--key", key.to_str().unwrap()];
    replay(folder.path(), &config, &options);
    let out = folder.path().join("out");
    let written = |name: &str| fs::read(out.join(name)).unwrap();
    let names = ["alerts.jsonl", "summary.json", "ledger/heads.jsonl"];
    let before = names.map(written);
    let sent = folder.path().join("sent");
    assert!(!sent.exists(), "nothing is sent that was not asked for");
    let (_, alerts) = replay(
        folder.path(),
        &config,
        &[&options[..], &["--send"]].concat(),
    );
    assert_eq!(before, names.map(written), "sending changes no result");

    for format in FILE_FORMATS {
        let text = fs::read_to_string(sent.join(format)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(lines.count(), alerts.len(), "{format}");
        let is_bad = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
        assert!(
            !text.contains(is_bad) && !text.contains('\u{202e}'),
            "{format}"
        );
    }
    for (format, asset) in [
        ("json", ".asset"),
        ("eve", ".borderflow.asset"),
        ("zeek_json", ".msg | .[0:0]"),
        ("ecs", ".source.address"),
        ("ocsf", ".evidences[0].src_endpoint.name"),
    ] {
        let shown = jq(&["-r", asset], &sent.join(format));
        let names: Vec<_> = shown.lines().collect();
        let wanted = if format == "zeek_json" { "" } else { NAME_SENT };
        assert_eq!(names, vec![wanted; alerts.len()], "{format}");
    }
    let schema = Schema::read("events");
    schema.accepts(&json_lines(&sent.join("json")));
    schema.accepts(&json_lines(&sent.join("witness")));
    let heads = jq(
        &["-c", "select(.kind == \"head\").head"],
        &sent.join("witness"),
    );
    assert_eq!(
        heads.as_bytes(),
        before[2],
        "every head, as it is in the ledger"
    );
    let witness = folder.path().join("witness");
    fs::write(&witness, heads).unwrap();
    let mut verify = borderflow("ledger");
    verify
        .arg("verify")
        .arg(out.join("ledger"))
        .arg("--witness")
        .arg(witness);
    let ran = run(verify);
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

const FILE_FORMATS: [&str; 7] = ["json", "eve", "zeek_json", "ecs", "ocsf", "zeek", "cef"];

/// A file of each format, and one of heads.
fn file_sinks() -> String {
    let of_format = |format| {
        format!(
            "[[sink]]\nname = \"{format}\"\nkind = \"file\"\nformat = \"{format}\"\n\
             path = \"sent/{format}\"\n"
        )
    };
    let witness = "[[sink]]\nname = \"witness\"\nkind = \"file\"\npath = \"sent/witness\"\n\
                   alerts = false\nheads = true\n";
    FILE_FORMATS.map(of_format).concat() + witness
}

fn jq(arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new("jq");
    command.args(arguments).arg(file);
    let ran = run(command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    ran.stdout
}

#[test]
fn an_alert_that_a_killed_sensor_could_not_deliver_is_delivered_by_the_next() {
    let Some(link) = Link::new("sink") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    // Nobody listens there yet. Both are in a namespace of their own, so that the port is free.
    let text = "[state]\ndir = \"state\"\n[alert]\nceiling_bytes_per_hour = 1000000\n\
                [[sink]]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:8099/\"\n";
    fs::write(&path, text).unwrap();
    let out = folder.path().join("out");
    let options = [
        "--config",
        path.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let _web_server = link.web_server();
    let mut sensor = link.sensor(&options);
    let upload = link.upload(folder.path(), 3_000_000, 3_000_000);
    assert_eq!(upload.finish().status, Some(0));
    let waits = "borderflow_sink_waiting_events{kind=\"webhook\"}";
    sensor.await_metrics(Duration::from_secs(10), |metrics| metrics.sum(waits) > 0.0);
    sensor.running.signal("KILL");
    sensor.running.finish();
    let alerts = json_lines(&out.join("alerts.jsonl"));

    let log = folder.path().join("requests");
    let mut command = inside(&link.server, "python3");
    command.args(["-c", HOOK]).arg(&log).arg("8099");
    let hook = Hook::await_port(command, log);
    let sensor = link.sensor(&options);
    let delivered = "borderflow_sink_delivered_events_total{kind=\"webhook\"}";
    sensor.await_metrics(Duration::from_secs(10), |metrics| {
        metrics.sum(delivered) > 0.0
    });
    assert_eq!(hook.requests()[0]["body"]["id"], alerts[0]["id"]);
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let bare = config(folder.path(), "");
    let capture = root().join("captures/first-alert.pcap");
    let mut command = borderflow("replay");
    command
        .args(["--send", "--config"])
        .arg(&bare)
        .arg(&capture);
    run(command).refused(2, &["--send", "no [[sink]]"]);
    let mut command = borderflow("sink");
    command.args(["test", "--config"]).arg(&bare);
    run(command).refused(2, &["there is no [[sink]]", "docs/sinks.md"]);
    let sinks = "[[sink]]\nkind = \"webhook\"\nurl = \"https://a/\"\ntls_ca = \"none.pem\"\n";
    let path = config(folder.path(), sinks);
    for command in ["check", "replay"] {
        let mut program = borderflow(command);
        if command == "check" {
            program.arg(&path);
        } else {
            program
                .args(["--send", "--config"])
                .arg(&path)
                .arg(&capture);
        }
        run(program).refused(2, &["sink `webhook`", "none.pem"]);
    }
}
