//! What holds of any register.

use proptest::prelude::*;

use super::super::register::ends_after;
use super::super::standing::{Fit, order, standing};
use super::*;
use crate::inventory::Category;
use crate::policy::meters::Used;

/// All approvals looked at one after the other.
fn naive(approvals: &[Approval], claim: &Claim<'_>) -> Standing {
    let in_scope: Vec<&Approval> = approvals
        .iter()
        .filter(|it| it.terms.regime.as_str() == claim.regime)
        .filter(|it| {
            it.terms.scopes().any(|scope| match scope {
                Scope::Asset(name) => claim.asset == Some(name),
                Scope::Organisation(name) => claim.organisation == Some(name),
            })
        })
        .collect();
    let named = |it: &&&Approval| it.fit(&claim.recipient) <= Fit::InOtherCountry;
    let mut found: Vec<&Approval> = in_scope.iter().filter(named).copied().collect();
    if found.is_empty() {
        let mut last: Option<&Approval> = None;
        for one in in_scope {
            if last.is_none_or(|last| ends_after(one, last)) {
                last = Some(one);
            }
        }
        found.extend(last);
    }
    let mut judged: Vec<_> = found
        .into_iter()
        .map(|one| (one, one.judge(claim)))
        .collect();
    judged.sort_by(|one, other| order((one.0, &one.1), (other.0, &other.1)));
    standing(&judged)
}

/// Rows out of few words, so that many of them hit.
fn row() -> impl Strategy<Value = String> {
    let one = |all: &'static [&'static str]| prop::sample::select(all);
    let scope = one(&["A,,", "A,x,", "B,,", ",x;y,", ",y,", "B,x;y;z,"]);
    let quota = one(&[",,", "5,,day", ",5,month", "5,9,total", "0,,year"]);
    let dates = one(&[
        "2026-01-01,2026-12-31",
        "2025-01-01,2025-12-31",
        "2026-06-01,2027-06-01",
        "2027-01-01,2027-12-31",
    ]);
    let recipient = one(&[
        ",,,",
        ",,,SG",
        ",,,US",
        "p.com,,,",
        "*.p.com,,,",
        "p.com,,,SG",
        "a.p.com,,7,",
        "q.com,10.0.0.0/8,,",
        ",10.0.0.0/8,,",
        ",10.1.0.0/16,,US",
        ",10.1.2.3/32,7,",
        ",2001:db8::/32,,",
        ",,7,",
        ",,8,SG",
    ]);
    let start = (0..40_u32, one(&["cn", "us"]), one(&["contract", "licence"]));
    let rest = (one(&["", "health", "health;genomic"]), quota, dates);
    let end = (one(&["", "strong", "national"]), recipient);
    (start, scope, rest, end).prop_map(
        |((id, regime, route), scope, (about, quota, dates), end)| {
            let (protection, recipient) = end;
            format!(
                "i{id},{regime},{route},{scope}{about},{quota},{dates},{protection},{recipient}\n"
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_register_says_what_a_search_of_all_says(
        rows in prop::collection::vec(row(), 0..40),
        domain in prop::option::of(prop::sample::select(vec!["p.com", "a.p.com", "b.a.p.com",
            "q.com", "xp.com", "1.2.3.4.5.6.7.8.9.a.p.com", "", ".", "..p.com"])),
        address in prop::sample::select(vec!["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.1",
            "2001:db8::1", "2001:db9::1"]),
        asn in prop::sample::select(vec![0u32, 7, 8]),
        country in prop::sample::select(vec!["SG", "US", "ZZ"]),
        asset in prop::option::of(prop::sample::select(vec!["x", "y", "w"])),
        organisation in prop::option::of(prop::sample::select(vec!["A", "B", "C"])),
        categories in 0usize..3,
        month in 1i8..=12,
        used in (0u64..12, 0u64..12, 0u64..12),
        protection in prop::sample::select(Protection::ALL.to_vec()),
    ) {
        // Rows of one id add recipients, unless that is refused.
        let mut text = String::new();
        for row in rows {
            if table(&format!("{text}{row}")).is_ok() {
                text.push_str(&row);
            }
        }
        let approvals = table(&text).unwrap();
        let register = Register::new(approvals.clone()).unwrap();
        let about = [vec![], vec![Category::Health], vec![Category::Health, Category::Financial]];
        let mut usage = Usage::default();
        for period in Period::ALL {
            usage.set(period, Used { bytes: used.0, subjects: used.1, estimated_subjects: used.2 });
        }
        let claim = Claim {
            at: Date::new(2026, month, 15).unwrap(),
            regime: "cn",
            organisation,
            asset,
            recipient: Seen {
                domain,
                address: address.parse().unwrap(),
                asn,
                country: country.parse().unwrap(),
            },
            categories: Categories::from(about[categories].clone()),
            protection,
            used: &usage,
        };
        prop_assert_eq!(register.standing(&claim), naive(&approvals, &claim));
    }

    #[test]
    fn no_bytes_break_the_reading(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut after_header = HEADER.as_bytes().to_vec();
        after_header.extend(&bytes);
        let _ = Approval::read_table(&bytes, "a.csv");
        let _ = Approval::read_table(&after_header, "a.csv");
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = Approval::read_toml(text, "a.toml");
        }
    }

    #[test]
    fn no_cell_breaks_the_reading(
        cells in prop::collection::vec("[\\PC]{0,12}|cn|contract|2026-01-01|\\*\\.a\\.com|5", 16),
    ) {
        let quoted = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        let row = quoted.collect::<Vec<_>>().join(",") + "\n";
        if let Err(said) = table(&row) {
            prop_assert_eq!(said.line, 2);
            prop_assert_eq!(said.to_string().lines().count(), 1);
        }
    }

    #[test]
    fn patterns_fit_what_their_text_says(
        host in "[ab]{1,2}(\\.[ab]{1,2}){0,9}",
        pattern in "(\\*\\.)?[ab]{1,2}(\\.[ab]{1,2}){0,7}",
    ) {
        if let Ok(read) = DomainPattern::try_from(pattern.clone()) {
            prop_assert_eq!(&read.to_string(), &pattern);
            let expected = match pattern.strip_prefix("*.") {
                Some(below) => host.ends_with(&format!(".{below}")),
                None => host == pattern || host.ends_with(&format!(".{pattern}")),
            };
            prop_assert_eq!(read.fits(&host), expected);
        }
    }
}
