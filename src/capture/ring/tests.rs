//! The ring against libpcap, on links between namespaces that only root can make, and
//! against blocks that no kernel would fill.

#![allow(clippy::disallowed_methods, reason = "what waits is measured")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use proptest::prelude::*;
use rustix::net::{SendFlags, send};

use super::*;
use crate::capture::tests::{await_received, config, in_namespace, ip, veth};
use crate::capture::{Lender, LiveEvent, LiveSource, wait};
use crate::time::Timestamp;
use libc::tpacket3_hdr;

/// One end of a link, to send frames from.
pub(in crate::capture) struct Sender(PacketSocket);

impl Sender {
    pub(in crate::capture) fn new(interface: &str) -> Self {
        let socket = PacketSocket::new().unwrap();
        let index = socket.interface_index(interface).unwrap();
        socket
            .attach_filter(&[instruction((RETURN, 0, 0, 0))])
            .unwrap();
        socket.bind(index).unwrap();
        Self(socket)
    }

    pub(in crate::capture) fn send(&self, frame: &[u8]) {
        loop {
            match send(&self.0, frame, SendFlags::empty()) {
                Ok(sent) => return assert_eq!(sent, frame.len()),
                Err(Errno::AGAIN | Errno::NOBUFS) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// An Ethernet frame with these tags, each a protocol and an identifier, around `content`.
pub(in crate::capture) fn ethernet(
    tags: &[(u16, u16)],
    ether_type: u16,
    content: &[u8],
) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (protocol, identifier) in tags {
        frame.extend(protocol.to_be_bytes());
        frame.extend(identifier.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(content);
    frame
}

/// An IPv4 packet; `fragment` is the offset of a later fragment, in eight bytes, whose
/// payload has no ports.
pub(in crate::capture) fn ipv4(
    source: [u8; 4],
    destination: [u8; 4],
    fragment: u16,
    payload: &[u8],
) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let [high, low] = fragment.to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 7, high, low, 64, 17, 0, 0];
    packet.extend(source);
    packet.extend(destination);
    packet.extend(payload);
    packet
}

fn ipv6(source: [u8; 16], destination: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], 17, 64];
    packet.extend(source);
    packet.extend(destination);
    packet.extend(payload);
    packet
}

/// A UDP datagram from port 5 to port 9.
pub(in crate::capture) fn udp(bytes: usize) -> Vec<u8> {
    let length = u16::try_from(8 + bytes).unwrap().to_be_bytes();
    let mut datagram = vec![0, 5, 0, 9, length[0], length[1], 0, 0];
    datagram.resize(8 + bytes, 0xab);
    datagram
}

/// A frame that outlives its ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) struct Kept {
    pub(in crate::capture) nanos: u64,
    pub(in crate::capture) original_length: u32,
    pub(in crate::capture) data: Vec<u8>,
}

impl Taker for Vec<Kept> {
    fn take(&mut self, frame: &Frame<'_>) {
        self.push(Kept {
            nanos: frame.timestamp.as_nanos(),
            original_length: frame.original_length,
            data: frame.data.to_vec(),
        });
    }
}

/// All that comes until nothing has come for 200 ms, by source: in turn one frame, and a few
/// in a row.
pub(in crate::capture) fn take_all(sources: &mut [LiveSource]) -> Vec<Vec<Kept>> {
    let mut taken: Vec<Vec<Kept>> = vec![Vec::new(); sources.len()];
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(200) {
        wait(sources, Duration::from_millis(50)).unwrap();
        for (source, taken) in sources.iter_mut().zip(&mut taken) {
            while let Some(frame) = source.next_frame().unwrap() {
                quiet = Instant::now();
                taken.take(&frame);
                let (before, times) = (taken.len(), Timestamp::ZERO..Timestamp::from_nanos(!0));
                let lent = source.lend_ready(3, &times, taken);
                assert_eq!(taken.len(), before + lent);
            }
        }
    }
    taken
}

fn all_kinds_of_frames() -> Vec<Vec<u8>> {
    let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut frames = Vec::new();
    for bytes in [18, 60, 300, 1_400] {
        for tags in [
            &[][..],
            &[(0x8100, 7)],
            &[(0x88a8, 7)],
            &[(0x88a8, 0x6007), (0x8100, 8)],
            &[(0x8100, 7), (0x8100, 8), (0x8100, 9)],
            &[(0x8100, 0)],
        ] {
            frames.push(ethernet(tags, 0x0800, &ipv4(a, b, 0, &udp(bytes))));
            frames.push(ethernet(tags, 0x86dd, &ipv6([1; 16], [2; 16], &udp(bytes))));
        }
        frames.push(ethernet(&[], 0x0806, &vec![0; bytes]));
        frames.push(ethernet(&[], 0x0027, &vec![0xaa; bytes]));
    }
    frames
}

