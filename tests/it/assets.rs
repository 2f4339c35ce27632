//! An asset is a machine: what was learned goes with it when it gets another address.

use std::fs;
use std::ops::Range;
use std::path::Path;

use etherparse::PacketBuilder;
use serde_json::Value;

use crate::packets::{ABROAD, Capture, NOON, tagged, udp};
use borderflow::capture::FileSource;
use borderflow::decode::{Packet, Said, Sightings, decode_into};

use crate::support::{json, json_lines, number, replay, shared};

const LAPTOP: [u8; 6] = [2, 0, 0, 0, 0, 0x17];
const PRINTER: [u8; 6] = [2, 0, 0, 0, 0, 0x18];

/// A site whose few assets may be told of.
const BUDGET: &str = "[alert]\nbudget_per_asset_week = 1.0\n";

/// A reply of the site's DHCP server, which lends `address` for four days.
fn lease(card: [u8; 6], address: [u8; 4]) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[..4].copy_from_slice(&[2, 1, 6, 0]);
    message[16..20].copy_from_slice(&address);
    message[28..34].copy_from_slice(&card);
    message.extend([0x63, 0x82, 0x53, 0x63, 53, 1, 5, 51, 4, 0, 5, 0x46, 0, 255]);
    let builder = PacketBuilder::ethernet2([2; 6], card).ipv4([10, 0, 0, 1], address, 64);
    let mut frame = Vec::new();
    builder.udp(67, 68).write(&mut frame, &message).unwrap();
    frame
}

