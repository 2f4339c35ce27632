//! Data that leaves in the payload of pings.
//!
//! Idea: a ping carries the same payload again and again, but for a time stamp and a number,
//! and its answer carries the payload of the question. So a payload says as much as it has
//! bytes that neither the one before nor the question explains.
//!
//! Formula: of what an asset sends to a peer, bytes that are not those of the payload before at
//! the same place, nor one more, nor the byte to their left, nor one more than that. Two of
//! them are a number; eight, if a word at the beginning goes with packet time, as a clock
//! does. An answer to a question that was seen says nothing if it repeats it, which may be
//! cut short. Behind the first 128 bytes a digest tells whether the rest has changed, and then
//! all of it counts, unless the length has changed, too. The bytes raise a
//! [`Level`] of the asset and the peer that grants 1 KiB a day and is told at 1 KiB.
//!
//! Source: what ping of Linux, BSD, macOS and Windows and fping send; RFC 792 and RFC 4443
//! section 4.2, that an answer returns the data of the question.
//!
//! Cost: for each of at most 8,192 pairs of asset and peer about 400 bytes. When there is no
//! room, the quarter goes that has said least.
//!
//! Blind spot: a clock that is false in its low digits, which is two bytes of each ping, or
//! six if the clock is only right to the second; many peers, each for little; when pings are
//! sent, and how long they are. A ping with ever new random payload, as `fping -R` sends on
//! request, looks like a tunnel.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::policy::law::Text;

use super::distinct;
use super::level::{self, Level};
use super::names::minutes;

/// An echo request or reply between an asset and a peer.
#[derive(Clone, Copy, Debug)]
pub struct Echo<'a, K> {
    /// Packet time, in seconds.
    pub tick: u64,
    /// The asset at one end.
    pub asset: K,
    /// The address at the other end.
    pub peer: IpAddr,
    /// Whether it is a request, else it is a reply.
    pub is_request: bool,
    /// Whether the asset sends it.
    pub direction: Direction,
    /// Identifier of the conversation.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
    /// The first bytes behind the header of eight bytes. More than 128 are not looked at.
    pub payload: &'a [u8],
    /// A digest of all bytes behind these, 0 if there are none or they were not captured.
    pub rest: u32,
    /// Bytes of the payload, captured or not.
    pub payload_bytes: u32,
}

/// Which way, seen from the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The asset sends it.
    Out,
    /// The asset receives it.
    In,
}

/// Pings that seem to carry data.
#[derive(Clone, Debug, PartialEq)]
pub struct EchoSuspicion<K> {
    /// Who sends them.
    pub asset: K,
    /// Who gets them.
    pub peer: IpAddr,
    /// The tick of the first one.
    pub since: u64,
    /// Seconds since then.
    pub window_seconds: u64,
    /// Bytes of data that they carry out.
    pub bytes_estimated: u64,
    /// Bytes of data that came in.
    pub bytes_in_estimated: u64,
    /// Bytes of payload sent out, of whatever kind.
    pub payload_bytes: u64,
    /// Requests, either way.
    pub requests: u64,
    /// Replies, either way.
    pub replies: u64,
    /// Replies that do not repeat what was asked, either way.
    pub mismatches: u64,
}

/// The pings of the assets of the site.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EchoTunnels<K: Ord> {
    pairs: BTreeMap<(K, IpAddr), Pair>,
    evicted: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pair {
    out: Stream,
    into: Stream,
    /// The last requests, of either side.
    pending: Vec<Request>,
    level: Level,
    counts: Counts,
}

/// Payloads of one direction.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Stream {
    last: Vec<u8>,
    last_bytes: u32,
    last_rest: u32,
    last_tick: u64,
    /// The word at the beginning that goes with packet time.
    clock: Option<u8>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Request {
    is_out: bool,
    identifier: u16,
    sequence: u16,
    payload_bytes: u32,
    whole: u64,
    start: u64,
}

/// What was counted in a run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Counts {
    requests: u64,
    replies: u64,
    mismatches: u64,
    payload_bytes: u64,
    bytes_in: u64,
}

impl<K: Ord> Default for EchoTunnels<K> {
    fn default() -> Self {
        Self {
            pairs: BTreeMap::new(),
            evicted: 0,
        }
    }
}

