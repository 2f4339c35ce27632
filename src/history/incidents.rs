//! Incidents, as they are looked up.

use rusqlite::{OptionalExtension, Result, Row, params};
use serde::Serialize;
use serde_json::value::RawValue;

use super::open::database;
use super::read::{HourPoint, HourSelection, Page, Reader};
use super::{HistoryError, int, uint};
use crate::alert::{KnownIncident, Level};
use crate::geo::Country;
use crate::time::{SECONDS_PER_HOUR, Tick};

/// Which incidents are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncidentState {
    /// Those that are open.
    #[default]
    Open,
    /// All of them.
    All,
}

/// An incident and its newest line.
#[derive(Debug, Serialize)]
pub struct IncidentRow {
    incident: String,
    state: String,
    opened: String,
    last: String,
    alert: Box<RawValue>,
    #[serde(skip)]
    n: i64,
}

/// A page of incidents, the newest first.
#[derive(Debug, Serialize)]
pub struct IncidentPage {
    /// The incidents.
    pub incidents: Vec<IncidentRow>,
    /// What to ask for next.
    pub next: Option<String>,
}

/// An incident with all its lines.
#[derive(Debug)]
pub struct FoundIncident {
    /// `open` or `closed`.
    pub state: String,
    /// Who sent.
    pub asset: String,
    /// Where to.
    pub country: Country,
    /// Lines of `alerts.jsonl`, the oldest first.
    pub alerts: Vec<Box<RawValue>>,
    /// The hours up to the last line, of the asset towards the country.
    pub hours: Vec<HourPoint>,
    /// How far feedback would reach, and the time of the last line.
    pub known: Option<(KnownIncident, Tick)>,
}

/// Lines of an incident that are told.
const LINES_MAX: i64 = 100;

/// Bytes of lines in one answer; what does not fit comes with the next page.
const LINES_BYTES_MAX: usize = 4 << 20;

/// Hours of an incident that are told.
const INCIDENT_HOURS: u64 = 72;

