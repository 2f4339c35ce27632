//! The life of an incident.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::baseline::TopFlow;
use crate::decode::Mac;
use crate::detect::{Bytes, Detector, Finding, Told};
use crate::geo::{Confidence, Country};
use crate::inventory::AssetKey;
use crate::time::{SECONDS_PER_DAY, Tick};

use super::{Alert, AlertFlow, DetectorLine, Event, Severity};

/// Incidents that may be open at once; any more are counted and not told.
pub const INCIDENTS_MAX: usize = 10_000;

/// The least by which the excess must grow for an incident to be told again: 1 MiB.
const UPDATE_BYTES_MIN: u64 = 1 << 20;

/// Seconds without a finding after which an incident is closed.
pub const QUIET_SECONDS: u64 = SECONDS_PER_DAY;

/// The open incidents of a site, at most one per asset and country.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Incidents {
    open: BTreeMap<(AssetKey, Country), Incident>,
    refused: u64,
}

/// What is known of an asset and a country at the close of a tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Observed {
    /// How the asset is called: by its name, or by an address.
    pub asset: String,
    /// Its network card, if it is told by that.
    pub asset_mac: Option<Mac>,
    /// Address that the asset sent from last.
    pub asset_ip: IpAddr,
    /// How sure the country is.
    pub confidence: Confidence,
    /// How much of a week the asset has been learned, 0 to 1.
    pub maturity: f64,
    /// Conversations of the running hour, the largest first.
    pub top_flows: Vec<TopFlow>,
    /// Autonomous system that received most in the running hour, 0 if unknown.
    pub asn: u32,
    /// Organisation that holds it.
    pub organisation: Option<String>,
    /// Bytes from the asset to the country in the running hour.
    pub hour_bytes: u64,
    /// Bytes that are normal for that hour.
    pub hour_expected_bytes: u64,
}

/// What the closed tick brought for an asset and a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Export bytes.
    pub bytes: u64,
    /// Whether any of them came from a flow that goes on.
    pub is_running: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Incident {
    name: String,
    /// How the asset was called when it opened.
    asset: String,
    since: Tick,
    /// Bytes since then.
    bytes: u64,
    /// Excess of the hours that are over.
    settled_excess_bytes: u64,
    hour: Hour,
    told_excess_bytes: u64,
    lines: u32,
    last_finding: Tick,
    /// The highest score so far.
    score: f64,
    /// Bytes of an hour up to which nothing would have been told when it opened.
    allowance_bytes: u64,
    detectors: BTreeMap<Detector, Said>,
    /// As it was when a line was last written.
    observed: Observed,
}

/// The running hour of an incident. Only in hours in which a detector speaks is anything in
/// excess; in the others the asset does what it always does.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Hour {
    bytes: u64,
    expected_bytes: u64,
    has_finding: bool,
}

impl Hour {
    const fn excess_bytes(&self) -> u64 {
        if self.has_finding {
            self.bytes.saturating_sub(self.expected_bytes)
        } else {
            0
        }
    }
}

/// The most that a detector has said of an incident.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    p: f64,
    sentence: String,
}

impl Incidents {
    /// Whether an incident of this asset and country is open.
    pub fn is_open(&self, asset: AssetKey, country: Country) -> bool {
        self.open.contains_key(&(asset, country))
    }

    /// How many incidents are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no incident is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Findings that found no room for an incident of theirs.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes what the closed tick `now` brought for one asset and country, and what is told of
    /// it, if anything. Returns the line to write where the incident opens or grows; only then is
    /// `observed` asked.
    pub fn tick(
        &mut self,
        now: Tick,
        (asset, country): (AssetKey, Country),
        activity: Activity,
        told: Option<&Told>,
        observed: impl FnOnce() -> Observed,
    ) -> Option<Alert> {
        let room = self.open.len() < INCIDENTS_MAX;
        if let Some(incident) = self.open.get_mut(&(asset, country)) {
            incident.bytes = incident.bytes.saturating_add(activity.bytes);
            incident.hour.bytes = incident.hour.bytes.saturating_add(activity.bytes);
            let joined = told.is_some_and(|told| incident.take(told, now));
            let has_news = joined || (activity.bytes > 0 && incident.has_doubled());
            return has_news.then(|| {
                incident.observed = observed();
                incident.line(Event::Update, now, country, activity)
            });
        }
        let told = told?;
        let main = told.main()?;
        if !room {
            self.refused += 1;
            return None;
        }
        let mut incident = Incident::open(country, main, now, observed());
        incident.allowance_bytes = told.allowance_bytes;
        incident.take(told, now);
        let alert = incident.line(Event::Open, now, country, activity);
        self.open.insert((asset, country), incident);
        Some(alert)
    }

