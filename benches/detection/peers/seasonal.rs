//! The time-series rule of Microsoft Sentinel, in two readings.

use super::super::statistics::{MAD_TO_SD, median_and_mad, quantile};

/// Idea: take the usual hour of the day away and score what remains.
/// Formula: y = ln(1 + x); expected is the median of the same hour of the last 14 days of
/// the same kind (weekend or not); score = (y - expected) / max(1.4826 MAD, 0.1), where the
/// MAD is of the residuals of those 14 days. Hours under 10 MB never alert.
/// Source: after the rule "Time series anomaly for data size transferred to public internet"
/// of Microsoft Sentinel (14 days, bins of 1 h, score 5, 10 MB), with robust parts instead
/// of its decomposition. Per asset, where the original sums a vendor's whole log.
pub(super) fn logarithmic(hours: &[f64]) -> Vec<f64> {
    let logs: Vec<f64> = hours.iter().map(|bytes| bytes.ln_1p()).collect();
    score_residuals(hours, &logs, |residuals, residual| {
        let (_, mad) = median_and_mad(residuals);
        residual / (MAD_TO_SD * mad).max(SCALE_MIN)
    })
}

/// The same with bytes as they are and the score of `series_decompose_anomalies`: how far
/// the residual lies above the 90 % quantile of residuals, in spans between their 10 % and
/// 90 % quantiles, a test in the manner of Tukey's fence.
pub(super) fn linear(hours: &[f64]) -> Vec<f64> {
    score_residuals(hours, hours, |residuals, residual| {
        let (low, high) = (quantile(residuals, 0.1), quantile(residuals, 0.9));
        let span = high - low;
        if span > 0.0 {
            (residual - high) / span
        } else {
            0.0
        }
    })
}

fn score_residuals(
    hours: &[f64],
    values: &[f64],
    score: impl Fn(&mut [f64], f64) -> f64,
) -> Vec<f64> {
    let mut residuals: Vec<f64> = Vec::with_capacity(values.len());
    let mut scores = Vec::with_capacity(values.len());
    let mut same = Vec::new();
    let mut recent = Vec::new();
    for (hour, (bytes, value)) in hours.iter().zip(values).enumerate() {
        same.clear();
        let before = (1..=HISTORY_DAYS).filter_map(|days| hour.checked_sub(24 * days));
        let alike = before.filter(|earlier| is_weekend(*earlier) == is_weekend(hour));
        same.extend(alike.filter_map(|earlier| values.get(earlier)));
        let residual = value - quantile(&mut same, 0.5);
        let from = hour.saturating_sub(24 * HISTORY_DAYS);
        recent.clear();
        recent.extend_from_slice(residuals.get(from..).unwrap_or_default());
        let is_ripe = hour >= 24 * HISTORY_DAYS && *bytes >= BYTES_MIN;
        scores.push(if is_ripe {
            score(&mut recent, residual)
        } else {
            0.0
        });
        residuals.push(residual);
    }
    scores
}

/// Whether an hour since a Monday's midnight lies on a weekend.
fn is_weekend(hour: usize) -> bool {
    hour / 24 % 7 >= 5
}

const HISTORY_DAYS: usize = 14;

/// Least scale of logarithms.
const SCALE_MIN: f64 = 0.1;

/// Hours with less never alert.
const BYTES_MIN: f64 = 10e6;
