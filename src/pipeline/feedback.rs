//! What people have said of incidents: the log of it in the folder of the state, and what the
//! analyst makes of it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::alert::{
    Act, Alert, ENTRIES_MAX, Entry, Event, Feedback, Given, KnownIncident, Level, QUIET_SECONDS,
    Verdict,
};
use crate::detect::Bytes;
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::store::StoreError;
use crate::time::{SECONDS_PER_DAY, Tick};

use super::live::wall_clock_tick;
use super::state::LearnedState;

/// The log of one folder. Lines are added to it, and what they say is never changed; who said it
/// is forgotten in time.
#[derive(Debug)]
pub struct FeedbackLog {
    path: PathBuf,
}

impl FeedbackLog {
    /// The log beside the state of a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("feedback.jsonl"),
        }
    }

    /// Reads what was said, and what could not be read as notes. No file says nothing.
    ///
    /// # Errors
    /// Where there is a file and it cannot be read at all.
    pub fn read(&self) -> Result<(Feedback, Vec<String>), StoreError> {
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Default::default()),
            file => {
                let mut file = file.map_err(self.failed("open"))?;
                Ok(Feedback::read(&self.text(&mut file)?))
            }
        }
    }

    /// Adds the line that `make` makes of what was said before, if it makes one. It is told
    /// the time of day.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is as long as it may be.
    pub fn add<E: From<StoreError>>(
        &self,
        make: impl FnOnce(&Feedback, Tick) -> Result<Entry, E>,
    ) -> Result<Entry, E> {
        // Two people at once get a number each.
        let mut file = self.locked()?;
        let text = self.text(&mut file)?;
        let (feedback, _) = Feedback::read(&text);
        if feedback.entries().len() >= ENTRIES_MAX {
            let full = io::Error::other("it is full; move it away to begin a new one");
            return Err(self.failed("add to")(full).into());
        }
        let entry = make(&feedback, wall_clock_tick())?;
        // What was torn off stays a line of its own.
        let is_torn = !text.is_empty() && !text.ends_with('\n');
        let mut line = if is_torn { "\n" } else { "" }.to_owned();
        let json = serde_json::to_string(&entry);
        line += &json.map_err(|error| StoreError::Encode(error.to_string()))?;
        line.push('\n');
        let written = file.write_all(line.as_bytes());
        let written = written.and_then(|()| file.sync_all());
        written.map_err(self.failed("add to"))?;
        Ok(entry)
    }

    /// Adds what somebody says of an incident, which is accepted up to a tick unless it is a
    /// leak.
    ///
    /// # Errors
    /// Those of [`Self::add`].
    pub fn give(
        &self,
        incident: &KnownIncident,
        verdict: Verdict,
        until: Tick,
        (by, note): (String, Option<String>),
    ) -> Result<Entry, StoreError> {
        let given = Given {
            incident: incident.name.clone(),
            asset: incident.asset.to_string(),
            jurisdiction: incident.country,
            verdict,
            accepted: incident.level.accepted(verdict, until),
        };
        self.add(|before, now| {
            Ok(Entry {
                number: before.next_number(),
                time: now.to_string(),
                by,
                act: Act::Give(given),
                note,
            })
        })
    }

    /// Forgets who said what was said before a moment, and why, and tells of how many lines.
    /// What they say of incidents stands, and so does what cannot be read. Where somebody has the
    /// file in use it is left for another time: a sensor does not wait for a person.
    ///
    /// # Errors
    /// Where the file cannot be read or written anew. Then it is as it was.
    pub fn forget_people(&self, before: Tick) -> Result<usize, StoreError> {
        let mut file = File::open(&self.path).map_err(self.failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(0),
            Err(TryLockError::Error(error)) => return Err(self.failed("lock")(error)),
        }
        if !self.is_current(&file)? {
            return Ok(0);
        }
        let text = self.text(&mut file)?;
        let lines: Vec<_> = text
            .lines()
            .map(|line| without_people(line, before))
            .collect();
        let forgotten = lines.iter().flatten().count();
        if forgotten == 0 {
            return Ok(0);
        }
        let mut anew = String::with_capacity(text.len());
        for (line, changed) in text.lines().zip(&lines) {
            anew += changed.as_deref().unwrap_or(line);
            anew.push('\n');
        }
        let temporary = self.path.with_extension("jsonl.tmp");
        // Never through a link that somebody left in the folder.
        let _ = fs::remove_file(&temporary);
        let replaced = write_like(&file, &temporary, anew.as_bytes())
            .and_then(|()| fs::rename(&temporary, &self.path))
            .inspect_err(|_| {
                let _ = fs::remove_file(&temporary);
            });
        replaced.map_err(self.failed("write anew"))?;
        let folder = self.path.parent().map_or(Ok(()), |folder| {
            File::open(folder).and_then(|folder| folder.sync_all())
        });
        folder.map_err(self.failed("sync the folder of"))?;
        Ok(forgotten)
    }

    /// Opens the file to add to it, and keeps others from that and from writing it anew for as
    /// long as it is open.
    fn locked(&self) -> Result<File, StoreError> {
        let mut options = File::options();
        let options = options.create(true).read(true).append(true);
        loop {
            let file = options.open(&self.path).map_err(self.failed("open"))?;
            file.lock().map_err(self.failed("lock"))?;
            if self.is_current(&file)? {
                return Ok(file);
            }
        }
    }

    /// Whether a file is still the log: it may have been written anew since it was opened.
    fn is_current(&self, file: &File) -> Result<bool, StoreError> {
        let own = file.metadata().map_err(self.failed("look at"))?;
        match fs::metadata(&self.path) {
            Ok(now) => Ok((now.dev(), now.ino()) == (own.dev(), own.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("look at")(error)),
        }
    }

    fn text(&self, file: &mut File) -> Result<String, StoreError> {
        let mut bytes = Vec::new();
        let read = file.take(LOG_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(self.failed("read"))?;
        if bytes.len() as u64 > LOG_BYTES_MAX {
            let long = io::Error::other("it is longer than 64 MiB");
            return Err(self.failed("read")(long));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> StoreError {
        let path = self.path.clone();
        move |source| StoreError::Io {
            path: path.clone(),
            action,
            source,
        }
    }
}

/// Whether a line that was said before a moment tells who said it, or why.
pub(super) fn names_people(entry: &Entry, before: Tick) -> bool {
    let is_later = entry.time.parse().is_ok_and(|said: Tick| said >= before);
    !is_later && (entry.by != FORGOTTEN || entry.note.is_some())
}

/// The line without who said it and why, if it was said before a moment and has them still.
fn without_people(line: &str, before: Tick) -> Option<String> {
    let mut entry: Entry = serde_json::from_str(line).ok()?;
    if !names_people(&entry, before) {
        return None;
    }
    (entry.by, entry.note) = (FORGOTTEN.to_owned(), None);
    serde_json::to_string(&entry).ok()
}

/// Writes a new file that those may use who may use another one.
fn write_like(other: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.set_permissions(other.metadata()?.permissions())?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Stands in place of the name of who said something.
const FORGOTTEN: &str = "forgotten";

/// Until when something is accepted unless it is said: what is expected for 90 days, and what
/// was benign once until it would have been closed by itself.
pub const fn accepted_until(verdict: Verdict, now: Tick) -> Tick {
    match verdict {
        Verdict::BenignOnce => now.plus_seconds(QUIET_SECONDS),
        Verdict::Expected | Verdict::Malicious => now.plus_seconds(EXPECTED_DAYS * SECONDS_PER_DAY),
    }
}

/// For how long what is expected is accepted, unless it is said.
const EXPECTED_DAYS: u64 = 90;

/// What stands of the log, and what it did in this run.
#[derive(Debug, Default)]
pub(super) struct Rulings {
    feedback: Feedback,
    /// Whether it is still to be applied to the incidents that are open.
    pub(super) is_new: bool,
    /// Findings that were not told, by the line that accepts them.
    silenced: BTreeMap<u64, u64>,
}

impl Rulings {
    pub(super) fn take(&mut self, feedback: Feedback) {
        (self.feedback, self.is_new) = (feedback, true);
    }

    /// What was said after the line that was applied last.
    pub(super) fn since(&self, applied: u64) -> impl Iterator<Item = &Entry> {
        let entries = self.feedback.entries().iter();
        entries.filter(move |entry| entry.number > applied)
    }

    /// Looks at what opened: something may have been said of it in an earlier run.
    pub(super) fn look_at(&mut self, alerts: &[Alert]) {
        let mut opened = alerts.iter().filter(|alert| alert.event == Event::Open);
        self.is_new |= opened.any(|alert| self.feedback.ruling(&alert.incident).is_some());
    }

    /// Applies what is new to what is open and to the running day. Returns the lines to write.
    pub(super) fn apply(&mut self, learned: &mut LearnedState, now: Tick) -> Vec<Alert> {
        self.is_new = false;
        let feedback = &self.feedback;
        for key in feedback.accepted_since(learned.feedback_applied) {
            if !feedback.is_malicious(key) {
                learned.baseline.mark_accepted(key.0, key.1);
            }
        }
        let last = feedback.next_number() - 1;
        learned.feedback_applied = learned.feedback_applied.max(last);
        let incidents = &mut learned.incidents;
        incidents.rule(now, |incident| feedback.ruling(incident))
    }

    /// Whether what is about to be told of an asset and a country is accepted. Then it is not
    /// told, and may become the norm. Ceilings are not asked about: feedback moves none.
    pub(super) fn accept(
        &mut self,
        learned: &mut LearnedState,
        now: Tick,
        key: (AssetKey, Country),
    ) -> bool {
        if learned.incidents.is_open_beyond_ceiling(key.0, key.1) {
            return false;
        }
        let hour = learned.clock.hour.unwrap_or(0);
        let seen = learned.baseline.seen_hours(key.0, key.1, hour);
        let level = Level {
            hour_bytes: seen[23],
            day_bytes: seen.into_iter().fold(0, u64::saturating_add),
        };
        let Some(number) = self.feedback.accepts(key, now, level) else {
            return false;
        };
        *self.silenced.entry(number).or_default() += 1;
        learned.baseline.mark_accepted(key.0, key.1);
        true
    }

    /// Sees to it that what is known to be a leak never becomes the norm.
    pub(super) fn condemn(&self, learned: &mut LearnedState, key: (AssetKey, Country)) {
        if self.feedback.is_malicious(key) {
            learned.baseline.mark_malicious(key.0, key.1);
        }
    }

    /// What stands at `now` and what it did, for the summary.
    pub(super) fn notes(&self, now: Tick) -> Vec<String> {
        let entries = self.feedback.entries().iter();
        let is_in_force = |entry: &&Entry| {
            let acted = self.silenced.contains_key(&entry.number);
            self.feedback.is_latest(entry) && (acted || !entry.has_ended(now))
        };
        let standing = entries.filter(is_in_force);
        let mut notes: Vec<_> = standing
            .clone()
            .take(NOTES_MAX)
            .map(|e| self.note(e))
            .collect();
        let more = standing.count().saturating_sub(NOTES_MAX);
        if more > 0 {
            notes.push(format!("{more} more lines of feedback stand"));
        }
        notes
    }

    fn note(&self, entry: &Entry) -> String {
        let number = entry.number;
        let Act::Give(given) = &entry.act else {
            return String::new();
        };
        let what = format!(
            "feedback {number} ({}): what {} sends to {}",
            given.verdict.name(),
            given.asset,
            given.jurisdiction
        );
        match &given.accepted {
            None => format!("{what} never becomes normal"),
            Some(accepted) => format!(
                "{what} is accepted up to {} an hour and {} a day until {}; {} findings were not \
                 told",
                Bytes(accepted.hour_bytes),
                Bytes(accepted.day_bytes),
                accepted.until,
                self.silenced.get(&number).copied().unwrap_or(0),
            ),
        }
    }
}

/// The longest log that is read.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// Lines that are told of in a summary.
const NOTES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(number: u64) -> impl FnOnce(&Feedback, Tick) -> Result<Entry, StoreError> {
        move |before, _| {
            Ok(Entry {
                number: before.next_number(),
                time: "2026-04-01T00:00:00Z".to_owned(),
                by: "duty".to_owned(),
                act: Act::Undo(number),
                note: None,
            })
        }
    }

    #[test]
    fn lines_are_added_behind_whatever_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let log = FeedbackLog::in_folder(folder.path());
        assert!(log.read().unwrap().0.entries().is_empty());
        assert_eq!(log.add(undo(7)).unwrap().number, 1);
        let path = folder.path().join("feedback.jsonl");
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{{\"numb")).unwrap();
        assert_eq!(log.add(undo(8)).unwrap().number, 2);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with(&whole) && text.lines().count() == 3,
            "{text}"
        );
        let (feedback, notes) = log.read().unwrap();
        assert_eq!((feedback.entries().len(), notes.len()), (2, 1));
    }

    #[test]
    fn people_are_forgotten_and_what_they_said_stands() {
        let folder = tempfile::tempdir().unwrap();
        let log = FeedbackLog::in_folder(folder.path());
        let path = folder.path().join("feedback.jsonl");
        let line = |number: u64, day: u8| {
            format!(r#"{{"number":{number},"time":"2026-04-{day:02}T00:00:00Z","by":"duty","#,)
                + r#""act":{"give":{"incident":"a","asset":"192.0.2.1","jurisdiction":"SG","#
                + r#""verdict":"malicious"}},"note":"called Kim"}"#
        };
        let torn = "{\"numb";
        let text = [&line(1, 1), torn, &line(2, 2), &line(3, 3)].map(|line| format!("{line}\n"));
        fs::write(&path, text.concat()).unwrap();
        let before = "2026-04-03T00:00:00Z".parse().unwrap();
        let person = log.locked().unwrap();
        assert_eq!(log.forget_people(before).unwrap(), 0, "nobody waits");
        drop(person);
        assert_eq!(log.forget_people(before).unwrap(), 2);
        let now = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = now.lines().collect();
        assert_eq!((lines.len(), lines[1]), (4, torn));
        assert_eq!(lines[3], line(3, 3), "not yet");
        assert_eq!(
            (now.matches("Kim").count(), now.matches("duty").count()),
            (1, 1)
        );
        let (feedback, _) = log.read().unwrap();
        assert_eq!(feedback.entries()[0].by, FORGOTTEN);
        assert_eq!(feedback.ruling("a").unwrap().number, 3);
        assert_eq!(log.forget_people(before).unwrap(), 0, "once");
        assert_eq!(
            log.add(undo(7)).unwrap().number,
            4,
            "lines are added to the new file"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// Somebody adds while another writes anew: both are in the file in the end.
    #[test]
    fn nothing_is_lost_that_is_said_while_people_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let log = FeedbackLog::in_folder(folder.path());
        log.add(undo(1)).unwrap();
        std::thread::scope(|scope| {
            let add = || (0..100).for_each(|number| drop(log.add(undo(number)).unwrap()));
            scope.spawn(add);
            scope.spawn(add);
            for _ in 0..100 {
                log.forget_people(Tick(u64::MAX)).unwrap();
            }
        });
        let (feedback, notes) = log.read().unwrap();
        assert_eq!((feedback.entries().len(), notes), (201, vec![]));
    }

    #[test]
    fn a_log_that_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("feedback.jsonl")).unwrap();
        assert!(FeedbackLog::in_folder(folder.path()).read().is_err());
    }
}
