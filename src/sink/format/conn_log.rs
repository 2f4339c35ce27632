//! Zeek's conn.log, in columns between tabs as its ASCII writer has them.
//!
//! What a column means is Zeek's (docs.zeek.org, "conn.log"); what the sensor does not know is
//! not set. The column of the Community ID is that of Zeek's own script for it.

use sha2::{Digest, Sha256};

use super::zeek::{UNSET, head, proto, written};
use crate::dissect::Application;
use crate::flow::End;
use crate::sink::event::Moment;
use crate::sink::flow_event::{FlowEvent, TCP};

/// Columns of conn.log and their types, in its order.
const COLUMNS: [(&str, &str); 22] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"),
    ("local_resp", "bool"),
    ("missed_bytes", "count"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"),
    ("community_id", "string"),
];

/// What a file begins with.
pub(super) fn header(opened: Moment) -> String {
    head("conn", &COLUMNS, opened)
}

pub(super) fn columns(flow: &FlowEvent) -> String {
    let (orig, resp) = (&flow.forward, &flow.reverse);
    let missed = orig.missing_bytes.saturating_add(resp.missing_bytes);
    let fields: [Option<String>; 22] = [
        Some(seconds(flow.first.as_nanos())),
        Some(uid(flow)),
        Some(flow.src.address.to_string()),
        Some(flow.src.port.to_string()),
        Some(flow.dst.address.to_string()),
        Some(flow.dst.port.to_string()),
        Some(proto(flow.protocol).to_owned()),
        service(flow.application).map(str::to_owned),
        Some(seconds(flow.duration_nanos())),
        // By sequence numbers in TCP, so with what was not seen.
        Some(
            orig.unique_bytes
                .saturating_add(orig.missing_bytes)
                .to_string(),
        ),
        Some(
            resp.unique_bytes
                .saturating_add(resp.missing_bytes)
                .to_string(),
        ),
        state(flow).map(str::to_owned),
        None,
        None,
        Some(missed.to_string()),
        history(flow),
        Some(orig.packets.to_string()),
        Some(orig.ip_bytes.to_string()),
        Some(resp.packets.to_string()),
        Some(resp.ip_bytes.to_string()),
        None,
        flow.community_text().map(str::to_owned),
    ];
    let fields = fields.map(|field| field.map_or_else(|| UNSET.to_owned(), |text| written(&text)));
    fields.join("\t")
}

/// A time or a span with six digits, as Zeek writes both.
fn seconds(nanos: u64) -> String {
    let micros = nanos / 1_000;
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// A name of the record: `C`, and 17 letters that follow from when it began and between whom.
/// Addresses that are hidden go into it as they are told.
fn uid(flow: &FlowEvent) -> String {
    let mut hash = Sha256::new();
    hash.update(flow.first.as_nanos().to_be_bytes());
    for end in [flow.src, flow.dst] {
        hash.update(end.address.to_string());
        hash.update([0]);
        hash.update(end.port.to_be_bytes());
    }
    hash.update([flow.protocol]);
    hash.update(flow.vlan.unwrap_or(0).to_be_bytes());
    let hash = hash.finalize();
    let letters = hash.iter().take(UID_LETTERS);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len());
    let letters = letters.filter_map(letter).map(|letter| char::from(*letter));
    std::iter::once('C').chain(letters).collect()
}

const UID_LETTERS: usize = 17;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What Zeek calls an application, of those that it knows.
const fn service(application: Application) -> Option<&'static str> {
    match application {
        Application::Unknown => None,
        Application::Tls => Some("ssl"),
        application => Some(application.name()),
    }
}

/// How the connection went, where the sensor knows it. Who sent a reset it does not always know.
fn state(flow: &FlowEvent) -> Option<&'static str> {
    let is_one_way = flow.is_one_way();
    if flow.protocol != TCP {
        // Of other protocols Zeek tells whether there was an answer.
        return Some(if is_one_way { "S0" } else { "SF" });
    }
    if flow.midstream {
        return Some("OTH");
    }
    match flow.end {
        End::Fin => Some("SF"),
        End::Rst if is_one_way => Some("RSTOS0"),
        End::Rst if is_refused(flow) => Some("REJ"),
        End::Rst => None,
        End::Idle | End::Active | End::Evicted | End::EndOfInput => {
            Some(if is_one_way { "S0" } else { "S1" })
        }
    }
}

/// Whether each attempt to open got a reset: as many packets one way as the other, and nothing in
/// them.
const fn is_refused(flow: &FlowEvent) -> bool {
    let payload = flow.forward.payload_bytes + flow.reverse.payload_bytes;
    !flow.has_handshake && payload == 0 && flow.forward.packets == flow.reverse.packets
}

/// Letters of what is known to have happened, each once: `S` and `h` the opening, `A` that it was
/// acknowledged, `D` data, `G` a gap, `F` the end, in capitals of the initiator.
fn history(flow: &FlowEvent) -> Option<String> {
    let is_tcp = flow.protocol == TCP;
    let is_closed = is_tcp && flow.end == End::Fin;
    let letters = [
        (is_tcp && !flow.midstream, 'S'),
        (flow.has_handshake, 'h'),
        (flow.has_handshake, 'A'),
        (flow.forward.payload_bytes > 0, 'D'),
        (flow.reverse.payload_bytes > 0, 'd'),
        (flow.forward.missing_bytes > 0, 'G'),
        (flow.reverse.missing_bytes > 0, 'g'),
        (is_closed, 'F'),
        (is_closed, 'f'),
    ];
    let known = letters.into_iter().filter(|(is_known, _)| *is_known);
    let text: String = known.map(|(_, letter)| letter).collect();
    (!text.is_empty()).then_some(text)
}
