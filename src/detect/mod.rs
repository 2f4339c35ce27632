//! Expectations to verdicts: one file per detector, and what makes one score of them.
//!
//! Each detector measures something of an asset's exports to one country and tells how rare
//! it is: the chance that a day shows as much, by what the pools have learned of how far
//! days go beyond the largest days before. No chance speaks alone. Their logarithms are
//! added up, since a leak is seldom surprising in one way only, what many other assets do at
//! the same time is taken off, and the sum is told where it passes the score that comes by
//! itself no more often than the operator's alert budget grants ([`Scores`]). So the
//! operator sets how many false alerts are worth having, not how many sigmas.
//!
//! The score grows with the bytes of the running hour, and it is computed anew whenever
//! they have grown by a tenth: an abnormal transfer is told while it runs.
//!
//! [`Scores`]: crate::baseline::Scores

mod bytes;
mod ceiling;
mod growth;
mod judge;
mod novelty;
mod odd_hour;
mod policy;
mod scene;
mod slow;
mod tunnels;
mod volume;

pub use bytes::Bytes;
pub use ceiling::{Breach, Ceilings, Limit, Passed, told as told_ceiling};
pub use growth::told as told_growth;
pub use judge::{Judge, Told, Weighed};
pub use policy::told as told_policy;
pub use scene::Scene;
pub use tunnels::{
    Asked, Direction, Echo, EchoSuspicion, EchoTunnels, NameSuspicion, NameTunnels, Tunnels,
    told as told_tunnel,
};

use serde::{Deserialize, Serialize};

use crate::baseline::{CellKey, Measure};
use crate::policy::law::Text;
use crate::time::Tick;

/// One detector's word on what an asset sends to a country.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Who says so.
    pub detector: Detector,
    /// The cell it rests on, where it rests on one.
    pub cell: Option<CellKey>,
    /// The chance that a day shows as much.
    pub p: f64,
    /// When what it speaks of began.
    pub since: Tick,
    /// Bytes since then.
    pub bytes: u64,
    /// Bytes that were to be expected since then.
    pub expected_bytes: u64,
    /// What it saw, as a sentence without its end, in each language.
    pub sentence: Text,
}

/// The detectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// More in an hour or a day than the asset has sent abroad before.
    AssetVolume,
    /// More in an hour or a day than it has sent to the country.
    CountryVolume,
    /// More in an hour or a day than it has sent to the network over the service.
    DestinationVolume,
    /// More in a day than it has sent over the service.
    ServiceVolume,
    /// More in a day than it has sent over DNS, ICMP or NTP, which carry nothing large.
    Tunnel,
    /// More in a day than anybody here has sent to the network.
    NetworkVolume,
    /// Much to a country that is new to it.
    NewCountry,
    /// Much to an autonomous system that is new to it.
    NewNetwork,
    /// Much over a service that is new to it in an autonomous system that is not.
    NewService,
    /// Much to a registered domain that is new to it.
    NewRecipient,
    /// A little too much, hour after hour.
    Slow,
    /// Something at an hour at which it usually is silent.
    OddHour,
    /// Week by week a little more, until it is much more than weeks that were frozen.
    Growth,
    /// More in an hour than the operator allows at all.
    Ceiling,
    /// More in an hour, in the clear or weakly protected, than the operator allows at all.
    Unprotected,
    /// Data in the names that it asks name servers for.
    Names,
    /// Data in the payload of its pings.
    Echoes,
    /// Something that a pack of law or the register of approvals speaks against.
    Policy,
    /// Several that pass a threshold of law together, and none of them alone.
    Splitting,
}

