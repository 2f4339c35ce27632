//! `borderflow replay`, and what it has in common with `run` and `demo`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::alert::{Alert, Event};
use crate::capture::{CaptureError, FileSource, probe};
use crate::config::Config;
use crate::detect::Bytes;
use crate::dissect::Protection;
use crate::geo::{Geo, GeoError};
use crate::history::Origin;
use crate::ledger::{Key, LedgerError};
use crate::pipeline::{
    self, Commits, Heading, JurisdictionRow, Outputs, PipelineError, Recorder, RunReport, Sending,
    Setup, Sinks, Telemetry,
};
use crate::sink::{OutFolder, SinkSettings};
use crate::store::StoreError;

use super::arguments::{CommonArguments, ReplayArguments};
use super::progress::Bar;
use super::serve::{Admission, Scratch, await_stop, serve, with_history};
use super::terminal::Terminal;
use super::{CommandError, Outcome, sink};

pub(super) fn run(
    arguments: &ReplayArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let (mut config, geo) = read_config(&arguments.common, terminal)?;
    let policy = config.open_policy()?;
    let key = ledger_key(arguments, &config)?;
    // The sensor's own state is not for a replay to read or to write, unless it is asked to.
    config.state.dir.clone_from(&arguments.common.state);
    let telemetry = Telemetry::new();
    let scratch = Scratch::for_console(arguments)?;
    config.history.dir = arguments.common.history.clone().or(scratch.path());
    let inputs = arguments.files.iter();
    let inputs: Vec<_> = inputs.map(|file| file.display().to_string()).collect();
    let (common, console) = (&arguments.common, arguments.console);
    let admission = Admission::read(common, console, &config)?;
    let sensor = (&config, &inputs[..]);
    let link = serve(common, console, admission, sensor, &telemetry, terminal)?;
    // Before the output folder is touched, every input must be there.
    probe_all(arguments)?;
    let folder = arguments.common.out.as_deref();
    let folder = folder
        .map(|path| OutFolder::create(path, &arguments.files))
        .transpose()?;
    let heading = Heading {
        inputs: &inputs,
        config: &config,
        databases: geo.databases(),
        policy: &policy,
    };
    let outputs = match &folder {
        Some(folder) => outputs_to(folder, arguments, key, &heading)?,
        None => Outputs::none(),
    };
    let outputs = outputs.with_sinks(sinks(arguments, &config, &telemetry, terminal)?);
    let outputs = with_history(outputs, &config, Origin::Replay, &telemetry, terminal)?;
    let setup = Setup {
        config,
        geo,
        policy,
        workers: arguments.common.workers,
        outputs,
        telemetry,
        exchange: Default::default(),
        flow_input: None,
    };
    let stop = stop_flag()?;
    let bar = Bar::new(&arguments.files, terminal.is_watched());
    let replayed = if follows(arguments) {
        pipeline::follow(&arguments.files, setup, &stop, |at| bar.show(at))
    } else {
        pipeline::replay(&arguments.files, setup, &stop, |at| bar.show(at))
    };
    bar.finish();
    let (report, damage) = replayed?;
    for error in &damage {
        terminal.complain(&error.to_string());
    }
    match &folder {
        Some(folder) => {
            folder.json("summary.json", &report.summary)?;
            terminal.print(&written(&report, folder.path()))?;
        }
        None => terminal.print(&report_text(&report, terminal))?,
    }
    end(report.state_error, report.ledger_error)?;
    if arguments.console.is_some() {
        await_stop(link.as_ref(), &stop, terminal);
    }
    Ok(if damage.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Damaged
    })
}

