//! Days of law turn at their own midnights.

use super::*;

const UNTIL_TODAY: &str = "\
[[approval]]
id = \"ends\"
regime = \"cn\"
route = \"contract\"
organisation = \"Org\"
categories = [\"sensitive_personal\"]
valid_from = \"2026-01-01\"
valid_to = \"2026-03-02\"
";

#[test]
fn what_is_sent_behind_a_midnight_of_the_law_is_judged_at_once() {
    let mut desk = Desk::new(&["cn-base"], "sensitive_personal", UNTIL_TODAY);
    // The days of the site turn at another moment than those of the pack.
    desk.policy = Policy::new(
        desk.policy.packs().to_vec(),
        desk.policy.register().clone(),
        "CN".parse().unwrap(),
        TimeZone::UTC,
        65_536,
    );
    desk.account.close_day(&desk.policy, Tick(MORNING));
    desk.account.open_day_of_law(&desk.policy, Tick(MORNING));
    let midnight = MORNING + 16 * 3_600;
    desk.now = midnight - 10;
    desk.send(1, "a.example.com", 8 * MEGA);
    desk.send(1, "a.example.com", KILO);
    assert_eq!(desk.verdict(1), Verdict::Approved);
    let turn = Tick(midnight);
    assert_eq!(
        desk.account.day_ended(turn),
        None,
        "the site has the same day"
    );
    assert_eq!(desk.account.day_of_law_ended(Tick(midnight - 1)), None);
    assert_eq!(
        desk.account.day_of_law_ended(turn),
        Some(Tick(midnight - 1))
    );
    desk.account.judge_all();
    let told = desk.account.judge(&desk.policy, Tick(midnight - 1));
    assert!(
        told.is_empty(),
        "by the law of its day it is what it was: {told:?}"
    );
    desk.account.open_day_of_law(&desk.policy, turn);
    assert_eq!(desk.account.day_of_law_ended(turn), None);
    desk.now = midnight;
    let told = desk.send(1, "a.example.com", KILO);
    assert_eq!(told.len(), 1, "a thousandth more, and judged");
    assert_eq!(told[0].said.verdict, Verdict::OutsideScope);
}
