use std::fs;
use std::sync::Mutex;

use super::*;
use crate::config::Config;
use crate::pipeline::{Sinks, Telemetry};
use crate::time::Tick;

struct Bench {
    sinks: Sinks,
    counts: Arc<Telemetry>,
    told: Arc<Mutex<Vec<String>>>,
}

fn start(sink: &str, sending: Sending) -> Bench {
    let config = Config::parse(&format!("[[sink]]\n{sink}\n"), "x.toml").unwrap();
    let counts = Telemetry::new();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&told);
    let tell: Tell = Arc::new(move |text: &str| lines.lock().unwrap().push(text.to_owned()));
    let sinks = Sinks::start(&config.sink, None, sending, &counts, &tell).unwrap();
    Bench {
        sinks,
        counts,
        told,
    }
}

fn flows(count: usize) -> Vec<FlowEvent> {
    vec![FlowEvent::test(Tick(1_000)); count]
}

fn counted(counts: &Telemetry, name: &str) -> u64 {
    let line = format!("borderflow_sink_{name}{{kind=\"flow_file\"}} ");
    let text = crate::metrics::encode(counts.families()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let value = text.lines().find_map(|one| one.strip_prefix(&line));
    value
        .unwrap_or_else(|| panic!("no {name}: {text}"))
        .parse()
        .unwrap()
}

#[test]
fn what_is_handed_over_arrives_before_the_run_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("conn.log");
    let sink = format!("kind = \"flow_file\"\npath = \"{}\"", path.display());
    let bench = start(&sink, Sending::Replay);
    let mut tap = bench.sinks.flow_tap().unwrap();
    tap.add(&flows(3_000));
    tap.hand_over();
    // The tap is still there when the run ends.
    drop(bench.sinks);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.lines().filter(|line| !line.starts_with('#')).count(),
        3_000
    );
    assert_eq!(counted(&bench.counts, "delivered_events_total"), 3_000);
    assert_eq!(counted(&bench.counts, "waiting_events"), 0);
    // What comes too late is counted, and nothing waits for it.
    tap.add(&flows(7));
    tap.hand_over();
    assert_eq!(counted(&bench.counts, "dropped_events_total"), 7);
}

#[test]
fn a_sink_that_takes_nothing_is_never_waited_for_and_all_is_counted() {
    let bench = start("kind = \"flow_file\"\npath = \"/dev/full\"", Sending::Live);
    let mut tap = bench.sinks.flow_tap().unwrap();
    let begun = Instant::now();
    let batches = BATCHES_WAITING_MAX * 8;
    for _ in 0..batches {
        tap.add(&flows(BATCH_FLOWS));
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    drop(bench.sinks);
    let dropped = counted(&bench.counts, "dropped_events_total");
    assert_eq!(dropped, (batches * BATCH_FLOWS) as u64);
    assert_eq!(counted(&bench.counts, "delivered_events_total"), 0);
    let told = bench.told.lock().unwrap();
    assert!(told[0].contains("/dev/full"), "{told:?}");
    assert!(told.len() < 30, "{told:?}");
}
