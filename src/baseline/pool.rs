//! What many assets together teach of how large the rare things are.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Expected, Tail};

/// What assets of one role, or all assets of the site, have shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pool {
    /// Hours observed, summed over assets.
    pub asset_hours: u64,
    /// Bytes of a cell in an hour in which next to nothing was expected.
    pub quiet_bytes: Tail,
    /// Deviations of a cell in an hour in which something was expected, as
    /// [`surprise_of_deviation`].
    pub surprises: Tail,
    /// Bytes of the first day of an asset with a country that it never exported to before.
    pub country_first_day_bytes: Tail,
    /// Bytes of the first day of a cell.
    pub cell_first_day_bytes: Tail,
    /// Excess bytes of excursions that came to an end by themselves.
    pub excursions: Tail,
    /// Handshake round trips to foreign peers, in microseconds.
    pub round_trip_micros: Latency,
}

impl Pool {
    /// Learns from an hour of a cell.
    pub(super) fn learn_hour(&mut self, expected: &Expected, bytes: u64) {
        if expected.is_quiet() {
            self.quiet_bytes.record(bytes);
        } else {
            let deviation = expected.deviation(bytes);
            let surprise = if deviation > 0.0 {
                surprise_of_deviation(deviation)
            } else {
                0
            };
            self.surprises.record(surprise);
        }
    }

    /// Weeks observed, summed over assets; at least one hour.
    pub fn asset_weeks(&self) -> f64 {
        self.asset_hours.max(1) as f64 / HOURS_PER_WEEK
    }
}

/// A deviation as a whole number: its exponential in thousandths, so that the exponential
/// tail of deviations is a Pareto tail of surprises.
pub fn surprise_of_deviation(deviation: f64) -> u64 {
    (1_000.0 * deviation.min(DEVIATION_MAX).exp()) as u64
}

/// The deviation that makes a surprise.
pub fn deviation_of_surprise(surprise: f64) -> f64 {
    (surprise / 1_000.0).max(1.0).ln()
}

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

const HOURS_PER_WEEK: f64 = 168.0;

/// Deviations beyond this are told alike; e^24 thousandths still fit a tail.
const DEVIATION_MAX: f64 = 23.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_and_surprises_are_inverse() {
        for deviation in [0.0, 1.5, 8.0, 20.0] {
            let back = deviation_of_surprise(surprise_of_deviation(deviation) as f64);
            assert!((back - deviation).abs() < 0.01, "{deviation} {back}");
        }
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
