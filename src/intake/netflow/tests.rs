use proptest::prelude::*;

use super::*;

/// A message of NetFlow v5 with one record.
pub(in crate::intake) fn v5(
    sequence: u32,
    sampling: u16,
    [uptime, first, last]: [u32; 3],
) -> Vec<u8> {
    let mut bytes = vec![0, 5, 0, 1];
    for word in [uptime, 1_700_000_000, 0, sequence] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([0, 3]);
    bytes.extend(sampling.to_be_bytes());
    bytes.extend([10, 0, 0, 1, 8, 8, 8, 8, 0, 0, 0, 0, 0, 1, 0, 2]);
    for word in [10u32, 10_520, first, last] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend([0x9c, 0x40, 1, 0xbb, 0, 0x1b, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend((body.len() as u16 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A template: its number, and numbers and lengths of its fields.
fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let count = fields.len() as u16;
    let mut bytes = [id.to_be_bytes(), count.to_be_bytes()].concat();
    for (number, length) in fields {
        bytes.extend([number.to_be_bytes(), length.to_be_bytes()].concat());
    }
    bytes
}

/// A message of IPFIX of observation domain 7.
pub(in crate::intake) fn ipfix(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    let mut bytes = vec![0, 10];
    bytes.extend((body.len() as u16 + 16).to_be_bytes());
    for word in [EXPORTED, sequence, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(body);
    bytes
}

fn v9(sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 9, 0, sets.len() as u8];
    for word in [UPTIME, EXPORTED, sequence, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(sets.concat());
    bytes
}

const EXPORTED: u32 = 1_700_000_000;
const UPTIME: u32 = 500_000;

/// Addresses, ports, protocol, bytes, packets.
const FLOW: [(u16, u16); 7] = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8)];

fn flow(bytes: u64) -> Vec<u8> {
    let mut body = vec![10, 0, 0, 1, 8, 8, 8, 8, 0x9c, 0x40, 1, 0xbb, 6];
    body.extend(bytes.to_be_bytes());
    body.extend(10u64.to_be_bytes());
    body
}

pub(in crate::intake) fn flow_template(id: u16) -> Vec<u8> {
    set(2, &template(id, &FLOW))
}

pub(in crate::intake) fn flow_set(id: u16, bytes: u64) -> Vec<u8> {
    set(id, &flow(bytes))
}

fn read(domain: &mut Domain, message: &[u8]) -> (Read, Vec<FlowRecord>) {
    let mut records = Vec::new();
    let read = domain.read(message, &mut |record| records.push(record));
    (read, records)
}

fn read_new(message: &[u8]) -> (Read, Vec<FlowRecord>) {
    read(&mut Domain::new().unwrap(), message)
}

#[test]
fn v5_tells_bytes_times_and_sampling() {
    let (read, records) = read_new(&v5(5, 0x4000 | 100, [60_000, 10_000, 58_000]));
    assert_eq!((read.data_records, read.is_malformed), (Some(1), false));
    let [record] = records[..] else { panic!() };
    assert_eq!((record.age_ms, record.duration_ms), (Some(2_000), 48_000));
    assert_eq!((record.sampling, record.ended), (Some(100), true));
    assert_eq!(record.payload_bytes(0), 10_000);
    let (_, records) = read_new(&v5(5, 0, [1_000, u32::MAX - 8_999, u32::MAX - 999]));
    assert_eq!(records[0].age_ms, Some(2_000), "uptime wraps after 50 days");
    assert_eq!((records[0].duration_ms, records[0].sampling), (8_000, None));
    let (_, records) = read_new(&v5(5, 0, [1_000, 9_000, 900_000]));
    assert_eq!(records[0].age_ms, None, "a flow of the future");
}

#[test]
fn v9_learns_templates_and_samplers() {
    let mut domain = Domain::new().unwrap();
    let fields = [&FLOW[..], &[(22, 4), (21, 4), (48, 1)]].concat();
    // An options template: its number, bytes of scopes and of options; then their fields.
    let options = [256u16, 4, 8, 1, 4, 48, 1, 50, 4]
        .map(u16::to_be_bytes)
        .concat();
    let options = set(1, &options);
    let mut record = flow(10_520);
    record.extend(
        [UPTIME - 61_000, UPTIME - 1_000]
            .map(u32::to_be_bytes)
            .concat(),
    );
    record.push(3);
    let sampler = set(256, &[0, 0, 0, 1, 3, 0, 0, 4, 0]);
    let sets = [set(0, &template(300, &fields)), options, sampler];
    let (read_first, records) = read(&mut domain, &v9(1, &sets));
    assert!(!read_first.is_malformed && records.is_empty());
    let (_, records) = read(&mut domain, &v9(2, &[set(300, &record)]));
    let [told] = records[..] else { panic!() };
    assert_eq!(
        (told.sampling, told.payload_bytes(0)),
        (Some(1_024), 10_000)
    );
    assert_eq!(
        (told.age_ms, told.duration_ms, told.ended),
        (Some(1_000), 60_000, false)
    );
}

#[test]
fn ipfix_tells_both_directions_and_moments() {
    let fields = [&FLOW[..], &[(152, 8), (153, 8), (136, 1), (61, 1)]].concat();
    let mut described = template(300, &fields);
    described[3] += 2;
    // What the other end sent (RFC 5103): bytes and packets, shortened.
    for number in [1u16, 2] {
        described.extend([(number | 0x8000).to_be_bytes(), 4u16.to_be_bytes()].concat());
        described.extend(29_305u32.to_be_bytes());
    }
    let mut record = flow(10_520);
    let end = u64::from(EXPORTED) * 1_000 - 4_000;
    record.extend([end - 30_000, end].map(u64::to_be_bytes).concat());
    record.extend([2, 1]);
    record.extend([5_052u32, 1].map(u32::to_be_bytes).concat());
    let (read, records) = read_new(&ipfix(0, &[set(2, &described), set(300, &record)]));
    assert_eq!((read.data_records, read.is_malformed), (Some(1), false));
    let [told] = records[..] else { panic!() };
    assert_eq!(
        [told.payload_bytes(0), told.payload_bytes(1)],
        [10_000, 5_000]
    );
    assert_eq!((told.age_ms, told.duration_ms), (Some(4_000), 30_000));
    assert_eq!((told.ended, told.egress), (false, Some(true)));
}

#[test]
fn sampling_of_ipfix_is_packets_of_packets() {
    let mut domain = Domain::new().unwrap();
    // An options template of one scope, the selector, and how it selects.
    let options = [400u16, 3, 1, 302, 8, 305, 4, 306, 4]
        .map(u16::to_be_bytes)
        .concat();
    let mut selector = 9u64.to_be_bytes().to_vec();
    selector.extend([2u32, 1_998].map(u32::to_be_bytes).concat());
    let sets = [set(3, &options), set(400, &selector), flow_template(300)];
    let (of_options, _) = read(&mut domain, &ipfix(0, &sets));
    assert_eq!(of_options.data_records, Some(1), "options count as data do");
    let (_, records) = read(&mut domain, &ipfix(1, &[flow_set(300, 10_520)]));
    assert_eq!(records[0].sampling, Some(1_000));
}

#[test]
fn records_wait_for_their_template() {
    let mut domain = Domain::new().unwrap();
    let (early, records) = read(&mut domain, &ipfix(0, &[flow_set(300, 10_520)]));
    assert_eq!((early.without_template, early.data_records), (1, None));
    assert!(records.is_empty());
    let (_, records) = read(&mut domain, &ipfix(1, &[flow_template(300)]));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].payload_bytes(0), 10_000);
}

#[test]
fn a_template_may_be_told_anew() {
    let mut domain = Domain::new().unwrap();
    let swapped = [(12, 4), (8, 4), (11, 2), (7, 2), (4, 1), (1, 8), (2, 8)];
    read(&mut domain, &ipfix(0, &[flow_template(300)]));
    let again = set(2, &template(300, &swapped));
    let (_, records) = read(&mut domain, &ipfix(0, &[again, flow_set(300, 10_520)]));
    assert_eq!(records[0].ends[1], std::net::IpAddr::from([10, 0, 0, 1]));
}

#[test]
fn what_lies_about_itself_tells_nothing() {
    for fields in [&[][..], &[(1, 0), (8, 0)], &[(8, u16::MAX), (12, u16::MAX)]] {
        let described = set(2, &template(300, fields));
        let sets = [described, flow_set(300, 10_520), set(300, &[255; 40])];
        assert_eq!(read_new(&ipfix(0, &sets)).1, []);
    }
    let many = set(
        2,
        &[&300u16.to_be_bytes()[..], &u16::MAX.to_be_bytes(), &[0; 8]].concat(),
    );
    assert_eq!(read_new(&ipfix(0, &[many, flow_set(300, 1)])).1, []);
    let whole = ipfix(0, &[flow_template(300), flow_set(300, 10_520)]);
    for cut in 0..whole.len() {
        let (read, records) = read_new(&whole[..cut]);
        assert!(records.is_empty() && read.is_malformed, "{cut}");
    }
    let mut long = whole;
    long.extend([0; 99]);
    assert!(read_new(&long).0.is_malformed, "bytes behind its message");
}

#[test]
fn templates_and_what_waits_are_bounded() {
    let mut domain = Domain::new().unwrap();
    for number in 256..10_000 {
        read(
            &mut domain,
            &ipfix(0, &[flow_template(number), set(number - 128, &[7; 900])]),
        );
    }
    let info = domain.parser.ipfix_cache_info();
    assert!(info.current_size <= TEMPLATES_MAX * info.num_caches);
    assert!(info.pending_flow_count <= TEMPLATES_MAX * WAITING_SETS_MAX);
    for _ in 0..20_000 {
        read(&mut domain, &ipfix(0, &[set(20_000, &[7; 900])]));
    }
    let waiting = domain.parser.ipfix_cache_info().pending_flow_count;
    assert!(waiting <= WAITING_BYTES_MAX / 900, "{waiting}");
    let options = [400u16, 2, 1, 302, 8, 34, 4].map(u16::to_be_bytes).concat();
    for sampler in 0..1_000u64 {
        let body = [&sampler.to_be_bytes()[..], &[0, 0, 0, 9]].concat();
        read(&mut domain, &ipfix(0, &[set(3, &options), set(400, &body)]));
    }
    assert_eq!(domain.samplers.len(), SAMPLERS_MAX);
}

proptest! {
    #[test]
    fn no_message_panics(version in prop::sample::select(vec![5u16, 9, 10]),
                         fields in prop::collection::vec((0u16..400, prop_oneof![0u16..20,
                                                          Just(u16::MAX)]), 0..12),
                         body in prop::collection::vec(any::<u8>(), 0..300),
                         at in 0usize..200, by in any::<u8>()) {
        let mut domain = Domain::new().unwrap();
        for kind in [0, 1, 2, 3] {
            let sets = [set(kind, &template(300, &fields)), set(300, &body)];
            let mut message = if version == 9 { v9(1, &sets) } else { ipfix(1, &sets) };
            if let Some(byte) = message.get_mut(at) {
                *byte = by;
            }
            read(&mut domain, &message);
        }
        let mut other = version.to_be_bytes().to_vec();
        other.extend(body);
        read(&mut domain, &other);
    }
}