impl<K: Copy + Ord> EchoTunnels<K> {
    /// Pairs that were forgotten for lack of room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes an echo, in the order of packets. Says when they begin to carry too much, and
    /// when it has doubled.
    pub fn take(&mut self, echo: &Echo<'_, K>) -> Option<EchoSuspicion<K>> {
        let pair = self.pair((echo.asset, echo.peer), echo.tick);
        if pair.level.fall(echo.tick, GRANTED_BYTES_PER_DAY) {
            pair.counts = Counts::default();
        }
        let is_repeated = pair.answers(echo);
        let (stream, is_out) = match echo.direction {
            Direction::Out => (&mut pair.out, true),
            Direction::In => (&mut pair.into, false),
        };
        let news = stream.take(echo);
        let bytes = if is_repeated == Some(true) { 0 } else { news };
        pair.counts.take(echo, bytes, is_repeated == Some(false));
        let is_told = is_out && bytes > 0 && pair.level.rise(bytes as f64, 1.0, LIMIT_BYTES);
        is_told.then(|| pair.suspicion(echo))
    }

    fn pair(&mut self, key: (K, IpAddr), tick: u64) -> &mut Pair {
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&key) {
            self.evicted += level::shed(&mut self.pairs, |pair| pair.weight(tick));
        }
        self.pairs.entry(key).or_default()
    }
}

impl Pair {
    /// Whether a reply repeats its request; nothing of a request, or if that was not seen.
    fn answers<K>(&mut self, echo: &Echo<'_, K>) -> Option<bool> {
        let is_out = echo.direction == Direction::Out;
        let request = Request::new(echo, is_out);
        if echo.is_request {
            if self.pending.len() >= PENDING_MAX {
                self.pending.remove(0);
            }
            self.pending.push(request);
            return None;
        }
        let asked = self.pending.iter().find(|asked| {
            (asked.is_out, asked.identifier, asked.sequence)
                == (!is_out, echo.identifier, echo.sequence)
        })?;
        let is_cut = request.payload_bytes < asked.payload_bytes && request.start == asked.start;
        Some(request.whole == asked.whole || is_cut)
    }

    fn weight(&self, tick: u64) -> (u32, u64) {
        let mut level = self.level;
        level.fall(tick, GRANTED_BYTES_PER_DAY);
        (
            level.whole_bytes(),
            self.out.last_tick.max(self.into.last_tick),
        )
    }

    fn suspicion<K: Copy>(&self, echo: &Echo<'_, K>) -> EchoSuspicion<K> {
        EchoSuspicion {
            asset: echo.asset,
            peer: echo.peer,
            since: self.level.since,
            window_seconds: echo.tick.saturating_sub(self.level.since),
            bytes_estimated: self.level.run_bytes as u64,
            bytes_in_estimated: self.counts.bytes_in,
            payload_bytes: self.counts.payload_bytes,
            requests: self.counts.requests,
            replies: self.counts.replies,
            mismatches: self.counts.mismatches,
        }
    }
}

impl Request {
    fn new<K>(echo: &Echo<'_, K>, is_out: bool) -> Self {
        let payload = start(echo.payload, PAYLOAD_BYTES_MAX);
        let key = u64::from(echo.rest) << 32 | u64::from(echo.payload_bytes);
        Self {
            is_out,
            identifier: echo.identifier,
            sequence: echo.sequence,
            payload_bytes: echo.payload_bytes,
            whole: distinct::hash(key, payload),
            start: distinct::hash(0, start(payload, START_BYTES)),
        }
    }
}

impl Stream {
    /// The bytes of a payload that the one before does not explain.
    fn take<K>(&mut self, echo: &Echo<'_, K>) -> u64 {
        let payload = start(echo.payload, PAYLOAD_BYTES_MAX);
        self.follow_clock(payload, echo.tick);
        let explained = if self.clock.is_some() {
            CLOCK_BYTES
        } else {
            NUMBER_BYTES
        };
        let mut news = surprising(payload, &self.last).saturating_sub(explained);
        let is_alike = echo.payload_bytes == self.last_bytes;
        if is_alike && echo.rest != self.last_rest {
            news += u64::from(echo.payload_bytes).saturating_sub(payload.len() as u64);
        }
        self.last.clear();
        self.last.extend_from_slice(payload);
        (self.last_bytes, self.last_rest) = (echo.payload_bytes, echo.rest);
        self.last_tick = echo.tick;
        news
    }

