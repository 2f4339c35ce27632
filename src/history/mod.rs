//! Hours, alerts and verdicts to a database, which the console and reports read.
//!
//! One SQLite file in a folder of its own, in write-ahead mode: one [`History`] writes, any
//! number of [`Reader`]s look on meanwhile. Everything that is written can be written again
//! without harm: hours are replaced by what is larger, alerts are known by their `id`.
//!
//! # Bounds
//!
//! Rows older than [`HistoryConfig::retention_days`] are deleted, those of single assets after
//! [`HistoryConfig::asset_retention_days`]. Where the file comes to nine tenths of
//! [`HistoryConfig::size_bytes_max`], the oldest days of single assets go first, and what does
//! not fit even then is an error, as it is on a full disk. A damaged file is moved aside.

mod assets;
mod corridors;
mod days;
mod incidents;
mod open;
mod read;
mod record;
mod retention;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use assets::{AssetCountry, AssetDetail, AssetPage, AssetRow, NetworkRow};
pub use corridors::{CorridorPage, CorridorRow, MeterLine};
pub use incidents::{FoundIncident, IncidentPage, IncidentRow, IncidentState};
pub use open::{FILE_NAME, History, Opened, Origin};
pub use read::{HOURS_MAX, HourPoint, HourSelection, JurisdictionRow, Jurisdictions, Page, Reader};
pub use record::{
    About, AlertRecord, AssetHour, CorridorRecord, CountryHour, HourRecord, MeterRecord, Record,
};

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

/// Ends a query from another thread.
pub use rusqlite::InterruptHandle;

/// What the operator sets of the history.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Folder of the database; without it none is kept.
    pub dir: Option<PathBuf>,
    /// Days that totals, alerts, verdicts and meters are kept.
    pub retention_days: u32,
    /// Days that the hours of single assets are kept.
    pub asset_retention_days: u32,
    /// The largest that the database becomes.
    pub size_bytes_max: u64,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            dir: None,
            retention_days: 400,
            asset_retention_days: 35,
            size_bytes_max: 8 << 30,
        }
    }
}

/// Why a history cannot be kept or read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The file system refused.
    #[error("{path}: {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error("{0}: is in use by another borderflow; name another folder for the history")]
    InUse(PathBuf),
    /// A replay would replace what a sensor has seen.
    #[error(
        "{0}: holds the history of a sensor, which a replay would replace; name another folder"
    )]
    OfSensor(PathBuf),
    /// Nothing was ever written there.
    #[error("{0}: no history is kept there; start with --history or history.dir")]
    None(PathBuf),
    /// The database refused.
    #[error("{path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// What is to be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The file is damaged, or is no database: begin anew.
    Damaged,
    /// The disk or the file is full, or cannot be written just now: try again later.
    Unwritable,
    /// What was to be written is at fault: go on without it.
    Refused,
}

impl HistoryError {
    /// What is to be done about it.
    pub fn failure(&self) -> Failure {
        use rusqlite::ErrorCode;
        let Self::Database { source, .. } = self else {
            return Failure::Unwritable;
        };
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Failure::Damaged,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory,
            ) => Failure::Unwritable,
            _ => Failure::Refused,
        }
    }
}

/// A number as the database holds it, which has no sign bit to spare.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that the database holds.
fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
