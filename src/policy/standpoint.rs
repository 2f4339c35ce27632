//! What a pack says of a corridor.

use serde::{Deserialize, Serialize};

use super::account::CorridorKey;
use super::content::Content;
use super::law::{Rung, Rungs, Severity, Verdict};
use super::meters::RecipientKey;
use super::splitting::Splitting;
use super::verdicts::Policy;
use crate::dissect::Protection;
use crate::geo::Country;
use crate::time::Tick;

/// What a pack says of a corridor, in so far as it is told again when it becomes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standpoint {
    /// The verdict.
    pub verdict: Verdict,
    /// How bad it is.
    pub severity: Severity,
    /// The rule that it is told by, if one.
    pub rule: Option<String>,
    /// Article and date of that.
    pub cite: Option<String>,
    /// The approval that was looked at, if one.
    pub approval: Option<String>,
    /// The rule whose threshold is passed together with others, and not alone.
    pub splitting: Option<String>,
}

/// What a pack says of a corridor.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The corridor.
    pub key: CorridorKey,
    /// How its asset is called.
    pub asset: String,
    /// The legal entity, if it is declared.
    pub organisation: Option<String>,
    /// The pack.
    pub pack: String,
    /// What it says.
    pub said: Standpoint,
    /// Whether that is another thing than it said before.
    pub is_new: bool,
    /// Whether it is to be alerted on, which it is once a day.
    pub alerts: bool,
    /// Why an approval does not cover it.
    pub why: Vec<String>,
    /// Bytes of the day so far.
    pub bytes: u64,
    /// Whether its latest flow goes on.
    pub is_running: bool,
    /// How it was protected last; if anything of the day was insufficiently, that.
    pub protection: Protection,
    /// The tick of the day's first export.
    pub since: Tick,
    /// The numbers that were held against a threshold: seen, estimated, threshold.
    pub inputs: Option<[u64; 3]>,
    /// The highest evidence.
    pub rung: Option<Rung>,
    /// What evidence it lacks.
    pub missing: Rungs,
    /// What was found in content.
    pub content: Content,
    /// The threshold that is passed together with others.
    pub splitting: Option<Splitting>,
    /// How bad it is apart from that.
    pub severity_alone: Severity,
    /// What is told, in English and in Chinese.
    pub sentences: [String; 2],
}

impl Judgement {
    /// Whether it is worth an alert: a breach that matters; what is declared and goes, in
    /// amounts that cannot be counted, where it must not; or what needs protection and has none.
    pub(super) fn is_alarming(&self, policy: &Policy) -> bool {
        self.said.severity >= Severity::Medium && self.bytes >= policy.alert_bytes_per_day()
    }

    /// Whether it would be worth an alert if others did not send anything.
    pub fn is_alarming_alone(&self) -> bool {
        self.severity_alone >= Severity::Medium
    }

    /// Whether what is told is not that it goes, but that it goes unprotected.
    pub fn is_of_protection(&self) -> bool {
        matches!(
            self.said.verdict,
            Verdict::Approved | Verdict::NotDeterminable
        ) && self.protection.is_insufficient()
    }

    /// How the recipient is called.
    pub fn recipient(&self) -> String {
        recipient_in(&self.key.recipient, self.key.country)
    }
}

/// How a recipient in a country is called.
pub(super) fn recipient_in(recipient: &RecipientKey, country: Country) -> String {
    match recipient {
        RecipientKey::Domain(domain) => format!("{domain} in {country}"),
        RecipientKey::Asn(asn) => format!("AS{asn} in {country}"),
        RecipientKey::Country(_) => country.to_string(),
        RecipientKey::Others => format!("others in {country}"),
    }
}
