//! The classic format: a header of 24 bytes and records (draft-ietf-opsawg-pcap).
//!
//! Besides the usual form there are times in nanoseconds, the modified format of
//! Kuznetzov's tcpdump with 8 bytes more in each record header, and files of versions
//! before 2.4, whose two lengths stand in the other order.

use super::LinkType;
use super::record::{
    FRAME_BYTES_MAX, Parsed, Plausible, RECORD_BYTES_MAX, Record, half_word, word,
};
use crate::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// What the header of a file says of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    is_big_endian: bool,
    /// Nanoseconds that the fraction of a time counts.
    fraction_nanos: u32,
    record_header_bytes: usize,
    lengths: Lengths,
    captured_bytes_max: u32,
    link_type: LinkType,
}

/// Which of the two lengths comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// Before version 2.3, and in DG/UX's 543.0.
    OriginalFirst,
    /// In version 2.3 some wrote one order and some the other; the captured one is smaller.
    SmallerIsCaptured,
}

/// The two lengths of a record header and its time.
struct Head {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Pcap {
    /// Whether the first four bytes of a file are of this format.
    pub(super) fn has_magic(bytes: &[u8]) -> bool {
        Magic::of(bytes).is_some()
    }

    /// Reads the header of a file, [`FILE_HEADER_BYTES`] long.
    ///
    /// # Errors
    ///
    /// The version, if it is none that is known.
    pub(super) fn new(header: &[u8]) -> Result<Self, String> {
        let Some(magic) = Magic::of(header) else {
            return Err("its first bytes are not of this format".to_owned());
        };
        let half = |offset| half_word(header, offset, magic.is_big_endian);
        let lengths = match (half(4), half(6)) {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, 4) => Lengths::CapturedFirst,
            (major, minor) => return Err(format!("its version, {major}.{minor}, is unknown")),
        };
        let snap_length = word(header, 16, magic.is_big_endian);
        let bound = u32::try_from(RECORD_BYTES_MAX).unwrap_or(u32::MAX);
        // The upper half tells of a frame check sequence behind each frame.
        let link_type = word(header, 20, magic.is_big_endian) & 0xffff;
        Ok(Self {
            is_big_endian: magic.is_big_endian,
            fraction_nanos: magic.fraction_nanos,
            record_header_bytes: magic.record_header_bytes,
            lengths,
            captured_bytes_max: snap_length.clamp(FRAME_BYTES_MAX, bound),
            link_type: LinkType(link_type.cast_signed()),
        })
    }

    /// What the first byte of every frame belongs to.
    pub(super) const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Whether [`Self::usual_record`] may be asked.
    pub(super) const fn is_usual(&self) -> bool {
        matches!(self.lengths, Lengths::CapturedFirst)
            && self.record_header_bytes == RECORD_HEADER_BYTES
    }

    /// The whole and sound record at the start of `bytes` of a usual file, if there is one:
    /// the short way to nearly every record.
    #[inline]
    pub(super) fn usual_record(&self, bytes: &[u8]) -> Option<Record> {
        match self.is_big_endian {
            true => self.usual_record_of::<true>(bytes),
            false => self.usual_record_of::<false>(bytes),
        }
    }

    /// As [`Self::usual_record`], for a file of one byte order.
    #[inline(always)]
    pub(super) fn usual_record_of<const IS_BIG_ENDIAN: bool>(
        &self,
        bytes: &[u8],
    ) -> Option<Record> {
        let (header, rest) = bytes.split_first_chunk::<RECORD_HEADER_BYTES>()?;
        let field = |offset| word(header, offset, IS_BIG_ENDIAN);
        let captured = field(8);
        if captured > self.captured_bytes_max || captured as usize > rest.len() {
            return None;
        }
        Some(Record {
            timestamp: self.timestamp(field(0), field(4)),
            original_length: field(12).max(captured),
            link_type: self.link_type,
            data_start: RECORD_HEADER_BYTES,
            data_bytes: captured as usize,
            record_bytes: RECORD_HEADER_BYTES.wrapping_add(captured as usize),
        })
    }

    /// Whether the numbers of its headers stand in network byte order.
    pub(super) const fn is_big_endian(&self) -> bool {
        self.is_big_endian
    }

    /// What stands at the start of `bytes`.
    pub(super) fn parse(&self, bytes: &[u8]) -> Parsed {
        let Some(head) = self.head(bytes) else {
            return Parsed::Short(self.record_header_bytes);
        };
        if head.captured > self.captured_bytes_max {
            return Parsed::Broken(format!(
                "its captured length of {} bytes is beyond {}",
                head.captured, self.captured_bytes_max
            ));
        }
        let record_bytes = self.record_header_bytes + head.captured as usize;
        if bytes.len() < record_bytes {
            return Parsed::Short(record_bytes);
        }
        Parsed::Record(Record {
            timestamp: self.timestamp(head.seconds, head.fraction),
            original_length: head.original.max(head.captured),
            link_type: self.link_type,
            data_start: self.record_header_bytes,
            data_bytes: head.captured as usize,
            record_bytes,
        })
    }

