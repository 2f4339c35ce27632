//! Real captures with some of their bits flipped, through the sensor half in one process:
//! no panic, no hang, and every frame is counted.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use borderflow::capture::FileSource;
use borderflow::decode::{decode, fingerprint};
use borderflow::flow::{FlowConfig, FlowEvent, Shard};
use borderflow::geo::Place;
use borderflow::time::Tick;

use crate::support::{listed_captures, shared};

#[test]
fn captures_with_flipped_bits_neither_panic_nor_hang() {
    let Some(captures) = shared("mutation", "captures") else {
        return;
    };
    let listed = listed_captures(&captures);
    let paths: Vec<_> = listed.iter().map(|(name, _)| captures.join(name)).collect();
    let seeds = env::var(SEEDS_VARIABLE).map_or(SEEDS, |it| it.parse().unwrap());
    let begun = Instant::now();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for seed in 0..seeds {
            for turn in 0..CAPTURES_PER_SEED {
                let drawn = (seed * CAPTURES_PER_SEED + turn).wrapping_mul(STRIDE);
                let path = &paths[drawn as usize % paths.len()];
                if sender.send(outcome(path, drawn)).is_err() {
                    return;
                }
            }
        }
    });
    let mut sum = Counts::default();
    let mut slowest = Duration::ZERO;
    let files = seeds * CAPTURES_PER_SEED;
    for file in 0..files {
        let seed = file / CAPTURES_PER_SEED;
        let since = Instant::now();
        // A panic that no seed is to blame for closes the channel.
        let counts = match receiver.recv_timeout(HANG) {
            Ok(Ok(counts)) => counts,
            Ok(Err(why)) => panic!("seed {seed}: {why}"),
            Err(error) => panic!("seed {seed}: nothing after {HANG:?}: {error}"),
        };
        slowest = slowest.max(since.elapsed());
        sum.add(&counts);
    }
    println!(
        "{seeds} seeds, {files} files in {:.1?}, the slowest {slowest:.1?}: {sum}",
        begun.elapsed()
    );
    assert!(sum.refused < files / 2, "hardly one is opened: {sum}");
    assert!(
        sum.damages > files / 10 && sum.packets > 10 * files,
        "{sum}"
    );
}

#[test]
fn a_seed_gives_the_same_bytes_and_flips_as_many_as_asked() {
    let original = vec![0; 100_000];
    for (ratio, expected) in [(0.0001, 60..101), (0.05, 38_000..42_001)] {
        let flipped = |seed| {
            let mut bytes = original.clone();
            Chance(seed).flip(&mut bytes, ratio);
            bytes
        };
        let one = flipped(7);
        assert_eq!(one, flipped(7));
        assert_ne!(one, flipped(8));
        let bits: u32 = one.iter().map(|byte| byte.count_ones()).sum();
        assert!(expected.contains(&bits), "{ratio}: {bits}");
    }
}

/// What became of mutated captures.
#[derive(Debug, Default)]
struct Counts {
    refused: u64,
    damages: u64,
    frames: u64,
    packets: u64,
    flows: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.refused += other.refused;
        self.damages += other.damages;
        self.frames += other.frames;
        self.packets += other.packets;
        self.flows += other.flows;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused, {} damages, {} frames, {} packets, {} flows",
            self.refused, self.damages, self.frames, self.packets, self.flows
        )
    }
}

/// Mutates one capture and reads it; what goes wrong is told with its name.
fn outcome(path: &Path, seed: u64) -> Result<Counts, String> {
    let mut chance = Chance(seed);
    // From 1 in 10,000 bits to 1 in 20, each order of magnitude as likely.
    let ratio = RATIO_MIN * (RATIO_MAX / RATIO_MIN).powf(chance.fraction());
    let mut bytes = fs::read(path).unwrap();
    // Every other one keeps its header, so that it is opened.
    let kept = if seed.is_multiple_of(2) {
        0
    } else {
        HEADER_BYTES
    };
    chance.flip(bytes.get_mut(kept..).unwrap_or_default(), ratio);
    let folder = tempfile::tempdir().unwrap();
    let mutated: PathBuf = folder.path().join("mutated");
    fs::write(&mutated, &bytes).unwrap();
    catch_unwind(AssertUnwindSafe(|| sense(&mutated)))
        .map_err(|_| format!("{} at a ratio of {ratio:.5}", path.display()))
}

/// Reads, decodes and follows what a file holds.
fn sense(path: &Path) -> Counts {
    let mut counts = Counts::default();
    let Ok(mut source) = FileSource::open(path) else {
        counts.refused += 1;
        return counts;
    };
    let locate = |_: IpAddr| Place::LOCAL;
    let mut shard = Shard::new(FlowConfig::default(), FLOWS_MAX);
    let mut now = Tick::default();
    let (mut flow_packets, mut dropped) = (0, 0);
    let mut take = |event: FlowEvent<'_>| {
        if let FlowEvent::Closed { flow, .. } = event {
            flow_packets += flow.packets();
            counts.flows += 1;
        }
    };
    loop {
        let frame = match source.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_damage() || source.has_ended(), "{error}");
                counts.damages += 1;
                continue;
            }
        };
        counts.frames += 1;
        let Ok(packet) = decode(&frame) else {
            dropped += 1;
            continue;
        };
        std::hint::black_box(fingerprint(&frame, &packet));
        counts.packets += 1;
        if packet.timestamp.tick() > now {
            now = packet.timestamp.tick();
            shard.advance(now, &locate, &mut take);
        }
        let lookup = shard.look_up(&packet);
        shard.packet(&packet, &lookup, &locate, &mut take);
    }
    shard.finish(&locate, &mut take);
    assert!(source.has_ended(), "it neither goes on nor ends");
    assert_eq!(counts.frames, source.frames_read());
    assert_eq!(counts.frames, counts.packets + dropped);
    assert_eq!(counts.packets, flow_packets);
    counts
}

/// A chain of numbers that look drawn (Steele, Lea and Flood 2014), the same for ever.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and less than 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Flips `ratio` of all bits, each at a place that may be drawn twice.
    fn flip(&mut self, bytes: &mut [u8], ratio: f64) {
        let bits = bytes.len() as u64 * 8;
        for _ in 0..(bits as f64 * ratio).ceil() as u64 {
            let bit = self.next() % bits;
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
    }
}

/// The variable that asks for another number of seeds.
const SEEDS_VARIABLE: &str = "BORDERFLOW_MUTATION_SEEDS";

/// Mutated captures, unless the variable says otherwise.
const SEEDS: u64 = 1_000;

/// Captures that each seed mutates.
const CAPTURES_PER_SEED: u64 = 4;

/// The header of pcap, and most of the first block of pcapng.
const HEADER_BYTES: usize = 24;

/// Captures between those of two seeds: prime, so that all have their turn.
const STRIDE: u64 = 7_919;

/// The longest that one capture may take.
const HANG: Duration = Duration::from_secs(5);

/// Shares of bits that are flipped.
const RATIO_MIN: f64 = 0.0001;
const RATIO_MAX: f64 = 0.05;

/// Flows of the table, few enough that some give way.
const FLOWS_MAX: usize = 64;
