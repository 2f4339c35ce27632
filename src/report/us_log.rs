//! R4: the log of transfers and the table of 12 months for 28 CFR Part 202.

use jiff::ToSpan;

use super::common::{Content, Context, by_recipient};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::places::OF_CONCERN;
use super::tables::unprotected;
use super::words::{self, CATEGORIES};

/// The pack whose verdicts and meters belong here.
const PACK: &str = "us-dsp";

/// Bulk thresholds of 28 CFR 202.205, each of which is passed by more than this.
const THRESHOLDS: [(&str, u64, bool); 7] = [
    ("genomic", 100, false),
    ("omic", 1_000, false),
    ("biometric", 1_000, false),
    ("geolocation", 1_000, true),
    ("health", 10_000, false),
    ("financial", 10_000, false),
    ("identifiers", 100_000, false),
];

impl Context<'_> {
    pub(super) fn us_log(&self) -> Content {
        let log = vec![
            self.paragraph(
                "Transfers to addresses in countries of concern (28 CFR 202.601: China with Hong \
                 Kong and Macau, Cuba, Iran, North Korea, Russia, Venezuela). Encryption and \
                 de-identification do not take data out of the rule (202.206). Covered persons \
                 elsewhere are known by declaration only.",
                "流向受关注国家地址的传输（28 CFR 202.601：中国（含香港、澳门）、古巴、伊朗、朝鲜、\
                 俄罗斯、委内瑞拉）。加密或去标识化不使数据脱离该规则（202.206）。位于其他国家的受限\
                 主体只能依申报识别。",
            ),
            Block::Table(self.concern_table()),
        ];
        let year = vec![
            Block::Table(self.year_table()),
            Block::Table(self.bulk_table()),
            self.paragraph(
                "A row that is declared to hold several categories counts in each. The rule \
                 aggregates over one U.S. person and one counterparty; the sensor sees one link, \
                 and cannot tell who is a U.S. person.",
                "同时申报为多个类别的数据分别计入各类别。该规则按同一美国主体与同一交易对方累计；\
                 探针只观测一条链路，且无法识别美国主体。",
            ),
        ];
        let records = vec![Block::Table(self.field_table())];
        let faults = vec![
            Block::Table(self.finding_table(|pack| pack == PACK)),
            self.blank(
                "Deficiencies that the audit found, and how they were remedied (202.1002(f))",
                "审计发现的缺陷及整改情况（202.1002(f)）",
            ),
        ];
        let (bytes, receivers) = self.concern();
        let (window, text) = (self.window_words(), self.bytes_words(bytes));
        let named = number::of(receivers, "recipient");
        Content {
            lead: self.language.pick(
                format!(
                    "{window} {text} went to {named} at addresses in countries \
                     of concern. Records of transactions are to be kept for 10 years \
                     (202.1101); the ledger and its head allow to check them after that time."
                ),
                format!(
                    "{window}，{text} 流向受关注国家的 {receivers} 个接收方。交易记录须保存 10 年\
                     （202.1101）；账本及其树头可用于届时核验。"
                ),
            ),
            figures: self.us_figures(bytes, receivers),
            sections: vec![
                self.section("log", "1  Log of transfers", "一、传输日志", log),
                self.section(
                    "twelve_months",
                    "2  Twelve months",
                    "二、十二个月累计",
                    year,
                ),
                self.section(
                    "records",
                    "3  Fields of the records",
                    "三、记录要素",
                    records,
                ),
                self.section(
                    "deficiencies",
                    "4  Findings and deficiencies",
                    "四、提示事项与缺陷",
                    faults,
                ),
            ],
            main_table: "twelve_months",
        }
    }

    /// Bytes to countries of concern, and how many receive them.
    fn concern(&self) -> (u64, u64) {
        let sums = self.facts.flows.by(|key, _| by_recipient(key));
        let sums = sums
            .iter()
            .filter(|((_, country), _)| is_of_concern(country));
        sums.fold((0, 0), |(bytes, count), (_, flow)| {
            (flow.bytes.saturating_add(bytes), count + 1)
        })
    }

    fn us_figures(&self, bytes: u64, receivers: u64) -> Vec<Figure> {
        let share = number::share(bytes, self.total.bytes);
        let concern = Figure {
            note: self.language.pick(
                format!("{share} of all bytes that left"),
                format!("占全部出境数据量的 {share}"),
            ),
            tone: if bytes > 0 {
                Tone::Warning
            } else {
                Tone::Plain
            },
            ..self.figure(
                "concern_bytes",
                "To countries of concern",
                "流向受关注国家",
                self.bytes(bytes),
            )
        };
        let mut figures = self.flow_figures();
        figures.insert(1, concern);
        if let Some(recipients) = figures.get_mut(2) {
            let all = self.language.pick("in all countries: ", "全部国家/地区：");
            let count = self.facts.flows.distinct(super::flows::Key::receiver);
            recipients.value = self.at_least(receivers);
            recipients.note = format!("{all}{}", number::count(count));
            recipients.label = self.say("Recipients there", "其接收方");
        }
        figures.retain(|figure| figure.name != "jurisdictions");
        figures
    }

    fn concern_table(&self) -> Table {
        let columns = vec![
            self.words_column("asset", "Asset", "资产"),
            self.words_column("recipient", "Counterparty address", "对方（地址线索）"),
            self.words_column("jurisdiction", "Country", "国家/地区"),
            self.words_column("categories", "Declared data", "申报的数据类别"),
            self.column("bytes", "Volume", "数据量", ColumnKind::Bytes),
            self.words_column("method", "Method of transfer", "传输方式"),
            self.column("first", "Began", "开始", ColumnKind::Time),
            self.column("last", "Last", "最近", ColumnKind::Time),
            self.detail("entity", "Entity", "主体", ColumnKind::Text),
            self.detail("transfers", "Transfers", "传输次数", ColumnKind::Count),
            self.detail(
                "unprotected_share",
                "Unprotected",
                "未受保护",
                ColumnKind::Share,
            ),
            self.detail("verdict", "Gravest verdict", "最重判定", ColumnKind::Text),
        ];
        let sums = self.facts.flows.by(|key, _| key.clone()).into_iter();
        let sums = sums.filter(|(key, _)| is_of_concern(&key.jurisdiction));
        let rows = sums.map(|(key, flow)| {
            let methods = flow.protected.iter().zip(words::PROTECTIONS);
            let methods = methods
                .filter(|(bytes, _)| **bytes > 0)
                .map(|(_, word)| word.code);
            vec![
                Cell::text(&key.asset),
                self.receiver(&key.receiver()),
                self.country(&key.jurisdiction),
                self.categories(&flow),
                self.bytes(flow.bytes),
                words::cells(words::PROTECTIONS, methods, self.language),
                self.day_if(flow.first),
                self.day_if(flow.last),
                Cell::text(&key.entity),
                Cell::count(flow.transfers),
                unprotected(&flow),
                self.verdict(&flow),
            ]
        });
        let title = ("Transfers to countries of concern", "流向受关注国家的传输");
        self.table("log", title.0, title.1, columns).fill(rows)
    }

    fn year_table(&self) -> Table {
        let to = self.request.to;
        let from = to.saturating_sub(12.months()).saturating_add(1.days());
        let columns = vec![
            self.words_column("recipient", "Counterparty address", "对方（地址线索）"),
            self.words_column("jurisdiction", "Country", "国家/地区"),
            self.words_column("category", "Declared data", "申报的数据类别"),
            self.column(
                "bytes",
                "Bytes in 12 months",
                "十二个月数据量",
                ColumnKind::Bytes,
            ),
            self.column("transfers", "Transfers", "传输次数", ColumnKind::Count),
            self.column("first", "Began", "开始", ColumnKind::Time),
            self.column("last", "Last", "最近", ColumnKind::Time),
            self.detail("from", "From", "起", ColumnKind::Time),
            self.detail("to", "To", "止", ColumnKind::Time),
        ];
        let sums = self.facts.year_flows.by_category(by_recipient).into_iter();
        let sums = sums.filter(|(((_, country), _), _)| is_of_concern(country));
        let rows = sums.map(|(((receiver, country), category), flow)| {
            vec![
                self.receiver(&receiver),
                self.country(&country),
                words::cell(CATEGORIES, &category, self.language),
                // Days before the window are not known to be whole.
                Cell::Bytes {
                    value: flow.bytes,
                    is_lower_bound: true,
                },
                Cell::count(flow.transfers),
                self.day_if(flow.first),
                self.day_if(flow.last),
                Cell::Day(from),
                Cell::Day(to),
            ]
        });
        let title = self.language.pick(
            format!("By counterparty and category, {from} to {to}"),
            format!("按对方与类别，{from} 至 {to}"),
        );
        self.table("twelve_months", &title, &title, columns)
            .fill(rows)
    }

    fn bulk_table(&self) -> Table {
        let columns = vec![
            self.words_column("category", "Data", "数据类别"),
            self.column(
                "threshold",
                "More than (202.205)",
                "阈值（超过）",
                ColumnKind::Count,
            ),
            self.words_column("unit", "Of", "单位"),
            self.column(
                "subjects",
                "Seen in the clear",
                "明文中观测到",
                ColumnKind::Count,
            ),
            self.column("unseen_share", "Unseen", "不可见比例", ColumnKind::Share),
            self.words_column("state", "State", "状态"),
        ];
        let rows = THRESHOLDS.map(|(category, threshold, is_devices)| {
            let meters = self.facts.meters.by_key.iter();
            let mine = meters.filter(|(key, _)| key.category == category && key.pack == PACK);
            let largest = mine
                .map(|(_, meter)| meter)
                .max_by_key(|meter| meter.subjects);
            let unit = match is_devices {
                true => ("devices", "devices", "台设备"),
                false => ("persons", "persons", "人"),
            };
            let state = match largest.map(|meter| meter.subjects > threshold) {
                Some(true) => (
                    "observed_exceeded",
                    "observed beyond",
                    "观测值已超过",
                    Tone::Bad,
                ),
                Some(false) => (
                    "not_determinable",
                    "not determinable",
                    "无法判定",
                    Tone::Plain,
                ),
                None => ("no_count", "no count", "无计量", Tone::Plain),
            };
            vec![
                words::cell(CATEGORIES, category, self.language),
                Cell::count(threshold),
                self.word(unit.0, unit.1, unit.2, Tone::Plain),
                largest.map_or(Cell::Empty, |meter| Cell::Count {
                    value: meter.subjects,
                    is_lower_bound: true,
                }),
                largest
                    .and_then(|meter| meter.unseen_millionths)
                    .map_or(Cell::Empty, |part| Cell::Share {
                        part,
                        whole: 1_000_000,
                    }),
                self.word(state.0, state.1, state.2, state.3),
            ]
        });
        let title = ("Bulk thresholds and what was seen", "批量阈值与观测值");
        self.table("bulk", title.0, title.1, columns).fill(rows)
    }

    /// Which field of the records the sensor can fill.
    fn field_table(&self) -> Table {
        let columns = vec![
            self.words_column("field", "Provision", "条款"),
            self.words_column("asks", "What it asks for", "要求内容"),
            self.words_column("from_sensor", "From this report", "本报告提供"),
            self.words_column("from_handler", "From the handler", "由处理者补充"),
        ];
        let fields = [
            (
                "202.1001(b)(1)(i)",
                ("types and volumes of data", "数据类型与数量"),
                (
                    "declared categories, bytes: table “log”",
                    "申报类别与字节数：见传输日志",
                ),
            ),
            (
                "202.1001(b)(1)(ii)",
                ("identity of the parties", "交易各方身份"),
                (
                    "domain, autonomous system, country as hints",
                    "域名、自治系统、国家等线索",
                ),
            ),
            (
                "202.1001(b)(1)(iii)",
                ("end-use and method of transfer", "最终用途与传输方式"),
                (
                    "method: protection by handshake",
                    "传输方式：按握手识别的保护",
                ),
            ),
            (
                "202.1101(b)(4)",
                ("records of due diligence", "尽职调查记录"),
                ("ledger with signed head", "签名树头与账本"),
            ),
            (
                "202.1101(b)(5)",
                ("method of data transfer", "数据传输方式"),
                ("as above", "同上"),
            ),
            (
                "202.1101(b)(6)",
                (
                    "dates on which the transaction began and ended",
                    "交易起止日期",
                ),
                ("first and last transfer seen", "首次与末次观测"),
            ),
        ];
        let rows = fields.map(|(field, asks, given)| {
            vec![
                Cell::Text(field.to_owned()),
                Cell::Text(self.say(asks.0, asks.1)),
                Cell::Text(self.say(given.0, given.1)),
                Cell::Blank,
            ]
        });
        let title = ("Fields of the records", "记录要素来源");
        self.table("fields", title.0, title.1, columns).fill(rows)
    }
}

fn is_of_concern(country: &str) -> bool {
    OF_CONCERN.contains(&country)
}
