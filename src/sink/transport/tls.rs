//! Whom TLS trusts, and as whom it speaks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// Authorities that are trusted, and the certificate that is shown, if any.
#[derive(Debug)]
pub struct Trust {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) own: Option<Own>,
}

/// A chain of certificates and the key of the first.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// The key as it was written.
    pub(super) key_pem: Vec<u8>,
}

/// Why a certificate or a key cannot be used.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The file cannot be read, or holds none.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The system trusts nobody.
    #[error(
        "the system has no certificates of authorities (Debian: apt-get install \
         ca-certificates); or name those to trust with tls_ca"
    )]
    NoAuthorities,
    /// They do not go together.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// Reads the files: authorities as PEM, those of the system where no file is named; and a
    /// chain of certificates with its key, if the other side asks for one.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn read(
        authorities: Option<&Path>,
        own: Option<(&Path, &Path)>,
    ) -> Result<Self, TrustError> {
        let authorities = match authorities {
            Some(path) => certificates(path)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        if authorities.is_empty() {
            return Err(TrustError::NoAuthorities);
        }
        let own = own
            .map(|(chain, key)| {
                let mut key_pem = Vec::new();
                let opened = File::open(key).map_err(|error| file(key, error))?;
                let read = opened.take(KEY_BYTES_MAX).read_to_end(&mut key_pem);
                read.map_err(|error| file(key, error))?;
                Ok::<_, TrustError>(Own {
                    chain: certificates(chain)?,
                    key: PrivateKeyDer::from_pem_slice(&key_pem)
                        .map_err(|error| file(key, error))?,
                    key_pem,
                })
            })
            .transpose()?;
        Ok(Self { authorities, own })
    }

    /// The settings of a client that is no HTTP client: TLS 1.2 or 1.3.
    pub(super) fn client(&self) -> Result<ClientConfig, TrustError> {
        let mut roots = RootCertStore::empty();
        // Some of a system's may be of kinds that are not known; a file's are all needed.
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        Ok(match &self.own {
            Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key())?,
            None => builder.with_no_client_auth(),
        })
    }
}

const KEY_BYTES_MAX: u64 = 1 << 16;

/// The cryptography under TLS.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| file(path, error))?;
    let read: Result<Vec<_>, _> = read.collect();
    let read = read.map_err(|error| file(path, error))?;
    if read.is_empty() {
        return Err(file(path, "no certificate in PEM is in it"));
    }
    Ok(read)
}

fn file(path: &Path, why: impl std::fmt::Display) -> TrustError {
    TrustError::File {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
