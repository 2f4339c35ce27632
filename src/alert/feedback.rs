//! What people say of incidents, and what follows from it.
//!
//! Feedback is a log to which lines are added and in which what one says is never changed (who
//! said it is forgotten in time); taking something back is a line too. What stands follows from
//! the whole log alone, so that it is reversible and can be read by people. It reaches no further
//! than the asset and the country of its incident, no higher than what was seen there and a
//! margin, and no longer than it says: beyond that an alert is raised as ever.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::Tick;

/// Entries of a log that are read; a larger one has to be begun anew.
pub const ENTRIES_MAX: usize = 65_536;

/// Letters of a note.
pub const NOTE_LETTERS_MAX: usize = 500;

/// Letters of the name of who says something.
pub const NAME_LETTERS_MAX: usize = 64;

/// What a person says of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was harmless, this once.
    BenignOnce,
    /// It will come again, and is accepted up to what was seen.
    Expected,
    /// It is a leak, and never becomes normal.
    Malicious,
}

/// How much is sent within an hour, and within 24.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Bytes of an hour.
    pub hour_bytes: u64,
    /// Bytes of 24 hours.
    pub day_bytes: u64,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, larger than all before.
    pub number: u64,
    /// When it was said, RFC 3339.
    pub time: String,
    /// Who said it.
    pub by: String,
    /// What was said.
    pub act: Act,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a line of the log does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Says something of an incident.
    Give(Given),
    /// Takes back what the line of this number says.
    Undo(u64),
}

/// What is said of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// Name of the incident.
    pub incident: String,
    /// Its asset, as alerts write it.
    pub asset: String,
    /// Its country.
    pub jurisdiction: Country,
    /// What it is.
    pub verdict: Verdict,
    /// What is accepted, unless it is malicious.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
}

/// What is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Bytes of an hour, at most.
    pub hour_bytes: u64,
    /// Bytes of 24 hours, at most.
    pub day_bytes: u64,
    /// Until when, RFC 3339; packet time.
    pub until: String,
}

/// A verdict and the number of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The number.
    pub number: u64,
    /// The verdict.
    pub verdict: Verdict,
}

/// A level that people have accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Acceptance {
    number: u64,
    key: (AssetKey, Country),
    level: Level,
    until: Tick,
}

/// All that stands of a log.
#[derive(Clone, Debug, Default)]
pub struct Feedback {
    entries: Vec<Entry>,
    undone: BTreeSet<u64>,
    accepted: Vec<Acceptance>,
    malicious: BTreeSet<(AssetKey, Country)>,
    /// By the name of the incident.
    rulings: BTreeMap<String, Ruling>,
}

impl Level {
    /// Whether neither is passed.
    pub const fn covers(self, other: Self) -> bool {
        other.hour_bytes <= self.hour_bytes && other.day_bytes <= self.day_bytes
    }

    /// What is accepted where so much was seen: a quarter more of what is expected again; of
    /// what may still be running, as much more as would be told again. Nothing of a leak.
    pub fn accepted(self, verdict: Verdict, until: Tick) -> Option<Accepted> {
        let (times, of) = match verdict {
            Verdict::BenignOnce => (2, 1),
            Verdict::Expected => (5, 4),
            Verdict::Malicious => return None,
        };
        Some(Accepted {
            hour_bytes: (self.hour_bytes / of).saturating_mul(times),
            day_bytes: (self.day_bytes / of).saturating_mul(times),
            until: until.to_string(),
        })
    }
}

impl Feedback {
    /// Reads a log. What cannot be read is passed over, and told.
    pub fn read(log: &str) -> (Self, Vec<String>) {
        let (mut feedback, mut notes) = (Self::default(), Vec::new());
        for (line, text) in (1..).zip(log.lines()) {
            if feedback.entries.len() == ENTRIES_MAX {
                notes.push(format!(
                    "feedback: nothing is read from line {line} on: too many"
                ));
                break;
            }
            if let Err(error) = feedback.take(text)
                && notes.len() < NOTES_MAX
            {
                notes.push(format!("feedback: line {line} has no effect: {error}"));
            }
        }
        feedback.settle();
        (feedback, notes)
    }

