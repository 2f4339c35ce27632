//! A `flow` record of EVE JSON, as Suricata writes one when a flow is over.
//!
//! Every field is one of Suricata's, with its type and meaning (docs.suricata.io, "EVE JSON
//! Format", "Event type: Flow").

use serde_json::json;
use sha2::{Digest, Sha256};

use super::eve::{number, proto};
use super::{Origin, dense};
use crate::dissect::Application;
use crate::flow::End;
use crate::sink::flow_event::{FlowEvent, TCP};
use crate::time::{NANOS_PER_SECOND, Timestamp};

pub(super) fn line(flow: &FlowEvent, origin: &Origin) -> String {
    let port = |port: u16| flow.has_ports.then_some(port);
    let (forward, reverse) = (&flow.forward, &flow.reverse);
    dense(json!({
        "timestamp": micros(flow.tick.end()),
        "flow_id": flow_id(flow),
        "event_type": "flow",
        "host": origin.host,
        "vlan": flow.vlan.map(|vlan| [vlan]),
        "src_ip": flow.src.address,
        "src_port": port(flow.src.port),
        "dest_ip": flow.dst.address,
        "dest_port": port(flow.dst.port),
        "proto": proto(flow.protocol),
        "app_proto": (flow.application != Application::Unknown).then(|| flow.application.name()),
        "community_id": flow.community_text(),
        "flow": {
            "pkts_toserver": forward.packets,
            "pkts_toclient": reverse.packets,
            "bytes_toserver": forward.wire_bytes,
            "bytes_toclient": reverse.wire_bytes,
            "start": micros(flow.first),
            "end": micros(flow.last),
            "age": flow.duration_nanos() / NANOS_PER_SECOND,
            "state": state(flow),
            "reason": reason(flow.end),
            "alerted": false,
        },
    }))
}

/// As Suricata writes times: microseconds, and the offset without a colon.
fn micros(moment: Timestamp) -> String {
    let text = moment.to_string();
    let whole = text.get(..MICROS_BYTES).unwrap_or(&text);
    format!("{whole}+0000")
}

/// `2026-03-02T08:00:00.000000`.
const MICROS_BYTES: usize = 26;

/// Records of one conversation have it in common, however many there are.
fn flow_id(flow: &FlowEvent) -> u64 {
    let mut hash = Sha256::new();
    for end in [flow.src, flow.dst] {
        hash.update(end.address.to_string());
        hash.update([0]);
        hash.update(end.port.to_be_bytes());
    }
    hash.update([flow.protocol]);
    hash.update(flow.vlan.unwrap_or(0).to_be_bytes());
    number(&hash.finalize())
}

const fn state(flow: &FlowEvent) -> &'static str {
    match flow.end {
        End::Fin | End::Rst => "closed",
        _ if flow.is_one_way() => "new",
        _ if flow.protocol == TCP && !flow.has_handshake && !flow.midstream => "new",
        _ => "established",
    }
}

/// Why the flow was told of. What goes on in another record was forced out, as far as a reader
/// of Suricata's knows.
const fn reason(end: End) -> &'static str {
    match end {
        End::Fin | End::Rst | End::Idle => "timeout",
        End::Active | End::Evicted => "forced",
        End::EndOfInput => "shutdown",
    }
}
