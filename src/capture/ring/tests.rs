//! The ring against libpcap, on links between namespaces that only root can make, and
//! against blocks that no kernel would fill.

#![allow(clippy::disallowed_methods, reason = "what waits is measured")]

mod blocks;
mod group;

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
