//! What `replay` makes of several files, of a file that grows, and of silence.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::packets::{ABROAD, Capture, NOON, udp, upload, write};
use crate::program::{Running, borderflow, has_commands, replay_to, results, run};
use crate::support::{BINARY, number};

#[test]
fn files_of_a_ring_need_few_descriptors() {
    let test = "files_of_a_ring_need_few_descriptors";
    if !has_commands(test, &["sh"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for file in 0..300 {
        let name = format!("{:03}.pcap", file * 7 % 300);
        upload(NOON + file * 7 % 300 * 3, 3).write(folder.path(), &name);
    }
    let script = format!(
        "ulimit -n 40 && cd '{}' && '{BINARY}' replay *.pcap",
        folder.path().display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let ran = run(command);
    ran.succeeded();
    assert!(ran.stdout.contains("900 packets, "), "{ran:?}");
    assert!(
        !ran.stdout.contains("older than the running second"),
        "{ran:?}"
    );
}

#[test]
fn files_that_overlap_are_one_capture() {
    let folder = tempfile::tempdir().unwrap();
    let (mut whole, mut parts) = (Capture::new(), [(); 3].map(|()| Capture::new()));
    for packet in 0..3_000u32 {
        // Unevenly dealt, and one file has silent hours of the others' time.
        let part = usize::from(packet % 7 == 0) + usize::from(packet > 1_000 && packet % 3 == 0);
        let source = [10, 0, 0, (packet % 5) as u8];
        let frame = udp(source, ABROAD, (packet % 900) as usize);
        for capture in [&mut whole, &mut parts[part]] {
            capture.frame(NOON + packet / 100, packet % 100 * 10_000_000, &frame);
        }
    }
    let whole = whole.write(folder.path(), "whole.pcap");
    let [first, second, third] =
        [0, 1, 2].map(|it| parts[it].write(folder.path(), &format!("part{it}.pcap")));
    let empty = Capture::new().write(folder.path(), "empty.pcap");
    let outs = ["whole", "parts"].map(|name| folder.path().join(name));
    replay_to(&outs[0], &[&whole], &[]).succeeded();
    replay_to(&outs[1], &[&third, &empty, &first, &second], &[]).succeeded();
    let [one, parts] = outs.map(|out| results(&out));
    assert_eq!(
        (&one.flows, &one.transfers),
        (&parts.flows, &parts.transfers)
    );
    assert_eq!((&one.alerts, &one.shadow), (&parts.alerts, &parts.shadow));
    assert_eq!(one.summary, parts.summary);
}

#[test]
fn frames_taken_together_are_counted_as_those_taken_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut capture = Capture::new();
    let mut arp = vec![2; 12];
    arp.extend([8, 6]);
    arp.resize(60, 0);
    for packet in 0..6_000u32 {
        let source = [10, 0, 0, (packet % 5) as u8];
        let mut frame = udp(source, ABROAD, (packet % 900) as usize);
        if packet % 7 == 3 {
            // A tag behind the two addresses.
            frame.splice(12..12, [0x81, 0, 0, 9]);
        }
        let seconds = match packet {
            4_321 => 10_000,
            _ if packet % 601 == 600 => packet / 100 - 2,
            _ => packet / 100,
        };
        let frame = if packet % 501 == 7 { &arp } else { &frame };
        capture.frame(NOON + seconds, packet % 100 * 10_000_000, frame);
    }
    let capture = capture.write(folder.path(), "long.pcap");
    let [together, single] = [false, true].map(|is_each_compared| {
        let settings = format!("[capture]\ndeduplicate = {is_each_compared}\n");
        let config = write(folder.path(), "site.toml", settings.as_bytes());
        let out = folder.path().join(is_each_compared.to_string());
        replay_to(&out, &[&capture], &["--config", config.to_str().unwrap()]).succeeded();
        results(&out)
    });
    assert_eq!(number(&together.summary, "frames_read"), 6_000);
    assert_eq!(number(&together.summary["dropped"], "arp"), 12);
    assert_eq!(number(&together.summary, "late"), 9);
    assert_eq!(
        (&together.flows, &together.transfers),
        (&single.flows, &single.transfers)
    );
    assert_eq!(together.summary, single.summary);
}

#[test]
fn silence_on_standard_input_ends_at_once() {
    let test = "silence_on_standard_input_ends_at_once";
    if !has_commands(test, &["kill"]) {
        return;
    }
    // Nothing at all, a header, a packet and a half.
    for bytes in [0, 24, 24 + 1_058 + 500] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut child = Command::new(BINARY)
            .args([
                "replay",
                "-",
                "--metrics",
                "127.0.0.1:0",
                "--flows",
                "--transfers",
                "--out",
            ])
            .arg(&out)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut running = Running::of(child);
        running.await_line("metrics at");
        input.write_all(&upload(NOON, 3).bytes()[..bytes]).unwrap();
        thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        running.signal("INT");
        let ran = running.finish();
        // 0.2 s to notice, and what a loaded machine needs to end a process.
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
        assert!(ran.stdout.contains("note: interrupted"), "{ran:?}");
        let packets = u64::from(bytes > 24);
        assert_eq!(number(&results(&out).summary, "packets"), packets);
    }
}

/// Starts to follow the last of `files`.
fn follow(files: &[&Path], out: &Path) -> Running {
    let mut command = borderflow("replay");
    command.args([
        "--follow",
        "--flows",
        "--transfers",
        "--metrics",
        "127.0.0.1:0",
        "--out",
    ]);
    command.arg(out).args(files);
    let mut running = Running::start(command);
    running.await_line("metrics at");
    running
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    thread::sleep(Duration::from_millis(150));
}

#[test]
fn a_file_is_followed_until_it_is_enough() {
    let test = "a_file_is_followed_until_it_is_enough";
    if !has_commands(test, &["kill"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let before = upload(NOON - 20, 20).write(folder.path(), "before.pcap");
    let capture = upload(NOON, 20);
    let growing = write(folder.path(), "growing.pcap", b"");
    for files in [vec![&*growing], vec![&*before, &*growing]] {
        fs::write(&growing, b"").unwrap();
        let out = folder.path().join("out");
        let running = follow(&files, &out);
        let bytes = capture.bytes();
        for part in [
            &bytes[..10],
            &bytes[10..3_000],
            &bytes[3_000..9_000],
            &bytes[9_000..],
        ] {
            append(&growing, part);
        }
        // The half of a record that is still being written is no damage.
        append(&growing, &bytes[24..600]);
        running_ends(running, &out, 20 * files.len() as u64);
    }
}

fn running_ends(mut running: Running, out: &Path, packets: u64) {
    running.signal("TERM");
    let ran = running.finish();
    assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
    assert!(!ran.stdout.contains("interrupted"), "{ran:?}");
    let results = results(out);
    assert_eq!(number(&results.summary, "packets"), packets);
    let told: u64 = results.transfers.iter().map(|it| number(it, "bytes")).sum();
    assert_eq!(told, packets * 1_000);
}

#[test]
fn a_followed_file_that_is_replaced_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = upload(NOON, 5).write(folder.path(), "ring.pcap");
    let out = folder.path().join("out");
    let running = follow(&[&path], &out);
    thread::sleep(Duration::from_millis(300));
    let next = Capture::new().write(folder.path(), "next.pcap");
    fs::rename(next, &path).unwrap();
    let ran = running.finish();
    assert_eq!(ran.status, Some(3), "{ran:?}");
    let line = "ring.pcap: was replaced by another file while it was followed; start again";
    assert!(ran.stderr.contains(line), "{ran:?}");
    assert_eq!(number(&results(&out).summary, "packets"), 5);
}
