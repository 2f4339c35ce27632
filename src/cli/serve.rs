//! The HTTP port and the history, as `run` and `replay` have them.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::config::Config;
use crate::history::Origin;
use crate::http::{self, About, Served, Token, WebConfig};
use crate::pipeline::{Historian, Outputs, Telemetry};

use super::CommandError;
use super::arguments::{CommonArguments, ReplayArguments};
use super::terminal::Terminal;

/// Where the console is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    address: SocketAddr,
    has_tls: bool,
    has_console: bool,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.has_tls { "https" } else { "http" };
        let address = self.address;
        if self.has_console {
            write!(f, "console at {scheme}://{address}/ and ")?;
        }
        write!(f, "metrics at {scheme}://{address}/metrics")
    }
}

/// By what the HTTP port admits people.
#[derive(Debug, Default)]
pub(super) struct Admission {
    web: WebConfig,
    token: Option<Token>,
}

impl Admission {
    /// Reads certificate, users and token, if a port is wanted. A sensor may not read them any more
    /// once it has given up what it does not need.
    pub(super) fn read(
        arguments: &CommonArguments,
        console: Option<SocketAddr>,
        config: &Config,
    ) -> Result<Self, CommandError> {
        if console.or(arguments.metrics).is_none() {
            return Ok(Self::default());
        }
        let web = arguments.web_config.as_ref();
        let web = web.or(config.http.web_config.as_ref());
        let web = web.map(|path| WebConfig::read(path)).transpose();
        let token = config.http.feedback_token_file.as_ref();
        Ok(Self {
            web: web.map_err(http::HttpError::from)?.unwrap_or_default(),
            token: token.map(|path| Token::read(path)).transpose()?,
        })
    }
}

/// Serves the HTTP port, if one is wanted: that of the console, or else that of --metrics. Says
/// where it is.
pub(super) fn serve(
    arguments: &CommonArguments,
    console: Option<SocketAddr>,
    Admission { web, token }: Admission,
    (config, inputs): (&Config, &[String]),
    telemetry: &Arc<Telemetry>,
    terminal: &Terminal,
) -> Result<Option<Link>, CommandError> {
    let Some(address) = console.or(arguments.metrics) else {
        return Ok(None);
    };
    let jurisdictions = config.site.jurisdictions.0.iter();
    let served = Served {
        telemetry: Arc::clone(telemetry),
        history: config.history.dir.clone(),
        state: config.state.dir.clone(),
        token,
        names: config.http.names.clone(),
        about: About {
            is_replay: !inputs.iter().any(|name| name.starts_with("interface ")),
            inputs: inputs.to_vec(),
            jurisdictions: jurisdictions.map(|one| one.code().to_owned()).collect(),
            time_zone: config.site.time_zone.clone(),
        },
    };
    let has_tls = web.has_tls();
    let address = http::serve(address, served, web)?;
    let link = Link {
        address,
        has_tls,
        has_console: config.history.dir.is_some(),
    };
    terminal.complain(&link.to_string());
    Ok(Some(link))
}

/// Adds the history of the configuration, if it names one, and those that look on.
pub(super) fn with_history(
    outputs: Outputs,
    config: &Config,
    origin: Origin,
    telemetry: &Arc<Telemetry>,
    terminal: &Terminal,
) -> Result<Outputs, CommandError> {
    let telemetry = Arc::clone(telemetry);
    let Some(folder) = &config.history.dir else {
        return Ok(outputs.with_history(Historian::without_history(telemetry)));
    };
    let (historian, notes) = Historian::open(folder, &config.history, origin, telemetry)?;
    notes.iter().for_each(|note| terminal.complain(note));
    Ok(outputs.with_history(historian))
}

/// Waits for Ctrl-C while the console shows what was replayed.
pub(super) fn await_stop(link: Option<&Link>, stop: &AtomicBool, terminal: &Terminal) {
    let Some(link) = link.filter(|_| !stop.load(Ordering::Relaxed)) else {
        return;
    };
    terminal.complain(&format!("all is read; {link}; stop with Ctrl-C"));
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(POLL);
    }
}

/// How often it is looked whether to stop.
const POLL: Duration = Duration::from_millis(50);

/// A folder for the history of a replay that is wanted for its console alone; it goes with the
/// program.
#[derive(Debug)]
pub(super) struct Scratch(Option<PathBuf>);

impl Scratch {
    pub(super) fn for_console(arguments: &ReplayArguments) -> Result<Self, CommandError> {
        if arguments.console.is_none() || arguments.common.history.is_some() {
            return Ok(Self(None));
        }
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let names = (0..NAMES_MAX).map(|number| {
            let name = format!("borderflow-{}-{number}", std::process::id());
            std::env::temp_dir().join(name)
        });
        let mut failed = None;
        for path in names {
            match builder.create(&path) {
                Ok(()) => return Ok(Self(Some(path))),
                Err(error) => {
                    let is_taken = error.kind() == io::ErrorKind::AlreadyExists;
                    failed = Some((path.display().to_string(), error));
                    if !is_taken {
                        break;
                    }
                }
            }
        }
        let (path, source) = failed.unwrap_or_else(|| (String::new(), io::Error::other("none")));
        Err(CommandError::Log { path, source })
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.0.clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // What is left is in a folder for what is left.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Names that are tried.
const NAMES_MAX: usize = 100;
