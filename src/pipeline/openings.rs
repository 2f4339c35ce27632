//! Which packets may carry the beginning of a conversation, and their payload.

use crate::capture::Frame;
use crate::decode::{Facts, Packet, TcpSegment};
use crate::dissect::{PREFIX_BYTES_MAX, begins_with_hello, bytes_wanted, is_quic_version};

/// Finds packets whose payload is worth reading, in constant memory and time.
///
/// It remembers the conversations that opened last, each in the one place that its ends hash
/// to, and asks for a few packets of both directions behind a SYN or what looks like a known
/// protocol. Who shares a place with another may lose by it: what it says is not read then.
#[derive(Debug)]
pub(super) struct Openings {
    places: Box<[Place; PLACES]>,
    /// A bit for each place of which more is asked for.
    asked: Box<[u64; PLACES / 64]>,
    /// What is sent in the clear is to be read, too.
    reads_content: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Tells its conversation from nearly all others.
    tag: u32,
    /// Bytes of payload that are still asked for.
    bytes: u16,
    /// Packets that are still asked for.
    left: u8,
    /// Who asked for the handshake of TLS that is waited for, if one is.
    client: Client,
}

// All of them lie in the second cache of a processor.
const _: () = assert!(size_of::<Place>() == 8);

/// The client of a handshake of TLS, by its place in the order of the two ends, and whether its
/// hello came whole, so that the server's answer is all that is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Client {
    #[default]
    None,
    Low,
    High,
    LowIsDone,
    HighIsDone,
}

impl Client {
    const fn is(self, side: Side) -> bool {
        match side {
            Side::Low => matches!(self, Self::Low | Self::LowIsDone),
            Side::High => matches!(self, Self::High | Self::HighIsDone),
        }
    }

    const fn is_done(self) -> bool {
        matches!(self, Self::LowIsDone | Self::HighIsDone)
    }

    /// The sender of the first segment of a conversation that is known.
    fn of(side: Side, first: &[u8]) -> Self {
        let is_hello = matches!(first, [HANDSHAKE, _, _, _, _, CLIENT_HELLO, ..]);
        match (side, has_whole_message(first)) {
            _ if !is_hello => Self::None,
            (Side::Low, false) => Self::Low,
            (Side::High, false) => Self::High,
            (Side::Low, true) => Self::LowIsDone,
            (Side::High, true) => Self::HighIsDone,
        }
    }
}

/// An end of a conversation, by its place in the order of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Low,
    High,
}

const PLACES: usize = 1 << 14;

/// Packets with payload that are asked for behind a SYN.
const PACKETS_OF_ANY: u8 = 3;

/// Packets that are asked for once a known protocol has begun: hellos, and the commands before
/// STARTTLS.
const PACKETS_OF_KNOWN: u8 = 20;

/// Bytes that are read of a packet, and of one that is like nothing known: enough to tell
/// whether it looks random. Less than the least tells nothing.
const PIECE_BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;
const UNKNOWN_BYTES_MAX: usize = 512;
const UNKNOWN_BYTES_MIN: usize = 48;

impl Openings {
    /// Remembers nothing yet; `reads_content` says whether the class of what is sent in the
    /// clear is asked for.
    pub(super) fn new(reads_content: bool) -> Self {
        Self {
            places: Box::new([Place::default(); PLACES]),
            asked: Box::new([0; PLACES / 64]),
            reads_content,
        }
    }

