//! What a running pipeline publishes, as the console has it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::alert::Severity;
use crate::time::{NANOS_PER_SECOND, Tick};

use super::Telemetry;
use crate::pipeline::flow_input;

/// Sums of the run.
#[derive(Clone, Debug, Serialize)]
pub struct RunTotals {
    assets: usize,
    cells: usize,
    /// Incidents that are open.
    pub incidents_open: u64,
    /// Lines of alerts by severity.
    alerts: BTreeMap<&'static str, u64>,
    transfers: u64,
    /// Bytes that were exported.
    pub export_bytes: u64,
}

impl Telemetry {
    /// The second of packet time up to which was judged, and the first of the run; nothing
    /// before there is one.
    pub fn times(&self) -> Option<[Tick; 2]> {
        let shared = self.shared();
        let started = shared.analyst.started?;
        Some([shared.analyst.tick.max(started), started])
    }

    /// Sums of the run so far.
    pub fn totals(&self) -> RunTotals {
        let shared = self.shared();
        let view = &shared.analyst;
        let count = |severity| view.alerts.get(&severity).copied().unwrap_or(0);
        let alerts = Severity::ALL.map(|severity| (severity.name(), count(severity)));
        RunTotals {
            assets: view.assets,
            cells: view.cells,
            incidents_open: view.incidents.iter().sum(),
            alerts: alerts.into(),
            transfers: view.transfers,
            export_bytes: view
                .jurisdictions
                .iter()
                .fold(0, |sum, one| sum.saturating_add(one.bytes)),
        }
    }

    /// How well the sensor sees and keeps up, for the console.
    pub fn health(&self) -> Value {
        let seen = self.seen();
        let interfaces = self.drops().into_iter().map(|(name, drops)| {
            json!({
                "name": name,
                "received": drops.received,
                "kernel_dropped": drops.kernel_dropped,
                "interface_dropped": drops.interface_dropped,
                "gaps": drops.gaps,
            })
        });
        let interfaces: Vec<_> = interfaces.collect();
        let shared = self.shared();
        let view = &shared.analyst;
        let evicted = shared.workers.iter().map(|counts| counts.flows_evicted);
        let databases = shared.databases.iter().map(|database| {
            json!({
                "kind": database.role.name(),
                "name": database.database_type,
                "built": Tick(database.built.as_nanos() / NANOS_PER_SECOND).to_string(),
                "age_days": database.age_days(view.tick.start()),
            })
        });
        let latency = view.tick_latency;
        let records = self.records.get();
        json!({
            "frames": seen["frames_read"],
            "packets": seen["packets"],
            "wire_bytes": seen["wire_bytes"],
            "late": seen["late"],
            "clock_jumps": seen["clock_jumps"],
            "dropped": seen["dropped"],
            "interfaces": interfaces,
            "flow_input": records.map(|records| flow_input::health(&records.view())),
            "evictions": {
                "flows": evicted.sum::<u64>(),
                "assets": view.assets_refused,
                "cells": view.cells_gathered,
                "incidents": view.incidents_refused,
                "bindings": view.bindings_evicted,
                "corridors": view.corridors_refused,
            },
            "save_failures": view.save_failures,
            "ledger_failures": view.ledger_failures,
            "result_failures": view.result_failures,
            "result_lines_lost": view.result_lines_lost,
            "history_dropped": self.feed.history_dropped(),
            "history_failures": self.feed.history_failures(),
            "history_error": self.feed.history_error(),
            "tick_latency_p99_seconds": (latency.count > 0).then_some(latency.p99 as f64 / 1e6),
            "databases": databases.collect::<Vec<_>>(),
            "learning": {
                "until": view.learning_until.map(|tick| tick.to_string()),
                "hours_learned": view.hours_learned,
            },
        })
    }
}
