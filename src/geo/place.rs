//! What is known of where an address is.

use serde::{Deserialize, Serialize};

use super::Country;

/// Where an address is, and which side of the border that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its side of the border.
    pub side: Side,
    /// Its country, [`Country::UNKNOWN`] where no database says.
    pub country: Country,
    /// Its autonomous system number, 0 where none is known.
    pub asn: u32,
    /// How sure the country is.
    pub confidence: Confidence,
}

impl Place {
    /// No place: what never leaves the link, or has not been looked up.
    pub const LOCAL: Self = Self {
        side: Side::Local,
        country: Country::UNKNOWN,
        asn: 0,
        confidence: Confidence::Unknown,
    };
}

/// On which side of the site's border an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// In `site.networks`: an asset of the site.
    Home,
    /// Not of the site, in one of its own jurisdictions.
    Domestic,
    /// In another jurisdiction, or in an unknown one.
    Foreign,
    /// Never beyond the link: loopback, link-local, multicast, broadcast, unspecified.
    Local,
}

/// How sure a country is. It never removes bytes and never silences an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Stated by the operator, or a second database or the cloud that has it says the same.
    Confirmed,
    /// One database says so and nothing contradicts it, or it answers from many places.
    Plausible,
    /// Two databases differ, or a database and the cloud that has it.
    Disputed,
    /// The peer answered too soon to be there.
    Refuted,
    /// No source says anything.
    Unknown,
}

impl Confidence {
    /// Every one, from the most to the least sure, in the order of their counters.
    pub const ALL: [Self; 5] = [
        Self::Confirmed,
        Self::Plausible,
        Self::Disputed,
        Self::Refuted,
        Self::Unknown,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Plausible => "plausible",
            Self::Disputed => "disputed",
            Self::Refuted => "refuted",
            Self::Unknown => "unknown",
        }
    }
}
