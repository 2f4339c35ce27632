//! The tests that packs carry: whether each rule does what its author meant.

use jiff::civil::Date;

use super::facts::{Amount, Declared, Facts, Standing};
use super::judge::{Applied, Basis, Outcome, judge};
use super::pack::Pack;
use super::rule::{Expectation, Rule, RuleId, RuleTest};
use super::terms::{Rungs, Unit};
use crate::geo::Country;
use crate::time::Timestamp;

/// What is wrong with a rule or one of its tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub rule: RuleId,
    /// Which test, the first being 1; none where tests are missing.
    pub test: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// Runs the tests of all rules of a pack. Each rule needs one in which it applies and one in
/// which it does not.
///
/// Those of inherited rules are run as well: a pack must not change what it extends, other
/// than by suspending it for its own zone.
pub fn examine(pack: &Pack) -> Vec<Failure> {
    pack.rules
        .iter()
        .flat_map(|rule| examine_rule(pack, rule))
        .collect()
}

fn examine_rule(pack: &Pack, rule: &Rule) -> Vec<Failure> {
    let failure = |test, message| Failure {
        rule: rule.id.clone(),
        test,
        message,
    };
    let is_positive =
        |test: &&RuleTest| matches!(test.expect, Expectation::Applies | Expectation::Estimated);
    let positive = rule.tests.iter().filter(is_positive).count();
    let mut failures = Vec::new();
    if positive == 0 {
        failures.push(failure(None, "no test in which it applies".to_owned()));
    }
    if positive == rule.tests.len() {
        failures.push(failure(
            None,
            "no test in which it does not apply".to_owned(),
        ));
    }
    for (number, test) in (1..).zip(&rule.tests) {
        if let Err(message) = test.run(pack, rule) {
            failures.push(failure(Some(number), message));
        }
    }
    failures
}

impl RuleTest {
    /// Runs the test.
    ///
    /// # Errors
    /// Says what came out instead.
    fn run(&self, pack: &Pack, rule: &Rule) -> Result<(), String> {
        let at = moment(pack, &self.on)?;
        let first_export = self
            .first
            .as_deref()
            .map(|text| moment(pack, text))
            .transpose()?;
        let home = self
            .home
            .map(|home| home.0)
            .or_else(|| pack.home.first().copied());
        let facts = Facts {
            at,
            declared: Declared {
                home: home.unwrap_or(Country::UNKNOWN),
                categories: &self.category,
                grade: self.grade,
                zone: self.zone.as_deref(),
                sector: self.sector.as_deref(),
                scenario: self.scenario.as_deref(),
                is_critical_infrastructure: self.critical_infrastructure,
                is_declared: true,
            },
            seen: &self.seen,
            destination: self.to.0,
            recipient: self.recipient,
            standing: Standing::Unregistered,
            reached: Rungs::default(),
            first_export,
        };
        let judged = judge(pack, &facts, |question| Amount {
            observed: match question.unit {
                Unit::Persons => self.persons,
                Unit::Devices => self.devices,
                Unit::Bytes => self.bytes,
                Unit::Records => self.records,
            },
            estimated: self.estimated,
        });
        let all = judged.map(|judged| judged.all_rules).unwrap_or_default();
        let applied = all.iter().find(|applied| applied.rule.id == rule.id);
        self.compare(applied)
    }

    fn compare(&self, applied: Option<&Applied<'_>>) -> Result<(), String> {
        let found = match applied.map(|applied| applied.outcome) {
            None => Expectation::Silent,
            Some(Outcome::Applies(Basis::Estimated)) => Expectation::Estimated,
            Some(Outcome::Applies(_)) => Expectation::Applies,
            Some(Outcome::InPlay) => Expectation::InPlay,
            Some(Outcome::Suspended(_)) => Expectation::Suspended,
        };
        if found != self.expect {
            return Err(format!(
                "{} was expected, it is {}",
                self.expect.name(),
                found.name()
            ));
        }
        let due = applied.and_then(|applied| applied.due);
        match self.due {
            Some(expected) if due != Some(expected.0) => {
                let due = due.map_or("no day".to_owned(), |due| due.to_string());
                Err(format!(
                    "it was expected to be due on {expected}, it is on {due}"
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Expectation {
    /// The name under which it is written.
    const fn name(self) -> &'static str {
        match self {
            Self::Applies => "applies",
            Self::Estimated => "estimated",
            Self::InPlay => "in_play",
            Self::Suspended => "suspended",
            Self::Silent => "silent",
        }
    }
}

/// A day, at noon in the zone of the pack, or a moment.
fn moment(pack: &Pack, text: &str) -> Result<Timestamp, String> {
    let error = || format!("`{text}` is neither a day such as 2024-03-22 nor a moment");
    let moment = match text.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => {
            let day: Date = text.parse().map_err(|_| error())?;
            pack.zone
                .to_timestamp(day.at(12, 0, 0, 0))
                .map_err(|_| error())?
        }
    };
    let nanos = u64::try_from(moment.as_nanosecond()).map_err(|_| error())?;
    Ok(Timestamp::from_nanos(nanos))
}
