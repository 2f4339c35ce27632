//! How a running pipeline fares, for a person.

use std::fmt::Write as _;

use crate::capture::Drops;
use crate::detect::Bytes;
use crate::geo::{Country, DatabaseInfo};
use crate::time::{SECONDS_PER_DAY, Tick};

use super::super::vitals::{Beats, Reloaded};
use super::Telemetry;

/// How a pipeline fares at a moment.
#[derive(Clone, Debug)]
pub struct Status {
    /// The running second of packet time.
    pub tick: Tick,
    /// Frames read, and packets among them.
    pub frames: u64,
    /// Packets counted.
    pub packets: u64,
    /// Flows that are followed.
    pub flows: u64,
    /// Assets that have exported.
    pub assets: usize,
    /// Incidents that are open.
    pub incidents: u64,
    /// Lines of alerts so far.
    pub alerts: u64,
    /// Hours with traffic that were learned from.
    pub hours_learned: u64,
    /// Times that the learned state could not be kept.
    pub save_failures: u64,
    /// Times that something could not be written to the ledger.
    pub ledger_failures: u64,
    /// Times that the history could not be written.
    pub history_failures: u64,
    /// Times that a file of results could not be written, and lines that were lost by it.
    pub result_failures: [u64; 2],
    /// By interface.
    pub interfaces: Vec<(String, Drops)>,
    /// Exported bytes, most first.
    pub exported: Vec<(Country, u64)>,
    /// Databases in use.
    pub databases: Vec<DatabaseInfo>,
}

/// Countries that are shown.
const COUNTRIES_SHOWN: usize = 5;

impl Telemetry {
    /// Signs of life of all threads.
    pub fn beats(&self) -> Beats {
        self.vitals.beats()
    }

    /// Counts a reload that ended at a time.
    pub fn reloaded(&self, how: Reloaded, now: Tick) {
        self.vitals.reloaded(how, now.0);
    }

    /// How the pipeline fares now.
    pub fn status(&self) -> Status {
        let interfaces = self.drops();
        let [frames, packets] = [
            self.readers.iter().map(|one| one.frames.value()).sum(),
            self.readers.iter().map(|one| one.packets.value()).sum(),
        ];
        let tick = self.readers.iter().map(|one| one.tick.value()).max();
        let shared = self.shared();
        let view = &shared.analyst;
        let exported = view.jurisdictions.iter();
        let mut exported: Vec<_> = exported
            .filter_map(|one| Some((one.country?, one.bytes)))
            .collect();
        exported.sort_by_key(|(country, bytes)| (std::cmp::Reverse(*bytes), *country));
        Status {
            tick: Tick(tick.unwrap_or(0)),
            frames,
            packets,
            flows: shared.workers.iter().map(|one| one.flows_active).sum(),
            assets: view.assets,
            incidents: view.incidents.iter().sum(),
            alerts: view.alerts.values().sum(),
            hours_learned: view.hours_learned,
            save_failures: view.save_failures,
            ledger_failures: view.ledger_failures,
            history_failures: self.feed.history_failures(),
            result_failures: [view.result_failures, view.result_lines_lost],
            interfaces,
            exported,
            databases: shared.databases.clone(),
        }
    }
}

impl Status {
    /// All that was lost on the way to the sensor, in frames.
    pub fn lost(&self) -> u64 {
        let lost = self.interfaces.iter();
        lost.map(|(_, drops)| drops.kernel_dropped + drops.interface_dropped)
            .sum()
    }

    /// One line.
    pub fn line(&self) -> String {
        format!(
            "{} packets, {} frames lost, {} flows, {} assets, {} incidents open",
            self.packets,
            self.lost(),
            self.flows,
            self.assets,
            self.incidents,
        )
    }

    /// One screen.
    pub fn screen(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "at {}", self.tick);
        let _ = writeln!(text, "{} frames read; {}", self.frames, self.line());
        for (interface, drops) in &self.interfaces {
            let _ = writeln!(
                text,
                "interface {interface}: {} frames, {} dropped by the kernel, {} by the interface, \
                 removed {} times",
                drops.received, drops.kernel_dropped, drops.interface_dropped, drops.gaps,
            );
        }
        let shown = self.exported.iter().take(COUNTRIES_SHOWN);
        let shown = shown.map(|(country, bytes)| format!("{country} {}", Bytes(*bytes)));
        let shown: Vec<_> = shown.collect();
        if !shown.is_empty() {
            let of = self.exported.len();
            let _ = writeln!(text, "exported to {of} countries: {}", shown.join(", "));
        }
        let _ = writeln!(
            text,
            "learned from {} hours with traffic; {} lines of alerts",
            self.hours_learned, self.alerts,
        );
        let [failures, lost] = self.result_failures;
        if failures > 0 {
            let _ = writeln!(
                text,
                "files of results took nothing {failures} times; {lost} lines were lost by that"
            );
        }
        let (saves, ledger) = (self.save_failures, self.ledger_failures);
        if saves + ledger > 0 {
            let _ = writeln!(
                text,
                "not kept: the learned state {saves} times, entries of the ledger {ledger} times"
            );
        }
        for database in &self.databases {
            let days = self
                .tick
                .start()
                .as_nanos()
                .saturating_sub(database.built.as_nanos());
            let days = days / 1_000_000_000 / SECONDS_PER_DAY;
            let (role, source) = (database.role.name(), &database.source);
            let _ = writeln!(text, "geo.{role}: {source}, {days} days old");
        }
        text
    }
}
