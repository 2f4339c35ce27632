//! Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443 section 4).

use super::cursor::Cursor;

/// An echo request or reply, with as much of its payload as tells whether it says anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ping {
    /// Whether it is a request, else it is a reply.
    pub is_request: bool,
    /// Identifier of the conversation.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// The first bytes behind the header, at most 128.
    pub payload: Box<[u8]>,
    /// A digest of all captured bytes behind these, 0 if there are none.
    pub rest: u32,
    /// Bytes of the payload, captured or not.
    pub payload_bytes: u32,
}

impl Ping {
    /// Reads a message from its header on, of which so many bytes are payload.
    pub fn read(protocol: u8, payload_bytes: u32, message: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(message);
        let (kind, code, _checksum) = (cursor.byte()?, cursor.byte()?, cursor.u16()?);
        let is_request = match (protocol, kind, code) {
            (ICMP, 8, 0) | (ICMPV6, 128, 0) => true,
            (ICMP, 0, 0) | (ICMPV6, 129, 0) => false,
            _ => return None,
        };
        let (identifier, sequence) = (cursor.u16()?, cursor.u16()?);
        let payload = cursor.rest();
        let (payload, rest) = payload
            .split_at_checked(PAYLOAD_BYTES_MAX)
            .unwrap_or((payload, &[]));
        Some(Self {
            is_request,
            identifier,
            sequence,
            payload: payload.into(),
            rest: digest(rest),
            payload_bytes,
        })
    }
}

/// FNV-1a, which tells changes and nothing more.
fn digest(bytes: &[u8]) -> u32 {
    if bytes.is_empty() {
        return 0;
    }
    let step = |state: u32, byte: &u8| (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}

/// Bytes of a payload that are kept.
const PAYLOAD_BYTES_MAX: usize = 128;

/// Protocol numbers of IANA.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_replies_are_read_and_nothing_else() {
        let message = |kind| [&[kind, 0, 9, 9, 1, 2, 3, 4][..], &[7; 200]].concat();
        for (protocol, request, reply) in [(ICMP, 8, 0), (ICMPV6, 128, 129)] {
            let ping = Ping::read(protocol, 1_000, &message(request)).unwrap();
            assert!(ping.is_request && ping.payload.len() == 128 && ping.rest != 0);
            let numbers = (ping.identifier, ping.sequence, ping.payload_bytes);
            assert_eq!(numbers, (0x0102, 0x0304, 1_000));
            assert!(!Ping::read(protocol, 0, &message(reply)).unwrap().is_request);
            assert_eq!(Ping::read(protocol, 0, &message(3)), None);
        }
        let short = Ping::read(ICMP, 0, &message(8)[..8]).unwrap();
        assert_eq!((short.payload.len(), short.rest), (0, 0));
        assert_eq!(Ping::read(ICMP, 0, &message(8)[..7]), None);
    }

    #[test]
    fn what_is_behind_the_kept_bytes_tells_in_its_digest() {
        let mut message = vec![8, 0, 0, 0, 0, 0, 0, 0];
        message.resize(8 + 400, 5);
        let before = Ping::read(ICMP, 400, &message).unwrap();
        message[300] = 6;
        let after = Ping::read(ICMP, 400, &message).unwrap();
        assert_eq!(before.payload, after.payload);
        assert_ne!(before.rest, after.rest);
    }
}
