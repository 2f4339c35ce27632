//! Corridors held against a register and packs, without a packet.

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::law::{Pack, Verdict};
use super::*;

mod days;
mod splitting;
mod thresholds;

use crate::dissect::Protection;
use crate::geo::{Confidence, Country};
use crate::inventory::{AssetKey, Declared};
use crate::time::Tick;

/// 2026-03-02, a Monday, 08:00 in Shanghai.
const MORNING: u64 = 1_772_409_600;

const KILO: u64 = 1_000;
const MEGA: u64 = 1_000_000;

struct Desk {
    policy: Policy,
    account: Account,
    declared: Declared,
    now: u64,
}

impl Desk {
    /// Assets of one organisation whose data has these categories, under these packs.
    fn new(packs: &[&str], categories: &str, approvals: &str) -> Self {
        let rows = format!("organisation,categories\nOrg,{categories}\n");
        Self::at_home("CN", packs, &rows, approvals)
    }

    /// Assets that are declared like the first row of a table, where the site is in a country.
    fn at_home(home: &str, packs: &[&str], rows: &str, approvals: &str) -> Self {
        let packs = packs.iter().map(|id| Pack::embedded(id).unwrap()).collect();
        let register = Register::new(Approval::read_toml(approvals, "a.toml").unwrap()).unwrap();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let policy = Policy::new(packs, register, home.parse().unwrap(), zone, 65_536);
        let declared = declared(rows).swap_remove(0);
        let mut account = Account::default();
        account.meter_for(&policy, Tick(MORNING));
        assert!(account.close_day(&policy, Tick(MORNING)).is_none());
        Self {
            policy,
            account,
            declared,
            now: MORNING,
        }
    }

    /// Says from now on that assets are declared like the first row of a table.
    fn declare(&mut self, rows: &str) {
        self.declared = declared(rows).swap_remove(0);
    }

    /// Sends bytes from an asset to a host, a second later, and says what is told of it.
    fn send(&mut self, asset: u8, host: &str, bytes: u64) -> Vec<Judgement> {
        self.send_to(asset, (host, "US"), bytes)
    }

    fn send_to(&mut self, asset: u8, (host, country): (&str, &str), bytes: u64) -> Vec<Judgement> {
        self.now += 1;
        let domain = host.split_once('.').map_or(host, |(_, domain)| domain);
        let export = Export {
            tick: Tick(self.now),
            asset: AssetKey::of([10, 0, 0, asset].into()),
            declared: Some(&self.declared),
            country: country.parse().unwrap(),
            confidence: Confidence::Plausible,
            asn: 64_500,
            address: Some(IpAddr::from([192, 0, 2, 1])),
            host: Some(host),
            domain: Some(domain),
            protection: Protection::Strong,
            bytes,
            ended: false,
        };
        self.account
            .take(&self.policy, &export, || format!("asset-{asset}"));
        self.account.judge(&self.policy, Tick(self.now))
    }

    fn verdict(&self, asset: u8) -> Verdict {
        let asset = AssetKey::of([10, 0, 0, asset].into());
        let country: Country = "US".parse().unwrap();
        self.account.standpoint(asset, country).unwrap().1.verdict
    }
}

/// What rows of a table declare, without names and addresses.
fn declared(rows: &str) -> Vec<Declared> {
    let (header, rows) = rows.split_once('\n').unwrap();
    let rows = rows.lines().enumerate();
    let rows: String = rows
        .map(|(number, row)| format!("a{number},10.0.0.{number},{row}\n"))
        .collect();
    let table = format!("name,addresses,{header}\n{rows}");
    let listed = crate::inventory::Listed::read_table(table.as_bytes(), "i.csv").unwrap();
    listed.into_iter().map(|one| one.known.declared).collect()
}

