//! Bytes that are sent a second time and are not the same.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::capture::Frame;
use crate::decode::{Fragment, Packet, TcpSegment};
use crate::time::Timestamp;

/// Remembers how the latest segments of each TCP direction, and the latest fragments of
/// each datagram, begin, and tells a later one that overlaps with other data.
///
/// Receivers differ in which of the two they take, so that one who sends both shows a
/// sensor something else than the receiver gets (Ptacek and Newsham 1998); an injected
/// answer overlaps with the true one, too. Bytes are counted on the wire and nothing is
/// reassembled, so no figure depends on it.
///
/// The table has a fixed size, and a stream takes the place of another one. What was
/// forgotten is not compared: a packet that is not flagged may still overlap.
#[derive(Debug)]
pub(super) struct Overlaps {
    streams: Vec<Stream>,
}

/// What is remembered of a TCP direction or a datagram.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// The hash of what it is, 0 in an empty place.
    hash: u64,
    /// When its latest piece came.
    latest: Timestamp,
    next: u8,
    pieces: [Piece; PIECES],
}

/// The first bytes of a segment or fragment.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    /// Sequence number or fragment offset of the first byte.
    start: u32,
    length: u8,
    bytes: [u8; PIECE_BYTES],
}

impl Overlaps {
    /// An empty table of about 20 MB.
    pub(super) fn new() -> Self {
        Self {
            streams: vec![Stream::default(); STREAMS],
        }
    }

    /// Whether `packet`, as decoded from `frame`, overlaps with other data than it has, as
    /// far as is remembered.
    pub(super) fn differs(&mut self, frame: &Frame<'_>, packet: &Packet) -> bool {
        if packet.fragment() != Fragment::Whole {
            return self.fragment_differs(frame, packet);
        }
        let Some(tcp) = packet.tcp() else {
            return false;
        };
        let name = (packet.src, packet.dst, packet.src_port, packet.dst_port);
        let stream = self.stream((name, Kind::Segments), packet.timestamp, u64::MAX);
        let mut start = tcp.sequence;
        if tcp.has(TcpSegment::SYN) {
            // A new connection may use the same numbers; data may follow the SYN (RFC 7413).
            stream.forget();
            start = start.wrapping_add(1);
        }
        // A keep-alive may send a byte of garbage (RFC 9293 section 3.8.4).
        packet.payload_bytes > 1 && stream.take(start, payload(frame, packet))
    }

    fn fragment_differs(&mut self, frame: &Frame<'_>, packet: &Packet) -> bool {
        let Some((start, bytes)) = fragment(frame, packet) else {
            return false;
        };
        let name = (packet.src, packet.dst, packet.sequence, packet.protocol);
        let stream = self.stream(
            (name, Kind::Fragments),
            packet.timestamp,
            DATAGRAM_NANOS_MAX,
        );
        stream.take(start, bytes)
    }

    /// The place of a stream, emptied if another one or one that is too old had it.
    fn stream(&mut self, name: impl Hash, now: Timestamp, age_nanos_max: u64) -> &mut Stream {
        // A fixed key, because a replay tells the same every time.
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = hasher.finish() | 1;
        let stream = &mut self.streams[(hash >> 32) as usize % STREAMS];
        let age_nanos = now.nanos_since(stream.latest);
        if stream.hash != hash || age_nanos > age_nanos_max {
            *stream = Stream {
                hash,
                ..Stream::default()
            };
        }
        stream.latest = now;
        stream
    }
}

/// What a stream is of, so that a datagram is never taken for a connection.
#[derive(Hash)]
enum Kind {
    Segments,
    Fragments,
}

impl Stream {
    fn forget(&mut self) {
        self.pieces = [Piece::default(); PIECES];
    }

    /// Compares bytes with those that are remembered for their places, and remembers them.
    fn take(&mut self, start: u32, bytes: &[u8]) -> bool {
        let bytes = &bytes[..bytes.len().min(PIECE_BYTES)];
        let differs = self.pieces.iter().any(|piece| piece.differs(start, bytes));
        let mut piece = Piece {
            start,
            length: bytes.len() as u8,
            ..Piece::default()
        };
        piece.bytes[..bytes.len()].copy_from_slice(bytes);
        self.pieces[usize::from(self.next) % PIECES] = piece;
        self.next = self.next.wrapping_add(1);
        differs
    }
}

impl Piece {
    fn differs(&self, start: u32, bytes: &[u8]) -> bool {
        let own = &self.bytes[..usize::from(self.length)];
        // Positions compare modulo 2^32 (RFC 9293 section 3.4).
        let ahead = start.wrapping_sub(self.start).cast_signed();
        let behind = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
        let (own, other) = if ahead >= 0 {
            (own.get(behind..), Some(bytes))
        } else {
            (Some(own), bytes.get(behind..))
        };
        let (Some(own), Some(other)) = (own, other) else {
            return false;
        };
        own.iter().zip(other).any(|(a, b)| a != b)
    }
}

/// The payload of a packet, as far as it was captured.
fn payload<'a>(frame: &Frame<'a>, packet: &Packet) -> &'a [u8] {
    let captured = frame.data.get(usize::from(packet.payload_offset)..);
    let captured = captured.unwrap_or_default();
    let length = usize::try_from(packet.payload_bytes).unwrap_or(usize::MAX);
    &captured[..captured.len().min(length)]
}

