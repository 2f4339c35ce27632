//! The databases: files of MaxMind's MMDB format, read to memory whole.
//!
//! They are never mapped: a file that is cut short while it is mapped kills the process.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use maxminddb::{LookupResult, PathElement};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::record::first_number;
use super::tree::Tree;
use super::verify::verify;
use super::{Country, GeoError};
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// What a database is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseRole {
    /// A country per network.
    Country,
    /// A second opinion on it.
    #[serde(rename = "country_second")]
    CountrySecond,
    /// An autonomous system per network.
    Asn,
}

impl DatabaseRole {
    /// The name under which it is written, which is also its key in `[geo]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::CountrySecond => "country_second",
            Self::Asn => "asn",
        }
    }
}

impl fmt::Display for DatabaseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which database is in use, as evidence for what was said by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatabaseInfo {
    /// What it is for.
    pub role: DatabaseRole,
    /// The path of the file, or `embedded`.
    pub source: String,
    /// What the database calls itself, at most 128 characters.
    pub database_type: String,
    /// When it was built, by its own word. Written as RFC 3339 to the second.
    #[serde(serialize_with = "rfc_3339")]
    pub built: Timestamp,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
}

impl DatabaseInfo {
    /// Whole days from the build to `now`, and 0 where the build is the later one.
    pub fn age_days(&self, now: Timestamp) -> u64 {
        now.nanos_since(self.built) / (NANOS_PER_SECOND * SECONDS_PER_DAY)
    }
}

/// A database that tells countries.
#[derive(Debug)]
pub(super) struct CountryDatabase {
    file: Database,
    schema: CountrySchema,
    recent: Recent,
}

impl CountryDatabase {
    /// Reads the file at `path`, or the built-in one where there is none.
    pub(super) fn open(
        role: DatabaseRole,
        path: Option<&Path>,
    ) -> Result<(Self, DatabaseInfo), GeoError> {
        let embedded = (EMBEDDED_COUNTRY, EMBEDDED_COUNTRY_SHA256);
        let (file, info) = open(role, path, embedded)?;
        let schema = [CountrySchema::Flat, CountrySchema::Nested]
            .into_iter()
            .find(|schema| some_record(&file.reader, |record| schema.country(record).is_some()));
        let Some(schema) = schema else {
            let DatabaseInfo {
                source: path,
                database_type,
                ..
            } = info;
            return Err(GeoError::NoCountry {
                path,
                database_type,
            });
        };
        let recent = Recent::new();
        let database = Self {
            file,
            schema,
            recent,
        };
        Ok((database, info))
    }

    /// The country of an address, [`Country::UNKNOWN`] where the database does not know or is
    /// damaged.
    pub(super) fn country(&self, address: IpAddr) -> Country {
        let record = self.file.reader.lookup(address).ok();
        let country = record.and_then(|record| self.schema.country(&record));
        country.unwrap_or(Country::UNKNOWN)
    }

    /// The country in which the network of an address is registered, where the database tells.
    pub(super) fn registered(&self, address: IpAddr) -> Option<Country> {
        let CountrySchema::Nested = self.schema else {
            return None;
        };
        let record = self.file.reader.lookup(address).ok()?;
        let keys = ["registered_country", "iso_code"].map(PathElement::Key);
        Country::from_code(text(&record, &keys)?).filter(|country| !country.is_unknown())
    }

    /// The country of a record to which the tree leads from an IPv4 address.
    pub(super) fn country_of(&self, record: u32, address: Ipv4Addr) -> Country {
        let read = || self.country(address.into()).bits().into();
        Country::from_bits(self.recent.value(record, read) as u16)
    }

    /// The search tree of the file, and the node from which IPv4 addresses are looked up.
    pub(super) fn tree(&self) -> (Tree<'_>, u32) {
        self.file.tree()
    }
}

/// A database that tells autonomous systems.
#[derive(Debug)]
pub(super) struct AsnDatabase {
    file: Database,
}

impl AsnDatabase {
    /// Reads the file at `path`, or the built-in one where there is none.
    pub(super) fn open(path: Option<&Path>) -> Result<(Self, DatabaseInfo), GeoError> {
        let embedded = (EMBEDDED_ASN, EMBEDDED_ASN_SHA256);
        let (file, info) = open(DatabaseRole::Asn, path, embedded)?;
        if !some_record(&file.reader, |record| as_number(record).is_some()) {
            let DatabaseInfo {
                source: path,
                database_type,
                ..
            } = info;
            return Err(GeoError::NoAsn {
                path,
                database_type,
            });
        }
        Ok((Self { file }, info))
    }

    /// The number of the autonomous system that announces an address, 0 where unknown.
    pub(super) fn number(&self, address: IpAddr) -> u32 {
        let record = self.file.reader.lookup(address).ok();
        record.and_then(|record| as_number(&record)).unwrap_or(0)
    }

