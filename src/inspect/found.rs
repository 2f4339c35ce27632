//! What an inspection gives back: counts, keyed hashes and masked samples, and no value.
//!
//! Everything here is bounded: there are so many kinds, formats and reasons, and per kind at
//! most [`HASHES_MAX`] hashes and one sample. What is kept does not depend on the order in
//! which values came: the smallest hashes stay, and the sample is that of the smallest hash.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// A kind of identifier. Some come from the fields of a record and not from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A Chinese resident identity number of 18 characters (GB 11643-1999).
    ResidentId,
    /// The same of 15 digits, as issued before 1999. It has no check digit.
    ResidentIdOld,
    /// A Chinese unified social credit code (GB 32100-2015). It names an organisation.
    OrganisationCode,
    /// A payment card number (ISO/IEC 7812-1).
    PaymentCard,
    /// A mobile number of mainland China.
    MobileChina,
    /// A passport, by the second line of its machine readable zone (ICAO Doc 9303-4).
    Passport,
    /// A vehicle identification number (ISO 3779). It names a vehicle.
    Vin,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A social security number of the United States.
    SsnUs,
    /// An equipment identity of a mobile station (3GPP TS 23.003). It names a device.
    Imei,
    /// An e-mail address (RFC 5322).
    Email,
    /// An Indian Aadhaar number.
    Aadhaar,
    /// A Hong Kong identity card number.
    HongKongId,
    /// A Korean resident registration number.
    KoreanRrn,
    /// A Russian insurance account number.
    Snils,
    /// A patient, by the identifier or else the name in a DICOM object.
    DicomPatient,
    /// A patient, by the identifier in an HL7 v2 message or a FHIR resource.
    HealthPatient,
    /// A sample of a genome, by its name in VCF or in a read group.
    GenomeSample,
    /// A terminal of JT/T 808, by its phone number. It names a device.
    VehicleTerminal,
}

/// What kind of thing an identifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// One natural person, or an account or card of one.
    Person,
    /// An organisation.
    Organisation,
    /// A vehicle or a device.
    Device,
}

impl Kind {
    /// What it names. Only kinds that name a person count towards numbers of persons.
    pub const fn names(self) -> Names {
        match self {
            Self::OrganisationCode => Names::Organisation,
            Self::Vin | Self::Imei | Self::VehicleTerminal => Names::Device,
            _ => Names::Person,
        }
    }

    /// How many characters a sample shows at the front and at the end.
    const fn shown(self) -> (usize, usize) {
        match self {
            Self::ResidentId | Self::PaymentCard => (6, 4),
            Self::ResidentIdOld => (6, 3),
            Self::OrganisationCode => (8, 2),
            Self::MobileChina => (3, 4),
            Self::Vin => (3, 4),
            Self::Iban => (4, 4),
            Self::SsnUs | Self::Aadhaar => (0, 4),
            Self::Imei => (6, 1),
            Self::Passport | Self::HongKongId | Self::KoreanRrn | Self::Snils => (2, 1),
            Self::VehicleTerminal => (2, 2),
            Self::Email | Self::DicomPatient | Self::HealthPatient | Self::GenomeSample => (1, 0),
        }
    }
}

