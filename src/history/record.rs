//! What is written to the history.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::alert::{Alert, Event, KnownIncident};
use crate::baseline::CellKey;
use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::policy::{Judgement, MeterRow, RecipientKey};
use crate::privacy::Veil;
use crate::time::Tick;

/// One thing that is written.
#[derive(Clone, Debug)]
pub enum Record {
    /// An hour, so far or at its end.
    Hour(HourRecord),
    /// A line of `alerts.jsonl`.
    Alert(Box<AlertRecord>),
    /// What a pack says of a corridor.
    Corridor(Box<CorridorRecord>),
    /// What meters show at the end of a day.
    Meters(Vec<MeterRecord>),
}

/// An hour of the site.
#[derive(Clone, Debug, Default)]
pub struct HourRecord {
    /// The hour, counted from the epoch.
    pub hour: u64,
    /// Whether nothing more will be said of it.
    pub is_over: bool,
    /// By country.
    pub countries: BTreeMap<Country, CountryHour>,
    /// By asset, as alerts call it.
    pub assets: BTreeMap<String, AssetHour>,
    /// Autonomous systems and who holds them, as far as that is news.
    pub systems: Vec<(u32, String)>,
    /// Incidents that are open at its end; none if it is not over. All others are closed.
    pub open: Option<Vec<String>>,
}

/// What went to a country within an hour, as far as this run has seen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountryHour {
    /// Export bytes.
    pub bytes: u64,
    /// Bytes that are normal for the hour, of all assets of which that is known.
    pub expected_bytes: Option<u64>,
    /// Export bytes by protection, in the order of [`Protection::ALL`].
    pub protected: [u64; Protection::ALL.len()],
    /// Export bytes by how sure the country is, in the order of [`Confidence::ALL`].
    pub sure: [u64; Confidence::ALL.len()],
}

/// What an asset sent within an hour.
#[derive(Clone, Debug, Default)]
pub struct AssetHour {
    /// What is known of it.
    pub about: About,
    /// The addresses that it sent from last.
    pub addresses: Vec<IpAddr>,
    /// By country: export bytes, what is normal where that is known, and the first export.
    pub countries: BTreeMap<Country, (u64, Option<u64>, Tick)>,
    /// Export bytes by country, autonomous system and service.
    pub cells: BTreeMap<CellKey, u64>,
}

/// What is known of an asset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Whose it is.
    pub organisation: Option<String>,
    /// In which industry.
    pub sector: Option<String>,
    /// How its data is graded.
    pub grade: Option<&'static str>,
    /// What its data is about.
    pub categories: Vec<&'static str>,
    /// What it mostly does.
    pub role: &'static str,
    /// How much of a week it has been learned, 0 to 1.
    pub maturity: f64,
}

impl AssetHour {
    /// Adds what another asset of the same name sent.
    pub fn merge(&mut self, other: Self) {
        self.about = other.about;
        self.addresses.extend(other.addresses);
        self.addresses.sort_unstable();
        self.addresses.dedup();
        for (country, (bytes, expected, first)) in other.countries {
            let entry = self.countries.entry(country).or_insert((0, None, first));
            entry.0 = entry.0.saturating_add(bytes);
            entry.1 = match (entry.1, expected) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
            entry.2 = entry.2.min(first);
        }
        for (key, bytes) in other.cells {
            let sum = self.cells.entry(key).or_default();
            *sum = sum.saturating_add(bytes);
        }
    }
}

impl HourRecord {
    /// Rows that it takes, about.
    pub fn rows(&self) -> usize {
        let of_assets = self.assets.values();
        let of_assets = of_assets.map(|one| 1 + one.countries.len() + one.cells.len());
        self.countries.len() + of_assets.sum::<usize>()
    }
}

/// A line of `alerts.jsonl`.
#[derive(Clone, Debug)]
pub struct AlertRecord {
    pub(super) id: String,
    pub(super) incident: String,
    pub(super) tick: Tick,
    pub(super) is_closed: bool,
    pub(super) asset: String,
    pub(super) country: Country,
    pub(super) severity: &'static str,
    pub(super) known: Option<KnownIncident>,
    pub(super) line: String,
}

impl AlertRecord {
    /// An alert, the line that was written of it, and how far feedback on it would reach.
    pub fn new(alert: &Alert, line: String, known: Option<KnownIncident>) -> Self {
        Self {
            id: alert.id.clone(),
            incident: alert.incident.clone(),
            tick: alert.time.parse().unwrap_or_default(),
            is_closed: alert.event == Event::Close,
            asset: alert.asset.clone(),
            country: alert.jurisdiction,
            severity: alert.severity.name(),
            known,
            line,
        }
    }
}

/// What a pack says of what an asset sends to a recipient on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorridorRecord {
    /// The day, in the time zone of the site.
    pub day: String,
    /// Who sends.
    pub asset: String,
    /// Who receives: a registered domain or an autonomous system, where that is known.
    pub recipient: Option<String>,
    /// Where.
    pub country: Country,
    /// The pack.
    pub pack: String,
    /// What it says.
    pub verdict: &'static str,
    /// By which rule.
    pub rule: Option<String>,
    /// Article and date of that.
    pub article: Option<String>,
    /// The approval that was looked at.
    pub approval: Option<String>,
    /// Bytes of the day.
    pub bytes: u64,
    /// Bytes that the approval allows, and those that were used of them.
    pub quota: Option<[u64; 2]>,
}

impl CorridorRecord {
    /// What a pack says on a day.
    pub fn new(day: String, judgement: &Judgement, quota: Option<[u64; 2]>) -> Self {
        let said = &judgement.said;
        Self {
            day,
            asset: judgement.asset.clone(),
            recipient: recipient(&judgement.key.recipient),
            country: judgement.key.country,
            pack: judgement.pack.clone(),
            verdict: said.verdict.name(),
            rule: said.rule.clone(),
            article: said.cite.clone(),
            approval: said.approval.clone(),
            bytes: judgement.bytes,
            quota,
        }
    }
}

impl CorridorRecord {
    /// Hides addresses, wherever they stand.
    pub fn veil(&mut self, veil: &Veil) {
        veil.hide(&mut self.asset);
        let others = [&mut self.recipient, &mut self.approval];
        others
            .into_iter()
            .flatten()
            .for_each(|text| veil.hide(text));
    }
}

fn recipient(key: &RecipientKey) -> Option<String> {
    match key {
        RecipientKey::Domain(domain) => Some(domain.to_string()),
        RecipientKey::Asn(asn) => Some(format!("AS{asn}")),
        RecipientKey::Country(_) | RecipientKey::Others => None,
    }
}

/// What a meter shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterRecord(pub(super) MeterRow);

impl MeterRecord {
    /// What a meter shows, with addresses veiled.
    pub fn new(mut row: MeterRow, veil: &Veil) -> Self {
        veil.hide(&mut row.entity);
        Self(row)
    }
}
