use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::alert::{KnownIncident, Level};
use crate::baseline::CellKey;
use crate::dissect::Protection;
use crate::geo::Country;
use crate::time::{SECONDS_PER_HOUR, Tick};
use crate::transfer::Service;

/// 2026-03-02, a Monday, 08:00 UTC.
const HOUR: u64 = 1_772_438_400 / SECONDS_PER_HOUR;

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn open(folder: &Path) -> History {
    let opened = History::open(folder, &HistoryConfig::default(), Origin::Sensor).unwrap();
    assert_eq!(opened.notes, [""; 0]);
    opened.history
}

/// An hour in which each of so many assets sent a thousand bytes to each country.
fn hour(hour: u64, assets: u32, codes: &[&str]) -> Record {
    let mut record = HourRecord {
        hour,
        is_over: true,
        ..HourRecord::default()
    };
    for code in codes {
        let mut sums = CountryHour {
            bytes: 1_000 * u64::from(assets),
            expected_bytes: Some(900),
            ..CountryHour::default()
        };
        sums.protected[Protection::Strong as usize] = sums.bytes;
        sums.sure[0] = sums.bytes;
        record.countries.insert(country(code), sums);
    }
    for number in 0..assets {
        let mut one = AssetHour::default();
        one.about.role = "client";
        one.about.maturity = 0.5;
        for code in codes {
            let to = country(code);
            let since = Tick::of_hour(HOUR).plus_seconds(7);
            one.countries.insert(to, (1_000, Some(800), since));
            let key = CellKey {
                country: to,
                asn: 64_500,
                service: Service::Web,
            };
            one.cells.insert(key, 1_000);
        }
        record.assets.insert(format!("pc-{number}"), one);
    }
    Record::Hour(record)
}

fn alert(id: &str, incident: &str, tick: u64, is_closed: bool) -> Record {
    Record::Alert(Box::new(AlertRecord {
        id: id.to_owned(),
        incident: incident.to_owned(),
        tick: Tick(tick),
        is_closed,
        asset: "pc-0".to_owned(),
        country: country("SG"),
        severity: "high",
        known: Some(KnownIncident {
            name: incident.to_owned(),
            asset: "10.0.0.1".parse().unwrap(),
            country: country("SG"),
            level: Level {
                hour_bytes: 5,
                day_bytes: tick,
            },
        }),
        line: format!("{{\"id\":\"{id}\"}}"),
    }))
}

const ALL: Page<'_> = Page {
    limit: 500,
    after: None,
};

fn value(answer: &impl serde::Serialize) -> Value {
    serde_json::to_value(answer).unwrap()
}

#[test]
fn an_hour_that_is_written_twice_counts_once_and_runs_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    let record = hour(HOUR, 2, &["SG", "US"]);
    history.write(std::slice::from_ref(&record)).unwrap();
    history.write(std::slice::from_ref(&record)).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let singapore =
        |reader: &Reader| value(&reader.jurisdictions(24).unwrap())["jurisdictions"][0].clone();
    let seen = singapore(&reader);
    assert_eq!(seen["country"], "SG");
    assert_eq!(
        (&seen["bytes"], &seen["assets"]),
        (&json!(2_000), &json!(2))
    );
    assert_eq!(seen["protection"]["strong"], 2_000);
    // A sensor that starts again within the hour saw other bytes, and expects the same.
    drop(history);
    open(folder.path()).write(&[record]).unwrap();
    let seen = singapore(&reader);
    assert_eq!(
        (&seen["bytes"], &seen["expected_bytes"]),
        (&json!(4_000), &json!(900))
    );
    let asset = value(&reader.asset("pc-1").unwrap().unwrap());
    assert_eq!(asset["countries"][0]["bytes_24h"], 1_000);
    assert_eq!(asset["first_export"], "2026-03-02T08:00:07Z");
}