/// What is counted of records. Each is a lower bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Associations of DICOM that were asked for (DICOM PS3.8 section 9.3.2).
    DicomAssociations,
    /// Objects sent in C-STORE requests, or files with a DICOM preamble.
    DicomObjects,
    /// Of those, objects that say who the patient is and not that this was removed.
    DicomIdentified,
    /// Reads in FASTQ.
    FastqRecords,
    /// Headers of VCF.
    VcfFiles,
    /// Columns of samples in them.
    VcfSamples,
    /// Files of BAM.
    BamFiles,
    /// Files of CRAM.
    CramFiles,
    /// Files of BCF.
    BcfFiles,
    /// Read groups of SAM or BAM that name a sample.
    ReadGroups,
    /// Messages of HL7 v2.
    Hl7Messages,
    /// Their segments that identify a patient.
    Hl7Patients,
    /// FHIR resources of type Patient.
    FhirPatients,
    /// Frames of GB/T 32960.3.
    VehicleFrames,
    /// Of those, frames that report a valid position.
    VehiclePositions,
    /// Frames of JT/T 808.
    TerminalFrames,
    /// Of those, frames that report a valid position.
    TerminalPositions,
    /// Sentences of NMEA 0183 with a right checksum.
    NmeaSentences,
    /// Of those, sentences with a position to 1,000 m or better (28 CFR 202.242).
    NmeaPrecise,
    /// Points of GPX.
    GpxPoints,
    /// Of those, points to 1,000 m or better.
    GpxPrecise,
    /// Messages of FIX with a right checksum.
    FixMessages,
    /// Namespaces of ISO 20022 messages.
    Iso20022Messages,
    /// Messages of SWIFT FIN.
    SwiftMessages,
}

/// Why content was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// It grew more than [`super::RATIO_MAX`] times: a bomb, or a file of one byte.
    Bomb,
    /// The stream had [`super::UNPACKED_BYTES_MAX`] bytes unpacked already.
    Budget,
    /// It is packed or encoded inside what was packed or encoded.
    Nested,
    /// It is packed in a way that is not read, such as Brotli.
    Encoding,
    /// It says that it is packed, and is broken.
    Broken,
}

/// What was seen of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sightings {
    hits: u64,
    unconfirmed: u64,
    hashes: BTreeSet<u64>,
    hashes_dropped: u64,
    sample: Option<Sample>,
}

/// A value with its middle covered, and the hash by which it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Sample {
    hash: u64,
    shown: String,
}

impl Sightings {
    /// How often it was seen, repetitions included.
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// How often something had its form and check digit, but neither a word near by nor
    /// enough others beside it. These are not hits.
    pub const fn unconfirmed(&self) -> u64 {
        self.unconfirmed
    }

    /// Keyed hashes of the distinct values in ascending order: at most [`HASHES_MAX`], and
    /// if there were more, the smallest.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.hashes.iter().copied()
    }

    /// Hashes that found no room. A value that comes again counts again. Not 0 means that
    /// [`Self::hashes`] is a lower bound of the distinct values.
    pub const fn hashes_dropped(&self) -> u64 {
        self.hashes_dropped
    }

    /// One value with its middle covered, such as `110105********002X`.
    pub fn sample(&self) -> Option<&str> {
        self.sample.as_ref().map(|sample| sample.shown.as_str())
    }

    fn keep(&mut self, hash: u64) {
        self.hashes.insert(hash);
        if self.hashes.len() > HASHES_MAX {
            self.hashes.pop_last();
            self.hashes_dropped = self.hashes_dropped.saturating_add(1);
        }
    }

    fn offer(&mut self, sample: Sample) {
        if self.sample.as_ref().is_none_or(|kept| sample < *kept) {
            self.sample = Some(sample);
        }
    }
}

/// What was found, over one or more pieces of one or more streams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    identifiers: BTreeMap<Kind, Sightings>,
    formats: BTreeMap<Format, u64>,
    skipped: BTreeMap<Skip, u64>,
}

impl Found {
    /// What was seen, by kind in ascending order; kinds that were not seen are left out.
    pub fn identifiers(&self) -> impl Iterator<Item = (Kind, &Sightings)> {
        self.identifiers.iter().map(|(kind, seen)| (*kind, seen))
    }

    /// What was seen of a kind.
    pub fn identifier(&self, kind: Kind) -> Option<&Sightings> {
        self.identifiers.get(&kind)
    }

    /// How often a kind was seen.
    pub fn hits(&self, kind: Kind) -> u64 {
        self.identifiers.get(&kind).map_or(0, Sightings::hits)
    }

