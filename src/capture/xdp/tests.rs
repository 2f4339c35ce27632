//! Links between namespaces, which only root can make.

#![allow(clippy::disallowed_methods, reason = "what waits is measured")]

use std::process::Command;

use proptest::prelude::*;

use super::umem::is_inside;
use super::*;
use crate::capture::ring::tests::{Sender, ethernet, ipv4, take_all, udp};
use crate::capture::tests::{
    assert_silent, await_carrier, await_received, config, in_namespace, ip, next, veth,
};
use crate::capture::{LiveEvent, LiveSource, Method, wait};
use std::time::{Duration, Instant};

/// Whether the test `name` is in a namespace, with a link whose tags stay on the frames.
fn on_a_link(name: &str) -> bool {
    if !in_namespace(module_path!(), name) {
        return false;
    }
    veth();
    leave_tags(name)
}

/// What `ethtool -K v0 rxvlan off` does, by ETHTOOL_GFLAGS and ETHTOOL_SFLAGS.
const LEAVE_TAGS: &str = "
import ctypes, fcntl, socket, struct
SIOCETHTOOL, GET, SET, RECEIVED_TAGS = 0x8946, 0x25, 0x26, 1 << 8
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
value = ctypes.create_string_buffer(8)
def call(command, flags):
    struct.pack_into('II', value, 0, command, flags)
    fcntl.ioctl(sender, SIOCETHTOOL, struct.pack('16sP16x', b'v0', ctypes.addressof(value)))
    return struct.unpack('II', value)[1]
call(SET, call(GET, 0) & ~RECEIVED_TAGS)
";

fn leave_tags(name: &str) -> bool {
    let python = Command::new("python3").args(["-c", LEAVE_TAGS]).status();
    if !python.is_ok_and(|status| status.success()) {
        eprintln!("skipped {name}: there is no python3");
        return false;
    }
    true
}

fn with(snap_length_bytes: u32, buffer_bytes: u32) -> LiveConfig {
    LiveConfig {
        snap_length_bytes,
        buffer_bytes,
        ..config(Method::Xdp, "v0", None)
    }
}

fn open(config: &LiveConfig) -> LiveSource {
    let source = LiveSource::open(config).unwrap();
    assert_eq!(source.method(), Method::Xdp);
    assert_eq!(source.link_type(), LinkType::ETHERNET);
    source
}

/// A frame of so many bytes, of which no two are alike.
fn frame(tags: &[(u16, u16)], bytes: usize) -> Vec<u8> {
    let mut frame = ethernet(
        tags,
        0x0800,
        &ipv4([10, 0, 0, 1], [10, 0, 0, 2], 0, &udp(18)),
    );
    for at in frame.len()..bytes {
        frame.push(at as u8);
    }
    frame
}

#[test]
fn frames_are_those_that_were_sent() {
    if !on_a_link("frames_are_those_that_were_sent") {
        return;
    }
    let tags: [&[(u16, u16)]; 4] = [
        &[],
        &[(0x8100, 7)],
        &[(0x88a8, 0x6007), (0x8100, 8)],
        &[(0x8100, 7), (0x8100, 8), (0x9100, 9)],
    ];
    let mut frames = Vec::new();
    for bytes in [60, 61, 300, 1_400, 1_514] {
        frames.extend(tags.map(|tags| frame(tags, bytes)));
    }
    for snap_length_bytes in [0, 96, 2_048] {
        let mut sources = [open(&with(snap_length_bytes, 64 << 20))];
        assert_silent(&mut sources);
        let (there, here) = (Sender::new("v1"), Sender::new("v0"));
        for _ in 0..1_000 {
            frames.iter().for_each(|frame| there.send(frame));
            here.send(&frames[0]);
        }
        let sent = 1_000 * frames.len();
        let taken = &take_all(&mut sources)[0];
        let drops = sources[0].drops();
        assert_eq!((taken.len(), drops.received), (sent, sent as u64));
        assert_eq!((drops.kernel_dropped, drops.interface_dropped), (0, 0));
        for (kept, sent) in taken.iter().zip(frames.iter().cycle()) {
            let captured = match snap_length_bytes {
                0 => sent.len(),
                bytes => sent.len().min(bytes as usize),
            };
            assert_eq!(kept.original_length as usize, sent.len());
            assert_eq!(kept.data, sent[..captured]);
        }
        let times = taken.iter().map(|kept| kept.nanos);
        assert!(times.is_sorted());
        assert_silent(&mut sources);
    }
}

