//! The sensor as a service: the service manager, reloads, status, and what it gives up.

use std::fs::{self, File};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use borderflow::config::Config;
use borderflow::sandbox::Sandbox;

use crate::live::{Link, Sensor};
use crate::program::{Running, borderflow, has_commands, is_root, run};
use crate::schemas::Schema;

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn new(folder: &Path) -> Self {
        let socket = UnixDatagram::bind(folder.join("notify")).unwrap();
        let limit = Some(Duration::from_millis(100));
        socket.set_read_timeout(limit).unwrap();
        Self {
            socket,
            heard: Vec::new(),
        }
    }

    /// Listens until it has heard `word`, for at most `limit`. Says whether it has.
    fn hears(&mut self, word: &str, limit: Duration) -> bool {
        let begun = Instant::now();
        let mut bytes = [0; 4_096];
        while begun.elapsed() < limit {
            let Ok(length) = self.socket.recv(&mut bytes) else {
                continue;
            };
            let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
            self.heard.push(text.clone());
            if text.lines().any(|line| line.starts_with(word)) {
                return true;
            }
        }
        false
    }

    /// Starts a sensor that it watches.
    fn sensor(&self, folder: &Path, link: &Link, options: &[&str]) -> Sensor {
        let notify = format!("NOTIFY_SOCKET={}", folder.join("notify").display());
        let environment = [notify, format!("WATCHDOG_USEC={}", 10_000_000)];
        Sensor::start_with(&environment, &link.server, options)
    }
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn the_service_manager_hears_of_the_start_of_life_and_of_the_end() {
    let Some(link) = Link::new("manager") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut manager = Manager::new(folder.path());
    // Two workers, so that each half has threads of its own; nothing is sent on the link.
    let mut sensor = manager.sensor(folder.path(), &link, &["--workers", "2"]);
    assert!(manager.hears("READY=1", SOON), "{:?}", manager.heard);
    assert!(manager.hears("WATCHDOG=1", SOON), "{:?}", manager.heard);
    assert!(manager.hears("STATUS=", SOON), "{:?}", manager.heard);
    assert!(
        manager.hears("WATCHDOG=1", SOON),
        "an idle link is no reason to stop"
    );
    sensor.running.signal("TERM");
    assert!(manager.hears("STOPPING=1", SOON), "{:?}", manager.heard);
    let ran = sensor.running.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

/// The analyst is held at its next system call, as if it waited for ever.
#[test]
fn a_thread_that_stands_still_starves_the_watchdog() {
    let test = "watchdog";
    let Some(link) = Link::new(test) else { return };
    if !has_commands(test, &["strace"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut manager = Manager::new(folder.path());
    let mut sensor = manager.sensor(folder.path(), &link, &["--workers", "2"]);
    assert!(manager.hears("WATCHDOG=1", SOON), "{:?}", manager.heard);
    let Some(thread) = thread_of(sensor.pid(), "analyst") else {
        panic!("no thread of the analyst");
    };
    let mut command = Command::new("strace");
    command.args(["-q", "-o", "/dev/null", "-p", &thread]);
    command.args(["-e", "inject=all:delay_enter=40000000"]);
    let mut holder = Running::start(command);
    let said = sensor.running.await_line("the watchdog is not fed");
    assert!(said.contains("analyst does not move"), "{said}");
    manager.heard.clear();
    while manager.hears("WATCHDOG=1", Duration::from_millis(200)) {}
    assert!(
        !manager.hears("WATCHDOG=1", Duration::from_secs(6)),
        "fed all the same"
    );
    holder.child().kill().unwrap();
    holder.finish();
    assert!(manager.hears("WATCHDOG=1", SOON), "it moves again");
    sensor.running.signal("TERM");
    assert_eq!(sensor.running.finish().status, Some(0));
}

fn thread_of(process: u32, name: &str) -> Option<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut tasks = tasks.map(|task| task.unwrap().path());
    let is_it = |task: &Path| {
        let said = fs::read_to_string(task.join("comm")).unwrap_or_default();
        said.trim() == name
    };
    let task = tasks.find(|task| is_it(task))?;
    Some(task.file_name()?.to_str()?.to_owned())
}

#[test]
fn a_reload_changes_what_is_told_and_a_bad_one_changes_nothing() {
    let Some(link) = Link::new("reload") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (folder.path().join("b.toml"), folder.path().join("out"));
    let write = |text: &str| fs::write(&config, format!("[site]\n{text}")).unwrap();
    write("");
    let options = [
        "--config",
        config.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let mut sensor = link.sensor(&options);
    let alerts = || fs::read_to_string(out.join("alerts.jsonl")).unwrap();

    write("jurisdiction = [\"CN\"]\n");
    sensor.running.signal("HUP");
    let said = sensor.running.await_line("not reloaded");
    assert!(said.contains("b.toml:2:1: unknown field"), "{said}");

    let _web_server = link.web_server();
    let upload = || {
        let ran = link.upload(folder.path(), 300_000, 10_000_000).finish();
        assert_eq!(ran.status, Some(0), "{ran:?}");
    };
    upload();
    sensor.await_metrics(SOON, |metrics| {
        metrics.sum("borderflow_export_bytes_total{jurisdiction=\"RU\"}") >= 300_000.0
    });
    assert_eq!(alerts(), "", "there is no ceiling yet");

    let ceiling = "[alert]\nceiling_bytes_per_hour = 1000\n[limits]\nflows = 5000\n\
        [[asset.known]]\nname = \"the client\"\naddresses = [\"10.99.0.2\"]\n";
    write(ceiling);
    sensor.running.signal("HUP");
    let said = sensor.running.await_line("borderflow: reloaded:");
    let reloaded = said.lines().last().unwrap();
    assert!(reloaded.contains("1 assets"), "{said}");
    assert!(
        reloaded.ends_with("only a restart changes limits.flows"),
        "{said}"
    );
    upload();
    let begun = Instant::now();
    while !alerts().contains("the client") {
        assert!(
            begun.elapsed() < SOON,
            "no alert by the new ceiling: {}",
            alerts()
        );
        thread::sleep(Duration::from_millis(100));
    }
    let metrics = sensor.metrics();
    let reloads = |result: &str| {
        metrics.sum(&format!(
            "borderflow_config_reloads_total{{result=\"{result}\"}}"
        ))
    };
    assert_eq!((reloads("success"), reloads("failure")), (1.0, 1.0));
    assert!(metrics.sum("borderflow_config_last_reload_success_timestamp_seconds ") > 1e9);

    sensor.running.signal("USR1");
    let said = sensor.running.await_line("geo.country");
    assert!(said.contains("interface eth0: "), "{said}");
    assert!(said.contains("exported to 1 countries: RU"), "{said}");
    sensor.running.signal("TERM");
    assert_eq!(sensor.running.finish().status, Some(0));
}

#[test]
fn an_interface_that_brings_nothing_raises_an_alarm_and_its_end() {
    let Some(link) = Link::new("silence") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("b.toml");
    fs::write(&config, "[capture]\nsilence_seconds = 3\n").unwrap();
    let mut sensor = link.sensor(&["--config", config.to_str().unwrap()]);
    let said = sensor.running.await_line("ALARM: eth0: no frame for ");
    assert!(!said.contains("brings frames again"), "{said}");
    let metrics = sensor.metrics();
    assert!(metrics.sum("borderflow_interface_silent_seconds{") >= 3.0);
    assert!(metrics.sum("borderflow_interface_silences_total{") >= 1.0);
    link.datagrams(9_000, 10);
    sensor.running.await_line("eth0: brings frames again");
    sensor.running.signal("TERM");
    let ran = sensor.running.finish();
    assert!(
        ran.stderr.contains("brought no frame for 3 s or longer"),
        "{ran:?}"
    );
}

/// As root, as another account, and what `/proc` says of it.
#[test]
fn a_sensor_goes_on_as_another_account_with_one_capability() {
    let Some(link) = Link::new("account") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let sensor = link.sensor(&["--out", out.to_str().unwrap(), "--user", "nobody"]);
    link.datagrams(9_000, 10);
    sensor.await_metrics(SOON, |metrics| {
        metrics.sum("borderflow_packets_total ") >= 10.0
    });
    let tasks = fs::read_dir(format!("/proc/{}/task", sensor.pid())).unwrap();
    let mut threads = 0;
    for task in tasks {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        // CAP_NET_RAW is the 13th.
        for set in ["CapEff:", "CapPrm:", "CapBnd:"] {
            assert_eq!(
                u64::from_str_radix(&field(set), 16),
                Ok(1 << 13),
                "{status}"
            );
        }
        assert_ne!(field("Uid:"), "0");
        assert_eq!(
            (field("NoNewPrivs:"), field("Seccomp:")),
            ("1".into(), "2".into())
        );
        threads += 1;
    }
    assert!(threads >= 3, "{threads}");
    let mut running = sensor.running;
    running.signal("TERM");
    let ran = running.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(out.join("summary.json").is_file());
    let mut unknown = borderflow("run");
    unknown.args(["--interface", "lo", "--user", "no-such-account"]);
    let refused = run(unknown);
    assert_eq!(refused.status, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no such account"), "{refused:?}");
}

/// Runs the test below in a process of its own.
#[test]
fn what_a_sensor_gave_up_cannot_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "daemon::in_the_sandbox",
        "--ignored",
        "--nocapture",
    ]);
    command
        .args(["--test-threads", "1"])
        .env(FOLDER, folder.path());
    let ran = run(command);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("1 passed"), "{ran:?}");
    println!("{}", ran.stdout);
}

