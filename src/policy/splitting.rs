//! Volumes that pass a threshold of law only where several are taken together.
//!
//! To split a volume in order to stay below a threshold is forbidden (Measures for the
//! Certification of Outbound Transfers of Personal Information, in force since 2026-01-01). It
//! shows as many assets or recipients, each below a threshold, that come to it together. That
//! may be chance, too: what is told here is who they are, and not that they meant it.
//!
//! Several must have something in common for it to be alerted on: an organisation, an owner, or
//! that nobody has said whose they are, and a recipient. Legal entities that are not declared to
//! be of one owner and share a recipient may be customers of a service that many use, so they
//! are told with the verdict, and raise no alert. Of recipients that only a network or a country
//! is known of they are not told at all: who receives is not known then.

use std::cmp::Reverse;
use std::fmt;

use super::coverage::Coverage;
use super::law::{self, Applied, Language, Outcome, Scope, Severity, Threshold, Verdict};
use super::meters::{Entity, Key, RecipientKey, Split, Sums};
use super::standpoint::recipient_in;
use super::tally::amount_of;
use super::verdicts::Case;
use crate::geo::Country;
use crate::inventory::{Categories, Term};

/// A threshold that several pass together, and none of them alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Splitting {
    /// The rule.
    pub rule: String,
    /// Its article and date.
    pub cite: String,
    /// Its threshold.
    pub threshold: Threshold,
    /// Whether that is passed by what is declared of the length of records, and not by what
    /// was seen.
    pub is_estimated: bool,
    /// What the parts have in common.
    pub shared: Shared,
    /// What they come to together.
    pub total: u64,
    /// The part of their bytes that could not be read, 0 to 1.
    pub unseen_share: f64,
    /// The parts and what each comes to, those with the most first.
    pub parts: Vec<(String, u64)>,
    /// Parts that are not told.
    pub parts_more: usize,
}

/// What several have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Assets of one organisation.
    Organisation(String),
    /// Recipients of one organisation, or of an asset of none.
    Sender(String),
    /// Assets of no organisation that one owner answers for.
    Owner(String),
    /// A recipient; assets of which nobody has said whose they are send to it.
    RecipientOfUnowned(String),
    /// A recipient of several legal entities.
    Recipient(String),
}

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Party {
    Asset(Term),
    Entity(Entity),
    Recipient(RecipientKey, Country),
}

