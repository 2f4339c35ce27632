//! `borderflow demo`: the whole way once, on a scenario that comes with the program.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::config::Config;
use crate::detect::Bytes;
use crate::pipeline::{self, Outputs, Setup, Telemetry};
use crate::simulate::Script;
use crate::sink::{OutFolder, SinkError};

use super::arguments::DemoArguments;
use super::progress::Bar;
use super::replay::{grouped, open_geo, report_text, stop_flag};
use super::scenario::{evaluate_files, write};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

const SCENARIO: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/scenarios/small-site.toml"
));
const CONFIG: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/scenarios/small-site.config.toml"
));

pub(super) fn run(arguments: &DemoArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let out = &arguments.out;
    let name = out.display().to_string();
    fs::create_dir_all(out).map_err(|error| SinkError::io(&name, "make folder", error))?;
    let capture = out.join("small-site.pcap");
    let truth = out.join("small-site.truth.jsonl");
    let config_path = out.join("small-site.config.toml");
    fs::write(&config_path, CONFIG).map_err(|error| SinkError::io(&name, "write", error))?;
    terminal.print(&terminal.wrap(INTRODUCTION, 0))?;
    let simulated = write(&Script::from_toml(SCENARIO)?, &capture, &truth)?;
    let played = format!(
        "Simulated: {} packets that stand for {}: headers with true lengths, and the first \
         words of each conversation.",
        grouped(simulated.packets),
        Bytes(simulated.wire_bytes),
    );
    terminal.print(&format!("\n{}", terminal.wrap(&played, 0)))?;

    let results = out.join("results");
    let folder = OutFolder::create(&results, std::slice::from_ref(&capture))?;
    folder.clear()?;
    let config = Config::parse(CONFIG, "small-site.config.toml")?;
    let setup = Setup {
        geo: open_geo(&config)?,
        policy: config.open_policy()?,
        config,
        workers: 1,
        outputs: Outputs::to_folder(&folder, false, false)?,
        telemetry: Telemetry::new(),
        exchange: Default::default(),
        flow_input: None,
    };
    let stop = stop_flag()?;
    let files = [capture.clone()];
    let bar = Bar::new(&files, terminal.is_watched());
    let replayed = pipeline::replay(&files, setup, &stop, |at| bar.show(at));
    bar.finish();
    let (report, _) = replayed?;
    folder.json("summary.json", &report.summary)?;
    debug_assert_eq!(report.summary.packets, simulated.packets);
    terminal.print(&format!("\n{}", report_text(&report, terminal)))?;
    let evaluation = evaluate_files(&truth, &results.join("alerts.jsonl"))?;
    terminal.print(&format!(
        "\nHow that compares with the truth\n\n{}",
        evaluation.to_table()
    ))?;
    let program = called(std::env::args_os().next());
    terminal.print(&next_steps(
        &program,
        &capture,
        &config_path,
        &truth,
        &results,
    ))?;
    Ok(Outcome::Complete)
}

/// The worked examples, in the order of models/scenarios/README.md.
const EXAMPLES: &str = "  \
  make example NAME=hospital          data of patients, and three contracts\n  \
  make example NAME=gene-laboratory   genomes, read in Shanghai and in Boston\n  \
  make example NAME=car-maker         tracks and video of cars\n  \
  make example NAME=fund              orders of clients, to brokers abroad\n  \
  make example NAME=free-trade-zone   a negative list, a catalogue, a white list\n";

/// How the program was called, so that a command that is copied finds it: it need not be where the
/// shell looks. A path that means something to a shell is put between quotation marks.
fn called(first: Option<OsString>) -> String {
    let path = first.map_or_else(String::new, |path| path.to_string_lossy().into_owned());
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    match path.as_str() {
        "" => "borderflow".to_owned(),
        path if path.chars().all(is_plain) => path.to_owned(),
        path => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

/// The same by hand, and what else there is to look at.
fn next_steps(
    program: &str,
    capture: &Path,
    config: &Path,
    truth: &Path,
    results: &Path,
) -> String {
    let (capture, config) = (capture.display(), config.display());
    let mut text = format!(
        "\nThe same by hand:\n  {program} replay {capture} \\\n    --config {config} --out {}\n  \
         {program} evaluate {} \\\n    {}\n",
        results.display(),
        truth.display(),
        results.join("alerts.jsonl").display(),
    );
    text += "In a browser, with map, incidents and their curves:\n";
    text += &format!("  {program} replay {capture} \\\n    --config {config} --console\n");
    text += "What was approved, and what the law says, case by case:\n";
    text += EXAMPLES;
    text
}

const INTRODUCTION: &str = "borderflow demo: a small site in Shanghai, three weeks \
    of its habits, leaks in the third, and surprises that are none. The sensor sees packets only; \
    the truth is for the end.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_finds_the_program_by_what_is_printed() {
        let printed = |path: &str| called(Some(path.into()));
        assert_eq!(
            printed("target/release/borderflow"),
            "target/release/borderflow"
        );
        assert_eq!(printed("/opt/a b/it's"), "'/opt/a b/it'\\''s'");
        assert_eq!(called(None), "borderflow");
    }
}
