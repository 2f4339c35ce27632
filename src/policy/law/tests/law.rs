//! What the shipped packs say at the edges of the law.

use super::*;

#[test]
fn a_replay_of_the_day_before_the_provisions_of_2024_is_judged_by_the_measures_of_2022() {
    let before = facts(["CN", "US"], "2024-03-21", PERSONAL);
    let after = facts(["CN", "US"], "2024-03-22", PERSONAL);
    // 150,000 persons: an assessment before, a contract after.
    assert_eq!(
        rule_of("cn-base", &before, 150_000).unwrap(),
        "cn.sa2022.pi100k"
    );
    assert_eq!(
        rule_of("cn-base", &after, 150_000).unwrap(),
        "cn.cbdf.2024.contract.personal"
    );
    let with = |mut facts: Facts<'static>| {
        facts.standing = APPROVED_CONTRACT;
        facts
    };
    assert_eq!(
        verdict("cn-base", &with(before), 150_000),
        Verdict::ObservedExceeded
    );
    assert_eq!(verdict("cn-base", &with(after), 150_000), Verdict::Approved);
    // 50,000 persons: a route whatever the number before, none after.
    assert_eq!(verdict("cn-base", &before, 50_000), Verdict::Unapproved);
    assert_eq!(verdict("cn-base", &after, 50_000), Verdict::NotDeterminable);
    // The window is another as well.
    let since = |facts| {
        let judged = judge(pack("cn-base"), facts, persons(150_000)).unwrap();
        judged.input.unwrap().since.unwrap().to_string()
    };
    assert_eq!(
        (since(&before), since(&after)),
        ("2023-01-01".to_owned(), "2024-01-01".to_owned())
    );
}

#[test]
fn the_provisions_begin_at_midnight_in_china() {
    let mut edge = facts(["CN", "US"], "2024-03-22", PERSONAL);
    edge.at = moment("2024-03-21T15:59:59.999999999Z");
    assert_eq!(
        rule_of("cn-base", &edge, 100_000).unwrap(),
        "cn.sa2022.pi100k"
    );
    edge.at = moment("2024-03-21T16:00:00Z");
    assert_eq!(
        rule_of("cn-base", &edge, 100_000).unwrap(),
        "cn.cbdf.2024.contract.personal"
    );
}

#[test]
fn chinese_thresholds_include_their_number() {
    let personal = facts(["CN", "US"], "2025-06-01", PERSONAL);
    let health = facts(["CN", "US"], "2025-06-01", HEALTH);
    for (facts, number, expected) in [
        (&personal, 99_999, None),
        (&personal, 100_000, Some("cn.cbdf.2024.contract.personal")),
        (&personal, 999_999, Some("cn.cbdf.2024.contract.personal")),
        (&personal, 1_000_000, Some("cn.cbdf.2024.pi1m")),
        (&health, 0, None),
        (&health, 1, Some("cn.cbdf.2024.contract.sensitive")),
        (&health, 9_999, Some("cn.cbdf.2024.contract.sensitive")),
        (&health, 10_000, Some("cn.cbdf.2024.spi10k")),
    ] {
        let judged = judge(pack("cn-base"), facts, persons(number)).unwrap();
        let mut exceeded = judged
            .rule
            .filter(|_| judged.verdict == Verdict::ObservedExceeded);
        // Of two that are exceeded and cost as much the order of the pack decides, and the
        // one that asks for more stands first.
        let rule = exceeded.take().map(|rule| rule.id.as_str());
        assert_eq!(rule, expected, "{number}");
    }
    let mut contract = personal;
    contract.standing = APPROVED_CONTRACT;
    assert_eq!(verdict("cn-base", &contract, 999_999), Verdict::Approved);
    assert_eq!(
        verdict("cn-base", &contract, 1_000_000),
        Verdict::ObservedExceeded
    );
}

#[test]
fn american_thresholds_exclude_their_number_and_go_by_recipient() {
    let genome = facts(["US", "CN"], "2025-06-01", &[Category::Genomic]);
    let at = |observed: u64| {
        judge(pack("us-dsp"), &genome, |question| {
            assert_eq!(question.scope, Scope::EntityAndRecipient);
            assert_eq!(question.window, Window::Rolling12Months);
            assert_eq!(question.since.unwrap().to_string(), "2024-06-02");
            Amount {
                observed,
                estimated: None,
            }
        })
        .unwrap()
    };
    let below = at(100);
    assert_eq!(below.verdict, Verdict::NotDeterminable);
    assert_eq!(below.undetermined, Some(Undetermined::BelowThreshold));
    // Declared, to a country of concern, whatever encryption hides.
    assert_eq!(below.severity, Severity::Medium);
    let above = at(101);
    assert_eq!(above.verdict, Verdict::ProhibitedDestination);
    assert_eq!(above.rule.unwrap().id.as_str(), "us.dsp.bulk.genomic");
    assert_eq!(above.severity, Severity::Critical);
}

