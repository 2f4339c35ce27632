//! Packets with long headers (RFC 9000 section 17.2).

use super::keys::Keys;
use crate::dissect::cursor::Cursor;

/// A packet, still encrypted.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: Kind,
    pub(super) destination: Identifier,
    /// Whether its header alone says that it is QUIC, whatever is in it.
    pub(super) is_sure: bool,
    /// Of which versions its keys may be.
    versions: &'static [Version],
    /// All of it, and where its number begins.
    bytes: &'a [u8],
    number_offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    /// Encrypted with keys that only the peers know.
    Other,
}

impl<'a> Packet<'a> {
    /// Takes a packet from a datagram, which may hold several (RFC 9000 section 12.2).
    ///
    /// There is none where a short header begins, where the version is unknown, and where
    /// the lengths point beyond the end. A Retry and a negotiation of versions carry nothing.
    pub(super) fn read(datagram: &mut Cursor<'a>) -> Option<Self> {
        let mut cursor = *datagram;
        let first = cursor.byte()?;
        let number_of_version = cursor.u32()?;
        let versions = Version::of(number_of_version)?;
        if first & 0x80 == 0 {
            return None;
        }
        let destination_bytes = cursor.byte()?;
        let destination = Identifier::of(cursor.take(destination_bytes.into())?)?;
        let source_bytes = cursor.byte()?;
        Identifier::of(cursor.take(source_bytes.into())?)?;
        let initial_bits = versions.first()?.initial_bits();
        let kind = match (first >> 4 & 0x03).wrapping_sub(initial_bits) & 0x03 {
            0 => Kind::Initial,
            1 | 2 => Kind::Other,
            _ => return None,
        };
        if kind == Kind::Initial {
            let token_bytes = usize::try_from(number(&mut cursor)?).ok()?;
            cursor.take(token_bytes)?;
        }
        let length = usize::try_from(number(&mut cursor)?).ok()?;
        if length < PROTECTED_BYTES_MIN {
            return None;
        }
        let head_bytes = datagram.rest().len().checked_sub(cursor.rest().len())?;
        let bytes = datagram.take(head_bytes.checked_add(length)?)?;
        Some(Self {
            kind,
            destination,
            // The bit that QUIC sets, so that it is told from other protocols, may be cleared
            // where the other side agrees (RFC 9287).
            is_sure: first & 0x40 != 0 && !is_reserved(number_of_version),
            versions,
            bytes,
            number_offset: head_bytes,
        })
    }

    /// Whether its frames are those from before the standard.
    pub(super) fn is_before_standard(&self) -> bool {
        let versions = [Version::Q050, Version::T050, Version::T051];
        self.versions
            .iter()
            .any(|version| versions.contains(version))
    }

    /// Decrypts an Initial with the keys that an identifier makes (RFC 9001 section 5); the
    /// frames in it, unless the keys are wrong or the packet is damaged.
    pub(super) fn open(&self, identifier: &Identifier, is_client: bool) -> Option<Vec<u8>> {
        let mut versions = self.versions.iter();
        versions
            .find_map(|version| self.open_with(&Keys::of(*version, identifier.bytes(), is_client)?))
    }

    fn open_with(&self, keys: &Keys) -> Option<Vec<u8>> {
        let (head, protected) = self.bytes.split_at_checked(self.number_offset)?;
        let mut head = head.to_vec();
        let sample = protected.get(NUMBER_BYTES_MAX..)?.get(..SAMPLE_BYTES)?;
        let [first_mask, number_mask @ ..] = keys.mask(sample)?;
        let first = head.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number_bytes = usize::from(*first & 0x03).saturating_add(1);
        let (number, payload) = protected.split_at_checked(number_bytes)?;
        let masked = number.iter().zip(number_mask);
        head.extend(masked.map(|(byte, mask)| byte ^ mask));
        // The number is cut to its low bytes, which are all of it in the first packets.
        let number = head.iter().skip(self.number_offset);
        let number = number.fold(0, |high: u64, byte| high << 8 | u64::from(*byte));
        keys.open(number, &head, payload)
    }
}

/// What one side calls the other: up to 20 bytes (RFC 9000 section 17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identifier {
    bytes: [u8; 20],
    length: u8,
}

impl Identifier {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut identifier = Self {
            bytes: [0; 20],
            length: u8::try_from(bytes.len()).ok()?,
        };
        identifier
            .bytes
            .get_mut(..bytes.len())?
            .copy_from_slice(bytes);
        Some(identifier)
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length.into()).unwrap_or_default()
    }
}

/// Versions whose first packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Drafts 23 to 28, and the one of Facebook's library that came with them.
    Draft23,
    /// Drafts 29 to 32.
    Draft29,
    /// RFC 9001, and the last two drafts before it.
    One,
    /// RFC 9369.
    Two,
    /// The last of one operator before the standard: with its own hello, and two with TLS.
    Q050,
    T050,
    T051,
}

impl Version {
    /// Of which versions the keys of packets with a version's number may be. A reserved one
    /// has none of its own: who sends it wants it refused, and takes those that it knows.
    pub(super) const fn of(number: u32) -> Option<&'static [Self]> {
        match number {
            0xff00_0017..=0xff00_001c | 0xface_b002 => Some(&[Self::Draft23]),
            0xff00_001d..=0xff00_0020 => Some(&[Self::Draft29]),
            0x0000_0001 | 0xff00_0021..=0xff00_0022 => Some(&[Self::One]),
            0x6b33_43cf => Some(&[Self::Two]),
            Q050 => Some(&[Self::Q050]),
            T050 => Some(&[Self::T050]),
            T051 => Some(&[Self::T051]),
            _ if is_reserved(number) => Some(&[Self::One, Self::Draft29]),
            _ => None,
        }
    }

    /// The type of an Initial; those of 0-RTT, Handshake and Retry follow it, and zero follows
    /// three (RFC 9369 section 3.2).
    const fn initial_bits(self) -> u8 {
        match self {
            Self::Two => 1,
            _ => 0,
        }
    }
}

/// Whether packets of a version are read. It is asked of every datagram, and what is random
/// must not lead to a branch for each version.
#[inline(always)]
pub(super) const fn is_read(version: u32) -> bool {
    let is_draft = (version >= 0xff00_0017) & (version <= 0xff00_0022);
    let is_other = (version == 1) | (version == 0x6b33_43cf) | (version == 0xface_b002);
    let is_old = (version == Q050) | (version == T050) | (version == T051);
    is_draft | is_other | is_old | is_reserved(version)
}

/// Versions of one operator, which are letters.
const Q050: u32 = u32::from_be_bytes(*b"Q050");
const T050: u32 = u32::from_be_bytes(*b"T050");
const T051: u32 = u32::from_be_bytes(*b"T051");

/// Whether a version is one that is never spoken, so that servers learn to refuse what they do
/// not know (RFC 9000 section 15).
const fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// A number of one, two, four or eight bytes (RFC 9000 section 16).
pub(super) fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.byte()?;
    let more = cursor.take((1_usize << (first >> 6)).saturating_sub(1))?;
    let high = u64::from(first & 0x3f);
    Some(
        more.iter()
            .fold(high, |high, byte| high << 8 | u64::from(*byte)),
    )
}

/// Bytes of the longest packet number, and of what is sampled behind it to hide the number
/// (RFC 9001 section 5.4.2).
const NUMBER_BYTES_MAX: usize = 4;
const SAMPLE_BYTES: usize = 16;

/// The least that stands behind the header, so that there is something to sample.
const PROTECTED_BYTES_MIN: usize = NUMBER_BYTES_MAX + SAMPLE_BYTES;
