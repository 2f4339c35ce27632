//! What is forgotten, and when.

use rusqlite::{Result, Transaction, params};

use super::open::History;
use super::write::sum_day;
use super::{days, int, uint};
use crate::time::{SECONDS_PER_HOUR, Tick};

/// Hours of a day.
const HOURS: i64 = 24;

impl History {
    /// Passes on after the end of an hour: adds up the day of assets that are silent by now,
    /// and deletes what is too old, or does not fit.
    pub(super) fn tidy(&mut self, hour: u64) -> Result<()> {
        let config = self.config.clone();
        let now = int(hour);
        let kept = |days: u32| now - i64::from(days) * HOURS;
        let transaction = self.connection.transaction()?;
        sum_silent(&transaction, now)?;
        days::sum(&transaction, now)?;
        forget_totals(&transaction, kept(config.retention_days))?;
        let first = first_kept(&transaction)?;
        let due = kept(config.asset_retention_days);
        if due > first {
            forget_assets(&transaction, due)?;
        }
        transaction.commit()?;
        self.make_room(now)
    }

    /// Deletes the oldest day of single assets until a tenth of the file is free.
    fn make_room(&mut self, now: i64) -> Result<()> {
        loop {
            let number = |name| {
                let value = self
                    .connection
                    .pragma_query_value(None, name, |row| row.get(0));
                value.map(uint)
            };
            let used = number("page_count")?.saturating_sub(number("freelist_count")?);
            let first = first_kept(&self.connection)?;
            if used <= number("max_page_count")? / 10 * 9 || first >= now {
                return Ok(());
            }
            let transaction = self.connection.transaction()?;
            let query = "SELECT min(hour) FROM hours WHERE hour >= ?1";
            let oldest: Option<i64> = transaction.query_row(query, [first], |row| row.get(0))?;
            let Some(oldest) = oldest else {
                return Ok(());
            };
            forget_assets(&transaction, (oldest + HOURS).min(now))?;
            transaction.commit()?;
        }
    }
}

/// The first hour of single assets that is kept, as far as hours were deleted.
fn first_kept(connection: &rusqlite::Connection) -> Result<i64> {
    let query = "SELECT coalesce((SELECT value FROM about WHERE key = 'asset_hours_from'), '0')";
    let text: String = connection.query_row(query, [], |row| row.get(0))?;
    Ok(text.parse().unwrap_or(0))
}

/// Adds up the day of assets that sent something in it, and not in the hour.
fn sum_silent(transaction: &Transaction<'_>, hour: i64) -> Result<()> {
    let silent = transaction
        .prepare_cached("SELECT id FROM assets WHERE bytes_24h > 0 AND last_hour < ?1")?
        .query_map([hour], |row| row.get(0))?
        .collect::<Result<Vec<i64>>>()?;
    silent
        .into_iter()
        .try_for_each(|asset| sum_day(transaction, asset, hour))
}

fn forget_totals(transaction: &Transaction<'_>, first: i64) -> Result<()> {
    for table in ["country_hours", "hours"] {
        let delete = format!("DELETE FROM {table} WHERE hour < ?1");
        transaction.prepare_cached(&delete)?.execute([first])?;
    }
    days::forget_before(transaction, first)?;
    let seconds = first.saturating_mul(int(SECONDS_PER_HOUR)).max(0);
    transaction
        .prepare_cached(
            "DELETE FROM alerts WHERE incident IN
             (SELECT n FROM incidents WHERE state = 'closed' AND last < ?1)",
        )?
        .execute([seconds])?;
    transaction
        .prepare_cached("DELETE FROM incidents WHERE state = 'closed' AND last < ?1")?
        .execute([seconds])?;
    let day = Tick(uint(seconds)).to_string();
    let day = day.get(..10).unwrap_or_default();
    for table in ["corridors", "meters"] {
        let delete = format!("DELETE FROM {table} WHERE day < ?1");
        transaction.prepare_cached(&delete)?.execute([day])?;
    }
    Ok(())
}

/// Forgets the hours of single assets before one, and assets of which none is left.
fn forget_assets(transaction: &Transaction<'_>, first: i64) -> Result<()> {
    let assets = transaction
        .prepare_cached("SELECT id FROM assets")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<i64>>>()?;
    for asset in assets {
        for table in ["asset_hours", "cell_hours"] {
            let delete = format!("DELETE FROM {table} WHERE asset = ?1 AND hour < ?2");
            let mut statement = transaction.prepare_cached(&delete)?;
            statement.execute(params![asset, first])?;
        }
    }
    for table in ["addresses", "destinations", "assets"] {
        let delete = format!("DELETE FROM {table} WHERE last_hour < ?1");
        transaction.prepare_cached(&delete)?.execute([first])?;
    }
    let about = "INSERT OR REPLACE INTO about (key, value) VALUES ('asset_hours_from', ?1)";
    transaction.execute(about, [first.to_string()]).map(|_| ())
}
