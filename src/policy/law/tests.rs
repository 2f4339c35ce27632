//! Packs as they are shipped, and what they say.

use std::sync::LazyLock;

use super::*;
use crate::geo::Country;
use crate::inventory::{Category, Grade, Route};
use crate::time::{Tick, Timestamp};

mod hostile;
mod law;
mod order;
mod texts;

/// A pack, read once.
pub(super) fn pack(id: &str) -> &'static Pack {
    static ALL: LazyLock<Vec<Pack>> =
        LazyLock::new(|| Pack::all_embedded().unwrap_or_else(|error| panic!("{error}")));
    ALL.iter().find(|pack| pack.id == id).unwrap()
}

pub(super) fn country(code: &str) -> Country {
    code.parse().unwrap()
}

pub(super) fn moment(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_nanos(moment.as_nanosecond().try_into().unwrap())
}

/// Something declared that goes from one country to another at noon in UTC+8.
pub(super) fn facts<'a>(route: [&str; 2], day: &str, categories: &'a [Category]) -> Facts<'a> {
    Facts {
        at: moment(&format!("{day}T12:00:00+08:00")),
        declared: Declared {
            home: country(route[0]),
            categories,
            grade: Grade::General,
            zone: None,
            sector: None,
            scenario: None,
            is_critical_infrastructure: false,
            is_declared: true,
        },
        seen: &[],
        destination: country(route[1]),
        recipient: Recipient::Undeclared,
        standing: Standing::Unregistered,
        reached: Rungs::up_to(Rung::E1),
        first_export: None,
    }
}

/// So many persons, however one asks.
pub(super) fn persons(observed: u64) -> impl Fn(&Question<'_>) -> Amount {
    move |question| Amount {
        observed: if question.unit == Unit::Persons {
            observed
        } else {
            0
        },
        estimated: None,
    }
}

pub(super) fn verdict(id: &str, facts: &Facts<'_>, observed: u64) -> Verdict {
    judge(pack(id), facts, persons(observed)).unwrap().verdict
}

pub(super) fn rule_of(id: &str, facts: &Facts<'_>, observed: u64) -> Option<String> {
    let judged = judge(pack(id), facts, persons(observed)).unwrap();
    judged.rule.map(|rule| rule.id.to_string())
}

pub(super) const PERSONAL: &[Category] = &[Category::Personal];
pub(super) const HEALTH: &[Category] = &[Category::Health];
pub(super) const APPROVED_CONTRACT: Standing<'_> = Standing::Approved {
    id: "a1",
    routes: &[Route::Contract],
};

#[test]
fn packs_are_read_and_are_drafts() {
    for (id, text) in EMBEDDED_PACKS {
        let pack = pack(id);
        assert_eq!(pack.id, *id);
        assert_eq!(pack.status, PackStatus::Draft, "{id}");
        assert!(!text.contains(concat!("compl", "iant")), "{id}");
        for rule in &pack.rules {
            assert!(
                rule.text.en.ends_with('.') && rule.text.zh.ends_with('。'),
                "{}",
                rule.id
            );
            assert!(
                rule.text.en.is_ascii() && !rule.text.zh.is_ascii(),
                "{}",
                rule.id
            );
        }
    }
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/policy");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let mut files: Vec<String> = files
        .map(|name| name.into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    files.sort();
    let built_in: Vec<String> = EMBEDDED_PACKS
        .iter()
        .map(|(id, _)| format!("{id}.toml"))
        .collect();
    assert_eq!(files, built_in);
}

#[test]
fn every_rule_does_what_its_tests_say_and_has_both_kinds() {
    let failures: Vec<String> = EMBEDDED_PACKS
        .iter()
        .flat_map(|(id, _)| examine(pack(id)).into_iter().map(move |one| (id, one)))
        .map(|(id, one)| format!("{id}: {} test {:?}: {}", one.rule, one.test, one.message))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_rule_without_a_test_of_each_kind_and_a_wrong_test_are_told() {
    let text = texts::SMALL.replace("test = [", "test = [ # ");
    let text = text.replace("expect = \"silent\"", "expect = \"applies\"");
    let failures = examine(&Pack::parse(&text, "x.toml").unwrap());
    let messages: Vec<&str> = failures.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "no test in which it does not apply",
            "applies was expected, it is silent"
        ]
    );
    assert_eq!(failures[1].test, Some(1));
    let none = texts::SMALL.split("test = [").next().unwrap();
    assert_eq!(examine(&Pack::parse(none, "x.toml").unwrap()).len(), 2);
}

#[test]
fn windows_begin_where_the_law_says() {
    let day = |text: &str| Day::try_from(text.to_owned()).unwrap().0;
    let first = |window: Window, of| window.first_day(day(of)).map(|day| day.to_string());
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(
        first(Window::CalendarYear, "2024-12-31"),
        said("2024-01-01")
    );
    assert_eq!(
        first(Window::SincePreviousJanuary, "2024-01-01"),
        said("2023-01-01")
    );
    assert_eq!(
        first(Window::Rolling12Months, "2025-04-08"),
        said("2024-04-09")
    );
    assert_eq!(
        first(Window::Rolling12Months, "2024-02-28"),
        said("2023-02-28")
    );
    assert_eq!(
        first(Window::Rolling12Months, "2024-02-29"),
        said("2023-03-01")
    );
    assert_eq!(first(Window::Event, "2025-04-08"), None);
    let china = pack("cn-base");
    let year = china.start_of(day("2024-01-01"));
    assert_eq!(year.tick().to_string(), "2023-12-31T16:00:00Z");
    assert_eq!(china.day(year).to_string(), "2024-01-01");
    assert_eq!(
        china.day(Tick(year.tick().0 - 1).start()).to_string(),
        "2023-12-31"
    );
}

#[test]
fn rungs_are_a_set() {
    let reached: Rungs = [Rung::E0, Rung::E1, Rung::E6].into_iter().collect();
    assert_eq!(reached.highest(), Some(Rung::E6));
    let missing: Vec<Rung> = Rungs::up_to(Rung::E6).without(reached).iter().collect();
    assert_eq!(missing, [Rung::E2, Rung::E3, Rung::E4, Rung::E5]);
    assert_eq!(Rungs::default().highest(), None);
}
