//! One layer of a stream: its bytes as they came, or what was unpacked or decoded from them.
//!
//! It keeps the bytes that detectors may still look at, so that each place is judged once and
//! with the same bytes around it, however the stream is cut.

use super::Inspector;
use super::bits::BITS;
use super::found::Found;
use super::records::Records;
use super::runs::Runs;
use super::sight::{AHEAD_BYTES, BACK_BYTES, Densities, Sight, View};
use super::words::Words;

/// How deep a layer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Depth {
    /// As on the wire.
    #[default]
    Outer,
    /// Unpacked or decoded. What is packed in it is not followed.
    Inner,
}

/// What one layer carries from one piece to the next.
#[derive(Default)]
pub(super) struct Layer {
    depth: Depth,
    bytes: Vec<u8>,
    /// The first byte that was not judged.
    next: usize,
    is_continued: bool,
    words: Words,
    records: Records,
    runs: Runs,
    densities: Densities,
    unpacked: Option<Box<Self>>,
    decoded: Option<Box<Self>>,
}

impl Layer {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, inspector: &Inspector, bytes: &[u8], found: &mut Found) {
        for piece in bytes.chunks(PIECE_BYTES) {
            if self.bytes.capacity() == 0 {
                self.bytes
                    .reserve_exact(piece.len().saturating_add(CARRY_BYTES_MAX));
            }
            self.bytes.extend_from_slice(piece);
            let limit = self.bytes.len().saturating_sub(AHEAD_BYTES);
            if limit > self.next {
                self.scan(limit, inspector, found);
                self.drop_judged();
            }
        }
    }

    /// Judges what is left. The layer can be used for another stream then, whose densities
    /// continue those of this one.
    pub(super) fn end(&mut self, inspector: &Inspector, found: &mut Found) {
        self.scan(self.bytes.len(), inspector, found);
        let mut sight = Sight {
            inspector,
            densities: &mut self.densities,
            found,
            words: None,
        };
        self.records
            .finish(&mut sight, self.unpacked.as_deref_mut());
        self.runs.finish(&mut sight, self.decoded.as_deref_mut());
        self.bytes.clear();
        self.next = 0;
        self.is_continued = false;
        self.words = Words::default();
        self.records = Records::default();
        self.runs = Runs::default();
    }

    /// Ends the stream for good.
    pub(super) fn finish(&mut self, inspector: &Inspector, found: &mut Found) {
        self.end(inspector, found);
        self.densities.finish(found);
        for inner in [&mut self.unpacked, &mut self.decoded]
            .into_iter()
            .flatten()
        {
            inner.densities.finish(found);
        }
    }

    /// Bytes of content that are kept here, and not in decoders.
    pub(super) fn kept_bytes(&self) -> usize {
        let inner = [&self.unpacked, &self.decoded].into_iter().flatten();
        inner.fold(self.bytes.len(), |sum, inner| {
            sum.saturating_add(inner.kept_bytes())
        })
    }

    fn scan(&mut self, limit: usize, inspector: &Inspector, found: &mut Found) {
        if self.depth == Depth::Outer {
            for inner in [&mut self.unpacked, &mut self.decoded] {
                inner.get_or_insert_with(|| {
                    Box::new(Self {
                        depth: Depth::Inner,
                        ..Self::default()
                    })
                });
            }
        }
        let is_beginning = !self.is_continued;
        let view = View {
            bytes: &self.bytes,
            limit,
            is_beginning,
        };
        let mut sight = Sight {
            inspector,
            densities: &mut self.densities,
            found,
            words: None,
        };
        self.words.scan(&view, &mut sight);
        self.records
            .scan(&view, &mut sight, self.unpacked.as_deref_mut());
        self.runs
            .scan(&view, &mut sight, self.decoded.as_deref_mut());
        self.next = limit;
    }

    fn drop_judged(&mut self) {
        let surplus = self.next.saturating_sub(BACK_BYTES);
        if surplus == 0 {
            return;
        }
        self.bytes.drain(..surplus);
        self.next -= surplus;
        self.is_continued = true;
        self.words.shift(surplus);
        self.records.shift(surplus);
        self.runs.shift(surplus);
    }
}

/// Bytes that are judged at a time.
pub(super) const PIECE_BYTES: usize = 1_536;
/// Bytes that are kept from one piece to the next.
pub(super) const CARRY_BYTES_MAX: usize = BACK_BYTES + AHEAD_BYTES;

const _: () = assert!(PIECE_BYTES + CARRY_BYTES_MAX <= BITS);