#[test]
fn a_long_frame_is_cut_and_not_shortened() {
    if !in_namespace(module_path!(), "a_long_frame_is_cut_and_not_shortened") {
        return;
    }
    veth();
    if !leave_tags("a_long_frame_is_cut_and_not_shortened") {
        return;
    }
    for end in ["v0", "v1"] {
        ip(&format!("link set {end} mtu 9000"));
    }
    for snap_length_bytes in [0, 96, 1_000, 2_048] {
        let mut sources = [open(&with(snap_length_bytes, 64 << 20))];
        let sender = Sender::new("v1");
        let lengths = [60, 1_700, 1_800, 3_700, 3_900, 4_100, 9_014, 100];
        for _ in 0..200 {
            lengths
                .iter()
                .for_each(|bytes| sender.send(&frame(&[], *bytes)));
        }
        let taken = &take_all(&mut sources)[0];
        assert_eq!(taken.len(), 200 * lengths.len());
        for (kept, bytes) in taken.iter().zip(lengths.iter().cycle()) {
            assert_eq!(kept.original_length as usize, *bytes);
            let wanted = match snap_length_bytes {
                0 => 3_500,
                bytes => bytes as usize,
            };
            assert!(kept.data.len() >= wanted.min(*bytes), "{}", kept.data.len());
            assert_eq!(kept.data, frame(&[], *bytes)[..kept.data.len()]);
        }
        let drops = sources[0].drops();
        assert_eq!(
            (drops.received, drops.kernel_dropped),
            (taken.len() as u64, 0)
        );
    }
}

#[test]
fn what_is_lost_is_counted_exactly() {
    if !on_a_link("what_is_lost_is_counted_exactly") {
        return;
    }
    // Frames of one chunk, and among them some of several.
    for long in [1_514, 1_514, 5_000] {
        for end in ["v0", "v1"] {
            ip(&format!("link set {end} mtu 9000"));
        }
        let mut source = open(&with(96, 1 << 19));
        let sender = Sender::new("v1");
        let frames = [60, 60, long, 60].map(|bytes| frame(&[], bytes));
        let (mut sent, mut taken) = (0, 0);
        for turn in 0..40 {
            for _ in 0..250 {
                frames.iter().for_each(|frame| sender.send(frame));
                sent += 4;
            }
            // It is read too seldom, and its counters are asked for in between.
            let mut left = if turn % 3 == 0 { 500 } else { 0 };
            while left > 0 && source.next_frame().unwrap().is_some() {
                left -= 1;
                taken += 1;
            }
            await_received(&mut source, sent);
        }
        taken += take_all(std::slice::from_mut(&mut source))[0].len() as u64;
        let drops = source.drops();
        assert_eq!(drops.received, sent);
        assert_eq!(taken + drops.kernel_dropped, sent, "{drops:?}");
        assert!(taken > 1_000 && drops.kernel_dropped > 10_000, "{drops:?}");
    }
}

#[test]
fn every_receive_queue_is_read() {
    if !in_namespace(module_path!(), "every_receive_queue_is_read") {
        return;
    }
    let queues = "numrxqueues 2 numtxqueues 2";
    ip(&format!(
        "link add v0 {queues} type veth peer name v1 {queues}"
    ));
    for end in ["v0", "v1"] {
        ip(&format!("link set {end} up"));
    }
    await_carrier("v0");
    await_carrier("v1");
    if !leave_tags("every_receive_queue_is_read") {
        return;
    }
    assert_eq!(queue_count("v0"), Ok(2));
    // Workers have one source, which deals frames to them by address pair.
    let mut sources = LiveSource::open_group(&with(96, 1 << 20), 3).unwrap();
    assert_eq!(sources.len(), 1);
    let sender = Sender::new("v1");
    for number in 0..4_000_u16 {
        let [high, low] = number.to_be_bytes();
        let packet = ipv4([10, 0, high, low], [10, 0, 0, 2], 0, &udp(18));
        sender.send(&ethernet(&[], 0x0800, &packet));
        if number % 100 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        while sources[0].next_frame().unwrap().is_some() {}
    }
    take_all(&mut sources);
    let drops = sources[0].drops();
    assert_eq!((drops.received, drops.kernel_dropped), (4_000, 0));
}

