//! What the peers share: sums by the hour, and exchanges in the order of their end.
//!
//! An exchange's bytes are spread evenly over the time that it takes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_HOUR, Timestamp};

use super::claim::Claim;
use super::{Exchange, World};

/// The sums of a world.
#[derive(Debug)]
pub(crate) struct Series {
    /// The first moment of the first hour.
    pub(crate) start: Timestamp,
    /// How many hours there are.
    pub(crate) hours: usize,
    /// The assets, in the order of `sent` and of the first part of the keys of `places`.
    pub(crate) assets: Vec<IpAddr>,
    /// Bytes that each asset sends in each hour.
    pub(crate) sent: Vec<Vec<f64>>,
    /// Bytes that each asset sends to each country in each hour.
    pub(crate) places: BTreeMap<(usize, Country), Vec<f32>>,
    /// Exchanges in the order in which they end, as places in [`World::exchanges`].
    pub(crate) finished: Vec<u32>,
    index: BTreeMap<IpAddr, usize>,
    /// For each asset and hour the country that gets most over its own mean so far.
    blamed: Vec<Vec<Country>>,
}

impl Series {
    /// Adds a world up.
    pub(crate) fn new(world: &World) -> Self {
        let start = world.start;
        let hours = world.end.nanos_since(start).div_ceil(HOUR_NANOS) as usize;
        let assets = world.assets.clone();
        let index: BTreeMap<IpAddr, usize> = assets
            .iter()
            .enumerate()
            .map(|(place, asset)| (*asset, place))
            .collect();
        let mut finished: Vec<u32> = (0..world.exchanges.len() as u32).collect();
        finished.sort_by_cached_key(|place| world.exchanges.get(*place as usize).map(end_of));
        let mut series = Self {
            start,
            hours,
            sent: vec![vec![0.0; hours]; assets.len()],
            places: BTreeMap::new(),
            finished,
            blamed: vec![vec![Country::UNKNOWN; hours]; assets.len()],
            index,
            assets,
        };
        for exchange in &world.exchanges {
            series.add(exchange);
        }
        series.blame();
        series
    }

    fn add(&mut self, exchange: &Exchange) {
        let Some(asset) = self.index_of(exchange.asset) else {
            return;
        };
        let key = (asset, exchange.country);
        let place = self
            .places
            .entry(key)
            .or_insert_with(|| vec![0.0; self.hours]);
        let sums = self.sent.get_mut(asset);
        let Some(sums) = sums else {
            return;
        };
        spread(exchange, self.start, HOUR_NANOS, |hour, bytes| {
            if let (Some(sum), Some(of_place)) = (sums.get_mut(hour), place.get_mut(hour)) {
                *sum += bytes;
                *of_place += bytes as f32;
            }
        });
    }

    fn blame(&mut self) {
        let mut most = vec![vec![f64::NEG_INFINITY; self.hours]; self.assets.len()];
        for ((asset, country), sums) in &self.places {
            let (Some(most), Some(blamed)) = (most.get_mut(*asset), self.blamed.get_mut(*asset))
            else {
                continue;
            };
            let mut total = 0.0;
            let rows = sums.iter().zip(most).zip(blamed).enumerate();
            for (hour, ((bytes, most), blamed)) in rows {
                let bytes = f64::from(*bytes);
                let excess = bytes - total / hour.max(1) as f64;
                if bytes > 0.0 && excess > *most {
                    (*most, *blamed) = (excess, *country);
                }
                total += bytes;
            }
        }
    }

    /// The place of an asset.
    pub(crate) fn index_of(&self, asset: IpAddr) -> Option<usize> {
        self.index.get(&asset).copied()
    }

    /// The hour in which a moment lies.
    pub(crate) fn hour_of(&self, time: Timestamp) -> usize {
        (time.nanos_since(self.start) / HOUR_NANOS) as usize
    }

    /// The end of a bucket that lasts `nanos`.
    pub(crate) fn end_of_bucket(&self, bucket: usize, nanos: u64) -> Timestamp {
        let passed = (bucket as u64 + 1).saturating_mul(nanos);
        Timestamp::from_nanos(self.start.as_nanos().saturating_add(passed))
    }

