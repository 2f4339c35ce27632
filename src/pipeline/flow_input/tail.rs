//! A log that grows, and is renamed for a new one now and then.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::intake::LINE_BYTES_MAX;

/// Reads what is added to a file, from its end on when it is first opened: what it holds by then
/// is the past. When the name stands for another file, the old one is read to its end, and the
/// new one from its beginning.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: Option<Open>,
    /// Whether it has been looked for.
    has_begun: bool,
    /// Bytes of a line that has not ended.
    part: Vec<u8>,
    /// Whether the line that has not ended is too long, and passed over.
    skips: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode, which tell it from others of its name.
    identity: [u64; 2],
    position: u64,
    /// Whether another file has its name, and it was read since.
    is_left: bool,
}

/// What a log brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Another file begins.
    Begins,
    /// A line without its end.
    Line(&'a [u8]),
    /// A line longer than may be.
    TooLong,
}

/// Bytes that are read before others have their turn.
const TURN_BYTES: usize = 4 << 20;

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How far from the beginning of a file its head is looked for.
const HEAD_BYTES: u64 = 64 << 10;

impl Tail {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            has_begun: false,
            part: Vec::new(),
            skips: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over what was added. Says whether there is more.
    ///
    /// # Errors
    /// What the system says; it can be tried again.
    pub(super) fn read(&mut self, take: &mut dyn FnMut(Piece<'_>)) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut left = TURN_BYTES;
        if self.file.is_none() {
            self.open(take)?;
        }
        while let Some(open) = &mut self.file {
            let count = open.file.read(&mut chunk)?;
            if count == 0 {
                if !self.pass_on(take)? {
                    return Ok(false);
                }
                continue;
            }
            open.position += count as u64;
            self.split(&chunk[..count], take);
            left = left.saturating_sub(count);
            if left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// At the end of the file: goes on to the next one, if there is one. Says whether there is
    /// something to read.
    fn pass_on(&mut self, take: &mut dyn FnMut(Piece<'_>)) -> io::Result<bool> {
        let Some(open) = &mut self.file else {
            return Ok(false);
        };
        let now = match fs::metadata(&self.path) {
            // It was renamed, and there is none in its place yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            now => now?,
        };
        if identity(&now) != open.identity {
            // What was written between the last read and the renaming.
            if !std::mem::replace(&mut open.is_left, true) {
                return Ok(true);
            }
            self.file = None;
            self.open(take)?;
            return Ok(self.file.is_some());
        }
        if now.len() < open.position {
            // It was cut, and begins anew.
            open.file.seek(SeekFrom::Start(0))?;
            open.position = 0;
            self.begin(take);
            return Ok(true);
        }
        Ok(false)
    }

    fn open(&mut self, take: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("no plain file"));
        }
        self.begin(take);
        let mut position = 0;
        if is_first {
            let mut head = Vec::new();
            (&mut file).take(HEAD_BYTES).read_to_end(&mut head)?;
            for line in head.split_inclusive(|byte| *byte == b'\n') {
                match line.strip_suffix(b"\n") {
                    Some(line) if line.starts_with(b"#") => take(Piece::Line(line)),
                    _ => break,
                }
            }
            position = end_of_lines(&mut file, metadata.len())?;
            file.seek(SeekFrom::Start(position))?;
        }
        self.file = Some(Open {
            file,
            identity: identity(&metadata),
            position,
            is_left: false,
        });
        Ok(())
    }

    fn begin(&mut self, take: &mut dyn FnMut(Piece<'_>)) {
        self.part.clear();
        self.skips = false;
        take(Piece::Begins);
    }

    fn split(&mut self, bytes: &[u8], take: &mut dyn FnMut(Piece<'_>)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, has_ended) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if self.part.len() + text.len() > LINE_BYTES_MAX {
                self.part.clear();
                self.skips = true;
            }
            if self.skips {
                if has_ended {
                    self.skips = false;
                    take(Piece::TooLong);
                }
                continue;
            }
            if !has_ended {
                self.part.extend_from_slice(text);
                continue;
            }
            if self.part.is_empty() {
                take(Piece::Line(text));
            } else {
                self.part.extend_from_slice(text);
                take(Piece::Line(&self.part));
                self.part.clear();
            }
        }
    }
}

/// Where the last line that is whole ends, as far back as a line may be long.
fn end_of_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let start = length.saturating_sub(LINE_BYTES_MAX as u64);
    file.seek(SeekFrom::Start(start))?;
    let mut last = Vec::new();
    file.take(LINE_BYTES_MAX as u64).read_to_end(&mut last)?;
    let end = last.iter().rposition(|byte| *byte == b'\n');
    Ok(end.map_or(length, |end| start + end as u64 + 1))
}

fn identity(metadata: &fs::Metadata) -> [u64; 2] {
    [metadata.dev(), metadata.ino()]
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut told = Vec::new();
        let mut take = |piece: Piece<'_>| {
            told.push(match piece {
                Piece::Begins => "^".to_owned(),
                Piece::Line(line) => String::from_utf8(line.to_vec()).unwrap(),
                Piece::TooLong => "...".to_owned(),
            });
        };
        while tail.read(&mut take).unwrap() {}
        told
    }

    fn append(path: &Path, text: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_added_is_read_once_through_renaming_and_cutting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conn.log");
        let mut tail = Tail::new(path.clone());
        assert_eq!(read(&mut tail), Vec::<String>::new(), "none yet");
        let mut tail = Tail::new(path.clone());
        append(&path, "#fields\ta\nold\nha");
        assert_eq!(read(&mut tail), ["^", "#fields\ta"]);
        append(&path, "lf\nnew\npa");
        assert_eq!(read(&mut tail), ["half", "new"]);
        append(&path, "rt\n");
        assert_eq!(read(&mut tail), ["part"]);
        fs::rename(&path, folder.path().join("conn.1.log")).unwrap();
        append(&folder.path().join("conn.1.log"), "last\n");
        assert_eq!(read(&mut tail), ["last"]);
        append(&path, "#fields\tb\nfirst\n");
        assert_eq!(read(&mut tail), ["^", "#fields\tb", "first"]);
        fs::write(&path, "cut\n").unwrap();
        assert_eq!(read(&mut tail), ["^", "cut"]);
    }

    #[test]
    fn a_line_without_end_costs_itself_and_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conn.log");
        append(&path, "");
        let mut tail = Tail::new(path.clone());
        assert_eq!(read(&mut tail), ["^"]);
        append(&path, &"x".repeat(9 << 20));
        assert!(read(&mut tail).is_empty() && tail.part.capacity() <= 2 * LINE_BYTES_MAX);
        append(&path, "\nnext\n");
        assert_eq!(read(&mut tail), ["...", "next"]);
    }
}
