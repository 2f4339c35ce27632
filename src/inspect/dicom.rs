//! Medical images: DICOM as a network protocol and as files.
//!
//! On the wire there is no preamble. A stream that begins with A-ASSOCIATE (DICOM PS3.8 section
//! 9.3) is followed message by message; a C-STORE request (PS3.7 section 9.3.1) is one object. A
//! file has `DICM` at 128, behind which its first element is always the same. Of an object the
//! elements are walked up to group 0012, in little endian, with implicit or explicit types:
//! it says who the patient is if name (0010,0020 or 0010,0010) or birth date (0010,0030) is not
//! empty and (0012,0062) is not YES. By chance: 10 fixed bytes, less than 1 in 2^79.
//!
//! Blind spots: an association whose beginning was not seen, big endian, deflated data sets,
//! pseudonyms, and names that are burnt into the picture.

use super::found::{Format, Kind};
use super::records::Progress;
use super::sight::{Sight, View};

/// Whether a stream that begins here is an association of DICOM.
pub(super) fn is_association(view: &View<'_>) -> bool {
    let begin = view.from(0, APPLICATION_CONTEXT_OFFSET + 1);
    matches!(begin, [1 | 2, 0, 0, 0 | 1, _, _, 0, 1, 0, 0, ..])
        && begin.get(APPLICATION_CONTEXT_OFFSET) == Some(&0x10)
}

/// The messages of one direction of an association.
#[derive(Default)]
pub(super) struct Association {
    head: Vec<u8>,
    /// Bytes of the message that are left.
    message_left: u32,
    is_data: bool,
    /// Bytes of the fragment that are left, and its control byte.
    fragment_left: u32,
    control: u8,
    command: Vec<u8>,
    object: Option<Box<Elements>>,
}

impl Association {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], sight: &mut Sight<'_>) -> Progress {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.message_left == 0 {
                if !gather(&mut self.head, &mut rest, MESSAGE_HEAD_BYTES) {
                    break;
                }
                let [kind, 0, length @ ..] = self.head.as_slice() else {
                    return Progress::Done(bytes.len() - rest.len());
                };
                if !(1..=7).contains(kind) {
                    return Progress::Done(bytes.len() - rest.len());
                }
                if *kind == ASSOCIATE_REQUEST {
                    sight.found.add(Format::DicomAssociations, 1);
                }
                self.is_data = *kind == DATA;
                self.message_left = big_endian(length);
                self.head.clear();
            } else if self.is_data {
                self.data(&mut rest, sight);
            } else {
                let count = taken(&mut rest, self.message_left).len();
                self.message_left -= u32::try_from(count).unwrap_or(self.message_left);
            }
        }
        Progress::Going
    }

    /// Says what is known of an object that was cut.
    pub(super) fn finish(&mut self, sight: &mut Sight<'_>) {
        if let Some(mut object) = self.object.take() {
            object.finish(sight);
        }
    }

    fn data(&mut self, rest: &mut &[u8], sight: &mut Sight<'_>) {
        if self.fragment_left == 0 {
            let missing = FRAGMENT_HEAD_BYTES.saturating_sub(self.head.len());
            let left = usize::try_from(self.message_left).unwrap_or(usize::MAX);
            let had = rest.len();
            let is_whole = gather(
                &mut self.head,
                rest,
                FRAGMENT_HEAD_BYTES.min(left + 6 - missing),
            );
            let used = u32::try_from(had - rest.len()).unwrap_or(0);
            self.message_left = self.message_left.saturating_sub(used);
            if !is_whole && self.message_left > 0 {
                return;
            }
            let [length @ .., _context, control] = self.head.as_slice() else {
                self.head.clear();
                return;
            };
            self.control = *control;
            self.fragment_left = big_endian(length).saturating_sub(2).min(self.message_left);
            self.head.clear();
        } else {
            let part = taken(rest, self.fragment_left);
            let count = u32::try_from(part.len()).unwrap_or(self.fragment_left);
            self.fragment_left = self.fragment_left.saturating_sub(count);
            self.message_left = self.message_left.saturating_sub(count);
            if self.control & IS_COMMAND != 0 {
                let room = COMMAND_BYTES_MAX.saturating_sub(self.command.len());
                self.command.extend(part.iter().take(room));
            } else if let Some(object) = &mut self.object {
                object.feed(part, sight);
            }
        }
        if self.fragment_left == 0 && self.control & IS_LAST != 0 {
            self.last(sight);
            self.control = 0;
        }
    }

    /// Handles the end of a command or of a data set.
    fn last(&mut self, sight: &mut Sight<'_>) {
        if self.control & IS_COMMAND == 0 {
            return self.finish(sight);
        }
        self.finish(sight);
        if command_field(&self.command) == Some(STORE_REQUEST) {
            sight.found.add(Format::DicomObjects, 1);
            self.object = Some(Box::default());
        }
        self.command.clear();
    }
}

