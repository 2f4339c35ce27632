//! By what bytes were measured.

use serde::Serialize;

/// By what the bytes of a transfer were measured: by packets that were all seen, or by flow
/// records of others, which may stand for one packet in so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Measure(u16);

impl Measure {
    /// By packets.
    pub const PACKETS: Self = Self(0);

    /// By flow records that count every packet.
    pub const RECORDS: Self = Self(1);

    /// By flow records that count one packet in `packets`; beyond 65,535 it is told as that.
    pub const fn sampled(packets: u32) -> Self {
        match packets {
            0 => Self::RECORDS,
            1..=0xffff => Self(packets as u16),
            _ => Self(u16::MAX),
        }
    }

    /// How many packets each that was counted stands for, where it is flow records that tell.
    pub const fn one_in(self) -> Option<u16> {
        match self.0 {
            0 => None,
            packets => Some(packets),
        }
    }
}
