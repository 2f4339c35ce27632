//! DTLS: the hellos of TLS in datagrams, as VPNs, telephony and sensors use it.
//!
//! Versions 1.0 (RFC 4347), 1.2 (RFC 6347) and 1.3 (RFC 9147). A message may be cut into
//! fragments, of which each says where it belongs; put together without that they are the
//! messages of TLS. Messages are taken in their order: one that comes too early is waited
//! for, since its sender repeats what was not answered.

use super::cursor::Cursor;
use super::prefix::Prefix;
use super::tls::{Answer, Flight, Offer, agreed};
use super::{Application, Reading, Said};

/// Follows the first datagrams of one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Handshake {
    /// The messages of client and server.
    directions: [Direction; 2],
    datagrams: usize,
}

/// The messages of one direction, one behind the other.
#[derive(Clone, Debug, Default)]
struct Direction {
    messages: Prefix,
    /// Where the message begins that is being read, and its number, once that is known.
    begin: usize,
    number: Option<u16>,
    /// What follows is encrypted, or the peer gives up.
    is_closed: bool,
}

impl Handshake {
    /// Takes the next datagram, and says what is known once both hellos are, or once so many
    /// datagrams went by that no hello is to be expected any more.
    pub(super) fn take(&mut self, is_client: bool, datagram: &[u8]) -> Reading {
        self.datagrams = self.datagrams.saturating_add(1);
        let [client, server] = &mut self.directions;
        let direction = if is_client { client } else { server };
        direction.take(datagram);
        self.reading(self.datagrams >= DATAGRAMS_MAX)
    }

    /// What is known so far.
    pub(super) fn said(&self) -> Said {
        match self.reading(true) {
            Reading::Done(said) => said,
            Reading::More => Said::default(),
        }
    }

    /// Bytes of memory that it takes beside itself.
    pub(super) fn memory_bytes(&self) -> usize {
        let messages = self.directions.iter().map(|it| it.messages.memory_bytes());
        messages.sum()
    }

    fn reading(&self, is_over: bool) -> Reading {
        let [client, server] = self.directions.each_ref().map(|it| {
            let is_shut = is_over || it.is_closed || it.messages.is_full();
            Flight {
                bytes: it.messages.bytes().into(),
                is_closed: is_shut,
                is_shut,
            }
        });
        let answer = Answer::of(&server);
        if !answer.is_settled() {
            return Reading::More;
        }
        agreed(Offer::of(&client, Application::Dtls), &answer)
    }
}

impl Direction {
    fn take(&mut self, datagram: &[u8]) {
        let mut cursor = Cursor::new(datagram);
        while !self.is_closed {
            let Some(record) = Record::read(&mut cursor) else {
                return;
            };
            if record.kind != HANDSHAKE || record.epoch > 0 {
                self.is_closed = record.kind != ALERT || record.fragment.starts_with(&[FATAL]);
                return;
            }
            let mut fragments = Cursor::new(record.fragment);
            while let Some(fragment) = Fragment::read(&mut fragments) {
                self.keep(&fragment);
            }
        }
    }

    /// Keeps a fragment of the message that is being read, behind a header as TLS has it.
    fn keep(&mut self, fragment: &Fragment<'_>) {
        // The first number is that of a hello.
        if self.number.is_none() && !fragment.is_hello() {
            return;
        }
        if *self.number.get_or_insert(fragment.number) != fragment.number {
            return;
        }
        let body = self.begin.saturating_add(HEADER_BYTES);
        self.messages.insert(self.begin, &fragment.header);
        self.messages
            .insert(body.saturating_add(fragment.offset), fragment.bytes);
        let end = body.saturating_add(fragment.length);
        if self.messages.bytes().len() >= end {
            self.begin = end;
            // Who asks for a cookie keeps nothing: whatever number comes next counts.
            let is_stateless = fragment.header.first() == Some(&HELLO_VERIFY_REQUEST);
            self.number = fragment.number.checked_add(1).filter(|_| !is_stateless);
        }
    }
}

