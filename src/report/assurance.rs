//! R9: how far the sensor can be relied on.

use jiff::ToSpan;

use super::common::{Content, Context};
use super::model::{Block, Cell, ColumnKind, Figure, Table, Tone};
use super::number;
use super::words;
use super::words::REASONS;
use crate::time::SECONDS_PER_DAY;

impl Context<'_> {
    pub(super) fn assurance(&self) -> Content {
        let lost = number::share(self.counters.lost_frames(), self.counters.offered_frames());
        let (whole, days) = (self.whole_days, self.days);
        let gaps = number::count(self.counters.gaps);
        let gaps_counted = number::of(self.counters.gaps, "gap");
        let window = self.window_words();
        let coverage = vec![
            Block::Table(self.sensor_table()),
            self.paragraph(
                "A day is whole where all parts of its totals were read. Hours are those in which \
                 a packet was seen; a quiet night is no fault by itself.",
                "一天的汇总各部分均已读取的，视为完整。小时数指观测到报文的小时；夜间无流量本身不构成\
                 故障。",
            ),
        ];
        let losses = vec![Block::Table(self.reason_table())];
        let runs = vec![
            Block::Table(self.run_table()),
            Block::Table(self.note_table()),
        ];
        Content {
            lead: self.language.pick(
                format!(
                    "{window} the sensor left complete totals for {whole} of {days} days. \
                     {lost} of the frames offered to it were lost before they could be read, \
                     and {gaps_counted} counted."
                ),
                format!(
                    "{window}，探针在 {days} 天中有 {whole} 天留下完整汇总；到达的帧有 {lost} \
                     在读取前丢失，记录中断 {gaps} 次。"
                ),
            ),
            figures: self.assurance_figures(),
            sections: vec![
                self.section(
                    "coverage",
                    "1  Coverage by day",
                    "一、逐日覆盖情况",
                    coverage,
                ),
                self.section(
                    "losses",
                    "2  What was lost, and why",
                    "二、丢失及原因",
                    losses,
                ),
                self.section("runs", "3  Runs and notes", "三、运行与备注", runs),
            ],
            main_table: "sensor_days",
        }
    }

    fn assurance_figures(&self) -> Vec<Figure> {
        let mut figures = self.loss_figures();
        figures.extend(self.source_figures());
        figures
    }

    fn loss_figures(&self) -> Vec<Figure> {
        let counters = &self.counters;
        let (lost, offered) = (counters.lost_frames(), counters.offered_frames());
        let whole = self.days.saturating_mul(24);
        let part = counters.hours_with_traffic.min(whole);
        let hours = Cell::Share { part, whole };
        let lost_share = Cell::Share {
            part: lost,
            whole: offered,
        };
        let gaps = Cell::count(counters.gaps);
        let part = number::count(part);
        vec![
            self.coverage_figure(),
            Figure {
                note: self.language.pick(
                    format!("{part} of {whole} hours"),
                    format!("{whole} 小时中 {part} 小时"),
                ),
                ..self.figure("hours_share", "Hours with traffic", "有流量的小时", hours)
            },
            Figure {
                note: self.language.pick("frames: ", "帧数：").to_owned() + &number::count(lost),
                tone: if lost > 0 { Tone::Warning } else { Tone::Plain },
                ..self.figure(
                    "lost_share",
                    "Lost before reading",
                    "读取前丢失",
                    lost_share,
                )
            },
            Figure {
                tone: if counters.gaps > 0 {
                    Tone::Warning
                } else {
                    Tone::Plain
                },
                ..self.figure("gaps", "Gaps in the capture", "采集中断", gaps)
            },
        ]
    }

    fn source_figures(&self) -> Vec<Figure> {
        let databases = self.facts.states.newest_databases().into_iter();
        let ages = databases.filter_map(|database| database.built);
        let age = ages
            .map(|built| self.end.seconds_since(built) / SECONDS_PER_DAY)
            .max();
        let is_old = age.is_some_and(|age| age > super::summary::DATABASE_DAYS_MAX);
        let packs = &self.facts.states.packs;
        let drafts = packs
            .iter()
            .filter(|pack| pack.status != "verified")
            .count() as u64;
        let packs = packs.len();
        let age = age.map_or(Cell::Empty, Cell::count);
        vec![
            Figure {
                note: self.say("days, the oldest of them", "天（最旧者）"),
                tone: if is_old { Tone::Warning } else { Tone::Plain },
                ..self.figure(
                    "database_age_days",
                    "Age of databases",
                    "数据库已用天数",
                    age,
                )
            },
            Figure {
                note: self
                    .language
                    .pick(format!("of {packs} packs"), format!("共 {packs} 个")),
                tone: if drafts > 0 {
                    Tone::Warning
                } else {
                    Tone::Plain
                },
                ..self.figure(
                    "draft_packs",
                    "Draft rule packs",
                    "草案规则包",
                    Cell::count(drafts),
                )
            },
        ]
    }

    fn sensor_table(&self) -> Table {
        let columns = vec![
            self.column("day", "Day", "日期", ColumnKind::Time),
            self.words_column("state", "Totals", "汇总"),
            self.column("hours", "Hours", "小时", ColumnKind::Count),
            self.column("frames_read", "Frames read", "已读帧", ColumnKind::Count),
            self.column("frames_lost", "Lost", "丢失帧", ColumnKind::Count),
            self.column("lost_share", "Of offered", "丢失比例", ColumnKind::Share),
            self.column("gaps", "Gaps", "中断", ColumnKind::Count),
            self.column("missing_bytes", "Not seen", "未观测字节", ColumnKind::Bytes),
            self.detail("packets", "Packets", "报文", ColumnKind::Count),
            self.detail("wire_bytes", "On the wire", "线路字节", ColumnKind::Bytes),
            self.detail("kernel_dropped", "Kernel", "内核丢弃", ColumnKind::Count),
            self.detail(
                "interface_dropped",
                "Interface",
                "网卡丢弃",
                ColumnKind::Count,
            ),
            self.detail(
                "frames_dropped",
                "Not IP or broken",
                "非 IP 或损坏",
                ColumnKind::Count,
            ),
            self.detail("late", "Late", "迟到", ColumnKind::Count),
            self.detail("clock_jumps", "Clock jumps", "时间跳变", ColumnKind::Count),
            self.detail("evictions", "Evictions", "放弃记录", ColumnKind::Count),
        ];
        let days = self.days.min(super::gather::DAYS_MAX as u64);
        let mut day = self.request.from;
        let mut rows = Vec::new();
        let nothing = super::state::Day::default();
        for _ in 0..days {
            let kept = self.facts.days.get(&day).unwrap_or(&nothing);
            rows.push(self.sensor_row(day, kept));
            day = day.saturating_add(1.days());
        }
        let title = ("The sensor day by day", "探针逐日情况");
        self.table("sensor_days", title.0, title.1, columns)
            .fill(rows)
    }

    fn sensor_row(&self, day: jiff::civil::Date, kept: &super::state::Day) -> Vec<Cell> {
        let state = match (kept.is_whole(), kept.is_seen()) {
            (true, _) => self.word("whole", "whole", "完整", Tone::Plain),
            (false, true) => self.word("in_part", "in part", "不完整", Tone::Warning),
            (false, false) => self.word("none", "none", "无", Tone::Bad),
        };
        let counters = &kept.counters;
        let mut row = vec![Cell::Day(day), state];
        if kept.sensor_entries == 0 {
            row.resize(16, Cell::Empty);
            return row;
        }
        row.extend([
            Cell::count(counters.hours_with_traffic),
            Cell::count(counters.frames_read),
            Cell::count(counters.lost_frames()),
            Cell::Share {
                part: counters.lost_frames(),
                whole: counters.offered_frames(),
            },
            Cell::count(counters.gaps),
            Cell::bytes(counters.missing_bytes),
            Cell::count(counters.packets),
            Cell::bytes(counters.wire_bytes),
            Cell::count(counters.kernel_dropped),
            Cell::count(counters.interface_dropped),
            Cell::count(counters.dropped_frames()),
            Cell::count(counters.late),
            Cell::count(counters.clock_jumps),
            Cell::count(counters.evicted()),
        ]);
        row
    }

    fn reason_table(&self) -> Table {
        let columns = vec![
            self.words_column("where", "Where", "环节"),
            self.words_column("reason", "Reason", "原因"),
            self.column("count", "Count", "次数", ColumnKind::Count),
        ];
        let dropped = self.counters.dropped.iter();
        let dropped = dropped.map(|it| (self.word("decode", "frame", "解析帧", Tone::Plain), it));
        let evicted = self.counters.evictions.iter();
        let evicted = evicted.map(|it| (self.word("evict", "full table", "表满", Tone::Plain), it));
        let mut all: Vec<_> = dropped
            .chain(evicted)
            .filter(|(_, (_, count))| **count > 0)
            .collect();
        all.sort_by(|(_, (a, one)), (_, (b, two))| two.cmp(one).then_with(|| a.cmp(b)));
        let rows = all
            .into_iter()
            .map(|(place, (reason, count))| vec![place, Cell::text(reason), Cell::count(*count)]);
        let title = ("Drops and evictions by reason", "按原因统计的丢弃与放弃");
        self.table("drops", title.0, title.1, columns).fill(rows)
    }

    fn run_table(&self) -> Table {
        let columns = vec![
            self.column("started", "Started", "启动", ColumnKind::Time),
            self.column("stopped", "Stopped", "停止", ColumnKind::Time),
            self.words_column("reason", "Why", "原因"),
            self.words_column("version", "Version", "版本"),
            self.words_column("inputs", "Inputs", "输入"),
            self.words_column("jurisdictions", "Home", "境内范围"),
            self.detail("networks", "Networks", "网段", ColumnKind::Text),
            self.detail("time_zone", "Time zone", "时区", ColumnKind::Text),
            self.detail(
                "config_sha256",
                "Configuration",
                "配置 SHA-256",
                ColumnKind::Text,
            ),
            self.detail("index", "Entry", "条目序号", ColumnKind::Count),
        ];
        let rows = self.facts.states.runs.iter().map(|run| {
            let stopped = run.stopped.as_ref();
            vec![
                self.moment(run.place.time),
                self.moment_if(stopped.map(|(time, _)| *time)),
                stopped.map_or(Cell::Empty, |(_, why)| {
                    words::cell(REASONS, why, self.language)
                }),
                Cell::text(&run.version),
                Cell::text(&run.inputs.join(", ")),
                Cell::text(&run.jurisdictions.join(" ")),
                Cell::text(&run.networks.join(" ")),
                Cell::text(&run.zone),
                Cell::text(&run.config_hash),
                Cell::count(run.place.index),
            ]
        });
        self.table("runs", "Runs of the sensor", "探针运行记录", columns)
            .fill(rows)
    }

    fn note_table(&self) -> Table {
        let columns = vec![
            self.column("time", "When", "时间", ColumnKind::Time),
            self.words_column("text", "Note", "备注"),
        ];
        let rows = self.facts.notes.iter();
        let rows = rows.map(|(time, text)| vec![self.moment(*time), Cell::text(text)]);
        self.table("notes", "Notes in the ledger", "账本备注", columns)
            .fill(rows)
    }
}
