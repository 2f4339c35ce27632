//! Frames from a live interface.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;

use super::error::{CaptureError, one_line};
use super::libpcap::Libpcap;
#[cfg(target_os = "linux")]
use super::ring::{self, Membership, Ring};
#[cfg(target_os = "linux")]
use super::xdp::Xdp;
use super::{Frame, Lender, LinkType, Taker};
use crate::time::Timestamp;

/// What to capture and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Name of the interface; `any` is all of them.
    pub interface: String,
    /// Which frames to capture, in the syntax of pcap-filter(7).
    pub filter: Option<String>,
    /// Bytes captured of each frame; 0 is libpcap's maximum.
    pub snap_length_bytes: u32,
    /// Size of the ring that the kernel fills, of each source; with XDP, of all its rings.
    pub buffer_bytes: u32,
    /// Whether frames for other hosts are captured too, as on a mirrored port they must.
    pub promiscuous: bool,
    /// What captures the interface.
    pub method: Method,
    /// Whether an interface that is removed is waited for, instead of being an error.
    pub wait_for_interface: bool,
}

/// What captures an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The ring where the system and the device have one, else libpcap.
    #[default]
    Auto,
    /// A packet socket with a ring of blocks, of which frames are lent without a copy.
    /// On Linux, and for devices whose frames begin with an Ethernet or an IP header.
    Ring,
    /// libpcap.
    Libpcap,
    /// A program before the network stack, which gives the frames to sockets of ours and not
    /// to the host. On Linux, and for interfaces that the host itself does not use.
    Xdp,
}

/// An interface that is being captured.
///
/// It never blocks, whatever waits or does not; the caller sleeps in [`wait`], which has
/// a timeout that holds.
pub struct LiveSource {
    config: LiveConfig,
    input: Input,
    /// Printable name, for errors.
    interface: String,
    link_type: LinkType,
    /// What inputs that have ended have counted, and how often one has.
    past: Drops,
    event: Option<LiveEvent>,
    /// When the interface was last looked for.
    looked: Option<Instant>,
    #[cfg(target_os = "linux")]
    membership: Option<Membership>,
}

enum Input {
    #[cfg(target_os = "linux")]
    Ring(Ring),
    Libpcap(Libpcap),
    #[cfg(target_os = "linux")]
    Xdp(Xdp),
    /// The interface was removed.
    Absent,
}

/// What has become of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveEvent {
    /// It was removed; it is looked for from now on.
    Gone,
    /// It is there again and captured.
    Back,
}

/// Frames that an interface has seen and lost since its capture began.
///
/// Of a ring, the frames handed out and those `kernel_dropped` are exactly those
/// `received`, once the ring has been emptied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Frames that passed the filter. On Linux those that were then dropped count too.
    pub received: u64,
    /// Frames for which the ring had no room.
    pub kernel_dropped: u64,
    /// Frames that the interface or its driver dropped. On Linux it is counted only for a
    /// promiscuous capture, and of several sources of one interface by the first.
    pub interface_dropped: u64,
    /// How often the ring was full. libpcap does not tell.
    pub ring_full: u64,
    /// How often the interface was removed: what it saw until it came back is not known.
    pub gaps: u64,
}

impl LiveSource {
    /// Starts to capture.
    ///
    /// # Errors
    ///
    /// [`CaptureError::NoSuchInterface`], [`CaptureError::InterfaceDown`],
    /// [`CaptureError::PermissionDenied`], [`CaptureError::LinkType`],
    /// [`CaptureError::BadFilter`], and [`CaptureError::Interface`] for what else libpcap
    /// or the system may say.
    pub fn open(config: &LiveConfig) -> Result<Self, CaptureError> {
        Ok(Self::new(config, Input::open(config)?))
    }

