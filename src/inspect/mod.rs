//! Content inspection of what is sent in the clear: identifiers of persons and things, and records.
//!
//! Off unless it is asked for, because looking into what people send may itself be regulated. The
//! bytes of one direction of a conversation go in as they come. Out come only counts, hashes under
//! a key that never leaves the sensor, and samples whose middle is covered ([`Found`]). The result
//! does not depend on how the bytes are cut, and all of it is a lower bound: what is encrypted,
//! compressed otherwise or written otherwise is not seen.
//!
//! Each family of identifiers and of formats is one file, with its checks, how often noise passes
//! them, and its blind spots on top. One layer of base64 or compression is looked through, and
//! not a second one.
//!
//! Work per byte is bounded, and so is memory: a stream keeps at most [`CARRY_BYTES_MAX`] bytes
//! per layer, of which there are three, in buffers of at most 4 KiB. While it is unpacked it has
//! one decoder: some 80 KiB for gzip, and for Zstandard its tables and what it may unpack.
//!
//! Cost: the fast path touches each byte three times (words, fixed strings, base64). Whatever
//! looks like a candidate costs up to a few hundred nanoseconds more. `make noise` times it; `make
//! gate` counts what it costs the packets of those who are not inspected.

mod bits;
mod character;
mod china;
mod config;
mod context;
mod density;
mod device;
mod dicom;
mod digits;
mod finance;
mod found;
mod genome;
mod health;
mod judge;
mod layer;
mod magic;
mod mail;
mod money;
mod national;
mod position;
mod records;
mod runs;
mod sight;
#[cfg(test)]
mod tests;
mod unpack;
mod vehicle;
mod words;

pub use config::{InspectConfig, InspectError};
pub use found::{Format, Found, HASHES_MAX, Kind, Names, Sightings, Skip};

use std::fmt;
use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use context::Context;
use layer::Layer;
use magic::Magics;

/// Whether numbers that card schemes publish for tests count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestCards {
    /// They do not, so that a test system is no leak.
    #[default]
    Ignored,
    /// They do, for exercises.
    Counted,
}

/// Looks into streams. Threads can share one: it never changes.
pub struct Inspector {
    key: [u8; 16],
    test_cards: TestCards,
    context: Context,
    magics: Magics,
}

impl Inspector {
    /// An inspector whose hashes are made with this key. Who has the key can find out values by
    /// trying them, so it must be random, and never be written out.
    ///
    /// # Errors
    /// If the automata cannot be built, which depends on nothing that is configured.
    pub fn new(key: [u8; 16], test_cards: TestCards) -> Result<Self, InspectorError> {
        Ok(Self {
            key,
            test_cards,
            context: Context::new().map_err(|_| InspectorError)?,
            magics: Magics::new().map_err(|_| InspectorError)?,
        })
    }

    /// Takes the next bytes of a stream, in any cut, and adds what they show.
    ///
    /// The last [`CARRY_BYTES_MAX`] bytes may be judged later, so [`Self::finish`] belongs to each
    /// stream. Where bytes are missing, finish the stream and begin another one.
    pub fn push(&self, stream: &mut Stream, bytes: &[u8], found: &mut Found) {
        stream.layer.push(self, bytes, found);
    }

    /// Judges what is left of a stream that ended.
    pub fn finish(&self, mut stream: Stream, found: &mut Found) {
        stream.layer.finish(self, found);
    }

    /// The hash of a value of a kind: SipHash-2-4 with a key of 128 bits.
    ///
    /// It takes some 20 ns for so few bytes, where an HMAC with SHA-256 takes four blocks and some
    /// 300 ns. As a function whose outputs say nothing about its key it was made for this
    /// (Aumasson and Bernstein 2012). With 64 bits two of a million values collide with a
    /// probability of 3 in 10^8.
    fn hash(&self, kind: Kind, value: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(kind as u8);
        hasher.write(value);
        hasher.finish()
    }
}

impl fmt::Debug for Inspector {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector")
            .field("test_cards", &self.test_cards)
            .finish_non_exhaustive()
    }
}

/// What is carried of one direction of one conversation.
///
/// It holds the last bytes of content, so it can be neither printed nor written out.
#[derive(Default)]
pub struct Stream {
    layer: Layer,
}

impl Stream {
    /// Bytes of content that wait to be judged or may be looked at again.
    pub fn kept_bytes(&self) -> usize {
        self.layer.kept_bytes()
    }
}

impl fmt::Debug for Stream {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("kept_bytes", &self.kept_bytes())
            .finish_non_exhaustive()
    }
}

/// The automata of an inspector could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectorError;

impl fmt::Display for InspectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the search for identifiers could not be built; please report this as a bug")
    }
}

impl std::error::Error for InspectorError {}

/// Bytes that are kept of a layer of a stream between two pieces.
pub const CARRY_BYTES_MAX: usize = layer::CARRY_BYTES_MAX;

/// Bytes that are unpacked of one stream.
pub const UNPACKED_BYTES_MAX: u64 = 1 << 20;

/// How many times larger than before compressed content may become.
pub const RATIO_MAX: u64 = 100;
