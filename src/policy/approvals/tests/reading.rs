//! Tables and TOML, and complaints of them.

use super::*;

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
