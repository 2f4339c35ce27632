//! How approvals stand to what was seen.

use super::*;
use crate::inventory::Category;
use crate::policy::meters::{Unit, Used};

#[test]
fn what_was_filed_covers_what_was_seen_or_it_is_said_why_not() {
    let register = register(PLAIN);
    let is = |claim: &Claim<'_>| register.standing(claim);
    assert_eq!(is(&claim()), approved("a"));
    let other = |change: &dyn Fn(&mut Claim<'_>)| {
        let mut claim = claim();
        change(&mut claim);
        is(&claim)
    };
    assert_eq!(other(&|it| it.regime = "us"), Standing::Unregistered);
    assert_eq!(
        other(&|it| it.organisation = Some("acme")),
        Standing::Unregistered
    );
    assert_eq!(other(&|it| it.organisation = None), Standing::Unregistered);
    let last = date("2026-12-31");
    assert_eq!(other(&|it| it.at = last), approved("a"));
    assert_eq!(other(&|it| it.at = date("2026-01-01")), approved("a"));
    let expired = outside("a", vec![Why::Expired { on: last }]);
    assert_eq!(other(&|it| it.at = date("2027-01-01")), expired);
    let from = date("2026-01-01");
    let early = outside("a", vec![Why::NotYetValid { from }]);
    assert_eq!(other(&|it| it.at = date("2025-12-31")), early);
    let country = outside("a", vec![Why::OtherCountry]);
    assert_eq!(
        other(&|it| it.recipient.country = "US".parse().unwrap()),
        country
    );
    assert_eq!(
        other(&|it| it.recipient.country = Country::UNKNOWN),
        country
    );
    let somebody = outside("a", vec![Why::OtherRecipient]);
    assert_eq!(
        other(&|it| it.recipient.domain = Some("notpartner.com")),
        somebody
    );
    assert_eq!(other(&|it| it.recipient.domain = None), somebody);
    assert_eq!(
        other(&|it| it.recipient.domain = Some("PARTNER.com.")),
        approved("a")
    );
}

#[test]
fn categories_protection_and_quotas_count() {
    let rows = "a,cn,contract,Acme,,health;personal,100,1000,month,2026-01-01,2026-12-31,\
                strong,partner.com,,,\n";
    let register = register(rows);
    let mut now = claim();
    now.categories = Categories::from(vec![Category::Health]);
    assert_eq!(register.standing(&now), approved("a"));
    now.categories.insert(Category::Genomic);
    now.protection = Protection::Standard;
    let seen = Protection::Standard;
    let required = Required::Strong;
    let below = Why::ProtectionBelow { required, seen };
    let why = vec![Why::OtherCategory, below];
    assert_eq!(register.standing(&now), outside("a", why));
    let mut now = claim();
    for unseen in [Protection::Unseen, Protection::Opaque] {
        now.protection = unseen;
        let standing = register.standing(&now);
        assert!(
            matches!(
                standing,
                Standing::Approved {
                    is_protection_unproven: true,
                    ..
                }
            ),
            "{standing:?}"
        );
    }
    for (bytes, subjects, estimated_subjects, over) in [
        (1_000, 100, 100, None),
        (1_001, 100, 101, Some((Unit::Bytes, 1_001, 1_000, false))),
        (1_001, 101, 101, Some((Unit::Subjects, 101, 100, false))),
        (1_000, 100, 101, Some((Unit::Subjects, 101, 100, true))),
    ] {
        let mut usage = Usage::default();
        let used = Used {
            bytes,
            subjects,
            estimated_subjects,
        };
        usage.set(Period::Month, used);
        usage.set(
            Period::Year,
            Used {
                bytes: u64::MAX,
                subjects: u64::MAX,
                estimated_subjects: u64::MAX,
            },
        );
        let now = Claim {
            used: &usage,
            ..claim()
        };
        let over = over.map(|(unit, used, maximum, is_estimated)| Standing::OverQuota {
            id: term("a"),
            route: Route::Contract,
            used,
            maximum,
            unit,
            period: Period::Month,
            is_estimated,
        });
        let expected = over.unwrap_or(approved("a"));
        assert_eq!(register.standing(&now), expected);
    }
}

