//! R3: how negative lists and white lists were used, by company and quarter.

use std::collections::BTreeMap;

use super::common::{Content, Context};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::standing::{Standing, quarters};
use super::words::{self, ROUTES};

/// The routes that are lists.
const LIST_ROUTES: [&str; 3] = ["negative_list", "white_list", "gba_contract"];

impl Context<'_> {
    pub(super) fn list_usage(&self) -> Content {
        let (standings, _) = self.standings();
        let lists: Vec<_> = standings
            .iter()
            .filter(|it| it.is_of(&LIST_ROUTES))
            .collect();
        let bytes = lists
            .iter()
            .map(|it| it.observed.bytes)
            .fold(0, u64::saturating_add);
        let used = lists.iter().filter(|it| it.flows > 0).count();
        let (window, lists_on_record) = (self.window_words(), lists.len());
        let text = self.bytes_words(bytes);
        let attempts = self.facts.judgements.findings().len();
        let found = number::of(attempts as u64, "finding");
        let usage = vec![
            Block::Table(self.usage_table(&lists)),
            self.paragraph(
                "A quarter is one of the calendar, and only the days of it that lie in the \
                 window count. A quota is compared with each quarter by itself; where it is \
                 granted for a year, the column says how much of the year’s quota that quarter \
                 took.",
                "季度按自然季度划分，仅计入统计期间内的日期。额度与各季度分别比较；额度按年核定的，\
                 该列表示该季度占用年度额度的比例。",
            ),
            self.blank(
                "That the company is registered and acts in the zone; scenario and fields of the \
                 list that it uses",
                "企业在自由贸易试验区内注册并开展活动的情况；所适用清单的场景与字段",
            ),
        ];
        Content {
            lead: self.language.pick(
                format!(
                    "{window} of {lists_on_record} list entries on record {used} saw use, \
                     for {text}. The packs reported {found} on flows outside \
                     what is on record."
                ),
                format!(
                    "{window}，登记的 {lists_on_record} 项清单类事项中有 {used} 项被使用，涉及 \
                     {text}。规则包提示清单范围之外的事项 {attempts} 项。"
                ),
            ),
            figures: self.list_figures(lists.len() as u64, used as u64, bytes),
            sections: vec![
                self.section("usage", "1  Use by quarter", "一、分季度使用情况", usage),
                self.section(
                    "attempts",
                    "2  Outside the lists",
                    "二、清单范围之外的传输",
                    vec![Block::Table(self.finding_table(|_| true))],
                ),
                self.section(
                    "register",
                    "3  The register",
                    "三、登记内容",
                    vec![Block::Table(self.approval_table())],
                ),
            ],
            main_table: "usage",
        }
    }

    fn list_figures(&self, lists: u64, used: u64, bytes: u64) -> Vec<Figure> {
        let flows = self.flow_figures();
        let share = number::share(bytes, self.total.bytes);
        let mut figures = vec![
            self.figure(
                "lists",
                "List entries on record",
                "登记的清单类事项",
                Cell::count(lists),
            ),
            self.figure(
                "lists_used",
                "Used in the window",
                "本期使用",
                Cell::count(used),
            ),
            Figure {
                note: self.language.pick(
                    format!("{share} of all bytes that left"),
                    format!("占全部出境数据量的 {share}"),
                ),
                tone: Tone::Plain,
                ..self.figure(
                    "list_bytes",
                    "Left under them",
                    "按清单出境",
                    self.bytes(bytes),
                )
            },
        ];
        figures.extend(flows.into_iter().skip(3));
        figures
    }

    fn usage_table(&self, lists: &[&Standing<'_>]) -> Table {
        let columns = vec![
            self.words_column("organisation", "Company", "企业"),
            self.words_column("id", "Entry", "事项"),
            self.words_column("route", "Route", "路径"),
            self.words_column("quarter", "Quarter", "季度"),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column("maximum_bytes", "Quota", "额度", ColumnKind::Bytes),
            self.column("quota_share", "Of quota", "额度占比", ColumnKind::Share),
            self.words_column("drift", "Deviation", "偏差"),
            self.detail("period", "Quota per", "额度周期", ColumnKind::Text),
            self.detail("filing_number", "Filing number", "编号", ColumnKind::Text),
        ];
        let mut rows = Vec::new();
        for standing in lists {
            let mut by_quarter = quarters(&standing.observed);
            if by_quarter.is_empty() {
                let from = self.request.from;
                by_quarter = BTreeMap::from([((from.year(), (from.month() - 1) / 3 + 1), 0)]);
            }
            for ((year, quarter), bytes) in by_quarter {
                let approval = standing.approval;
                rows.push(vec![
                    Cell::text(&approval.organisation),
                    Cell::text(&approval.id),
                    words::cell(ROUTES, &approval.route, self.language),
                    Cell::Text(format!("{year:04}-Q{quarter}")),
                    self.bytes(bytes),
                    approval.maximum_bytes.map_or(Cell::Empty, Cell::bytes),
                    approval
                        .maximum_bytes
                        .map_or(Cell::Empty, |whole| Cell::Share { part: bytes, whole }),
                    self.drift_cell(&standing.drift),
                    Cell::text(&approval.period),
                    Cell::text(&approval.filing_number),
                ]);
            }
        }
        let nothing = self.say(
            "No negative list, white list or Greater Bay Area contract is on record.",
            "没有登记的负面清单、白名单或粤港澳大湾区标准合同事项。",
        );
        let title = (
            "Use of lists by company and quarter",
            "清单使用情况（按企业与季度）",
        );
        self.table("usage", title.0, title.1, columns)
            .fill(rows)
            .or(&nothing)
    }
}
