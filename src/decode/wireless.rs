//! 802.11 data frames, and the headers that capturing programs put before them.

use super::Reason;
use super::link::{Layer, Step, behind};
use super::span::Span;
use crate::capture::LinkType;

/// An 802.11 frame (IEEE 802.11 clause 9.3.2.1). Only data frames carry IP.
///
/// Of an aggregate the first subframe is read: a record stays one packet, and its wire
/// bytes are those of all. The middle of a fragmented frame has no header to read.
pub(super) fn header(span: Span<'_>, is_padded: bool) -> Step<'_> {
    let [kind, flags] = span.at(0).ok_or(Reason::LinkTruncated)?;
    let has_data = kind & DATA_MASK == DATA;
    if !has_data {
        return Err(Reason::NotIp);
    }
    if flags & PROTECTED != 0 {
        return Err(Reason::Encrypted);
    }
    let is_quality = kind & QUALITY != 0;
    let has_four_addresses = flags & BOTH_SYSTEMS == BOTH_SYSTEMS;
    let mut header_bytes: usize = if has_four_addresses { 30 } else { 24 };
    let mut is_aggregate = false;
    if is_quality {
        let control = span.byte(header_bytes).ok_or(Reason::LinkTruncated)?;
        is_aggregate = control & AGGREGATE != 0;
        let has_throughput_control = flags & ORDER != 0;
        let more = if has_throughput_control { 6 } else { 2 };
        header_bytes = header_bytes.saturating_add(more);
    }
    let sequence = span.u16(22).ok_or(Reason::LinkTruncated)?;
    if sequence & FRAGMENT_NUMBER != 0 {
        return Err(Reason::NotIp);
    }
    if is_padded {
        header_bytes = header_bytes.next_multiple_of(4);
    }
    let body = behind(span, header_bytes)?;
    if !is_aggregate {
        return Ok((Layer::Llc, body));
    }
    let length = body.u16(12).ok_or(Reason::LinkTruncated)?;
    Ok((Layer::Llc, behind(body, 14)?.limit(length.into())))
}

/// Radiotap: a version, a length, and fields that a bit set announces.
pub(super) fn radiotap(span: Span<'_>) -> Step<'_> {
    let [version, _, low, high] = span.at(0).ok_or(Reason::LinkTruncated)?;
    if version != 0 {
        return Err(Reason::NotIp);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let present = |offset| span.at(offset).map(u32::from_le_bytes);
    let first = present(4).ok_or(Reason::LinkTruncated)?;
    let mut offset: usize = 8;
    let mut word = first;
    while word & MORE_WORDS != 0 && offset < length {
        word = present(offset).ok_or(Reason::LinkTruncated)?;
        offset = offset.saturating_add(4);
    }
    if first & HAS_TIME != 0 {
        offset = offset.next_multiple_of(8).saturating_add(8);
    }
    let flags = match span.byte(offset) {
        Some(flags) if first & HAS_FLAGS != 0 && offset < length => flags,
        _ => 0,
    };
    let is_padded = flags & IS_PADDED != 0;
    Ok((Layer::Wireless(is_padded), behind(span, length)?))
}

/// The Prism header has its length at its fifth byte, in the byte order of the capturing
/// host. Files of this type may have AVS headers, which start with their own number.
pub(super) fn prism(span: Span<'_>) -> Step<'_> {
    let magic = span.u32(0).ok_or(Reason::LinkTruncated)?;
    if magic & 0xffff_f000 == AVS_MAGIC {
        return avs(span);
    }
    let length: [u8; 4] = span.at(4).ok_or(Reason::LinkTruncated)?;
    let length = u32::from_le_bytes(length).min(u32::from_be_bytes(length));
    behind_length(span, length)
}

/// AVS: a version and a length, in network byte order.
pub(super) fn avs(span: Span<'_>) -> Step<'_> {
    behind_length(span, span.u32(4).ok_or(Reason::LinkTruncated)?)
}

fn behind_length(span: Span<'_>, length: u32) -> Step<'_> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok((Layer::Wireless(false), behind(span, length)?))
}

/// Per-packet information: its own length, and the link type of what follows.
pub(super) fn per_packet(span: Span<'_>) -> Step<'_> {
    let head: [u8; 8] = span.at(0).ok_or(Reason::LinkTruncated)?;
    let [_, _, low, high, a, b, c, d] = head;
    let length = usize::from(u16::from_le_bytes([low, high]));
    let link_type = i32::from_le_bytes([a, b, c, d]);
    Ok((Layer::Frame(LinkType(link_type)), behind(span, length)?))
}

/// Version 0, type data, and not one of the subtypes without data.
const DATA_MASK: u8 = 0x4f;
const DATA: u8 = 0x08;

/// The subtypes with a field for the quality of service.
const QUALITY: u8 = 0x80;

/// Flags: both to and from the distribution system, protected, order.
const BOTH_SYSTEMS: u8 = 0x03;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// In the field for the quality of service: an aggregate of subframes.
const AGGREGATE: u8 = 0x80;

/// In the sequence field, whose byte order is little endian.
const FRAGMENT_NUMBER: u16 = 0x0f00;

/// Radiotap's first two fields, and another word of announcements.
const HAS_TIME: u32 = 1;
const HAS_FLAGS: u32 = 1 << 1;
const MORE_WORDS: u32 = 1 << 31;

/// In radiotap's flags: padding between 802.11 header and body.
const IS_PADDED: u8 = 0x20;

/// The first 20 bits of an AVS header.
const AVS_MAGIC: u32 = 0x8021_1000;