/// Whether a datagram begins with the first fragment of a hello that is not encrypted.
#[inline]
pub(super) fn begins(datagram: &[u8]) -> bool {
    // A record of a handshake, a version, the first epoch.
    let is_handshake = matches!(
        datagram,
        [HANDSHAKE, 0xfe, 0xff | 0xfd, 0, 0, ..] | [HANDSHAKE, 1, 0, 0, 0, ..]
    );
    is_handshake && first_fragment(datagram).is_some()
}

fn first_fragment(datagram: &[u8]) -> Option<()> {
    let record = Record::read(&mut Cursor::new(datagram))?;
    let fragment = Fragment::read(&mut Cursor::new(record.fragment))?;
    (fragment.is_hello() && fragment.offset == 0).then_some(())
}

/// A record (RFC 6347 section 4.1).
struct Record<'a> {
    kind: u8,
    epoch: u16,
    fragment: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes a record; of one that the snap length cut, what is there.
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (kind, version, epoch) = (cursor.byte()?, cursor.u16()?, cursor.u16()?);
        cursor.take(6)?;
        let length = cursor.u16()?;
        let is_sound = matches!(kind, 20..=25) && matches!(version, 0xfeff | 0xfefd | 0x0100);
        if !is_sound || length == 0 {
            return None;
        }
        let left = cursor.rest();
        let fragment = cursor.take(length.into());
        if fragment.is_none() {
            *cursor = Cursor::new(&[]);
        }
        Some(Self {
            kind,
            epoch,
            fragment: fragment.unwrap_or(left),
        })
    }
}

/// A piece of a handshake message (RFC 6347 section 4.2.2).
struct Fragment<'a> {
    /// Type and length of the whole message, as TLS has them.
    header: [u8; HEADER_BYTES],
    length: usize,
    number: u16,
    offset: usize,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let header: [u8; HEADER_BYTES] = *cursor.take(HEADER_BYTES)?.first_chunk()?;
        let length = usize::try_from(Cursor::new(&header[1..]).u24()?).ok()?;
        let number = cursor.u16()?;
        let offset = usize::try_from(cursor.u24()?).ok()?;
        let fragment_bytes = usize::try_from(cursor.u24()?).ok()?;
        if offset.checked_add(fragment_bytes)? > length {
            return None;
        }
        let left = cursor.rest();
        let bytes = cursor.take(fragment_bytes);
        if bytes.is_none() {
            *cursor = Cursor::new(&[]);
        }
        Some(Self {
            header,
            length,
            number,
            offset,
            bytes: bytes.unwrap_or(left),
        })
    }
}

impl Fragment<'_> {
    /// Whether it is of a hello, or of what asks for one.
    const fn is_hello(&self) -> bool {
        matches!(self.header, [1..=HELLO_VERIFY_REQUEST, ..])
    }
}

/// The version of TLS to which one of DTLS corresponds (RFC 4347 and RFC 6347 section 1, RFC
/// 9147 section 1); others as they are.
pub(super) const fn as_tls(version: u16) -> u16 {
    match version {
        0xfeff | 0x0100 => 0x0302,
        0xfefd => 0x0303,
        0xfefc => 0x0304,
        other => other,
    }
}

/// Whether a number is a version of DTLS. `0100` is what an early library sent for 1.0.
pub(super) const fn is_version(version: u16) -> bool {
    matches!(version, 0xfefc | 0xfefd | 0xfeff | 0x0100)
}

/// Bytes of the header of a message of TLS.
const HEADER_BYTES: usize = 4;

/// Datagrams that are read: hellos, a cookie, certificates in pieces, and some again.
const DATAGRAMS_MAX: usize = 16;

/// Types of records (RFC 6347 section 4.1), a level of alerts, and a type of messages.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const FATAL: u8 = 2;
const HELLO_VERIFY_REQUEST: u8 = 3;

#[cfg(test)]
mod tests;