    /// Records by format, in ascending order; those that are 0 are left out.
    pub fn formats(&self) -> impl Iterator<Item = (Format, u64)> + '_ {
        self.formats.iter().map(|(format, count)| (*format, *count))
    }

    /// How many records of a format there were.
    pub fn records(&self, format: Format) -> u64 {
        self.formats.get(&format).copied().unwrap_or(0)
    }

    /// How often content was not looked at, for one reason.
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skipped.get(&reason).copied().unwrap_or(0)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty() && self.formats.is_empty() && self.skipped.is_empty()
    }

    /// Adds what another one found. The bounds hold for the sum.
    pub fn merge(&mut self, other: &Self) {
        for (kind, seen) in &other.identifiers {
            let mine = self.identifiers.entry(*kind).or_default();
            mine.hits = mine.hits.saturating_add(seen.hits);
            mine.unconfirmed = mine.unconfirmed.saturating_add(seen.unconfirmed);
            mine.hashes_dropped = mine.hashes_dropped.saturating_add(seen.hashes_dropped);
            seen.hashes.iter().for_each(|hash| mine.keep(*hash));
            if let Some(sample) = &seen.sample {
                mine.offer(sample.clone());
            }
        }
        for (format, count) in &other.formats {
            self.add(*format, *count);
        }
        for (reason, count) in &other.skipped {
            let mine = self.skipped.entry(*reason).or_default();
            *mine = mine.saturating_add(*count);
        }
    }

    pub(super) fn hit(&mut self, kind: Kind, hash: u64, value: &[u8]) {
        self.hit_again(kind, hash, 1);
        let seen = self.identifiers.entry(kind).or_default();
        // Making the text costs more than the rest, so it is made only if it is kept.
        if seen.sample.as_ref().is_none_or(|kept| hash < kept.hash) {
            let shown = masked(kind, value);
            seen.offer(Sample { hash, shown });
        }
    }

    /// Hits whose value is gone, which were held back until others confirmed them.
    pub(super) fn hit_again(&mut self, kind: Kind, hash: u64, hits: u64) {
        let seen = self.identifiers.entry(kind).or_default();
        seen.hits = seen.hits.saturating_add(hits);
        seen.keep(hash);
    }

    pub(super) fn unconfirmed(&mut self, kind: Kind, count: u64) {
        let seen = self.identifiers.entry(kind).or_default();
        seen.unconfirmed = seen.unconfirmed.saturating_add(count);
    }

    pub(super) fn add(&mut self, format: Format, count: u64) {
        let mine = self.formats.entry(format).or_default();
        *mine = mine.saturating_add(count);
    }

    pub(super) fn skip(&mut self, reason: Skip) {
        let mine = self.skipped.entry(reason).or_default();
        *mine = mine.saturating_add(1);
    }
}

/// A value with its middle covered. Less than half of it is shown, so that what is left over
/// cannot be guessed from a short one. A resident identity number shows its division and its
/// end, and so hides the day of birth.
fn masked(kind: Kind, value: &[u8]) -> String {
    let (front, end) = kind.shown();
    let count = value.len();
    let half = count.div_ceil(2).saturating_sub(1);
    let (front, end) = if front + end > half && kind != Kind::ResidentId {
        (front.min(half.saturating_sub(end)), end.min(half))
    } else {
        (front, end)
    };
    let character = |(place, byte): (usize, &u8)| {
        let is_shown = place < front || place + end >= count || *byte == b'@';
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'-');
        if is_shown && is_plain {
            char::from(*byte)
        } else {
            '*'
        }
    };
    value
        .iter()
        .enumerate()
        .map(character)
        .take(SAMPLE_CHARACTERS_MAX)
        .collect()
}

/// Distinct values of one kind whose hashes are kept.
pub const HASHES_MAX: usize = 4_096;

/// Characters of a sample.
const SAMPLE_CHARACTERS_MAX: usize = 34;