/// The value of (0000,0100) in a command set, which is always implicit (PS3.7 section 6.3.1).
fn command_field(command: &[u8]) -> Option<u16> {
    let mut rest = command;
    loop {
        let (head, behind) = rest.split_at_checked(8)?;
        let (tag, length) = head.split_at_checked(4)?;
        let length = usize::try_from(little_endian(length)).ok()?;
        let (value, next) = behind.split_at_checked(length)?;
        if tag == [0, 0, 0, 1] {
            return u16::try_from(little_endian(value)).ok();
        }
        rest = next;
    }
}

/// The elements of a data set, as far as they tell about the patient.
#[derive(Default)]
pub(super) struct Elements {
    head: Vec<u8>,
    is_explicit: Option<bool>,
    group: u16,
    /// Sequences of unknown length around what comes.
    depth: u8,
    /// Bytes of the value that are left, and whether it is one that is kept.
    value_left: u32,
    field: Option<Field>,
    values: [Vec<u8>; 4],
    is_done: bool,
}

#[derive(Clone, Copy)]
enum Field {
    Name,
    Identifier,
    Birth,
    Removed,
}

impl Elements {
    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8], sight: &mut Sight<'_>) -> Progress {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done {
            if self.value_left > 0 {
                let part = taken(&mut rest, self.value_left);
                self.value_left -= u32::try_from(part.len()).unwrap_or(self.value_left);
                if let Some(value) = self
                    .field
                    .and_then(|field| self.values.get_mut(field as usize))
                {
                    let room = VALUE_BYTES_MAX.saturating_sub(value.len());
                    value.extend(part.iter().take(room));
                }
            } else {
                // The length of a head is known when its first eight bytes are there.
                let length = self.head_bytes();
                if gather(&mut self.head, &mut rest, length) && length == self.head_bytes() {
                    self.element();
                    self.head.clear();
                }
            }
        }
        if self.is_done {
            self.finish(sight);
            return Progress::Done(bytes.len() - rest.len());
        }
        Progress::Going
    }

    /// Says what was found out, once.
    pub(super) fn finish(&mut self, sight: &mut Sight<'_>) {
        let values = std::mem::take(&mut self.values);
        let [name, identifier, birth, removed] = values.map(|value| trimmed(&value).to_vec());
        let is_known = !name.is_empty() || !identifier.is_empty() || !birth.is_empty();
        if !is_known || removed == b"YES" {
            return;
        }
        sight.found.add(Format::DicomIdentified, 1);
        let patient = [identifier, name]
            .into_iter()
            .find(|value| !value.is_empty());
        if let Some(patient) = patient {
            sight.sure(Kind::DicomPatient, &patient);
        }
    }

    /// How many bytes the head of the next element has, as far as it is known.
    fn head_bytes(&self) -> usize {
        let is_item = self.head.get(..2) == Some(&[0xFE, 0xFF]);
        let is_meta = self.head.get(..2) == Some(&[0x02, 0x00]);
        let is_explicit = is_meta || self.is_explicit != Some(false);
        match self.head.get(4..6) {
            Some(kind) if is_explicit && !is_item && LONG_TYPES.contains(&kind) => 12,
            _ => 8,
        }
    }

    fn element(&mut self) {
        let [g0, g1, e0, e1, rest @ ..] = self.head.as_slice() else {
            return;
        };
        let (group, element) = (
            u16::from_le_bytes([*g0, *g1]),
            u16::from_le_bytes([*e0, *e1]),
        );
        if group == ITEMS {
            // Items are entered; their ends and the end of a sequence have no value.
            self.depth = self.depth.saturating_sub(u8::from(element == SEQUENCE_END));
            self.is_done |= element < ITEM_FIRST;
            return;
        }
        if self.group == META && group != META {
            self.is_explicit = None;
        }
        let looks_explicit = rest
            .get(..2)
            .is_some_and(|kind| kind.iter().all(u8::is_ascii_uppercase));
        let is_explicit = *self.is_explicit.get_or_insert(looks_explicit);
        let is_unordered = self.depth == 0 && group < self.group;
        if is_unordered || is_explicit && !looks_explicit || self.depth == 0 && group > LAST_GROUP {
            self.is_done = true;
            return;
        }
        let length = match (is_explicit, rest) {
            (true, [_, _, low, high]) => u32::from(u16::from_le_bytes([*low, *high])),
            (true, [_, _, _, _, length @ ..]) => little_endian(length),
            _ => little_endian(rest),
        };
        if self.depth == 0 {
            self.group = group;
        }
        self.field = match (self.depth, group, element) {
            (0, 0x0010, 0x0010) => Some(Field::Name),
            (0, 0x0010, 0x0020) => Some(Field::Identifier),
            (0, 0x0010, 0x0030) => Some(Field::Birth),
            (0, 0x0012, 0x0062) => Some(Field::Removed),
            _ => None,
        };
        if length == u32::MAX {
            self.depth = self.depth.saturating_add(1);
            self.is_done |= self.depth > DEPTH_MAX;
        } else {
            self.value_left = length;
        }
    }
}

