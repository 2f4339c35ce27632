//! Frames from a live interface.

use std::time::Duration;

use pcap::{Active, Capture, Device, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::{CaptureError, message, one_line};
use super::frame::frame;
use super::{Frame, LinkType};

/// What to capture and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Name of the interface; `any` is all of them.
    pub interface: String,
    /// Which frames to capture, in the syntax of pcap-filter(7).
    pub filter: Option<String>,
    /// Bytes captured of each frame; 0 is libpcap's maximum.
    pub snap_length_bytes: u32,
    /// Size of the ring that the kernel fills.
    pub buffer_bytes: u32,
    /// Whether frames for other hosts are captured too, as on a mirrored port they must.
    pub promiscuous: bool,
}

/// An interface that is being captured.
///
/// Its handle does not block: with TPACKET_V3, libpcap waits for a ring block to be
/// filled whatever its timeout says, so a silent link would hold the caller until the
/// next frame. The caller sleeps in [`wait`] instead, which has a timeout that holds.
pub struct LiveSource {
    capture: Capture<Active>,
    /// Printable name, for errors.
    interface: String,
    link_type: LinkType,
    /// libpcap's counters when they were last read, which wrap at 32 bits.
    counters: [u32; 3],
    drops: Drops,
}

/// Frames that an interface has seen and lost since its capture began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Frames that passed the filter. On Linux those that were then dropped count too.
    pub received: u64,
    /// Frames for which the ring had no room.
    pub kernel_dropped: u64,
    /// Frames that the interface or its driver dropped. On Linux it is counted only for a
    /// promiscuous capture.
    pub interface_dropped: u64,
}

impl LiveSource {
    /// Starts to capture.
    ///
    /// # Errors
    ///
    /// [`CaptureError::NoSuchInterface`], [`CaptureError::InterfaceDown`],
    /// [`CaptureError::PermissionDenied`], [`CaptureError::LinkType`],
    /// [`CaptureError::BadFilter`], and [`CaptureError::Interface`] for what else libpcap
    /// may say.
    pub fn open(config: &LiveConfig) -> Result<Self, CaptureError> {
        let interface = one_line(&config.interface);
        let mut capture = activate(config).map_err(|error| diagnose(&interface, &error))?;
        let link_type = LinkType(capture.get_datalink().0);
        if !link_type.is_supported() {
            return Err(CaptureError::link_type(interface, link_type));
        }
        if let Some(filter) = &config.filter {
            capture
                .filter(filter, true)
                .map_err(|error| CaptureError::BadFilter {
                    filter: one_line(filter),
                    message: message(&error),
                })?;
        }
        let counters = [0; 3];
        Ok(Self {
            capture,
            interface,
            link_type,
            counters,
            drops: Drops::default(),
        })
    }

    /// Lends the next frame, and nothing if none is waiting.
    ///
    /// # Errors
    ///
    /// [`CaptureError::InterfaceGone`] when the interface was removed,
    /// [`CaptureError::Interface`] otherwise. The source is of no more use then. An
    /// interface that only went down is silent until it is up again.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        match self.capture.next_packet() {
            Ok(packet) => Ok(Some(frame(&packet, self.link_type, PRECISION))),
            Err(pcap::Error::TimeoutExpired) => Ok(None),
            Err(error) => Err(interrupted(&self.interface, message(&error))),
        }
    }

    /// Totals since the capture began. If libpcap cannot tell, they are the last known.
    ///
    /// Its counters wrap at 32 bits, so this must be called before one of them has moved
    /// that far: at 100 Gbit/s of shortest frames, every 28 seconds.
    pub fn drops(&mut self) -> Drops {
        if let Ok(now) = self.capture.stats() {
            let counters = [now.received, now.dropped, now.if_dropped];
            self.drops = self.drops.plus(self.counters, counters);
            self.counters = counters;
        }
        self.drops
    }

    /// What the first byte of every frame belongs to.
    pub const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Name of the interface, printable.
    pub fn interface(&self) -> &str {
        &self.interface
    }
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSource")
            .field("interface", &self.interface)
            .field("link_type", &self.link_type)
            .finish_non_exhaustive()
    }
}

impl Drops {
    /// Adds what wrapping counters have moved from `before` to `now`.
    fn plus(self, before: [u32; 3], now: [u32; 3]) -> Self {
        let moved = |index: usize| u64::from(now[index].wrapping_sub(before[index]));
        Self {
            received: self.received.saturating_add(moved(0)),
            kernel_dropped: self.kernel_dropped.saturating_add(moved(1)),
            interface_dropped: self.interface_dropped.saturating_add(moved(2)),
        }
    }
}

/// Sleeps until one of `sources` may have a frame or an error, or `timeout` is over.
/// Tells whether one of them may: what woke it can be frames that the filter refuses. A
/// signal ends the sleep early.
///
/// # Errors
///
/// [`CaptureError::Interface`] if the system refuses to wait.
pub fn wait(sources: &[LiveSource], timeout: Duration) -> Result<bool, CaptureError> {
    let mut descriptors: Vec<PollFd<'_>> = sources
        .iter()
        .map(|source| PollFd::new(&source.capture, PollFlags::IN))
        .collect();
    // A duration of more seconds than the field holds is as good as for ever.
    let timeout = Timespec::try_from(timeout).ok();
    match poll(&mut descriptors, timeout.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => {
            let names: Vec<&str> = sources.iter().map(LiveSource::interface).collect();
            let message = one_line(&error.to_string());
            Err(CaptureError::Interface {
                interface: names.join(", "),
                message,
            })
        }
    }
}

