//! Whether a ledger is as it was written.

use std::path::{Path, PathBuf};

use super::audit::Audit;
use super::checkpoint;
use super::error::LedgerError;
use super::hash::PublicKey;
use super::heads::{CheckSignatures, HeadReader, LastLine, check_signatures};
use super::open::{ENTRIES, HEADS, PUBLIC_KEY, unsigned_fault};
use super::report::{Faults, Report};

/// By what a ledger is checked.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// The key of the ledger, as it is known from elsewhere. Without it `key.pub` beside the
    /// ledger is believed.
    pub key: Option<PublicKey>,
    /// A file of heads kept elsewhere, each as a line of `heads.jsonl`, sorted by their sizes.
    pub witness: Option<PathBuf>,
}

/// Reads all of a ledger and checks every line, every head and every signature.
///
/// It may be written to meanwhile: a last line that is torn and that no head covers is told
/// and is no fault.
///
/// # Errors
/// Where a file cannot be read; what is wrong in it is in the report.
pub fn verify(folder: &Path, options: &VerifyOptions) -> Result<Report, LedgerError> {
    verify_by(folder, options, check_signatures)
}

/// The same with another way to check signatures, which take most of the time where heads are
/// many.
///
/// # Errors
/// Those of [`verify`].
pub fn verify_by(
    folder: &Path,
    options: &VerifyOptions,
    check_signatures: CheckSignatures,
) -> Result<Report, LedgerError> {
    let mut notes = Vec::new();
    let key = match options.key {
        Some(key) => key,
        None => {
            notes.push(KEY_NOTE.to_owned());
            PublicKey::read(&folder.join(PUBLIC_KEY))?
        }
    };
    let open = |path: &Path, last_line| {
        let heads = HeadReader::open(path, None, key, last_line)?;
        Ok::<_, LedgerError>(heads.checked_by(check_signatures))
    };
    let mut heads = vec![open(&folder.join(HEADS), LastLine::MustEnd)?];
    if let Some(path) = &options.witness {
        heads.push(open(path, LastLine::MayLackEnd)?);
    }
    match checkpoint::head(folder) {
        Some(head) if head.key == key && head.is_signed() => {
            let name = folder.join(checkpoint::NAME).display().to_string();
            heads.push(HeadReader::one(name, &head));
        }
        Some(_) => notes.push(CHECKPOINT_NOTE.to_owned()),
        None => {}
    }
    let mut audit = Audit::open(&folder.join(ENTRIES), None, heads)?;
    let mut faults = Faults::default();
    audit.run(&mut faults)?;
    let torn_heads = audit.heads().first().map_or(0, |heads| heads.torn_bytes);
    if faults.vouched().is_some() {
        notes.push("nothing behind the entry that is wrong was checked".to_owned());
    } else {
        notes.extend(torn(ENTRIES, audit.torn_bytes));
        if let Some(fault) = unsigned_fault(audit.frontier.size(), audit.vouched) {
            faults.push(fault);
        }
    }
    notes.extend(torn(HEADS, torn_heads));
    let agreed = |place: usize| audit.heads().get(place).map_or(0, |heads| heads.agreed);
    Ok(Report {
        entries: audit.frontier.size(),
        signed_entries: faults.vouched().unwrap_or(audit.vouched),
        heads: agreed(0),
        witnesses: options.witness.is_some().then(|| agreed(1)),
        key,
        faults: faults.told,
        faults_untold: faults.untold,
        notes,
    })
}

fn torn(name: &str, bytes: u64) -> Option<String> {
    (bytes > 0).then(|| {
        format!(
            "{name} ends with {bytes} bytes of a line that has no end and that no head covers: \
             it is being written, or a crash tore it"
        )
    })
}

const KEY_NOTE: &str = "the key was read from `key.pub` beside the ledger, which proves nothing \
    against somebody who may write there; give the key as it was noted elsewhere";

const CHECKPOINT_NOTE: &str = "the checkpoint has a head that the key did not sign; it serves \
    only a faster start, and was passed over";
