//! A report as JSON.

use serde_json::{Map, Value, json};

use super::model::{
    Block, Cell, Chart, ChartShape, Column, ColumnKind, Figure, Report, Section, Table, Tone,
};

/// Names the form of the document; another form has another number.
const SCHEMA: &str = "borderflow-report/1";

impl Report {
    /// The whole report as one JSON document.
    ///
    /// - `schema`, `kind`, `number`, `language`, `title`, `lead`: texts.
    /// - `facts`, `figures`: lists of `name`, `label`, `value`, `note`, `tone` (`plain`,
    ///   `warning`, `bad`), and `is_lower_bound` where the value is a number.
    /// - `warnings`: list of texts.
    /// - `main_table`: name of the table that the CSV holds.
    /// - `sections`: list of `name`, `title`, `blocks`. A block has a `type`: `heading`,
    ///   `paragraph` and `blank` (to be completed by the handler) with `text`; `list` and
    ///   `notice` with `items`, the latter with `title`; `commands` with `lines`; `table`;
    ///   `chart`.
    /// - A table has `name`, `title`, `columns` (`name`, `title`, `type`), `rows` and
    ///   `rows_not_shown`. A row is an object by column name. Bytes and counts are whole numbers,
    ///   each with a field `<column>_is_lower_bound`; shares are `{part, whole}`; days are
    ///   `2026-03-16`; times are RFC 3339 in UTC; words are the codes of the ledger; what is not
    ///   known is null.
    /// - A chart has `name`, `title`, `shape`, `labels` and `series` (`name`, `label`,
    ///   `values_bytes`).
    pub fn json(&self) -> String {
        let document = json!({
            "schema": SCHEMA,
            "kind": self.kind.name(),
            "number": self.kind.number(),
            "language": self.language.tag(),
            "title": self.title,
            "lead": self.lead,
            "facts": self.facts.iter().map(figure).collect::<Vec<_>>(),
            "warnings": self.warnings,
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
            "main_table": self.main_table,
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
        });
        let mut text = format!("{document:#}");
        text.push('\n');
        text
    }
}

/// The name of the column that says whether the numbers of this one are lower bounds.
pub(super) fn lower_bound_name(column: &Column) -> Option<String> {
    let is_number = matches!(column.kind, ColumnKind::Bytes | ColumnKind::Count);
    is_number.then(|| format!("{}_is_lower_bound", column.name))
}

fn figure(figure: &Figure) -> Value {
    let mut object = json!({
        "name": figure.name,
        "label": figure.label,
        "value": cell(&figure.value),
        "note": figure.note,
        "tone": match figure.tone {
            Tone::Plain => "plain",
            Tone::Warning => "warning",
            Tone::Bad => "bad",
        },
    });
    if let (Some(bound), Some(object)) = (bound(&figure.value), object.as_object_mut()) {
        object.insert("is_lower_bound".to_owned(), Value::Bool(bound));
    }
    object
}

fn section(section: &Section) -> Value {
    json!({
        "name": section.name,
        "title": section.title,
        "blocks": section.blocks.iter().map(block).collect::<Vec<_>>(),
    })
}

fn block(block: &Block) -> Value {
    match block {
        Block::Heading(text) => json!({"type": "heading", "text": text}),
        Block::Paragraph(text) => json!({"type": "paragraph", "text": text}),
        Block::Blank(text) => json!({"type": "blank", "text": text}),
        Block::List(items) => json!({"type": "list", "items": items}),
        Block::Notice(title, items) => json!({"type": "notice", "title": title, "items": items}),
        Block::Commands(lines) => json!({"type": "commands", "lines": lines}),
        Block::Table(found) => table(found),
        Block::Chart(found) => chart(found),
    }
}

fn table(table: &Table) -> Value {
    let columns = table.columns.iter().map(|column| {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Bytes => "bytes",
            ColumnKind::Count => "count",
            ColumnKind::Share => "share",
            ColumnKind::Time => "time",
        };
        json!({"name": column.name, "title": column.title, "type": kind})
    });
    let rows = table.rows.iter().map(|row| {
        let mut object = Map::new();
        for (value, column) in row.iter().zip(&table.columns) {
            object.insert(column.name.to_owned(), cell(value));
            if let Some(name) = lower_bound_name(column) {
                object.insert(name, bound(value).map_or(Value::Null, Value::Bool));
            }
        }
        Value::Object(object)
    });
    json!({
        "type": "table",
        "name": table.name,
        "title": table.title,
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "rows_not_shown": table.rows_not_shown,
    })
}

fn chart(chart: &Chart) -> Value {
    let series = chart.series.iter().map(|series| {
        json!({"name": series.code, "label": series.label, "values_bytes": series.values_bytes})
    });
    json!({
        "type": "chart",
        "name": chart.name,
        "title": chart.title,
        "shape": match chart.shape {
            ChartShape::Columns => "columns",
            ChartShape::Bars => "bars",
            ChartShape::Shares => "shares",
        },
        "labels": chart.labels,
        "series": series.collect::<Vec<_>>(),
    })
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Empty | Cell::Blank => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Word { code, .. } if code.is_empty() => Value::Null,
        Cell::Word { code, .. } => json!(code),
        Cell::Bytes { value, .. } | Cell::Count { value, .. } => json!(value),
        Cell::Share { part, whole } => json!({"part": part, "whole": whole}),
        Cell::Day(day) => json!(day.to_string()),
        Cell::Moment { tick, .. } => json!(tick.to_string()),
    }
}

const fn bound(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Bytes { is_lower_bound, .. } | Cell::Count { is_lower_bound, .. } => {
            Some(*is_lower_bound)
        }
        _ => None,
    }
}
