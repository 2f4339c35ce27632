//! Any bytes as a capture file.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use borderflow::capture::FileSource;
use tempfile::NamedTempFile;

thread_local! {
    /// The file that the bytes are put into: the reader opens a capture by its name.
    static SCRATCH: NamedTempFile = scratch();
}

/// Reads the bytes as a capture, once more with a look ahead before each frame, and once
/// more as far as they go before a cut.
pub fn run(bytes: &[u8]) {
    SCRATCH.with(|scratch| {
        write(scratch.as_file(), bytes);
        let whole = read(scratch.path(), false);
        check(bytes, &whole);
        let looked = read(scratch.path(), true);
        assert_eq!(whole.frames, looked.frames, "looking ahead changes a frame");
        assert_eq!(
            whole.errors, looked.errors,
            "looking ahead changes an error"
        );
        if whole.is_opened && !is_packed(bytes) {
            let kept = bytes.len() - bytes.len() * usize::from(bytes[bytes.len() - 1]) / 256;
            write(scratch.as_file(), &bytes[..kept]);
            check_cut(&whole, &read(scratch.path(), false), kept);
        }
    });
}

/// What was read of a file.
#[derive(Debug, Default)]
struct Reading {
    /// Whether it was opened.
    is_opened: bool,
    frames: Vec<Seen>,
    errors: Vec<String>,
    /// Frames before the first error.
    sound_frames: usize,
    has_ended: bool,
}

/// A frame, and where the file was behind it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    digest: u64,
    position_bytes: u64,
}

fn read(path: &Path, looks_ahead: bool) -> Reading {
    let mut reading = Reading::default();
    let mut source = match FileSource::open(path) {
        Ok(source) => source,
        Err(error) => {
            assert!(!error.is_damage(), "told by the opening: {error}");
            reading.errors.push(error.to_string());
            return reading;
        }
    };
    reading.is_opened = true;
    while reading.frames.len() + reading.errors.len() < STEPS_MAX {
        let ahead = looks_ahead.then(|| source.next_timestamp());
        let ahead = match ahead.transpose() {
            Ok(ahead) => ahead.map(|it| it.map(|it| it.as_nanos())),
            // Told once: the next call goes on behind it.
            Err(error) => {
                reading.note(&error, source.has_ended());
                continue;
            }
        };
        let frame = match source.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                assert!(source.has_ended(), "a file neither goes on nor ends");
                assert!(matches!(ahead, None | Some(None)), "no frame after all");
                break;
            }
            Err(error) => {
                reading.note(&error, source.has_ended());
                continue;
            }
        };
        assert!(frame.data.len() <= frame.original_length as usize);
        let nanos = frame.timestamp.as_nanos();
        assert!(ahead.is_none_or(|it| it == Some(nanos)), "another time");
        let mut hasher = DefaultHasher::new();
        (nanos, frame.original_length, frame.link_type, frame.data).hash(&mut hasher);
        reading.frames.push(Seen {
            digest: hasher.finish(),
            position_bytes: source.position_bytes(),
        });
        reading.sound_frames += usize::from(reading.errors.is_empty());
        assert_eq!(source.frames_read(), reading.frames.len() as u64);
    }
    reading.has_ended = source.has_ended();
    reading
}

impl Reading {
    fn note(&mut self, error: &borderflow::capture::CaptureError, has_ended: bool) {
        assert!(has_ended || error.is_damage(), "goes on behind: {error}");
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
        self.errors.push(text);
    }
}

/// Every byte is read at most once, so that time and memory are bounded by the length.
fn check(bytes: &[u8], reading: &Reading) {
    if is_packed(bytes) {
        return;
    }
    let steps = reading.frames.len() + reading.errors.len();
    assert!(steps <= bytes.len() / RECORD_BYTES_MIN + 2, "{steps} steps");
    assert!(!reading.is_opened || reading.has_ended);
    let positions = reading.frames.iter().map(|it| it.position_bytes);
    assert!(positions.clone().is_sorted());
    assert!(positions.max().unwrap_or(0) <= bytes.len() as u64);
}

/// Of what stands before a cut nothing is lost, and nothing is made up.
fn check_cut(whole: &Reading, cut: &Reading, kept: usize) {
    let of_whole = &whole.frames[..whole.sound_frames];
    let of_cut = &cut.frames[..cut.sound_frames];
    let all = of_whole.partition_point(|it| it.position_bytes <= kept as u64);
    assert!(
        of_cut.len() >= all || !cut.is_opened,
        "cut at {kept}: {} of {all} frames",
        of_cut.len()
    );
    assert!(cut.is_opened || all == 0, "cut at {kept}: not opened");
    let same = of_whole.iter().zip(of_cut).all(|(one, other)| one == other);
    assert!(same && of_cut.len() <= of_whole.len(), "cut at {kept}");
}

fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

fn write(mut file: &File, bytes: &[u8]) {
    file.set_len(0).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(bytes).unwrap();
}

/// A file in memory where the system has a place for such.
fn scratch() -> NamedTempFile {
    let memory = Path::new("/dev/shm");
    let file = match memory.is_dir() {
        true => NamedTempFile::new_in(memory),
        false => NamedTempFile::new(),
    };
    file.unwrap()
}

/// Frames and errors after which a packed file is left, which may hold any number.
const STEPS_MAX: usize = 20_000;

/// The shortest record, that of pcap without data, and the shortest block of pcapng.
const RECORD_BYTES_MIN: usize = 12;
