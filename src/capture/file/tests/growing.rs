//! Files that grow and pipes that are silent.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::*;

const INSTANT: Duration = Duration::from_millis(50);

fn lengths(source: &mut FileSource) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        lengths.push(frame.data.len());
    }
    lengths
}

#[test]
fn a_followed_file_is_read_byte_by_byte_as_it_grows() {
    let directory = Directory::new();
    let whole = pcap(1, 1_500, &[&[1; 60], &[2; 61], &[3; 62]]);
    let packed = zstd::encode_all(&whole[..], 3).unwrap();
    let blocks = [
        damage::pcapng_header(),
        damage::enhanced(0, 1, &[1; 60]),
        damage::enhanced(0, 2, &[2; 61]),
        damage::enhanced(0, 3, &[3; 62]),
    ]
    .concat();
    for bytes in [whole, packed, blocks] {
        let path = directory.write("x", b"");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let mut source = FileSource::follow(&path).unwrap();
        let mut found = Vec::new();
        for byte in bytes {
            found.extend(lengths(&mut source));
            file.write_all(&[byte]).unwrap();
        }
        found.extend(lengths(&mut source));
        assert_eq!(found, [60, 61, 62]);
        assert!(!source.has_ended());
    }
}

#[test]
fn a_followed_file_that_is_another_one_has_ended() {
    let directory = Directory::new();
    let whole = pcap(1, 1_500, &[&[1; 60]]);
    type Change<'a> = (&'a str, &'a dyn Fn(&Path));
    let changes: [Change<'_>; 3] = [
        ("was truncated", &|path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(24).unwrap();
        }),
        ("was removed or renamed", &|path| {
            fs::remove_file(path).unwrap()
        }),
        ("was replaced by another file", &|path| {
            fs::rename(path, path.with_extension("old")).unwrap();
            fs::write(path, b"").unwrap();
        }),
    ];
    for (what, change) in changes {
        let path = directory.write("x.pcap", &whole);
        let mut source = FileSource::follow(&path).unwrap();
        assert_eq!(lengths(&mut source), [60]);
        change(&path);
        let error = source.next_frame().unwrap_err();
        let path = path_text(&path);
        assert_eq!(error, CaptureError::Rotated { path, what });
        assert!(error.is_damage() && source.has_ended());
        assert!(source.next_frame().unwrap().is_none());
    }
}

#[test]
fn a_silent_pipe_holds_nobody_up() {
    let (reader, mut writer) = io::pipe().unwrap();
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    assert_eq!((probe(&path), first_timestamp(&path)), (Ok(()), Ok(None)));
    let begun = Instant::now();
    let mut source = FileSource::open(&path).unwrap();
    assert!(source.next_frame().unwrap().is_none() && !source.has_ended());
    assert!(begun.elapsed() < INSTANT);
    source.wait(INSTANT);
    assert!(begun.elapsed() >= INSTANT, "nothing came");

    let whole = pcap(1, 1_500, &[&[1; 60], &[2; 61]]);
    for part in whole.chunks(7) {
        writer.write_all(part).unwrap();
        source.wait(Duration::from_secs(60));
        if let Some(frame) = source.next_frame().unwrap() {
            assert!(frame.data.len() >= 60);
        }
    }
    assert_eq!((source.frames_read(), source.size_bytes()), (2, None));
    drop(writer);
    assert!(source.next_frame().unwrap().is_none());
    drop(reader);
    assert!(source.next_frame().unwrap().is_none() && source.has_ended());
}

#[test]
fn what_is_wrong_with_a_pipe_is_told_when_it_is_read() {
    for (bytes, wrong) in [
        (&b"once upon a time"[..], "is not a capture"),
        (&[][..], "is empty"),
        (
            &pcap(177, 60, &[])[..],
            "link type LINUX_LAPD (177) is not supported",
        ),
        (
            &pcap(1, 60, &[])[..10],
            "it ends after 10 bytes, within its header",
        ),
    ] {
        let (reader, mut writer) = io::pipe().unwrap();
        let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
        let mut source = FileSource::open(&path).unwrap();
        writer.write_all(bytes).unwrap();
        drop(writer);
        let error = source.next_frame().unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
        assert!(!error.is_damage() && source.has_ended());
    }
}
