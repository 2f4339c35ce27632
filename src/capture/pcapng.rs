//! The block format: sections, interfaces, packets (draft-ietf-opsawg-pcapng).

use super::LinkType;
use super::record::{
    FRAME_BYTES_MAX, Parsed, Plausible, RECORD_BYTES_MAX, Record, half_word, word,
};
use crate::time::{NANOS_PER_SECOND, Timestamp};

/// What the blocks so far say of those that follow.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    has_section: bool,
    is_big_endian: bool,
    /// Set in a section of a version that is not known, until the next section begins.
    skips_section: bool,
    interfaces: Vec<Interface>,
    /// Time of the packet before, which stands for that of a packet without a time.
    latest: Timestamp,
}

/// What an interface description says.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: LinkType,
    snap_length: u32,
    resolution: Resolution,
    /// Added to every time.
    offset_seconds: i64,
}

/// What a time of an interface counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many of them are a nanosecond.
    PerNano(u128),
    /// Two to the power of so many of them are a second.
    BinaryFraction(u32),
}

impl Pcapng {
    /// Whether the first four bytes of a file are of this format.
    pub(super) fn has_magic(bytes: &[u8]) -> bool {
        bytes.starts_with(&SECTION)
    }

    /// Whether a section header was read, before which nothing is.
    pub(super) const fn has_section(&self) -> bool {
        self.has_section
    }

    /// Link types of the section's interfaces so far.
    pub(super) fn link_types(&self) -> impl Iterator<Item = LinkType> {
        self.interfaces.iter().map(|it| it.link_type)
    }

    /// The packet in the whole and sound enhanced packet block at the start of `bytes`, if
    /// there is one: the short way to nearly every record.
    #[inline(always)]
    pub(super) fn usual_record(&mut self, bytes: &[u8]) -> Option<Record> {
        let header: &[u8; PACKET_BYTES_MIN] = bytes.first_chunk()?;
        if self.skips_section || self.word(header, 0) != ENHANCED_PACKET {
            return None;
        }
        let block_bytes = self.word(header, 4) as usize;
        if !block_bytes.is_multiple_of(4) || block_bytes > RECORD_BYTES_MAX {
            return None;
        }
        let block = bytes.get(..block_bytes)?;
        if self.word(block.last_chunk::<4>()?, 0) as usize != block_bytes {
            return None;
        }
        let described = self.interfaces.get(self.word(header, 8) as usize)?;
        let record = self.record(block, described)?;
        self.latest = record.timestamp;
        Some(record)
    }

    /// What stands at the start of `bytes`.
    pub(super) fn parse(&mut self, bytes: &[u8]) -> Parsed {
        if bytes.len() < BLOCK_BYTES_MIN {
            return Parsed::Short(BLOCK_BYTES_MIN);
        }
        if bytes.starts_with(&SECTION) {
            return self.section(bytes);
        }
        let block = match block(bytes, self.is_big_endian) {
            Ok(block) => block,
            Err(parsed) => return parsed,
        };
        let parsed = match self.word(block, 0) {
            _ if self.skips_section => Ok(Parsed::Skip(block.len())),
            INTERFACE => self.interface(block),
            PACKET => self.packet(block, half_word(block, 8, self.is_big_endian).into()),
            ENHANCED_PACKET => self.packet(block, self.word(block, 8)),
            SIMPLE_PACKET => self.simple_packet(block),
            _ => Ok(Parsed::Skip(block.len())),
        };
        parsed.unwrap_or_else(|message| Parsed::Unusable {
            bytes: block.len(),
            message,
        })
    }

    /// Whether a block seems to start at the start of `bytes`, behind which more bytes come
    /// unless `is_end`: one of a kind that is known and whose two lengths are the same.
    pub(super) fn plausible(&self, bytes: &[u8], is_end: bool) -> Plausible {
        let short = |needed| match is_end {
            true => Plausible::No,
            false => Plausible::Short(needed),
        };
        if bytes.len() < BLOCK_BYTES_MIN {
            return short(BLOCK_BYTES_MIN);
        }
        let (is_big_endian, shortest) = if bytes.starts_with(&SECTION) {
            match byte_order(bytes) {
                Some(is_big_endian) => (is_big_endian, SECTION_BYTES_MIN),
                None => return Plausible::No,
            }
        } else {
            match self.word(bytes, 0) {
                INTERFACE => (self.is_big_endian, INTERFACE_BYTES_MIN),
                PACKET | ENHANCED_PACKET => (self.is_big_endian, PACKET_BYTES_MIN),
                SIMPLE_PACKET => (self.is_big_endian, SIMPLE_PACKET_BYTES_MIN),
                _ => return Plausible::No,
            }
        };
        let length = word(bytes, 4, is_big_endian);
        if !(shortest as u32..=SEARCHED_BLOCK_BYTES_MAX).contains(&length) {
            return Plausible::No;
        }
        match block(bytes, is_big_endian) {
            Ok(_) => Plausible::Yes,
            Err(Parsed::Short(needed)) => short(needed),
            Err(_) => Plausible::No,
        }
    }

