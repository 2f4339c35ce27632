//! What an attacker would send: keys that collide, and a flood to hide an upload in.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::capture::{ACK, Capture, Chance, Ends, FIN, FULL, MIX_START, SYN, Segment, TCP, Tcp};
use crate::capture::{end, is_public};

/// One-way packets over keys: first each once, then at random, 10 microseconds
/// apart: five million take 50 seconds, in which no flow ends of silence.
pub(crate) fn over_keys(
    capture: &mut Capture,
    packets: u64,
    flows: u64,
    key: fn(u64, &mut Chance) -> Option<Ends>,
) -> io::Result<String> {
    let mut chance = Chance(3);
    let wanted = flows as usize;
    let mut keys = Vec::with_capacity(wanted);
    let mut distinct = HashSet::with_capacity(wanted);
    let found = (0..u64::from(u32::MAX)).filter_map(|count| key(count, &mut chance));
    keys.extend(found.filter(|ends| distinct.insert(*ends)).take(wanted));
    if keys.len() < wanted {
        return Err(io::Error::other("there are not so many such keys"));
    }
    for at in 0..packets {
        let slot = if at < flows { at } else { chance.below(flows) };
        let Some(&(src, dst)) = keys.get(slot as usize) else {
            continue;
        };
        let flags = if at < flows { SYN } else { ACK };
        let tcp = Some(Tcp {
            seq: at as u32,
            ack: 0,
            flags,
        });
        let segment = Segment {
            src,
            dst,
            tcp,
            payload: 0,
        };
        capture.write(MIX_START + at * 10, &segment, FULL)?;
    }
    Ok(String::new())
}

/// A key by chance, of the same kind as a colliding one.
pub(crate) fn random_key(_: u64, chance: &mut Chance) -> Option<Ends> {
    let [low, high] = [chance.next() as u32, chance.next() as u32].map(Ipv4Addr::from);
    let [low_port, high_port] = [chance.port(), chance.port()];
    let public = is_public(low) && is_public(high) && low < high;
    public.then_some((end(low, low_port), end(high, high_port)))
}

/// A key with the hash [`COLLISION`], found by running the hash backwards from the ports.
pub(crate) fn colliding_key(count: u64, _: &mut Chance) -> Option<Ends> {
    // An odd factor steps through all pairs of ports in an order that looks random.
    let ports = (count as u32).wrapping_mul(0x9e37_79b1);
    let words = u64::from(ports) << 8 | u64::from(TCP);
    let mixed = COLLISION.wrapping_mul(inverse(FACTOR)) ^ words;
    let addresses = mixed.rotate_right(5).wrapping_mul(inverse(FACTOR));
    if unkeyed_hash(addresses, words) != COLLISION || ports as u16 == 0 || ports >> 16 == 0 {
        return None;
    }
    let [low, high] = [(addresses >> 32) as u32, addresses as u32].map(Ipv4Addr::from);
    let public = is_public(low) && is_public(high) && low < high;
    public.then_some((end(low, (ports >> 16) as u16), end(high, ports as u16)))
}

/// Multiply and xor by words, as rustc's FxHash does it: both addresses in one word, the
/// lower in front; ports and protocol in the other. All 64 bits of the keys of `collide`
/// agree, so neither the upper nor the lower ones tell them apart.
fn unkeyed_hash(addresses: u64, ports_and_protocol: u64) -> u64 {
    let first = addresses.wrapping_mul(FACTOR);
    (first.rotate_left(5) ^ ports_and_protocol).wrapping_mul(FACTOR)
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}

const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
const COLLISION: u64 = 0x0123_4567_89ab_cdef;

/// SYNs from invented sources, and an upload that really takes place, evenly mixed.
pub(crate) fn flood(capture: &mut Capture, sources: u64, start_seconds: u64) -> io::Result<String> {
    let mut chance = Chance(4);
    let leak = Leak::new();
    let frames = sources + leak.frames();
    let mut leaked = 0;
    for at in 0..frames {
        let microseconds = start_seconds * 1_000_000 + at * FLOOD_MICROSECONDS / frames;
        let due = (at + 1) * leak.frames() / frames > leaked;
        let segment = if due {
            leak.segment(leaked)
        } else {
            spoofed(&mut chance)
        };
        leaked += u64::from(due);
        capture.write(microseconds, &segment, 0)?;
    }
    let (asset, peer) = (leak.asset.ip(), leak.peer.ip());
    Ok(format!(
        ", \"sources\": {sources}, \"asset\": \"{asset}\", \"peer\": \"{peer}\", \
         \"leak_bytes\": {LEAK_BYTES}, \"leak_packets\": {leaked}"
    ))
}

