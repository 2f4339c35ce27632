//! The fixed strings with which records begin, and the search for all of them at once.
//!
//! The search compares many bytes at a time where the processor can (Teddy, by the library), and
//! steps through an automaton where it cannot. No string is the beginning of another one.

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::{finance, health};

/// What begins, or may begin, at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    Dicom,
    VcfFile,
    Columns,
    FastqPlus,
    ReadGroup,
    Bam,
    Bcf,
    Cram,
    Hl7Message,
    Hl7Patient,
    FhirResource,
    VehicleFrame,
    TerminalFrame,
    NmeaSentence,
    GpxPoint,
    Fix,
    Iso20022,
    Swift,
    Gzip,
    Zstd,
    ContentEncoding,
    Chunked,
    Body,
}

/// Finds the strings. Built once.
#[derive(Debug)]
pub(super) struct Magics {
    fast: Option<Searcher>,
    automaton: AhoCorasick,
}

impl Magics {
    pub(super) fn new() -> Result<Self, BuildError> {
        let strings = || MAGICS.iter().map(|(string, _)| string);
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        let fast = builder.extend(strings()).build();
        let kind = Some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder().kind(kind).build(strings())?;
        Ok(Self { fast, automaton })
    }

    /// The first one that begins in the bytes, and where.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<(Magic, usize)> {
        // Short pieces are slower with the first one.
        let fast = self
            .fast
            .as_ref()
            .filter(|fast| bytes.len() >= fast.minimum_len());
        let found = match fast {
            Some(fast) => fast.find(bytes),
            None => self.automaton.find(bytes),
        };
        let found = found?;
        let (_, magic) = MAGICS.get(found.pattern().as_usize())?;
        Some((*magic, found.start()))
    }
}

/// Bytes of the longest string.
pub(super) const MAGIC_BYTES_MAX: usize = 26;

/// Each has at least three bytes, which the fast search needs.
const MAGICS: &[(&[u8], Magic)] = &[
    // The preamble's end, and the first element of the group behind it (PS3.10 section 7.1).
    (b"DICM\x02\x00\x00\x00UL", Magic::Dicom),
    (b"##fileformat=VCFv", Magic::VcfFile),
    (b"#CHROM\tPOS\tID\tREF\tALT", Magic::Columns),
    (b"\n+\n", Magic::FastqPlus),
    (b"@RG\t", Magic::ReadGroup),
    (b"BAM\x01", Magic::Bam),
    (b"BCF\x02", Magic::Bcf),
    (b"CRAM\x02", Magic::Cram),
    (b"CRAM\x03", Magic::Cram),
    (b"MSH|^~\\&", Magic::Hl7Message),
    (b"\rPID|", Magic::Hl7Patient),
    (b"\nPID|", Magic::Hl7Patient),
    (health::RESOURCE_TYPE, Magic::FhirResource),
    // Commands of GB/T 32960.3-2016, table 3.
    (b"##\x01", Magic::VehicleFrame),
    (b"##\x02", Magic::VehicleFrame),
    (b"##\x03", Magic::VehicleFrame),
    (b"##\x04", Magic::VehicleFrame),
    (b"##\x05", Magic::VehicleFrame),
    (b"##\x06", Magic::VehicleFrame),
    (b"##\x07", Magic::VehicleFrame),
    (b"##\x08", Magic::VehicleFrame),
    // Messages of JT/T 808-2019: answers, heartbeat, registration, login, attributes, position,
    // driver, stored positions, media, and what a platform answers.
    (b"\x7E\x00\x01", Magic::TerminalFrame),
    (b"\x7E\x00\x02", Magic::TerminalFrame),
    (b"\x7E\x01\x00", Magic::TerminalFrame),
    (b"\x7E\x01\x02", Magic::TerminalFrame),
    (b"\x7E\x01\x07", Magic::TerminalFrame),
    (b"\x7E\x02\x00", Magic::TerminalFrame),
    (b"\x7E\x07\x02", Magic::TerminalFrame),
    (b"\x7E\x07\x04", Magic::TerminalFrame),
    (b"\x7E\x08\x00", Magic::TerminalFrame),
    (b"\x7E\x80\x01", Magic::TerminalFrame),
    (b"\x7E\x81\x00", Magic::TerminalFrame),
    (b"$GP", Magic::NmeaSentence),
    (b"$GN", Magic::NmeaSentence),
    (b"$GL", Magic::NmeaSentence),
    (b"$GA", Magic::NmeaSentence),
    (b"$GB", Magic::NmeaSentence),
    (b"$BD", Magic::NmeaSentence),
    (b"<trkpt", Magic::GpxPoint),
    (b"<rtept", Magic::GpxPoint),
    (b"<wpt", Magic::GpxPoint),
    (b"8=FIX", Magic::Fix),
    (finance::NAMESPACE, Magic::Iso20022),
    (b"{1:F01", Magic::Swift),
    (b"\x1F\x8B\x08", Magic::Gzip),
    (b"\x28\xB5\x2F\xFD", Magic::Zstd),
    (b"ontent-Encoding:", Magic::ContentEncoding),
    (b"ontent-encoding:", Magic::ContentEncoding),
    (b"ransfer-Encoding: chunked", Magic::Chunked),
    (b"ransfer-encoding: chunked", Magic::Chunked),
    (b"\r\n\r\n", Magic::Body),
];
