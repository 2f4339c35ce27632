//! Packs, rules and verdicts as people read them, and what differs between two packs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::cite::cite_in_chinese;
use super::judge::{Judged, Measure, Undetermined, Verdict};
use super::labels::{category_label, grade_label, route_label};
use super::pack::{Pack, PackStatus};
use super::rule::{Destination, Rule, RuleId, Threshold};
use super::terms::{Language, WrittenCountry};
use crate::inventory::Category;

/// A field in which two packs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is of: a rule, `pack`, or `adequacy` and a country.
    pub of: String,
    /// The field; none where the whole is in one pack only.
    pub field: Option<String>,
    /// In the first, as JSON; nothing where it is not there.
    pub before: Option<String>,
    /// In the second.
    pub after: Option<String>,
}

/// A line of each pack: name, version, status, number of rules, and title.
pub fn list(packs: &[Pack], language: Language) -> String {
    let mut text = String::new();
    for pack in packs {
        let (rules, unit) = (pack.rules.len(), say(language, "rules", "条规则"));
        let (id, status) = (&pack.id, pack.status.label(language));
        let (version, title) = (pack.version, pack.title.of(language));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{id:<16} {version}  {status}  {rules:>3} {unit}  {title}"
        );
    }
    text
}

/// What a rule says and when it applies. Nothing if the pack has no such rule.
pub fn explain(pack: &Pack, rule: &str, language: Language) -> Option<String> {
    let rule = pack.rule(rule)?;
    let chinese = (language == Language::Zh).then(|| cite_in_chinese(&rule.cite));
    let cite = chinese.flatten().unwrap_or_else(|| rule.cite.clone());
    let mut text = format!("{}  {cite}\n{}\n", rule.id, rule.text.of(language));
    for (what, value) in rule.lines(pack, language) {
        let _ = writeln!(text, "  {what}: {value}");
    }
    if rule.status == PackStatus::Draft {
        text.push_str(say(
            language,
            "Nobody has held this against the official text yet.\n",
            "本规则尚未与官方文本核对。\n",
        ));
    }
    Some(text)
}

/// What differs between two packs, rule by rule and field by field, by name. The version that
/// rules carry is passed over: it is one of the pack.
pub fn diff(before: &Pack, after: &Pack) -> Vec<Difference> {
    let (before, after) = (described(before), described(after));
    let mut differences = Vec::new();
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => differences.extend(changed(name, before, after)),
            (before, after) => differences.push(Difference {
                of: name.clone(),
                field: None,
                before: before.map(ToString::to_string),
                after: after.map(ToString::to_string),
            }),
        }
    }
    differences
}

fn changed(name: &str, before: &Value, after: &Value) -> Vec<Difference> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Vec::new();
    };
    let fields: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of_field = fields.into_iter().filter_map(|field| {
        let (before, after) = (before.get(field), after.get(field));
        (before != after).then(|| Difference {
            of: name.to_owned(),
            field: Some(field.clone()),
            before: before.map(ToString::to_string),
            after: after.map(ToString::to_string),
        })
    });
    of_field.collect()
}

/// All of a pack that can differ, by name.
fn described(pack: &Pack) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let countries = |list: &[_]| list.iter().copied().map(WrittenCountry).collect::<Vec<_>>();
    let header = serde_json::json!({
        "id": pack.id,
        "version": pack.version,
        "title": pack.title,
        "jurisdiction": pack.jurisdiction,
        "home": countries(&pack.home),
        "foreign_extra": countries(&pack.foreign_extra),
        "time_zone": pack.time_zone,
        "status": pack.status,
        "source": pack.source,
        "read_by": pack.read_by,
        "read_on": pack.read_on,
        "extends": pack.extends,
    });
    all.insert("pack".to_owned(), header);
    for rule in &pack.rules {
        let mut value = serde_json::to_value(rule).unwrap_or_default();
        if let Value::Object(fields) = &mut value {
            fields.retain(|field, value| field != "version" && !is_empty(value));
        }
        all.insert(rule.id.to_string(), value);
    }
    for adequacy in &pack.adequacies {
        let name = format!(
            "adequacy {} {}",
            adequacy.country.0, adequacy.effective_from
        );
        all.insert(name, serde_json::to_value(adequacy).unwrap_or_default());
    }
    all
}