    /// The payload of a packet, if it is to be read.
    ///
    /// Half of all packets have none, and most of the others are of conversations that go on:
    /// those are known by their first byte and a bit, and nothing else is done for them.
    #[inline(always)]
    pub(super) fn piece<'a>(&mut self, frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
        let is_opening = packet.tcp_flags & TcpSegment::SYN != 0;
        if packet.payload_bytes == 0 && !is_opening {
            return None;
        }
        let payload = frame.data.get(usize::from(packet.payload_offset)..);
        let payload = payload.unwrap_or_default();
        if !packet.facts.has(Facts::TCP) {
            let is_told = packet.protocol != UDP || may_tell(payload, packet);
            return is_told.then(|| of_datagram(frame, packet))?;
        }
        let first = usize::from(*payload.first().unwrap_or(&u8::MAX));
        let number = place_number(packet);
        let is_asked = is_opening || self.asked[number / 64] >> (number % 64) & 1 != 0;
        let may_be_known = FIRST_BYTES[first / 64] >> (first % 64) & 1 != 0;
        if is_asked || may_be_known {
            return self.of_asked(number, is_asked, frame, packet);
        }
        None
    }

    #[inline(never)]
    fn of_asked<'a>(
        &mut self,
        number: usize,
        is_asked: bool,
        frame: &Frame<'a>,
        packet: &Packet,
    ) -> Option<&'a [u8]> {
        let payload = payload(frame, packet);
        if !is_asked && !payload.is_some_and(is_known) {
            return None;
        }
        let is_opening = packet.tcp_flags & TcpSegment::SYN != 0;
        let is_low = (packet.src, packet.src_port) < (packet.dst, packet.dst_port);
        let side = if is_low { Side::Low } else { Side::High };
        let place = &mut self.places[number];
        // Messages of DNS stand behind their length, often alone in the first segment.
        let is_of_names = packet.src_port == DNS_PORT || packet.dst_port == DNS_PORT;
        let piece = place.piece((tag(packet), side), is_opening, is_of_names, payload);
        if !self.reads_content && piece.is_some_and(is_request) {
            place.stop();
        }
        let bit = 1 << (number % 64);
        if place.left > 0 {
            self.asked[number / 64] |= bit;
        } else {
            self.asked[number / 64] &= !bit;
        }
        piece
    }
}

impl Place {
    /// The payload of a packet whose conversation has this tag, if it is to be read.
    fn piece<'a>(
        &mut self,
        (tag, side): (u32, Side),
        is_opening: bool,
        is_of_names: bool,
        payload: Option<&'a [u8]>,
    ) -> Option<&'a [u8]> {
        if is_opening {
            if self.tag != tag {
                *self = Self {
                    tag,
                    ..Self::default()
                };
            }
            self.left = self.left.max(PACKETS_OF_ANY);
        }
        let payload = payload?;
        if self.tag == tag && self.bytes > 0 {
            return self.take(side, payload);
        }
        let is_begun = self.tag == tag && self.left > 0;
        let has_names = is_of_names && is_begun;
        if has_names || is_known(payload) {
            let bytes = if has_names {
                PREFIX_BYTES_MAX
            } else {
                bytes_wanted(payload)
            };
            *self = Self {
                tag,
                left: PACKETS_OF_KNOWN,
                bytes: bytes as u16,
                client: Client::of(side, payload),
            };
            return self.take(side, payload);
        }
        if !is_begun {
            return None;
        }
        self.left -= 1;
        let is_telling = payload.len() >= UNKNOWN_BYTES_MIN;
        is_telling.then(|| payload.get(..UNKNOWN_BYTES_MAX).unwrap_or(payload))
    }

    /// Takes the payload of a packet off what is asked for of a known protocol.
    fn take<'a>(&mut self, side: Side, payload: &'a [u8]) -> Option<&'a [u8]> {
        if self.client.is(side) && self.client.is_done() && !is_known(payload) {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                self.stop();
            }
            return None;
        }
        let is_answer = self.client != Client::None && !self.client.is(side);
        if is_answer {
            // Where it goes on, its next segment may begin with anything.
            self.client = Client::None;
            let end = certificate_end(payload).unwrap_or(0);
            self.bytes = self.bytes.max(end.min(CERTIFICATE_BYTES_MAX) as u16);
        }
        let is_last = is_answer && !goes_on(payload);
        let mut wanted = usize::from(self.bytes);
        if is_last {
            wanted = wanted.min(last_bytes(payload));
        }
        let taken = payload.get(..wanted).unwrap_or(payload);
        self.left = self.left.saturating_sub(1);
        self.bytes -= taken.len() as u16;
        if self.left == 0 || self.bytes == 0 || is_last {
            self.stop();
        }
        Some(taken)
    }

    /// Asks for nothing more.
    const fn stop(&mut self) {
        (self.left, self.bytes) = (0, 0);
    }
}

