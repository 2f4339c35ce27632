//! Reading entries, one at a time.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Fields, Kind, LINE_BYTES_MAX};
use super::error::{LedgerError, io_error};
use super::lines::{Line, read_line};
use super::open::ENTRIES;
use super::report::Fault;
use crate::time::Timestamp;

/// Which entries are wanted. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The first index.
    pub first: Option<u64>,
    /// The last index.
    pub last: Option<u64>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The first time that is too late.
    pub until: Option<Timestamp>,
    /// The kinds; all where there is none.
    pub kinds: Vec<Kind>,
}

/// The entries of a ledger that pass a filter. It keeps one line at a time.
#[derive(Debug)]
pub struct Entries {
    folder: PathBuf,
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    filter: Filter,
    index: u64,
    has_ended: bool,
}

/// Reads entries in their order. That they are as they were written, only [`super::verify`]
/// tells.
///
/// # Errors
/// Where the file cannot be opened.
pub fn show(folder: &Path, filter: Filter) -> Result<Entries, LedgerError> {
    let path = folder.join(ENTRIES);
    let file = File::open(&path).map_err(io_error(&path, "open"))?;
    Ok(Entries {
        folder: folder.to_owned(),
        path,
        reader: BufReader::with_capacity(256 * 1024, file),
        line: Vec::new(),
        filter,
        index: 0,
        has_ended: false,
    })
}

impl Filter {
    fn has_passed(&self, index: u64) -> bool {
        self.last.is_some_and(|last| index > last)
    }

    fn takes(&self, fields: &Fields<'_>) -> bool {
        self.first.is_none_or(|first| fields.index >= first)
            && self.since.is_none_or(|since| fields.time >= since)
            && self.until.is_none_or(|until| fields.time < until)
            && (self.kinds.is_empty() || self.kinds.contains(&fields.kind))
    }
}

impl Entries {
    /// The next entry; `None` at the end, where a torn last line is no entry.
    fn read(&mut self) -> Result<Option<Entry>, LedgerError> {
        while !self.filter.has_passed(self.index) {
            let read = read_line(&mut self.reader, &mut self.line, LINE_BYTES_MAX);
            let reason = match read.map_err(io_error(&self.path, "read"))? {
                Line::End | Line::Torn => break,
                Line::TooLong => "its line is too long for an entry",
                Line::Whole => match Fields::parse(&self.line) {
                    Ok(fields) if fields.index == self.index => {
                        self.index = self.index.saturating_add(1);
                        if self.filter.takes(&fields) {
                            return Ok(Entry::parse(&self.line).ok());
                        }
                        continue;
                    }
                    Ok(_) => "another entry stands in its place",
                    Err(reason) => reason,
                },
            };
            let fault = Fault::entry(self.index, 0, reason);
            let folder = self.folder.clone();
            return Err(LedgerError::Damaged { folder, fault });
        }
        Ok(None)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, LedgerError>;

    /// Ends behind the first error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let read = self.read().transpose();
        self.has_ended = !matches!(read, Some(Ok(_)));
        read
    }
}
