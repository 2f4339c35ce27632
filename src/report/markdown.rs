//! A report as Markdown (CommonMark with the tables of GitHub).

use super::model::{Block, Cell, Chart, ChartShape, ColumnKind, Figure, Page, Report, Table};
use super::{Language, number};

impl Report {
    /// The whole report. Text that is not this program's cannot form markup: what might is
    /// written as character references, which never do (CommonMark 0.31, section 2.5).
    pub fn markdown(&self) -> String {
        let language = self.language;
        let mut text = format!("# {}\n\n", escape(&self.title));
        let number = self.kind.number();
        text.push_str(&format!("borderflow · {number}\n\n"));
        for fact in &self.facts {
            let value = self.cell(&fact.value);
            text.push_str(&format!("- **{}**: {value}\n", escape(&fact.label)));
        }
        text.push_str(&format!("\n{}\n\n", escape(&self.lead)));
        self.write_figures(&mut text);
        if !self.warnings.is_empty() {
            let title = language.pick("Before you read on", "阅读提示");
            write_notice(&mut text, title, &self.warnings);
        }
        for section in &self.sections {
            text.push_str(&format!("## {}\n\n", escape(&section.title)));
            for block in &section.blocks {
                self.write_block(&mut text, block);
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }

    fn write_figures(&self, text: &mut String) {
        let (figure, value, note) = self
            .language
            .pick(("Figure", "Value", "Note"), ("指标", "数值", "说明"));
        text.push_str(&format!(
            "| {figure} | {value} | {note} |\n|---|---:|---|\n"
        ));
        for Figure {
            label, value, note, ..
        } in &self.figures
        {
            let value = self.cell(value);
            text.push_str(&format!(
                "| {} | {value} | {} |\n",
                escape(label),
                escape(note)
            ));
        }
        text.push('\n');
    }

    fn write_block(&self, text: &mut String, block: &Block) {
        match block {
            Block::Heading(words) => text.push_str(&format!("### {}\n\n", escape(words))),
            Block::Paragraph(words) => text.push_str(&format!("{}\n\n", escape(words))),
            Block::List(items) => {
                items
                    .iter()
                    .for_each(|item| text.push_str(&format!("- {}\n", escape(item))));
                text.push('\n');
            }
            Block::Notice(title, items) => write_notice(text, title, items),
            Block::Blank(words) => {
                let blank = blank(self.language);
                text.push_str(&format!("> **{blank}**: {}\n\n", escape(words)));
            }
            Block::Commands(lines) => {
                let lines = lines.iter().map(|line| format!("    {line}\n"));
                text.extend(lines);
                text.push('\n');
            }
            Block::Table(table) => self.write_table(text, table),
            Block::Chart(chart) => self.write_chart(text, chart),
        }
    }

    fn write_table(&self, text: &mut String, table: &Table) {
        text.push_str(&format!("**{}**\n\n", escape(&table.title)));
        let Page {
            columns,
            rows,
            more,
        } = table.page();
        if rows.is_empty() {
            text.push_str(&format!("{}\n\n", escape(&table.empty)));
            return;
        }
        let titles = columns
            .iter()
            .map(|(_, column)| format!(" {} |", escape(&column.title)));
        text.push_str(&format!("|{}\n|", titles.collect::<String>()));
        for (_, column) in &columns {
            let is_number = !matches!(column.kind, ColumnKind::Text | ColumnKind::Time);
            text.push_str(if is_number { "---:|" } else { "---|" });
        }
        text.push('\n');
        for row in rows {
            let cells = columns.iter().filter_map(|(place, _)| row.get(*place));
            let cells = cells.map(|cell| format!(" {} |", self.cell(cell)));
            text.push_str(&format!("|{}\n", cells.collect::<String>()));
        }
        text.push('\n');
        if more > 0 {
            text.push_str(&format!("{}\n\n", more_rows(more, self.language)));
        }
    }

    /// A chart of bars as a table; by time as a line of blocks. Shares stand in a table beside.
    fn write_chart(&self, text: &mut String, chart: &Chart) {
        let Some(series) = chart.series.first() else {
            return;
        };
        let largest = series.values_bytes.iter().copied().max().unwrap_or(0);
        let bars = chart.labels.iter().zip(&series.values_bytes);
        match chart.shape {
            ChartShape::Shares => {}
            ChartShape::Columns => {
                let blocks: String = bars.clone().map(|(_, it)| block_of(*it, largest)).collect();
                let peak = bars.clone().find(|(_, it)| **it == largest && largest > 0);
                let peak = peak.map_or(String::new(), |(label, _)| {
                    let bytes = number::bytes(largest);
                    self.language.pick(
                        format!("(largest: {bytes}, {label})"),
                        format!("（峰值：{bytes}，{label}）"),
                    )
                });
                let title = escape(&chart.title);
                text.push_str(&format!(
                    "**{title}** {}\n\n    {blocks}\n\n",
                    escape(&peak)
                ));
            }
            ChartShape::Bars if !chart.labels.is_empty() => {
                let title = escape(&chart.title);
                text.push_str(&format!("| {title} | | |\n|---|---:|---|\n"));
                for (label, bytes) in bars {
                    let length = u128::from(*bytes) * BAR_LETTERS / u128::from(largest.max(1));
                    let bar = "█".repeat(usize::try_from(length).unwrap_or(0));
                    let (label, bytes) = (escape(label), number::bytes(*bytes));
                    text.push_str(&format!("| {label} | {bytes} | {bar} |\n"));
                }
                text.push('\n');
            }
            ChartShape::Bars => {}
        }
    }

    fn cell(&self, cell: &Cell) -> String {
        escape(&plain(cell, self.language))
    }
}

/// Letters of the longest bar.
const BAR_LETTERS: u128 = 24;

/// A cell as a person reads it, not yet escaped for anything.
pub(super) fn plain(cell: &Cell, language: Language) -> String {
    match cell {
        Cell::Empty => "–".to_owned(),
        Cell::Blank => language.pick("to be completed", "待填写").to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Word { label, .. } if label.is_empty() => "–".to_owned(),
        Cell::Word { label, .. } => label.clone(),
        Cell::Bytes {
            value,
            is_lower_bound,
        } => at_least(number::bytes(*value), *is_lower_bound && *value > 0),
        Cell::Count {
            value,
            is_lower_bound,
        } => at_least(number::count(*value), *is_lower_bound && *value > 0),
        Cell::Share { part, whole } => number::share(*part, *whole),
        Cell::Day(day) => day.to_string(),
        Cell::Moment { text, .. } => text.clone(),
    }
}

/// What stands where only the handler of the data can say something.
pub(super) const fn blank(language: Language) -> &'static str {
    match language {
        Language::English => "To be completed by the handler",
        Language::Chinese => "由数据处理者填写",
    }
}

/// How many rows a page leaves out.
pub(super) fn more_rows(more: u64, language: Language) -> String {
    let more = number::count(more);
    language.pick(
        format!("{more} more rows not shown."),
        format!("另有 {more} 行未显示。"),
    )
}

fn at_least(text: String, is_lower_bound: bool) -> String {
    match is_lower_bound {
        true => format!("≥ {text}"),
        false => text,
    }
}

fn write_notice(text: &mut String, title: &str, items: &[String]) {
    text.push_str(&format!("> **{}**\n>\n", escape(title)));
    items
        .iter()
        .for_each(|item| text.push_str(&format!("> - {}\n", escape(item))));
    text.push('\n');
}

fn block_of(value: u64, largest: u64) -> char {
    const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighths = (u128::from(value) * 8).div_ceil(u128::from(largest.max(1)));
    let place = usize::try_from(eighths).unwrap_or(0);
    BLOCKS.get(place).copied().unwrap_or('·')
}

/// Takes the meaning from every character that has one, and keeps addresses from becoming links.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, letter) in text.char_indices() {
        let rest = text.get(place..).unwrap_or_default();
        let is_link = letter == ':' && rest.starts_with("://")
            || letter == '.' && text.get(..place).is_some_and(ends_in_www)
            || letter == '@';
        let is_special = matches!(
            letter,
            '\\' | '`'
                | '*'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '&'
                | '~'
                | '$'
                | '!'
                | '"'
                | '\''
                | '{'
                | '}'
                | '^'
        );
        let is_first = place == 0
            && (matches!(letter, '#' | '+' | '-' | '=' | ':' | ' ') || letter.is_ascii_digit());
        let is_end_of_number = matches!(letter, '.' | ')')
            && !rest.chars().nth(1).is_some_and(char::is_alphanumeric)
            && text
                .get(..place)
                .is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        if letter == '_' {
            escaped.push_str("\\_");
        } else if letter.is_control() {
            escaped.push(' ');
        } else if is_link || is_special || is_end_of_number || is_first && !letter.is_alphanumeric()
        {
            escaped.push_str(&format!("&#{};", u32::from(letter)));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

fn ends_in_www(text: &str) -> bool {
    let tail = text
        .len()
        .checked_sub(3)
        .and_then(|start| text.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case("www"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_loses_its_meaning() {
        let cases = [
            ("a|b", "a&#124;b"),
            ("`x`", "&#96;x&#96;"),
            ("[a](b)", "&#91;a&#93;(b)"),
            ("<script>", "&#60;script&#62;"),
            ("# x", "&#35; x"),
            ("- x", "&#45; x"),
            ("1. x", "1&#46; x"),
            ("a_b", "a\\_b"),
            ("http://x", "http&#58;//x"),
            ("WWW.x.org", "WWW&#46;x.org"),
            ("a@b.c", "a&#64;b.c"),
            ("\\|", "&#92;&#124;"),
            ("a\nb", "a b"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected, "{text}");
        }
    }

    #[test]
    fn blocks_are_of_the_largest() {
        assert_eq!(block_of(0, 0), '·');
        assert_eq!(block_of(1, u64::MAX), '▁');
        assert_eq!(block_of(u64::MAX, u64::MAX), '█');
    }
}
