//! A corridor: one asset towards one recipient in one country.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Policy;
use super::account::Export;
use super::content::Content;
use super::law::{Severity, Verdict};
use super::meters::{Amounts, Entity, Key, RecipientKey, Traits};
use super::standpoint::Standpoint;
use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::{Categories, Declared, Grade, Term};
use crate::time::Tick;

/// An asset towards a recipient.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Corridor {
    /// How the asset is called.
    pub asset: String,
    /// That as a name, if it can be one.
    pub(super) name: Option<Term>,
    /// Whose it is.
    pub entity: Entity,
    /// What its data is about, as declared.
    pub categories: Categories,
    /// What its content has shown, beyond that.
    pub seen: Categories,
    /// What was found in it.
    pub content: Content,
    /// How its data is graded, if it is.
    pub grade: Option<Grade>,
    /// All that is declared of the asset.
    #[serde(skip)]
    pub declared: Option<Declared>,
    /// The recipient's host name, as it was seen last.
    pub host: Option<String>,
    /// The recipient's address, as it was seen last.
    pub address: Option<IpAddr>,
    /// The recipient's autonomous system, 0 if unknown.
    pub asn: u32,
    /// The tick of the first export.
    pub first: Tick,
    /// The tick of the latest one.
    pub last: Tick,
    /// Bytes of all days.
    pub bytes: u64,
    /// The running day.
    pub day: DaySums,
    /// What each pack said last, by its name.
    pub said: BTreeMap<String, Standpoint>,
    /// What was alerted on today, by pack: the worst, and whether it was of a split.
    pub(super) alerted: BTreeMap<String, (Verdict, Severity, bool)>,
    /// Approvals that cover it, and the days of their packs.
    pub(super) covering: BTreeSet<(i32, Term)>,
    /// What was sent before it was known what covers it.
    pub(super) unused: Unused,
    /// Whether verdicts were told today.
    pub(super) is_told_today: bool,
    /// How it was protected last; if anything of the day was insufficiently, that.
    pub protection: Protection,
    /// Whether its latest flow goes on.
    #[serde(skip)]
    pub(super) is_running: bool,
    /// Bytes of the day from which on it is judged again.
    pub(super) judge_at_bytes: u64,
    /// Bytes of the day when it was judged last.
    pub(super) judged_bytes: u64,
    /// What is left of a record that an asset declares the length of.
    pub(super) record_bytes_left: u64,
}

/// What a corridor had on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySums {
    /// Export bytes.
    pub bytes: u64,
    /// Transfers.
    pub transfers: u64,
    /// Bytes by how they were protected, in the order of [`Protection::ALL`].
    pub protected: [u64; Protection::ALL.len()],
    /// Bytes by how sure the country is, in the order of [`Confidence::ALL`].
    pub confidence: [u64; Confidence::ALL.len()],
    /// The first and the last tick with any.
    pub ticks: Option<(Tick, Tick)>,
}

impl Corridor {
    pub(super) fn new(export: &Export<'_>, label: String) -> Self {
        let name = Term::try_from(label.clone()).ok();
        Self {
            asset: label,
            entity: of_nobody(name.clone()),
            name,
            categories: Categories::NONE,
            seen: Categories::NONE,
            content: Content::default(),
            grade: None,
            declared: None,
            host: None,
            address: None,
            asn: export.asn,
            first: export.tick,
            last: export.tick,
            bytes: 0,
            day: DaySums::default(),
            said: BTreeMap::new(),
            alerted: BTreeMap::new(),
            covering: BTreeSet::new(),
            unused: Unused::default(),
            is_told_today: false,
            protection: export.protection,
            is_running: !export.ended,
            judge_at_bytes: 0,
            judged_bytes: 0,
            record_bytes_left: 0,
        }
    }

    /// Takes what is declared of the asset now.
    pub(super) fn declare(&mut self, declared: Option<&Declared>) {
        let Some(declared) = declared.filter(|_| self.declared.as_ref() != declared) else {
            return;
        };
        self.entity = match &declared.organisation {
            Some(organisation) => Entity::Organisation(organisation.clone()),
            None => of_nobody(self.name.clone()),
        };
        self.categories = declared.categories;
        self.grade = declared.grade;
        self.declared = Some(declared.clone());
        self.judge_at_bytes = 0;
    }

    /// Counts an export. Says how many records it ended, if the asset declares their length.
    pub(super) fn count(&mut self, export: &Export<'_>) -> u64 {
        if let Some(host) = export
            .host
            .filter(|host| self.host.as_deref() != Some(host))
        {
            self.host = Some(host.to_owned());
            // Another host of the domain need not be covered by what covered the last one.
            self.judge_at_bytes = 0;
        }
        self.address = export.address.or(self.address);
        self.asn = export.asn;
        self.last = self.last.max(export.tick);
        self.is_running = !export.ended;
        // What went unprotected once stays so for the day.
        let is_worse = export.protection.is_insufficient() && !self.protection.is_insufficient();
        if is_worse {
            self.judge_at_bytes = 0;
        }
        if is_worse || !self.protection.is_insufficient() {
            self.protection = export.protection;
        }
        self.bytes = self.bytes.saturating_add(export.bytes);
        self.day.count(export);
        let record = self
            .declared
            .as_ref()
            .and_then(|known| known.bytes_per_record);
        let Some(record) = record else { return 0 };
        let length = record.typical.get();
        let bytes = self.record_bytes_left.saturating_add(export.bytes);
        self.record_bytes_left = bytes % length;
        bytes / length
    }

