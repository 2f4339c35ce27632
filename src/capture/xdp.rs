//! Frames that a program takes from the network driver, before the host has them.
//!
//! The program sends what arrives in a receive queue of the interface to the AF_XDP socket of
//! that queue (Documentation/networking/af_xdp.rst of Linux), which is a copy into our memory
//! and no more: no frame is made into a packet of the network stack. So the kernel has less to
//! do, and the host sees none of it. Hence what is refused here: an interface that the host uses.
//! What the host sends is not seen. Frames carry no time; that of a batch is when it is read.

mod calls;
mod queue;
mod umem;

use std::fs;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::net::netdevice;

use self::calls::{Link, SocketMap, takes_tags_off};
use self::queue::Queue;
use self::umem::Received;
use super::error::{CaptureError, one_line};
use super::libpcap::{addresses, probe};
use super::live::{Drops, LiveConfig};
use super::ring::{Missed, PacketSocket, is_loopback, snap_length};
use super::{Frame, LinkType, Taker};
use crate::time::Timestamp;

/// The sockets of one interface, one for each of its receive queues.
pub(super) struct Xdp {
    /// Closed first, so that the host has its interface back before the sockets are gone.
    _link: Link,
    queues: Vec<Queue>,
    /// The queue that is being read.
    current: usize,
    /// When the batch that is being read was begun.
    timestamp: Timestamp,
    snap_length_bytes: usize,
    missed: Missed,
    /// Counted by the kernel when it was last asked.
    dropped: u64,
    is_gone: bool,
    /// Keeps the interface promiscuous.
    _promiscuous: Option<PacketSocket>,
}

impl Xdp {
    /// Starts to capture.
    ///
    /// # Errors
    ///
    /// Those of [`LiveSource::open`](super::LiveSource::open), and
    /// [`CaptureError::Interface`] for an interface that must not be captured in this way.
    pub(super) fn open(config: &LiveConfig) -> Result<Self, CaptureError> {
        let refused = |message: String| CaptureError::Interface {
            interface: one_line(&config.interface),
            message,
        };
        if config.filter.is_some() {
            let advice = "leave it out, or set capture.method to \"ring\"";
            return Err(refused(format!("XDP knows no capture filter; {advice}")));
        }
        // What libpcap finds wrong it tells in the words of every other method.
        let link_type = probe(config)?.link_type;
        if link_type != LinkType::ETHERNET || config.interface == "any" {
            return Err(refused(format!("XDP takes Ethernet alone; {OTHERWISE}")));
        }
        if let Some(reason) = use_by_host(&config.interface) {
            let what = "which XDP would cut off from its traffic";
            return Err(refused(format!("{reason}, {what}; {OTHERWISE}")));
        }
        let queues = queue_count(&config.interface).map_err(|error| refused(one_line(&error)))?;
        Self::new_when_free(config, queues).map_err(|error| {
            let advice = advice(&error, &config.interface);
            let message = one_line(&format!("its XDP sockets cannot be made: {error}{advice}"));
            refused(message)
        })
    }

    /// Whether a frame waits. Frames that were lent before are over then.
    #[inline]
    pub(super) fn has_frame(&mut self) -> bool {
        let has_frame = self.queues.get(self.current).map(|it| it.umem.has_frame());
        has_frame == Some(true) || self.take_batch()
    }