/// Whether a segment has the first message of its first record whole (RFC 8446 section 4).
fn has_whole_message(payload: &[u8]) -> bool {
    let &[
        HANDSHAKE,
        _,
        _,
        high,
        low,
        _,
        0,
        message_high,
        message_low,
        ref rest @ ..,
    ] = payload
    else {
        return false;
    };
    let record_bytes = usize::from(u16::from_be_bytes([high, low]));
    let message_bytes = usize::from(u16::from_be_bytes([message_high, message_low]));
    record_bytes >= message_bytes + 4 && rest.len() >= message_bytes
}

/// Whether more of a server's answer is to be read behind its first segment: its hello is
/// cut or asks for another one, or certificates follow, behind which the group stands. What
/// is encrypted, or is no TLS, ends it. If segments came in another order, the hello is known
/// when it comes.
fn goes_on(answer: &[u8]) -> bool {
    let &[kind, _, _, high, low, ref behind @ ..] = answer else {
        return true;
    };
    if !(CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind) {
        return false;
    }
    let is_retry = behind.get(6..10) == Some(&RETRY_RANDOM_BEGIN);
    let next = behind.get(usize::from(u16::from_be_bytes([high, low])));
    let is_encrypted = matches!(next, Some(&(CHANGE_CIPHER_SPEC | APPLICATION_DATA)));
    kind != HANDSHAKE || is_retry || !is_encrypted
}

/// How much is to be read of an answer that does not go on: its first record, and what says that
/// something else follows. Of what is no TLS that alone; the second version of SSL is looked at.
fn last_bytes(answer: &[u8]) -> usize {
    match *answer {
        [HANDSHAKE, _, _, high, low, ..] => {
            let record_bytes = usize::from(u16::from_be_bytes([high, low]));
            RECORD_HEADER_BYTES + record_bytes + RECORD_HEADER_BYTES
        }
        [0x80..=0xff, _, CLIENT_HELLO | SERVER_HELLO_OLD, ..] => answer.len(),
        _ => RECORD_HEADER_BYTES,
    }
}

/// Where the first certificate ends that an answer begins to show behind its hello, in the same
/// record or in the next one (RFC 5246 sections 7.4.1.3 and 7.4.2). Nothing where the first
/// segment does not tell.
fn certificate_end(answer: &[u8]) -> Option<usize> {
    let number = |at: usize| match answer.get(at..at.checked_add(3)?)? {
        [high, middle, low] => Some(u32::from_be_bytes([0, *high, *middle, *low]) as usize),
        _ => None,
    };
    let &[HANDSHAKE, _, _, high, low, SERVER_HELLO, ..] = answer else {
        return None;
    };
    let record_end = RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
    let hello_end = RECORD_HEADER_BYTES + 4 + number(RECORD_HEADER_BYTES + 1)?;
    let begin = match hello_end.cmp(&record_end) {
        std::cmp::Ordering::Less => hello_end,
        _ if answer.get(record_end) == Some(&HANDSHAKE) => record_end + RECORD_HEADER_BYTES,
        _ => return None,
    };
    let is_certificate = answer.get(begin) == Some(&CERTIFICATE);
    // Its length, that of all, and that of the first.
    let length = number(begin + 7).filter(|_| is_certificate)?;
    // It may be cut into more records.
    Some(begin + 10 + length + 2 * RECORD_HEADER_BYTES)
}

/// Bytes of a server within which a certificate is waited for.
const CERTIFICATE_BYTES_MAX: usize = 8_192;

const RECORD_HEADER_BYTES: usize = 5;

/// Whether a segment is a whole request of HTTP without content, behind which nothing is to be
/// read but the class of what is sent.
fn is_request(payload: &[u8]) -> bool {
    payload.ends_with(b"\r\n\r\n") && payload.starts_with(b"GET ")
}

/// Types of records and messages of TLS (RFC 8446 sections 4 and 5.1), and the first bytes of
/// the random of a hello that asks for another one (section 4.1.3).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// The server's hello of the second version of SSL.
const SERVER_HELLO_OLD: u8 = 4;
const RETRY_RANDOM_BEGIN: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];

