//! QUIC as one operator spoke it before there was a standard: versions Q024 to Q050.
//!
//! Its hello is a list of tags and no message of TLS (draft-hamilton-early-deployment-quic,
//! section 8). Up to Q046 it stands in the clear in the client's first packet; in Q050 in a
//! frame of an Initial packet, encrypted as that is.

use crate::dissect::cursor::Cursor;
use crate::dissect::text::shown;
use crate::dissect::{Application, Protection, Said};

/// Whether a datagram of a client begins a conversation in the clear: by the public header of
/// the versions up to Q043, or the long header of Q046. It looks at five bytes.
#[inline]
pub(super) fn is_clear_hello(datagram: &[u8]) -> bool {
    match datagram {
        // A version and an identifier follow; neither a reset nor a reserved bit.
        [flags, _, _, _, _, _, _, _, _, b'Q', b'0', ..] => flags & 0xc9 == 0x09,
        _ => false,
    }
}

/// The same for the long header of Q046.
#[inline]
pub(super) const fn is_long_hello(datagram: &[u8]) -> bool {
    match datagram {
        [0xc0..=0xff, a, b, c, d, ..] => is_long_version(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => false,
    }
}

/// Whether a long header with this version does.
#[inline(always)]
pub(super) const fn is_long_version(version: u32) -> bool {
    version == u32::from_be_bytes(*b"Q046")
}

/// What the client's first datagram in the clear says: the hello stands behind header, hash
/// and the head of a frame, whose lengths vary.
pub(super) fn of_datagram(datagram: &[u8]) -> Option<Said> {
    let head = datagram.get(..HEAD_BYTES_MAX.min(datagram.len()))?;
    let at = head.windows(4).position(|four| four == MESSAGE)?;
    of_message(datagram.get(at..)?)
}

/// What a client's hello says, if this is one. It may be cut behind the name.
pub(super) fn of_message(message: &[u8]) -> Option<Said> {
    let mut cursor = Cursor::new(message);
    if cursor.take(4)? != MESSAGE {
        return None;
    }
    let count = u16::from_le_bytes(*cursor.take(2)?.first_chunk()?);
    let count = usize::from(count).min(TAGS_MAX);
    cursor.take(2)?;
    let (tags, _) = cursor.take(count.checked_mul(8)?)?.as_chunks::<8>();
    let values = cursor.rest();
    let mut begin = 0;
    let mut name = None;
    for [a, b, c, d, end @ ..] in tags {
        let end = usize::try_from(u32::from_le_bytes(*end)).ok()?;
        if [*a, *b, *c, *d] == NAME {
            name = values.get(begin..end);
            break;
        }
        begin = end;
    }
    Some(Said {
        application: Application::Quic,
        // Always encrypted and authenticated, but never a standard, and not kept up.
        protection: Protection::Standard,
        server_name: name.and_then(shown),
        ..Said::default()
    })
}

/// The tag of a client's hello, and that of the name in it.
const MESSAGE: [u8; 4] = *b"CHLO";
const NAME: [u8; 4] = *b"SNI\0";

/// Bytes of header, hash and head of a frame before the hello.
const HEAD_BYTES_MAX: usize = 64;

/// Tags that are looked at: hellos have about 30.
const TAGS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(tags: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut head = MESSAGE.to_vec();
        head.extend(u16::try_from(tags.len()).unwrap().to_le_bytes());
        head.extend([0, 0]);
        let mut values = Vec::new();
        for (tag, value) in tags {
            values.extend_from_slice(value);
            head.extend_from_slice(*tag);
            head.extend(u32::try_from(values.len()).unwrap().to_le_bytes());
        }
        [head, values].concat()
    }

    #[test]
    fn the_name_is_that_of_its_tag() {
        let message = hello(&[
            (b"PAD\0", &[b'-'; 90]),
            (b"SNI\0", b"Files.example"),
            (b"VER\0", b"Q043"),
        ]);
        let header = [
            &[0x0d][..],
            &[7; 8],
            b"Q043",
            &[1],
            &[5; 12],
            &[0xa0, 1, 0, 4],
        ]
        .concat();
        let datagram = [header, message].concat();
        assert!(is_clear_hello(&datagram));
        let said = of_datagram(&datagram).unwrap();
        assert_eq!(said.server_name.as_deref(), Some("files.example"));
        assert_eq!(said.application, Application::Quic);
        for length in 0..datagram.len() {
            // Cut anywhere it says the whole name or none.
            let name = of_datagram(&datagram[..length]).and_then(|said| said.server_name);
            assert!(name.is_none_or(|name| &*name == "files.example"));
        }
    }

    #[test]
    fn lying_lengths_say_no_name() {
        let mut message = hello(&[(b"PAD\0", &[1; 4]), (b"SNI\0", b"a.example")]);
        message[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(of_message(&message).unwrap().server_name, None);
        message[4..6].copy_from_slice(&u16::MAX.to_le_bytes());
        assert_eq!(of_message(&message), None);
        assert_eq!(of_message(b"REJ\0\x01\0\0\0"), None);
    }
}
