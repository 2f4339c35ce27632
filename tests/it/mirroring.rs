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
