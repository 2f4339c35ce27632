//! The thread that writes the history, and what is gathered for it.
//!
//! Live, nobody waits for the thread: what finds no room in its channel is counted and lost. A
//! replay waits, so that it leaves the same rows however fast the disk is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::alert::{Alert, KnownIncident};
use crate::geo::Country;
use crate::history::{
    AlertRecord, CountryHour, Failure, History, HistoryConfig, HistoryError, HourRecord, Opened,
    Origin, Record,
};
use crate::time::Tick;
use crate::transfer::Transfer;

use super::telemetry::Telemetry;

/// Records that may wait for the thread.
const RECORDS_WAITING_MAX: usize = 1_024;

/// Rows of them that may, in a running sensor: about 100 MB.
const ROWS_WAITING_MAX: usize = 1_000_000;

/// Records that are written at once.
const BATCH_MAX: usize = 256;

/// How long a disk that takes nothing is left alone.
const RETRY: Duration = Duration::from_secs(10);

/// How often the thread then looks whether the run has ended.
const POLL: Duration = Duration::from_millis(100);

/// Seconds of packet time between two looks at the running hour, and those between two if that
/// takes many rows.
const LOOK_SECONDS: u64 = 15;
const LOOK_SECONDS_LARGE: u64 = 300;

/// Rows that are many.
const ROWS_LARGE: usize = 5_000;

/// Autonomous systems whose names are kept in mind.
const SYSTEMS_MAX: usize = 65_536;

/// Tells the history, and those that look on, what the analyst does.
#[derive(Debug)]
pub struct Historian {
    telemetry: Arc<Telemetry>,
    scribe: Option<Scribe>,
    /// What went to each country in the running hour, as far as this run has seen it.
    sums: BTreeMap<Country, CountryHour>,
    /// What is normal for the running hour, by country; nothing until it was asked.
    pub(super) expected: Option<BTreeMap<Country, u64>>,
    /// Systems whose names were told.
    systems: BTreeSet<u32>,
    /// When the running hour is to be looked at next.
    look_at: Option<Tick>,
}

/// The thread that writes.
#[derive(Debug)]
struct Scribe {
    tell: Option<Sender<Record>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    telemetry: Arc<Telemetry>,
    /// Rows that wait.
    rows: AtomicUsize,
    /// Whether the run is over.
    is_ending: AtomicBool,
    /// Whether the analyst waits for the thread, as in a replay.
    is_waited_for: bool,
}

impl Historian {
    /// Tells those that look on alone.
    pub const fn without_history(telemetry: Arc<Telemetry>) -> Self {
        Self {
            telemetry,
            scribe: None,
            sums: BTreeMap::new(),
            expected: None,
            systems: BTreeSet::new(),
            look_at: None,
        }
    }

    /// Writes the history of a folder, too. Returns what the operator should know beside it.
    ///
    /// # Errors
    /// Where the history cannot be opened.
    pub fn open(
        folder: &Path,
        config: &HistoryConfig,
        origin: Origin,
        telemetry: Arc<Telemetry>,
    ) -> Result<(Self, Vec<String>), HistoryError> {
        let Opened { history, notes } = History::open(folder, config, origin)?;
        let shared = Arc::new(Shared {
            telemetry: Arc::clone(&telemetry),
            rows: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
            is_waited_for: origin == Origin::Replay,
        });
        let (tell, told) = bounded(RECORDS_WAITING_MAX);
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("history".to_owned());
        let thread = thread.spawn(move || write_all(history, &told, &of_thread));
        let thread = thread.map_err(|source| HistoryError::Io {
            path: folder.to_owned(),
            action: "start the thread that writes",
            source,
        })?;
        let scribe = Scribe {
            tell: Some(tell),
            shared,
            thread: Some(thread),
        };
        let mut historian = Self::without_history(telemetry);
        historian.scribe = Some(scribe);
        Ok((historian, notes))
    }

    /// Whether anything but alerts is wanted.
    pub(super) const fn keeps_hours(&self) -> bool {
        self.scribe.is_some()
    }

    /// Counts transfers to a country.
    pub(super) fn count(&mut self, country: Country, transfers: &[Transfer]) {
        if self.scribe.is_none() {
            return;
        }
        let sums = self.sums.entry(country).or_default();
        for transfer in transfers {
            let bytes = transfer.bytes;
            sums.bytes = sums.bytes.saturating_add(bytes);
            let protected = &mut sums.protected[transfer.protection as usize];
            *protected = protected.saturating_add(bytes);
            let sure = &mut sums.sure[transfer.confidence as usize];
            *sure = sure.saturating_add(bytes);
        }
    }

    /// Whether the name of a system was not told yet. Asked once of each.
    pub(super) fn is_news(&mut self, asn: u32) -> bool {
        self.systems.len() < SYSTEMS_MAX && asn != 0 && self.systems.insert(asn)
    }

