//! Writes captures to measure the sensor with: hostile ones, and small ordinary ones.
//!
//! The same arguments give the same bytes on every machine, and but for `flood` and `weeks`
//! fewer packets are the beginning of more. Frames are Ethernet in a
//! little-endian microsecond pcap. Payload is left out of the file where nothing reads it,
//! while the lengths on the wire say that it was there. Checksums of TCP and UDP are zero,
//! as on a host whose network card fills them in.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;

use capture::{ACK, Capture, Chance, Ends, FIN, FULL, MIX_START, SYN, Segment, Tcp};
use capture::{end, is_public};
use hostile::{colliding_key, flood, over_keys, random_key};

mod capture;
mod hostile;

const USAGE: &str = "usage: mixes ordinary|small|random|collide OUT PACKETS FLOWS
       mixes flood OUT SOURCES START_SECONDS
       mixes weeks OUT FROM PAIRS

ordinary  TCP and UDP conversations that begin, carry 60, 590 and 1514 bytes, and end
small     60-byte packets, each of a flow picked at random
random    60-byte packets over flows between random addresses
collide   the same over flows whose keys collide in an unkeyed hash
flood     SYNs from invented sources to one server in 60 s, a real upload among them
weeks     what the first PAIRS conversations of the capture FROM would have sent in each
          hour of the 14 days before it, so that a baseline has learned them";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match command(&arguments) {
        Ok(told) => writeln!(io::stdout(), "{told}"),
        Err(error) => {
            let _ = writeln!(io::stderr(), "mixes: {error}");
            return ExitCode::FAILURE;
        }
    };
    if told.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Writes what the arguments ask for. Returns a line of JSON about it.
fn command(arguments: &[String]) -> io::Result<String> {
    let [mix, out, first, second] = arguments else {
        return Err(io::Error::other(USAGE));
    };
    let mut capture = Capture::create(Path::new(out))?;
    let extra = match mix.as_str() {
        "ordinary" => ordinary(&mut capture, number(first)?, number(second)?)?,
        "small" => small(&mut capture, number(first)?, number(second)?)?,
        "random" => over_keys(&mut capture, number(first)?, number(second)?, random_key)?,
        "collide" => over_keys(&mut capture, number(first)?, number(second)?, colliding_key)?,
        "flood" => flood(&mut capture, number(first)?, number(second)?)?,
        "weeks" => weeks(&mut capture, Path::new(first), number(second)?)?,
        _ => return Err(io::Error::other(USAGE)),
    };
    capture.out.flush()?;
    Ok(format!("{{\"packets\": {}{extra}}}", capture.frames))
}

fn number(text: &str) -> io::Result<u64> {
    let parsed = text.parse();
    parsed.map_err(|_| io::Error::other(format!("`{text}` is no number\n{USAGE}")))
}

/// Conversations of a site: each of so many slots holds one, and the next one when it ends.
fn ordinary(capture: &mut Capture, packets: u64, slots: u64) -> io::Result<String> {
    let mut chance = Chance(1);
    let mut talks: Vec<Talk> = (0..slots).map(|_| Talk::begin(&mut chance)).collect();
    for at in 0..packets {
        let slot = chance.below(slots) as usize;
        let Some(talk) = talks.get_mut(slot) else {
            continue;
        };
        let segment = talk.next(&mut chance);
        capture.write(MIX_START + at * 200, &segment, FULL)?;
        if talk.left == 0 {
            *talk = Talk::begin(&mut chance);
        }
    }
    Ok(String::new())
}

/// As many conversations as asked for, all of them alive; the first packets open them.
fn small(capture: &mut Capture, packets: u64, flows: u64) -> io::Result<String> {
    let mut chance = Chance(2);
    let mut talks: Vec<Talk> = (0..flows).map(|_| Talk::begin(&mut chance)).collect();
    for at in 0..packets {
        let slot = if at < flows { at } else { chance.below(flows) };
        let Some(talk) = talks.get_mut(slot as usize) else {
            continue;
        };
        let mut segment = talk.next(&mut chance);
        segment.payload = 6;
        if let Some(tcp) = &mut segment.tcp {
            tcp.flags = if at < flows { SYN } else { ACK };
        }
        capture.write(MIX_START + at * 24, &segment, FULL)?;
    }
    Ok(String::new())
}

