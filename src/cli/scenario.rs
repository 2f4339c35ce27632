//! `borderflow simulate` and `borderflow evaluate`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::detect::Bytes;
use crate::simulate::{
    AlertLine, Evaluation, JsonLinesError, Scenario, Simulated, Truth, evaluate, read_alerts,
    read_truth, simulate,
};
use crate::sink::SinkError;

use super::arguments::{EvaluateArguments, SimulateArguments};
use super::replay::grouped;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn simulate_command(
    arguments: &SimulateArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let mut scenario = Scenario::read(&arguments.scenario)?;
    if let Some(seed) = arguments.seed {
        scenario.reseed(seed);
    }
    let simulated = write(&scenario, &arguments.output, &arguments.truth)?;
    terminal.print(&simulated_text(
        &simulated,
        &arguments.output,
        &arguments.truth,
    ))?;
    Ok(Outcome::Complete)
}

pub(super) fn evaluate_command(
    arguments: &EvaluateArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let evaluation = evaluate_files(&arguments.truth, &arguments.alerts)?;
    let text = if arguments.json {
        serde_json::to_string_pretty(&evaluation).unwrap_or_default() + "\n"
    } else {
        evaluation.to_table()
    };
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

/// Plays a scenario into a capture and its truth.
pub(super) fn write(
    scenario: &Scenario,
    capture: &Path,
    truth: &Path,
) -> Result<Simulated, CommandError> {
    let mut capture = create(capture)?;
    let mut truth = create(truth)?;
    Ok(simulate(scenario, &mut capture, &mut truth)?)
}

pub(super) fn evaluate_files(truth: &Path, alerts: &Path) -> Result<Evaluation, CommandError> {
    let truth: Vec<Truth> = lines(truth, read_truth)?;
    let alerts: Vec<AlertLine> = lines(alerts, read_alerts)?;
    Ok(evaluate(&truth, &alerts))
}

pub(super) fn simulated_text(simulated: &Simulated, capture: &Path, truth: &Path) -> String {
    format!(
        "{} packets, {} on the wire, {} leaks and benign surprises\n{}\n{}\n",
        grouped(simulated.packets),
        Bytes(simulated.wire_bytes),
        simulated.events,
        capture.display(),
        truth.display(),
    )
}

fn create(path: &Path) -> Result<File, SinkError> {
    File::create(path).map_err(|error| SinkError::io(&path.display().to_string(), "create", error))
}

fn lines<T>(
    path: &Path,
    read: impl FnOnce(BufReader<File>) -> Result<Vec<T>, JsonLinesError>,
) -> Result<Vec<T>, CommandError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| SinkError::io(&name, "open", error))?;
    read(BufReader::new(file)).map_err(|source| CommandError::Lines { name, source })
}
