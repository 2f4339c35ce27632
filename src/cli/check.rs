//! `borderflow check`: a configuration and all that it names, read and looked through.

use std::fmt::Write as _;
use std::fs;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::inventory::{Listed, Route};
use crate::pipeline::{PipelineError, wall_clock_tick};
use crate::policy::{
    Judging, Policy, Remark, Severity, ValidityMaximum, lint, lint_packs, lint_vlans,
};

use super::arguments::CheckArguments;
use super::replay::open_geo;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(
    arguments: &CheckArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let config = Config::read(&arguments.config)?;
    let (policy, geo) = (config.open_policy()?, open_geo(&config)?);
    for sink in &config.sink {
        sink.open()?;
    }
    let networks = &config.site.networks;
    config.privacy.open(networks).map_err(PipelineError::from)?;
    let today = day(arguments.on.as_deref())?;
    let (listed, text) = listed(arguments, &config)?;
    let maxima = maxima(&policy, today);
    let mut remarks = lint(&listed, policy.register(), today, &maxima);
    let judging = Judging {
        packs: policy.packs(),
        site: &config.site.jurisdictions.0,
        file: arguments.config.display().to_string().into(),
        line: line_of_packs(&text),
    };
    let approvals = policy.register().approvals();
    remarks.extend(lint_packs(&listed, approvals, &judging));
    if !config.flow.by_vlan {
        remarks.extend(lint_vlans(&listed));
    }
    remarks.sort();
    let mut text = String::new();
    for remark in &remarks {
        text += &line(remark);
    }
    let packs: Vec<_> = policy.packs().iter().map(|pack| pack.id.as_str()).collect();
    let _ = writeln!(
        text,
        "{} assets, {} approvals, packs: {}; {} databases; {}{} errors, {} warnings, {} hints",
        config.asset.known.len(),
        policy.register().approvals().len(),
        match packs.is_empty() {
            true => "none".to_owned(),
            false => packs.join(", "),
        },
        geo.databases().len(),
        match config.sink.len() {
            0 => String::new(),
            count => format!("{count} sinks; "),
        },
        count(&remarks, Severity::Error),
        count(&remarks, Severity::Warning),
        count(&remarks, Severity::Hint),
    );
    terminal.print(&text)?;
    if count(&remarks, Severity::Error) > 0 {
        let why = format!("{}: mend the errors above", arguments.config.display());
        return Err(CommandError::Usage(why));
    }
    Ok(Outcome::Complete)
}

fn line(remark: &Remark) -> String {
    format!(
        "{}:{}: {}: {} {}\n",
        remark.file,
        remark.line,
        remark.severity.name(),
        remark.sentence,
        remark.fix
    )
}

fn count(remarks: &[Remark], severity: Severity) -> usize {
    let of_severity = remarks.iter().filter(|one| one.severity == severity);
    of_severity.count()
}

/// The line that names packs, or the first one where none does.
fn line_of_packs(text: &str) -> usize {
    let mut lines = text.lines();
    let place = lines.position(|line| line.trim_start().starts_with("packs"));
    place.map_or(1, |place| place + 1)
}

/// Assets with the lines in which they are written, and the text of the configuration.
fn listed(
    arguments: &CheckArguments,
    config: &Config,
) -> Result<(Vec<Listed>, String), CommandError> {
    let path = &arguments.config;
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| CommandError::Log {
        path: name.clone(),
        source,
    })?;
    let own = Config::parse(&text, &name)?.asset.known;
    let mut listed = Listed::of_text(own, &text, &name);
    if let Some(inventory) = &config.asset.inventory {
        let folder = path.parent().unwrap_or(std::path::Path::new(""));
        let more = Listed::read(&folder.join(inventory));
        listed.extend(more.map_err(crate::config::ConfigError::from)?);
    }
    Ok((listed, text))
}

/// How long approvals can be valid by the packs, on a day.
fn maxima(policy: &Policy, today: Date) -> Vec<ValidityMaximum> {
    let of_pack = policy.packs().iter().flat_map(|pack| {
        Route::ALL.into_iter().filter_map(move |route| {
            Some(ValidityMaximum {
                regime: pack.jurisdiction.to_ascii_lowercase(),
                route,
                months: pack.valid_months(route, today)?,
            })
        })
    });
    of_pack.collect()
}

fn day(text: Option<&str>) -> Result<Date, CommandError> {
    let Some(text) = text else {
        let now = i64::try_from(wall_clock_tick().0).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_second(now).unwrap_or_default();
        return Ok(TimeZone::UTC.to_datetime(now).date());
    };
    text.parse().map_err(|_| {
        let why = format!("--on {text}: no date such as 2026-12-31");
        CommandError::Usage(why)
    })
}
