//! Which of several verdicts is told, and what is said where none can be.

mod wild;

use proptest::prelude::*;

use super::*;

const CATEGORIES: [Category; 13] = [
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

const CODES: [&str; 15] = [
    "CN", "HK", "TW", "US", "DE", "RE", "CA", "JP", "BR", "RU", "VN", "IN", "GB", "ZZ", "KP",
];

/// One rule of each effect and basis that can be broken, in the order of the arguments.
fn ladder(prohibits: bool, observed: bool, conditions: bool, estimated: bool) -> Pack {
    let rule = |id: &str, effect: &str, threshold: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\ncite = \"x\"\neffective_from = \"2020-01-01\"\n\
             effect = \"{effect}\"\nseverity = \"medium\"\n{threshold}\nroutes = [\"licence\"]\n\
             text = {{ en = \"x\", zh = \"x\" }}\n"
        )
    };
    let threshold = |unit: &str| {
        format!(
            "threshold = {{ unit = \"{unit}\", op = \"ge\", value = 10, window = \"event\", \
             per = \"entity\" }}"
        )
    };
    let mut text = texts::SMALL.split("[[rule]]").next().unwrap().to_owned();
    // The strongest last, so that order of writing cannot be what decides.
    if estimated {
        text += &rule("estimated", "requires", &threshold("devices"));
    }
    if conditions {
        text += &rule("conditions", "requires", "");
    }
    if observed {
        text += &rule("observed", "requires", &threshold("persons"));
    }
    if prohibits {
        text += &rule("prohibits", "prohibits", "");
    }
    Pack::parse(&text, "x.toml").unwrap()
}

fn of_ladder(pack: &Pack, standing: Standing<'_>) -> Verdict {
    let mut facts = facts(["CN", "US"], "2024-01-01", PERSONAL);
    facts.standing = standing;
    let judged = judge(pack, &facts, |question| Amount {
        observed: if question.unit == Unit::Persons {
            10
        } else {
            0
        },
        estimated: Some(10),
    });
    judged.unwrap().verdict
}

const OTHER: Standing<'_> = Standing::Approved {
    id: "a",
    routes: &[Route::Contract],
};
const RIGHT: Standing<'_> = Standing::Approved {
    id: "a",
    routes: &[Route::Licence],
};
const OVER_RIGHT: Standing<'_> = Standing::OverQuota {
    id: "a",
    route: Route::Licence,
    is_estimated: false,
};
const OVER_OTHER: Standing<'_> = Standing::OverQuota {
    id: "a",
    route: Route::Contract,
    is_estimated: false,
};
const OUTSIDE: Standing<'_> = Standing::OutsideScope {
    id: "a",
    why: "recipient",
};

#[test]
fn of_several_verdicts_the_strongest_is_told() {
    use Standing::Unregistered as NONE;
    use Verdict::{
        Approved, DeclaredEstimateExceeded, NotDeterminable, ObservedExceeded, OutsideScope,
        OverQuota, ProhibitedDestination, Unapproved,
    };
    let all = ladder(true, true, true, true);
    let bound = ladder(false, true, true, true);
    let conditions = ladder(false, false, true, true);
    let estimated = ladder(false, false, false, true);
    let none = ladder(false, false, false, false);
    for (pack, standing, expected) in [
        (&all, NONE, ProhibitedDestination),
        (&all, OUTSIDE, ProhibitedDestination),
        (&all, OVER_OTHER, ProhibitedDestination),
        (&all, OVER_RIGHT, OverQuota),
        (&all, OTHER, ProhibitedDestination),
        (&all, RIGHT, Approved),
        (&bound, NONE, ObservedExceeded),
        (&bound, OTHER, ObservedExceeded),
        (&bound, OUTSIDE, OutsideScope),
        (&bound, OVER_RIGHT, OverQuota),
        (&bound, OVER_OTHER, ObservedExceeded),
        (&conditions, NONE, Unapproved),
        (&conditions, OTHER, Unapproved),
        (&conditions, OVER_OTHER, Unapproved),
        (&conditions, RIGHT, Approved),
        (&estimated, NONE, DeclaredEstimateExceeded),
        (&estimated, OTHER, DeclaredEstimateExceeded),
        (&estimated, OVER_OTHER, OverQuota),
        (&estimated, OUTSIDE, OutsideScope),
        (&none, NONE, NotDeterminable),
        (&none, OTHER, Approved),
        (&none, OVER_OTHER, OverQuota),
        (&none, OUTSIDE, OutsideScope),
    ] {
        let rules: Vec<&str> = pack.rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(
            of_ladder(pack, standing),
            expected,
            "{rules:?} {standing:?}"
        );
    }
}

