//! Why something with a ledger could not be done.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::entry::BodyError;
use super::hash::PublicKey;
use super::report::Fault;

/// Why something with a ledger could not be done.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The file system refused.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file of a key is not fit to be one.
    #[error("{path}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The ledger is signed by another key.
    #[error(
        "{path}: the ledger is signed by the key {of_ledger}, not by {given}; \
        give that key, or name another folder for a new ledger"
    )]
    OtherKey {
        /// The file that says so.
        path: PathBuf,
        /// The key of the ledger.
        of_ledger: PublicKey,
        /// The key that was given.
        given: PublicKey,
    },
    /// Another process writes the ledger.
    #[error("{0}: is in use by another borderflow; name another folder for the ledger")]
    InUse(PathBuf),
    /// The ledger is not as it was written, so that nothing can be added to it.
    #[error(
        "{folder}: {fault}; keep this folder as it is, for whoever looks into it, \
        and name another one for a new ledger"
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// The first thing that is wrong.
        fault: Fault,
    },
    /// The file was removed or renamed while it was written.
    #[error(
        "{0}: was removed or replaced while the ledger was open, so that nothing can be added to \
        it; put it back, or restart with another folder"
    )]
    Removed(PathBuf),
    /// Too much waits to be written.
    #[error(
        "{path}: {entries} entries wait to be written, no more are taken until they are; \
        see what the last commit said"
    )]
    Full {
        /// The file to which they are to be written.
        path: PathBuf,
        /// How many wait.
        entries: u64,
    },
    /// Something is no body of an entry.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A proof cannot be made.
    #[error("{folder}: {reason}")]
    Unprovable {
        /// The folder.
        folder: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
}

/// Wraps what the system said of a file.
pub(super) fn io_error(
    path: &Path,
    action: &'static str,
) -> impl FnOnce(io::Error) -> LedgerError + use<> {
    let path = path.to_owned();
    move |source| LedgerError::Io {
        path,
        action,
        source,
    }
}
