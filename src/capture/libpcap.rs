//! A live interface through libpcap: on systems without a ring of ours, and for the
//! devices whose frames only libpcap knows how to present.

#[cfg(target_os = "linux")]
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture, Device, Precision};

use super::error::{CaptureError, message, one_line};
use super::frame::frame;
use super::live::{Drops, LiveConfig};
use super::{Frame, LinkType};

/// An interface that libpcap captures.
///
/// Its handle does not block: with TPACKET_V3, libpcap waits for a ring block to be
/// filled whatever its timeout says, so a silent link would hold the caller until the
/// next frame.
pub(super) struct Libpcap {
    capture: Capture<Active>,
    interface: String,
    link_type: LinkType,
    /// Why no more frames come.
    failure: Option<CaptureError>,
    /// libpcap's counters when they were last read, which wrap at 32 bits.
    counters: [u32; 3],
    drops: Drops,
}

impl Libpcap {
    pub(super) fn open(config: &LiveConfig) -> Result<Self, CaptureError> {
        let (mut capture, link_type) = activate(config)?;
        if let Some(filter) = &config.filter {
            capture
                .filter(filter, true)
                .map_err(|error| bad_filter(filter, &error))?;
        }
        Ok(Self {
            capture,
            interface: one_line(&config.interface),
            link_type,
            failure: None,
            counters: [0; 3],
            drops: Drops::default(),
        })
    }

    /// The next frame, if one waits.
    pub(super) fn next_frame(&mut self) -> Option<Frame<'_>> {
        match self.capture.next_packet() {
            Ok(packet) => Some(frame(&packet, self.link_type, PRECISION)),
            Err(pcap::Error::TimeoutExpired) => None,
            Err(error) => {
                self.failure = Some(interrupted(&self.interface, message(&error)));
                None
            }
        }
    }

    /// Why no more frames come; told once.
    pub(super) const fn take_failure(&mut self) -> Option<CaptureError> {
        self.failure.take()
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Totals since the capture began. If libpcap cannot tell, they are the last known.
    pub(super) fn drops(&mut self) -> Drops {
        if let Ok(now) = self.capture.stats() {
            let counters = [now.received, now.dropped, now.if_dropped];
            self.drops = self.drops.plus(&moved(self.counters, counters));
            self.counters = counters;
        }
        self.drops
    }

    pub(super) const fn link_type(&self) -> LinkType {
        self.link_type
    }
}

impl AsFd for Libpcap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// What a socket of ours must know before it captures an interface.
#[cfg(target_os = "linux")]
pub(super) struct Probe {
    pub(super) link_type: LinkType,
    /// The capture filter as the kernel takes it: code, jumps if true and if false,
    /// operand.
    pub(super) filter: Option<Vec<(u16, u8, u8, u32)>>,
}

/// Asks libpcap, which also tells in its own words why an interface cannot be captured.
///
/// The filter is compiled on a live handle: there it looks for VLAN tags where the
/// kernel keeps them, beside the frame and not in it.
#[cfg(target_os = "linux")]
pub(super) fn probe(config: &LiveConfig) -> Result<Probe, CaptureError> {
    let (capture, link_type) = activate(&LiveConfig {
        buffer_bytes: PROBE_BUFFER_BYTES,
        promiscuous: false,
        ..config.clone()
    })?;
    let Some(filter) = &config.filter else {
        let filter = None;
        return Ok(Probe { link_type, filter });
    };
    let program = capture
        .compile(filter, true)
        .map_err(|error| bad_filter(filter, &error))?;
    let instructions = program.get_instructions().iter();
    // The binding shows an instruction only as the four numbers of its text.
    let instructions = instructions.map(|instruction| numbers(&instruction.to_string()));
    let Some(program) = instructions.collect() else {
        let error = pcap::Error::PcapError("it compiles to what is no program".to_owned());
        return Err(bad_filter(filter, &error));
    };
    Ok(Probe {
        link_type,
        filter: Some(program),
    })
}

/// The IP addresses of this host on an interface; none where libpcap cannot tell.
#[cfg(target_os = "linux")]
pub(super) fn addresses(interface: &str) -> Vec<IpAddr> {
    let devices = Device::list().unwrap_or_default().into_iter();
    let devices = devices.filter(|device| device.name == interface);
    let addresses = devices.flat_map(|device| device.addresses);
    addresses.map(|address| address.addr).collect()
}

#[cfg(target_os = "linux")]
fn numbers(instruction: &str) -> Option<(u16, u8, u8, u32)> {
    let mut words = instruction.split(' ');
    let (code, jump_true) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (jump_false, operand) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((code, jump_true, jump_false, operand))
}

fn activate(config: &LiveConfig) -> Result<(Capture<Active>, LinkType), CaptureError> {
    let interface = one_line(&config.interface);
    let capture = open(config).map_err(|error| diagnose(&interface, &error))?;
    let link_type = LinkType(capture.get_datalink().0);
    if !link_type.is_supported() {
        return Err(CaptureError::link_type(interface, link_type));
    }
    Ok((capture, link_type))
}

fn open(config: &LiveConfig) -> Result<Capture<Active>, pcap::Error> {
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

fn bad_filter(filter: &str, error: &pcap::Error) -> CaptureError {
    CaptureError::BadFilter {
        filter: one_line(filter),
        message: message(error),
    }
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

/// What counters that wrap at 32 bits have moved from `before` to `now`.
fn moved(before: [u32; 3], now: [u32; 3]) -> Drops {
    let moved = |index: usize| u64::from(now[index].wrapping_sub(before[index]));
    Drops {
        received: moved(0),
        kernel_dropped: moved(1),
        interface_dropped: moved(2),
        ..Drops::default()
    }
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

/// Ring of a handle that is asked and never read.
#[cfg(target_os = "linux")]
const PROBE_BUFFER_BYTES: u32 = 1 << 20;

/// Names in the list of interfaces that an error shows.
const INTERFACES_SHOWN_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_wrap_still_add_up() {
        let drops = Drops::default().plus(&moved([0; 3], [u32::MAX, 5, 0]));
        let drops = drops.plus(&moved([u32::MAX, 5, 0], [9, 6, 0]));
        let received = u64::from(u32::MAX) + 10;
        assert_eq!((drops.received, drops.kernel_dropped), (received, 6));
        assert_eq!(drops.interface_dropped, 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_instruction_is_four_numbers() {
        assert_eq!(numbers("21 0 3 2048"), Some((21, 0, 3, 2_048)));
        assert_eq!(numbers("21 0 3"), None);
        assert_eq!(numbers("21 0 -3 1"), None);
    }
}
