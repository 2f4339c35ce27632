//! Lines of flows against what a serialiser makes of the same fields.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Serialize;

use super::super::flow_lines::LINE_BYTES_MAX;
use super::*;
use crate::decode::{Tunnel, address_bits};
use crate::flow::{Direction, End, Endpoint, Flow, FlowKey, Traffic};
use crate::geo::{Confidence, Country, Geo, GeoConfig, Jurisdictions, Place, Side};

/// The fields of a line, in order.
#[derive(Serialize)]
struct FlowLine {
    first: String,
    last: String,
    src: IpAddr,
    dst: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst_port: Option<u16>,
    proto: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    packets_src: u64,
    packets_dst: u64,
    wire_bytes_src: u64,
    wire_bytes_dst: u64,
    ip_bytes_src: u64,
    ip_bytes_dst: u64,
    payload_bytes_src: u64,
    payload_bytes_dst: u64,
    unique_bytes_src: u64,
    unique_bytes_dst: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes_src: u64,
    #[serde(skip_serializing_if = "is_zero")]
    missing_bytes_dst: u64,
    end: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    midstream: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    overlap: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    one_way: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_src: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_dst: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn_src: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn_dst: Option<u32>,
}

impl FlowLine {
    fn new(flow: &Flow, end: End, geo: &Geo) -> Self {
        let [src_place, dst_place] = [flow.src, flow.dst].map(|end| geo.place(end.address));
        let (forward, reverse) = (&flow.forward, &flow.reverse);
        let micros = flow.round_trip_nanos.map(|nanos| nanos / 1_000);
        Self {
            first: flow.first.to_string(),
            last: flow.last.to_string(),
            src: flow.src.address,
            dst: flow.dst.address,
            src_port: flow.has_ports.then_some(flow.src.port),
            dst_port: flow.has_ports.then_some(flow.dst.port),
            proto: flow.protocol(),
            vlan: flow.vlan,
            packets_src: forward.packets,
            packets_dst: reverse.packets,
            wire_bytes_src: forward.wire_bytes,
            wire_bytes_dst: reverse.wire_bytes,
            ip_bytes_src: forward.ip_bytes,
            ip_bytes_dst: reverse.ip_bytes,
            payload_bytes_src: forward.payload_bytes,
            payload_bytes_dst: reverse.payload_bytes,
            unique_bytes_src: forward.unique_bytes,
            unique_bytes_dst: reverse.unique_bytes,
            missing_bytes_src: forward.missing_bytes,
            missing_bytes_dst: reverse.missing_bytes,
            end: end.name(),
            midstream: flow.midstream,
            overlap: flow.overlap,
            one_way: flow.is_one_way(),
            tunnel: (flow.tunnel != TunnelPath::default()).then(|| flow.tunnel.to_string()),
            rtt_ms: micros.map(|micros| f64::from(micros) / 1_000.0),
            country_src: known_country(src_place),
            country_dst: known_country(dst_place),
            asn_src: known_asn(src_place),
            asn_dst: known_asn(dst_place),
        }
    }
}

