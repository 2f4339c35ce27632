//! R6: the facts of an incident, and the clocks that run.

use super::common::{Content, Context};
use super::incidents::Incident;
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::words::{self, CONFIDENCES, EVENTS, FACTS, FEEDBACKS, PROTECTIONS, SEVERITIES};
use crate::time::{SECONDS_PER_HOUR, Tick};

/// A clock: stable name, hours, whom it binds, source.
struct Clock {
    name: &'static str,
    hours: u64,
    whom: (&'static str, &'static str),
    source: (&'static str, &'static str),
}

/// Clocks of incident reports. The Chinese ones are of the Measures for Reporting National
/// Cybersecurity Incidents, in force since 2025-11-01.
const CLOCKS: [Clock; 5] = [
    Clock {
        name: "cn_critical_infrastructure",
        hours: 1,
        whom: (
            "operators of critical information infrastructure",
            "关键信息基础设施运营者",
        ),
        source: CN_SOURCE,
    },
    Clock {
        name: "cn_central_organs",
        hours: 2,
        whom: (
            "central and state organs and their units",
            "中央和国家机关各部门及直属单位",
        ),
        source: CN_SOURCE,
    },
    Clock {
        name: "cn_other_operators",
        hours: 4,
        whom: ("other network operators", "其他网络运营者"),
        source: CN_SOURCE,
    },
    Clock {
        name: "eu_nis2_early_warning",
        hours: 24,
        whom: ("essential and important entities", "关键实体和重要实体"),
        source: (
            "Directive (EU) 2022/2555, Art. 23(4)(a)",
            "欧盟 2022/2555 号指令第 23 条第 4 款(a)项",
        ),
    },
    Clock {
        name: "eu_gdpr_breach",
        hours: 72,
        whom: (
            "controllers, on breaches of personal data",
            "个人数据控制者（个人数据泄露）",
        ),
        source: ("GDPR Art. 33(1)", "GDPR 第 33 条第 1 款"),
    },
];

const CN_SOURCE: (&str, &str) = (
    "Cybersecurity Incident Reporting Measures, from 2025-11-01",
    "《国家网络安全事件报告管理办法》（2025-11-01 起施行）",
);

/// When the Chinese measures took effect: 2025-11-01 in China.
const CN_EFFECTIVE: Tick = Tick(1_761_926_400);

