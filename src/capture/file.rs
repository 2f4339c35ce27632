//! Frames from a capture file, a pipe or standard input.

mod ready;

use std::io;
use std::path::Path;
use std::time::Duration;

use super::descriptor::Descriptor;
use super::error::{CaptureError, is_standard_input, one_line, path_text};
use super::input::{Filled, Input, Packed};
use super::pcap::{self, Pcap};
use super::pcapng::Pcapng;
use super::record::{Parsed, Plausible, Record};
use super::resync::{Search, search};
use super::{Frame, LinkType};
use crate::time::Timestamp;

/// A pcap or pcapng file, plain or packed with gzip or zstd, read from its beginning to its
/// end once.
///
/// It never waits: a pipe that is silent and a followed file that has not grown have no
/// frame now, and [`Self::wait`] sleeps until they may have one.
pub struct FileSource {
    input: Input,
    /// Printable name, for errors.
    path: String,
    format: Format,
    /// Whether the next record may be read by the short way.
    is_usual: bool,
    /// What was read ahead: the record stands at the start of the input.
    ahead: Option<Result<Option<Record>, CaptureError>>,
    /// Damage behind which no record was found yet.
    lost: Option<Lost>,
    /// Whether it is known that `decode` reads frames of the file, or some were lent.
    is_judged: bool,
    frames_read: u64,
    has_ended: bool,
}

#[derive(Debug)]
enum Format {
    /// Nothing was read yet that tells.
    Unknown,
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

/// A damaged place.
#[derive(Debug)]
struct Lost {
    record: u64,
    offset: u64,
    message: String,
    /// Bytes of it that cannot be the start of a record again.
    passed: usize,
}

impl FileSource {
    /// Opens the capture at `path`; `-` is standard input. What is wrong with a pipe is told
    /// by [`Self::next_frame`].
    ///
    /// # Errors
    ///
    /// All that has to do with files, but never [`CaptureError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::new(path, false)?.begun()
    }

    /// Opens the capture at `path`, which may still grow: it has no end, what is missing of
    /// its header or of a record may still come. A pipe is opened as by [`Self::open`].
    ///
    /// # Errors
    ///
    /// Those of [`Self::open`].
    pub fn follow(path: &Path) -> Result<Self, CaptureError> {
        Self::new(path, true)?.begun()
    }

    fn new(path: &Path, follows: bool) -> Result<Self, CaptureError> {
        Ok(Self {
            input: Input::new(Descriptor::open(path, follows)?),
            path: path_text(path),
            format: Format::Unknown,
            is_usual: false,
            ahead: None,
            lost: None,
            is_judged: false,
            frames_read: 0,
            has_ended: false,
        })
    }

    /// Reads up to the first record of a file, to know at once whether it can be read.
    fn begun(mut self) -> Result<Self, CaptureError> {
        if self.size_bytes().is_some() {
            match self.read_record() {
                Err(error) if !error.is_damage() => return Err(error),
                Ok(None) if !self.has_ended => {}
                result => self.ahead = Some(result),
            }
        }
        Ok(self)
    }

    /// Lends the next frame, and nothing at the end or where none has come yet, which
    /// [`Self::has_ended`] tells apart.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Damaged`] where something cannot be read, behind which the next frame
    /// is lent if one can be found; [`CaptureError::Rotated`], which is an end; for a pipe
    /// those of [`Self::open`], too.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let record = match self.usual_record() {
            Some(record) => record,
            None => match self.unusual_record()? {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        self.frames_read += 1;
        Ok(Some(record.frame(self.input.lend(record.record_bytes))))
    }

    /// The time of the frame that [`Self::next_frame`] will lend.
    ///
    /// # Errors
    ///
    /// Those of [`Self::next_frame`], which then does not tell them again.
    pub fn next_timestamp(&mut self) -> Result<Option<Timestamp>, CaptureError> {
        if let Some(record) = self.usual_record() {
            return Ok(Some(record.timestamp));
        }
        let record = self.unusual_record()?;
        if record.is_some() {
            self.is_usual = false;
            self.ahead = Some(Ok(record));
        }
        Ok(record.map(|record| record.timestamp))
    }

    /// Sleeps until more may have come of a pipe or a followed file, for at most `timeout`.
    /// A signal ends the sleep early.
    pub fn wait(&self, timeout: Duration) {
        self.input.wait(timeout);
    }

    /// Whether no frame will come any more.
    pub const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Frames lent so far.
    pub const fn frames_read(&self) -> u64 {
        self.frames_read
    }

    /// Bytes of the file that were read so far, of a packed file the packed ones.
    pub fn position_bytes(&self) -> u64 {
        self.input.position_bytes()
    }

    /// Length of the file in bytes when it was opened; unknown for a pipe.
    pub fn size_bytes(&self) -> Option<u64> {
        self.input.descriptor()?.size_bytes()
    }

