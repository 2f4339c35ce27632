//! What is kept of damaged files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use super::oracle::{files_below, read_all, read_each, shared_captures};
use super::*;
use crate::capture::record::RECORD_BYTES_MAX;

#[test]
fn a_capture_cut_anywhere_keeps_every_packet_before_the_cut() {
    let Some(shared) = shared_captures("a_capture_cut_anywhere") else {
        return;
    };
    let directory = Directory::new();
    let (mut cuts, mut frames) = (0u64, 0u64);
    for path in files_below(&shared, "") {
        let name = path.display();
        let Ok(whole) = fs::read(&path) else { continue };
        let mut known: Vec<(u64, u64)> = Vec::new();
        let errors = read_each(&path, |end, frame| known.push((end, digest(frame))));
        // Behind damage, the end of the input decides what a record is.
        let sound = errors.first().map_or(u64::MAX, |_| 0);
        let is_packed = whole.starts_with(b"\x1f\x8b");
        let copy = directory.write("cut", &whole);
        let file = fs::OpenOptions::new().write(true).open(&copy).unwrap();
        for cut in sampled_cuts(whole.len() as u64) {
            file.set_len(cut).unwrap();
            let mut seen = 0;
            read_each(&copy, |_, frame| {
                let same = known.get(seen).is_some_and(|(_, it)| *it == digest(frame));
                assert!(
                    same || sound == 0,
                    "{name}: cut at {cut}: frame {}",
                    seen + 1
                );
                seen += 1;
            });
            let before = known.partition_point(|(end, _)| *end <= cut);
            if sound != 0 && !is_packed {
                assert_eq!(seen, before, "{name}: cut at {cut}");
            }
            (cuts, frames) = (cuts + 1, frames + seen as u64);
        }
    }
    println!("{cuts} cuts, {frames} frames");
    assert!(cuts > 10_000 && frames > 100_000, "{cuts} {frames}");
}

/// Every 97th byte from the last on; of long files, unless all are asked for, some of them.
fn sampled_cuts(length: u64) -> impl Iterator<Item = u64> {
    let all = length / 97;
    let step = match std::env::var_os("BORDERFLOW_ALL_CUTS") {
        Some(_) => 1,
        None => (all / CUTS_PER_FILE).max(1),
    };
    (0..=all).rev().step_by(step as usize).map(|it| it * 97)
}

fn digest(frame: &Frame<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (frame.timestamp, frame.original_length, frame.data).hash(&mut hasher);
    hasher.finish()
}

/// A hundred frames whose bytes tell them apart.
fn hundred() -> Vec<Vec<u8>> {
    (0..100u8)
        .map(|index| vec![index; 60 + usize::from(index)])
        .collect()
}

fn slices(frames: &[Vec<u8>]) -> Vec<&[u8]> {
    frames.iter().map(Vec::as_slice).collect()
}

/// Where the record of frame `index` of [`hundred`] starts.
fn record_start(index: usize) -> usize {
    24 + (0..index).map(|it| 16 + 60 + it).sum::<usize>()
}

#[test]
fn a_broken_record_header_costs_its_own_record() {
    let directory = Directory::new();
    let frames = hundred();
    for (offset, value) in [(8, u32::MAX), (8, 0x0100_0000)] {
        let mut bytes = pcap(1, 1_500, &slices(&frames));
        let at = record_start(50) + offset;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let (found, errors) = read_all(&directory.write("x.pcap", &bytes));
        let kept: Vec<_> = found.iter().map(|it| it.3[0]).collect();
        let expected: Vec<_> = (0..100).filter(|it| *it != 50).collect();
        assert_eq!(kept, expected);
        let [
            CaptureError::Damaged {
                record: 51,
                skipped_bytes: Some(126),
                message,
                ..
            },
        ] = &errors[..]
        else {
            panic!("{errors:?}");
        };
        assert!(
            message.ends_with(&format!("(byte {})", record_start(50))),
            "{message}"
        );
    }
}

