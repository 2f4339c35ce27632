//! Takes the entries of a ledger in order, and keeps sums.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::clean;
use super::common::Context;
use super::flows::{Flow, Flows, Key};
use super::incidents::Incidents;
use super::model::Report;
use super::number;
use super::read::Body;
use super::state::{Counters, Day, NOTES_MAX, Place, States};
use super::verdicts::{Judgements, Meters};
use super::{Head, Kind, Request};
use crate::time::{Tick, Timestamp};

/// Days of a window that are told apart: ten years, which 28 CFR 202.1101 asks to keep, and some.
pub(super) const DAYS_MAX: usize = 3_700;

/// Entries of which the index is kept; later ones are only counted.
pub(super) const USED_MAX: usize = 100_000;

/// Time zones of a ledger that are told.
const ZONES_MAX: usize = 8;

/// The zone of a ledger that names none.
const ZONE_DEFAULT: &str = "UTC";

/// Reads a ledger for a report.
#[derive(Debug)]
pub struct Gatherer {
    request: Request,
    facts: Facts,
    zone: TimeZone,
    /// The first day that the report looks back to, which may lie before its window.
    since: Date,
    /// Entries on how the sensor stood, until they are forgotten with it.
    used_states: Vec<Used>,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) zone_name: String,
    pub(super) zones: BTreeSet<String>,
    /// Names of zones that nobody knows.
    pub(super) unknown_zones: BTreeSet<String>,
    pub(super) entries: u64,
    pub(super) unknown_entries: u64,
    pub(super) used: Vec<Used>,
    pub(super) used_left_over: u64,
    pub(super) states: States,
    pub(super) days: BTreeMap<Date, Day>,
    pub(super) days_left_over: u64,
    pub(super) flows: Flows,
    /// The twelve months that end with the window, where a report asks for them.
    pub(super) year_flows: Flows,
    pub(super) judgements: Judgements,
    pub(super) meters: Meters,
    pub(super) incidents: Incidents,
    pub(super) notes: Vec<(Tick, String)>,
    pub(super) notes_left_over: u64,
}

/// An entry that a report rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) place: Place,
    pub(super) kind: &'static str,
}

/// Kinds of entries that are read.
const KINDS: [&str; 11] = [
    "start", "pack", "database", "register", "alert", "verdict", "totals", "sensor", "meter",
    "note", "stop",
];

/// Those that say how the sensor stood, for the time that follows them.
const STATE_KINDS: [&str; 5] = ["start", "pack", "database", "register", "stop"];

impl Gatherer {
    /// Begins a report.
    pub fn new(request: Request) -> Self {
        let mut request = request;
        request.entity = request.entity.as_deref().map(clean::name);
        request.incident = request.incident.as_deref().map(clean::name);
        let year = request.to.saturating_sub(12.months());
        let year = year.saturating_add(1.days());
        let since = match request.kind {
            Kind::UsLog => year.min(request.from),
            _ => request.from,
        };
        let facts = Facts {
            zone_name: ZONE_DEFAULT.to_owned(),
            ..Facts::default()
        };
        Self {
            request,
            facts,
            zone: TimeZone::UTC,
            since,
            used_states: Vec::new(),
        }
    }

    /// Takes the next entry of the ledger: its index, packet time, kind and body. Entries of
    /// other days and of unknown kinds are passed over.
    pub fn take(&mut self, index: u64, time: Timestamp, kind: &str, body: &Value) {
        self.facts.entries = self.facts.entries.saturating_add(1);
        let Some(kind) = KINDS.into_iter().find(|known| *known == kind) else {
            self.facts.unknown_entries = self.facts.unknown_entries.saturating_add(1);
            return;
        };
        let body = Body(body);
        let time = time.tick();
        let place = Place { index, time };
        if kind == "start" {
            self.turn_to_zone(&body.name("time_zone"));
        }
        let day = number::day(time, &self.zone);
        let day = match kind {
            "totals" | "sensor" | "meter" => body.day("day").unwrap_or(day),
            _ => day,
        };
        let is_used = match STATE_KINDS.contains(&kind) {
            true => self.take_state(kind, body, place, day),
            false => self.take_event(kind, body, place, day),
        };
        if !is_used {
            return;
        }
        if self.facts.used.len() + self.used_states.len() >= USED_MAX {
            self.facts.used_left_over = self.facts.used_left_over.saturating_add(1);
            return;
        }
        match STATE_KINDS.contains(&kind) {
            true => self.used_states.push(Used { place, kind }),
            false => self.facts.used.push(Used { place, kind }),
        }
    }

