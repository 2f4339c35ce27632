//! A file of results that a sensor adds lines to, whatever becomes of the disk.
//!
//! A disk that is full or gone stops no sensor: lines wait in memory, up to a bound, and are put
//! down when it takes them again. A file that was removed or renamed is made anew, so that it can
//! be rotated from outside. A line that a crash or a full disk tore is cut off, since it was never
//! told whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes of lines that wait for the disk at most.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// Bytes at the end of a file in which the end of its last whole line is looked for. A line is
/// shorter.
const TAIL_BYTES: u64 = 1 << 20;

/// What could not be written to the files of results of a run.
#[derive(Debug, Default)]
pub struct ResultCounts {
    failures: AtomicU64,
    lost_lines: AtomicU64,
}

impl ResultCounts {
    /// Times that a file took nothing. Nothing is lost by that alone.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Lines that found no room while a file took nothing.
    pub fn lost_lines(&self) -> u64 {
        self.lost_lines.load(Relaxed)
    }
}

/// A file whose writes never fail: what it does not take waits, and is counted.
#[derive(Debug)]
pub(super) struct ResultFile {
    path: PathBuf,
    file: Option<File>,
    /// Whole lines, and the beginning of one that is still being written.
    waiting: Vec<u8>,
    /// Whether a line is being passed over.
    is_skipping: bool,
    counts: Arc<ResultCounts>,
}

impl ResultFile {
    /// Opens a file to add to it, and makes it where there is none.
    ///
    /// # Errors
    /// Where that cannot be done at the start: then the folder is wrong, and not the moment.
    pub(super) fn open(path: &Path, counts: Arc<ResultCounts>) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Some(opened(path)?),
            waiting: Vec::new(),
            is_skipping: false,
            counts,
        })
    }

    /// Takes bytes of lines, and passes a line over for which there is no room.
    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let has_room = self.waiting.len() + part.len() <= WAITING_BYTES_MAX;
            if !self.is_skipping && !has_room {
                self.is_skipping = true;
                self.waiting.truncate(whole_lines(&self.waiting));
            }
            let is_end = part.ends_with(b"\n");
            if !self.is_skipping {
                self.waiting.extend_from_slice(part);
            } else if is_end {
                self.is_skipping = false;
                self.counts.lost_lines.fetch_add(1, Relaxed);
            }
        }
    }

    /// Puts whole lines down.
    fn put(&mut self) -> io::Result<()> {
        let whole = whole_lines(&self.waiting);
        if whole == 0 {
            return Ok(());
        }
        let mut file = match self.file.take() {
            Some(file) if is_at(&file, &self.path) => file,
            _ => opened(&self.path)?,
        };
        let end = file.metadata()?.len();
        let lines = self.waiting.get(..whole).unwrap_or_default();
        if let Err(error) = file.write_all(lines) {
            // A part of it may be there. Where it cannot be cut off now, it is when the file is
            // opened anew.
            let _ = file.set_len(end);
            return Err(error);
        }
        self.waiting.drain(..whole);
        self.file = Some(file);
        Ok(())
    }
}

impl Write for ResultFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.put().is_err() {
            self.counts.failures.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(bytes: &[u8]) -> usize {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    end.map_or(0, |end| end + 1)
}

/// Opens a file to add to it, and cuts off a line that was torn.
fn opened(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let mut file = options.create(true).read(true).append(true).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(file);
    }
    let length = metadata.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    Read::by_ref(&mut file)
        .take(TAIL_BYTES)
        .read_to_end(&mut tail)?;
    let whole = whole_lines(&tail);
    if whole == 0 && from > 0 {
        // No line of ours is as long; what stands there is left as it is.
        file.write_all(b"\n")?;
    } else if whole < tail.len() {
        file.set_len(from + whole as u64)?;
    }
    Ok(file)
}

/// Whether a path leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &Path) -> (ResultFile, Arc<ResultCounts>) {
        let counts = Arc::new(ResultCounts::default());
        let file = ResultFile::open(path, Arc::clone(&counts)).unwrap();
        (file, counts)
    }

    fn write(file: &mut ResultFile, text: &str) {
        file.write_all(text.as_bytes()).unwrap();
        file.flush().unwrap();
    }

    #[test]
    fn a_line_that_a_crash_tore_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        for (found, left) in [
            ("{}\n{\"a\":", "{}\n"),
            ("{\"a\":", ""),
            ("", ""),
            ("{}\n", "{}\n"),
        ] {
            fs::write(&path, found).unwrap();
            let (mut file, _) = file(&path);
            write(&mut file, "{\"b\":1}\n");
            let now = fs::read_to_string(&path).unwrap();
            assert_eq!(now, format!("{left}{{\"b\":1}}\n"), "{found:?}");
        }
    }

    #[test]
    fn lines_wait_for_a_disk_that_is_away_and_no_more_of_them_than_there_is_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let (out, away) = (folder.path().join("out"), folder.path().join("away"));
        fs::create_dir(&out).unwrap();
        let path = out.join("alerts.jsonl");
        let (mut file, counts) = file(&path);
        write(&mut file, "1\n");
        fs::rename(&out, &away).unwrap();
        write(&mut file, "2\n");
        let long = format!("{}\n", "x".repeat(WAITING_BYTES_MAX - 4));
        write(&mut file, &long);
        write(&mut file, "lost\nlost\n");
        // In parts, as a long line comes.
        file.write_all(b"lo").unwrap();
        file.write_all(b"st\n3\n").unwrap();
        file.flush().unwrap();
        assert!(counts.failures() >= 3, "{counts:?}");
        assert_eq!(counts.lost_lines(), 3 + 1);
        fs::create_dir(&out).unwrap();
        file.flush().unwrap();
        write(&mut file, "4\n");
        let now = fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = now.lines().map(|line| &line[..1]).collect();
        assert_eq!(lines, ["2", "x", "4"]);
        assert_eq!(
            fs::read_to_string(away.join("alerts.jsonl")).unwrap(),
            "1\n"
        );
    }

    #[test]
    fn a_file_that_was_renamed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        let (mut file, counts) = file(&path);
        write(&mut file, "1\n");
        fs::rename(&path, folder.path().join("alerts.jsonl.1")).unwrap();
        write(&mut file, "2\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "2\n");
        assert_eq!(counts.failures(), 0);
    }
}
