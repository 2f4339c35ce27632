//! What of a run goes into the ledger.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::alert::{Act, Alert, Entry};
use crate::baseline::Labels;
use crate::config::Config;
use crate::geo::DatabaseInfo;
use crate::ledger::{Body, Head, Key, Kind, Ledger, LedgerError, Opened};
use crate::policy::{DayClosed, MeterRow, Policy};
use crate::privacy::Veil;
use crate::sink::{DayRow, VerdictLine};
use crate::time::{Tick, Timestamp};

/// Writes entries to a ledger.
///
/// A disk that takes nothing does not stop a sensor: what waits is written later, and what was
/// lost is counted. A replay asks in the end whether all of it is there.
#[derive(Debug)]
pub struct Recorder {
    ledger: Ledger,
    /// What is written before everything else.
    heading: Vec<(Kind, Value)>,
    /// Entries that wait for a commit.
    waiting: u64,
    commits_at_once: bool,
    /// Why an entry was lost.
    failed: Option<LedgerError>,
    /// Why the last commit failed, if it did: what it was about waits, and is not lost.
    delayed: Option<LedgerError>,
    /// How often something was not.
    pub(super) failures: u64,
    /// Heads that are on the disk and were not taken yet.
    heads: Vec<Head>,
    /// What was found and mended when the ledger was opened.
    pub(super) notes: Vec<String>,
    /// What hides addresses in all that is not hidden when it comes here.
    pub(super) veil: Arc<Veil>,
    /// What databases had moved when that was last written.
    relabelled: Value,
    /// A day, and how many assets turned out to be one with another in it.
    joined: (u64, u32),
}

/// When entries are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// At the end of each second of packet time that had any.
    AtOnce,
    /// When many wait, and at the end.
    Seldom,
}

/// Entries that wait for a commit in a replay.
const WAITING_MAX: u64 = 4_096;

/// Rows of a day in one entry, so that it stays below the bound of a body.
const ROWS_PER_ENTRY: usize = 64;

/// Pairs of countries that are listed of what databases have moved.
const RELABELLED_LISTED_MAX: usize = 100;

/// Entries of a day that say that two assets are one; the metric counts all.
const JOINED_PER_DAY_MAX: u32 = 1_000;

const HOURS_PER_DAY: u64 = 24;

/// Approvals that are listed.
const APPROVALS_LISTED_MAX: usize = 100;

impl Recorder {
    /// Opens a ledger, and prepares what its next part begins with: what is read, by what
    /// configuration, databases and packs.
    ///
    /// # Errors
    /// Where the ledger cannot be opened; see [`Ledger::open`].
    pub fn open(
        folder: &Path,
        key: Key,
        commits: Commits,
        heading: &Heading<'_>,
    ) -> Result<Self, LedgerError> {
        let Opened { ledger, notes, .. } = Ledger::open(folder, key)?;
        Ok(Self {
            ledger,
            heading: heading.entries(),
            waiting: 0,
            commits_at_once: commits == Commits::AtOnce,
            failed: None,
            delayed: None,
            failures: 0,
            heads: Vec::new(),
            notes,
            veil: Arc::default(),
            relabelled: Value::Null,
            joined: (0, 0),
        })
    }

    /// Begins a run with its first tick.
    pub(super) fn begin(&mut self, tick: Tick) {
        for (kind, mut body) in std::mem::take(&mut self.heading) {
            self.veil.value(&mut body);
            self.write(tick.start(), kind, &body);
        }
    }

    /// Writes with the next tick what has changed.
    pub(super) fn renew(&mut self, entries: Vec<(Kind, Value)>) {
        self.heading.extend(entries);
    }

    /// Writes an alert as it is told.
    pub(super) fn alert(&mut self, alert: &Alert) {
        let time = alert.time.parse().map_or(Timestamp::ZERO, Tick::start);
        self.write(time, Kind::Alert, alert);
    }

    /// Writes what a pack says, as it is told.
    pub(super) fn judgement(&mut self, tick: Tick, line: &VerdictLine) {
        self.write(tick.end(), Kind::Verdict, line);
    }

    /// Writes what a person has said of an incident, with how far it reaches. Who said it, and
    /// the note, are in the log of feedback and nowhere else.
    pub(super) fn feedback(&mut self, tick: Tick, entry: &Entry, asset: Option<String>) {
        let mut body = match &entry.act {
            Act::Undo(number) => json!({ "number": entry.number, "takes_back": number }),
            Act::Give(given) => json!({
                "number": entry.number,
                "verdict": given.verdict,
                "incident": given.incident,
                "asset": asset,
                "jurisdiction": given.jurisdiction,
                "accepted": given.accepted,
            }),
        };
        self.veil.value(&mut body);
        self.write(tick.end(), Kind::Feedback, &body);
    }

