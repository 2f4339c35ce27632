//! What is metered apart from what.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::geo::Country;
use crate::inventory::{Categories, Grade, Term};

/// What a number is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Whose data it is.
    pub entity: Entity,
    /// Which asset of an organisation it left. None where the entity is an asset itself, or
    /// there was no room.
    pub asset: Option<Term>,
    /// What the data is about; nothing if that is not known. What is about several things has
    /// one key with all of them, so that no byte counts twice.
    pub categories: Categories,
    /// To whom it went.
    pub recipient: RecipientKey,
    /// Where that is. One recipient in two countries has two keys: most laws tell them apart.
    pub country: Country,
    /// What else decides whether a threshold counts it.
    pub traits: Traits,
}

/// What was declared of an asset when the data left it, in so far as rules of law ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Traits {
    /// Where its data is at home, if not in the country of the site.
    pub home: Option<Country>,
    /// How its data is graded, if it is.
    pub grade: Option<Grade>,
    /// The zone whose lists apply to it.
    pub zone: Option<Term>,
    /// Its industry.
    pub sector: Option<Term>,
    /// What it is for.
    pub scenario: Option<Term>,
    /// Who answers for it.
    pub owner: Option<Term>,
    /// Whether it is critical information infrastructure.
    pub is_critical_infrastructure: bool,
}

/// To whom a threshold of law applies, or else an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Entity {
    /// A legal entity, by the name that is declared.
    Organisation(Term),
    /// An asset of no declared organisation, by its label.
    Asset(Term),
    /// Those for which there was no room.
    Others,
}

/// To whom data went, by what is known of it best.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecipientKey {
    /// A registered domain.
    Domain(Term),
    /// An autonomous system.
    Asn(u32),
    /// A country.
    Country(Country),
    /// Those for which there was no room.
    Others,
}

/// The kind of an identifier, such as that of telephone numbers: a number that the caller
/// gives it, below [`IDENTIFIER_KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct IdentifierKind(u8);

/// Kinds of identifiers.
pub const IDENTIFIER_KINDS: u8 = 32;

/// Which keys are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'a> {
    /// Of whom; of all if not given.
    pub entity: Option<&'a Entity>,
    /// About any of these; about anything if it is empty.
    pub categories: Categories,
    /// To whom; to all if not given.
    pub recipient: Option<&'a RecipientKey>,
}

impl RecipientKey {
    /// What is known best of a recipient: its registered domain, if it is no longer than a
    /// [`Term`] can be, or its autonomous system, unless that is 0, or its country.
    pub fn of(domain: Option<&str>, asn: u32, country: Country) -> Self {
        let domain = domain.map(str::to_ascii_lowercase);
        match domain.and_then(|domain| Term::try_from(domain).ok()) {
            Some(domain) => Self::Domain(domain),
            None if asn != 0 => Self::Asn(asn),
            None => Self::Country(country),
        }
    }
}

impl fmt::Display for Entity {
    /// Its name, or others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organisation(name) | Self::Asset(name) => f.pad(name.as_str()),
            Self::Others => f.pad("others"),
        }
    }
}

impl fmt::Display for RecipientKey {
    /// A registered domain, an autonomous system, a country, or others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => f.pad(domain.as_str()),
            Self::Asn(asn) => write!(f, "AS{asn}"),
            Self::Country(country) => write!(f, "{country}"),
            Self::Others => f.pad("others"),
        }
    }
}

impl TryFrom<u8> for IdentifierKind {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        let is_kind = number < IDENTIFIER_KINDS;
        is_kind
            .then_some(Self(number))
            .ok_or("no kind of identifiers")
    }
}

impl IdentifierKind {
    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl Key {
    /// The key into which this one folds when there is no room. What is lost first is which
    /// asset of an organisation it was, then to whom it went, then whose it is and what else is
    /// declared of that, then where it went, and in the end what it is about.
    pub(super) fn outer(&self) -> Option<Self> {
        let mut outer = self.clone();
        match self.level() {
            0 => outer.asset = None,
            1 => outer.recipient = RecipientKey::Others,
            2 => (outer.entity, outer.traits) = (Entity::Others, Traits::default()),
            3 => outer.country = Country::UNKNOWN,
            4 => outer.categories = Categories::NONE,
            _ => return None,
        }
        Some(outer)
    }

    /// How much is folded in it already.
    pub(super) fn level(&self) -> u8 {
        let is_whole = [
            self.asset.is_some(),
            self.recipient != RecipientKey::Others,
            self.entity != Entity::Others || self.traits != Traits::default(),
            !self.country.is_unknown(),
            !self.categories.is_empty(),
        ];
        let folded = is_whole.into_iter().take_while(|is_whole| !is_whole);
        folded.count() as u8
    }
}

impl Selection<'_> {
    /// Whether a key is asked for.
    pub(super) fn takes(&self, key: &Key) -> bool {
        self.entity.is_none_or(|entity| *entity == key.entity)
            && self.recipient.is_none_or(|one| *one == key.recipient)
            && (self.categories.is_empty() || self.categories.meets(key.categories))
    }
}