#[test]
fn frames_are_those_of_libpcap() {
    if !in_namespace(module_path!(), "frames_are_those_of_libpcap") {
        return;
    }
    veth();
    let frames = all_kinds_of_frames();
    for (filter, snap_length_bytes) in [
        (None, 96),
        (None, 0),
        (Some("udp port 9"), 2_048),
        (Some("vlan 7"), 100),
        // libpcap filters what comes first once more, by what the snap length has left of
        // a frame and without knowing its direction, so the ports must be left.
        (Some("vlan and udp port 9"), 80),
        (Some("vlan 7 and vlan 8 and ip6"), 0),
        (Some("not vlan"), 40),
        (Some("ether proto 0x0806 or len > 1000"), 2_048),
    ] {
        let open = |method| {
            let config = LiveConfig {
                snap_length_bytes,
                ..config(method, "v0", filter)
            };
            let source = LiveSource::open(&config).unwrap();
            assert_eq!(source.method(), method);
            source
        };
        let mut sources = [open(Method::Ring), open(Method::Libpcap)];
        let (there, here) = (Sender::new("v1"), Sender::new("v0"));
        for frame in &frames {
            there.send(frame);
            here.send(frame);
        }
        let taken = take_all(&mut sources);
        let [ours, libpcaps] = &taken[..] else {
            unreachable!()
        };
        assert_eq!(
            ours.len(),
            libpcaps.len(),
            "{filter:?}, {snap_length_bytes}"
        );
        for (one, other) in ours.iter().zip(libpcaps) {
            assert_eq!(one.original_length, other.original_length, "{filter:?}");
            assert_eq!(one.data, other.data, "{filter:?}, {snap_length_bytes}");
            assert!(one.nanos.abs_diff(other.nanos) < 1_000_000_000, "{one:?}");
        }
        assert!(!ours.is_empty(), "{filter:?}");
        if filter.is_none() {
            let lengths: Vec<u32> = ours.iter().map(|kept| kept.original_length).collect();
            let sent = frames.iter().flat_map(|frame| [frame.len() as u32; 2]);
            assert_eq!(
                lengths,
                sent.collect::<Vec<_>>(),
                "with tags, as on the wire"
            );
        }
        let [ours, libpcaps] = sources.each_mut().map(LiveSource::drops);
        assert_eq!(ours.received, libpcaps.received, "{filter:?}");
        assert_eq!((ours.kernel_dropped, ours.ring_full), (0, 0));
    }
}

#[test]
fn a_filter_knows_the_direction() {
    if !in_namespace(module_path!(), "a_filter_knows_the_direction") {
        return;
    }
    veth();
    let open = |filter| LiveSource::open(&config(Method::Ring, "v0", Some(filter))).unwrap();
    let mut sources = [open("inbound"), open("outbound")];
    let (there, here) = (Sender::new("v1"), Sender::new("v0"));
    for number in 0..5 {
        there.send(&ethernet(&[], 0x0806, &[number; 46]));
        if number < 3 {
            here.send(&ethernet(&[], 0x0806, &[number; 46]));
        }
    }
    let taken = take_all(&mut sources);
    assert_eq!((taken[0].len(), taken[1].len()), (5, 3));
}

/// Puts packets, given as lines of hexadecimal digits, into a TUN device `t0`.
const TUNNEL: &str = "
import fcntl, os, struct, sys
device = os.open('/dev/net/tun', os.O_RDWR)
TUNSETIFF, IFF_TUN_NO_PI = 0x400454ca, 0x1001
fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH', b't0', IFF_TUN_NO_PI))
print('ready', flush=True)
for line in sys.stdin:
    os.write(device, bytes.fromhex(line))
    print('written', flush=True)
";