    fn take(&mut self, text: &str) -> Result<(), String> {
        let entry: Entry = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if entry.number < self.next_number() {
            return Err(format!("number {} is not the next", entry.number));
        }
        if let Act::Give(given) = &entry.act {
            given.key()?;
            given.acceptance()?;
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Finds what stands: what was not taken back, of an incident the last.
    fn settle(&mut self) {
        let undone = self.entries.iter().filter_map(|entry| match entry.act {
            Act::Undo(number) => Some(number),
            Act::Give(_) => None,
        });
        self.undone = undone.collect();
        let mut latest = BTreeMap::new();
        for entry in &self.entries {
            if let Act::Give(given) = &entry.act
                && !self.undone.contains(&entry.number)
            {
                latest.insert(given.incident.clone(), (entry.number, given));
            }
        }
        for (incident, (number, given)) in latest {
            let (Ok(key), Ok(acceptance)) = (given.key(), given.acceptance()) else {
                continue;
            };
            let verdict = given.verdict;
            self.rulings.insert(incident, Ruling { number, verdict });
            match acceptance {
                None => {
                    self.malicious.insert(key);
                }
                Some((level, until)) => self.accepted.push(Acceptance {
                    number,
                    key,
                    level,
                    until,
                }),
            }
        }
        self.accepted.sort_by_key(|known| (known.key, known.number));
    }

    /// The lines that could be read.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of the next line.
    pub fn next_number(&self) -> u64 {
        self.entries.last().map_or(1, |last| last.number + 1)
    }

    /// Whether a line says something of an incident that was not taken back.
    pub fn stands(&self, number: u64) -> bool {
        let mut given = self.entries.iter();
        let is_given = |entry: &Entry| matches!(entry.act, Act::Give(_));
        given.any(|entry| entry.number == number && is_given(entry))
            && !self.undone.contains(&number)
    }

    /// Whether a line is what stands of its incident.
    pub fn is_latest(&self, entry: &Entry) -> bool {
        let Act::Give(given) = &entry.act else {
            return false;
        };
        let ruling = self.ruling(&given.incident);
        ruling.is_some_and(|ruling| ruling.number == entry.number)
    }

    /// What stands of an incident.
    pub fn ruling(&self, incident: &str) -> Option<Ruling> {
        self.rulings.get(incident).copied()
    }

    /// The number of the line by which so much from an asset to a country is accepted now.
    /// Nothing is where a leak of the two is known.
    pub fn accepts(&self, key: (AssetKey, Country), now: Tick, level: Level) -> Option<u64> {
        if self.is_malicious(key) {
            return None;
        }
        let from = self.accepted.partition_point(|known| known.key < key);
        let of_key = self.accepted.iter().skip(from);
        let mut of_key = of_key.take_while(|known| known.key == key);
        let known = of_key.find(|known| now < known.until && known.level.covers(level))?;
        Some(known.number)
    }

    /// Whether a leak from an asset to a country is known.
    pub fn is_malicious(&self, key: (AssetKey, Country)) -> bool {
        self.malicious.contains(&key)
    }

    /// The assets and countries of which something is accepted by lines beyond a number.
    pub fn accepted_since(&self, number: u64) -> Vec<(AssetKey, Country)> {
        let accepted = self.accepted.iter();
        let new = accepted.filter(|known| known.number > number);
        new.map(|known| known.key).collect()
    }
}

impl Entry {
    /// Whether nothing is accepted by it any more.
    pub fn has_ended(&self, now: Tick) -> bool {
        let Act::Give(given) = &self.act else {
            return true;
        };
        let acceptance = given.acceptance().ok().flatten();
        acceptance.is_some_and(|(_, until)| until <= now)
    }
}

impl Given {
    /// The asset and the country.
    pub fn key(&self) -> Result<(AssetKey, Country), String> {
        Ok((self.asset.parse()?, self.jurisdiction))
    }

    /// Up to where and until when it is accepted.
    fn acceptance(&self) -> Result<Option<(Level, Tick)>, String> {
        match (&self.accepted, self.verdict) {
            (None, Verdict::Malicious) => Ok(None),
            (Some(accepted), Verdict::BenignOnce | Verdict::Expected) => {
                let level = Level {
                    hour_bytes: accepted.hour_bytes,
                    day_bytes: accepted.day_bytes,
                };
                Ok(Some((level, accepted.until.parse()?)))
            }
            _ => Err(format!("`{}` does not go with it", self.verdict.name())),
        }
    }
}

impl Verdict {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BenignOnce => "benign-once",
            Self::Expected => "expected",
            Self::Malicious => "malicious",
        }
    }
}

