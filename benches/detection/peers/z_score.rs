//! The textbook z-score.

use super::super::statistics::Moments;

/// Idea: an hour is odd if it lies many standard deviations above the asset's mean.
/// Formula: (x - mean) / sd over all hours before this one, empty ones included, from 24 on.
/// Source: any textbook; the first rule in most home-made scripts. Learns every hour after
/// it was scored, leaks too.
pub(super) fn scores(hours: &[f64]) -> Vec<f64> {
    let mut moments = Moments::default();
    let score = |bytes: &f64| {
        let score = if moments.count() < HOURS_MIN {
            0.0
        } else {
            moments.z(*bytes)
        };
        moments.add(*bytes);
        score
    };
    hours.iter().map(score).collect()
}

/// Hours before the first score.
const HOURS_MIN: f64 = 24.0;
