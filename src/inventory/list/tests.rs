use proptest::prelude::*;

use super::*;
use crate::inventory::{
    AssetConfig, AssetKey, Bindings, CELL_BYTES_MAX, Categories, Inventory, Station,
};

const FULL: &str = "\u{feff}name,addresses,mac,ceiling_bytes_per_hour,organisation,uscc,sector,\
zone,is_critical_infrastructure,categories,grade,scenario,owner,bytes_per_record_minimum,\
bytes_per_record_typical,home,vlan,is_inspected\r\n\
\"pacs, ward 2\",10.0.0.1;10.1.0.0/16,02:00:5e:10:00:01,5000,华山医院,91350100M000100Y43,health,\
Lingang,yes,health;biometric,important,trial,\"radiology \"\"IT\"\"\",2048,4096,SG,12,yes\r\n";

const SAME: &str = r#"
[[asset]]
name = "pacs, ward 2"
addresses = ["10.0.0.1", "10.1.0.0/16"]
mac = "02:00:5e:10:00:01"
ceiling_bytes_per_hour = 5000
organisation = "华山医院"
uscc = "91350100M000100Y43"
sector = "health"
zone = "Lingang"
is_critical_infrastructure = true
categories = ["health", "biometric"]
grade = "important"
scenario = "trial"
owner = 'radiology "IT"'
bytes_per_record = { minimum = 2048, typical = 4096 }
home = "SG"
vlan = 12
is_inspected = true
"#;

fn table(text: &str) -> Result<Vec<Listed>, ListError> {
    Listed::read_table(text.as_bytes(), "inventory.csv")
}

fn complaint(text: &str) -> String {
    table(text).unwrap_err().to_string()
}

/// What of an asset does not depend on where it is written.
fn essence(
    listed: &Listed,
) -> (
    String,
    Vec<String>,
    Option<String>,
    Option<NonZeroU64>,
    Declared,
) {
    let known = &listed.known;
    let addresses = known
        .addresses
        .iter()
        .map(|one| one.get_ref().0.to_string());
    (
        known.name.get_ref().as_str().to_owned(),
        addresses.collect(),
        known.mac.as_ref().map(|mac| mac.get_ref().0.to_string()),
        known.ceiling_bytes_per_hour,
        known.declared.clone(),
    )
}

#[test]
fn a_table_and_toml_say_the_same() {
    let of_table = table(FULL).unwrap();
    let of_toml = Listed::read_toml(SAME, "inventory.toml").unwrap();
    assert_eq!(essence(&of_table[0]), essence(&of_toml[0]));
    assert_eq!((of_table[0].line, of_toml[0].line), (2, 3));
    let declared = &of_table[0].known.declared;
    assert_eq!(declared.organisation.as_ref().unwrap().as_str(), "华山医院");
    assert_eq!(declared.categories.to_string(), "health;biometric");
    assert_eq!(declared.vlan.unwrap().number(), 12);
    assert!(declared.is_critical_infrastructure && declared.is_inspected);
    assert_eq!(
        declared.owner.as_ref().unwrap().as_str(),
        "radiology \"IT\""
    );
    assert_eq!(declared.home.unwrap().0.code(), "SG");
    // Each column of the table has done something.
    assert_eq!(
        FULL.lines()
            .next()
            .unwrap()
            .trim_start_matches('\u{feff}')
            .split(',')
            .count(),
        ASSET_COLUMNS.len()
    );
}

#[test]
fn a_configuration_takes_the_same_keys() {
    let text = SAME.replace("[[asset]]", "[[known]]");
    let config: AssetConfig = toml::from_str(&text).unwrap();
    config.check().unwrap();
    let listed = Listed::of_text(config.known, &text, "borderflow.toml");
    assert_eq!(essence(&listed[0]), essence(&table(FULL).unwrap()[0]));
    let wrong = SAME.replace("vlan = 12", "vlan = 4095");
    let said = Listed::read_toml(&wrong, "i.toml").unwrap_err().to_string();
    assert_eq!(
        said,
        "i.toml:18:8: 4095 is the number of no VLAN: use 1 to 4094"
    );
    let wrong = SAME.replace("scenario", "scenery");
    let said = Listed::read_toml(&wrong, "i.toml").unwrap_err().to_string();
    assert!(
        said.starts_with("i.toml:14:1: unknown field `scenery`"),
        "{said}"
    );
    let wrong = SAME.replace("Y43", "Y44");
    let said = Listed::read_toml(&wrong, "i.toml").unwrap_err().to_string();
    assert!(
        said.starts_with("i.toml:8:8: `91350100M000100Y44` is no social"),
        "{said}"
    );
}

