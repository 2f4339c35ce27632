//! The words of packs, as people read them.

use super::judge::{Declaration, Undetermined, Verdict};
use super::pack::PackStatus;
use super::terms::{Effect, Language, Rung, Scope, Severity, Unit, Window};
use crate::inventory::{Category, Grade, Route};

const fn pick(language: Language, en: &'static str, zh: &'static str) -> &'static str {
    match language {
        Language::En => en,
        Language::Zh => zh,
    }
}

/// What a kind of data is called.
pub const fn category_label(category: Category, language: Language) -> &'static str {
    let (en, zh) = match category {
        Category::Personal => ("personal information", "个人信息"),
        Category::SensitivePersonal => ("sensitive personal information", "敏感个人信息"),
        Category::Health => ("health", "健康"),
        Category::Genomic => ("human genomes", "人类基因组"),
        Category::Omic => ("other human 'omic data", "其他人类组学"),
        Category::Biometric => ("biometric identifiers", "生物识别"),
        Category::Geolocation => ("precise geolocation", "精确位置"),
        Category::Financial => ("personal finance", "个人金融"),
        Category::Identifiers => ("identifiers of persons and devices", "个人与设备标识"),
        Category::Vehicle => ("vehicles", "车辆"),
        Category::Industrial => ("industrial", "工业"),
        Category::Business => ("business", "商业"),
        Category::Government => ("government", "政府相关"),
    };
    pick(language, en, zh)
}

/// What a grade is called.
pub const fn grade_label(grade: Grade, language: Language) -> &'static str {
    let (en, zh) = match grade {
        Grade::General => ("general data", "一般数据"),
        Grade::Important => ("important data", "重要数据"),
        Grade::Core => ("core data", "核心数据"),
    };
    pick(language, en, zh)
}

/// What a route is called.
pub const fn route_label(route: Route, language: Language) -> &'static str {
    let (en, zh) = match route {
        Route::Assessment => ("security assessment", "安全评估"),
        Route::Contract => ("standard contract", "标准合同"),
        Route::Certification => ("certification", "认证"),
        Route::NegativeList => ("negative list of a zone", "负面清单"),
        Route::WhiteList => ("white list", "白名单"),
        Route::GbaContract => ("Greater Bay Area contract", "大湾区标准合同"),
        Route::Adequacy => ("adequacy", "充分性认定"),
        Route::BindingRules => ("binding corporate rules", "有约束力的公司规则"),
        Route::Derogation => ("derogation or consent", "特定情形减损或同意"),
        Route::Exemption => ("exemption by law", "法定豁免"),
        Route::Licence => ("licence or security review", "许可或安全审查"),
        Route::Notice => ("notice or dossier", "报告或备案材料"),
    };
    pick(language, en, zh)
}

impl Unit {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Persons => ("persons", "人"),
            Self::Devices => ("devices", "台设备"),
            Self::Bytes => ("bytes", "字节"),
            Self::Records => ("records", "条记录"),
        };
        pick(language, en, zh)
    }
}

impl Window {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::CalendarYear => ("since 1 January", "自当年1月1日起"),
            Self::SincePreviousJanuary => ("since 1 January of last year", "自上年1月1日起"),
            Self::Rolling12Months => ("within 12 months", "在12个月内"),
            Self::Event => ("at once", "单次"),
        };
        pick(language, en, zh)
    }
}

impl Scope {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Entity => ("by the entity", "按主体累计"),
            Self::EntityAndRecipient => {
                ("by the entity to one recipient", "按主体与同一接收方累计")
            }
        };
        pick(language, en, zh)
    }
}

impl Effect {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Requires => ("requires", "要求"),
            Self::Prohibits => ("prohibits", "禁止"),
            Self::Exempts => ("exempts", "豁免"),
            Self::Informs => ("informs", "提示"),
            Self::Timer => ("timer", "期限"),
        };
        pick(language, en, zh)
    }
}

impl Severity {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Info => ("info", "提示"),
            Self::Low => ("low", "低"),
            Self::Medium => ("medium", "中"),
            Self::High => ("high", "高"),
            Self::Critical => ("critical", "严重"),
        };
        pick(language, en, zh)
    }
}

impl PackStatus {
    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Draft => ("draft", "草案"),
            Self::Verified => ("verified", "已核对"),
        };
        pick(language, en, zh)
    }
}

