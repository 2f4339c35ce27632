//! What may leave the sensor for other systems: one struct, and nothing that is not in it.
//!
//! An event is made from the line of an alert as it is written, so what is made unrecognisable
//! there stays so here. Fields that are not listed below do not leave; docs/sinks.md has the same
//! list for people. Every text is cleaned as it is taken: no control, and nothing that turns the
//! direction of writing, reaches a format. All times are packet time.

use std::net::IpAddr;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::alert::Severity;
use crate::detect::Detector;
use crate::geo::Country;
use crate::ledger::Head;
use crate::report::clean;
use crate::time::Tick;

/// Detectors of an event at most; the alert line has the rest.
pub const DETECTORS_MAX: usize = 8;

/// Conversations of an event at most.
pub const FLOWS_MAX: usize = 4;

/// Something to be told to another system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// A line of an alert.
    Alert(Box<AlertEvent>),
    /// A signed tree head of the ledger, to be kept by a witness.
    Head {
        /// As it stands in `heads.jsonl`.
        head: Head,
    },
}

/// What is told of an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// What became of the incident.
    pub event: Step,
    /// When the line was raised.
    pub time: Moment,
    /// Unique to the line. Who gets a line twice knows it by this.
    pub id: Name,
    /// The incident.
    pub incident: Name,
    /// What it has in common with incidents of other assets.
    pub campaign: Option<Name>,
    /// Who sent.
    pub asset: Name,
    /// Address that it sent from last.
    pub asset_ip: IpAddr,
    /// Country of the receiver, `ZZ` if unknown.
    pub jurisdiction: Country,
    /// Autonomous system of the receiver, 0 if unknown.
    pub asn: u32,
    /// Organisation that holds it.
    pub organisation: Option<Name>,
    /// Registered domain of the receiver.
    pub recipient: Option<Name>,
    /// 0 to 100.
    pub score: u8,
    /// How much it matters.
    pub severity: Severity,
    /// What detectors saw, at most [`DETECTORS_MAX`].
    pub detectors: Vec<DetectorPart>,
    /// When the anomaly began.
    pub window_start: Moment,
    /// Seconds from then to `time`.
    pub window_seconds: u64,
    /// Export bytes since `window_start`.
    pub bytes: u64,
    /// Bytes that were to be expected.
    pub expected_bytes: u64,
    /// Bytes beyond that.
    pub excess_bytes: u64,
    /// Whether the country is new to the asset.
    pub is_new: bool,
    /// How sure the country is.
    pub geo_confidence: Name,
    /// The strongest that any pack says.
    pub verdict: Name,
    /// Which pack says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyPart>,
    /// How much of a week the asset has been learned, 0 to 1.
    pub maturity: f64,
    /// A sentence that a person can act on.
    pub explanation: Sentence,
    /// The conversations that carried most, at most [`FLOWS_MAX`].
    pub flows: Vec<FlowPart>,
}

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It began.
    Open,
    /// It grew.
    Update,
    /// It is over.
    Close,
    /// Nothing happened: somebody tries out a sink.
    Test,
}

/// What a detector saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectorPart {
    /// The detector.
    pub name: Detector,
    /// The chance that a day shows as much.
    pub p: f64,
    /// What it saw.
    pub sentence: Sentence,
}

/// What a pack of law or the register says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyPart {
    /// The pack.
    pub pack: Name,
    /// The rule.
    pub rule: Option<Name>,
    /// Its article and date.
    pub cite: Option<Name>,
    /// The approval that was looked at.
    pub approval: Option<Name>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowPart {
    /// Address of the asset.
    pub src: IpAddr,
    /// Its port.
    pub src_port: u16,
    /// Address of the receiver.
    pub dst: IpAddr,
    /// Its port.
    pub dst_port: u16,
    /// IANA protocol number.
    pub proto: u8,
    /// Bytes in the running hour.
    pub bytes: u64,
    /// What it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Name>,
    /// Host name of the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// How it is protected.
    pub protection: Name,
}

/// A text that was cleaned, of at most so many characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Text<const LETTERS: usize>(String);

/// A name of something, or an identifier. Escapes take up to eight characters, and names of assets
/// have 64 at most.
pub type Name = Text<600>;

/// What is said of something.
pub type Sentence = Text<1_000>;

impl<const LETTERS: usize> From<String> for Text<LETTERS> {
    fn from(text: String) -> Self {
        Self(clean(&text, LETTERS))
    }
}