    /// Has the incidents of an asset go on under another key of it.
    pub fn rename(&mut self, before: AssetKey, asset: AssetKey) {
        let keys = self.open.keys().filter(|(of, _)| *of == before);
        for (of, country) in keys.copied().collect::<Vec<_>>() {
            if let Some(incident) = self.open.remove(&(of, country)) {
                self.open.entry((asset, country)).or_insert(incident);
            }
        }
    }

    /// Begins an hour: says what is normal in it.
    pub fn open_hour(&mut self, expected_bytes: impl Fn(AssetKey, Country) -> u64) {
        for ((asset, country), incident) in &mut self.open {
            incident.settled_excess_bytes = incident.excess_bytes();
            incident.hour = Hour {
                expected_bytes: expected_bytes(*asset, *country),
                ..Hour::default()
            };
        }
    }

    /// Closes the incidents that have been quiet for [`QUIET_SECONDS`] at the close of `now`.
    pub fn close_quiet(&mut self, now: Tick) -> Vec<Alert> {
        let is_quiet =
            |incident: &Incident| now.seconds_since(incident.last_finding) >= QUIET_SECONDS;
        let mut alerts = Vec::new();
        self.open.retain(|(_, country), incident| {
            let quiet = is_quiet(incident);
            if quiet {
                let silent = Activity {
                    bytes: 0,
                    is_running: false,
                };
                alerts.push(incident.line(Event::Close, now, *country, silent));
            }
            !quiet
        });
        alerts
    }
}

impl Incident {
    /// Begins with the finding that it is told by. What that knows of the hours before the
    /// running one is settled.
    fn open(country: Country, finding: &Finding, now: Tick, observed: Observed) -> Self {
        let hour = Hour {
            bytes: observed.hour_bytes,
            expected_bytes: observed.hour_expected_bytes,
            has_finding: true,
        };
        let before = finding.bytes.saturating_sub(hour.bytes);
        let excess = finding.bytes.saturating_sub(finding.expected_bytes);
        Self {
            name: format!("{}/{}/{country}", now.plus_seconds(1), observed.asset),
            asset: observed.asset.clone(),
            since: finding.since,
            bytes: finding.bytes.max(hour.bytes),
            settled_excess_bytes: excess.min(before),
            hour,
            told_excess_bytes: 0,
            lines: 0,
            last_finding: now,
            score: 0.0,
            allowance_bytes: 0,
            detectors: BTreeMap::new(),
            observed,
        }
    }

    /// Bytes beyond what was expected, in the hours in which a detector spoke.
    const fn excess_bytes(&self) -> u64 {
        self.settled_excess_bytes
            .saturating_add(self.hour.excess_bytes())
    }

    fn has_doubled(&self) -> bool {
        let told = self.told_excess_bytes;
        let least = told
            .saturating_mul(2)
            .max(told.saturating_add(UPDATE_BYTES_MIN));
        self.excess_bytes() >= least
    }

    /// Takes in what is told; says whether a detector speaks that has not spoken before.
    fn take(&mut self, told: &Told, now: Tick) -> bool {
        self.last_finding = now;
        self.hour.has_finding = true;
        self.score = self.score.max(told.score);
        if let Some(main) = told.main() {
            self.since = self.since.min(main.since);
            let more = main.bytes.saturating_sub(self.bytes);
            self.bytes = self.bytes.saturating_add(more);
            let excess = main.bytes.saturating_sub(main.expected_bytes);
            let more = excess.saturating_sub(self.excess_bytes());
            self.settled_excess_bytes = self.settled_excess_bytes.saturating_add(more);
        }
        let mut joined = false;
        for finding in &told.findings {
            let said = Said {
                p: finding.p,
                sentence: finding.sentence.clone(),
            };
            match self.detectors.get_mut(&finding.detector) {
                None => {
                    joined = true;
                    self.detectors.insert(finding.detector, said);
                }
                Some(before) if finding.p <= before.p => *before = said,
                Some(_) => {}
            }
        }
        joined
    }

