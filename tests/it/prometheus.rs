//! The whole way of an alarm: a sensor, Debian's Prometheus with our rules, and its Alertmanager.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::packets::{ABROAD, ASSET, Capture, NOON, udp};
use crate::program::{Running, borderflow, has_commands, run};
use crate::support::root;

/// Important data of a firm in China, for whose export there is no approval.
const INVENTORY: &str = "\
name,addresses,organisation,sector,categories,grade
plant,10.0.0.0/24,Example Ltd,automotive,industrial,important
";

const CONFIG: &str = "\
[site]
networks = [\"10.0.0.0/8\"]
jurisdictions = [\"CN\"]
[asset]
inventory = \"inventory.csv\"
";

const ALERTMANAGER: &str = "\
route:
  receiver: nobody
receivers:
  - name: nobody
";

/// The longest that one step may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A capture that still grows.
struct Growing {
    file: File,
    second: u32,
}

impl Growing {
    fn new(path: &Path) -> Self {
        fs::write(path, Capture::new().bytes()).unwrap();
        let file = OpenOptions::new().append(true).open(path).unwrap();
        Self { file, second: NOON }
    }

    /// Adds a second in which an asset sends 140 kB.
    fn second(&mut self) {
        let mut capture = Capture::new();
        let header = capture.bytes().len();
        let frame = udp(ASSET, ABROAD, 1_400);
        for packet in 0..100 {
            capture.frame(self.second, packet * 1_000_000, &frame);
        }
        self.second += 1;
        self.file.write_all(&capture.bytes()[header..]).unwrap();
    }
}

/// Starts a program that says on standard error where it listens, and returns its URL.
fn listening(mut command: Command) -> (Running, String) {
    command.arg("--web.listen-address=127.0.0.1:0");
    let mut running = Running::start(command);
    let said = running.await_line("msg=\"Listening on\"");
    let line = said.lines().last().unwrap();
    let address = line.split("address=").nth(1).unwrap();
    let address = address.split_whitespace().next().unwrap();
    (running, format!("http://{address}"))
}

/// What a URL answers, if it does.
fn asked(url: &str, query: Option<&str>) -> Option<Value> {
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", "--max-time", "5", "-G", url]);
    if let Some(query) = query {
        command.args(["--data-urlencode", &format!("query={query}")]);
    }
    serde_json::from_str(&run(command).stdout).ok()
}

/// Waits for something, while time goes on.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "{what} did not come in {LIMIT:?}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Our configuration of Prometheus with other addresses, and seconds for minutes.
fn configure(folder: &Path, sensor: &str, alertmanager: &str) {
    let shipped = root().join("monitoring/prometheus");
    for rules in ["borderflow.rules.yml", "borderflow.alerts.yml"] {
        fs::copy(shipped.join(rules), folder.join(rules)).unwrap();
    }
    let mut config = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
    let host = |url: &str| {
        url.trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    for (shipped, ours) in [
        ("15s", "1s".to_owned()),
        ("127.0.0.1:9477", host(sensor)),
        ("127.0.0.1:9093", host(alertmanager)),
    ] {
        assert!(config.contains(shipped), "{shipped}");
        config = config.replace(shipped, &ours);
    }
    fs::write(folder.join("prometheus.yml"), config).unwrap();
}

/// A sensor of a capture that grows, and the two programs that watch it.
struct Station {
    traffic: Growing,
    sensor: Running,
    /// The URL of Prometheus, and that of Alertmanager.
    server: String,
    alarms: String,
    _watchers: [Running; 2],
    _folder: tempfile::TempDir,
}

impl Station {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in [
            ("inventory.csv", INVENTORY),
            ("config.toml", CONFIG),
            ("alertmanager.yml", ALERTMANAGER),
        ] {
            fs::write(at(name), text).unwrap();
        }
        let mut traffic = Growing::new(&at("growing.pcap"));
        traffic.second();
        let mut command = borderflow("replay");
        command.args(["--follow", "--metrics", "127.0.0.1:0", "--config"]);
        command.arg(at("config.toml")).arg(at("growing.pcap"));
        let mut sensor = Running::start(command);
        let said = sensor.await_line("http://");
        let mut words = said.split_whitespace();
        let page = words.find(|word| word.starts_with("http://")).unwrap();

        let mut command = Command::new("prometheus-alertmanager");
        command.arg(format!(
            "--config.file={}",
            at("alertmanager.yml").display()
        ));
        command.arg(format!("--storage.path={}", at("alertmanager").display()));
        // Without a cluster, which would listen on all addresses.
        command.arg("--cluster.listen-address=");
        let (alertmanager, alarms) = listening(command);
        configure(folder.path(), page, &alarms);
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", at("prometheus.yml").display()));
        command.arg(format!(
            "--storage.tsdb.path={}",
            at("prometheus").display()
        ));
        let (prometheus, server) = listening(command);
        Self {
            traffic,
            sensor,
            server,
            alarms,
            _watchers: [alertmanager, prometheus],
            _folder: folder,
        }
    }

    /// The samples of a query, if there are any.
    fn samples(&self, query: &str) -> Option<Vec<Value>> {
        let answer = asked(&format!("{}/api/v1/query", self.server), Some(query))?;
        let samples = answer["data"]["result"].as_array()?.clone();
        (!samples.is_empty()).then_some(samples)
    }

    /// The alarm of a rule, if it has come to Alertmanager.
    fn alarm(&self, name: &str) -> Option<Value> {
        let told = asked(&format!("{}/api/v2/alerts", self.alarms), None)?;
        let mut told = told.as_array()?.clone().into_iter();
        told.find(|alert| alert["labels"]["alertname"] == name)
    }

    /// All rules, as Prometheus knows them.
    fn rules(&self) -> Vec<Value> {
        let rules = asked(&format!("{}/api/v1/rules", self.server), None).unwrap();
        let groups = rules["data"]["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        rules.cloned().collect()
    }
}

#[test]
fn an_export_without_approval_becomes_an_alarm() {
    let test = "an_export_without_approval_becomes_an_alarm";
    let programs = ["prometheus", "prometheus-alertmanager", "curl", "kill"];
    if !has_commands(test, &programs) {
        return;
    }
    let mut station = Station::start();
    // What is there when Prometheus first looks is no increase.
    wait_for("a first scrape", || {
        station.traffic.second();
        station.samples("borderflow_verdict_bytes_total{verdict=\"unapproved\"} > 0")
    });
    let alert = wait_for("the alarm", || {
        station.traffic.second();
        station.alarm("BorderflowExportsNotCovered")
    });
    let labels = &alert["labels"];
    assert_eq!(labels["job"], "borderflow", "{alert}");
    assert_eq!(labels["pack"], "cn-base", "{alert}");
    assert_eq!(labels["verdict"], "unapproved", "{alert}");
    assert_eq!(alert["status"]["state"], "active", "{alert}");
    let annotations = &alert["annotations"];
    let summary = annotations["summary"].as_str().unwrap();
    assert!(
        summary.contains("MiB went out that the approvals do not cover"),
        "{summary}"
    );
    let runbook = annotations["runbook"].as_str().unwrap();
    assert!(runbook.contains("verdicts.jsonl"), "{alert}");

    let rules = station.rules();
    assert!(rules.len() > 30, "{}", rules.len());
    assert_eq!(rules.iter().find(|rule| rule["health"] != "ok"), None);
    let down = station.samples("up{job=\"borderflow\"} == 0");
    assert_eq!(down, None, "the sensor answers");
    station.sensor.signal("TERM");
    assert_eq!(station.sensor.finish().status, Some(0));
}
