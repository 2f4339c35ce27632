//! Records of patients: HL7 v2 and FHIR.
//!
//! HL7 v2 (section 2.5): a message begins with `MSH|^~\&` at the beginning of a line or of an
//! MLLP frame; a `PID` segment identifies a patient by PID-3, or else by name and birth date.
//! FHIR in JSON: a `resourceType` of `Patient`, with its `id`. By chance: fixed strings of eight
//! bytes and more. Blind spots: other delimiters than the usual ones, FHIR in XML, and
//! segments or an `id` farther away than a detector sees.

use super::found::{Format, Kind};
use super::sight::{AHEAD_BYTES, Sight, View};

/// Judges the header of a message at the place.
pub(super) fn message(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    if matches!(view.before(place, 1), [] | [0x0B | b'\r' | b'\n']) {
        sight.found.add(Format::Hl7Messages, 1);
    }
}

/// Judges a segment that identifies a patient. The place is that of the line's end before it.
pub(super) fn patient(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(place + 1, SEGMENT_BYTES);
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let segment = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    let fields: Vec<&[u8]> = segment.split(|byte| *byte == b'|').take(8).collect();
    let field = |number: usize| fields.get(number).copied().unwrap_or_default();
    let component = |value: &'_ [u8]| {
        let is_end = |byte: &u8| matches!(byte, b'^' | b'~' | b'&');
        let end = value.iter().position(is_end).unwrap_or(value.len());
        value.get(..end).unwrap_or_default().to_vec()
    };
    let mut identifier = component(field(3));
    if identifier.is_empty() && !field(5).is_empty() {
        identifier = [field(5), b"|", field(7)].concat();
    }
    if identifier.is_empty() {
        return;
    }
    sight.found.add(Format::Hl7Patients, 1);
    sight.sure(Kind::HealthPatient, &identifier);
}

/// Judges the resource whose type is named at the place.
pub(super) fn resource(view: &View<'_>, place: usize, sight: &mut Sight<'_>) {
    let text = view.from(
        place + RESOURCE_TYPE.len(),
        AHEAD_BYTES - RESOURCE_TYPE.len(),
    );
    let Some(rest) = value(text).and_then(|text| text.strip_prefix(b"Patient\"")) else {
        return;
    };
    sight.found.add(Format::FhirPatients, 1);
    let key = rest.windows(4).position(|text| text == b"\"id\"");
    let Some(text) = key.and_then(|key| value(rest.get(key + 4..)?)) else {
        return;
    };
    // An id has at most 64 characters (FHIR data types).
    let end = text.iter().take(65).position(|byte| *byte == b'"');
    if let Some(identifier) = end.and_then(|end| text.get(..end)) {
        sight.sure(Kind::HealthPatient, identifier);
    }
}

/// What is behind a colon and an opening quote.
fn value(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start().strip_prefix(b":")?;
    text.trim_ascii_start().strip_prefix(b"\"")
}

/// The key of JSON by which resources are found.
pub(super) const RESOURCE_TYPE: &[u8] = b"\"resourceType\"";

const SEGMENT_BYTES: usize = 340;