    /// A claim at the end of a bucket against the country that got most of its excess.
    pub(crate) fn claim(
        &self,
        asset: usize,
        bucket: usize,
        nanos: u64,
        score: f64,
    ) -> Option<Claim> {
        let hour = (bucket as u64 * nanos / HOUR_NANOS) as usize;
        Some(Claim {
            asset: *self.assets.get(asset)?,
            country: *self.blamed.get(asset)?.get(hour)?,
            time: self.end_of_bucket(bucket, nanos),
            score,
        })
    }

    /// The exchanges in the order in which they end.
    pub(crate) fn finished<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Exchange> {
        self.finished
            .iter()
            .filter_map(|place| world.exchanges.get(*place as usize))
    }
}

/// The moment at which an exchange ends.
pub(crate) fn end_of(exchange: &Exchange) -> Timestamp {
    Timestamp::from_nanos(
        exchange
            .start
            .as_nanos()
            .saturating_add(exchange.duration_nanos),
    )
}

/// A claim against one exchange at its end.
pub(crate) fn claim_at_end(exchange: &Exchange, score: f64) -> Claim {
    Claim {
        asset: exchange.asset,
        country: exchange.country,
        time: end_of(exchange),
        score,
    }
}

/// Gives each bucket since `start` its part of the bytes that an exchange sends.
pub(crate) fn spread(
    exchange: &Exchange,
    start: Timestamp,
    bucket_nanos: u64,
    mut add: impl FnMut(usize, f64),
) {
    let from = exchange.start.nanos_since(start);
    let until = end_of(exchange).nanos_since(start);
    let (first, last) = (from / bucket_nanos, until / bucket_nanos);
    let bytes = exchange.sent_bytes as f64;
    if first == last {
        add(first as usize, bytes);
        return;
    }
    for bucket in first..=last {
        let begin = from.max(bucket * bucket_nanos);
        let end = until.min((bucket + 1) * bucket_nanos);
        add(
            bucket as usize,
            bytes * (end - begin) as f64 / (until - from) as f64,
        );
    }
}

/// Nanoseconds of an hour.
pub(crate) const HOUR_NANOS: u64 = SECONDS_PER_HOUR * NANOS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::super::trial::tests::world;
    use super::*;

    #[test]
    fn bytes_are_spread_over_the_hours_of_an_exchange() {
        let mut world = world();
        for exchange in &mut world.exchanges {
            exchange.start = Timestamp::from_nanos(exchange.start.as_nanos() - HOUR_NANOS / 2);
        }
        let series = Series::new(&world);
        assert_eq!(series.hours, 96);
        assert_eq!(series.sent[0][46..51], [0.0, 25.0, 50.0, 25.0, 0.0]);
        assert_eq!(
            series.places[&(0, Country::from_code("DE").unwrap())][48],
            50.0
        );
        let claim = series.claim(0, 48, HOUR_NANOS, 1.0).unwrap();
        assert_eq!(claim.country.code(), "DE");
        assert_eq!(claim.time.tick().hour(), 49);
    }

    #[test]
    fn the_country_with_most_over_its_mean_is_blamed() {
        let mut world = world();
        let leak = world.exchanges[0];
        for hour in 0..48 {
            world.exchanges.push(Exchange {
                start: Timestamp::from_nanos(hour * HOUR_NANOS),
                duration_nanos: HOUR_NANOS / 2,
                country: Country::from_code("US").unwrap(),
                sent_bytes: 60,
                ..leak
            });
        }
        world.exchanges.push(Exchange {
            start: Timestamp::from_nanos(49 * HOUR_NANOS),
            country: Country::from_code("US").unwrap(),
            sent_bytes: 140,
            ..leak
        });
        let series = Series::new(&world);
        let blamed = |hour| series.claim(0, hour, HOUR_NANOS, 1.0).unwrap().country;
        assert_eq!(
            blamed(49).code(),
            "DE",
            "70 bytes to US are usual, 50 to DE are not"
        );
        assert_eq!(blamed(20).code(), "US");
    }
}
