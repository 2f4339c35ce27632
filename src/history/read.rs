//! What consoles and reports ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, OpenFlags, Result, Row, params};
use serde::Serialize;

use super::open::{FILE_NAME, database};
use super::schema::{KINDS, kinds};
use super::{HistoryError, days, int, uint};
use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::time::Tick;

/// Hours that one answer tells of: a leap year.
pub const HOURS_MAX: u64 = 8_784;

/// Looks into a history, which may be written meanwhile.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    /// What tells the file from others of its name.
    file: u64,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Rows, at most.
    pub limit: usize,
    /// What the page before gave as `next`.
    pub after: Option<&'a str>,
}

/// Which hours are wanted, of what.
#[derive(Clone, Copy, Debug)]
pub struct HourSelection<'a> {
    /// Of an asset alone.
    pub asset: Option<&'a str>,
    /// Of a country alone.
    pub country: Option<Country>,
    /// The first hour, counted from the epoch.
    pub from: u64,
    /// The last hour.
    pub to: u64,
}

/// An hour that the sensor has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HourPoint {
    /// When it began.
    pub hour: String,
    /// Export bytes.
    pub bytes: u64,
    /// Bytes that are normal, where that is known.
    pub expected_bytes: Option<u64>,
}

/// What went to each country.
#[derive(Debug, Serialize)]
pub struct Jurisdictions {
    from: String,
    to: String,
    jurisdictions: Vec<JurisdictionRow>,
}

/// What went to a country.
#[derive(Debug, Serialize)]
pub struct JurisdictionRow {
    country: String,
    bytes: u64,
    expected_bytes: Option<u64>,
    assets: u64,
    incidents_open: u64,
    protection: BTreeMap<&'static str, u64>,
    confidence: BTreeMap<&'static str, u64>,
}

impl Reader {
    /// Opens the history of a folder to read it.
    ///
    /// # Errors
    /// Where there is none or it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, HistoryError> {
        let path = folder.join(FILE_NAME);
        if !path.is_file() {
            return Err(HistoryError::None(folder.to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(&path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        });
        let connection = opened.map_err(database(&path))?;
        let file = file_number(&path).unwrap_or(0);
        Ok(Self {
            connection,
            path,
            file,
        })
    }

    /// Whether it still reads the file of that name, which may have been moved aside.
    pub fn is_current(&self) -> bool {
        file_number(&self.path).is_some_and(|number| number == self.file)
    }

    /// What ends a query of this reader that takes too long, from another thread.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// The first and the last hour that are kept, counted from the epoch.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn span(&self) -> Result<Option<[u64; 2]>, HistoryError> {
        self.first_and_last().map_err(database(&self.path))
    }

    fn first_and_last(&self) -> Result<Option<[u64; 2]>> {
        let sql = "SELECT (SELECT min(hour) FROM hours), (SELECT max(hour) FROM hours)";
        let span = self.connection.query_row(sql, [], |row| {
            let hour = |at| row.get::<_, Option<i64>>(at);
            Ok((hour(0)?, hour(1)?))
        })?;
        Ok(match span {
            (Some(first), Some(last)) => Some([uint(first), uint(last)]),
            _ => None,
        })
    }

    pub(super) fn last_hour(&self) -> Result<u64> {
        Ok(self.first_and_last()?.map_or(0, |[_, last]| last))
    }