#[test]
fn the_best_of_several_is_told() {
    let dates = "2026-01-01,2026-12-31";
    let with = |rows: &[String]| register(&rows.concat());
    let over = format!("b,cn,contract,Acme,,,,0,day,{dates},,partner.com,,,\n");
    let over_less = format!("c,cn,contract,Acme,,,,9,day,{dates},,partner.com,,,\n");
    let old = "d,cn,contract,Acme,,,,,,2025-01-01,2025-12-31,,partner.com,,,\n".to_owned();
    let elsewhere = format!("e,cn,contract,Acme,,,,,,{dates},,partner.com,,,US\n");
    let others = format!("f,cn,contract,Acme,,,,,,{dates},,nobody.com,,,\n");
    let for_asset = format!("z,cn,licence,,pacs,,,,,{dates},,,192.0.2.0/24,,\n");
    let mut usage = Usage::default();
    let used = Used {
        bytes: 10,
        ..Used::default()
    };
    usage.set(Period::Day, used);
    let now = Claim {
        used: &usage,
        ..claim()
    };
    let id = |register: &Register| match register.standing(&now) {
        Standing::Unregistered => String::new(),
        Standing::Approved { ids, .. } => ids.into_iter().map(String::from).collect(),
        Standing::OverQuota { id, .. } | Standing::OutsideScope { id, .. } => id.into(),
    };
    let all = [
        others,
        elsewhere,
        old,
        over,
        over_less,
        PLAIN.to_owned(),
        for_asset,
    ];
    for (count, expected) in [
        (0, ""),
        (1, "f"),
        (2, "e"),
        (3, "d"),
        (4, "b"),
        (5, "c"),
        (6, "a"),
        (7, "za"),
    ] {
        assert_eq!(id(&with(&all[..count])), expected, "{count}");
        let mut reversed = all[..count].to_vec();
        reversed.reverse();
        assert_eq!(id(&with(&reversed)), expected, "{count} reversed");
    }
}

#[test]
fn all_of_a_recipient_must_be_seen_and_recipients_are_alternatives() {
    let start = "cn,contract,Acme,,,,,,2026-01-01,2026-12-31,";
    let of = |recipients: &[&str]| {
        let rows = recipients.iter().map(|one| format!("a,{start},{one}\n"));
        register(&rows.collect::<String>()).standing(&claim())
    };
    let is_covered = |recipients: &[&str]| of(recipients) == approved("a");
    assert!(is_covered(&["partner.com,192.0.2.0/24,64500,SG"]));
    assert!(!is_covered(&["partner.com,192.0.2.0/24,64501,SG"]));
    assert!(!is_covered(&["partner.com,198.51.100.0/24,64500,SG"]));
    assert!(is_covered(&["other.com,,,", ",,64500,"]));
    assert!(is_covered(&[",::ffff:192.0.2.0/120,,"]));
    assert!(is_covered(&["*.partner.com,,,"]));
    assert!(is_covered(&["files.partner.com,,,"]));
    assert!(!is_covered(&["*.files.partner.com,,,"]));
    assert!(is_covered(&[",,,SG"]));
    assert_eq!(of(&[",,,US"]), outside("a", vec![Why::OtherCountry]));
    assert!(is_covered(&[",,,"]), "nobody is named");
    let mapped = Claim {
        recipient: Seen {
            address: "::ffff:192.0.2.7".parse().unwrap(),
            ..claim().recipient
        },
        ..claim()
    };
    let register = register(&format!("a,{start},,192.0.2.0/24,,\n"));
    assert_eq!(register.standing(&mapped), approved("a"));
}

#[test]
fn protection_is_met_or_not_or_unknown() {
    use Protection as P;
    for (required, met) in [
        (
            Required::Standard,
            vec![P::Standard, P::Strong, P::PostQuantum, P::National],
        ),
        (Required::Strong, vec![P::Strong, P::PostQuantum]),
        (Required::PostQuantum, vec![P::PostQuantum]),
        (Required::National, vec![P::National]),
    ] {
        for seen in P::ALL {
            let is_known = !matches!(seen, P::Unseen | P::Opaque);
            let expected = is_known.then_some(met.contains(&seen));
            assert_eq!(required.is_met(seen), expected, "{required:?} {seen:?}");
        }
    }
}
