//! How the applications of a site talk: sizes, uploads, times, and where they are served.

use super::super::chance::Chance;
use super::atlas::NetworkKind::{self, Access, Cdn, Cloud, Hosting, Software};

/// How an application talks.
#[derive(Debug)]
pub(super) struct Application {
    pub protocol: u8,
    pub port: u16,
    /// Median of the bytes that leave in an exchange, and the spread of their logarithm.
    sent: (f64, f64),
    /// The same of those that come back.
    received: (f64, f64),
    /// Chance of an upload, its least bytes, its tail exponent.
    push: (f64, f64, f64),
    /// Median duration, seconds.
    seconds: f64,
    /// Where such services stand.
    pub kinds: &'static [NetworkKind],
    /// How many a site knows.
    pub services: usize,
    /// Addresses among which a service rotates.
    pub span: u32,
}

/// Bytes and time of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub duration_nanos: u64,
}

impl Application {
    /// Draws an exchange of an asset that sends `volume` times as much as others and
    /// uploads `boldness` times as often.
    pub(super) fn load(&self, volume: f64, boldness: f64, chance: &mut Chance) -> Load {
        let (push_chance, floor, alpha) = self.push;
        let seconds = self.seconds * chance.lognormal(1.0);
        if chance.happens((push_chance * boldness).min(0.6)) {
            let sent = (chance.pareto(floor, alpha) * volume).min(PUSH_BYTES_MAX);
            let back = sent * chance.between(0.008, 0.06) + chance.between(500.0, 6_000.0);
            // Uploads go at some megabytes per second.
            let rate = 4e6 * chance.lognormal(0.8);
            return Load::new(sent, back, seconds + sent / rate);
        }
        let sent = self.sent.0 * chance.lognormal(self.sent.1) * volume.sqrt();
        let received = self.received.0 * chance.lognormal(self.received.1);
        Load::new(sent.min(PUSH_BYTES_MAX), received.min(4e9), seconds)
    }
}

impl Load {
    pub(super) fn new(sent: f64, received: f64, seconds: f64) -> Self {
        Self {
            sent_bytes: (sent as u64).max(20),
            received_bytes: received as u64,
            duration_nanos: (seconds.clamp(0.001, 6.0 * 3_600.0) * 1e9) as u64,
        }
    }
}

/// Most bytes of one upload.
const PUSH_BYTES_MAX: f64 = 9e8;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;

/// Every application.
pub(super) static ALL: [&Application; 23] = [
    &BROWSE,
    &QUIC,
    &SAAS,
    &VIDEO,
    &MAIL,
    &SHARE,
    &CHAT,
    &MEETING,
    &GIT,
    &PACKAGES,
    &TELEMETRY,
    &DNS,
    &NTP,
    &PING,
    &SSH,
    &DEVICE,
    &PHOTOS,
    &SMTP,
    &WEB_SERVED,
    &FILE_SERVED,
    &MAIL_SERVED,
    &BACKUP,
    &VISIT,
];

const NO_PUSH: (f64, f64, f64) = (0.0, 1.0, 1.0);

const fn application(
    (protocol, port): (u8, u16),
    (sent, received): ((f64, f64), (f64, f64)),
    push: (f64, f64, f64),
    seconds: f64,
    kinds: &'static [NetworkKind],
    (services, span): (usize, u32),
) -> Application {
    Application {
        protocol,
        port,
        sent,
        received,
        push,
        seconds,
        kinds,
        services,
        span,
    }
}

