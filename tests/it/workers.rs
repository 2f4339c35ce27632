//! The number of workers changes no byte, a second replay changes none, and nothing is
//! lost whatever the frames and their times are.

use std::fs;
use std::path::Path;

use etherparse::PacketBuilder;
use proptest::prelude::*;

use crate::packets::NOON;
use crate::support::{
    Conserved, listed_captures, number, office_config, office_week, replay, shared,
};

#[test]
fn an_office_week_is_the_same_whatever_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = office_week(folder.path());
    // One configuration in which alerts are told and one in which they are still shadows.
    let learned = "[baseline]\nlearn = \"48h\"\n[alert]\nbudget_per_asset_week = 5.0\n";
    let learning = "[baseline]\nlearn = \"30d\"\n[alert]\nbudget_per_asset_week = 5.0\n";
    let [learned, learning] = [("learned.toml", learned), ("learning.toml", learning)]
        .map(|(name, more)| office_config(folder.path(), name, more));
    let told = same_for_all(&capture, &["--config", learned.to_str().unwrap()]);
    assert!(number(&told.summary, "alerts") > 0, "nothing to compare");
    let shadows = same_for_all(&capture, &["--config", learning.to_str().unwrap()]);
    assert_eq!(number(&shadows.summary, "alerts"), 0);
    assert!(number(&shadows.summary, "shadow_alerts") > 0);
}

#[test]
fn an_office_week_in_a_full_flow_table_is_the_same_whatever_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = office_week(folder.path());
    let config = office_config(folder.path(), "full.toml", "[limits]\nflows = 64\n");
    let full = same_for_all(&capture, &["--config", config.to_str().unwrap()]);
    assert!(number(&full.summary["evictions"], "flows") > 0);
}

#[test]
fn real_captures_are_the_same_whatever_the_workers() {
    let Some(captures) = shared("workers", "captures") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("full.toml");
    fs::write(&config, "[limits]\nflows = 64\n").unwrap();
    let mut listed = listed_captures(&captures);
    listed.retain(|(_, said)| number(said, "libpcap_rc") == 0 && said["fl"]["ipv4"].is_u64());
    listed.sort_by_key(|(_, said)| std::cmp::Reverse(number(said, "pkts")));
    let mut evictions = 0;
    for (name, _) in listed.iter().take(REAL_CAPTURES) {
        let capture = captures.join(name);
        same_for_all(&capture, &[]);
        let full = same_for_all(&capture, &["--config", config.to_str().unwrap()]);
        evictions += full.summary["evictions"]["flows"].as_u64().unwrap_or(0);
    }
    println!("{REAL_CAPTURES} captures, {evictions} evictions");
    assert!(evictions > 0, "the small table was never full");
}

/// Replays with 1, 2 and 4 workers and once more with 1; all must leave the same bytes.
fn same_for_all(capture: &Path, options: &[&str]) -> Conserved {
    let folder = tempfile::tempdir().unwrap();
    let outs = ["1", "2", "4", "1"].iter().zip(["a", "b", "c", "d"]);
    let outs: Vec<_> = outs
        .map(|(workers, name)| {
            let out = folder.path().join(name);
            let options = [options, &["--workers", workers]].concat();
            let ran = replay(&[capture], &out, &options);
            assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
            out
        })
        .collect();
    for file in RESULTS {
        let first = fs::read(outs[0].join(file)).unwrap();
        for out in &outs[1..] {
            let other = fs::read(out.join(file)).unwrap();
            let at = out.file_name().unwrap();
            assert!(
                first == other,
                "{}: {file} of {at:?} differs",
                capture.display()
            );
        }
    }
    Conserved::of(&outs[0]).unwrap_or_else(|why| panic!("{}: {why}", capture.display()))
}

#[test]
fn flows_of_a_second_without_end_are_the_same_whatever_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("flood.pcap");
    let flood: Vec<_> = (0..FLOOD_PACKETS).map(opening).collect();
    fs::write(&capture, pcap(1, &flood)).unwrap();
    let config = folder.path().join("full.toml");
    fs::write(&config, "[limits]\nflows = 64\n").unwrap();
    let results = same_for_all(&capture, &["--config", config.to_str().unwrap()]);
    assert_eq!(number(&results.summary, "flows"), u64::from(FLOOD_PACKETS));
    // Each part of it is in order by itself: what has ended need not wait for the second's end.
    let sources = results.flows.iter().map(|flow| {
        let source: std::net::Ipv4Addr = flow["src"].as_str().unwrap().parse().unwrap();
        source.to_bits()
    });
    let sources: Vec<_> = sources.collect();
    let parts = 1 + sources.windows(2).filter(|pair| pair[0] > pair[1]).count();
    assert_eq!(parts, 2);
}

/// More packets than one second may hold before flows that have ended in it are written.
const FLOOD_PACKETS: u32 = 300_000;

