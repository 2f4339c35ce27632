//! What was exported, by whom to whom, a day at a time, and what packs and register say of it.
//!
//! A corridor is one asset towards one recipient in one country. Its bytes are counted as they
//! come, and it is judged anew when they have doubled, when an approval is about to be used
//! up, when something goes out unprotected for the first time, and once a day at least. Only a
//! judgement that says something else than the one before is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Policy;
use super::content::Findings;
use super::corridor::{Corridor, Unused};
use super::coverage;
use super::meters::{Amounts, Day, Key, Meters, RecipientKey};
use super::standpoint::{Judgement, Standpoint};
use super::verdict_counts::{VerdictCounts, VerdictSums};
use super::verdicts::Judged;
use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::{AssetKey, Declared, Term};
use crate::time::{SECONDS_PER_DAY, Tick};

mod join;
mod shown;

pub use shown::MeterRow;

/// What was exported, and what was said of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// By the seconds by which days begin before those of UTC.
    meters: BTreeMap<i32, Meters>,
    /// The same of approvals, by their names.
    quotas: BTreeMap<i32, Meters>,
    assets: BTreeMap<AssetKey, BTreeMap<Country, Corridors>>,
    /// How many corridors there are.
    len: usize,
    /// Those that are to be judged at the close of the tick.
    #[serde(skip)]
    due: BTreeSet<CorridorKey>,
    /// The first tick that is not of the running day.
    day_end: Option<Tick>,
    /// The first tick at which a day of some pack has ended.
    law_day_end: Option<Tick>,
    /// Transfers that found no room for their corridor, and count in totals only.
    pub refused: u64,
    /// Under what word of which pack it went.
    #[serde(skip)]
    verdict_counts: VerdictCounts,
}

/// The corridors of an asset and a country.
type Corridors = BTreeMap<RecipientKey, Corridor>;

/// What a corridor is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CorridorKey {
    /// Who sends.
    pub asset: AssetKey,
    /// The country of the receiver.
    pub country: Country,
    /// Who receives.
    pub recipient: RecipientKey,
}

/// An export, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// When.
    pub tick: Tick,
    /// Who sent.
    pub asset: AssetKey,
    /// What is declared of it.
    pub declared: Option<&'a Declared>,
    /// Where it went.
    pub country: Country,
    /// How sure that is.
    pub confidence: Confidence,
    /// The recipient's autonomous system, 0 if unknown.
    pub asn: u32,
    /// The recipient's address, where the export stands for one conversation.
    pub address: Option<IpAddr>,
    /// The recipient's host name, and the registered domain of that.
    pub host: Option<&'a str>,
    /// The registered domain.
    pub domain: Option<&'a str>,
    /// How it was protected.
    pub protection: Protection,
    /// Bytes.
    pub bytes: u64,
    /// Whether the flow that carried them is over.
    pub ended: bool,
}

/// A day that has ended.
#[derive(Clone, Debug, Default)]
pub struct DayClosed {
    /// The date, in the time zone of the site.
    pub date: String,
    /// What was exported, by corridor.
    pub rows: Vec<(CorridorKey, Corridor)>,
}

impl Account {
    /// Counts an export. `label` says how the asset is called, and is asked once.
    pub fn take(&mut self, policy: &Policy, export: &Export<'_>, label: impl FnOnce() -> String) {
        let Some((recipient, corridor)) = self.enter(export, label) else {
            return;
        };
        let records = corridor.count(export);
        let amounts = Amounts {
            bytes: export.bytes,
            unseen_bytes: match corridor.is_read() {
                true => 0,
                false => export.bytes,
            },
            estimated_records: records,
            exports: 1,
            ..Amounts::default()
        };
        let is_due = corridor.day.bytes >= corridor.judge_at_bytes;
        let said = corridor.said_by(policy);
        corridor.unused.add(&amounts);
        let (key, covering) = (
            corridor.key(&recipient, export.country),
            corridor.covering.clone(),
        );
        if !covering.is_empty() {
            corridor.unused = Unused::default();
        }
        self.use_up(export.tick, &covering, &amounts);
        self.meter(export.tick, &key, &amounts);
        for (pack, verdict) in said {
            self.verdict_counts.add(pack, verdict, export.bytes);
        }
        if is_due && !policy.packs().is_empty() {
            self.is_due(export, recipient);
        }
    }

    /// Counts what was found in the content of an export, whose bytes come by themselves.
    pub fn see(
        &mut self,
        policy: &Policy,
        export: &Export<'_>,
        found: &Findings,
        label: impl FnOnce() -> String,
    ) {
        let Some((recipient, corridor)) = self.enter(export, label) else {
            return;
        };
        corridor.seen = corridor.seen.union(found.categories);
        corridor.content.add(&found.content);
        let amounts = Amounts {
            records: found.records,
            subjects: &found.subjects,
            ..Amounts::default()
        };
        let (key, covering) = (
            corridor.key(&recipient, export.country),
            corridor.covering.clone(),
        );
        self.use_up(export.tick, &covering, &amounts);
        self.meter(export.tick, &key, &amounts);
        if !policy.packs().is_empty() {
            self.is_due(export, recipient);
        }
    }

