//! Reports on a ledger whose numbers are known, and on hostile ones.

mod checks;
mod hostile;
mod ledger;

use serde_json::{Value, json};

use super::{Cell, Gatherer, Kind, Language, Report};
use crate::time::Tick;
use ledger::{date, entries, head, report, report_of, request, timestamp};

const LANGUAGES: [Language; 2] = [Language::English, Language::Chinese];

fn json_of(report: &Report) -> Value {
    serde_json::from_str(&report.json()).unwrap()
}

/// A table of the JSON form.
fn rows(document: &Value, table: &str) -> Vec<Value> {
    let sections = document["sections"].as_array().unwrap().iter();
    let blocks = sections.flat_map(|section| section["blocks"].as_array().unwrap());
    let mut tables = blocks.filter(|block| block["type"] == "table" && block["name"] == table);
    let table = tables.next().unwrap_or_else(|| panic!("no table {table}"));
    table["rows"].as_array().unwrap().clone()
}

fn figure(document: &Value, name: &str) -> Value {
    let figures = document["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("no figure {name}"))["value"].clone()
}

#[test]
fn the_first_page_has_the_sums() {
    let document = json_of(&report(Kind::SelfAssessment, Language::English));
    assert_eq!(
        figure(&document, "bytes_out"),
        5_100,
        "3 of 1000 and 3 of 700"
    );
    assert_eq!(figure(&document, "recipients"), 2);
    assert_eq!(figure(&document, "jurisdictions"), 2);
    assert_eq!(figure(&document, "finding_bytes"), 5_100);
    let unprotected = json!({"part": 1_500, "whole": 5_100});
    assert_eq!(figure(&document, "unprotected_share"), unprotected);
    assert_eq!(
        figure(&document, "coverage_share"),
        json!({"part": 2, "whole": 2})
    );
    let lead = document["lead"].as_str().unwrap();
    assert!(
        lead.contains("at least 5.10 kB left for 2 recipients"),
        "{lead}"
    );
}

#[test]
fn the_main_table_has_every_flow() {
    let document = json_of(&report(Kind::SelfAssessment, Language::English));
    let transfers = rows(&document, "transfers");
    assert_eq!(transfers.len(), 2);
    assert_eq!(transfers[0]["asset"], "pacs");
    assert_eq!(transfers[0]["bytes"], 3_000);
    assert_eq!(
        transfers[0]["bytes_is_lower_bound"], true,
        "frames were lost"
    );
    assert_eq!(transfers[0]["verdict"], "unapproved");
    assert_eq!(transfers[0]["first"], "2026-03-16T01:00:00Z");
    assert_eq!(transfers[1]["recipient"], "AS64500");
    let csv = checks::read_csv(&report(Kind::SelfAssessment, Language::Chinese).csv());
    assert_eq!(csv.len(), 3);
    assert!(csv[0].contains(&"bytes".to_owned()) && csv[1].contains(&"3000".to_owned()));
}

#[test]
fn declared_is_held_against_observed() {
    let document = json_of(&report(Kind::Reconciliation, Language::English));
    let standings = rows(&document, "reconciliation");
    assert_eq!(standings[0]["id"], "sa-1");
    assert_eq!(standings[0]["bytes"], 3_000);
    assert_eq!(
        standings[0]["drift"],
        "expires_soon more_bytes weaker_protection"
    );
    assert_eq!(standings[1]["id"], "neg-1");
    assert_eq!(standings[1]["bytes"], 2_100);
    assert_eq!(standings[1]["drift"], "other_categories");
    assert!(rows(&document, "undeclared").is_empty());
    let usage = rows(
        &json_of(&report(Kind::ListUsage, Language::English)),
        "usage",
    );
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0]["quarter"], "2026-Q1");
    assert_eq!(
        usage[0]["quota_share"],
        json!({"part": 2_100, "whole": 10_000})
    );
}

