//! What packs say of an export, and what a day had of it, as they are written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::{Categories, Grade};
use crate::policy::law::{Language, Rung, Rungs, Severity, Unit, Verdict};
use crate::policy::{Content, Corridor, CorridorKey, Entity, Judgement, RecipientKey, Splitting};
use crate::privacy::Veil;
use crate::time::Tick;

/// A line of `verdicts.jsonl`: written when a pack says something else of an asset and a
/// recipient than before, and with the first export of each day. Fields that do not apply or
/// are not known are left out.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictLine {
    time: String,
    asset: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    jurisdiction: Country,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    pack: String,
    verdict: Verdict,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cite: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    why: Vec<String>,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<Inputs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    splitting: Option<SplittingPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<Rung>,
    missing: Rungs,
    #[serde(skip_serializing_if = "Content::is_empty")]
    content: Content,
    sentence: Sentence,
}

/// The numbers that were held against a threshold.
#[derive(Clone, Copy, Debug, Serialize)]
struct Inputs {
    /// At least so many were seen.
    observed: u64,
    /// So many by what is declared of the length of a record, 0 if nothing is.
    estimated: u64,
    threshold: u64,
}

/// A threshold that is passed together with others, and not alone.
#[derive(Clone, Debug, Serialize)]
struct SplittingPart {
    rule: String,
    cite: String,
    threshold: u64,
    unit: Unit,
    /// Whether it is passed by what is declared of the length of records.
    estimated: bool,
    /// What the parts have in common, and which it is.
    shared: &'static str,
    of: String,
    total: u64,
    unseen_share: f64,
    parts: Vec<Part>,
    /// Parts that are not listed.
    parts_more: usize,
}

/// One of several, and what it comes to.
#[derive(Clone, Debug, Serialize)]
struct Part {
    name: String,
    amount: u64,
}

impl SplittingPart {
    fn new(splitting: &Splitting, veil: &Veil) -> Self {
        let parts = splitting.parts.iter().map(|(name, amount)| Part {
            name: veil.text(name).into_owned(),
            amount: *amount,
        });
        Self {
            rule: splitting.rule.clone(),
            cite: splitting.cite.clone(),
            threshold: splitting.threshold.value,
            unit: splitting.threshold.unit,
            estimated: splitting.is_estimated,
            shared: splitting.shared.name(),
            of: veil.text(splitting.shared.of()).into_owned(),
            total: splitting.total,
            unseen_share: splitting.unseen_share,
            parts: parts.collect(),
            parts_more: splitting.parts_more,
        }
    }
}

/// A sentence in both languages.
#[derive(Clone, Debug, Serialize)]
struct Sentence {
    en: String,
    zh: String,
}

impl VerdictLine {
    /// The line of a judgement that was made in a tick, with its addresses veiled.
    pub fn new(tick: Tick, judgement: &Judgement, veil: &Veil) -> Self {
        let said = judgement.said.clone();
        let hidden = |text: &String| veil.text(text).into_owned();
        let splitting = judgement.splitting.as_ref();
        let [en, zh] = [Language::En, Language::Zh].map(|language| {
            let [en, zh] = &judgement.sentences;
            let said = match language {
                Language::En => en,
                Language::Zh => zh,
            };
            hidden(&match splitting {
                Some(splitting) => format!("{said} {}", splitting.sentence(language)),
                None => said.clone(),
            })
        });
        let inputs = judgement.inputs;
        Self {
            time: tick.plus_seconds(1).to_string(),
            asset: hidden(&judgement.asset),
            organisation: judgement.organisation.as_ref().map(hidden),
            jurisdiction: judgement.key.country,
            recipient: recipient(&judgement.key.recipient, veil),
            pack: judgement.pack.clone(),
            verdict: said.verdict,
            severity: said.severity,
            rule: said.rule,
            cite: said.cite,
            approval: said.approval.as_ref().map(hidden),
            why: judgement.why.iter().map(hidden).collect(),
            bytes: judgement.bytes,
            inputs: inputs.map(|[observed, estimated, threshold]| Inputs {
                observed,
                estimated,
                threshold,
            }),
            splitting: splitting.map(|splitting| SplittingPart::new(splitting, veil)),
            rung: judgement.rung,
            missing: judgement.missing,
            content: judgement.content.clone(),
            sentence: Sentence { en, zh },
        }
    }
}

/// What an asset sent to a recipient on a day, as the ledger holds it.
#[derive(Clone, Debug, Serialize)]
pub struct DayRow {
    entity: String,
    asset: String,
    jurisdiction: Country,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    asn: u32,
    bytes: u64,
    transfers: u64,
    protected: BTreeMap<&'static str, u64>,
    confidence: BTreeMap<&'static str, u64>,
    categories: Categories,
    #[serde(skip_serializing_if = "Option::is_none")]
    grade: Option<Grade>,
    verdicts: BTreeMap<String, Verdict>,
    first: String,
    last: String,
}

impl DayRow {
    /// The row of a corridor, with its addresses veiled.
    pub fn new(key: &CorridorKey, corridor: &Corridor, veil: &Veil) -> Self {
        let day = &corridor.day;
        let (first, last) = day.ticks.unwrap_or_default();
        let protected = Protection::ALL.iter().map(|one| one.name());
        let confidence = Confidence::ALL.iter().map(|one| one.name());
        let said = corridor.said.iter();
        let entity = match &corridor.entity {
            Entity::Organisation(name) | Entity::Asset(name) => name.as_str(),
            Entity::Others => corridor.asset.as_str(),
        };
        Self {
            entity: veil.text(entity).into_owned(),
            asset: veil.text(&corridor.asset).into_owned(),
            jurisdiction: key.country,
            recipient: recipient(&key.recipient, veil),
            asn: corridor.asn,
            bytes: day.bytes,
            transfers: day.transfers,
            protected: some(protected.zip(day.protected)),
            confidence: some(confidence.zip(day.confidence)),
            categories: corridor.categories,
            grade: corridor.grade,
            verdicts: said
                .map(|(pack, said)| (pack.clone(), said.verdict))
                .collect(),
            first: first.to_string(),
            last: last.plus_seconds(1).to_string(),
        }
    }
}

fn some(bytes: impl Iterator<Item = (&'static str, u64)>) -> BTreeMap<&'static str, u64> {
    bytes.filter(|(_, bytes)| *bytes > 0).collect()
}

fn recipient(key: &RecipientKey, veil: &Veil) -> Option<String> {
    match key {
        RecipientKey::Domain(domain) => Some(veil.text(domain.as_str()).into_owned()),
        RecipientKey::Asn(asn) => Some(format!("AS{asn}")),
        RecipientKey::Country(_) | RecipientKey::Others => None,
    }
}