    /// What went to each country in the last hours, the running one included; the largest first.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn jurisdictions(&self, hours: u64) -> Result<Jurisdictions, HistoryError> {
        let hours = hours.clamp(1, HOURS_MAX);
        self.by_country(hours).map_err(database(&self.path))
    }

    fn by_country(&self, hours: u64) -> Result<Jurisdictions> {
        let last = self.last_hour()?;
        let from = (last + 1).saturating_sub(hours);
        let [first_day, last_day] = days::whole(&self.connection, int(from))?;
        let kinds = || kinds().map(|kind| format!(", {kind}"));
        let sums = kinds().map(|kind| kind.replace(", ", ", sum(") + ")");
        // Whole days where they are added up, and the hours before and after them.
        let (kinds, sums): (String, String) = (kinds().collect(), sums.collect());
        let sql = format!(
            "SELECT country, sum(bytes), sum(expected_bytes){sums} FROM (
                 SELECT country, bytes, expected_bytes{kinds} FROM country_days
                 WHERE day BETWEEN ?2 AND ?3
                 UNION ALL
                 SELECT country, bytes, expected_bytes{kinds} FROM ({before})
                 UNION ALL
                 SELECT country, bytes, expected_bytes{kinds} FROM ({after})
             ) GROUP BY country",
            before = days::hours("hour >= ?1 AND hour < ?2 * 24"),
            after = days::hours("hour >= max(?1, ?2 * 24, (?3 + 1) * 24)"),
        );
        let assets: BTreeMap<String, u64> = {
            // In the order of the index first, which takes half the time of a sort.
            let sql = "SELECT country, sum(assets) FROM (
                           SELECT last_hour, country, count(*) AS assets FROM destinations
                           WHERE last_hour >= ?1 GROUP BY last_hour, country
                       ) GROUP BY country";
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows =
                statement.query_map([int(from)], |row| Ok((row.get(0)?, uint(row.get(1)?))))?;
            rows.collect::<Result<_>>()?
        };
        let open: BTreeMap<_, _> = self.open_by("country")?.into_iter().collect();
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([int(from), first_day, last_day], |row| {
            let country: String = row.get(0)?;
            let mut kinds = [0; KINDS];
            for (place, bytes) in kinds.iter_mut().enumerate() {
                *bytes = uint(row.get(place + 3)?);
            }
            let (protected, sure) = kinds.split_at(Protection::ALL.len());
            let protected = Protection::ALL.iter().zip(protected);
            let sure = Confidence::ALL.iter().zip(sure);
            Ok(JurisdictionRow {
                bytes: uint(row.get(1)?),
                expected_bytes: optional(row, 2)?,
                assets: assets.get(&country).copied().unwrap_or(0),
                incidents_open: open.get(&country).copied().unwrap_or(0),
                protection: protected.map(|(one, bytes)| (one.name(), *bytes)).collect(),
                confidence: sure.map(|(one, bytes)| (one.name(), *bytes)).collect(),
                country,
            })
        })?;
        let mut jurisdictions = rows.collect::<Result<Vec<_>>>()?;
        jurisdictions.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.country.cmp(&b.country)));
        Ok(Jurisdictions {
            from: Tick::of_hour(from).to_string(),
            to: Tick::of_hour(last + 1).to_string(),
            jurisdictions,
        })
    }

    /// The hours that the sensor has seen of those that are wanted; of too many the last.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn hours(&self, wanted: &HourSelection<'_>) -> Result<Vec<HourPoint>, HistoryError> {
        self.points(wanted).map_err(database(&self.path))
    }

    pub(super) fn points(&self, wanted: &HourSelection<'_>) -> Result<Vec<HourPoint>> {
        let from = wanted.from.max((wanted.to + 1).saturating_sub(HOURS_MAX));
        let country = wanted.country.map(|country| country.code().to_owned());
        let (from, to) = (int(from), int(wanted.to));
        // Each as one row an hour; an hour without one had no bytes.
        let sums = match wanted.asset {
            Some(_) => {
                "SELECT hour, sum(bytes) AS bytes, sum(expected_bytes) AS expected_bytes
                 FROM asset_hours WHERE asset = (SELECT id FROM assets WHERE label = ?3)
                 AND hour BETWEEN ?1 AND ?2 AND (?4 IS NULL OR country = ?4) GROUP BY hour"
            }
            None => {
                "SELECT hour, sum(bytes) AS bytes, sum(expected_bytes) AS expected_bytes FROM (
                     SELECT hour, country, sum(bytes) AS bytes,
                     max(expected_bytes) AS expected_bytes FROM country_hours
                     WHERE hour BETWEEN ?1 AND ?2 AND (?4 IS NULL OR country = ?4)
                     AND ?3 IS NULL GROUP BY hour, country
                 ) GROUP BY hour"
            }
        };
        let sql = format!(
            "SELECT hours.hour, coalesce(sums.bytes, 0), sums.expected_bytes
             FROM hours LEFT JOIN ({sums}) AS sums ON sums.hour = hours.hour
             WHERE hours.hour BETWEEN ?1 AND ?2 ORDER BY hours.hour"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![from, to, wanted.asset, country], |row| {
            Ok(HourPoint {
                hour: hour(row, 0)?,
                bytes: uint(row.get(1)?),
                expected_bytes: optional(row, 2)?,
            })
        })?;
        rows.collect()
    }
}

fn file_number(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| file.ino())
}

/// The beginning of an hour that a row holds.
pub(super) fn hour(row: &Row<'_>, at: usize) -> Result<String> {
    Ok(Tick::of_hour(uint(row.get(at)?)).to_string())
}

/// A number that a row may hold.
pub(super) fn optional(row: &Row<'_>, at: usize) -> Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(uint))
}

/// How long the writer is waited for, where it must be.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