#[test]
fn the_american_table_looks_back_twelve_months() {
    let mut entries = entries();
    let row = json!({"asset": "gateway", "jurisdiction": "RU", "asn": 64500, "bytes": 50,
        "categories": ["health"], "entity": "Motors"});
    let totals = |day: &str| json!({"day": day, "part": 1, "parts": 1, "rows": [row]});
    entries.push(("2025-03-17T12:00:00Z", "totals", totals("2025-03-17")));
    entries.push(("2025-03-18T12:00:00Z", "totals", totals("2025-03-18")));
    let request = request(Kind::UsLog, Language::English);
    let document = json_of(&report_of(&entries, request));
    let year = rows(&document, "twelve_months");
    assert_eq!(year.len(), 1, "only what goes to a country of concern");
    assert_eq!(
        year[0]["bytes"], 2_150,
        "a year to the day is out, the day after is in"
    );
    assert_eq!(
        rows(&document, "log")[0]["bytes"],
        2_100,
        "the log has the window alone"
    );
    assert_eq!(rows(&document, "bulk").len(), 7);
}

#[test]
fn the_clocks_run_from_the_opening() {
    let mut request = request(Kind::Incident, Language::English);
    request.incident = Some("i-1".to_owned());
    request.now = "2026-03-16T07:30:00Z".parse().unwrap();
    let report = report_of(&entries(), request.clone());
    let clocks = rows(&json_of(&report), "clocks");
    let due: Vec<_> = clocks
        .iter()
        .map(|row| row["due"].as_str().unwrap())
        .collect();
    assert_eq!(
        due,
        [
            "2026-03-16T05:00:00Z",
            "2026-03-16T06:00:00Z",
            "2026-03-16T08:00:00Z",
            "2026-03-17T04:00:00Z",
            "2026-03-19T04:00:00Z",
        ]
    );
    let state: Vec<_> = clocks
        .iter()
        .map(|row| row["remaining"].as_str().unwrap())
        .collect();
    assert_eq!(state, ["over", "over", "running", "running", "running"]);
    let text = report.markdown();
    assert!(
        text.contains("0 h 30 min left") && text.contains("over since 2 h 30 min"),
        "{text}"
    );
    request.incident = None;
    let gravest = report_of(&entries(), request.clone());
    assert_eq!(
        rows(&json_of(&gravest), "timeline").len(),
        2,
        "the gravest is taken"
    );
    request.incident = Some("i-2".to_owned());
    assert!(
        report_of(&entries(), request)
            .lead
            .contains("no incident i-2")
    );
}

#[test]
fn an_incident_of_before_the_measures_has_no_chinese_clock() {
    let mut request = request(Kind::Incident, Language::English);
    request.incident = Some("i-1".to_owned());
    let open = ledger::alert("open", 500);
    let entries = vec![("2025-10-31T15:59:59Z", "alert", open.clone())];
    assert_eq!(
        rows(&json_of(&report_of(&entries, request.clone())), "clocks").len(),
        2
    );
    let entries = vec![("2025-10-31T16:00:00Z", "alert", open)];
    assert_eq!(
        rows(&json_of(&report_of(&entries, request)), "clocks").len(),
        5
    );
}

#[test]
fn the_window_ends_at_midnight_where_the_site_is() {
    let start = json!({"time_zone": "Asia/Shanghai"});
    let moments = [
        ("2026-03-15T15:59:59Z", false),
        ("2026-03-15T16:00:00Z", true),
        ("2026-03-17T15:59:59Z", true),
        ("2026-03-17T16:00:00Z", false),
    ];
    for (moment, is_in) in moments {
        let mut gatherer = Gatherer::new(request(Kind::Assurance, Language::English));
        gatherer.take(0, timestamp("2026-01-01T00:00:00Z"), "start", &start);
        gatherer.take(1, timestamp(moment), "note", &json!({"text": "here"}));
        let notes = rows(&json_of(&gatherer.finish(None)), "notes");
        assert_eq!(notes.len(), usize::from(is_in), "{moment}");
    }
    // The totals of a day say their day, whenever they are written.
    let body = json!({"day": "2026-03-17", "part": 1, "parts": 1, "rows": [{"bytes": 7}]});
    let entries = vec![("2026-03-18T03:00:00Z", "totals", body)];
    let request = request(Kind::SelfAssessment, Language::English);
    assert_eq!(
        figure(&json_of(&report_of(&entries, request)), "bytes_out"),
        7
    );
}

#[test]
fn an_entity_has_only_its_own() {
    let mut request = request(Kind::SelfAssessment, Language::English);
    request.entity = Some("Motors".to_owned());
    let document = json_of(&report_of(&entries(), request));
    assert_eq!(figure(&document, "bytes_out"), 2_100);
    assert_eq!(rows(&document, "approvals").len(), 1);
    assert!(
        rows(&document, "incidents").is_empty(),
        "it is of the other entity"
    );
    assert!(rows(&document, "findings").is_empty());
    assert!(rows(&document, "meters").is_empty());
}

