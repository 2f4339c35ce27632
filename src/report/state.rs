//! What the sensor said of itself: runs, packs, databases, registers and its counters.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::clean;
use super::flows::Flow;
use super::read::Body;
use crate::time::Tick;

/// Runs, packs and databases that are listed each; later ones are only counted.
pub(super) const STATES_MAX: usize = 500;

/// Approvals of a register that are read.
pub(super) const APPROVALS_MAX: usize = 200;

/// Reasons of drops that are told apart, and tables that evict.
const REASONS_MAX: usize = 64;

/// Recipients, assets and categories of an approval that are read.
const SCOPE_MAX: usize = 32;

/// Notes that are kept.
pub(super) const NOTES_MAX: usize = 100;

/// Where an entry stands in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) time: Tick,
}

/// From a start to a stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) place: Place,
    pub(super) version: String,
    pub(super) inputs: Vec<String>,
    pub(super) config_hash: String,
    pub(super) networks: Vec<String>,
    pub(super) jurisdictions: Vec<String>,
    pub(super) zone: String,
    pub(super) stopped: Option<(Tick, String)>,
}

/// A pack of rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Pack {
    pub(super) place: Place,
    pub(super) id: String,
    pub(super) version: String,
    pub(super) status: String,
    pub(super) english: String,
    pub(super) chinese: String,
    pub(super) hash: String,
}

/// A database that says where addresses are.
#[derive(Clone, Debug, Default)]
pub(super) struct Database {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) built: Option<Tick>,
    pub(super) hash: String,
}

/// The declared assets and approvals.
#[derive(Clone, Debug, Default)]
pub(super) struct Register {
    pub(super) place: Place,
    pub(super) assets: u64,
    pub(super) approvals: u64,
    pub(super) hash: String,
    pub(super) listed: Vec<Approval>,
}

/// An approval as it was declared.
#[derive(Clone, Debug, Default)]
pub(super) struct Approval {
    pub(super) id: String,
    pub(super) regime: String,
    pub(super) route: String,
    pub(super) filing_number: String,
    pub(super) organisation: String,
    pub(super) assets: Vec<String>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) categories: Vec<String>,
    pub(super) maximum_subjects: Option<u64>,
    pub(super) maximum_bytes: Option<u64>,
    pub(super) period: String,
    pub(super) valid_from: Option<Date>,
    pub(super) valid_to: Option<Date>,
    pub(super) required_protection: String,
}

/// A recipient as it was declared.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipient {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) prefix: String,
    pub(super) asn: u64,
    pub(super) country: String,
}

/// What the ledger says of the sensor as it stood at the end of the window.
#[derive(Clone, Debug, Default)]
pub(super) struct States {
    pub(super) runs: Vec<Run>,
    pub(super) packs: Vec<Pack>,
    pub(super) databases: Vec<Database>,
    pub(super) register: Option<Register>,
    /// Entries that had no place.
    pub(super) left_over: u64,
}

impl States {
    pub(super) fn start(&mut self, body: Body<'_>, place: Place) {
        let run = Run {
            place,
            version: body.name("version"),
            inputs: body.names("inputs").take(SCOPE_MAX).collect(),
            config_hash: body.name("config_sha256"),
            networks: body.names("networks").take(SCOPE_MAX).collect(),
            jurisdictions: body.names("jurisdictions").take(SCOPE_MAX).collect(),
            zone: body.name("time_zone"),
            stopped: None,
        };
        keep(&mut self.runs, run, &mut self.left_over);
    }

    pub(super) fn stop(&mut self, body: Body<'_>, place: Place) {
        if let Some(run) = self.runs.last_mut() {
            run.stopped = Some((place.time, body.name("reason")));
        }
    }

    /// Takes a pack; one that is the same as before is the same.
    pub(super) fn pack(&mut self, body: Body<'_>, place: Place) {
        let title = body.object("title");
        let title = |language| title.map(|title| title.name(language)).unwrap_or_default();
        let pack = Pack {
            place,
            id: body.name("id"),
            version: body.name("version"),
            status: body.name("status"),
            english: title("en"),
            chinese: title("zh"),
            hash: body.name("sha256"),
        };
        let is_same = |other: &Pack| {
            (&other.id, &other.version, &other.hash) == (&pack.id, &pack.version, &pack.hash)
        };
        if !self.packs.iter().any(is_same) {
            keep(&mut self.packs, pack, &mut self.left_over);
        }
    }

    /// Takes a database that is in use. What one has moved is no other database.
    pub(super) fn database(&mut self, body: Body<'_>) {
        if body.number("relabelled") > 0 {
            return;
        }
        let database = Database {
            kind: body.name("database"),
            name: body.name("name"),
            built: body.tick("built"),
            hash: body.name("sha256"),
        };
        let same = |other: &Database| {
            (&other.kind, &other.name, &other.hash)
                == (&database.kind, &database.name, &database.hash)
        };
        if !self.databases.iter().any(same) {
            keep(&mut self.databases, database, &mut self.left_over);
        }
    }

    pub(super) fn register(&mut self, body: Body<'_>, place: Place) {
        let listed = body.items("approvals_listed").take(APPROVALS_MAX);
        self.register = Some(Register {
            place,
            assets: body.number("assets"),
            approvals: body.number("approvals"),
            hash: body.name("sha256"),
            listed: listed.map(approval).collect(),
        });
    }

    /// The newest database of each kind.
    pub(super) fn newest_databases(&self) -> Vec<&Database> {
        let mut newest: BTreeMap<&str, &Database> = BTreeMap::new();
        for database in &self.databases {
            newest.insert(&database.kind, database);
        }
        newest.into_values().collect()
    }