    /// The next record, if it is whole in the input and nothing is unusual about it.
    #[inline]
    fn usual_record(&mut self) -> Option<Record> {
        match &mut self.format {
            _ if !self.is_usual => None,
            Format::Pcap(pcap) => pcap.usual_record(self.input.bytes()),
            Format::Pcapng(pcapng) => pcapng.usual_record(self.input.bytes()),
            Format::Unknown => None,
        }
    }

    /// The next record by the long way, which also finds out whether the short one is open.
    fn unusual_record(&mut self) -> Result<Option<Record>, CaptureError> {
        let result = match self.ahead.take() {
            Some(result) => result,
            None => self.read_record(),
        };
        let may_be = match &self.format {
            Format::Unknown => false,
            Format::Pcap(pcap) => pcap.is_usual(),
            Format::Pcapng(_) => true,
        };
        self.is_usual = may_be && self.is_judged && self.lost.is_none();
        result
    }

    /// Finds the next record and leaves it at the start of the input.
    fn read_record(&mut self) -> Result<Option<Record>, CaptureError> {
        while !self.has_ended {
            if matches!(self.format, Format::Unknown) && !self.begin()? {
                return Ok(None);
            }
            if let Some(lost) = self.lost.take() {
                match self.resynchronise(lost) {
                    Some(damage) => return Err(damage),
                    None => return Ok(None),
                }
            }
            let parsed = match &mut self.format {
                Format::Unknown => Parsed::Skip(0),
                Format::Pcap(pcap) => pcap.parse(self.input.bytes()),
                Format::Pcapng(pcapng) => pcapng.parse(self.input.bytes()),
            };
            match parsed {
                Parsed::Record(record) => {
                    self.judge()?;
                    return Ok(Some(record));
                }
                Parsed::Skip(bytes) => self.input.consume(bytes),
                Parsed::Short(needed) => match self.input.fill(needed) {
                    Ok(Filled::Enough) => {}
                    Ok(Filled::NotYet) => return Ok(None),
                    Ok(Filled::End) => return self.end(needed).map(|()| None),
                    Err(error) => return Err(self.unreadable(&error)),
                },
                Parsed::Unusable { bytes, message } => {
                    let lost = self.lost_here(message);
                    self.input.consume(bytes);
                    return Err(self.damaged(lost, Some(bytes as u64)));
                }
                Parsed::Broken(message) if self.has_header() => {
                    self.lost = Some(self.lost_here(message));
                }
                Parsed::Broken(message) => return Err(self.refused(message)),
            }
        }
        Ok(None)
    }

    /// Finds out the format. Says no if not enough has come to tell.
    fn begin(&mut self) -> Result<bool, CaptureError> {
        loop {
            if !self.header(MAGIC_BYTES)? {
                return Ok(false);
            }
            let bytes = self.input.bytes();
            match Packed::of(bytes).filter(|_| self.input.packing().is_none()) {
                Some(Packed::As(packing)) => {
                    let unpacked = self.input.unpack(packing);
                    unpacked.map_err(|error| self.refused(error.to_string()))?;
                }
                Some(Packed::Unreadably { format, command }) => {
                    self.has_ended = true;
                    let path = self.path.clone();
                    return Err(CaptureError::Compressed {
                        path,
                        format,
                        command,
                    });
                }
                _ if Pcap::has_magic(bytes) => {
                    if !self.header(pcap::FILE_HEADER_BYTES)? {
                        return Ok(false);
                    }
                    let header = Pcap::new(self.input.bytes());
                    let header = header.map_err(|message| self.refused(message))?;
                    self.input.consume(pcap::FILE_HEADER_BYTES);
                    self.format = Format::Pcap(header);
                    return self.judge().map(|()| true);
                }
                _ if Pcapng::has_magic(bytes) => {
                    self.format = Format::Pcapng(Box::default());
                    return Ok(true);
                }
                _ => {
                    self.has_ended = true;
                    let path = self.path.clone();
                    return Err(CaptureError::NotACapture { path });
                }
            }
        }
    }

