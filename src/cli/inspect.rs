//! `borderflow inspect`: captures, or days of a ledger, held against packs of law, for a script to
//! go by.

mod ledger;

use std::fmt::Write as _;

use serde_json::json;

use crate::capture::probe;
use crate::pipeline::{PipelineError, StandpointRow};
use crate::policy::Standpoint;
use crate::policy::law::Verdict;

use self::ledger::{of_ledger, window};
use super::arguments::InspectArguments;
use super::policy::replay_quietly;
use super::replay::read_file;
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(
    arguments: &InspectArguments,
    terminal: &Terminal,
) -> Result<Outcome, CommandError> {
    let mut rows = match &arguments.ledger {
        Some(folder) => {
            let [from, to] = [&arguments.from, &arguments.to];
            of_ledger(
                folder,
                window(from.as_deref(), to.as_deref())?,
                &arguments.pack,
            )?
        }
        None => of_captures(arguments, terminal)?,
    };
    rows.sort_by(|a, b| {
        let key = |row: &StandpointRow| (finding(&row.said), row.bytes);
        key(b).cmp(&key(a))
    });
    let text = match arguments.json {
        true => as_json(&rows),
        false => as_text(&rows),
    };
    terminal.print(&text)?;
    let has_failed = rows.iter().any(|row| finding(&row.said) == Finding::Fail);
    Ok(match has_failed {
        true => Outcome::Breach,
        false => Outcome::Complete,
    })
}

/// Replays captures under the packs that are asked for.
fn of_captures(
    arguments: &InspectArguments,
    terminal: &Terminal,
) -> Result<Vec<StandpointRow>, CommandError> {
    for file in &arguments.files {
        probe(file).map_err(PipelineError::from)?;
    }
    let mut config = read_file(arguments.config.as_deref(), terminal)?;
    config.state.dir = None;
    if !arguments.pack.is_empty() {
        config.policy.packs = Some(arguments.pack.clone());
    }
    Ok(replay_quietly(&arguments.files, config, terminal)?.standpoints)
}

/// What a verdict comes to; the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Pass,
    Undetermined,
    Fail,
}

impl Finding {
    const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Undetermined => "undetermined",
            Self::Fail => "fail",
        }
    }
}

/// Only what an approval covers passes: of the rest a sensor cannot tell that all is well, nor of
/// what passes a threshold together with others.
const fn finding(said: &Standpoint) -> Finding {
    match said.verdict {
        Verdict::Approved if said.splitting.is_none() => Finding::Pass,
        Verdict::Approved | Verdict::NotDeterminable => Finding::Undetermined,
        _ => Finding::Fail,
    }
}

fn as_json(rows: &[StandpointRow]) -> String {
    let lines = rows.iter().map(|row| {
        let line = json!({
            "finding": finding(&row.said).name(),
            "asset": row.asset,
            "jurisdiction": row.country,
            "recipient": row.recipient,
            "bytes": row.bytes,
            "pack": row.pack,
            "verdict": row.said.verdict,
            "severity": row.said.severity,
            "rule": row.said.rule,
            "cite": row.said.cite,
            "approval": row.said.approval,
            "splitting": row.said.splitting,
        });
        format!("{line}\n")
    });
    lines.collect()
}

fn as_text(rows: &[StandpointRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let said = &row.said;
        let rule = match (&said.rule, &said.cite) {
            (Some(rule), Some(cite)) => format!("{rule}: {cite}"),
            _ => "no rule".to_owned(),
        };
        let approval = said.approval.as_deref().unwrap_or("no approval");
        let others = said.splitting.as_ref();
        let others = others.map(|rule| format!("; with others past {rule}"));
        let others = others.unwrap_or_default();
        let _ = writeln!(
            text,
            "{:<12} {} to {} in {}: {} bytes, {} by {} ({rule}; {approval}{others})",
            finding(said).name(),
            row.asset,
            row.recipient,
            row.country,
            row.bytes,
            said.verdict.name(),
            row.pack,
        );
    }
    let count = |wanted| {
        let of_it = rows.iter().filter(|row| finding(&row.said) == wanted);
        of_it.count()
    };
    let _ = writeln!(
        text,
        "{} fail, {} undetermined, {} pass. What passes is covered by an approval of the \
         register; what does not fail need not be permitted: a sensor sees lower bounds.",
        count(Finding::Fail),
        count(Finding::Undetermined),
        count(Finding::Pass),
    );
    text
}