/// Whether a datagram may be one that says what it is: [`of_datagram`] looks at nearly none of the
/// others.
#[inline(always)]
fn may_tell(datagram: &[u8], packet: &Packet) -> bool {
    // What is cut is looked at.
    let Some([first, version @ ..]) = datagram.first_chunk::<5>() else {
        return true;
    };
    let at = usize::from(*first);
    let is_long = (first & 0x80 != 0) & is_quic_version(u32::from_be_bytes(*version));
    let is_other = FIRST_BYTES_OF_DATAGRAMS[at / 64] >> (at % 64) & 1 != 0;
    let has_port = |port: u16| (port == DNS_PORT) | (port == IKE_PORTS[0]) | (port == IKE_PORTS[1]);
    is_long | is_other | has_port(packet.src_port) | has_port(packet.dst_port)
}

/// The payload of a datagram that says what it is, or a ping from its header on.
#[inline(never)]
fn of_datagram<'a>(frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
    if matches!(packet.protocol, ICMP | ICMPV6) {
        return ping(frame, packet);
    }
    if packet.protocol != UDP || !packet.facts.has(Facts::PORTS) {
        return None;
    }
    let payload = payload(frame, packet)?;
    let is_of = |port: u16| packet.src_port == port || packet.dst_port == port;
    // A message of DNS with one question (RFC 1035 section 4.1.1).
    let is_dns = is_of(DNS_PORT) && matches!(payload, [_, _, _, _, 0, 1, ..]);
    let is_ike = IKE_PORTS.into_iter().any(is_of);
    let is_tunnel = matches!(
        payload,
        // WireGuard's first and second message, OpenVPN's resets, handshakes of DTLS, all of
        // which count: fragments come in their order.
        [1 | 2, 0, 0, 0, ..] | [0x38 | 0x40 | 0x50, ..] | [22, 254, 253 | 255, ..]
    );
    (is_dns || is_ike || is_tunnel || begins_with_hello(payload)).then_some(payload)
}

/// An echo request or reply: no error, which would repeat what another packet has said.
fn ping<'a>(frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
    let payload = payload(frame, packet)?;
    let begin = usize::from(packet.payload_offset).checked_sub(PING_HEADER_BYTES)?;
    let message = frame.data.get(begin..)?;
    let is_ping = matches!(
        (packet.protocol, message.first()?),
        (ICMP, 0 | 8) | (ICMPV6, 128 | 129)
    );
    is_ping.then(|| message.get(..PING_HEADER_BYTES + payload.len()))?
}

/// Bytes of the header of a ping (RFC 792, RFC 4443 section 4).
const PING_HEADER_BYTES: usize = 8;

const DNS_PORT: u16 = 53;
const IKE_PORTS: [u16; 2] = [500, 4_500];

/// The captured part of the payload, unless it is of a fragment.
#[inline]
fn payload<'a>(frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
    let is_fragment = packet.facts.0 & (Facts::FIRST_FRAGMENT.0 | Facts::LATER_FRAGMENT.0) != 0;
    if is_fragment || packet.payload_offset == u16::MAX {
        return None;
    }
    let captured = frame.data.get(usize::from(packet.payload_offset)..)?;
    let length = (packet.payload_bytes as usize).min(PIECE_BYTES_MAX);
    let payload = captured.get(..length).unwrap_or(captured);
    (!payload.is_empty()).then_some(payload)
}

/// The first bytes of what [`is_known`] knows, a bit each. They rule out nearly all of what is
/// encrypted, without a branch for each protocol: what is random would mislead the processor at
/// every one of them. One that was not captured counts as the last, which is not among them.
const FIRST_BYTES: [u64; 4] = bits(&[
    0, 3, 4, 5, 22, 0x80, b'*', b'+', b'0', b'2', b'C', b'D', b'G', b'H', b'O', b'P', b'S',
]);

/// The same of datagrams that are told by what they begin with: those of tunnels and DTLS, and of
/// QUIC the public header of a client that says its version. The long one is told by that.
const FIRST_BYTES_OF_DATAGRAMS: [u64; 4] = bits(&[
    1, 2, 22, 0x38, 0x40, 0x50, 0x09, 0x0b, 0x0d, 0x0f, 0x19, 0x1b, 0x1d, 0x1f, 0x29, 0x2b, 0x2d,
    0x2f, 0x39, 0x3b, 0x3d, 0x3f,
]);