#[test]
fn both_languages_say_the_same() {
    for kind in Kind::ALL {
        let [english, chinese] = LANGUAGES.map(|language| report(kind, language));
        assert_ne!(english.title, chinese.title);
        // Codes are the same, and only what an incident says is a sentence.
        let codes = chinese.csv().replace("pacs 发送过多", "pacs sent much");
        assert_eq!(english.csv(), codes, "{kind:?}");
        let [english, chinese] = [english, chinese].map(|report| json_of(&report));
        let names = |document: &Value| -> Vec<Value> {
            let figures = document["figures"].as_array().unwrap().iter();
            figures
                .map(|figure| json!([figure["name"], figure["value"], figure["tone"]]))
                .collect()
        };
        assert_eq!(names(&english), names(&chinese), "{kind:?}");
        assert_eq!(shape(&english), shape(&chinese), "{kind:?}");
    }
}

/// What stands in a document whatever its language: the kinds of blocks, and tables by codes.
fn shape(document: &Value) -> Vec<String> {
    let mut shape = Vec::new();
    for section in document["sections"].as_array().unwrap() {
        shape.push(section["name"].to_string());
        for block in section["blocks"].as_array().unwrap() {
            let is_prose = matches!(block["name"].as_str(), Some("fields" | "head" | "clocks"));
            let items = block["items"].as_array().map(Vec::len);
            let mut rows = block["rows"].clone();
            for row in rows.as_array_mut().into_iter().flatten() {
                for key in ["title", "sentence", "explanation"] {
                    row.as_object_mut().unwrap().remove(key);
                }
            }
            let rows = match is_prose {
                true => rows.as_array().map_or(0, Vec::len).to_string(),
                false => rows.to_string(),
            };
            shape.push(format!(
                "{} {} {items:?} {rows}",
                block["type"], block["name"]
            ));
        }
    }
    shape
}

#[test]
fn the_same_ledger_gives_the_same_bytes() {
    for kind in Kind::ALL {
        let [one, two] = [(), ()].map(|()| report(kind, Language::English));
        assert_eq!(one.html(), two.html());
        assert_eq!(one.json(), two.json());
        assert_eq!(one.markdown(), two.markdown());
    }
}

#[test]
fn nothing_gives_a_report_of_nothing() {
    for kind in Kind::ALL {
        for language in LANGUAGES {
            let report = Gatherer::new(request(kind, language)).finish(None);
            checks::check_html(&report.html());
            checks::check_markdown(&report.markdown());
            assert!(report.warnings.len() >= 3, "{:?}", report.warnings);
            let rows = checks::read_csv(&report.csv());
            assert!(!rows.is_empty(), "at least the names of the columns");
        }
    }
    let mut backwards = request(Kind::Protection, Language::English);
    backwards.from = date("2026-03-18");
    let report = report_of(&entries(), backwards);
    assert!(report.warnings[0].contains("later than the last"));
    assert_eq!(figure(&json_of(&report), "bytes_out"), 0);
}

#[test]
fn every_report_says_what_it_cannot_show_and_what_it_rests_on() {
    for kind in Kind::ALL {
        for language in LANGUAGES {
            let report = report(kind, language);
            let names: Vec<_> = report.sections.iter().map(|section| section.name).collect();
            assert!(
                names.ends_with(&["cannot_show", "method", "sources", "ledger"]),
                "{names:?}"
            );
            let text = report.markdown();
            for needed in [
                "2026.11",
                "dbip-country.mmdb",
                "Asia/Shanghai",
                "≥",
                "cn-base",
            ] {
                assert!(text.contains(needed), "{kind:?} {language:?}: {needed}");
            }
            assert!(text.contains(&"ab".repeat(32)), "the root of the tree");
            assert!(report.table(report.main_table).is_some());
            for table in report.tables() {
                assert!(
                    table
                        .rows
                        .iter()
                        .all(|row| row.len() == table.columns.len()),
                    "{table:?}"
                );
            }
        }
    }
}

