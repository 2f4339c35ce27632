//! Flow records of real exporters, and logs that grow, without an interface.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::program::{Running, borderflow, has_commands, replay_to, results, run};
use crate::support::{json, root};

/// A sensor that takes flow records.
struct Sensor {
    running: Running,
    metrics: String,
    /// Where it listens, if it does.
    address: Option<String>,
    out: PathBuf,
}

impl Sensor {
    fn start(folder: &Path, options: &[&str]) -> Self {
        let out = folder.join("out");
        let mut command = borderflow("run");
        command
            .args(["--metrics", "127.0.0.1:0", "--out"])
            .arg(&out);
        command.args(options);
        let mut running = Running::start(command);
        let said = running.await_line("stop with Ctrl-C");
        let word = |start: &str| {
            let words = said.split(|letter: char| letter.is_whitespace() || letter == ';');
            let mut words = words.map(|word| word.trim_end_matches(','));
            words
                .find(|word| word.starts_with(start))
                .map(str::to_owned)
        };
        Self {
            metrics: word("http://").unwrap_or_else(|| panic!("{said}")),
            address: word("127.0.0.1:"),
            running,
            out,
        }
    }

    fn metrics(&self) -> String {
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail", "--max-time", "5", &self.metrics]);
        let ran = run(command);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.stdout
    }

    /// The value of a series, and 0 where it is not there.
    fn metric(&self, series: &str) -> f64 {
        let page = self.metrics();
        let mut lines = page.lines().filter_map(|line| line.rsplit_once(' '));
        let line = lines.find(|(name, _)| *name == series);
        line.map_or(0.0, |(_, value)| value.parse().unwrap())
    }

