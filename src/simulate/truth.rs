//! Ground truth and alerts as JSON lines.

use std::io::{self, BufRead, Read, Write};
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::time::Timestamp;

/// One line of `truth.jsonl`: what a leak or a benign surprise really sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Its name, unique in the file.
    pub id: String,
    /// What kind of leak or surprise it is.
    pub kind: String,
    /// The asset that sends.
    pub asset: IpAddr,
    /// Country to which it sends.
    pub jurisdiction: String,
    /// Time of its first packet with payload.
    #[serde(with = "rfc3339")]
    pub start: Timestamp,
    /// Time of its last packet with payload.
    #[serde(with = "rfc3339")]
    pub end: Timestamp,
    /// Payload bytes from the asset, without what was sent twice.
    pub bytes: u64,
    /// Whether an alert on it would be a false one.
    pub benign: bool,
}

/// What [`evaluate`](super::evaluate) needs of a line of `alerts.jsonl`. Other fields are
/// passed over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AlertLine {
    /// `open`, `update` or `close`.
    pub event: String,
    /// When it was raised.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// Which incident it belongs to.
    pub incident: String,
    /// The asset, as the inventory names it.
    pub asset: String,
    /// The asset's address.
    pub asset_ip: IpAddr,
    /// Country to which the data went.
    pub jurisdiction: String,
    /// What raised it.
    #[serde(default)]
    pub detectors: Vec<DetectorName>,
    /// Bytes exported in the incident's window.
    pub bytes: u64,
    /// Bytes beyond what was expected.
    #[serde(default, deserialize_with = "whole")]
    pub excess_bytes: u64,
}

/// The name of a detector in an alert.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DetectorName {
    /// The name.
    pub name: String,
}

/// Why a file of JSON lines could not be read.
#[derive(Debug, Error)]
pub enum JsonLinesError {
    /// The system could not read it.
    #[error("line {line}: {source}")]
    Read {
        /// Line, from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not what the file should hold.
    #[error("line {line}, column {}: {source}", .source.column())]
    Line {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line is longer than any that is written.
    #[error("line {line}: longer than {LINE_BYTES_MAX} bytes")]
    Long {
        /// Line, from 1.
        line: usize,
    },
    /// There are more lines than are compared.
    #[error("more than {LINES_MAX} lines")]
    Many,
}

/// Reads `truth.jsonl`. Empty lines are passed over.
///
/// # Errors
/// Names the first line that cannot be read.
pub fn read_truth(input: impl BufRead) -> Result<Vec<Truth>, JsonLinesError> {
    read_lines(input)
}

/// Reads `alerts.jsonl`. Empty lines are passed over.
///
/// # Errors
/// Names the first line that cannot be read.
pub fn read_alerts(input: impl BufRead) -> Result<Vec<AlertLine>, JsonLinesError> {
    read_lines(input)
}

/// Writes `truth.jsonl`.
pub(super) fn write_truth(lines: &[Truth], output: &mut impl Write) -> io::Result<()> {
    for line in lines {
        serde_json::to_writer(&mut *output, line)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

fn read_lines<T: DeserializeOwned>(mut input: impl BufRead) -> Result<Vec<T>, JsonLinesError> {
    let mut lines = Vec::new();
    let mut buffer = Vec::new();
    for line in 1.. {
        buffer.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let mut limited = input.by_ref().take(limit);
        let length = limited
            .read_until(b'\n', &mut buffer)
            .map_err(|source| JsonLinesError::Read { line, source })?;
        if length == 0 {
            break;
        }
        if length > LINE_BYTES_MAX {
            return Err(JsonLinesError::Long { line });
        }
        let text = buffer.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if lines.len() >= LINES_MAX {
            return Err(JsonLinesError::Many);
        }
        let read = serde_json::from_slice(text);
        lines.push(read.map_err(|source| JsonLinesError::Line { line, source })?);
    }
    Ok(lines)
}

/// Reads a number that some write with a decimal point.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    f64::deserialize(deserializer).map(|number| number as u64)
}

/// Timestamps as RFC 3339.
pub(super) mod rfc3339 {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let moment: jiff::Timestamp = text.parse().map_err(|_| {
            de::Error::custom(format_args!("`{text}` is not a time as RFC 3339 writes it"))
        })?;
        let nanos = i64::from(moment.subsec_nanosecond());
        Ok(Timestamp::from_parts(moment.as_second(), nanos))
    }
}

/// Timestamps as RFC 3339, or null.
pub(super) mod rfc3339_option {
    use serde::Serializer;

    use crate::time::Timestamp;

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.collect_str(time),
            None => to.serialize_none(),
        }
    }
}

/// Longest line that is read, bytes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Most lines that are read.
const LINES_MAX: usize = 1_000_000;