impl Case<'_> {
    /// The worst threshold that what is judged passes together with others, and not alone.
    pub(super) fn splitting(
        self,
        judged: &law::Judged<'_>,
        coverage: &Coverage,
    ) -> Option<Splitting> {
        let rules = judged.all_rules.iter();
        // Of combined data each kind is measured alone.
        let rules = rules.filter(|one| one.rule.is_binding() && one.rule.combined_with.is_empty());
        let mut rules: Vec<_> = rules.filter(|one| has_amount(one)).collect();
        rules.sort_by_key(|one| Reverse(one.rule.severity));
        rules.into_iter().find_map(|applied| {
            let is_route = |route| applied.rule.routes.contains(route);
            let is_told = judged.rule.is_some_and(|rule| rule.id == applied.rule.id);
            match applied.outcome {
                Outcome::InPlay if !coverage.routes.iter().any(is_route) => self.below(applied),
                Outcome::Applies(_) if is_told && is_breach(judged.verdict) => {
                    self.within_organisation(applied)
                }
                _ => None,
            }
        })
    }

    /// Assets that pass the threshold of their organisation together, and none alone.
    fn within_organisation(self, applied: &Applied<'_>) -> Option<Splitting> {
        let own = self.corridor.key(&self.key.recipient, self.key.country);
        let (Entity::Organisation(name), Some(asset)) = (&own.entity, own.asset) else {
            return None;
        };
        let is_to_one = is_to_one(applied);
        let party = |key: &Key| {
            let is_same = key.entity == own.entity && (!is_to_one || self.is_to_same(key));
            key.asset.clone().filter(|_| is_same).map(Party::Asset)
        };
        let shared = Shared::Organisation(name.to_string());
        self.split(applied, shared, party, &Party::Asset(asset))
    }

    /// Who passes a threshold with others that the entity does not pass.
    fn below(self, applied: &Applied<'_>) -> Option<Splitting> {
        let among_recipients = || self.among_recipients(applied);
        let of_owner = || self.of_owner(applied);
        let to_recipient = || self.to_recipient(applied);
        among_recipients().or_else(of_owner).or_else(to_recipient)
    }

    /// Recipients of one entity, of a threshold that is one of each recipient.
    fn among_recipients(self, applied: &Applied<'_>) -> Option<Splitting> {
        let (entity, recipient) = (&self.corridor.entity, &self.key.recipient);
        if !is_to_one(applied) || *recipient == RecipientKey::Others {
            return None;
        }
        let party = |key: &Key| {
            let is_one = key.entity == *entity && key.recipient != RecipientKey::Others;
            is_one.then(|| Party::Recipient(key.recipient.clone(), key.country))
        };
        let own = Party::Recipient(recipient.clone(), self.key.country);
        let shared = Shared::Sender(entity.to_string());
        self.split(applied, shared, party, &own)
    }

    /// Assets of no organisation that somebody answers for.
    fn of_owner(self, applied: &Applied<'_>) -> Option<Splitting> {
        let declared = self.corridor.declared.as_ref()?;
        let owner = declared.owner.as_ref()?;
        let is_to_one = is_to_one(applied);
        let party = |key: &Key| {
            let is_same = key.traits.owner.as_ref() == Some(owner);
            let is_one = is_same && (!is_to_one || self.is_to_same(key));
            let is_asset = matches!(key.entity, Entity::Asset(_));
            (is_one && is_asset).then(|| Party::Entity(key.entity.clone()))
        };
        let shared = Shared::Owner(owner.to_string());
        self.split(applied, shared, party, &self.own())
    }

    /// All who send to the same recipient: those first of which nobody says whose they are.
    fn to_recipient(self, applied: &Applied<'_>) -> Option<Splitting> {
        let recipient = &self.key.recipient;
        let name = recipient_in(recipient, self.key.country);
        let is_domain = matches!(recipient, RecipientKey::Domain(_));
        let is_network = matches!(recipient, RecipientKey::Asn(_));
        let of = |takes: &dyn Fn(&Key) -> bool, key: &Key| {
            let is_one = self.is_to_same(key) && key.entity != Entity::Others && takes(key);
            is_one.then(|| Party::Entity(key.entity.clone()))
        };
        let is_unowned =
            |key: &Key| matches!(key.entity, Entity::Asset(_)) && key.traits.owner.is_none();
        let unowned = || {
            let shared = Shared::RecipientOfUnowned(name.clone());
            let party = |key: &Key| of(&is_unowned, key);
            self.split(applied, shared, party, &self.own())
        };
        let any = || {
            let shared = Shared::Recipient(name.clone());
            let party = |key: &Key| of(&|_| true, key);
            self.split(applied, shared, party, &self.own())
        };
        if is_network {
            return unowned();
        }
        // Where all of them together do not pass it, no part of them does.
        let of_any = is_domain.then(any).flatten()?;
        Some(unowned().unwrap_or(of_any))
    }

    fn own(self) -> Party {
        Party::Entity(self.corridor.entity.clone())
    }

    /// The split of a rule's threshold among parties, by what was seen or else by what is
    /// estimated.
    fn split(
        self,
        applied: &Applied<'_>,
        shared: Shared,
        party: impl Fn(&Key) -> Option<Party>,
        own: &Party,
    ) -> Option<Splitting> {
        let (rule, measure) = (applied.rule, applied.measure?);
        let threshold = measure.threshold;
        let categories: Categories = rule.category.iter().copied().collect();
        let tally = rule.tally(self.pack, self.pack.day(self.at()));
        let party = |key: &Key| {
            let party = party(key)?;
            self.is_counted(key, categories, tally).then_some(party)
        };
        let window = (self.window(measure.since), self.day());
        let by = |is_estimated: bool| {
            let amount = |sums: &Sums| {
                let amount = amount_of(sums, threshold.unit);
                match is_estimated {
                    true => amount.estimated.unwrap_or(0),
                    false => amount.observed,
                }
            };
            let is_passed = |amount| threshold.op.is_passed(amount, threshold.value);
            let split = self.meters.split(party, own, window, (amount, is_passed))?;
            Some((split, is_estimated))
        };
        let (split, is_estimated) = by(false).or_else(|| by(true))?;
        Some(Splitting {
            rule: rule.id.to_string(),
            cite: rule.cite.clone(),
            threshold,
            is_estimated,
            shared,
            total: split.total,
            unseen_share: unseen_share(&split),
            parts_more: split.members_more,
            parts: {
                let members = split.members.into_iter();
                members
                    .map(|it| (it.party.to_string(), it.amount))
                    .collect()
            },
        })
    }
}

/// Whether a verdict is that a threshold is passed.
const fn is_breach(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::ObservedExceeded
            | Verdict::DeclaredEstimateExceeded
            | Verdict::ProhibitedDestination
    )
}

/// Whether anything was counted for its threshold: who has nothing has no part in a split.
fn has_amount(applied: &Applied<'_>) -> bool {
    let amount = applied.measure.map(|measure| measure.amount);
    amount.is_some_and(|amount| amount.observed > 0 || amount.estimated.is_some())
}

