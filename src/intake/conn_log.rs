//! Zeek's conn.log, with tabs or as JSON.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::dissect::Protection;
use crate::geo::{Geo, Side};
use crate::inventory::Vlan;
use crate::time::Timestamp;
use crate::transfer::{Conversation, Service, Transfer};

use super::{Made, time};

/// In which column is what, as `#fields` tells.
#[derive(Debug, Default)]
pub(super) struct Fields {
    columns: BTreeMap<&'static str, usize>,
    count: usize,
}

impl Fields {
    /// Takes a line that begins with `#`.
    pub(super) fn header(&mut self, text: &str) -> Result<(), String> {
        if let Some(separator) = text.strip_prefix("#separator ")
            && separator.trim() != "\\x09"
        {
            return Err("the separator is no tab: write the log with tabs or as JSON".to_owned());
        }
        if let Some(names) = text.strip_prefix("#fields\t") {
            let names: Vec<_> = names.split('\t').collect();
            let at = |name: &&str| names.iter().position(|one| one == name);
            let found = NAMES.iter().filter_map(|name| Some((*name, at(name)?)));
            (self.columns, self.count) = (found.collect(), names.len());
        }
        Ok(())
    }
}

pub(super) fn conn_log_line(fields: &Fields, text: &str, geo: &Geo) -> Result<Made, String> {
    if fields.count == 0 {
        return Err("no #fields line before it: the head of the log is missing".to_owned());
    }
    let cells: Vec<_> = text.split('\t').collect();
    if cells.len() != fields.count {
        let (has, need) = (cells.len(), fields.count);
        return Err(format!("{has} columns where #fields has {need}"));
    }
    let cell = |name: &str| {
        let text = cells.get(*fields.columns.get(name)?)?;
        (*text != "-").then(|| (*text).to_owned())
    };
    connection(cell, geo)
}

pub(super) fn conn_log_json(text: &str, geo: &Geo) -> Result<Made, String> {
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))?;
    let field = |name: &str| match object.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    connection(field, geo)
}

/// What the side at home sent abroad.
fn connection(field: impl Fn(&str) -> Option<String>, geo: &Geo) -> Result<Made, String> {
    let need = |name: &str| field(name).ok_or_else(|| format!("no `{name}`: is it a conn.log?"));
    let address = |name: &str| -> Result<IpAddr, String> {
        let text = need(name)?;
        let parsed = text.parse();
        parsed.map_err(|_| format!("{name} `{text}` is no IP address"))
    };
    let port = |name: &str| -> Result<u16, String> {
        let text = need(name)?;
        text.parse()
            .map_err(|_| format!("{name} `{text}` is no port"))
    };
    let ends = [address("id.orig_h")?, address("id.resp_h")?];
    let ports = [port("id.orig_p")?, port("id.resp_p")?];
    let begin = time(&need("ts")?)?;
    let duration = duration_nanos(field("duration"))?;
    let end = begin.as_nanos().saturating_add(duration);
    let protocol = protocol(&need("proto")?, ends[0]);
    let places = ends.map(|end| geo.place(end));
    let (own, other, bytes) = match places.map(|place| place.side) {
        [Side::Home, Side::Foreign] => (0, 1, "orig_bytes"),
        [Side::Foreign, Side::Home] => (1, 0, "resp_bytes"),
        _ => return Ok(Made::default()),
    };
    let Some(bytes) = field(bytes) else {
        return Ok(Made {
            is_unknown: true,
            ..Made::default()
        });
    };
    let bytes = bytes
        .parse()
        .map_err(|_| format!("`{bytes}` is no number of bytes"))?;
    let vlan = field("vlan").and_then(|text| text.parse().ok());
    let vlan = Vlan::of_tag(vlan);
    let place = places[other];
    let transfer = Transfer {
        tick: Timestamp::from_nanos(end).tick(),
        country: place.country,
        asn: place.asn,
        service: Service::of(protocol, ports[1], ports[0]),
        asset_ip: ends[own],
        vlan,
        conversation: Some(Conversation {
            asset_port: ports[own],
            peer: ends[other],
            peer_port: ports[other],
            protocol,
        }),
        served: own == 1,
        bytes,
        confidence: place.confidence,
        protection: Protection::Unseen,
        ended: true,
        round_trip_nanos: None,
        measure: crate::transfer::Measure::RECORDS,
    };
    Ok(Made {
        transfer: (bytes > 0).then_some(transfer),
        is_unknown: false,
        duration_ms: duration / 1_000_000,
    })
}

/// Nothing is said of the duration of a single packet.
fn duration_nanos(text: Option<String>) -> Result<u64, String> {
    let Some(text) = text else { return Ok(0) };
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.0..DURATION_SECONDS_MAX).contains(seconds));
    let seconds: f64 = seconds.ok_or_else(|| format!("`{text}` is no duration in seconds"))?;
    Ok((seconds * 1e9) as u64)
}

/// The IANA number of what Zeek calls a protocol; 0 if it does not say.
fn protocol(name: &str, end: IpAddr) -> u8 {
    match name {
        "tcp" => 6,
        "udp" => 17,
        "icmp" if end.is_ipv6() => 58,
        "icmp" => 1,
        _ => 0,
    }
}

const NAMES: [&str; 10] = [
    "ts",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "duration",
    "orig_bytes",
    "resp_bytes",
    // With Zeek's script `protocols/conn/vlan-logging`.
    "vlan",
];

/// A year: no connection lasts longer.
const DURATION_SECONDS_MAX: f64 = 31_536_000.0;
