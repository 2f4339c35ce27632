//! Names as they may be shown: printable, short, in lower case.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The longest name that is kept, as of DNS (RFC 1035 section 2.3.4).
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A name from the wire for people and files. Bytes that are not printable ASCII, and the
/// backslash, are written `\xNN`; upper case becomes lower case. Nothing of an empty one.
pub(super) fn shown(bytes: &[u8]) -> Option<Arc<str>> {
    if let Some(text) = plain(bytes) {
        return (!text.is_empty()).then(|| text.into());
    }
    let mut shown = String::with_capacity(NAME_BYTES_MAX);
    for byte in bytes.iter().take(NAME_BYTES_MAX) {
        match byte {
            b'\\' | ..=0x20 | 0x7f.. => shown.push_str(&format!("\\x{byte:02x}")),
            _ => shown.push(byte.to_ascii_lowercase().into()),
        }
        if shown.len() >= NAME_BYTES_MAX {
            break;
        }
    }
    (!shown.is_empty()).then(|| shown.into())
}

/// A text that is shown as it is, as nearly all are.
fn plain(bytes: &[u8]) -> Option<&str> {
    let is_plain =
        |byte: &u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && *byte != b'\\';
    let is_plain = bytes.len() <= NAME_BYTES_MAX && bytes.iter().all(is_plain);
    is_plain.then(|| str::from_utf8(bytes).ok()).flatten()
}

/// A text of at most so many bytes, which needs no memory of its own. Printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Short<const BYTES: usize> {
    bytes: [u8; BYTES],
    length: u8,
}

impl<const BYTES: usize> Short<BYTES> {
    /// What [`shown`] makes of bytes, as far as there is room.
    pub(super) fn shown(bytes: &[u8]) -> Option<Self> {
        if plain(bytes).is_some_and(|text| !text.is_empty()) {
            return Some(Self::of_ascii(bytes));
        }
        shown(bytes).map(|text| Self::of_ascii(text.as_bytes()))
    }

    /// A text as far as there is room; what is not ASCII ends it.
    pub(super) fn of_ascii(text: &[u8]) -> Self {
        let is_ascii = text.iter().take(BYTES).take_while(|byte| byte.is_ascii());
        let length = is_ascii.count();
        let mut bytes = [0; BYTES];
        let shown = text.get(..length).unwrap_or_default();
        if let Some(into) = bytes.get_mut(..length) {
            into.copy_from_slice(shown);
        }
        let length = length as u8;
        Self { bytes, length }
    }
}

impl<const BYTES: usize> Deref for Short<BYTES> {
    type Target = str;

    fn deref(&self) -> &str {
        let bytes = self.bytes.get(..self.length.into()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<const BYTES: usize> fmt::Debug for Short<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
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

    #[test]
    fn a_short_text_ends_where_there_is_no_room() {
        assert_eq!(&*Short::<8>::of_ascii(b"http/1.1"), "http/1.1");
        assert_eq!(&*Short::<4>::of_ascii(b"http/1.1"), "http");
        assert_eq!(&*Short::<4>::of_ascii("h\u{e9}".as_bytes()), "h");
        assert_eq!(&*Short::<4>::of_ascii(b""), "");
    }
}
