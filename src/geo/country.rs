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

    /// Reads a code that a person wrote: one of ISO 3166-1. Databases and states may hold
    /// others, and are not read with this.
    ///
    /// # Errors
    /// Names the text that is none.
    pub fn from_person(text: &str) -> Result<Self, CountryError> {
        let is_listed = text.len() == 2 && ISO_3166_1.split(' ').any(|code| code == text);
        let country = Self::from_code(text).filter(|_| is_listed);
        country.ok_or_else(|| CountryError(text.to_owned()))
    }

    /// The two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }

    /// The two letters as bytes, which costs no look at whether they are text.
    pub const fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The two letters in the last 10 bits.
    pub(super) const fn bits(self) -> u16 {
        let [first, second] = self.0;
        (first as u16 & LETTER) << LETTER_BITS | second as u16 & LETTER
    }

    /// The country that has these [`Country::bits`].
    pub(super) const fn from_bits(bits: u16) -> Self {
        let (first, second) = (bits >> LETTER_BITS & LETTER, bits & LETTER);
        Self([b'@' | first as u8, b'@' | second as u8])
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
        Self::from_code(text).ok_or_else(|| CountryError(text.to_owned()))
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
                code => countries.push(Country::from_person(code)?),
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

    /// All of them, by their codes.
    pub fn iter(&self) -> impl Iterator<Item = Country> {
        self.countries.iter().copied()
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

/// In ASCII the upper-case letters are `@` and a number of 5 bits.
const LETTER_BITS: u16 = 5;
const LETTER: u16 = (1 << LETTER_BITS) - 1;

/// The codes of ISO 3166-1, and XK, which databases use for Kosovo.
const ISO_3166_1: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO \
    BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ \
    DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP \
    GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG \
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML \
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE \
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL \
    SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM \
    US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

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
        for wrong in ["sg", "EU", "UK", "XX", "ZZ", "SGP", "S", "", "S1", "新加"] {
            assert!(Country::from_person(wrong).is_err(), "{wrong}");
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
        assert!(Jurisdictions::new(&["ZZ"]).is_err());
        let china = Jurisdictions::new(&["CN"]).unwrap();
        assert!(!china.contains(Country::UNKNOWN));
    }
}
