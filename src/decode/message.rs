//! ICMP messages told apart: a question and its answer have as good as ports.

use super::{Fragment, Packet};
use crate::capture::Frame;

/// Writes where other protocols have ports what tells messages of ICMP apart, as Community ID
/// pairs them: to the sender its type, and to the receiver the type of the answer. So the
/// answer belongs to the question.
///
/// A message that has no answer goes one way. Its sender has the type and [`ONE_WAY`], and its
/// receiver the code. Nothing is written of a later fragment, or where type and code were not
/// captured. Packets still say that they have no ports.
pub fn tell_messages_apart(frame: &Frame<'_>, packet: &mut Packet) {
    let pairs = match packet.protocol {
        ICMP => PAIRS_IPV4,
        ICMPV6 => PAIRS_IPV6,
        _ => return,
    };
    let payload = packet.payload_offset;
    if packet.fragment() == Fragment::Later || payload == u16::MAX {
        return;
    }
    let start = usize::from(payload).checked_sub(HEADER_BYTES);
    let header = start.and_then(|start| frame.data.get(start..));
    let Some([kind, code, ..]) = header else {
        return;
    };
    let answer = pairs.iter().find_map(|(a, b)| match kind {
        kind if kind == a => Some(b),
        kind if kind == b => Some(a),
        _ => None,
    });
    (packet.src_port, packet.dst_port) = match answer {
        Some(answer) => (u16::from(*kind), u16::from(*answer)),
        None => (u16::from(*kind) | ONE_WAY, u16::from(*code)),
    };
}

/// Marks the sender of a message that has no answer. Without it, messages of two ends whose
/// type is as large as their code would be one conversation.
pub const ONE_WAY: u16 = 1 << 8;

/// IANA's protocol number of ICMP.
pub const ICMP: u8 = 1;

/// IANA's protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;

/// Bytes of a message's header, which end where its payload starts.
const HEADER_BYTES: usize = 8;

/// Types of questions and their answers: echo, router discovery, timestamp, information,
/// address mask (RFC 792, RFC 1256, RFC 950).
const PAIRS_IPV4: &[(u8, u8)] = &[(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)];

/// The same of ICMPv6: echo, listener query and report, router and neighbour discovery, who
/// are you, home agent discovery (RFC 4443, RFC 2710, RFC 4861, RFC 4620, RFC 6275).
const PAIRS_IPV6: &[(u8, u8)] = &[
    (128, 129),
    (130, 131),
    (133, 134),
    (135, 136),
    (139, 140),
    (144, 145),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::decode::Facts;

    fn told_apart(data: &[u8], packet: &mut Packet) -> (u16, u16) {
        let frame = Frame {
            timestamp: packet.timestamp,
            original_length: packet.wire_bytes,
            link_type: LinkType::RAW,
            data,
        };
        tell_messages_apart(&frame, packet);
        (packet.src_port, packet.dst_port)
    }

    fn ports(protocol: u8, header: [u8; 2], facts: Facts) -> (u16, u16) {
        let data = [[0; 20].as_slice(), &header, &[0; 6]].concat();
        let mut packet = Packet {
            protocol,
            payload_offset: 28,
            facts,
            ..Packet::default()
        };
        told_apart(&data, &mut packet)
    }

    #[test]
    fn an_answer_has_the_ports_of_its_question_the_other_way_round() {
        let whole = Facts::default();
        for (protocol, pairs) in [(ICMP, PAIRS_IPV4), (ICMPV6, PAIRS_IPV6)] {
            for (question, answer) in pairs {
                let there = ports(protocol, [*question, 0], whole);
                assert_eq!(there, (u16::from(*question), u16::from(*answer)));
                let back = ports(protocol, [*answer, 7], whole);
                assert_eq!(back, (there.1, there.0));
            }
        }
        assert_eq!(ports(ICMP, [3, 3], whole), (3 | ONE_WAY, 3));
        assert_eq!(ports(ICMPV6, [1, 4], whole), (1 | ONE_WAY, 4));
        // What are pairs of one version go one way in the other.
        assert_eq!(ports(ICMPV6, [8, 0], whole), (8 | ONE_WAY, 0));
    }

    #[test]
    fn other_protocols_and_later_fragments_have_none() {
        assert_eq!(ports(17, [8, 0], Facts::default()), (0, 0));
        assert_eq!(ports(ICMP, [8, 0], Facts::LATER_FRAGMENT), (0, 0));
        let mut packet = Packet {
            protocol: ICMP,
            ..Packet::default()
        };
        for payload_offset in [0, 7, 9, u16::MAX] {
            packet.payload_offset = payload_offset;
            assert_eq!(told_apart(&[8], &mut packet), (0, 0));
        }
    }
}
