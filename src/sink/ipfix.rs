//! Messages of IPFIX (RFC 7011) with flows as biflows (RFC 5103).
//!
//! A flow of which both sides were heard is one record: its elements, and those of the other
//! direction with the reverse enterprise number. Only elements of IANA's registry are used. Times
//! of messages are packet time, so that the same flows make the same messages.

use std::net::IpAddr;

use super::FlowEvent;
use crate::flow::{End, Traffic};

/// Makes messages, and keeps count for one transport session.
#[derive(Debug)]
pub struct IpfixMessages {
    /// The longest message that is made.
    message_bytes_max: usize,
    /// Whether templates are told again, as they may be lost.
    repeats_templates: bool,
    /// Data records that were sent in the session (RFC 7011 section 3.1).
    sequence: u32,
    /// Messages since templates were told; nothing before they were.
    since_templates: Option<u32>,
    /// Second of packet time at which they were.
    templates_told: u32,
}

/// A message, and of how many flows it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpfixMessage {
    /// As it is sent.
    pub bytes: Vec<u8>,
    /// Flows in it.
    pub flows: usize,
}

/// The longest datagram: it goes through Ethernet and a tunnel or two in one piece.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// The longest message of a stream. The format has room for 65,535.
pub const STREAM_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Templates are told again after so many messages, if they are datagrams,
const TEMPLATE_MESSAGES: u32 = 20;

/// or when this many seconds of packet time are over.
const TEMPLATE_SECONDS: u32 = 60;

/// Version 10 (RFC 7011 section 3.1).
const VERSION: u16 = 10;

/// Observation domains are those of a sensor, of which there is one.
const DOMAIN: u32 = 1;

const HEADER_BYTES: usize = 16;
const SET_HEADER_BYTES: usize = 4;

/// The set of templates (RFC 7011 section 3.3.2).
const TEMPLATE_SET: u16 = 2;

/// Templates have numbers from 256 on; the lower bits say what is in them.
const TEMPLATES: u16 = 256;
const WITH_IPV6: u16 = 1;
const WITH_VLAN: u16 = 2;
const WITH_REVERSE: u16 = 4;
const TEMPLATES_END: u16 = TEMPLATES + 8;

/// The enterprise number of reverse elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29_305;

/// An element: its number and length, and whether it is that of the other direction.
type Element = (u16, u16, bool);

/// The elements of a template, in the order in which [`write_record`] writes them. Numbers are
/// those of IANA's registry "IPFIX Information Elements".
fn elements(template: u16) -> impl Iterator<Item = Element> {
    let has = move |bit| template & bit != 0;
    let addresses = match has(WITH_IPV6) {
        // sourceIPv6Address, destinationIPv6Address
        true => [(27, 16, false), (28, 16, false)],
        // sourceIPv4Address, destinationIPv4Address
        false => [(8, 4, false), (12, 4, false)],
    };
    const COMMON: [Element; 11] = [
        (152, 8, false), // flowStartMilliseconds
        (153, 8, false), // flowEndMilliseconds
        (1, 8, false),   // octetDeltaCount
        (2, 8, false),   // packetDeltaCount
        (7, 2, false),   // sourceTransportPort
        (11, 2, false),  // destinationTransportPort
        (4, 1, false),   // protocolIdentifier
        (136, 1, false), // flowEndReason
        (239, 1, false), // biflowDirection
        (16, 4, false),  // bgpSourceAsNumber
        (17, 4, false),  // bgpDestinationAsNumber
    ];
    const OF_VLAN: [Element; 1] = [(58, 2, false)]; // vlanId
    const OF_REVERSE: [Element; 2] = [(1, 8, true), (2, 8, true)];
    let chosen = |elements: &'static [Element], is_in: bool| match is_in {
        true => elements,
        false => &[],
    };
    let rest = COMMON.iter();
    let rest = rest.chain(chosen(&OF_VLAN, has(WITH_VLAN)));
    let rest = rest.chain(chosen(&OF_REVERSE, has(WITH_REVERSE)));
    addresses.into_iter().chain(rest.copied())
}

impl IpfixMessages {
    /// For datagrams, which may be lost: templates are told again and again (RFC 7011 section
    /// 8.4).
    pub const fn for_datagrams() -> Self {
        Self::new(DATAGRAM_BYTES_MAX, true)
    }

    /// For one connection, at the beginning of which templates are told.
    pub const fn for_stream() -> Self {
        Self::new(STREAM_MESSAGE_BYTES_MAX, false)
    }

    const fn new(message_bytes_max: usize, repeats_templates: bool) -> Self {
        Self {
            message_bytes_max,
            repeats_templates,
            sequence: 0,
            since_templates: None,
            templates_told: 0,
        }
    }