    /// Whether a chain of records seems to start at the start of `bytes`, behind which more
    /// bytes come unless `is_end`. Short chains are believed only if they end where the
    /// input does: a record header has few bits that are always the same.
    pub(super) fn plausible(&self, bytes: &[u8], is_end: bool) -> Plausible {
        let (mut at, mut before) = (0usize, None);
        for records in 0..CHAIN_RECORDS {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(head) = self.head(rest) else {
                return match is_end {
                    false => Plausible::Short(at + self.record_header_bytes),
                    true if rest.is_empty() && records > 0 => Plausible::Yes,
                    true => believed_if(records >= CUT_CHAIN_RECORDS),
                };
            };
            if !self.is_plausible(&head, before) {
                return Plausible::No;
            }
            let record_bytes = self.record_header_bytes + head.captured as usize;
            if is_end && rest.len() < record_bytes {
                return believed_if(records >= CUT_CHAIN_RECORDS);
            }
            at += record_bytes;
            before = Some(head.seconds);
        }
        Plausible::Yes
    }

    fn is_plausible(&self, head: &Head, seconds_before: Option<u32>) -> bool {
        let fraction_max = NANOS_PER_SECOND / u64::from(self.fraction_nanos);
        let near = seconds_before
            .is_none_or(|before| u64::from(before.abs_diff(head.seconds)) <= SECONDS_PER_DAY);
        u64::from(head.fraction) < fraction_max
            && (1..=FRAME_BYTES_MAX).contains(&head.captured)
            && (head.captured..=FRAME_BYTES_MAX).contains(&head.original)
            && near
    }

    fn head(&self, bytes: &[u8]) -> Option<Head> {
        let header = bytes.get(..self.record_header_bytes)?;
        let field = |offset| word(header, offset, self.is_big_endian);
        let (first, second) = (field(8), field(12));
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        Some(Head {
            seconds: field(0),
            fraction: field(4),
            captured,
            original,
        })
    }

    /// The seconds are 32 bits without a sign, which lasts until 2106. A fraction of more
    /// than a second is added as it is.
    #[inline]
    fn timestamp(&self, seconds: u32, fraction: u32) -> Timestamp {
        // 32 bits of seconds are fewer than 2^62 nanoseconds, and 32 bits of a fraction of at
        // most 1,000 nanoseconds fewer than 2^42: nothing wraps.
        let nanos = u64::from(seconds).wrapping_mul(NANOS_PER_SECOND);
        let fraction = u64::from(fraction).wrapping_mul(self.fraction_nanos.into());
        Timestamp::from_nanos(nanos.wrapping_add(fraction))
    }
}

/// What the first four bytes of a file tell.
struct Magic {
    is_big_endian: bool,
    fraction_nanos: u32,
    record_header_bytes: usize,
}

impl Magic {
    fn of(bytes: &[u8]) -> Option<Self> {
        [false, true].into_iter().find_map(|is_big_endian| {
            let (fraction_nanos, record_header_bytes) = match word(bytes, 0, is_big_endian) {
                0xa1b2_c3d4 => (1_000, RECORD_HEADER_BYTES),
                0xa1b2_3c4d => (1, RECORD_HEADER_BYTES),
                0xa1b2_cd34 => (1_000, MODIFIED_HEADER_BYTES),
                _ => return None,
            };
            Some(Self {
                is_big_endian,
                fraction_nanos,
                record_header_bytes,
            })
        })
    }
}

const fn believed_if(is_believed: bool) -> Plausible {
    if is_believed {
        Plausible::Yes
    } else {
        Plausible::No
    }
}

/// Length of the header of a file.
pub(super) const FILE_HEADER_BYTES: usize = 24;

/// Length of a usual record header.
const RECORD_HEADER_BYTES: usize = 16;

/// Length of a record header of the modified format: an interface index, a protocol and a
/// packet type stand behind the lengths.
const MODIFIED_HEADER_BYTES: usize = 24;

/// Record headers in a row that must be plausible before they are believed.
const CHAIN_RECORDS: usize = 8;