fn activate(config: &LiveConfig) -> Result<Capture<Active>, pcap::Error> {
    let length = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
    Capture::from_device(config.interface.as_str())?
        .snaplen(length(config.snap_length_bytes))
        .buffer_size(length(config.buffer_bytes))
        // libpcap warns that `any` cannot be promiscuous, which the binding takes for
        // an error.
        .promisc(config.promiscuous && config.interface != "any")
        .timeout(BLOCK_TIMEOUT_MILLIS)
        .immediate_mode(false)
        .precision(PRECISION)
        .open()?
        .setnonblock()
}

/// Tells why an interface could not be opened. The binding keeps only libpcap's text.
fn diagnose(interface: &str, error: &pcap::Error) -> CaptureError {
    let interface = interface.to_owned();
    let message = message(error);
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if says(&["No such device", "doesn't exist"]) {
        CaptureError::NoSuchInterface {
            interface,
            known: known_interfaces(),
        }
    } else if says(&["CAP_NET_RAW", "not permitted", "ermission"]) {
        let binary = std::env::current_exe().ok();
        let binary =
            binary.map_or_else(|| "borderflow".into(), |path| path.to_string_lossy().into());
        CaptureError::PermissionDenied { interface, binary }
    } else if says(&["is not up", "is down"]) {
        CaptureError::InterfaceDown { interface }
    } else {
        CaptureError::Interface { interface, message }
    }
}

/// Tells why a capture that ran has ended.
fn interrupted(interface: &str, message: String) -> CaptureError {
    let interface = interface.to_owned();
    if GONE.iter().any(|text| message.contains(text)) {
        CaptureError::InterfaceGone { interface, message }
    } else {
        CaptureError::Interface { interface, message }
    }
}

fn known_interfaces() -> String {
    let devices = Device::list().unwrap_or_default();
    let names: Vec<String> = devices
        .iter()
        .take(INTERFACES_SHOWN_MAX)
        .map(|device| one_line(&device.name))
        .collect();
    names.join(", ")
}

/// What libpcap says of an interface that was removed, and its older versions also of
/// one that went down.
const GONE: [&str; 4] = ["went down", "disappeared", "is down", "No such device"];

/// Every Linux interface has nanoseconds. The binding does not tell whether another
/// system's has, so microseconds are asked for there.
const PRECISION: Precision = if cfg!(target_os = "linux") {
    Precision::Nano
} else {
    Precision::Micro
};

/// How long the kernel may keep a ring block that is not full, in milliseconds: the delay
/// of a frame on a quiet link.
const BLOCK_TIMEOUT_MILLIS: i32 = 100;

