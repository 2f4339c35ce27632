//! Genomes: reads, alignments and variants.
//!
//! VCF (specification 4.5): the columns behind the ninth of its `#CHROM` line are samples. SAM and
//! BAM (SAM specification 1.6): a read group `@RG` names its sample in `SM`. FASTQ: four lines, of
//! which the second has bases and the fourth as many characters. BAM, BCF and CRAM by their first
//! bytes. By chance: fixed strings of four bytes and more together with what follows them, less
//! than 1 in 2^38 bytes for BAM, which is the weakest.
//!
//! Blind spots: FASTQ whose lines end in CR LF or whose bases are broken into lines, samples of a
//! header that was not seen, FASTA, and 2bit.

use super::found::{Format, Kind};
use super::records::Progress;
use super::sight::{Sight, View};

/// The line of a VCF that names its columns.
#[derive(Default)]
pub(super) struct Columns {
    column: u32,
    name: Vec<u8>,
}

impl Columns {
    /// Takes the next bytes, up to the end of the line.
    pub(super) fn feed(&mut self, bytes: &[u8], sight: &mut Sight<'_>) -> Progress {
        for (place, byte) in bytes.iter().enumerate() {
            match byte {
                b'\t' | b'\r' | b'\n' => {
                    self.end(sight);
                    if *byte != b'\t' {
                        return Progress::Done(place + 1);
                    }
                }
                _ if self.column >= FIXED_COLUMNS && self.name.len() < NAME_BYTES_MAX => {
                    self.name.push(*byte);
                }
                _ => {}
            }
        }
        Progress::Going
    }

    /// Counts the column that ends.
    pub(super) fn end(&mut self, sight: &mut Sight<'_>) {
        if self.column >= FIXED_COLUMNS && !self.name.is_empty() {
            sight.found.add(Format::VcfSamples, 1);
            sight.sure(Kind::GenomeSample, &self.name);
        }
        self.column = self.column.saturating_add(1);
        self.name.clear();
    }
}

/// Reads in FASTQ, one after the other.
pub(super) struct Fastq {
    line: Line,
    /// Characters of this line, and of the bases.
    count: u32,
    bases: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Name,
    Bases,
    Plus,
    Quality,
}

impl Fastq {
    /// Reads that begin at the beginning of a stream.
    pub(super) fn at_beginning(view: &View<'_>) -> Option<Self> {
        let [name, bases, ..] = lines(view.from(0, LOOK_BYTES))[..] else {
            return None;
        };
        let is_read = name.first() == Some(&b'@') && are_bases(bases);
        is_read.then_some(Self {
            line: Line::Name,
            count: 0,
            bases: None,
        })
    }

    /// Reads of which one has its third line at the place: a plus alone.
    ///
    /// The task begins behind the plus.
    pub(super) fn at_plus(view: &View<'_>, place: usize) -> Option<Self> {
        let before = view.before(place, LOOK_BACK_BYTES);
        let start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|end| end + 1);
        let line = before.get(start.unwrap_or(0)..).unwrap_or_default();
        let bases = start.and_then(|_| u32::try_from(line.len()).ok());
        are_bases(line).then_some(Self {
            line: Line::Quality,
            count: 0,
            bases,
        })
    }

    /// Takes the next bytes, as long as they are reads.
    pub(super) fn feed(&mut self, bytes: &[u8], sight: &mut Sight<'_>) -> Progress {
        let mut reads = 0;
        let mut progress = Progress::Going;
        for (place, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' {
                if !self.end() {
                    progress = Progress::Done(place);
                    break;
                }
                reads += u64::from(self.line == Line::Name);
            } else if !self.is_right(*byte) {
                progress = Progress::Done(place);
                break;
            } else {
                self.count = self.count.saturating_add(1);
            }
        }
        if reads > 0 {
            sight.found.add(Format::FastqRecords, reads);
        }
        progress
    }

    /// Counts a read whose last line ends with the stream.
    pub(super) fn finish(&self, sight: &mut Sight<'_>) {
        if self.line == Line::Quality && self.bases == Some(self.count) && self.count > 0 {
            sight.found.add(Format::FastqRecords, 1);
        }
    }

    fn is_right(&self, byte: u8) -> bool {
        match self.line {
            Line::Name | Line::Plus if self.count == 0 => {
                byte == if self.line == Line::Name { b'@' } else { b'+' }
            }
            Line::Name | Line::Plus => self.count < NAME_LINE_BYTES_MAX,
            Line::Bases => is_base(byte),
            Line::Quality => (b'!'..=b'~').contains(&byte),
        }
    }

    /// Goes to the next line. False if this one was too short or too long.
    fn end(&mut self) -> bool {
        let is_right = match self.line {
            Line::Name | Line::Bases | Line::Plus => self.count > 0,
            Line::Quality => self.bases.is_none_or(|bases| bases == self.count) && self.count > 0,
        };
        self.line = match self.line {
            Line::Name => Line::Bases,
            Line::Bases => {
                self.bases = Some(self.count);
                Line::Plus
            }
            Line::Plus => Line::Quality,
            Line::Quality => Line::Name,
        };
        self.count = 0;
        is_right
    }
}

/// Judges a read group, whose line begins at the place.
pub(super) fn read_group(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    // In BAM the text begins behind its length.
    if !matches!(view.before(place, 1), [] | [b'\n' | 0]) {
        return;
    }
    let line = lines(view.from(place, GROUP_BYTES))
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut fields = line.split(|byte| *byte == b'\t');
    let Some(sample) = fields.find_map(|field| field.strip_prefix(b"SM:")) else {
        return;
    };
    sight.found.add(Format::ReadGroups, 1);
    sight.sure(
        Kind::GenomeSample,
        sample.get(..NAME_BYTES_MAX).unwrap_or(sample),
    );
}

/// Whether a BAM begins at the place: with a header text of a length that is likely.
pub(super) fn is_bam(view: &View<'_>, place: usize) -> bool {
    matches!(view.from(place, 9), [_, _, _, _, _, _, _, 0, b'@' | 0..=8])
}

/// Whether a BCF begins at the place, version 2.1 or 2.2.
pub(super) fn is_bcf(view: &View<'_>, place: usize) -> bool {
    matches!(
        view.from(place, 11),
        [_, _, _, _, 1 | 2, _, _, _, 0, b'#', b'#']
    )
}

/// Whether a CRAM begins at the place, by its minor version.
pub(super) fn is_cram(view: &View<'_>, place: usize) -> bool {
    matches!(view.from(place, 6), [_, _, _, _, _, 0 | 1])
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').take(3).collect()
}

/// Whether a line, of which the beginning may be missing, has enough bases and nothing else.
fn are_bases(line: &[u8]) -> bool {
    line.len() >= BASES_MIN && line.iter().all(|byte| is_base(*byte))
}

fn is_base(byte: u8) -> bool {
    matches!(
        byte,
        b'A' | b'C' | b'G' | b'T' | b'N' | b'a' | b'c' | b'g' | b't' | b'n' | b'.'
    )
}

/// Columns before the first sample: CHROM to FORMAT.
const FIXED_COLUMNS: u32 = 9;
/// Bytes of the name of a sample that make its hash.
const NAME_BYTES_MAX: usize = 64;
const NAME_LINE_BYTES_MAX: u32 = 1_024;
const BASES_MIN: usize = 20;
const LOOK_BYTES: usize = 300;
const LOOK_BACK_BYTES: usize = 150;
/// Bytes of a read group in which its sample is looked for.
const GROUP_BYTES: usize = 340;
