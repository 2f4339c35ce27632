//! Approvals as they were declared, beside what was observed under each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::common::Context;
use super::flows::{Flow, Key};
use super::model::{Cell, ColumnKind, Table, Tone};
use super::number;
use super::state::{Approval, Recipient};
use super::words::{self, CATEGORIES, PROTECTIONS, ROUTES};

/// Days before its end at which an approval is said to expire soon: 60 working days, by which an
/// extension has to be asked for (Provisions on Promoting and Regulating Cross-Border Data Flows,
/// article 9), are about 90.
const EXPIRY_DAYS: u64 = 90;

/// An approval and what was observed that goes by it.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) approval: &'a Approval,
    pub(super) observed: Flow,
    pub(super) flows: u64,
    /// Largest count of persons or devices of a declared category.
    pub(super) subjects: Option<u64>,
    pub(super) drift: Vec<Drift>,
}

/// In what an observation differs from a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Drift {
    Expired,
    NotYetValid,
    ExpiresSoon,
    MoreBytes,
    MoreSubjects,
    OtherCategories,
    WeakerProtection,
    NotObserved,
}

impl Drift {
    const fn words(self) -> (&'static str, &'static str, &'static str, Tone) {
        match self {
            Self::Expired => ("expired", "sent after its end", "期满后仍有传输", Tone::Bad),
            Self::NotYetValid => (
                "not_yet_valid",
                "sent before its start",
                "生效前已有传输",
                Tone::Bad,
            ),
            Self::ExpiresSoon => ("expires_soon", "expires soon", "即将到期", Tone::Warning),
            Self::MoreBytes => ("more_bytes", "more bytes", "数据量超出申报", Tone::Bad),
            Self::MoreSubjects => ("more_subjects", "more persons", "主体数超出申报", Tone::Bad),
            Self::OtherCategories => (
                "other_categories",
                "other data",
                "类别超出申报",
                Tone::Warning,
            ),
            Self::WeakerProtection => (
                "weaker_protection",
                "weaker protection",
                "保护低于要求",
                Tone::Bad,
            ),
            Self::NotObserved => ("not_observed", "not observed", "未观测到传输", Tone::Plain),
        }
    }
}

