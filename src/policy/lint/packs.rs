//! Checks of what is declared and approved against the packs that judge it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;

use super::{Found, Remark, Severity, Term};
use crate::geo::{Country, Jurisdictions};
use crate::inventory::{Listed, Route};
use crate::policy::approvals::Approval;
use crate::policy::law::{EMBEDDED_PACKS, Pack, Rule};

/// The packs that judge, and where they are named.
#[derive(Clone, Debug)]
pub struct Judging<'a> {
    /// The packs.
    pub packs: &'a [Pack],
    /// Between which countries data crosses no border.
    pub site: &'a Jurisdictions,
    /// The file that names the packs.
    pub file: Arc<str>,
    /// The line.
    pub line: usize,
}

/// Looks for what packs can make nothing of, or would judge twice. Where nothing judges, nothing
/// is said. What is found is in the order of files and lines.
pub fn lint_packs(
    inventory: &[Listed],
    approvals: &[Approval],
    judging: &Judging<'_>,
) -> Vec<Remark> {
    if judging.packs.is_empty() {
        return Vec::new();
    }
    let checks = [
        regimes(approvals, judging.packs),
        routes(approvals, judging.packs),
        words(inventory, judging.packs),
        homes(inventory, judging),
        twofold(judging),
        homeless(inventory, judging),
    ];
    let mut remarks: Vec<Remark> = checks.into_iter().flat_map(Found::bounded).collect();
    remarks.sort();
    remarks
}

/// The family of a pack, as approvals name it.
fn regime(pack: &Pack) -> String {
    pack.jurisdiction.to_ascii_lowercase()
}

/// Packs that are built in. One that cannot be read is passed over: a test reads them all.
fn embedded() -> impl Iterator<Item = Pack> {
    let all = EMBEDDED_PACKS.iter();
    all.filter_map(|(id, _)| Pack::embedded(id).ok())
}

