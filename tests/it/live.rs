//! A live interface: a real client, a real server, and the sensor on the link between.
//!
//! Client and server live in network namespaces of their own, joined by a veth pair. The
//! server's address is one that the embedded database places in Russia.

mod interfaces;
mod xdp;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::program::{Running, has_commands, is_root, run};
use crate::support::{BINARY, json, number};

/// Two namespaces and the link between them, for as long as a test needs them.
pub(crate) struct Link {
    pub(crate) client: String,
    pub(crate) server: String,
}

const CLIENT_ADDRESS: &str = "10.99.0.2";
const SERVER_ADDRESS: &str = "77.88.8.8";

impl Link {
    /// Makes them, or says why the test `test` is skipped.
    pub(crate) fn new(test: &str) -> Option<Self> {
        if !is_root() {
            println!("{test}: skipped, only root may make network namespaces");
            return None;
        }
        if !has_commands(test, &["ip", "sysctl", "curl", "python3", "kill"]) {
            return None;
        }
        // Named after this process, so that they are nobody else's.
        let name = |end: &str| format!("borderflow-{}-{test}-{end}", std::process::id());
        let link = Self {
            client: name("client"),
            server: name("server"),
        };
        if !ip(&format!("netns add {}", link.client)) || !ip(&format!("netns add {}", link.server))
        {
            println!("{test}: skipped, network namespaces cannot be made here");
            return None;
        }
        if !link.plug_in() {
            println!("{test}: skipped, a veth pair cannot be made here");
            return None;
        }
        Some(link)
    }

