//! Texts that no author would write.

use proptest::prelude::*;

use super::*;

/// What a text is changed by.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize, usize),
    Insert(usize, String),
    Repeat(usize, usize),
    Swap(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 16));
    let piece = prop::sample::select(
        &[
            "\"",
            "[",
            "]",
            "{",
            "}",
            "=",
            "\n",
            "[[rule]]\n",
            "[pack]\n",
            "0",
            "-1",
            "9999-12-31",
            "-009999-01-01",
            "18446744073709551616",
            "é",
            "\u{feff}",
            "\0",
            "nan",
            "\"\"\"",
            "extends = [\"cn-base\"]\n",
            "suspends = []\n",
            ".",
            ",",
        ][..],
    );
    prop_oneof![
        (place(), 0..200usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (place(), piece).prop_map(|(at, piece)| Change::Insert(at, piece.to_owned())),
        (place(), 0..500usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (place(), place()).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for change in changes {
        let length = letters.len().max(1);
        match change {
            Change::Cut(at, of) => {
                let at = at % length;
                letters.drain(at.min(letters.len())..(at + of).min(letters.len()));
            }
            Change::Insert(at, piece) => {
                let at = (at % length).min(letters.len());
                letters.splice(at..at, piece.chars());
            }
            Change::Repeat(at, of) => {
                let at = (at % length).min(letters.len());
                let piece = letters[at..(at + of).min(letters.len())].to_vec();
                letters.splice(at..at, piece);
            }
            Change::Swap(one, other) if !letters.is_empty() => {
                letters.swap(one % length, other % length);
            }
            Change::Swap(..) => {}
        }
    }
    letters.into_iter().collect()
}

/// Reads it, and, if it can be read, does with it all that can be done.
fn use_up(text: &str) -> bool {
    let Ok(pack) = Pack::parse(text, "x.toml") else {
        return false;
    };
    examine(&pack);
    diff(&pack, &pack);
    let home = pack.home[0];
    for (to, at) in [
        ("US", 0),
        ("CN", u64::MAX),
        ("ZZ", 1_711_036_800_000_000_000),
    ] {
        let mut facts = facts(["CN", to], "2024-03-22", PERSONAL);
        facts.declared.home = home;
        facts.at = Timestamp::from_nanos(at);
        let judged = judge(&pack, &facts, persons(u64::MAX));
        judged.map(|judged| judged.sentence(Language::Zh));
    }
    for rule in &pack.rules {
        explain(&pack, rule.id.as_str(), Language::En).unwrap();
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_of_a_small_text_panics(changes in prop::collection::vec(change(), 0..3)) {
        use_up(&changed(texts::SMALL, &changes));
    }

    #[test]
    fn no_letters_panic(text in "(?s).{0,200}") {
        use_up(&text);
        use_up(&(texts::SMALL.to_owned() + &text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_change_of_a_shipped_text_panics(
        which in 0..EMBEDDED_PACKS.len(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        use_up(&changed(EMBEDDED_PACKS[which].1, &changes));
    }
}

#[test]
fn what_is_not_changed_can_be_read() {
    assert!(use_up(texts::SMALL));
}

#[test]
fn deep_and_wide_texts_are_refused() {
    let deep = format!(
        "{}x = {}1{}",
        texts::SMALL,
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    assert!(!use_up(&deep));
    assert!(!use_up(&"[a]\n".repeat(10)));
    assert!(matches!(
        Pack::parse(&"#".repeat(FILE_BYTES_MAX as usize + 1), "x.toml"),
        Err(PackError::TooLarge(_))
    ));
}
