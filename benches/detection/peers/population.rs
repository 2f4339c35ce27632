//! A population of countries (Elastic's data exfiltration jobs).

use std::collections::{BTreeMap, HashMap, VecDeque};

use borderflow::geo::Country;
use borderflow::time::Timestamp;

use super::super::World;
use super::super::claim::{Candidate, Claim};
use super::super::series::{HOUR_NANOS, Series, end_of};
use super::super::statistics::{MAD_TO_SD, median_and_mad};

/// Idea: a country is odd if more goes there than countries usually get.
/// Formula: for each country the sum over all assets in buckets of 3 h; y = ln(1 + sum);
/// z = (y - median) / (1.4826 MAD) over the sums of all countries in the last 14 days; the
/// same for the mean of the country's last 12 buckets; the score is the larger z. An alert
/// names the asset that exceeds its own mean to that country by most, as the job's
/// influencers would. Source: the job `ded_high_sent_bytes_destination_geo_country_iso_code`
/// (high_sum over the country, 3 h) and the 12-bucket feature of ml-cpp; median and MAD
/// stand for its robust mixture of models, and a free threshold for its score of 75.
///
/// With `is_averaged` each pair of addresses and port counts, while it is active, as the
/// mean of its flows so far, once a bucket: that is what the transform before the job makes
/// of the bytes.
#[derive(Debug)]
pub(super) struct Population<'a> {
    pub(super) series: &'a Series,
    pub(super) is_averaged: bool,
}

impl Candidate for Population<'_> {
    fn name(&self) -> &str {
        if self.is_averaged {
            "population of countries, averages (Elastic)"
        } else {
            "population of countries, sums (Elastic)"
        }
    }

    fn run(&mut self, world: &World, _judged_from: Timestamp) -> Vec<Claim> {
        let buckets = self.series.hours.div_ceil(BUCKET_HOURS);
        let cells = if self.is_averaged {
            self.averages(world, buckets)
        } else {
            self.sums()
        };
        let mut countries: BTreeMap<Country, Vec<f64>> = BTreeMap::new();
        for ((_, country), values) in &cells {
            let sums = countries
                .entry(*country)
                .or_insert_with(|| vec![0.0; buckets]);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let mut claims = Vec::new();
        let influencers = influencers(&cells, buckets);
        for (country, bucket, score) in scores(&countries, buckets) {
            let asset = influencers
                .get(&country)
                .and_then(|assets| assets.get(bucket));
            let asset = asset.and_then(|(asset, _)| self.series.assets.get(*asset));
            if let Some(asset) = asset {
                let time = self
                    .series
                    .end_of_bucket(bucket, BUCKET_HOURS as u64 * HOUR_NANOS);
                claims.push(Claim {
                    asset: *asset,
                    country,
                    time,
                    score,
                });
            }
        }
        claims
    }
}

/// What each asset sends to each country in each bucket.
type Cells = BTreeMap<(usize, Country), Vec<f64>>;

impl Population<'_> {
    fn sums(&self) -> Cells {
        let bucket = |hours: &[f32]| hours.iter().copied().map(f64::from).sum();
        let cells = self.series.places.iter();
        cells
            .map(|(key, hours)| (*key, hours.chunks(BUCKET_HOURS).map(bucket).collect()))
            .collect()
    }

    fn averages(&self, world: &World, buckets: usize) -> Cells {
        let mut cells = Cells::new();
        let mut tuples: HashMap<_, (f64, f64, usize)> = HashMap::new();
        for exchange in self.series.finished(world) {
            let bucket = self.series.hour_of(end_of(exchange)) / BUCKET_HOURS;
            let Some(asset) = self.series.index_of(exchange.asset) else {
                continue;
            };
            let tuple = (asset, exchange.peer, exchange.peer_port);
            let (sum, count, last) = tuples.entry(tuple).or_insert((0.0, 0.0, usize::MAX));
            let before = if *last == bucket { *sum / *count } else { 0.0 };
            *sum += exchange.sent_bytes as f64;
            *count += 1.0;
            *last = bucket;
            let cell = cells
                .entry((asset, exchange.country))
                .or_insert_with(|| vec![0.0; buckets]);
            if let Some(value) = cell.get_mut(bucket) {
                *value += *sum / *count - before;
            }
        }
        cells
    }
}

/// For each country and bucket the asset that exceeds its own mean so far by most.
fn influencers(cells: &Cells, buckets: usize) -> BTreeMap<Country, Vec<(usize, f64)>> {
    let mut most: BTreeMap<Country, Vec<(usize, f64)>> = BTreeMap::new();
    for ((asset, country), values) in cells {
        let none = || vec![(usize::MAX, f64::NEG_INFINITY); buckets];
        let most = most.entry(*country).or_insert_with(none);
        let mut total = 0.0;
        for (bucket, (value, most)) in values.iter().zip(most).enumerate() {
            let excess = value - total / bucket.max(1) as f64;
            if *value > 0.0 && excess > most.1 {
                *most = (*asset, excess);
            }
            total += value;
        }
    }
    most
}

fn scores(countries: &BTreeMap<Country, Vec<f64>>, buckets: usize) -> Vec<(Country, usize, f64)> {
    let mut scores = Vec::new();
    let mut pool: VecDeque<Vec<(f64, f64)>> = VecDeque::new();
    for bucket in 0..buckets {
        let now = countries.iter().filter_map(|(country, values)| {
            let single = *values.get(bucket)?;
            let from = (bucket + 1).saturating_sub(WINDOW);
            let recent = values.get(from..=bucket)?;
            let mean = recent.iter().sum::<f64>() / recent.len() as f64;
            (single > 0.0).then(|| (*country, single.ln_1p(), mean.ln_1p()))
        });
        let now: Vec<(Country, f64, f64)> = now.collect();
        let mut singles: Vec<f64> = pool.iter().flatten().map(|(single, _)| *single).collect();
        let mut means: Vec<f64> = pool.iter().flatten().map(|(_, mean)| *mean).collect();
        if singles.len() >= POOL_MIN {
            let (single, single_mad) = median_and_mad(&mut singles);
            let (mean, mean_mad) = median_and_mad(&mut means);
            let z = |value: f64, median: f64, mad: f64| {
                (value - median) / (MAD_TO_SD * mad).max(SCALE_MIN)
            };
            scores.extend(now.iter().map(|(country, of_bucket, of_window)| {
                let score = z(*of_bucket, single, single_mad).max(z(*of_window, mean, mean_mad));
                (*country, bucket, score)
            }));
        }
        pool.push_back(
            now.into_iter()
                .map(|(_, single, mean)| (single, mean))
                .collect(),
        );
        if pool.len() > POOL_BUCKETS {
            pool.pop_front();
        }
    }
    scores
}

const BUCKET_HOURS: usize = 3;

/// Buckets of the long view.
const WINDOW: usize = 12;

/// Buckets that are remembered: 14 days.
const POOL_BUCKETS: usize = 112;

/// Values before the first score.
const POOL_MIN: usize = 20;

/// Least scale of logarithms.
const SCALE_MIN: f64 = 0.1;