/// Whether a threshold counts each recipient for itself.
fn is_to_one(applied: &Applied<'_>) -> bool {
    let threshold = applied.measure.map(|measure| measure.threshold);
    threshold.is_some_and(|threshold| {
        threshold.per == Scope::EntityAndRecipient || threshold.window == law::Window::Event
    })
}

fn unseen_share(split: &Split<Party>) -> f64 {
    match split.bytes {
        0 => 0.0,
        bytes => split.unseen_bytes as f64 / bytes as f64,
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asset(name) => f.pad(name.as_str()),
            Self::Entity(entity) => entity.fmt(f),
            Self::Recipient(recipient, country) => f.pad(&recipient_in(recipient, *country)),
        }
    }
}

impl Shared {
    /// The name under which the kind is written.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "organisation",
            Self::Sender(_) => "sender",
            Self::Owner(_) => "owner",
            Self::RecipientOfUnowned(_) => "recipient_of_unowned",
            Self::Recipient(_) => "recipient",
        }
    }

    /// Who it is.
    pub fn of(&self) -> &str {
        match self {
            Self::Organisation(of)
            | Self::Sender(of)
            | Self::Owner(of)
            | Self::RecipientOfUnowned(of)
            | Self::Recipient(of) => of,
        }
    }

    /// How bad it is at least. Legal entities of different owners may have nothing to do with
    /// each other.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Recipient(_) => Severity::Low,
            _ => Severity::Medium,
        }
    }

    fn subject(&self, language: Language) -> String {
        let of = self.of();
        match (self, language) {
            (Self::Organisation(_), Language::En) => format!("assets of {of}"),
            (Self::Organisation(_), Language::Zh) => format!("{of}的多个资产"),
            (Self::Sender(_), Language::En) => format!("recipients of {of}"),
            (Self::Sender(_), Language::Zh) => format!("{of}的多个接收方"),
            (Self::Owner(_), Language::En) => {
                format!("assets of no declared organisation that {of} answers for")
            }
            (Self::Owner(_), Language::Zh) => format!("由{of}负责、未申报所属主体的多个资产"),
            (Self::RecipientOfUnowned(_), Language::En) => {
                format!("assets that nobody has said the organisation of, to {of},")
            }
            (Self::RecipientOfUnowned(_), Language::Zh) => {
                format!("未申报所属主体的多个资产向{of}")
            }
            (Self::Recipient(_), Language::En) => format!("several legal entities, to {of},"),
            (Self::Recipient(_), Language::Zh) => format!("多个主体向{of}"),
        }
    }
}

impl Splitting {
    /// What it is, as sentences: rule, threshold, sum and parts.
    pub fn sentence(&self, language: Language) -> String {
        let subject = self.shared.subject(language);
        let (rule, cite, total) = (&self.rule, &self.cite, law::grouped(self.total));
        let threshold = self.threshold.line(language);
        let parts = self.parts_line(language);
        match language {
            Language::En => {
                let how = match self.is_estimated {
                    true => "by the estimate",
                    false => "as seen",
                };
                let chance = match self.shared.severity() {
                    Severity::Low => {
                        " They are not declared to be of one owner, so it may be a service that \
                         many use: this alone raises no alert."
                    }
                    _ => "",
                };
                format!(
                    "Splitting: {subject} together come to {total} {how}, which passes a \
                     threshold that none of them passes alone [{rule} | {cite}] ({threshold}): \
                     {parts}.{chance}"
                )
            }
            Language::Zh => {
                let how = match self.is_estimated {
                    true => "按申报估算",
                    false => "实测",
                };
                let chance = match self.shared.severity() {
                    Severity::Low => "未申报属于同一责任方，可能只是公共服务，仅此不告警。",
                    _ => "",
                };
                format!(
                    "疑似拆分：{subject}{how}合计{total}，单独均未达到而合计达到门槛\
                     [{rule} | {cite}]（{threshold}）：{parts}。{chance}"
                )
            }
        }
    }

    fn parts_line(&self, language: Language) -> String {
        let told = self.parts.iter().take(PARTS_IN_SENTENCE_MAX);
        let told = told.map(|(name, amount)| format!("{name} {}", law::grouped(*amount)));
        let mut told: Vec<String> = told.collect();
        let more = self.parts_more + self.parts.len().saturating_sub(PARTS_IN_SENTENCE_MAX);
        if more > 0 {
            told.push(match language {
                Language::En => format!("and {more} more"),
                Language::Zh => format!("另有{more}个"),
            });
        }
        told.join(match language {
            Language::En => ", ",
            Language::Zh => "、",
        })
    }
}

/// Parts that a sentence names.
const PARTS_IN_SENTENCE_MAX: usize = 8;