    /// Lends the next frame, if one waits.
    #[inline]
    pub(super) fn next_frame(&mut self) -> Option<Frame<'_>> {
        if !self.has_frame() {
            return None;
        }
        let received = self.queues.get_mut(self.current)?.umem.next_frame()?;
        Some(received.frame(self.timestamp, self.snap_length_bytes))
    }

    /// Lends frames of one batch, as [`Lender::lend_ready`](super::Lender::lend_ready) does.
    #[inline(always)]
    pub(super) fn lend_ready(
        &mut self,
        frames_max: usize,
        times: &Range<Timestamp>,
        taker: &mut impl Taker,
    ) -> usize {
        if !self.has_frame() || !times.contains(&self.timestamp) {
            return 0;
        }
        let Some(queue) = self.queues.get_mut(self.current) else {
            return 0;
        };
        let mut lent = 0;
        while lent < frames_max
            && let Some(received) = queue.umem.next_frame()
        {
            taker.take(&received.frame(self.timestamp, self.snap_length_bytes));
            lent += 1;
        }
        lent
    }

    /// Why no more frames will come, if so. To be asked when none waits.
    pub(super) fn failure(&mut self, interface: &str) -> Option<CaptureError> {
        for queue in &self.queues {
            let Err(error) = queue.take_error() else {
                continue;
            };
            // A socket tells once that its interface was removed.
            if error.raw_os_error() != Some(libc::ENETDOWN) {
                let (interface, message) = (interface.to_owned(), one_line(&error.to_string()));
                return Some(CaptureError::Interface { interface, message });
            }
            self.is_gone = true;
        }
        // The last of its frames may have come since none waited.
        (self.is_gone && !self.has_frame()).then(|| CaptureError::InterfaceGone {
            interface: interface.to_owned(),
            message: "it was removed".to_owned(),
        })
    }

    /// Totals since the capture began.
    pub(super) fn drops(&mut self) -> Drops {
        let dropped = self.queues.iter().map(Queue::dropped);
        if let Ok(dropped) = dropped.sum::<io::Result<u64>>() {
            self.dropped = dropped;
        }
        let sum = |of: fn(&Queue) -> u64| self.queues.iter().map(of).sum::<u64>();
        Drops {
            received: sum(|queue| queue.umem.received()) + self.dropped,
            kernel_dropped: sum(|queue| queue.umem.malformed()) + self.dropped,
            interface_dropped: self.missed.since_opened(),
            // The kernel tells of each frame that was lost and not how often it began.
            ..Drops::default()
        }
    }

    /// What can be slept on.
    pub(super) fn queues(&self) -> &[impl AsFd] {
        &self.queues
    }

    /// Tries again while the interface is busy: the kernel takes a receive queue from a socket
    /// some time after it was closed, for instance by the sensor that is started again.
    fn new_when_free(config: &LiveConfig, queues: u32) -> io::Result<Self> {
        for _ in 0..BUSY_TRIES {
            match Self::new(config, queues) {
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                    thread::sleep(BUSY_INTERVAL);
                }
                opened => return opened,
            }
        }
        Self::new(config, queues)
    }

    fn new(config: &LiveConfig, queues: u32) -> io::Result<Self> {
        let packet_socket = PacketSocket::new()?;
        let interface = netdevice::name_to_index(&packet_socket, &config.interface)?;
        if takes_tags_off(&packet_socket, &config.interface) {
            return Err(io::Error::other(
                "the interface takes VLAN tags off the frames, which XDP does not see then",
            ));
        }
        if config.promiscuous {
            packet_socket.be_promiscuous(interface.cast_signed())?;
        }
        let chunk_bytes = chunk_bytes(config);
        let chunks = chunks(config.buffer_bytes, queues, chunk_bytes);
        let numbers = 0..queues;
        let open = |queue| Queue::new(interface, queue, chunk_bytes, chunks);
        let queues: Vec<Queue> = numbers.clone().map(open).collect::<io::Result<_>>()?;
        let map = SocketMap::new(numbers.end)?;
        for (number, queue) in numbers.zip(&queues) {
            map.insert(number, queue)?;
        }
        let missed = Missed::new(&config.interface);
        Ok(Self {
            _link: map.attach(interface)?,
            queues,
            current: 0,
            timestamp: Timestamp::default(),
            snap_length_bytes: snap_length(config),
            missed,
            dropped: 0,
            is_gone: false,
            _promiscuous: config.promiscuous.then_some(packet_socket),
        })
    }

    /// Begins a batch of the next queue that has one.
    fn take_batch(&mut self) -> bool {
        for _ in 0..self.queues.len() {
            self.current = (self.current + 1) % self.queues.len();
            if let Some(queue) = self.queues.get_mut(self.current)
                && queue.umem.take_batch()
            {
                self.timestamp = now();
                return true;
            }
        }
        false
    }
}

impl<'a> Received<'a> {
    #[inline]
    fn frame(self, timestamp: Timestamp, snap_length_bytes: usize) -> Frame<'a> {
        let data = self.data;
        Frame {
            timestamp,
            original_length: self.original_length,
            link_type: LinkType::ETHERNET,
            data: data.get(..snap_length_bytes).unwrap_or(data),
        }
    }
}