#[test]
fn a_tunnel_without_ethernet_is_raw_as_with_libpcap() {
    let name = "a_tunnel_without_ethernet_is_raw_as_with_libpcap";
    if !in_namespace(module_path!(), name) {
        return;
    }
    let tunnel = Command::new("python3")
        .args(["-c", TUNNEL])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut tunnel) = tunnel else {
        return eprintln!("skipped {name}: there is no python3");
    };
    let mut packets = tunnel.stdin.take().unwrap();
    let mut said = BufReader::new(tunnel.stdout.take().unwrap()).lines();
    if said.next().is_none() {
        return eprintln!("skipped {name}: no TUN device can be made here");
    }
    ip("link set t0 up");
    ip("addr add 198.51.100.1/24 dev t0");
    let open = |method| LiveSource::open(&config(method, "t0", Some("udp port 9"))).unwrap();
    let mut sources = vec![open(Method::Ring), open(Method::Libpcap)];
    assert_eq!(sources[0].link_type(), sources[1].link_type());
    sources.extend(LiveSource::open_group(&config(Method::Ring, "t0", None), 2).unwrap());
    let socket = std::net::UdpSocket::bind("198.51.100.1:5").unwrap();
    for peer in 2..34 {
        socket
            .send_to(&[0; 50], ("198.51.100.".to_owned() + &peer.to_string(), 9))
            .unwrap();
        let answer = ipv4([198, 51, 100, peer], [198, 51, 100, 1], 0, &udp(50));
        let digits: String = answer.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(packets, "{digits}").unwrap();
        assert_eq!(said.next().unwrap().unwrap(), "written");
    }
    let taken = take_all(&mut sources);
    drop(packets);
    assert!(tunnel.wait().unwrap().success());
    assert_eq!((taken[0].len(), taken[0][0].original_length), (64, 78));
    let data = |source: usize| taken[source].iter().map(|kept| &kept.data);
    assert!(data(0).eq(data(1)));
    let peers = |member: usize| -> Vec<u8> {
        let sent = data(member).filter(|data| data[12..16] == [198, 51, 100, 1]);
        let peers: Vec<u8> = sent.map(|data| data[19]).collect();
        let mut answered = data(member).filter(|data| data[12..16] != [198, 51, 100, 1]);
        assert!(peers.iter().all(|_| answered.next().is_some()));
        assert!(data(member).all(|data| peers.contains(&data[15].max(data[19]))));
        peers
    };
    let (one, other) = (peers(2), peers(3));
    assert_eq!(one.len() + other.len(), 32);
    assert!(one.len() > 8 && other.len() > 8, "{one:?} {other:?}");
}

