//! What could not be delivered yet: lines on disk that outlive a restart and a crash.
//!
//! A spool is a folder of segments, `00000000000000000007.spool`, each some lines long. A line is
//! the first 16 hexadecimal digits of the SHA-256 of a text, a space, and the text. It counts once
//! it is synced. The file `cursor` says how far everything was delivered; it is written after a
//! delivery, and a crash between the two delivers a line twice, never not at all.
//!
//! There is room for so many bytes. When that is full, the oldest segment gives way, for what
//! happens now matters most; how many lines that were is told. Lines that a crash tore, or that
//! somebody changed, are passed over and told as well.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Bytes of a segment, at which another is begun; less where the spool is small.
const SEGMENT_BYTES: u64 = 1 << 20;

/// Bytes of a line that is read; events are shorter.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Lines in memory at most, where there is no folder or the disk does not take them.
const MEMORY_LINES_MAX: usize = 4_096;

/// Digits before the text of a line.
const SUM_DIGITS: usize = 16;

/// Lines in the order in which they were put in.
#[derive(Debug)]
pub struct Spool {
    disk: Option<Disk>,
    /// What stands behind everything on the disk.
    memory: VecDeque<String>,
    memory_bytes: usize,
    /// Whether the first of these was shown and not taken out yet, so that it has to stay.
    is_shown: bool,
    bytes_max: u64,
    lost: u64,
}

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    /// Held as long as the folder is used.
    _lock: File,
    segments: VecDeque<Segment>,
    /// The newest segment, to add to it.
    writer: Option<File>,
    /// The oldest segment, where its next line begins.
    reader: Option<BufReader<File>>,
    /// Bytes of the oldest segment that were delivered.
    delivered: u64,
    /// The line that is due, and its bytes in the file.
    due: Option<(String, u64)>,
    /// Lines that were passed over since this was asked last.
    damaged: u64,
    segment_bytes: u64,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    /// Whole lines that are not delivered.
    lines: u64,
}

impl Spool {
    /// A spool without a folder, which a restart forgets.
    pub const fn in_memory(bytes_max: u64) -> Self {
        Self {
            disk: None,
            memory: VecDeque::new(),
            memory_bytes: 0,
            is_shown: false,
            bytes_max,
            lost: 0,
        }
    }

    /// Opens the spool of a folder, and makes the folder where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or made, or is in use.
    pub fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let disk = Disk::open(folder, SEGMENT_BYTES.min(bytes_max / 4))?;
        Ok(Self {
            disk: Some(disk),
            ..Self::in_memory(bytes_max)
        })
    }

    /// Puts a line in, which has no line feed. It outlives a crash if this returns no error; where
    /// it does, the line is kept in memory.
    ///
    /// # Errors
    /// Where the disk does not take it.
    pub fn push(&mut self, line: String) -> io::Result<()> {
        let mut failed = None;
        if let Some(disk) = &mut self.disk
            && !self.is_shown
        {
            // Order is kept: nothing goes to the disk while something stands behind it.
            while let Some(first) = self.memory.pop_front() {
                match disk.push(&first) {
                    Ok(()) => self.memory_bytes -= first.len(),
                    Err(error) => {
                        self.memory.push_front(first);
                        failed = Some(error);
                        break;
                    }
                }
            }
            if failed.is_none() {
                match disk.push(&line) {
                    Ok(()) => {
                        self.lost += disk.keep_within(self.bytes_max);
                        return Ok(());
                    }
                    Err(error) => failed = Some(error),
                }
            }
        }
        self.memory_bytes += line.len();
        self.memory.push_back(line);
        while self.memory.len() > MEMORY_LINES_MAX
            || (self.memory_bytes as u64 > self.bytes_max && self.memory.len() > 1)
        {
            // One that is being sent stays.
            let first = self.memory.remove(usize::from(self.is_shown));
            self.memory_bytes -= first.map_or(0, |first| first.len());
            self.lost += 1;
        }
        failed.map_or(Ok(()), Err)
    }

    /// The line that is to be delivered next.
    ///
    /// # Errors
    /// Where the disk does not give it.
    pub fn peek(&mut self) -> io::Result<Option<&str>> {
        if let Some(disk) = &mut self.disk {
            disk.load()?;
            self.lost += std::mem::take(&mut disk.damaged);
            if let Some((line, _)) = &disk.due {
                return Ok(Some(line));
            }
        }
        self.is_shown = !self.memory.is_empty();
        Ok(self.memory.front().map(String::as_str))
    }

    /// Takes the line out that [`Spool::peek`] showed.
    ///
    /// # Errors
    /// Where the disk does not take that it was delivered: a restart delivers it again.
    pub fn advance(&mut self) -> io::Result<()> {
        if let Some(disk) = &mut self.disk
            && disk.due.is_some()
        {
            return disk.advance();
        }
        self.is_shown = false;
        let first = self.memory.pop_front();
        self.memory_bytes -= first.map_or(0, |first| first.len());
        Ok(())
    }

    /// Lines that wait.
    pub fn waiting(&self) -> u64 {
        let on_disk = self.disk.as_ref().map_or(0, Disk::waiting);
        on_disk + self.memory.len() as u64
    }

    /// Lines that gave way or were damaged, since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

