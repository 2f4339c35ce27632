//! A corridor, held against every pack and the register.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::account::CorridorKey;
use super::approvals::{Approval as Filed, Claim, Register, Seen};
use super::corridor::Corridor;
use super::coverage::{Coverage, Used};
use super::law::{
    self, Approval, Cover, Facts, Language, Oddness, Pack, Rung, Rungs, Sensitivity, Severity,
    Undetermined, Verdict, Weighing,
};
use super::meters::{Day, Meters, RecipientKey, Usage};
use super::standpoint::{Judgement, Standpoint};
use crate::dissect::Protection;
use crate::geo::Country;
use crate::inventory::{Category, Grade, Route, Term};
use crate::time::{NANOS_PER_SECOND, Tick, Timestamp};

/// By what exports are judged.
#[derive(Clone, Debug)]
pub struct Policy {
    packs: Vec<Pack>,
    register: Register,
    /// Places of approvals in the register, by their names.
    places: HashMap<String, usize>,
    home: Country,
    zone: TimeZone,
    alert_bytes_per_day: u64,
}

/// What all packs say of a corridor.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) judgements: Vec<Judgement>,
    /// Bytes until an approval is used up, if one covers it that has a quota of bytes.
    pub(super) bytes_left: Option<u64>,
    /// Approvals that cover it, or would if they were not used up, and the days of their packs.
    pub(super) covering: BTreeSet<(i32, Term)>,
}

impl Default for Policy {
    /// Judges by nothing.
    fn default() -> Self {
        let (home, zone) = (Country::UNKNOWN, TimeZone::UTC);
        Self::new(Vec::new(), Register::default(), home, zone, 0)
    }
}

impl Policy {
    /// Judges by packs and a register of approvals. `home` is where assets are of which nothing
    /// else is declared; days of totals begin in `zone`.
    pub fn new(
        packs: Vec<Pack>,
        register: Register,
        home: Country,
        zone: TimeZone,
        alert_bytes_per_day: u64,
    ) -> Self {
        let approvals = register.approvals().iter().enumerate();
        Self {
            places: approvals
                .map(|(place, one)| (one.id.as_str().to_owned(), place))
                .collect(),
            packs,
            register,
            home,
            zone,
            alert_bytes_per_day,
        }
    }

    /// The packs.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The register of approvals.
    pub const fn register(&self) -> &Register {
        &self.register
    }

    /// Where assets are of which nothing else is declared.
    pub(super) const fn home(&self) -> Country {
        self.home
    }

    /// Bytes of a day below which a verdict raises no alert.
    pub(super) const fn alert_bytes_per_day(&self) -> u64 {
        self.alert_bytes_per_day
    }

    /// Whether there is anything to judge by.
    pub const fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// An approval, by its name.
    pub(super) fn approval(&self, id: &str) -> Option<&Filed> {
        self.register.approvals().get(*self.places.get(id)?)
    }

    /// The day of a tick where the site is, and the first tick behind it.
    pub fn day_of(&self, tick: Tick) -> (String, Tick) {
        let at = i64::try_from(tick.0).unwrap_or(i64::MAX);
        let moment = jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::MAX);
        let date = self.zone.to_datetime(moment).date();
        let next = date.checked_add(1.day());
        let end = next.and_then(|next| self.zone.to_timestamp(next.at(0, 0, 0, 0)));
        let end = end.map_or(i64::MAX, jiff::Timestamp::as_second);
        (date.to_string(), Tick(u64::try_from(end).unwrap_or(0)))
    }

    /// The seconds by which days of packs begin before those of UTC, each once.
    pub(super) fn offsets_seconds(&self, now: Tick) -> Vec<i32> {
        let all = self.packs.iter();
        let mut offsets: Vec<_> = all.map(|pack| pack.offset_seconds(now.start())).collect();
        offsets.sort_unstable();
        offsets.dedup();
        offsets
    }

    /// The first tick of the next day of any pack: laws, approvals and quotas change at it.
    pub(super) fn day_of_law_ends(&self, now: Tick) -> Option<Tick> {
        let all = self.packs.iter().filter_map(|pack| {
            let next = pack.day(now.start()).checked_add(1.day()).ok()?;
            let start = pack.start_of(next).as_nanos() / NANOS_PER_SECOND;
            (start > now.0).then_some(Tick(start))
        });
        all.min()
    }

    /// What every pack that is about a corridor says of it.
    pub(super) fn judge(
        &self,
        (meters, quotas): (&BTreeMap<i32, Meters>, &BTreeMap<i32, Meters>),
        key: &CorridorKey,
        corridor: &Corridor,
        now: Tick,
    ) -> Judged {
        let mut judged = Judged {
            judgements: Vec::new(),
            bytes_left: None,
            covering: BTreeSet::new(),
        };
        for pack in &self.packs {
            let offset = pack.offset_seconds(now.start());
            let (Some(meters), Some(quotas)) = (meters.get(&offset), quotas.get(&offset)) else {
                continue;
            };
            let case = Case {
                pack,
                meters,
                quotas,
                key,
                corridor,
                home: self.home,
                now,
            };
            if let Some((judgement, coverage)) = case.judge(self) {
                judged.judgements.push(judgement);
                judged.bytes_left = least(judged.bytes_left, coverage.bytes_left);
                let used = coverage.used().cloned();
                judged.covering.extend(used.map(|id| (offset, id)));
            }
        }
        judged
    }
}

