//! Messages of DNS (RFC 1035 section 4): what was asked, and the addresses that answer it.
//!
//! Work and memory are bounded whatever a message claims: a name has at most 255 bytes, a
//! pointer leads strictly backward and so many times, and so many records are read.

use std::iter;
use std::net::IpAddr;
use std::sync::Arc;

use super::cursor::Cursor;
use super::text;

/// A question, and what answers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// The name that is asked for, in lower case and with dots between its labels, else as on
    /// the wire: at most 253 bytes, any of them, and none of the root.
    pub name: Box<[u8]>,
    /// Whether the message is an answer.
    pub is_response: bool,
    /// The type of the records that are asked for (RFC 6895 section 3.1).
    pub query_type: u16,
    /// The addresses that the name has, over all aliases between; at most 32.
    pub addresses: Vec<IpAddr>,
    /// Bytes of the records behind the question, as far as they were captured; of a query 0.
    pub answer_bytes: u16,
}

impl Answered {
    /// The name as it may be shown; a dot alone for the root.
    pub fn shown_name(&self) -> Arc<str> {
        text::shown(&self.name).unwrap_or_else(|| ".".into())
    }
}

/// What a message asks or answers, as a datagram carries it.
///
/// Nothing, unless it is a standard query with exactly one question or the response to
/// one, and the question is whole. Answers that are cut end the list, but not the message.
pub fn answers(message: &[u8]) -> Option<Answered> {
    let mut cursor = Cursor::new(message);
    let (_identifier, flags) = (cursor.u16()?, cursor.u16()?);
    let (questions, count) = (cursor.u16()?, cursor.u16()?);
    let (authorities, additional) = (cursor.u16()?, cursor.u16()?);
    let is_response = flags & RESPONSE != 0;
    if flags & (OPERATION | RESERVED) != 0 || questions != 1 {
        return None;
    }
    // A query may tell the version it has of a zone (RFC 1995 section 3), extensions and
    // a signature, but answers nothing.
    let is_query = flags & CODE == 0 && count == 0 && authorities <= 1 && additional <= 3;
    if !is_response && !is_query {
        return None;
    }
    let asked = Name::read(message, &mut cursor)?;
    let (query_type, class) = (cursor.u16()?, cursor.u16()?);
    if query_type == 0 || !matches!(class, INTERNET | CHAOS | ANY) {
        return None;
    }
    let behind = u16::try_from(cursor.rest().len()).unwrap_or(u16::MAX);
    let records = records(message, cursor, count);
    Some(Answered {
        addresses: chosen(&asked.bytes, &records),
        name: asked.bytes.into(),
        is_response,
        query_type,
        answer_bytes: if is_response { behind } else { 0 },
    })
}

/// The messages of a stream, each behind two bytes of its length (RFC 1035 section 4.2.2),
/// as far as they are whole.
pub(super) fn framed(stream: &[u8]) -> impl Iterator<Item = Answered> {
    let mut cursor = Cursor::new(stream);
    let next = move || {
        let length = cursor.u16()?;
        answers(cursor.take(length.into())?)
    };
    iter::from_fn(next).fuse()
}

/// Follows the messages of both directions of a stream.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// Bytes of each direction that were read.
    read: [usize; 2],
    messages: usize,
}

impl Messages {
    /// What the next message says of a direction, of which so much has come; nothing if the
    /// next is not whole yet. Those that say nothing are passed over, as are all behind the
    /// first 64 of a stream.
    pub fn next(&mut self, direction: usize, stream: &[u8]) -> Option<Answered> {
        let read = self.read.get_mut(direction)?;
        while self.messages < MESSAGES_MAX {
            let mut cursor = Cursor::new(stream.get(*read..)?);
            let length = cursor.u16()?;
            let message = cursor.take(length.into())?;
            *read = stream.len().saturating_sub(cursor.rest().len());
            self.messages += 1;
            if let Some(answered) = answers(message) {
                return Some(answered);
            }
        }
        None
    }
}

/// A name in lower case, its labels joined by dots.
#[derive(Debug, Default)]
struct Name {
    bytes: Vec<u8>,
    labels: usize,
}

impl Name {
    /// The name at a place of a message. The cursor is then behind it.
    fn read<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Self> {
        let mut name = Self::default();
        let mut inside = *cursor;
        // Where the labels that are being read begin. A pointer leads to before it, so
        // that none can lead in a circle.
        let mut begin = message.len().checked_sub(inside.rest().len())?;
        for pointers in 0.. {
            let length = name.read_labels(&mut inside)?;
            if pointers == 0 && length == 0 {
                *cursor = inside;
            }
            if length == 0 {
                break;
            }
            let low = inside.byte()?;
            if pointers == 0 {
                *cursor = inside;
            }
            let place = usize::from(u16::from_be_bytes([length & !POINTER, low]));
            if place >= begin || pointers == POINTERS_MAX {
                return None;
            }
            begin = place;
            inside = Cursor::new(message.get(place..)?);
        }
        Some(name)
    }

