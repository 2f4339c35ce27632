//! Names that others choose, against everything that shows them: no line breaks, no terminal obeys.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use etherparse::PacketBuilder;
use serde_json::Value;

use crate::packets::{ABROAD, ASSET, Capture, NOON};
use crate::program::{borderflow, run};
use crate::support::{BINARY, Ran, root};

/// What a terminal, a log or a table might take for more than text: colours, a title, a line of
/// its own, eight-bit controls, another direction, a formula, a string that ends.
const EVIL: &str = "\u{1b}[31m\u{1b}]0;owned\u{7}\r\nborderflow: ALARM\u{9b}2J\u{7f}\0\u{8}\
    \u{202e}\u{2066}\u{2028}\t|,=1+1\"'\\<script>{{x}}%n$(id)";

/// The same where a name may have no control.
const SLY: &str = "x\u{202e}\u{2066}\u{2028}\u{200f}|=1+1\"'<script>";

/// Whether a terminal acts on a character, or shows what follows in another order.
fn does_harm(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}')
        || ('\u{2028}'..='\u{202e}').contains(&letter)
        || ('\u{2066}'..='\u{2069}').contains(&letter);
    turns || (letter.is_control() && !matches!(letter, '\n' | '\t'))
}

fn check(what: &str, text: &str) {
    if let Some(at) = text.find(does_harm) {
        let near: String = text[..at].chars().rev().take(80).collect();
        let near: String = near.chars().rev().collect();
        let letter = text[at..].chars().next();
        panic!("{what}: {letter:?} after {near:?}");
    }
}

/// Runs a command, and looks at what it has said.
fn shown(command: Command) -> Ran {
    let what = format!("{command:?}");
    let ran = run(command);
    check(&format!("{what}: stdout"), &ran.stdout);
    check(&format!("{what}: stderr"), &ran.stderr);
    for line in ran.stderr.lines() {
        assert!(
            !line.starts_with("borderflow: ALARM"),
            "{what}: a line that is not ours: {ran:?}"
        );
    }
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    ran
}

/// A conversation from the asset, whose first words are these, and what it sends afterwards.
fn conversation(capture: &mut Capture, second: u32, port: u16, to: u16, words: &[u8]) {
    let build = |from_asset: bool, sequence: u32, payload: &[u8], is_opening: bool| {
        let (from, dest, ports) = match from_asset {
            true => (ASSET, ABROAD, (port, to)),
            false => (ABROAD, ASSET, (to, port)),
        };
        let ip = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let tcp = ip
            .ipv4(from, dest, 64)
            .tcp(ports.0, ports.1, sequence, 60_000);
        let tcp = if is_opening { tcp.syn() } else { tcp };
        let is_answer = !from_asset || !is_opening;
        let acknowledged = if from_asset { 5_001 } else { 1_001 };
        let tcp = if is_answer {
            tcp.ack(acknowledged)
        } else {
            tcp
        };
        let mut frame = Vec::new();
        tcp.write(&mut frame, payload).unwrap();
        frame
    };
    capture.frame(second, 1, &build(true, 1_000, &[], true));
    capture.frame(second, 2, &build(false, 5_000, &[], true));
    capture.frame(second, 3, &build(true, 1_001, &[], false));
    let mut sequence = 1_001;
    let rest = vec![7; 20_000];
    for (number, part) in words.chunks(1_400).chain(rest.chunks(1_400)).enumerate() {
        capture.frame(
            second,
            4 + number as u32,
            &build(true, sequence, part, false),
        );
        sequence += part.len() as u32;
    }
}

/// A client's hello for a server of this name (RFC 8446, RFC 6066).
fn hello(name: &[u8]) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let server = long(&[&[0][..], &long(name)].concat());
    let extension = [&[0, 0][..], &long(&server)].concat();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(long(&extension));
    let length = (body.len() as u32).to_be_bytes();
    let message = [&[1][..], &length[1..], &body].concat();
    [&[0x16, 3, 1][..], &long(&message)].concat()
}

