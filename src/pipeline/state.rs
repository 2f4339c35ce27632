//! What is learned, kept over restarts.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::alert::Incidents;
use crate::baseline::{Baseline, STATE_VERSION};
use crate::config::StateConfig;
use crate::inventory::Bindings;
use crate::store::{Store, StoreError};
use crate::time::Tick;

/// What outlives a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LearnedState {
    pub(super) baseline: Baseline,
    pub(super) incidents: Incidents,
    /// What would have been told while an asset was still being learned.
    pub(super) shadow: Incidents,
    pub(super) clock: LearnedClock,
    /// Whose network cards have the site's addresses.
    pub(super) bindings: Bindings,
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
    /// Held for the whole run.
    _lock: Option<File>,
}

impl Keeper {
    pub(super) fn new(config: &StateConfig) -> Result<Self, StoreError> {
        let store = |dir: &PathBuf| Store::new(dir.clone(), "baseline", STATE_VERSION);
        let store = config.dir.as_ref().map(store);
        let lock = store.as_ref().map(Store::lock).transpose()?;
        Ok(Self { store, _lock: lock })
    }

    /// Reads what was learned, and what could not be read as notes for the operator.
    pub(super) fn load(&self) -> Result<(LearnedState, Vec<String>), StoreError> {
        let Some(store) = &self.store else {
            return Ok(Default::default());
        };
        let loaded = store.load()?;
        let mut notes: Vec<_> = loaded.refused.iter().map(ToString::to_string).collect();
        let learned = loaded.payload.and_then(|payload| {
            postcard::from_bytes(&payload)
                .inspect_err(|error| notes.push(format!("the learned state is of no use: {error}")))
                .ok()
        });
        Ok((learned.unwrap_or_default(), notes))
    }

    pub(super) fn save(&self, learned: &LearnedState) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let payload = postcard::to_stdvec(learned);
        store.save(&payload.map_err(|error| StoreError::Encode(error.to_string()))?)
    }
}
