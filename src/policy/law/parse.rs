//! TOML to packs. Unknown fields are refused, and complaints name file, line and column.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;
use toml::Spanned;

use super::pack::{Adequacy, Pack, PackStatus};
use super::rule::{Rule, RuleId, WrittenRule};
use super::source::{FILE_BYTES_MAX, Source};
use super::terms::{Day, Text, WrittenCountry};
use crate::inventory::one_line;

/// The version of the format that this program reads.
const SCHEMA: u32 = 1;

/// Rules of a pack and of all that it extends.
const RULES_MAX: usize = 1_000;

/// Adequacies that a pack may add.
const ADEQUACIES_MAX: usize = 1_000;

/// Packs that are read for one, itself included.
const PACKS_MAX: usize = 32;

/// Bytes of the longest name of a pack.
const PACK_ID_BYTES_MAX: usize = 64;

/// Why a pack was refused.
#[derive(Debug, Error)]
pub enum PackError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too large to be a pack.
    #[error("{0}: larger than a policy pack can be (1 MiB)")]
    TooLarge(String),
    /// No pack of that name is built in.
    #[error("`{id}` is no pack that is built in: name one of {known}, or the path of a file")]
    Unknown {
        /// The name.
        id: String,
        /// The names that are.
        known: String,
    },
    /// The text is not what is expected.
    #[error("{path}:{line}:{column}: {message}")]
    Text {
        /// The file.
        path: String,
        /// Line, the first being 1.
        line: usize,
        /// Column in characters, the first being 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

/// Finds the text of a pack that another extends, by its name.
type Find<'a> = &'a dyn Fn(&str) -> Result<Option<Source>, PackError>;

/// What is looked at before all else: a newer format may have fields that are unknown here.
#[derive(Deserialize)]
struct Glance {
    pack: GlanceHeader,
}

#[derive(Deserialize)]
struct GlanceHeader {
    schema: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPack {
    pack: Header,
    #[serde(default, rename = "rule")]
    rules: Vec<WrittenRule>,
    #[serde(default, rename = "adequacy")]
    adequacies: Vec<Spanned<Adequacy>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// Read by [`Glance`].
    #[serde(rename = "schema")]
    _schema: u32,
    id: Spanned<PackId>,
    version: Day,
    title: Text,
    jurisdiction: String,
    home: Spanned<Vec<WrittenCountry>>,
    foreign_extra: Option<Spanned<Vec<WrittenCountry>>>,
    time_zone: Spanned<String>,
    status: Spanned<PackStatus>,
    source: String,
    read_by: Option<String>,
    read_on: Option<Day>,
    #[serde(default)]
    extends: Vec<Spanned<PackId>>,
}

/// The name of a pack, which can stand in the name of a file.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct PackId(String);

/// Reads a pack and all that it extends.
pub(super) fn load(source: Source, find: Find<'_>) -> Result<Pack, PackError> {
    let mut loading = Loading {
        find,
        path: Vec::new(),
        packs: 0,
    };
    loading.load(&source, None)
}

/// The packs that are being read.
struct Loading<'a> {
    find: Find<'a>,
    /// From the one that was asked for to the one that is read now.
    path: Vec<String>,
    /// How many were read.
    packs: usize,
}

impl Loading<'_> {
    /// Reads a pack, which is called so if something extends it.
    fn load(&mut self, source: &Source, expected: Option<&str>) -> Result<Pack, PackError> {
        if source.text.len() as u64 > FILE_BYTES_MAX {
            return Err(PackError::TooLarge(source.name.clone()));
        }
        let written = read(source)?;
        let id = written.pack.id.get_ref().0.clone();
        let fail = |at, message: &str| Err(source.error(at, message));
        if let Some(expected) = expected.filter(|expected| *expected != id) {
            let message = format!("the pack is called `{id}` and is looked for as `{expected}`");
            return fail(written.pack.id.span().start, &message);
        }
        self.path.push(id);
        let mut bases: Vec<Pack> = Vec::new();
        for wanted in &written.pack.extends {
            let (id, at) = (wanted.get_ref().0.as_str(), wanted.span().start);
            if self.path.iter().any(|loading| loading == id) {
                let loop_of = self.path.join("` -> `");
                let message = format!("`{loop_of}` -> `{id}`: packs extend each other in a loop");
                return fail(at, &message);
            }
            self.packs = self.packs.saturating_add(1);
            if self.packs >= PACKS_MAX {
                return fail(at, &format!("more than {PACKS_MAX} packs are read for one"));
            }
            let Some(found) = (self.find)(id)? else {
                let message = format!("`{id}` is neither built in nor beside this file");
                return fail(at, &message);
            };
            let base = self.load(&found, Some(id))?;
            if base.time_zone != *written.pack.time_zone.get_ref() {
                let message = format!(
                    "`{id}` counts days in {}, and this pack must too: change `time_zone`",
                    base.time_zone
                );
                return fail(written.pack.time_zone.span().start, &message);
            }
            bases.push(base);
        }
        self.path.pop();
        merge(source, written, bases)
    }
}

