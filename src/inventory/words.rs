//! The words in which data is declared: what it is, how it is graded, and by which route it
//! may leave.

use serde::{Deserialize, Serialize};

/// What data is about, as an operator declares it or content shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Personal information that is none of the kinds below.
    Personal,
    /// Sensitive personal information (PIPL article 28) that is none of the kinds below.
    SensitivePersonal,
    /// Of a person's health (GDPR article 4(15); 28 CFR 202.241).
    Health,
    /// Human genomes (28 CFR 202.224; Chinese human genetic resource information).
    Genomic,
    /// Other human 'omic data: epigenomic, proteomic, transcriptomic (28 CFR 202.224).
    Omic,
    /// Biometric identifiers (28 CFR 202.204).
    Biometric,
    /// Where a person or device was, to 1,000 m or better (28 CFR 202.242).
    Geolocation,
    /// Of a person's accounts and payments (28 CFR 202.240).
    Financial,
    /// Listed identifiers of persons and their devices (28 CFR 202.212).
    Identifiers,
    /// Vehicles, their surroundings and who is in them.
    Vehicle,
    /// What machines and plants say.
    Industrial,
    /// What a business knows that is about no person.
    Business,
    /// Of a government, or of its people and places (28 CFR 202.222).
    Government,
}

/// How much a leak would harm the public, from the least (GB/T 43697-2024 section 5).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Neither of the others.
    #[default]
    General,
    /// Important data (Chinese Data Security Law article 21).
    Important,
    /// Core data of the state (the same article).
    Core,
}

/// On what grounds data may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A security assessment by an authority.
    Assessment,
    /// A standard contract that was filed, or standard contractual clauses.
    Contract,
    /// A certification.
    Certification,
    /// A negative list of a zone that does not name it.
    NegativeList,
    /// A list of a zone or region that names it.
    WhiteList,
    /// The standard contract of the Greater Bay Area.
    GbaContract,
    /// An adequate level of protection at the destination.
    Adequacy,
    /// Binding corporate rules.
    BindingRules,
    /// A derogation or consent for a single situation.
    Derogation,
    /// An exemption by law, whose article the filing number names.
    Exemption,
    /// A licence or a security review by an authority.
    Licence,
    /// A notice to an authority, or a dossier that it holds.
    Notice,
}

impl Category {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Personal,
        Self::SensitivePersonal,
        Self::Health,
        Self::Genomic,
        Self::Omic,
        Self::Biometric,
        Self::Geolocation,
        Self::Financial,
        Self::Identifiers,
        Self::Vehicle,
        Self::Industrial,
        Self::Business,
        Self::Government,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::SensitivePersonal => "sensitive_personal",
            Self::Health => "health",
            Self::Genomic => "genomic",
            Self::Omic => "omic",
            Self::Biometric => "biometric",
            Self::Geolocation => "geolocation",
            Self::Financial => "financial",
            Self::Identifiers => "identifiers",
            Self::Vehicle => "vehicle",
            Self::Industrial => "industrial",
            Self::Business => "business",
            Self::Government => "government",
        }
    }
}

impl TryFrom<String> for Category {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| none_of(&text, "category", &Self::ALL.map(Self::name)))
    }
}

impl Grade {
    /// Every one, from the least.
    pub const ALL: [Self; 3] = [Self::General, Self::Important, Self::Core];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Important => "important",
            Self::Core => "core",
        }
    }
}

impl TryFrom<String> for Grade {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| none_of(&text, "grade", &Self::ALL.map(Self::name)))
    }
}

impl Route {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Assessment,
        Self::Contract,
        Self::Certification,
        Self::NegativeList,
        Self::WhiteList,
        Self::GbaContract,
        Self::Adequacy,
        Self::BindingRules,
        Self::Derogation,
        Self::Exemption,
        Self::Licence,
        Self::Notice,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assessment => "assessment",
            Self::Contract => "contract",
            Self::Certification => "certification",
            Self::NegativeList => "negative_list",
            Self::WhiteList => "white_list",
            Self::GbaContract => "gba_contract",
            Self::Adequacy => "adequacy",
            Self::BindingRules => "binding_rules",
            Self::Derogation => "derogation",
            Self::Exemption => "exemption",
            Self::Licence => "licence",
            Self::Notice => "notice",
        }
    }
}

impl TryFrom<String> for Route {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == text);
        found.ok_or_else(|| none_of(&text, "route", &Self::ALL.map(Self::name)))
    }
}

/// Says that a word is none of those that may stand somewhere, and which those are.
pub fn none_of(text: &str, what: &str, known: &[&str]) -> String {
    format!(
        "`{}` is no {what}: write one of {}",
        text.escape_debug(),
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_listed_once_in_its_place_and_is_read_as_it_is_written() {
        for (place, one) in Category::ALL.into_iter().enumerate() {
            assert_eq!(one as usize, place);
            assert_eq!(Category::try_from(one.name().to_owned()), Ok(one));
            assert_eq!(
                toml::Value::try_from(one).unwrap().as_str(),
                Some(one.name())
            );
        }
        for (place, one) in Grade::ALL.into_iter().enumerate() {
            assert_eq!(one as usize, place);
            assert_eq!(
                toml::Value::try_from(one).unwrap().as_str(),
                Some(one.name())
            );
        }
        for (place, one) in Route::ALL.into_iter().enumerate() {
            assert_eq!(one as usize, place);
            assert_eq!(
                toml::Value::try_from(one).unwrap().as_str(),
                Some(one.name())
            );
        }
        let said = Grade::try_from("secret".to_owned()).unwrap_err();
        assert_eq!(
            said,
            "`secret` is no grade: write one of general, important, core"
        );
    }
}
