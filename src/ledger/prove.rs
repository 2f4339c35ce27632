//! Proofs that can be checked without the ledger.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::entry::{Entry, LINE_BYTES_MAX};
use super::error::{LedgerError, io_error};
use super::hash::{Hash, PublicKey};
use super::head::Head;
use super::heads::{HeadReader, LastLine};
use super::lines::{Line, read_line};
use super::open::{ENTRIES, HEADS, PUBLIC_KEY};
use super::report::Faults;
use super::tree::{Frontier, PATH_HASHES_MAX, PathBuilder, is_consistent, is_included, leaf_hash};

/// Bytes of a proof that are read.
pub const PROOF_BYTES_MAX: usize = 256 * 1024;

/// That an entry is in a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Its line without the line feed.
    pub entry: String,
    /// The hash of the line.
    pub leaf: Hash,
    /// Hashes from the leaf to the root (RFC 9162, section 2.1.3.1).
    pub path: Vec<Hash>,
    /// The head of the tree, with the public key that signed it.
    pub head: Head,
}

/// That a ledger was only added to between two heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyProof {
    /// The head of the smaller tree.
    pub old: Head,
    /// The head of the larger one.
    pub new: Head,
    /// Hashes (RFC 9162, section 2.1.4.1).
    pub path: Vec<Hash>,
}

/// Why a proof proves nothing.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProofError {
    /// It cannot be read.
    #[error("the proof cannot be read: {0}")]
    Unreadable(String),
    /// It is no line of a ledger.
    #[error("the entry of the proof is no line of a ledger: {0}")]
    Entry(&'static str),
    /// The leaf is that of another line.
    #[error("the leaf is not the hash of the entry")]
    Leaf,
    /// The path leads elsewhere.
    #[error("the path does not lead to the root that the head signs")]
    Path,
    /// The signature is wrong.
    #[error("the signature of a head is not that of its key")]
    Signature,
    /// Somebody else signed.
    #[error("a head is of the key {0}, and not of the one that is trusted")]
    OtherKey(PublicKey),
}

/// Proves that an entry is under the last head of a ledger.
///
/// # Errors
/// Where the files cannot be read, no head covers the entry, or the ledger is damaged.
pub fn prove(folder: &Path, index: u64) -> Result<Proof, LedgerError> {
    let Some(head) = last_head(folder)?.filter(|head| head.size > index) else {
        let reason = format!(
            "no head covers entry {index} yet; a head is signed a minute after an entry, \
             and when the sensor stops"
        );
        return Err(unprovable(folder, reason));
    };
    let mut path = PathBuilder::inclusion(index, head.size);
    let mut entry = String::new();
    let root = read_leaves(folder, head.size, |place, line, leaf| {
        path.push(leaf);
        if place == index {
            entry = String::from_utf8_lossy(line).into_owned();
        }
    })?;
    let proof = Proof {
        leaf: leaf_hash(entry.as_bytes()),
        entry,
        path: path.finish().unwrap_or_default(),
        head,
    };
    if root != head.root || proof.check(None).is_err() {
        return Err(unprovable(folder, DAMAGED.to_owned()));
    }
    Ok(proof)
}

/// Proves that between a head and the last head of a ledger it was only added to.
///
/// # Errors
/// Where the files cannot be read, or the ledger has no such head, or is damaged.
pub fn prove_consistency(folder: &Path, old: Head) -> Result<ConsistencyProof, LedgerError> {
    let Some(new) = last_head(folder)?.filter(|new| new.size >= old.size) else {
        let reason = format!("the ledger has no head of {} entries or more", old.size);
        return Err(unprovable(folder, reason));
    };
    let mut path = PathBuilder::consistency(old.size, new.size);
    let root = read_leaves(folder, new.size, |_, _, leaf| path.push(leaf))?;
    let path = path.finish().unwrap_or_default();
    let proof = ConsistencyProof { old, new, path };
    if root != new.root || proof.check(None).is_err() {
        return Err(unprovable(folder, DAMAGED.to_owned()));
    }
    Ok(proof)
}

