//! RFC 5424: the head of a message, and structured data.

use std::fmt::Write as _;

use super::{Format, Origin, PRODUCT};
use crate::alert::Severity;
use crate::ledger::Head;
use crate::sink::event::{AlertEvent, Event, Step};

/// `local0` (section 6.2.1).
const FACILITY: u8 = 16;

/// The enterprise number that RFC 5612 keeps for examples: this program has none of its own.
const SD_ID: &str = "borderflow@32473";

/// A whole message around the text of a format.
pub(super) fn frame(event: &Event, origin: &Origin, format: Format, text: &str) -> String {
    let (severity, time, message_id) = match event {
        Event::Alert(alert) => {
            let time = String::from(alert.time);
            (severity(alert), time, alert.event.name())
        }
        // Six digits of a second at most (section 6.2.3).
        Event::Head { head } => (6, head.time.tick().to_string(), "head"),
    };
    let priority = FACILITY * 8 + severity;
    let nil = if format == Format::Structured {
        ""
    } else {
        "- "
    };
    let host = &origin.host;
    format!("<{priority}>1 {time} {host} {PRODUCT} - {message_id} {nil}{text}")
}

/// Severities of section 6.2.1: critical, error, warning, notice and informational.
const fn severity(alert: &AlertEvent) -> u8 {
    match (alert.event, alert.severity) {
        (Step::Close | Step::Test, _) => 6,
        (_, Severity::Critical) => 2,
        (_, Severity::High) => 3,
        (_, Severity::Medium) => 4,
        (_, Severity::Low) => 5,
    }
}

/// Structured data and a sentence.
pub(super) fn message(event: &Event) -> String {
    match event {
        Event::Alert(alert) => of_alert(alert),
        Event::Head { head } => of_head(head),
    }
}

fn of_alert(alert: &AlertEvent) -> String {
    let mut data = format!("[{SD_ID}");
    let mut push = |name: &str, value: &str| {
        let _ = write!(data, " {name}=\"{}\"", escaped(value));
    };
    push("id", &alert.id);
    push("incident", &alert.incident);
    push("event", alert.event.name());
    push("severity", alert.severity.name());
    push("score", &alert.score.to_string());
    push("detector", alert.class());
    push("asset", &alert.asset);
    push("assetIp", &alert.asset_ip.to_string());
    push("jurisdiction", alert.jurisdiction.code());
    push("asn", &alert.asn.to_string());
    if let Some(organisation) = &alert.organisation {
        push("organisation", organisation);
    }
    if let Some(recipient) = &alert.recipient {
        push("recipient", recipient);
    }
    if let Some(campaign) = &alert.campaign {
        push("campaign", campaign);
    }
    push("windowStart", &String::from(alert.window_start));
    push("bytes", &alert.bytes.to_string());
    push("expectedBytes", &alert.expected_bytes.to_string());
    push("excessBytes", &alert.excess_bytes.to_string());
    push("verdict", &alert.verdict);
    if let Some(rule) = alert.policy.as_ref().and_then(|one| one.rule.as_ref()) {
        push("rule", rule);
    }
    if let Some(flow) = alert.flows.first() {
        push("src", &flow.src.to_string());
        push("srcPort", &flow.src_port.to_string());
        push("dst", &flow.dst.to_string());
        push("dstPort", &flow.dst_port.to_string());
        push("proto", &flow.proto.to_string());
    }
    let text = &*alert.explanation;
    // The mark of UTF-8 stands before a text that is in it (section 6.4). ASCII needs none, and
    // not all who read messages know it.
    let mark = if text.is_ascii() { "" } else { "\u{feff}" };
    format!("{data}] {mark}{text}")
}

/// The text is the line of the head, from which a file of heads can be made.
fn of_head(head: &Head) -> String {
    format!(
        "[{SD_ID} size=\"{}\" root=\"{}\" key=\"{}\"] {}",
        head.size,
        head.root,
        head.key,
        head.line()
    )
}

/// The value of a parameter (section 6.3.3).
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
