//! The last sections of every report: what it cannot show, and what it rests on.

use super::common::Context;
use super::model::{Block, Cell, ColumnKind, Section, Table, Tone};
use super::number;
use super::summary::DATABASE_DAYS_MAX;
use super::words;
use crate::time::SECONDS_PER_DAY;

impl Context<'_> {
    /// What no sensor can know.
    pub(super) fn cannot_show(&self) -> Section {
        let points = match self.language {
            super::Language::English => CANNOT_SHOW_ENGLISH,
            super::Language::Chinese => CANNOT_SHOW_CHINESE,
        };
        let title = self.say("What this cannot show", "本报告不能说明的事项");
        let points = points.lines().map(str::to_owned).collect();
        self.section(
            "cannot_show",
            "Limits",
            "局限",
            vec![Block::Notice(title, points)],
        )
    }

    /// How the figures were made, and what pins them.
    pub(super) fn method(&self) -> Vec<Section> {
        let counting = self.paragraph(
            "Bytes are unique payload bytes that went from an asset of the site to an address \
             outside its jurisdictions, whoever opened the connection; what TCP sent twice counts \
             once. The jurisdiction is that of the address of the first foreign peer. Days are \
             those of the time zone above. The mark ≥ reads \u{201c}at least\u{201d}.",
            "数据量指从本单位资产发往境外地址的去重有效载荷字节数，不论连接由哪一方发起；TCP \
             重传只计一次。国家/地区以首个境外对端地址的归属为准。日期按上述时区划分。符号 ≥ \
             表示“至少”（下限）。",
        );
        let counts = vec![counting, Block::Table(self.counter_table())];
        vec![
            self.section(
                "method",
                "How the figures were made",
                "统计口径与可信度",
                counts,
            ),
            self.section(
                "sources",
                "Rule packs and databases",
                "规则包与数据库",
                vec![
                    Block::Table(self.pack_table()),
                    Block::Table(self.database_table()),
                    Block::Table(self.register_table()),
                ],
            ),
            self.section(
                "ledger",
                "What pins this report",
                "本报告的固定依据",
                self.pins(),
            ),
        ]
    }

    fn counter_table(&self) -> Table {
        let counters = &self.counters;
        let columns = vec![
            self.words_column("counter", "Counter", "计数项"),
            self.column("value", "In the window", "期间合计", ColumnKind::Count),
        ];
        let values = [
            self.days,
            self.whole_days,
            counters.hours_with_traffic,
            counters.frames_read,
            counters.lost_frames(),
            counters.dropped_frames(),
            counters.gaps,
            counters.missing_bytes,
            counters.late,
            counters.clock_jumps,
            counters.evicted(),
        ];
        let rows = words::COUNTERS.iter().zip(values).map(|(word, value)| {
            let counter = words::cell(words::COUNTERS, word.code, self.language);
            vec![counter, Cell::count(value)]
        });
        self.table("counters", "Counters of the sensor", "探针计数", columns)
            .fill(rows)
    }

    pub(super) fn pack_table(&self) -> Table {
        let columns = vec![
            self.words_column("id", "Pack", "规则包"),
            self.words_column("title", "Title", "名称"),
            self.words_column("version", "Version", "版本"),
            self.words_column("status", "Status", "状态"),
            self.column("since", "In the ledger since", "入账时间", ColumnKind::Time),
            self.detail("sha256", "SHA-256", "SHA-256", ColumnKind::Text),
        ];
        let rows = self.facts.states.packs.iter().map(|pack| {
            let title = match self.language.pick(&pack.english, &pack.chinese) {
                title if title.is_empty() => &pack.english,
                title => title,
            };
            vec![
                Cell::text(&pack.id),
                Cell::text(title),
                Cell::text(&pack.version),
                words::cell(words::STATUSES, &pack.status, self.language),
                self.moment(pack.place.time),
                Cell::text(&pack.hash),
            ]
        });
        let nothing = self.say("No rule pack was in force.", "没有生效的规则包。");
        let table = self.table("packs", "Rule packs in force", "生效的规则包", columns);
        table.fill(rows).or(&nothing)
    }

    pub(super) fn database_table(&self) -> Table {
        let columns = vec![
            self.words_column("database", "Database", "数据库"),
            self.words_column("name", "File", "文件"),
            self.column("built", "Built", "构建时间", ColumnKind::Time),
            self.column(
                "age_days",
                "Age at the end, days",
                "期末已用天数",
                ColumnKind::Count,
            ),
            self.words_column("state", "State", "状态"),
            self.detail("sha256", "SHA-256", "SHA-256", ColumnKind::Text),
        ];
        let rows = self
            .facts
            .states
            .newest_databases()
            .into_iter()
            .map(|database| {
                let age = database
                    .built
                    .map(|built| self.end.seconds_since(built) / SECONDS_PER_DAY);
                let state = match age {
                    Some(age) if age > DATABASE_DAYS_MAX => Cell::Word {
                        code: "old".to_owned(),
                        label: self.say("older than 30 days", "超过 30 天"),
                        tone: Tone::Warning,
                    },
                    Some(_) => Cell::Word {
                        code: "recent".to_owned(),
                        label: self.say("recent", "较新"),
                        tone: Tone::Plain,
                    },
                    None => Cell::Empty,
                };
                vec![
                    words::cell(words::DATABASES, &database.kind, self.language),
                    Cell::text(&database.name),
                    self.moment_if(database.built),
                    age.map_or(Cell::Empty, Cell::count),
                    state,
                    Cell::text(&database.hash),
                ]
            });
        let nothing = self.say("No database is recorded.", "没有数据库记录。");
        let table = self.table(
            "databases",
            "Databases of addresses",
            "地址归属数据库",
            columns,
        );
        table.fill(rows).or(&nothing)
    }

    fn register_table(&self) -> Table {
        let columns = vec![
            self.column("since", "In the ledger since", "入账时间", ColumnKind::Time),
            self.column("assets", "Assets", "资产数", ColumnKind::Count),
            self.column("approvals", "Approvals", "事项数", ColumnKind::Count),
            self.column(
                "listed",
                "Of them in the ledger",
                "其中入账",
                ColumnKind::Count,
            ),
            self.detail("sha256", "SHA-256", "SHA-256", ColumnKind::Text),
        ];
        let register = self.facts.states.register.iter();
        let rows = register.map(|register| {
            vec![
                self.moment(register.place.time),
                Cell::count(register.assets),
                Cell::count(register.approvals),
                Cell::count(register.listed.len() as u64),
                Cell::text(&register.hash),
            ]
        });
        let nothing = self.say("No register is recorded.", "没有登记册记录。");
        let table = self.table(
            "register",
            "Register of assets and approvals",
            "资产与事项登记册",
            columns,
        );
        table.fill(rows).or(&nothing)
    }

    fn pins(&self) -> Vec<Block> {
        let used = self.facts.used.iter();
        let first = used.clone().map(|used| used.place.index).min();
        let last = used.map(|used| used.place.index).max();
        let number = |index: Option<u64>| index.map_or(Cell::Empty, Cell::count);
        let head_text = |text: Option<&str>| text.map_or(Cell::Empty, Cell::text);
        let kept = self.facts.used.len() as u64;
        let rows = [
            (
                "entries_used",
                "Entries that this report rests on",
                "所依据的条目数",
                Cell::count(kept.saturating_add(self.facts.used_left_over)),
            ),
            (
                "first_index",
                "Index of the first",
                "首个条目序号",
                number(first),
            ),
            (
                "last_index",
                "Index of the last",
                "末个条目序号",
                number(last),
            ),
            (
                "head_size",
                "Entries under the head",
                "树头覆盖的条目数",
                number(self.head.map(|head| head.size)),
            ),
            ("head_root", "Root of the tree", "树根哈希", {
                head_text(self.head.map(|head| head.root_hex.as_str()))
            }),
            ("head_time", "Time of the head", "树头时间", {
                self.moment_text(self.head.map(|head| head.time.as_str()))
            }),
            ("head_key", "Public key of the signer", "签名者公钥", {
                head_text(self.head.map(|head| head.public_key.as_str()))
            }),
        ];
        let columns = vec![
            self.detail("name", "Name", "名称", ColumnKind::Text),
            self.words_column("label", "Item", "项目"),
            self.words_column("value", "Value", "值"),
        ];
        let rows = rows.map(|(name, english, chinese, value)| {
            vec![
                Cell::Text(name.to_owned()),
                Cell::Text(self.say(english, chinese)),
                value,
            ]
        });
        let said = self.paragraph(
            "The ledger is a Merkle tree whose head is signed. Whoever has the head can check \
             that no entry under it was changed, added or removed since.",
            "账本为默克尔树，树头经签名。持有树头者可以核验其下条目此后未被更改、增加或删除。",
        );
        let table = self
            .table("head", "Head of the ledger", "账本树头", columns)
            .fill(rows);
        vec![
            said,
            Block::Table(table),
            Block::Commands(vec![
                "borderflow ledger verify DIR".to_owned(),
                "borderflow ledger prove DIR INDEX".to_owned(),
            ]),
        ]
    }

    /// A time that is a text, in the zone of the report.
    fn moment_text(&self, text: Option<&str>) -> Cell {
        let text = text.unwrap_or_default();
        let tick = text.parse().ok();
        tick.map_or_else(
            || Cell::text(text),
            |tick| Cell::Moment {
                tick,
                text: number::moment(tick, &self.zone),
            },
        )
    }
}

const CANNOT_SHOW_ENGLISH: &str = include_str!("cannot_show.en.txt");
const CANNOT_SHOW_CHINESE: &str = include_str!("cannot_show.zh.txt");
