//! QUIC: the hellos of TLS in its first packets, whose keys everyone can know.
//!
//! Initial packets (RFC 9000 section 17.2.2) are encrypted with keys made of an identifier
//! that they carry (RFC 9001 section 5.2), against mistakes and not against readers. Read
//! are version 1, version 2 (RFC 9369), the last drafts, reserved versions with keys of these,
//! and what one operator spoke before there was a standard.

mod google;
mod keys;
mod packet;

use packet::{Identifier, Kind, Packet};

use super::cursor::Cursor;
use super::prefix::{PREFIX_BYTES_MAX, Prefix};
use super::tls::{Answer, Flight, Offer, agreed};
use super::{Application, Protection, Reading, Said};
use crate::time::Timestamp;

/// Follows the first packets of one conversation. It keeps at most what two directions may
/// keep of their beginnings.
#[derive(Clone, Debug, Default)]
pub(super) struct Initials {
    /// What the client put first as the server's identifier: keys are made of it.
    identifier: Option<Identifier>,
    /// The messages of TLS by client and by server.
    messages: [Prefix; 2],
    datagrams: usize,
    /// When the client's first Initial passed that could be read with these keys.
    asked: Option<Timestamp>,
    /// Nanoseconds from then to the server's first one.
    answered_nanos: Option<u64>,
    /// A packet had the form of an Initial and of nothing else, or could be read.
    is_quic: bool,
}

impl Initials {
    /// Takes the next datagram, and says what is known once both hellos are, or once so many
    /// datagrams went by that no hello is to be expected any more.
    pub(super) fn take(&mut self, is_client: bool, datagram: &[u8], now: Timestamp) -> Reading {
        self.datagrams = self.datagrams.saturating_add(1);
        if is_clear(datagram)
            && let Some(said) = google::of_datagram(datagram)
        {
            return Reading::Done(said);
        }
        let mut cursor = Cursor::new(datagram);
        for _ in 0..PACKETS_MAX {
            let Some(packet) = Packet::read(&mut cursor) else {
                break;
            };
            if packet.kind == Kind::Initial {
                let payload = self.open(is_client, &packet);
                self.is_quic |= packet.is_sure || payload.is_some();
                if let Some(payload) = payload {
                    self.time(is_client, now);
                    self.keep(
                        is_client,
                        crypto_frames(&payload, packet.is_before_standard()),
                    );
                }
            }
        }
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
        self.messages.iter().map(Prefix::memory_bytes).sum()
    }

    /// Decrypts a packet. The identifier of the client's first packet counts for the whole
    /// conversation; but after a Retry (RFC 9001 section 5.2), or where another conversation
    /// follows, it is a later one's.
    fn open(&mut self, is_client: bool, packet: &Packet<'_>) -> Option<Vec<u8>> {
        let known = self.identifier.as_ref();
        let payload = known.and_then(|it| packet.open(it, is_client));
        if payload.is_some() || !is_client || known == Some(&packet.destination) {
            return payload;
        }
        let payload = packet.open(&packet.destination, is_client)?;
        self.identifier = Some(packet.destination);
        self.messages = <[Prefix; 2]>::default();
        // What was asked before was answered by a Retry, or is of another conversation.
        (self.asked, self.answered_nanos) = (None, None);
        Some(payload)
    }

    /// Times the answer to the client's first Initial. Of one that is sent again it cannot be
    /// told which one is answered, so the first counts: a round trip may seem longer than it
    /// is, and never shorter. So it may after a negotiation of versions, which is not read.
    fn time(&mut self, is_client: bool, now: Timestamp) {
        if is_client {
            self.asked.get_or_insert(now);
        } else if let Some(asked) = self.asked.filter(|asked| *asked < now) {
            self.answered_nanos.get_or_insert(now.nanos_since(asked));
        }
    }

    /// Nanoseconds from the client's first Initial to the server's first one, as they passed.
    pub(super) const fn answered_nanos(&self) -> Option<u64> {
        self.answered_nanos
    }

    /// Keeps what a packet carries of TLS.
    fn keep(&mut self, is_client: bool, mut pieces: Vec<(usize, &[u8])>) {
        // Some clients send their hello in many pieces in any order; in order, they leave
        // fewer gaps.
        pieces.sort_by_key(|(offset, _)| *offset);
        let [client, server] = &mut self.messages;
        let messages = if is_client { client } else { server };
        for (offset, piece) in pieces {
            messages.insert(offset, piece);
        }
    }

