//! How a capture is written: frames from the few things that differ between them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

pub(crate) type Ends = (SocketAddr, SocketAddr);

pub(crate) fn end(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::from((address, port))
}

/// Whether an address could be somebody's on the Internet, coarsely.
pub(crate) fn is_public(address: Ipv4Addr) -> bool {
    let reserved = matches!(
        address.octets(),
        [0 | 10 | 127 | 224.., ..] | [100, 64..=127, ..]
    );
    !(reserved || address.is_private() || address.is_link_local())
}

/// What is told of a packet; all else is the same in each.
pub(crate) struct Segment {
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    /// Without it the packet is UDP.
    pub(crate) tcp: Option<Tcp>,
    pub(crate) payload: u32,
}

pub(crate) struct Tcp {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
}

/// A capture as it is written.
pub(crate) struct Capture {
    pub(crate) out: BufWriter<File>,
    pub(crate) frames: u64,
    pub(crate) frame: Vec<u8>,
}

impl Capture {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 1 << 18, 1u32] {
            out.write_all(&word.to_le_bytes())?;
        }
        let frame = Vec::with_capacity(2_048);
        Ok(Self {
            out,
            frames: 0,
            frame,
        })
    }

    /// Writes one frame with at most so many bytes of its payload, all of them zero.
    pub(crate) fn write(
        &mut self,
        microseconds: u64,
        segment: &Segment,
        kept: u32,
    ) -> io::Result<()> {
        self.frame.clear();
        self.headers(segment);
        let original = (self.frame.len() as u32 + segment.payload).max(60);
        let kept = (self.frame.len() as u32 + segment.payload.min(kept)).max(60);
        self.frame.resize(kept.min(original) as usize, 0);
        let seconds = (microseconds / 1_000_000) as u32;
        let below = (microseconds % 1_000_000) as u32;
        for word in [seconds, below, self.frame.len() as u32, original] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.frames += 1;
        self.out.write_all(&self.frame)
    }

    pub(crate) fn headers(&mut self, segment: &Segment) {
        let l4_bytes = if segment.tcp.is_some() { 20 } else { 8 } + segment.payload;
        let protocol = if segment.tcp.is_some() { TCP } else { UDP };
        self.frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        match (segment.src.ip(), segment.dst.ip()) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.ipv4(src, dst, protocol, l4_bytes),
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                self.frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                self.frame.extend((l4_bytes as u16).to_be_bytes());
                self.frame.extend([protocol, 64]);
                self.frame.extend(src.octets());
                self.frame.extend(dst.octets());
            }
            // No segment is made of two families.
            _ => {}
        }
        self.frame.extend(segment.src.port().to_be_bytes());
        self.frame.extend(segment.dst.port().to_be_bytes());
        if let Some(tcp) = &segment.tcp {
            self.frame.extend(tcp.seq.to_be_bytes());
            self.frame.extend(tcp.ack.to_be_bytes());
            self.frame.extend([0x50, tcp.flags, 0xff, 0xff, 0, 0, 0, 0]);
        } else {
            self.frame.extend((l4_bytes as u16).to_be_bytes());
            self.frame.extend([0, 0]);
        }
    }

    pub(crate) fn ipv4(&mut self, src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, l4_bytes: u32) {
        self.frame.extend([8, 0]);
        let start = self.frame.len();
        self.frame.extend([0x45, 0]);
        self.frame.extend((20 + l4_bytes as u16).to_be_bytes());
        self.frame.extend((self.frames as u16).to_be_bytes());
        self.frame.extend([0x40, 0, 64, protocol, 0, 0]);
        self.frame.extend(src.octets());
        self.frame.extend(dst.octets());
        let words = self.frame.iter().skip(start).enumerate();
        let sum: u32 = words
            .map(|(at, byte)| u32::from(*byte) << (8 * (1 - at % 2)))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
        if let Some(field) = self.frame.get_mut(start + 10..start + 12) {
            field.copy_from_slice(&checksum.to_be_bytes());
        }
    }
}

/// SplitMix64: a stream of numbers that looks random and is the same everywhere.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    pub(crate) fn port(&mut self) -> u16 {
        1_024 + self.below(64_000) as u16
    }
}

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
/// More than any payload here: all of it is written.
pub(crate) const FULL: u32 = u32::MAX;
/// When the mixes begin: 2023-11-14, in microseconds.
pub(crate) const MIX_START: u64 = 1_700_000_000_000_000;
