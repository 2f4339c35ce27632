//! `borderflow policy`: packs of law for people, and what would be under another one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::capture::probe;
use crate::config::Config;
use crate::pipeline::{self, Outputs, PipelineError, RunReport, Setup, Telemetry};
use crate::policy::law::{self, Language, Pack};
use crate::policy::{PolicyError, has_home};

use super::arguments::{PolicyCommand, TextLanguage, WhatIfArguments};
use super::replay::{open_geo, read_file};
use super::terminal::Terminal;
use super::{CommandError, Outcome};

pub(super) fn run(command: &PolicyCommand, terminal: &Terminal) -> Result<Outcome, CommandError> {
    let text = match command {
        PolicyCommand::List { packs, language } => law::list(&named(packs)?, (*language).into()),
        PolicyCommand::Explain {
            rule,
            pack,
            language,
        } => explain(rule, &named(pack)?, (*language).into())?,
        PolicyCommand::Diff { before, after } => diff(&open(before)?, &open(after)?),
        PolicyCommand::WhatIf(arguments) => what_if(arguments, terminal)?,
    };
    terminal.print(&text)?;
    Ok(Outcome::Complete)
}

impl From<TextLanguage> for Language {
    fn from(language: TextLanguage) -> Self {
        match language {
            TextLanguage::En => Self::En,
            TextLanguage::Zh => Self::Zh,
        }
    }
}

fn open(name: &str) -> Result<Pack, CommandError> {
    let pack = match Path::new(name).extension() {
        Some(end) if end == "toml" => Pack::read(Path::new(name)),
        _ => Pack::embedded(name),
    };
    Ok(pack.map_err(PolicyError::from)?)
}

fn named(names: &[String]) -> Result<Vec<Pack>, CommandError> {
    if names.is_empty() {
        return Ok(Pack::all_embedded().map_err(PolicyError::from)?);
    }
    names.iter().map(|name| open(name)).collect()
}

fn explain(rule: &str, packs: &[Pack], language: Language) -> Result<String, CommandError> {
    if let Some(pack) = packs.iter().find(|pack| pack.id == rule) {
        let all = pack.rules.iter();
        let all = all.filter_map(|rule| law::explain(pack, rule.id.as_str(), language));
        return Ok(all.collect::<Vec<_>>().join("\n"));
    }
    let mut found = packs
        .iter()
        .filter_map(|pack| law::explain(pack, rule, language));
    found.next().ok_or_else(|| {
        let why = format!(
            "`{rule}` is neither a rule nor a pack: `borderflow policy explain PACK` shows the \
             rules of one"
        );
        CommandError::Usage(why)
    })
}

fn diff(before: &Pack, after: &Pack) -> String {
    let differences = law::diff(before, after);
    if differences.is_empty() {
        return "The two say the same.\n".to_owned();
    }
    let mut text = String::new();
    for one in differences {
        let field = one
            .field
            .map(|field| format!(" {field}"))
            .unwrap_or_default();
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(
            text,
            "{}{field}: {} -> {}",
            one.of,
            side(&one.before),
            side(&one.after)
        );
    }
    text
}

/// What was said last of an asset and a recipient: the verdict, and by which rule.
type Said = BTreeMap<(String, String), [String; 2]>;

fn what_if(arguments: &WhatIfArguments, terminal: &Terminal) -> Result<String, CommandError> {
    let [before, after] = &arguments.pack[..] else {
        let why = "name two packs: --pack A --pack B";
        return Err(CommandError::Usage(why.to_owned()));
    };
    let packs = [open(before)?, open(after)?];
    let [one, other] = &packs;
    if one.id == other.id {
        let why = format!(
            "--pack {before} --pack {after}: both are `{}`, name two",
            one.id
        );
        return Err(CommandError::Usage(why));
    }
    let config = read_file(arguments.config.as_deref(), terminal)?;
    for pack in &packs {
        let (site, known) = (&config.site.jurisdictions.0, config.asset.known.iter());
        if !has_home(pack, site, known) {
            terminal.complain(&format!(
                "`{}` is at home neither in site.jurisdictions nor where an asset has its `home`: \
                 it judges nothing here",
                pack.id
            ));
        }
    }
    for file in &arguments.files {
        probe(file).map_err(PipelineError::from)?;
    }
    let [one, other] = [
        said_under(&arguments.files, config.clone(), before, terminal)?,
        said_under(&arguments.files, config, after, terminal)?,
    ];
    let all: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let nothing = ["nothing".to_owned(), "it is not about it".to_owned()];
    let (mut text, mut differing) = (String::new(), 0);
    for pair in &all {
        let [one, other] = [&one, &other].map(|said| said.get(*pair).unwrap_or(&nothing));
        if one[0] != other[0] {
            differing += 1;
            let _ = writeln!(text, "{} to {}", pair.0, pair.1);
            let _ = writeln!(text, "  {before}: {} ({})", one[0], one[1]);
            let _ = writeln!(text, "  {after}: {} ({})", other[0], other[1]);
        }
    }
    let _ = writeln!(
        text,
        "{differing} of {} pairs of an asset and a recipient have another verdict under {after} \
         than under {before}.",
        all.len()
    );
    Ok(text)
}

/// Replays the files under one pack.
fn said_under(
    files: &[PathBuf],
    mut config: Config,
    pack: &str,
    terminal: &Terminal,
) -> Result<Said, CommandError> {
    config.state.dir = None;
    config.policy.packs = Some(vec![pack.to_owned()]);
    let report = replay_quietly(files, config, terminal)?;
    let rows = report.standpoints.into_iter().map(|row| {
        let rule = row.said.rule.unwrap_or_else(|| "no rule".to_owned());
        let recipient = format!("{} in {}", row.recipient, row.country);
        let said = [row.said.verdict.name().to_owned(), rule];
        ((row.asset, recipient), said)
    });
    Ok(rows.collect())
}

/// Replays files for nothing but the report.
pub(super) fn replay_quietly(
    files: &[PathBuf],
    config: Config,
    terminal: &Terminal,
) -> Result<RunReport, CommandError> {
    let (policy, geo) = (config.open_policy()?, open_geo(&config)?);
    let setup = Setup {
        config,
        geo,
        policy,
        workers: 1,
        outputs: Outputs::none(),
        telemetry: Telemetry::new(),
        exchange: Default::default(),
        flow_input: None,
    };
    let stop = AtomicBool::new(false);
    let (report, damage) = pipeline::replay(files, setup, &stop, |_| {})?;
    for error in &damage {
        terminal.complain(&error.to_string());
    }
    Ok(report)
}
