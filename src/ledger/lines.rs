//! Lines of a file, each of bounded length.

use std::io::{self, BufRead, Read};

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line; its line feed is not kept.
    Whole,
    /// The end of the file stands where a line feed should.
    Torn,
    /// More bytes than a line may have.
    TooLong,
    /// Nothing: the file has ended.
    End,
}

/// Reads a line of at most `bytes_max` bytes into `line`.
pub(super) fn read_line(
    reader: &mut dyn BufRead,
    line: &mut Vec<u8>,
    bytes_max: usize,
) -> io::Result<Line> {
    line.clear();
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader.take(limit).read_until(b'\n', line)?;
    Ok(match line.last() {
        None => Line::End,
        Some(b'\n') => {
            line.pop();
            Line::Whole
        }
        Some(_) if line.len() > bytes_max => Line::TooLong,
        Some(_) => Line::Torn,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_torn_or_too_long() {
        let mut text = &b"ab\n\nabcd\nabcde\nx"[..];
        let mut line = Vec::new();
        let mut next = || (read_line(&mut text, &mut line, 4).unwrap(), line.len());
        assert_eq!(next(), (Line::Whole, 2));
        assert_eq!(next(), (Line::Whole, 0));
        assert_eq!(next(), (Line::Whole, 4));
        assert_eq!(next(), (Line::TooLong, 5));
        assert_eq!(next(), (Line::Whole, 0), "the rest of it");
        assert_eq!(next(), (Line::Torn, 1));
        assert_eq!(next(), (Line::End, 0));
    }
}
