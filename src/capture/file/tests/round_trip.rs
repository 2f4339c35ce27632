//! Captures of any shape, written here and read back.

use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::{Owned, read_all};
use super::packed::{gzip, zstd};
use super::*;

/// A classic file: its byte order, magic number and version.
#[derive(Clone, Debug)]
struct Classic {
    is_big: bool,
    magic: u32,
    version: (u16, u16),
    link_type: u16,
}

#[derive(Clone, Debug)]
struct Packet {
    time: u64,
    more: u32,
    data: Vec<u8>,
}

/// A block of a pcapng file.
#[derive(Clone, Debug)]
enum Block {
    Section {
        is_big: bool,
        minor: u16,
    },
    Interface {
        link_type: u16,
        snap: u32,
        resolution: Option<u8>,
        offset: Option<i64>,
    },
    Enhanced(usize, Packet),
    Old(usize, Packet),
    Simple(Packet),
    Unknown(u32, Vec<u8>),
}

fn bytes_of(number: u64, bytes: usize, is_big: bool) -> Vec<u8> {
    match is_big {
        true => number.to_be_bytes()[8 - bytes..].to_vec(),
        false => number.to_le_bytes()[..bytes].to_vec(),
    }
}

fn write_classic(file: &Classic, packets: &[Packet]) -> (Vec<u8>, Vec<Owned>) {
    let word = |number: u32| bytes_of(number.into(), 4, file.is_big);
    let half = |number: u16| bytes_of(number.into(), 2, file.is_big);
    let mut bytes = [word(file.magic), half(file.version.0), half(file.version.1)].concat();
    for number in [0, 0, 65_535, 0x1400_0000 | u32::from(file.link_type)] {
        bytes.extend(word(number));
    }
    let mut expected = Vec::new();
    for packet in packets {
        let captured = packet.data.len() as u32;
        let original = captured + packet.more;
        let unit = if file.magic == 0xa1b2_3c4d { 1 } else { 1_000 };
        let (seconds, fraction) = ((packet.time >> 32) as u32, packet.time as u32 % 999_999);
        bytes.extend([word(seconds), word(fraction)].concat());
        let lengths = match file.version {
            (2, 4) => [captured, original],
            _ => [original, captured],
        };
        bytes.extend(lengths.map(word).concat());
        if file.magic == 0xa1b2_cd34 {
            bytes.extend([0xee; 8]);
        }
        bytes.extend(&packet.data);
        let nanos = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * unit;
        expected.push((nanos, original, file.link_type.into(), packet.data.clone()));
    }
    (bytes, expected)
}

/// Writes blocks; those that would not be sound where they stand are left out.
#[expect(clippy::too_many_lines, reason = "a list of the kinds of blocks")]
fn write_blocks(blocks: &[Block]) -> (Vec<u8>, Vec<Owned>) {
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    let (mut is_big, mut latest) = (false, 0u64);
    let mut interfaces: Vec<(u16, u32, u8, i64)> = Vec::new();
    let first = Block::Section { is_big, minor: 0 };
    for block in std::iter::once(&first).chain(blocks) {
        if let Block::Section { is_big: order, .. } = block {
            is_big = *order;
            interfaces.clear();
        }
        let word = |number: u32| bytes_of(number.into(), 4, is_big);
        let half = |number: u16| bytes_of(number.into(), 2, is_big);
        let mut found = None;
        let (kind, body) = match block {
            Block::Section { minor, .. } => {
                let order = word(0x1a2b_3c4d);
                (
                    0x0a0d_0d0a,
                    [order, half(1), half(*minor), vec![0xff; 8]].concat(),
                )
            }
            Block::Interface {
                link_type,
                snap,
                resolution,
                offset,
            } => {
                let mut body = [half(*link_type), half(0), word(*snap)].concat();
                body.extend([half(2), half(3), b"eth\0".to_vec()].concat());
                if let Some(exponent) = resolution {
                    body.extend([half(9), half(1), vec![*exponent, 0, 0, 0]].concat());
                }
                if let Some(seconds) = offset {
                    let seconds = bytes_of(seconds.cast_unsigned(), 8, is_big);
                    body.extend([half(14), half(8), seconds].concat());
                }
                body.extend([half(0), half(0)].concat());
                let exponent = resolution.unwrap_or(6);
                interfaces.push((*link_type, *snap, exponent, offset.unwrap_or(0)));
                (1, body)
            }
            Block::Enhanced(interface, packet) | Block::Old(interface, packet) => {
                let Some(described) = interfaces.get(*interface) else {
                    continue;
                };
                let captured = packet.data.len() as u32;
                let original = captured + packet.more;
                let (kind, number) = match block {
                    Block::Old(..) => (2, [half(*interface as u16), half(7)].concat()),
                    _ => (6, word(*interface as u32)),
                };
                let words = [
                    (packet.time >> 32) as u32,
                    packet.time as u32,
                    captured,
                    original,
                ];
                let body = [number, words.map(word).concat(), packet.data.clone()].concat();
                latest = nanos(packet.time, described.2, described.3);
                found = Some((latest, original, described.0.into(), packet.data.clone()));
                (kind, body)
            }
            Block::Simple(packet) => {
                let Some((link_type, snap, ..)) = interfaces.first() else {
                    continue;
                };
                let original = packet.data.len();
                let snap = if *snap == 0 {
                    usize::MAX
                } else {
                    *snap as usize
                };
                let data = packet.data[..original.min(snap)].to_vec();
                let body = [word(original as u32), data.clone()].concat();
                found = Some((latest, original as u32, (*link_type).into(), data));
                (3, body)
            }
            Block::Unknown(kind, body) => (*kind, body.clone()),
        };
        let padded = body.len().next_multiple_of(4);
        let length = word(padded as u32 + 12);
        let padding = vec![0; padded - body.len()];
        bytes.extend([word(kind), length.clone(), body, padding, length].concat());
        expected.extend(found);
    }
    (bytes, expected)
}

