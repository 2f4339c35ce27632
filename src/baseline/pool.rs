//! What many assets together teach: how far a day may be beyond what is the largest so far.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Curve, Maturity, Peaks, Tail};
use crate::transfer::Service;

/// What is measured of an asset, of its exports to a country, or of one of its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// An hour of all exports of an asset.
    AssetHour,
    /// 24 hours of them.
    AssetDay,
    /// An hour of exports to a country.
    CountryHour,
    /// 24 hours of them.
    CountryDay,
    /// An hour of a cell.
    CellHour(Service),
    /// 24 hours of a cell.
    CellDay(Service),
    /// 24 hours of exports over a service.
    ServiceDay(Service),
    /// All that went to a country since the first export to it, for a week.
    NewCountry,
    /// The same for an autonomous system in a known country.
    NewNetwork,
    /// The same for a registered domain in a known autonomous system.
    NewRecipient,
    /// The same for a service in a known autonomous system, to which the asset only sent over
    /// others.
    NewService,
    /// The excess of a run of high hours of a cell.
    CellRun,
    /// The excess of a run of high hours to a country.
    CountryRun,
    /// An hour in which the asset usually is silent.
    OddHour,
    /// A week to a country, beside weeks that were frozen.
    Growth,
    /// 24 hours of an asset towards a system, beside the largest days of anybody with it.
    SinkDay,
}

impl Measure {
    /// Bytes of which nobody needs to speak: what stands for peaks that are not there yet.
    pub const fn prior_bytes(self) -> f64 {
        match self {
            Self::AssetDay | Self::CountryDay => 2e6,
            Self::AssetHour | Self::CountryHour | Self::CellRun | Self::CountryRun => 1e6,
            Self::CellDay(_) | Self::SinkDay => 6e5,
            Self::CellHour(_) | Self::OddHour => 3e5,
            Self::NewCountry | Self::NewNetwork | Self::NewRecipient | Self::NewService => 3e5,
            Self::ServiceDay(_) => 1e5,
            Self::Growth => 1e6,
        }
    }
}

/// What an asset mostly does, as far as exports tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Most of its export bytes went over connections that it began.
    #[default]
    Client,
    /// Most of its export bytes were answers.
    Server,
}

impl Role {
    /// The name under which it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Assets that are compared with one another.
type PoolKey = (Measure, Role, Maturity);

/// What the assets of a site have shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pools {
    /// Largest values of days over the reference of their own past, in thousandths.
    ratios: BTreeMap<PoolKey, Tail>,
    /// Handshake round trips to foreign peers, in microseconds.
    pub round_trip_micros: Latency,
}

/// The pools at one moment.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    curves: BTreeMap<PoolKey, Curve>,
    unknown: Curve,
}

impl Pools {
    /// Counts the largest value of a day beside the past that it had.
    pub(super) fn record(&mut self, measure: Measure, role: Role, peaks: &Peaks, value: f64) {
        if peaks.days() > 0 {
            let ratio = value / peaks.reference(measure.prior_bytes());
            self.record_ratio(measure, role, peaks.maturity(), ratio);
        }
    }

    /// Counts how far something went beyond a reference of its own.
    pub(super) fn record_ratio(
        &mut self,
        measure: Measure,
        role: Role,
        maturity: Maturity,
        ratio: f64,
    ) {
        let thousandths = (ratio * THOUSAND) as u64;
        let tail = self.ratios.entry((measure, role, maturity)).or_default();
        tail.record(thousandths);
    }

    /// The pools as they are.
    pub fn curves(&self) -> Curves {
        let tails = self.ratios.iter();
        Curves {
            curves: tails.map(|(key, tail)| (*key, tail.curve())).collect(),
            unknown: Curve::default(),
        }
    }
}

impl Curves {
    /// The chance that a day shows so much, or more, of something with this past.
    pub fn chance(&self, measure: Measure, role: Role, peaks: &Peaks, value: f64) -> f64 {
        if value <= 0.0 {
            return 1.0;
        }
        let ratio = value / peaks.reference(measure.prior_bytes());
        self.chance_of_ratio(measure, role, peaks.maturity(), ratio)
    }

    /// The chance that something goes so far beyond a reference of its own.
    pub fn chance_of_ratio(
        &self,
        measure: Measure,
        role: Role,
        maturity: Maturity,
        ratio: f64,
    ) -> f64 {
        let curve = self.curves.get(&(measure, role, maturity));
        curve.unwrap_or(&self.unknown).chance(ratio * THOUSAND)
    }
}

const THOUSAND: f64 = 1_000.0;

/// A distribution of times in microseconds, from one microsecond to a minute.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);
impl Latency {
    /// Counts a time.
    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The sum of all times, in microseconds.
    pub fn sum(&self) -> f64 {
        self.0.mean() * self.0.len() as f64
    }

    /// The time below which a share `quantile` lies, in microseconds.
    pub fn quantile(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }
}

impl Default for Latency {
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 2).expect("bounds that a histogram takes"))
    }
}

impl Serialize for Latency {
    /// Values and their counts.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let steps = self.0.iter_recorded();
        let counts =
            steps.map(|step| (step.value_iterated_to(), step.count_since_last_iteration()));
        counts.collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counts = Vec::<(u64, u64)>::deserialize(deserializer)?;
        let mut latency = Self::default();
        for (value, count) in counts {
            latency.0.saturating_record_n(value, count);
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_how_often_a_ratio_came() {
        let mut pools = Pools::default();
        let mut peaks = Peaks::default();
        (0..12).for_each(|_| peaks.close_day(1e6, false));
        let measure = Measure::CountryHour;
        for day in 1..=1_000 {
            pools.record(measure, Role::Client, &peaks, f64::from(day) * 1e4);
        }
        let curves = pools.curves();
        let chance = |bytes| curves.chance(measure, Role::Client, &peaks, bytes);
        assert!((0.45..0.55).contains(&chance(5e6)), "{}", chance(5e6));
        assert!(chance(1e8) < 1e-3 && chance(1e9) < chance(1e8));
        assert_eq!(chance(0.0), 1.0);
        // Servers have shown nothing yet, and neither have younger pasts.
        assert!(curves.chance(measure, Role::Server, &peaks, 5e6) > chance(5e7));
    }

    #[test]
    fn latencies_survive_storage() {
        let mut latency = Latency::default();
        (1..=1_000).for_each(|micros| latency.record(micros * 100));
        let bytes = postcard::to_stdvec(&latency).unwrap();
        let read: Latency = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(
            (read.count(), read.quantile(0.5)),
            (1_000, latency.quantile(0.5))
        );
        assert!((49_000..51_500).contains(&read.quantile(0.5)));
    }
}
