//! `borderflow ledger`: keys, checks and proofs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::ledger::{
    AreSigned, Filter, Head, Key, Kind, PROOF_BYTES_MAX, Proof, PublicKey, VerifyOptions,
    are_signed, prove, show, verify_by,
};

use super::arguments::LedgerCommand;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(command: &LedgerCommand, terminal: &Terminal) -> Result<Outcome, CommandError> {
    match command {
        LedgerCommand::Key { file } => {
            let key = Key::create(file)?;
            terminal.print(&format!(
                "{} holds the key; keep it as a secret.\nThose who check the ledger need the \
                 public key:\n{}\n",
                file.display(),
                key.public(),
            ))?;
            Ok(Outcome::Complete)
        }
        LedgerCommand::Verify {
            folder,
            key,
            witness,
        } => {
            let options = VerifyOptions {
                key: key.as_deref().map(public_key).transpose()?,
                witness: witness.clone(),
            };
            let report = verify_by(folder, &options, check_signatures)?;
            terminal.print(&format!("{report}\n"))?;
            Ok(match report.is_sound() {
                true => Outcome::Complete,
                false => Outcome::Damaged,
            })
        }
        LedgerCommand::Prove {
            folder,
            check: true,
            key,
            ..
        } => check_proof(folder, key.as_deref(), terminal),
        LedgerCommand::Prove { folder, index, .. } => {
            let proof = prove(folder, index.unwrap_or(0))?;
            let text = serde_json::to_string_pretty(&proof).unwrap_or_default();
            terminal.print(&format!("{text}\n"))?;
            Ok(Outcome::Complete)
        }
        LedgerCommand::Show {
            folder,
            first,
            last,
            kind,
        } => {
            let filter = Filter {
                first: *first,
                last: *last,
                kinds: kinds(kind)?,
                ..Filter::default()
            };
            show_entries(folder, filter, terminal)
        }
    }
}

fn check_proof(
    file: &Path,
    key: Option<&str>,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let name = file.display().to_string();
    let failed = |source| CommandError::Log {
        path: name.clone(),
        source,
    };
    if fs::metadata(file).map_err(failed)?.len() > PROOF_BYTES_MAX as u64 {
        let why = format!("{name}: too large to be a proof");
        return Err(CommandError::Usage(why));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    let trusted = key.map(public_key).transpose()?;
    let checked = Proof::parse(&text).and_then(|proof| Ok((proof.check(trusted)?, proof)));
    let (entry, proof) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            terminal.complain(&format!("{name}: {error}"));
            return Ok(Outcome::Damaged);
        }
    };
    let mut text = format!(
        "Entry {} of {} ({}) is in the ledger of {} entries that the key {} signed at {}.\n",
        entry.index, entry.time, entry.kind, proof.head.size, proof.head.key, proof.head.time,
    );
    if trusted.is_none() {
        text += "The key is the proof's own word: give the one that you trust with --key.\n";
    }
    let _ = writeln!(text, "{}", proof.entry);
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

fn show_entries(
    folder: &Path,
    filter: Filter,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let mut text = String::new();
    for entry in show(folder, filter)? {
        let entry = entry?;
        let _ = writeln!(
            text,
            "{{\"index\":{},\"time\":\"{}\",\"kind\":\"{}\",\"body\":{}}}",
            entry.index, entry.time, entry.kind, entry.body
        );
        if text.len() > PART_BYTES {
            terminal.print(&text)?;
            text.clear();
        }
    }
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

fn kinds(names: &[String]) -> Result<Vec<Kind>, CommandError> {
    let kind = |name: &String| {
        Kind::from_name(name).ok_or_else(|| {
            let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let why = format!("`{name}` is no kind of entry: use {}", all.join(", "));
            CommandError::Usage(why)
        })
    };
    names.iter().map(kind).collect()
}

/// A public key, or the file of one.
fn public_key(text: &str) -> Result<PublicKey, CommandError> {
    match text.parse() {
        Ok(key) => Ok(key),
        Err(_) => Ok(PublicKey::read(Path::new(text))?),
    }
}

/// Bytes that are printed at once.
const PART_BYTES: usize = 64 * 1024;

/// Checks the signatures of heads on a thread beside the one that reads entries.
fn check_signatures(heads: Vec<Head>) -> AreSigned {
    let heads: Arc<[Head]> = heads.into();
    let shared = Arc::clone(&heads);
    let thread = thread::Builder::new().name("signatures".to_owned());
    match thread.spawn(move || are_signed(&shared)) {
        // A thread that could not end well has vouched for nothing.
        Ok(thread) => Box::new(move || thread.join().unwrap_or_else(|_| vec![false; heads.len()])),
        // The system has none to give.
        Err(_) => Box::new(move || are_signed(&heads)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Body, Ledger, verify};
    use crate::time::Timestamp;

    /// Threads find the heads that one thread finds, whichever of them they are given.
    #[test]
    fn a_forged_head_among_many_is_found_by_threads_too() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::from_seed(&[7; 32]).unwrap();
        let options = VerifyOptions {
            key: Some(key.public()),
            witness: None,
        };
        let mut ledger = Ledger::open(folder.path(), key).unwrap().ledger;
        let body = Body::new(&serde_json::json!({ "asset": "a" })).unwrap();
        for minute in 0..1_100 {
            let time = Timestamp::from_parts(1_772_409_600 + minute * 61, 0);
            ledger.append(time, Kind::Alert, &body).unwrap();
        }
        ledger.commit().unwrap();
        drop(ledger);
        let sound = verify_by(folder.path(), &options, check_signatures).unwrap();
        assert!(sound.is_sound() && sound.heads > 1_024, "{sound}");
        let path = folder.path().join("heads.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        // Those of the second thousand are read ahead, too.
        for forged in [0, 100, 1_023, 1_024, lines.len() - 2] {
            let mut lines = lines.clone();
            let other = if forged == 0 { 1 } else { forged - 1 };
            let signature = |line: &str| {
                let head: serde_json::Value = serde_json::from_str(line).unwrap();
                head["signature"].as_str().unwrap().to_owned()
            };
            let (own, others) = (signature(&lines[forged]), signature(&lines[other]));
            lines[forged] = lines[forged].replace(&own, &others);
            fs::write(&path, lines.join("\n") + "\n").unwrap();
            let found = verify_by(folder.path(), &options, check_signatures).unwrap();
            assert!(!found.is_sound(), "{forged}: {found}");
            let plain = verify(folder.path(), &options).unwrap();
            assert_eq!(found.to_string(), plain.to_string(), "{forged}");
            let line = format!("heads.jsonl:{}:", forged + 1);
            assert!(found.to_string().contains(&line), "{forged}: {found}");
        }
    }
}
