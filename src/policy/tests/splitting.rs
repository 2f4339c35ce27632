//! Volumes that pass a threshold only where several are taken together.

use super::law::{Language, Severity};
use super::*;

const COLUMNS: &str =
    "organisation,owner,categories,bytes_per_record_minimum,bytes_per_record_typical\n";

fn declare(desk: &mut Desk, organisation: &str, owner: &str, categories: &str) {
    desk.declare(&format!(
        "{COLUMNS}{organisation},{owner},{categories},100,100\n"
    ));
}

fn desk(home: &str, pack: &str, approvals: &str) -> Desk {
    Desk::at_home(
        home,
        &[pack],
        &format!("{COLUMNS},,personal,100,100\n"),
        approvals,
    )
}

/// The last of what is told.
fn last(told: &[Judgement]) -> &Judgement {
    told.last().unwrap()
}

/// What several have in common, what they come to, and the parts.
type Found<'a> = (&'a Shared, u64, Vec<(&'a str, u64)>);

fn split(told: &[Judgement]) -> Option<Found<'_>> {
    let splitting = last(told).splitting.as_ref()?;
    let parts = splitting.parts.iter();
    let parts = parts.map(|(name, amount)| (name.as_str(), *amount));
    Some((&splitting.shared, splitting.total, parts.collect()))
}

