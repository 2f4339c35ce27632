//! Ledgers whose every text is an attack, and ledgers of no sense.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::checks::{check_html, check_markdown, read_csv};
use super::ledger::{entries, report_of, request, timestamp};
use super::{Kind, LANGUAGES, Language};
use crate::report::{Gatherer, Head};

/// Texts that mean something to a browser, a renderer, a spreadsheet or a terminal.
const HOSTILE: [&str; 52] = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "`onload=alert(1)`",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<iframe srcdoc='x'>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "&",
    "<",
    ">",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](http://a.example/x.png)",
    "<http://a.example>",
    "http://a.example/?q=1",
    "www.a.example",
    "mail@a.example",
    "| a | b |",
    "a|b\\|c\\\\|d",
    "```\ncode\n```",
    "`code`",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "---",
    "***bold***",
    "__bold__",
    "~~gone~~",
    "$x$",
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "\t=1",
    "=HYPERLINK(\"http://a.example\",\"x\")",
    "=cmd|' /C calc'!A0",
    "＝1+1",
    "a,b;c\"d\"\r\ne",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{202e}gnp.exe",
    "\u{2066}x\u{2069}\u{200b}\u{feff}",
    "\0\u{7}\u{85}\u{2028}",
    "{{7*7}}${7*7}<%= 7 %>",
    "\u{e0041}\u{fff9}\u{fffe}",
];

/// Puts a text into every text of a body but its dates, times and closed words.
fn poison(value: &mut Value, text: &str) {
    match value {
        Value::String(old) if old.parse::<jiff::civil::Date>().is_err() => text.clone_into(old),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text)),
        Value::Object(fields) => {
            let is_kept = |key: &str| matches!(key, "day" | "first" | "last" | "built");
            let kept = fields.iter_mut().filter(|(key, _)| !is_kept(key));
            kept.for_each(|(_, value)| poison(value, text));
            for map in [
                "dropped",
                "evictions",
                "protected",
                "confidence",
                "verdicts",
            ] {
                if let Some(Value::Object(counts)) = fields.get_mut(map) {
                    counts.insert(text.to_owned(), json!(3));
                }
            }
        }
        _ => {}
    }
}

fn check(report: &crate::report::Report) {
    let html = report.html();
    check_html(&html);
    assert!(!html.contains("\u{202e}") && !html.contains('\u{1b}') && !html.contains('\0'));
    let markdown = report.markdown();
    check_markdown(&markdown);
    assert!(!markdown.contains('\u{202e}') && !markdown.contains('\u{1b}'));
    let rows = read_csv(&report.csv());
    let columns = rows.first().map_or(0, Vec::len);
    for row in &rows {
        assert_eq!(row.len(), columns, "{row:?}");
        let is_formula = |it: &String| it.starts_with(['=', '+', '-', '@', '\t', '\r', '＝']);
        assert!(!row.iter().any(is_formula), "{row:?}");
    }
    let _: Value = serde_json::from_str(&report.json()).unwrap();
}

#[test]
fn hostile_texts_stay_texts() {
    for text in HOSTILE {
        let mut entries = entries();
        entries
            .iter_mut()
            .for_each(|(_, _, body)| poison(body, text));
        for kind in Kind::ALL {
            for language in LANGUAGES {
                let mut request = request(kind, language);
                request.incident = (kind == Kind::Incident).then(|| text.to_owned());
                check(&report_of(&entries, request));
            }
        }
    }
}

#[test]
fn hostile_texts_in_single_fields_stay_texts() {
    // With the other fields as they are, the text reaches tables that it would else empty.
    for (number, text) in HOSTILE.into_iter().enumerate() {
        let mut entries = entries();
        for (_, _, body) in &mut entries {
            let keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            let key = &keys[number % keys.len()];
            if !matches!(key.as_str(), "day" | "time_zone") {
                poison(&mut body[key], text);
            }
            for row in body["rows"].as_array_mut().into_iter().flatten() {
                row["recipient"] = json!(text);
                row["asset"] = json!(text);
            }
        }
        for kind in Kind::ALL {
            check(&report_of(&entries, request(kind, Language::English)));
        }
    }
}

#[test]
fn hostile_requests_and_heads_stay_texts() {
    for text in HOSTILE {
        for kind in Kind::ALL {
            let mut request = request(kind, Language::Chinese);
            request.entity = Some(text.to_owned());
            request.incident = Some(text.to_owned());
            let mut gatherer = Gatherer::new(request);
            for (index, (time, kind, body)) in entries().iter().enumerate() {
                gatherer.take(index as u64, timestamp(time), kind, body);
            }
            let text = text.to_owned();
            check(&gatherer.finish(Some(Head {
                size: u64::MAX,
                root_hex: text.clone(),
                time: text.clone(),
                public_key: text,
            })));
        }
    }
}

#[test]
fn numbers_at_their_end_do_not_wrap() {
    let mut entries = entries();
    fn largest(value: &mut Value) {
        match value {
            Value::Number(_) => *value = json!(u64::MAX),
            Value::Array(items) => items.iter_mut().for_each(largest),
            Value::Object(fields) => fields.values_mut().for_each(largest),
            _ => {}
        }
    }
    entries.iter_mut().for_each(|(_, _, body)| largest(body));
    for kind in Kind::ALL {
        let mut request = request(kind, Language::English);
        check(&report_of(&entries, request.clone()));
        (request.from, request.to) = (jiff::civil::Date::MIN, jiff::civil::Date::MAX);
        request.now = crate::time::Tick(u64::MAX);
        check(&report_of(&entries, request));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("2026-03-16")),
        Just(json!("2026-03-16T01:00:00Z")),
        Just(json!("unapproved")),
    ];
    let key = prop_oneof![
        Just("rows"),
        Just("day"),
        Just("bytes"),
        Just("asset"),
        Just("protected"),
        Just("verdicts"),
        Just("approvals_listed"),
        Just("recipients"),
        Just("categories"),
        Just("incident"),
        Just("flows"),
        Just("parts"),
        Just("entity"),
        Just("time_zone"),
        Just("verdict"),
        Just("first"),
        Just("dropped"),
        Just("title"),
        Just("built"),
    ];
    leaf.prop_recursive(3, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_ledger_breaks_a_report(
        bodies in prop::collection::vec((0_usize..11, any_json(), any::<u32>()), 0..24),
        kind in 0_usize..9,
    ) {
        const KINDS: [&str; 11] = [
            "start", "pack", "database", "register", "alert", "verdict", "totals", "sensor",
            "meter", "note", "stop",
        ];
        let mut gatherer = Gatherer::new(request(Kind::ALL[kind], Language::English));
        let base = timestamp("2026-03-15T00:00:00Z").as_nanos();
        for (index, (entry, body, seconds)) in bodies.iter().enumerate() {
            let nanos = u64::from(*seconds % 300_000) * 1_000_000_000;
            let time = crate::time::Timestamp::from_nanos(base + nanos);
            gatherer.take(index as u64, time, KINDS[*entry], body);
        }
        check(&gatherer.finish(None));
    }
}
