//! The console's API against what it promises, over a replay of the office's nine days: shapes
//! and numbers, refusals, feedback, events, and clients that mean no good.

mod web_config;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::{Running, borderflow, has_commands, run};
use crate::restart::ALERT_EARLY;
use crate::schemas::Schema;
use crate::support::{json_lines, number, office_config, office_week};

const ASSET: &str = "10.20.10.12";
const COUNTRY: &str = "RU";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A replay that serves its console.
struct Console {
    folder: tempfile::TempDir,
    program: Running,
    address: SocketAddr,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Console {
    /// Replays the office with more settings and arguments.
    fn over_office(settings: &str, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = office_week(folder.path());
        Self::over(folder, &capture, settings, options)
    }

    fn over(folder: tempfile::TempDir, capture: &Path, settings: &str, options: &[&str]) -> Self {
        let settings = format!("{ALERT_EARLY}{settings}");
        let config = office_config(folder.path(), "office.toml", &settings);
        let state = folder.path().join("state");
        let mut command = borderflow("replay");
        command.arg(capture).arg("--config").arg(&config);
        command.arg("--state").arg(state).arg("--out");
        command.arg(folder.path().join("out"));
        command.args(["--console", "127.0.0.1:0"]).args(options);
        let mut program = Running::start(command);
        let said = program.await_line("all is read");
        let address = said.split("://").nth(1).unwrap();
        let address = address.split('/').next().unwrap().parse().unwrap();
        Self {
            folder,
            program,
            address,
        }
    }

    fn with_token() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        let capture = office_week(folder.path());
        let settings = "\n[http]\nfeedback_token_file = \"token\"\n";
        Self::over(folder, &capture, settings, &[])
    }

