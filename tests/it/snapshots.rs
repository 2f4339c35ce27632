//! The learned state and a system that fails at the worst moment.
//!
//! A replay saves its state at the end, by the code by which a sensor does at each hour. It is
//! killed at each system call on the snapshot, or that call fails: what was saved before must be
//! readable afterwards, and so must the next save.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{borderflow, has_commands, is_root, run};
use crate::support::{BINARY, Ran, root};

/// System calls that a snapshot is made of, by the names that some architecture has.
const CALLS: [&str; 5] = [
    "openat",
    "write",
    "fsync",
    "?rename,?renameat,?renameat2",
    "?unlink,?unlinkat",
];

/// More calls of a kind than a save makes.
const CALLS_MAX: usize = 12;

/// A capture, and the state that a first replay has left.
struct Saved {
    folder: tempfile::TempDir,
    state: PathBuf,
    capture: PathBuf,
    shown: String,
}

impl Saved {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let saved = Self {
            state: folder.path().join("state"),
            capture: root().join("captures/eu-site.pcap"),
            shown: String::new(),
            folder,
        };
        let ran = run(saved.replay(Command::new(BINARY)));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let shown = saved.show();
        assert_eq!(shown.status, Some(0), "{shown:?}");
        Self {
            shown: shown.stdout,
            ..saved
        }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// What follows the program: its arguments.
    fn replay(&self, mut program: Command) -> Command {
        program.arg("replay").arg(&self.capture);
        program.args(["--workers", "1", "--out"]).arg(self.out());
        program.arg("--state").arg(&self.state);
        program
    }

    fn show(&self) -> Ran {
        let mut command = borderflow("baseline");
        command.args(["show", "--state"]).arg(&self.state);
        run(command)
    }

    /// Replays while `strace` does something to calls on the snapshot.
    fn replay_under(&self, inject: &str) -> Ran {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-qq", "-o"])
            .arg(self.folder.path().join("trace"));
        for name in ["baseline.state", "baseline.1.state", "baseline.state.tmp"] {
            command.arg("-P").arg(self.state.join(name));
        }
        command.arg("-P").arg(&self.state);
        let calls = inject.split(':').next().unwrap();
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={inject}"), BINARY]);
        run(self.replay(command))
    }

    /// What is there now: a state as it was or a newer one, and never a damaged one in use.
    fn check(&self, after: &str) {
        let shown = self.show();
        assert_eq!(shown.status, Some(0), "after {after}: {shown:?}");
        assert!(
            !shown.stderr.contains("damaged"),
            "after {after}: {shown:?}"
        );
        let assets = |text: &str| text.split(',').next().unwrap().to_owned();
        assert_eq!(assets(&shown.stdout), assets(&self.shown), "after {after}");
    }
}

/// Whether calls can be tampered with here, by somebody who need not be root.
fn can_inject(test: &str, saved: &Saved) -> bool {
    if !has_commands(test, &["strace"]) {
        return false;
    }
    let mut trial = Command::new("strace");
    trial.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "inject=getcwd:error=EIO",
        "true",
    ]);
    let works = run(trial).status == Some(0) && saved.state.is_dir();
    if !works {
        println!("{test}: skipped, strace cannot trace here");
    }
    works
}

#[test]
fn a_kill_at_any_call_leaves_a_state_that_can_be_read() {
    let test = "a_kill_at_any_call";
    let saved = Saved::new();
    if !can_inject(test, &saved) {
        return;
    }
    let mut killed = 0;
    for calls in CALLS {
        for number in 1..=CALLS_MAX {
            let what = format!("a kill at {calls} {number}");
            let ran = saved.replay_under(&format!("{calls}:signal=SIGKILL:when={number}"));
            saved.check(&what);
            // strace ends as what it traces did.
            if ran.status == Some(0) {
                break;
            }
            assert_eq!(ran.status, None, "{what}: {ran:?}");
            killed += 1;
        }
    }
    println!("{test}: killed at {killed} calls, 0 states that could not be read");
    assert!(
        killed >= 8,
        "{killed}: the calls of a snapshot were not hit"
    );
    let ran = run(saved.replay(Command::new(BINARY)));
    assert_eq!(
        ran.status,
        Some(0),
        "what a kill leaves does not disturb: {ran:?}"
    );
}