#[test]
fn where_nothing_is_declared_it_is_said_what_could_be() {
    let mut facts = facts(["CN", "US"], "2025-06-01", &[]);
    facts.declared.is_declared = false;
    let judged = judge(pack("cn-base"), &facts, persons(0)).unwrap();
    assert_eq!(judged.verdict, Verdict::NotDeterminable);
    assert_eq!(judged.undetermined, Some(Undetermined::NothingDeclared));
    assert_eq!(
        judged.missing,
        [
            Declaration::Category,
            Declaration::Sector,
            Declaration::Scenario
        ]
    );
    let said = judged.sentence(Language::En);
    assert!(
        said.contains("what the data is about (`category`)"),
        "{said}"
    );
    assert!(
        judged
            .sentence(Language::Zh)
            .contains("数据类别（`category`）")
    );
    // What is seen in the clear is enough to say more.
    facts.seen = &[Category::Identifiers];
    let judged = judge(pack("cn-base"), &facts, persons(100_000)).unwrap();
    assert_eq!(judged.verdict, Verdict::ObservedExceeded);
    let judged = judge(pack("cn-base"), &facts, persons(7)).unwrap();
    assert_eq!(judged.undetermined, Some(Undetermined::BelowThreshold));
    assert_eq!(judged.severity, Severity::Low);
}

