//! A file of lines that is renamed when it is large, and of which so many are kept.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::SendError;

/// Lines that are added to a file: `alerts.log`, then `alerts.log.1` and so on, the oldest last.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    rotate_bytes: u64,
    rotate_files: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    inode: u64,
}

impl RotatingFile {
    /// Names a file that is opened when there is something to write. It is renamed before it
    /// would have more than `rotate_bytes`, and `rotate_files` older ones are kept.
    pub const fn new(path: PathBuf, rotate_bytes: u64, rotate_files: u32) -> Self {
        Self {
            path,
            rotate_bytes,
            rotate_files,
            open: None,
        }
    }

    /// Writes a line and syncs it. `header` is what a new file begins with, `footer` what one
    /// ends with that is complete.
    ///
    /// # Errors
    /// Where the file cannot be written; nothing of the line is left in it then.
    pub fn send(&mut self, line: &str, header: &str, footer: &str) -> Result<(), SendError> {
        let line = format!("{line}\n");
        let written = self.write(&line, header, footer);
        let synced = written.and_then(|()| match &self.open {
            Some(open) => open.file.sync_data(),
            None => Ok(()),
        });
        self.told(synced)
    }

    /// Writes lines, each with its line feed, and does not sync them. They stay in one file.
    ///
    /// # Errors
    /// Where the file cannot be written; nothing of the lines is left in it then.
    pub fn send_lines(&mut self, lines: &str, header: &str, footer: &str) -> Result<(), SendError> {
        let written = self.write(lines, header, footer);
        self.told(written)
    }

    fn told(&mut self, result: io::Result<()>) -> Result<(), SendError> {
        result.map_err(|error| {
            self.open = None;
            SendError::Later(format!("{}: {error}", self.path.display()))
        })
    }

    fn write(&mut self, lines: &str, header: &str, footer: &str) -> io::Result<()> {
        let line_bytes = lines.len() as u64;
        let mut open = match self.open.take() {
            Some(open) if is_at(&open, &self.path) => open,
            _ => self.open()?,
        };
        if open.bytes > 0 && open.bytes.saturating_add(line_bytes) > self.rotate_bytes {
            open.add(footer)?;
            self.rotate()?;
            open = self.open()?;
        }
        if open.bytes == 0 {
            open.add(header)?;
        }
        open.add(lines)?;
        self.open = Some(open);
        Ok(())
    }

    /// Opens the file to add to it. A last line that a crash tore is cut off.
    fn open(&self) -> io::Result<Open> {
        if let Some(folder) = self.path.parent()
            && !folder.as_os_str().is_empty()
        {
            fs::create_dir_all(folder)?;
        }
        let mut options = File::options();
        let mut file = options
            .create(true)
            .read(true)
            .append(true)
            .open(&self.path)?;
        let about = file.metadata()?;
        let mut bytes = about.len();
        if about.is_file() {
            let whole = whole_bytes(&mut file, bytes)?;
            if whole < bytes {
                file.set_len(whole)?;
                bytes = whole;
            }
        }
        Ok(Open {
            file,
            bytes,
            inode: about.ino(),
        })
    }

    /// `name.1` becomes `name.2` and so on; the oldest is written over.
    fn rotate(&self) -> io::Result<()> {
        if self.rotate_files == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.rotate_files).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Open {
    fn add(&mut self, text: &str) -> io::Result<()> {
        match self.file.write_all(text.as_bytes()) {
            Ok(()) => {
                self.bytes += text.len() as u64;
                Ok(())
            }
            Err(error) => {
                let _ = self.file.set_len(self.bytes);
                Err(error)
            }
        }
    }
}

/// Whether the path still leads to the file, which somebody else may have renamed.
fn is_at(open: &Open, path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.ino() == open.inode)
}

/// Bytes up to and with the last line feed, looked for in [`TAIL_BYTES`] at the end.
fn whole_bytes(file: &mut File, bytes: u64) -> io::Result<u64> {
    let start = bytes.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let feed = tail.iter().rposition(|byte| *byte == b'\n');
    let none = if start == 0 { 0 } else { bytes };
    Ok(feed.map_or(none, |feed| start + feed as u64 + 1))
}

/// The end of a file that is looked at; lines are shorter.
const TAIL_BYTES: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_file_is_renamed_before_it_is_too_large_and_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/a.log");
        let mut file = RotatingFile::new(path.clone(), 20, 2);
        for number in 0..7 {
            let line = format!("line {number}");
            file.send(&line, "#head\n", "#end\n").unwrap();
        }
        assert_eq!(text(&path), "#head\nline 6\n");
        let older = |number| text(&file.numbered(number));
        assert_eq!(older(1), "#head\nline 4\nline 5\n#end\n");
        assert_eq!(older(2), "#head\nline 2\nline 3\n#end\n");
        assert!(!file.numbered(3).exists());
    }

    #[test]
    fn a_torn_line_is_cut_off_and_a_renamed_file_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(&path, "whole\ntor").unwrap();
        let mut file = RotatingFile::new(path.clone(), 1_000, 1);
        file.send("next", "", "").unwrap();
        assert_eq!(text(&path), "whole\nnext\n");
        let moved = folder.path().join("moved");
        fs::rename(&path, &moved).unwrap();
        file.send("after", "", "").unwrap();
        assert_eq!(text(&path), "after\n");
        assert_eq!(text(&moved), "whole\nnext\n");
    }

    #[test]
    fn a_full_disk_is_told_and_may_be_tried_again() {
        let mut file = RotatingFile::new("/dev/full".into(), 1_000, 1);
        let error = file.send("x", "", "").unwrap_err();
        assert!(matches!(&error, SendError::Later(why) if why.contains("/dev/full")));
    }
}
