//! `borderflow doctor`: what keeps a sensor from seeing everything, each with its fix.

mod clock;
mod files;
mod flow_input;
#[cfg(target_os = "linux")]
mod interface;

use std::fmt::Write as _;

use serde::Serialize;

use crate::capture::Method;
use crate::config::Config;

use super::arguments::DoctorArguments;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

/// What was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    check: &'static str,
    level: Level,
    text: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    /// The sensor runs, and some of what it says may be off.
    Warn,
    /// The sensor does not run, or sees nothing.
    Fail,
}

/// What is looked at.
#[derive(Debug)]
struct Patient {
    config: Config,
}

/// The report of `--json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    worst: Level,
    findings: &'a [Finding],
}

pub(super) fn run(
    arguments: &DoctorArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let (config, geo, mut findings) = files::configuration(arguments);
    let patient = Patient { config };
    findings.insert(0, permissions(&patient));
    findings.extend(interfaces(arguments, &patient));
    findings.extend(flow_input::findings(&patient.config.flow_input));
    findings.push(clock_finding());
    if let Some(geo) = &geo {
        findings.extend(files::databases(geo.databases()));
    }
    let config = &patient.config;
    let folders = [
        ("state.dir", config.state.dir.as_ref()),
        ("ledger.dir", config.ledger.dir.as_ref()),
        ("--out", arguments.out.as_ref()),
    ];
    let named = folders
        .iter()
        .filter_map(|(key, path)| Some((*key, (*path)?)));
    findings.extend(named.map(|(key, path)| files::folder(key, path)));
    match &config.state.dir {
        Some(folder) if folder.is_dir() => findings.extend(files::learned(folder, config)),
        Some(_) => {}
        None => findings.push(Finding::warn(
            "state",
            "no state.dir: every start learns anew",
            "set state.dir, such as /var/lib/borderflow",
        )),
    }
    let worst = findings.iter().map(|one| one.level).max();
    let worst = worst.unwrap_or(Level::Ok);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        worst,
        findings: &findings,
    };
    terminal.print(&match arguments.json {
        true => json(&report),
        false => text(&report),
    })?;
    Ok(match worst {
        Level::Fail => Outcome::Lost,
        _ => Outcome::Complete,
    })
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Level::Ok, text, None)
    }

    fn warn(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Warn, text, Some(fix.into()))
    }

    fn fail(check: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(check, Level::Fail, text, Some(fix.into()))
    }

    fn new(
        check: &'static str,
        level: Level,
        text: impl Into<String>,
        fix: Option<String>,
    ) -> Self {
        let text = text.into();
        Self {
            check,
            level,
            text,
            fix,
        }
    }
}

/// Whether this account can open an interface with this program.
#[cfg(target_os = "linux")]
fn permissions(patient: &Patient) -> Finding {
    use rustix::thread::{CapabilitySet, capabilities};
    let (needed, names) = match patient.config.capture.method {
        Method::Xdp => (
            CapabilitySet::NET_RAW | CapabilitySet::NET_ADMIN | CapabilitySet::BPF,
            "cap_net_raw,cap_net_admin,cap_bpf",
        ),
        _ => (CapabilitySet::NET_RAW, "cap_net_raw"),
    };
    let has = capabilities(None).is_ok_and(|sets| sets.effective.contains(needed));
    match has {
        true => Finding::ok("permissions", format!("this account has {names}")),
        false => {
            let program = std::env::current_exe().unwrap_or_else(|_| "borderflow".into());
            Finding::fail(
                "permissions",
                format!("this account may not open interfaces: it has no {names}"),
                format!("sudo setcap {names}=ep {}", program.display()),
            )
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn permissions(_: &Patient) -> Finding {
    Finding::ok(
        "permissions",
        "this system says so when an interface is opened",
    )
}

fn interfaces(arguments: &DoctorArguments, patient: &Patient) -> Vec<Finding> {
    if arguments.interface.is_empty() {
        if patient.config.flow_input.is_on() {
            return Vec::new();
        }
        let text = "no --interface: what interfaces do to frames was not looked at";
        let fix = "borderflow doctor --interface eth1";
        return vec![Finding::warn("interface", text, fix)];
    }
    #[cfg(target_os = "linux")]
    {
        let all = arguments.interface.iter();
        all.flat_map(|interface| interface::examine(interface, patient))
            .collect()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = patient;
        Vec::new()
    }
}

/// By how much a clock may be wrong for hours to be hours, in microseconds.
const CLOCK_ERROR_MICROS_MAX: libc::c_long = 1_000_000;

fn clock_finding() -> Finding {
    let fix = "timedatectl set-ntp true, or install chrony";
    match clock::read() {
        Ok(clock) => {
            let millis = clock.error_micros / 1_000;
            match (clock.is_synchronised, clock.error_micros) {
                (true, ..=CLOCK_ERROR_MICROS_MAX) => {
                    Finding::ok("clock", format!("is kept right, to {millis} ms"))
                }
                (true, _) => Finding::warn("clock", format!("may be wrong by {millis} ms"), fix),
                (false, _) => {
                    let text = "nothing keeps it right: hours of alerts and of the ledger may be \
                                off, and a clock that is set back stops a sensor";
                    Finding::warn("clock", text, fix)
                }
            }
        }
        Err(error) => Finding::warn("clock", format!("cannot be asked: {error}"), fix),
    }
}

fn json(report: &Report<'_>) -> String {
    let text = serde_json::to_string_pretty(report);
    text.unwrap_or_default() + "\n"
}

fn text(report: &Report<'_>) -> String {
    let mut text = String::new();
    for finding in report.findings {
        let level = match finding.level {
            Level::Ok => "ok  ",
            Level::Warn => "WARN",
            Level::Fail => "FAIL",
        };
        let _ = writeln!(text, "{level}  {}: {}", finding.check, finding.text);
        if let Some(fix) = &finding.fix {
            // A command is to be copied, so that no line is broken.
            let _ = writeln!(text, "      fix: {fix}");
        }
    }
    let count = |level| {
        report
            .findings
            .iter()
            .filter(|one| one.level == level)
            .count()
    };
    let (warnings, failures) = (count(Level::Warn), count(Level::Fail));
    let _ = writeln!(text, "\n{failures} failures, {warnings} warnings");
    text
}
