//! Captures that are packed.

use flate2::Compression;
use flate2::write::GzEncoder;

use super::oracle::read_all;
use super::*;

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A capture of frames that do not pack well.
fn capture() -> Vec<u8> {
    let mut state = 3u64;
    let mut frames = Vec::new();
    for _ in 0..200 {
        let frame = (0..1_000).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        frames.push(frame.collect::<Vec<u8>>());
    }
    let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    pcap(1, 1_500, &frames)
}

#[test]
fn packed_captures_are_read_as_plain_ones() {
    let directory = Directory::new();
    let plain = capture();
    let (expected, _) = read_all(&directory.write("plain", &plain));
    let (front, back) = plain.split_at(77_777);
    for packed in [
        gzip(&plain),
        zstd(&plain),
        [gzip(front), gzip(b""), gzip(back)].concat(),
        [zstd(front), zstd(b""), zstd(back)].concat(),
    ] {
        let path = directory.write("packed", &packed);
        assert_eq!(read_all(&path), (expected.clone(), Vec::new()));
        assert_eq!(first_timestamp(&path).unwrap().unwrap().tick().0, 1_000);
        let mut source = FileSource::open(&path).unwrap();
        while source.next_frame().unwrap().is_some() {
            assert!(source.position_bytes() <= packed.len() as u64);
        }
        assert_eq!(source.position_bytes(), packed.len() as u64);
        assert_eq!(source.size_bytes(), Some(packed.len() as u64));
    }
}

#[test]
fn a_cut_packed_capture_keeps_what_could_be_unpacked() {
    let directory = Directory::new();
    for (packed, name) in [(gzip(&capture()), "gzip"), (zstd(&capture()), "zstd")] {
        let mut before = 0;
        for cut in (5..packed.len()).step_by(4_999) {
            let path = directory.write("cut", &packed[..cut]);
            match FileSource::open(&path) {
                Ok(_) => {}
                Err(error) => {
                    assert!(error.to_string().contains("cut or damaged"), "{error}");
                    continue;
                }
            }
            let (frames, errors) = read_all(&path);
            let [
                error @ CaptureError::Damaged {
                    skipped_bytes: None,
                    ..
                },
            ] = &errors[..]
            else {
                panic!("{name} cut at {cut}: {errors:?}");
            };
            assert!(
                error.to_string().contains(&format!("its {name} data")),
                "{error}"
            );
            assert!(
                error.to_string().contains("of the unpacked file"),
                "{error}"
            );
            assert!(frames.len() >= before);
            before = frames.len();
        }
        assert!(before > 150, "{name}: {before}");
    }
}

#[test]
fn a_capture_is_unpacked_once() {
    let directory = Directory::new();
    let path = directory.write("twice", &gzip(&zstd(&capture())));
    let error = FileSource::open(&path).unwrap_err();
    assert!(matches!(error, CaptureError::NotACapture { .. }), "{error}");
}

#[test]
fn a_window_that_is_too_large_is_refused() {
    // A frame header with a window of 2^(10+20) bytes, RFC 8878 section 3.1.1.1.2.
    let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00];
    let directory = Directory::new();
    let error = FileSource::open(&directory.write("wide", &bytes)).unwrap_err();
    assert!(error.to_string().contains("zstd data"), "{error}");
}
