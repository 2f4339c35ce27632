//! What content has shown, as policies count it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::meters::IdentifierKind;
use crate::inspect::{Format, Found, Kind, Names};
use crate::inventory::{Categories, Category};

/// What was found in what a corridor carries: how often, and one value with its middle covered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Identifiers by kind.
    pub identifiers: BTreeMap<String, Identified>,
    /// Records by format.
    pub records: BTreeMap<String, u64>,
}

/// Identifiers of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// How often any was seen; one value counts as often as it comes.
    pub hits: u64,
    /// One of them, such as `110105********002X`.
    pub sample: Option<String>,
}

/// What was found in a conversation.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What it is about.
    pub categories: Categories,
    /// Identifiers of persons, by kind: hashes under a secret key.
    pub subjects: Vec<(IdentifierKind, u64)>,
    /// Records.
    pub records: u64,
    /// All of it.
    pub content: Content,
}

impl Content {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty() && self.records.is_empty()
    }

    /// Adds what another one has. Kinds and formats are few, so it stays small.
    pub(super) fn add(&mut self, other: &Self) {
        for (kind, seen) in &other.identifiers {
            let known = self.identifiers.entry(kind.clone()).or_default();
            known.hits = known.hits.saturating_add(seen.hits);
            if known.sample.is_none() {
                known.sample.clone_from(&seen.sample);
            }
        }
        for (format, count) in &other.records {
            let known = self.records.entry(format.clone()).or_default();
            *known = known.saturating_add(*count);
        }
    }
}

impl From<&Found> for Findings {
    fn from(found: &Found) -> Self {
        let mut findings = Self::default();
        for (kind, seen) in found.identifiers().filter(|(_, seen)| seen.hits() > 0) {
            findings.categories.insert(category(kind));
            let identified = Identified {
                hits: seen.hits(),
                sample: seen.sample().map(str::to_owned),
            };
            let identifiers = &mut findings.content.identifiers;
            identifiers.insert(name(&kind), identified);
            let number = IdentifierKind::try_from(kind as u8);
            if let Some(number) = number.ok().filter(|_| kind.names() == Names::Person) {
                let hashes = seen.hashes().map(|hash| (number, hash));
                findings.subjects.extend(hashes);
            }
        }
        for (format, count) in found.formats() {
            findings.categories = match category_of(format) {
                Some(category) => findings.categories.union([category].into_iter().collect()),
                None => findings.categories,
            };
            findings.records = findings.records.saturating_add(records(format, count));
            findings.content.records.insert(name(&format), count);
        }
        findings
    }
}

/// What an identifier says that its record is about.
const fn category(kind: Kind) -> Category {
    match kind {
        Kind::PaymentCard | Kind::Iban => Category::Financial,
        Kind::Vin | Kind::VehicleTerminal => Category::Vehicle,
        Kind::DicomPatient | Kind::HealthPatient => Category::Health,
        Kind::GenomeSample => Category::Genomic,
        Kind::OrganisationCode => Category::Business,
        Kind::Email | Kind::MobileChina => Category::Personal,
        _ => Category::Identifiers,
    }
}

/// What a format says that its records are about, if it says so by itself.
const fn category_of(format: Format) -> Option<Category> {
    match format {
        Format::DicomAssociations
        | Format::DicomObjects
        | Format::DicomIdentified
        | Format::Hl7Messages
        | Format::Hl7Patients
        | Format::FhirPatients => Some(Category::Health),
        Format::FastqRecords
        | Format::VcfFiles
        | Format::VcfSamples
        | Format::BamFiles
        | Format::CramFiles
        | Format::BcfFiles
        | Format::ReadGroups => Some(Category::Genomic),
        Format::VehicleFrames | Format::TerminalFrames => Some(Category::Vehicle),
        Format::VehiclePositions
        | Format::TerminalPositions
        | Format::NmeaPrecise
        | Format::GpxPrecise => Some(Category::Geolocation),
        Format::FixMessages | Format::Iso20022Messages | Format::SwiftMessages => {
            Some(Category::Financial)
        }
        Format::NmeaSentences | Format::GpxPoints => None,
    }
}

/// Records of persons or things, where a format counts no part of another one again.
const fn records(format: Format, count: u64) -> u64 {
    match format {
        Format::DicomObjects
        | Format::VcfSamples
        | Format::Hl7Messages
        | Format::FhirPatients
        | Format::VehicleFrames
        | Format::TerminalFrames
        | Format::NmeaSentences
        | Format::GpxPoints
        | Format::FixMessages
        | Format::SwiftMessages => count,
        _ => 0,
    }
}

/// The name under which it is written.
fn name(value: &impl Serialize) -> String {
    let written = serde_json::to_value(value).unwrap_or_default();
    written.as_str().unwrap_or_default().to_owned()
}
