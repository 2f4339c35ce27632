//! An export, held against a pack.
//!
//! Amounts are lower bounds: what passes a threshold has passed it, and what does not says
//! nothing. A verdict is therefore one of a breach, of an approval that matches, or that it
//! cannot be told and why. Where several hold, the strongest is told, in the order of
//! [`Verdict`]: what was measured outranks what was declared, and a breach an approval.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::facts::{Amount, Facts, Question, Standing, Tally};
use super::pack::Pack;
use super::rule::{Rule, Scene, Threshold};
use super::terms::{Effect, Recipient, Rung, Rungs, Scope, Severity};
use crate::inventory::Category;

/// What is to be told of an export, from the weakest to the strongest.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing can be told: see [`Undetermined`].
    NotDeterminable,
    /// An approval of the register matches.
    Approved,
    /// By the operator's own declaration a threshold is passed.
    DeclaredEstimateExceeded,
    /// More has gone than the approval allows.
    OverQuota,
    /// The approval does not cover it.
    OutsideScope,
    /// What is declared needs an approval whatever its amount, and there is none.
    Unapproved,
    /// What was seen passes a threshold beyond which an approval is needed that is not there.
    ObservedExceeded,
    /// It must not go there.
    ProhibitedDestination,
}

/// Why nothing can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undetermined {
    /// Nothing was declared, and nothing was seen in the clear.
    NothingDeclared,
    /// A threshold was not seen to be passed, which does not say that it was not.
    BelowThreshold,
    /// By where it goes and what is declared no approval is needed. No sensor can confirm that.
    Exempted,
    /// Nobody knows where it went, and that decides whether a rule is about it.
    UnknownDestination,
    /// No rule of the pack that could be broken is about what is declared.
    NoRule,
}

impl Verdict {
    /// That of an approval that is used up.
    pub(super) const fn over_quota(is_estimated: bool) -> Self {
        match is_estimated {
            true => Self::DeclaredEstimateExceeded,
            false => Self::OverQuota,
        }
    }
}

/// What an operator can declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Declaration {
    /// What the data is about.
    Category,
    /// Under the lists of which zone it goes.
    Zone,
    /// Of which industry it is.
    Sector,
    /// What it is for.
    Scenario,
    /// Who receives it.
    Recipient,
}

/// The numbers that were held against a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The threshold.
    pub threshold: Threshold,
    /// The first day that counts.
    pub since: Option<Date>,
    /// What there was.
    pub amount: Amount,
}

/// Why a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// It has no threshold.
    Conditions,
    /// What was seen passes it.
    Observed,
    /// What is estimated passes it, and what was seen does not.
    Estimated,
}

/// What becomes of a rule that is about an export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// It applies.
    Applies(Basis),
    /// Its threshold was not seen to be passed.
    InPlay,
    /// It would apply or be in play, if it were not for this rule.
    Suspended(&'a Rule),
}

/// A rule that is about an export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Applied<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What becomes of it.
    pub outcome: Outcome<'a>,
    /// The numbers, if it has a threshold.
    pub measure: Option<Measure>,
    /// The last day on which what a timer asks for is in time; of timers that apply.
    pub due: Option<Date>,
}

/// What a pack says of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged<'a> {
    /// What is to be told.
    pub verdict: Verdict,
    /// Why nothing can be told; of [`Verdict::NotDeterminable`] alone.
    pub undetermined: Option<Undetermined>,
    /// What else could be declared and would be asked for by rules in force; of
    /// [`Undetermined::NothingDeclared`] and [`Undetermined::NoRule`].
    pub missing: Vec<Declaration>,
    /// The rule that it is told by. There is none where only the register speaks.
    pub rule: Option<&'a Rule>,
    /// The numbers of that rule.
    pub input: Option<Measure>,
    /// How bad it is: as bad as the worst of all rules that are broken, also where another one
    /// is told.
    pub severity: Severity,
    /// The highest evidence.
    pub rung_reached: Option<Rung>,
    /// What its evidence lacks.
    pub rungs_missing: Rungs,
    /// All rules that are about the export, in the order of the pack.
    pub all_rules: Vec<Applied<'a>>,
}

