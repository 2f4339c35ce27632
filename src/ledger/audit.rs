//! One pass over entries and the heads that speak of them.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::mem;
use std::path::{Path, PathBuf};

use super::checkpoint::Mark;
use super::entry::{Fields, LINE_BYTES_MAX};
use super::error::{LedgerError, io_error};
use super::hash::Hash;
use super::head::HEAD_ENTRIES;
use super::heads::{HeadReader, Placed};
use super::lines::{Line, read_line};
use super::locate::Place;
use super::report::{Fault, Faults};
use super::tree::{Frontier, leaf_hash};

/// A pass over entries. The first of the heads are those of the ledger.
pub(super) struct Audit {
    path: PathBuf,
    reader: BufReader<File>,
    heads: Vec<HeadReader>,
    pub(super) frontier: Frontier,
    pub(super) last: Hash,
    /// The hash of the line before the last.
    before: Hash,
    /// Bytes of the whole lines so far.
    pub(super) bytes: u64,
    line_bytes: u64,
    line: Vec<u8>,
    next: Vec<u8>,
    /// Entries that the last head that agreed vouches for.
    pub(super) vouched: u64,
    /// Bytes of a last line that was torn.
    pub(super) torn_bytes: u64,
    /// Where the last of the ledger's heads agreed.
    pub(super) mark: Option<Mark>,
}

