//! What a threshold adds up, and what it does not.

use super::*;

/// What is declared of data whose records have 1,000 bytes.
fn of(columns: &str, values: &str) -> String {
    format!(
        "organisation,bytes_per_record_minimum,bytes_per_record_typical,{columns}\n\
         Org,1000,1000,{values}\n"
    )
}

fn said(told: &[Judgement]) -> (Verdict, Option<&str>, Option<[u64; 3]>) {
    let last = told.last().unwrap();
    (last.said.verdict, last.said.rule.as_deref(), last.inputs)
}

#[test]
fn a_threshold_of_a_recipient_is_one_of_a_country() {
    let genomes = of("categories", "genomic");
    let mut desk = Desk::at_home("US", &["us-dsp"], &genomes, "");
    desk.send_to(1, ("a.example.com", "DE"), 5 * MEGA);
    let told = desk.send_to(1, ("a.example.com", "CN"), 60 * KILO);
    let rule = Some("us.dsp.bulk.genomic");
    assert_eq!(
        said(&told),
        (Verdict::NotDeterminable, rule, Some([0, 60, 100]))
    );
    // Another recipient of the country, and the same one in another country of concern, are
    // others too.
    desk.send_to(1, ("a.example.net", "CN"), 30 * KILO);
    desk.send_to(1, ("a.example.com", "HK"), 30 * KILO);
    let told = desk.send_to(1, ("b.example.com", "CN"), 40 * KILO);
    assert_eq!(
        said(&told).2,
        Some([0, 100, 100]),
        "more than 100 are meant"
    );
    let told = desk.send_to(1, ("c.example.com", "CN"), KILO);
    assert_eq!(
        said(&told),
        (Verdict::DeclaredEstimateExceeded, rule, Some([0, 101, 100]))
    );
}

#[test]
fn what_is_exempt_or_at_home_elsewhere_is_not_added_up() {
    let health = of("categories", "health");
    let mut desk = Desk::at_home("CN", &["cn-base"], &health, "");
    // Articles 4 and 5 of the Provisions of 2024, and data that is of no Chinese law.
    for (asset, values) in [
        (1, "health,emergency,"),
        (2, "health,foreign_personal_information,"),
    ] {
        desk.declare(&of("categories,scenario,home", values));
        let told = desk.send(asset, "a.example.com", 12 * MEGA);
        assert_eq!(said(&told).0, Verdict::NotDeterminable, "it is exempt");
    }
    desk.declare(&of("categories,scenario,home", "health,,US"));
    assert!(
        desk.send_to(3, ("a.example.com", "DE"), 12 * MEGA)
            .is_empty()
    );
    desk.declare(&health);
    let told = desk.send(4, "a.example.com", 5 * KILO);
    let contract = Some("cn.cbdf.2024.contract.sensitive");
    let expected = (Verdict::DeclaredEstimateExceeded, contract, Some([0, 5, 1]));
    assert_eq!(said(&told), expected);
    let told = desk.send(5, "a.example.com", 9_994 * KILO);
    assert_eq!(said(&told).1, contract, "9,999 of the organisation");
    let told = desk.send(6, "a.example.com", 5 * KILO);
    let assessment = Some("cn.cbdf.2024.spi10k");
    let expected = (
        Verdict::DeclaredEstimateExceeded,
        assessment,
        Some([0, 10_004, 10_000]),
    );
    assert_eq!(said(&told), expected);
}

#[test]
fn important_data_is_exempt_by_no_scenario() {
    let important = of("categories,scenario,grade", "health,emergency,important");
    let mut desk = Desk::at_home("CN", &["cn-base"], &important, "");
    desk.send(1, "a.example.com", 12 * MEGA);
    desk.declare(&of("categories", "health"));
    let told = desk.send(2, "a.example.com", 5 * KILO);
    assert_eq!(said(&told).1, Some("cn.cbdf.2024.spi10k"), "it counts");
}

const PERSONS: &str = "\
[[approval]]
id = \"persons\"
regime = \"cn\"
route = \"contract\"
organisation = \"Org\"
categories = [\"health\"]
maximum_subjects = 100
period = \"year\"
valid_from = \"2026-01-01\"
valid_to = \"2026-12-31\"
";

#[test]
fn a_quota_of_persons_is_held_against_what_is_declared_too() {
    let mut desk = Desk::at_home("CN", &["cn-base"], &of("categories", "health"), PERSONS);
    let told = desk.send(1, "a.example.com", 100 * KILO);
    assert_eq!(said(&told).0, Verdict::Approved);
    let told = desk.send(1, "b.example.com", KILO);
    assert_eq!(said(&told).0, Verdict::DeclaredEstimateExceeded);
    let why = "persons allows 100 persons within the year, and 101 are estimated by the declared \
               length of a record";
    assert_eq!(told[0].why, [why]);
    assert!(told[0].alerts, "{told:?}");
    assert_eq!(told[0].said.approval.as_deref(), Some("persons"));
}
