//! Records to rows.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Result, Transaction, params, params_from_iter};

use super::open::{History, database};
use super::record::{
    AlertRecord, AssetHour, CorridorRecord, CountryHour, HourRecord, MeterRecord, Record,
};
use super::schema::{KINDS, kinds};
use super::{HistoryError, days, int};

impl History {
    /// Writes records, all or none of them.
    ///
    /// # Errors
    /// Where the database takes them not.
    pub fn write(&mut self, records: &[Record]) -> Result<(), HistoryError> {
        let path = self.path();
        // Where somebody has removed it, rows would go to a file without a name.
        if !self.is_open || !path.exists() {
            self.open_again()?;
        }
        self.write_all(records).map_err(database(&path))
    }

    fn write_all(&mut self, records: &[Record]) -> Result<()> {
        let over = records.iter().filter_map(|record| match record {
            Record::Hour(hour) if hour.is_over => Some(hour.hour),
            _ => None,
        });
        let over = over.max();
        let run = self.run;
        let transaction = self.connection.transaction()?;
        for record in records {
            match record {
                Record::Hour(hour) => write_hour(&transaction, run, hour)?,
                Record::Alert(alert) => write_alert(&transaction, alert)?,
                Record::Corridor(corridor) => write_corridor(&transaction, corridor)?,
                Record::Meters(rows) => write_meters(&transaction, rows)?,
            }
        }
        transaction.commit()?;
        over.map_or(Ok(()), |hour| self.tidy(hour))
    }
}

fn write_hour(transaction: &Transaction<'_>, run: i64, hour: &HourRecord) -> Result<()> {
    let at = int(hour.hour);
    transaction
        .prepare_cached(
            "INSERT INTO hours (hour, is_over) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET is_over = max(is_over, excluded.is_over)",
        )?
        .execute(params![at, hour.is_over])?;
    days::forget_from(transaction, at)?;
    for (country, one) in &hour.countries {
        write_country(transaction, (at, run), country.code(), one)?;
    }
    for (asn, organisation) in &hour.systems {
        transaction
            .prepare_cached(
                "INSERT INTO systems (asn, organisation) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET organisation = excluded.organisation",
            )?
            .execute(params![asn, organisation])?;
    }
    for (label, one) in &hour.assets {
        let asset = write_asset(transaction, at, label, one)?;
        sum_day(transaction, asset, at)?;
    }
    match &hour.open {
        Some(open) => close_others(transaction, open),
        None => Ok(()),
    }
}

/// Closes incidents of which the sensor does not know any more, as after a start without what
/// was learned.
fn close_others(transaction: &Transaction<'_>, open: &[String]) -> Result<()> {
    let open: BTreeSet<&str> = open.iter().map(String::as_str).collect();
    let known = transaction
        .prepare_cached("SELECT n, incident FROM incidents WHERE state = 'open'")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, String)>>>()?;
    let gone = known
        .iter()
        .filter(|(_, name)| !open.contains(name.as_str()));
    gone.into_iter().try_for_each(|(n, _)| {
        transaction
            .prepare_cached("UPDATE incidents SET state = 'closed' WHERE n = ?1")?
            .execute([n])
            .map(|_| ())
    })
}

fn write_country(
    transaction: &Transaction<'_>,
    (hour, run): (i64, i64),
    country: &str,
    one: &CountryHour,
) -> Result<()> {
    let places = (0..KINDS).map(|place| format!(", ?{}", place + 6));
    let columns = kinds().map(|kind| format!(", {kind}"));
    let sql = format!(
        "INSERT OR REPLACE INTO country_hours
         (hour, country, run, bytes, expected_bytes{}) VALUES (?1, ?2, ?3, ?4, ?5{})",
        columns.collect::<String>(),
        places.collect::<String>(),
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let numbers = one
        .protected
        .iter()
        .chain(&one.sure)
        .map(|bytes| int(*bytes));
    let expected = one.expected_bytes.map(int);
    let (hour, run, bytes) = (hour.into(), run.into(), int(one.bytes).into());
    let first: [rusqlite::types::Value; 5] =
        [hour, country.to_owned().into(), run, bytes, expected.into()];
    let all = first.into_iter().chain(numbers.map(Into::into));
    statement.execute(params_from_iter(all)).map(|_| ())
}

/// Writes what an asset sent within an hour. Returns its number.
fn write_asset(
    transaction: &Transaction<'_>,
    hour: i64,
    label: &str,
    one: &AssetHour,
) -> Result<i64> {
    let about = &one.about;
    let asset: i64 = transaction
        .prepare_cached(
            "INSERT INTO assets
             (label, organisation, sector, grade, categories, role, maturity, last_hour)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET organisation = excluded.organisation,
             sector = excluded.sector, grade = excluded.grade, categories = excluded.categories,
             role = excluded.role, maturity = excluded.maturity,
             last_hour = max(last_hour, excluded.last_hour)
             RETURNING id",
        )?
        .query_row(
            params![
                label,
                about.organisation,
                about.sector,
                about.grade,
                about.categories.join(","),
                about.role,
                about.maturity,
                hour,
            ],
            |row| row.get(0),
        )?;
    for address in one.addresses.iter().take(ADDRESSES_MAX) {
        transaction
            .prepare_cached(
                "INSERT INTO addresses (asset, address, last_hour) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET last_hour = max(last_hour, excluded.last_hour)",
            )?
            .execute(params![asset, address.to_string(), hour])?;
    }
    write_destinations(transaction, (asset, hour), one)?;
    for (key, bytes) in &one.cells {
        transaction
            .prepare_cached(
                "INSERT INTO cell_hours (asset, hour, country, asn, service, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET bytes = max(bytes, excluded.bytes)",
            )?
            .execute(params![
                asset,
                hour,
                key.country.code(),
                key.asn,
                key.service.name(),
                int(*bytes),
            ])?;
    }
    Ok(asset)
}

fn write_destinations(
    transaction: &Transaction<'_>,
    (asset, hour): (i64, i64),
    one: &AssetHour,
) -> Result<()> {
    for (country, (bytes, expected, first)) in &one.countries {
        let country = country.code();
        transaction
            .prepare_cached(
                "INSERT INTO asset_hours (asset, hour, country, bytes, expected_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET bytes = max(bytes, excluded.bytes),
                 expected_bytes = coalesce(excluded.expected_bytes, expected_bytes)",
            )?
            .execute(params![
                asset,
                hour,
                country,
                int(*bytes),
                expected.map(int)
            ])?;
        if *bytes == 0 {
            continue;
        }
        transaction
            .prepare_cached(
                "INSERT INTO destinations (asset, country, first, last_hour)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET first = min(first, excluded.first),
                 last_hour = max(last_hour, excluded.last_hour)",
            )?
            .execute(params![asset, country, int(first.0), hour])?;
    }
    Ok(())
}

/// Adds up the 24 hours of an asset that end with an hour, by which assets are listed.
pub(super) fn sum_day(transaction: &Transaction<'_>, asset: i64, hour: i64) -> Result<()> {
    transaction
        .prepare_cached(
            "UPDATE assets SET (bytes_24h, expected_24h, countries_24h) = (
                 SELECT coalesce(sum(bytes), 0), sum(expected_bytes),
                 count(DISTINCT CASE WHEN bytes > 0 THEN country END)
                 FROM asset_hours WHERE asset = ?1 AND hour > ?2 - 24
             ) WHERE id = ?1",
        )?
        .execute(params![asset, hour])
        .map(|_| ())
}

