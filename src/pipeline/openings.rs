//! Which packets may carry the beginning of a conversation, and their payload.

use crate::capture::Frame;
use crate::decode::{Facts, Packet, TcpSegment};
use crate::dissect::{bytes_wanted, is_initial};

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
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Tells its conversation from nearly all others.
    tag: u32,
    /// Packets that are still asked for.
    left: u8,
    /// Bytes of payload that are still asked for.
    bytes: u16,
}

const PLACES: usize = 1 << 14;

/// Packets with payload that are asked for behind a SYN.
const PACKETS_OF_ANY: u8 = 3;

/// Packets that are asked for once a known protocol has begun: hellos, and the commands before
/// STARTTLS.
const PACKETS_OF_KNOWN: u8 = 20;

/// Bytes that are read of a packet, and of one that is like nothing known: enough to tell
/// whether it looks random. Less than the least tells nothing.
const PIECE_BYTES_MAX: usize = 2_048;
const UNKNOWN_BYTES_MAX: usize = 512;
const UNKNOWN_BYTES_MIN: usize = 48;

impl Default for Openings {
    fn default() -> Self {
        Self {
            places: Box::new([Place::default(); PLACES]),
            asked: Box::new([0; PLACES / 64]),
        }
    }
}

impl Openings {
    /// The payload of a packet, if it is to be read.
    #[inline]
    pub(super) fn piece<'a>(&mut self, frame: &Frame<'a>, packet: &Packet) -> Option<&'a [u8]> {
        let is_opening = packet.tcp_flags & TcpSegment::SYN != 0;
        if packet.payload_bytes == 0 && !is_opening {
            return None;
        }
        let is_tcp = packet.facts.has(Facts::TCP);
        if !packet.facts.has(Facts::PORTS) || !(is_tcp || packet.protocol == UDP) {
            return None;
        }
        if is_tcp {
            self.of_tcp(frame, packet, is_opening)
        } else {
            of_udp(packet, payload(frame, packet)?)
        }
    }

    #[inline]
    fn of_tcp<'a>(
        &mut self,
        frame: &Frame<'a>,
        packet: &Packet,
        is_opening: bool,
    ) -> Option<&'a [u8]> {
        let hash = hash(packet);
        let number = (hash >> 32) as usize % PLACES;
        let (word, bit) = (number / 64, 1 << (number % 64));
        // Most packets are of conversations that go on, and need not look any further.
        let payload = payload(frame, packet);
        let is_asked = is_opening || self.asked[word] & bit != 0;
        if !is_asked && !payload.is_some_and(looks_known) {
            return None;
        }
        let place = &mut self.places[number];
        let piece = place.piece(hash as u32, is_opening, payload);
        if place.left > 0 {
            self.asked[word] |= bit;
        } else {
            self.asked[word] &= !bit;
        }
        piece
    }
}

impl Place {
    /// The payload of a packet whose conversation has this tag, if it is to be read.
    fn piece<'a>(
        &mut self,
        tag: u32,
        is_opening: bool,
        payload: Option<&'a [u8]>,
    ) -> Option<&'a [u8]> {
        if is_opening {
            if self.tag != tag {
                *self = Self {
                    tag,
                    left: 0,
                    bytes: 0,
                };
            }
            self.left = self.left.max(PACKETS_OF_ANY);
        }
        let payload = payload?;
        if self.tag == tag && self.bytes > 0 {
            return self.take(payload);
        }
        if looks_known(payload) {
            *self = Self {
                tag,
                left: PACKETS_OF_KNOWN,
                bytes: bytes_wanted(payload) as u16,
            };
            return self.take(payload);
        }
        if self.tag != tag || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let is_telling = payload.len() >= UNKNOWN_BYTES_MIN;
        is_telling.then(|| payload.get(..UNKNOWN_BYTES_MAX).unwrap_or(payload))
    }

    /// Takes the payload of a packet off what is asked for of a known protocol.
    fn take<'a>(&mut self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let taken = payload.get(..usize::from(self.bytes)).unwrap_or(payload);
        self.left = self.left.saturating_sub(1);
        self.bytes -= taken.len() as u16;
        if self.left == 0 || self.bytes == 0 {
            (self.left, self.bytes) = (0, 0);
        }
        Some(taken)
    }
}

/// A datagram that says what it is.
fn of_udp<'a>(packet: &Packet, payload: &'a [u8]) -> Option<&'a [u8]> {
    let ports = [packet.src_port, packet.dst_port];
    // A message of DNS with one question (RFC 1035 section 4.1.1).
    let is_dns = ports.contains(&DNS_PORT) && matches!(payload, [_, _, _, _, 0, 1, ..]);
    let is_ike = ports.iter().any(|port| IKE_PORTS.contains(port));
    let is_tunnel = matches!(
        payload,
        // WireGuard's first and second message, OpenVPN's resets, DTLS.
        [1 | 2, 0, 0, 0, ..] | [0x38 | 0x40 | 0x50, ..] | [22, 254, 253 | 255, ..]
    );
    (is_dns || is_ike || is_tunnel || is_initial(payload)).then_some(payload)
}

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

