//! What is learned, kept over restarts.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::IpAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::alert::{Feedback, Incidents, KnownIncident};
use crate::baseline::{Baseline, STATE_VERSION};
use crate::config::Config;
use crate::detect::Tunnels;
use crate::inventory::{AssetConfig, AssetKey, Bindings, Inventory, Name};
use crate::policy::Account;
use crate::store::{Loaded, Store, StoreError};
use crate::time::{SECONDS_PER_DAY, Tick};

use super::feedback::{FeedbackLog, names_people};
use super::live::wall_clock_tick;
use super::telemetry::AnalystView;

/// What outlives a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LearnedState {
    pub(super) baseline: Baseline,
    pub(super) incidents: Incidents,
    /// What would have been told while an asset was still being learned.
    pub(super) shadow: Incidents,
    pub(super) clock: LearnedClock,
    /// The last line of feedback that was applied to what is open.
    pub(super) feedback_applied: u64,
    /// Whose network cards have the site's addresses.
    pub(super) bindings: Bindings,
    /// What was exported and what was said of it, where anybody asks.
    pub(super) account: Account,
    /// What names and pings have carried.
    pub(super) tunnels: Tunnels,
    /// Addresses of the site that are asked for names.
    pub(super) name_servers: BTreeSet<IpAddr>,
}

impl LearnedState {
    /// Shows how much of it there is.
    pub(super) fn show(&self, view: &mut AnalystView) {
        let baseline = &self.baseline;
        view.tick = self.clock.tick;
        view.incidents = self.incidents.by_severity();
        view.incidents_refused = self.incidents.refused();
        view.assets = baseline.assets.len();
        view.cells = baseline.cells();
        view.hours_learned = baseline.hours_observed();
        view.assets_refused = baseline.assets_refused;
        view.cells_gathered = baseline.cells_gathered;
        view.corridors_refused = self.account.refused;
        view.bindings = self.bindings.len();
        view.bindings_evicted = self.bindings.evicted;
        view.asset_churn = self.bindings.churn;
        let times = &baseline.pools.round_trip_micros;
        view.round_trips.count = times.count();
        view.round_trips.sum_micros = times.sum();
        view.round_trips.median = times.quantile(0.5);
        view.round_trips.p99 = times.quantile(0.99);
    }
}

/// How far the learning has come in packet time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct LearnedClock {
    /// The running hour, counted from the epoch.
    pub(super) hour: Option<u64>,
    /// The running tick.
    pub(super) tick: Tick,
    /// Whether the running hour has had packets.
    pub(super) has_traffic: bool,
    /// Whether part of the running hour was not seen, so that it teaches nothing.
    pub(super) is_partial: bool,
}

/// Where it is kept, if anywhere.
#[derive(Debug)]
pub(super) struct Keeper {
    store: Option<Store>,
    /// Whether what was saved last is known to be sound.
    is_newest_sound: bool,
    /// How long it is.
    payload_bytes: usize,
    feedback: Option<FeedbackLog>,
    /// How long it is known who gave it.
    feedback_retention_days: u32,
    /// When it was saved last in this run, in seconds since the epoch.
    pub(super) saved_seconds: Option<u64>,
    /// Held for the whole run.
    _lock: Option<File>,
}

impl Keeper {
    pub(super) fn new(config: &Config) -> Result<Self, StoreError> {
        let folder = config.state.dir.as_deref();
        let store = folder.map(store);
        let lock = store.as_ref().map(Store::lock).transpose()?;
        let feedback = folder.map(FeedbackLog::in_folder);
        Ok(Self {
            store,
            is_newest_sound: false,
            payload_bytes: 0,
            feedback,
            feedback_retention_days: config.privacy.feedback_retention_days,
            saved_seconds: None,
            _lock: lock,
        })
    }

    /// Reads what people have said of incidents, and what could not be read as notes. Who said
    /// it is forgotten when its time is over.
    pub(super) fn feedback(&self) -> Result<(Feedback, Vec<String>), StoreError> {
        let Some(log) = &self.feedback else {
            return Ok(Default::default());
        };
        let (feedback, mut notes) = log.read()?;
        let days = u64::from(self.feedback_retention_days);
        let seconds = days * SECONDS_PER_DAY;
        let kept_from = Tick(wall_clock_tick().0.saturating_sub(seconds));
        let mut entries = feedback.entries().iter();
        if entries.any(|entry| names_people(entry, kept_from))
            && let Err(error) = log.forget_people(kept_from)
        {
            notes.push(format!(
                "feedback: who gave what is older than {days} days could not be forgotten: {error}"
            ));
        }
        Ok((feedback, notes))
    }

