//! One exchange, packet by packet, as a tap next to the asset sees it.
//!
//! As few packets as a sensor needs to count and to time it: a handshake that shows the
//! round trip, both payloads spread evenly over the exchange in frames as large as a
//! network card hands them over, and a FIN from either side. Nothing is lost and nothing
//! is only acknowledged. Where little is sent for long, more and smaller frames are, so
//! that no sensor takes the conversation for over.

use std::net::IpAddr;

use super::super::ends::{GATEWAY_MAC, mac_of};
use super::super::session::Side;
use super::super::wire::{
    ACK, EchoFields, Endpoint, FIN, PSH, PacketOut, SYN, TcpFields, Transport,
};
use super::Exchange;

/// An exchange that is under way.
#[derive(Debug)]
pub(super) struct Conversation {
    /// Asset, then peer, as are all pairs here.
    ends: [Endpoint; 2],
    protocol: u8,
    opener: Side,
    bytes: [u64; 2],
    frames: [u64; 2],
    /// Frames sent so far.
    sent: [u64; 2],
    /// When the first frame of each is due, and how long after it the next.
    begin: [u64; 2],
    gap: [u64; 2],
    /// How long the tap waits for an answer of each.
    delay: [u64; 2],
    /// When the conversation is closed, if it is one that is.
    end: u64,
    sequence: [u32; 2],
    step: Step,
    /// When the next packet is due.
    time: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Opening,
    Answering,
    /// The opener has nothing to say with its acknowledgement.
    Confirming,
    Data(Side),
    Closing,
    ClosingToo,
    Parting,
    Done,
}

/// A packet that is due.
#[derive(Debug)]
pub(super) struct Due<'a> {
    pub from: Side,
    pub packet: PacketOut<'a>,
}

impl Conversation {
    /// Begins an exchange from other ports than its own where those are taken. `salt` sets
    /// the first sequence numbers.
    pub(super) fn new(exchange: &Exchange, ports: [u16; 2], salt: u64) -> Self {
        let mixed = mix(salt);
        let mut conversation = Self {
            ends: ends(exchange, ports),
            protocol: exchange.protocol,
            opener: if exchange.served {
                Side::Peer
            } else {
                Side::Asset
            },
            bytes: [exchange.sent_bytes, exchange.received_bytes],
            frames: [0; 2],
            sent: [0; 2],
            begin: [exchange.start.as_nanos(); 2],
            gap: [0; 2],
            delay: [HOST_NANOS, u64::from(exchange.round_trip_nanos)],
            end: exchange.end().as_nanos(),
            sequence: [mixed as u32, (mixed >> 32) as u32],
            step: Step::Opening,
            time: exchange.start.as_nanos(),
        };
        conversation.lay_out(exchange.duration_nanos);
        if !conversation.is_tcp() {
            conversation.step = conversation.next_frame();
            conversation.time = conversation.due();
        }
        conversation
    }

    /// When the next packet is due. Absent at the end.
    pub(super) fn next_time(&self) -> Option<u64> {
        (self.step != Step::Done).then_some(self.time)
    }

