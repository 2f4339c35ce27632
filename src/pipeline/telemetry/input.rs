//! What comes in and is followed, as metrics.

use crate::capture::Drops;
use crate::geo::DatabaseInfo;
use crate::metrics::Family;
use crate::time::NANOS_PER_SECOND;

use super::super::sensor::SensorCounts;
use super::Shared;

/// What each interface has seen and lost, and how old the databases are.
pub(super) fn interface_families(
    interfaces: &[(String, Drops)],
    databases: &[DatabaseInfo],
) -> Vec<Family> {
    let mut received = Family::counter(
        "borderflow_interface_received_frames_total",
        "Frames that the kernel took for this capture, those it then dropped included.",
    )
    .labelled(&["interface"]);
    let mut dropped = Family::counter(
        "borderflow_interface_dropped_frames_total",
        "Frames lost before they were read, in the kernel's ring or in the interface.",
    )
    .labelled(&["interface", "where"]);
    let mut full = Family::counter(
        "borderflow_interface_ring_full_total",
        "Times that the ring had no room.",
    )
    .labelled(&["interface"]);
    let mut gaps = Family::counter(
        "borderflow_interface_gaps_total",
        "Times that the interface was removed.",
    )
    .labelled(&["interface"]);
    for (interface, drops) in interfaces {
        let name = ("interface", interface.as_str());
        received.push(&[name], drops.received as f64);
        dropped.push(&[name, ("where", "kernel")], drops.kernel_dropped as f64);
        let at_interface = drops.interface_dropped as f64;
        dropped.push(&[name, ("where", "interface")], at_interface);
        full.push(&[name], drops.ring_full as f64);
        gaps.push(&[name], drops.gaps as f64);
    }
    let mut built = Family::gauge(
        "borderflow_database_build_timestamp_seconds",
        "When a geolocation database was built, since the epoch.",
    )
    .labelled(&["database"]);
    for database in databases {
        let seconds = database.built.as_nanos() / NANOS_PER_SECOND;
        built.push(&[("database", database.role.name())], seconds as f64);
    }
    vec![received, dropped, full, gaps, built]
}

/// What the workers follow, and what gave way in full tables.
pub(super) fn worker_families(shared: &Shared) -> Vec<Family> {
    let sum = |of: fn(&SensorCounts) -> u64| shared.workers.iter().map(of).sum::<u64>() as f64;
    vec![
        Family::gauge("borderflow_flows", "Flows that are followed now.")
            .with(&[], sum(|counts| counts.flows_active)),
        Family::counter("borderflow_flow_records_total", "Flow records that ended.")
            .with(&[], sum(|counts| counts.flow_records)),
        Family::counter(
            "borderflow_evictions_total",
            "Entries that gave way in a full table.",
        )
        .with(&[("table", "flows")], sum(|counts| counts.flows_evicted))
        .with(&[("table", "assets")], shared.analyst.assets_refused as f64)
        .with(&[("table", "cells")], shared.analyst.cells_gathered as f64)
        .with(
            &[("table", "incidents")],
            shared.analyst.incidents_refused as f64,
        )
        .with(
            &[("table", "bindings")],
            shared.analyst.bindings_evicted as f64,
        )
        .with(
            &[("table", "corridors")],
            shared.analyst.corridors_refused as f64,
        ),
        Family::counter(
            "borderflow_missing_bytes_total",
            "TCP payload that sequence numbers or acknowledgements show and that was never \
             seen: lost on the way to the sensor.",
        )
        .with(&[], sum(|counts| counts.missing_bytes)),
        Family::counter(
            "borderflow_folded_transfers_total",
            "Transfers told together with others of their asset and country.",
        )
        .with(&[], sum(|counts| counts.rows_folded)),
    ]
}
