//! What can go wrong between a frame and the sensor, told in one line each.

use std::fmt;
use std::path::Path;

use thiserror::Error;

use super::LinkType;

/// Why a source could not be opened or read.
///
/// Names of files and interfaces, and what libpcap says, are held as printable text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaptureError {
    /// There is no file of this name.
    #[error("{path}: no such file; check the name")]
    NotFound {
        /// Name of the file.
        path: String,
    },
    /// The name is that of a directory.
    #[error("{path}: is a directory; name the capture files in it")]
    Directory {
        /// Name of the directory.
        path: String,
    },
    /// The file may not be read by this user.
    #[error("{path}: permission denied; allow this user to read it")]
    Permission {
        /// Name of the file.
        path: String,
    },
    /// The file has no bytes at all, not even a header.
    #[error("{path}: is empty (0 bytes); capture or copy it again")]
    Empty {
        /// Name of the file.
        path: String,
    },
    /// The file is compressed in a way that is not read.
    #[error("{path}: is compressed with {format}; decompress it first, e.g. `{command} {path}`")]
    Compressed {
        /// Name of the file.
        path: String,
        /// What it is compressed with.
        format: &'static str,
        /// The command that undoes it.
        command: &'static str,
    },
    /// The file is in no format that is read.
    #[error(
        "{path}: is not a capture; pcap and pcapng are read, plain or packed with gzip or zstd"
    )]
    NotACapture {
        /// Name of the file.
        path: String,
    },
    /// The file could not be opened for another reason.
    #[error("{path}: cannot be read: {message}")]
    Open {
        /// Name of the file.
        path: String,
        /// The reason.
        message: String,
    },
    /// The frames of a file or an interface are of a type that `decode` does not read.
    #[error(
        "{origin}: link type {name} ({number}) is not supported; read are Ethernet, Linux \
         cooked, raw IP, BSD loopback, PPP, 802.11, Frame Relay, Cisco HDLC and NFLOG"
    )]
    LinkType {
        /// Name of the file or the interface.
        origin: String,
        /// libpcap's name of the link type.
        name: String,
        /// libpcap's number of the link type.
        number: i32,
    },
    /// A record of an opened file could not be read.
    #[error(
        "{path}: record {record}: {message}; {}; {}",
        Before(*.record), Behind(*.skipped_bytes)
    )]
    Damaged {
        /// Name of the file.
        path: String,
        /// Number of the record, the first that was read of the file being 1.
        record: u64,
        /// The reason and the place.
        message: String,
        /// Bytes that were passed over before records were found again; nothing if none was.
        skipped_bytes: Option<u64>,
    },
    /// A file that is followed is not the same any more, so nothing more can come of it.
    #[error("{path}: {what} while it was followed; start again to follow what is there now")]
    Rotated {
        /// Name of the file.
        path: String,
        /// What became of it.
        what: &'static str,
    },
    /// There is no interface of this name.
    #[error("{interface}: no such interface; there are: {known}")]
    NoSuchInterface {
        /// Name of the interface.
        interface: String,
        /// Names of those that exist, separated by commas.
        known: String,
    },
    /// The interface is down, so nothing can be captured on it.
    #[error("{interface}: is down; bring it up first: ip link set {interface} up")]
    InterfaceDown {
        /// Name of the interface.
        interface: String,
    },
    /// The process may not capture.
    #[error(
        "{interface}: permission denied; run as root, or once: \
         sudo setcap cap_net_raw,cap_net_admin=eip {binary}"
    )]
    PermissionDenied {
        /// Name of the interface.
        interface: String,
        /// The running program.
        binary: String,
    },
    /// The capture filter does not compile.
    #[error("filter `{filter}`: {message}")]
    BadFilter {
        /// The filter, in the syntax of pcap-filter(7).
        filter: String,
        /// libpcap's reason.
        message: String,
    },
    /// The interface was there when capture began and is gone now.
    #[error("{interface}: is gone: {message}; start again when it is back")]
    InterfaceGone {
        /// Name of the interface.
        interface: String,
        /// libpcap's reason.
        message: String,
    },
    /// Capture on the interface failed for another reason.
    #[error("{interface}: cannot be captured: {message}")]
    Interface {
        /// Name of the interface.
        interface: String,
        /// The reason of libpcap or of the system.
        message: String,
    },
}

