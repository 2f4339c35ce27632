//! Small captures for tests, made frame by frame.

use std::path::{Path, PathBuf};

use etherparse::PacketBuilder;

/// A capture in the making: the classic format with nanosecond times.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    bytes: Vec<u8>,
    /// Where each record ends.
    pub(crate) ends: Vec<usize>,
}

impl Capture {
    /// A capture of Ethernet frames.
    pub(crate) fn new() -> Self {
        Self::of_link_type(1)
    }

    /// A capture of frames of a LINKTYPE.
    pub(crate) fn of_link_type(number: u32) -> Self {
        let words = [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, number];
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let ends = Vec::new();
        Self { bytes, ends }
    }

    /// Adds a frame, captured at `seconds` since the epoch and `nanos`.
    pub(crate) fn frame(&mut self, seconds: u32, nanos: u32, frame: &[u8]) {
        let length = frame.len() as u32;
        for word in [seconds, nanos, length, length] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(frame);
        self.ends.push(self.bytes.len());
    }

    /// Adds a UDP packet of `payload` bytes from port 40000 to port 443.
    pub(crate) fn udp(&mut self, seconds: u32, source: [u8; 4], target: [u8; 4], payload: usize) {
        self.frame(seconds, 0, &udp(source, target, payload));
    }

    /// The file so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the file into a folder.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> PathBuf {
        write(folder, name, &self.bytes)
    }
}

/// An Ethernet frame with a UDP packet from port 40000 to port 443.
pub(crate) fn udp(source: [u8; 4], target: [u8; 4], payload: usize) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ipv4(source, target, 64)
        .udp(40_000, 443);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![7; payload]).unwrap();
    frame
}

/// The same frame with the tag of a VLAN (IEEE 802.1Q).
pub(crate) fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    let tag = [0x81, 0].into_iter().chain(vlan.to_be_bytes());
    let [head, tail] = [&frame[..12], &frame[12..]];
    head.iter()
        .copied()
        .chain(tag)
        .chain(tail.iter().copied())
        .collect()
}

/// `count` packets, one a second from `seconds` on, from an asset to Russia.
pub(crate) fn upload(seconds: u32, count: u32) -> Capture {
    let mut capture = Capture::new();
    for second in seconds..seconds + count {
        capture.udp(second, ASSET, ABROAD, 1_000);
    }
    capture
}

/// Writes bytes into a folder.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// An address of the default site.
pub(crate) const ASSET: [u8; 4] = [10, 0, 0, 5];

/// An address that the embedded database places in Russia.
pub(crate) const ABROAD: [u8; 4] = [77, 88, 8, 8];

/// 2026-06-15, a Monday, at noon: in the month of the embedded databases.
pub(crate) const NOON: u32 = 1_781_524_800;