#[test]
fn what_is_lost_is_counted_exactly() {
    if !in_namespace(module_path!(), "what_is_lost_is_counted_exactly") {
        return;
    }
    veth();
    let config = LiveConfig {
        buffer_bytes: 1 << 17,
        ..config(Method::Ring, "v0", Some("udp port 9"))
    };
    let mut source = LiveSource::open(&config).unwrap();
    let sender = Sender::new("v1");
    let packet = ipv4([10, 0, 0, 1], [10, 0, 0, 2], 0, &udp(18));
    let (wanted, other) = (
        ethernet(&[], 0x0800, &packet),
        ethernet(&[], 0x0806, &[0; 46]),
    );
    let (mut sent, mut taken) = (0, 0);
    for turn in 0..40 {
        for _ in 0..1_000 {
            sender.send(&wanted);
            sender.send(&other);
            sent += 1;
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
    assert!(drops.ring_full > 0, "{drops:?}");
}

#[test]
fn the_last_frames_of_an_interface_are_seen() {
    if !in_namespace(module_path!(), "the_last_frames_of_an_interface_are_seen") {
        return;
    }
    veth();
    let config = LiveConfig {
        wait_for_interface: true,
        ..config(Method::Ring, "v0", Some("udp port 9"))
    };
    let mut sources = [LiveSource::open(&config).unwrap()];
    let sender = Sender::new("v1");
    for _ in 0..5 {
        let packet = ipv4([10, 0, 0, 1], [10, 0, 0, 2], 0, &udp(18));
        sender.send(&ethernet(&[], 0x0800, &packet));
    }
    await_received(&mut sources[0], 5);
    ip("link delete v0");
    assert_eq!(take_all(&mut sources)[0].len(), 5);
    assert_eq!(sources[0].take_event(), Some(LiveEvent::Gone));
    let drops = sources[0].drops();
    assert_eq!((drops.received, drops.gaps), (5, 1));
}

/// Which addresses a packet is between, whatever its direction, and frames of it.
type Pairs = BTreeMap<String, Vec<Vec<u8>>>;

fn pairs(count: u8) -> Pairs {
    let mut pairs = Pairs::new();
    let tags: [&[(u16, u16)]; 4] = [
        &[],
        &[(0x8100, 7)],
        &[(0x88a8, 7), (0x8100, 8)],
        &[(0x88a8, 7), (0x8100, 8), (0x9100, 9)],
    ];
    for number in 0..count {
        let (a, b) = ([10, 0, number / 4, 1], [203, 0, 113, number]);
        let mut c = [0x20; 16];
        let mut d = [0xfd; 16];
        (c[15], d[3]) = (number, number);
        for tags in tags {
            let mut four = |packet: Vec<u8>| {
                let frame = ethernet(tags, 0x0800, &packet);
                pairs.entry(format!("{a:?} {b:?}")).or_default().push(frame);
            };
            four(ipv4(a, b, 0, &udp(30)));
            four(ipv4(b, a, 0, &udp(40)));
            // The first of several fragments, and a later one.
            four(ipv4(a, b, 0x2000, &udp(24)));
            four(ipv4(a, b, 4, &[number; 30]));
            let mut six = |packet: Vec<u8>| {
                let frame = ethernet(tags, 0x86dd, &packet);
                pairs.entry(format!("{c:?} {d:?}")).or_default().push(frame);
            };
            six(ipv6(c, d, &udp(30)));
            six(ipv6(d, c, &udp(40)));
        }
    }
    pairs
}

#[test]
fn a_group_keeps_pairs_together() {
    if !in_namespace(module_path!(), "a_group_keeps_pairs_together") {
        return;
    }
    veth();
    let config = LiveConfig {
        snap_length_bytes: 0,
        ..config(Method::Ring, "v0", None)
    };
    let mut group = LiveSource::open_group(&config, 3).unwrap();
    assert_eq!(group.len(), 3);
    let pairs = pairs(32);
    let (there, here) = (Sender::new("v1"), Sender::new("v0"));
    for frame in pairs.values().flatten() {
        there.send(frame);
        here.send(frame);
    }
    let arp = ethernet(&[], 0x0806, &[0; 46]);
    let cut = ethernet(&[], 0x0800, &[0x45; 12]);
    there.send(&arp);
    there.send(&cut);
    let taken = take_all(&mut group);
    let holders = |frame: &Vec<u8>| -> Vec<usize> {
        let held = taken.iter().enumerate().flat_map(|(member, frames)| {
            let same = frames.iter().filter(|kept| kept.data == *frame);
            same.map(move |_| member)
        });
        held.collect()
    };
    let mut pairs_held = [0; 3];
    for (pair, frames) in &pairs {
        let of_pair: Vec<usize> = frames.iter().flat_map(holders).collect();
        assert_eq!(
            of_pair.len(),
            2 * frames.len(),
            "{pair}: each once from each end"
        );
        let member = of_pair[0];
        assert!(
            of_pair.iter().all(|other| *other == member),
            "{pair}: {of_pair:?}"
        );
        pairs_held[member] += 1;
    }
    assert!(pairs_held.iter().all(|held| *held >= 10), "{pairs_held:?}");
    assert_eq!((holders(&arp), holders(&cut)), (vec![0], vec![0]));
    let received: u64 = group.iter_mut().map(|member| member.drops().received).sum();
    let frames = 2 * pairs.values().map(Vec::len).sum::<usize>() as u64 + 2;
    assert_eq!(received, frames);
}

#[test]
fn a_group_comes_back_with_its_interface() {
    if !in_namespace(module_path!(), "a_group_comes_back_with_its_interface") {
        return;
    }
    veth();
    let config = LiveConfig {
        wait_for_interface: true,
        ..config(Method::Ring, "v0", None)
    };
    let mut group = LiveSource::open_group(&config, 2).unwrap();
    let mut other_group = LiveSource::open_group(&config, 2).unwrap();
    ip("link delete v0");
    take_all(&mut group);
    assert!(
        group
            .iter_mut()
            .all(|member| member.take_event() == Some(LiveEvent::Gone))
    );
    veth();
    let start = Instant::now();
    let mut back = 0;
    while back < 4 && start.elapsed() < Duration::from_secs(10) {
        take_all(&mut group);
        take_all(&mut other_group);
        for member in group.iter_mut().chain(&mut other_group) {
            back += u32::from(member.take_event() == Some(LiveEvent::Back));
        }
    }
    assert_eq!(back, 4);
    let sender = Sender::new("v1");
    let pairs = pairs(16);
    pairs
        .values()
        .flatten()
        .for_each(|frame| sender.send(frame));
    let sent = pairs.values().map(Vec::len).sum::<usize>();
    for group in [&mut group, &mut other_group] {
        let taken = take_all(group);
        let counts: Vec<usize> = taken.iter().map(Vec::len).collect();
        assert_eq!(counts.iter().sum::<usize>(), sent, "{counts:?}");
        assert!(counts.iter().all(|count| *count > sent / 4), "{counts:?}");
    }
}

/// A block with one frame of `captured` bytes, at `mac` from its header at 48.
fn block(mac: u16, captured: u32, next: u32) -> Vec<u8> {
    let mut block = vec![0; 1_024];
    let mut put =
        |at: usize, bytes: &[u8]| block[48 + at..48 + at + bytes.len()].copy_from_slice(bytes);
    put(
        offset_of!(tpacket3_hdr, tp_next_offset),
        &next.to_ne_bytes(),
    );
    put(offset_of!(tpacket3_hdr, tp_sec), &7_u32.to_ne_bytes());
    put(offset_of!(tpacket3_hdr, tp_nsec), &9_u32.to_ne_bytes());
    put(
        offset_of!(tpacket3_hdr, tp_snaplen),
        &captured.to_ne_bytes(),
    );
    put(offset_of!(tpacket3_hdr, tp_len), &1_500_u32.to_ne_bytes());
    put(offset_of!(tpacket3_hdr, tp_mac), &mac.to_ne_bytes());
    block
}

#[test]
fn a_header_is_read_only_inside_its_block() {
    let slot = Slot::read(&block(86, 60, 160), 48, true).unwrap();
    assert_eq!(slot.timestamp, Timestamp::from_nanos(7_000_000_009));
    assert_eq!(
        (slot.start, slot.captured_bytes, slot.original_length),
        (134, 60, 1_500)
    );
    assert_eq!((slot.next, slot.tag), (208, None));
    assert!(
        Slot::read(&block(86, 890, 160), 48, true).is_some(),
        "to the last byte"
    );
    assert!(Slot::read(&block(86, 60, 0), 48, true).is_some());
    assert!(Slot::read(&block(86, 60, 48), 48, false).is_some());
    for bad in [
        Slot::read(&block(86, 891, 160), 48, true),
        Slot::read(&block(86, u32::MAX, 160), 48, true),
        Slot::read(&block(u16::MAX, 0, 160), 48, true),
        Slot::read(&block(0, 60, 160), 48, true),
        // No room for a tag.
        Slot::read(&block(50, 60, 160), 48, true),
        Slot::read(&block(86, 60, 160), 1_000, true),
        Slot::read(&block(86, 60, 160), 5_000, true),
        // The next one would not be behind it.
        Slot::read(&block(86, 60, 0), 48, false),
        Slot::read(&block(86, 60, 47), 48, false),
        Slot::read(&[], 0, true),
        Slot::read(&[0xff; 1_024], usize::MAX, true),
    ] {
        assert_eq!(bad, None);
    }
}

#[test]
fn a_tag_goes_where_it_was() {
    let mut block = block(86, 14, 160);
    for (number, byte) in block[134..148].iter_mut().enumerate() {
        *byte = number as u8;
    }
    let mut slot = Slot::read(&block, 48, true).unwrap();
    slot.tag = Some([0x81, 0, 0, 7]);
    slot.put_tag_back(&mut block);
    let frame = &block[slot.start..slot.start + slot.captured_bytes];
    assert_eq!(
        frame,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0, 7, 12, 13]
    );
    assert_eq!(slot.original_length, 1_504);
}

#[test]
fn a_ring_has_the_size_that_was_asked_for() {
    let geometry = |buffer_bytes, snap_length_bytes| {
        geometry(&LiveConfig {
            buffer_bytes,
            snap_length_bytes,
            ..config(Method::Ring, "lo", None)
        })
    };
    assert_eq!(geometry(64 << 20, 2_048), (1 << 20, 64));
    assert_eq!(geometry(4 << 20, 2_048), (1 << 19, 8));
    assert_eq!(geometry(0, 2_048), (1 << 16, 2));
    assert_eq!(geometry(u32::MAX, 0), (1 << 20, 4_095));
    assert_eq!(geometry(1 << 20, 0), (1 << 20, 2));
}

proptest! {
    #[test]
    fn any_bytes_are_a_block(
        mut block in prop::collection::vec(any::<u8>(), 0..512),
        small in prop::collection::vec(0..300_u16, 4),
        at in 0..600_usize,
    ) {
        for (offset, value) in [12, 24, 32].into_iter().zip(small) {
            if let Some(field) = block.get_mut(at + offset..at + offset + 2) {
                field.copy_from_slice(&value.to_ne_bytes());
            }
        }
        if let Some(mut slot) = Slot::read(&block, at, true) {
            prop_assert!(slot.start + slot.captured_bytes <= block.len());
            slot.tag = Some([0x81, 0, 0, 7]);
            let captured = slot.captured_bytes;
            slot.put_tag_back(&mut block);
            prop_assert!(slot.start >= at + size_of::<tpacket3_hdr>());
            prop_assert!(slot.start + slot.captured_bytes <= block.len());
            prop_assert!([captured, captured + 4].contains(&slot.captured_bytes));
        }
    }
}
