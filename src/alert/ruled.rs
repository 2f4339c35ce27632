//! What policies say of an asset and a country, as an alert tells it.

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::policy::Standpoint;
use crate::policy::law::{self, Verdict};
use crate::privacy::Veil;

/// The strongest that any pack says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The pack.
    pub pack: String,
    /// What it says.
    pub standpoint: Standpoint,
}

impl From<(&str, &Standpoint)> for Ruled {
    fn from((pack, standpoint): (&str, &Standpoint)) -> Self {
        Self {
            pack: pack.to_owned(),
            standpoint: standpoint.clone(),
        }
    }
}

impl Ruled {
    /// The least severity that an alert has of what is ruled so.
    pub(super) const fn severity(&self) -> Severity {
        match self.standpoint.severity {
            law::Severity::Info | law::Severity::Low => Severity::Low,
            law::Severity::Medium => Severity::Medium,
            law::Severity::High => Severity::High,
            law::Severity::Critical => Severity::Critical,
        }
    }

    /// Whether an approval covers it.
    pub(super) fn is_approved(&self) -> bool {
        self.standpoint.verdict == Verdict::Approved
    }
}

/// The part of an alert that is about policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyLine {
    /// The pack that says so.
    pub pack: String,
    /// How bad that is by itself.
    pub severity: law::Severity,
    /// The rule.
    pub rule: Option<String>,
    /// Its article and date.
    pub cite: Option<String>,
    /// The approval that was looked at.
    pub approval: Option<String>,
}

impl PolicyLine {
    /// Hides addresses in what the operator calls an approval; the rest is of the pack.
    pub(super) fn veil(&mut self, veil: &Veil) {
        let Self {
            approval,
            pack: _,
            severity: _,
            rule: _,
            cite: _,
        } = self;
        if let Some(approval) = approval {
            veil.hide(approval);
        }
    }
}

impl From<&Ruled> for PolicyLine {
    fn from(ruled: &Ruled) -> Self {
        let said = &ruled.standpoint;
        Self {
            pack: ruled.pack.clone(),
            severity: said.severity,
            rule: said.rule.clone(),
            cite: said.cite.clone(),
            approval: said.approval.clone(),
        }
    }
}
