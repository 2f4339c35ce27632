//! Words near an identifier that say what it is.
//!
//! A form without a strong check digit is an identifier only if a word for it stands at most
//! [`CONTEXT_BYTES`] before it: a label, a key of JSON, a tag. Looked up only for what has the
//! right form already, so that ordinary text costs nothing. Short words count only as a whole
//! word, or as a hump of a name in camel case. Blind spots: a word behind the value or in the
//! head of a table (for which there is the density), and other languages.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::found::Kind;

/// Finds the words. Built once.
#[derive(Debug)]
pub(super) struct Context {
    automaton: AhoCorasick,
    /// What each pattern speaks of.
    meanings: Vec<Meaning>,
}

#[derive(Clone, Copy, Debug)]
struct Meaning {
    kind: Kind,
    is_short: bool,
}

impl Context {
    pub(super) fn new() -> Result<Self, BuildError> {
        let mut patterns = Vec::new();
        let mut meanings = Vec::new();
        for (kind, words) in WORDS {
            for word in *words {
                for pattern in spellings(word) {
                    let is_short = word.is_ascii() && word.len() <= 4;
                    meanings.push(Meaning {
                        kind: *kind,
                        is_short,
                    });
                    patterns.push(pattern);
                }
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&patterns)?;
        Ok(Self {
            automaton,
            meanings,
        })
    }

    /// The kinds of which words are in the text, which stands before an identifier.
    pub(super) fn kinds(&self, text: &[u8]) -> Kinds {
        let mut kinds = Kinds::default();
        for found in self.automaton.find_overlapping_iter(text) {
            let Some(meaning) = self.meanings.get(found.pattern().as_usize()) else {
                continue;
            };
            if !meaning.is_short || is_whole(text, found.start(), found.end()) {
                kinds.0 |= Kinds::bit(meaning.kind);
            }
        }
        kinds
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(u32);

impl Kinds {
    /// Whether a kind is in it.
    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// There are fewer than 32 kinds.
    fn bit(kind: Kind) -> u32 {
        1 << (kind as u32 & 31)
    }
}

/// A word in the codes of its language: UTF-8, of Chinese also GBK and UTF-16 of either order.
fn spellings(word: &str) -> Vec<Vec<u8>> {
    let mut spellings = vec![word.as_bytes().to_vec()];
    if !word.is_ascii() {
        spellings.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
        spellings.push(word.encode_utf16().flat_map(u16::to_be_bytes).collect());
    }
    let gbk = GBK.iter().find(|(known, _)| *known == word);
    spellings.extend(gbk.map(|(_, bytes)| bytes.to_vec()));
    spellings
}

fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let letter = |index: Option<usize>| {
        let byte = index.and_then(|index| text.get(index)).copied();
        byte.filter(u8::is_ascii_alphabetic)
    };
    let begins = match (letter(start.checked_sub(1)), letter(Some(start))) {
        (Some(before), Some(first)) => before.is_ascii_lowercase() && first.is_ascii_uppercase(),
        _ => true,
    };
    let ends = match (letter(end.checked_sub(1)), letter(Some(end))) {
        (Some(last), Some(after)) => last.is_ascii_lowercase() && after.is_ascii_uppercase(),
        _ => true,
    };
    begins && ends
}

/// How far before an identifier a word for it may begin, in bytes without escapes.
pub(super) const CONTEXT_BYTES: usize = 64;

const WORDS: &[(Kind, &[&str])] = &[
    (
        Kind::MobileChina,
        &[
            "phone",
            "mobile",
            "cellular",
            "tel",
            "cell",
            "msisdn",
            "手机",
            "电话",
            "联系方式",
        ],
    ),
    (
        Kind::PaymentCard,
        &[
            "card",
            "pan",
            "credit",
            "debit",
            "visa",
            "mastercard",
            "unionpay",
            "amex",
            "卡号",
            "银行卡",
            "信用卡",
            "银联",
        ],
    ),
    (
        Kind::Vin,
        &["vin", "vehicle", "chassis", "车架", "车辆识别", "底盘"],
    ),
    (Kind::Imei, &["imei", "imeisv"]),
    (
        Kind::SsnUs,
        &[
            "ssn",
            "social security",
            "social_security",
            "socialsecurity",
            "social-security",
        ],
    ),
    (Kind::Aadhaar, &["aadhaar", "aadhar", "uidai", "आधार"]),
    (
        Kind::HongKongId,
        &[
            "hkid",
            "identity card",
            "identity_card",
            "identitycard",
            "id card",
            "idcard",
            "身份证",
            "身份證",
        ],
    ),
    (
        Kind::ResidentIdOld,
        &[
            "identity",
            "id card",
            "id_card",
            "idcard",
            "id no",
            "idno",
            "sfz",
            "身份证",
            "证件",
        ],
    ),
    (
        Kind::KoreanRrn,
        &[
            "rrn",
            "resident registration",
            "jumin",
            "주민등록",
            "주민번호",
        ],
    ),
    (Kind::Snils, &["snils", "снилс", "СНИЛС", "Снилс"]),
];

/// The Chinese words in GBK (GB 18030-2022).
const GBK: &[(&str, &[u8])] = &[
    ("手机", b"\xCA\xD6\xBB\xFA"),
    ("电话", b"\xB5\xE7\xBB\xB0"),
    ("联系方式", b"\xC1\xAA\xCF\xB5\xB7\xBD\xCA\xBD"),
    ("卡号", b"\xBF\xA8\xBA\xC5"),
    ("银行卡", b"\xD2\xF8\xD0\xD0\xBF\xA8"),
    ("信用卡", b"\xD0\xC5\xD3\xC3\xBF\xA8"),
    ("银联", b"\xD2\xF8\xC1\xAA"),
    ("车架", b"\xB3\xB5\xBC\xDC"),
    ("车辆识别", b"\xB3\xB5\xC1\xBE\xCA\xB6\xB1\xF0"),
    ("底盘", b"\xB5\xD7\xC5\xCC"),
    ("身份证", b"\xC9\xED\xB7\xDD\xD6\xA4"),
    ("证件", b"\xD6\xA4\xBC\xFE"),
];