    /// Takes the next packet.
    pub(super) fn take(&mut self) -> Option<Due<'_>> {
        let (opener, other) = (self.opener, self.opener.other());
        let (from, flags) = match self.step {
            Step::Opening => (opener, SYN),
            Step::Answering => (other, SYN | ACK),
            Step::Confirming | Step::Parting => (opener, ACK),
            Step::Data(side) if self.sent[side as usize] + 1 == self.frames[side as usize] => {
                (side, PSH | ACK)
            }
            Step::Data(side) => (side, ACK),
            Step::Closing => (opener, FIN | ACK),
            Step::ClosingToo => (other, FIN | ACK),
            Step::Done => return None,
        };
        let (mine, time) = (from as usize, self.time);
        let number = self.sent[mine];
        let payload_bytes = match self.step {
            Step::Data(_) => self.frame_bytes(mine, number),
            _ => 0,
        };
        let transport = self.transport(from, flags);
        // A SYN and a FIN take a sequence number each (RFC 9293 section 3.4).
        let taken = payload_bytes + u32::from(flags & (SYN | FIN) != 0);
        self.sequence[mine] = self.sequence[mine].wrapping_add(taken);
        self.sent[mine] += u64::from(matches!(self.step, Step::Data(_)));
        self.step = self.following();
        self.time = self.due().max(time);
        Some(Due {
            from,
            packet: PacketOut {
                from: &self.ends[mine],
                to: &self.ends[from.other() as usize],
                transport,
                payload_bytes,
                payload: &[],
                label: self.sequence[mine] ^ number as u32,
            },
        })
    }

    /// Settles how many frames there are and when.
    fn lay_out(&mut self, duration_nanos: u64) {
        let most = match self.protocol {
            TCP => TCP_FRAME_BYTES,
            UDP => UDP_FRAME_BYTES,
            _ => ECHO_BYTES,
        };
        self.frames = self.bytes.map(|bytes| bytes.div_ceil(most));
        // The asset speaks often enough for both.
        let signs = duration_nanos
            .div_ceil(SILENCE_NANOS_MAX)
            .min(self.bytes[0]);
        self.frames[0] = self.frames[0].max(signs);
        let (opener, other) = (self.opener as usize, self.opener.other() as usize);
        if self.is_tcp() {
            self.begin[opener] += self.delay[0] + self.delay[1];
        }
        self.begin[other] = self.begin[opener] + self.delay[other];
        let [mine, theirs] = self.frames;
        let least = self.begin[other] + mine.max(theirs) * FRAME_GAP_NANOS;
        self.end = self.end.max(least);
        for side in [0, 1] {
            self.gap[side] = (self.end - self.begin[side]) / self.frames[side].max(1);
        }
    }

    /// What comes after the packet that is being taken.
    fn following(&self) -> Step {
        match self.step {
            Step::Opening => Step::Answering,
            Step::Answering if self.frames[self.opener as usize] == 0 => Step::Confirming,
            Step::Answering | Step::Confirming | Step::Data(_) => self.next_frame(),
            Step::Closing => Step::ClosingToo,
            Step::ClosingToo => Step::Parting,
            Step::Parting | Step::Done => Step::Done,
        }
    }

    /// The side whose next frame is due first; of two at once, the opener.
    fn next_frame(&self) -> Step {
        let left = |side: &Side| self.sent[*side as usize] < self.frames[*side as usize];
        let sides = [self.opener, self.opener.other()].into_iter().filter(left);
        match sides.min_by_key(|side| self.frame_time(*side as usize)) {
            Some(side) => Step::Data(side),
            None if self.is_tcp() => Step::Closing,
            None => Step::Done,
        }
    }

    /// When the packet of this step is due.
    fn due(&self) -> u64 {
        let (opener, other) = (self.opener as usize, self.opener.other() as usize);
        match self.step {
            Step::Opening | Step::Done => self.time,
            Step::Answering => self.time + self.delay[other],
            Step::Confirming => self.begin[opener],
            Step::Data(side) => self.frame_time(side as usize),
            Step::Closing => self.end,
            Step::ClosingToo => self.time + self.delay[other],
            Step::Parting => self.time + self.delay[opener],
        }
    }

    fn frame_time(&self, side: usize) -> u64 {
        self.begin[side] + self.gap[side] * self.sent[side]
    }

    /// Payload of a frame. Frames of one side differ by a byte at most.
    fn frame_bytes(&self, side: usize, number: u64) -> u32 {
        let (bytes, frames) = (self.bytes[side], self.frames[side].max(1));
        (bytes / frames + u64::from(number < bytes % frames)) as u32
    }

    fn transport(&self, from: Side, flags: u8) -> Transport {
        let (mine, other) = (from as usize, from.other() as usize);
        match self.protocol {
            TCP => Transport::Tcp(TcpFields {
                flags,
                sequence: self.sequence[mine],
                acknowledgement: if flags & ACK == 0 {
                    0
                } else {
                    self.sequence[other]
                },
                stamps: None,
            }),
            UDP => Transport::Udp,
            _ => Transport::Echo(EchoFields {
                is_request: from == self.opener,
                identifier: (self.begin[0] >> 10) as u16,
                number: self.sent[mine] as u16,
            }),
        }
    }

    const fn is_tcp(&self) -> bool {
        self.protocol == TCP
    }
}

fn ends(exchange: &Exchange, ports: [u16; 2]) -> [Endpoint; 2] {
    let mac = match exchange.asset {
        IpAddr::V4(address) => mac_of(address),
        IpAddr::V6(_) => GATEWAY_MAC,
    };
    let asset = Endpoint {
        mac,
        ip: exchange.asset,
        port: ports[0],
        hops: 64,
    };
    let peer = Endpoint {
        mac: GATEWAY_MAC,
        ip: exchange.peer,
        port: ports[1],
        hops: 50,
    };
    [asset, peer]
}

/// Spreads the bits of a number over all 64 (the finaliser of SplitMix64, Steele et al.
/// 2014), so that sequence numbers look like those of a host.
const fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

pub(super) const TCP: u8 = 6;
const UDP: u8 = 17;

