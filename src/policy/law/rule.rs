//! A rule of law as data: when it is in force, what it is about, and what follows.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::facts::Tally;
use super::pack::{Pack, PackStatus};
use super::terms::{
    Day, Effect, Operator, Recipient, Rungs, Scope, Severity, Text, Unit, Window, WrittenCountry,
};
use crate::inventory::{Category, Grade, Route};

/// The name of a rule, such as `cn.cbdf.2024.pi1m`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleId(String);

/// What has to be reached for a rule to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// What is counted.
    pub unit: Unit,
    /// Whether the value itself reaches it.
    pub op: Operator,
    /// The number, in the unit. Never 0.
    pub value: u64,
    /// Over which time.
    pub window: Window,
    /// For whom.
    pub per: Scope,
}

/// The countries that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// These. An unknown country never is one.
    In(Vec<WrittenCountry>),
    /// All but these. An unknown country always is one.
    NotIn(Vec<WrittenCountry>),
    /// Those with (`true`) or without (`false`) an adequacy of the pack that is in force and
    /// whose condition, if it has one, a declared recipient meets.
    Adequate(bool),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Its name, which no other rule of the pack or of those it extends has.
    pub id: RuleId,
    /// The pack that it was written in.
    pub pack: String,
    /// The version of that pack.
    pub version: String,
    /// Law and article.
    pub cite: String,
    /// The first day on which it is in force, in the time zone of the pack.
    pub effective_from: Day,
    /// The last such day.
    pub effective_to: Option<Day>,
    /// The rule that took its place.
    pub superseded_by: Option<RuleId>,
    /// What has to be reached. Without one its conditions are enough.
    pub threshold: Option<Threshold>,
    /// Of which kinds of data any has to be there. Empty: whatever it is.
    pub category: Vec<Category>,
    /// Of which further kinds any has to be there too (28 CFR 202.205(g), combined data).
    pub combined_with: Vec<Category>,
    /// Of which grade it has to be. Empty: whatever it is.
    pub grade: Vec<Grade>,
    /// Where it has to go.
    pub destination: Option<Destination>,
    /// In which zone the asset is declared to be. Empty: wherever it is.
    pub zone: Vec<String>,
    /// Of which industry it is declared to be.
    pub sector: Vec<String>,
    /// Which scenario is declared.
    pub scenario: Vec<String>,
    /// Whether it has to be critical infrastructure (true), or must not be (false).
    pub critical_infrastructure: Option<bool>,
    /// What evidence it takes to see it. What is missing is told with each finding.
    pub evidence: Rungs,
    /// By which routes it would be right.
    pub routes: Vec<Route>,
    /// Rules of this pack that do not apply where this one does.
    pub suspends: Vec<RuleId>,
    /// What follows.
    pub effect: Effect,
    /// Days after the first export on which something is due; of timers.
    pub due_days: Option<u16>,
    /// Months for which an approval by its routes is valid at most.
    pub valid_months: Option<u16>,
    /// Months for which records are kept at least.
    pub keep_months: Option<u16>,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What it says, in our words.
    pub text: Text,
    /// Whether a fact in it was written from memory, and has to be looked up first of all.
    pub from_memory: bool,
    /// Whether it was held against the official text, by itself or with its pack.
    pub status: PackStatus,
    /// Who held it against the official text by itself.
    pub read: Option<Read>,
    /// Facts and what the rule has to make of them.
    #[serde(skip)]
    pub tests: Vec<RuleTest>,
}

/// Who held a rule against the official text, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Who.
    pub by: String,
    /// When.
    pub on: Day,
}

/// Facts of an export, and what a rule has to make of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTest {
    /// A day such as `2024-03-22`, which stands for noon in the zone of the pack, or a moment
    /// such as `2024-03-21T23:59:59+08:00`.
    pub on: String,
    /// Where it goes.
    pub to: WrittenCountry,
    /// What has to come out: `applies`, `estimated`, `in_play`, `suspended`, or `silent`.
    pub expect: Expectation,
    /// Where it is from; the first home of the pack if it does not say.
    pub home: Option<WrittenCountry>,
    /// What it is declared to be.
    #[serde(default)]
    pub category: Vec<Category>,
    /// What its content shows.
    #[serde(default)]
    pub seen: Vec<Category>,
    /// Its grade.
    #[serde(default)]
    pub grade: Grade,
    /// Its zone.
    pub zone: Option<String>,
    /// Its industry.
    pub sector: Option<String>,
    /// Its scenario.
    pub scenario: Option<String>,
    /// Whether it is of critical infrastructure.
    #[serde(default)]
    pub critical_infrastructure: bool,
    /// Whether its recipient is declared.
    #[serde(default)]
    pub recipient: Recipient,
    /// Persons that were seen.
    #[serde(default)]
    pub persons: u64,
    /// Devices that were seen.
    #[serde(default)]
    pub devices: u64,
    /// Bytes that were seen.
    #[serde(default)]
    pub bytes: u64,
    /// Records that were seen.
    #[serde(default)]
    pub records: u64,
    /// How much of any unit the operator's declaration makes of it.
    pub estimated: Option<u64>,
    /// Moment of the first export.
    pub first: Option<String>,
    /// The day on which a timer has to ring.
    pub due: Option<Day>,
}