impl Context<'_> {
    /// Each approval, and the flows that go by none. A flow goes by an approval where a verdict
    /// names it, or where asset and recipient are as declared.
    pub(super) fn standings(&self) -> (Vec<Standing<'_>>, Vec<(&Key, &Flow)>) {
        let named = self.facts.judgements.named();
        let approvals = self.facts.states.approvals(self.request.entity.as_deref());
        let mut standings: Vec<_> = approvals.into_iter().map(Standing::new).collect();
        let nothing = BTreeSet::new();
        let mut others = Vec::new();
        for (key, flow) in self.facts.flows.iter() {
            let receiver = key.receiver();
            let triple = (&*key.asset, &*key.jurisdiction, &*receiver);
            let mut is_declared = false;
            for standing in &mut standings {
                let id = standing.approval.id.as_str();
                let is_named = named.get(id).unwrap_or(&nothing).contains(&triple);
                if is_named || covers(standing.approval, key) {
                    standing.observed.add(flow);
                    standing.flows = standing.flows.saturating_add(1);
                    is_declared = true;
                }
            }
            if !is_declared {
                others.push((key, flow));
            }
        }
        for standing in &mut standings {
            standing.subjects = self.subjects(standing.approval);
            standing.drift = self.drift(standing);
        }
        others.sort_by(|(a, one), (b, two)| two.bytes.cmp(&one.bytes).then_with(|| a.cmp(b)));
        (standings, others)
    }

    /// The largest meter of the declared categories: the same person may be in several.
    fn subjects(&self, approval: &Approval) -> Option<u64> {
        let meters = self.facts.meters.by_key.iter();
        let mine = meters.filter(|(key, _)| {
            (approval.organisation.is_empty() || key.entity == approval.organisation)
                && approval.categories.contains(&key.category)
        });
        mine.map(|(_, meter)| meter.subjects).max()
    }

    fn drift(&self, standing: &Standing<'_>) -> Vec<Drift> {
        let (approval, observed) = (standing.approval, &standing.observed);
        let is_seen = standing.flows > 0;
        let day = |tick| number::day(tick, &self.zone);
        let (first, last) = (observed.first.map(day), observed.last.map(day));
        let is_after = |end: Date| last.is_some_and(|last| last > end);
        let is_before = |start: Date| first.is_some_and(|first| first < start);
        let is_soon = |end: Date| {
            let to = self.request.to;
            end >= to && number::days_counted(to, end) <= EXPIRY_DAYS
        };
        let declared: BTreeSet<_> = approval.categories.iter().collect();
        let found = [
            (Drift::Expired, approval.valid_to.is_some_and(is_after)),
            (
                Drift::NotYetValid,
                approval.valid_from.is_some_and(is_before),
            ),
            (Drift::ExpiresSoon, approval.valid_to.is_some_and(is_soon)),
            (
                Drift::MoreBytes,
                approval
                    .maximum_bytes
                    .is_some_and(|max| observed.bytes > max),
            ),
            (
                Drift::MoreSubjects,
                approval
                    .maximum_subjects
                    .zip(standing.subjects)
                    .is_some_and(|(max, it)| it > max),
            ),
            (
                Drift::OtherCategories,
                !declared.is_empty() && observed.categories.iter().any(|it| !declared.contains(it)),
            ),
            (
                Drift::WeakerProtection,
                below_required(approval, observed) > 0,
            ),
            (Drift::NotObserved, !is_seen),
        ];
        found
            .into_iter()
            .filter(|(_, is_so)| *is_so)
            .map(|(drift, _)| drift)
            .collect()
    }

    pub(super) fn drift_cell(&self, drift: &[Drift]) -> Cell {
        if drift.is_empty() {
            return Cell::Word {
                code: "none".to_owned(),
                label: self.say("none seen", "未见偏差"),
                tone: Tone::Plain,
            };
        }
        let words: Vec<_> = drift.iter().map(|drift| drift.words()).collect();
        let codes: Vec<_> = words.iter().map(|(code, ..)| *code).collect();
        let labels: Vec<_> = words
            .iter()
            .map(|(_, english, chinese, _)| self.language.pick(*english, *chinese))
            .collect();
        Cell::Word {
            code: codes.join(" "),
            label: labels.join(self.language.comma()),
            tone: words
                .iter()
                .map(|(.., tone)| *tone)
                .max()
                .unwrap_or_default(),
        }
    }

    /// What is declared of each approval.
    pub(super) fn approval_table(&self) -> Table {
        let columns = vec![
            self.words_column("id", "Approval", "事项"),
            self.words_column("route", "Route", "路径"),
            self.words_column("filing_number", "Filing number", "编号"),
            self.words_column("recipients", "Declared recipients", "申报的接收方"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column(
                "maximum_bytes",
                "Most bytes",
                "申报数据量",
                ColumnKind::Bytes,
            ),
            self.column(
                "maximum_subjects",
                "Most persons",
                "申报主体数",
                ColumnKind::Count,
            ),
            self.column("valid_to", "Valid to", "有效期至", ColumnKind::Time),
            self.detail("valid_from", "Valid from", "生效日期", ColumnKind::Time),
            self.detail("organisation", "Organisation", "主体", ColumnKind::Text),
            self.detail("regime", "Regime", "法域", ColumnKind::Text),
            self.detail("assets", "Assets", "资产", ColumnKind::Text),
            self.detail("period", "Period", "周期", ColumnKind::Text),
        ];
        let approvals = self.facts.states.approvals(self.request.entity.as_deref());
        let rows = approvals.into_iter().map(|approval| {
            let recipients: Vec<_> = approval.recipients.iter().map(recipient_name).collect();
            let categories = approval.categories.iter().map(String::as_str);
            vec![
                Cell::text(&approval.id),
                words::cell(ROUTES, &approval.route, self.language),
                Cell::text(&approval.filing_number),
                Cell::text(&recipients.join(self.language.comma())),
                words::cells(CATEGORIES, categories, self.language),
                approval.maximum_bytes.map_or(Cell::Empty, Cell::bytes),
                approval.maximum_subjects.map_or(Cell::Empty, Cell::count),
                approval.valid_to.map_or(Cell::Empty, Cell::Day),
                approval.valid_from.map_or(Cell::Empty, Cell::Day),
                Cell::text(&approval.organisation),
                Cell::text(&approval.regime),
                Cell::text(&approval.assets.join(" ")),
                Cell::text(&approval.period),
            ]
        });
        let nothing = self.say(
            "No approval is on record.",
            "没有登记的批准、备案或认证事项。",
        );
        let title = ("Approvals on record", "已登记的评估、备案、认证等事项");
        self.table("approvals", title.0, title.1, columns)
            .fill(rows)
            .or(&nothing)
    }
}

