//! The life of an incident.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::baseline::{Hours, Prevalence, TopFlow};
use crate::decode::Mac;
use crate::detect::{Detector, Finding, Told};
use crate::dissect::Application;
use crate::geo::{Confidence, Country};
use crate::inventory::AssetKey;
use crate::policy::law::Text;
use crate::time::Tick;
use crate::transfer::Measure;

use self::join::Joined;
use super::campaign::Sinks;
use super::explain::{Occasion, explanation};
use super::{
    Alert, AlertFlow, DetectorLine, Level, PolicyLine, Recipient, Ruled, Ruling, Severity,
};

pub(super) mod join;

/// What an incident is of.
pub(super) type Key = (AssetKey, Country);

/// The least by which the excess must grow for an incident to be told again: 1 MiB.
const UPDATE_BYTES_MIN: u64 = 1 << 20;

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
    /// What speaks for or against it beside databases, as a sentence.
    pub geo_reason: Option<String>,
    /// How much of a week the asset has been learned, 0 to 1.
    pub maturity: f64,
    /// Conversations of the running hour, the largest first.
    pub top_flows: Vec<TopFlow>,
    /// What is known of the receiver of each of them.
    pub recipients: Vec<Recipient>,
    /// Autonomous system that received most in the running hour, 0 if unknown.
    pub asn: u32,
    /// Organisation that holds it.
    pub organisation: Option<String>,
    /// Bytes from the asset to the country in each of the last 24 hours.
    pub seen_hours: Hours,
    /// Bytes that are normal for each of them.
    pub expected_hours: Hours,
    /// When the asset first sent anything there.
    pub first_seen: Option<Tick>,
    /// Whether the country is new to the asset.
    pub is_new: bool,
    /// How many assets send there.
    pub prevalence: Prevalence,
    /// What policies say.
    pub ruled: Option<Ruled>,
    /// By what the bytes were measured, as far as this run knows.
    #[serde(skip)]
    pub measure: Measure,
}

/// What the closed tick brought for an asset and a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Export bytes.
    pub bytes: u64,
    /// Whether any of them came from a flow that goes on.
    pub is_running: bool,
}

impl Activity {
    /// None.
    pub const NONE: Self = Self {
        bytes: 0,
        is_running: false,
    };
}

/// An open incident.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) name: String,
    /// How the asset was called when it opened.
    pub(super) asset: String,
    pub(super) since: Tick,
    /// Bytes since then.
    pub(super) bytes: u64,
    /// Excess of the hours that are over.
    settled_excess_bytes: u64,
    hour: Hour,
    /// The largest hour and the largest 24 hours that are over.
    level: Level,
    told_excess_bytes: u64,
    lines: u32,
    pub(super) last_finding: Tick,
    /// The highest score so far.
    score: f64,
    /// Bytes of an hour up to which nothing would have been told when it opened.
    pub(super) allowance_bytes: u64,
    detectors: BTreeMap<Detector, Said>,
    /// As it was when a line was last written for what the asset did.
    pub(super) observed: Observed,
    pub(super) sinks: Sinks,
    pub(super) campaign: Option<String>,
    /// What a person has said of it.
    pub(super) ruling: Option<Ruling>,
    /// Incidents of the same asset that are part of it, or of which it is.
    pub(super) joined: Joined,
}

/// The running hour of an incident. Only in hours in which a detector speaks is anything in
/// excess; in the others the asset does what it always does.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Hour {
    bytes: u64,
    expected_bytes: u64,
    /// Bytes of the 23 hours before.
    before_bytes: u64,
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
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Said {
    p: f64,
    sentence: Text,
}

impl Incident {
    /// Begins with what it is told by. What the main finding knows of the hours before the
    /// running one is settled.
    pub(super) fn open(
        country: Country,
        (told, main): (&Told, &Finding),
        now: Tick,
        observed: Observed,
    ) -> Self {
        let [before @ .., running] = observed.seen_hours;
        let hour = Hour {
            bytes: running,
            expected_bytes: observed.expected_hours[23],
            before_bytes: before.into_iter().fold(0, u64::saturating_add),
            has_finding: true,
        };
        let before = main.bytes.saturating_sub(hour.bytes);
        let excess = main.bytes.saturating_sub(main.expected_bytes);
        let mut sinks = Sinks::default();
        sinks.name(country, &observed, now);
        let mut incident = Self {
            name: format!("{}/{}/{country}", now.plus_seconds(1), observed.asset),
            asset: observed.asset.clone(),
            since: main.since,
            bytes: main.bytes.max(hour.bytes),
            settled_excess_bytes: excess.min(before),
            hour,
            level: Level::default(),
            told_excess_bytes: 0,
            lines: 0,
            last_finding: now,
            score: 0.0,
            allowance_bytes: told.allowance_bytes,
            detectors: BTreeMap::new(),
            observed,
            sinks,
            campaign: None,
            ruling: None,
            joined: Joined::default(),
        };
        incident.take(told, now);
        incident
    }

