//! Flow sums against those of other programs on the same captures: nDPI and Zeek.
//!
//! The numbers asserted here are measured. A count may only rise; a flow that disagrees is
//! listed with its reason, and one without is a failure.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use crate::support::{Conserved, json, number, replay, shared};

/// Protocol number and both ends, in the order of their addresses and ports.
type Pair = (u8, [(IpAddr, u16); 2]);

/// Packets and bytes that each of the two ends of a [`Pair`] sent.
type Sums = [Sum; 2];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    packets: u64,
    bytes: u64,
}

/// Flows of one capture by their 5-tuple.
#[derive(Debug, Default)]
struct Flows(BTreeMap<Pair, Sums>);

impl Flows {
    /// Adds what `a` sent to `b`, and `b` to `a`.
    fn add(&mut self, protocol: u8, a: (IpAddr, u16), b: (IpAddr, u16), sums: Sums) {
        let (ends, sums) = if a <= b {
            ([a, b], sums)
        } else {
            ([b, a], [sums[1], sums[0]])
        };
        let known = self.0.entry((protocol, ends)).or_default();
        for (known, new) in known.iter_mut().zip(sums) {
            known.packets += new.packets;
            known.bytes += new.bytes;
        }
    }

    /// These flows with 0 for the ports of SCTP, which nDPI does not read.
    fn without_sctp_ports(self) -> Self {
        let mut flows = Self::default();
        for ((protocol, [a, b]), sums) in self.0 {
            let end = |(address, port)| (address, if protocol == 132 { 0 } else { port });
            flows.add(protocol, end(a), end(b), sums);
        }
        flows
    }

    /// Our own flow records of a capture, with their `wire_bytes` or `ip_bytes`.
    fn ours(capture: &Path, bytes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let ran = replay(&[capture], &out, &[]);
        assert_eq!(ran.status, Some(0), "{}: {ran:?}", capture.display());
        let mut flows = Self::default();
        for flow in Conserved::of(&out).unwrap().flows {
            let end = |side: &str| {
                let address = flow[side].as_str().unwrap().parse().unwrap();
                let port = flow[format!("{side}_port")].as_u64().unwrap_or(0);
                (address, u16::try_from(port).unwrap())
            };
            let sum = |side: &str| Sum {
                packets: number(&flow, &format!("packets_{side}")),
                bytes: number(&flow, &format!("{bytes}_{side}")),
            };
            let protocol = u8::try_from(number(&flow, "proto")).unwrap();
            flows.add(protocol, end("src"), end("dst"), [sum("src"), sum("dst")]);
        }
        flows
    }
}

/// How many flows another program's log has, and how many of them are the same here.
#[derive(Debug, Default)]
struct Agreement {
    flows: usize,
    agree: usize,
    agree_by_direction: usize,
    /// Those that do not, without a reason that is known.
    unexplained: Vec<String>,
}

impl Agreement {
    /// Compares the flows of one capture; `reason` says why they may disagree.
    fn compare(&mut self, capture: &str, theirs: &Flows, ours: &Flows, reason: Option<&str>) {
        for (pair, sums) in &theirs.0 {
            let own = ours.0.get(pair);
            self.flows += 1;
            self.agree_by_direction += usize::from(own == Some(sums));
            if own.map(total) == Some(total(sums)) {
                self.agree += 1;
            } else if let Some(reason) = reason {
                println!("{capture}: {pair:?} differs: {reason}");
            } else {
                let said = format!("{capture}: {pair:?}: theirs {sums:?}, ours {own:?}");
                self.unexplained.push(said);
            }
        }
    }

    /// Prints the counts, and checks them against those that were measured before.
    fn check(&self, name: &str, flows: usize, agree: usize, by_direction: usize) {
        println!(
            "{name}: {} of {} flows agree, {} by direction",
            self.agree, self.flows, self.agree_by_direction
        );
        let unexplained = &self.unexplained;
        assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
        assert_eq!(self.flows, flows);
        assert!(self.agree >= agree && self.agree_by_direction >= by_direction);
    }
}

#[test]
fn flows_agree_with_ndpi_in_packets_and_bytes() {
    let Some(folder) = shared("ndpi", "captures/ndpi") else {
        return;
    };
    let mut agreement = Agreement::default();
    for (capture, theirs) in ndpi_flows(&folder.join("ndpi_flows.csv")) {
        let ours = Flows::ours(&folder.join(&capture), "wire_bytes").without_sctp_ports();
        let reason = reason(NDPI_DIFFERENCES, &capture);
        agreement.compare(&capture, &theirs, &ours, reason);
        let more = ours.0.keys().filter(|pair| !theirs.0.contains_key(pair));
        for pair in more.filter(|_| reason.is_none()) {
            let said = format!("{capture}: {pair:?}: only here, {:?}", ours.0[pair]);
            agreement.unexplained.push(said);
        }
    }
    agreement.check("nDPI", 989, 972, 972);
}

#[test]
fn flows_agree_with_zeek_in_packets_and_ip_bytes() {
    let Some(folder) = shared("zeek", "captures/zeek") else {
        return;
    };
    let pairs = json(&folder.join("zeek_pairs.json"));
    let mut agreement = Agreement::default();
    for pair in pairs.as_array().unwrap() {
        let text = |field: &str| pair[field].as_str().unwrap();
        if !pair["logs"]
            .as_array()
            .unwrap()
            .contains(&"conn.log".into())
        {
            continue;
        }
        let log = folder.join("baseline").join(text("test")).join("conn.log");
        let theirs = zeek_flows(&fs::read_to_string(&log).unwrap());
        if theirs.0.is_empty() {
            continue;
        }
        let trace = text("trace");
        let ours = Flows::ours(&folder.join(trace), "ip_bytes");
        agreement.compare(trace, &theirs, &ours, reason(ZEEK_DIFFERENCES, trace));
    }
    agreement.check("Zeek", 49, 44, 43);
}