impl Audit {
    /// Begins at the first entry, or where a head was signed. The heads begin there, too.
    pub(super) fn open(
        path: &Path,
        from: Option<Mark>,
        heads: Vec<HeadReader>,
    ) -> Result<Self, LedgerError> {
        let mut file = File::open(path).map_err(io_error(path, "open"))?;
        let bytes = from.as_ref().map_or(0, |mark| mark.entries_bytes);
        let sought = file.seek(SeekFrom::Start(bytes));
        sought.map_err(io_error(path, "seek"))?;
        let frontier = from.as_ref().map(|mark| mark.frontier.clone());
        let frontier = frontier.unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(BUFFER_BYTES, file),
            heads,
            vouched: frontier.size(),
            frontier,
            last: from.as_ref().map_or(Hash::NONE, |mark| mark.last),
            before: Hash::NONE,
            bytes,
            line_bytes: 0,
            line: Vec::new(),
            next: Vec::new(),
            torn_bytes: 0,
            mark: from,
        })
    }

    /// Reads all that is left, up to the first entry that is wrong.
    pub(super) fn run(&mut self, faults: &mut Faults) -> Result<(), LedgerError> {
        loop {
            if let Some(fault) = self.check_heads(faults)? {
                faults.push(fault);
                return Ok(());
            }
            match self.read()? {
                Line::End => break,
                Line::Torn => {
                    self.torn_bytes = self.line.len() as u64;
                    break;
                }
                Line::TooLong => {
                    let reason = "its line is too long for an entry";
                    let index = self.frontier.size();
                    faults.push(Fault::entry(index, self.vouched, reason));
                    return Ok(());
                }
                Line::Whole => {}
            }
            if let Some(fault) = self.take(faults)? {
                faults.push(fault);
                return Ok(());
            }
        }
        if let Some(fault) = self.missing(faults)? {
            faults.push(fault);
        }
        Ok(())
    }

    /// The readers of heads, as they were given.
    pub(super) fn heads(&self) -> &[HeadReader] {
        &self.heads
    }

    fn read(&mut self) -> Result<Line, LedgerError> {
        let read = read_line(&mut self.reader, &mut self.line, LINE_BYTES_MAX);
        read.map_err(io_error(&self.path, "read"))
    }

    /// Reads the line after the current one, to know what that was chained to.
    fn look_ahead(&mut self) -> Result<Option<&[u8]>, LedgerError> {
        let read = read_line(&mut self.reader, &mut self.next, LINE_BYTES_MAX);
        let read = read.map_err(io_error(&self.path, "read"))?;
        Ok((read == Line::Whole).then_some(&*self.next))
    }

    /// Takes a line, where it is the next entry.
    fn take(&mut self, faults: &mut Faults) -> Result<Option<Fault>, LedgerError> {
        let (index, last) = (self.frontier.size(), self.last);
        let is_next = Fields::parse(&self.line)
            .is_ok_and(|fields| fields.index == index && fields.previous == last);
        if !is_next {
            return self.locate(faults);
        }
        let hash = leaf_hash(&self.line);
        self.frontier.push(hash);
        self.before = mem::replace(&mut self.last, hash);
        self.line_bytes = self.line.len() as u64 + 1;
        self.bytes = self.bytes.saturating_add(self.line_bytes);
        Ok(None)
    }

    fn locate(&mut self, faults: &mut Faults) -> Result<Option<Fault>, LedgerError> {
        let index = self.frontier.size();
        let mut over = None;
        for heads in &mut self.heads {
            let placed = heads.peek(faults)?.map(|placed| placed.head);
            over = over.or(placed.filter(|head| Some(head.size) == index.checked_add(1)));
        }
        self.look_ahead()?;
        let place = Place {
            index,
            before: self.before,
            last: self.last,
            is_vouched: self.vouched == index,
            line: &self.line,
            next: (!self.next.is_empty()).then_some(&*self.next),
        };
        let located = place.fault(|hash| {
            let mut frontier = self.frontier.clone();
            frontier.push(hash);
            over.map(|head| head.root == frontier.root())
        });
        Ok(located.map(|(index, reason)| Fault::entry(index, self.vouched, reason)))
    }

    /// Holds the heads over the entries so far against them.
    fn check_heads(&mut self, faults: &mut Faults) -> Result<Option<Fault>, LedgerError> {
        let size = self.frontier.size();
        let mut root = None;
        for place in 0..self.heads.len() {
            while let Some(heads) = self.heads.get_mut(place)
                && let Some(placed) = heads.peek(faults)?
                && placed.head.size <= size
            {
                heads.advance();
                if placed.head.size < size {
                    heads.tell(
                        placed.line,
                        "it stands behind heads of more entries",
                        faults,
                    );
                    continue;
                }
                let root = *root.get_or_insert_with(|| self.frontier.root());
                if placed.head.root != root {
                    return Ok(Some(self.other_root(place, &placed, root)?));
                }
                let unsigned = size.saturating_sub(heads.agreed_size);
                if place == 0 && unsigned > HEAD_ENTRIES {
                    heads.tell(placed.line, GAP, faults);
                }
                heads.agree(size);
                self.vouched = size;
                if place == 0 {
                    self.mark(&placed);
                }
            }
        }
        Ok(None)
    }

    fn mark(&mut self, placed: &Placed) {
        let line_bytes = match &self.mark {
            Some(mark) if mark.entries_bytes == self.bytes => mark.line_bytes,
            _ => self.line_bytes,
        };
        self.mark = Some(Mark {
            head: placed.head,
            frontier: self.frontier.clone(),
            last: self.last,
            entries_bytes: self.bytes,
            line_bytes,
            heads_bytes: placed.bytes,
            heads_lines: placed.line,
        });
    }

    /// A head that signs something else than the entries give. Where the chain ends with them
    /// or does not go on behind them, the last of them is the one to suspect.
    fn other_root(
        &mut self,
        place: usize,
        placed: &Placed,
        root: Hash,
    ) -> Result<Fault, LedgerError> {
        let (size, last) = (self.frontier.size(), self.last);
        let next = self.look_ahead()?;
        let next = next.and_then(|line| Fields::parse(line).ok());
        let goes_on = next.is_some_and(|next| next.index == size && next.previous == last);
        let (name, of_reader) = self.told_by(place);
        let told = format!(
            "{name}:{} signs the root {} for {size} entries, and they give {root}",
            placed.line, placed.head.root
        );
        let end = size.saturating_sub(1);
        if self.vouched == size {
            let reason = format!(
                "{told}, which a head of the ledger signs: one of the entries {of_reader} to {end} \
                 was changed, and signed again by somebody who has the key"
            );
            return Ok(Fault::entry(of_reader, of_reader, reason));
        }
        if of_reader == end {
            return Ok(Fault::entry(end, of_reader, told));
        }
        let reason = format!(
            "{told}: either entry {end} alone was changed, or one of the entries {of_reader} to \
             {end} and the chain behind it"
        );
        let index = if goes_on { of_reader } else { end };
        Ok(Fault::entry(index, of_reader, reason))
    }

    /// The name of a file of heads, and the entries for which the last of its heads vouches
    /// that agreed. Heads of another file say nothing where the key itself may be in wrong hands.
    fn told_by(&self, place: usize) -> (&str, u64) {
        let heads = self.heads.get(place);
        heads.map_or(("", 0), |heads| (&heads.name, heads.agreed_size))
    }

    /// A head of more entries than there are.
    fn missing(&mut self, faults: &mut Faults) -> Result<Option<Fault>, LedgerError> {
        let index = self.frontier.size();
        let mut fault = None;
        for heads in &mut self.heads {
            if let Some(placed) = heads.peek(faults)? {
                let lack = if self.torn_bytes > 0 {
                    "is torn"
                } else {
                    "is missing"
                };
                let reason = format!(
                    "it {lack}, for {}:{} signs {} entries",
                    heads.name, placed.line, placed.head.size
                );
                fault.get_or_insert(Fault::entry(index, heads.agreed_size, reason));
            }
        }
        Ok(fault)
    }
}

const BUFFER_BYTES: usize = 256 * 1024;

const GAP: &str = "more entries have no head before this one than one head is for: \
    heads before it were taken out";
