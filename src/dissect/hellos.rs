//! Conversations over UDP that begin with hellos.

use super::dtls::{self, Handshake};
use super::quic::{self, Initials};
use super::{Reading, Said};
use crate::time::Timestamp;

/// Follows the first datagrams of one conversation. It keeps at most what two directions may
/// keep of their beginnings.
#[derive(Clone, Debug)]
pub struct Hellos(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Quic(Initials),
    Dtls(Handshake),
}

/// Whether a datagram may begin such a conversation. It is asked of every datagram, and looks at
/// its first bytes.
#[inline]
pub fn begins_with_hello(datagram: &[u8]) -> bool {
    quic::begins(datagram) || dtls::begins(datagram)
}

/// Whether a long header of QUIC with this version may begin such a conversation. It is asked of
/// every datagram, and leads to no branch.
#[inline(always)]
pub const fn is_quic_version(version: u32) -> bool {
    quic::is_begun_by(version)
}

impl Hellos {
    /// Begins to follow a conversation whose first datagram is this one, which is to be taken
    /// then; nothing if it does not begin with hellos.
    pub fn begin(datagram: &[u8]) -> Option<Self> {
        if quic::begins(datagram) {
            return Some(Self(Kind::Quic(Initials::default())));
        }
        dtls::begins(datagram).then(|| Self(Kind::Dtls(Handshake::default())))
    }

    /// Takes the next datagram, which passes now, and says what is known once both hellos are, or
    /// once so many datagrams went by that no hello is to be expected any more.
    pub fn take(&mut self, is_client: bool, datagram: &[u8], now: Timestamp) -> Reading {
        match &mut self.0 {
            Kind::Quic(initials) => initials.take(is_client, datagram, now),
            Kind::Dtls(handshake) => handshake.take(is_client, datagram),
        }
    }

    /// What is known so far.
    pub fn said(&self) -> Said {
        match &self.0 {
            Kind::Quic(initials) => initials.said(),
            Kind::Dtls(handshake) => handshake.said(),
        }
    }

    /// Nanoseconds from the client's first hello to the server's answer, as they passed, at most
    /// 4 seconds; none where that was not seen, and of DTLS.
    pub fn answered_nanos(&self) -> Option<u32> {
        let Kind::Quic(initials) = &self.0 else {
            return None;
        };
        let nanos = initials.answered_nanos()?;
        Some(u32::try_from(nanos).unwrap_or(u32::MAX))
    }

    /// Bytes of memory that it takes beside itself.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Kind::Quic(initials) => initials.memory_bytes(),
            Kind::Dtls(handshake) => handshake.memory_bytes(),
        }
    }
}