/// What the host does with an interface whose frames it must not lose, if it does something.
fn use_by_host(interface: &str) -> Option<String> {
    if is_loopback(interface) {
        return Some("is a loopback".to_owned());
    }
    // Every interface that is up gives itself a link-local address of IPv6.
    let is_own = |address: &IpAddr| match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let addresses = addresses(interface);
    if let Some(address) = addresses.into_iter().find(|address| !is_own(address)) {
        return Some(format!("has the address {address} of this host"));
    }
    let names = fs::read_dir(format!("/sys/class/net/{interface}")).ok()?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut uppers = names.filter_map(|name| name.strip_prefix(UPPER).map(one_line));
    uppers.next().map(|upper| format!("is a part of {upper}"))
}

/// How many receive queues an interface has.
fn queue_count(interface: &str) -> Result<u32, String> {
    let path = format!("/sys/class/net/{interface}/queues");
    let names = fs::read_dir(&path).map_err(|error| format!("{path}: {error}; {OTHERWISE}"))?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    match names.filter(|name| name.starts_with(RECEIVE_QUEUE)).count() {
        0 => Err(format!("has no receive queue; {OTHERWISE}")),
        count if count > QUEUES_MAX as usize => Err(format!(
            "has {count} receive queues; XDP takes {QUEUES_MAX} at most: \
             ethtool -L {interface} combined {QUEUES_MAX}"
        )),
        count => Ok(count as u32),
    }
}

/// Bytes of the kernel's chunks, which begin with its headroom: enough for the snap length or
/// the longest frame, or else the most there can be.
fn chunk_bytes(config: &LiveConfig) -> u32 {
    let path = format!("/sys/class/net/{}/mtu", config.interface);
    let text = fs::read_to_string(path).unwrap_or_default();
    let frame_bytes = text.trim().parse::<usize>().unwrap_or(usize::MAX);
    let frame_bytes = frame_bytes.saturating_add(LINK_HEADER_BYTES);
    if snap_length(config).min(frame_bytes) <= (CHUNK_BYTES - CHUNK_OVERHEAD_BYTES) as usize {
        CHUNK_BYTES
    } else {
        2 * CHUNK_BYTES
    }
}

/// How many chunks each queue has, a power of two.
fn chunks(buffer_bytes: u32, queues: u32, chunk_bytes: u32) -> u32 {
    let chunks = buffer_bytes / queues.max(1) / chunk_bytes;
    1 << chunks.max(CHUNKS_MIN).ilog2()
}

/// What to do about an error, as the rest of its message.
fn advice(error: &io::Error, interface: &str) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY) => format!(
            "; another XDP program has the interface: end it, or ip link set {interface} xdp off"
        ),
        Some(libc::EPERM | libc::EACCES | libc::ENOBUFS) => {
            "; run as root, or with the capabilities cap_net_raw, cap_net_admin, cap_bpf and \
             cap_ipc_lock"
                .to_owned()
        }
        None => format!("; ethtool -K {interface} rxvlan off"),
        _ => format!("; it needs Linux 6.6 or newer, {OTHERWISE}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "frames carry no time, so it is when they are read"
)]
fn now() -> Timestamp {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// How often and how long a queue that is not free is waited for.
const BUSY_TRIES: usize = 50;
const BUSY_INTERVAL: Duration = Duration::from_millis(20);

const OTHERWISE: &str = "set capture.method to \"auto\"";

/// Receive queues that are taken at most; each has memory of its own.
const QUEUES_MAX: u32 = 128;

/// What names in the folder of an interface begin with: of those that are made of it, as a
/// bridge, a bond or a VLAN is, and of its receive queues.
const UPPER: &str = "upper_";
const RECEIVE_QUEUE: &str = "rx-";

/// A chunk holds a frame of 1,500 bytes; twice as much is a page, and the most.
const CHUNK_BYTES: u32 = 2_048;

/// XDP_PACKET_HEADROOM.
const CHUNK_OVERHEAD_BYTES: u32 = 256;

/// An Ethernet header and two VLAN tags.
const LINK_HEADER_BYTES: usize = 22;

/// The fewest chunks of a queue.
const CHUNKS_MIN: u32 = 64;

#[cfg(test)]
mod tests;