    /// Counts bytes of the running hour.
    pub(super) const fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.hour.bytes = self.hour.bytes.saturating_add(bytes);
    }

    /// Looks again, because there is something to tell.
    pub(super) fn observe(&mut self, country: Country, mut observed: Observed, now: Tick) {
        self.remind(&mut observed);
        self.sinks.name(country, &observed, now);
        self.observed = observed;
    }

    /// What a conversation said at its beginning is known here even when it was forgotten
    /// elsewhere: over a restart, or because others had to be remembered.
    fn remind(&self, observed: &mut Observed) {
        let before = self.observed.top_flows.iter();
        let before = before.zip(&self.observed.recipients);
        let flows = observed.top_flows.iter().zip(&mut observed.recipients);
        for (flow, recipient) in flows.filter(|(_, recipient)| !recipient.has_spoken()) {
            let is_same = |known: &TopFlow| {
                (known.asset_ip, known.conversation) == (flow.asset_ip, flow.conversation)
            };
            let mut known = before.clone().filter(|(known, _)| is_same(known));
            if let Some((_, known)) = known.next().filter(|(_, known)| known.has_spoken()) {
                *recipient = known.clone();
            }
        }
    }

    /// Begins an hour in which so much is normal, after 23 hours with so much.
    pub(super) fn open_hour(&mut self, expected_bytes: u64, before_bytes: u64) {
        self.settled_excess_bytes = self.excess_bytes();
        self.level = self.level();
        self.hour = Hour {
            expected_bytes,
            before_bytes,
            ..Hour::default()
        };
    }

    /// The most that was sent within an hour, and within a day.
    pub(super) fn level(&self) -> Level {
        let hour = &self.hour;
        let day_bytes = hour.before_bytes.saturating_add(hour.bytes);
        Level {
            hour_bytes: self.level.hour_bytes.max(hour.bytes),
            day_bytes: self.level.day_bytes.max(day_bytes),
        }
    }

    /// Bytes beyond what was expected, in the hours in which a detector spoke.
    pub(super) const fn excess_bytes(&self) -> u64 {
        self.settled_excess_bytes
            .saturating_add(self.hour.excess_bytes())
    }

    pub(super) fn has_doubled(&self) -> bool {
        let told = self.told_excess_bytes;
        let least = told
            .saturating_mul(2)
            .max(told.saturating_add(UPDATE_BYTES_MIN));
        self.excess_bytes() >= least
    }

    /// Takes in what is told; says whether a detector speaks that has not spoken before.
    pub(super) fn take(&mut self, told: &Told, now: Tick) -> bool {
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

    /// The line to write now.
    pub(super) fn line(
        &mut self,
        occasion: Occasion,
        now: Tick,
        country: Country,
        activity: Activity,
    ) -> Alert {
        self.lines += 1;
        self.told_excess_bytes = self.excess_bytes();
        let observed = &self.observed;
        let time = now.plus_seconds(1);
        let ruled = match occasion {
            Occasion::Ruled(ruling) => Some(ruling),
            _ => self.ruling,
        };
        let explained = explanation(self, occasion, country, activity);
        Alert {
            event: occasion.event(),
            time: time.to_string(),
            id: format!("{}#{}", self.name, self.lines),
            incident: self.name.clone(),
            campaign: self.campaign.clone(),
            joined: self.joined.parts.clone(),
            joined_to: self.joined.into.clone(),
            asset: self.asset.clone(),
            asset_ip: observed.asset_ip,
            asset_mac: observed.asset_mac.map(|mac| mac.to_string()),
            jurisdiction: country,
            asn: observed.asn,
            organisation: observed.organisation.clone(),
            recipient: observed.recipients.iter().find_map(|it| it.domain.clone()),
            score: self.score as u8,
            severity: self.severity(),
            detectors: self.detector_lines(),
            window_start: self.since.to_string(),
            window_seconds: time.seconds_since(self.since),
            bytes: self.bytes,
            expected_bytes: self.bytes.saturating_sub(self.excess_bytes()),
            excess_bytes: self.excess_bytes(),
            allowance_bytes: self.allowance_bytes,
            seen_hours: observed.seen_hours,
            expected_hours: observed.expected_hours,
            first_seen: observed.first_seen.map(|tick| tick.to_string()),
            is_new: observed.is_new,
            prevalence: observed.prevalence,
            geo_confidence: observed.confidence,
            verdict: observed
                .ruled
                .as_ref()
                .map_or("not_determinable", |ruled| ruled.standpoint.verdict.name()),
            policy: observed.ruled.as_ref().map(PolicyLine::from),
            feedback: ruled.map(|ruling| ruling.verdict),
            maturity: (observed.maturity * 100.0).round() / 100.0,
            sampling: observed.measure.one_in(),
            explanation: explained.en,
            explanation_zh: explained.zh,
            flows: alert_flows(observed),
        }
    }

    /// By its excess. What is past a ceiling, or hidden in names and pings, matters however
    /// little it is.
    pub(super) fn severity(&self) -> Severity {
        let severity = Severity::of(self.excess_bytes(), self.observed.confidence);
        let is_serious = |it: &Detector| it.is_of_tunnel() || it.is_of_limit();
        let severity = if self.detectors.keys().any(is_serious) {
            severity.max(Severity::High)
        } else {
            severity
        };
        let is_breach = self.detectors.keys().any(|it| it.is_of_policy());
        match &self.observed.ruled {
            Some(ruled) if is_breach => severity.max(ruled.severity()),
            // What is odd and approved is odd all the same, and less urgent.
            Some(ruled) if ruled.is_approved() => severity.lowered(),
            _ => severity,
        }
    }

    /// Whether a ceiling is all that speaks.
    pub(super) fn rests_on_ceiling(&self) -> bool {
        let mut speaking = self.detectors.keys();
        speaking.all(|detector| detector.is_of_limit())
    }

    /// What is said of data that is hidden, where nothing else speaks.
    pub(super) fn hidden(&self) -> Option<&Text> {
        let is_hidden = |detector: &Detector| detector.is_of_tunnel();
        let all = self.detectors.keys().all(is_hidden);
        let mut said = self.detectors.values().filter(|_| all);
        said.next().map(|said| &said.sentence)
    }

    /// What a policy speaks against, where nothing else speaks.
    pub(super) fn ruled_against(&self) -> Option<Text> {
        let alone = self.detectors.keys().all(|it| it.is_of_policy());
        let joined = |of: fn(&Text) -> &str| {
            let said = self.detectors.values().map(|said| of(&said.sentence));
            said.collect::<Vec<_>>().join(" ")
        };
        alone.then(|| Text {
            en: joined(|text| &text.en),
            zh: joined(|text| &text.zh),
        })
    }

    fn detector_lines(&self) -> Vec<DetectorLine> {
        let lines = self.detectors.iter().map(|(name, said)| DetectorLine {
            name: *name,
            p: said.p,
            sentence: said.sentence.en.clone(),
            sentence_zh: said.sentence.zh.clone(),
        });
        lines.collect()
    }
}

fn alert_flows(observed: &Observed) -> Vec<AlertFlow> {
    let known = observed.recipients.iter().map(Some);
    let known = known.chain(std::iter::repeat(None));
    let flows = observed.top_flows.iter().zip(known);
    flows.map(|(top, known)| alert_flow(top, known)).collect()
}

fn alert_flow(top: &TopFlow, known: Option<&Recipient>) -> AlertFlow {
    let recipient = known.cloned().unwrap_or_default();
    let (name, name_source) = recipient.name.unzip();
    let is_known = recipient.application != Application::Unknown;
    AlertFlow {
        src: top.asset_ip,
        src_port: top.conversation.asset_port,
        dst: top.conversation.peer,
        dst_port: top.conversation.peer_port,
        proto: top.conversation.protocol,
        bytes: top.bytes,
        app: is_known.then(|| recipient.application.name()),
        name,
        name_source,
        ja4: recipient.ja4,
        certificate: recipient.certificate,
        protection: recipient.protection,
    }
}

#[cfg(test)]
pub(super) mod tests;
