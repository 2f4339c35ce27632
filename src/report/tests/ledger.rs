//! A small ledger, whose numbers the tests know.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::report::{Gatherer, Head, Kind, Language, Report, Request};
use crate::time::{Tick, Timestamp};

/// Entries of a ledger: time, kind and body; the index is the place.
pub(super) type Entries = Vec<(&'static str, &'static str, Value)>;

pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn request(kind: Kind, language: Language) -> Request {
    Request {
        kind,
        from: date("2026-03-16"),
        to: date("2026-03-17"),
        entity: None,
        incident: None,
        language,
        now: "2026-03-20T00:00:00Z".parse().unwrap(),
    }
}

pub(super) fn timestamp(text: &str) -> Timestamp {
    text.parse::<Tick>().unwrap().start()
}

pub(super) fn head(size: u64) -> Head {
    Head {
        size,
        root_hex: "ab".repeat(32),
        time: "2026-03-18T00:00:00Z".to_owned(),
        public_key: "cd".repeat(32),
    }
}

pub(super) fn report_of(entries: &Entries, request: Request) -> Report {
    let mut gatherer = Gatherer::new(request);
    for (index, (time, kind, body)) in entries.iter().enumerate() {
        gatherer.take(index as u64, timestamp(time), kind, body);
    }
    gatherer.finish(Some(head(entries.len() as u64)))
}

pub(super) fn report(kind: Kind, language: Language) -> Report {
    report_of(&entries(), request(kind, language))
}

/// Two days of two entities.
pub(super) fn entries() -> Entries {
    let mut entries = beginning();
    for (time, day, scale) in [
        ("2026-03-16T15:59:59Z", "2026-03-16", 1),
        ("2026-03-17T15:59:59Z", "2026-03-17", 2),
    ] {
        entries.push((time, "totals", totals(day, scale)));
        entries.push((time, "sensor", sensor(day)));
    }
    entries.push(("2026-03-16T04:00:00Z", "alert", alert("open", 500)));
    entries.push(("2026-03-16T06:00:00Z", "alert", alert("update", 900)));
    entries.push(("2026-03-17T15:59:59Z", "meter", meter()));
    entries.push(("2026-03-17T15:59:59Z", "verdict", verdict()));
    entries.push((
        "2026-03-17T16:00:00Z",
        "note",
        json!({"text": "the day after"}),
    ));
    entries
}

fn beginning() -> Entries {
    let start = json!({
        "version": "0.1.0", "inputs": ["capture.pcap"], "config_sha256": "00",
        "networks": ["10.0.0.0/8"], "jurisdictions": ["CN"], "time_zone": "Asia/Shanghai",
    });
    let pack = json!({
        "id": "cn-base", "version": "2026.11", "status": "draft",
        "title": {"en": "China", "zh": "中国"}, "sha256": "11",
    });
    let database = json!({
        "database": "country", "name": "dbip-country.mmdb", "built": "2026-01-01T00:00:00Z",
        "sha256": "22",
    });
    let time = "2026-03-01T00:00:00Z";
    vec![
        (time, "start", start),
        (time, "pack", pack),
        (time, "database", database),
        (time, "register", register()),
    ]
}

fn register() -> Value {
    json!({"assets": 2, "approvals": 2, "sha256": "33", "approvals_listed": [
        {
            "id": "sa-1", "regime": "cn", "route": "assessment", "filing_number": "F-1",
            "organisation": "Hospital", "assets": ["pacs"],
            "recipients": [{"name": "Mediscan", "domain": "mediscan.sg", "country": "SG"}],
            "categories": ["health"], "maximum_bytes": 2_500, "valid_from": "2026-01-01",
            "valid_to": "2026-04-01", "required_protection": "strong",
        },
        {
            "id": "neg-1", "regime": "cn", "route": "negative_list", "organisation": "Motors",
            "recipients": [{"asn": 64500}], "categories": ["vehicle"], "period": "year",
            "maximum_bytes": 10_000, "valid_from": "2026-01-01", "valid_to": "2028-12-31",
        },
    ]})
}

fn totals(day: &str, scale: u64) -> Value {
    let row = |entity: &str, asset: &str, country: &str, recipient: Value, bytes: u64| {
        json!({
            "entity": entity, "asset": asset, "jurisdiction": country, "recipient": recipient,
            "asn": 64500, "bytes": bytes * scale, "transfers": scale,
            "protected": {"strong": 600 * scale, "clear": (bytes - 600) * scale},
            "confidence": {"plausible": bytes * scale}, "categories": ["health"],
            "grade": "important", "verdicts": {"cn-base": "unapproved"},
            "first": format!("{day}T01:00:00Z"), "last": format!("{day}T02:00:00Z"),
        })
    };
    json!({"day": day, "time_zone": "Asia/Shanghai", "part": 1, "parts": 1, "rows": [
        row("Hospital", "pacs", "SG", json!("mediscan.sg"), 1_000),
        row("Motors", "gateway", "RU", Value::Null, 700),
    ]})
}

fn sensor(day: &str) -> Value {
    json!({
        "day": day, "frames_read": 990, "packets": 980, "wire_bytes": 99_000,
        "dropped": {"not_ip": 10}, "kernel_dropped": 10, "interface_dropped": 0, "gaps": 0,
        "late": 0, "clock_jumps": 0, "evictions": {}, "missing_bytes": 5,
        "hours_with_traffic": 24,
    })
}

pub(super) fn alert(event: &str, bytes: u64) -> Value {
    json!({
        "event": event, "incident": "i-1", "asset": "pacs", "asset_ip": "10.0.0.1",
        "jurisdiction": "SG", "asn": 64500, "organisation": "Example", "recipient": "mediscan.sg",
        "score": 90, "severity": "high", "detectors": [{"name": "slow"}],
        "window_start": "2026-03-16T03:00:00Z", "bytes": bytes, "expected_bytes": 100,
        "excess_bytes": bytes - 100, "geo_confidence": "plausible", "feedback": null,
        "explanation": "pacs sent much", "explanation_zh": "pacs 发送过多", "flows": [{
            "src": "10.0.0.1", "src_port": 5, "dst": "2001:db8::1", "dst_port": 443, "bytes": 9,
            "protection": "strong",
        }],
    })
}

fn meter() -> Value {
    json!({
        "day": "2026-03-17", "entity": "Hospital", "category": "health",
        "window": "calendar_year", "pack": "cn-base", "subjects": 40, "is_exact": true,
        "bytes": 3_000, "records": 90, "unseen_share": 0.93,
    })
}

fn verdict() -> Value {
    json!({
        "asset": "pacs", "organisation": "Hospital", "jurisdiction": "SG",
        "recipient": "mediscan.sg", "pack": "cn-base", "verdict": "unapproved",
        "rule": "cn.x", "cite": "art. 1", "severity": "critical", "routes": ["assessment"],
        "approvals": [], "bytes": 1_000, "rung": "E3", "missing": ["E4"],
        "sentence": {"en": "No approval.", "zh": "无批准。"},
    })
}
