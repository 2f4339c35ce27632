use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex;

use crate::config::Config;
use crate::time::Tick;

/// A server of the web that answers each request with the next status, and the last one for
/// ever after. It keeps the bodies that it was sent.
struct Server {
    url: String,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(statuses: &'static [&'static str]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), statuses)
    }

    fn on(listener: TcpListener, statuses: &'static [&'static str]) -> Self {
        Self::after(listener, statuses, Duration::ZERO)
    }

    /// The same, after a pause before each answer.
    fn after(listener: TcpListener, statuses: &'static [&'static str], pause: Duration) -> Self {
        let url = format!("http://{}/x", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        std::thread::spawn(move || {
            let mut answers = 0;
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some(body) = request(&mut stream) {
                    kept.lock().unwrap().push(body);
                    let status = statuses[answers.min(statuses.len() - 1)];
                    answers += 1;
                    std::thread::sleep(pause);
                    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        Self { url, bodies }
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

/// The body of a request; nothing at the end of the connection.
fn request(stream: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// Sinks, and what a person was told of them.
struct Run {
    sinks: Sinks,
    counts: Arc<OneSink>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Run {
    fn start(settings: &str, state: Option<&Path>) -> Self {
        let config = Config::parse(settings, "x.toml").unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        let tell: Tell = Arc::new(move |text| kept.lock().unwrap().push(text.to_owned()));
        let telemetry = Telemetry::new();
        let sinks = Sinks::start(&config.sink, state, Sending::Live, &telemetry, &tell).unwrap();
        let counts = Arc::clone(&sinks.sinks[0].counts);
        Self {
            sinks,
            counts,
            told,
        }
    }

    fn hand_over(&self, seconds: u64) {
        self.sinks.hand_over(Event::test(Tick(seconds), "host"));
    }

    /// Waits until the counters are as they should be: delivered, retried, dropped, waiting.
    fn await_counts(&self, is_so: impl Fn([u64; 4]) -> bool) -> [u64; 4] {
        let begun = Instant::now();
        loop {
            let one = &self.counts;
            let counts = [&one.delivered, &one.retried, &one.dropped, &one.waiting];
            let counts = counts.map(|count| count.load(Relaxed));
            if is_so(counts) {
                return counts;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{counts:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

fn webhook(url: &str) -> String {
    format!("[[sink]]\nkind = \"webhook\"\nurl = \"{url}\"\n")
}

#[test]
fn what_waits_outlives_the_run_and_is_delivered_once_when_the_other_side_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = webhook(&format!("http://{address}/x"));
    let run = Run::start(&settings, Some(folder.path()));
    run.hand_over(1_000);
    run.hand_over(1_001);
    run.await_counts(|[_, retried, _, waiting]| retried > 0 && waiting == 2);
    let told = run.told();
    // As if it were killed: the end is not waited for, and the lock is that of the first.
    let [_, retried, ..] = run.await_counts(|_| true);
    drop(run.sinks);
    assert_eq!(
        told.len(),
        1,
        "once, though tried {retried} times: {told:?}"
    );
    assert!(
        told[0].contains("refused") && told[0].contains("webhook"),
        "{told:?}"
    );
    let server = Server::on(TcpListener::bind(address).unwrap(), &["200 OK"]);
    let again = Run::start(&settings, Some(folder.path()));
    let counts = again.await_counts(|[delivered, ..]| delivered == 2);
    assert_eq!(counts, [2, 0, 0, 0]);
    drop(again);
    let ids = server.bodies();
    let ids = ids.iter().map(|body| Event::parse(body).unwrap().id());
    assert_eq!(
        ids.collect::<Vec<_>>(),
        [
            "1970-01-01T00:16:40Z/host/test#1",
            "1970-01-01T00:16:41Z/host/test#1"
        ]
    );
}

#[test]
fn a_slow_sink_with_much_to_take_does_not_hold_up_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pause = Duration::from_millis(100);
    let server = Server::after(listener, &["200 OK"], pause);
    let run = Run::start(&webhook(&server.url), None);
    let events = 3 * GRACE.as_secs() * 10;
    for seconds in 0..events {
        run.hand_over(seconds);
    }
    let (counts, told) = (Arc::clone(&run.counts), Arc::clone(&run.told));
    let (ended, end) = bounded(1);
    std::thread::spawn(move || {
        drop(run);
        ended.send(()).unwrap();
    });
    end.recv_timeout(GRACE * 3).unwrap();
    let left = counts.waiting.load(Relaxed);
    assert_eq!(counts.delivered.load(Relaxed) + left, events);
    let said = format!("{left} events were not delivered, and are lost to it");
    let told = told.lock().unwrap().clone();
    assert!(
        left > 0 && told.last().unwrap().ends_with(&said),
        "{told:?}"
    );
}

#[test]
fn what_is_refused_is_dropped_and_what_is_in_trouble_is_tried_again() {
    let server = Server::start(&["400 Bad Request", "503 Busy", "200 OK"]);
    let run = Run::start(&webhook(&server.url), None);
    for seconds in 0..3 {
        run.hand_over(seconds);
    }
    let counts = run.await_counts(|[delivered, ..]| delivered == 2);
    assert_eq!(counts, [2, 1, 1, 0]);
    let told = run.told();
    let said = |word: &str| told.iter().filter(|line| line.contains(word)).count();
    assert_eq!(
        [said("status 400"), said("status 503"), said("again; ")],
        [1, 1, 1]
    );
    assert!(told[0].contains("no state.dir"), "{told:?}");
    assert_eq!(server.bodies().len(), 4);
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::start(&["200 OK"]);
    let location = format!("302 Found\r\nLocation: {}", other.url);
    let server = Server::start(Box::leak(Box::new([&*Box::leak(
        location.into_boxed_str(),
    )])));
    let run = Run::start(&webhook(&server.url), None);
    run.hand_over(1);
    run.await_counts(|[_, retried, ..]| retried > 0);
    assert_eq!((server.bodies().len(), other.bodies().len()), (1, 0));
    assert!(run.told()[1].contains("status 302"), "{:?}", run.told());
    std::mem::forget(run);
}

#[test]
fn a_sink_that_hangs_holds_nothing_up_and_every_event_is_accounted_for() {
    // Connections are taken by the system and never answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let run = Run::start(&webhook(&url), None);
    let begun = Instant::now();
    let events = 3 * EVENTS_WAITING_MAX as u64;
    for seconds in 0..events {
        run.hand_over(seconds);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let overflown = run.counts.overflown.load(Relaxed);
    assert!(
        overflown >= events - 2 * EVENTS_WAITING_MAX as u64 - 1,
        "{overflown}"
    );
    drop(listener);
    run.await_counts(|[delivered, retried, dropped, waiting]| {
        retried > 0 && delivered + dropped + waiting + overflown == events
    });
    // The end would wait for what cannot be delivered.
    std::mem::forget(run);
}

#[test]
fn counters_are_told_by_kind_and_only_of_kinds_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    let path = path.display();
    let settings = format!("[[sink]]\nkind = \"file\"\npath = \"{path}\"\n");
    let config = Config::parse(&settings, "x.toml").unwrap();
    let telemetry = Telemetry::new();
    let tell: Tell = Arc::new(|_| {});
    let sinks = Sinks::start(&config.sink, None, Sending::Replay, &telemetry, &tell).unwrap();
    sinks.hand_over(Event::test(Tick(1), "host"));
    // The end waits for what can be delivered.
    drop(sinks);
    let text = crate::metrics::encode(telemetry.families()).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("borderflow_sink_delivered_events_total{kind=\"file\"} 1"),
        "{text}"
    );
    assert!(!text.contains("kind=\"webhook\""), "{text}");
    let bare = crate::metrics::encode(Telemetry::new().families()).unwrap();
    assert!(
        !String::from_utf8(bare)
            .unwrap()
            .contains("borderflow_sink_")
    );
    let lines = std::fs::read_to_string(folder.path().join("a.log")).unwrap();
    assert_eq!(lines.lines().count(), 1);
}
