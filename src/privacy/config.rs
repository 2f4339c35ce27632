//! The configuration of this stage: `[privacy]`.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use thiserror::Error;

use super::{PseudonymKey, Veil};
use crate::store::SecretError;

/// What is hidden of who is watched, in all that leaves the sensor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// Whether pseudonyms stand in place of addresses.
    pub mode: Mode,
    /// File of the key by which they are made: 64 hexadecimal digits. Sensors whose lines are to
    /// be put together need the same one.
    pub key: Option<PathBuf>,
    /// Whether those of peers abroad are hidden as well.
    pub hides_peers: bool,
    /// Days after which it is forgotten who gave feedback, and why. What was said of an incident
    /// stands for as long as it says.
    pub feedback_retention_days: u32,
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            key: None,
            hides_peers: false,
            feedback_retention_days: 400,
        }
    }
}

/// What stands in place of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing else.
    #[default]
    Off,
    /// Pseudonyms.
    Pseudonyms,
}

/// Why nothing can be hidden.
#[derive(Debug, Error)]
pub enum PrivacyError {
    /// No key is named.
    #[error(
        "privacy.mode is \"pseudonyms\" and privacy.key is not set: make one with `borderflow \
         privacy key FILE` and name it"
    )]
    NoKey,
    /// The file of the key.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The halves of the key are the same.
    #[error("{0}: the two halves of the key are the same; make another one")]
    SameHalves(String),
}

impl PrivacyConfig {
    /// Makes the path relative to a folder.
    pub fn resolve_paths(&mut self, folder: &Path) {
        self.key = self.key.take().map(|key| folder.join(key));
    }

    /// Reads the key, where one is needed. `networks` are those of the site.
    ///
    /// # Errors
    /// Says what is wrong with it, and the fix.
    pub fn open(&self, networks: &[IpNet]) -> Result<Veil, PrivacyError> {
        if self.mode == Mode::Off {
            return Ok(Veil::default());
        }
        let path = self.key.as_ref().ok_or(PrivacyError::NoKey)?;
        let key = PseudonymKey::read(path)?;
        Ok(Veil::new(key, networks, self.hides_peers))
    }
}