    fn section(&mut self, bytes: &[u8]) -> Parsed {
        let Some(is_big_endian) = byte_order(bytes) else {
            return Parsed::Broken("its byte-order magic is none".to_owned());
        };
        let block = match block(bytes, is_big_endian) {
            Ok(block) if block.len() < SECTION_BYTES_MIN => {
                return Parsed::Broken("its section header is too short".to_owned());
            }
            Ok(block) => block,
            Err(parsed) => return parsed,
        };
        let half = |offset| half_word(block, offset, is_big_endian);
        let version = (half(12), half(14));
        let is_known = matches!(version, (1, 0 | 2));
        let (major, minor) = version;
        let message = format!("the section's version, {major}.{minor}, is unknown");
        if !is_known && !self.has_section {
            return Parsed::Broken(message);
        }
        self.has_section = true;
        self.skips_section = !is_known;
        self.is_big_endian = is_big_endian;
        self.interfaces.clear();
        let bytes = block.len();
        if is_known {
            Parsed::Skip(bytes)
        } else {
            Parsed::Unusable { bytes, message }
        }
    }

    fn interface(&mut self, block: &[u8]) -> Result<Parsed, String> {
        if block.len() < INTERFACE_BYTES_MIN {
            return Err("the interface description is too short".to_owned());
        }
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(format!(
                "the section has more than {INTERFACES_MAX} interfaces"
            ));
        }
        let mut interface = Interface {
            link_type: LinkType(half_word(block, 8, self.is_big_endian).into()),
            snap_length: self.word(block, 12),
            resolution: Resolution::MICROS,
            offset_seconds: 0,
        };
        let options = block.get(16..block.len() - 4).unwrap_or_default();
        let read = interface.read_options(options, self.is_big_endian);
        // It counts in any case, so that those behind it keep their numbers.
        self.interfaces.push(interface);
        read.map(|()| Parsed::Skip(block.len()))
    }

    /// An enhanced packet, or the older block of the same layout.
    fn packet(&mut self, block: &[u8], interface: u32) -> Result<Parsed, String> {
        if block.len() < PACKET_BYTES_MIN {
            return Err("the packet block is too short".to_owned());
        }
        let described = self.interfaces.get(interface as usize);
        let Some(described) = described else {
            return Err(format!("its interface, {interface}, is not described"));
        };
        let Some(record) = self.record(block, described) else {
            let captured = self.word(block, 20);
            return Err(format!(
                "its captured length of {captured} bytes is more than its block holds"
            ));
        };
        self.latest = record.timestamp;
        Ok(Parsed::Record(record))
    }

    /// What a whole packet block holds, unless it claims to hold more.
    #[inline(always)]
    fn record(&self, block: &[u8], described: &Interface) -> Option<Record> {
        let (header, rest) = block.split_first_chunk::<PACKET_BYTES_MIN>()?;
        let captured = self.word(header, 20);
        let data_bytes = captured as usize;
        if data_bytes > rest.len() {
            return None;
        }
        let ticks = u64::from(self.word(header, 12)) << 32 | u64::from(self.word(header, 16));
        Some(Record {
            timestamp: described.timestamp(ticks),
            original_length: self.word(header, 24).max(captured),
            link_type: described.link_type,
            data_start: PACKET_BYTES_MIN - 4,
            data_bytes,
            record_bytes: block.len(),
        })
    }

    /// A packet of the first interface with nothing but its length: it is taken to have been
    /// captured when the one before it was.
    fn simple_packet(&self, block: &[u8]) -> Result<Parsed, String> {
        if block.len() < SIMPLE_PACKET_BYTES_MIN {
            return Err("the simple packet block is too short".to_owned());
        }
        let Some(described) = self.interfaces.first() else {
            return Err("its interface, 0, is not described".to_owned());
        };
        let original_length = self.word(block, 8);
        let snap_length = match described.snap_length {
            0 => u32::MAX,
            snap_length => snap_length,
        };
        let held = block.len() - SIMPLE_PACKET_BYTES_MIN;
        Ok(Parsed::Record(Record {
            timestamp: self.latest,
            original_length,
            link_type: described.link_type,
            data_start: SIMPLE_PACKET_BYTES_MIN - 4,
            data_bytes: held.min(original_length.min(snap_length) as usize),
            record_bytes: block.len(),
        }))
    }

    #[inline]
    fn word(&self, block: &[u8], offset: usize) -> u32 {
        word(block, offset, self.is_big_endian)
    }
}