    /// The corridor of an export, which is made if there is room.
    fn enter(
        &mut self,
        export: &Export<'_>,
        label: impl FnOnce() -> String,
    ) -> Option<(RecipientKey, &mut Corridor)> {
        let mut recipient = RecipientKey::of(export.domain, export.asn, export.country);
        let of_asset = self.assets.entry(export.asset).or_default();
        let corridors = of_asset.entry(export.country).or_default();
        if self.len >= CORRIDORS_MAX && !corridors.contains_key(&recipient) {
            recipient = RecipientKey::Others;
        }
        let is_known = corridors.contains_key(&recipient);
        if !is_known && self.len >= CORRIDORS_MAX + OTHERS_MAX {
            self.refused = self.refused.saturating_add(1);
            return None;
        }
        self.len += usize::from(!is_known);
        let corridor = corridors.entry(recipient.clone());
        let corridor = corridor.or_insert_with(|| Corridor::new(export, label()));
        corridor.declare(export.declared);
        Some((recipient, corridor))
    }

    fn meter(&mut self, tick: Tick, key: &Key, amounts: &Amounts<'_>) {
        for (offset, meters) in &mut self.meters {
            meters.add(Day::of(tick, *offset), key, amounts);
        }
    }

    /// Adds amounts to the approvals that cover them.
    fn use_up(&mut self, tick: Tick, covering: &BTreeSet<(i32, Term)>, amounts: &Amounts<'_>) {
        for (offset, id) in covering {
            if let Some(quotas) = self.quotas.get_mut(offset) {
                coverage::add(quotas, Day::of(tick, *offset), id, amounts);
            }
        }
    }

    fn is_due(&mut self, export: &Export<'_>, recipient: RecipientKey) {
        self.due.insert(CorridorKey {
            asset: export.asset,
            country: export.country,
            recipient,
        });
    }

    /// Begins to meter in the days of the packs, from now on.
    pub fn meter_for(&mut self, policy: &Policy, now: Tick) {
        for offset in policy.offsets_seconds(now) {
            for meters in [&mut self.meters, &mut self.quotas] {
                let of_days = meters.entry(offset);
                of_days.or_insert_with(|| Meters::new(offset));
            }
        }
    }

    /// Judges what is due, and returns what is said otherwise than before.
    pub fn judge(&mut self, policy: &Policy, now: Tick) -> Vec<Judgement> {
        let mut told = Vec::new();
        let mut counts = std::mem::take(&mut self.verdict_counts);
        for key in std::mem::take(&mut self.due) {
            let Some(judged) = self.judged(policy, &key, now) else {
                continue;
            };
            let Some(corridor) = self.corridor_mut(&key) else {
                continue;
            };
            corridor.covering = judged.covering;
            corridor.unused = Unused::default();
            corridor.judge_next(judged.bytes_left, policy.alert_bytes_per_day());
            for mut judgement in judged.judgements {
                let said = &judgement.said;
                let before = corridor.said.insert(judgement.pack.clone(), said.clone());
                if before.is_none() {
                    counts.add(&judgement.pack, said.verdict, corridor.day.bytes);
                }
                if before.as_ref().map(|before| before.verdict) != Some(said.verdict) {
                    counts.changed();
                }
                judgement.is_new = before.as_ref() != Some(said) || !corridor.is_told_today;
                judgement.alerts =
                    judgement.is_alarming(policy) && corridor.alert(&judgement.pack, said);
                if judgement.is_new || judgement.alerts {
                    told.push(judgement);
                }
            }
            corridor.is_told_today = true;
        }
        self.verdict_counts = counts;
        told
    }

    /// What goes out under each word of each pack, in the order of the packs.
    pub fn verdict_sums(&mut self, policy: &Policy) -> Vec<VerdictSums> {
        let mut counts = std::mem::take(&mut self.verdict_counts);
        let sums = counts.sums(policy, self.corridors().map(|(.., corridor)| corridor));
        self.verdict_counts = counts;
        sums
    }

    /// Judges a corridor. What it sent before it was known what covers it is added to that
    /// first, which may use it up.
    fn judged(&mut self, policy: &Policy, key: &CorridorKey, now: Tick) -> Option<Judged> {
        let judge = |account: &Self| {
            let meters = (&account.meters, &account.quotas);
            Some(policy.judge(meters, key, account.corridor(key)?, now))
        };
        let judged = judge(self)?;
        let corridor = self.corridor(key)?;
        let (known, unused) = (&corridor.covering, corridor.unused);
        let new: BTreeSet<_> = judged.covering.difference(known).cloned().collect();
        if unused.bytes == 0 || new.is_empty() {
            return Some(judged);
        }
        self.use_up(now, &new, &unused.amounts());
        judge(self)
    }

    /// The last tick of the running day, if that ended before a tick.
    pub fn day_ended(&self, now: Tick) -> Option<Tick> {
        let end = self.day_end.filter(|end| *end <= now)?;
        Some(Tick(end.0.saturating_sub(1)))
    }

