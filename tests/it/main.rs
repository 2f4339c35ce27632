//! Everything that is tested from outside the library, in one binary: each file of its
//! own under `tests/` would link the library once more.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, says on stdout why it skips, and times the binary"
)]

mod assets;
mod bad_input;
mod captures;
mod ceiling;
mod certificates_tshark;
mod clients;
mod community_id;
mod console;
mod console_scale;
mod daemon;
mod demo;
// The tests of the benchmark, whose own binary has no harness to run them.
#[path = "../../benches/detection/main.rs"]
mod detection;
mod examples;
mod feedback;
mod files;
mod flow_input;
mod flow_sinks;
mod fuzz_corpus;
mod golden;
mod hellos;
mod hellos_foxio;
mod hellos_tshark;
mod hostile;
mod import;
mod inspection;
mod live;
mod metric_names;
mod metrics;
mod mirroring;
mod mutation;
mod openings;
mod oracle;
mod packets;
mod policy;
mod privacy;
mod program;
mod prometheus;
mod recipients;
mod relabels;
mod restart;
mod round_trips;
mod schemas;
mod sinks;
mod snapshots;
mod splitting;
mod support;
mod tidy;
mod tshark;
mod tunnels;
mod workers;
mod worlds;
