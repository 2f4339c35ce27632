//! Lists that operators keep in files: tables in CSV (RFC 4180) to rows, and complaints that
//! name the place.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use csv::ByteRecord;
use thiserror::Error;

/// Rows of a list, in a table or in TOML.
pub const ROWS_MAX: usize = 200_000;

/// Bytes of a cell of a table, and of a list within one.
pub const CELL_BYTES_MAX: usize = 1_024;

/// The largest file of a list that is read, in bytes.
pub const LIST_BYTES_MAX: u64 = 64 << 20;

/// What is wrong in a list, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ListError {
    /// The file.
    pub file: String,
    /// Line, the first being 1; 0 where it is about the whole file.
    pub line: usize,
    /// Where in the line.
    pub column: Column,
    /// What, and the fix.
    pub message: String,
}

/// Where in a line something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// It is about the whole line.
    Whole,
    /// In a column of a table, by its name.
    Named(String),
    /// At a character, the first being 1.
    Character(usize),
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        match &self.column {
            Column::Whole => {}
            Column::Named(name) => write!(f, " column `{name}`:")?,
            Column::Character(number) => write!(f, "{number}:")?,
        }
        write!(f, " {}", self.message)
    }
}

impl ListError {
    /// One about a whole line, or with line 0 about the whole file.
    pub fn of_line(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column: Column::Whole,
            message: message.into(),
        }
    }

    /// One about a byte of a text.
    pub fn of_offset(file: &str, text: &str, offset: usize, message: &str) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: Column::Character(column.chars().count() + 1),
            message: one_line(message),
        }
    }
}

/// Reads TOML to a type. A byte order mark is passed over.
///
/// # Errors
/// Names line and column.
pub fn read_toml<T: serde::de::DeserializeOwned>(text: &str, file: &str) -> Result<T, ListError> {
    let text = without_mark(text);
    toml::from_str(text).map_err(|said| {
        let offset = said.span().map_or(0, |span| span.start);
        ListError::of_offset(file, text, offset, said.message())
    })
}

/// The text behind its byte order mark.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads a file of at most [`LIST_BYTES_MAX`].
///
/// # Errors
/// Names the file and what the system says.
pub fn read_list(path: &Path) -> Result<Vec<u8>, ListError> {
    let name = path.display().to_string();
    let error = |said: std::io::Error| ListError::of_line(&name, 0, said.to_string());
    let mut bytes = Vec::new();
    // One byte more than may be, so that a device without an end is found out too.
    let file = File::open(path).map_err(error)?;
    let mut bounded = file.take(LIST_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        let message = "larger than a list can be (64 MiB): split it";
        return Err(ListError::of_line(&name, 0, message));
    }
    Ok(bytes)
}

/// Bytes as text.
///
/// # Errors
/// Names the line that is not UTF-8.
pub fn utf8<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, ListError> {
    std::str::from_utf8(bytes).map_err(|said| {
        let before = bytes.get(..said.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        ListError::of_line(file, line, NOT_UTF8)
    })
}

/// The lines of a text, to find which one a byte is in.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Finds the lines of a text.
    pub fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line in which a byte is, the first being 1.
    pub fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}

/// A table that is read row by row. Each cell is UTF-8 without control characters, and not
/// longer than [`CELL_BYTES_MAX`].
#[derive(Debug)]
pub struct Table<'a> {
    file: Arc<str>,
    bytes: &'a [u8],
    reader: csv::Reader<&'a [u8]>,
    record: ByteRecord,
    /// The columns that may be there.
    known: &'static [&'static str],
    /// In which column of the file each of `known` is.
    places: Vec<Option<usize>>,
    /// The columns of the file, as places in `known`.
    header: Vec<usize>,
    rows: usize,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    file: &'a str,
    /// The line on which it begins, the first being 1.
    pub line: usize,
    record: &'a ByteRecord,
    known: &'static [&'static str],
    places: &'a [Option<usize>],
}

