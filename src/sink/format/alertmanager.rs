//! Alerts of Prometheus Alertmanager, version 2 of its API.
//!
//! Alertmanager knows an alert by its labels and forgets it when it is not told again in time. An
//! incident is told when something changes, so each alert says itself until when it holds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Origin, PRODUCT, dense};
use crate::alert::Severity;
use crate::sink::event::{AlertEvent, Event, Moment, Step};
use crate::time::SECONDS_PER_DAY;

/// Until when an alert holds that nothing more is said of. An incident that is quiet for a day
/// is closed, and one that goes on is told again as it doubles.
const HOLDS_SECONDS: u64 = 7 * SECONDS_PER_DAY;

/// Incidents whose last severity is known at most.
const TOLD_MAX: usize = 10_000;

/// What was told of incidents, so that an alert is taken back when its severity changes.
#[derive(Debug, Default)]
pub struct Alertmanager {
    /// By incident. Names of incidents begin with the time, so that the first is the oldest.
    told: BTreeMap<String, Severity>,
}

impl Alertmanager {
    /// The body of `POST /api/v2/alerts`. Nothing for what is no alert.
    pub fn body(&mut self, event: &Event, origin: &Origin) -> Option<String> {
        let Event::Alert(alert) = event else {
            return None;
        };
        let incident = alert.incident.to_string();
        let before = match alert.event {
            Step::Open | Step::Update => self.told.insert(incident, alert.severity),
            Step::Close => self.told.remove(&incident),
            Step::Test => Some(alert.severity),
        };
        if self.told.len() > TOLD_MAX {
            self.told.pop_first();
        }
        // After a restart it is not known what was told, and all that it may have been is over.
        let others = Severity::ALL.into_iter().filter(|other| {
            let was_told = before.map_or(alert.event != Step::Open, |before| before == *other);
            *other != alert.severity && was_told
        });
        let over = others.map(|other| posted(alert, other, alert.time, origin));
        let until = match alert.event {
            Step::Open | Step::Update => Moment(alert.time.0.plus_seconds(HOLDS_SECONDS)),
            Step::Test => Moment(alert.time.0.plus_seconds(TEST_SECONDS)),
            Step::Close => alert.time,
        };
        let now = posted(alert, alert.severity, until, origin);
        let all = std::iter::once(now).chain(over).collect::<Vec<_>>();
        Some(dense(Value::Array(all)))
    }
}

/// How long a test shows.
const TEST_SECONDS: u64 = 300;

/// Labels say which alert it is, and have few values each but for the asset and the incident,
/// without which incidents could not be told apart. All that changes is an annotation.
fn posted(alert: &AlertEvent, severity: Severity, until: Moment, origin: &Origin) -> Value {
    let name = match alert.event {
        Step::Test => "BorderflowTest",
        _ => "BorderflowExport",
    };
    json!({
        "labels": {
            "alertname": name,
            "severity": severity.name(),
            "asset": alert.asset,
            "jurisdiction": alert.jurisdiction,
            "incident": alert.incident,
            "instance": origin.host,
            "job": PRODUCT,
        },
        "annotations": {
            "summary": format!(
                "{} to {}: {}", &*alert.asset, alert.jurisdiction, alert.title()
            ),
            "description": alert.explanation,
            "bytes": alert.bytes.to_string(),
            "excess_bytes": alert.excess_bytes.to_string(),
            "score": alert.score.to_string(),
            "verdict": alert.verdict,
            "id": alert.id,
        },
        "startsAt": alert.window_start,
        "endsAt": until,
    })
}
