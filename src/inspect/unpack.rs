//! Content that is compressed: gzip, zlib, raw deflate and Zstandard, also in chunks of HTTP.
//!
//! Bytes are decoded in blocks of [`BLOCK_BYTES`], counted from where the compressed content
//! begins, so that what comes out before an error or a limit does not depend on how the stream
//! was cut. A file may grow [`super::RATIO_MAX`] times, a stream may unpack
//! [`super::UNPACKED_BYTES_MAX`]; what is beyond is not looked at, and counted. Bytes behind the
//! end of the content in the same block are lost, which can hide the beginning of the next header.
//! Blind spots: Brotli, compress, dictionaries, and zip.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::found::Skip;
use super::records::Progress;
use super::{RATIO_MAX, UNPACKED_BYTES_MAX};

/// How content is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// RFC 1952, or several of them.
    Gzip,
    /// `deflate` of HTTP: RFC 1950, or RFC 1951 by many servers.
    Deflate,
    /// RFC 8878.
    Zstd,
}

/// How content is cut by HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// It is not.
    Plain,
    /// In chunks (RFC 9112 section 7.1).
    Chunked,
}

/// Content that is being decoded.
pub(super) struct Unpack {
    packing: Packing,
    decoder: Option<Decoder>,
    chunks: Option<Chunks>,
    block: Vec<u8>,
    input_bytes: u64,
    output_bytes: u64,
}

enum Decoder {
    Gzip(Box<MultiGzDecoder<Room>>),
    Zlib(Box<ZlibDecoder<Room>>),
    Deflate(Box<DeflateDecoder<Room>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Room>>),
}

/// What comes out of one block, as far as it may.
struct Room {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = ROOM_BYTES_MAX.saturating_sub(self.bytes.len());
        let count = room.min(bytes.len());
        self.bytes.extend(bytes.iter().take(count));
        self.is_over |= count < bytes.len();
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpack {
    pub(super) fn new(packing: Packing, framing: Framing) -> Self {
        Self {
            packing,
            decoder: None,
            chunks: (framing == Framing::Chunked).then(Chunks::default),
            block: Vec::with_capacity(BLOCK_BYTES),
            input_bytes: 0,
            output_bytes: 0,
        }
    }

    /// Takes the next bytes and gives out what they decode to. Adds up what the stream has
    /// unpacked in `budget`.
    ///
    /// # Errors
    /// Says why nothing more can be looked at, and how many of the bytes were taken.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        budget: &mut u64,
        out: &mut impl FnMut(&[u8]),
    ) -> Result<Progress, (Skip, usize)> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let missing = BLOCK_BYTES.saturating_sub(self.block.len());
            let (part, is_end) = match &mut self.chunks {
                Some(chunks) => chunks.next(&mut rest, missing),
                None => {
                    let (part, behind) = rest.split_at(missing.min(rest.len()));
                    rest = behind;
                    (part, false)
                }
            };
            self.block.extend_from_slice(part);
            let taken = bytes.len() - rest.len();
            let is_going = if self.block.len() == BLOCK_BYTES {
                self.decode(budget, out).map_err(|reason| (reason, taken))?
            } else {
                true
            };
            if is_end || !is_going {
                return Ok(Progress::Done(taken));
            }
        }
        Ok(Progress::Going)
    }

    /// Decodes what is left of the last block.
    ///
    /// # Errors
    /// Says why nothing more can be looked at.
    pub(super) fn finish(
        &mut self,
        budget: &mut u64,
        out: &mut impl FnMut(&[u8]),
    ) -> Result<(), Skip> {
        if !self.block.is_empty() {
            self.decode(budget, out)?;
        }
        Ok(())
    }

    /// Decodes one block. False if the content has ended.
    fn decode(&mut self, budget: &mut u64, out: &mut impl FnMut(&[u8])) -> Result<bool, Skip> {
        let block = std::mem::take(&mut self.block);
        let decoder = match &mut self.decoder {
            Some(decoder) => decoder,
            None => self
                .decoder
                .insert(Decoder::new(self.packing, &block).ok_or(Skip::Broken)?),
        };
        let is_right = decoder.write(&block).is_ok();
        self.input_bytes = self.input_bytes.saturating_add(block.len() as u64);
        let room = decoder.room();
        let unpacked = room.bytes.len() as u64;
        let is_over = room.is_over;
        self.output_bytes = self.output_bytes.saturating_add(unpacked);
        let allowed = UNPACKED_BYTES_MAX.saturating_sub(*budget).min(unpacked);
        let count = usize::try_from(allowed).unwrap_or(usize::MAX);
        out(room.bytes.get(..count).unwrap_or_default());
        room.bytes.clear();
        *budget = budget.saturating_add(unpacked);
        self.block = block;
        self.block.clear();
        let limit = self
            .input_bytes
            .saturating_mul(RATIO_MAX)
            .max(BOMB_BYTES_MIN);
        if is_over || self.output_bytes > limit {
            return Err(Skip::Bomb);
        }
        if *budget > UNPACKED_BYTES_MAX {
            return Err(Skip::Budget);
        }
        if !is_right && self.output_bytes == 0 {
            return Err(Skip::Broken);
        }
        Ok(is_right)
    }
}