#[test]
fn a_month_is_the_sum_of_its_hours_however_it_is_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    // The hour is the eighth of its day, so that days begin and end within.
    let hours: Vec<_> = (0..100).map(|at| hour(HOUR + at, 1, &["SG"])).collect();
    let days = |history: &History| {
        let query = "SELECT group_concat(day - ?1) FROM country_days";
        let day = i64::try_from(HOUR / 24).unwrap();
        let row = history.connection.query_row(query, [day], |row| row.get(0));
        row.unwrap_or_else(|_| String::new())
    };
    let check = |span: u64, seen: u64| {
        let reader = Reader::open(folder.path()).unwrap();
        let found = value(&reader.jurisdictions(span).unwrap())["jurisdictions"][0].clone();
        assert_eq!(found["bytes"], json!(1_000 * seen), "{span} hours");
        assert_eq!(found["expected_bytes"], json!(900 * seen), "{span} hours");
        assert_eq!(found["protection"]["strong"], json!(1_000 * seen));
    };
    for one in &hours {
        history.write(std::slice::from_ref(one)).unwrap();
    }
    assert_eq!(days(&history), "0,1,2,3");
    for span in [1, 3, 4, 5, 24, 27, 28, 29, 75, 76, 77, 99, 100] {
        check(span, span);
    }
    check(720, 100);
    // A run that begins anew within a day that is over adds to it.
    drop(history);
    let mut history = open(folder.path());
    history.write(&[hour(HOUR + 40, 1, &["SG"])]).unwrap();
    assert_eq!(
        days(&history),
        "0,1",
        "later days are added up when they are over again"
    );
    let reader = Reader::open(folder.path()).unwrap();
    let found = value(&reader.jurisdictions(720).unwrap())["jurisdictions"][0].clone();
    assert_eq!(found["bytes"], json!(101_000));
    assert_eq!(
        found["expected_bytes"],
        json!(90_000),
        "what is normal counts once"
    );
    history.write(&[hour(HOUR + 100, 1, &["SG"])]).unwrap();
    assert_eq!(days(&history), "0,1,2,3");
    let found = value(&reader.jurisdictions(720).unwrap())["jurisdictions"][0].clone();
    assert_eq!(found["bytes"], json!(102_000));
}

#[test]
fn hours_without_an_export_are_told_and_unseen_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    let records = [hour(HOUR, 1, &["SG"]), hour(HOUR + 2, 1, &["US"])];
    history.write(&records).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let wanted = HourSelection {
        asset: Some("pc-0"),
        country: Some(country("SG")),
        from: 0,
        to: HOUR + 9,
    };
    let points = reader.hours(&wanted).unwrap();
    let seen: Vec<_> = points.iter().map(|one| (&*one.hour, one.bytes)).collect();
    assert_eq!(
        seen,
        [("2026-03-02T08:00:00Z", 1_000), ("2026-03-02T10:00:00Z", 0)]
    );
    assert_eq!(points[1].expected_bytes, None);
}

#[test]
fn lists_go_on_where_a_page_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    history.write(&[hour(HOUR, 25, &["SG"])]).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = Page {
            limit: 10,
            after: after.as_deref(),
        };
        let answer = value(&reader.assets("", page).unwrap());
        let rows = answer["assets"].as_array().unwrap();
        names.extend(
            rows.iter()
                .map(|row| row["asset"].as_str().unwrap().to_owned()),
        );
        match answer["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break,
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 25);
    // What is looked for is text, whatever it means to a database.
    for text in ["%", "_", "' OR 1=1 --", "pc\\"] {
        let found = value(&reader.assets(text, ALL).unwrap());
        assert_eq!(found["assets"], json!([]), "{text}");
    }
    assert_eq!(
        value(&reader.assets("PC-2", ALL).unwrap())["assets"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
}

#[test]
fn incidents_are_listed_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    let begun = Tick::of_hour(HOUR).0;
    let records = (0..7).map(|number| {
        let name = format!("i{number}");
        alert(&name, &name, begun + number, number % 2 == 1)
    });
    history.write(&records.collect::<Vec<_>>()).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let all = reader.incidents(
        IncidentState::All,
        None,
        None,
        Page {
            limit: 5,
            after: None,
        },
    );
    let all = value(&all.unwrap());
    assert_eq!(all["incidents"][0]["incident"], "i6");
    let next = all["next"].as_str();
    let rest = reader.incidents(
        IncidentState::All,
        Some("pc-0"),
        None,
        Page {
            limit: 5,
            after: next,
        },
    );
    assert_eq!(
        value(&rest.unwrap())["incidents"].as_array().unwrap().len(),
        2
    );
    let open = reader.incidents(IncidentState::Open, None, Some(country("SG")), ALL);
    assert_eq!(
        value(&open.unwrap())["incidents"].as_array().unwrap().len(),
        4
    );
}

