//! The page of metrics against the rules of Prometheus, as `promtool` knows them.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use borderflow::metrics::encode;
use borderflow::pipeline::Telemetry;
use etherparse::PacketBuilder;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::packets::{ASSET, Capture, NOON, udp};
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

/// A TLS hello from a port of an asset to an address, for a name.
fn hello(source_port: u16, target: [u8; 4], name: &str) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4(ASSET, target, 64)
        .tcp(source_port, 443, 1, 65_535);
    let name = name.as_bytes();
    let entry = [&[0], &(name.len() as u16).to_be_bytes()[..], name].concat();
    let list = [&(entry.len() as u16).to_be_bytes()[..], &entry].concat();
    let extension = [&[0, 0], &(list.len() as u16).to_be_bytes()[..], &list].concat();
    let extensions = [&(extension.len() as u16).to_be_bytes()[..], &extension].concat();
    let body = [
        &[3, 3][..],
        &[9; 32],
        &[0, 0, 2, 0x13, 1, 1, 0],
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0], &(body.len() as u16).to_be_bytes()[..], &body].concat();
    let record = [
        &[22, 3, 1],
        &(handshake.len() as u16).to_be_bytes()[..],
        &handshake,
    ]
    .concat();
    let mut frame = Vec::new();
    builder.write(&mut frame, &record).unwrap();
    frame
}

#[test]
fn series_are_bounded_under_random_countries_ports_and_names() {
    let test = "series_are_bounded_under_random_countries_ports_and_names";
    if !has_commands(test, &["curl", "kill"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut capture = Capture::new();
    for packet in 0..30_000 {
        let (word, port) = (random.next_u32(), random.next_u32() as u16);
        let target = word.to_be_bytes();
        let frame = match packet % 2 {
            0 => udp(ASSET, target, 40),
            _ => hello(port.max(1), target, &format!("planted-{word}.example.com")),
        };
        capture.frame(NOON + packet / 100, 0, &frame);
    }
    let path = capture.write(folder.path(), "random.pcap");
    let mut command = borderflow("replay");
    command
        .args(["--follow", "--metrics", "127.0.0.1:0"])
        .arg(&path);
    let mut sensor = Running::start(command);
    let said = sensor.await_line("http://");
    let mut words = said.split_whitespace();
    let url = words
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .to_owned();
    let mut page = String::new();
    // What the last second had is told with the next one, which never comes.
    let frames = |line: &str| line.strip_prefix("borderflow_frames_total ")?.parse().ok();
    let is_read = |page: &str| page.lines().find_map(frames).unwrap_or(0) > 29_800;
    let of_countries = |page: &str| {
        let is_country = |line: &&str| line.starts_with("borderflow_export_bytes_total{");
        page.lines().filter(is_country).count()
    };
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    for attempt in 0..300 {
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail", &url]);
        page = run(command).stdout;
        if is_read(&page) && of_countries(&page) > 50 {
            break;
        }
        thread::sleep(Duration::from_millis(100));
        // What is shown is brought up to date as seconds pass, ten times a second at most.
        let known = capture.bytes().len();
        capture.frame(NOON + 1_000 + attempt, 0, &udp(ASSET, [8, 8, 8, 8], 40));
        file.write_all(&capture.bytes()[known..]).unwrap();
    }
    assert!(is_read(&page), "{page}");
    let samples: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    let countries = of_countries(&page);
    assert!(countries > 50, "{countries}");
    assert!(samples.len() <= 5_000, "{}", samples.len());
    assert!(
        !page.contains("planted") && !page.contains("10.0.0"),
        "{page}"
    );
    sensor.signal("TERM");
    assert_eq!(sensor.finish().status, Some(0));
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
