//! Expectations to findings: one file per detector.
//!
//! Each detector turns what it sees into a chance `p` of seeing as much on a normal day,
//! by a tail that the pools have learned, and speaks where `p` falls below its share of
//! the operator's alert budget. So the operator sets how many false alerts are worth
//! having, not how many sigmas.

mod bytes;
mod new_country;
mod slow;
mod volume;

pub use bytes::Bytes;
pub use new_country::NewCountry;
pub use slow::Slow;
pub use volume::Volume;

use serde::Serialize;

use crate::baseline::{Alerted, CellKey, Fit, Pool, Role, Tail};
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::Tick;

/// One detector's word on one asset and one country.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Who says so.
    pub detector: Detector,
    /// Who sent.
    pub asset: AssetKey,
    /// Country of the receiver.
    pub country: Country,
    /// The cell it rests on, where it rests on one.
    pub cell: Option<CellKey>,
    /// The chance of as much on a normal day.
    pub p: f64,
    /// When what it speaks of began.
    pub since: Tick,
    /// Bytes since then.
    pub bytes: u64,
    /// Bytes that were to be expected since then.
    pub expected_bytes: u64,
    /// Bytes up to which it would have stayed silent.
    pub allowance_bytes: u64,
    /// What it saw, as a sentence.
    pub sentence: String,
}

/// The detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// More in an hour than the hour's normal and its tail allow.
    Volume,
    /// A first export to a country, and a large one.
    NewCountry,
    /// A little too much, hour after hour.
    Slow,
}

impl Detector {
    /// All detectors, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Volume, Self::NewCountry, Self::Slow];

    /// What must not be learned from once it has spoken.
    pub const fn speaks_of(self) -> Alerted {
        match self {
            Self::Volume => Alerted::Hour,
            Self::NewCountry => Alerted::Novelty,
            Self::Slow => Alerted::Excursion,
        }
    }

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::NewCountry => "new_country",
            Self::Slow => "slow",
        }
    }
}

/// The share of the alert budget that each detector may spend, in false alerts per asset
/// and week.
pub fn budget_per_detector(budget_per_asset_week: f64) -> f64 {
    budget_per_asset_week / Detector::ALL.len() as f64
}

/// A fitted tail with the chance at which its detector speaks.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    fit: Fit,
    p: f64,
}

impl Threshold {
    /// Spends `budget` false alerts per asset and week on a tail whose observations come at
    /// the rate that the pool has seen.
    fn new(tail: &Tail, pool: &Pool, floor: u64, budget: f64) -> Self {
        let per_asset_week = (tail.observations() + 1) as f64 / pool.asset_weeks();
        Self {
            fit: tail.fit(floor),
            p: (budget / per_asset_week).min(P_MAX),
        }
    }

    fn value(&self) -> f64 {
        self.fit.threshold(self.p)
    }
}

/// A value for each role.
#[derive(Clone, Copy, Debug)]
struct ByRole<T> {
    client: T,
    server: T,
}

impl<T> ByRole<T> {
    fn new(of: impl Fn(Role) -> T) -> Self {
        Self {
            client: of(Role::Client),
            server: of(Role::Server),
        }
    }

    const fn get(&self, role: Role) -> &T {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }
}

/// However rare its occasions are, no detector speaks of what one in a thousand would show.
const P_MAX: f64 = 1e-3;