fn write_alert(transaction: &Transaction<'_>, alert: &AlertRecord) -> Result<()> {
    let seconds = int(alert.tick.0);
    let state = if alert.is_closed { "closed" } else { "open" };
    let known = alert.known.as_ref();
    let key = known.map(|known| known.asset.to_string());
    let level = known.map(|known| known.level);
    let incident: i64 = transaction
        .prepare_cached(
            "INSERT INTO incidents
             (incident, asset, country, state, opened, last, severity, asset_key, hour_bytes,
             day_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET state = excluded.state, last = excluded.last,
             severity = excluded.severity, asset_key = coalesce(excluded.asset_key, asset_key),
             hour_bytes = max(coalesce(excluded.hour_bytes, 0), coalesce(hour_bytes, 0)),
             day_bytes = max(coalesce(excluded.day_bytes, 0), coalesce(day_bytes, 0))
             WHERE excluded.last >= last
             RETURNING n",
        )?
        .query_row(
            params![
                alert.incident,
                alert.asset,
                alert.country.code(),
                state,
                seconds,
                alert.severity,
                key,
                level.map(|level| int(level.hour_bytes)),
                level.map(|level| int(level.day_bytes)),
            ],
            |row| row.get(0),
        )
        .optional()?
        .map_or_else(|| number_of(transaction, &alert.incident), Ok)?;
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO alerts (id, incident, time, line) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![alert.id, incident, seconds, alert.line])
        .map(|_| ())
}

/// The number of an incident of which something newer is known than what is written.
fn number_of(transaction: &Transaction<'_>, incident: &str) -> Result<i64> {
    transaction
        .prepare_cached("SELECT n FROM incidents WHERE incident = ?1")?
        .query_row([incident], |row| row.get(0))
}

fn write_corridor(transaction: &Transaction<'_>, one: &CorridorRecord) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO corridors
             (day, asset, recipient, country, pack, verdict, rule, article, approval, bytes,
             quota_bytes, used_bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO UPDATE SET verdict = excluded.verdict, rule = excluded.rule,
             article = excluded.article, approval = excluded.approval,
             bytes = max(bytes, excluded.bytes), quota_bytes = excluded.quota_bytes,
             used_bytes = excluded.used_bytes",
        )?
        .execute(params![
            one.day,
            one.asset,
            one.recipient.as_deref().unwrap_or_default(),
            one.country.code(),
            one.pack,
            one.verdict,
            one.rule,
            one.article,
            one.approval,
            int(one.bytes),
            one.quota.map(|[quota, _]| int(quota)),
            one.quota.map(|[_, used]| int(used)),
        ])
        .map(|_| ())
}

fn write_meters(transaction: &Transaction<'_>, rows: &[MeterRecord]) -> Result<()> {
    for MeterRecord(row) in rows {
        let unseen = row.lower.unseen_share * row.bytes as f64;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO meters
                 (day, pack, entity, category, window, subjects, is_exact, records, bytes,
                 unseen_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                row.day,
                row.pack,
                row.entity,
                row.category.name(),
                row.window,
                int(row.lower.persons),
                row.lower.is_exact,
                int(row.records),
                int(row.bytes),
                int(unseen as u64),
            ])?;
    }
    Ok(())
}

/// Addresses of an asset that are kept of one hour.
const ADDRESSES_MAX: usize = 64;
