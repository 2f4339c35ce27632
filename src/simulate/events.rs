//! Schedules, leaks and benign surprises, looked up and laid out in time.

mod catalogue;

use std::collections::BTreeSet;

use toml::Spanned;

use catalogue::{Catalogue, LATE, LEAKS, SURPRISES, Shape};

use super::builder::{Builder, SPREAD_MAX};
use super::chance::Chance;
use super::format::{self, Document};
use super::scenario::{Event, Growth, ScenarioError, Speech, Upload};
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY};

/// Adds everything that a scenario says beyond habits.
pub(super) fn add_events(
    builder: &mut Builder<'_>,
    document: &Document,
) -> Result<(), ScenarioError> {
    let mut runs = lay_out_schedules(builder, &document.schedule)?;
    let mut ids = BTreeSet::new();
    let leaks = document.leak.iter().map(|event| (event, &LEAKS));
    let surprises = document.benign.iter().map(|event| (event, &SURPRISES));
    for (event, catalogue) in leaks.chain(surprises) {
        if !ids.insert(event.id.get_ref().as_str()) {
            return Err(builder.wrong(&event.id, "this id is taken"));
        }
        add_event(builder, event, catalogue, &mut runs)?;
    }
    builder
        .scenario
        .uploads
        .extend(runs.into_iter().map(|run| run.upload));
    Ok(())
}

/// One occurrence of a schedule.
struct Run {
    schedule: String,
    day: u32,
    upload: Upload,
}

fn lay_out_schedules(
    builder: &Builder<'_>,
    schedules: &[format::Schedule],
) -> Result<Vec<Run>, ScenarioError> {
    let mut runs = Vec::new();
    let mut names = BTreeSet::new();
    for schedule in schedules {
        let name = schedule.name.get_ref();
        if !names.insert(name.as_str()) {
            return Err(builder.wrong(&schedule.name, "this name is taken"));
        }
        let asset = builder.asset(&schedule.asset)?;
        let destination = builder.destination(&schedule.destination)?;
        let spread = builder.within(&schedule.spread, 0.0, SPREAD_MAX)?;
        for day in 1..=builder.days {
            let weekday = builder.weekday(day);
            if schedule
                .every
                .0
                .is_some_and(|wanted| Some(wanted) != weekday)
            {
                continue;
            }
            let label = format!("schedule/{name}/{day}");
            let mut chance = Chance::new(builder.scenario.seed, &label);
            let jitter = (chance.unit() * schedule.jitter.0 as f64) as u64;
            let bytes = schedule.bytes.0 as f64 * chance.lognormal(spread);
            let Some(start) = builder.local(day, schedule.at.0) else {
                continue;
            };
            let upload = Upload {
                label,
                asset,
                destination,
                start: start.saturating_add(jitter),
                duration: schedule.duration.0,
                bytes: bytes as u64,
                flows: 1,
                is_call: false,
                speech: None,
                event: None,
            };
            runs.push(Run {
                schedule: name.clone(),
                day,
                upload,
            });
        }
    }
    Ok(runs)
}

fn add_event(
    builder: &mut Builder<'_>,
    event: &format::Event,
    catalogue: &'static Catalogue,
    runs: &mut [Run],
) -> Result<(), ScenarioError> {
    let written = event.kind.get_ref();
    let kinds = catalogue.kinds;
    let Some((kind, shape, keys)) = kinds.iter().find(|(name, ..)| name == written) else {
        let known: Vec<&str> = kinds.iter().map(|(name, ..)| *name).collect();
        let message = format!(
            "there is no kind `{written}` here; use {}",
            known.join(", ")
        );
        return Err(builder.wrong(&event.kind, message));
    };
    if let Some(stray) = event.keys().find(|key| !keys.contains(key)) {
        let message = format!("`{kind}` has no `{stray}`; it has {}", keys.join(", "));
        return Err(builder.wrong(&event.kind, message));
    }
    let maker = Maker {
        event,
        kind,
        is_benign: catalogue.is_benign,
    };
    match *shape {
        Shape::Upload { seconds_per_flow } => maker.add_upload(builder, seconds_per_flow),
        Shape::Call => maker.add_calls(builder),
        Shape::Growth => maker.add_growth(builder),
        Shape::Adoption => maker.add_adoption(builder),
        Shape::Relocation => maker.add_relocation(builder),
        Shape::Run => maker.change_run(builder, runs),
    }
}

/// One written event on its way into the scenario.
struct Maker<'a> {
    event: &'a format::Event,
    kind: &'static str,
    is_benign: bool,
}