    fn ask(&self, request: &str, body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).unwrap();
        ask(stream, self.address, request, body)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "")
    }

    fn json(&self, path: &str) -> Value {
        let answer = self.get(&format!("/api/v1/{path}"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(
            answer.head.contains("cache-control: no-store"),
            "{answer:?}"
        );
        answer.json()
    }

    fn stop(self) {
        self.program.signal_and_end();
    }
}

impl Running {
    /// Ends a program as Ctrl-C does, and expects it to have done its work.
    fn signal_and_end(mut self) {
        self.signal("INT");
        let ran = self.finish();
        assert_eq!(ran.status, Some(0), "{ran:?}");
    }
}

/// Sends a request, of which lines of the head may follow the path, and reads the answer.
fn ask(mut stream: TcpStream, host: SocketAddr, request: &str, body: &str) -> Answer {
    let (line, more) = request.split_once('\n').unwrap_or((request, ""));
    let has_host = more.contains("Host:");
    let host = if has_host {
        String::new()
    } else {
        format!("Host: {host}\r\n")
    };
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let more = more.replace('\n', "\r\n");
    let text = format!("{line} HTTP/1.1\r\n{host}{length}Connection: close\r\n{more}\r\n{body}");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // An answer may come before all of a request was taken.
    let _ = stream.write_all(text.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// Checks that an object has these fields and no other.
fn has_fields(object: &Value, fields: &str) {
    let known = object
        .as_object()
        .unwrap_or_else(|| panic!("no object: {object}"));
    let mut known: Vec<_> = known.keys().map(String::as_str).collect();
    let mut fields: Vec<_> = fields.split_whitespace().collect();
    known.sort_unstable();
    fields.sort_unstable();
    assert_eq!(known, fields, "{object}");
}

/// The rows of a list, at least one.
fn rows<'a>(answer: &'a Value, field: &str) -> &'a Vec<Value> {
    let rows = answer[field]
        .as_array()
        .unwrap_or_else(|| panic!("no {field}: {answer}"));
    assert!(!rows.is_empty(), "no row: {answer}");
    rows
}

#[test]
fn the_api_tells_what_a_replay_wrote() {
    let console = Console::over_office("", &[]);
    let out = console.folder.path().join("out");
    let alerts = json_lines(&out.join("alerts.jsonl"));
    let summary = crate::support::json(&out.join("summary.json"));

    let status = console.json("status");
    has_fields(
        &status,
        "version mode input now started is_ready site feedback history_since totals \
         health",
    );
    has_fields(
        &status["totals"],
        "assets cells incidents_open alerts transfers export_bytes",
    );
    assert_eq!(
        (&status["mode"], &status["feedback"]),
        (&json!("replay"), &json!("off"))
    );
    assert_eq!(status["site"]["time_zone"], "Asia/Shanghai");
    assert_eq!(rows(&status["site"], "time_zone_offsets").len(), 1);
    assert_eq!(status["site"]["time_zone_offsets"][0][1], 28_800);
    assert_eq!(status["health"]["packets"], summary["packets"]);
    assert_eq!(status["health"]["history_dropped"], 0);

    let told = console.json("jurisdictions?hours=8784");
    has_fields(&told, "from to jurisdictions");
    let exported = summary["export_bytes"].as_object().unwrap();
    let all = rows(&told, "jurisdictions");
    for row in all.iter().filter(|row| number(row, "bytes") > 0) {
        has_fields(
            row,
            "country bytes expected_bytes assets incidents_open protection confidence",
        );
        let country = row["country"].as_str().unwrap();
        assert_eq!(row["bytes"], exported[country], "{country}");
        for kinds in ["protection", "confidence"] {
            let kinds = row[kinds].as_object().unwrap().values();
            let sum: u64 = kinds.map(|bytes| bytes.as_u64().unwrap()).sum();
            assert_eq!(sum, number(row, "bytes"), "{row}");
        }
    }
    assert!(all.is_sorted_by_key(|row| std::cmp::Reverse(number(row, "bytes"))));

    check_incidents(&console, &alerts);
    check_assets(&console);
    console.stop();
}

fn check_incidents(console: &Console, alerts: &[Value]) {
    let page = console.json("incidents?state=all&limit=1");
    has_fields(&page, "incidents next");
    let newest = &rows(&page, "incidents")[0];
    has_fields(newest, "incident state opened last alert");
    let name = newest["incident"].as_str().unwrap();
    let lines: Vec<_> = alerts
        .iter()
        .filter(|line| line["incident"] == name)
        .collect();
    assert_eq!(&newest["alert"], *lines.last().unwrap());
    Schema::read("alerts").accepts(std::slice::from_ref(&newest["alert"]));
    let path = format!("incidents/{}", name.replace('/', "%2F"));
    let incident = console.json(&path);
    has_fields(&incident, "incident state alerts hours feedback");
    let told: Vec<_> = rows(&incident, "alerts").iter().collect();
    assert_eq!(told, lines);
    let hours = rows(&incident, "hours");
    assert!(hours.len() <= 72, "{}", hours.len());
    has_fields(&hours[0], "hour bytes expected_bytes");
}

fn check_assets(console: &Console) {
    let hours = console.json(&format!("hours?asset={ASSET}&country={COUNTRY}"));
    let leaked: u64 = rows(&hours, "hours")
        .iter()
        .map(|row| number(row, "bytes"))
        .sum();
    assert!(leaked > 500_000_000, "{leaked}");
    let assets = console.json("assets?limit=2");
    has_fields(
        &rows(&assets, "assets")[0],
        "asset organisation bytes_24h expected_bytes_24h countries incidents_open \
         maturity last",
    );
    let next = assets["next"].as_str().unwrap();
    let more = console.json(&format!("assets?limit=2&after={next}"));
    assert_ne!(more["assets"][0], assets["assets"][0]);
    let asset = console.json(&format!("assets/{ASSET}"));
    has_fields(
        &asset,
        "asset addresses organisation sector grade categories maturity role \
         first_export last countries networks hours incidents",
    );
    assert_eq!(asset["addresses"], json!([ASSET]));
    has_fields(
        &rows(&asset, "networks")[0],
        "country asn organisation service bytes_24h bytes_30d",
    );
    assert_eq!(console.json("corridors")["corridors"], json!([]));
    assert_eq!(console.json("meters"), json!({ "meters": [] }));
}

#[test]
fn what_is_not_served_is_refused_with_its_reason() {
    let console = Console::with_token();
    let page = console.json("incidents?state=all");
    let name = rows(&page, "incidents")[0]["incident"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/incidents/{}/feedback", name.replace('/', "%2F"));
    let bearer = format!("POST {path}\nAuthorization: Bearer {TOKEN}\n");
    let verdict = r#"{"verdict":"expected"}"#;
    let status = |request: &str, body: &str| {
        let answer = console.ask(request, body);
        assert!(answer.head.contains("default-src 'none'"), "{answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
        answer.status
    };
    for (request, body, expected) in [
        ("GET /api/v1/nothing", "", 404),
        ("GET /api/v1/incidents/none", "", 404),
        ("GET /api/v1/assets/none", "", 404),
        ("GET /console/../../etc/passwd", "", 404),
        ("GET /api/v1/hours?country=Singapore", "", 400),
        ("GET /api/v1/hours?from=%", "", 400),
        ("GET /api/v1/hours?count=0", "", 400),
        ("GET /api/v1/jurisdictions?hours=0", "", 400),
        ("POST /api/v1/status", "{}", 405),
        ("DELETE /api/v1/assets", "", 405),
        ("GET /api/v1/status\nHost: rebound.example\n", "", 403),
        (&*format!("GET {path}"), "", 405),
        (&*format!("POST {path}"), verdict, 401),
        (
            &*format!("POST {path}\nAuthorization: Bearer {TOKEN}x\n"),
            verdict,
            401,
        ),
        (
            &*format!("{bearer}Origin: http://evil.example\n"),
            verdict,
            403,
        ),
        (&*bearer, r#"{"verdict":"harmless"}"#, 400),
        (&*bearer, &"x".repeat(5_000), 413),
        (&*bearer.replace(&name[..4], "none"), verdict, 404),
    ] {
        assert_eq!(status(request, body), expected, "{request}");
    }
    let given = console.ask(&bearer, verdict);
    assert_eq!(given.status, 200, "{given:?}");
    assert_eq!(given.json()["number"], 1);
    assert!(
        given.json()["text"]
            .as_str()
            .unwrap()
            .contains("is accepted up to")
    );
    let log = json_lines(&console.folder.path().join("state/feedback.jsonl"));
    Schema::read("feedback").accepts(&log);
    assert_eq!(log[0]["act"]["give"]["incident"], name.as_str());
    let incident = console.json(
        path.strip_prefix("/api/v1/")
            .unwrap()
            .strip_suffix("/feedback")
            .unwrap(),
    );
    assert_eq!(incident["feedback"][0]["verdict"], "expected");
    console.stop();
    let off = Console::over_office("", &[]);
    assert_eq!(off.ask(&bearer, verdict).status, 403);
    off.stop();
}

/// All rows of a history, table by table.
fn dump(folder: &Path) -> String {
    let database = rusqlite::Connection::open(folder.join("history.sqlite")).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut text = String::new();
    for table in tables.map(Result::unwrap) {
        let mut rows = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at).unwrap());
            text += &format!("{table} {:?}\n", values.collect::<Vec<_>>());
        }
    }
    text
}

#[test]
fn a_replay_leaves_the_same_rows_whatever_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = office_week(folder.path());
    let config = office_config(folder.path(), "office.toml", ALERT_EARLY);
    let dumps = ["1", "3"].map(|workers| {
        let history = folder.path().join(workers);
        // The second time in place of the first.
        for _ in 0..2 {
            let mut command = borderflow("replay");
            command.arg(&capture).arg("--config").arg(&config);
            command
                .args(["--workers", workers, "--history"])
                .arg(&history);
            assert_eq!(run(command).status, Some(0));
        }
        dump(&history)
    });
    assert!(dumps[0].contains("alerts [") && dumps[0].contains("cell_hours ["));
    assert!(dumps[0] == dumps[1], "the rows differ");
}

