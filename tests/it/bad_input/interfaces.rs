//! Interfaces that are not there or not allowed, and signals while one is watched.

use std::ffi::OsStr;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::packets::write;
use crate::program::{Running, borderflow, has_commands, is_root, run};
use crate::support::{BINARY, json};

#[test]
fn an_interface_that_does_not_exist() {
    let test = "an_interface_that_does_not_exist";
    if !is_root() {
        println!("{test}: skipped, without the right to capture that is what is told");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = borderflow("run");
    command.args(["--interface", "nope0", "--out"]).arg(&out);
    run(command).refused(1, &["nope0: no such interface; there are: ", "lo"]);
    assert!(
        !out.exists(),
        "nothing is begun before the interface is there"
    );
}

#[test]
fn a_filter_that_does_not_compile() {
    let test = "a_filter_that_does_not_compile";
    if !is_root() {
        println!("{test}: skipped, only root may capture");
        return;
    }
    let mut command = borderflow("run");
    command.args(["--interface", "lo", "--filter", "udp prot 9"]);
    run(command).refused(2, &["filter `udp prot 9`: "]);
}

#[test]
fn no_permission_to_capture() {
    let test = "no_permission_to_capture";
    let arguments = ["run", "--interface", "lo"].map(OsStr::new);
    let words = ["lo: permission denied; run as root, or once: sudo setcap cap_net_raw"];
    if !is_root() {
        let mut command = borderflow("run");
        command.args(&arguments[1..]);
        return run(command).refused(1, &words);
    }
    if !has_commands(test, &["setpriv"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    run(as_nobody(folder.path(), &arguments)).refused(1, &words);
}

/// The program run by a user who may nothing, from a folder into which it is copied: the
/// one that it was built in may be closed to others.
pub(super) fn as_nobody(folder: &Path, arguments: &[&OsStr]) -> Command {
    use std::os::unix::fs::PermissionsExt;
    let binary = folder.join("borderflow");
    std::fs::copy(BINARY, &binary).unwrap();
    for (path, mode) in [(folder, 0o755), (&binary, 0o755)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path != binary {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]);
    command.arg(&binary).args(arguments).env_remove("RUST_LOG");
    command
}

#[test]
fn signals_drain_what_was_seen() {
    let test = "signals_drain_what_was_seen";
    if !is_root() || !has_commands(test, &["kill"]) {
        println!("{test}: skipped, only root may capture");
        return;
    }
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut command = borderflow("run");
        command.args(["--interface", "lo", "--filter", &format!("udp port {port}")]);
        command.arg("--out").arg(&out);
        let mut running = Running::start(command);
        running.await_line("watching lo; stop with Ctrl-C");
        std::thread::sleep(Duration::from_millis(500));
        for _ in 0..100 {
            socket.send_to(&[0; 50], ("127.0.0.1", port)).unwrap();
        }
        running.signal(signal);
        let ran = running.finish();
        assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
        assert!(
            ran.stderr.contains(" packets, "),
            "the summary is told: {ran:?}"
        );
        assert_eq!(ran.stdout, "", "{ran:?}");
        let summary = json(&out.join("summary.json"));
        // Loopback shows each packet twice, as it leaves and as it arrives; libpcap drops
        // the first.
        assert_eq!(summary["packets"], 100, "{signal}: {summary}");
        assert!(out.join("alerts.jsonl").exists());
    }
}

#[test]
fn the_folder_of_the_state_cannot_be_written() {
    let test = "the_folder_of_the_state_cannot_be_written";
    if !is_root() {
        println!("{test}: skipped, only root may capture");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "state", b"");
    let mut command = borderflow("run");
    command.args(["--interface", "lo", "--state"]).arg(&file);
    let ran = run(command);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("/state"), "{ran:?}");
}
