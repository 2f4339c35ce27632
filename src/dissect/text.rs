//! Names as they may be shown: printable, short, in lower case.

/// The longest name that is kept, as of DNS (RFC 1035 section 2.3.4).
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A name from the wire for people and files. Bytes that are not printable ASCII, and the
/// backslash, are written `\xNN`; upper case becomes lower case. Nothing of an empty one.
pub(super) fn shown(bytes: &[u8]) -> Option<Box<str>> {
    let mut shown = String::with_capacity(bytes.len().min(NAME_BYTES_MAX));
    for byte in bytes.iter().take(NAME_BYTES_MAX) {
        match byte {
            b'\\' | ..=0x20 | 0x7f.. => shown.push_str(&format!("\\x{byte:02x}")),
            _ => shown.push(byte.to_ascii_lowercase().into()),
        }
        if shown.len() >= NAME_BYTES_MAX {
            break;
        }
    }
    (!shown.is_empty()).then(|| shown.into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(
            shown(b"WWW.Example.org").as_deref(),
            Some("www.example.org")
        );
        assert_eq!(shown(b"a\x00\n\\").as_deref(), Some("a\\x00\\x0a\\x5c"));
        assert_eq!(
            shown("\u{202e}x".as_bytes()).as_deref(),
            Some("\\xe2\\x80\\xaex")
        );
        assert_eq!(shown(b""), None);
        assert!(shown(&[0; 10_000]).unwrap().len() < NAME_BYTES_MAX + 4);
    }
}