/// Holds an export against a pack. Nothing if the pack is not about it: it does not leave the
/// pack's home. `amounts` answers how much there was.
///
/// A threshold of combined data asks for each kind alone, and takes the largest.
pub fn judge<'a>(
    pack: &'a Pack,
    facts: &Facts<'_>,
    amounts: impl Fn(&Question<'_>) -> Amount,
) -> Option<Judged<'a>> {
    if !pack.concerns(facts.declared.home, facts.destination) {
        return None;
    }
    let day = pack.day(facts.at);
    let scene = Scene { facts, pack, day };
    let about = pack.rules.iter().filter(|rule| rule.is_about(scene));
    let mut all_rules: Vec<Applied<'a>> = about
        .map(|rule| Applied::of(rule, pack, facts, &amounts))
        .collect();
    suspend(&mut all_rules);
    let said = all_rules
        .iter()
        .filter_map(|applied| Some((applied.verdict(facts.standing)?, Some(applied))))
        .chain(facts.standing.verdict().map(|verdict| (verdict, None)));
    let said: Vec<_> = said.collect();
    // The first of the smallest, so that among equals the order of the pack decides.
    let told = said.iter().min_by_key(|(verdict, applied)| {
        (
            Reverse(*verdict),
            Reverse(applied.map(|applied| applied.rule.severity)),
        )
    });
    let decided = match told {
        Some((verdict, applied)) => Decided::told(*verdict, *applied, &said),
        None => Decided::undetermined(&all_rules, pack, facts),
    };
    let lacks_declaration = matches!(
        decided.undetermined,
        Some(Undetermined::NothingDeclared | Undetermined::NoRule)
    );
    let evidence = decided
        .rule
        .map_or(Rungs::up_to(Rung::E6), |rule| rule.evidence);
    Some(Judged {
        verdict: decided.verdict,
        undetermined: decided.undetermined,
        missing: if lacks_declaration {
            missing(scene)
        } else {
            Vec::new()
        },
        rule: decided.rule,
        input: decided.input,
        severity: decided.severity,
        rung_reached: facts.reached.highest(),
        rungs_missing: evidence.without(facts.reached),
        all_rules,
    })
}