/// The sinks of the configuration, if alerts are to be handed to them.
fn sinks(
    arguments: &ReplayArguments,
    config: &Config,
    telemetry: &Telemetry,
    terminal: &Terminal,
) -> Result<Option<Sinks>, CommandError> {
    if !arguments.send {
        return Ok(None);
    }
    if config.sink.is_empty() {
        let why = "--send: the configuration has no [[sink]]";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let sinks = sink::start(config, Sending::Replay, telemetry)?;
    let names: Vec<_> = config.sink.iter().map(SinkSettings::name).collect();
    let names = names.join(", ");
    terminal.complain(&format!("--send: alerts of this replay go to {names}"));
    Ok(sinks)
}

/// What is written to the folder of the results.
fn outputs_to(
    folder: &OutFolder,
    arguments: &ReplayArguments,
    key: Option<Key>,
    heading: &Heading<'_>,
) -> Result<Outputs, CommandError> {
    folder.clear()?;
    let outputs = Outputs::to_folder(folder, arguments.flows, arguments.transfers)?;
    let outputs = match heading.policy.is_empty() {
        true => outputs,
        false => outputs.with_verdicts(folder)?,
    };
    Ok(match key {
        Some(key) => outputs.with_ledger(ledger_of(folder, key, heading)?),
        None => outputs,
    })
}

/// The key of the ledger, if one is wanted.
fn ledger_key(arguments: &ReplayArguments, config: &Config) -> Result<Option<Key>, CommandError> {
    if !arguments.ledger {
        return Ok(None);
    }
    let file = arguments.key.as_ref().or(config.ledger.key.as_ref());
    let file = file.ok_or_else(|| {
        let why = "--ledger needs a key: make one with `borderflow ledger key FILE` and name it \
                   with --key or ledger.key";
        CommandError::Usage(why.to_owned())
    })?;
    Ok(Some(Key::read(file)?))
}

/// A ledger in the folder of the results, in place of the one of an earlier replay.
fn ledger_of(
    folder: &OutFolder,
    key: Key,
    heading: &Heading<'_>,
) -> Result<Recorder, CommandError> {
    let path = folder.own_folder("ledger", &LEDGER_FILES)?;
    Ok(Recorder::open(&path, key, Commits::Seldom, heading)?)
}

/// Fails where not all that a run leaves behind could be kept.
pub(super) fn end(
    state_error: Option<StoreError>,
    ledger_error: Option<LedgerError>,
) -> Result<(), CommandError> {
    if let Some(error) = ledger_error {
        return Err(error.into());
    }
    state_error.map_or(Ok(()), |error| Err(error.into()))
}

/// The files of a ledger.
const LEDGER_FILES: [&str; 4] = ["entries.jsonl", "heads.jsonl", "key.pub", "checkpoint"];

/// Whether the last file is to be followed: only what is stored can grow behind its end.
fn follows(arguments: &ReplayArguments) -> bool {
    arguments.follow && arguments.files.last().is_some_and(|file| file.is_file())
}

/// Makes sure that every input can be opened.
fn probe_all(arguments: &ReplayArguments) -> Result<(), CommandError> {
    let count = arguments.files.len();
    for (index, file) in arguments.files.iter().enumerate() {
        if file.as_os_str() == "-" {
            if count > 1 {
                let why = "standard input cannot be read beside other files";
                return Err(CommandError::Usage(why.to_owned()));
            }
            continue;
        }
        let probed = if follows(arguments) && index + 1 == count {
            // Not even its header need be there yet.
            FileSource::follow(file).map(|_| ())
        } else {
            probe(file)
        };
        probed.map_err(PipelineError::from)?;
    }
    Ok(())
}

/// Reads the configuration and the databases that it names; without a configuration, says
/// what home is taken to be.
pub(super) fn read_config(
    arguments: &CommonArguments,
    terminal: &Terminal,
) -> Result<(Config, Geo), CommandError> {
    let mut config = read_file(arguments.config.as_deref(), terminal)?;
    if let Some(dir) = &arguments.state {
        config.state.dir = Some(dir.clone());
    }
    if let Some(dir) = &arguments.history {
        config.history.dir = Some(dir.clone());
    }
    let geo = open_geo(&config)?;
    Ok((config, geo))
}

/// Reads a configuration; without one, says what home is taken to be.
pub(super) fn read_file(path: Option<&Path>, terminal: &Terminal) -> Result<Config, CommandError> {
    let Some(path) = path else {
        terminal.complain(
            "no --config: home is CN and assets are the private ranges; set site.jurisdictions \
             and site.networks",
        );
        return Ok(Config::default());
    };
    Ok(Config::read(path)?)
}

pub(super) fn open_geo(config: &Config) -> Result<Geo, GeoError> {
    let site = &config.site;
    Geo::open(&config.geo, &site.networks, site.jurisdictions.0.clone())
}

/// A flag that SIGINT and SIGTERM set. A second one ends the program at once.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, CommandError> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let ended = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop));
        ended.map_err(CommandError::Signals)?;
        flag::register(signal, Arc::clone(&stop)).map_err(CommandError::Signals)?;
    }
    Ok(stop)
}

/// Says how it ended for a source of frames that failed.
pub(super) fn complain_of(errors: &[CaptureError], terminal: &Terminal) {
    for error in errors {
        terminal.complain(&error.to_string());
    }
}

