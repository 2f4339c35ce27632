//! Questions and answers of DNS (RFC 1035 section 4) in datagrams of a given length.
//!
//! How much a client sends is fixed before it is known what it asks. So a question is made as
//! long as its datagram is: by the name of a host within the domain, or by padding
//! (RFC 7830).

use std::net::IpAddr;
use std::sync::Arc;

use super::Message;
use super::bytes::{sized8, sized16};
use crate::simulate::chance::Chance;

/// A name that may be asked for, and what answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulate) struct Question {
    pub(in crate::simulate) name: Arc<str>,
    pub(in crate::simulate) addresses: Vec<IpAddr>,
}

impl Question {
    /// Length of a message that asks it.
    pub(super) fn bytes(&self) -> u64 {
        question_bytes(&self.name) as u64
    }
}

/// One of the questions that fit into what the client sends, and the answer to it. Nothing
/// where none fits.
pub(super) fn messages(
    questions: &[Question],
    [sent, received]: [u64; 2],
    chance: &mut Chance,
) -> Vec<Message> {
    let sent = sent.min(MESSAGE_BYTES_MAX) as usize;
    let fits = |question: &&Question| {
        question.name.len() <= NAME_BYTES_MAX
            && Fill::of(question_bytes(&question.name), sent).is_some()
    };
    let fitting: Vec<&Question> = questions.iter().filter(fits).collect();
    let pick = chance.below(fitting.len() as u64) as usize;
    let Some(question) = fitting.get(pick) else {
        return Vec::new();
    };
    let fill = Fill::of(question_bytes(&question.name), sent).unwrap_or(Fill::Nothing);
    let name = match fill {
        Fill::Label(label) => format!("{label}.{}", question.name),
        Fill::Nothing | Fill::Record(_) => question.name.to_string(),
    };
    let identifier = (chance.word() as u16).to_be_bytes();
    let asked = section(&name);
    let records = records(&question.addresses);
    let answer_bytes = HEAD_BYTES + asked.len() + records.len();
    // Of what comes back there is as much as it takes.
    let most = received.clamp(
        answer_bytes as u64,
        MESSAGE_BYTES_MAX.max(answer_bytes as u64),
    );
    let padding = padding(fill.padded());
    let answer_padding = padding_to(answer_bytes, most as usize);
    let count = question.addresses.len() as u8;
    let query_head = head(identifier, QUERY, [0, u8::from(!padding.is_empty())]);
    let answer_head = head(
        identifier,
        ANSWER,
        [count, u8::from(!answer_padding.is_empty())],
    );
    vec![
        Message::of_client([&query_head, &asked[..], &padding].concat()),
        Message::of_server([&answer_head, &asked[..], &records, &answer_padding].concat()),
    ]
}

/// How a question is made as long as it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    Nothing,
    /// By a label in front.
    Label(&'static str),
    /// By so many bytes of a record.
    Record(usize),
}

impl Fill {
    /// Nothing where it cannot be.
    fn of(length: usize, wanted: usize) -> Option<Self> {
        match wanted.checked_sub(length)? {
            0 => Some(Self::Nothing),
            1 => None,
            more => {
                let label = LABELS.iter().find(|label| label.len() + 1 == more);
                Some(label.map_or(Self::Record(more), |label| Self::Label(label)))
            }
        }
    }

    const fn padded(self) -> Option<usize> {
        match self {
            Self::Record(length) => Some(length),
            Self::Nothing | Self::Label(_) => None,
        }
    }
}

/// A record of extensions that is so long in all (RFC 6891 section 6.1.2, RFC 7830).
fn padding(length: Option<usize>) -> Vec<u8> {
    let Some(length) = length else {
        return Vec::new();
    };
    let zeros = vec![0; length.saturating_sub(RECORD_BYTES_MIN)];
    let option = [&PADDING.to_be_bytes(), &sized16(&zeros)[..]].concat();
    let datagram = (MESSAGE_BYTES_MAX as u16).to_be_bytes();
    let start = [&[0, 0, EXTENSIONS], &datagram[..], &[0; 4]].concat();
    [start, sized16(&option)].concat()
}

/// The record that makes a message so long, or a little longer; none where nothing is missing.
fn padding_to(length: usize, wanted: usize) -> Vec<u8> {
    let missing = wanted.saturating_sub(length);
    padding((missing > 0).then(|| missing.max(RECORD_BYTES_MIN)))
}

fn head(identifier: [u8; 2], flags: [u8; 2], [answers, additional]: [u8; 2]) -> Vec<u8> {
    let counts = [0, 1, 0, answers, 0, 0, 0, additional];
    [&identifier[..], &flags, &counts].concat()
}

/// The question for the IPv4 addresses of a name.
fn section(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| sized8(label.as_bytes()));
    let mut section: Vec<u8> = labels.collect();
    section.extend([0, 0, ADDRESS, 0, INTERNET]);
    section
}

/// Records of addresses, whose name points to that of the question.
fn records(addresses: &[IpAddr]) -> Vec<u8> {
    let mut records = Vec::new();
    for address in addresses {
        let (kind, octets) = match address {
            IpAddr::V4(address) => (ADDRESS, address.octets().to_vec()),
            IpAddr::V6(address) => (ADDRESS_6, address.octets().to_vec()),
        };
        records.extend([0xc0, HEAD_BYTES as u8, 0, kind, 0, INTERNET]);
        records.extend(LIVING_SECONDS.to_be_bytes());
        records.extend(sized16(&octets));
    }
    records
}

/// Length of a message that asks for a name: a byte before each label, and one at the end.
const fn question_bytes(name: &str) -> usize {
    HEAD_BYTES + name.len() + 2 + 4
}

/// Hosts of a domain, one of each length for which a record is too long.
const LABELS: [&str; RECORD_BYTES_MIN - 2] = [
    "a",
    "ns",
    "www",
    "mail",
    "files",
    "portal",
    "archive",
    "download",
    "documents",
    "monitoring",
    "development",
    "certificates",
    "documentation",
];

/// Longest name with any of those in front (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 253 - RECORD_BYTES_MIN;

const HEAD_BYTES: usize = 12;

/// The longest message that is sent over UDP without fragments (RFC 9715 section 3.1).
const MESSAGE_BYTES_MAX: u64 = 1_232;

/// A record of extensions with an option that has nothing in it.
const RECORD_BYTES_MIN: usize = 15;

/// Recursion is desired; the same of a response, and it is available.
const QUERY: [u8; 2] = [1, 0];
const ANSWER: [u8; 2] = [0x81, 0x80];

/// Types and classes: IANA's registry of DNS parameters.
const ADDRESS: u8 = 1;
const ADDRESS_6: u8 = 28;
const EXTENSIONS: u8 = 41;
const INTERNET: u8 = 1;
const PADDING: u16 = 12;

/// How long an answer holds.
const LIVING_SECONDS: u32 = 300;
