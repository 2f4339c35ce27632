//! Alerts against ground truth.
//!
//! An incident hits a leak when it opens for the same asset and the same country between
//! the leak's first byte and a day after its last. The first such incident is the
//! detection. Every other incident is a false alert, whether a benign surprise explains
//! it or nothing does. There is no credit for the neighbourhood of a leak and none for
//! score: an alert was raised or it was not (Wu and Keogh 2020 on why this matters).

use std::collections::BTreeMap;
use std::net::IpAddr;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde::Serialize;

use super::truth::{AlertLine, Truth, rfc3339};
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// How a detector did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The sums.
    pub totals: Totals,
    /// Each leak in the order of its start.
    pub leaks: Vec<LeakResult>,
    /// Each benign surprise in the order of its start.
    pub benign: Vec<BenignResult>,
    /// Incidents that hit no leak, in the order of time.
    pub false_alerts: Vec<FalseAlert>,
}

/// The sums of an [`Evaluation`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Leaks in the truth.
    pub leaks: usize,
    /// Leaks that were detected.
    pub detected: usize,
    /// Leaks that were detected before their last byte.
    pub while_running: usize,
    /// Share of all leaked bytes that was gone when the alert came, 0 to 1.
    pub leaked_share: f64,
    /// Further incidents on a leak that was detected before.
    pub duplicates: usize,
    /// Incidents that hit no leak.
    pub false_alerts: usize,
    /// Benign surprises in the truth.
    pub benign: usize,
    /// Benign surprises that no incident was opened for.
    pub benign_quiet: usize,
}

/// What became of one leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeakResult {
    /// Its name in the truth.
    pub id: String,
    /// What kind of leak it is.
    pub kind: String,
    /// The asset that leaks.
    pub asset: IpAddr,
    /// Country to which it leaks.
    pub jurisdiction: String,
    /// Payload bytes it sent.
    pub bytes: u64,
    /// The first incident that hit it.
    pub detection: Option<Detection>,
    /// Share of its bytes that was gone by then, at a constant rate; 1 if it was missed.
    pub leaked_share: f64,
    /// Further incidents that hit it.
    pub duplicates: usize,
}

/// The incident that detected a leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// The incident.
    pub incident: String,
    /// When it opened.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// Seconds from the leak's first byte.
    pub delay_seconds: f64,
    /// Whether it opened before the leak's last byte.
    pub while_running: bool,
    /// What raised it.
    pub detectors: Vec<String>,
}

/// Whether a benign surprise raised an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BenignResult {
    /// Its name in the truth.
    pub id: String,
    /// What kind of surprise it is.
    pub kind: String,
    /// Whether no incident was opened for it.
    pub quiet: bool,
}

/// An incident that hit no leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FalseAlert {
    /// The incident.
    pub incident: String,
    /// When it opened.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// The asset that was accused.
    pub asset_ip: IpAddr,
    /// The country that was named.
    pub jurisdiction: String,
    /// What raised it.
    pub detectors: Vec<String>,
    /// Bytes it held to be too many.
    pub excess_bytes: u64,
    /// The benign surprise that explains it.
    pub benign: Option<String>,
}

/// Scores alerts against the truth.
pub fn evaluate(truth: &[Truth], alerts: &[AlertLine]) -> Evaluation {
    let (benign, leaks): (Vec<&Truth>, Vec<&Truth>) = truth.iter().partition(|t| t.benign);
    let (leaks, benign) = (Windows::new(leaks), Windows::new(benign));
    let mut leak_results: Vec<LeakResult> = leaks.truths.iter().map(|t| missed(t)).collect();
    let mut benign_results: Vec<BenignResult> = benign.truths.iter().map(|t| quiet(t)).collect();
    let mut false_alerts = Vec::new();
    let mut opened: Vec<&AlertLine> = alerts.iter().filter(|a| a.event == "open").collect();
    opened.sort_by_key(|alert| alert.time);
    for alert in opened {
        if let Some((index, leak)) = leaks.around(alert) {
            if let Some(result) = leak_results.get_mut(index) {
                count_hit(result, leak, alert);
            }
            continue;
        }
        let surprise = benign.around(alert);
        if let Some(result) = surprise.and_then(|(index, _)| benign_results.get_mut(index)) {
            result.quiet = false;
        }
        false_alerts.push(FalseAlert {
            incident: alert.incident.clone(),
            time: alert.time,
            asset_ip: alert.asset_ip,
            jurisdiction: alert.jurisdiction.clone(),
            detectors: detector_names(alert),
            excess_bytes: alert.excess_bytes,
            benign: surprise.map(|(_, truth)| truth.id.clone()),
        });
    }
    let totals = total(&leak_results, &benign_results, &false_alerts);
    Evaluation {
        totals,
        leaks: leak_results,
        benign: benign_results,
        false_alerts,
    }
}

