//! Distributions of times, as Prometheus has them.

use crate::metrics::Family;

/// A distribution of times, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::pipeline) struct Quantiles {
    pub(in crate::pipeline) count: u64,
    pub(in crate::pipeline) sum_micros: f64,
    pub(in crate::pipeline) median: u64,
    pub(in crate::pipeline) p99: u64,
}

pub(super) fn summary(name: &'static str, help: &'static str, of: Quantiles) -> Family {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let quantiles = [(0.5, seconds(of.median)), (0.99, seconds(of.p99))];
    Family::summary(name, help, of.count, of.sum_micros / 1e6, &quantiles)
}