fn read(source: &Source) -> Result<WrittenPack, PackError> {
    let text = source.text();
    let error = |said: toml::de::Error| {
        source.error(said.span().map_or(0, |span| span.start), said.message())
    };
    let glance: Glance = toml::from_str(text).map_err(error)?;
    let schema = glance.pack.schema;
    if *schema.get_ref() != SCHEMA {
        let message = format!(
            "the pack has schema {}, this program reads {SCHEMA}: take the pack or the program \
             of another version",
            schema.get_ref()
        );
        return Err(source.error(schema.span().start, &message));
    }
    toml::from_str(text).map_err(error)
}

/// Puts the rules of the packs that it extends before its own.
fn merge(source: &Source, written: WrittenPack, bases: Vec<Pack>) -> Result<Pack, PackError> {
    let fail = |(at, message): (usize, String)| source.error(at, &message);
    let header = written.pack;
    let zone = header.zone().map_err(fail)?;
    header.fault().map_or(Ok(()), |fault| Err(fail(fault)))?;
    if let Some(excess) = written.adequacies.get(ADEQUACIES_MAX) {
        let message = format!("more than {ADEQUACIES_MAX} adequacies: leave out those that ended");
        return Err(fail((excess.span().start, message)));
    }
    let adequacy_fault = written.adequacies.iter().find_map(adequacy_fault);
    adequacy_fault.map_or(Ok(()), |fault| Err(fail(fault)))?;
    let (mut rules, mut adequacies) = (Vec::new(), Vec::new());
    for base in bases {
        join(&mut rules, base.rules).map_err(|id| {
            let message = format!("two packs that this one extends have a rule `{id}`");
            fail((header.id.span().start, message))
        })?;
        // Several ways may lead to the same pack.
        let more = base
            .adequacies
            .into_iter()
            .filter(|one| !adequacies.contains(one));
        adequacies.extend(more.collect::<Vec<_>>());
    }
    let is_verified = *header.status.get_ref() == PackStatus::Verified;
    if is_verified && let Some(rule) = written.rules.iter().find(|rule| rule.from_memory) {
        let id = rule.id.get_ref();
        let message = format!("`{id}` is from memory, in a pack that says \"verified\"");
        return Err(fail((rule.id.span().start, message)));
    }
    check_rules(&rules, &written.rules).map_or(Ok(()), |fault| Err(fail(fault)))?;
    let version = header.version.to_string();
    let id = header.id.into_inner().0;
    let own = written.rules.into_iter();
    let status = header.status.into_inner();
    rules.extend(own.map(|rule| rule.into_rule(&id, &version, status)));
    let own = written.adequacies.into_iter();
    adequacies.extend(own.map(Spanned::into_inner));
    let countries = |written: Vec<WrittenCountry>| {
        let written = written.into_iter();
        let sorted: BTreeSet<_> = written.map(|written| written.0).collect();
        sorted.into_iter().collect()
    };
    let foreign_extra = header.foreign_extra.map(Spanned::into_inner);
    let extends = header.extends.into_iter();
    Ok(Pack {
        id,
        version: header.version,
        title: header.title,
        jurisdiction: header.jurisdiction,
        home: countries(header.home.into_inner()),
        foreign_extra: countries(foreign_extra.unwrap_or_default()),
        time_zone: header.time_zone.into_inner(),
        zone,
        status,
        source: header.source,
        read_by: header.read_by,
        read_on: header.read_on,
        extends: extends.map(|id| id.into_inner().0).collect(),
        sha256: Sha256::digest(source.text.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        rules,
        adequacies,
    })
}

/// Adds rules, each once however many ways lead to its pack.
fn join(rules: &mut Vec<Rule>, more: Vec<Rule>) -> Result<(), RuleId> {
    let known: BTreeSet<(RuleId, String)> = rules
        .iter()
        .map(|rule| (rule.id.clone(), rule.pack.clone()))
        .collect();
    let ids: BTreeSet<RuleId> = known.iter().map(|(id, _)| id.clone()).collect();
    for rule in more {
        if known.contains(&(rule.id.clone(), rule.pack.clone())) {
            continue;
        }
        if ids.contains(&rule.id) {
            return Err(rule.id);
        }
        rules.push(rule);
    }
    Ok(())
}

/// The first thing that is wrong with rules, by themselves or beside the inherited ones.
fn check_rules(inherited: &[Rule], own: &[WrittenRule]) -> Option<(usize, String)> {
    let mut ids: BTreeSet<&RuleId> = inherited.iter().map(|rule| &rule.id).collect();
    for rule in own {
        let (id, at) = (rule.id.get_ref(), rule.id.span().start);
        if !ids.insert(id) {
            let message = format!("`{id}` is the name of two rules: change one of them");
            return Some((at, message));
        }
        if ids.len() > RULES_MAX {
            return Some((at, format!("more than {RULES_MAX} rules: split the pack")));
        }
        if let Some(fault) = rule.fault() {
            return Some(fault);
        }
    }
    let of_inherited = inherited.iter().filter(|rule| !rule.suspends.is_empty());
    let of_own = own.iter().filter(|rule| !rule.suspends.is_empty());
    let suspending: BTreeSet<&RuleId> = of_inherited
        .map(|rule| &rule.id)
        .chain(of_own.map(|rule| rule.id.get_ref()))
        .collect();
    for rule in own {
        let id = rule.id.get_ref();
        for named in rule.superseded_by.iter().chain(&rule.suspends) {
            if !ids.contains(named.get_ref()) {
                let message = format!(
                    "`{id}` names `{}`, which is no rule of this pack or of those it extends",
                    named.get_ref()
                );
                return Some((named.span().start, message));
            }
            if named.get_ref() == id {
                return Some((named.span().start, format!("`{id}` names itself")));
            }
        }
        let loops = rule
            .suspends
            .iter()
            .find(|named| suspending.contains(named.get_ref()));
        if let Some(named) = loops {
            let message = format!(
                "`{id}` suspends `{}`, which suspends rules itself: name those instead",
                named.get_ref()
            );
            return Some((named.span().start, message));
        }
        if let (Some(named), None) = (&rule.superseded_by, &rule.effective_to) {
            let message = format!("`{id}` is superseded and has no last day: add `effective_to`");
            return Some((named.span().start, message));
        }
    }
    None
}

fn adequacy_fault(adequacy: &Spanned<Adequacy>) -> Option<(usize, String)> {
    let (one, at) = (adequacy.get_ref(), adequacy.span().start);
    let last = one.effective_to.filter(|last| *last < one.effective_from)?;
    let message = format!(
        "the adequacy of {} ends on {last}, before it begins on {}: correct the dates",
        one.country.0, one.effective_from
    );
    Some((at, message))
}

impl Header {
    fn zone(&self) -> Result<TimeZone, (usize, String)> {
        let name = self.time_zone.get_ref();
        TimeZone::get(name).map_err(|_| {
            let message = format!(
                "unknown time zone `{name}`: use an IANA name such as \"Asia/Shanghai\" or \"UTC\""
            );
            (self.time_zone.span().start, message)
        })
    }

    fn fault(&self) -> Option<(usize, String)> {
        let home = self.home.get_ref();
        if home.is_empty() {
            let message = "no home: name at least one country".to_owned();
            return Some((self.home.span().start, message));
        }
        if let Some(extra) = &self.foreign_extra
            && let Some(both) = extra.get_ref().iter().find(|one| home.contains(one))
        {
            let message = format!("{} is both home and foreign: choose one", both.0);
            return Some((extra.span().start, message));
        }
        let is_read = self.read_by.is_some() && self.read_on.is_some();
        (*self.status.get_ref() == PackStatus::Verified && !is_read).then(|| {
            let message = "a verified pack says who read the official text and when: add \
                           `read_by` and `read_on`, or say \"draft\"";
            (self.status.span().start, message.to_owned())
        })
    }
}

impl TryFrom<String> for PackId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_short = (1..=PACK_ID_BYTES_MAX).contains(&text.len());
        if is_short && text.chars().all(is_letter) {
            return Ok(Self(text));
        }
        Err(format!(
            "`{text}` is no name of a pack: use up to {PACK_ID_BYTES_MAX} of a to z, 0 to 9 and `-`"
        ))
    }
}

impl Source {
    /// Without a byte order mark.
    fn text(&self) -> &str {
        self.text.strip_prefix('\u{feff}').unwrap_or(&self.text)
    }

    /// What is wrong at a byte.
    fn error(&self, offset: usize, message: &str) -> PackError {
        let text = self.text();
        let before = text.get(..offset.min(text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        PackError::Text {
            path: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: one_line(message),
        }
    }
}