impl Evaluation {
    /// The evaluation for people: plain text of at most 80 columns.
    pub fn to_table(&self) -> String {
        let totals = &self.totals;
        let mut text = format!(
            "{} of {} leaks detected, {} while running; {} of all leaked bytes left before\n\
             their alert (a missed leak counts whole)\n\
             {} false, {} duplicate; {} of {} benign surprises stayed quiet\n",
            totals.detected,
            totals.leaks,
            totals.while_running,
            percent(totals.leaked_share),
            totals.false_alerts,
            totals.duplicates,
            totals.benign_quiet,
            totals.benign,
        );
        if !self.leaks.is_empty() {
            let header = ["leak", "asset", "to", "sent", "verdict", "after", "gone"];
            let rows = self.leaks.iter().map(leak_row);
            text.push_str(&format!("\n{}\n", table(&header, rows).trim_fmt()));
        }
        if !self.false_alerts.is_empty() {
            let header = [
                "false alert (UTC)",
                "asset",
                "to",
                "excess",
                "detectors",
                "during",
            ];
            let rows = self
                .false_alerts
                .iter()
                .take(FALSE_ALERTS_SHOWN)
                .map(false_alert_row);
            let mut table = table(&header, rows);
            if let Some(detectors) = table.column_mut(DETECTORS_COLUMN) {
                detectors.set_constraint(ColumnConstraint::LowerBoundary(DETECTORS_WIDTH));
            }
            text.push_str(&format!("\n{}\n", table.trim_fmt()));
            let hidden = self.false_alerts.len().saturating_sub(FALSE_ALERTS_SHOWN);
            if hidden > 0 {
                text.push_str(&format!("and {hidden} more false alerts\n"));
            }
        }
        text
    }
}

/// Truths in the order of their start, found by asset and country.
struct Windows<'a> {
    truths: Vec<&'a Truth>,
    places: BTreeMap<(IpAddr, &'a str), Vec<usize>>,
}

impl<'a> Windows<'a> {
    fn new(mut truths: Vec<&'a Truth>) -> Self {
        truths.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, truth) in truths.iter().enumerate() {
            places
                .entry((truth.asset, truth.jurisdiction.as_str()))
                .or_default()
                .push(index);
        }
        Self { truths, places }
    }

    /// The latest truth in whose window an alert opened.
    fn around(&self, alert: &'a AlertLine) -> Option<(usize, &'a Truth)> {
        let here = self
            .places
            .get(&(alert.asset_ip, alert.jurisdiction.as_str()))?;
        let started = here.partition_point(|index| {
            self.truths
                .get(*index)
                .is_some_and(|truth| truth.start <= alert.time)
        });
        let candidates = here.get(..started)?.iter().rev();
        candidates
            .filter_map(|index| Some((*index, *self.truths.get(*index)?)))
            .find(|(_, truth)| alert.time.nanos_since(truth.end) <= GRACE_NANOS)
    }
}

fn missed(truth: &Truth) -> LeakResult {
    LeakResult {
        id: truth.id.clone(),
        kind: truth.kind.clone(),
        asset: truth.asset,
        jurisdiction: truth.jurisdiction.clone(),
        bytes: truth.bytes,
        detection: None,
        leaked_share: 1.0,
        duplicates: 0,
    }
}

fn quiet(truth: &Truth) -> BenignResult {
    BenignResult {
        id: truth.id.clone(),
        kind: truth.kind.clone(),
        quiet: true,
    }
}

fn count_hit(result: &mut LeakResult, leak: &Truth, alert: &AlertLine) {
    if result.detection.is_some() {
        result.duplicates += 1;
        return;
    }
    let delay_nanos = alert.time.nanos_since(leak.start);
    let length_nanos = leak.end.nanos_since(leak.start);
    result.leaked_share = match length_nanos {
        0 => 1.0,
        length => (delay_nanos as f64 / length as f64).min(1.0),
    };
    result.detection = Some(Detection {
        incident: alert.incident.clone(),
        time: alert.time,
        delay_seconds: delay_nanos as f64 / NANOS_PER_SECOND as f64,
        while_running: alert.time < leak.end,
        detectors: detector_names(alert),
    });
}

