//! A report as one HTML file for a screen and for A4.
//!
//! It holds a style sheet and drawings and nothing that runs or is fetched: the content security
//! policy that it carries allows that style sheet alone, by its hash (CSP level 3).

use sha2::{Digest, Sha256};

use super::markdown::{blank, more_rows, plain};
use super::model::{Block, Cell, ColumnKind, Figure, Page, Report, Table, Tone};
use super::{Language, number, svg};

const STYLE: &str = include_str!("style.css");

impl Report {
    /// The whole report as one file.
    pub fn html(&self) -> String {
        let mut text = String::new();
        let title = format!("{} · {}", self.kind.number(), self.title);
        text.push_str(&format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
            self.language.tag(),
            base64(&Sha256::digest(STYLE)),
            escape(&title),
        ));
        self.write_first_page(&mut text);
        for section in &self.sections {
            text.push_str(&format!("<section id=\"{}\">\n", section.name));
            text.push_str(&format!("<h2>{}</h2>\n", escape(&section.title)));
            for block in &section.blocks {
                self.write_block_html(&mut text, block);
            }
            text.push_str("</section>\n");
        }
        text.push_str(&format!(
            "<footer>borderflow · {} · {}</footer>\n</main>\n</body>\n</html>\n",
            self.kind.number(),
            self.language.pick(
                "Exact numbers are in the JSON and CSV forms of this report.",
                "精确数值见本报告的 JSON 与 CSV 版本。",
            ),
        ));
        text
    }

    fn write_first_page(&self, text: &mut String) {
        text.push_str("<header>\n");
        let number = self.kind.number();
        text.push_str(&format!(
            "<p class=\"brand\"><b>borderflow</b> <i>{number}</i></p>\n"
        ));
        text.push_str(&format!(
            "<h1>{}</h1>\n<dl class=\"facts\">\n",
            escape(&self.title)
        ));
        for fact in &self.facts {
            let value = escape(&plain(&fact.value, self.language));
            text.push_str(&format!(
                "<div><dt>{}</dt><dd>{value}</dd></div>\n",
                escape(&fact.label)
            ));
        }
        text.push_str("</dl>\n</header>\n");
        text.push_str(&format!("<p class=\"lead\">{}</p>\n", escape(&self.lead)));
        let count = self.figures.len();
        text.push_str(&format!("<ul class=\"figures of{count}\">\n"));
        for figure in &self.figures {
            self.write_figure(text, figure);
        }
        text.push_str("</ul>\n");
        if !self.warnings.is_empty() {
            let title = self.language.pick("Before you read on", "阅读提示");
            write_notice(text, "warnings", title, &self.warnings);
        }
        if self.sections.len() >= CONTENTS_SECTIONS_MIN {
            self.write_contents(text);
        }
    }

    fn write_contents(&self, text: &mut String) {
        let title = self.language.pick("Contents", "目录");
        text.push_str(&format!(
            "<nav aria-label=\"{title}\">\n<b>{title}</b>\n<ol>\n"
        ));
        for section in &self.sections {
            let (name, title) = (section.name, escape(&section.title));
            text.push_str(&format!("<li><a href=\"#{name}\">{title}</a></li>\n"));
        }
        text.push_str("</ol>\n</nav>\n");
    }

    fn write_figure(&self, text: &mut String, figure: &Figure) {
        let value = match &figure.value {
            Cell::Bytes {
                value,
                is_lower_bound: true,
            } => self.at_least_words(&number::bytes(*value)),
            Cell::Count {
                value,
                is_lower_bound: true,
            } => self.at_least_words(&number::count(*value)),
            Cell::Moment { text, .. } => moment(text),
            cell => escape(&plain(cell, self.language)),
        };
        text.push_str(&format!(
            "<li class=\"{}\"><span>{}</span><strong>{value}</strong><small>{}</small></li>\n",
            tone(figure.tone),
            escape(&figure.label),
            escape(&figure.note),
        ));
    }

    fn at_least_words(&self, value: &str) -> String {
        let words = self.language.pick("at least", "至少");
        format!("<em>{words}</em> {}", escape(value))
    }

    fn write_block_html(&self, text: &mut String, block: &Block) {
        match block {
            Block::Heading(words) => text.push_str(&format!("<h3>{}</h3>\n", escape(words))),
            Block::Paragraph(words) => text.push_str(&format!("<p>{}</p>\n", escape(words))),
            Block::List(items) => write_items(text, items),
            Block::Notice(title, items) => write_notice(text, "notice", title, items),
            Block::Blank(words) => text.push_str(&format!(
                "<div class=\"blank\"><b>{}</b><p>{}</p></div>\n",
                blank(self.language),
                escape(words)
            )),
            Block::Commands(lines) => {
                let lines: Vec<_> = lines.iter().map(|line| escape(line)).collect();
                text.push_str(&format!("<pre>{}</pre>\n", lines.join("\n")));
            }
            Block::Table(table) => self.write_table_html(text, table),
            Block::Chart(chart) => svg::write(text, chart, self.language),
        }
    }

    fn write_table_html(&self, text: &mut String, table: &Table) {
        let Page {
            columns,
            rows,
            more,
        } = table.page();
        let title = escape(&table.title);
        if rows.is_empty() {
            let empty = escape(&table.empty);
            text.push_str(&format!("<p class=\"none\"><b>{title}</b> {empty}</p>\n"));
            return;
        }
        let width = match columns.len() {
            ..4 => "narrow",
            4..8 => "plain",
            _ => "wide",
        };
        text.push_str(&format!(
            "<div class=\"table\"><table class=\"{width}\">\n<caption>{title}</caption>\n\
             <thead><tr>"
        ));
        for (_, column) in &columns {
            let class = class(column.kind);
            text.push_str(&format!(
                "<th scope=\"col\"{class}>{}</th>",
                escape(&column.title)
            ));
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in rows {
            text.push_str("<tr>");
            for (place, column) in &columns {
                let cell = row.get(*place).unwrap_or(&Cell::Empty);
                text.push_str(&format!("<td{}>", cell_class(cell, column.kind)));
                write_cell(text, cell, self.language);
                text.push_str("</td>");
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table></div>\n");
        if more > 0 {
            let more = more_rows(more, self.language);
            text.push_str(&format!("<p class=\"more\">{more}</p>\n"));
        }
    }
}

fn write_cell(text: &mut String, cell: &Cell, language: Language) {
    let words = escape(&plain(cell, language));
    match cell {
        Cell::Word { tone: of, .. } if *of != Tone::Plain => {
            text.push_str(&format!("<span class=\"tag {}\">{words}</span>", tone(*of)));
        }
        Cell::Blank => text.push_str(&format!("<span class=\"todo\">{words}</span>")),
        Cell::Moment { text: words, .. } => text.push_str(&moment(words)),
        _ => text.push_str(&words),
    }
}

/// A moment whose offset stands back.
fn moment(words: &str) -> String {
    match words.rsplit_once(' ') {
        Some((moment, offset)) => {
            format!(
                "<time>{} <small>{}</small></time>",
                escape(moment),
                escape(offset)
            )
        }
        None => escape(words),
    }
}

fn write_items(text: &mut String, items: &[String]) {
    text.push_str("<ul>\n");
    items
        .iter()
        .for_each(|item| text.push_str(&format!("<li>{}</li>\n", escape(item))));
    text.push_str("</ul>\n");
}

fn write_notice(text: &mut String, class: &str, title: &str, items: &[String]) {
    text.push_str(&format!(
        "<aside class=\"{class}\"><b>{}</b>\n",
        escape(title)
    ));
    write_items(text, items);
    text.push_str("</aside>\n");
}

const fn tone(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "calm",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    }
}

const fn class(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "",
        ColumnKind::Bytes | ColumnKind::Count | ColumnKind::Share => " class=\"number\"",
        ColumnKind::Time => " class=\"when\"",
    }
}