/// Web sites over TCP.
pub(super) static BROWSE: Application = application(
    (TCP, 443),
    ((2600.0, 1.0), (40000.0, 1.6)),
    (0.004, 50000.0, 1.2),
    20.0,
    &[Hosting, Cloud, Cdn],
    (60, 256),
);
/// Web sites over QUIC, on content networks where addresses change all the time.
pub(super) static QUIC: Application = application(
    (UDP, 443),
    ((4000.0, 1.0), (90000.0, 1.7)),
    (0.004, 50000.0, 1.2),
    30.0,
    &[Cdn, Cloud],
    (24, 4096),
);
/// Office software in the browser.
pub(super) static SAAS: Application = application(
    (TCP, 443),
    ((7000.0, 1.2), (25000.0, 1.4)),
    (0.012, 80000.0, 1.25),
    60.0,
    &[Software, Cloud],
    (30, 256),
);
/// Films and clips.
pub(super) static VIDEO: Application = application(
    (UDP, 443),
    ((40000.0, 0.9), (6000000.0, 1.4)),
    NO_PUSH,
    240.0,
    &[Cdn],
    (8, 4096),
);
/// Mail that people send; attachments push.
pub(super) static MAIL: Application = application(
    (TCP, 587),
    ((3000.0, 1.0), (15000.0, 1.5)),
    (0.06, 60000.0, 1.25),
    8.0,
    &[Software, Cloud],
    (5, 64),
);
/// Drives and file exchange.
pub(super) static SHARE: Application = application(
    (TCP, 443),
    ((8000.0, 1.1), (20000.0, 1.8)),
    (0.07, 120000.0, 1.1),
    25.0,
    &[Cloud, Software],
    (12, 4096),
);
/// Chat; pictures push.
pub(super) static CHAT: Application = application(
    (TCP, 5222),
    ((2000.0, 1.1), (3000.0, 1.3)),
    (0.012, 60000.0, 1.3),
    200.0,
    &[Software, Cloud],
    (6, 256),
);
/// Meetings: as much out as in.
pub(super) static MEETING: Application = application(
    (UDP, 8801),
    ((25000000.0, 1.1), (40000000.0, 1.0)),
    NO_PUSH,
    2000.0,
    &[Software, Cloud],
    (4, 1024),
);
/// Source code over SSH.
pub(super) static GIT: Application = application(
    (TCP, 22),
    ((8000.0, 1.2), (60000.0, 2.0)),
    (0.12, 25000.0, 1.15),
    10.0,
    &[Software],
    (5, 64),
);
/// Packages and updates.
pub(super) static PACKAGES: Application = application(
    (TCP, 443),
    ((4000.0, 1.0), (700000.0, 2.0)),
    NO_PUSH,
    15.0,
    &[Cdn, Hosting],
    (8, 1024),
);
/// Reports of software on itself: more out than in.
pub(super) static TELEMETRY: Application = application(
    (TCP, 443),
    ((2200.0, 1.0), (900.0, 0.8)),
    (0.003, 300000.0, 1.4),
    5.0,
    &[Cloud, Software],
    (25, 1024),
);
/// Resolvers abroad.
pub(super) static DNS: Application = application(
    (UDP, 53),
    ((150.0, 1.0), (450.0, 1.0)),
    NO_PUSH,
    0.2,
    &[Cdn],
    (4, 2),
);
/// Clocks.
pub(super) static NTP: Application = application(
    (UDP, 123),
    ((90.0, 0.4), (90.0, 0.4)),
    NO_PUSH,
    0.3,
    &[Hosting, Access],
    (8, 1),
);
/// Echo requests; what goes out comes back.
pub(super) static PING: Application = application(
    (ICMP, 0),
    ((400.0, 1.2), (400.0, 1.2)),
    NO_PUSH,
    10.0,
    &[Cdn, Hosting],
    (8, 1),
);
/// Machines at hosting companies; copies push.
pub(super) static SSH: Application = application(
    (TCP, 22),
    ((25000.0, 1.5), (80000.0, 1.8)),
    (0.04, 400000.0, 1.15),
    300.0,
    &[Hosting, Cloud],
    (12, 4),
);
/// What cameras and meters send home: nearly all of it goes out.
pub(super) static DEVICE: Application = application(
    (TCP, 8883),
    ((60000.0, 1.6), (2000.0, 0.8)),
    (0.01, 2000000.0, 1.5),
    30.0,
    &[Cloud],
    (6, 64),
);
/// Pictures of phones.
pub(super) static PHOTOS: Application = application(
    (TCP, 443),
    ((6000.0, 1.2), (25000.0, 1.5)),
    (0.1, 500000.0, 1.35),
    20.0,
    &[Cloud],
    (4, 4096),
);
/// Mail from server to server.
pub(super) static SMTP: Application = application(
    (TCP, 25),
    ((12000.0, 1.7), (700.0, 0.5)),
    (0.02, 200000.0, 1.2),
    4.0,
    &[Hosting, Software],
    (40, 16),
);
/// A web server's answers.
pub(super) static WEB_SERVED: Application = application(
    (TCP, 443),
    ((30000.0, 1.8), (2000.0, 0.9)),
    (0.01, 300000.0, 1.25),
    10.0,
    &[Access],
    (0, 1),
);
/// Files that partners fetch and bring.
pub(super) static FILE_SERVED: Application = application(
    (TCP, 22),
    ((80000.0, 2.2), (60000.0, 2.4)),
    (0.02, 2000000.0, 1.2),
    40.0,
    &[Access, Hosting],
    (20, 4),
);
/// Mail that others bring.
pub(super) static MAIL_SERVED: Application = application(
    (TCP, 25),
    ((800.0, 0.5), (15000.0, 1.7)),
    NO_PUSH,
    4.0,
    &[Hosting, Software],
    (0, 16),
);
/// Backups; their bytes are set elsewhere.
pub(super) static BACKUP: Application = application(
    (TCP, 443),
    ((1000000.0, 1.0), (10000.0, 1.0)),
    NO_PUSH,
    600.0,
    &[Cloud, Hosting],
    (8, 64),
);
/// A site that was never visited before; now and then a form or a drive that takes files.
pub(super) static VISIT: Application = application(
    (TCP, 443),
    ((1.8e3, 1.0), (2.5e4, 1.6)),
    (8e-3, 3e5, 1.15),
    15.0,
    &[Hosting],
    (0, 1),
);