fn total(leaks: &[LeakResult], benign: &[BenignResult], false_alerts: &[FalseAlert]) -> Totals {
    let running = |leak: &&LeakResult| leak.detection.as_ref().is_some_and(|d| d.while_running);
    let bytes: f64 = leaks.iter().map(|leak| leak.bytes as f64).sum();
    let gone: f64 = leaks
        .iter()
        .map(|leak| leak.bytes as f64 * leak.leaked_share)
        .sum();
    Totals {
        leaks: leaks.len(),
        detected: leaks.iter().filter(|leak| leak.detection.is_some()).count(),
        while_running: leaks.iter().filter(running).count(),
        leaked_share: if bytes > 0.0 { gone / bytes } else { 0.0 },
        duplicates: leaks.iter().map(|leak| leak.duplicates).sum(),
        false_alerts: false_alerts.len(),
        benign: benign.len(),
        benign_quiet: benign.iter().filter(|surprise| surprise.quiet).count(),
    }
}

fn detector_names(alert: &AlertLine) -> Vec<String> {
    alert
        .detectors
        .iter()
        .map(|detector| detector.name.clone())
        .collect()
}

fn table<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(TABLE_COLUMNS);
    table.set_header(header.to_vec());
    for row in rows {
        // Names come from files and may hold what a terminal would obey.
        table.add_row(row.map(|cell| cell.replace(char::is_control, " ")));
    }
    table
}

fn leak_row(leak: &LeakResult) -> [String; 7] {
    let (verdict, after) = match &leak.detection {
        None => ("missed", String::new()),
        Some(hit) if hit.while_running => ("while running", duration(hit.delay_seconds)),
        Some(hit) => ("afterwards", duration(hit.delay_seconds)),
    };
    [
        leak.id.clone(),
        leak.asset.to_string(),
        leak.jurisdiction.clone(),
        decimal_bytes(leak.bytes),
        verdict.to_owned(),
        after,
        percent(leak.leaked_share),
    ]
}

fn false_alert_row(alert: &FalseAlert) -> [String; 6] {
    [
        minute(alert.time),
        alert.asset_ip.to_string(),
        alert.jurisdiction.clone(),
        decimal_bytes(alert.excess_bytes),
        alert.detectors.join(", "),
        alert.benign.clone().unwrap_or_else(|| "nothing".to_owned()),
    ]
}

/// The time to the minute, as `2026-03-17 02:20`.
fn minute(time: Timestamp) -> String {
    time.to_string()
        .replace('T', " ")
        .chars()
        .take(16)
        .collect()
}

fn decimal_bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7_200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3_600.0)
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Time after a leak's last byte in which an incident still counts as a hit.
const GRACE_NANOS: u64 = SECONDS_PER_DAY * NANOS_PER_SECOND;

/// Width of the tables.
const TABLE_COLUMNS: u16 = 80;

/// Where the table of false alerts names detectors, and how wide that has to be for none of
/// them to be broken: the longest name, a comma and two spaces.
const DETECTORS_COLUMN: usize = 4;
const DETECTORS_WIDTH: Width = Width::Fixed(21);

