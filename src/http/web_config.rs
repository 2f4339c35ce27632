//! TLS and passwords, as the exporters of Prometheus are given them: the web configuration of
//! its exporter-toolkit, of which certificates and users are read here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bcrypt::HashParts;
use serde::Deserialize;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, version};

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Users that there may be.
const USERS_MAX: usize = 1_000;

/// The costliest hash that is checked: at more a password takes seconds.
const COST_MAX: u32 = 15;

/// What a web configuration says.
#[derive(Clone, Default)]
pub struct WebConfig {
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Hashes of passwords by user.
    pub(super) users: BTreeMap<String, String>,
}

/// Why a web configuration cannot be used.
#[derive(Debug, Error)]
pub enum WebConfigError {
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text says something else than it may.
    #[error("{path}: {message}")]
    Text {
        /// The file.
        path: String,
        /// What is wrong, and the fix.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Written {
    tls_server_config: Option<WrittenTls>,
    #[serde(default)]
    basic_auth_users: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTls {
    cert_file: PathBuf,
    key_file: PathBuf,
    min_version: Option<MinimalVersion>,
}

#[derive(Clone, Copy, Deserialize)]
enum MinimalVersion {
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

impl std::fmt::Debug for WebConfig {
    /// Without hashes and keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig")
            .field("has_tls", &self.tls.is_some())
            .field("users", &self.users.len())
            .finish()
    }
}

impl WebConfig {
    /// Reads a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// Names the file, what is wrong, and the fix.
    pub fn read(path: &Path) -> Result<Self, WebConfigError> {
        let bytes = read(path)?;
        let name = path.display().to_string();
        let wrong = |message: String| WebConfigError::Text {
            path: name.clone(),
            message,
        };
        let text = String::from_utf8(bytes).map_err(|_| wrong("is no UTF-8".to_owned()))?;
        // An empty document is no mapping, and says as little.
        let written: Option<Written> =
            serde_norway::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let written = written.unwrap_or_default();
        let users = written.basic_auth_users.unwrap_or_default();
        check_users(&users).map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let tls = written.tls_server_config;
        let tls = tls.map(|tls| tls.open(folder)).transpose()?;
        Ok(Self { tls, users })
    }

    /// Whether what is served is encrypted.
    pub const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether others than this machine may be served by it.
    pub(super) fn is_for_others(&self) -> bool {
        self.tls.is_some() && !self.users.is_empty()
    }
}

fn check_users(users: &BTreeMap<String, String>) -> Result<(), String> {
    if users.len() > USERS_MAX {
        return Err(format!("basic_auth_users: more than {USERS_MAX}"));
    }
    for (user, hash) in users {
        let parts: Result<HashParts, _> = hash.parse();
        let parts = parts.map_err(|_| {
            format!(
                "basic_auth_users: {user}: no bcrypt hash; make one with `htpasswd -nBC 10 {user}`"
            )
        })?;
        if parts.get_cost() > COST_MAX {
            return Err(format!(
                "basic_auth_users: {user}: a hash of cost {} takes too long to check; use at most \
                 {COST_MAX}",
                parts.get_cost()
            ));
        }
    }
    Ok(())
}

impl WrittenTls {
    fn open(self, folder: &Path) -> Result<Arc<ServerConfig>, WebConfigError> {
        let (cert_path, key_path) = (folder.join(self.cert_file), folder.join(self.key_file));
        let wrong = |path: &Path, message: String| WebConfigError::Text {
            path: path.display().to_string(),
            message,
        };
        let chain = CertificateDer::pem_slice_iter(&read(&cert_path)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(&cert_path, format!("no certificate in PEM: {error}")))?;
        if chain.is_empty() {
            return Err(wrong(&cert_path, "no certificate in PEM".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&key_path)?)
            .map_err(|error| wrong(&key_path, format!("no private key in PEM: {error}")))?;
        let versions: &[&rustls::SupportedProtocolVersion] = match self.min_version {
            Some(MinimalVersion::Tls13) => &[&version::TLS13],
            Some(MinimalVersion::Tls12) | None => &[&version::TLS13, &version::TLS12],
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| wrong(&cert_path, error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| wrong(&cert_path, format!("{error}, with the key of the other")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, WebConfigError> {
    let name = || path.display().to_string();
    let failed = |source| WebConfigError::Read {
        path: name(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let mut bounded = file.take(FILE_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let message = "larger than 1 MiB".to_owned();
        return Err(WebConfigError::Text {
            path: name(),
            message,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        match WebConfig::read(&path) {
            Ok(config) => format!("{config:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn users_and_certificates_are_read() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        assert!(said(&format!("basic_auth_users:\n  duty: {hash}\n")).contains("users: 1"));
        assert!(said("").contains("has_tls: false"));
        let missing = said("tls_server_config:\n  cert_file: a.pem\n  key_file: b.pem\n");
        assert!(missing.contains("a.pem: No such file"), "{missing}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_fix() {
        let plain = said("basic_auth_users:\n  duty: secret\n");
        assert!(plain.contains("htpasswd -nBC 10 duty"), "{plain}");
        let costly = bcrypt::hash("x", 4).unwrap().replacen("$04$", "$31$", 1);
        let costly = said(&format!("basic_auth_users:\n  duty: {costly}\n"));
        assert!(costly.contains("takes too long"), "{costly}");
        let unknown = said("tls_server_config:\n  cert_file: a\n  key_file: b\n  rate: 1\n");
        assert!(unknown.contains("rate"), "{unknown}");
        let many = "x: 1\n".repeat(300_000);
        assert!(said(&many).contains("larger than 1 MiB"));
    }
}
