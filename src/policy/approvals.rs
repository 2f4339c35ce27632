//! The register of approvals: by which filing what may go to whom, how much of it and until
//! when, as the operator declares it.
//!
//! A [`Register`] is asked with a [`Claim`], which is what was seen, and answers with a
//! [`Standing`]. It does not say that a transfer is lawful, but whether what was filed covers
//! what was seen.

mod read;
mod register;
mod standing;

pub use read::APPROVAL_COLUMNS;
pub use register::{CANDIDATES_MAX, Register};
pub use standing::{Claim, IDS_MAX, Seen, Standing, Why};
pub(in crate::policy) use standing::{FoundBy, Judged};

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use jiff::civil::Date;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::meters::Period;
use crate::dissect::Protection;
use crate::geo::Country;
use crate::inventory::{Categories, Name, Route, Term, none_of, shown};

/// Recipients of an approval; more need a second one.
pub const RECIPIENTS_MAX: usize = 256;

/// Assets that an approval names; more need a second one.
pub const ASSETS_MAX: usize = 1_024;

/// What was filed or granted, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name in this register.
    pub id: Term,
    /// What it says beside to whom.
    pub terms: Terms,
    /// To whom; to anybody if nobody is named.
    pub recipients: Vec<Recipient>,
    /// The file.
    pub file: Arc<str>,
    /// The line, the first being 1.
    pub line: usize,
    /// Lines that name a recipient which it had already.
    pub repeated_lines: Vec<usize>,
}

/// What an approval says beside to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Of which law it is.
    pub regime: Regime,
    /// On what grounds.
    pub route: Route,
    /// The number that the authority gave it.
    pub filing_number: Option<Term>,
    /// The legal entity that may export; needed where no asset is named.
    pub organisation: Option<Term>,
    /// Assets that may; all of the organisation if none is named.
    pub assets: Vec<Name>,
    /// What data may be about; anything if nothing is named.
    pub categories: Categories,
    /// Persons whose data may leave within a period.
    pub maximum_subjects: Option<u64>,
    /// Bytes that may leave within a period.
    pub maximum_bytes: Option<u64>,
    /// The period of both; there is one if there is either.
    pub period: Option<Period>,
    /// The first day, in the time zone of the regime.
    pub valid_from: Date,
    /// The last day, not before the first.
    pub valid_to: Date,
    /// How what leaves has to be protected.
    pub protection: Option<Required>,
    /// In the operator's words.
    pub note: Option<Note>,
}

/// To whom data may go. All that is given must be seen; several recipients are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// Its name, which nothing is told by.
    pub name: Option<Term>,
    /// Its host names.
    pub domain: Option<DomainPattern>,
    /// Its addresses, without host bits; v4-mapped ones as IPv4.
    pub prefix: Option<IpNet>,
    /// Its autonomous system.
    pub asn: Option<NonZeroU32>,
    /// Where it is.
    pub country: Option<Country>,
}

/// Host names: a domain and all below it, or with `*.` before it only what is below.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct DomainPattern {
    domain: Box<str>,
    is_below: bool,
}

/// A family of packs, such as `cn`: 1 to 16 of `a` to `z`, digits, `-` and `_`, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Regime(Box<str>);

/// How what leaves has to be protected, at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Required {
    /// As TLS 1.2 does, with a suite that RFC 9325 does not advise against.
    Standard,
    /// As TLS 1.3 or QUIC do.
    Strong,
    /// As those do with a key exchange made for quantum computers.
    PostQuantum,
    /// By the commercial cryptography of China.
    National,
}

/// A remark of 1 to 500 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Note(Box<str>);

/// A day, as `2026-10-01` in quotation marks or, in TOML, without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenDate(pub Date);

/// Whose exports an approval covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope<'a> {
    /// An asset, by its name.
    Asset(&'a str),
    /// All assets of an organisation.
    Organisation(&'a str),
}

impl Terms {
    /// Whose exports are covered.
    pub fn scopes(&self) -> impl Iterator<Item = Scope<'_>> {
        let assets = self.assets.iter().map(|name| Scope::Asset(name.as_str()));
        let organisation = self.organisation.as_ref();
        let organisation = organisation.filter(|_| self.assets.is_empty());
        assets.chain(organisation.map(|name| Scope::Organisation(name.as_str())))
    }

    /// Whether it covers all assets of an organisation.
    pub const fn is_of_organisation(&self) -> bool {
        self.assets.is_empty()
    }
}

impl Recipient {
    /// Whether somebody can be both.
    pub(in crate::policy) fn meets(&self, other: &Self) -> bool {
        let is_within = |one: &DomainPattern, other: &DomainPattern| {
            let is_same = one.domain == other.domain;
            is_same || other.fits(&one.domain)
        };
        let domains = self.domain.as_ref().zip(other.domain.as_ref());
        let prefixes = self.prefix.as_ref().zip(other.prefix.as_ref());
        domains.is_none_or(|(one, other)| is_within(one, other) || is_within(other, one))
            && prefixes.is_none_or(|(one, other)| one.contains(other) || other.contains(one))
            && self
                .asn
                .zip(other.asn)
                .is_none_or(|(one, other)| one == other)
            && self
                .country
                .zip(other.country)
                .is_none_or(|(one, other)| one == other)
    }