/// Approvals of a law that nothing judges by.
fn regimes(approvals: &[Approval], packs: &[Pack]) -> Found {
    let named: BTreeSet<String> = packs.iter().map(regime).collect();
    let is_unknown = |approval: &&Approval| !named.contains(approval.terms.regime.as_str());
    let unknown: Vec<&Approval> = approvals.iter().filter(is_unknown).collect();
    let mut found = Found::default();
    if unknown.is_empty() {
        return found;
    }
    let embedded: Vec<Pack> = embedded().collect();
    let known: BTreeSet<String> = embedded.iter().map(regime).collect();
    for approval in unknown {
        let (id, wanted) = (&approval.id, approval.terms.regime.as_str());
        let fitting = embedded.iter().filter(|pack| regime(pack) == wanted);
        let fitting: Vec<&str> = fitting.map(|pack| pack.id.as_str()).collect();
        let (severity, sentence, fix) = match fitting.is_empty() {
            true => (
                Severity::Error,
                format!("`{id}` is of regime `{wanted}`, of which no pack is: it covers nothing."),
                format!(
                    "Write one of {}, or name your own pack of it in policy.packs.",
                    known
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            ),
            false => (
                Severity::Warning,
                format!("`{id}` is of regime `{wanted}`, by which nothing judges here."),
                format!(
                    "Add one of {} to policy.packs, or remove the approval.",
                    fitting.join(", ")
                ),
            ),
        };
        found.of_approval(approval, severity, [sentence, fix]);
    }
    found
}

/// Approvals by a route that no rule of their law accepts while they are valid.
fn routes(approvals: &[Approval], packs: &[Pack]) -> Found {
    let mut found = Found::default();
    for approval in approvals {
        let (id, terms) = (&approval.id, &approval.terms);
        let of_regime = || {
            let of = packs
                .iter()
                .filter(|pack| regime(pack) == terms.regime.as_str());
            of.flat_map(|pack| &pack.rules)
        };
        let within = |rule: &&Rule| is_in_force_within(rule, terms.valid_from, terms.valid_to);
        let accepted: BTreeSet<Route> = of_regime()
            .filter(within)
            .flat_map(|rule| rule.routes.iter().copied())
            .collect();
        if of_regime().next().is_none() || accepted.contains(&terms.route) {
            continue;
        }
        let route = terms.route.name();
        let sentence = format!(
            "`{id}` is by the route `{route}`, which no rule accepts from {} to {}.",
            terms.valid_from, terms.valid_to
        );
        let names: Vec<&str> = accepted.iter().map(|route| route.name()).collect();
        let fix = match names.is_empty() {
            true => "Correct its dates: no rule asks for a route then.".to_owned(),
            false => format!("Write the route that was filed: {}.", names.join(", ")),
        };
        found.of_approval(approval, Severity::Warning, [sentence, fix]);
    }
    found
}

fn is_in_force_within(rule: &Rule, from: Date, to: Date) -> bool {
    let is_over = rule.effective_to.is_some_and(|last| last.0 < from);
    rule.effective_from.0 <= to && !is_over
}

/// What rules ask to be declared, and where it is in each.
#[derive(Clone, Copy)]
struct Word {
    key: &'static str,
    of_rule: fn(&Rule) -> &[String],
    of_asset: fn(&Listed) -> Option<&Term>,
    /// Whether it is declared for nothing but rules.
    is_for_rules: bool,
}

const WORDS: [Word; 3] = [
    Word {
        key: "zone",
        of_rule: |rule| &rule.zone,
        of_asset: |listed| listed.known.declared.zone.as_ref(),
        is_for_rules: true,
    },
    Word {
        key: "sector",
        of_rule: |rule| &rule.sector,
        of_asset: |listed| listed.known.declared.sector.as_ref(),
        is_for_rules: false,
    },
    Word {
        key: "scenario",
        of_rule: |rule| &rule.scenario,
        of_asset: |listed| listed.known.declared.scenario.as_ref(),
        is_for_rules: true,
    },
];

/// Zones, industries and scenarios that no rule asks for: each where it is declared first.
fn words(inventory: &[Listed], packs: &[Pack]) -> Found {
    let mut found = Found::default();
    for word in WORDS {
        let known = |packs: &[Pack]| -> BTreeSet<String> {
            let rules = packs.iter().flat_map(|pack| &pack.rules);
            rules.flat_map(word.of_rule).cloned().collect()
        };
        let (asked, mut told) = (known(packs), BTreeSet::new());
        for listed in inventory {
            let Some(said) = (word.of_asset)(listed).map(Term::as_str) else {
                continue;
            };
            if asked.contains(said) || !told.insert(said) {
                continue;
            }
            let key = word.key;
            let sentence =
                format!("No rule of the packs asks for the {key} `{said}`: it changes no verdict.");
            let folded = Term::folded(said);
            let meant = asked.iter().find(|one| Term::folded(one) == folded);
            let elsewhere =
                || embedded().find(|pack| known(std::slice::from_ref(pack)).contains(said));
            let (severity, fix) = match (meant, word.is_for_rules) {
                (Some(meant), _) => (Severity::Warning, format!("Write `{meant}`.")),
                (None, true) => match elsewhere() {
                    Some(pack) => (
                        Severity::Warning,
                        format!("Add {} to policy.packs, which asks for it.", pack.id),
                    ),
                    None => (Severity::Warning, known_words(key, &asked)),
                },
                (None, false) => (Severity::Hint, known_words(key, &asked)),
            };
            let place = (&listed.file, listed.line);
            found.push(place, severity, [sentence, fix]);
        }
    }
    found
}

fn known_words(key: &str, asked: &BTreeSet<String>) -> String {
    let listed: Vec<&str> = asked.iter().take(WORDS_MAX).map(String::as_str).collect();
    match (asked.len(), asked.len() > WORDS_MAX) {
        (0, _) => format!("Nothing, if no rule shall: none asks for a {key}."),
        (_, false) => format!("Nothing, if it is none of {}.", listed.join(", ")),
        (_, true) => format!(
            "Nothing, if it is none of {} and others.",
            listed.join(", ")
        ),
    }
}

/// Words of rules that a remark lists.
const WORDS_MAX: usize = 24;

/// Assets whose data is at home abroad: each home where it is declared first.
fn homes(inventory: &[Listed], judging: &Judging<'_>) -> Found {
    let (mut found, mut told) = (Found::default(), BTreeSet::new());
    for listed in inventory {
        let Some(home) = listed.known.declared.home.map(|home| home.0) else {
            continue;
        };
        if judging.site.contains(home) || !told.insert(home) {
            continue;
        }
        let name = listed.known.name.get_ref().as_str();
        let is_judged = judging.packs.iter().any(|pack| pack.is_home(home));
        let (severity, sentence, fix) = match is_judged {
            true => (
                Severity::Hint,
                format!(
                    "The data of `{name}` is at home in {home}: what it sends within \
                     site.jurisdictions crosses no border of the site, and no pack judges that."
                ),
                "Nothing, if that is known.".to_owned(),
            ),
            false => (
                Severity::Warning,
                format!(
                    "The data of `{name}` is at home in {home}, and no pack that is named is: \
                     nothing that it sends is judged."
                ),
                format!("Add a pack of {home} to policy.packs, or remove `home`."),
            ),
        };
        found.push((&listed.file, listed.line), severity, [sentence, fix]);
    }
    found
}

/// Packs that hold the same rules.
fn twofold(judging: &Judging<'_>) -> Found {
    let mut found = Found::default();
    for (place, one) in judging.packs.iter().enumerate() {
        for other in judging.packs.iter().skip(place + 1) {
            let is_shared = |rule: &&Rule| {
                let same = other.rule(rule.id.as_str());
                same.is_some_and(|same| same.is_binding())
            };
            let Some(shared) = one.rules.iter().find(is_shared) else {
                continue;
            };
            let sentence = format!(
                "`{}` and `{}` both hold `{}`: an export is judged by it twice, and what one \
                 exempts the other may not.",
                one.id, other.id, shared.id
            );
            let fix = format!(
                "Write a pack that extends [\"{}\", \"{}\"], and name that instead.",
                one.id, other.id
            );
            let place = (&judging.file, judging.line);
            found.push(place, Severity::Warning, [sentence, fix]);
        }
    }
    found
}

/// Packs that are at home neither where the site is nor where an asset is.
fn homeless(inventory: &[Listed], judging: &Judging<'_>) -> Found {
    let mut found = Found::default();
    for pack in judging.packs {
        if has_home(
            pack,
            judging.site,
            inventory.iter().map(|listed| &listed.known),
        ) {
            continue;
        }
        let sentence = format!(
            "`{}` is at home neither in site.jurisdictions nor where an asset has its `home`: it \
             judges nothing.",
            pack.id
        );
        let fix = "Remove it, or declare the home of the assets that it is about.".to_owned();
        let place = (&judging.file, judging.line);
        found.push(place, Severity::Warning, [sentence, fix]);
    }
    found
}

/// Whether a pack is at home where the site is, or where the data of an asset is.
pub fn has_home<'a>(
    pack: &Pack,
    site: &Jurisdictions,
    mut assets: impl Iterator<Item = &'a crate::inventory::Known>,
) -> bool {
    let is_home = |home: Option<Country>| home.is_some_and(|home| pack.is_home(home));
    site.iter().any(|country| pack.is_home(country))
        || assets.any(|known| is_home(known.declared.home.map(|home| home.0)))
}