/// Tables that are refused, and how the complaint begins.
const REFUSED: &[(&str, &str)] = &[
    ("", "inventory.csv: no header: begin with the line name"),
    ("\n\n", "inventory.csv: no header"),
    (
        "addresses\n",
        "inventory.csv:1: no column `name`: add it to the header",
    ),
    (
        "name,adresses\n",
        "inventory.csv:1: unknown column `adresses`: columns are name, add",
    ),
    (
        "name;addresses\n",
        "inventory.csv:1: unknown column `name;addresses`: put commas",
    ),
    (
        "name,name\n",
        "inventory.csv:1: column `name` stands twice: remove one",
    ),
    ("name,\n", "inventory.csv:1: unknown column ``"),
    (
        "name,vlan\na,1\nb,0\n",
        "inventory.csv:3: column `vlan`: 0 is the number of no VLAN",
    ),
    (
        "name,vlan\na,-1\n",
        "inventory.csv:2: column `vlan`: `-1` is no whole number in range",
    ),
    (
        "name,vlan\na,70000\n",
        "inventory.csv:2: column `vlan`: `70000` is no whole number",
    ),
    (
        "name,home\na,Singapore\n",
        "inventory.csv:2: column `home`: `Singapore` is not a c",
    ),
    (
        "name,grade\na,secret\n",
        "inventory.csv:2: column `grade`: `secret` is no grade: wri",
    ),
    (
        "name,categories\na,health;wealth\n",
        "inventory.csv:2: column `categories`: `wealth` is no category: write one of pers",
    ),
    (
        "name,addresses\na,10.0.0\n",
        "inventory.csv:2: column `addresses`: `10.0.0` is neit",
    ),
    (
        "name,addresses\n,10.0.0.1\n",
        "inventory.csv:2: column `name`: is empty: fill it",
    ),
    (
        "name,addresses\na\n",
        "inventory.csv:2: 1 cells where the header has 2",
    ),
    (
        "name,vlan\n\n\r\n\na,x\n",
        "inventory.csv:5: column `vlan`: `x`",
    ),
    (
        "name,owner\n\"a\nb\",c\n",
        "inventory.csv:2: column `name`: a line break or control",
    ),
    (
        "name,owner\na,\"b\nc,d\ne,f\n",
        "inventory.csv:2: column `owner`: a line break or con",
    ),
    (
        "name,bytes_per_record_minimum,bytes_per_record_typical\na,5,\n",
        "inventory.csv:2: column `bytes_per_record_typical`: is empty: fill it too",
    ),
    (
        "name,bytes_per_record_minimum,bytes_per_record_typical\na,5,4\n",
        "inventory.csv:2: column `bytes_per_record_typical`: typical 4 is less than minimum",
    ),
    (
        "name,ceiling_bytes_per_hour\na,0\n",
        "inventory.csv:2: column `ceiling_bytes_per_hour",
    ),
    (
        "name,is_critical_infrastructure\na,perhaps\n",
        "inventory.csv:2: column `is_critical",
    ),
];