    /// Writes that two keys are of one asset, so often a day.
    pub(super) fn joined(&mut self, tick: Tick, mut body: Value) {
        let day = tick.hour() / HOURS_PER_DAY;
        if self.joined.0 != day {
            self.joined = (day, 0);
        }
        self.joined.1 += 1;
        if self.joined.1 <= JOINED_PER_DAY_MAX {
            self.veil.value(&mut body);
            self.write(tick.end(), Kind::Register, &body);
        }
    }

    /// Writes what databases have moved from one country to another, if that is another thing
    /// than when it was last written.
    pub(super) fn relabelled(&mut self, tick: Tick, labels: &Labels) {
        let changes = labels.changes();
        let rows = changes.iter().take(RELABELLED_LISTED_MAX);
        let rows = rows.map(|((from, to), change)| {
            let (networks, bytes) = (change.networks, change.bytes);
            json!({ "from": from, "to": to, "networks": networks, "bytes": bytes })
        });
        let body = json!({
            "database": "country",
            "relabelled": changes.len(),
            "relabelled_listed": rows.collect::<Vec<_>>(),
        });
        if !changes.is_empty() && self.relabelled != body {
            self.write(tick.end(), Kind::Database, &body);
            self.relabelled = body;
        }
    }

    /// Writes what a day had, in as many entries as it takes.
    pub(super) fn day(&mut self, tick: Tick, time_zone: &str, closed: &DayClosed) {
        let parts = closed.rows.len().div_ceil(ROWS_PER_ENTRY).max(1);
        for part in 0..parts {
            let rows = closed.rows.iter().skip(part * ROWS_PER_ENTRY);
            let rows = rows.take(ROWS_PER_ENTRY);
            let rows: Vec<_> = rows
                .map(|(key, one)| DayRow::new(key, one, &self.veil))
                .collect();
            let body = json!({
                "day": closed.date,
                "time_zone": time_zone,
                "part": part + 1,
                "parts": parts,
                "rows": rows,
            });
            self.write(tick.end(), Kind::Totals, &body);
        }
    }

    /// Writes what meters show.
    pub(super) fn meters(&mut self, tick: Tick, rows: &[MeterRow]) {
        for row in rows {
            let mut body = json!({
                "day": row.day,
                "pack": row.pack,
                "entity": row.entity,
                "category": row.category,
                "window": row.window,
                "subjects": row.lower.persons,
                "is_exact": row.lower.is_exact,
                "unseen_share": row.lower.unseen_share,
                "bytes": row.bytes,
                "records": row.records,
                "estimated_records": row.estimated_records,
            });
            self.veil.value(&mut body);
            self.write(tick.end(), Kind::Meter, &body);
        }
    }

    /// Writes how well the sensor could see on a day, or in a run.
    pub(super) fn sensor(&mut self, tick: Tick, body: &Value) {
        self.write(tick.end(), Kind::Sensor, body);
    }

    /// Passes on to a tick: signs a head that is due, and commits.
    pub(super) fn advance(&mut self, tick: Tick) {
        self.ledger.advance(tick.start());
        let waits = match self.commits_at_once {
            true => 1,
            false => WAITING_MAX,
        };
        if self.waiting >= waits {
            self.commit();
        }
    }

    /// Ends a run, of which it is written how well the sensor could see.
    ///
    /// # Errors
    /// Where not all entries are on the disk, or some were not taken.
    pub(super) fn stop(
        &mut self,
        tick: Tick,
        seen: &Value,
        reason: &str,
    ) -> Result<(), LedgerError> {
        // An input without a packet has begun, too.
        self.begin(tick);
        self.sensor(tick, seen);
        self.write(tick.end(), Kind::Stop, &json!({ "reason": reason }));
        self.commit();
        let failed = self.failed.take().or(self.delayed.take());
        failed.map_or(Ok(()), Err)
    }

    /// Entries and signed heads, and entries that wait for the disk.
    pub(super) const fn sizes(&self) -> [u64; 3] {
        let (all, kept) = (self.ledger.size(), self.ledger.acknowledged());
        [all, self.ledger.heads(), all.saturating_sub(kept)]
    }

    fn write(&mut self, time: Timestamp, kind: Kind, body: &impl Serialize) {
        let written = Body::of(body).map_err(LedgerError::from);
        let written = written.and_then(|body| self.ledger.append(time, kind, &body));
        match written {
            Ok(_) => self.waiting += 1,
            Err(error) => self.fail(error),
        }
    }

    fn commit(&mut self) {
        match self.ledger.commit() {
            Ok(committed) => {
                self.waiting = 0;
                self.delayed = None;
                self.heads.extend(committed.heads);
                let surplus = self.heads.len().saturating_sub(HEADS_MAX);
                self.heads.drain(..surplus);
                self.notes.extend(committed.notes);
                self.notes.truncate(NOTES_MAX);
            }
            Err(error) => {
                self.failures += 1;
                self.delayed = Some(error);
            }
        }
    }

