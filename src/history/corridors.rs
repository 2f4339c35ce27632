//! What packs say of corridors, and what meters show.

use rusqlite::{Result, params};
use serde::Serialize;

use super::open::database;
use super::read::{Page, Reader, optional};
use super::{HistoryError, int, uint};

/// What a pack says of a corridor on a day.
#[derive(Debug, Serialize)]
pub struct CorridorRow {
    day: String,
    asset: String,
    recipient: Option<String>,
    country: String,
    pack: String,
    verdict: String,
    rule: Option<String>,
    article: Option<String>,
    bytes: u64,
    approval: Option<String>,
    quota_bytes: Option<u64>,
    used_bytes: Option<u64>,
    #[serde(skip)]
    n: i64,
}

/// A page of corridors, of the newest day first.
#[derive(Debug, Serialize)]
pub struct CorridorPage {
    corridors: Vec<CorridorRow>,
    next: Option<String>,
}

/// What a meter showed last.
#[derive(Debug, Serialize)]
pub struct MeterLine {
    day: String,
    pack: String,
    entity: String,
    category: String,
    window: String,
    subjects: u64,
    is_exact: bool,
    records: u64,
    bytes: u64,
    unseen_bytes: u64,
    /// Thresholds are rules of packs, which depend on more than a meter.
    threshold: Option<u64>,
    rule: Option<String>,
}

/// Rows of meters that are told.
const METERS_MAX: i64 = 2_000;

impl Reader {
    /// A page of what packs say, of the newest day first.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn corridors(&self, page: Page<'_>) -> Result<CorridorPage, HistoryError> {
        self.of_days(page).map_err(database(&self.path))
    }

    fn of_days(&self, page: Page<'_>) -> Result<CorridorPage> {
        let after = page.after.and_then(|after| after.split_once('.'));
        let after = after.and_then(|(day, n)| Some((day, n.parse().ok()?)));
        // No day is later than this text.
        let (day, n): (&str, i64) = after.unwrap_or(("~", i64::MAX));
        let sql = "SELECT n, day, asset, recipient, country, pack, verdict, rule, article, bytes,
                   approval, quota_bytes, used_bytes FROM corridors
                   WHERE day <= ?1 AND (day < ?1 OR n < ?2) ORDER BY day DESC, n DESC LIMIT ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = int(page.limit as u64 + 1);
        let rows = statement.query_map(params![day, n, limit], |row| {
            let recipient: String = row.get(3)?;
            Ok(CorridorRow {
                n: row.get(0)?,
                day: row.get(1)?,
                asset: row.get(2)?,
                recipient: Some(recipient).filter(|name| !name.is_empty()),
                country: row.get(4)?,
                pack: row.get(5)?,
                verdict: row.get(6)?,
                rule: row.get(7)?,
                article: row.get(8)?,
                bytes: uint(row.get(9)?),
                approval: row.get(10)?,
                quota_bytes: optional(row, 11)?,
                used_bytes: optional(row, 12)?,
            })
        })?;
        let mut corridors = rows.collect::<Result<Vec<_>>>()?;
        let has_more = corridors.len() > page.limit;
        corridors.truncate(page.limit);
        let last = corridors.last().filter(|_| has_more);
        Ok(CorridorPage {
            next: last.map(|row| format!("{}.{}", row.day, row.n)),
            corridors,
        })
    }

    /// What the meters of each pack showed last.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn meters(&self) -> Result<Vec<MeterLine>, HistoryError> {
        self.latest_meters().map_err(database(&self.path))
    }

    fn latest_meters(&self) -> Result<Vec<MeterLine>> {
        let sql = "SELECT day, pack, entity, category, window, subjects, is_exact, records,
                   bytes, unseen_bytes FROM meters AS latest
                   WHERE day = (SELECT max(day) FROM meters AS all_days
                                WHERE all_days.pack = latest.pack)
                   ORDER BY entity, category, window, pack LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([METERS_MAX], |row| {
            Ok(MeterLine {
                day: row.get(0)?,
                pack: row.get(1)?,
                entity: row.get(2)?,
                category: row.get(3)?,
                window: row.get(4)?,
                subjects: uint(row.get(5)?),
                is_exact: row.get(6)?,
                records: uint(row.get(7)?),
                bytes: uint(row.get(8)?),
                unseen_bytes: uint(row.get(9)?),
                threshold: None,
                rule: None,
            })
        })?;
        rows.collect()
    }
}
