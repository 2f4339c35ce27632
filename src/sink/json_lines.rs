//! One JSON object per line, to a file or a stream.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

use crate::report::harmless;

use super::result_file::{ResultCounts, ResultFile};

/// A writer of JSON lines.
pub struct JsonLines {
    name: String,
    output: BufWriter<Box<dyn Write + Send>>,
    /// The line that is being written.
    line: Vec<u8>,
}

/// Why something could not be written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The reader of a pipe has gone, which ends the work and is no failure.
    #[error("{0}: closed by its reader")]
    Closed(String),
    /// A file or folder cannot be written.
    #[error("{name}: {action}: {source}")]
    Io {
        /// The file, folder or stream.
        name: String,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The output folder is not fit to be one.
    #[error("{name}: {reason}")]
    Unfit {
        /// The folder.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl SinkError {
    /// Wraps a system error; a broken pipe is [`SinkError::Closed`].
    pub fn io(name: &str, action: &'static str, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed(name.to_owned())
        } else {
            Self::Io {
                name: name.to_owned(),
                action,
                source,
            }
        }
    }
}

impl JsonLines {
    /// Opens a file to add to it, and makes it where there is none.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn append(path: &Path) -> Result<Self, SinkError> {
        let name = path.display().to_string();
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|error| SinkError::io(&name, "open", error))?;
        Ok(Self::to(name, Box::new(file)))
    }

    /// Opens a file of a sensor, as [`Self::append`] does. Once it is open nothing fails any more:
    /// what the disk does not take waits, up to 4 MiB, and is counted. A torn line at its end is
    /// cut off, and where the file was renamed or removed another is begun.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn append_patiently(path: &Path, counts: &Arc<ResultCounts>) -> Result<Self, SinkError> {
        let name = path.display().to_string();
        let file = ResultFile::open(path, Arc::clone(counts));
        let file = file.map_err(|error| SinkError::io(&name, "open", error))?;
        Ok(Self::to(name, Box::new(file)))
    }

    /// Writes to a stream that is called `name` in errors.
    pub fn to(name: String, stream: Box<dyn Write + Send>) -> Self {
        Self {
            name,
            output: BufWriter::with_capacity(BUFFER_BYTES, stream),
            line: Vec::new(),
        }
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Where the file or stream does not take it.
    pub fn write(&mut self, line: &impl Serialize) -> Result<(), SinkError> {
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, line).map_err(io::Error::from);
        let harmless = harmless_json(&self.line);
        written
            .and_then(|()| self.output.write_all(&harmless))
            .and_then(|()| self.output.write_all(b"\n"))
            .map_err(|error| SinkError::io(&self.name, "write", error))
    }

    /// Writes lines that are JSON already, each with its line feed.
    ///
    /// # Errors
    /// Where the file or stream does not take them.
    pub fn write_raw(&mut self, lines: &[u8]) -> Result<(), SinkError> {
        self.output
            .write_all(lines)
            .map_err(|error| self.error(error))
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// Where the file or stream does not take it.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        self.output.flush().map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> SinkError {
        SinkError::io(&self.name, "write", error)
    }
}

impl std::fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLines")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// JSON with the same meaning that does no harm to a terminal on which somebody looks at it.
pub(super) fn harmless_json(json: &[u8]) -> Cow<'_, [u8]> {
    let is_plain = json.iter().all(|byte| *byte < 0x7f);
    match (is_plain, str::from_utf8(json)) {
        (false, Ok(text)) => match harmless(text) {
            Cow::Borrowed(text) => text.as_bytes().into(),
            Cow::Owned(text) => text.into_bytes().into(),
        },
        _ => json.into(),
    }
}

const BUFFER_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_full_disk() {
        let mut lines = JsonLines::to("stdout".to_owned(), Box::new(Closed));
        lines.write(&1).unwrap();
        assert!(matches!(lines.flush(), Err(SinkError::Closed(_))));
        let full = SinkError::io("out", "write", io::ErrorKind::StorageFull.into());
        assert!(matches!(full, SinkError::Io { .. }));
    }

    #[test]
    fn each_value_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let mut lines = JsonLines::append(&path).unwrap();
        lines.write(&serde_json::json!({"a": 1})).unwrap();
        lines.write_raw(b"{\"b\":2}\n").unwrap();
        lines.flush().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"a\":1}\n{\"b\":2}\n"
        );
    }
}