impl Disk {
    fn open(folder: &Path, segment_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::open(folder)?;
        lock.try_lock().map_err(|_| {
            let why = "in use by another borderflow";
            io::Error::new(io::ErrorKind::ResourceBusy, why)
        })?;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".spool"));
            numbers.extend(number.and_then(|digits| digits.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let cursor = read_cursor(&folder.join(CURSOR));
        let mut disk = Self {
            folder: folder.to_owned(),
            _lock: lock,
            segments: VecDeque::new(),
            writer: None,
            reader: None,
            delivered: 0,
            due: None,
            damaged: 0,
            segment_bytes: segment_bytes.max(1),
        };
        for number in numbers {
            let path = disk.path(number);
            let from = match cursor {
                Some((at, _)) if number < at => {
                    // Delivered, and a crash kept it from being removed.
                    fs::remove_file(path)?;
                    continue;
                }
                Some((at, bytes)) if number == at => bytes,
                _ => 0,
            };
            let bytes = fs::metadata(&path)?.len();
            let from = from.min(bytes);
            if disk.segments.is_empty() {
                disk.delivered = from;
            }
            let lines = count_lines(&path, from)?;
            disk.segments.push_back(Segment {
                number,
                bytes,
                lines,
            });
        }
        Ok(disk)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.spool"))
    }

    fn push(&mut self, line: &str) -> io::Result<()> {
        let written = format!("{} {line}\n", sum(line));
        let is_full = |last: &Segment| last.bytes >= self.segment_bytes;
        if self.writer.is_none() || self.segments.back().is_none_or(is_full) {
            self.begin_segment()?;
        }
        let (Some(writer), Some(last)) = (&mut self.writer, self.segments.back_mut()) else {
            return Ok(());
        };
        let put = writer.write_all(written.as_bytes());
        match put.and_then(|()| writer.sync_data()) {
            Ok(()) => {
                last.bytes += written.len() as u64;
                last.lines += 1;
                Ok(())
            }
            Err(error) => {
                // Part of it may be there; the next line begins a segment of its own, and what
                // is torn is passed over by its sum.
                let _ = writer.set_len(last.bytes);
                self.writer = None;
                Err(error)
            }
        }
    }

    /// Never adds to a segment of an earlier run, whose last line may be torn.
    fn begin_segment(&mut self) -> io::Result<()> {
        let newest = self.segments.back().map(|last| last.number);
        let cursor = read_cursor(&self.folder.join(CURSOR)).map(|(number, _)| number);
        let number = newest.max(cursor).map_or(0, |number| number + 1);
        let file = File::create_new(self.path(number))?;
        File::open(&self.folder)?.sync_all()?;
        if self.segments.is_empty() {
            self.delivered = 0;
            self.reader = None;
        }
        self.segments.push_back(Segment {
            number,
            bytes: 0,
            lines: 0,
        });
        self.writer = Some(file);
        Ok(())
    }

    /// Reads the line that is due, if there is one and it is not known.
    fn load(&mut self) -> io::Result<()> {
        while self.due.is_none() {
            let Some(first) = self.segments.front() else {
                return Ok(());
            };
            let (number, bytes) = (first.number, first.bytes);
            if self.delivered >= bytes {
                if self.segments.len() == 1 && self.writer.is_some() && bytes < self.segment_bytes {
                    return Ok(());
                }
                self.drop_first()?;
                continue;
            }
            let path = self.path(number);
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => {
                    let mut file = File::open(path)?;
                    file.seek(SeekFrom::Start(self.delivered))?;
                    none.insert(BufReader::new(file))
                }
            };
            let mut raw = Vec::new();
            let mut bounded = reader.take(LINE_BYTES_MAX.min(bytes - self.delivered));
            let length = bounded.read_until(b'\n', &mut raw)? as u64;
            if length == 0 {
                // Somebody cut the file.
                self.delivered = bytes;
                continue;
            }
            match whole(&raw) {
                Some(line) => self.due = Some((line.to_owned(), length)),
                None => {
                    self.delivered += length;
                    self.damaged += 1;
                    let first = self.segments.front_mut();
                    let whole = raw.ends_with(b"\n");
                    first.into_iter().for_each(|first| {
                        first.lines = first.lines.saturating_sub(u64::from(whole));
                    });
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> io::Result<()> {
        let Some((_, length)) = self.due.take() else {
            return Ok(());
        };
        self.delivered += length;
        let Some(first) = self.segments.front_mut() else {
            return Ok(());
        };
        first.lines = first.lines.saturating_sub(1);
        let (number, is_over) = (first.number, self.delivered >= first.bytes);
        // What is over and will not grow is removed, and what may grow is marked.
        let grows = self.segments.len() == 1 && self.writer.is_some();
        if is_over && !grows {
            return self.drop_first();
        }
        self.write_cursor(number, self.delivered)
    }

    /// Removes the oldest segment, after it is marked as delivered.
    fn drop_first(&mut self) -> io::Result<()> {
        self.reader = None;
        self.due = None;
        self.delivered = 0;
        let Some(first) = self.segments.pop_front() else {
            return Ok(());
        };
        if self.segments.is_empty() {
            self.writer = None;
        }
        self.write_cursor(first.number + 1, 0)?;
        fs::remove_file(self.path(first.number))
    }

    /// Lets the oldest segments give way; tells how many lines were lost.
    fn keep_within(&mut self, bytes_max: u64) -> u64 {
        let mut lost = 0;
        let bytes = |disk: &Self| {
            let bytes = disk.segments.iter().map(|segment| segment.bytes);
            bytes.sum::<u64>()
        };
        while bytes(self) > bytes_max && self.segments.len() > 1 {
            lost += self.segments.front().map_or(0, |first| first.lines);
            // What cannot be removed is no longer read, and is removed at the next start.
            let _ = self.drop_first();
        }
        lost
    }

    fn write_cursor(&self, number: u64, bytes: u64) -> io::Result<()> {
        let temporary = self.folder.join("cursor.tmp");
        fs::write(&temporary, format!("{number} {bytes}\n"))?;
        fs::rename(temporary, self.folder.join(CURSOR))
    }

    fn waiting(&self) -> u64 {
        self.segments.iter().map(|segment| segment.lines).sum()
    }
}

/// Says how far everything was delivered: the number of a segment, and bytes of it.
const CURSOR: &str = "cursor";

/// A cursor that is not there, or is none, means that nothing is known to be delivered.
fn read_cursor(path: &Path) -> Option<(u64, u64)> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(CURSOR_BYTES_MAX).read_to_string(&mut text).ok()?;
    let (number, bytes) = text.strip_suffix('\n')?.split_once(' ')?;
    Some((number.parse().ok()?, bytes.parse().ok()?))
}

const CURSOR_BYTES_MAX: u64 = 64;

fn count_lines(path: &Path, from: u64) -> io::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file);
    let mut lines = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(lines);
        }
        let feeds = buffer.iter().filter(|byte| **byte == b'\n');
        lines += feeds.count() as u64;
        let length = buffer.len();
        reader.consume(length);
    }
}

/// The text of a line that is whole and unchanged.
fn whole(raw: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(raw.strip_suffix(b"\n")?).ok()?;
    let (said, rest) = line.split_at_checked(SUM_DIGITS)?;
    let text = rest.strip_prefix(' ')?;
    (said == sum(text)).then_some(text)
}

fn sum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let bytes = digest.iter().take(SUM_DIGITS / 2);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
