//! What tests of live interfaces share.

#![allow(clippy::disallowed_methods, reason = "what waits is measured")]

use std::process::Command;
use std::time::{Duration, Instant};

use super::{CaptureError, LiveConfig, LiveSource, Method, wait};

pub(super) fn config(method: Method, interface: &str, filter: Option<&str>) -> LiveConfig {
    LiveConfig {
        interface: interface.to_owned(),
        filter: filter.map(str::to_owned),
        snap_length_bytes: 96,
        buffer_bytes: 4 << 20,
        promiscuous: true,
        method,
        wait_for_interface: false,
    }
}

/// Whether this process is in a network namespace of its own. If not, runs the test `name`
/// of `module` again in a new one, which needs root, and has its result.
pub(super) fn in_namespace(module: &str, name: &str) -> bool {
    if std::env::var_os(NAMESPACE_VARIABLE).is_some() {
        let mount = Command::new(MOUNT[0]).args(&MOUNT[1..]).status().unwrap();
        assert!(mount.success());
        // Without IPv6 the kernel says nothing by itself, so that silence is silence.
        for which in ["all", "default"] {
            let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
            std::fs::write(path, "1").unwrap();
        }
        return true;
    }
    let probe = Command::new("unshare")
        .args(["--net", "--mount"])
        .args(MOUNT)
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped {name}: no network namespace can be made here");
        return false;
    }
    let path = module.split_once("::").unwrap().1;
    let output = Command::new("unshare")
        .args(["--net", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &format!("{path}::{name}")])
        .env(NAMESPACE_VARIABLE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let skipped = complained.lines().filter(|line| line.contains("skipped"));
    skipped.for_each(|line| eprintln!("{line}"));
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} failed in its namespace:\n{said}{complained}"
    );
    false
}

/// Shows the interfaces of the namespace that it is run in.
const MOUNT: [&str; 5] = ["mount", "-t", "sysfs", "sysfs", "/sys"];

const NAMESPACE_VARIABLE: &str = "BORDERFLOW_TEST_NAMESPACE";

pub(super) fn ip(arguments: &str) {
    let status = Command::new("ip")
        .args(arguments.split(' '))
        .status()
        .unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// Makes the ends `v0` and `v1` of a link, both up.
pub(super) fn veth() {
    ip("link add v0 type veth peer name v1");
    ip("link set v0 up");
    ip("link set v1 up");
    await_carrier("v0");
    await_carrier("v1");
}

/// Waits until the kernel has raised a link, which it does some time after `ip` has
/// returned; what is sent before that is dropped by the sender.
pub(super) fn await_carrier(interface: &str) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let shown = Command::new("ip")
            .args(["link", "show", interface])
            .output()
            .unwrap();
        if String::from_utf8_lossy(&shown.stdout).contains("state UP") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{interface} does not come up");
}

/// Waits until the kernel has counted so many frames for `source`: it may hold back what was
/// sent on a link, and throws that away if the link is deleted.
pub(super) fn await_received(source: &mut LiveSource, frames: u64) {
    let start = Instant::now();
    while source.drops().received < frames && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(source.drops().received, frames);
}

/// Polls the first of `sources` until it has a frame, an error, or ten seconds are over.
pub(super) fn next(sources: &mut [LiveSource]) -> Result<Option<(u32, usize)>, CaptureError> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        wait(sources, Duration::from_millis(50))?;
        if let Some(frame) = sources[0].next_frame()? {
            assert!(frame.timestamp.as_nanos() > 1_600_000_000_000_000_000);
            return Ok(Some((frame.original_length, frame.data.len())));
        }
    }
    Ok(None)
}

/// Nothing comes for 300 ms, and waiting for it neither blocks nor spins. A few waits
/// may end early: on the error of a link that went down, and on ring blocks whose
/// frames the filter refuses.
pub(super) fn assert_silent(sources: &mut [LiveSource]) {
    let start = Instant::now();
    let mut early = 0;
    while start.elapsed() < Duration::from_millis(300) {
        early += u32::from(wait(sources, Duration::from_millis(100)).unwrap());
        assert!(sources[0].next_frame().unwrap().is_none());
    }
    assert!(early <= 5, "{early} waits ended early");
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}
