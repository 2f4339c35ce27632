//! Remarks on what packs make nothing of.

use super::*;
use crate::geo::Jurisdictions;
use crate::policy::law::Pack;

/// Remarks on rows of assets (zone, sector, scenario, home) and of approvals under packs.
fn remarks(packs: &[&str], assets: &[&str], approvals: &str) -> Vec<String> {
    let rows = assets.iter().enumerate();
    let rows: String = rows
        .map(|(number, row)| format!("a{number},10.0.0.{number},{row}\n"))
        .collect();
    let text = format!("name,addresses,zone,sector,scenario,home\n{rows}");
    let inventory = Listed::read_table(text.as_bytes(), "i.csv").unwrap();
    let packs: Vec<Pack> = packs.iter().map(|id| Pack::embedded(id).unwrap()).collect();
    let site = Jurisdictions::new(&["CN"]).unwrap();
    let judging = Judging {
        packs: &packs,
        site: &site,
        file: "c.toml".into(),
        line: 3,
    };
    let register = register(approvals);
    let remarks = lint_packs(&inventory, register.approvals(), &judging);
    let lines = remarks.into_iter().map(|it| {
        let (file, line, severity) = (it.file, it.line, it.severity.name());
        format!("{file}:{line} {severity} {} {}", it.sentence, it.fix)
    });
    lines.collect()
}

#[test]
fn what_packs_ask_for_is_not_remarked() {
    let assets = ["ftz-lingang,automotive,outside_negative_list,CN", ",,,"];
    assert_eq!(remarks(&["cn-ftz-shanghai"], &assets, PLAIN), [""; 0]);
    assert_eq!(
        remarks(&[], &["nowhere,x,y,DE"], PLAIN),
        [""; 0],
        "nothing judges"
    );
}

#[test]
fn approvals_of_an_unknown_law_are_remarked() {
    let row = |regime: &str| PLAIN.replace(",cn,", &format!(",{regime},"));
    let found = remarks(&["cn-base"], &[], &row("chn"));
    only(
        found,
        "a.csv:2 error `a` is of regime `chn`, of which no pack is",
    );
    let found = remarks(&["cn-base"], &[], &row("us"));
    assert!(found[0].ends_with("Add one of us-dsp to policy.packs, or remove the approval."));
    only(
        found,
        "a.csv:2 warning `a` is of regime `us`, by which nothing judges",
    );
}

#[test]
fn approvals_by_a_route_of_no_rule_are_remarked() {
    let row = PLAIN.replace("contract", "binding_rules");
    let found = remarks(&["cn-base"], &[], &row);
    assert!(
        found[0].contains("filed: assessment, contract, certification"),
        "{found:?}"
    );
    only(
        found,
        "a.csv:2 warning `a` is by the route `binding_rules`, which no rule accepts",
    );
    let old = PLAIN.replace("2026-01-01,2027-12-31", "2010-01-01,2010-12-31");
    let found = remarks(&["cn-base"], &[], &old);
    assert!(
        found[0].ends_with("no rule asks for a route then."),
        "{found:?}"
    );
}

#[test]
fn words_that_no_rule_asks_for_are_remarked_once() {
    let assets = [
        "FTZ-Lingang,,,",
        "ftz-beijing,,,",
        "mars,,,",
        "mars,trade,holidays,",
    ];
    let found = remarks(&["cn-ftz-shanghai"], &assets, PLAIN);
    let expected = [
        "i.csv:2 warning No rule of the packs asks for the zone `FTZ-Lingang`: it changes no \
         verdict. Write `ftz-lingang`.",
        "i.csv:3 warning No rule of the packs asks for the zone `ftz-beijing`: it changes no \
         verdict. Add cn-ftz-beijing to policy.packs, which asks for it.",
        "i.csv:4 warning No rule of the packs asks for the zone `mars`",
        "i.csv:5 warning No rule of the packs asks for the scenario `holidays`",
        "i.csv:5 hint No rule of the packs asks for the sector `trade`",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn packs_that_hold_the_same_rules_are_remarked() {
    let found = remarks(&["cn-ftz-beijing", "cn-ftz-tianjin"], &[], "");
    assert!(found[0].contains("extends [\"cn-ftz-beijing\", \"cn-ftz-tianjin\"]"));
    only(
        found,
        "c.toml:3 warning `cn-ftz-beijing` and `cn-ftz-tianjin` both hold `cn.",
    );
}

#[test]
fn homes_of_packs_and_assets_are_remarked() {
    let found = remarks(&["cn-base", "us-dsp"], &[",,,"], "");
    only(
        found,
        "c.toml:3 warning `us-dsp` is at home neither in site.jurisdictions nor",
    );
    let found = remarks(&["cn-base", "us-dsp"], &[",,,US", ",,,US"], "");
    only(
        found,
        "i.csv:2 hint The data of `a0` is at home in US: what it sends within",
    );
    let found = remarks(&["cn-base"], &[",,,US"], "");
    only(
        found,
        "i.csv:2 warning The data of `a0` is at home in US, and no pack",
    );
}
