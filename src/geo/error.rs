//! Why this stage cannot start.

use std::io;
use std::path::PathBuf;

use ipnet::IpNet;
use maxminddb::MaxMindDbError;
use thiserror::Error;

use super::database::{DatabaseRole, FILE_BYTES_MAX};
use super::{GeoOverride, ProvidersError};

/// A database or a list that cannot be used, or a contradiction in the overrides.
#[derive(Debug, Error)]
pub enum GeoError {
    /// Nothing has this path.
    #[error(
        "geo.{role}: there is no file `{}`: name an MMDB file, or leave the key out for the \
         built-in database", .path.display()
    )]
    Missing {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path.
        path: PathBuf,
    },
    /// A directory, a device or a pipe.
    #[error("geo.{role}: `{}` is not a regular file: name an MMDB file", .path.display())]
    NotAFile {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path.
        path: PathBuf,
    },
    /// The operating system does not let it be read.
    #[error("geo.{role}: `{}` cannot be read: {source}", .path.display())]
    Read {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// More than [`FILE_BYTES_MAX`], too much to hold in memory.
    #[error(
        "geo.{role}: `{}` has more than {FILE_BYTES_MAX} bytes: name a smaller database",
        .path.display()
    )]
    TooLarge {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path.
        path: PathBuf,
    },
    /// Not an MMDB file, or only the first part of one: its description stands last.
    #[error("geo.{role}: `{path}` is no MMDB file, or is cut short: {source}: fetch it again")]
    Format {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path, or `embedded`.
        path: String,
        /// What the reader says.
        source: MaxMindDbError,
    },
    /// An MMDB file whose inside is not sound.
    #[error("geo.{role}: `{path}` is damaged: {source}: fetch it again")]
    Damaged {
        /// What the file is for.
        role: DatabaseRole,
        /// Its path, or `embedded`.
        path: String,
        /// What the reader says.
        source: MaxMindDbError,
    },
    /// A sound database that cannot tell a country.
    #[error(
        "geo.country: `{path}` ({database_type}) holds no country: is it an ASN database? \
         geo.country needs records with `country.iso_code` or `country_code`"
    )]
    NoCountry {
        /// Its path, or `embedded`.
        path: String,
        /// What it says that it is.
        database_type: String,
    },
    /// A sound database that cannot tell an autonomous system.
    #[error(
        "geo.asn: `{path}` ({database_type}) holds no AS number: is it a country database? \
         geo.asn needs records with `autonomous_system_number`"
    )]
    NoAsn {
        /// Its path, or `embedded`.
        path: String,
        /// What it says that it is.
        database_type: String,
    },
    /// A list of a provider that cannot be used.
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    /// Two overrides of one prefix.
    #[error("geo.override: {prefix} stands twice, as {first} and as {second}: keep the right one")]
    Contradiction {
        /// The prefix, as the second one has it.
        prefix: IpNet,
        /// What was said of it first.
        first: Box<GeoOverride>,
        /// What was said of it then.
        second: Box<GeoOverride>,
    },
}
