//! What is learned, kept over restarts.

use serde::{Deserialize, Serialize};

use crate::baseline::{Baseline, STATE_VERSION};
use crate::config::StateConfig;
use crate::store::{Store, StoreError};

/// What outlives a restart: the baseline, and the hour that it is in.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LearnedState {
    pub(super) baseline: Baseline,
    pub(super) hour: Option<u64>,
}

/// Where it is kept, if anywhere.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    store: Option<Store>,
}

impl Keeper {
    pub(super) fn new(config: &StateConfig) -> Self {
        let store = |dir: &std::path::PathBuf| Store::new(dir.clone(), "baseline", STATE_VERSION);
        Self {
            store: config.dir.as_ref().map(store),
        }
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

    pub(super) fn save(
        &self,
        (baseline, hour): (&Baseline, Option<u64>),
    ) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        // The tuple has the same form as `LearnedState`, and needs no copy.
        let payload = postcard::to_stdvec(&(baseline, hour));
        store.save(&payload.map_err(|error| StoreError::Encode(error.to_string()))?)
    }
}