/// How the cell of a table may be broken: a short one never, a long word anywhere.
fn cell_class(cell: &Cell, kind: ColumnKind) -> &'static str {
    let (Cell::Text(words) | Cell::Word { label: words, .. }) = cell else {
        return class(kind);
    };
    let width = |text: &str| {
        text.chars()
            .map(|it| 1 + usize::from(!it.is_ascii()))
            .sum::<usize>()
    };
    if width(words) <= SHORT_LETTERS_MAX {
        return " class=\"short\"";
    }
    if matches!(cell, Cell::Word { tone, .. } if *tone != Tone::Plain) {
        return " class=\"label\"";
    }
    let is_long = |word: &str| word.is_ascii() && word.len() > WORD_LETTERS_MAX;
    // Writing without spaces breaks by itself; what mixes it with others may not.
    let is_mixed = |word: &str| !word.is_ascii() && word.chars().count() > 2 * WORD_LETTERS_MAX;
    match words.split(' ').any(|word| is_long(word) || is_mixed(word)) {
        true => " class=\"long\"",
        false => "",
    }
}

/// Sections of a report that has a table of contents; a shorter one begins on its first page.
const CONTENTS_SECTIONS_MIN: usize = 8;

/// Letters of a cell that stays on one line.
const SHORT_LETTERS_MAX: usize = 14;

/// Letters of a word that may push a column wide.
const WORD_LETTERS_MAX: usize = 22;

/// Takes the meaning from what has one in text and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '`' => escaped.push_str("&#96;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Base64 with padding (RFC 4648 section 4), in which a policy names a hash.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize);
            match letter {
                Some(letter) if place <= group.len() => text.push(char::from(*letter)),
                _ => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let cases = [
            "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
        ];
        for (length, expected) in cases.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), *expected);
        }
    }

    #[test]
    fn nothing_is_left_that_ends_a_text_or_an_attribute() {
        let escaped = escape("<a b=\"c\" d='e' f=`g`>&");
        let plain = "&lt;a b=&quot;c&quot; d=&#39;e&#39; f=&#96;g&#96;&gt;&amp;";
        assert_eq!(escaped, plain);
    }

    #[test]
    fn the_style_sheet_cannot_end_early() {
        assert!(!STYLE.contains('<'), "nothing in it is markup");
        assert!(
            !STYLE.contains("url(") && !STYLE.contains("@import"),
            "nothing is fetched"
        );
    }
}
