//! What a run amounts to.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::alert::Alert;
use crate::baseline::{Labels, Learn, Stage};
use crate::decode::Reason;
use crate::dissect::Protection;
use crate::geo::{Confidence, Country, DatabaseInfo};
use crate::ledger::LedgerError;
use crate::policy::law::Verdict;
use crate::policy::{Account, Standpoint};
use crate::privacy::Veil;
use crate::store::StoreError;
use crate::time::Tick;

use super::engine::Finished;
use super::reader::ReaderCounts;
use super::recorder::Recorder;
use super::sensor::SensorCounts;
use super::totals::Totals;

/// The figures of a run, as `summary.json` holds them.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Frames read.
    pub frames_read: u64,
    /// Frames that were IP packets.
    pub packets: u64,
    /// Bytes on the wire of those packets.
    pub wire_bytes: u64,
    /// Bytes of those packets as their IP headers state them.
    pub ip_bytes: u64,
    /// Frames that were not, by reason; reasons that did not occur are left out.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Packets older than the running second.
    pub late: u64,
    /// Packets whose timestamp was not believed.
    pub clock_jumps: u64,
    /// Flow records.
    pub flows: u64,
    /// Entries that gave way, by table; tables in which none did are left out.
    pub evictions: BTreeMap<&'static str, u64>,
    /// Unique payload bytes from assets to foreign peers, by country.
    pub export_bytes: BTreeMap<Country, u64>,
    /// The same by how they were protected, as far as conversations showed it.
    pub protected_bytes: BTreeMap<Country, BTreeMap<Protection, u64>>,
    /// All of them by how sure the country is.
    pub confidence_bytes: BTreeMap<Confidence, u64>,
    /// What databases have moved from one country to another in the last two weeks; earlier
    /// runs included.
    pub relabelled: Vec<RelabelledRow>,
    /// Assets that exported.
    pub assets: u64,
    /// Addresses that went to another machine, and IPv4 addresses that a machine got that had
    /// one.
    pub asset_churn: u64,
    /// Incidents that opened.
    pub alerts: u64,
    /// Incidents that would have opened, had their asset not still been learned.
    pub shadow_alerts: u64,
    /// What packs said, by pack and verdict: how often it became another thing.
    pub verdicts: BTreeMap<String, BTreeMap<Verdict, u64>>,
    /// Hours of packet time with traffic that were learned from, earlier runs included.
    pub learned_hours: u64,
    /// Time of the first packet that was believed, if any.
    pub first: Option<String>,
    /// Time of the latest packet that was believed, if any.
    pub last: Option<String>,
    /// Geolocation databases that were used.
    pub databases: Vec<DatabaseInfo>,
    /// What the reader of these figures should know.
    pub notes: Vec<String>,
}

/// Networks that a database puts into another country than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RelabelledRow {
    /// The country before.
    pub from: Country,
    /// The country now.
    pub to: Country,
    /// Networks, of those that were exported to: /24 of IPv4, /48 of IPv6.
    pub networks: u32,
    /// Export bytes to them since.
    pub bytes: u64,
}

/// A row of the table of jurisdictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JurisdictionRow {
    /// The country.
    pub country: Country,
    /// Export bytes.
    pub bytes: u64,
    /// The same by how they were protected, in the order of [`Protection::ALL`].
    pub protected_bytes: [u64; Protection::ALL.len()],
    /// Assets that exported there.
    pub assets: usize,
}

/// What a pack said last of an asset and a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandpointRow {
    /// How the asset is called.
    pub asset: String,
    /// The country of the recipient.
    pub country: Country,
    /// The recipient: a registered domain, an autonomous system, or what is left.
    pub recipient: String,
    /// Export bytes.
    pub bytes: u64,
    /// The pack.
    pub pack: String,
    /// What it said.
    pub said: Standpoint,
}

/// Everything that a run leaves behind.
#[derive(Debug)]
pub struct RunReport {
    /// The figures.
    pub summary: Summary,
    /// Countries, the one with most bytes first.
    pub jurisdictions: Vec<JurisdictionRow>,
    /// Lines of alerts, the first thousand.
    pub alerts: Vec<Alert>,
    /// What each pack said last, by asset and recipient.
    pub standpoints: Vec<StandpointRow>,
    /// Why what was learned could not be kept, if so.
    pub state_error: Option<StoreError>,
    /// Why not all of the ledger is on the disk, if so.
    pub ledger_error: Option<LedgerError>,
}

fn home_note(counts: &SensorCounts) -> Option<String> {
    (counts.flow_records > 0 && !counts.has_home).then(|| {
        "no packet had an address of site.networks, so nothing could be an export; set \
         site.networks to the networks of the assets"
            .to_owned()
    })
}

fn churn_note(churn: u64) -> Option<String> {
    (churn > 0).then(|| {
        format!(
            "addresses changed hands {churn} times, as by DHCP; what was learned stays with the \
             MAC address"
        )
    })
}

