//! The alert as it is written: one JSON object per line.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::baseline::{Hours, Prevalence};
use crate::detect::Detector;
use crate::dissect::{CertificateLine, Protection};
use crate::geo::{Confidence, Country};
use crate::privacy::Veil;

use super::{PolicyLine, Source, Verdict};

/// A line of `alerts.jsonl`. All times are packet time, RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// What became of the incident.
    pub event: Event,
    /// The end of the tick in which this was raised.
    pub time: String,
    /// Unique to the line: the incident, then the number of the line within it.
    pub id: String,
    /// The incident: when it opened, the asset and the country.
    pub incident: String,
    /// What incidents of several assets with one receiver have in common.
    pub campaign: Option<String>,
    /// Incidents that are part of it, since their address turned out to be one of the asset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// The incident of which it is part, on the line that closes it for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_to: Option<String>,
    /// Who sent: the name of the asset, its address where nothing names it.
    pub asset: String,
    /// Address that it sent from last.
    pub asset_ip: IpAddr,
    /// Its network card, where it is told by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_mac: Option<String>,
    /// Country of the receiver, `ZZ` if unknown.
    pub jurisdiction: Country,
    /// Autonomous system of the receiver, 0 if unknown.
    pub asn: u32,
    /// Organisation that holds the autonomous system, where known.
    pub organisation: Option<String>,
    /// Registered domain of the receiver of the heaviest conversation that names one.
    pub recipient: Option<String>,
    /// 0 to 100: 50 where it is just rare enough for the alert budget, 25 more for every
    /// tenfold rarer, by all detectors together. 100 where a ceiling is passed.
    pub score: u8,
    /// How much it matters.
    pub severity: Severity,
    /// What each detector saw.
    pub detectors: Vec<DetectorLine>,
    /// When the anomaly began.
    pub window_start: String,
    /// Seconds from then to `time`.
    pub window_seconds: u64,
    /// Export bytes from the asset to the country since `window_start`.
    pub bytes: u64,
    /// Bytes that were to be expected since then.
    pub expected_bytes: u64,
    /// Bytes beyond that.
    pub excess_bytes: u64,
    /// Bytes of the hour in which it opened up to which nothing would have been told.
    pub allowance_bytes: u64,
    /// Bytes of each of the last 24 hours, the oldest first.
    pub seen_hours: Hours,
    /// Bytes that are normal for each of them.
    pub expected_hours: Hours,
    /// When the asset first exported to the country, where that is known.
    pub first_seen: Option<String>,
    /// Whether the country is new to the asset.
    pub is_new: bool,
    /// How many assets send there.
    pub prevalence: Prevalence,
    /// How sure the country is.
    pub geo_confidence: Confidence,
    /// The strongest that any pack says; `not_determinable` where none says anything.
    pub verdict: &'static str,
    /// Which pack says so, by which rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyLine>,
    /// What a person has said of it.
    pub feedback: Option<Verdict>,
    /// How much of a week the asset has been learned, 0 to 1.
    pub maturity: f64,
    /// Where flow records tell of it: packets for which each that was counted stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<u16>,
    /// A sentence with numbers that a person can act on.
    pub explanation: String,
    /// The same in Chinese.
    pub explanation_zh: String,
    /// The conversations that carried most in the running hour.
    pub flows: Vec<AlertFlow>,
}

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It began.
    Open,
    /// Its excess doubled, another detector, incident or campaign joined, or a person calls it a
    /// leak.
    Update,
    /// It has been quiet for a day, is part of another one, or a person accepts it.
    Close,
}

/// How much an incident matters, by the bytes beyond what was expected. It is high at least
/// where a ceiling is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Less than 100 MB.
    Low,
    /// Less than 1 GB.
    Medium,
    /// Less than 10 GB.
    High,
    /// 10 GB or more.
    Critical,
}

