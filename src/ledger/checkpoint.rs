//! Where a ledger can be gone on with, without reading all of it.
//!
//! A checkpoint stands where a head was signed. So the head tells whether the checkpoint is
//! right: its frontier has to give the signed root.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entry::{Fields, LINE_BYTES_MAX};
use super::error::{LedgerError, io_error};
use super::hash::{Hash, PublicKey};
use super::head::{HEAD_LINE_BYTES_MAX, Head};
use super::tree::{Frontier, leaf_hash};

/// The state of a ledger where a head was signed.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) head: Head,
    pub(super) frontier: Frontier,
    /// The hash of the last line.
    pub(super) last: Hash,
    /// Bytes of `entries.jsonl` up to here.
    pub(super) entries_bytes: u64,
    /// Bytes of its last line, with the line feed.
    pub(super) line_bytes: u64,
    /// Bytes of `heads.jsonl` up to and with the head.
    pub(super) heads_bytes: u64,
    /// Lines of it up to and with the head.
    pub(super) heads_lines: u64,
}

/// What was found on disk.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A checkpoint that agrees with the two files.
    Sound(Box<Mark>),
    /// One that does not, why, and its head where the key did sign that.
    Unfit(&'static str, Option<Head>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    version: u32,
    head: Head,
    frontier: Vec<Hash>,
    last: Hash,
    entries_bytes: u64,
    line_bytes: u64,
    heads_bytes: u64,
    heads_lines: u64,
}

/// Writes the checkpoint in a way that a crash leaves the one before it or this one.
pub(super) fn write(folder: &Path, mark: &Mark) -> Result<(), LedgerError> {
    let checkpoint = Checkpoint {
        version: VERSION,
        head: mark.head,
        frontier: mark.frontier.nodes().to_vec(),
        last: mark.last,
        entries_bytes: mark.entries_bytes,
        line_bytes: mark.line_bytes,
        heads_bytes: mark.heads_bytes,
        heads_lines: mark.heads_lines,
    };
    // Numbers and strings always become JSON.
    let line = serde_json::to_string(&checkpoint).unwrap_or_default();
    let checksum = Hash::of(&[line.as_bytes()]);
    replace(folder, NAME, format!("{line}\n{checksum}\n").as_bytes())
}

/// Puts a small file in the place of another at once.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), LedgerError> {
    let (path, temporary) = (folder.join(name), folder.join(format!("{name}.tmp")));
    // Never through a link that somebody left in the folder.
    let _ = fs::remove_file(&temporary);
    let mut file = File::create_new(&temporary).map_err(io_error(&temporary, "create"))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written
        .map_err(io_error(&temporary, "write"))
        .inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })?;
    fs::rename(&temporary, &path).map_err(io_error(&path, "rename"))?;
    sync_folder(folder)
}

/// Makes names in a folder outlast a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LedgerError> {
    let opened = File::open(folder).map_err(io_error(folder, "open"))?;
    opened.sync_all().map_err(io_error(folder, "sync"))
}

/// Reads the checkpoint and holds it against the files.
pub(super) fn read(folder: &Path, entries: &File, heads: &File, key: PublicKey) -> Found {
    let Some(text) = text(folder) else {
        return Found::Nothing;
    };
    let Some(checkpoint) = Checkpoint::parse(&text) else {
        return Found::Unfit("it is damaged or is none", None);
    };
    let head = checkpoint.head;
    if head.key != key || !head.is_signed() {
        return Found::Unfit("its head is not signed by the key of the ledger", None);
    }
    match checkpoint.check(entries, heads) {
        Ok(mark) => Found::Sound(Box::new(mark)),
        Err(reason) => Found::Unfit(reason, Some(head)),
    }
}

/// The head of the checkpoint, whoever signed it.
pub(super) fn head(folder: &Path) -> Option<Head> {
    Checkpoint::parse(&text(folder)?).map(|checkpoint| checkpoint.head)
}

fn text(folder: &Path) -> Option<Vec<u8>> {
    let file = File::open(folder.join(NAME)).ok()?;
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).ok()?;
    Some(text)
}

impl Checkpoint {
    /// Reads a line of JSON and a line with its SHA-256, which knows a damaged file.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?.strip_suffix('\n')?;
        let (line, checksum) = text.split_once('\n')?;
        let is_whole = Hash::of(&[line.as_bytes()]).to_string() == checksum;
        let checkpoint = serde_json::from_str(line).ok();
        checkpoint.filter(|_| is_whole)
    }

    fn check(self, entries: &File, heads: &File) -> Result<Mark, &'static str> {
        let head = self.head;
        if self.version != VERSION {
            return Err("it is of another version");
        }
        let frontier = Frontier::from_parts(head.size, self.frontier);
        let frontier = frontier.filter(|frontier| frontier.root() == head.root);
        let frontier = frontier.ok_or("its tree is not the one that its head signs")?;
        let line = line_before(entries, self.entries_bytes, self.line_bytes, LINE_BYTES_MAX);
        let line = line.ok_or("no line of `entries.jsonl` ends where it says")?;
        let index = Fields::parse(&line).map(|fields| fields.index);
        if index != Ok(head.size - 1) {
            return Err("another entry of `entries.jsonl` ends where it says");
        }
        if leaf_hash(&line) != self.last {
            return Err("its last entry is not the one in `entries.jsonl`");
        }
        let written = head.line();
        let head_bytes = written.len() as u64 + 1;
        let line = line_before(heads, self.heads_bytes, head_bytes, HEAD_LINE_BYTES_MAX);
        if line.as_deref() != Some(written.as_bytes()) {
            return Err("its head is not in `heads.jsonl` where it says");
        }
        Ok(Mark {
            head,
            frontier,
            last: self.last,
            entries_bytes: self.entries_bytes,
            line_bytes: self.line_bytes,
            heads_bytes: self.heads_bytes,
            heads_lines: self.heads_lines,
        })
    }
}

/// The line of `line_bytes` bytes, with its line feed, that ends at `end_bytes`; without it.
fn line_before(file: &File, end_bytes: u64, line_bytes: u64, bytes_max: usize) -> Option<Vec<u8>> {
    let start = end_bytes.checked_sub(line_bytes)?;
    let length = usize::try_from(line_bytes).ok()?;
    if length > bytes_max + 1 {
        return None;
    }
    let mut line = vec![0; length];
    file.read_exact_at(&mut line, start).ok()?;
    (line.pop() == Some(b'\n') && !line.contains(&b'\n')).then_some(line)
}

/// The name of the checkpoint in the folder.
pub(super) const NAME: &str = "checkpoint";

const VERSION: u32 = 1;

/// Bytes that are read of a checkpoint: more than any has.
const FILE_BYTES_MAX: u64 = 64 * 1024;