#[test]
fn an_incident_has_its_lines_and_is_closed_where_the_sensor_forgot_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    let at = Tick::of_hour(HOUR).0;
    let records = [
        hour(HOUR, 1, &["SG"]),
        alert("a.1", "a", at + 10, false),
        alert("a.2", "a", at + 20, false),
        alert("a.2", "a", at + 20, false),
    ];
    history.write(&records).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let found = reader.incident("a").unwrap().unwrap();
    let lines: Vec<_> = found.alerts.iter().map(|line| line.get()).collect();
    assert_eq!(lines, ["{\"id\":\"a.1\"}", "{\"id\":\"a.2\"}"]);
    assert_eq!(
        (found.state.as_str(), found.hours[0].bytes),
        ("open", 1_000)
    );
    let (known, last) = found.known.unwrap();
    assert_eq!((known.level.day_bytes, last.0), (at + 20, at + 20));
    let Record::Hour(mut next) = hour(HOUR + 1, 1, &["SG"]) else {
        unreachable!()
    };
    next.open = Some(Vec::new());
    history.write(&[Record::Hour(next)]).unwrap();
    assert_eq!(reader.incident("a").unwrap().unwrap().state, "closed");
    assert!(reader.incident("b").unwrap().is_none());
}

#[test]
fn what_is_old_goes_and_what_is_silent_counts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let config = HistoryConfig {
        retention_days: 3,
        asset_retention_days: 2,
        ..HistoryConfig::default()
    };
    let opened = History::open(folder.path(), &config, Origin::Sensor).unwrap();
    let mut history = opened.history;
    history
        .write(&[
            hour(HOUR, 5, &["SG"]),
            alert("a", "a", Tick::of_hour(HOUR).0, true),
        ])
        .unwrap();
    history.write(&[hour(HOUR + 25, 1, &["US"])]).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    assert!(reader.incident("a").unwrap().is_some());
    let sums = |reader: &Reader| {
        let answer = value(&reader.assets("", ALL).unwrap());
        let rows = answer["assets"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["bytes_24h"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(sums(&reader), [1_000, 0, 0, 0, 0]);
    history.write(&[hour(HOUR + 24 * 4, 0, &["US"])]).unwrap();
    assert_eq!(sums(&reader), [0; 0]);
    let [first, last] = reader.span().unwrap().unwrap();
    assert_eq!((first, last), (HOUR + 25, HOUR + 96));
    assert!(reader.incident("a").unwrap().is_none());
}

#[test]
fn a_full_file_forgets_its_oldest_days_and_then_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let config = HistoryConfig {
        size_bytes_max: 2 << 20,
        ..HistoryConfig::default()
    };
    let opened = History::open(folder.path(), &config, Origin::Sensor).unwrap();
    let mut history = opened.history;
    for day in 0..30 {
        history
            .write(&[hour(HOUR + 24 * day, 300, &["SG", "US", "DE"])])
            .unwrap();
    }
    let size = fs::metadata(history.path()).unwrap().len();
    assert!(size <= 2 << 20, "{size}");
    let reader = Reader::open(folder.path()).unwrap();
    // Totals are kept of all days.
    assert_eq!(reader.span().unwrap(), Some([HOUR, HOUR + 24 * 29]));
    let error = history
        .write(&[hour(HOUR + 9_999, 60_000, &["SG"])])
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Unwritable, "{error}");
    assert_eq!(
        reader.span().unwrap(),
        Some([HOUR, HOUR + 24 * 29]),
        "all or nothing"
    );
    history.write(&[hour(HOUR + 24 * 30, 1, &["SG"])]).unwrap();
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut history = open(folder.path());
    history.write(&[hour(HOUR, 50, &["SG"])]).unwrap();
    let path = history.path();
    drop(history);
    let whole = fs::read(&path).unwrap();
    let wrong_version = |mut bytes: Vec<u8>| {
        bytes[63] = 99;
        bytes
    };
    let torn = whole[..whole.len() / 2].to_vec();
    let mut smeared = whole.clone();
    smeared[8_192..12_288].fill(0xaa);
    for damaged in [b"no database".to_vec(), torn, smeared, wrong_version(whole)] {
        fs::write(&path, &damaged).unwrap();
        let opened = History::open(folder.path(), &HistoryConfig::default(), Origin::Sensor);
        let Opened { mut history, notes } = opened.unwrap();
        assert!(notes[0].contains("history.damaged.sqlite"), "{notes:?}");
        history.write(&[hour(HOUR, 1, &["SG"])]).unwrap();
        drop(history);
        let aside = folder.path().join("history.damaged.sqlite");
        assert_eq!(fs::read(aside).unwrap().len(), damaged.len());
        assert_eq!(
            Reader::open(folder.path()).unwrap().span().unwrap(),
            Some([HOUR; 2])
        );
    }
}