/// Whether a field says nothing.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

impl Rule {
    /// When it applies and what follows, line by line.
    fn lines(&self, pack: &Pack, language: Language) -> Vec<(&'static str, String)> {
        let mut all = self.conditions(pack, language);
        all.extend(self.consequences(pack, language));
        all.retain(|(_, value)| !value.is_empty());
        all
    }

    /// When it applies. What it does not ask for is empty.
    fn conditions(&self, pack: &Pack, language: Language) -> Vec<(&'static str, String)> {
        let s = |en, zh| say(language, en, zh);
        let categories = |of: &[Category]| {
            list_of(
                of.iter().map(|one| category_label(*one, language)),
                language,
            )
        };
        let grades = self.grade.iter().map(|one| grade_label(*one, language));
        let critical = match self.critical_infrastructure {
            None => "",
            Some(true) => s("only of critical infrastructure", "仅限关键信息基础设施"),
            Some(false) => s("not of critical infrastructure", "非关键信息基础设施"),
        };
        let threshold = self.threshold.map(|threshold| threshold.line(language));
        vec![
            (s("in force", "施行"), self.days(pack, language)),
            (s("data", "数据"), categories(&self.category)),
            (s("combined with", "且含"), categories(&self.combined_with)),
            (s("grade", "级别"), list_of(grades, language)),
            (s("destination", "目的地"), self.destination_line(language)),
            (s("zone", "区域"), self.zone.join(", ")),
            (s("industry", "行业"), self.sector.join(", ")),
            (s("scenario", "场景"), self.scenario.join(", ")),
            (s("operator", "运营者"), critical.to_owned()),
            (s("threshold", "门槛"), threshold.unwrap_or_default()),
        ]
    }

    /// What follows where it applies, and where it is from.
    fn consequences(&self, pack: &Pack, language: Language) -> Vec<(&'static str, String)> {
        let s = |en, zh| say(language, en, zh);
        let number = |number: Option<u16>| number.map(|it| it.to_string()).unwrap_or_default();
        let routes = self.routes.iter().map(|one| route_label(*one, language));
        let suspended = self.suspends.iter().map(RuleId::as_str).collect::<Vec<_>>();
        let by = pack
            .rules
            .iter()
            .filter(|rule| rule.suspends.contains(&self.id));
        let by = by.map(|rule| rule.id.as_str()).collect::<Vec<_>>();
        let evidence = self.evidence.iter().map(|rung| rung.name());
        let memory = if self.from_memory {
            s("yes: look it up first", "是：须首先核对")
        } else {
            ""
        };
        vec![
            (s("effect", "效果"), self.effect.label(language).to_owned()),
            (
                s("severity", "严重程度"),
                self.severity.label(language).to_owned(),
            ),
            (s("routes", "可行路径"), list_of(routes, language)),
            (s("suspends", "排除适用"), suspended.join(", ")),
            (s("suspended by", "被排除于"), by.join(", ")),
            (
                s("due days after the first export", "首次出境后到期天数"),
                number(self.due_days),
            ),
            (
                s("approval valid at most, months", "批准有效期至多（月）"),
                number(self.valid_months),
            ),
            (
                s("records kept at least, months", "记录保存至少（月）"),
                number(self.keep_months),
            ),
            (s("evidence", "证据"), list_of(evidence, language)),
            (s("from", "出自"), format!("{} {}", self.pack, self.version)),
            (s("written from memory", "凭记忆撰写"), memory.to_owned()),
        ]
    }