const CONTRACTS: &str = "\
[[approval]]
id = \"one\"
regime = \"cn\"
route = \"contract\"
organisation = \"Org\"
assets = [\"asset-1\"]
recipients = [{ domain = \"good.example.com\" }]
categories = [\"sensitive_personal\"]
maximum_bytes = 5000000
period = \"day\"
valid_from = \"2026-01-01\"
valid_to = \"2026-12-31\"
[[approval]]
id = \"two\"
regime = \"cn\"
route = \"contract\"
organisation = \"Org\"
assets = [\"asset-2\"]
recipients = [{ domain = \"good.example.com\" }]
categories = [\"sensitive_personal\"]
valid_from = \"2026-01-01\"
valid_to = \"2026-12-31\"
";

#[test]
fn a_quota_is_used_up_by_what_its_approval_covers_and_by_nothing_else() {
    let mut desk = Desk::new(&["cn-base"], "sensitive_personal", CONTRACTS);
    desk.send(2, "good.example.com", 50 * MEGA);
    assert_eq!(desk.verdict(2), Verdict::Approved);
    for _ in 0..10 {
        desk.send(1, "good.example.com", 500 * KILO);
        assert_eq!(desk.verdict(1), Verdict::Approved);
    }
    let told = desk.send(1, "good.example.com", 1);
    assert_eq!(
        desk.verdict(1),
        Verdict::OverQuota,
        "at the first byte beyond"
    );
    assert!(told[0].alerts && told[0].is_new, "{told:?}");
    assert_eq!(told[0].said.approval.as_deref(), Some("one"));
    let why = "one allows 5000000 bytes within the day, and 5000001 were seen";
    assert_eq!(told[0].why, [why]);
}

#[test]
fn another_host_of_the_domain_is_held_against_the_register_at_once() {
    let mut desk = Desk::new(&["cn-base"], "sensitive_personal", CONTRACTS);
    desk.send(2, "good.example.com", 8 * MEGA);
    assert_eq!(desk.verdict(2), Verdict::Approved);
    let told = desk.send(2, "evil.example.com", 70 * KILO);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_ne!(desk.verdict(2), Verdict::Approved);
    // And what it got is not what the approval was used for.
    desk.send(2, "good.example.com", KILO);
    assert_eq!(desk.verdict(2), Verdict::Approved);
}

#[test]
fn what_a_day_had_is_judged_as_it_ends_and_told_once() {
    let mut desk = Desk::new(&["cn-base"], "sensitive_personal", "");
    desk.send(3, "a.example.org", MEGA);
    let unjudged = desk.send(3, "a.example.org", 100 * KILO);
    assert!(unjudged.is_empty(), "it is not an eighth more");
    let evening = Tick(MORNING + 16 * 3_600);
    assert_eq!(desk.account.day_ended(evening), Some(Tick(evening.0 - 1)));
    desk.account.judge_all();
    desk.account.judge(&desk.policy, Tick(evening.0 - 1));
    let closed = desk.account.close_day(&desk.policy, evening).unwrap();
    assert_eq!((closed.date.as_str(), closed.rows.len()), ("2026-03-02", 1));
    assert_eq!(closed.rows[0].1.day.bytes, MEGA + 100 * KILO);
    assert!(desk.account.close_day(&desk.policy, evening).is_none());
    desk.now = evening.0;
    let told = desk.send(3, "a.example.org", KILO);
    assert!(
        told.iter().all(|one| one.is_new),
        "each day begins anew: {told:?}"
    );
}

const ADEQUACY: &str = "\
[[approval]]
id = \"decision\"
regime = \"eu\"
route = \"adequacy\"
organisation = \"Org\"
categories = [\"health\"]
valid_from = \"2026-01-01\"
valid_to = \"2026-12-31\"
";

#[test]
fn an_adequacy_that_the_pack_does_not_know_covers_nothing() {
    let mut desk = Desk::new(&["eu-gdpr"], "health", ADEQUACY);
    desk.policy = Policy::new(
        desk.policy.packs().to_vec(),
        desk.policy.register().clone(),
        "DE".parse().unwrap(),
        TimeZone::UTC,
        0,
    );
    // Of the United States there is a decision, for those who take part in it.
    desk.send(1, "a.example.org", MEGA);
    assert_eq!(desk.verdict(1), Verdict::Approved);
    desk.now += 1;
    let export = Export {
        tick: Tick(desk.now),
        asset: AssetKey::of([10, 0, 0, 4].into()),
        declared: Some(&desk.declared),
        country: "IN".parse().unwrap(),
        confidence: Confidence::Plausible,
        asn: 64_501,
        address: None,
        host: None,
        domain: None,
        protection: Protection::Strong,
        bytes: MEGA,
        ended: true,
    };
    desk.account
        .take(&desk.policy, &export, || "asset-4".to_owned());
    let told = desk.account.judge(&desk.policy, Tick(desk.now));
    assert_ne!(told[0].said.verdict, Verdict::Approved);
    assert!(
        told[0].why[0].contains("adequacy of IN that eu-gdpr has not"),
        "{told:?}"
    );
}

#[test]
fn an_account_is_the_same_after_a_restart() {
    let mut desk = Desk::new(&["cn-base", "us-dsp"], "sensitive_personal", CONTRACTS);
    for asset in 1..4 {
        desk.send(asset, "good.example.com", MEGA);
    }
    let bytes = postcard::to_stdvec(&desk.account).unwrap();
    let read: Account = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(postcard::to_stdvec(&read).unwrap(), bytes);
    assert_eq!(read.len(), 3);
    desk.account = read;
    let told = desk.send(1, "good.example.com", 4 * MEGA + 1);
    assert_eq!(told[0].said.verdict, Verdict::OverQuota, "{told:?}");
}

#[test]
fn corridors_beyond_the_bound_are_one_of_their_country() {
    let mut desk = Desk::new(&[], "business", "");
    for host in 0..CORRIDORS_MAX + 20 {
        desk.send(1, &format!("a.{host}-example.com"), KILO);
    }
    assert_eq!(desk.account.len(), CORRIDORS_MAX + 1);
    assert_eq!(desk.account.refused, 0);
    let bytes: u64 = desk.account.corridors().map(|(.., one)| one.bytes).sum();
    assert_eq!(bytes, KILO * (CORRIDORS_MAX as u64 + 20));
}

#[test]
fn bytes_count_under_what_was_said_when_they_went_and_corridors_under_what_is_said_now() {
    let mut desk = Desk::new(&["cn-base", "us-dsp"], "sensitive_personal", CONTRACTS);
    desk.send(2, "good.example.com", 50 * MEGA);
    desk.send(1, "good.example.com", 5 * MEGA);
    let of = |desk: &mut Desk, verdict: Verdict| {
        let sums = desk.account.verdict_sums(&desk.policy);
        let [china, states] = &sums[..] else {
            panic!("{sums:?}")
        };
        assert_eq!((&*china.pack, &*states.pack), ("cn-base", "us-dsp"));
        // The law of the United States is not about exports of China.
        assert_eq!(states.bytes, [0; 8]);
        let place = Verdict::ALL.iter().position(|one| *one == verdict);
        (china.bytes[place.unwrap()], china.corridors[place.unwrap()])
    };
    assert_eq!(of(&mut desk, Verdict::Approved), (55 * MEGA, 2));
    // The quota is passed by the first of these two.
    desk.send(1, "good.example.com", 1);
    desk.send(1, "good.example.com", 7);
    assert_eq!(of(&mut desk, Verdict::Approved), (55 * MEGA + 1, 1));
    assert_eq!(of(&mut desk, Verdict::OverQuota), (7, 1));
    // A day later nothing was sent, and corridors are as they were.
    assert!(
        desk.account
            .close_day(&desk.policy, Tick(MORNING + 86_400))
            .is_some()
    );
    assert_eq!(of(&mut desk, Verdict::Approved), (55 * MEGA + 1, 1));
    // After 40 days they are forgotten, but not what they sent.
    for day in 2..=40 {
        let now = Tick(MORNING + day * 86_400);
        desk.account.close_day(&desk.policy, now);
    }
    assert_eq!(of(&mut desk, Verdict::Approved), (55 * MEGA + 1, 0));
    assert_eq!(of(&mut desk, Verdict::OverQuota), (7, 0));
}

#[test]
fn two_assets_that_are_one_have_the_bytes_of_both_and_the_approval_of_one() {
    let mut desk = Desk::new(&["cn-base"], "sensitive_personal", CONTRACTS);
    desk.send(1, "good.example.com", 3 * MEGA);
    desk.send(4, "good.example.com", 2 * MEGA);
    desk.send(4, "other.example.org", 7 * MEGA);
    assert_eq!(desk.verdict(1), Verdict::Approved);
    let [one, four] = [1, 4].map(|asset| AssetKey::of([10, 0, 0, asset].into()));
    desk.account.join(four, one);
    assert_eq!(desk.account.len(), 2);
    let mut bytes: Vec<_> = desk.account.corridors().map(|(.., c)| c.bytes).collect();
    bytes.sort_unstable();
    assert_eq!(bytes, [5 * MEGA, 7 * MEGA]);
    assert!(desk.account.corridors().all(|(.., c)| c.asset == "asset-1"));
    // The approval was not used by what 4 sent, which it did not cover.
    desk.send(1, "good.example.com", 2 * MEGA);
    assert_eq!(desk.verdict(1), Verdict::Approved);
    desk.send(1, "good.example.com", 1);
    assert_eq!(desk.verdict(1), Verdict::OverQuota);
    let rows = desk.account.close(&desk.policy, Tick(desk.now)).rows;
    let day: u64 = rows.iter().map(|(_, corridor)| corridor.day.bytes).sum();
    assert_eq!(day, 14 * MEGA + 1);
}
