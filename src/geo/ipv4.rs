//! The places of all IPv4 addresses, each part of them laid out when it is first asked for.

use std::net::Ipv4Addr;
use std::sync::OnceLock;

use super::{Confidence, Country, Place, Side};

/// Places by ranges of addresses, found without a walk through the trees of the databases.
///
/// A lookup in such a tree follows up to 32 nodes, each a wait for memory. Here the first 16
/// bits of an address name a block of ranges, of which the right one is searched for by the
/// other 16. Half of the blocks have one or two ranges, which take one wait, the others two.
/// To lay out all blocks takes longer than a small capture, and a site sees addresses of few,
/// so each is laid out when an address of it comes.
#[derive(Debug)]
pub(super) struct Ipv4Places {
    /// By the first 16 bits of an address.
    blocks: Box<[Block]>,
}

/// Half a cache line, and never in two.
#[derive(Debug, Default)]
#[repr(align(32))]
struct Block(OnceLock<Laid>);

/// The ranges of a block in the order of their addresses, the first of which begins where the
/// block does.
#[derive(Debug)]
enum Laid {
    /// Both the same where there is one.
    Few([Range; 2]),
    Many(Box<[Range]>),
}

impl Ipv4Places {
    /// Knows nothing yet.
    pub(super) fn new() -> Self {
        Self {
            blocks: (0..1 << BLOCK_BITS).map(|_| Block::default()).collect(),
        }
    }

    /// The place of an address. Where its block is missing, `lay_out` is given the block's
    /// first address and the ranges to fill.
    pub(super) fn place(&self, address: Ipv4Addr, lay_out: impl FnOnce(u32, &mut Ranges)) -> Place {
        let (block, low) = halves(address);
        let laid = self.blocks[block].0.get_or_init(|| {
            let mut ranges = Ranges(Vec::with_capacity(RANGES_EXPECTED));
            lay_out(address.to_bits() & !u32::from(u16::MAX), &mut ranges);
            ranges.laid()
        });
        let ranges = laid.ranges();
        let behind = ranges.partition_point(|range| range.start <= low);
        let range = ranges.get(behind.wrapping_sub(1));
        range.map_or(Place::LOCAL, |range| range.place())
    }

    /// Reads what [`Ipv4Places::place`] reads first.
    pub(super) fn touch(&self, address: Ipv4Addr) -> u64 {
        let (block, _) = halves(address);
        let ranges = self.blocks[block].0.get().map(Laid::ranges);
        let range = ranges.and_then(|ranges| ranges.get(ranges.len() / 2));
        range.map_or(0, |range| u64::from(range.asn))
    }
}

impl Laid {
    fn ranges(&self) -> &[Range] {
        match self {
            Self::Few(ranges) => ranges,
            Self::Many(ranges) => ranges,
        }
    }
}

/// The ranges of a block, being gathered in the order of their addresses.
#[derive(Debug)]
pub(super) struct Ranges(Vec<Range>);

impl Ranges {
    /// Adds a range that begins at `start`, unless it goes on with the place before it.
    pub(super) fn push(&mut self, start: u32, place: Place) {
        let range = Range::new(start as u16, place);
        let last = self.0.last();
        if last.is_none_or(|last| (last.bits, last.asn) != (range.bits, range.asn)) {
            self.0.push(range);
        }
    }

    fn laid(self) -> Laid {
        match *self.0 {
            [one] => Laid::Few([one; 2]),
            [one, other] => Laid::Few([one, other]),
            _ => Laid::Many(self.0.into_boxed_slice()),
        }
    }
}

/// A range of addresses that are in one place, in 8 bytes, of which a cache line has eight.
#[derive(Clone, Copy, Debug)]
struct Range {
    /// The last 16 bits of its first address.
    start: u16,
    /// Of the place all but the system: 2 bits of side, 3 of confidence, 10 of country.
    bits: u16,
    asn: u32,
}

impl Range {
    fn new(start: u16, place: Place) -> Self {
        let (side, confidence) = (place.side as u16, place.confidence as u16);
        Self {
            start,
            bits: side | confidence << 2 | place.country.bits() << 5,
            asn: place.asn,
        }
    }

    fn place(self) -> Place {
        Place {
            side: SIDES[usize::from(self.bits & 3)],
            country: Country::from_bits(self.bits >> 5),
            asn: self.asn,
            confidence: CONFIDENCES[usize::from(self.bits >> 2 & 7)],
        }
    }
}

/// The first and the last 16 bits of an address.
const fn halves(address: Ipv4Addr) -> (usize, u16) {
    let bits = address.to_bits();
    ((bits >> (u32::BITS - BLOCK_BITS)) as usize, bits as u16)
}

/// Bits of an address that name its block.
pub(super) const BLOCK_BITS: u32 = 16;

/// Ranges of a block for which there is room before it is known how many there are.
const RANGES_EXPECTED: usize = 16;

/// By their discriminants.
const SIDES: [Side; 4] = [Side::Home, Side::Domestic, Side::Foreign, Side::Local];

/// By their discriminants; the rest makes their number a power of two.
const CONFIDENCES: [Confidence; 8] = [
    Confidence::Confirmed,
    Confidence::Plausible,
    Confidence::Disputed,
    Confidence::Refuted,
    Confidence::Unknown,
    Confidence::Unknown,
    Confidence::Unknown,
    Confidence::Unknown,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_keeps_its_place() {
        assert_eq!((size_of::<Range>(), size_of::<Block>()), (8, 32));
        for side in SIDES {
            for confidence in CONFIDENCES {
                for code in ["AA", "ZZ", "AZ", "ZA", "SG"] {
                    let place = Place {
                        side,
                        country: Country::from_code(code).unwrap(),
                        asn: u32::MAX - 7,
                        confidence,
                    };
                    assert_eq!(Range::new(7, place).place(), place);
                }
            }
        }
    }

    #[test]
    fn a_block_is_laid_out_once_and_only_when_asked_for() {
        let of = |asn| Place {
            asn,
            ..Place::LOCAL
        };
        let ask = |low: u32| Ipv4Addr::from_bits(0x0909_0000 + low);
        let ranges = [(0, 1), (5, 2), (6, 2), (0xffff, 3), (0xffff, 3)];
        for (count, touched) in [(1, 1), (3, 2), (5, 2)] {
            let places = Ipv4Places::new();
            let fill = |first, into: &mut Ranges| {
                assert_eq!(first, 0x0909_0000);
                for (low, asn) in &ranges[..count] {
                    into.push(first + low, of(*asn));
                }
            };
            assert_eq!(places.touch(ask(0)), 0);
            assert_eq!(places.place(ask(4), fill), of(1));
            assert_eq!(places.touch(ask(0)), touched, "the middle one");
            for low in [0, 4, 5, 6, 0xfffe, 0xffff] {
                let holds = ranges[..count].iter().rfind(|(start, _)| *start <= low);
                let place = places.place(ask(low), |_, _| panic!("laid out twice"));
                assert_eq!(Some(place), holds.map(|(_, asn)| of(*asn)), "{count} {low}");
            }
        }
        // A block that nobody filled answers too.
        assert_eq!(Ipv4Places::new().place(ask(1), |_, _| {}), Place::LOCAL);
    }
}
