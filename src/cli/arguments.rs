//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::alert::Verdict;

use super::privacy::PrivacyCommand;

mod governance;

pub(super) use governance::{
    CheckArguments, InspectArguments, LedgerCommand, PolicyCommand, ReportArguments, ReportForm,
    TextLanguage, WhatIfArguments,
};

/// Real-time detector of anomalous cross-border data flows.
#[derive(Debug, Parser)]
#[command(version, long_version = LONG_VERSION, about, after_help = STATUS, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Watch live interfaces and alert while an abnormal transfer still runs
    Run(RunArguments),
    /// Read capture files as if they were happening
    Replay(ReplayArguments),
    /// Write a capture of a scenario, with the truth about its leaks
    Simulate(SimulateArguments),
    /// Hold alerts against the truth
    Evaluate(EvaluateArguments),
    /// Say what an incident was, list what was said, or take it back
    Feedback(FeedbackArguments),
    /// Simulate three weeks of a small site, replay them, and say how well it went
    Demo(DemoArguments),
    /// Show what is normal, or learn it from logs
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Read a configuration and all that it names, and say what is odd in it
    Check(CheckArguments),
    /// Look for what keeps a sensor from seeing everything, and say how to mend it
    Doctor(DoctorArguments),
    /// Write manual pages and completions of shells, for a package
    #[command(hide = true)]
    Generate(GenerateArguments),
    /// List, explain and compare packs of law
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Hold captures, or days of a ledger, against packs of law: status 4 if one speaks against
    /// an export
    Inspect(InspectArguments),
    /// Write a report of a window of days from a ledger
    Report(ReportArguments),
    /// Try out where alerts are handed to
    #[command(subcommand)]
    Sink(SinkCommand),
    /// Make a key of pseudonyms, or say what they stand for
    #[command(subcommand)]
    Privacy(PrivacyCommand),
    /// Check, prove and show what a ledger holds, or make a key for one
    #[command(subcommand)]
    Ledger(LedgerCommand),
}

#[derive(Debug, Subcommand)]
pub(super) enum BaselineCommand {
    /// Learn from Zeek's conn.log (tabs or JSON) or a CSV of time,asset,country,bytes
    Import(ImportArguments),
    /// Print what is normal: all assets, or one with its hours and countries
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// Name or address of an asset
    pub(super) asset: Option<String>,
    /// Folder of the learned baseline, which a sensor may be using
    #[arg(long, value_name = "DIR")]
    pub(super) state: PathBuf,
    /// The sensor's configuration, for the names of its assets
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// Logs, plain or packed with gzip, read one after the other: oldest first
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Folder of the learned baseline, read at the start and written at the end
    #[arg(long, value_name = "DIR")]
    pub(super) state: PathBuf,
    /// Configuration; without one home is CN and assets are the private ranges
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Folder for alerts.jsonl and shadow.jsonl; made if there is none
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Configuration of the sensor
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Interface that is to be captured; may be given more than once
    #[arg(long, short, value_name = "IF")]
    pub(super) interface: Vec<String>,
    /// Folder for results, as `run --out` has it
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// Folder to write them to
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum SinkCommand {
    /// Send a marked test event through each [[sink]], and say what became of it: status 1 if one
    /// did not take it
    Test(SinkTestArguments),
}

#[derive(Debug, Args)]
pub(super) struct SinkTestArguments {
    /// Configuration that has the sinks
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,
    /// Only the sink of this name
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Interface to capture from; may be given more than once
    #[arg(long, short, value_name = "IF")]
    pub(super) interface: Vec<String>,
    /// Take NetFlow v5 and v9, IPFIX and sFlow here, such as on 127.0.0.1:2055, beside those that
    /// flow_input.listen names; may be given more than once
    #[arg(long, value_name = "ADDR")]
    pub(super) flow_input: Vec<SocketAddr>,
    /// Who may send them, beside this host: an address or a prefix; may be given more than once
    #[arg(long, value_name = "PREFIX", requires = "flow_input")]
    pub(super) exporter: Vec<String>,
    /// Take what Zeek appends to this conn.log, with tabs or as JSON, from now on, beside those
    /// that flow_input.conn_logs names; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub(super) conn_log: Vec<PathBuf>,
    /// Take only packets that match, in the syntax of pcap-filter(7)
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// Account to go on as, once the interfaces are open, where root has started this
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,
    #[command(flatten)]
    pub(super) common: CommonArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Capture files (pcap or pcapng, plain or packed with gzip or zstd), merged by the times of
    /// their packets; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Wait for more at the end of the last file, which is still being written, until SIGINT or
    /// SIGTERM; a pipe ends when its writer does
    #[arg(long)]
    pub(super) follow: bool,
    /// Write every flow to flows.jsonl
    #[arg(long, requires = "out")]
    pub(super) flows: bool,
    /// Write every transfer across the border to transfers.jsonl
    #[arg(long, requires = "out")]
    pub(super) transfers: bool,
    /// Write a ledger to the folder `ledger` of --out, signed by --key or ledger.key
    #[arg(long, requires = "out")]
    pub(super) ledger: bool,
    /// Key by which the ledger is signed, as `borderflow ledger key` makes it
    #[arg(long, value_name = "FILE", requires = "ledger")]
    pub(super) key: Option<PathBuf>,
    /// Hand alerts to each [[sink]] of the configuration, as `run` does: others cannot tell them
    /// from live ones but by their times
    #[arg(long, requires = "config")]
    pub(super) send: bool,
    /// Serve the console over the results, until Ctrl-C
    #[arg(
        long,
        value_name = "ADDR",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9477",
        conflicts_with = "metrics"
    )]
    pub(super) console: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) common: CommonArguments,
}

