//! Heads as they stand in a file, checked one by one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::checkpoint::Mark;
use super::error::{LedgerError, io_error};
use super::hash::PublicKey;
use super::head::{HEAD_LINE_BYTES_MAX, Head};
use super::lines::{Line, read_line};
use super::report::{Fault, Faults};

/// Whether a file may end without a line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    /// What has none was torn by a crash and does not count.
    MustEnd,
    /// People and tools may have left it out.
    MayLackEnd,
}

/// Heads in the order of their sizes.
pub(super) struct HeadReader {
    /// The file, for what is told of it.
    pub(super) name: String,
    reader: Box<dyn BufRead>,
    key: PublicKey,
    last_line: LastLine,
    next: Option<Placed>,
    has_ended: bool,
    size: u64,
    /// Whole lines so far.
    pub(super) lines: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Bytes of a last line that was torn.
    pub(super) torn_bytes: u64,
    /// Heads that agreed with the entries.
    pub(super) agreed: u64,
    /// Entries under the last of them.
    pub(super) agreed_size: u64,
    buffer: Vec<u8>,
    /// What was read ahead, so that signatures are checked many at a time.
    ahead: VecDeque<Ahead>,
    /// What was read behind that, whose signatures are being checked.
    behind: Option<(VecDeque<Ahead>, AreSigned)>,
    check_signatures: CheckSignatures,
}

/// Begins to find out whether the keys of heads did sign them. It may use a thread, which a
/// ledger itself has none of.
pub type CheckSignatures = fn(Vec<Head>) -> AreSigned;

/// Waits for what was begun, and says it of each head, in their order.
pub type AreSigned = Box<dyn FnOnce() -> Vec<bool>>;

/// A line that was read ahead.
struct Ahead {
    line: Line,
    bytes: u64,
    head: Result<Head, String>,
    is_signed: bool,
}

/// Heads that are read ahead at once.
const AHEAD_MAX: usize = 1_024;

/// Finds out when it is asked.
pub(super) fn check_signatures(heads: Vec<Head>) -> AreSigned {
    Box::new(move || are_signed(&heads))
}

/// Says of each head whether its key did sign it. Those that stand next to each other and are of
/// one key are checked at once, and one by one where not all of them are signed.
pub fn are_signed(heads: &[Head]) -> Vec<bool> {
    let check = |heads: &[Head]| {
        let signed = heads.iter().map(|head| (head.message(), head.signature));
        match heads {
            [first, _, ..] if first.key.has_signed_all(&signed.collect::<Vec<_>>()) => {
                vec![true; heads.len()]
            }
            _ => heads.iter().map(Head::is_signed).collect(),
        }
    };
    let of_one_key = heads.chunk_by(|one, next| one.key == next.key);
    of_one_key.flat_map(check).collect()
}

/// A head and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) head: Head,
    /// The line; the first is 1.
    pub(super) line: u64,
    /// Bytes of the file up to and with it.
    pub(super) bytes: u64,
}

impl HeadReader {
    /// Reads what a file has now, from where a head was signed, or from its beginning.
    ///
    /// Heads follow the entries that they sign. So no head is read that was written after this,
    /// while entries were read.
    pub(super) fn open(
        path: &Path,
        from: Option<&Mark>,
        key: PublicKey,
        last_line: LastLine,
    ) -> Result<Self, LedgerError> {
        let mut file = File::open(path).map_err(io_error(path, "open"))?;
        let about = file.metadata().map_err(io_error(path, "look at"))?;
        let from_bytes = from.map_or(0, |mark| mark.heads_bytes);
        let sought = file.seek(SeekFrom::Start(from_bytes));
        sought.map_err(io_error(path, "seek"))?;
        let rest = file.take(about.len().saturating_sub(from_bytes));
        let name = path.display().to_string();
        let mut heads = Self::of(name, Box::new(BufReader::new(rest)), key, last_line);
        if let Some(mark) = from {
            heads.bytes = mark.heads_bytes;
            heads.lines = mark.heads_lines;
            heads.size = mark.head.size;
            heads.agreed_size = mark.head.size;
        }
        Ok(heads)
    }

    /// Only this head.
    pub(super) fn one(name: String, head: &Head) -> Self {
        let line = std::io::Cursor::new(head.line() + "\n");
        Self::of(name, Box::new(line), head.key, LastLine::MustEnd)
    }

    fn of(name: String, reader: Box<dyn BufRead>, key: PublicKey, last_line: LastLine) -> Self {
        Self {
            name,
            reader,
            key,
            last_line,
            next: None,
            has_ended: false,
            size: 0,
            lines: 0,
            bytes: 0,
            torn_bytes: 0,
            agreed: 0,
            agreed_size: 0,
            buffer: Vec::new(),
            ahead: VecDeque::new(),
            behind: None,
            check_signatures,
        }
    }

