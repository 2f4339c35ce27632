//! The end of a file to which lines are added.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::error::{LedgerError, io_error};

/// A file that grows. What was committed is never touched again.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Bytes that were committed.
    pub(super) bytes: u64,
    /// Lines that are not committed yet.
    pub(super) pending: Vec<u8>,
    /// Whether the file may hold bytes behind those that were committed.
    is_ragged: bool,
}

impl Tail {
    /// Opens a file, and makes it where there is none. Nothing of it counts yet.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(io_error(path, "open"))?,
            bytes: 0,
            pending: Vec::new(),
            is_ragged: false,
        })
    }

    /// Says that the first `bytes` count, and that others may stand behind them.
    pub(super) const fn keep(&mut self, bytes: u64, torn_bytes: u64) {
        self.bytes = bytes;
        self.is_ragged = torn_bytes > 0;
    }

    /// Adds a line.
    pub(super) fn push(&mut self, line: &str) {
        self.pending.extend(line.as_bytes());
        self.pending.push(b'\n');
    }

    /// Writes what is pending to the disk. Where that fails it stays pending, and is written
    /// to the same place the next time, over whatever was left there.
    pub(super) fn commit(&mut self) -> Result<(), LedgerError> {
        let end = self.bytes.saturating_add(self.pending.len() as u64);
        if self.pending.is_empty() && !self.is_ragged {
            return Ok(());
        }
        // What is written to a file without a name is lost, and nothing says so.
        if !self.is_in_place() {
            return Err(LedgerError::Removed(self.path.clone()));
        }
        let was_ragged = std::mem::replace(&mut self.is_ragged, true);
        let written = self.file.write_all_at(&self.pending, self.bytes);
        written
            .map_err(io_error(&self.path, "write"))
            .inspect_err(|_| {
                // Gives back what a full disk was filled with; the next commit does without it.
                let _ = self.file.set_len(self.bytes);
            })?;
        // What was torn has no line feed, so that a crash here leaves it torn again.
        if was_ragged {
            let cut = self.file.set_len(end);
            cut.map_err(io_error(&self.path, "cut"))?;
        }
        self.file
            .sync_data()
            .map_err(io_error(&self.path, "sync"))?;
        self.bytes = end;
        self.pending.clear();
        self.is_ragged = false;
        Ok(())
    }

    /// Whether the path still leads to the open file.
    fn is_in_place(&self) -> bool {
        let (Ok(open), Ok(there)) = (self.file.metadata(), fs::metadata(&self.path)) else {
            return false;
        };
        (open.dev(), open.ino()) == (there.dev(), there.ino())
    }
}
