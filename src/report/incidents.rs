//! Incidents, put together from the lines of alerts.

use std::collections::{BTreeMap, BTreeSet};

use super::read::Body;
use super::words::{self, SEVERITIES};
use crate::time::Tick;

/// Incidents that are told apart; later ones are only counted.
pub(super) const INCIDENTS_MAX: usize = 5_000;

/// Lines of the incident of a quick report that are kept, the first and then the newest.
pub(super) const LINES_MAX: usize = 100;

/// Conversations of an incident that are shown.
const CONVERSATIONS_MAX: usize = 10;

/// What lines said of an incident, the last of them where they differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Incident {
    pub(super) name: String,
    /// When its first line was written.
    pub(super) opened: Tick,
    /// Whether that line said that it opens; else it opened before what was read.
    pub(super) is_opening_seen: bool,
    pub(super) began: Option<Tick>,
    pub(super) last: Tick,
    pub(super) event: String,
    pub(super) asset: String,
    pub(super) asset_ip: String,
    pub(super) jurisdiction: String,
    pub(super) asn: u64,
    pub(super) organisation: String,
    pub(super) recipient: String,
    pub(super) campaign: String,
    /// Place of the gravest in [`SEVERITIES`].
    pub(super) severity: usize,
    pub(super) score: u64,
    pub(super) bytes: u64,
    pub(super) expected_bytes: u64,
    pub(super) excess_bytes: u64,
    pub(super) geo_confidence: String,
    pub(super) feedback: String,
    pub(super) detectors: BTreeSet<String>,
    /// In English and in Chinese.
    pub(super) explanation: [String; 2],
    pub(super) conversations: Vec<Conversation>,
    pub(super) lines: u64,
    pub(super) kept: Vec<Line>,
    pub(super) first_index: u64,
}

/// A conversation that a line named.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) name: String,
    pub(super) application: String,
    pub(super) protection: String,
    pub(super) bytes: u64,
}

/// A line of an incident.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) index: u64,
    pub(super) time: Tick,
    pub(super) event: String,
    pub(super) severity: String,
    pub(super) bytes: u64,
    /// In English and in Chinese.
    pub(super) explanation: [String; 2],
}

fn explanation(line: Body<'_>) -> [String; 2] {
    ["explanation", "explanation_zh"].map(|key| line.sentence(key))
}

impl Incident {
    fn take(&mut self, line: Body<'_>, index: u64, time: Tick) {
        let event = line.name("event");
        if self.lines == 0 {
            self.opened = time;
            self.is_opening_seen = event == "open";
            self.first_index = index;
            self.name = line.name("incident");
        }
        self.lines = self.lines.saturating_add(1);
        self.last = self.last.max(time);
        self.event.clone_from(&event);
        let severity = line.name("severity");
        self.severity = self
            .severity
            .max(words::rank(SEVERITIES, &severity).unwrap_or(0));
        self.score = self.score.max(line.number("score"));
        self.bytes = self.bytes.max(line.number("bytes"));
        self.excess_bytes = self.excess_bytes.max(line.number("excess_bytes"));
        self.expected_bytes = line.number("expected_bytes");
        let began = line.tick("window_start");
        self.began = [self.began, began].into_iter().flatten().min();
        self.replace_texts(line);
        for detector in line.items("detectors") {
            if self.detectors.len() < 32 {
                self.detectors.insert(detector.name("name"));
            }
        }
        self.keep(Line {
            index,
            time,
            event,
            severity,
            bytes: line.number("bytes"),
            explanation: explanation(line),
        });
    }

    fn replace_texts(&mut self, line: Body<'_>) {
        self.asn = line.number_if("asn").unwrap_or(self.asn);
        let texts = [
            ("asset", &mut self.asset),
            ("asset_ip", &mut self.asset_ip),
            ("jurisdiction", &mut self.jurisdiction),
            ("organisation", &mut self.organisation),
            ("recipient", &mut self.recipient),
            ("campaign", &mut self.campaign),
            ("geo_confidence", &mut self.geo_confidence),
            ("feedback", &mut self.feedback),
        ];
        for (key, text) in texts {
            let newer = line.name(key);
            if !newer.is_empty() {
                *text = newer;
            }
        }
        let explanation = explanation(line);
        if !explanation[0].is_empty() {
            self.explanation = explanation;
        }
        let flows = line.items("flows").take(CONVERSATIONS_MAX);
        let conversations: Vec<_> = flows.map(conversation).collect();
        if !conversations.is_empty() {
            self.conversations = conversations;
        }
    }