/// Fills a head up to a length. False if bytes are missing.
fn gather(head: &mut Vec<u8>, rest: &mut &[u8], length: usize) -> bool {
    let missing = length.saturating_sub(head.len()).min(rest.len());
    let (part, behind) = rest.split_at(missing);
    head.extend_from_slice(part);
    *rest = behind;
    head.len() >= length
}

/// At most so many bytes from the front.
fn taken<'a>(rest: &mut &'a [u8], left: u32) -> &'a [u8] {
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
    let (part, behind) = rest.split_at(count);
    *rest = behind;
    part
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// A value without the spaces and zeros that pad it.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| matches!(byte, 0 | b' ' | b'^');
    let end = value
        .iter()
        .rposition(|byte| !is_padding(byte))
        .map_or(0, |last| last + 1);
    value.get(..end).unwrap_or_default().trim_ascii_start()
}

const MESSAGE_HEAD_BYTES: usize = 6;
const FRAGMENT_HEAD_BYTES: usize = 6;
const APPLICATION_CONTEXT_OFFSET: usize = 74;
const ASSOCIATE_REQUEST: u8 = 1;
const DATA: u8 = 4;
const IS_COMMAND: u8 = 1;
const IS_LAST: u8 = 2;
const STORE_REQUEST: u16 = 1;
const COMMAND_BYTES_MAX: usize = 1_024;
const VALUE_BYTES_MAX: usize = 64;
const DEPTH_MAX: u8 = 16;
const META: u16 = 0x0002;
const LAST_GROUP: u16 = 0x0012;
const ITEMS: u16 = 0xFFFE;
const ITEM_FIRST: u16 = 0xE000;
const SEQUENCE_END: u16 = 0xE0DD;
/// Types whose length has four bytes behind two that are reserved (PS3.5 section 7.1.2).
const LONG_TYPES: &[&[u8]] = &[
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];
