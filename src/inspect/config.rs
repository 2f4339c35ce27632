//! The configuration of this stage: `[inspect]`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use super::{Inspector, TestCards};

/// How content is looked into, of assets that are declared with `is_inspected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InspectConfig {
    /// File of the key by which identifiers are hashed: 32 hexadecimal digits. Sensors whose
    /// counts are to be put together need the same one.
    pub key: Option<PathBuf>,
    /// Whether numbers that card schemes publish for tests count.
    pub counts_test_cards: bool,
}

/// Why content cannot be looked into.
#[derive(Debug, Error)]
pub enum InspectError {
    /// No key is named.
    #[error(
        "inspect.key is not set, and assets have is_inspected: make one with \
         `(umask 077; openssl rand -hex 16 > inspect.key)` and name it"
    )]
    NoKey,
    /// The file of the key cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no key, or others may read it.
    #[error("{path}: {reason}")]
    Key {
        /// The file.
        path: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The automata could not be built.
    #[error(transparent)]
    Inspector(#[from] super::InspectorError),
}

impl InspectConfig {
    /// Makes the path relative to a folder.
    pub fn resolve_paths(&mut self, folder: &Path) {
        self.key = self.key.take().map(|key| folder.join(key));
    }

    /// Reads the key.
    ///
    /// # Errors
    /// Says what is wrong with it, and the fix.
    pub fn open(&self) -> Result<Inspector, InspectError> {
        let path = self.key.as_ref().ok_or(InspectError::NoKey)?;
        let test_cards = match self.counts_test_cards {
            true => TestCards::Counted,
            false => TestCards::Ignored,
        };
        Ok(Inspector::new(read_key(path)?, test_cards)?)
    }
}

fn read_key(path: &Path) -> Result<[u8; 16], InspectError> {
    let name = path.display().to_string();
    let failed = |source| InspectError::Read {
        path: name.clone(),
        source,
    };
    let unfit = |reason| InspectError::Key {
        path: name.clone(),
        reason,
    };
    let file = File::open(path).map_err(failed)?;
    if is_open_to_others(&file).map_err(failed)? {
        return Err(unfit("others may read it: `chmod 600` it"));
    }
    let mut text = String::new();
    let mut bounded = file.take(KEY_FILE_BYTES_MAX);
    bounded.read_to_string(&mut text).map_err(failed)?;
    let digits = text.trim_end();
    let mut key = [0; 16];
    let is_whole = digits.len() == 2 * key.len() && digits.is_ascii();
    for (place, byte) in key.iter_mut().enumerate() {
        let digits = digits.get(2 * place..2 * place + 2).filter(|_| is_whole);
        let digits = digits.filter(|digits| digits.bytes().all(|one| one.is_ascii_hexdigit()));
        let parsed = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        *byte = parsed.ok_or_else(|| {
            unfit("is no key of 32 hexadecimal digits: `openssl rand -hex 16` makes one")
        })?;
    }
    Ok(key)
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

/// Bytes of the file of a key that are read.
const KEY_FILE_BYTES_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn open(text: &str) -> Result<Inspector, InspectError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let key = Some(path);
        InspectConfig {
            key,
            ..InspectConfig::default()
        }
        .open()
    }

    #[test]
    fn a_key_has_32_digits_and_nothing_else_is_one() {
        open("000102030405060708090a0b0c0d0e0f\n").unwrap();
        for wrong in [
            "",
            "0001",
            "+00102030405060708090a0b0c0d0e0f",
            &"0".repeat(33),
        ] {
            let said = open(wrong).unwrap_err().to_string();
            assert!(said.contains("openssl rand -hex 16"), "{said}");
        }
        let none = InspectConfig::default().open().unwrap_err().to_string();
        assert!(none.contains("inspect.key"), "{none}");
    }
}