    /// Joins the two, unless no veth pair can be made.
    fn plug_in(&self) -> bool {
        let Self { client, server } = self;
        let made = ip(&format!(
            "-n {client} link add eth0 type veth peer name eth0 netns {server}"
        ));
        if !made {
            return false;
        }
        for (end, address) in [(client, CLIENT_ADDRESS), (server, SERVER_ADDRESS)] {
            // Without IPv6 the kernel says nothing by itself, so that silence is silence.
            let mut quiet = inside(end, "sysctl");
            quiet.args(["-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
            assert_eq!(run(quiet).status, Some(0));
            assert!(ip(&format!("-n {end} addr add {address}/32 dev eth0")));
            assert!(ip(&format!("-n {end} link set eth0 gso_max_segs 1")));
            assert!(ip(&format!("-n {end} link set lo up")));
            assert!(ip(&format!("-n {end} link set eth0 up")));
            assert!(ip(&format!("-n {end} route add default dev eth0")));
        }
        true
    }

    /// Starts the sensor on the server's end, and waits until it watches.
    pub(crate) fn sensor(&self, options: &[&str]) -> Sensor {
        Sensor::start(&self.server, options)
    }

    /// Starts a web server that takes uploads, and waits until it listens.
    pub(crate) fn web_server(&self) -> Running {
        let mut command = inside(&self.server, "python3");
        command.args(["-c", WEB_SERVER, SERVER_ADDRESS]);
        let mut running = Running::start(command);
        running.await_line("ready");
        running
    }

    /// Uploads so many bytes to it, at so many bytes a second, as one `curl`.
    pub(crate) fn upload(&self, folder: &Path, bytes: u64, bytes_per_second: u64) -> Running {
        let body = folder.join("body");
        File::create(&body).unwrap().set_len(bytes).unwrap();
        let mut command = inside(&self.client, "curl");
        command.args(["-sS", "--fail", "--max-time", "100", "-H", "Expect:"]);
        command.args(["--limit-rate", &bytes_per_second.to_string(), "-T"]);
        command.arg(body).arg(format!("http://{SERVER_ADDRESS}/"));
        Running::start(command)
    }

    /// Sends UDP packets of 100 bytes to a port of the server, a millisecond apart.
    pub(crate) fn datagrams(&self, port: u16, count: u32) {
        let script = format!(
            "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
             for _ in range({count}): s.sendto(bytes(100), ('{SERVER_ADDRESS}', {port})); \
             time.sleep(0.001)"
        );
        let mut command = inside(&self.client, "python3");
        command.args(["-c", &script]);
        assert_eq!(run(command).status, Some(0));
    }

    /// What the server's interface has counted: packets and bytes, of both directions.
    fn counted(&self) -> (u64, u64) {
        let names = ["rx_packets", "tx_packets", "rx_bytes", "tx_bytes"];
        let paths = names.map(|name| format!("/sys/class/net/eth0/statistics/{name}"));
        let mut command = inside(&self.server, "cat");
        command.args(paths);
        let ran = run(command);
        let numbers: Vec<u64> = ran
            .stdout
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        (numbers[0] + numbers[1], numbers[2] + numbers[3])
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for end in [&self.client, &self.server] {
            if !ip(&format!("netns delete {end}")) {
                println!("the namespace {end} is left behind");
            }
        }
    }
}

/// A sensor that runs, and its metrics.
pub(crate) struct Sensor {
    pub(crate) running: Running,
    namespace: String,
    url: String,
}

impl Sensor {
    /// Starts one on `eth0` of a namespace, and waits until it watches.
    pub(crate) fn start(namespace: &str, options: &[&str]) -> Self {
        Self::start_with(&[], namespace, options)
    }

    /// The same, with more in its environment, as `NAME=value`.
    pub(crate) fn start_with(environment: &[String], namespace: &str, options: &[&str]) -> Self {
        let mut command = inside(namespace, "env");
        command.args(environment).arg(BINARY).args([
            "run",
            "--interface",
            "eth0",
            "--metrics",
            "127.0.0.1:0",
        ]);
        command.args(options).env_remove("RUST_LOG");
        let mut running = Running::start(command);
        let said = running.await_line("watching eth0");
        let url = said
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address of the metrics: {said}"));
        Self {
            running,
            namespace: namespace.to_owned(),
            url: url.to_owned(),
        }
    }

    /// The number of its process, which `ip` and `env` have become.
    pub(crate) fn pid(&self) -> u32 {
        self.running.id()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let mut command = inside(&self.namespace, "curl");
        command.args(["-sS", "--fail", "--max-time", "5", &self.url]);
        let ran = run(command);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        Metrics(ran.stdout)
    }

    /// Asks for metrics until they are as wanted, for at most `limit`.
    pub(crate) fn await_metrics(
        &self,
        limit: Duration,
        wanted: impl Fn(&Metrics) -> bool,
    ) -> Duration {
        let start = Instant::now();
        loop {
            let metrics = self.metrics();
            if wanted(&metrics) {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < limit,
                "not within {limit:?}: {}",
                metrics.0
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A page of metrics.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The sum of all samples whose name and labels begin so; 0 where there is none.
    pub(crate) fn sum(&self, start: &str) -> f64 {
        let lines = self.0.lines().filter(|line| line.starts_with(start));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum()
    }

    fn exported_to_russia(&self) -> f64 {
        self.sum("borderflow_export_bytes_total{jurisdiction=\"RU\"}")
    }

    fn packet_time(&self) -> f64 {
        self.sum("borderflow_packet_time_seconds ")
    }

    /// Frames and their bytes without the 14 of Ethernet: of packets as their IP headers
    /// say, of other frames as they were on the wire.
    fn frames_and_bytes(&self) -> (f64, f64) {
        let others = self.sum("borderflow_dropped_frames_total{");
        let bytes = self.sum("borderflow_dropped_wire_bytes_total{") - 14.0 * others;
        let frames = self.sum("borderflow_packets_total ") + others;
        (frames, bytes + self.sum("borderflow_ip_bytes_total "))
    }
}

#[test]
fn an_upload_is_seen_while_it_runs_and_counted_to_the_byte() {
    let Some(link) = Link::new("upload") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let _web_server = link.web_server();
    let sensor = link.sensor(&["--out", out.to_str().unwrap()]);
    let (packets_before, bytes_before) = link.counted();

    let upload = watch_upload(&link, &sensor, folder.path());
    let told = |metrics: &Metrics| metrics.exported_to_russia() >= EXPORT_BYTES_MIN as f64;
    let late = sensor.await_metrics(Duration::from_secs(2), told);
    println!("upload: told and over after {upload:?}; all told {late:?} later");

    // Neighbours ask for each other now and then, so both counts are read anew each time.
    let counted = || {
        let (packets, bytes) = link.counted();
        let (packets, bytes) = (packets - packets_before, bytes - bytes_before);
        (packets as f64, (bytes - 14 * packets) as f64)
    };
    let lost = sensor
        .metrics()
        .sum("borderflow_interface_dropped_frames_total{");
    sensor.await_metrics(Duration::from_secs(3), |metrics| {
        let ((frames, bytes), counted) = (metrics.frames_and_bytes(), counted());
        // Of what the kernel dropped only the number is known.
        frames + lost == counted.0 && (lost > 0.0 || bytes == counted.1)
    });
    let metrics = sensor.metrics();
    assert!(metrics.sum("borderflow_dropped_frames_total{reason=\"arp\"}") > 0.0);
    assert!(metrics.sum("borderflow_interface_received_frames_total{") > 100_000.0);

    let mut running = sensor.running;
    let at_least = counted().0 - lost;
    running.signal("TERM");
    let ran = running.finish();
    assert_eq!((ran.status, ran.timed_out), (Some(0), false), "{ran:?}");
    assert!(
        ran.stderr.contains(" RU "),
        "the summary shows where: {ran:?}"
    );
    let summary = json(&out.join("summary.json"));
    let frames = number(&summary, "frames_read") as f64;
    assert!(
        (at_least..=counted().0).contains(&frames),
        "{frames}, not {at_least}"
    );
    if lost == 0.0 {
        let exported = number(&summary["export_bytes"], "RU");
        // The body and the head of a request.
        let expected = EXPORT_BYTES_MIN..UPLOAD_BYTES + 1_000;
        assert!(expected.contains(&exported), "{exported}");
    }
}

/// Uploads 200 MB in about four seconds; returns when the first byte of it was told, and
/// when it was over. What is told must grow all the while.
fn watch_upload(link: &Link, sensor: &Sensor, folder: &Path) -> [Duration; 2] {
    let start = Instant::now();
    let mut upload = link.upload(folder, UPLOAD_BYTES, UPLOAD_BYTES / 4);
    let (mut first, mut told) = (None, vec![0.0]);
    while upload.child().try_wait().unwrap().is_none() {
        let bytes = sensor.metrics().exported_to_russia();
        if bytes > 0.0 {
            first.get_or_insert(start.elapsed());
        }
        if bytes > *told.last().unwrap() {
            told.push(bytes);
        }
        thread::sleep(Duration::from_millis(100));
    }
    let over = start.elapsed();
    let ran = upload.finish();
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(told.len() > 2, "it was told while it ran: {told:?}");
    [first.unwrap(), over]
}

const UPLOAD_BYTES: u64 = 200_000_000;

/// What must be told of it. Two processors may hand over packets in an order so mixed that
/// a few count as sent again, so that the export is a lower bound.
const EXPORT_BYTES_MIN: u64 = UPLOAD_BYTES / 1_000 * 998;

#[test]
fn time_passes_on_an_idle_link() {
    let Some(link) = Link::new("idle") else {
        return;
    };
    for workers in ["1", "2"] {
        let sensor = link.sensor(&["--workers", workers]);
        link.datagrams(9, 1);
        let second = Duration::from_secs(1);
        sensor.await_metrics(3 * second, |metrics| metrics.packet_time() > 0.0);
        // The server's answer, that nobody listens, is counted by then.
        thread::sleep(2 * second);
        let before = sensor.metrics();
        let start = Instant::now();
        thread::sleep(3 * second);
        let after = sensor.metrics();
        assert_passed(before.packet_time(), after.packet_time(), start.elapsed());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let behind = now - after.packet_time();
        assert!((0.0..2.0).contains(&behind), "{behind}");
        let judged = after.sum("borderflow_analyst_time_seconds ");
        assert!(after.packet_time() - judged <= 1.0, "{workers}: {judged}");
        let packets = "borderflow_packets_total ";
        assert_eq!(before.sum(packets), after.sum(packets), "no packet came");
    }
}

#[test]
fn a_filter_takes_what_it_says_and_does_not_stop_time() {
    let Some(link) = Link::new("filter") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let _web_server = link.web_server();
    let sensor = link.sensor(&["--filter", "udp port 9", "--workers", "2"]);
    link.datagrams(9, 50);
    link.datagrams(10, 50);
    let second = Duration::from_secs(1);
    let packets = |metrics: &Metrics| metrics.sum("borderflow_packets_total ");
    sensor.await_metrics(2 * second, |metrics| packets(metrics) == 50.0);
    // For ten seconds, packets that the filter refuses.
    let mut upload = link.upload(folder.path(), UPLOAD_BYTES, UPLOAD_BYTES / 10);
    thread::sleep(second);
    let (start, before) = (Instant::now(), sensor.metrics().packet_time());
    thread::sleep(2 * second);
    let metrics = sensor.metrics();
    assert_passed(before, metrics.packet_time(), start.elapsed());
    assert!(
        upload.child().try_wait().unwrap().is_none(),
        "it still runs"
    );
    assert_eq!(
        (packets(&metrics), metrics.sum("borderflow_frames_total ")),
        (50.0, 50.0)
    );
}

/// Leaves VLAN tags on the frames, as `ethtool -K eth0 rxvlan off` does.
const LEAVE_TAGS: &str = "
import ctypes, fcntl, socket, struct
SIOCETHTOOL, GET, SET, RECEIVED_TAGS = 0x8946, 0x25, 0x26, 1 << 8
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
value = ctypes.create_string_buffer(8)
def call(command, flags):
    struct.pack_into('II', value, 0, command, flags)
    fcntl.ioctl(sender, SIOCETHTOOL, struct.pack('16sP16x', b'eth0', ctypes.addressof(value)))
    return struct.unpack('II', value)[1]
call(SET, call(GET, 0) & ~RECEIVED_TAGS)
";

/// Checks that packet time went on as the clock did; both count in whole seconds.
fn assert_passed(before: f64, after: f64, elapsed: Duration) {
    let apart = (after - before - elapsed.as_secs_f64()).abs();
    assert!(apart < 2.0, "{} in {elapsed:?}", after - before);
}

/// A program inside a namespace, to be given arguments.
pub(crate) fn inside(namespace: &str, program: &str) -> Command {
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", namespace, program]);
    inside
}

/// Whether `ip` did what these arguments ask for.
pub(crate) fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' '));
    let ran = run(command);
    if ran.status != Some(0) {
        println!("ip {arguments}: {}", ran.stderr);
    }
    ran.status == Some(0)
}

const WEB_SERVER: &str = "
import http.server, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_PUT(self):
        left = int(self.headers['Content-Length'])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

server = Server((sys.argv[1], 80), Handler)
print('ready', file=sys.stderr, flush=True)
server.serve_forever()
";
