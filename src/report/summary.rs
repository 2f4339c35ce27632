//! The first page: what has to be known before the numbers, and the numbers.

use super::common::Context;
use super::model::{Cell, Figure, Tone};
use super::{number, places};
use crate::time::SECONDS_PER_DAY;

/// Days after which a database of addresses is called old.
pub(super) const DATABASE_DAYS_MAX: u64 = 30;

impl Context<'_> {
    /// The six figures of reports on flows.
    pub(super) fn flow_figures(&self) -> Vec<Figure> {
        let mut figures = vec![
            self.bytes_figure(),
            self.recipients_figure(),
            self.jurisdictions_figure(),
            self.finding_figure(),
            self.unprotected_figure(),
        ];
        figures.push(self.coverage_figure());
        figures
    }

    fn bytes_figure(&self) -> Figure {
        let transfers = number::count(self.total.transfers);
        let assets = self.facts.flows.distinct(|key| key.asset.clone());
        Figure {
            note: self.language.pick(
                format!(
                    "{} by {}",
                    number::of(self.total.transfers, "transfer"),
                    number::of(assets, "asset")
                ),
                format!("{assets} 个资产，{transfers} 次传输"),
            ),
            ..self.figure(
                "bytes_out",
                "Left the border",
                "出境数据量",
                self.bytes(self.total.bytes),
            )
        }
    }

    fn recipients_figure(&self) -> Figure {
        let recipients = self.facts.flows.distinct(super::flows::Key::receiver);
        let flows = self.facts.flows.iter();
        let unnamed = flows.filter(|(key, _)| key.recipient.is_empty());
        let unnamed = unnamed
            .map(|(_, flow)| flow.bytes)
            .fold(0, u64::saturating_add);
        let share = number::share(unnamed, self.total.bytes);
        Figure {
            note: self.language.pick(
                format!("{share} of bytes to addresses without a name"),
                format!("{share} 的数据量对应的接收方无域名"),
            ),
            ..self.figure(
                "recipients",
                "Recipients",
                "境外接收方",
                self.at_least(recipients),
            )
        }
    }

    fn jurisdictions_figure(&self) -> Figure {
        let sums = self.facts.flows.by(|key, _| key.jurisdiction.clone());
        let known = sums
            .iter()
            .filter(|(code, _)| code != places::UNKNOWN)
            .count();
        let names = sums.iter().take(3);
        let names = names.map(|(code, _)| places::name(code, self.language));
        let names: Vec<_> = names.collect();
        Figure {
            note: match names.is_empty() {
                true => String::new(),
                false => {
                    self.language.pick("most to ", "数据量居前：").to_owned()
                        + &names.join(self.language.comma())
                }
            },
            ..self.figure("jurisdictions", "Jurisdictions", "目的地国家/地区", {
                self.at_least(known as u64)
            })
        }
    }

    fn finding_figure(&self) -> Figure {
        let is_judged = self.total.judged.iter().any(|bytes| *bytes > 0);
        let bytes = self.total.finding_bytes();
        let findings = self.facts.judgements.findings().len();
        let share = number::share(bytes, self.total.bytes);
        let value = match is_judged {
            true => self.bytes(bytes),
            false => Cell::Empty,
        };
        let note = match is_judged {
            true => self.language.pick(
                format!(
                    "{share} of bytes, {} of the packs",
                    number::of(findings as u64, "finding")
                ),
                format!("占 {share}，规则包提示 {findings} 项"),
            ),
            false => self.say("no pack has judged", "没有规则包作出判定"),
        };
        Figure {
            note,
            tone: if bytes > 0 { Tone::Bad } else { Tone::Plain },
            ..self.figure(
                "finding_bytes",
                "Not covered by an approval",
                "未被批准事项覆盖",
                value,
            )
        }
    }

    fn unprotected_figure(&self) -> Figure {
        let (bytes, whole) = (self.total.unprotected_bytes(), self.total.bytes);
        let unseen = number::share(self.total.unseen_bytes(), whole);
        let value = Cell::Share { part: bytes, whole };
        Figure {
            note: self.language.pick(
                format!("clear or weak; not known for another {unseen}"),
                format!("明文或弱加密；另有 {unseen} 未知"),
            ),
            tone: if bytes > 0 { Tone::Bad } else { Tone::Plain },
            ..self.figure("unprotected_share", "Unprotected", "未受有效保护", value)
        }
    }

    pub(super) fn coverage_figure(&self) -> Figure {
        let (part, whole) = (self.whole_days, self.days);
        let lost = number::share(self.counters.lost_frames(), self.counters.offered_frames());
        let unsure = number::share(self.total.unsure_bytes(), self.total.bytes);
        Figure {
            note: self.language.pick(
                format!("{part} of {whole} days; frames lost {lost}; country in doubt {unsure}"),
                format!("{whole} 天中 {part} 天；丢帧 {lost}；目的地存疑 {unsure}"),
            ),
            tone: if part < whole {
                Tone::Warning
            } else {
                Tone::Plain
            },
            ..self.figure(
                "coverage_share",
                "How sure: days covered",
                "把握程度：覆盖天数",
                Cell::Share { part, whole },
            )
        }
    }

    /// What the first page of a report on flows says in words.
    pub(super) fn flow_lead(&self) -> String {
        let window = self.window_words();
        if self.is_in_doubt() {
            return self.language.pick(
                format!(
                    "{window} the ledger holds no transfer across the border. That says \
                     nothing of what the sensor did not see."
                ),
                format!("{window}，账本中没有出境传输记录。这并不说明探针视野之外没有传输。"),
            );
        }
        let bytes = self.bytes_words(self.total.bytes);
        let recipients = self.facts.flows.distinct(super::flows::Key::receiver);
        let places = self.facts.flows.by(|key, _| key.jurisdiction.clone());
        let places = places
            .iter()
            .filter(|(code, _)| code != places::UNKNOWN)
            .count();
        let found = number::bytes(self.total.finding_bytes());
        let share = number::share(self.total.unprotected_bytes(), self.total.bytes);
        let incidents = self.facts.incidents.gravest_first().len();
        let named = number::of(recipients, "recipient");
        let known = number::of(places as u64, "jurisdiction");
        let recorded = number::of(incidents as u64, "incident");
        self.language.pick(
            format!(
                "{window} {bytes} left for {named} in {known}. \
                 The packs report a finding for {found} of it, {share} was in \
                 the clear or weakly protected, and the ledger records {recorded}."
            ),
            format!(
                "{window}，{bytes} 数据流向 {places} 个国家/地区的 {recipients} 个境外接收方。\
                 其中 {found} 被规则包提示，{share} 以明文或弱加密传输；期间记录异常事件 \
                 {incidents} 起。"
            ),
        )
    }

    /// What a reader has to know before the numbers.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.window_warnings();
        warnings.extend(self.loss_warnings());
        warnings.extend(self.source_warnings());
        warnings.extend(self.bound_warnings());
        warnings
    }

    fn window_warnings(&self) -> Vec<String> {
        let (request, facts) = (self.request, self.facts);
        let mut warnings = Vec::new();
        if request.from > request.to {
            warnings.push(self.say(
                "The first day of the window is later than the last: the window is empty.",
                "统计期间的起始日晚于截止日，统计期间为空。",
            ));
        } else if facts.days.is_empty() {
            warnings.push(self.say(
                "The ledger holds no totals and no counters for any day of the window. Whether \
                 the sensor ran cannot be told from it.",
                "账本中没有统计期间内任何一天的汇总和计数记录，无法据此判断探针是否运行。",
            ));
        }
        if request.entity.is_some() && facts.flows.is_empty() {
            warnings.push(self.say(
                "No totals of the window name this entity. Its name has to be written as the \
                 inventory has it.",
                "统计期间内的汇总未出现该主体，其名称须与资产清单中的写法一致。",
            ));
        } else if request.entity.is_some() {
            warnings.push(self.say(
                "Incidents are those of assets that the totals of the window name for this \
                 entity. Counters, packs and databases are of the whole sensor.",
                "异常事件仅含期间汇总中归属该主体的资产；计数、规则包与数据库为整个探针的情况。",
            ));
        }
        if number::days_counted(request.from, request.to) > self.days {
            warnings.push(self.say(
                "The window is not over yet. Figures will grow.",
                "统计期间尚未结束，数值还会增加。",
            ));
        }
        if facts.zones.len() > 1 {
            let zones: Vec<_> = facts.zones.iter().map(String::as_str).collect();
            let zones = zones.join(self.language.comma());
            warnings.push(self.language.pick(
                format!(
                    "Runs of the ledger used different time zones ({zones}). Days are those \
                     of the run that recorded them."
                ),
                format!("账本中各次运行所用时区不同（{zones}），日期以记录时所用时区为准。"),
            ));
        }
        if facts.zones.is_empty() {
            warnings.push(self.say(
                "The ledger names no time zone that is known. Times are in UTC.",
                "账本未注明可识别的时区，时间以 UTC 表示。",
            ));
        }
        warnings
    }

    fn loss_warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let missing = self.days.saturating_sub(self.whole_days);
        let days = self.days;
        if missing > 0 && !self.facts.days.is_empty() {
            warnings.push(self.language.pick(
                format!(
                    "Of {days} days, {missing} lack complete totals. All sums are lower \
                     bounds."
                ),
                format!("{days} 天中有 {missing} 天缺少完整汇总，所有合计均为下限。"),
            ));
        }
        let lost = self.counters.lost_frames();
        if lost > 0 {
            let share = number::share(lost, self.counters.offered_frames());
            let frames = number::of(lost, "frame");
            let lost = number::count(lost);
            warnings.push(self.language.pick(
                format!(
                    "{frames} ({share}) lost before reading. All sums \
                     are lower bounds."
                ),
                format!("{lost} 帧（{share}）在读取前丢失，所有合计均为下限。"),
            ));
        }
        warnings
    }

    fn source_warnings(&self) -> Vec<String> {
        let states = &self.facts.states;
        let mut warnings = Vec::new();
        let drafts: Vec<_> = states
            .packs
            .iter()
            .filter(|pack| pack.status != "verified")
            .collect();
        if !drafts.is_empty() {
            let names: Vec<_> = drafts.iter().take(8).map(|pack| pack.id.as_str()).collect();
            let (drafts, packs) = (drafts.len(), states.packs.len());
            let names = names.join(self.language.comma());
            warnings.push(self.language.pick(
                format!(
                    "{drafts} of {packs} rule packs are drafts that nobody has checked against \
                     the official texts: {names}."
                ),
                format!("{packs} 个规则包中有 {drafts} 个为草案，尚未与官方文本核对：{names}。"),
            ));
        }
        for database in states.newest_databases() {
            let age = database
                .built
                .map(|built| self.end.seconds_since(built) / SECONDS_PER_DAY);
            if let Some(age) = age.filter(|age| *age > DATABASE_DAYS_MAX) {
                let name = &database.name;
                warnings.push(self.language.pick(
                    format!(
                        "The database {name} was {age} days old at the end of the window. \
                         Addresses may have moved since."
                    ),
                    format!("截至期末，数据库 {name} 已有 {age} 天未更新，地址归属可能已变化。"),
                ));
            }
        }
        if self.head.is_none() {
            warnings.push(self.say(
                "No signed head of the ledger was given. Nothing pins the entries that this \
                 report rests on.",
                "未提供账本的签名树头，本报告所依据的条目未被固定。",
            ));
        }
        warnings
    }

    /// What bounds of this program left out.
    fn bound_warnings(&self) -> Vec<String> {
        let facts = self.facts;
        let left = [
            (
                facts.flows.left_over_rows,
                "rows of totals are only in the sums",
                "行汇总仅计入合计",
            ),
            (
                facts.judgements.left_over,
                "verdicts are left out",
                "条判定未列入",
            ),
            (
                facts.incidents.left_over_lines,
                "alert lines are left out",
                "条告警未列入",
            ),
            (
                facts.meters.left_over,
                "meter readings are left out",
                "条计量记录未列入",
            ),
            (
                facts.states.left_over,
                "entries of runs and packs are left out",
                "条状态未列入",
            ),
            (
                facts.days_left_over,
                "entries of days are left out",
                "条日记录未列入",
            ),
            (facts.notes_left_over, "notes are left out", "条备注未列入"),
        ];
        let left = left.into_iter().filter(|(count, ..)| *count > 0);
        let mut warnings: Vec<_> = left
            .map(|(count, english, chinese)| {
                let count = number::count(count);
                self.language.pick(
                    format!("{count} {english}, because the report has no room for more."),
                    format!("{count} {chinese}（超出报告容量）。"),
                )
            })
            .collect();
        if facts.unknown_entries > 0 {
            let entries = number::of(facts.unknown_entries, "entry");
            let count = number::count(facts.unknown_entries);
            warnings.push(self.language.pick(
                format!("{entries} of kinds that this version does not know, passed over."),
                format!("{count} 个条目的类型不为本版本所识别，已略过。"),
            ));
        }
        warnings
    }
}