/// An announcement of the one who has `address`.
fn announcement(card: [u8; 6], address: [u8; 4]) -> Vec<u8> {
    let head = [&[0xff; 6][..], &card, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
    [&head[..], &card, &address, &[0; 6], &address, &[0; 18]].concat()
}

/// Four days of two machines, which both get other addresses in hour 60. In hour 90 one leaks.
fn four_days() -> Capture {
    hours(0..96)
}

/// Some of these hours.
fn hours(range: Range<u32>) -> Capture {
    let mut capture = Capture::new();
    let at = |hour: u32, second: u32| NOON + 3_600 * hour + second;
    // The clock believes what a hundred packets confirm.
    (0..120).for_each(|_| capture.udp(at(range.start, 1), [10, 0, 0, 1], [10, 0, 0, 2], 10));
    for hour in range {
        let [laptop, printer] = match hour {
            0..60 => [[10, 0, 0, 5], [10, 0, 0, 7]],
            _ => [[10, 0, 0, 6], [10, 0, 0, 8]],
        };
        if matches!(hour, 0 | 60) {
            capture.frame(at(hour, 0), 0, &lease(LAPTOP, laptop));
        }
        // What was learned of the printer by its address goes to the machine at hour 20.
        if matches!(hour, 20 | 60) {
            for second in [0, 40] {
                // Time passes with packets.
                capture.udp(at(hour, second), [10, 0, 0, 1], [10, 0, 0, 2], 10);
                capture.frame(at(hour, second), 1, &announcement(PRINTER, printer));
            }
        }
        capture.udp(
            at(hour, 60),
            laptop,
            ABROAD,
            30_000 + 100 * (hour as usize % 7),
        );
        capture.udp(
            at(hour, 70),
            printer,
            ABROAD,
            30_000 + 100 * (hour as usize % 5),
        );
        if hour == 90 {
            (0..200).for_each(|second| {
                capture.udp(at(hour, 200 + second), laptop, ABROAD, 60_000);
            });
        }
    }
    capture
}

/// Replays with `config` and one worker, then with four; what comes out is the same.
fn results(capture: &Path, config: &str) -> (Value, Vec<Value>, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    fs::write(&path, config).unwrap();
    let outs = ["1", "4"].map(|workers| {
        let out = folder.path().join(workers);
        let options = ["--workers", workers, "--config", path.to_str().unwrap()];
        let ran = replay(&[capture], &out, &options);
        assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
        out
    });
    for file in [
        "alerts.jsonl",
        "shadow.jsonl",
        "transfers.jsonl",
        "summary.json",
    ] {
        let [one, four] = [0, 1].map(|place| fs::read(outs[place].join(file)).unwrap());
        assert!(one == four, "{}: {file} differs", capture.display());
    }
    let [out, _] = outs;
    let lines = |name: &str| json_lines(&out.join(name));
    (
        json(&out.join("summary.json")),
        lines("alerts.jsonl"),
        lines("transfers.jsonl"),
    )
}

#[test]
fn what_was_learned_goes_with_a_machine_to_its_next_address() {
    let folder = tempfile::tempdir().unwrap();
    let capture = four_days().write(folder.path(), "churn.pcap");
    let (summary, alerts, _) = results(&capture, BUDGET);
    assert_eq!(number(&summary, "assets"), 2, "{summary}");
    assert_eq!(number(&summary, "asset_churn"), 2, "{summary}");
    assert!(
        summary["notes"]
            .to_string()
            .contains("changed hands 2 times"),
        "{summary}"
    );
    assert_eq!(number(&summary["dropped"], "arp"), 4);
    let first = alerts
        .first()
        .expect("the leak of a machine that is known for days");
    assert_eq!(first["asset"], "10.0.0.6");
    assert_eq!(first["asset_ip"], "10.0.0.6");
    assert_eq!(first["asset_mac"], "02:00:00:00:00:17");
    assert!(first["maturity"].as_f64().unwrap() > 0.5, "{first}");
    let detectors = first["detectors"].to_string();
    assert!(
        !detectors.contains("new_country"),
        "it has sent there before: {first}"
    );
    // Told by their addresses they are four, and the two new ones are still being learned.
    let (summary, alerts, _) = results(&capture, &format!("{BUDGET}[asset]\nby = \"address\"\n"));
    assert_eq!(
        (number(&summary, "assets"), number(&summary, "asset_churn")),
        (4, 0)
    );
    let known = alerts
        .iter()
        .filter(|line| line["maturity"].as_f64().unwrap() > 0.5);
    assert_eq!(known.count(), 0, "{alerts:?}");
}

#[test]
fn a_restart_forgets_no_machine() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("site.toml");
    fs::write(&config, BUDGET).unwrap();
    let [state, out] = ["state", "out"].map(|name| folder.path().join(name));
    let run = |name: &str, range: Range<u32>| {
        let capture = hours(range).write(folder.path(), name);
        let options = ["--config", config.to_str().unwrap(), "--state"];
        let options = [&options[..], &[state.to_str().unwrap()]].concat();
        let ran = replay(&[&capture], &out, &options);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        json_lines(&out.join("alerts.jsonl"))
    };
    assert_eq!(run("before.pcap", 0..62), [] as [Value; 0]);
    // Nothing in this one tells any more who has the addresses.
    let alerts = run("behind.pcap", 62..96);
    let first = alerts.first().expect("the leak");
    assert_eq!(first["asset"], "10.0.0.6");
    assert_eq!(first["asset_mac"], "02:00:00:00:00:17");
    assert!(first["maturity"].as_f64().unwrap() > 0.5, "{first}");
}