    /// Reads what was learned, and what could not be read as notes for the operator.
    pub(super) fn load(&mut self) -> Result<(LearnedState, Vec<String>), StoreError> {
        let Some(store) = &self.store else {
            return Ok(Default::default());
        };
        let loaded = store.load()?;
        self.is_newest_sound = loaded.is_newest;
        self.payload_bytes = loaded.payload.as_ref().map_or(0, Vec::len);
        let (learned, notes) = decoded(loaded);
        Ok((learned.unwrap_or_default(), notes))
    }

    pub(super) fn save(&mut self, learned: &LearnedState) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let space = Vec::with_capacity(self.payload_bytes + self.payload_bytes / 8);
        let payload = postcard::to_extend(learned, space);
        let payload = payload.map_err(|error| StoreError::Encode(error.to_string()))?;
        store.save(&payload, self.is_newest_sound)?;
        (self.is_newest_sound, self.payload_bytes) = (true, payload.len());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.saved_seconds = now.ok().map(|now| now.as_secs());
        Ok(())
    }
}

/// An incident of a state, as of when that was saved.
#[derive(Debug)]
pub struct SavedIncident {
    /// The incident.
    pub incident: KnownIncident,
    /// The running tick of the state.
    pub tick: Tick,
}

/// Looks for an incident in the state of a folder, which a sensor may be using. What cannot be
/// read of the state is told as notes.
///
/// # Errors
/// Where the state is there and cannot be read.
pub fn saved_incident(
    folder: &Path,
    name: &str,
) -> Result<(Option<SavedIncident>, Vec<String>), StoreError> {
    let (learned, notes) = decoded(store(folder).load()?);
    let saved = learned.and_then(|learned| {
        Some(SavedIncident {
            incident: learned.incidents.find(name)?,
            tick: learned.clock.tick,
        })
    });
    Ok((saved, notes))
}

/// What is normal, as of when a state was saved.
#[derive(Debug)]
pub struct SavedBaseline {
    /// What was learned.
    pub baseline: Baseline,
    /// The running tick of the state.
    pub tick: Tick,
    bindings: Bindings,
    inventory: Inventory,
}

/// Reads what is normal from the state of a folder, which a sensor may be using. What cannot
/// be read of the state is told as notes.
///
/// # Errors
/// Where the state is there and cannot be read.
pub fn saved_baseline(
    folder: &Path,
    config: &AssetConfig,
) -> Result<(Option<SavedBaseline>, Vec<String>), StoreError> {
    let (learned, notes) = decoded(store(folder).load()?);
    let saved = learned.map(|learned| SavedBaseline {
        baseline: learned.baseline,
        tick: learned.clock.tick,
        bindings: learned.bindings,
        inventory: Inventory::new(config),
    });
    Ok((saved, notes))
}

impl SavedBaseline {
    /// The asset that a person means: by a name, an address that it has, or as
    /// [`Self::label`] calls it. Nothing if it has not exported lately.
    pub fn asset(&self, text: &str) -> Option<AssetKey> {
        let by_name = Name::try_from(text.to_owned());
        let by_name = by_name.ok().map(|name| AssetKey::Named(name.hash()));
        let by_address = text.parse::<IpAddr>().ok();
        let by_address =
            by_address.map(|address| self.inventory.asset(&self.bindings, address.into()));
        let by_key = text.parse().ok();
        let meant = [by_name, by_address, by_key].into_iter().flatten();
        meant
            .into_iter()
            .find(|key| self.baseline.assets.contains_key(key))
    }

    /// How an asset is called.
    pub fn label(&self, asset: AssetKey) -> String {
        let state = self.baseline.assets.get(&asset);
        let latest = state.and_then(|state| {
            let known = state.countries.values();
            let latest = known.max_by_key(|known| known.all.last_hour)?;
            latest.asset_ip
        });
        self.inventory
            .label(asset, latest.unwrap_or(asset.address()))
    }
}

fn store(folder: &Path) -> Store {
    Store::new(folder.to_owned(), "baseline", STATE_VERSION)
}

fn decoded(loaded: Loaded) -> (Option<LearnedState>, Vec<String>) {
    let mut notes: Vec<_> = loaded.refused.iter().map(ToString::to_string).collect();
    let learned = loaded.payload.and_then(|payload| {
        postcard::from_bytes(&payload)
            .inspect_err(|error| notes.push(format!("the learned state is of no use: {error}")))
            .ok()
    });
    (learned, notes)
}
