//! What a source makes of files, whole and damaged.

#![allow(
    clippy::disallowed_methods,
    reason = "it is tested that nothing waits or takes long"
)]

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::capture::{Lender, Taker};

const fn assert_send<T: Send>() {}
const _: () = assert_send::<FileSource>();

/// A pcap file with nanosecond times; every record states `original` bytes.
fn pcap(link_type: u32, original: u32, frames: &[&[u8]]) -> Vec<u8> {
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let mut bytes = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, link_type]);
    for (second, data) in (1_000..).zip(frames) {
        bytes.extend(words(&[second, 123_456_789, data.len() as u32, original]));
        bytes.extend(*data);
    }
    bytes
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// What a file gives: the lengths of its frames, and the error at its end.
fn read(path: &Path) -> (Vec<usize>, Option<CaptureError>) {
    let mut source = FileSource::open(path).unwrap();
    let mut lengths = Vec::new();
    let error = loop {
        match source.next_frame() {
            Ok(Some(frame)) => lengths.push(frame.data.len()),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(
        matches!(source.next_frame(), Ok(None)),
        "a source that has ended stays so"
    );
    assert_eq!(source.frames_read(), lengths.len() as u64);
    (lengths, error)
}

/// A frame that was lent, in full.
type Kept = (Timestamp, u32, LinkType, Vec<u8>);

impl Taker for Vec<Kept> {
    fn take(&mut self, frame: &Frame<'_>) {
        let data = frame.data.to_vec();
        self.push((
            frame.timestamp,
            frame.original_length,
            frame.link_type,
            data,
        ));
    }
}

/// The frames of a file, at most `in_a_row` of them where they stand ready, how many did,
/// and all errors.
fn read_in_rows(path: &Path, in_a_row: usize) -> (Vec<Kept>, usize, Vec<CaptureError>) {
    let mut source = FileSource::open(path).unwrap();
    let (mut frames, mut errors, mut ready) = (Vec::new(), Vec::new(), 0);
    let times = Timestamp::ZERO..Timestamp::from_nanos(u64::MAX);
    loop {
        let lent = source.lend_ready(in_a_row, &times, &mut frames);
        assert!(lent <= in_a_row);
        ready += lent;
        assert_eq!(source.frames_read(), frames.len() as u64);
        match source.next_frame() {
            Ok(Some(frame)) => frames.take(&frame),
            Ok(None) => return (frames, ready, errors),
            Err(error) => errors.push(error),
        }
    }
}

/// Captures of a thousand frames, which are more than the buffer holds: pcap in both byte
/// orders, and pcapng, each with a byte order and of microseconds but for the first.
fn long_captures() -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> = (0..1_000)
        .map(|number| vec![number as u8; 300 + number % 300])
        .collect();
    let borrowed: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let big = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|it| it.to_be_bytes()).collect() };
    let mut big_endian = big(&[0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1]);
    let mut blocks = big(&[
        0x0a0d_0d0a,
        28,
        0x1a2b_3c4d,
        0x0001_0000,
        u32::MAX,
        u32::MAX,
        28,
    ]);
    blocks.extend(big(&[1, 20, 1 << 16, 0, 20]));
    for (second, data) in (1_000..).zip(&frames) {
        let length = data.len() as u32;
        big_endian.extend(big(&[second, 7, length, 1_500]));
        big_endian.extend(data);
        let padded = length.next_multiple_of(4);
        let bytes = padded + 32;
        blocks.extend(big(&[6, bytes, 0, 0, second, length, 1_500]));
        blocks.extend(data);
        blocks.resize(blocks.len() + (padded - length) as usize, 0);
        blocks.extend(big(&[bytes]));
    }
    vec![pcap(1, 1_500, &borrowed), big_endian, blocks]
}