/// The first pairs of `from` that leave 10.0.0.0/8, once in each hour of two weeks.
fn weeks(capture: &mut Capture, from: &Path, pairs: u64) -> io::Result<String> {
    let (first_seconds, ends) = first_pairs(from, pairs as usize)?;
    let hours = WEEKS_DAYS * 24;
    let start_seconds = first_seconds / 3_600 * 3_600 - hours * 3_600;
    let mut chance = Chance(5);
    for hour in 0..hours {
        for (index, &(src, dst)) in ends.iter().enumerate() {
            let within = index as u64 * 3_600_000_000 / ends.len() as u64;
            let payload = 600 + chance.below(800) as u32;
            let segment = Segment {
                src,
                dst,
                tcp: None,
                payload,
            };
            let microseconds = (start_seconds + hour * 3_600) * 1_000_000 + within;
            capture.write(microseconds, &segment, 0)?;
        }
    }
    Ok(format!(", \"pairs\": {}, \"hours\": {hours}", ends.len()))
}

/// When a capture of this machine's order begins, and its first conversations.
fn first_pairs(from: &Path, pairs: usize) -> io::Result<(u64, Vec<Ends>)> {
    let mut input = BufReader::new(File::open(from)?);
    input.read_exact(&mut [0; 24])?;
    let mut begin = None;
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut header = [0; 16];
    let mut frame = Vec::new();
    while found.len() < pairs && input.read_exact(&mut header).is_ok() {
        let word = |at: usize| header.get(at..at + 4).and_then(|word| word.try_into().ok());
        let word = |at: usize| word(at).map_or(0, u32::from_le_bytes);
        begin = begin.or(Some(u64::from(word(0))));
        // No Ethernet frame is longer, so a damaged length reserves no memory.
        frame.resize((word(8) as usize).min(1 << 18), 0);
        input.read_exact(&mut frame)?;
        let [src, dst] = [26, 30].map(|at| {
            let bytes: Option<[u8; 4]> = frame.get(at..at + 4).and_then(|b| b.try_into().ok());
            Ipv4Addr::from(bytes.unwrap_or_default())
        });
        let is_ipv4 = frame.get(12..14) == Some(&[8, 0]);
        if is_ipv4 && src.octets()[0] == 10 && is_public(dst) && seen.insert(src) {
            found.push((end(src, 40_000), end(dst, 443)));
        }
    }
    let begin = begin.ok_or_else(|| io::Error::other("the capture to copy from is empty"))?;
    Ok((begin, found))
}

/// A conversation of `ordinary` and `small`.
struct Talk {
    ends: Ends,
    is_tcp: bool,
    /// Packets until its end.
    left: u32,
    sent: u32,
    /// Next sequence number of either side.
    seq: [u32; 2],
}

impl Talk {
    fn begin(chance: &mut Chance) -> Self {
        let asset = Ipv4Addr::from(0x0a00_0000 | chance.below(1 << 16) as u32);
        let peer =
            Ipv4Addr::from((20 + chance.below(160) as u32) << 24 | chance.below(1 << 24) as u32);
        let is_tcp = chance.below(5) > 0;
        Self {
            ends: (
                end(asset, chance.port()),
                end(peer, if is_tcp { 443 } else { 53 }),
            ),
            is_tcp,
            left: 6 + chance.below(60) as u32,
            sent: 0,
            seq: [chance.next() as u32, chance.next() as u32],
        }
    }

    fn next(&mut self, chance: &mut Chance) -> Segment {
        self.left = self.left.saturating_sub(1);
        let size = match chance.below(12) {
            0..=6 => 60,
            7..=10 => 590,
            _ => 1_514,
        };
        let is_first = self.sent < 3;
        let back = if is_first {
            self.sent == 1
        } else {
            chance.below(2) == 1
        };
        let flags = match self.sent {
            0 => SYN,
            1 => SYN | ACK,
            _ if self.left == 0 => FIN | ACK,
            _ => ACK,
        };
        self.sent += 1;
        let payload = match (self.is_tcp, is_first) {
            (true, true) => 0,
            (true, false) => size - 54,
            (false, _) => size - 42,
        };
        let [own, other] = if back { [1, 0] } else { [0, 1] };
        let tcp = Tcp {
            seq: self.seq[own],
            ack: self.seq[other],
            flags,
        };
        let advance = payload + u32::from(flags & (SYN | FIN) != 0);
        self.seq[own] = self.seq[own].wrapping_add(advance);
        let (src, dst) = if back {
            (self.ends.1, self.ends.0)
        } else {
            self.ends
        };
        Segment {
            src,
            dst,
            tcp: self.is_tcp.then_some(tcp),
            payload,
        }
    }
}

const WEEKS_DAYS: u64 = 14;
