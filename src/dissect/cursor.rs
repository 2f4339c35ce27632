//! Reads bytes from the front of a slice, and never beyond its end.

/// What is left of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    left: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next so many bytes, or nothing if there are fewer; then none is taken.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count)?;
        self.left = left;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, left) = self.left.split_first()?;
        self.left = left;
        Some(*first)
    }

    /// A number in network order.
    pub(super) fn u16(&mut self) -> Option<u16> {
        let (first, left) = self.left.split_first_chunk()?;
        self.left = left;
        Some(u16::from_be_bytes(*first))
    }

    /// A number of three bytes in network order.
    pub(super) fn u24(&mut self) -> Option<u32> {
        let ([a, b, c], left) = self.left.split_first_chunk()?;
        self.left = left;
        Some(u32::from_be_bytes([0, *a, *b, *c]))
    }

    /// A number in network order.
    pub(super) fn u32(&mut self) -> Option<u32> {
        let (first, left) = self.left.split_first_chunk()?;
        self.left = left;
        Some(u32::from_be_bytes(*first))
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.left
    }
}