#[test]
fn complaints_name_line_column_and_fix() {
    for (text, expected) in REFUSED {
        let said = complaint(text);
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let long = format!("name,owner\na,{}\n", "x".repeat(CELL_BYTES_MAX + 1));
    assert!(complaint(&long).contains(":2: column `owner`: longer than 1024 bytes"));
    let said = Listed::read_table(b"name,owner\na,b\nc,\xff\n", "i.csv").unwrap_err();
    assert_eq!(
        said.to_string(),
        "i.csv:3: column `owner`: not UTF-8: save the file as UTF-8"
    );
    let said = Listed::read_table(b"name,\xfe\n", "i.csv").unwrap_err();
    assert_eq!(
        said.to_string(),
        "i.csv:1: not UTF-8: save the file as UTF-8"
    );
}

#[test]
fn a_header_alone_is_an_inventory_of_nothing() {
    assert_eq!(table("name\r\n").unwrap(), []);
    assert_eq!(table("\u{feff}owner,name").unwrap(), []);
    assert_eq!(table("name,owner\n , \n,\n").unwrap(), []);
    assert_eq!(Listed::read_toml("", "i.toml").unwrap(), []);
}

#[test]
fn there_are_no_more_rows_than_the_bound() {
    let mut text = "name\n".to_owned();
    for number in 0..ROWS_MAX {
        text.push_str(&format!("a{number}\n"));
    }
    assert_eq!(table(&text).unwrap().len(), ROWS_MAX);
    text.push_str("one more\n");
    let said = complaint(&text);
    assert_eq!(
        said,
        "inventory.csv:200002: more than 200000 rows: split the list"
    );
}

#[test]
fn lists_are_held_against_each_other() {
    let config: AssetConfig =
        toml::from_str("[[known]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\n").unwrap();
    let mut all = Listed::of_text(config.known, "[[known]]\nname = \"a\"\n", "b.toml");
    let check = |all: &[Listed]| Listed::check(all, AssetBy::Auto).map_err(|it| it.to_string());
    assert_eq!(all[0].line, 2);
    all.extend(table("name,addresses,vlan\nb,10.0.0.1,7\nc,10.0.0.1,8\n").unwrap());
    assert_eq!(check(&all), Ok(()));
    all.extend(table("name,addresses\nd,10.0.0.2\ne,10.0.0.1\n").unwrap());
    let said = check(&all).unwrap_err();
    assert_eq!(said, "inventory.csv:3: 10.0.0.1/32 is `a`'s already");
    all.truncate(4);
    all.extend(table("name\nf\n").unwrap());
    assert_eq!(
        check(&all).unwrap_err(),
        "inventory.csv:2: `f` has neither addresses nor a mac nor a vlan"
    );
    all.truncate(4);
    all.extend(table("name,vlan\ng,9\nh,9\n").unwrap());
    let said = check(&all).unwrap_err();
    assert_eq!(said, "inventory.csv:3: VLAN 9 is `g`'s already");
    all.truncate(4);
    all.extend(table("name,vlan,mac\ni,9,02:00:00:00:00:01\n").unwrap());
    let said = check(&all).unwrap_err();
    assert!(
        said.starts_with("inventory.csv:2: `i` is told by its mac alone"),
        "{said}"
    );
}

#[test]
fn an_asset_is_told_by_vlan_and_prefix() {
    let all = table(
        "name,addresses,vlan,organisation\nany,10.0.0.0/8,,A\nseven,10.0.0.0/16,7,B\nnine,,9,C\n",
    )
    .unwrap();
    assert_eq!(Listed::check(&all, AssetBy::Auto), Ok(()));
    let inventory = Inventory::of(AssetBy::Auto, all.iter().map(|listed| &listed.known));
    let bindings = Bindings::default();
    let of = |vlan: Option<u16>, address: &str| {
        let (address, vlan) = (address.parse().unwrap(), Vlan::of_tag(vlan));
        let key = inventory.asset(&bindings, Station { address, vlan });
        let declared = inventory.declared(key);
        let organisation = declared.and_then(|declared| declared.organisation.clone());
        organisation.map(String::from).unwrap_or_default()
    };
    assert_eq!(of(Some(7), "10.0.0.1"), "B");
    assert_eq!(of(Some(7), "10.1.0.1"), "A");
    assert_eq!(of(Some(8), "10.0.0.1"), "A");
    assert_eq!(of(None, "10.0.0.1"), "A");
    assert_eq!(of(Some(7), "192.0.2.1"), "");
    assert_eq!(of(Some(9), "192.0.2.1"), "C");
    assert_eq!(of(Some(9), "fd00::1"), "C");
    assert_eq!(of(Some(9), "10.0.0.1"), "C");
    assert_eq!(inventory.declared(AssetKey::UNNAMED), None);
}

#[test]
fn files_are_read_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let [csv, toml, none] = ["a.csv", "a.toml", "none"].map(|name| folder.path().join(name));
    std::fs::write(&csv, FULL).unwrap();
    std::fs::write(&toml, SAME).unwrap();
    let [of_csv, of_toml] = [&csv, &toml].map(|path| Listed::read(path).unwrap());
    assert_eq!(essence(&of_csv[0]), essence(&of_toml[0]));
    assert!(
        Listed::read(&none)
            .unwrap_err()
            .to_string()
            .contains("none: ")
    );
    std::fs::write(&toml, b"[[asset]]\nname = \"\xff\"\n").unwrap();
    let said = Listed::read(&toml).unwrap_err().to_string();
    assert!(said.contains("a.toml:2: not UTF-8"), "{said}");
}

/// A cell in quotation marks (RFC 4180, section 2).
fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn what_is_written_to_a_table_is_read(
        name in "[a-z][ -~&&[^;]]{0,20}[a-z]",
        organisation in "[a-z\"',;#中=+@-]{1,40}",
        owner in proptest::option::of("[\\PC&&[^\\s]]{1,30}"),
        categories in prop::collection::vec(0..Category::ALL.len(), 0..6),
        ends in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let categories: Categories =
            categories.into_iter().map(|place| Category::ALL[place]).collect();
        let owner_cell = owner.clone().unwrap_or_default();
        let cells = [&name, &organisation, &owner_cell, &categories.to_string()];
        let cells = cells.map(|cell| quoted(cell)).join(",");
        let text = format!("name,organisation,owner,categories{ends}{cells}{ends}");
        let read = table(&text).unwrap();
        let (known, declared) = (&read[0].known, &read[0].known.declared);
        prop_assert_eq!(known.name.get_ref().as_str(), name);
        prop_assert_eq!(declared.organisation.clone().map(String::from), Some(organisation));
        prop_assert_eq!(declared.owner.clone().map(String::from), owner);
        prop_assert_eq!(declared.categories, categories);
    }

    #[test]
    fn no_bytes_break_the_reading(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut after_header = b"name,addresses,vlan,uscc\n".to_vec();
        after_header.extend(&bytes);
        for bytes in [bytes, after_header] {
            if let Err(said) = Listed::read_table(&bytes, "i.csv") {
                prop_assert!(said.to_string().lines().count() == 1);
            }
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_does(
        blanks in prop::collection::vec(0usize..4, 1..20),
        ends in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let mut text = format!("name{ends}");
        let (mut line, mut expected) = (1, Vec::new());
        for (number, blank) in blanks.into_iter().enumerate() {
            text.push_str(&ends.repeat(blank));
            text.push_str(&format!("a{number}{ends}"));
            line += blank + 1;
            expected.push(line);
        }
        let read: Vec<_> = table(&text).unwrap().iter().map(|listed| listed.line).collect();
        prop_assert_eq!(read, expected);
    }
}
