//! What an operator says of an asset beside where it is: whose it is, what its data is about,
//! and how that is graded. No packet shows any of it.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::table::shown;
use super::{Categories, Grade, Vlan};
use crate::geo::Country;

/// What is declared of an asset. Nothing of it has to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The legal entity that it is of, to which thresholds of law apply.
    pub organisation: Option<Term>,
    /// That entity's unified social credit code (GB 32100-2015).
    pub uscc: Option<Uscc>,
    /// The sector, in the operator's words.
    pub sector: Option<Term>,
    /// The free-trade zone or region whose lists apply to it.
    pub zone: Option<Term>,
    /// Whether an authority has said that it is critical information infrastructure (Chinese
    /// Cybersecurity Law, article 31 as of 2017).
    pub is_critical_infrastructure: bool,
    /// What its data is about.
    pub categories: Categories,
    /// How its data is graded.
    pub grade: Option<Grade>,
    /// The scenario of a zone's list that it serves.
    pub scenario: Option<Term>,
    /// Who answers for it: a mailbox of a role, or a department.
    pub owner: Option<Term>,
    /// How long a record of one person is.
    pub bytes_per_record: Option<BytesPerRecord>,
    /// Where it is, if not in the country of the site.
    pub home: Option<WrittenCountry>,
    /// The VLAN in which its addresses are its own.
    pub vlan: Option<Vlan>,
    /// Whether what it sends abroad in the clear is looked into.
    pub is_inspected: bool,
}

/// A text of 1 to [`Term::CHARACTERS_MAX`] characters, none of them a control character, and
/// without spaces at the ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Term(Arc<str>);

/// A unified social credit code: 18 characters, the last of which checks the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Uscc([u8; USCC_CHARACTERS]);

/// The bytes that a record of one person takes, before compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenBytesPerRecord")]
pub struct BytesPerRecord {
    /// The least.
    pub minimum: NonZeroU64,
    /// What is usual, not less.
    pub typical: NonZeroU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBytesPerRecord {
    minimum: NonZeroU64,
    typical: NonZeroU64,
}

/// A country that a person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct WrittenCountry(pub Country);

impl Term {
    /// Characters of the longest.
    pub const CHARACTERS_MAX: usize = 128;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text for whoever keeps it too.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The text without what people write differently: case, spaces and the full-width forms
    /// of ASCII (Unicode block Halfwidth and Fullwidth Forms).
    pub fn folded(text: &str) -> String {
        let narrow = text.chars().map(|one| match one {
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(u32::from(one) - FULL_WIDTH_OFFSET).unwrap_or(one)
            }
            one => one,
        });
        let kept = narrow.filter(|one| !one.is_whitespace());
        kept.flat_map(char::to_lowercase).collect()
    }
}

impl TryFrom<String> for Term {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_length = (1..=Self::CHARACTERS_MAX).contains(&text.chars().count());
        if is_length && text.trim() == text && !text.contains(char::is_control) {
            return Ok(Self(text.into()));
        }
        Err(format!(
            "`{}` cannot stand here: use 1 to {} characters, none of them a control character, \
             and no space at the ends",
            shown(&text),
            Self::CHARACTERS_MAX,
        ))
    }
}

