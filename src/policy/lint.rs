//! What is odd in an inventory and a register, before it matters.
//!
//! Errors are what cannot be meant, warnings what needs somebody to act, and hints what may be
//! meant. Each remark names its line and says what to do.

mod assets;
mod overlaps;
mod packs;
mod terms;

pub use packs::{Judging, has_home, lint_packs};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::approvals::{Approval, Register};
use crate::inventory::{Listed, Route, Term};

/// Remarks of one check that are told; of more only the number is.
pub const REMARKS_MAX: usize = 1_000;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It cannot be meant.
    Error,
    /// Somebody has to act.
    Warning,
    /// It may be meant.
    Hint,
}

/// What is odd, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The file.
    pub file: Arc<str>,
    /// The line, the first being 1.
    pub line: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, as a sentence.
    pub sentence: String,
    /// What to do, as a sentence.
    pub fix: String,
}

/// How long an approval can be valid by law, as a pack says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidityMaximum {
    /// The regime.
    pub regime: String,
    /// The route.
    pub route: Route,
    /// Months from the first day, such as 36 for an assessment in China.
    pub months: u16,
}

impl Severity {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

/// Looks for what is odd, on a day in the time zone of the site. What is found is in the order
/// of files and lines.
pub fn lint(
    inventory: &[Listed],
    register: &Register,
    today: Date,
    maxima: &[ValidityMaximum],
) -> Vec<Remark> {
    let known = Known::of(inventory);
    let approvals = register.approvals();
    let checks = [
        assets::overlapping(inventory),
        assets::twice(inventory),
        assets::unapproved(inventory, approvals, today),
        terms::ended(approvals, today),
        terms::too_long(approvals, maxima),
        terms::of_nothing(approvals),
        terms::of_unknown(approvals, &known),
        terms::twice(approvals),
        overlaps::overlapping(approvals),
    ];
    let mut remarks: Vec<Remark> = checks.into_iter().flat_map(Found::bounded).collect();
    remarks.sort();
    remarks.dedup();
    remarks
}

/// Looks for assets of which the VLAN alone tells which is which, where VLANs do not tell flows
/// apart.
pub fn lint_vlans(inventory: &[Listed]) -> Vec<Remark> {
    assets::in_two_vlans(inventory).bounded()
}

/// What a check has found.
#[derive(Debug, Default)]
struct Found(Vec<Remark>);

impl Found {
    fn push(&mut self, place: (&Arc<str>, usize), severity: Severity, texts: [String; 2]) {
        let [sentence, fix] = texts;
        self.0.push(Remark {
            file: Arc::clone(place.0),
            line: place.1,
            severity,
            sentence,
            fix,
        });
    }

    fn of_approval(&mut self, approval: &Approval, severity: Severity, texts: [String; 2]) {
        self.push((&approval.file, approval.line), severity, texts);
    }

    /// As many as are told: those that stand first, and the number of the others.
    fn bounded(mut self) -> Vec<Remark> {
        self.0.sort();
        let more = self.0.len().saturating_sub(REMARKS_MAX);
        let rest = self.0.get(REMARKS_MAX).cloned();
        self.0.truncate(REMARKS_MAX);
        if let Some(first) = rest {
            self.0.push(Remark {
                sentence: format!("{more} more remarks of this kind begin here."),
                fix: "Mend those above first.".to_owned(),
                ..first
            });
        }
        self.0
    }
}

/// The names of an inventory.
#[derive(Debug, Default)]
struct Known<'a> {
    /// Assets, and of which organisation each is.
    assets: HashMap<&'a str, Option<&'a str>>,
    organisations: HashSet<&'a str>,
    /// Names by what is left of them without case and spaces; of several the first one.
    folded_assets: BTreeMap<String, &'a str>,
    folded_organisations: BTreeMap<String, &'a str>,
}

impl<'a> Known<'a> {
    fn of(inventory: &'a [Listed]) -> Self {
        let mut known = Self::default();
        for listed in inventory {
            let name = listed.known.name.get_ref().as_str();
            let organisation = listed.known.declared.organisation.as_ref();
            let organisation = organisation.map(Term::as_str);
            known.assets.insert(name, organisation);
            let folded = known.folded_assets.entry(Term::folded(name));
            folded.or_insert(name);
            let Some(organisation) = organisation else {
                continue;
            };
            if known.organisations.insert(organisation) {
                let folded = Term::folded(organisation);
                let folded = known.folded_organisations.entry(folded);
                folded.or_insert(organisation);
            }
        }
        known
    }
}

/// Says to write a name that differs in case or spaces, if there is one.
fn suggestion(name: &str, folded: &BTreeMap<String, &str>, otherwise: &str) -> String {
    match folded.get(&Term::folded(name)) {
        Some(meant) => format!("Write `{meant}`, as the inventory does."),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests;
