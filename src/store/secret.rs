//! Keys in files: so many bytes as hexadecimal digits and nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

/// Why a key cannot be read or made.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key, or others may use it.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file.
        path: String,
        /// Why, and what to do.
        reason: String,
    },
}

/// Reads a key of so many bytes.
///
/// # Errors
/// Where the file cannot be read, others than its owner may read or write it, or it is no key.
pub fn read_secret<const BYTES: usize>(path: &Path) -> Result<[u8; BYTES], SecretError> {
    // Not to wait where a pipe stands in place of the file.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let flags = i32::try_from(flags).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path);
    let file = file.map_err(failed(path))?;
    let about = file.metadata().map_err(failed(path))?;
    if !about.is_file() {
        return Err(unfit(path, "is no file; name the file of a key".to_owned()));
    }
    if about.mode() & OF_OTHERS != 0 {
        let (mode, name) = (about.mode() & 0o777, path.display());
        let reason = format!(
            "others than its owner may use the key (mode {mode:03o}); run `chmod 600 {name}`"
        );
        return Err(unfit(path, reason));
    }
    let mut text = String::new();
    let mut bounded = file.take(FILE_BYTES_MAX);
    bounded.read_to_string(&mut text).map_err(failed(path))?;
    let bytes = from_hex(text.trim_ascii_end());
    bytes.ok_or_else(|| {
        let reason = format!(
            "is no key: it has to hold {} hexadecimal digits and nothing else; make one with \
             `umask 077` and `openssl rand -hex {BYTES} > FILE`",
            2 * BYTES
        );
        unfit(path, reason)
    })
}

/// Draws a key and writes its file, which only its owner may read. A file that exists is never
/// written over.
///
/// # Errors
/// Where the file exists or cannot be written.
pub fn create_secret<const BYTES: usize>(path: &Path) -> Result<(), SecretError> {
    let mut bytes = [0; BYTES];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| unfit(path, "the system gives no random bytes".to_owned()))?;
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(failed(path))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let written = file.write_all((digits + "\n").as_bytes());
    let written = written.and_then(|()| file.sync_all());
    let written = written.and_then(|()| sync_folder_of(path));
    written.map_err(|error| {
        let _ = fs::remove_file(path);
        failed(path)(error)
    })
}

fn from_hex<const BYTES: usize>(digits: &str) -> Option<[u8; BYTES]> {
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || digits.len() != 2 * BYTES {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Makes the name of a new file outlast a power cut.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let parent = path.parent();
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn failed(path: &Path) -> impl Fn(io::Error) -> SecretError {
    let path = path.display().to_string();
    move |source| SecretError::Io {
        path: path.clone(),
        source,
    }
}

fn unfit(path: &Path, reason: String) -> SecretError {
    let path = path.display().to_string();
    SecretError::Unfit { path, reason }
}

/// Permission bits of group and world.
const OF_OTHERS: u32 = 0o077;

/// Bytes that are read of a key: more than any has.
const FILE_BYTES_MAX: u64 = 256;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_made_is_read_and_never_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_secret::<32>(&path).unwrap();
        let [one, other] = [(); 2].map(|()| read_secret::<32>(&path).unwrap());
        assert_eq!(one, other);
        assert_ne!(one, [0; 32]);
        assert!(matches!(
            create_secret::<32>(&path),
            Err(SecretError::Io { .. })
        ));
        assert_eq!(read_secret::<32>(&path).unwrap(), one);
        let other = folder.path().join("other");
        create_secret::<32>(&other).unwrap();
        assert_ne!(read_secret::<32>(&other).unwrap(), one);
    }

    #[test]
    fn what_is_no_key_is_refused_and_so_is_one_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let written = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read_secret::<4>(&path).map_err(|error| error.to_string())
        };
        assert_eq!(written("00ffA1b2\n", 0o600), Ok([0, 0xff, 0xa1, 0xb2]));
        let open = written("00ffa1b2\n", 0o640).unwrap_err();
        assert!(
            open.contains("(mode 640)") && open.contains("chmod 600"),
            "{open}"
        );
        for text in [
            "",
            "00ffa1b",
            "00ffa1b2c3",
            "00ffa1bx",
            "00ff a1b2",
            "é0ffa1b",
        ] {
            let refused = written(text, 0o600).unwrap_err();
            assert!(
                refused.contains("8 hexadecimal digits"),
                "{text}: {refused}"
            );
        }
        let none = read_secret::<4>(folder.path()).unwrap_err().to_string();
        assert!(none.contains("is no file"), "{none}");
    }
}