impl From<Term> for String {
    fn from(term: Term) -> Self {
        term.0.as_ref().to_owned()
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Uscc {
    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl TryFrom<String> for Uscc {
    type Error = String;

    /// Reads a code in either case and checks it: the weight of place `i` is 3 to the power of
    /// `i`, and the last character is what the sum lacks to a multiple of 31 (GB 32100-2015,
    /// section 4.5).
    fn try_from(text: String) -> Result<Self, String> {
        let error = |why: &str| format!("`{}` is no social credit code: {why}", shown(&text));
        let upper = text.to_ascii_uppercase();
        let Ok(code) = <[u8; USCC_CHARACTERS]>::try_from(upper.as_bytes()) else {
            return Err(error("write its 18 characters without spaces"));
        };
        let (mut sum, mut weight, mut last) = (0, 1, 0);
        for (place, letter) in code.iter().enumerate() {
            let Some(value) = USCC_ALPHABET.iter().position(|known| known == letter) else {
                return Err(error(
                    "write digits and letters other than I, O, S, V and Z",
                ));
            };
            last = value;
            if place + 1 < USCC_CHARACTERS {
                sum = (sum + value * weight) % USCC_ALPHABET.len();
                weight = weight * 3 % USCC_ALPHABET.len();
            }
        }
        if (sum + last) % USCC_ALPHABET.len() != 0 {
            return Err(error(
                "its last character does not go with the others; compare them",
            ));
        }
        Ok(Self(code))
    }
}

impl fmt::Display for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Uscc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl BytesPerRecord {
    /// Takes both bounds.
    ///
    /// # Errors
    /// Says that the typical record is shorter than the least.
    pub fn new(minimum: NonZeroU64, typical: NonZeroU64) -> Result<Self, String> {
        if typical < minimum {
            return Err(format!(
                "typical {typical} is less than minimum {minimum}: exchange them"
            ));
        }
        Ok(Self { minimum, typical })
    }
}

impl TryFrom<WrittenBytesPerRecord> for BytesPerRecord {
    type Error = String;

    fn try_from(written: WrittenBytesPerRecord) -> Result<Self, String> {
        Self::new(written.minimum, written.typical)
    }
}

impl TryFrom<String> for WrittenCountry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = Country::from_person(&text).map(Self);
        read.map_err(|_| {
            format!(
                "`{}` is not a country: use an upper-case ISO 3166-1 code such as SG",
                shown(&text)
            )
        })
    }
}

const USCC_CHARACTERS: usize = 18;
const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// From a full-width form to its character of ASCII.
const FULL_WIDTH_OFFSET: u32 = 0xfee0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uscc(text: &str) -> Result<Uscc, String> {
        Uscc::try_from(text.to_owned())
    }

    #[test]
    fn a_social_credit_code_is_checked_by_its_last_character() {
        for valid in [
            "91350100M000100Y43",
            "91110000600037341L",
            "91310000132200821H",
        ] {
            assert_eq!(uscc(valid).unwrap().as_str(), valid);
            assert_eq!(uscc(&valid.to_lowercase()).unwrap().as_str(), valid);
        }
        for (wrong, why) in [
            ("91350100M000100Y44", "last character"),
            ("91350100M000100Y4", "18 characters"),
            ("91350100M000100I43", "other than I"),
            ("９1350100M000100Y43", "18 characters"),
            ("", "18 characters"),
        ] {
            let said = uscc(wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn terms_are_short_and_printable() {
        let term = |text: &str| Term::try_from(text.to_owned());
        assert_eq!(term("Ünï 公司").unwrap().as_str(), "Ünï 公司");
        assert!(term(&"界".repeat(128)).is_ok());
        for wrong in ["", " a", "a ", "a\nb", "a\u{7f}", &"a".repeat(129)] {
            assert!(term(wrong).is_err(), "{wrong:?}");
        }
        let said = term(&"x".repeat(5_000)).unwrap_err();
        assert!(said.len() < 300, "{said}");
        assert_eq!(Term::folded("Ａcme  LTD"), Term::folded("acme ltd"));
        assert_ne!(Term::folded("acme"), Term::folded("acne"));
    }

    #[test]
    fn numbers_have_their_ranges() {
        assert!(Vlan::try_from(1).is_ok() && Vlan::try_from(4094).is_ok());
        assert!(Vlan::try_from(0).is_err() && Vlan::try_from(4095).is_err());
        let [few, many] = [10, 20].map(|bytes| NonZeroU64::new(bytes).unwrap());
        assert!(BytesPerRecord::new(few, many).is_ok());
        assert!(BytesPerRecord::new(many, few).is_err());
    }

    proptest! {
        /// A code of weights that are powers of 3 modulo a prime finds each single error.
        #[test]
        fn no_single_wrong_character_passes(place in 0usize..18, other in 0usize..31) {
            let valid = *b"91350100M000100Y43";
            let mut changed = valid;
            changed[place] = USCC_ALPHABET[other];
            let is_same = changed == valid;
            let read = uscc(std::str::from_utf8(&changed).unwrap());
            prop_assert_eq!(read.is_ok(), is_same);
        }

        #[test]
        fn no_text_breaks_the_reading(text in any::<String>()) {
            let _ = Term::try_from(text.clone());
            let _ = Uscc::try_from(text.clone());
            let _ = WrittenCountry::try_from(text.clone());
            let _ = Term::folded(&text);
        }
    }
}
