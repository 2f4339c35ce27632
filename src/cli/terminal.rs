//! What people see: text for standard output, complaints for standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use crate::alert::Severity;
use crate::sink::SinkError;

/// Where text goes, and how wide it may be.
#[derive(Debug)]
pub(super) struct Terminal {
    width: usize,
    /// Whether colours may be used (<https://no-color.org>).
    colours: bool,
}

/// Width in columns where standard output is no terminal, and the most that is used of one.
const WIDTH_DEFAULT: usize = 80;
const WIDTH_MAX: usize = 120;
const WIDTH_MIN: usize = 40;

impl Terminal {
    pub(super) fn new() -> Self {
        let columns = rustix::termios::tcgetwinsize(io::stdout())
            .map_or(WIDTH_DEFAULT, |size| usize::from(size.ws_col));
        let width = if columns == 0 { WIDTH_DEFAULT } else { columns };
        Self {
            width: width.clamp(WIDTH_MIN, WIDTH_MAX),
            colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// A severity in capitals, in a column of its own, and in a colour where that shows.
    pub(super) fn severity(&self, severity: Severity) -> String {
        let name = format!("{:<8}", severity.name().to_uppercase());
        let colour = match severity {
            Severity::Low => 36,
            Severity::Medium => 33,
            Severity::High | Severity::Critical => 31,
        };
        if self.colours {
            format!("\u{1b}[1;{colour}m{name}\u{1b}[0m")
        } else {
            name
        }
    }

    /// Whether a person watches standard error.
    pub(super) fn is_watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Writes text to standard output.
    pub(super) fn print(&self, text: &str) -> Result<(), SinkError> {
        let mut output = io::stdout().lock();
        let written = output
            .write_all(text.as_bytes())
            .and_then(|()| output.flush());
        written.map_err(|error| SinkError::io("standard output", "write", error))
    }

    /// Writes a line to standard error. Where that is gone there is nobody to tell.
    pub(super) fn complain(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "borderflow: {text}");
    }

    /// Writes text to standard error.
    pub(super) fn tell(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Breaks text into lines that fit, each behind `indent` spaces.
    pub(super) fn wrap(&self, text: &str, indent: usize) -> String {
        let mut wrapped = String::new();
        let mut column = 0;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > self.width {
                wrapped.push('\n');
                column = 0;
            }
            if column == 0 {
                let _ = write!(wrapped, "{:indent$}{word}", "");
                column = indent + length;
            } else {
                let _ = write!(wrapped, " {word}");
                column += 1 + length;
            }
        }
        wrapped.push('\n');
        wrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_lose_no_word() {
        let terminal = Terminal {
            width: 20,
            colours: false,
        };
        let wrapped = terminal.wrap(
            "one two three four five six a-word-that-is-too-long-for-it x",
            4,
        );
        let words: Vec<_> = wrapped.split_whitespace().collect();
        assert_eq!(words.len(), 8);
        for line in wrapped.lines() {
            assert!(line.starts_with("    "), "{line}");
            assert!(
                line.len() <= 20 || line.split_whitespace().count() == 1,
                "{line}"
            );
        }
    }
}