const fn bits(numbers: &[u8]) -> [u64; 4] {
    let mut bits = [0; 4];
    let mut rest = numbers;
    while let [number, others @ ..] = rest {
        bits[*number as usize / 64] |= 1 << (*number % 64);
        rest = others;
    }
    bits
}

#[inline(never)]
fn is_known(payload: &[u8]) -> bool {
    let Some(first) = payload.first_chunk::<4>() else {
        // The methods of SOCKS5 may be one.
        return matches!(payload, [5, 1, _]);
    };
    matches!(
        first,
        // Records of TLS and TLCP, the hello of SSLv2, TPKT.
        [22, 1 | 3, ..=4, _] | [0x80, _, 1, 0 | 3] | [3, 0, 0, _]
            // SOCKS4; LDAP, with a length as it is short or as Windows writes it.
            | [4, 1, ..] | [b'0', 5..=0x7f, 2, 1..=4] | [b'0', 0x84, 0, 0]
            // SOCKS5, PostgreSQL asking for TLS, OpenVPN.
            | [5, 1..=3, 0..=2, _] | [0, 0, 0, 8] | [0, _, 0x38 | 0x50, _]
            // SSH; mail and FTP greet with a status.
            | b"SSH-" | b"220 " | b"220-" | b"* OK" | b"* PR" | b"+OK "
            // HTTP and WebDAV.
            | b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"PATC" | b"CONN"
            | b"PRI " | b"PROP" | b"HTTP"
    ) || matches!(payload, [0, _, _, _, 0xfd..=0xff, b'S', b'M', b'B', ..])
}

/// The place of a packet's conversation, the same for both directions. Which conversations
/// share one must not change from run to run, so nothing secret goes into it; and it is asked
/// of every packet, so it is cheap.
#[inline(always)]
const fn place_number(packet: &Packet) -> usize {
    // Of addresses the low half, read as it was just written: a wider read would wait until
    // both halves are in memory.
    let ends = packet.src as u64 ^ packet.dst as u64;
    let ports = packet.src_port ^ packet.dst_port;
    let folded = ends as u32 ^ (ends >> 32) as u32 ^ (ports as u32) << 9;
    (folded.wrapping_mul(0x9e37_79b1) >> (u32::BITS - PLACES.ilog2())) as usize
}

/// Tells a conversation from nearly all others in its place, the same for both directions.
const fn tag(packet: &Packet) -> u32 {
    let ends = packet.src ^ packet.dst;
    let ends = ends as u64 ^ (ends >> 64) as u64;
    let ports = packet.src_port ^ packet.dst_port;
    let sums = (packet.src as u64).wrapping_add(packet.dst as u64);
    let ports_sum = packet.src_port as u64 + packet.dst_port as u64;
    let folded = ends ^ (ports as u64) << 40 ^ sums.rotate_left(23) ^ ports_sum << 17;
    let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29) as u32
}

