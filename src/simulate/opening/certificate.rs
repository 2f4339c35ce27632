//! A certificate (RFC 5280 section 4.1) whose key and signature are noise.

use crate::simulate::chance::Chance;

/// The certificate of a host, in DER.
pub(super) fn certificate(name: &str, chance: &mut Chance) -> Vec<u8> {
    let algorithm = sequence(&[value(OBJECT, SHA256_WITH_RSA), value(NULL, &[])]);
    let named = value(UTF8_STRING, name.as_bytes());
    let common_name = sequence(&[value(OBJECT, COMMON_NAME), named]);
    let names = sequence(&[value(SET, &common_name)]);
    let authority = value(UTF8_STRING, AUTHORITY);
    let organisation = sequence(&[value(OBJECT, ORGANISATION), authority]);
    let issuer = sequence(&[value(SET, &organisation)]);
    let validity = sequence(&[value(UTC_TIME, FROM), value(UTC_TIME, UNTIL)]);
    let modulus = value(INTEGER, &positive(chance.bytes(KEY_BYTES)));
    let key = sequence(&[modulus, value(INTEGER, &[1, 0, 1])]);
    let key_kind = sequence(&[value(OBJECT, RSA), value(NULL, &[])]);
    let signed = sequence(&[
        value(VERSION, &value(INTEGER, &[2])),
        value(INTEGER, &positive(chance.bytes(SERIAL_BYTES))),
        algorithm.clone(),
        issuer,
        validity,
        names,
        sequence(&[key_kind, bits(&key)]),
    ]);
    sequence(&[signed, algorithm, bits(&chance.bytes(KEY_BYTES))])
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// A string of bits of which all in its last byte count.
fn bits(bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[0], bytes].concat())
}

/// A number that is not negative, in as few bytes as it takes.
fn positive(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    bytes
}

/// Type, length and content (X.690 section 8.1). Contents here are shorter than 65,536 bytes.
fn value(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [&[kind], length, content].concat()
}

/// Types (X.680 section 8.6), and the explicit tag of the version.
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// Object identifiers: RFC 8017 appendix A, RFC 5280 appendix A.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];

/// Who issues them all.
const AUTHORITY: &[u8] = b"Example Authority";

const FROM: &[u8] = b"250101000000Z";
const UNTIL: &[u8] = b"341231235959Z";

/// Bytes of an RSA modulus of 2,048 bits, and of a serial number.
const KEY_BYTES: usize = 256;
const SERIAL_BYTES: usize = 16;