/// Whole records that are enough where the input ends within the next.
const CUT_CHAIN_RECORDS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: u32, version: (u16, u16), snap_length: u32, link_type: u32) -> Vec<u8> {
        let mut bytes = magic.to_le_bytes().to_vec();
        bytes.extend(version.0.to_le_bytes());
        bytes.extend(version.1.to_le_bytes());
        for word in [0, 0, snap_length, link_type] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }

    fn record(words: [u32; 4], data_bytes: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.resize(RECORD_HEADER_BYTES + data_bytes, 7);
        bytes
    }

    fn lengths(parsed: &Parsed) -> Option<(usize, u32)> {
        match parsed {
            Parsed::Record(record) => Some((record.data_bytes, record.original_length)),
            _ => None,
        }
    }

    #[test]
    fn versions_decide_the_order_of_the_lengths() {
        let read = |version, first, second| {
            let pcap = Pcap::new(&header(0xa1b2_c3d4, version, 65_535, 1)).unwrap();
            lengths(&pcap.parse(&record([1, 2, first, second], 60)))
        };
        assert_eq!(read((2, 4), 60, 90), Some((60, 90)));
        assert_eq!(
            read((2, 4), 60, 50),
            Some((60, 60)),
            "the original length is raised"
        );
        assert_eq!(read((2, 3), 60, 90), Some((60, 90)));
        assert_eq!(read((2, 3), 90, 60), Some((60, 90)));
        assert_eq!(read((2, 2), 90, 60), Some((60, 90)));
        assert_eq!(read((543, 0), 90, 60), Some((60, 90)));
        for version in [(1, 0), (2, 5), (3, 4), (543, 1), (0, 0)] {
            let error = Pcap::new(&header(0xa1b2_c3d4, version, 65_535, 1)).unwrap_err();
            assert!(
                error.contains(&format!("{}.{}", version.0, version.1)),
                "{error}"
            );
        }
    }

    #[test]
    fn more_than_the_snap_length_is_believed_up_to_a_bound() {
        let bound = |snap_length| {
            let pcap = Pcap::new(&header(0xa1b2_c3d4, (2, 4), snap_length, 1)).unwrap();
            pcap.captured_bytes_max
        };
        assert_eq!((bound(0), bound(96)), (262_144, 262_144));
        assert_eq!((bound(1 << 20), bound(u32::MAX)), (1 << 20, 16 << 20));
        let pcap = Pcap::new(&header(0xa1b2_c3d4, (2, 4), 96, 1)).unwrap();
        assert_eq!(
            lengths(&pcap.parse(&record([1, 2, 97, 97], 97))),
            Some((97, 97))
        );
        let parsed = pcap.parse(&record([1, 2, 262_145, 262_145], 0));
        assert!(matches!(parsed, Parsed::Broken(_)), "{parsed:?}");
        assert_eq!(
            pcap.usual_record(&record([1, 2, 262_145, 0], 262_145)),
            None
        );
    }

    #[test]
    fn the_short_way_is_the_long_way() {
        let pcap = Pcap::new(&header(0xa1b2_c3d4, (2, 4), 96, 0x1400_0001)).unwrap();
        assert!(pcap.is_usual() && pcap.link_type() == LinkType::ETHERNET);
        let bytes = record([u32::MAX, u32::MAX, 60, 90], 60);
        for cut in 0..bytes.len() {
            assert_eq!(pcap.usual_record(&bytes[..cut]), None);
            let needed = if cut < 16 { 16 } else { bytes.len() };
            assert_eq!(pcap.parse(&bytes[..cut]), Parsed::Short(needed));
        }
        let usual = pcap.usual_record(&bytes).unwrap();
        assert_eq!(pcap.parse(&bytes), Parsed::Record(usual));
        let most = u64::from(u32::MAX);
        assert_eq!(
            usual.timestamp.as_nanos(),
            most * 1_000_000_000 + most * 1_000
        );
        for unusual in [
            header(0xa1b2_cd34, (2, 4), 0, 1),
            header(0xa1b2_c3d4, (2, 3), 0, 1),
        ] {
            assert!(!Pcap::new(&unusual).unwrap().is_usual());
        }
    }

    #[test]
    fn a_chain_is_believed_when_it_is_long_or_ends_with_the_input() {
        let pcap = Pcap::new(&header(0xa1b2_c3d4, (2, 4), 96, 1)).unwrap();
        let chain = |count| record([1, 2, 4, 4], 4).repeat(count);
        assert_eq!(pcap.plausible(&chain(CHAIN_RECORDS), false), Plausible::Yes);
        assert_eq!(
            pcap.plausible(&chain(2), false),
            Plausible::Short(2 * 20 + 16)
        );
        assert_eq!(pcap.plausible(&chain(1), true), Plausible::Yes);
        let cut = |count: usize| pcap.plausible(&chain(count)[..count * 20 - 1], true);
        assert_eq!((cut(2), cut(3)), (Plausible::No, Plausible::Yes));
        assert_eq!(pcap.plausible(&[], true), Plausible::No);
        let breaks = [
            [1, 1_000_000, 4, 4],
            [1, 2, 0, 4],
            [1, 2, 4, 3],
            [1, 2, 262_145, 262_145],
            [1, 2, 4, 262_145],
            [100_000, 2, 4, 4],
        ];
        for words in breaks {
            let bytes = [chain(7), record(words, 4)].concat();
            assert_eq!(pcap.plausible(&bytes, false), Plausible::No, "{words:?}");
        }
    }
}