    /// Labels up to the byte that is none, which is 0 or the first one of a pointer.
    fn read_labels(&mut self, cursor: &mut Cursor<'_>) -> Option<u8> {
        loop {
            let length = cursor.byte()?;
            match length {
                0 | POINTER.. => return Some(length),
                1..=63 => {
                    let label = cursor.take(length.into())?;
                    if self.labels > 0 {
                        self.bytes.push(b'.');
                    }
                    self.bytes.extend(label.iter().map(u8::to_ascii_lowercase));
                    self.labels += 1;
                }
                _ => return None,
            }
            // On the wire a name also has its first length and its end.
            if self.bytes.len() + 2 > text::NAME_BYTES_MAX {
                return None;
            }
        }
    }
}

/// A record that leads from a name to an address.
#[derive(Debug)]
struct Record {
    owner: Vec<u8>,
    leads_to: Leads,
}

#[derive(Debug)]
enum Leads {
    /// The owner is an alias of this name.
    Alias(Vec<u8>),
    Address(IpAddr),
}

/// The records among the first ones of the answer that lead somewhere.
fn records<'a>(message: &'a [u8], mut cursor: Cursor<'a>, count: u16) -> Vec<Record> {
    let next = || record(message, &mut cursor);
    let read = iter::from_fn(next).take(count.into());
    read.take(RECORDS_MAX).flatten().collect()
}

/// The next record, if there is a whole one, and of that only what leads somewhere.
fn record<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Option<Record>> {
    let owner = Name::read(message, cursor)?.bytes;
    let (kind, class) = (cursor.u16()?, cursor.u16()?);
    let (_seconds, length) = (cursor.u32()?, cursor.u16()?);
    // The name of an alias may point to elsewhere in the message, hence a cursor there.
    let mut inside = *cursor;
    let content = cursor.take(length.into())?;
    let leads_to = match (class, kind) {
        (INTERNET, 1) => content.try_into().ok().map(address_v4),
        (INTERNET, 28) => content.try_into().ok().map(address_v6),
        (INTERNET, 5) => {
            let target = Name::read(message, &mut inside);
            target.map(|name| Leads::Alias(name.bytes))
        }
        _ => None,
    };
    Some(leads_to.map(|leads_to| Record { owner, leads_to }))
}

fn address_v4(bytes: [u8; 4]) -> Leads {
    Leads::Address(bytes.into())
}

fn address_v6(bytes: [u8; 16]) -> Leads {
    Leads::Address(bytes.into())
}

/// The addresses that a name has by these records.
fn chosen(asked: &[u8], records: &[Record]) -> Vec<IpAddr> {
    let mut names = vec![asked];
    for _ in 0..ALIASES_MAX {
        let alias = records.iter().find_map(|record| match &record.leads_to {
            Leads::Alias(target) if names.last() == Some(&&record.owner[..]) => Some(target),
            _ => None,
        });
        let Some(target) = alias else {
            break;
        };
        names.push(target);
    }
    let of_names = records
        .iter()
        .filter(|record| names.contains(&&record.owner[..]));
    let addresses = of_names.filter_map(|record| match record.leads_to {
        Leads::Address(address) => Some(address),
        Leads::Alias(_) => None,
    });
    addresses.take(ADDRESSES_MAX).collect()
}

/// The port of DNS.
pub(super) const PORT: u16 = 53;

/// Bits of the header: RFC 1035 section 4.1.1, of which RFC 4035 took two for use.
const RESPONSE: u16 = 0x8000;
const OPERATION: u16 = 0x7800;
const RESERVED: u16 = 0x0040;
const CODE: u16 = 0x000f;

/// Classes: RFC 6895 section 3.2.
const INTERNET: u16 = 1;
const CHAOS: u16 = 3;
const ANY: u16 = 255;

/// The bits that make a length a pointer (RFC 1035 section 4.1.4).
const POINTER: u8 = 0xc0;

/// Pointers of one name. Servers use one, rarely two.
const POINTERS_MAX: usize = 16;

/// Records that are read of an answer.
const RECORDS_MAX: usize = 128;

/// Messages that are read of a stream.
const MESSAGES_MAX: usize = 64;

/// Aliases in a row. Resolvers give up at 8 to 17.
const ALIASES_MAX: usize = 16;

const ADDRESSES_MAX: usize = 32;

#[cfg(test)]
mod tests;