    /// Makes the report. `head` is the ledger's, and says which entries are under it.
    pub fn finish(mut self, head: Option<Head>) -> Report {
        if let Some(entity) = self.request.entity.clone() {
            let keys = self.facts.flows.iter().map(|(key, _)| key);
            let keys = keys.chain(self.facts.year_flows.iter().map(|(key, _)| key));
            let assets: BTreeSet<String> = keys.map(|key| key.asset.clone()).collect();
            let facts = &mut self.facts;
            let wanted = self.request.incident.as_deref();
            facts.incidents.retain(|incident| {
                assets.contains(&incident.asset) || wanted == Some(incident.name.as_str())
            });
            facts.judgements.by_subject.retain(|subject, judgement| {
                judgement.organisation == entity
                    || judgement.organisation.is_empty() && assets.contains(&subject.asset)
            });
        }
        self.facts.used.append(&mut self.used_states);
        self.facts.used.sort_by_key(|used| used.place.index);
        let head = head.map(|head| Head {
            size: head.size,
            root_hex: clean::name(&head.root_hex),
            time: clean::name(&head.time),
            public_key: clean::name(&head.public_key),
        });
        Context::new(&self.request, &self.facts, self.zone, head.as_ref()).report()
    }

    fn turn_to_zone(&mut self, name: &str) {
        if name.is_empty() || name == self.facts.zone_name && !self.facts.zones.is_empty() {
            return;
        }
        let facts = &mut self.facts;
        match TimeZone::get(name) {
            Ok(zone) => {
                self.zone = zone;
                name.clone_into(&mut facts.zone_name);
                if facts.zones.len() < ZONES_MAX {
                    facts.zones.insert(name.to_owned());
                }
            }
            Err(_) if facts.unknown_zones.len() < ZONES_MAX => {
                facts.unknown_zones.insert(name.to_owned());
            }
            Err(_) => {}
        }
    }

    /// What stood before the window still stands in it, until a new run says otherwise.
    fn take_state(&mut self, kind: &'static str, body: Body<'_>, place: Place, day: Date) -> bool {
        if day > self.request.to {
            return false;
        }
        let facts = &mut self.facts;
        if kind == "start" && day < self.since {
            facts.states = States::default();
            self.used_states.clear();
        }
        match kind {
            "start" => facts.states.start(body, place),
            "stop" => facts.states.stop(body, place),
            "pack" => facts.states.pack(body, place),
            "database" => facts.states.database(body),
            _ => facts.states.register(body, place),
        }
        true
    }

    fn take_event(&mut self, kind: &'static str, body: Body<'_>, place: Place, day: Date) -> bool {
        let (from, to) = (self.request.from, self.request.to);
        let is_in = (from..=to).contains(&day);
        let wanted = self.request.incident.as_deref();
        let is_wanted = kind == "alert" && wanted.is_some_and(|it| body.name("incident") == it);
        match kind {
            "alert" if is_in || is_wanted => {
                let facts = &mut self.facts;
                facts.incidents.take(body, place.index, place.time, wanted);
                true
            }
            "totals" if (self.since..=to).contains(&day) => self.take_totals(body, day, is_in),
            "meter" if is_in && is_of(self.request.entity.as_deref(), body) => {
                self.facts.meters.take(body, day);
                true
            }
            "verdict" if is_in => {
                self.facts.judgements.take(body, place.index, place.time);
                true
            }
            "sensor" if is_in => self.take_counters(body, day),
            "note" if is_in && self.facts.notes.len() < NOTES_MAX => {
                self.facts.notes.push((place.time, body.sentence("text")));
                true
            }
            "note" if is_in => {
                self.facts.notes_left_over = self.facts.notes_left_over.saturating_add(1);
                false
            }
            _ => false,
        }
    }

    fn take_totals(&mut self, body: Body<'_>, day: Date, is_in: bool) -> bool {
        let is_year = self.request.kind == Kind::UsLog;
        let entity = self.request.entity.as_deref();
        let mut sum = Flow::default();
        for row in body.rows("rows").filter(|row| is_of(entity, *row)) {
            let (key, flow) = (Key::read(row), Flow::read(row, day));
            if is_year {
                self.facts.year_flows.add(&key, &flow);
            }
            if is_in {
                self.facts.flows.add(&key, &flow);
                sum.add(&flow);
            }
        }
        if !is_in {
            return true;
        }
        let Some(kept) = self.day_mut(day) else {
            return true;
        };
        kept.flow.add(&sum);
        kept.parts.0 = kept.parts.0.saturating_add(1);
        kept.parts.1 = kept.parts.1.max(body.number("parts"));
        true
    }

    fn take_counters(&mut self, body: Body<'_>, day: Date) -> bool {
        let counters = Counters::read(body);
        if let Some(kept) = self.day_mut(day) {
            kept.counters.add(&counters);
            kept.sensor_entries = kept.sensor_entries.saturating_add(1);
        }
        true
    }

    fn day_mut(&mut self, day: Date) -> Option<&mut Day> {
        let days = &mut self.facts.days;
        if days.len() >= DAYS_MAX && !days.contains_key(&day) {
            self.facts.days_left_over = self.facts.days_left_over.saturating_add(1);
            return None;
        }
        Some(days.entry(day).or_default())
    }
}

fn is_of(entity: Option<&str>, row: Body<'_>) -> bool {
    entity.is_none_or(|entity| row.name("entity") == entity)
}