/// The offset of a fragment in bytes, and its bytes as far as they were captured.
fn fragment<'a>(frame: &Frame<'a>, packet: &Packet) -> Option<(u32, &'a [u8])> {
    let ip = frame.data.get(usize::from(packet.ip_offset)..)?;
    let ip = &ip[..ip.len().min(usize::try_from(packet.ip_bytes).ok()?)];
    if ip.first()? >> 4 == 4 {
        let offset = u16::from_be_bytes([*ip.get(6)?, *ip.get(7)?]) & 0x1fff;
        let header_bytes = usize::from(ip.first()? & 0xf) * 4;
        return Some((u32::from(offset) * 8, ip.get(header_bytes..)?));
    }
    let mut header = *ip.get(6)?;
    let mut rest = ip.get(40..)?;
    for _ in 0..EXTENSIONS_MAX {
        // Lengths as in RFC 8200 section 4 and RFC 4302 section 2.2.
        let length = usize::from(*rest.get(1)?);
        let header_bytes = match header {
            44 => {
                let offset = u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]) & 0xfff8;
                return Some((offset.into(), rest.get(8..)?));
            }
            0 | 43 | 60 => length * 8 + 8,
            51 => length * 4 + 8,
            _ => return None,
        };
        header = *rest.first()?;
        rest = rest.get(header_bytes..)?;
    }
    None
}

/// Streams that are remembered.
const STREAMS: usize = 1 << 16;

/// Pieces of each, and bytes of each piece.
const PIECES: usize = 8;
const PIECE_BYTES: usize = 32;

/// Fragments further apart are of two datagrams: a fast sender uses the same identification
/// again after half a second.
const DATAGRAM_NANOS_MAX: u64 = 100_000_000;

/// Extension headers before that of a fragment.
const EXTENSIONS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::decode::decode;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    fn check(overlaps: &mut Overlaps, data: &[u8], millis: u64) -> bool {
        let frame = Frame {
            timestamp: Timestamp::from_nanos(1_000_000_000 + millis * 1_000_000),
            original_length: data.len() as u32,
            link_type: LinkType::RAW,
            data,
        };
        overlaps.differs(&frame, &decode(&frame).unwrap())
    }

    fn segment(sequence: u32, flags: &str, payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [198, 51, 100, 7], 64);
        let mut builder = builder.tcp(40_000, 80, sequence, 1_000);
        if flags == "S" {
            builder = builder.syn();
        }
        let mut data = Vec::new();
        builder.ack(1).write(&mut data, payload).unwrap();
        data
    }

    /// A fragment of UDP over IPv4, or over IPv6 behind a hop-by-hop header.
    fn piece(is_ipv6: bool, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u16;
        if is_ipv6 {
            let mut data = vec![0x60, 0, 0, 0];
            data.extend((length + 16).to_be_bytes());
            data.extend([0, 64]);
            data.extend([0xfd; 32]);
            data.extend([44, 0, 1, 4, 0, 0, 0, 0, 17, 0]);
            data.extend((offset | u16::from(more)).to_be_bytes());
            data.extend([0, 0, 0, 9]);
            data.extend(payload);
            return data;
        }
        let mut data = vec![0x45, 0];
        data.extend((length + 20).to_be_bytes());
        data.extend([0, 9]);
        data.extend(((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
        data.extend([64, 17, 0, 0, 10, 0, 0, 1, 198, 51, 100, 7]);
        data.extend(payload);
        data
    }

    #[test]
    fn a_repeat_is_the_same_and_an_injection_is_not() {
        let mut overlaps = Overlaps::new();
        assert!(!check(&mut overlaps, &segment(99, "S", b""), 0));
        assert!(!check(&mut overlaps, &segment(100, "", b"HTTP/1.1 200"), 1));
        assert!(!check(&mut overlaps, &segment(100, "", b"HTTP/1.1 200"), 2));
        assert!(check(&mut overlaps, &segment(100, "", b"HTTP/1.1 302"), 3));
        assert!(
            !check(&mut overlaps, &segment(111, "", b"x"), 4),
            "keep-alive"
        );
        assert!(!check(&mut overlaps, &segment(112, "", b"behind it"), 5));
        assert!(!check(&mut overlaps, &segment(50, "S", b""), 6));
        assert!(
            !check(&mut overlaps, &segment(100, "", b"another connection"), 7),
            "numbers may be used again"
        );
    }

    #[test]
    fn fragments_that_overlap_with_other_data_are_told() {
        for is_ipv6 in [false, true] {
            let mut overlaps = Overlaps::new();
            let mut check = |offset, more, payload: &[u8], millis| {
                check(
                    &mut overlaps,
                    &piece(is_ipv6, offset, more, payload),
                    millis,
                )
            };
            assert!(!check(0, true, &[1; 24], 0));
            assert!(!check(24, true, &[2; 16], 1));
            assert!(!check(24, true, &[2; 16], 2), "twice the same");
            assert!(check(16, true, &[3; 16], 3), "the teardrop");
            assert!(!check(24, true, &[4; 16], 500), "another datagram");
        }
    }

    proptest! {
        /// Against a plain map of bytes, for as many pieces as are remembered.
        #[test]
        fn pairs_and_triples_agree_with_a_map_of_bytes(
            base: u32,
            pieces in prop::collection::vec((0u32..24, 2usize..16, 0u8..2), 1..PIECES),
        ) {
            let mut overlaps = Overlaps::new();
            let mut map = std::collections::BTreeMap::<u32, Vec<u8>>::new();
            for (offset, length, fill) in pieces {
                let bytes = vec![fill; length];
                let mut differs = false;
                for (at, byte) in (offset..).zip(&bytes) {
                    let seen = map.entry(at).or_default();
                    differs |= seen.iter().any(|it| it != byte);
                    seen.push(*byte);
                }
                let sequence = base.wrapping_add(offset);
                prop_assert_eq!(check(&mut overlaps, &segment(sequence, "", &bytes), 1), differs);
            }
        }
    }
}
