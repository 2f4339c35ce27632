//! What the packs said of flows, and what meters showed.

use std::collections::{BTreeMap, BTreeSet};

use super::read::Body;
use super::words::{self, FINDINGS_FROM, SEVERITIES, VERDICTS};
use crate::time::Tick;

/// Verdicts that are told apart; later ones are only counted.
pub(super) const JUDGEMENTS_MAX: usize = 20_000;

/// Meters that are told apart; later ones are only counted.
pub(super) const METERS_MAX: usize = 5_000;

/// Approvals and routes that are kept of a verdict.
const NAMES_MAX: usize = 16;

/// What verdicts are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) asset: String,
    pub(super) jurisdiction: String,
    /// Registered domain or `AS64500`; empty where none is known.
    pub(super) recipient: String,
    pub(super) pack: String,
}

/// What a pack said of a flow within the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgement {
    pub(super) organisation: String,
    /// Place of the last one in [`VERDICTS`].
    pub(super) last: usize,
    /// Place of the gravest one.
    pub(super) gravest: usize,
    /// Place of the gravest in [`SEVERITIES`].
    pub(super) severity: usize,
    pub(super) rule: String,
    pub(super) cite: String,
    pub(super) routes: BTreeSet<String>,
    pub(super) approvals: BTreeSet<String>,
    pub(super) rung: String,
    pub(super) missing: BTreeSet<String>,
    pub(super) english: String,
    pub(super) chinese: String,
    /// Entries that said a finding.
    pub(super) findings: u64,
    /// When the gravest was said last.
    pub(super) time: Tick,
    /// Bytes of that day up to then.
    pub(super) day_bytes: u64,
    pub(super) index: u64,
}

impl Judgement {
    fn take(&mut self, body: Body<'_>, index: u64, time: Tick) {
        let verdict = words::rank(VERDICTS, &body.name("verdict")).unwrap_or(0);
        self.last = verdict;
        if verdict >= FINDINGS_FROM {
            self.findings = self.findings.saturating_add(1);
        }
        let severity = words::rank(SEVERITIES, &body.name("severity")).unwrap_or(0);
        self.severity = self.severity.max(severity);
        for approval in body.names("approvals").take(NAMES_MAX) {
            if self.approvals.len() < NAMES_MAX {
                self.approvals.insert(approval);
            }
        }
        if verdict < self.gravest {
            return;
        }
        self.gravest = verdict;
        self.organisation = body.name("organisation");
        self.rule = body.name("rule");
        self.cite = body.name("cite");
        self.routes = body.names("routes").take(NAMES_MAX).collect();
        self.rung = body.name("rung");
        self.missing = body.names("missing").take(NAMES_MAX).collect();
        if let Some(sentence) = body.object("sentence") {
            self.english = sentence.sentence("en");
            self.chinese = sentence.sentence("zh");
        }
        (self.time, self.index, self.day_bytes) = (time, index, body.number("bytes"));
    }
}

/// All verdicts of the window.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgements {
    pub(super) by_subject: BTreeMap<Subject, Judgement>,
    /// Entries that had no place.
    pub(super) left_over: u64,
}

impl Judgements {
    pub(super) fn take(&mut self, body: Body<'_>, index: u64, time: Tick) {
        let subject = Subject {
            asset: body.name("asset"),
            jurisdiction: body.name("jurisdiction"),
            recipient: body.name("recipient"),
            pack: body.name("pack"),
        };
        let is_full = self.by_subject.len() >= JUDGEMENTS_MAX;
        if is_full && !self.by_subject.contains_key(&subject) {
            self.left_over = self.left_over.saturating_add(1);
            return;
        }
        self.by_subject
            .entry(subject)
            .or_default()
            .take(body, index, time);
    }

    /// Findings, the gravest first.
    pub(super) fn findings(&self) -> Vec<(&Subject, &Judgement)> {
        let found = self.by_subject.iter();
        let mut found: Vec<_> = found
            .filter(|(_, it)| it.gravest >= FINDINGS_FROM)
            .collect();
        found.sort_by(|(a, one), (b, two)| {
            let gravity = |it: &Judgement| (it.severity, it.gravest, it.day_bytes);
            gravity(two).cmp(&gravity(one)).then_with(|| a.cmp(b))
        });
        found
    }

    /// The approvals that verdicts name, each with asset, country and recipient of the flows.
    pub(super) fn named(&self) -> BTreeMap<&str, BTreeSet<(&str, &str, &str)>> {
        let mut named: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
        for (subject, judgement) in &self.by_subject {
            let flow = (&*subject.asset, &*subject.jurisdiction, &*subject.recipient);
            for approval in &judgement.approvals {
                named.entry(approval).or_default().insert(flow);
            }
        }
        named
    }
}

/// What a meter counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MeterKey {
    pub(super) entity: String,
    pub(super) category: String,
    pub(super) window: String,
    pub(super) pack: String,
}

/// What a meter showed last.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    pub(super) day: Option<jiff::civil::Date>,
    pub(super) subjects: u64,
    pub(super) is_exact: bool,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) unseen_millionths: Option<u64>,
}

/// All meters.
#[derive(Clone, Debug, Default)]
pub(super) struct Meters {
    pub(super) by_key: BTreeMap<MeterKey, Meter>,
    /// Entries that had no place.
    pub(super) left_over: u64,
}

impl Meters {
    pub(super) fn take(&mut self, body: Body<'_>, day: jiff::civil::Date) {
        let key = MeterKey {
            entity: body.name("entity"),
            category: body.name("category"),
            window: body.name("window"),
            pack: body.name("pack"),
        };
        let is_full = self.by_key.len() >= METERS_MAX;
        if is_full && !self.by_key.contains_key(&key) {
            self.left_over = self.left_over.saturating_add(1);
            return;
        }
        let meter = self.by_key.entry(key).or_default();
        if meter.day.is_none_or(|earlier| earlier <= day) {
            *meter = Meter {
                day: Some(day),
                subjects: body.number("subjects"),
                is_exact: body.is_true("is_exact"),
                bytes: body.number("bytes"),
                records: body.number("records"),
                unseen_millionths: body.millionths("unseen_share"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_gravest_verdict_stays_and_the_last_is_known() {
        let mut judgements = Judgements::default();
        for (index, verdict) in ["approved", "unapproved", "approved"]
            .into_iter()
            .enumerate()
        {
            let body = json!({"asset": "a", "verdict": verdict, "rule": verdict});
            judgements.take(Body(&body), index as u64, Tick(index as u64));
        }
        let found = judgements.findings();
        assert_eq!(found.len(), 1);
        let (_, judgement) = found[0];
        assert_eq!(VERDICTS[judgement.gravest].code, "unapproved");
        assert_eq!(VERDICTS[judgement.last].code, "approved");
        assert_eq!(
            (judgement.rule.as_str(), judgement.index),
            ("unapproved", 1)
        );
    }

    #[test]
    fn a_meter_shows_its_last_day() {
        let mut meters = Meters::default();
        for (day, subjects) in [(2, 20), (1, 10)] {
            let body = json!({"entity": "e", "subjects": subjects});
            meters.take(Body(&body), jiff::civil::Date::constant(2026, 1, day));
        }
        assert_eq!(meters.by_key.values().next().unwrap().subjects, 20);
    }
}
