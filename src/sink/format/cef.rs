//! Common Event Format, version 0.

use std::fmt::Write as _;

use super::{PRODUCT, VERSION, transport};
use crate::alert::Severity;
use crate::sink::event::{AlertEvent, Step};

pub(super) fn line(alert: &AlertEvent) -> String {
    let severity = match (alert.event, alert.severity) {
        (Step::Test, _) => 0,
        (_, Severity::Low) => 3,
        (_, Severity::Medium) => 5,
        (_, Severity::High) => 8,
        (_, Severity::Critical) => 10,
    };
    let head = [PRODUCT, PRODUCT, VERSION, alert.class(), alert.title()].map(in_head);
    let mut line = format!("CEF:0|{}|{severity}|", head.join("|"));
    let mut push = |key: &str, value: &str| {
        let gap = if line.ends_with('|') { "" } else { " " };
        let _ = write!(line, "{gap}{key}={}", in_extension(value));
    };
    let mut labelled = |number: u8, label: &str, value: &str| {
        push(&format!("cs{number}Label"), label);
        push(&format!("cs{number}"), value);
    };
    labelled(1, "incident", &alert.incident);
    labelled(2, "jurisdiction", alert.jurisdiction.code());
    labelled(3, "asset", &alert.asset);
    labelled(4, "verdict", &alert.verdict);
    if let Some(organisation) = &alert.organisation {
        labelled(5, "organisation", organisation);
    }
    if let Some(campaign) = &alert.campaign {
        labelled(6, "campaign", campaign);
    }
    push("rt", &alert.time.milliseconds().to_string());
    push("start", &alert.window_start.milliseconds().to_string());
    push("act", alert.event.name());
    push("externalId", &alert.id);
    push("out", &alert.bytes.to_string());
    push("cn1Label", "excessBytes");
    push("cn1", &alert.excess_bytes.to_string());
    push("cn2Label", "score");
    push("cn2", &alert.score.to_string());
    push("cn3Label", "asn");
    push("cn3", &alert.asn.to_string());
    push("deviceDirection", "1");
    match alert.flows.first() {
        Some(flow) => {
            push("src", &flow.src.to_string());
            push("spt", &flow.src_port.to_string());
            push("dst", &flow.dst.to_string());
            push("dpt", &flow.dst_port.to_string());
            let number = flow.proto.to_string();
            push(
                "proto",
                &transport(flow.proto).map_or(number, str::to_uppercase),
            );
            if let Some(app) = &flow.app {
                push("app", app);
            }
            if let Some(name) = &flow.name {
                push("dhost", name);
            }
        }
        None => push("src", &alert.asset_ip.to_string()),
    }
    push("msg", &alert.explanation);
    line
}

fn in_head(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

fn in_extension(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('=', "\\=");
    text.replace('\r', "\\r").replace('\n', "\\n")
}
