//! What the operator sets of a sink: `[[sink]]`.

mod check;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use check::wrong;

use super::event::Event;
use super::flow_target::FlowTarget;
use super::format::{Alertmanager, Format};
use super::target::Target;
use super::transport::{
    Carrier, Http, HttpTarget, IpfixTarget, PATH_OF_ALERTS, RotatingFile, SyslogTarget, Trust,
    TrustError, shown,
};
use crate::alert::Severity;

/// Sinks of one sensor at most.
pub const SINKS_MAX: usize = 16;

/// A system that alerts, heads of the ledger, or flows are handed to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkSettings {
    /// What it is.
    pub kind: Spanned<SinkKind>,
    /// What it is called, and its folder below the state; the kind if not given.
    pub name: Option<Spanned<String>>,
    /// How events are written.
    pub format: Option<Spanned<Format>>,
    /// The file of a file.
    pub path: Option<Spanned<PathBuf>>,
    /// Bytes at which a file is renamed.
    pub rotate_bytes: Option<Spanned<u64>>,
    /// Renamed files that are kept.
    pub rotate_files: Option<Spanned<u32>>,
    /// Host and port of syslog, or of a collector of flows.
    pub address: Option<Spanned<String>>,
    /// What carries syslog or IPFIX.
    pub carrier: Option<Spanned<Carrier>>,
    /// Where HTTP goes.
    pub url: Option<Spanned<String>>,
    /// File of a token that HTTP shows.
    pub token_file: Option<Spanned<PathBuf>>,
    /// File of the authorities that are trusted; those of the system if not given.
    pub tls_ca: Option<Spanned<PathBuf>>,
    /// File of the certificate that is shown, and of its key.
    pub tls_certificate: Option<Spanned<PathBuf>>,
    /// The key.
    pub tls_key: Option<Spanned<PathBuf>>,
    /// Alerts of less are not told.
    pub severity_at_least: Option<Severity>,
    /// Whether alerts are told.
    #[serde(default = "yes")]
    pub alerts: bool,
    /// Whether heads of the ledger are.
    pub heads: Option<Spanned<bool>>,
    /// Bytes of events that wait while the other side is away.
    pub spool_bytes: Option<Spanned<u64>>,
}

const fn yes() -> bool {
    true
}

/// What a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// A file with rotation.
    File,
    /// A server of syslog.
    Syslog,
    /// Anything that takes JSON by POST.
    Webhook,
    /// Prometheus Alertmanager.
    Alertmanager,
    /// A file of flows, with rotation.
    FlowFile,
    /// A collector of flows.
    Ipfix,
}

/// What is wrong with the settings, and at which byte of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkWrong {
    /// Where.
    pub offset: usize,
    /// What, and the fix.
    pub message: String,
}

/// Why a sink cannot be used.
#[derive(Debug, Error)]
pub enum SinkOpenError {
    /// A certificate or key.
    #[error("sink `{0}`: {1}")]
    Trust(String, TrustError),
    /// The token.
    #[error("sink `{name}`: token_file {path}: {why}")]
    Token {
        /// The sink.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Bytes at which a file is renamed, if nothing else is set.
pub const ROTATE_BYTES: u64 = 100_000_000;

/// Renamed files that are kept, if nothing else is set.
pub const ROTATE_FILES: u32 = 5;

/// Bytes that wait while the other side is away, if nothing else is set.
pub const SPOOL_BYTES: u64 = 64 << 20;

/// Less has no room for a few events.
const BYTES_MIN: u64 = 1 << 18;

/// Renamed files at most.
const ROTATE_FILES_MAX: u32 = 1_000;

const NAME_LETTERS_MAX: usize = 32;

const TOKEN_BYTES_MAX: u64 = 16 * 1024;

impl SinkKind {
    /// All kinds, in the order of their counters.
    pub const ALL: [Self; 6] = [
        Self::File,
        Self::Syslog,
        Self::Webhook,
        Self::Alertmanager,
        Self::FlowFile,
        Self::Ipfix,
    ];

    /// The name under which it is set and counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::FlowFile => "flow_file",
            Self::Ipfix => "ipfix",
        }
    }

    /// Whether it is handed flows, and neither alerts nor heads.
    pub const fn takes_flows(self) -> bool {
        matches!(self, Self::FlowFile | Self::Ipfix)
    }