impl Interface {
    fn read_options(&mut self, mut options: &[u8], is_big_endian: bool) -> Result<(), String> {
        while options.len() >= OPTION_HEADER_BYTES {
            let code = half_word(options, 0, is_big_endian);
            let length = usize::from(half_word(options, 2, is_big_endian));
            let value = options.get(OPTION_HEADER_BYTES..).unwrap_or_default();
            let Some(value) = value.get(..length) else {
                return Err("an option of the interface is longer than its block".to_owned());
            };
            match (code, value) {
                (OPTION_END, _) => break,
                (OPTION_RESOLUTION, [exponent]) => self.resolution = Resolution::of(*exponent),
                (OPTION_TIME_OFFSET, [_, _, _, _, _, _, _, _]) => {
                    let halves = [0, 4].map(|at| u64::from(word(value, at, is_big_endian)));
                    let [high, low] = if is_big_endian {
                        halves
                    } else {
                        [halves[1], halves[0]]
                    };
                    self.offset_seconds = (high << 32 | low).cast_signed();
                }
                (OPTION_RESOLUTION | OPTION_TIME_OFFSET, _) => {
                    return Err("a time option of the interface has a wrong length".to_owned());
                }
                _ => {}
            }
            let padded = OPTION_HEADER_BYTES + length.next_multiple_of(4);
            options = options.get(padded..).unwrap_or_default();
        }
        Ok(())
    }

    #[inline]
    fn timestamp(&self, ticks: u64) -> Timestamp {
        let nanos = self.resolution.nanos(ticks);
        if self.offset_seconds == 0 {
            return Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        }
        let offset = i128::from(self.offset_seconds) * i128::from(NANOS_PER_SECOND);
        let nanos = nanos.cast_signed() + offset;
        let nanos = nanos.clamp(0, i128::from(u64::MAX)).cast_unsigned();
        Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Resolution {
    const MICROS: Self = Self::Nanos(1_000);

    /// Reads the option: a negative power of ten, or of two where the highest bit is set.
    fn of(exponent: u8) -> Self {
        match exponent {
            0..=9 => Self::Nanos(10u64.pow(u32::from(9 - exponent))),
            10..=0x7f => Self::PerNano(
                10u128
                    .checked_pow(u32::from(exponent - 9))
                    .unwrap_or(u128::MAX),
            ),
            _ => Self::BinaryFraction(u32::from(exponent & 0x7f)),
        }
    }

    #[inline]
    fn nanos(self, ticks: u64) -> u128 {
        match self {
            Self::Nanos(nanos) => u128::from(ticks) * u128::from(nanos),
            Self::PerNano(ticks_per_nano) => u128::from(ticks) / ticks_per_nano,
            Self::BinaryFraction(bits) => {
                let scaled = u128::from(ticks) * u128::from(NANOS_PER_SECOND);
                scaled.checked_shr(bits).unwrap_or(0)
            }
        }
    }
}

/// The block at the start of at least [`BLOCK_BYTES_MIN`] bytes, its two lengths compared.
fn block(bytes: &[u8], is_big_endian: bool) -> Result<&[u8], Parsed> {
    let length = word(bytes, 4, is_big_endian);
    let block_bytes = length as usize;
    if !(BLOCK_BYTES_MIN..=RECORD_BYTES_MAX).contains(&block_bytes)
        || !block_bytes.is_multiple_of(4)
    {
        return Err(Parsed::Broken(format!(
            "its block cannot be {length} bytes long"
        )));
    }
    let Some(block) = bytes.get(..block_bytes) else {
        return Err(Parsed::Short(block_bytes));
    };
    let behind = word(block, block_bytes - 4, is_big_endian);
    if behind != length {
        return Err(Parsed::Broken(format!(
            "its block is {length} bytes long by its start and {behind} by its end"
        )));
    }
    Ok(block)
}

/// Whether a section header is of the big-endian kind; nothing if it is of none.
fn byte_order(bytes: &[u8]) -> Option<bool> {
    [false, true]
        .into_iter()
        .find(|is_big_endian| word(bytes, 8, *is_big_endian) == BYTE_ORDER_MAGIC)
}

/// Type of a section header, which reads the same in both byte orders.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Types of the other blocks that are read.
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Lengths of the blocks without what may stand at their ends.
const BLOCK_BYTES_MIN: usize = 12;
const SECTION_BYTES_MIN: usize = 28;
const INTERFACE_BYTES_MIN: usize = 20;
const SIMPLE_PACKET_BYTES_MIN: usize = 16;
const PACKET_BYTES_MIN: usize = 32;

/// Options of an interface description.
const OPTION_HEADER_BYTES: usize = 4;
const OPTION_END: u16 = 0;
const OPTION_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;

/// Interfaces of a section that are remembered.
const INTERFACES_MAX: usize = 65_536;

/// Length of the longest block that is believed where blocks are searched for: the largest
/// frame, and as much again for options.
const SEARCHED_BLOCK_BYTES_MAX: u32 = 2 * FRAME_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &length].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A reader behind a section header.
    fn section() -> Pcapng {
        let mut pcapng = Pcapng::default();
        let body = words(&[BYTE_ORDER_MAGIC, 1, u32::MAX, u32::MAX]);
        let parsed = pcapng.parse(&block(u32::from_le_bytes(SECTION), &body));
        assert_eq!(parsed, Parsed::Skip(28));
        pcapng
    }