#[test]
fn lost_bytes_cost_the_records_that_they_were_of() {
    let directory = Directory::new();
    let frames = hundred();
    let mut bytes = pcap(1, 1_500, &slices(&frames));
    bytes.drain(record_start(30) + 40..record_start(31) + 7);
    let (found, errors) = read_all(&directory.write("x.pcap", &bytes));
    let kept: Vec<_> = found.iter().map(|it| it.3[0]).collect();
    assert!(kept.starts_with(&(0..30).collect::<Vec<_>>()), "{kept:?}");
    assert!(kept.ends_with(&(33..100).collect::<Vec<_>>()), "{kept:?}");
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn a_broken_block_costs_itself() {
    let directory = Directory::new();
    let frames = hundred();
    let file = |broken: Option<(usize, u32)>| {
        let mut bytes = pcapng_header();
        for (index, frame) in frames.iter().enumerate() {
            let at = bytes.len();
            bytes.extend(enhanced(0, index as u64, frame));
            if let Some((offset, value)) = broken.filter(|_| index == 50) {
                bytes[at + offset..at + offset + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
        directory.write("x.pcapng", &bytes)
    };
    assert_eq!(read_all(&file(None)).1, []);
    // The length at the front, the interface, the captured length, the length at the end.
    for (offset, value) in [
        (4, 9),
        (4, 12),
        (4, u32::MAX),
        (8, 7),
        (20, 113),
        (28 + 112, 0),
    ] {
        let (found, errors) = read_all(&file(Some((offset, value))));
        let kept: Vec<_> = found.iter().map(|it| it.3[0]).collect();
        let expected: Vec<_> = (0..100).filter(|it| *it != 50).collect();
        assert_eq!(kept, expected, "{offset} {value}");
        let [
            CaptureError::Damaged {
                record: 51,
                skipped_bytes: Some(144),
                ..
            },
        ] = &errors[..]
        else {
            panic!("{offset} {value}: {errors:?}");
        };
    }
}

#[test]
fn noise_ends_quickly_however_it_is_made() {
    let directory = Directory::new();
    let mut state = 7u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u32
    };
    let noise: Vec<u8> = (0..1 << 21).flat_map(|_| random().to_le_bytes()).collect();
    let words = |words: &[u32], times: usize| -> Vec<u8> {
        let once: Vec<u8> = words.iter().flat_map(|it| it.to_le_bytes()).collect();
        once.repeat(times)
    };
    // Blocks that claim to be as long as may be, between sound ones.
    let claims = words(&[4, 12, 12, 6, RECORD_BYTES_MAX as u32, 0], 1 << 20);
    // Chains of records that break just before they are believed.
    let chain: Vec<u8> = (0..7)
        .flat_map(|_| [1u32, 1, 4, 4, 1])
        .flat_map(u32::to_le_bytes)
        .collect();
    let chains: Vec<u8> = [&chain[..], &[0xff; 16]].concat().repeat(1 << 16);
    let classic = pcap(1, 60, &[&[1; 60]]);
    let blocks = [pcapng_header(), enhanced(0, 1, &[1; 60])].concat();
    for tail in [
        noise,
        vec![0; 8 << 20],
        claims,
        chains,
        words(&[1; 4], 1 << 19),
    ] {
        for head in [&classic, &blocks] {
            let path = directory.write("x", &[head, &tail[..]].concat());
            let begun = Instant::now();
            let (found, _) = read_all(&path);
            assert_eq!(found[0].3, [1; 60]);
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{:?}",
                begun.elapsed()
            );
        }
    }
}

/// A section and an interface of Ethernet with times in microseconds.
pub(super) fn pcapng_header() -> Vec<u8> {
    let section = [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28];
    let interface = [1u32, 20, 1, 65_535, 20];
    let words = section.iter().chain(&interface);
    words.flat_map(|word| word.to_le_bytes()).collect()
}

/// An enhanced packet block.
pub(super) fn enhanced(interface: u32, ticks: u64, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u32;
    let total = 32 + length.next_multiple_of(4);
    let (high, low) = ((ticks >> 32) as u32, ticks as u32);
    let head = [6, total, interface, high, low, length, length];
    let mut block: Vec<u8> = head.iter().flat_map(|it| it.to_le_bytes()).collect();
    block.extend(data);
    block.resize(total as usize - 4, 0);
    block.extend(total.to_le_bytes());
    block
}

/// Cuts of one file, unless all are asked for.
const CUTS_PER_FILE: u64 = 24;
