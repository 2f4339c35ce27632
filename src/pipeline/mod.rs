//! The wiring: threads, channels and clocks are here and nowhere else.
//!
//! ```text
//! reader ── decode, tick, deal ──> worker 0..N ── flows, transfers ──> analyst ──> sinks
//!          batches of 1,024 packets            one output per tick
//! ```
//!
//! The analyst takes one output of every worker per tick, so that the slowest sets the
//! pace and the result does not depend on the number of workers. With one worker all of
//! it runs in the reader's thread. The lines of `flows.jsonl` are written by the workers, and
//! where there are several, a thread of its own merges them: by tick and key, where a tick of
//! more than 262,144 packets is taken in parts of so many.

#![allow(clippy::disallowed_methods, reason = "the wiring may read a clock")]

mod analyst;
mod clock;
mod delivery;
mod duplicates;
mod engine;
mod exchange;
mod feed;
mod feedback;
mod flow_delivery;
mod flow_file;
mod flow_input;
mod flow_records;
mod historian;
mod inspection;
mod intake;
mod latency;
mod live;
mod merge;
mod observe;
mod openings;
mod outputs;
mod overlaps;
mod owners;
mod pieces;
mod reader;
mod recipients;
mod recorder;
mod replay;
mod sensor;
mod setup;
mod silence;
mod sink_counts;
mod state;
mod summary;
mod telemetry;
mod totals;
mod vitals;

pub use delivery::{DeliveryError, Sending, Sinks, Tell, origin};
pub use duplicates::Duplicates;
pub use exchange::Exchange;
pub use feed::Feed;
pub use feedback::{FeedbackLog, accepted_until};
pub use flow_input::FlowInput;
pub use historian::Historian;
pub use intake::{INTAKE_ALERTS_MAX, Import, Imported, Intake, intake};
pub use live::{live, wall_clock_tick};
pub use outputs::Outputs;
pub use recorder::{Commits, Heading, Recorder};
pub use replay::{Progress, follow, replay};
pub use setup::Setup;
pub use state::{SavedBaseline, SavedIncident, saved_baseline, saved_incident};
pub use summary::{JurisdictionRow, RunReport, StandpointRow, Summary};
pub use telemetry::{RunTotals, Status, Telemetry};
pub use vitals::{Beats, Reloaded};

use thiserror::Error;

use crate::capture::CaptureError;
use crate::geo::GeoError;
use crate::inspect::InspectError;
use crate::ledger::LedgerError;
use crate::privacy::PrivacyError;
use crate::sink::SinkError;
use crate::store::StoreError;
use crate::time::CalendarError;

/// Workers that may be asked for.
pub const WORKERS_MAX: usize = crate::flow::SHARDS;

/// Why a run could not start or had to stop.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// A source of frames.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A geolocation database.
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// An output.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The learned state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Content inspection.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The key of pseudonyms.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// An address on which flow records are to be taken.
    #[error("flow_input.listen {address}: {source}; name an address of this host and a free port")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    /// A thread ended by a defect of this program.
    #[error("{0} failed by a defect of this program; please report it with the line above")]
    Panicked(&'static str),
    /// The clock of this machine was set back under a running sensor.
    #[error(
        "the clock was set back by {seconds} s, and time would stand still until it has caught \
         up; start again"
    )]
    ClockSetBack {
        /// By how much, in seconds.
        seconds: u64,
    },
    /// Another thread stopped first, and has the reason.
    #[error("stopped")]
    Stopped,
}

/// Starts a thread.
fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>, PipelineError> {
    std::thread::Builder::new()
        .name(name)
        .spawn(run)
        .map_err(PipelineError::Thread)
}
