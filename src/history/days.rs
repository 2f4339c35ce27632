//! Days of countries, added up of their hours, so that a month is looked up in its days.
//!
//! The days that are added up have no gap between them: where an hour is written, its day and
//! all later ones are forgotten, and added up anew once they are over.

use rusqlite::{Connection, Result, Transaction};

use super::schema::kinds;

/// Hours of a day. Days are counted from the epoch, in UTC.
pub(super) const DAY_HOURS: i64 = 24;

/// Adds up the days that are over by an hour.
pub(super) fn sum(transaction: &Transaction<'_>, now: i64) -> Result<()> {
    let next = "SELECT coalesce((SELECT max(day) + 1 FROM country_days),
                                (SELECT min(hour) / 24 FROM country_hours))";
    let next: Option<i64> = transaction.query_row(next, [], |row| row.get(0))?;
    let Some(first) = next else { return Ok(()) };
    let today = now / DAY_HOURS;
    if first >= today {
        return Ok(());
    }
    let sums = kinds().map(|kind| format!(", sum({kind})"));
    let insert = format!(
        "INSERT INTO country_days
         SELECT hour / 24, country, sum(bytes), sum(expected_bytes){}
         FROM ({}) GROUP BY hour / 24, country",
        sums.collect::<String>(),
        hours("hour BETWEEN ?1 AND ?2"),
    );
    transaction
        .prepare_cached(&insert)?
        .execute([first * DAY_HOURS, today * DAY_HOURS - 1])
        .map(|_| ())
}

/// Forgets days of which an hour is written, and later ones.
pub(super) fn forget_from(transaction: &Transaction<'_>, hour: i64) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM country_days WHERE day >= ?1")?
        .execute([hour / DAY_HOURS])
        .map(|_| ())
}

/// Forgets days of which an hour is older than what is kept.
pub(super) fn forget_before(transaction: &Transaction<'_>, first: i64) -> Result<()> {
    transaction
        .prepare_cached("DELETE FROM country_days WHERE day * 24 < ?1")?
        .execute([first])
        .map(|_| ())
}

/// The first and the last whole day from an hour on that are added up; none where the last is
/// before the first.
pub(super) fn whole(connection: &Connection, from: i64) -> Result<[i64; 2]> {
    let whole = (from + DAY_HOURS - 1) / DAY_HOURS;
    let query = "SELECT max(?1, coalesce((SELECT min(day) FROM country_days), ?1)),
                 coalesce((SELECT max(day) FROM country_days), ?1 - 1)";
    connection
        .prepare_cached(query)?
        .query_row([whole], |row| Ok([row.get(0)?, row.get(1)?]))
}

/// The hours of countries that fulfil a condition, a row each: the runs of an hour are added up,
/// and expect the same, so that counts once.
pub(super) fn hours(condition: &str) -> String {
    let sums = kinds().map(|kind| format!(", sum({kind}) AS {kind}"));
    format!(
        "SELECT hour, country, sum(bytes) AS bytes, max(expected_bytes) AS expected_bytes{}
         FROM country_hours WHERE {condition} GROUP BY hour, country",
        sums.collect::<String>(),
    )
}
