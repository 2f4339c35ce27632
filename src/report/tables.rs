//! Tables and charts that several reports have.

use std::collections::BTreeMap;

use super::common::{Context, by_recipient};
use super::flows::{Flow, Flows};
use super::incidents::Incident;
use super::model::{Cell, ColumnKind, Table};
use super::words::{self, CATEGORIES, GRADES, SEVERITIES, WINDOWS};
use crate::policy::law::cite_in_chinese;

impl Context<'_> {
    /// Every flow: who sent what to whom.
    pub(super) fn transfer_table(&self, flows: &Flows) -> Table {
        let columns = vec![
            self.detail("entity", "Entity", "主体", ColumnKind::Text),
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.detail("asn", "Autonomous system", "自治系统", ColumnKind::Text),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.detail("grade", "Grade", "数据级别", ColumnKind::Text),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.detail("transfers", "Transfers", "传输次数", ColumnKind::Count),
            self.column(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.words_column("verdict", "Gravest verdict", "最重判定"),
            self.detail("days", "Days", "天数", ColumnKind::Count),
            self.detail("first", "First seen", "首次观测", ColumnKind::Time),
            self.detail("last", "Last seen", "末次观测", ColumnKind::Time),
        ];
        let rows = flows
            .by(|key, _| key.clone())
            .into_iter()
            .map(|(key, flow)| {
                vec![
                    Cell::text(&key.entity),
                    Cell::text(&key.asset),
                    self.receiver(&key.receiver()),
                    self.country(&key.jurisdiction),
                    Cell::text(&autonomous_system(key.asn)),
                    self.categories(&flow),
                    self.word_at(GRADES, flow.grade),
                    self.bytes(flow.bytes),
                    Cell::count(flow.transfers),
                    unprotected(&flow),
                    self.verdict(&flow),
                    Cell::count(flow.days),
                    self.moment_if(flow.first),
                    self.moment_if(flow.last),
                ]
            });
        self.table(
            "transfers",
            "Transfers by asset and recipient",
            "按资产与接收方列示",
            columns,
        )
        .fill(rows)
    }

    pub(super) fn recipient_table(&self) -> Table {
        let columns = vec![
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column("bytes_share", "Of all", "占比", ColumnKind::Share),
            self.column("first", "First seen", "首次观测", ColumnKind::Time),
            self.column("last", "Last seen", "末次观测", ColumnKind::Time),
        ];
        let sums = self.facts.flows.by(|key, _| by_recipient(key)).into_iter();
        let rows = sums.map(|((receiver, jurisdiction), flow)| {
            vec![
                self.receiver(&receiver),
                self.country(&jurisdiction),
                self.categories(&flow),
                self.bytes(flow.bytes),
                self.of_all(&flow),
                self.day_if(flow.first),
                self.day_if(flow.last),
            ]
        });
        self.table(
            "recipients",
            "Recipients observed",
            "观测到的境外接收方",
            columns,
        )
        .fill(rows)
    }

    pub(super) fn jurisdiction_table(&self) -> Table {
        let columns = vec![
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.column("recipients", "Recipients", "接收方数", ColumnKind::Count),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column("bytes_share", "Of all", "占比", ColumnKind::Share),
            self.column(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.column(
                "finding_bytes",
                "With a finding",
                "被提示的数据量",
                ColumnKind::Bytes,
            ),
            self.column(
                "doubt_share",
                "Country in doubt",
                "归属存疑",
                ColumnKind::Share,
            ),
        ];
        let mut receivers: BTreeMap<String, u64> = BTreeMap::new();
        for ((_, jurisdiction), _) in self.facts.flows.by(|key, _| by_recipient(key)) {
            *receivers.entry(jurisdiction).or_default() += 1;
        }
        let sums = self
            .facts
            .flows
            .by(|key, _| key.jurisdiction.clone())
            .into_iter();
        let rows = sums.map(|(jurisdiction, flow)| {
            vec![
                self.country(&jurisdiction),
                self.at_least(receivers.get(&jurisdiction).copied().unwrap_or(0)),
                self.bytes(flow.bytes),
                self.of_all(&flow),
                unprotected(&flow),
                self.bytes(flow.finding_bytes()),
                Cell::Share {
                    part: flow.unsure_bytes(),
                    whole: flow.bytes,
                },
            ]
        });
        let title = ("Jurisdictions of destination", "目的地国家/地区");
        self.table("jurisdictions", title.0, title.1, columns)
            .fill(rows)
    }

    pub(super) fn category_table(&self) -> Table {
        let columns = vec![
            self.words_column("category", "Declared data", "申报的数据类别"),
            self.column("assets", "Assets", "资产数", ColumnKind::Count),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column("bytes_share", "Of all", "占比", ColumnKind::Share),
            self.column(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.column(
                "finding_bytes",
                "With a finding",
                "被提示的数据量",
                ColumnKind::Bytes,
            ),
        ];
        let mut assets: BTreeMap<String, u64> = BTreeMap::new();
        for ((_, category), _) in self.facts.flows.by_category(|key| key.asset.clone()) {
            *assets.entry(category).or_default() += 1;
        }
        let sums = self.facts.flows.by_category(|_| ()).into_iter();
        let rows = sums.map(|(((), category), flow)| {
            vec![
                words::cell(CATEGORIES, &category, self.language),
                Cell::count(assets.get(&category).copied().unwrap_or(0)),
                self.bytes(flow.bytes),
                self.of_all(&flow),
                unprotected(&flow),
                self.bytes(flow.finding_bytes()),
            ]
        });
        self.table(
            "categories",
            "By declared category",
            "按申报的数据类别",
            columns,
        )
        .fill(rows)
    }

    pub(super) fn finding_table(&self, pack: impl Fn(&str) -> bool) -> Table {
        let columns = vec![
            self.column("time", "When", "时间", ColumnKind::Time),
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.words_column("verdict", "Verdict", "判定"),
            self.words_column("severity", "Severity", "严重程度"),
            self.words_column("rule", "Rule and source", "规则与出处"),
            self.column(
                "day_bytes",
                "Bytes that day",
                "当日数据量",
                ColumnKind::Bytes,
            ),
            self.detail("pack", "Pack", "规则包", ColumnKind::Text),
            self.detail("organisation", "Organisation", "主体", ColumnKind::Text),
            self.detail("routes", "Routes", "路径", ColumnKind::Text),
            self.detail("approvals", "Approvals", "批准事项", ColumnKind::Text),
            self.detail("rung", "Evidence reached", "证据等级", ColumnKind::Text),
            self.detail(
                "missing",
                "Evidence missing",
                "缺少的证据",
                ColumnKind::Text,
            ),
            self.detail("findings", "Entries", "条目数", ColumnKind::Count),
            self.detail("last_verdict", "Last verdict", "最新判定", ColumnKind::Text),
            self.detail("sentence", "In words", "文字说明", ColumnKind::Text),
            self.detail("index", "Entry", "条目序号", ColumnKind::Count),
        ];
        let found = self.facts.judgements.findings().into_iter();
        let rows = found
            .filter(|(subject, _)| pack(&subject.pack))
            .map(|(subject, it)| {
                let sentence = match self.language.pick(&it.english, &it.chinese) {
                    sentence if sentence.is_empty() => &it.english,
                    sentence => sentence,
                };
                let approvals: Vec<_> = it.approvals.iter().map(String::as_str).collect();
                let missing: Vec<_> = it.missing.iter().map(String::as_str).collect();
                let routes = it.routes.iter().map(String::as_str);
                vec![
                    self.moment(it.time),
                    Cell::text(&subject.asset),
                    self.receiver(&subject.recipient),
                    self.country(&subject.jurisdiction),
                    self.verdict_at(Some(it.gravest)),
                    self.word_at(SEVERITIES, it.severity),
                    self.rule(&it.rule, &it.cite),
                    self.bytes(it.day_bytes),
                    Cell::text(&subject.pack),
                    Cell::text(&it.organisation),
                    words::cells(words::ROUTES, routes, self.language),
                    Cell::text(&approvals.join(" ")),
                    Cell::text(&it.rung),
                    Cell::text(&missing.join(" ")),
                    Cell::count(it.findings),
                    self.verdict_at(Some(it.last)),
                    Cell::text(sentence),
                    Cell::count(it.index),
                ]
            });
        let nothing = self.say(
            "No pack reported a finding in this window. That is no statement that there was none.",
            "统计期间内没有规则包作出提示。这并不表示不存在应提示的情形。",
        );
        let title = ("Findings of the rule packs", "规则包提示的事项");
        self.table("findings", title.0, title.1, columns)
            .fill(rows)
            .or(&nothing)
    }

    pub(super) fn incident_table(&self) -> Table {
        let columns = vec![
            self.column("opened", "Opened", "发现时间", ColumnKind::Time),
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Recipient", "境外接收方"),
            self.words_column("jurisdiction", "Jurisdiction", "国家/地区"),
            self.words_column("severity", "Severity", "严重程度"),
            self.column("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.column(
                "excess_bytes",
                "Beyond normal",
                "超出常态",
                ColumnKind::Bytes,
            ),
            self.words_column("state", "State", "状态"),
            self.detail("incident", "Incident", "事件编号", ColumnKind::Text),
            self.detail("score", "Score", "得分", ColumnKind::Count),
            self.detail("detectors", "Detectors", "检测器", ColumnKind::Text),
            self.detail("feedback", "Feedback", "处置意见", ColumnKind::Text),
            self.detail("explanation", "In words", "文字说明", ColumnKind::Text),
            self.detail("index", "Entry", "条目序号", ColumnKind::Count),
        ];
        let incidents = self.facts.incidents.gravest_first().into_iter();
        let rows = incidents.map(|incident| self.incident_row(incident));
        let title = ("Incidents, the gravest first", "异常事件（按严重程度）");
        self.table("incidents", title.0, title.1, columns)
            .fill(rows)
    }

    /// What is said in both languages; older lines said it in English alone.
    pub(super) fn worded<'t>(&self, [english, chinese]: &'t [String; 2]) -> &'t str {
        match self.language.pick(english, chinese) {
            said if said.is_empty() => english,
            said => said,
        }
    }

    /// A rule, and what it cites in the language of the report.
    fn rule(&self, rule: &str, cite: &str) -> Cell {
        let chinese = cite_in_chinese(cite);
        let cite = (self.language).pick(cite, chinese.as_deref().unwrap_or(cite));
        match (rule.is_empty(), cite.is_empty()) {
            (false, false) => Cell::text(&format!("{rule} · {cite}")),
            _ => Cell::text(&format!("{rule}{cite}")),
        }
    }

    fn incident_row(&self, incident: &Incident) -> Vec<Cell> {
        let detectors: Vec<_> = incident.detectors.iter().map(String::as_str).collect();
        vec![
            self.moment(incident.opened),
            Cell::text(&incident.asset),
            self.receiver(&incident.receiver()),
            self.country(&incident.jurisdiction),
            self.word_at(SEVERITIES, incident.severity),
            self.bytes(incident.bytes),
            self.bytes(incident.excess_bytes),
            words::cell(words::EVENTS, &incident.event, self.language),
            Cell::text(&incident.name),
            Cell::count(incident.score),
            Cell::text(&detectors.join(" ")),
            words::cell(words::FEEDBACKS, &incident.feedback, self.language),
            Cell::text(self.worded(&incident.explanation)),
            Cell::count(incident.first_index),
        ]
    }

    pub(super) fn meter_table(&self, is_shown: impl Fn(&str) -> bool) -> Table {
        let columns = vec![
            self.words_column("entity", "Entity", "主体"),
            self.words_column("category", "Data", "数据类别"),
            self.words_column("pack", "Pack", "规则包"),
            self.words_column("window", "Counted over", "累计口径"),
            self.column(
                "subjects",
                "Persons or devices seen",
                "观测到的主体数",
                ColumnKind::Count,
            ),
            self.column("unseen_share", "Unseen", "不可见比例", ColumnKind::Share),
            self.column("day", "As of", "截至", ColumnKind::Time),
            self.detail("bytes", "Bytes", "数据量", ColumnKind::Bytes),
            self.detail("records", "Records", "记录数", ColumnKind::Count),
            self.detail(
                "is_exact",
                "Counted or estimated",
                "精确或估计",
                ColumnKind::Text,
            ),
        ];
        let meters = self.facts.meters.by_key.iter();
        let rows = meters
            .filter(|(key, _)| is_shown(&key.pack))
            .map(|(key, meter)| {
                let method = match meter.is_exact {
                    true => ("exact", "counted", "精确计数"),
                    false => ("estimate", "estimated", "估计"),
                };
                vec![
                    Cell::text(&key.entity),
                    words::cell(CATEGORIES, &key.category, self.language),
                    Cell::text(&key.pack),
                    words::cell(WINDOWS, &key.window, self.language),
                    Cell::Count {
                        value: meter.subjects,
                        is_lower_bound: true,
                    },
                    meter
                        .unseen_millionths
                        .map_or(Cell::Empty, |part| Cell::Share {
                            part,
                            whole: 1_000_000,
                        }),
                    meter.day.map_or(Cell::Empty, Cell::Day),
                    self.bytes(meter.bytes),
                    Cell::Count {
                        value: meter.records,
                        is_lower_bound: true,
                    },
                    Cell::Word {
                        code: method.0.to_owned(),
                        label: self.say(method.1, method.2),
                        tone: super::Tone::Plain,
                    },
                ]
            });
        let title = (
            "Persons and devices seen in the clear",
            "明文中观测到的主体数（下限）",
        );
        self.table("meters", title.0, title.1, columns).fill(rows)
    }

    pub(super) fn of_all(&self, flow: &Flow) -> Cell {
        Cell::Share {
            part: flow.bytes,
            whole: self.total.bytes,
        }
    }
}

/// A value of an array, of which nothing else is 0.
pub(super) fn at(values: &[u64], place: usize) -> u64 {
    values.get(place).copied().unwrap_or(0)
}

/// The share in the clear or weakly protected; nothing where no protection is known at all.
pub(super) fn unprotected(flow: &Flow) -> Cell {
    if flow.bytes > 0 && flow.unseen_bytes() == flow.bytes {
        return Cell::Empty;
    }
    Cell::Share {
        part: flow.unprotected_bytes(),
        whole: flow.bytes,
    }
}

pub(super) fn autonomous_system(asn: u64) -> String {
    match asn {
        0 => String::new(),
        asn => format!("AS{asn}"),
    }
}
