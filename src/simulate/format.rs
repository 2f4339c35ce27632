//! The scenario file as it is written, before its names are looked up.
//!
//! `models/scenarios/small-site.toml` explains every key by example.

use serde::Deserialize;
use toml::Spanned;

use super::opening::Protocol;
use super::quantity::{
    Bytes, Clock, CountryCode, Day, Every, HostName, Moment, Prefix, Service, Span,
};

/// A whole scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) seed: u64,
    pub(super) start: Spanned<Moment>,
    pub(super) days: Spanned<u32>,
    pub(super) site: Site,
    #[serde(default)]
    pub(super) destination: Vec<Destination>,
    #[serde(default)]
    pub(super) group: Vec<Group>,
    #[serde(default)]
    pub(super) schedule: Vec<Schedule>,
    #[serde(default)]
    pub(super) benign: Vec<Event>,
    #[serde(default)]
    pub(super) leak: Vec<Event>,
}

/// Where home is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Site {
    pub(super) networks: Vec<Prefix>,
    pub(super) jurisdictions: Vec<CountryCode>,
    pub(super) time_zone: Spanned<String>,
    pub(super) holidays: Option<Spanned<Vec<String>>>,
}

/// Something that assets talk to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Destination {
    pub(super) name: Spanned<String>,
    pub(super) jurisdiction: CountryCode,
    pub(super) addresses: Spanned<Vec<Prefix>>,
    pub(super) service: Service,
    pub(super) rtt_ms: Spanned<f64>,
    #[serde(default = "default_replies")]
    pub(super) replies: Spanned<f64>,
    #[serde(default = "default_flow")]
    pub(super) flow: Bytes,
    #[serde(default = "default_rate_mbit")]
    pub(super) rate_mbit: Spanned<f64>,
    pub(super) protocol: Option<Spanned<Protocol>>,
    pub(super) server_name: Option<HostName>,
}

/// Assets with the same habits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    pub(super) kind: Kind,
    pub(super) network: Spanned<Prefix>,
    pub(super) ipv6_network: Option<Spanned<Prefix>>,
    pub(super) count: Spanned<u32>,
    #[serde(default)]
    pub(super) traffic: Vec<Traffic>,
}

/// What kind of day an asset has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Follows its user: working days, office hours, some evenings.
    Workstation,
    /// Busy by day, never idle.
    Server,
    /// The same at every hour.
    Device,
    /// No habits: its schedules only.
    Backup,
}

/// One habit of a group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Traffic {
    pub(super) to: Option<Spanned<String>>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) daily: Spanned<Bytes>,
    #[serde(default = "default_spread")]
    pub(super) spread: Spanned<f64>,
    #[serde(default = "default_active")]
    pub(super) active: Spanned<f64>,
    #[serde(default = "default_share")]
    pub(super) share: Spanned<f64>,
}

/// Something that runs by the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) name: Spanned<String>,
    pub(super) asset: Spanned<String>,
    pub(super) destination: Spanned<String>,
    pub(super) every: Every,
    pub(super) at: Clock,
    pub(super) duration: Span,
    pub(super) bytes: Bytes,
    #[serde(default = "default_schedule_spread")]
    pub(super) spread: Spanned<f64>,
    #[serde(default = "default_jitter")]
    pub(super) jitter: Span,
}

/// A leak or a benign surprise. Which keys it has depends on its kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    pub(super) id: Spanned<String>,
    pub(super) kind: Spanned<String>,
    pub(super) schedule: Option<Spanned<String>>,
    pub(super) on: Option<Spanned<Day>>,
    pub(super) delay: Option<Span>,
    pub(super) factor: Option<Spanned<f64>>,
    pub(super) asset: Option<Spanned<String>>,
    pub(super) assets: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) destination: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) start: Option<Spanned<Moment>>,
    pub(super) duration: Option<Span>,
    pub(super) bytes: Option<Spanned<Bytes>>,
    pub(super) daily: Option<Spanned<Bytes>>,
    pub(super) flows: Option<Spanned<u32>>,
    pub(super) growth: Option<Spanned<f64>>,
    pub(super) protocol: Option<Spanned<Protocol>>,
    pub(super) server_name: Option<HostName>,
}

impl Event {
    /// Names of the keys that are present, besides `id` and `kind`.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        [
            ("schedule", self.schedule.is_some()),
            ("on", self.on.is_some()),
            ("delay", self.delay.is_some()),
            ("factor", self.factor.is_some()),
            ("asset", self.asset.is_some()),
            ("assets", self.assets.is_some()),
            ("destination", self.destination.is_some()),
            ("to", self.to.is_some()),
            ("start", self.start.is_some()),
            ("duration", self.duration.is_some()),
            ("bytes", self.bytes.is_some()),
            ("daily", self.daily.is_some()),
            ("flows", self.flows.is_some()),
            ("growth", self.growth.is_some()),
            ("protocol", self.protocol.is_some()),
            ("server_name", self.server_name.is_some()),
        ]
        .into_iter()
        .filter_map(|(key, present)| present.then_some(key))
    }
}

fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn default_replies() -> Spanned<f64> {
    unplaced(3.0)
}

fn default_flow() -> Bytes {
    Bytes(100_000)
}

fn default_rate_mbit() -> Spanned<f64> {
    unplaced(40.0)
}

fn default_spread() -> Spanned<f64> {
    unplaced(0.8)
}

fn default_active() -> Spanned<f64> {
    unplaced(0.7)
}

fn default_share() -> Spanned<f64> {
    unplaced(1.0)
}

fn default_schedule_spread() -> Spanned<f64> {
    unplaced(0.1)
}

fn default_jitter() -> Span {
    Span(600_000_000_000)
}