#[test]
fn combined_data_has_the_lowest_threshold_and_is_not_added_up() {
    let both = [Category::Genomic, Category::Health];
    let facts = facts(["US", "RU"], "2025-06-01", &both);
    let of = |genomic: u64, health: u64| {
        let amounts = move |question: &Question<'_>| Amount {
            observed: match question.categories {
                [Category::Genomic] => genomic,
                [Category::Health] => health,
                _ => 0,
            },
            estimated: None,
        };
        let judged = judge(pack("us-dsp"), &facts, amounts).unwrap();
        judged
            .rule
            .map(|rule| (judged.verdict, rule.id.to_string()))
            .unwrap()
    };
    let combined = "us.dsp.bulk.combined.genomic".to_owned();
    assert_eq!(of(1, 101), (Verdict::ProhibitedDestination, combined));
    assert_eq!(of(60, 60).0, Verdict::NotDeterminable);
}

#[test]
fn what_is_abroad_differs_by_pack() {
    let concerns = |id: &str, from, to| pack(id).concerns(country(from), country(to));
    for territory in ["HK", "MO", "TW", "US", "ZZ"] {
        assert!(concerns("cn-base", "CN", territory), "{territory}");
    }
    assert!(!concerns("cn-base", "CN", "CN") && !concerns("cn-base", "HK", "US"));
    for home in ["NO", "IS", "LI", "RE", "GP", "MQ", "GF", "YT", "MF", "DE"] {
        assert!(!concerns("eu-gdpr", "FR", home), "{home}");
        assert!(concerns("eu-gdpr", home, "US"), "{home}");
    }
    for abroad in ["NC", "PF", "GB", "CH", "FO", "ZZ"] {
        assert!(concerns("eu-gdpr", "FR", abroad), "{abroad}");
    }
    assert!(!concerns("eu-gdpr", "ZZ", "US"));
    for concern in ["CN", "HK", "MO", "CU", "IR", "KP", "RU", "VE"] {
        let facts = facts(["US", concern], "2025-06-01", &[Category::Government]);
        assert_eq!(
            verdict("us-dsp", &facts, 0),
            Verdict::ProhibitedDestination,
            "{concern}"
        );
    }
    let taiwan = facts(["US", "TW"], "2025-06-01", &[Category::Government]);
    assert_eq!(verdict("us-dsp", &taiwan, 0), Verdict::NotDeterminable);
    let home = facts(["CN", "CN"], "2025-06-01", PERSONAL);
    assert_eq!(judge(pack("cn-base"), &home, persons(1)), None);
}

#[test]
fn a_conditional_adequacy_never_follows_from_a_country_alone() {
    let europe = pack("eu-gdpr");
    let (mut full, mut conditional) = (0, 0);
    for row in &europe.adequacies {
        let from = row.effective_from.0;
        let alone = europe.adequacy(row.country.0, from, Recipient::Undeclared);
        let declared = europe.adequacy(row.country.0, from, Recipient::Declared);
        assert_eq!(
            alone.is_some(),
            row.condition.is_none(),
            "{}",
            row.country.0
        );
        assert_eq!(declared, Some(row));
        let before = from.yesterday().unwrap();
        assert_eq!(
            europe.adequacy(row.country.0, before, Recipient::Declared),
            None
        );
        match row.condition {
            None => full += 1,
            Some(_) => conditional += 1,
        }
    }
    assert_eq!((full, conditional), (14, 3));
    for to in ["CA", "US"] {
        let mut facts = facts(["DE", to], "2026-06-01", PERSONAL);
        assert_eq!(verdict("eu-gdpr", &facts, 0), Verdict::Unapproved, "{to}");
        facts.recipient = Recipient::Declared;
        let judged = judge(europe, &facts, persons(0)).unwrap();
        assert_eq!(judged.undetermined, Some(Undetermined::Exempted), "{to}");
        assert_eq!(judged.rule.unwrap().id.as_str(), "eu.gdpr.adequacy");
    }
    // Between the two frameworks there was none.
    let between = facts(["DE", "US"], "2022-01-01", PERSONAL);
    let between = Facts {
        recipient: Recipient::Declared,
        ..between
    };
    assert_eq!(verdict("eu-gdpr", &between, 0), Verdict::Unapproved);
}

