//! Zeek's notice.log, in columns between tabs as its ASCII writer has them, and in JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::{Origin, dense, transport};
use crate::sink::event::{AlertEvent, FlowPart, Moment, Step};

/// Columns of notice.log and their types, in its order.
const COLUMNS: [(&str, &str); 26] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("fuid", "string"),
    ("file_mime_type", "string"),
    ("file_desc", "string"),
    ("proto", "enum"),
    ("note", "enum"),
    ("msg", "string"),
    ("sub", "string"),
    ("src", "addr"),
    ("dst", "addr"),
    ("p", "port"),
    ("n", "count"),
    ("peer_descr", "string"),
    ("actions", "set[enum]"),
    ("email_dest", "set[string]"),
    ("suppress_for", "interval"),
    ("remote_location.country_code", "string"),
    ("remote_location.region", "string"),
    ("remote_location.city", "string"),
    ("remote_location.latitude", "double"),
    ("remote_location.longitude", "double"),
];

/// What stands for a field that is not set, and for an empty one.
pub(super) const UNSET: &str = "-";
const EMPTY: &str = "(empty)";

/// What a file begins with.
pub fn header(opened: Moment) -> String {
    head("notice", &COLUMNS, opened)
}

/// The head of a log with these columns.
pub(super) fn head(path: &str, columns: &[(&str, &str)], opened: Moment) -> String {
    let names = columns.iter().flat_map(|(name, _)| ["\t", name]);
    let names: String = names.collect();
    let types = columns.iter().flat_map(|(_, kind)| ["\t", kind]);
    let types: String = types.collect();
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t{EMPTY}\n#unset_field\t{UNSET}\n\
         #path\t{path}\n#open\t{}\n#fields{names}\n#types{types}\n",
        dashed(opened)
    )
}

/// What a file ends with that is complete.
pub fn closed(at: Moment) -> String {
    format!("#close\t{}\n", dashed(at))
}

/// A time as Zeek writes it in heads: `2026-03-02-08-00-00`.
fn dashed(moment: Moment) -> String {
    let text = String::from(moment);
    text.trim_end_matches('Z').replace(['T', ':'], "-")
}

pub(super) fn columns(alert: &AlertEvent, origin: &Origin) -> String {
    let flow = alert.flows.first();
    let of_flow = |of: &dyn Fn(&FlowPart) -> String| flow.map(of);
    let fields = [
        Some(format!("{}.000000", alert.time.seconds())),
        None,
        of_flow(&|flow| flow.src.to_string()),
        of_flow(&|flow| flow.src_port.to_string()),
        of_flow(&|flow| flow.dst.to_string()),
        of_flow(&|flow| flow.dst_port.to_string()),
        None,
        None,
        None,
        of_flow(&|flow| proto(flow.proto).to_owned()),
        Some(note(alert)),
        Some(message(alert)),
        Some(alert.id.to_string()),
        Some(alert.asset_ip.to_string()),
        of_flow(&|flow| flow.dst.to_string()),
        of_flow(&|flow| flow.dst_port.to_string()),
        Some(alert.bytes.to_string()),
        Some(origin.host.clone()),
        Some(ACTION.to_owned()),
        Some(String::new()),
        Some(SUPPRESS_SECONDS.to_owned()),
        Some(alert.jurisdiction.to_string()),
        None,
        None,
        None,
        None,
    ];
    let fields = fields.map(|field| field.map_or_else(|| UNSET.to_owned(), |text| written(&text)));
    fields.join("\t")
}

pub(super) fn json(alert: &AlertEvent, origin: &Origin) -> String {
    let flow = alert.flows.first();
    dense(json!({
        "ts": alert.time.seconds() as f64,
        "id.orig_h": flow.map(|flow| flow.src),
        "id.orig_p": flow.map(|flow| flow.src_port),
        "id.resp_h": flow.map(|flow| flow.dst),
        "id.resp_p": flow.map(|flow| flow.dst_port),
        "proto": flow.map(|flow| proto(flow.proto)),
        "note": note(alert),
        "msg": message(alert),
        "sub": alert.id,
        "src": alert.asset_ip,
        "dst": flow.map(|flow| flow.dst),
        "p": flow.map(|flow| flow.dst_port),
        "n": alert.bytes,
        "peer_descr": origin.host,
        "actions": [ACTION],
        "email_dest": [],
        "suppress_for": 0.0,
        "remote_location.country_code": alert.jurisdiction,
    }))
}

const ACTION: &str = "Notice::ACTION_LOG";
const SUPPRESS_SECONDS: &str = "0.000000";

/// The type of a notice, of which there are four.
fn note(alert: &AlertEvent) -> String {
    let kind = match alert.event {
        Step::Open => "Incident_Opened",
        Step::Update => "Incident_Grew",
        Step::Close => "Incident_Closed",
        Step::Test => "Test",
    };
    format!("Borderflow::{kind}")
}

fn message(alert: &AlertEvent) -> String {
    let severity = alert.severity.name();
    let explanation = &*alert.explanation;
    format!("{severity}: {}: {explanation}", alert.title())
}

pub(super) fn proto(number: u8) -> &'static str {
    match transport(number) {
        Some("ipv6-icmp") => "icmp",
        Some(name @ ("tcp" | "udp" | "icmp")) => name,
        _ => "unknown_transport",
    }
}

/// A field as the ASCII writer escapes it: controls, backslashes, and what would be taken for
/// a field that is empty or not set. In a set a comma would part elements; no element has one.
pub(super) fn written(text: &str) -> String {
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    let mut written = String::with_capacity(text.len());
    let is_reserved = text == UNSET || text == EMPTY;
    for (place, letter) in text.chars().enumerate() {
        if letter == '\\' {
            written.push_str("\\\\");
        } else if letter.is_ascii_control() || (is_reserved && place == 0) {
            let _ = write!(written, "\\x{:02x}", u32::from(letter));
        } else {
            written.push(letter);
        }
    }
    written
}
