//! What all reports share: the reading of what was gathered, and the frame of the document.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::flows::{Flow, Key};
use super::gather::Facts;
use super::model::{Block, Cell, Column, ColumnKind, Figure, Report, Section, Table, Tone};
use super::state::Counters;
use super::words::{self, VERDICTS};
use super::{Head, Kind, Language, Request};
use super::{number, places};
use crate::time::Tick;

/// What was gathered, and what follows from it.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a Facts,
    pub(super) zone: TimeZone,
    pub(super) head: Option<&'a Head>,
    pub(super) language: Language,
    /// The sum of all flows of the window.
    pub(super) total: Flow,
    /// The sum of all counters of the window.
    pub(super) counters: Counters,
    /// The end of the window, or now where that is earlier.
    pub(super) end: Tick,
    /// Days of the window that have begun.
    pub(super) days: u64,
    /// Days of them of which all totals were read.
    pub(super) whole_days: u64,
    /// Whether figures of bytes may be too small.
    pub(super) is_lower_bound: bool,
}

/// What a report holds between its first page and its last sections.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) lead: String,
    pub(super) figures: Vec<Figure>,
    pub(super) sections: Vec<Section>,
    pub(super) main_table: &'static str,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        request: &'a Request,
        facts: &'a Facts,
        zone: TimeZone,
        head: Option<&'a Head>,
    ) -> Self {
        let mut counters = Counters::default();
        facts
            .days
            .values()
            .for_each(|day| counters.add(&day.counters));
        let today = number::day(request.now, &zone);
        let days = number::days_counted(request.from, request.to.min(today));
        let whole_days = facts.days.values().filter(|day| day.is_whole()).count() as u64;
        let is_lower_bound = counters.is_lossy() || whole_days < days;
        Self {
            request,
            facts,
            head,
            language: request.language,
            total: facts.flows.total(),
            counters,
            end: end_of(request.to, &zone).min(request.now),
            days,
            whole_days: whole_days.min(days),
            is_lower_bound,
            zone,
        }
    }

    /// The whole document.
    pub(super) fn report(&self) -> Report {
        let content = match self.request.kind {
            Kind::SelfAssessment => self.self_assessment(),
            Kind::Reconciliation => self.reconciliation(),
            Kind::ListUsage => self.list_usage(),
            Kind::UsLog => self.us_log(),
            Kind::EuMap => self.eu_map(),
            Kind::Incident => self.quick(),
            Kind::Protection => self.protection(),
            Kind::Assurance => self.assurance(),
            Kind::Proof => self.proof(),
        };
        let mut sections = content.sections;
        sections.push(self.cannot_show());
        sections.extend(self.method());
        Report {
            kind: self.request.kind,
            language: self.language,
            title: self.request.kind.title(self.language).to_owned(),
            facts: self.heading_facts(),
            warnings: self.warnings(),
            lead: content.lead,
            figures: content.figures,
            sections,
            main_table: content.main_table,
        }
    }

    fn heading_facts(&self) -> Vec<Figure> {
        let request = self.request;
        let all = self.say("all declared entities", "全部已申报主体");
        let entity = request.entity.clone().unwrap_or(all);
        let window = self.language.pick(
            format!("{} through {}", request.from, request.to),
            format!("{} 至 {}（含首尾两日）", request.from, request.to),
        );
        vec![
            self.figure("entity", "Entity", "主体", Cell::Text(entity)),
            self.figure("window", "Window", "统计期间", Cell::Text(window)),
            self.figure(
                "time_zone",
                "Time zone",
                "时区",
                Cell::text(&self.facts.zone_name),
            ),
            self.figure("made", "Made", "生成时间", self.moment(request.now)),
        ]
    }

    pub(super) fn figure(
        &self,
        name: &'static str,
        english: &str,
        chinese: &str,
        value: Cell,
    ) -> Figure {
        Figure {
            name,
            label: self.say(english, chinese),
            value,
            note: String::new(),
            tone: Tone::Plain,
        }
    }

    pub(super) fn say(&self, english: &str, chinese: &str) -> String {
        self.language.pick(english, chinese).to_owned()
    }

    pub(super) fn section(
        &self,
        name: &'static str,
        english: &str,
        chinese: &str,
        blocks: Vec<Block>,
    ) -> Section {
        Section {
            name,
            title: self.say(english, chinese),
            blocks,
        }
    }

    pub(super) fn paragraph(&self, english: &str, chinese: &str) -> Block {
        Block::Paragraph(self.say(english, chinese))
    }

    pub(super) fn heading(&self, english: &str, chinese: &str) -> Block {
        Block::Heading(self.say(english, chinese))
    }

    pub(super) fn blank(&self, english: &str, chinese: &str) -> Block {
        Block::Blank(self.say(english, chinese))
    }

    pub(super) fn table(
        &self,
        name: &'static str,
        english: &str,
        chinese: &str,
        columns: Vec<Column>,
    ) -> Table {
        let nothing = self.say(
            "Nothing was recorded in this window.",
            "本统计期间内无记录。",
        );
        Table::new(name, self.language.pick(english, chinese), columns).or(&nothing)
    }

    pub(super) fn column(
        &self,
        name: &'static str,
        english: &str,
        chinese: &str,
        kind: ColumnKind,
    ) -> Column {
        Column {
            name,
            title: self.say(english, chinese),
            kind,
            is_detail: false,
        }
    }

    pub(super) fn words_column(&self, name: &'static str, english: &str, chinese: &str) -> Column {
        self.column(name, english, chinese, ColumnKind::Text)
    }

    pub(super) fn detail(
        &self,
        name: &'static str,
        english: &str,
        chinese: &str,
        kind: ColumnKind,
    ) -> Column {
        Column {
            is_detail: true,
            ..self.column(name, english, chinese, kind)
        }
    }

    pub(super) const fn bytes(&self, value: u64) -> Cell {
        Cell::Bytes {
            value,
            is_lower_bound: self.is_lower_bound,
        }
    }

    pub(super) const fn at_least(&self, value: u64) -> Cell {
        Cell::Count {
            value,
            is_lower_bound: self.is_lower_bound,
        }
    }

    /// Bytes within a sentence.
    pub(super) fn bytes_words(&self, value: u64) -> String {
        let text = number::bytes(value);
        match self.is_lower_bound {
            true => self
                .language
                .pick(format!("at least {text}"), format!("至少 {text}")),
            false => text,
        }
    }

    pub(super) fn moment(&self, tick: Tick) -> Cell {
        Cell::Moment {
            tick,
            text: number::moment(tick, &self.zone),
        }
    }

    pub(super) fn moment_if(&self, tick: Option<Tick>) -> Cell {
        tick.map_or(Cell::Empty, |tick| self.moment(tick))
    }

    /// The day of a moment, where the moment itself says too much.
    pub(super) fn day_if(&self, tick: Option<Tick>) -> Cell {
        tick.map_or(Cell::Empty, |tick| Cell::Day(number::day(tick, &self.zone)))
    }

    pub(super) fn country(&self, code: &str) -> Cell {
        Cell::Word {
            code: code.to_owned(),
            label: places::full_name(code, self.language),
            tone: Tone::Plain,
        }
    }

    pub(super) fn categories(&self, flow: &Flow) -> Cell {
        let codes = flow.categories.iter().map(String::as_str);
        match flow.categories.is_empty() {
            true => words::cell(words::CATEGORIES, words::UNDECLARED, self.language),
            false => words::cells(words::CATEGORIES, codes, self.language),
        }
    }

    /// The recipient of a flow, or that none is known.
    pub(super) fn receiver(&self, receiver: &str) -> Cell {
        match receiver.is_empty() {
            true => Cell::Word {
                code: "unknown".to_owned(),
                label: self.say("not identified", "未识别"),
                tone: Tone::Plain,
            },
            false => Cell::Text(receiver.to_owned()),
        }
    }

    /// The gravest of the verdicts that stand.
    pub(super) fn verdict(&self, flow: &Flow) -> Cell {
        let ranks = flow
            .verdicts
            .values()
            .filter_map(|code| words::rank(VERDICTS, code));
        self.verdict_at(ranks.max())
    }

    pub(super) fn verdict_at(&self, rank: Option<usize>) -> Cell {
        let word = rank.and_then(|rank| VERDICTS.get(rank));
        word.map_or(Cell::Empty, |word| {
            words::cell(VERDICTS, word.code, self.language)
        })
    }

    /// A cell of a code that is none of the ledger.
    pub(super) fn word(&self, code: &str, english: &str, chinese: &str, tone: Tone) -> Cell {
        Cell::Word {
            code: code.to_owned(),
            label: self.say(english, chinese),
            tone,
        }
    }

    /// The word at a place of a list.
    pub(super) fn word_at(&self, words: &[words::Word], place: usize) -> Cell {
        let word = words.get(place);
        word.map_or(Cell::Empty, |word| {
            words::cell(words, word.code, self.language)
        })
    }

    /// How a window and its totals are told in a sentence.
    pub(super) fn window_words(&self) -> String {
        let (from, to) = (self.request.from, self.request.to);
        let zone = &self.facts.zone_name;
        self.language.pick(
            format!("From {from} to {to} ({zone})"),
            format!("{from} 至 {to}（{zone}）"),
        )
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.facts.flows.is_empty() && self.total.bytes == 0
    }
}

/// Where a flow goes and who sends it, which several tables group by.
pub(super) fn by_recipient(key: &Key) -> (String, String) {
    (key.receiver(), key.jurisdiction.clone())
}

/// The first moment after a day.
fn end_of(day: Date, zone: &TimeZone) -> Tick {
    let next = day.saturating_add(1.days());
    let start = next
        .to_zoned_datetime(zone.clone())
        .map(|zoned| zoned.timestamp().as_second());
    Tick(
        start
            .ok()
            .and_then(|second| u64::try_from(second).ok())
            .unwrap_or(0),
    )
}
