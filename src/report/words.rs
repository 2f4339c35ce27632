//! The closed words of the ledger, as people read them in either language.

use super::Language;
use super::model::{Cell, Tone};

/// A word of the ledger and what it is called.
#[derive(Debug)]
pub(super) struct Word {
    /// As the ledger has it.
    pub(super) code: &'static str,
    english: &'static str,
    chinese: &'static str,
    tone: Tone,
}

const fn word(code: &'static str, english: &'static str, chinese: &'static str) -> Word {
    toned(code, english, chinese, Tone::Plain)
}

const fn toned(
    code: &'static str,
    english: &'static str,
    chinese: &'static str,
    tone: Tone,
) -> Word {
    Word {
        code,
        english,
        chinese,
        tone,
    }
}

/// Kinds of protection, in the order in which charts stack them: from none to strong, then those
/// of which strength is not known.
pub(super) const PROTECTIONS: &[Word] = &[
    toned("clear", "in the clear", "明文", Tone::Bad),
    toned("weak", "weak", "弱加密", Tone::Warning),
    word("standard", "TLS 1.2", "TLS 1.2"),
    word("strong", "TLS 1.3 or QUIC", "TLS 1.3 或 QUIC"),
    word("post_quantum", "post-quantum", "抗量子混合"),
    word("national", "SM2/SM3/SM4", "国密"),
    word("opaque", "unknown, looks random", "未知协议（近似随机）"),
    word("unseen", "not seen", "未见握手"),
];

/// How sure a country is, from the surest.
pub(super) const CONFIDENCES: &[Word] = &[
    word("confirmed", "confirmed", "已确认"),
    word("plausible", "plausible", "可信"),
    toned("disputed", "disputed", "有争议", Tone::Warning),
    toned("refuted", "refuted", "已被否定", Tone::Warning),
    toned("unknown", "unknown", "未知", Tone::Warning),
];

/// Verdicts of the packs, from the least to the gravest.
pub(super) const VERDICTS: &[Word] = &[
    word("not_determinable", "not determinable", "无法判定"),
    word(
        "approved",
        "approval on record matches",
        "与登记的批准事项相符",
    ),
    toned(
        "declared_estimate_exceeded",
        "declared estimate exceeds a threshold",
        "按申报口径估算超过阈值",
        Tone::Warning,
    ),
    toned("over_quota", "beyond the quota", "超出额度", Tone::Warning),
    toned(
        "outside_scope",
        "outside the approved scope",
        "超出批准范围",
        Tone::Warning,
    ),
    toned(
        "unapproved",
        "no approval on record",
        "无登记的批准事项",
        Tone::Bad,
    ),
    toned(
        "observed_exceeded",
        "observed count exceeds a threshold",
        "观测值超过阈值",
        Tone::Bad,
    ),
    toned(
        "prohibited_destination",
        "destination is barred",
        "禁止的目的地",
        Tone::Bad,
    ),
];

/// The first of [`VERDICTS`] that is a finding.
pub(super) const FINDINGS_FROM: usize = 2;

/// Severities, from the least to the gravest.
pub(super) const SEVERITIES: &[Word] = &[
    word("info", "info", "提示"),
    word("low", "low", "低"),
    toned("medium", "medium", "中", Tone::Warning),
    toned("high", "high", "高", Tone::Bad),
    toned("critical", "critical", "严重", Tone::Bad),
];

/// Grades of data (GB/T 43697-2024), from the least.
pub(super) const GRADES: &[Word] = &[
    word("general", "general", "一般数据"),
    toned("important", "important data", "重要数据", Tone::Warning),
    toned("core", "core data", "核心数据", Tone::Bad),
];

/// Categories of data.
pub(super) const CATEGORIES: &[Word] = &[
    word("personal", "personal information", "个人信息"),
    word(
        "sensitive_personal",
        "sensitive personal information",
        "敏感个人信息",
    ),
    word("health", "health", "健康医疗信息"),
    word("genomic", "human genomic", "人类基因组信息"),
    word("omic", "other human 'omic", "其他人类组学信息"),
    word("biometric", "biometric identifiers", "生物识别信息"),
    word("geolocation", "precise geolocation", "精确定位信息"),
    word("financial", "personal financial", "个人金融信息"),
    word("identifiers", "covered personal identifiers", "个人标识符"),
    word("vehicle", "vehicle", "汽车数据"),
    word("industrial", "industrial", "工业数据"),
    word("business", "business", "业务数据"),
    word("government", "government-related", "政府相关数据"),
    word(UNDECLARED, "not declared", "未申报类别"),
];