#[test]
fn a_name_stands_where_the_address_would_and_the_past_stays() {
    let folder = tempfile::tempdir().unwrap();
    let capture = four_days().write(folder.path(), "named.pcap");
    let names = "[[asset.known]]\nname = \"laptop of the lab\"\nmac = \"02:00:00:00:00:17\"\n\
        [[asset.known]]\nname = \"printers\"\naddresses = [\"10.0.0.7\", \"10.0.0.8/32\"]\n";
    let (summary, alerts, transfers) = results(&capture, &format!("{BUDGET}{names}"));
    assert_eq!(number(&summary, "assets"), 2, "{summary}");
    let first = alerts.first().expect("the leak");
    assert_eq!(first["asset"], "laptop of the lab");
    assert_eq!(first["asset_ip"], "10.0.0.6");
    assert!(first.get("asset_mac").is_none(), "{first}");
    let explanation = first["explanation"].as_str().unwrap();
    assert!(
        explanation.starts_with("laptop of the lab sent "),
        "{explanation}"
    );
    let mut names: Vec<_> = transfers
        .iter()
        .map(|row| row["asset"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names, ["laptop of the lab", "printers"]);
}

#[test]
fn real_captures_with_owners_of_addresses_are_the_same_whatever_the_workers() {
    let Some(captures) = shared("assets", "captures") else {
        return;
    };
    let everything = "[site]\nnetworks = [\"0.0.0.0/0\", \"::/0\"]\n";
    for name in WITH_OWNERS {
        results(&captures.join(name), everything);
        results(&captures.join(name), "");
    }
}

/// Shared captures with ARP, DHCP or neighbour discovery, sound and broken.
const WITH_OWNERS: [&str; 12] = [
    "community-id/pcaps/arp.pcap",
    "ja4/pcap/dhcp.pcapng",
    "suricata-verify/tests/dhcp-option-52-overload/input.pcap",
    "tcpdump/arp-oobr.pcap",
    "tcpdump/arp-too-long-tha.pcap",
    "tcpdump/dhcp-rfc4388.pcap",
    "tcpdump/icmpv6-length-zero.pcapng",
    "zeek/arp-who-has-radiotap.pcap",
    "zeek/dhcp/dhcp_flood.pcap",
    "zeek/icmp/icmp6-nd-options.pcap",
    "zeek/icmp/icmp6-nd-short-options.pcap",
    "zeek/icmp/icmp6-neighbor-advert.pcap",
];

/// What tshark shows of the same frames was read by eye.
#[test]
fn real_captures_tell_who_has_an_address() {
    let Some(captures) = shared("assets", "captures") else {
        return;
    };
    let seen = |name: &str| {
        let mut source = FileSource::open(&captures.join(name)).unwrap();
        let mut sightings = Sightings::default();
        while let Some(frame) = source.next_frame().unwrap() {
            let _ = decode_into(&frame, &mut Packet::default(), &mut sightings);
        }
        let seen = sightings.take().into_iter();
        seen.map(|sighting| {
            let said = match sighting.said {
                Said::ByNeighbour => String::new(),
                Said::ByServer { server, seconds } => format!(" by {server} for {seconds} s"),
            };
            format!("{} at {}{said}", sighting.address, sighting.mac)
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(
        seen("ja4/pcap/dhcp.pcapng"),
        ["192.168.0.10 at 00:0b:82:01:fc:42 by 192.168.0.1 for 3600 s"]
    );
    let arp = seen("community-id/pcaps/arp.pcap");
    assert!(
        arp.contains(&"192.150.187.50 at 00:0d:54:9c:5c:0b".to_owned()),
        "{arp:?}"
    );
    let neighbours = seen("zeek/icmp/icmp6-nd-options.pcap");
    let router = "fe80::c000:54ff:fef5:0 at c2:00:54:f5:00:00".to_owned();
    assert!(neighbours.contains(&router), "{neighbours:?}");
    assert_eq!(
        seen("zeek/icmp/icmp6-neighbor-advert.pcap").len(),
        0,
        "it has no option"
    );
}

/// Two sites that became one, with the same addresses in two VLANs.
const TWO_VLANS: &str = r#"
[site]
networks = ["10.0.0.0/8"]
jurisdictions = ["CN"]

[[asset.known]]
name = "north"
addresses = ["10.0.0.5"]
vlan = 7

[[asset.known]]
name = "south"
addresses = ["10.0.0.5"]
vlan = 8

[[asset.known]]
name = "visitors"
vlan = 9

[[asset.known]]
name = "elsewhere"
addresses = ["10.0.0.5"]

[flow]
by_vlan = true
"#;

#[test]
fn the_vlan_tells_which_of_two_assets_an_address_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = crate::packets::write(folder.path(), "site.toml", TWO_VLANS.as_bytes());
    let mut capture = Capture::new();
    let frame = |payload| udp([10, 0, 0, 5], ABROAD, payload);
    let sent = [
        (Some(7), 700),
        (Some(8), 80),
        (Some(9), 9),
        (Some(10), 1_000),
        (None, 100),
    ];
    for (second, (vlan, payload)) in sent.into_iter().enumerate() {
        let frame = match vlan {
            Some(vlan) => tagged(vlan, &frame(payload)),
            None => frame(payload),
        };
        capture.frame(NOON + second as u32, 0, &frame);
    }
    let file = capture.write(folder.path(), "vlans.pcap");
    let out = folder.path().join("out");
    let options = ["--config", config.to_str().unwrap()];
    let ran = replay(&[&file], &out, &options);
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let transfers = json_lines(&out.join("transfers.jsonl"));
    let told = transfers.iter().map(|line| {
        let asset = line["asset"].as_str().unwrap().to_owned();
        (asset, line["vlan"].as_u64(), number(line, "bytes"))
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(.., bytes)| *bytes);
    let told: Vec<_> = told
        .iter()
        .map(|(asset, vlan, bytes)| (&**asset, *vlan, *bytes))
        .collect();
    let expected = [
        ("visitors", Some(9), 9),
        ("south", Some(8), 80),
        ("elsewhere", None, 100),
        ("north", Some(7), 700),
        ("elsewhere", Some(10), 1_000),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_check_tells_that_the_same_addresses_in_two_vlans_need_flows_apart() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let config = crate::packets::write(folder.path(), "site.toml", text.as_bytes());
        let mut command = crate::program::borderflow("check");
        crate::program::run({
            command.arg(&config);
            command
        })
    };
    let apart = check(TWO_VLANS);
    assert!(!apart.stdout.contains("in VLAN"), "{}", apart.stdout);
    let together = check(&TWO_VLANS.replace("by_vlan = true", "by_vlan = false"));
    let said = "10.0.0.5/32 of `south` in VLAN 8 lies in 10.0.0.5/32 of `north` in VLAN 7";
    assert!(together.stdout.contains(said), "{}", together.stdout);
    assert!(
        together.stdout.contains("Set `flow.by_vlan = true`"),
        "{}",
        together.stdout
    );
}

/// A site that may know of two megabytes an hour, or more.
const CEILING: &str = "[alert]\nceiling_bytes_per_hour = 2000000\n";

/// An hour in which a laptop that is known by one address begins to send from another, which is
/// seen to be its own in second 700. `first` kilobytes leave from that before, `own` from the
/// address that is known, and `then` from the other behind.
fn second_address(first: u32, own: u32, then: u32) -> Capture {
    const OWN: [u8; 4] = [10, 0, 0, 5];
    const OTHER: [u8; 4] = [10, 0, 0, 9];
    let mut capture = Capture::new();
    let send = |capture: &mut Capture, since: u32, address, kilobytes: u32| {
        for packet in 0..kilobytes.div_ceil(50) {
            capture.udp(NOON + since + packet, address, ABROAD, 50_000);
        }
    };
    (0..120).for_each(|_| capture.udp(NOON, [10, 0, 0, 1], [10, 0, 0, 2], 10));
    for second in [0, 40] {
        capture.udp(NOON + second, [10, 0, 0, 1], [10, 0, 0, 2], 10);
        capture.frame(NOON + second, 1, &announcement(LAPTOP, OWN));
    }
    send(&mut capture, 60, OWN, 50);
    send(&mut capture, 100, OTHER, first);
    send(&mut capture, 300, OWN, own);
    for second in [640, 700] {
        capture.udp(NOON + second, [10, 0, 0, 1], [10, 0, 0, 2], 10);
        capture.frame(NOON + second, 1, &announcement(LAPTOP, OTHER));
    }
    send(&mut capture, 800, OTHER, then);
    capture.udp(NOON + 1_200, [10, 0, 0, 1], [10, 0, 0, 2], 10);
    capture
}

/// What is told of such an hour: each event, and the bytes of its incident by then.
fn told(capture: &Capture) -> Vec<(String, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let path = capture.write(folder.path(), "second.pcap");
    let (summary, alerts, _) = results(&path, CEILING);
    assert_eq!(number(&summary, "assets"), 1, "{summary}");
    let told = alerts.iter().map(|line| {
        assert!(line.get("joined").is_none() && line.get("joined_to").is_none());
        let event = line["event"].as_str().unwrap().to_owned();
        (event, number(line, "bytes"))
    });
    told.collect()
}

#[test]
fn a_leak_over_the_moment_of_another_address_is_told_once_with_all_its_bytes() {
    let cases = [
        // Neither address passes the ceiling by itself, and both together do, later.
        (second_address(1_200, 0, 1_000), 2_000_001..2_150_000),
        // They do as they become one, in the tick in which anything more is sent.
        (second_address(1_500, 1_500, 100), 3_050_000..3_150_001),
        // It is told of the new address, or of the one that is known, and is the same behind.
        (second_address(2_100, 0, 1_000), 2_000_001..2_150_000),
        (second_address(1_000, 2_100, 300), 2_000_001..2_150_000),
    ];
    for (capture, expected) in cases {
        let told = told(&capture);
        let [(event, bytes)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(event, "open");
        assert!(expected.contains(bytes), "{expected:?} {bytes}");
    }
    assert_eq!(told(&second_address(1_000, 500, 400)), []);
    // When it is told again, all bytes are in it: those of either address, before and behind.
    let grown = told(&second_address(2_100, 1_000, 3_000));
    let [(_, opened), (event, bytes)] = &grown[..] else {
        panic!("{grown:?}");
    };
    assert_eq!(event, "update");
    assert!(*bytes >= 2 * opened && *bytes <= 6_150_000, "{grown:?}");
}

#[test]
fn of_two_incidents_that_are_one_the_first_goes_on_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let capture = second_address(2_100, 2_100, 6_000).write(folder.path(), "two.pcap");
    let (_, alerts, _) = results(&capture, CEILING);
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let events: Vec<_> = alerts.iter().map(|line| text(line, "event")).collect();
    assert_eq!(
        events,
        ["open", "open", "update", "update", "close", "update"]
    );
    let [first, second, campaign, whole, part, grown] = &alerts[..] else {
        panic!("{alerts:?}");
    };
    assert_eq!(text(first, "asset"), "10.0.0.9");
    assert_eq!(text(second, "asset_mac"), "02:00:00:00:00:17");
    assert!(
        campaign["campaign"].is_string(),
        "two assets send to one network"
    );
    let [first, second] = [first, second].map(|line| text(line, "incident"));
    for line in [whole, grown] {
        assert_eq!(text(line, "incident"), first);
        assert_eq!(line["joined"], serde_json::json!([second]));
        assert!(
            line["campaign"].is_null(),
            "one asset is no campaign: {line}"
        );
    }
    assert_eq!(
        (text(part, "incident"), text(part, "joined_to")),
        (second, first)
    );
    let bytes = |line| number(line, "bytes");
    assert_eq!(
        (bytes(part), bytes(whole)),
        (2_150_000, 2_100_000 + 2_150_000)
    );
    assert!(bytes(grown) >= 2 * bytes(whole), "{grown}");
    let said = text(part, "explanation");
    assert!(said.contains("one of a machine that is known"), "{said}");
}