impl RunReport {
    pub(super) fn new(
        counts: &ReaderCounts,
        finished: Finished,
        databases: &[DatabaseInfo],
        learn: Learn,
        mut notes: Vec<String>,
    ) -> Self {
        let baseline = &finished.analyst.learned.baseline;
        notes.extend(learning_note(
            learn,
            baseline.hours_observed(),
            counts.packets,
        ));
        notes.extend(home_note(&finished.counts));
        let asset_churn = finished.analyst.learned.bindings.churn;
        notes.extend(churn_note(asset_churn));
        let evictions = evictions(counts, &finished);
        let rulings = &finished.analyst.rulings;
        notes.extend(rulings.notes(finished.analyst.learned.clock.tick));
        let relabelled = relabelled(&baseline.labels);
        notes.extend(relabelled.iter().map(RelabelledRow::note));
        let now = finished.analyst.learned.clock.tick;
        let mut outputs = finished.analyst.outputs;
        if let Some(recorder) = outputs.recorder() {
            notes.append(&mut recorder.notes);
        }
        let totals = finished.analyst.totals;
        let new = totals.notes.iter().filter(|note| !notes.contains(note));
        let new: Vec<_> = new.cloned().collect();
        notes.extend(new);
        notes.iter_mut().for_each(|note| outputs.veil().hide(note));
        let summary = Summary {
            frames_read: counts.frames,
            packets: counts.packets,
            wire_bytes: counts.wire_bytes,
            ip_bytes: counts.ip_bytes,
            dropped: Reason::ALL
                .iter()
                .map(|reason| (reason.name(), counts.dropped_frames[*reason as usize]))
                .filter(|(_, frames)| *frames > 0)
                .collect(),
            late: counts.late,
            clock_jumps: counts.clock_jumps,
            flows: finished.counts.flow_records,
            evictions,
            export_bytes: totals.export_bytes(),
            protected_bytes: totals.protected_bytes(),
            confidence_bytes: totals.confidence_bytes(),
            relabelled,
            assets: totals.assets(),
            asset_churn,
            alerts: totals.incidents,
            shadow_alerts: totals.shadow_incidents,
            verdicts: totals.verdicts.clone(),
            learned_hours: baseline.hours_observed(),
            first: counts.first.map(|at| at.to_string()),
            last: counts.last.map(|at| at.to_string()),
            databases: databases.to_vec(),
            notes,
        };
        let ledger_error = outputs
            .recorder()
            .and_then(|recorder| record_end(recorder, now, &summary).err());
        outputs.hand_over_heads();
        let jurisdictions = jurisdictions(&totals);
        let standpoints = standpoints(&finished.analyst.learned.account, outputs.veil());
        give_back(finished.analyst.learned);
        Self {
            summary,
            jurisdictions,
            alerts: totals.alerts,
            standpoints,
            state_error: finished.state_error,
            ledger_error,
        }
    }
}

fn relabelled(labels: &Labels) -> Vec<RelabelledRow> {
    let changes = labels.changes().iter();
    let rows = changes.map(|((from, to), change)| RelabelledRow {
        from: *from,
        to: *to,
        networks: change.networks,
        bytes: change.bytes,
    });
    rows.collect()
}

impl RelabelledRow {
    fn note(&self) -> String {
        format!(
            "a database now puts {} networks into {} that were in {} before; {} bytes went there \
             since, and what was learned of them goes on",
            self.networks, self.to, self.from, self.bytes
        )
    }
}

fn standpoints(account: &Account, veil: &Veil) -> Vec<StandpointRow> {
    let rows = account.corridors().flat_map(|(country, recipient, one)| {
        let said = one.said.iter();
        said.map(move |(pack, said)| StandpointRow {
            asset: veil.text(&one.asset).into_owned(),
            country,
            recipient: veil.text(&recipient.to_string()).into_owned(),
            bytes: one.bytes,
            pack: pack.clone(),
            said: said.clone(),
        })
    });
    rows.collect()
}

/// Writes to the ledger how well a run could see, and that it ended.
fn record_end(recorder: &mut Recorder, now: Tick, summary: &Summary) -> Result<(), LedgerError> {
    let body = json!({
        "since": "start",
        "frames_read": summary.frames_read,
        "packets": summary.packets,
        "wire_bytes": summary.wire_bytes,
        "dropped": summary.dropped,
        "late": summary.late,
        "clock_jumps": summary.clock_jumps,
        "evictions": summary.evictions,
        "first": summary.first,
        "last": summary.last,
        "notes": summary.notes,
    });
    recorder.stop(now, &body, "end")
}

/// Entries that gave way, by table, where any did.
fn evictions(counts: &ReaderCounts, finished: &Finished) -> BTreeMap<&'static str, u64> {
    let learned = &finished.analyst.learned;
    let all = [
        ("assets", learned.baseline.assets_refused),
        ("bindings", learned.bindings.evicted),
        ("cells", learned.baseline.cells_gathered),
        ("corridors", learned.account.refused),
        ("flows", finished.counts.flows_evicted),
        ("incidents", learned.incidents.refused()),
        ("inspected", counts.inspected_dropped),
        ("openings", finished.counts.unheard + finished.counts.untold),
        ("sightings", counts.sightings_dropped),
        ("tunnels", learned.tunnels.evicted()),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Gives memory back beside the thread that has more to say. Of a hundred thousand assets
/// it takes 20 ms, which a process that is about to end need not wait for.
fn give_back(learned: impl Send + 'static) {
    // Where no thread can be had, it is given back here.
    let _ = std::thread::Builder::new().spawn(move || drop(learned));
}

fn jurisdictions(totals: &Totals) -> Vec<JurisdictionRow> {
    let mut rows: Vec<_> = totals.jurisdictions().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.country));
    rows
}

/// Says so where nothing could be alerted on because everything was still being learned.
fn learning_note(learn: Learn, hours: u64, packets: u64) -> Option<String> {
    if packets == 0 || learn.stage(hours) > Stage::Learning {
        return None;
    }
    Some(format!(
        "learning: {hours} h with traffic were seen and detectors speak after {} h; what they \
         would have said is in shadow.jsonl (--out)",
        learn.hours_until_first_alert(),
    ))
}