/// Whether the rule of the small pack, with one more line, applies.
fn applies(line: &str, to: &str, change: fn(&mut Declared<'_>)) -> bool {
    let text = texts::SMALL.replace("effect =", &format!("{line}\neffect ="));
    let adequate = "[[adequacy]]\ncountry = \"JP\"\ncite = \"x\"\n\
        effective_from = \"2020-01-01\"\n";
    let pack = Pack::parse(&format!("{text}{adequate}"), "x.toml").unwrap();
    let mut facts = facts(["CN", to], "2024-06-01", PERSONAL);
    change(&mut facts.declared);
    let judged = judge(&pack, &facts, persons(0)).unwrap();
    !judged.all_rules.is_empty()
}

#[test]
fn a_destination_has_to_be_as_asked() {
    for (line, yes, no) in [
        (
            "destination = { in = [\"US\", \"JP\"] }",
            ["US", "JP"],
            ["DE", "ZZ"],
        ),
        (
            "destination = { not_in = [\"US\"] }",
            ["DE", "ZZ"],
            ["US", "US"],
        ),
        (
            "destination = { adequate = true }",
            ["JP", "JP"],
            ["US", "ZZ"],
        ),
        (
            "destination = { adequate = false }",
            ["US", "ZZ"],
            ["JP", "JP"],
        ),
    ] {
        assert!(yes.iter().all(|to| applies(line, to, |_| {})), "{line}");
        assert!(!no.iter().any(|to| applies(line, to, |_| {})), "{line}");
    }
}

#[test]
fn each_condition_has_to_hold() {
    type Change = fn(&mut Declared<'_>);
    let cases: [(&str, Change, Change); 6] = [
        (
            "zone = [\"a\", \"b\"]",
            |it| it.zone = Some("b"),
            |it| it.zone = Some("c"),
        ),
        ("sector = [\"a\"]", |it| it.sector = Some("a"), |_| {}),
        (
            "scenario = [\"a\"]",
            |it| it.scenario = Some("a"),
            |it| it.scenario = Some("A"),
        ),
        (
            "grade = [\"core\"]",
            |it| it.grade = Grade::Core,
            |it| it.grade = Grade::Important,
        ),
        (
            "critical_infrastructure = true",
            |it| it.is_critical_infrastructure = true,
            |_| {},
        ),
        (
            "critical_infrastructure = false",
            |_| {},
            |it| it.is_critical_infrastructure = true,
        ),
    ];
    for (line, yes, no) in cases {
        assert!(applies(line, "US", yes), "{line}");
        assert!(!applies(line, "US", no), "{line}");
    }
}

#[test]
fn what_no_rule_is_about_is_not_called_good() {
    let facts = facts(["CN", "US"], "2025-06-01", &[Category::Industrial]);
    let judged = judge(pack("cn-base"), &facts, persons(0)).unwrap();
    assert_eq!(judged.verdict, Verdict::NotDeterminable);
    assert_eq!(judged.undetermined, Some(Undetermined::NoRule));
    assert!(
        judged
            .all_rules
            .iter()
            .all(|applied| !applied.rule.is_binding())
    );
}

#[test]
fn of_rules_that_are_broken_the_worst_says_how_bad_it_is() {
    let bad = SMALL_OBSERVED.replace("medium", "critical");
    let pack = Pack::parse(&format!("{}{bad}", texts::SMALL), "x.toml").unwrap();
    let facts = facts(["CN", "US"], "2024-06-01", PERSONAL);
    // What was seen outranks a rule that asks for no amount, and is told.
    let worse = pack.rules.iter().map(|rule| rule.severity);
    assert_eq!(
        worse.collect::<Vec<_>>(),
        [Severity::High, Severity::Critical]
    );
    let judged = judge(&pack, &facts, persons(10)).unwrap();
    assert_eq!(judged.verdict, Verdict::ObservedExceeded);
    assert_eq!(judged.severity, Severity::Critical);
    let mild = SMALL_OBSERVED.replace("medium", "low");
    let pack = Pack::parse(&format!("{}{mild}", texts::SMALL), "x.toml").unwrap();
    let judged = judge(&pack, &facts, persons(10)).unwrap();
    assert_eq!(judged.rule.unwrap().id.as_str(), "a.observed");
    assert_eq!(
        judged.severity,
        Severity::High,
        "of the rule that is not told"
    );
}

const SMALL_OBSERVED: &str = "\
[[rule]]
id = \"a.observed\"
cite = \"Law, article 2\"
effective_from = \"2024-01-01\"
effect = \"requires\"
severity = \"medium\"
threshold = { unit = \"persons\", op = \"ge\", value = 10, window = \"event\", per = \"entity\" }
routes = [\"assessment\"]
text = { en = \"Two.\", zh = \"二。\" }
";

#[test]
fn below_thresholds_the_nearest_one_is_named() {
    let personal = facts(["CN", "US"], "2025-06-01", PERSONAL);
    let named = |observed| rule_of("cn-base", &personal, observed).unwrap();
    // 1,000,000 persons are as bad and stand first, but 100,000 come first.
    assert_eq!(named(99_000), "cn.cbdf.2024.contract.personal");
    assert_eq!(named(0), "cn.cbdf.2024.contract.personal");
    // By parts: nine of ten before ninety of a thousand.
    let parts = |low: u64, high: u64| {
        let of = |id: &str, unit: &str, value: u64| {
            let text = SMALL_OBSERVED
                .replace("a.observed", id)
                .replace("persons", unit);
            text.replace("value = 10", &format!("value = {value}"))
        };
        let rules = [of("a.low", "persons", 10), of("a.high", "bytes", 1_000)].concat();
        let head = texts::SMALL.split("[[rule]]").next().unwrap();
        let pack = Pack::parse(&format!("{head}{rules}"), "x.toml").unwrap();
        let judged = judge(&pack, &personal, |question| Amount {
            observed: match question.unit {
                Unit::Persons => low,
                _ => high,
            },
            estimated: None,
        });
        judged.unwrap().rule.unwrap().id.to_string()
    };
    assert_eq!(parts(9, 90), "a.low");
    assert_eq!(parts(1, 900), "a.high");
}

#[test]
fn a_rule_about_some_countries_cannot_be_told_of_an_unknown_one() {
    let genomic = &[Category::Genomic];
    let unknown = facts(["US", "ZZ"], "2025-06-01", genomic);
    let judged = judge(pack("us-dsp"), &unknown, persons(1_000)).unwrap();
    assert_eq!(judged.verdict, Verdict::NotDeterminable);
    assert_eq!(judged.undetermined, Some(Undetermined::UnknownDestination));
    assert_eq!(judged.rule.unwrap().id.as_str(), "us.dsp.bulk.genomic");
    assert!(
        judged
            .sentence(Language::En)
            .contains("country is not known")
    );
    let known = facts(["US", "DE"], "2025-06-01", genomic);
    let judged = judge(pack("us-dsp"), &known, persons(1_000)).unwrap();
    assert_eq!(judged.undetermined, Some(Undetermined::NoRule));
    let other = facts(["US", "ZZ"], "2025-06-01", &[Category::Business]);
    let judged = judge(pack("us-dsp"), &other, persons(1_000)).unwrap();
    assert_eq!(
        judged.undetermined,
        Some(Undetermined::NoRule),
        "no rule is about it anywhere"
    );
}

#[test]
fn missing_evidence_is_told_by_the_rule_that_asks_for_it() {
    let mut facts = facts(["CN", "US"], "2025-06-01", PERSONAL);
    facts.reached = [Rung::E0, Rung::E1, Rung::E6].into_iter().collect();
    let judged = judge(pack("cn-base"), &facts, persons(7)).unwrap();
    assert_eq!(judged.rung_reached, Some(Rung::E6));
    assert_eq!(judged.rungs_missing.iter().collect::<Vec<_>>(), [Rung::E5]);
}
