//! The tables.

use crate::dissect::Protection;
use crate::geo::Confidence;

/// Version of the tables, in `user_version` of the file.
pub(super) const SCHEMA_VERSION: i32 = 1;

/// `bflw`, in `application_id` of the file.
pub(super) const APPLICATION_ID: i32 = 0x6266_6c77;

/// Columns of a country's hour by protection and by confidence.
pub(super) fn kinds() -> impl Iterator<Item = String> {
    let protections = Protection::ALL.into_iter();
    let protections = protections.map(|one| format!("protection_{}", one.name()));
    let confidences = Confidence::ALL.into_iter();
    protections.chain(confidences.map(|one| format!("confidence_{}", one.name())))
}

/// How many columns these are.
pub(super) const KINDS: usize = Protection::ALL.len() + Confidence::ALL.len();

/// What makes the tables of a new file.
pub(super) fn create() -> String {
    with_kinds(TABLES)
}

/// What makes those that a file of an earlier program of this version has not.
pub(super) fn extend() -> String {
    with_kinds(DAYS)
}

fn with_kinds(tables: &str) -> String {
    let kinds = kinds().map(|kind| format!("{kind} INTEGER NOT NULL,\n"));
    tables.replace("KINDS", &kinds.collect::<String>())
}

/// Days of countries that are over, in UTC, as far as their hours are added up (`days.rs`).
const DAYS: &str = "
CREATE TABLE IF NOT EXISTS country_days (
    day INTEGER NOT NULL, country TEXT NOT NULL,
    bytes INTEGER NOT NULL, expected_bytes INTEGER,
    KINDS PRIMARY KEY (day, country)
) WITHOUT ROWID;
";

/// Hours are counted from the epoch, times are seconds since then, days are dates in the zone
/// of the site. `country` is an ISO 3166-1 code of two letters.
const TABLES: &str = "
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (id INTEGER PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE hours (hour INTEGER PRIMARY KEY, is_over INTEGER NOT NULL);

-- A run knows of an hour only what it saw itself, so the runs of an hour are added up.
CREATE TABLE country_hours (
    hour INTEGER NOT NULL, country TEXT NOT NULL, run INTEGER NOT NULL,
    bytes INTEGER NOT NULL, expected_bytes INTEGER,
    KINDS PRIMARY KEY (hour, country, run)
) WITHOUT ROWID;

CREATE TABLE assets (
    id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE,
    organisation TEXT, sector TEXT, grade TEXT, categories TEXT NOT NULL,
    role TEXT NOT NULL, maturity REAL NOT NULL, last_hour INTEGER NOT NULL,
    bytes_24h INTEGER NOT NULL DEFAULT 0, expected_24h INTEGER,
    countries_24h INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX assets_by_bytes ON assets (bytes_24h DESC, id);
CREATE TABLE addresses (
    asset INTEGER NOT NULL, address TEXT NOT NULL, last_hour INTEGER NOT NULL,
    PRIMARY KEY (asset, address)
) WITHOUT ROWID;
CREATE TABLE destinations (
    asset INTEGER NOT NULL, country TEXT NOT NULL,
    first INTEGER NOT NULL, last_hour INTEGER NOT NULL,
    PRIMARY KEY (asset, country)
) WITHOUT ROWID;
CREATE INDEX destinations_by_hour ON destinations (last_hour, country);
CREATE TABLE asset_hours (
    asset INTEGER NOT NULL, hour INTEGER NOT NULL, country TEXT NOT NULL,
    bytes INTEGER NOT NULL, expected_bytes INTEGER,
    PRIMARY KEY (asset, hour, country)
) WITHOUT ROWID;
CREATE TABLE cell_hours (
    asset INTEGER NOT NULL, hour INTEGER NOT NULL, country TEXT NOT NULL,
    asn INTEGER NOT NULL, service TEXT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (asset, hour, country, asn, service)
) WITHOUT ROWID;
CREATE TABLE systems (asn INTEGER PRIMARY KEY, organisation TEXT NOT NULL);

CREATE TABLE incidents (
    n INTEGER PRIMARY KEY, incident TEXT NOT NULL UNIQUE,
    asset TEXT NOT NULL, country TEXT NOT NULL, state TEXT NOT NULL,
    opened INTEGER NOT NULL, last INTEGER NOT NULL, severity TEXT NOT NULL,
    asset_key TEXT, hour_bytes INTEGER, day_bytes INTEGER
);
CREATE INDEX incidents_by_state ON incidents (state, n);
CREATE INDEX incidents_by_asset ON incidents (asset, state, n);
CREATE INDEX incidents_by_country ON incidents (country, state, n);
CREATE TABLE alerts (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, incident INTEGER NOT NULL,
    time INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE INDEX alerts_by_incident ON alerts (incident, n);

CREATE TABLE corridors (
    n INTEGER PRIMARY KEY, day TEXT NOT NULL, asset TEXT NOT NULL, recipient TEXT NOT NULL,
    country TEXT NOT NULL, pack TEXT NOT NULL, verdict TEXT NOT NULL, rule TEXT, article TEXT,
    approval TEXT, bytes INTEGER NOT NULL, quota_bytes INTEGER, used_bytes INTEGER,
    UNIQUE (day, asset, country, recipient, pack)
);
CREATE INDEX corridors_by_day ON corridors (day, n);
CREATE TABLE meters (
    day TEXT NOT NULL, pack TEXT NOT NULL, entity TEXT NOT NULL, category TEXT NOT NULL,
    window TEXT NOT NULL, subjects INTEGER NOT NULL, is_exact INTEGER NOT NULL,
    records INTEGER NOT NULL, bytes INTEGER NOT NULL, unseen_bytes INTEGER NOT NULL,
    PRIMARY KEY (pack, day, entity, category, window)
) WITHOUT ROWID;
";
