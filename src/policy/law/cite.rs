//! Citations of Chinese law in Chinese.
//!
//! Packs cite all law in English, and so do verdicts and the ledger. Who files in China reads its
//! titles in Chinese, with the article behind. Nobody has held them against the official texts yet,
//! as it is with the packs.

/// A citation of a pack in Chinese; nothing where none is known, or it is the same.
pub fn cite_in_chinese(cite: &str) -> Option<String> {
    let (title, article) = match cite.split_once(", article ") {
        Some((title, article)) => (title, Some(article)),
        None => (cite, None),
    };
    let (_, title) = TITLES.iter().find(|(english, _)| *english == title)?;
    let place = match article {
        Some(article) => place(article)?,
        None => String::new(),
    };
    Some(format!("{title}{place}"))
}

/// An article, with its paragraph in brackets, or a few that are written otherwise.
fn place(article: &str) -> Option<String> {
    if let Some((_, chinese)) = PLACES.iter().find(|(english, _)| *english == article) {
        return Some((*chinese).to_owned());
    }
    let (number, item) = match article.strip_suffix(')') {
        Some(rest) => rest
            .split_once('(')
            .map(|(number, item)| (number, Some(item)))?,
        None => (article, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(number) || !item.is_none_or(is_number) {
        return None;
    }
    let item = item.map_or(String::new(), |item| format!("第{item}项"));
    Some(format!("第{number}条{item}"))
}

/// Articles that are more than a number.
const PLACES: &[(&str, &str)] = &[
    (
        "21(3) (renumbered from 2026)",
        "第21条第3项（2026年起条号变更）",
    ),
    (
        "38; 2024 Provisions",
        "第38条；《促进和规范数据跨境流动规定》",
    ),
    ("39 (37 before)", "第39条（修正前为第37条）"),
    ("55 and 56", "第55条、第56条"),
];

/// Titles in the words of the packs, and as they are published.
const TITLES: &[(&str, &str)] = &[
    ("Cybersecurity Law of China", "《网络安全法》"),
    (
        "Cybersecurity Law of China (2016)",
        "《网络安全法》（2016年）",
    ),
    (
        "Cybersecurity Law of China, as amended from 2026",
        "《网络安全法》（2026年起施行的修正）",
    ),
    ("Data Security Law of China", "《数据安全法》"),
    (
        "Personal Information Protection Law of China",
        "《个人信息保护法》",
    ),
    (
        "Regulations on Network Data Security Management (2025)",
        "《网络数据安全管理条例》（2025年）",
    ),
    (
        "Provisions on Promoting and Regulating Cross-Border Data Flows (2024)",
        "《促进和规范数据跨境流动规定》（2024年）",
    ),
    (
        "Measures for Security Assessment of Outbound Data Transfers (2022)",
        "《数据出境安全评估办法》（2022年）",
    ),
    (
        "Measures on the Standard Contract for Export of Personal Information (2023)",
        "《个人信息出境标准合同办法》（2023年）",
    ),
    (
        "Measures for Certification of Personal Information Export (order 20 of 2025)",
        "《个人信息出境认证办法》（2025年第20号令）",
    ),
    (
        "Measures for Audits of Personal Information Protection (2025)",
        "《个人信息保护合规审计管理办法》（2025年）",
    ),
    (
        "Measures for Reporting Network Security Incidents (2025)",
        "《国家网络安全事件报告管理办法》（2025年）",
    ),
    (
        "Implementing Rules on the Management of Human Genetic Resources (2023)",
        "《人类遗传资源管理条例实施细则》（2023年）",
    ),
    (
        "Provisions on the Management of Automotive Data Security (2021)",
        "《汽车数据安全管理若干规定（试行）》（2021年）",
    ),
    (
        "Guideline on Outbound Security of Automotive Data (2026 edition)",
        "《汽车数据出境安全指引（2026版）》",
    ),
    (
        "Standard Contract for Cross-boundary Flow of Personal Information within the \
         Guangdong-Hong Kong-Macao Greater Bay Area (2023)",
        "粤港澳大湾区个人信息跨境流动标准合同（2023年）",
    ),
    (
        "Negative list of the China (Beijing) Pilot Free Trade Zone (2024 edition)",
        "中国（北京）自由贸易试验区数据出境负面清单（2024年版）",
    ),
    (
        "Negative list of the China (Tianjin) Pilot Free Trade Zone (2024 edition)",
        "中国（天津）自由贸易试验区数据出境负面清单（2024年版）",
    ),
    (
        "Negative list of the China (Zhejiang) Pilot Free Trade Zone (2024 edition)",
        "中国（浙江）自由贸易试验区数据出境负面清单（2024年版）",
    ),
    (
        "Negative list of the China (Shanghai) Pilot Free Trade Zone and Lingang (2024 edition)",
        "中国（上海）自由贸易试验区及临港新片区数据出境负面清单（2024年版）",
    ),
    (
        "Negative list of the Hainan Free Trade Port (2024 edition)",
        "海南自由贸易港数据出境负面清单（2024年版）",
    ),
    (
        "General data catalogues of the Lingang area (2024)",
        "临港新片区数据跨境一般数据清单（2024年）",
    ),
    (
        "Guide to filing for security assessment, template of the self-assessment report",
        "数据出境安全评估申报指南，自评估报告模板",
    ),
];

#[cfg(test)]
mod tests {
    use super::super::Pack;
    use super::*;

    /// Whatever the packs of China cite has a title in Chinese, but for standards, whose numbers
    /// are the same.
    #[test]
    fn all_that_packs_of_china_cite_has_its_title() {
        let mut rules = 0;
        let packs = Pack::all_embedded().unwrap();
        for pack in packs.iter().filter(|pack| pack.id.starts_with("cn-")) {
            for rule in &pack.rules {
                let chinese = cite_in_chinese(&rule.cite);
                let is_standard = rule.cite.starts_with("GB/T ");
                assert_eq!(chinese.is_none(), is_standard, "{}: {}", rule.id, rule.cite);
                rules += 1;
            }
        }
        assert!(rules > 50, "{rules}");
    }

    #[test]
    fn articles_are_written_as_there() {
        let law =
            "Measures for Security Assessment of Outbound Data Transfers (2022), article 4(3)";
        let chinese = "《数据出境安全评估办法》（2022年）第4条第3项";
        assert_eq!(cite_in_chinese(law).unwrap(), chinese);
        for other in [
            "28 CFR 202.301",
            "Data Security Law of China, article x",
            "",
        ] {
            assert_eq!(cite_in_chinese(other), None);
        }
    }
}
