//! What is known of an export: what the operator says, what was seen, and how much.

use jiff::civil::Date;

use super::judge::Verdict;
use super::pack::Pack;
use super::rule::{Rule, Scene};
use super::terms::{Recipient, Rungs, Scope, Unit, Window};
use crate::geo::Country;
use crate::inventory::{Category, Grade, Route};
use crate::time::Timestamp;

/// What the operator says of an asset.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// Where its data is at home.
    pub home: Country,
    /// What its data is about.
    pub categories: &'a [Category],
    /// The highest grade of its data.
    pub grade: Grade,
    /// The zone or region under whose lists it exports.
    pub zone: Option<&'a str>,
    /// Its industry.
    pub sector: Option<&'a str>,
    /// What the export is for.
    pub scenario: Option<&'a str>,
    /// Whether its operator runs critical information infrastructure (CSL article 31 of 2016).
    pub is_critical_infrastructure: bool,
    /// Whether the operator has said anything at all of the asset.
    pub is_declared: bool,
}

/// All that is known of an export, other than amounts.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Packet time.
    pub at: Timestamp,
    /// What the operator says.
    pub declared: Declared<'a>,
    /// What its content shows. It adds to what is declared and takes nothing away.
    pub seen: &'a [Category],
    /// Where it goes.
    pub destination: Country,
    /// Whether the operator has declared who receives it.
    pub recipient: Recipient,
    /// What the register of approvals says of it.
    pub standing: Standing<'a>,
    /// The evidence that there is.
    pub reached: Rungs,
    /// When the first such export was, as far as is known.
    pub first_export: Option<Timestamp>,
}

/// What the register of approvals says of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing.
    Unregistered,
    /// An approval covers it.
    Approved {
        /// Its name; of several, that of the first.
        id: &'a str,
        /// The routes of all that cover it.
        routes: &'a [Route],
    },
    /// An approval would cover it, and more has gone than it allows.
    OverQuota {
        /// Its name.
        id: &'a str,
        /// Its route.
        route: Route,
        /// Whether that is by what is declared of the length of records, and not by what was
        /// seen.
        is_estimated: bool,
    },
    /// The asset has an approval that does not cover this.
    OutsideScope {
        /// Its name.
        id: &'a str,
        /// Why not.
        why: &'a str,
    },
}

/// Which exports a threshold adds up.
///
/// Those that leave the home of the pack for where the rule is about, whose zone, industry,
/// scenario and grade are what it asks for, and which no rule exempts from it (Provisions of
/// 2024, articles 3 to 6: what is exempt is not part of the accumulated number). It goes by the
/// law of the day of judging, and takes recipients for undeclared.
#[derive(Clone, Copy, Debug)]
pub struct Tally<'a> {
    pub(super) rule: &'a Rule,
    pub(super) pack: &'a Pack,
    pub(super) day: Date,
}

impl Tally<'_> {
    /// Whether it adds up what is declared so and went there, if its categories are asked for.
    pub fn counts(&self, declared: &Declared<'_>, destination: Country) -> bool {
        let facts = Facts {
            at: Timestamp::ZERO,
            declared: *declared,
            seen: &[],
            destination,
            recipient: Recipient::Undeclared,
            standing: Standing::Unregistered,
            reached: Rungs::default(),
            first_export: None,
        };
        self.rule.counts(Scene {
            facts: &facts,
            pack: self.pack,
            day: self.day,
        })
    }
}

/// What a rule asks to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Data of any of these kinds.
    pub categories: &'a [Category],
    /// What of it.
    pub unit: Unit,
    /// Over which time.
    pub window: Window,
    /// The first day of that time in the zone of the pack; an event has none.
    pub since: Option<Date>,
    /// For whom.
    pub scope: Scope,
    /// Which exports.
    pub tally: Tally<'a>,
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// A lower bound of what was seen. One person may show several identifiers, so it is the
    /// largest number of any kind of identifier and never a sum. Where it is of a sketch, of
    /// more than 10,000, the caller has taken off 2.58 standard errors (with 0.81% each the
    /// estimate times 0.9791): one passes a threshold by chance in 200 times.
    pub observed: u64,
    /// What the operator's declaration makes of the bytes, if there is one.
    pub estimated: Option<u64>,
}

impl Standing<'_> {
    /// What the register tells by itself.
    pub(super) const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Unregistered => None,
            Self::Approved { .. } => Some(Verdict::Approved),
            Self::OverQuota { is_estimated, .. } => Some(Verdict::over_quota(is_estimated)),
            Self::OutsideScope { .. } => Some(Verdict::OutsideScope),
        }
    }
}
