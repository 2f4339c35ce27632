//! R10: the entries that a report rests on, and how to check them.

use std::collections::BTreeMap;

use super::common::{Content, Context};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;

impl Context<'_> {
    pub(super) fn proof(&self) -> Content {
        let used = &self.facts.used;
        let total = (used.len() as u64).saturating_add(self.facts.used_left_over);
        let size = self.head.map_or(0, |head| head.size);
        let uncovered = used.iter().filter(|used| used.place.index >= size).count() as u64;
        let window = self.window_words();
        let entries_words = number::of(total, "entry");
        let (entries, open) = (number::count(total), number::count(uncovered));
        let checks = vec![
            self.paragraph(
                "Index and leaf are counted from 0; the entry of an index is the leaf of the same \
                 number in the tree. “verify” reads the whole ledger, computes the tree anew and \
                 checks the signed heads. “prove” gives the path from one entry to the head, which \
                 anybody can check who has the head and the public key.",
                "条目序号与叶位置均从 0 起计，序号为 n 的条目即树中第 n 号叶。verify 读取整个账本，\
                 重新计算树并核对签名树头；prove 给出某一条目到树头的路径，持有树头与公钥者均可核验。",
            ),
            Block::Commands(self.commands()),
            Block::Table(self.kind_table()),
        ];
        Content {
            lead: self.language.pick(
                format!(
                    "{window} reports rest on {entries_words} of the ledger. {open} of them \
                     lie beyond the head that was given."
                ),
                format!(
                    "{window}，报告所依据的账本条目共 {entries} 条，其中 {open} 条不在所提供的\
                     树头之下。"
                ),
            ),
            figures: self.proof_figures(total, uncovered),
            sections: vec![
                self.section("checks", "1  How to check", "一、核验方法", checks),
                self.section(
                    "entries",
                    "2  Entries",
                    "二、条目清单",
                    vec![
                        Block::Table(self.range_table()),
                        Block::Table(self.entry_table()),
                    ],
                ),
            ],
            main_table: "entries",
        }
    }

    fn proof_figures(&self, total: u64, uncovered: u64) -> Vec<Figure> {
        let size = self.head.map_or(Cell::Empty, |head| Cell::count(head.size));
        let read = number::count(self.facts.entries);
        vec![
            Figure {
                note: self
                    .language
                    .pick(format!("of {read} read"), format!("已读 {read} 条")),
                ..self.figure("entries_used", "Entries", "所依据条目", Cell::count(total))
            },
            self.figure("head_size", "Entries under the head", "树头覆盖条目", size),
            Figure {
                tone: if uncovered > 0 {
                    Tone::Bad
                } else {
                    Tone::Plain
                },
                ..self.figure("uncovered", "Under no head", "未被树头覆盖", {
                    Cell::count(uncovered)
                })
            },
            self.coverage_figure(),
        ]
    }

    fn commands(&self) -> Vec<String> {
        let first = self.facts.used.iter().map(|used| used.place.index).min();
        let prove = |index: u64| format!("borderflow ledger prove DIR {index}");
        let mut commands = vec!["borderflow ledger verify DIR".to_owned()];
        commands.push(first.map_or_else(|| "borderflow ledger prove DIR INDEX".to_owned(), prove));
        commands
    }

    fn kind_table(&self) -> Table {
        let columns = vec![
            self.words_column("kind", "Kind of entry", "条目类型"),
            self.column("entries", "Entries", "条目数", ColumnKind::Count),
            self.column("first_index", "First index", "首个序号", ColumnKind::Count),
            self.column("last_index", "Last index", "末个序号", ColumnKind::Count),
        ];
        let mut kinds: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
        for used in &self.facts.used {
            let index = used.place.index;
            let kind = kinds.entry(used.kind).or_insert((0, index, index));
            *kind = (kind.0 + 1, kind.1.min(index), kind.2.max(index));
        }
        let rows = kinds.into_iter().map(|(kind, (count, first, last))| {
            let kind = Cell::Text(kind.to_owned());
            vec![
                kind,
                Cell::count(count),
                Cell::count(first),
                Cell::count(last),
            ]
        });
        self.table("kinds", "Entries by kind", "按类型统计", columns)
            .fill(rows)
    }

    /// Runs of entries that follow each other.
    fn range_table(&self) -> Table {
        let columns = vec![
            self.column("first_index", "From index", "起始序号", ColumnKind::Count),
            self.column("last_index", "To index", "终止序号", ColumnKind::Count),
            self.column("entries", "Entries", "条目数", ColumnKind::Count),
        ];
        let mut indices: Vec<_> = self
            .facts
            .used
            .iter()
            .map(|used| used.place.index)
            .collect();
        indices.sort_unstable();
        indices.dedup();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for index in indices {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(index) => *last = index,
                _ => ranges.push((index, index)),
            }
        }
        let rows = ranges.into_iter().map(|(first, last)| {
            let entries = last.saturating_sub(first).saturating_add(1);
            vec![Cell::count(first), Cell::count(last), Cell::count(entries)]
        });
        self.table("ranges", "Ranges of indices", "序号区间", columns)
            .fill(rows)
    }

    fn entry_table(&self) -> Table {
        let columns = vec![
            self.column("index", "Index", "序号", ColumnKind::Count),
            self.column("leaf", "Leaf", "叶位置", ColumnKind::Count),
            self.words_column("kind", "Kind", "类型"),
            self.column("time", "Packet time", "报文时间", ColumnKind::Time),
            self.words_column("head", "Under the head", "树头覆盖"),
        ];
        let size = self.head.map_or(0, |head| head.size);
        let rows = self.facts.used.iter().map(|used| {
            let is_under = match used.place.index < size {
                true => self.word("yes", "yes", "是", Tone::Plain),
                false => self.word("no", "no", "否", Tone::Bad),
            };
            vec![
                Cell::count(used.place.index),
                Cell::count(used.place.index),
                Cell::Text(used.kind.to_owned()),
                self.moment(used.place.time),
                is_under,
            ]
        });
        let mut table = self.table("entries", "Entries", "条目", columns).fill(rows);
        table.rows_not_shown = table
            .rows_not_shown
            .saturating_add(self.facts.used_left_over);
        table
    }
}