/// Lines without effect that are told one by one.
const NOTES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> (AssetKey, Country) {
        let asset = AssetKey::of([10, 0, 0, number].into());
        (asset, "RU".parse().unwrap())
    }

    const fn level(hour_bytes: u64, day_bytes: u64) -> Level {
        Level {
            hour_bytes,
            day_bytes,
        }
    }

    fn line(number: u64, act: Act) -> String {
        let entry = Entry {
            number,
            time: "2026-04-01T00:00:00Z".to_owned(),
            by: "duty".to_owned(),
            act,
            note: None,
        };
        serde_json::to_string(&entry).unwrap() + "\n"
    }

    fn give(incident: &str, verdict: Verdict) -> Act {
        Act::Give(Given {
            incident: incident.to_owned(),
            asset: "10.0.0.1".to_owned(),
            jurisdiction: "RU".parse().unwrap(),
            verdict,
            accepted: level(100, 1_000).accepted(verdict, until()),
        })
    }

    const EXPECTED: Verdict = Verdict::Expected;

    fn until() -> Tick {
        "2026-07-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_is_expected_is_accepted_up_to_its_level_its_time_and_its_scope() {
        let (feedback, notes) = Feedback::read(&line(1, give("a", EXPECTED)));
        assert_eq!(notes, Vec::<String>::new());
        let now = Tick(until().0 - 1);
        let accepts = |key, now, of| feedback.accepts(key, now, of);
        assert_eq!(accepts(key(1), now, level(125, 1_250)), Some(1));
        assert_eq!(accepts(key(1), now, level(126, 1_000)), None);
        assert_eq!(accepts(key(1), now, level(100, 1_251)), None);
        assert_eq!(accepts(key(1), until(), level(1, 1)), None);
        assert_eq!(accepts(key(2), now, level(1, 1)), None);
        let elsewhere = (key(1).0, "SG".parse().unwrap());
        assert_eq!(accepts(elsewhere, now, level(1, 1)), None);
        assert_eq!(feedback.accepted_since(0), [key(1)]);
        assert_eq!(feedback.accepted_since(1), []);
    }

    #[test]
    fn a_line_takes_another_back_and_none_is_changed() {
        let log = line(1, give("a", EXPECTED)) + &line(2, Act::Undo(1));
        let (feedback, _) = Feedback::read(&log);
        assert_eq!(feedback.accepts(key(1), Tick(0), level(1, 1)), None);
        assert!(!feedback.stands(1) && !feedback.stands(2));
        assert_eq!((feedback.entries().len(), feedback.next_number()), (2, 3));
        let again = log + &line(3, give("a", EXPECTED));
        let (feedback, _) = Feedback::read(&again);
        assert_eq!(feedback.accepts(key(1), Tick(0), level(1, 1)), Some(3));
    }

    #[test]
    fn of_an_incident_the_last_word_stands_and_a_leak_outweighs_what_is_expected() {
        let log = line(1, give("a", EXPECTED)) + &line(2, give("a", Verdict::Malicious));
        let (feedback, _) = Feedback::read(&log);
        let ruling = feedback.ruling("a").unwrap();
        assert_eq!((ruling.number, ruling.verdict), (2, Verdict::Malicious));
        let (feedback, _) = Feedback::read(&(log + &line(3, give("b", EXPECTED))));
        assert!(feedback.is_malicious(key(1)));
        assert_eq!(feedback.accepts(key(1), Tick(0), level(1, 1)), None);
    }

    #[test]
    fn what_cannot_be_read_has_no_effect_and_is_told() {
        let torn = &line(2, give("b", EXPECTED))[..40];
        let foreign = line(3, give("c", EXPECTED)).replace("10.0.0.1", "Bob");
        let late = line(1, give("d", EXPECTED));
        let log = line(1, give("a", EXPECTED)) + torn + "\n" + &foreign + &late;
        let (feedback, notes) = Feedback::read(&log);
        assert_eq!((feedback.entries().len(), notes.len()), (1, 3));
        assert!(
            notes[0].starts_with("feedback: line 2 has no effect"),
            "{notes:?}"
        );
        assert!(notes[1].contains("`Bob` is no asset"), "{notes:?}");
    }
}
