//! Records that others made of packets to transfers: NetFlow, IPFIX and sFlow as they come,
//! Zeek's conn.log, and plain CSV.
//!
//! A file is read line by line. A line that cannot be believed is told with its number and
//! why, and the next one is read. Read to learn from it, a connection of conn.log counts at its
//! end, when its bytes are known, so that a long one looks like a burst.
//!
//! What comes while it happens goes through a [`Collector`], which knows exporters and their
//! templates, and waits in a [`Schedule`] until it counts, so that a long flow is spread over its
//! time.

mod collector;
mod config;
mod conn_log;
mod counts;
mod csv;
mod exports;
mod lines;
mod netflow;
mod once;
mod record;
mod schedule;
mod sflow;
mod window;

pub use collector::{Collector, News};
pub use config::{Admitted, EXPORTER_ENTRIES_MAX, ExporterConfig, FlowInputConfig};
pub use counts::{Counts, Format, Late, Lost, PassedOver, Refusal};
pub use lines::LINE_BYTES_MAX;
pub use schedule::Schedule;
pub use window::{WINDOW_TRANSFERS, Window};

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::geo::Geo;
use crate::time::Timestamp;
use crate::transfer::Transfer;

use conn_log::{Fields, conn_log_json, conn_log_line};
use csv::Header;
use lines::{Line, Lines};

/// Reads the transfers of one file.
pub struct Records<R> {
    lines: Lines<R>,
    form: Form,
    /// Lines with records that were read, the bad ones too.
    pub records: u64,
    /// Directions whose bytes the record does not tell; they count as none.
    pub unknown_bytes: u64,
}

impl<R> std::fmt::Debug for Records<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("form", &self.form)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// A line of which no transfer can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, the first being 1.
    pub line: u64,
    /// What is wrong, and what was expected.
    pub reason: String,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// An export.
    Transfer(Transfer),
    /// A record that exported nothing.
    NoExport,
    /// Nothing that can be believed.
    Bad(BadLine),
}

/// How the lines are written, told by the first of them.
#[derive(Debug)]
enum Form {
    Unknown,
    ConnLog(Fields),
    ConnLogJson,
    Csv(Header),
}

/// What one record comes to: a transfer, or none; and whether its bytes are not known.
#[derive(Debug, Default)]
struct Made {
    transfer: Option<Transfer>,
    is_unknown: bool,
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

/// Reads lines of a conn.log that is being written.
#[derive(Debug)]
pub struct ConnLog {
    form: Form,
}

impl Default for ConnLog {
    fn default() -> Self {
        Self {
            form: Form::Unknown,
        }
    }
}

impl ConnLog {
    /// Takes a line without its end, which was read at `now`.
    ///
    /// # Errors
    /// What is wrong with it; it is counted, and the next one can be taken.
    pub fn line(
        &mut self,
        line: &[u8],
        now: Timestamp,
        geo: &Geo,
        (collector, schedule): (&mut Collector, &mut Schedule),
    ) -> Result<(), String> {
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned());
        let made = text.and_then(|text| match text.trim().is_empty() {
            true => Ok(None),
            false => self.form.read(text, geo),
        });
        let counts = &mut collector.counts;
        match made {
            Ok(None) => {}
            Ok(Some(made)) => {
                counts.records[Format::ConnLog as usize] += 1;
                if made.is_unknown {
                    counts.pass_over(PassedOver::Empty, 1);
                }
                if let Some(transfer) = made.transfer {
                    collector.connection(&transfer, made.duration_ms, now, schedule);
                }
            }
            Err(reason) => {
                counts.pass_over(PassedOver::BadLine, 1);
                return Err(reason);
            }
        }
        Ok(())
    }
}

/// Opens a file, plain or packed with gzip.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<Records<Box<dyn BufRead>>> {
    let mut plain = BufReader::new(File::open(path)?);
    let is_packed = plain.fill_buf()?.starts_with(&GZIP_MAGIC);
    let reader: Box<dyn BufRead> = if is_packed {
        Box::new(BufReader::new(MultiGzDecoder::new(plain)))
    } else {
        Box::new(plain)
    };
    Ok(Records::new(reader))
}

impl<R: BufRead> Records<R> {
    /// Reads from the first line on.
    pub const fn new(reader: R) -> Self {
        Self {
            lines: Lines::new(reader),
            form: Form::Unknown,
            records: 0,
            unknown_bytes: 0,
        }
    }

    /// The next record; nothing at the end. `geo` tells the ends of a connection.
    ///
    /// # Errors
    /// What the system says; packed bytes that contradict themselves, too.
    pub fn next(&mut self, geo: &Geo) -> io::Result<Option<Record>> {
        loop {
            let made = match self.lines.next()? {
                None => return Ok(None),
                Some(Line::TooLong) => Err(format!("longer than {LINE_BYTES_MAX} bytes")),
                Some(Line::Text(line)) => match std::str::from_utf8(line) {
                    Err(_) => Err("not UTF-8".to_owned()),
                    Ok(text) if text.trim().is_empty() => continue,
                    Ok(text) => match self.form.read(text, geo) {
                        Ok(None) => continue,
                        Ok(Some(made)) => Ok(made),
                        Err(reason) => Err(reason),
                    },
                },
            };
            self.records += 1;
            let line = self.lines.number;
            return Ok(Some(match made {
                Ok(made) => {
                    self.unknown_bytes += u64::from(made.is_unknown);
                    made.transfer.map_or(Record::NoExport, Record::Transfer)
                }
                Err(reason) => Record::Bad(BadLine { line, reason }),
            }));
        }
    }
}

impl Form {
    /// What a line comes to; nothing if it is none of the records.
    fn read(&mut self, text: &str, geo: &Geo) -> Result<Option<Made>, String> {
        if matches!(self, Self::Unknown) {
            *self = match text.as_bytes().first() {
                Some(b'#') => Self::ConnLog(Fields::default()),
                Some(b'{') => Self::ConnLogJson,
                _ => {
                    *self = Self::Csv(Header::read(text)?);
                    return Ok(None);
                }
            };
        }
        match self {
            Self::ConnLog(fields) if text.starts_with('#') => fields.header(text).map(|()| None),
            Self::ConnLog(fields) => conn_log_line(fields, text, geo).map(Some),
            Self::ConnLogJson => conn_log_json(text, geo).map(Some),
            Self::Csv(header) => header.transfer(text).map(Some),
            Self::Unknown => Ok(None),
        }
    }
}

/// A moment as RFC 3339 or as seconds since the epoch.
fn time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is no time: write 2026-03-02T08:00:00Z or epoch seconds");
    if let Ok(seconds) = text.parse::<f64>() {
        let believed = (0.0..EPOCH_SECONDS_MAX).contains(&seconds);
        let nanos = believed.then_some((seconds * 1e9) as u64);
        return nanos.map(Timestamp::from_nanos).ok_or_else(wrong);
    }
    let moment: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    let nanos = u64::try_from(moment.as_nanosecond()).map_err(|_| wrong())?;
    Ok(Timestamp::from_nanos(nanos))
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The year 2100: what claims to be later is no time of a record.
const EPOCH_SECONDS_MAX: f64 = 4_102_444_800.0;

#[cfg(test)]
mod tests;
