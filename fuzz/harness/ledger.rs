//! Any bytes as a line, a body or a proof of a ledger, and as what befell one.
//!
//! Byte 0 says which. Of what befell a ledger the rest are changes of 5 bytes each: a file, where
//! in it, by what it is changed, and how.

use std::fs;
use std::path::Path;

use borderflow::ledger::{
    Body, ConsistencyProof, Entry, Filter, Key, Kind, Ledger, Proof, VerifyOptions, prove, show,
    verify,
};
use borderflow::time::Timestamp;
use serde_json::json;
use tempfile::TempDir;

/// Reads the bytes as byte 0 says, and holds what is read against what a ledger promises.
pub fn run(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind % 4 {
        0 => read_line(rest),
        1 => read_body(rest),
        2 => read_proof(rest),
        _ => BASE.with(|base| base.befall(rest)),
    }
}

/// A line that is read is written again the same.
fn read_line(line: &[u8]) {
    if let Ok(entry) = Entry::parse(line) {
        assert_eq!(entry.to_string().as_bytes(), line);
    }
}

/// A body that was written once is written in the same way again.
fn read_body(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(body) = Body::parse(text) {
        let again = Body::parse(body.as_str()).unwrap();
        assert_eq!(again, body);
        assert!(!body.as_str().contains('\n'), "{body:?}");
    }
}

/// No bytes but those of the ledger prove anything to who knows its key.
fn read_proof(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let trusted = Some(key().public());
    if let Ok(proof) = Proof::parse(&text)
        && let Ok(entry) = proof.check(trusted)
    {
        let own = BASE.with(|base| prove(base.folder.path(), entry.index).unwrap());
        assert_eq!(
            own.check(trusted).unwrap(),
            entry,
            "another entry is proven"
        );
    }
    if let Ok(proof) = ConsistencyProof::parse(&text) {
        let _ = proof.check(trusted);
    }
}

fn key() -> Key {
    Key::from_seed(&[7; 32]).unwrap()
}

/// A ledger that ended well, and a folder for what befalls it.
struct Base {
    folder: TempDir,
    changed: TempDir,
    files: Vec<(&'static str, Vec<u8>)>,
}

thread_local! {
    static BASE: Base = Base::new();
}

impl Base {
    fn new() -> Self {
        let [folder, changed] = [scratch(), scratch()];
        let mut ledger = Ledger::open(folder.path(), key()).unwrap().ledger;
        for number in 0..ENTRIES {
            let kind = match number {
                0 => Kind::Start,
                number if number + 1 == ENTRIES => Kind::Stop,
                _ => Kind::Alert,
            };
            let body = Body::new(&json!({ "bytes": number })).unwrap();
            // Some of them far apart, so that there are several heads.
            let time = Timestamp::from_parts(1_772_409_540 + 25 * number as i64, 0);
            ledger.append(time, kind, &body).unwrap();
        }
        ledger.commit().unwrap();
        drop(ledger);
        let read = |name| (name, fs::read(folder.path().join(name)).unwrap());
        let files = FILES.map(read).to_vec();
        Self {
            folder,
            changed,
            files,
        }
    }

    /// Changes a copy, checks it, and goes on with it.
    fn befall(&self, changes: &[u8]) {
        let mut files = self.files.clone();
        let mut is_cut = false;
        for change in changes.chunks_exact(5).take(CHANGES_MAX) {
            let (_, bytes) = &mut files[usize::from(change[0]) % FILES.len()];
            let at = usize::from(u16::from_le_bytes([change[1], change[2]]));
            let at = at % bytes.len().max(1);
            match change[4] % 4 {
                0 => {
                    bytes.truncate(at);
                    is_cut = true;
                }
                1 => bytes.insert(at, change[3]),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= change[3];
                    }
                }
            }
        }
        for (name, bytes) in &files {
            fs::write(self.changed.path().join(name), bytes).unwrap();
        }
        self.check(&files, is_cut);
        go_on(self.changed.path());
    }

    /// Of what is signed nothing can be another without a fault. Whoever cuts it off at a head, in
    /// both files, is found by the heads that were kept elsewhere, of which there are none here.
    fn check(&self, files: &[(&str, Vec<u8>)], is_cut: bool) {
        let options = VerifyOptions {
            key: Some(key().public()),
            witness: None,
        };
        let Ok(report) = verify(self.changed.path(), &options) else {
            return;
        };
        let entries = &files[0].1;
        let own = &self.files[0].1;
        if report.is_sound() && !is_cut {
            assert_eq!(entries, own, "a change of entries is not found: {report}");
        }
        if report.is_sound() && is_cut {
            let signed = usize::try_from(report.signed_entries).unwrap();
            let first = |bytes: &[u8]| {
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                lines.take(signed).collect::<Vec<_>>().concat()
            };
            assert_eq!(first(entries), first(own), "what is signed is another");
        }
        let shown = show(self.changed.path(), Filter::default());
        let count = shown.map_or(0, |entries| entries.flatten().count());
        assert!(count <= entries.len());
    }
}

/// A ledger that can be opened takes entries, whatever befell it, and then can be opened again.
fn go_on(folder: &Path) {
    let Ok(opened) = Ledger::open(folder, key()) else {
        return;
    };
    let mut ledger = opened.ledger;
    let body = Body::new(&json!({ "more": true })).unwrap();
    let time = Timestamp::from_parts(1_772_500_000, 0);
    let index = ledger.append(time, Kind::Alert, &body).unwrap();
    if ledger.commit().is_ok() {
        drop(ledger);
        let again = Ledger::open(folder, key());
        let again = again.unwrap_or_else(|error| panic!("entry {index} was written: {error}"));
        assert!(again.ledger.acknowledged() > index);
    }
}

fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => TempDir::new_in(memory),
        false => TempDir::new(),
    };
    folder.unwrap()
}

const FILES: [&str; 4] = ["entries.jsonl", "heads.jsonl", "key.pub", "checkpoint"];

const ENTRIES: u64 = 12;

const CHANGES_MAX: usize = 8;