    fn line(&mut self, event: Event, now: Tick, country: Country, activity: Activity) -> Alert {
        self.lines += 1;
        self.told_excess_bytes = self.excess_bytes();
        let observed = &self.observed;
        Alert {
            event,
            time: now.plus_seconds(1).to_string(),
            id: format!("{}#{}", self.name, self.lines),
            incident: self.name.clone(),
            campaign: None,
            asset: self.asset.clone(),
            asset_ip: observed.asset_ip,
            asset_mac: observed.asset_mac.map(|mac| mac.to_string()),
            jurisdiction: country,
            asn: observed.asn,
            organisation: observed.organisation.clone(),
            score: self.score as u8,
            severity: Severity::of(self.excess_bytes(), observed.confidence),
            detectors: self
                .detectors
                .iter()
                .map(|(name, said)| DetectorLine {
                    name: *name,
                    p: said.p,
                    sentence: said.sentence.clone(),
                })
                .collect(),
            window_start: self.since.to_string(),
            window_seconds: now.plus_seconds(1).seconds_since(self.since),
            bytes: self.bytes,
            expected_bytes: self.bytes.saturating_sub(self.excess_bytes()),
            excess_bytes: self.excess_bytes(),
            geo_confidence: observed.confidence,
            verdict: "not_determinable",
            maturity: (observed.maturity * 100.0).round() / 100.0,
            explanation: self.explanation(event, country, activity),
            flows: observed.top_flows.iter().map(alert_flow).collect(),
        }
    }

    /// What happened, how that compares, and what to look at.
    fn explanation(&self, event: Event, country: Country, activity: Activity) -> String {
        let observed = &self.observed;
        let place = match &observed.organisation {
            Some(name) => format!("{country} (AS{}, {name})", observed.asn),
            None if observed.asn > 0 => format!("{country} (AS{})", observed.asn),
            None => country.to_string(),
        };
        let what = format!(
            "{} sent {} to {place} since {}, {} more than the {} to be expected",
            self.asset,
            Bytes(self.bytes),
            self.since,
            Bytes(self.excess_bytes()),
            Bytes(self.bytes.saturating_sub(self.excess_bytes())),
        );
        let state = match event {
            Event::Close => "Nothing unusual was seen for a day since.",
            Event::Open if activity.is_running => "It was still running when this was written.",
            Event::Update if activity.is_running => "It goes on and has grown.",
            Event::Open | Event::Update => "None of its flows was running when this was written.",
        };
        let flow = observed.top_flows.first().map(|top| {
            let to = &top.conversation;
            let asset_end = SocketAddr::new(top.asset_ip, to.asset_port);
            let peer_end = SocketAddr::new(to.peer, to.peer_port);
            let protocol = protocol_name(to.protocol);
            format!(" Look first at {asset_end} to {peer_end} ({protocol}).")
        });
        let allowance = match event {
            Event::Open if self.allowance_bytes > 0 => format!(
                " Up to {} within the hour nothing would have been said.",
                Bytes(self.allowance_bytes)
            ),
            Event::Open | Event::Update | Event::Close => String::new(),
        };
        format!("{what}. {state}{allowance}{}", flow.unwrap_or_default())
    }
}

/// The name of an IANA protocol number, where everybody knows it by that.
fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        132 => "SCTP".to_owned(),
        other => format!("protocol {other}"),
    }
}

