//! A world as a capture, from the scenario to the counters of the sensor.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use borderflow::simulate::{Exchange, Script, World, read_truth};
use serde_json::Value;

use crate::support::{Conserved, number, replay, root, run};

/// What a world says of an asset and a peer.
#[derive(Debug, Default)]
struct Pair {
    sent_bytes: u64,
    received_bytes: u64,
    round_trips_millis: Vec<f64>,
    country: String,
    asn: u32,
}

#[test]
fn a_sensor_counts_what_a_world_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let scenario = root().join("models/scenarios/small-world.toml");
    let [capture, truth, config] = ["site.pcap", "truth.jsonl", "site.toml"].map(at);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let options = ["simulate", "--output", "--truth", "--config"].map(str::to_owned);
    let [simulate, output, truth_option, config_option] = options;
    let arguments = [
        simulate,
        text(&scenario),
        output,
        text(&capture),
        truth_option,
        text(&truth),
        config_option.clone(),
        text(&config),
    ];
    let ran = run(&arguments, Duration::from_secs(120));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let Script::World(script) = Script::read(&scenario).unwrap() else {
        panic!("a world")
    };
    let world = script.world();
    assert_truth(&world, &truth);
    let packets = assert_order(&fs::read(&capture).unwrap());

    let out = at("out");
    let ran = replay(
        &[&capture],
        &out,
        &[&config_option, &text(&config), "--workers", "1"],
    );
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let Conserved { summary, flows } = Conserved::of(&out).unwrap();
    assert_eq!(number(&summary, "packets"), packets);
    let mut exports = BTreeMap::<String, u64>::new();
    let mut pairs = BTreeMap::<(IpAddr, IpAddr), Pair>::new();
    for exchange in &world.exchanges {
        *exports
            .entry(exchange.country.code().to_owned())
            .or_default() += exchange.sent_bytes;
        pairs
            .entry((exchange.asset, exchange.peer))
            .or_default()
            .add(exchange);
    }
    let counted: BTreeMap<String, u64> =
        serde_json::from_value(summary["export_bytes"].clone()).unwrap();
    assert_eq!(counted, exports);
    assert_flows(&flows, &pairs);
}

impl Pair {
    fn add(&mut self, exchange: &Exchange) {
        self.sent_bytes += exchange.sent_bytes;
        self.received_bytes += exchange.received_bytes;
        let millis = f64::from(exchange.round_trip_nanos) / 1e6;
        self.round_trips_millis.push(millis);
        self.country = exchange.country.code().to_owned();
        self.asn = exchange.asn;
    }
}

/// The flows of each pair sum up to its exchanges, and say where the peer is and how far.
fn assert_flows(flows: &[Value], pairs: &BTreeMap<(IpAddr, IpAddr), Pair>) {
    let mut sums = BTreeMap::<(IpAddr, IpAddr), (u64, u64)>::new();
    let (mut timed, mut connections) = (0, 0);
    for flow in flows {
        let address = |side: &str| flow[side].as_str().unwrap().parse::<IpAddr>().unwrap();
        let is_served = !address("src").to_string().starts_with("10.20.");
        let (own, other) = if is_served {
            ("dst", "src")
        } else {
            ("src", "dst")
        };
        let key = (address(own), address(other));
        let pair = pairs
            .get(&key)
            .unwrap_or_else(|| panic!("nobody exchanged {flow}"));
        let of = |field: &str, side: &str| number(flow, &format!("{field}_{side}"));
        assert_eq!(flow[format!("country_{other}")], *pair.country, "{flow}");
        assert_eq!(flow[format!("asn_{other}")], pair.asn, "{flow}");
        let sum = sums.entry(key).or_default();
        for (sum, side) in [(&mut sum.0, own), (&mut sum.1, other)] {
            assert_eq!(
                of("unique_bytes", side),
                of("payload_bytes", side),
                "{flow}"
            );
            *sum += of("unique_bytes", side);
        }
        connections += u64::from(flow["proto"] == 6);
        if let Some(millis) = flow["rtt_ms"].as_f64() {
            let fits = |one: &f64| (0.0..0.5).contains(&(millis - one));
            assert!(pair.round_trips_millis.iter().any(fits), "{flow} {pair:?}");
            timed += 1;
        }
    }
    let expected = pairs
        .iter()
        .map(|(key, pair)| (*key, (pair.sent_bytes, pair.received_bytes)));
    assert_eq!(sums, expected.collect());
    assert!(
        timed * 100 > connections * 95,
        "{timed} of {connections} show a round trip"
    );
}

/// Each leak and surprise is as it was put in, within its time.
fn assert_truth(world: &World, path: &Path) {
    let written = read_truth(fs::read(path).unwrap().as_slice()).unwrap();
    assert!(written.is_sorted_by_key(|line| line.start));
    assert_eq!(written.len(), world.injections.len());
    assert!(written.iter().any(|line| line.benign) && written.iter().any(|line| !line.benign));
    for line in written {
        let mut all = world.injections.iter().map(|injection| &injection.truth);
        let truth = all.find(|truth| truth.id == line.id).unwrap();
        assert_eq!(line.bytes, truth.bytes, "{}", line.id);
        assert!(
            (truth.start..truth.end).contains(&line.start),
            "{line:?} {truth:?}"
        );
        let late = line.end.nanos_since(truth.end);
        assert!(late < 5_000_000_000, "{line:?} {truth:?}");
    }
}

/// The packets of a capture are in the order of time. Returns how many there are.
fn assert_order(capture: &[u8]) -> u64 {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    let (mut at, mut last, mut packets) = (24, (0, 0), 0);
    while at < capture.len() {
        let time = (word(at), word(at + 4));
        assert!(last <= time, "packet {packets}");
        (last, packets) = (time, packets + 1);
        at += 16 + word(at + 8) as usize;
    }
    packets
}

#[test]
fn a_configuration_is_written_for_worlds_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scenario = root().join("models/scenarios/office-week.toml");
    let scenario = scenario.to_str().unwrap().to_owned();
    let options = ["simulate", "--output", "--truth", "--config"].map(str::to_owned);
    let [simulate, output, truth, config] = options;
    let names = ["site.pcap", "truth.jsonl", "site.toml"].map(at);
    let [a, b, c] = names.clone();
    let ran = run(
        &[simulate, scenario, output, a, truth, b, config, c],
        Duration::from_secs(60),
    );
    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("only a scenario with a [world]"),
        "{}",
        ran.stderr
    );
    assert!(names.iter().all(|name| !Path::new(name).exists()));
}