    /// Starts to capture with several sources, for as many workers, between which the
    /// kernel deals the frames: all of one pair of IP addresses, in both directions and
    /// whether fragments or not, go to the same source, and those that are not IP, or not
    /// directly behind Ethernet and at most three VLAN tags, to the first. When an interface
    /// has gone and come back, a pair may go to another source than before.
    ///
    /// Where the frames cannot be dealt, with libpcap, with XDP and on a loopback, there is one
    /// source.
    ///
    /// # Errors
    ///
    /// Those of [`LiveSource::open`].
    pub fn open_group(config: &LiveConfig, members: usize) -> Result<Vec<Self>, CaptureError> {
        #[cfg(target_os = "linux")]
        if members > 1
            && config.method != Method::Xdp
            && let Some(rings) = ring::open_group(config, members)?
        {
            let sources = rings.into_iter().map(Input::Ring);
            return Ok(sources.map(|ring| Self::new(config, ring)).collect());
        }
        #[cfg(not(target_os = "linux"))]
        let _ = members;
        Ok(vec![Self::open(config)?])
    }

    /// Lends the next frame, and nothing if none is waiting.
    ///
    /// # Errors
    ///
    /// [`CaptureError::InterfaceGone`] when the interface was removed and is not to be
    /// waited for, [`CaptureError::Interface`] and those of [`LiveSource::open`] otherwise.
    /// The source is of no more use then. An interface that only went down is silent until
    /// it is up again.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if !self.may_have_frame() {
            self.look_after()?;
            return Ok(None);
        }
        Ok(match &mut self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => ring.next_frame(),
            Input::Libpcap(libpcap) => libpcap.next_frame(),
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.next_frame(),
            Input::Absent => None,
        })
    }

    /// What has become of the interface since this was last asked; the last of several.
    pub const fn take_event(&mut self) -> Option<LiveEvent> {
        self.event.take()
    }

    /// Totals since the capture began. If the system cannot tell, they are the last known.
    ///
    /// Its counters have 32 bits, so this must be called before one of them has moved
    /// that far: at 100 Gbit/s of shortest frames, every 28 seconds.
    pub fn drops(&mut self) -> Drops {
        let now = match &mut self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => ring.drops(),
            Input::Libpcap(libpcap) => libpcap.drops(),
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.drops(),
            Input::Absent => Drops::default(),
        };
        self.past.plus(&now)
    }

    /// What the first byte of every frame belongs to.
    pub const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Name of the interface, printable.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// What captures the interface: what `auto` has become.
    pub const fn method(&self) -> Method {
        match &self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(_) => Method::Ring,
            Input::Libpcap(_) => Method::Libpcap,
            #[cfg(target_os = "linux")]
            Input::Xdp(_) => Method::Xdp,
            Input::Absent => self.config.method,
        }
    }

    fn new(config: &LiveConfig, input: Input) -> Self {
        let mut source = Self {
            config: config.clone(),
            input,
            interface: one_line(&config.interface),
            link_type: LinkType::ETHERNET,
            past: Drops::default(),
            event: None,
            looked: None,
            #[cfg(target_os = "linux")]
            membership: None,
        };
        source.read_input();
        source
    }

    /// Whether to ask for a frame; if not, to see why.
    #[inline]
    fn may_have_frame(&mut self) -> bool {
        match &mut self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => ring.has_frame(),
            Input::Libpcap(libpcap) => !libpcap.has_failed(),
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.has_frame(),
            Input::Absent => false,
        }
    }

    /// Finds out why nothing comes, and does what can be done about it.
    fn look_after(&mut self) -> Result<(), CaptureError> {
        let failure = match &mut self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => ring.failure(&self.interface),
            Input::Libpcap(libpcap) => libpcap.take_failure(),
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.failure(&self.interface),
            Input::Absent => return self.look_for_interface(),
        };
        match failure {
            None => Ok(()),
            Some(CaptureError::InterfaceGone { .. }) if self.config.wait_for_interface => {
                let gaps = self.past.gaps + 1;
                self.past = Drops {
                    gaps,
                    ..self.drops()
                };
                self.input = Input::Absent;
                self.event = Some(LiveEvent::Gone);
                Ok(())
            }
            Some(error) => Err(error),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an interface is absent in real time"
    )]
    fn look_for_interface(&mut self) -> Result<(), CaptureError> {
        let now = Instant::now();
        if let Some(looked) = self.looked
            && now.saturating_duration_since(looked) < LOOK_INTERVAL
        {
            return Ok(());
        }
        self.looked = Some(now);
        #[cfg(target_os = "linux")]
        let input = match self.membership {
            Some(membership) => Input::rejoin(&self.config, membership),
            None => Input::open(&self.config),
        };
        #[cfg(not(target_os = "linux"))]
        let input = Input::open(&self.config);
        match input {
            Ok(input) => {
                self.input = input;
                self.read_input();
                self.event = Some(LiveEvent::Back);
                Ok(())
            }
            // It may be there and not yet up, or still be set up. One socket of a group is
            // refused until all have noticed that the interface was removed.
            Err(
                CaptureError::NoSuchInterface { .. }
                | CaptureError::InterfaceDown { .. }
                | CaptureError::InterfaceGone { .. }
                | CaptureError::Interface { .. },
            ) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn read_input(&mut self) {
        match &self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => {
                self.link_type = ring.link_type();
                self.membership = ring.membership();
            }
            Input::Libpcap(libpcap) => self.link_type = libpcap.link_type(),
            #[cfg(target_os = "linux")]
            Input::Xdp(_) => self.link_type = LinkType::ETHERNET,
            Input::Absent => {}
        }
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        match &self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => vec![ring.as_fd()],
            Input::Libpcap(libpcap) => vec![libpcap.as_fd()],
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.queues().iter().map(AsFd::as_fd).collect(),
            Input::Absent => Vec::new(),
        }
    }
}