    /// Approvals of an organisation; those that name none are everybody's.
    pub(super) fn approvals(&self, entity: Option<&str>) -> Vec<&Approval> {
        let listed = self.register.iter().flat_map(|register| &register.listed);
        let is_of = |approval: &&Approval| {
            approval.organisation.is_empty()
                || entity.is_none_or(|entity| approval.organisation == entity)
        };
        listed.filter(is_of).collect()
    }
}

fn keep<T>(list: &mut Vec<T>, item: T, left_over: &mut u64) {
    if list.len() < STATES_MAX {
        list.push(item);
    } else {
        *left_over = left_over.saturating_add(1);
    }
}

fn approval(body: Body<'_>) -> Approval {
    let recipients = body.items("recipients").take(SCOPE_MAX);
    Approval {
        id: body.name("id"),
        regime: body.name("regime"),
        route: body.name("route"),
        filing_number: body.name("filing_number"),
        organisation: body.name("organisation"),
        assets: body.names("assets").take(SCOPE_MAX).collect(),
        recipients: recipients.map(recipient).collect(),
        categories: body.names("categories").take(SCOPE_MAX).collect(),
        maximum_subjects: body.number_if("maximum_subjects"),
        maximum_bytes: body.number_if("maximum_bytes"),
        period: body.name("period"),
        valid_from: body.day("valid_from"),
        valid_to: body.day("valid_to"),
        required_protection: body.name("required_protection"),
    }
}

fn recipient(body: Body<'_>) -> Recipient {
    Recipient {
        name: body.name("name"),
        domain: body.name("domain"),
        prefix: body.name("prefix"),
        asn: body.number("asn"),
        country: body.name("country"),
    }
}

/// What a day brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    /// All flows of the day that belong to the report.
    pub(super) flow: Flow,
    /// Parts of the totals that were read, and that there are.
    pub(super) parts: (u64, u64),
    /// Entries of counters that were read.
    pub(super) sensor_entries: u64,
    pub(super) counters: Counters,
}

impl Day {
    /// Whether the totals of the day are all there.
    pub(super) const fn is_whole(&self) -> bool {
        self.parts.0 > 0 && self.parts.0 >= self.parts.1
    }

    pub(super) const fn is_seen(&self) -> bool {
        self.parts.0 > 0 || self.sensor_entries > 0
    }
}

/// Counters of the sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) frames_read: u64,
    pub(super) packets: u64,
    pub(super) wire_bytes: u64,
    pub(super) kernel_dropped: u64,
    pub(super) interface_dropped: u64,
    pub(super) gaps: u64,
    pub(super) late: u64,
    pub(super) clock_jumps: u64,
    pub(super) missing_bytes: u64,
    pub(super) hours_with_traffic: u64,
    /// Frames that were read and are no packets, by reason.
    pub(super) dropped: BTreeMap<String, u64>,
    /// Records that a full table gave up, by table.
    pub(super) evictions: BTreeMap<String, u64>,
}

impl Counters {
    pub(super) fn read(body: Body<'_>) -> Self {
        let named = |key: &str| {
            let pairs = body.numbers(key).take(REASONS_MAX);
            pairs
                .map(|(name, count)| (clean::name(name), count))
                .collect()
        };
        Self {
            frames_read: body.number("frames_read"),
            packets: body.number("packets"),
            wire_bytes: body.number("wire_bytes"),
            kernel_dropped: body.number("kernel_dropped"),
            interface_dropped: body.number("interface_dropped"),
            gaps: body.number("gaps"),
            late: body.number("late"),
            clock_jumps: body.number("clock_jumps"),
            missing_bytes: body.number("missing_bytes"),
            hours_with_traffic: body.number("hours_with_traffic"),
            dropped: named("dropped"),
            evictions: named("evictions"),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.frames_read, other.frames_read),
            (&mut self.packets, other.packets),
            (&mut self.wire_bytes, other.wire_bytes),
            (&mut self.kernel_dropped, other.kernel_dropped),
            (&mut self.interface_dropped, other.interface_dropped),
            (&mut self.gaps, other.gaps),
            (&mut self.late, other.late),
            (&mut self.clock_jumps, other.clock_jumps),
            (&mut self.missing_bytes, other.missing_bytes),
            (&mut self.hours_with_traffic, other.hours_with_traffic),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        add_named(&mut self.dropped, &other.dropped);
        add_named(&mut self.evictions, &other.evictions);
    }

    /// Frames that were lost before they could be read.
    pub(super) const fn lost_frames(&self) -> u64 {
        self.kernel_dropped.saturating_add(self.interface_dropped)
    }

    /// Frames that reached the capture or were lost in front of it.
    pub(super) const fn offered_frames(&self) -> u64 {
        self.frames_read.saturating_add(self.lost_frames())
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evictions
            .values()
            .copied()
            .fold(0, u64::saturating_add)
    }

    pub(super) fn dropped_frames(&self) -> u64 {
        self.dropped.values().copied().fold(0, u64::saturating_add)
    }

    /// Whether anything was counted that makes sums of bytes lower bounds. Frames that are no IP
    /// packets are among the drops by reason, and beside them broken ones that would have been.
    pub(super) fn is_lossy(&self) -> bool {
        let losses = [self.lost_frames(), self.gaps, self.late, self.missing_bytes];
        losses.iter().any(|loss| *loss > 0) || self.evicted() > 0 || self.dropped_frames() > 0
    }
}

fn add_named(sums: &mut BTreeMap<String, u64>, others: &BTreeMap<String, u64>) {
    for (name, more) in others {
        if sums.len() < REASONS_MAX || sums.contains_key(name) {
            let sum = sums.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*more);
        }
    }
}