    fn reading(&self, is_over: bool) -> Reading {
        let [client, _] = &self.messages;
        if let Some(said) = google::of_message(client.bytes()) {
            return Reading::Done(said);
        }
        let [client, server] = self.messages.each_ref().map(|it| Flight {
            bytes: it.bytes().into(),
            is_closed: is_over || it.is_full(),
            is_shut: is_over || it.is_full(),
        });
        let answer = Answer::of(&server);
        if !answer.is_settled() {
            return Reading::More;
        }
        match agreed(Offer::of(&client, Application::Quic), &answer) {
            Reading::Done(said) => Reading::Done(self.completed(said)),
            Reading::More => Reading::More,
        }
    }

    /// Where the answer was not seen it cannot be less than TLS 1.3 (RFC 9001 section 4.2).
    fn completed(&self, mut said: Said) -> Said {
        if !self.is_quic {
            return Said::default();
        }
        if said.tls.is_some_and(|tls| !tls.is_answered) {
            said.protection = Protection::Strong;
        }
        said
    }
}

/// Whether a datagram may begin a conversation.
#[inline]
pub(super) fn begins(datagram: &[u8]) -> bool {
    is_initial(datagram) || is_clear(datagram)
}

/// Whether a long header with this version may.
#[inline(always)]
pub(super) const fn is_begun_by(version: u32) -> bool {
    packet::is_read(version) | google::is_long_version(version)
}

/// Whether it may begin one of a version that encrypts no hello.
#[inline]
fn is_clear(datagram: &[u8]) -> bool {
    google::is_clear_hello(datagram) || google::is_long_hello(datagram)
}

/// Whether a datagram begins with what may be an Initial packet of a version that is read
/// here. It looks at the header alone, and of nearly all others at the version.
#[inline]
fn is_initial(datagram: &[u8]) -> bool {
    let is_known = |datagram: &[u8]| {
        let [first, a, b, c, d] = datagram.first_chunk()?;
        let version = u32::from_be_bytes([*a, *b, *c, *d]);
        Some((first & 0x80 != 0) & packet::is_read(version))
    };
    let packet = || Packet::read(&mut Cursor::new(datagram));
    is_known(datagram) == Some(true) && packet().is_some_and(|it| it.kind == Kind::Initial)
}

/// The pieces of TLS messages in a payload, with their offsets (RFC 9000 section 19.6), up to
/// a frame that may not stand in an Initial packet (section 12.4) or that makes no sense. They
/// had another type before the standard.
fn crypto_frames(payload: &[u8], is_before_standard: bool) -> Vec<(usize, &[u8])> {
    let mut cursor = Cursor::new(payload);
    let mut pieces = Vec::new();
    let crypto = if is_before_standard {
        OLD_CRYPTO
    } else {
        CRYPTO
    };
    while next_frame(&mut cursor, &mut pieces, crypto).is_some() {}
    pieces
}

fn next_frame<'a>(
    cursor: &mut Cursor<'a>,
    pieces: &mut Vec<(usize, &'a [u8])>,
    crypto: u8,
) -> Option<()> {
    match cursor.byte()? {
        PADDING | PING => {}
        kind if kind == crypto => {
            let offset = usize::try_from(packet::number(cursor)?).ok()?;
            let length = usize::try_from(packet::number(cursor)?).ok()?;
            let piece = cursor.take(length)?;
            if !piece.is_empty() && offset < PREFIX_BYTES_MAX {
                pieces.push((offset, piece));
            }
        }
        kind @ (ACK | ACK_ECN) => {
            packet::number(cursor)?;
            packet::number(cursor)?;
            let ranges = packet::number(cursor)?;
            packet::number(cursor)?;
            let counts = if kind == ACK_ECN { 3 } else { 0 };
            // However many are said to be there: it ends with the bytes.
            for _ in 0..ranges.saturating_mul(2).saturating_add(counts) {
                packet::number(cursor)?;
            }
        }
        CONNECTION_CLOSE => {
            packet::number(cursor)?;
            packet::number(cursor)?;
            let reason_bytes = usize::try_from(packet::number(cursor)?).ok()?;
            cursor.take(reason_bytes)?;
        }
        _ => return None,
    }
    Some(())
}

/// Datagrams that are read. Hellos are in the first ones; more come with losses, with a Retry
/// and with certificates that need many.
const DATAGRAMS_MAX: usize = 16;

/// Packets of one datagram that are read: one of each kind, and some more.
const PACKETS_MAX: usize = 8;

/// Types of frames (RFC 9000 section 12.4).
const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const ACK: u8 = 0x02;
const ACK_ECN: u8 = 0x03;
const CRYPTO: u8 = 0x06;
const CONNECTION_CLOSE: u8 = 0x1c;

/// The type of frames with messages of TLS before the standard.
const OLD_CRYPTO: u8 = 0x08;

#[cfg(test)]
mod tests;