/// False alerts that the table shows.
const FALSE_ALERTS_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{JsonLinesError, read_alerts, read_truth};

    const LEAK: &str = r#"{"id":"bulk-1","kind":"bulk","asset":"10.20.0.11","jurisdiction":"RU",
        "start":"2026-03-17T00:00:00Z","end":"2026-03-17T01:00:00Z","bytes":8000,"benign":false}"#;
    const SURPRISE: &str = r#"{"id":"late","kind":"late_backup","asset":"10.20.0.20",
        "jurisdiction":"SG","start":"2026-03-18T00:00:00Z","end":"2026-03-18T02:00:00Z",
        "bytes":100,"benign":true}"#;

    fn truth() -> Vec<Truth> {
        let lines = [LEAK, SURPRISE]
            .map(|text| text.replace('\n', " "))
            .join("\n\n");
        read_truth(lines.as_bytes()).unwrap()
    }

    fn alert(event: &str, time: &str, asset: &str, country: &str) -> AlertLine {
        let line = format!(
            r#"{{"event":"{event}","time":"{time}","id":"x","incident":"i-{time}","asset":"pc",
            "asset_ip":"{asset}","jurisdiction":"{country}","score":90,"bytes":5,
            "detectors":[{{"name":"destination_volume","p":0.001,"sentence":"s"}}],
            "excess_bytes":2000000}}"#
        );
        read_alerts(line.replace('\n', " ").as_bytes())
            .unwrap()
            .remove(0)
    }

    #[test]
    fn an_alert_within_the_leak_is_a_hit_while_running() {
        let hit = alert("open", "2026-03-17T00:15:00Z", "10.20.0.11", "RU");
        let evaluation = evaluate(&truth(), &[hit]);
        let leak = &evaluation.leaks[0];
        let detection = leak.detection.as_ref().unwrap();
        assert_eq!(
            (detection.delay_seconds, detection.while_running),
            (900.0, true)
        );
        assert_eq!(detection.detectors, ["destination_volume"]);
        assert_eq!(
            (leak.leaked_share, evaluation.totals.leaked_share),
            (0.25, 0.25)
        );
        assert_eq!(
            (evaluation.totals.detected, evaluation.totals.while_running),
            (1, 1)
        );
        assert_eq!(
            (
                evaluation.totals.benign_quiet,
                evaluation.totals.false_alerts
            ),
            (1, 0)
        );
    }

    #[test]
    fn an_alert_within_a_day_after_the_leak_is_late() {
        let late = alert("open", "2026-03-18T01:00:00Z", "10.20.0.11", "RU");
        let evaluation = evaluate(&truth(), &[late]);
        assert!(
            !evaluation.leaks[0]
                .detection
                .as_ref()
                .unwrap()
                .while_running
        );
        assert_eq!(evaluation.leaks[0].leaked_share, 1.0);
        let later = alert("open", "2026-03-18T01:00:01Z", "10.20.0.11", "RU");
        let evaluation = evaluate(&truth(), &[later]);
        assert_eq!(
            (evaluation.totals.detected, evaluation.totals.false_alerts),
            (0, 1)
        );
    }

    #[test]
    fn the_earliest_alert_detects_and_others_are_duplicates() {
        let alerts = [
            alert("open", "2026-03-17T00:50:00Z", "10.20.0.11", "RU"),
            alert("open", "2026-03-17T00:10:00Z", "10.20.0.11", "RU"),
            alert("update", "2026-03-17T00:05:00Z", "10.20.0.11", "RU"),
            alert("close", "2026-03-17T00:06:00Z", "10.20.0.11", "RU"),
        ];
        let evaluation = evaluate(&truth(), &alerts);
        assert_eq!(
            evaluation.leaks[0]
                .detection
                .as_ref()
                .unwrap()
                .delay_seconds,
            600.0
        );
        assert_eq!(
            (evaluation.totals.duplicates, evaluation.totals.false_alerts),
            (1, 0)
        );
    }

    #[test]
    fn other_alerts_are_false_and_named_by_the_surprise_that_explains_them() {
        let alerts = [
            alert("open", "2026-03-18T01:00:00Z", "10.20.0.20", "SG"),
            alert("open", "2026-03-16T23:59:59Z", "10.20.0.11", "RU"),
            alert("open", "2026-03-17T00:10:00Z", "10.20.0.12", "RU"),
            alert("open", "2026-03-17T00:10:00Z", "10.20.0.11", "NL"),
        ];
        let evaluation = evaluate(&truth(), &alerts);
        assert_eq!(evaluation.false_alerts.len(), 4);
        let named: Vec<_> = evaluation
            .false_alerts
            .iter()
            .flat_map(|f| &f.benign)
            .collect();
        assert_eq!(named, ["late"]);
        assert_eq!(
            (evaluation.totals.detected, evaluation.totals.benign_quiet),
            (0, 0)
        );
        assert_eq!(evaluation.totals.leaked_share, 1.0, "missed");
    }

    #[test]
    fn empty_files_score_nothing() {
        let evaluation = evaluate(
            &read_truth(&b""[..]).unwrap(),
            &read_alerts(&b""[..]).unwrap(),
        );
        assert_eq!(evaluation.totals, Totals::default());
        assert!(evaluation.to_table().starts_with("0 of 0 leaks"));
    }

    #[test]
    fn the_table_fits_80_columns_and_shows_no_control_characters() {
        let mut truth = truth();
        truth[0].id = "a-very-long-name-of-a-leak-that-somebody-wrote\u{1b}[31m".to_owned();
        truth[0].asset = "fd20:20:10:1234:5678:9abc:def0:1234".parse().unwrap();
        let alerts: Vec<AlertLine> = (10..50)
            .map(|minute| {
                alert(
                    "open",
                    &format!("2026-03-18T00:{minute}:00Z"),
                    "fd20:20:10:1234:5678:9abc:def0:1234",
                    "SG",
                )
            })
            .collect();
        let text = evaluate(&truth, &alerts).to_table();
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(
            text.contains("missed") && text.contains("and 20 more"),
            "{text}"
        );
        assert!(text.contains(" destination_volume "), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn errors_name_the_line() {
        let broken = format!("{}\n{{\"id\":1}}\n", LEAK.replace('\n', " "));
        let error = read_truth(broken.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("line 2, column "), "{error}");
        let long = vec![b' '; (1 << 20) + 1];
        let error = read_alerts(&long[..]).unwrap_err();
        assert!(matches!(error, JsonLinesError::Long { line: 1 }));
        let time = LEAK
            .replace('\n', " ")
            .replace("2026-03-17T00", "yesterday");
        let error = read_truth(time.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("is not a time"), "{error}");
    }
}