/// What `run` and `replay` have in common.
#[derive(Debug, Args)]
pub(super) struct CommonArguments {
    /// Configuration; without one home is CN and assets are the private ranges
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Folder for alerts.jsonl, shadow.jsonl and summary.json; made if there is none
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Threads that follow flows; one runs everything in a single thread
    #[arg(long, value_name = "N", default_value_t = default_workers(), value_parser = workers)]
    pub(super) workers: usize,
    /// Folder of the learned baseline, read at the start and written at the end. `run` uses
    /// state.dir if this is not given, `replay` then starts from nothing
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Folder of a history that the console shows: hours, alerts and verdicts. `run` adds to it
    /// and uses history.dir if this is not given, `replay` begins anew
    #[arg(long, value_name = "DIR")]
    pub(super) history: Option<PathBuf>,
    /// Serve the console, /metrics, /healthz and /readyz here, on a loopback address such as
    /// 127.0.0.1:9477; on another with --web-config alone
    #[arg(long, value_name = "ADDR")]
    pub(super) metrics: Option<SocketAddr>,
    /// Certificate and users by which that is served, in the format of the exporters of
    /// Prometheus: tls_server_config, basic_auth_users; http.web_config if not given
    #[arg(long, value_name = "FILE")]
    pub(super) web_config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Scenario to play
    #[arg(value_name = "SCENARIO.toml")]
    pub(super) scenario: PathBuf,
    /// Capture to write
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Truth to write, one leak or benign surprise per line
    #[arg(long, value_name = "FILE")]
    pub(super) truth: PathBuf,
    /// Configuration to write for a sensor that reads the capture; for scenarios with a [world],
    /// whose addresses are invented
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Seed to use instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// Truth, as `simulate` writes it
    #[arg(value_name = "TRUTH.jsonl")]
    pub(super) truth: PathBuf,
    /// Alerts, as `replay --out` and `run` write them
    #[arg(value_name = "ALERTS.jsonl")]
    pub(super) alerts: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct FeedbackArguments {
    #[command(subcommand)]
    pub(super) action: Option<FeedbackAction>,
    /// Name of the incident, as alerts.jsonl has it
    #[arg(value_name = "INCIDENT", required = true)]
    pub(super) incident: Option<String>,
    /// What it was
    #[arg(value_name = "VERDICT", required = true)]
    pub(super) verdict: Option<FeedbackVerdict>,
    /// Folder of the sensor's state, which takes the log feedback.jsonl
    #[arg(long, value_name = "DIR", required = true)]
    pub(super) state: Option<PathBuf>,
    /// Key of pseudonyms, where the incident is named by one
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Last day (UTC) on which it is expected, 90 days ahead if not given
    #[arg(long, value_name = "DATE")]
    pub(super) until: Option<String>,
    /// Why, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// Who says so, the name of the account if not given
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum FeedbackAction {
    /// List what was said, and whether it stands
    List {
        /// Folder of the sensor's state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
    /// Take back what was said
    Undo {
        /// Number of the line, as `list` shows it
        #[arg(value_name = "N")]
        number: u64,
        /// Folder of the sensor's state
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Who says so, the name of the account if not given
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FeedbackVerdict {
    /// It was harmless: the incident is closed, and for a day twice as much is accepted
    BenignOnce,
    /// It will come again: a quarter more than was seen is accepted until a date
    Expected,
    /// It is a leak: it never becomes normal
    Malicious,
}

impl From<FeedbackVerdict> for Verdict {
    fn from(told: FeedbackVerdict) -> Self {
        match told {
            FeedbackVerdict::BenignOnce => Self::BenignOnce,
            FeedbackVerdict::Expected => Self::Expected,
            FeedbackVerdict::Malicious => Self::Malicious,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// Folder for the capture, the truth and the results
    #[arg(long, value_name = "DIR", default_value = "out/demo")]
    pub(super) out: PathBuf,
}

/// With two cores, two workers beside the reader are faster than everything in one thread
/// (docs/numbers.md); from four on, reader and analyst have a core each.
fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    match cores {
        1..=3 => cores.min(2),
        _ => (cores - 2).min(crate::pipeline::WORKERS_MAX),
    }
}

fn workers(text: &str) -> Result<usize, String> {
    let most = crate::pipeline::WORKERS_MAX;
    match text.parse() {
        Ok(workers) if (1..=most).contains(&workers) => Ok(workers),
        _ => Err(format!("a number from 1 to {most}")),
    }
}

const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nIP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0;",
    "\nAS data also from RouteViews and the NRO.",
    "\nThe embedded databases hold data of June 2026;",
    " their publisher warns that they may contain errors."
);

const STATUS: &str = "Exit status: 0 all read; 1 could not start or write; 2 usage or \
    configuration; 3 damaged input, its valid part processed; 4 `inspect` saw a breach.";
