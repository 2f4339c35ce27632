//! How events get to other systems. Each of these waits until it is done, for [`TIMEOUT`] at
//! most each step, and is used by a thread of its own.

mod file;
mod http;
mod syslog;
mod tls;

pub use file::RotatingFile;
pub(super) use http::shown;
pub use http::{Http, HttpTarget, PATH_OF_ALERTS};
pub use syslog::{Carrier, SyslogTarget};
pub use tls::{Trust, TrustError};

use std::time::Duration;

use thiserror::Error;

/// The longest that a connection, a write or an answer is waited for.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Why an event was not taken.
#[derive(Debug, Error)]
pub enum SendError {
    /// It may be taken later.
    #[error("{0}")]
    Later(String),
    /// It will never be: it is no use to send it again.
    #[error("{0}")]
    Never(String),
}

impl SendError {
    fn later(error: impl std::fmt::Display) -> Self {
        Self::Later(error.to_string())
    }
}