impl Lender for LiveSource {
    #[inline]
    fn lend_ready(
        &mut self,
        frames_max: usize,
        times: &Range<Timestamp>,
        taker: &mut impl Taker,
    ) -> usize {
        match &mut self.input {
            #[cfg(target_os = "linux")]
            Input::Ring(ring) => ring.lend_ready(frames_max, times, taker),
            #[cfg(target_os = "linux")]
            Input::Xdp(xdp) => xdp.lend_ready(frames_max, times, taker),
            Input::Libpcap(_) | Input::Absent => 0,
        }
    }
}

impl Input {
    fn open(config: &LiveConfig) -> Result<Self, CaptureError> {
        #[cfg(target_os = "linux")]
        if config.method == Method::Xdp {
            return Xdp::open(config).map(Self::Xdp);
        }
        #[cfg(target_os = "linux")]
        if let Some(ring) = ring::open(config, None)? {
            return Ok(Self::Ring(ring));
        }
        if matches!(config.method, Method::Ring | Method::Xdp) {
            return Err(has_no_ring(config));
        }
        Libpcap::open(config).map(Self::Libpcap)
    }

    /// Opens a member of a group again. libpcap would take the frames of all members.
    #[cfg(target_os = "linux")]
    fn rejoin(config: &LiveConfig, membership: Membership) -> Result<Self, CaptureError> {
        let ring = ring::open(config, Some(membership))?;
        ring.map(Self::Ring).ok_or_else(|| has_no_ring(config))
    }
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSource")
            .field("interface", &self.interface)
            .field("method", &self.method())
            .field("link_type", &self.link_type)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for LiveEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gone => "was removed; what it carries until it is back is not seen",
            Self::Back => "is back and captured again",
        })
    }
}

impl Drops {
    pub(super) const fn plus(&self, more: &Self) -> Self {
        Self {
            received: self.received.saturating_add(more.received),
            kernel_dropped: self.kernel_dropped.saturating_add(more.kernel_dropped),
            interface_dropped: self
                .interface_dropped
                .saturating_add(more.interface_dropped),
            ring_full: self.ring_full.saturating_add(more.ring_full),
            gaps: self.gaps.saturating_add(more.gaps),
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
    let descriptors = sources.iter().flat_map(LiveSource::descriptors);
    let mut descriptors: Vec<PollFd<'_>> = descriptors
        .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
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

/// Keeps the calling thread on one processor, the first being 0.
///
/// # Errors
///
/// Where there is no such processor, this process may not use it, or the system knows no
/// such thing.
pub fn pin_current_thread(processor: usize) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        if processor >= CpuSet::MAX_CPU {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        let mut processors = CpuSet::new();
        processors.set(processor);
        Ok(sched_setaffinity(None, &processors)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = processor;
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

fn has_no_ring(config: &LiveConfig) -> CaptureError {
    CaptureError::Interface {
        interface: one_line(&config.interface),
        message: "has no ring; set capture.method to \"auto\"".to_owned(),
    }
}

/// How often a removed interface is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
