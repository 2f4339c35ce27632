//! The frames that stand ready in a source's memory.

use std::ops::Range;

use super::{FileSource, Format};
use crate::capture::record::Record;
use crate::capture::{Lender, Taker};
use crate::time::Timestamp;

impl Lender for FileSource {
    #[inline]
    fn lend_ready(
        &mut self,
        frames_max: usize,
        times: &Range<Timestamp>,
        taker: &mut impl Taker,
    ) -> usize {
        if !self.is_usual {
            return 0;
        }
        let row = Row {
            bytes: self.input.bytes(),
            frames_max,
            times,
        };
        let (frames, bytes) = match &mut self.format {
            Format::Unknown => return 0,
            Format::Pcap(pcap) if pcap.is_big_endian() => {
                row.lend(taker, |bytes| pcap.usual_record_of::<true>(bytes))
            }
            Format::Pcap(pcap) => row.lend(taker, |bytes| pcap.usual_record_of::<false>(bytes)),
            Format::Pcapng(pcapng) => row.lend(taker, |bytes| pcapng.usual_record(bytes)),
        };
        self.input.consume(bytes);
        self.frames_read += frames as u64;
        frames
    }
}

/// Records one after the other, and how many of them are asked for.
struct Row<'a> {
    bytes: &'a [u8],
    frames_max: usize,
    times: &'a Range<Timestamp>,
}

impl Row<'_> {
    /// Lends the frames of the records that `read` finds at the start of bytes. Returns how
    /// many frames and bytes that were.
    #[inline(always)]
    fn lend(
        &self,
        taker: &mut impl Taker,
        mut read: impl FnMut(&[u8]) -> Option<Record>,
    ) -> (usize, usize) {
        let (mut rest, mut frames) = (self.bytes, 0);
        while frames < self.frames_max
            && let Some(record) = read(rest)
            && self.times.contains(&record.timestamp)
            && let Some((bytes, behind)) = rest.split_at_checked(record.record_bytes)
        {
            taker.take(&record.frame(bytes));
            rest = behind;
            frames += 1;
        }
        (frames, self.bytes.len() - rest.len())
    }
}