    const fn formats(self) -> &'static [Format] {
        match self {
            Self::File => &[
                Format::Json,
                Format::Eve,
                Format::Zeek,
                Format::ZeekJson,
                Format::Ecs,
                Format::Ocsf,
                Format::Cef,
            ],
            Self::Syslog => &[
                Format::Structured,
                Format::Cef,
                Format::Json,
                Format::Eve,
                Format::ZeekJson,
                Format::Ecs,
                Format::Ocsf,
            ],
            Self::Webhook => &[
                Format::Json,
                Format::Eve,
                Format::ZeekJson,
                Format::Ecs,
                Format::Ocsf,
            ],
            Self::FlowFile => &[Format::Zeek, Format::Eve, Format::Ocsf],
            Self::Alertmanager | Self::Ipfix => &[],
        }
    }
}

impl SinkSettings {
    /// Holds the settings of all sinks against what there is.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check(sinks: &[Self]) -> Result<(), SinkWrong> {
        let mut names = BTreeSet::new();
        for (place, sink) in sinks.iter().enumerate() {
            let at_kind = sink.kind.span().start;
            if place >= SINKS_MAX {
                return wrong(at_kind, format!("more than {SINKS_MAX} sinks"));
            }
            let offset = sink.name.as_ref().map_or(at_kind, |name| name.span().start);
            let name = sink.name();
            let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            if name.is_empty() || name.len() > NAME_LETTERS_MAX || !name.bytes().all(is_letter) {
                let why = format!(
                    "`{}` is no name of a sink: use 1 to {NAME_LETTERS_MAX} of a-z, 0-9, - and _",
                    name.escape_debug()
                );
                return wrong(offset, why);
            }
            if !names.insert(name) {
                let why = format!("two sinks are called `{name}`: give each a `name` of its own");
                return wrong(offset, why);
            }
            sink.check_keys()?;
            sink.check_events()?;
            sink.check_place()?;
            sink.check_numbers()?;
        }
        Ok(())
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        let name = self.name.as_ref().map(|name| name.get_ref().as_str());
        name.unwrap_or_else(|| self.kind.get_ref().name())
    }

    /// Bytes of events that wait while the other side is away.
    pub fn spool_bytes(&self) -> u64 {
        self.spool_bytes
            .as_ref()
            .map_or(SPOOL_BYTES, |bytes| *bytes.get_ref())
    }

    /// Whether it is to be told of an event.
    pub fn wants(&self, event: &Event) -> bool {
        if self.kind.get_ref().takes_flows() {
            return false;
        }
        match event {
            Event::Alert(alert) => {
                let least = self.severity_at_least.unwrap_or(Severity::Low);
                self.alerts && alert.severity >= least
            }
            Event::Head { .. } => self.wants_heads(),
        }
    }

    /// Whether heads of the ledger are told.
    pub fn wants_heads(&self) -> bool {
        self.heads.as_ref().is_some_and(|heads| *heads.get_ref())
    }

    /// Files that are read when it is opened.
    pub fn files_read(&self) -> impl Iterator<Item = &Path> {
        let files = [
            &self.token_file,
            &self.tls_ca,
            &self.tls_certificate,
            &self.tls_key,
        ];
        let files = files.into_iter().flatten();
        files.map(|file| file.get_ref().as_path())
    }

    /// The folder in which its file is written and renamed, if it has one.
    pub fn folder_written(&self) -> Option<&Path> {
        let folder = self.path.as_ref()?.get_ref().parent()?;
        Some(match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        })
    }

    /// Makes paths relative to the folder of the configuration.
    pub fn resolve_paths(&mut self, folder: &Path) {
        let paths = [
            &mut self.path,
            &mut self.token_file,
            &mut self.tls_ca,
            &mut self.tls_certificate,
            &mut self.tls_key,
        ];
        for path in paths.into_iter().flatten() {
            let resolved = folder.join(path.get_ref());
            *path.get_mut() = resolved;
        }
    }

    /// Where it goes, for people.
    pub fn place(&self) -> String {
        let text = |text: &Option<Spanned<String>>| {
            text.as_ref()
                .map_or_else(String::new, |text| text.get_ref().clone())
        };
        match self.kind.get_ref() {
            SinkKind::File | SinkKind::FlowFile => {
                let path = self.path.as_ref().map(|path| path.get_ref().display());
                path.map_or_else(String::new, |path| path.to_string())
            }
            SinkKind::Syslog | SinkKind::Ipfix => {
                let carrier = match self.carrier() {
                    Carrier::Udp => "UDP",
                    Carrier::Tcp => "TCP",
                    Carrier::Tls => "TLS",
                };
                format!("{} over {carrier}", text(&self.address))
            }
            SinkKind::Webhook | SinkKind::Alertmanager => shown(&text(&self.url)),
        }
    }

    /// Reads what the settings name, and makes the sink. Nothing is sent. One that takes flows is
    /// made by [`SinkSettings::open_flows`].
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn open(&self) -> Result<Option<Target>, SinkOpenError> {
        let of_trust = |error| SinkOpenError::Trust(self.name().to_owned(), error);
        let format = self.format();
        Ok(Some(match self.kind.get_ref() {
            SinkKind::File => Target::File(self.file(), format),
            SinkKind::Syslog => {
                let trust = match self.carrier() {
                    Carrier::Tls => Some(self.trust().map_err(of_trust)?),
                    Carrier::Udp | Carrier::Tcp => None,
                };
                let target = SyslogTarget::new(self.address(), self.carrier(), trust.as_ref());
                Target::Syslog(Box::new(target.map_err(of_trust)?), format)
            }
            SinkKind::Webhook => Target::Webhook(self.http("")?, format),
            SinkKind::Alertmanager => {
                Target::Alertmanager(self.http(PATH_OF_ALERTS)?, Alertmanager::default())
            }
            SinkKind::FlowFile | SinkKind::Ipfix => return Ok(None),
        }))
    }

    /// Makes the sink, if it takes flows. Nothing is sent.
    pub fn open_flows(&self) -> Option<FlowTarget> {
        match self.kind.get_ref() {
            SinkKind::FlowFile => Some(FlowTarget::File(self.file(), self.format())),
            SinkKind::Ipfix => {
                let target = IpfixTarget::new(self.address(), self.carrier());
                Some(FlowTarget::Ipfix(Box::new(target)))
            }
            SinkKind::File | SinkKind::Syslog | SinkKind::Webhook | SinkKind::Alertmanager => None,
        }
    }

    fn file(&self) -> RotatingFile {
        let path = self.path.as_ref().map(|path| path.get_ref().clone());
        let bytes = self.rotate_bytes.as_ref().map(|one| *one.get_ref());
        let files = self.rotate_files.as_ref().map(|one| *one.get_ref());
        RotatingFile::new(
            path.unwrap_or_default(),
            bytes.unwrap_or(ROTATE_BYTES),
            files.unwrap_or(ROTATE_FILES),
        )
    }

    fn address(&self) -> &str {
        self.address
            .as_ref()
            .map_or("", |address| address.get_ref().as_str())
    }

    fn http(&self, path: &str) -> Result<Http, SinkOpenError> {
        let url = self.url.as_ref().map(|url| url.get_ref().as_str());
        let url = url.unwrap_or_default();
        let trust = url.starts_with(HTTPS).then(|| self.trust()).transpose();
        Ok(Http::new(HttpTarget {
            url: format!("{}{path}", url.trim_end_matches('/')),
            token: self.token()?,
            trust: trust.map_err(|error| SinkOpenError::Trust(self.name().to_owned(), error))?,
        }))
    }

    fn token(&self) -> Result<Option<String>, SinkOpenError> {
        let Some(path) = self.token_file.as_ref().map(Spanned::get_ref) else {
            return Ok(None);
        };
        let failed = |why: String| SinkOpenError::Token {
            name: self.name().to_owned(),
            path: path.clone(),
            why,
        };
        let mut token = String::new();
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        let read = file.take(TOKEN_BYTES_MAX).read_to_string(&mut token);
        read.map_err(|error| failed(error.to_string()))?;
        let token = token.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(failed("one line of printable ASCII is expected".to_owned()));
        }
        Ok(Some(token.to_owned()))
    }

    fn trust(&self) -> Result<Trust, TrustError> {
        let path = |path: &Option<Spanned<PathBuf>>| path.as_ref().map(|one| one.get_ref().clone());
        let own = path(&self.tls_certificate).zip(path(&self.tls_key));
        let own = own.as_ref().map(|(chain, key)| (&**chain, &**key));
        Trust::read(path(&self.tls_ca).as_deref(), own)
    }

    fn carrier(&self) -> Carrier {
        self.carrier
            .as_ref()
            .map_or(Carrier::Udp, |carrier| *carrier.get_ref())
    }

    fn format(&self) -> Format {
        let default = match self.kind.get_ref() {
            SinkKind::Syslog => Format::Structured,
            SinkKind::FlowFile => Format::Zeek,
            SinkKind::File | SinkKind::Webhook | SinkKind::Alertmanager | SinkKind::Ipfix => {
                Format::Json
            }
        };
        self.format
            .as_ref()
            .map_or(default, |format| *format.get_ref())
    }
}

/// How addresses of the web begin that are spoken to in TLS.
const HTTPS: &str = "https://";

#[cfg(test)]
mod tests;