fn alert_flow(top: &TopFlow) -> AlertFlow {
    AlertFlow {
        src: top.asset_ip,
        src_port: top.conversation.asset_port,
        dst: top.conversation.peer,
        dst_port: top.conversation.peer_port,
        proto: top.conversation.protocol,
        bytes: top.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Activity = Activity {
        bytes: 10_000_000,
        is_running: true,
    };

    const fn some(bytes: u64) -> Activity {
        Activity {
            bytes,
            is_running: false,
        }
    }

    fn key() -> (AssetKey, Country) {
        (
            AssetKey::of("10.0.0.1".parse().unwrap()),
            "RU".parse().unwrap(),
        )
    }

    fn observed(hour_bytes: u64) -> Observed {
        Observed {
            asset: "10.0.0.1".to_owned(),
            asset_mac: None,
            asset_ip: "10.0.0.1".parse().unwrap(),
            confidence: Confidence::Plausible,
            maturity: 1.0,
            top_flows: Vec::new(),
            asn: 64_500,
            organisation: Some("Example".to_owned()),
            hour_bytes,
            hour_expected_bytes: 0,
        }
    }

    fn told(detector: Detector, since: u64, bytes: u64) -> Told {
        Told {
            score: 75.0,
            findings: vec![Finding {
                detector,
                cell: None,
                p: 1e-6,
                since: Tick(since),
                bytes,
                expected_bytes: 0,
                sentence: "much".to_owned(),
            }],
            allowance_bytes: 0,
        }
    }

    #[test]
    fn an_incident_is_told_once_and_then_as_it_doubles() {
        let mut incidents = Incidents::default();
        let mut lines = Vec::new();
        let mut sum = 0;
        for second in 0..100 {
            sum += 10_000_000;
            let told = told(Detector::AssetVolume, 0, sum);
            let seen = || observed(sum);
            lines.extend(incidents.tick(Tick(second), key(), RUNNING, Some(&told), seen));
        }
        let events: Vec<_> = lines.iter().map(|line| line.event).collect();
        assert_eq!(events[0], Event::Open);
        assert!(events[1..].iter().all(|event| *event == Event::Update));
        assert_eq!(events.len(), 7, "10 MB, then 20, 40, 80, 160, 320 and 640");
        assert_eq!(lines[0].score, 75);
        let ids: std::collections::BTreeSet<_> = lines.iter().map(|line| &line.id).collect();
        assert_eq!(ids.len(), 7);
        assert_eq!(incidents.len(), 1);
    }

    #[test]
    fn a_new_detector_is_told_and_the_earliest_window_counts() {
        let mut incidents = Incidents::default();
        let volume = told(Detector::AssetVolume, 3_600, 50);
        incidents
            .tick(Tick(3_700), key(), some(50), Some(&volume), || observed(50))
            .unwrap();
        let slow = told(Detector::Slow, 100, 500);
        let alert = incidents
            .tick(Tick(3_800), key(), some(0), Some(&slow), || observed(50))
            .unwrap();
        assert_eq!(alert.event, Event::Update);
        assert_eq!(
            (alert.window_start.as_str(), alert.bytes),
            ("1970-01-01T00:01:40Z", 500)
        );
        assert_eq!(alert.detectors.len(), 2);
    }

    #[test]
    fn it_closes_after_a_quiet_day_and_may_open_again() {
        let mut incidents = Incidents::default();
        let told = told(Detector::AssetVolume, 0, 50);
        incidents
            .tick(Tick(10), key(), some(50), Some(&told), || observed(50))
            .unwrap();
        assert!(
            incidents
                .close_quiet(Tick(10 + QUIET_SECONDS - 1))
                .is_empty()
        );
        let closed = incidents.close_quiet(Tick(10 + QUIET_SECONDS));
        assert_eq!(closed[0].event, Event::Close);
        assert!(
            closed[0]
                .explanation
                .contains("10.0.0.1 sent 50 B to RU (AS64500, Example)")
        );
        let again = incidents
            .tick(Tick(200_000), key(), some(50), Some(&told), || observed(50))
            .unwrap();
        assert_eq!(again.event, Event::Open);
        assert_ne!(again.incident, closed[0].incident);
    }

    #[test]
    fn without_findings_nothing_opens() {
        let mut incidents = Incidents::default();
        assert!(
            incidents
                .tick(Tick(1), key(), some(1 << 40), None, || observed(0))
                .is_none()
        );
        assert!(incidents.is_empty());
    }
}
