//! State on disk that a crash cannot tear.
//!
//! A snapshot is written to a temporary file, synced, and renamed into place; the folder
//! is synced too, because a rename without that can lose the whole file on a power cut.
//! The snapshot before it is kept as a second generation. Each carries a version and a
//! SHA-256 over everything, so that a damaged one is known for what it is.

mod secret;

pub use secret::{SecretError, create_secret, read_secret};

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Snapshots of one thing in one folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    name: &'static str,
    version: u32,
}

/// What was found on disk.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest sound snapshot of the right version.
    pub payload: Option<Vec<u8>>,
    /// Whether it is the last that was written, and not the one before.
    pub is_newest: bool,
    /// Snapshots that were passed over, each with the reason.
    pub refused: Vec<StoreError>,
}

/// Why a snapshot could not be written or read.
#[derive(Debug, Error)]
pub enum StoreError {
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
    /// The file is not a whole, unchanged snapshot.
    #[error("{0}: the snapshot is damaged or is none, and is passed over")]
    Damaged(PathBuf),
    /// Another process uses the folder.
    #[error("{0}: is in use by another borderflow; name another folder for the state")]
    InUse(PathBuf),
    /// What is to be kept cannot be written down, by a defect of this program.
    #[error("the state cannot be encoded: {0}; please report it")]
    Encode(String),
    /// The file is a snapshot of another version.
    #[error(
        "{path}: snapshot version {found}, this program reads {expected}; learning starts anew"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version of this program.
        expected: u32,
    },
}

impl Store {
    /// Names the snapshots `folder/name.state` and `folder/name.1.state`.
    pub const fn new(folder: PathBuf, name: &'static str, version: u32) -> Self {
        Self {
            folder,
            name,
            version,
        }
    }

