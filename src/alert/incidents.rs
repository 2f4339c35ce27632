//! The open incidents of a site, and those that were open of late.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::detect::Told;
use crate::geo::Country;
use crate::inventory::AssetKey;
use crate::time::{SECONDS_PER_DAY, Tick};

use super::explain::Occasion;
use super::incident::{Activity, Incident, Key, Observed};
use super::{Alert, Level, Ruling, Severity, Verdict, campaign};

/// Incidents that may be open at once; any more are counted and not told.
pub const INCIDENTS_MAX: usize = 10_000;

/// Closed incidents that are known by name, for feedback that comes late.
pub const CLOSED_KEPT_MAX: usize = 1_000;

/// Seconds without a finding after which an incident is closed.
pub const QUIET_SECONDS: u64 = SECONDS_PER_DAY;

/// The open incidents of a site, at most one per asset and country.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Incidents {
    pub(super) open: BTreeMap<Key, Incident>,
    /// The last that were closed, the oldest first.
    pub(super) closed: VecDeque<KnownIncident>,
    refused: u64,
}

/// An incident that feedback can be given on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownIncident {
    /// Its name.
    pub name: String,
    /// Who sent.
    pub asset: AssetKey,
    /// Where to.
    pub country: Country,
    /// The most that was sent within an hour and a day.
    pub level: Level,
}

/// Nothing happened.
pub(super) const SILENT: Activity = Activity {
    bytes: 0,
    is_running: false,
};

impl Incidents {
    /// Whether an incident of this asset and country is open.
    pub fn is_open(&self, asset: AssetKey, country: Country) -> bool {
        self.open.contains_key(&(asset, country))
    }

    /// Whether one is open of which more than a ceiling speaks.
    pub fn is_open_beyond_ceiling(&self, asset: AssetKey, country: Country) -> bool {
        let incident = self.open.get(&(asset, country));
        incident.is_some_and(|incident| !incident.rests_on_ceiling())
    }

    /// How many incidents are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// How many incidents are open, in the order of [`Severity::ALL`].
    pub fn by_severity(&self) -> [u64; Severity::ALL.len()] {
        let mut counts = [0; Severity::ALL.len()];
        for incident in self.open.values() {
            counts[incident.severity() as usize] += 1;
        }
        counts
    }

    /// Whether no incident is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Findings that found no room for an incident of theirs.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// An incident by its name, if it is open or was of late.
    pub fn find(&self, name: &str) -> Option<KnownIncident> {
        let mut open = self.open.iter();
        let open = open.find(|(_, incident)| incident.name == name);
        let known = open.map(|(key, incident)| KnownIncident::of(*key, incident));
        known.or_else(|| self.closed.iter().find(|known| known.name == name).cloned())
    }

    /// The names of all that are open.
    pub fn names(&self) -> Vec<String> {
        let open = self.open.values();
        open.map(|incident| incident.name.clone()).collect()
    }

    /// Takes what the closed tick `now` brought for one asset and country, and what is told of
    /// it, if anything. Returns the line to write where the incident opens or grows; only then is
    /// `observed` asked. Behind it are lines of others that form a campaign with it.
    pub fn tick(
        &mut self,
        now: Tick,
        key: (AssetKey, Country),
        activity: Activity,
        told: Option<&Told>,
        observed: impl FnOnce() -> Observed,
    ) -> Vec<Alert> {
        let room = self.open.len() < INCIDENTS_MAX;
        let occasion = if let Some(incident) = self.open.get_mut(&key) {
            incident.add(activity.bytes);
            let joined = told.is_some_and(|told| incident.take(told, now));
            // What a policy says may have become worse, which only a look tells.
            let is_ruled = told.is_some_and(is_of_policy);
            if !joined && !is_ruled && (activity.bytes == 0 || !incident.has_doubled()) {
                return Vec::new();
            }
            incident.observe(key.1, observed(), now);
            Occasion::Grown
        } else {
            let Some((told, main)) = told.and_then(|told| Some((told, told.main()?))) else {
                return Vec::new();
            };
            if !room {
                self.refused += 1;
                return Vec::new();
            }
            let incident = Incident::open(key.1, (told, main), now, observed());
            self.open.insert(key, incident);
            Occasion::Opened
        };
        let joining = campaign::join(&mut self.open, key, now);
        let others = joining
            .into_iter()
            .map(|other| (other, Occasion::Joined, SILENT));
        let all = std::iter::once((key, occasion, activity)).chain(others);
        all.filter_map(|(key, occasion, activity)| {
            let incident = self.open.get_mut(&key)?;
            Some(incident.line(occasion, now, key.1, activity))
        })
        .collect()
    }

    /// Begins an hour: asks what is normal in it, and what the 23 hours before had.
    pub fn open_hour(&mut self, expected_and_before: impl Fn(AssetKey, Country) -> (u64, u64)) {
        for ((asset, country), incident) in &mut self.open {
            let (expected_bytes, before_bytes) = expected_and_before(*asset, *country);
            incident.open_hour(expected_bytes, before_bytes);
        }
    }

    /// Closes the incidents that have been quiet for [`QUIET_SECONDS`] at the close of `now`.
    pub fn close_quiet(&mut self, now: Tick) -> Vec<Alert> {
        let is_quiet =
            |incident: &Incident| now.seconds_since(incident.last_finding) >= QUIET_SECONDS;
        let open = self.open.iter();
        let quiet = open.filter(|(_, incident)| is_quiet(incident));
        let quiet: Vec<Key> = quiet.map(|(key, _)| *key).collect();
        let closed = quiet
            .into_iter()
            .filter_map(|key| self.close(key, Occasion::Quiet, now));
        closed.collect()
    }