const FOLDER: &str = "BORDERFLOW_SANDBOX_FOLDER";

#[test]
#[ignore = "it gives up its rights, so it needs a process of its own, which the test above starts"]
fn in_the_sandbox() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut config = Config::default();
    config.state.dir = Some(folder.join("state"));
    config.geo.country = Some(folder.join("geo/country.mmdb"));
    fs::create_dir(folder.join("geo")).unwrap();
    fs::write(folder.join("geo/country.mmdb"), "old").unwrap();
    fs::write(folder.join("secret"), "x").unwrap();
    let notes = Sandbox::new(&config, None).enter_thread().unwrap();
    println!("notes: {notes:?}");
    let has_landlock = !notes.iter().any(|note| note.contains("no Landlock"));

    // What it needs.
    fs::write(folder.join("state/baseline.state.tmp"), "x").unwrap();
    let renamed = folder.join("state/baseline.state");
    fs::rename(folder.join("state/baseline.state.tmp"), &renamed).unwrap();
    File::open(folder.join("state"))
        .unwrap()
        .sync_all()
        .unwrap();
    assert_eq!(
        fs::read_to_string(folder.join("geo/country.mmdb")).unwrap(),
        "old"
    );
    let counted = thread::spawn(|| 7).join().unwrap();
    assert_eq!(counted, 7);
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    fs::read_to_string("/proc/self/stat").unwrap();

    // What it does not.
    for program in ["/bin/true", "/bin/sh"] {
        Command::new(program).spawn().unwrap_err();
    }
    rustix::thread::set_thread_uid(rustix::thread::Uid::ROOT).unwrap_err();
    rustix::process::chroot("/").unwrap_err();
    if !has_landlock {
        println!("in_the_sandbox: files are skipped, this kernel has no Landlock");
        return;
    }
    for forbidden in ["/etc/shadow", "/etc/passwd", "/root", "/bin/true"] {
        File::open(forbidden).unwrap_err();
    }
    File::open(folder.join("secret")).unwrap_err();
    fs::write(folder.join("geo/country.mmdb"), "new").unwrap_err();
    fs::write(folder.join("other"), "x").unwrap_err();
    fs::remove_file(folder.join("secret")).unwrap_err();
    fs::rename(&renamed, folder.join("baseline.state")).unwrap_err();
}

