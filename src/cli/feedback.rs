//! `borderflow feedback`: what a person says of an incident.

use std::fmt::Write as _;
use std::path::Path;

use crate::alert::{Act, Entry, Feedback, NAME_LETTERS_MAX, NOTE_LETTERS_MAX, Verdict};
use crate::detect::Bytes;
use crate::pipeline::{self, FeedbackLog, PipelineError, accepted_until};
use crate::privacy::PseudonymKey;
use crate::time::{SECONDS_PER_DAY, Tick};

use super::arguments::{FeedbackAction, FeedbackArguments};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(
    arguments: &FeedbackArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let text = match &arguments.action {
        Some(FeedbackAction::List { state }) => list(&log(state)?, terminal)?,
        Some(FeedbackAction::Undo { number, state, by }) => {
            undo(&log(state)?, *number, &name(by.as_deref())?)?
        }
        None => give(arguments, terminal)?,
    };
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

/// The log of a folder that is there: a folder that is made by a slip of the pen would take
/// what nobody reads.
fn log(folder: &Path) -> Result<FeedbackLog, CommandError> {
    if folder.is_dir() {
        return Ok(FeedbackLog::in_folder(folder));
    }
    let why = format!("{}: no such folder of a sensor's state", folder.display());
    Err(CommandError::Usage(why))
}

fn give(arguments: &FeedbackArguments, terminal: &Terminal) -> Result<String, CommandError> {
    let usage = |why: String| CommandError::Usage(why);
    let (Some(incident), Some(verdict), Some(folder)) =
        (&arguments.incident, arguments.verdict, &arguments.state)
    else {
        return Err(usage("name an incident, a verdict and --state".to_owned()));
    };
    let verdict = Verdict::from(verdict);
    let log = log(folder)?;
    let by = name(arguments.by.as_deref())?;
    let note = arguments.note.clone();
    if note
        .iter()
        .any(|note| note.chars().count() > NOTE_LETTERS_MAX)
    {
        let why = format!("--note: at most {NOTE_LETTERS_MAX} letters");
        return Err(usage(why));
    }
    let incident = plain_name(incident, arguments.key.as_deref())?;
    let (saved, notes) = pipeline::saved_incident(folder, &incident)?;
    notes.iter().for_each(|note| terminal.complain(note));
    let saved = saved.ok_or_else(|| {
        usage(format!(
            "{}: no incident {incident}. Incidents are named in alerts.jsonl, with pseudonyms \
             where there is a key of them (--key); a running sensor saves them at the end of \
             each hour",
            folder.display()
        ))
    })?;
    let until = until(arguments.until.as_deref(), verdict, saved.tick)?;
    let entry = log.give(&saved.incident, verdict, until, (by, note))?;
    Ok(format!(
        "{}Applied when the sensor starts, and at the end of its running hour.\n",
        line(&entry, "")
    ))
}

/// The name that an incident has inside: where alerts are told with pseudonyms, another one.
fn plain_name(told: &str, key: Option<&Path>) -> Result<String, CommandError> {
    let key = key.map(PseudonymKey::read).transpose();
    let key = key.map_err(PipelineError::from)?;
    let plain = key.and_then(|key| key.incident(told));
    Ok(plain.unwrap_or_else(|| told.to_owned()))
}

/// Until when something is accepted: to the end of a day that is named, else as it is usual.
fn until(date: Option<&str>, verdict: Verdict, now: Tick) -> Result<Tick, CommandError> {
    match (verdict, date) {
        (_, None) => Ok(accepted_until(verdict, now)),
        (Verdict::Expected, Some(date)) => {
            let day: Result<Tick, _> = format!("{date}T00:00:00Z").parse();
            let day = day.map_err(|_| {
                let why = format!("--until {date}: no date such as 2026-12-31");
                CommandError::Usage(why)
            })?;
            let end = day.plus_seconds(SECONDS_PER_DAY);
            if end <= now {
                let why = format!("--until {date}: the sensor has passed that day, it is {now}");
                return Err(CommandError::Usage(why));
            }
            Ok(end)
        }
        (_, Some(_)) => {
            let why = "--until goes with what is expected";
            Err(CommandError::Usage(why.to_owned()))
        }
    }
}

fn undo(log: &FeedbackLog, number: u64, by: &str) -> Result<String, CommandError> {
    let entry = log.add(|before, now| {
        if !before.stands(number) {
            let why = format!("there is no feedback {number} that could be taken back");
            return Err(CommandError::Usage(why));
        }
        Ok(entry((before, now), by.to_owned(), Act::Undo(number), None))
    })?;
    Ok(line(&entry, ""))
}

fn entry((before, now): (&Feedback, Tick), by: String, act: Act, note: Option<String>) -> Entry {
    Entry {
        number: before.next_number(),
        time: now.to_string(),
        by,
        act,
        note,
    }
}

fn list(log: &FeedbackLog, terminal: &Terminal) -> Result<String, CommandError> {
    let (feedback, notes) = log.read()?;
    notes.iter().for_each(|note| terminal.complain(note));
    if feedback.entries().is_empty() {
        return Ok("No feedback was given.\n".to_owned());
    }
    let lines = feedback.entries().iter().map(|entry| {
        let state = match &entry.act {
            Act::Give(_) if feedback.is_latest(entry) => "",
            Act::Give(_) if feedback.stands(entry.number) => ", followed by another",
            Act::Give(_) => ", taken back",
            Act::Undo(_) => "",
        };
        line(entry, state)
    });
    Ok(lines.collect())
}

/// A line of the log for a person.
fn line(entry: &Entry, state: &str) -> String {
    let mut text = format!("{}  {}  {}  ", entry.number, entry.time, entry.by);
    match &entry.act {
        Act::Undo(number) => {
            let _ = write!(text, "takes back {number}");
        }
        Act::Give(given) => {
            let _ = write!(text, "{} is {}", given.incident, given.verdict.name());
            if let Some(accepted) = &given.accepted {
                let _ = write!(
                    text,
                    ", up to {} an hour and {} a day until {}",
                    Bytes(accepted.hour_bytes),
                    Bytes(accepted.day_bytes),
                    accepted.until
                );
            }
        }
    }
    text += state;
    if let Some(note) = &entry.note {
        let _ = write!(text, ": {note}");
    }
    text + "\n"
}

/// Who says it: as told, else the name of the account.
fn name(told: Option<&str>) -> Result<String, CommandError> {
    let account = || {
        ["LOGNAME", "USER"]
            .into_iter()
            .find_map(|key| std::env::var(key).ok())
    };
    let name = told.map(str::to_owned).or_else(account);
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    if name.is_empty() || name.chars().count() > NAME_LETTERS_MAX {
        let why = format!("--by: 1 to {NAME_LETTERS_MAX} letters");
        return Err(CommandError::Usage(why));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_ends() {
        let now = Tick(1_000_000);
        let end = |date, verdict| until(date, verdict, now).ok().map(|tick| tick.0);
        assert_eq!(end(None, Verdict::BenignOnce), Some(1_086_400));
        assert_eq!(end(None, Verdict::Expected), Some(1_000_000 + 90 * 86_400));
        let day = Some("1970-02-01");
        assert_eq!(end(day, Verdict::Expected), Some(32 * 86_400));
        assert_eq!(end(day, Verdict::Malicious), None);
        assert_eq!(end(Some("soon"), Verdict::Expected), None);
        assert_eq!(
            end(Some("1970-01-10"), Verdict::Expected),
            None,
            "it is over"
        );
    }

    #[test]
    fn names_are_short() {
        assert_eq!(name(Some("duty desk")).unwrap(), "duty desk");
        assert!(name(Some("")).is_err());
        assert!(name(Some(&"x".repeat(65))).is_err());
    }
}
