//! The commands.

mod arguments;
mod baseline;
mod caretaker;
mod check;
mod demo;
mod doctor;
mod feedback;
mod flow_input;
mod generate;
mod inspect;
mod ledger;
mod notify;
mod policy;
mod privacy;
mod progress;
mod replay;
mod report;
mod run;
mod scenario;
mod serve;
mod show;
mod sink;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;

use crate::capture::CaptureError;
use crate::config::ConfigError;
use crate::geo::GeoError;
use crate::history::HistoryError;
use crate::http::HttpError;
use crate::ledger::LedgerError;
use crate::pipeline::{DeliveryError, PipelineError};
use crate::policy::PolicyError;
use crate::sandbox::SandboxError;
use crate::simulate::{JsonLinesError, ScenarioError, SimulateError};
use crate::sink::{SinkError, SinkOpenError};
use crate::store::StoreError;

use arguments::{Arguments, BaselineCommand, Command};
use terminal::Terminal;

/// Runs the command that the arguments name.
///
/// Exit status: 0 all was read; 1 it could not start or write; 2 usage or configuration, an
/// unusable database included; 3 input was damaged and its valid part was processed; 4
/// something was seen that a pack speaks against.
pub fn main() -> ExitCode {
    let terminal = Terminal::new();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // It quotes what was typed, which may be the name of a file that somebody else has chosen.
        Err(error) if error.use_stderr() => {
            terminal.tell(&error.render().to_string());
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let result = match arguments.command {
        Command::Run(run) => run::run(&run, &terminal),
        Command::Replay(replay) => replay::run(&replay, &terminal),
        Command::Simulate(simulate) => scenario::simulate_command(&simulate, &terminal),
        Command::Evaluate(evaluate) => scenario::evaluate_command(&evaluate, &terminal),
        Command::Feedback(feedback) => feedback::run(&feedback, &terminal),
        Command::Demo(demo) => demo::run(&demo, &terminal),
        Command::Baseline(BaselineCommand::Import(import)) => baseline::import(&import, &terminal),
        Command::Baseline(BaselineCommand::Show(show)) => show::run(&show, &terminal),
        Command::Check(check) => check::run(&check, &terminal),
        Command::Doctor(doctor) => doctor::run(&doctor, &terminal),
        Command::Generate(generate) => generate::run(&generate),
        Command::Policy(policy) => policy::run(&policy, &terminal),
        Command::Inspect(inspect) => inspect::run(&inspect, &terminal),
        Command::Report(report) => report::run(&report, &terminal),
        Command::Sink(sink) => sink::run(&sink, &terminal),
        Command::Privacy(privacy) => privacy::run(&privacy, &terminal),
        Command::Ledger(ledger) => ledger::run(&ledger, &terminal),
    };
    match result {
        Ok(outcome) => outcome.into(),
        // Whoever read the output has seen enough.
        Err(error) if error.is_closed_output() => ExitCode::SUCCESS,
        Err(error) => {
            terminal.complain(&error.to_string());
            error.status()
        }
    }
}

/// How a command that did its work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Everything was read.
    Complete,
    /// Part of the input was damaged.
    Damaged,
    /// The input went away.
    Lost,
    /// Something was seen that a pack or the register speaks against.
    Breach,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::SUCCESS,
            Outcome::Lost => Self::FAILURE,
            Outcome::Damaged => Self::from(3),
            Outcome::Breach => Self::from(4),
        }
    }
}

/// Why a command did not do its work.
#[derive(Debug, Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    SinkOpen(#[from] SinkOpenError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    #[error("{name}: {source}")]
    Lines {
        name: String,
        source: JsonLinesError,
    },
    #[error("{path}: {source}")]
    Log {
        path: String,
        source: std::io::Error,
    },
    #[error("{0}")]
    Usage(String),
    #[error("signals cannot be handled: {0}")]
    Signals(std::io::Error),
}

impl CommandError {
    fn is_closed_output(&self) -> bool {
        matches!(
            self,
            Self::Sink(SinkError::Closed(_))
                | Self::Pipeline(PipelineError::Sink(SinkError::Closed(_)))
        )
    }

    fn status(&self) -> ExitCode {
        match self {
            Self::Config(_)
            | Self::Policy(_)
            | Self::Scenario(_)
            | Self::Usage(_)
            | Self::Delivery(DeliveryError::Open(_))
            | Self::SinkOpen(_)
            | Self::Sandbox(SandboxError::NoUser(_) | SandboxError::NotRoot(_))
            | Self::Http(
                HttpError::NotLoopback(_) | HttpError::Token { .. } | HttpError::WebConfig(_),
            )
            | Self::History(HistoryError::OfSensor(_))
            | Self::Pipeline(
                PipelineError::Geo(_)
                | PipelineError::Calendar(_)
                | PipelineError::Inspect(_)
                | PipelineError::Privacy(_),
            )
            | Self::Pipeline(PipelineError::Capture(CaptureError::BadFilter { .. })) => {
                ExitCode::from(2)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<GeoError> for CommandError {
    fn from(error: GeoError) -> Self {
        Self::Pipeline(error.into())
    }
}