#[test]
fn an_interface_goes_down_and_away_and_comes_back() {
    let name = "an_interface_goes_down_and_away_and_comes_back";
    if !on_a_link(name) {
        return;
    }
    let config = LiveConfig {
        wait_for_interface: true,
        ..with(96, 1 << 20)
    };
    let mut sources = [open(&config)];
    Sender::new("v1").send(&frame(&[], 60));
    assert_eq!(next(&mut sources), Ok(Some((60, 60))));
    ip("link set v0 down");
    assert_silent(&mut sources);
    ip("link set v0 up");
    await_carrier("v1");
    Sender::new("v1").send(&frame(&[], 200));
    assert_eq!(next(&mut sources), Ok(Some((200, 96))));
    assert_eq!(sources[0].take_event(), None);
    for gap in 1..=2 {
        let sender = Sender::new("v1");
        (0..5).for_each(|_| sender.send(&frame(&[], 60)));
        await_received(&mut sources[0], 2 + 6 * (gap - 1) + 5);
        ip("link delete v0");
        assert_eq!(take_all(&mut sources)[0].len(), 5, "the last ones are seen");
        assert_eq!(sources[0].take_event(), Some(LiveEvent::Gone));
        assert_eq!(sources[0].drops().gaps, gap);
        assert_silent(&mut sources);
        veth();
        assert!(leave_tags(name));
        let start = Instant::now();
        let mut event = None;
        while event.is_none() && start.elapsed() < Duration::from_secs(10) {
            wait(&sources, Duration::from_millis(50)).unwrap();
            assert!(sources[0].next_frame().unwrap().is_none());
            event = sources[0].take_event();
        }
        assert_eq!(event, Some(LiveEvent::Back));
        Sender::new("v1").send(&frame(&[], 100));
        assert_eq!(next(&mut sources), Ok(Some((100, 96))));
    }
    assert_eq!(
        sources[0].drops().received,
        2 + 2 * 6,
        "totals over the gaps"
    );
    drop(sources);
    let mut ends = [open(&LiveConfig {
        wait_for_interface: false,
        ..config
    })];
    ip("link delete v0");
    let error = next(&mut ends).unwrap_err();
    assert!(
        matches!(error, CaptureError::InterfaceGone { .. }),
        "{error}"
    );
}

#[test]
fn the_host_has_its_interface_back() {
    if !on_a_link("the_host_has_its_interface_back") {
        return;
    }
    let has_program = || {
        let shown = Command::new("ip").args(["link", "show", "v0"]).output();
        String::from_utf8(shown.unwrap().stdout)
            .unwrap()
            .contains("xdp")
    };
    let source = open(&with(96, 1 << 20));
    assert!(has_program());
    let busy = LiveSource::open(&with(96, 1 << 20))
        .unwrap_err()
        .to_string();
    assert!(
        busy.contains("another XDP program has the interface"),
        "{busy}"
    );
    drop(source);
    assert!(!has_program());
    for _ in 0..20 {
        drop(open(&with(96, 1 << 20)));
    }
}

#[test]
fn what_the_host_uses_is_refused() {
    let name = "what_the_host_uses_is_refused";
    if !in_namespace(module_path!(), name) {
        return;
    }
    veth();
    ip("link set lo up");
    let refused = |config: &LiveConfig, why: &str| {
        let text = LiveSource::open(config).unwrap_err().to_string();
        assert!(text.contains(": cannot be captured: "), "{text}");
        assert!(text.contains(why), "{text}");
    };
    let on_link = with(96, 1 << 20);
    refused(&on_link, "takes VLAN tags off");
    refused(&on_link, "ethtool -K v0 rxvlan off");
    if !leave_tags(name) {
        return;
    }
    refused(&config(Method::Xdp, "lo", None), "is a loopback");
    refused(
        &config(Method::Xdp, "any", None),
        "set capture.method to \"auto\"",
    );
    refused(&config(Method::Xdp, "v0", Some("udp")), "no capture filter");
    ip("addr add 192.0.2.1/24 dev v0");
    refused(&on_link, "has the address 192.0.2.1 of this host");
    refused(&on_link, "set capture.method to \"auto\"");
    ip("addr flush dev v0");
    fs::write("/proc/sys/net/ipv6/conf/v0/disable_ipv6", "0").unwrap();
    ip("addr add fd00::1/64 dev v0 nodad");
    refused(&on_link, "has the address fd00::1 of this host");
    ip("addr flush dev v0");
    ip("addr add fe80::1/64 dev v0 nodad");
    drop(open(&on_link));
    ip("link add m0 link v0 type macvlan");
    refused(&on_link, "is a part of m0");
    ip("link delete m0");
    drop(open(&on_link));
}

#[test]
fn a_buffer_has_the_size_that_was_asked_for() {
    assert_eq!(chunks(64 << 20, 1, 2_048), 1 << 15);
    assert_eq!(chunks(64 << 20, 3, 4_096), 1 << 12);
    assert_eq!(chunks(0, 1, 2_048), CHUNKS_MIN);
    assert_eq!(chunks(u32::MAX, 0, 2_048), 1 << 20);
}

proptest! {
    #[test]
    fn a_descriptor_stays_in_its_chunk(
        address in prop_oneof![any::<u64>(), 0..20_000_u64],
        length in prop_oneof![any::<u32>(), 0..5_000_u32],
    ) {
        let (memory, chunk) = (16_384, 2_048);
        let inside = is_inside(address, length, memory, chunk);
        let end = u128::from(address) + u128::from(length);
        let chunk_end = u128::from(address) / 2_048 * 2_048 + 2_048;
        prop_assert_eq!(inside, address < memory && end <= chunk_end);
    }
}