/// The category of what nobody has declared.
pub(super) const UNDECLARED: &str = "undeclared";

/// Categories that are about persons.
pub(super) const PERSONAL: &[&str] = &[
    "personal",
    "sensitive_personal",
    "health",
    "genomic",
    "omic",
    "biometric",
    "geolocation",
    "financial",
    "identifiers",
];

/// Grounds on which data may leave.
pub(super) const ROUTES: &[Word] = &[
    word("assessment", "security assessment", "数据出境安全评估"),
    word("contract", "standard contract", "个人信息出境标准合同"),
    word("certification", "certification", "个人信息保护认证"),
    word("negative_list", "negative list", "负面清单"),
    word("white_list", "white list", "白名单"),
    word(
        "gba_contract",
        "Greater Bay Area contract",
        "粤港澳大湾区标准合同",
    ),
    word("adequacy", "adequacy decision", "充分性认定"),
    word(
        "binding_rules",
        "binding corporate rules",
        "有约束力的公司规则",
    ),
    word("derogation", "derogation", "特定情形例外"),
    word("exemption", "exemption", "法定豁免"),
    word("licence", "licence or review", "许可或审查"),
    word("notice", "notice", "通知或备查"),
];

/// What became of an incident.
pub(super) const EVENTS: &[Word] = &[
    toned("open", "open", "进行中", Tone::Warning),
    toned("update", "open, grew", "进行中（有发展）", Tone::Warning),
    word("close", "closed", "已关闭"),
];

/// What a person said of an incident.
pub(super) const FEEDBACKS: &[Word] = &[
    word("benign-once", "harmless, this once", "本次无害"),
    word("expected", "expected", "属预期"),
    toned("malicious", "malicious", "恶意", Tone::Bad),
];

/// Windows of meters.
pub(super) const WINDOWS: &[Word] = &[
    word(
        "calendar_year",
        "calendar year",
        "自然年（自当年 1 月 1 日起累计）",
    ),
    word("rolling_12_months", "rolling 12 months", "滚动十二个月"),
];

/// Whether a pack was checked by a person against the official text.
pub(super) const STATUSES: &[Word] = &[
    toned("draft", "draft", "草案（未核对）", Tone::Warning),
    word("verified", "verified", "已核对"),
];

/// Databases that say where an address is.
pub(super) const DATABASES: &[Word] = &[
    word("country", "country", "国家/地区"),
    word("asn", "autonomous systems", "自治系统"),
];

/// Why a run ended.
pub(super) const REASONS: &[Word] = &[
    word("end_of_input", "end of input", "输入结束"),
    word("signal", "stopped by the operator", "由运维人员停止"),
];

/// Counters of the sensor, in the order in which a report shows them.
pub(super) const COUNTERS: &[Word] = &[
    word(
        "days_begun",
        "Days of the window that have begun",
        "统计期间内已开始的天数",
    ),
    word("days_whole", "Days with complete totals", "汇总完整的天数"),
    word(
        "hours_with_traffic",
        "Hours in which the sensor saw traffic",
        "有流量的小时数",
    ),
    word("frames_read", "Frames read", "已读取的帧"),
    word(
        "frames_lost",
        "Frames lost before they could be read",
        "读取前丢失的帧",
    ),
    word(
        "frames_dropped",
        "Frames that are no IP packet, or broken",
        "非 IP 或已损坏的帧",
    ),
    word("gaps", "Gaps in the capture", "采集中断次数"),
    word(
        "missing_bytes",
        "Bytes acknowledged and never seen",
        "已被确认但未观测到的字节",
    ),
    word(
        "late",
        "Records that came too late to count",
        "迟到而未计入的记录",
    ),
    word("clock_jumps", "Jumps of packet time", "报文时间跳变次数"),
    word(
        "evictions",
        "Records given up by full tables",
        "因表满而放弃的记录",
    ),
];

