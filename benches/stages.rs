//! What each stage of the packet path costs, on packets of a simulated site.
//!
//! Quote ratios of two runs on one machine, not times: machines differ and drift.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot run should say why"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use borderflow::capture::{FileSource, Frame, LinkType};
use borderflow::config::Config;
use borderflow::decode::{Packet, decode};
use borderflow::flow::{FlowConfig, FlowEvent, SHARDS, Shard, shard_of};
use borderflow::geo::{Geo, GeoConfig};
use borderflow::inspect::{Found, Inspector, Stream, TestCards};
use borderflow::pipeline::{Outputs, Setup, Telemetry, replay};
use borderflow::simulate::{Scenario, simulate};
use borderflow::time::Timestamp;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A frame that outlives its source.
struct Kept {
    timestamp: Timestamp,
    original_length: u32,
    link_type: LinkType,
    data: Vec<u8>,
}

impl Kept {
    fn frame(&self) -> Frame<'_> {
        Frame {
            timestamp: self.timestamp,
            original_length: self.original_length,
            link_type: self.link_type,
            data: &self.data,
        }
    }
}

fn geo() -> Geo {
    let site = Config::default().site;
    Geo::open(
        &GeoConfig::default(),
        &site.networks,
        site.jurisdictions.0.clone(),
    )
    .unwrap()
}

fn office_week(folder: &Path) -> std::path::PathBuf {
    let text = include_str!("../models/scenarios/office-week.toml");
    let path = folder.join("office-week.pcap");
    let mut capture = std::fs::File::create(&path).unwrap();
    simulate(
        &Scenario::from_toml(text).unwrap(),
        &mut capture,
        &mut std::io::sink(),
    )
    .unwrap();
    path
}

fn frames(path: &Path) -> Vec<Kept> {
    let mut source = FileSource::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(Kept {
            timestamp: frame.timestamp,
            original_length: frame.original_length,
            link_type: frame.link_type,
            data: frame.data.to_vec(),
        });
    }
    frames
}

fn stages(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let path = office_week(folder.path());
    let frames = frames(&path);
    let packets: Vec<Packet> = frames
        .iter()
        .filter_map(|frame| decode(&frame.frame()).ok())
        .collect();
    let geo = geo();

    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.sample_size(20);
    group.bench_function("capture", |bencher| {
        bencher.iter(|| {
            let mut source = FileSource::open(&path).unwrap();
            while let Some(frame) = source.next_frame().unwrap() {
                black_box(frame.data.len());
            }
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            frames
                .iter()
                .filter(|frame| decode(&frame.frame()).is_ok())
                .count()
        });
    });
    group.bench_function("flow", |bencher| {
        bencher.iter(|| {
            let mut shards: Vec<_> = (0..SHARDS)
                .map(|_| Shard::new(FlowConfig::default(), 10_000))
                .collect();
            let mut events = 0u64;
            let locate = |address| geo.place(address);
            for packet in &packets {
                let shard = &mut shards[shard_of(packet.src, packet.dst)];
                let mut count = |_: FlowEvent<'_>| events += 1;
                shard.advance(packet.timestamp.tick(), &locate, &mut count);
                let lookup = shard.look_up(packet);
                shard.packet(packet, &lookup, &locate, &mut count);
            }
            events
        });
    });
    group.bench_function("replay", |bencher| {
        bencher.iter(|| {
            let setup = Setup {
                config: Config::default(),
                policy: borderflow::policy::Policy::default(),
                geo: self::geo(),
                workers: 1,
                outputs: Outputs::none(),
                telemetry: Telemetry::new(),
                exchange: Default::default(),
                flow_input: None,
            };
            let stop = AtomicBool::new(false);
            replay(std::slice::from_ref(&path), setup, &stop, |_| {})
                .unwrap()
                .0
                .summary
                .packets
        });
    });
    group.finish();
}

/// Numbers that are the same in each run (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + (self.next() % 10) as u8))
            .collect()
    }
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3).flat_map(|group| {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| LETTERS[(bits >> shift & 63) as usize])
    });
    groups.collect()
}

/// What is looked through: without a single identifier, which is what costs most of all traffic.
fn contents() -> [(&'static str, Vec<u8>); 4] {
    const BYTES: usize = 4 << 20;
    let mut chance = Chance(0x2026_0302);
    let mut random: Vec<u8> = (0..BYTES / 8)
        .flat_map(|_| chance.next().to_le_bytes())
        .collect();
    random.truncate(BYTES / 12 * 12);
    let text = base64(&random[..BYTES / 4 * 3]);
    let (mut json, mut csv) = (Vec::new(), Vec::new());
    while json.len() < BYTES {
        let (id, bytes, seconds) = (
            chance.next() % 100_000,
            chance.next() >> 40,
            chance.next() % 60,
        );
        let row = format!(
            "{{\"id\":{id},\"name\":\"sensor {id} of the second hall\",\"bytes\":{bytes},\"at\":\
             \"2026-03-02T10:00:{seconds:02}Z\",\"is_open\":true,\"tags\":[\"blue\",\"heavy\"]}}\n"
        );
        json.extend(row.into_bytes());
    }
    while csv.len() < BYTES {
        let row = [18, 11, 16, 9].map(|count| chance.digits(count)).join(",");
        csv.extend((row + "\n").into_bytes());
    }
    [
        ("random", random),
        ("base64", text),
        ("json", json),
        ("digits", csv),
    ]
}

fn inspect(criterion: &mut Criterion) {
    let inspector = Inspector::new([7; 16], TestCards::Ignored).unwrap();
    let mut group = criterion.benchmark_group("inspect");
    group.sample_size(20);
    for (name, content) in contents() {
        group.throughput(Throughput::Bytes(content.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (mut stream, mut found) = (Stream::default(), Found::default());
                // As much as a segment carries.
                for piece in content.chunks(1_460) {
                    inspector.push(&mut stream, piece, &mut found);
                }
                inspector.finish(stream, &mut found);
                found
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stages, inspect);
criterion_main!(benches);
