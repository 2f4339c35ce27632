//! Files that are no captures, or not to their end.

use std::fs;
use std::process::{Command, Stdio};

use crate::packets::{ABROAD, ASSET, Capture, NOON, udp, upload, write};
use crate::program::{Running, borderflow, has_commands, replay_to, results, run};
use crate::support::{BINARY, Ran, number};

/// Replays one argument without an output folder.
fn replay(path: &std::path::Path) -> Ran {
    let mut command = borderflow("replay");
    command.arg(path);
    run(command)
}

#[test]
fn no_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pcap");
    replay(&missing).refused(1, &["missing.pcap", "no such file", "check the name"]);

    let out = folder.path().join("out");
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    replay_to(&out, &[&good, &missing], &[]).refused(1, &["missing.pcap"]);
    assert!(
        !out.exists(),
        "nothing is begun before every input is there"
    );
}

#[test]
fn a_directory() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let why = "is a directory; name the capture files in it";
    replay(folder.path()).refused(1, &[name, why]);
}

#[test]
fn an_empty_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "empty.pcap", b"");
    replay(&path).refused(1, &["empty.pcap", "0 bytes", "again"]);
}

#[test]
fn not_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "notes.pcap",
        b"dear diary, today nothing happened\n",
    );
    replay(&path).refused(
        1,
        &["notes.pcap", "is not a capture; pcap and pcapng are read"],
    );
    let path = write(
        folder.path(),
        "x.pcap.xz",
        b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46",
    );
    replay(&path).refused(1, &["x.pcap.xz", "xz", "`unxz "]);
    let path = write(folder.path(), "short.pcap", &upload(NOON, 1).bytes()[..10]);
    replay(&path).refused(1, &["short.pcap", "cannot be read"]);
}

#[test]
fn an_unsupported_link_type() {
    let folder = tempfile::tempdir().unwrap();
    // 177 is LAPD of Linux.
    let path = Capture::of_link_type(177).write(folder.path(), "lapd.pcap");
    replay(&path).refused(1, &["lapd.pcap", "LINUX_LAPD (177)", "Ethernet"]);
}

#[test]
fn a_file_that_may_not_be_read() {
    let test = "a_file_that_may_not_be_read";
    if !crate::program::is_root() || !has_commands(test, &["setpriv"]) {
        println!("{test}: skipped, only root can become somebody else");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = upload(NOON, 1).write(folder.path(), "secret.pcap");
    run(super::interfaces::as_nobody(
        folder.path(),
        &["replay".as_ref(), path.as_os_str()],
    ))
    .refused(1, &["secret.pcap", "permission denied; allow this user"]);
}

#[test]
fn a_capture_cut_mid_record() {
    let folder = tempfile::tempdir().unwrap();
    let capture = upload(NOON, 10);
    let cut = &capture.bytes()[..capture.ends[6] + 40];
    let path = write(folder.path(), "cut.pcap", cut);
    let other = upload(NOON + 60, 5).write(folder.path(), "other.pcap");
    let out = folder.path().join("out");
    for files in [vec![&*path], vec![&*path, &*other], vec![&*other, &*path]] {
        let ran = replay_to(&out, &files, &[]);
        let words = [
            "cut.pcap: record 8: truncated",
            "the 7 records before it were processed",
        ];
        ran.complained(3, &[words[0], words[1], "again"]);
        let packets = if files.len() == 2 { 12 } else { 7 };
        let results = results(&out);
        assert_eq!(number(&results.summary, "packets"), packets);
        assert_eq!(results.flows.len(), 1);
        let told: u64 = results.transfers.iter().map(|it| number(it, "bytes")).sum();
        assert_eq!(told, packets * 1_000);
    }
}

#[test]
fn a_capture_cut_in_its_first_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "cut.pcap", &upload(NOON, 1).bytes()[..30]);
    let out = folder.path().join("out");
    let ran = replay_to(&out, &[&path], &[]);
    ran.complained(
        3,
        &["cut.pcap: record 1: truncated", "no record came before it"],
    );
    let results = results(&out);
    assert_eq!(number(&results.summary, "frames_read"), 0);
    assert!(results.flows.is_empty() && results.alerts.is_empty());
}

#[test]
fn a_record_of_an_absurd_length() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = upload(NOON, 2).bytes().to_vec();
    for word in [NOON, 0, u32::MAX, u32::MAX] {
        bytes.extend(word.to_le_bytes());
    }
    let path = write(folder.path(), "huge.pcap", &bytes);
    let out = folder.path().join("out");
    replay_to(&out, &[&path], &[]).complained(3, &["huge.pcap: record 3: ", "the 2 records"]);
    assert_eq!(number(&results(&out).summary, "packets"), 2);
}

