//! Expectations to findings: one file per detector.
//!
//! Each detector turns what it sees into a chance `p` of seeing as much in one judgement (of
//! an hour, a first day, an excursion) by a tail that the pools have learned, and speaks
//! where `p` falls below its share of the operator's alert budget over the number of such
//! judgements in an asset's week. So the operator sets how many false alerts are worth
//! having, not how many sigmas.

mod bytes;
mod novelty;
mod slow;
mod volume;

pub use bytes::Bytes;
pub use novelty::{NewCountry, NewDestination};
pub use slow::Slow;
pub use volume::Volume;

use serde::{Deserialize, Serialize};

use crate::baseline::{
    Alerted, Allowances, CellKey, Expected, Fit, Pool, Pools, Role, Stage, Tail,
};
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
    /// The chance that one judgement shows as much: of an hour of a cell, of a first day, or
    /// of an excursion, whichever the detector judges.
    pub p: f64,
    /// The chance below which the detector speaks.
    pub p_alert: f64,
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

impl Finding {
    /// What must not be learned from because of it.
    pub const fn speaks_of(&self) -> Alerted {
        match self.detector {
            Detector::Volume => Alerted::Hour,
            Detector::NewCountry | Detector::NewDestination => {
                Alerted::FirstDay(self.allowance_bytes)
            }
            Detector::Slow => Alerted::Excursion,
        }
    }
}

/// The detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// More in an hour than the hour's normal and its tail allow.
    Volume,
    /// A first export to a country, and a large one.
    NewCountry,
    /// A first export to a destination within a country, and a large one.
    NewDestination,
    /// A little too much, hour after hour.
    Slow,
}

impl Detector {
    /// All detectors, in the order of their counters.
    pub const ALL: [Self; 4] = [
        Self::Volume,
        Self::NewCountry,
        Self::NewDestination,
        Self::Slow,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::NewCountry => "new_country",
            Self::NewDestination => "new_destination",
            Self::Slow => "slow",
        }
    }
}

/// The detectors, with the thresholds of the running hour.
#[derive(Debug)]
pub struct Detectors {
    /// More in an hour than is normal for it.
    pub volume: Volume,
    /// A first export to a country.
    pub new_country: NewCountry,
    /// A first export to a destination.
    pub new_destination: NewDestination,
    /// A little too much, hour after hour.
    pub slow: Slow,
}

impl Detectors {
    /// Computes thresholds that together spend `budget` false alerts per asset and week,
    /// each detector an equal share.
    pub fn new(pools: &Pools, budget: f64) -> Self {
        let share = budget / Detector::ALL.len() as f64;
        Self {
            volume: Volume::new(pools, share),
            new_country: NewCountry::new(pools, share),
            new_destination: NewDestination::new(pools, share),
            slow: Slow::new(pools, share),
        }
    }

    /// What a cell may send without being told of.
    pub fn allowances(&self, role: Role, stage: Stage, expected: &Expected) -> Allowances {
        Allowances {
            hour_bytes: self.volume.allowance_bytes(role, stage, expected),
            excursion_bytes: self.slow.allowance_bytes(role),
        }
    }
}

/// A fitted tail with the chance at which its detector speaks.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    fit: Fit,
    p: f64,
    /// What is exceeded with chance `p`.
    value: f64,
}

impl Threshold {
    /// Spends `budget` false alerts per asset and week on a tail whose observations come at
    /// the rate that the pool has seen.
    fn new(tail: &Tail, pool: &Pool, floor: u64, budget: f64) -> Self {
        let per_asset_week = (tail.observations() + 1) as f64 / pool.asset_weeks();
        let fit = tail.fit(floor);
        let p = (budget / per_asset_week).min(P_MAX);
        Self {
            fit,
            p,
            value: fit.threshold(p),
        }
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

/// However rare its occasions are, no detector speaks of what one in twenty would show.
const P_MAX: f64 = 0.05;
