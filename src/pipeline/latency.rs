//! How long a step of the pipeline takes, and how often that is shown.

use std::time::{Duration, Instant};

use crate::baseline::Latency;

use super::telemetry::Quantiles;

/// The times of one kind of step.
#[derive(Debug, Default)]
pub(super) struct StepLatency {
    times: Latency,
    published: Option<Instant>,
}

/// In a replay steps fly past; what is known is shown no more often than this.
const PUBLICATION_INTERVAL: Duration = Duration::from_millis(100);

impl StepLatency {
    /// Counts a step that began at `begun` and is over. Says whether it is time to publish.
    pub(super) fn record(&mut self, begun: Instant) -> bool {
        let now = Instant::now();
        let micros = now.duration_since(begun).as_micros();
        self.times.record(u64::try_from(micros).unwrap_or(u64::MAX));
        let due = self
            .published
            .is_none_or(|published| now.duration_since(published) >= PUBLICATION_INTERVAL);
        if due {
            self.published = Some(now);
        }
        due
    }

    pub(super) fn quantiles(&self) -> Quantiles {
        Quantiles {
            count: self.times.count(),
            sum_micros: self.times.sum(),
            median: self.times.quantile(0.5),
            p99: self.times.quantile(0.99),
        }
    }
}
