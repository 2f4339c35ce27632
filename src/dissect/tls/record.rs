//! Records of TLS, and the handshake messages in them.

use std::borrow::Cow;

use super::hello::ServerHello;
use crate::dissect::cursor::Cursor;

/// The handshake messages of one direction, one behind the other.
#[derive(Debug)]
pub(in crate::dissect) struct Flight<'a> {
    /// The messages as far as they have come.
    pub(in crate::dissect) bytes: Cow<'a, [u8]>,
    /// No more of them can come.
    pub(in crate::dissect) is_closed: bool,
    /// No more bytes can come.
    pub(in crate::dissect) is_shut: bool,
}

impl<'a> Flight<'a> {
    /// Takes the messages out of their records (RFC 8446 section 5.1), up to where they are
    /// encrypted, the peer gives up, or something else than TLS follows. `is_shut` says that
    /// no more bytes can come.
    pub(super) fn of_records(bytes: &'a [u8], is_shut: bool) -> Self {
        let mut flight = Self {
            bytes: Cow::Borrowed(&[]),
            is_closed: is_shut,
            is_shut,
        };
        let mut cursor = Cursor::new(bytes);
        let mut has_changed = false;
        while let (Some(kind), Some(version), Some(length)) =
            (cursor.byte(), cursor.u16(), cursor.u16())
        {
            let left = cursor.rest();
            let whole = cursor.take(length.into());
            let fragment = whole.unwrap_or(left);
            let goes_on = is_version(version)
                && length <= RECORD_BYTES_MAX
                && match kind {
                    HANDSHAKE => true,
                    ALERT => length == 2 && !fragment.starts_with(&[FATAL]),
                    // Peers of old middleboxes send this one in the clear between a request
                    // to try again and the second hello (RFC 8446 appendix D.4).
                    CHANGE_CIPHER_SPEC if !has_changed => {
                        has_changed = true;
                        is_asked_again(&flight)
                    }
                    _ => false,
                };
            if !goes_on {
                flight.is_closed = true;
                break;
            }
            if kind == HANDSHAKE && flight.bytes.is_empty() {
                flight.bytes = Cow::Borrowed(fragment);
            } else if kind == HANDSHAKE {
                flight.bytes.to_mut().extend_from_slice(fragment);
            }
            if whole.is_none() {
                break;
            }
        }
        flight
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        let mut cursor = Cursor::new(&self.bytes);
        std::iter::from_fn(move || {
            let kind = cursor.byte()?;
            let length = usize::try_from(cursor.u24()?).ok()?;
            let left = cursor.rest();
            let whole = cursor.take(length);
            if whole.is_none() {
                cursor = Cursor::new(&[]);
            }
            Some(Message {
                kind,
                body: whole.unwrap_or(left),
                is_whole: whole.is_some(),
            })
        })
    }
}

/// A handshake message (RFC 8446 section 4); only the last one may be cut.
pub(super) struct Message<'a> {
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
    pub(super) is_whole: bool,
}

/// Whether messages are a request to try again with another group, and nothing more.
fn is_asked_again(flight: &Flight<'_>) -> bool {
    let mut messages = flight.messages();
    let first = messages
        .next()
        .filter(|it| it.kind == SERVER_HELLO && it.is_whole);
    let hello = first.and_then(|it| ServerHello::read(it.body));
    hello.is_some_and(|it| it.is_retry) && messages.next().is_none()
}

/// SSL 3.0 to TLS 1.3, and TLCP.
pub(super) const fn is_version(version: u16) -> bool {
    matches!(version, 0x0300..=0x0304 | 0x0101)
}

/// Types of records (RFC 8446 section 5.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

/// The longest content of a record, with what encryption may add (RFC 5246 section 6.2.3).
pub(super) const RECORD_BYTES_MAX: u16 = 16_384 + 2_048;

/// Levels of alerts (RFC 8446 section 6).
pub(super) const WARNING: u8 = 1;
pub(super) const FATAL: u8 = 2;

/// Types of handshake messages (RFC 8446 section 4).
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