#[test]
fn doctor_says_what_is_wrong_with_its_fix() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("b.toml");
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::write(state.join("baseline.state"), "torn").unwrap();
    fs::write(&config, "[state]\ndir = \"state\"\n").unwrap();
    let examine = |options: &[&str]| {
        let mut command = borderflow("doctor");
        command.args(["--json", "--config", config.to_str().unwrap()]);
        command.args(options);
        let ran = run(command);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        Schema::read("doctor").accepts(std::slice::from_ref(&report));
        let findings = report["findings"].as_array().unwrap().clone();
        let of = move |check: &str| {
            let mut of_check = findings.iter().filter(|one| one["check"] == check);
            of_check
                .next()
                .unwrap_or_else(|| panic!("no {check}: {findings:?}"))
                .clone()
        };
        (ran.status, of)
    };
    let (status, of) = examine(&["--interface", "lo", "--interface", "no-such-one"]);
    assert_eq!(status, Some(1));
    assert_eq!(of("state")["level"], "fail");
    assert_eq!(of("interface")["level"], "ok", "lo is up");
    assert_ne!(of("state.dir")["level"], "fail");
    fs::remove_file(state.join("baseline.state")).unwrap();
    fs::write(&config, "[state]\ndirectory = \"state\"\n").unwrap();
    let (status, of) = examine(&[]);
    assert_eq!(
        (status, of("config")["level"].clone()),
        (Some(1), "fail".into())
    );
    assert!(
        of("config")["text"]
            .as_str()
            .unwrap()
            .contains("b.toml:2:1")
    );
    if is_root() {
        assert_eq!(of("permissions")["level"], "ok");
    }
}
