//! Frames from a capture file or from standard input.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use pcap::{Capture, Offline, Precision};

use super::error::{CaptureError, is_standard_input, message, one_line, path_text};
use super::{Frame, LinkType};
use crate::time::Timestamp;

/// A pcap or pcapng file, read from its beginning to its end once.
pub struct FileSource {
    capture: Capture<Offline>,
    /// Printable name, for errors.
    path: String,
    link_type: LinkType,
    frames_read: u64,
    position_bytes: u64,
    size_bytes: Option<u64>,
    /// Set at the end and after an error, behind which libpcap has lost its place.
    has_ended: bool,
}

impl FileSource {
    /// Opens the capture at `path`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// All that has to do with files, but never [`CaptureError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let capture = Capture::from_file_with_precision(path, Precision::Nano)
            .map_err(|error| diagnose(path, &error))?;
        let link_type = LinkType(capture.get_datalink().0);
        if !link_type.is_supported() {
            return Err(CaptureError::link_type(path_text(path), link_type));
        }
        Ok(Self {
            capture,
            path: path_text(path),
            link_type,
            frames_read: 0,
            position_bytes: 0,
            size_bytes: regular_file_bytes(path),
            has_ended: false,
        })
    }

    /// Lends the next frame, and nothing at the end.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Damaged`] once, where a record cannot be read. What would follow
    /// it cannot be found, so the source has then ended.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.has_ended {
            return Ok(None);
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                let frame = frame(&packet, self.link_type, Precision::Nano);
                self.frames_read = self.frames_read.saturating_add(1);
                let record_bytes = frame.data.len() as u64 + RECORD_HEADER_BYTES;
                self.position_bytes = self.position_bytes.saturating_add(record_bytes);
                Ok(Some(frame))
            }
            Err(pcap::Error::NoMorePackets) => {
                self.has_ended = true;
                Ok(None)
            }
            Err(error) => {
                self.has_ended = true;
                Err(CaptureError::Damaged {
                    path: self.path.clone(),
                    record: self.frames_read.saturating_add(1),
                    message: message(&error),
                })
            }
        }
    }

    /// What the first byte of every frame belongs to.
    pub const fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Frames lent so far.
    pub const fn frames_read(&self) -> u64 {
        self.frames_read
    }

    /// About how many bytes of the file have been read: the captured bytes so far and a
    /// classic record header for each frame. Good enough to show progress with.
    pub const fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// Length of the file in bytes when it was opened; unknown for a pipe.
    pub const fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }
}

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSource")
            .field("path", &self.path)
            .field("link_type", &self.link_type)
            .field("frames_read", &self.frames_read)
            .finish_non_exhaustive()
    }
}

/// Opens the capture at `path` and closes it again, to know of all inputs that they are
/// there before anything is written. A pipe can be opened only once and is left alone.
///
/// # Errors
///
/// Those of [`FileSource::open`].
pub fn probe(path: &Path) -> Result<(), CaptureError> {
    if is_read_once(path) {
        return Ok(());
    }
    FileSource::open(path).map(|_| ())
}

/// The time of a file's first frame, by which several files are put in order: nothing
/// if it has no frame, or is a pipe, whose first frame can be read only once.
///
/// # Errors
///
/// Those of [`FileSource::open`], and [`CaptureError::Damaged`] if the first record
/// cannot be read.
pub fn first_timestamp(path: &Path) -> Result<Option<Timestamp>, CaptureError> {
    if is_read_once(path) {
        return Ok(None);
    }
    let mut source = FileSource::open(path)?;
    Ok(source.next_frame()?.map(|frame| frame.timestamp))
}

/// Whether what is read from `path` is gone then: a pipe, or standard input.
fn is_read_once(path: &Path) -> bool {
    let is_pipe = fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
    is_pipe || is_standard_input(path)
}

/// Turns libpcap's record into ours. The handle's precision decides what the fraction of
/// its timestamps counts, whatever the name of the field says.
pub(super) fn frame<'a>(
    packet: &pcap::Packet<'a>,
    link_type: LinkType,
    precision: Precision,
) -> Frame<'a> {
    let captured_length = u32::try_from(packet.data.len()).unwrap_or(u32::MAX);
    let time = packet.header.ts;
    let nanos = match precision {
        Precision::Nano => time.tv_usec,
        Precision::Micro => time.tv_usec.saturating_mul(1_000),
    };
    Frame {
        timestamp: Timestamp::from_parts(unsigned_seconds(time.tv_sec), nanos),
        original_length: packet.header.len.max(captured_length),
        link_type,
        data: packet.data,
    }
}

/// The seconds of a classic record are 32 bits without a sign, which lasts until 2106
/// (draft-ietf-opsawg-pcap section 5). libpcap takes them for signed.
fn unsigned_seconds(seconds: i64) -> i64 {
    match i32::try_from(seconds) {
        Ok(seconds) => i64::from(seconds.cast_unsigned()),
        Err(_) => seconds,
    }
}

