//! A transfer as it is written.

use std::net::IpAddr;

use serde::Serialize;

use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::Vlan;
use crate::privacy::Veil;
use crate::transfer::{Service, Transfer};

/// A line of `transfers.jsonl`. Fields that do not apply or are not known are left out.
#[derive(Clone, Debug, Serialize)]
pub struct TransferLine {
    time: String,
    asset: String,
    asset_ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proto: Option<u8>,
    service: Service,
    served: bool,
    jurisdiction: Country,
    asn: u32,
    geo_confidence: Confidence,
    protection: Protection,
    bytes: u64,
    /// Where flow records tell of it: packets for which each that was counted stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampling: Option<u16>,
}

impl TransferLine {
    /// The line of a transfer, whose asset is called so, with its addresses veiled.
    pub fn new(transfer: &Transfer, mut asset: String, veil: &Veil) -> Self {
        let ends = transfer.conversation;
        veil.hide(&mut asset);
        Self {
            time: transfer.tick.plus_seconds(1).to_string(),
            asset,
            asset_ip: veil.address(transfer.asset_ip),
            vlan: transfer.vlan.map(Vlan::number),
            asset_port: ends.map(|ends| ends.asset_port),
            peer: ends.map(|ends| veil.address(ends.peer)),
            peer_port: ends.map(|ends| ends.peer_port),
            proto: ends.map(|ends| ends.protocol),
            service: transfer.service,
            served: transfer.served,
            jurisdiction: transfer.country,
            asn: transfer.asn,
            geo_confidence: transfer.confidence,
            protection: transfer.protection,
            bytes: transfer.bytes,
            sampling: transfer.measure.one_in(),
        }
    }
}