/// Unknown countries of foreign addresses are told as `ZZ`; addresses that never leave the
/// link have none.
fn known_country(place: Place) -> Option<Country> {
    let told = place.side == Side::Foreign || !place.country.is_unknown();
    told.then_some(place.country)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn known_asn(place: Place) -> Option<u32> {
    (place.asn > 0).then_some(place.asn)
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let number = || prop_oneof![Just(0u64), 1..200u64, any::<u64>()];
    (number(), number(), number(), number(), number(), number()).prop_map(
        |(packets, wire_bytes, ip_bytes, payload_bytes, unique_bytes, missing_bytes)| Traffic {
            packets,
            wire_bytes,
            ip_bytes,
            payload_bytes,
            unique_bytes,
            missing_bytes,
        },
    )
}

fn ends() -> impl Strategy<Value = [Endpoint; 2]> {
    let v4 = prop_oneof![
        any::<u32>(),
        (0u32..300).prop_map(|low| 0x0a00_0000 | low),
        (0u32..300).prop_map(|low| 0x0808_0000 | low),
    ];
    let v4 = v4.prop_map(|v4| IpAddr::from(v4.to_be_bytes()));
    let v6 = prop_oneof![
        any::<u128>(),
        (any::<u64>(), 0u128..9).prop_map(|(high, low)| u128::from(high) << 64 | low),
        (0u128..9).prop_map(|low| 0xffff_0102_0304 + low),
        Just(0u128),
    ];
    let v6 = v6.prop_map(|v6| IpAddr::from(v6.to_be_bytes()));
    let addresses = prop_oneof![2 => [v4.clone(), v4], 1 => [v6.clone(), v6]];
    (addresses, any::<[u16; 2]>()).prop_map(|(addresses, ports)| {
        [0, 1].map(|side: usize| Endpoint {
            address: addresses[side],
            port: ports[side],
        })
    })
}

/// 2023-11-14T22:13:20Z in nanoseconds, about.
const AUTUMN: u64 = 1_700_000_000_000_000_000;

fn flows() -> impl Strategy<Value = (Flow, End)> {
    let moment = || {
        let nanos = prop_oneof![any::<u64>(), AUTUMN..AUTUMN + 200 * NANOS_PER_SECOND];
        nanos.prop_map(Timestamp::from_nanos)
    };
    let tunnel = prop::collection::vec(prop::sample::select(Tunnel::ALL.to_vec()), 0..4);
    let round_trip = prop::option::of(prop_oneof![any::<u32>(), 0u32..3_000_000]);
    let vlan = prop::option::of(1u16..4_096);
    let ends_of_record = [
        End::Fin,
        End::Rst,
        End::Idle,
        End::Active,
        End::Evicted,
        End::EndOfInput,
    ];
    (
        (ends(), moment(), moment(), traffic(), traffic()),
        (vlan, tunnel, round_trip, any::<[bool; 3]>(), any::<u8>()),
        prop::sample::select(ends_of_record.to_vec()),
    )
        .prop_map(|((ends, first, last, forward, reverse), rest, end)| {
            let (vlan, tunnels, round_trip_nanos, [has_ports, midstream, overlap], protocol) = rest;
            let inside = |path: TunnelPath, tunnel: Tunnel| path.inside(tunnel).unwrap();
            let packets = |traffic: Traffic| Traffic {
                packets: traffic.packets / 2,
                ..traffic
            };
            let flow = Flow {
                key: key(ends, protocol),
                src: ends[0],
                dst: ends[1],
                has_ports,
                midstream,
                overlap,
                vlan,
                tunnel: tunnels.into_iter().fold(TunnelPath::default(), inside),
                first,
                last,
                forward: packets(forward),
                reverse: packets(reverse),
                export: None,
                peer: Place::LOCAL,
                round_trip_nanos,
            };
            (flow, end)
        })
}

fn geo() -> Geo {
    let networks = ["10.0.0.0/8".parse().unwrap()];
    let jurisdictions = Jurisdictions::new(&["CN"]).unwrap();
    Geo::open(&GeoConfig::default(), &networks, jurisdictions).unwrap()
}

/// What a serialiser makes of it, where both ends are looked up.
fn serialised(flow: &Flow, end: End, geo: &Geo) -> String {
    serde_json::to_string(&FlowLine::new(flow, end, geo)).unwrap() + "\n"
}

/// The key of a flow between two ends.
fn key([src, dst]: [Endpoint; 2], protocol: u8) -> FlowKey {
    let bits = |end: Endpoint| (address_bits(end.address), end.port);
    let (low, high) = (bits(src).min(bits(dst)), bits(src).max(bits(dst)));
    FlowKey {
        low: low.0,
        high: high.0,
        low_port: low.1,
        high_port: high.1,
        vlan: 0,
        protocol,
        is_ipv6: src.address.is_ipv6(),
    }
}

#[test]
fn an_id_stands_at_the_end_where_it_is_asked_for() {
    let geo = geo();
    let mut runner = TestRunner::deterministic();
    let (any, how) = flows().new_tree(&mut runner).unwrap().current();
    let end = |address: &str, port| Endpoint {
        address: address.parse().unwrap(),
        port,
    };
    let ends = [end("1.2.3.4", 1_122), end("5.6.7.8", 3_344)];
    let flow = Flow {
        key: key(ends, 6),
        src: ends[0],
        dst: ends[1],
        has_ports: true,
        ..any
    };
    let plain = written(&mut FlowWriter::default(), &flow, how, &geo);
    let id = [
        (0, "wCb3OG7yAFWelaUydu0D+125CLM="),
        (1, "HhA1B+6CoLbiKPEs5nhNYN4XWfk="),
    ];
    for (community_id_seed, id) in id {
        let config = FlowConfig {
            community_id: true,
            community_id_seed,
            ..FlowConfig::default()
        };
        let mut writer = FlowWriter::new(&config, Arc::default());
        let line = written(&mut writer, &flow, how, &geo);
        let start = plain.strip_suffix("}\n").unwrap();
        assert_eq!(line, format!("{start},\"community_id\":\"1:{id}\"}}\n"));
    }
}

fn written(writer: &mut FlowWriter, flow: &Flow, end: End, geo: &Geo) -> String {
    let record = FlowRecord::new(flow, end, Tick(0), geo);
    writer.lines().clear();
    writer.add(&record);
    String::from_utf8(writer.lines().take(|_| true).to_vec()).unwrap()
}

#[test]
fn a_line_is_what_a_serialiser_makes_of_it() {
    let geo = geo();
    let writer = std::cell::RefCell::new(FlowWriter::default());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2_000));
    let ran = runner.run(&flows(), |(flow, end)| {
        let line = written(&mut writer.borrow_mut(), &flow, end, &geo);
        prop_assert_eq!(line, serialised(&flow, end, &geo));
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn the_longest_line_finds_room() {
    let most = Traffic {
        packets: u64::MAX / 2,
        wire_bytes: u64::MAX,
        ip_bytes: u64::MAX,
        payload_bytes: u64::MAX,
        unique_bytes: u64::MAX,
        missing_bytes: u64::MAX,
    };
    let end = |low: u128| Endpoint {
        address: IpAddr::from((u128::MAX - 0xf000 - low).to_be_bytes()),
        port: u16::MAX,
    };
    let ends = [end(0), end(1)];
    let deepest = |path: TunnelPath, _| path.inside(Tunnel::EtherIp).unwrap();
    let flow = Flow {
        key: key(ends, u8::MAX),
        src: ends[0],
        dst: ends[1],
        has_ports: true,
        midstream: true,
        overlap: true,
        vlan: Some(u16::MAX),
        tunnel: (0..TunnelPath::DEPTH_MAX).fold(TunnelPath::default(), deepest),
        first: Timestamp::from_nanos(u64::MAX),
        last: Timestamp::from_nanos(u64::MAX),
        forward: most,
        reverse: most,
        export: None,
        peer: Place::LOCAL,
        round_trip_nanos: Some(u32::MAX),
    };
    let geo = geo();
    let mut record = FlowRecord::new(&flow, End::EndOfInput, Tick(0), &geo);
    for place in &mut record.places {
        (place.asn, place.country) = (u32::MAX, Some(Country::UNKNOWN));
    }
    let mut writer = FlowWriter::default();
    writer.add(&record);
    let length = writer.lines().take(|_| true).len();
    assert!((800..LINE_BYTES_MAX / 2).contains(&length), "{length}");
}

#[test]
fn one_writer_serves_days_forth_and_back() {
    let mut writer = FlowWriter::default();
    for days in [0, 0, 1, 20_000, 0, 20_000, 20_000, 213_502] {
        let mut line = Line::default();
        let moment = Timestamp::from_nanos(days * 86_400 * NANOS_PER_SECOND + 86_399_000_000_001);
        writer.second.write(&mut line, moment);
        assert_eq!(text(&line), moment.to_string());
    }
}

#[test]
fn the_place_that_a_flow_knows_is_not_asked_for_again() {
    let geo = geo();
    let end = |address: &str| Endpoint {
        address: address.parse().unwrap(),
        port: 1,
    };
    let mut runner = TestRunner::deterministic();
    let (any, how) = flows().new_tree(&mut runner).unwrap().current();
    for (src, dst, export) in [
        ("10.0.0.1", "8.8.8.8", Direction::Forward),
        ("8.8.8.8", "10.0.0.1", Direction::Reverse),
    ] {
        let ends = [end(src), end(dst)];
        let mut flow = Flow {
            key: key(ends, 6),
            src: ends[0],
            dst: ends[1],
            export: Some(export),
            peer: geo.place("8.8.8.8".parse().unwrap()),
            ..any
        };
        let mut writer = FlowWriter::default();
        let line = written(&mut writer, &flow, how, &geo);
        assert_eq!(line, serialised(&flow, how, &geo));
        flow.peer = Place {
            side: Side::Foreign,
            country: Country::from_code("BR").unwrap(),
            asn: 77_777,
            confidence: Confidence::Plausible,
        };
        let line = written(&mut writer, &flow, how, &geo);
        assert!(
            line.contains(":\"BR\"") && line.contains(":77777}"),
            "{line}"
        );
    }
}

fn text(line: &Line) -> String {
    String::from_utf8_lossy(&line.0).into_owned()
}

#[test]
fn thousandths_are_the_shortest_decimal() {
    for micros in (0..20_000).chain([4_294_967, 1_000_000, 1_000_001, 1_234_500]) {
        let mut line = Line::default();
        line.thousandths(micros);
        let expected = serde_json::to_string(&(f64::from(micros) / 1_000.0)).unwrap();
        assert_eq!(text(&line), expected);
    }
}
