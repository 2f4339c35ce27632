//! The words in which rules are written: units, windows, effects, rungs of evidence.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::geo::{Country, CountryError};

/// The language of a text for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese, in simplified characters.
    Zh,
}

/// A text in each language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

/// A day of the calendar, written as `2024-03-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(pub Date);

/// A country, written by a person as its code of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WrittenCountry(pub Country);

/// What a threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Distinct persons.
    Persons,
    /// Distinct devices.
    Devices,
    /// Bytes of payload.
    Bytes,
    /// Records.
    Records,
}

/// How an amount is held against a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// The threshold itself reaches it: the Chinese word yishang.
    Ge,
    /// Only more does: "more than" of 28 CFR 202.205.
    Gt,
}

/// Over which time a threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// From 1 January of the year of the export.
    CalendarYear,
    /// From 1 January of the year before that of the export.
    SincePreviousJanuary,
    /// The 12 months that end with the day of the export.
    #[serde(rename = "rolling_12_months")]
    Rolling12Months,
    /// This export alone.
    Event,
}

/// For whom a threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// For the legal entity, towards all recipients abroad.
    Entity,
    /// For the legal entity and one recipient.
    EntityAndRecipient,
}

/// What follows where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// One of its routes has to be taken.
    Requires,
    /// It must not happen, other than by one of its routes.
    Prohibits,
    /// Other rules do not apply.
    Exempts,
    /// There is a duty to be told of, which no export meets or breaks.
    Informs,
    /// Something is due some days after the first export.
    Timer,
}

/// How bad it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing to do.
    #[default]
    Info,
    /// To be looked at some time.
    Low,
    /// To be looked at this week.
    Medium,
    /// To be looked at today.
    High,
    /// To be looked at now.
    Critical,
}

/// Whether the operator has declared who receives an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// Nobody has.
    #[default]
    Undeclared,
    /// It is known, and known to meet the condition of a conditional adequacy.
    Declared,
}

/// A rung of the ladder of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Bytes and packets from home to the peer.
    E0,
    /// The country of the peer's address.
    E1,
    /// The protocol and how it is protected.
    E2,
    /// Hints at who receives: names, certificates, networks.
    E3,
    /// The kind of content.
    E4,
    /// Distinct identifiers in the clear.
    E5,
    /// A declaration of the operator that matches.
    E6,
}

/// Rungs that are reached, or that a rule asks for. They need not be without gaps: of an
/// encrypted export of a declared asset E4 and E5 are missing below E6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Rung>", into = "Vec<Rung>")]
pub struct Rungs(u8);

impl Text {
    /// The text in a language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let date = text.parse().map(Self);
        let error = || format!("`{text}` is not a date: write it as \"2024-03-22\"");
        let is_plain = text.len() == DAY_LETTERS;
        date.ok().filter(|_| is_plain).ok_or_else(error)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl TryFrom<String> for WrittenCountry {
    type Error = CountryError;

    fn try_from(text: String) -> Result<Self, CountryError> {
        Country::from_person(&text).map(Self)
    }
}

impl From<WrittenCountry> for String {
    fn from(written: WrittenCountry) -> Self {
        written.0.code().to_owned()
    }
}

impl Operator {
    /// Whether an amount passes a threshold.
    pub const fn is_passed(self, amount: u64, threshold: u64) -> bool {
        match self {
            Self::Ge => amount >= threshold,
            Self::Gt => amount > threshold,
        }
    }

    /// The sign for it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ge => "≥",
            Self::Gt => ">",
        }
    }
}

impl Window {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::CalendarYear,
        Self::SincePreviousJanuary,
        Self::Rolling12Months,
        Self::Event,
    ];

    /// The first day that counts for an export of a day, in the zone of the pack. An event
    /// has none. Twelve months that end with 29 February begin with 1 March.
    pub fn first_day(self, day: Date) -> Option<Date> {
        let january = |year: i16| Date::new(year, 1, 1).ok();
        match self {
            Self::CalendarYear => january(day.year()),
            Self::SincePreviousJanuary => january(day.year().saturating_sub(1)),
            Self::Rolling12Months => {
                let next = day.checked_add(1.day()).ok()?;
                next.checked_sub(1.year()).ok()
            }
            Self::Event => None,
        }
    }
}

impl Rung {
    /// Every one, from the lowest.
    pub const ALL: [Self; 7] = [
        Self::E0,
        Self::E1,
        Self::E2,
        Self::E3,
        Self::E4,
        Self::E5,
        Self::E6,
    ];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Rungs {
    /// A rung and all below it.
    pub fn up_to(highest: Rung) -> Self {
        Rung::ALL
            .into_iter()
            .filter(|rung| *rung <= highest)
            .collect()
    }

    /// Whether a rung is one of them.
    pub const fn contains(self, rung: Rung) -> bool {
        self.0 & rung.bit() != 0
    }

    /// The highest.
    pub fn highest(self) -> Option<Rung> {
        self.iter().last()
    }

    /// Those that others are not.
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// From the lowest.
    pub fn iter(self) -> impl Iterator<Item = Rung> {
        Rung::ALL
            .into_iter()
            .filter(move |rung| self.contains(*rung))
    }
}

impl FromIterator<Rung> for Rungs {
    fn from_iter<T: IntoIterator<Item = Rung>>(rungs: T) -> Self {
        Self(rungs.into_iter().fold(0, |bits, rung| bits | rung.bit()))
    }
}

impl From<Vec<Rung>> for Rungs {
    fn from(rungs: Vec<Rung>) -> Self {
        rungs.into_iter().collect()
    }
}

impl From<Rungs> for Vec<Rung> {
    fn from(rungs: Rungs) -> Self {
        rungs.iter().collect()
    }
}

/// Letters of `2024-03-22`.
const DAY_LETTERS: usize = 10;
