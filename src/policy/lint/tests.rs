use proptest::prelude::*;

use super::*;

mod packs;

fn inventory(rows: &str) -> Vec<Listed> {
    let text = format!("name,addresses,vlan,organisation,grade\n{rows}");
    Listed::read_table(text.as_bytes(), "i.csv").unwrap()
}

const HEADER: &str = "id,regime,route,organisation,assets,categories,maximum_bytes,period,\
valid_from,valid_to,recipient_domain,recipient_prefix,recipient_asn,recipient_country\n";

fn register(rows: &str) -> Register {
    let text = format!("{HEADER}{rows}");
    Register::new(Approval::read_table(text.as_bytes(), "a.csv").unwrap()).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Remarks of a day in 2026, as `file:line severity sentence fix`.
fn remarks(assets: &str, approvals: &str) -> Vec<String> {
    let maxima = [ValidityMaximum {
        regime: "cn".to_owned(),
        route: Route::Assessment,
        months: 36,
    }];
    let (inventory, register) = (inventory(assets), register(approvals));
    let remarks = lint(&inventory, &register, date("2026-03-02"), &maxima);
    assert!(remarks.is_sorted());
    let lines = remarks.into_iter().map(|it| {
        let (file, line, severity) = (it.file, it.line, it.severity.name());
        format!("{file}:{line} {severity} {} {}", it.sentence, it.fix)
    });
    lines.collect()
}

const ASSET: &str = "nas,10.0.0.1,,Acme,\n";
const PLAIN: &str = "a,cn,contract,Acme,,,,,2026-01-01,2027-12-31,p.com,,,\n";

fn only(found: Vec<String>, expected: &str) {
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with(expected), "{}", found[0]);
}

#[test]
fn what_is_in_order_is_not_remarked() {
    assert_eq!(remarks(ASSET, PLAIN), [""; 0]);
    assert_eq!(remarks("", ""), [""; 0]);
    let apart = "a,10.0.0.0/8,,,\nb,10.0.0.0/8,7,,\nc,10.0.0.0/8,8,,\nd,fd00::/8,,,\n";
    assert_eq!(remarks(apart, ""), [""; 0]);
}

