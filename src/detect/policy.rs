//! What packs of law and the register of approvals say against an export.
//!
//! Idea: what was never approved, goes to another recipient than was approved, or is more than
//! was approved is to be told however normal it has become. A verdict is no matter of chance: it
//! costs nothing of the budget, teaches nothing, and feedback does not silence it. What silences
//! it is an approval in the register. Where several pass a threshold together and none of them
//! alone, the detector `splitting` says who they are, beside the verdict.
//!
//! Formula: that of the packs, see [`policy`](crate::policy). The chance that is shown is 1.
//!
//! Cost: nothing here; see [`Account`](crate::policy::Account).
//!
//! Blind spot: what nobody has declared, and whatever cannot be seen on the way: who the
//! recipient is in law, what ciphertext holds, what became of it beyond the border.

use super::{Bytes, Detector, Finding, Told};
use crate::policy::law::{Language, Severity, Text};
use crate::policy::{Judgement, Splitting};

/// What is to be told of a judgement, beside what else is.
pub fn told(judgement: &Judgement, others: Option<Told>) -> Told {
    let (score, mut findings, allowance_bytes) = others.map_or((0.0, Vec::new(), 0), |told| {
        (told.score, told.findings, told.allowance_bytes)
    });
    let splitting = judgement.splitting.as_ref();
    let splitting = splitting.filter(|it| it.shared.severity() >= Severity::Medium);
    if let Some(splitting) = splitting {
        findings.insert(0, of_splitting(judgement, splitting));
    }
    // Where a threshold is passed with others only, the verdict itself speaks against nothing.
    if splitting.is_none() || judgement.is_alarming_alone() {
        findings.insert(0, finding(judgement));
    }
    Told {
        score: of_severity(judgement.said.severity).max(score),
        findings,
        allowance_bytes,
    }
}

fn of_splitting(judgement: &Judgement, splitting: &Splitting) -> Finding {
    let (bytes, recipient) = (Bytes(judgement.bytes), judgement.recipient());
    let said = [Language::En, Language::Zh].map(|language| splitting.sentence(language));
    let ([en, zh], pack) = (said, &judgement.pack);
    let sentence = Text {
        en: format!("{bytes} to {recipient} today, by {pack}. {en}"),
        zh: format!("按 {pack}，今日发往 {recipient} {bytes}。{zh}"),
    };
    Finding {
        detector: Detector::Splitting,
        cell: None,
        p: 1.0,
        since: judgement.since,
        bytes: judgement.bytes,
        expected_bytes: 0,
        sentence,
    }
}

fn finding(judgement: &Judgement) -> Finding {
    let [en, zh] = &judgement.sentences;
    let [unprotected, unprotected_zh] = match judgement.protection.name() {
        name if judgement.is_of_protection() => [
            format!("it needs protection, and goes {name}. "),
            format!("该数据需要保护，实际为 {name}。"),
        ],
        _ => [String::new(), String::new()],
    };
    let (bytes, recipient) = (Bytes(judgement.bytes), judgement.recipient());
    let pack = &judgement.pack;
    let mut said = Text {
        en: format!("{bytes} to {recipient} today, by {pack}: {unprotected}{en}"),
        zh: format!("按 {pack}，今日发往 {recipient} {bytes}：{unprotected_zh}{zh}"),
    };
    for why in &judgement.why {
        if !said.en.ends_with('.') {
            said.en.push('.');
        }
        said.en = format!("{} {why}.", said.en);
    }
    // What speaks against approvals there is in English alone.
    if !judgement.why.is_empty() {
        said.zh = format!("{}（{}）", said.zh, judgement.why.join("; "));
    }
    Finding {
        detector: Detector::Policy,
        cell: None,
        p: 1.0,
        since: judgement.since,
        bytes: judgement.bytes,
        expected_bytes: 0,
        sentence: said,
    }
}

/// 50 is where an alert is worth it; the rest is by how bad it is.
const fn of_severity(severity: Severity) -> f64 {
    match severity {
        Severity::Info | Severity::Low => 40.0,
        Severity::Medium => 50.0,
        Severity::High => 75.0,
        Severity::Critical => 100.0,
    }
}
