//! Texts: of packs that are refused, and for people.

use std::fs;

use super::*;

/// A pack of one rule.
pub(super) const SMALL: &str = "\
[pack]
schema = 1
id = \"small\"
version = \"2026-01-01\"
title = { en = \"Small\", zh = \"小\" }
jurisdiction = \"CN\"
home = [\"CN\"]
time_zone = \"Asia/Shanghai\"
status = \"draft\"
source = \"x\"

[[rule]]
id = \"a.one\"
cite = \"Law, article 1\"
effective_from = \"2024-01-01\"
effect = \"requires\"
severity = \"high\"
category = [\"personal\"]
routes = [\"contract\"]
text = { en = \"One.\", zh = \"一。\" }
test = [{ on = \"2024-01-01\", to = \"US\", category = [\"personal\"], expect = \"applies\" },
    { on = \"2023-12-31\", to = \"US\", category = [\"personal\"], expect = \"silent\" }]
";

fn error(text: &str) -> String {
    Pack::parse(text, "x.toml").unwrap_err().to_string()
}

/// What is said when a piece of the small pack is another.
fn swapped(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    error(&SMALL.replacen(from, to, 1))
}

/// The small pack and a second rule.
fn with_rule(id: &str, more: &str) -> String {
    format!("{SMALL}{}", second_rule(id, more))
}

fn second_rule(id: &str, more: &str) -> String {
    let rule = SMALL.split("[[rule]]").nth(1).unwrap();
    let rule = rule.split("test =").next().unwrap();
    format!("[[rule]]{}{more}\n", rule.replace("a.one", id))
}

fn assert_said(cases: &[(String, &str)]) {
    for (said, expected) in cases {
        assert!(
            said.starts_with(expected),
            "{said}\n    instead of {expected}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn complaints_of_headers_name_the_line_and_the_column() {
    let before_status = |line: &str| swapped("status =", &format!("{line}\nstatus ="));
    assert_said(&[
        (
            swapped("schema = 1", "schema = 2"),
            "x.toml:2:10: the pack has schema 2",
        ),
        (
            // What a newer format adds is no unknown field.
            swapped("schema = 1", "schema = 2\nnew = 1"),
            "x.toml:2:10: the pack has schema 2, this program reads 1: take",
        ),
        (
            swapped("\"small\"", "\"../small\""),
            "x.toml:3:6: `../small` is no name of a pack",
        ),
        (
            swapped("[\"CN\"]", "[\"China\"]"),
            "x.toml:7:8: `China` is not a country",
        ),
        (swapped("[\"CN\"]", "[]"), "x.toml:7:8: no home"),
        (
            before_status("foreign_extra = [\"CN\"]"),
            "x.toml:9:17: CN is both home and foreign",
        ),
        (
            swapped("Asia/Shanghai", "Beijing"),
            "x.toml:8:13: unknown time zone `Beijing`",
        ),
        (
            swapped("\"draft\"", "\"verified\""),
            "x.toml:9:10: a verified pack says who",
        ),
        (
            before_status("extends = [\"cn-bas\"]"),
            "x.toml:9:12: `cn-bas` is neither built in",
        ),
        (
            before_status("extends = [\"small\"]"),
            "x.toml:9:12: `small` -> `small`: packs extend each other in a loop",
        ),
        (
            before_status("extends = [\"us-dsp\"]"),
            "x.toml:8:13: `us-dsp` counts days in UTC",
        ),
        (
            error(&format!(
                "{SMALL}[[adequacy]]\ncountry = \"JP\"\ncite = \"x\"\n\
                 effective_from = \"2024-01-02\"\neffective_to = \"2024-01-01\"\n"
            )),
            "x.toml:23:1: the adequacy of JP ends on 2024-01-01",
        ),
    ]);
    let unknown = Pack::embedded("cn").unwrap_err().to_string();
    assert!(
        unknown.contains("`cn` is no pack") && unknown.contains("cn-base"),
        "{unknown}"
    );
}

#[test]
fn complaints_quote_no_control_character() {
    let dated = |day: &str| swapped("\"2024-01-01\"", day);
    assert_said(&[(
        dated("\"1\t\\u001b[2JMay\""),
        "x.toml:15:18: `1\\t\\u{1b}[2JMay` is not a date",
    )]);
}

#[test]
fn complaints_of_rules_name_the_line_and_the_column() {
    let before_effect = |lines: &str| swapped("effect =", &format!("{lines}\neffect ="));
    let threshold = "threshold = { op = \"ge\", value = 0, window = \"event\", per = \"entity\"";
    assert_said(&[
        (
            swapped("cite =", "site ="),
            "x.toml:14:1: unknown field `site`",
        ),
        (
            swapped("\"personal\"]", "\"people\"]"),
            "x.toml:18:13: unknown variant `people`",
        ),
        (
            swapped("\"2024-01-01\"", "\"1 May\""),
            "x.toml:15:18: `1 May` is not a date",
        ),
        (
            swapped("a.one", "A one"),
            "x.toml:13:6: `A one` is no name of a rule",
        ),
        (
            before_effect("effective_to = \"2023-12-31\""),
            "x.toml:16:16: `a.one` ends on 2023-12-31, before it begins on 2024-01-01",
        ),
        (
            before_effect("destination = { inn = [\"US\"] }"),
            "x.toml:16:17: unknown variant `inn`",
        ),
        (
            swapped("\"requires\"", "\"timer\""),
            "x.toml:16:10: `a.one`: `due_days` goes with",
        ),
        (
            swapped("\"requires\"", "\"exempts\""),
            "x.toml:16:10: `a.one`: a rule that exempts names",
        ),
        (
            swapped("routes", "suspends = [\"a.one\"]\n#"),
            "x.toml:16:10: `a.one`: a rule that requires",
        ),
        (
            before_effect(&format!("{threshold} }}")),
            "x.toml:16:13: missing field `unit`",
        ),
        (
            before_effect(&format!("{threshold}, unit = \"persons\" }}")),
            "x.toml:16:13: the threshold of `a.one` is 0",
        ),
        (
            before_effect("from_memory = true\nread = { by = \"x\", on = \"2026-01-01\" }"),
            "x.toml:13:6: `a.one` was read and is from memory",
        ),
    ]);
    let verified = "status = \"verified\"\nread_by = \"x\"\nread_on = \"2026-01-01\"";
    let verified = SMALL.replace("status = \"draft\"", verified);
    let memory = verified.replace("effect =", "from_memory = true\neffect =");
    assert_said(&[(
        error(&memory),
        "x.toml:15:6: `a.one` is from memory, in a pack that",
    )]);
    let status = |text: &str| Pack::parse(text, "x.toml").unwrap().rules[0].status;
    assert_eq!(status(&verified), PackStatus::Verified);
    assert_eq!(status(SMALL), PackStatus::Draft);
    let read = SMALL.replace(
        "effect =",
        "read = { by = \"x\", on = \"2026-01-01\" }\neffect =",
    );
    assert_eq!(status(&read), PackStatus::Verified);
}

#[test]
fn complaints_of_names_of_rules_name_the_line_and_the_column() {
    let superseded = |by: &str| {
        let lines = format!("effective_to = \"2025-01-01\"\nsuperseded_by = \"{by}\"");
        swapped("effect =", &format!("{lines}\neffect ="))
    };
    let chain = with_rule("a.two", "suspends = [\"a.three\"]");
    let chain = chain + &second_rule("a.three", "suspends = [\"a.one\"]");
    assert_said(&[
        (
            superseded("a.two"),
            "x.toml:17:17: `a.one` names `a.two`, which is no rule",
        ),
        (superseded("a.one"), "x.toml:17:17: `a.one` names itself"),
        (
            error(&with_rule("a.two", "superseded_by = \"a.one\"")),
            "x.toml:32:17: `a.two` is superseded and has no last day",
        ),
        (
            error(&with_rule("a.one", "")),
            "x.toml:24:6: `a.one` is the name of two rules",
        ),
        (
            error(&chain),
            "x.toml:32:13: `a.two` suspends `a.three`, which suspends",
        ),
    ]);
}

#[test]
fn a_file_extends_what_lies_beside_it_else_what_is_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let child = |bases: &str| {
        let own = SMALL
            .replace("\"small\"", "\"child\"")
            .replace("a.one", "b.one");
        own.replace("status =", &format!("extends = [{bases}]\nstatus ="))
    };
    write(
        "small.toml",
        &format!("\u{feff}{}", SMALL.replace('\n', "\r\n")),
    );
    let path = write("child.toml", &child("\"small\", \"cn-base\", \"cn-gba\""));
    let pack = Pack::read(&path).unwrap();
    assert_eq!(pack.rules[0].id.as_str(), "a.one");
    assert_eq!(
        (
            pack.rules[0].pack.as_str(),
            pack.rules.last().unwrap().pack.as_str()
        ),
        ("small", "child")
    );
    // Two ways lead to cn-base, and its rules are there once.
    let once = |id: &str| {
        pack.rules
            .iter()
            .filter(|rule| rule.id.as_str() == id)
            .count()
    };
    assert_eq!(
        (once("cn.cbdf.2024.pi1m"), once("cn.gba2023.onward")),
        (1, 1)
    );
    assert_eq!(examine(&pack), []);
    // One that lies beside goes before the one that is built in.
    write(
        "cn-base.toml",
        &SMALL
            .replace("\"small\"", "\"cn-base\"")
            .replace("a.one", "c.one"),
    );
    let path = write("child.toml", &child("\"cn-base\""));
    assert_eq!(Pack::read(&path).unwrap().rules.len(), 2);
    write(
        "a-loop.toml",
        &child("\"child\"").replace("\"child\"\nversion", "\"a-loop\"\nversion"),
    );
    let path = write("child.toml", &child("\"a-loop\""));
    let said = Pack::read(&path).unwrap_err().to_string();
    assert!(
        said.contains("a-loop.toml:9:12: `child` -> `a-loop` -> `child`"),
        "{said}"
    );
    write("other.toml", SMALL);
    let path = write("child.toml", &child("\"other\""));
    let said = Pack::read(&path).unwrap_err().to_string();
    assert!(
        said.contains("other.toml:3:6: the pack is called `small`"),
        "{said}"
    );
    let said = Pack::read(&folder.path().join("no.toml"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("no.toml"), "{said}");
    let large = write("large.toml", &"#\n".repeat(1 << 20));
    assert!(matches!(Pack::read(&large), Err(PackError::TooLarge(_))));
}

#[test]
fn the_number_of_packs_and_rules_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let text = SMALL.replace("\"small\"", &format!("\"p{number}\""));
        let text = text.replace("a.one", &format!("r{number}"));
        let text = text.replace(
            "status =",
            &format!("extends = [\"p{}\"]\nstatus =", number + 1),
        );
        fs::write(folder.path().join(format!("p{number}.toml")), text).unwrap();
    }
    let said = Pack::read(&folder.path().join("p0.toml"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("more than 32 packs"), "{said}");
    let rule = SMALL
        .split("[[rule]]")
        .nth(1)
        .unwrap()
        .split("test =")
        .next()
        .unwrap();
    let many: String = (0..1_000)
        .map(|number| format!("[[rule]]{}", rule.replace("a.one", &format!("r{number}"))))
        .collect();
    let said = error(&format!("{SMALL}{many}"));
    assert!(said.contains("more than 1000 rules"), "{said}");
}

#[test]
fn packs_are_listed_and_rules_explained_in_both_languages() {
    let packs = Pack::all_embedded().unwrap();
    let listed = list(&packs, Language::En);
    assert_eq!(listed.lines().count(), EMBEDDED_PACKS.len());
    assert!(
        listed.contains("cn-base          2026-11-26  draft   62 rules  China"),
        "{listed}"
    );
    assert!(list(&packs, Language::Zh).contains("草案"));
    let china = pack("cn-base");
    let said = explain(china, "cn.cbdf.2024.pi1m", Language::En).unwrap();
    for part in [
        "threshold: ≥ 1,000,000 persons, since 1 January, by the entity\n",
        "in force: 2024-03-22 onward (Asia/Shanghai)\n",
        "routes: security assessment, exemption by law, ",
        "suspended by: cn.cbdf.2024.exempt.foreign, ",
        "Nobody has held this against the official text yet.",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let said = explain(china, "cn.sa2022.pi100k", Language::Zh).unwrap();
    for part in [
        "门槛: ≥ 100,000 人, 自上年1月1日起",
        "被取代于 cn.cbdf.2024.contract.personal",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(explain(china, "no.such", Language::En), None);
    for pack in &packs {
        for rule in &pack.rules {
            for language in [Language::En, Language::Zh] {
                let said = explain(pack, rule.id.as_str(), language).unwrap();
                assert!(!said.contains(concat!("compl", "iant")), "{said}");
            }
        }
    }
}

#[test]
fn what_differs_is_told_field_by_field() {
    let old = Pack::parse(SMALL, "x.toml").unwrap();
    assert_eq!(diff(&old, &old), []);
    let new = SMALL
        .replace("\"high\"", "\"low\"")
        .replace("2026-01-01", "2026-02-01");
    let new = new
        + "\n[[rule]]"
        + SMALL
            .split("[[rule]]")
            .nth(1)
            .unwrap()
            .replace("a.one", "a.two")
            .as_str();
    let new = Pack::parse(&new, "x.toml").unwrap();
    let told = diff(&old, &new);
    let rows: Vec<_> = told
        .iter()
        .map(|row| (row.of.as_str(), row.field.as_deref()))
        .collect();
    assert_eq!(
        rows,
        [
            ("a.one", Some("severity")),
            ("a.two", None),
            ("pack", Some("version"))
        ]
    );
    assert_eq!(told[0].before.as_deref(), Some("\"high\""));
    assert_eq!(told[0].after.as_deref(), Some("\"low\""));
    assert_eq!(told[1].before, None);
    assert_eq!(diff(&new, &old)[1].after, None);
    // A pack that extends another differs by its own rules and its header.
    let told = diff(pack("cn-base"), pack("cn-gba"));
    let added = told
        .iter()
        .filter(|row| row.field.is_none() && row.before.is_none());
    assert_eq!(added.count(), 5);
}

#[test]
fn only_exports_whose_verdict_changes_are_told() {
    let mut bay = facts(["CN", "HK"], "2025-06-01", PERSONAL);
    bay.declared.zone = Some("gba");
    bay.standing = Standing::Approved {
        id: "g1",
        routes: &[Route::GbaContract],
    };
    let plain = facts(["CN", "US"], "2025-06-01", PERSONAL);
    let amounts = persons(200_000);
    let cases = [("bay", bay), ("plain", plain)].map(|(name, facts)| Case {
        name,
        facts,
        amounts: &amounts,
    });
    let told = what_if(pack("cn-base"), pack("cn-gba"), &cases);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].name, "bay");
    let verdict = |told: &Option<(Verdict, Option<RuleId>)>| told.as_ref().map(|told| told.0);
    assert_eq!(verdict(&told[0].before), Some(Verdict::ObservedExceeded));
    assert_eq!(verdict(&told[0].after), Some(Verdict::Approved));
    let told = what_if(pack("cn-base"), pack("us-dsp"), &cases);
    assert_eq!((told.len(), &told[0].after), (2, &None));
}

#[test]
fn a_verdict_is_told_with_its_numbers() {
    let facts = facts(["CN", "US"], "2025-06-01", PERSONAL);
    let judged = judge(pack("cn-base"), &facts, persons(150_000)).unwrap();
    assert_eq!(
        judged.sentence(Language::En),
        "What was seen passes the threshold, and the register has no approval for it. \
         [cn.cbdf.2024.contract.personal | Provisions on Promoting and Regulating Cross-Border \
         Data Flows (2024), article 8] (seen ≥ 150,000, since 2025-01-01; threshold ≥ 100,000 \
         persons, since 1 January, by the entity)"
    );
    assert!(judged.sentence(Language::Zh).contains("实测 ≥ 150,000"));
}
