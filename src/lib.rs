//! borderflow: a real-time detector of anomalous cross-border data flows.
//!
//! # The pipeline
//!
//! Data flows one way through the modules below, in the order in which they are
//! listed. A module may use only the modules that stand before it; `tests/it/tidy.rs`
//! fails when one does not.
//!
//! The *sensor half* (`capture` to `transfer`) turns frames into transfers: what one
//! asset sent to one foreign peer. It is sharded by address pair and shares nothing.
//! The *analyst half* (`baseline` to `sink`) runs in one thread, learns what is normal
//! and raises alerts at the close of each tick, a second of packet time.
//!
//! Every stage up to `simulate` is a plain struct: it owns no thread, no channel and no
//! clock, and the time is an argument. `pipeline` is the only module that wires stages
//! to threads. `docs/architecture.md` tells the life of a packet in eight steps.

pub mod time;

mod prefetch;

pub mod metrics;

pub mod store;

pub mod capture;

pub mod decode;

pub mod dissect;

pub mod inspect;

pub mod geo;

pub mod flow;

pub mod inventory;

pub mod privacy;

pub mod transfer;

pub mod intake;

pub mod policy;

pub mod baseline;

pub mod detect;

pub mod alert;

pub mod ledger;

pub mod history;

pub mod report;

pub mod sink;

pub mod simulate;

pub mod config;

pub mod sandbox;

pub mod pipeline;

pub mod http;

pub mod cli;