impl Context<'_> {
    pub(super) fn quick(&self) -> Content {
        let incidents = &self.facts.incidents;
        let wanted = self.request.incident.as_deref();
        let found = match wanted {
            Some(name) => incidents.get(name),
            None => incidents.gravest_first().first().copied(),
        };
        match found {
            Some(incident) => self.quick_of(incident),
            None => self.quick_of_none(wanted),
        }
    }

    fn quick_of_none(&self, wanted: Option<&str>) -> Content {
        let window = self.window_words();
        let lead = match wanted {
            Some(name) => self.language.pick(
                format!(
                    "The ledger holds no incident {name}. A report that is asked for \
                     without a name takes the gravest of the window."
                ),
                format!("账本中没有事件 {name}。不指定事件编号时，取统计期间内最严重的一起。"),
            ),
            None => self.language.pick(
                format!("{window} the ledger holds no incident."),
                format!("{window}，账本中没有异常事件。"),
            ),
        };
        Content {
            lead,
            figures: vec![self.coverage_figure()],
            sections: vec![self.section(
                "incident",
                "Incident",
                "事件",
                vec![Block::Table(self.timeline(None))],
            )],
            main_table: "timeline",
        }
    }

    fn quick_of(&self, incident: &Incident) -> Content {
        let mut clocks = vec![
            Block::Table(self.clock_table(incident)),
            self.paragraph(
                "The clocks are counted from the line that opened the incident. The law counts \
                 from when the handler knows of it, which may be another moment. Which of them \
                 applies, and whether the incident reaches the grade that must be reported, is \
                 for the handler to decide.",
                "时限自事件首次告警起算。法律规定自知悉之时起算，两者可能不同。适用哪一时限、事件是否\
                 达到应报告的等级，由处理者判断。",
            ),
        ];
        if !incident.is_opening_seen {
            clocks.push(self.paragraph(
                "The line that opened the incident was not among the entries read. The clocks are \
                 counted from the first line that was, so the true ones end earlier.",
                "所读条目中没有该事件的首次告警，时限自最早可见的告警起算，实际时限应更早届满。",
            ));
        }
        let told = vec![
            Block::Paragraph(
                self.say("The newest alert says: ", "最近告警原文：")
                    + self.worded(&incident.explanation),
            ),
            Block::Table(self.fact_table(incident)),
            Block::Table(self.conversation_table(incident)),
            Block::Table(self.timeline(Some(incident))),
        ];
        let rest = [
            (
                "Cause, systems and business affected",
                "原因、受影响的系统与业务",
            ),
            (
                "Kinds and number of persons and records affected",
                "受影响的主体与记录的类别和数量",
            ),
            ("Likely consequences", "可能造成的危害"),
            (
                "Measures taken and planned; support needed",
                "已采取和拟采取的措施；所需支援",
            ),
            ("Contact: name, post, telephone", "联系人：姓名、职务、电话"),
        ];
        let rest = rest.map(|(english, chinese)| self.blank(english, chinese));
        Content {
            lead: self.quick_lead(incident),
            figures: self.quick_figures(incident),
            sections: vec![
                self.section("clocks", "1  Clocks", "一、报告时限", clocks),
                self.section("known", "2  What is known", "二、已知事实", told),
                self.section(
                    "to_complete",
                    "3  To be completed",
                    "三、待补充",
                    rest.to_vec(),
                ),
            ],
            main_table: "timeline",
        }
    }

    fn quick_lead(&self, incident: &Incident) -> String {
        let opened = number::moment(incident.opened, &self.zone);
        let bytes = self.bytes_words(incident.bytes);
        let excess = number::bytes(incident.excess_bytes);
        let country = super::places::full_name(&incident.jurisdiction, self.language);
        let asset = &incident.asset;
        let to = match incident.receiver() {
            receiver if receiver.is_empty() => country,
            receiver => self.language.pick(
                format!("{receiver}, {country}"),
                format!("{country}的 {receiver}"),
            ),
        };
        let severity = SEVERITIES
            .get(incident.severity)
            .map_or("", |word| word.code);
        let severity = words::label(SEVERITIES, severity, self.language);
        self.language.pick(
            format!(
                "Since {opened} an incident of severity {severity} is on record: {asset} sent \
                 {bytes} to {to}, {excess} beyond what is normal."
            ),
            format!(
                "{opened} 起记录一起严重程度为“{severity}”的事件：{asset} 向{to} 发送{bytes}，\
                 超出常态 {excess}。"
            ),
        )
    }

    fn quick_figures(&self, incident: &Incident) -> Vec<Figure> {
        let next = CLOCKS.iter().map(|clock| due(incident, clock));
        let next = next.filter(|due| *due > self.request.now).min();
        let note = match next {
            Some(due) => self.remaining(due),
            None => self.say("all clocks have run out", "全部时限已过"),
        };
        let severity = self.word_at(SEVERITIES, incident.severity);
        let to = self.country(&incident.jurisdiction);
        let opened = self.moment(incident.opened);
        vec![
            self.figure("opened", "Opened", "发现时间", opened),
            Figure {
                note,
                tone: Tone::Warning,
                ..self.figure(
                    "next_due",
                    "Next clock ends",
                    "最近时限",
                    self.moment_if(next),
                )
            },
            Figure {
                tone: match &severity {
                    Cell::Word { tone, .. } => *tone,
                    _ => Tone::Plain,
                },
                ..self.figure("severity", "Severity", "严重程度", severity)
            },
            Figure {
                note: self
                    .language
                    .pick("beyond normal: ", "超出常态：")
                    .to_owned()
                    + &number::bytes(incident.excess_bytes),
                ..self.figure("bytes", "Sent", "发送数据量", self.bytes(incident.bytes))
            },
            Figure {
                note: words::label(CONFIDENCES, &incident.geo_confidence, self.language),
                ..self.figure("jurisdiction", "To", "目的地", to)
            },
            self.figure("state", "State", "状态", {
                words::cell(EVENTS, &incident.event, self.language)
            }),
        ]
    }

    /// How long it is to a moment, or since it.
    fn remaining(&self, due: Tick) -> String {
        let now = self.request.now;
        let minutes = due.seconds_since(now).max(now.seconds_since(due)) / 60;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        match due > now {
            true => self.language.pick(
                format!("{hours} h {minutes} min left"),
                format!("剩余 {hours} 小时 {minutes} 分"),
            ),
            false => self.language.pick(
                format!("over since {hours} h {minutes} min"),
                format!("已过 {hours} 小时 {minutes} 分"),
            ),
        }
    }

    fn clock_table(&self, incident: &Incident) -> Table {
        let columns = vec![
            self.column("hours", "Hours", "小时", ColumnKind::Count),
            self.words_column("whom", "Whom it binds", "适用对象"),
            self.words_column("source", "Source", "依据"),
            self.column("due", "Ends", "届满时间", ColumnKind::Time),
            self.words_column("remaining", "At the time of this report", "本报告生成时"),
            self.detail("clock", "Clock", "时限", ColumnKind::Text),
        ];
        let is_chinese_law = incident.opened >= CN_EFFECTIVE;
        let clocks = CLOCKS
            .iter()
            .filter(|clock| is_chinese_law || clock.source != CN_SOURCE);
        let rows = clocks.map(|clock| {
            let due = due(incident, clock);
            let (code, tone) = match due > self.request.now {
                true => ("running", Tone::Warning),
                false => ("over", Tone::Bad),
            };
            vec![
                Cell::count(clock.hours),
                Cell::Text(self.say(clock.whom.0, clock.whom.1)),
                Cell::Text(self.say(clock.source.0, clock.source.1)),
                self.moment(due),
                Cell::Word {
                    code: code.to_owned(),
                    label: self.remaining(due),
                    tone,
                },
                Cell::Text(clock.name.to_owned()),
            ]
        });
        self.table(
            "clocks",
            "Clocks that run from the opening",
            "自发现起算的时限",
            columns,
        )
        .fill(rows)
    }

    fn fact_table(&self, incident: &Incident) -> Table {
        let columns = vec![
            self.words_column("fact", "Fact", "事项"),
            self.words_column("value", "Value", "内容"),
        ];
        let detectors: Vec<_> = incident.detectors.iter().map(String::as_str).collect();
        let country = self.country(&incident.jurisdiction);
        let values = [
            Cell::text(&incident.name),
            Cell::text(&incident.campaign),
            Cell::text(&incident.asset),
            Cell::text(&incident.asset_ip),
            self.moment_if(incident.began),
            self.moment(incident.opened),
            self.moment(incident.last),
            country,
            words::cell(CONFIDENCES, &incident.geo_confidence, self.language),
            self.receiver(&incident.recipient),
            Cell::text(&super::tables::autonomous_system(incident.asn)),
            Cell::text(&incident.organisation),
            self.bytes(incident.bytes),
            Cell::bytes(incident.expected_bytes),
            self.bytes(incident.excess_bytes),
            Cell::count(incident.score),
            Cell::text(&detectors.join(", ")),
            words::cell(FEEDBACKS, &incident.feedback, self.language),
        ];
        let rows = FACTS
            .iter()
            .zip(values)
            .map(|(word, value)| vec![words::cell(FACTS, word.code, self.language), value]);
        self.table("facts", "Facts", "事实", columns).fill(rows)
    }

    fn conversation_table(&self, incident: &Incident) -> Table {
        let columns = vec![
            self.words_column("source", "From", "源"),
            self.words_column("destination", "To", "目的"),
            self.words_column("name", "Name", "域名"),
            self.words_column("application", "Speaks", "协议"),
            self.words_column("protection", "Protection", "保护"),
            self.column(
                "bytes",
                "Bytes of the hour",
                "当小时数据量",
                ColumnKind::Bytes,
            ),
        ];
        let rows = incident.conversations.iter().map(|it| {
            vec![
                Cell::text(&it.source),
                Cell::text(&it.destination),
                Cell::text(&it.name),
                Cell::text(&it.application),
                words::cell(PROTECTIONS, &it.protection, self.language),
                self.bytes(it.bytes),
            ]
        });
        let title = ("Heaviest conversations", "数据量最大的会话");
        self.table("conversations", title.0, title.1, columns)
            .fill(rows)
    }

    fn timeline(&self, incident: Option<&Incident>) -> Table {
        let columns = vec![
            self.column("time", "When", "时间", ColumnKind::Time),
            self.words_column("event", "What", "事项"),
            self.words_column("severity", "Severity", "严重程度"),
            self.column("bytes", "Bytes so far", "累计数据量", ColumnKind::Bytes),
            self.words_column("explanation", "In words", "文字说明"),
            self.column("index", "Entry", "条目", ColumnKind::Count),
        ];
        let kept = incident.iter().flat_map(|incident| &incident.kept);
        let rows = kept.map(|line| {
            vec![
                self.moment(line.time),
                words::cell(EVENTS, &line.event, self.language),
                words::cell(SEVERITIES, &line.severity, self.language),
                self.bytes(line.bytes),
                Cell::text(self.worded(&line.explanation)),
                Cell::count(line.index),
            ]
        });
        let mut table = self
            .table("timeline", "Timeline", "时间线", columns)
            .fill(rows);
        let lines = incident.map_or(0, |incident| incident.lines);
        table.rows_not_shown = lines.saturating_sub(table.rows.len() as u64);
        table
    }
}

fn due(incident: &Incident, clock: &Clock) -> Tick {
    incident
        .opened
        .plus_seconds(clock.hours.saturating_mul(SECONDS_PER_HOUR))
}
