//! Assets, as they are looked up.

use rusqlite::{OptionalExtension, Result, Row, params};
use serde::Serialize;

use super::open::database;
use super::read::{HourPoint, HourSelection, Page, Reader, hour, optional};
use super::{HistoryError, int, uint};
use crate::time::Tick;

/// An asset in the list of them.
#[derive(Debug, Serialize)]
pub struct AssetRow {
    asset: String,
    organisation: Option<String>,
    bytes_24h: u64,
    expected_bytes_24h: Option<u64>,
    countries: u64,
    incidents_open: u64,
    maturity: f64,
    last: String,
    #[serde(skip)]
    id: i64,
}

/// A page of assets, those first that sent most.
#[derive(Debug, Serialize)]
pub struct AssetPage {
    assets: Vec<AssetRow>,
    next: Option<String>,
}

/// All that is kept of an asset.
#[derive(Debug, Serialize)]
pub struct AssetDetail {
    asset: String,
    addresses: Vec<String>,
    organisation: Option<String>,
    sector: Option<String>,
    grade: Option<String>,
    categories: Vec<String>,
    maturity: f64,
    role: String,
    first_export: Option<String>,
    last: String,
    countries: Vec<AssetCountry>,
    networks: Vec<NetworkRow>,
    hours: Vec<HourPoint>,
}

/// What an asset sent to a country.
#[derive(Debug, Serialize)]
pub struct AssetCountry {
    country: String,
    bytes_24h: u64,
    expected_bytes_24h: Option<u64>,
    bytes_30d: u64,
    first_export: Option<String>,
}

/// What an asset sent to an autonomous system over a service.
#[derive(Debug, Serialize)]
pub struct NetworkRow {
    country: String,
    asn: u32,
    organisation: Option<String>,
    service: String,
    bytes_24h: u64,
    bytes_30d: u64,
}

/// Hours of the last day, month and week.
const DAY_HOURS: u64 = 24;
const MONTH_HOURS: u64 = 720;
const WEEK_HOURS: u64 = 168;

/// Countries, networks and addresses of an asset that are told.
const COUNTRIES_MAX: i64 = 300;
const NETWORKS_MAX: i64 = 500;
const ADDRESSES_MAX: i64 = 64;

