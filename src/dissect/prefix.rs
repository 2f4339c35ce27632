//! The beginning of one direction, put together from pieces in any order.

/// The first bytes of a stream, as far as they have come.
///
/// Where two pieces overlap, the first one stands. What lies beyond [`PREFIX_BYTES_MAX`],
/// and pieces that would leave more than eight gaps, are passed over.
#[derive(Clone, Debug, Default)]
pub struct Prefix {
    bytes: Vec<u8>,
    /// What has come, as ranges in order that neither overlap nor touch.
    ranges: Vec<(u32, u32)>,
}

/// Bytes that are kept of a direction: a hello with a post-quantum key share, the
/// certificates of a server, a long request head.
pub const PREFIX_BYTES_MAX: usize = 16_384;

/// Memory that [`Prefix::emptied`] keeps.
const KEPT_BYTES_MAX: usize = 4_096;

/// Bytes of both directions of a conversation in which hellos and what goes before them are
/// found: all that is worth asking for.
const HELLO_BYTES: usize = 4_096;

/// How many bytes of a conversation that begins so are worth asking for: more where the
/// first record of TLS says that it is longer than usual.
pub fn bytes_wanted(first: &[u8]) -> usize {
    match first {
        [22, 1 | 3, _, high, low, ..] => {
            let record = usize::from(u16::from_be_bytes([*high, *low]));
            HELLO_BYTES
                .max(record.saturating_add(HELLO_BYTES / 2))
                .min(PREFIX_BYTES_MAX)
        }
        _ => HELLO_BYTES,
    }
}

/// Gaps that may be open at once.
const GAPS_MAX: usize = 8;

impl Prefix {
    /// Adds what stands at an offset from the beginning. Says whether anything was new.
    pub fn insert(&mut self, offset: usize, piece: &[u8]) -> bool {
        let room = PREFIX_BYTES_MAX.saturating_sub(offset);
        let piece = piece.get(..room).unwrap_or(piece);
        if piece.is_empty() {
            return false;
        }
        let (begin, end) = (offset as u32, (offset + piece.len()) as u32);
        let first = self.ranges.partition_point(|(_, until)| *until < begin);
        let behind = self.ranges.partition_point(|(from, _)| *from <= end);
        if first == behind && self.ranges.len() > GAPS_MAX {
            return false;
        }
        if self.bytes.len() < end as usize {
            self.bytes.resize(end as usize, 0);
        }
        let (mut at, mut is_new) = (begin, false);
        let touched = self.ranges.get(first..behind).unwrap_or_default();
        let known = touched.iter().copied().chain([(end, end)]);
        for (from, until) in known {
            let gap = at as usize..(from.clamp(at, end)) as usize;
            let source = gap.start - offset..gap.end - offset;
            if let (Some(into), Some(from)) = (self.bytes.get_mut(gap), piece.get(source))
                && !from.is_empty()
            {
                into.copy_from_slice(from);
                is_new = true;
            }
            at = at.max(until.min(end));
        }
        let whole = touched
            .iter()
            .fold((begin, end), |(low, high), (from, until)| {
                (low.min(*from), high.max(*until))
            });
        self.ranges.splice(first..behind, [whole]);
        is_new
    }

    /// What has come without a gap from the first byte on.
    pub fn bytes(&self) -> &[u8] {
        match self.ranges.first() {
            Some((0, until)) => self.bytes.get(..*until as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether nothing has come yet.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether nothing can be added any more.
    pub fn is_full(&self) -> bool {
        self.bytes().len() == PREFIX_BYTES_MAX
    }

    /// Nothing again, in the same memory if that is no more than a hello needs.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            return Self::default();
        }
        self.bytes.clear();
        self.ranges.clear();
        self
    }

    /// Bytes of memory that it takes.
    pub const fn memory_bytes(&self) -> usize {
        self.bytes.capacity() + self.ranges.capacity() * size_of::<(u32, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gap_ends_what_is_told_until_it_is_filled() {
        let mut prefix = Prefix::default();
        assert!(prefix.insert(3, b"def"));
        assert_eq!(prefix.bytes(), b"");
        assert!(prefix.insert(0, b"abc"));
        assert_eq!(prefix.bytes(), b"abcdef");
        assert!(!prefix.insert(1, b"XX"), "the first one stands");
        assert_eq!(prefix.bytes(), b"abcdef");
        assert!(!prefix.insert(PREFIX_BYTES_MAX, b"x"));
    }

    #[test]
    fn it_is_bounded() {
        let mut prefix = Prefix::default();
        for offset in (1..).step_by(2).take(10_000) {
            prefix.insert(offset, b"x");
        }
        assert!(prefix.ranges.len() <= GAPS_MAX + 1);
        assert!(prefix.insert(0, &[7; 100_000]));
        assert!(prefix.is_full());
        assert_eq!(prefix.ranges.len(), 1);
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_give_what_was_sent(
            cuts in prop::collection::vec((0usize..200, 0usize..60), 1..12),
        ) {
            let sent: Vec<u8> = (0..=255).collect();
            let mut prefix = Prefix::default();
            let mut known = [false; 256];
            for (from, length) in cuts.iter().take(GAPS_MAX) {
                let piece = &sent[*from..(from + length).min(256)];
                let is_new = (*from..from + piece.len()).any(|at| !known[at]);
                prop_assert_eq!(prefix.insert(*from, piece), is_new);
                known[*from..from + piece.len()].fill(true);
                let whole = known.iter().position(|known| !known).unwrap_or(256);
                prop_assert_eq!(prefix.bytes(), &sent[..whole]);
            }
        }
    }
}
