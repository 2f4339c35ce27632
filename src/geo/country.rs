//! Country codes, and the groups of them that are one jurisdiction.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A country code of ISO 3166-1 alpha-2, or [`Country::UNKNOWN`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// `ZZ`, which ISO 3166-1 leaves to users: no source knows the country.
    pub const UNKNOWN: Self = Self(*b"ZZ");

    /// Reads two ASCII letters, upper case.
    pub fn from_code(code: &str) -> Option<Self> {
        let letters: [u8; 2] = code.as_bytes().try_into().ok()?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(letters))
    }

    /// The two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }

    /// Whether no source knows the country.
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A text that is neither a country code nor a group.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a country: use an upper-case ISO 3166-1 code such as \"SG\", or \"EU\" or \
     \"EEA\" where a group may stand"
)]
pub struct CountryError(String);

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        // EU is reserved in ISO 3166-1 and is no country.
        let country = Self::from_code(text).filter(|_| text != "EU");
        country.ok_or_else(|| CountryError(text.to_owned()))
    }
}

impl TryFrom<String> for Country {
    type Error = CountryError;

    fn try_from(text: String) -> Result<Self, CountryError> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.code().to_owned()
    }
}

/// The jurisdictions of a site: the countries between which its data crosses no border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jurisdictions {
    countries: Vec<Country>,
}

impl Jurisdictions {
    /// Reads country codes and the groups `EU` (27 members) and `EEA` (with IS, LI and NO).
    ///
    /// # Errors
    /// Names the first text that is neither.
    pub fn new<T: AsRef<str>>(names: &[T]) -> Result<Self, CountryError> {
        let mut countries = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            match name {
                "EU" => countries.extend(group(&EU)),
                "EEA" => countries.extend(group(&EU).chain(group(&EEA_BEYOND_EU))),
                code => countries.push(code.parse()?),
            }
        }
        countries.sort_unstable();
        countries.dedup();
        Ok(Self { countries })
    }

    /// Whether data that goes to `country` stays home. Unknown never does.
    pub fn contains(&self, country: Country) -> bool {
        !country.is_unknown() && self.countries.binary_search(&country).is_ok()
    }

    /// The country of the site, where it has exactly one.
    pub fn only(&self) -> Option<Country> {
        match self.countries.as_slice() {
            [country] => Some(*country),
            _ => None,
        }
    }
}

fn group(codes: &'static [&'static str]) -> impl Iterator<Item = Country> {
    codes.iter().filter_map(|code| Country::from_code(code))
}

/// Member states of the European Union since 2020-02-01.
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// States of the European Economic Area outside the Union (GDPR applies by Joint
/// Committee Decision No 154/2018).
const EEA_BEYOND_EU: [&str; 3] = ["IS", "LI", "NO"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_two_upper_case_letters() {
        assert_eq!("SG".parse::<Country>().unwrap().to_string(), "SG");
        for wrong in ["sg", "EU", "SGP", "S", "", "S1", "新加"] {
            assert!(wrong.parse::<Country>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn groups_are_spelled_out() {
        let eea = Jurisdictions::new(&["EEA"]).unwrap();
        assert!(eea.contains("NO".parse().unwrap()) && eea.contains("HR".parse().unwrap()));
        assert!(!eea.contains("GB".parse().unwrap()) && !eea.contains("CH".parse().unwrap()));
        assert_eq!(eea.only(), None);
        let china = Jurisdictions::new(&["CN"]).unwrap();
        assert!(
            !china.contains("HK".parse().unwrap()),
            "HK is outbound from CN"
        );
        assert_eq!(china.only(), Country::from_code("CN"));
    }

    #[test]
    fn unknown_is_never_home() {
        let odd = Jurisdictions::new(&["ZZ"]).unwrap();
        assert!(!odd.contains(Country::UNKNOWN));
    }
}
