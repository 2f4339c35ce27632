//! A packet socket whose frames are read where the kernel wrote them.
//!
//! The kernel fills a ring of blocks with frames (TPACKET_V3,
//! Documentation/networking/packet_mmap.rst of Linux), and hands a block over when it is
//! full or [`RETIRE_MILLIS`] old. Frames are lent from the block, which goes back to the
//! kernel when the first frame behind it is asked for. What libpcap shows of an interface
//! is shown here too: its filters, its link types, and the VLAN tag that the kernel has
//! taken off put back into the frame and its length.

mod fanout;
mod memory;
mod slot;
mod socket;

use std::io;
use std::mem::offset_of;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use libc::{sock_filter, tpacket_block_desc, tpacket_hdr_v1, tpacket_req3};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use self::fanout::Start;
use self::memory::Blocks;
use self::slot::{Slot, TAG_BYTES, word};
pub(super) use self::socket::PacketSocket;
use self::socket::Program;
use super::error::{CaptureError, one_line};
use super::libpcap::{Probe, probe};
use super::live::{Drops, LiveConfig, Method};
use super::{Frame, LinkType, Taker};
use crate::time::Timestamp;

/// A ring that the kernel fills from one interface.
pub(super) struct Ring {
    blocks: Blocks,
    socket: PacketSocket,
    /// Frames of the block that is ours which have not been lent yet.
    frames_left: u32,
    /// Where the next of them is in the block.
    next: usize,
    form: Form,
    membership: Option<Membership>,
    /// Where the interface counts frames that never reached the ring.
    missed: Option<Missed>,
    drops: Drops,
    /// Frames of blocks whose headers could not be followed.
    malformed: u64,
}

/// What all frames of a ring have in common.
#[derive(Clone, Copy)]
struct Form {
    link_type: LinkType,
    start: Start,
    snap_length_bytes: usize,
}

/// One of several rings that share an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    /// The number of the kernel's group.
    group: u16,
    /// Whether this one tells what the interface has dropped.
    is_first: bool,
}

/// A ring on the interface, or nothing where that is left to libpcap. A ring that was a
/// member of a group becomes one again.
///
/// # Errors
///
/// Those of [`LiveSource::open`](super::LiveSource::open).
pub(super) fn open(
    config: &LiveConfig,
    membership: Option<Membership>,
) -> Result<Option<Ring>, CaptureError> {
    let Some(plan) = Plan::new(config)? else {
        return Ok(None);
    };
    let opened = Ring::new(config, &plan).and_then(|mut ring| {
        if let Some(Membership { group, is_first }) = membership {
            ring.join(Some(group), is_first)?;
        }
        ring.socket.attach_filter(&plan.filter)?;
        Ok(ring)
    });
    plan.settle(config, opened)
}

/// So many rings that share the interface, or nothing where that is left to libpcap. None
/// takes a frame before all are there.
///
/// # Errors
///
/// Those of [`LiveSource::open`](super::LiveSource::open).
pub(super) fn open_group(
    config: &LiveConfig,
    members: usize,
) -> Result<Option<Vec<Ring>>, CaptureError> {
    // A group takes the frames that leave, too, and on a loopback those are the ones that
    // arrive. Its traffic is little enough for one ring.
    if is_loopback(&config.interface) {
        return Ok(None);
    }
    let Some(plan) = Plan::new(config)? else {
        return Ok(None);
    };
    let open_all = || {
        let mut rings: Vec<Ring> = Vec::new();
        for _ in 0..members {
            let mut ring = Ring::new(config, &plan)?;
            let first = rings.first().and_then(|ring| ring.membership);
            ring.join(first.map(|first| first.group), first.is_none())?;
            rings.push(ring);
        }
        for ring in &rings {
            ring.socket.attach_filter(&plan.filter)?;
        }
        Ok(rings)
    };
    plan.settle(config, open_all())
}