#[test]
fn no_report_says_that_something_is_permitted() {
    // Put together here, so that no file holds the word.
    let words = [
        concat!("compl", "ian"),
        concat!("合", "规"),
        concat!("合", "法"),
        "lawful",
    ];
    for kind in Kind::ALL {
        for language in LANGUAGES {
            let text = report(kind, language).markdown().to_lowercase();
            for word in words {
                assert!(!text.contains(word), "{kind:?}: {word}");
            }
        }
    }
}

#[test]
fn a_head_covers_what_lies_under_it() {
    let mut gatherer = Gatherer::new(request(Kind::Proof, Language::English));
    for (index, (time, kind, body)) in entries().iter().enumerate() {
        gatherer.take(index as u64, timestamp(time), kind, body);
    }
    let document = json_of(&gatherer.finish(Some(head(6))));
    let listed = rows(&document, "entries");
    assert_eq!(listed.len(), 12, "all but the note of the day after");
    assert_eq!(listed[5]["head"], "yes");
    assert_eq!(listed[6]["head"], "no");
    assert!(listed.iter().all(|row| row["index"] == row["leaf"]));
    assert_eq!(figure(&document, "uncovered"), 6);
    assert_eq!(
        rows(&document, "ranges"),
        [json!({
            "first_index": 0, "first_index_is_lower_bound": false, "last_index": 11,
            "last_index_is_lower_bound": false, "entries": 12, "entries_is_lower_bound": false,
        })]
    );
}

#[test]
fn a_run_before_the_window_takes_over_from_the_one_before_it() {
    let mut gatherer = Gatherer::new(request(Kind::Proof, Language::English));
    for (index, (time, kind, body)) in entries().iter().take(3).enumerate() {
        gatherer.take(index as u64, timestamp(time), kind, body);
    }
    gatherer.take(
        3,
        timestamp("2026-03-02T00:00:00Z"),
        "start",
        &json!({"time_zone": "UTC"}),
    );
    let document = json_of(&gatherer.finish(None));
    assert!(
        rows(&document, "packs").is_empty(),
        "the new run has no pack"
    );
    assert_eq!(rows(&document, "entries").len(), 1);
}

#[test]
fn missing_days_and_parts_are_told() {
    let mut entries = entries();
    entries.retain(|(_, kind, body)| *kind != "totals" || body["day"] != "2026-03-17");
    for (_, kind, body) in &mut entries {
        if *kind == "totals" {
            body["parts"] = json!(2);
        }
    }
    let report = report_of(&entries, request(Kind::Assurance, Language::English));
    let warned = report
        .warnings
        .iter()
        .any(|it| it.starts_with("Of 2 days, 2 lack"));
    assert!(warned, "{:?}", report.warnings);
    let days = rows(&json_of(&report), "sensor_days");
    assert_eq!(days[0]["state"], "in_part");
}

#[test]
fn unknown_kinds_are_passed_over_and_counted() {
    let mut entries = entries();
    entries.push(("2026-03-16T05:00:00Z", "hologram", json!({"x": 1})));
    let report = report_of(&entries, request(Kind::Assurance, Language::English));
    assert!(
        report
            .warnings
            .iter()
            .any(|it| it.starts_with("1 entry of kinds"))
    );
}

#[test]
fn a_window_that_is_not_over_is_said_to_be_running() {
    let mut request = request(Kind::SelfAssessment, Language::English);
    request.now = Tick(timestamp("2026-03-16T01:00:00Z").tick().0);
    let report = report_of(&entries(), request);
    assert!(report.warnings.iter().any(|it| it.contains("not over yet")));
    let coverage = report
        .figures
        .iter()
        .find(|figure| figure.name == "coverage_share")
        .unwrap();
    assert_eq!(coverage.value, Cell::Share { part: 1, whole: 1 });
}

#[test]
fn kinds_are_found_by_name_and_number() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(Kind::from_name(kind.number()), Some(kind));
    }
    assert_eq!(Kind::from_name("R7"), None);
}

#[test]
fn what_a_database_has_moved_is_no_other_database() {
    let tables = |entries| {
        let report = report_of(&entries, request(Kind::Assurance, Language::English));
        rows(&json_of(&report), "databases")
    };
    let mut more = entries();
    let moved = json!({"database": "country", "relabelled": 1, "relabelled_listed": [
        {"from": "SG", "to": "HK", "networks": 1, "bytes": 5},
    ]});
    more.push(("2026-03-17T16:00:00Z", "database", moved));
    assert_eq!(tables(more), tables(entries()));
    assert_eq!(tables(entries()).len(), 1);
}
