//! Timestamps that nobody believes, and captures that overlap.

use std::time::{Duration, Instant};

use crate::packets::{ABROAD, ASSET, Capture, NOON, upload, write};
use crate::program::{Results, replay_to, results};
use crate::support::{Ran, number};

/// Replays packets with these times, which must take no longer than as many ordinary ones.
fn replay(times: impl IntoIterator<Item = u32>) -> (Ran, Results, u64) {
    let mut capture = Capture::new();
    let mut count = 0;
    for time in times {
        capture.udp(time, ASSET, ABROAD, 100);
        count += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = capture.write(folder.path(), "times.pcap");
    let out = folder.path().join("out");
    let start = Instant::now();
    let ran = replay_to(&out, &[&path], &[]);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    ran.succeeded();
    let results = results(&out);
    assert_eq!(number(&results.summary, "packets"), count);
    let bytes: u64 = results.transfers.iter().map(|it| number(it, "bytes")).sum();
    assert_eq!(bytes, count * 100, "every byte is told");
    let flows: u64 = results
        .flows
        .iter()
        .map(|it| number(it, "packets_src"))
        .sum();
    assert_eq!(flows, count);
    (ran, results, count)
}

#[test]
fn the_beginning_of_time() {
    let (_, results, _) = replay(0..100);
    assert_eq!(results.summary["first"], "1970-01-01T00:00:00.000000000Z");
    assert_eq!(results.summary["last"], "1970-01-01T00:01:39.000000000Z");
}

#[test]
fn the_end_of_what_a_capture_can_say() {
    let (ran, results, _) = replay(u32::MAX - 99..=u32::MAX);
    assert_eq!(results.summary["last"], "2106-02-07T06:28:15.000000000Z");
    assert!(
        ran.stdout.contains("older than the traffic"),
        "databases are old: {ran:?}"
    );
}

#[test]
fn a_jump_over_all_of_it() {
    let times = (0..200).chain(u32::MAX - 199..=u32::MAX);
    let (_, results, _) = replay(times);
    assert_eq!(
        number(&results.summary, "clock_jumps"),
        0,
        "100 packets confirm it"
    );
}

#[test]
fn one_broken_clock_among_sane_ones() {
    let times = (0..500).map(|i| if i % 50 == 25 { u32::MAX } else { NOON + i });
    let (ran, results, _) = replay(times);
    assert_eq!(number(&results.summary, "clock_jumps"), 10);
    assert!(
        ran.stdout
            .contains("10 packets claimed a time more than an hour ahead"),
        "{ran:?}"
    );
    let last = results.transfers.last().unwrap()["time"].as_str().unwrap();
    assert!(last.starts_with("2026-06-15"), "{last}");
}

#[test]
fn back_and_forth() {
    for runs in [1, 7, 150] {
        let times = (0..60_000_u32).map(|i| {
            if (i / runs) % 2 == 0 {
                NOON + i / 100
            } else {
                i
            }
        });
        let (ran, results, count) = replay(times);
        // Short runs ahead are contradicted by what follows, long ones are believed and make
        // what follows late.
        // Too old for the running second, or too far ahead to be believed.
        let odd = ["late", "clock_jumps"].map(|field| number(&results.summary, field));
        assert!(odd[0] + odd[1] > count / 3, "{runs}: {odd:?}");
        assert!(
            ran.stdout.contains("counted in the running second"),
            "{ran:?}"
        );
        let times = (0..60_000_u32).map(|i| if (i / runs) % 2 == 0 { 0 } else { u32::MAX });
        replay(times);
    }
}

/// 64-bit times of pcapng, in a resolution of seconds: later than any calendar.
#[test]
fn times_beyond_all_calendars() {
    for (high, low) in [
        (0, 1),
        (40, 0),
        (0x7fff_ffff, u32::MAX),
        (u32::MAX, u32::MAX),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let frame = crate::packets::udp(ASSET, ABROAD, 100);
        let mut file = Vec::new();
        let block = |kind: u32, body: &[u8], file: &mut Vec<u8>| {
            let length = (body.len() as u32).next_multiple_of(4) + 12;
            file.extend([kind, length].map(u32::to_le_bytes).concat());
            file.extend(body);
            file.resize(file.len().next_multiple_of(4), 0);
            file.extend(length.to_le_bytes());
        };
        let section = [0x1a2b_3c4d_u32, 0x0000_0001, u32::MAX, u32::MAX].map(u32::to_le_bytes);
        block(0x0a0d_0d0a, &section.concat(), &mut file);
        // Ethernet, no snap length, if_tsresol of 10^0.
        let interface = [1_u32, 0, 0x0001_0009, 0, 0].map(u32::to_le_bytes);
        block(1, &interface.concat(), &mut file);
        let length = frame.len() as u32;
        let packet = [0, high, low, length, length].map(u32::to_le_bytes);
        block(6, &[&packet.concat(), &*frame].concat(), &mut file);
        let path = write(folder.path(), "far.pcapng", &file);
        let out = folder.path().join("out");
        let ran = replay_to(&out, &[&path], &[]);
        assert!(matches!(ran.status, Some(0 | 3)), "{high} {low}: {ran:?}");
        assert!(ran.complaints().len() <= 1, "{ran:?}");
        let results = results(&out);
        let first = results.summary["first"].as_str().unwrap_or_default();
        assert!(first.is_empty() || first.ends_with('Z'), "{first}");
    }
}

#[test]
fn two_captures_that_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let early = upload(NOON, 60).write(folder.path(), "early.pcap");
    let late = upload(NOON + 30, 60).write(folder.path(), "late.pcap");
    let outs = ["one", "two"].map(|name| folder.path().join(name));
    replay_to(&outs[0], &[&early, &late], &[]).succeeded();
    replay_to(&outs[1], &[&late, &early], &[]).succeeded();
    let [one, two] = outs.map(|out| results(&out));
    assert_eq!(
        format!("{one:?}"),
        format!("{two:?}"),
        "whatever their order"
    );
    assert_eq!(number(&one.summary, "packets"), 120);
    let mut merged = Capture::new();
    for second in 0..90 {
        for first in [0, 30] {
            if (first..first + 60).contains(&second) {
                merged.udp(NOON + second, ASSET, ABROAD, 1_000);
            }
        }
    }
    let merged = merged.write(folder.path(), "merged.pcap");
    let out = folder.path().join("merged");
    replay_to(&out, &[&merged], &[]).succeeded();
    let merged = results(&out);
    assert_eq!(one.flows, merged.flows, "as if they were one capture");
    assert_eq!(one.transfers, merged.transfers);
}