#[test]
fn assets_of_nobody_with_one_recipient_are_told() {
    let mut desk = desk("CN", "cn-base", "");
    for asset in 1..3 {
        let told = desk.send(asset, "sink.example.com", 4 * MEGA);
        assert_eq!(split(&told), None, "{asset}: 80,000 are below 100,000");
    }
    // Elsewhere, or about something else: no part of it.
    desk.send(4, "a.example.org", 4 * MEGA);
    desk.send_to(5, ("sink.example.com", "DE"), 4 * MEGA);
    declare(&mut desk, "", "", "business");
    desk.send(6, "sink.example.com", 4 * MEGA);
    declare(&mut desk, "", "", "personal");
    let told = desk.send(3, "sink.example.com", 3 * MEGA);
    let shared = Shared::RecipientOfUnowned("example.com in US".to_owned());
    let parts = vec![
        ("asset-1", 40_000),
        ("asset-2", 40_000),
        ("asset-3", 30_000),
    ];
    assert_eq!(split(&told), Some((&shared, 110_000, parts)));
    let judgement = last(&told);
    assert_eq!(
        judgement.said.verdict,
        Verdict::NotDeterminable,
        "no entity has passed it"
    );
    assert_eq!(judgement.said.severity, Severity::Medium);
    assert!(judgement.alerts && !judgement.is_alarming_alone());
    let splitting = judgement.splitting.as_ref().unwrap();
    assert!(splitting.is_estimated);
    let said = splitting.sentence(Language::En);
    for part in [
        "cn.cbdf.2024.contract.personal",
        "110,000 by the estimate",
        "≥ 100,000 persons",
        "asset-1 40,000, asset-2 40,000, asset-3 30,000",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = splitting.sentence(Language::Zh);
    assert!(said.contains("拆分") && said.contains("110,000"), "{said}");
}

#[test]
fn what_one_asset_passes_alone_is_no_split() {
    let mut desk = desk("CN", "cn-base", "");
    desk.send(1, "sink.example.com", MEGA);
    let told = desk.send(2, "sink.example.com", 11 * MEGA);
    assert_eq!(last(&told).said.verdict, Verdict::DeclaredEstimateExceeded);
    assert_eq!(split(&told), None);
    let told = desk.send(1, "sink.example.com", MEGA);
    assert!(
        told.iter().all(|one| one.splitting.is_none()),
        "the rest is below it: {told:?}"
    );
}

#[test]
fn customers_of_one_service_raise_no_alert() {
    let mut desk = desk("CN", "cn-base", "");
    let mut told = Vec::new();
    for asset in 1..=3 {
        declare(&mut desk, &format!("Org {asset}"), "", "personal");
        told = desk.send(asset, "cloud.example.com", 4 * MEGA);
    }
    let shared = Shared::Recipient("example.com in US".to_owned());
    let parts = vec![("Org 1", 40_000), ("Org 2", 40_000), ("Org 3", 40_000)];
    assert_eq!(split(&told), Some((&shared, 120_000, parts)));
    let judgement = last(&told);
    assert!(judgement.is_new && !judgement.alerts, "{judgement:?}");
    let said = judgement.splitting.as_ref().unwrap().sentence(Language::En);
    assert!(said.contains("a service that many use"), "{said}");
}

#[test]
fn of_a_network_it_is_not_known_who_receives() {
    let mut desk = desk("CN", "cn-base", "");
    let mut told = Vec::new();
    for asset in 1..=3 {
        declare(&mut desk, &format!("Org {asset}"), "", "personal");
        desk.now += 1;
        let export = Export {
            tick: Tick(desk.now),
            asset: AssetKey::of([10, 0, 0, asset].into()),
            declared: Some(&desk.declared),
            country: "US".parse().unwrap(),
            confidence: Confidence::Plausible,
            asn: 64_500,
            address: None,
            host: None,
            domain: None,
            protection: Protection::Strong,
            bytes: 4 * MEGA,
            ended: true,
        };
        let label = || format!("asset-{asset}");
        desk.account.take(&desk.policy, &export, label);
        told = desk.account.judge(&desk.policy, Tick(desk.now));
    }
    assert_eq!(split(&told), None);
}

#[test]
fn assets_of_one_organisation_or_owner_are_told() {
    let mut desk = desk("CN", "cn-base", "");
    declare(&mut desk, "Org", "", "personal");
    desk.send(1, "a.example.com", 6 * MEGA);
    let told = desk.send(2, "b.example.org", 5 * MEGA);
    let shared = Shared::Organisation("Org".to_owned());
    let parts = vec![("asset-1", 60_000), ("asset-2", 50_000)];
    assert_eq!(split(&told), Some((&shared, 110_000, parts)));
    assert_eq!(last(&told).said.verdict, Verdict::DeclaredEstimateExceeded);

    declare(&mut desk, "", "lab@example.com", "personal");
    desk.send(3, "a.example.com", 6 * MEGA);
    let told = desk.send(4, "b.example.org", 5 * MEGA);
    let shared = Shared::Owner("lab@example.com".to_owned());
    let parts = vec![("asset-3", 60_000), ("asset-4", 50_000)];
    assert_eq!(split(&told), Some((&shared, 110_000, parts)));
    assert!(last(&told).alerts);
}

#[test]
fn recipients_of_one_sender_are_told_where_each_has_a_threshold() {
    let mut desk = desk("US", "us-dsp", "");
    declare(&mut desk, "Org", "", "genomic");
    let first = ("a.example.com", "CN");
    assert_eq!(split(&desk.send_to(1, first, 6 * KILO)), None);
    desk.send_to(1, ("a.example.com", "DE"), 6 * KILO);
    let told = desk.send_to(2, ("a.example.net", "RU"), 5 * KILO);
    let shared = Shared::Sender("Org".to_owned());
    let parts = vec![("example.com in CN", 60), ("example.net in RU", 50)];
    assert_eq!(split(&told), Some((&shared, 110, parts)));
}

const CONTRACT: &str = "\
[[approval]]
id = \"both\"
regime = \"cn\"
route = \"contract\"
assets = [\"asset-1\", \"asset-2\"]
categories = [\"health\"]
valid_from = \"2026-01-01\"
valid_to = \"2026-12-31\"
";

#[test]
fn contracts_for_parts_of_what_needs_an_assessment_do_not_cover_it() {
    let mut desk = desk("CN", "cn-base", CONTRACT);
    declare(&mut desk, "", "", "health");
    let told = desk.send(1, "a.example.com", 600 * KILO);
    assert_eq!(
        (last(&told).said.verdict, split(&told)),
        (Verdict::Approved, None)
    );
    let told = desk.send(2, "a.example.com", 500 * KILO);
    let judgement = last(&told);
    assert_eq!(
        judgement.said.verdict,
        Verdict::Approved,
        "each has its contract"
    );
    let splitting = judgement.splitting.as_ref().unwrap();
    assert_eq!(splitting.rule, "cn.cbdf.2024.spi10k");
    assert!(judgement.alerts, "{judgement:?}");
}
