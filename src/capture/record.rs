//! What the reader of a format makes of the bytes before it.

use super::{Frame, LinkType};
use crate::time::Timestamp;

/// A whole record with a frame in it, at the start of the bytes that were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) timestamp: Timestamp,
    /// Length on the wire, at least `data_bytes`.
    pub(super) original_length: u32,
    pub(super) link_type: LinkType,
    /// Where the frame stands in the record.
    pub(super) data_start: usize,
    pub(super) data_bytes: usize,
    /// Length of the whole record.
    pub(super) record_bytes: usize,
}

impl Record {
    /// The frame in the record, whose bytes begin `bytes`.
    #[inline]
    pub(super) fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        let data = bytes.get(self.data_start..).unwrap_or_default();
        Frame {
            timestamp: self.timestamp,
            original_length: self.original_length,
            link_type: self.link_type,
            data: data.get(..self.data_bytes).unwrap_or(data),
        }
    }
}

/// What stands at the start of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Record(Record),
    /// So many bytes without a frame.
    Skip(usize),
    /// At least so many bytes are needed to tell.
    Short(usize),
    /// Something with sound ends that cannot be used.
    Unusable {
        bytes: usize,
        message: String,
    },
    /// Something whose end cannot be told.
    Broken(String),
}

/// Whether records seem to start at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plausible {
    Yes,
    No,
    /// At least so many bytes are needed to tell.
    Short(usize),
}

/// The four bytes at `offset` as a number, 0 where there are none.
#[inline]
pub(super) fn word(bytes: &[u8], offset: usize, is_big_endian: bool) -> u32 {
    let Some(word) = bytes.get(offset..).and_then(|it| it.first_chunk()) else {
        return 0;
    };
    if is_big_endian {
        u32::from_be_bytes(*word)
    } else {
        u32::from_le_bytes(*word)
    }
}

/// The two bytes at `offset` as a number, 0 where there are none.
pub(super) fn half_word(bytes: &[u8], offset: usize, is_big_endian: bool) -> u16 {
    let Some(half) = bytes.get(offset..).and_then(|it| it.first_chunk()) else {
        return 0;
    };
    if is_big_endian {
        u16::from_be_bytes(*half)
    } else {
        u16::from_le_bytes(*half)
    }
}

/// Length of the longest record that is read: libpcap's bound for a block of pcapng, far
/// above any frame that a network carries.
pub(super) const RECORD_BYTES_MAX: usize = 16 << 20;

/// Captured length that is believed whatever a file says of its snap length, and the most
/// that is believed where records are searched for: libpcap's largest snap length.
pub(super) const FRAME_BYTES_MAX: u32 = 262_144;
