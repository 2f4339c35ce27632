//! Beginning a ledger, and going on with one after a crash.

use std::fs::{self, File};
use std::io::{BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::audit::Audit;
use super::checkpoint::{self, Found, Mark};
use super::entry::{Fields, Kind, LINE_BYTES_MAX};
use super::error::{LedgerError, io_error};
use super::hash::{Hash, PublicKey};
use super::head::{HEAD_ENTRIES, Head, Schedule};
use super::heads::{HeadReader, LastLine};
use super::key::Key;
use super::lines::{Line, read_line};
use super::report::{Fault, Faults};
use super::tail::Tail;
use super::tree::Frontier;
use super::writer::{Ledger, PENDING_ENTRIES_MAX};

/// The names of the files in the folder of a ledger.
pub(super) const ENTRIES: &str = "entries.jsonl";
pub(super) const HEADS: &str = "heads.jsonl";
pub(super) const PUBLIC_KEY: &str = "key.pub";

/// Entries without a head that a crash can leave: what waited, and what was not yet due.
const UNSIGNED_ENTRIES_MAX: u64 = PENDING_ENTRIES_MAX + HEAD_ENTRIES;

/// A ledger and what was found when it was opened.
#[derive(Debug)]
pub struct Opened {
    /// The ledger.
    pub ledger: Ledger,
    /// What was mended, each a sentence without its end.
    pub notes: Vec<String>,
    /// Heads that were signed now, for entries that a crash left without.
    pub heads: Vec<Head>,
}

impl Ledger {
    /// Opens the ledger in a folder, and begins one where there is none.
    ///
    /// A last line that a crash tore is cut off, and an entry says so. It bears the latest time
    /// that the ledger knows. Entries that a crash left without a head get it now. Only what
    /// lies behind the checkpoint is read; [`super::verify`] reads all.
    ///
    /// # Errors
    /// Where the files cannot be read or written, another process has them, the ledger is
    /// signed by another key, or it is damaged in another way than by a crash.
    pub fn open(folder: &Path, key: Key) -> Result<Opened, LedgerError> {
        fs::create_dir_all(folder).map_err(io_error(folder, "make folder"))?;
        let entries = Tail::open(&folder.join(ENTRIES))?;
        let locked = entries.file.try_lock();
        locked.map_err(|_| LedgerError::InUse(folder.to_owned()))?;
        let heads = Tail::open(&folder.join(HEADS))?;
        write_public_key(folder, key.public())?;
        checkpoint::sync_folder(folder)?;
        let mut notes = Vec::new();
        let found = checkpoint::read(folder, &entries.file, &heads.file, key.public());
        let (mark, evidence) = match found {
            Found::Nothing => (None, None),
            Found::Sound(mark) => (Some(*mark), None),
            Found::Unfit(reason, head) => {
                notes.push(format!(
                    "the checkpoint was passed over and all of the ledger read: {reason}"
                ));
                (None, head)
            }
        };
        let checkpoint_size = mark.as_ref().map_or(0, |mark| mark.head.size);
        let audit = audit(folder, mark, evidence, key.public())?;
        let mut ledger = Self {
            folder: folder.to_owned(),
            key,
            entries,
            heads,
            heads_lines: 0,
            frontier: Frontier::default(),
            last: Hash::NONE,
            schedule: Schedule::default(),
            entries_bytes: 0,
            line_bytes: 0,
            acknowledged: 0,
            made: Vec::new(),
            mark: None,
            checkpoint_size,
            refused: 0,
            has_stopped: false,
        };
        let heads = ledger.resume(audit, &mut notes)?;
        Ok(Opened {
            ledger,
            notes,
            heads,
        })
    }

    /// Goes on from where the last head was signed.
    fn resume(&mut self, audit: Audit, notes: &mut Vec<String>) -> Result<Vec<Head>, LedgerError> {
        let torn_heads = audit.heads().first().map_or(0, |heads| heads.torn_bytes);
        let heads_bytes = audit.heads().first().map_or(0, |heads| heads.bytes);
        self.heads_lines = audit.heads().first().map_or(0, |heads| heads.lines);
        self.entries.keep(audit.bytes, audit.torn_bytes);
        self.heads.keep(heads_bytes, torn_heads);
        self.acknowledged = audit.frontier.size();
        if let Some(mark) = audit.mark {
            self.frontier = mark.frontier.clone();
            self.last = mark.last;
            self.entries_bytes = mark.entries_bytes;
            self.line_bytes = mark.line_bytes;
            self.schedule = Schedule::signed(mark.head.time);
            self.mark = Some(mark);
        }
        self.read_unsigned(audit.bytes)?;
        for (name, bytes) in [(ENTRIES, audit.torn_bytes), (HEADS, torn_heads)] {
            if bytes > 0 {
                notes.push(format!(
                    "{name}: a last line that was torn after {bytes} bytes was cut off; \
                     it had not been acknowledged"
                ));
            }
        }
        if audit.torn_bytes > 0 || torn_heads > 0 {
            let body = format!(
                r#"{{"cut_entries_bytes":{},"cut_heads_bytes":{torn_heads}}}"#,
                audit.torn_bytes
            );
            self.write(self.schedule.latest(), Kind::Note, &body);
        }
        let committed = self.commit()?;
        notes.extend(committed.notes);
        Ok(committed.heads)
    }

    /// Reads the entries behind the last head again, up to a byte, and signs the heads that
    /// were due.
    fn read_unsigned(&mut self, end_bytes: u64) -> Result<(), LedgerError> {
        let path = self.entries.path.clone();
        let mut file = File::open(&path).map_err(io_error(&path, "open"))?;
        let sought = file.seek(SeekFrom::Start(self.entries_bytes));
        sought.map_err(io_error(&path, "seek"))?;
        let (mut reader, mut line) = (BufReader::new(file), Vec::new());
        while self.entries_bytes < end_bytes {
            let read = read_line(&mut reader, &mut line, LINE_BYTES_MAX);
            let read = read.map_err(io_error(&path, "read"))?;
            let fields = Fields::parse(&line).ok().filter(|_| read == Line::Whole);
            let fields = fields.filter(|fields| {
                fields.index == self.frontier.size() && fields.previous == self.last
            });
            let Some(Fields { time, kind, .. }) = fields else {
                let reason = "it changed while the ledger was opened";
                let size = self.frontier.size();
                return Err(damaged(&self.folder, Fault::entry(size, 0, reason)));
            };
            self.read_again(time, kind, &line);
        }
        Ok(())
    }
}

/// Checks all that lies behind a mark.
fn audit(
    folder: &Path,
    mark: Option<Mark>,
    evidence: Option<Head>,
    key: PublicKey,
) -> Result<Audit, LedgerError> {
    let path = folder.join(HEADS);
    let mut heads = vec![HeadReader::open(
        &path,
        mark.as_ref(),
        key,
        LastLine::MustEnd,
    )?];
    let name = || folder.join(checkpoint::NAME).display().to_string();
    heads.extend(evidence.map(|head| HeadReader::one(name(), &head)));
    let mut audit = Audit::open(&folder.join(ENTRIES), mark, heads)?;
    let mut faults = Faults::default();
    audit.run(&mut faults)?;
    let signed = audit.mark.as_ref().map_or(0, |mark| mark.head.size);
    if let Some(fault) = unsigned_fault(audit.frontier.size(), signed) {
        faults.push(fault);
    }
    match faults.first() {
        Some(fault) => Err(damaged(folder, fault)),
        None => Ok(audit),
    }
}

/// Where more entries have no head than a crash leaves.
pub(super) fn unsigned_fault(size: u64, signed: u64) -> Option<Fault> {
    let unsigned = size.saturating_sub(signed);
    (unsigned > UNSIGNED_ENTRIES_MAX).then(|| {
        let reason = format!(
            "no head signs it and what follows, {unsigned} entries, of which a crash leaves \
             {UNSIGNED_ENTRIES_MAX} at most: `{HEADS}` was cut"
        );
        Fault::entry(signed, signed, reason)
    })
}

fn damaged(folder: &Path, fault: Fault) -> LedgerError {
    LedgerError::Damaged {
        folder: folder.to_owned(),
        fault,
    }
}

/// Puts the public key beside the ledger, or holds it against the one that is there.
fn write_public_key(folder: &Path, key: PublicKey) -> Result<(), LedgerError> {
    let path: PathBuf = folder.join(PUBLIC_KEY);
    if !path.exists() {
        return checkpoint::replace(folder, PUBLIC_KEY, format!("{key}\n").as_bytes());
    }
    let of_ledger = PublicKey::read(&path)?;
    if of_ledger == key {
        return Ok(());
    }
    Err(LedgerError::OtherKey {
        path,
        of_ledger,
        given: key,
    })
}