    /// Reads what [`AsnDatabase::number_of`] reads first.
    pub(super) fn touch(&self, record: u32) -> u8 {
        let (tree, _) = self.file.tree();
        let at = tree.offset(record);
        let first = at.and_then(|at| tree.data().get(at));
        first.copied().unwrap_or(0)
    }

    /// The number of the system of a record to which the tree leads from an IPv4 address.
    pub(super) fn number_of(&self, record: u32, address: Ipv4Addr) -> u32 {
        let (tree, _) = self.file.tree();
        let Some(at) = tree.offset(record) else {
            return 0;
        };
        let number = first_number(tree.data(), at, AS_NUMBER);
        number.unwrap_or_else(|| self.number(address.into()))
    }

    /// The search tree of the file, and the node from which IPv4 addresses are looked up.
    pub(super) fn tree(&self) -> (Tree<'_>, u32) {
        self.file.tree()
    }

    /// The name of its organisation.
    pub(super) fn organisation(&self, address: IpAddr) -> Option<String> {
        let record = self.file.reader.lookup(address).ok()?;
        name(text(
            &record,
            &[PathElement::Key("autonomous_system_organization")],
        )?)
    }
}

/// Where a record has its country code.
#[derive(Clone, Copy, Debug)]
enum CountrySchema {
    /// `country_code`, as in the files of ip-location-db.
    Flat,
    /// `country.iso_code`, as in those of MaxMind and DB-IP. `registered_country` does
    /// not stand in for it: that is where the holder of the network sits.
    Nested,
}

impl CountrySchema {
    fn country(self, record: &Record<'_>) -> Option<Country> {
        let code = match self {
            Self::Flat => text(record, &[PathElement::Key("country_code")]),
            Self::Nested => text(
                record,
                &[PathElement::Key("country"), PathElement::Key("iso_code")],
            ),
        };
        Country::from_code(code?).filter(|country| !country.is_unknown())
    }
}

/// A database in memory, and the ways into it.
#[derive(Debug)]
struct Database {
    bytes: Bytes,
    reader: Reader,
    ipv4_start: u32,
}

impl Database {
    fn tree(&self) -> (Tree<'_>, u32) {
        let tree = Tree::new(self.reader.metadata(), self.bytes.as_ref());
        (tree, self.ipv4_start)
    }
}

/// What a file holds, shared with its reader.
#[derive(Clone, Debug)]
struct Bytes(Arc<Cow<'static, [u8]>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

type Reader = maxminddb::Reader<Bytes>;

type Record<'a> = LookupResult<'a, Bytes>;

/// What records say that were read of late, by their number: many networks have the same.
#[derive(Debug)]
struct Recent(Box<[AtomicU64]>);

impl Recent {
    fn new() -> Self {
        Self((0..1 << RECENT_BITS).map(|_| AtomicU64::new(0)).collect())
    }

    /// The value of a record, read where it is not known. No record has the number 0.
    fn value(&self, record: u32, read: impl FnOnce() -> u32) -> u32 {
        let place = record.wrapping_mul(GOLDEN) >> (u32::BITS - RECENT_BITS);
        let known = &self.0[place as usize];
        // A number and its value are one word, so that threads need not wait for each other.
        let word = known.load(Relaxed);
        if (word >> u32::BITS) as u32 == record {
            return word as u32;
        }
        let value = read();
        known.store(u64::from(record) << u32::BITS | u64::from(value), Relaxed);
        value
    }
}

fn text<'a>(record: &Record<'a>, path: &[PathElement<'_>]) -> Option<&'a str> {
    record.decode_path(path).ok().flatten()
}

/// The specification has an unsigned number of 32 bits here, yet some writers choose the
/// smallest type that fits.
fn as_number(record: &Record<'_>) -> Option<u32> {
    let path = [PathElement::Key(AS_NUMBER)];
    if let Ok(Some(number)) = record.decode_path::<u32>(&path) {
        return Some(number);
    }
    let number: serde_json::Value = record.decode_path(&path).ok().flatten()?;
    number
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
}

/// Whether a record among the first [`PROBED_NETWORKS`] is as `wanted`.
fn some_record(reader: &Reader, wanted: impl Fn(&Record<'_>) -> bool) -> bool {
    let networks = reader.networks(Default::default()).into_iter().flatten();
    networks
        .take(PROBED_NETWORKS)
        .flatten()
        .any(|record| wanted(&record))
}

/// A name as it may be shown, if anything of it can be.
pub(super) fn name(text: &str) -> Option<String> {
    Some(printable(text)).filter(|name| !name.is_empty())
}

fn printable(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(NAME_CHARS_MAX)
        .collect()
}

fn open(
    role: DatabaseRole,
    path: Option<&Path>,
    (embedded, embedded_sha256): (&'static [u8], &str),
) -> Result<(Database, DatabaseInfo), GeoError> {
    let (bytes, sha256) = match path {
        None => (Cow::Borrowed(embedded), embedded_sha256.to_owned()),
        Some(path) => {
            let bytes = read(role, path)?;
            let sha256 = hexadecimal(&Sha256::digest(&bytes));
            (Cow::Owned(bytes), sha256)
        }
    };
    let source = path.map_or_else(|| "embedded".to_owned(), |path| path.display().to_string());
    let format = |error| GeoError::Format {
        role,
        path: source.clone(),
        source: error,
    };
    if path.is_some() {
        let reader = maxminddb::Reader::from_source(&*bytes).map_err(format)?;
        verify(&reader, &bytes).map_err(|error| GeoError::Damaged {
            role,
            path: source.clone(),
            source: error,
        })?;
    }
    let bytes = Bytes(Arc::new(bytes));
    let reader = Reader::from_source(bytes.clone()).map_err(format)?;
    let metadata = reader.metadata();
    let built_seconds = i64::try_from(metadata.build_epoch).unwrap_or(i64::MAX);
    let info = DatabaseInfo {
        role,
        source,
        database_type: printable(&metadata.database_type),
        built: Timestamp::from_parts(built_seconds, 0),
        sha256,
    };
    let ipv4_start = Tree::new(metadata, bytes.as_ref()).ipv4_start(metadata.ip_version);
    let database = Database {
        bytes,
        reader,
        ipv4_start,
    };
    Ok((database, info))
}

fn read(role: DatabaseRole, path: &Path) -> Result<Vec<u8>, GeoError> {
    let failed = |source: io::Error| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => GeoError::Missing { role, path },
            _ => GeoError::Read { role, path, source },
        }
    };
    // Asked before it is opened, because to open a pipe waits for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let path = path.to_owned();
        return Err(GeoError::NotAFile { role, path });
    }
    if metadata.len() > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(GeoError::TooLarge { role, path });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // A file that grows meanwhile is cut, which its missing end then tells.
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc_3339<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&moment.tick())
}

