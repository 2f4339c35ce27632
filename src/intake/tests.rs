use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::config::Config;

pub(in crate::intake) static GEO: LazyLock<Geo> = LazyLock::new(|| {
    let config = Config::default();
    let site = &config.site;
    Geo::open(&config.geo, &site.networks, site.jurisdictions.0.clone()).unwrap()
});

fn read(bytes: &[u8], geo: &Geo) -> (Vec<Transfer>, Vec<BadLine>, u64) {
    let mut records = Records::new(bytes);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    while let Some(record) = records.next(geo).unwrap() {
        match record {
            Record::Transfer(transfer) => good.push(transfer),
            Record::Bad(line) => bad.push(line),
            Record::NoExport => {}
        }
    }
    (good, bad, records.unknown_bytes)
}

const FIELDS: &str = "#separator \\x09\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\
    \tproto\tduration\torig_bytes\tresp_bytes\n";

#[test]
fn a_connection_exports_what_its_home_side_sent_when_it_ends() {
    let text = format!(
        "{FIELDS}1000.5\t10.0.0.1\t4000\t8.8.8.8\t443\ttcp\t9.6\t700\t9\n\
         1001\t8.8.8.8\t5000\t10.0.0.2\t80\ttcp\t-\t7\t900\n\
         1002\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\t1\t5\t5\n\
         1003\t10.0.0.1\t1\t8.8.8.8\t2\tudp\t-\t-\t-\n"
    );
    let (good, bad, unknown) = read(text.as_bytes(), &GEO);
    assert_eq!((bad.len(), unknown), (0, 1));
    let told: Vec<_> = good
        .iter()
        .map(|one| (one.tick.0, one.bytes, one.served))
        .collect();
    assert_eq!(told, [(1010, 700, false), (1001, 900, true)]);
    assert_eq!(good[0].country.code(), "US");
    let json = r#"{"ts":1000.5,"id.orig_h":"10.0.0.1","id.orig_p":4000,"id.resp_h":"8.8.8.8",
        "id.resp_p":443,"proto":"tcp","duration":9.6,"orig_bytes":700,"resp_bytes":9}"#;
    let (same, bad, _) = read(json.replace('\n', "").as_bytes(), &GEO);
    assert_eq!((&same[..], bad.len()), (&good[..1], 0));
}

#[test]
fn a_bad_line_is_told_by_its_number_and_costs_no_other() {
    let long = "x".repeat(3 * LINE_BYTES_MAX);
    let text = format!(
        "time,asset,country,bytes,service\n2026-03-02T08:00:00Z,10.0.0.1,SG,5,web\n\
         never,10.0.0.1,SG,5,web\n{long}\n1772438400,10.0.0.1,XX9,5,web\n\
         1772438401,10.0.0.1,SG,-5,web\n1772438402,pc,SG,5,web\n1,2\n1772438400,10.0.0.1,SG,6,\n"
    );
    let (good, bad, _) = read(text.as_bytes(), &GEO);
    let lines: Vec<_> = bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    assert_eq!(good.iter().map(|one| one.bytes).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(good[0].tick, good[1].tick);
}

proptest! {
    #[test]
    fn no_line_panics(text in "(#fields\t|\\{|time,asset,country,bytes\n)?.{0,200}",
                      cells in prop::collection::vec("[-0-9.e]{0,12}|10.0.0.1|8.8.8.8|inf", 9)) {
        read(text.as_bytes(), &GEO);
        let line = format!("{FIELDS}{}\n", cells.join("\t"));
        read(line.as_bytes(), &GEO);
    }

    #[test]
    fn a_window_puts_in_order(ticks in prop::collection::vec(0u64..99, 0..200)) {
        let lines = ticks.iter().map(|tick| format!("{tick},10.0.0.1,SG,1\n"));
        let text = format!("time,asset,country,bytes\n{}", lines.collect::<String>());
        let mut window = Window::default();
        for transfer in read(text.as_bytes(), &GEO).0 {
            prop_assert_eq!(window.push(transfer), None);
        }
        let out: Vec<_> = std::iter::from_fn(|| window.pop()).map(|one| one.tick.0).collect();
        prop_assert!(out.is_sorted() && out.len() == ticks.len());
    }
}
