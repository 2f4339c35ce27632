//! The page of metrics against the rules of Prometheus, as `promtool` knows them.

use std::io::Write;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use borderflow::metrics::encode;
use borderflow::pipeline::Telemetry;

use crate::program::{Running, borderflow, has_commands, is_root, run};
use crate::support::Ran;

/// Runs `promtool check metrics` on a page.
fn check(page: &[u8]) -> Ran {
    let mut command = Command::new("promtool");
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child: Child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(page).unwrap();
    Running::of(child).finish()
}

fn assert_clean(page: &[u8]) {
    let ran = check(page);
    let said = (ran.status, &*ran.stdout, &*ran.stderr);
    assert_eq!(said, (Some(0), "", ""), "{}", String::from_utf8_lossy(page));
}

#[test]
fn a_page_of_nothing_keeps_the_rules() {
    let test = "a_page_of_nothing_keeps_the_rules";
    if !has_commands(test, &["promtool"]) {
        return;
    }
    assert_clean(&encode(Telemetry::new().families()).unwrap());
    let bad = b"# TYPE borderflow_frames counter\nborderflow_frames 1\n";
    assert_ne!(check(bad).status, Some(0), "the check can fail");
}

#[test]
fn a_page_of_a_running_sensor_keeps_the_rules() {
    let test = "a_page_of_a_running_sensor_keeps_the_rules";
    if !has_commands(test, &["promtool", "curl", "kill"]) {
        return;
    }
    if !is_root() {
        println!("{test}: skipped, only root may capture");
        return;
    }
    let mut command = borderflow("run");
    command.args([
        "--interface",
        "lo",
        "--metrics",
        "127.0.0.1:0",
        "--workers",
        "2",
    ]);
    let mut sensor = Running::start(command);
    let said = sensor.await_line("watching lo");
    let url = said
        .split_whitespace()
        .find(|word| word.starts_with("http://"));
    let url = url.unwrap().to_owned();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..20 {
        socket.send_to(&[0; 50], "127.0.0.1:9").unwrap();
        thread::sleep(Duration::from_millis(100));
    }
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail", &url]);
    let page = run(command).stdout;
    assert_clean(page.as_bytes());
    let has = |name: &str| page.lines().any(|line| line.starts_with(name));
    assert!(
        has("borderflow_interface_received_frames_total{interface=\"lo\"}"),
        "{page}"
    );
    assert!(!page.contains("127.0.0.1"), "no address is a label: {page}");
    sensor.signal("TERM");
    assert_eq!(sensor.finish().status, Some(0));
}