    fn complaint(parsed: Parsed) -> String {
        match parsed {
            Parsed::Unusable { message, .. } | Parsed::Broken(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn resolutions() {
        let nanos = |exponent, ticks| Resolution::of(exponent).nanos(ticks);
        assert_eq!(nanos(0, 3), 3_000_000_000);
        assert_eq!(nanos(6, 3), 3_000);
        assert_eq!(nanos(9, 3), 3);
        assert_eq!(nanos(12, 3_999), 3);
        assert_eq!((nanos(29, u64::MAX), nanos(0x7f, u64::MAX)), (0, 0));
        assert_eq!(nanos(0x80, 3), 3_000_000_000);
        assert_eq!(nanos(0x80 | 10, 1_536), 1_500_000_000);
        assert_eq!(nanos(0xff, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_times_and_stop_at_the_ends() {
        let interface = |offset_seconds| Interface {
            link_type: LinkType::ETHERNET,
            snap_length: 0,
            resolution: Resolution::MICROS,
            offset_seconds,
        };
        let nanos = |offset, ticks| interface(offset).timestamp(ticks).as_nanos();
        assert_eq!(nanos(0, 5), 5_000);
        assert_eq!(nanos(2, 5), 2_000_005_000);
        assert_eq!((nanos(-1, 5), nanos(i64::MIN, u64::MAX)), (0, 0));
        assert_eq!(
            (nanos(i64::MAX, 5), nanos(0, u64::MAX)),
            (u64::MAX, u64::MAX)
        );
    }

    #[test]
    fn a_bad_option_costs_no_number() {
        let mut pcapng = section();
        let bad = [words(&[1, 0]), [9, 0, 40, 0].to_vec()].concat();
        let message = complaint(pcapng.parse(&block(INTERFACE, &bad)));
        assert!(message.contains("longer than its block"), "{message}");
        let bad = [words(&[1, 0]), [9, 0, 2, 0, 6, 6, 0, 0].to_vec()].concat();
        let message = complaint(pcapng.parse(&block(INTERFACE, &bad)));
        assert!(message.contains("wrong length"), "{message}");
        assert_eq!(pcapng.link_types().count(), 2);
    }

    #[test]
    fn a_section_of_an_unknown_version_is_passed_over() {
        let mut pcapng = section();
        assert_eq!(
            pcapng.parse(&block(INTERFACE, &words(&[1, 0]))),
            Parsed::Skip(20)
        );
        let magic = u32::from_le_bytes(SECTION);
        let body = words(&[BYTE_ORDER_MAGIC, 2, u32::MAX, u32::MAX]);
        let message = complaint(pcapng.parse(&block(magic, &body)));
        assert_eq!(message, "the section's version, 2.0, is unknown");
        let packet = block(ENHANCED_PACKET, &words(&[0, 0, 0, 0, 0]));
        assert_eq!(pcapng.parse(&packet), Parsed::Skip(32));
        let message = complaint(Pcapng::default().parse(&block(magic, &body)));
        assert!(message.contains("2.0"), "{message}");
    }

    #[test]
    fn lengths_of_blocks() {
        let mut pcapng = section();
        let head = |length: u32| [words(&[4, length]), vec![0; 40]].concat();
        for length in [0, 8, 13, (16 << 20) + 4, u32::MAX] {
            let message = complaint(pcapng.parse(&head(length)));
            assert!(
                message.contains(&format!("{length} bytes long")),
                "{message}"
            );
        }
        assert_eq!(pcapng.parse(&head(16 << 20)), Parsed::Short(16 << 20));
        let message = complaint(pcapng.parse(&head(16)));
        assert!(
            message.contains("16 bytes long by its start and 0"),
            "{message}"
        );
        assert_eq!(pcapng.parse(&head(16)[..11]), Parsed::Short(12));
    }
}