/// Finds out why libpcap did not open `path`: its own messages do not tell a directory
/// or a compressed file from noise. Only a regular file is read again; the bytes of a
/// pipe are gone.
fn diagnose(path: &Path, error: &pcap::Error) -> CaptureError {
    let name = path_text(path);
    let message = message(error);
    if !is_standard_input(path) {
        match fs::metadata(path) {
            Err(error) => return unreadable(name, &error),
            Ok(it) if it.is_dir() => return CaptureError::Directory { path: name },
            Ok(it) if it.is_file() => match first_bytes(path) {
                Err(error) => return unreadable(name, &error),
                Ok(bytes) if bytes.is_empty() => return CaptureError::Empty { path: name },
                Ok(bytes) => {
                    let packed = COMPRESSED.iter().find(|it| bytes.starts_with(it.magic));
                    if let Some(&Compression {
                        format, command, ..
                    }) = packed
                    {
                        return CaptureError::Compressed {
                            path: name,
                            format,
                            command,
                        };
                    }
                }
            },
            Ok(_) => {}
        }
        if path.to_str().is_none() {
            let message = "its name is not UTF-8; rename it or link to it".to_owned();
            return CaptureError::Open {
                path: name,
                message,
            };
        }
    }
    if message.contains("unknown file format") {
        CaptureError::NotACapture { path: name }
    } else if message.contains("tried to read 4 file header bytes, only got 0") {
        CaptureError::Empty { path: name }
    } else {
        CaptureError::Open {
            path: name,
            message,
        }
    }
}

fn unreadable(path: String, error: &std::io::Error) -> CaptureError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => CaptureError::NotFound { path },
        ErrorKind::PermissionDenied => CaptureError::Permission { path },
        _ => CaptureError::Open {
            path,
            message: one_line(&error.to_string()),
        },
    }
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAGIC_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn regular_file_bytes(path: &Path) -> Option<u64> {
    if is_standard_input(path) {
        return None;
    }
    fs::metadata(path)
        .ok()
        .filter(|it| it.is_file())
        .map(|it| it.len())
}

/// A compressed format that captures are often kept in.
#[derive(Clone, Copy)]
struct Compression {
    magic: &'static [u8],
    format: &'static str,
    command: &'static str,
}

const COMPRESSED: [Compression; 4] = [
    Compression {
        magic: b"\x1f\x8b",
        format: "gzip",
        command: "gunzip",
    },
    Compression {
        magic: b"\x28\xb5\x2f\xfd",
        format: "zstd",
        command: "unzstd",
    },
    Compression {
        magic: b"\xfd7zXZ",
        format: "xz",
        command: "unxz",
    },
    Compression {
        magic: b"BZh",
        format: "bzip2",
        command: "bunzip2",
    },
];

/// Bytes that tell a format.
const MAGIC_BYTES_MAX: u64 = 8;

/// Length of a record header in a pcap file.
const RECORD_HEADER_BYTES: u64 = 16;

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    const fn assert_send<T: Send>() {}
    const _: () = assert_send::<FileSource>();

    /// A pcap file with nanosecond times; every record states `original` bytes.
    fn pcap(link_type: u32, original: u32, frames: &[&[u8]]) -> Vec<u8> {
        let words = |words: &[u32]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_le_bytes()).collect()
        };
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

    #[test]
    fn frames_have_time_and_both_lengths() {
        let directory = Directory::new();
        let bytes = pcap(1, 1_500, &[&[7; 60], &[8; 61]]);
        let path = directory.write("x.pcap", &bytes);
        let mut source = FileSource::open(&path).unwrap();
        assert_eq!(source.link_type(), LinkType::ETHERNET);
        assert_eq!(source.size_bytes(), Some(bytes.len() as u64));
        let first = source.next_frame().unwrap().unwrap();
        assert_eq!(first.timestamp, Timestamp::from_nanos(1_000_123_456_789));
        assert_eq!((first.original_length, first.data), (1_500, &[7; 60][..]));
        let second = source.next_frame().unwrap().unwrap();
        assert_eq!((second.timestamp.tick().0, second.data.len()), (1_001, 61));
        assert_eq!(source.position_bytes(), 60 + 61 + 2 * 16);
        assert!(source.next_frame().unwrap().is_none());
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
        assert_eq!(source.link_type(), LinkType::RAW_DLT);
        let frame = source.next_frame().unwrap().unwrap();
        assert_eq!((frame.original_length, frame.data.len()), (60, 60));
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
        let packed = directory.write("packed", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00");
        let error = open(&packed).to_string();
        assert!(
            error.contains("gzip") && error.contains("`gunzip "),
            "{error}"
        );
        let packed = directory.write("packed", b"\x28\xb5\x2f\xfd\x00\x00");
        assert!(open(&packed).to_string().contains("zstd"));
        let lapd = directory.write("lapd", &pcap(177, 60, &[&[1; 60]]));
        let error = open(&lapd).to_string();
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
        assert!(
            FileSource::open(&path)
                .unwrap_err()
                .to_string()
                .contains("not UTF-8")
        );
    }

    #[test]
    fn a_file_that_may_not_be_read_says_so() {
        let directory = Directory::new();
        let path = directory.write("x.pcap", &pcap(1, 0, &[]));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if File::open(&path).is_ok() {
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
}
