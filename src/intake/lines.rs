//! Lines of bounded length.

use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 65_536;

/// Numbers lines and never holds more than one.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    /// Of the last line, the first being 1.
    pub(super) number: u64,
}

pub(super) enum Line<'a> {
    /// Without its end.
    Text(&'a [u8]),
    /// It was skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            number: 0,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        if self.part()? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut is_too_long = false;
        while self.line.last() != Some(&b'\n') && self.line.len() > LINE_BYTES_MAX {
            is_too_long = true;
            if self.part()? == 0 {
                break;
            }
        }
        if is_too_long {
            return Ok(Some(Line::TooLong));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Line::Text(line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Reads to the end of the line, or one byte more than a line may have.
    fn part(&mut self) -> io::Result<usize> {
        self.line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        (&mut self.reader)
            .take(most)
            .read_until(b'\n', &mut self.line)
    }
}
