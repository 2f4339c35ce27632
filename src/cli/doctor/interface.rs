//! What an interface does to frames, and what it loses.

use std::fs;

use crate::capture::{Method, Nic};

use super::{Finding, Patient};

/// Offloads that join frames of a conversation before anybody captures them.
const JOINING: [(&str, &str); 3] = [
    ("rx-gro", "gro"),
    ("rx-lro", "lro"),
    ("rx-gro-hw", "rx-gro-hw"),
];

/// The offload that takes VLAN tags off.
const STRIPPING: &str = "rx-vlan-hw-parse";

/// Of so many frames one may be lost before it is worth a word.
const LOST_SHARE: u64 = 10_000;

/// Counters of frames that were lost before anybody could capture them.
const LOST: [&str; 3] = ["rx_dropped", "rx_missed_errors", "rx_fifo_errors"];

pub(super) fn examine(interface: &str, patient: &Patient) -> Vec<Finding> {
    let folder = format!("/sys/class/net/{interface}");
    let is_plain = !interface.contains('/') && !interface.starts_with('.');
    if !is_plain || !fs::exists(&folder).unwrap_or(false) {
        let text = format!("{interface}: there is no such interface");
        return vec![Finding::fail(
            "interface",
            text,
            "`ip link` lists those that there are",
        )];
    }
    let number = |name: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("{folder}/{name}")).ok()?;
        let text = text.trim();
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    };
    // IFF_UP of netdevice(7).
    let is_up = number("flags").is_none_or(|flags| flags & 1 == 1);
    let mut findings = vec![match is_up {
        true => Finding::ok("interface", format!("{interface}: is up")),
        false => Finding::fail(
            "interface",
            format!("{interface}: is down"),
            format!("ip link set {interface} up"),
        ),
    }];
    findings.extend(offloads(interface, patient));
    findings.push(ring(interface));
    findings.push(losses(interface, &number));
    findings
}

fn offloads(interface: &str, patient: &Patient) -> Vec<Finding> {
    let on = match Nic::new(interface).and_then(|nic| nic.features()) {
        Ok(on) => on,
        Err(error) => {
            let text = format!("{interface}: offloads cannot be read: {error}");
            return vec![Finding::warn(
                "offloads",
                text,
                format!("ethtool -k {interface}"),
            )];
        }
    };
    let is_on = |name: &str| on.iter().any(|one| one == name);
    let joining = JOINING.iter().filter(|(name, _)| is_on(name));
    let joining: Vec<_> = joining.collect();
    let joined = match joining.is_empty() {
        true => Finding::ok("offloads", format!("{interface}: frames are not joined")),
        false => {
            let names: Vec<_> = joining.iter().map(|(name, _)| *name).collect();
            let off: Vec<_> = joining
                .iter()
                .map(|(_, key)| format!("{key} off"))
                .collect();
            Finding::warn(
                "offloads",
                format!(
                    "{interface}: {} joins frames before they are captured: packets are fewer and \
                     longer than on the wire; bytes of payload stay right",
                    names.join(", ")
                ),
                format!("ethtool -K {interface} {}", off.join(" ")),
            )
        }
    };
    let stripped = match (is_on(STRIPPING), patient.config.capture.method) {
        (false, _) => Finding::ok("vlan", format!("{interface}: VLAN tags stay on frames")),
        (true, Method::Libpcap) => Finding::warn(
            "vlan",
            format!("{interface}: VLAN tags are taken off frames, and libpcap may not say which"),
            format!("ethtool -K {interface} rxvlan off, or capture.method = \"auto\""),
        ),
        (true, _) => Finding::ok(
            "vlan",
            format!("{interface}: VLAN tags are taken off frames, and read from beside them"),
        ),
    };
    vec![joined, stripped]
}

fn ring(interface: &str) -> Finding {
    match Nic::new(interface).and_then(|nic| nic.receive_ring()) {
        Ok(ring) if ring.now < ring.maximum => Finding::warn(
            "ring",
            format!(
                "{interface}: the ring of received frames has {} of {} places, so that bursts are \
                 lost sooner than they need be",
                ring.now, ring.maximum
            ),
            format!("ethtool -G {interface} rx {}", ring.maximum),
        ),
        Ok(ring) => Finding::ok(
            "ring",
            format!("{interface}: the ring has {} places", ring.now),
        ),
        Err(_) => Finding::ok("ring", format!("{interface}: has no ring of its own")),
    }
}

fn losses(interface: &str, number: &dyn Fn(&str) -> Option<u64>) -> Finding {
    let count = |name: &str| number(&format!("statistics/{name}")).unwrap_or(0);
    let (frames, lost) = (count("rx_packets"), LOST.map(count).iter().sum::<u64>());
    let text = format!("{interface}: {lost} of {frames} frames were lost since it came up");
    match lost > frames / LOST_SHARE {
        true => Finding::warn(
            "losses",
            text,
            "a larger ring (ethtool -G), more --workers, or capture.processors away from those of \
             the interrupts",
        ),
        false => Finding::ok("losses", text),
    }
}