impl Severity {
    /// All severities, in the order of their counters.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The severity of so many excess bytes, one step lower where the country is refuted.
    pub const fn of(excess_bytes: u64, confidence: Confidence) -> Self {
        let steps = match excess_bytes {
            0..100_000_000 => 0,
            100_000_000..1_000_000_000 => 1,
            1_000_000_000..10_000_000_000 => 2,
            10_000_000_000.. => 3usize,
        };
        let refuted = matches!(confidence, Confidence::Refuted);
        Self::ALL[steps.saturating_sub(refuted as usize)]
    }

    /// One step lower.
    pub const fn lowered(self) -> Self {
        match self {
            Self::Low | Self::Medium => Self::Low,
            Self::High => Self::Medium,
            Self::Critical => Self::High,
        }
    }

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// One detector's part in an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DetectorLine {
    /// The detector.
    pub name: Detector,
    /// The chance that a day shows as much.
    pub p: f64,
    /// What it saw.
    pub sentence: String,
    /// The same in Chinese.
    pub sentence_zh: String,
}

/// A conversation that carried much of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertFlow {
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
    /// What it speaks, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<&'static str>,
    /// Host name of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// On whose word it has that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_source: Option<Source>,
    /// JA4 fingerprint of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ja4: Option<String>,
    /// The certificate that the receiver showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateLine>,
    /// How it is protected.
    pub protection: Protection,
}

impl Alert {
    /// Hides addresses, wherever they stand. Every field is named, so that none is forgotten.
    pub fn veil(&mut self, veil: &Veil) {
        if veil.is_off() {
            return;
        }
        let Self {
            id,
            incident,
            campaign,
            joined,
            joined_to,
            asset,
            asset_ip,
            asset_mac,
            organisation,
            recipient,
            detectors,
            policy,
            explanation,
            explanation_zh,
            flows,
            event: _,
            time: _,
            jurisdiction: _,
            asn: _,
            score: _,
            severity: _,
            window_start: _,
            window_seconds: _,
            bytes: _,
            expected_bytes: _,
            excess_bytes: _,
            allowance_bytes: _,
            seen_hours: _,
            expected_hours: _,
            first_seen: _,
            is_new: _,
            prevalence: _,
            geo_confidence: _,
            verdict: _,
            feedback: _,
            maturity: _,
            sampling: _,
        } = self;
        *asset_ip = veil.address(*asset_ip);
        let texts = [id, incident, asset, explanation, explanation_zh].into_iter();
        let others = [campaign, joined_to, asset_mac, organisation, recipient];
        let sentences = detectors
            .iter_mut()
            .flat_map(|line| [&mut line.sentence, &mut line.sentence_zh]);
        let texts = texts.chain(others.into_iter().flatten()).chain(sentences);
        let texts = texts.chain(joined.iter_mut());
        texts.for_each(|text| veil.hide(text));
        if let Some(line) = policy {
            line.veil(veil);
        }
        flows.iter_mut().for_each(|flow| flow.veil(veil));
    }
}

impl AlertFlow {
    fn veil(&mut self, veil: &Veil) {
        let Self {
            src,
            dst,
            name,
            certificate,
            ja4: _,
            src_port: _,
            dst_port: _,
            proto: _,
            bytes: _,
            app: _,
            name_source: _,
            protection: _,
        } = self;
        *src = veil.address(*src);
        *dst = veil.address(*dst);
        let shown = certificate.as_mut().and_then(|it| it.name.as_mut());
        for name in [name.as_mut(), shown].into_iter().flatten() {
            veil.hide(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refuted_country_lowers_severity_by_one_step_at_most() {
        let severity = |bytes| Severity::of(bytes, Confidence::Plausible);
        assert_eq!(severity(99_999_999), Severity::Low);
        assert_eq!(severity(10_000_000_000), Severity::Critical);
        assert_eq!(
            Severity::of(10_000_000_000, Confidence::Refuted),
            Severity::High
        );
        assert_eq!(Severity::of(1, Confidence::Refuted), Severity::Low);
    }
}