#[test]
fn a_disk_that_fails_is_told_and_loses_nothing_that_was_kept() {
    let test = "a_disk_that_fails";
    let saved = Saved::new();
    if !can_inject(test, &saved) {
        return;
    }
    let mut failed = 0;
    for (calls, error) in [
        ("fsync", "EIO"),
        ("write", "EIO"),
        ("write", "ENOSPC"),
        ("?rename,?renameat,?renameat2", "EROFS"),
    ] {
        for number in 1..=CALLS_MAX {
            let what = format!("{error} of {calls} {number}");
            let _ = fs::remove_dir_all(saved.out());
            let ran = saved.replay_under(&format!("{calls}:error={error}:when={number}"));
            saved.check(&what);
            if ran.status == Some(0) {
                break;
            }
            failed += 1;
            assert_eq!(ran.status, Some(1), "{what}: {ran:?}");
            assert!(ran.stderr.contains("state"), "{what}: {ran:?}");
            assert!(
                saved.out().join("summary.json").is_file(),
                "{what}: the work was done"
            );
        }
    }
    println!("{test}: {failed} failures told");
    assert!(
        failed >= 6,
        "{failed}: the calls of a snapshot were not hit"
    );
}

/// In a mount namespace of its own: a disk of 64 KiB, full, then read-only, then free again.
#[test]
fn a_full_disk_and_one_that_cannot_be_written_lose_nothing_that_was_kept() {
    let test = "a_full_disk";
    if !is_root() {
        println!("{test}: skipped, only root may mount");
        return;
    }
    if !has_commands(test, &["unshare", "mount", "dd"]) {
        return;
    }
    let saved = Saved::new();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", ON_SMALL_DISK, "sh"]);
    let arguments: [&OsStr; 4] = [
        BINARY.as_ref(),
        saved.capture.as_ref(),
        saved.state.as_ref(),
        saved.folder.path().as_ref(),
    ];
    let ran = run({
        command.args(arguments);
        command
    });
    if ran.stdout.contains("no mount") {
        println!("{test}: skipped, nothing can be mounted here");
        return;
    }
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let said = [
        "full: 1",
        "kept while full: 0",
        "read-only: 1",
        "kept while read-only: 0",
        "free again: 0",
        "kept: 0",
    ];
    for line in said {
        assert!(ran.stdout.lines().any(|one| one == line), "{line}: {ran:?}");
    }
    assert!(ran.stderr.contains("No space left on device"), "{ran:?}");
    assert!(ran.stderr.contains("Read-only file system"), "{ran:?}");
    let left: Vec<_> = fs::read_dir(saved.folder.path().join("disk"))
        .unwrap()
        .collect();
    assert!(
        left.is_empty(),
        "the disk was not of that namespace: {left:?}"
    );
    assert!(Path::new(&saved.state).is_dir());
}

const ON_SMALL_DISK: &str = r#"
program=$1 capture=$2 state=$3 folder=$4 disk=$4/disk
mkdir "$disk"
mount -t tmpfs -o size=64k tmpfs "$disk" || { echo "no mount"; exit 0; }
cp "$state"/* "$disk"/
replay() {
    status=0
    "$program" replay "$capture" --workers 1 --out "$folder/out" --state "$disk" || status=$?
    echo "$1: $status"
}
kept() {
    status=0
    "$program" baseline show --state "$disk" >"$folder/shown" || status=$?
    echo "$1: $status"
}
dd if=/dev/zero of="$disk/fill" bs=1k 2>/dev/null || true
replay full
kept "kept while full"
rm "$disk/fill"
mount -o remount,ro "$disk"
replay read-only
kept "kept while read-only"
mount -o remount,rw "$disk"
replay "free again"
kept kept
"#;
