//! EVE JSON: an alert as Suricata writes one, so that what reads Suricata's reads ours.
//!
//! Every field outside of `borderflow` is one of Suricata's, with its type and meaning
//! (docs.suricata.io, "EVE JSON Format"). What has no place there is below `borderflow`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Origin, dense, transport};
use crate::alert::Severity;
use crate::detect::Detector;
use crate::sink::event::AlertEvent;

/// Numbers of signatures from here on are ours.
const SIGNATURES: u32 = 9_470_000;

/// The generator of signatures: 1 is that of rules.
const GENERATOR: u32 = 1;

pub(super) fn line(alert: &AlertEvent, origin: &Origin) -> String {
    let flow = alert.flows.first();
    dense(json!({
        "timestamp": timestamp(alert),
        "flow_id": flow_id(&alert.incident),
        "event_type": "alert",
        "host": origin.host,
        "src_ip": flow.map_or(alert.asset_ip, |flow| flow.src),
        "src_port": flow.map(|flow| flow.src_port),
        "dest_ip": flow.map(|flow| flow.dst),
        "dest_port": flow.map(|flow| flow.dst_port),
        "proto": flow.map(|flow| proto(flow.proto)),
        "app_proto": flow.and_then(|flow| flow.app.as_deref()),
        "alert": {
            "action": "allowed",
            "gid": GENERATOR,
            "signature_id": signature_id(alert),
            "rev": 1,
            "signature": format!("borderflow: {}", alert.title()),
            "category": "Anomalous cross-border data flow",
            "severity": severity(alert.severity),
            "metadata": {
                "signature_severity": [alert.severity.name()],
                "tag": alert.detectors.iter().map(|one| one.name.name()).collect::<Vec<_>>(),
            },
        },
        "borderflow": alert,
    }))
}

/// As Suricata writes times: microseconds, and the offset without a colon.
fn timestamp(alert: &AlertEvent) -> String {
    let time = String::from(alert.time);
    format!("{}.000000+0000", time.trim_end_matches('Z'))
}

/// A number that lines of an incident share. Readers in JavaScript take 53 bits of it.
fn flow_id(incident: &str) -> u64 {
    number(&Sha256::digest(incident.as_bytes()))
}

/// The first 53 bits of a hash.
pub(super) fn number(hash: &[u8]) -> u64 {
    let bytes = hash.iter().take(8);
    let number = bytes.fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    number >> 11
}

/// Suricata's priorities: 1 is the gravest.
const fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 1,
        Severity::High => 2,
        Severity::Medium => 3,
        Severity::Low => 4,
    }
}

pub(super) fn proto(number: u8) -> Value {
    let name = match transport(number) {
        Some("ipv6-icmp") => "IPv6-ICMP".to_owned(),
        Some(name) => name.to_uppercase(),
        None => format!("{number:03}"),
    };
    Value::String(name)
}

/// Stays with a detector for good, whatever others come.
fn signature_id(alert: &AlertEvent) -> u32 {
    let number = alert.lead().map_or(0, |lead| match lead.name {
        Detector::AssetVolume => 1,
        Detector::CountryVolume => 2,
        Detector::DestinationVolume => 3,
        Detector::ServiceVolume => 4,
        Detector::Tunnel => 5,
        Detector::NetworkVolume => 6,
        Detector::NewCountry => 7,
        Detector::NewNetwork => 8,
        Detector::NewRecipient => 9,
        Detector::Slow => 10,
        Detector::OddHour => 11,
        Detector::Growth => 12,
        Detector::Ceiling => 13,
        Detector::Unprotected => 14,
        Detector::Names => 15,
        Detector::Echoes => 16,
        Detector::Policy => 17,
        Detector::Splitting => 18,
        Detector::NewService => 19,
    });
    SIGNATURES + number
}