#[test]
fn a_history_has_one_writer_and_a_replay_spares_that_of_a_sensor() {
    let folder = tempfile::tempdir().unwrap();
    let replay = || History::open(folder.path(), &HistoryConfig::default(), Origin::Replay);
    let history = open(folder.path());
    assert!(matches!(replay(), Err(HistoryError::InUse(_))));
    drop(history);
    assert!(matches!(replay(), Err(HistoryError::OfSensor(_))));
    // A file whose first start was cut short holds nobody's.
    fs::write(folder.path().join(FILE_NAME), "").unwrap();
    let mut first = replay().unwrap().history;
    first.write(&[hour(HOUR, 1, &["SG"])]).unwrap();
    drop(first);
    drop(replay().unwrap());
    assert_eq!(Reader::open(folder.path()).unwrap().span().unwrap(), None);
    let none = Reader::open(Path::new("/nowhere")).unwrap_err();
    assert!(none.to_string().contains("--history"));
}

#[test]
fn a_file_that_cannot_be_opened_yet_or_is_removed_stops_no_sensor() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE_NAME);
    // Not even root can read a folder as a database.
    fs::create_dir(&file).unwrap();
    let origin = Origin::Sensor;
    let opened = History::open(folder.path(), &HistoryConfig::default(), origin);
    assert!(
        opened.is_err(),
        "a folder that is in the way stays in the way"
    );
    fs::remove_dir(&file).unwrap();

    let mut history = open(folder.path());
    history.write(&[alert("a#1", "a", 1, false)]).unwrap();
    fs::remove_file(&file).unwrap();
    history.write(&[alert("b#1", "b", 2, false)]).unwrap();
    assert!(file.is_file());
    let count = |history: &History| -> u32 {
        let counted = "SELECT count(*) FROM alerts";
        history
            .connection
            .query_row(counted, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&history), 1, "of the new file");

    // As after a start on a full disk.
    history.is_open = false;
    history.connection = rusqlite::Connection::open_in_memory().unwrap();
    history.write(&[alert("c#1", "c", 3, false)]).unwrap();
    assert_eq!(count(&history), 2);
}