/// A corridor before a pack.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) pack: &'a Pack,
    pub(super) meters: &'a Meters,
    quotas: &'a Meters,
    pub(super) key: &'a CorridorKey,
    pub(super) corridor: &'a Corridor,
    /// Where assets are of which nothing else is declared.
    pub(super) home: Country,
    now: Tick,
}

impl<'c> Case<'c> {
    /// What is said, and what covers it.
    fn judge(self, policy: &Policy) -> Option<(Judgement, Coverage)> {
        let Self { corridor, key, .. } = self;
        let coverage = self.coverage(policy);
        let judged = self.judged(&coverage, &coverage.why.join("; "))?;
        let by_what_it_is = self.severity(judged.verdict, &coverage);
        let severity = match judged.rule {
            Some(_) => judged.severity.max(by_what_it_is),
            None => by_what_it_is,
        };
        let splitting = self.splitting(&judged, &coverage);
        let of_splitting = splitting.as_ref().map(|it| it.shared.severity());
        let judgement = Judgement {
            key: key.clone(),
            asset: corridor.asset.clone(),
            organisation: self.organisation().map(str::to_owned),
            pack: self.pack.id.clone(),
            said: Standpoint {
                verdict: judged.verdict,
                severity: severity.max(of_splitting.unwrap_or_default()),
                rule: judged.rule.map(|rule| rule.id.as_str().to_owned()),
                cite: judged.rule.map(|rule| rule.cite.clone()),
                approval: coverage.approval().map(ToString::to_string),
                splitting: splitting.as_ref().map(|it| it.rule.clone()),
            },
            is_new: false,
            alerts: false,
            why: coverage.why.clone(),
            bytes: corridor.day.bytes,
            is_running: corridor.is_running,
            protection: corridor.protection,
            since: corridor.day.ticks.map_or(self.now, |(first, _)| first),
            inputs: judged.input.map(|input| {
                let estimated = input.amount.estimated.unwrap_or(0);
                [input.amount.observed, estimated, input.threshold.value]
            }),
            rung: judged.rung_reached,
            missing: judged.rungs_missing,
            content: corridor.content.clone(),
            splitting,
            severity_alone: severity,
            sentences: [Language::En, Language::Zh].map(|language| judged.sentence(language)),
        };
        Some((judgement, coverage))
    }