    fn await_metric(&self, series: &str, wanted: impl Fn(f64) -> bool) {
        let begun = Instant::now();
        while !wanted(self.metric(series)) {
            let late = begun.elapsed() > Duration::from_secs(20);
            assert!(!late, "{series}: {}", self.metrics());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it, within a second, and returns what it had exported by country.
    fn finish(mut self) -> (Value, String) {
        let begun = Instant::now();
        self.running.signal("TERM");
        let ran = self.running.finish();
        let late = begun.elapsed();
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(late < Duration::from_secs(2), "it took {late:?}");
        let summary = json(&self.out.join("summary.json"));
        (summary["export_bytes"].clone(), ran.stderr)
    }
}

const RECORDS: &str = "borderflow_flow_input_records_total";

fn records(format: &str) -> String {
    format!("{RECORDS}{{format=\"{format}\"}}")
}

/// softflowd reads a capture of ours and exports it; we replay the same capture. What differs:
/// records count IP bytes, of which the least headers are taken off, and what is sent again.
#[test]
fn softflowd_tells_what_a_replay_sees() {
    let softflowd = "/usr/sbin/softflowd";
    if !Path::new(softflowd).exists() || !has_commands("softflowd", &["curl", "kill"]) {
        println!("softflowd: skipped, there is no {softflowd}");
        return;
    }
    let capture = root().join("captures/eu-site.pcap");
    let folder = tempfile::tempdir().unwrap();
    let replayed = folder.path().join("replayed");
    assert_eq!(replay_to(&replayed, &[&capture], &[]).status, Some(0));
    let expected = results(&replayed).summary["export_bytes"].clone();
    let expected = expected.as_object().unwrap();
    assert!(expected.len() > 1, "{expected:?}");
    let ways: [(&str, &str, &[&str]); 4] = [
        ("netflow_v5", "5", &[]),
        ("netflow_v9", "9", &[]),
        ("ipfix", "10", &[]),
        ("ipfix", "10", &["-b"]),
    ];
    for (format, version, options) in ways {
        let folder = tempfile::tempdir().unwrap();
        let sensor = Sensor::start(folder.path(), &["--flow-input", "127.0.0.1:0"]);
        let mut command = Command::new(softflowd);
        command.args([
            "-d",
            "-v",
            version,
            "-n",
            sensor.address.as_ref().unwrap(),
            "-r",
        ]);
        command.arg(&capture).args(options);
        // With a control socket it waits for somebody there.
        command.args(["-c", "none"]);
        command.arg("-p").arg(folder.path().join("pid"));
        assert_eq!(run(command).status, Some(0));
        sensor.await_metric(&records(format), |records| records > 0.0);
        // The last datagram may be behind the first by a moment.
        thread::sleep(Duration::from_millis(500));
        let (told, said) = sensor.finish();
        let told = told.as_object().unwrap();
        for (country, bytes) in expected {
            let bytes = bytes.as_f64().unwrap();
            let of_records = told.get(country).and_then(Value::as_f64).unwrap_or(0.0);
            println!("{format} {options:?} {country}: {of_records} of records, {bytes} of packets");
            let share = of_records / bytes;
            assert!((0.99..1.02).contains(&share), "{country}: {share}: {said}");
        }
        assert_eq!(told.len(), expected.len(), "{told:?}");
    }
}

/// softflowd to nfcapd, and from there by nfreplay to us.
#[test]
fn nfreplay_sends_on_what_nfcapd_has_collected() {
    let softflowd = "/usr/sbin/softflowd";
    let has_all = has_commands("nfreplay", &["nfcapd", "nfreplay", "curl", "kill"]);
    if !Path::new(softflowd).exists() || !has_all {
        println!("nfreplay: skipped, there is no {softflowd}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let collected = folder.path().join("collected");
    fs::create_dir(&collected).unwrap();
    // A port that was free a moment ago.
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new("nfcapd");
    command
        .args(["-b", "127.0.0.1", "-p", &port.to_string(), "-l"])
        .arg(&collected);
    let mut collector = Running::start(command);
    thread::sleep(Duration::from_millis(700));
    let mut command = Command::new(softflowd);
    command.args(["-d", "-v", "9", "-n", &format!("127.0.0.1:{port}"), "-r"]);
    command.arg(root().join("captures/eu-site.pcap"));
    // With a control socket it waits for somebody there.
    command.args(["-c", "none"]);
    command.arg("-p").arg(folder.path().join("pid"));
    assert_eq!(run(command).status, Some(0));
    thread::sleep(Duration::from_millis(700));
    collector.signal("TERM");
    collector.finish();
    let files = fs::read_dir(&collected)
        .unwrap()
        .map(|file| file.unwrap().path());
    let file = files
        .filter(|path| path.metadata().unwrap().len() > 300)
        .max();
    let sensor = Sensor::start(folder.path(), &["--flow-input", "127.0.0.1:0"]);
    let address = sensor.address.clone().unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut command = Command::new("nfreplay");
    command
        .args(["-H", host, "-p", port, "-v", "9", "-r"])
        .arg(file.unwrap());
    assert_eq!(run(command).status, Some(0));
    sensor.await_metric(&records("netflow_v9"), |records| records > 0.0);
    thread::sleep(Duration::from_millis(500));
    let (told, said) = sensor.finish();
    assert!(told.as_object().unwrap().len() > 1, "{told}: {said}");
}

fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

const HEAD: &str = "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\
    \tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\n";

fn append(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_conn_log_is_followed_through_renaming_and_a_reload() {
    if !has_commands("conn_log", &["curl", "kill"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let log = logs.join("conn.log");
    let line = |bytes: u64| {
        let begun = seconds_now() - 2;
        format!("{begun}.5\t10.0.0.1\t4000\t77.88.8.8\t443\ttcp\t1.5\t{bytes}\t9\n")
    };
    append(&log, &format!("{HEAD}{}", line(1)));
    let config = folder.path().join("borderflow.toml");
    let text = "[site]\njurisdictions = [\"CN\"]\n[flow_input]\nconn_logs = [\"logs/conn.log\"]\n\
        delay_seconds = 5\n";
    fs::write(&config, text).unwrap();
    let mut sensor = Sensor::start(folder.path(), &["--config", config.to_str().unwrap()]);
    thread::sleep(Duration::from_millis(500));
    append(&log, &line(1_000));
    let of_log = records("conn_log");
    sensor.await_metric(&of_log, |records| records == 1.0);
    sensor.running.signal("HUP");
    sensor.await_metric(
        "borderflow_config_reloads_total{result=\"success\"}",
        |reloads| reloads == 1.0,
    );
    fs::rename(&log, logs.join("conn.1.log")).unwrap();
    let json = serde_json::json!({
        "ts": seconds_now() - 2, "duration": 1.0, "proto": "tcp",
        "id.orig_h": "10.0.0.2", "id.orig_p": 1, "orig_bytes": 200_000,
        "id.resp_h": "77.88.8.8", "id.resp_p": 443, "resp_bytes": 9,
    });
    append(&log, &format!("{json}\nno line\n"));
    sensor.await_metric(&of_log, |records| records == 2.0);
    let exported = "borderflow_export_bytes_total{jurisdiction=\"RU\"}";
    sensor.await_metric(exported, |bytes| bytes == 201_000.0);
    let bad = "borderflow_flow_input_passed_over_records_total{reason=\"bad_line\"}";
    assert_eq!(sensor.metric(bad), 1.0);
    let (told, said) = sensor.finish();
    assert_eq!(told["RU"], 201_000, "{said}");
}

#[test]
fn without_anything_to_watch_it_says_what_could_be() {
    run(borderflow("run")).refused(2, &["--interface", "--flow-input", "--conn-log"]);
    let mut command = borderflow("run");
    command.args(["--flow-input", "127.0.0.1:0", "--exporter", "router"]);
    run(command).refused(2, &["--exporter router", "192.0.2.0/24"]);
}
