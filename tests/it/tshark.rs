//! Every frame of the shared captures as tshark reads it: addresses, protocol, ports and
//! bytes of the innermost packet.
//!
//! A run takes a sample of the captures, some of every source; with `TSHARK_ALL` set, all
//! of them, and with `TSHARK_ONLY` those with that in their names. A frame on which the
//! two differ is listed with its reason, or it is a failure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use borderflow::capture::{FileSource, Frame};
use borderflow::decode::{Fragment, Packet, Reason, decode};

use crate::support::{listed_captures, run_command, shared};

#[test]
fn frames_agree_with_tshark() {
    let Some(captures) = shared("tshark", "captures") else {
        return;
    };
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("tshark: skipped, there is no tshark");
        return;
    }
    let names = sample(listed_captures(&captures).into_iter().map(|(name, _)| name));
    let compared = compare_all(&captures, &names, compare);
    let (mut frames, mut packets, mut explained) = (0, 0, 0);
    let mut unexplained = Vec::new();
    for (name, capture) in &compared {
        frames += capture.frames;
        packets += capture.packets;
        let mut is_explained = false;
        for (number, difference) in &capture.differences {
            if reason(name, *number).is_some() {
                is_explained = true;
            } else {
                unexplained.push(format!("{name} {number}: {difference}"));
            }
        }
        explained += usize::from(is_explained);
    }
    println!(
        "{} captures, {frames} frames, {packets} packets; {explained} captures differ",
        compared.len()
    );
    let count = unexplained.len();
    assert!(
        count == 0,
        "{count} differences:\n{}",
        unexplained.join("\n")
    );
    assert!(packets > 0 && explained * 100 <= compared.len() * EXPLAINED_PERCENT_MAX);
}

/// Compares captures, some at a time, each with a folder that tshark may call its home.
pub(crate) fn compare_all<T: Send>(
    captures: &Path,
    names: &[String],
    compare: impl Fn(&Path, &Path) -> T + Sync,
) -> Vec<(String, T)> {
    let next = AtomicUsize::new(0);
    let compare_some = || {
        let home = tempfile::tempdir().unwrap();
        let mut compared = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = compare(&captures.join(name), home.path());
            compared.push((name.clone(), result));
        }
        compared
    };
    thread::scope(|scope| {
        let threads = [(); PROCESSES].map(|()| scope.spawn(compare_some));
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect()
    })
}

/// Some captures of every source, or all.
fn sample(names: impl Iterator<Item = String>) -> Vec<String> {
    let is_all = std::env::var_os("TSHARK_ALL").is_some();
    let only = std::env::var("TSHARK_ONLY").ok();
    let mut of_source = BTreeMap::<String, usize>::new();
    let is_wanted = |name: &String| {
        if let Some(only) = &only {
            return name.contains(only.as_str());
        }
        let source = name.split('/').next().unwrap().to_owned();
        let count = of_source.entry(source).or_default();
        *count += 1;
        is_all || *count % SAMPLE_EVERY == 1
    };
    names.filter(is_wanted).collect()
}

/// What came of one capture.
#[derive(Debug, Default)]
struct Compared {
    frames: usize,
    packets: usize,
    /// By the number of the frame, the first being 1.
    differences: Vec<(usize, String)>,
}

fn compare(capture: &Path, home: &Path) -> Compared {
    let mut compared = Compared::default();
    let Ok(mut source) = FileSource::open(capture) else {
        return compared;
    };
    let text = read_by_tshark(capture, home);
    for (index, line) in text.lines().enumerate() {
        let Ok(Some(frame)) = source.next_frame() else {
            break;
        };
        let ours = decode(&frame);
        let theirs = Theirs::of(line);
        compared.frames += 1;
        compared.packets += usize::from(ours.is_ok());
        if let Err(difference) = theirs.agrees(&frame, ours) {
            let ours = ours.map(|packet| shown(&packet));
            let protocols = &theirs.protocols;
            let said = format!("{difference}; ours {ours:?}; {protocols}; {:?}", theirs.ip);
            compared.differences.push((index + 1, said));
        }
    }
    compared
}

fn shown(packet: &Packet) -> String {
    let (src, dst) = (packet.src_address(), packet.dst_address());
    let Packet {
        protocol,
        ip_bytes,
        src_port,
        dst_port,
        tunnel,
        ..
    } = packet;
    format!("{src}:{src_port} {dst}:{dst_port} {protocol} {ip_bytes} [{tunnel}]")
}