    /// Has signatures checked by something else.
    pub(super) fn checked_by(mut self, check_signatures: CheckSignatures) -> Self {
        self.check_signatures = check_signatures;
        self
    }

    /// The next line, and what it is. Where none was read ahead, many are, and the signatures of
    /// as many behind them are begun with.
    fn read(&mut self) -> Result<Ahead, LedgerError> {
        if let Some(next) = self.ahead.pop_front() {
            return Ok(next);
        }
        let (mut ahead, are_signed) = match self.behind.take() {
            Some(behind) => behind,
            None => self.read_many()?,
        };
        if ahead.back().is_some_and(|last| last.line == Line::Whole) {
            self.behind = Some(self.read_many()?);
        }
        let sound = ahead.iter_mut().filter(|one| one.head.is_ok());
        for (one, is_signed) in sound.zip(are_signed()) {
            one.is_signed = is_signed;
        }
        self.ahead = ahead;
        let ended = || Ahead {
            line: Line::End,
            bytes: 0,
            head: Err(String::new()),
            is_signed: false,
        };
        Ok(self.ahead.pop_front().unwrap_or_else(ended))
    }

    /// Reads lines up to the last one, or as many as are read ahead at once.
    fn read_many(&mut self) -> Result<(VecDeque<Ahead>, AreSigned), LedgerError> {
        let mut many = VecDeque::new();
        let mut heads = Vec::new();
        let mut is_last = false;
        while !is_last && many.len() < AHEAD_MAX {
            let read = read_line(&mut self.reader, &mut self.buffer, HEAD_LINE_BYTES_MAX);
            let line = read.map_err(io_error(Path::new(&self.name), "read"))?;
            is_last = line != Line::Whole;
            let head = Head::parse(&self.buffer);
            heads.extend(head.as_ref().ok().copied());
            many.push_back(Ahead {
                line,
                bytes: self.buffer.len() as u64,
                head: head.map_err(|error| format!("this is no head: {error}")),
                is_signed: false,
            });
        }
        Ok((many, (self.check_signatures)(heads)))
    }

    /// The next head that the key did sign. What is none is told and passed over.
    pub(super) fn peek(&mut self, faults: &mut Faults) -> Result<Option<Placed>, LedgerError> {
        while self.next.is_none() && !self.has_ended {
            let read = self.read()?;
            let line = self.lines.saturating_add(1);
            let line_bytes = read.bytes;
            match read.line {
                Line::Whole => {
                    self.lines = line;
                    self.bytes = self.bytes.saturating_add(line_bytes + 1);
                }
                Line::Torn => {
                    self.has_ended = true;
                    self.torn_bytes = line_bytes;
                    if self.last_line == LastLine::MustEnd {
                        break;
                    }
                }
                Line::End => {
                    self.has_ended = true;
                    break;
                }
                Line::TooLong => {
                    self.has_ended = true;
                    let reason = "the line is too long for a head; nothing behind it is read";
                    self.tell(line, reason, faults);
                    break;
                }
            }
            match self.check(read) {
                Ok(head) => {
                    self.size = head.size;
                    self.next = Some(Placed {
                        head,
                        line,
                        bytes: self.bytes,
                    });
                }
                Err(reason) => self.tell(line, &reason, faults),
            }
        }
        Ok(self.next)
    }

    /// Goes on to the head after the one that was peeked at.
    pub(super) fn advance(&mut self) {
        self.next = None;
    }

    fn check(&self, read: Ahead) -> Result<Head, String> {
        let head = read.head?;
        if head.key != self.key {
            return Err(format!(
                "this head is of the key {}, and the ledger's is {}",
                head.key, self.key
            ));
        }
        if !read.is_signed {
            return Err("the signature of this head is not that of its key".to_owned());
        }
        if head.size < self.size {
            return Err(format!(
                "this head of {} entries stands behind one of {}; sort the file by size",
                head.size, self.size
            ));
        }
        Ok(head)
    }

    /// Counts a head that agrees with the entries.
    pub(super) fn agree(&mut self, size: u64) {
        self.agreed = self.agreed.saturating_add(1);
        self.agreed_size = size;
    }

    /// Tells what is wrong with a line.
    pub(super) fn tell(&self, line: u64, reason: &str, faults: &mut Faults) {
        faults.push(Fault::Head {
            name: self.name.clone(),
            line,
            reason: reason.to_owned(),
        });
    }
}
