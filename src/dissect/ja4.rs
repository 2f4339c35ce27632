//! JA4, the fingerprint of a TLS client: what it offers, whatever the order.
//!
//! After the public specification of FoxIO, "JA4: TLS Client Fingerprinting", which is under
//! the BSD 3-clause license. Its relatives for servers, HTTP and others are not and are not
//! made here.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::tls::ClientHello;

/// The fingerprint of a hello; `transport` is `t` over TCP and `q` in QUIC.
pub(super) fn ja4(hello: &ClientHello<'_>, transport: char) -> Box<str> {
    let is_kept = |value: &u16| !is_grease(*value);
    let mut suites: Vec<u16> = hello.suites.iter().copied().filter(is_kept).collect();
    let mut extensions: Vec<u16> = hello.extensions.iter().copied().filter(is_kept).collect();
    let target = if extensions.contains(&SERVER_NAME) {
        'd'
    } else {
        'i'
    };
    let mut ja4 = String::with_capacity(JA4_BYTES);
    // Writing to a string cannot fail.
    let _ = write!(
        ja4,
        "{transport}{}{target}{:02}{:02}{}_",
        version(hello.version_offered()),
        suites.len().min(99),
        extensions.len().min(99),
        protocol(hello.protocol.unwrap_or_default()),
    );
    suites.sort_unstable();
    extensions.sort_unstable();
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | PROTOCOLS));
    let mut offered = String::with_capacity(LIST_BYTES);
    list(&mut offered, suites.into_iter());
    digest(&mut ja4, &offered);
    ja4.push('_');
    offered.clear();
    list(&mut offered, extensions.into_iter());
    if !offered.is_empty() && hello.signatures.iter().any(is_kept) {
        offered.push('_');
        list(
            &mut offered,
            hello.signatures.iter().copied().filter(is_kept),
        );
    }
    digest(&mut ja4, &offered);
    ja4.into()
}

/// The values that are sent to keep servers tolerant and mean nothing (RFC 8701 section 2).
pub(super) const fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

const fn version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// The first and the last character of a protocol's name; of its hexadecimal form where one
/// of the two is neither a letter nor a digit.
fn protocol(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 0x0f)
}

/// Values of four digits with commas between them, behind what there is. Every hello has
/// scores of them, so no formatter is asked.
fn list(into: &mut String, values: impl Iterator<Item = u16>) {
    let begin = into.len();
    for value in values {
        if into.len() > begin {
            into.push(',');
        }
        value.to_be_bytes().iter().for_each(|byte| hex(into, *byte));
    }
}

/// The two digits of a byte.
fn hex(into: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 0x0f] {
        into.push(char::from_digit(digit.into(), 16).unwrap_or_default());
    }
}

/// Adds the first twelve digits of a hash, or zeros for nothing.
fn digest(into: &mut String, list: &str) {
    if list.is_empty() {
        return into.push_str("000000000000");
    }
    let hash = Sha256::digest(list.as_bytes());
    hash.iter().take(6).for_each(|byte| hex(into, *byte));
}

/// Length of a fingerprint, and of what most hellos list.
const JA4_BYTES: usize = 36;
const LIST_BYTES: usize = 256;

/// Types of extensions that the fingerprint counts and does not list.
const SERVER_NAME: u16 = 0x0000;
const PROTOCOLS: u16 = 0x0010;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    fn example() -> ClientHello<'static> {
        ClientHello {
            version: 0x0303,
            suites: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
                0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xbaba,
            ],
            versions: vec![0xdada, 0x0304, 0x0303],
            signatures: vec![
                0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
            ],
            protocol: Some(b"h2"),
            ..ClientHello::default()
        }
    }

    #[test]
    fn the_example_of_the_specification_is_met() {
        let mut hello = example();
        assert_eq!(&*ja4(&hello, 't'), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert_eq!(&*ja4(&hello, 'q'), "q13d1516h2_8daaf6152771_e5627efa2ab1");
        hello.signatures.clear();
        assert_eq!(&*ja4(&hello, 't'), "t13d1516h2_8daaf6152771_6d807ffa2a79");
    }

    #[test]
    fn nothing_is_written_as_zeros() {
        let mut hello = ClientHello::default();
        assert_eq!(&*ja4(&hello, 't'), "t00i000000_000000000000_000000000000");
        hello.extensions = vec![SERVER_NAME, PROTOCOLS];
        hello.version = 0x0301;
        assert_eq!(&*ja4(&hello, 't'), "t10d000200_000000000000_000000000000");
    }

    #[test]
    fn counts_end_at_99() {
        let mut hello = example();
        hello.suites = (1..=120).collect();
        hello.extensions = (1..=200).collect();
        assert!(ja4(&hello, 't').starts_with("t13i9999h2_"));
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
            assert_eq!(protocol(name), short);
        }
    }

    #[test]
    fn grease_is_told_from_the_rest() {
        let grease: Vec<u16> = (0..=u16::MAX).filter(|it| is_grease(*it)).collect();
        assert_eq!(grease.len(), 16);
        assert!(grease.iter().all(|it| it & 0x0f0f == 0x0a0a));
    }
}