impl Detector {
    /// All detectors, in the order of their counters.
    pub const ALL: [Self; 19] = [
        Self::AssetVolume,
        Self::CountryVolume,
        Self::DestinationVolume,
        Self::ServiceVolume,
        Self::Tunnel,
        Self::NetworkVolume,
        Self::NewCountry,
        Self::NewNetwork,
        Self::NewService,
        Self::NewRecipient,
        Self::Slow,
        Self::OddHour,
        Self::Growth,
        Self::Ceiling,
        Self::Unprotected,
        Self::Names,
        Self::Echoes,
        Self::Policy,
        Self::Splitting,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssetVolume => "asset_volume",
            Self::CountryVolume => "country_volume",
            Self::DestinationVolume => "destination_volume",
            Self::ServiceVolume => "service_volume",
            Self::Tunnel => "tunnel",
            Self::NetworkVolume => "network_volume",
            Self::NewCountry => "new_country",
            Self::NewNetwork => "new_network",
            Self::NewService => "new_service",
            Self::NewRecipient => "new_recipient",
            Self::Slow => "slow",
            Self::OddHour => "odd_hour",
            Self::Growth => "growth",
            Self::Ceiling => "ceiling",
            Self::Unprotected => "unprotected",
            Self::Names => "names",
            Self::Echoes => "echoes",
            Self::Policy => "policy",
            Self::Splitting => "splitting",
        }
    }

    /// Whether it speaks whatever the budget of false alerts, and costs nothing of it.
    pub const fn is_beside_budget(self) -> bool {
        let is_of_growth = matches!(self, Self::Growth);
        is_of_growth || self.is_of_policy() || self.is_of_limit() || self.is_of_tunnel()
    }

    /// Whether it speaks of what packs of law or the register say.
    pub const fn is_of_policy(self) -> bool {
        matches!(self, Self::Policy | Self::Splitting)
    }

    /// Whether it speaks of what the operator allows.
    pub const fn is_of_limit(self) -> bool {
        matches!(self, Self::Ceiling | Self::Unprotected)
    }

    /// Whether it speaks of data where none is expected.
    pub const fn is_of_tunnel(self) -> bool {
        matches!(self, Self::Names | Self::Echoes)
    }

    /// The detector that measures something.
    pub const fn of(measure: Measure) -> Self {
        match measure {
            Measure::AssetHour | Measure::AssetDay => Self::AssetVolume,
            Measure::CountryHour | Measure::CountryDay => Self::CountryVolume,
            Measure::CellHour(_) | Measure::CellDay(_) => Self::DestinationVolume,
            Measure::ServiceDay(service) if service.is_narrow() => Self::Tunnel,
            Measure::ServiceDay(_) => Self::ServiceVolume,
            Measure::SinkDay => Self::NetworkVolume,
            Measure::NewCountry => Self::NewCountry,
            Measure::NewNetwork => Self::NewNetwork,
            Measure::NewService => Self::NewService,
            Measure::NewRecipient => Self::NewRecipient,
            Measure::CellRun | Measure::CountryRun => Self::Slow,
            Measure::OddHour => Self::OddHour,
            Measure::Growth => Self::Growth,
        }
    }
}

/// Something measured, and how rare it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ground {
    /// What was measured.
    pub measure: Measure,
    /// The chance that a day shows as much.
    pub p: f64,
    /// The cell it was measured of, if of one.
    pub cell: Option<CellKey>,
}

impl Ground {
    /// How rare it is: a logarithm of the chance, up to a bound beyond which no data here
    /// can bear more.
    pub fn rarity(&self) -> f64 {
        (-self.p.log10()).clamp(0.0, RARITY_MAX)
    }

    /// What it adds to the score.
    pub fn weight(&self) -> f64 {
        self.rarity() * importance(self.measure)
    }
}

/// One in a million.
const RARITY_MAX: f64 = 6.0;

/// How much the rarity of a measure counts.
///
/// Several measures look at the same bytes, and what they say together is worth little more
/// than what one says; others come with leaks and seldom with anything else. Rounded from
/// a search over four simulated sites, chosen among a few sets by these and two more; none is
/// of `docs/detection.md`. What counts most is a network that never had as much of anybody, and
/// much over a service that carries nothing large.
const fn importance(measure: Measure) -> f64 {
    match measure {
        Measure::CountryHour | Measure::CountryDay => 0.25,
        Measure::CellRun | Measure::CountryRun => 0.5,
        Measure::ServiceDay(service) if service.is_narrow() => 3.0,
        Measure::ServiceDay(_) => 0.5,
        Measure::AssetHour | Measure::CellHour(_) | Measure::CellDay(_) => 1.0,
        // It speaks for itself, see `growth`.
        Measure::Growth => 0.0,
        Measure::NewNetwork => 1.0,
        Measure::NewService => 1.0,
        // Not fitted: the simulated sites name nobody. It counts as a network does.
        Measure::NewRecipient => 1.0,
        Measure::AssetDay => 1.5,
        Measure::NewCountry | Measure::OddHour => 2.0,
        Measure::SinkDay => 3.0,
    }
}
