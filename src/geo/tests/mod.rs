//! Tests of the whole stage.

mod files;
mod opinions;
mod places;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::*;

pub(super) fn with(config: GeoConfig, networks: &[&str], names: &[&str]) -> Geo {
    let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
    Geo::open(&config, &networks, jurisdictions(names)).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) fn jurisdictions(names: &[&str]) -> Jurisdictions {
    Jurisdictions::new(names).unwrap()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name).with_extension("mmdb");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A value of a record.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u32),
}

/// A sound MMDB file of one node, both of whose ways lead to one record.
pub(super) fn database(ip_version: u8, record: &[(&str, Value<'_>)]) -> Vec<u8> {
    // Data is numbered from the count of nodes and the 16 bytes that part it from them.
    let mut bytes = vec![0, 0, 17, 0, 0, 17];
    bytes.extend([0; 16]);
    bytes.push(0xe0 | record.len() as u8);
    for (key, value) in record {
        put_text(&mut bytes, key);
        match value {
            Value::Text(text) => put_text(&mut bytes, text),
            Value::Number(number) => {
                bytes.push(0xc4);
                bytes.extend(number.to_be_bytes());
            }
        }
    }
    bytes.extend(b"\xab\xcd\xefMaxMind.com\xe9");
    for (key, value) in [
        ("binary_format_major_version", &[0xa1, 2][..]),
        ("binary_format_minor_version", &[0xa1, 0]),
        ("build_epoch", &[0x04, 2, 0x6a, 0, 0, 0]),
        ("database_type", b"\x44Test"),
        ("description", b"\xe1\x42en\x44Test"),
        ("ip_version", &[0xa1, ip_version]),
        ("languages", &[0x00, 4]),
        ("node_count", &[0xc1, 1]),
        ("record_size", &[0xa1, 24]),
    ] {
        put_text(&mut bytes, key);
        bytes.extend(value);
    }
    bytes
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..29 => bytes.push(0x40 | length as u8),
        length @ 29..285 => bytes.extend([0x5d, (length - 29) as u8]),
        _ => panic!("a longer text than any test needs"),
    }
    bytes.extend(text.as_bytes());
}

/// A place of which nothing is known but its side.
pub(super) fn unknown(side: Side) -> Place {
    Place {
        side,
        ..Place::LOCAL
    }
}

pub(super) const ORGANISATION: &str = "autonomous_system_organization";
