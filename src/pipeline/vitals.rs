//! Whether the threads of a run move, and what becomes of reloads and silent interfaces.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::metrics::{Family, Published};

use super::WORKERS_MAX;

/// Signs of life. A thread that waits for work gives them too; one that is stuck does not.
#[derive(Debug)]
pub(super) struct Vitals {
    readers: [Published; WORKERS_MAX],
    workers: [Published; WORKERS_MAX],
    analyst: Published,
    flow_input: Published,
    told: Mutex<Told>,
}

/// What changes seldom.
#[derive(Clone, Debug, Default)]
struct Told {
    reloads: [u64; 2],
    /// Seconds since the epoch.
    last_reload_seconds: Option<u64>,
    /// By interface: for how long nothing came, and how often that was too long.
    silences: BTreeMap<String, Silent>,
}

/// How silent an interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Silent {
    /// Seconds since the last frame.
    pub(super) seconds: u64,
    /// How often it was longer than `capture.silence_seconds`.
    pub(super) times: u64,
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// What was read is in force.
    Success,
    /// Something could not be read, and all is as it was.
    Failure,
}

/// Signs of life at a moment, by thread. What has never given one is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beats(BTreeMap<String, u64>);

impl Default for Vitals {
    fn default() -> Self {
        Self {
            readers: std::array::from_fn(|_| Published::default()),
            workers: std::array::from_fn(|_| Published::default()),
            analyst: Published::default(),
            flow_input: Published::default(),
            told: Mutex::default(),
        }
    }
}

impl Vitals {
    /// Reader `number` lives. Only its thread says so, as for all of these.
    #[inline]
    pub(super) fn reader(&self, number: usize) {
        beat(&self.readers[number % WORKERS_MAX]);
    }

    pub(super) fn worker(&self, number: usize) {
        beat(&self.workers[number % WORKERS_MAX]);
    }

    pub(super) fn analyst(&self) {
        beat(&self.analyst);
    }

    pub(super) fn flow_input(&self) {
        beat(&self.flow_input);
    }

    pub(super) fn beats(&self) -> Beats {
        let named = |role: &'static str, all: &[Published]| {
            let all = all.iter().map(Published::value).enumerate();
            let all = all.map(|(number, value)| (format!("{role}-{number}"), value));
            all.collect::<Vec<_>>()
        };
        let mut beats = named("reader", &self.readers);
        beats.extend(named("worker", &self.workers));
        beats.push(("analyst".to_owned(), self.analyst.value()));
        beats.push(("flow-input".to_owned(), self.flow_input.value()));
        Beats(beats.into_iter().filter(|(_, value)| *value > 0).collect())
    }

    /// Counts a reload that ended at a time, in seconds since the epoch.
    pub(super) fn reloaded(&self, how: Reloaded, seconds: u64) {
        let mut told = self.told();
        told.reloads[how as usize] += 1;
        if how == Reloaded::Success {
            told.last_reload_seconds = Some(seconds);
        }
    }

    pub(super) fn set_silent(&self, interface: &str, silent: Silent) {
        self.told().silences.insert(interface.to_owned(), silent);
    }

    pub(super) fn families(&self) -> Vec<Family> {
        let told = self.told().clone();
        let [success, failure] = told.reloads.map(|count| count as f64);
        let mut last = Family::gauge(
            "borderflow_config_last_reload_success_timestamp_seconds",
            "When settings were last read anew and taken, since the epoch; 0 if never.",
        );
        last.push(&[], told.last_reload_seconds.unwrap_or(0) as f64);
        let mut silent = Family::gauge(
            "borderflow_interface_silent_seconds",
            "For how long an interface has brought no frame.",
        );
        let mut silences = Family::counter(
            "borderflow_interface_silences_total",
            "Times that an interface brought no frame for capture.silence_seconds.",
        );
        for (interface, of_interface) in &told.silences {
            let name = [("interface", interface.as_str())];
            silent.push(&name, of_interface.seconds as f64);
            silences.push(&name, of_interface.times as f64);
        }
        vec![
            Family::counter(
                "borderflow_config_reloads_total",
                "Times that settings were read anew, by how it ended.",
            )
            .with(&[("result", "success")], success)
            .with(&[("result", "failure")], failure),
            last,
            silent,
            silences,
        ]
    }

    /// A poisoned lock guards plain numbers, which are as good as they were.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beats {
    /// Threads that have given no sign of life since `before`.
    pub fn stuck_since<'a>(&self, before: &'a Self) -> Vec<&'a str> {
        let known = before.0.iter();
        let stuck = known.filter(|(name, value)| self.0.get(*name) == Some(value));
        stuck.map(|(name, _)| name.as_str()).collect()
    }

    /// How many threads there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no thread has given a sign of life yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The only writer of a counter adds to it.
#[inline]
fn beat(counter: &Published) {
    counter.set(counter.value().wrapping_add(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_that_stands_still_is_named() {
        let vitals = Vitals::default();
        assert!(vitals.beats().is_empty());
        let all = || {
            vitals.reader(0);
            vitals.reader(1);
            vitals.analyst();
        };
        all();
        let before = vitals.beats();
        assert_eq!(before.len(), 3);
        all();
        assert_eq!(vitals.beats().stuck_since(&before), Vec::<&str>::new());
        let before = vitals.beats();
        vitals.reader(1);
        vitals.analyst();
        assert_eq!(vitals.beats().stuck_since(&before), ["reader-0"]);
        // One that begins is not stuck, and does not hide one that is.
        vitals.worker(0);
        assert_eq!(vitals.beats().stuck_since(&before), ["reader-0"]);
    }

    #[test]
    fn a_failed_reload_does_not_move_the_time_of_the_last_good_one() {
        let vitals = Vitals::default();
        vitals.reloaded(Reloaded::Success, 100);
        vitals.reloaded(Reloaded::Failure, 200);
        let page = crate::metrics::encode(vitals.families()).unwrap();
        let page = String::from_utf8(page).unwrap();
        for line in [
            "borderflow_config_reloads_total{result=\"success\"} 1",
            "borderflow_config_reloads_total{result=\"failure\"} 1",
            "borderflow_config_last_reload_success_timestamp_seconds 100",
        ] {
            assert!(page.lines().any(|one| one == line), "{line}: {page}");
        }
    }
}
