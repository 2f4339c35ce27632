//! Network Activity (class 4001) of the Open Cybersecurity Schema Framework, version 1.3.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::ocsf::OCSF_VERSION;
use super::{Origin, PRODUCT, VERSION, dense, transport};
use crate::dissect::Application;
use crate::flow::Endpoint;
use crate::geo::Country;
use crate::sink::flow_event::FlowEvent;
use crate::time::Timestamp;

/// Network activity.
const CATEGORY: u32 = 4;

/// Network Activity.
const CLASS: u32 = 4_001;

/// Traffic, in `activity_id`: what was sent, and not how it began or ended.
const TRAFFIC: u32 = 6;

/// Informational, in `severity_id`.
const INFORMATIONAL: u32 = 1;

const NANOS_PER_MILLISECOND: u64 = 1_000_000;

pub(super) fn line(flow: &FlowEvent, origin: &Origin) -> String {
    let [src, dst] = &flow.countries;
    let [src_asn, dst_asn] = flow.asns;
    let (out, back) = (&flow.forward, &flow.reverse);
    let protocol_version = match flow.dst.address {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 6,
    };
    dense(json!({
        "activity_id": TRAFFIC,
        "activity_name": "Traffic",
        "category_uid": CATEGORY,
        "category_name": "Network Activity",
        "class_uid": CLASS,
        "class_name": "Network Activity",
        "type_uid": CLASS * 100 + TRAFFIC,
        "type_name": "Network Activity: Traffic",
        "time": milliseconds(flow.tick.end()),
        "start_time": milliseconds(flow.first),
        "end_time": milliseconds(flow.last),
        "duration": flow.duration_nanos() / NANOS_PER_MILLISECOND,
        "severity_id": INFORMATIONAL,
        "severity": "Informational",
        "metadata": {
            "version": OCSF_VERSION,
            "log_provider": origin.host,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
        },
        "app_name": (flow.application != Application::Unknown).then(|| flow.application.name()),
        "src_endpoint": end(flow, flow.src, *src, src_asn, None),
        "dst_endpoint": end(flow, flow.dst, *dst, dst_asn, flow.server_name.as_deref()),
        "connection_info": {
            "direction_id": 0,
            "direction": "Unknown",
            "protocol_num": flow.protocol,
            "protocol_name": transport(flow.protocol),
            "protocol_ver_id": protocol_version,
            "community_uid": flow.community_text(),
        },
        "traffic": {
            "bytes": out.ip_bytes.saturating_add(back.ip_bytes),
            "bytes_out": out.ip_bytes,
            "bytes_in": back.ip_bytes,
            "packets": out.packets.saturating_add(back.packets),
            "packets_out": out.packets,
            "packets_in": back.packets,
        },
        "unmapped": { "borderflow": {
            "end": flow.end.name(),
            "missed_bytes": out.missing_bytes.saturating_add(back.missing_bytes),
            "protection": flow.protection,
        } },
    }))
}

fn end(
    flow: &FlowEvent,
    end: Endpoint,
    country: Option<Country>,
    asn: u32,
    name: Option<&str>,
) -> Value {
    json!({
        "ip": end.address,
        "port": flow.has_ports.then_some(end.port),
        "hostname": name,
        "vlan_uid": flow.vlan.map(|vlan| vlan.to_string()),
        // ZZ is no country of ISO 3166.
        "location": country.filter(|country| !country.is_unknown()).map(|country| json!({
            "country": country,
        })),
        "autonomous_system": (asn != 0).then(|| json!({ "number": asn })),
    })
}

const fn milliseconds(moment: Timestamp) -> u64 {
    moment.as_nanos() / NANOS_PER_MILLISECOND
}