/// Whether a segment may begin a protocol that says more of itself.
#[inline]
fn looks_known(payload: &[u8]) -> bool {
    let Some(first) = payload.first_chunk::<4>() else {
        // The methods of SOCKS5 may be one.
        return matches!(payload, [5, 1, _]);
    };
    matches!(
        first,
        // Records of TLS and TLCP, the hello of SSLv2, TPKT.
        [22, 1 | 3, ..=4, _] | [0x80, _, 1, 0 | 3] | [3, 0, 0, _]
            // SOCKS5, PostgreSQL asking for TLS, OpenVPN.
            | [5, 1..=3, 0..=2, _] | [0, 0, 0, 8] | [0, _, 0x38 | 0x50, _]
            // SSH; mail and FTP greet with a status.
            | b"SSH-" | b"220 " | b"220-" | b"* OK" | b"* PR" | b"+OK "
            // HTTP and WebDAV.
            | b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"PATC" | b"CONN"
            | b"PRI " | b"PROP" | b"HTTP"
    ) || matches!(payload.get(4..8), Some([0xfd..=0xff, b'S', b'M', b'B']))
}

/// The same for both directions. Which conversations share a place must not change from run
/// to run, so it is not secret.
#[inline]
fn hash(packet: &Packet) -> u64 {
    let ends = packet.src ^ packet.dst;
    let ends = ends as u64 ^ (ends >> 64) as u64;
    let ports = packet.src_port ^ packet.dst_port;
    let sums = (packet.src as u64).wrapping_add(packet.dst as u64);
    let ports_sum = u64::from(packet.src_port) + u64::from(packet.dst_port);
    let folded = ends ^ u64::from(ports) << 40 ^ sums.rotate_left(23) ^ ports_sum << 17;
    let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 29
}

const UDP: u8 = 17;

/// Payload of packets, to be taken in their order.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<u32>,
    taken: usize,
}

impl Pieces {
    /// Adds one behind the others.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.ends.push(self.bytes.len() as u32);
    }

    /// The next that was not taken.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let until = *self.ends.get(self.taken)?;
        let from = match self.taken {
            0 => 0,
            taken => *self.ends.get(taken - 1)?,
        };
        self.taken += 1;
        self.bytes.get(from as usize..until as usize)
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.taken = 0;
    }
}

/// Packets on their way to a worker, with the payload of those that are openings.
#[derive(Debug)]
pub(super) struct WorkerBatch {
    pub(super) packets: Vec<Packet>,
    pub(super) pieces: Pieces,
}

/// Packets that go to a worker at once. Fewer at a time wake it more often: with a quarter of
/// them a replay of mixed sizes took a twelfth more of the processors' time.
const BATCH_PACKETS: usize = 1_024;

impl Default for WorkerBatch {
    fn default() -> Self {
        Self {
            packets: Vec::with_capacity(BATCH_PACKETS),
            pieces: Pieces::default(),
        }
    }
}

impl WorkerBatch {
    /// Adds a packet, and takes its payload from `pieces` if it is an opening.
    #[inline]
    pub(super) fn push(&mut self, packet: &Packet, pieces: &mut Pieces) {
        self.packets.push(*packet);
        if packet.facts.has(Facts::OPENING) {
            self.pieces.push(pieces.next().unwrap_or_default());
        }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.packets.len() >= BATCH_PACKETS
    }

    /// Forgets all of them, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.pieces.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::time::Timestamp;

    const HEAD_BYTES: usize = 54;

    /// A segment with so much payload, and whether the reader of it is asked for.
    fn ask(openings: &mut Openings, port: u16, flags: u8, payload: &[u8]) -> Option<usize> {
        let mut data = vec![0; HEAD_BYTES];
        data.extend_from_slice(payload);
        let frame = Frame {
            timestamp: Timestamp::ZERO,
            original_length: data.len() as u32,
            link_type: LinkType::ETHERNET,
            data: &data,
        };
        let packet = Packet {
            src: 1,
            dst: 2,
            src_port: port,
            dst_port: 443,
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
        let mut openings = Openings::default();
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
        let mut openings = Openings::default();
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
    fn pieces_come_back_in_their_order() {
        let mut pieces = Pieces::default();
        for piece in [b"one".as_slice(), b"", b"three"] {
            pieces.push(piece);
        }
        assert_eq!(pieces.next(), Some(b"one".as_slice()));
        assert_eq!(pieces.next(), Some(b"".as_slice()));
        assert_eq!(pieces.next(), Some(b"three".as_slice()));
        assert_eq!(pieces.next(), None);
        pieces.clear();
        pieces.push(b"x");
        assert_eq!(pieces.next(), Some(b"x".as_slice()));
    }
}
