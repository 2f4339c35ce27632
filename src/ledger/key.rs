//! The key that signs tree heads.
//!
//! The file of a key holds the seed of Ed25519 (RFC 8032, section 5.1.5) as 64 hexadecimal
//! digits and nothing else. These two commands make one as [`Key::create`] does:
//! `umask 077` and `openssl rand -hex 32 > ledger.key`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use ed25519_dalek::{VerifyingKey, verify_batch};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::error::{LedgerError, io_error};
use super::hash::{PublicKey, Signature, from_hex, to_hex};

/// A key that signs.
pub struct Key {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Key {
    /// Makes the key of a seed.
    ///
    /// # Errors
    /// Where the seed cannot be used, which no seed is known to cause.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| error.to_string())?;
        let public = pair.public_key().as_ref().try_into();
        let public = PublicKey(public.map_err(|_| "the public key is not of 32 bytes")?);
        Ok(Self { pair, public })
    }

    /// Reads the file of a key.
    ///
    /// # Errors
    /// Where it cannot be read, others than its owner may read or write it, or it is no key.
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        // Not to wait where a pipe stands in place of the file.
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        let flags = i32::try_from(flags).unwrap_or(0);
        let file = File::options().read(true).custom_flags(flags).open(path);
        let file = file.map_err(io_error(path, "open"))?;
        let about = file.metadata().map_err(io_error(path, "look at"))?;
        if !about.is_file() {
            return Err(unfit(path, "is no file; name the file of a key"));
        }
        if about.mode() & OF_OTHERS != 0 {
            let reason = format!(
                "others than its owner may use the key (mode {:03o}); run `chmod 600 {}`",
                about.mode() & 0o777,
                path.display()
            );
            return Err(unfit(path, &reason));
        }
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(io_error(path, "read"))?;
        let seed = from_hex(text.trim_ascii_end().to_ascii_lowercase().as_slice());
        let seed = seed.ok_or_else(|| unfit(path, NO_SEED))?;
        Self::from_seed(&seed).map_err(|error| unfit(path, &error))
    }

    /// Draws a new key and writes its file, which only its owner may read. A file that exists
    /// is never written over.
    ///
    /// # Errors
    /// Where the file exists or cannot be written.
    pub fn create(path: &Path) -> Result<Self, LedgerError> {
        let mut seed = [0; 32];
        let drawn = SystemRandom::new().fill(&mut seed);
        drawn.map_err(|_| unfit(path, "the system gives no random bytes"))?;
        let key = Self::from_seed(&seed).map_err(|error| unfit(path, &error))?;
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let mut file = file.map_err(io_error(path, "create"))?;
        let line = to_hex(&seed) + "\n";
        let written = file
            .write_all(line.as_bytes())
            .and_then(|()| file.sync_all());
        let written = written.and_then(|()| sync_folder_of(path));
        written.map_err(io_error(path, "write")).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        Ok(key)
    }

    /// The key by which what this one signs is checked.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a message; the same message always the same.
    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        let signature = self.pair.sign(message);
        for (byte, signed) in bytes.iter_mut().zip(signature.as_ref()) {
            *byte = *signed;
        }
        Signature(bytes)
    }
}

impl std::fmt::Debug for Key {
    /// Shows the public half only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Reads a file with the 64 hexadecimal digits of a public key, such as `key.pub`.
    ///
    /// # Errors
    /// Where it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, LedgerError> {
        let file = File::open(path).map_err(io_error(path, "open"))?;
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut text)
            .map_err(io_error(path, "read"))?;
        let key = from_hex(text.trim_ascii_end()).map(Self);
        key.ok_or_else(|| {
            let reason = "is no public key: 64 lower-case hexadecimal digits and a line feed";
            unfit(path, reason)
        })
    }

    /// Whether the key signed the message.
    pub(super) fn has_signed(&self, message: &[u8], signature: &Signature) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        key.verify(message, &signature.0).is_ok()
    }

    /// Whether the key signed all of these messages, which takes a quarter of the time of
    /// asking [`PublicKey::has_signed`] for each. If not it does not say which.
    ///
    /// It can differ for signatures that only the holder of the key can make, and that are made
    /// for the purpose, with a part of small order: their faults may cancel out in the sum that is
    /// checked. Such a holder could sign the same heads in the ordinary way.
    pub(super) fn has_signed_all(&self, signed: &[(Vec<u8>, Signature)]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else {
            return false;
        };
        let messages: Vec<_> = signed.iter().map(|(message, _)| &**message).collect();
        let signatures = signed.iter().map(|(_, signature)| &signature.0);
        let signatures: Vec<_> = signatures
            .map(ed25519_dalek::Signature::from_bytes)
            .collect();
        verify_batch(&messages, &signatures, &vec![key; signed.len()]).is_ok()
    }
}