#[test]
fn frames_in_a_row_are_those_lent_one_by_one() {
    let directory = Directory::new();
    for whole in long_captures() {
        let mut damaged = whole.clone();
        damaged[100_000..100_700].fill(0xff);
        let cut = &whole[..whole.len() - 1];
        for (bytes, errors) in [(&whole[..], 0), (&damaged, 1), (cut, 1)] {
            let path = directory.write("x", bytes);
            let one_by_one = read_in_rows(&path, 0);
            assert_eq!((one_by_one.1, one_by_one.2.len()), (0, errors));
            assert!(one_by_one.0.len() > 990);
            for in_a_row in [1, 7, usize::MAX] {
                let in_rows = read_in_rows(&path, in_a_row);
                assert!(in_rows.0 == one_by_one.0 && in_rows.2 == one_by_one.2);
                assert!(in_rows.1 > 400, "{}", in_rows.1);
            }
        }
    }
}

#[test]
fn frames_in_a_row_are_of_the_times_asked_for() {
    let directory = Directory::new();
    for bytes in long_captures() {
        let mut source = FileSource::open(&directory.write("x", &bytes)).unwrap();
        let first = source.next_frame().unwrap().unwrap().timestamp;
        let mut frames: Vec<Kept> = Vec::new();
        let from = source.next_timestamp().unwrap().unwrap();
        assert!(from > first);
        let mut lend = |times| source.lend_ready(usize::MAX, &times, &mut frames);
        assert_eq!(lend(Timestamp::ZERO..from), 0);
        assert_eq!(lend(first..Timestamp::from_nanos(from.as_nanos() + 1)), 1);
        assert_eq!(lend(first..from), 0);
        assert_eq!((frames.len(), frames[0].0), (1, from));
        let next = source.next_frame().unwrap().unwrap();
        assert!(next.timestamp > from && next.data[0] == 2);
    }
}

#[test]
fn frames_have_time_and_both_lengths() {
    let directory = Directory::new();
    let bytes = pcap(1, 1_500, &[&[7; 60], &[8; 61]]);
    let path = directory.write("x.pcap", &bytes);
    let mut source = FileSource::open(&path).unwrap();
    assert_eq!(source.size_bytes(), Some(bytes.len() as u64));
    let first = source.next_frame().unwrap().unwrap();
    assert_eq!(first.timestamp, Timestamp::from_nanos(1_000_123_456_789));
    assert_eq!((first.original_length, first.data), (1_500, &[7; 60][..]));
    let second = source.next_frame().unwrap().unwrap();
    assert_eq!((second.timestamp.tick().0, second.data.len()), (1_001, 61));
    assert_eq!(source.position_bytes(), bytes.len() as u64);
    assert!(source.next_frame().unwrap().is_none() && source.has_ended());
    assert_eq!(
        first_timestamp(&path),
        Ok(Some(Timestamp::from_nanos(1_000_123_456_789)))
    );
}

#[test]
fn an_original_length_below_the_captured_one_is_raised() {
    let directory = Directory::new();
    let path = directory.write("x.pcap", &pcap(101, 10, &[&[7; 60]]));
    let mut source = FileSource::open(&path).unwrap();
    let frame = source.next_frame().unwrap().unwrap();
    assert_eq!((frame.original_length, frame.data.len()), (60, 60));
    assert_eq!(frame.link_type, LinkType::RAW);
}

#[test]
fn a_header_without_packets_is_a_capture_of_none() {
    let directory = Directory::new();
    let path = directory.write("x.pcap", &pcap(1, 0, &[]));
    assert_eq!(read(&path), (Vec::new(), None));
    assert_eq!(first_timestamp(&path), Ok(None));
}

#[test]
fn a_capture_cut_anywhere_gives_the_frames_before_the_cut() {
    let directory = Directory::new();
    let frames: [&[u8]; 3] = [&[1; 60], &[2; 20], &[3; 33]];
    let bytes = pcap(1, 1_500, &frames);
    let ends = [24, 24 + 76, 24 + 76 + 36, bytes.len()];
    for cut in 1..=bytes.len() {
        let path = directory.write("x.pcap", &bytes[..cut]);
        if cut < ends[0] {
            let error = FileSource::open(&path).unwrap_err();
            assert!(matches!(error, CaptureError::Open { .. }), "{cut}: {error}");
            continue;
        }
        let (lengths, error) = read(&path);
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(
            lengths,
            frames
                .iter()
                .take(whole)
                .map(|it| it.len())
                .collect::<Vec<_>>()
        );
        assert_eq!(error.is_some(), !ends.contains(&cut), "{cut}: {error:?}");
        if let Some(error) = error {
            assert!(error.is_damage());
            let text = error.to_string();
            assert!(
                text.contains(&format!(": record {}: truncated", whole + 1)),
                "{text}"
            );
        }
    }
}