impl Maker<'_> {
    fn add_upload(
        &self,
        builder: &mut Builder<'_>,
        seconds_per_flow: u64,
    ) -> Result<(), ScenarioError> {
        let name = self.need(builder, &self.event.asset, "asset")?;
        let asset = builder.asset(name)?;
        let (start, duration) = self.period(builder)?;
        let seconds = duration / NANOS_PER_SECOND;
        let usual = seconds.checked_div(seconds_per_flow).unwrap_or(1).max(1);
        let flows = match &self.event.flows {
            None => usual.min(u64::from(FLOWS_MAX)) as u32,
            Some(flows) if (1..=FLOWS_MAX).contains(flows.get_ref()) => *flows.get_ref(),
            Some(flows) => {
                let message = format!("an event has 1 to {FLOWS_MAX} flows");
                return Err(builder.wrong(flows, message));
            }
        };
        self.push_upload(builder, asset, start, duration, flows)
    }

    fn add_calls(&self, builder: &mut Builder<'_>) -> Result<(), ScenarioError> {
        let (start, duration) = self.period(builder)?;
        for asset in self.assets(builder)? {
            self.push_upload(builder, asset, start, duration, 1)?;
        }
        Ok(())
    }

    fn push_upload(
        &self,
        builder: &mut Builder<'_>,
        asset: usize,
        start: u64,
        duration: u64,
        flows: u32,
    ) -> Result<(), ScenarioError> {
        let bytes = self.need(builder, &self.event.bytes, "bytes")?.get_ref().0;
        let destination = self.destination(builder)?;
        let speech = self.speech(builder, destination)?;
        let event = self.push_event(builder, asset, destination);
        let label = format!("event/{}/{asset}", self.event.id.get_ref());
        let is_call = self.event.assets.is_some();
        let event = Some(event);
        let upload = Upload {
            label,
            asset,
            destination,
            start,
            duration,
            bytes,
            flows,
            is_call,
            speech,
            event,
        };
        builder.scenario.uploads.push(upload);
        Ok(())
    }

    /// What it says to a destination, where that is not what others say.
    fn speech(
        &self,
        builder: &Builder<'_>,
        destination: usize,
    ) -> Result<Option<Speech>, ScenarioError> {
        let Some(destination) = builder.scenario.destinations.get(destination) else {
            return Ok(None);
        };
        let (protocol, server_name) = (&self.event.protocol, &self.event.server_name);
        let usual = destination.speech.clone();
        let speech = builder.speech(destination.service, protocol, server_name, usual)?;
        Ok(Some(speech))
    }

    fn add_growth(&self, builder: &mut Builder<'_>) -> Result<(), ScenarioError> {
        let name = self.need(builder, &self.event.asset, "asset")?;
        let asset = builder.asset(name)?;
        let destination = self.destination(builder)?;
        let (from, until) = self
            .period(builder)
            .map(|(start, span)| (start, start + span))?;
        let growth = self.need(builder, &self.event.growth, "growth")?;
        let share = builder.within(growth, 0.01, 100.0)?;
        let habits = &builder.scenario.habits;
        let Some(habit) = habits
            .iter()
            .position(|habit| habit.asset == asset && habit.destination == destination)
        else {
            let message = "the asset has no habit with this destination to hide in";
            return Err(builder.wrong(name, message));
        };
        let event = self.push_event(builder, asset, destination);
        builder.scenario.growths.push(Growth {
            habit,
            from,
            until,
            share,
            event,
        });
        Ok(())
    }

    fn add_adoption(&self, builder: &mut Builder<'_>) -> Result<(), ScenarioError> {
        let destination = self.destination(builder)?;
        let daily = self.need(builder, &self.event.daily, "daily")?.get_ref().0 as f64;
        let (from, until) = self
            .period(builder)
            .map(|(start, span)| (start, start + span))?;
        for asset in self.assets(builder)? {
            let event = self.push_event(builder, asset, destination);
            let mut habit = builder.habit(asset, destination, daily);
            (habit.from, habit.until, habit.event) = (from, until, Some(event));
            builder.scenario.habits.push(habit);
        }
        Ok(())
    }

    fn add_relocation(&self, builder: &mut Builder<'_>) -> Result<(), ScenarioError> {
        let old = self.destination(builder)?;
        let to = self.need(builder, &self.event.to, "to")?;
        let new = builder.destination(to)?;
        let from = builder.moment(self.need(builder, &self.event.start, "start")?)?;
        let staying = builder.scenario.habits.len();
        for index in 0..staying {
            let Some(habit) = builder.scenario.habits.get_mut(index) else {
                continue;
            };
            if habit.destination != old || habit.event.is_some() || habit.until <= from {
                continue;
            }
            let mut moved = habit.clone();
            habit.until = from;
            (moved.from, moved.destination) = (from, new);
            moved.event = Some(self.push_event(builder, moved.asset, new));
            builder.scenario.habits.push(moved);
        }
        Ok(())
    }

    fn change_run(&self, builder: &mut Builder<'_>, runs: &mut [Run]) -> Result<(), ScenarioError> {
        let schedule = self.need(builder, &self.event.schedule, "schedule")?;
        let on = self.need(builder, &self.event.on, "on")?;
        let run = runs
            .iter_mut()
            .find(|run| run.schedule == *schedule.get_ref() && run.day == on.get_ref().0);
        let Some(run) = run else {
            let message = format!("no schedule `{}` runs on that day", schedule.get_ref());
            return Err(builder.wrong(on, message));
        };
        if run.upload.event.is_some() {
            return Err(builder.wrong(on, "another event has changed this run already"));
        }
        if self.kind == LATE {
            let delay = self.need(builder, &self.event.delay, "delay")?.0;
            run.upload.start = run.upload.start.saturating_add(delay);
        } else {
            let factor = self.need(builder, &self.event.factor, "factor")?;
            let factor = builder.within(factor, 0.01, 100.0)?;
            run.upload.bytes = (run.upload.bytes as f64 * factor) as u64;
            run.upload.duration = (run.upload.duration as f64 * factor) as u64;
        }
        if run.upload.start.saturating_add(run.upload.duration) > builder.scenario.end {
            return Err(builder.wrong(on, "the run would end after the scenario"));
        }
        run.upload.event = Some(self.push_event(builder, run.upload.asset, run.upload.destination));
        Ok(())
    }

    /// Adds the event's line of ground truth for one asset.
    fn push_event(&self, builder: &mut Builder<'_>, asset: usize, destination: usize) -> usize {
        let scenario = &mut builder.scenario;
        let id = self.event.id.get_ref();
        // Events of several assets have a line, and so an id, for each of them.
        let id = match scenario.assets.get(asset) {
            Some(asset) if self.event.asset.is_none() && self.event.schedule.is_none() => {
                format!("{id}:{}", asset.name)
            }
            _ => id.clone(),
        };
        let is_benign = self.is_benign;
        scenario.events.push(Event {
            id,
            kind: self.kind,
            asset,
            destination,
            is_benign,
        });
        scenario.events.len() - 1
    }

    fn assets(&self, builder: &Builder<'_>) -> Result<Vec<usize>, ScenarioError> {
        let names = self.need(builder, &self.event.assets, "assets")?;
        let mut assets = Vec::new();
        for name in names.get_ref() {
            assets.extend(builder.assets(name)?);
        }
        assets.sort_unstable();
        assets.dedup();
        if assets.is_empty() {
            return Err(builder.wrong(names, "name at least one asset"));
        }
        Ok(assets)
    }

    fn destination(&self, builder: &Builder<'_>) -> Result<usize, ScenarioError> {
        let name = self.need(builder, &self.event.destination, "destination")?;
        let index = builder.destination(name)?;
        let scenario = &builder.scenario;
        let abroad = scenario
            .destinations
            .get(index)
            .is_some_and(|d| scenario.is_foreign(d));
        if !self.is_benign && !abroad {
            return Err(builder.wrong(name, "a leak crosses a border, and this is at home"));
        }
        Ok(index)
    }

    /// The event's start and duration in nanoseconds. It must end with the scenario.
    fn period(&self, builder: &Builder<'_>) -> Result<(u64, u64), ScenarioError> {
        let written = self.need(builder, &self.event.start, "start")?;
        let start = builder.moment(written)?;
        let duration = self.need(builder, &self.event.duration, "duration")?.0;
        let longest = SECONDS_PER_DAY * NANOS_PER_SECOND * u64::from(builder.days);
        if duration > longest || start + duration > builder.scenario.end {
            return Err(builder.wrong(written, "the event would end after the scenario"));
        }
        Ok((start, duration.max(NANOS_PER_SECOND)))
    }

    fn need<'t, T>(
        &self,
        builder: &Builder<'_>,
        value: &'t Option<T>,
        key: &str,
    ) -> Result<&'t T, ScenarioError> {
        value.as_ref().ok_or_else(|| {
            let id: &Spanned<String> = &self.event.id;
            builder.wrong(id, format!("a `{}` needs the key `{key}`", self.kind))
        })
    }
}

/// Most conversations of one event.
const FLOWS_MAX: u32 = 1_000_000;
