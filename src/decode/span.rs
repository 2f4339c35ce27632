//! A part of a frame, with what the snap length cut off it.

use crate::capture::Frame;

/// The bytes from some header on: those that were captured, and how many there were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// What was captured.
    pub(super) bytes: &'a [u8],
    /// How many bytes were on the wire.
    pub(super) wire_bytes: u32,
    /// Where it starts in the frame.
    pub(super) offset: usize,
}

impl<'a> Span<'a> {
    /// All of a frame. A record that claims fewer bytes than it holds had them all.
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        Self {
            bytes: frame.data,
            wire_bytes: wire_bytes(frame),
            offset: 0,
        }
    }

    /// What stands behind the first `count` bytes, if those were captured.
    pub(super) fn skip(self, count: usize) -> Option<Self> {
        (count <= self.bytes.len()).then(|| self.behind(count))
    }

    /// What stands behind the first `count` bytes, captured or not.
    pub(super) fn behind(self, count: usize) -> Self {
        Self {
            bytes: self.bytes.get(count..).unwrap_or_default(),
            wire_bytes: self.wire_bytes.saturating_sub(length(count)),
            offset: self.offset.saturating_add(count),
        }
    }

    /// The first `wire_bytes` at most: what comes later is padding or a trailer.
    pub(super) fn limit(self, wire_bytes: u32) -> Self {
        let end = usize::try_from(wire_bytes).unwrap_or(usize::MAX);
        Self {
            bytes: self.bytes.get(..end).unwrap_or(self.bytes),
            wire_bytes: self.wire_bytes.min(wire_bytes),
            ..self
        }
    }

    /// The `N` bytes that start at `offset`, if all of them were captured.
    pub(super) fn at<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.bytes.get(offset..)?.first_chunk().copied()
    }

    /// The byte at `offset`.
    pub(super) fn byte(self, offset: usize) -> Option<u8> {
        self.bytes.get(offset).copied()
    }

    /// The two bytes at `offset`, in network byte order.
    pub(super) fn u16(self, offset: usize) -> Option<u16> {
        self.at(offset).map(u16::from_be_bytes)
    }

    /// The four bytes at `offset`, in network byte order.
    pub(super) fn u32(self, offset: usize) -> Option<u32> {
        self.at(offset).map(u32::from_be_bytes)
    }
}

/// How many bytes of a frame were on the wire.
#[inline]
pub(super) fn wire_bytes(frame: &Frame<'_>) -> u32 {
    frame.original_length.max(length(frame.data.len()))
}

/// A length in memory as one on the wire.
#[inline]
pub(super) fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// A place in a frame as packets hold it: 65,535 stands for all that lies beyond.
#[inline]
pub(super) fn place(offset: u32) -> u16 {
    u16::try_from(offset).unwrap_or(u16::MAX)
}
