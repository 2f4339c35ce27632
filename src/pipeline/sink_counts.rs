//! What became of events that sinks were given.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::metrics::Family;
use crate::sink::SinkKind;

/// The counters of all sinks of a run.
#[derive(Debug, Default)]
pub(super) struct SinkCounts(Mutex<Vec<Arc<OneSink>>>);

/// The counters of a sink.
#[derive(Debug)]
pub(super) struct OneSink {
    kind: SinkKind,
    pub(super) delivered: AtomicU64,
    pub(super) retried: AtomicU64,
    /// Events that gave way in a full spool, that were refused, or that the disk lost.
    pub(super) dropped: AtomicU64,
    /// Events that came faster than they could be put away.
    pub(super) overflown: AtomicU64,
    pub(super) waiting: AtomicU64,
}

impl SinkCounts {
    /// Counters of another sink.
    pub(super) fn add(&self, kind: SinkKind) -> Arc<OneSink> {
        let one = Arc::new(OneSink {
            kind,
            delivered: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            overflown: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&one));
        one
    }

    /// Sums by kind, of kinds that there are.
    pub(super) fn families(&self) -> Vec<Family> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fill = |family: Family, of: &dyn Fn(&OneSink) -> u64| {
            let kinds = SinkKind::ALL.into_iter().filter_map(|kind| {
                let mut ours = all.iter().filter(|one| one.kind == kind).peekable();
                ours.peek()?;
                Some((kind, ours.map(|one| of(one)).sum::<u64>()))
            });
            kinds.fold(family, |family, (kind, sum)| {
                family.with(&[("kind", kind.name())], sum as f64)
            })
        };
        let counter = Family::counter;
        vec![
            fill(
                counter(
                    "borderflow_sink_delivered_events_total",
                    "Events that a sink took, by kind of sink.",
                ),
                &|one| one.delivered.load(Relaxed),
            ),
            fill(
                counter(
                    "borderflow_sink_retries_total",
                    "Times that a sink did not take an event, which is sent again.",
                ),
                &|one| one.retried.load(Relaxed),
            ),
            fill(
                counter(
                    "borderflow_sink_dropped_events_total",
                    "Events that a sink will never get: it refuses them, or there was no room.",
                ),
                &|one| one.dropped.load(Relaxed) + one.overflown.load(Relaxed),
            ),
            fill(
                Family::gauge(
                    "borderflow_sink_waiting_events",
                    "Events that wait for a sink to take them.",
                ),
                &|one| one.waiting.load(Relaxed),
            ),
        ]
    }
}