/// Reads nDPI's flows by capture. The fields of the table hold no comma and no quote.
fn ndpi_flows(table: &Path) -> BTreeMap<String, Flows> {
    let text = fs::read_to_string(table).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut captures = BTreeMap::<String, Flows>::new();
    for line in lines {
        let row: BTreeMap<_, _> = columns.iter().copied().zip(line.split(',')).collect();
        let flows = captures.entry(row["pcap"].to_owned()).or_default();
        let end = |side: &str| {
            let port = row[format!("{side}_port").as_str()];
            (row[side].parse().unwrap(), port.parse().unwrap())
        };
        let sum = |way: &str| Sum {
            packets: row[format!("pkts_{way}").as_str()].parse().unwrap(),
            bytes: row[format!("bytes_{way}").as_str()].parse().unwrap(),
        };
        let protocol = protocol_number(row["proto"]);
        flows.add(protocol, end("a"), end("b"), [sum("ab"), sum("ba")]);
    }
    captures
}

/// The TCP and UDP rows of a conn.log, without those of tunnels: Zeek has a connection for
/// a tunnel and others for what is inside, where here a packet is in one flow alone.
fn zeek_flows(log: &str) -> Flows {
    let mut columns = Vec::new();
    let mut flows = Flows::default();
    for line in log.lines() {
        // Where Zeek's own tool cut the log, the names of its columns are the first line.
        let is_first = columns.is_empty() && !line.starts_with('#');
        let names = line.strip_prefix("#fields\t");
        if let Some(names) = names.or(is_first.then_some(line)) {
            columns = names.split('\t').collect();
        }
        let row: BTreeMap<_, _> = columns.iter().copied().zip(line.split('\t')).collect();
        let protocol = match row.get("proto") {
            Some(&"tcp") => 6,
            Some(&"udp") => 17,
            _ => continue,
        };
        if row.get("service").is_some_and(|it| TUNNELS.contains(it)) {
            continue;
        }
        let end = |side: &str| {
            let address = row[format!("id.{side}_h").as_str()].parse().unwrap();
            let port = row[format!("id.{side}_p").as_str()].parse().unwrap();
            (address, port)
        };
        let sum = |side: &str| Sum {
            packets: row[format!("{side}_pkts").as_str()].parse().unwrap(),
            bytes: row[format!("{side}_ip_bytes").as_str()].parse().unwrap(),
        };
        flows.add(
            protocol,
            end("orig"),
            end("resp"),
            [sum("orig"), sum("resp")],
        );
    }
    flows
}

/// Both directions in one.
fn total(sums: &Sums) -> Sum {
    Sum {
        packets: sums[0].packets + sums[1].packets,
        bytes: sums[0].bytes + sums[1].bytes,
    }
}

/// IANA protocol number of a name in nDPI's table, which has numbers for some.
fn protocol_number(name: &str) -> u8 {
    let known = PROTOCOLS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.parse().unwrap(), |(_, number)| *number)
}

fn reason(known: &[(&str, &'static str)], capture: &str) -> Option<&'static str> {
    let known = known.iter().find(|(name, _)| *name == capture);
    known.map(|(_, reason)| *reason)
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("ICMP", 1),
    ("IGMP", 2),
    ("TCP", 6),
    ("UDP", 17),
    ("AH", 51),
    ("ICMPV6", 58),
    ("OSPF", 89),
    ("PGM", 113),
    ("SCTP", 132),
];

/// What Zeek calls the service of a connection that is a tunnel.
const TUNNELS: &[&str] = &["geneve", "gtpv1", "teredo", "vxlan"];

/// Captures in which flows disagree with nDPI, and why.
const NDPI_DIFFERENCES: &[(&str, &str)] = &[
    (
        "ah.pcapng",
        "frames 1 and 2: nDPI stops at AH in IPv4, which hides nothing",
    ),
    (
        "capwap.pcap",
        "frames 280 to 298 and others: nDPI looks inside CAPWAP, which is not read here",
    ),
    (
        "fuzz-2006-09-29-28586.pcap",
        "frames 35, 51, 52, 79 and 130 are later fragments, 72 and 111 state a length that \
         cannot be true: nDPI drops them",
    ),
    (
        "ip_fragmented_garbage.pcap",
        "frames 2 to 1252: nDPI drops later fragments, and takes the ports of the first \
         ones, 1, 314, 627 and 940, for 0",
    ),
    (
        "reasm_segv_anon.pcapng",
        "frame 1 and 27 like it: nDPI counts the 106 bytes captured of 110",
    ),
    (
        "teredo.pcap",
        "all frames with port 3544: nDPI does not look inside Teredo",
    ),
];

/// Captures in which flows disagree with Zeek, and why.
const ZEEK_DIFFERENCES: &[(&str, &str)] = &[
    (
        "tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap",
        "Zeek puts fragments together first",
    ),
    (
        "tunnels/gtp/gtp2_different_udp_port.pcap",
        "Zeek puts fragments together first",
    ),
    (
        "tunnels/teredo_bubble_with_payload.pcap",
        "frame 3 and most others are of two clients' own ports, 3797 and 32900, in which Zeek \
         recognises Teredo by its bytes; 4 and 5 are inside Teredo, which no service says",
    ),
    (
        "globus-url-copy.pcap",
        "Zeek stops looking at a GridFTP data connection after a while",
    ),
];