#[test]
fn a_contract_of_the_bay_covers_any_amount_to_hong_kong_and_to_nowhere_else() {
    let standing = Standing::Approved {
        id: "g1",
        routes: &[Route::GbaContract],
    };
    let of = |to, zone| {
        let mut facts = facts(["CN", to], "2025-06-01", PERSONAL);
        facts.declared.zone = zone;
        facts.standing = standing;
        verdict("cn-gba", &facts, 2_000_000)
    };
    assert_eq!(of("HK", Some("gba")), Verdict::Approved);
    assert_eq!(of("MO", Some("gba")), Verdict::ObservedExceeded);
    assert_eq!(of("HK", None), Verdict::ObservedExceeded);
}

#[test]
fn a_negative_list_frees_what_is_outside_it_and_never_important_data() {
    let mut facts = facts(["CN", "US"], "2025-06-01", PERSONAL);
    facts.declared.zone = Some("ftz-beijing");
    facts.declared.scenario = Some("outside_negative_list");
    let judged = judge(pack("cn-ftz-beijing"), &facts, persons(200_000)).unwrap();
    assert_eq!(judged.undetermined, Some(Undetermined::Exempted));
    assert_eq!(judged.severity, Severity::Info);
    assert_eq!(
        verdict("cn-base", &facts, 200_000),
        Verdict::ObservedExceeded
    );
    facts.declared.grade = Grade::Important;
    assert_eq!(
        verdict("cn-ftz-beijing", &facts, 200_000),
        Verdict::ObservedExceeded
    );
    facts.declared.scenario = Some("automotive");
    facts.declared.grade = Grade::General;
    assert_eq!(verdict("cn-ftz-beijing", &facts, 0), Verdict::Unapproved);
}

#[test]
fn a_registered_exemption_is_enough_for_persons_and_never_for_important_data() {
    let mut facts = facts(["CN", "US"], "2025-06-01", PERSONAL);
    const ROUTES: [Route; 3] = [Route::Exemption, Route::NegativeList, Route::WhiteList];
    for route in ROUTES.chunks(1) {
        facts.standing = Standing::Approved {
            id: "x",
            routes: route,
        };
        facts.declared.grade = Grade::General;
        assert_eq!(
            verdict("cn-base", &facts, 2_000_000),
            Verdict::Approved,
            "{route:?}"
        );
        facts.declared.is_critical_infrastructure = true;
        assert_eq!(
            verdict("cn-base", &facts, 2_000_000),
            Verdict::Approved,
            "{route:?}"
        );
        facts.declared.is_critical_infrastructure = false;
        facts.declared.grade = Grade::Important;
        assert_eq!(
            verdict("cn-base", &facts, 0),
            Verdict::Unapproved,
            "{route:?}"
        );
    }
}

#[test]
fn the_timer_of_vietnam_rings_sixty_days_after_the_first_export() {
    let mut facts = facts(["VN", "SG"], "2026-05-01", PERSONAL);
    facts.first_export = Some(moment("2026-01-31T17:00:00Z"));
    let judged = judge(pack("vn-pdpl"), &facts, persons(0)).unwrap();
    let due: Vec<_> = judged
        .all_rules
        .iter()
        .filter_map(|applied| applied.due)
        .collect();
    // 00:00 on 1 February in Vietnam.
    assert_eq!(
        due.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["2026-04-02"]
    );
    assert_eq!(judged.verdict, Verdict::NotDeterminable);
}

#[test]
fn packs_know_how_long_approvals_and_records_last() {
    let day = |text: &str| Day::try_from(text.to_owned()).unwrap().0;
    let china = pack("cn-base");
    assert_eq!(
        china.valid_months(Route::Assessment, day("2024-03-21")),
        Some(24)
    );
    assert_eq!(
        china.valid_months(Route::Assessment, day("2024-03-22")),
        Some(36)
    );
    assert_eq!(china.valid_months(Route::Contract, day("2024-03-22")), None);
    assert_eq!(china.keep_months(day("2024-03-22")), Some(36));
    assert_eq!(pack("us-dsp").keep_months(day("2025-04-08")), Some(120));
    assert_eq!(pack("us-dsp").keep_months(day("2025-04-07")), None);
}

#[test]
fn no_day_lies_between_a_rule_and_the_one_that_takes_its_place() {
    let mut pairs = 0;
    for (id, _) in EMBEDDED_PACKS {
        let pack = pack(id);
        for rule in &pack.rules {
            let Some(by) = &rule.superseded_by else {
                continue;
            };
            let next = pack.rule(by.as_str()).unwrap().effective_from.0;
            assert_eq!(
                rule.effective_to.unwrap().0.tomorrow().unwrap(),
                next,
                "{}",
                rule.id
            );
            pairs += 1;
        }
    }
    assert!(pairs > 0);
}
