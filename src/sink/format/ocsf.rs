//! Detection Finding (class 2004) of the Open Cybersecurity Schema Framework, version 1.3.

use serde_json::{Value, json};

use super::{Origin, PRODUCT, VERSION, dense, transport};
use crate::alert::Severity;
use crate::sink::event::{AlertEvent, FlowPart, Step};

/// The version of the schema.
pub(super) const OCSF_VERSION: &str = "1.3.0";

/// Findings.
const CATEGORY: u32 = 2;

/// Detection Finding.
const CLASS: u32 = 2_004;

/// Outbound, in `connection_info.direction_id`.
const OUTBOUND: u8 = 2;

/// Learned from what is normal, in `analytic.type_id`.
const BEHAVIORAL: u8 = 2;

pub(super) fn line(alert: &AlertEvent, origin: &Origin) -> String {
    let (activity, activity_name, status) = match alert.event {
        Step::Open => (1, "Create", Some(1)),
        Step::Update => (2, "Update", Some(2)),
        Step::Close => (3, "Close", Some(4)),
        Step::Test => (99, "test", None),
    };
    let (severity_id, severity) = match alert.severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    let evidences: Vec<_> = alert
        .flows
        .iter()
        .map(|flow| evidence(alert, flow))
        .collect();
    dense(json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "time": alert.time.milliseconds(),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status,
        "message": alert.explanation,
        "risk_score": alert.score,
        "start_time": alert.window_start.milliseconds(),
        "metadata": {
            "version": OCSF_VERSION,
            "uid": alert.id,
            "log_provider": origin.host,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
        },
        "finding_info": {
            "uid": alert.incident,
            "title": alert.title(),
            "desc": alert.explanation,
            "types": alert.detectors.iter().map(|one| one.name.name()).collect::<Vec<_>>(),
            "first_seen_time": alert.window_start.milliseconds(),
            "last_seen_time": alert.time.milliseconds(),
            "analytic": { "name": alert.class(), "type_id": BEHAVIORAL, "type": "Behavioral" },
        },
        "evidences": (!evidences.is_empty()).then_some(evidences),
        "unmapped": { "borderflow": alert },
    }))
}

fn evidence(alert: &AlertEvent, flow: &FlowPart) -> Value {
    json!({
        "src_endpoint": { "ip": flow.src, "port": flow.src_port, "name": alert.asset },
        "dst_endpoint": {
            "ip": flow.dst,
            "port": flow.dst_port,
            "hostname": flow.name,
            "location": { "country": alert.jurisdiction },
            "autonomous_system": (alert.asn != 0).then(|| json!({
                "number": alert.asn,
                "name": alert.organisation,
            })),
        },
        "connection_info": {
            "direction_id": OUTBOUND,
            "direction": "Outbound",
            "protocol_num": flow.proto,
            "protocol_name": transport(flow.proto),
        },
    })
}
