//! The last alerts, for those that look on while it runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::metrics::Family;

/// Alerts that are kept for those that look on.
const LINES_MAX: usize = 256;

/// The last lines of alerts, and how the history fares.
#[derive(Debug, Default)]
pub struct Feed {
    lines: Mutex<Lines>,
    /// Records that did not get into the history.
    pub(super) history_dropped: AtomicU64,
    /// Times that it could not be written.
    pub(super) history_failures: AtomicU64,
    /// Why it could not be written last.
    history_error: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Lines that came before those that are kept.
    gone: u64,
    kept: VecDeque<Arc<str>>,
}

impl Feed {
    /// Adds a line, for which the oldest gives way.
    pub(super) fn push(&self, line: &str) {
        let mut lines = guarded(&self.lines);
        if lines.kept.len() == LINES_MAX {
            lines.kept.pop_front();
            lines.gone += 1;
        }
        lines.kept.push_back(line.into());
    }

    /// The number of the next line, from which on somebody may look on.
    pub fn next(&self) -> u64 {
        let lines = guarded(&self.lines);
        lines.gone + lines.kept.len() as u64
    }

    /// The lines from a number on that are still kept, and the number behind them.
    pub fn since(&self, number: u64) -> (Vec<Arc<str>>, u64) {
        let lines = guarded(&self.lines);
        let next = lines.gone + lines.kept.len() as u64;
        let known = usize::try_from(number.saturating_sub(lines.gone)).unwrap_or(usize::MAX);
        (lines.kept.iter().skip(known).cloned().collect(), next)
    }

    pub(super) fn families(&self) -> [Family; 2] {
        let counter = |name, help, value: u64| Family::counter(name, help).with(&[], value as f64);
        [
            counter(
                "borderflow_history_dropped_total",
                "Hours, alerts and verdicts that did not get into the history.",
                self.history_dropped(),
            ),
            counter(
                "borderflow_history_failures_total",
                "Times that the history could not be written.",
                self.history_failures(),
            ),
        ]
    }

    /// Records that did not get into the history.
    pub fn history_dropped(&self) -> u64 {
        self.history_dropped.load(Relaxed)
    }

    /// Times that the history could not be written.
    pub fn history_failures(&self) -> u64 {
        self.history_failures.load(Relaxed)
    }

    /// Why the history could not be written last, or what was found damaged.
    pub fn history_error(&self) -> Option<String> {
        guarded(&self.history_error).clone()
    }

    pub(super) fn set_history_error(&self, error: String) {
        *guarded(&self.history_error) = Some(error);
    }
}

/// A poisoned lock guards lines, which are as good as they were.
fn guarded<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_late_misses_the_oldest_lines() {
        let feed = Feed::default();
        let begun = feed.next();
        (0..LINES_MAX + 3).for_each(|line| feed.push(&line.to_string()));
        let (lines, next) = feed.since(begun);
        assert_eq!((lines.len(), &*lines[0]), (LINES_MAX, "3"));
        assert_eq!(next, LINES_MAX as u64 + 3);
        feed.push("more");
        assert_eq!(&*feed.since(next).0[0], "more");
        assert!(feed.since(next + 9).0.is_empty());
    }
}