/// One of many openings of one second, each from another source.
fn opening(number: u32) -> Record {
    // Neighbours are far apart, so that the order is none by itself.
    let source = 0x0a00_0000 | number.wrapping_mul(0x9e_3779) & 0xff_ffff;
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let ip = ethernet.ipv4(source.to_be_bytes(), [77, 88, 8, 8], 64);
    let mut frame = Vec::new();
    let tcp = ip.tcp(40_000, 443, number, 1_000).syn();
    tcp.write(&mut frame, &[]).unwrap();
    Record {
        seconds: NOON,
        nanos: 0,
        frame,
        cut_bytes: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn no_frame_is_lost_whatever_it_is_and_whenever_it_was(
        link_type in prop_oneof![4 => Just(1u32), 1 => prop::sample::select(vec![0, 101, 113])],
        records in records(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("any.pcap");
        fs::write(&capture, pcap(link_type, &records)).unwrap();
        let config = folder.path().join("small.toml");
        fs::write(&config, "[limits]\nflows = 64\n").unwrap();
        let results = same_for_all(&capture, &["--config", config.to_str().unwrap()]);
        prop_assert_eq!(number(&results.summary, "frames_read"), records.len() as u64);
    }
}

/// A record of a capture file.
#[derive(Clone, Debug)]
struct Record {
    seconds: u32,
    nanos: u32,
    frame: Vec<u8>,
    /// How much longer than what was captured the frame was.
    cut_bytes: u32,
}

/// Records of a few spans of time, forth and back, each long enough for its jump to be
/// believed, and some records whose clock is broken.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let begins = [0, NOON, NOON + 5_000, NOON + 86_400, u32::MAX - 700];
    let span = (
        prop::sample::select(begins.to_vec()),
        prop::collection::vec(record(), 0..150),
    );
    prop::collection::vec(span, 1..4).prop_map(|spans| {
        let of_span = |(begin, records): (u32, Vec<Record>)| {
            records.into_iter().map(move |record| Record {
                seconds: record.seconds.wrapping_add(begin),
                ..record
            })
        };
        spans.into_iter().flat_map(of_span).collect()
    })
}

/// A record at some second after the beginning of its span.
fn record() -> impl Strategy<Value = Record> {
    let seconds = prop_oneof![20 => 0..600_u32, 1 => any::<u32>()];
    let parts = (seconds, 0..1_000_000_000_u32, frame(), any::<u8>());
    parts.prop_flat_map(|(seconds, nanos, frame, chance)| {
        let length = frame.len();
        // One in eight is cut by a snap length.
        let kept = if chance < 32 {
            0..=length
        } else {
            length..=length
        };
        kept.prop_map(move |kept| Record {
            seconds,
            nanos,
            frame: frame[..kept].to_vec(),
            cut_bytes: u32::try_from(length - kept).unwrap(),
        })
    })
}

/// A frame: mostly sound, else with some bytes changed, else noise.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changed = (sound_frame(), prop::collection::vec(change, 1..4));
    prop_oneof![
        6 => sound_frame(),
        2 => changed.prop_map(|(mut frame, changes)| {
            for (index, byte) in changes {
                let place = index.index(frame.len());
                frame[place] = byte;
            }
            frame
        }),
        1 => prop::collection::vec(any::<u8>(), 0..120),
    ]
}

/// Frames between few hosts, of which some are fragments of few datagrams.
fn sound_frame() -> impl Strategy<Value = Vec<u8>> {
    let place = prop::sample::select(vec![0x2000_u16, 0x2010, 0x0020]);
    prop_oneof![
        5 => whole_frame(),
        1 => (whole_frame(), place, 0..3_u16).prop_map(|(mut frame, place, identification)| {
            // Of IPv4 without tags, where the words of a fragment have their place.
            if frame[12..14] == [8, 0] {
                frame[18..20].copy_from_slice(&identification.to_be_bytes());
                frame[20..22].copy_from_slice(&place.to_be_bytes());
            }
            frame
        }),
    ]
}

/// Ethernet frames between few hosts and ports, so that they meet in flows.
fn whole_frame() -> impl Strategy<Value = Vec<u8>> {
    let ends = (0..6_u8, 0..6_u8, 0..4_u16, prop::bool::ANY);
    let segment = (0..64_u8, any::<u32>(), 0..600_usize);
    (ends, segment, 0..4_u8).prop_map(|(ends, (flags, sequence, payload), kind)| {
        let (host, peer, port, outward) = ends;
        let (asset, abroad) = ([10, 0, 0, host], [77, 88, 8, peer]);
        let (from, to) = if outward {
            (asset, abroad)
        } else {
            (abroad, asset)
        };
        let (from_port, to_port) = if outward {
            (40_000 + port, 443)
        } else {
            (443, 40_000 + port)
        };
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ip = match kind {
            0 => ethernet
                .single_vlan(7.try_into().unwrap())
                .ipv4(from, to, 64),
            1 => ethernet.ipv6(in_ipv6(from), in_ipv6(to), 64),
            _ => ethernet.ipv4(from, to, 64),
        };
        let payload = vec![0; payload];
        let mut frame = Vec::new();
        if kind == 3 {
            ip.udp(from_port, to_port)
                .write(&mut frame, &payload)
                .unwrap();
        } else {
            let mut tcp = etherparse::TcpHeader::new(from_port, to_port, sequence, 1_000);
            tcp.fin = flags & 1 != 0;
            tcp.syn = flags & 2 != 0;
            tcp.rst = flags & 4 != 0;
            tcp.ack = flags & 16 != 0;
            ip.tcp_header(tcp).write(&mut frame, &payload).unwrap();
        }
        frame
    })
}

fn in_ipv6(address: [u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(if address[0] == 10 {
        &[0xfd, 0]
    } else {
        &[0x2a, 2]
    });
    bytes[12..].copy_from_slice(&address);
    bytes
}

fn pcap(link_type: u32, records: &[Record]) -> Vec<u8> {
    let header = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, link_type];
    let mut bytes: Vec<u8> = header
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect();
    for record in records {
        let length = u32::try_from(record.frame.len()).unwrap();
        let original = length + record.cut_bytes;
        for word in [record.seconds, record.nanos, length, original] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&record.frame);
    }
    bytes
}

/// The files that a replay with everything writes.
const RESULTS: [&str; 5] = [
    "alerts.jsonl",
    "shadow.jsonl",
    "flows.jsonl",
    "transfers.jsonl",
    "summary.json",
];

/// Shared captures with the most packets, of those that hold IP and are sound.
const REAL_CAPTURES: usize = 40;

/// Random captures; each is replayed four times.
const CASES: u32 = 64;