    /// Finds the word that goes with packet time, and drops it once it does not.
    fn follow_clock(&mut self, payload: &[u8], tick: u64) {
        let seconds = tick.saturating_sub(self.last_tick);
        let goes = |place: u8| {
            let (before, now) = (word(&self.last, place)?, word(payload, place)?);
            let steps = u64::from(now.wrapping_sub(before));
            (steps.abs_diff(seconds) <= 1).then_some(steps)
        };
        self.clock = match self.clock {
            Some(place) => goes(place).map(|_| place),
            // A word that stays is none, however slow time goes.
            None => (0..WORDS).find(|place| goes(*place).is_some_and(|steps| steps > 0)),
        };
    }
}

impl Counts {
    fn take<K>(&mut self, echo: &Echo<'_, K>, bytes: u64, is_mismatch: bool) {
        if echo.is_request {
            self.requests += 1;
        } else {
            self.replies += 1;
        }
        self.mismatches += u64::from(is_mismatch);
        match echo.direction {
            Direction::Out => self.payload_bytes += u64::from(echo.payload_bytes),
            Direction::In => self.bytes_in += bytes,
        }
    }
}

impl<K> EchoSuspicion<K> {
    /// What is to be said of it.
    pub fn sentence(&self) -> Text {
        let seconds = self.window_seconds.max(1);
        let [mismatches, mismatches_zh] = match self.mismatches {
            0 => [String::new(), String::new()],
            count => [
                format!(", {count} of which do not return what was asked"),
                format!("（其中 {count} 次未原样返回）"),
            ],
        };
        let [minutes, minutes_zh] = minutes(self.window_seconds);
        let (out, back) = (self.bytes_estimated, self.bytes_in_estimated);
        let (peer, requests, replies) = (&self.peer, self.requests, self.replies);
        let a_minute = (requests + replies) * 60 / seconds;
        Text {
            en: format!(
                "pings with {peer} carry about {out} bytes of data that are no time stamp out, \
                 and {back} in, within {minutes}: {requests} requests and {replies} \
                 replies{mismatches}, {a_minute} a minute"
            ),
            zh: format!(
                "与 {peer} 之间的 ping 在{minutes_zh}内带出约 {out} 字节并非时间戳的数据，带入 \
                 {back} 字节：请求 {requests} 次，应答 {replies} 次{mismatches_zh}，每分钟 \
                 {a_minute} 次"
            ),
        }
    }
}

/// Bytes that are not what the payload before, or the byte to their left, makes likely.
fn surprising(payload: &[u8], before: &[u8]) -> u64 {
    let mut left = None;
    let mut count = 0;
    for (place, byte) in payload.iter().enumerate() {
        let is_near = |known: Option<u8>| {
            known.is_some_and(|known| *byte == known || *byte == known.wrapping_add(1))
        };
        count += u64::from(!is_near(before.get(place).copied()) && !is_near(left));
        left = Some(*byte);
    }
    count
}

/// One of the words that may be seconds: the first two, least or most significant byte first.
fn word(payload: &[u8], place: u8) -> Option<u32> {
    let at = usize::from(place / 2) * 4;
    let bytes: [u8; 4] = payload.get(at..at + 4)?.try_into().ok()?;
    let is_little = place.is_multiple_of(2);
    Some(if is_little {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    })
}

fn start(bytes: &[u8], bytes_max: usize) -> &[u8] {
    bytes.get(..bytes_max).unwrap_or(bytes)
}

/// Bytes a day that an asset may say to a peer without a word.
const GRANTED_BYTES_PER_DAY: f32 = 1_024.0;

/// Bytes beyond these that are told.
const LIMIT_BYTES: f32 = 1_024.0;

/// Bytes of a payload that are looked at.
const PAYLOAD_BYTES_MAX: usize = 128;

/// Bytes by which an answer that was cut short is known. Some servers return no more than 64.
const START_BYTES: usize = 32;

/// Bytes that are a number.
const NUMBER_BYTES: u64 = 2;

/// Bytes of a time stamp that change: those of seconds and of fractions of them.
const CLOCK_BYTES: u64 = 8;

/// Words at the beginning that may be seconds.
const WORDS: u8 = 4;

/// Requests whose answers are waited for.
const PENDING_MAX: usize = 4;

const PAIRS_MAX: usize = 8_192;

#[cfg(test)]
mod tests;