/// Names in the list of interfaces that an error shows.
const INTERFACES_SHOWN_MAX: usize = 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "what waits is measured")]

    use std::net::UdpSocket;
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    const fn assert_send<T: Send>() {}
    const _: () = assert_send::<LiveSource>();

    fn config(interface: &str, filter: Option<&str>) -> LiveConfig {
        LiveConfig {
            interface: interface.to_owned(),
            filter: filter.map(str::to_owned),
            snap_length_bytes: 96,
            buffer_bytes: 4 << 20,
            promiscuous: true,
        }
    }

    /// Whether this process is in a network namespace of its own. If not, runs `test`
    /// again in a new one, which needs root, and has its result.
    fn in_namespace(test: &str) -> bool {
        if std::env::var_os(NAMESPACE_VARIABLE).is_some() {
            return true;
        }
        let probe = Command::new("unshare")
            .args(["--net", "ip", "link"])
            .output();
        if !probe.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped {test}: no network namespace can be made here");
            return false;
        }
        let path = module_path!().split_once("::").unwrap().1;
        let status = Command::new("unshare")
            .arg("--net")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("{path}::{test}")])
            .env(NAMESPACE_VARIABLE, "1")
            .status()
            .unwrap();
        assert!(status.success(), "{test} failed in its namespace");
        false
    }

    const NAMESPACE_VARIABLE: &str = "BORDERFLOW_TEST_NAMESPACE";

    fn ip(arguments: &str) {
        let status = Command::new("ip")
            .args(arguments.split(' '))
            .status()
            .unwrap();
        assert!(status.success(), "ip {arguments}");
    }

    /// Waits until the kernel has raised a link, which it does some time after `ip` has
    /// returned; what is sent before that is dropped by the sender.
    fn await_carrier(interface: &str) {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            let shown = Command::new("ip")
                .args(["link", "show", interface])
                .output()
                .unwrap();
            if String::from_utf8_lossy(&shown.stdout).contains("state UP") {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{interface} does not come up");
    }

    /// Polls the first of `sources` until it has a frame, an error, or two seconds are over.
    fn next(sources: &mut [LiveSource]) -> Result<Option<(u32, usize)>, CaptureError> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            wait(sources, Duration::from_millis(50))?;
            if let Some(frame) = sources[0].next_frame()? {
                assert!(frame.timestamp.as_nanos() > 1_600_000_000_000_000_000);
                return Ok(Some((frame.original_length, frame.data.len())));
            }
        }
        Ok(None)
    }

    /// Nothing comes for 300 ms, and waiting for it neither blocks nor spins. A few waits
    /// may end early: on the error of a link that went down, and on ring blocks whose
    /// frames the filter refuses.
    fn assert_silent(sources: &mut [LiveSource]) {
        let start = Instant::now();
        let mut early = 0;
        while start.elapsed() < Duration::from_millis(300) {
            early += u32::from(wait(sources, Duration::from_millis(100)).unwrap());
            assert!(sources[0].next_frame().unwrap().is_none());
        }
        assert!(early <= 5, "{early} waits ended early");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }

    #[test]
    fn loopback_frames_arrive_and_silence_does_not_block() {
        if !in_namespace("loopback_frames_arrive_and_silence_does_not_block") {
            return;
        }
        ip("link set lo up");
        let source = LiveSource::open(&config("lo", Some("udp port 9"))).unwrap();
        assert_eq!(source.link_type(), LinkType::ETHERNET);
        let mut sources = [source];

        assert_silent(&mut sources);

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[0; 200], "127.0.0.1:10").unwrap();
        socket.send_to(&[0; 300], "127.0.0.1:9").unwrap();
        // Port 10 is filtered out; the snap length cuts the data and not the length.
        assert_eq!(next(&mut sources), Ok(Some((14 + 28 + 300, 96))));
        let drops = sources[0].drops();
        assert!(drops.received >= 1, "{drops:?}");
        assert_eq!((drops.kernel_dropped, drops.interface_dropped), (0, 0));
        assert_eq!(
            sources[0].drops().received,
            drops.received,
            "totals, not differences"
        );
    }

    #[test]
    fn an_interface_may_go_down_and_up_but_not_away() {
        if !in_namespace("an_interface_may_go_down_and_up_but_not_away") {
            return;
        }
        ip("link add v0 type veth peer name v1");
        ip("addr add 192.0.2.1/24 dev v1");
        ip("link set v1 up");
        let error = LiveSource::open(&config("v0", None)).unwrap_err();
        assert!(
            matches!(error, CaptureError::InterfaceDown { .. }),
            "{error}"
        );

        ip("link set v0 up");
        let mut sources = [LiveSource::open(&config("v0", Some("udp port 9"))).unwrap()];
        ip("link set v0 down");
        assert_silent(&mut sources);

        ip("link set v0 up");
        await_carrier("v1");
        ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v1");
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.send_to(&[0; 200], "192.0.2.2:9").unwrap();
        assert_eq!(next(&mut sources), Ok(Some((14 + 28 + 200, 96))));

        ip("link delete v0");
        let error = next(&mut sources).unwrap_err();
        assert!(
            matches!(error, CaptureError::InterfaceGone { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_mistake_in_the_configuration_is_told() {
        if !in_namespace("a_mistake_in_the_configuration_is_told") {
            return;
        }
        ip("link set lo up");
        let error = LiveSource::open(&config("no\nwhere", None)).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, CaptureError::NoSuchInterface { .. }),
            "{text}"
        );
        assert!(
            text.starts_with("no\\nwhere: no such interface; there are: "),
            "{text}"
        );
        assert!(text.contains("lo"), "{text}");
        let error = LiveSource::open(&config("lo", Some("udp prot 9"))).unwrap_err();
        assert!(matches!(error, CaptureError::BadFilter { .. }), "{error}");
        assert!(LiveSource::open(&config("any", None)).is_ok());
        let mut flat = config("lo", None);
        (flat.snap_length_bytes, flat.promiscuous) = (0, false);
        assert!(LiveSource::open(&flat).is_ok());
    }

    #[test]
    fn capturing_without_the_right_says_how_to_get_it() {
        if let Err(error) = LiveSource::open(&config("lo", None)) {
            let text = error.to_string();
            assert!(
                matches!(error, CaptureError::PermissionDenied { .. }),
                "{text}"
            );
            assert!(
                text.contains("sudo setcap cap_net_raw,cap_net_admin=eip /"),
                "{text}"
            );
        } else {
            eprintln!("skipped: this user may capture");
        }
    }

    #[test]
    fn no_source_waits_for_the_timeout() {
        let start = Instant::now();
        assert_eq!(wait(&[], Duration::from_millis(30)), Ok(false));
        assert!(start.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn counters_that_wrap_still_add_up() {
        let drops = Drops::default().plus([0; 3], [u32::MAX, 5, 0]);
        let drops = drops.plus([u32::MAX, 5, 0], [9, 6, 0]);
        let received = u64::from(u32::MAX) + 10;
        assert_eq!(
            drops,
            Drops {
                received,
                kernel_dropped: 6,
                interface_dropped: 0
            }
        );
    }
}
