//! How well detectors find leaks in made-up traces: ours, and those of other systems.
//!
//! Every detector sees the same exchanges. Those of others make claims with a score, from
//! which one threshold per false-alert budget is fitted **on the traces that are judged**:
//! the best that their operator could have done with hindsight. Ours sets its own.
//! Alerts of all are merged and matched alike, as [`claim`] and [`trial`] say.
//!
//! ```text
//! cargo bench --bench detection -- --seeds 1,2,3 --assets 300 --weeks 5 --write FILE
//! cargo bench --bench detection -- --alone                       # ours only
//! cargo bench --bench detection -- --gate FILE [--keep]          # small, against FILE
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a benchmark talks to a person, and looks at the clock"
)]
#![cfg_attr(
    test,
    allow(
        dead_code,
        unused_imports,
        reason = "cargo says `test` of a benchmark without a harness, which runs no tests; \
                  those of these modules run in tests/it"
    )
)]

mod bootstrap;
mod claim;
mod feed;
mod figures;
mod fit;
mod gate;
mod options;
mod ours;
mod peers;
mod report;
mod series;
mod statistics;
mod table;
mod trial;

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};
use clap::Parser;

use claim::{Claim, Incident, thin};
use feed::Feed;
use figures::Figures;
use gate::Kept;
use options::Options;
use series::Series;
use trial::Trial;