/// One line for who asked for files.
fn written(report: &RunReport, folder: &Path) -> String {
    let summary = &report.summary;
    let mut text = format!(
        "{} of {}, {}, {}; results are in {}\n",
        counted(summary.packets, "packet"),
        counted(summary.frames_read, "frame"),
        counted(summary.flows, "flow"),
        counted(summary.alerts, "alert"),
        folder.display(),
    );
    for note in &summary.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// The whole report for a person.
pub(super) fn report_text(report: &RunReport, terminal: &Terminal) -> String {
    let summary = &report.summary;
    let mut text = format!(
        "{}, {} on the wire, {}, {} that exported\n",
        counted(summary.packets, "packet"),
        Bytes(summary.wire_bytes),
        counted(summary.flows, "flow"),
        counted(summary.assets, "asset"),
    );
    if let (Some(first), Some(last)) = (&summary.first, &summary.last) {
        let seconds = |time: &str| time.get(..19).unwrap_or(time).replace('T', " ");
        let _ = writeln!(text, "{} to {} UTC", seconds(first), seconds(last));
    }
    if !summary.dropped.is_empty() {
        let dropped = summary
            .dropped
            .iter()
            .map(|(reason, frames)| format!("{reason} {frames}"));
        let dropped = dropped.collect::<Vec<_>>().join(", ");
        text += &terminal.wrap(&format!("Frames that were no IP packet: {dropped}"), 0);
    }
    text += "\n";
    text += &jurisdiction_table(report);
    text += "\n";
    text += &alerts_text(report, terminal);
    if !summary.notes.is_empty() {
        text += "\nNotes\n";
        for note in &summary.notes {
            text += &terminal.wrap(note, 2);
        }
    }
    text
}

fn jurisdiction_table(report: &RunReport) -> String {
    let total: u64 = report.jurisdictions.iter().map(|row| row.bytes).sum();
    if total == 0 {
        return "No asset exported anything: no payload went from site.networks to a foreign \
                address.\n"
            .to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "Jurisdiction",
        "Exported",
        "Share",
        "Unprotected",
        "Assets",
        "",
    ]);
    for row in report.jurisdictions.iter().take(JURISDICTIONS_SHOWN) {
        let share = row.bytes as f64 / total as f64;
        table.add_row([
            row.country.to_string(),
            Bytes(row.bytes).to_string(),
            format!("{:.1} %", 100.0 * share),
            in_clear(row),
            row.assets.to_string(),
            bar(share),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let more = report
        .jurisdictions
        .len()
        .saturating_sub(JURISDICTIONS_SHOWN);
    if more > 0 {
        let _ = writeln!(text, " and {more} more");
    }
    text
}

/// What is known to have gone unprotected, or protected so weakly that it might as well.
fn in_clear(row: &JurisdictionRow) -> String {
    let bytes: u64 = Protection::ALL
        .iter()
        .zip(row.protected_bytes)
        .filter(|(protection, _)| matches!(protection, Protection::Clear | Protection::Weak))
        .map(|(_, bytes)| bytes)
        .sum();
    match bytes {
        0 => "-".to_owned(),
        bytes => Bytes(bytes).to_string(),
    }
}

/// A share of [`BAR_COLUMNS`], to an eighth of a column.
fn bar(share: f64) -> String {
    let eighths = (share * BAR_COLUMNS * 8.0).round() as usize;
    let mut bar = "\u{2588}".repeat(eighths / 8);
    // U+2589 is seven eighths of a block, U+258F one.
    let rest = u32::try_from(eighths % 8).unwrap_or(0);
    if rest > 0 {
        bar.extend(char::from_u32(0x2590 - rest));
    }
    bar
}

/// Incidents as people read them: the line that opened each, and where it stands now.
fn alerts_text(report: &RunReport, terminal: &Terminal) -> String {
    let opened: Vec<_> = report
        .alerts
        .iter()
        .filter(|line| line.event == Event::Open)
        .collect();
    if report.summary.alerts == 0 {
        return "No alerts.\n".to_owned();
    }
    let mut text = counted(report.summary.alerts, "alert") + "\n";
    for open in opened.iter().take(ALERTS_SHOWN) {
        let latest = report
            .alerts
            .iter()
            .rev()
            .find(|line| line.incident == open.incident);
        text += &alert_text(open, latest.unwrap_or(open), terminal);
    }
    let more = report.summary.alerts.saturating_sub(ALERTS_SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "\n  and {more} more");
    }
    text
}

fn alert_text(open: &Alert, latest: &Alert, terminal: &Terminal) -> String {
    let severity = terminal.severity(latest.severity);
    let mut text = format!(
        "\n  {severity} {}  {} to {}, score {}\n",
        open.time, open.asset, open.jurisdiction, latest.score
    );
    text += &terminal.wrap(&open.explanation, 4);
    for detector in &open.detectors {
        let said = format!("{}: {}", detector.name.name(), detector.sentence);
        text += &terminal.wrap(&said, 4);
    }
    if latest.id != open.id {
        let now = match latest.event {
            Event::Close => "It is over now:".to_owned(),
            Event::Open | Event::Update => format!("By {}:", latest.time),
        };
        let grown = format!(
            "{now} {} in all, {} more than expected.",
            Bytes(latest.bytes),
            Bytes(latest.excess_bytes),
        );
        text += &terminal.wrap(&grown, 4);
    }
    text
}

/// A number and what it is of: `1 flow`, `2,000 flows`.
fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Columns of the bar of a share of one.
const BAR_COLUMNS: f64 = 36.0;

/// Rows of the table of jurisdictions on a terminal.
const JURISDICTIONS_SHOWN: usize = 20;

/// Incidents that are spelled out on a terminal.
const ALERTS_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(1.0).chars().count(), 36);
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0 / 36.0 / 8.0), "\u{258f}");
        assert_eq!(bar(1.5 / 36.0), "\u{2588}\u{258c}");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(counted(1, "flow"), "1 flow");
        assert_eq!(counted(2_000, "flow"), "2,000 flows");
        let texts = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }
}
