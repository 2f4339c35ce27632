//! What a round trip says of a country, with real handshakes: a server whose address is that
//! of a German network, as far away as a relay makes it.
//!
//! Client, relay and server live in network namespaces of their own. Not every kernel can
//! delay packets, so the relay is this process: it takes the frames of each link, and sends
//! them on over the other when their time has come.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pcap::{Active, BreakLoop, Capture, Direction};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::live::{Sensor, inside, ip};
use crate::program::{has_commands, is_root, run};
use crate::support::json_lines;

#[path = "../../src/dissect/quic/tests/vectors.rs"]
#[allow(dead_code, clippy::arithmetic_side_effects)]
mod vectors;

use vectors::{CLIENT_1, SERVER_1, bytes};

const CLIENT_ADDRESS: &str = "10.99.0.2";
const SERVER_ADDRESS: &str = "5.9.0.1";
const SERVER_PORT: u16 = 443;

/// The site is in Beijing, 7,214 km from the nearest place in Germany. 100 km are forgiven,
/// and light in fibre makes 100 km there and back in a millisecond.
const SITE: &str = "[geo]\nlocation = [39.9, 116.4]\n";
const BOUND: Duration = Duration::from_micros(71_142);

/// The metrics keep round trips in steps of less than one hundredth.
const METRIC_STEPS: u32 = 100;

/// How often a round trip is measured at most, until it is not made long by other things.
const ATTEMPTS_MAX: usize = 5;

/// The first second with so much is told.
const ALERT: &str = "[alert]\nceiling_bytes_per_hour = 50000\n";
const UPLOAD_BYTES: usize = 100_000;

/// How far away the server is, one way, and what must be told where that is not a close
/// thing. What the relay itself needs comes on top, so between them the measure decides.
const DISTANCES: &[(Duration, Option<&str>)] = &[
    (Duration::from_micros(500), Some("refuted")),
    (Duration::from_millis(1), Some("refuted")),
    (Duration::from_millis(34), None),
    (Duration::from_millis(35), None),
    (Duration::from_millis(36), Some("plausible")),
    (Duration::from_millis(75), Some("plausible")),
    (Duration::from_millis(150), Some("plausible")),
];

