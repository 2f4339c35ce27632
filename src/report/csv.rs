//! The main table of a report as CSV (RFC 4180).

use super::json::lower_bound_name;
use super::model::{Cell, ColumnKind, Report};

impl Report {
    /// The main table: a line of stable column names, then a line for each row, ended by CR LF.
    ///
    /// Bytes and counts are whole numbers, shares are fractions of 1, times are RFC 3339 in UTC,
    /// words are the codes of the ledger. After each column of bytes or counts stands one that
    /// says whether the number is a lower bound. A cell that a spreadsheet would take for a
    /// formula begins with an apostrophe.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let Some(table) = self.table(self.main_table) else {
            return text;
        };
        let mut names = Vec::new();
        for column in &table.columns {
            names.push(column.name.to_owned());
            names.extend(lower_bound_name(column));
        }
        line(&mut text, &names);
        for row in &table.rows {
            let mut fields = Vec::new();
            for (cell, column) in row.iter().zip(&table.columns) {
                fields.push(field(cell));
                if matches!(column.kind, ColumnKind::Bytes | ColumnKind::Count) {
                    fields.push(bound(cell));
                }
            }
            line(&mut text, &fields);
        }
        text
    }
}

fn field(cell: &Cell) -> String {
    match cell {
        Cell::Empty | Cell::Blank => String::new(),
        Cell::Text(text) => defuse(text),
        Cell::Word { code, .. } => defuse(code),
        Cell::Bytes { value, .. } | Cell::Count { value, .. } => value.to_string(),
        Cell::Share { whole: 0, .. } => String::new(),
        Cell::Share { part, whole } => format!("{:.6}", *part as f64 / *whole as f64),
        Cell::Day(day) => defuse(&day.to_string()),
        Cell::Moment { tick, .. } => tick.to_string(),
    }
}

fn bound(cell: &Cell) -> String {
    match cell {
        Cell::Bytes { is_lower_bound, .. } | Cell::Count { is_lower_bound, .. } => {
            is_lower_bound.to_string()
        }
        _ => String::new(),
    }
}

/// Puts an apostrophe before what spreadsheets take for a formula, also in full width.
fn defuse(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let starts = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    let is_formula = first.is_some_and(|first| starts.contains(&first));
    match is_formula || text.starts_with(['\t', '\r', '\n']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

fn line(text: &mut String, fields: &[String]) {
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if field.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulae_are_defused_and_quotes_doubled() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "\r=1"] {
            assert!(defuse(text).starts_with('\''), "{text:?}");
        }
        assert_eq!(defuse("pacs-01"), "pacs-01");
        let mut text = String::new();
        line(
            &mut text,
            &["a\"b".to_owned(), "c,d".to_owned(), "e".to_owned()],
        );
        assert_eq!(text, "\"a\"\"b\",\"c,d\",e\r\n");
    }
}
