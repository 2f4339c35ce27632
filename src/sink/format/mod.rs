//! Events as other systems read them: pure functions, one file for each format.

mod alertmanager;
mod cef;
mod conn_log;
mod ecs;
mod eve;
mod eve_flow;
mod ocsf;
mod ocsf_flow;
mod syslog;
#[cfg(test)]
mod tests;
mod zeek;

pub use alertmanager::Alertmanager;
pub use zeek::{closed as zeek_closed, header as zeek_header};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::event::{Event, Moment};
use super::flow_event::FlowEvent;

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Our own JSON.
    Json,
    /// EVE JSON, as Suricata writes alerts.
    Eve,
    /// Zeek's notice.log, in columns between tabs.
    Zeek,
    /// The same in JSON.
    ZeekJson,
    /// Elastic Common Schema 8.11.
    Ecs,
    /// Detection Finding (2004) of the Open Cybersecurity Schema Framework 1.3.
    Ocsf,
    /// ArcSight Common Event Format 0.
    Cef,
    /// Structured data of RFC 5424 and a sentence; only over syslog.
    Structured,
}

/// Who sends.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Name of the host, printable ASCII without spaces.
    pub host: String,
}

impl Origin {
    /// Makes the name of a host one of 255 printable characters of ASCII at most, as RFC 5424
    /// wants it.
    pub fn new(host: &str) -> Self {
        let letters = host.chars().filter(char::is_ascii_graphic);
        let host: String = letters.take(HOST_BYTES_MAX).collect();
        let host = if host.is_empty() {
            "-".to_owned()
        } else {
            host
        };
        Self { host }
    }
}

const HOST_BYTES_MAX: usize = 255;

/// The name under which the sensor is known to others.
const PRODUCT: &str = "borderflow";

/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Format {
    /// Whether heads of the ledger can be told in it.
    pub const fn carries_heads(self) -> bool {
        matches!(self, Self::Json | Self::Ecs | Self::Structured)
    }

    /// Whether it is JSON.
    pub const fn is_json(self) -> bool {
        matches!(
            self,
            Self::Json | Self::Eve | Self::ZeekJson | Self::Ecs | Self::Ocsf
        )
    }

    /// The name under which it is set.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Eve => "eve",
            Self::Zeek => "zeek",
            Self::ZeekJson => "zeek_json",
            Self::Ecs => "ecs",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Structured => "structured",
        }
    }

    /// The event on one line, without a line feed; nothing where the format has no place for
    /// it.
    pub fn line(self, event: &Event, origin: &Origin) -> Option<String> {
        match (self, event) {
            (Self::Json, event) => Some(event.line()),
            (Self::Eve, Event::Alert(alert)) => Some(eve::line(alert, origin)),
            (Self::Zeek, Event::Alert(alert)) => Some(zeek::columns(alert, origin)),
            (Self::ZeekJson, Event::Alert(alert)) => Some(zeek::json(alert, origin)),
            (Self::Ecs, event) => Some(ecs::line(event, origin)),
            (Self::Ocsf, Event::Alert(alert)) => Some(ocsf::line(alert, origin)),
            (Self::Cef, Event::Alert(alert)) => Some(cef::line(alert)),
            (Self::Structured, event) => Some(syslog::message(event)),
            (_, Event::Head { .. }) => None,
        }
    }

    /// A flow on one line, without a line feed; nothing where the format has no place for it.
    pub fn flow_line(self, flow: &FlowEvent, origin: &Origin) -> Option<String> {
        match self {
            Self::Eve => Some(eve_flow::line(flow, origin)),
            Self::Zeek => Some(conn_log::columns(flow)),
            Self::Ocsf => Some(ocsf_flow::line(flow, origin)),
            Self::Json | Self::ZeekJson | Self::Ecs | Self::Cef | Self::Structured => None,
        }
    }

    /// What a file of flows begins with.
    pub fn flow_header(self, opened: Moment) -> String {
        match self {
            Self::Zeek => conn_log::header(opened),
            _ => String::new(),
        }
    }

    /// What a file of flows ends with that is complete.
    pub fn flow_footer(self, closed: Moment) -> String {
        match self {
            Self::Zeek => zeek_closed(closed),
            _ => String::new(),
        }
    }

    /// The event as a message of RFC 5424.
    pub fn syslog(self, event: &Event, origin: &Origin) -> Option<String> {
        let text = self.line(event, origin)?;
        Some(syslog::frame(event, origin, self, &text))
    }
}

/// The line of an object, without what is null and what is then empty.
fn dense(value: Value) -> String {
    without_nulls(value).map_or_else(String::new, |value| value.to_string())
}

fn without_nulls(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields: Map<_, _> = fields
                .filter_map(|(name, value)| Some((name, without_nulls(value)?)))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Array(values) => Some(values.into_iter().filter_map(without_nulls).collect()),
        value => Some(value),
    }
}

/// The name of a protocol as most formats write it, where it is a common one.
const fn transport(proto: u8) -> Option<&'static str> {
    match proto {
        1 => Some("icmp"),
        6 => Some("tcp"),
        17 => Some("udp"),
        58 => Some("ipv6-icmp"),
        132 => Some("sctp"),
        _ => None,
    }
}
