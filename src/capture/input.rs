//! A window over the bytes of a capture, unpacked where they are packed.

use std::io::{self, BufReader, ErrorKind, Read};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;

use super::descriptor::Descriptor;

/// A buffer that is filled by plain reads and out of which frames are lent.
///
/// Reads into a buffer of the size of a second-level cache were measured at twice the speed
/// of a mapped file, whose pages are touched cold.
pub(super) struct Input {
    reader: Reader,
    buffer: Vec<u8>,
    /// The window is `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Offset of the first byte of the buffer in the unpacked bytes.
    buffer_offset: u64,
}

/// How a capture can be packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Members of RFC 1952, one or several.
    Gzip,
    /// Frames of RFC 8878, one or several.
    Zstd,
}

/// What the first bytes of a packed file tell.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packed {
    As(Packing),
    /// In a format that is not read here but captures are kept in, too.
    Unreadably {
        format: &'static str,
        /// What undoes it.
        command: &'static str,
    },
}

impl Packed {
    /// Looks at the first four bytes of a file.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes.first_chunk::<4>()? {
            [0x1f, 0x8b, ..] => Some(Self::As(Packing::Gzip)),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::As(Packing::Zstd)),
            [0xfd, b'7', b'z', b'X'] => Some(Self::Unreadably {
                format: "xz",
                command: "unxz",
            }),
            [b'B', b'Z', b'h', _] => Some(Self::Unreadably {
                format: "bzip2",
                command: "bunzip2",
            }),
            _ => None,
        }
    }
}

impl Packing {
    /// Its usual name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Whether the window holds what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    Enough,
    /// More may come: a pipe is silent, or a followed file has not grown.
    NotYet,
    /// No more will come.
    End,
}

enum Reader {
    Plain(Descriptor),
    Gzip(Box<MultiGzDecoder<BufReader<Descriptor>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Descriptor>>>),
    /// It could not be unpacked.
    Closed,
}

impl Input {
    pub(super) fn new(descriptor: Descriptor) -> Self {
        Self {
            reader: Reader::Plain(descriptor),
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            buffer_offset: 0,
        }
    }

    /// The window: bytes that are read and not consumed.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Moves the start of the window by `bytes`, at most to its end.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }

    /// Consumes so many bytes, and lends them and those behind them.
    pub(super) fn lend(&mut self, bytes: usize) -> &[u8] {
        let at = self.start;
        self.consume(bytes);
        self.buffer.get(at..self.end).unwrap_or_default()
    }

    /// Reads until the window holds at least `bytes`.
    ///
    /// # Errors
    ///
    /// Where the system cannot read, packed bytes contradict themselves, or a followed file
    /// is not the same any more.
    pub(super) fn fill(&mut self, bytes: usize) -> io::Result<Filled> {
        while self.end - self.start < bytes {
            self.make_room(bytes);
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(room) {
                Ok(0) => return Ok(Filled::End),
                Ok(count) => self.end += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Filled::NotYet),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Filled::Enough)
    }

    /// Reads the bytes again from the beginning of the window on, as packed ones.
    pub(super) fn unpack(&mut self, packing: Packing) -> io::Result<()> {
        let Reader::Plain(mut descriptor) = std::mem::replace(&mut self.reader, Reader::Closed)
        else {
            return Err(io::Error::other("is packed twice"));
        };
        descriptor.unread(self.bytes().to_vec());
        (self.start, self.end, self.buffer_offset) = (0, 0, 0);
        let packed = BufReader::with_capacity(PACKED_BUFFER_BYTES, descriptor);
        self.reader = match packing {
            Packing::Gzip => Reader::Gzip(Box::new(MultiGzDecoder::new(packed))),
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Reader::Zstd(Box::new(decoder))
            }
        };
        Ok(())
    }

    /// How it is packed.
    pub(super) const fn packing(&self) -> Option<Packing> {
        match self.reader {
            Reader::Gzip(_) => Some(Packing::Gzip),
            Reader::Zstd(_) => Some(Packing::Zstd),
            Reader::Plain(_) | Reader::Closed => None,
        }
    }

    /// Offset of the window's first byte in the unpacked bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.buffer_offset.saturating_add(self.start as u64)
    }

    /// Bytes of the file that were read: what was consumed of a plain one, what was unpacked
    /// of a packed one.
    pub(super) fn position_bytes(&self) -> u64 {
        match (&self.reader, self.descriptor()) {
            (Reader::Gzip(_) | Reader::Zstd(_), Some(descriptor)) => descriptor.position_bytes(),
            _ => self.offset(),
        }
    }

    /// Where the bytes come from, unless that has failed.
    pub(super) fn descriptor(&self) -> Option<&Descriptor> {
        match &self.reader {
            Reader::Plain(descriptor) => Some(descriptor),
            Reader::Gzip(decoder) => Some(decoder.get_ref().get_ref()),
            Reader::Zstd(decoder) => Some(decoder.get_ref().get_ref()),
            Reader::Closed => None,
        }
    }

    /// Sleeps until more may have come, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        if let Some(descriptor) = self.descriptor() {
            descriptor.wait(timeout);
        }
    }

    /// Makes room behind the window for `bytes` of it in all.
    ///
    /// The window moves only when at least as much was consumed as is moved, and the buffer
    /// holds twice what is asked for, so that whatever lengths a file claims, each of its
    /// bytes is moved about once.
    fn make_room(&mut self, bytes: usize) {
        let rest = self.end - self.start;
        if self.start >= rest {
            self.buffer.copy_within(self.start..self.end, 0);
            self.buffer_offset = self.offset();
            (self.start, self.end) = (0, rest);
        }
        let wanted = bytes.saturating_mul(2);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted.next_power_of_two(), 0);
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(descriptor) => descriptor.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Closed => Ok(0),
        }
    }
}

/// Size of the buffer, which fits a second-level cache; sizes from half to eight times of it
/// were measured to make no difference. It grows, up to twice
/// [`super::record::RECORD_BYTES_MAX`], only for a record that is longer than half of it.
const BUFFER_BYTES: usize = 256 << 10;

/// Packed bytes read at once.
const PACKED_BUFFER_BYTES: usize = 64 << 10;

/// Binary logarithm of the largest window that a zstd frame may ask for: 128 MiB, which is
/// what the zstd command itself accepts unless it is told otherwise.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
