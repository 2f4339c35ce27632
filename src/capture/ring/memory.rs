//! The memory that the kernel fills with blocks of frames.
//!
//! A block belongs either to the kernel or to us, which its status word tells. One block at
//! a time is ours; only its bytes can be had.
//!
//! JUSTIFICATION: a frame of 60 bytes costs 7 to 10 ns of the reader's time, where libpcap's
//! binding takes 33 to 34 ns in the same run.

#![allow(
    unsafe_code,
    reason = "memory shared with the kernel, lent without a copy of each frame"
)]

use std::ffi::c_void;
use std::io;
use std::mem::offset_of;
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{TP_STATUS_KERNEL, TP_STATUS_USER, tpacket_block_desc, tpacket_hdr_v1};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::socket::PacketSocket;

/// The blocks of a ring, which are taken and given back in turn.
pub(super) struct Blocks {
    start: NonNull<u8>,
    block_bytes: usize,
    count: usize,
    /// The block that is ours, or is waited for.
    current: usize,
    is_ours: bool,
}

// SAFETY: the memory is reached through this value alone, and nothing in it depends on the
// thread.
unsafe impl Send for Blocks {}

impl Blocks {
    /// Maps the ring that was made with `socket`, of `count` blocks of `block_bytes` each.
    pub(super) fn map(socket: &PacketSocket, block_bytes: usize, count: usize) -> io::Result<Self> {
        let unmappable = || io::Error::from(io::ErrorKind::InvalidInput);
        // A block must hold its header, with the status word where an atomic may be.
        if count == 0 || block_bytes < HEADER_BYTES || !block_bytes.is_multiple_of(ALIGNMENT) {
            return Err(unmappable());
        }
        let bytes = block_bytes.checked_mul(count).ok_or_else(unmappable)?;
        // SAFETY: a new mapping, at an address of the kernel's choice, touches no other
        // memory. The kernel refuses a size that is not that of the socket's ring.
        let start = unsafe {
            mmap(
                null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                socket,
                0,
            )
        }?;
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(unmappable)?;
        Ok(Self {
            start,
            block_bytes,
            count,
            current: 0,
            is_ours: false,
        })
    }

    /// Takes the next block if the kernel has filled it. Gives back the one before.
    pub(super) fn take_next(&mut self) -> bool {
        self.give_back();
        // Acquire: what the kernel wrote before it handed the block over is seen from here.
        self.is_ours = self.status().load(Ordering::Acquire) & TP_STATUS_USER != 0;
        self.is_ours
    }

    /// Gives the block that is ours back to the kernel, which may fill it at once.
    pub(super) fn give_back(&mut self) {
        if self.is_ours {
            self.is_ours = false;
            // Release: our reads and writes of the block are over before it is handed over.
            self.status().store(TP_STATUS_KERNEL, Ordering::Release);
            self.current = (self.current + 1) % self.count;
        }
    }

    /// The bytes of the block that is ours; none if none is.
    #[inline]
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        if !self.is_ours {
            return &mut [];
        }
        // SAFETY: `block` is the start of `block_bytes` mapped bytes. The kernel does not
        // touch a block whose status is ours, the status is set back only by `give_back`,
        // which needs this borrow to be over, and so does any other way to the memory.
        unsafe { slice::from_raw_parts_mut(self.block().as_ptr(), self.block_bytes) }
    }

    fn status(&self) -> &AtomicU32 {
        let status = self.block().as_ptr().wrapping_add(STATUS_OFFSET);
        // SAFETY: the block is mapped and holds a header, so the word is inside. Pages are
        // aligned, and blocks and the offset are multiples of four. The kernel stores it
        // atomically too, and `bytes` is not borrowed, since it borrows all of this.
        unsafe { AtomicU32::from_ptr(status.cast()) }
    }

    fn block(&self) -> NonNull<u8> {
        // SAFETY: `current` is below `count`, so the sum stays inside the mapping.
        unsafe { self.start.add(self.current * self.block_bytes) }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let start = self.start.as_ptr().cast::<c_void>();
        // SAFETY: these are the address and the size of our mapping, and no borrow of it is
        // left. It cannot fail then, and a leak would be all if it did.
        let _ = unsafe { munmap(start, self.block_bytes * self.count) };
    }
}

/// A block begins with this; see `struct tpacket_block_desc` in linux/if_packet.h.
const HEADER_BYTES: usize = size_of::<tpacket_block_desc>();

/// That of the header.
const ALIGNMENT: usize = align_of::<tpacket_block_desc>();

const STATUS_OFFSET: usize =
    offset_of!(tpacket_block_desc, hdr) + offset_of!(tpacket_hdr_v1, block_status);
