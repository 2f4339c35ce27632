//! What a check of a ledger found.

use std::fmt;

use super::hash::PublicKey;

/// Faults that are told one by one.
pub const FAULTS_MAX: usize = 20;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An entry, or what should be one.
    Entry {
        /// The first one that is wrong, as far as the chain of lines tells.
        index: u64,
        /// So many entries from the first on are as they were signed: what is wrong begins
        /// there or later, also where somebody made the chain anew.
        vouched: u64,
        /// What is wrong, as a sentence without its end.
        reason: String,
    },
    /// A head.
    Head {
        /// The file.
        name: String,
        /// The line in it; the first is 1.
        line: u64,
        /// What is wrong, as a sentence without its end.
        reason: String,
    },
}

/// Faults, of which the first are kept.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) told: Vec<Fault>,
    pub(super) untold: u64,
}

/// What a check of a ledger found. It prints as lines for a person.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whole entries that were read and are chained to each other.
    pub entries: u64,
    /// Entries from the first on that a head vouches for.
    pub signed_entries: u64,
    /// Heads of the ledger that sign what it holds.
    pub heads: u64,
    /// Heads kept elsewhere that sign what the ledger holds; none where no file was given.
    pub witnesses: Option<u64>,
    /// The key by which heads were checked.
    pub key: PublicKey,
    /// What is wrong: [`FAULTS_MAX`] at most, those of entries among them.
    pub faults: Vec<Fault>,
    /// Faults beyond these.
    pub faults_untold: u64,
    /// What should be known beside that, each a sentence without its end.
    pub notes: Vec<String>,
}

impl Fault {
    pub(super) fn entry(index: u64, vouched: u64, reason: impl Into<String>) -> Self {
        Self::Entry {
            index,
            vouched,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry {
                index,
                vouched,
                reason,
            } => {
                write!(f, "entry {index}: {reason}; ")?;
                match vouched.checked_sub(1) {
                    None => f.write_str("no head vouches for what is before it"),
                    Some(last) => write!(f, "entries 0 to {last} are as they were signed"),
                }
            }
            Self::Head { name, line, reason } => write!(f, "{name}:{line}: {reason}"),
        }
    }
}

impl Faults {
    /// Keeps a fault of an entry always, of which there is one, and others as there is room.
    pub(super) fn push(&mut self, fault: Fault) {
        let is_entry = matches!(fault, Fault::Entry { .. });
        if is_entry && self.told.len() >= FAULTS_MAX {
            self.told.pop();
            self.untold = self.untold.saturating_add(1);
        }
        if self.told.len() < FAULTS_MAX {
            self.told.push(fault);
        } else {
            self.untold = self.untold.saturating_add(1);
        }
    }

    /// That of an entry, or the first of the others.
    pub(super) fn first(self) -> Option<Fault> {
        let entry = |fault: &Fault| matches!(fault, Fault::Entry { .. });
        let place = self.told.iter().position(entry).unwrap_or(0);
        self.told.into_iter().nth(place)
    }

    /// Entries that are as they were signed, where one behind them is not.
    pub(super) fn vouched(&self) -> Option<u64> {
        self.told.iter().find_map(|fault| match fault {
            Fault::Entry { vouched, .. } => Some(*vouched),
            Fault::Head { .. } => None,
        })
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// The first entry that is wrong.
    pub fn first_bad(&self) -> Option<u64> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Entry { index, .. } => Some(*index),
            Fault::Head { .. } => None,
        })
    }

    /// Entries behind the last head. Who can write the file can change them and what follows.
    pub const fn unsigned_entries(&self) -> u64 {
        self.entries.saturating_sub(self.signed_entries)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.is_sound() {
            "sound"
        } else {
            "NOT SOUND"
        };
        writeln!(f, "ledger: {verdict}")?;
        writeln!(f, "entries: {}", self.entries)?;
        writeln!(f, "entries under a signed head: {}", self.signed_entries)?;
        writeln!(
            f,
            "entries behind the last head: {}",
            self.unsigned_entries()
        )?;
        writeln!(f, "heads that agree: {}", self.heads)?;
        if let Some(witnesses) = self.witnesses {
            writeln!(f, "heads kept elsewhere that agree: {witnesses}")?;
        }
        writeln!(f, "public key: {}", self.key)?;
        for fault in &self.faults {
            writeln!(f, "fault: {fault}.")?;
        }
        if self.faults_untold > 0 {
            writeln!(f, "fault: {} more are not told.", self.faults_untold)?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}.")?;
        }
        Ok(())
    }
}
