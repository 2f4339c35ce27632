//! Packets that a mirror port shows twice.

use etherparse::PacketBuilder;
use serde_json::json as value;

use crate::packets::{ABROAD, ASSET, Capture, NOON, write};
use crate::support::{json, number, replay};

/// Two hundred packets, each of them before and behind a router.
fn mirrored_twice() -> Capture {
    let mut capture = Capture::new();
    for number in 0..200u32 {
        for (copy, hops) in [(0, 64), (1, 63)] {
            let mut frame = Vec::new();
            PacketBuilder::ethernet2([2, 0, 0, 0, 0, copy], [2, 0, 0, 0, 1, copy])
                .ipv4(ASSET, ABROAD, hops)
                .udp(40_000, 443)
                .write(&mut frame, &number.to_be_bytes().repeat(50))
                .unwrap();
            let nanos = number * 2_000_000 + u32::from(copy) * 10_000;
            capture.frame(NOON, nanos, &frame);
        }
    }
    capture
}

#[test]
fn copies_are_told_of_and_counted_once_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let capture = mirrored_twice().write(folder.path(), "twice.pcap");
    let config = write(
        folder.path(),
        "site.toml",
        b"[capture]\ndeduplicate = true\n",
    );
    for (options, packets, dropped) in [
        (&[][..], 400, value!({})),
        (
            &["--config", config.to_str().unwrap()][..],
            200,
            value!({ "duplicate": 200 }),
        ),
    ] {
        let out = folder.path().join("out");
        let ran = replay(&[&capture], &out, options);
        ran.succeeded();
        let summary = json(&out.join("summary.json"));
        assert_eq!(number(&summary, "packets"), packets);
        assert_eq!(summary["dropped"], dropped);
        let note = "50 % of the packets are copies";
        assert_eq!(ran.stdout.contains(note), options.is_empty(), "{ran:?}");
    }
}

/// A download into which somebody else's answer is injected before the true one.
fn injected_into() -> Capture {
    let mut capture = Capture::new();
    let mut send = |number: u32, sequence: u32, payload: &[u8]| {
        let mut frame = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(ABROAD, ASSET, 60)
            .tcp(80, 40_000, sequence, 1_000)
            .ack(1)
            .write(&mut frame, payload)
            .unwrap();
        capture.frame(NOON, number * 1_000_000, &frame);
    };
    send(1, 100, b"HTTP/1.1 302 Found\r\n");
    send(2, 100, b"HTTP/1.1 200 OK\r\n\r\n.");
    send(3, 120, b"the rest, twice");
    send(4, 120, b"the rest, twice");
    capture
}

#[test]
fn an_overlap_with_other_data_is_flagged_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let capture = injected_into().write(folder.path(), "injected.pcap");
    let config = write(
        folder.path(),
        "site.toml",
        b"[capture]\ncompare_overlaps = true\n",
    );
    let config = ["--config", config.to_str().unwrap()];
    for (options, is_flagged) in [(&[][..], false), (&config[..], true)] {
        let out = folder.path().join("out");
        let ran = replay(&[&capture], &out, options);
        ran.succeeded();
        let flow = json(&out.join("flows.jsonl"));
        assert_eq!(flow.get("overlap").is_some(), is_flagged, "{flow}");
        assert_eq!(number(&flow, "payload_bytes_src"), 70);
        assert_eq!(number(&flow, "unique_bytes_src"), 35, "whatever it holds");
        let note = "1 packets overlap with other data";
        assert_eq!(ran.stdout.contains(note), is_flagged, "{ran:?}");
    }
}