impl Reader {
    /// A page of incidents, of an asset or a country where those are named.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn incidents(
        &self,
        state: IncidentState,
        asset: Option<&str>,
        country: Option<Country>,
        page: Page<'_>,
    ) -> Result<IncidentPage, HistoryError> {
        let after = page.after.and_then(|after| after.parse().ok());
        let states: &[&str] = match state {
            IncidentState::Open => &["open"],
            IncidentState::All => &["open", "closed"],
        };
        let mut rows = Vec::new();
        for state in states {
            let wanted = (*state, asset, country.map(|one| one.code().to_owned()));
            let found = self.of_state(wanted, after.unwrap_or(i64::MAX), page.limit);
            rows.extend(found.map_err(database(&self.path))?);
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.n));
        let has_more = rows.len() > page.limit;
        rows.truncate(page.limit);
        let mut bytes = 0;
        let fits = rows.iter().take_while(|row| {
            bytes += row.alert.get().len();
            bytes <= LINES_BYTES_MAX
        });
        let fitting = fits.count().max(1);
        let has_more = has_more || fitting < rows.len();
        rows.truncate(fitting);
        let last = rows.last().filter(|_| has_more);
        Ok(IncidentPage {
            next: last.map(|row| row.n.to_string()),
            incidents: rows,
        })
    }

    /// At most one more than `limit`, so that it is known whether there are more.
    fn of_state(
        &self,
        (state, asset, country): (&str, Option<&str>, Option<String>),
        before: i64,
        limit: usize,
    ) -> Result<Vec<IncidentRow>> {
        let filter = match (asset, &country) {
            (None, None) => "(?2 IS NULL AND ?3 IS NULL)",
            (Some(_), None) => "asset = ?2 AND ?3 IS NULL",
            (None, Some(_)) => "country = ?3 AND ?2 IS NULL",
            (Some(_), Some(_)) => "asset = ?2 AND country = ?3",
        };
        let sql = format!(
            "SELECT n, incident, state, opened, last,
             (SELECT line FROM alerts WHERE alerts.incident = incidents.n ORDER BY n DESC LIMIT 1)
             FROM incidents WHERE state = ?1 AND {filter} AND n < ?4 ORDER BY n DESC LIMIT ?5"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = int(limit as u64 + 1);
        let rows = statement.query_map(params![state, asset, country, before, limit], row)?;
        rows.collect()
    }

    /// An incident by its name.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn incident(&self, name: &str) -> Result<Option<FoundIncident>, HistoryError> {
        self.find(name).map_err(database(&self.path))
    }

    fn find(&self, name: &str) -> Result<Option<FoundIncident>> {
        let sql = "SELECT n, state, asset, country, last, asset_key, hour_bytes, day_bytes
                   FROM incidents WHERE incident = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([name], |row| {
            let country: String = row.get(3)?;
            let country = Country::from_code(&country).unwrap_or(Country::UNKNOWN);
            let last = Tick(uint(row.get(4)?));
            let key = row.get::<_, Option<String>>(5)?;
            let level = Level {
                hour_bytes: uint(row.get::<_, Option<i64>>(6)?.unwrap_or(0)),
                day_bytes: uint(row.get::<_, Option<i64>>(7)?.unwrap_or(0)),
            };
            let known = key.and_then(|key| key.parse().ok()).map(|asset| {
                let name = name.to_owned();
                let known = KnownIncident {
                    name,
                    asset,
                    country,
                    level,
                };
                (known, last)
            });
            let n: i64 = row.get(0)?;
            let (state, asset) = (row.get(1)?, row.get(2)?);
            Ok((n, state, asset, country, last, known))
        });
        let Some((n, state, asset, country, last, known)) = found.optional()? else {
            return Ok(None);
        };
        let alerts = self.lines(n)?;
        let asset: String = asset;
        let to = last.0.saturating_sub(1) / SECONDS_PER_HOUR;
        let hours = self.points(&HourSelection {
            asset: Some(&asset),
            country: Some(country),
            from: to.saturating_sub(INCIDENT_HOURS - 1),
            to,
        })?;
        Ok(Some(FoundIncident {
            state,
            country,
            alerts,
            hours,
            known,
            asset,
        }))
    }

    /// The last lines of an incident, the oldest of them first.
    fn lines(&self, incident: i64) -> Result<Vec<Box<RawValue>>> {
        let sql = "SELECT line FROM alerts WHERE incident = ?1 ORDER BY n DESC LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![incident, LINES_MAX], |row| line(row, 0))?;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for row in rows {
            let line = row?;
            bytes += line.get().len();
            if bytes > LINES_BYTES_MAX && !lines.is_empty() {
                break;
            }
            lines.push(line);
        }
        lines.reverse();
        Ok(lines)
    }

    /// Incidents that are open, by country.
    pub(super) fn open_by(&self, column: &str) -> Result<Vec<(String, u64)>> {
        let sql = format!(
            "SELECT {column}, count(*) FROM incidents WHERE state = 'open' GROUP BY {column}"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, uint(row.get(1)?))))?;
        rows.collect()
    }
}

fn row(row: &Row<'_>) -> Result<IncidentRow> {
    let time = |at| Ok::<_, rusqlite::Error>(Tick(uint(row.get(at)?)).to_string());
    Ok(IncidentRow {
        n: row.get(0)?,
        incident: row.get(1)?,
        state: row.get(2)?,
        opened: time(3)?,
        last: time(4)?,
        alert: line(row, 5)?,
    })
}

/// A line as it was written. What is none any more is told as `null`.
fn line(row: &Row<'_>, at: usize) -> Result<Box<RawValue>> {
    let text: Option<String> = row.get(at)?;
    let parsed = text.and_then(|text| RawValue::from_string(text).ok());
    Ok(parsed.unwrap_or_else(|| RawValue::NULL.to_owned()))
}