    /// The message that tells of as many of the next flows as it has room for.
    pub fn next(&self, flows: &[FlowEvent]) -> IpfixMessage {
        let time = flows.first().map_or(0, |flow| seconds(flow.tick.0));
        let mut bytes = Vec::with_capacity(self.message_bytes_max);
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend([0; 2]);
        bytes.extend(time.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(DOMAIN.to_be_bytes());
        if self.are_templates_due(time) {
            write_templates(&mut bytes);
        }
        let mut told = 0;
        for of_template in flows.chunk_by(|a, b| template(a) == template(b)) {
            let room = self.message_bytes_max.saturating_sub(bytes.len());
            let Some(first) = of_template.first().map(template) else {
                break;
            };
            let record_bytes: usize = elements(first)
                .map(|(_, length, _)| usize::from(length))
                .sum();
            let fitting = room.saturating_sub(SET_HEADER_BYTES) / record_bytes;
            let taken = of_template.len().min(fitting);
            if taken == 0 {
                break;
            }
            write_set(&mut bytes, first, |bytes| {
                for flow in of_template.iter().take(taken) {
                    write_record(bytes, flow);
                }
            });
            told += taken;
            if taken < of_template.len() {
                break;
            }
        }
        set_length(&mut bytes, 0, 2);
        IpfixMessage { bytes, flows: told }
    }

    /// Takes note that a message was sent.
    pub fn sent(&mut self, message: &IpfixMessage, flows: &[FlowEvent]) {
        let time = flows.first().map_or(0, |flow| seconds(flow.tick.0));
        if self.are_templates_due(time) {
            (self.since_templates, self.templates_told) = (Some(0), time);
        }
        self.since_templates = self.since_templates.map(|count| count.saturating_add(1));
        self.sequence = self.sequence.wrapping_add(message.flows as u32);
    }

    fn are_templates_due(&self, time: u32) -> bool {
        let Some(messages) = self.since_templates else {
            return true;
        };
        let is_old = time.saturating_sub(self.templates_told) >= TEMPLATE_SECONDS;
        self.repeats_templates && (messages >= TEMPLATE_MESSAGES || is_old)
    }
}

fn write_templates(bytes: &mut Vec<u8>) {
    write_set(bytes, TEMPLATE_SET, |bytes| {
        for template in TEMPLATES..TEMPLATES_END {
            bytes.extend(template.to_be_bytes());
            bytes.extend((elements(template).count() as u16).to_be_bytes());
            for (number, length, is_reverse) in elements(template) {
                let enterprise_bit = u16::from(is_reverse) << 15;
                bytes.extend((number | enterprise_bit).to_be_bytes());
                bytes.extend(length.to_be_bytes());
                if is_reverse {
                    bytes.extend(REVERSE.to_be_bytes());
                }
            }
        }
    });
}

/// Writes a set with its number and length in front (RFC 7011 section 3.3).
fn write_set(bytes: &mut Vec<u8>, number: u16, write: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.extend(number.to_be_bytes());
    bytes.extend([0; 2]);
    write(bytes);
    set_length(bytes, start, start + 2);
}

/// Puts the bytes from `start` on into the two at `place`.
fn set_length(bytes: &mut [u8], start: usize, place: usize) {
    let length = (bytes.len() - start) as u16;
    if let Some(field) = bytes.get_mut(place..place + 2) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Which template a flow is written by.
fn template(flow: &FlowEvent) -> u16 {
    let bit = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
    let is_ipv6 = flow.src.address.is_ipv6() || flow.dst.address.is_ipv6();
    TEMPLATES
        | bit(is_ipv6, WITH_IPV6)
        | bit(flow.vlan.is_some(), WITH_VLAN)
        | bit(!flow.is_one_way(), WITH_REVERSE)
}

fn write_record(bytes: &mut Vec<u8>, flow: &FlowEvent) {
    let template = template(flow);
    for end in [flow.src, flow.dst] {
        match (end.address, template & WITH_IPV6 != 0) {
            (IpAddr::V4(v4), false) => bytes.extend(v4.octets()),
            (IpAddr::V4(v4), true) => bytes.extend(v4.to_ipv6_mapped().octets()),
            (IpAddr::V6(v6), _) => bytes.extend(v6.octets()),
        }
    }
    for moment in [flow.first, flow.last] {
        bytes.extend((moment.as_nanos() / NANOS_PER_MILLISECOND).to_be_bytes());
    }
    write_counts(bytes, &flow.forward);
    bytes.extend(flow.src.port.to_be_bytes());
    bytes.extend(flow.dst.port.to_be_bytes());
    bytes.push(flow.protocol);
    bytes.push(end_reason(flow.end));
    // Who began is a guess where the opening was not seen (RFC 5103 section 6.3).
    bytes.push(u8::from(!flow.midstream));
    for asn in flow.asns {
        bytes.extend(asn.to_be_bytes());
    }
    if let Some(vlan) = flow.vlan {
        bytes.extend(vlan.to_be_bytes());
    }
    if !flow.is_one_way() {
        write_counts(bytes, &flow.reverse);
    }
}

/// Octets of IP packets with their headers, and packets.
fn write_counts(bytes: &mut Vec<u8>, traffic: &Traffic) {
    bytes.extend(traffic.ip_bytes.to_be_bytes());
    bytes.extend(traffic.packets.to_be_bytes());
}

/// flowEndReason (RFC 5102 section 5.11.3).
const fn end_reason(end: End) -> u8 {
    match end {
        End::Idle => 1,
        End::Active => 2,
        End::Fin | End::Rst => 3,
        End::EndOfInput => 4,
        End::Evicted => 5,
    }
}

/// Seconds as messages have them, until 2106.
fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

const NANOS_PER_MILLISECOND: u64 = 1_000_000;

const _: () = assert!(HEADER_BYTES + 700 + SET_HEADER_BYTES + 120 < DATAGRAM_BYTES_MAX);

#[cfg(test)]
mod tests;