#[cfg(test)]
pub(crate) use borderflow::simulate::Injection;
pub(crate) use borderflow::simulate::{Exchange, World, WorldConfig};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("detection: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut trials = Vec::new();
    let mut runs = Vec::new();
    for seed in options.seeds() {
        let (trial, of_seed) = play(options, seed)?;
        trials.push(trial);
        runs.push(of_seed);
    }
    if let Some(path) = &options.false_alerts {
        std::fs::write(path, report::false_alerts(&trials, &runs))?;
    }
    let figures = judge(&trials, runs);
    let Some(path) = &options.gate else {
        tell(options, &trials, &figures)?;
        return Ok(ExitCode::SUCCESS);
    };
    let now = Kept::new(report::worlds(options, &trials), &figures);
    if options.keep {
        now.write(path)?;
        println!("detection: {} now holds {now:?}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let (lines, is_good) = now.judge(&Kept::read(path)?);
    for line in lines {
        println!("detection: {line}");
    }
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What one detector said of one world.
#[derive(Debug)]
pub(crate) struct Run {
    name: String,
    said: Said,
}

/// Claims to fit a threshold to, or incidents as the detector itself decided.
#[derive(Debug)]
pub(crate) enum Said {
    /// Claims with scores, thinned and in order.
    Claims(Vec<Claim>),
    /// Incidents for each of [`BUDGETS`].
    Incidents(Vec<Told>),
}

/// Incidents of one detector, world and budget.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    incidents: Vec<Incident>,
    /// Those of the same world without moves, if it was looked at.
    without_moves: Option<Vec<Incident>>,
    /// For a person, what each of the former was told by.
    reasons: BTreeMap<Incident, String>,
}

/// Makes the world of a seed and lets every detector see it.
fn play(options: &Options, seed: u64) -> Result<(Trial, Vec<Run>), Box<dyn Error>> {
    let config = options.world();
    let begun = Instant::now();
    let world = World::new(&config, seed);
    let learn_seconds = u64::from(config.learn_weeks) * 7 * SECONDS_PER_DAY;
    let judged_from =
        Timestamp::from_nanos(config.start.as_nanos() + learn_seconds * NANOS_PER_SECOND);
    let trial = Trial::new(&world, seed, judged_from);
    eprintln!(
        "seed {seed}: {} exchanges, {} leaks and surprises in {:.1} s",
        world.exchanges.len(),
        trial.events.len(),
        begun.elapsed().as_secs_f64(),
    );
    let mut told = play_ours(options, &world, seed, judged_from)?;
    let mut others = Vec::new();
    if !options.alone && options.gate.is_none() {
        others = play_others(&world, seed, judged_from);
    }
    drop(world);
    if options.gate.is_none() {
        let without = World::without_moves(&config, seed);
        let without = play_ours(options, &without, seed, judged_from)?;
        for ((told, without), budget) in told.iter_mut().zip(without).zip(BUDGETS) {
            told.without_moves = Some(without.incidents);
            tell_caused(&trial, told, budget);
        }
    }
    let mut runs = vec![Run {
        name: ours::NAME.to_owned(),
        said: Said::Incidents(told),
    }];
    runs.append(&mut others);
    Ok((trial, runs))
}

/// Lets the detectors of others see a world.
fn play_others(world: &World, seed: u64, judged_from: Timestamp) -> Vec<Run> {
    let begun = Instant::now();
    let mut runs = Vec::new();
    let series = Series::new(world);
    for mut peer in peers::all(&series) {
        let claims = thin(peer.run(world, judged_from), judged_from);
        runs.push(Run {
            name: peer.name().to_owned(),
            said: Said::Claims(claims),
        });
    }
    eprintln!(
        "seed {seed}: the others in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    runs
}

/// Says which moves have caused an alert, and by what it was told.
fn tell_caused(trial: &Trial, told: &Told, budget: f64) {
    let merged = claim::merge_incidents(&told.incidents);
    let outcome = trial.judge(&merged);
    let without = told.without_moves.as_deref().unwrap_or_default();
    for place in trial.caused(&outcome, without) {
        let Some(event) = trial.events.get(place) else {
            continue;
        };
        let of_event = |one: &&Incident| {
            one.asset == event.asset && Some(one.time) == outcome.told.get(place).copied().flatten()
        };
        let reason = merged.iter().find(of_event);
        let reason = reason.and_then(|one| told.reasons.get(one));
        eprintln!(
            "seed {} at {budget}: {} ({} bytes from {}) is told: {}",
            trial.seed,
            event.id,
            event.bytes,
            event.start,
            reason.map_or("", String::as_str),
        );
    }
}

/// Lets our analyst see a world once for each budget.
fn play_ours(
    options: &Options,
    world: &World,
    seed: u64,
    judged_from: Timestamp,
) -> Result<Vec<Told>, Box<dyn Error>> {
    let feed = Feed::new(world);
    let mut told = Vec::new();
    for budget in BUDGETS {
        let begun = Instant::now();
        let done = ours::run(&feed, &options.learn, budget)?;
        let seconds = begun.elapsed().as_secs_f64();
        let reasons = ours::openings(&done, judged_from)?;
        let reasons = reasons.into_iter().map(|(incident, alert)| {
            let said = alert.detectors.iter().map(|one| one.sentence.as_str());
            (
                incident,
                format!("{}: {}", alert.id, said.collect::<Vec<_>>().join("; ")),
            )
        });
        told.push(Told {
            incidents: ours::incidents(&done, judged_from)?,
            without_moves: None,
            reasons: reasons.collect(),
        });
        eprintln!(
            "seed {seed}: ours at {budget}: {} transfers in {seconds:.1} s, {:.0} ns each, {} \
             assets, {} cells, {} lines",
            done.transfers,
            seconds * 1e9 / done.transfers.max(1) as f64,
            done.assets,
            done.cells,
            done.alerts.len(),
        );
    }
    Ok(told)
}

/// The figures of every detector at every budget, budget by budget.
fn judge(trials: &[Trial], runs: Vec<Vec<Run>>) -> Vec<Figures> {
    let mut by_seed: Vec<_> = runs.into_iter().map(Vec::into_iter).collect();
    let mut detectors = Vec::new();
    loop {
        let of_one: Vec<Run> = by_seed.iter_mut().filter_map(Iterator::next).collect();
        if of_one.is_empty() {
            break;
        }
        detectors.push(of_one);
    }
    let mut figures = Vec::new();
    for (place, budget) in BUDGETS.iter().enumerate() {
        for runs in &detectors {
            figures.push(judge_one(trials, runs, place, *budget));
        }
    }
    figures
}

/// The figures of one detector at one budget.
fn judge_one(trials: &[Trial], runs: &[Run], place: usize, budget: f64) -> Figures {
    let mut claims = Vec::new();
    let mut fixed = Vec::new();
    for run in runs {
        match &run.said {
            Said::Claims(of_run) => claims.push(of_run.as_slice()),
            Said::Incidents(of_run) => fixed.push(of_run.get(place).cloned().unwrap_or_default()),
        }
    }
    let name = runs.first().map_or("", |run| run.name.as_str());
    if claims.is_empty() {
        let merged = fixed
            .iter()
            .map(|told| claim::merge_incidents(&told.incidents));
        let merged: Vec<_> = merged.collect();
        let mut figures = Figures::new(name, budget, None, trials, &merged);
        let without = fixed.into_iter().map(|told| told.without_moves);
        if let Some(without) = without.collect::<Option<Vec<_>>>() {
            figures.count_caused(trials, &merged, &without);
        }
        return figures;
    }
    let threshold = fit::threshold(trials, &claims, budget);
    let merged = claims
        .iter()
        .map(|claims| claim::merge(claims, threshold).collect());
    Figures::new(
        name,
        budget,
        Some(threshold),
        trials,
        &merged.collect::<Vec<_>>(),
    )
}

/// Prints the tables, and writes the files that were asked for.
fn tell(options: &Options, trials: &[Trial], figures: &[Figures]) -> io::Result<()> {
    let tables = report::tables(trials, figures);
    for table in &tables {
        println!("{}", table.to_text());
    }
    if let Some(path) = &options.write {
        std::fs::write(path, report::markdown(options, trials, &tables))?;
    }
    if let Some(path) = &options.detail {
        std::fs::write(path, report::misses(trials, figures))?;
    }
    Ok(())
}

/// False alerts per asset and week that an operator may grant.
pub(crate) const BUDGETS: [f64; 3] = [0.02, 0.1, 1.0];