/// The time of a tick, by the letter of the draft.
fn nanos(ticks: u64, exponent: u8, offset: i64) -> u64 {
    let ticks = u128::from(ticks) * 1_000_000_000;
    let nanos = match exponent & 0x80 {
        0 => 10u128
            .checked_pow(exponent.into())
            .map_or(0, |units| ticks / units),
        _ => ticks.checked_shr((exponent & 0x7f).into()).unwrap_or(0),
    };
    let nanos = nanos as i128 + i128::from(offset) * 1_000_000_000;
    nanos.clamp(0, u64::MAX.into()) as u64
}

fn packet() -> impl Strategy<Value = Packet> {
    (any::<u64>(), 0..2_000u32, vec(any::<u8>(), 0..200)).prop_map(|(time, more, data)| Packet {
        time,
        more,
        data,
    })
}

fn classic() -> impl Strategy<Value = Classic> {
    let magic = prop::sample::select(vec![0xa1b2_c3d4, 0xa1b2_3c4d, 0xa1b2_cd34]);
    let version = prop::sample::select(vec![(2, 0), (2, 2), (2, 4), (543, 0)]);
    (any::<bool>(), magic, version, any::<u16>()).prop_map(|(is_big, magic, version, link_type)| {
        Classic {
            is_big,
            magic,
            version,
            link_type,
        }
    })
}

fn block() -> impl Strategy<Value = Block> {
    let minor = prop::sample::select(vec![0, 2]);
    let snap = prop::sample::select(vec![0, 64, 100, 65_535]);
    let offset = prop::option::of(-2_000_000_000i64..4_000_000_000);
    let interface = (any::<u16>(), snap, prop::option::of(any::<u8>()), offset);
    prop_oneof![
        1 => (any::<bool>(), minor).prop_map(|(is_big, minor)| Block::Section { is_big, minor }),
        3 => interface.prop_map(|(link_type, snap, resolution, offset)| {
            Block::Interface { link_type, snap, resolution, offset }
        }),
        6 => (0..4usize, packet()).prop_map(|(it, packet)| Block::Enhanced(it, packet)),
        2 => (0..4usize, packet()).prop_map(|(it, packet)| Block::Old(it, packet)),
        2 => packet().prop_map(Block::Simple),
        1 => (7..u32::MAX, vec(any::<u8>(), 0..50))
            .prop_filter("not a section", |(kind, _)| *kind != 0x0a0d_0d0a)
            .prop_map(|(kind, body)| Block::Unknown(kind, body)),
    ]
}

fn pack(bytes: Vec<u8>, how: u8) -> Vec<u8> {
    match how {
        0 => gzip(&bytes),
        1 => zstd(&bytes),
        _ => bytes,
    }
}

proptest! {
    #[test]
    fn classic_files(file in classic(), packets in vec(packet(), 0..40), packing in 0..4u8) {
        let (bytes, expected) = write_classic(&file, &packets);
        let path = Directory::new();
        let read = read_all(&path.write("x", &pack(bytes, packing)));
        prop_assert_eq!(read, (expected, Vec::new()));
    }

    #[test]
    fn block_files(blocks in vec(block(), 0..60), packing in 0..4u8) {
        let (bytes, expected) = write_blocks(&blocks);
        let path = Directory::new();
        let read = read_all(&path.write("x", &pack(bytes, packing)));
        prop_assert_eq!(read, (expected, Vec::new()));
    }

    #[test]
    fn any_bytes_behind_a_header(big in any::<bool>(), tail in vec(any::<u8>(), 0..2_000)) {
        let file = Classic { is_big: big, magic: 0xa1b2_c3d4, version: (2, 4), link_type: 1 };
        let header = [write_classic(&file, &[]).0, write_blocks(&[]).0];
        for header in header {
            let path = Directory::new();
            read_all(&path.write("x", &[&header[..], &tail].concat()));
        }
    }
}
