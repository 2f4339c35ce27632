//! JA4, the fingerprint of a TLS client: what it offers, whatever the order.
//!
//! After the public specification of FoxIO, "JA4: TLS Client Fingerprinting", which is under
//! the BSD 3-clause license. Its relatives for servers, HTTP and others are not and are not
//! made here.

use sha2::{Digest, Sha256};

use super::text::Short;
use super::tls::ClientHello;

/// The fingerprint of a hello; `transport` is `t` over TCP, `q` in QUIC and `d` in DTLS.
pub(super) fn ja4(hello: &ClientHello<'_>, transport: u8) -> Short<JA4_BYTES> {
    let mut values = Vec::with_capacity(VALUES_USUAL);
    let mut offered = Vec::with_capacity(LIST_BYTES_USUAL);
    values.extend(hello.suites.kept());
    values.sort_unstable();
    let suites = count(values.len());
    list(&mut offered, values.iter().copied());
    let suites_hash = digest(&offered);
    values.clear();
    offered.clear();
    let extensions = hello.extensions.iter().copied();
    values.extend(extensions.filter(|kind| !is_grease(*kind)));
    values.sort_unstable();
    let extensions = count(values.len());
    let has_name = values.contains(&SERVER_NAME);
    values.retain(|kind| !matches!(*kind, SERVER_NAME | PROTOCOLS));
    list(&mut offered, values.iter().copied());
    if !offered.is_empty() && hello.signatures.kept().next().is_some() {
        offered.push(b'_');
        list(&mut offered, hello.signatures.kept());
    }
    let extensions_hash = digest(&offered);
    let protocol = protocol(hello.protocol.unwrap_or_default());
    let has_name = if has_name { b'd' } else { b'i' };
    let [a, b] = version(hello.version_offered());
    let mut ja4 = [b'_'; JA4_BYTES];
    let (head, hashes) = ja4.split_at_mut(10);
    let ([c, d], [e, f], [g, h]) = (suites, extensions, protocol);
    head.copy_from_slice(&[transport, a, b, has_name, c, d, e, f, g, h]);
    hashes[1..13].copy_from_slice(&suites_hash);
    hashes[14..].copy_from_slice(&extensions_hash);
    Short::of_ascii(&ja4)
}

/// The values that are sent to keep servers tolerant and mean nothing (RFC 8701 section 2).
pub(super) const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

const fn version(version: u16) -> [u8; 2] {
    match version {
        0x0304 => *b"13",
        0x0303 => *b"12",
        0x0302 => *b"11",
        0x0301 => *b"10",
        0x0300 => *b"s3",
        0x0002 => *b"s2",
        0xfeff => *b"d1",
        0xfefd => *b"d2",
        0xfefc => *b"d3",
        _ => *b"00",
    }
}

/// The first and the last character of a protocol's name; of its hexadecimal form where one
/// of the two is neither a letter nor a digit.
fn protocol(name: &[u8]) -> [u8; 2] {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return *b"00";
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last];
    }
    [digit(first >> 4), digit(*last)]
}

/// A number of two digits; what is larger than 99 counts as that.
fn count(count: usize) -> [u8; 2] {
    let count = count.min(99) as u8;
    [b'0' + count / 10, b'0' + count % 10]
}

/// Adds values of four digits, with commas between them.
fn list(into: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    let mut is_first = true;
    for value in values {
        if !is_first {
            into.push(b',');
        }
        is_first = false;
        let [high, low] = value.to_be_bytes();
        into.extend([digit(high >> 4), digit(high), digit(low >> 4), digit(low)]);
    }
}

/// The digit of the four low bits.
fn digit(bits: u8) -> u8 {
    b"0123456789abcdef"[usize::from(bits & 0x0f)]
}

/// The first twelve digits of a hash, or zeros for nothing.
fn digest(list: &[u8]) -> [u8; 12] {
    let mut digits = [b'0'; 12];
    if !list.is_empty() {
        let hash = Sha256::digest(list);
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(hash) {
            *pair = [digit(byte >> 4), digit(byte)];
        }
    }
    digits
}

/// Length of a fingerprint.
const JA4_BYTES: usize = 36;

/// Room for what most hellos list, and for how that is written.
const VALUES_USUAL: usize = 64;
const LIST_BYTES_USUAL: usize = 256;

/// Types of extensions that the fingerprint counts and does not list.
const SERVER_NAME: u16 = 0x0000;
const PROTOCOLS: u16 = 0x0010;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::tls::Numbers;

    fn numbers(numbers: &[u16]) -> Numbers<'static> {
        Numbers(numbers.iter().map(|number| number.to_be_bytes()).collect())
    }

    /// The example of the specification.
    fn example() -> ClientHello<'static> {
        ClientHello {
            version: 0x0303,
            suites: numbers(&[
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ]),
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xbaba,
            ],
            versions: numbers(&[0xdada, 0x0304, 0x0303]),
            signatures: numbers(&[
                0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ]),
            protocol: Some(b"h2"),
            ..ClientHello::default()
        }
    }

    #[test]
    fn the_example_of_the_specification_is_met() {
        let mut hello = example();
        assert_eq!(&*ja4(&hello, b't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(&*ja4(&hello, b'q'), "q13d1516h2_8daaf6152771_e5627efa2ab1");
        hello.signatures = numbers(&[]);
        assert_eq!(&*ja4(&hello, b't'), "t13d1516h2_8daaf6152771_6d807ffa2a79");
    }

    #[test]
    fn nothing_is_written_as_zeros() {
        let mut hello = ClientHello::default();
        assert_eq!(&*ja4(&hello, b't'), "t00i000000_000000000000_000000000000");
        hello.extensions = vec![SERVER_NAME, PROTOCOLS];
        hello.version = 0x0301;
        assert_eq!(&*ja4(&hello, b't'), "t10d000200_000000000000_000000000000");
    }

    #[test]
    fn counts_end_at_99() {
        let mut hello = example();
        hello.suites = numbers(&Vec::from_iter(1..=120));
        hello.extensions = (1..=200).collect();
        assert!(ja4(&hello, b't').starts_with("t13i9999h2_"));
    }

    #[test]
    fn protocols_are_shortened_as_specified() {
        for (name, short) in [
            (&b""[..], "00"),
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"h", "hh"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\xab", "3b"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ] {
            assert_eq!(protocol(name), short.as_bytes());
        }
    }

    #[test]
    fn grease_is_told_from_the_rest() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|it| is_grease(*it)).collect();
        assert_eq!(grease.len(), 16);
        assert!(grease.iter().all(|it| it & 0x0f0f == 0x0a0a));
    }
}