/// Sets aside what rules that apply suspend. Those that suspend are never suspended, and of
/// several that suspend the same the first is named.
fn suspend(all: &mut [Applied<'_>]) {
    let mut suspended = BTreeMap::new();
    for applied in all.iter() {
        if matches!(applied.outcome, Outcome::Applies(_)) {
            for id in &applied.rule.suspends {
                suspended.entry(id).or_insert(applied.rule);
            }
        }
    }
    for applied in all {
        if let Some(by) = suspended.get(&applied.rule.id) {
            applied.outcome = Outcome::Suspended(by);
            applied.due = None;
        }
    }
}

/// What rules in force ask for that could have been declared and is not, without the rest of
/// their conditions.
fn missing(scene: Scene<'_>) -> Vec<Declaration> {
    let declared = &scene.facts.declared;
    let asks = |of: &dyn Fn(&Rule) -> bool| {
        let mut in_force = scene
            .pack
            .rules
            .iter()
            .filter(|rule| rule.is_in_force(scene.day));
        in_force.any(|rule| rule.effect != Effect::Informs && of(rule))
    };
    let is_bare = declared.categories.is_empty() && scene.facts.seen.is_empty();
    let is_nobody = scene.facts.recipient == Recipient::Undeclared;
    let needs_recipient = |rule: &Rule| {
        let threshold = rule.threshold.as_ref();
        threshold.is_some_and(|threshold| threshold.per == Scope::EntityAndRecipient)
    };
    let all = [
        (
            Declaration::Category,
            is_bare && asks(&|rule| !rule.category.is_empty()),
        ),
        (
            Declaration::Zone,
            declared.zone.is_none() && asks(&|rule| !rule.zone.is_empty()),
        ),
        (
            Declaration::Sector,
            declared.sector.is_none() && asks(&|rule| !rule.sector.is_empty()),
        ),
        (
            Declaration::Scenario,
            declared.scenario.is_none() && asks(&|rule| !rule.scenario.is_empty()),
        ),
        (Declaration::Recipient, is_nobody && asks(&needs_recipient)),
    ];
    let missing = all.into_iter().filter(|(_, is_missing)| *is_missing);
    missing.map(|(declaration, _)| declaration).collect()
}

impl<'a> Applied<'a> {
    fn of(
        rule: &'a Rule,
        pack: &Pack,
        facts: &Facts<'_>,
        amounts: &impl Fn(&Question<'_>) -> Amount,
    ) -> Self {
        let day = pack.day(facts.at);
        let measure = rule.threshold.map(|threshold| {
            let since = threshold.window.first_day(day);
            let tally = rule.tally(pack, day);
            let amount = measured(tally, threshold, since, amounts);
            Measure {
                threshold,
                since,
                amount,
            }
        });
        let first = pack.day(facts.first_export.unwrap_or(facts.at));
        let due = rule
            .due_days
            .and_then(|days| first.checked_add(i64::from(days).days()).ok());
        Self {
            rule,
            outcome: measure.map_or(Outcome::Applies(Basis::Conditions), Measure::outcome),
            measure,
            due,
        }
    }

    /// What it tells by itself; nothing if it does not apply, or cannot be broken.
    fn verdict(&self, standing: Standing<'_>) -> Option<Verdict> {
        let Outcome::Applies(basis) = self.outcome else {
            return None;
        };
        let prohibits = match self.rule.effect {
            Effect::Requires => false,
            Effect::Prohibits => true,
            Effect::Exempts | Effect::Informs | Effect::Timer => return None,
        };
        let breach = match basis {
            Basis::Estimated => Verdict::DeclaredEstimateExceeded,
            Basis::Conditions | Basis::Observed if prohibits => Verdict::ProhibitedDestination,
            Basis::Conditions => Verdict::Unapproved,
            Basis::Observed => Verdict::ObservedExceeded,
        };
        let is_route = |route| self.rule.routes.contains(&route);
        Some(match standing {
            Standing::Approved { routes, .. } if routes.iter().any(|route| is_route(*route)) => {
                Verdict::Approved
            }
            Standing::OverQuota {
                route,
                is_estimated,
                ..
            } if is_route(route) => Verdict::over_quota(is_estimated),
            Standing::OutsideScope { .. } if !prohibits => Verdict::OutsideScope,
            _ => breach,
        })
    }

    /// Whether it could be broken and was not seen to be.
    fn is_open(&self) -> bool {
        self.rule.is_binding() && self.outcome == Outcome::InPlay
    }
}

fn measured(
    tally: Tally<'_>,
    threshold: Threshold,
    since: Option<Date>,
    amounts: &impl Fn(&Question<'_>) -> Amount,
) -> Amount {
    let ask = |categories: &[Category]| {
        amounts(&Question {
            categories,
            unit: threshold.unit,
            window: threshold.window,
            since,
            scope: threshold.per,
            tally,
        })
    };
    let rule = tally.rule;
    if rule.combined_with.is_empty() {
        return ask(&rule.category);
    }
    let kinds = rule.category.iter().chain(&rule.combined_with);
    kinds.fold(Amount::default(), |largest, kind| {
        let amount = ask(&[*kind]);
        Amount {
            observed: largest.observed.max(amount.observed),
            estimated: largest.estimated.max(amount.estimated),
        }
    })
}

impl Measure {
    fn outcome<'a>(self) -> Outcome<'a> {
        let (op, value) = (self.threshold.op, self.threshold.value);
        let estimated = self.amount.estimated;
        if op.is_passed(self.amount.observed, value) {
            Outcome::Applies(Basis::Observed)
        } else if estimated.is_some_and(|estimated| op.is_passed(estimated, value)) {
            Outcome::Applies(Basis::Estimated)
        } else {
            Outcome::InPlay
        }
    }
}

/// The part of a [`Judged`] that follows from one rule.
struct Decided<'a> {
    verdict: Verdict,
    undetermined: Option<Undetermined>,
    rule: Option<&'a Rule>,
    input: Option<Measure>,
    severity: Severity,
}

impl<'a> Decided<'a> {
    fn told(
        verdict: Verdict,
        applied: Option<&Applied<'a>>,
        said: &[(Verdict, Option<&Applied<'a>>)],
    ) -> Self {
        let of_breach = |(verdict, applied): &(Verdict, Option<&Applied<'a>>)| {
            let of_register = match verdict {
                Verdict::Approved | Verdict::NotDeterminable => return Severity::Info,
                Verdict::OverQuota | Verdict::OutsideScope => Severity::High,
                _ => Severity::Info,
            };
            let of_rule = applied.map(|applied| applied.rule.severity);
            of_rule.unwrap_or_default().max(of_register)
        };
        Self {
            verdict,
            undetermined: None,
            rule: applied.map(|applied| applied.rule),
            input: applied.and_then(|applied| applied.measure),
            severity: said.iter().map(of_breach).max().unwrap_or_default(),
        }
    }

    fn undetermined(all: &[Applied<'a>], pack: &'a Pack, facts: &Facts<'_>) -> Self {
        let open = all.iter().filter(|applied| applied.is_open());
        // A rule that prohibits first: no encryption hides what is declared (28 CFR 202.206).
        // Then the one whose threshold is nearest.
        let open = open.min_by(|one, other| {
            let prohibits = |it: &Applied<'_>| it.rule.effect == Effect::Prohibits;
            let severity = |it: &Applied<'_>| it.rule.severity;
            let rank = prohibits(other).cmp(&prohibits(one));
            rank.then_with(|| nearer(one.measure, other.measure))
                .then_with(|| severity(other).cmp(&severity(one)))
        });
        let exempted = all.iter().find_map(|applied| match applied.outcome {
            Outcome::Suspended(by) => Some(by),
            _ => None,
        });
        let is_bare = !facts.declared.is_declared && facts.seen.is_empty();
        let elsewhere = elsewhere(pack, facts);
        let (why, rule, severity) = match (is_bare, open, exempted) {
            (true, ..) => (Undetermined::NothingDeclared, None, Severity::Info),
            (_, Some(open), _) if open.rule.effect == Effect::Prohibits => (
                Undetermined::BelowThreshold,
                Some(open.rule),
                Severity::Medium,
            ),
            (_, Some(open), _) => (Undetermined::BelowThreshold, Some(open.rule), Severity::Low),
            (_, None, Some(by)) => (Undetermined::Exempted, Some(by), Severity::Info),
            (_, None, None) if elsewhere.is_some() => {
                (Undetermined::UnknownDestination, elsewhere, Severity::Low)
            }
            (_, None, None) => (Undetermined::NoRule, None, Severity::Info),
        };
        let is_below = why == Undetermined::BelowThreshold;
        Self {
            verdict: Verdict::NotDeterminable,
            undetermined: Some(why),
            rule,
            input: open.filter(|_| is_below).and_then(|open| open.measure),
            severity,
        }
    }
}

/// Of an export to nobody knows where, the worst of the rules that would be about it if it went
/// where they say.
fn elsewhere<'a>(pack: &'a Pack, facts: &Facts<'_>) -> Option<&'a Rule> {
    let day = pack.day(facts.at);
    let is_elsewhere = |rule: &&Rule| {
        let scene = Scene { facts, pack, day };
        rule.is_binding() && rule.is_about_anywhere(scene) && !rule.is_about(scene)
    };
    let rules = pack.rules.iter();
    let rules = rules.filter(|rule| facts.destination.is_unknown() && is_elsewhere(rule));
    rules.min_by_key(|rule| (rule.effect != Effect::Prohibits, Reverse(rule.severity)))
}

/// Whether one amount is nearer to its threshold than another: a larger part of it, or a part
/// as large of a smaller one.
fn nearer(one: Option<Measure>, other: Option<Measure>) -> Ordering {
    let Some((one, other)) = one.zip(other) else {
        return Ordering::Equal;
    };
    let amount = |it: Measure| it.amount.observed.max(it.amount.estimated.unwrap_or(0));
    let [part, other_part] = [(one, other), (other, one)]
        .map(|(it, by)| u128::from(amount(it)) * u128::from(by.threshold.value));
    let values = (one.threshold.value, other.threshold.value);
    other_part.cmp(&part).then(values.0.cmp(&values.1))
}
