//! Output folders and streams that do not take what is written.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::packets::{ABROAD, Capture, NOON, upload, write};
use crate::program::{Running, borderflow, has_commands, is_root, replay_to, run};
use crate::support::BINARY;

/// A capture of 20,000 flows, whose records fill some megabytes.
fn many_flows(folder: &Path) -> std::path::PathBuf {
    let mut capture = Capture::new();
    for flow in 0..20_000_u32 {
        let [_, high, middle, low] = flow.to_be_bytes();
        capture.udp(NOON + flow / 50, [10, high, middle, low], ABROAD, 100);
    }
    capture.write(folder, "many.pcap")
}

#[test]
fn a_file_as_folder() {
    let folder = tempfile::tempdir().unwrap();
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    let file = write(folder.path(), "out", b"mine");
    replay_to(&file, &[&good], &[]).refused(1, &["/out: is a file; name a folder"]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    replay_to(&file.join("deeper"), &[&good], &[]).refused(1, &["/out/deeper", "make folder"]);
}

#[test]
fn the_folder_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    // Named like a result, so that making room for results would delete it.
    let input = upload(NOON, 3).write(folder.path(), "flows.jsonl");
    let ran = replay_to(folder.path(), &[&input], &[]);
    ran.refused(
        1,
        &["holds the input", "flows.jsonl", "name another folder"],
    );
    assert!(input.exists());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    replay_to(&link, &[&input], &[]).refused(1, &["holds the input"]);
    assert!(input.exists());
}

#[test]
fn a_folder_below_what_is_no_folder_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let good = upload(NOON, 3).write(folder.path(), "good.pcap");
    let out = folder.path().join("out");
    fs::create_dir_all(out.join("flows.jsonl")).unwrap();
    let ran = replay_to(&out, &[&good], &[]);
    ran.refused(1, &["/out", "flows.jsonl"]);
}

#[test]
fn a_disk_that_fills_up() {
    let test = "a_disk_that_fills_up";
    if !is_root() || !has_commands(test, &["mount", "umount"]) {
        println!("{test}: skipped, only root may mount a small file system");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = many_flows(folder.path());
    let out = folder.path().join("disk");
    fs::create_dir(&out).unwrap();
    let Some(_disk) = SmallDisk::mount(&out) else {
        println!("{test}: skipped, a small file system cannot be mounted here");
        return;
    };
    for workers in ["1", "2"] {
        let ran = replay_to(&out, &[&input], &["--workers", workers]);
        // Which of the files meets the end first depends on what is in whose buffer.
        ran.refused(1, &["/disk/", ".jsonl: write: No space left on device"]);
        let sizes = ["flows.jsonl", "transfers.jsonl"].map(|name| {
            let written = fs::metadata(out.join(name));
            written.map_or(0, |file| file.len())
        });
        let written: u64 = sizes.iter().sum();
        assert!(written > 500_000, "what fits is kept: {sizes:?}");
        assert!(!out.join("summary.json").exists(), "it would not be true");
    }
}

#[test]
fn a_limit_on_file_size() {
    let test = "a_limit_on_file_size";
    if !has_commands(test, &["env", "prlimit"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = many_flows(folder.path());
    let out = folder.path().join("out");
    // The signal is ignored so that the limit is an error of the write, as on a quota.
    let mut command = Command::new("env");
    command.args(["--ignore-signal=XFSZ", "prlimit", "--fsize=500000", BINARY]);
    command
        .args(["replay", "--flows", "--out"])
        .arg(&out)
        .arg(&input);
    let ran = run(command);
    if ran.stderr.contains("ignore-signal") {
        println!("{test}: skipped, this `env` cannot ignore a signal");
        return;
    }
    ran.refused(1, &["/out/flows.jsonl: write: File too large"]);
}

#[test]
fn a_closed_stdout() {
    let test = "a_closed_stdout";
    if !has_commands(test, &["sh", "head"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let input = many_flows(folder.path());
    // The report of a replay fits a pipe, so that `head` may see it whole: a reader that
    // has gone before it comes is the sharper case.
    for reader in ["head -1", "true"] {
        for options in [
            String::new(),
            format!("--out '{}/out'", folder.path().display()),
        ] {
            let script = format!(
                "{{ '{BINARY}' replay {options} '{}'; echo \"status $?\" >&2; }} | {reader}",
                input.display()
            );
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            let ran = run(command);
            assert_eq!(ran.complaints(), ["status 0"], "{ran:?}");
        }
    }
    assert!(folder.path().join("out/summary.json").exists());
}

#[test]
fn a_full_stdout() {
    let test = "a_full_stdout";
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        println!("{test}: skipped, there is no /dev/full");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = upload(NOON, 3).write(folder.path(), "good.pcap");
    let mut command = borderflow("replay");
    command
        .arg(&input)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(full);
    let child = command.spawn().unwrap();
    let ran = Running::of(child).finish();
    ran.complained(1, &["standard output: write: No space left on device"]);
}

#[test]
fn a_scenario_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = crate::support::root().join("models/scenarios/office-week.toml");
    let simulate = |scenario: &Path, output: &str, truth: &str| {
        let mut command = borderflow("simulate");
        command
            .arg(scenario)
            .arg("-o")
            .arg(folder.path().join(output));
        command.arg("--truth").arg(folder.path().join(truth));
        run(command)
    };
    simulate(&scenario, "no/x.pcap", "x.jsonl").refused(1, &["no/x.pcap: create"]);
    simulate(&scenario, "x.pcap", "no/x.jsonl").refused(1, &["no/x.jsonl: create"]);
    simulate(&folder.path().join("gone.toml"), "x.pcap", "x.jsonl")
        .refused(2, &["gone.toml", "No such file"]);
    let wrong = write(folder.path(), "wrong.toml", b"seed = 1\nsead = 2\n");
    simulate(&wrong, "x.pcap", "x.jsonl").refused(2, &["wrong.toml", "line 2", "`sead`"]);
}

/// A file system of one megabyte, for as long as a test needs it.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", "size=1m", "borderflow-test"])
            .arg(folder);
        (run(command).status == Some(0)).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let mut command = Command::new("umount");
        command.arg(self.0);
        let ran = run(command);
        if ran.status != Some(0) {
            println!("{} is still mounted: {}", self.0.display(), ran.stderr);
        }
    }
}
