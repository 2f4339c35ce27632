//! A frame in a block, as the kernel describes it.

use std::mem::offset_of;

use libc::{tpacket_hdr_variant1, tpacket3_hdr};

use crate::time::{NANOS_PER_SECOND, Timestamp};

/// A frame as its header in the block describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) timestamp: Timestamp,
    /// Where its bytes begin in the block, and how many there are.
    pub(super) start: usize,
    pub(super) captured_bytes: usize,
    pub(super) original_length: u32,
    /// The VLAN tag that the kernel took off, as it stood in the frame.
    pub(super) tag: Option<[u8; TAG_BYTES]>,
    /// Where the header of the next frame is.
    pub(super) next: usize,
}

impl Slot {
    /// Reads the header at `at`, if it is inside the block with all that it tells of. Each
    /// but the last of a block tells where the next one is, which is behind it.
    #[inline(always)]
    pub(super) fn read(block: &[u8], at: usize, is_last: bool) -> Option<Self> {
        let rest = block.get(at..)?;
        let header: &[u8; HEADER_BYTES] = rest.first_chunk()?;
        let offset = header_word(header, offset_of!(tpacket3_hdr, tp_next_offset));
        let mac = usize::from(header_half(header, offset_of!(tpacket3_hdr, tp_mac)));
        let captured_bytes = header_word(header, offset_of!(tpacket3_hdr, tp_snaplen));
        // Room for a tag is left before the bytes.
        let has_room =
            mac >= HEADER_BYTES + TAG_BYTES && rest.len().checked_sub(mac) >= Some(captured_bytes);
        if !has_room || (offset < HEADER_BYTES && !is_last) {
            return None;
        }
        let status = header_word(header, offset_of!(tpacket3_hdr, tp_status)) as u32;
        let tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
            let protocol = match status & libc::TP_STATUS_VLAN_TPID_VALID {
                0 => libc::ETH_P_8021Q as u16,
                _ => header_half(header, TAG_PROTOCOL),
            };
            let [a, b] = protocol.to_be_bytes();
            let [c, d] = (header_word(header, TAG_CONTROL) as u16).to_be_bytes();
            [a, b, c, d]
        });
        let seconds = header_word(header, offset_of!(tpacket3_hdr, tp_sec)) as u64;
        let nanos = header_word(header, offset_of!(tpacket3_hdr, tp_nsec)) as u64;
        // Two fields of 32 bits: fewer than 2^63 nanoseconds.
        let nanos = seconds.wrapping_mul(NANOS_PER_SECOND).wrapping_add(nanos);
        Some(Self {
            timestamp: Timestamp::from_nanos(nanos),
            start: at + mac,
            captured_bytes,
            original_length: header_word(header, offset_of!(tpacket3_hdr, tp_len)) as u32,
            tag,
            next: at.saturating_add(offset),
        })
    }

    /// Moves the two addresses forward and writes the tag behind them, as it was on the
    /// wire and as libpcap shows it.
    pub(super) fn put_tag_back(&mut self, block: &mut [u8]) {
        let (Some(tag), Some(start)) = (self.tag, self.start.checked_sub(TAG_BYTES)) else {
            return;
        };
        let end = self.start + ADDRESSES_BYTES;
        if self.captured_bytes < ADDRESSES_BYTES || end > block.len() {
            return;
        }
        block.copy_within(self.start..end, start);
        block[end - TAG_BYTES..end].copy_from_slice(&tag);
        self.start = start;
        self.captured_bytes += TAG_BYTES;
        self.original_length = self.original_length.saturating_add(TAG_BYTES as u32);
    }
}

/// The number at `at`, if it is inside the block.
#[inline]
pub(super) fn word(block: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*block.get(at..)?.first_chunk()?))
}

#[inline]
fn header_word(header: &[u8; HEADER_BYTES], at: usize) -> usize {
    word(header, at).unwrap_or_default() as usize
}

#[inline]
fn header_half(header: &[u8; HEADER_BYTES], at: usize) -> u16 {
    let bytes = header.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

pub(super) const HEADER_BYTES: usize = size_of::<tpacket3_hdr>();
const TAG_CONTROL: usize =
    offset_of!(tpacket3_hdr, hv1) + offset_of!(tpacket_hdr_variant1, tp_vlan_tci);
const TAG_PROTOCOL: usize =
    offset_of!(tpacket3_hdr, hv1) + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid);

/// A VLAN tag, and the two addresses before it (IEEE 802.1Q clause 9).
pub(super) const TAG_BYTES: usize = 4;
const ADDRESSES_BYTES: usize = 12;
