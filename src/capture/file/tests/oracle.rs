//! The shared captures against libpcap and against a second, simpler reading of the formats.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use ::pcap::{Capture, Precision};

use super::*;

/// A frame of our own: time in nanoseconds, original length, link type, bytes.
pub(super) type Owned = (u64, u32, i32, Vec<u8>);

#[test]
fn the_pcapng_suite_is_read_as_a_second_reader_reads_it() {
    let Some(shared) = shared_captures("the_pcapng_suite") else {
        return;
    };
    let suite = files_below(&shared.join("pcapng-suite"), "pcapng");
    assert_eq!(suite.len(), 48);
    let counts = manifest_packets(&shared.join("pcapng-suite/manifest.json"));
    let mut frames = 0;
    for path in suite {
        let name = path.strip_prefix(shared.join("pcapng-suite")).unwrap();
        let expected = second_reading(&fs::read(&path).unwrap());
        let (found, errors) = read_all(&path);
        assert_eq!(errors, [], "{}", path.display());
        assert_eq!(found, expected, "{}", path.display());
        assert_eq!(
            counts.get(name.to_str().unwrap()),
            Some(&(found.len() as u64)),
            "{}",
            path.display()
        );
        frames += found.len();
    }
    assert!(frames >= 140, "{frames}");
}

#[test]
fn libpcap_reads_the_same_frames() {
    let Some(shared) = shared_captures("libpcap_reads_the_same_frames") else {
        return;
    };
    let directory = Directory::new();
    let (mut files, mut frames, mut more, mut cut) = (0, 0, 0, 0);
    for path in files_below(&shared, "") {
        let plain = unpacked(&path, &directory);
        let Ok(mut theirs) = Capture::from_file_with_precision(&plain, Precision::Nano) else {
            continue;
        };
        let link_type = theirs.get_datalink().0;
        let (ours, errors) = read_all(&path);
        let name = path.display();
        let mut count = 0;
        let complaint = loop {
            let packet = match theirs.next_packet() {
                Ok(packet) => packet,
                Err(::pcap::Error::NoMorePackets) => break None,
                Err(error) => break Some(error.to_string()),
            };
            let Some((nanos, original, number, data)) = ours.get(count) else {
                panic!("{name}: frame {} is missing: {errors:?}", count + 1);
            };
            count += 1;
            let time = packet.header.ts;
            let seconds = time.tv_sec.rem_euclid(1 << 32);
            // A simple packet has no time, which libpcap reads as 0; it takes a fraction that
            // is broken for a signed number.
            let is_usual = (0..1_000_000_000).contains(&time.tv_usec);
            if is_usual && (seconds != 0 || time.tv_usec != 0) {
                let expected = seconds * 1_000_000_000 + time.tv_usec;
                assert_eq!(*nanos, expected.cast_unsigned(), "{name}: frame {count}");
            }
            let length = packet.header.len.max(data.len() as u32);
            assert_eq!(*original, length, "{name}: frame {count}");
            if data.len() > packet.data.len() {
                // It cuts what is longer than the file's snap length says.
                cut += 1;
                assert!(data.starts_with(packet.data), "{name}: frame {count}");
            } else {
                assert_eq!(data, packet.data, "{name}: frame {count}");
            }
            assert_eq!(dlt(*number), link_type, "{name}: frame {count}");
        };
        files += 1;
        frames += count;
        more += ours.len() - count;
        if complaint.is_none() {
            assert_eq!((ours.len(), &errors[..]), (count, &[][..]), "{name}");
        } else if errors.is_empty() {
            // What libpcap refuses and we read: interfaces that differ.
            println!("{name}: {} frames more: {complaint:?}", ours.len() - count);
        }
    }
    println!("{files} files, {frames} frames, {more} beyond what libpcap reads");
    println!("{cut} frames that libpcap cuts to the snap length");
    assert!(cut < 100, "{cut}");
    assert!(files > 1_000 && frames > 100_000, "{files} {frames}");
}

/// Where libpcap can read a file that may be packed.
fn unpacked(path: &Path, directory: &Directory) -> PathBuf {
    let bytes = fs::read(path).unwrap();
    if !bytes.starts_with(b"\x1f\x8b") {
        return path.to_owned();
    }
    let mut plain = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]);
    decoder.read_to_end(&mut plain).unwrap();
    directory.write("plain", &plain)
}

/// The number that libpcap has on Linux for a LINKTYPE.
fn dlt(link_type: i32) -> i32 {
    match link_type {
        100 => 11,
        101 => 12,
        102 => 15,
        103 => 16,
        106 => 19,
        same => same,
    }
}

