//! Names of countries and regions.

use super::Language;

/// Lines of a code of ISO 3166-1 (and XK, which networks use), an English and a Chinese name, with
/// a bar between them. The console has the same.
const PLACES: &str = include_str!("places.txt");

/// The name of a country, or its code where no name is listed.
pub(super) fn name(code: &str, language: Language) -> &str {
    if code == UNKNOWN {
        return language.pick("unknown", "未知");
    }
    let found = PLACES.lines().find_map(|line| {
        let mut fields = line.split('|');
        let is_it = fields.next() == Some(code);
        let (english, chinese) = (fields.next()?, fields.next()?);
        is_it.then(|| language.pick(english, chinese))
    });
    found.unwrap_or(code)
}

/// The name with the code: `Singapore (SG)`.
pub(super) fn full_name(code: &str, language: Language) -> String {
    let name = name(code, language);
    if name == code {
        return name.to_owned();
    }
    language.pick(format!("{name} ({code})"), format!("{name}（{code}）"))
}

/// The code of what no source knows.
pub(super) const UNKNOWN: &str = "ZZ";

/// Countries of concern (28 CFR 202.601 with 202.209: China includes Hong Kong and Macau).
pub(super) const OF_CONCERN: [&str; 8] = ["CN", "CU", "HK", "IR", "KP", "MO", "RU", "VE"];

/// The European Economic Area: the 27 members of the European Union, Iceland, Liechtenstein and
/// Norway.
pub(super) const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_both_languages() {
        assert_eq!(full_name("SG", Language::English), "Singapore (SG)");
        assert_eq!(full_name("SG", Language::Chinese), "新加坡（SG）");
        assert_eq!(full_name("HK", Language::Chinese), "中国香港（HK）");
        assert_eq!(full_name("ZZ", Language::English), "unknown (ZZ)");
        assert_eq!(full_name("<b>", Language::English), "<b>");
    }

    #[test]
    fn every_line_has_three_fields_in_order() {
        let codes: Vec<_> = PLACES
            .lines()
            .map(|line| line.split('|').collect())
            .collect();
        assert!(
            codes
                .iter()
                .all(|fields: &Vec<&str>| fields.len() == 3 && fields[0].len() == 2)
        );
        assert!(
            codes.is_sorted_by(|a, b| a[0] < b[0]),
            "sorted, and none twice"
        );
        assert!(
            EEA.iter()
                .chain(&OF_CONCERN)
                .all(|code| name(code, Language::English) != *code)
        );
    }
}