impl Decoder {
    fn new(packing: Packing, first: &[u8]) -> Option<Self> {
        let room = Room {
            bytes: Vec::new(),
            is_over: false,
        };
        Some(match packing {
            Packing::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(room))),
            Packing::Deflate if is_zlib(first) => Self::Zlib(Box::new(ZlibDecoder::new(room))),
            Packing::Deflate => Self::Deflate(Box::new(DeflateDecoder::new(room))),
            Packing::Zstd => {
                let mut decoder = zstd::stream::write::Decoder::new(room).ok()?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).ok()?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }

    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        let writer: &mut dyn Write = match self {
            Self::Gzip(decoder) => decoder,
            Self::Zlib(decoder) => decoder,
            Self::Deflate(decoder) => decoder,
            Self::Zstd(decoder) => decoder,
        };
        let written = writer.write_all(block);
        // What was decoded before an error counts too.
        let flushed = writer.flush();
        written.and(flushed)
    }

    fn room(&mut self) -> &mut Room {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }
}

/// Whether it begins like zlib: method 8, and a check modulo 31 (RFC 1950 section 2.2).
fn is_zlib(first: &[u8]) -> bool {
    let Some([method, flags]) = first.first_chunk::<2>() else {
        return false;
    };
    method & 0x0F == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
}

/// The chunks of a body, without their sizes.
#[derive(Default)]
struct Chunks {
    /// The size that is being read, and then the bytes of the chunk that are left.
    left: u64,
    part: Part,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Size,
    Extension,
    Data,
    DataEnd,
}

impl Chunks {
    /// At most so many bytes of data from the front of the rest, and whether the body ends.
    fn next<'a>(&mut self, rest: &mut &'a [u8], max: usize) -> (&'a [u8], bool) {
        while let Some((byte, behind)) = rest.split_first() {
            match self.part {
                Part::Data => {
                    let left = usize::try_from(self.left).unwrap_or(usize::MAX);
                    let (data, behind) = rest.split_at(left.min(max).min(rest.len()));
                    self.left -= data.len() as u64;
                    *rest = behind;
                    if self.left == 0 {
                        self.part = Part::DataEnd;
                    }
                    return (data, false);
                }
                Part::Size => match char::from(*byte).to_digit(16) {
                    Some(digit) if self.left < 1 << 32 => {
                        self.left = self.left << 4 | u64::from(digit);
                    }
                    None if matches!(byte, b'\r' | b';' | b' ') => self.part = Part::Extension,
                    _ => return (&[], true),
                },
                Part::Extension if *byte == b'\n' && self.left == 0 => return (&[], true),
                Part::Extension if *byte == b'\n' => self.part = Part::Data,
                Part::DataEnd if *byte == b'\n' => self.part = Part::Size,
                Part::Extension | Part::DataEnd => {}
            }
            *rest = behind;
        }
        (&[], false)
    }
}

/// Bytes that are decoded at a time.
const BLOCK_BYTES: usize = 64;
/// Bytes that one block may decode to.
const ROOM_BYTES_MAX: usize = 256 * 1_024;
/// What content may decode to before it can be called a bomb, in bytes.
const BOMB_BYTES_MIN: u64 = 64 * 1_024;
/// The largest window of Zstandard: 2^23 bytes, which HTTP allows (RFC 9659). A stream fills
/// no more of it than it may unpack.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