#[test]
fn overlapping_prefixes_are_remarked_with_the_nearest_around() {
    let found = remarks(
        "a,10.0.0.0/8,,,\nb,10.1.0.0/16;10.1.2.0/24,,,\nc,10.1.2.3,,,\n",
        "",
    );
    let expected = [
        "i.csv:3 warning 10.1.0.0/16 of `b` lies in 10.0.0.0/8 of `a` (i.csv:2).",
        "i.csv:4 warning 10.1.2.3/32 of `c` lies in 10.1.2.0/24 of `b` (i.csv:3).",
    ];
    assert_eq!(found.len(), 2, "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
    let same = remarks("a,10.0.0.0/8,,,\nb,10.0.0.0/8,,,\n", "");
    only(
        same,
        "i.csv:3 error 10.0.0.0/8 of `b` lies in 10.0.0.0/8 of `a`",
    );
}

#[test]
fn ends_of_approvals_are_remarked_in_steps() {
    let ending = |route: &str, last: &str| {
        let row = format!("a,cn,{route},Acme,,,,,2024-01-01,{last},p.com,,,\n");
        remarks(ASSET, &row)
    };
    only(
        ending("contract", "2026-03-01"),
        "a.csv:2 warning `a` has ended on 2026-03-01.",
    );
    only(
        ending("contract", "2026-03-02"),
        "a.csv:2 warning `a` ends on 2026-03-02, in 0 days",
    );
    only(
        ending("contract", "2026-04-01"),
        "a.csv:2 warning `a` ends on 2026-04-01, in 30 days",
    );
    only(
        ending("contract", "2026-04-02"),
        "a.csv:2 hint `a` ends on 2026-04-02, in 31 days",
    );
    let days = "in 84 days (60 working days). Apply for prolonging";
    only(
        ending("assessment", "2026-05-25"),
        &format!("a.csv:2 warning `a` ends on 2026-05-25, {days}"),
    );
    only(
        ending("assessment", "2026-05-26"),
        "a.csv:2 hint `a` ends on 2026-05-26, in 85 days",
    );
    only(
        ending("contract", "2026-05-31"),
        "a.csv:2 hint `a` ends on 2026-05-31, in 90 days",
    );
    assert_eq!(ending("contract", "2026-06-01"), [""; 0]);
}

#[test]
fn approvals_for_nothing_that_is_known_are_remarked_with_what_may_be_meant() {
    let row = |organisation: &str, assets: &str| {
        let row =
            format!("a,cn,contract,{organisation},{assets},,,,2026-01-01,2027-12-31,p.com,,,");
        remarks(
            "nas,10.0.0.1,,Acme Ltd,\nlab,10.0.0.2,,Other,\n",
            &format!("{row}\n"),
        )
    };
    only(
        row("ACME ltd", ""),
        "a.csv:2 warning `a` is for organisation `ACME ltd`, of which no asset is. \
         Write `Acme Ltd`,",
    );
    only(
        row("Nobody", ""),
        "a.csv:2 warning `a` is for organisation `Nobody`, of which no asset is. Declare",
    );
    only(
        row("", "N A S"),
        "a.csv:2 warning `a` is for asset `N A S`, which is not listed. Write",
    );
    only(
        row("", "tape"),
        "a.csv:2 warning `a` is for asset `tape`, which is not listed. List",
    );
    only(
        row("Acme Ltd", "lab"),
        "a.csv:2 warning `a` is of organisation `Acme Ltd`, and for asset `lab`, which is of \
         `Other`.",
    );
}

#[test]
fn important_data_without_an_approval_is_remarked() {
    let asset = |grade: &str| format!("nas,10.0.0.1,,Acme,{grade}\n");
    only(
        remarks(&asset("important"), ""),
        "i.csv:2 warning `nas` has important data, and no approval is valid for it.",
    );
    only(
        remarks(&asset("core"), ""),
        "i.csv:2 warning `nas` has core data",
    );
    assert_eq!(remarks(&asset("general"), ""), [""; 0]);
    assert_eq!(remarks(&asset("core"), PLAIN), [""; 0]);
    let later = PLAIN.replace("2026-01-01", "2026-03-03");
    only(
        remarks(&asset("core"), &later),
        "i.csv:2 warning `nas` has core data",
    );
    let other = PLAIN.replace("Acme,", ",nas");
    assert_eq!(remarks(&asset("core"), &other), [""; 0]);
}

#[test]
fn what_is_longer_than_the_law_allows_or_nothing_is_remarked() {
    let long = |last: &str| {
        remarks(
            ASSET,
            &format!("a,cn,assessment,Acme,,,,,2025-05-01,{last},p.com,,,\n"),
        )
    };
    assert_eq!(long("2028-04-30"), [""; 0]);
    only(
        long("2028-05-01"),
        "a.csv:2 error `a` is valid from 2025-05-01 to 2028-05-01, longer than the 36 months",
    );
    let none = PLAIN.replace(",,,2026", ",0,day,2026");
    only(
        remarks(ASSET, &none),
        "a.csv:2 warning `a` has a maximum_bytes of 0",
    );
    let anybody = PLAIN.replace("p.com", "");
    only(
        remarks(ASSET, &anybody),
        "a.csv:2 hint `a` names no recipient, and so covers every",
    );
}

#[test]
fn names_that_stand_twice_are_remarked() {
    let twice = "nas,10.0.0.1,,Acme,\nnas,10.0.0.2,,Acme,\nnas,10.0.0.3,,ACME,\n";
    let found = remarks(twice, PLAIN);
    let expected = [
        "i.csv:3 error `nas` is listed twice, at i.csv:2 too.",
        "i.csv:4 error `nas` is the name of another asset at i.csv:2.",
        "i.csv:4 warning Organisation `ACME` differs from `Acme` (i.csv:2) in case",
    ];
    assert_eq!(found.len(), 3, "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
    only(
        remarks(ASSET, &format!("{PLAIN}{PLAIN}")),
        "a.csv:3 warning `a` has this recipient already. Remove",
    );
    let other = PLAIN.replace("2027-12-31", "2027-12-30");
    only(
        remarks(ASSET, &format!("{PLAIN}{other}")),
        "a.csv:3 error `a` contradicts `a` at a.csv:2: the terms differ.",
    );
}

#[test]
fn recipients_in_common_are_remarked_once() {
    let row = |id: &str, quota: &str, dates: &str, recipient: &str| {
        format!("{id},cn,contract,Acme,,,{quota},{dates},{recipient}\n")
    };
    let (now, later) = ("2026-01-01,2027-12-31", "2028-01-01,2028-12-31");
    let first = row("a", ",", now, "p.com,,,");
    let with = |second: String| remarks(ASSET, &format!("{first}{second}"));
    only(
        with(row("b", "5,day", now, "p.com,,,")),
        "a.csv:3 warning `b` covers the same as `a` (a.csv:2), with another quota.",
    );
    let common = "a.csv:3 hint `b` has a recipient in common with `a` (a.csv:2) at the same time.";
    only(with(row("b", ",", now, "p.com,,,")), common);
    only(with(row("b", ",", now, "*.x.p.com,,,")), common);
    assert_eq!(with(row("b", ",", later, "p.com,,,")), [""; 0]);
    assert_eq!(with(row("b", ",", now, "q.com,,,")), [""; 0]);
    let in_country = |country: &str| row("b", ",", now, &format!("p.com,,,{country}"));
    only(with(in_country("SG")), common);
    let both = format!("{}{}", row("a", ",", now, "p.com,,,US"), in_country("SG"));
    assert_eq!(remarks(ASSET, &both), [""; 0], "nobody is in two countries");
    let prefixes = ["10.0.0.0/8", "10.1.0.0/16"].map(|prefix| format!(",{prefix},,"));
    let both = [
        row("a", ",", now, &prefixes[1]),
        row("b", ",", now, &prefixes[0]),
    ]
    .concat();
    only(remarks(ASSET, &both), common);
    let apart = both.replace("10.0.0.0/8", "11.0.0.0/8");
    assert_eq!(remarks(ASSET, &apart), [""; 0]);
    let other_scope = both.replacen("Acme,", ",nas", 1);
    assert_eq!(remarks(ASSET, &other_scope), [""; 0]);
}

#[test]
fn of_many_remarks_the_first_are_told() {
    let rows: String = (0..REMARKS_MAX + 5)
        .map(|number| {
            let dates = "2025-01-01,2025-12-31";
            format!("a{number},cn,contract,Acme,,,,,{dates},h{number}.com,,,\n")
        })
        .collect();
    let found = remarks(ASSET, &rows);
    assert_eq!(found.len(), REMARKS_MAX + 1);
    let last = found.last().unwrap();
    assert!(
        last.starts_with("a.csv:1002 warning 5 more remarks of this kind begin here."),
        "{last}"
    );
}

proptest! {
    /// The sweep finds of each prefix what a search of all pairs finds.
    #[test]
    fn overlaps_agree_with_a_search_of_all_pairs(
        prefixes in prop::collection::vec((any::<u32>(), 0u8..=32, 0u8..2), 1..25),
    ) {
        let prefixes: std::collections::BTreeSet<(ipnet::Ipv4Net, u8)> = prefixes
            .into_iter()
            .map(|(bits, length, vlan)| {
                let address = (bits & 0xc000_0103).into();
                (ipnet::Ipv4Net::new(address, length).unwrap().trunc(), vlan)
            })
            .collect();
        let rows: String = prefixes
            .iter()
            .enumerate()
            .map(|(number, (prefix, vlan))| {
                let vlan = if *vlan == 0 { "" } else { "5" };
                format!("a{number},{prefix},{vlan},,\n")
            })
            .collect();
        let expected = prefixes.iter().filter(|(prefix, vlan)| {
            let is_around = |(other, other_vlan): &&(ipnet::Ipv4Net, u8)| {
                other_vlan == vlan && other != prefix && other.contains(prefix)
            };
            prefixes.iter().any(|other| is_around(&other))
        });
        prop_assert_eq!(remarks(&rows, "").len(), expected.count());
    }

    #[test]
    fn remarks_do_not_depend_on_chance(order in any::<bool>()) {
        let rows: String = (0..30)
            .map(|number| {
                let (id, host) = (number % 7, number % 5);
                let dates = "2026-01-01,2027-12-31";
                format!("a{id},cn,contract,Acme,,,{number},day,{dates},h{host}.com,,,\n")
            })
            .collect();
        let assets = if order { ASSET } else { "" };
        prop_assert_eq!(remarks(assets, &rows), remarks(assets, &rows));
    }
}
