//! `borderflow report`: a window of a ledger as a document.

use std::fs;
use std::path::Path;

use jiff::civil::Date;

use crate::ledger::{Filter, Head, show};
use crate::pipeline::wall_clock_tick;
use crate::report::{self, Gatherer, Kind, Language, Report, Request};
use crate::time::Tick;

use super::arguments::{ReportArguments, ReportForm, TextLanguage};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(
    arguments: &ReportArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let mut gatherer = Gatherer::new(request(arguments)?);
    for entry in show(&arguments.ledger, Filter::default())? {
        let entry = entry?;
        let body = serde_json::from_str(&entry.body).unwrap_or_default();
        gatherer.take(entry.index, entry.time, entry.kind.name(), &body);
    }
    let report = gatherer.finish(head(&arguments.ledger)?);
    let text = written(&report, arguments.form);
    match &arguments.output {
        None => terminal.print(&text)?,
        Some(path) => fs::write(path, text).map_err(|source| CommandError::Log {
            path: path.display().to_string(),
            source,
        })?,
    }
    Ok(Outcome::Complete)
}

fn request(arguments: &ReportArguments) -> Result<Request, CommandError> {
    let kind = Kind::from_name(&arguments.kind).ok_or_else(|| {
        let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        let name = &arguments.kind;
        CommandError::Usage(format!("`{name}` is no report: use {}", all.join(", ")))
    })?;
    let (from, to) = (day("--from", &arguments.from)?, day("--to", &arguments.to)?);
    if to < from {
        let why = format!("--to {to} lies before --from {from}: exchange them");
        return Err(CommandError::Usage(why));
    }
    let now = arguments.now.as_deref().map(|text| {
        text.parse::<Tick>().map_err(|_| {
            let why = format!("--now {text}: no time such as 2026-11-26T09:00:00Z");
            CommandError::Usage(why)
        })
    });
    Ok(Request {
        kind,
        from,
        to,
        entity: arguments.entity.clone(),
        incident: arguments.incident.clone(),
        language: match arguments.language {
            TextLanguage::En => Language::English,
            TextLanguage::Zh => Language::Chinese,
        },
        now: now.transpose()?.unwrap_or_else(wall_clock_tick),
    })
}

fn day(option: &str, text: &str) -> Result<Date, CommandError> {
    text.parse().map_err(|_| {
        let why = format!("{option} {text}: no date such as 2026-12-31");
        CommandError::Usage(why)
    })
}

/// The last head that the ledger's key has signed, if there is one.
fn head(folder: &Path) -> Result<Option<report::Head>, CommandError> {
    let head = crate::ledger::last_head(folder)?;
    Ok(head.map(|head: Head| report::Head {
        size: head.size,
        root_hex: head.root.to_string(),
        time: head.time.to_string(),
        public_key: head.key.to_string(),
    }))
}

fn written(report: &Report, form: ReportForm) -> String {
    match form {
        ReportForm::Markdown => report.markdown(),
        ReportForm::Html => report.html(),
        ReportForm::Json => report.json(),
        ReportForm::Csv => report.csv(),
    }
}
