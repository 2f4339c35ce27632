//! The law of one jurisdiction, as a list of rules with dates.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::terms::{Day, Recipient, Text, WrittenCountry};
use crate::geo::Country;
use crate::inventory::Route;
use crate::time::Timestamp;

/// Whether a person has held a pack against the official text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackStatus {
    /// Nobody has. What it says may be wrong.
    Draft,
    /// Somebody has, whom the pack names.
    Verified,
}

/// A pack, with the rules of those that it extends before its own.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name, such as `cn-base`.
    pub id: String,
    /// Its version, written as a day.
    pub version: Day,
    /// What it is.
    pub title: Text,
    /// Whose law it is.
    pub jurisdiction: String,
    /// Countries and territories between which its law sees no border, sorted.
    pub home: Vec<Country>,
    /// Territories that are abroad for its law, though others count them as home.
    pub foreign_extra: Vec<Country>,
    /// IANA name of the zone in which its days and windows begin.
    pub time_zone: String,
    pub(super) zone: TimeZone,
    /// Whether it was held against the official text.
    pub status: PackStatus,
    /// Where what it says is from.
    pub source: String,
    /// Who held it against the official text.
    pub read_by: Option<String>,
    /// When.
    pub read_on: Option<Day>,
    /// The packs that it extends.
    pub extends: Vec<String>,
    /// SHA-256 of its own text, 64 hexadecimal digits.
    pub sha256: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Countries whose level of protection its law finds adequate.
    pub adequacies: Vec<Adequacy>,
}

/// A country whose level of protection is found adequate (GDPR article 45).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adequacy {
    /// The country.
    pub country: WrittenCountry,
    /// The condition that the recipient has to meet, which no address shows. Without one the
    /// adequacy is of the whole country.
    pub condition: Option<Text>,
    /// Decision or article.
    pub cite: String,
    /// The first day on which it is in force.
    pub effective_from: Day,
    /// The last such day.
    pub effective_to: Option<Day>,
    /// Whether a fact in it was written from memory.
    #[serde(default)]
    pub from_memory: bool,
}

impl Pack {
    /// Whether its law is about an export: it leaves its home, and is not of an unknown one. An
    /// unknown destination is abroad.
    pub fn concerns(&self, home: Country, destination: Country) -> bool {
        self.is_home(home) && !self.is_home(destination)
    }

    /// Whether a country is home.
    pub fn is_home(&self, country: Country) -> bool {
        !self.foreign_extra.contains(&country) && self.home.binary_search(&country).is_ok()
    }

    /// What day a moment is on in its zone.
    pub fn day(&self, at: Timestamp) -> Date {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()));
        self.zone.to_datetime(moment.unwrap_or_default()).date()
    }

    /// Seconds by which its clocks are ahead of UTC at a moment.
    pub fn offset_seconds(&self, at: Timestamp) -> i32 {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()));
        self.zone.to_offset(moment.unwrap_or_default()).seconds()
    }

    /// The first moment of a day in its zone, for the windows of meters. Nothing before 1970.
    pub fn start_of(&self, day: Date) -> Timestamp {
        let start = self.zone.to_timestamp(day.at(0, 0, 0, 0));
        let nanos = start.ok().map(jiff::Timestamp::as_nanosecond);
        let nanos = nanos.and_then(|nanos| u64::try_from(nanos).ok());
        Timestamp::from_nanos(nanos.unwrap_or_default())
    }

    /// The adequacy of a country that is in force on a day. One with a condition counts only
    /// where the recipient is declared: the code of a country alone never does.
    pub fn adequacy(&self, country: Country, day: Date, recipient: Recipient) -> Option<&Adequacy> {
        let is_declared = recipient == Recipient::Declared;
        let mut of_day = self.adequacies.iter().filter(|adequacy| {
            let is_over = adequacy.effective_to.is_some_and(|last| day > last.0);
            adequacy.country.0 == country && adequacy.effective_from.0 <= day && !is_over
        });
        of_day.find(|adequacy| adequacy.condition.is_none() || is_declared)
    }

    /// The rule of a name.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id.as_str() == id)
    }

    /// For how many months an approval by a route is valid at most, by the rules of a day.
    pub fn valid_months(&self, route: Route, day: Date) -> Option<u16> {
        let in_force = self.rules.iter().filter(|rule| rule.is_in_force(day));
        let of_route = in_force.filter(|rule| rule.routes.contains(&route));
        of_route.filter_map(|rule| rule.valid_months).min()
    }

    /// For how many months records are kept at least, by the rules of a day.
    pub fn keep_months(&self, day: Date) -> Option<u16> {
        let in_force = self.rules.iter().filter(|rule| rule.is_in_force(day));
        in_force.filter_map(|rule| rule.keep_months).max()
    }
}
