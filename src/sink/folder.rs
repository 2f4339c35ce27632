//! The folder that takes a replay's files.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::json_lines::harmless_json;
use super::{JsonLines, ResultCounts, SinkError};

/// A folder in which only files of ours are replaced.
#[derive(Debug)]
pub struct OutFolder {
    path: PathBuf,
    /// Held as long as the folder is written to.
    _lock: File,
}

/// The files that a replay may write.
const OWN_FILES: [&str; 6] = [
    "alerts.jsonl",
    "shadow.jsonl",
    "flows.jsonl",
    "transfers.jsonl",
    "verdicts.jsonl",
    "summary.json",
];

impl OutFolder {
    /// Makes the folder where there is none.
    ///
    /// # Errors
    /// Where it is a file, holds one of `inputs`, is in use, or cannot be written.
    pub fn create(path: &Path, inputs: &[PathBuf]) -> Result<Self, SinkError> {
        let name = path.display().to_string();
        let unfit = |reason: String| SinkError::Unfit {
            name: name.clone(),
            reason,
        };
        if path.exists() && !path.is_dir() {
            return Err(unfit("is a file; name a folder for the results".to_owned()));
        }
        fs::create_dir_all(path).map_err(|error| SinkError::io(&name, "make folder", error))?;
        let folder = path
            .canonicalize()
            .map_err(|error| SinkError::io(&name, "open", error))?;
        for input in inputs {
            let parent = input
                .canonicalize()
                .ok()
                .and_then(|file| file.parent().map(Path::to_owned));
            if parent.is_some_and(|parent| parent == folder) {
                let input = input.display();
                return Err(unfit(format!(
                    "holds the input {input}; name another folder"
                )));
            }
        }
        let lock = File::open(&folder).map_err(|error| SinkError::io(&name, "open", error))?;
        if lock.try_lock().is_err() {
            let reason = "is being written to by another borderflow; name another folder";
            return Err(unfit(reason.to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Removes what an earlier replay left in the folder.
    ///
    /// # Errors
    /// Where a file of ours cannot be removed.
    pub fn clear(&self) -> Result<(), SinkError> {
        for file in OWN_FILES.map(|file| self.path.join(file)) {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let name = file.display().to_string();
                    return Err(SinkError::io(&name, "replace an earlier result", error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A folder of its own, of which the named files are removed.
    ///
    /// # Errors
    /// Where it is a file or a link, or cannot be made, or a file cannot be removed.
    pub fn own_folder(&self, name: &str, files: &[&str]) -> Result<PathBuf, SinkError> {
        let path = self.path.join(name);
        let shown = path.display().to_string();
        let failed = |action: &'static str, error| SinkError::io(&shown, action, error);
        match fs::symlink_metadata(&path) {
            Ok(known) if !known.is_dir() => {
                let reason = "is no folder; remove it, or name another folder with --out";
                return Err(SinkError::Unfit {
                    name: shown,
                    reason: reason.to_owned(),
                });
            }
            Ok(_) => {}
            Err(_) => fs::create_dir(&path).map_err(|error| failed("make folder", error))?,
        }
        for file in files {
            match fs::remove_file(path.join(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed("replace an earlier result", error));
                }
                _ => {}
            }
        }
        Ok(path)
    }

    /// Opens a file of JSON lines in the folder, to add to it.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn json_lines(&self, file: &str) -> Result<JsonLines, SinkError> {
        JsonLines::append(&self.path.join(file))
    }

    /// The same for a sensor: see [`JsonLines::append_patiently`].
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn patient_lines(
        &self,
        file: &str,
        counts: &Arc<ResultCounts>,
    ) -> Result<JsonLines, SinkError> {
        JsonLines::append_patiently(&self.path.join(file), counts)
    }

    /// Writes a whole JSON file, which is there complete or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn json(&self, file: &str, value: &impl Serialize) -> Result<(), SinkError> {
        let path = self.path.join(file);
        let temporary = self.path.join(format!("{file}.tmp"));
        let name = path.display().to_string();
        let write = || {
            let mut text = serde_json::to_vec_pretty(value)?;
            text.push(b'\n');
            // Never through a link that somebody left in the folder.
            let _ = fs::remove_file(&temporary);
            let mut output = File::create_new(&temporary)?;
            output.write_all(&harmless_json(&text))?;
            output.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            SinkError::io(&name, "write", error)
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        OutFolder::create(&out, &[]).unwrap();
        fs::write(out.join("alerts.jsonl"), "old").unwrap();
        fs::write(out.join("notes.txt"), "theirs").unwrap();
        let again = OutFolder::create(&out, &[]).unwrap();
        assert!(
            out.join("alerts.jsonl").exists(),
            "not before it is asked for"
        );
        again.clear().unwrap();
        assert!(!out.join("alerts.jsonl").exists());
        assert!(out.join("notes.txt").exists());
        again
            .json("summary.json", &serde_json::json!({"packets": 1}))
            .unwrap();
        assert!(
            fs::read_to_string(out.join("summary.json"))
                .unwrap()
                .contains("\"packets\": 1")
        );
    }

    #[test]
    fn a_file_and_a_folder_with_the_input_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.pcap");
        fs::write(&file, "").unwrap();
        let error = OutFolder::create(&file, &[]).unwrap_err().to_string();
        assert!(error.contains("is a file"), "{error}");
        let error = OutFolder::create(folder.path(), &[file])
            .unwrap_err()
            .to_string();
        assert!(error.contains("holds the input"), "{error}");
    }
}
