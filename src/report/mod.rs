//! Reports: what a ledger says of a window of days, as a document for people who answer for it.
//!
//! A [`Gatherer`] is given the entries of a ledger in order and keeps sums, never the entries. It
//! is finished into a [`Report`], which is one model of a document: sections, tables with typed
//! cells, charts. Four writers turn that into Markdown, HTML, JSON and CSV, so that all of them
//! say the same. Every text from the ledger is taken for hostile: it is cleaned when it is read,
//! and each writer escapes whatever it writes.
//!
//! A report says what was seen on the link. That is a lower bound of what happened, and no
//! report says that something was permitted.

mod assurance;
mod charts;
mod clean;
mod common;
mod csv;
mod eu_map;
mod flows;
mod gather;
mod html;
mod incidents;
mod json;
mod list_usage;
mod markdown;
mod method;
mod model;
mod number;
mod places;
mod proof;
mod protection;
mod quick;
mod read;
mod reconciliation;
mod self_assessment;
mod standing;
mod state;
mod summary;
mod svg;
mod tables;
mod us_log;
mod verdicts;
mod words;

#[cfg(test)]
mod tests;

pub use clean::{clean, harmless};
pub use gather::Gatherer;
pub use model::{
    Block, Cell, Chart, ChartShape, Column, ColumnKind, Figure, Report, Section, Series, Table,
    Tone,
};

use jiff::civil::Date;

use crate::time::Tick;

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// R1: evidence for the self-assessment that a Chinese security assessment asks for
    /// (Measures for Security Assessment of Outbound Data Transfers, article 5).
    SelfAssessment,
    /// R2: what was filed or contracted, against what was observed.
    Reconciliation,
    /// R3: how negative lists and white lists were used, by quarter.
    ListUsage,
    /// R4: the log and the table of 12 months of 28 CFR 202.1001, 202.1002 and 202.1101.
    UsLog,
    /// R5: the map of transfers and the column of GDPR article 30(1)(e).
    EuMap,
    /// R6: the facts of an incident, with the clocks that run.
    Incident,
    /// R8: how what left was protected on the way, by month.
    Protection,
    /// R9: how far the sensor can be relied on.
    Assurance,
    /// R10: the entries that a report rests on, and how to check them.
    Proof,
}

impl Kind {
    /// Every one, by number.
    pub const ALL: [Self; 9] = [
        Self::SelfAssessment,
        Self::Reconciliation,
        Self::ListUsage,
        Self::UsLog,
        Self::EuMap,
        Self::Incident,
        Self::Protection,
        Self::Assurance,
        Self::Proof,
    ];

    /// The word by which it is asked for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SelfAssessment => "self-assessment",
            Self::Reconciliation => "reconciliation",
            Self::ListUsage => "list-usage",
            Self::UsLog => "us-log",
            Self::EuMap => "eu-map",
            Self::Incident => "incident",
            Self::Protection => "protection",
            Self::Assurance => "assurance",
            Self::Proof => "proof",
        }
    }

    /// Its number, `R1` to `R10`.
    pub const fn number(self) -> &'static str {
        match self {
            Self::SelfAssessment => "R1",
            Self::Reconciliation => "R2",
            Self::ListUsage => "R3",
            Self::UsLog => "R4",
            Self::EuMap => "R5",
            Self::Incident => "R6",
            Self::Protection => "R8",
            Self::Assurance => "R9",
            Self::Proof => "R10",
        }
    }

    /// Finds a kind by its word or its number.
    pub fn from_name(name: &str) -> Option<Self> {
        let is_named = |kind: &Self| kind.name() == name || kind.number() == name;
        Self::ALL.into_iter().find(is_named)
    }

    /// What stands on its first page.
    pub const fn title(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::SelfAssessment => (
                "Evidence for the self-assessment of outbound data transfers",
                "数据出境风险自评估证据",
            ),
            Self::Reconciliation => (
                "Filings and contracts against observed transfers",
                "申报、备案与合同内容同实际出境情况的核对",
            ),
            Self::ListUsage => (
                "Use of negative lists and white lists",
                "负面清单与白名单使用情况",
            ),
            Self::UsLog => (
                "Transfer log and 12-month table (28 CFR Part 202)",
                "美国《联邦法规汇编》第 28 编第 202 部分：传输日志与十二个月汇总表",
            ),
            Self::EuMap => (
                "Map of transfers to third countries (GDPR)",
                "向第三国传输的路径图（欧盟 GDPR）",
            ),
            Self::Incident => ("Incident quick report", "网络安全事件快报"),
            Self::Protection => ("Protection in transit", "传输过程保护状况"),
            Self::Assurance => ("Assurance of the sensor", "监测探针可信度说明"),
            Self::Proof => ("Proof bundle", "证据包"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

/// In which language a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// Finds a language by `en` or `zh`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// What stands between the words of an enumeration.
    const fn comma(self) -> &'static str {
        match self {
            Self::English => ", ",
            Self::Chinese => "、",
        }
    }
}

/// Which report is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is about.
    pub kind: Kind,
    /// The first day of the window, in the time zone that the ledger names.
    pub from: Date,
    /// The last day of the window, which belongs to it.
    pub to: Date,
    /// Only what this declared entity sent; all entities where there is none.
    pub entity: Option<String>,
    /// The incident of [`Kind::Incident`]; the gravest of the window where there is none.
    pub incident: Option<String>,
    /// The language.
    pub language: Language,
    /// The moment at which the report is made. Clocks that run are read at it.
    pub now: Tick,
}

/// The head of the ledger that pins what a report rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries under it.
    pub size: u64,
    /// The root of their Merkle tree (RFC 9162 section 2.1.1), hexadecimal.
    pub root_hex: String,
    /// When it was signed, packet time, RFC 3339.
    pub time: String,
    /// Who signed it: an Ed25519 key, hexadecimal.
    pub public_key: String,
}
