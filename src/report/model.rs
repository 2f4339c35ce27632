//! A report as a document: what is said, and not yet how it is written.
//!
//! All text in it is plain and may hold anything; the writers escape it.

use jiff::civil::Date;

use super::{Kind, Language};
use crate::time::Tick;

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it is about.
    pub kind: Kind,
    /// Its language.
    pub language: Language,
    /// What stands on its first page.
    pub title: String,
    /// Under the title: entity, window, zone, when it was made. Names are stable.
    pub facts: Vec<Figure>,
    /// What a reader has to know before the numbers.
    pub warnings: Vec<String>,
    /// A sentence or two that say it all.
    pub lead: String,
    /// The numbers of the first page.
    pub figures: Vec<Figure>,
    /// The rest.
    pub sections: Vec<Section>,
    /// Name of the table that [`Report::csv`] writes.
    pub main_table: &'static str,
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Stable name of the value, for machines.
    pub name: &'static str,
    /// What it is called.
    pub label: String,
    /// The value.
    pub value: Cell,
    /// What it rests on, or nothing.
    pub note: String,
    /// How it is to be taken.
    pub tone: Tone,
}

/// How a value is to be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Worth a look.
    Warning,
    /// A finding.
    Bad,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Stable name, for machines and for links.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A heading within the section.
    Heading(String),
    /// Sentences.
    Paragraph(String),
    /// Points of equal rank.
    List(Vec<String>),
    /// A box with points that must not be missed.
    Notice(String, Vec<String>),
    /// What only the handler of the data can say.
    Blank(String),
    /// Lines to be typed into a shell.
    Commands(Vec<String>),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
}

/// A table with typed columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Stable name, for machines.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// Rows that did not fit.
    pub rows_not_shown: u64,
    /// What stands in its place where it has no row.
    pub empty: String,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Stable name, for machines, with its unit last.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// What its cells hold.
    pub kind: ColumnKind,
    /// Whether only machines are given it, because a page is not wide enough.
    pub is_detail: bool,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    Text,
    /// Bytes, which may be a lower bound.
    Bytes,
    /// A count, which may be a lower bound.
    Count,
    /// A part of a whole.
    Share,
    /// A day or a moment.
    Time,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// To be completed by the handler.
    Blank,
    /// Words, as they are.
    Text(String),
    /// A word of the ledger: its code for machines, and what it is called.
    Word {
        /// As the ledger has it.
        code: String,
        /// In the language of the report.
        label: String,
        /// How it is to be taken.
        tone: Tone,
    },
    /// Bytes.
    Bytes {
        /// How many.
        value: u64,
        /// Whether there may be more.
        is_lower_bound: bool,
    },
    /// A count.
    Count {
        /// How many.
        value: u64,
        /// Whether there may be more.
        is_lower_bound: bool,
    },
    /// A part of a whole.
    Share {
        /// The part.
        part: u64,
        /// The whole; of 0 there is no share.
        whole: u64,
    },
    /// A day of the time zone of the report.
    Day(Date),
    /// A moment.
    Moment {
        /// When.
        tick: Tick,
        /// In the time zone of the report, with its offset.
        text: String,
    },
}

/// A chart of numbers that a table beside it holds, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Stable name, for machines.
    pub name: &'static str,
    /// What it is called.
    pub title: String,
    /// How it is drawn.
    pub shape: ChartShape,
    /// Names of the bars.
    pub labels: Vec<String>,
    /// One value for each bar; several of these are stacked.
    pub series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartShape {
    /// Upright bars, by time.
    Columns,
    /// Lying bars with their names on the left, by size.
    Bars,
    /// Lying bars of equal length, cut by share.
    Shares,
}

/// The values of a chart that have one colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Stable name, for machines.
    pub code: String,
    /// What it is called.
    pub label: String,
    /// Bytes, one for each bar.
    pub values_bytes: Vec<u64>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(name: &'static str, title: &str, columns: Vec<Column>) -> Self {
        Self {
            name,
            title: title.to_owned(),
            columns,
            rows: Vec::new(),
            rows_not_shown: 0,
            empty: String::new(),
        }
    }

    /// Takes the rows, up to [`ROWS_MAX`]; of the others it keeps how many there are.
    pub(super) fn fill(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        for row in rows {
            if self.rows.len() < ROWS_MAX {
                self.rows.push(row);
            } else {
                self.rows_not_shown = self.rows_not_shown.saturating_add(1);
            }
        }
        self
    }

    /// What a page shows of it.
    pub(super) fn page(&self) -> Page<'_> {
        let columns = self.columns.iter().enumerate();
        let shown = self.rows.len().min(PAGE_ROWS_MAX);
        let more = (self.rows.len() - shown) as u64;
        Page {
            columns: columns.filter(|(_, column)| !column.is_detail).collect(),
            rows: self.rows.get(..shown).unwrap_or_default(),
            more: more.saturating_add(self.rows_not_shown),
        }
    }

    /// Says what stands in its place where it has no row.
    pub(super) fn or(mut self, empty: &str) -> Self {
        empty.clone_into(&mut self.empty);
        self
    }
}

/// What a page shows of a table.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Its columns, each with its place in a row.
    pub(super) columns: Vec<(usize, &'a Column)>,
    /// Its rows.
    pub(super) rows: &'a [Vec<Cell>],
    /// How many rows it does not show.
    pub(super) more: u64,
}

/// Rows of a table that are kept, which machines are given.
pub(super) const ROWS_MAX: usize = 5_000;

/// Rows of a table that a page shows.
pub(super) const PAGE_ROWS_MAX: usize = 100;

impl Cell {
    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() {
            return Self::Empty;
        }
        Self::Text(text.to_owned())
    }

    pub(super) const fn count(value: u64) -> Self {
        Self::Count {
            value,
            is_lower_bound: false,
        }
    }

    pub(super) const fn bytes(value: u64) -> Self {
        Self::Bytes {
            value,
            is_lower_bound: false,
        }
    }
}

impl Report {
    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables().find(|table| table.name == name)
    }

    /// All tables in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let blocks = self.sections.iter().flat_map(|section| &section.blocks);
        blocks.filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }
}