    /// Whether both are told by the same, whatever their names.
    pub(in crate::policy) fn is_told_like(&self, other: &Self) -> bool {
        (&self.domain, self.prefix, self.asn, self.country)
            == (&other.domain, other.prefix, other.asn, other.country)
    }
}

impl DomainPattern {
    /// Labels of the longest, and of a host name as many from its end are looked at.
    pub const LABELS_MAX: usize = 8;

    /// The domain that is named.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the domain itself is not meant.
    pub const fn is_below(&self) -> bool {
        self.is_below
    }

    /// Whether a host name, in lower case and without a dot at its end, is one of them.
    pub fn fits(&self, host: &str) -> bool {
        match host.strip_suffix(&*self.domain) {
            Some("") => !self.is_below,
            Some(before) => before.ends_with('.'),
            None => false,
        }
    }
}

impl TryFrom<String> for DomainPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let error = |why: &str| format!("`{}` is no domain here: {why}", shown(&text));
        let lower = text.to_ascii_lowercase();
        let below = lower.strip_prefix("*.");
        let domain = below.unwrap_or(&lower);
        if !domain.is_ascii() {
            return Err(error("write what DNS says, which begins with xn--"));
        }
        if domain.parse::<IpAddr>().is_ok() || domain.parse::<IpNet>().is_ok() {
            return Err(error("put addresses under prefix"));
        }
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_label =
            |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_letter);
        if domain.len() > 253 || !domain.split('.').all(is_label) {
            return Err(error(
                "write example.com, or *.example.com for all below it",
            ));
        }
        if domain.split('.').count() > Self::LABELS_MAX {
            return Err(error("it has more than 8 labels; name a shorter one"));
        }
        if psl::domain(domain.as_bytes()).is_none() {
            return Err(error(
                "anybody can have a name below it; name a registered one",
            ));
        }
        Ok(Self {
            domain: domain.into(),
            is_below: below.is_some(),
        })
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.is_below { "*." } else { "" };
        write!(f, "{below}{}", self.domain)
    }
}

impl Regime {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Regime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_letter = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        };
        let is_begun = text.starts_with(|first: char| first.is_ascii_lowercase());
        if is_begun && text.len() <= 16 && text.bytes().all(is_letter) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "`{}` is no regime: write the family of a pack, such as cn, us or eu",
            shown(&text)
        ))
    }
}

impl Required {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::Standard,
        Self::Strong,
        Self::PostQuantum,
        Self::National,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Strong => "strong",
            Self::PostQuantum => "post_quantum",
            Self::National => "national",
        }
    }

    /// Whether what was seen is enough; nothing where it was not told. What is national is
    /// taken for TLS 1.2's equal and no more, since TLCP descends from TLS 1.1.
    pub const fn is_met(self, seen: Protection) -> Option<bool> {
        use Protection as P;
        let is_met = match (self, seen) {
            (_, P::Unseen | P::Opaque) => return None,
            (_, P::Clear | P::Weak) => false,
            (Self::Standard, _) => true,
            (Self::Strong, seen) => matches!(seen, P::Strong | P::PostQuantum),
            (Self::PostQuantum, seen) => matches!(seen, P::PostQuantum),
            (Self::National, seen) => matches!(seen, P::National),
        };
        Some(is_met)
    }
}

impl TryFrom<String> for Required {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| none_of(&text, "required protection", &Self::ALL.map(Self::name)))
    }
}

impl Note {
    /// Characters of the longest.
    pub const CHARACTERS_MAX: usize = 500;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_length = (1..=Self::CHARACTERS_MAX).contains(&text.chars().count());
        if is_length && !text.contains(char::is_control) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "a note has 1 to {} characters, none of them a line break: shorten it",
            Self::CHARACTERS_MAX
        ))
    }
}

impl TryFrom<String> for WrittenDate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = text.parse::<Date>().ok();
        // The library reads other forms too, and a time behind the day.
        let read = read.filter(|date| date.to_string() == text);
        read.map(Self)
            .ok_or_else(|| format!("`{}` is not a date: write it as 2026-10-01", shown(&text)))
    }
}

impl<'de> Deserialize<'de> for WrittenDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor)
    }
}

struct DateVisitor;

impl<'de> serde::de::Visitor<'de> for DateVisitor {
    type Value = WrittenDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date such as 2026-10-01")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WrittenDate, E> {
        WrittenDate::try_from(text.to_owned()).map_err(E::custom)
    }

    /// A date of TOML comes as a map of its library.
    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<WrittenDate, A::Error> {
        let date = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
        self.visit_str(&date.to_string())
    }
}

/// A prefix without host bits, and that of v4-mapped addresses as the IPv4 prefix that it is.
fn canonical(prefix: IpNet) -> IpNet {
    let prefix = prefix.trunc();
    let IpNet::V6(v6) = prefix else { return prefix };
    let length = v6.prefix_len().checked_sub(MAPPED_BITS);
    let mapped = v6.addr().to_ipv4_mapped().zip(length);
    let v4 = mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    v4.map_or(prefix, IpNet::V4)
}

/// Bits before the IPv4 address in a v4-mapped one.
const MAPPED_BITS: u8 = 96;

#[cfg(test)]
mod tests;