const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::time::Timestamp;

    const HEAD_BYTES: usize = 54;

    /// A segment from the client of a port, and how much of its payload is asked for.
    fn ask(openings: &mut Openings, port: u16, flags: u8, payload: &[u8]) -> Option<usize> {
        give(openings, [(1, port), (2, 443)], flags, payload)
    }

    /// The same from the server.
    fn answer(openings: &mut Openings, port: u16, payload: &[u8]) -> Option<usize> {
        give(openings, [(2, 443), (1, port)], 0x10, payload)
    }

    fn give(
        openings: &mut Openings,
        [(src, src_port), (dst, dst_port)]: [(u128, u16); 2],
        flags: u8,
        payload: &[u8],
    ) -> Option<usize> {
        let mut data = vec![0; HEAD_BYTES];
        data.extend_from_slice(payload);
        let frame = Frame {
            timestamp: Timestamp::ZERO,
            original_length: data.len() as u32,
            link_type: LinkType::ETHERNET,
            data: &data,
        };
        let packet = Packet {
            src,
            dst,
            src_port,
            dst_port,
            protocol: 6,
            tcp_flags: flags,
            payload_offset: HEAD_BYTES as u16,
            payload_bytes: payload.len() as u32,
            facts: Facts::TCP.with(Facts::PORTS),
            ..Packet::default()
        };
        openings.piece(&frame, &packet).map(<[u8]>::len)
    }

    #[test]
    fn a_few_packets_behind_a_syn_are_asked_for() {
        let mut openings = Openings::new(false);
        let random = [0xa5; 1_000];
        assert_eq!(
            ask(&mut openings, 7, 0x10, &random),
            None,
            "no beginning was seen"
        );
        assert_eq!(ask(&mut openings, 7, TcpSegment::SYN, b""), None);
        for _ in 0..PACKETS_OF_ANY {
            assert_eq!(
                ask(&mut openings, 7, 0x10, &random),
                Some(UNKNOWN_BYTES_MAX)
            );
        }
        assert_eq!(ask(&mut openings, 7, 0x10, &random), None);
        assert_eq!(
            ask(&mut openings, 8, 0x10, &random),
            None,
            "another conversation"
        );
    }

    #[test]
    fn what_looks_known_is_asked_for_up_to_a_bound() {
        let mut openings = Openings::new(false);
        let mut hello = vec![22, 3, 1, 2, 0];
        hello.resize(1_400, 0xa5);
        assert_eq!(ask(&mut openings, 7, 0x10, &hello), Some(1_400));
        let mut bytes = 1_400;
        for _ in 0..PACKETS_OF_KNOWN {
            bytes += ask(&mut openings, 7, 0x10, &[0xa5; 1_400]).unwrap_or(0);
        }
        assert_eq!(bytes, bytes_wanted(&hello));
        hello[3..5].copy_from_slice(&[0x30, 0]);
        assert_eq!(bytes_wanted(&hello), 0x3000 + 2_048);
        for _ in 0..PACKETS_OF_KNOWN {
            ask(&mut openings, 9, 0x10, b"220 a\r\n");
        }
        assert_eq!(ask(&mut openings, 9, 0x10, b"more\r\n"), None);
    }

    #[test]
    fn nothing_is_asked_for_behind_the_answer_to_a_hello() {
        let mut hello = vec![22, 3, 1, 0, 195, 1, 0, 0, 191];
        hello.resize(100, 7);
        let mut whole = vec![22, 3, 3, 0, 95, 2, 0, 0, 91];
        whole.resize(100, 7);
        let cut = [&[22, 3, 3, 4, 0, 2, 0, 3, 252][..], &[7; 91]].concat();
        let mut again = whole.clone();
        again[11..15].copy_from_slice(&RETRY_RANDOM_BEGIN);
        let encrypted = [&whole[..], &[20, 3, 3, 0, 1, 1, 23, 3, 3]].concat();
        let retry = [&again[..], &[20, 3, 3, 0, 1, 1]].concat();
        let certificates = [&whole[..], &[22, 3, 3, 1, 0, 11]].concat();
        let random = vec![0xa5; 100];
        let old = vec![0x80, 98, 4, 0, 1, 0, 2];
        let header = RECORD_HEADER_BYTES;
        for (port, (first, taken, goes_on)) in (1..).zip([
            (&encrypted, whole.len() + header, false),
            (&random, header, false),
            (&old, old.len(), false),
            (&cut, cut.len(), true),
            (&retry, retry.len(), true),
            (&certificates, certificates.len(), true),
        ]) {
            let mut openings = Openings::new(false);
            assert_eq!(ask(&mut openings, port, 0x10, &hello), Some(100));
            assert_eq!(
                ask(&mut openings, port, 0x10, &random),
                Some(100),
                "its second part"
            );
            assert_eq!(answer(&mut openings, port, first), Some(taken));
            let next = goes_on.then_some(100);
            assert_eq!(answer(&mut openings, port, &random), next, "{first:?}");
            assert_eq!(answer(&mut openings, port, &random), next, "{first:?}");
            assert_eq!(answer(&mut openings, port, &whole), Some(100), "a late one");
        }
    }

    #[test]
    fn behind_a_whole_hello_only_the_answer_is_asked_for() {
        let mut hello = vec![22, 3, 1, 0, 95, 1, 0, 0, 91];
        hello.resize(100, 7);
        let mut whole = vec![22, 3, 3, 0, 95, 2, 0, 0, 91];
        whole.resize(100, 7);
        let mut openings = Openings::new(false);
        for flags in [0x10, TcpSegment::SYN, 0x10] {
            assert_eq!(
                ask(&mut openings, 7, flags, &hello),
                Some(100),
                "also again"
            );
            assert_eq!(ask(&mut openings, 7, 0x10, &[0xa5; 100]), None);
        }
        assert_eq!(answer(&mut openings, 7, &whole), Some(100));
        let next = answer(&mut openings, 7, &[0xa5; 100]);
        assert_eq!(next, Some(100));
        assert_eq!(ask(&mut openings, 7, 0x10, &[0xa5; 100]), Some(100));
        let mut unanswered = Openings::new(false);
        ask(&mut unanswered, 7, 0x10, &hello);
        for _ in 0..PACKETS_OF_KNOWN {
            assert_eq!(ask(&mut unanswered, 7, 0x10, &[0xa5; 100]), None);
        }
        assert_eq!(
            answer(&mut unanswered, 7, &[0xa5; 100]),
            None,
            "not for ever"
        );
    }

    #[test]
    fn behind_a_whole_request_only_content_is_asked_for() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        for reads_content in [false, true] {
            let mut openings = Openings::new(reads_content);
            assert_eq!(ask(&mut openings, 7, 0x10, get), Some(get.len()));
            let next = answer(&mut openings, 7, &[0xa5; 100]);
            assert_eq!(next, reads_content.then_some(100));
        }
    }

    #[test]
    fn what_is_known_passes_by_its_first_byte() {
        let known: [&[u8]; 19] = [
            &[4, 1, 1, 187],
            &[b'0', 12, 2, 1],
            &[b'0', 0x84, 0, 0],
            &[22, 3, 1, 0],
            &[0x80, 46, 1, 0],
            &[3, 0, 0, 19],
            &[5, 1, 0],
            &[5, 1, 0, 9],
            &[0, 0, 0, 8],
            &[0, 14, 0x38, 1],
            &[0, 0, 0, 90, 0xfe, b'S', b'M', b'B'],
            b"SSH-",
            b"220 ",
            b"* OK",
            b"+OK ",
            b"GET ",
            b"DELE",
            b"OPTI",
            b"CONN",
        ];
        for payload in known {
            assert!(is_known(payload), "{payload:?}");
            for first in 0..=u8::MAX {
                let changed = [&[first], &payload[1..]].concat();
                let is_in_table = FIRST_BYTES[usize::from(first / 64)] >> (first % 64) & 1 != 0;
                assert!(is_in_table || !is_known(&changed), "{changed:?}");
            }
        }
        assert!(!is_known(b""));
    }

    #[test]
    fn a_datagram_that_says_what_it_is_passes_by_its_header() {
        let mut heads: Vec<Vec<u8>> = vec![vec![0; 5], vec![1, 0, 0, 0, 0]];
        for version in [
            *b"Q046",
            *b"Q050",
            *b"T051",
            [0, 0, 0, 1],
            [0x6b, 0x33, 0x43, 0xcf],
        ] {
            heads.push([&[0][..], &version].concat());
        }
        heads.push(vec![0, 254, 253, 0, 0]);
        heads.push(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, b'Q', b'0', b'4', b'3']);
        let rest = [&[8][..], &[7; 8], &[0, 0x44, 0xb0], &[7; 1_200]].concat();
        let mut told = 0;
        for (head, first) in heads
            .iter()
            .flat_map(|head| (0..=255).map(move |it| (head, it)))
        {
            for port in [9_000, DNS_PORT, IKE_PORTS[0], IKE_PORTS[1]] {
                let payload = [&[first], &head[1..], &rest].concat();
                let packet = Packet {
                    dst_port: port,
                    protocol: UDP,
                    payload_bytes: payload.len() as u32,
                    facts: Facts::PORTS,
                    ..Packet::default()
                };
                let frame = Frame {
                    timestamp: Timestamp::ZERO,
                    original_length: payload.len() as u32,
                    link_type: LinkType::ETHERNET,
                    data: &payload,
                };
                let is_told = of_datagram(&frame, &packet).is_some();
                assert!(may_tell(&payload, &packet) || !is_told, "{payload:?}");
                told += usize::from(is_told && port == 9_000);
            }
        }
        assert!(told > 100, "{told}");
    }
}
