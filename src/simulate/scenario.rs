//! A scenario with every name looked up: what [`simulate`](super::simulate) plays.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;

use super::builder::Builder;
use super::events::add_events;
use super::format::{Document, Kind};
use super::opening::Protocol;
use super::quantity::Service;
use crate::time::Calendar;

/// A site, its habits, and what goes wrong there.
#[derive(Debug)]
pub struct Scenario {
    pub(super) seed: u64,
    /// First moment, nanoseconds since the epoch.
    pub(super) start: u64,
    /// First moment after the last.
    pub(super) end: u64,
    pub(super) calendar: Calendar,
    pub(super) networks: Vec<IpNet>,
    pub(super) home: Vec<String>,
    pub(super) assets: Vec<Asset>,
    pub(super) destinations: Vec<Destination>,
    pub(super) habits: Vec<Habit>,
    pub(super) growths: Vec<Growth>,
    pub(super) uploads: Vec<Upload>,
    pub(super) events: Vec<Event>,
}

/// Why there is no scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file could not be read.
    #[error("cannot read the scenario {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not a scenario.
    #[error("{name}, line {line}, column {column}: {message}")]
    Wrong {
        /// The file, or `scenario` for a text from elsewhere.
        name: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there and what to write instead.
        message: String,
    },
}

impl Scenario {
    /// Reads a scenario from a file.
    ///
    /// # Errors
    /// The file cannot be read, or its text is not a scenario.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        read_file(path, Self::from_toml)
    }

    /// Replaces the seed: the same site and the same events on other days.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// Reads a scenario from TOML.
    ///
    /// # Errors
    /// Unknown keys and names, quantities out of range and moments outside the scenario
    /// are refused with their line and column.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let document: Document = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(text, at, error.message().to_owned())
        })?;
        let mut builder = Builder::new(text, &document)?;
        builder.add_destinations(&document.destination)?;
        for group in &document.group {
            builder.add_group(group)?;
        }
        add_events(&mut builder, &document)?;
        Ok(builder.scenario)
    }

    /// Whether data to this destination leaves home.
    pub(super) fn is_foreign(&self, destination: &Destination) -> bool {
        !destination.is_internal && !self.home.contains(&destination.jurisdiction)
    }
}

/// One machine of the site.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) ipv4: Ipv4Addr,
    pub(super) ipv6: Option<Ipv6Addr>,
}

/// Something that assets talk to.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) jurisdiction: String,
    pub(super) networks: Vec<IpNet>,
    /// Whether it is in the site's own networks.
    pub(super) is_internal: bool,
    pub(super) service: Service,
    pub(super) speech: Speech,
    pub(super) rtt_nanos: u64,
    /// Payload bytes that come back for one that is sent.
    pub(super) replies: f64,
    /// Typical payload that one conversation sends.
    pub(super) flow_bytes: u64,
    pub(super) bytes_per_second: f64,
}

/// What conversations begin with.
#[derive(Clone, Debug)]
pub(super) struct Speech {
    pub(super) protocol: Protocol,
    /// The host that is asked for, where the scenario names it.
    pub(super) server_name: Option<Arc<str>>,
}

impl Speech {
    /// The name that is asked for where the scenario has none: that of a host which does not
    /// exist (RFC 2606 section 3).
    pub(super) fn name_or(&self, otherwise: &str) -> Arc<str> {
        let letter = |letter: char| match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => letter,
            _ => '-',
        };
        let made_up = || {
            let label: String = otherwise
                .chars()
                .take(LABEL_CHARS_MAX)
                .map(letter)
                .collect();
            let label = match label.trim_matches('-') {
                "" => "host",
                label => label,
            };
            format!("{label}.example.com").into()
        };
        self.server_name.clone().unwrap_or_else(made_up)
    }
}

/// What one asset does with one destination, hour by hour.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    /// Name of its stream of chance.
    pub(super) label: String,
    pub(super) asset: usize,
    pub(super) destination: usize,
    /// Whether the destination opens the conversations.
    pub(super) is_served: bool,
    /// Payload sent on a usual working day.
    pub(super) daily_bytes: f64,
    pub(super) spread: f64,
    /// Share of busy hours in which anything is sent.
    pub(super) active: f64,
    /// When it is in force, nanoseconds since the epoch.
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) event: Option<usize>,
}

/// A leak that hides in a habit: its conversations send so much more.
#[derive(Clone, Debug)]
pub(super) struct Growth {
    pub(super) habit: usize,
    pub(super) from: u64,
    pub(super) until: u64,
    pub(super) share: f64,
    pub(super) event: usize,
}

/// A fixed amount sent within a fixed time.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// Name of its stream of chance.
    pub(super) label: String,
    pub(super) asset: usize,
    pub(super) destination: usize,
    pub(super) start: u64,
    pub(super) duration: u64,
    pub(super) bytes: u64,
    pub(super) flows: u32,
    /// Whether as much comes back, as in a call.
    pub(super) is_call: bool,
    /// What it says, where that is not what is said with the destination.
    pub(super) speech: Option<Speech>,
    pub(super) event: Option<usize>,
}

/// A leak or a benign surprise of one asset.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) asset: usize,
    pub(super) destination: usize,
    pub(super) is_benign: bool,
}

/// Longest label of a name (RFC 1035 section 2.3.4).
const LABEL_CHARS_MAX: usize = 63;

/// Reads a file, whose name its errors then have.
pub(super) fn read_file<T>(
    path: &Path,
    from_toml: impl FnOnce(&str) -> Result<T, ScenarioError>,
) -> Result<T, ScenarioError> {
    let read = |source| ScenarioError::Read {
        path: path.to_owned(),
        source,
    };
    from_toml(&fs::read_to_string(path).map_err(read)?).map_err(|mut error| {
        if let ScenarioError::Wrong { name, .. } = &mut error {
            *name = path.display().to_string();
        }
        error
    })
}

pub(super) fn wrong(text: &str, at: usize, message: String) -> ScenarioError {
    let before = text.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    ScenarioError::Wrong {
        name: "scenario".to_owned(),
        line,
        column,
        message,
    }
}