/// Names in all places where a stranger can put them.
fn capture(folder: &Path) -> PathBuf {
    let evil = EVIL.as_bytes();
    let mut capture = Capture::new();
    let mut add = |number: u16, to: u16, words: &[u8]| {
        conversation(
            &mut capture,
            NOON + u32::from(number),
            40_000 + number,
            to,
            words,
        );
    };
    add(1, 443, &hello(evil));
    add(2, 443, &hello(&[evil, b".example.com"].concat()));
    add(3, 443, &hello(&vec![0x1b; 15_000]));
    let request = |host: &[u8]| {
        let head = b"POST /\x1b[2J HTTP/1.1\r\nUser-Agent: \x1b]0;x\x07\r\nHost: ";
        [&head[..], host, b"\r\nContent-Length: 20000\r\n\r\n"].concat()
    };
    add(4, 80, &request(b"\x1b[31mhost\x9b\x7f\xe2\x80\xae.example"));
    add(5, 80, &request(&vec![0x9b; 65_536]));
    let mail = [
        &b"EHLO \x1b[2J\x9b\r\nMAIL FROM:<"[..],
        evil,
        b">\r\nDATA\r\n",
    ]
    .concat();
    add(6, 25, &mail);
    add(7, 22, b"SSH-2.0-\x1b[31mclient\x9b\xe2\x80\xae\r\n");
    let label = &evil[..40];
    let mut answer = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, label.len() as u8];
    answer.extend(label);
    answer.extend([0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    answer.extend(ABROAD);
    let mut frame = Vec::new();
    let names = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let names = names.ipv4([10, 0, 0, 53], ASSET, 64).udp(53, 40_000);
    names.write(&mut frame, &answer).unwrap();
    capture.frame(NOON, 0, &frame);
    let name = format!("c\u{1b}[31m\n\u{202e}\u{9b}{}.pcap", "x".repeat(100));
    capture.write(folder, &name)
}

/// A site with a ceiling that all of it passes, sinks of all forms, and sly names.
fn config(folder: &Path) -> PathBuf {
    let name = serde_json::to_string(SLY).unwrap();
    let mut text = format!(
        "[alert]\nceiling_bytes_per_hour = 1000\n\
         [[asset.known]]\nname = {name}\naddresses = [\"10.0.0.5\"]\n"
    );
    for format in FORMATS {
        text += &format!(
            "[[sink]]\nname = \"{format}\"\nkind = \"file\"\nformat = \"{format}\"\n\
             path = \"sent/{format}\"\n"
        );
    }
    let path = folder.join("config.toml");
    fs::write(&path, text).unwrap();
    path
}

const FORMATS: [&str; 7] = ["json", "eve", "zeek", "zeek_json", "ecs", "ocsf", "cef"];

/// Files of a folder and those below it.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

/// Looks at files of results, and counts lines of JSON that parse.
fn check_files(files: &[PathBuf]) -> usize {
    let mut lines = 0;
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = String::from_utf8(fs::read(path).unwrap()) else {
            continue;
        };
        // What is signed stays as it was; `ledger show` shows it.
        if name != "entries.jsonl" {
            check(&name, &text);
        }
        let is_json = name.ends_with(".jsonl")
            || matches!(name.as_str(), "json" | "eve" | "zeek_json" | "ecs" | "ocsf");
        for line in text.lines().filter(|_| is_json) {
            let value: Result<Value, _> = serde_json::from_str(line);
            assert!(value.is_ok_and(|value| value.is_object()), "{name}: {line}");
            lines += 1;
        }
        if name == "zeek" {
            let columns = |line: &str| line.split('\t').count();
            let rows = text.lines().filter(|line| !line.starts_with('#'));
            let widths: Vec<_> = rows.map(columns).collect();
            assert!(!widths.is_empty() && widths.iter().all(|width| *width == widths[0]));
        }
        if name == "cef" {
            assert!(
                text.lines()
                    .all(|line| line.starts_with("CEF:0|borderflow|"))
            );
        }
    }
    lines
}

#[test]
fn no_output_of_a_replay_breaks_a_line_or_moves_a_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, config) = (capture(folder.path()), config(folder.path()));
    let out = folder.path().join("out\u{1b}[32m\u{202e}");
    let (state, key) = (folder.path().join("state"), folder.path().join("key"));
    let with = |words: &[&str]| {
        let mut command = borderflow(words[0]);
        command.args(&words[1..]);
        command
    };
    let mut command = with(&["ledger", "key"]);
    command.arg(&key);
    assert_eq!(shown(command).status, Some(0));
    let mut command = with(&[
        "replay",
        "--flows",
        "--transfers",
        "--send",
        "--ledger",
        "--key",
    ]);
    command.arg(&key).arg("--config").arg(&config);
    command.arg("--out").arg(&out).arg("--state").arg(&state);
    let ran = shown({
        command.arg(&capture);
        command
    });
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let mut files = Vec::new();
    files_below(&out, &mut files);
    files_below(&folder.path().join("sent"), &mut files);
    let lines = check_files(&files);
    assert!(lines > 20, "{lines}");
    let ledger = out.join("ledger");
    for words in [
        &["ledger", "show"][..],
        &["ledger", "verify"],
        &["report"],
        &["report", "--format", "markdown"],
        &["report", "--format", "html"],
    ] {
        let mut command = with(words);
        command.arg(&ledger);
        shown(command);
    }
    let mut command = with(&["baseline", "show", "--state"]);
    shown({
        command.arg(&state);
        command
    });
    let mut command = with(&["baseline", "show", "--config"]);
    command.arg(&config).arg("--state").arg(&state).arg(SLY);
    shown(command);
    for command in ["check", "doctor", "inspect"] {
        let mut plain = borderflow(command);
        if command == "doctor" {
            plain.args(["--interface", "e\u{1b}[31m\u{202e}", "--config"]);
        }
        plain.arg(if command == "inspect" { &out } else { &config });
        shown(plain);
    }
}