#[test]
fn a_country_is_refuted_by_answers_that_come_too_soon_alone() {
    let Some(links) = Links::new("round-trips") else {
        return;
    };
    let times = std::env::var("ROUND_TRIPS_TIMES").map_or(1, |times| times.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("borderflow.toml");
    fs::write(&config, format!("{SITE}{ALERT}")).unwrap();
    let _servers = [links.server(), links.quic_server()];
    let kinds: [(&str, Send); 2] = [("tcp", Links::send), ("quic", Links::send_by_quic)];
    let all = DISTANCES
        .iter()
        .flat_map(|one| kinds.map(|kind| (one, kind)));
    for ((delay, expected), (kind, send)) in all {
        let _relay = Relay::start(&links.relay, *delay);
        let mut told = Vec::new();
        for time in 0..times {
            let name = format!("{kind}-{}-{time}", delay.as_micros());
            let out = folder.path().join(name);
            let measure = |attempt| links.upload(send, &config, &out.join(format!("{attempt}")));
            // On a busy machine the relay itself may be as slow as Germany is far.
            let must_be_soon = *expected == Some("refuted");
            let is_fair = |(_, round_trip): &(_, Duration)| !must_be_soon || *round_trip < BOUND;
            let measured = (0..ATTEMPTS_MAX).map(measure).find(is_fair);
            let (alerts, round_trip) = measured.expect("the relay is too slow");
            let [alert] = &alerts[..] else {
                panic!("{delay:?}: not one alert: {alerts:?}");
            };
            let least = 2 * *delay;
            assert!(
                round_trip >= least - least / METRIC_STEPS,
                "{delay:?}: {round_trip:?}"
            );
            check(alert, round_trip);
            let confidence = alert["geo_confidence"].as_str().unwrap().to_owned();
            assert!(
                expected.is_none_or(|it| it == confidence),
                "{delay:?}: {round_trip:?}"
            );
            told.push((round_trip, confidence));
        }
        told.sort();
        println!(
            "round-trips: {kind}, {delay:?} away: {:?} to {:?}",
            told[0],
            told.last()
        );
    }
}

/// Checks an alert against the round trip that the sensor has measured.
fn check(alert: &Value, round_trip: Duration) {
    // The confidence changes neither what is counted nor where it went.
    assert_eq!(
        (alert["event"].as_str(), alert["jurisdiction"].as_str()),
        (Some("open"), Some("DE"))
    );
    assert!(alert["bytes"].as_u64() > Some(50_000));
    let is_refuted = alert["geo_confidence"] == "refuted";
    assert!(
        is_refuted || alert["geo_confidence"] == "plausible",
        "{alert}"
    );
    let text = alert["explanation"].as_str().unwrap();
    assert_eq!(
        text.contains("answers too soon to be in DE"),
        is_refuted,
        "{text}"
    );
    if round_trip.abs_diff(BOUND) > BOUND / METRIC_STEPS {
        assert_eq!(is_refuted, round_trip < BOUND, "{round_trip:?}: {alert}");
    }
}

/// How a client sends to its server.
type Send = fn(&Links);

/// Three namespaces in a row, for as long as a test needs them.
struct Links {
    client: String,
    relay: String,
    server: String,
}

impl Links {
    /// Makes them, or says why the test `test` is skipped.
    fn new(test: &str) -> Option<Self> {
        if !is_root() {
            println!("{test}: skipped, only root may make network namespaces");
            return None;
        }
        if !has_commands(test, &["ip", "sysctl", "curl", "kill"]) {
            return None;
        }
        // Named after this process, so that they are nobody else's.
        let name = |end: &str| format!("borderflow-{}-{test}-{end}", std::process::id());
        let links = Self {
            client: name("client"),
            relay: name("relay"),
            server: name("server"),
        };
        let made = links
            .all()
            .iter()
            .all(|name| ip(&format!("netns add {name}")));
        if !made || !links.plug_in() {
            println!("{test}: skipped, namespaces or veth pairs cannot be made here");
            return None;
        }
        Some(links)
    }

    const fn all(&self) -> [&String; 3] {
        [&self.client, &self.relay, &self.server]
    }

    /// Joins client and server with the relay, unless no veth pair can be made.
    fn plug_in(&self) -> bool {
        for namespace in self.all() {
            // Without IPv6 the kernel says nothing by itself.
            let mut quiet = inside(namespace, "sysctl");
            quiet.args(["-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
            assert_eq!(run(quiet).status, Some(0));
        }
        let relay = &self.relay;
        let ends = [
            (&self.client, CLIENT_ADDRESS, RELAY_INTERFACES[0]),
            (&self.server, SERVER_ADDRESS, RELAY_INTERFACES[1]),
        ];
        ends.into_iter().all(|(end, address, peer)| {
            let pair = format!("link add eth0 type veth peer name {peer} netns {relay}");
            ip(&format!("-n {end} {pair}"))
                && ip(&format!("-n {end} addr add {address}/32 dev eth0"))
                && ip(&format!("-n {end} link set eth0 gso_max_segs 1"))
                && ip(&format!("-n {end} link set lo up"))
                && ip(&format!("-n {end} link set eth0 up"))
                && ip(&format!("-n {relay} link set {peer} up"))
                && ip(&format!("-n {end} route add default dev eth0"))
        })
    }

    /// Starts a server that takes all that it is sent. It ends with the process.
    fn server(&self) -> JoinHandle<()> {
        let (ready, is_ready) = mpsc::channel();
        let namespace = self.server.clone();
        let server = thread::spawn(move || {
            enter(&namespace);
            let listener = TcpListener::bind((SERVER_ADDRESS, SERVER_PORT)).unwrap();
            ready.send(()).unwrap();
            for stream in listener.incoming() {
                let _ = std::io::copy(&mut stream.unwrap(), &mut std::io::sink());
            }
        });
        is_ready.recv().unwrap();
        server
    }

    /// Starts one that answers the first packet of QUIC that RFC 9001 publishes.
    fn quic_server(&self) -> JoinHandle<()> {
        let (ready, is_ready) = mpsc::channel();
        let namespace = self.server.clone();
        let server = thread::spawn(move || {
            enter(&namespace);
            let socket = UdpSocket::bind((SERVER_ADDRESS, SERVER_PORT)).unwrap();
            ready.send(()).unwrap();
            let (client, answer) = (bytes(CLIENT_1), bytes(SERVER_1));
            let mut datagram = [0; 2_000];
            loop {
                let (length, from) = socket.recv_from(&mut datagram).unwrap();
                if datagram[..length] == client {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        is_ready.recv().unwrap();
        server
    }

    /// Has the client send to the server while a sensor watches it. Returns what was told, and
    /// the round trip that the sensor has measured.
    fn upload(&self, send: Send, config: &Path, out: &Path) -> (Vec<Value>, Duration) {
        let options = [
            "--config",
            config.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ];
        let sensor = Sensor::start(&self.client, &options);
        thread::scope(|scope| scope.spawn(|| send(self)).join().unwrap());
        let name = "borderflow_handshake_round_trip_seconds";
        sensor.await_metrics(UPLOAD_LIMIT, |metrics| {
            metrics.sum(&format!("{name}_count ")) == 1.0
        });
        let seconds = sensor.metrics().sum(&format!("{name}_sum "));
        let mut running = sensor.running;
        running.signal("TERM");
        let ran = running.finish();
        assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
        let alerts = json_lines(&out.join("alerts.jsonl"));
        (alerts, Duration::from_secs_f64(seconds))
    }

    fn send(&self) {
        enter(&self.client);
        let server: SocketAddr = format!("{SERVER_ADDRESS}:{SERVER_PORT}").parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&server, UPLOAD_LIMIT).unwrap();
        stream.write_all(&vec![0; UPLOAD_BYTES]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // The server closes when it has all.
        stream.set_read_timeout(Some(UPLOAD_LIMIT)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

impl Links {
    /// Sends as much in packets that are encrypted, behind the first one and its answer.
    fn send_by_quic(&self) {
        enter(&self.client);
        let socket = UdpSocket::bind((CLIENT_ADDRESS, 0)).unwrap();
        socket.connect((SERVER_ADDRESS, SERVER_PORT)).unwrap();
        socket.set_read_timeout(Some(UPLOAD_LIMIT)).unwrap();
        socket.send(&bytes(CLIENT_1)).unwrap();
        assert!(socket.recv(&mut [0; 2_000]).unwrap() > 0);
        for _ in 0..UPLOAD_BYTES / 1_000 {
            socket.send(&[0x40; 1_000]).unwrap();
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for namespace in self.all() {
            if !ip(&format!("netns delete {namespace}")) {
                println!("the namespace {namespace} is left behind");
            }
        }
    }
}

/// Moves this thread into a network namespace.
pub(crate) fn enter(namespace: &str) {
    let place = File::open(Path::new("/run/netns").join(namespace)).unwrap();
    move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

/// What the relay calls its ends of the links to client and server.
const RELAY_INTERFACES: [&str; 2] = ["to-client", "to-server"];

/// The longest that an upload may take.
const UPLOAD_LIMIT: Duration = Duration::from_secs(20);

/// Sends on all frames between two interfaces, each a while after it came.
struct Relay {
    directions: Vec<(BreakLoop, JoinHandle<()>)>,
}

/// A frame, and when it is to be sent.
type Delayed = (Instant, Vec<u8>);

impl Relay {
    /// Starts one in a namespace, and waits until it listens.
    fn start(namespace: &str, delay: Duration) -> Self {
        let [client, server] = RELAY_INTERFACES;
        let directions = [(client, server), (server, client)].map(|(from, to)| {
            let namespace = namespace.to_owned();
            let (ready, is_ready) = mpsc::channel();
            let thread = thread::spawn(move || {
                enter(&namespace);
                let (mut from, to) = (open(from), open(to));
                ready.send(from.breakloop_handle()).unwrap();
                let (queue, due) = mpsc::channel();
                let sender = thread::spawn(move || send_on(to, &due));
                take(from, delay, &queue);
                // Without a queue the other thread ends too.
                drop(queue);
                sender.join().unwrap();
            });
            (is_ready.recv().unwrap(), thread)
        });
        Self {
            directions: directions.into(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        for (capture, thread) in self.directions.drain(..) {
            capture.breakloop();
            thread.join().unwrap();
        }
    }
}

fn open(interface: &str) -> Capture<Active> {
    let capture = Capture::from_device(interface).unwrap();
    let capture = capture.immediate_mode(true).promisc(true);
    let capture = capture.open().unwrap();
    // What is sent on must not be taken again.
    capture.direction(Direction::In).unwrap();
    capture
}

/// Takes frames until it is told to end.
fn take(mut from: Capture<Active>, delay: Duration, queue: &Sender<Delayed>) {
    loop {
        match from.next_packet() {
            Ok(packet) => {
                let due = Instant::now() + delay;
                queue.send((due, with_checksum(packet.data))).unwrap();
            }
            Err(pcap::Error::TimeoutExpired) => {}
            Err(pcap::Error::NoMorePackets) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn send_on(mut to: Capture<Active>, due: &Receiver<Delayed>) {
    for (moment, frame) in due {
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        to.sendpacket(frame).unwrap();
    }
}

/// A frame with the checksum of TCP, which the kernel leaves to the network card and a veth
/// does not make.
fn with_checksum(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let is_ipv4 = frame.get(12..14) == Some(&[8, 0]);
    match frame.get(23).filter(|_| is_ipv4) {
        Some(6) => {}
        // UDP needs none (RFC 768).
        Some(17) => {
            frame[40..42].fill(0);
            return frame;
        }
        _ => return frame,
    }
    let (head, rest) = frame.split_at_mut(34);
    let end = usize::from(u16::from_be_bytes([head[16], head[17]])) - 20;
    let segment = &mut rest[..end];
    segment[16..18].fill(0);
    // The pseudo-header (RFC 9293 section 3.1): both addresses, protocol, length.
    let ends = head[26..34].chunks(2).chain(segment.chunks(2));
    let words = ends.map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |it| (*it).into()));
    let mut sum = words.sum::<u64>() + 6 + end as u64;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !(sum as u16);
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
    frame
}