impl Proof {
    /// Reads a proof, as `serde_json` writes it.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        parse(text)
    }

    /// Tells the entry that is proven. Only `trusted`, a key known from elsewhere, says whose
    /// ledger it is in; without it the proof holds for whoever has the key of its head.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check(&self, trusted: Option<PublicKey>) -> Result<Entry, ProofError> {
        check_head(&self.head, trusted)?;
        let entry = Entry::parse(self.entry.as_bytes()).map_err(ProofError::Entry)?;
        if leaf_hash(self.entry.as_bytes()) != self.leaf {
            return Err(ProofError::Leaf);
        }
        let Head { size, root, .. } = self.head;
        if !is_included(self.leaf, entry.index, size, &self.path, root) {
            return Err(ProofError::Path);
        }
        Ok(entry)
    }
}

impl ConsistencyProof {
    /// Reads a proof, as `serde_json` writes it.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        parse(text)
    }

    /// Checks that the entries under the old head are the first ones under the new head.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check(&self, trusted: Option<PublicKey>) -> Result<(), ProofError> {
        let (old, new) = (&self.old, &self.new);
        check_head(old, trusted)?;
        check_head(new, trusted.or(Some(old.key)))?;
        let holds = is_consistent((old.size, old.root), (new.size, new.root), &self.path);
        holds.then_some(()).ok_or(ProofError::Path)
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ProofError> {
    if text.len() > PROOF_BYTES_MAX {
        let reason = format!("it has more than {PROOF_BYTES_MAX} bytes");
        return Err(ProofError::Unreadable(reason));
    }
    serde_json::from_str(text).map_err(|error| ProofError::Unreadable(error.to_string()))
}

fn check_head(head: &Head, trusted: Option<PublicKey>) -> Result<(), ProofError> {
    if trusted.is_some_and(|trusted| trusted != head.key) {
        return Err(ProofError::OtherKey(head.key));
    }
    let is_signed = head.is_signed();
    is_signed.then_some(()).ok_or(ProofError::Signature)
}

/// The last head of a ledger that its key has signed.
///
/// # Errors
/// Where the files cannot be read.
pub fn last_head(folder: &Path) -> Result<Option<Head>, LedgerError> {
    let key = PublicKey::read(&folder.join(PUBLIC_KEY))?;
    let mut heads = HeadReader::open(&folder.join(HEADS), None, key, LastLine::MustEnd)?;
    let (mut faults, mut last) = (Faults::default(), None);
    while let Some(placed) = heads.peek(&mut faults)? {
        heads.advance();
        last = Some(placed.head);
    }
    Ok(last)
}

/// Reads the first `size` lines, and tells their root.
fn read_leaves(
    folder: &Path,
    size: u64,
    mut take: impl FnMut(u64, &[u8], Hash),
) -> Result<Hash, LedgerError> {
    let path = folder.join(ENTRIES);
    let file = File::open(&path).map_err(io_error(&path, "open"))?;
    let (mut reader, mut line) = (BufReader::with_capacity(BUFFER_BYTES, file), Vec::new());
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let read = read_line(&mut reader, &mut line, LINE_BYTES_MAX);
        if read.map_err(io_error(&path, "read"))? != Line::Whole {
            return Err(unprovable(folder, DAMAGED.to_owned()));
        }
        let leaf = leaf_hash(&line);
        take(frontier.size(), &line, leaf);
        frontier.push(leaf);
    }
    Ok(frontier.root())
}

fn unprovable(folder: &Path, reason: String) -> LedgerError {
    LedgerError::Unprovable {
        folder: folder.to_owned(),
        reason,
    }
}

const BUFFER_BYTES: usize = 256 * 1024;

const DAMAGED: &str = "the entries are not those that the head signs; \
    verify the ledger to find the first that is wrong";

/// A path of a tree of 2^64 leaves fits into what is read of a proof beside the entry.
const _: () = assert!(PATH_HASHES_MAX * 70 + 2 * LINE_BYTES_MAX + 1_024 < PROOF_BYTES_MAX);