/// Settings each of which is wrong, and quotes it.
fn wrong_settings(quoted: &str) -> Vec<String> {
    vec![
        EVIL.to_owned(),
        format!("[site]\n{quoted} = 1\n"),
        format!("[site]\ntime_zone = {quoted}\n"),
        format!("[site]\njurisdictions = [{quoted}]\n"),
        format!("[site]\nnetworks = [{quoted}]\n"),
        format!("[[asset.known]]\nname = {quoted}\naddresses = [\"10.0.0.5\"]\n"),
        format!("[[asset.known]]\nname = \"a\"\naddresses = [{quoted}]\n"),
        format!("[state]\ndir = {quoted}\n[geo]\ncountry = {quoted}\n"),
        format!("[policy]\npacks = [{quoted}]\n"),
        format!("[policy]\napprovals = {quoted}\n"),
        format!("[[sink]]\nname = {quoted}\nkind = \"webhook\"\nurl = {quoted}\n"),
        format!("[[sink]]\nname = \"a\"\nkind = \"syslog\"\naddress = {quoted}\n"),
        format!("[ledger]\ndir = \"l\"\nkey = {quoted}\n"),
        format!("[flow_input]\nconn_log = [{quoted}]\n"),
        format!("[privacy]\nmode = \"pseudonyms\"\nkey = {quoted}\n"),
    ]
}

/// What is wrong with files and arguments is told, with what stands there.
#[test]
fn no_complaint_breaks_a_line_or_moves_a_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let quoted = serde_json::to_string(EVIL).unwrap();
    let quoted = quoted.replace("\\u007f", "\u{7f}");
    for (number, text) in wrong_settings(&quoted).iter().enumerate() {
        let path = file(
            &format!("c{number}\u{1b}[31m\u{202e}.toml"),
            text.as_bytes(),
        );
        let mut command = borderflow("check");
        shown({
            command.arg(&path);
            command
        });
        let mut command = borderflow("doctor");
        command.arg("--config").arg(&path);
        shown(command);
        let mut command = borderflow("replay");
        command.arg("--config").arg(&path);
        shown({
            command.arg(root().join("captures/first-alert.pcap"));
            command
        });
    }
    let evil = OsStr::from_bytes(b"-\x1b[31m\x9b\xff\r\nborderflow: ALARM\xe2\x80\xae");
    for command in [
        "run", "replay", "check", "report", "ledger", "feedback", "nothing",
    ] {
        let mut plain = borderflow(command);
        plain.arg(evil);
        shown(plain);
    }
    let mut plain = Command::new(BINARY);
    shown({
        plain.arg(evil);
        plain
    });
    let row = EVIL.replace(['\t', '\n'], " ");
    let fields = "ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t\
        orig_bytes\tresp_bytes\tconn_state\tmissed_bytes\thistory";
    let log = format!(
        "#separator \\x09\n#fields\t{fields}\t{row}\n\
         1781524800.0\t{row}\t10.0.0.5\t4000\t77.88.8.8\t443\ttcp\t{row}\t1.0\t9000\t10\tSF\t0\tD\n\
         {row}\n1781524801.0\tC\t{row}\t1\t2\t3\n"
    );
    for name in ["conn\u{1b}[31m.log", "flows\u{202e}.csv"] {
        let mut command = borderflow("baseline");
        command
            .args(["import", "--state"])
            .arg(folder.path().join("state"));
        shown({
            command.arg(file(name, log.as_bytes()));
            command
        });
    }
}

#[test]
fn a_ledger_that_somebody_else_has_written_moves_no_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let quoted = serde_json::to_string(EVIL).unwrap();
    let ledger = folder.path().join("ledger\u{1b}[31m");
    fs::create_dir(&ledger).unwrap();
    let entry = format!("{{\"index\":0,\"kind\":{quoted},\"body\":{quoted}}}\n{EVIL}\n");
    for name in ["entries.jsonl", "heads.jsonl", "key.pub"] {
        fs::write(ledger.join(name), &entry).unwrap();
    }
    for words in [
        ["ledger", "show"],
        ["ledger", "verify"],
        ["report", "--format=html"],
    ] {
        let mut command = borderflow(words[0]);
        command.arg(words[1]).arg(&ledger);
        shown(command);
    }
}
