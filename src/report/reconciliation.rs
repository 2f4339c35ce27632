//! R2: what was filed or contracted, against what was observed.

use super::common::{Content, Context};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::standing::{Drift, Standing, recipient_name};
use super::tables::unprotected;
use super::words::{self, CATEGORIES, ROUTES};

impl Context<'_> {
    pub(super) fn reconciliation(&self) -> Content {
        let (standings, others) = self.standings();
        let undeclared = others.iter().map(|(_, flow)| flow.bytes);
        let undeclared = undeclared.fold(0, u64::saturating_add);
        let drifting = standings.iter().filter(|it| has_drift(it)).count();
        let declared = vec![
            Block::Table(self.standing_table(&standings)),
            self.paragraph(
                "A flow goes by an approval where a verdict of a pack names it, or where its \
                 asset, network or domain and jurisdiction are as declared. Declared address \
                 ranges cannot be held against daily totals, which name no address. Quotas are \
                 compared with the bytes of this window alone.",
                "规则包判定中引用某事项，或资产、网络或域名、国家/地区与申报一致的，视为按该事项\
                 出境。每日汇总不含地址，无法与申报的地址段核对。额度仅与本期数据量比较。",
            ),
            self.blank(
                "For each deviation: cause, and whether the filing or contract is to be amended \
                 or filed anew",
                "逐项说明偏差原因，以及是否需要变更或重新申报、备案或签订合同",
            ),
        ];
        let observed = vec![Block::Table(self.undeclared_table(&others))];
        let found = vec![Block::Table(self.finding_table(|_| true))];
        let (one, two) = (
            number::count(standings.len() as u64),
            number::bytes(undeclared),
        );
        let on_record = number::of(standings.len() as u64, "approval");
        let window = self.window_words();
        Content {
            lead: self.language.pick(
                format!(
                    "{window} {on_record} on record. In {drifting} of them the declaration \
                     differs from what was observed, and {two} left under none of them."
                ),
                format!(
                    "{window}，已登记事项 {one} 项，其中 {drifting} 项与实际观测存在偏差；另有 \
                     {two} 数据未对应任何登记事项。"
                ),
            ),
            figures: self.reconciliation_figures(&standings, drifting as u64, undeclared),
            sections: vec![
                self.section(
                    "declared",
                    "1  Declared and observed",
                    "一、申报与观测对照",
                    declared,
                ),
                self.section(
                    "undeclared",
                    "2  Observed and not declared",
                    "二、观测到但未申报的传输",
                    observed,
                ),
                self.section("findings", "3  Findings", "三、规则包提示", found),
                self.section(
                    "register",
                    "4  The register",
                    "四、登记内容",
                    vec![Block::Table(self.approval_table())],
                ),
            ],
            main_table: "reconciliation",
        }
    }

    fn reconciliation_figures(
        &self,
        standings: &[Standing<'_>],
        drifting: u64,
        undeclared: u64,
    ) -> Vec<Figure> {
        let mut figures = self.flow_figures();
        figures.truncate(1);
        let soon = standings
            .iter()
            .filter(|it| it.drift.contains(&Drift::ExpiresSoon))
            .count();
        let unseen = standings.iter().filter(|it| it.flows == 0).count();
        let count = Cell::count(standings.len() as u64);
        figures.push(Figure {
            note: self.language.pick(
                format!("{unseen} of them not observed"),
                format!("其中 {unseen} 项未观测到传输"),
            ),
            ..self.figure("approvals", "Approvals on record", "已登记事项", count)
        });
        figures.push(Figure {
            tone: if drifting > 0 { Tone::Bad } else { Tone::Plain },
            ..self.figure(
                "drifting",
                "Approvals that differ",
                "存在偏差的事项",
                Cell::count(drifting),
            )
        });
        figures.push(Figure {
            note: number::share(undeclared, self.total.bytes),
            tone: if undeclared > 0 {
                Tone::Bad
            } else {
                Tone::Plain
            },
            ..self.figure(
                "undeclared_bytes",
                "Under no approval",
                "未对应任何事项",
                self.bytes(undeclared),
            )
        });
        figures.push(Figure {
            note: self.say("within 90 days of the window’s end", "期末后 90 天内"),
            tone: if soon > 0 { Tone::Warning } else { Tone::Plain },
            ..self.figure(
                "expiring",
                "Expire soon",
                "即将到期",
                Cell::count(soon as u64),
            )
        });
        figures.push(self.coverage_figure());
        figures
    }

    fn standing_table(&self, standings: &[Standing<'_>]) -> Table {
        let columns = vec![
            self.words_column("id", "Approval", "事项"),
            self.words_column("route", "Route", "路径"),
            self.words_column("recipients", "Declared recipients", "申报的接收方"),
            self.column(
                "maximum_bytes",
                "Declared bytes",
                "申报数据量",
                ColumnKind::Bytes,
            ),
            self.column("bytes", "Observed bytes", "观测数据量", ColumnKind::Bytes),
            self.column("quota_share", "Of quota", "额度占比", ColumnKind::Share),
            self.column("subjects", "Persons seen", "观测主体数", ColumnKind::Count),
            self.words_column("drift", "Deviation", "偏差"),
            self.detail("organisation", "Organisation", "主体", ColumnKind::Text),
            self.detail("filing_number", "Filing number", "编号", ColumnKind::Text),
            self.detail(
                "maximum_subjects",
                "Declared persons",
                "申报主体数",
                ColumnKind::Count,
            ),
            self.detail(
                "declared_categories",
                "Declared data",
                "申报类别",
                ColumnKind::Text,
            ),
            self.detail(
                "observed_categories",
                "Observed data",
                "观测类别",
                ColumnKind::Text,
            ),
            self.detail("flows", "Flows", "数据流数", ColumnKind::Count),
            self.detail(
                "days",
                "Days with transfers",
                "有传输的天数",
                ColumnKind::Count,
            ),
            self.detail("first", "First seen", "首次观测", ColumnKind::Time),
            self.detail("last", "Last seen", "末次观测", ColumnKind::Time),
            self.detail("valid_from", "Valid from", "生效日期", ColumnKind::Time),
            self.detail("valid_to", "Valid to", "有效期至", ColumnKind::Time),
        ];
        let rows = standings.iter().map(|it| self.standing_row(it));
        let nothing = self.say(
            "No approval is on record.",
            "没有登记的批准、备案或认证事项。",
        );
        let title = ("Declared against observed", "申报内容与观测结果");
        self.table("reconciliation", title.0, title.1, columns)
            .fill(rows)
            .or(&nothing)
    }

    fn standing_row(&self, standing: &Standing<'_>) -> Vec<Cell> {
        let (approval, observed) = (standing.approval, &standing.observed);
        let recipients: Vec<_> = approval.recipients.iter().map(recipient_name).collect();
        let declared = approval.categories.iter().map(String::as_str);
        let seen = observed.categories.iter().map(String::as_str);
        vec![
            Cell::text(&approval.id),
            words::cell(ROUTES, &approval.route, self.language),
            Cell::text(&recipients.join(self.language.comma())),
            approval.maximum_bytes.map_or(Cell::Empty, Cell::bytes),
            self.bytes(observed.bytes),
            approval
                .maximum_bytes
                .map_or(Cell::Empty, |whole| Cell::Share {
                    part: observed.bytes,
                    whole,
                }),
            standing.subjects.map_or(Cell::Empty, |value| Cell::Count {
                value,
                is_lower_bound: true,
            }),
            self.drift_cell(&standing.drift),
            Cell::text(&approval.organisation),
            Cell::text(&approval.filing_number),
            approval.maximum_subjects.map_or(Cell::Empty, Cell::count),
            words::cells(CATEGORIES, declared, self.language),
            words::cells(CATEGORIES, seen, self.language),
            Cell::count(standing.flows),
            Cell::count(observed.days),
            self.moment_if(observed.first),
            self.moment_if(observed.last),
            approval.valid_from.map_or(Cell::Empty, Cell::Day),
            approval.valid_to.map_or(Cell::Empty, Cell::Day),
        ]
    }

    pub(super) fn undeclared_table(
        &self,
        others: &[(&super::flows::Key, &super::flows::Flow)],
    ) -> Table {
        let columns = vec![
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.words_column("verdict", "Gravest verdict", "最重判定"),
            self.column("first", "First seen", "首次观测", ColumnKind::Time),
            self.detail("entity", "Entity", "主体", ColumnKind::Text),
        ];
        let rows = others.iter().map(|(key, flow)| {
            vec![
                Cell::text(&key.asset),
                self.receiver(&key.receiver()),
                self.country(&key.jurisdiction),
                self.categories(flow),
                self.bytes(flow.bytes),
                unprotected(flow),
                self.verdict(flow),
                self.day_if(flow.first),
                Cell::text(&key.entity),
            ]
        });
        let title = (
            "Transfers under no approval on record",
            "未对应任何登记事项的传输",
        );
        self.table("undeclared", title.0, title.1, columns)
            .fill(rows)
    }
}

/// Whether what was observed differs. An approval that nobody used, or that will end, does not.
fn has_drift(standing: &Standing<'_>) -> bool {
    let is_one = |drift: &Drift| !matches!(drift, Drift::ExpiresSoon | Drift::NotObserved);
    standing.drift.iter().any(is_one)
}