impl Rung {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::E0 => "E0",
            Self::E1 => "E1",
            Self::E2 => "E2",
            Self::E3 => "E3",
            Self::E4 => "E4",
            Self::E5 => "E5",
            Self::E6 => "E6",
        }
    }

    /// What it is evidence of.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::E0 => ("bytes sent", "发送字节"),
            Self::E1 => ("country of the peer", "对端国家"),
            Self::E2 => ("protocol and protection", "协议与保护"),
            Self::E3 => ("hints at the recipient", "接收方线索"),
            Self::E4 => ("kind of content", "内容类型"),
            Self::E5 => ("identifiers in the clear", "明文标识"),
            Self::E6 => ("declaration that matches", "匹配的申报"),
        };
        pick(language, en, zh)
    }
}

impl Verdict {
    /// Every one, from the weakest to the strongest.
    pub const ALL: [Self; 8] = [
        Self::NotDeterminable,
        Self::Approved,
        Self::DeclaredEstimateExceeded,
        Self::OverQuota,
        Self::OutsideScope,
        Self::Unapproved,
        Self::ObservedExceeded,
        Self::ProhibitedDestination,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotDeterminable => "not_determinable",
            Self::Approved => "approved",
            Self::DeclaredEstimateExceeded => "declared_estimate_exceeded",
            Self::OverQuota => "over_quota",
            Self::OutsideScope => "outside_scope",
            Self::Unapproved => "unapproved",
            Self::ObservedExceeded => "observed_exceeded",
            Self::ProhibitedDestination => "prohibited_destination",
        }
    }

    /// What it says, as a sentence.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::NotDeterminable => ("It cannot be told.", "无法判定。"),
            Self::Approved => (
                "An approval of the register matches.",
                "登记册中有与之相符的批准。",
            ),
            Self::DeclaredEstimateExceeded => (
                "By the declaration of the operator the threshold is passed.",
                "按运营者申报估算，已达到门槛。",
            ),
            Self::OverQuota => (
                "More has gone than the approval allows.",
                "已超出批准的额度。",
            ),
            Self::OutsideScope => (
                "The approval does not cover this export.",
                "该出境不在批准范围内。",
            ),
            Self::Unapproved => (
                "It needs an approval, and the register has none that would do.",
                "该出境须经批准，而登记册中没有适用的批准。",
            ),
            Self::ObservedExceeded => (
                "What was seen passes the threshold, and the register has no approval for it.",
                "实测数量已达到门槛，而登记册中没有适用的批准。",
            ),
            Self::ProhibitedDestination => (
                "It must not go there, and the register has no licence for it.",
                "禁止向该目的地提供，而登记册中没有相应许可。",
            ),
        };
        pick(language, en, zh)
    }
}

impl Undetermined {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingDeclared => "nothing_declared",
            Self::BelowThreshold => "below_threshold",
            Self::Exempted => "exempted",
            Self::UnknownDestination => "unknown_destination",
            Self::NoRule => "no_rule",
        }
    }

    /// What it says, as a sentence.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::NothingDeclared => (
                "Nothing is declared of the asset and no identifier was seen.",
                "该资产没有任何申报，也未见到标识。",
            ),
            Self::BelowThreshold => (
                "What was seen does not pass the threshold; it is a lower bound.",
                "实测数量未达到门槛，但实测仅为下限。",
            ),
            Self::Exempted => (
                "By where it goes and what is declared no approval is needed, which no sensor \
                 can confirm; enter the exemption in the register.",
                "按目的地和申报内容无需批准，但传感器无法核实；请将该豁免录入登记册。",
            ),
            Self::UnknownDestination => (
                "The country is not known, and this rule is about some countries only.",
                "目的地国家或地区不明，而该规则仅适用于特定目的地。",
            ),
            Self::NoRule => (
                "No rule of the pack that an export could break is about what is declared.",
                "规则包中没有针对该申报内容的约束性规则。",
            ),
        };
        pick(language, en, zh)
    }
}

impl Declaration {
    /// The key of the inventory under which it is declared.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Zone => "zone",
            Self::Sector => "sector",
            Self::Scenario => "scenario",
            Self::Recipient => "recipient",
        }
    }

    /// What it is called.
    pub const fn label(self, language: Language) -> &'static str {
        let (en, zh) = match self {
            Self::Category => ("what the data is about", "数据类别"),
            Self::Zone => ("the zone", "所在区域"),
            Self::Sector => ("the industry", "所属行业"),
            Self::Scenario => ("what the export is for", "出境场景"),
            Self::Recipient => ("who receives it", "境外接收方"),
        };
        pick(language, en, zh)
    }
}