    /// What it is metered under.
    pub(super) fn key(&self, recipient: &RecipientKey, country: Country) -> Key {
        let is_of_organisation = matches!(self.entity, Entity::Organisation(_));
        Key {
            entity: self.entity.clone(),
            asset: self.name.clone().filter(|_| is_of_organisation),
            categories: self.categories.union(self.seen),
            recipient: recipient.clone(),
            country,
            traits: self.traits(),
        }
    }

    fn traits(&self) -> Traits {
        let Some(declared) = &self.declared else {
            return Traits::default();
        };
        Traits {
            home: declared.home.map(|home| home.0),
            grade: declared.grade,
            zone: declared.zone.clone(),
            sector: declared.sector.clone(),
            scenario: declared.scenario.clone(),
            owner: declared.owner.clone(),
            is_critical_infrastructure: declared.is_critical_infrastructure,
        }
    }

    /// Whether what it sends is in the clear and looked into.
    pub(super) fn is_read(&self) -> bool {
        let declared = self.declared.as_ref();
        let is_inspected = declared.is_some_and(|known| known.is_inspected);
        is_inspected && self.protection == Protection::Clear
    }

    /// What each pack of a policy said last, if it said anything.
    pub(super) fn said_by<'a>(&self, policy: &'a Policy) -> Vec<(&'a str, Verdict)> {
        let packs = policy.packs().iter();
        let said = packs.filter_map(|pack| Some((pack.id.as_str(), self.said.get(&pack.id)?)));
        said.map(|(pack, said)| (pack, said.verdict)).collect()
    }

    /// Whether a pack's word is to be alerted on: it is another one today, or a worse one.
    pub(super) fn alert(&mut self, pack: &str, said: &Standpoint) -> bool {
        let is_split = said.splitting.is_some();
        let new = (said.verdict, said.severity, is_split);
        let known = self.alerted.insert(pack.to_owned(), new);
        known.is_none_or(|(verdict, severity, was_split)| {
            verdict != said.verdict || severity < said.severity || (is_split && !was_split)
        })
    }

    /// Has it judged again when its day has an eighth more, what an approval leaves, or enough
    /// to be alerted on.
    pub(super) fn judge_next(&mut self, bytes_left: Option<u64>, alert_bytes: u64) {
        let bytes = self.day.bytes;
        let more = (bytes / 8).max(JUDGED_BYTES_MIN);
        let more = bytes_left.map_or(more, |left| more.min(left.saturating_add(1)));
        let next = bytes.saturating_add(more.max(1));
        self.judge_at_bytes = match bytes < alert_bytes {
            true => next.min(alert_bytes),
            false => next,
        };
        self.judged_bytes = bytes;
    }

    pub(super) fn open_day(&mut self) {
        self.day = DaySums::default();
        (self.judge_at_bytes, self.judged_bytes) = (0, 0);
        self.alerted.clear();
        self.is_told_today = false;
        if self.protection.is_insufficient() {
            self.protection = Protection::Unseen;
        }
    }
}

/// An asset of no declared organisation stands for itself.
fn of_nobody(name: Option<Term>) -> Entity {
    name.map_or(Entity::Others, Entity::Asset)
}

/// What a corridor sent before it was known what covers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unused {
    pub(super) bytes: u64,
    estimated_records: u64,
}

impl Unused {
    pub(super) fn add(&mut self, amounts: &Amounts<'_>) {
        self.bytes = self.bytes.saturating_add(amounts.bytes);
        let records = self.estimated_records;
        self.estimated_records = records.saturating_add(amounts.estimated_records);
    }

    pub(super) fn amounts(self) -> Amounts<'static> {
        Amounts {
            bytes: self.bytes,
            estimated_records: self.estimated_records,
            ..Amounts::default()
        }
    }
}

impl DaySums {
    /// Adds those of another corridor.
    pub(super) fn join(&mut self, other: &Self) {
        let sums = [
            (&mut self.bytes, other.bytes),
            (&mut self.transfers, other.transfers),
        ];
        let protected = self.protected.iter_mut().zip(other.protected);
        let confidence = self.confidence.iter_mut().zip(other.confidence);
        for (own, theirs) in sums.into_iter().chain(protected).chain(confidence) {
            *own = own.saturating_add(theirs);
        }
        self.ticks = match (self.ticks, other.ticks) {
            (Some(own), Some(theirs)) => Some((own.0.min(theirs.0), own.1.max(theirs.1))),
            (own, theirs) => own.or(theirs),
        };
    }

    pub(super) fn count(&mut self, export: &Export<'_>) {
        let add = |sum: &mut u64| *sum = sum.saturating_add(export.bytes);
        add(&mut self.bytes);
        add(&mut self.protected[export.protection as usize]);
        add(&mut self.confidence[export.confidence as usize]);
        self.transfers = self.transfers.saturating_add(1);
        let (first, _) = self.ticks.unwrap_or((export.tick, export.tick));
        self.ticks = Some((first, export.tick));
    }
}

/// More bytes that a corridor must have to be judged again, unless a quota ends before.
const JUDGED_BYTES_MIN: u64 = 65_536;