/// Facts of an incident, in the order in which a report shows them.
pub(super) const FACTS: &[Word] = &[
    word("incident", "Incident", "事件编号"),
    word("campaign", "Campaign", "关联事件"),
    word("asset", "Asset", "资产"),
    word("asset_ip", "Its address", "资产地址"),
    word("began", "Began", "异常开始"),
    word("opened", "Opened", "发现时间"),
    word("last", "Last line", "最近告警"),
    word("jurisdiction", "To", "目的地"),
    word("geo_confidence", "How sure that is", "归属把握"),
    word("recipient", "Recipient", "境外接收方"),
    word("asn", "Autonomous system", "自治系统"),
    word("organisation", "Held by", "持有机构"),
    word("bytes", "Bytes sent", "发送数据量"),
    word("expected_bytes", "Normal", "常态数据量"),
    word("excess_bytes", "Beyond normal", "超出常态"),
    word("score", "Score of 100", "得分（满分 100）"),
    word("detectors", "Detectors", "检测器"),
    word("feedback", "A person said", "人工意见"),
];

/// The place of a code in its list.
pub(super) fn rank(words: &[Word], code: &str) -> Option<usize> {
    words.iter().position(|word| word.code == code)
}

/// What a code is called; the code itself where the list does not have it.
pub(super) fn label(words: &[Word], code: &str, language: Language) -> String {
    let found = words.iter().find(|word| word.code == code);
    let label = found.map(|word| language.pick(word.english, word.chinese));
    label.unwrap_or(code).to_owned()
}

/// A cell that holds a code and shows what it is called.
pub(super) fn cell(words: &[Word], code: &str, language: Language) -> Cell {
    let found = words.iter().find(|word| word.code == code);
    Cell::Word {
        code: code.to_owned(),
        label: label(words, code, language),
        tone: found.map_or(Tone::Plain, |word| word.tone),
    }
}

/// A cell that holds several codes.
pub(super) fn cells<'a>(
    words: &[Word],
    codes: impl IntoIterator<Item = &'a str>,
    language: Language,
) -> Cell {
    let codes: Vec<&str> = codes.into_iter().collect();
    if codes.is_empty() {
        return Cell::Empty;
    }
    let labels: Vec<_> = codes
        .iter()
        .map(|code| label(words, code, language))
        .collect();
    Cell::Word {
        code: codes.join(" "),
        label: labels.join(language.comma()),
        tone: Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Category, Grade, Route};

    #[test]
    fn every_declared_word_has_a_name() {
        let categories = [
            Category::Personal,
            Category::SensitivePersonal,
            Category::Health,
            Category::Genomic,
            Category::Omic,
            Category::Biometric,
            Category::Geolocation,
            Category::Financial,
            Category::Identifiers,
            Category::Vehicle,
            Category::Industrial,
            Category::Business,
            Category::Government,
        ];
        for category in categories {
            assert_named(CATEGORIES, &serde_json::to_value(category).unwrap());
        }
        for grade in [Grade::General, Grade::Important, Grade::Core] {
            assert_named(GRADES, &serde_json::to_value(grade).unwrap());
        }
        let routes = [
            Route::Assessment,
            Route::Contract,
            Route::Certification,
            Route::NegativeList,
            Route::WhiteList,
            Route::GbaContract,
            Route::Adequacy,
            Route::BindingRules,
            Route::Derogation,
            Route::Exemption,
            Route::Licence,
            Route::Notice,
        ];
        for route in routes {
            assert_named(ROUTES, &serde_json::to_value(route).unwrap());
        }
    }

    fn assert_named(words: &[Word], code: &serde_json::Value) {
        let code = code.as_str().unwrap();
        assert!(rank(words, code).is_some(), "{code} has no name");
    }

    #[test]
    fn codes_are_unique_and_an_unknown_one_stands_for_itself() {
        for words in [
            PROTECTIONS,
            CONFIDENCES,
            VERDICTS,
            SEVERITIES,
            CATEGORIES,
            ROUTES,
        ] {
            for (place, word) in words.iter().enumerate() {
                assert_eq!(rank(words, word.code), Some(place));
            }
        }
        assert_eq!(label(ROUTES, "by_sea", Language::Chinese), "by_sea");
    }
}