#[test]
fn what_is_not_a_capture_is_told_apart() {
    let directory = Directory::new();
    let open = |path: &Path| FileSource::open(path).unwrap_err();
    let path = path_text(directory.0.path());
    assert_eq!(open(directory.0.path()), CaptureError::Directory { path });

    let missing = directory.0.path().join("missing");
    assert_eq!(
        open(&missing),
        CaptureError::NotFound {
            path: path_text(&missing)
        }
    );
    let empty = directory.write("empty", b"");
    assert_eq!(
        open(&empty),
        CaptureError::Empty {
            path: path_text(&empty)
        }
    );
    assert_eq!(
        open(&empty.join("x")),
        CaptureError::NotFound {
            path: path_text(&empty.join("x"))
        }
    );
    let noise = directory.write("noise", b"once upon a time");
    assert_eq!(
        open(&noise),
        CaptureError::NotACapture {
            path: path_text(&noise)
        }
    );
    for (magic, format, command) in [
        ("\u{fd}7zXZ", "xz", "unxz"),
        ("BZh91AY", "bzip2", "bunzip2"),
    ] {
        let magic: Vec<u8> = magic.chars().map(|it| it as u8).collect();
        let error = open(&directory.write("packed", &magic)).to_string();
        let advice = format!("with {format}; decompress it first, e.g. `{command} ");
        assert!(error.contains(&advice), "{error}");
    }
    let packed = directory.write("packed", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00");
    assert!(
        open(&packed)
            .to_string()
            .contains("gzip data are cut or damaged")
    );
    let wireless = directory.write("wireless", &pcap(177, 60, &[&[1; 60]]));
    let error = open(&wireless).to_string();
    assert!(
        error.contains("link type LINUX_LAPD (177) is not supported"),
        "{error}"
    );
    let mut bytes = pcap(1, 0, &[]);
    bytes[4] = 9;
    let version = directory.write("version", &bytes);
    assert!(matches!(open(&version), CaptureError::Open { .. }));
}

#[test]
fn a_name_cannot_break_the_line() {
    let directory = Directory::new();
    let path = directory.write("a\nb\u{1b}[2J", b"once upon a time");
    let text = FileSource::open(&path).unwrap_err().to_string();
    assert!(text.contains("a\\nb\\u{1b}[2J: is not a capture"), "{text}");
    let path = directory
        .0
        .path()
        .join(std::ffi::OsStr::from_bytes(b"\xff.pcap"));
    fs::write(&path, pcap(1, 0, &[])).unwrap();
    assert!(FileSource::open(&path).is_ok());
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    let directory = Directory::new();
    let path = directory.write("x.pcap", &pcap(1, 0, &[]));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        eprintln!("skipped: this user may read every file");
        return;
    }
    let error = FileSource::open(&path).unwrap_err();
    assert_eq!(
        error,
        CaptureError::Permission {
            path: path_text(&path)
        }
    );
}

#[test]
fn noise_behind_a_header_is_damage_and_never_a_panic() {
    let directory = Directory::new();
    let mut state = 1u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    for _ in 0..200 {
        let mut bytes = pcap(1, 1_500, &[&[1; 60]]);
        bytes.extend((0..100).map(|_| noise()));
        let (lengths, error) = read(&directory.write("x.pcap", &bytes));
        assert_eq!(lengths.first(), Some(&60));
        assert!(error.is_none_or(|error| error.is_damage()));
    }
}

mod damage;
mod growing;
mod oracle;
mod packed;
mod round_trip;