impl<'a> Table<'a> {
    /// Reads the header: names out of `known`, in any order, `needed` among them.
    ///
    /// # Errors
    /// An empty file, a column that is not known or stands twice, or one that is missing.
    pub fn open(
        bytes: &'a [u8],
        file: &str,
        known: &'static [&'static str],
        needed: &[&str],
    ) -> Result<Self, ListError> {
        let bytes = bytes.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(bytes);
        let mut builder = csv::ReaderBuilder::new();
        // What a header is, and that rows are as long, is checked here, to name the fix.
        let reader = builder.has_headers(false).flexible(true);
        let reader = reader.from_reader(bytes);
        let mut table = Self {
            file: file.into(),
            bytes,
            reader,
            record: ByteRecord::new(),
            known,
            places: vec![None; known.len()],
            header: Vec::new(),
            rows: 0,
        };
        let Some(line) = table.advance()? else {
            let message = format!("no header: begin with the line {}", needed.join(","));
            return Err(ListError::of_line(file, 0, message));
        };
        table.read_header(line, needed)?;
        Ok(table)
    }

    /// The file, as errors name it.
    pub const fn file(&self) -> &Arc<str> {
        &self.file
    }

    fn read_header(&mut self, line: usize, needed: &[&str]) -> Result<(), ListError> {
        let error = |message| Err(ListError::of_line(&self.file, line, message));
        for (column, name) in self.record.iter().enumerate() {
            let name = utf8(name, &self.file).map_err(|_| self.not_utf8(line))?;
            let name = shown(name.trim());
            let Some(place) = self.known.iter().position(|known| *known == name) else {
                let all = self.known.join(", ");
                let split = match name.contains([';', '\t']) && self.record.len() == 1 {
                    true => "put commas between columns; ",
                    false => "",
                };
                return error(format!("unknown column `{name}`: {split}columns are {all}"));
            };
            match self.places.get_mut(place) {
                Some(free @ None) => *free = Some(column),
                _ => return error(format!("column `{name}` stands twice: remove one")),
            }
            self.header.push(place);
        }
        for name in needed {
            let place = self.known.iter().position(|known| known == name);
            let found = place.and_then(|place| self.places.get(place).copied().flatten());
            if found.is_none() {
                return error(format!("no column `{name}`: add it to the header"));
            }
        }
        Ok(())
    }

    /// The next row; rows without a letter in any cell are passed over.
    ///
    /// # Errors
    /// Names the line, and the column that cannot be read.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, ListError> {
        let line = loop {
            let Some(line) = self.advance()? else {
                return Ok(None);
            };
            if self.record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                break line;
            }
        };
        self.check(line)?;
        Ok(Some(Row {
            file: &self.file,
            line,
            record: &self.record,
            known: self.known,
            places: &self.places,
        }))
    }

    /// Reads a record, and says on which line it begins.
    fn advance(&mut self) -> Result<Option<usize>, ListError> {
        let (byte, line) = (self.reader.position().byte(), self.reader.position().line());
        let read = self.reader.read_byte_record(&mut self.record);
        // The position is that before the empty lines that were passed over.
        let ahead = usize::try_from(byte)
            .ok()
            .and_then(|at| self.bytes.get(at..));
        let ahead = ahead.unwrap_or_default().iter();
        let empty = ahead.take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let empty = empty.filter(|byte| **byte == b'\n').count();
        let line = usize::try_from(line)
            .unwrap_or(usize::MAX)
            .saturating_add(empty);
        match read {
            Ok(true) => Ok(Some(line)),
            Ok(false) => Ok(None),
            Err(said) => Err(ListError::of_line(&self.file, line, said.to_string())),
        }
    }

    fn check(&mut self, line: usize) -> Result<(), ListError> {
        self.rows += 1;
        let error = |message| Err(ListError::of_line(&self.file, line, message));
        if self.rows > ROWS_MAX {
            return error(format!("more than {ROWS_MAX} rows: split the list"));
        }
        let (has, needs) = (self.record.len(), self.header.len());
        if has != needs {
            return error(format!(
                "{has} cells where the header has {needs}: put cells that hold a comma in \
                 quotation marks"
            ));
        }
        for (cell, place) in self.record.iter().zip(&self.header) {
            let complaint = match std::str::from_utf8(cell) {
                _ if cell.len() > CELL_BYTES_MAX => {
                    format!("longer than {CELL_BYTES_MAX} bytes: is a quotation mark missing?")
                }
                Err(_) => NOT_UTF8.to_owned(),
                Ok(text) if text.contains(char::is_control) => {
                    "a line break or control character: is a quotation mark missing?".to_owned()
                }
                Ok(_) => continue,
            };
            return Err(ListError {
                column: Column::Named(self.known.get(*place).copied().unwrap_or("").to_owned()),
                ..ListError::of_line(&self.file, line, complaint)
            });
        }
        Ok(())
    }

    fn not_utf8(&self, line: usize) -> ListError {
        ListError::of_line(&self.file, line, NOT_UTF8)
    }
}