/// Most payload of a frame: 44 TCP segments or 45 QUIC packets that a network card cuts or
/// puts together, as many as the 16-bit length of IPv4 holds; an echo is one packet.
const TCP_FRAME_BYTES: u64 = 44 * 1_460;
const UDP_FRAME_BYTES: u64 = 45 * 1_350;
const ECHO_BYTES: u64 = 1_400;

/// Longest silence of an asset in a conversation, shorter than a sensor's idle time.
const SILENCE_NANOS_MAX: u64 = 90_000_000_000;

/// Time in which an asset answers.
const HOST_NANOS: u64 = 150_000;

/// Shortest time between two frames of a side.
const FRAME_GAP_NANOS: u64 = 2_000;

#[cfg(test)]
mod tests {
    use super::super::tests::START;
    use super::*;
    use crate::geo::Country;

    fn exchange(protocol: u8, served: bool, sent: u64, received: u64, seconds: u64) -> Exchange {
        Exchange {
            start: START,
            duration_nanos: seconds * 1_000_000_000,
            asset: "10.20.0.20".parse().unwrap(),
            asset_port: 40_000,
            peer: "20.0.0.1".parse().unwrap(),
            peer_port: 443,
            protocol,
            served,
            country: Country::UNKNOWN,
            asn: 0,
            sent_bytes: sent,
            received_bytes: received,
            round_trip_nanos: 80_000_000,
            injection: None,
        }
    }

    /// Time, side, flags and payload of each packet.
    fn packets(exchange: &Exchange) -> Vec<(u64, Side, u8, u64)> {
        let mut conversation = Conversation::new(exchange, [40_000, 443], 1);
        let mut all = Vec::new();
        while let Some(time) = conversation.next_time() {
            let due = conversation.take().unwrap();
            let flags = match due.packet.transport {
                Transport::Tcp(tcp) => tcp.flags,
                _ => 0,
            };
            let after = time - exchange.start.as_nanos();
            all.push((after, due.from, flags, due.packet.payload_bytes.into()));
        }
        assert!(conversation.take().is_none());
        all
    }

    #[test]
    fn every_byte_is_sent_once_in_the_order_of_time() {
        for protocol in [1, 6, 17] {
            for served in [false, true] {
                for (sent, received) in [(20, 0), (0, 20), (1, 1), (5_000_000, 7), (7, 900_001)] {
                    for seconds in [0, 3, 4_000] {
                        let exchange = exchange(protocol, served, sent, received, seconds);
                        let packets = packets(&exchange);
                        assert!(packets.is_sorted_by_key(|packet| packet.0), "{packets:?}");
                        let sum = |side| -> u64 {
                            let own = packets.iter().filter(|packet| packet.1 == side);
                            own.map(|packet| packet.3).sum()
                        };
                        assert_eq!((sum(Side::Asset), sum(Side::Peer)), (sent, received));
                        assert!(packets.iter().all(|packet| packet.3 <= TCP_FRAME_BYTES));
                        let last = packets.last().unwrap();
                        assert!(last.0 < (seconds + 10) * 1_000_000_000, "{packets:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_handshake_shows_the_round_trip() {
        let (rtt, host) = (80_000_000, HOST_NANOS);
        let asked = packets(&exchange(6, false, 500, 900, 2));
        let expected = [
            (0, Side::Asset, SYN, 0),
            (rtt, Side::Peer, SYN | ACK, 0),
            (rtt + host, Side::Asset, PSH | ACK, 500),
            (2 * rtt + host, Side::Peer, PSH | ACK, 900),
            (2_000_000_000, Side::Asset, FIN | ACK, 0),
            (2_000_000_000 + rtt, Side::Peer, FIN | ACK, 0),
            (2_000_000_000 + rtt + host, Side::Asset, ACK, 0),
        ];
        assert_eq!(asked, expected);
        let served = packets(&exchange(6, true, 900, 0, 2));
        let expected = [
            (0, Side::Peer, SYN, 0),
            (host, Side::Asset, SYN | ACK, 0),
            (rtt + host, Side::Peer, ACK, 0),
            (rtt + 2 * host, Side::Asset, PSH | ACK, 900),
        ];
        assert_eq!(served[..4], expected);
    }

    #[test]
    fn nobody_is_silent_for_long() {
        let packets = packets(&exchange(6, false, 2_000, 30, 20_000));
        let pairs = packets.iter().zip(packets.iter().skip(1));
        let longest = pairs.map(|(one, next)| next.0 - one.0).max();
        assert!(longest.unwrap() <= SILENCE_NANOS_MAX, "{longest:?}");
        assert!(packets.len() < 300, "{}", packets.len());
    }
}