impl Reader {
    /// A page of assets, those first that sent most in the last 24 hours; those whose name or
    /// organisation holds `text`, if it is not empty.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn assets(&self, text: &str, page: Page<'_>) -> Result<AssetPage, HistoryError> {
        self.list(text, page).map_err(database(&self.path))
    }

    fn list(&self, text: &str, page: Page<'_>) -> Result<AssetPage> {
        let after = page.after.and_then(|after| after.split_once('.'));
        let after = after.and_then(|(bytes, id)| Some((bytes.parse().ok()?, id.parse().ok()?)));
        let (bytes, id): (i64, i64) = after.unwrap_or((i64::MAX, 0));
        let sql = "SELECT id, label, organisation, bytes_24h, expected_24h, countries_24h, (
                       SELECT count(*) FROM incidents
                       WHERE incidents.asset = label AND state = 'open'
                   ), maturity, last_hour FROM assets
                   WHERE bytes_24h <= ?1 AND (bytes_24h < ?1 OR id > ?2)
                   AND (?3 = '' OR label LIKE ?3 ESCAPE '\\'
                        OR organisation LIKE ?3 ESCAPE '\\')
                   ORDER BY bytes_24h DESC, id LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = int(page.limit as u64 + 1);
        let rows = statement.query_map(params![bytes, id, pattern(text), limit], |row| {
            Ok(AssetRow {
                id: row.get(0)?,
                asset: row.get(1)?,
                organisation: row.get(2)?,
                bytes_24h: uint(row.get(3)?),
                expected_bytes_24h: optional(row, 4)?,
                countries: uint(row.get(5)?),
                incidents_open: uint(row.get(6)?),
                maturity: row.get(7)?,
                last: hour(row, 8)?,
            })
        })?;
        let mut assets = rows.collect::<Result<Vec<_>>>()?;
        let has_more = assets.len() > page.limit;
        assets.truncate(page.limit);
        let last = assets.last().filter(|_| has_more);
        Ok(AssetPage {
            next: last.map(|row| format!("{}.{}", row.bytes_24h, row.id)),
            assets,
        })
    }

    /// An asset by the name that alerts use.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn asset(&self, label: &str) -> Result<Option<AssetDetail>, HistoryError> {
        self.detail(label).map_err(database(&self.path))
    }

    fn detail(&self, label: &str) -> Result<Option<AssetDetail>> {
        let last = self.last_hour()?;
        let sql = "SELECT id, label, organisation, sector, grade, categories, maturity, role,
                   last_hour, (SELECT min(first) FROM destinations WHERE asset = id)
                   FROM assets WHERE label = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([label], |row| {
            let categories: String = row.get(5)?;
            let categories = categories.split(',').filter(|one| !one.is_empty());
            let detail = AssetDetail {
                asset: row.get(1)?,
                addresses: Vec::new(),
                organisation: row.get(2)?,
                sector: row.get(3)?,
                grade: row.get(4)?,
                categories: categories.map(str::to_owned).collect(),
                maturity: row.get(6)?,
                role: row.get(7)?,
                first_export: time(row, 9)?,
                last: hour(row, 8)?,
                countries: Vec::new(),
                networks: Vec::new(),
                hours: Vec::new(),
            };
            Ok((row.get(0)?, detail))
        });
        let Some((id, detail)) = found.optional()? else {
            return Ok(None);
        };
        Ok(Some(AssetDetail {
            addresses: self.addresses(id)?,
            countries: self.countries(id, last)?,
            networks: self.networks(id, last)?,
            hours: self.points(&HourSelection {
                asset: Some(label),
                country: None,
                from: (last + 1).saturating_sub(WEEK_HOURS),
                to: last,
            })?,
            ..detail
        }))
    }

    fn addresses(&self, asset: i64) -> Result<Vec<String>> {
        let sql = "SELECT address FROM addresses WHERE asset = ?1
                   ORDER BY last_hour DESC, address LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([asset, ADDRESSES_MAX], |row| row.get(0))?;
        rows.collect()
    }

    fn countries(&self, asset: i64, last: u64) -> Result<Vec<AssetCountry>> {
        let sql = "SELECT country, sum(iif(hour > ?3, bytes, 0)),
                   sum(iif(hour > ?3, expected_bytes, NULL)), sum(bytes) AS month, (
                       SELECT first FROM destinations AS known
                       WHERE known.asset = ?1 AND known.country = asset_hours.country
                   ) FROM asset_hours WHERE asset = ?1 AND hour > ?2
                   GROUP BY country ORDER BY month DESC, country LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(since(asset, last, COUNTRIES_MAX), |row| {
            Ok(AssetCountry {
                country: row.get(0)?,
                bytes_24h: uint(row.get(1)?),
                expected_bytes_24h: optional(row, 2)?,
                bytes_30d: uint(row.get(3)?),
                first_export: time(row, 4)?,
            })
        })?;
        rows.collect()
    }

    fn networks(&self, asset: i64, last: u64) -> Result<Vec<NetworkRow>> {
        let sql = "SELECT country, asn,
                   (SELECT organisation FROM systems WHERE systems.asn = cell_hours.asn),
                   service, sum(iif(hour > ?3, bytes, 0)), sum(bytes) AS month
                   FROM cell_hours WHERE asset = ?1 AND hour > ?2
                   GROUP BY country, asn, service
                   ORDER BY month DESC, country, asn, service LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(since(asset, last, NETWORKS_MAX), |row| {
            Ok(NetworkRow {
                country: row.get(0)?,
                asn: row.get(1)?,
                organisation: row.get(2)?,
                service: row.get(3)?,
                bytes_24h: uint(row.get(4)?),
                bytes_30d: uint(row.get(5)?),
            })
        })?;
        rows.collect()
    }
}

/// An asset, the hours after which its month and its day begin, and a bound on rows.
fn since(asset: i64, last: u64, limit: i64) -> [i64; 4] {
    let before = |hours| int(last).saturating_sub(int(hours));
    [asset, before(MONTH_HOURS), before(DAY_HOURS), limit]
}

fn time(row: &Row<'_>, at: usize) -> Result<Option<String>> {
    Ok(optional(row, at)?.map(|seconds| Tick(seconds).to_string()))
}

/// What holds a text anywhere, as LIKE wants it; all for no text.
fn pattern(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = "%".to_owned();
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + "%"
}
