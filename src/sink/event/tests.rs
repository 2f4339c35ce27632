use super::*;
use serde_json::json;

/// The line of an alert with every field, and with fields that are not to leave.
pub(crate) fn alert_line(text: &str) -> Value {
    let mut line = json!({
        "event": "open",
        "time": "2026-06-19T02:20:11Z",
        "id": format!("2026-06-19T02:20:01Z/{text}/RU#1"),
        "incident": format!("2026-06-19T02:20:01Z/{text}/RU"),
        "campaign": text,
        "asset": text,
        "asset_ip": "10.20.10.12",
        "asset_mac": "02:00:00:00:00:01",
        "jurisdiction": "RU",
        "asn": 51_659,
        "organisation": text,
        "recipient": text,
        "score": 61,
        "severity": "high",
        "detectors": [
            { "name": "country_volume", "p": 0.05, "sentence": text },
            { "name": "new_country", "p": 0.01, "sentence": text },
        ],
    });
    let more = json!({
        "window_start": "2026-06-19T02:20:01Z",
        "window_seconds": 10,
        "bytes": 521_532,
        "expected_bytes": 1_000,
        "excess_bytes": 520_532,
        "allowance_bytes": 260_766,
        "seen_hours": [0, 521_532],
        "is_new": true,
        "prevalence": { "assets": 2, "country": 1, "network": 1 },
        "geo_confidence": "plausible",
        "verdict": "unapproved",
        "policy": {
            "pack": text, "severity": "high", "rule": text, "cite": text, "approval": text,
        },
        "feedback": "malicious",
        "maturity": 0.21,
        "explanation": text,
        "flows": [{
            "src": "10.20.10.12", "src_port": 40_000, "dst": "2001:db8::7", "dst_port": 443,
            "proto": 6, "bytes": 521_532, "app": text, "name": text, "name_source": "tls",
            "ja4": "t13d1516h2_8daaf6152771_b0da82dd1658", "protection": "strong",
        }],
        "not_known_yet": "secret",
    });
    let fields = line.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    line
}

fn alert(line: &Value) -> AlertEvent {
    match Event::of_alert(line).unwrap() {
        Event::Alert(alert) => *alert,
        Event::Head { .. } => panic!("a head"),
    }
}

/// Every name of a field, with its path.
fn fields(value: &Value, path: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                all.push(path.clone());
                fields(value, &path, all);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, path, all)),
        _ => {}
    }
}

#[test]
fn what_leaves_is_what_the_documentation_lists() {
    let line = Event::of_alert(&alert_line("x")).unwrap().line();
    let mut sent = Vec::new();
    fields(&serde_json::from_str(&line).unwrap(), "", &mut sent);
    sent.sort();
    sent.dedup();
    let listed = include_str!("../../../docs/sinks.md").lines();
    let listed = listed.skip_while(|line| !line.starts_with("## What is sent"));
    let listed = listed.skip(1).take_while(|line| !line.starts_with("## "));
    let rows = listed.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut rows: Vec<_> = rows.map(str::to_owned).collect();
    rows.sort();
    assert_eq!(sent, rows);
    for kept in ["02:00:00", "t13d1516h2", "secret", "260766", "malicious"] {
        assert!(!line.contains(kept), "{kept} leaves: {line}");
    }
}

#[test]
fn an_event_is_read_again_as_it_was_written() {
    for text in ["x", "a\nb\u{202e}c\"\\|=]", "组织", &"é".repeat(70_000)] {
        let event = Event::of_alert(&alert_line(text)).unwrap();
        let again = Event::parse(&event.line()).unwrap();
        assert_eq!(again, event);
        assert!(event.line().len() < 64 * 1024, "{}", event.line().len());
    }
    let test = Event::test(Tick(1_772_438_400), "host");
    assert_eq!(Event::parse(&test.line()).unwrap(), test);
}

#[test]
fn texts_are_cleaned_and_lists_are_bounded() {
    let mut line = alert_line("a\u{0}b\u{1b}[31m\u{202e}c\u{2028}d");
    for list in ["detectors", "flows"] {
        let one = line[list][0].clone();
        line[list] = Value::Array(vec![one; 100]);
    }
    let alert = alert(&line);
    assert_eq!(
        &*alert.explanation,
        "a\\u{0}b\\u{1b}[31m\\u{202e}c\\u{2028}d"
    );
    assert_eq!(
        (alert.detectors.len(), alert.flows.len()),
        (DETECTORS_MAX, FLOWS_MAX)
    );
}

#[test]
fn the_rarest_detector_gives_the_title() {
    let alert = alert(&alert_line("x"));
    assert_eq!(
        (alert.class(), alert.title()),
        ("new_country", "much to a new country")
    );
}

#[test]
fn a_line_without_a_field_is_no_event() {
    let mut line = alert_line("x");
    line.as_object_mut().unwrap().remove("bytes");
    let error = Event::of_alert(&line).unwrap_err().to_string();
    assert!(error.contains("bytes"), "{error}");
}