    fn days(&self, pack: &Pack, language: Language) -> String {
        let (zone, from) = (&pack.time_zone, self.effective_from);
        let last = match self.effective_to {
            None => format!("{from} {} ({zone})", say(language, "onward", "起")),
            Some(last) => format!("{from} {} {last} ({zone})", say(language, "to", "至")),
        };
        match &self.superseded_by {
            None => last,
            Some(by) => format!(
                "{last}; {} {by}",
                say(language, "superseded by", "被取代于")
            ),
        }
    }

    fn destination_line(&self, language: Language) -> String {
        let codes = |of: &[WrittenCountry]| {
            of.iter()
                .map(|one| one.0.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        match &self.destination {
            None => String::new(),
            Some(Destination::In(countries)) => codes(countries),
            Some(Destination::NotIn(countries)) => {
                format!(
                    "{} {}",
                    say(language, "all but", "除外："),
                    codes(countries)
                )
            }
            Some(Destination::Adequate(true)) => say(language, "adequate", "已认定充分").to_owned(),
            Some(Destination::Adequate(false)) => {
                say(language, "not known to be adequate", "未认定充分").to_owned()
            }
        }
    }
}

impl Threshold {
    /// What has to be reached, in one line.
    pub fn line(&self, language: Language) -> String {
        let (sign, unit) = (self.op.sign(), self.unit.label(language));
        let (window, per) = (self.window.label(language), self.per.label(language));
        format!("{sign} {} {unit}, {window}, {per}", grouped(self.value))
    }
}

impl Measure {
    /// The numbers, in one line.
    pub fn line(&self, language: Language) -> String {
        let mut line = format!(
            "{} ≥ {}",
            say(language, "seen", "实测"),
            grouped(self.amount.observed)
        );
        if let Some(estimated) = self.amount.estimated {
            let what = say(language, "estimated", "估算");
            let _ = write!(line, ", {what} {}", grouped(estimated));
        }
        if let Some(since) = self.since {
            let _ = write!(line, ", {} {since}", say(language, "since", "起算日"));
        }
        let of = say(language, "threshold", "门槛");
        let _ = write!(line, "; {of} {}", self.threshold.line(language));
        line
    }
}

impl Judged<'_> {
    /// What is told, why, by which rule and numbers, and what could be declared.
    pub fn sentence(&self, language: Language) -> String {
        let mut parts = Vec::new();
        match self.undetermined {
            Some(why) => {
                parts.push(self.verdict.label(language).to_owned());
                parts.push(why.label(language).to_owned());
            }
            None => parts.push(self.verdict.label(language).to_owned()),
        }
        if let Some(rule) = self.rule {
            parts.push(format!("[{} | {}]", rule.id, rule.cite));
        }
        // Numbers of a threshold say nothing of what an approval covers.
        let is_of_register = matches!(self.verdict, Verdict::OverQuota | Verdict::OutsideScope);
        let input = self.input.filter(|_| !is_of_register);
        parts.extend(input.map(|input| format!("({})", input.line(language))));
        parts.extend(self.missing_sentence(language));
        parts.join(" ")
    }

    fn missing_sentence(&self, language: Language) -> Option<String> {
        let told = self.missing.iter().map(|one| match language {
            Language::En => format!("{} (`{}`)", one.label(language), one.name()),
            Language::Zh => format!("{}（`{}`）", one.label(language), one.name()),
        });
        let told = told.collect::<Vec<_>>().join(say(language, ", ", "、"));
        let what = match self.undetermined {
            Some(Undetermined::NothingDeclared) => {
                say(language, "Declare of the asset", "请为该资产申报")
            }
            _ => say(language, "Not declared", "尚未申报"),
        };
        let (colon, stop) = (say(language, ": ", "："), say(language, ".", "。"));
        (!told.is_empty()).then(|| format!("{what}{colon}{told}{stop}"))
    }
}

fn list_of(words: impl Iterator<Item = &'static str>, language: Language) -> String {
    words.collect::<Vec<_>>().join(say(language, ", ", "、"))
}

const fn say(language: Language, en: &'static str, zh: &'static str) -> &'static str {
    match language {
        Language::En => en,
        Language::Zh => zh,
    }
}

/// A number with a comma before each three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