impl<'a> Standing<'a> {
    fn new(approval: &'a Approval) -> Self {
        Self {
            approval,
            observed: Flow::default(),
            flows: 0,
            subjects: None,
            drift: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, routes: &[&str]) -> bool {
        routes.contains(&self.approval.route.as_str())
    }
}

/// The best name that is declared.
pub(super) fn recipient_name(recipient: &Recipient) -> String {
    let asn = match recipient.asn {
        0 => String::new(),
        asn => format!("AS{asn}"),
    };
    let names = [
        &recipient.name,
        &recipient.domain,
        &recipient.prefix,
        &asn,
        &recipient.country,
    ];
    names
        .into_iter()
        .find(|name| !name.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// Whether asset and recipient are as declared. A declared prefix cannot be held against totals,
/// which name no address; a recipient of which only that is declared covers nothing here.
fn covers(approval: &Approval, key: &Key) -> bool {
    let is_of = approval.organisation.is_empty() || approval.organisation == key.entity;
    let is_asset = approval.assets.is_empty() || approval.assets.contains(&key.asset);
    let is_recipient = || {
        approval
            .recipients
            .iter()
            .any(|recipient| is_meant(recipient, key))
    };
    is_of && is_asset && is_recipient()
}

fn is_meant(recipient: &Recipient, key: &Key) -> bool {
    let is_country = recipient.country.is_empty() || recipient.country == key.jurisdiction;
    let is_domain = !recipient.domain.is_empty() && recipient.domain == key.recipient;
    let is_network = recipient.asn != 0 && recipient.asn == key.asn;
    let is_plain = recipient.domain.is_empty()
        && recipient.asn == 0
        && recipient.prefix.is_empty()
        && !recipient.country.is_empty();
    is_country && (is_domain || is_network || is_plain)
}

/// Bytes that were seen with less protection than is required. Unknown protection is not less.
pub(super) fn below_required(approval: &Approval, flow: &Flow) -> u64 {
    let required = words::rank(PROTECTIONS, &approval.required_protection).unwrap_or(0);
    // National cryptography is held to be as good as TLS 1.3, what follows is not known.
    let below = required.min(3);
    flow.protected
        .iter()
        .take(below)
        .copied()
        .fold(0, u64::saturating_add)
}

/// Flows summed by the quarters of the calendar.
pub(super) fn quarters(flow: &Flow) -> BTreeMap<(i16, i8), u64> {
    let mut quarters = BTreeMap::new();
    for ((year, month), bytes) in &flow.months {
        let sum: &mut u64 = quarters.entry((*year, (*month - 1) / 3 + 1)).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    quarters
}