#[test]
fn a_header_and_no_packet() {
    let folder = tempfile::tempdir().unwrap();
    let path = Capture::new().write(folder.path(), "none.pcap");
    let out = folder.path().join("out");
    let ran = replay_to(&out, &[&path], &[]);
    ran.succeeded();
    assert!(
        ran.stdout.contains("note: the input held no frames"),
        "{ran:?}"
    );
    let results = results(&out);
    assert!(results.flows.is_empty() && results.transfers.is_empty());
    assert!(results.alerts.is_empty() && results.shadow.is_empty());
}

#[test]
fn a_capture_without_any_home_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut capture = Capture::new();
    for second in 0..20 {
        capture.udp(NOON + second, [8, 8, 8, 8], [77, 88, 8, 8], 1_000);
    }
    let path = capture.write(folder.path(), "elsewhere.pcap");
    let out = folder.path().join("out");
    let ran = replay_to(&out, &[&path], &[]);
    ran.succeeded();
    assert!(ran.stdout.contains("site.networks"), "{ran:?}");
    let results = results(&out);
    assert_eq!(number(&results.summary, "packets"), 20);
    assert_eq!((results.flows.len(), results.transfers.len()), (1, 0));

    let ran = replay(&path);
    ran.succeeded();
    assert!(ran.stdout.contains("No asset exported anything"), "{ran:?}");
    assert!(ran.stdout.contains("site.networks"), "{ran:?}");
}

#[test]
fn frames_that_are_no_packets() {
    let folder = tempfile::tempdir().unwrap();
    let mut capture = Capture::new();
    for length in 0..80 {
        capture.frame(NOON, length, &vec![0xff; length as usize]);
    }
    let path = capture.write(folder.path(), "noise.pcap");
    let out = folder.path().join("out");
    let ran = replay_to(&out, &[&path], &[]);
    ran.succeeded();
    assert!(ran.stdout.contains("no frame was an IP packet"), "{ran:?}");
    let summary = results(&out).summary;
    let dropped = summary["dropped"].as_object().unwrap().values();
    assert_eq!(
        dropped.map(|count| count.as_u64().unwrap()).sum::<u64>(),
        80
    );
    assert_eq!(number(&summary, "frames_read"), 80);
}

