//! A flow as it is written.

use std::net::IpAddr;

use serde::Serialize;

use crate::decode::TunnelPath;
use crate::flow::{End, Flow};
use crate::geo::{Country, Geo, Place, Side};

/// A line of `flows.jsonl`. Fields that do not apply or are not known are left out.
#[derive(Clone, Debug, Serialize)]
pub struct FlowLine {
    first: String,
    last: String,
    src: IpAddr,
    dst: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst_port: Option<u16>,
    proto: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    packets_src: u64,
    packets_dst: u64,
    wire_bytes_src: u64,
    wire_bytes_dst: u64,
    ip_bytes_src: u64,
    ip_bytes_dst: u64,
    payload_bytes_src: u64,
    payload_bytes_dst: u64,
    unique_bytes_src: u64,
    unique_bytes_dst: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes_src: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes_dst: u64,
    end: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    midstream: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    one_way: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_src: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_dst: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn_src: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn_dst: Option<u32>,
}

impl FlowLine {
    /// The line of a flow record that ended so. `_src` is the side of the initiator.
    pub fn new(flow: &Flow, end: End, geo: &Geo) -> Self {
        let [src_place, dst_place] = [flow.src, flow.dst].map(|end| geo.place(end.address));
        let (forward, reverse) = (&flow.forward, &flow.reverse);
        let micros = flow.round_trip_nanos.map(|nanos| nanos / 1_000);
        Self {
            first: flow.first.to_string(),
            last: flow.last.to_string(),
            src: flow.src.address,
            dst: flow.dst.address,
            src_port: flow.has_ports.then_some(flow.src.port),
            dst_port: flow.has_ports.then_some(flow.dst.port),
            proto: flow.protocol(),
            vlan: flow.vlan,
            packets_src: forward.packets,
            packets_dst: reverse.packets,
            wire_bytes_src: forward.wire_bytes,
            wire_bytes_dst: reverse.wire_bytes,
            ip_bytes_src: forward.ip_bytes,
            ip_bytes_dst: reverse.ip_bytes,
            payload_bytes_src: forward.payload_bytes,
            payload_bytes_dst: reverse.payload_bytes,
            unique_bytes_src: forward.unique_bytes,
            unique_bytes_dst: reverse.unique_bytes,
            missing_bytes_src: forward.missing_bytes,
            missing_bytes_dst: reverse.missing_bytes,
            end: end.name(),
            midstream: flow.midstream,
            one_way: flow.is_one_way(),
            tunnel: (flow.tunnel != TunnelPath::default()).then(|| flow.tunnel.to_string()),
            rtt_ms: micros.map(|micros| f64::from(micros) / 1_000.0),
            country_src: known_country(src_place),
            country_dst: known_country(dst_place),
            asn_src: known_asn(src_place),
            asn_dst: known_asn(dst_place),
        }
    }
}

/// Unknown countries of foreign addresses are told as `ZZ`; addresses that never leave the
/// link have none.
fn known_country(place: Place) -> Option<Country> {
    let told = place.side == Side::Foreign || !place.country.is_unknown();
    told.then_some(place.country)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn known_asn(place: Place) -> Option<u32> {
    (place.asn > 0).then_some(place.asn)
}