/// What has to come out of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// The rule applies, by its conditions or by what was observed.
    Applies,
    /// The rule applies by what is estimated, and not by what was observed.
    Estimated,
    /// Its conditions hold, and its threshold was not seen to be reached.
    InPlay,
    /// Another rule suspends it.
    Suspended,
    /// It is not in force, or not about this.
    Silent,
}

/// What an export is, as far as the conditions of rules ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) facts: &'a super::Facts<'a>,
    pub(super) pack: &'a Pack,
    pub(super) day: Date,
}

impl RuleId {
    /// Its letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RuleId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let is_sound =
            !text.is_empty() && text.len() <= ID_BYTES_MAX && text.chars().all(is_letter);
        let error = || {
            format!(
                "`{text}` is no name of a rule: use up to {ID_BYTES_MAX} of a to z, 0 to 9, \
                 `.`, `-` and `_`"
            )
        };
        is_sound.then_some(()).ok_or_else(error)?;
        Ok(Self(text))
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0
    }
}

impl Rule {
    /// Whether it is in force on a day.
    pub fn is_in_force(&self, day: Date) -> bool {
        let is_over = self.effective_to.is_some_and(|last| day > last.0);
        self.effective_from.0 <= day && !is_over
    }

    /// Whether it can change a verdict by itself.
    pub const fn is_binding(&self) -> bool {
        matches!(self.effect, Effect::Requires | Effect::Prohibits)
    }

    /// Which exports its threshold adds up, by the law of a day. The rule is one of the pack.
    pub const fn tally<'a>(&'a self, pack: &'a Pack, day: Date) -> Tally<'a> {
        Tally {
            rule: self,
            pack,
            day,
        }
    }

    /// Whether all holds that it asks for, but for the threshold.
    pub(super) fn is_about(&self, scene: Scene<'_>) -> bool {
        self.is_about_anywhere(scene) && self.is_for(scene)
    }

    /// Whether all holds that it asks for, but for the threshold and where it goes.
    pub(super) fn is_about_anywhere(&self, scene: Scene<'_>) -> bool {
        let declared = &scene.facts.declared;
        let has = |of: &[Category]| {
            let known = declared.categories.iter().chain(scene.facts.seen);
            of.is_empty() || known.clone().any(|category| of.contains(category))
        };
        self.is_in_force(scene.day)
            && has(&self.category)
            && has(&self.combined_with)
            && self.is_of(scene)
    }

    /// Whether its threshold counts an export of its categories: the pack and the rule are
    /// about it, and no rule exempts it.
    pub(super) fn counts(&self, scene: Scene<'_>) -> bool {
        let (declared, destination) = (&scene.facts.declared, scene.facts.destination);
        let exempts = |by: &Self| {
            let is_such = by.effect == Effect::Exempts && by.threshold.is_none();
            is_such && by.suspends.contains(&self.id) && by.is_about(scene)
        };
        scene.pack.concerns(declared.home, destination)
            && self.is_of(scene)
            && self.is_for(scene)
            && !scene.pack.rules.iter().any(exempts)
    }

    /// Whether what is declared is what it asks for, beside what the data is about.
    fn is_of(&self, scene: Scene<'_>) -> bool {
        let declared = &scene.facts.declared;
        let names = |of: &[String], said: Option<&str>| {
            of.is_empty() || said.is_some_and(|said| of.iter().any(|one| one == said))
        };
        let critical = self.critical_infrastructure;
        (self.grade.is_empty() || self.grade.contains(&declared.grade))
            && critical.is_none_or(|asked| asked == declared.is_critical_infrastructure)
            && names(&self.zone, declared.zone)
            && names(&self.sector, declared.sector)
            && names(&self.scenario, declared.scenario)
    }

    /// Whether it is about where it goes.
    fn is_for(&self, scene: Scene<'_>) -> bool {
        let asked = self.destination.as_ref();
        asked.is_none_or(|asked| asked.holds(scene))
    }
}

impl Destination {
    fn holds(&self, scene: Scene<'_>) -> bool {
        let country = scene.facts.destination;
        let names =
            |of: &[WrittenCountry]| !country.is_unknown() && of.iter().any(|one| one.0 == country);
        match self {
            Self::In(countries) => names(countries),
            Self::NotIn(countries) => !names(countries),
            Self::Adequate(asked) => {
                let adequate = scene
                    .pack
                    .adequacy(country, scene.day, scene.facts.recipient);
                adequate.is_some() == *asked
            }
        }
    }
}