fn read_by_tshark(capture: &Path, home: &Path) -> String {
    let mut command = Command::new("tshark");
    // Nobody's own preferences, and nothing that ties frames together.
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command.arg("-n").arg("-r").arg(capture);
    for preference in PREFERENCES {
        command.args(["-o", preference]);
    }
    command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
    command.args(["-E", "aggregator=,"]);
    // Custom blocks of pcapng are shown as frames, though they are no packets.
    command.args(["-Y", "!frame.cb_pen"]);
    // The port that Linux uses by default.
    command.args(["-d", "udp.port==8472,vxlan"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    run_command(command, TSHARK_LIMIT).stdout
}

/// An IP packet as tshark reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ip {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    bytes: u32,
    ports: Option<(u16, u16)>,
    is_later_fragment: bool,
}

/// A frame as tshark reads it.
#[derive(Clone, Debug)]
struct Theirs {
    frame_bytes: u32,
    protocols: String,
    /// Of the innermost packet.
    ip: Option<Ip>,
}

impl Theirs {
    fn of(line: &str) -> Self {
        let values = line.split('\t');
        let fields: BTreeMap<_, Vec<_>> = FIELDS
            .iter()
            .copied()
            .zip(values.map(|value| value.split(',').filter(|it| !it.is_empty()).collect()))
            .collect();
        let protocols = fields["frame.protocols"].first().map_or("", |it| it);
        Self {
            frame_bytes: fields["frame.len"][0].parse().unwrap(),
            protocols: protocols.to_owned(),
            ip: innermost(protocols, &fields),
        }
    }

    /// Compares with what is decoded here, or says what differs.
    fn agrees(&self, frame: &Frame<'_>, ours: Result<Packet, Reason>) -> Result<(), &'static str> {
        let packet = match (ours, self.ip) {
            (Err(_), None) => return Ok(()),
            (Ok(_), None) => return Err("only here"),
            (Err(_), Some(_)) => return Err("only there"),
            (Ok(packet), Some(_)) => packet,
        };
        let Some(ip) = self.ip else { return Ok(()) };
        if (packet.src_address(), packet.dst_address()) != (ip.src, ip.dst) {
            return Err("addresses");
        }
        if packet.protocol != ip.protocol {
            return Err("protocol");
        }
        let wire_bytes = frame.original_length.max(frame.data.len() as u32);
        if packet.wire_bytes != wire_bytes || frame.original_length != self.frame_bytes {
            return Err("wire bytes");
        }
        // A stated length beyond the frame is not believed here.
        let room = wire_bytes - u32::from(packet.ip_offset);
        if packet.ip_bytes != ip.bytes.min(room) {
            return Err("IP bytes");
        }
        if (packet.fragment() == Fragment::Later) != ip.is_later_fragment {
            return Err("fragment");
        }
        let ports = packet
            .has_ports()
            .then_some((packet.src_port, packet.dst_port));
        if ports != ip.ports {
            return Err("ports");
        }
        Ok(())
    }
}

/// The innermost packet of a frame with these protocols. What an error message of ICMP
/// or a protocol of switches and collectors quotes is none.
fn innermost(protocols: &str, fields: &BTreeMap<&str, Vec<&str>>) -> Option<Ip> {
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut last = None;
    let mut fragment_header = None;
    for protocol in protocols.split(':') {
        if QUOTING.contains(&protocol) {
            break;
        }
        let count = seen.entry(protocol).or_default();
        if matches!(protocol, "ip" | "ipv6") {
            last = Some((protocol, *count));
            fragment_header = None;
        }
        if protocol == "ipv6.fraghdr" {
            fragment_header = Some(*count);
        }
        *count += 1;
    }
    let (version, index) = last?;
    let field = |name: &str, index: usize| fields[name].get(index).copied();
    let of = |name: &str| field(&format!("{version}.{name}"), index);
    let number = |text: &str| -> u32 { text.parse().unwrap() };
    let (mut protocol, bytes, offset) = if version == "ip" {
        (number(of("proto")?), number(of("len")?), of("frag_offset")?)
    } else {
        let offset = fragment_header.and_then(|index| field("ipv6.fraghdr.offset", index));
        let offset = offset.unwrap_or("0");
        (number(of("nxt")?), number(of("plen")?) + 40, offset)
    };
    let is_later_fragment = number(offset) != 0;
    let mut used = BTreeMap::<&str, usize>::new();
    for _ in 0..32 {
        let Some((_, next, _)) = EXTENSIONS
            .iter()
            .find(|(it, _, v)| *it == protocol && (version == "ipv6" || *v))
        else {
            break;
        };
        let count = used.entry(next).or_default();
        let values = &fields[next];
        let Some(value) = values.get(*count) else {
            break;
        };
        *count += 1;
        let value = number(value);
        if value == 59 && matches!(protocol, 135 | 139 | 140) {
            break;
        }
        let was_fragment = protocol == 44;
        protocol = value;
        if was_fragment && is_later_fragment {
            break;
        }
    }
    let ports = PORTS.iter().find(|(it, ..)| u32::from(*it) == protocol);
    let ports = ports.and_then(|(_, src, dst)| {
        let last = |name: &str| fields[name].last().map(|it| it.parse::<u16>().unwrap());
        Some((last(src)?, last(dst)?))
    });
    Some(Ip {
        src: of("src")?.parse().ok()?,
        dst: of("dst")?.parse().ok()?,
        protocol: u8::try_from(protocol).unwrap(),
        bytes,
        ports: ports.filter(|_| !is_later_fragment),
        is_later_fragment,
    })
}

/// The reason why a frame of a capture is read differently.
fn reason(capture: &str, number: usize) -> Option<&'static str> {
    let is_it = |known: &&(&str, RangeInclusive<usize>, &'static str)| {
        known.0 == capture && known.1.contains(&number)
    };
    EXPLAINED.iter().find(is_it).map(|(_, _, reason)| *reason)
}

const FIELDS: &[&str] = &[
    "frame.len",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.len",
    "ip.frag_offset",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.plen",
    "ipv6.hopopts.nxt",
    "ipv6.routing.nxt",
    "ipv6.dstopts.nxt",
    "ipv6.fraghdr.nxt",
    "ipv6.fraghdr.offset",
    "ah.next_header",
    "mip6.proto",
    "shim6.nxt",
    "hip.proto",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "sctp.srcport",
    "sctp.dstport",
    "dccp.srcport",
    "dccp.dstport",
];

/// Extension headers: their number, the field with the next one, and whether IPv4 has it.
const EXTENSIONS: &[(u32, &str, bool)] = &[
    (0, "ipv6.hopopts.nxt", false),
    (43, "ipv6.routing.nxt", false),
    (44, "ipv6.fraghdr.nxt", false),
    (51, "ah.next_header", true),
    (60, "ipv6.dstopts.nxt", false),
    (135, "mip6.proto", false),
    (140, "shim6.nxt", false),
];

/// Protocols with ports; tshark reads UDP-Lite as UDP.
const PORTS: &[(u8, &str, &str)] = &[
    (6, "tcp.srcport", "tcp.dstport"),
    (17, "udp.srcport", "udp.dstport"),
    (33, "dccp.srcport", "dccp.dstport"),
    (132, "sctp.srcport", "sctp.dstport"),
    (136, "udp.srcport", "udp.dstport"),
];

/// Protocols that quote the packets of others.
const QUOTING: &[&str] = &["icmp", "icmpv6", "nhrp", "openflow", "sflow"];

const PREFERENCES: &[&str] = &[
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "wlan.defragment:FALSE",
];

/// One capture of this many is read.
const SAMPLE_EVERY: usize = 12;

/// Instances of tshark at once.
const PROCESSES: usize = 2;

/// The longest that one run of tshark may take.
const TSHARK_LIMIT: Duration = Duration::from_secs(60);

/// Captures with a difference that is explained, of a hundred.
const EXPLAINED_PERCENT_MAX: usize = 3;

/// Frames that are read differently: capture, frames, and why.
const EXPLAINED: &[(&str, RangeInclusive<usize>, &str)] = &[
    (
        "libpcap/tests/filter/ipv6_ext_headers.pcap",
        1..=1,
        "more than 16 extension headers: counted as extension_chain",
    ),
    (
        "suricata-verify/tests/ipv6-evasion/ipv6-malformed-fragments-11/frag-11.pcap",
        6..=6,
        "more than 16 extension headers: counted as extension_chain",
    ),
    (
        "zeek/pbb-recursive-frames.pcapng",
        1..=1,
        "more than 32 link headers: counted as tunnel_depth",
    ),
    (
        "ndpi/capwap.pcap",
        280..=298,
        "CAPWAP (RFC 5415) is no tunnel that is read",
    ),
    (
        "tcpdump/pim-packet-assortment.pcap",
        51..=196,
        "a PIM register (RFC 7761 section 4.9.3) quotes the packet or its header alone",
    ),
    (
        "zeek/tunnels/gtp/pdp_ctx_messages.pcapng",
        13..=14,
        "version 0 of GTP (3GPP TS 09.60) is withdrawn and not read",
    ),
    (
        "zeek/tunnels/gtp/gtp9_unknown_or_too_short_payload.pcap",
        11..=11,
        "a packet of 1,480 bytes in a tunnel packet of 208: not believed, counted outside",
    ),
    (
        "ndpi/fuzz-2021-06-07-c6c72a0a56.pcap",
        1..=1,
        "the record has more bytes than it claims; tshark believes the claim",
    ),
    (
        "suricata-verify/tests/bug-7414-decoder-event-01/ip_secopt.pcap",
        3..=3,
        "tshark stops at a malformed option, which RFC 791 lets a reader step over",
    ),
    (
        "suricata-verify/tests/sctp-pkt-too-small/input.pcap",
        1..=1,
        "four bytes of SCTP: they are its ports (RFC 9260 section 3.1), tshark wants twelve",
    ),
    (
        "tcpdump/bigtcp-ipv6.pcap",
        1..=1,
        "a length of 0 and no jumbo option: segmentation offload, which tshark takes for empty",
    ),
    (
        "tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap",
        1..=1,
        "a length of 0 and no jumbo option: segmentation offload, which tshark takes for empty",
    ),
    (
        "tcpdump/kday3.pcap",
        2..=2,
        "IPv6 behind the EtherType of IPv4: counted as ip_malformed",
    ),
];