const EMBEDDED_COUNTRY: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/geo/dbip-country.mmdb"
));
const EMBEDDED_ASN: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/geo/dbip-asn.mmdb"
));

/// SHA-256 of the built-in database of countries. A test pins it.
pub const EMBEDDED_COUNTRY_SHA256: &str =
    "4e7f53dd9c6ebe0e7244d5dd4cc03639bc9dbe0a5a83eca90db50eeaeea72024";

/// SHA-256 of the built-in database of autonomous systems. A test pins it.
pub const EMBEDDED_ASN_SHA256: &str =
    "9ddf542f3fa05e0d8c9a010a42bbe96771a7281c0f154fe2755c1bfb009b24d4";

/// Bytes of the largest file that is read: it stays in memory.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// The field of a record with the number of its system.
const AS_NUMBER: &str = "autonomous_system_number";

/// Bits of the number of records whose values are kept: 32 KiB.
const RECENT_BITS: u32 = 12;

/// 2^32 over the golden ratio, by which Fibonacci hashing multiplies (Knuth, The Art of
/// Computer Programming, volume 3, section 6.4).
const GOLDEN: u32 = 0x9e37_79b9;

/// Networks that are looked at to tell the schema of a database.
const PROBED_NETWORKS: usize = 10_000;

/// Characters of a name that are kept.
const NAME_CHARS_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_databases_are_pinned_and_sound() {
        for (bytes, sha256) in [
            (EMBEDDED_COUNTRY, EMBEDDED_COUNTRY_SHA256),
            (EMBEDDED_ASN, EMBEDDED_ASN_SHA256),
        ] {
            assert_eq!(hexadecimal(&Sha256::digest(bytes)), sha256);
            verify(&maxminddb::Reader::from_source(bytes).unwrap(), bytes).unwrap();
        }
    }

    #[test]
    fn age_counts_whole_days() {
        let built = Timestamp::from_parts(1_780_000_000, 0);
        let (_, info) = CountryDatabase::open(DatabaseRole::Country, None).unwrap();
        let info = DatabaseInfo { built, ..info };
        let later = |days: i64| Timestamp::from_parts(1_780_000_000 + days * 86_400 - 1, 0);
        assert_eq!(
            [0, 1, 31].map(|days| info.age_days(later(days))),
            [0, 0, 30]
        );
        let json = serde_json::to_value(&info).unwrap();
        assert_eq!(json["role"], "country");
        assert_eq!(json["built"], "2026-05-28T20:26:40Z");
        assert_eq!(json["source"], "embedded");
    }
}
