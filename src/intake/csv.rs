//! `time,asset,country,bytes`, and where they are known `asn`, `service` and `peer`.

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::transfer::{Conversation, Service, Transfer};

use super::{Made, time};

/// In which column is what.
#[derive(Debug)]
pub(super) struct Header {
    columns: usize,
    time: usize,
    asset: usize,
    country: usize,
    bytes: usize,
    asn: Option<usize>,
    service: Option<usize>,
    peer: Option<usize>,
}

impl Header {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let names: Vec<_> = text.split(',').map(str::trim).collect();
        let find = |name| names.iter().position(|column| *column == name);
        let need = |name| {
            find(name).ok_or_else(|| {
                format!("no column `{name}`: the first line of a CSV is time,asset,country,bytes")
            })
        };
        Ok(Self {
            columns: names.len(),
            time: need("time")?,
            asset: need("asset")?,
            country: need("country")?,
            bytes: need("bytes")?,
            asn: find("asn"),
            service: find("service"),
            peer: find("peer"),
        })
    }

    pub(super) fn transfer(&self, text: &str) -> Result<Made, String> {
        let cells: Vec<_> = text.split(',').map(str::trim).collect();
        if cells.len() != self.columns {
            let (has, need) = (cells.len(), self.columns);
            return Err(format!("{has} columns where the first line has {need}"));
        }
        let cell = |column: usize| cells.get(column).copied().unwrap_or_default();
        let known = |column: Option<usize>| column.map(cell).filter(|text| !text.is_empty());
        let code = cell(self.country);
        let country = Country::from_code(code)
            .ok_or_else(|| format!("`{code}` is no country: write two letters such as SG"))?;
        let peer = known(self.peer).map(address).transpose()?;
        let bytes = number(cell(self.bytes))?;
        let transfer = Transfer {
            tick: time(cell(self.time))?.tick(),
            country,
            asn: known(self.asn).map_or(Ok(0), number)?,
            service: known(self.service).map_or(Ok(Service::Other), service)?,
            asset_ip: address(cell(self.asset))?,
            vlan: None,
            conversation: peer.map(|peer| Conversation {
                asset_port: 0,
                peer,
                peer_port: 0,
                protocol: 0,
            }),
            served: false,
            bytes,
            confidence: Confidence::Confirmed,
            protection: Protection::Unseen,
            ended: true,
            round_trip_nanos: None,
            measure: crate::transfer::Measure::RECORDS,
        };
        Ok(Made {
            transfer: (bytes > 0).then_some(transfer),
            ..Made::default()
        })
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("`{text}` is no address: assets and peers are IP addresses"))
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("`{text}` is no number: write bytes and asn as whole numbers"))
}

fn service(text: &str) -> Result<Service, String> {
    let text_of: StrDeserializer<'_, Error> = text.into_deserializer();
    Service::deserialize(text_of)
        .map_err(|_| format!("`{text}` is no service: write web, mail, ssh, dns or other"))
}