/// Makes the name of a new file outlast a power cut.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn unfit(path: &Path, reason: &str) -> LedgerError {
    LedgerError::Key {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Permission bits of group and world.
const OF_OTHERS: u32 = 0o077;

/// Bytes that are read of a key: more than any has.
const FILE_BYTES_MAX: u64 = 256;

const NO_SEED: &str = "is no key: it has to hold 64 hexadecimal digits and nothing else; \
    make one with `umask 077` and `openssl rand -hex 32 > FILE`";

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_its_owner_s_and_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.key");
        let key = Key::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Key::read(&path).unwrap().public(), key.public());
        let error = Key::create(&path).unwrap_err();
        assert!(error.to_string().contains("create"), "{error}");
        for mode in [0o640, 0o604, 0o620, 0o610, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = Key::read(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:o}")), "{error}");
            assert!(error.contains("run `chmod 600 "), "{error}");
        }
        assert!(!format!("{key:?}").contains(&fs::read_to_string(&path).unwrap()[..8]));
    }

    #[test]
    fn what_is_no_key_says_how_to_make_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.key");
        Key::create(&path).unwrap();
        for text in [
            "",
            "00\n",
            &"g".repeat(64),
            &"0".repeat(65),
            &"0".repeat(300),
        ] {
            fs::write(&path, text).unwrap();
            let error = Key::read(&path).unwrap_err().to_string();
            assert!(error.contains("openssl rand -hex 32"), "{error}");
        }
        fs::write(&path, "AB".repeat(32)).unwrap();
        assert!(Key::read(&path).is_ok(), "no line feed, and upper case");
        let error = Key::read(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("is no file") || error.contains("mode"),
            "{error}"
        );
    }

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Section 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let key = Key::from_seed(&from_hex(seed.as_bytes()).unwrap()).unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(key.public().to_string(), public);
        let signature = key.sign(b"");
        assert!(
            signature
                .to_string()
                .starts_with("e5564300c360ac729086e2cc806e828a")
        );
        assert!(key.public().has_signed(b"", &signature));
        assert!(!key.public().has_signed(b"x", &signature));
    }

    #[test]
    fn many_signatures_are_checked_at_once_and_one_wrong_one_is_seen() {
        let key = Key::from_seed(&[7; 32]).unwrap();
        let signed = |number: u8| (vec![number; 74], key.sign(&[number; 74]));
        let all: Vec<_> = (0..50).map(signed).collect();
        assert!(key.public().has_signed_all(&all));
        assert!(key.public().has_signed_all(&[]));
        let other = Key::from_seed(&[8; 32]).unwrap().public();
        assert!(!other.has_signed_all(&all));
        // No point has this y (RFC 8032, section 5.1.3).
        let none = PublicKey([2; 32]);
        assert!(!none.has_signed_all(&all) && !none.has_signed(&all[0].0, &all[0].1));
        for (place, byte) in [(0, 0), (20, 31), (49, 32), (7, 63)] {
            let mut forged = all.clone();
            forged[place].1.0[byte] ^= 1;
            assert!(!key.public().has_signed_all(&forged), "{place} {byte}");
            let mut forged = all.clone();
            forged[place].0[byte] ^= 1;
            assert!(!key.public().has_signed_all(&forged), "{place} {byte}");
        }
    }
}