impl<'a> Row<'a> {
    /// The text of a cell without spaces around it; empty where the column is missing.
    pub fn cell(&self, column: &str) -> &'a str {
        let place = self.known.iter().position(|known| *known == column);
        let column = place.and_then(|place| self.places.get(place).copied().flatten());
        let cell = column.and_then(|column| self.record.get(column));
        let text = cell.and_then(|cell| std::str::from_utf8(cell).ok());
        text.unwrap_or_default().trim()
    }

    /// What a cell says, unless it is empty.
    ///
    /// # Errors
    /// Names the cell that says something else.
    pub fn get<T: TryFrom<String, Error = String>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, ListError> {
        let text = self.cell(column);
        if text.is_empty() {
            return Ok(None);
        }
        let read = T::try_from(text.to_owned());
        read.map(Some).map_err(|said| self.error(column, said))
    }

    /// What a cell that must be filled says.
    ///
    /// # Errors
    /// Names the cell that is empty or says something else.
    pub fn need<T: TryFrom<String, Error = String>>(&self, column: &str) -> Result<T, ListError> {
        let read = self.get(column)?;
        read.ok_or_else(|| self.error(column, "is empty: fill it"))
    }

    /// The items of a cell, between which there is `;`.
    ///
    /// # Errors
    /// Names the cell with an item that says something else.
    pub fn list<T: TryFrom<String, Error = String>>(
        &self,
        column: &str,
    ) -> Result<Vec<T>, ListError> {
        let items = self.cell(column).split(';').map(str::trim);
        let items = items.filter(|item| !item.is_empty());
        let items = items.map(|item| T::try_from(item.to_owned()));
        let read: Result<_, _> = items.collect();
        read.map_err(|said| self.error(column, said))
    }

    /// The whole number of a cell, unless it is empty.
    ///
    /// # Errors
    /// Names the cell that says something else.
    pub fn number<N: std::str::FromStr>(&self, column: &str) -> Result<Option<N>, ListError> {
        let text = self.cell(column);
        if text.is_empty() {
            return Ok(None);
        }
        let fix = "write digits alone, without a sign, unit or separator";
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let read = is_plain.then(|| text.parse().ok()).flatten();
        let message = || format!("`{}` is no whole number in range: {fix}", shown(text));
        read.map(Some).ok_or_else(|| self.error(column, message()))
    }

    /// What `yes` and `no`, or `true` and `false`, in a cell mean; empty is no.
    ///
    /// # Errors
    /// Names the cell that says something else.
    pub fn is_yes(&self, column: &str) -> Result<bool, ListError> {
        match self.cell(column) {
            "yes" | "true" => Ok(true),
            "no" | "false" | "" => Ok(false),
            text => {
                let message = format!("`{}` is neither: write yes or no", shown(text));
                Err(self.error(column, message))
            }
        }
    }

    /// A complaint about a cell.
    pub fn error(&self, column: &str, message: impl Into<String>) -> ListError {
        ListError {
            column: Column::Named(column.to_owned()),
            ..ListError::of_line(self.file, self.line, message)
        }
    }
}

/// A complaint that may quote what it is about, as one line without control characters.
pub fn one_line(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    escaped(message.chars()).collect()
}

/// A text as it is shown in a complaint: not too long, and without control characters.
pub fn shown(text: &str) -> String {
    let start = text.chars().take(SHOWN_CHARACTERS_MAX);
    let more = if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        "..."
    } else {
        ""
    };
    escaped(start).chain(more.chars()).collect()
}

fn escaped(letters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    letters.flat_map(|one| match one.is_control() {
        true => one.escape_debug().collect(),
        false => vec![one],
    })
}

const SHOWN_CHARACTERS_MAX: usize = 80;

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

const NOT_UTF8: &str = "not UTF-8: save the file as UTF-8";