    /// Reads the first bytes of a file. Says no if they have not all come.
    fn header(&mut self, bytes: usize) -> Result<bool, CaptureError> {
        match self.input.fill(bytes) {
            Ok(Filled::Enough) => Ok(true),
            Ok(Filled::NotYet) => Ok(false),
            Ok(Filled::End) if self.input.bytes().is_empty() => {
                self.has_ended = true;
                let path = self.path.clone();
                Err(CaptureError::Empty { path })
            }
            Ok(Filled::End) => Err(self.cut_header()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// Refuses a file of which `decode` reads no frame. Of several interfaces one that it
    /// reads is enough: the frames of the others are counted as such.
    fn judge(&mut self) -> Result<(), CaptureError> {
        let first = match &self.format {
            _ if self.is_judged => None,
            Format::Unknown => None,
            Format::Pcap(pcap) => Some(pcap.link_type()),
            Format::Pcapng(pcapng) if pcapng.link_types().any(LinkType::is_supported) => None,
            Format::Pcapng(pcapng) => pcapng.link_types().next(),
        };
        self.is_judged = true;
        match first {
            Some(link_type) if !link_type.is_supported() => {
                self.has_ended = true;
                Err(CaptureError::link_type(self.path.clone(), link_type))
            }
            _ => Ok(()),
        }
    }

    /// What the end of the input means where `needed` bytes were asked for.
    fn end(&mut self, needed: usize) -> Result<(), CaptureError> {
        let rest = self.input.bytes().len();
        if !self.has_header() {
            return Err(self.cut_header());
        }
        self.has_ended = true;
        if rest == 0 {
            return self.judge();
        }
        let lost = self.lost_here(format!("truncated: {rest} of {needed} bytes are there"));
        Err(self.damaged(lost, None))
    }

    /// Searches for records behind a damaged place; nothing if not enough has come to tell.
    fn resynchronise(&mut self, mut lost: Lost) -> Option<CaptureError> {
        let mut is_end = false;
        loop {
            let format = &self.format;
            let found = search(self.input.bytes(), lost.passed, |bytes| match format {
                Format::Unknown => Plausible::No,
                Format::Pcap(pcap) => pcap.plausible(bytes, is_end),
                Format::Pcapng(pcapng) => pcapng.plausible(bytes, is_end),
            });
            match found {
                Search::Found(at) => {
                    self.input.consume(at);
                    let skipped = self.input.offset().saturating_sub(lost.offset);
                    return Some(self.damaged(lost, Some(skipped)));
                }
                Search::Undecided { .. } if is_end => {
                    self.has_ended = true;
                    return Some(self.damaged(lost, None));
                }
                Search::Undecided { at, needed } => {
                    self.input.consume(at);
                    lost.passed = 0;
                    match self.input.fill(needed) {
                        Ok(Filled::Enough) => {}
                        Ok(Filled::NotYet) => {
                            self.lost = Some(lost);
                            return None;
                        }
                        Ok(Filled::End) | Err(_) => is_end = true,
                    }
                }
            }
        }
    }

    /// Whether the header that every file of the format has was read.
    fn has_header(&self) -> bool {
        match &self.format {
            Format::Unknown => false,
            Format::Pcap(_) => true,
            Format::Pcapng(pcapng) => pcapng.has_section(),
        }
    }

    fn lost_here(&self, message: String) -> Lost {
        Lost {
            record: self.frames_read.saturating_add(1),
            offset: self.input.offset(),
            message,
            passed: 1,
        }
    }

    fn damaged(&mut self, lost: Lost, skipped_bytes: Option<u64>) -> CaptureError {
        self.is_judged = true;
        let unpacked = if self.input.packing().is_some() {
            " of the unpacked file"
        } else {
            ""
        };
        CaptureError::Damaged {
            path: self.path.clone(),
            record: lost.record,
            message: format!("{} (byte {}{unpacked})", lost.message, lost.offset),
            skipped_bytes,
        }
    }

    /// A read that failed. Nothing can be read behind it.
    fn unreadable(&mut self, error: &io::Error) -> CaptureError {
        self.has_ended = true;
        if let Some(what) = self.input.descriptor().and_then(Descriptor::rotation) {
            let path = self.path.clone();
            return CaptureError::Rotated { path, what };
        }
        let message = match self.input.packing() {
            Some(packing) => format!("its {} data are cut or damaged: {error}", packing.name()),
            None => error.to_string(),
        };
        if !self.has_header() {
            return self.refused(message);
        }
        let lost = self.lost_here(one_line(&message));
        self.damaged(lost, None)
    }

    fn cut_header(&mut self) -> CaptureError {
        let bytes = self.input.bytes().len();
        self.refused(format!("it ends after {bytes} bytes, within its header"))
    }

    fn refused(&mut self, message: String) -> CaptureError {
        self.has_ended = true;
        CaptureError::Open {
            path: self.path.clone(),
            message: one_line(&message),
        }
    }
}

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSource")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("frames_read", &self.frames_read)
            .finish_non_exhaustive()
    }
}

/// Opens the capture at `path` and closes it again, to know of all inputs that they are
/// there before anything is written. A pipe can be opened only once and is left alone.
///
/// # Errors
///
/// Those of [`FileSource::open`].
pub fn probe(path: &Path) -> Result<(), CaptureError> {
    if is_read_once(path) {
        return Ok(());
    }
    FileSource::open(path).map(|_| ())
}

/// The time of a file's first frame, by which several files are put in order: nothing
/// if it has no frame, or is a pipe, whose first frame can be read only once.
///
/// # Errors
///
/// Those of [`FileSource::open`], and [`CaptureError::Damaged`] if the first record
/// cannot be read.
pub fn first_timestamp(path: &Path) -> Result<Option<Timestamp>, CaptureError> {
    if is_read_once(path) {
        return Ok(None);
    }
    FileSource::open(path)?.next_timestamp()
}

/// Whether what is read from `path` is gone then: a pipe, or standard input.
fn is_read_once(path: &Path) -> bool {
    let is_pipe = std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
    is_pipe || is_standard_input(path)
}

/// Bytes that tell a format.
const MAGIC_BYTES: usize = 4;

#[cfg(test)]
mod tests;