    /// Whether the running hour is to be looked at.
    pub(super) fn is_due(&self, now: Tick) -> bool {
        let is_live = self
            .scribe
            .as_ref()
            .is_some_and(|one| !one.shared.is_waited_for);
        is_live && self.look_at.is_none_or(|at| at <= now)
    }

    /// Takes what is known of the running hour, and adds what went to each country.
    pub(super) fn hour(&mut self, now: Tick, mut record: HourRecord) {
        record.countries.clone_from(&self.sums);
        for (country, bytes) in self.expected.iter().flatten() {
            let one = record.countries.entry(*country).or_default();
            one.expected_bytes = Some(*bytes);
        }
        let is_large = record.rows() > ROWS_LARGE;
        self.look_at = Some(now.plus_seconds(match is_large {
            true => LOOK_SECONDS_LARGE,
            false => LOOK_SECONDS,
        }));
        if record.is_over {
            self.sums.clear();
            self.expected = None;
        }
        self.tell(Record::Hour(record));
    }

    /// Takes an alert, and how far feedback on it would reach.
    pub(super) fn alert(&self, alert: &Alert, known: Option<KnownIncident>) {
        // An alert is made of numbers and texts, which always can be written.
        let Ok(line) = serde_json::to_string(alert) else {
            return;
        };
        self.telemetry.feed().push(&line);
        if self.scribe.is_some() {
            let record = AlertRecord::new(alert, line, known);
            self.tell(Record::Alert(Box::new(record)));
        }
    }

    /// Takes something else.
    pub(super) fn tell(&self, record: Record) {
        if let Some(scribe) = &self.scribe {
            scribe.tell(record);
        }
    }

    /// Waits until everything is written. Says what was not.
    pub(super) fn finish(&mut self) -> Option<String> {
        drop(self.scribe.take()?);
        let feed = self.telemetry.feed();
        let dropped = feed.history_dropped();
        let error = feed.history_error().unwrap_or_default();
        (dropped > 0).then(|| format!("history: {dropped} records were not kept: {error}"))
    }
}

impl Scribe {
    fn tell(&self, record: Record) {
        let Some(tell) = &self.tell else {
            return;
        };
        let shared = &self.shared;
        let rows = rows(&record);
        if shared.is_waited_for {
            shared.rows.fetch_add(rows, Relaxed);
            if tell.send(record).is_err() {
                shared.lose(1, "its thread has ended".to_owned());
            }
            return;
        }
        let waiting = shared.rows.load(Relaxed);
        let fits = waiting == 0 || waiting + rows <= ROWS_WAITING_MAX;
        // The rows are counted first, or the thread might take them off before.
        shared.rows.fetch_add(rows, Relaxed);
        if !fits || tell.try_send(record).is_err() {
            shared.rows.fetch_sub(rows, Relaxed);
            shared.lose(1, "it is written too slowly".to_owned());
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Relaxed);
        drop(self.tell.take());
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lose(&self, records: usize, why: String) {
        let feed = self.telemetry.feed();
        feed.history_dropped.fetch_add(records as u64, Relaxed);
        feed.set_history_error(why);
    }

    /// Whether it is worth waiting for a disk that takes nothing.
    fn has_time(&self) -> bool {
        !self.is_waited_for && !self.is_ending.load(Relaxed)
    }
}

fn rows(record: &Record) -> usize {
    match record {
        Record::Hour(hour) => hour.rows(),
        Record::Meters(rows) => rows.len(),
        Record::Alert(_) | Record::Corridor(_) => 1,
    }
}

fn write_all(mut history: History, told: &Receiver<Record>, shared: &Shared) {
    while let Ok(first) = told.recv() {
        let mut batch = vec![first];
        batch.extend(told.try_iter().take(BATCH_MAX - 1));
        write(&mut history, &batch, shared);
        let rows: usize = batch.iter().map(rows).sum();
        shared.rows.fetch_sub(rows, Relaxed);
    }
}

/// Writes a batch, as often as it takes.
fn write(history: &mut History, batch: &[Record], shared: &Shared) {
    let feed = shared.telemetry.feed();
    let mut has_begun_anew = false;
    while let Err(error) = history.write(batch) {
        feed.history_failures.fetch_add(1, Relaxed);
        let said = match error.failure() {
            Failure::Damaged if !has_begun_anew => {
                has_begun_anew = true;
                match history.begin_anew(&error) {
                    Ok(note) => {
                        feed.set_history_error(note);
                        continue;
                    }
                    Err(error) => error.to_string(),
                }
            }
            Failure::Refused if batch.len() > 1 => {
                // One of them is at fault, and the others are not to be lost with it.
                batch.chunks(1).for_each(|one| write(history, one, shared));
                return;
            }
            Failure::Refused => return shared.lose(1, error.to_string()),
            Failure::Damaged | Failure::Unwritable => error.to_string(),
        };
        if !shared.has_time() {
            return shared.lose(batch.len(), said);
        }
        feed.set_history_error(said);
        let mut left = RETRY;
        while shared.has_time() && !left.is_zero() {
            thread::sleep(POLL);
            left = left.saturating_sub(POLL);
        }
    }
}
