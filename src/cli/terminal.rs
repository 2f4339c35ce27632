//! What people see: text for standard output, complaints for standard error.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use crate::alert::Severity;
use crate::report::harmless;
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
            Severity::Low => [CYAN, PLAIN],
            Severity::Medium => [YELLOW, PLAIN],
            Severity::High | Severity::Critical => [RED, PLAIN],
        };
        if self.colours {
            let [before, after] = colour;
            format!("{before}{name}{after}")
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
            .write_all(self.fit(text).as_bytes())
            .and_then(|()| output.flush());
        written.map_err(|error| SinkError::io("standard output", "write", error))
    }

    /// Writes a line to standard error. Where that is gone there is nobody to tell.
    pub(super) fn complain(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "borderflow: {}", harmless(text));
    }

    /// Writes text to standard error.
    pub(super) fn tell(&self, text: &str) {
        let _ = io::stderr().lock().write_all(self.fit(text).as_bytes());
    }

    /// Text with no control but line feeds, tabs, and the colours of severities if they are used.
    fn fit<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.colours {
            return harmless(text);
        }
        let mut fit = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, sequence)) = first_colour(rest) {
            let (before, behind) = rest.split_at(at);
            fit.push_str(&harmless(before));
            fit.push_str(sequence);
            rest = behind.get(sequence.len()..).unwrap_or_default();
        }
        fit.push_str(&harmless(rest));
        fit.into()
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

/// Colours of severities, and the end of each (ECMA-48 section 8.3.117).
const CYAN: &str = "\u{1b}[1;36m";
const YELLOW: &str = "\u{1b}[1;33m";
const RED: &str = "\u{1b}[1;31m";
const PLAIN: &str = "\u{1b}[0m";

/// The first of these in a text, and where it begins.
fn first_colour(text: &str) -> Option<(usize, &'static str)> {
    let found = [CYAN, YELLOW, RED, PLAIN];
    let found = found.map(|sequence| text.find(sequence).map(|at| (at, sequence)));
    found.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_passes_but_our_own_colours() {
        let hostile = "a\u{1b}[2J\r\u{9b}\u{7f}\u{202e}b\0\n\tc\u{2028}";
        let shown = "a\\u001b[2J\\u000d\\u009b\\u007f\\u202eb\\u0000\n\tc\\u2028";
        for colours in [false, true] {
            let terminal = Terminal { width: 80, colours };
            assert_eq!(terminal.fit(hostile), shown);
            let text = format!("{} {hostile}", terminal.severity(Severity::High));
            let name = if colours {
                "\u{1b}[1;31mHIGH    \u{1b}[0m"
            } else {
                "HIGH    "
            };
            assert_eq!(terminal.fit(&text), format!("{name} {shown}"));
        }
    }

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