impl CaptureError {
    /// Whether the input is damaged behind a valid part, which has been handed out.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Rotated { .. })
    }

    /// The error for frames of `link_type`.
    pub(super) fn link_type(origin: String, link_type: LinkType) -> Self {
        let name = pcap::Linktype(link_type.0).get_name();
        let name = name.map_or_else(|_| "unknown".to_owned(), |name| one_line(&name));
        Self::LinkType {
            origin,
            name,
            number: link_type.0,
        }
    }
}

/// How many records stand before a damaged one.
struct Before(u64);

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.saturating_sub(1) {
            0 => write!(f, "no record came before it"),
            1 => write!(f, "the one record before it was processed"),
            count => write!(f, "the {count} records before it were processed"),
        }
    }
}

/// What became of the records behind a damaged one.
struct Behind(Option<u64>);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => write!(f, "capture or copy it again for the rest"),
            Some(bytes) => write!(f, "reading went on {bytes} bytes further"),
        }
    }
}

/// The message of a libpcap error without the binding's own words before it.
pub(super) fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => one_line(text),
        other => one_line(&other.to_string()),
    }
}

/// A path as printable text.
pub(super) fn path_text(path: &Path) -> String {
    if is_standard_input(path) {
        return "standard input".to_owned();
    }
    one_line(&path.to_string_lossy())
}

/// Whether `path` is libpcap's name for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Escapes what would break a line or move a terminal's cursor, and cuts what is long:
/// some of libpcap's messages quote the file.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == MESSAGE_CHARACTERS_MAX {
            line.push('…');
            break;
        }
        if character.is_control() || LINE_BREAKERS.contains(&character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Characters of a name or a message that are shown.
const MESSAGE_CHARACTERS_MAX: usize = 1_024;

/// Characters that break or reorder a line without being control characters: the line
/// and paragraph separators and the bidirectional controls.
const LINE_BREAKERS: [char; 11] = [
    '\u{2028}', '\u{2029}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_tells_what_came_before_it() {
        let damaged = |record| CaptureError::Damaged {
            path: "x.pcap".to_owned(),
            record,
            message: "truncated".to_owned(),
            skipped_bytes: None,
        };
        let text = |record| damaged(record).to_string();
        let advice = "capture or copy it again for the rest";
        assert_eq!(
            text(1),
            format!("x.pcap: record 1: truncated; no record came before it; {advice}")
        );
        let one = format!("the one record before it was processed; {advice}");
        assert_eq!(text(2), format!("x.pcap: record 2: truncated; {one}"));
        let eleven = format!("the 11 records before it were processed; {advice}");
        assert_eq!(text(12), format!("x.pcap: record 12: truncated; {eleven}"));
        assert!(damaged(1).is_damage());
        let passed = CaptureError::Damaged {
            path: "x.pcap".to_owned(),
            record: 2,
            message: "noise".to_owned(),
            skipped_bytes: Some(76),
        };
        let text = passed.to_string();
        assert!(
            text.ends_with("; reading went on 76 bytes further"),
            "{text}"
        );
        assert!(
            !CaptureError::Empty {
                path: "x".to_owned()
            }
            .is_damage()
        );
    }

    #[test]
    fn messages_are_one_printable_line() {
        assert_eq!(
            one_line("a\nb\u{1b}[2J\u{202e}c\n"),
            "a\\nb\\u{1b}[2J\\u{202e}c"
        );
        assert_eq!(one_line("größe"), "größe");
        let long = one_line(&"x".repeat(10_000));
        assert_eq!(long.chars().count(), MESSAGE_CHARACTERS_MAX + 1);
    }

    #[test]
    fn a_link_type_has_its_name_and_number() {
        let error = CaptureError::link_type("x".to_owned(), LinkType(105));
        assert!(error.to_string().contains("IEEE802_11 (105)"), "{error}");
        let error = CaptureError::link_type("x".to_owned(), LinkType(99_999));
        assert!(error.to_string().contains("unknown (99999)"), "{error}");
    }
}