    /// Heads that were signed and written since this was asked last.
    pub(super) fn take_heads(&mut self) -> Vec<Head> {
        std::mem::take(&mut self.heads)
    }

    fn fail(&mut self, error: LedgerError) {
        self.failures += 1;
        self.failed = Some(error);
    }
}

/// Heads that are kept until they are taken. Each of them speaks for those before it.
const HEADS_MAX: usize = 1_000;

/// Notes that are kept.
const NOTES_MAX: usize = 20;

/// What a run is made of, for the first entries of it.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// Files or interfaces.
    pub inputs: &'a [String],
    /// The settings.
    pub config: &'a Config,
    /// The databases in use.
    pub databases: &'a [DatabaseInfo],
    /// By what exports are judged.
    pub policy: &'a Policy,
}

impl Heading<'_> {
    fn entries(&self) -> Vec<(Kind, Value)> {
        let config = self.config_entry();
        let mut start = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "inputs": self.inputs,
        });
        if let (Some(start), Value::Object(config)) = (start.as_object_mut(), config) {
            start.extend(config);
        }
        self.followed_by_parts((Kind::Start, start))
    }

    /// The same of settings that take the place of others.
    pub(super) fn entries_of_change(&self) -> Vec<(Kind, Value)> {
        self.followed_by_parts((Kind::Config, self.config_entry()))
    }

    fn config_entry(&self) -> Value {
        let site = &self.config.site;
        let jurisdictions = site.jurisdictions.0.iter();
        let jurisdictions: Vec<_> = jurisdictions.map(|one| one.code().to_owned()).collect();
        json!({
            "config_sha256": self.config.sha256,
            "networks": site.networks,
            "jurisdictions": jurisdictions,
            "time_zone": site.time_zone,
        })
    }

    fn followed_by_parts(&self, first: (Kind, Value)) -> Vec<(Kind, Value)> {
        let databases = self.databases.iter().map(|database| {
            let body = json!({
                "database": database.role.name(),
                "name": database.source,
                "type": database.database_type,
                "built": database.built.to_string(),
                "sha256": database.sha256,
            });
            (Kind::Database, body)
        });
        let packs = self.policy.packs().iter().map(|pack| {
            let body = json!({
                "id": pack.id,
                "version": pack.version.to_string(),
                "status": pack.status,
                "title": pack.title,
                "sha256": pack.sha256,
            });
            (Kind::Pack, body)
        });
        let entries = std::iter::once(first);
        let entries = entries.chain(databases).chain(packs);
        entries.chain(self.register()).collect()
    }

    /// Assets and approvals, where there are any.
    fn register(&self) -> Option<(Kind, Value)> {
        let approvals = self.policy.register().approvals();
        let assets = &self.config.asset.known;
        if approvals.is_empty() && assets.is_empty() {
            return None;
        }
        let listed = approvals.iter().take(APPROVALS_LISTED_MAX).map(approval);
        let body = json!({
            "assets": assets.len(),
            "approvals": approvals.len(),
            "approvals_listed": listed.collect::<Vec<_>>(),
        });
        Some((Kind::Register, body))
    }
}

fn approval(approval: &crate::policy::Approval) -> Value {
    let terms = &approval.terms;
    let text = |term: &crate::inventory::Term| term.to_string();
    let assets = terms.assets.iter().map(|name| name.as_str().to_owned());
    let recipients = approval.recipients.iter().take(RECIPIENTS_LISTED_MAX);
    let recipients = recipients.map(|one| {
        json!({
            "name": one.name.as_ref().map(text),
            "domain": one.domain.as_ref().map(ToString::to_string),
            "prefix": one.prefix.map(|prefix| prefix.to_string()),
            "asn": one.asn,
            "country": one.country,
        })
    });
    json!({
        "id": approval.id.to_string(),
        "regime": terms.regime.as_str(),
        "route": terms.route,
        "filing_number": terms.filing_number.as_ref().map(text),
        "organisation": terms.organisation.as_ref().map(text),
        "assets": assets.take(ASSETS_LISTED_MAX).collect::<Vec<_>>(),
        "recipients": recipients.collect::<Vec<_>>(),
        "categories": terms.categories,
        "maximum_subjects": terms.maximum_subjects,
        "maximum_bytes": terms.maximum_bytes,
        "period": terms.period.map(|period| period.name()),
        "valid_from": terms.valid_from.to_string(),
        "valid_to": terms.valid_to.to_string(),
        "required_protection": terms.protection.map(|required| required.name()),
    })
}

/// Recipients and assets of an approval that are listed.
const RECIPIENTS_LISTED_MAX: usize = 4;
const ASSETS_LISTED_MAX: usize = 4;