/// What must be known of an interface before it has a ring.
struct Plan {
    link_type: LinkType,
    start: Start,
    filter: Program,
}

impl Plan {
    /// Nothing where the ring cannot capture the interface, or must not.
    fn new(config: &LiveConfig) -> Result<Option<Self>, CaptureError> {
        if config.method == Method::Libpcap || config.interface == "any" {
            return Ok(None);
        }
        let Probe { link_type, filter } = probe(config)?;
        let start = match link_type {
            LinkType::ETHERNET => Start::Ethernet,
            LinkType::RAW_DLT | LinkType::RAW => Start::Ip,
            // libpcap makes up the header of what remains.
            _ => return Ok(None),
        };
        let snap_length_bytes = u32::try_from(snap_length(config)).unwrap_or(u32::MAX);
        let filter = match filter {
            Some(filter) => filter.into_iter().map(instruction).collect(),
            None => vec![instruction((RETURN, 0, 0, snap_length_bytes))],
        };
        Ok(Some(Self {
            link_type,
            start,
            filter,
        }))
    }

    /// What was opened; if it could not be, nothing where libpcap may try.
    fn settle<T>(
        &self,
        config: &LiveConfig,
        opened: io::Result<T>,
    ) -> Result<Option<T>, CaptureError> {
        match opened {
            Ok(rings) => Ok(Some(rings)),
            Err(_) if config.method == Method::Auto => Ok(None),
            Err(error) => Err(CaptureError::Interface {
                interface: one_line(&config.interface),
                message: one_line(&format!("its ring cannot be made: {error}")),
            }),
        }
    }
}

impl Ring {
    /// Binds a ring that takes no frames before it has its filter.
    fn new(config: &LiveConfig, plan: &Plan) -> io::Result<Self> {
        let socket = PacketSocket::new()?;
        let interface = socket.interface_index(&config.interface)?;
        let (block_bytes, count) = geometry(config);
        socket.make_ring(&request(block_bytes, count), TAG_BYTES as u32)?;
        let blocks = Blocks::map(&socket, block_bytes as usize, count as usize)?;
        socket.attach_filter(&[instruction((RETURN, 0, 0, 0))])?;
        if is_loopback(&config.interface) {
            // There each frame passes twice, as it leaves and as it arrives.
            socket.ignore_outgoing()?;
        }
        socket.bind(interface)?;
        if config.promiscuous {
            socket.be_promiscuous(interface)?;
        }
        Ok(Self {
            blocks,
            socket,
            frames_left: 0,
            next: 0,
            form: Form {
                link_type: plan.link_type,
                start: plan.start,
                snap_length_bytes: snap_length(config),
            },
            membership: None,
            missed: config.promiscuous.then(|| Missed::new(&config.interface)),
            drops: Drops::default(),
            malformed: 0,
        })
    }

    fn join(&mut self, group: Option<u16>, is_first: bool) -> io::Result<()> {
        let program = fanout::program(self.form.start);
        let group = self.socket.join_group(group, &program)?;
        self.membership = Some(Membership { group, is_first });
        if !is_first {
            self.missed = None;
        }
        Ok(())
    }

    /// Whether a frame waits. It gives a block back whose frames have all been lent.
    #[inline]
    pub(super) fn has_frame(&mut self) -> bool {
        self.frames_left > 0 || self.take_block()
    }