impl<const LETTERS: usize> Deref for Text<LETTERS> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A second of packet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Tick);

impl Moment {
    /// Seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0.0
    }

    /// Milliseconds since 1970.
    pub const fn milliseconds(self) -> u64 {
        self.0.0.saturating_mul(1_000)
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_string()
    }
}

impl Event {
    /// Takes from the line of an alert what may leave.
    ///
    /// # Errors
    /// Names the field that is not as it should be.
    pub fn of_alert(line: &Value) -> Result<Self, serde_json::Error> {
        let mut alert = AlertEvent::deserialize(line)?;
        alert.detectors.truncate(DETECTORS_MAX);
        alert.flows.truncate(FLOWS_MAX);
        Ok(Self::Alert(Box::new(alert)))
    }

    /// An event by which somebody tries out a sink. Its addresses are for documentation.
    pub fn test(now: Tick, host: &str) -> Self {
        let text = |text: &str| Name::from(text.to_owned());
        let address = |last| IpAddr::from([192, 0, 2, last]);
        Self::Alert(Box::new(AlertEvent {
            event: Step::Test,
            time: Moment(now),
            id: text(&format!("{now}/{host}/test#1")),
            incident: text(&format!("{now}/{host}/test")),
            campaign: None,
            asset: text("test"),
            asset_ip: address(1),
            jurisdiction: Country::UNKNOWN,
            asn: 0,
            organisation: None,
            recipient: None,
            score: 0,
            severity: Severity::Low,
            detectors: Vec::new(),
            window_start: Moment(now),
            window_seconds: 0,
            bytes: 0,
            expected_bytes: 0,
            excess_bytes: 0,
            is_new: false,
            geo_confidence: text("unknown"),
            verdict: text("not_determinable"),
            policy: None,
            maturity: 0.0,
            explanation: TEST_EXPLANATION.to_owned().into(),
            flows: Vec::new(),
        }))
    }

    /// What tells it apart from all others.
    pub fn id(&self) -> String {
        match self {
            Self::Alert(alert) => alert.id.to_string(),
            Self::Head { head } => format!("head/{}/{}", head.size, head.root),
        }
    }

    /// The line of JSON that is it, without a line feed.
    pub fn line(&self) -> String {
        // Numbers and strings that were checked always become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line again.
    ///
    /// # Errors
    /// Says in what it is none.
    pub fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

const TEST_EXPLANATION: &str =
    "This is a test of borderflow: nothing has happened. Whoever reads this gets its alerts.";

impl Step {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Update => "update",
            Self::Close => "close",
            Self::Test => "test",
        }
    }
}

impl AlertEvent {
    /// The detector to which this was the rarest; none of a test.
    pub fn lead(&self) -> Option<&DetectorPart> {
        let least = |a: &&DetectorPart, b: &&DetectorPart| a.p.total_cmp(&b.p);
        self.detectors.iter().min_by(least)
    }

    /// What it is about in a few words, one for each detector.
    pub fn title(&self) -> &'static str {
        self.lead()
            .map_or("test of a sink", |lead| title(lead.name))
    }

    /// The name of the leading detector, `test` of a test.
    pub fn class(&self) -> &'static str {
        self.lead().map_or("test", |lead| lead.name.name())
    }
}

const fn title(detector: Detector) -> &'static str {
    match detector {
        Detector::AssetVolume => "more abroad than before",
        Detector::CountryVolume => "more to a country than before",
        Detector::DestinationVolume => "more to a network than before",
        Detector::ServiceVolume => "more over a service than before",
        Detector::Tunnel => "too much over a service that carries little",
        Detector::NetworkVolume => "more to a network than anybody before",
        Detector::NewCountry => "much to a new country",
        Detector::NewNetwork => "much to a new network",
        Detector::NewService => "much over a new service",
        Detector::NewRecipient => "much to a new recipient",
        Detector::Slow => "a little too much for hours",
        Detector::OddHour => "export at an odd hour",
        Detector::Growth => "growth from week to week",
        Detector::Ceiling => "ceiling passed",
        Detector::Unprotected => "ceiling of unprotected data passed",
        Detector::Names => "data in names that are asked for",
        Detector::Echoes => "data in pings",
        Detector::Policy => "export that a rule speaks against",
        Detector::Splitting => "exports that pass a threshold together",
    }
}

#[cfg(test)]
pub(super) mod tests;
