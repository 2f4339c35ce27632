//! The HTTP port: metrics, health, and the console with its API.
//!
//! One thread with its own runtime, so that a scrape never holds up a packet; queries of the
//! history and looks at passwords have threads of their own, so that they never hold up a
//! scrape. At most [`CONNECTIONS_MAX`] connections: when one more comes, the one that has been
//! idle for longest goes. Headers come within [`HEADER_TIMEOUT`], and who does not take an
//! answer within [`ANSWER_TIMEOUT`] goes without it.
//!
//! Other machines are served with TLS and passwords alone.

#![allow(clippy::disallowed_methods, reason = "timeouts need a clock")]

mod api;
mod auth;
mod bundle;
mod events;
mod feedback;
mod files;
mod query;
mod route;
mod server;
#[cfg(test)]
mod tests;
mod web_config;
mod zone;

pub use auth::Token;
pub use query::QUERIES_MAX;
pub use server::{ANSWER_TIMEOUT, CONNECTIONS_MAX, HEADER_TIMEOUT};
pub use web_config::{WebConfig, WebConfigError};

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use thiserror::Error;

use crate::pipeline::Telemetry;

/// What is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Metrics, health and alerts as they come.
    pub telemetry: Arc<Telemetry>,
    /// Folder of the history, if one is kept.
    pub history: Option<PathBuf>,
    /// Folder of the state, whose log has what people said.
    pub state: Option<PathBuf>,
    /// By what people may say something; without it nobody may.
    pub token: Option<Token>,
    /// Names of the host beside `localhost` and its addresses.
    pub names: Vec<String>,
    /// What the console says of the sensor.
    pub about: About,
}

/// What the console says of the sensor.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Whether it reads what was captured before.
    pub is_replay: bool,
    /// Files, or `interface eth1`.
    pub inputs: Vec<String>,
    /// Countries of the site, as the configuration has them.
    pub jurisdictions: Vec<String>,
    /// Time zone of the site.
    pub time_zone: String,
}

/// Why the port cannot be served.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("--metrics or --console {address}: {source}; is another program using it?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "--metrics or --console {0}: other machines are served with TLS and passwords only: give \
         --web-config a file with tls_server_config and basic_auth_users, or use 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    /// The token of feedback cannot be used.
    #[error("{path}: {message}")]
    Token {
        /// The file.
        path: String,
        /// What is wrong, and the fix.
        message: String,
    },
    /// The web configuration cannot be used.
    #[error(transparent)]
    WebConfig(#[from] WebConfigError),
    /// The runtime or its thread cannot be started.
    #[error("the HTTP port cannot be started: {0}")]
    Start(std::io::Error),
}

/// Serves on `address` until the program ends. Returns the address, in which a port of 0 has
/// been replaced by the one that was given.
///
/// # Errors
/// Where the address is in use, or is no loopback address and `web` lacks TLS or passwords.
pub fn serve(address: SocketAddr, served: Served, web: WebConfig) -> Result<SocketAddr, HttpError> {
    let is_for_others = !address.ip().is_loopback();
    if is_for_others && !web.is_for_others() {
        return Err(HttpError::NotLoopback(address));
    }
    let listen = |source| HttpError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .map_err(HttpError::Start)?;
    let tls = web.tls.clone();
    let site = Arc::new(route::Site::new(served, web, is_for_others));
    thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(server::accept(listener, site, tls)))
        .map_err(HttpError::Start)?;
    Ok(bound)
}

/// Threads for queries, for feedback and for passwords.
const BLOCKING_THREADS_MAX: usize = QUERIES_MAX + 2;