/// A SYN to the site's web server from an address that nobody at home has.
fn spoofed(chance: &mut Chance) -> Segment {
    let port = chance.port();
    let (src, server) = if chance.below(16) == 0 {
        let [upper, lower] = [chance.next() >> 3 | 1 << 61, chance.next()].map(u128::from);
        let address = Ipv6Addr::from(upper << 64 | lower);
        (
            SocketAddr::from((address, port)),
            SocketAddr::from((SERVER_V6, 443)),
        )
    } else {
        let addresses = (0..u64::MAX).map(|_| Ipv4Addr::from(chance.next() as u32));
        let address = addresses.into_iter().find(|address| is_public(*address));
        let address = address.unwrap_or(Ipv4Addr::new(1, 1, 1, 1));
        (end(address, port), end(SERVER, 443))
    };
    let tcp = Some(Tcp {
        seq: port.into(),
        ack: 0,
        flags: SYN,
    });
    Segment {
        src,
        dst: server,
        tcp,
        payload: 0,
    }
}

/// The upload: a handshake, segments of which every second is acknowledged, and an end.
struct Leak {
    asset: SocketAddr,
    peer: SocketAddr,
    segments: u64,
}

impl Leak {
    fn new() -> Self {
        Self {
            asset: end(LEAK_ASSET, 50_123),
            peer: end(LEAK_PEER, 443),
            segments: LEAK_BYTES.div_ceil(SEGMENT_BYTES),
        }
    }

    fn frames(&self) -> u64 {
        3 + self.segments + self.segments.div_ceil(2) + 3
    }

    fn segment(&self, index: u64) -> Segment {
        let after_data = 1 + LEAK_BYTES;
        let data_frames = self.segments + self.segments.div_ceil(2);
        let (outward, seq, flags, payload) = match index {
            0 => (true, 0, SYN, 0),
            1 => (false, 0, SYN | ACK, 0),
            2 => (true, 1, ACK, 0),
            // Two segments, then the acknowledgement of both.
            _ if index < 3 + data_frames => {
                let (group, place) = ((index - 3) / 3, (index - 3) % 3);
                let sent = ((group * 2 + place) * SEGMENT_BYTES).min(LEAK_BYTES);
                let payload = SEGMENT_BYTES.min(LEAK_BYTES - sent);
                if place == 2 || payload == 0 {
                    (false, 1, ACK, sent)
                } else {
                    (true, 1 + sent, ACK, payload)
                }
            }
            _ if index == 3 + data_frames => (true, after_data, FIN | ACK, 0),
            _ if index == 4 + data_frames => (false, 1, FIN | ACK, LEAK_BYTES + 1),
            _ => (true, after_data + 1, ACK, 0),
        };
        let tcp = |seq: u64, ack: u64| Tcp {
            seq: seq as u32,
            ack: ack as u32,
            flags,
        };
        if outward {
            let ack = if index == 0 { 0 } else { 1 };
            let (src, dst) = (self.asset, self.peer);
            Segment {
                src,
                dst,
                tcp: Some(tcp(seq, ack)),
                payload: payload as u32,
            }
        } else {
            let (src, dst) = (self.peer, self.asset);
            Segment {
                src,
                dst,
                tcp: Some(tcp(seq, 1 + payload)),
                payload: 0,
            }
        }
    }
}

const FLOOD_MICROSECONDS: u64 = 60_000_000;
const LEAK_BYTES: u64 = 300_000_000;
const SEGMENT_BYTES: u64 = 1_460;
// Machines of models/scenarios/small-site.toml, and an address that its sensor's database
// places in Russia.
const LEAK_ASSET: Ipv4Addr = Ipv4Addr::new(10, 20, 10, 19);
const LEAK_PEER: Ipv4Addr = Ipv4Addr::new(185, 22, 152, 77);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 2, 11);
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0xfd20, 0x2026, 0x316, 0, 0, 0, 0, 0x80);