/// All frames of a file, whatever their link type, and all that was wrong.
pub(super) fn read_all(path: &Path) -> (Vec<Owned>, Vec<CaptureError>) {
    let mut frames = Vec::new();
    let mut errors = Vec::new();
    let mut source = FileSource::new(path, false).unwrap();
    source.is_judged = true;
    loop {
        match source.next_frame() {
            Ok(Some(frame)) => frames.push((
                frame.timestamp.as_nanos(),
                frame.original_length,
                frame.link_type.0,
                frame.data.to_vec(),
            )),
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
    }
    assert!(source.has_ended(), "a file is read to its end");
    (frames, errors)
}

/// Calls `each` with the frames of a file, whatever their link type, and with where in the
/// unpacked bytes each record ends. Returns all that was wrong.
pub(super) fn read_each(path: &Path, mut each: impl FnMut(u64, &Frame<'_>)) -> Vec<CaptureError> {
    let mut source = FileSource::new(path, false).unwrap();
    source.is_judged = true;
    let mut errors = Vec::new();
    loop {
        // The record ends where the input stands once it was lent.
        let record = match source.unusual_record() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let end = source.input.offset() + record.record_bytes as u64;
        (source.is_usual, source.ahead) = (false, Some(Ok(Some(record))));
        each(end, &source.next_frame().unwrap().unwrap());
    }
    assert!(source.has_ended(), "a file is read to its end");
    errors
}

/// Reads pcapng with the whole file at hand and by the letter of the draft; the file is sound.
fn second_reading(file: &[u8]) -> Vec<Owned> {
    let mut frames = Vec::new();
    let mut interfaces: Vec<(i32, usize, u128, u64)> = Vec::new();
    let (mut rest, mut big, mut latest) = (file, false, 0u64);
    let number = |bytes: &[u8], big: bool| {
        let of = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
        match big {
            true => bytes.iter().fold(0, of),
            false => bytes.iter().rev().fold(0, of),
        }
    };
    while !rest.is_empty() {
        if rest[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
            big = rest[8] == 0x1a;
            interfaces.clear();
        }
        let at = |offset: usize, bytes: usize| number(&rest[offset..offset + bytes], big);
        let length = at(4, 4) as usize;
        match at(0, 4) {
            1 => {
                let (mut option, mut units, mut offset) = (16, 1_000_000u128, 0);
                while option + 4 < length {
                    let (code, bytes) = (at(option, 2), at(option + 2, 2) as usize);
                    if code == 9 {
                        let exponent = rest[option + 4];
                        units = match exponent & 0x80 {
                            0 => 10u128.pow(exponent.into()),
                            _ => 1 << (exponent & 0x7f),
                        };
                    }
                    if code == 14 {
                        // None of them is negative.
                        offset = at(option + 4, 8) * 1_000_000_000;
                    }
                    option += 4 + bytes.div_ceil(4) * 4;
                }
                interfaces.push((at(8, 2) as i32, at(12, 4) as usize, units, offset));
            }
            kind @ (2 | 6) => {
                let interface = at(8, if kind == 6 { 4 } else { 2 }) as usize;
                let (link_type, _, units, offset) = interfaces[interface];
                let ticks = u128::from(at(12, 4)) << 32 | u128::from(at(16, 4));
                latest = (ticks * 1_000_000_000 / units) as u64 + offset;
                let data = rest[28..28 + at(20, 4) as usize].to_vec();
                frames.push((latest, at(24, 4) as u32, link_type, data));
            }
            3 => {
                let (link_type, snap, ..) = interfaces[0];
                let snap = if snap == 0 { usize::MAX } else { snap };
                let original = at(8, 4) as usize;
                let data = rest[12..12 + original.min(snap)].to_vec();
                frames.push((latest, original as u32, link_type, data));
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    frames
}

/// The shared captures, or a line that says why test `test` is skipped.
pub(super) fn shared_captures(test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if path.is_dir() {
        return Some(path);
    }
    println!("{test}: skipped, there is no ../shared/captures");
    None
}

/// All files below a folder whose names end so, sorted.
pub(super) fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The number of packets that a manifest says of each file.
fn manifest_packets(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap();
    let files: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let packets = |said: serde_json::Value| said["pkts"].as_u64().unwrap();
    files
        .into_iter()
        .map(|(name, said)| (name, packets(said)))
        .collect()
}
