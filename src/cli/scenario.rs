//! `borderflow simulate` and `borderflow evaluate`.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::detect::Bytes;
use crate::simulate::{
    AlertLine, Evaluation, JsonLinesError, Script, Simulated, Truth, evaluate, read_alerts,
    read_truth,
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
    let mut script = Script::read(&arguments.scenario)?;
    if let Some(seed) = arguments.seed {
        script.reseed(seed);
    }
    let mut files = vec![&arguments.output, &arguments.truth];
    if let Some(path) = &arguments.config {
        let Script::World(world) = &script else {
            let why = "--config: only a scenario with a [world] has a configuration to write; \
                       of others the [site] of the scenario is that of the sensor";
            return Err(CommandError::Usage(why.to_owned()));
        };
        let text = world.sensor_config();
        fs::write(path, text)
            .map_err(|error| SinkError::io(&path.display().to_string(), "write", error))?;
        files.push(path);
    }
    let simulated = write(&script, &arguments.output, &arguments.truth)?;
    terminal.print(&simulated_text(&simulated, &files))?;
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
    script: &Script,
    capture: &Path,
    truth: &Path,
) -> Result<Simulated, CommandError> {
    let mut capture = create(capture)?;
    let mut truth = create(truth)?;
    Ok(script.play(&mut capture, &mut truth)?)
}

pub(super) fn evaluate_files(truth: &Path, alerts: &Path) -> Result<Evaluation, CommandError> {
    let truth: Vec<Truth> = lines(truth, read_truth)?;
    let alerts: Vec<AlertLine> = lines(alerts, read_alerts)?;
    Ok(evaluate(&truth, &alerts))
}

fn simulated_text(simulated: &Simulated, files: &[&PathBuf]) -> String {
    let text = format!(
        "{} packets, {} on the wire, {} leaks and benign surprises\n",
        grouped(simulated.packets),
        Bytes(simulated.wire_bytes),
        simulated.events,
    );
    files
        .iter()
        .fold(text, |text, file| text + &format!("{}\n", file.display()))
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
