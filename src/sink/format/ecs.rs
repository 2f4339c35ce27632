//! Elastic Common Schema 8.11. What it has no field for is below `borderflow`.

use serde_json::{Value, json};

use super::{Origin, PRODUCT, VERSION, dense, transport};
use crate::ledger::Head;
use crate::sink::event::{AlertEvent, Event, Step};

/// The version of the schema.
const ECS_VERSION: &str = "8.11.0";

pub(super) fn line(event: &Event, origin: &Origin) -> String {
    match event {
        Event::Alert(alert) => of_alert(alert, origin),
        Event::Head { head } => of_head(event, head, origin),
    }
}

fn of_alert(alert: &AlertEvent, origin: &Origin) -> String {
    let flow = alert.flows.first();
    dense(json!({
        "@timestamp": alert.time,
        "ecs": { "version": ECS_VERSION },
        "message": alert.explanation,
        "event": {
            "kind": if alert.event == Step::Test { "event" } else { "alert" },
            "category": ["network"],
            "type": ["info"],
            "module": PRODUCT,
            "provider": PRODUCT,
            "dataset": "borderflow.alerts",
            "action": format!("incident-{}", alert.event.name()),
            "id": alert.id,
            "severity": severity(alert),
            "risk_score": alert.score,
            "start": alert.window_start,
            // Nanoseconds, as the schema wants it.
            "duration": alert.window_seconds.saturating_mul(1_000_000_000),
        },
        "rule": {
            "name": alert.title(),
            "category": alert.class(),
            "reference": alert.policy.as_ref().and_then(|policy| policy.cite.as_deref()),
        },
        "source": {
            "address": alert.asset,
            "ip": flow.map_or(alert.asset_ip, |flow| flow.src),
            "port": flow.map(|flow| flow.src_port),
            "bytes": alert.bytes,
        },
        "destination": {
            "ip": flow.map(|flow| flow.dst),
            "port": flow.map(|flow| flow.dst_port),
            "domain": flow.and_then(|flow| flow.name.as_deref()),
            "registered_domain": alert.recipient,
            "geo": { "country_iso_code": alert.jurisdiction },
            "as": (alert.asn != 0).then(|| json!({
                "number": alert.asn,
                "organization": { "name": alert.organisation },
            })),
        },
        "network": {
            "direction": "outbound",
            "transport": flow.and_then(|flow| transport(flow.proto)),
            "iana_number": flow.map(|flow| flow.proto.to_string()),
            "protocol": flow.and_then(|flow| flow.app.as_deref()),
        },
        "observer": observer(origin),
        "borderflow": alert,
    }))
}

fn of_head(event: &Event, head: &Head, origin: &Origin) -> String {
    dense(json!({
        "@timestamp": head.time.to_string(),
        "ecs": { "version": ECS_VERSION },
        "message": head.line(),
        "event": {
            "kind": "state",
            "category": ["configuration"],
            "type": ["info"],
            "module": PRODUCT,
            "provider": PRODUCT,
            "dataset": "borderflow.heads",
            "action": "ledger-head",
            "id": event.id(),
        },
        "observer": observer(origin),
    }))
}

fn observer(origin: &Origin) -> Value {
    json!({
        "hostname": origin.host,
        "product": PRODUCT,
        "vendor": PRODUCT,
        "type": "sensor",
        "version": VERSION,
    })
}

/// A number that grows with the severity.
const fn severity(alert: &AlertEvent) -> u8 {
    match alert.severity {
        crate::alert::Severity::Low => 25,
        crate::alert::Severity::Medium => 50,
        crate::alert::Severity::High => 75,
        crate::alert::Severity::Critical => 100,
    }
}
