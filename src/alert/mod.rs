//! Findings to alerts: one incident per asset and country, told when it opens, when it
//! grows, and when it is over; and what people say of them.

mod campaign;
mod explain;
mod feedback;
mod incident;
mod incidents;
mod line;
mod recipient;
mod ruled;

pub use campaign::{SHARED_SECONDS, SINKS_PER_INCIDENT_MAX};
pub use feedback::{
    Accepted, Act, ENTRIES_MAX, Entry, Feedback, Given, Level, NAME_LETTERS_MAX, NOTE_LETTERS_MAX,
    Ruling, Verdict,
};
pub use incident::{Activity, Observed};
pub use incidents::{CLOSED_KEPT_MAX, INCIDENTS_MAX, Incidents, KnownIncident, QUIET_SECONDS};
pub use line::{Alert, AlertFlow, DetectorLine, Event, Severity};
pub use recipient::{Recipient, Source};
pub use ruled::{PolicyLine, Ruled};

use std::num::NonZeroU64;

use serde::Deserialize;

/// What the operator sets of alerting.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// How many false alerts an asset may cause in a week, in the mean.
    pub budget_per_asset_week: Budget,
    /// Bytes that an asset may send to a country within an hour, whatever is normal.
    pub ceiling_bytes_per_hour: Option<NonZeroU64>,
    /// The same of what is in the clear or weakly protected.
    pub unprotected_bytes_per_hour: Option<NonZeroU64>,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            budget_per_asset_week: Budget(0.02),
            ceiling_bytes_per_hour: None,
            unprotected_bytes_per_hour: None,
        }
    }
}

/// A rate of false alerts: more than 0, at most 100.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Budget(f64);

impl Budget {
    /// False alerts per asset and week.
    pub const fn per_asset_week(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Budget {
    type Error = String;

    fn try_from(rate: f64) -> Result<Self, String> {
        if rate > 0.0 && rate <= 100.0 {
            Ok(Self(rate))
        } else {
            Err(format!(
                "{rate} is no alert budget: use more than 0 and at most 100 per asset-week"
            ))
        }
    }
}