    fn keep(&mut self, line: Line) {
        if self.kept.len() >= LINES_MAX {
            self.kept.remove(1);
        }
        self.kept.push(line);
    }

    /// The receiver by the best name that is known.
    pub(super) fn receiver(&self) -> String {
        match (self.recipient.is_empty(), self.asn) {
            (false, _) => self.recipient.clone(),
            (true, 0) => String::new(),
            (true, asn) => format!("AS{asn}"),
        }
    }
}

fn conversation(flow: Body<'_>) -> Conversation {
    let end = |address: &str, port: &str| {
        let (address, port) = (flow.name(address), flow.number(port));
        let is_long = address.contains(':');
        match (port, is_long) {
            (0, _) => address,
            (port, false) => format!("{address}:{port}"),
            (port, true) => format!("[{address}]:{port}"),
        }
    };
    Conversation {
        source: end("src", "src_port"),
        destination: end("dst", "dst_port"),
        name: flow.name("name"),
        application: flow.name("app"),
        protection: flow.name("protection"),
        bytes: flow.number("bytes"),
    }
}

/// All incidents.
#[derive(Clone, Debug, Default)]
pub(super) struct Incidents {
    by_name: BTreeMap<String, Incident>,
    /// Lines of incidents that had no place.
    pub(super) left_over_lines: u64,
}

impl Incidents {
    /// Takes a line of alerts. The incident `wanted` always has a place.
    pub(super) fn take(&mut self, line: Body<'_>, index: u64, time: Tick, wanted: Option<&str>) {
        let name = line.name("incident");
        let is_full = self.by_name.len() >= INCIDENTS_MAX && wanted != Some(name.as_str());
        if is_full && !self.by_name.contains_key(&name) {
            self.left_over_lines = self.left_over_lines.saturating_add(1);
            return;
        }
        self.by_name
            .entry(name)
            .or_default()
            .take(line, index, time);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Incident> {
        self.by_name.get(name)
    }

    /// The gravest first: by severity, then by excess.
    pub(super) fn gravest_first(&self) -> Vec<&Incident> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_by(|a, b| {
            let gravity = (b.severity, b.excess_bytes).cmp(&(a.severity, a.excess_bytes));
            gravity.then_with(|| a.name.cmp(&b.name))
        });
        all
    }

    /// Keeps the incidents of some assets.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Incident) -> bool) {
        self.by_name.retain(|_, incident| is_kept(incident));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_put_together_and_the_first_and_newest_are_kept() {
        let mut incidents = Incidents::default();
        for number in 0..LINES_MAX as u64 + 50 {
            let event = if number == 0 { "open" } else { "update" };
            let severity = if number == 3 { "critical" } else { "low" };
            let line = json!({
                "event": event, "incident": "i", "asset": "a", "severity": severity,
                "bytes": number, "recipient": null, "asn": 64500,
            });
            incidents.take(Body(&line), number, Tick(number), None);
        }
        let incident = incidents.get("i").unwrap();
        assert_eq!(incident.lines, LINES_MAX as u64 + 50);
        assert_eq!(incident.kept.len(), LINES_MAX);
        assert_eq!(incident.kept[0].index, 0);
        assert_eq!(incident.kept[LINES_MAX - 1].index, LINES_MAX as u64 + 49);
        assert_eq!(SEVERITIES[incident.severity].code, "critical");
        assert_eq!(incident.receiver(), "AS64500");
        assert!(incident.is_opening_seen);
    }

    #[test]
    fn the_wanted_incident_always_has_a_place() {
        let mut incidents = Incidents::default();
        for number in 0..INCIDENTS_MAX + 2 {
            let line = json!({"incident": number.to_string()});
            incidents.take(Body(&line), 0, Tick(0), Some("wanted"));
        }
        assert_eq!(incidents.left_over_lines, 2);
        incidents.take(
            Body(&json!({"incident": "wanted"})),
            0,
            Tick(0),
            Some("wanted"),
        );
        assert!(incidents.get("wanted").is_some());
    }
}