#[test]
fn events_come_as_they_are_and_to_sixteen_at_most() {
    let console = Console::over_office("", &[]);
    let open = || {
        let mut stream = TcpStream::connect(console.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n",
            console.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        let mut bytes = [0; 4_096];
        while !text.contains("event: health") && !text.contains(" 503 ") {
            let count = stream.read(&mut bytes).unwrap();
            assert_ne!(count, 0, "{text}");
            text += &String::from_utf8_lossy(&bytes[..count]);
        }
        (stream, text)
    };
    let mut streams: Vec<_> = (0..16).map(|_| open()).collect();
    let (_, first) = &streams[0];
    assert!(first.contains("content-type: text/event-stream"), "{first}");
    assert!(
        first.contains("event: tick\ndata: {\"export_bytes\":"),
        "{first}"
    );
    assert!(open().1.contains(" 503 "));
    streams.pop();
    let begun = Instant::now();
    while open().1.contains(" 503 ") {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no place came free"
        );
        thread::sleep(Duration::from_millis(100));
    }
    console.stop();
}

#[test]
fn idle_and_slow_clients_hold_up_nobody() {
    let console = Console::over_office("", &[]);
    let mut slow: Vec<_> = (0..30)
        .map(|_| {
            let mut stream = TcpStream::connect(console.address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let mut idle = std::collections::VecDeque::new();
    let mut scrapes = Vec::new();
    for number in 0..1_000 {
        idle.push_back(TcpStream::connect(console.address).unwrap());
        // Those that the program has closed are closed here as well, to spare this process.
        if idle.len() > 300 {
            idle.pop_front();
        }
        if number % 20 == 0 {
            let begun = Instant::now();
            assert_eq!(console.get("/metrics").status, 200);
            scrapes.push(begun.elapsed());
        }
    }
    scrapes.sort_unstable();
    println!(
        "scrapes beside 1,000 idle connections: p99 {:?}",
        scrapes[scrapes.len() * 99 / 100]
    );
    let mut program = console.program;
    let files = format!("/proc/{}/fd", program.child().id());
    if let Ok(files) = fs::read_dir(files) {
        let count = files.count();
        assert!(count < 200, "{count} files are open");
    }
    // A head that never ends is not waited for.
    let begun = Instant::now();
    while slow.iter_mut().any(|stream| stream.write_all(b"x").is_ok()) {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "slow clients stay"
        );
        thread::sleep(Duration::from_millis(200));
    }
    program.signal_and_end();
}