    /// What the law says, where the register says this.
    fn judged(self, coverage: &Coverage, why: &str) -> Option<law::Judged<'c>> {
        let Self { corridor, key, .. } = self;
        let categories: Vec<Category> = corridor.categories.iter().collect();
        let seen: Vec<Category> = corridor.seen.iter().collect();
        let facts = Facts {
            at: self.at(),
            declared: self.declared(&categories),
            seen: &seen,
            destination: key.country,
            // Only an approval by adequacy says that the recipient meets its condition.
            recipient: match coverage.routes.contains(&Route::Adequacy) {
                true => law::Recipient::Declared,
                false => law::Recipient::Undeclared,
            },
            standing: coverage.standing(why),
            reached: self.reached(),
            first_export: Some(corridor.first.start()),
        };
        let judge =
            |facts: &Facts<'_>| law::judge(self.pack, facts, |question| self.amount(question));
        let judged = judge(&facts)?;
        let is_outside = judged.verdict == Verdict::OutsideScope && judged.rule.is_none();
        if !is_outside || !coverage.is_far {
            return Some(judged);
        }
        // That an approval is about something else matters only where a rule is about this.
        let unregistered = judge(&Facts {
            standing: law::Standing::Unregistered,
            ..facts
        })?;
        match unregistered.undetermined {
            Some(Undetermined::BelowThreshold) | None => Some(judged),
            Some(_) => Some(unregistered),
        }
    }

    /// What the operator says of the asset.
    fn declared<'a>(&'a self, categories: &'a [Category]) -> law::Declared<'a> {
        let declared = self.corridor.declared.as_ref();
        let home = declared.and_then(|known| known.home);
        law::Declared {
            home: home.map_or(self.home, |home| home.0),
            categories,
            grade: self.corridor.grade.unwrap_or_default(),
            zone: text(declared.and_then(|known| known.zone.as_ref())),
            sector: text(declared.and_then(|known| known.sector.as_ref())),
            scenario: text(declared.and_then(|known| known.scenario.as_ref())),
            is_critical_infrastructure: declared
                .is_some_and(|known| known.is_critical_infrastructure),
            is_declared: !categories.is_empty() || self.corridor.grade.is_some(),
        }
    }

    fn organisation(&self) -> Option<&str> {
        let declared = self.corridor.declared.as_ref()?;
        text(declared.organisation.as_ref())
    }

    /// What the register comes to.
    fn coverage(self, policy: &Policy) -> Coverage {
        let Self { corridor, key, .. } = self;
        let regime = self.pack.jurisdiction.to_ascii_lowercase();
        let domain = match &key.recipient {
            RecipientKey::Domain(domain) => Some(domain.as_str()),
            _ => None,
        };
        let host = corridor.host.as_deref().or(domain);
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let standing = policy.register.standing(&Claim {
            at: self.pack.day(self.at()),
            regime: &regime,
            organisation: self.organisation(),
            asset: Some(&corridor.asset),
            recipient: Seen {
                domain: host,
                address: corridor.address.unwrap_or(unknown),
                asn: corridor.asn,
                country: key.country,
            },
            categories: corridor.categories.union(corridor.seen),
            protection: corridor.protection,
            // Quotas are held against what their approvals were used for.
            used: &Usage::default(),
        });
        let used = Used {
            quotas: self.quotas,
            day: self.day(),
        };
        let of_asset = (corridor.declared.as_ref(), key.country);
        Coverage::of(standing, policy, self.pack, used, of_asset, host.is_some())
    }

    /// The evidence that there is.
    fn reached(self) -> Rungs {
        let Self { corridor, key, .. } = self;
        let is_named = !matches!(
            key.recipient,
            RecipientKey::Country(_) | RecipientKey::Others
        );
        let is_declared = !corridor.categories.is_empty() || corridor.grade.is_some();
        let rungs = [
            (Rung::E0, true),
            (Rung::E1, !key.country.is_unknown()),
            (Rung::E2, corridor.protection != Protection::Unseen),
            (Rung::E3, is_named),
            (Rung::E4, !corridor.content.is_empty()),
            (Rung::E5, !corridor.content.identifiers.is_empty()),
            (Rung::E6, is_declared),
        ];
        let reached = rungs.into_iter().filter(|(_, is_reached)| *is_reached);
        reached.map(|(rung, _)| rung).collect()
    }

    /// How bad it is by what it is, whether it may, and how it is protected.
    fn severity(self, verdict: Verdict, coverage: &Coverage) -> Severity {
        let sensitivity = sensitivity(self.corridor);
        let approval = match verdict {
            // Where nothing is asked for, nothing is missing.
            Verdict::Approved | Verdict::NotDeterminable => Approval::Covered,
            Verdict::OverQuota => Approval::OverQuota,
            Verdict::OutsideScope => Approval::OutsideScope,
            // An approval that is used up by an estimate only is one for less.
            Verdict::DeclaredEstimateExceeded if coverage.is_used_up() => Approval::OutsideScope,
            _ => Approval::None,
        };
        law::severity(Weighing {
            sensitivity,
            approval,
            cover: match self.corridor.protection {
                Protection::Clear => Cover::Clear,
                Protection::Weak => Cover::Weak,
                _ => Cover::SoundOrUnseen,
            },
            oddness: Oddness::Normal,
        })
    }

    pub(super) fn at(self) -> Timestamp {
        self.now.start()
    }

    pub(super) fn day(self) -> Day {
        Day::of(self.now, self.meters.offset_seconds())
    }
}

fn text(term: Option<&Term>) -> Option<&str> {
    term.map(Term::as_str)
}

/// What the data of a corridor is, at its most sensitive, as declared.
fn sensitivity(corridor: &Corridor) -> Sensitivity {
    let is_sensitive = |category: Category| {
        !matches!(
            category,
            Category::Personal
                | Category::Identifiers
                | Category::Vehicle
                | Category::Industrial
                | Category::Business
        )
    };
    let is_personal =
        |category: Category| matches!(category, Category::Personal | Category::Identifiers);
    let all = corridor.categories.union(corridor.seen);
    let is_any = |is: &dyn Fn(Category) -> bool| all.iter().any(is);
    match corridor.grade {
        Some(Grade::Core) => Sensitivity::Core,
        Some(Grade::Important) => Sensitivity::Important,
        _ if is_any(&is_sensitive) => Sensitivity::SensitivePersonal,
        _ if is_any(&is_personal) => Sensitivity::Personal,
        None if all.is_empty() => Sensitivity::Unknown,
        _ => Sensitivity::General,
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
