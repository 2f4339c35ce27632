//! The ledger that is being written.

use std::mem;
use std::path::PathBuf;

use super::checkpoint::{self, Mark};
use super::entry::{Body, Fields, Kind};
use super::error::LedgerError;
use super::hash::Hash;
use super::head::{Head, Schedule};
use super::key::Key;
use super::tail::Tail;
use super::tree::{Frontier, leaf_hash};
use crate::time::Timestamp;

/// Bytes of entries, or of heads, that wait for a commit at most.
pub const PENDING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Entries that wait for a commit at most.
pub const PENDING_ENTRIES_MAX: u64 = 16_384;

/// Entries from one checkpoint to the next, where the ledger is not stopped.
pub const CHECKPOINT_ENTRIES: u64 = 4_096;

/// A ledger that one process adds to.
///
/// It is usable after every error: what could not be written waits for the next commit.
#[derive(Debug)]
pub struct Ledger {
    pub(super) folder: PathBuf,
    pub(super) key: Key,
    pub(super) entries: Tail,
    pub(super) heads: Tail,
    /// Lines of heads, also of those that wait.
    pub(super) heads_lines: u64,
    pub(super) frontier: Frontier,
    /// The hash of the last line.
    pub(super) last: Hash,
    pub(super) schedule: Schedule,
    /// Bytes of all lines, also of those that wait.
    pub(super) entries_bytes: u64,
    pub(super) line_bytes: u64,
    /// Entries that are on the disk.
    pub(super) acknowledged: u64,
    /// Heads that are not on the disk yet.
    pub(super) made: Vec<Head>,
    /// Where the last head was signed.
    pub(super) mark: Option<Mark>,
    /// Entries under the last checkpoint.
    pub(super) checkpoint_size: u64,
    /// Entries that were not taken since the last one that was.
    pub(super) refused: u64,
    pub(super) has_stopped: bool,
}

/// What a commit has made sure of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Entries that no crash takes back any more.
    pub acknowledged: u64,
    /// Heads that were signed since the last commit, to be kept by somebody else.
    pub heads: Vec<Head>,
    /// What went wrong and does no harm to the ledger.
    pub notes: Vec<String>,
}

impl Ledger {
    /// Adds an entry, which counts once it was committed, and tells its index.
    ///
    /// A time before that of an earlier entry is written as it is. For when heads are due it
    /// is taken as the latest so far.
    ///
    /// # Errors
    /// Where [`PENDING_ENTRIES_MAX`] or [`PENDING_BYTES_MAX`] wait for a commit. The entry is
    /// lost then; how many were is written before the next entry that is taken.
    pub fn append(&mut self, time: Timestamp, kind: Kind, body: &Body) -> Result<u64, LedgerError> {
        if self.is_full() {
            self.refused = self.refused.saturating_add(1);
            return Err(LedgerError::Full {
                path: self.entries.path.clone(),
                entries: self.frontier.size().saturating_sub(self.acknowledged),
            });
        }
        if self.refused > 0 {
            let refused = mem::take(&mut self.refused);
            self.write(
                time,
                Kind::Note,
                &format!(r#"{{"refused_entries":{refused}}}"#),
            );
        }
        Ok(self.write(time, kind, body.as_str()))
    }

    /// Tells that packet time has come this far, so that a head is signed that is due. Without
    /// it a head waits for the next entry; it is the same head.
    pub fn advance(&mut self, time: Timestamp) {
        if let Some(due) = self.schedule.due_before(time)
            && !self.is_full()
        {
            self.sign(due);
        }
    }

    /// Writes what waits to the disk: entries, then the heads over them, then, now and then, a
    /// checkpoint.
    ///
    /// # Errors
    /// Where the disk does not take them. [`Ledger::acknowledged`] tells what it did take; the
    /// rest waits for the next commit.
    pub fn commit(&mut self) -> Result<Committed, LedgerError> {
        self.entries.commit()?;
        self.acknowledged = self.frontier.size();
        self.heads.commit()?;
        let failed = self.checkpoint().err();
        let note = |error| format!("{error}; the next start reads all of the ledger");
        Ok(Committed {
            acknowledged: self.acknowledged,
            heads: mem::take(&mut self.made),
            notes: failed.map(note).into_iter().collect(),
        })
    }

    /// Entries that are on the disk.
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Entries, with those that wait for a commit.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Signed heads, with those that wait for a commit.
    pub const fn heads(&self) -> u64 {
        self.heads_lines
    }

    pub(super) fn write(&mut self, time: Timestamp, kind: Kind, body: &str) -> u64 {
        if let Some(due) = self.schedule.due_before(time) {
            self.sign(due);
        }
        let index = self.frontier.size();
        let fields = Fields {
            index,
            time,
            kind,
            previous: self.last,
            body,
        };
        let line = fields.line();
        self.entries.push(&line);
        self.place(time, kind, line.as_bytes());
        index
    }

    /// Takes a line of the file again that a crash left without its head.
    pub(super) fn read_again(&mut self, time: Timestamp, kind: Kind, line: &[u8]) {
        if let Some(due) = self.schedule.due_before(time) {
            self.sign(due);
        }
        self.place(time, kind, line);
    }

    fn place(&mut self, time: Timestamp, kind: Kind, line: &[u8]) {
        self.last = leaf_hash(line);
        self.frontier.push(self.last);
        self.line_bytes = line.len() as u64 + 1;
        self.entries_bytes = self.entries_bytes.saturating_add(self.line_bytes);
        self.has_stopped = kind == Kind::Stop;
        if let Some(time) = self.schedule.add(time, kind) {
            self.sign(time);
        }
    }

    fn sign(&mut self, time: Timestamp) {
        let head = Head::sign(self.frontier.size(), self.frontier.root(), time, &self.key);
        self.heads.push(&head.line());
        self.heads_lines = self.heads_lines.saturating_add(1);
        self.made.push(head);
        self.schedule = Schedule::signed(time);
        let heads_bytes = self
            .heads
            .bytes
            .saturating_add(self.heads.pending.len() as u64);
        self.mark = Some(Mark {
            head,
            frontier: self.frontier.clone(),
            last: self.last,
            entries_bytes: self.entries_bytes,
            line_bytes: self.line_bytes,
            heads_bytes,
            heads_lines: self.heads_lines,
        });
    }

    fn is_full(&self) -> bool {
        self.entries.pending.len() >= PENDING_BYTES_MAX
            || self.heads.pending.len() >= PENDING_BYTES_MAX
            || self.frontier.size().saturating_sub(self.acknowledged) >= PENDING_ENTRIES_MAX
    }

    fn checkpoint(&mut self) -> Result<(), LedgerError> {
        let Some(mark) = &self.mark else {
            return Ok(());
        };
        let new = mark.head.size.saturating_sub(self.checkpoint_size);
        if new >= CHECKPOINT_ENTRIES || (new > 0 && self.has_stopped) {
            checkpoint::write(&self.folder, mark)?;
            self.checkpoint_size = mark.head.size;
        }
        Ok(())
    }
}
