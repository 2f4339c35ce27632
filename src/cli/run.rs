//! `borderflow run`.

use crate::capture::{LiveConfig, LiveSource};
use crate::config::Config;
use crate::geo::Geo;
use crate::history::Origin;
use crate::ledger::Key;
use crate::pipeline::{self, Commits, Heading, Outputs, PipelineError, Recorder, Setup, Telemetry};
use crate::policy::Policy;
use crate::sink::{JsonLines, OutFolder};

use super::arguments::RunArguments;
use super::replay::{complain_of, end, read_config, report_text, stop_flag};
use super::serve::{serve, with_history};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(arguments: &RunArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let (config, geo) = read_config(&arguments.common, terminal)?;
    let policy = config.open_policy()?;
    let ledger = open_ledger(&arguments.interface, &config, &geo, &policy)?;
    // Before the output folder is touched, every interface must be there.
    let sources = arguments.interface.iter().map(|interface| {
        let config = LiveConfig {
            interface: interface.clone(),
            filter: arguments.filter.clone(),
            snap_length_bytes: config.capture.snap_length_bytes,
            buffer_bytes: config.capture.buffer_bytes,
            promiscuous: config.capture.promiscuous,
            method: config.capture.method,
            wait_for_interface: config.capture.wait_for_interface,
        };
        LiveSource::open_group(&config, arguments.common.workers)
    });
    let sources: Vec<_> = sources
        .collect::<Result<_, _>>()
        .map_err(PipelineError::from)?;
    let telemetry = Telemetry::new();
    let inputs = arguments.interface.iter();
    let inputs: Vec<_> = inputs.map(|name| format!("interface {name}")).collect();
    let common = &arguments.common;
    serve(common, None, (&config, &inputs), &telemetry, terminal)?;
    let folder = arguments.common.out.as_deref();
    let folder = folder
        .map(|path| OutFolder::create(path, &[]))
        .transpose()?;
    let outputs = match &folder {
        Some(folder) => {
            let outputs = Outputs::to_folder(folder, false, false)?;
            match policy.is_empty() {
                true => outputs,
                false => outputs.with_verdicts(folder)?,
            }
        }
        None => {
            let stream = Box::new(std::io::stdout());
            Outputs::alerts_to(JsonLines::to("standard output".to_owned(), stream))
        }
    };
    let outputs = match ledger {
        Some(recorder) => outputs.with_ledger(recorder),
        None => outputs,
    };
    let outputs = with_history(outputs, &config, Origin::Sensor, &telemetry, terminal)?;
    let setup = Setup {
        config,
        geo,
        policy,
        workers: arguments.common.workers,
        outputs,
        telemetry,
    };
    let stop = stop_flag()?;
    terminal.complain(&format!(
        "watching {}; stop with Ctrl-C",
        arguments.interface.join(", ")
    ));
    let (report, lost) = pipeline::live(sources, setup, &stop, &|note| terminal.complain(note))?;
    complain_of(&lost, terminal);
    if let Some(folder) = &folder {
        folder.json("summary.json", &report.summary)?;
    }
    // Standard output is for alerts alone; the summary is for whoever watches.
    terminal.tell(&report_text(&report, terminal));
    end(report.state_error, report.ledger_error)?;
    Ok(if lost.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Lost
    })
}

/// The ledger of the configuration, if it names one.
fn open_ledger(
    interfaces: &[String],
    config: &Config,
    geo: &Geo,
    policy: &Policy,
) -> Result<Option<Recorder>, CommandError> {
    let Some(folder) = &config.ledger.dir else {
        return Ok(None);
    };
    let file = config.ledger.key.as_ref().ok_or_else(|| {
        let why = "ledger.dir needs ledger.key: make one with `borderflow ledger key FILE`";
        CommandError::Usage(why.to_owned())
    })?;
    let inputs = interfaces.iter().map(|name| format!("interface {name}"));
    let heading = Heading {
        inputs: &inputs.collect::<Vec<_>>(),
        config,
        databases: geo.databases(),
        policy,
    };
    let recorder = Recorder::open(folder, Key::read(file)?, Commits::AtOnce, &heading)?;
    Ok(Some(recorder))
}