/// A rule as it is written, with the places of what is checked later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRule {
    pub(super) id: Spanned<RuleId>,
    cite: String,
    effective_from: Day,
    pub(super) effective_to: Option<Spanned<Day>>,
    pub(super) superseded_by: Option<Spanned<RuleId>>,
    pub(super) threshold: Option<Spanned<Threshold>>,
    #[serde(default)]
    category: Vec<Category>,
    #[serde(default)]
    combined_with: Vec<Category>,
    #[serde(default)]
    grade: Vec<Grade>,
    destination: Option<Destination>,
    #[serde(default)]
    zone: Vec<String>,
    #[serde(default)]
    sector: Vec<String>,
    #[serde(default)]
    scenario: Vec<String>,
    critical_infrastructure: Option<bool>,
    #[serde(default)]
    evidence: Rungs,
    #[serde(default)]
    routes: Vec<Route>,
    #[serde(default)]
    pub(super) suspends: Vec<Spanned<RuleId>>,
    pub(super) effect: Spanned<Effect>,
    due_days: Option<u16>,
    valid_months: Option<u16>,
    keep_months: Option<u16>,
    severity: Severity,
    text: Text,
    #[serde(default)]
    pub(super) from_memory: bool,
    pub(super) read: Option<Read>,
    #[serde(default, rename = "test")]
    tests: Vec<RuleTest>,
}

impl WrittenRule {
    /// The rule, as one of a pack.
    pub(super) fn into_rule(self, pack: &str, version: &str, status: PackStatus) -> Rule {
        Rule {
            id: self.id.into_inner(),
            pack: pack.to_owned(),
            version: version.to_owned(),
            cite: self.cite,
            effective_from: self.effective_from,
            effective_to: self.effective_to.map(Spanned::into_inner),
            superseded_by: self.superseded_by.map(Spanned::into_inner),
            threshold: self.threshold.map(Spanned::into_inner),
            category: self.category,
            combined_with: self.combined_with,
            grade: self.grade,
            destination: self.destination,
            zone: self.zone,
            sector: self.sector,
            scenario: self.scenario,
            critical_infrastructure: self.critical_infrastructure,
            evidence: self.evidence,
            routes: self.routes,
            suspends: self.suspends.into_iter().map(Spanned::into_inner).collect(),
            effect: self.effect.into_inner(),
            due_days: self.due_days,
            valid_months: self.valid_months,
            keep_months: self.keep_months,
            severity: self.severity,
            text: self.text,
            from_memory: self.from_memory,
            status: self.read.as_ref().map_or(status, |_| PackStatus::Verified),
            read: self.read,
            tests: self.tests,
        }
    }

    /// What is wrong with the rule by itself, and at which byte.
    pub(super) fn fault(&self) -> Option<(usize, String)> {
        let id = self.id.get_ref();
        if let Some(last) = &self.effective_to
            && last.get_ref().0 < self.effective_from.0
        {
            let message = format!(
                "`{id}` ends on {}, before it begins on {}: exchange or correct the dates",
                last.get_ref(),
                self.effective_from
            );
            return Some((last.span().start, message));
        }
        if let Some(threshold) = &self.threshold
            && threshold.get_ref().value == 0
        {
            let message = format!("the threshold of `{id}` is 0: leave it out");
            return Some((threshold.span().start, message));
        }
        if self.read.is_some() && self.from_memory {
            let message = format!("`{id}` was read and is from memory: drop `from_memory`");
            return Some((self.id.span().start, message));
        }
        let is_repeated = |list: &[Category]| list.iter().any(|one| self.category.contains(one));
        if is_repeated(&self.combined_with) {
            let message = format!("`{id}` combines a category with itself: name other ones");
            return Some((self.id.span().start, message));
        }
        self.effect_fault().map(|message| {
            let at = self.effect.span().start;
            (at, format!("`{id}`: {message}"))
        })
    }

    /// What its effect needs and it does not have, or has and cannot use.
    fn effect_fault(&self) -> Option<&'static str> {
        let effect = *self.effect.get_ref();
        let is_timer = effect == Effect::Timer;
        if is_timer != self.due_days.is_some() {
            return Some("`due_days` goes with the effect `timer`, and it needs them");
        }
        if effect == Effect::Requires && self.routes.is_empty() {
            return Some("a rule that requires names at least one of `routes`");
        }
        if effect == Effect::Exempts && self.suspends.is_empty() {
            return Some("a rule that exempts names in `suspends` what it exempts from");
        }
        let is_idle = matches!(effect, Effect::Informs | Effect::Timer);
        (is_idle && !self.suspends.is_empty())
            .then_some("a rule that only tells something suspends no other: drop `suspends`")
    }
}

/// Bytes of the longest name of a rule.
const ID_BYTES_MAX: usize = 64;