#[test]
fn a_pipe_is_read_once() {
    let test = "a_pipe_is_read_once";
    if !has_commands(test, &["sh", "cat", "mkfifo"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = upload(NOON, 2_000).write(folder.path(), "x.pcap");
    let script = format!(
        "cat '{path}' | '{BINARY}' replay - && cat '{path}' | '{BINARY}' replay /dev/stdin \
         && mkfifo '{path}.pipe' && (cat '{path}' >'{path}.pipe' & '{BINARY}' replay \
         '{path}.pipe')",
        path = path.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let ran = run(command);
    ran.succeeded();
    assert_eq!(ran.stdout.matches("2,000 packets, ").count(), 3, "{ran:?}");
}

#[test]
fn standard_input_beside_files() {
    let folder = tempfile::tempdir().unwrap();
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    let mut command = borderflow("replay");
    command.arg("-").arg(good);
    run(command).refused(2, &["standard input cannot be read beside other files"]);
    let mut command = borderflow("replay");
    command.arg("-");
    run(command).refused(1, &["standard input: is empty"]);
}

#[test]
fn an_interrupted_replay_keeps_what_was_read() {
    let test = "an_interrupted_replay_keeps_what_was_read";
    if !has_commands(test, &["kill", "mkfifo"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless.pcap");
    let made = Command::new("mkfifo")
        .arg(&path)
        .stdin(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    for signal in ["INT", "TERM"] {
        let out = folder.path().join(signal);
        let mut command = borderflow("replay");
        command.args([
            "--flows",
            "--transfers",
            "--metrics",
            "127.0.0.1:0",
            "--out",
        ]);
        let mut running = Running::start({
            command.arg(&out).arg(&path);
            command
        });
        let writer = std::thread::spawn({
            let path = path.clone();
            move || write_without_end(&path)
        });
        running.await_line("metrics at");
        std::thread::sleep(std::time::Duration::from_millis(500));
        running.signal(signal);
        let ran = running.finish();
        writer.join().unwrap();
        assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
        assert!(ran.stdout.contains("note: interrupted"), "{ran:?}");
        let results = results(&out);
        let packets = number(&results.summary, "packets");
        assert!(packets > 0);
        let told: u64 = results
            .flows
            .iter()
            .map(|it| number(it, "packets_src"))
            .sum();
        assert_eq!(told, packets);
    }
}

/// Writes packets of one second into a pipe until nobody reads it any more.
fn write_without_end(pipe: &std::path::Path) {
    use std::io::Write;
    let mut packets = Capture::new();
    packets.udp(NOON, ASSET, ABROAD, 100);
    let (header, record) = packets.bytes().split_at(24);
    let mut output = fs::OpenOptions::new().write(true).open(pipe).unwrap();
    let _ = output.write_all(header);
    while output.write_all(record).is_ok() {}
}

#[test]
fn a_capture_damaged_in_the_middle_is_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let capture = upload(NOON, 20);
    let mut bytes = capture.bytes().to_vec();
    // The captured length of the eleventh record.
    let at = capture.ends[9] + 8;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let path = write(folder.path(), "hurt.pcap", &bytes);
    let out = folder.path().join("out");
    let skipped = capture.ends[10] - capture.ends[9];
    let words = [
        "hurt.pcap: record 11: its captured length of 4294967295 bytes",
        &format!("(byte {})", capture.ends[9]),
        "the 10 records before it were processed",
        &format!("reading went on {skipped} bytes further"),
    ];
    replay_to(&out, &[&path], &[]).complained(3, &words);
    assert_eq!(number(&results(&out).summary, "packets"), 19);
}

#[test]
fn a_capture_damaged_all_over_is_told_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Blocks::new(&[1]).bytes;
    let mut blocks = Blocks::default();
    for second in 0..100 {
        blocks.packet(9, second, &[0; 60]);
        blocks.packet(0, second, &udp(ASSET, ABROAD, 100));
    }
    bytes.extend(blocks.bytes);
    let path = write(folder.path(), "all-over.pcapng", &bytes);
    let out = folder.path().join("out");
    let ran = replay_to(&out, &[&path], &[]);
    assert_eq!(ran.status, Some(3));
    assert_eq!(ran.complaints().len(), 20, "{ran:?}");
    assert!(ran.stdout.contains("damaged in 80 more places"), "{ran:?}");
    assert_eq!(number(&results(&out).summary, "packets"), 100);
}

#[test]
fn interfaces_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    // 177 is Linux LAPD, which is not read; 101 is raw IP.
    let mut blocks = Blocks::new(&[177, 1, 101]);
    let frame = udp(ASSET, ABROAD, 100);
    blocks.packet(0, NOON, &frame);
    blocks.packet(1, NOON, &frame);
    blocks.packet(2, NOON, &frame[14..]);
    let path = write(folder.path(), "three.pcapng", &blocks.bytes);
    let out = folder.path().join("out");
    replay_to(&out, &[&path], &[]).succeeded();
    let results = results(&out);
    assert_eq!(number(&results.summary, "frames_read"), 3);
    assert_eq!(number(&results.summary, "packets"), 2);
    let mut blocks = Blocks::new(&[177]);
    blocks.packet(0, NOON, &frame);
    let path = write(folder.path(), "wifi.pcapng", &blocks.bytes);
    replay(&path).refused(1, &["wifi.pcapng", "LINUX_LAPD (177)"]);
}

/// A pcapng file in the making.
#[derive(Default)]
struct Blocks {
    bytes: Vec<u8>,
}

impl Blocks {
    /// A section with interfaces of these link types.
    fn new(link_types: &[u32]) -> Self {
        let mut blocks = Self::default();
        blocks.block(&[0x0a0d_0d0a, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX], &[]);
        for link_type in link_types {
            blocks.block(&[1, *link_type, 0], &[]);
        }
        blocks
    }

    fn packet(&mut self, interface: u32, seconds: u32, frame: &[u8]) {
        let micros = u64::from(seconds) * 1_000_000;
        let (high, low) = ((micros >> 32) as u32, micros as u32);
        let length = frame.len() as u32;
        self.block(&[6, interface, high, low, length, length], frame);
    }

    fn block(&mut self, words: &[u32], data: &[u8]) {
        let padded = data.len().next_multiple_of(4);
        let length = (4 * words.len() + padded + 8) as u32;
        for word in [words[0], length].iter().chain(&words[1..]) {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(data);
        self.bytes.resize(self.bytes.len() + padded - data.len(), 0);
        self.bytes.extend(length.to_le_bytes());
    }
}