    /// The last tick of the running day of some pack, if that ended before a tick: what was
    /// sent until then is to be judged by the law of its day.
    pub fn day_of_law_ended(&self, now: Tick) -> Option<Tick> {
        let end = self.law_day_end.filter(|end| *end <= now)?;
        Some(Tick(end.0.saturating_sub(1)))
    }

    /// Opens a day of law if one ended before a tick: law, validity and quotas may be others, so
    /// whatever is sent next is judged at once.
    pub fn open_day_of_law(&mut self, policy: &Policy, now: Tick) {
        if self.law_day_end.is_some_and(|end| now < end) {
            return;
        }
        self.law_day_end = policy.day_of_law_ends(now);
        let countries = self.assets.values_mut().flat_map(BTreeMap::values_mut);
        for corridor in countries.flat_map(BTreeMap::values_mut) {
            corridor.judge_at_bytes = 0;
        }
    }

    /// Has all corridors judged that have sent anything since they were, as a day ends.
    pub fn judge_all(&mut self) {
        let corridors = self.assets.iter().flat_map(|(asset, countries)| {
            let all = countries.iter();
            all.flat_map(move |(country, corridors)| {
                let all = corridors.iter();
                all.map(move |(recipient, one)| (*asset, *country, recipient, one))
            })
        });
        let unjudged = corridors.filter(|(.., one)| one.day.bytes > one.judged_bytes);
        self.due
            .extend(unjudged.map(|(asset, country, recipient, _)| CorridorKey {
                asset,
                country,
                recipient: recipient.clone(),
            }));
    }

    /// Closes the running day if it ended before a tick, and returns what it had.
    pub fn close_day(&mut self, policy: &Policy, now: Tick) -> Option<DayClosed> {
        let (_, end) = policy.day_of(now);
        let before = self.day_end.replace(end)?;
        (before <= now && before < end).then(|| {
            let last = Tick(before.0.saturating_sub(1));
            self.close(policy, last)
        })
    }

    /// Closes the day in which a tick lies.
    pub fn close(&mut self, policy: &Policy, now: Tick) -> DayClosed {
        let (date, _) = policy.day_of(now);
        self.verdict_counts.changed();
        let mut rows = Vec::new();
        self.len = 0;
        for (asset, countries) in &mut self.assets {
            for (country, corridors) in countries.iter_mut() {
                for (recipient, corridor) in corridors.iter_mut() {
                    if corridor.day.bytes > 0 {
                        let key = CorridorKey {
                            asset: *asset,
                            country: *country,
                            recipient: recipient.clone(),
                        };
                        rows.push((key, corridor.clone()));
                    }
                    corridor.open_day();
                }
                corridors.retain(|_, one| now.seconds_since(one.last) < KEPT_SECONDS);
                self.len += corridors.len();
            }
            countries.retain(|_, corridors| !corridors.is_empty());
        }
        self.assets.retain(|_, countries| !countries.is_empty());
        DayClosed { date, rows }
    }

    /// The strongest that is said of an asset and a country: by which pack, and what.
    pub fn standpoint(&self, asset: AssetKey, country: Country) -> Option<(&str, &Standpoint)> {
        let corridors = self.assets.get(&asset)?.get(&country)?;
        let said = corridors.values().flat_map(|corridor| &corridor.said);
        let said = said.map(|(pack, said)| (pack.as_str(), said));
        said.max_by(|a, b| {
            let rank = |one: &Standpoint| (one.verdict, one.severity);
            let ranks = rank(a.1).cmp(&rank(b.1));
            ranks.then_with(|| b.0.cmp(a.0))
        })
    }

    /// All corridors, by asset, country and recipient.
    pub fn corridors(&self) -> impl Iterator<Item = (Country, &RecipientKey, &Corridor)> {
        let countries = self.assets.values().flatten();
        countries.flat_map(|(country, corridors)| {
            let all = corridors.iter();
            all.map(|(recipient, corridor)| (*country, recipient, corridor))
        })
    }

    /// The meters of days that begin so many seconds before those of UTC.
    pub fn meters(&self, offset_seconds: i32) -> Option<&Meters> {
        self.meters.get(&offset_seconds)
    }

    /// Corridors that are counted.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is counted.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn corridor(&self, key: &CorridorKey) -> Option<&Corridor> {
        self.assets
            .get(&key.asset)?
            .get(&key.country)?
            .get(&key.recipient)
    }

    fn corridor_mut(&mut self, key: &CorridorKey) -> Option<&mut Corridor> {
        let countries = self.assets.get_mut(&key.asset)?;
        countries.get_mut(&key.country)?.get_mut(&key.recipient)
    }
}

/// Corridors that are counted; of more those of an asset and a country are one.
pub const CORRIDORS_MAX: usize = 16_384;

/// Corridors beyond these in which the rest is one.
pub const OTHERS_MAX: usize = 4_096;

/// How long a corridor is remembered without an export, in seconds: 35 days.
const KEPT_SECONDS: u64 = 35 * SECONDS_PER_DAY;
