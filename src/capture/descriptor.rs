//! The bytes of a file, a pipe or standard input, as they come and without ever waiting.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::error::{CaptureError, is_standard_input, one_line, path_text};

/// An open file, pipe or standard input. A read that would have to wait gives
/// [`ErrorKind::WouldBlock`].
pub(super) struct Descriptor {
    file: File,
    kind: Kind,
    position_bytes: u64,
    size_bytes: Option<u64>,
    /// What was read already, and is to be read again before anything else.
    ahead: io::Cursor<Vec<u8>>,
    rotation: Option<&'static str>,
}

enum Kind {
    /// Ends at its end.
    Regular,
    /// Says by a poll whether a read would wait.
    Pipe,
    /// A regular file that may grow, known by its name and its inode.
    Followed { path: PathBuf, inode: (u64, u64) },
}

impl Descriptor {
    /// Opens `path`; `-` is standard input. A regular file that is followed has no end.
    pub(super) fn open(path: &Path, follows: bool) -> Result<Self, CaptureError> {
        let unreadable = |error: io::Error| unreadable(path_text(path), &error);
        let file = if is_standard_input(path) {
            File::from(
                io::stdin()
                    .as_fd()
                    .try_clone_to_owned()
                    .map_err(unreadable)?,
            )
        } else {
            // Without this flag a named pipe holds the caller until somebody writes to it.
            OpenOptions::new()
                .read(true)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(path)
                .map_err(unreadable)?
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            let path = path_text(path);
            return Err(CaptureError::Directory { path });
        }
        let kind = match metadata.is_file() {
            false => Kind::Pipe,
            true if follows && !is_standard_input(path) => Kind::Followed {
                path: path.to_owned(),
                inode: inode(&metadata),
            },
            true => Kind::Regular,
        };
        Ok(Self {
            file,
            kind,
            position_bytes: 0,
            size_bytes: metadata.is_file().then_some(metadata.len()),
            ahead: io::Cursor::default(),
            rotation: None,
        })
    }

    /// Bytes read so far.
    pub(super) const fn position_bytes(&self) -> u64 {
        self.position_bytes
    }

    /// Length in bytes when it was opened; unknown for a pipe.
    pub(super) const fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// What became of a followed file that is not the same any more.
    pub(super) const fn rotation(&self) -> Option<&'static str> {
        self.rotation
    }

    /// Takes back what was read from its beginning.
    pub(super) fn unread(&mut self, bytes: Vec<u8>) {
        self.ahead = io::Cursor::new(bytes);
    }

    /// Sleeps until a read may give something, or `timeout` is over, or a signal came.
    pub(super) fn wait(&self, timeout: Duration) {
        // A duration of more seconds than the field holds is as good as for ever.
        let timeout = Timespec::try_from(timeout).ok();
        // An error is met again, and told, by the read.
        let _ = match self.kind {
            Kind::Pipe => poll(&mut [self.readable()], timeout.as_ref()),
            Kind::Regular | Kind::Followed { .. } => poll(&mut [], timeout.as_ref()),
        };
    }

    fn readable(&self) -> PollFd<'_> {
        PollFd::new(&self.file, PollFlags::IN)
    }

    /// What a followed file has become, if it is not the one that was opened.
    fn rotated(&self) -> Option<&'static str> {
        let Kind::Followed {
            path,
            inode: opened,
        } = &self.kind
        else {
            return None;
        };
        match fs::metadata(path) {
            Ok(it) if inode(&it) != *opened => Some("was replaced by another file"),
            Ok(it) if it.len() < self.position_bytes => Some("was truncated"),
            Ok(_) => None,
            Err(_) => Some("was removed or renamed"),
        }
    }
}

impl Read for Descriptor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.ahead.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        if matches!(self.kind, Kind::Pipe) {
            let at_once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            match poll(&mut [self.readable()], Some(&at_once)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Err(ErrorKind::WouldBlock.into()),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let count = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if count == 0 && matches!(self.kind, Kind::Followed { .. }) {
            self.rotation = self.rotated();
            return Err(match self.rotation {
                Some(what) => io::Error::other(what),
                None => ErrorKind::WouldBlock.into(),
            });
        }
        self.position_bytes = self.position_bytes.saturating_add(count as u64);
        Ok(count)
    }
}

fn inode(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn unreadable(path: String, error: &io::Error) -> CaptureError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => CaptureError::NotFound { path },
        ErrorKind::PermissionDenied => CaptureError::Permission { path },
        _ => CaptureError::Open {
            path,
            message: one_line(&error.to_string()),
        },
    }
}