    /// Applies what people have said of open incidents, `ruled` telling what stands of one.
    /// What is said last of an incident or of one that is part of it holds.
    /// What is accepted is closed, what is malicious says so from now on.
    pub fn rule(&mut self, now: Tick, ruled: impl Fn(&str) -> Option<Ruling>) -> Vec<Alert> {
        let mut news = Vec::new();
        for (key, incident) in &mut self.open {
            let names = std::iter::once(&incident.name).chain(&incident.joined.parts);
            let rulings = names.filter_map(|name| ruled(name));
            let ruling = rulings.max_by_key(|ruling| ruling.number);
            if std::mem::replace(&mut incident.ruling, ruling) != ruling {
                news.extend(ruling.map(|ruling| (*key, ruling)));
            }
        }
        let lines = news.into_iter().filter_map(|(key, ruling)| {
            let occasion = Occasion::Ruled(ruling);
            if ruling.verdict == Verdict::Malicious {
                let incident = self.open.get_mut(&key)?;
                return Some(incident.line(occasion, now, key.1, SILENT));
            }
            self.close(key, occasion, now)
        });
        lines.collect()
    }

    fn close(&mut self, key: Key, occasion: Occasion, now: Tick) -> Option<Alert> {
        let mut incident = self.open.remove(&key)?;
        self.keep_closed(KnownIncident::of(key, &incident));
        Some(incident.line(occasion, now, key.1, SILENT))
    }

    pub(super) fn keep_closed(&mut self, known: KnownIncident) {
        if self.closed.len() == CLOSED_KEPT_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back(known);
    }
}

impl KnownIncident {
    pub(super) fn of((asset, country): Key, incident: &Incident) -> Self {
        Self {
            name: incident.name.clone(),
            asset,
            country,
            level: incident.level(),
        }
    }
}

fn is_of_policy(told: &Told) -> bool {
    let mut findings = told.findings.iter();
    findings.any(|finding| finding.detector.is_of_policy())
}

#[cfg(test)]
mod tests {
    use super::super::incident::tests::{RUNNING, key, observed, some, told};
    use super::super::{Event, Severity};
    use super::*;
    use crate::detect::Detector;

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
        incidents.tick(Tick(3_700), key(), some(50), Some(&volume), || observed(50));
        let slow = told(Detector::Slow, 100, 500);
        let alert = incidents
            .tick(Tick(3_800), key(), some(0), Some(&slow), || observed(50))
            .remove(0);
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
        incidents.tick(Tick(10), key(), some(50), Some(&told), || observed(50));
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
            .remove(0);
        assert_eq!(again.event, Event::Open);
        assert_ne!(again.incident, closed[0].incident);
    }

    #[test]
    fn what_is_past_a_ceiling_is_high_however_little_it_is() {
        let mut incidents = Incidents::default();
        let (asset, country) = key();
        let told_by = |detector| Some(told(detector, 0, 50));
        let ceiling = told_by(Detector::Ceiling);
        let opened = incidents.tick(Tick(10), key(), some(50), ceiling.as_ref(), || observed(50));
        assert_eq!(opened[0].severity, Severity::High);
        assert!(incidents.is_open(asset, country));
        assert!(!incidents.is_open_beyond_ceiling(asset, country));
        let volume = told_by(Detector::AssetVolume);
        let joined = incidents.tick(Tick(20), key(), some(50), volume.as_ref(), || observed(50));
        assert_eq!(
            (joined[0].event, joined[0].severity),
            (Event::Update, Severity::High)
        );
        assert!(incidents.is_open_beyond_ceiling(asset, country));
    }

    #[test]
    fn without_findings_nothing_opens() {
        let mut incidents = Incidents::default();
        assert!(
            incidents
                .tick(Tick(1), key(), some(1 << 40), None, || observed(0))
                .is_empty()
        );
        assert!(incidents.is_empty());
    }

    #[test]
    fn what_people_say_closes_an_incident_or_marks_it_once() {
        let mut incidents = Incidents::default();
        let told = told(Detector::AssetVolume, 0, 50);
        let opened = incidents.tick(Tick(10), key(), some(50), Some(&told), || observed(50));
        let name = opened[0].incident.clone();
        let say = |verdict| {
            let name = name.clone();
            move |of: &str| (of == name).then_some(Ruling { number: 4, verdict })
        };
        let marked = incidents.rule(Tick(20), say(Verdict::Malicious));
        assert_eq!(marked[0].event, Event::Update);
        assert_eq!(marked[0].feedback, Some(Verdict::Malicious));
        assert!(incidents.rule(Tick(30), say(Verdict::Malicious)).is_empty());
        let closed = incidents.rule(Tick(40), say(Verdict::Expected));
        assert_eq!((closed.len(), closed[0].event), (1, Event::Close));
        assert!(
            closed[0]
                .explanation
                .contains("Feedback 4 says that it is expected")
        );
        assert!(incidents.is_empty());
        let known = incidents.find(&name).unwrap();
        assert_eq!((known.asset, known.country), key());
        assert_eq!(known.level.hour_bytes, 50);
    }
}