    /// Writes a snapshot; the one before it becomes the second generation. That is read again
    /// first, for a damaged one must not take the place of a sound one, unless the caller
    /// knows it: who holds the lock, and has loaded or saved it.
    ///
    /// # Errors
    /// Where the folder cannot be made or written. The snapshots that exist stay sound.
    pub fn save(&self, payload: &[u8], is_newest_sound: bool) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder).map_err(io_error(&self.folder, "make folder"))?;
        let temporary = self.folder.join(format!("{}.state.tmp", self.name));
        // Never through a link that somebody left in the folder.
        let _ = fs::remove_file(&temporary);
        self.write(&temporary, payload).inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })?;
        let [newest, older] = self.generations();
        let is_sound = || read(&newest).is_ok_and(|bytes| self.open(&newest, &bytes).is_ok());
        if is_newest_sound || is_sound() {
            match fs::rename(&newest, &older) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(io_error(&older, "rename"))?,
            }
        }
        fs::rename(&temporary, &newest).map_err(io_error(&newest, "rename"))?;
        let folder = File::open(&self.folder).map_err(io_error(&self.folder, "open"))?;
        folder.sync_all().map_err(io_error(&self.folder, "sync"))
    }

    /// Makes the folder, and keeps other processes from using it for as long as the file that
    /// is returned is open.
    ///
    /// # Errors
    /// Where the folder cannot be made, or is in use.
    pub fn lock(&self) -> Result<File, StoreError> {
        fs::create_dir_all(&self.folder).map_err(io_error(&self.folder, "make folder"))?;
        let folder = File::open(&self.folder).map_err(io_error(&self.folder, "open"))?;
        let locked = folder.try_lock();
        locked.map_err(|_| StoreError::InUse(self.folder.clone()))?;
        Ok(folder)
    }

    /// Reads the newest snapshot that is sound.
    ///
    /// # Errors
    /// Where a snapshot exists but cannot be read at all; damage is in [`Loaded::refused`].
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        for (place, path) in self.generations().into_iter().enumerate() {
            let bytes = match read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                result => result.map_err(io_error(&path, "read"))?,
            };
            match self.open(&path, &bytes).map(<[u8]>::len) {
                Ok(payload_bytes) => {
                    loaded.is_newest = place == 0;
                    loaded.payload = Some(payload(bytes, payload_bytes));
                    break;
                }
                Err(error) => loaded.refused.push(error),
            }
        }
        Ok(loaded)
    }

    fn write(&self, path: &Path, payload: &[u8]) -> Result<(), StoreError> {
        let mut file = File::create_new(path).map_err(io_error(path, "create"))?;
        let head = self.head(payload);
        let checksum = checksum(&head, payload);
        for part in [head.as_slice(), payload, checksum.as_slice()] {
            file.write_all(part).map_err(io_error(path, "write"))?;
        }
        file.sync_all().map_err(io_error(path, "sync"))
    }

    fn generations(&self) -> [PathBuf; 2] {
        [
            self.folder.join(format!("{}.state", self.name)),
            self.folder.join(format!("{}.1.state", self.name)),
        ]
    }

    fn head(&self, payload: &[u8]) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        head.extend(self.version.to_le_bytes());
        head.extend((payload.len() as u64).to_le_bytes());
        head
    }

    fn open<'a>(&self, path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
        let damaged = || StoreError::Damaged(path.to_owned());
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(damaged)?;
        let payload_bytes = rest.len().checked_sub(CHECKSUM_BYTES).ok_or_else(damaged)?;
        let (payload, stored) = rest.split_at_checked(payload_bytes).ok_or_else(damaged)?;
        if !head.starts_with(MAGIC) || checksum(head, payload) != stored {
            return Err(damaged());
        }
        let found = head
            .get(MAGIC.len()..MAGIC.len() + 4)
            .and_then(|field| field.try_into().ok());
        match found.map(u32::from_le_bytes) {
            Some(found) if found != self.version => Err(StoreError::Version {
                path: path.to_owned(),
                found,
                expected: self.version,
            }),
            _ if head != self.head(payload) => Err(damaged()),
            _ => Ok(payload),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len().min(SNAPSHOT_BYTES_MAX);
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(SNAPSHOT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What lies between head and checksum.
fn payload(mut bytes: Vec<u8>, payload_bytes: usize) -> Vec<u8> {
    bytes.truncate(HEAD_BYTES + payload_bytes);
    bytes.drain(..HEAD_BYTES);
    bytes
}

fn checksum(head: &[u8], payload: &[u8]) -> Vec<u8> {
    Sha256::new()
        .chain_update(head)
        .chain_update(payload)
        .finalize()
        .to_vec()
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io {
        path,
        action,
        source,
    }
}

const MAGIC: &[u8; 16] = b"borderflow state";
const HEAD_BYTES: usize = MAGIC.len() + 4 + 8;
const CHECKSUM_BYTES: usize = 32;

/// The largest snapshot that is read, in bytes.
const SNAPSHOT_BYTES_MAX: u64 = 4 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::new(folder.to_owned(), "baseline", 3)
    }

    #[test]
    fn the_newest_sound_snapshot_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        assert!(store.load().unwrap().payload.is_none(), "nothing yet");
        store.save(b"first", false).unwrap();
        store.save(b"second", false).unwrap();
        assert_eq!(
            store.load().unwrap().payload.as_deref(),
            Some(&b"second"[..])
        );
        fs::write(folder.path().join("baseline.state"), b"torn").unwrap();
        let loaded = store.load().unwrap();
        assert_eq!(loaded.payload.as_deref(), Some(&b"first"[..]));
        assert!(loaded.refused[0].to_string().contains("baseline.state"));
        store.save(b"third", false).unwrap();
        fs::remove_file(folder.path().join("baseline.state")).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!(
            loaded.payload.as_deref(),
            Some(&b"first"[..]),
            "still there"
        );
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.save(b"what is normal", false).unwrap();
        let path = folder.path().join("baseline.state");
        let sound = fs::read(&path).unwrap();
        for bit in 0..sound.len() * 8 {
            let mut flipped = sound.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &flipped).unwrap();
            assert!(store.load().unwrap().payload.is_none(), "bit {bit}");
        }
        for length in 0..sound.len() {
            fs::write(&path, &sound[..length]).unwrap();
            assert!(store.load().unwrap().payload.is_none(), "cut at {length}");
        }
    }

    #[test]
    fn a_snapshot_that_is_known_to_be_sound_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.save(b"first", false).unwrap();
        assert!(store.load().unwrap().is_newest);
        store.save(b"second", true).unwrap();
        fs::remove_file(folder.path().join("baseline.state")).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!(loaded.payload.as_deref(), Some(&b"first"[..]));
        assert!(!loaded.is_newest);
        store.save(b"third", true).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!(loaded.payload.as_deref(), Some(&b"third"[..]));
    }

    #[test]
    fn another_version_is_named_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        Store::new(folder.path().to_owned(), "baseline", 2)
            .save(b"old", false)
            .unwrap();
        let loaded = store(folder.path()).load().unwrap();
        assert!(loaded.payload.is_none());
        assert!(
            loaded.refused[0]
                .to_string()
                .contains("version 2, this program reads 3")
        );
    }

    #[test]
    fn a_folder_is_one_process_s() {
        let folder = tempfile::tempdir().unwrap();
        let lock = store(folder.path()).lock().unwrap();
        let error = store(folder.path()).lock().unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
        drop(lock);
        store(folder.path()).lock().unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let error = store(&file).save(b"x", false).unwrap_err();
        assert!(error.to_string().contains("make folder"), "{error}");
    }
}