    /// Lends the next frame, if one waits.
    #[inline]
    pub(super) fn next_frame(&mut self) -> Option<Frame<'_>> {
        if !self.has_frame() {
            return None;
        }
        let block = self.blocks.bytes();
        let Some(slot) = Slot::read(block, self.next, self.frames_left == 1) else {
            // The block contradicts itself, so what is left of it is lost.
            self.malformed += u64::from(self.frames_left);
            self.frames_left = 0;
            return None;
        };
        self.frames_left -= 1;
        self.next = slot.next;
        self.form.frame(slot, block)
    }

    /// Lends frames of the block that is ours, or of the next, as
    /// [`Lender::lend_ready`](super::Lender::lend_ready) does.
    #[inline(always)]
    pub(super) fn lend_ready(
        &mut self,
        frames_max: usize,
        times: &Range<Timestamp>,
        taker: &mut impl Taker,
    ) -> usize {
        if !self.has_frame() {
            return 0;
        }
        let (block, form) = (self.blocks.bytes(), self.form);
        let (mut next, mut left) = (self.next, self.frames_left);
        let frames_max = u32::try_from(frames_max).unwrap_or(u32::MAX);
        let least = left.saturating_sub(frames_max);
        while left > least
            && let Some(slot) = Slot::read(block, next, left == 1)
            && times.contains(&slot.timestamp)
        {
            let behind = slot.next;
            let Some(frame) = form.frame(slot, block) else {
                break;
            };
            taker.take(&frame);
            next = behind;
            left -= 1;
        }
        let lent = self.frames_left - left;
        (self.next, self.frames_left) = (next, left);
        lent as usize
    }

    /// Why no more frames will come, if so. To be asked when none waits.
    pub(super) fn failure(&mut self, interface: &str) -> Option<CaptureError> {
        let error = match self.still_there() {
            Ok(true) => return None,
            Ok(false) => Errno::NODEV.into(),
            Err(error) => error,
        };
        let (interface, message) = (interface.to_owned(), one_line(&error.to_string()));
        Some(match error.raw_os_error() {
            Some(libc::ENODEV) => CaptureError::InterfaceGone { interface, message },
            _ => CaptureError::Interface { interface, message },
        })
    }

    /// Totals since the ring was opened.
    pub(super) fn drops(&mut self) -> Drops {
        if let Ok(now) = self.socket.statistics() {
            self.drops = self.drops.plus(&Drops {
                // The kernel counts what it dropped here too.
                received: now.tp_packets.into(),
                kernel_dropped: now.tp_drops.into(),
                ring_full: now.tp_freeze_q_cnt.into(),
                ..Drops::default()
            });
        }
        if let Some(missed) = &self.missed {
            self.drops.interface_dropped = missed.since_opened();
        }
        self.drops.plus(&Drops {
            kernel_dropped: self.malformed,
            ..Drops::default()
        })
    }

    pub(super) const fn link_type(&self) -> LinkType {
        self.form.link_type
    }

    pub(super) const fn membership(&self) -> Option<Membership> {
        self.membership
    }

    fn take_block(&mut self) -> bool {
        // The kernel hands over no empty blocks, but may.
        while self.blocks.take_next() {
            let block = self.blocks.bytes();
            if let (Some(count), Some(first)) = (word(block, COUNT), word(block, FIRST)) {
                (self.frames_left, self.next) = (count, first as usize);
            }
            if self.frames_left > 0 {
                return true;
            }
        }
        false
    }

    /// Whether the interface is there, up or down, or frames of it still wait.
    fn still_there(&mut self) -> io::Result<bool> {
        match self.socket.take_error() {
            // A socket is told once that its interface went down, and polls as ready until
            // it has heard it. It receives again when the interface is up.
            Err(error) if error.raw_os_error() != Some(libc::ENETDOWN) => return Err(error),
            _ => {}
        }
        if self.socket.is_bound()? {
            return Ok(true);
        }
        // What it saw last is handed over when its block is old enough.
        let timeout = Timespec::try_from(2 * RETIRE).ok();
        let mut descriptor = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut descriptor, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(self.has_frame()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Form {
    /// The frame that a slot of a block describes.
    #[inline(always)]
    fn frame<'a>(&self, mut slot: Slot, block: &'a mut [u8]) -> Option<Frame<'a>> {
        if slot.tag.is_some() && self.start == Start::Ethernet {
            slot.put_tag_back(block);
        }
        let captured = slot.captured_bytes.min(self.snap_length_bytes);
        let data = block.get(slot.start..)?.get(..captured)?;
        Some(Frame {
            timestamp: slot.timestamp,
            original_length: slot.original_length.max(captured as u32),
            link_type: self.link_type,
            data,
        })
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The counters of an interface for frames that it had no room for.
pub(super) struct Missed {
    paths: [String; 2],
    at_open: u64,
}

impl Missed {
    pub(super) fn new(interface: &str) -> Self {
        // The two that libpcap adds up.
        let paths = ["rx_missed_errors", "rx_fifo_errors"]
            .map(|counter| format!("/sys/class/net/{interface}/statistics/{counter}"));
        let mut missed = Self { paths, at_open: 0 };
        missed.at_open = missed.since_opened();
        missed
    }

    /// Counters that cannot be read are those of an interface that counts nothing.
    pub(super) fn since_opened(&self) -> u64 {
        let texts = self.paths.iter().map(std::fs::read_to_string);
        let counts = texts.filter_map(|text| text.ok()?.trim().parse::<u64>().ok());
        counts
            .fold(0, u64::saturating_add)
            .saturating_sub(self.at_open)
    }
}

/// Size and number of the blocks.
fn geometry(config: &LiveConfig) -> (u32, u32) {
    // Eight blocks at least, so that one that is being read is a small part of the ring;
    // each has room for several frames.
    let eighth = 1 << (config.buffer_bytes / 8).max(1).ilog2();
    let frame = u32::try_from(4 * snap_length(config)).unwrap_or(BLOCK_BYTES_MAX);
    let least = frame
        .next_power_of_two()
        .clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
    let block_bytes = eighth.clamp(least, BLOCK_BYTES_MAX);
    (
        block_bytes,
        (config.buffer_bytes / block_bytes).max(BLOCKS_MIN),
    )
}

fn request(block_bytes: u32, count: u32) -> tpacket_req3 {
    tpacket_req3 {
        tp_block_size: block_bytes,
        tp_block_nr: count,
        // The kernel packs frames of any size; it wants the sum to be right.
        tp_frame_size: FRAME_BYTES,
        tp_frame_nr: block_bytes / FRAME_BYTES * count,
        tp_retire_blk_tov: RETIRE_MILLIS,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    }
}

pub(super) fn snap_length(config: &LiveConfig) -> usize {
    match config.snap_length_bytes {
        0 => SNAP_LENGTH_MAX,
        bytes => (bytes as usize).min(SNAP_LENGTH_MAX),
    }
}

pub(super) fn is_loopback(interface: &str) -> bool {
    let path = format!("/sys/class/net/{interface}/type");
    let kind = std::fs::read_to_string(path).unwrap_or_default();
    // A container may hide the folder; the name has always been this.
    kind.trim() == LOOPBACK || interface == "lo"
}

const fn instruction((code, jt, jf, k): (u16, u8, u8, u32)) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// How long the kernel may keep a block that is not full: the delay of a frame on a quiet
/// link.
const RETIRE_MILLIS: u32 = 20;
const RETIRE: Duration = Duration::from_millis(RETIRE_MILLIS as u64);

/// Bounds of a block; a larger one is allocated for any larger snap length.
const BLOCK_BYTES_MIN: u32 = 1 << 16;
const BLOCK_BYTES_MAX: u32 = 1 << 20;

/// The kernel fills one while another is read.
const BLOCKS_MIN: u32 = 2;

const FRAME_BYTES: u32 = 2_048;

/// libpcap's MAXIMUM_SNAPLEN.
const SNAP_LENGTH_MAX: usize = 262_144;

/// ARPHRD_LOOPBACK in linux/if_arp.h, as the system writes it.
const LOOPBACK: &str = "772";

/// BPF_RET of a constant.
const RETURN: u16 = 0x06;

/// Where the header of a block tells how many frames it has, and where the first is.
const COUNT: usize = offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, num_pkts);
const FIRST: usize =
    offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);

#[cfg(test)]
pub(super) mod tests;
