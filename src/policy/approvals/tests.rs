use proptest::prelude::*;

use super::register::ends_after;
use super::standing::{Fit, order, standing};
use super::*;
use crate::inventory::{Category, ListError};
use crate::policy::meters::{Unit, Usage, Used};

const HEADER: &str = "id,regime,route,organisation,assets,categories,maximum_subjects,\
maximum_bytes,period,valid_from,valid_to,protection,recipient_domain,recipient_prefix,\
recipient_asn,recipient_country\n";

fn table(rows: &str) -> Result<Vec<Approval>, ListError> {
    Approval::read_table(format!("{HEADER}{rows}").as_bytes(), "approvals.csv")
}

fn register(rows: &str) -> Register {
    Register::new(table(rows).unwrap()).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn term(text: &str) -> Term {
    Term::try_from(text.to_owned()).unwrap()
}

static NOTHING: std::sync::LazyLock<Usage> = std::sync::LazyLock::new(Usage::default);

fn claim<'a>() -> Claim<'a> {
    Claim {
        at: date("2026-06-01"),
        regime: "cn",
        organisation: Some("Acme"),
        asset: Some("pacs"),
        recipient: Seen {
            domain: Some("files.partner.com"),
            address: "192.0.2.7".parse().unwrap(),
            asn: 64_500,
            country: "SG".parse().unwrap(),
        },
        categories: Categories::NONE,
        protection: Protection::Strong,
        used: &NOTHING,
    }
}

fn approved(id: &str) -> Standing {
    Standing::Approved {
        ids: vec![term(id)],
        route: Route::Contract,
        is_protection_unproven: false,
    }
}

fn outside(id: &str, why: Vec<Why>) -> Standing {
    let id = term(id);
    Standing::OutsideScope { id, why }
}

/// An approval for Acme to partner.com in Singapore in 2026.
const PLAIN: &str = "a,cn,contract,Acme,,,,,,2026-01-01,2026-12-31,,partner.com,,,SG\n";

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
    for (bytes, subjects, over) in [
        (1_000, 100, None),
        (1_001, 100, Some((Unit::Bytes, 1_001, 1_000))),
        (1_001, 101, Some((Unit::Subjects, 101, 100))),
    ] {
        let mut usage = Usage::default();
        usage.set(Period::Month, Used { bytes, subjects });
        usage.set(
            Period::Year,
            Used {
                bytes: u64::MAX,
                subjects: u64::MAX,
            },
        );
        let now = Claim {
            used: &usage,
            ..claim()
        };
        let expected = over.map_or(approved("a"), |(unit, used, maximum)| Standing::OverQuota {
            id: term("a"),
            route: Route::Contract,
            used,
            maximum,
            unit,
            period: Period::Month,
        });
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
    let subjects = 0;
    usage.set(
        Period::Day,
        Used {
            bytes: 10,
            subjects,
        },
    );
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

/// The same in TOML.
const TOML: &str = r#"
[[approval]]
id = "x1"
regime = "cn"
route = "assessment"
filing_number = "国 7"
organisation = "Acme"
assets = ["pacs", "lab 2"]
categories = ["health", "genomic"]
maximum_subjects = 500000
maximum_bytes = 1_000_000_000
period = "year"
valid_from = 2026-01-01
valid_to = "2028-12-31"
protection = "national"
note = "so, it is"
recipients = [
  { name = "Partner", domain = "*.partner.com", prefix = "192.0.2.0/24", asn = 64500,
    country = "SG" },
  { name = "Other", country = "DE" },
]
"#;

#[test]
fn a_table_and_toml_say_the_same() {
    let of_table = Approval::read_table(
        b"id,regime,route,filing_number,organisation,assets,categories,maximum_subjects,\
maximum_bytes,period,valid_from,valid_to,protection,note,recipient_name,recipient_domain,\
recipient_prefix,recipient_asn,recipient_country\r\n\
x1,cn,assessment,\xe5\x9b\xbd 7,Acme,pacs;lab 2,health;genomic,500000,1000000000,year,\
2026-01-01,2028-12-31,national,\"so, it is\",Partner,*.Partner.com,192.0.2.9/24,64500,SG\r\n\
x1,,,,,,,,,,,,,,Other,,,,DE\r\n",
        "a.csv",
    )
    .unwrap();
    let of_toml = Approval::read_toml(TOML, "a.toml").unwrap();
    assert_eq!(of_table[0].terms, of_toml[0].terms);
    assert_eq!(of_table[0].recipients, of_toml[0].recipients);
    assert_eq!(
        (of_table.len(), of_table[0].line, of_toml[0].line),
        (1, 2, 3)
    );
    assert_eq!(of_table[0].recipients.len(), 2);
}

#[test]
fn complaints_of_toml_name_line_and_column() {
    for (from, to, expected) in [
        (
            "\"2028-12-31\"",
            "\"2025-12-31\"",
            "a.toml:14:12: valid_to: 2025-12-31 is before",
        ),
        (
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "a.toml:13:14: `2026-01-01T00:00:00Z` is not",
        ),
        (
            "\"2028-12-31\"",
            "7",
            "a.toml:14:12: invalid type: integer `7`, expected a date",
        ),
        (
            "period = \"year\"",
            "",
            "a.toml:3:6: period: a maximum needs a period",
        ),
        ("\"cn\"", "\"CN\"", "a.toml:4:10: `CN` is no regime"),
        ("asn = 64500", "asn = 0", "a.toml:18:"),
        (
            "country = \"DE\"",
            "",
            "a.toml:20:3: nothing tells the recipient",
        ),
        ("note =", "notes =", "a.toml:16:1: unknown field `notes`"),
        (
            "\"assessment\"",
            "\"scc\"",
            "a.toml:5:9: unknown variant `scc`",
        ),
    ] {
        assert!(TOML.contains(from));
        let said = Approval::read_toml(&TOML.replace(from, to), "a.toml");
        let said = said.unwrap_err().to_string();
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn complaints_of_tables_name_line_column_and_fix() {
    let dates = "2026-01-01,2026-12-31";
    for (rows, expected) in [
        (
            format!("a,cn,contract,,,,,,,{dates},,,,,\n"),
            "approvals.csv:2: column `organisation`: nobody may export by it: name",
        ),
        (
            format!("a,cn,contract,A,,,5,,,{dates},,,,,\n"),
            "approvals.csv:2: column `period`: a maximum needs a period",
        ),
        (
            format!("a,cn,contract,A,,,,,day,{dates},,,,,\n"),
            "approvals.csv:2: column `period`: a period needs a maximum",
        ),
        (
            "a,cn,contract,A,,,,,,2026-01-02,2026-01-01,,,,,\n".to_owned(),
            "approvals.csv:2: column `valid_to`: 2026-01-01 is before valid_from 2026-01-02: ex",
        ),
        (
            "a,cn,contract,A,,,,,,2026-1-2,2026-01-01,,,,,\n".to_owned(),
            "approvals.csv:2: column `valid_from`: `2026-1-2` is not a date: write it as 2026-",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,com,,,\n"),
            "approvals.csv:2: column `recipient_domain`: `com` is no domain here: anybody",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,*.co.uk,,,\n"),
            "approvals.csv:2: column `recipient_domain`: `*.co.uk` is no domain here: anybody",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,a.*.com,,,\n"),
            "approvals.csv:2: column `recipient_domain`: `a.*.com` is no domain here: write ex",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,10.0.0.1,,,\n"),
            "approvals.csv:2: column `recipient_domain`: `10.0.0.1` is no domain here: put add",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,例子.中国,,,\n"),
            "approvals.csv:2: column `recipient_domain`: `例子.中国` is no domain here: write w",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},weak,,,,\n"),
            "approvals.csv:2: column `protection`: `weak` is no required protection: write one",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,,,,SG\na,,,,,,,,,,,,,,,\n"),
            "approvals.csv:3: column `recipient_domain`: is empty, but the approval names",
        ),
        (
            format!("a,cn,contract,A,,,,,,{dates},,,,,\na,,,,,,,,,,,,,,,SG\n"),
            "approvals.csv:3: column `recipient_domain`: line 2 lets anybody receive",
        ),
    ] {
        let said = table(&rows).unwrap_err().to_string();
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let none = Approval::read_table(b"", "a.csv").unwrap_err().to_string();
    assert_eq!(
        none,
        "a.csv: no header: begin with the line id,regime,route,valid_from,valid_to"
    );
    assert_eq!(table("").unwrap(), []);
}

#[test]
fn rows_of_one_id_are_one_approval_unless_their_terms_differ() {
    let same = PLAIN.replace("partner.com", "second.com");
    let twice = format!("{PLAIN}{same}{PLAIN}a,,,,,,,,,,,,third.com,,,\n");
    let read = table(&twice).unwrap();
    assert_eq!((read.len(), read[0].recipients.len()), (1, 3));
    assert_eq!(read[0].repeated_lines, [4]);
    let other = PLAIN.replace("2026-12-31", "2027-12-31");
    let read = table(&format!("{PLAIN}{other}")).unwrap();
    assert_eq!((read.len(), read[1].line), (2, 3));
}

#[test]
fn bounds_are_told() {
    let start = "cn,contract,Acme,,,,,,2026-01-01,2026-12-31,";
    let rows: String = (0..=RECIPIENTS_MAX)
        .map(|number| format!("a,{start},h{number}.com,,,\n"))
        .collect();
    let said = table(&rows).unwrap_err().to_string();
    assert_eq!(
        said,
        "approvals.csv:258: column `id`: more than 256 recipients: write a second approval"
    );
    let rows: String = (0..=CANDIDATES_MAX)
        .map(|number| format!("a{number},{start},same.com,,,\n"))
        .collect();
    let said = Register::new(table(&rows).unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with("approvals.csv:258: more than 256 approvals of one"),
        "{said}"
    );
}

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
        used in (0u64..12, 0u64..12),
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
            usage.set(period, Used { bytes: used.0, subjects: used.1 });
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
