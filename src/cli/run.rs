//! `borderflow run`.

use std::sync::Arc;

use crate::capture::{LiveConfig, LiveSource};
use crate::config::Config;
use crate::geo::Geo;
use crate::history::Origin;
use crate::ledger::Key;
use crate::pipeline::{
    self, Commits, Exchange, FlowInput, Heading, Outputs, PipelineError, Recorder, Sending, Setup,
    Telemetry,
};
use crate::policy::Policy;
use crate::sandbox::Sandbox;
use crate::sink::{JsonLines, OutFolder};

use super::arguments::RunArguments;
use super::caretaker::{Caretaker, Settings, Signals};
use super::notify::Notifier;
use super::replay::{complain_of, end, read_config, report_text, stop_flag};
use super::serve::{Admission, serve, with_history};
use super::terminal::Terminal;
use super::{CommandError, Outcome, flow_input, sink};

pub(super) fn run(arguments: &RunArguments, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let (signals, stop) = (Signals::new()?, stop_flag()?);
    let notifier = Notifier::of_environment().unwrap_or_else(|error| {
        terminal.complain(&format!(
            "NOTIFY_SOCKET: {error}; the service manager is not told"
        ));
        Notifier::default()
    });
    let (mut config, geo) = read_config(&arguments.common, terminal)?;
    flow_input::complete(&mut config.flow_input, arguments)?;
    let config = config;
    let policy = config.open_policy()?;
    let key = ledger_key(&config)?;
    let admission = Admission::read(&arguments.common, None, &config)?;
    // Before the output folder is touched, every interface must be there.
    let sources = open_sources(arguments, &config)?;
    let flow_input = FlowInput::open(&config.flow_input)?;
    let inputs = flow_input::inputs(
        &arguments.interface,
        flow_input.as_ref(),
        &config.flow_input,
    );
    let file = arguments.common.config.as_deref();
    enter_sandbox(arguments, &config, terminal)?;
    let ledger = open_ledger(&inputs, &config, key, &geo, &policy)?;
    let telemetry = Telemetry::new();
    let sinks = sink::start(&config, Sending::Live, &telemetry)?;
    let (common, sensor) = (&arguments.common, (&config, &inputs[..]));
    serve(common, None, admission, sensor, &telemetry, terminal)?;
    let folder = arguments.common.out.as_deref();
    let folder = folder
        .map(|path| OutFolder::create(path, &[]))
        .transpose()?;
    let outputs = open_outputs(folder.as_ref(), &policy, ledger)?;
    let exchange = Arc::new(Exchange::default());
    let caretaker = Caretaker {
        terminal,
        notifier,
        signals,
        telemetry: Arc::clone(&telemetry),
        exchange: Arc::clone(&exchange),
        stop: Arc::clone(&stop),
        settings: Settings::new(file, &config),
    };
    let outputs = outputs.with_sinks(sinks);
    let outputs = with_history(outputs, &config, Origin::Sensor, &telemetry, terminal)?;
    let setup = Setup {
        config,
        geo,
        policy,
        workers: arguments.common.workers,
        outputs,
        telemetry,
        exchange,
        flow_input,
    };
    terminal.complain(&flow_input::watching(&inputs));
    let announce = |note: &str| terminal.complain(note);
    let ran = caretaker.beside(|| pipeline::live(sources, setup, &stop, &announce));
    let (report, lost) = ran?;
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

/// Gives up what is not needed, before any thread begins, and before anything is read from
/// strangers.
fn enter_sandbox(
    arguments: &RunArguments,
    config: &Config,
    terminal: &Terminal,
) -> Result<(), CommandError> {
    let common = &arguments.common;
    let sandbox = Sandbox::new(config, common.config.as_deref());
    let sandbox = sandbox.with_user(arguments.user.as_deref());
    let sandbox = sandbox.with_interfaces(!arguments.interface.is_empty());
    let sandbox = sandbox.with_folder(common.out.as_deref());
    let notes = sandbox.enter()?;
    notes.iter().for_each(|note| terminal.complain(note));
    Ok(())
}

/// Opens all interfaces.
fn open_sources(
    arguments: &RunArguments,
    config: &Config,
) -> Result<Vec<Vec<LiveSource>>, CommandError> {
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
    let sources: Result<_, _> = sources.collect();
    Ok(sources.map_err(PipelineError::from)?)
}

/// Opens what results are written to.
fn open_outputs(
    folder: Option<&OutFolder>,
    policy: &Policy,
    ledger: Option<Recorder>,
) -> Result<Outputs, CommandError> {
    let outputs = match folder {
        Some(folder) => Outputs::of_sensor(folder, !policy.is_empty())?,
        None => {
            let stream = Box::new(std::io::stdout());
            Outputs::alerts_to(JsonLines::to("standard output".to_owned(), stream))
        }
    };
    Ok(match ledger {
        Some(recorder) => outputs.with_ledger(recorder),
        None => outputs,
    })
}

/// The key of the ledger, if the configuration names one.
fn ledger_key(config: &Config) -> Result<Option<Key>, CommandError> {
    if config.ledger.dir.is_none() {
        return Ok(None);
    }
    let file = config.ledger.key.as_ref().ok_or_else(|| {
        let why = "ledger.dir needs ledger.key: make one with `borderflow ledger key FILE`";
        CommandError::Usage(why.to_owned())
    })?;
    Ok(Some(Key::read(file)?))
}

/// The ledger of the configuration, if it names one.
fn open_ledger(
    inputs: &[String],
    config: &Config,
    key: Option<Key>,
    geo: &Geo,
    policy: &Policy,
) -> Result<Option<Recorder>, CommandError> {
    let (Some(folder), Some(key)) = (&config.ledger.dir, key) else {
        return Ok(None);
    };
    let heading = Heading {
        inputs,
        config,
        databases: geo.databases(),
        policy,
    };
    let recorder = Recorder::open(folder, key, Commits::AtOnce, &heading)?;
    Ok(Some(recorder))
}
